//! `noteward export --to omop` without a server: rows, types, numbers and what is refused; `tests/clients/omop_postgres.py`
//! has the rest.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use std::fs::{self, File};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use program::{Finished, Workplace};
use serde_json::{Value, json};

const NOTES: &str = "\
note_id,patient_id,encounter_id,note_time,note_type,text
41,7,9001,2025-03-02T14:20:00,admission,\"HPI:\nDenies fever. Possible asthma, BP 142/88.\"
n2,p2,,2025-03-01,progress,Mother had asthma. History of migraine. Return if fever.
n3,,,2025-03-01,progress,Has a headache.
n4,p2,,,progress,Has a headache.
n5,7,,2025-03-03,progress,
";

const CONCEPTS: &str = "\
system,code,concept_id,source_concept_id
ICD10CM,R50.9,437663,45534390
LOINC,8480-6,3004249,
UCUM,mm[Hg],8876,
section,history_of_present_illness,3025561,
note_class,admission,3030023,
noteward,drug.anticoagulant,21600961,
result,positive,9191,
CDM,note_nlp.note_nlp_id,1147555,
";

/// A run with hand-made measurements and a fact of its first note, as annotate writes them.
fn run() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    workplace.write("concepts.csv", CONCEPTS);
    assert_eq!(workplace.annotate(&["notes.csv"]).status, 0);
    let row = |id: &str, fields: Value| {
        let mut row = json!({"note_id": "41", "start": 39, "end": 42, "start_byte": 39, "end_byte": 42, "presence": "present",
            "temporality": "current", "experiencer": "patient", "segment_hash": "h", "measurement_id": id, "mention_id": id,
            "name": "systolic_bp", "loinc": "8480-6", "value": 142.0, "unit": "mm[Hg]", "value_text": "142", "plausible": true,
            "sentence": 2});
        for (name, value) in fields.as_object().unwrap() {
            row[name] = value.clone();
        }
        format!("{row}\n")
    };
    let measurements = [
        row("m1", json!({})),
        row("m2", json!({"comparator": ">", "taken_at": "2025-02-27T23:59:59", "temporality": "historical"})),
        row("m3", json!({"temporality": "historical"})),
        row("m4", json!({"temporality": "hypothetical"})),
        row("m5", json!({"plausible": false})),
        row("m6", json!({"trend": "from"})),
        row("m7", json!({"experiencer": "family"})),
        row(
            "m8",
            json!({"name": "urine_nitrite", "loinc": "5802-4", "value": null, "unit": null, "value_text": "Positive"}),
        ),
    ];
    workplace.write("out/measurements.jsonl", measurements.concat());
    let warfarin = json!({"type": "drug", "concept_id": "drug.anticoagulant.warfarin", "text": "warfarin", "source": "lexicon", "value": null,
        "unit": null});
    workplace.write("out/facts.jsonl", row("f1", warfarin));
    workplace
}

fn export(workplace: &Workplace, flags: &[&str]) -> Finished {
    let fixed = ["export", "out", "--to", "omop", "--out", "omop", "--nlp-date", "2025-06-01"];
    workplace.run(&[&fixed, flags].concat())
}

fn text(workplace: &Workplace, name: &str) -> String {
    String::from_utf8(workplace.read(name)).unwrap()
}

fn description(workplace: &Workplace) -> Value {
    serde_json::from_slice(&workplace.read("omop/export.json")).unwrap()
}

/// A table with its changing cell, which names the version and the hashes of the tables, in words.
fn table(workplace: &Workplace, name: &str) -> String {
    let system = description(workplace)["omop"]["system"].as_str().unwrap().to_owned();
    assert!(system.starts_with(concat!("noteward ", env!("CARGO_PKG_VERSION"), " (lexicon ")), "{system}");
    text(workplace, &format!("omop/{name}.csv")).replace(&format!("\"{system}\""), "SYSTEM")
}

#[test]
fn rows_are_those_of_the_field_list() {
    let workplace = run();
    // One note has no patient, one no time.
    assert_eq!(export(&workplace, &["--concepts", "concepts.csv"]).status, 1);
    for name in ["note", "note_nlp", "measurement"] {
        insta::assert_snapshot!(name, table(&workplace, name));
    }
    let described = description(&workplace);
    insta::assert_snapshot!("lost", text(&workplace, "omop/lost_notes.csv"));
    assert_eq!(described["counts"]["measurements"], json!({"read": 8, "written": 8, "lost": {}}));
    let left = json!({"earlier_without_time": 1, "historical_without_time": 1, "hypothetical": 1, "implausible": 1,
        "other_person": 1});
    assert_eq!(described["omop"]["not_in_measurement"], left);
    assert_eq!(described["rows"]["measurement"], 3);
    for (what, coverage) in described["omop"]["concepts"].as_object().unwrap() {
        assert!(coverage["mapped"].as_u64().unwrap() > 0, "{what}: {coverage}");
    }
}

#[test]
fn every_format_holds_the_same_rows_of_the_same_types() {
    let workplace = run();
    export(&workplace, &["--format", "csv,parquet,jsonl"]);
    let file = File::open(workplace.path("omop/measurement.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let fields = builder.schema().fields().iter().map(|field| {
        format!("{} {}{}", field.name(), field.data_type(), if field.is_nullable() { "" } else { " NOT NULL" })
    });
    insta::assert_snapshot!("measurement_types", fields.collect::<Vec<_>>().join("\n"));
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let mut written = arrow_csv::WriterBuilder::new().with_header(true).build(Vec::new());
    batches.iter().for_each(|batch| written.write(batch).unwrap());
    assert_eq!(String::from_utf8(written.into_inner()).unwrap(), text(&workplace, "omop/measurement.csv"));
    assert_eq!(text(&workplace, "omop/measurement.jsonl").lines().count(), 3);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let workplace = run();
    export(&workplace, &["--format", "parquet"]);
    let first = ["note", "note_nlp", "measurement"].map(|name| workplace.read(&format!("omop/{name}.parquet")));
    assert_eq!(export(&workplace, &["--format", "parquet"]).status, 2);
    assert_eq!(export(&workplace, &["--format", "parquet", "--force"]).status, 1);
    let second = ["note", "note_nlp", "measurement"].map(|name| workplace.read(&format!("omop/{name}.parquet")));
    assert!(first == second);
}

#[test]
fn identifiers_keep_their_numbers() {
    let workplace = run();
    export(&workplace, &["--ids", "ids.csv"]);
    let first = text(&workplace, "ids.csv");
    // 41, 7 and 9001 are numbers, and the others come after the greatest of their kind.
    let expected = "kind,source_id,number\nnote,n2,42\nperson,p2,8\nnote,n3,43\nnote,n4,44\n";
    assert_eq!(first, expected);
    let more =
        "note_id,patient_id,note_time,text\nn9,p9,2025-03-05,Fever.\n42,8,2025-03-05,Fever.\nn2,p2,2025-03-01,Fever.\n";
    workplace.write("notes.csv", more);
    assert_eq!(workplace.annotate(&["notes.csv", "--force"]).status, 0);
    export(&workplace, &["--ids", "ids.csv", "--force"]);
    // A number that was given is no other identifier's, so that 42 and 8 get numbers of their own.
    assert_eq!(text(&workplace, "ids.csv"), format!("{expected}note,n9,45\nperson,p9,9\nnote,42,46\nperson,8,10\n"));
    let notes = text(&workplace, "omop/note.csv");
    let keys: Vec<&str> = notes.lines().skip(1).map(|line| line.split(",2025").next().unwrap()).collect();
    assert_eq!(keys, ["45,9", "46,10", "42,8"]);
    workplace.write("ids.csv", "kind,source_id,number\nnote,n2,42\nnote,n3,42\n");
    let refused = export(&workplace, &["--ids", "ids.csv", "--force"]);
    assert!(refused.status == 2 && refused.stderr.contains("ids.csv: line 3"), "{refused:?}");
}

#[test]
fn a_profile_decides_what_possible_is() {
    for (profile, expected) in [("own", ""), ("present", "Y"), ("absent", "N")] {
        let workplace = run();
        export(&workplace, &["--profile", profile]);
        let rows = text(&workplace, "omop/note_nlp.csv");
        let possible: Vec<&str> = rows.lines().filter(|row| row.contains("Uncertain=moderate")).collect();
        assert_eq!(possible.len(), 1, "{rows}");
        assert!(
            possible[0].contains(&format!("T00:00:00,{expected},present,"))
                || possible[0].contains(&format!(",,{expected},present,")),
            "{possible:?}"
        );
    }
}

#[test]
fn texts_are_needed_for_notes_and_snippets_only() {
    let workplace = run();
    fs::remove_file(workplace.path("notes.csv")).unwrap();
    let refused = export(&workplace, &[]);
    assert!(refused.status == 2 && refused.stderr.contains("--notes INPUT"), "{refused:?}");
    assert_eq!(export(&workplace, &["--no-snippet"]).status, 2);
    assert_eq!(export(&workplace, &["--tables", "note_nlp,measurement"]).status, 2);
    assert_eq!(export(&workplace, &["--tables", "note_nlp,measurement", "--no-snippet"]).status, 1);
    assert!(!workplace.path("omop/note.csv").exists());
    workplace.write("other.csv", NOTES.replace("Denies fever", "Denies cough"));
    let refused = export(&workplace, &["--notes", "other.csv", "--force"]);
    assert!(refused.status == 2 && refused.stderr.contains("is not the one that was annotated"), "{refused:?}");
    assert!(!refused.stderr.contains("cough"), "{refused:?}");
    workplace.write("same.csv", NOTES);
    assert_eq!(export(&workplace, &["--notes", "same.csv", "--force"]).status, 1);
}

#[test]
fn the_day_of_processing_is_that_of_the_run() {
    let workplace = run();
    let ended = workplace.run_file()["timings"]["ended"].as_str().unwrap().to_owned();
    workplace.run(&["export", "out", "--to", "omop", "--out", "omop", "-q"]);
    let rows = text(&workplace, "omop/note_nlp.csv");
    assert!(rows.contains(&format!(",{},{},", &ended[..10], &ended[..19])), "{ended}: {rows}");
    let mut described = workplace.run_file();
    described["timings"].as_object_mut().unwrap().remove("ended");
    workplace.write("out/run.json", described.to_string());
    let refused = workplace.run(&["export", "out", "--to", "omop", "--out", "again"]);
    assert!(refused.status == 2 && refused.stderr.contains("--nlp-date YYYY-MM-DD"), "{refused:?}");
}

#[test]
fn what_cannot_be_asked_for_is_refused_in_words() {
    let workplace = run();
    workplace.write("bad.csv", "system,code,concept_id\nLOINC,8480-6,none\n");
    let cases: [(&[&str], &str); 8] = [
        (&["--tables", "measurement"], "expected note, note_nlp or both"),
        (&["--tables", "note,measurement"], "measurement needs note_nlp"),
        (&["--nlp-system", "my system"], "without blanks"),
        (&["--nlp-date", "June"], "expected YYYY-MM-DD, found \"June\""),
        (&["--concepts", "bad.csv"], "bad.csv: line 2, column \"concept_id\""),
        (&["--postgres", "postgres://etl:secret@127.0.0.1:1/db"], "error connecting to server"),
        (&["--postgres", "postgres://etl:secret@127.0.0.1:1/db?sslmode=require"], "without TLS"),
        (&["--schema", "cdm"], "--postgres"),
    ];
    for (flags, expected) in cases {
        let fixed = ["export", "out", "--to", "omop", "--out", "omop"];
        let refused = workplace.run(&[&fixed, flags].concat());
        assert!(refused.status == 2 && refused.stderr.contains(expected), "{flags:?}: {refused:?}");
        assert!(!refused.stderr.contains("secret"), "{refused:?}");
    }
}

#[test]
fn a_query_is_an_input_whose_password_is_never_told() {
    let workplace = Workplace::new();
    let url = "postgres://etl:secret@127.0.0.1:1/db?query=SELECT note_id, note_text FROM note";
    let cases = [
        (url.to_owned(), "add ORDER BY note_id"),
        (format!("{url} ORDER BY 1"), "error connecting to server"),
        ("postgres://etl:secret@127.0.0.1:1/db".to_owned(), "holds no query"),
        ("postgres://etl:se@cret@127.0.0.1:1/db?query=SELECT 1".to_owned(), "write @ as %40"),
        ("postgresql://127.0.0.1:1/db?password=secret&sslmode=verify-full&query=SELECT 1".to_owned(), "tunnel"),
    ];
    for (input, expected) in cases {
        let refused = workplace.annotate(&[&input]);
        assert!(refused.status == 2 && refused.stderr.contains(expected), "{input}: {refused:?}");
        assert!(!refused.stderr.contains("secret") && !refused.stderr.contains("cret@"), "{refused:?}");
    }
    let shown = workplace.run(&["annotate", url, "--out", "out", "--print-config"]);
    assert!(shown.stdout.contains("postgres://etl@127.0.0.1:1/db?query=SELECT") && !shown.stdout.contains("secret"));
}

#[test]
fn a_character_that_no_database_stores_is_replaced_where_it_stands() {
    let workplace = Workplace::new();
    workplace.write(
        "n.jsonl",
        json!({"note_id": 1, "patient_id": 2, "note_time": "2025-01-01", "text": "x\0 Has fever."}).to_string(),
    );
    assert_eq!(workplace.annotate(&["n.jsonl"]).status, 0);
    assert_eq!(export(&workplace, &[]).status, 0);
    assert!(text(&workplace, "omop/note.csv").contains("x\u{FFFD} Has fever."));
    assert_eq!(description(&workplace)["omop"]["with_nul"], 1);
}
