//! The notes of a run in order, each with its rows of the other tables; a batch of rows of each table is in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::{PastRun, Row};
use crate::read::run_table::{self, Batches};
use crate::write::{facts, measurements, mentions, notes};
use crate::{Error, Result};

/// A note of a run, with its rows of each table.
pub(crate) struct NoteRows {
    pub note: Row,
    pub mentions: Vec<Row>,
    pub measurements: Vec<Row>,
    pub facts: Vec<Row>,
}

impl NoteRows {
    /// The identifier of the note.
    pub fn id(&self) -> &str {
        self.note.text("note_id").unwrap_or_default()
    }
}

/// Reads the notes of a run, also the empty and the rejected ones. A table other than `notes` that the run does not hold has
/// no rows: runs of older versions lack some.
pub(crate) struct NoteRowStream {
    folder: PathBuf,
    notes: TableRows,
    mentions: TableRows,
    measurements: TableRows,
    facts: TableRows,
}

impl NoteRowStream {
    /// Begins with the first note.
    ///
    /// # Errors
    /// The run holds no table `notes`, or a table that cannot be read.
    pub fn open(run: &PastRun) -> Result<NoteRowStream> {
        let folder = run.folder();
        let notes = run_table::batches(folder, "notes", &notes::schema(&[]), &[])?;
        Ok(NoteRowStream {
            folder: folder.to_owned(),
            notes: TableRows::new("notes", Some(notes)),
            mentions: TableRows::open(folder, "mentions", &mentions::schema())?,
            measurements: TableRows::open(folder, "measurements", &measurements::schema())?,
            facts: TableRows::open(folder, "facts", &facts::schema())?,
        })
    }

    /// The next note.
    ///
    /// # Errors
    /// A table cannot be read, or its rows do not stand in the order of the notes.
    pub fn next(&mut self) -> Result<Option<NoteRows>> {
        let Some(note) = self.notes.next()? else {
            return self.check_end().map(|()| None);
        };
        let mut rows = NoteRows { note, mentions: Vec::new(), measurements: Vec::new(), facts: Vec::new() };
        if rows.note.text("status") != Some("annotated") {
            return Ok(Some(rows));
        }
        let id = rows.id().to_owned();
        rows.mentions = self.mentions.of_note(&id)?;
        rows.measurements = self.measurements.of_note(&id)?;
        rows.facts = self.facts.of_note(&id)?;
        let n_mentions = rows.note.number("mentions").unwrap_or_default();
        if rows.mentions.len() as u64 != n_mentions {
            let problem = format!("mentions does not hold the {n_mentions} mentions of note {id:?} in its place");
            return Err(Error::input(&self.folder, problem));
        }
        Ok(Some(rows))
    }

    /// After the last note no table may hold rows.
    fn check_end(&mut self) -> Result<()> {
        for table in [&mut self.mentions, &mut self.measurements, &mut self.facts] {
            if let Some(row) = table.next()? {
                let (name, id) = (table.name, row.text("note_id").unwrap_or_default());
                let problem = format!("{name} holds rows of note {id:?} that do not stand in the order of notes");
                return Err(Error::input(&self.folder, problem));
            }
        }
        Ok(())
    }
}

/// The rows of a table, one after another.
struct TableRows {
    name: &'static str,
    batches: Option<Batches>,
    batch: Option<Arc<RecordBatch>>,
    next: usize,
}

impl TableRows {
    fn new(name: &'static str, batches: Option<Batches>) -> TableRows {
        TableRows { name, batches, batch: None, next: 0 }
    }

    fn open(run: &Path, name: &'static str, schema: &SchemaRef) -> Result<TableRows> {
        let is_there = run_table::holds(run, name);
        let batches = is_there.then(|| run_table::batches(run, name, schema, &[])).transpose()?;
        Ok(TableRows::new(name, batches))
    }

    /// The next row, which stays the next one.
    fn peek(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.next < batch.num_rows()) {
                return Ok(Some(Row::of(batch, self.next)));
            }
            match self.batches.as_mut().and_then(Iterator::next) {
                Some(batch) => (self.batch, self.next) = (Some(Arc::new(batch?)), 0),
                None => return Ok(None),
            }
        }
    }

    fn next(&mut self) -> Result<Option<Row>> {
        let row = self.peek()?;
        self.next += usize::from(row.is_some());
        Ok(row)
    }

    /// The rows of a note, where they come next.
    fn of_note(&mut self, id: &str) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        while let Some(row) = self.peek()?.filter(|row| row.text("note_id") == Some(id)) {
            rows.push(row);
            self.next += 1;
        }
        Ok(rows)
    }
}
