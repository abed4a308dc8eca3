//! Compares a score with rows whose value is known.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::{Error, InputKind, InputValue, Result, Score};

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The score is what was expected.
    Equal,
    /// Inputs are missing, and what was expected lies within the interval.
    Within,
    /// The score is something else.
    Differs,
    /// The row could not be read.
    Unreadable,
}

/// A row with known inputs and the value that was expected of them.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CheckedRow {
    /// Line in the file, from 1.
    pub line: u64,
    /// What became of it.
    pub verdict: Verdict,
    /// The interval that was expected; one number twice where the file has `expected`.
    pub expected: Option<(f64, f64)>,
    /// The interval that the score came to.
    pub found: Option<(f64, f64)>,
    /// Why the row could not be read.
    pub problem: Option<String>,
}

/// The rows of a file, compared.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ScoreCheck {
    /// The score.
    pub score: String,
    /// How many rows the score agrees with exactly.
    pub n_equal: usize,
    /// How many of the others hold what was expected.
    pub n_within: usize,
    /// How many differ.
    pub n_differ: usize,
    /// How many could not be read.
    pub n_unreadable: usize,
    /// The rows, in order.
    pub rows: Vec<CheckedRow>,
}

impl ScoreCheck {
    /// Whether every row agrees.
    pub fn agrees(&self) -> bool {
        self.n_differ == 0 && self.n_unreadable == 0
    }
}

/// What a column of the file holds.
enum Column {
    Input(usize),
    Expected,
    Min,
    Max,
    /// `id`, which is for people.
    Passed,
}

/// Compares a score with the rows of a CSV file: columns are named as inputs (a column that is not there is not known), and
/// `expected`, or `expected_min` and `expected_max`; `id` is passed over. An empty cell or `unknown` is not known, `possible`
/// may hold, `low..high` is a number between two others.
///
/// `tolerance` is the difference that is none, relative to the expected value where that is above 1.
///
/// # Errors
/// The file cannot be read, or its header names something else.
pub fn check_score(score: &Score, path: &Path, tolerance: f64) -> Result<ScoreCheck> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .map_err(|error| Error::input(path, format!("expected a CSV file: {}", what(&error))))?;
    let header =
        reader.headers().map_err(|error| Error::input(path, format!("expected a header: {}", what(&error))))?;
    let columns = columns(score, header).map_err(|problem| Error::input(path, problem))?;
    let mut checked =
        ScoreCheck { score: score.id.clone(), n_equal: 0, n_within: 0, n_differ: 0, n_unreadable: 0, rows: Vec::new() };
    for record in reader.records() {
        let (line, compared) = match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                (line, compare(score, &columns, &record, tolerance))
            }
            Err(error) => (error.position().map_or(0, csv::Position::line), Err(what(&error))),
        };
        let row = match compared {
            Ok((verdict, expected, found)) => {
                CheckedRow { line, verdict, expected: Some(expected), found: Some(found), problem: None }
            }
            Err(problem) => {
                CheckedRow { line, verdict: Verdict::Unreadable, expected: None, found: None, problem: Some(problem) }
            }
        };
        *match row.verdict {
            Verdict::Equal => &mut checked.n_equal,
            Verdict::Within => &mut checked.n_within,
            Verdict::Differs => &mut checked.n_differ,
            Verdict::Unreadable => &mut checked.n_unreadable,
        } += 1;
        checked.rows.push(row);
    }
    if checked.rows.is_empty() {
        return Err(Error::input(path, "expected rows below the header, found none"));
    }
    Ok(checked)
}

/// What the reader found wrong, without the text of the row.
fn what(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8".to_owned(),
        _ => "the row cannot be read as CSV".to_owned(),
    }
}

fn columns(score: &Score, header: &csv::StringRecord) -> std::result::Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    for name in header {
        columns.push(match name {
            "expected" => Column::Expected,
            "expected_min" => Column::Min,
            "expected_max" => Column::Max,
            "id" => Column::Passed,
            _ => match score.input_index(name) {
                Some(index) => Column::Input(index),
                None => {
                    let names: Vec<&str> = score.inputs().iter().map(|input| input.name.as_str()).collect();
                    // Without the name itself, which is a line of a note where the wrong file was named.
                    return Err(format!(
                        "column {} is no input of {}: expected {}, expected, expected_min, expected_max or id",
                        columns.len() + 1,
                        score.id,
                        names.join(", ")
                    ));
                }
            },
        });
    }
    let has = |wanted: fn(&Column) -> bool| columns.iter().any(wanted);
    let (one, min, max) = (
        has(|column| matches!(column, Column::Expected)),
        has(|column| matches!(column, Column::Min)),
        has(|column| matches!(column, Column::Max)),
    );
    if min != max || !(one || min) {
        return Err("expected a column `expected`, or both `expected_min` and `expected_max`".to_owned());
    }
    Ok(columns)
}

type Compared = (Verdict, (f64, f64), (f64, f64));

fn compare(
    score: &Score,
    columns: &[Column],
    record: &csv::StringRecord,
    tolerance: f64,
) -> std::result::Result<Compared, String> {
    if record.len() != columns.len() {
        return Err(format!("expected {} cells, found {}", columns.len(), record.len()));
    }
    let mut states = vec![InputValue::Unknown; score.inputs().len()];
    let (mut low, mut high) = (None, None);
    for (column, cell) in columns.iter().zip(record) {
        let cell = cell.trim();
        let number = || -> std::result::Result<Option<f64>, String> {
            match cell {
                "" => Ok(None),
                _ => number(cell).map(Some).ok_or_else(|| "expected a number in an expected column".to_owned()),
            }
        };
        match column {
            Column::Passed => {}
            Column::Input(index) => states[*index] = state(score, *index, cell)?,
            Column::Expected => {
                let expected = number()?;
                (low, high) = (low.or(expected), high.or(expected));
            }
            Column::Min => low = number()?.or(low),
            Column::Max => high = number()?.or(high),
        }
    }
    let (Some(low), Some(high)) = (low, high) else { return Err("expected an expected value".to_owned()) };
    let outcome = score.evaluate(&states);
    let close = |found: f64, expected: f64| (found - expected).abs() <= tolerance * expected.abs().max(1.0);
    let complete = states.iter().all(|state| !matches!(state, InputValue::Unknown));
    let verdict = if close(outcome.min, low) && close(outcome.max, high) {
        Verdict::Equal
    } else if !complete && low == high && outcome.min - tolerance <= low && high <= outcome.max + tolerance {
        Verdict::Within
    } else {
        Verdict::Differs
    };
    Ok((verdict, (low, high), (outcome.min, outcome.max)))
}

fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What a cell says of an input.
fn state(score: &Score, index: usize, cell: &str) -> std::result::Result<InputValue, String> {
    let input = &score.inputs()[index];
    let word = cell.to_ascii_lowercase();
    if word.is_empty() || word == "unknown" {
        return Ok(InputValue::Unknown);
    }
    match input.kind {
        InputKind::YesNo => match word.as_str() {
            "true" | "yes" | "1" => Ok(InputValue::Known(true)),
            "false" | "no" | "0" => Ok(InputValue::Known(false)),
            "possible" => Ok(InputValue::Possible),
            _ => Err(format!("{}: expected yes, no, possible or unknown", input.name)),
        },
        InputKind::Number => {
            let (low, high) = word.split_once("..").unwrap_or((&word, &word));
            match (number(low), number(high)) {
                (Some(low), Some(high)) if low <= high => Ok(InputValue::Number { low, high }),
                _ => Err(format!("{}: expected a number, or low..high", input.name)),
            }
        }
        InputKind::Choice => match input.levels.iter().position(|level| level.name == word) {
            Some(level) => Ok(InputValue::Level(level)),
            None => {
                let place = |name: &str| input.levels.iter().position(|level| level.name == name);
                let ends = word.split_once("..").and_then(|(low, high)| place(low).zip(place(high)));
                if let Some((low, high)) = ends.filter(|(low, high)| low <= high) {
                    return Ok(InputValue::Levels { low, high });
                }
                let names: Vec<&str> = input.levels.iter().map(|level| level.name.as_str()).collect();
                Err(format!("{}: expected one of {}, or first..last", input.name, names.join(", ")))
            }
        },
    }
}

/// Rows that do not agree, one a line, and how many do.
impl fmt::Display for ScoreCheck {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            match (row.verdict, row.expected, row.found) {
                (Verdict::Differs, Some(expected), Some(found)) => {
                    writeln!(out, "line {}: expected {}, found {}", row.line, Ends(expected), Ends(found))?;
                }
                (Verdict::Unreadable, ..) => {
                    writeln!(out, "line {}: {}", row.line, row.problem.as_deref().unwrap_or("cannot be read"))?;
                }
                _ => {}
            }
        }
        writeln!(
            out,
            "{}: {} rows: {} equal, {} within the interval of missing inputs, {} differ, {} unreadable",
            self.score,
            self.rows.len(),
            self.n_equal,
            self.n_within,
            self.n_differ,
            self.n_unreadable
        )
    }
}

/// An interval, or one number.
struct Ends((f64, f64));

impl fmt::Display for Ends {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.0;
        if low == high { write!(out, "{low}") } else { write!(out, "{low} to {high}") }
    }
}
