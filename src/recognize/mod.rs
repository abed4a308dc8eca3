//! Recognising: finding the mentions of a segmented note.

mod definitions;
mod embedded;
mod exclude;
mod extend;
mod inputs;
mod kept;
mod labels;
mod lexicon;
mod model;
mod overlap;
mod senses;
mod word_pieces;

pub(crate) use definitions::Definitions;
pub(crate) use kept::{Effort, ReadingStore, Turn};
pub use lexicon::LexiconRecognizer;
pub(crate) use lexicon::RecognizerTables;
pub use model::ModelRecognizer;
pub(crate) use model::{Reading, Readings};
pub(crate) use overlap::merge;
