//! Measurements: vital signs, laboratory values and sizes as a note states them.

use crate::{Assertion, NoteTime, Span};

/// A value that a note states of one measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// What is measured.
    pub kind: MeasurementIndex,
    /// The value and its unit, as the note has them.
    pub span: Span,
    /// From the words that name it to the value.
    pub statement: Span,
    /// The number in the canonical unit; `None` where the result is a word.
    pub value: Option<f64>,
    /// What stands between the number and the truth.
    pub comparator: Option<Comparator>,
    /// The number as the note has it.
    pub stated_value: Option<f64>,
    /// The unit as the note has it; `None` where it has none.
    pub stated_unit: Option<UnitIndex>,
    /// Whether the value can be that of a living patient.
    pub plausible: bool,
    /// Whether it is denied, over, planned, or somebody else's.
    pub assertion: Assertion,
    /// Its place among several values of one statement.
    pub trend: Option<Trend>,
    /// The date or time stated beside it.
    pub taken_at: Option<NoteTime>,
    /// Where in the body.
    pub site: Option<MeasurementWord>,
    /// On which side.
    pub laterality: Option<MeasurementWord>,
    /// How it was taken.
    pub method: Option<MeasurementWord>,
    /// Index of its sentence in the document.
    pub sentence: u32,
    /// The row of the table that read it.
    pub rule: MeasurementRule,
}

/// What stands between a stated number and the measured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// Below the number.
    Less,
    /// Above it.
    Greater,
    /// At most the number.
    AtMost,
    /// At least the number.
    AtLeast,
    /// Near it.
    About,
}

impl Comparator {
    /// The sign in output.
    pub fn sign(self) -> &'static str {
        match self {
            Comparator::Less => "<",
            Comparator::Greater => ">",
            Comparator::AtMost => "<=",
            Comparator::AtLeast => ">=",
            Comparator::About => "~",
        }
    }
}

/// The place of a value among several of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// The earlier one.
    From,
    /// The later one.
    To,
    /// The lower end of a range.
    Low,
    /// The upper end of a range.
    High,
}

impl Trend {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            Trend::From => "from",
            Trend::To => "to",
            Trend::Low => "low",
            Trend::High => "high",
        }
    }
}

/// Index of a measurement in the table of the engine that read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeasurementIndex(pub u16);

/// Index of a unit in the table of the engine that read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitIndex(pub u16);

/// Index of a normalised word (a site, a side, a method) in the tables of the engine that read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeasurementWord(pub u16);

/// Index of a row of the tables by which a measurement was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeasurementRule(pub u32);

/// What the tables know of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasurementKind<'a> {
    /// Its name, such as `heart_rate`.
    pub name: &'a str,
    /// Its LOINC code.
    pub loinc: Option<&'a str>,
    /// The canonical unit in UCUM; `None` where results are words.
    pub unit: Option<&'a str>,
}
