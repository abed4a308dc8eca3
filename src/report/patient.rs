//! What a run says of one patient: notes in order, problems with their states, measurements over time. Pure but for the form of
//! the rows, which are those of the tables.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use rustc_hash::FxHashMap;

use super::columns::{Flags, Numbers, Texts};
use super::read::is_current;
use super::tally::{State, States};

/// A note of the patient.
#[derive(Clone, Debug, Default)]
pub(super) struct PatientNote {
    pub id: String,
    pub time: Option<i64>,
    pub kind: String,
    pub author: String,
    pub status: String,
    pub mentions: u64,
}

/// A problem of the patient. `Debug` is left out: its name may be words of a note.
#[derive(Clone, Default)]
pub(super) struct Problem {
    pub name: String,
    pub kind: String,
    pub icd10cm: String,
    pub states: States,
    /// The strongest state in each note, by the place of the note.
    pub by_note: BTreeMap<usize, State>,
    /// Notes in which it stands only in sentences that an earlier note has.
    pub copied_notes: usize,
    /// The first and the last note, each with a mention of it, for `why`.
    pub first: Option<(usize, String)>,
    pub last: Option<(usize, String)>,
    own_notes: BTreeSet<usize>,
    /// The sentence of each mention, until it is known which are copied.
    hashes: Vec<(usize, String)>,
}

/// A value at a note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub note: usize,
    pub time: Option<i64>,
    pub value: f64,
    pub is_plausible: bool,
}

/// The measurements of a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Trend {
    pub unit: String,
    pub readings: Vec<Reading>,
}

/// What is known of a patient.
#[derive(Clone, Default)]
pub(super) struct PatientRecord {
    pub notes: Vec<PatientNote>,
    places: FxHashMap<String, usize>,
    /// By concept, or by the words of a mention that has none.
    pub problems: BTreeMap<String, Problem>,
    pub facts: BTreeMap<String, Problem>,
    pub trends: BTreeMap<String, Trend>,
    pub has_measurements: bool,
    pub has_facts: bool,
    /// The first note that has a sentence.
    sentences: FxHashMap<String, usize>,
}

impl PatientRecord {
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub fn add_notes(&mut self, batch: &RecordBatch, patient_id: &str) {
        let text = |name| Texts::of(batch, name);
        let (id, patient, kind, author, status) =
            (text("note_id"), text("patient_id"), text("note_type"), text("author"), text("status"));
        let (times, mentions) = (Numbers::of(batch, "note_time"), Numbers::of(batch, "mentions"));
        for row in rows_of(batch, patient, patient_id) {
            self.notes.push(PatientNote {
                id: id.or_empty(row).to_owned(),
                time: times.time(row),
                kind: kind.or_empty(row).to_owned(),
                author: author.or_empty(row).to_owned(),
                status: status.or_empty(row).to_owned(),
                mentions: mentions.count(row).unwrap_or_default(),
            });
        }
    }

    /// Puts the notes in the order of their times, those without one last, in the order of the run.
    pub fn order_notes(&mut self) {
        self.notes.sort_by_key(|note| (note.time.is_none(), note.time));
        let annotated = self.notes.iter().enumerate().filter(|(_, note)| note.status == "annotated");
        self.places = annotated.map(|(place, note)| (note.id.clone(), place)).collect();
    }

    /// Adds mentions; what is copied is known when every table was read: [`PatientRecord::finish`].
    pub fn add_mentions(&mut self, batch: &RecordBatch, patient_id: &str) {
        self.add_rows(batch, patient_id, Table::Mentions);
    }

    pub fn add_facts(&mut self, batch: &RecordBatch, patient_id: &str) {
        self.add_rows(batch, patient_id, Table::Facts);
    }

    fn add_rows(&mut self, batch: &RecordBatch, patient_id: &str, table: Table) {
        let text = |name| Texts::of(batch, name);
        let (id, mention_id, words, kind) = (text("note_id"), text("mention_id"), text("text"), text("type"));
        let (presence, temporality, experiencer) = (text("presence"), text("temporality"), text("experiencer"));
        let (hash, concept, name, code) =
            (text("segment_hash"), text("concept_id"), text("concept_name"), text("icd10cm"));
        for row in rows_of(batch, text("patient_id"), patient_id) {
            let Some(&note) = self.places.get(id.or_empty(row)) else { continue };
            let state = State::of(presence.or_empty(row), temporality.or_empty(row), experiencer.or_empty(row));
            let first = self.sentences.entry(hash.or_empty(row).to_owned()).or_insert(note);
            *first = note.min(*first);
            let named = concept.get(row);
            let key = named.map_or_else(|| format!("\u{1}{}", words.or_empty(row).to_lowercase()), str::to_owned);
            let problems = match table {
                Table::Mentions => &mut self.problems,
                Table::Facts => &mut self.facts,
            };
            let problem = problems.entry(key).or_default();
            if problem.states.total() == 0 {
                problem.name = name.get(row).or(named).unwrap_or(words.or_empty(row)).to_owned();
                problem.kind = kind.or_empty(row).to_owned();
            }
            if problem.icd10cm.is_empty() {
                problem.icd10cm = code.or_empty(row).to_owned();
            }
            problem.add(note, state, hash.or_empty(row), mention_id.or_empty(row));
        }
    }

    pub fn add_measurements(&mut self, batch: &RecordBatch, patient_id: &str) {
        let text = |name| Texts::of(batch, name);
        let (id, name, unit) = (text("note_id"), text("name"), text("unit"));
        let (values, plausible) = (Numbers::of(batch, "value"), Flags::of(batch, "plausible"));
        let current = is_current(batch);
        for row in rows_of(batch, text("patient_id"), patient_id).filter(|&row| current(row)) {
            let (Some(&note), Some(value)) = (self.places.get(id.or_empty(row)), values.real(row)) else { continue };
            let trend = self.trends.entry(name.or_empty(row).to_owned()).or_default();
            if trend.unit.is_empty() {
                trend.unit = unit.or_empty(row).to_owned();
            }
            let time = self.notes.get(note).and_then(|note| note.time);
            trend.readings.push(Reading { note, time, value, is_plausible: plausible.get(row).unwrap_or(true) });
        }
    }

    /// When everything was added: tells which notes only copy, and puts readings in order.
    pub fn finish(&mut self) {
        let sentences = &self.sentences;
        for problem in self.problems.values_mut().chain(self.facts.values_mut()) {
            problem.finish(sentences);
        }
        for trend in self.trends.values_mut() {
            trend.readings.sort_by_key(|reading| reading.note);
        }
    }
}

/// A table of statements.
#[derive(Clone, Copy)]
enum Table {
    Mentions,
    Facts,
}

impl Problem {
    fn add(&mut self, note: usize, state: State, hash: &str, mention: &str) {
        self.states.add(state);
        let strongest = self.by_note.entry(note).or_insert(state);
        *strongest = state.max(*strongest);
        if self.first.as_ref().is_none_or(|(first, _)| note < *first) {
            self.first = Some((note, mention.to_owned()));
        }
        if self.last.as_ref().is_none_or(|(last, _)| note >= *last) {
            self.last = Some((note, mention.to_owned()));
        }
        self.hashes.push((note, hash.to_owned()));
    }

    fn finish(&mut self, sentences: &FxHashMap<String, usize>) {
        self.own_notes = self
            .hashes
            .drain(..)
            .filter(|(note, hash)| sentences.get(hash).is_none_or(|first| first == note))
            .map(|(note, _)| note)
            .collect();
        self.copied_notes = self.by_note.len() - self.own_notes.len();
    }

    /// Whether a note has it only in copied sentences.
    pub fn is_copied_in(&self, note: usize) -> bool {
        !self.own_notes.contains(&note)
    }
}

/// The rows of a patient.
fn rows_of<'b>(batch: &'b RecordBatch, patient: Texts<'b>, patient_id: &'b str) -> impl Iterator<Item = usize> + 'b {
    (0..batch.num_rows()).filter(move |&row| patient.get(row) == Some(patient_id))
}
