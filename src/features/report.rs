//! What came of making features: counts that add up, for `features.json` and for people.

use std::fmt;

use serde::Serialize;

use super::leakage::{LeakageCounts, LeakageKind, LeakagePolicy, NoteUse};
use super::load::{NoteRows, StatementRows};

/// What came of making features. It is written as `features.json`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FeatureReport {
    /// The name of the program.
    pub program: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What the features were made of.
    pub inputs: FeatureInputs,
    /// How they were made.
    pub settings: FeatureSettings,
    /// The index rows.
    pub index: IndexCounts,
    /// Rows of the patients file.
    pub patients: FeaturePatientCounts,
    /// Rows of `notes`.
    pub notes: NoteRows,
    /// Rows of `mentions`.
    pub mentions: StatementRows,
    /// Rows of `facts`.
    pub facts: StatementRows,
    /// Rows of `measurements`.
    pub measurements: StatementRows,
    /// Notes of the cohort and their times.
    pub timing: NoteTiming,
    /// Notes by index row.
    pub note_use: NoteUse,
    /// What leaks.
    pub leakage: LeakageCounts,
    /// What was written.
    pub written: Written,
}

/// Files by their BLAKE3 hashes.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct FeatureInputs {
    /// `run.json` of the run.
    pub run: String,
    /// The index file.
    pub index: Option<String>,
    /// The patients file.
    pub patients: Option<String>,
    /// The table of groups.
    pub groups: String,
}

/// How features were made.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FeatureSettings {
    /// Where index times come from: `file` or `last_note`.
    pub index: &'static str,
    /// Which notes count: those available `before` the index time, or `up_to` it.
    pub bound: &'static str,
    /// The column that says when notes were available.
    pub time_column: String,
    /// The windows, in ascending order.
    pub windows: Vec<String>,
    /// What is done about leaks.
    pub leakage: LeakagePolicy,
    /// Which leaks are looked after.
    pub leakage_kinds: Vec<LeakageKind>,
    /// The most states and statistics of the wide table.
    pub max_wide_features: usize,
}

/// Index rows: `read` is the sum of `rejected`, `twice` and `kept`.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct IndexCounts {
    /// Rows read.
    pub read: u64,
    /// Rows that could not be understood.
    pub rejected: u64,
    /// Rows of a patient and a time that an earlier row has.
    pub twice: u64,
    /// Rows with features.
    pub kept: u64,
    /// Patients of those.
    pub patients: u64,
    /// Without an index file: patients none of whose notes has a time.
    pub patients_without_time: u64,
    /// The first rejected rows.
    pub rejects: Vec<RejectedRow>,
}

/// What the patients file gave.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct FeaturePatientCounts {
    /// Rows read.
    pub read: u64,
    /// Rows that could not be understood.
    pub rejected: u64,
    /// Patients of the cohort that it has.
    pub in_cohort: u64,
    /// The first rejected rows.
    pub rejects: Vec<RejectedRow>,
}

/// A row of a user's file that was left out.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RejectedRow {
    /// Record, from 1, the header not counted.
    pub record: u64,
    /// What was found and expected.
    pub reason: String,
}

/// Notes of the cohort and their times.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct NoteTiming {
    /// Notes that were available more than a day after their date.
    pub filed_late: u64,
    /// Notes that were available before their date.
    pub available_before_dated: u64,
    /// Addenda, and later versions of a note (same patient, encounter, type and date).
    pub addenda: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Written {
    /// Features that an index row has.
    pub features: u64,
    /// Rows of `features.parquet`.
    pub long_rows: u64,
    /// Rows of `wide.parquet`: one for each index row.
    pub wide_rows: u64,
    /// Columns of `wide.parquet` that hold features.
    pub wide_columns: u64,
}

impl fmt::Display for FeatureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, written) = (&self.index, self.written);
        writeln!(f, "{} features of {} patients at {} times", written.features, index.patients, index.kept)?;
        let (long, wide, columns) = (written.long_rows, written.wide_rows, written.wide_columns);
        writeln!(f, "features.parquet: {long} rows; wide.parquet: {wide} rows, {columns} columns of features")?;
        let mut tell = |n: u64, what: &str| if n > 0 { writeln!(f, "{n} {what}") } else { Ok(()) };
        tell(self.note_use.index_rows_without_notes, "index rows without a note that counts")?;
        tell(self.notes.without_patient, "notes without a patient left out")?;
        tell(self.notes.without_time, "notes without a time of availability left out")?;
        tell(index.patients_without_time, "patients without a note that has a time left out")?;
        tell(
            self.note_use.dated_before_index,
            "notes dated before an index time were filed after it, and do not count",
        )?;
        tell(self.measurements.implausible, "implausible measurements left out")?;
        tell(index.twice, "index rows stand twice")
    }
}
