//! What a model decides where no rule does.

use super::rules::{Axis, Category};
use crate::assertion::AxisScores;

/// Least probability for which an axis departs from its default.
const THRESHOLD: f32 = 0.5;

/// The categories of the axes that rules left open, indexed by axis.
pub(super) fn decide(scores: &AxisScores, decided: [bool; 3]) -> [Option<Category>; 3] {
    let best = |options: &[(f32, Category)]| {
        let likeliest = options.iter().copied().reduce(|best, next| if next.0 > best.0 { next } else { best });
        likeliest.filter(|(score, _)| *score >= THRESHOLD).map(|(_, category)| category)
    };
    Axis::ALL.map(|axis| match axis {
        _ if decided[axis as usize] => None,
        Axis::Presence => best(&[(scores.absent, Category::Absent), (scores.possible, Category::Possible)]),
        Axis::Temporality => {
            best(&[(scores.historical, Category::Historical), (scores.hypothetical, Category::Hypothetical)])
        }
        Axis::Experiencer => best(&[(scores.other_experiencer, Category::Family)]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_only_what_rules_leave_open() {
        let scores = AxisScores { absent: 0.9, possible: 0.6, hypothetical: 0.4, ..AxisScores::default() };
        assert_eq!(decide(&scores, [false; 3]), [Some(Category::Absent), None, None]);
        assert_eq!(decide(&scores, [true, false, false]), [None; 3]);
        let scores = AxisScores { hypothetical: 0.7, other_experiencer: 0.8, ..scores };
        assert_eq!(decide(&scores, [true, false, false]), [None, Some(Category::Hypothetical), Some(Category::Family)]);
    }
}
