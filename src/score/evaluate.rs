//! The value of a score over what is known of its inputs.

use super::compile::{Compiled, Own, Part, Whole};
use super::file::Bounds;
use super::interval::{EITHER, Interval};
use super::points;
use super::{Input, InputKind, Normal, Score, settle};

/// What is known of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InputValue {
    /// Nothing.
    Unknown,
    /// A yes or no.
    Known(bool),
    /// A yes or no that may hold.
    Possible,
    /// A number between these, both included; one number where they are the same.
    Number {
        /// The least that it may be.
        low: f64,
        /// The most that it may be.
        high: f64,
    },
    /// A level of a choice, by its place.
    Level(usize),
    /// One of the levels of a choice from the one to the other, both included.
    Levels {
        /// The first that it may be.
        low: usize,
        /// The last that it may be.
        high: usize,
    },
}

/// What a score comes to.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The least that it may be.
    pub min: f64,
    /// The most that it may be.
    pub max: f64,
    /// The lowest band that it may be in, by its place.
    pub band_min: usize,
    /// The highest band that it may be in.
    pub band_max: usize,
    /// Whether both are the same.
    pub decided: bool,
    /// The least and the most points of every input, in the order of the inputs; a formula gives inputs no points.
    pub points: Vec<(f64, f64)>,
    /// Where it is not decided: the input that would decide it whatever it turned out to be.
    pub would_settle: Option<usize>,
    /// Where it is not decided: the input that would leave least open at worst, the first of several.
    pub narrows_most: Option<usize>,
}

/// What is taken for inputs that are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assume {
    /// Nothing: the score is an interval.
    #[default]
    Nothing,
    /// What is not stated is absent; numbers stay unknown.
    Absent,
    /// What is not stated is absent, numbers are normal.
    Normal,
}

/// A score's interval and bands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub total: Interval,
    pub band_min: usize,
    pub band_max: usize,
}

impl Score {
    /// What the score comes to where the k-th value is that of the k-th input. An input without a value, or with one that is
    /// not of its kind, is unknown.
    pub fn evaluate(&self, states: &[InputValue]) -> Outcome {
        let mut outcome = Outcome::default();
        self.evaluate_into(states, &mut outcome);
        outcome
    }

    /// As [`evaluate`](Score::evaluate), into an outcome whose memory is used again.
    pub fn evaluate_into(&self, states: &[InputValue], outcome: &mut Outcome) {
        let compiled = &self.compiled;
        let state = |index: usize| states.get(index).copied().unwrap_or(InputValue::Unknown);
        let mut values: Vec<Interval> = Vec::with_capacity(self.inputs.len() + compiled.steps.len());
        values.extend(
            self.inputs
                .iter()
                .zip(&compiled.unknown)
                .enumerate()
                .map(|(index, (input, unknown))| value(input, state(index)).unwrap_or(*unknown)),
        );
        outcome.points.clear();
        outcome.points.resize(self.inputs.len(), (0.0, 0.0));
        let summary = self.summary(&mut values, &mut outcome.points);
        outcome.min = summary.total.low;
        outcome.max = summary.total.high;
        outcome.band_min = summary.band_min;
        outcome.band_max = summary.band_max;
        outcome.decided = summary.band_min == summary.band_max;
        (outcome.would_settle, outcome.narrows_most) =
            if outcome.decided { (None, None) } else { settle::settle(self, &mut values, &outcome.points, summary) };
    }

    /// Fills what is not known by a convention.
    pub fn assume(&self, states: &mut [InputValue], assume: Assume) {
        if assume == Assume::Nothing {
            return;
        }
        for (input, state) in self.inputs.iter().zip(states) {
            if *state != InputValue::Unknown {
                continue;
            }
            match input.kind {
                InputKind::YesNo if input.demographic.is_none() => *state = InputValue::Known(input.assumed),
                InputKind::Number | InputKind::Choice if assume == Assume::Normal => {
                    *state = normal(input).unwrap_or(InputValue::Unknown);
                }
                _ => {}
            }
        }
    }

    /// Whether no other input has to do with this one, and the score is the sum of points.
    pub(super) fn acts_alone(&self, index: usize) -> bool {
        let part = &self.compiled.parts[self.compiled.part_of[index]];
        self.compiled.formula.is_none() && matches!(part.terms.as_slice(), [term] if term.len() == 1)
    }

    /// The interval and bands over values of the inputs; room for steps is made behind them. Fills the inputs' points.
    pub(super) fn summary(&self, values: &mut Vec<Interval>, points: &mut [(f64, f64)]) -> Summary {
        let compiled = &self.compiled;
        let total = match &compiled.formula {
            Some(formula) => compiled.formula_value(formula, values, self.inputs.len()),
            None => {
                let parts = compiled.parts.iter();
                parts.fold(Interval::point(0.0), |total, part| {
                    total.plus(compiled.part_value(part, values, self.inputs.len(), points))
                })
            }
        };
        let (band_min, band_max) = self.bands_of(total, points);
        Summary { total, band_min, band_max }
    }

    /// The lowest and the highest band of an interval, as single inputs may lift them.
    pub(super) fn bands_of(&self, total: Interval, points: &[(f64, f64)]) -> (usize, usize) {
        let (mut band_min, mut band_max) = (self.band(total.low), self.band(total.high));
        if let Some((to, limit)) = self.compiled.raise {
            if points.iter().any(|(low, _)| *low >= limit) {
                band_min = band_min.max(to);
            }
            if points.iter().any(|(_, high)| *high >= limit) {
                band_max = band_max.max(to);
            }
        }
        (band_min, band_max)
    }
}

/// The values that an input may have, where anything is known.
fn value(input: &Input, state: InputValue) -> Option<Interval> {
    match (input.kind, state) {
        (InputKind::YesNo, InputValue::Known(known)) => Some(Interval::point(f64::from(u8::from(known)))),
        (InputKind::YesNo, InputValue::Possible) => Some(EITHER),
        (InputKind::Number, InputValue::Number { low, high }) if !low.is_nan() && !high.is_nan() => {
            Some(Interval::new(low, high))
        }
        (InputKind::Choice, InputValue::Level(level)) if level < input.levels.len() => {
            Some(Interval::point(level as f64))
        }
        (InputKind::Choice, InputValue::Levels { low, high }) if low <= high && high < input.levels.len() => {
            Some(Interval { low: low as f64, high: high as f64 })
        }
        _ => None,
    }
}

/// What is normal for an input, where its file says so.
fn normal(input: &Input) -> Option<InputValue> {
    match input.normal.as_ref()? {
        Normal::Number(number) => Some(InputValue::Number { low: *number, high: *number }),
        Normal::Level(name) => input.levels.iter().position(|level| level.name == *name).map(InputValue::Level),
    }
}

/// Beyond so many combinations bounds are found by interval arithmetic, which is safe but wider.
const MAX_COMBINATIONS: usize = 1 << 13;

impl Compiled {
    /// Computes the steps behind the values of the inputs.
    fn follow_steps(&self, values: &mut Vec<Interval>, n_inputs: usize) {
        values.truncate(n_inputs);
        for step in &self.steps {
            let value = step.evaluate(values, &self.tables);
            values.push(value);
        }
    }

    /// The points of a part: where inputs decide on the points of others, over every case of those.
    pub(super) fn part_value(
        &self,
        part: &Part,
        values: &mut Vec<Interval>,
        n_inputs: usize,
        points: &mut [(f64, f64)],
    ) -> Interval {
        let mut open = Cases::default();
        for pivot in &part.pivots {
            open.add(*pivot, values[*pivot], true);
        }
        if open.is_empty() || open.n_combinations() > MAX_COMBINATIONS {
            if !self.steps.is_empty() {
                self.follow_steps(values, n_inputs);
            }
            return self.terms(part, values, |index, own| points[index] = (own.low, own.high));
        }
        let mut total: Option<Interval> = None;
        open.each(values, |values| {
            self.follow_steps(values, n_inputs);
            let first = total.is_none();
            let case = self.terms(part, values, |index, own| {
                points[index] = if first {
                    (own.low, own.high)
                } else {
                    (points[index].0.min(own.low), points[index].1.max(own.high))
                };
            });
            total = Some(total.map_or(case, |total| total.hull(case)));
        });
        total.unwrap_or(Interval::point(0.0))
    }

    /// The points of a part as its values stand; tells those of each input.
    fn terms(&self, part: &Part, values: &[Interval], mut tell: impl FnMut(usize, Interval)) -> Interval {
        let mut own = |index: usize| {
            let mut points = self.own_points(index, values);
            if let Some((_, others)) = part.unless.iter().find(|(member, _)| *member == index) {
                if others.iter().any(|other| values[*other].low >= 1.0) {
                    points = Interval::point(0.0);
                } else if others.iter().any(|other| values[*other].high > 0.0) {
                    points = points.hull(Interval::point(0.0));
                }
            }
            tell(index, points);
            points
        };
        part.terms.iter().fold(Interval::point(0.0), |total, term| {
            let most = term.iter().map(|index| own(*index)).reduce(Interval::max);
            total.plus(most.unwrap_or(Interval::point(0.0)))
        })
    }

    /// The points of one input.
    fn own_points(&self, index: usize, values: &[Interval]) -> Interval {
        let value = values[index];
        match &self.own[index] {
            Own::Nothing => Interval::point(0.0),
            Own::Truth { present, absent } if value.is_point() => {
                Interval::point(if value.low > 0.0 { *present } else { *absent })
            }
            Own::Truth { present, absent } => Interval::new(*present, *absent),
            Own::Cuts(cuts) => points::points(cuts, value),
            Own::Levels(levels) => {
                let possible = &levels[value.low as usize..=value.high as usize];
                let low = possible.iter().copied().fold(f64::INFINITY, f64::min);
                Interval { low, high: possible.iter().copied().fold(f64::NEG_INFINITY, f64::max) }
            }
            Own::Rule(rule) => rule.evaluate(values, &self.tables),
        }
    }

    /// How many combinations the formula is evaluated at, one where there is none.
    pub(super) fn n_combinations(&self, values: &[Interval]) -> usize {
        self.formula.as_ref().map_or(1, |formula| open_inputs(formula, values).n_combinations())
    }

    /// The value of a formula.
    fn formula_value(&self, formula: &Whole, values: &mut Vec<Interval>, n_inputs: usize) -> Interval {
        let [low, high] = formula.range;
        let open = open_inputs(formula, values);
        if open.is_empty() || open.n_combinations() > MAX_COMBINATIONS {
            self.follow_steps(values, n_inputs);
            return formula.expression.evaluate(values, &self.tables).within(low, high);
        }
        let mut total: Option<Interval> = None;
        open.each(values, |values| {
            self.follow_steps(values, n_inputs);
            let case = formula.expression.evaluate(values, &self.tables);
            total = Some(total.map_or(case, |total| total.hull(case)));
        });
        total.unwrap_or(Interval { low, high }).within(low, high)
    }
}

/// The inputs of a formula that are tried at their ends.
fn open_inputs(formula: &Whole, values: &[Interval]) -> Cases {
    let mut open = Cases::default();
    if formula.bounds == Bounds::Corners {
        for (index, scan) in &formula.reads {
            open.add(*index, values[*index], *scan);
        }
    }
    open
}

/// An input that is not known, and the values at which it is tried: its ends, and every whole number between them where it is
/// scanned.
struct Case {
    index: usize,
    value: Interval,
    n_tried: usize,
    turn: usize,
}

impl Case {
    /// The value of this turn.
    fn tried(&self) -> f64 {
        match self.turn {
            0 => self.value.low,
            turn if turn + 1 == self.n_tried => self.value.high,
            turn => self.value.low.floor() + turn as f64,
        }
    }
}

/// The combinations of inputs that are not known.
#[derive(Default)]
struct Cases {
    inputs: Vec<Case>,
}

impl Cases {
    /// Adds an input unless it is known.
    fn add(&mut self, index: usize, value: Interval, scan: bool) {
        if value.is_point() {
            return;
        }
        let between = if scan { (value.high.ceil() - value.low.floor() - 1.0).max(0.0) } else { 0.0 };
        // Far too many are more than can be tried, and the conversion keeps to what is representable.
        self.inputs.push(Case { index, value, n_tried: (between as usize).saturating_add(2), turn: 0 });
    }

    fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    fn n_combinations(&self) -> usize {
        self.inputs.iter().fold(1, |product: usize, case| product.saturating_mul(case.n_tried))
    }

    /// Calls a function for every combination, with the values set to it; afterwards they are as they were.
    fn each(mut self, values: &mut Vec<Interval>, mut call: impl FnMut(&mut Vec<Interval>)) {
        loop {
            for case in &self.inputs {
                values[case.index] = Interval::point(case.tried());
            }
            call(values);
            // Counts on, the first input fastest.
            let next = self.inputs.iter_mut().any(|case| {
                case.turn = (case.turn + 1) % case.n_tried;
                case.turn != 0
            });
            if !next {
                break;
            }
        }
        for case in &self.inputs {
            values[case.index] = case.value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> InputValue {
        InputValue::Number { low: value, high: value }
    }

    #[test]
    fn a_choice_may_be_one_of_several_levels() {
        let scores = Score::embedded().unwrap();
        let sofa = scores.iter().find(|score| score.id == "sofa").unwrap();
        let mut states = vec![InputValue::Unknown; sofa.inputs().len()];
        sofa.assume(&mut states, Assume::Normal);
        let vasopressor = sofa.input_index("vasopressor").unwrap();
        let mut ends = |state| {
            states[vasopressor] = state;
            let outcome = sofa.evaluate(&states);
            (outcome.min, outcome.max)
        };
        assert_eq!(ends(InputValue::Levels { low: 2, high: 3 }), (3.0, 4.0));
        assert_eq!(ends(InputValue::Levels { low: 1, high: 1 }), ends(InputValue::Level(1)));
        // Levels that are none are unknown ones.
        assert_eq!(ends(InputValue::Levels { low: 3, high: 4 }), (0.0, 4.0));
    }

    #[test]
    fn a_single_parameter_of_three_lifts_the_band() {
        let scores = Score::embedded().unwrap();
        let news2 = scores.iter().find(|score| score.id == "news2").unwrap();
        let mut states = vec![InputValue::Unknown; news2.inputs().len()];
        news2.assume(&mut states, Assume::Normal);
        let calm = news2.evaluate(&states);
        assert_eq!((calm.min, calm.max, calm.decided), (0.0, 0.0, true));
        states[news2.input_index("respiratory_rate").unwrap()] = number(8.0);
        let slow = news2.evaluate(&states);
        assert_eq!((slow.min, slow.max, slow.band_min), (3.0, 3.0, 1));
    }
}
