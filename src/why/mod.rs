//! Why a row of a run says what it says: the note is read and annotated again, as the run was configured, and the decision
//! is told with the rows of the tables that made it.

mod compare;
mod concept;
mod explained;
mod model;
mod report;
mod tables;
mod tell;
mod value;
mod warning;

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::past_run::{PastRun, Row, StatementTable};
use crate::pipeline::{Pipeline, Resources};
use crate::write::code_points::CodePoints;
use crate::{Document, Error, Result, Sentence, Span};

pub use crate::past_run::{FoundIn, NoteSource};
pub use compare::{ColumnDifference, MadeWith};
pub use concept::ConceptTold;
use explained::{Explained, Identity, Told};
pub use model::{AxesTold, ModelTold};
pub use tables::TableRow;
pub use tell::{AxisDecision, CueTold, ScopeTold};
pub use value::{ReadingTold, UnitTold};
pub use warning::{
    EvidenceTold, InputTold, MissingTold, ScoreTold, TextState, WarningId, WhyWarning, WhyWarningOptions, why_warning,
};

/// Why a row of `mentions`, `measurements` or `facts` says what it says. Its JSON form is this structure, with the row as
/// `mention`, `measurement` or `fact`; places are code points of the note's text.
///
/// It holds words of the note, for the person who asks.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The row, by column.
    #[serde(flatten)]
    pub row: RowTold,
    /// Where the note stood in the input: `input`, `record`, `line`, `byte_start`, `byte_end`, `text_hash`.
    pub note: Map<String, Value>,
    /// Where its text was read.
    pub read_from: FoundIn,
    /// The sentence of the row.
    pub sentence: SentenceTold,
    /// What was decided on each axis, and by what; empty where this program does not make the row.
    pub decisions: Vec<AxisDecision>,
    /// Cues of the sentence (of a value, of its clause) that decide nothing of this row, and why not.
    pub other_cues: Vec<CueTold>,
    /// What the model makes of the mention.
    pub model: Option<ModelTold>,
    /// The entry of the lexicon, or of the tables of facts.
    pub concept: Option<ConceptTold>,
    /// How a value was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<ReadingTold>,
    /// What the run was made with, beside this program.
    pub made_with: Vec<MadeWith>,
    /// Whether this program gives the same row.
    pub same_row: bool,
    /// Where it does not: the columns that differ.
    pub differences: Vec<ColumnDifference>,
}

/// A row of a table, by column.
#[derive(Clone, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RowTold {
    /// Of `mentions`.
    Mention(Map<String, Value>),
    /// Of `measurements`.
    Measurement(Map<String, Value>),
    /// Of `facts`.
    Fact(Map<String, Value>),
}

impl RowTold {
    /// Its columns.
    pub fn cells(&self) -> &Map<String, Value> {
        let (RowTold::Mention(cells) | RowTold::Measurement(cells) | RowTold::Fact(cells)) = self;
        cells
    }

    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            RowTold::Mention(_) => "mention",
            RowTold::Measurement(_) => "measurement",
            RowTold::Fact(_) => "fact",
        }
    }
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

/// Explains a row of the mentions, the measurements or the facts of a run, by its identifier.
///
/// # Errors
/// The run, the row, the note's text, or a table of the configuration is not to be found; the text has changed.
pub fn why(run: &Path, id: &str, source: &NoteSource) -> Result<Why> {
    let run = PastRun::open(run)?;
    let (table, row) = run.statement(id)?;
    let note_row = run.note(row.text("note_id").unwrap_or_default())?;
    let (note, read_from) = run.read_note(&note_row, source)?;
    let resources = Resources::load(&run.config()?)?;
    let pipeline = Pipeline::new(&resources)?;
    let identity = Identity::of(table, &row);
    let (place, identity) = place_of(&row, &note.text).zip(identity).ok_or_else(|| {
        let problem =
            format!("{} row {id:?}: expected a type or name, and a place within the note's text", table.name());
        Error::input(run.folder(), problem)
    })?;
    let document = pipeline.segment(note.clone());
    let points = CodePoints::of(document.text());
    let explained = identity.explain(&pipeline, note, place);
    let read_in = explained.as_ref().and_then(Explained::sentence);
    let Told { decisions, other_cues, model, concept, reading } =
        explained.as_ref().map(|explained| explained.tell(&pipeline, &resources)).unwrap_or_default();
    let differences = match explained {
        Some(explained) => compare::differences(&row, &explained.into_row(&pipeline)?),
        None => vec![ColumnDifference::of_missing_row(table.id_column(), id)],
    };
    let cells = values(&row);
    Ok(Why {
        row: match table {
            StatementTable::Mentions => RowTold::Mention(cells),
            StatementTable::Measurements => RowTold::Measurement(cells),
            StatementTable::Facts => RowTold::Fact(cells),
        },
        note: values(&note_row).into_iter().filter(|(column, _)| PLACE.contains(&column.as_str())).collect(),
        read_from,
        sentence: sentence_of(&document, place, read_in, &pipeline, &points),
        decisions,
        other_cues,
        model,
        concept,
        reading,
        made_with: compare::made_with(run.description(), &resources, &pipeline),
        same_row: differences.is_empty(),
        differences,
    })
}

/// Columns of `notes` that tell where a note stood.
const PLACE: [&str; 6] = ["input", "record", "line", "byte_start", "byte_end", "text_hash"];

/// The place of a row in its note.
fn place_of(row: &Row, text: &str) -> Option<Span> {
    let byte = |column: &str| row.number(column).and_then(|byte| usize::try_from(byte).ok());
    Span::new(text, byte("start_byte")?..byte("end_byte")?)
}

/// The sentence of a row: the one that it was read in, or the one at its place.
fn sentence_of(
    document: &Document,
    place: Span,
    read_in: Option<Sentence>,
    pipeline: &Pipeline,
    points: &CodePoints<'_>,
) -> SentenceTold {
    let index = document.sentences().partition_point(|sentence| sentence.span.end() <= place.start());
    let sentence = read_in.as_ref().or_else(|| document.sentences().get(index));
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
