//! Assertion by rules: ConText (Harkema et al. 2009), after NegEx (Chapman et al. 2001).
//!
//! Cues, their direction and reach, terminators and section priors are rows of tables; this module finds the cues of a
//! sentence once and decides each axis of each mention by the nearest cue that reaches it. Where a model runs too, a learned
//! part completes and corrects what the rules decided. All sees one sentence and the kind of its section, and cannot fail.

mod facts;
mod features;
mod learned;
mod rules;
mod scope;
mod trace;
mod weights;

use rustc_hash::FxHashMap;

use crate::assertion::{Assertion, AxisScores, Evidence, Experiencer, Presence, Temporality};
use crate::document::{Document, Section, SectionKind, Sentence};
use crate::fact::FactType;
use crate::lexicon::TableSource;
use crate::token::Token;
use crate::{Mention, MentionType, Result, Span};
use features::Seen;
use rules::{Axis, Category, Rules};
use scope::{Cue, TokenRange};

pub(crate) use features::Feature;
pub use trace::{CueEffect, Scope, ScopeEnd, Trace, TracedCue};
pub(crate) use weights::Weights;

/// The tables that the engine reads.
#[derive(Clone, Debug)]
pub(crate) struct ContextTables<'a> {
    /// Cues: `cue`, `category`, `direction`, `limit`, `example`, `source`.
    pub cues: &'a TableSource,
    /// Section priors: `section`, `category`, `example`, `source`.
    pub priors: &'a TableSource,
    /// Words that name a lasting condition: `word`, `source`.
    pub chronic: &'a TableSource,
    /// What else holds where facts are asserted, and not problems.
    pub facts: Option<FactCues<'a>>,
}

/// The tables for facts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FactCues<'a> {
    /// Cues that go before those of the same words: `cue`, `types`, `category`, `direction`, `limit`, `example`, `source`.
    pub cues: &'a TableSource,
    /// Section priors in place of those of problems: `section`, `types`, `category`, `example`, `source`.
    pub priors: &'a TableSource,
}

/// Decides the assertion of mentions.
#[derive(Clone, Debug)]
pub struct ConText {
    rules: Rules,
    /// The hashes by which the linear model knows sections.
    sections: FxHashMap<SectionKind, u64>,
    /// The linear model.
    weights: Option<Weights>,
}

impl ConText {
    /// Reads the tables; `sections` are the kinds of sections and their names.
    pub(crate) fn new<'a>(
        tables: &ContextTables<'_>,
        sections: impl Iterator<Item = (SectionKind, &'a str)>,
    ) -> Result<ConText> {
        let sections: Vec<(SectionKind, &str)> = sections.collect();
        let named = |name: &str| sections.iter().find(|(_, known)| *known == name).map(|&(kind, _)| kind);
        let rules = Rules::parse(tables, named)?;
        let sections = sections.iter().map(|&(kind, name)| (kind, features::section_hash(name))).collect();
        Ok(ConText { rules, sections, weights: None })
    }

    /// The same with the weights of a linear model.
    pub(crate) fn with_weights(self, weights: Weights) -> ConText {
        ConText { weights: Some(weights), ..self }
    }

    /// The assertions of the mentions of one sentence, which are sorted by span: the k-th belongs to the k-th mention.
    ///
    /// `scores` gives what a model makes of a mention, by its place among them; with the weights of a linear model it
    /// completes and corrects what the rules decided.
    pub fn assert(
        &self,
        document: &Document,
        sentence: &Sentence,
        mentions: &[Mention],
        scores: impl Fn(usize) -> Option<AxisScores>,
    ) -> Vec<Assertion> {
        let tokens = document.tokens_of(sentence);
        let places = token_ranges(tokens, mentions);
        let mut assertions = self.by_rules(document, sentence, mentions, &places);
        let Some(weights) = &self.weights else { return assertions };
        for (index, assertion) in assertions.iter_mut().enumerate() {
            let (Some(scores), Some(mention), Some(&place)) = (scores(index), mentions.get(index), places.get(index))
            else {
                continue;
            };
            let given = *assertion;
            let log_odds = self.log_odds(weights, document, sentence, (mention, place), &given, &scores);
            for category in learned::changes(&given, &log_odds) {
                apply(assertion, category, Evidence { cue: None, rule: self.rules.learned(category) });
            }
        }
        assertions
    }

    /// The log-odds of the linear model and the network together.
    fn log_odds(
        &self,
        weights: &Weights,
        document: &Document,
        sentence: &Sentence,
        (mention, place): (&Mention, TokenRange),
        by_rules: &Assertion,
        scores: &AxisScores,
    ) -> AxisScores {
        let linear = weights.log_odds(&self.features_of(document, sentence, mention, place, by_rules));
        learned::together(&linear, scores)
    }

    /// What the linear model sees of each mention of a sentence, for training it.
    pub(crate) fn features(&self, document: &Document, sentence: &Sentence, mentions: &[Mention]) -> Vec<Vec<Feature>> {
        let places = token_ranges(document.tokens_of(sentence), mentions);
        let assertions = self.by_rules(document, sentence, mentions, &places);
        let seen = mentions.iter().zip(places).zip(&assertions);
        seen.map(|((mention, place), given)| self.features_of(document, sentence, mention, place, given)).collect()
    }

    fn features_of(
        &self,
        document: &Document,
        sentence: &Sentence,
        mention: &Mention,
        place: TokenRange,
        by_rules: &Assertion,
    ) -> Vec<Feature> {
        let section = document.section_of(sentence).and_then(|section| self.sections.get(&section.kind));
        let seen = Seen {
            text: document.text(),
            tokens: document.tokens_of(sentence),
            place,
            kind: mention.kind,
            section: section.copied().unwrap_or(0),
            by_rules,
        };
        features::features(&self.rules, &seen)
    }

    fn by_rules(
        &self,
        document: &Document,
        sentence: &Sentence,
        mentions: &[Mention],
        places: &[TokenRange],
    ) -> Vec<Assertion> {
        let tokens = document.tokens_of(sentence);
        let cues = scope::find_cues(&self.rules, document.text(), tokens, places);
        let section = document.section_of(sentence);
        let all = mentions.iter().zip(places);
        all.map(|(mention, &place)| {
            // "History of" a lasting condition or of a symptom tells of the present.
            let chronic =
                mention.kind == MentionType::Symptom || self.rules.is_chronic(&tokens[place.start..place.end]);
            self.decide(tokens, section, &cues, &Subject { place, chronic, fact: None })
        })
        .collect()
    }

    /// Decides each axis by the nearest cue that reaches the subject, and else by its section.
    fn decide(&self, tokens: &[Token], section: Option<&Section>, cues: &[Cue], subject: &Subject) -> Assertion {
        let mut assertion = Assertion::default();
        let deciding = scope::deciding_cues(&self.rules, cues, subject.place);
        // A relative's history tells whose problem it is, not when it was.
        let is_others = deciding[Axis::Experiencer as usize]
            .is_some_and(|cue| matches!(cue.category, Category::Family | Category::Other));
        for cue in deciding.iter().flatten() {
            let overrides = self.rules.row(cue.rule).overrides_chronic;
            if cue.category == Category::Historical && (subject.chronic || is_others) && !overrides {
                continue;
            }
            apply(&mut assertion, cue.category, evidence(tokens, cue));
        }
        if let Some(section) = section
            && let Some((category, rule)) = self.rules.prior(section.kind, subject.fact)
            && let Some(axis) = category.axis()
            && deciding[axis as usize].is_none()
        {
            apply(&mut assertion, category, Evidence { cue: Some(section.heading), rule });
        }
        assertion
    }

    /// Hash of the linear model's file, where there is one.
    pub(crate) fn weights_hash(&self) -> Option<blake3::Hash> {
        self.weights.as_ref().map(Weights::hash)
    }

    /// The name of a rule, such as `absent:no evidence of`.
    pub fn rule_name(&self, rule: crate::assertion::RuleIndex) -> &str {
        self.rules.name(rule)
    }

    /// Every word that occurs in a cue, as keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> {
        self.rules.keys()
    }
}

/// What an assertion is decided for.
struct Subject {
    place: TokenRange,
    /// Whether it lasts, so that its history tells of the present.
    chronic: bool,
    /// Its type where it is a fact.
    fact: Option<FactType>,
}

fn evidence(tokens: &[Token], cue: &Cue) -> Evidence {
    Evidence { cue: Some(span_of(tokens, cue.place)), rule: cue.rule }
}

/// From the first to the last token of a range.
fn span_of(tokens: &[Token], place: TokenRange) -> Span {
    let first = tokens.get(place.start).map(|token| token.span).unwrap_or_default();
    let last = tokens.get(place.end.saturating_sub(1)).map_or(first, |token| token.span);
    first.cover(last)
}

fn apply(assertion: &mut Assertion, category: Category, evidence: Evidence) {
    match category {
        Category::Absent => {
            assertion.presence = Presence::Absent;
            assertion.presence_by = Some(evidence);
        }
        Category::Possible => {
            assertion.presence = Presence::Possible;
            assertion.presence_by = Some(evidence);
        }
        Category::Historical => {
            assertion.temporality = Temporality::Historical;
            assertion.temporality_by = Some(evidence);
        }
        Category::Hypothetical => {
            assertion.temporality = Temporality::Hypothetical;
            assertion.temporality_by = Some(evidence);
        }
        Category::Family => {
            assertion.experiencer = Experiencer::Family;
            assertion.experiencer_by = Some(evidence);
        }
        Category::Other => {
            assertion.experiencer = Experiencer::Other;
            assertion.experiencer_by = Some(evidence);
        }
        Category::Present => {
            assertion.presence = Presence::Present;
            assertion.presence_by = Some(evidence);
        }
        Category::Current if evidence.cue.is_none() => {
            assertion.temporality = Temporality::Current;
            assertion.temporality_by = Some(evidence);
        }
        Category::Patient if evidence.cue.is_none() => {
            assertion.experiencer = Experiencer::Patient;
            assertion.experiencer_by = Some(evidence);
        }
        // They keep other cues from reaching the mention, and leave the default.
        Category::Current | Category::Patient | Category::Reporting | Category::Pseudo | Category::End => {}
    }
}

/// The tokens of each mention, as ranges over the sentence's tokens.
fn token_ranges(tokens: &[Token], mentions: &[Mention]) -> Vec<TokenRange> {
    mentions.iter().map(|mention| token_range(tokens, mention.span)).collect()
}

fn token_range(tokens: &[Token], span: Span) -> TokenRange {
    let start = tokens.partition_point(|token| token.span.end() <= span.start());
    let end = tokens.partition_point(|token| token.span.start() < span.end());
    TokenRange { start: start.min(end), end }
}
