//! Numbers that are computed from others: age, mean arterial pressure, oxygenation, the rise of a value.

use super::record::{DAY, Known, Value};
use super::resolve::{Candidate, Counts, Found, History, Pick, Reason, Says, Whose, number};

/// Microseconds of an hour.
pub(super) const HOUR: i64 = DAY / 24;
/// The mean length of a year.
const YEAR: f64 = 365.2425 * DAY as f64;

/// The age of a patient whose birthday is known, in whole years.
pub(super) fn age_from_birth(birth: jiff::civil::Date, moment: jiff::civil::Date) -> f64 {
    let years = i32::from(moment.year()) - i32::from(birth.year());
    let is_before_birthday = (moment.month(), moment.day()) < (birth.month(), birth.day());
    f64::from((years - i32::from(is_before_birthday)).max(0))
}

/// The age of a patient, in whole years, from the ages that notes state: a birthday may have passed since.
pub(super) fn age(known: &[Known<'_>], candidates: &[Candidate], moment: i64) -> Found<Option<Value>> {
    let mut found: Option<(Value, u32)> = None;
    for candidate in candidates.iter().filter(|candidate| candidate.says == Says::Value) {
        let Some(stated) = known.get(candidate.known as usize) else { continue };
        let Some(value) = stated.statement.value else { continue };
        let years = (moment - stated.time) as f64 / YEAR;
        let low = (value.low.floor() + years).floor();
        let high = if years > 0.0 { (value.high.floor() + 1.0 + years).floor() } else { value.high.floor() };
        let now = Value { low, high };
        // Statements that agree narrow the age; where they do not, the last one counts.
        let narrowed = found.map(|(value, _)| Value { low: value.low.max(low), high: value.high.min(high) });
        let value = narrowed.filter(|value| value.low <= value.high).unwrap_or(now);
        found = Some((value, candidate.known));
    }
    match found {
        Some((value, place)) => Found { state: Some(value), reason: None, evidence: [Some(place), None] },
        None => Found { state: None, reason: Some(Reason::NotMentioned), evidence: [None, None] },
    }
}

/// A number of two others, where both are known.
pub(super) fn of_two(
    one: Found<Option<Value>>,
    other: Found<Option<Value>>,
    compute: impl Fn(f64, f64) -> f64,
    rises_with_other: bool,
) -> Found<Option<Value>> {
    let evidence = [one.evidence[0], other.evidence[0]];
    match (one.state, other.state) {
        (Some(first), Some(second)) => {
            let second = if rises_with_other { second } else { Value { low: second.high, high: second.low } };
            let value = Value { low: compute(first.low, second.low), high: compute(first.high, second.high) };
            let reason = one.reason.or(other.reason);
            Found { state: Some(value).filter(|value| !value.low.is_nan() && !value.high.is_nan()), reason, evidence }
        }
        (state, _) => {
            let reason = if state.is_none() { one.reason } else { other.reason };
            Found { state: None, reason, evidence: [None, None] }
        }
    }
}

/// The mean of a systolic and a diastolic pressure.
pub(super) fn mean_pressure(systolic: f64, diastolic: f64) -> f64 {
    (systolic + 2.0 * diastolic) / 3.0
}

/// The latest value, and the lowest one of a time before it. What a note states as former or past lies before.
pub(super) struct Change {
    pub latest: Found<Option<Value>>,
    pub lowest: Found<Option<Value>>,
}

/// The latest value within the window of an input, and the lowest of those before it.
pub(super) fn change(
    known: &[Known<'_>],
    candidates: &[Candidate],
    window: Option<i64>,
    before: i64,
    moment: i64,
) -> Change {
    let counts = Counts { window, lasts: false, history: History::Ignored, whose: Whose::Patient };
    let latest = number(known, candidates, &counts, Pick::Latest, moment);
    let place = latest.evidence[0];
    let missing = || Found { state: None, reason: Some(Reason::NotMentioned), evidence: [None, None] };
    let Some(at) = place.and_then(|place| known.get(place as usize)) else {
        return Change { latest, lowest: missing() };
    };
    let is_before = |candidate: &&Candidate| {
        let Some(stated) = known.get(candidate.known as usize) else { return false };
        let statement = &stated.statement;
        let is_former = statement.is_former || statement.temporality == crate::assertion::Temporality::Historical;
        let is_in_time = if is_former { stated.since <= at.since } else { stated.since < at.since };
        is_in_time && at.since - stated.since <= before
    };
    let earlier: Vec<Candidate> = candidates.iter().filter(is_before).copied().collect();
    let counts = Counts { window: None, lasts: false, history: History::Counts, whose: Whose::Patient };
    let lowest = if earlier.is_empty() { missing() } else { number(known, &earlier, &counts, Pick::Lowest, moment) };
    Change { latest, lowest }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{note, stated};
    use super::super::record::{Record, Statement};
    use super::*;

    fn valued(value: f64) -> Statement<'static> {
        Statement { value: Some(Value::exactly(value)), ..stated(1) }
    }

    fn candidates(record: &Record<'_>) -> Vec<Candidate> {
        (0..record.known.len()).map(|place| Candidate { known: place as u32, says: Says::Value, level: 0 }).collect()
    }

    #[test]
    fn ages_grow() {
        let at = |entries, day: i64| {
            let record = Record::new(entries);
            let value = age(&record.known, &candidates(&record), day * DAY).state.unwrap();
            (value.low, value.high)
        };
        assert_eq!(at(vec![note(0, vec![valued(68.0)])], 0), (68.0, 68.0));
        assert_eq!(at(vec![note(0, vec![valued(68.0)])], 10), (68.0, 69.0));
        assert_eq!(at(vec![note(0, vec![valued(68.0)])], 400), (69.0, 70.0));
        assert_eq!(at(vec![note(0, vec![valued(68.0)]), note(300, vec![valued(69.0)])], 310), (69.0, 69.0));
        let day = |year, month, day| jiff::civil::date(year, month, day);
        assert_eq!(age_from_birth(day(1950, 6, 15), day(2020, 6, 14)), 69.0);
        assert_eq!(age_from_birth(day(1950, 6, 15), day(2020, 6, 15)), 70.0);
    }

    #[test]
    fn a_value_is_compared_with_the_lowest_before_it() {
        let of = |entries| {
            let record = Record::new(entries);
            let change = change(&record.known, &candidates(&record), Some(2 * DAY), 7 * DAY, 3 * DAY);
            (change.latest.state.map(|value| value.low), change.lowest.state.map(|value| value.low))
        };
        let days = vec![note(-9, vec![valued(0.5)]), note(1, vec![valued(0.9)]), note(3, vec![valued(2.1)])];
        assert_eq!(of(days), (Some(2.1), Some(0.9)));
        let baseline = Statement { is_former: true, ..valued(0.8) };
        assert_eq!(of(vec![note(3, vec![valued(2.1), baseline])]), (Some(2.1), Some(0.8)));
        assert_eq!(of(vec![note(3, vec![valued(2.1)])]), (Some(2.1), None));
    }

    #[test]
    fn two_numbers_make_one_where_both_are_known() {
        let known = |low, high| Found { state: Some(Value { low, high }), reason: None, evidence: [Some(1), None] };
        let none = Found { state: None, reason: Some(Reason::Stale), evidence: [None, None] };
        let mean = of_two(known(120.0, 120.0), known(60.0, 90.0), mean_pressure, true).state.unwrap();
        assert_eq!((mean.low, mean.high), (80.0, 100.0));
        let ratio = of_two(known(80.0, 80.0), known(20.0, 40.0), |pressure, share| pressure / (share / 100.0), false);
        assert_eq!(ratio.state.map(|ratio| (ratio.low, ratio.high)), Some((200.0, 400.0)));
        assert_eq!(of_two(known(1.0, 1.0), none, mean_pressure, true).reason, Some(Reason::Stale));
    }
}
