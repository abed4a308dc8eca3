//! What notes say of a concept: the four states, whom and when a statement is about.

use crate::assertion::{Experiencer, Presence, Temporality};

/// What is known of a concept in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// No note says anything of it.
    NotMentioned,
    /// It is said to be absent, and nothing more.
    Absent,
    /// It is said to be possible, and nowhere to be present.
    Possible,
    /// It is said to be present.
    Present,
}

impl State {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            State::NotMentioned => "not_mentioned",
            State::Absent => "absent",
            State::Possible => "possible",
            State::Present => "present",
        }
    }

    /// The number in the wide table; `None` for what no note mentions.
    pub fn number(self) -> Option<f64> {
        match self {
            State::NotMentioned => None,
            State::Absent => Some(0.0),
            State::Possible => Some(0.5),
            State::Present => Some(1.0),
        }
    }
}

impl From<Presence> for State {
    fn from(presence: Presence) -> State {
        match presence {
            Presence::Present => State::Present,
            Presence::Possible => State::Possible,
            Presence::Absent => State::Absent,
        }
    }
}

/// Whom and when a statement is about. Only what is current and of the patient makes features without a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Current,
    History,
    Hypothetical,
    Family,
    Other,
}

impl Scope {
    /// The scope of a statement. Whom it is about goes before when.
    pub fn of(experiencer: Experiencer, temporality: Temporality) -> Scope {
        match (experiencer, temporality) {
            (Experiencer::Family, _) => Scope::Family,
            (Experiencer::Other, _) => Scope::Other,
            (Experiencer::Patient, Temporality::Hypothetical) => Scope::Hypothetical,
            (Experiencer::Patient, Temporality::Historical) => Scope::History,
            (Experiencer::Patient, Temporality::Current) => Scope::Current,
        }
    }

    /// The beginning of the features' names.
    pub fn prefix(self) -> &'static str {
        match self {
            Scope::Current => "",
            Scope::History => "history:",
            Scope::Hypothetical => "hypothetical:",
            Scope::Family => "family:",
            Scope::Other => "other:",
        }
    }

    /// The scope in words.
    pub fn words(self) -> &'static str {
        match self {
            Scope::Current => "",
            Scope::History => "in the patient's history: ",
            Scope::Hypothetical => "hypothetical (planned, feared, conditional): ",
            Scope::Family => "of the patient's relatives: ",
            Scope::Other => "of somebody else: ",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_ordered_by_what_they_claim() {
        let states = [State::NotMentioned, State::Absent, State::Possible, State::Present];
        assert!(states.is_sorted());
        assert_eq!(states.map(State::number), [None, Some(0.0), Some(0.5), Some(1.0)]);
    }

    #[test]
    fn relatives_go_before_time() {
        assert_eq!(Scope::of(Experiencer::Family, Temporality::Historical), Scope::Family);
        assert_eq!(Scope::of(Experiencer::Patient, Temporality::Historical), Scope::History);
        assert_eq!(Scope::of(Experiencer::Patient, Temporality::Current).prefix(), "");
    }
}
