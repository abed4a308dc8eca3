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
mod leakage;
mod load;
mod long;
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
use std::path::{Path, PathBuf};

use polars::prelude::StatisticsOptions;

use crate::lexicon::{TableSource, embedded};
use crate::past_run::PastRun;
use crate::read::patients::{self, Patients};
use crate::write::folder::RUN_FILE;
use crate::{ByteSize, Error, Result};

use cohort::{Cohort, IndexRow};
use folder::{FeatureFolder, LONG, WIDE};
use leakage::Guard;
use load::{Availability, NoteLoader, StatementLoader};
use long::FrameWriter;
use patient::Bound;
use plan::Plan;
use rules::{Groups, Holders, NoteKinds};
use spill::Spill;
use topic::{Source, Topics};
use wide::{Labels, WideColumns};
use work::Work;

pub use folder::ExistingFeatures;
pub use leakage::{LeakageCounts, LeakageKind, LeakagePolicy, Leaks, NoteUse};
pub use load::{NoteRows, StatementRows};
pub use report::{
    FeatureInputs, FeatureReport, FeatureSettings, IndexCounts, NoteTiming, PatientCounts, RejectedRow,
    Written as FeaturesWritten,
};
pub use window::Window;

/// Rejected index rows that are named.
const MAX_REJECTS: usize = 100;
/// Rows of a row group of the wide table, whose many columns make small groups costly.
const WIDE_ROWS_PER_GROUP: usize = 4096;

/// At which times features are made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexTimes {
    /// At the time of each patient's last note, which counts itself or does not.
    LastNote(LastNote),
    /// At the times of a file. Notes available before them count.
    File(PathBuf),
}

/// Whether the note whose time is the index time counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastNote {
    /// It counts: features are what is known when it has become available.
    #[default]
    Counts,
    /// Only notes before it count.
    LeftOut,
}

/// How features are made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FeatureOptions {
    /// The output folder.
    pub out: PathBuf,
    /// What is done with features that it holds.
    pub existing: ExistingFeatures,
    /// The index times.
    pub index: IndexTimes,
    /// The column of `notes` that says when a note was available; `None`: `note_time`.
    pub time_column: Option<String>,
    /// Look-back windows.
    pub windows: Vec<Window>,
    /// What is done about leaks.
    pub leakage: LeakagePolicy,
    /// Which leaks are looked after.
    pub leakage_kinds: Vec<LeakageKind>,
    /// A table of groups in place of the embedded one.
    pub groups: Option<PathBuf>,
    /// Birth dates and sexes.
    pub patients: Option<PathBuf>,
    /// The most states and statistics of the wide table.
    pub max_wide_features: usize,
    /// What notes and statements may take in memory before they go to temporary files.
    pub memory: ByteSize,
    /// Workers; `None`: as many as the machine has cores.
    pub threads: Option<NonZeroUsize>,
}

impl FeatureOptions {
    /// Features at each patient's last note, into a folder that holds none.
    pub fn new(out: impl Into<PathBuf>) -> FeatureOptions {
        FeatureOptions {
            out: out.into(),
            existing: ExistingFeatures::Refuse,
            index: IndexTimes::LastNote(LastNote::Counts),
            time_column: None,
            windows: Window::usual(),
            leakage: LeakagePolicy::Warn,
            leakage_kinds: LeakageKind::ALL.into(),
            groups: None,
            patients: None,
            max_wide_features: 500,
            memory: ByteSize(256 << 20),
            threads: None,
        }
    }
}

/// Makes features of a run.
///
/// # Errors
/// The folder is no finished run, a file cannot be read, the output folder holds features, or the leakage guard refuses.
pub fn features(run: &Path, options: &FeatureOptions) -> Result<FeatureReport> {
    let past_run = PastRun::open(run)?;
    let inputs = Inputs::read(&past_run, options)?;
    let folder = FeatureFolder::take(&options.out, options.existing)?;
    let (cohort, mut index) = inputs.cohort(run, options)?;
    let n_bytes = options.memory.0 / 4;
    let notes = Spill::new(folder.partial(), cohort.n_blocks(), n_bytes);
    let loader = NoteLoader { run, cohort: &cohort, kinds: &inputs.note_kinds, availability: availability(options) };
    let notes = loader.load(notes)?;
    let statements = Spill::new(folder.partial(), cohort.n_blocks(), n_bytes * 3);
    let mut loader = StatementLoader { run, cohort: &cohort, topics: Topics::default(), spill: statements };
    let [mentions, facts, measurements] = [Source::Mention, Source::Fact, Source::Measurement];
    let (mentions, facts, measurements) = (loader.load(mentions)?, loader.load(facts)?, loader.load(measurements)?);
    let plan = Plan::new(loader.topics.all(), &notes.sections, &inputs.groups, &inputs.holders);
    let spilled_bytes = notes.spill.n_spilled_bytes() + loader.spill.n_spilled_bytes();
    let windows = windows(options);
    let bound = match options.index {
        IndexTimes::LastNote(LastNote::Counts) => Bound::UpTo,
        _ => Bound::Before,
    };
    let guard =
        Guard { policy: options.leakage, kinds: options.leakage_kinds.clone(), bound, widest: windows.last().copied() };
    let n_threads = options.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let work = Work {
        run,
        cohort: &cohort,
        notes: notes.spill,
        statements: loader.spill,
        plan: &plan,
        guard,
        windows: &windows,
        patients: &inputs.patients,
        pool: work::pool(n_threads)?,
    };
    let (found, timing) = work.survey()?;
    if work.guard.refuses(&found.leaks) {
        let problem = format!(
            "{}; --leakage drop leaves out what may be left out, --leakage-kinds names what to look after",
            found.leaks
        );
        return Err(Error::input(run, problem));
    }
    let mut written = write(&work, folder.partial(), options)?;
    written.spilled_bytes = spilled_bytes;
    index.patients = cohort.n_patients() as u64;
    let report = FeatureReport {
        program: "noteward",
        version: env!("CARGO_PKG_VERSION"),
        inputs: inputs.hashes,
        settings: settings(options, &windows, bound),
        index,
        patients: patient_counts(&inputs.patients, &cohort),
        notes: notes.rows,
        mentions,
        facts,
        measurements,
        timing: NoteTiming {
            filed_late: timing.filed_late,
            available_before_dated: timing.before_dated,
            addenda: timing.addenda,
        },
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

/// What is read before the run's tables.
struct Inputs {
    groups: Groups,
    holders: Holders,
    note_kinds: NoteKinds,
    patients: Patients,
    index: Option<index_file::IndexFile>,
    hashes: FeatureInputs,
}

impl Inputs {
    fn read(run: &PastRun, options: &FeatureOptions) -> Result<Inputs> {
        let groups = match &options.groups {
            None => embedded::table("groups.tsv"),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| Error::io("reading", path, error))?;
                TableSource { name: path.display().to_string(), text }
            }
        };
        let patients = options.patients.as_deref().map(patients::read).transpose()?.unwrap_or_default();
        let index = match &options.index {
            IndexTimes::LastNote(_) => None,
            IndexTimes::File(path) => Some((index_file::read(path)?, hash(path)?)),
        };
        let hashes = FeatureInputs {
            run: hash(&run.folder().join(RUN_FILE))?,
            index: index.as_ref().map(|(_, hash)| hash.clone()),
            patients: patients.hash().map(|hash| hash.to_hex().to_string()),
            groups: blake3::hash(groups.text.as_bytes()).to_hex().to_string(),
        };
        Ok(Inputs {
            groups: Groups::parse(&groups)?,
            holders: Holders::parse(&embedded::table("section-holds.tsv"))?,
            note_kinds: NoteKinds::parse(&embedded::table("note-kinds.tsv"))?,
            patients,
            index: index.map(|(index, _)| index),
            hashes,
        })
    }

    /// The cohort, by the index file or by the notes.
    fn cohort(&self, run: &Path, options: &FeatureOptions) -> Result<(Cohort, IndexCounts)> {
        let mut counts = IndexCounts::default();
        let rows: Vec<(String, IndexRow)> = match &self.index {
            Some(file) => {
                counts.read = file.n_read;
                counts.rejected = file.rejected.len() as u64;
                let named = file.rejected.iter().take(MAX_REJECTS);
                counts.rejects =
                    named.map(|&(record, reason)| RejectedRow { record, reason: reason.to_owned() }).collect();
                file.rows.clone()
            }
            None => {
                let (rows, n_without_time) = load::last_notes(run, availability(options))?;
                counts.read = rows.len() as u64;
                counts.patients_without_time = n_without_time;
                rows
            }
        };
        let (cohort, n_twice) = Cohort::new(rows);
        counts.twice = n_twice;
        counts.kept = counts.read - counts.rejected - n_twice;
        Ok((cohort, counts))
    }
}

fn patient_counts(patients: &Patients, cohort: &Cohort) -> PatientCounts {
    let named = patients.rejected().iter().take(MAX_REJECTS);
    PatientCounts {
        read: patients.n_rows(),
        rejected: patients.rejected().len() as u64,
        in_cohort: patients.iter().filter(|(id, _)| cohort.place(id).is_some()).count() as u64,
        rejects: named.map(|reject| RejectedRow { record: reject.record, reason: reject.reason.clone() }).collect(),
    }
}

fn hash(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| Error::io("reading", path, error))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

fn availability(options: &FeatureOptions) -> Availability<'_> {
    match options.time_column.as_deref() {
        None | Some("note_time") => Availability::NoteTime,
        Some(name) => Availability::Kept(name),
    }
}

/// The windows in ascending order, each once.
fn windows(options: &FeatureOptions) -> Vec<Window> {
    let mut windows = options.windows.clone();
    windows.sort_unstable();
    windows.dedup();
    windows
}

fn settings(options: &FeatureOptions, windows: &[Window], bound: Bound) -> FeatureSettings {
    FeatureSettings {
        index: match options.index {
            IndexTimes::LastNote(_) => "last_note",
            IndexTimes::File(_) => "file",
        },
        bound: match bound {
            Bound::Before => "before",
            Bound::UpTo => "up_to",
        },
        time_column: options.time_column.clone().unwrap_or_else(|| "note_time".to_owned()),
        windows: windows.iter().map(Window::to_string).collect(),
        leakage: options.leakage,
        leakage_kinds: options.leakage_kinds.clone(),
        max_wide_features: options.max_wide_features,
    }
}

/// Writes the tables and the dictionary.
fn write(work: &Work<'_>, folder: &Path, options: &FeatureOptions) -> Result<FeaturesWritten> {
    let mut n_index_rows = vec![0; work.plan.features.len()];
    let mut long = FrameWriter::new(folder, LONG, StatisticsOptions::default());
    let make = |rows: work::Rows<'_>| {
        let mut features: Vec<u32> = Vec::new();
        for index in &rows {
            let of_index = index.rows.chunk_by(|left, right| left.feature == right.feature);
            features.extend(of_index.filter_map(|rows| rows.first().map(|row| row.feature)));
        }
        Ok((features, long::frame(&rows, work.plan)?))
    };
    work.for_each_block(make, |(features, frame)| {
        for feature in features {
            if let Some(n_rows) = n_index_rows.get_mut(feature as usize) {
                *n_rows += 1;
            }
        }
        long.write(&frame)
    })?;
    let long_rows = long.finish()?;
    let wide = WideColumns::choose(work.plan, &n_index_rows, work.windows, options.max_wide_features);
    let wide_rows = write_wide(work, folder, &wide)?;
    dictionary::write(folder, work.plan, &n_index_rows, &wide)?;
    Ok(FeaturesWritten {
        features: n_index_rows.iter().filter(|n_rows| **n_rows > 0).count() as u64,
        long_rows,
        wide_rows,
        wide_columns: wide.columns.len() as u64,
        spilled_bytes: 0,
    })
}

fn write_wide(work: &Work<'_>, folder: &Path, wide: &WideColumns) -> Result<u64> {
    let labels = || work.cohort.rows().filter_map(|row| row.label.as_deref());
    let kind = match labels().next() {
        None => Labels::None,
        Some(_) if labels().all(|label| wide::number(label).is_some()) => Labels::Numbers,
        Some(_) => Labels::Texts,
    };
    let mut writer = FrameWriter::new(folder, WIDE, StatisticsOptions::empty());
    let mut waiting: Option<polars::prelude::DataFrame> = None;
    let failed = |error| Error::internal(format!("rows of wide: {error}"));
    work.for_each_block(
        |rows| wide::frame(&rows, &kind, wide),
        |frame| {
            let mut joined = match waiting.take() {
                None => frame,
                Some(mut joined) => {
                    joined.vstack_mut(&frame).map_err(failed)?;
                    joined
                }
            };
            if joined.height() >= WIDE_ROWS_PER_GROUP {
                joined.rechunk_mut();
                return writer.write(&joined);
            }
            waiting = Some(joined);
            Ok(())
        },
    )?;
    if let Some(mut rest) = waiting {
        rest.rechunk_mut();
        writer.write(&rest)?;
    }
    writer.finish()
}
