//! Where a model overrules the rules, and where it decides what they leave open.

use super::rules::Category;
use crate::assertion::{Assertion, AxisScores, Experiencer, Presence, Temporality};

/// Below this probability the model overrules a rule that departs from an axis' default.
const VETO: f32 = 0.15;
/// From this probability on the model departs from a default that no rule contradicts.
const SURE: f32 = 0.6;
/// The same for the experiencer, which rules tell better.
const SURE_OF_EXPERIENCER: f32 = 0.9;

/// What the model changes in an assertion that rules gave: at most one category an axis.
pub(super) fn changes(given: &Assertion, scores: &AxisScores) -> impl Iterator<Item = Category> {
    let presence = match given.presence {
        Presence::Absent => veto(scores.absent, scores.possible, Category::Possible, Category::Present),
        Presence::Possible => veto(scores.possible, scores.absent, Category::Absent, Category::Present),
        Presence::Present => likelier((scores.absent, Category::Absent), (scores.possible, Category::Possible)),
    };
    let temporality = match given.temporality {
        // "No history of" tells of the past, which the model was not taught.
        Temporality::Historical if given.presence == Presence::Absent => None,
        Temporality::Historical => {
            veto(scores.historical, scores.hypothetical, Category::Hypothetical, Category::Current)
        }
        Temporality::Hypothetical => {
            veto(scores.hypothetical, scores.historical, Category::Historical, Category::Current)
        }
        Temporality::Current => {
            likelier((scores.historical, Category::Historical), (scores.hypothetical, Category::Hypothetical))
        }
    };
    let is_others = given.experiencer == Experiencer::Patient && scores.other_experiencer >= SURE_OF_EXPERIENCER;
    [presence, temporality, is_others.then_some(Category::Family)].into_iter().flatten()
}

/// The category instead of one whose probability is too small: the `other`, where that is likely, or the default.
fn veto(score: f32, other_score: f32, other: Category, default: Category) -> Option<Category> {
    (score < VETO).then_some(if other_score >= SURE { other } else { default })
}

/// The likelier of two categories, where it is likely enough.
fn likelier(left: (f32, Category), right: (f32, Category)) -> Option<Category> {
    let (score, category) = if right.0 > left.0 { right } else { left };
    (score >= SURE).then_some(category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrules_and_completes() {
        let by_rules = |presence, temporality| Assertion { presence, temporality, ..Assertion::default() };
        let check = |given: Assertion, scores: AxisScores, expected: &[Category]| {
            assert_eq!(changes(&given, &scores).collect::<Vec<_>>(), expected, "{given:?} {scores:?}");
        };
        let none = AxisScores::default();
        let unsure = AxisScores { absent: 0.4, historical: 0.4, ..none };
        check(by_rules(Presence::Present, Temporality::Current), none, &[]);
        check(by_rules(Presence::Present, Temporality::Current), unsure, &[]);
        check(by_rules(Presence::Absent, Temporality::Historical), unsure, &[]);
        check(by_rules(Presence::Absent, Temporality::Historical), none, &[Category::Present]);
        check(by_rules(Presence::Possible, Temporality::Historical), none, &[Category::Present, Category::Current]);
        let possible = AxisScores { possible: 0.7, hypothetical: 0.8, other_experiencer: 0.95, ..none };
        let all = [Category::Possible, Category::Hypothetical, Category::Family];
        check(by_rules(Presence::Present, Temporality::Current), possible, &all);
        check(by_rules(Presence::Absent, Temporality::Hypothetical), possible, &[Category::Possible, Category::Family]);
    }
}
