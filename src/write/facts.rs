//! The table `facts`: one row per statement of a procedure, drug, device, behaviour, state, age or sex.
//!
//! Its columns are those of `mentions`, then `value` and `unit`.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::mentions::{self, MentionRows, RowNote, RowValues};
use super::{Names, optional_text};
use crate::annotation::AnnotatedNote;
use crate::mention::{Link, LinkKind, MentionSource};
use crate::{Error, Result};

/// The schema of `facts`.
pub(crate) fn schema() -> SchemaRef {
    let mut fields = mentions::fields();
    fields.extend([Field::new("value", DataType::Float64, true), optional_text("unit")]);
    Arc::new(Schema::new(fields))
}

/// Collects rows of `facts`.
#[derive(Default)]
pub(crate) struct FactRows {
    shared: MentionRows,
    value: Float64Builder,
    unit: StringBuilder,
}

impl FactRows {
    /// Adds the facts of a note.
    pub fn push(&mut self, note: &AnnotatedNote, names: &impl Names) {
        let mut row_note = RowNote::of(&note.document);
        for fact in &note.facts {
            let concept = names.fact(fact);
            let values = RowValues {
                span: fact.span,
                sentence: fact.sentence,
                kind: fact.kind.name(),
                identity: concept.map_or(fact.kind.name(), |concept| concept.id),
                source: MentionSource::Lexicon.name(),
                score: None,
                assertion: fact.assertion,
                rules: fact.assertion.evidence().map(|evidence| names.fact_rule(evidence.rule)).collect(),
                concept_id: concept.map(|concept| concept.id),
                concept_name: concept.map(|concept| concept.name),
                icd10cm: None,
                codes: concept.and_then(|concept| concept.codes),
                link: Some(Link { kind: LinkKind::Exact, score: 1.0, code: None }),
            };
            self.shared.push_row(&mut row_note, &values, names);
            self.value.append_option(fact.amount.map(|amount| amount.value));
            self.unit.append_option(fact.amount.map(|amount| amount.unit.ucum()));
        }
    }

    /// The rows collected, as a batch of [`schema`].
    pub fn finish(mut self, schema: SchemaRef) -> Result<RecordBatch> {
        let mut columns = self.shared.columns();
        columns.push(Arc::new(self.value.finish()));
        columns.push(Arc::new(self.unit.finish()));
        RecordBatch::try_new(schema, columns).map_err(|error| Error::internal(format!("rows of facts: {error}")))
    }
}
