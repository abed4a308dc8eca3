//! What the learned part of assertion sees of a mention: what the rules decided, the section, and the words around it.
//!
//! A feature is a 64-bit hash of its kind and its words, with a value; equal contexts have equal features, and nothing outside
//! the sentence but the kind of its section is looked at.

use xxhash_rust::xxh3::xxh3_64;

use super::rules::{Category, Rules};
use super::scope::TokenRange;
use crate::MentionType;
use crate::assertion::Assertion;
use crate::token::{Token, TokenKind};

/// A feature's hash, and its value.
pub(crate) type Feature = (u64, f32);

/// Words before a mention that are looked at, and after it.
const BEFORE: usize = 30;
const AFTER: usize = 14;
/// Pairs of neighbouring words before a mention that are looked at, and after it.
const PAIRS_BEFORE: usize = 8;
const PAIRS_AFTER: usize = 6;
/// Distances, in tokens, at which words are told apart.
const NEAR: [usize; 3] = [2, 5, 10];

/// Kinds of features.
#[derive(Clone, Copy)]
enum Kind {
    Section = 1,
    Type,
    Rule,
    RuleInSection,
    RuleOfType,
    RuleOfHead,
    Cue,
    Word,
    Head,
    Before,
    BeforeNear,
    After,
    AfterNear,
    PairBefore,
    PairAfter,
    First,
    FirstPair,
}

/// The mention that features are taken of.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub text: &'a str,
    /// Tokens of the sentence.
    pub tokens: &'a [Token],
    /// The mention's.
    pub place: TokenRange,
    pub kind: MentionType,
    /// Hash of the section's name; 0 outside any section.
    pub section: u64,
    /// What the rules decided.
    pub by_rules: &'a Assertion,
}

/// The features of a mention.
pub(super) fn features(rules: &Rules, seen: &Seen<'_>) -> Vec<Feature> {
    let mut found = Vec::with_capacity(160);
    let key = |token: &Token| word_key(seen.text, token);
    let mention = seen.tokens.get(seen.place.start..seen.place.end).unwrap_or(&[]);
    let head = mention.last().map_or(0, key);
    let kind = seen.kind as u64 + 1;
    found.push((hash(Kind::Section, [seen.section, 0]), 1.0));
    found.push((hash(Kind::Type, [kind, 0]), 1.0));
    for (axis, departs) in (1..).zip(seen.by_rules.departures()) {
        if departs {
            found.push((hash(Kind::Rule, [axis, 0]), 1.0));
            found.push((hash(Kind::RuleInSection, [axis, seen.section]), 1.0));
            found.push((hash(Kind::RuleOfType, [axis, kind]), 1.0));
            found.push((hash(Kind::RuleOfHead, [axis, head]), 1.0));
        }
    }
    let by = [seen.by_rules.presence_by, seen.by_rules.temporality_by, seen.by_rules.experiencer_by];
    for evidence in by.into_iter().flatten() {
        let category: Category = rules.row(evidence.rule).category;
        found.push((hash(Kind::Cue, [category as u64 + 1, 0]), 1.0));
    }
    found.extend(mention.iter().map(|token| (hash(Kind::Word, [key(token), 0]), 1.0)));
    found.push((hash(Kind::Head, [head, 0]), 1.0));
    let before: Vec<u64> = seen.tokens.get(..seen.place.start).unwrap_or(&[]).iter().rev().map(key).collect();
    let after: Vec<u64> = seen.tokens.get(seen.place.end..).unwrap_or(&[]).iter().take(AFTER).map(key).collect();
    words(&before[..before.len().min(BEFORE)], Kind::Before, Kind::BeforeNear, &mut found);
    words(&after, Kind::After, Kind::AfterNear, &mut found);
    // In the order of the text.
    found.extend(before.windows(2).take(PAIRS_BEFORE).map(|pair| (hash(Kind::PairBefore, [pair[1], pair[0]]), 1.0)));
    found.extend(after.windows(2).take(PAIRS_AFTER).map(|pair| (hash(Kind::PairAfter, [pair[0], pair[1]]), 1.0)));
    found.push((hash(Kind::First, [before.last().copied().unwrap_or(0), 0]), 1.0));
    if let [.., second, first] = before[..] {
        found.push((hash(Kind::FirstPair, [first, second]), 1.0));
    }
    found
}

/// The features of words at growing distance from the mention: each in its range of distances, and, once a word, with a
/// value that falls with the distance.
fn words(keys: &[u64], kind: Kind, near: Kind, found: &mut Vec<Feature>) {
    for (distance, &key) in keys.iter().enumerate() {
        let range = NEAR.iter().filter(|&&border| distance >= border).count() as u64;
        found.push((hash(near, [range, key]), 1.0));
        if !keys[..distance].contains(&key) {
            found.push((hash(kind, [key, 0]), 1.0 / (1.0 + distance as f32 / 4.0)));
        }
    }
}

/// A word's key; all years are one word, and all other numbers.
fn word_key(text: &str, token: &Token) -> u64 {
    if token.kind != TokenKind::Number {
        return token.key;
    }
    let digits = token.span.of(text).as_bytes();
    if digits.len() == 4 && matches!(digits[..2], [b'1', b'9'] | [b'2', b'0']) { 1 } else { 2 }
}

/// The hash by which a section is known.
pub(super) fn section_hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

fn hash(kind: Kind, words: [u64; 2]) -> u64 {
    let mut bytes = [0; 17];
    bytes[0] = kind as u8;
    bytes[1..9].copy_from_slice(&words[0].to_le_bytes());
    bytes[9..].copy_from_slice(&words[1].to_le_bytes());
    xxh3_64(&bytes)
}
