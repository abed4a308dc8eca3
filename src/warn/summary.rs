//! Alert burden: how often each score alerts, how often the notes leave it open, and what they lack.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::record::DAY;
use crate::{Error, ErrorKind, Result};

/// How many missing inputs are named.
const MAX_NAMED: usize = 5;

/// What came of a score.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ScoreSummary {
    /// The score.
    pub score: String,
    /// Patients that it applies to at a moment.
    pub patients: u64,
    /// Moments of patients that it applies to.
    pub moments: u64,
    /// Days of patients with such a moment.
    pub patient_days: u64,
    /// Moments at which it does not apply (age, sex, exclusions): they have no row.
    pub not_applicable: u64,
    /// Moments at which both ends of the interval are in the same band.
    pub decided: u64,
    /// The share of them.
    pub share_decided: f64,
    /// The share of the others.
    pub share_undecided: f64,
    /// The share of moments at which it is decided whether the score calls for action.
    pub share_action_decided: f64,
    /// Moments at which the score calls for action, whatever is missing.
    pub alerts: u64,
    /// Alerts that no alert of the same patient and score came just before.
    pub alert_onsets: u64,
    /// Patients with an alert.
    pub patients_alerted: u64,
    /// Onsets of alerts for 100 days of patients.
    pub alerts_per_100_patient_days: f64,
    /// The inputs that were missing most often, with the number of moments.
    pub top_missing: Vec<(String, u64)>,
}

/// Whether a score calls for action at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action {
    /// It does, whatever is missing.
    pub alerts: bool,
    /// What is missing does not matter for that.
    pub decided: bool,
}

/// Counts for a score, of some patients.
#[derive(Clone, Default)]
pub(super) struct Tally {
    patients: u64,
    moments: u64,
    patient_days: u64,
    not_applicable: u64,
    decided: u64,
    action_decided: u64,
    alerts: u64,
    alert_onsets: u64,
    patients_alerted: u64,
    /// By the number of the input.
    missing: Vec<u64>,
    /// Of the patient at hand.
    last_day: Option<i64>,
    is_alerting: bool,
    was_alerted: bool,
}

impl Tally {
    /// Begins with another patient.
    pub fn begin_patient(&mut self) {
        (self.last_day, self.is_alerting, self.was_alerted) = (None, false, false);
    }

    /// Counts a moment at which the score does not apply.
    pub fn not_applicable(&mut self) {
        self.not_applicable += 1;
        self.is_alerting = false;
    }

    /// Counts a moment of the patient at hand; moments come in the order of time.
    pub fn moment(&mut self, time: i64, decided: bool, action: Action) {
        let alerts = action.alerts;
        let day = time.div_euclid(DAY);
        self.patients += u64::from(self.last_day.is_none());
        self.patient_days += u64::from(self.last_day != Some(day));
        self.last_day = Some(day);
        self.moments += 1;
        self.decided += u64::from(decided);
        self.action_decided += u64::from(action.decided);
        self.alerts += u64::from(alerts);
        self.alert_onsets += u64::from(alerts && !self.is_alerting);
        self.patients_alerted += u64::from(alerts && !self.was_alerted);
        self.is_alerting = alerts;
        self.was_alerted |= alerts;
    }

    /// Counts an input that is missing.
    pub fn missing(&mut self, input: usize) {
        if self.missing.len() <= input {
            self.missing.resize(input + 1, 0);
        }
        if let Some(count) = self.missing.get_mut(input) {
            *count += 1;
        }
    }

    /// Adds the counts of other patients.
    pub fn add(&mut self, other: &Tally) {
        self.patients += other.patients;
        self.moments += other.moments;
        self.patient_days += other.patient_days;
        self.not_applicable += other.not_applicable;
        self.decided += other.decided;
        self.action_decided += other.action_decided;
        self.alerts += other.alerts;
        self.alert_onsets += other.alert_onsets;
        self.patients_alerted += other.patients_alerted;
        self.missing.resize(self.missing.len().max(other.missing.len()), 0);
        for (count, other) in self.missing.iter_mut().zip(&other.missing) {
            *count += other;
        }
    }

    /// The figures, for a score and its inputs by name.
    pub fn summary<'n>(&self, score: &str, inputs: impl Iterator<Item = &'n str>) -> ScoreSummary {
        let share = |count: u64, of: u64| if of == 0 { 0.0 } else { count as f64 / of as f64 };
        let counts: BTreeMap<&str, u64> = inputs.zip(self.missing.iter().copied()).filter(|(_, n)| *n > 0).collect();
        let mut top_missing: Vec<(String, u64)> = counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
        // Those that are equal stay in the order of their names.
        top_missing.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        top_missing.truncate(MAX_NAMED);
        ScoreSummary {
            score: score.to_owned(),
            patients: self.patients,
            moments: self.moments,
            patient_days: self.patient_days,
            not_applicable: self.not_applicable,
            decided: self.decided,
            share_decided: share(self.decided, self.moments),
            share_undecided: share(self.moments - self.decided, self.moments),
            share_action_decided: share(self.action_decided, self.moments),
            alerts: self.alerts,
            alert_onsets: self.alert_onsets,
            patients_alerted: self.patients_alerted,
            alerts_per_100_patient_days: 100.0 * share(self.alert_onsets, self.patient_days),
            top_missing,
        }
    }
}

impl ScoreSummary {
    /// The missing inputs in words.
    pub(super) fn missing_words(&self, between: &str) -> String {
        let words: Vec<String> = self.top_missing.iter().map(|(name, n)| format!("{name}:{n}")).collect();
        words.join(between)
    }
}

/// Writes `summary.csv`.
pub(super) fn write(path: &Path, summaries: &[ScoreSummary]) -> Result<()> {
    let failed = |error: csv::Error| Error::from(ErrorKind::Encode { table: "summary", problem: error.to_string() });
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer
        .write_record([
            "score",
            "patients",
            "moments",
            "patient_days",
            "not_applicable",
            "decided",
            "share_decided",
            "share_undecided",
            "share_action_decided",
            "alerts",
            "alert_onsets",
            "patients_alerted",
            "alerts_per_100_patient_days",
            "top_missing",
        ])
        .map_err(failed)?;
    for summary in summaries {
        let counts = [summary.patients, summary.moments, summary.patient_days, summary.not_applicable, summary.decided];
        let mut record = vec![summary.score.clone()];
        record.extend(counts.map(|count| count.to_string()));
        record.extend(
            [summary.share_decided, summary.share_undecided, summary.share_action_decided]
                .map(|share| format!("{share:.4}")),
        );
        record.extend([summary.alerts, summary.alert_onsets, summary.patients_alerted].map(|count| count.to_string()));
        record.push(format!("{:.2}", summary.alerts_per_100_patient_days));
        record.push(summary.missing_words(";"));
        writer.write_record(&record).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| Error::io("writing", path, error.into_error()))?;
    std::fs::write(path, bytes).map_err(|error| Error::io("writing", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_that_goes_on_is_one_onset() {
        let mut tally = Tally::default();
        for (hour, alerts) in [(0, false), (4, true), (8, true), (30, false), (50, true)] {
            tally.moment(hour * DAY / 24, hour != 0, Action { alerts, decided: true });
            tally.missing(1);
        }
        tally.begin_patient();
        tally.not_applicable();
        tally.moment(0, true, Action { alerts: true, decided: true });
        let mut all = Tally::default();
        all.add(&tally);
        let summary = all.summary("news2", ["pulse", "temperature"].into_iter());
        assert_eq!((summary.patients, summary.moments, summary.patient_days), (2, 6, 4));
        assert_eq!((summary.decided, summary.alerts, summary.alert_onsets, summary.patients_alerted), (5, 4, 3, 2));
        assert_eq!(summary.alerts_per_100_patient_days, 75.0);
        assert_eq!(summary.top_missing, [("temperature".to_owned(), 5)]);
        assert_eq!(summary.not_applicable, 1);
    }
}
