//! Reports: one self-contained page of a run, or of a patient, that a person can read offline.
//!
//! The tables of the run are read once ([`read`]), counted ([`tally`], [`values`], [`patient`]: pure, bounded by what is
//! distinct), put in order ([`page`], [`patient_page`]), and rendered by templates that escape everything ([`render`]). The
//! page of a run holds no note text unless examples are asked for, and no cell about fewer than a least number of patients.
//! The same run gives the same bytes: there is no clock in it. On request each imaging report is checked ([`checks`]).

mod chapters;
mod chart;
mod checks;
mod columns;
mod examples;
mod page;
mod patient;
mod patient_page;
mod read;
mod render;
mod tally;
mod time;
mod values;
mod warnings;

use std::path::{Path, PathBuf};

use crate::lexicon::{TableSource, embedded};
use crate::new_file;
use crate::past_run::{NoteSource, PastRun};
use crate::pipeline::{Pipeline, Resources};
use crate::quality::{Checker, QualityTables};
use crate::read::patients;
use crate::{Error, Result};

use chapters::Chapters;
use checks::{CheckRates, Checking};
use page::{Besides, Page};
use patient_page::PatientPage;

/// What a report holds besides the counts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReportOptions {
    /// Examples of each frequent problem, with words of the notes.
    pub n_examples: usize,
    /// Patients that a cell is about at least.
    pub min_count: u64,
    /// The page of this patient, instead of that of the run.
    pub patient: Option<String>,
    /// A folder of warnings.
    pub warnings: Option<PathBuf>,
    /// A CSV file of the checks of imaging reports.
    pub checks: Option<PathBuf>,
    /// A folder with tables that replace those of the checks.
    pub check_rules: Option<PathBuf>,
    /// The table of patients, for their sex by the record.
    pub patients: Option<PathBuf>,
    /// Where texts are looked for.
    pub notes: NoteSource,
}

impl Default for ReportOptions {
    fn default() -> ReportOptions {
        ReportOptions {
            n_examples: 0,
            min_count: 5,
            patient: None,
            warnings: None,
            checks: None,
            check_rules: None,
            patients: None,
            notes: NoteSource::OfTheRun,
        }
    }
}

/// Writes the page of a run, or of a patient, to an HTML file; gives whether the run's sums hold.
///
/// # Errors
/// A folder is no finished run, a table cannot be read, a text has changed, or a file cannot be written.
pub fn report(run: &Path, out: &Path, options: &ReportOptions) -> Result<bool> {
    let past = PastRun::open(run)?;
    match &options.patient {
        Some(patient) => {
            new_file::write(out, &patient_page(&past, patient, options)?)?;
            Ok(true)
        }
        None => {
            let page = run_page(&past, options)?;
            new_file::write(out, &render::run(&page)?)?;
            Ok(page.sums_hold)
        }
    }
}

fn patient_page(run: &PastRun, patient: &str, options: &ReportOptions) -> Result<String> {
    let mut record = read::patient_record(run, patient)?;
    record.finish();
    let warnings = options.warnings.as_deref().map(|folder| warnings::of_patient(folder, patient)).transpose()?;
    render::patient(&PatientPage::of(patient, run.description().version.clone(), &record, warnings))
}

fn run_page(run: &PastRun, options: &ReportOptions) -> Result<Page> {
    let counts = read::run_counts(run, options.min_count)?;
    let warnings = options.warnings.as_deref().map(warnings::by_score).transpose()?;
    let needs_texts = options.n_examples > 0 || options.checks.is_some();
    let pipeline = if needs_texts { Some(segmenting_pipeline(run)?) } else { None };
    let mut besides = Besides { examples: Vec::new(), checks: None, warnings };
    if let Some(pipeline) = &pipeline {
        if options.n_examples > 0 {
            let (notes, n_each) = (&options.notes, options.n_examples);
            besides.examples = examples::collect(run, notes, pipeline, &counts.mentions, n_each)?;
        }
        besides.checks = options.checks.as_deref().map(|path| checked(run, path, pipeline, options)).transpose()?;
    }
    let chapters = Chapters::parse(&embedded::table("icd10cm-chapters.tsv"))?;
    Ok(Page::of(&counts, &chapters, options.min_count, besides))
}

/// What segments texts as the run did; no model runs, since the mentions are those of the run.
fn segmenting_pipeline(run: &PastRun) -> Result<Pipeline> {
    Pipeline::new(&Resources::load(&run.config()?)?.without_model())
}

fn checked(run: &PastRun, path: &Path, pipeline: &Pipeline, options: &ReportOptions) -> Result<CheckRates> {
    let tables = QualityTables::collect(|name| quality_table(name, options.check_rules.as_deref()))?;
    let checker = Checker::new(&tables)?;
    let patients = options.patients.as_deref().map(patients::read).transpose()?;
    Checking { run, source: &options.notes, pipeline, checker: &checker, patients: patients.as_ref() }.write(path)
}

/// A table of the checks: the user's, or the program's own.
fn quality_table(name: &str, folder: Option<&Path>) -> Result<TableSource> {
    let path = folder.map(|folder| folder.join(name)).filter(|path| path.exists());
    match path {
        None => Ok(embedded::table(&format!("quality/{name}"))),
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(|error| Error::io("reading", &path, error))?;
            Ok(TableSource { name: path.display().to_string(), text })
        }
    }
}
