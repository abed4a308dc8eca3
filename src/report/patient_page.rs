//! The page of a patient: notes in order, problems note by note, trends, warnings; ready for the template.

use serde::Serialize;

use super::chart::{Dot, Point, Sparkline, count, fixed, number, sparkline};
use super::patient::{PatientRecord, Problem, Trend};
use super::tally::State;
use super::time;
use super::warnings::PatientWarning;

/// Width of the strip of notes.
const STRIP: f64 = 240.0;

/// The page of a patient.
#[derive(Serialize)]
pub(super) struct PatientPage {
    pub patient_id: String,
    pub version: String,
    pub strip_width: String,
    pub timeline: Vec<Dot>,
    pub notes: Vec<NoteLine>,
    pub problems: Vec<ProblemLine>,
    pub facts: Option<Vec<ProblemLine>>,
    pub trends: Option<Vec<TrendLine>>,
    pub warnings: Option<Vec<PatientWarning>>,
    pub first: String,
    pub last: String,
}

/// A note of the patient.
#[derive(Serialize)]
pub(super) struct NoteLine {
    pub number: usize,
    pub time: String,
    pub kind: String,
    pub author: String,
    pub id: String,
    pub status: String,
    pub mentions: String,
}

/// A problem, or a fact, over the notes.
#[derive(Serialize)]
pub(super) struct ProblemLine {
    pub name: String,
    pub kind: String,
    pub code: String,
    pub state: &'static str,
    pub states: String,
    pub first: String,
    pub last: String,
    pub notes: String,
    pub copied: String,
    pub marks: Vec<Dot>,
    pub why: String,
}

/// A measurement over time.
#[derive(Serialize)]
pub(super) struct TrendLine {
    pub name: String,
    pub unit: String,
    pub n: String,
    pub first: String,
    pub last: String,
    pub min: String,
    pub max: String,
    pub implausible: usize,
    pub line: Sparkline,
}

impl PatientPage {
    pub fn of(
        patient_id: &str,
        version: String,
        record: &PatientRecord,
        warnings: Option<Vec<PatientWarning>>,
    ) -> PatientPage {
        let paper = Paper::of(record);
        let known: Vec<i64> = record.notes.iter().filter_map(|note| note.time).collect();
        let edge = |time: Option<&i64>| time.map_or_else(String::new, |&time| time::minute(time));
        let lines = |problems: &std::collections::BTreeMap<String, Problem>| {
            let mut sorted: Vec<(&String, &Problem)> = problems.iter().collect();
            // What is there comes first, then what is in most notes.
            sorted.sort_by_key(|(key, problem)| {
                let strongest = problem.by_note.values().max().copied();
                (std::cmp::Reverse(strongest), std::cmp::Reverse(problem.by_note.len()), (*key).clone())
            });
            sorted.into_iter().map(|(_, problem)| paper.problem(problem)).collect::<Vec<_>>()
        };
        PatientPage {
            patient_id: patient_id.to_owned(),
            version,
            strip_width: fixed(STRIP),
            timeline: (0..record.notes.len()).map(|note| paper.mark(note, "note", String::new())).collect(),
            notes: record.notes.iter().enumerate().map(|(place, _)| paper.note(place)).collect(),
            problems: lines(&record.problems),
            facts: record.has_facts.then(|| lines(&record.facts)),
            trends: record
                .has_measurements
                .then(|| record.trends.iter().map(|(name, trend)| paper.trend(name, trend)).collect()),
            warnings,
            first: edge(known.iter().min()),
            last: edge(known.iter().max()),
        }
    }
}

/// Where the notes stand from left to right.
struct Paper<'a> {
    record: &'a PatientRecord,
    places: Vec<f64>,
}

impl<'a> Paper<'a> {
    /// Notes by their times where all have one and they differ, else one after another.
    fn of(record: &'a PatientRecord) -> Paper<'a> {
        let times: Option<Vec<i64>> = record.notes.iter().map(|note| note.time).collect();
        let in_order = || (0..record.notes.len()).map(|place| place as f64).collect::<Vec<f64>>();
        let places = match times {
            Some(times) if times.first() != times.last() => times.iter().map(|&time| time as f64).collect(),
            _ => in_order(),
        };
        Paper { record, places }
    }

    fn x(&self, note: usize) -> f64 {
        let (first, last) = (self.places.first().copied(), self.places.last().copied());
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        let share = match self.places.get(note) {
            Some(place) if last > first => (place - first) / (last - first),
            _ => 0.5,
        };
        6.0 + share * (STRIP - 12.0)
    }

    fn title(&self, note: usize) -> String {
        let found = self.record.notes.get(note);
        let (time, kind) = found.map_or((None, ""), |note| (note.time, note.kind.as_str()));
        let time = time.map_or_else(|| "no time".to_owned(), time::minute);
        format!("note {}: {time}{}{kind}", note + 1, if kind.is_empty() { "" } else { ", " })
    }

    fn mark(&self, note: usize, class: &'static str, more: String) -> Dot {
        let title = self.title(note) + &more;
        Dot { x: fixed(self.x(note)), y: String::new(), class, title }
    }

    fn note(&self, place: usize) -> NoteLine {
        let note = &self.record.notes[place];
        NoteLine {
            number: place + 1,
            time: note.time.map_or_else(String::new, time::minute),
            kind: note.kind.clone(),
            author: note.author.clone(),
            id: note.id.clone(),
            status: note.status.clone(),
            mentions: count(note.mentions),
        }
    }

    fn problem(&self, problem: &Problem) -> ProblemLine {
        let at = |seen: &Option<(usize, String)>| seen.as_ref().map_or_else(String::new, |(note, _)| self.when(*note));
        let marks = problem.by_note.iter().map(|(&note, &state)| {
            let copied = problem.is_copied_in(note);
            let class = class(state, copied);
            self.mark(note, class, format!(": {}{}", state.name(), if copied { ", copied" } else { "" }))
        });
        let parts = State::ALL.iter().zip(problem.states.in_order()).filter(|(_, n)| *n > 0);
        let parts: Vec<String> = parts.map(|(state, n)| format!("{} {n}", state.name())).collect();
        ProblemLine {
            name: problem.name.clone(),
            kind: problem.kind.clone(),
            code: problem.icd10cm.clone(),
            state: problem.by_note.values().next_back().map_or("", |state| state.name()),
            states: parts.join(", "),
            first: at(&problem.first),
            last: at(&problem.last),
            notes: count(problem.by_note.len() as u64),
            copied: count(problem.copied_notes as u64),
            marks: marks.collect(),
            why: problem.last.as_ref().map_or_else(String::new, |(_, mention)| mention.clone()),
        }
    }

    /// When a note was: its day, or its number.
    fn when(&self, note: usize) -> String {
        let time = self.record.notes.get(note).and_then(|note| note.time);
        time.map_or_else(|| format!("note {}", note + 1), |time| time::minute(time).chars().take(10).collect())
    }

    fn trend(&self, name: &str, trend: &Trend) -> TrendLine {
        let points: Vec<Point> = trend
            .readings
            .iter()
            .map(|reading| Point {
                at: self.places.get(reading.note).copied().unwrap_or_default(),
                value: reading.value,
                class: if reading.is_plausible { "" } else { "odd" },
                title: format!("{}: {} {}", self.title(reading.note), number(reading.value), trend.unit),
            })
            .collect();
        let plausible = || trend.readings.iter().filter(|reading| reading.is_plausible).map(|reading| reading.value);
        let edge = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        TrendLine {
            name: name.to_owned(),
            unit: trend.unit.clone(),
            n: count(trend.readings.len() as u64),
            first: edge(plausible().next()),
            last: edge(plausible().next_back()),
            min: edge(plausible().reduce(f64::min)),
            max: edge(plausible().reduce(f64::max)),
            implausible: trend.readings.iter().filter(|reading| !reading.is_plausible).count(),
            line: sparkline(&points),
        }
    }
}

/// The class of a state in the style sheet; that of a copied one is lighter.
fn class(state: State, is_copied: bool) -> &'static str {
    match (state, is_copied) {
        (State::Present, false) => "present",
        (State::Present, true) => "present copied",
        (State::Possible, false) => "possible",
        (State::Possible, true) => "possible copied",
        (State::Absent, false) => "absent",
        (State::Absent, true) => "absent copied",
        (State::Historical, false) => "historical",
        (State::Historical, true) => "historical copied",
        (State::Family, false) => "family",
        (State::Family, true) => "family copied",
        (State::Hypothetical, false) => "hypothetical",
        (State::Hypothetical, true) => "hypothetical copied",
    }
}
