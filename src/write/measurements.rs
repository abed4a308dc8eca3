//! The table `measurements`: one row per value that a note states.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use xxhash_rust::xxh3::xxh3_128;

use super::code_points::CodePoints;
use super::{Names, count, optional_text, optional_time, segment_hash, short_hex, text};
use crate::annotation::AnnotatedNote;
use crate::measurement::{Comparator, Measurement, MeasurementKind, MeasurementWord, Trend};
use crate::note::NoteMeta;
use crate::{Error, Result};

/// The schema of `measurements`.
pub(crate) fn schema() -> SchemaRef {
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    Arc::new(Schema::new(vec![
        text("note_id"),
        optional_text("patient_id"),
        optional_text("encounter_id"),
        optional_time("note_time"),
        optional_text("note_type"),
        text("measurement_id"),
        text("name"),
        optional_text("loinc"),
        number("value"),
        optional_text("comparator"),
        optional_text("unit"),
        text("value_text"),
        number("stated_value"),
        optional_text("stated_unit"),
        count("start"),
        count("end"),
        count("start_byte"),
        count("end_byte"),
        text("presence"),
        text("temporality"),
        text("experiencer"),
        Field::new("plausible", DataType::Boolean, false),
        optional_time("taken_at"),
        optional_text("trend"),
        optional_text("site"),
        optional_text("laterality"),
        optional_text("method"),
        optional_text("section"),
        count("sentence"),
        text("segment_hash"),
        text("rule"),
    ]))
}

/// Collects rows of `measurements`; one builder a column.
#[derive(Default)]
pub(crate) struct MeasurementRows {
    note_id: StringBuilder,
    patient_id: StringBuilder,
    encounter_id: StringBuilder,
    note_time: TimestampMicrosecondBuilder,
    note_type: StringBuilder,
    measurement_id: StringBuilder,
    name: StringBuilder,
    loinc: StringBuilder,
    value: Float64Builder,
    comparator: StringBuilder,
    unit: StringBuilder,
    value_text: StringBuilder,
    stated_value: Float64Builder,
    stated_unit: StringBuilder,
    start: UInt32Builder,
    end: UInt32Builder,
    start_byte: UInt32Builder,
    end_byte: UInt32Builder,
    presence: StringBuilder,
    temporality: StringBuilder,
    experiencer: StringBuilder,
    plausible: BooleanBuilder,
    taken_at: TimestampMicrosecondBuilder,
    trend: StringBuilder,
    site: StringBuilder,
    laterality: StringBuilder,
    method: StringBuilder,
    section: StringBuilder,
    sentence: UInt32Builder,
    segment_hash: StringBuilder,
    rule: StringBuilder,
}

impl MeasurementRows {
    /// Adds the values of a note.
    pub fn push(&mut self, note: &AnnotatedNote, names: &impl Names) {
        if note.measurements.is_empty() {
            return;
        }
        let points = CodePoints::of(note.document.text());
        let mut hex = String::with_capacity(20);
        let mut segment: Option<(u32, String)> = None;
        for measurement in &note.measurements {
            let Some(kind) = names.measurement(measurement.kind) else { continue };
            self.push_meta(&note.document.note().meta);
            self.push_value(note, measurement, &kind, names, &mut hex);
            self.push_place(measurement, &points);
            self.push_rest(measurement, names);
            self.push_segment(note, measurement, names, &mut segment);
        }
    }

    fn push_meta(&mut self, meta: &NoteMeta) {
        self.note_id.append_value(&meta.id);
        self.patient_id.append_option(meta.patient_id.as_deref());
        self.encounter_id.append_option(meta.encounter_id.as_deref());
        self.note_time.append_option(meta.time.map(|time| time.0));
        self.note_type.append_option(meta.note_type.as_deref());
    }

    fn push_value(
        &mut self,
        note: &AnnotatedNote,
        measurement: &Measurement,
        kind: &MeasurementKind<'_>,
        names: &impl Names,
        hex: &mut String,
    ) {
        let mut identity = Vec::with_capacity(64);
        identity.extend_from_slice(note.document.note().meta.id.as_bytes());
        identity.extend_from_slice(&(measurement.span.start() as u32).to_le_bytes());
        identity.extend_from_slice(&(measurement.span.end() as u32).to_le_bytes());
        identity.extend_from_slice(kind.name.as_bytes());
        short_hex(&xxh3_128(&identity).to_be_bytes(), hex);
        self.measurement_id.append_value(&hex);
        self.name.append_value(kind.name);
        self.loinc.append_option(kind.loinc);
        self.value.append_option(measurement.value);
        self.comparator.append_option(measurement.comparator.map(Comparator::sign));
        self.unit.append_option(kind.unit.filter(|_| measurement.value.is_some()));
        self.value_text.append_value(measurement.span.of(note.document.text()));
        self.stated_value.append_option(measurement.stated_value);
        self.stated_unit.append_option(measurement.stated_unit.and_then(|unit| names.unit(unit)));
    }

    fn push_place(&mut self, measurement: &Measurement, points: &CodePoints<'_>) {
        let span = measurement.span;
        self.start.append_value(points.before(span.start()));
        self.end.append_value(points.before(span.end()));
        self.start_byte.append_value(span.start() as u32);
        self.end_byte.append_value(span.end() as u32);
    }

    fn push_rest(&mut self, measurement: &Measurement, names: &impl Names) {
        let assertion = &measurement.assertion;
        self.presence.append_value(assertion.presence.name());
        self.temporality.append_value(assertion.temporality.name());
        self.experiencer.append_value(assertion.experiencer.name());
        self.plausible.append_value(measurement.plausible);
        self.taken_at.append_option(measurement.taken_at.map(|time| time.0));
        self.trend.append_option(measurement.trend.map(Trend::name));
        let word = |word: Option<MeasurementWord>| word.and_then(|word| names.measurement_word(word));
        self.site.append_option(word(measurement.site));
        self.laterality.append_option(word(measurement.laterality));
        self.method.append_option(word(measurement.method));
        self.rule.append_value(names.measurement_rule(measurement.rule));
    }

    fn push_segment(
        &mut self,
        note: &AnnotatedNote,
        measurement: &Measurement,
        names: &impl Names,
        segment: &mut Option<(u32, String)>,
    ) {
        let index = measurement.sentence;
        let sentence = note.document.sentences().get(index as usize);
        let section = sentence.and_then(|sentence| note.document.section_of(sentence));
        self.section.append_option(section.map(|section| names.section(section.kind)));
        self.sentence.append_value(index);
        let (hashed, hash) = segment.get_or_insert_with(|| (u32::MAX, String::new()));
        if *hashed != index {
            segment_hash(sentence.map_or("", |sentence| sentence.span.of(note.document.text())), names, hash);
            *hashed = index;
        }
        self.segment_hash.append_value(&hash);
    }

    /// The rows collected, as a batch of [`schema`].
    pub fn finish(mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.note_id.finish()),
            Arc::new(self.patient_id.finish()),
            Arc::new(self.encounter_id.finish()),
            Arc::new(self.note_time.finish()),
            Arc::new(self.note_type.finish()),
            Arc::new(self.measurement_id.finish()),
            Arc::new(self.name.finish()),
            Arc::new(self.loinc.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.comparator.finish()),
            Arc::new(self.unit.finish()),
            Arc::new(self.value_text.finish()),
            Arc::new(self.stated_value.finish()),
            Arc::new(self.stated_unit.finish()),
            Arc::new(self.start.finish()),
            Arc::new(self.end.finish()),
            Arc::new(self.start_byte.finish()),
            Arc::new(self.end_byte.finish()),
            Arc::new(self.presence.finish()),
            Arc::new(self.temporality.finish()),
            Arc::new(self.experiencer.finish()),
            Arc::new(self.plausible.finish()),
            Arc::new(self.taken_at.finish()),
            Arc::new(self.trend.finish()),
            Arc::new(self.site.finish()),
            Arc::new(self.laterality.finish()),
            Arc::new(self.method.finish()),
            Arc::new(self.section.finish()),
            Arc::new(self.sentence.finish()),
            Arc::new(self.segment_hash.finish()),
            Arc::new(self.rule.finish()),
        ];
        RecordBatch::try_new(schema, columns).map_err(|error| Error::internal(format!("rows of measurements: {error}")))
    }
}
