//! What `estimate` says of a run, beside what the run says of itself. Times are not compared: other work on the machine
//! changes them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use program::Workplace;
use serde_json::{Value, json};

fn estimate(workplace: &Workplace, arguments: &[&str]) -> Value {
    let finished = workplace.run(&[&["estimate", "--json"], arguments].concat());
    assert_eq!(finished.status, 0, "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

fn near(estimated: f64, actual: f64, what: &str) {
    assert!((estimated - actual).abs() <= actual * 0.25, "{what}: estimated {estimated}, was {actual}");
}

/// Estimates a run, runs it, and compares.
fn check(workplace: &Workplace, arguments: &[&str]) {
    let estimated = estimate(workplace, &[arguments, &["--sample-seconds", "2"]].concat());
    let run_flags = [&["annotate", "--out", "out", "--force", "--quiet"], arguments].concat();
    assert_ne!(workplace.run(&run_flags).status, 2);
    let run = workplace.run_file();
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    let read = number(&run["counts"]["read"]);
    near(number(&estimated["records"]), read, "records");
    near(number(&estimated["text_bytes"]), number(&run["counts"]["text_bytes"]), "text");
    near(number(&estimated["share_empty"]) * read, number(&run["counts"]["empty"]), "empty");
    near(number(&estimated["share_rejected"]) * read, number(&run["counts"]["rejected"]), "rejected");
    let tables = ["mentions.parquet", "measurements.parquet", "facts.parquet", "notes.parquet", "rejects.jsonl"];
    let size: u64 = tables.iter().map(|table| workplace.read(&format!("out/{table}")).len() as u64).sum();
    near(number(&estimated["output_bytes"]), size as f64, "disk");
    if run["model"].is_object() {
        near(number(&estimated["cache_hit_rate"]), number(&run["timings"]["cache"]["hit_rate"]), "cache hits");
    }
    assert!(number(&estimated["seconds"]) > 0.0);
}

#[test]
fn says_what_the_run_over_the_sample_notes_does() {
    let workplace = Workplace::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    workplace.write("notes.csv", fs::read(root.join("data/notes.csv")).unwrap());
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        workplace.write(&format!("model/{file}"), fs::read(root.join("tests/models/tiny-bert").join(file)).unwrap());
    }
    check(&workplace, &["notes.csv", "--recognizers", "lexicon"]);
    // One thread: no two read the same sentence at the same time.
    check(&workplace, &["notes.csv", "--model", "model", "--threads", "1"]);
}

#[test]
fn says_what_is_in_the_input_and_what_will_be_rejected() {
    let workplace = Workplace::new();
    let latin: &[u8] = b"ROW_ID,Category,ward,TEXT\n1,Nursing,3,Fever\n2,,3,\n3,Nursing,3,fi\xE8vre\n1,x,3,Fever\n4,x,3,Fever,y\n5,x\n";
    workplace.write("in/notes.csv", latin);
    workplace.write("in/more.jsonl", "{\"text\":\"Fever\",\"patient_id\":\"p\"}\nno JSON\n");
    workplace.write("in/readme.md", "");
    let estimated = estimate(&workplace, &["in", "--recognizers", "lexicon"]);
    assert_eq!(estimated["records"], 8);
    assert_eq!(estimated["skipped_files"], 1);
    assert_eq!(
        estimated["columns"],
        json!({ "ROW_ID": "note_id", "Category": "note_type", "ward": null, "TEXT": "text" })
    );
    assert_eq!(estimated["encodings"], json!({ "utf-8": 2, "iso-8859-1": 1 }));
    assert_eq!((&estimated["share_empty"], &estimated["share_rejected"]), (&json!(0.125), &json!(0.5)));
    let reasons = estimated["rejects"].as_array().unwrap();
    assert!(reasons.iter().any(|reason| reason["reason"] == "expected # fields, found #" && reason["records"] == 2));
    let shown = workplace.run(&["estimate", "in", "--recognizers", "lexicon"]);
    assert_eq!(shown.status, 0, "{shown:?}");
    for part in ["TEXT (text)", "ward (not read)", "iso-8859-1 in 1", "rejected", "50.0 %", "found #", "memory", "disk"]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    assert!(!workplace.path("out").exists() && !shown.stdout.contains("vre"), "nothing is written, no text is shown");
    assert_eq!(workplace.run(&["estimate", "nowhere"]).status, 2);
}

#[test]
fn says_what_the_run_over_real_notes_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/notes");
    if !folder.is_dir() {
        println!("skipped: the shared notes are not here");
        return;
    }
    let workplace = Workplace::new();
    for file in ["mtsamples.csv", "openi-dev.csv", "aci-bench.csv", "primock57.csv"] {
        check(&workplace, &[folder.join(file).to_str().unwrap(), "--recognizers", "lexicon"]);
    }
}
