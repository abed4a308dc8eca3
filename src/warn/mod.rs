//! Warnings: what a run says of each patient at each moment, as intervals of scores with their evidence.
//!
//! A run is read once, in the order of its notes; what scores ask for is kept by patient ([`store`]), in groups of neighbouring
//! patients. Each group is then worked on alone: its records are put in the order of time ([`record`]), what is known of each
//! input at each moment is found out ([`inputs`], [`resolve`]), and the scores are evaluated. The rows of the groups stand in
//! the table in the order of patients, so the output does not depend on the number of workers.
//!
//! Nothing that was written after a moment counts for it.

mod derived;
mod folder;
mod follow_up;
mod forms;
mod gather;
mod inputs;
mod moments;
mod observations;
mod record;
mod report;
mod resolve;
mod roster;
mod rows;
mod store;
mod summary;
mod uses;
mod worker;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::lexicon::embedded;
use crate::measure::{MeasureTables, Measurer};
use crate::past_run::PastRun;
use crate::read::patients::{self, Patients};
use crate::read::small_table::{self, Column, Need, PATIENT_ID};
use crate::read::time;
use crate::score::{Assume, Score};
use crate::write::OutputFormat;
use crate::{Error, Result};

use folder::WarnFolder;
pub(crate) use folder::{TABLE, WARN_FILE};
pub use forms::WarningForm;
use gather::Tables;
use inputs::Scores;
pub use moments::Moments;
pub use observations::ObservationCounts;
use record::{Origin, Source, Statement};
pub use report::{LeftOut, MadeOf, MomentCounts, WarnPatientCounts, WarnReport};
use roster::Roster;
pub(crate) use rows::schema;
use store::{Head, Statements, Store};
pub use summary::ScoreSummary;
use summary::Tally;
use worker::{At, Part, Worker};

/// What warnings are made of, besides the run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WarnOptions {
    /// The scores.
    pub scores: Vec<Score>,
    /// The moments at which they are computed.
    pub at: Moments,
    /// What is taken for inputs that are not known.
    pub assume: Assume,
    /// A file of vital signs and laboratory values.
    pub observations: Option<PathBuf>,
    /// A file of birth dates and sexes.
    pub patients: Option<PathBuf>,
    /// Whether rows whose bands are those of the row before are left out.
    pub changes_only: bool,
    /// Formats of the table.
    pub formats: Vec<OutputFormat>,
    /// Other forms in which they are written too.
    pub also: Vec<WarningForm>,
    /// Whether the warnings that the output folder holds are replaced.
    pub force: bool,
    /// Workers; all cores where it is not given.
    pub threads: Option<NonZeroUsize>,
}

impl WarnOptions {
    /// Options for some scores: at each note, nothing assumed, into Parquet.
    pub fn new(scores: Vec<Score>) -> WarnOptions {
        WarnOptions {
            scores,
            at: Moments::default(),
            assume: Assume::default(),
            observations: None,
            patients: None,
            changes_only: false,
            formats: vec![OutputFormat::Parquet],
            also: Vec::new(),
            force: false,
            threads: None,
        }
    }
}

/// Computes the scores of the patients of a run, and writes `warnings`, `summary.csv`, `warn.json` and,
/// where a score asks for another study, `follow_ups.csv` to a folder.
///
/// # Errors
/// The folder is no finished run, a file cannot be read, or the output cannot be written.
pub fn warn(run: &Path, out: &Path, options: &WarnOptions) -> Result<WarnReport> {
    let past = PastRun::open(run)?;
    let patients = options.patients.as_deref().map(patients::read).transpose()?;
    let folder = WarnFolder::take(out, options.force)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.map_or(0, NonZeroUsize::get)).build();
    let pool = pool.map_err(|error| Error::internal(format!("workers: {error}")))?;
    let scores = Scores::new(options.scores.clone());
    let mut report = WarnReport::new(&past, options)?;
    if let (Some(path), Some(patients)) = (&options.patients, &patients) {
        report.patient_rows = Some(WarnPatientCounts::of(patients));
        patients.hash().into_iter().for_each(|hash| report.used(path, hash));
    }
    let worker = gathered(run, &folder, &scores, patients, options, &mut report)?;
    let parts: Vec<Part> = pool.install(|| {
        (0..worker.roster.n_groups()).into_par_iter().map(|group| worker.group(group)).collect::<Result<_>>()
    })?;
    let mut tallies = vec![Tally::default(); options.scores.len()];
    for part in &parts {
        report.moments += part.n_moments;
        report.rows += part.n_rows;
        for (status, n) in &part.due {
            *report.follow_ups.entry(status).or_default() += n;
        }
        for (tally, other) in tallies.iter_mut().zip(&part.tallies) {
            tally.add(other);
        }
    }
    report.scores = options
        .scores
        .iter()
        .zip(&tallies)
        .map(|(score, tally)| tally.summary(&score.id, score.inputs().iter().map(|input| input.name.as_str())))
        .collect();
    folder.finish(worker.store.folder(), &parts, options, &report)?;
    Ok(report)
}

/// Everything that the scores ask for, by patient.
fn gathered<'s>(
    run: &Path,
    folder: &WarnFolder,
    scores: &'s Scores,
    patients: Option<Patients>,
    options: &WarnOptions,
    report: &mut WarnReport,
) -> Result<Worker<'s>> {
    let mut n_entries = BTreeMap::new();
    let mut last_note = i64::MIN;
    gather::notes(run, |note| {
        report.notes += 1;
        match (note.patient, note.time) {
            (None, _) => report.without_patient.add(note.id),
            (_, None) => report.without_time.add(note.id),
            (Some(patient), Some(time)) => {
                report.notes_used += 1;
                last_note = last_note.max(time);
                match n_entries.get_mut(patient) {
                    Some(n) => *n += 1,
                    None => _ = n_entries.insert(patient.to_owned(), 1),
                }
            }
        }
        Ok(())
    })?;
    if let Some(path) = &options.observations {
        observations::patients(path, &mut n_entries)?;
    }
    let roster = Roster::new(n_entries);
    report.patients = roster.n_patients() as u64;
    let mut store = Store::create(folder.path(), roster.n_groups())?;
    let mut uses = scores.uses();
    let mut tables = Tables::open(run)?;
    report.tables = tables.names().map(str::to_owned).collect();
    let mut statements = Statements::default();
    gather::notes(run, |note| {
        statements.clear();
        tables.of_note(note.id, &mut |row| {
            if let Some(thing) = uses.thing(row.source, row.name, row.icd10cm) {
                statements.push(&Statement { thing, ..row.statement });
            }
            let implied = row.implied_fact().and_then(|fact| uses.thing(Source::Fact, Some(fact), None));
            if let Some(thing) = implied {
                statements.push(&Statement { thing, value: None, ..row.statement });
            }
        })?;
        let patient = note.patient.and_then(|patient| roster.number(patient));
        let (Some(patient), Some(time)) = (patient, note.time) else { return Ok(()) };
        let origin = Origin::Note {
            id: note.id,
            encounter: note.encounter,
            note_type: note.note_type,
            text_hash: note.text_hash,
        };
        store.push(roster.group(patient), Head { patient, time, origin }, &statements)
    })?;
    tables.finish()?;
    if let Some(path) = &options.observations {
        let measurer = measurer()?;
        let (counts, hash) = observations::gather(path, &measurer, &roster, &mut uses, &mut store)?;
        report.observations = Some(counts);
        report.used(path, hash);
    }
    let at = at(&options.at, &roster, report)?;
    let (plans, n_slots) = scores.plans();
    let parts = store.folder().join("parts");
    Ok(Worker {
        plans,
        n_slots,
        last_note,
        uses,
        roster,
        store,
        patients,
        at,
        assume: options.assume,
        changes_only: options.changes_only,
        formats: options.formats.clone(),
        also: options.also.clone(),
        parts,
    })
}

const MOMENT_COLUMNS: [Column; 2] = [PATIENT_ID, Column { names: &["time", "index_time"], need: Need::Required }];

/// The moments that were asked for.
fn at(moments: &Moments, roster: &Roster, report: &mut WarnReport) -> Result<At> {
    let path = match moments {
        Moments::Notes => return Ok(At::Notes),
        Moments::Days => return Ok(At::Days),
        Moments::File(path) => path,
    };
    let mut times: HashMap<u32, Vec<i64>> = HashMap::new();
    let mut counts = MomentCounts::default();
    let hash = small_table::read(path, &MOMENT_COLUMNS, &mut |row, values| {
        counts.read += 1;
        let (patient, stated) = match values {
            Ok([Some(patient), Some(stated)]) => (patient, stated),
            Ok(_) => {
                counts.reject(row, "no patient_id or no time");
                return Ok(());
            }
            Err(bad) => {
                counts.reject(row, bad.reason());
                return Ok(());
            }
        };
        match (roster.number(patient), time::parse(stated)) {
            (_, None) => counts.reject(row, "time not understood: expected one such as 2025-03-02T14:20:00"),
            (None, _) => counts.reject(row, "no note or observation of the patient"),
            (Some(patient), Some(time)) => times.entry(patient).or_default().push(time.0),
        }
        Ok(())
    })?;
    report.used(path, hash);
    report.moment_rows = Some(counts);
    Ok(At::Times(times))
}

/// What knows the units of measurements.
fn measurer() -> Result<Measurer> {
    let tables =
        ["measurements.tsv", "units.tsv", "measurement-words.tsv", "measurement-groups.tsv"].map(embedded::table);
    let [measurements, units, words, groups] = &tables;
    Measurer::new(&MeasureTables { measurements, units, words, groups })
}
