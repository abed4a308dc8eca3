//! What is known of subjects besides their events: their integer, sex and birth.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::{DateTime, Time};

use crate::assertion::{Experiencer, Presence};
use crate::export::axes::Axes;
use crate::export::ids::SubjectIds;
use crate::past_run::Row;
use crate::read::patients::{self, Patient, Patients, Sex};
use crate::{Error, Result};

/// The subjects of an export. A file of patients goes before what notes say.
pub(super) struct Subjects {
    ids: SubjectIds,
    patients: Patients,
    stated: BTreeMap<i64, Stated>,
}

/// What notes say of a subject's sex.
#[derive(Clone, Copy, Default)]
struct Stated {
    male: bool,
    female: bool,
}

impl Stated {
    /// The sex that notes agree on.
    fn sex(self) -> Option<Sex> {
        match (self.male, self.female) {
            (true, false) => Some(Sex::Male),
            (false, true) => Some(Sex::Female),
            _ => None,
        }
    }
}

/// What is known of a subject.
pub(super) struct Known {
    pub subject: i64,
    pub sex: Option<Sex>,
    /// Midnight of the day, in microseconds.
    pub birth: Option<i64>,
}

impl Subjects {
    /// No subject yet, and what a file says of patients.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(file: Option<&Path>) -> Result<Subjects> {
        let patients = file.map(patients::read).transpose()?.unwrap_or_default();
        Ok(Subjects { ids: SubjectIds::default(), patients, stated: BTreeMap::new() })
    }

    /// The integer of a patient.
    ///
    /// # Errors
    /// Another patient has the same integer; which one.
    pub fn number(&mut self, patient_id: &str) -> Result<i64, String> {
        self.ids.of(patient_id)
    }

    /// The integers of patients.
    pub fn ids(&self) -> &SubjectIds {
        &self.ids
    }

    /// Learns from a row that states the patient's sex.
    pub fn learn(&mut self, subject: i64, row: &Row, axes: Axes) {
        let is_own = axes.experiencer == Experiencer::Patient && axes.presence == Presence::Present;
        let sex = row.text("concept_id").and_then(|path| path.strip_prefix("demographic.sex.")).filter(|_| is_own);
        match sex {
            Some("male") => self.stated.entry(subject).or_default().male = true,
            Some("female") => self.stated.entry(subject).or_default().female = true,
            _ => {}
        }
    }

    /// Subjects of whom notes say both, or another sex than the file.
    pub fn n_contradictory(&self) -> u64 {
        let is_contradictory = |(subject, patient_id): (i64, &str)| {
            let stated = self.stated.get(&subject).copied().unwrap_or_default();
            let sex = self.patients.get(patient_id).and_then(|patient| patient.sex);
            (stated.male && stated.female) || sex.zip(stated.sex()).is_some_and(|(file, notes)| file != notes)
        };
        self.ids.iter().filter(|known| is_contradictory(*known)).count() as u64
    }

    /// What is known of each subject, by integer.
    pub fn known(&self) -> Vec<Known> {
        let known = |(subject, patient_id): (i64, &str)| {
            let Patient { sex, birth_date } = self.patients.get(patient_id).copied().unwrap_or_default();
            let stated = self.stated.get(&subject).copied().unwrap_or_default();
            let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
            let since = birth_date.map(|date| date.to_datetime(Time::midnight()).duration_since(epoch).as_micros());
            let birth = since.and_then(|micros| i64::try_from(micros).ok());
            Known { subject, sex: sex.or(stated.sex()), birth }
        };
        self.ids.iter().map(known).collect()
    }

    /// How many rows of the file of patients could not be understood; writes which, and why, where there are some.
    pub fn write_rejected(&self, path: &Path) -> Result<u64> {
        let rejected = self.patients.rejected();
        if !rejected.is_empty() {
            let failed = |error: csv::Error| Error::io("writing", path, std::io::Error::other(error));
            let mut table = csv::Writer::from_path(path).map_err(failed)?;
            table.write_record(["record", "reason"]).map_err(failed)?;
            for row in rejected {
                table.write_record([&row.record.to_string(), &row.reason]).map_err(failed)?;
            }
            table.flush().map_err(|error| Error::io("writing", path, error))?;
        }
        Ok(rejected.len() as u64)
    }
}
