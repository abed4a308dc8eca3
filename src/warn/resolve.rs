//! What is known of an input at a moment, from the statements of a record that speak of it.
//!
//! Only statements known by then count. A statement that something is there is true for as long as the input's window lasts,
//! or for good where it has none (chronic conditions). A denial makes an input false only where what is denied is the whole of
//! the input: who has no pneumonia may still have another infection. Statements that contradict each other leave an input
//! open, unless the later one tells that an acute condition is over, or that a condition has come.

use super::record::{Known, Value};
use crate::assertion::{Experiencer, Temporality};

/// A statement of the record that speaks of an input.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    /// Its place in the record.
    pub known: u32,
    pub says: Says,
    /// The level that it states, or how far down the input's list of sources it stands.
    pub level: u16,
}

/// What a statement says of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// The input is true.
    Yes,
    /// It may be.
    Maybe,
    /// It is false.
    No,
    /// Something else is there that excludes it.
    Otherwise,
    /// One of several things that would make it true is not there.
    NotThis,
    /// It has the value of the statement.
    Value,
    /// A value that nobody has.
    Implausible,
}

/// Whose condition an input asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Patient,
    Family,
    Either,
}

/// Which statements count for an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Microseconds for which a statement holds; `None` for good.
    pub window: Option<i64>,
    /// Whether what is asked for lasts, so that a later denial does not end it.
    pub lasts: bool,
    /// What a statement of the past does.
    pub history: History,
    pub whose: Whose,
}

/// What it means for an input that something was so in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// Nothing.
    Ignored,
    /// The same as that it is so.
    Counts,
    /// It is not so any more: who is an ex-smoker does not smoke.
    Refutes,
}

impl History {
    /// Of an input of which it may count.
    pub fn of(counts: bool) -> History {
        if counts { History::Counts } else { History::Ignored }
    }
}

/// Which of several values of a window is taken.
#[derive(Clone, Copy)]
pub(super) enum Pick<'w> {
    Latest,
    Highest,
    Lowest,
    /// The one that weighs most, the latest of several.
    Heaviest(&'w dyn Fn(Value) -> f64),
}

/// Why an input is not known, or not for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    NotMentioned,
    OnlyHypothetical,
    OnlyFamily,
    OnlyHistorical,
    Implausible,
    Stale,
    AfterAdmission,
    Unspecific,
    Conflicting,
}

impl Reason {
    /// The words in output.
    pub fn name(self) -> &'static str {
        match self {
            Reason::NotMentioned => "not mentioned",
            Reason::OnlyHypothetical => "only hypothetical",
            Reason::OnlyFamily => "only family",
            Reason::OnlyHistorical => "only historical",
            Reason::Implausible => "implausible",
            Reason::Stale => "stale",
            Reason::AfterAdmission => "not at admission",
            Reason::Unspecific => "not specific",
            Reason::Conflicting => "conflicting",
        }
    }
}

/// What is known of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Unknown,
    Known(bool),
    Possible,
}

/// What is known of an input: its state, why it is not known, and the statements (places in the record) that tell it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found<T> {
    pub state: T,
    pub reason: Option<Reason>,
    pub evidence: [Option<u32>; 2],
}

impl<T> Found<T> {
    fn new(state: T, first: Option<u32>) -> Found<T> {
        Found { state, reason: None, evidence: [first, None] }
    }

    fn missing(state: T, reason: Reason, first: Option<u32>) -> Found<T> {
        Found { state, reason: Some(reason), evidence: [first, None] }
    }
}

/// The statements that count for an input at a moment.
struct Heard<'r, 'a> {
    known: &'r [Known<'a>],
    /// The best reason why a statement did not count, and which one it was.
    left_out: Option<(Reason, u32)>,
}

impl<'r, 'a> Heard<'r, 'a> {
    /// A statement, where it counts.
    fn hear(&mut self, candidate: Candidate, counts: &Counts, moment: i64) -> Option<&'r Known<'a>> {
        let known = self.known.get(candidate.known as usize)?;
        let statement = &known.statement;
        let is_denial = matches!(candidate.says, Says::No | Says::NotThis);
        let is_family = statement.experiencer == Experiencer::Family;
        let is_asked_for = match statement.experiencer {
            Experiencer::Patient => counts.whose != Whose::Family,
            Experiencer::Family => counts.whose != Whose::Patient,
            Experiencer::Other => false,
        };
        let reason = if !is_asked_for {
            // That a relative does not have something is no reason.
            is_family.then_some(Reason::OnlyFamily)
        } else if statement.temporality == Temporality::Hypothetical {
            Some(Reason::OnlyHypothetical)
        } else if statement.temporality == Temporality::Historical && counts.history == History::Ignored {
            Some(Reason::OnlyHistorical)
        } else if counts.window.is_some_and(|window| moment - known.since > window) {
            Some(Reason::Stale)
        } else {
            return Some(known);
        };
        if let Some(reason) = reason.filter(|_| !is_denial) {
            self.leave_out(reason, candidate.known);
        }
        None
    }

    fn leave_out(&mut self, reason: Reason, known: u32) {
        if self.left_out.is_none_or(|(best, _)| reason >= best) {
            self.left_out = Some((reason, known));
        }
    }

    fn nothing<T>(&self, state: T) -> Found<T> {
        match self.left_out {
            Some((reason, known)) => Found::missing(state, reason, Some(known)),
            None => Found::missing(state, Reason::NotMentioned, None),
        }
    }
}

/// What is known of a condition from its candidates up to the moment, in the order of time.
pub(super) fn condition(known: &[Known<'_>], candidates: &[Candidate], counts: &Counts, moment: i64) -> Found<Truth> {
    let mut heard = Heard { known, left_out: None };
    let mut told: Vec<Told> = Vec::new();
    for &candidate in candidates {
        if let Some(known) = heard.hear(candidate, counts, moment) {
            let is_over = counts.history == History::Refutes && known.statement.temporality == Temporality::Historical;
            let says = match candidate.says {
                Says::Yes if is_over => Says::No,
                says => says,
            };
            match says {
                Says::Maybe if is_over => heard.leave_out(Reason::OnlyHistorical, candidate.known),
                Says::Implausible => heard.leave_out(Reason::Implausible, candidate.known),
                says => {
                    told.push(Told { place: candidate.known, entry: known.entry, thing: known.statement.thing, says })
                }
            }
        }
    }
    // The latest statement that nothing contradicts settles it.
    let mut disputed: Option<(&Told, &Told)> = None;
    for yes in told.iter().rev().filter(|told| told.says == Says::Yes) {
        match told.iter().rev().find(|no| no.contradicts(yes) && no.entry >= yes.entry) {
            None => return Found::new(Truth::Known(true), Some(yes.place)),
            Some(no) => disputed = disputed.or(Some((yes, no))),
        }
    }
    if let Some((yes, no)) = disputed {
        let is_over = !counts.lasts && no.entry > yes.entry;
        if !is_over {
            let evidence = [Some(yes.place), Some(no.place)];
            return Found { state: Truth::Possible, reason: Some(Reason::Conflicting), evidence };
        }
    }
    let is_refuted = |maybe: &Told| told.iter().any(|no| no.contradicts(maybe) && no.entry > maybe.entry);
    if let Some(maybe) = told.iter().rev().find(|told| told.says == Says::Maybe && !is_refuted(told)) {
        return Found::new(Truth::Possible, Some(maybe.place));
    }
    let no = told.iter().rev().find(|told| matches!(told.says, Says::No | Says::Otherwise));
    match no {
        Some(no) => Found::new(Truth::Known(false), Some(no.place)),
        None => heard.nothing(Truth::Unknown),
    }
}

/// A statement that counts for a condition.
#[derive(Clone, Copy)]
struct Told {
    place: u32,
    entry: u32,
    thing: u32,
    says: Says,
}

impl Told {
    /// Whether this denies what another statement asserts.
    fn contradicts(&self, other: &Told) -> bool {
        match self.says {
            Says::No | Says::NotThis => self.thing == other.thing,
            Says::Otherwise => true,
            Says::Yes | Says::Maybe | Says::Value | Says::Implausible => false,
        }
    }
}

/// The levels from the first to the last that the entry which stated any last leaves possible. A statement may stand for
/// several levels: a drug without its dose. Of several statements of the entry any may be right, or the highest level counts
/// where the worst is asked for.
pub(super) fn level(
    known: &[Known<'_>],
    candidates: &[Candidate],
    counts: &Counts,
    worst: bool,
    moment: i64,
) -> Found<Option<[u16; 2]>> {
    let mut heard = Heard { known, left_out: None };
    let mut last: Vec<Stated> = Vec::new();
    for &candidate in candidates {
        if candidate.says != Says::Yes {
            continue;
        }
        let Some(known) = heard.hear(candidate, counts, moment) else { continue };
        let level = candidate.level;
        match last.last_mut() {
            Some(stated) if stated.place == candidate.known => {
                stated.levels = [stated.levels[0].min(level), stated.levels[1].max(level)];
            }
            before => {
                if before.is_some_and(|stated| stated.entry != known.entry) {
                    last.clear();
                }
                last.push(Stated { entry: known.entry, place: candidate.known, levels: [level; 2] });
            }
        }
    }
    let Some(first) = last.first() else { return heard.nothing(None) };
    let levels = last.iter().skip(1).fold(first.levels, |[low, high], other| {
        let least = if worst { low.max(other.levels[0]) } else { low.min(other.levels[0]) };
        [least, high.max(other.levels[1])]
    });
    // The statements that reach the ends.
    let other = last.iter().find(|other| other.levels != first.levels).map(|other| other.place);
    let reason = match (levels[0] == levels[1], other) {
        (true, _) => None,
        (false, Some(_)) => Some(Reason::Conflicting),
        (false, None) => Some(Reason::Unspecific),
    };
    Found { state: Some(levels), reason, evidence: [Some(first.place), other] }
}

/// A statement of one or more levels.
struct Stated {
    entry: u32,
    place: u32,
    levels: [u16; 2],
}

/// The number that is taken of those stated in the window.
pub(super) fn number(
    known: &[Known<'_>],
    candidates: &[Candidate],
    counts: &Counts,
    pick: Pick<'_>,
    moment: i64,
) -> Found<Option<Value>> {
    let mut heard = Heard { known, left_out: None };
    let mut taken: Option<Taken> = None;
    for &candidate in candidates {
        let Some(known) = heard.hear(candidate, counts, moment) else { continue };
        let statement = &known.statement;
        let Some(value) = statement.value.filter(|_| candidate.says == Says::Value) else {
            if candidate.says == Says::Implausible {
                heard.leave_out(Reason::Implausible, candidate.known);
            }
            continue;
        };
        // What a value was before it changed says nothing of the latest one.
        if statement.is_former && matches!(pick, Pick::Latest) {
            continue;
        }
        let at = (known.since, known.entry);
        let places = [Some(candidate.known), None];
        let other = Taken { value, level: candidate.level, at, is_latter: statement.is_latter, places };
        taken = Some(taken.map_or(other, |taken| taken.with(other, pick)));
    }
    match taken {
        Some(Taken { value, places: [first, None], .. }) => Found::new(Some(value), first),
        Some(Taken { value, places, .. }) => {
            Found { state: Some(value), reason: Some(Reason::Conflicting), evidence: places }
        }
        None => heard.nothing(None),
    }
}

/// The value that is taken so far.
#[derive(Clone, Copy)]
struct Taken {
    value: Value,
    level: u16,
    at: (i64, u32),
    is_latter: bool,
    places: [Option<u32>; 2],
}

impl Taken {
    /// The one of the two that is taken, or the interval of both where a note states two values of one time.
    fn with(self, other: Taken, pick: Pick<'_>) -> Taken {
        match pick {
            _ if other.level != self.level => {
                if other.level < self.level {
                    other
                } else {
                    self
                }
            }
            Pick::Latest if other.at > self.at => other,
            Pick::Latest if other.at < self.at || other.value == self.value => self,
            // `1.6 (baseline 1.0)` is later than another value of the note.
            Pick::Latest if other.is_latter != self.is_latter => {
                if self.is_latter {
                    self
                } else {
                    other
                }
            }
            // Beside a number, `above 65` is a goal or a limit.
            Pick::Latest if other.value.is_open() != self.value.is_open() => {
                if self.value.is_open() {
                    other
                } else {
                    self
                }
            }
            Pick::Latest => {
                Taken { value: self.value.hull(other.value), places: [self.places[0], other.places[0]], ..self }
            }
            Pick::Heaviest(weight) => {
                let (own, others) = (weight(self.value), weight(other.value));
                if others > own || (others == own && other.at >= self.at) { other } else { self }
            }
            Pick::Highest => {
                let is_other = (other.value.high, other.value.low) > (self.value.high, self.value.low);
                let value =
                    Value { low: self.value.low.max(other.value.low), high: self.value.high.max(other.value.high) };
                Taken { value, ..if is_other { other } else { self } }
            }
            Pick::Lowest => {
                let is_other = (other.value.low, other.value.high) < (self.value.low, self.value.high);
                let value =
                    Value { low: self.value.low.min(other.value.low), high: self.value.high.min(other.value.high) };
                Taken { value, ..if is_other { other } else { self } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{note, stated};
    use super::super::record::{DAY, Entry, Record, Statement};
    use super::*;
    use crate::assertion::Presence;

    const ACUTE: Counts =
        Counts { window: Some(2 * DAY), lasts: false, history: History::Ignored, whose: Whose::Patient };
    const CHRONIC: Counts = Counts { window: None, lasts: true, history: History::Counts, whose: Whose::Patient };

    /// Every statement asserts the input; a denial of thing 1 denies it, one of another thing says nothing; thing 9 excludes.
    fn candidates(record: &Record<'_>, moment: i64) -> Vec<Candidate> {
        let says = |statement: &Statement<'_>| match (statement.thing, statement.presence, statement.value) {
            (9, ..) => Says::Otherwise,
            (.., Some(_)) if !statement.plausible => Says::Implausible,
            (.., Some(_)) => Says::Value,
            (_, Presence::Present, _) => Says::Yes,
            (_, Presence::Possible, _) => Says::Maybe,
            (1, Presence::Absent, _) => Says::No,
            (_, Presence::Absent, _) => Says::NotThis,
        };
        let until = record.known.iter().enumerate().filter(|(_, known)| known.time <= moment);
        let candidate = |(place, known): (usize, &Known<'_>)| {
            let (says, level) = (says(&known.statement), known.statement.thing as u16);
            Candidate { known: place as u32, says, level }
        };
        until.map(candidate).collect()
    }

    fn check(entries: Vec<Entry<'static>>, counts: Counts, day: i64, expected: (Truth, Option<Reason>)) {
        let record = Record::new(entries);
        let found = condition(&record.known, &candidates(&record, day * DAY), &counts, day * DAY);
        assert_eq!((found.state, found.reason), expected);
    }

    fn denied(thing: u32) -> Statement<'static> {
        Statement { presence: Presence::Absent, ..stated(thing) }
    }

    const TRUE: (Truth, Option<Reason>) = (Truth::Known(true), None);
    const FALSE: (Truth, Option<Reason>) = (Truth::Known(false), None);
    const POSSIBLE: (Truth, Option<Reason>) = (Truth::Possible, None);
    const DISPUTED: (Truth, Option<Reason>) = (Truth::Possible, Some(Reason::Conflicting));

    fn unknown(reason: Reason) -> (Truth, Option<Reason>) {
        (Truth::Unknown, Some(reason))
    }

    #[test]
    fn acute_conditions_hold_for_their_window() {
        let day = |day| vec![note(day, vec![stated(1)])];
        check(day(1), ACUTE, 1, TRUE);
        check(day(1), ACUTE, 3, TRUE);
        check(day(1), ACUTE, 4, unknown(Reason::Stale));
        check(day(1), ACUTE, 0, unknown(Reason::NotMentioned));
        check(day(1), CHRONIC, 4, TRUE);
    }

    #[test]
    fn a_pasted_symptom_is_as_old_as_its_first_note() {
        let pasted = Statement { segment_hash: "aa", ..stated(1) };
        check(vec![note(1, vec![pasted]), note(5, vec![pasted])], ACUTE, 5, unknown(Reason::Stale));
    }

    #[test]
    fn history_and_family_count_where_they_are_asked_for() {
        let past = Statement { temporality: Temporality::Historical, ..stated(1) };
        let mother = Statement { experiencer: Experiencer::Family, ..stated(1) };
        let planned = Statement { temporality: Temporality::Hypothetical, ..stated(1) };
        check(vec![note(1, vec![past])], ACUTE, 1, unknown(Reason::OnlyHistorical));
        check(vec![note(1, vec![past])], CHRONIC, 1, TRUE);
        check(vec![note(1, vec![mother])], CHRONIC, 1, unknown(Reason::OnlyFamily));
        check(vec![note(1, vec![planned])], CHRONIC, 1, unknown(Reason::OnlyHypothetical));
        let given_up = Counts { history: History::Refutes, ..ACUTE };
        let maybe = Statement { presence: Presence::Possible, ..past };
        check(vec![note(1, vec![past])], given_up, 1, FALSE);
        check(vec![note(1, vec![past])], given_up, 9, unknown(Reason::Stale));
        check(vec![note(1, vec![maybe])], given_up, 1, unknown(Reason::OnlyHistorical));
        check(vec![note(1, vec![past]), note(2, vec![stated(1)])], given_up, 2, TRUE);
        check(vec![note(1, vec![stated(1)]), note(2, vec![past])], given_up, 2, FALSE);
        let family = Counts { whose: Whose::Family, ..CHRONIC };
        check(vec![note(1, vec![mother])], family, 1, TRUE);
        check(vec![note(1, vec![stated(1)])], family, 1, unknown(Reason::NotMentioned));
    }

    #[test]
    fn a_denial_counts_only_where_it_denies_the_whole() {
        check(vec![note(1, vec![denied(1)])], CHRONIC, 1, FALSE);
        check(vec![note(1, vec![denied(2)])], CHRONIC, 1, unknown(Reason::NotMentioned));
        check(vec![note(1, vec![denied(1), stated(2)])], CHRONIC, 1, TRUE);
        check(vec![note(1, vec![stated(9)])], ACUTE, 1, FALSE);
    }

    #[test]
    fn contradictions_leave_open_what_time_does_not_tell() {
        let day = |day, statement| note(day, vec![statement]);
        check(vec![note(1, vec![stated(1), denied(1)])], ACUTE, 1, DISPUTED);
        check(vec![day(1, denied(1)), day(2, stated(1))], CHRONIC, 2, TRUE);
        check(vec![day(1, stated(1)), day(2, denied(1))], CHRONIC, 2, DISPUTED);
        check(vec![day(1, stated(1)), day(2, denied(1))], ACUTE, 2, FALSE);
        check(vec![day(1, stated(1)), day(2, stated(9))], ACUTE, 2, FALSE);
        check(vec![day(1, stated(9)), day(2, stated(1))], ACUTE, 2, TRUE);
        check(vec![day(1, stated(2)), day(2, denied(2))], ACUTE, 2, unknown(Reason::NotMentioned));
    }

    #[test]
    fn what_is_possible_stays_so_until_it_is_ruled_out() {
        let maybe = Statement { presence: Presence::Possible, ..stated(1) };
        check(vec![note(1, vec![maybe])], ACUTE, 1, POSSIBLE);
        check(vec![note(1, vec![maybe]), note(2, vec![denied(1)])], ACUTE, 2, FALSE);
        check(vec![note(1, vec![maybe]), note(2, vec![stated(1)])], ACUTE, 2, TRUE);
    }

    fn measured(value: f64) -> Statement<'static> {
        Statement { value: Some(Value::exactly(value)), ..stated(1) }
    }

    fn check_number(entries: Vec<Entry<'static>>, pick: Pick<'_>, expected: (Option<(f64, f64)>, Option<Reason>)) {
        let record = Record::new(entries);
        let found = number(&record.known, &candidates(&record, 2 * DAY), &ACUTE, pick, 2 * DAY);
        assert_eq!((found.state.map(|value| (value.low, value.high)), found.reason), expected);
    }

    #[test]
    fn numbers_are_picked_from_their_window() {
        let days = || vec![note(-5, vec![measured(1.0)]), note(0, vec![measured(9.0)]), note(1, vec![measured(4.0)])];
        check_number(days(), Pick::Latest, (Some((4.0, 4.0)), None));
        check_number(days(), Pick::Highest, (Some((9.0, 9.0)), None));
        check_number(days(), Pick::Lowest, (Some((4.0, 4.0)), None));
        check_number(vec![note(-5, vec![measured(1.0)])], Pick::Latest, (None, Some(Reason::Stale)));
        let wrong = Statement { plausible: false, ..measured(900.0) };
        check_number(vec![note(1, vec![wrong])], Pick::Latest, (None, Some(Reason::Implausible)));
    }

    #[test]
    fn two_values_of_one_time_are_an_interval() {
        let both = vec![note(1, vec![measured(92.0), measured(110.0)])];
        check_number(both, Pick::Latest, (Some((92.0, 110.0)), Some(Reason::Conflicting)));
        let former = Statement { is_former: true, ..measured(110.0) };
        check_number(vec![note(1, vec![measured(92.0), former])], Pick::Latest, (Some((92.0, 92.0)), None));
        let risen = Statement { is_latter: true, ..measured(1.6) };
        check_number(vec![note(1, vec![measured(1.0), risen])], Pick::Latest, (Some((1.6, 1.6)), None));
        let above = Statement { value: Some(Value::compared(65.0, ">")), ..stated(1) };
        check_number(vec![note(1, vec![above, measured(59.0)])], Pick::Latest, (Some((59.0, 59.0)), None));
    }

    #[test]
    fn levels_are_those_stated_last() {
        // Thing 5 stands for the levels 5 and 6.
        let at = |entries, worst| {
            let record = Record::new(entries);
            let mut all = Vec::new();
            for candidate in candidates(&record, 2 * DAY) {
                all.push(candidate);
                if candidate.level == 5 {
                    all.push(Candidate { level: 6, ..candidate });
                }
            }
            let found = level(&record.known, &all, &ACUTE, worst, 2 * DAY);
            (found.state, found.reason)
        };
        assert_eq!(at(vec![note(1, vec![stated(3)]), note(2, vec![stated(4)])], false), (Some([4, 4]), None));
        let both = || vec![note(2, vec![stated(3), stated(4)])];
        assert_eq!(at(both(), false), (Some([3, 4]), Some(Reason::Conflicting)));
        assert_eq!(at(both(), true), (Some([4, 4]), None));
        assert_eq!(at(vec![note(2, vec![stated(5)])], false), (Some([5, 6]), Some(Reason::Unspecific)));
        let with_a_lower = vec![note(2, vec![stated(3), stated(5)])];
        assert_eq!(at(with_a_lower, true), (Some([5, 6]), Some(Reason::Conflicting)));
        assert_eq!(at(vec![note(-9, vec![stated(3)])], false), (None, Some(Reason::Stale)));
    }
}
