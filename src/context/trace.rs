//! Trace: what each cue of a sentence does to one mention, and why the others do not decide.
//!
//! Nothing is decided here. The engine is asked: with one cue alone, with the ends of reach between, with a mention put at
//! another token. So a trace says what [`ConText::assert`] does, whatever its rules of reach are.

use super::facts::reaches;
use super::rules::{Axis, Category, Direction};
use super::scope::{Cue, TokenRange, deciding_cues, find_cues};
use super::{ConText, span_of, token_range, token_ranges};
use crate::assertion::{Assertion, AxisScores, Evidence, RuleIndex};
use crate::document::{Document, Sentence};
use crate::fact::Fact;
use crate::token::Token;
use crate::{Mention, Span};

/// Cues on each side of the mention that are traced; sentences of more are lists without punctuation.
const MOST_CUES: usize = 50;
/// Tokens on each side of the mention over which a scope is followed.
const WIDEST_SCOPE: usize = 1000;

/// Why a mention has its assertion.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trace {
    /// What the mention is given.
    pub assertion: Assertion,
    /// What rules alone give it.
    pub by_rules: Assertion,
    /// The log-odds of the network and the linear model together, where both have a say.
    pub learned: Option<AxisScores>,
    /// The cues of the sentence around the mention, left to right; several rows of the same words stand one after another.
    pub cues: Vec<TracedCue>,
}

/// A cue of the sentence, as it concerns the mention.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TracedCue {
    /// Its words.
    pub span: Span,
    /// The row of the table.
    pub rule: RuleIndex,
    /// The category in which it counts where that is another than its row says: a cue governs it, or a verb of telling.
    pub counts_as: Option<&'static str>,
    /// The cue that governs it.
    pub governed_by: Option<usize>,
    /// What it does.
    pub effect: CueEffect,
}

/// What a cue does to a mention.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CueEffect {
    /// It decides its axis, by reaching the mention.
    Decides(Scope),
    /// It would decide, but the model overruled it; of a fact, what its own words say.
    Overruled(Scope),
    /// It decides its axis, by saying what the default says.
    LeavesDefault(Scope),
    /// It would decide, but tells of the past of a lasting condition, which is here at present.
    LastingCondition(Scope),
    /// It looks like a cue and is none.
    Pseudo,
    /// It ends the reach of other cues.
    EndsReach,
    /// The mention stands on the side to which it does not reach.
    OtherSide,
    /// More tokens stand between it and the mention than it reaches over.
    TooFar {
        /// Tokens between.
        distance: usize,
        /// Tokens over which it reaches.
        limit: usize,
    },
    /// Another cue ends its reach before the mention.
    EndedBy(usize),
    /// Another cue of its axis decides, which is nearer or stands before the mention.
    NearerCue(usize),
    /// It does not reach the mention in this sentence.
    OutOfReach,
}

/// How far a cue reaches around the mention.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scope {
    /// From the first to the last token that it reaches on the mention's side.
    pub span: Span,
    /// What ends it, on the side away from the cue.
    pub end: ScopeEnd,
}

/// What ends a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeEnd {
    /// The sentence.
    Sentence,
    /// A cue, by its place in [`Trace::cues`].
    Cue(usize),
    /// The limit of its row, in tokens.
    Limit(usize),
    /// Something else in the words that follow.
    Words,
}

/// A sentence while one of its mentions is traced.
struct Tracer<'a> {
    context: &'a ConText,
    tokens: &'a [Token],
    cues: &'a [Cue],
    mention: TokenRange,
    deciding: [Option<&'a Cue>; 3],
    given: &'a Assertion,
    by_rules: &'a Assertion,
}

impl ConText {
    /// Why the mention at `index` among the mentions of a sentence has its assertion, given the model's scores for it.
    pub(crate) fn trace(
        &self,
        document: &Document,
        sentence: &Sentence,
        mentions: &[Mention],
        index: usize,
        scores: Option<AxisScores>,
    ) -> Option<Trace> {
        let tokens = document.tokens_of(sentence);
        let places = token_ranges(tokens, mentions);
        let mention = *places.get(index)?;
        let all = find_cues(&self.rules, document.text(), tokens, &places);
        let own = |place: usize| scores.filter(|_| place == index);
        let assertion = *self.assert(document, sentence, mentions, own).get(index)?;
        let by_rules = *self.assert(document, sentence, mentions, |_| None).get(index)?;
        let cues = self.traced(tokens, &all, mention, [&assertion, &by_rules]);
        let learned = self.weights.as_ref().zip(scores).and_then(|(weights, scores)| {
            let seen = (mentions.get(index)?, mention);
            Some(self.log_odds(weights, document, sentence, seen, &by_rules, &scores))
        });
        Some(Trace { assertion, by_rules, learned, cues })
    }

    /// Why the fact at `index` among the facts of a sentence has its assertion; the rules are what its cues alone give it.
    pub(crate) fn trace_fact(
        &self,
        document: &Document,
        sentence: &Sentence,
        facts: &[Fact],
        index: usize,
    ) -> Option<Trace> {
        let tokens = document.tokens_of(sentence);
        let places: Vec<TokenRange> = facts.iter().map(|fact| token_range(tokens, fact.span)).collect();
        let place = *places.get(index)?;
        let found = find_cues(&self.rules, document.text(), tokens, &places);
        let mut reaches = reaches(&found);
        let mut all: Vec<Cue> = Vec::new();
        for (fact, &place) in facts.iter().zip(&places).take(index + 1) {
            let of_fact = |(&cue, reach): (&Cue, &mut usize)| self.cue_of_fact(cue, fact.kind, place, reach);
            all = found.iter().zip(&mut reaches).filter_map(of_fact).collect();
        }
        let mut asserted = facts.to_vec();
        self.assert_facts(document, sentence, &mut asserted);
        let mut by_cues: Vec<Fact> = facts.iter().map(|fact| Fact { says: None, ..*fact }).collect();
        self.assert_facts(document, sentence, &mut by_cues);
        let (assertion, by_rules) = (asserted.get(index)?.assertion, by_cues.get(index)?.assertion);
        let cues = self.traced(tokens, &all, place, [&assertion, &by_rules]);
        Some(Trace { assertion, by_rules, learned: None, cues })
    }

    /// The cues around a mention, with what each does to it.
    fn traced(
        &self,
        tokens: &[Token],
        all: &[Cue],
        mention: TokenRange,
        [given, by_rules]: [&Assertion; 2],
    ) -> Vec<TracedCue> {
        let split = all.partition_point(|cue| cue.place.start < mention.start);
        let around = split.saturating_sub(MOST_CUES)..all.len().min(split + MOST_CUES);
        let cues = all.get(around).unwrap_or(&[]);
        let deciding = deciding_cues(&self.rules, cues, mention);
        let tracer = Tracer { context: self, tokens, cues, mention, deciding, given, by_rules };
        (0..cues.len()).filter_map(|index| tracer.cue(index)).collect()
    }
}

impl<'a> Tracer<'a> {
    fn cue(&self, index: usize) -> Option<TracedCue> {
        let cue = self.cues.get(index)?;
        let row = self.context.rules.row(cue.rule);
        let counts_as = (cue.category != row.category).then(|| cue.category.name());
        // What a cue takes from another is that one's category, and the nearest before it gives it.
        let governs = |other: &Cue| other.category == cue.category && other.place.end <= cue.place.start;
        let governed_by = counts_as.and_then(|_| self.cues.get(..index)?.iter().rposition(governs));
        let effect = self.effect(index, cue);
        Some(TracedCue { span: span_of(self.tokens, cue.place), rule: cue.rule, counts_as, governed_by, effect })
    }

    fn effect(&self, index: usize, cue: &Cue) -> CueEffect {
        let Some(axis) = cue.category.axis() else {
            return if cue.category == Category::End { CueEffect::EndsReach } else { CueEffect::Pseudo };
        };
        if let Some(decider) = self.deciding[axis as usize] {
            if std::ptr::eq(decider, cue) {
                return self.decision(cue, axis);
            }
            if self.reaches(&[*cue], axis) {
                return match self.ended_by(index, cue, axis) {
                    Some(end) => CueEffect::EndedBy(end),
                    None => CueEffect::NearerCue(self.index_of(decider)),
                };
            }
        } else if self.reaches(&[*cue], axis) {
            return self.ended_by(index, cue, axis).map_or(CueEffect::OutOfReach, CueEffect::EndedBy);
        }
        self.why_out_of_reach(cue)
    }

    /// What a cue that decides its axis comes to.
    fn decision(&self, cue: &Cue, axis: Axis) -> CueEffect {
        let scope = self.scope(cue, axis);
        let span = span_of(self.tokens, cue.place);
        let is_its = |by: Option<Evidence>| by.is_some_and(|by| by.rule == cue.rule && by.cue == Some(span));
        if is_its(evidence_of(self.given, axis)) {
            CueEffect::Decides(scope)
        } else if is_its(evidence_of(self.by_rules, axis)) {
            CueEffect::Overruled(scope)
        } else if cue.category == Category::Historical {
            CueEffect::LastingCondition(scope)
        } else {
            CueEffect::LeavesDefault(scope)
        }
    }

    fn why_out_of_reach(&self, cue: &Cue) -> CueEffect {
        let row = self.context.rules.row(cue.rule);
        let is_before = cue.place.start < self.mention.start;
        let reaches_there = match row.direction {
            Direction::Forward => is_before,
            Direction::Backward | Direction::Closing => !is_before,
            Direction::Both => true,
        };
        let distance = self.distance(cue, self.mention);
        if !reaches_there {
            CueEffect::OtherSide
        } else if distance > row.limit {
            CueEffect::TooFar { distance, limit: row.limit }
        } else {
            CueEffect::OutOfReach
        }
    }

    /// The end of reach without which a cue would get as far as the mention.
    fn ended_by(&self, index: usize, cue: &Cue, axis: Axis) -> Option<usize> {
        let is_end = |other: &Cue| other.category == Category::End;
        let rest: Vec<Cue> =
            self.cues.iter().filter(|other| is_end(other) || std::ptr::eq(*other, cue)).copied().collect();
        if self.reaches(&rest, axis) {
            return None;
        }
        // The nearest to the cue, on the mention's side.
        if cue.place.start < self.mention.start {
            (index + 1..self.cues.len()).find(|&other| self.cues.get(other).is_some_and(is_end))
        } else {
            (0..index).rev().find(|&other| self.cues.get(other).is_some_and(is_end))
        }
    }

    /// Whether one of some cues reaches the mention.
    fn reaches(&self, cues: &[Cue], axis: Axis) -> bool {
        deciding_cues(&self.context.rules, cues, self.mention)[axis as usize].is_some()
    }

    /// Whether a cue would decide for a mention at one token.
    fn decides_at(&self, token: usize, cue: &Cue, axis: Axis) -> bool {
        let mention = TokenRange { start: token, end: token + 1 };
        let decider = deciding_cues(&self.context.rules, self.cues, mention)[axis as usize];
        decider.is_some_and(|decider| std::ptr::eq(decider, cue))
    }

    fn scope(&self, cue: &Cue, axis: Axis) -> Scope {
        let in_cue = |token: usize| self.cues.iter().any(|cue| cue.place.start <= token && token < cue.place.end);
        let TokenRange { mut start, mut end } = self.mention;
        let is_before = cue.place.start < self.mention.start;
        let first = if is_before { cue.place.end } else { 0 };
        let last = if is_before { self.tokens.len() } else { cue.place.start };
        let (mut before, mut after) = (None, None);
        for token in (first..self.mention.start).rev().take(WIDEST_SCOPE).filter(|&token| !in_cue(token)) {
            if !self.decides_at(token, cue, axis) {
                before = Some(token);
                break;
            }
            start = token;
        }
        for token in (self.mention.end..last).take(WIDEST_SCOPE).filter(|&token| !in_cue(token)) {
            if !self.decides_at(token, cue, axis) {
                after = Some(token);
                break;
            }
            end = token + 1;
        }
        let span = span_of(self.tokens, TokenRange { start, end });
        // Where the scope ends away from the cue: the tokens that it leaves out there, and the first that proves it.
        let (left_out, stop) = if is_before {
            (TokenRange { start: end, end: after.unwrap_or(last) }, after)
        } else {
            (TokenRange { start: before.map_or(0, |token| token + 1), end: start }, before)
        };
        Scope { span, end: self.scope_end(cue, axis, left_out, stop) }
    }

    fn scope_end(&self, cue: &Cue, axis: Axis, left_out: TokenRange, stop: Option<usize>) -> ScopeEnd {
        let ends = |other: &Cue| other.category == Category::End || other.category.axis() == Some(axis);
        let between = self
            .cues
            .iter()
            .position(|other| left_out.start <= other.place.start && other.place.end <= left_out.end && ends(other));
        if let Some(other) = between {
            return ScopeEnd::Cue(other);
        }
        let Some(stop) = stop else {
            let is_followed = left_out.end - left_out.start <= WIDEST_SCOPE;
            return if is_followed { ScopeEnd::Sentence } else { ScopeEnd::Words };
        };
        let place = TokenRange { start: stop, end: stop + 1 };
        let limit = self.context.rules.row(cue.rule).limit;
        if self.distance(cue, place) > limit {
            return ScopeEnd::Limit(limit);
        }
        let nearer = deciding_cues(&self.context.rules, self.cues, place)[axis as usize];
        nearer.map_or(ScopeEnd::Words, |other| ScopeEnd::Cue(self.index_of(other)))
    }

    /// Tokens between a cue and a place.
    fn distance(&self, cue: &Cue, place: TokenRange) -> usize {
        place.start.saturating_sub(cue.place.end).max(cue.place.start.saturating_sub(place.end))
    }

    fn index_of(&self, cue: &Cue) -> usize {
        self.cues.iter().position(|other| std::ptr::eq(other, cue)).unwrap_or_default()
    }
}

fn evidence_of(assertion: &Assertion, axis: Axis) -> Option<Evidence> {
    match axis {
        Axis::Presence => assertion.presence_by,
        Axis::Temporality => assertion.temporality_by,
        Axis::Experiencer => assertion.experiencer_by,
    }
}
