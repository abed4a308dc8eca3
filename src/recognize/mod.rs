//! Recognising: finding the mentions of a segmented note.

mod exclude;
mod extend;
mod labels;
mod lexicon;
mod model;
mod overlap;

pub use lexicon::LexiconRecognizer;
pub(crate) use lexicon::RecognizerTables;
pub use model::ModelRecognizer;
pub(crate) use overlap::merge;
