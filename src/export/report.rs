//! What an export says of itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{ExportCounts, OmopReport, Profile, RowCounts};

/// What was exported. `export.json` is this structure.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ExportReport {
    /// The program.
    pub program: &'static str,
    /// Its version.
    pub version: &'static str,
    /// To what.
    pub target: &'static str,
    /// What was made of borderline statements.
    pub profile: Profile,
    /// The version of the program that annotated.
    pub run_version: String,
    /// What came of the rows of the run.
    pub counts: ExportCounts,
    /// What was written, in the target's own words: rows by file or kind.
    pub rows: BTreeMap<&'static str, u64>,
    /// What an export to OMOP says besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omop: Option<OmopReport>,
    /// Files and folders beside `export.json`.
    pub files: Vec<String>,
}

impl fmt::Display for ExportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        let tables = [
            ("notes", &counts.notes),
            ("mentions", &counts.mentions),
            ("measurements", &counts.measurements),
            ("facts", &counts.facts),
        ];
        for (table, rows) in tables.into_iter().filter(|(_, rows)| rows.read > 0) {
            writeln!(f, "{table}: {}", told(rows))?;
        }
        let rows = self.rows.iter().filter(|(_, n_rows)| **n_rows > 0);
        let written: Vec<String> = rows.map(|(kind, n_rows)| format!("{n_rows} {}", kind.replace('_', " "))).collect();
        let written = if written.is_empty() { "nothing".to_owned() } else { written.join(", ") };
        writeln!(f, "{}: {written}", self.target)?;
        self.omop.as_ref().map_or(Ok(()), |omop| omop.fmt(f))
    }
}

fn told(rows: &RowCounts) -> String {
    let (written, read) = (rows.written, rows.read);
    if rows.lost.is_empty() {
        return format!("{written} of {read} written");
    }
    let lost: Vec<String> = rows.lost.iter().map(|(reason, n_rows)| format!("{n_rows} {reason}")).collect();
    format!("{written} of {read} written; not: {}", lost.join(", "))
}
