//! Why a row of a run says what it says: the note is read and annotated again, as the run was configured, and the decision
//! is told with the rows of the tables that made it.

mod compare;
mod report;
mod tables;
mod tell;

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::mention::MentionType;
use crate::past_run::{PastRun, Row};
use crate::pipeline::{Pipeline, Resources};
use crate::write::code_points::CodePoints;
use crate::{Document, Error, Result, Span};

pub use crate::past_run::{FoundIn, NoteSource};
pub use compare::{ColumnDifference, MadeWith};
pub use tables::TableRow;
pub use tell::{AxesTold, AxisDecision, ConceptTold, CueTold, ModelTold, ScopeTold};

/// Why a row of `mentions` says what it says. Its JSON form is this structure; places are code points of the note's text.
///
/// It holds words of the note, for the person who asks.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The row, by column.
    pub mention: Map<String, Value>,
    /// Where the note stood in the input: `input`, `record`, `line`, `byte_start`, `byte_end`, `text_hash`.
    pub note: Map<String, Value>,
    /// Where its text was read.
    pub read_from: FoundIn,
    /// The sentence of the mention.
    pub sentence: SentenceTold,
    /// What was decided on each axis, and by what; empty where this program does not find the mention.
    pub decisions: Vec<AxisDecision>,
    /// Cues of the sentence that decide nothing of this mention, and why not.
    pub other_cues: Vec<CueTold>,
    /// What the model makes of the mention.
    pub model: Option<ModelTold>,
    /// The entry of the lexicon.
    pub concept: Option<ConceptTold>,
    /// What the run was made with, beside this program.
    pub made_with: Vec<MadeWith>,
    /// Whether this program gives the same row.
    pub same_row: bool,
    /// Where it does not: the columns that differ.
    pub differences: Vec<ColumnDifference>,
}

/// A sentence, with the section it stands in.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct SentenceTold {
    /// Its place among the note's sentences.
    pub index: usize,
    /// First code point.
    pub start: u32,
    /// One past the last code point.
    pub end: u32,
    /// Its words.
    pub text: String,
    /// The kind of its section.
    pub section: Option<String>,
    /// The words of the section's heading.
    pub heading: Option<String>,
}

/// Explains a row of the mentions of a run.
///
/// # Errors
/// The run, the mention, the note's text, or a table of the configuration is not to be found; the text has changed.
pub fn why(run: &Path, mention_id: &str, source: &NoteSource) -> Result<Why> {
    let run = PastRun::open(run)?;
    let row = run.mention(mention_id)?;
    let note_row = run.note(row.text("note_id").unwrap_or_default())?;
    let (note, read_from) = run.read_note(&note_row, source)?;
    let resources = Resources::load(&run.config()?)?;
    let pipeline = Pipeline::new(&resources)?;
    let (place, kind) = identity(&run, &row, &note.text)?;
    let document = pipeline.segment(note.clone());
    let explanation = pipeline.explain(note, place, kind);
    let points = CodePoints::of(document.text());
    let (mut decisions, mut other_cues, mut model, mut concept) = (Vec::new(), Vec::new(), None, None);
    let differences = match &explanation {
        Some(explanation) => {
            let teller = tell::Teller { explanation, pipeline: &pipeline, resources: &resources, points: &points };
            decisions = teller.decisions();
            other_cues = teller.other_cues();
            model = teller.model();
            concept = teller.concept();
            compare::differences(&row, explanation, &pipeline)?
        }
        None => vec![ColumnDifference::of_missing_row(mention_id)],
    };
    Ok(Why {
        mention: values(&row),
        note: values(&note_row).into_iter().filter(|(column, _)| PLACE.contains(&column.as_str())).collect(),
        read_from,
        sentence: sentence_of(&document, place, &pipeline, &points),
        decisions,
        other_cues,
        model,
        concept,
        made_with: compare::made_with(run.description(), &resources, &pipeline),
        same_row: differences.is_empty(),
        differences,
    })
}

/// Columns of `notes` that tell where a note stood.
const PLACE: [&str; 6] = ["input", "record", "line", "byte_start", "byte_end", "text_hash"];

/// What makes the mention: its place and its type.
fn identity(run: &PastRun, row: &Row, text: &str) -> Result<(Span, MentionType)> {
    let byte = |column: &str| row.number(column).and_then(|byte| usize::try_from(byte).ok());
    let place = byte("start_byte").zip(byte("end_byte")).and_then(|(start, end)| Span::new(text, start..end));
    let kind = row.text("type").and_then(MentionType::from_name);
    place.zip(kind).ok_or_else(|| {
        let id = row.text("mention_id").unwrap_or_default();
        let problem = format!("mention {id:?}: expected a type and a place within the note's text");
        Error::input(run.folder(), problem)
    })
}

fn sentence_of(document: &Document, place: Span, pipeline: &Pipeline, points: &CodePoints<'_>) -> SentenceTold {
    let index = document.sentences().partition_point(|sentence| sentence.span.end() <= place.start());
    let sentence = document.sentences().get(index);
    let section = sentence.and_then(|sentence| document.section_of(sentence));
    let span = sentence.map_or(place, |sentence| sentence.span);
    SentenceTold {
        index,
        start: points.before(span.start()),
        end: points.before(span.end()),
        text: span.of(document.text()).to_owned(),
        section: section.map(|section| pipeline.section_name(section.kind).to_owned()),
        heading: section.map(|section| section.heading.of(document.text()).to_owned()),
    }
}

/// A row as JSON.
fn values(row: &Row) -> Map<String, Value> {
    row.columns().into_iter().map(|column| (column.clone(), row.value(&column))).collect()
}
