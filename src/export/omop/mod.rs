//! OMOP CDM 5.4: NOTE, NOTE_NLP and MEASUREMENT, as files or straight into PostgreSQL.
//!
//! The columns are those of the official field list, no more. Concepts come from a mapping that is made of the site's own
//! vocabulary; what it does not hold is concept 0, and counted.

mod columns;
mod concepts;
mod database;
mod files;
mod ids;
mod load;
mod rows;
mod snippet;
mod statements;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::civil::{Date, DateTime};
use serde::Serialize;

use super::{Exporting, Written};
use crate::past_run::{NoteRows, PastRun};
use crate::write::OutputFormat;
use crate::{Error, Result};

pub use database::{OmopDatabase, OtherText, PersonKey};
pub use ids::IdCounts;
pub use rows::Coverage;

use super::ledger::{Ledger, Table};
use concepts::Concepts;
use rows::{NLP_CONCEPT, Processed, RowMaker, Settings, UTF8_CONCEPT};

/// A table that is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OmopTableName {
    /// The notes and their texts.
    Note,
    /// What was found in them.
    NoteNlp,
    /// The values of the patient.
    Measurement,
}

/// Whether the words around a term are written beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Snippets {
    /// They are, which takes the texts of the notes.
    #[default]
    Written,
    /// They are not.
    Left,
}

/// How a run becomes rows of OMOP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OmopOptions {
    /// Formats of the files; none are written where there is a database.
    pub formats: Vec<OutputFormat>,
    /// Which tables are filled.
    pub tables: Vec<OmopTableName>,
    /// A mapping of codes to concepts.
    pub concepts: Option<PathBuf>,
    /// The mapping of identifiers that are no integers: read where it is there, and written back with what was added.
    pub ids: Option<PathBuf>,
    /// Whether the words around a term are written.
    pub snippets: Snippets,
    /// The name of the system in `nlp_system`: rows of another name are another system's.
    pub system: String,
    /// The date of processing, in place of the one in `run.json`.
    pub nlp_date: Option<String>,
    /// The concept of the notes' provenance.
    pub note_type_concept: i32,
    /// The concept of the notes' language.
    pub language_concept: i32,
    /// The database that the rows go to.
    pub database: Option<OmopDatabase>,
}

impl Default for OmopOptions {
    fn default() -> OmopOptions {
        OmopOptions {
            formats: vec![OutputFormat::Csv],
            tables: vec![OmopTableName::Note, OmopTableName::NoteNlp, OmopTableName::Measurement],
            concepts: None,
            ids: None,
            snippets: Snippets::Written,
            system: "noteward".to_owned(),
            nlp_date: None,
            // EHR.
            note_type_concept: 32817,
            // English language.
            language_concept: 4_180_186,
            database: None,
        }
    }
}

/// What an export to OMOP says of itself besides what every export says.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OmopReport {
    /// The database, without a password, and the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// What `nlp_system` says.
    pub system: String,
    /// How many identifiers have a number of the mapping.
    pub ids: BTreeMap<&'static str, IdCounts>,
    /// How many values have a concept.
    pub concepts: BTreeMap<&'static str, Coverage>,
    /// Codes that stood in several rows of the mapping of concepts; the first counts.
    pub concepts_repeated: u64,
    /// Measurements of the run that are rows of NOTE_NLP only, and why.
    pub not_in_measurement: BTreeMap<&'static str, u64>,
    /// Texts that were cut to the length of their column.
    pub cut: BTreeMap<String, u64>,
    /// Texts in which a character 0 was replaced.
    pub with_nul: u64,
    /// What the run says and these tables cannot hold.
    pub lost: [&'static str; 5],
}

impl fmt::Display for OmopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unmapped = self.concepts.iter().filter(|(_, coverage)| coverage.unmapped > 0);
        for (what, coverage) in unmapped {
            let all = coverage.mapped + coverage.unmapped;
            writeln!(f, "{} of {all} {what} rows have concept 0, which --concepts does not map", coverage.unmapped)?;
        }
        for (reason, n_rows) in &self.not_in_measurement {
            writeln!(f, "{n_rows} measurements are in note_nlp only: {reason}")?;
        }
        self.cut
            .iter()
            .try_for_each(|(column, n_texts)| writeln!(f, "{n_texts} texts were cut to the length of {column}"))
    }
}

/// What no row of these tables can hold.
const LOST: [&str; 5] = [
    "cue, rule, score and link of a mention",
    "author of a note; kept columns",
    "end of a span, presence and experiencer but as words of term_modifiers",
    "codes besides ICD-10-CM and LOINC, but as the concept that they map to",
    "stated value and unit, site, method and trend of a measurement",
];

/// Why a note has no place in these tables.
const NO_PATIENT: &str = "no_patient";
const NO_TIME: &str = "no_time";

/// Writes a run as rows of OMOP.
pub(super) fn export(exporting: &mut Exporting<'_>, options: &OmopOptions) -> Result<(Written, OmopReport)> {
    let settings = settings(exporting, options)?;
    let concepts = options.concepts.as_deref().map(Concepts::read).transpose()?.unwrap_or_default();
    let mut maker = RowMaker::new(&settings, &concepts);
    let (written, ids, database) = match &options.database {
        None => {
            let (written, ids) = files::write(exporting, options, &mut maker)?;
            (written, ids, None)
        }
        Some(database) => {
            let mut fixed = concepts.ids();
            let known = [UTF8_CONCEPT, NLP_CONCEPT, options.note_type_concept, options.language_concept];
            fixed.extend(known);
            let (written, ids) = load::load(exporting, options, database, &fixed, &mut maker)?;
            (written, ids, Some(database.shown()))
        }
    };
    let cut = [&maker.note, &maker.note_nlp, &maker.measurement].map(columns::TableRows::n_cut);
    let report = OmopReport {
        database,
        system: settings.system.clone(),
        ids: ids.counts().into_iter().collect(),
        concepts_repeated: concepts.n_repeated,
        cut: cut.into_iter().flatten().collect(),
        with_nul: maker.n_with_nul,
        concepts: maker.coverage,
        not_in_measurement: maker.not_measured,
        lost: LOST,
    };
    Ok((written, report))
}

fn settings(exporting: &Exporting<'_>, options: &OmopOptions) -> Result<Settings> {
    let has = |table| options.tables.contains(&table);
    if !has(OmopTableName::Note) && !has(OmopTableName::NoteNlp) {
        return Err(Error::config("--tables: expected note, note_nlp or both"));
    }
    if has(OmopTableName::Measurement) && !has(OmopTableName::NoteNlp) {
        return Err(Error::config("--tables: measurement needs note_nlp, whose rows its events are"));
    }
    if options.system.is_empty() || options.system.contains(char::is_whitespace) || options.system.chars().count() > 50
    {
        return Err(Error::config("--nlp-system: expected a name of at most 50 characters without blanks"));
    }
    let described = exporting.run.description();
    let short = |hash: &str| hash.get(..8).unwrap_or(hash).to_owned();
    let model = described.model.as_ref().map_or("none".to_owned(), |model| short(&model.blake3));
    let (lexicon, rules) = (short(&described.lexicon.blake3), short(&described.rules.blake3));
    Ok(Settings {
        profile: exporting.options.profile,
        note_type: options.note_type_concept,
        language: options.language_concept,
        system: format!("{} {} (lexicon {lexicon}, rules {rules}, model {model})", options.system, described.version),
        processed: processed(exporting.run, options)?,
        has_snippets: options.snippets == Snippets::Written,
        has_measurements: has(OmopTableName::Measurement),
    })
}

/// When the run was made, as its description or the user says.
fn processed(run: &PastRun, options: &OmopOptions) -> Result<Processed> {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let days = |date: Date| i32::try_from(date.to_datetime(epoch.time()).duration_since(epoch).as_hours() / 24).ok();
    if let Some(stated) = &options.nlp_date {
        let date = stated.parse::<Date>().ok().and_then(days);
        let date = date.ok_or_else(|| Error::config(format!("--nlp-date: expected YYYY-MM-DD, found {stated:?}")))?;
        return Ok(Processed { date, time: None });
    }
    let ended = run.description().timings.ended.as_deref().map(|ended| ended.trim_end_matches('Z'));
    let ended = ended.and_then(|ended| ended.parse::<DateTime>().ok());
    let processed = ended.and_then(|ended| {
        let time = i64::try_from(ended.duration_since(epoch).as_micros()).ok();
        Some(Processed { date: days(ended.date())?, time })
    });
    processed.ok_or_else(|| {
        let problem = "does not say when the run ended, which nlp_date needs; say it with --nlp-date YYYY-MM-DD";
        Error::input(&run.folder().join("run.json"), problem)
    })
}

/// Counts a note that the target holds, with those of its rows that it does.
fn hold(ledger: &mut Ledger, rows: &NoteRows, options: &OmopOptions) {
    ledger.write(Table::Notes);
    let has_terms = options.tables.contains(&OmopTableName::NoteNlp);
    let tables = [
        (Table::Mentions, rows.mentions.len()),
        (Table::Measurements, rows.measurements.len()),
        (Table::Facts, rows.facts.len()),
    ];
    for (table, n_rows) in tables {
        for _ in 0..n_rows {
            ledger.count(table, if has_terms { Ok(()) } else { Err("table_not_asked_for") });
        }
    }
}
