//! The notes of a run in order, each with its mentions; a batch of rows of each table is in memory.

use std::fmt::Write;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};

use super::COMPARED;
use crate::read::run_table::{self, Batches};
use crate::write::{mentions, notes};
use crate::{Error, Result};

/// A note of a run, with its mentions.
pub(super) struct NoteRows {
    pub id: String,
    pub patient_id: Option<String>,
    pub status: String,
    pub text_hash: Option<String>,
    pub mentions: Vec<Cells>,
}

/// The compared columns of a mention in words, in the order of [`COMPARED`]. `Debug` is left out: they hold text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Cells {
    words: String,
    /// The end of each cell in `words`.
    ends: Vec<u32>,
}

impl Cells {
    /// A cell; empty for null.
    pub fn cell(&self, column: usize) -> &str {
        let end = |index: usize| self.ends.get(index).map_or(0, |&end| end as usize);
        let start = column.checked_sub(1).map_or(0, end);
        self.words.get(start..end(column)).unwrap_or_default()
    }

    /// The cell of a named column.
    pub fn named(&self, name: &str) -> &str {
        COMPARED.iter().position(|&column| column == name).map_or("", |index| self.cell(index))
    }
}

/// Reads the notes of a run.
pub(super) struct NoteStream<'a> {
    run: &'a Path,
    notes: Batches,
    mentions: Batches,
    /// Rows of the last batch of each table, those to come last.
    waiting_notes: std::vec::IntoIter<(NoteRows, u32)>,
    waiting_mentions: std::vec::IntoIter<(String, Cells)>,
}

impl<'a> NoteStream<'a> {
    pub fn open(run: &'a Path) -> Result<NoteStream<'a>> {
        let columns = ["note_id", "patient_id", "status", "text_hash", "mentions"];
        let notes = run_table::batches(run, "notes", &notes::schema(&[]), &columns)?;
        let columns: Vec<&str> = std::iter::once("note_id").chain(COMPARED).collect();
        let mentions = run_table::batches(run, "mentions", &mentions::schema(), &columns)?;
        let (waiting_notes, waiting_mentions) = (Vec::new().into_iter(), Vec::new().into_iter());
        Ok(NoteStream { run, notes, mentions, waiting_notes, waiting_mentions })
    }

    /// The next note.
    ///
    /// # Errors
    /// A table cannot be read, or mentions do not stand in the order of the notes.
    pub fn next(&mut self) -> Result<Option<NoteRows>> {
        let (mut note, n_mentions) = loop {
            match self.waiting_notes.next() {
                Some(note) => break note,
                None => match self.notes.next() {
                    Some(batch) => self.waiting_notes = notes_of(&batch?).into_iter(),
                    None => return Ok(None),
                },
            }
        };
        for _ in 0..n_mentions {
            match self.next_mention()? {
                Some((id, mention)) if id == note.id => note.mentions.push(mention),
                _ => {
                    let problem =
                        format!("mentions does not hold the {n_mentions} mentions of note {:?} in its place", note.id);
                    return Err(Error::input(self.run, problem));
                }
            }
        }
        Ok(Some(note))
    }

    fn next_mention(&mut self) -> Result<Option<(String, Cells)>> {
        loop {
            if let Some(mention) = self.waiting_mentions.next() {
                return Ok(Some(mention));
            }
            match self.mentions.next() {
                Some(batch) => self.waiting_mentions = mentions_of(&batch?)?.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

fn notes_of(batch: &RecordBatch) -> Vec<(NoteRows, u32)> {
    let texts = |name: &str| {
        let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        move |row: usize| {
            let value = column.filter(|column| column.is_valid(row)).map(|column| column.value(row));
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        }
    };
    let (id, patient_id, status, text_hash) =
        (texts("note_id"), texts("patient_id"), texts("status"), texts("text_hash"));
    let counts = batch.column_by_name("mentions").and_then(|column| column.as_primitive_opt::<UInt32Type>());
    let note = |row: usize| {
        let note = NoteRows {
            id: id(row).unwrap_or_default(),
            patient_id: patient_id(row),
            status: status(row).unwrap_or_default(),
            text_hash: text_hash(row),
            mentions: Vec::new(),
        };
        (note, counts.map_or(0, |counts| counts.value(row)))
    };
    (0..batch.num_rows()).map(note).collect()
}

fn mentions_of(batch: &RecordBatch) -> Result<Vec<(String, Cells)>> {
    let ids = batch.column_by_name("note_id").and_then(|column| column.as_string_opt::<i32>());
    let options = FormatOptions::default();
    let columns = COMPARED.iter().map(|column| {
        let values = batch.column_by_name(column);
        values.map(|values| ArrayFormatter::try_new(values, &options)).transpose()
    });
    let columns: Vec<Option<ArrayFormatter<'_>>> =
        columns.collect::<Result<_, _>>().map_err(|error| Error::internal(format!("rows of mentions: {error}")))?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let mut cells = Cells { words: String::new(), ends: Vec::with_capacity(COMPARED.len()) };
        for column in &columns {
            if let Some(column) = column {
                // Writing into a string cannot fail, and a cell that cannot be shown stays empty.
                let _ = write!(cells.words, "{}", column.value(row));
            }
            cells.ends.push(cells.words.len() as u32);
        }
        rows.push((ids.map_or("", |ids| ids.value(row)).to_owned(), cells));
    }
    Ok(rows)
}
