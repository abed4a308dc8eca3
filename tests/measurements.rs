//! Measurements: against marked sentences, against marked notes, and what must hold of any text.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so, and figures are shown")]

#[path = "support/lexicons.rs"]
mod lexicons;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use lexicons::{Row, rows};
use noteward::{Experiencer, Measurement, Note, NoteTime, Pipeline, Presence, Temporality, Trend};
use proptest::prelude::*;
use support::{case, cases};

static PIPELINE: LazyLock<Pipeline> = LazyLock::new(Pipeline::without_model);

/// Least precision and recall on each of the two sets.
const PRECISION: f64 = 0.97;
const RECALL: f64 = 0.90;

/// A value that a person marked.
struct Marked {
    range: Range<usize>,
    name: String,
    /// `None` for a result in words.
    value: Option<f64>,
    /// Whether it is wanted or feared, and may be left out.
    optional: bool,
}

/// What came of comparing.
#[derive(Default)]
struct Comparison {
    right: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
}

impl Comparison {
    /// Compares the values of a text with those marked; hypothetical values are none of the patient's.
    fn add(&mut self, place: &str, note: &noteward::AnnotatedNote, marked: &[Marked]) {
        let mut left: Vec<&Measurement> = note.measurements.iter().collect();
        for mark in marked {
            let fits = |found: &Measurement| {
                let stated = mark.optional || found.assertion.temporality != Temporality::Hypothetical;
                stated && name(found) == mark.name && overlaps(found, &mark.range) && is_near(found.value, mark.value)
            };
            match left.iter().position(|found| fits(found)) {
                Some(index) => {
                    left.remove(index);
                    self.right += usize::from(!mark.optional);
                }
                None if mark.optional => {}
                None => self.missed.push(format!("{place} {:?} {}", mark.range, mark.name)),
            }
        }
        left.retain(|found| found.assertion.temporality != Temporality::Hypothetical);
        self.wrong.extend(left.iter().map(|found| {
            let rule = PIPELINE.measurement_rule(found.rule);
            format!("{place} {}..{} {:?} by {rule}", found.span.start(), found.span.end(), found.value)
        }));
    }

    fn check(&self, set: &str, least_values: usize) {
        let n_found = self.right + self.wrong.len();
        let n_marked = self.right + self.missed.len();
        let (precision, recall) = (self.right as f64 / n_found as f64, self.right as f64 / n_marked as f64);
        println!("{set}: {n_marked} values marked, {n_found} found; precision {precision:.4}, recall {recall:.4}");
        println!("not marked: {:#?}\nnot found: {:#?}", self.wrong, self.missed);
        assert!(n_marked >= least_values, "{set}: {n_marked} values marked");
        assert!(precision >= PRECISION, "{set}: precision {precision:.4}");
        assert!(recall >= RECALL, "{set}: recall {recall:.4}");
    }
}

fn name(found: &Measurement) -> &'static str {
    PIPELINE.measurement_kind(found.kind).unwrap().name
}

fn overlaps(found: &Measurement, range: &Range<usize>) -> bool {
    found.span.start() < range.end && range.start < found.span.end()
}

fn is_near(found: Option<f64>, marked: Option<f64>) -> bool {
    match (found, marked) {
        (Some(found), Some(marked)) => (found - marked).abs() <= 0.006 * found.abs().max(marked.abs()).max(0.01),
        (found, marked) => found.is_none() && marked.is_none(),
    }
}

/// The marks of a label: `name value`, several after commas, `?` before one that may be left out.
fn marks(place: &str, range: &Range<usize>, label: &str) -> Vec<Marked> {
    let optional = label.starts_with('?');
    let parts = label.trim_start_matches('?').split(',');
    let mark = |part: &str| {
        let (name, value) = part.split_once(' ').unwrap_or_else(|| panic!("{place}: {part:?} is no name and value"));
        let value = (value != "-").then(|| value.parse().unwrap());
        Marked { range: range.clone(), name: name.to_owned(), value, optional }
    };
    parts.map(mark).collect()
}

#[test]
fn marked_sentences() {
    let names: BTreeSet<&str> = PIPELINE.measurement_kinds().map(|kind| kind.name).collect();
    let mut comparison = Comparison::default();
    for case in cases("measurements", '[', ']') {
        let marked: Vec<Marked> =
            case.marks.iter().flat_map(|(range, label)| marks(&case.place, range, label)).collect();
        let unknown = marked.iter().find(|mark| !names.contains(mark.name.as_str()));
        assert!(unknown.is_none(), "{}: {:?} is no measurement", case.place, unknown.map(|mark| &mark.name));
        let note = PIPELINE.annotate(Note::new("case", case.text.clone()));
        comparison.add(&case.place, &note, &marked);
    }
    comparison.check("sentences", 250);
}

/// A marked value of a note: code points, name, value.
type MarkedRow<'a> = (u32, u32, &'a str, &'a str);

#[test]
fn marked_notes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/notes");
    if !folder.is_dir() {
        println!("skipped: the shared notes are not here");
        return;
    }
    let table = fs::read_to_string(root().join("tests/measurements/shared-notes.tsv")).unwrap();
    let mut notes: BTreeMap<(&str, &str), Vec<MarkedRow<'_>>> = BTreeMap::new();
    for line in table.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let [file, id, start, end, name, value] = line.split('\t').collect::<Vec<&str>>()[..] else { panic!("{line}") };
        let marked = notes.entry((file, id)).or_default();
        if start != "-" {
            marked.push((start.parse().unwrap(), end.parse().unwrap(), name, value));
        }
    }
    let files: BTreeSet<&str> = notes.keys().map(|(file, _)| *file).collect();
    let mut comparison = Comparison::default();
    for file in files {
        let mut reader = csv::Reader::from_path(folder.join(format!("{file}.csv"))).unwrap();
        let headers = reader.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
        let (id, text) = (column("note_id"), column("text"));
        for record in reader.records().map(Result::unwrap) {
            let Some(rows) = notes.get(&(file, &record[id])) else { continue };
            let bytes: Vec<usize> = record[text].char_indices().map(|(byte, _)| byte).collect();
            let byte = |point: u32| bytes.get(point as usize).copied().unwrap_or(record[text].len());
            let marked: Vec<Marked> = rows
                .iter()
                .map(|&(start, end, name, value)| Marked {
                    range: byte(start)..byte(end),
                    name: name.to_owned(),
                    value: (value != "-").then(|| value.parse().unwrap()),
                    optional: false,
                })
                .collect();
            let note = PIPELINE.annotate(Note::new(&record[id], &record[text]));
            comparison.add(&format!("{file} {}", &record[id]), &note, &marked);
        }
    }
    comparison.check("notes", 150);
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The value in brackets of each row's example is read as the row's measurement.
#[test]
fn every_measurement_is_read_in_its_example() {
    let mut failures = Vec::new();
    for Row { place, cells } in rows("measurements.tsv") {
        let (name, example) = (&cells[0], &cells[14]);
        let case = case(place.clone(), example, '[', ']');
        let [(range, value)] = &case.marks[..] else { panic!("{place}: expected one mark") };
        let expected = (value != "-").then(|| value.parse().unwrap());
        let note = PIPELINE.annotate(Note::new("example", case.text.clone()));
        let fits = |found: &Measurement| {
            self::name(found) == name && overlaps(found, range) && is_near(found.value, expected) && found.plausible
        };
        if !note.measurements.iter().any(fits) {
            let found: Vec<(&str, Option<f64>)> =
                note.measurements.iter().map(|found| (self::name(found), found.value)).collect();
            failures.push(format!("{place} {example}: found {found:?}"));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// The numbers in brackets of each row's example are read as the row's measurements, in order.
#[test]
fn every_group_is_read_in_its_example() {
    let mut failures = Vec::new();
    for Row { place, cells } in rows("measurement-groups.tsv") {
        let [_forms, names, _layout, example, _source] = &cells[..] else { panic!("{place}: malformed") };
        if example == "-" {
            // A layout of bars, which an example cannot hold: see `tells_what_is_said_of_values`.
            continue;
        }
        let case = case(place.clone(), example, '[', ']');
        let [(_, values)] = &case.marks[..] else { panic!("{place}: expected one mark") };
        let expected: Vec<(&str, f64)> =
            names.split('+').zip(values.split(' ').map(|value| value.parse().unwrap())).collect();
        let note = PIPELINE.annotate(Note::new("example", case.text.clone()));
        let found: Vec<(&str, f64)> =
            note.measurements.iter().filter_map(|found| Some((name(found), found.value?))).collect();
        if found != expected {
            failures.push(format!("{place} {example}: found {found:?}"));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn tables_are_sorted() {
    for (name, keys) in [
        ("measurements.tsv", 0..1),
        ("units.tsv", 0..1),
        ("measurement-words.tsv", 0..3),
        ("measurement-groups.tsv", 0..3),
    ] {
        for pair in rows(name).windows(2) {
            assert!(
                pair[0].cells[keys.clone()] < pair[1].cells[keys.clone()],
                "{}: not sorted, or twice",
                pair[1].place
            );
        }
    }
}

/// The list of names in the guide is that of the table, with the units.
#[test]
fn the_guide_names_what_the_table_holds() {
    let guide = fs::read_to_string(root().join("docs/measurements.md")).unwrap();
    let listed: BTreeSet<String> = guide
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quoted| quoted.split_once(' '))
        .filter(|(name, unit)| name.contains(|c: char| c.is_ascii_lowercase()) && !unit.contains(' '))
        .map(|(name, unit)| format!("{name} {unit}"))
        .collect();
    let expected: BTreeSet<String> =
        PIPELINE.measurement_kinds().map(|kind| format!("{} {}", kind.name, kind.unit.unwrap_or("words"))).collect();
    let missing: Vec<&String> = expected.difference(&listed).collect();
    assert!(missing.is_empty(), "the guide does not name {missing:?}");
    let lines = guide.lines().count();
    assert!(lines <= 120, "docs/measurements.md has {lines} lines");
}

/// The values of a text of the 5th of March 2024, each as `name value` and what else is said of it.
fn told(text: &str) -> Vec<String> {
    let mut note = Note::new("n", text);
    // 2024-03-05T12:00:00
    note.meta.time = Some(NoteTime(1_709_640_000_000_000));
    let note = PIPELINE.annotate(note);
    let tell = |found: &Measurement| {
        let mut parts = vec![name(found).to_owned()];
        parts.push(found.value.map_or_else(|| found.span.of(text).to_owned(), |value| format!("{value}")));
        parts.extend(found.comparator.map(|comparator| comparator.sign().to_owned()));
        parts.extend(found.stated_unit.and_then(|unit| PIPELINE.measurement_unit(unit)).map(str::to_owned));
        parts.extend(found.trend.map(|trend| Trend::name(trend).to_owned()));
        for word in [found.site, found.laterality, found.method].into_iter().flatten() {
            parts.extend(PIPELINE.measurement_word(word).map(str::to_owned));
        }
        if let Some(NoteTime(time)) = found.taken_at {
            let minutes = time / 60_000_000;
            parts.push(format!("day {} minute {}", minutes / 1440 - 19_787, minutes % 1440));
        }
        let assertion = &found.assertion;
        parts.extend((assertion.presence != Presence::Present).then(|| assertion.presence.name().to_owned()));
        parts.extend((assertion.temporality != Temporality::Current).then(|| assertion.temporality.name().to_owned()));
        parts.extend((assertion.experiencer != Experiencer::Patient).then(|| assertion.experiencer.name().to_owned()));
        parts.extend((!found.plausible).then(|| "implausible".to_owned()));
        parts.join(" ")
    };
    note.measurements.iter().map(tell).collect()
}

#[test]
fn tells_what_is_said_of_values() {
    for (text, expected) in [
        ("Troponin < 0.01 ng/mL.", &["troponin_i 0.01 < ng/mL"][..]),
        ("Temp 101.3 F orally.", &["temperature 38.5 [degF] oral"]),
        ("SpO2 91% on 4 L nasal cannula.", &["oxygen_saturation 91 % nasal_cannula", "oxygen_flow 4 L nasal_cannula"]),
        ("O2 sat 98% on room air.", &["oxygen_saturation 98 % room_air"]),
        (
            "BP 140/90 sitting, 118/70 standing.",
            &[
                "systolic_bp 140 sitting",
                "diastolic_bp 90 sitting",
                "systolic_bp 118 standing",
                "diastolic_bp 70 standing",
            ],
        ),
        ("Creatinine rose from 1.2 to 3.4.", &["creatinine 1.2 from", "creatinine 3.4 to"]),
        ("Tmax 98.6-101.3 F.", &["temperature 37 low", "temperature 38.5 [degF] high"]),
        ("Lactate 4.2 -> 3.1 -> 1.9", &["lactate 4.2 from", "lactate 3.1", "lactate 1.9 to"]),
        ("Creatinine on 2/20/2024 was 1.4.", &["creatinine 1.4 day -14 minute 0"]),
        ("INR 1.8 on 3/4, 2.4 on 3/5.", &["inr 1.8 day -1 minute 0", "inr 2.4 day 0 minute 0"]),
        ("Glucose 54 at 06:30.", &["glucose 54 day 0 minute 390"]),
        ("08:00 Temp 38.5, HR 110.", &["temperature 38.5 day 0 minute 480", "heart_rate 110 day 0 minute 480"]),
        ("0630: BP 96/54", &["systolic_bp 96 day 0 minute 390", "diastolic_bp 54 day 0 minute 390"]),
        ("3/4 14:30 WBC 12.3", &["wbc 12.3 day -1 minute 870"]),
        ("3/4: creatinine 1.9, on 3/5 2.4", &["creatinine 1.9 day -1 minute 0", "creatinine 2.4 day 0 minute 0"]),
        ("Baseline creatinine 1.1, today 2.4.", &["creatinine 1.1 from historical", "creatinine 2.4 to"]),
        ("Baseline Cr around 1.6 to 1.7.", &["creatinine 1.6 ~ low historical", "creatinine 1.7 high historical"]),
        ("Cr 2.4 (baseline 1.1).", &["creatinine 2.4 to", "creatinine 1.1 from historical"]),
        ("Cr 3.0 (2.1 baseline), K 5.4.", &["creatinine 3 to", "creatinine 2.1 from historical", "potassium 5.4"]),
        ("Hb 6.9 (12.4 on 1/31).", &["hemoglobin 6.9 to", "hemoglobin 12.4 from day -34 minute 0"]),
        ("Creatinine 1.1, at baseline.", &["creatinine 1.1"]),
        ("Baseline heart rate was 85.", &["heart_rate 85"]),
        ("A 7 mm nodule in the right upper lobe.", &["nodule_size 7 mm upper_lobe right"]),
        ("Goal SBP < 140.", &["systolic_bp 140 < hypothetical"]),
        ("Call if temperature > 38.5 C.", &["temperature 38.5 > Cel hypothetical"]),
        ("No fever to 39.1.", &["temperature 39.1 absent"]),
        ("Her mother's BP was 190/110.", &["systolic_bp 190 family", "diastolic_bp 110 family"]),
        ("FH: mother had breast cancer.\n\nT 36.4 HR 118", &["temperature 36.4", "heart_rate 118"]),
        ("Heart rate 320.", &["heart_rate 320 implausible"]),
        ("UA: nitrite positive, protein trace.", &["urine_nitrite positive", "urine_protein trace"]),
        ("No acute distress, HR 88.", &["heart_rate 88"]),
        ("When he arrived his temperature was 39.", &["temperature 39"]),
        (
            "138|101|20/4.2|24|1.1<110",
            &[
                "sodium 138",
                "chloride 101",
                "bun 20",
                "potassium 4.2",
                "bicarbonate 24",
                "creatinine 1.1",
                "glucose 110",
            ],
        ),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

/// What must hold of the values of any text.
fn check_any(text: &str) {
    let note = PIPELINE.annotate(Note::new("n", text));
    let sentences = note.document.sentences();
    for found in &note.measurements {
        assert!(!found.span.is_empty() && text.get(found.span.start()..found.span.end()).is_some());
        assert!(text.get(found.statement.start()..found.statement.end()).is_some());
        assert!(found.statement.start() <= found.span.start() && found.span.end() <= found.statement.end());
        assert!((found.sentence as usize) < sentences.len());
        assert!(PIPELINE.measurement_kind(found.kind).is_some() && !PIPELINE.measurement_rule(found.rule).is_empty());
        assert!(found.value.is_none_or(f64::is_finite) && found.value.is_some() == found.stated_value.is_some());
    }
    assert!(note.measurements.is_sorted_by_key(|found| (found.span, found.kind)));
    let again = PIPELINE.annotate(Note::new("n", text));
    assert!(again.measurements == note.measurements, "the same text, the same values");
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,200}") {
        check_any(&text);
    }

    #[test]
    fn any_words_around_numbers_are_read(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "BP", "HR", "T", "Na", "K", "creatinine", "mass", "nodule", "pain", "GCS", "E", "V", "M", "urine", "UA",
                "negative", "for", "nitrite", "120", "80", "98.6", "7", "10", "1.2", "0", "4", "/", "-", "->", ":", "(", ")",
                "<", ">", ",", ".", ";", "x", "cm", "mm", "mg/dL", "%", "F", "L", "lb", "'", "\"", "feet", "inches", "from",
                "to", "was", "on", "3/4", "2024", "room air", "goal", "\n", "|", "XXXX", "___", "é", "\u{2192}", "99999999999999",
            ]),
            0..60,
        ),
        glue in prop::bool::ANY,
    ) {
        check_any(&words.join(if glue { "" } else { " " }));
    }
}

/// The work on a text grows with its length: many times the same values give many times the same rows.
#[test]
fn long_notes_give_all_their_values() {
    let line = "BP 138/82, HR 88, T 98.6 F, Na 138, creatinine 1.2 -> 1.8, WBC 7.2. A 7 mm nodule.\n";
    let note = PIPELINE.annotate(Note::new("n", line.repeat(2000)));
    assert_eq!(note.measurements.len(), 2000 * told(line).len());
}
