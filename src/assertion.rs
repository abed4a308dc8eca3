//! Assertion: whether a problem is there, when, and whose it is.
//!
//! The three axes are those of ConText (Harkema, Dowling, Thornblade, Chapman 2009), with certainty as the third
//! value of presence. Each axis is decided, and explained, on its own.

use crate::Span;

/// Whether the problem is said to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// Stated as there.
    #[default]
    Present,
    /// Stated as not there.
    Absent,
    /// Stated as uncertain.
    Possible,
}

/// When the problem is, seen from the note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Temporality {
    /// In this episode.
    #[default]
    Current,
    /// Over before this episode.
    Historical,
    /// Not asserted as happening: instruction, risk, condition.
    Hypothetical,
}

/// Whose problem it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Experiencer {
    /// The patient's.
    #[default]
    Patient,
    /// A relative's.
    Family,
    /// Somebody else's.
    Other,
}

impl Presence {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            Presence::Present => "present",
            Presence::Absent => "absent",
            Presence::Possible => "possible",
        }
    }
}

impl Temporality {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            Temporality::Current => "current",
            Temporality::Historical => "historical",
            Temporality::Hypothetical => "hypothetical",
        }
    }
}

impl Experiencer {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            Experiencer::Patient => "patient",
            Experiencer::Family => "family",
            Experiencer::Other => "other",
        }
    }
}

/// What decided an axis of an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The words of the cue; for a section prior, the section's heading; `None` where the model decided.
    pub cue: Option<Span>,
    /// Index of the rule in the rule table.
    pub rule: RuleIndex,
}

/// Index of a rule in the assertion engine that applied it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub u32);

/// What a model gives to what departs from the default of each axis: probabilities, in 0..=1, or their log-odds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AxisScores {
    /// Absent.
    pub absent: f32,
    /// Possible.
    pub possible: f32,
    /// Historical.
    pub historical: f32,
    /// Hypothetical.
    pub hypothetical: f32,
    /// Not the patient's.
    pub other_experiencer: f32,
}

impl From<[f32; 5]> for AxisScores {
    /// Absent, possible, historical, hypothetical, not the patient's.
    fn from([absent, possible, historical, hypothetical, other_experiencer]: [f32; 5]) -> AxisScores {
        AxisScores { absent, possible, historical, hypothetical, other_experiencer }
    }
}

/// The assertion of a mention; `Default` is ConText's default, decided by no rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assertion {
    /// Whether the problem is there.
    pub presence: Presence,
    /// When it is.
    pub temporality: Temporality,
    /// Whose it is.
    pub experiencer: Experiencer,
    /// What decided the presence; `None` for the default.
    pub presence_by: Option<Evidence>,
    /// What decided the temporality.
    pub temporality_by: Option<Evidence>,
    /// What decided the experiencer.
    pub experiencer_by: Option<Evidence>,
}

impl Assertion {
    /// The evidence of the axes that a rule decided: presence, temporality, experiencer; what says that the problem is
    /// there comes last, since that is the default.
    pub fn evidence(&self) -> impl Iterator<Item = Evidence> {
        let (denied, stated) = match self.presence {
            Presence::Present => (None, self.presence_by),
            Presence::Absent | Presence::Possible => (self.presence_by, None),
        };
        [denied, self.temporality_by, self.experiencer_by, stated].into_iter().flatten()
    }

    /// Where it is not the default: absent, possible, historical, hypothetical, not the patient's, as in [`AxisScores`].
    pub fn departures(&self) -> [bool; 5] {
        [
            self.presence == Presence::Absent,
            self.presence == Presence::Possible,
            self.temporality == Temporality::Historical,
            self.temporality == Temporality::Hypothetical,
            self.experiencer != Experiencer::Patient,
        ]
    }
}
