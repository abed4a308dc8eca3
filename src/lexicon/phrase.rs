//! Phrases as hashes of the stems of their words.
//!
//! A hyphen that touches words on both sides is no part of a phrase: `follow-up` and `follow up` are the same, both when
//! forms are compiled and when a text is matched. Nor is a full stop that touches the word before it, as in `E. coli` and
//! `22q11.2`; where it ends a sentence no word follows.

use crate::token::{Gap, Token, TokenKind};

/// A word of a phrase, and how many tokens it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub key: u64,
    pub n_tokens: usize,
}

/// The hash of a phrase with one word more; 0 is the phrase without words, and no other.
pub(super) fn extend(phrase: u64, key: u64) -> u64 {
    let mixed = (phrase.rotate_left(23) ^ key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).max(1)
}

/// The word that follows `used` tokens; a hyphen between words, or a full stop, is passed over.
pub(super) fn next_step(tokens: &[Token], used: usize) -> Option<Step> {
    let next = tokens.get(used)?;
    if next.kind == TokenKind::Punctuation
        && next.before == Gap::None
        && let Some(word) = tokens.get(used + 1)
        && word.is_wordlike()
        && (next.is_full_stop() || next.is_hyphen() && word.before == Gap::None)
    {
        return Some(Step { key: word.stem, n_tokens: 2 });
    }
    Some(Step { key: next.stem, n_tokens: 1 })
}
