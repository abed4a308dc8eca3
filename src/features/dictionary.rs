//! `dictionary.csv`: every feature and column in words.

use std::fs::File;
use std::path::Path;

use super::folder::{DICTIONARY, LONG, WIDE};
use super::long;
use super::plan::{Feature, FeatureKind, Plan};
use super::wide::WideColumns;
use crate::{Error, Result};

const HEADER: [&str; 6] = ["table", "name", "kind", "words", "unit", "n_index_rows"];

/// Writes the dictionary: the columns of the long table, its features with the number of index rows that have them, and
/// the columns of the wide table.
///
/// # Errors
/// The disk refuses it.
pub(super) fn write(folder: &Path, plan: &Plan, n_index_rows: &[u64], wide: &WideColumns) -> Result<()> {
    let path = folder.join(DICTIONARY);
    let file = File::create(&path).map_err(|error| Error::io("creating", &path, error))?;
    let mut writer = csv::Writer::from_writer(file);
    let failed = |error: csv::Error| Error::io("writing", &path, error.into());
    writer.write_record(HEADER).map_err(failed)?;
    for (name, words) in long::COLUMNS {
        writer.write_record([LONG, name, "column", words, "", ""]).map_err(failed)?;
    }
    for (feature, n_rows) in plan.features.iter().zip(n_index_rows).filter(|(_, n_rows)| **n_rows > 0) {
        let row = [LONG, &feature.name, feature.kind.name(), &words(feature), &feature.unit, &n_rows.to_string()];
        writer.write_record(row).map_err(failed)?;
    }
    for (name, words) in [("patient_id", "the patient"), ("index_time", "the time at which the features hold")] {
        writer.write_record([WIDE, name, "column", words, "", ""]).map_err(failed)?;
    }
    for (place, feature) in (0..).zip(&plan.features) {
        for column in wide.of_feature(place) {
            let window = column.window.map_or(String::new(), |window| format!(", {}", window.words()));
            let words = format!("{}{window}: {}", feature.words, column.part.words());
            let unit = column.part.unit().unwrap_or(&feature.unit);
            let row = [WIDE, &column.name, feature.kind.name(), &words, unit, ""];
            writer.write_record(row).map_err(failed)?;
        }
    }
    let file = writer.into_inner().map_err(|error| Error::io("writing", &path, error.into_error()))?;
    file.sync_all().map_err(|error| Error::io("flushing", &path, error))
}

fn words(feature: &Feature) -> String {
    match feature.kind {
        FeatureKind::State => {
            format!("{}: present, possible, absent or not mentioned; value: number of statements", feature.words)
        }
        _ => feature.words.clone(),
    }
}
