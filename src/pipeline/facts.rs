//! The facts of a note: found by their tables, asserted by ConText with the cues and priors of facts. A heading that names a
//! behaviour is read with the sentence that answers it.

use super::Pipeline;
use crate::Span;
use crate::assertion::RuleIndex;
use crate::context::ConText;
use crate::document::{Document, Sentence};
use crate::fact::{Fact, FactConcept, FactType};
use crate::facts::FactRecognizer;

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
        let mut before = None;
        for (sentence, index) in document.sentences().iter().zip(0..) {
            let mut facts = match self.heading(document, before, sentence) {
                Some(headed) => {
                    // A heading that is a sentence too was read by itself.
                    all.truncate(all.partition_point(|fact| fact.span.start() < headed.span.start()));
                    self.behind_heading(document, &headed, sentence, index)
                }
                None => self.asserted(document, sentence, index),
            };
            all.append(&mut facts);
            before = Some(sentence);
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

    /// A sentence with the heading that it answers, where this names a behaviour: `Tobacco: none`.
    fn heading(&self, document: &Document, before: Option<&Sentence>, sentence: &Sentence) -> Option<Sentence> {
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
        let first_token = from + last as u32;
        let start = document.tokens().get(first_token as usize)?.span.start();
        let heading = Sentence {
            span: Span::between(start, earlier.last()?.span.end()),
            first_token,
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

impl Pipeline {
    /// The concept of a fact.
    pub fn fact_concept(&self, fact: &Fact) -> Option<FactConcept<'_>> {
        self.inner.facts.recognizer.concept(fact.concept)
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
