//! Which statements speak of which inputs: the things that scores ask for, numbered as they are met in a run.
//!
//! What no input asks for is not kept, so a run of a few scores holds few statements in memory.

use std::collections::HashMap;

use super::record::{Source, Statement, Thing};
use super::resolve::{Candidate, Says};
use crate::assertion::Presence;
use crate::score::{Measured, OnPossible, Sources};

/// An input with more codes, concepts and facts than this is a class of conditions: one of them denied says nothing of the rest.
const MAX_DENIABLE: usize = 6;

/// What an input asks for; `slot` is its number among those of all scores.
#[derive(Clone, Copy)]
pub(super) struct Asked<'s> {
    pub slot: u32,
    pub sources: &'s Sources,
    pub role: Role,
    pub on_possible: OnPossible,
    /// Whether a stated absence makes it false.
    pub stated_absence: bool,
    /// Values that are plausible.
    pub bounds: [f64; 2],
}

/// What it means for the input that one of the sources is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is true, or has this level.
    Satisfies(u16),
    /// It is false.
    Refutes,
    /// It has the value.
    Gives,
}

/// What a thing means for an input.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub slot: u32,
    role: Role,
    level: u16,
    measured: Option<Measured>,
    on_possible: OnPossible,
    denies: bool,
    bounds: [f64; 2],
    /// Of a fact: how much of its path is listed.
    depth: usize,
}

impl Use {
    /// What a statement of the thing says of the input; `None` where it says nothing.
    pub fn candidate(&self, known: u32, statement: &Statement<'_>) -> Option<Candidate> {
        let is_plausible = |value: f64| !value.is_finite() || (self.bounds[0]..=self.bounds[1]).contains(&value);
        let says = match (self.role, &self.measured, statement.value) {
            (Role::Gives, _, Some(value)) if statement.presence != Presence::Absent => {
                let plausible = statement.plausible && is_plausible(value.low) && is_plausible(value.high);
                if plausible { Says::Value } else { Says::Implausible }
            }
            // Who does not drink has fewer drinks than any limit.
            (Role::Satisfies(_), Some(measured), _)
                if statement.source == Source::Fact && statement.presence == Presence::Absent =>
            {
                return measured.refutes.then_some(Candidate { known, says: Says::No, level: self.level });
            }
            (Role::Gives, ..) | (_, Some(_), None) => return None,
            (_, Some(_), Some(_)) if !statement.plausible => Says::Implausible,
            (role, Some(measured), Some(value)) => {
                match (measured.holds(value.low) && measured.holds(value.high), role) {
                    (true, Role::Refutes) => Says::Otherwise,
                    (true, _) => Says::Yes,
                    (false, _) if measured.holds(value.low) || measured.holds(value.high) => Says::Maybe,
                    (false, Role::Satisfies(_)) if measured.refutes => Says::No,
                    (false, _) => return None,
                }
            }
            (Role::Refutes, None, _) => match statement.presence {
                Presence::Present => Says::Otherwise,
                Presence::Absent | Presence::Possible => return None,
            },
            (Role::Satisfies(_), None, _) => match (statement.presence, self.on_possible) {
                (Presence::Present, _) | (Presence::Possible, OnPossible::Counts) => Says::Yes,
                (Presence::Possible, OnPossible::May) => Says::Maybe,
                (Presence::Possible, OnPossible::Ignored) => return None,
                (Presence::Absent, _) if self.denies => Says::No,
                (Presence::Absent, _) => Says::NotThis,
            },
        };
        Some(Candidate { known, says, level: self.level })
    }
}

/// What a run says that inputs ask for.
pub(super) struct Uses<'s> {
    asked: Vec<Asked<'s>>,
    /// By source, name and code; `None` for what nothing asks for.
    things: HashMap<String, Option<Thing>>,
    uses: Vec<Vec<Use>>,
    key: String,
}

impl<'s> Uses<'s> {
    pub fn new(asked: Vec<Asked<'s>>) -> Uses<'s> {
        Uses { asked, things: HashMap::new(), uses: Vec::new(), key: String::new() }
    }

    /// The thing that a row is about, where an input asks for it.
    pub fn thing(&mut self, source: Source, name: Option<&str>, icd10cm: Option<&str>) -> Option<Thing> {
        let (name, icd10cm) = (name.unwrap_or_default(), icd10cm.unwrap_or_default());
        self.key.clear();
        self.key.push(char::from(b'0' + source as u8));
        self.key.push_str(name);
        self.key.push('\t');
        self.key.push_str(icd10cm);
        if let Some(&thing) = self.things.get(&self.key) {
            return thing;
        }
        let code: String = icd10cm.chars().filter(|c| *c != '.').collect();
        let mut uses: Vec<Use> = self.asked.iter().filter_map(|asked| asked.of(source, name, &code)).collect();
        keep_nearest(&mut uses);
        let thing = (!uses.is_empty()).then_some(self.uses.len() as Thing);
        if thing.is_some() {
            self.uses.push(uses);
        }
        self.things.insert(self.key.clone(), thing);
        thing
    }

    /// What a thing means for inputs.
    pub fn of(&self, thing: Thing) -> &[Use] {
        self.uses.get(thing as usize).map_or(&[], Vec::as_slice)
    }
}

impl Asked<'_> {
    /// What a thing means for the input, where it asks for it.
    fn of(&self, source: Source, name: &str, code: &str) -> Option<Use> {
        let sources = self.sources;
        let named = |names: &[String]| names.iter().position(|known| known == name);
        let limits = sources.measured.iter().find(|measured| measured.name == name);
        let mut depth = 0;
        let (place, measured, is_whole) = match source {
            Source::Mention => {
                let concept = named(&sources.concepts).map(|_| true);
                (0, None, concept.or_else(|| coded(&sources.icd10cm, code))?)
            }
            Source::Fact if limits.is_some() => (0, limits.cloned(), true),
            Source::Fact => {
                depth = pathed(&sources.facts, name)?;
                (0, None, depth == name.len())
            }
            Source::Measurement | Source::File => {
                let column = || named(&sources.columns).filter(|_| source == Source::File);
                match limits {
                    Some(measured) => (0, Some(measured.clone()), true),
                    None => (named(&sources.measurements).or_else(column)?, None, true),
                }
            }
        };
        let n_ways = sources.icd10cm.len().max(sources.concepts.len()) + sources.facts.len();
        let level = match self.role {
            Role::Satisfies(level) => level,
            Role::Refutes | Role::Gives => place as u16,
        };
        Some(Use {
            slot: self.slot,
            role: self.role,
            level,
            measured,
            on_possible: self.on_possible,
            denies: self.stated_absence && is_whole && n_ways <= MAX_DENIABLE,
            bounds: self.bounds,
            depth,
        })
    }
}

/// Of one input, the longest path that lists a fact says what it means: `drug.vasopressor.dobutamine` goes before
/// `drug.vasopressor`.
fn keep_nearest(uses: &mut Vec<Use>) {
    let deepest =
        |slot: u32, uses: &[Use]| uses.iter().filter(|other| other.slot == slot).map(|other| other.depth).max();
    let nearest: Vec<bool> = uses.iter().map(|own| deepest(own.slot, uses) == Some(own.depth)).collect();
    let mut nearest = nearest.into_iter();
    uses.retain(|_| nearest.next().unwrap_or(true));
}

/// Whether a code begins with one of the listed ones; and if so, whether it is no more special than it.
fn coded(listed: &[String], code: &str) -> Option<bool> {
    let rest = |listed: &String| code.strip_prefix(listed.as_str()).filter(|_| !code.is_empty());
    // Unspecified conditions have codes that end in 9 (I50.9), or 90, or 91 (I48.91).
    let is_unspecified = |rest: &str| matches!(rest, "" | "0" | "9" | "90" | "91" | "99");
    listed.iter().filter_map(rest).map(is_unspecified).reduce(|one, other| one || other)
}

/// How much of a path the longest of the listed ones has with which it begins in whole steps.
fn pathed(listed: &[String], path: &str) -> Option<usize> {
    let begins = |listed: &&String| {
        path.strip_prefix(listed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    listed.iter().filter(begins).map(String::len).max()
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::stated;
    use super::*;

    fn list(words: &str) -> Vec<String> {
        words.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn codes_match_by_their_beginning() {
        assert_eq!(coded(&list("I50 I110"), "I509"), Some(true));
        assert_eq!(coded(&list("I50 I110"), "I5023"), Some(false));
        assert_eq!(coded(&list("I50 I110"), "I10"), None);
        assert_eq!(coded(&list("I50"), ""), None);
    }

    #[test]
    fn facts_match_by_whole_steps() {
        let matched = |listed: &str, path: &str| pathed(&list(listed), path).map(|n| path.get(..n).unwrap().to_owned());
        let some = |path: &str| Some(path.to_owned());
        assert_eq!(matched("procedure.surgery", "procedure.surgery.orthopedic"), some("procedure.surgery"));
        assert_eq!(matched("procedure procedure.surgery", "procedure.surgery"), some("procedure.surgery"));
        assert_eq!(matched("procedure.surgery", "procedure.surgery_center"), None);
    }

    fn says(score: &str, input: &str, fact: &str, statement: Statement<'_>) -> Vec<(u16, Says)> {
        let scores = crate::score::Score::embedded().unwrap();
        let score = scores.into_iter().find(|own| own.id == score).unwrap();
        let scores = super::super::inputs::Scores::new(vec![score]);
        let (plans, _) = scores.plans();
        let slot = plans[0].slot_of(input);
        let mut uses = scores.uses();
        let Some(thing) = uses.thing(Source::Fact, Some(fact), None) else { return Vec::new() };
        let statement = Statement { thing, source: Source::Fact, ..statement };
        let of_slot = uses.of(thing).iter().filter(|own| own.slot == slot);
        of_slot.filter_map(|own| own.candidate(0, &statement)).map(|told| (told.level, told.says)).collect()
    }

    #[test]
    fn the_longest_path_says_what_a_fact_means() {
        let levels = |fact: &str| -> Vec<u16> {
            let said = says("sofa", "vasopressor", fact, stated(0));
            said.into_iter().filter(|(_, says)| *says == Says::Yes).map(|(level, _)| level).collect()
        };
        assert_eq!(levels("drug.vasopressor"), [1, 2, 3]);
        assert_eq!(levels("drug.vasopressor.norepinephrine"), [2, 3]);
        assert_eq!(levels("drug.vasopressor.dobutamine"), [1]);
        assert!(levels("drug.vasopressor.midodrine").is_empty());
    }

    #[test]
    fn facts_with_an_amount_are_measured() {
        let drinks = |value: Option<f64>, presence| {
            let value = value.map(super::super::record::Value::exactly);
            says("has_bled", "alcohol", "behaviour.alcohol", Statement { value, presence, ..stated(0) })
        };
        assert_eq!(drinks(Some(14.0), Presence::Present), [(0, Says::Yes)]);
        assert_eq!(drinks(Some(2.0), Presence::Present), [(0, Says::No)]);
        assert_eq!(drinks(None, Presence::Absent), [(0, Says::No)]);
        assert!(drinks(None, Presence::Present).is_empty());
    }
}
