//! What is due after a study, such as the next CT of a nodule: when, and whether the record holds it.
//!
//! A study is a note of a type that the score names and that says something of what the score requires, not pasted from an earlier
//! note. The score is computed at its time; where its lower band is one after which something is due, there is a row. The next
//! study of the same kind answers it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use super::record::{Origin, Record};
use super::resolve::Candidate;
use super::rows::civil;
use crate::assertion::{Experiencer, Temporality};
use crate::error::ErrorKind;
use crate::score::FollowUp;
use crate::{Error, Result};

pub(super) const FILE: &str = "follow_ups.csv";

const COLUMNS: [&str; 11] = [
    "patient_id",
    "score",
    "band",
    "decided",
    "note_id",
    "study_time",
    "due_from",
    "due_by",
    "status",
    "later_note_id",
    "later_time",
];

/// A note that is a study.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Study<'a> {
    pub note_id: &'a str,
    pub time: i64,
}

/// The studies of a patient, in the order of time; `candidates` speak of what the score requires.
pub(super) fn studies<'a>(record: &Record<'a>, candidates: &[Candidate], asked: &FollowUp) -> Vec<Study<'a>> {
    let mut found: Vec<Study<'a>> = Vec::new();
    for candidate in candidates {
        let Some(known) = record.known.get(candidate.known as usize) else { continue };
        let statement = &known.statement;
        let is_new = known.since == known.time && statement.temporality == Temporality::Current;
        let entry = record.entries.get(known.entry as usize);
        let Some(Origin::Note { id, note_type, .. }) = entry.map(|entry| entry.origin) else { continue };
        // An addendum of the same time is the same study.
        let is_other = found.last().is_none_or(|last| last.time < known.time);
        if is_new && is_other && statement.experiencer == Experiencer::Patient && is_of_type(note_type, asked) {
            found.push(Study { note_id: id, time: known.time });
        }
    }
    found
}

/// Whether a type of note holds one of the words that make it a study.
fn is_of_type(note_type: &str, asked: &FollowUp) -> bool {
    let mut words = String::from(" ");
    for word in note_type.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        words.extend(word.chars().flat_map(char::to_lowercase));
        words.push(' ');
    }
    asked.note_types.iter().any(|own| words.contains(&format!(" {own} ")))
}

/// What became of what was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// A study stands in the time in which it was due.
    InTime,
    /// One stands before it.
    Early,
    /// One stands after it.
    Late,
    /// There is none, and the notes end before it is overdue.
    Open,
    /// There is none, and the notes go on after it was due.
    Overdue,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::InTime => "in_time",
            Status::Early => "early",
            Status::Late => "late",
            Status::Open => "open",
            Status::Overdue => "overdue",
        }
    }

    /// The status of what is due in a time, given the next study, and the time of the last note of all patients.
    pub fn of((from, by): (i64, i64), later: Option<i64>, last_note: i64) -> Status {
        match later {
            Some(later) if later < from => Status::Early,
            Some(later) if later > by => Status::Late,
            Some(_) => Status::InTime,
            None if last_note > by => Status::Overdue,
            None => Status::Open,
        }
    }
}

/// A study after which another is due.
pub(super) struct Due<'a> {
    pub patient: &'a str,
    pub score: &'a str,
    pub band: &'a str,
    pub decided: bool,
    pub study: Study<'a>,
    /// In which time.
    pub due: (i64, i64),
    pub later: Option<Study<'a>>,
    pub last_note: i64,
}

/// Rows of a group of patients, without a header.
pub(super) struct DueRows {
    rows: csv::Writer<Vec<u8>>,
    pub counts: BTreeMap<&'static str, u64>,
}

impl Default for DueRows {
    fn default() -> DueRows {
        DueRows { rows: csv::Writer::from_writer(Vec::new()), counts: BTreeMap::new() }
    }
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::from(ErrorKind::Encode { table: "follow_ups", problem: error.to_string() })
}

impl DueRows {
    pub fn push(&mut self, due: &Due<'_>) -> Result<()> {
        let status = Status::of(due.due, due.later.map(|later| later.time), due.last_note).name();
        *self.counts.entry(status).or_default() += 1;
        let time = |time: i64| civil(time).to_string();
        let row = [
            due.patient,
            due.score,
            due.band,
            if due.decided { "true" } else { "false" },
            due.study.note_id,
            &time(due.study.time),
            &time(due.due.0),
            &time(due.due.1),
            status,
            due.later.map_or("", |later| later.note_id),
            &due.later.map(|later| time(later.time)).unwrap_or_default(),
        ];
        self.rows.write_record(row).map_err(|error| failed(&error))
    }

    /// Writes the rows to the folder of their group.
    pub fn finish(self, folder: &Path) -> Result<BTreeMap<&'static str, u64>> {
        let bytes = self.rows.into_inner().map_err(|error| failed(&error))?;
        let path = folder.join(FILE);
        std::fs::write(&path, bytes).map_err(|error| Error::io("writing", &path, error))?;
        Ok(self.counts)
    }
}

/// Makes the file of the rows of all groups.
pub(super) fn assemble<'p>(path: &Path, folders: impl Iterator<Item = &'p Path>) -> Result<()> {
    let write = |error| Error::io("writing", path, error);
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).map_err(write)?);
    writeln!(file, "{}", COLUMNS.join(",")).map_err(write)?;
    let mut rows = Vec::new();
    for folder in folders {
        let part = folder.join(FILE);
        rows.clear();
        let opened = std::fs::File::open(&part).and_then(|mut part| part.read_to_end(&mut rows));
        opened.map_err(|error| Error::io("reading", &part, error))?;
        file.write_all(&rows).map_err(write)?;
    }
    file.flush().map_err(write)
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{note, stated};
    use super::super::record::{DAY, Statement};
    use super::super::resolve::Says;
    use super::*;

    fn asked(types: &[&str]) -> FollowUp {
        let types: Vec<String> = types.iter().map(|own| format!("{own:?}")).collect();
        toml::from_str(&format!("words = \"a scan\"\nnote_types = [{}]", types.join(","))).unwrap()
    }

    #[test]
    fn what_is_pasted_planned_or_of_another_type_is_no_study() {
        let pasted = Statement { segment_hash: "aa", ..stated(7) };
        let planned = Statement { temporality: Temporality::Hypothetical, ..stated(7) };
        let days = [(1, pasted), (9, pasted), (20, planned), (30, stated(7)), (30, stated(7))];
        let record = Record::new(days.into_iter().map(|(day, statement)| note(day, vec![statement])).collect());
        let candidates: Vec<Candidate> = (0..5).map(|known| Candidate { known, says: Says::Yes, level: 0 }).collect();
        let times = |types: &[&str]| -> Vec<i64> {
            studies(&record, &candidates, &asked(types)).iter().map(|study| study.time / DAY).collect()
        };
        assert_eq!(times(&["mri", "ct"]), [1, 30]);
        assert!(times(&["mri"]).is_empty());
    }

    #[test]
    fn types_are_known_by_whole_words() {
        let asked = asked(&["ct", "x ray"]);
        for (note_type, expected) in [
            ("CT chest", true),
            ("Chest X-ray", true),
            ("ct", true),
            ("doctor", false),
            ("Rayon x", false),
            ("", false),
        ] {
            assert_eq!(is_of_type(note_type, &asked), expected, "{note_type}");
        }
    }

    #[test]
    fn a_study_is_early_late_or_missing() {
        let due = (10, 20);
        let status = |later, last_note| Status::of(due, later, last_note);
        assert_eq!(status(Some(9), 99), Status::Early);
        assert_eq!(status(Some(10), 99), Status::InTime);
        assert_eq!(status(Some(20), 99), Status::InTime);
        assert_eq!(status(Some(21), 99), Status::Late);
        assert_eq!(status(None, 20), Status::Open);
        assert_eq!(status(None, 21), Status::Overdue);
    }
}
