//! Words as linking compares them: by the base of their inflections, without words that say nothing, and knowing which
//! only modify.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::Result;
use crate::lexicon::{TableSource, table};
use crate::token::{Token, TokenKind, tokenize};

/// Bases of words, and the words that only modify.
#[derive(Debug)]
pub(super) struct Inflections {
    /// From the stem of a word to that of its base; 0 for a word that says nothing.
    bases: FxHashMap<u64, u64>,
    /// Stems of words that modify a head without changing what it is.
    modifiers: FxHashSet<u64>,
}

/// The base of words that say nothing.
const EMPTY: u64 = 0;

impl Inflections {
    /// Reads the tables of inflections and of modifiers.
    pub fn parse(inflections: &TableSource, modifiers: &TableSource) -> Result<Inflections> {
        let mut bases = FxHashMap::default();
        for row in table::rows(&inflections.name, &inflections.text, ["word", "base", "source"])? {
            let [word, base, _source] = row.cells;
            let base = if base.is_empty() { EMPTY } else { stem(base) };
            bases.insert(stem(word), base);
        }
        let mut single = FxHashSet::default();
        for row in table::rows(&modifiers.name, &modifiers.text, ["modifier", "kind", "source"])? {
            let [modifier, kind, _source] = row.cells;
            let tokens = tokenize(modifier, |_| false);
            match (kind, &tokens[..]) {
                ("quality" | "laterality", [token]) => {
                    single.insert(token.stem);
                }
                ("link" | "determiner", [token]) => {
                    bases.entry(token.stem).or_insert(EMPTY);
                }
                _ => {}
            }
        }
        Ok(Inflections { bases, modifiers: single })
    }

    /// The base of a word; `None` where it says nothing.
    pub fn base(&self, token: &Token) -> Option<u64> {
        if token.kind != TokenKind::Word {
            return None;
        }
        let base = self.bases.get(&token.stem).copied().unwrap_or(token.stem);
        (base != EMPTY).then_some(base)
    }

    /// Whether a word says something.
    pub fn is_content(&self, token: &Token) -> bool {
        self.base(token).is_some()
    }

    /// Whether a word says something that only modifies.
    pub fn is_modifier(&self, token: &Token) -> bool {
        self.is_content(token) && self.modifiers.contains(&token.stem)
    }

    /// Whether a word is in one of the tables.
    pub fn knows(&self, token: &Token) -> bool {
        self.bases.contains_key(&token.stem) || self.modifiers.contains(&token.stem)
    }
}

fn stem(word: &str) -> u64 {
    tokenize(word, |_| false).first().map_or(EMPTY, |token| token.stem)
}
