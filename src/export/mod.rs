//! Exports: the rows of a run in the form that other programs read.
//!
//! Every target goes through the run once, note by note ([`crate::past_run::NoteRowStream`]), and counts each row in the
//! [`Ledger`]: written, or lost for a reason. Files get their names when all of them are complete; `export.json` says what
//! was written, from which run, and what was lost.

mod axes;
mod brat;
mod fhir;
mod folder;
mod ids;
mod ledger;
mod meds;
mod omop;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::past_run::{NoteSource, PastRun};
use crate::write::folder::Existing;
use crate::{Error, Result};

pub use axes::Profile;
pub use fhir::{FhirOptions, Instant, UtcOffset};
pub use ledger::{ExportCounts, RowCounts};
pub use meds::{MedsOptions, Splits};
pub use omop::{
    Coverage, IdCounts, OmopDatabase, OmopOptions, OmopReport, OmopTableName, OtherText, PersonKey, Snippets,
};
pub use report::ExportReport;

use folder::ExportFolder;
use ledger::Ledger;

/// What a run is exported to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Target {
    /// MEDS 0.4.
    Meds(MedsOptions),
    /// FHIR R4.
    Fhir(FhirOptions),
    /// BRAT standoff.
    Brat,
    /// Tables of OMOP CDM 5.4.
    Omop(Box<OmopOptions>),
}

impl Target {
    /// The name on the command line and in `export.json`.
    pub fn name(&self) -> &'static str {
        match self {
            Target::Meds(_) => "meds",
            Target::Fhir(_) => "fhir",
            Target::Brat => "brat",
            Target::Omop(_) => "omop",
        }
    }
}

/// How a run is exported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportOptions {
    /// To what.
    pub target: Target,
    /// The output folder.
    pub out: PathBuf,
    /// What is done with an export that it holds; going on with one is refusing it.
    pub existing: Existing,
    /// Where the texts of notes are read, by targets that hold them.
    pub notes: NoteSource,
    /// What is made of borderline statements.
    pub profile: Profile,
}

impl ExportOptions {
    /// Into a folder that holds nothing.
    pub fn new(target: Target, out: impl Into<PathBuf>) -> ExportOptions {
        ExportOptions {
            target,
            out: out.into(),
            existing: Existing::Refuse,
            notes: NoteSource::OfTheRun,
            profile: Profile::Own,
        }
    }
}

/// What a target works with.
struct Exporting<'a> {
    run: &'a PastRun,
    options: &'a ExportOptions,
    /// Where files are written.
    folder: &'a Path,
    ledger: Ledger,
}

/// What a target wrote: rows by file or kind.
type Written = BTreeMap<&'static str, u64>;

/// Exports a run.
///
/// # Errors
/// The folder is no finished run, a text that the target needs has changed or is not to be found, or the output folder holds
/// something.
pub fn export(run: &Path, options: &ExportOptions) -> Result<ExportReport> {
    let run = PastRun::open(run)?;
    let folder = ExportFolder::take(&options.out, options.existing)?;
    let mut exporting =
        Exporting { run: &run, options, folder: folder.partial(), ledger: Ledger::create(folder.partial())? };
    let mut omop = None;
    let rows = match &options.target {
        Target::Meds(options) => meds::export(&mut exporting, options)?,
        Target::Fhir(options) => fhir::export(&mut exporting, options)?,
        Target::Brat => brat::export(&mut exporting)?,
        Target::Omop(of_omop) => {
            let (rows, told) = omop::export(&mut exporting, of_omop)?;
            omop = Some(told);
            rows
        }
    };
    let counts = exporting.ledger.finish()?;
    let report = ExportReport {
        program: "noteward",
        version: env!("CARGO_PKG_VERSION"),
        target: options.target.name(),
        profile: options.profile,
        run_version: run.description().version.clone(),
        counts,
        rows,
        omop,
        files: folder.written()?,
    };
    let mut description = serde_json::to_string_pretty(&report)
        .map_err(|error| Error::internal(format!("the description of an export: {error}")))?;
    description.push('\n');
    folder.commit(&description)?;
    Ok(report)
}
