//! The facts of a note: found by their tables, asserted by ConText with the cues and priors of facts. A heading that names a
//! behaviour is read with the sentence that answers it.

use super::Pipeline;
use crate::annotation::AnnotatedNote;
use crate::assertion::RuleIndex;
use crate::context::{ConText, Trace};
use crate::document::{Document, Sentence};
use crate::fact::{Fact, FactConcept, FactType};
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
        let mut all: Vec<Fact> = Vec::new();
        for (index, sentence) in document.sentences().iter().enumerate() {
            let mut facts = match self.heading(document, index) {
                Some(headed) => {
                    // A heading that is a sentence too was read by itself.
                    all.truncate(all.partition_point(|fact| fact.span.start() < headed.span.start()));
                    self.behind_heading(document, &headed, sentence, index as u32)
                }
                None => self.asserted(document, sentence, index as u32),
            };
            all.append(&mut facts);
        }
        all
    }

    fn asserted(&self, document: &Document, sentence: &Sentence, index: u32) -> Vec<Fact> {
        let mut facts = self.recognizer.find(document, sentence, index);
        if !facts.is_empty() {
            self.context.assert_facts(document, sentence, &mut facts);
        }
        facts
    }

    /// The sentence at an index with the heading that it answers, where this names a behaviour: `Tobacco: none`.
    fn heading(&self, document: &Document, index: usize) -> Option<Sentence> {
        let sentence = document.sentences().get(index)?;
        let before = index.checked_sub(1).and_then(|before| document.sentences().get(before));
        let from = match before {
            Some(before) if is_heading_of(document, before, sentence) => before.first_token,
            Some(before) => before.end_token,
            None => 0,
        };
        let between = document.tokens().get(from as usize..sentence.first_token as usize)?;
        let (colon, earlier) = between.split_last()?;
        let earlier = if colon.is(document.text(), ':') { earlier } else { between };
        // Of headings one after another, the last is answered.
        let last = earlier.iter().rposition(|token| token.is(document.text(), ':')).map_or(0, |colon| colon + 1);
        let [first, ..] = earlier.get(last..)? else { return None };
        let heading = Sentence {
            span: first.span.cover(earlier.last()?.span),
            first_token: from + last as u32,
            end_token: from + earlier.len() as u32,
            section: sentence.section,
        };
        let named = self.recognizer.find(document, &heading, 0);
        let whole = Sentence { span: heading.span.cover(sentence.span), end_token: sentence.end_token, ..heading };
        named.iter().any(|fact| fact.kind == FactType::Behaviour).then_some(whole)
    }

    /// The facts of a sentence that answers a heading; what both name is what the sentence says of it.
    fn behind_heading(&self, document: &Document, headed: &Sentence, sentence: &Sentence, index: u32) -> Vec<Fact> {
        let is_own = |fact: &Fact| fact.span.start() >= sentence.span.start();
        let mut facts = self.asserted(document, headed, index);
        let own: Vec<_> = facts.iter().filter(|fact| is_own(fact)).map(|fact| fact.concept).collect();
        facts.retain(|fact| is_own(fact) || fact.kind == FactType::Behaviour && !own.contains(&fact.concept));
        facts
    }
}

/// Whether a sentence is the heading of the section of the next one.
fn is_heading_of(document: &Document, sentence: &Sentence, next: &Sentence) -> bool {
    document.section_of(next).is_some_and(|section| section.heading == sentence.span)
}

/// Why a fact of a note stands as it does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FactExplanation {
    /// The note, annotated as [`Pipeline::annotate`] does.
    pub note: AnnotatedNote,
    /// The fact that is explained, with its assertion.
    pub fact: Fact,
    /// The sentence that it was read in, with the heading that this answers where the heading names a behaviour.
    pub sentence: Sentence,
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
        let FactEngines { recognizer, context } = &self.inner.facts;
        let own = *note.document.sentences().get(fact.sentence as usize)?;
        let sentence = self.inner.facts.heading(&note.document, fact.sentence as usize).unwrap_or(own);
        let found = recognizer.find(&note.document, &sentence, fact.sentence);
        let index = found.iter().position(is_it)?;
        let trace = context.trace_fact(&note.document, &sentence, &found, index)?;
        Some(FactExplanation { fact, sentence, trace, note })
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
