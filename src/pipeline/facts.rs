//! The facts of a note: found by their tables, asserted by ConText with the cues and priors of facts.

use super::Pipeline;
use crate::assertion::RuleIndex;
use crate::context::ConText;
use crate::document::Document;
use crate::fact::{Fact, FactConcept};
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
