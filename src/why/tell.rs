//! An explanation in terms of code points, names and rows of tables.

use serde::Serialize;

use super::tables::TableRow;
use crate::assertion::{Evidence, RuleIndex};
use crate::context::{CueEffect, Scope, ScopeEnd, Trace, TracedCue};
use crate::pipeline::{AssertionAxis, ValueCorrection};
use crate::write::code_points::CodePoints;
use crate::{Assertion, Span};

/// What was decided on an axis, and by what.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct AxisDecision {
    /// `presence`, `temporality` or `experiencer`.
    pub axis: &'static str,
    /// The value.
    pub value: &'static str,
    /// What rules alone say, where the model decided otherwise; of a fact, what its cues say where its own words say otherwise.
    pub by_rules: Option<&'static str>,
    /// The rule of values that goes before cues, in words.
    pub because: Option<&'static str>,
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

/// Tells the assertion of a row.
pub(super) struct Teller<'a> {
    pub text: &'a str,
    pub points: &'a CodePoints<'a>,
    pub trace: &'a Trace,
    /// The assertion of the row.
    pub given: &'a Assertion,
    /// Where rules of values went before the cues.
    pub corrections: &'a [(AssertionAxis, ValueCorrection)],
    /// What the row is of: a mention, a value, a fact.
    pub what: &'static str,
    /// What overrules a cue: the model of mentions, the words of a fact.
    pub overruled_by: &'static str,
    pub names: &'a dyn Fn(RuleIndex) -> &'a str,
    pub rows: &'a dyn Fn(RuleIndex) -> Option<TableRow>,
}

impl Teller<'_> {
    pub fn decisions(&self) -> Vec<AxisDecision> {
        use AssertionAxis::{Experiencer, Presence, Temporality};
        let (given, rules) = (self.given, &self.trace.by_rules);
        vec![
            self.decision(Presence, given.presence.name(), rules.presence.name(), given.presence_by),
            self.decision(Temporality, given.temporality.name(), rules.temporality.name(), given.temporality_by),
            self.decision(Experiencer, given.experiencer.name(), rules.experiencer.name(), given.experiencer_by),
        ]
    }

    fn decision(
        &self,
        axis: AssertionAxis,
        value: &'static str,
        by_rules: &'static str,
        by: Option<Evidence>,
    ) -> AxisDecision {
        let cue = by.and_then(|by| by.cue);
        let traced = by.and_then(|by| {
            let decides = |cue: &&TracedCue| cue.rule == by.rule && Some(cue.span) == by.cue;
            self.trace.cues.iter().find(decides)
        });
        let scope = traced.and_then(|cue| match &cue.effect {
            CueEffect::Decides(scope) => Some(self.scope(scope)),
            _ => None,
        });
        AxisDecision {
            axis: axis.name(),
            value,
            by_rules: (by_rules != value).then_some(by_rules),
            because: self.correction(axis).map(ValueCorrection::words),
            rule: by.map(|by| (self.names)(by.rule).to_owned()),
            cue: cue.map(|cue| self.words(cue)),
            cue_start: cue.map(|cue| self.points.before(cue.start())),
            cue_end: cue.map(|cue| self.points.before(cue.end())),
            counts_as: traced.and_then(|cue| self.counts_as(cue)),
            scope,
            row: by.and_then(|by| (self.rows)(by.rule)),
        }
    }

    pub fn other_cues(&self) -> Vec<CueTold> {
        let cues = self.trace.cues.iter().enumerate();
        let others = cues.filter(|(_, cue)| !self.decides(cue));
        let told = others.map(|(index, cue)| CueTold {
            text: self.words(cue.span),
            start: self.points.before(cue.span.start()),
            end: self.points.before(cue.span.end()),
            rule: (self.names)(cue.rule).to_owned(),
            counts_as: self.counts_as(cue),
            because: self.because(index, &cue.effect),
        });
        told.collect()
    }

    /// Whether a cue decides something of the row.
    fn decides(&self, cue: &TracedCue) -> bool {
        let is_its = |by: Option<Evidence>| by.is_some_and(|by| by.rule == cue.rule && by.cue == Some(cue.span));
        let given = self.given;
        matches!(cue.effect, CueEffect::Decides(_))
            && [given.presence_by, given.temporality_by, given.experiencer_by].into_iter().any(is_its)
    }

    fn correction(&self, axis: AssertionAxis) -> Option<ValueCorrection> {
        self.corrections.iter().find(|(corrected, _)| *corrected == axis).map(|&(_, correction)| correction)
    }

    fn counts_as(&self, cue: &TracedCue) -> Option<String> {
        let governor = cue.governed_by.map(|index| format!(", governed by {}", self.cue_named(index)));
        Some(format!("{}{}", cue.counts_as?, governor.unwrap_or_default()))
    }

    fn because(&self, index: usize, effect: &CueEffect) -> String {
        let decides = |cue: &TracedCue| matches!(cue.effect, CueEffect::Decides(_)) && cue.governed_by == Some(index);
        if let Some(governed) = self.trace.cues.iter().position(decides) {
            return format!("it governs {}, which decides", self.cue_named(governed));
        }
        let what = self.what;
        match effect {
            CueEffect::Decides(_) => "it reaches the value, and a rule of values goes before it".into(),
            CueEffect::Overruled(_) => format!("{} overruled it", self.overruled_by),
            CueEffect::LeavesDefault(_) => format!("it reaches the {what}, and says what the default says"),
            CueEffect::LastingCondition(_) => {
                format!("it reaches the {what}, but a symptom or lasting condition with a past is here at present")
            }
            CueEffect::Pseudo => "it looks like a cue and is none".into(),
            CueEffect::EndsReach => "it ends the reach of other cues".into(),
            CueEffect::OtherSide => format!("the {what} stands on the side to which it does not reach"),
            CueEffect::TooFar { distance, limit } => {
                format!("{distance} tokens stand between, and it reaches over {limit}")
            }
            CueEffect::EndedBy(index) => format!("its reach ends at {}", self.cue_named(*index)),
            CueEffect::NearerCue(index) => format!("{} decides", self.cue_named(*index)),
            CueEffect::OutOfReach => format!("it does not reach the {what}"),
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
        let cue = self.trace.cues.get(index);
        cue.map_or_else(String::new, |cue| format!("{:?} ({})", self.words(cue.span), (self.names)(cue.rule)))
    }

    fn words(&self, span: Span) -> String {
        span.of(self.text).to_owned()
    }
}
