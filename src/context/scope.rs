//! Scope: which cues a sentence holds, and which of them reach a mention.

use super::rules::{Axis, Category, Direction, Rules};
use crate::assertion::RuleIndex;
use crate::token::{Token, TokenKind};

/// Most tokens between a cue and one that it governs.
const GOVERNED_WITHIN: usize = 4;

/// A half-open range over a sentence's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenRange {
    pub start: usize,
    pub end: usize,
}

/// A cue in a sentence, with one row of its words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cue {
    pub place: TokenRange,
    pub rule: RuleIndex,
    /// The row's category, or that of the cue which governs it.
    pub category: Category,
}

/// The tokens of a sentence and the text that they belong to.
struct SentenceTokens<'a> {
    text: &'a str,
    tokens: &'a [Token],
}

/// The cues of a sentence, left to right, none overlapping another or a mention; several rows of the same words stand
/// one after another.
pub(super) fn find_cues(rules: &Rules, text: &str, tokens: &[Token], mentions: &[TokenRange]) -> Vec<Cue> {
    let sentence = SentenceTokens { text, tokens };
    let mut cues: Vec<Cue> = Vec::new();
    let mut n_passed = 0;
    let mut index = 0;
    while index < tokens.len() {
        while mentions.get(n_passed).is_some_and(|mention| mention.end <= index) {
            n_passed += 1;
        }
        if let Some(mention) = mentions.get(n_passed).filter(|mention| mention.start <= index) {
            index = mention.end;
            continue;
        }
        let room = mentions.get(n_passed).map_or(tokens.len(), |mention| mention.start);
        // A cue closes what stands before it; `denies, fever` closes nothing.
        let closes = |used: usize| n_passed > 0 && clause_ends(text, tokens, index + used);
        let Some((used, rows)) = rules.cue(&tokens[index..room], closes) else {
            index += 1;
            continue;
        };
        let place = TokenRange { start: index, end: index + used };
        let passed = n_passed.checked_sub(1).and_then(|last| mentions.get(last)).map_or(0, |mention| mention.end);
        let first = cues.len();
        for rule in rows {
            let row = rules.row(rule);
            if row.category == Category::Reporting {
                clear_informant(&mut cues, place.start);
                continue;
            }
            let governing = match row.direction {
                Direction::Forward => {
                    let gap = TokenRange { start: passed, end: place.start };
                    governing(rules, &sentence, &cues[..first], gap, row.category)
                }
                _ => None,
            };
            cues.push(Cue { place, rule, category: governing.unwrap_or(row.category) });
        }
        index += used;
    }
    cues
}

/// The category that a cue of `category`, which starts where `gap` ends, takes from one that governs it: shortly before it,
/// after the last mention (where `gap` starts), with no comma and no end of reach between: `not reporting` is absent, `possibly due to` possible, `return for worsening` hypothetical.
fn governing(
    rules: &Rules,
    sentence: &SentenceTokens<'_>,
    cues: &[Cue],
    gap: TokenRange,
    category: Category,
) -> Option<Category> {
    let governors: &[Category] = match category {
        Category::Present => &[Category::Absent, Category::Possible],
        Category::Possible => &[Category::Absent],
        Category::Current => &[Category::Hypothetical],
        _ => return None,
    };
    for cue in cues.iter().rev() {
        let start = gap.end;
        if cue.place.end < gap.start || start - cue.place.end > GOVERNED_WITHIN || cue.category == Category::End {
            return None;
        }
        if governors.contains(&cue.category) && rules.row(cue.rule).direction == Direction::Forward {
            let between = &sentence.tokens[cue.place.end..start];
            let parted = between.iter().any(|token| token.is(sentence.text, ',') || token.is(sentence.text, ';'));
            return (!parted).then_some(cue.category);
        }
    }
    None
}

/// Takes a relative that stands just before `start` as who tells, not as whose problem it is.
fn clear_informant(cues: &mut [Cue], start: usize) {
    for cue in cues.iter_mut().rev().take_while(|cue| cue.place.end + 1 >= start) {
        if matches!(cue.category, Category::Family | Category::Other) {
            cue.category = Category::Patient;
        }
    }
}

/// Whether a clause ends before the token at `index`: at the end, or before punctuation that parts clauses.
fn clause_ends(text: &str, tokens: &[Token], index: usize) -> bool {
    tokens.get(index).is_none_or(|token| {
        token.kind == TokenKind::Punctuation && [',', '.', ';', ')', ']', '|'].iter().any(|&mark| token.is(text, mark))
    })
}

/// The cues that decide the axes of a mention, in the order of [`Axis::ALL`]: the nearest that reaches it.
pub(super) fn deciding_cues<'a>(rules: &Rules, cues: &'a [Cue], mention: TokenRange) -> [Option<&'a Cue>; 3] {
    Axis::ALL.map(|axis| nearest(rules, cues, mention, axis))
}

/// The nearest cue of an axis that reaches the mention; of two equally near, the one before it.
fn nearest<'a>(rules: &Rules, cues: &'a [Cue], mention: TokenRange, axis: Axis) -> Option<&'a Cue> {
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
        if cue.category == Category::End {
            return None;
        }
        if cue.category.axis() != Some(axis) {
            continue;
        }
        let row = rules.row(cue.rule);
        if let Some(distance) = distance(cue, row.direction)
            && distance <= row.limit
        {
            return Some((cue, distance));
        }
    }
    None
}
