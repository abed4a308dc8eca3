//! A row of a run beside the row that this program gives, and what both were made with.

use serde::Serialize;

use crate::past_run::{Description, Row};
use crate::pipeline::{Pipeline, Resources};

/// Something that a run is made with, in the run and in this program.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MadeWith {
    /// `version`, `lexicon`, `rules` or `model`; of a warning also `run`, a score or a file.
    pub what: String,
    /// The version or hash that `run.json` or `warn.json` has.
    pub run: Option<String>,
    /// The same of this program, with the run's configuration.
    pub here: Option<String>,
    /// Whether they are equal.
    pub same: bool,
}

/// A column in which the run's row and this program's differ.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ColumnDifference {
    /// The column.
    pub column: String,
    /// Its value in the run.
    pub run: Option<String>,
    /// Its value by this program.
    pub here: Option<String>,
}

impl ColumnDifference {
    /// This program makes no row of this identifier.
    pub(super) fn of_missing_row(column: &str, id: &str) -> ColumnDifference {
        ColumnDifference { column: column.to_owned(), run: Some(id.to_owned()), here: None }
    }
}

/// What the run and this program were made with.
pub(super) fn made_with(run: &Description, resources: &Resources, pipeline: &Pipeline) -> Vec<MadeWith> {
    let hex = |hash: blake3::Hash| hash.to_hex().to_string();
    let pair = |what: &str, run: Option<&str>, here: Option<String>| {
        let same = run == here.as_deref();
        MadeWith { what: what.to_owned(), run: run.map(str::to_owned), here, same }
    };
    vec![
        pair("version", Some(&run.version), Some(env!("CARGO_PKG_VERSION").to_owned())),
        pair("lexicon", Some(&run.lexicon.blake3), Some(hex(pipeline.lexicon().hash()))),
        pair("rules", Some(&run.rules.blake3), Some(hex(resources.rules_hash()))),
        pair("model", run.model.as_ref().map(|model| model.blake3.as_str()), pipeline.model_hash().map(hex)),
    ]
}

/// The columns in which a row and the one that was made again differ.
pub(super) fn differences(row: &Row, own: &Row) -> Vec<ColumnDifference> {
    let differing = own.columns().into_iter().filter_map(|column| {
        let (run, here) = (row.shown(&column), own.shown(&column));
        (run != here).then_some(ColumnDifference { column, run, here })
    });
    differing.collect()
}
