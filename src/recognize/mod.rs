//! Recognising: finding the mentions of a segmented note.

mod exclude;
mod extend;
mod lexicon;

pub use lexicon::LexiconRecognizer;
pub(crate) use lexicon::RecognizerTables;
