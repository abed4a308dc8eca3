//! Which input is worth knowing: the one that would decide the band, or leave the least open.

use super::compile::Own;
use super::evaluate::Summary;
use super::interval::Interval;
use super::points::Cut;
use super::{InputKind, Score};

/// At how many values a number is tried where no ranges tell where it matters.
const N_TRIED: usize = 3;

/// A formula with more combinations of open inputs than this is not tried out: so much is open that no one input helps.
const MAX_COMBINATIONS: usize = 64;

/// The input that would settle an undecided score whatever it turned out to be, and the one that narrows it most at worst.
/// Numbers of formulas are tried at their ends and in the middle.
pub(super) fn settle(
    score: &Score,
    values: &mut Vec<Interval>,
    points: &[(f64, f64)],
    open: Summary,
) -> (Option<usize>, Option<usize>) {
    let n_inputs = score.inputs().len();
    if score.compiled.n_combinations(values) > MAX_COMBINATIONS {
        return (None, None);
    }
    let mut scratch = points.to_vec();
    let mut settles: Option<(usize, f64)> = None;
    let mut narrows: Option<(usize, f64)> = None;
    for index in 0..n_inputs {
        if values[index].is_point() {
            continue;
        }
        let (decides, width) = if score.compiled.formula.is_some() {
            tried_out(score, index, values, |values| {
                let summary = score.summary(values, &mut scratch);
                (summary.total, summary.band_min == summary.band_max)
            })
        } else if !score.acts_alone(index) {
            within_part(score, index, values, points, open)
        } else if points[index].0 == points[index].1 {
            continue;
        } else {
            alone(score, index, values[index], points, open)
        };
        if decides && settles.is_none_or(|(_, least)| width < least) {
            settles = Some((index, width));
        }
        if width < open.total.width() && narrows.is_none_or(|(_, least)| width < least) {
            narrows = Some((index, width));
        }
    }
    (settles.map(|(index, _)| index), narrows.map(|(index, _)| index))
}

/// An input on whose points nothing else depends: the rest of the score stays as it is.
fn alone(score: &Score, index: usize, value: Interval, points: &[(f64, f64)], open: Summary) -> (bool, f64) {
    let own = Interval { low: points[index].0, high: points[index].1 };
    let rest = Interval { low: open.total.low - own.low, high: open.total.high - own.high };
    let raise = score.compiled.raise;
    let others = |which: fn(&(f64, f64)) -> f64| {
        let mut others = points.iter().enumerate().filter(|(other, _)| *other != index);
        raise.is_some_and(|(_, limit)| others.any(|(_, points)| which(points) >= limit))
    };
    let lifted = (others(|points| points.0), others(|points| points.1));
    let decides = |points: f64| {
        let (mut low, mut high) = (score.band(rest.low + points), score.band(rest.high + points));
        if let Some((to, limit)) = raise {
            if lifted.0 || points >= limit {
                low = low.max(to);
            }
            if lifted.1 || points >= limit {
                high = high.max(to);
            }
        }
        low == high
    };
    let decided = match &score.compiled.own[index] {
        Own::Cuts(cuts) => reached(cuts, value).iter().all(|cut| decides(cut.points)),
        Own::Levels(levels) => levels[value.low as usize..=value.high as usize].iter().all(|points| decides(*points)),
        _ => decides(own.low) && decides(own.high),
    };
    (decided, rest.width())
}

/// The ranges that a number may lie in.
fn reached(cuts: &[Cut], value: Interval) -> &[Cut] {
    let first = cuts.iter().position(|cut| cut.holds(value.low)).unwrap_or(0);
    let last = cuts.iter().position(|cut| cut.holds(value.high)).unwrap_or(cuts.len() - 1);
    &cuts[first..=last.max(first)]
}

/// An input that has to do with others: only the part of the score that they are is evaluated again.
fn within_part(
    score: &Score,
    index: usize,
    values: &mut Vec<Interval>,
    points: &[(f64, f64)],
    open: Summary,
) -> (bool, f64) {
    let compiled = &score.compiled;
    let part = &compiled.parts[compiled.part_of[index]];
    let n_inputs = score.inputs().len();
    let mut points = points.to_vec();
    let own = compiled.part_value(part, values, n_inputs, &mut points);
    let rest = Interval { low: open.total.low - own.low, high: open.total.high - own.high };
    tried_out(score, index, values, |values| {
        let total = rest.plus(compiled.part_value(part, values, n_inputs, &mut points));
        let (band_min, band_max) = score.bands_of(total, &points);
        (total, band_min == band_max)
    })
}

/// Evaluates the score, or a part of it, at every value at which an input is tried; whether all of them decide the band, and
/// the width that is left at worst.
fn tried_out(
    score: &Score,
    index: usize,
    values: &mut Vec<Interval>,
    mut evaluate: impl FnMut(&mut Vec<Interval>) -> (Interval, bool),
) -> (bool, f64) {
    let value = values[index];
    let mut decides = true;
    let mut widest = 0.0f64;
    for tried in tried(score, index, value) {
        values[index] = Interval::point(tried);
        let (total, decided) = evaluate(values);
        decides &= decided;
        widest = widest.max(total.width());
    }
    values[index] = value;
    (decides, widest)
}

/// Values at which an input is tried.
fn tried(score: &Score, index: usize, value: Interval) -> Vec<f64> {
    if score.inputs()[index].kind != InputKind::Number {
        return (value.low as usize..=value.high as usize).map(|level| level as f64).collect();
    }
    let mut tried: Vec<f64> = match &score.compiled.own[index] {
        Own::Cuts(cuts) => representatives(cuts).collect(),
        _ => {
            let tables = score.compiled.tables.iter().flat_map(|cuts| representatives(cuts));
            let step = value.width() / (N_TRIED - 1) as f64;
            tables.chain((0..N_TRIED).map(|n| value.low + n as f64 * step)).collect()
        }
    };
    tried.extend([value.low, value.high]);
    tried.retain(|number| (value.low..=value.high).contains(number));
    tried.sort_by(f64::total_cmp);
    tried.dedup();
    tried
}

/// A number of every range.
fn representatives(cuts: &[Cut]) -> impl Iterator<Item = f64> + '_ {
    cuts.iter().filter_map(|cut| cut.upto.or(cut.below.map(f64::next_down)))
}
