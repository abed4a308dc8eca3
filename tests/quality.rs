//! The checks of imaging reports against their cases, and their tables against each other.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/lexicons.rs"]
mod lexicons;
#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;
#[path = "support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use noteward::Lexicon;
use program::Workplace;
use support::cases;

const CHECKS: [&str; 7] = [
    "laterality",
    "unsupported_impression",
    "nodule_size",
    "nodule_follow_up",
    "critical_communication",
    "sex",
    "removed_organ",
];

/// A judgement of the table of checks: check, outcome, item, start, end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Judged {
    check: String,
    outcome: String,
    item: String,
    place: String,
}

/// Runs the checks over reports of an id, type, sex and text; gives the judgements of each by its id.
fn judged(reports: &[(String, String, String, String)]) -> BTreeMap<String, Vec<Judged>> {
    let workplace = Workplace::new();
    let mut notes = csv::Writer::from_writer(Vec::new());
    let mut patients = csv::Writer::from_writer(Vec::new());
    notes.write_record(["note_id", "patient_id", "note_type", "text"]).unwrap();
    patients.write_record(["patient_id", "birth_date", "sex"]).unwrap();
    for (id, kind, sex, text) in reports {
        notes.write_record([id, id, kind, text]).unwrap();
        let sex = if sex.is_empty() { "unknown" } else { sex.as_str() };
        patients.write_record([id.as_str(), "1960-01-01", sex]).unwrap();
    }
    workplace.write("notes.csv", notes.into_inner().unwrap());
    workplace.write("patients.csv", patients.into_inner().unwrap());
    let finished = workplace.annotate(&["notes.csv", "-q"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    let flags = ["report", "out", "--out", "p.html", "--checks", "c.csv", "--patients", "patients.csv"];
    let finished = workplace.run(&flags);
    assert_eq!((finished.status, finished.stderr.as_str()), (0, ""));
    let table = workplace.read("c.csv");
    let mut found: BTreeMap<String, Vec<Judged>> = BTreeMap::new();
    for row in csv::Reader::from_reader(&table[..]).deserialize() {
        let row: BTreeMap<String, String> = row.unwrap();
        let own = found.entry(row["note_id"].clone()).or_default();
        let place = format!("{}..{}", row["start"], row["end"]);
        let of = |column: &str| row[column].clone();
        own.push(Judged { check: of("check"), outcome: of("outcome"), item: of("item"), place });
    }
    found
}

/// A case: `{note type, sex} text => check outcome; check outcome`, with a mark where each flag stands.
#[test]
fn judges_as_the_cases_say() {
    let cases = cases("quality", '[', ']');
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut reports = Vec::new();
    for case in &cases {
        let (head, rest) = case.text.strip_prefix('{').and_then(|text| text.split_once("} ")).expect("{type} text");
        let (kind, sex) = head.split_once(", ").unwrap_or((head, ""));
        let (text, _) = rest.split_once(" => ").expect("text => outcomes");
        reports.push((case.place.clone(), kind.to_owned(), sex.to_owned(), text.to_owned()));
    }
    let judged = judged(&reports);
    let mut failures = Vec::new();
    let mut seen = BTreeSet::new();
    for case in &cases {
        let (_, outcomes) = case.text.split_once(" => ").unwrap();
        let shift = case.text.find("} ").unwrap() + 2;
        let characters = |byte: usize| case.text[shift..byte].chars().count();
        let mut flags: Vec<(String, String)> = Vec::new();
        for (range, labels) in &case.marks {
            let place = format!("{}..{}", characters(range.start), characters(range.end));
            flags.extend(labels.split(',').map(|label| (label.to_owned(), place.clone())));
        }
        let found = judged.get(&case.place).unwrap_or_else(|| panic!("{}: is no imaging report", case.place));
        let mut own: Vec<(String, String)> = found
            .iter()
            .filter(|judged| judged.outcome == "flag")
            .map(|judged| (judged.check.clone(), judged.place.clone()))
            .collect();
        flags.sort();
        own.sort();
        let mut wrong = own != flags;
        for expected in outcomes.split("; ") {
            let (check, outcome) = expected.split_once(' ').expect("check outcome");
            assert!(CHECKS.contains(&check), "{}: no check is named {check}", case.place);
            seen.insert((check.to_owned(), outcome.to_owned()));
            let has = found.iter().any(|judged| judged.check == check && judged.outcome == outcome);
            wrong |= !has;
        }
        if wrong {
            let told: Vec<&Judged> = found.iter().filter(|judged| judged.outcome != "not_applicable").collect();
            failures.push(format!("{}: expected {outcomes} and {flags:?}\n  found {told:?}", case.place));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    for check in CHECKS {
        let outcomes: Vec<&str> =
            seen.iter().filter(|(name, _)| name == check).map(|(_, outcome)| outcome.as_str()).collect();
        assert_eq!(outcomes, ["cannot_tell", "flag", "not_applicable", "pass"], "cases of {check}");
    }
}

/// Every row of the critical findings holds in its example, in which the mention stands in brackets.
#[test]
fn every_critical_finding_is_flagged_in_its_example() {
    let rows = rows("critical.tsv");
    let report = |row: &Vec<String>| {
        let text = format!("FINDINGS: {}\nIMPRESSION: As above.", row[4].replace(['[', ']'], ""));
        (row[0].clone(), "ct".to_owned(), String::new(), text)
    };
    let judged = judged(&rows.iter().map(report).collect::<Vec<_>>());
    let mut failures = Vec::new();
    for row in &rows {
        let flagged = judged[&row[0]].iter().any(|judged| {
            judged.check == "critical_communication" && judged.outcome == "flag" && judged.item == row[0]
        });
        if !flagged {
            failures.push(format!(
                "{}: {} -> {:?}",
                row[0],
                row[4],
                judged[&row[0]].iter().find(|judged| judged.check == "critical_communication")
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn other_notes_are_not_checked() {
    let report = |id: &str, kind: &str, text: &str| (id.to_owned(), kind.to_owned(), String::new(), text.to_owned());
    let judged = judged(&[
        report("typed", "MRI brain", "The ventricles are normal."),
        report("headed", "", "TECHNIQUE: CT of the chest.\nFINDINGS: Normal.\nIMPRESSION: Normal."),
        report("progress", "progress note", "FINDINGS: CT was normal.\nIMPRESSION: Cough."),
        report("plain", "", "Chest x-ray was normal."),
        report("endoscopy", "", "FINDINGS: Polyp.\nIMPRESSION: Polyp."),
    ]);
    assert_eq!(judged.keys().collect::<Vec<_>>(), ["headed", "typed"]);
    assert!(judged.values().all(|own| CHECKS.iter().all(|check| own.iter().any(|judged| judged.check == *check))));
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lexicons/quality")
}

/// The rows of a table of checks.
fn rows(name: &str) -> Vec<Vec<String>> {
    lexicons::rows(&format!("quality/{name}")).into_iter().map(|row| row.cells).collect()
}

#[test]
fn tables_are_sorted_and_unique() {
    for name in ["checks", "critical", "groups", "organs", "phrases", "section-roles", "sites"] {
        let rows = rows(&format!("{name}.tsv"));
        assert!(rows.len() > 5, "{name}");
        for pair in rows.windows(2) {
            let key = |row: &Vec<String>| if name == "phrases" { row[..2].to_vec() } else { row[..1].to_vec() };
            assert!(key(&pair[0]) < key(&pair[1]), "{name}: {:?} stands after {:?}", pair[1][0], pair[0][0]);
        }
        let n_cells = rows[0].len();
        assert!(rows.iter().all(|row| row.len() == n_cells && row[n_cells - 1] == "hand"), "{name}: sources");
    }
}

#[test]
fn tables_name_concepts_and_sections_that_are_there() {
    let concepts = concept_ids();
    for name in ["critical.tsv", "groups.tsv"] {
        for row in rows(name) {
            for pattern in row[1].split('|') {
                let (end, start) = (pattern.strip_prefix('*'), pattern.strip_suffix('*'));
                let holds = |id: &&String| match (end, start) {
                    (None, None) => *id == pattern,
                    (Some(end), None) => id.ends_with(end),
                    (None, Some(start)) => id.starts_with(start),
                    (Some(part), Some(_)) => id.contains(part.trim_end_matches('*')),
                };
                assert!(concepts.iter().any(|id| holds(&id)), "{name}, {}: no concept is {pattern}", row[0]);
            }
        }
    }
    let kinds = fs::read_to_string(folder().join("../section-kinds.tsv")).unwrap();
    for row in rows("section-roles.tsv") {
        assert!(kinds.lines().any(|line| line.split('\t').next() == Some(&row[0])), "no section is {}", row[0]);
    }
    assert!(concepts.len() == Lexicon::embedded().n_concepts());
}

fn concept_ids() -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for file in fs::read_dir(folder().join("../concepts")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
        ids.extend(lines.filter_map(|line| line.split('\t').next().map(str::to_owned)));
    }
    ids
}
