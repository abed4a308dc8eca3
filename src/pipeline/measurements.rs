//! The values of a note, with their assertions.
//!
//! What qualifies a value stands in its clause, so ConText sees the clause alone: in `no acute distress, HR 88` nothing denies
//! the heart rate. What is wanted, feared or asked for (a goal, a threshold, an instruction) was marked as hypothetical when it
//! was read, and stays so.

use super::Pipeline;
use crate::document::Sentence;
use crate::token::{Gap, Token};
use crate::{
    Assertion, Document, Measurement, MeasurementIndex, MeasurementKind, MeasurementRule, MeasurementWord, Mention,
    MentionSource, MentionType, Presence, Span, Temporality, UnitIndex,
};

/// Most tokens of a clause before and after a statement.
const MAX_CLAUSE: usize = 24;

impl Pipeline {
    /// The values that a document states.
    pub(super) fn measurements(&self, document: &Document) -> Vec<Measurement> {
        let mut measurements = self.inner.measurer.measure(document);
        for measurement in &mut measurements {
            measurement.assertion = self.assertion_of(document, measurement);
        }
        measurements
    }

    fn assertion_of(&self, document: &Document, measurement: &Measurement) -> Assertion {
        let read = measurement.assertion;
        let Some(sentence) = document.sentences().get(measurement.sentence as usize) else { return read };
        let span = measurement.statement;
        let mention = Mention {
            span,
            kind: MentionType::Finding,
            source: MentionSource::Lexicon,
            score: None,
            sentence: measurement.sentence,
            concept: None,
            link: None,
        };
        let clause = clause(document, sentence, span);
        let asserted = self.inner.context.assert(document, &clause, &[mention], |_| None);
        let mut assertion = asserted.into_iter().next().unwrap_or(read);
        // A family history often stands right before the examination; only words beside a value make it a relative's.
        let is_beside = |cue: Span| clause.span.start() <= cue.start() && cue.end() <= clause.span.end();
        if !assertion.experiencer_by.and_then(|evidence| evidence.cue).is_some_and(is_beside) {
            (assertion.experiencer, assertion.experiencer_by) = (read.experiencer, None);
        }
        // Results in words say themselves what is not there.
        if measurement.value.is_none() {
            (assertion.presence, assertion.presence_by) = (Presence::Present, None);
        }
        if read.temporality == Temporality::Hypothetical {
            (assertion.temporality, assertion.temporality_by) = (read.temporality, None);
        }
        assertion
    }

    /// What the tables know of a measurement.
    pub fn measurement_kind(&self, kind: MeasurementIndex) -> Option<MeasurementKind<'_>> {
        self.inner.measurer.kind(kind)
    }

    /// Every measurement that is read.
    pub fn measurement_kinds(&self) -> impl Iterator<Item = MeasurementKind<'_>> {
        self.inner.measurer.kinds()
    }

    /// The unit, in UCUM, in which a value is stated.
    pub fn measurement_unit(&self, unit: UnitIndex) -> Option<&str> {
        self.inner.measurer.unit(unit)
    }

    /// The site, side or method of a measurement.
    pub fn measurement_word(&self, word: MeasurementWord) -> Option<&str> {
        self.inner.measurer.word(word)
    }

    /// The name of the rule that read a measurement, such as `heart_rate:pulse`.
    pub fn measurement_rule(&self, rule: MeasurementRule) -> &str {
        self.inner.measurer.rule_name(rule)
    }
}

/// The clause around a statement, as a sentence of its own.
fn clause(document: &Document, sentence: &Sentence, statement: Span) -> Sentence {
    let tokens = document.tokens();
    let inside = sentence.tokens();
    let first = tokens.partition_point(|token| token.span.end() <= statement.start());
    let first = first.clamp(inside.start, inside.end.max(inside.start));
    let end = tokens.partition_point(|token| token.span.start() < statement.end()).clamp(first, inside.end.max(first));
    let starts_line = |index: usize| tokens.get(index).is_none_or(|token| token.before >= Gap::Line);
    let parts = |token: &Token| [',', ';', '.', ':', '|'].iter().any(|&mark| token.is(document.text(), mark));
    let earliest = inside.start.max(first.saturating_sub(MAX_CLAUSE));
    let mut start = first;
    while start > earliest && !starts_line(start) && !tokens.get(start - 1).is_some_and(parts) {
        start -= 1;
    }
    let latest = inside.end.min(end + MAX_CLAUSE);
    let mut after = end;
    while after < latest && !starts_line(after) && !tokens.get(after).is_some_and(parts) {
        after += 1;
    }
    let (first, end) = (start, after);
    let span = match (tokens.get(first), tokens.get(end.saturating_sub(1))) {
        (Some(left), Some(right)) if first < end => left.span.cover(right.span),
        _ => sentence.span,
    };
    Sentence { span, first_token: first as u32, end_token: end as u32, section: sentence.section }
}
