//! Lines: where a line of the original document starts.
//!
//! Dumps keep line breaks, wrap them at a width, or turn them into commas (`FINDINGS:,1.  Edema.,2.  Rales.`); which of
//! these a note does is read off the note itself.

use crate::Span;
use crate::token::{Gap, Token, TokenKind};

/// Widest line that counts as wrapped; longer lines are whole paragraphs.
const MAX_WRAP: usize = 132;
/// Narrowest width that counts as wrapped; shorter lines are lists.
const MIN_WRAP: usize = 50;

/// The lines of a note.
#[derive(Debug)]
pub(super) struct Lines {
    /// For each token, whether a line starts with it.
    starts: Vec<bool>,
    /// The width at which the text is wrapped, in bytes; `None` where lines are not wrapped.
    pub wrap_width: Option<usize>,
    /// Whether the note's line breaks are commas.
    pub run_together: bool,
}

impl Lines {
    /// Finds the lines of a tokenised text.
    pub fn of(text: &str, tokens: &[Token]) -> Lines {
        let run_together = is_run_together(text, tokens);
        let mut starts = Vec::with_capacity(tokens.len());
        let mut longest = 0;
        let mut n_lines = 0;
        let mut line_start = 0;
        for (index, token) in tokens.iter().enumerate() {
            let broken = token.before >= Gap::Line;
            if broken {
                if let Some(previous) = index.checked_sub(1).and_then(|before| tokens.get(before)) {
                    longest = longest.max(previous.span.end() - line_start);
                }
                line_start = token.span.start();
                n_lines += 1;
            }
            starts.push(broken || (run_together && starts_after_comma(text, tokens, index)));
        }
        if let Some(last) = tokens.last() {
            longest = longest.max(last.span.end() - line_start);
        }
        let wrapped = n_lines >= 3 && (MIN_WRAP..=MAX_WRAP).contains(&longest);
        Lines { starts, wrap_width: wrapped.then_some(longest), run_together }
    }

    /// Whether a line starts with the token at `index`; the end of the text counts as a line start.
    pub fn starts_at(&self, index: usize) -> bool {
        self.starts.get(index).copied().unwrap_or(true)
    }
}

/// How many tokens at `index` are a bullet or an enumerator (`-`, `**`, `1.`, `2)`, `(3)`, `b.`, `iv)`, `#3`), zero for none.
pub(super) fn bullet_length(text: &str, tokens: &[Token], index: usize) -> usize {
    let Some(token) = tokens.get(index) else { return 0 };
    match token.kind {
        TokenKind::Punctuation => mark_length(text, tokens, index),
        TokenKind::Number if token.span.len() <= 2 && closes_enumerator(text, tokens, index + 1) => 2,
        TokenKind::Word if is_letter_enumerator(text, tokens, index) => 2,
        _ => 0,
    }
}

/// The length of a bullet that is a mark, or of an enumerator that begins with one.
fn mark_length(text: &str, tokens: &[Token], index: usize) -> usize {
    let is = |at: usize, mark: char| tokens.get(at).is_some_and(|token| token.is(text, mark));
    let number =
        |at: usize| tokens.get(at).is_some_and(|token| token.kind == TokenKind::Number && token.span.len() <= 2);
    if is(index, '(') {
        return if number(index + 1) && is(index + 2, ')') { 3 } else { 0 };
    }
    let Some(mark) = ['-', '*', '\u{2022}', '#', '>', '~'].into_iter().find(|&mark| is(index, mark)) else { return 0 };
    let mut length = 1;
    while is(index + length, mark) && tokens[index + length].before == Gap::None {
        length += 1;
    }
    if number(index + length) {
        let enumerator = bullet_length(text, tokens, index + length);
        return if enumerator > 0 || mark == '#' { length + enumerator.max(1) } else { 0 };
    }
    // A dash that touches a word is a sign: `-ve`.
    let touches = tokens.get(index + length).is_some_and(|next| next.before == Gap::None);
    if mark == '-' && touches { 0 } else { length }
}

/// Whether the token at `index` closes an enumerator that it touches.
fn closes_enumerator(text: &str, tokens: &[Token], index: usize) -> bool {
    tokens.get(index).is_some_and(|next| next.before == Gap::None && (next.is(text, '.') || next.is(text, ')')))
}

/// Whether a letter or a small roman number at `index` is an enumerator. A capital with a full stop is one only before a
/// capitalised word, since `C. difficile` and `L. knee` are no lists.
fn is_letter_enumerator(text: &str, tokens: &[Token], index: usize) -> bool {
    let Some(token) = tokens.get(index) else { return false };
    let word = token.span.of(text);
    let roman = word.len() <= 4 && word.bytes().all(|byte| matches!(byte, b'i' | b'v' | b'x'));
    if !(word.len() == 1 || roman) || !closes_enumerator(text, tokens, index + 1) {
        return false;
    }
    let small = !is_capitalised(text, token.span);
    let bracket = tokens.get(index + 1).is_some_and(|next| next.is(text, ')'));
    let before_word = tokens.get(index + 2).is_some_and(|next| next.span.len() > 1 && is_capitalised(text, next.span));
    small || bracket || before_word
}

/// Whether the span starts with an upper-case letter.
pub(super) fn is_capitalised(text: &str, span: Span) -> bool {
    match text.as_bytes().get(span.start()) {
        Some(byte) if byte.is_ascii() => byte.is_ascii_uppercase(),
        _ => span.of(text).chars().next().is_some_and(char::is_uppercase),
    }
}

/// Whether line breaks were turned into commas: hardly any line break, and commas where only a line can end.
fn is_run_together(text: &str, tokens: &[Token]) -> bool {
    let n_breaks = tokens.iter().filter(|token| token.before >= Gap::Line).count();
    if n_breaks > 1 + text.len() / 600 {
        return false;
    }
    let commas = (1..tokens.len()).filter(|&index| starts_after_comma(text, tokens, index)).take(2).count();
    commas >= 2
}

/// Whether the token stands after a comma that was a line break: the comma follows a full stop or a colon, or the token
/// touches the comma.
fn starts_after_comma(text: &str, tokens: &[Token], index: usize) -> bool {
    let Some(token) = tokens.get(index) else { return false };
    let Some(comma) = index.checked_sub(1).and_then(|at| tokens.get(at)) else { return false };
    if !comma.is(text, ',') {
        return false;
    }
    let Some(before) = index.checked_sub(2).and_then(|at| tokens.get(at)) else { return false };
    let after_end = before.is(text, '.') || before.is(text, ':');
    if after_end && comma.before <= Gap::Space && (token.before != Gap::None || before.is(text, ':')) {
        return before.is(text, ':') || is_capitalised(text, token.span) || token.kind == TokenKind::Number;
    }
    token.before == Gap::None
        && (is_capitalised(text, token.span)
            || (token.kind != TokenKind::Word && bullet_length(text, tokens, index) > 0)
            || (after_end && token.kind != TokenKind::Punctuation))
}
