//! The table `warnings`: one row per patient, score and moment; and the evidence of a row as JSON.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::Serialize;

use crate::{Error, Result};

/// The schema of `warnings`.
pub(crate) fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let optional_text = |name| Field::new(name, DataType::Utf8, true);
    let number = |name| Field::new(name, DataType::Float64, false);
    Arc::new(Schema::new(vec![
        text("patient_id"),
        optional_text("encounter_id"),
        Field::new("time", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        text("score"),
        number("min"),
        number("max"),
        text("band_min"),
        text("band_max"),
        Field::new("decided", DataType::Boolean, false),
        optional_text("missing"),
        optional_text("would_settle"),
        optional_text("advice"),
        text("source"),
        text("evidence"),
    ]))
}

/// A warning on its way to the table.
pub(super) struct Warning<'a> {
    pub patient: &'a str,
    pub encounter: Option<&'a str>,
    pub time: i64,
    pub score: &'a str,
    /// Short and full name of the score.
    pub name: &'a str,
    pub title: &'a str,
    pub min: f64,
    pub max: f64,
    pub band_min: &'a str,
    pub band_max: &'a str,
    /// What people call the bands.
    pub labels: (&'a str, &'a str),
    pub decided: bool,
    pub missing: &'a str,
    pub would_settle: Option<&'a str>,
    pub advice: Option<&'a str>,
    pub source: &'a str,
    pub evidence: &'a [Evidence<'a>],
}

/// What an input of a warning rests on: a row of a table, or nothing.
#[derive(Serialize)]
pub(super) struct Evidence<'a> {
    pub input: &'a str,
    pub state: &'static str,
    /// Why the input is not known, or not for sure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<EvidenceValue<'a>>,
    pub points_min: f64,
    pub points_max: f64,
    /// The table that holds the row; `patients` and `observations` are the files that were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mention_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measurement: Option<&'a str>,
    /// The row of the file of observations, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    /// From when it held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<CivilTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_hash: Option<&'a str>,
}

impl<'a> Evidence<'a> {
    /// Of an input of which nothing is known.
    pub fn of(input: &'a str) -> Evidence<'a> {
        Evidence {
            input,
            state: "unknown",
            reason: None,
            value: None,
            points_min: 0.0,
            points_max: 0.0,
            table: None,
            note_id: None,
            start: None,
            end: None,
            mention_id: None,
            measurement: None,
            row: None,
            rule: None,
            time: None,
            text_hash: None,
            segment_hash: None,
        }
    }
}

/// A time, written as a civil one.
#[derive(Clone, Copy)]
pub(super) struct CivilTime(pub i64);

impl Serialize for CivilTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&civil(self.0))
    }
}

/// The value of an input.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum EvidenceValue<'a> {
    Number(f64),
    /// Ends that are open are null.
    Interval([Option<f64>; 2]),
    Level(&'a str),
    /// The first and the last that it may be.
    Levels([&'a str; 2]),
}

/// Collects rows of `warnings`.
#[derive(Default)]
pub(super) struct WarningRows {
    patient_id: StringBuilder,
    encounter_id: StringBuilder,
    time: TimestampMicrosecondBuilder,
    score: StringBuilder,
    min: Float64Builder,
    max: Float64Builder,
    band_min: StringBuilder,
    band_max: StringBuilder,
    decided: BooleanBuilder,
    missing: StringBuilder,
    would_settle: StringBuilder,
    advice: StringBuilder,
    source: StringBuilder,
    evidence: StringBuilder,
    n_rows: usize,
    json: Vec<u8>,
}

impl WarningRows {
    pub fn len(&self) -> usize {
        self.n_rows
    }

    pub fn push(&mut self, warning: &Warning<'_>) -> Result<()> {
        self.json.clear();
        let internal = |error: &dyn std::fmt::Display| Error::internal(format!("evidence of a warning: {error}"));
        serde_json::to_writer(&mut self.json, warning.evidence).map_err(|error| internal(&error))?;
        let json = std::str::from_utf8(&self.json).map_err(|error| internal(&error))?;
        self.evidence.append_value(json);
        self.patient_id.append_value(warning.patient);
        self.encounter_id.append_option(warning.encounter);
        self.time.append_value(warning.time);
        self.score.append_value(warning.score);
        self.min.append_value(warning.min);
        self.max.append_value(warning.max);
        self.band_min.append_value(warning.band_min);
        self.band_max.append_value(warning.band_max);
        self.decided.append_value(warning.decided);
        self.missing.append_option(Some(warning.missing).filter(|missing| !missing.is_empty()));
        self.would_settle.append_option(warning.would_settle);
        self.advice.append_option(warning.advice);
        self.source.append_value(warning.source);
        self.n_rows += 1;
        Ok(())
    }

    /// The rows collected, as a batch of [`schema`].
    pub fn finish(mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.patient_id.finish()),
            Arc::new(self.encounter_id.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.score.finish()),
            Arc::new(self.min.finish()),
            Arc::new(self.max.finish()),
            Arc::new(self.band_min.finish()),
            Arc::new(self.band_max.finish()),
            Arc::new(self.decided.finish()),
            Arc::new(self.missing.finish()),
            Arc::new(self.would_settle.finish()),
            Arc::new(self.advice.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.evidence.finish()),
        ];
        RecordBatch::try_new(schema, columns).map_err(|error| Error::internal(format!("rows of warnings: {error}")))
    }
}

/// A time as it is written.
pub(crate) fn civil(time: i64) -> DateTime {
    const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    EPOCH.saturating_add(SignedDuration::from_micros(time))
}
