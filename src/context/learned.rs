//! The learned part of assertion: where it departs from the rules.
//!
//! Two models have a say: the network's scores of the mention's word pieces, and a linear model over what the rules decided
//! and the words around the mention. Their log-odds are averaged; the network sees too little of relatives to have a say in
//! the experiencer.

use super::rules::Category;
use crate::assertion::{Assertion, AxisScores, Experiencer, Presence, Temporality};

/// Share of the linear model in the log-odds; the network has the rest.
const LINEAR_SHARE: f32 = 0.5;
/// The network's probabilities count up to here, and down to as much from the other side.
const MOST_SURE: f32 = 0.9999;

/// What is added for absence where a rule says it: rules of absence are rarely wrong, also in texts unlike those of the training.
const KEEPS_ABSENT: f32 = 1.0;

/// What is added to the log-odds of the past and of what does not happen: both are rare in the training texts, so that the
/// models are too cautious about them. Chosen by a cross-validation of the training texts.
const ADDED_HISTORICAL: f32 = 0.5;
const ADDED_HYPOTHETICAL: f32 = 0.2;

/// The log-odds of both models together: `linear` holds log-odds, `network` probabilities.
pub(super) fn together(linear: &AxisScores, network: &AxisScores) -> AxisScores {
    let mean = |linear: f32, network: f32| {
        let probability = network.clamp(1.0 - MOST_SURE, MOST_SURE);
        LINEAR_SHARE * linear + (1.0 - LINEAR_SHARE) * (probability / (1.0 - probability)).ln()
    };
    AxisScores {
        absent: mean(linear.absent, network.absent),
        possible: mean(linear.possible, network.possible),
        historical: mean(linear.historical, network.historical) + ADDED_HISTORICAL,
        hypothetical: mean(linear.hypothetical, network.hypothetical) + ADDED_HYPOTHETICAL,
        other_experiencer: linear.other_experiencer,
    }
}

/// What log-odds change in an assertion that rules gave: at most one category an axis.
pub(super) fn changes(given: &Assertion, log_odds: &AxisScores) -> impl Iterator<Item = Category> {
    let kept = if given.presence == Presence::Absent { KEEPS_ABSENT } else { 0.0 };
    let absent = log_odds.absent + kept;
    let likelier = |left: (f32, Category), right: (f32, Category), default: Category| {
        let (score, category) = if right.0 > left.0 { right } else { left };
        if score > 0.0 { category } else { default }
    };
    let presence = likelier((absent, Category::Absent), (log_odds.possible, Category::Possible), Category::Present);
    let temporality = likelier(
        (log_odds.historical, Category::Historical),
        (log_odds.hypothetical, Category::Hypothetical),
        Category::Current,
    );
    let given_presence = match given.presence {
        Presence::Present => Category::Present,
        Presence::Absent => Category::Absent,
        Presence::Possible => Category::Possible,
    };
    let given_temporality = match given.temporality {
        Temporality::Current => Category::Current,
        Temporality::Historical => Category::Historical,
        Temporality::Hypothetical => Category::Hypothetical,
    };
    // "No history of" tells of the past, which the models were not taught.
    let keeps_past = given.presence == Presence::Absent && given.temporality == Temporality::Historical;
    let others = log_odds.other_experiencer > 0.0;
    let experiencer = match (given.experiencer, others) {
        (Experiencer::Patient, true) => Some(Category::Family),
        (Experiencer::Family | Experiencer::Other, false) => Some(Category::Patient),
        _ => None,
    };
    let presence = (presence != given_presence).then_some(presence);
    let temporality = (temporality != given_temporality && !keeps_past).then_some(temporality);
    [presence, temporality, experiencer].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNLIKELY: AxisScores =
        AxisScores { absent: -3.0, possible: -3.0, historical: -3.0, hypothetical: -3.0, other_experiencer: -3.0 };

    fn check(given: Assertion, log_odds: AxisScores, expected: &[Category]) {
        assert_eq!(changes(&given, &log_odds).collect::<Vec<_>>(), expected, "{given:?} {log_odds:?}");
    }

    #[test]
    fn overrules_and_completes() {
        let by_rules = |presence, temporality| Assertion { presence, temporality, ..Assertion::default() };
        check(by_rules(Presence::Present, Temporality::Current), UNLIKELY, &[]);
        check(by_rules(Presence::Possible, Temporality::Historical), UNLIKELY, &[Category::Present, Category::Current]);
        check(by_rules(Presence::Absent, Temporality::Historical), UNLIKELY, &[Category::Present]);
        let unsure = AxisScores { absent: -0.5, historical: -0.5, ..UNLIKELY };
        check(by_rules(Presence::Absent, Temporality::Historical), unsure, &[]);
        check(by_rules(Presence::Possible, Temporality::Historical), unsure, &[Category::Present, Category::Current]);
        let possible = AxisScores { absent: -0.5, possible: 1.0, hypothetical: 0.1, ..UNLIKELY };
        check(by_rules(Presence::Absent, Temporality::Hypothetical), possible, &[Category::Possible]);
        check(by_rules(Presence::Possible, Temporality::Current), possible, &[Category::Hypothetical]);
    }

    #[test]
    fn whose_it_is() {
        let relative = Assertion { experiencer: Experiencer::Other, ..Assertion::default() };
        check(relative, UNLIKELY, &[Category::Patient]);
        check(relative, AxisScores { other_experiencer: 1.0, ..UNLIKELY }, &[]);
        check(Assertion::default(), AxisScores { other_experiencer: 1.0, ..UNLIKELY }, &[Category::Family]);
    }

    #[test]
    fn both_have_a_say() {
        let linear = AxisScores { absent: 1.0, ..UNLIKELY };
        let network = AxisScores { absent: 0.5, possible: 1.0, ..AxisScores::default() };
        let both = together(&linear, &network);
        assert_eq!((both.absent, both.other_experiencer), (0.5, -3.0));
        assert!(both.possible > 0.0 && both.historical < -3.0 && both.historical.is_finite());
    }
}
