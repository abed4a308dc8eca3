//! The output of the first sample notes, as it stands in the files.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::Path;
use std::process::Command;

fn check(name: &str, format: &str) {
    let out = tempfile::tempdir().unwrap();
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/notes.csv");
    let status = Command::new(env!("CARGO_BIN_EXE_noteward"))
        .args(["annotate", "--quiet", "--limit", "2", "--format", format, "--out"])
        .arg(out.path())
        .arg(input)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    for table in ["mentions", "measurements", "notes"] {
        let text = fs::read_to_string(out.path().join(format!("{table}.{format}"))).unwrap();
        // The input column holds the path as it was given, which differs from machine to machine.
        let text = text.replace(env!("CARGO_MANIFEST_DIR"), "ROOT");
        insta::assert_snapshot!(format!("{name}_{table}"), text);
    }
}

#[test]
fn csv() {
    check("csv", "csv");
}

#[test]
fn jsonl() {
    check("jsonl", "jsonl");
}
