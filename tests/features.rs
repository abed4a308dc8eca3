//! `noteward features`: what its tables say, what it counts, refuses and leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use polars::prelude::{AnyValue, DataFrame, ParquetReader, SerReader};
use program::{Finished, Workplace};
use serde_json::Value;

/// Four notes of one patient, one of another, one of nobody. The second note carries text of the first one forward.
const NOTES: &str = "\
note_id,patient_id,note_time,note_type,author,storetime,text
1,p1,2025-01-01T08:00:00,admission H&P,a1,2025-01-01T09:00:00,\"Assessment: Pneumonia. Denies chest pain. Mother had breast cancer.\"
2,p1,2025-01-03T08:00:00,progress note,a2,2025-01-03T08:30:00,\"Assessment: Pneumonia. Possible heart failure.\"
3,p1,2025-01-05T08:00:00,progress note,a1,2025-01-09T08:00:00,\"Assessment: Chest pain. History of stroke.\"
4,p1,2025-01-08T08:00:00,discharge summary,a1,2025-01-08T10:00:00,\"Discharge diagnosis: Pulmonary embolism.\"
5,p2,2025-02-01T08:00:00,clinic note,a3,,\"Assessment: Hypertension.\"
6,,2025-02-01T08:00:00,clinic note,a3,2025-02-01T08:00:00,\"Fever.\"
";

const INDEX: &str = "\
patient_id,index_time,label,label_note_id
p1,2025-01-05T08:00:00,0,
p1,2025-01-09T00:00:00,1,2
p3,2025-01-09T00:00:00,0,
";

fn annotated(flags: &[&str]) -> Workplace {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    workplace.write("index.csv", INDEX);
    let finished = workplace.annotate(&[&["notes.csv", "--keep", "storetime", "-q"], flags].concat());
    assert_eq!(finished.status, 0, "{finished:?}");
    workplace
}

fn features(workplace: &Workplace, flags: &[&str]) -> Finished {
    workplace.run(&[&["features", "out", "--out", "made"], flags].concat())
}

fn done(workplace: &Workplace, flags: &[&str]) -> Value {
    let finished = features(workplace, &[&["--force"], flags].concat());
    assert_eq!(finished.status, 0, "{finished:?}");
    told(workplace)
}

/// `features.json`, whose counts must add up.
fn told(workplace: &Workplace) -> Value {
    let told: Value = serde_json::from_slice(&workplace.read("made/features.json")).unwrap();
    let sum = |of: &Value, parts: &[&str]| parts.iter().map(|part| of[*part].as_u64().unwrap()).sum::<u64>();
    let parts =
        ["without_patient", "not_in_cohort", "without_concept", "without_value", "denied", "implausible", "kept"];
    for table in ["mentions", "facts", "measurements"] {
        assert_eq!(told[table]["read"], sum(&told[table], &parts), "{table}");
    }
    let parts = ["not_annotated", "without_patient", "not_in_cohort", "without_time", "kept"];
    assert_eq!(told["notes"]["read"], sum(&told["notes"], &parts));
    let parts = ["used", "without_time", "after_index", "dropped"];
    assert_eq!(told["note_use"]["pairs"], sum(&told["note_use"], &parts));
    assert_eq!(told["index"]["read"], sum(&told["index"], &["rejected", "twice", "kept"]));
    assert_eq!(told["index"]["kept"], told["written"]["wide_rows"]);
    told
}

fn frame(path: &Path) -> DataFrame {
    ParquetReader::new(File::open(path).unwrap()).finish().unwrap()
}

fn shown(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "-".to_owned(),
        AnyValue::String(text) => (*text).to_owned(),
        other => other.to_string(),
    }
}

/// Chosen columns of the long table's rows of a feature.
fn long(workplace: &Workplace, feature: &str, columns: &[&str]) -> Vec<String> {
    let frame = frame(&workplace.path("made/features.parquet"));
    let names = frame.column("feature").unwrap().str().unwrap();
    let of_feature = names.iter().enumerate().filter(|(_, name)| *name == Some(feature));
    let cells = |row: usize| {
        let cell = |column: &&str| shown(&frame.column(column).unwrap().get(row).unwrap());
        columns.iter().map(cell).collect::<Vec<_>>().join(" ")
    };
    of_feature.map(|(row, _)| cells(row)).collect()
}

/// A row of the wide table: column to value.
fn wide(workplace: &Workplace, row: usize) -> BTreeMap<String, String> {
    let frame = frame(&workplace.path("made/wide.parquet"));
    frame.columns().iter().map(|column| (column.name().to_string(), shown(&column.get(row).unwrap()))).collect()
}

#[test]
fn only_notes_before_the_index_time_count() {
    let workplace = annotated(&[]);
    let told = done(&workplace, &["--index", "index.csv", "--windows", "3,all"]);
    let columns = ["patient_id", "window_days", "state", "value", "n_notes", "n_carried", "n_by_others"];
    // The note of the index time itself is not known yet; the one two days before is a copy by another author.
    let expected =
        ["p1 3 present 1.0 1 1 1", "p1 - present 1.0 2 1 1", "p1 3 not_mentioned 0.0 0 0 0", "p1 - present 1.0 2 1 1"];
    assert_eq!(long(&workplace, "icd3:J18", &columns), expected);
    assert_eq!(long(&workplace, "icd3:R07", &columns[1..4])[..2], ["3 not_mentioned 0.0", "- absent 1.0"]);
    assert_eq!(long(&workplace, "icd3:R07", &columns[1..4])[3], "- present 2.0");
    assert_eq!(long(&workplace, "group:heart_failure", &columns[1..3])[..2], ["3 possible", "- possible"]);
    assert_eq!(long(&workplace, "family:icd3:C50", &["state", "n_section_notes"])[1], "present 0");
    assert_eq!(long(&workplace, "icd3:C50", &columns), [""; 0]);
    assert_eq!(long(&workplace, "history:icd3:I63", &["index_time", "state"]).len(), 2);
    assert_eq!(long(&workplace, "icd3:I63", &columns), [""; 0]);
    assert_eq!(long(&workplace, "icd3:I26", &["index_time"]).len(), 2);
    // A patient without notes has rows that say so.
    assert_eq!(long(&workplace, "notes", &["patient_id", "window_days", "value"])[4..], ["p3 3 0.0", "p3 - 0.0"]);
    let uses = &told["note_use"];
    assert_eq!((&uses["pairs"], &uses["used"], &uses["after_index"]), (&8.into(), &6.into(), &2.into()));
    assert_eq!(uses["index_rows_without_notes"], 1);
    assert_eq!(told["notes"]["not_in_cohort"], 1);
    assert_eq!(told["mentions"]["without_patient"], 1);
}

#[test]
fn the_wide_table_and_the_dictionary_say_the_same() {
    let workplace = annotated(&[]);
    done(&workplace, &["--index", "index.csv", "--windows", "3,all"]);
    let (first, second, third) = (wide(&workplace, 0), wide(&workplace, 1), wide(&workplace, 2));
    assert_eq!((first["patient_id"].as_str(), third["patient_id"].as_str()), ("p1", "p3"));
    assert_eq!([&first["label"], &second["label"], &third["label"]], ["0.0", "1.0", "0.0"]);
    let column = |name: &str| [&first, &second, &third].map(|row| row[name].clone());
    assert_eq!(column("icd3:J18@3d"), ["1.0", "-", "-"]);
    assert_eq!(column("icd3:R07@all"), ["0.0", "1.0", "-"]);
    assert_eq!(column("group:heart_failure@all"), ["0.5", "0.5", "-"]);
    assert_eq!(column("icd3:J18@all:count"), ["1.0", "1.0", "-"]);
    assert_eq!(column("icd3:J18@all:carried"), ["1.0", "1.0", "-"]);
    assert_eq!(column("icd3:J18@all:days_since_first")[0], "4.0");
    assert_eq!(column("notes@all"), ["2.0", "4.0", "0.0"]);
    let mut reader = csv::Reader::from_path(workplace.path("made/dictionary.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let names =
        |table: &str| rows.iter().filter(|row| &row[0] == table).map(|row| row[1].to_owned()).collect::<Vec<_>>();
    let with_label: Vec<String> = first.keys().filter(|name| *name != "label").cloned().collect();
    let mut wide_names = names("wide.parquet");
    wide_names.sort();
    assert_eq!(wide_names, with_label);
    assert!(names("features.parquet").contains(&"family:icd3:C50".to_owned()));
    assert!(rows.iter().all(|row| !row[3].is_empty()), "a row without words");
    // One state or statistic at most, and it is one that most rows have.
    let told = done(&workplace, &["--index", "index.csv", "--windows", "all", "--wide-features", "1"]);
    let columns = told["written"]["wide_columns"].as_u64().unwrap();
    assert!(columns < 12 && columns > 5, "{columns} columns");
}

#[test]
fn the_last_note_counts_unless_it_is_left_out() {
    let workplace = annotated(&[]);
    let told = done(&workplace, &[]);
    assert_eq!((&told["settings"]["bound"], &told["index"]["kept"]), (&"up_to".into(), &2.into()));
    assert_eq!(long(&workplace, "icd3:I26", &["state", "window_days"])[0], "present 1");
    assert_eq!(long(&workplace, "icd3:I10", &["patient_id", "state"])[0], "p2 present");
    let told = done(&workplace, &["--without-last-note"]);
    assert_eq!(
        (&told["settings"]["bound"], &told["note_use"]["index_rows_without_notes"]),
        (&"before".into(), &1.into())
    );
    assert_eq!(long(&workplace, "icd3:I26", &["state"]), [""; 0]);
    assert_eq!(long(&workplace, "icd3:I10", &["state"]), [""; 0]);
}

#[test]
fn late_notes_count_from_when_they_were_filed() {
    let workplace = annotated(&[]);
    let flags = ["--index", "index.csv", "--windows", "all", "--time-column", "storetime"];
    let told = done(&workplace, &flags);
    // The third note is dated before the second index time, and was filed after it.
    assert_eq!(long(&workplace, "icd3:R07", &["state"]), ["absent", "absent"]);
    assert_eq!(told["note_use"]["dated_before_index"], 1);
    assert_eq!(told["timing"]["filed_late"], 1);
    workplace.write("index.csv", "patient_id,index_time\np1,2025-01-09T08:00:01\np2,2025-03-01\n");
    let told = done(&workplace, &flags);
    assert_eq!(long(&workplace, "icd3:R07", &["state"]), ["present"]);
    assert_eq!(told["notes"]["without_time"], 1);
    assert_eq!(told["note_use"]["without_time"], 1);
    let refused = features(&workplace, &["--force", "--time-column", "charttime"]);
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("annotate --keep charttime carries it"), "{refused:?}");
}

#[test]
fn leaks_are_reported_refused_or_dropped() {
    let workplace = annotated(&[]);
    let index = ["--index", "index.csv", "--windows", "all"];
    let warned = features(&workplace, &index);
    let expected = "leakage: 2 notes after the index time (1 index rows), 1 notes that the label was read from (1 index \
                    rows), 1 discharge summaries inside the windows (1 index rows)";
    assert!(warned.status == 0 && warned.stderr.contains(expected), "{warned:?}");
    assert_eq!(long(&workplace, "icd3:I26", &["state"]), ["present"]);
    let refused = features(&workplace, &[&index[..], &["--force", "--leakage", "refuse"]].concat());
    assert!(refused.status == 2 && refused.stderr.contains("2 notes after the index time"), "{refused:?}");
    // What was there stays.
    assert_eq!(told(&workplace)["settings"]["leakage"], "warn");
    let told = done(&workplace, &[&index[..], &["--leakage", "drop"]].concat());
    assert_eq!((&told["note_use"]["dropped"], &told["note_use"]["used"]), (&2.into(), &4.into()));
    assert_eq!(long(&workplace, "icd3:I26", &["state"]), [""; 0]);
    assert_eq!(long(&workplace, "icd3:J18", &["n_notes"]), ["2", "1"]);
    let only = ["--leakage", "drop", "--leakage-kinds", "label-note"];
    assert_eq!(done(&workplace, &[&index[..], &only].concat())["note_use"]["dropped"], 1);
    workplace.write("index.csv", "patient_id,index_time\np1,2025-01-07\n");
    let only = ["--force", "--leakage", "refuse", "--leakage-kinds", "label-note,discharge-summary"];
    assert_eq!(features(&workplace, &[&index[..], &only].concat()).status, 0);
}

#[test]
fn bad_rows_are_named_and_the_rest_is_done() {
    let workplace = annotated(&[]);
    let index = "patient_id,index_time\np1,2025-01-05\n,2025-01-05\np1,yesterday\np1,2025-01-05\n";
    workplace.write("index.csv", index);
    workplace.write("patients.csv", "patient_id,birth_date,sex\np1,1950-01-06,f\np2,soon,m\n");
    let finished = features(&workplace, &["--index", "index.csv", "--patients", "patients.csv"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    for expected in
        ["index file: record 2: patient_id is empty", "index file: record 3: index_time", "patients file: record 2"]
    {
        assert!(finished.stderr.contains(expected), "{finished:?}");
    }
    assert!(!finished.stderr.contains("yesterday") && !finished.stderr.contains("soon"), "{finished:?}");
    let told = told(&workplace);
    assert_eq!((&told["index"]["rejected"], &told["index"]["twice"]), (&2.into(), &1.into()));
    assert_eq!(long(&workplace, "patient:age", &["value", "window_days", "state"]), ["74.0 - -"]);
    assert_eq!(long(&workplace, "patient:female", &["value"]), ["1.0"]);
    assert_eq!(wide(&workplace, 0)["patient:male"], "0.0");
}

const MEASUREMENTS: &str = r#"
{"note_id":"1","patient_id":"p1","name":"creatinine","value":1.0,"unit":"mg/dL","presence":"present","temporality":"current","experiencer":"patient","segment_hash":"s1","plausible":true}
{"note_id":"2","patient_id":"p1","name":"creatinine","value":1.0,"unit":"mg/dL","presence":"present","temporality":"current","experiencer":"patient","segment_hash":"s1","plausible":true}
{"note_id":"2","patient_id":"p1","name":"creatinine","value":2.0,"unit":"mg/dL","presence":"present","temporality":"current","experiencer":"patient","segment_hash":"s2","plausible":true}
{"note_id":"2","patient_id":"p1","name":"creatinine","value":9.0,"unit":"mg/dL","presence":"present","temporality":"historical","experiencer":"patient","segment_hash":"s3","plausible":true}
{"note_id":"3","patient_id":"p1","name":"creatinine","value":3.0,"unit":"mg/dL","presence":"present","temporality":"current","experiencer":"patient","segment_hash":"s4","plausible":true,"taken_at":"2024-12-30T08:00:00"}
{"note_id":"3","patient_id":"p1","name":"creatinine","value":800.0,"unit":"mg/dL","presence":"present","temporality":"current","experiencer":"patient","segment_hash":"s5","plausible":false}
{"note_id":"3","patient_id":"p1","name":"urine_nitrite","value":null,"unit":null,"presence":"present","temporality":"current","experiencer":"patient","segment_hash":"s6","plausible":true}
{"note_id":"3","patient_id":"p1","name":"lactate","value":4.0,"unit":"mmol/L","presence":"absent","temporality":"current","experiencer":"patient","segment_hash":"s7","plausible":true}
"#;

const FACTS: &str = r#"
{"note_id":"1","patient_id":"p1","type":"drug","concept_id":"drug.anticoagulant.warfarin","concept_name":"warfarin","presence":"present","temporality":"current","experiencer":"patient","segment_hash":"t1"}
{"note_id":"2","patient_id":"p1","type":"drug","concept_id":"drug.anticoagulant.heparin","concept_name":"heparin","presence":"absent","temporality":"current","experiencer":"patient","segment_hash":"t2"}
{"note_id":"2","patient_id":"p1","type":"behaviour","concept_id":"behaviour.tobacco","concept_name":"tobacco","presence":"present","temporality":"historical","experiencer":"patient","segment_hash":"t3","value":30.0,"unit":"{PackYears}"}
"#;

#[test]
fn measurements_and_facts_are_features() {
    let workplace = annotated(&[]);
    workplace.write("out/measurements.jsonl", MEASUREMENTS.trim_start());
    workplace.write("out/facts.jsonl", FACTS.trim_start());
    workplace.write("index.csv", "patient_id,index_time\np1,2025-01-06T08:00:00\n");
    let told = done(&workplace, &["--index", "index.csv", "--windows", "4,all"]);
    let creatinine = |statistic: &str| {
        long(
            &workplace,
            &format!("measurement:creatinine:{statistic}"),
            &["window_days", "value", "n_notes", "n_carried"],
        )
    };
    // The copy is one value; the one that was taken before the window is not in it.
    assert_eq!(creatinine("count"), ["4 1.0 1 0", "- 3.0 3 0"]);
    assert_eq!(creatinine("first"), ["4 2.0 1 0", "- 3.0 3 0"]);
    assert_eq!(creatinine("last"), ["4 2.0 1 0", "- 2.0 3 0"]);
    assert_eq!(creatinine("max")[1], "- 3.0 3 0");
    assert_eq!(creatinine("min")[1], "- 1.0 3 0");
    assert!(creatinine("slope")[0].starts_with("4 - "), "no line through one value");
    assert!(creatinine("slope")[1].starts_with("- -0."), "{:?}", creatinine("slope"));
    assert_eq!(long(&workplace, "history:measurement:creatinine:last", &["value"])[1], "9.0");
    let counts = &told["measurements"];
    assert_eq!(
        (&counts["implausible"], &counts["without_value"], &counts["denied"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(long(&workplace, "fact:drug.anticoagulant", &["state", "n_present", "n_absent"])[1], "present 1 1");
    assert_eq!(long(&workplace, "fact:drug.anticoagulant.heparin", &["state"])[1], "absent");
    assert_eq!(long(&workplace, "history:fact:behaviour.tobacco:last", &["value"])[1], "30.0");
    assert_eq!(long(&workplace, "fact:behaviour.tobacco", &["value"]), [""; 0]);
    assert_eq!(wide(&workplace, 0)["measurement:creatinine:max@4d"], "2.0");
}

#[test]
fn the_same_bytes_from_every_format_and_with_any_memory() {
    let files = ["features.parquet", "wide.parquet", "dictionary.csv"];
    let mut made: Vec<Vec<Vec<u8>>> = Vec::new();
    for format in ["jsonl", "csv", "parquet"] {
        let also = ["--format", format];
        let workplace = annotated(if format == "jsonl" { &[] } else { &also });
        if format != "jsonl" {
            for table in ["notes", "mentions"] {
                std::fs::remove_file(workplace.path(&format!("out/{table}.jsonl"))).unwrap();
            }
        }
        for flags in [&["--threads", "1"][..], &["--threads", "3", "--memory", "0"][..]] {
            done(&workplace, &[&["--index", "index.csv"], flags].concat());
            made.push(files.iter().map(|file| workplace.read(&format!("made/{file}"))).collect());
        }
    }
    assert!(made.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn groups_may_be_the_users() {
    let workplace = annotated(&[]);
    workplace.write("own.tsv", "group\ticd10cm\tname\tsource\nlung\tJ\tLung\thand\n");
    let refused = features(&workplace, &["--groups", "own.tsv"]);
    assert!(refused.status == 2 && refused.stderr.contains("own.tsv: line 2: icd10cm"), "{refused:?}");
    workplace.write("own.tsv", "group\ticd10cm\tname\tsource\nlung\tJ18\tLung\thand\n");
    done(&workplace, &["--groups", "own.tsv", "--windows", "all"]);
    assert_eq!(long(&workplace, "group:lung", &["state"]), ["present"]);
    assert_eq!(long(&workplace, "group:heart_failure", &["state"]), [""; 0]);
}

#[test]
fn nothing_is_replaced_or_left_half_done() {
    let workplace = annotated(&[]);
    done(&workplace, &[]);
    let before = workplace.read("made/features.json");
    let refused = features(&workplace, &[]);
    assert!(refused.status == 2 && refused.stderr.contains("holds features already"), "{refused:?}");
    let refused = features(&workplace, &["--force", "--index", "notes.csv"]);
    assert!(refused.status == 2 && refused.stderr.contains("no column index_time"), "{refused:?}");
    assert_eq!(workplace.read("made/features.json"), before);
    let names = |folder: &str| {
        let entries = std::fs::read_dir(workplace.path(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("made"), ["dictionary.csv", "features.json", "features.parquet", "wide.parquet"]);
    let refused = workplace.run(&["features", "made", "--out", "other"]);
    assert!(refused.status == 2 && refused.stderr.contains("made: holds no run.json"), "{refused:?}");
    assert!(!workplace.path("other").exists());
    // A run whose tables do not belong together.
    let notes = String::from_utf8(workplace.read("out/notes.jsonl")).unwrap();
    workplace.write("out/notes.jsonl", notes.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>());
    let refused = features(&workplace, &["--force"]);
    assert!(refused.stderr.contains("patient \"p1\": a table names a note that notes does not hold"), "{refused:?}");
    assert_eq!(workplace.read("made/features.json"), before);
}

/// The synthetic notes that come with the program: all rows of one patient but those of rare windows.
#[test]
fn a_patient_of_the_notes_of_the_program() {
    let workplace = Workplace::new();
    let notes = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/notes.csv");
    let finished = workplace.annotate(&[notes.to_str().unwrap(), "-q"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    workplace.write("index.csv", "patient_id,index_time\nP01,2025-03-07T12:00:00\n");
    done(&workplace, &["--index", "index.csv", "--windows", "1,all"]);
    let frame = frame(&workplace.path("made/features.parquet"));
    let columns = ["feature", "window_days", "state", "value", "n_notes", "n_carried", "n_section_notes"];
    let mut page = columns.join(" ");
    for row in 0..frame.height() {
        let cell = |column: &&str| shown(&frame.column(column).unwrap().get(row).unwrap());
        page = format!("{page}\n{}", columns.iter().map(cell).collect::<Vec<_>>().join(" "));
    }
    insta::assert_snapshot!("features_p01", page);
}
