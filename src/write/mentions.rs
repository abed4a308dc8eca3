//! The table `mentions`: one row per mention.

use std::sync::Arc;

use arrow_array::builder::{Float32Builder, StringBuilder, TimestampMicrosecondBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use xxhash_rust::xxh3::xxh3_128;

use super::code_points::CodePoints;
use super::{Names, count, optional_count, optional_text, optional_time, segment_hash, short_hex, text};
use crate::annotation::{AnnotatedNote, Annotation};
use crate::document::Document;
use crate::mention::Link;
use crate::note::NoteMeta;
use crate::{Assertion, Error, Result, Span};

/// The schema of `mentions`.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(fields()))
}

/// The columns of `mentions`.
pub(super) fn fields() -> Vec<Field> {
    vec![
        text("note_id"),
        optional_text("patient_id"),
        optional_text("encounter_id"),
        optional_time("note_time"),
        optional_text("note_type"),
        text("mention_id"),
        count("start"),
        count("end"),
        count("start_byte"),
        count("end_byte"),
        text("text"),
        text("type"),
        text("presence"),
        text("temporality"),
        text("experiencer"),
        optional_text("cue"),
        optional_count("cue_start"),
        optional_count("cue_end"),
        optional_text("rule"),
        optional_text("section"),
        count("sentence"),
        text("segment_hash"),
        text("source"),
        Field::new("score", DataType::Float32, true),
        optional_text("concept_id"),
        optional_text("concept_name"),
        optional_text("icd10cm"),
        optional_text("codes"),
        optional_text("link"),
        Field::new("link_score", DataType::Float32, true),
    ]
}

/// Collects rows of `mentions`; one builder a column.
#[derive(Default)]
pub(crate) struct MentionRows {
    note_id: StringBuilder,
    patient_id: StringBuilder,
    encounter_id: StringBuilder,
    note_time: TimestampMicrosecondBuilder,
    note_type: StringBuilder,
    mention_id: StringBuilder,
    start: UInt32Builder,
    end: UInt32Builder,
    start_byte: UInt32Builder,
    end_byte: UInt32Builder,
    text: StringBuilder,
    kind: StringBuilder,
    presence: StringBuilder,
    temporality: StringBuilder,
    experiencer: StringBuilder,
    cue: StringBuilder,
    cue_start: UInt32Builder,
    cue_end: UInt32Builder,
    rule: StringBuilder,
    section: StringBuilder,
    sentence: UInt32Builder,
    segment_hash: StringBuilder,
    source: StringBuilder,
    score: Float32Builder,
    concept_id: StringBuilder,
    concept_name: StringBuilder,
    icd10cm: StringBuilder,
    codes: StringBuilder,
    link: StringBuilder,
    link_score: Float32Builder,
}

/// What a row says besides its note.
pub(super) struct RowValues<'a> {
    pub span: Span,
    pub sentence: u32,
    pub kind: &'static str,
    /// What tells the row from others of its note and place.
    pub identity: &'a str,
    pub source: &'static str,
    pub score: Option<f32>,
    pub assertion: Assertion,
    /// The names of the rules that decided the assertion.
    pub rules: Vec<&'a str>,
    pub concept_id: Option<&'a str>,
    pub concept_name: Option<&'a str>,
    pub icd10cm: Option<&'a str>,
    pub codes: Option<&'a str>,
    pub link: Option<Link>,
}

/// A note while its rows are written.
pub(super) struct RowNote<'a> {
    document: &'a Document,
    points: CodePoints<'a>,
    segment: Segment,
    hex: String,
}

impl<'a> RowNote<'a> {
    pub fn of(document: &'a Document) -> RowNote<'a> {
        let points = CodePoints::of(document.text());
        RowNote { document, points, segment: Segment::default(), hex: String::with_capacity(20) }
    }
}

impl MentionRows {
    /// Adds the mentions of a note.
    pub fn push(&mut self, note: &AnnotatedNote, names: &impl Names) {
        let mut row_note = RowNote::of(&note.document);
        for annotation in &note.annotations {
            let Annotation { mention, assertion } = annotation;
            let concept = names.concept(annotation);
            let values = RowValues {
                span: mention.span,
                sentence: mention.sentence,
                kind: mention.kind.name(),
                identity: mention.kind.name(),
                source: mention.source.name(),
                score: mention.score,
                assertion: *assertion,
                rules: assertion.evidence().map(|evidence| names.rule(evidence.rule)).collect(),
                concept_id: concept.map(|concept| concept.id),
                concept_name: concept.map(|concept| concept.name),
                icd10cm: concept.and_then(|concept| concept.icd10cm),
                codes: concept.and_then(|concept| concept.codes),
                link: mention.link,
            };
            self.push_row(&mut row_note, &values, names);
        }
    }

    /// Adds a row.
    pub(super) fn push_row(&mut self, note: &mut RowNote<'_>, values: &RowValues<'_>, names: &impl Names) {
        self.push_meta(&note.document.note().meta);
        self.push_place(note, values);
        self.push_assertion(note, values);
        self.push_segment(note, values, names);
        self.concept_id.append_option(values.concept_id);
        self.concept_name.append_option(values.concept_name);
        self.icd10cm.append_option(values.icd10cm);
        self.codes.append_option(values.codes);
        self.link.append_option(values.link.map(|link| link.kind.name()));
        self.link_score.append_option(values.link.map(|link| link.score));
    }

    fn push_meta(&mut self, meta: &NoteMeta) {
        self.note_id.append_value(&meta.id);
        self.patient_id.append_option(meta.patient_id.as_deref());
        self.encounter_id.append_option(meta.encounter_id.as_deref());
        self.note_time.append_option(meta.time.map(|time| time.0));
        self.note_type.append_option(meta.note_type.as_deref());
    }

    fn push_place(&mut self, note: &mut RowNote<'_>, values: &RowValues<'_>) {
        let span = values.span;
        let (start, end) = (span.start() as u32, span.end() as u32);
        let mut identity = Vec::with_capacity(64);
        identity.extend_from_slice(note.document.note().meta.id.as_bytes());
        identity.extend_from_slice(&start.to_le_bytes());
        identity.extend_from_slice(&end.to_le_bytes());
        identity.extend_from_slice(values.identity.as_bytes());
        short_hex(&xxh3_128(&identity).to_be_bytes(), &mut note.hex);
        self.mention_id.append_value(&note.hex);
        self.start.append_value(note.points.before(span.start()));
        self.end.append_value(note.points.before(span.end()));
        self.start_byte.append_value(start);
        self.end_byte.append_value(end);
        self.text.append_value(span.of(note.document.text()));
        self.kind.append_value(values.kind);
        self.source.append_value(values.source);
        self.score.append_option(values.score);
    }

    fn push_assertion(&mut self, note: &RowNote<'_>, values: &RowValues<'_>) {
        let assertion = &values.assertion;
        self.presence.append_value(assertion.presence.name());
        self.temporality.append_value(assertion.temporality.name());
        self.experiencer.append_value(assertion.experiencer.name());
        let cue = assertion.evidence().next().and_then(|evidence| evidence.cue);
        self.cue.append_option(cue.map(|cue| cue.of(note.document.text())));
        self.cue_start.append_option(cue.map(|cue| note.points.before(cue.start())));
        self.cue_end.append_option(cue.map(|cue| note.points.before(cue.end())));
        match values.rules.as_slice() {
            [] => self.rule.append_null(),
            [only] => self.rule.append_value(only),
            rules => self.rule.append_value(rules.join(";")),
        }
    }

    fn push_segment(&mut self, note: &mut RowNote<'_>, values: &RowValues<'_>, names: &impl Names) {
        let index = values.sentence;
        let sentence = note.document.sentences().get(index as usize);
        let section = sentence.and_then(|sentence| note.document.section_of(sentence));
        self.section.append_option(section.map(|section| names.section(section.kind)));
        self.sentence.append_value(index);
        let segment = &mut note.segment;
        if segment.index != Some(index) {
            let words = sentence.map_or("", |sentence| sentence.span.of(note.document.text()));
            segment_hash(words, names, &mut segment.hash);
            segment.index = Some(index);
        }
        self.segment_hash.append_value(&segment.hash);
    }

    /// The rows collected, as a batch of [`schema`].
    pub fn finish(self, schema: SchemaRef) -> Result<RecordBatch> {
        let columns = self.columns();
        RecordBatch::try_new(schema, columns).map_err(|error| Error::internal(format!("rows of mentions: {error}")))
    }

    /// The columns collected, those of [`fields`].
    pub(super) fn columns(mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.note_id.finish()),
            Arc::new(self.patient_id.finish()),
            Arc::new(self.encounter_id.finish()),
            Arc::new(self.note_time.finish()),
            Arc::new(self.note_type.finish()),
            Arc::new(self.mention_id.finish()),
            Arc::new(self.start.finish()),
            Arc::new(self.end.finish()),
            Arc::new(self.start_byte.finish()),
            Arc::new(self.end_byte.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.presence.finish()),
            Arc::new(self.temporality.finish()),
            Arc::new(self.experiencer.finish()),
            Arc::new(self.cue.finish()),
            Arc::new(self.cue_start.finish()),
            Arc::new(self.cue_end.finish()),
            Arc::new(self.rule.finish()),
            Arc::new(self.section.finish()),
            Arc::new(self.sentence.finish()),
            Arc::new(self.segment_hash.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.score.finish()),
            Arc::new(self.concept_id.finish()),
            Arc::new(self.concept_name.finish()),
            Arc::new(self.icd10cm.finish()),
            Arc::new(self.codes.finish()),
            Arc::new(self.link.finish()),
            Arc::new(self.link_score.finish()),
        ]
    }
}

/// The sentence whose hash was computed last: mentions of a sentence stand together.
#[derive(Default)]
struct Segment {
    index: Option<u32>,
    hash: String,
}
