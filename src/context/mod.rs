//! Assertion by rules: ConText (Harkema et al. 2009), after NegEx (Chapman et al. 2001).
//!
//! Cues, their direction and reach, terminators and section priors are rows of tables; this module finds the cues of a
//! sentence once and decides each axis of each mention by the nearest cue that reaches it. It sees one sentence and the
//! kind of its section, and cannot fail.

mod learned;
mod rules;
mod scope;
mod trace;

use crate::assertion::{Assertion, AxisScores, Evidence, Experiencer, Presence, Temporality};
use crate::document::{Document, Sentence};
use crate::lexicon::TableSource;
use crate::token::Token;
use crate::{Mention, MentionType, Result, Span};
use rules::{Category, Rules};
use scope::{Cue, TokenRange};
pub use trace::{CueEffect, Scope, ScopeEnd, Trace, TracedCue};

/// The tables that the engine reads.
#[derive(Clone, Debug)]
pub(crate) struct ContextTables<'a> {
    /// Cues: `cue`, `category`, `direction`, `limit`, `example`, `source`.
    pub cues: &'a TableSource,
    /// Section priors: `section`, `category`, `example`, `source`.
    pub priors: &'a TableSource,
    /// Words that name a lasting condition: `word`, `source`.
    pub chronic: &'a TableSource,
}

/// Decides the assertion of mentions.
#[derive(Clone, Debug)]
pub struct ConText {
    rules: Rules,
}

impl ConText {
    /// Reads the tables; `section_index` gives the index of a section kind's name.
    pub(crate) fn new(
        tables: &ContextTables<'_>,
        section_index: impl Fn(&str) -> Option<crate::document::SectionKind>,
    ) -> Result<ConText> {
        Ok(ConText { rules: Rules::parse(tables, section_index)? })
    }

    /// The assertions of the mentions of one sentence, which are sorted by span: the k-th belongs to the k-th mention.
    ///
    /// `scores` gives what a model makes of a mention, by its place among them; it decides what rules leave open, and overrules them where it is sure.
    pub fn assert(
        &self,
        document: &Document,
        sentence: &Sentence,
        mentions: &[Mention],
        scores: impl Fn(usize) -> Option<AxisScores>,
    ) -> Vec<Assertion> {
        let tokens = document.tokens_of(sentence);
        let places: Vec<TokenRange> = token_ranges(tokens, mentions);
        let cues = scope::find_cues(&self.rules, document.text(), tokens, &places);
        let section = document.section_of(sentence);
        let mut assertions = Vec::with_capacity(mentions.len());
        for (index, (mention, &place)) in mentions.iter().zip(&places).enumerate() {
            // "History of" a lasting condition or of a symptom tells of the present.
            let chronic =
                mention.kind == MentionType::Symptom || self.rules.is_chronic(&tokens[place.start..place.end]);
            let mut assertion = Assertion::default();
            let deciding = scope::deciding_cues(&self.rules, &cues, place);
            for cue in deciding.iter().flatten() {
                let overrides = self.rules.row(cue.rule).overrides_chronic;
                if cue.category == Category::Historical && chronic && !overrides {
                    continue;
                }
                apply(&mut assertion, cue.category, evidence(tokens, cue));
            }
            if let Some(section) = section
                && let Some((category, rule)) = self.rules.prior(section.kind)
                && let Some(axis) = category.axis()
                && deciding[axis as usize].is_none()
                && !(category == Category::Historical && chronic)
            {
                apply(&mut assertion, category, Evidence { cue: Some(section.heading), rule });
            }
            if let Some(scores) = scores(index) {
                let given = assertion;
                for category in learned::changes(&given, &scores) {
                    apply(&mut assertion, category, Evidence { cue: None, rule: self.rules.learned(category) });
                }
            }
            assertions.push(assertion);
        }
        assertions
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
