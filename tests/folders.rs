//! Folders as input: what stands in them besides notes, and the output folder among them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;

use serde_json::{Value, json};

use program::Workplace;

/// The files that were left out, and why.
fn skipped(workplace: &Workplace) -> Vec<(String, String)> {
    let run = workplace.run_file();
    let entry = |file: &Value| ["path", "reason"].map(|key| file[key].as_str().unwrap().to_owned()).into();
    run["skipped_files"].as_array().unwrap().iter().map(entry).collect()
}

#[test]
fn the_output_folder_is_no_input() {
    let workplace = Workplace::new();
    workplace.write("a.csv", "note_id,text\n1,Fever\n");
    workplace.write("sub/b.txt", "Cough");
    // A folder of the same name elsewhere is an input.
    workplace.write("sub/out/c.txt", "Nausea");
    for input in [".", "*"] {
        for _ in 0..3 {
            let finished = workplace.annotate(&[input, "--force", "--format", "csv,parquet", "--keep-text"]);
            assert_eq!(finished.status, 0, "{input}: {finished:?}");
            assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["Fever", "Cough", "Nausea"]), "{input}");
            assert_eq!(workplace.run_file()["inputs"].as_array().map(Vec::len), Some(3));
            assert_eq!(skipped(&workplace), [], "{input}");
        }
    }
}

#[test]
fn tables_without_notes_are_left_out_of_a_folder_and_named() {
    let workplace = Workplace::new();
    workplace.write("in/empty.csv", "");
    workplace.write("in/notes.csv", "note_id,text\n1,Fever\n");
    workplace.write("in/patients.csv", "patient_id,birth_date\np1,1950-01-01\n");
    workplace.write("in/garbage.parquet", "no Parquet");
    workplace.write("in/readme.md", "Fever");
    let finished = workplace.annotate(&["in"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert!(finished.stderr.contains("4 files hold no notes"), "{finished:?}");
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["1"]));
    let mut left_out = skipped(&workplace);
    left_out.sort();
    let expected = [
        ("in/empty.csv", "empty"),
        ("in/garbage.parquet", "Parquet"),
        ("in/patients.csv", "no column holds the text"),
        ("in/readme.md", "extension"),
    ];
    assert_eq!(left_out.len(), expected.len(), "{left_out:?}");
    for ((path, reason), (expected, part)) in left_out.iter().zip(expected) {
        assert!(path == expected && reason.contains(part), "{path}: {reason}");
    }
    // A file that is named itself must hold notes, and so must one file of a folder.
    assert_eq!(workplace.annotate(&["in", "in/patients.csv", "--force"]).status, 2);
    workplace.write("none/patients.csv", "patient_id,birth_date\np1,1950-01-01\n");
    let finished = workplace.annotate(&["none", "--force"]);
    assert!(finished.status == 2 && finished.stderr.contains("none/patients.csv"), "{finished:?}");
}

#[cfg(unix)]
#[test]
fn broken_links_and_loops_are_left_out_of_a_folder() {
    use std::os::unix::fs::symlink;

    let workplace = Workplace::new();
    workplace.write("in/notes.csv", "note_id,text\n1,Fever\n");
    workplace.write("elsewhere/linked.txt", "Cough");
    symlink("/nowhere/at/all", workplace.path("in/broken.csv")).unwrap();
    symlink(workplace.path("in"), workplace.path("in/loop")).unwrap();
    symlink(workplace.path("elsewhere/linked.txt"), workplace.path("in/linked.txt")).unwrap();
    let finished = workplace.annotate(&["in"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["linked.txt", "1"]));
    let left_out: Vec<String> = skipped(&workplace).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left_out, ["in/broken.csv", "in/loop"]);
}

#[test]
fn a_text_file_has_one_name_whatever_comes_of_it() {
    let workplace = Workplace::new();
    let texts = [("a.txt", "Fever"), ("b/c.txt", " \n"), ("d.txt", "No fever, no cough and no chest pain.")];
    for (name, text) in texts {
        workplace.write(&format!("in/{name}"), text);
    }
    workplace.write("in/e.txt.gz", "not gzip");
    assert_eq!(workplace.annotate(&["in", "--max-note-bytes", "20"]).status, 1);
    assert_eq!(workplace.column("notes.jsonl", "status"), json!(["annotated", "empty", "rejected", "rejected"]));
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["a.txt", "b/c.txt", "d.txt", "e.txt.gz"]));
}
