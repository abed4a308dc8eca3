//! A row that was made again, whatever its table: found by what identifies it, and told.

use super::concept::ConceptTold;
use super::model::ModelTold;
use super::tables::{self, TableRow};
use super::tell::{AxisDecision, CueTold, Teller};
use super::value::ReadingTold;
use crate::annotation::AnnotatedNote;
use crate::assertion::RuleIndex;
use crate::document::{Document, Sentence};
use crate::mention::MentionType;
use crate::past_run::{Row, StatementTable};
use crate::pipeline::{Explanation, FactExplanation, MeasurementExplanation, Pipeline, Resources};
use crate::write::code_points::CodePoints;
use crate::write::{facts, measurements, mentions};
use crate::{Note, Result, Span};

/// What identifies a row within its note, besides its place.
pub(super) enum Identity {
    Mention(MentionType),
    /// The name of a measurement.
    Measurement(String),
    /// The concept of a fact.
    Fact(String),
}

impl Identity {
    /// Of a row of a table; `None` where a column is not as `annotate` writes it.
    pub fn of(table: StatementTable, row: &Row) -> Option<Identity> {
        let owned = |column: &str| row.text(column).map(str::to_owned);
        match table {
            StatementTable::Mentions => row.text("type").and_then(MentionType::from_name).map(Identity::Mention),
            StatementTable::Measurements => owned("name").map(Identity::Measurement),
            StatementTable::Facts => owned("concept_id").map(Identity::Fact),
        }
    }

    /// What this program makes of it.
    pub fn explain(&self, pipeline: &Pipeline, note: Note, place: Span) -> Option<Explained> {
        match self {
            Identity::Mention(kind) => pipeline.explain(note, place, *kind).map(Explained::Mention),
            Identity::Measurement(name) => pipeline.explain_measurement(note, place, name).map(Explained::Measurement),
            Identity::Fact(concept) => pipeline.explain_fact(note, place, concept).map(Explained::Fact),
        }
    }
}

/// A row that was made again.
pub(super) enum Explained {
    Mention(Explanation),
    Measurement(MeasurementExplanation),
    Fact(FactExplanation),
}

/// What is told of it.
#[derive(Default)]
pub(super) struct Told {
    pub decisions: Vec<AxisDecision>,
    pub other_cues: Vec<CueTold>,
    pub model: Option<ModelTold>,
    pub concept: Option<ConceptTold>,
    pub reading: Option<ReadingTold>,
}

impl Explained {
    pub fn tell(&self, pipeline: &Pipeline, resources: &Resources) -> Told {
        let document = self.document();
        let points = CodePoints::of(document.text());
        let rule_name = |rule: RuleIndex| pipeline.rule_name(rule);
        let fact_rule_name = |rule: RuleIndex| pipeline.fact_rule_name(rule);
        let row = |rule: RuleIndex| tables::rule_row(resources, rule_name(rule), rule.0 as usize);
        let fact_row = |rule: RuleIndex| tables::fact_rule_row(resources, fact_rule_name(rule), rule.0 as usize);
        let teller = |trace, given| Teller {
            text: document.text(),
            points: &points,
            trace,
            given,
            corrections: &[],
            what: "mention",
            overruled_by: "the model",
            names: &rule_name,
            rows: &row as &dyn Fn(RuleIndex) -> Option<TableRow>,
        };
        let told = |teller: Teller<'_>| Told {
            decisions: teller.decisions(),
            other_cues: teller.other_cues(),
            ..Told::default()
        };
        match self {
            Explained::Mention(own) => Told {
                model: ModelTold::of(own),
                concept: ConceptTold::of_mention(own, pipeline, resources),
                ..told(teller(&own.trace, &own.trace.assertion))
            },
            Explained::Measurement(own) => {
                let teller = teller(&own.trace, &own.measurement.assertion);
                Told {
                    reading: ReadingTold::of(own, pipeline, resources, &points),
                    ..told(Teller { what: "value", corrections: &own.corrections, ..teller })
                }
            }
            Explained::Fact(own) => {
                let teller = teller(&own.trace, &own.fact.assertion);
                let of_fact =
                    Teller { overruled_by: "what its words say", names: &fact_rule_name, rows: &fact_row, ..teller };
                Told { concept: ConceptTold::of_fact(own, pipeline, resources), ..told(of_fact) }
            }
        }
    }

    /// The sentence that it was read in, where that is more than the sentence at its place.
    pub fn sentence(&self) -> Option<Sentence> {
        match self {
            Explained::Mention(_) | Explained::Measurement(_) => None,
            Explained::Fact(own) => Some(own.sentence),
        }
    }

    fn document(&self) -> &Document {
        match self {
            Explained::Mention(own) => &own.note.document,
            Explained::Measurement(own) => &own.note.document,
            Explained::Fact(own) => &own.note.document,
        }
    }

    /// The row of the table that this program writes.
    ///
    /// # Errors
    /// A fault of the program.
    pub fn into_row(self, pipeline: &Pipeline) -> Result<Row> {
        let bare = |document: Document| AnnotatedNote {
            document,
            annotations: Vec::new(),
            measurements: Vec::new(),
            facts: Vec::new(),
        };
        let batch = match self {
            Explained::Mention(own) => {
                let note = AnnotatedNote { annotations: vec![own.annotation], ..bare(own.note.document) };
                let mut rows = mentions::MentionRows::default();
                rows.push(&note, pipeline);
                rows.finish(mentions::schema())?
            }
            Explained::Measurement(own) => {
                let note = AnnotatedNote { measurements: vec![own.measurement], ..bare(own.note.document) };
                let mut rows = measurements::MeasurementRows::default();
                rows.push(&note, pipeline);
                rows.finish(measurements::schema())?
            }
            Explained::Fact(own) => {
                let note = AnnotatedNote { facts: vec![own.fact], ..bare(own.note.document) };
                let mut rows = facts::FactRows::default();
                rows.push(&note, pipeline);
                rows.finish(facts::schema())?
            }
        };
        Ok(Row::first(batch))
    }
}
