//! What the pipeline knows of a note when it is done with it.

use crate::{Assertion, Document, Fact, Measurement, Mention};

/// A mention with its assertion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Annotation {
    /// The mention.
    pub mention: Mention,
    /// Its assertion.
    pub assertion: Assertion,
}

/// A segmented note with its annotations, sorted by span.
#[derive(Clone, Debug)]
pub struct AnnotatedNote {
    /// The segmented note.
    pub document: Document,
    /// Its annotations, in text order, none overlapping another.
    pub annotations: Vec<Annotation>,
    /// The values it states, in text order.
    pub measurements: Vec<Measurement>,
    /// Its facts, in text order; they may overlap annotations.
    pub facts: Vec<Fact>,
}
