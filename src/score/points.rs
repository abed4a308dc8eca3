//! Points of a number by consecutive ranges.

use serde::Deserialize;

use super::interval::Interval;

/// A range of numbers, from where the range before it ends, and its points.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Cut {
    /// The range ends with this number.
    #[serde(default)]
    pub upto: Option<f64>,
    /// The range ends before this number.
    #[serde(default)]
    pub below: Option<f64>,
    /// Points within the range.
    pub points: f64,
}

impl Cut {
    /// Whether a number that is in no range before is in this one.
    pub(super) fn holds(&self, value: f64) -> bool {
        self.upto.is_none_or(|limit| value <= limit) && self.below.is_none_or(|limit| value < limit)
    }

    /// Where the range ends.
    fn end(&self) -> Option<f64> {
        self.upto.or(self.below)
    }
}

/// What is wrong with consecutive ranges.
pub(super) fn problem(cuts: &[Cut]) -> Option<String> {
    let (last, others) = cuts.split_last()?;
    if last.end().is_some() {
        return Some("expected a last range without `upto` and `below`".to_owned());
    }
    for (index, cut) in others.iter().enumerate() {
        if cut.upto.is_some() == cut.below.is_some() {
            return Some(format!("range {}: expected one of `upto` and `below`", index + 1));
        }
    }
    // `below = 3` and then `upto = 3` leave 3 itself in the second.
    let rises = others
        .windows(2)
        .all(|pair| pair[0].end() < pair[1].end() || (pair[0].below.is_some() && pair[0].below == pair[1].upto));
    (!rises).then(|| "expected ranges whose limits rise".to_owned())
}

/// The points that a number may have.
pub(super) fn points(cuts: &[Cut], number: Interval) -> Interval {
    let mut ranges = cuts.iter().skip_while(|cut| !cut.holds(number.low));
    let Some(first) = ranges.next() else { return Interval::point(0.0) };
    let mut points = Interval::point(first.points);
    if first.holds(number.high) {
        return points;
    }
    for cut in ranges {
        points = points.hull(Interval::point(cut.points));
        if cut.holds(number.high) {
            break;
        }
    }
    points
}
