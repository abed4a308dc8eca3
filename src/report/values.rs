//! Counts over the measurements of a run: pure, fed row by row, bounded by the names.

use rustc_hash::FxHashMap;

use super::tally::{Persons, slot};

/// A row of `measurements`.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeasurementRow<'a> {
    pub who: u64,
    pub name: &'a str,
    pub unit: Option<&'a str>,
    pub value: Option<f64>,
    pub is_plausible: bool,
    /// Of the patient, stated, and in this episode.
    pub is_current: bool,
}

/// Measurements of a name.
#[derive(Clone, Debug, Default)]
pub(super) struct MeasurementCounts {
    pub n: u64,
    /// Not of this episode, denied, or somebody else's.
    pub aside: u64,
    pub implausible: u64,
    /// Without a number.
    pub in_words: u64,
    pub unit: String,
    pub n_values: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub persons: Persons,
}

impl MeasurementCounts {
    /// The mean of the plausible values of this episode.
    pub fn mean(&self) -> Option<f64> {
        (self.n_values > 0).then(|| self.sum / self.n_values as f64)
    }
}

/// Counts over `measurements`.
#[derive(Clone, Debug, Default)]
pub(super) struct MeasurementsTally {
    pub n: u64,
    pub by_name: FxHashMap<String, MeasurementCounts>,
    least: u64,
}

impl MeasurementsTally {
    /// A tally that counts so many persons for each cell.
    pub fn new(least: u64) -> MeasurementsTally {
        MeasurementsTally { least, ..MeasurementsTally::default() }
    }

    pub fn add(&mut self, row: &MeasurementRow<'_>) {
        self.n += 1;
        let counts = slot(&mut self.by_name, row.name);
        counts.n += 1;
        counts.persons.add(row.who, self.least);
        if counts.unit.is_empty() {
            counts.unit = row.unit.unwrap_or_default().to_owned();
        }
        counts.aside += u64::from(!row.is_current);
        counts.implausible += u64::from(!row.is_plausible);
        let Some(value) = row.value else {
            counts.in_words += 1;
            return;
        };
        if row.is_plausible && row.is_current {
            (counts.min, counts.max) = match counts.n_values {
                0 => (value, value),
                _ => (counts.min.min(value), counts.max.max(value)),
            };
            counts.n_values += 1;
            counts.sum += value;
        }
    }
}
