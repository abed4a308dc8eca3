//! The table `notes`: one row per input note, also the empty and the rejected ones.

use std::sync::Arc;

use arrow_array::builder::{StringBuilder, TimestampMicrosecondBuilder, UInt32Builder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::code_points::CodePoints;
use super::{Names, count, optional_text, optional_time, text, text_hash};
use crate::annotation::AnnotatedNote;
use crate::note::{NoteMeta, Origin, TextEncoding};
use crate::{Error, Result};

/// How a note ended.
pub(crate) enum NoteOutcome<'a> {
    /// Annotated, with how its text was read.
    Annotated(&'a AnnotatedNote, TextEncoding),
    /// It had no text.
    Empty,
    /// It was rejected, for this reason.
    Rejected(&'a str),
}

const FIXED: [&str; 20] = [
    "note_id",
    "patient_id",
    "encounter_id",
    "note_time",
    "note_type",
    "author",
    "status",
    "reason",
    "encoding",
    "characters",
    "sentences",
    "mentions",
    "measurements",
    "facts",
    "sections",
    "text_hash",
    "input",
    "record",
    "line",
    "byte_start",
];

/// The schema of `notes`; a kept column whose name is taken is written as `input_NAME`.
pub(crate) fn schema(kept: &[String]) -> SchemaRef {
    let large = |name: &str, nullable| Field::new(name, DataType::UInt64, nullable);
    let mut fields = vec![
        text("note_id"),
        optional_text("patient_id"),
        optional_text("encounter_id"),
        optional_time("note_time"),
        optional_text("note_type"),
        optional_text("author"),
    ];
    fields.extend(kept.iter().map(|name| {
        let taken = FIXED.contains(&name.as_str()) || name == "byte_end";
        optional_text(&if taken { format!("input_{name}") } else { name.clone() })
    }));
    fields.extend([
        text("status"),
        optional_text("reason"),
        optional_text("encoding"),
        count("characters"),
        count("sentences"),
        count("mentions"),
        count("measurements"),
        count("facts"),
        optional_text("sections"),
        optional_text("text_hash"),
        text("input"),
        large("record", false),
        large("line", true),
        large("byte_start", true),
        large("byte_end", true),
    ]);
    Arc::new(Schema::new(fields))
}

/// Collects rows of `notes`; one builder a column.
#[derive(Default)]
pub(crate) struct NoteRows {
    note_id: StringBuilder,
    patient_id: StringBuilder,
    encounter_id: StringBuilder,
    note_time: TimestampMicrosecondBuilder,
    note_type: StringBuilder,
    author: StringBuilder,
    kept: Vec<StringBuilder>,
    status: StringBuilder,
    reason: StringBuilder,
    encoding: StringBuilder,
    characters: UInt32Builder,
    sentences: UInt32Builder,
    mentions: UInt32Builder,
    measurements: UInt32Builder,
    facts: UInt32Builder,
    sections: StringBuilder,
    text_hash: StringBuilder,
    input: StringBuilder,
    record: UInt64Builder,
    line: UInt64Builder,
    byte_start: UInt64Builder,
    byte_end: UInt64Builder,
}

impl NoteRows {
    /// Rows with so many kept columns.
    pub fn new(n_kept: usize) -> NoteRows {
        let kept = std::iter::repeat_with(StringBuilder::new).take(n_kept).collect();
        NoteRows { kept, ..NoteRows::default() }
    }

    /// Adds a note that stood at `origin` of the input named `input`.
    pub fn push(
        &mut self,
        meta: &NoteMeta,
        origin: &Origin,
        input: &str,
        outcome: &NoteOutcome<'_>,
        remark: Option<&str>,
        names: &impl Names,
    ) {
        self.note_id.append_value(&meta.id);
        self.patient_id.append_option(meta.patient_id.as_deref());
        self.encounter_id.append_option(meta.encounter_id.as_deref());
        self.note_time.append_option(meta.time.map(|time| time.0));
        self.note_type.append_option(meta.note_type.as_deref());
        self.author.append_option(meta.author.as_deref());
        for (index, column) in self.kept.iter_mut().enumerate() {
            column.append_option(meta.kept.get(index).and_then(Option::as_deref));
        }
        self.input.append_value(input);
        self.record.append_value(origin.record);
        self.line.append_option(origin.line);
        self.byte_start.append_option(origin.bytes.map(|(start, _)| start));
        self.byte_end.append_option(origin.bytes.map(|(_, end)| end));
        self.push_outcome(outcome, remark, names);
    }

    fn push_outcome(&mut self, outcome: &NoteOutcome<'_>, remark: Option<&str>, names: &impl Names) {
        let (status, reason) = match outcome {
            NoteOutcome::Annotated(..) => ("annotated", remark),
            NoteOutcome::Empty => ("empty", remark),
            NoteOutcome::Rejected(reason) => ("rejected", Some(*reason)),
        };
        self.status.append_value(status);
        self.reason.append_option(reason);
        let NoteOutcome::Annotated(note, encoding) = outcome else {
            self.encoding.append_null();
            self.characters.append_value(0);
            self.sentences.append_value(0);
            self.mentions.append_value(0);
            self.measurements.append_value(0);
            self.facts.append_value(0);
            self.sections.append_null();
            self.text_hash.append_null();
            return;
        };
        let document = &note.document;
        self.encoding.append_value(encoding.name());
        self.characters.append_value(CodePoints::of(document.text()).total());
        self.sentences.append_value(document.sentences().len() as u32);
        self.mentions.append_value(note.annotations.len() as u32);
        self.measurements.append_value(note.measurements.len() as u32);
        self.facts.append_value(note.facts.len() as u32);
        let mut sections: Vec<&str> = Vec::new();
        for section in document.sections() {
            let name = names.section(section.kind);
            if !sections.contains(&name) {
                sections.push(name);
            }
        }
        self.sections.append_option((!sections.is_empty()).then(|| sections.join(";")));
        self.text_hash.append_value(text_hash(document.text()));
    }

    /// The rows collected, as a batch of [`schema`].
    pub fn finish(mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.note_id.finish()),
            Arc::new(self.patient_id.finish()),
            Arc::new(self.encounter_id.finish()),
            Arc::new(self.note_time.finish()),
            Arc::new(self.note_type.finish()),
            Arc::new(self.author.finish()),
        ];
        columns.extend(self.kept.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.extend([
            Arc::new(self.status.finish()) as ArrayRef,
            Arc::new(self.reason.finish()),
            Arc::new(self.encoding.finish()),
            Arc::new(self.characters.finish()),
            Arc::new(self.sentences.finish()),
            Arc::new(self.mentions.finish()),
            Arc::new(self.measurements.finish()),
            Arc::new(self.facts.finish()),
            Arc::new(self.sections.finish()),
            Arc::new(self.text_hash.finish()),
            Arc::new(self.input.finish()),
            Arc::new(self.record.finish()),
            Arc::new(self.line.finish()),
            Arc::new(self.byte_start.finish()),
            Arc::new(self.byte_end.finish()),
        ]);
        RecordBatch::try_new(schema, columns).map_err(|error| Error::internal(format!("rows of notes: {error}")))
    }
}
