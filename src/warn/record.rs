//! What is known of a patient: statements of notes and rows of files, each with the time from which it was known and the time
//! from which it held.

use std::collections::HashMap;

use crate::assertion::{Experiencer, Presence, Temporality};

/// What a statement is about, as [`super::uses::Uses`] numbers it.
pub(super) type Thing = u32;

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// Where a statement comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A row of `mentions`.
    Mention,
    /// A row of `facts`.
    Fact,
    /// A row of `measurements`.
    Measurement,
    /// A row of the file of observations.
    File,
}

/// A number as it was stated: an interval where a comparator leaves it open, the same at both ends otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Value {
    pub low: f64,
    pub high: f64,
}

impl Value {
    /// A number that is known.
    pub fn exactly(value: f64) -> Value {
        Value { low: value, high: value }
    }

    /// A number with the comparator before it.
    pub fn compared(value: f64, comparator: &str) -> Value {
        match comparator {
            "<" | "<=" => Value { low: f64::NEG_INFINITY, high: value },
            ">" | ">=" => Value { low: value, high: f64::INFINITY },
            _ => Value::exactly(value),
        }
    }

    /// Whether one of its ends is not known.
    pub fn is_open(self) -> bool {
        self.low.is_infinite() || self.high.is_infinite()
    }

    /// The least interval that holds both.
    pub fn hull(self, other: Value) -> Value {
        Value { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// One thing that was said of a patient. `Debug` is left out: rows of users' files may hold anything.
#[derive(Clone, Copy)]
pub(super) struct Statement<'a> {
    pub thing: Thing,
    pub source: Source,
    pub presence: Presence,
    pub temporality: Temporality,
    pub experiencer: Experiencer,
    pub value: Option<Value>,
    /// Whether the value can be one of a living person.
    pub plausible: bool,
    /// Stated as what an earlier value was.
    pub is_former: bool,
    /// Stated as what an earlier value has become.
    pub is_latter: bool,
    /// A date or time stated beside the value.
    pub taken_at: Option<i64>,
    /// Code points in the note.
    pub start: u32,
    pub end: u32,
    /// `mention_id`, or `measurement_id`.
    pub id: &'a str,
    pub segment_hash: &'a str,
    pub rule: &'a str,
}

/// A note, or a row of the file of observations, with what it says.
pub(super) struct Entry<'a> {
    /// Number of the patient in the roster.
    pub patient: u32,
    pub time: i64,
    pub origin: Origin<'a>,
    pub statements: Vec<Statement<'a>>,
}

/// What an entry is.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    Note {
        id: &'a str,
        encounter: Option<&'a str>,
        /// As it is stated; empty where it is not.
        note_type: &'a str,
        text_hash: &'a str,
    },
    /// A row of the file of observations, from 1.
    Row(u64),
}

/// A statement in the record of a patient.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub statement: Statement<'a>,
    /// The entry that holds it.
    pub entry: u32,
    /// From when it was known: the time of the entry.
    pub time: i64,
    /// From when it held: the time that it states, or that of the entry in which its sentence stood first.
    pub since: i64,
}

/// All that is known of a patient, in the order of time.
pub(super) struct Record<'a> {
    pub entries: Vec<Entry<'a>>,
    /// In the order of the entries.
    pub known: Vec<Known<'a>>,
}

impl<'a> Record<'a> {
    /// The record that a patient's entries make. Entries of the same time keep their order.
    ///
    /// A sentence that was copied from an earlier note keeps the time of that note: what is pasted is not measured again.
    pub fn new(mut entries: Vec<Entry<'a>>) -> Record<'a> {
        entries.sort_by_key(|entry| entry.time);
        let mut first_seen: HashMap<(&str, Thing), i64> = HashMap::new();
        let mut known = Vec::with_capacity(entries.iter().map(|entry| entry.statements.len()).sum());
        for (index, entry) in entries.iter().enumerate() {
            for &statement in &entry.statements {
                let since = if statement.segment_hash.is_empty() {
                    entry.time
                } else {
                    *first_seen.entry((statement.segment_hash, statement.thing)).or_insert(entry.time)
                };
                // A date after the note is a plan or an error.
                let since = statement.taken_at.map_or(since, |taken_at| taken_at.min(since));
                known.push(Known { statement, entry: index as u32, time: entry.time, since });
            }
        }
        Record { entries, known }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A statement that a thing is there.
    pub fn stated(thing: Thing) -> Statement<'static> {
        Statement {
            thing,
            source: Source::Mention,
            presence: Presence::Present,
            temporality: Temporality::Current,
            experiencer: Experiencer::Patient,
            value: None,
            plausible: true,
            is_former: false,
            is_latter: false,
            taken_at: None,
            start: 0,
            end: 1,
            id: "m",
            segment_hash: "",
            rule: "",
        }
    }

    /// A note of a day.
    pub fn note(day: i64, statements: Vec<Statement<'static>>) -> Entry<'static> {
        let origin = Origin::Note { id: "n", encounter: None, note_type: "ct", text_hash: "h" };
        Entry { patient: 0, time: day * DAY, origin, statements }
    }

    #[test]
    fn a_copied_sentence_keeps_its_first_time() {
        let pasted = Statement { segment_hash: "aa", ..stated(7) };
        let record = Record::new(vec![note(3, vec![pasted, stated(7)]), note(1, vec![pasted])]);
        let times: Vec<_> = record.known.iter().map(|known| (known.time / DAY, known.since / DAY)).collect();
        assert_eq!(times, [(1, 1), (3, 1), (3, 3)]);
    }

    #[test]
    fn a_stated_date_counts_unless_it_is_to_come() {
        let dated = |day: i64| Statement { taken_at: Some(day * DAY), ..stated(7) };
        let record = Record::new(vec![note(3, vec![dated(2), dated(9)])]);
        let times: Vec<_> = record.known.iter().map(|known| known.since / DAY).collect();
        assert_eq!(times, [2, 3]);
    }
}
