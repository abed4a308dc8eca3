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

/// How many tokens at `index` are a bullet or an enumerator (`-`, `*`, `1.`, `2)`, `b.`, `#3`), zero for none.
pub(super) fn bullet_length(text: &str, tokens: &[Token], index: usize) -> usize {
    let Some(token) = tokens.get(index) else { return 0 };
    let punctuated = |at: usize| {
        tokens.get(at).is_some_and(|next| next.before == Gap::None && (next.is(text, '.') || next.is(text, ')')))
    };
    match token.kind {
        TokenKind::Punctuation => {
            let bullet = ['-', '*', '\u{2022}', '#', '>', '~'].iter().any(|&mark| token.is(text, mark));
            if bullet && tokens.get(index + 1).is_some_and(|next| next.kind == TokenKind::Number) {
                let number = bullet_length(text, tokens, index + 1);
                return 1 + if number > 0 || token.is(text, '#') { number.max(1) } else { 0 };
            }
            usize::from(bullet)
        }
        TokenKind::Number if token.span.len() <= 2 && punctuated(index + 1) => 2,
        TokenKind::Word if token.span.len() == 1 && punctuated(index + 1) => 2,
        _ => 0,
    }
}

/// Whether the span starts with an upper-case letter.
pub(super) fn is_capitalised(text: &str, span: Span) -> bool {
    span.of(text).chars().next().is_some_and(char::is_uppercase)
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
