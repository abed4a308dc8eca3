//! Phrases of the tables, found in sentences: each phrase is looked for once, whichever rows name it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::token::Token;

/// A phrase, or several that stand in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<u32>);

/// The phrases of all tables.
#[derive(Clone, Debug)]
pub(super) struct Phrases {
    trie: PhraseTrie,
    numbers: BTreeMap<String, u32>,
}

/// A phrase at a place: tokens of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    phrase: u32,
    pub tokens: Range<usize>,
}

impl Phrases {
    pub fn new() -> Phrases {
        Phrases { trie: PhraseTrie::new(Compared::Words), numbers: BTreeMap::new() }
    }

    /// The pattern that a text spells: phrases joined by `+`.
    pub fn pattern(&mut self, text: &str) -> Pattern {
        Pattern(text.split('+').map(|phrase| self.number(phrase.trim())).collect())
    }

    /// The patterns that a cell spells, separated by `|`.
    pub fn patterns(&mut self, cell: &str) -> Vec<Pattern> {
        cell.split('|').filter(|text| !text.is_empty()).map(|text| self.pattern(text)).collect()
    }

    fn number(&mut self, phrase: &str) -> u32 {
        if let Some(&number) = self.numbers.get(phrase) {
            return number;
        }
        let number = self.numbers.len() as u32;
        self.trie.insert_text(phrase, number);
        self.numbers.insert(phrase.to_owned(), number);
        number
    }

    /// Every phrase of a run of tokens, those that overlap too, by place; `first` is the place of the run in the document.
    pub fn hits(&self, tokens: &[Token], first: usize) -> Vec<Hit> {
        let mut hits = Vec::new();
        for index in 0..tokens.len() {
            // Every value is refused, so that all of them are seen.
            self.trie.longest(&tokens[index..], |used, phrase| {
                hits.push(Hit { phrase, tokens: first + index..first + index + used });
                false
            });
        }
        hits
    }
}

impl Pattern {
    /// Where the pattern stands among the phrases of a sentence: the place of its last phrase.
    pub fn place(&self, hits: &[Hit]) -> Option<Range<usize>> {
        let mut place = None;
        for phrase in &self.0 {
            place = Some(hits.iter().find(|hit| hit.phrase == *phrase)?.tokens.clone());
        }
        place
    }

    /// Every place of a pattern of one phrase.
    pub fn places<'a>(&'a self, hits: &'a [Hit]) -> impl Iterator<Item = Range<usize>> + 'a {
        let phrase = match self.0.as_slice() {
            [phrase] => Some(*phrase),
            _ => None,
        };
        hits.iter().filter(move |hit| Some(hit.phrase) == phrase).map(|hit| hit.tokens.clone())
    }
}

/// The place of the first of several patterns that stands in a sentence.
pub(super) fn first_place(patterns: &[Pattern], hits: &[Hit]) -> Option<Range<usize>> {
    patterns.iter().find_map(|pattern| pattern.place(hits))
}

/// Every place of several patterns of one phrase each, by place.
pub(super) fn all_places(patterns: &[Pattern], hits: &[Hit]) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = patterns.iter().flat_map(|pattern| pattern.places(hits)).collect();
    places.sort_by_key(|place| (place.start, place.end));
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokenize;

    #[test]
    fn finds_phrases_within_phrases_and_pairs() {
        let mut phrases = Phrases::new();
        let patterns = phrases.patterns("right|right lower lobe|heart+enlarged");
        let hits = |text: &str| phrases.hits(&tokenize(text, |_| false), 10);
        let right_lower = hits("In the right lower lobe.");
        assert_eq!(patterns[0].place(&right_lower), Some(12..13));
        assert_eq!(patterns[1].place(&right_lower), Some(12..15));
        assert_eq!(patterns[2].place(&hits("The heart is enlarged")), Some(13..14));
        assert_eq!(patterns[2].place(&hits("The heart is normal")), None);
    }
}
