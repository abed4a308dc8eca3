//! Patient features: what notes say of each patient, as known at an index time.
//!
//! A run's tables are read into records of fixed size by block of patients ([`load`], [`spill`]); the features of one
//! patient at one time are a pure function of these ([`patient`]), by a plan of which statement feeds which feature
//! ([`plan`]). Blocks are worked on several at a time ([`work`]), and written in order as a long and a wide table. Polars
//! holds and writes these tables, and reads the index file.
//!
//! Memory grows with the number of patients and of distinct concepts, not with that of notes and mentions.

mod cohort;
mod dictionary;
mod folder;
mod index_file;
mod inputs;
mod leakage;
mod load;
mod long;
mod options;
mod output;
mod patient;
mod plan;
mod record;
mod report;
mod rules;
mod series;
mod spill;
mod state;
mod topic;
mod wide;
mod window;
mod work;

use std::num::NonZeroUsize;
use std::path::Path;

use crate::past_run::PastRun;
use crate::{Error, Result};

use cohort::Cohort;
use folder::FeatureFolder;
use inputs::Inputs;
use leakage::Guard;
use load::{NoteLoader, StatementLoader};
use plan::Plan;
use record::{NoteRecord, Statement};
use spill::Spill;
use topic::{Source, Topics};
use work::Work;

pub use folder::ExistingFeatures;
pub use leakage::{LeakageCounts, LeakageKind, LeakagePolicy, Leaks, NoteUse};
pub use load::{NoteRows, StatementRows};
pub use options::{FeatureOptions, IndexTimes, LastNote};
pub use report::{
    FeatureInputs, FeaturePatientCounts, FeatureReport, FeatureSettings, IndexCounts, NoteTiming, RejectedRow,
    Written as FeaturesWritten,
};
pub use window::FeatureWindow;

/// Makes features of a run.
///
/// # Errors
/// The folder is no finished run, a file cannot be read, the output folder holds features, or the leakage guard refuses.
pub fn features(run: &Path, options: &FeatureOptions) -> Result<FeatureReport> {
    let past_run = PastRun::open(run)?;
    let inputs = Inputs::read(&past_run, options)?;
    let folder = FeatureFolder::take(&options.out, options.existing)?;
    let (cohort, index) = inputs.cohort(run, options)?;
    let loaded = Loaded::read(run, &cohort, &inputs, options, folder.partial())?;
    let plan = Plan::new(loaded.topics.all(), &loaded.sections, &inputs.groups, &inputs.holders);
    let windows = options.windows_in_order();
    let n_threads = options.threads.or_else(|| std::thread::available_parallelism().ok());
    let work = Work {
        run,
        cohort: &cohort,
        notes: loaded.notes,
        statements: loaded.statements,
        plan: &plan,
        guard: Guard {
            policy: options.leakage,
            kinds: options.leakage_kinds.clone(),
            bound: options.bound(),
            widest: windows.last().copied(),
        },
        windows: &windows,
        patients: &inputs.patients,
        pool: work::pool(n_threads.map_or(1, NonZeroUsize::get))?,
    };
    let (found, timing) = work.survey()?;
    if work.guard.refuses(&found.leaks) {
        let remedy = "--leakage drop leaves out what could count, --leakage-kinds names what to look after";
        return Err(Error::input(run, format!("{}; {remedy}", found.leaks)));
    }
    let written = output::write(&work, folder.partial(), options.max_wide_features)?;
    let [mentions, facts, measurements] = loaded.statement_rows;
    let report = FeatureReport {
        program: "noteward",
        version: env!("CARGO_PKG_VERSION"),
        patients: inputs.patient_counts(&cohort),
        inputs: inputs.hashes,
        settings: options.settings(),
        index,
        notes: loaded.note_rows,
        mentions,
        facts,
        measurements,
        timing,
        note_use: found.uses,
        leakage: found.leaks,
        written,
    };
    let mut description = serde_json::to_string_pretty(&report)
        .map_err(|error| Error::internal(format!("the description of features: {error}")))?;
    description.push('\n');
    folder.commit(&description)?;
    Ok(report)
}

/// The tables of a run, read.
struct Loaded {
    notes: Spill<NoteRecord>,
    statements: Spill<Statement>,
    sections: Vec<String>,
    topics: Topics,
    note_rows: NoteRows,
    /// Of mentions, facts and measurements.
    statement_rows: [StatementRows; 3],
}

impl Loaded {
    fn read(run: &Path, cohort: &Cohort, inputs: &Inputs, options: &FeatureOptions, folder: &Path) -> Result<Loaded> {
        let n_bytes = options.memory.0 / 4;
        let loader = NoteLoader { run, cohort, kinds: &inputs.note_kinds, availability: options.availability() };
        let notes = loader.load(Spill::new(folder, cohort.n_blocks(), n_bytes))?;
        let spill = Spill::new(folder, cohort.n_blocks(), n_bytes.saturating_mul(3));
        let mut loader = StatementLoader { run, cohort, topics: Topics::default(), spill };
        let statement_rows =
            [loader.load(Source::Mention)?, loader.load(Source::Fact)?, loader.load(Source::Measurement)?];
        Ok(Loaded {
            notes: notes.spill,
            statements: loader.spill,
            sections: notes.sections,
            topics: loader.topics,
            note_rows: notes.rows,
            statement_rows,
        })
    }
}
