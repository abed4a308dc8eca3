//! Real notes, where they are present beside the project: every file runs through, and every row is its text.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of shared notes, or `None` with a message.
fn notes_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/notes");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: the shared notes are not here");
    None
}

fn annotate(input: &Path, out: &Path, flags: &[&str]) -> Value {
    let status = Command::new(env!("CARGO_BIN_EXE_noteward"))
        .arg("annotate")
        .arg(input)
        .arg("--out")
        .arg(out)
        .args(["--quiet"])
        .args(flags)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0), "a note was rejected");
    serde_json::from_str(&fs::read_to_string(out.join("run.json")).unwrap()).unwrap()
}

/// The texts of every CSV file of the folder by note id.
fn texts(folder: &Path) -> HashMap<String, Vec<char>> {
    let mut texts = HashMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let mut reader = csv::Reader::from_path(entry.unwrap().path()).unwrap();
        let headers = reader.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
        let (id, text) = (column("note_id"), column("text"));
        for record in reader.records() {
            let record = record.unwrap();
            texts.insert(record[id].to_owned(), record[text].chars().collect());
        }
    }
    texts
}

#[test]
fn every_row_is_the_text_under_its_span() {
    let Some(folder) = notes_folder() else { return };
    let out = tempfile::tempdir().unwrap();
    let run = annotate(&folder, out.path(), &["--format", "jsonl", "--recognizers", "lexicon"]);
    let texts = texts(&folder);
    assert_eq!(run["counts"]["read"], texts.len());
    assert_eq!(run["counts"]["rejected"], 0);
    let mentions = BufReader::new(fs::File::open(out.path().join("mentions.jsonl")).unwrap());
    let mut n_mentions = 0u64;
    for line in mentions.lines() {
        let mention: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = &texts[mention["note_id"].as_str().unwrap()];
        let offset = |name: &str| mention[name].as_u64().unwrap() as usize;
        let words: String = text[offset("start")..offset("end")].iter().collect();
        assert_eq!(words, mention["text"].as_str().unwrap(), "{}", mention["mention_id"]);
        let before: usize = text[..offset("start")].iter().map(|c| c.len_utf8()).sum();
        assert_eq!((before, before + words.len()), (offset("start_byte"), offset("end_byte")));
        if let Some(cue) = mention["cue"].as_str() {
            let words: String = text[offset("cue_start")..offset("cue_end")].iter().collect();
            assert_eq!(words, cue, "{}", mention["mention_id"]);
        }
        n_mentions += 1;
    }
    assert_eq!(run["counts"]["mentions"], n_mentions);
    assert!(n_mentions > 10_000, "{n_mentions} mentions");
    let measurements = BufReader::new(fs::File::open(out.path().join("measurements.jsonl")).unwrap());
    let mut n_measurements = 0u64;
    for line in measurements.lines() {
        let measurement: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = &texts[measurement["note_id"].as_str().unwrap()];
        let offset = |name: &str| measurement[name].as_u64().unwrap() as usize;
        let words: String = text[offset("start")..offset("end")].iter().collect();
        assert_eq!(words, measurement["value_text"].as_str().unwrap(), "{}", measurement["measurement_id"]);
        let before: usize = text[..offset("start")].iter().map(|c| c.len_utf8()).sum();
        assert_eq!((before, before + words.len()), (offset("start_byte"), offset("end_byte")));
        n_measurements += 1;
    }
    assert_eq!(run["counts"]["measurements"], n_measurements);
    assert!(n_measurements > 5_000, "{n_measurements} measurements");
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let Some(folder) = notes_folder() else { return };
    // Everything by the lexicon, and a part of it by the model, which takes longer.
    for flags in [["--recognizers", "lexicon"], ["--limit", "150"]] {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (out, threads) in [(&one, "1"), (&two, "2")] {
            let all = [&["--format", "parquet,csv", "--threads", threads], &flags[..]].concat();
            annotate(&folder, out.path(), &all);
        }
        let tables = ["mentions", "measurements", "notes"];
        let files = tables.iter().flat_map(|table| [format!("{table}.parquet"), format!("{table}.csv")]);
        for file in files.chain(["rejects.jsonl".to_owned()]) {
            let read = |folder: &Path| fs::read(folder.join(&file)).unwrap();
            assert!(read(one.path()) == read(two.path()), "{file} differs");
        }
    }
}
