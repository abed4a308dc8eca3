//! What is known of subjects besides their events: their integer, sex and birth.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Result;
use crate::assertion::{Experiencer, Presence};
use crate::export::axes::Axes;
use crate::export::ids::SubjectIds;
use crate::past_run::Row;

/// The subjects of an export.
#[derive(Default)]
pub(super) struct Subjects {
    ids: SubjectIds,
    stated: BTreeMap<i64, Stated>,
}

/// What notes say of a subject's sex.
#[derive(Clone, Copy, Default)]
struct Stated {
    male: bool,
    female: bool,
}

/// What is known of a subject.
pub(super) struct Known {
    pub subject: i64,
    pub sex: &'static str,
    /// Midnight of the day, in microseconds.
    pub birth: Option<i64>,
}

impl Subjects {
    /// No subject yet; a file of patients goes before what notes say.
    pub fn read(_patients: Option<&Path>) -> Result<Subjects> {
        Ok(Subjects::default())
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

    /// Subjects of whom notes say both, and a file of patients says nothing.
    pub fn n_contradictory(&self) -> u64 {
        self.stated.values().filter(|stated| stated.male && stated.female).count() as u64
    }

    /// What is known of each subject, by integer.
    pub fn known(&self) -> Vec<Known> {
        let known = |(subject, _patient_id): (i64, &str)| {
            let stated = self.stated.get(&subject).copied().unwrap_or_default();
            let sex = match (stated.male, stated.female) {
                (true, false) => "male",
                (false, true) => "female",
                _ => "unknown",
            };
            Known { subject, sex, birth: None }
        };
        self.ids.iter().map(known).collect()
    }
}
