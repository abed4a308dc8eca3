//! The table `mentions`: one row per mention.

use std::sync::Arc;

use arrow_array::builder::{Float32Builder, StringBuilder, TimestampMicrosecondBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use xxhash_rust::xxh3::xxh3_128;

use super::code_points::CodePoints;
use super::{Names, count, optional_count, optional_text, optional_time, segment_hash, short_hex, text};
use crate::annotation::{AnnotatedNote, Annotation};
use crate::note::NoteMeta;
use crate::{Error, Result};

/// The schema of `mentions`.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
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
    ]))
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

impl MentionRows {
    /// Adds the mentions of a note.
    pub fn push(&mut self, note: &AnnotatedNote, names: &impl Names) {
        let points = CodePoints::of(note.document.text());
        let mut segment = Segment::default();
        let mut hex = String::with_capacity(20);
        for annotation in &note.annotations {
            self.push_meta(&note.document.note().meta);
            self.push_place(note, annotation, &points, &mut hex);
            self.push_assertion(note, annotation, names, &points);
            self.push_segment(note, annotation, names, &mut segment);
            self.push_concept(annotation, names);
        }
    }

    fn push_meta(&mut self, meta: &NoteMeta) {
        self.note_id.append_value(&meta.id);
        self.patient_id.append_option(meta.patient_id.as_deref());
        self.encounter_id.append_option(meta.encounter_id.as_deref());
        self.note_time.append_option(meta.time.map(|time| time.0));
        self.note_type.append_option(meta.note_type.as_deref());
    }

    fn push_place(&mut self, note: &AnnotatedNote, annotation: &Annotation, points: &CodePoints<'_>, hex: &mut String) {
        let mention = &annotation.mention;
        let span = mention.span;
        let (start, end) = (span.start() as u32, span.end() as u32);
        let mut identity = Vec::with_capacity(64);
        identity.extend_from_slice(note.document.note().meta.id.as_bytes());
        identity.extend_from_slice(&start.to_le_bytes());
        identity.extend_from_slice(&end.to_le_bytes());
        identity.extend_from_slice(mention.kind.name().as_bytes());
        short_hex(&xxh3_128(&identity).to_be_bytes(), hex);
        self.mention_id.append_value(&hex);
        self.start.append_value(points.before(span.start()));
        self.end.append_value(points.before(span.end()));
        self.start_byte.append_value(start);
        self.end_byte.append_value(end);
        self.text.append_value(span.of(note.document.text()));
        self.kind.append_value(mention.kind.name());
        self.source.append_value(mention.source.name());
        self.score.append_option(mention.score);
    }

    fn push_assertion(
        &mut self,
        note: &AnnotatedNote,
        annotation: &Annotation,
        names: &impl Names,
        points: &CodePoints<'_>,
    ) {
        let assertion = &annotation.assertion;
        self.presence.append_value(assertion.presence.name());
        self.temporality.append_value(assertion.temporality.name());
        self.experiencer.append_value(assertion.experiencer.name());
        let cue = assertion.evidence().next().and_then(|evidence| evidence.cue);
        self.cue.append_option(cue.map(|cue| cue.of(note.document.text())));
        self.cue_start.append_option(cue.map(|cue| points.before(cue.start())));
        self.cue_end.append_option(cue.map(|cue| points.before(cue.end())));
        let mut rules = assertion.evidence().map(|evidence| names.rule(evidence.rule));
        match (rules.next(), rules.next(), rules.next()) {
            (None, ..) => self.rule.append_null(),
            (Some(first), None, _) => self.rule.append_value(first),
            (Some(first), Some(second), None) => self.rule.append_value(format!("{first};{second}")),
            (Some(first), Some(second), Some(third)) => self.rule.append_value(format!("{first};{second};{third}")),
        }
    }

    fn push_segment(
        &mut self,
        note: &AnnotatedNote,
        annotation: &Annotation,
        names: &impl Names,
        segment: &mut Segment,
    ) {
        let index = annotation.mention.sentence;
        let sentence = note.document.sentences().get(index as usize);
        let section = sentence.and_then(|sentence| note.document.section_of(sentence));
        self.section.append_option(section.map(|section| names.section(section.kind)));
        self.sentence.append_value(index);
        if segment.index != Some(index) {
            let words = sentence.map_or("", |sentence| sentence.span.of(note.document.text()));
            segment_hash(words, names, &mut segment.hash);
            segment.index = Some(index);
        }
        self.segment_hash.append_value(&segment.hash);
    }

    fn push_concept(&mut self, annotation: &Annotation, names: &impl Names) {
        let concept = names.concept(annotation);
        self.concept_id.append_option(concept.map(|concept| concept.id));
        self.concept_name.append_option(concept.map(|concept| concept.name));
        self.icd10cm.append_option(concept.and_then(|concept| concept.icd10cm));
        self.codes.append_option(concept.and_then(|concept| concept.codes));
        let link = annotation.mention.link;
        self.link.append_option(link.map(|link| link.kind.name()));
        self.link_score.append_option(link.map(|link| link.score));
    }

    /// The rows collected, as a batch of [`schema`].
    pub fn finish(mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
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
        ];
        RecordBatch::try_new(schema, columns).map_err(|error| Error::internal(format!("rows of mentions: {error}")))
    }
}

/// The sentence whose hash was computed last: mentions of a sentence stand together.
#[derive(Default)]
struct Segment {
    index: Option<u32>,
    hash: String,
}
