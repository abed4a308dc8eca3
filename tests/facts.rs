//! Facts: what is found, what it is asserted as, and that the tables hold together.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/assertions.rs"]
mod assertions;
#[path = "support/lexicons.rs"]
mod lexicons;
#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;
mod support;

use std::collections::BTreeSet;

use assertions::values;
use lexicons::{Row, rows};
use noteward::{Fact, Note, Pipeline};
use program::Workplace;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{case, cases};

/// Least number of marked facts in the cases.
const LEAST_MARKED: usize = 250;

/// A fact as the cases write it: concept, values other than present, current and patient, amount.
fn label(pipeline: &Pipeline, fact: &Fact) -> String {
    let mut label = pipeline.fact_concept(fact).unwrap().id.to_owned();
    let values = values(&fact.assertion);
    if !values.is_empty() {
        label.push_str(&format!(" {values}"));
    }
    if let Some(amount) = fact.amount {
        label.push_str(&format!(" {}", (amount.value * 1e4).round() / 1e4));
    }
    label
}

/// Every fact of the text stands in `[text|concept values amount]`.
#[test]
fn finds_and_asserts_as_the_cases_say() {
    let pipeline = Pipeline::without_model();
    let mut failures = Vec::new();
    let mut n_marked = 0;
    for case in cases("facts", '[', ']') {
        let note = pipeline.annotate(Note::new("case", case.text.clone()));
        let found: Vec<(&str, String)> =
            note.facts.iter().map(|fact| (fact.span.of(note.document.text()), label(&pipeline, fact))).collect();
        let expected: Vec<(&str, String)> =
            case.marks.iter().map(|(range, label)| (&case.text[range.clone()], label.clone())).collect();
        n_marked += expected.len();
        if found != expected {
            failures.push(format!("{}\n  expected {expected:?}\n  found    {found:?}", case.place));
        }
    }
    assert!(n_marked >= LEAST_MARKED, "{n_marked} facts are marked");
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// Each row of the tables of cues and priors decides the fact of its example.
#[test]
fn every_cue_of_facts_decides_its_example() {
    let pipeline = Pipeline::without_model();
    let mut failures = Vec::new();
    for (table, example_at) in [("cues.tsv", 5), ("section-priors.tsv", 3)] {
        for Row { place, cells } in rows(&format!("facts/{table}")) {
            let case = case(place, &cells[example_at], '[', ']');
            let (range, expected) = case.marks.first().unwrap_or_else(|| panic!("{}: no mark", case.place));
            let note = pipeline.annotate(Note::new("case", case.text.clone()));
            let fact = note.facts.iter().find(|fact| fact.span.start() < range.end && range.start < fact.span.end());
            let found = fact.map(|fact| values(&fact.assertion));
            let expected = if expected == "present" { "" } else { expected };
            if found.as_deref() != Some(expected) {
                failures.push(format!("{} {}: found {found:?}", case.place, cells[example_at]));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn tables_are_sorted_and_hold_enough() {
    let mut n_forms = 0;
    for name in ["behaviour.tsv", "devices.tsv", "drugs.tsv", "procedures.tsv", "states.tsv"] {
        let rows = rows(&format!("facts/{name}"));
        for pair in rows.windows(2) {
            assert!(pair[0].cells[0] < pair[1].cells[0], "{}: not sorted, or twice", pair[1].place);
        }
        let mut owners = std::collections::BTreeMap::new();
        for Row { place, cells } in &rows {
            let listed = cells[4].split('|').filter(|form| *form != "-");
            for form in listed.chain([cells[1].as_str()]) {
                n_forms += 1;
                let other = owners.insert(form.to_owned(), cells[0].clone());
                assert!(other.is_none_or(|other| other == cells[0]), "{place}: {form:?} is a form of another row too");
            }
        }
    }
    assert!(n_forms > 1200, "{n_forms} forms");
    let ids: BTreeSet<String> =
        Pipeline::without_model().fact_concepts().map(|concept| concept.id.to_owned()).collect();
    for id in [
        "procedure.surgery.orthopedic.joint_replacement.hip",
        "procedure.dialysis",
        "procedure.transfusion",
        "procedure.mechanical_ventilation",
        "drug.anticoagulant.warfarin",
        "drug.anticoagulant.lmwh",
        "drug.anticoagulant.doac",
        "drug.antiplatelet.aspirin",
        "drug.estrogen",
        "drug.vasopressor.norepinephrine",
        "device.central_line",
        "device.urinary_catheter",
        "behaviour.tobacco",
        "state.bedbound",
        "state.nursing_home",
        "demographic.age",
    ] {
        assert!(ids.contains(id), "no {id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Facts lie within one sentence, on character boundaries, sorted, whatever the text.
    #[test]
    fn facts_lie_where_they_say(
        words in prop::collection::vec("68|yo|M|smoker|1/2|ppd|x|20|years|aspirin|no|held|\\PC{0,4}|é|-|\n|denies|CABG", 0..40),
        glue in "[ ,.]",
    ) {
        let pipeline = Pipeline::without_model();
        let text = words.join(&glue);
        let note = pipeline.annotate(Note::new("1", text.clone()));
        let mut last = None;
        for fact in &note.facts {
            prop_assert!(text.get(fact.span.start()..fact.span.end()).is_some_and(|words| !words.is_empty()));
            let sentence = &note.document.sentences()[fact.sentence as usize];
            prop_assert!(sentence.span.start() <= fact.span.start() && fact.span.end() <= sentence.span.end());
            prop_assert!(last <= Some(fact.span));
            prop_assert!(pipeline.fact_concept(fact).is_some());
            last = Some(fact.span);
        }
    }
}

#[test]
fn facts_are_a_table_of_their_own_and_counted() {
    let place = Workplace::new();
    place.write("notes.csv", "note_id,text\n1,\"Denies tobacco. On warfarin. Fever.\"\n2,\n");
    assert_eq!(place.annotate(&["notes.csv", "--quiet"]).status, 0);
    assert_eq!(place.column("facts.jsonl", "concept_id"), json!(["behaviour.tobacco", "drug.anticoagulant.warfarin"]));
    assert_eq!(place.column("facts.jsonl", "presence"), json!(["absent", "present"]));
    assert_eq!(place.column("facts.jsonl", "type"), json!(["behaviour", "drug"]));
    assert_eq!(place.column("mentions.jsonl", "text"), json!(["Fever"]));
    assert_eq!(place.column("notes.jsonl", "facts"), json!([2, 0]));
    assert_eq!(place.run_file()["counts"]["facts"], 2);
    let ids = place.column("facts.jsonl", "mention_id");
    let ids: BTreeSet<&str> = ids.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(ids.len(), 2);
}

const NOTES: &str = "note_id,patient_id,note_time,text\n\
                     1,a,2020-01-01,A 62-year-old woman.\n\
                     2,a,2020-01-01,A 40-year-old woman.\n\
                     3,b,2020-01-01,A 30-year-old man.\n\
                     4,c,2020-01-01,A 30-year-old man.\n\
                     5,,2020-01-01,A 30-year-old man.\n\
                     6,b,2020-01-01,His 12-year-old son is ill.\n";

#[test]
fn contradictions_with_the_file_of_patients_are_counted_and_shown() {
    let place = Workplace::new();
    place.write("notes.csv", NOTES);
    place.write("patients.csv", "patient_id,birth_date,sex\na,1957-03-21,f\nb,1989-06-01,female\nx,soon,m\n");
    let finished = place.annotate(&["notes.csv", "--patients", "patients.csv"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    let run = place.run_file();
    let expected = json!({ "known": 4, "unknown": 1, "without_id": 1, "age_contradicted": 1, "sex_contradicted": 1 });
    assert_eq!(run["counts"]["patients"], expected);
    assert_eq!(run["patients"]["rejected"], 1);
    assert_eq!(run["patients"]["rejected_first"][0]["record"], 3);
    for shown in [
        "patients: 1 of 3 rows were left out, the first record 3: birth_date: expected a date",
        "patients: 1 notes are of patients that the file does not have",
        "patients: 1 notes state an age more than a year from that by the file's date of birth",
        "patients: 1 notes state another sex than the file",
    ] {
        assert!(finished.stderr.contains(shown), "{}", finished.stderr);
    }
}

#[test]
fn a_file_of_patients_that_cannot_be_used_stops_the_run_before_the_first_note() {
    let place = Workplace::new();
    place.write("notes.csv", NOTES);
    place.write("patients.csv", "id,age\na,7\n");
    let finished = place.annotate(&["notes.csv", "--patients", "patients.csv"]);
    assert_eq!(finished.status, 2);
    assert!(finished.stderr.contains("patients.csv: no column patient_id"), "{}", finished.stderr);
    assert_eq!(place.annotate(&["notes.csv", "--patients", "nowhere.csv", "--force"]).status, 2);
}
