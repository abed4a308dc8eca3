//! Difference: what changed between two runs, in mentions, notes and patients.
//!
//! Both runs are read once, side by side, in the order of their notes. In memory are a batch of rows of each table, the
//! notes that stand elsewhere in the other run or not at all, and the counts; so a difference of two runs over the same
//! notes takes the same memory whatever their length, and one over different notes that of what they do not share.

mod counts;
mod report;
mod stream;
mod table;

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::pairs::{Place, pairs};
use crate::past_run::PastRun;

use counts::Counter;
pub use counts::{ChangedMention, Diff, MentionCounts, NoteCounts, RuleChange, ValueChange};
use stream::{Cells, NoteRows, NoteStream};
use table::ChangeTable;

/// The columns of mentions that are compared.
const COMPARED: [&str; 25] = [
    "mention_id",
    "start",
    "end",
    "start_byte",
    "end_byte",
    "text",
    "type",
    "presence",
    "temporality",
    "experiencer",
    "cue",
    "cue_start",
    "cue_end",
    "rule",
    "section",
    "sentence",
    "segment_hash",
    "source",
    "score",
    "concept_id",
    "concept_name",
    "icd10cm",
    "codes",
    "link",
    "link_score",
];

/// What is done with the changes besides counting them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DiffOptions {
    /// A CSV file of every change.
    pub out: Option<PathBuf>,
    /// How many changes are kept as examples.
    pub n_examples: usize,
}

/// What became of a mention, or of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the second run has the mention.
    Added,
    /// Only the first run has it.
    Removed,
    /// Both have it, with other values.
    Changed,
    /// The note itself: one run does not have it, or its status or text changed.
    Note,
}

/// Compares two runs.
///
/// Notes are the same where their identifiers are. Their mentions are paired one to one: equal span and type (the same
/// `mention_id`) first, then equal spans, then spans that overlap.
///
/// # Errors
/// A folder is no finished run, a table cannot be read, or the file cannot be written.
pub fn diff(run_a: &Path, run_b: &Path, options: &DiffOptions) -> Result<Diff> {
    let (past_a, past_b) = (PastRun::open(run_a)?, PastRun::open(run_b)?);
    let table = options.out.as_deref().map(ChangeTable::create).transpose()?;
    let mut differ = Differ { counter: Counter::new(options.n_examples), table };
    differ.compare(NoteStream::open(run_a)?, NoteStream::open(run_b)?)?;
    let Differ { counter, table } = differ;
    if let Some(table) = table {
        table.finish()?;
    }
    Ok(counter.finish(&past_a, &past_b))
}

/// A change on its way to the counts and the table.
#[derive(Clone, Copy)]
struct Found<'a> {
    note_id: &'a str,
    patient_id: Option<&'a str>,
    change: Change,
    /// What differs, by the names of [`counts::part_of`].
    parts: &'a [&'static str],
    a: Option<&'a Cells>,
    b: Option<&'a Cells>,
    /// The status of the note in each run.
    status: (&'a str, &'a str),
}

struct Differ {
    counter: Counter,
    table: Option<ChangeTable>,
}

/// Notes of one run that were not met in the other yet, with their place in the run.
#[derive(Default)]
struct Waiting(HashMap<String, VecDeque<(u64, NoteRows)>>);

impl Waiting {
    fn push(&mut self, place: u64, note: NoteRows) {
        self.0.entry(note.id.clone()).or_default().push_back((place, note));
    }

    fn take(&mut self, id: &str) -> Option<NoteRows> {
        let queue = self.0.get_mut(id)?;
        let (_, note) = queue.pop_front()?;
        if queue.is_empty() {
            self.0.remove(id);
        }
        Some(note)
    }

    fn in_order(self) -> impl Iterator<Item = NoteRows> {
        let mut notes: Vec<(u64, NoteRows)> = self.0.into_values().flatten().collect();
        notes.sort_by_key(|(place, _)| *place);
        notes.into_iter().map(|(_, note)| note)
    }
}

impl Differ {
    fn compare(&mut self, mut run_a: NoteStream<'_>, mut run_b: NoteStream<'_>) -> Result<()> {
        let (mut only_a, mut only_b) = (Waiting::default(), Waiting::default());
        for place in 0.. {
            let (a, b) = (run_a.next()?, run_b.next()?);
            if a.is_none() && b.is_none() {
                break;
            }
            match (a, b) {
                (Some(a), Some(b))
                    if a.id == b.id && !only_a.0.contains_key(&a.id) && !only_b.0.contains_key(&a.id) =>
                {
                    self.notes(&a, &b)?;
                }
                (a, b) => {
                    if let Some(a) = a {
                        match only_b.take(&a.id) {
                            Some(b) => self.notes(&a, &b)?,
                            None => only_a.push(place, a),
                        }
                    }
                    if let Some(b) = b {
                        match only_a.take(&b.id) {
                            Some(a) => self.notes(&a, &b)?,
                            None => only_b.push(place, b),
                        }
                    }
                }
            }
        }
        for note in only_a.in_order() {
            self.counter.only_in_a(&note);
            self.note(&note, "note", (&note.status, ""))?;
            for mention in &note.mentions {
                self.mention(&note, Change::Removed, &[], (Some(mention), None))?;
            }
        }
        for note in only_b.in_order() {
            self.counter.only_in_b(&note);
            self.note(&note, "note", ("", &note.status))?;
            for mention in &note.mentions {
                self.mention(&note, Change::Added, &[], (None, Some(mention)))?;
            }
        }
        Ok(())
    }

    /// Compares a note that both runs have.
    fn notes(&mut self, a: &NoteRows, b: &NoteRows) -> Result<()> {
        self.counter.in_both(a, b);
        if a.status != b.status {
            self.note(a, "status", (&a.status, &b.status))?;
        }
        if a.text_hash != b.text_hash && a.text_hash.is_some() && b.text_hash.is_some() {
            self.note(a, "text", (&a.status, &b.status))?;
        }
        if a.mentions == b.mentions {
            self.counter.equal(a.mentions.len() as u64);
            return Ok(());
        }
        let mut partner_of_a = vec![None; a.mentions.len()];
        let mut is_free_b = vec![true; b.mentions.len()];
        for pair in pairs(&places(&a.mentions), &places(&b.mentions)) {
            partner_of_a[pair.own] = Some(pair.other);
            is_free_b[pair.other] = false;
        }
        for (mention, partner) in a.mentions.iter().zip(partner_of_a) {
            match partner.and_then(|partner| b.mentions.get(partner)) {
                None => self.mention(a, Change::Removed, &[], (Some(mention), None))?,
                Some(partner) if mention == partner => self.counter.equal(1),
                Some(partner) => {
                    let parts = counts::differing(mention, partner);
                    self.mention(a, Change::Changed, &parts, (Some(mention), Some(partner)))?;
                }
            }
        }
        for (mention, _) in b.mentions.iter().zip(is_free_b).filter(|(_, is_free)| *is_free) {
            self.mention(b, Change::Added, &[], (None, Some(mention)))?;
        }
        Ok(())
    }

    fn note(&mut self, note: &NoteRows, part: &'static str, status: (&str, &str)) -> Result<()> {
        self.found(note, Change::Note, &[part], (None, None), status)
    }

    fn mention(
        &mut self,
        note: &NoteRows,
        change: Change,
        parts: &[&'static str],
        pair: (Option<&Cells>, Option<&Cells>),
    ) -> Result<()> {
        self.found(note, change, parts, pair, ("", ""))
    }

    fn found(
        &mut self,
        note: &NoteRows,
        change: Change,
        parts: &[&'static str],
        (a, b): (Option<&Cells>, Option<&Cells>),
        status: (&str, &str),
    ) -> Result<()> {
        let found = Found { note_id: &note.id, patient_id: note.patient_id.as_deref(), change, parts, a, b, status };
        self.counter.add(&found);
        self.table.as_mut().map_or(Ok(()), |table| table.push(&found))
    }
}

fn places(mentions: &[Cells]) -> Vec<Place<'_>> {
    let number = |mention: &Cells, column: &str| mention.named(column).parse().unwrap_or_default();
    let place =
        |mention| Place { start: number(mention, "start"), end: number(mention, "end"), kind: mention.named("type") };
    mentions.iter().map(place).collect()
}
