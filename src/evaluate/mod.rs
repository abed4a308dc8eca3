//! Evaluation: agreement of predicted mentions with a gold standard.
//!
//! Mentions are paired one to one within a note: equal spans first (equal type preferred), then overlapping ones, longest
//! overlap first. [`Tally`] counts over the pairs.

mod load;
mod report;
mod tally;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::Result;
use crate::note::Note;
use crate::pairs::{Place, pairs};
use crate::pipeline::Pipeline;

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

/// Names of the assertion axes, as the gold standard has them.
pub(crate) const AXES: [&str; 5] = ["negated", "possible", "historical", "hypothetical", "other_experiencer"];

/// Agreement with a gold standard. Its JSON form is this structure.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// Over all notes.
    pub all: Tally,
    /// By type of the mention.
    pub by_type: BTreeMap<String, Tally>,
    /// By section of the mention.
    pub by_section: BTreeMap<String, Tally>,
    /// By note type (`note_type` or `category` of the gold note).
    pub by_note_type: BTreeMap<String, Tally>,
    /// How often pairs have an assertion in gold and in the prediction.
    pub confusion: BTreeMap<String, BTreeMap<String, u64>>,
    /// Notes of the gold standard that the prediction lacks; they count as without mentions.
    pub missing_notes: u64,
    /// Disagreements, at most as many as asked for, in the order of the notes. They hold words of the notes.
    pub errors: Vec<Disagreement>,
}

/// A mention on which gold and prediction disagree.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct Disagreement {
    /// The note.
    pub note_id: String,
    /// First code point of the mention.
    pub start: u32,
    /// `missed`, `spurious`, `span`, `type`, `assertion` or `code`.
    pub kind: &'static str,
    /// What gold says.
    pub gold: String,
    /// What the prediction says.
    pub predicted: String,
    /// The mention in `[ ]`, with words around it.
    pub context: String,
}

/// Compares a prediction with the gold standard in a file; keeps at most `n_errors` disagreements.
///
/// # Errors
/// A file that cannot be read, or is not in the form that is expected.
pub fn evaluate(gold: &std::path::Path, predicted: &Predicted, n_errors: usize) -> Result<Evaluation> {
    let gold = load::gold(gold)?;
    let (pipeline, predicted) = match predicted {
        Predicted::From(path) => (Pipeline::without_model(), load::predicted(path)?),
        Predicted::GoldSpans => {
            let pipeline = Pipeline::embedded();
            let notes = gold.iter().map(|note| (note.id.clone(), on_gold_spans(&pipeline, note)));
            let notes = notes.collect();
            (pipeline, notes)
        }
    };
    let mut evaluation = Evaluation::default();
    for note in &gold {
        let own = predicted.get(&note.id);
        evaluation.missing_notes += u64::from(own.is_none());
        evaluation.add(note, own.map_or(&[], Vec::as_slice), &pipeline, n_errors);
    }
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
        predicted.code.clear();
        if mention.mention_type().is_some() {
            predicted.axes = asserted.next().map(|assertion| load::axes_of(&assertion)).unwrap_or_default();
        }
        predicted
    });
    mentions.collect()
}

fn places(mentions: &[MarkedMention]) -> Vec<Place<'_>> {
    mentions.iter().map(|mention| Place { start: mention.start, end: mention.end, kind: &mention.kind }).collect()
}

impl Evaluation {
    fn add(&mut self, gold: &MarkedNote, predicted: &[MarkedMention], pipeline: &Pipeline, n_errors: usize) {
        let document = pipeline.segment(Note::new(gold.id.clone(), gold.text.clone()));
        let bytes = gold.byte_offsets();
        let section = |mention: &MarkedMention| {
            let start = bytes.get(mention.start as usize).copied().unwrap_or(usize::MAX);
            let sentence = document.sentences().iter().find(|sentence| sentence.span.end() > start);
            let section = sentence.and_then(|sentence| document.section_of(sentence));
            section.map_or("none", |section| pipeline.section_name(section.kind)).to_owned()
        };
        let note_type = gold.note_type.clone().unwrap_or_else(|| "none".to_owned());
        let mut gold_free = vec![true; gold.mentions.len()];
        let mut predicted_free = vec![true; predicted.len()];
        let mut count = |mention: &MarkedMention, tell: &dyn Fn(&mut Tally)| {
            tell(&mut self.all);
            tell(self.by_type.entry(mention.kind.clone()).or_default());
            tell(self.by_section.entry(section(mention)).or_default());
            tell(self.by_note_type.entry(note_type.clone()).or_default());
        };
        for mention in &gold.mentions {
            count(mention, &|tally| tally.gold += 1);
        }
        for mention in predicted {
            count(mention, &|tally| tally.pred += 1);
        }
        let mut errors = Vec::new();
        for pair in pairs(&places(&gold.mentions), &places(predicted)) {
            let (own, other) = (&gold.mentions[pair.own], &predicted[pair.other]);
            gold_free[pair.own] = false;
            predicted_free[pair.other] = false;
            count(own, &|tally| tally.add(own, other, pair.is_exact));
            let (told, read) = (own.assertion(), other.assertion());
            *self.confusion.entry(told.clone()).or_default().entry(read.clone()).or_default() += 1;
            let mut differs = |kind, gold: &str, predicted: &str| {
                errors.push((own, kind, gold.to_owned(), predicted.to_owned()));
            };
            if !pair.is_exact {
                differs("span", &gold.words(own), &gold.words(other));
            }
            if own.kind != other.kind {
                differs("type", &own.kind, &other.kind);
            }
            if told != read {
                differs("assertion", &told, &read);
            }
            if own.code != other.code {
                differs("code", &own.code, &other.code);
            }
        }
        let missed = gold.mentions.iter().zip(&gold_free).filter(|(_, free)| **free);
        errors.extend(missed.map(|(mention, _)| (mention, "missed", mention.kind.clone(), String::new())));
        let spurious = predicted.iter().zip(&predicted_free).filter(|(_, free)| **free);
        errors.extend(spurious.map(|(mention, _)| (mention, "spurious", String::new(), mention.kind.clone())));
        errors.sort_by_key(|(mention, kind, ..)| (mention.start, *kind));
        let room = n_errors.saturating_sub(self.errors.len());
        self.errors.extend(errors.into_iter().take(room).map(|(mention, kind, told, read)| Disagreement {
            note_id: gold.id.clone(),
            start: mention.start,
            kind,
            gold: told,
            predicted: read,
            context: gold.context(mention),
        }));
    }
}
