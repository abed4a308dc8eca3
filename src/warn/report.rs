//! What came of a command: counts that add up, what it was made of, and the alert burden, for `warn.json` and for people.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::WarnOptions;
use super::moments::Moments;
use super::observations::ObservationCounts;
use super::summary::ScoreSummary;
use crate::past_run::PastRun;
use crate::read::patients::Patients;
use crate::score::Assume;
use crate::write::folder::RUN_FILE;
use crate::{Error, Result};

/// How many notes or rows are named.
const MAX_NAMED: usize = 20;

/// Notes that give no moment and no evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// How many.
    pub notes: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl LeftOut {
    pub(super) fn add(&mut self, note_id: &str) {
        self.notes += 1;
        if self.first.len() < MAX_NAMED {
            self.first.push(note_id.to_owned());
        }
    }
}

/// What came of the rows of a file of moments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MomentCounts {
    /// Rows of the file.
    pub read: u64,
    /// Rows that could not be used, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// The first of them: number from 1, and reason.
    pub first_rejected: Vec<(u64, &'static str)>,
}

impl MomentCounts {
    pub(super) fn reject(&mut self, row: u64, reason: &'static str) {
        *self.rejected.entry(reason).or_default() += 1;
        if self.first_rejected.len() < MAX_NAMED {
            self.first_rejected.push((row, reason));
        }
    }
}

/// What came of the rows of a file of patients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WarnPatientCounts {
    /// Rows of the file.
    pub read: u64,
    /// Rows that could not be used.
    pub rejected: u64,
    /// The first of them: number from 1, and reason.
    pub first_rejected: Vec<(u64, String)>,
    /// The first patients whose rows contradict each other; what they contradict each other in is not known.
    pub contradicted: Vec<String>,
}

impl WarnPatientCounts {
    pub(super) fn of(patients: &Patients) -> WarnPatientCounts {
        let rejected = patients.rejected();
        WarnPatientCounts {
            read: patients.n_rows(),
            rejected: rejected.len() as u64,
            first_rejected: rejected.iter().take(MAX_NAMED).map(|row| (row.record, row.reason.clone())).collect(),
            contradicted: patients.contradicted().take(MAX_NAMED).map(str::to_owned).collect(),
        }
    }
}

/// A file, or what stands for it, by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MadeOf {
    /// Path, or identifier of a score.
    pub name: String,
    /// Hash of its bytes.
    pub blake3: String,
}

/// What came of a command.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WarnReport {
    /// Version of the program.
    pub version: &'static str,
    /// The description of the run.
    pub run: MadeOf,
    /// The version of the program that made the run.
    pub run_version: String,
    /// The scores, and the files that were given.
    pub made_of: Vec<MadeOf>,
    /// Which moments: `note`, `day` or `file`.
    pub at: &'static str,
    /// What was taken for inputs that are not known: `nothing`, `absent` or `normal`.
    pub assume: &'static str,
    /// Whether rows that change nothing were left out.
    pub changes_only: bool,
    /// The tables of the run that were read.
    pub tables: Vec<String>,
    /// Annotated notes of the run: those that are used, and those without patient or without time.
    pub notes: u64,
    /// Notes with patient and time.
    pub notes_used: u64,
    /// Notes without patient.
    pub without_patient: LeftOut,
    /// Notes with a patient but without time.
    pub without_time: LeftOut,
    /// Patients of notes and of the file of observations.
    pub patients: u64,
    /// Moments of patients.
    pub moments: u64,
    /// Rows of the table of warnings.
    pub rows: u64,
    /// Rows of the file of observations.
    pub observations: Option<ObservationCounts>,
    /// Rows of the file of moments.
    pub moment_rows: Option<MomentCounts>,
    /// Rows of the file of patients.
    pub patient_rows: Option<WarnPatientCounts>,
    /// Studies after which another is due, by what became of it.
    pub follow_ups: BTreeMap<&'static str, u64>,
    /// The scores, in their order.
    pub scores: Vec<ScoreSummary>,
}

impl WarnReport {
    pub(super) fn new(past: &PastRun, options: &WarnOptions) -> Result<WarnReport> {
        let hash = |path: &Path| -> Result<String> {
            let bytes = std::fs::read(path).map_err(|error| Error::io("reading", path, error))?;
            Ok(blake3::hash(&bytes).to_hex().to_string())
        };
        let run_file = past.folder().join(RUN_FILE);
        let run = MadeOf { name: run_file.display().to_string(), blake3: hash(&run_file)? };
        let scores = options.scores.iter().map(|score| MadeOf { name: score.id.clone(), blake3: score.blake3.clone() });
        Ok(WarnReport {
            version: env!("CARGO_PKG_VERSION"),
            run,
            run_version: past.description().version.clone(),
            made_of: scores.collect(),
            at: match options.at {
                Moments::Notes => "note",
                Moments::Days => "day",
                Moments::File(_) => "file",
            },
            assume: match options.assume {
                Assume::Nothing => "nothing",
                Assume::Absent => "absent",
                Assume::Normal => "normal",
            },
            changes_only: options.changes_only,
            tables: Vec::new(),
            notes: 0,
            notes_used: 0,
            without_patient: LeftOut::default(),
            without_time: LeftOut::default(),
            patients: 0,
            moments: 0,
            rows: 0,
            observations: None,
            moment_rows: None,
            patient_rows: None,
            follow_ups: BTreeMap::new(),
            scores: Vec::new(),
        })
    }

    pub(super) fn used(&mut self, path: &Path, hash: blake3::Hash) {
        self.made_of.push(MadeOf { name: path.display().to_string(), blake3: hash.to_hex().to_string() });
    }

    /// Rows of given files that were rejected.
    pub fn n_rejected(&self) -> u64 {
        let observations = self.observations.as_ref().map_or(0, ObservationCounts::n_rejected);
        let patients = self.patient_rows.as_ref().map_or(0, |rows| rows.rejected);
        observations + patients + self.moment_rows.as_ref().map_or(0, |rows| rows.rejected.values().sum())
    }
}

impl fmt::Display for WarnReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} warnings at {} moments of {} patients", self.rows, self.moments, self.patients)?;
        for (left, what) in [(&self.without_patient, "patient"), (&self.without_time, "time")] {
            if left.notes > 0 {
                writeln!(f, "{} of {} notes have no {what} and are left out", left.notes, self.notes)?;
            }
        }
        if let Some(rows) = self.patient_rows.as_ref().filter(|rows| rows.rejected > 0) {
            writeln!(f, "{} rows of the file of patients are rejected", rows.rejected)?;
        }
        let observations = self.observations.iter().flat_map(|counts| &counts.rejected).map(|r| ("observations", r));
        let moments = self.moment_rows.iter().flat_map(|counts| &counts.rejected).map(|r| ("moments", r));
        for (file, (reason, n)) in observations.chain(moments) {
            writeln!(f, "{n} rows of the file of {file} are rejected: {reason}")?;
        }
        if !self.follow_ups.is_empty() {
            let counts: Vec<String> = self.follow_ups.iter().map(|(status, n)| format!("{n} {status}")).collect();
            writeln!(f, "studies after which another is due: {}", counts.join(", "))?;
        }
        let header = ["score", "moments", "decided", "action", "alerts", "patients", "per 100 days"];
        let [score, rest @ ..] = header;
        write!(f, "\n{score:24}")?;
        rest.iter().try_for_each(|name| write!(f, "{name:>14}"))?;
        writeln!(f, "  most often missing")?;
        for score in &self.scores {
            let shared = format!("{:.1} %", 100.0 * score.share_decided);
            let action = format!("{:.1} %", 100.0 * score.share_action_decided);
            write!(f, "{:24}{:>14}{shared:>14}{action:>14}{:>14}", score.score, score.moments, score.alert_onsets)?;
            write!(f, "{:>14}{:>14.2}  ", score.patients_alerted, score.alerts_per_100_patient_days)?;
            let missing: Vec<&str> = score.top_missing.iter().map(|(name, _)| name.as_str()).take(3).collect();
            writeln!(f, "{}", missing.join(", "))?;
        }
        writeln!(f, "\nfor professionals to consider; no medical device")
    }
}
