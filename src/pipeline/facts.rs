//! The facts of a note: found by their tables, asserted by ConText with the cues and priors of facts.

use super::Pipeline;
use crate::annotation::AnnotatedNote;
use crate::assertion::RuleIndex;
use crate::context::{ConText, Trace};
use crate::document::Document;
use crate::fact::{Fact, FactConcept};
use crate::facts::FactRecognizer;
use crate::{Note, Span};

/// The engines that find and assert facts.
#[derive(Clone, Debug)]
pub(super) struct FactEngines {
    pub recognizer: FactRecognizer,
    pub context: ConText,
}

impl FactEngines {
    /// The facts of a document, sorted by span.
    pub fn find(&self, document: &Document) -> Vec<Fact> {
        let mut all = Vec::new();
        for (sentence, index) in document.sentences().iter().zip(0..) {
            let mut facts = self.recognizer.find(document, sentence, index);
            if !facts.is_empty() {
                self.context.assert_facts(document, sentence, &mut facts);
                all.append(&mut facts);
            }
        }
        all
    }
}

/// Why a fact of a note stands as it does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FactExplanation {
    /// The note, annotated as [`Pipeline::annotate`] does.
    pub note: AnnotatedNote,
    /// The fact that is explained, with its assertion.
    pub fact: Fact,
    /// What each cue of the sentence does to it.
    pub trace: Trace,
}

impl Pipeline {
    /// The concept of a fact.
    pub fn fact_concept(&self, fact: &Fact) -> Option<FactConcept<'_>> {
        self.inner.facts.recognizer.concept(fact.concept)
    }

    /// Annotates a note and explains the fact of a concept at a place; `None` where no such fact is found.
    ///
    /// ```
    /// use noteward::{Note, Pipeline, Presence, Span};
    /// let text = "Never intubated.";
    /// let place = Span::new(text, 6..15).unwrap();
    /// let why = Pipeline::without_model().explain_fact(Note::new("1", text), place, "procedure.intubation").unwrap();
    /// assert_eq!(why.fact.assertion.presence, Presence::Absent);
    /// assert_eq!(why.trace.cues[0].span.of(text), "Never");
    /// ```
    pub fn explain_fact(&self, note: Note, place: Span, concept_id: &str) -> Option<FactExplanation> {
        let note = self.annotate(note);
        let is_it =
            |fact: &Fact| fact.span == place && self.fact_concept(fact).is_some_and(|concept| concept.id == concept_id);
        let fact = *note.facts.iter().find(|fact| is_it(fact))?;
        let sentence = note.document.sentences().get(fact.sentence as usize)?;
        let found = self.inner.facts.recognizer.find(&note.document, sentence, fact.sentence);
        let index = found.iter().position(is_it)?;
        let trace = self.inner.facts.context.trace_fact(&note.document, sentence, &found, index)?;
        Some(FactExplanation { fact, trace, note })
    }

    /// The concepts that facts may have, in the order of their tables.
    pub fn fact_concepts(&self) -> impl Iterator<Item = FactConcept<'_>> {
        self.inner.facts.recognizer.concepts()
    }

    /// The name of a rule that asserted a fact.
    pub fn fact_rule_name(&self, rule: RuleIndex) -> &str {
        self.inner.facts.context.rule_name(rule)
    }
}
