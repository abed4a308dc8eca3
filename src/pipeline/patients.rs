//! What the file of patients and the notes say of each other. The file goes before the notes; what they contradict each
//! other in is counted, so that a wrong file is seen.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Pipeline;
use crate::Result;
use crate::annotation::AnnotatedNote;
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::config::Config;
use crate::fact::{Fact, FactType};
use crate::note::NoteTime;
use crate::read::patients::{self, Patient, Patients, Sex};

/// Years that a stated age may be off before it contradicts the date of birth.
const AGE_TOLERANCE_YEARS: f64 = 1.0;
const DAYS_PER_YEAR: f64 = 365.25;
/// Rows of the file that `run.json` and a warning name.
const NAMED: usize = 20;

/// Annotated notes by what the file of patients says of their patient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PatientCounts {
    /// Notes of a patient that the file has.
    pub known: u64,
    /// Notes of a patient that the file does not have.
    pub unknown: u64,
    /// Notes without a patient.
    pub without_id: u64,
    /// Notes that state an age more than a year from what the date of birth gives at their time.
    pub age_contradicted: u64,
    /// Notes that state another sex.
    pub sex_contradicted: u64,
}

impl PatientCounts {
    /// Adds the counts of other notes.
    pub(super) fn add(&mut self, other: &PatientCounts) {
        self.known += other.known;
        self.unknown += other.unknown;
        self.without_id += other.without_id;
        self.age_contradicted += other.age_contradicted;
        self.sex_contradicted += other.sex_contradicted;
    }

    /// Counts a note.
    pub(super) fn compare(&mut self, patients: &Patients, note: &AnnotatedNote, pipeline: &Pipeline) {
        let meta = &note.document.note().meta;
        let Some(id) = meta.patient_id.as_deref() else {
            self.without_id += 1;
            return;
        };
        let Some(patient) = patients.get(id) else {
            self.unknown += 1;
            return;
        };
        self.known += 1;
        let stated = || note.facts.iter().filter(|fact| is_of_patient(fact));
        if let Some(age) = age_at(patient, meta.time) {
            let differs = |fact: &Fact| fact.amount.is_some_and(|amount| is_another_age(age, amount.value));
            self.age_contradicted += u64::from(stated().any(differs));
        }
        let sex = |fact: &Fact| stated_sex(pipeline.fact_concept(fact)?.id);
        let differs = |fact: &Fact| patient.sex.zip(sex(fact)).is_some_and(|(known, stated)| known != stated);
        self.sex_contradicted += u64::from(stated().any(differs));
    }

    /// What a person should know of at the end of a run.
    pub(super) fn warnings(&self, patients: &Patients) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(first) = patients.rejected().first() {
            let n_rejected = patients.rejected().len();
            warnings.push(format!(
                "patients: {n_rejected} of {} rows were left out, the first record {}: {}; run.json names them",
                patients.n_rows(),
                first.record,
                first.reason
            ));
        }
        let n_contradicted = patients.contradicted().count();
        let mut counted = |n: u64, what: &str| {
            if n > 0 {
                warnings.push(format!("patients: {n} {what}"));
            }
        };
        counted(
            n_contradicted as u64,
            "patients have rows that contradict each other; what they differ in is not known",
        );
        counted(self.unknown, "notes are of patients that the file does not have");
        counted(self.age_contradicted, "notes state an age more than a year from that by the file's date of birth");
        counted(self.sex_contradicted, "notes state another sex than the file");
        warnings
    }
}

/// The patients that the configuration names.
///
/// # Errors
/// The file cannot be read.
pub(super) fn load(config: &Config) -> Result<Option<Patients>> {
    config.patients.as_deref().map(patients::read).transpose()
}

/// What tells one file of patients from another.
pub(super) fn identity(patients: Option<&Patients>) -> Value {
    json!(patients.and_then(Patients::hash).map(|hash| json!({ "blake3": hash.to_hex().as_str() })))
}

/// What `run.json` says of the file.
pub(super) fn described(patients: Option<&Patients>) -> Value {
    let Some(patients) = patients else { return Value::Null };
    let rejected = patients.rejected().iter().take(NAMED);
    let rejected: Vec<Value> = rejected.map(|row| json!({ "record": row.record, "reason": row.reason })).collect();
    json!({
        "blake3": patients.hash().map(|hash| hash.to_hex().to_string()),
        "rows": patients.n_rows(),
        "patients": patients.len(),
        "duplicates": patients.n_duplicates(),
        "rejected": patients.rejected().len(),
        "rejected_first": rejected,
        "contradicted": patients.contradicted().count(),
        "contradicted_first": patients.contradicted().take(NAMED).collect::<Vec<_>>(),
    })
}

/// Whether a fact states an age or a sex that the patient has at the time of the note.
fn is_of_patient(fact: &Fact) -> bool {
    let assertion = &fact.assertion;
    fact.kind == FactType::Demographic
        && assertion.presence == Presence::Present
        && assertion.temporality == Temporality::Current
        && assertion.experiencer == Experiencer::Patient
}

fn stated_sex(id: &str) -> Option<Sex> {
    match id {
        "demographic.sex.male" => Some(Sex::Male),
        "demographic.sex.female" => Some(Sex::Female),
        _ => None,
    }
}

/// The age in years at a time.
fn age_at(patient: &Patient, time: Option<NoteTime>) -> Option<f64> {
    let date = time?.date()?;
    let days = date.duration_since(patient.birth_date?).as_hours() / 24;
    Some(days as f64 / DAYS_PER_YEAR)
}

/// Whether somebody of an age cannot be said to be `stated` years old: from that birthday to the next, and a year around.
fn is_another_age(age: f64, stated: f64) -> bool {
    age < stated - AGE_TOLERANCE_YEARS || age > stated + 1.0 + AGE_TOLERANCE_YEARS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_a_year_off_are_not_contradictions() {
        let check = |age: f64, stated: f64, expected: bool| {
            assert_eq!(is_another_age(age, stated), expected, "{age} {stated}");
        };
        check(68.9, 68.0, false);
        check(68.9, 67.0, false);
        check(68.1, 69.0, false);
        check(68.9, 66.0, true);
        check(68.1, 70.0, true);
        check(0.2, 0.25, false);
    }
}
