//! The moments at which scores are computed for a patient.

use std::collections::BTreeMap;

use super::record::{DAY, Entry, Origin};

/// The days without a note that an encounter may go on for; after more, nobody looked.
const MAX_GAP_DAYS: i64 = 30;

/// Which moments scores are computed at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moments {
    /// The time of each note.
    #[default]
    Notes,
    /// The end of each day from the first to the last note of an encounter, and of each day of a note without encounter.
    Days,
    /// Those of a file with the columns `patient_id` and `time`.
    File(std::path::PathBuf),
}

/// A moment of a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment<'a> {
    pub time: i64,
    /// The encounter of the last note up to it.
    pub encounter: Option<&'a str>,
}

/// The times of the notes of a patient, whose entries are in the order of time, each once.
pub(super) fn of_notes<'a>(entries: &[Entry<'a>]) -> Vec<Moment<'a>> {
    let mut moments: Vec<Moment<'a>> = Vec::new();
    for (time, encounter) in entries.iter().filter_map(note) {
        match moments.last_mut() {
            Some(last) if last.time == time => last.encounter = encounter.or(last.encounter),
            _ => moments.push(Moment { time, encounter }),
        }
    }
    moments
}

/// The ends of the days of encounters.
pub(super) fn of_days<'a>(entries: &[Entry<'a>]) -> Vec<Moment<'a>> {
    let mut last_days: BTreeMap<&str, i64> = BTreeMap::new();
    let mut days: BTreeMap<i64, Option<&'a str>> = BTreeMap::new();
    for (time, encounter) in entries.iter().filter_map(note) {
        let day = time.div_euclid(DAY);
        let last = encounter.and_then(|encounter| last_days.insert(encounter, day));
        let first = last.filter(|last| day - last <= MAX_GAP_DAYS + 1).map_or(day, |last| (last + 1).min(day));
        for day in first..=day {
            days.insert(day, encounter);
        }
    }
    days.into_iter().map(|(day, encounter)| Moment { time: (day + 1) * DAY - 1, encounter }).collect()
}

/// Given times, each with the encounter of the last note before it.
pub(super) fn of_times<'a>(entries: &[Entry<'a>], times: &[i64]) -> Vec<Moment<'a>> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.dedup();
    let at = |time| {
        let before = entries.iter().filter_map(note).take_while(|(noted, _)| *noted <= time);
        Moment { time, encounter: before.last().and_then(|(_, encounter)| encounter) }
    };
    times.into_iter().map(at).collect()
}

fn note<'a>(entry: &Entry<'a>) -> Option<(i64, Option<&'a str>)> {
    match entry.origin {
        Origin::Note { encounter, .. } => Some((entry.time, encounter)),
        Origin::Row(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(hours: i64, encounter: Option<&'static str>) -> Entry<'static> {
        let origin = Origin::Note { id: "n", encounter, note_type: "", text_hash: "" };
        Entry { patient: 0, time: hours * DAY / 24, origin, statements: Vec::new() }
    }

    #[test]
    fn each_time_of_a_note_is_a_moment_once() {
        let row = Entry { origin: Origin::Row(1), ..entry(3, None) };
        let moments = of_notes(&[entry(1, Some("e")), entry(1, None), row, entry(5, None)]);
        assert_eq!(moments.len(), 2);
        assert_eq!(moments[0].encounter, Some("e"));
    }

    #[test]
    fn days_of_an_encounter_go_from_its_first_to_its_last_note() {
        let days = |entries: &[Entry<'_>]| -> Vec<i64> {
            of_days(entries).iter().map(|moment| moment.time.div_euclid(DAY)).collect()
        };
        assert_eq!(days(&[entry(1, Some("e")), entry(30, None), entry(80, Some("e"))]), [0, 1, 2, 3]);
        assert_eq!(days(&[entry(1, None), entry(80, None)]), [0, 3]);
        assert_eq!(days(&[entry(1, Some("e")), entry(24 * 400, Some("e"))]), [0, 400]);
    }

    #[test]
    fn given_times_take_the_encounter_of_the_last_note() {
        let entries = [entry(1, Some("e")), entry(30, Some("f"))];
        let moments = of_times(&entries, &[DAY * 9, 0, DAY, DAY]);
        let encounters: Vec<_> = moments.iter().map(|moment| moment.encounter).collect();
        assert_eq!(encounters, [None, Some("e"), Some("f")]);
    }
}
