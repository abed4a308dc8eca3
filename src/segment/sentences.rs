//! Sentences: runs of tokens that are understood by themselves.
//!
//! A sentence ends with its full stop, with its line (unless the line is wrapped), and before a bullet or a heading.
//! Bullets and enumerators belong to no sentence, so that a list renumbered keeps its sentences.

use rustc_hash::FxHashMap;

use super::lines::{Lines, bullet_length, is_capitalised};
use super::sections::Heading;
use crate::document::Sentence;
use crate::lexicon::{TableSource, table};
use crate::token::{Gap, Token, TokenKind, word_key};
use crate::{Error, Result};

/// From this many tokens on, a sentence ends at the next comma or semicolon.
const LONG_SENTENCE: usize = 240;
/// A sentence never has more tokens than this.
const MAX_SENTENCE: usize = 400;

/// Words whose full stop does not end a sentence.
#[derive(Clone, Debug, Default)]
pub(super) struct Abbreviations {
    kinds: FxHashMap<u64, Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Never ends a sentence (`Dr.`, `vs.`).
    Inner,
    /// Does not end a sentence before a number (`No. 3`).
    Number,
    /// Ends a sentence only before a capital (`etc.`, `q.d.`).
    Final,
}

impl Abbreviations {
    pub fn parse(source: &TableSource) -> Result<Abbreviations> {
        let mut kinds = FxHashMap::default();
        for row in table::rows(&source.name, &source.text, ["abbreviation", "kind", "source"])? {
            let kind = match row.cells[1] {
                "inner" => Kind::Inner,
                "number" => Kind::Number,
                "final" => Kind::Final,
                other => {
                    let problem = format!("kind: expected inner, number or final, found {other:?}");
                    return Err(Error::table(&source.name, row.line, problem));
                }
            };
            kinds.insert(word_key(row.cells[0]), kind);
        }
        Ok(Abbreviations { kinds })
    }
}

/// Splits a tokenised text into sentences.
pub(super) fn split(
    text: &str,
    tokens: &[Token],
    lines: &Lines,
    headings: &[Heading],
    abbreviations: &Abbreviations,
) -> Vec<Sentence> {
    let mut splitter = Splitter {
        text,
        tokens,
        lines,
        abbreviations,
        sentences: Vec::with_capacity(tokens.len() / 10 + 1),
        section: None,
    };
    let mut start = 0;
    let mut n_sections = 0;
    for heading in headings {
        splitter.split_range(start, heading.first_token);
        if heading.kind.is_some() {
            splitter.section = Some(n_sections);
            n_sections += 1;
        }
        if heading.is_sentence {
            splitter.split_range(heading.first_token, heading.end_token);
        }
        start = heading.end_token;
    }
    splitter.split_range(start, tokens.len());
    splitter.sentences
}

struct Splitter<'a> {
    text: &'a str,
    tokens: &'a [Token],
    lines: &'a Lines,
    abbreviations: &'a Abbreviations,
    sentences: Vec<Sentence>,
    section: Option<u32>,
}

impl Splitter<'_> {
    /// Splits the tokens from `first` up to `end`, which hold no heading.
    fn split_range(&mut self, first: usize, end: usize) {
        let mut start = first;
        let mut line_start = first;
        for index in first..end {
            if index == start {
                if self.lines.starts_at(index) {
                    line_start = index;
                }
                continue;
            }
            let broken = if self.lines.starts_at(index) {
                let broken = self.line_ends(line_start, index);
                line_start = index;
                broken
            } else {
                self.sentence_ends(start, index)
            };
            if broken || self.is_too_long(start, index) {
                self.push(start, index);
                start = index;
            }
        }
        self.push(start, end);
    }

    /// Whether a sentence that started at `start` has to end before the token at `index`, for its length alone.
    fn is_too_long(&self, start: usize, index: usize) -> bool {
        let length = index - start;
        let previous = || &self.tokens[index - 1];
        length >= MAX_SENTENCE
            || (length >= LONG_SENTENCE && (previous().is(self.text, ',') || previous().is(self.text, ';')))
    }

    /// Adds the sentence of these tokens, less its bullet, if it holds a word.
    fn push(&mut self, start: usize, end: usize) {
        let bullet = if self.lines.starts_at(start) || self.is_inline_enumerator(start) {
            bullet_length(self.text, self.tokens, start)
        } else {
            0
        };
        let first = (start + bullet).min(end);
        let mut end = end;
        // A comma at the end was a line break, or belongs to a list that was cut here.
        while end > first && self.tokens[end - 1].is(self.text, ',') {
            end -= 1;
        }
        let tokens = &self.tokens[first..end];
        if !tokens.iter().any(|token| token.kind != TokenKind::Punctuation) {
            return;
        }
        let span = tokens[0].span.cover(tokens[tokens.len() - 1].span);
        let (first_token, end_token) = (first as u32, end as u32);
        self.sentences.push(Sentence { span, first_token, end_token, section: self.section });
    }

    /// `2.` or `3)` before a capital.
    fn is_inline_enumerator(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == TokenKind::Number)
            && bullet_length(self.text, self.tokens, index) == 2
            && self.tokens.get(index + 2).is_some_and(|next| is_capitalised(self.text, next.span))
    }

    /// Whether a sentence ends with the line before the token at `index`.
    fn line_ends(&self, line_start: usize, index: usize) -> bool {
        let token = &self.tokens[index];
        let previous = &self.tokens[index - 1];
        if token.before != Gap::Line || bullet_length(self.text, self.tokens, index) > 0 {
            return true;
        }
        if previous.is(self.text, '.') {
            return self.word_before_stop(index).is_none_or(|word| self.kind(word) != Some(Kind::Inner));
        }
        if [':', ';', '!', '?'].iter().any(|&mark| previous.is(self.text, mark)) {
            return true;
        }
        let length = previous.span.end() - self.tokens[line_start].span.start();
        if self.lines.wrap_width.is_some_and(|width| length + 1 + token.span.len() > width) {
            return false;
        }
        let lower = self.text[token.span.start()..].starts_with(char::is_lowercase);
        !(lower && (length >= 40 || previous.is(self.text, ',')))
    }

    /// Whether a sentence that started at `start` ends before the token at `index`, on the same line.
    fn sentence_ends(&self, start: usize, index: usize) -> bool {
        let token = &self.tokens[index];
        let previous = &self.tokens[index - 1];
        if previous.kind != TokenKind::Punctuation || token.kind == TokenKind::Punctuation && !self.opens(token) {
            return false;
        }
        let capital = is_capitalised(self.text, token.span);
        if previous.is(self.text, '.') {
            return self.stop_ends(start, index, capital);
        }
        if previous.is(self.text, '!') || previous.is(self.text, '?') {
            // A question mark that stands alone or touches the next word marks doubt: `?PE`, `CHF ? COPD`.
            return token.before != Gap::None && previous.before == Gap::None;
        }
        let closes = previous.is(self.text, '"') || previous.is(self.text, ')');
        closes
            && capital
            && token.before != Gap::None
            && index >= 2
            && previous.before == Gap::None
            && self.tokens[index - 2].is(self.text, '.')
    }

    /// Whether the full stop before the token at `index` ends the sentence.
    fn stop_ends(&self, start: usize, index: usize, capital: bool) -> bool {
        let token = &self.tokens[index];
        let Some(word) = self.word_before_stop(index) else { return token.before != Gap::None };
        let written = word.span.of(self.text);
        if word.kind == TokenKind::Number && start + 2 == index && word.span.len() <= 2 {
            return false;
        }
        if token.before == Gap::None {
            let lower = written.len() >= 2 && written.bytes().all(|byte| byte.is_ascii_lowercase());
            return lower && capital && token.span.len() > 1;
        }
        match self.kind(word) {
            Some(Kind::Inner) => return false,
            Some(Kind::Number) if token.kind == TokenKind::Number => return false,
            Some(Kind::Final) => return capital,
            _ => {}
        }
        if written.contains('.') && word.kind == TokenKind::Word {
            return capital;
        }
        let initial = word.kind == TokenKind::Word && written.len() == 1 && is_capitalised(self.text, word.span);
        if initial {
            // `Dr. X.` may end a sentence, the initial in `John A. Smith` does not.
            return capital && index >= 3 && self.tokens[index - 3].is(self.text, '.');
        }
        let lower_next = token.kind == TokenKind::Word && !capital;
        !lower_next || written.len() >= 4
    }

    /// The word that the full stop before the token at `index` touches.
    fn word_before_stop(&self, index: usize) -> Option<&Token> {
        let stop = self.tokens.get(index.checked_sub(1)?)?;
        let word = self.tokens.get(index.checked_sub(2)?)?;
        (stop.before == Gap::None && word.is_wordlike()).then_some(word)
    }

    fn kind(&self, word: &Token) -> Option<Kind> {
        self.abbreviations.kinds.get(&word.key).copied()
    }

    /// Whether a punctuation token can start a sentence.
    fn opens(&self, token: &Token) -> bool {
        ['(', '"', '[', '\'', '?', '+', '-', '\u{2022}', '*', '#'].iter().any(|&mark| token.is(self.text, mark))
            && token.before != Gap::None
    }
}
