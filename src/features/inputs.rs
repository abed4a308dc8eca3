//! What is read before the tables of a run: the index file, the patients file, the tables of rules.

use std::path::Path;

use super::cohort::{Cohort, IndexRow};
use super::load::Availability;
use super::options::{FeatureOptions, IndexTimes};
use super::report::{FeatureInputs, FeaturePatientCounts, IndexCounts, RejectedRow};
use super::rules::{Groups, Holders, NoteKinds};
use super::{index_file, load};
use crate::lexicon::{TableSource, embedded};
use crate::past_run::PastRun;
use crate::read::patients::{self, Patients};
use crate::write::folder::RUN_FILE;
use crate::{Error, Result};

/// Rejected rows of a file that are named.
const MAX_REJECTS: usize = 100;

/// What is read before the run's tables.
pub(super) struct Inputs {
    pub groups: Groups,
    pub holders: Holders,
    pub note_kinds: NoteKinds,
    pub patients: Patients,
    index: Option<index_file::IndexFile>,
    pub hashes: FeatureInputs,
}

impl Inputs {
    /// Reads them.
    ///
    /// # Errors
    /// A file cannot be read, or is not as it should be.
    pub fn read(run: &PastRun, options: &FeatureOptions) -> Result<Inputs> {
        check_time_column(run, options.availability())?;
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
            IndexTimes::File(path) => Some(index_file::read(path)?),
        };
        let hashes = FeatureInputs {
            run: hash(&run.folder().join(RUN_FILE))?,
            index: index.as_ref().map(|index| index.hash.to_hex().to_string()),
            patients: patients.hash().map(|hash| hash.to_hex().to_string()),
            groups: blake3::hash(groups.text.as_bytes()).to_hex().to_string(),
        };
        Ok(Inputs {
            groups: Groups::parse(&groups)?,
            holders: Holders::parse(&embedded::table("section-holds.tsv"))?,
            note_kinds: NoteKinds::parse(&embedded::table("note-kinds.tsv"))?,
            patients,
            index,
            hashes,
        })
    }

    /// The cohort, by the index file or by the notes.
    pub fn cohort(&self, run: &Path, options: &FeatureOptions) -> Result<(Cohort, IndexCounts)> {
        let mut counts = IndexCounts::default();
        let rows: Vec<(String, IndexRow)> = match &self.index {
            Some(file) => {
                counts.read = file.n_read;
                counts.rejected = file.rejected.len() as u64;
                let named = file.rejected.iter().take(MAX_REJECTS);
                counts.rejects =
                    named.map(|(record, reason)| RejectedRow { record: *record, reason: reason.clone() }).collect();
                file.rows.clone()
            }
            None => {
                let (rows, n_without_time) = load::last_notes(run, options.availability())?;
                counts.read = rows.len() as u64;
                counts.patients_without_time = n_without_time;
                rows
            }
        };
        let (cohort, n_twice) = Cohort::new(rows);
        counts.twice = n_twice;
        counts.kept = counts.read - counts.rejected - n_twice;
        counts.patients = cohort.n_patients() as u64;
        Ok((cohort, counts))
    }

    /// What the patients file gave.
    pub fn patient_counts(&self, cohort: &Cohort) -> FeaturePatientCounts {
        let named = self.patients.rejected().iter().take(MAX_REJECTS);
        FeaturePatientCounts {
            read: self.patients.n_rows(),
            rejected: self.patients.rejected().len() as u64,
            in_cohort: self.patients.iter().filter(|(id, _)| cohort.place(id).is_some()).count() as u64,
            rejects: named.map(|reject| RejectedRow { record: reject.record, reason: reject.reason.clone() }).collect(),
        }
    }
}

/// JSON Lines do not tell a column that is not there from one without values, so the description of the run is asked.
fn check_time_column(run: &PastRun, availability: Availability<'_>) -> Result<()> {
    let Availability::Kept(name) = availability else { return Ok(()) };
    let Some(kept) = run.description().config.get("keep").and_then(|kept| kept.as_array()) else { return Ok(()) };
    // A kept column whose name is taken stands under another one.
    let is_it = |column: &str| column == name || name.strip_prefix("input_") == Some(column);
    if kept.iter().filter_map(|column| column.as_str()).any(is_it) {
        return Ok(());
    }
    let problem = format!("notes has no column {name}; annotate --keep {name} carries it from the input");
    Err(Error::input(run.folder(), problem))
}

fn hash(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| Error::io("reading", path, error))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}
