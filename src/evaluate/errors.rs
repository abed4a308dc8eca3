//! Disagreements, counted and ranked.

use std::collections::{BTreeMap, HashMap};

use super::Disagreement;
use super::load::{MarkedMention, MarkedNote};

/// Kinds of disagreement, in the order in which they are shown.
const KINDS: [&str; 6] = ["assertion", "missed", "spurious", "type", "code", "span"];

/// What makes two disagreements alike: kind, words, and what gold and the prediction say.
type Pattern = (&'static str, String, String, String);

/// Collects disagreements.
pub(super) struct Errors {
    most_of_a_kind: usize,
    counts: BTreeMap<&'static str, u64>,
    patterns: HashMap<Pattern, u64>,
    all: Vec<(Pattern, Disagreement)>,
}

impl Errors {
    /// Keeps so many of each kind.
    pub fn new(most_of_a_kind: usize) -> Errors {
        Errors { most_of_a_kind, counts: BTreeMap::new(), patterns: HashMap::new(), all: Vec::new() }
    }

    /// Adds what differs between paired mentions.
    pub fn push_pair(&mut self, note: &MarkedNote, gold: &MarkedMention, predicted: &MarkedMention, is_exact: bool) {
        let pair = |told: &str, read: &str| (told.to_owned(), read.to_owned());
        if !is_exact {
            self.push(note, gold, "span", (note.words(gold), note.words(predicted)), "");
        }
        if gold.kind != predicted.kind {
            self.push(note, gold, "type", pair(&gold.kind, &predicted.kind), "");
        }
        if gold.axes != predicted.axes {
            self.push(note, gold, "assertion", (gold.assertion(), predicted.assertion()), &predicted.rule);
        }
        if gold.code != predicted.code {
            self.push(note, gold, "code", pair(&gold.code, &predicted.code), "");
        }
    }

    /// Adds a disagreement on a mention: what gold says, and what the prediction says, by which rule.
    pub fn push(
        &mut self,
        note: &MarkedNote,
        mention: &MarkedMention,
        kind: &'static str,
        (gold, predicted): (String, String),
        rule: &str,
    ) {
        *self.counts.entry(kind).or_default() += 1;
        if self.most_of_a_kind == 0 {
            return;
        }
        let pattern = (kind, note.words(mention).to_lowercase(), gold.clone(), predicted.clone());
        *self.patterns.entry(pattern.clone()).or_default() += 1;
        let context = note.context(mention);
        let (note_id, start, rule) = (note.id.clone(), mention.start, rule.to_owned());
        self.all.push((pattern, Disagreement { note_id, start, kind, gold, predicted, rule, times: 0, context }));
    }

    /// The counts by kind, and the worst of each kind.
    pub fn worst(self) -> (BTreeMap<&'static str, u64>, Vec<Disagreement>) {
        let mut all: Vec<(Pattern, Disagreement)> = self.all;
        for (pattern, error) in &mut all {
            error.times = self.patterns.get(pattern).copied().unwrap_or_default();
        }
        let place = |kind: &str| KINDS.iter().position(|&known| known == kind);
        // A stable sort: alike ones stay in the order of the notes, beside each other.
        all.sort_by(|(left, own), (right, other)| {
            let rank = |pattern: &Pattern, error: &Disagreement| (place(pattern.0), std::cmp::Reverse(error.times));
            rank(left, own).cmp(&rank(right, other)).then_with(|| left.cmp(right))
        });
        let mut worst: Vec<Disagreement> = Vec::new();
        for of_kind in all.chunk_by(|(left, _), (right, _)| left.0 == right.0) {
            worst.extend(of_kind.iter().take(self.most_of_a_kind).map(|(_, error)| error.clone()));
        }
        (self.counts, worst)
    }
}
