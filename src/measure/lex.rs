//! Items: what the words, numbers and marks of a sentence mean around values.

use std::borrow::Cow;

use super::moment::{self, Moment};
use super::tables::{Entry, Role, Tables};
use crate::Span;
use crate::token::{Gap, Token, TokenKind, tokenize};

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ItemKind {
    /// A number with so many decimals.
    Number { value: f64, decimals: u8 },
    /// A phrase of the tables, by entry.
    Phrase(u32),
    /// A date, a time, or both.
    Moment(Moment),
    /// A punctuation mark.
    Mark(char),
    /// What de-identification left.
    Mask,
    /// A word of no meaning here.
    Other,
}

/// A word, number or mark of a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub kind: ItemKind,
    pub span: Span,
    /// The white space before it.
    pub before: Gap,
}

impl Item {
    pub fn is(&self, mark: char) -> bool {
        self.kind == ItemKind::Mark(mark)
    }

    pub fn number(&self) -> Option<f64> {
        match self.kind {
            ItemKind::Number { value, .. } => Some(value),
            _ => None,
        }
    }

    pub fn entry<'t>(&self, tables: &'t Tables) -> Option<&'t Entry> {
        match self.kind {
            ItemKind::Phrase(entry) => tables.entries.get(entry as usize),
            _ => None,
        }
    }

    pub fn has(&self, tables: &Tables, role: Role) -> bool {
        self.entry(tables).is_some_and(|entry| entry.has(role))
    }
}

/// Cuts words that hold letters and digits (`HR69`, `36.5C`, `6x6`) where one follows the other, and joins the numbers that
/// the cut leaves on both sides of a decimal point.
pub(super) fn split<'a>(text: &str, tokens: &'a [Token]) -> Cow<'a, [Token]> {
    let mixed = |token: &Token| token.kind == TokenKind::Word && has_digit(text, token.span);
    let bare_point = |index: usize| is_bare_point(text, tokens, index);
    if !tokens.iter().any(mixed) && !(0..tokens.len()).any(bare_point) {
        return Cow::Borrowed(tokens);
    }
    let mut pieces: Vec<Token> = Vec::with_capacity(tokens.len() + 8);
    for token in tokens {
        if !mixed(token) {
            push_joined(text, &mut pieces, *token);
            continue;
        }
        let word = token.span.of(text);
        let mut start = 0;
        let mut before = token.before;
        while start < word.len() {
            let rest = &word[start..];
            let digits = rest.starts_with(|c: char| c.is_ascii_digit());
            let length = if digits {
                let bytes = rest.as_bytes();
                let inner = |at: usize| {
                    matches!(bytes.get(at), Some(b'.' | b',')) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
                };
                (0..bytes.len()).find(|&at| !(bytes[at].is_ascii_digit() || inner(at))).unwrap_or(bytes.len())
            } else {
                rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len())
            };
            let cut = tokenize(&rest[..length], |_| false);
            for piece in cut {
                let span = Span::between(
                    token.span.start() + start + piece.span.start(),
                    token.span.start() + start + piece.span.end(),
                );
                let gap = if piece.span.start() == 0 { before } else { Gap::None };
                push_joined(text, &mut pieces, Token { span, before: gap, ..piece });
            }
            start += length.max(1);
            before = Gap::None;
        }
    }
    Cow::Owned(pieces)
}

/// Adds a token, or joins it to a number and a point that it touches.
fn push_joined(text: &str, pieces: &mut Vec<Token>, token: Token) {
    if token.kind == TokenKind::Number && token.before == Gap::None {
        let point = pieces.last().is_some_and(|last| last.kind == TokenKind::Punctuation && last.is_full_stop());
        if point {
            let plain = !token.span.of(text).contains('.');
            let before_point = pieces.len().checked_sub(2).and_then(|index| pieces.get(index)).copied();
            let point_gap = pieces.last().map_or(Gap::Space, |last| last.before);
            match before_point {
                Some(whole)
                    if whole.kind == TokenKind::Number
                        && point_gap == Gap::None
                        && plain
                        && !whole.span.of(text).contains('.') =>
                {
                    pieces.truncate(pieces.len() - 2);
                    pieces.push(Token { span: whole.span.cover(token.span), ..whole });
                    return;
                }
                _ if point_gap != Gap::None && plain => {
                    let start = pieces.pop().map_or(token.span, |last| last.span);
                    pieces.push(Token { span: start.cover(token.span), before: point_gap, ..token });
                    return;
                }
                _ => {}
            }
        }
    }
    pieces.push(token);
}

/// Whether a number without a digit before its point starts at `index`: `.5`.
fn is_bare_point(text: &str, tokens: &[Token], index: usize) -> bool {
    let (Some(point), Some(number)) = (tokens.get(index), tokens.get(index + 1)) else { return false };
    point.before != Gap::None && number.kind == TokenKind::Number && number.before == Gap::None && point.is(text, '.')
}

fn has_digit(text: &str, span: Span) -> bool {
    text.as_bytes().get(span.start()..span.end()).is_some_and(|word| word.iter().any(u8::is_ascii_digit))
}

/// The items of a run of tokens.
pub(super) fn items(tables: &Tables, text: &str, tokens: &[Token]) -> Vec<Item> {
    let tokens = split(text, tokens);
    let mut items = Vec::with_capacity(tokens.len());
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let rest = &tokens[index..];
        let (used, kind) = kind_at(tables, text, rest);
        let last = tokens.get(index + used - 1).unwrap_or(token);
        items.push(Item { kind, span: token.span.cover(last.span), before: token.before });
        index += used;
    }
    items
}

fn kind_at(tables: &Tables, text: &str, rest: &[Token]) -> (usize, ItemKind) {
    let Some(token) = rest.first() else { return (1, ItemKind::Other) };
    if token.kind == TokenKind::Number
        && let Some((used, moment)) = moment::numeric(text, rest)
    {
        return (used, ItemKind::Moment(moment));
    }
    if let Some((used, index)) = tables.longest(text, rest)
        && (used > 1 || token.kind != TokenKind::Number)
    {
        let month = tables.entries.get(index as usize).and_then(|entry| entry.value(Role::Month));
        let moment = month.and_then(|month| moment::named(tables, text, rest, used, month));
        return moment.map_or((used, ItemKind::Phrase(index)), |(used, moment)| (used, ItemKind::Moment(moment)));
    }
    let kind = match token.kind {
        TokenKind::Number => number(token.span.of(text)).unwrap_or(ItemKind::Other),
        TokenKind::Mask => ItemKind::Mask,
        TokenKind::Punctuation => ItemKind::Mark(mark(token.span.of(text))),
        TokenKind::Word => ItemKind::Other,
    };
    (1, kind)
}

/// A number as it is written, with commas between thousands.
fn number(written: &str) -> Option<ItemKind> {
    if written.len() > 12 {
        return None;
    }
    let plain: String = written.chars().filter(|c| *c != ',').collect();
    let decimals = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len() as u8);
    let value: f64 = plain.parse().ok()?;
    value.is_finite().then_some(ItemKind::Number { value, decimals })
}

/// Dashes, arrows and bars in one spelling each.
fn mark(written: &str) -> char {
    match written.chars().next().unwrap_or(' ') {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2192}' | '\u{21D2}' | '\u{F0E0}' => '\u{2192}',
        '\u{2018}' | '\u{2019}' | '\u{2032}' => '\'',
        '\u{201C}' | '\u{201D}' | '\u{2033}' => '"',
        other => other,
    }
}
