//! Pairs of mentions of one note by two sources, one to one.

use std::collections::HashMap;

/// Where a mention stands, and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub start: u32,
    pub end: u32,
    pub kind: &'a str,
}

/// A mention of the one source and one of the other, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub own: usize,
    pub other: usize,
    /// Whether their spans are equal.
    pub is_exact: bool,
}

/// Pairs equal spans first, those of equal type before others, then overlapping ones, longest overlap first.
pub(crate) fn pairs(own: &[Place<'_>], other: &[Place<'_>]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut own_free = vec![true; own.len()];
    let mut other_free = vec![true; other.len()];
    for typed in [true, false] {
        let key =
            |place: &Place<'_>| (place.start, place.end, if typed { place.kind.to_owned() } else { String::new() });
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        // Backwards, so that the first of equal ones is taken first.
        for (index, place) in other.iter().enumerate().rev().filter(|(index, _)| other_free[*index]) {
            places.entry(key(place)).or_default().push(index);
        }
        for (index, place) in own.iter().enumerate() {
            if !own_free[index] {
                continue;
            }
            if let Some(found) = places.get_mut(&key(place)).and_then(Vec::pop) {
                own_free[index] = false;
                other_free[found] = false;
                pairs.push(Pair { own: index, other: found, is_exact: true });
            }
        }
    }
    let free = |free: &[bool]| free.iter().enumerate().filter(|(_, free)| **free).map(|(index, _)| index).collect();
    for (index, found) in overlaps(own, free(&own_free), other, free(&other_free)) {
        if own_free[index] && other_free[found] {
            own_free[index] = false;
            other_free[found] = false;
            pairs.push(Pair { own: index, other: found, is_exact: false });
        }
    }
    pairs
}

/// The pairs of some mentions that share a character, longest overlap first.
fn overlaps(
    own: &[Place<'_>],
    own_free: Vec<usize>,
    other: &[Place<'_>],
    mut other_free: Vec<usize>,
) -> Vec<(usize, usize)> {
    other_free.sort_by_key(|&index| other[index].start);
    // The farthest end up to each of them: before one that ends too early, none reaches farther.
    let mut farthest = 0;
    let ends: Vec<u32> = other_free
        .iter()
        .map(|&index| {
            farthest = other[index].end.max(farthest);
            farthest
        })
        .collect();
    let mut near = Vec::new();
    for index in own_free {
        let place = own[index];
        let after = other_free.partition_point(|&found| other[found].start < place.end);
        for at in (0..after).rev().take_while(|&at| ends[at] > place.start) {
            let found = other_free[at];
            let (start, end) = (place.start.max(other[found].start), place.end.min(other[found].end));
            if start < end {
                near.push((std::cmp::Reverse(end - start), place.start, other[found].start, index, found));
            }
        }
    }
    near.sort_unstable();
    near.into_iter().map(|(.., index, found)| (index, found)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_before_near_and_long_before_short() {
        let check = |own: &[(u32, u32, &'static str)],
                     other: &[(u32, u32, &'static str)],
                     expected: &[(usize, usize, bool)]| {
            let places = |all: &[(u32, u32, &'static str)]| -> Vec<Place<'static>> {
                all.iter().map(|&(start, end, kind)| Place { start, end, kind }).collect()
            };
            let found: Vec<_> =
                pairs(&places(own), &places(other)).iter().map(|pair| (pair.own, pair.other, pair.is_exact)).collect();
            assert_eq!(found, expected);
        };
        check(&[(0, 5, "symptom")], &[(0, 5, "finding"), (0, 5, "symptom")], &[(0, 1, true)]);
        check(&[(0, 9, "a"), (10, 12, "a")], &[(0, 2, "a"), (3, 11, "a")], &[(0, 1, false)]);
        check(&[(0, 4, "a")], &[(4, 8, "a")], &[]);
        check(&[(0, 4, "a"), (5, 9, "a")], &[(5, 9, "b"), (3, 6, "a")], &[(1, 0, true), (0, 1, false)]);
        // A long one that begins early is found behind short ones.
        check(&[(20, 24, "a")], &[(0, 30, "a"), (1, 2, "a"), (3, 4, "a")], &[(0, 0, false)]);
    }
}
