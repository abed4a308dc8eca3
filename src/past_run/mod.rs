//! A finished run, opened again: its description, single rows of its tables or all of them note by note, and the texts of
//! its notes.
//!
//! Commands that read a run go through this, so that all of them refuse a changed text.

mod in_order;
mod note_rows;
mod paths;
mod row;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use serde::Deserialize;
use serde_json::Value;

use crate::config::{Config, PartialConfig};
use crate::read::run_table::{self, Wanted};
use crate::write::folder::RUN_FILE;
use crate::write::{facts, measurements, mentions, notes};
use crate::{Error, Result};

pub(crate) use in_order::NoteTexts;
pub(crate) use note_rows::{NoteRowStream, NoteRows};
pub(crate) use row::Row;
pub use texts::{FoundIn, NoteSource};

/// The output folder of a finished run.
#[derive(Debug)]
pub(crate) struct PastRun {
    folder: PathBuf,
    description: Description,
}

/// A table of what notes state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatementTable {
    Mentions,
    Measurements,
    Facts,
}

impl StatementTable {
    /// Every one, in the order in which a row is looked for.
    pub const ALL: [StatementTable; 3] =
        [StatementTable::Mentions, StatementTable::Measurements, StatementTable::Facts];

    /// The name of the table.
    pub fn name(self) -> &'static str {
        match self {
            StatementTable::Mentions => "mentions",
            StatementTable::Measurements => "measurements",
            StatementTable::Facts => "facts",
        }
    }

    /// The column that identifies a row.
    pub fn id_column(self) -> &'static str {
        match self {
            StatementTable::Mentions | StatementTable::Facts => "mention_id",
            StatementTable::Measurements => "measurement_id",
        }
    }

    /// Its columns.
    pub fn schema(self) -> SchemaRef {
        match self {
            StatementTable::Mentions => mentions::schema(),
            StatementTable::Measurements => measurements::schema(),
            StatementTable::Facts => facts::schema(),
        }
    }
}

/// What `run.json` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Description {
    pub version: String,
    pub config: Value,
    pub lexicon: Hashed,
    pub rules: Hashed,
    pub model: Option<Hashed>,
    #[serde(default)]
    pub timings: PastTimings,
}

/// What `run.json` says of time.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PastTimings {
    /// When the run ended, in UTC; runs of older versions do not say.
    pub ended: Option<String>,
}

/// The hash of something that a run was made with.
#[derive(Debug, Deserialize)]
pub(crate) struct Hashed {
    pub blake3: String,
}

impl PastRun {
    /// Opens the output folder of a finished run.
    ///
    /// # Errors
    /// `run.json` is not there or is not what `annotate` writes.
    pub fn open(folder: &Path) -> Result<PastRun> {
        let path = folder.join(RUN_FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                Error::input(folder, format!("holds no {RUN_FILE}; expected the output folder of a finished annotate"))
            }
            _ => Error::io("reading", &path, error),
        })?;
        let description = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::input(&path, format!("line {line}, column {column}: expected the description of a run"))
        })?;
        Ok(PastRun { folder: folder.to_owned(), description })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What `run.json` says.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The configuration of the run, with the paths by which its files are found now.
    ///
    /// # Errors
    /// It names something that this version of the program does not know.
    pub fn config(&self) -> Result<Config> {
        let partial: PartialConfig = serde_json::from_value(self.description.config.clone()).map_err(|error| {
            let (version, here) = (&self.description.version, env!("CARGO_PKG_VERSION"));
            let problem = format!("config of a run of version {version}, read by version {here}: {error}");
            Error::input(&self.folder.join(RUN_FILE), problem)
        })?;
        self.with_paths_of_now(partial).complete(NonZeroUsize::MIN)
    }

    /// The row of a mention, a measurement or a fact, with its table.
    ///
    /// # Errors
    /// The run holds no such row, or a table that cannot be read.
    pub fn statement(&self, id: &str) -> Result<(StatementTable, Row)> {
        for table in StatementTable::ALL {
            // Runs of older versions hold mentions alone.
            if table != StatementTable::Mentions && !run_table::holds(&self.folder, table.name()) {
                continue;
            }
            let wanted = Wanted { column: table.id_column(), value: id };
            if let Some(batch) = run_table::find(&self.folder, table.name(), &table.schema(), wanted)? {
                return Ok((table, Row::first(batch)));
            }
        }
        let problem = format!(
            "no mention, measurement or fact has the id {id:?}; ids stand in the columns mention_id and measurement_id"
        );
        Err(Error::input(&self.folder, problem))
    }

    /// The row of a note.
    ///
    /// # Errors
    /// The run holds no table of notes, or no such note.
    pub fn note(&self, note_id: &str) -> Result<Row> {
        let wanted = Wanted { column: "note_id", value: note_id };
        let batch = run_table::find(&self.folder, "notes", &notes::schema(&[]), wanted)?;
        batch.map(Row::first).ok_or_else(|| {
            Error::input(&self.folder, format!("the table notes holds no note {note_id:?}, which another names"))
        })
    }

    /// The rows of some notes, in the order of the table.
    ///
    /// # Errors
    /// The run holds no table of notes, or one that cannot be read.
    pub fn notes(&self, ids: &BTreeSet<&str>) -> Result<Vec<Row>> {
        const COLUMNS: [&str; 4] = ["note_id", "input", "record", "text_hash"];
        let mut found = Vec::new();
        for batch in run_table::batches(&self.folder, "notes", &notes::schema(&[]), &COLUMNS)? {
            let batch = Arc::new(batch?);
            let rows = (0..batch.num_rows()).map(|index| Row::of(&batch, index));
            found.extend(rows.filter(|row| row.text("note_id").is_some_and(|id| ids.contains(id))));
        }
        Ok(found)
    }

    /// The rows of a table of some identifiers, with the columns that are asked for, in one pass.
    ///
    /// # Errors
    /// The run holds no such table, or one that cannot be read.
    pub fn statements(
        &self,
        table: StatementTable,
        ids: &BTreeSet<&str>,
        columns: &[&str],
    ) -> Result<BTreeMap<String, Row>> {
        let mut found = BTreeMap::new();
        for batch in run_table::batches(&self.folder, table.name(), &table.schema(), columns)? {
            let batch = Arc::new(batch?);
            let rows = (0..batch.num_rows()).map(|index| Row::of(&batch, index));
            for row in rows {
                if let Some(id) = row.text(table.id_column()).filter(|id| ids.contains(id)) {
                    found.insert(id.to_owned(), row.clone());
                }
            }
        }
        Ok(found)
    }

    /// The identifiers of every annotated note, in order.
    ///
    /// # Errors
    /// The run holds no table of notes, or one that cannot be read.
    pub fn each_annotated(&self, mut each: impl FnMut(NoteIds<'_>) -> Result<()>) -> Result<()> {
        let columns = ["note_id", "patient_id", "encounter_id", "status"];
        for batch in run_table::batches(&self.folder, "notes", &notes::schema(&[]), &columns)? {
            let batch = Arc::new(batch?);
            for index in 0..batch.num_rows() {
                let row = Row::of(&batch, index);
                if row.text("status") == Some("annotated") {
                    let note = row.text("note_id").unwrap_or_default();
                    each(NoteIds { note, patient: row.text("patient_id"), encounter: row.text("encounter_id") })?;
                }
            }
        }
        Ok(())
    }
}

/// The identifiers of a note.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoteIds<'a> {
    pub note: &'a str,
    pub patient: Option<&'a str>,
    pub encounter: Option<&'a str>,
}
