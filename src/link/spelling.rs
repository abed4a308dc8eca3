//! The word that a misspelled one stands for: candidates share character trigrams, and the edit distance decides
//! (insertion, deletion, substitution, and a swap of neighbours: Damerau 1964), bounded by the length.

use rustc_hash::FxHashMap;

/// Words by their trigrams.
#[derive(Debug, Default)]
pub(super) struct Speller {
    words: Vec<Box<str>>,
    by_trigram: FxHashMap<[u8; 3], Vec<u32>>,
}

/// Least length of a word that is corrected: shorter ones have too many neighbours.
pub(super) fn least_length() -> usize {
    5
}

/// Most edits for a word of a length.
fn most_edits(length: usize) -> usize {
    match length {
        0..5 => 0,
        5..9 => 1,
        _ => 2,
    }
}

impl Speller {
    /// Adds a word; others than of small ASCII letters are left out.
    pub fn add(&mut self, word: &str) {
        let word = word.to_ascii_lowercase();
        if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            self.words.push(word.into());
        }
    }

    /// To be called when every word is there.
    pub fn finish(&mut self) {
        self.words.sort_unstable();
        self.words.dedup();
        for (word, index) in self.words.iter().zip(0..) {
            for trigram in trigrams(word) {
                let places = self.by_trigram.entry(trigram).or_default();
                if places.last() != Some(&index) {
                    places.push(index);
                }
            }
        }
    }

    /// The one most similar word within the bound, and how similar it is; `None` where none or several are nearest.
    pub fn nearest(&self, word: &str) -> Option<(&str, f32)> {
        let bound = most_edits(word.len());
        if bound == 0 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let mut shared: FxHashMap<u32, usize> = FxHashMap::default();
        for trigram in trigrams(word) {
            for &index in self.by_trigram.get(&trigram).into_iter().flatten() {
                *shared.entry(index).or_default() += 1;
            }
        }
        // An edit breaks at most four of a word's trigrams: a swap touches two letters.
        let least = (word.len() + 2).saturating_sub(4 * bound).max(1);
        let mut candidates: Vec<u32> =
            shared.into_iter().filter(|&(_, n)| n >= least).map(|(index, _)| index).collect();
        candidates.sort_unstable();
        let mut best: Option<(usize, &str)> = None;
        let mut is_only = true;
        for candidate in candidates {
            let Some(other) = self.words.get(candidate as usize).map(|word| &**word) else { continue };
            // A first letter is seldom mistyped, and tells opposites apart (`hyper`, `hypo` differ later and by more).
            if other.as_bytes().first() != word.as_bytes().first() || other.len().abs_diff(word.len()) > bound {
                continue;
            }
            let edits = distance(word.as_bytes(), other.as_bytes());
            if edits > bound {
                continue;
            }
            match best {
                Some((least, _)) if edits > least => {}
                Some((least, _)) if edits == least => is_only = false,
                _ => {
                    best = Some((edits, other));
                    is_only = true;
                }
            }
        }
        let (edits, found) = best.filter(|_| is_only)?;
        Some((found, 1.0 - edits as f32 / word.len() as f32))
    }
}

/// The trigrams of a word between two marks.
fn trigrams(word: &str) -> impl Iterator<Item = [u8; 3]> {
    let bytes = word.as_bytes();
    let at = move |place: usize| place.checked_sub(2).and_then(|place| bytes.get(place)).copied().unwrap_or(b'#');
    (0..bytes.len() + 2).map(move |place| [at(place), at(place + 1), at(place + 2)])
}

/// Edits between two words, where a swap of neighbours is one.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let width = right.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut above: Vec<usize> = (0..width).collect();
    let mut row: Vec<usize> = vec![0; width];
    for (i, &l) in left.iter().enumerate() {
        row[0] = i + 1;
        for (j, &r) in right.iter().enumerate() {
            let substituted = above[j] + usize::from(l != r);
            row[j + 1] = substituted.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && l == right[j - 1] && left[i - 1] == r {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    above[width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_within_the_bound() {
        let mut speller = Speller::default();
        for word in ["pneumonia", "hypertension", "hypotension", "hypertonia", "asthma", "ileum", "ilium"] {
            speller.add(word);
        }
        speller.finish();
        let nearest = |word: &str| speller.nearest(word).map(|(found, _)| found);
        assert_eq!(nearest("pnuemonia"), Some("pneumonia"));
        assert_eq!(nearest("hypertention"), Some("hypertension"));
        assert_eq!(nearest("asthm"), Some("asthma"));
        assert_eq!(nearest("ilum"), None, "too short");
        assert_eq!(nearest("ileium"), None, "two are equally near");
        assert_eq!(nearest("anemia"), None);
    }

    #[test]
    fn distances() {
        for (left, right, expected) in [("", "", 0), ("ab", "ba", 1), ("kitten", "sitting", 3), ("a", "", 1)] {
            assert_eq!(distance(left.as_bytes(), right.as_bytes()), expected, "{left} {right}");
        }
    }
}
