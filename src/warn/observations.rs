//! The file of observations: vital signs and laboratory values that systems recorded, beside those that notes state.

use std::collections::BTreeMap;
use std::path::Path;

use super::record::{Origin, Source, Statement, Value};
use super::roster::Roster;
use super::store::{Head, Statements, Store};
use super::uses::Uses;
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::measure::Measurer;
use crate::read::small_table::{self, BadRow, Column, Need, PATIENT_ID};
use crate::read::time;
use crate::{Error, Result};

const COLUMNS: [Column; 6] = [
    PATIENT_ID,
    Column { names: &["time", "charttime", "observation_time"], need: Need::Required },
    Column { names: &["name", "observation"], need: Need::Optional },
    Column { names: &["loinc", "code"], need: Need::Optional },
    Column { names: &["value"], need: Need::Required },
    Column { names: &["unit", "units"], need: Need::Optional },
];

/// How many rejected rows are named.
const MAX_NAMED: usize = 20;

/// What came of the rows of the file; they add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ObservationCounts {
    /// Rows of the file.
    pub read: u64,
    /// Rows that an input of a score asks for.
    pub used: u64,
    /// Rows that no input asks for.
    pub not_asked_for: u64,
    /// Rows that could not be used, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// The first rejected rows: number from 1, and reason.
    pub first_rejected: Vec<(u64, &'static str)>,
}

impl ObservationCounts {
    /// How many rows were rejected.
    pub fn n_rejected(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// The patients of the file, each with the number of its rows.
pub(super) fn patients(path: &Path, n_entries: &mut BTreeMap<String, u64>) -> Result<()> {
    small_table::read(path, &[PATIENT_ID], &mut |_, values| {
        if let Ok([Some(patient)]) = values {
            *n_entries.entry(patient.to_owned()).or_default() += 1;
        }
        Ok(())
    })?;
    Ok(())
}

/// Adds the rows of the file to the store; gives the counts and the hash of the file.
pub(super) fn gather(
    path: &Path,
    measurer: &Measurer,
    roster: &Roster,
    uses: &mut Uses<'_>,
    store: &mut Store,
) -> Result<(ObservationCounts, blake3::Hash)> {
    let mut counts = ObservationCounts::default();
    let mut statements = Statements::default();
    let hash = small_table::read(path, &COLUMNS, &mut |row, values| {
        counts.read += 1;
        let parsed = values.map_err(|bad: BadRow| bad.reason()).and_then(parse);
        let read = parsed.and_then(|parsed| understood(&parsed, measurer, uses));
        match read {
            Err(reason) => {
                *counts.rejected.entry(reason).or_default() += 1;
                if counts.first_rejected.len() < MAX_NAMED {
                    counts.first_rejected.push((row, reason));
                }
            }
            Ok((patient, time, Some(statement))) => {
                counts.used += 1;
                statements.clear();
                statements.push(&statement);
                let Some(patient) = roster.number(patient) else {
                    return Err(Error::internal("a patient of no roster"));
                };
                store.push(roster.group(patient), Head { patient, time, origin: Origin::Row(row) }, &statements)?;
            }
            Ok((.., None)) => counts.not_asked_for += 1,
        }
        Ok(())
    })?;
    Ok((counts, hash))
}

/// The cells of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Parsed<'v> {
    patient: &'v str,
    time: i64,
    /// Name or LOINC code.
    name: &'v str,
    value: f64,
    unit: Option<&'v str>,
}

fn parse(
    [patient, stated_time, name, loinc, value, unit]: [Option<&str>; 6],
) -> std::result::Result<Parsed<'_>, &'static str> {
    let patient = patient.ok_or("no patient_id")?;
    let stated_time = stated_time.ok_or("no time")?;
    let time = time::parse(stated_time).ok_or("time not understood: expected one such as 2025-03-02T14:20:00")?.0;
    let name = name.or(loinc).ok_or("neither name nor LOINC code")?;
    let value = number(value.ok_or("no value")?).ok_or("value is no number, and not yes or no")?;
    Ok(Parsed { patient, time, name, value, unit })
}

/// The statement of a row; `None` where no score asks for it.
fn understood<'v>(
    parsed: &Parsed<'v>,
    measurer: &Measurer,
    uses: &mut Uses<'_>,
) -> std::result::Result<(&'v str, i64, Option<Statement<'static>>), &'static str> {
    let (name, value, plausible) = match measurer.convert(parsed.name, parsed.value, parsed.unit) {
        Some(converted) => converted.map(|converted| (converted.name, converted.value, converted.plausible))?,
        // Scores name columns of their own, whose values are taken as they are.
        None => (parsed.name, parsed.value, true),
    };
    let thing = uses.thing(Source::File, Some(name), None);
    let statement = thing.map(|thing| Statement { thing, plausible, ..statement(value) });
    Ok((parsed.patient, parsed.time, statement))
}

/// A number; yes is 1, no is 0.
fn number(value: &str) -> Option<f64> {
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is(&["yes", "true", "y"]) {
        return Some(1.0);
    }
    if is(&["no", "false", "n"]) {
        return Some(0.0);
    }
    value.parse().ok().filter(|number: &f64| number.is_finite())
}

fn statement(value: f64) -> Statement<'static> {
    Statement {
        thing: 0,
        source: Source::File,
        // Of a yes or no the number tells which.
        presence: if value == 0.0 { Presence::Absent } else { Presence::Present },
        temporality: Temporality::Current,
        experiencer: Experiencer::Patient,
        value: Some(Value::exactly(value)),
        plausible: true,
        is_former: false,
        is_latter: false,
        taken_at: None,
        start: 0,
        end: 0,
        id: "",
        segment_hash: "",
        rule: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_why_they_cannot_be_used() {
        let check = |cells: [&str; 6], expected: std::result::Result<f64, &str>| {
            let values = cells.map(|cell| Some(cell).filter(|cell| !cell.is_empty()));
            assert_eq!(parse(values).map(|parsed| parsed.value), expected);
        };
        check(["p", "2025-03-02", "heart_rate", "", "88", "/min"], Ok(88.0));
        check(["p", "2025-03-02", "heart_rate", "", "YES", ""], Ok(1.0));
        check(["", "2025-03-02", "heart_rate", "", "88", ""], Err("no patient_id"));
        check(
            ["p", "03/02/2025", "heart_rate", "", "88", ""],
            Err("time not understood: expected one such as 2025-03-02T14:20:00"),
        );
        check(["p", "2025-03-02", "", "", "88", ""], Err("neither name nor LOINC code"));
        check(["p", "2025-03-02", "heart_rate", "", "fast", ""], Err("value is no number, and not yes or no"));
    }
}
