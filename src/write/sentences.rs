//! The table `sentences`: how each note was cut, for training recognisers and for counting what was said where.

use std::sync::Arc;

use arrow_array::builder::{StringBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};

use super::code_points::CodePoints;
use super::{Names, count, optional_text, segment_hash, text};
use crate::{Document, Error, Result};

/// The schema of `sentences`; offsets are code points.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("note_id"),
        count("sentence"),
        count("start"),
        count("end"),
        optional_text("section"),
        text("segment_hash"),
    ]))
}

/// Collects rows of `sentences`.
#[derive(Default)]
pub(crate) struct SentenceRows {
    note_id: StringBuilder,
    sentence: UInt32Builder,
    start: UInt32Builder,
    end: UInt32Builder,
    section: StringBuilder,
    segment_hash: StringBuilder,
}

impl SentenceRows {
    /// Adds the sentences of a note.
    pub fn push(&mut self, document: &Document, names: &impl Names) {
        let points = CodePoints::of(document.text());
        let mut hash = String::new();
        for (index, sentence) in document.sentences().iter().enumerate() {
            self.note_id.append_value(&document.note().meta.id);
            self.sentence.append_value(index as u32);
            self.start.append_value(points.before(sentence.span.start()));
            self.end.append_value(points.before(sentence.span.end()));
            let section = document.section_of(sentence);
            self.section.append_option(section.map(|section| names.section(section.kind)));
            segment_hash(sentence.span.of(document.text()), names, &mut hash);
            self.segment_hash.append_value(&hash);
        }
    }

    /// The rows collected, as a batch of [`schema`].
    pub fn finish(mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.note_id.finish()),
            Arc::new(self.sentence.finish()),
            Arc::new(self.start.finish()),
            Arc::new(self.end.finish()),
            Arc::new(self.section.finish()),
            Arc::new(self.segment_hash.finish()),
        ];
        RecordBatch::try_new(schema, columns).map_err(|error| Error::internal(format!("rows of sentences: {error}")))
    }
}
