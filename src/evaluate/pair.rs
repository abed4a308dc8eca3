//! Pairs of gold and predicted mentions, one to one.

use std::collections::HashMap;

use super::load::MarkedMention;

/// A gold and a predicted mention, by index.
pub(super) struct Pair {
    pub gold: usize,
    pub predicted: usize,
    /// Whether their spans are equal.
    pub is_exact: bool,
}

/// Pairs equal spans first, those of equal type before others, then overlapping ones, longest overlap first.
pub(super) fn pairs(gold: &[MarkedMention], predicted: &[MarkedMention]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut gold_free = vec![true; gold.len()];
    let mut predicted_free = vec![true; predicted.len()];
    for typed in [true, false] {
        let key = |mention: &MarkedMention| {
            (mention.start, mention.end, if typed { mention.kind.clone() } else { String::new() })
        };
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        // Backwards, so that the first of equal ones is taken first.
        for (index, mention) in predicted.iter().enumerate().rev().filter(|(index, _)| predicted_free[*index]) {
            places.entry(key(mention)).or_default().push(index);
        }
        for (index, mention) in gold.iter().enumerate() {
            if !gold_free[index] {
                continue;
            }
            if let Some(other) = places.get_mut(&key(mention)).and_then(Vec::pop) {
                gold_free[index] = false;
                predicted_free[other] = false;
                pairs.push(Pair { gold: index, predicted: other, is_exact: true });
            }
        }
    }
    let mut near = Vec::new();
    for (index, own) in gold.iter().enumerate().filter(|(index, _)| gold_free[*index]) {
        for (other_index, other) in predicted.iter().enumerate().filter(|(index, _)| predicted_free[*index]) {
            let (start, end) = (own.start.max(other.start), own.end.min(other.end));
            if start < end {
                near.push((std::cmp::Reverse(end - start), own.start, other.start, index, other_index));
            }
        }
    }
    near.sort_unstable();
    for (_, _, _, own, other) in near {
        if gold_free[own] && predicted_free[other] {
            gold_free[own] = false;
            predicted_free[other] = false;
            pairs.push(Pair { gold: own, predicted: other, is_exact: false });
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(places: &[(u32, u32, &str)]) -> Vec<MarkedMention> {
        let made = places.iter().map(|&(start, end, kind)| MarkedMention {
            start,
            end,
            kind: kind.to_owned(),
            ..MarkedMention::default()
        });
        made.collect()
    }

    #[test]
    fn exact_before_near_and_long_before_short() {
        let check = |gold: &[(u32, u32, &str)], predicted: &[(u32, u32, &str)], expected: &[(usize, usize, bool)]| {
            let found = pairs(&mentions(gold), &mentions(predicted));
            let found: Vec<_> = found.iter().map(|pair| (pair.gold, pair.predicted, pair.is_exact)).collect();
            assert_eq!(found, expected);
        };
        check(&[(0, 5, "symptom")], &[(0, 5, "finding"), (0, 5, "symptom")], &[(0, 1, true)]);
        check(&[(0, 9, "a"), (10, 12, "a")], &[(0, 2, "a"), (3, 11, "a")], &[(0, 1, false)]);
        check(&[(0, 4, "a")], &[(4, 8, "a")], &[]);
        check(&[(0, 4, "a"), (5, 9, "a")], &[(5, 9, "b"), (3, 6, "a")], &[(1, 0, true), (0, 1, false)]);
    }
}
