//! An input of a score: what it is called, what satisfies it in a patient's record, and what points it gives.

use serde::Deserialize;

use super::interval::Interval;
use super::points::{self, Cut};

/// One input of a score, as its file states it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub struct Input {
    /// Identifier within the score; columns of files are named by it.
    pub name: String,
    /// What a person calls it.
    pub words: String,
    /// Whether it is a yes or no, a number or a choice.
    pub kind: InputKind,
    /// Unit of a number (UCUM).
    #[serde(default)]
    pub unit: Option<String>,
    /// Numbers that are plausible, both ends included: an unknown number lies between them.
    #[serde(default)]
    pub bounds: Option<[f64; 2]>,
    /// The number or the level that is taken where `--assume normal` fills what is not known.
    #[serde(default)]
    pub normal: Option<Normal>,
    /// What an unknown yes or no is where `--assume` fills it; `true` where absence scores.
    #[serde(default)]
    pub assumed: bool,

    /// What a yes or no is where nothing is stated, by the score's own definition and whatever is assumed.
    #[serde(default)]
    pub otherwise: Option<bool>,

    /// What makes a yes or no true, or gives a number.
    #[serde(default, rename = "from")]
    pub sources: Sources,
    /// What makes a yes or no false, besides the stated absence of what makes it true.
    #[serde(default)]
    pub refuted_by: Sources,
    /// The patient's age in years, or sex.
    #[serde(default)]
    pub demographic: Option<Demographic>,
    /// A number that is computed from others where it is not stated itself.
    #[serde(default)]
    pub derived: Option<Derived>,
    /// How old the evidence may be.
    #[serde(default)]
    pub window: Window,
    /// Which of several values counts.
    #[serde(default)]
    pub pick: Pick,
    /// Whether it is a lasting condition, which once stated stays, or an acute one.
    #[serde(default)]
    pub course: Course,
    /// Whether a mention as history counts; that of a lasting condition does by default.
    #[serde(default)]
    history: Option<bool>,
    /// Whether a mention as history makes a yes or no false: who is an ex-smoker does not smoke.
    #[serde(default)]
    pub history_refutes: bool,
    /// Whether mentions about the family count.
    #[serde(default)]
    pub family: Family,
    /// Whether a stated absence makes it false.
    #[serde(default = "yes")]
    pub stated_absence: bool,
    /// What a possible mention does.
    #[serde(default)]
    pub on_possible: OnPossible,
    /// Whether it counts only where it was there at admission.
    #[serde(default)]
    pub present_on_admission: bool,
    /// Why notes cannot give it, or seldom do.
    #[serde(default)]
    pub trap: Option<String>,

    /// Points of a yes.
    #[serde(default)]
    pub points: Option<f64>,
    /// Points of a no.
    #[serde(default)]
    pub points_absent: f64,
    /// Points of a number, by consecutive ranges.
    #[serde(default)]
    pub cuts: Vec<Cut>,
    /// Levels of a choice, from the first, with their points.
    #[serde(default)]
    pub levels: Vec<Level>,
    /// Points by an expression over inputs.
    #[serde(default)]
    pub rule: Option<String>,
    /// Of the inputs of one group, only the one with the most points counts.
    #[serde(default)]
    pub group: Option<String>,
    /// Its points do not count where one of these inputs is true.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Whether the formula may rise and fall with it, so that every whole number is tried.
    #[serde(default)]
    pub scan: bool,
}

impl Input {
    /// A lasting condition that beginnings of ICD-10-CM codes satisfy.
    pub(super) fn of_codes(name: &str, words: &str, points: f64, icd10cm: Vec<String>) -> Input {
        Input {
            name: name.to_owned(),
            words: words.to_owned(),
            kind: InputKind::YesNo,
            unit: None,
            bounds: None,
            normal: None,
            assumed: false,
            otherwise: None,
            sources: Sources { icd10cm, ..Sources::default() },
            refuted_by: Sources::default(),
            demographic: None,
            derived: None,
            window: Window::Ever,
            pick: Pick::Latest,
            course: Course::Chronic,
            history: None,
            history_refutes: false,
            family: Family::Ignored,
            stated_absence: true,
            on_possible: OnPossible::May,
            present_on_admission: false,
            trap: None,
            points: Some(points),
            points_absent: 0.0,
            cuts: Vec::new(),
            levels: Vec::new(),
            rule: None,
            group: None,
            unless: Vec::new(),
            scan: false,
        }
    }

    /// Whether mentions as history count.
    pub fn history(&self) -> bool {
        self.history.unwrap_or(self.course == Course::Chronic)
    }

    /// Whether a number may be this one.
    pub fn is_plausible(&self, value: f64) -> bool {
        let [low, high] = self.bounds.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        (low..=high).contains(&value)
    }

    /// The most points that a number between these has by the input's own ranges.
    pub(crate) fn most_points(&self, low: f64, high: f64) -> f64 {
        points::points(&self.cuts, Interval { low, high }).high
    }

    /// Whether anything in a note can give it.
    pub fn from_notes(&self) -> bool {
        let levels = self.levels.iter().any(|level| !level.sources.is_empty());
        !self.sources.is_empty() || levels || self.demographic.is_some() || self.derived.is_some()
    }
}

fn yes() -> bool {
    true
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// A condition that holds or does not.
    YesNo,
    /// A number with a unit.
    Number,
    /// One of several named levels.
    Choice,
}

/// A number, or the name of a level.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Normal {
    /// A number in the input's unit.
    Number(f64),
    /// A level of a choice.
    Level(String),
}

/// A level of a choice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Level {
    /// Identifier within the input.
    pub name: String,
    /// Points of the level.
    #[serde(default)]
    pub points: f64,
    /// What makes it this level.
    #[serde(default, rename = "from")]
    pub sources: Sources,
}

/// What in a record satisfies an input: any of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Sources {
    /// Beginnings of ICD-10-CM codes, without dots.
    pub icd10cm: Vec<String>,
    /// Concepts of the lexicon.
    pub concepts: Vec<String>,
    /// Beginnings of concepts of facts, whole steps of the path (`procedure.surgery`).
    pub facts: Vec<String>,
    /// Names of measurements, the first found counts; their value is the number of a number.
    pub measurements: Vec<String>,
    /// Measurements whose value makes a yes or no true.
    pub measured: Vec<Measured>,
    /// Names of observations in files, besides the names of the measurements.
    pub columns: Vec<String>,
}

impl Sources {
    /// Whether nothing in a note satisfies it.
    pub fn is_empty(&self) -> bool {
        self.icd10cm.is_empty()
            && self.concepts.is_empty()
            && self.facts.is_empty()
            && self.measurements.is_empty()
            && self.measured.is_empty()
    }
}

/// A measurement within limits.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Measured {
    /// Name of the measurement, or concept of a fact that has an amount.
    pub name: String,
    /// This much or more.
    #[serde(default)]
    pub from: Option<f64>,
    /// More than this.
    #[serde(default)]
    pub above: Option<f64>,
    /// This much or less.
    #[serde(default)]
    pub upto: Option<f64>,
    /// Less than this.
    #[serde(default)]
    pub below: Option<f64>,
    /// Whether a value outside the limits makes the input false.
    #[serde(default)]
    pub refutes: bool,
}

impl Measured {
    /// Whether a value is within the limits.
    pub fn holds(&self, value: f64) -> bool {
        self.from.is_none_or(|limit| value >= limit)
            && self.above.is_none_or(|limit| value > limit)
            && self.upto.is_none_or(|limit| value <= limit)
            && self.below.is_none_or(|limit| value < limit)
    }
}

/// What is known of the patient apart from notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demographic {
    /// Whole years since birth.
    Age,
    /// Whether the patient is female.
    Female,
    /// Whether the patient is male.
    Male,
}

/// A number that is computed from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// A third of systolic and two thirds of diastolic pressure.
    MeanArterialPressure,
    /// Arterial oxygen pressure over the inspired fraction (a fraction, not per cent).
    Pao2Fio2,
    /// The lowest value of the last seven days before the latest one, of the measurement that the input names.
    LowestBefore,
    /// The latest value less the lowest of the 48 hours before it, of the measurement that the input names.
    RiseIn48h,
    /// How many nodules one report names.
    NoduleCount,
}

/// How old the evidence may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Window {
    /// As old as it likes.
    #[default]
    Ever,
    /// At most this many hours.
    Hours(u32),
}

impl TryFrom<String> for Window {
    type Error = String;

    fn try_from(text: String) -> Result<Window, String> {
        let unknown = || format!("expected a window such as 12h, 7d or ever, found {text:?}");
        if text == "ever" {
            return Ok(Window::Ever);
        }
        let Some((index, unit)) = text.char_indices().last() else { return Err(unknown()) };
        let number: u32 = text[..index].parse().map_err(|_| unknown())?;
        let hours = match unit {
            'h' => Some(number),
            'd' => number.checked_mul(24),
            _ => None,
        };
        hours.filter(|hours| *hours > 0).map(Window::Hours).ok_or_else(unknown)
    }
}

/// Which of several values within the window counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The latest.
    #[default]
    Latest,
    /// The one with the most points.
    Worst,
    /// The highest.
    Highest,
    /// The lowest.
    Lowest,
}

/// Whether a condition lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// It holds while it is stated, within the window.
    #[default]
    Acute,
    /// Once stated it stays.
    Chronic,
}

/// Whether mentions about the family count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Those about the patient count.
    #[default]
    Ignored,
    /// Those about patient and family count.
    Counts,
    /// Only those about the family count.
    Only,
}

/// What a possible mention does to a yes or no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPossible {
    /// It may be true: the points count in the maximum only.
    #[default]
    May,
    /// It counts as true.
    Counts,
    /// It says nothing.
    Ignored,
}
