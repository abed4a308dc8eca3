//! The values of a note, with their assertions.
//!
//! What qualifies a value stands in its clause, so ConText sees the clause alone: in `no acute distress, HR 88` nothing denies
//! the heart rate. What is wanted, feared or asked for (a goal, a threshold, an instruction) was marked as hypothetical when it
//! was read, and stays so.

use super::Pipeline;
use crate::annotation::AnnotatedNote;
use crate::context::Trace;
use crate::document::Sentence;
use crate::token::{Gap, Token};
use crate::{
    Assertion, Document, Measurement, MeasurementIndex, MeasurementKind, MeasurementRule, MeasurementWord, Mention,
    MentionSource, MentionType, Note, Presence, Span, Temporality, UnitIndex,
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
        let Some((clause, mention)) = clause_of(document, measurement) else { return read };
        let asserted = self.inner.context.assert(document, &clause, &[mention], |_| None);
        let assertion = asserted.into_iter().next().unwrap_or(read);
        corrected(measurement, clause.span, assertion).0
    }

    /// Annotates a note and explains the value of a measurement at a place; `None` where no such value is found.
    ///
    /// ```
    /// use noteward::{AssertionAxis, Note, Pipeline, Span};
    /// let text = "No distress. Goal SpO2 above 92%.";
    /// let place = Span::new(text, 29..32).unwrap();
    /// let why = Pipeline::without_model().explain_measurement(Note::new("1", text), place, "oxygen_saturation").unwrap();
    /// assert_eq!(why.measurement.value, Some(92.0));
    /// assert!(why.corrections.iter().any(|&(axis, _)| axis == AssertionAxis::Temporality));
    /// ```
    pub fn explain_measurement(&self, note: Note, place: Span, name: &str) -> Option<MeasurementExplanation> {
        let note = self.annotate(note);
        let is_it = |measurement: &&Measurement| {
            let kind = self.measurement_kind(measurement.kind);
            measurement.span == place && kind.is_some_and(|kind| kind.name == name)
        };
        let measurement = *note.measurements.iter().find(is_it)?;
        let read = self.inner.measurer.measure(&note.document);
        let read = read.into_iter().find(|read| read.span == place && read.kind == measurement.kind)?;
        let (clause, mention) = clause_of(&note.document, &read)?;
        let trace = self.inner.context.trace(&note.document, &clause, &[mention], 0, None)?;
        let (_, corrections) = corrected(&read, clause.span, trace.assertion);
        Some(MeasurementExplanation { note, measurement, clause: clause.span, trace, corrections })
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

/// Why a value of a note stands as it does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MeasurementExplanation {
    /// The note, annotated as [`Pipeline::annotate`] does.
    pub note: AnnotatedNote,
    /// The value that is explained, with its assertion.
    pub measurement: Measurement,
    /// The clause in which cues were looked for.
    pub clause: Span,
    /// What each cue of the clause does to it.
    pub trace: Trace,
    /// Where the value's own rules went before its cues.
    pub corrections: Vec<(AssertionAxis, ValueCorrection)>,
}

/// An axis of an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssertionAxis {
    /// Present, absent or possible.
    Presence,
    /// Current, historical or hypothetical.
    Temporality,
    /// The patient, family or another.
    Experiencer,
}

impl AssertionAxis {
    /// The column of the axis.
    pub fn name(self) -> &'static str {
        match self {
            AssertionAxis::Presence => "presence",
            AssertionAxis::Temporality => "temporality",
            AssertionAxis::Experiencer => "experiencer",
        }
    }
}

/// A rule of values that goes before the cues around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueCorrection {
    /// Only words beside a value make it a relative's.
    NotBeside,
    /// A result in words says itself what is not there.
    ResultInWords,
    /// The words around it say that it is wanted, feared or asked for.
    Wanted,
    /// The words beside it say that it is the one that the patient usually has.
    Usual,
}

impl ValueCorrection {
    /// What the rule says.
    pub fn words(self) -> &'static str {
        match self {
            ValueCorrection::NotBeside => "only words beside a value make it another person's",
            ValueCorrection::ResultInWords => "a result in words says itself what is not there",
            ValueCorrection::Wanted => "words around the value say that it is wanted, feared or asked for",
            ValueCorrection::Usual => "words beside the value say that it is the patient's usual one",
        }
    }
}

/// The assertion of a value by its cues, with the rules of values before them; and where these say something else.
fn corrected(
    read: &Measurement,
    clause: Span,
    by_cues: Assertion,
) -> (Assertion, Vec<(AssertionAxis, ValueCorrection)>) {
    let mut assertion = by_cues;
    let mut corrections = Vec::new();
    // A family history often stands right before the examination; only words beside a value make it a relative's.
    let is_beside = |cue: Span| clause.start() <= cue.start() && cue.end() <= clause.end();
    if !assertion.experiencer_by.and_then(|evidence| evidence.cue).is_some_and(is_beside) {
        (assertion.experiencer, assertion.experiencer_by) = (read.assertion.experiencer, None);
        if assertion.experiencer != by_cues.experiencer {
            corrections.push((AssertionAxis::Experiencer, ValueCorrection::NotBeside));
        }
    }
    // Results in words say themselves what is not there.
    if read.value.is_none() {
        (assertion.presence, assertion.presence_by) = (Presence::Present, None);
        if by_cues.presence != Presence::Present {
            corrections.push((AssertionAxis::Presence, ValueCorrection::ResultInWords));
        }
    }
    let itself = match read.assertion.temporality {
        Temporality::Hypothetical => Some(ValueCorrection::Wanted),
        Temporality::Historical => Some(ValueCorrection::Usual),
        Temporality::Current => None,
    };
    if let Some(correction) = itself {
        (assertion.temporality, assertion.temporality_by) = (read.assertion.temporality, None);
        corrections.push((AssertionAxis::Temporality, correction));
    }
    (assertion, corrections)
}

/// The clause of a value, and the value as something that ConText can assert.
fn clause_of(document: &Document, measurement: &Measurement) -> Option<(Sentence, Mention)> {
    let sentence = document.sentences().get(measurement.sentence as usize)?;
    let mention = Mention {
        span: measurement.statement,
        kind: MentionType::Finding,
        source: MentionSource::Lexicon,
        score: None,
        sentence: measurement.sentence,
        concept: None,
        link: None,
    };
    Some((clause(document, sentence, measurement.statement), mention))
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
