//! Counts of changes: by kind, by column, by value and by rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rustc_hash::FxHashSet;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::stream::{Cells, NoteRows};
use super::{COMPARED, Change, Found};
use crate::past_run::{Description, PastRun};

/// What changed between two runs. Its JSON form is this structure.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct Diff {
    /// The first run.
    pub run_a: PathBuf,
    /// The second run.
    pub run_b: PathBuf,
    /// Whether they say the same of the same notes.
    pub equal: bool,
    /// What the runs were not both made with: `version`, `lexicon`, `rules`, `model`, `config.KEY`.
    pub made_otherwise: Vec<String>,
    /// Mentions.
    pub mentions: MentionCounts,
    /// Notes.
    pub notes: NoteCounts,
    /// Patients with a change in one of their notes.
    pub patients_affected: u64,
    /// How many changed mentions differ in each part: `type`, `presence`, `concept`, `code`, `span`, ...
    pub columns: BTreeMap<&'static str, u64>,
    /// Changes of a value, the commonest first: `presence` from `present` to `absent`.
    pub values: Vec<ValueChange>,
    /// Changes by the rules that decided, the commonest first.
    pub rules: Vec<RuleChange>,
    /// The first changes, as many as were asked for. They hold words of the notes.
    pub examples: Vec<ChangedMention>,
}

/// Mentions of two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MentionCounts {
    /// In the first run.
    pub a: u64,
    /// In the second run.
    pub b: u64,
    /// The same in both.
    pub equal: u64,
    /// Only in the second.
    pub added: u64,
    /// Only in the first.
    pub removed: u64,
    /// In both, with other values.
    pub changed: u64,
}

/// Notes of two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NoteCounts {
    /// In the first run.
    pub a: u64,
    /// In the second run.
    pub b: u64,
    /// Only in the first.
    pub only_a: u64,
    /// Only in the second.
    pub only_b: u64,
    /// In both, with another status.
    pub status_changed: u64,
    /// In both, with another text.
    pub text_changed: u64,
    /// With a change of any kind, in themselves or their mentions.
    pub affected: u64,
}

/// A change of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ValueChange {
    /// The column.
    pub column: &'static str,
    /// In the first run.
    pub a: String,
    /// In the second run.
    pub b: String,
    /// How many mentions.
    pub mentions: u64,
}

/// Mentions that changed, by the rules that decided them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RuleChange {
    /// What became of them.
    pub change: Change,
    /// The rule in the first run; empty for none.
    pub a: String,
    /// The rule in the second run.
    pub b: String,
    /// How many mentions.
    pub mentions: u64,
}

/// A changed mention, or note.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ChangedMention {
    /// The note.
    pub note_id: String,
    /// What became of it.
    pub change: Change,
    /// What differs.
    pub columns: Vec<&'static str>,
    /// The row in the first run, by column.
    pub a: BTreeMap<&'static str, String>,
    /// The row in the second run.
    pub b: BTreeMap<&'static str, String>,
}

/// Columns whose values are told one by one.
const TOLD: [&str; 4] = ["type", "presence", "temporality", "experiencer"];

/// What a column is a part of: the name under which its change is counted. The identifier follows span and type.
pub(super) fn part_of(column: &'static str) -> Option<&'static str> {
    match column {
        "mention_id" => None,
        "start" | "end" | "start_byte" | "end_byte" | "text" => Some("span"),
        "cue" | "cue_start" | "cue_end" => Some("cue"),
        "concept_id" | "concept_name" => Some("concept"),
        "icd10cm" => Some("code"),
        column => Some(column),
    }
}

/// The parts in which two mentions differ, in the order of the columns.
pub(super) fn differing(a: &Cells, b: &Cells) -> Vec<&'static str> {
    let mut parts: Vec<&'static str> = Vec::new();
    for (index, column) in COMPARED.into_iter().enumerate().filter(|&(index, _)| a.cell(index) != b.cell(index)) {
        debug_assert!(a.named(column) == a.cell(index));
        parts.extend(part_of(column).filter(|part| !parts.contains(part)));
    }
    parts
}

/// Counts changes as they are found.
pub(super) struct Counter {
    n_examples: usize,
    mentions: MentionCounts,
    notes: NoteCounts,
    /// Notes come one after another, so the last is enough to count each once.
    last_affected: Option<String>,
    patients: FxHashSet<u128>,
    columns: BTreeMap<&'static str, u64>,
    values: BTreeMap<(&'static str, String, String), u64>,
    rules: BTreeMap<(Change, String, String), u64>,
    examples: Vec<ChangedMention>,
}

impl Counter {
    pub fn new(n_examples: usize) -> Counter {
        Counter {
            n_examples,
            mentions: MentionCounts::default(),
            notes: NoteCounts::default(),
            last_affected: None,
            patients: FxHashSet::default(),
            columns: BTreeMap::new(),
            values: BTreeMap::new(),
            rules: BTreeMap::new(),
            examples: Vec::new(),
        }
    }

    pub fn in_both(&mut self, a: &NoteRows, b: &NoteRows) {
        self.last_affected = None;
        self.notes.a += 1;
        self.notes.b += 1;
        self.mentions.a += a.mentions.len() as u64;
        self.mentions.b += b.mentions.len() as u64;
    }

    pub fn only_in_a(&mut self, note: &NoteRows) {
        self.last_affected = None;
        self.notes.a += 1;
        self.notes.only_a += 1;
        self.mentions.a += note.mentions.len() as u64;
    }

    pub fn only_in_b(&mut self, note: &NoteRows) {
        self.last_affected = None;
        self.notes.b += 1;
        self.notes.only_b += 1;
        self.mentions.b += note.mentions.len() as u64;
    }

    pub fn equal(&mut self, n_mentions: u64) {
        self.mentions.equal += n_mentions;
    }

    pub fn add(&mut self, found: &Found<'_>) {
        if self.last_affected.as_deref() != Some(found.note_id) {
            self.last_affected = Some(found.note_id.to_owned());
            self.notes.affected += 1;
        }
        self.patients.extend(found.patient_id.map(|id| xxh3_128(id.as_bytes())));
        match found.change {
            Change::Added => self.mentions.added += 1,
            Change::Removed => self.mentions.removed += 1,
            Change::Changed => self.mentions.changed += 1,
            Change::Note => {
                self.notes.status_changed += u64::from(found.parts == ["status"]);
                self.notes.text_changed += u64::from(found.parts == ["text"]);
            }
        }
        if found.change != Change::Note {
            self.add_mention(found);
        }
        if self.examples.len() < self.n_examples {
            self.examples.push(ChangedMention::of(found));
        }
    }

    fn add_mention(&mut self, found: &Found<'_>) {
        for &part in found.parts {
            *self.columns.entry(part).or_default() += 1;
        }
        let cell = |side: Option<&Cells>, column: &str| side.map_or("", |cells| cells.named(column)).to_owned();
        for column in TOLD.into_iter().filter(|column| found.parts.contains(column)) {
            *self.values.entry((column, cell(found.a, column), cell(found.b, column))).or_default() += 1;
        }
        *self.rules.entry((found.change, cell(found.a, "rule"), cell(found.b, "rule"))).or_default() += 1;
    }

    pub fn finish(self, a: &PastRun, b: &PastRun) -> Diff {
        let values = self.values.into_iter();
        let mut values: Vec<ValueChange> =
            values.map(|((column, a, b), mentions)| ValueChange { column, a, b, mentions }).collect();
        values.sort_by_key(|change| std::cmp::Reverse(change.mentions));
        let rules = self.rules.into_iter();
        let mut rules: Vec<RuleChange> =
            rules.map(|((change, a, b), mentions)| RuleChange { change, a, b, mentions }).collect();
        rules.sort_by_key(|change| std::cmp::Reverse(change.mentions));
        Diff {
            run_a: a.folder().to_owned(),
            run_b: b.folder().to_owned(),
            equal: self.notes.affected == 0,
            made_otherwise: made_otherwise(a.description(), b.description()),
            mentions: self.mentions,
            notes: self.notes,
            patients_affected: self.patients.len() as u64,
            columns: self.columns,
            values,
            rules,
            examples: self.examples,
        }
    }
}

impl ChangedMention {
    fn of(found: &Found<'_>) -> ChangedMention {
        let row = |cells: Option<&Cells>, status: &str| -> BTreeMap<&'static str, String> {
            let cells =
                cells.into_iter().flat_map(|cells| COMPARED.map(|column| (column, cells.named(column).to_owned())));
            let status = (found.change == Change::Note).then(|| ("status", status.to_owned()));
            cells.chain(status).filter(|(_, cell)| !cell.is_empty()).collect()
        };
        ChangedMention {
            note_id: found.note_id.to_owned(),
            change: found.change,
            columns: found.parts.to_vec(),
            a: row(found.a, found.status.0),
            b: row(found.b, found.status.1),
        }
    }
}

/// What two runs were not both made with. Where they were written, and in which format, makes no difference.
fn made_otherwise(a: &Description, b: &Description) -> Vec<String> {
    let model = |run: &Description| run.model.as_ref().map(|model| model.blake3.clone());
    let pairs = [
        ("version", a.version == b.version),
        ("lexicon", a.lexicon.blake3 == b.lexicon.blake3),
        ("rules", a.rules.blake3 == b.rules.blake3),
        ("model", model(a) == model(b)),
    ];
    let mut differing: Vec<String> =
        pairs.into_iter().filter(|(_, same)| !same).map(|(what, _)| what.to_owned()).collect();
    let keys =
        |run: &Description| run.config.as_object().map(|config| config.keys().cloned().collect()).unwrap_or_default();
    let all: BTreeSet<String> =
        std::iter::empty().chain::<Vec<String>>(keys(a)).chain::<Vec<String>>(keys(b)).collect();
    let settings = all.into_iter().filter(|key| !["out", "format"].contains(&key.as_str()));
    let settings = settings.filter(|key| a.config.get(key) != b.config.get(key));
    differing.extend(settings.map(|key| format!("config.{key}")));
    differing
}
