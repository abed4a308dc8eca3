//! The table `texts`: the notes' texts, for sources that cannot be read again.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};

use super::text;
use crate::{Error, Note, Result};

/// The schema of `texts`.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![text("note_id"), text("text")]))
}

/// Collects rows of `texts`.
#[derive(Default)]
pub(crate) struct TextRows {
    note_id: StringBuilder,
    text: StringBuilder,
}

impl TextRows {
    /// Adds a note's text.
    pub fn push(&mut self, note: &Note) {
        self.note_id.append_value(&note.meta.id);
        self.text.append_value(&note.text);
    }

    /// The rows collected, as a batch of [`schema`].
    pub fn finish(mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![Arc::new(self.note_id.finish()), Arc::new(self.text.finish())];
        RecordBatch::try_new(schema, columns).map_err(|error| Error::internal(format!("rows of texts: {error}")))
    }
}
