//! Recognising: finding the mentions of a segmented note.

mod extend;
mod lexicon;

pub use lexicon::LexiconRecognizer;
