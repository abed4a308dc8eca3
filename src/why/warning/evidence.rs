//! The evidence of a warning, looked at again: whether the run still has the row, and the note its text.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::{NoteSource, values};
use crate::Result;
use crate::past_run::{NoteTexts, PastRun, Row, StatementTable};
use crate::write::text_hash;

/// Code points of a note that are shown on each side of the words.
pub(super) const AROUND: usize = 60;

/// An item of the column `evidence`.
#[derive(Deserialize)]
pub(super) struct Item {
    pub input: String,
    pub state: String,
    pub reason: Option<String>,
    pub value: Option<Value>,
    pub points_min: f64,
    pub points_max: f64,
    table: Option<String>,
    note_id: Option<String>,
    start: Option<u32>,
    end: Option<u32>,
    mention_id: Option<String>,
    measurement: Option<String>,
    row: Option<u64>,
    rule: Option<String>,
    time: Option<String>,
    text_hash: Option<String>,
    segment_hash: Option<String>,
}

/// What an input rests on: a row of a table of the run, or of a file that was given.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct EvidenceTold {
    /// `mentions`, `facts` or `measurements`; `patients` or `observations` are the files that were given.
    pub table: String,
    /// The row's identifier, by which it can be explained.
    pub id: Option<String>,
    /// The row of the file of observations, from 1.
    pub row: Option<u64>,
    /// The note.
    pub note_id: Option<String>,
    /// First code point.
    pub start: Option<u32>,
    /// One past the last code point.
    pub end: Option<u32>,
    /// The rule that decided its assertion, or by which it was read.
    pub rule: Option<String>,
    /// From when it holds.
    pub time: Option<String>,
    /// The hash of the note's text when the warning was made.
    pub text_hash: Option<String>,
    /// The identity of its sentence.
    pub segment_hash: Option<String>,
    /// Whether the text is still the one with this hash.
    pub text_is: Option<TextState>,
    /// Why it is not.
    pub problem: Option<String>,
    /// The words, where the text is the same.
    pub words: Option<String>,
    /// The words before and after them.
    pub around: Option<[String; 2]>,
    /// What the run's row says; `None` where the run has no such row at this place.
    pub statement: Option<Map<String, Value>>,
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TextState {
    /// It is the one of the hash.
    Same,
    /// It is another.
    Changed,
    /// It is not to be found.
    NotFound,
}

impl EvidenceTold {
    /// Whether text and row are those that the warning was made of. Of a file that was given, its hash tells.
    pub(super) fn is_as_it_was(&self) -> bool {
        self.note_id.is_none() || (self.text_is == Some(TextState::Same) && self.statement.is_some())
    }
}

/// An item, with what it rests on.
pub(super) struct Checked {
    pub item: Item,
    pub told: Option<EvidenceTold>,
}

/// Reads the column; `None` where it is not as `warn` writes it.
pub(super) fn items(json: &str) -> Option<Vec<Item>> {
    serde_json::from_str(json).ok()
}

/// Looks at the evidence again.
pub(super) fn check(items: Vec<Item>, run: &PastRun, source: &NoteSource) -> Result<Vec<Checked>> {
    let statements = statements(&items, run)?;
    let texts = texts(&items, run, source)?;
    let checked = items.into_iter().map(|mut item| {
        let told = item.told().map(|told| {
            let text = told.note_id.as_ref().and_then(|id| texts.get(id));
            told.with(text, &statements)
        });
        Checked { item, told }
    });
    Ok(checked.collect())
}

impl Item {
    /// What the item rests on, as it was written.
    fn told(&mut self) -> Option<EvidenceTold> {
        Some(EvidenceTold {
            table: self.table.take()?,
            id: self.mention_id.take().or(self.measurement.take()),
            row: self.row,
            note_id: self.note_id.take(),
            start: self.start,
            end: self.end,
            rule: self.rule.take(),
            time: self.time.take(),
            text_hash: self.text_hash.take(),
            segment_hash: self.segment_hash.take(),
            text_is: None,
            problem: None,
            words: None,
            around: None,
            statement: None,
        })
    }

    fn id(&self) -> Option<&str> {
        self.mention_id.as_deref().or(self.measurement.as_deref())
    }
}

impl EvidenceTold {
    fn with(mut self, text: Option<&Result<String>>, statements: &BTreeMap<(&str, String), Row>) -> EvidenceTold {
        let row = self.id.as_ref().and_then(|id| statements.get(&(self.table.as_str(), id.clone())));
        // The identifier of a row is made of its note and place; both are compared all the same.
        let place = |row: &&Row| {
            let at = |column: &str| row.number(column).and_then(|point| u32::try_from(point).ok());
            row.text("note_id") == self.note_id.as_deref() && (at("start"), at("end")) == (self.start, self.end)
        };
        self.statement = row.filter(place).map(values);
        match text {
            None => {}
            Some(Err(error)) => (self.text_is, self.problem) = (Some(TextState::NotFound), Some(error.to_string())),
            Some(Ok(text)) => {
                let found = text_hash(text);
                if self.text_hash.as_ref() == Some(&found) {
                    self.text_is = Some(TextState::Same);
                    self.show(text);
                } else {
                    self.text_is = Some(TextState::Changed);
                    self.problem = Some(format!("its hash is {found}"));
                }
            }
        }
        self
    }

    /// The words at the place, and those around them.
    fn show(&mut self, text: &str) {
        let (Some(start), Some(end)) = (self.start, self.end) else { return };
        let (start, end) = (start as usize, end as usize);
        let part = |from: usize, to: usize| text.chars().skip(from).take(to.saturating_sub(from)).collect::<String>();
        self.words = Some(part(start, end));
        let before = part(start.saturating_sub(AROUND), start);
        let after = part(end, end.saturating_add(AROUND));
        self.around = Some([before, after]);
    }
}

/// The rows of the run that items name, by table and identifier.
fn statements(items: &[Item], run: &PastRun) -> Result<BTreeMap<(&'static str, String), Row>> {
    const SHARED: [&str; 7] = ["note_id", "start", "end", "presence", "temporality", "experiencer", "rule"];
    let mut all = BTreeMap::new();
    for table in StatementTable::ALL {
        let of_table = items.iter().filter(|item| item.table.as_deref() == Some(table.name()));
        let ids: BTreeSet<&str> = of_table.filter_map(Item::id).collect();
        if ids.is_empty() {
            continue;
        }
        let own: &[&str] = match table {
            StatementTable::Mentions => &["concept_id", "icd10cm"],
            StatementTable::Facts => &["concept_id", "value", "unit"],
            StatementTable::Measurements => &["name", "comparator", "value", "unit", "plausible", "taken_at"],
        };
        let columns = [&[table.id_column()], &SHARED[..], own].concat();
        let found = run.statements(table, &ids, &columns)?;
        all.extend(found.into_iter().map(|(id, row)| ((table.name(), id), row)));
    }
    Ok(all)
}

/// The texts of the notes that items name, in one pass; or why one is not to be found.
fn texts(items: &[Item], run: &PastRun, source: &NoteSource) -> Result<BTreeMap<String, Result<String>>> {
    let ids: BTreeSet<&str> = items.iter().filter_map(|item| item.note_id.as_deref()).collect();
    let mut all = BTreeMap::new();
    if ids.is_empty() {
        return Ok(all);
    }
    let mut texts = NoteTexts::open(run, source)?;
    for row in run.notes(&ids)? {
        let id = row.text("note_id").unwrap_or_default().to_owned();
        all.insert(id, texts.text(&row));
    }
    for id in ids {
        all.entry(id.to_owned()).or_insert_with(|| run.note(id).map(|_| String::new()));
    }
    Ok(all)
}
