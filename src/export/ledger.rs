//! What came of the rows of a run: every row is written or lost, for a reason, and the counts must add up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::past_run::NoteRows;
use crate::{Error, Result};

/// The notes that a target has no place for.
const LOST_NOTES: &str = "lost_notes.csv";

/// A table of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Notes,
    Mentions,
    Measurements,
    Facts,
}

/// What came of the rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RowCounts {
    /// Rows of the run.
    pub read: u64,
    /// Rows that the export holds.
    pub written: u64,
    /// Rows that it does not hold, by reason.
    pub lost: BTreeMap<&'static str, u64>,
}

/// What came of the rows of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportCounts {
    /// Of `notes`.
    pub notes: RowCounts,
    /// Of `mentions`.
    pub mentions: RowCounts,
    /// Of `measurements`.
    pub measurements: RowCounts,
    /// Of `facts`.
    pub facts: RowCounts,
    /// Notes with rows that have no place in the target, which `lost_notes.csv` names.
    pub lost_notes: u64,
}

/// Counts rows as they are written or lost.
pub(super) struct Ledger {
    counts: ExportCounts,
    path: PathBuf,
    lost: csv::Writer<std::fs::File>,
}

impl Ledger {
    /// A ledger that names lost notes in a file of `folder`.
    pub fn create(folder: &Path) -> Result<Ledger> {
        let path = folder.join(LOST_NOTES);
        let lost = csv::Writer::from_path(&path).map_err(|error| failed(&path, error))?;
        let mut ledger = Ledger { counts: ExportCounts::default(), path, lost };
        ledger.name(&["note_id", "reason", "mentions", "measurements", "facts"])?;
        Ok(ledger)
    }

    /// Counts a row that is written.
    pub fn write(&mut self, table: Table) {
        let counts = self.of(table);
        counts.read += 1;
        counts.written += 1;
    }

    /// Counts a row that is lost.
    pub fn lose(&mut self, table: Table, reason: &'static str) {
        self.lose_all(table, reason, 1);
    }

    /// Counts a row: written, or lost for a reason.
    pub fn count(&mut self, table: Table, outcome: Result<(), &'static str>) {
        match outcome {
            Ok(()) => self.write(table),
            Err(reason) => self.lose(table, reason),
        }
    }

    /// Rows of a table that are written so far.
    pub fn n_written(&mut self, table: Table) -> u64 {
        self.of(table).written
    }

    /// Counts a note without text, which has no rows: what it lacks is in the ledger of the run. True where it is one.
    pub fn lose_without_text(&mut self, rows: &NoteRows) -> bool {
        let reason = match rows.note.text("status") {
            Some("empty") => "empty",
            Some("rejected") => "rejected",
            _ => return false,
        };
        self.lose(Table::Notes, reason);
        true
    }

    /// Counts a note that has no place in the target, with its rows, and names it.
    pub fn lose_note(&mut self, rows: &NoteRows, reason: &'static str) -> Result<()> {
        let n_rows = [rows.mentions.len(), rows.measurements.len(), rows.facts.len()];
        self.lose(Table::Notes, reason);
        for (table, n_rows) in [Table::Mentions, Table::Measurements, Table::Facts].into_iter().zip(n_rows) {
            self.lose_all(table, reason, n_rows as u64);
        }
        self.counts.lost_notes += 1;
        let [mentions, measurements, facts] = n_rows.map(|n_rows| n_rows.to_string());
        self.name(&[rows.id(), reason, &mentions, &measurements, &facts])
    }

    /// The counts, which must add up. The file of lost notes stays where it names one.
    pub fn finish(mut self) -> Result<ExportCounts> {
        self.lost.flush().map_err(|error| Error::io("writing", &self.path, error))?;
        drop(self.lost);
        if self.counts.lost_notes == 0 {
            std::fs::remove_file(&self.path).map_err(|error| Error::io("removing", &self.path, error))?;
        }
        let counts = &self.counts;
        for counts in [&counts.notes, &counts.mentions, &counts.measurements, &counts.facts] {
            if counts.read != counts.written + counts.lost.values().sum::<u64>() {
                return Err(Error::internal("rows that were read were neither written nor lost"));
            }
        }
        Ok(self.counts)
    }

    fn lose_all(&mut self, table: Table, reason: &'static str, n_rows: u64) {
        if n_rows > 0 {
            let counts = self.of(table);
            counts.read += n_rows;
            *counts.lost.entry(reason).or_default() += n_rows;
        }
    }

    fn of(&mut self, table: Table) -> &mut RowCounts {
        match table {
            Table::Notes => &mut self.counts.notes,
            Table::Mentions => &mut self.counts.mentions,
            Table::Measurements => &mut self.counts.measurements,
            Table::Facts => &mut self.counts.facts,
        }
    }

    fn name(&mut self, row: &[&str]) -> Result<()> {
        self.lost.write_record(row).map_err(|error| failed(&self.path, error))
    }
}

fn failed(path: &Path, error: csv::Error) -> Error {
    Error::io("writing", path, std::io::Error::other(error))
}
