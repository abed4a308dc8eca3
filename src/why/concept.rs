//! The entry of the lexicon that a mention or a fact is linked to.

use serde::Serialize;

use super::tables::{self, TableRow};
use crate::fact::FactType;
use crate::pipeline::{Explanation, FactExplanation, Pipeline, Resources};

/// An entry of the lexicon, or of the tables of facts.
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

impl ConceptTold {
    /// The concept of a mention.
    pub(super) fn of_mention(
        explanation: &Explanation,
        pipeline: &Pipeline,
        resources: &Resources,
    ) -> Option<ConceptTold> {
        let mention = &explanation.annotation.mention;
        let concept = pipeline.concept(mention)?;
        let row = tables::concept_row(resources, concept.id);
        let form = explanation.form.map(|span| span.of(explanation.note.document.text()).to_owned());
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

    /// The concept of a fact. Ages and sexes are read by their words, so no form is told of them.
    pub(super) fn of_fact(
        explanation: &FactExplanation,
        pipeline: &Pipeline,
        resources: &Resources,
    ) -> Option<ConceptTold> {
        let fact = &explanation.fact;
        let concept = pipeline.fact_concept(fact)?;
        let row = tables::fact_row(resources, concept.id);
        let is_named = fact.kind != FactType::Demographic;
        let form = is_named.then(|| fact.span.of(explanation.note.document.text()).to_owned());
        let listed_form = row.as_ref().zip(form.as_deref()).and_then(|(row, form)| tables::listed_form(row, form));
        Some(ConceptTold {
            id: concept.id.to_owned(),
            name: concept.name.to_owned(),
            kind: concept.kind.name(),
            icd10cm: None,
            codes: concept.codes.map(str::to_owned),
            link: None,
            link_score: None,
            form,
            listed_form,
            row,
        })
    }
}
