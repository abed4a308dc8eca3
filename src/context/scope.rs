//! Scope: which cues a sentence holds, and which of them reach a mention.

use super::rules::{Axis, Category, Direction, Rules};
use crate::assertion::RuleIndex;
use crate::token::{Token, TokenKind};

/// A half-open range over a sentence's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenRange {
    pub start: usize,
    pub end: usize,
}

/// A cue in a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cue {
    pub place: TokenRange,
    pub rule: RuleIndex,
}

/// The cues of a sentence, left to right, none overlapping another or a mention.
pub(super) fn find_cues(rules: &Rules, text: &str, tokens: &[Token], mentions: &[TokenRange]) -> Vec<Cue> {
    let mut cues = Vec::new();
    let mut mentions = mentions.iter().peekable();
    let mut index = 0;
    while index < tokens.len() {
        while mentions.peek().is_some_and(|mention| mention.end <= index) {
            mentions.next();
        }
        let inside = mentions.peek().filter(|mention| mention.start <= index);
        if let Some(mention) = inside {
            index = mention.end;
            continue;
        }
        let room = mentions.peek().map_or(tokens.len(), |mention| mention.start);
        let closes = |used: usize| clause_ends(text, tokens, index + used);
        match rules.cue(&tokens[index..room], closes) {
            Some((used, rule)) => {
                cues.push(Cue { place: TokenRange { start: index, end: index + used }, rule });
                index += used;
            }
            None => index += 1,
        }
    }
    cues
}

/// Whether a clause ends before the token at `index`: at the end, or before punctuation that parts clauses.
fn clause_ends(text: &str, tokens: &[Token], index: usize) -> bool {
    tokens.get(index).is_none_or(|token| {
        token.kind == TokenKind::Punctuation && [',', '.', ';', ')', ']', '|'].iter().any(|&mark| token.is(text, mark))
    })
}

/// The cues that decide the axes of a mention, at most one for each axis: the nearest that reaches it.
pub(super) fn deciding_cues<'a>(
    rules: &Rules,
    tokens: &[Token],
    cues: &'a [Cue],
    mention: TokenRange,
) -> impl Iterator<Item = &'a Cue> {
    [Axis::Presence, Axis::Temporality, Axis::Experiencer]
        .into_iter()
        .filter_map(|axis| nearest(rules, tokens, cues, mention, axis))
        .collect::<Vec<_>>()
        .into_iter()
}

/// The nearest cue of an axis that reaches the mention; of two equally near, the one before it.
fn nearest<'a>(
    rules: &Rules,
    _tokens: &[Token],
    cues: &'a [Cue],
    mention: TokenRange,
    axis: Axis,
) -> Option<&'a Cue> {
    let split = cues.partition_point(|cue| cue.place.start < mention.start);
    let before = reaching(rules, cues[..split].iter().rev(), axis, |cue, direction| {
        matches!(direction, Direction::Forward | Direction::Both).then(|| mention.start.saturating_sub(cue.place.end))
    });
    let after = reaching(rules, cues[split..].iter(), axis, |cue, direction| {
        (direction != Direction::Forward).then(|| cue.place.start.saturating_sub(mention.end))
    });
    match (before, after) {
        (Some((before, near)), Some((after, far))) => Some(if near <= far { before } else { after }),
        (before, after) => before.or(after).map(|(cue, _)| cue),
    }
}

/// The first cue of an axis, going away from the mention, before the reach of all ends; with its distance.
fn reaching<'a>(
    rules: &Rules,
    cues: impl Iterator<Item = &'a Cue>,
    axis: Axis,
    distance: impl Fn(&Cue, Direction) -> Option<usize>,
) -> Option<(&'a Cue, usize)> {
    for cue in cues {
        let row = rules.row(cue.rule);
        if row.category == Category::End {
            return None;
        }
        if row.category.axis() != Some(axis) {
            continue;
        }
        if let Some(distance) = distance(cue, row.direction)
            && distance <= row.limit
        {
            return Some((cue, distance));
        }
    }
    None
}
