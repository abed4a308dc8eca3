//! The assertion of a row, read back, and what a profile makes of it.

use crate::assertion::{Experiencer, Presence, Temporality};
use crate::past_run::Row;

/// What an export makes of statements that its target cannot hold as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// `possible` is a value of its own, as each target can tell it.
    #[default]
    Own,
    /// `possible` counts as `present`: nothing is missed.
    Present,
    /// `possible` counts as `absent`: nothing is claimed.
    Absent,
}

impl Profile {
    /// The presence that is written.
    fn of(self, presence: Presence) -> Presence {
        match (self, presence) {
            (Profile::Present, Presence::Possible) => Presence::Present,
            (Profile::Absent, Presence::Possible) => Presence::Absent,
            (_, presence) => presence,
        }
    }
}

/// The three axes of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Axes {
    pub presence: Presence,
    pub temporality: Temporality,
    pub experiencer: Experiencer,
}

impl Axes {
    /// The axes of a row of `mentions`, `measurements` or `facts`, as a profile wants them.
    pub fn of(row: &Row, profile: Profile) -> Axes {
        let presence = match row.text("presence") {
            Some("absent") => Presence::Absent,
            Some("possible") => Presence::Possible,
            _ => Presence::Present,
        };
        let temporality = match row.text("temporality") {
            Some("historical") => Temporality::Historical,
            Some("hypothetical") => Temporality::Hypothetical,
            _ => Temporality::Current,
        };
        let experiencer = match row.text("experiencer") {
            Some("family") => Experiencer::Family,
            Some("other") => Experiencer::Other,
            _ => Experiencer::Patient,
        };
        Axes { presence: profile.of(presence), temporality, experiencer }
    }

    /// Whether the row says that something is there, in the patient, in this episode.
    pub fn is_plain(self) -> bool {
        self == Axes::default()
    }
}
