//! Events: what happened to whom, when it became known, and where a note says so.

use serde::{Deserialize, Serialize};

use super::codes::CodeNumber;
use crate::export::axes::Axes;
use crate::past_run::Row;

/// A row of the data, before its subject's rows are together.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pub key: Key,
    pub code: CodeNumber,
    pub number: Option<f32>,
    pub text: Option<String>,
    /// Where a note says so; a row about the subject has none.
    pub said: Option<Said>,
}

/// What orders events: those of a subject stand together, those without a time first, then by time and place in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Key {
    pub split: u32,
    pub subject: i64,
    pub time: Option<i64>,
    pub sequence: u64,
}

/// Where a note says something, and how.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Said {
    pub note_id: String,
    pub encounter_id: Option<String>,
    pub note_type: Option<String>,
    pub source_id: Option<String>,
    pub presence: Option<String>,
    pub temporality: Option<String>,
    pub experiencer: Option<String>,
    pub comparator: Option<String>,
    pub section: Option<String>,
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub segment_hash: Option<String>,
    pub stated_time: Option<i64>,
}

impl Said {
    /// The note itself.
    pub fn in_note(note: &Row) -> Said {
        let owned = |column: &str| note.text(column).map(str::to_owned);
        Said {
            note_id: owned("note_id").unwrap_or_default(),
            encounter_id: owned("encounter_id"),
            note_type: owned("note_type"),
            ..Said::default()
        }
    }

    /// A row of `mentions`, `measurements` or `facts`.
    pub fn in_row(note: &Row, row: &Row, axes: Axes) -> Said {
        let owned = |column: &str| row.text(column).map(str::to_owned);
        let place = |column: &str| row.number(column).and_then(|place| i64::try_from(place).ok());
        Said {
            source_id: owned("mention_id").or_else(|| owned("measurement_id")),
            presence: Some(axes.presence.name().to_owned()),
            temporality: Some(axes.temporality.name().to_owned()),
            experiencer: Some(axes.experiencer.name().to_owned()),
            comparator: owned("comparator"),
            section: owned("section"),
            start: place("start"),
            end: place("end"),
            segment_hash: owned("segment_hash"),
            stated_time: row.time("taken_at"),
            ..Said::in_note(note)
        }
    }
}
