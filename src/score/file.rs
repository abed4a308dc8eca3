//! The file of a score: its form, and the checks that make a [`Score`] of it.

use serde::Deserialize;

use super::Input;
use super::compile::{self, Compiled};
use super::points::Cut;
use crate::{Error, Result};

/// One score: what it is, its inputs, and how they make its value.
///
/// ```
/// use noteward::{InputValue, Score};
///
/// let text = r#"
/// id = "fever-and-pulse"
/// name = "Fever and pulse"
/// title = "An example of two inputs"
/// pack = "example"
/// not_for = "anything but this example"
/// licence = "free"
/// citation = { text = "no paper" }
///
/// [[band]]
/// name = "low"
/// label = "low"
///
/// [[band]]
/// name = "high"
/// label = "high"
/// from = 2
///
/// [[input]]
/// name = "fever"
/// words = "fever"
/// kind = "yes_no"
/// points = 1
/// from = { icd10cm = ["R50"] }
///
/// [[input]]
/// name = "heart_rate"
/// words = "heart rate"
/// kind = "number"
/// unit = "/min"
/// bounds = [20, 250]
/// cuts = [{ upto = 90, points = 0 }, { points = 2 }]
/// from = { measurements = ["heart_rate"] }
/// "#;
/// let score = Score::parse("example.toml", text, |_| None).unwrap();
/// let outcome = score.evaluate(&[InputValue::Unknown, InputValue::Number { low: 120.0, high: 120.0 }]);
/// assert_eq!((outcome.min, outcome.max), (2.0, 3.0));
/// assert!(outcome.decided);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Score {
    /// Identifier, in small letters.
    pub id: String,
    /// Short name.
    pub name: String,
    /// Full name.
    pub title: String,
    /// What its value counts: points, per cent.
    pub unit: String,
    /// The group of scores that it is chosen with.
    pub pack: String,
    /// Whether it is computed where no score is named.
    pub by_default: bool,
    /// What it is not for.
    pub not_for: String,
    /// What its licence allows.
    pub licence: String,
    /// Where it was published.
    pub citation: Citation,
    /// Whom it does not hold for.
    pub exclusions: Vec<Exclusion>,
    /// What it is computed for; everybody, where the file says nothing.
    pub requirement: Option<Requirement>,
    /// What is a study after which another is due.
    pub follow_up: Option<FollowUp>,
    /// Ranges of its value, from the lowest.
    pub bands: Vec<Band>,
    /// Hash of the file's text, and of its table of codes.
    pub blake3: String,
    pub(super) inputs: Vec<Input>,
    pub(super) compiled: Compiled,
}

/// Where a score was published.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Citation {
    /// Authors, journal, pages.
    pub text: String,
    /// Year of the paper.
    pub year: Option<u16>,
    /// Its DOI.
    pub doi: Option<String>,
}

/// A range of the score's value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Band {
    /// Identifier within the score.
    pub name: String,
    /// What a person calls it.
    pub label: String,
    /// It begins with this value; the first band begins anywhere.
    #[serde(default)]
    pub from: Option<f64>,
    /// It begins above this value.
    #[serde(default)]
    pub above: Option<f64>,
    /// What a guideline asks to consider.
    #[serde(default)]
    pub advice: Option<String>,
    /// The guideline.
    #[serde(default)]
    pub source: Option<String>,
    /// Whether the score calls for action from this band on.
    #[serde(default)]
    pub alerts: bool,
    /// How long after the study the next one is due, at the earliest; with `due_by` only.
    #[serde(default)]
    pub due_from: super::Window,
    /// And at the latest.
    #[serde(default)]
    pub due_by: super::Window,
}

/// What is a study that the score asks to be followed by another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FollowUp {
    /// In words.
    pub words: String,
    /// Words of which the type of its note holds one, in small letters.
    pub note_types: Vec<String>,
}

/// Whom a score does not hold for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Exclusion {
    /// In words.
    pub words: String,
    /// Younger than this many years.
    #[serde(default)]
    pub age_below: Option<f64>,
    /// Older than this many years.
    #[serde(default)]
    pub age_above: Option<f64>,
    /// What in a record excludes the patient.
    #[serde(default, rename = "from")]
    pub sources: super::Sources,
    /// How old the evidence may be; what is over excludes only where it may be of any age.
    #[serde(default)]
    pub window: super::Window,
}

/// What must be known of a patient for the score to be of use, such as the condition whose course it tells.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Requirement {
    /// In words.
    pub words: String,
    /// Any of this, present or possible.
    #[serde(rename = "from")]
    pub sources: super::Sources,
    /// How old the evidence may be.
    #[serde(default)]
    pub window: super::Window,
}

/// A file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScoreFile {
    id: String,
    name: String,
    title: String,
    #[serde(default = "points")]
    unit: String,
    pack: String,
    #[serde(default)]
    by_default: bool,
    not_for: String,
    licence: String,
    citation: Citation,
    #[serde(default)]
    requires: Option<Requirement>,
    #[serde(default)]
    follow_up: Option<FollowUp>,
    #[serde(default)]
    exclusion: Vec<Exclusion>,
    pub(super) band: Vec<Band>,
    /// A table beside the file: input, name, points and ICD-10-CM codes of yes-or-no inputs.
    #[serde(default)]
    codes: Option<Codes>,
    #[serde(default)]
    pub(super) input: Vec<Input>,
    #[serde(default)]
    pub(super) table: Vec<RangeTable>,
    #[serde(default)]
    pub(super) step: Vec<Step>,
    #[serde(default)]
    pub(super) formula: Option<Formula>,
    #[serde(default)]
    pub(super) raise: Option<Raise>,
}

/// Where the codes of inputs stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    /// The table's name, relative to the score's file.
    table: String,
    /// Its column of points, for inputs that the file does not name.
    #[serde(default)]
    points: Option<String>,
}

/// Named ranges, used in expressions like a function.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeTable {
    pub name: String,
    pub cuts: Vec<Cut>,
}

/// A named expression that others use.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub name: String,
    pub is: String,
}

/// A value that is computed at once, instead of from points.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Formula {
    pub is: String,
    /// Least and greatest value.
    pub range: [f64; 2],
    /// How its bounds are found.
    #[serde(default)]
    pub bounds: Bounds,
}

/// How the bounds of a formula are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bounds {
    /// By arithmetic over intervals: always safe, wide where an input is used twice.
    #[default]
    Intervals,
    /// At the ends of the inputs: exact where the formula never turns in any input while the others stand still.
    Corners,
}

/// A band that single inputs can lift the score to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raise {
    /// Name of the band.
    pub to: String,
    /// Points of one input from which it is lifted.
    pub points: f64,
}

fn points() -> String {
    "points".to_owned()
}

impl Score {
    /// Reads a score from the text of its file. `table` gives the text of a table of codes beside it, by the name that the
    /// file states.
    ///
    /// # Errors
    /// The file is not as it should be; the error names it, the line, what was found and what was expected.
    pub fn parse(file: &str, text: &str, table: impl Fn(&str) -> Option<String>) -> Result<Score> {
        let mut stated: ScoreFile = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            Error::table(file, line, error.message().trim_end().replace('\n', " "))
        })?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(text.as_bytes());
        if let Some(codes) = &stated.codes {
            let Some(text) = table(&codes.table) else {
                return Err(Error::table(
                    file,
                    1,
                    format!("expected a table of codes {:?} beside the file", codes.table),
                ));
            };
            hasher.update(text.as_bytes());
            add_codes(&mut stated.input, codes, &text)?;
        }
        check_bands(&stated.band)
            .map_err(|(index, problem)| Error::table(file, line_of(text, "band", index), problem))?;
        check_due(&stated).map_err(|(index, problem)| Error::table(file, line_of(text, "band", index), problem))?;
        let compiled = compile::compile(&stated)
            .map_err(|fault| Error::table(file, line_of(text, fault.table, fault.index), fault.problem))?;
        Ok(Score {
            id: stated.id,
            name: stated.name,
            title: stated.title,
            unit: stated.unit,
            pack: stated.pack,
            by_default: stated.by_default,
            not_for: stated.not_for,
            licence: stated.licence,
            citation: stated.citation,
            exclusions: stated.exclusion,
            requirement: stated.requires,
            follow_up: stated.follow_up,
            bands: stated.band,
            blake3: hasher.finalize().to_hex().to_string(),
            inputs: stated.input,
            compiled,
        })
    }

    /// Its inputs, in the order of its file.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The place of an input by its name.
    pub fn input_index(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|input| input.name == name)
    }

    /// Whether the score calls for action in a band.
    pub fn alerts(&self, band: usize) -> bool {
        self.bands.iter().take(band + 1).any(|band| band.alerts)
    }

    /// The band of a value that no single input lifts.
    pub fn band(&self, value: f64) -> usize {
        // Sums of tenths are not exact.
        let (from_below, from_above) = (value + SLACK, value - SLACK);
        let begun = |band: &Band| {
            band.from.is_none_or(|from| from_below >= from) && band.above.is_none_or(|above| from_above > above)
        };
        self.bands.iter().rposition(begun).unwrap_or(0)
    }
}

/// A difference between a value and the beginning of a band that is none.
const SLACK: f64 = 1e-9;

/// Line of the n-th table of a name, from 1.
fn line_of(text: &str, table: &str, index: usize) -> usize {
    let header = if table == "formula" || table == "raise" { format!("[{table}]") } else { format!("[[{table}]]") };
    let mut lines = text.lines().enumerate().filter(|(_, line)| line.trim() == header);
    lines.nth(index).map_or(1, |(line, _)| line + 1)
}

fn check_bands(bands: &[Band]) -> std::result::Result<(), (usize, String)> {
    let Some((first, others)) = bands.split_first() else {
        return Err((0, "expected at least one [[band]]".to_owned()));
    };
    if first.from.or(first.above).is_some() {
        return Err((0, "the first band begins anywhere: expected neither `from` nor `above`".to_owned()));
    }
    let mut before = f64::NEG_INFINITY;
    for (index, band) in others.iter().enumerate() {
        let begins = match (band.from, band.above) {
            (Some(begins), None) | (None, Some(begins)) => begins,
            _ => return Err((index + 1, "expected one of `from` and `above`".to_owned())),
        };
        if begins <= before {
            return Err((index + 1, format!("expected a band that begins above {before}, found {begins}")));
        }
        before = begins;
    }
    Ok(())
}

/// What is due has a study that it is due after, which what the score requires tells of; and it is due by some time.
fn check_due(stated: &ScoreFile) -> std::result::Result<(), (usize, String)> {
    for (index, band) in stated.band.iter().enumerate() {
        match (band.due_from, band.due_by) {
            (super::Window::Ever, super::Window::Ever) => {}
            _ if stated.follow_up.is_none() || stated.requires.is_none() => {
                return Err((index, "expected [follow_up] and [requires] beside `due_by`".to_owned()));
            }
            (super::Window::Hours(from), super::Window::Hours(by)) if from <= by => {}
            _ => {
                return Err((index, "expected `due_from` and `due_by`, the first no later than the second".to_owned()));
            }
        }
    }
    Ok(())
}

/// Gives inputs the codes of a table: a tab-separated one with the columns `input`, `words`, `icd10cm` (beginnings of codes,
/// separated by spaces) and any number of columns of points.
fn add_codes(inputs: &mut Vec<Input>, codes: &Codes, text: &str) -> Result<()> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let columns: Vec<&str> = lines.next().map(|(_, header)| header.split('\t').collect()).unwrap_or_default();
    let column = |name: &str| {
        let expected = || Error::table(&codes.table, 1, format!("expected a column {name:?} in the header"));
        columns.iter().position(|column| *column == name).ok_or_else(expected)
    };
    let (name, words, prefixes) = (column("input")?, column("words")?, column("icd10cm")?);
    let points = codes.points.as_deref().map(column).transpose()?;
    for (index, content) in lines {
        let line = index + 1;
        let cells: Vec<&str> = content.split('\t').collect();
        if cells.len() != columns.len() {
            let problem = format!("expected {} cells, found {}", columns.len(), cells.len());
            return Err(Error::table(&codes.table, line, problem));
        }
        let found: Vec<String> = cells[prefixes].split(' ').map(str::to_owned).collect();
        if let Some(input) = inputs.iter_mut().find(|input| input.name == cells[name]) {
            input.sources.icd10cm.extend(found);
            continue;
        }
        let Some(points) = points else {
            let problem = "expected the name of an input of the score, or `points` in its [codes]";
            return Err(Error::table(&codes.table, line, problem));
        };
        let Ok(points) = cells[points].parse() else {
            return Err(Error::table(&codes.table, line, format!("expected points, found {:?}", cells[points])));
        };
        inputs.push(Input::of_codes(cells[name], cells[words], points, found));
    }
    Ok(())
}
