//! Evaluation: agreement of predicted mentions with a gold standard.
//!
//! Mentions are paired one to one within a note: equal spans first (equal type preferred), then overlapping ones, longest
//! overlap first. [`Tally`] counts over the pairs.

mod errors;
mod load;
mod report;
mod tally;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Result;
use crate::note::Note;
use crate::pairs::{Place, pairs};
use crate::pipeline::Pipeline;

use errors::Errors;
use load::{MarkedMention, MarkedNote};
pub use tally::Tally;

/// What is compared with the gold standard.
#[derive(Clone, Debug)]
pub enum Predicted {
    /// The output folder of `annotate`, or a file in the form of the gold standard.
    From(PathBuf),
    /// Nothing: the pipeline's assertion is judged on the spans of the gold standard itself.
    GoldSpans,
}

/// Names of the axes as output has them.
const VALUE_AXES: [&str; 3] = ["presence", "temporality", "experiencer"];

/// Names of the assertion axes, as the gold standard has them.
pub(crate) const AXES: [&str; 5] = ["negated", "possible", "historical", "hypothetical", "other_experiencer"];

/// Counts by what gold says and by what the prediction says.
pub type Matrix = BTreeMap<String, BTreeMap<String, u64>>;

/// Agreement with a gold standard. Its JSON form is this structure.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// Over all notes.
    pub all: Tally,
    /// By type: a mention counts as found where its type is right too.
    pub by_type: BTreeMap<String, Tally>,
    /// By section of the mention.
    pub by_section: BTreeMap<String, Tally>,
    /// By note type (`note_type` or `category` of the gold note).
    pub by_note_type: BTreeMap<String, Tally>,
    /// How often pairs have an assertion in gold and in the prediction.
    pub confusion: Matrix,
    /// The same for each of `presence`, `temporality`, `experiencer` (`patient` or `other`).
    pub axis_confusion: BTreeMap<&'static str, Matrix>,
    /// The pairs that each combination of rules decided, where the prediction names rules.
    pub by_rule: BTreeMap<String, RuleTally>,
    /// Notes of the gold standard that the prediction lacks; they count as without mentions.
    pub missing_notes: u64,
    /// Disagreements of each kind.
    pub error_counts: BTreeMap<&'static str, u64>,
    /// The worst disagreements, at most as many of each kind as asked for: by kind, those first whose like comes most often,
    /// then in the order of the notes. They hold words of the notes.
    pub errors: Vec<Disagreement>,
}

/// What became of the assertions that a rule decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RuleTally {
    /// Pairs that it decided.
    pub pairs: u64,
    /// Of these, with an axis wrong.
    pub wrong: u64,
}

/// A mention on which gold and prediction disagree.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct Disagreement {
    /// The note.
    pub note_id: String,
    /// First code point of the mention.
    pub start: u32,
    /// `assertion`, `missed`, `spurious`, `type`, `code` or `span`.
    pub kind: &'static str,
    /// What gold says.
    pub gold: String,
    /// What the prediction says.
    pub predicted: String,
    /// The rules that decided the assertion, where the prediction names them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// Disagreements of this kind on the same words, between the same values.
    pub times: u64,
    /// The mention in `[ ]`, with words around it.
    pub context: String,
}

/// Compares a prediction with the gold standard in a file; keeps at most `n_errors` disagreements of each kind.
///
/// # Errors
/// A file that cannot be read, or is not in the form that is expected.
pub fn evaluate(gold: &std::path::Path, predicted: &Predicted, n_errors: usize) -> Result<Evaluation> {
    let mut gold = load::gold(gold)?;
    let (pipeline, predicted) = match predicted {
        Predicted::From(path) => (Pipeline::without_model(), load::predicted(path)?),
        Predicted::GoldSpans => {
            // Only assertion is judged.
            gold.iter_mut().flat_map(|note| &mut note.mentions).for_each(|mention| mention.code.clear());
            let pipeline = Pipeline::embedded();
            let notes = gold.iter().map(|note| (note.id.clone(), on_gold_spans(&pipeline, note)));
            let notes = notes.collect();
            (pipeline, notes)
        }
    };
    let mut evaluation = Evaluation::default();
    let mut errors = Errors::new(n_errors);
    for note in &gold {
        let own = predicted.get(&note.id);
        evaluation.missing_notes += u64::from(own.is_none());
        evaluation.add(note, own.map_or(&[], Vec::as_slice), &pipeline, &mut errors);
    }
    (evaluation.error_counts, evaluation.errors) = errors.worst();
    Ok(evaluation)
}

/// The gold mentions of a note with the pipeline's assertion in place of their own.
fn on_gold_spans(pipeline: &Pipeline, note: &MarkedNote) -> Vec<MarkedMention> {
    let places = note.byte_spans();
    let known = note.mentions.iter().zip(&places).filter_map(|(mention, &span)| Some((span, mention.mention_type()?)));
    let assertions = pipeline.assert_spans(Note::new(note.id.clone(), note.text.clone()), &known.collect::<Vec<_>>());
    let mut asserted = assertions.into_iter();
    let mentions = note.mentions.iter().map(|mention| {
        let mut predicted = mention.clone();
        if mention.mention_type().is_some() {
            let assertion = asserted.next().unwrap_or_default();
            predicted.axes = assertion.departures();
            let rules: Vec<&str> = assertion.evidence().map(|by| pipeline.rule_name(by.rule)).collect();
            predicted.rule = rules.join(";");
        }
        predicted
    });
    mentions.collect()
}

fn places(mentions: &[MarkedMention]) -> Vec<Place<'_>> {
    mentions.iter().map(|mention| Place { start: mention.start, end: mention.end, kind: &mention.kind }).collect()
}

impl Evaluation {
    fn add(&mut self, gold: &MarkedNote, predicted: &[MarkedMention], pipeline: &Pipeline, errors: &mut Errors) {
        let document = pipeline.segment(Note::new(gold.id.clone(), gold.text.clone()));
        let bytes = gold.byte_offsets();
        let section = |mention: &MarkedMention| {
            let start = bytes.get(mention.start as usize).copied().unwrap_or(usize::MAX);
            let sentences = document.sentences();
            let sentence = sentences.get(sentences.partition_point(|sentence| sentence.span.end() <= start));
            let section = sentence.and_then(|sentence| document.section_of(sentence));
            section.map_or("none", |section| pipeline.section_name(section.kind)).to_owned()
        };
        let note_type = gold.note_type.clone().unwrap_or_else(|| "none".to_owned());
        // A mention counts in the section of the other one where it has one, so that no group finds more than it holds.
        let mut count = |place: &MarkedMention, tell: &dyn Fn(&mut Tally)| {
            tell(&mut self.all);
            tell(self.by_section.entry(section(place)).or_default());
            tell(self.by_note_type.entry(note_type.clone()).or_default());
        };
        let mut partner_of_gold = vec![None; gold.mentions.len()];
        let mut partner_of_predicted = vec![None; predicted.len()];
        for pair in pairs(&places(&gold.mentions), &places(predicted)) {
            partner_of_gold[pair.own] = Some((&predicted[pair.other], pair.is_exact));
            partner_of_predicted[pair.other] = Some(&gold.mentions[pair.own]);
        }
        for (mention, partner) in predicted.iter().zip(&partner_of_predicted) {
            count(partner.unwrap_or(mention), &|tally| tally.pred += 1);
            self.by_type.entry(mention.kind.clone()).or_default().pred += 1;
            if partner.is_none() {
                errors.push(gold, mention, "spurious", (String::new(), mention.kind.clone()), "");
            }
        }
        for (mention, partner) in gold.mentions.iter().zip(&partner_of_gold) {
            count(mention, &|tally| tally.gold += 1);
            let of_type = self.by_type.entry(mention.kind.clone()).or_default();
            of_type.gold += 1;
            let Some((other, is_exact)) = *partner else {
                errors.push(gold, mention, "missed", (mention.kind.clone(), String::new()), "");
                continue;
            };
            count(mention, &|tally| tally.add(mention, other, is_exact));
            if mention.kind == other.kind {
                of_type.add(mention, other, is_exact);
            }
            *self.confusion.entry(mention.assertion()).or_default().entry(other.assertion()).or_default() += 1;
            for ((axis, told), read) in VALUE_AXES.into_iter().zip(mention.values()).zip(other.values()) {
                let matrix = self.axis_confusion.entry(axis).or_default();
                *matrix.entry(told.to_owned()).or_default().entry(read.to_owned()).or_default() += 1;
            }
            if !other.rule.is_empty() {
                let tally = self.by_rule.entry(other.rule.clone()).or_default();
                tally.pairs += 1;
                tally.wrong += u64::from(mention.axes != other.axes);
            }
            errors.push_pair(gold, mention, other, is_exact);
        }
    }
}
