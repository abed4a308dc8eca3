//! Why a warning says what it says: its inputs with their states and reasons, the rows and words that they rest on, and
//! whether all of that is still what it was.

mod evidence;
mod report;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MadeWith, NoteSource, values};
use crate::past_run::{PastRun, Row};
use crate::read::run_table::{self, Wanted};
use crate::read::time;
use crate::score::{Input, Score, Sources, Window};
use crate::warn::{MadeOf, TABLE, WARN_FILE, schema};
use crate::write::folder::RUN_FILE;
use crate::{Error, Result};

pub use evidence::{EvidenceTold, TextState};

/// Which warning: its columns `score`, `patient_id` and `time`, which no other row has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarningId {
    /// Identifier of the score.
    pub score: String,
    /// The patient.
    pub patient: String,
    /// The moment, in microseconds.
    time: i64,
}

impl WarningId {
    /// Reads `SCORE/PATIENT_ID/TIME`; `None` for what is none, such as the identifier of a row of a run.
    ///
    /// ```
    /// use noteward::WarningId;
    /// let id = WarningId::parse("news2/ward 3/12/2025-03-02T14:20:00").unwrap();
    /// assert_eq!((id.score.as_str(), id.patient.as_str()), ("news2", "ward 3/12"));
    /// assert!(WarningId::parse("a2fc21ddf0fc972eaa4b").is_none());
    /// ```
    pub fn parse(id: &str) -> Option<WarningId> {
        let (score, rest) = id.split_once('/')?;
        let (patient, stated) = rest.rsplit_once('/')?;
        let time = time::parse(stated)?.0;
        Some(WarningId { score: score.to_owned(), patient: patient.to_owned(), time })
    }
}

/// What a warning is explained with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WhyWarningOptions {
    /// Scores; the first of a name counts.
    pub scores: Vec<Score>,
    /// The run, where it is not the one that `warn.json` names.
    pub run: Option<PathBuf>,
    /// Where the texts of notes are looked for.
    pub notes: NoteSource,
}

impl WhyWarningOptions {
    /// With some scores, and the run and the notes that the warning was made of.
    pub fn new(scores: Vec<Score>) -> WhyWarningOptions {
        WhyWarningOptions { scores, run: None, notes: NoteSource::OfTheRun }
    }
}

/// Why a row of `warnings` says what it says. Its JSON form is this structure.
///
/// It holds words of notes, for the person who asks.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct WhyWarning {
    /// The row, by column, without its evidence.
    pub warning: Map<String, Value>,
    /// The score; `None` where its file is not at hand.
    pub score: Option<ScoreTold>,
    /// The inputs, in the order of the score.
    pub inputs: Vec<InputTold>,
    /// What is not known, and what would give it.
    pub missing: Vec<MissingTold>,
    /// The input that would decide the band, whatever it turned out to be.
    pub would_settle: Option<MissingTold>,
    /// What the warning was made with and of, beside what is there.
    pub made_with: Vec<MadeWith>,
    /// Whether all of it is as it was: texts, rows, score, run and files.
    pub as_it_was: bool,
}

/// A score, as its file states it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ScoreTold {
    /// Short name.
    pub name: String,
    /// Full name.
    pub title: String,
    /// What its value counts.
    pub unit: String,
    /// What a person calls the bands of the row, from the lower to the upper end.
    pub bands: [String; 2],
    /// The paper.
    pub citation: String,
    /// Year of the paper.
    pub year: Option<u16>,
    /// Its DOI.
    pub doi: Option<String>,
    /// What its licence allows.
    pub licence: String,
    /// What it is not for.
    pub not_for: String,
}

/// An input of a warning.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct InputTold {
    /// Its identifier within the score.
    pub input: String,
    /// What a person calls it, where the score's file is at hand.
    pub words: Option<String>,
    /// `present`, `absent`, `possible`, `number`, `level`, `unknown` or `assumed`.
    pub state: String,
    /// Why it is not known, or not for sure.
    pub reason: Option<String>,
    /// Its number, its interval or its level.
    pub value: Option<Value>,
    /// The least that it adds.
    pub points_min: f64,
    /// The most that it adds.
    pub points_max: f64,
    /// What it rests on; nothing, where nothing was stated.
    pub evidence: Vec<EvidenceTold>,
}

/// An input that is not known.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MissingTold {
    /// Its identifier within the score.
    pub input: String,
    /// What a person calls it.
    pub words: Option<String>,
    /// What would give it: names of measurements, concepts and facts, codes, columns of files.
    pub given_by: Vec<String>,
    /// Hours for which a statement holds; `None` for good.
    pub window_hours: Option<u32>,
    /// Why notes cannot give it, or seldom do.
    pub trap: Option<String>,
}

/// What `warn.json` says.
#[derive(Deserialize)]
struct PastWarn {
    version: String,
    run: MadeOf,
    /// The scores come first.
    made_of: Vec<MadeOf>,
    scores: Vec<Value>,
}

/// Explains a row of the warnings of a folder.
///
/// # Errors
/// The folder, the row or the run is not to be found, or a table cannot be read. A note, a row or a file that has changed is
/// told, and no error.
pub fn why_warning(folder: &Path, id: &WarningId, options: &WhyWarningOptions) -> Result<WhyWarning> {
    let past = PastWarn::read(folder)?;
    let row = find(folder, id)?;
    let run_folder = match &options.run {
        Some(run) => run.clone(),
        None => Path::new(&past.run.name).parent().unwrap_or(Path::new("")).to_owned(),
    };
    let run = PastRun::open(&run_folder).map_err(|error| match options.run {
        Some(_) => error,
        None => Error::input(folder, format!("the run that {WARN_FILE} names: {error}; name it with --run RUN")),
    })?;
    let score = options.scores.iter().find(|score| score.id == id.score);
    let items = evidence::items(row.text("evidence").unwrap_or_default())
        .ok_or_else(|| Error::input(folder, "the evidence of the warning is not as warn writes it"))?;
    let checked = evidence::check(items, &run, &options.notes)?;
    let inputs = inputs(checked, score);
    let made_with = past.made_with(&run, score, &id.score)?;
    let is_as_it_was = |evidence: &EvidenceTold| evidence.is_as_it_was();
    let as_it_was =
        made_with.iter().all(|own| own.same) && inputs.iter().flat_map(|input| &input.evidence).all(is_as_it_was);
    let missing = row.text("missing").unwrap_or_default().split(';').filter(|input| !input.is_empty());
    let mut cells = values(&row);
    cells.remove("evidence");
    Ok(WhyWarning {
        score: score.map(|score| ScoreTold::of(score, &row)),
        missing: missing.map(|input| MissingTold::of(input, score)).collect(),
        would_settle: row.text("would_settle").map(|input| MissingTold::of(input, score)),
        warning: cells,
        inputs,
        made_with,
        as_it_was,
    })
}

/// The row of a warning.
fn find(folder: &Path, id: &WarningId) -> Result<Row> {
    let wanted = Wanted { column: "patient_id", value: &id.patient };
    let batch = run_table::find_where(folder, TABLE, &schema(), wanted, |batch, index| {
        let row = Row::first(batch.slice(index, 1));
        row.text("score") == Some(&id.score) && row.time("time") == Some(id.time)
    })?;
    batch.map(Row::first).ok_or_else(|| {
        let problem = format!(
            "the table {TABLE} has no row of score {:?}, patient {:?} and this time; expected SCORE/PATIENT_ID/TIME as in the \
             columns score, patient_id and time",
            id.score, id.patient
        );
        Error::input(folder, problem)
    })
}

/// The items of the evidence by their inputs, which stand together.
fn inputs(items: Vec<evidence::Checked>, score: Option<&Score>) -> Vec<InputTold> {
    let mut inputs: Vec<InputTold> = Vec::new();
    for evidence::Checked { item, told } in items {
        match inputs.last_mut().filter(|last| last.input == item.input) {
            Some(last) => last.evidence.extend(told),
            None => inputs.push(InputTold {
                words: input_of(score, &item.input).map(|input| input.words.clone()),
                input: item.input,
                state: item.state,
                reason: item.reason,
                value: item.value,
                points_min: item.points_min,
                points_max: item.points_max,
                evidence: told.into_iter().collect(),
            }),
        }
    }
    inputs
}

fn input_of<'s>(score: Option<&'s Score>, name: &str) -> Option<&'s Input> {
    score?.inputs().iter().find(|input| input.name == name)
}

impl PastWarn {
    fn read(folder: &Path) -> Result<PastWarn> {
        let path = folder.join(WARN_FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                Error::input(folder, format!("holds no {WARN_FILE}; expected the output folder of warn"))
            }
            _ => Error::io("reading", &path, error),
        })?;
        serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::input(&path, format!("line {line}, column {column}: expected what warn writes"))
        })
    }

    /// What the warnings were made with and of, beside what is there.
    fn made_with(&self, run: &PastRun, score: Option<&Score>, id: &str) -> Result<Vec<MadeWith>> {
        let run_file = run.folder().join(RUN_FILE);
        let here = hash_of(&run_file)?;
        let mut all = vec![
            made_with("version", &self.version, Some(env!("CARGO_PKG_VERSION").to_owned())),
            made_with("run", &self.run.blake3, here),
        ];
        let (scores, files) = self.made_of.split_at(self.scores.len().min(self.made_of.len()));
        if let Some(own) = scores.iter().find(|own| own.name == id) {
            all.push(made_with(format!("score {id}"), &own.blake3, score.map(|score| score.blake3.clone())));
        }
        for file in files {
            all.push(made_with(format!("file {}", file.name), &file.blake3, hash_of(Path::new(&file.name))?));
        }
        Ok(all)
    }
}

fn made_with(what: impl Into<String>, then: &str, here: Option<String>) -> MadeWith {
    let same = here.as_deref() == Some(then);
    MadeWith { what: what.into(), run: Some(then.to_owned()), here, same }
}

/// The hash of a file's bytes; `None` where there is no file.
fn hash_of(path: &Path) -> Result<Option<String>> {
    let mut hasher = blake3::Hasher::new();
    let hashed = std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(|_| ()));
    match hashed {
        Ok(()) => Ok(Some(hasher.finalize().to_hex().to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("reading", path, error)),
    }
}

impl ScoreTold {
    fn of(score: &Score, row: &Row) -> ScoreTold {
        let label = |column: &str| {
            let name = row.text(column).unwrap_or_default();
            score.bands.iter().find(|band| band.name == name).map_or(name, |band| &band.label).to_owned()
        };
        ScoreTold {
            name: score.name.clone(),
            title: score.title.clone(),
            unit: score.unit.clone(),
            bands: [label("band_min"), label("band_max")],
            citation: score.citation.text.clone(),
            year: score.citation.year,
            doi: score.citation.doi.clone(),
            licence: score.licence.clone(),
            not_for: score.not_for.clone(),
        }
    }
}

impl MissingTold {
    fn of(name: &str, score: Option<&Score>) -> MissingTold {
        let input = input_of(score, name);
        let levels = |input: &Input| input.levels.iter().flat_map(|level| sources(&level.sources)).collect::<Vec<_>>();
        MissingTold {
            input: name.to_owned(),
            words: input.map(|input| input.words.clone()),
            given_by: input.map(|input| [sources(&input.sources), levels(input)].concat()).unwrap_or_default(),
            window_hours: input.and_then(|input| match input.window {
                Window::Ever => None,
                Window::Hours(hours) => Some(hours),
            }),
            trap: input.and_then(|input| input.trap.clone()),
        }
    }
}

/// What sources name.
fn sources(sources: &Sources) -> Vec<String> {
    let Sources { icd10cm, concepts, facts, measurements, measured, columns } = sources;
    let measured = measured.iter().map(|measured| &measured.name);
    let named = [("ICD-10-CM", icd10cm), ("concept", concepts), ("fact", facts), ("column", columns)];
    let named = named.into_iter().flat_map(|(what, names)| names.iter().map(move |name| format!("{what} {name}")));
    measurements.iter().chain(measured).map(|name| format!("measurement {name}")).chain(named).collect()
}
