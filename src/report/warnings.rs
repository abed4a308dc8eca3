//! Warnings of `noteward warn`: by score for a run, one by one for a patient.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Serialize;
use serde_json::Value;

use super::chart::{count, number, percent};
use super::columns::{Flags, Numbers, Texts};
use super::time;
use crate::Result;
use crate::read::run_table;

const TABLE: &str = "warnings";

const COLUMNS: [&str; 14] = [
    "patient_id",
    "encounter_id",
    "time",
    "score",
    "min",
    "max",
    "band_min",
    "band_max",
    "decided",
    "missing",
    "would_settle",
    "advice",
    "source",
    "evidence",
];

fn schema() -> SchemaRef {
    let fields = COLUMNS.map(|name| {
        let kind = match name {
            "time" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "min" | "max" => DataType::Float64,
            "decided" => DataType::Boolean,
            _ => DataType::Utf8,
        };
        Field::new(name, kind, true)
    });
    Arc::new(Schema::new(fields.to_vec()))
}

/// The warnings of a score.
#[derive(Serialize)]
pub(super) struct ScoreRow {
    pub score: String,
    pub n: String,
    pub decided: String,
    pub bands: String,
    pub missing: String,
}

/// A warning of a patient.
#[derive(Serialize)]
pub(super) struct PatientWarning {
    pub time: String,
    pub score: String,
    pub range: String,
    pub band: String,
    pub decided: bool,
    pub missing: String,
    pub would_settle: String,
    pub advice: String,
    pub source: String,
    pub evidence: Vec<String>,
}

#[derive(Default)]
struct ScoreCounts {
    n: u64,
    decided: u64,
    bands: BTreeMap<String, u64>,
    missing: BTreeMap<String, u64>,
}

/// Inputs that are named as those most often missing.
const MISSING: usize = 3;

/// The warnings of a folder by score.
///
/// # Errors
/// The folder holds no table of warnings, or one that cannot be read.
pub(super) fn by_score(folder: &Path) -> Result<Vec<ScoreRow>> {
    let mut scores: BTreeMap<String, ScoreCounts> = BTreeMap::new();
    run_table::read(folder, TABLE, &schema(), &COLUMNS, |batch| {
        let text = |name| Texts::of(batch, name);
        let (score, low, high, missing) = (text("score"), text("band_min"), text("band_max"), text("missing"));
        let decided = Flags::of(batch, "decided");
        for row in 0..batch.num_rows() {
            let counts = scores.entry(score.or_empty(row).to_owned()).or_default();
            counts.n += 1;
            counts.decided += u64::from(decided.get(row) == Some(true));
            *counts.bands.entry(band(low.or_empty(row), high.or_empty(row))).or_default() += 1;
            for input in missing.or_empty(row).split(';').filter(|input| !input.is_empty()) {
                *counts.missing.entry(input.to_owned()).or_default() += 1;
            }
        }
        Ok(())
    })?;
    Ok(scores.into_iter().map(|(score, counts)| score_row(score, &counts)).collect())
}

fn score_row(score: String, counts: &ScoreCounts) -> ScoreRow {
    let told = |entries: &BTreeMap<String, u64>, at_most: usize| {
        let mut entries: Vec<(&String, &u64)> = entries.iter().collect();
        entries.sort_by(|(left_name, left), (right_name, right)| right.cmp(left).then(left_name.cmp(right_name)));
        let words = entries.iter().take(at_most).map(|(name, n)| format!("{name} ({})", count(**n)));
        words.collect::<Vec<_>>().join(", ")
    };
    ScoreRow {
        score,
        n: count(counts.n),
        decided: format!("{} %", percent(counts.decided, counts.n)),
        bands: told(&counts.bands, usize::MAX),
        missing: told(&counts.missing, MISSING),
    }
}

/// The warnings of a patient, the latest first.
///
/// # Errors
/// As [`by_score`].
pub(super) fn of_patient(folder: &Path, patient_id: &str) -> Result<Vec<PatientWarning>> {
    let mut found: Vec<(Option<i64>, PatientWarning)> = Vec::new();
    run_table::read(folder, TABLE, &schema(), &COLUMNS, |batch| {
        let text = |name| Texts::of(batch, name);
        let (patient, score, low, high) = (text("patient_id"), text("score"), text("band_min"), text("band_max"));
        let (missing, settle, advice, source) = (text("missing"), text("would_settle"), text("advice"), text("source"));
        let (min, max, times) = (Numbers::of(batch, "min"), Numbers::of(batch, "max"), Numbers::of(batch, "time"));
        let (decided, evidence) = (Flags::of(batch, "decided"), text("evidence"));
        for row in (0..batch.num_rows()).filter(|&row| patient.get(row) == Some(patient_id)) {
            let time = times.time(row);
            let owned = |column: Texts<'_>| column.or_empty(row).to_owned();
            let warning = PatientWarning {
                time: time.map_or_else(String::new, time::minute),
                score: owned(score),
                range: range(min.real(row), max.real(row)),
                band: band(low.or_empty(row), high.or_empty(row)),
                decided: decided.get(row) == Some(true),
                missing: missing.or_empty(row).replace(';', ", "),
                would_settle: owned(settle),
                advice: owned(advice),
                source: owned(source),
                evidence: evidence_of(evidence.or_empty(row)),
            };
            found.push((time, warning));
        }
        Ok(())
    })?;
    found.sort_by(|(left_time, left), (right_time, right)| {
        right_time.cmp(left_time).then_with(|| left.score.cmp(&right.score))
    });
    Ok(found.into_iter().map(|(_, warning)| warning).collect())
}

fn band(low: &str, high: &str) -> String {
    if low == high { low.to_owned() } else { format!("{low} to {high}") }
}

fn range(min: Option<f64>, max: Option<f64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) if min == max => number(min),
        (min, max) => {
            let edge = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), number);
            format!("{} to {}", edge(min), edge(max))
        }
    }
}

/// The evidence of a warning, an input a line: its state, its points and where it stands.
fn evidence_of(text: &str) -> Vec<String> {
    let Ok(Value::Array(inputs)) = serde_json::from_str(text) else { return Vec::new() };
    let words = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let line = |input: &Value| {
        let (min, max) = (input["points_min"].as_f64(), input["points_max"].as_f64());
        let mut line = format!("{}: {}, {} points", words(&input["input"]), words(&input["state"]), range(min, max));
        if !input["note_id"].is_null() {
            let place =
                format!("; note {}, {}–{}", words(&input["note_id"]), words(&input["start"]), words(&input["end"]));
            line.push_str(&place);
        }
        for key in ["reason", "table", "mention_id", "measurement", "rule"] {
            if !input[key].is_null() {
                line.push_str(&format!("; {} {}", key.replace('_', " "), words(&input[key])));
            }
        }
        line
    };
    inputs.iter().map(line).collect()
}
