//! The words of the lexicon's forms: forms by the set of their words, and words by their spelling.

use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::xxh3_64;

use super::inflect::Inflections;
use super::spelling::{Speller, least_length};
use crate::ConceptIndex;
use crate::lexicon::concept_rows;
use crate::token::{Token, TokenKind, fold_into, tokenize};

/// Most words of a set: longer phrases are sentences, not names.
const MAX_WORDS: usize = 10;

/// Forms by the set of their words, and the words themselves.
#[derive(Debug)]
pub(super) struct WordIndex {
    /// Concepts by the hash of a sorted set of bases; `None` where two concepts share it.
    sets: FxHashMap<u64, Option<ConceptIndex>>,
    /// Stems of every word of a form.
    known: FxHashSet<u64>,
    speller: Speller,
}

/// A mention with its words corrected.
pub(super) struct Corrected {
    pub tokens: Vec<Token>,
    /// How alike the words are to what was written, in 0..=1.
    pub similarity: f32,
}

impl WordIndex {
    /// The index of tables of concepts, given by their texts.
    pub fn new<'a>(
        tables: impl Iterator<Item = &'a str>,
        by_id: &FxHashMap<&str, ConceptIndex>,
        inflections: &Inflections,
    ) -> WordIndex {
        let mut index =
            WordIndex { sets: FxHashMap::default(), known: FxHashSet::default(), speller: Speller::default() };
        for (id, form) in tables.flat_map(concept_rows) {
            let Some(&concept) = by_id.get(id) else { continue };
            let tokens = tokenize(form, |_| false);
            let is_abbreviation = !form.chars().any(char::is_lowercase);
            for token in tokens.iter().filter(|token| token.kind == TokenKind::Word) {
                let is_fresh = index.known.insert(token.stem);
                if is_fresh && !is_abbreviation && token.span.len() >= least_length() {
                    index.speller.add(token.span.of(form));
                }
            }
            let set = set_hash(tokens.iter().filter_map(|token| inflections.base(token)));
            if let Some((hash, _)) = set.filter(|_| !is_abbreviation) {
                let entry = index.sets.entry(hash).or_insert(Some(concept));
                if *entry != Some(concept) {
                    *entry = None;
                }
            }
        }
        index.speller.finish();
        index
    }

    /// The concept of a form with these words in any order and inflection, and how many there are; more than `n_least`.
    /// Words that only modify are left out where the form does not have them.
    pub fn rearranged(
        &self,
        inflections: &Inflections,
        own: &[Token],
        n_least: usize,
    ) -> Option<(ConceptIndex, usize)> {
        let all = set_hash(own.iter().filter_map(|token| inflections.base(token)));
        let heads = own.iter().filter(|token| !inflections.is_modifier(token));
        let heads = set_hash(heads.filter_map(|token| inflections.base(token)));
        [all, heads].into_iter().flatten().find_map(|(hash, n)| {
            let concept = (*self.sets.get(&hash)?)?;
            (n > n_least).then_some((concept, n))
        })
    }

    /// The words with those that no form has replaced by the most similar one; `None` where nothing was replaced.
    pub fn corrected(&self, text: &str, own: &[Token], is_known: impl Fn(&Token) -> bool) -> Option<Corrected> {
        let mut similarity = 1.0;
        let mut folded = String::new();
        let mut is_changed = false;
        let tokens = own.iter().map(|token| {
            if token.kind != TokenKind::Word || self.known.contains(&token.stem) || is_known(token) {
                return *token;
            }
            fold_into(token.span.of(text), &mut folded);
            let Some((word, score)) = self.speller.nearest(&folded) else { return *token };
            is_changed = true;
            similarity *= score;
            let corrected =
                tokenize(word, |_| false).first().map_or((token.key, token.stem), |word| (word.key, word.stem));
            Token { key: corrected.0, stem: corrected.1, ..*token }
        });
        let tokens: Vec<Token> = tokens.collect();
        is_changed.then_some(Corrected { tokens, similarity })
    }
}

/// The hash of a set of words and its size; `None` for none and for too many.
fn set_hash(words: impl Iterator<Item = u64>) -> Option<(u64, usize)> {
    let mut words: Vec<u64> = words.take(MAX_WORDS + 1).collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() || words.len() > MAX_WORDS {
        return None;
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Some((xxh3_64(&bytes), words.len()))
}
