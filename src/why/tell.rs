//! An explanation in terms of code points, names and rows of tables.

use serde::Serialize;

use super::tables::{self, TableRow};
use crate::Span;
use crate::assertion::{AxisScores, Evidence, RuleIndex};
use crate::context::{CueEffect, Scope, ScopeEnd, TracedCue};
use crate::pipeline::{Explanation, Pipeline, Resources};
use crate::write::code_points::CodePoints;

/// What was decided on an axis, and by what.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct AxisDecision {
    /// `presence`, `temporality` or `experiencer`.
    pub axis: &'static str,
    /// The value.
    pub value: &'static str,
    /// What rules alone say, where the model decided otherwise.
    pub by_rules: Option<&'static str>,
    /// The rule; `None` for the default.
    pub rule: Option<String>,
    /// The words of the cue, or of the section's heading.
    pub cue: Option<String>,
    /// First code point of the cue.
    pub cue_start: Option<u32>,
    /// One past its last code point.
    pub cue_end: Option<u32>,
    /// The category in which the cue counts, and the cue that governs it, where its row says otherwise.
    pub counts_as: Option<String>,
    /// How far the cue reaches.
    pub scope: Option<ScopeTold>,
    /// The row of the table.
    pub row: Option<TableRow>,
}

/// How far a cue reaches around a mention.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ScopeTold {
    /// First code point.
    pub start: u32,
    /// One past the last code point.
    pub end: u32,
    /// The words within.
    pub text: String,
    /// What ends it.
    pub ended_by: String,
}

/// A cue that decides nothing of the mention.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct CueTold {
    /// Its words.
    pub text: String,
    /// First code point.
    pub start: u32,
    /// One past the last code point.
    pub end: u32,
    /// The rule.
    pub rule: String,
    /// The category in which it counts, and the cue that governs it, where its row says otherwise.
    pub counts_as: Option<String>,
    /// Why it does not decide, in words.
    pub because: String,
}

/// What the model makes of a mention: probabilities in 0..=1.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct ModelTold {
    /// Of the span and type, where the model found them.
    pub score: Option<f32>,
    /// Mean over the words of being part of a mention.
    pub inside: Option<f32>,
    /// What the network gives to each axis, over the words of the mention.
    pub network: Option<AxesTold>,
    /// The same together with the linear model over the words around it: from a half on it decides.
    pub together: Option<AxesTold>,
}

/// Probabilities, in 0..=1, of what departs from the default of each axis.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct AxesTold {
    /// Of being denied.
    pub absent: f32,
    /// Of being uncertain.
    pub possible: f32,
    /// Of being over.
    pub historical: f32,
    /// Of not being said to happen.
    pub hypothetical: f32,
    /// Of being somebody else's.
    pub other_experiencer: f32,
}

impl AxesTold {
    fn of(scores: &AxisScores, probability: impl Fn(f32) -> f32) -> AxesTold {
        AxesTold {
            absent: probability(scores.absent),
            possible: probability(scores.possible),
            historical: probability(scores.historical),
            hypothetical: probability(scores.hypothetical),
            other_experiencer: probability(scores.other_experiencer),
        }
    }
}

/// An entry of the lexicon.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ConceptTold {
    /// Identifier.
    pub id: String,
    /// Preferred name.
    pub name: String,
    /// Type of the concept, before the section has its say.
    pub kind: &'static str,
    /// ICD-10-CM code: the concept's own, or the one that side, site, severity and type in the words support.
    pub icd10cm: Option<String>,
    /// Other codes.
    pub codes: Option<String>,
    /// The step that linked the mention to the concept, as in the column `link`.
    pub link: Option<&'static str>,
    /// How far the words support the concept, in 0..=1.
    pub link_score: Option<f32>,
    /// The words of the mention that spell a form.
    pub form: Option<String>,
    /// The form as the table lists it; `None` where the words are a variant of a form.
    pub listed_form: Option<String>,
    /// The row of the table.
    pub row: Option<TableRow>,
}

/// Tells an explanation.
pub(super) struct Teller<'a> {
    pub explanation: &'a Explanation,
    pub pipeline: &'a Pipeline,
    pub resources: &'a Resources,
    pub points: &'a CodePoints<'a>,
}

impl Teller<'_> {
    pub fn decisions(&self) -> Vec<AxisDecision> {
        let given = &self.explanation.trace.assertion;
        let rules = &self.explanation.trace.by_rules;
        vec![
            self.decision("presence", given.presence.name(), rules.presence.name(), given.presence_by),
            self.decision("temporality", given.temporality.name(), rules.temporality.name(), given.temporality_by),
            self.decision("experiencer", given.experiencer.name(), rules.experiencer.name(), given.experiencer_by),
        ]
    }

    fn decision(
        &self,
        axis: &'static str,
        value: &'static str,
        by_rules: &'static str,
        by: Option<Evidence>,
    ) -> AxisDecision {
        let cue = by.and_then(|by| by.cue);
        let traced = by.and_then(|by| {
            let decides = |cue: &&TracedCue| cue.rule == by.rule && Some(cue.span) == by.cue;
            self.explanation.trace.cues.iter().find(decides)
        });
        let scope = traced.and_then(|cue| match &cue.effect {
            CueEffect::Decides(scope) => Some(self.scope(scope)),
            _ => None,
        });
        AxisDecision {
            axis,
            value,
            by_rules: (by_rules != value).then_some(by_rules),
            rule: by.map(|by| self.pipeline.rule_name(by.rule).to_owned()),
            cue: cue.map(|cue| self.words(cue)),
            cue_start: cue.map(|cue| self.points.before(cue.start())),
            cue_end: cue.map(|cue| self.points.before(cue.end())),
            counts_as: traced.and_then(|cue| self.counts_as(cue)),
            scope,
            row: by.and_then(|by| self.row(by.rule)),
        }
    }

    pub fn other_cues(&self) -> Vec<CueTold> {
        let cues = self.explanation.trace.cues.iter().enumerate();
        let others = cues.filter(|(_, cue)| !matches!(cue.effect, CueEffect::Decides(_)));
        let told = others.map(|(index, cue)| CueTold {
            text: self.words(cue.span),
            start: self.points.before(cue.span.start()),
            end: self.points.before(cue.span.end()),
            rule: self.pipeline.rule_name(cue.rule).to_owned(),
            counts_as: self.counts_as(cue),
            because: self.because(index, &cue.effect),
        });
        told.collect()
    }

    pub fn model(&self) -> Option<ModelTold> {
        let Explanation { annotation, scores, inside, .. } = self.explanation;
        let score = annotation.mention.score;
        (score.is_some() || scores.is_some() || inside.is_some()).then_some(ModelTold {
            score,
            inside: *inside,
            network: scores.map(|scores| AxesTold::of(&scores, |probability| probability)),
            together: self
                .explanation
                .trace
                .learned
                .map(|odds| AxesTold::of(&odds, |odds| 1.0 / (1.0 + (-odds).exp()))),
        })
    }

    pub fn concept(&self) -> Option<ConceptTold> {
        let mention = &self.explanation.annotation.mention;
        let concept = self.pipeline.concept(mention)?;
        let row = tables::concept_row(self.resources, concept.id);
        let form = self.explanation.form.map(|span| self.words(span));
        let listed_form = row.as_ref().zip(form.as_deref()).and_then(|(row, form)| tables::listed_form(row, form));
        let owned = |cell: Option<&str>| cell.map(str::to_owned);
        Some(ConceptTold {
            id: concept.id.to_owned(),
            name: concept.name.to_owned(),
            kind: concept.kind.name(),
            icd10cm: owned(concept.icd10cm),
            codes: owned(concept.codes),
            link: mention.link.map(|link| link.kind.name()),
            link_score: mention.link.map(|link| link.score),
            form,
            listed_form,
            row,
        })
    }

    fn counts_as(&self, cue: &TracedCue) -> Option<String> {
        let governor = cue.governed_by.map(|index| format!(", governed by {}", self.cue_named(index)));
        Some(format!("{}{}", cue.counts_as?, governor.unwrap_or_default()))
    }

    fn because(&self, index: usize, effect: &CueEffect) -> String {
        let decides = |cue: &TracedCue| matches!(cue.effect, CueEffect::Decides(_)) && cue.governed_by == Some(index);
        if let Some(governed) = self.explanation.trace.cues.iter().position(decides) {
            return format!("it governs {}, which decides", self.cue_named(governed));
        }
        match effect {
            // Only others are told.
            CueEffect::Decides(_) => String::new(),
            CueEffect::Overruled(_) => "the model overruled it".into(),
            CueEffect::LeavesDefault(_) => "it reaches the mention, and says what the default says".into(),
            CueEffect::LastingCondition(_) => {
                "it reaches the mention, but a symptom or lasting condition with a past is here at present".into()
            }
            CueEffect::Pseudo => "it looks like a cue and is none".into(),
            CueEffect::EndsReach => "it ends the reach of other cues".into(),
            CueEffect::OtherSide => "the mention stands on the side to which it does not reach".into(),
            CueEffect::TooFar { distance, limit } => {
                format!("{distance} tokens stand between, and it reaches over {limit}")
            }
            CueEffect::EndedBy(index) => format!("its reach ends at {}", self.cue_named(*index)),
            CueEffect::NearerCue(index) => format!("{} decides", self.cue_named(*index)),
            CueEffect::OutOfReach => "it does not reach the mention".into(),
        }
    }

    fn scope(&self, scope: &Scope) -> ScopeTold {
        let ended_by = match scope.end {
            ScopeEnd::Sentence => "the sentence".into(),
            ScopeEnd::Cue(index) => self.cue_named(index),
            ScopeEnd::Limit(limit) => format!("its limit of {limit} tokens"),
            ScopeEnd::Words => "the words that follow".into(),
        };
        ScopeTold {
            start: self.points.before(scope.span.start()),
            end: self.points.before(scope.span.end()),
            text: self.words(scope.span),
            ended_by,
        }
    }

    /// A cue of the sentence by its words and its rule.
    fn cue_named(&self, index: usize) -> String {
        self.explanation.trace.cues.get(index).map_or_else(String::new, |cue| {
            format!("{:?} ({})", self.words(cue.span), self.pipeline.rule_name(cue.rule))
        })
    }

    fn row(&self, rule: RuleIndex) -> Option<TableRow> {
        tables::rule_row(self.resources, self.pipeline.rule_name(rule), rule.0 as usize)
    }

    fn words(&self, span: Span) -> String {
        span.of(self.explanation.note.document.text()).to_owned()
    }
}
