//! Runs that are killed, stopped or contested: what goes on gives the bytes of a run that nothing disturbed.
//!
//! Kills come at a measure of progress, the bytes in the output folder, and not at a time.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use program::{Finished, Workplace};
use serde_json::Value;

const PARTIAL: &str = "out/.noteward-partial";
const FILES: [&str; 8] = [
    "measurements.parquet",
    "mentions.parquet",
    "mentions.jsonl",
    "mentions.csv",
    "notes.parquet",
    "notes.jsonl",
    "notes.csv",
    "rejects.jsonl",
];

/// A folder with notes for a little more than three parts, some of them broken, and a small model.
fn workplace() -> Workplace {
    const SENTENCES: [&str; 6] = [
        "Fever.",
        "No chest pain.",
        "History of asthma.",
        "Denies cough.",
        "Mother had a stroke.",
        "Left knee swelling.",
    ];
    let workplace = Workplace::new();
    let mut rows = String::from("note_id,text\n");
    for number in 0..50_000usize {
        let words = SENTENCES[number % 6];
        let more = SENTENCES[number / 6 % 6];
        match number % 5000 {
            17 => rows.push_str("n1,a note whose id came before\n"),
            18 => rows.push_str("too,many,fields\n"),
            19 => rows.push_str(&format!("n{number},\n")),
            _ => rows.push_str(&format!("n{number},{words} {more} {}\n", number / 4000)),
        }
    }
    workplace.write("notes.csv", rows);
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/tiny-bert");
    fs::create_dir_all(workplace.path("model")).unwrap();
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        fs::copy(model.join(file), workplace.path("model").join(file)).unwrap();
    }
    workplace
}

const ARGUMENTS: [&str; 8] =
    ["annotate", "notes.csv", "--model", "model", "--format", "parquet,csv,jsonl", "--log-format", "json"];

fn arguments<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&ARGUMENTS, &["--out", "out"][..], flags].concat()
}

fn spawn(workplace: &Workplace, flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_noteward"))
        .args(arguments(flags))
        .current_dir(workplace.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(mut child: Child) -> Finished {
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let status = child.wait().unwrap().code().unwrap_or(-1);
    Finished { status, stdout: String::new(), stderr }
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let of_entry = |entry: fs::DirEntry| {
        let Ok(metadata) = entry.metadata() else { return 0 };
        if metadata.is_dir() { size(&entry.path()) } else { metadata.len() }
    };
    entries.flatten().map(of_entry).sum()
}

/// Waits until the output folder holds so many bytes; false where the run ends before.
fn wait_for(workplace: &Workplace, child: &mut Child, reached: impl Fn() -> bool) -> bool {
    assert!(workplace.path(".").exists());
    while !reached() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    true
}

fn n_parts(workplace: &Workplace) -> u64 {
    (0..).find(|number| !workplace.path(&format!("{PARTIAL}/parts/{number:06}")).exists()).unwrap()
}

/// The files of a finished run, and its description without what differs between equal runs.
fn results(workplace: &Workplace) -> (Vec<Vec<u8>>, Value) {
    assert!(!workplace.path(PARTIAL).exists() && !workplace.path("out/.noteward-lock").exists());
    let mut run = workplace.run_file();
    run.as_object_mut().unwrap().remove("timings");
    (FILES.iter().map(|file| workplace.read(&format!("out/{file}"))).collect(), run)
}

/// A folder whose run was killed once it had a part, and the results of a run that was not.
fn killed() -> (Workplace, (Vec<Vec<u8>>, Value)) {
    let workplace = workplace();
    assert_eq!(workplace.run(&arguments(&[])).status, 1);
    let undisturbed = results(&workplace);
    fs::remove_dir_all(workplace.path("out")).unwrap();
    let mut child = spawn(&workplace, &[]);
    assert!(wait_for(&workplace, &mut child, || n_parts(&workplace) > 0));
    child.kill().unwrap();
    assert_eq!(finish(child).status, -1);
    (workplace, undisturbed)
}

#[test]
fn a_run_killed_anywhere_goes_on_to_the_same_bytes() {
    let workplace = workplace();
    assert_eq!(workplace.run(&arguments(&[])).status, 1);
    let undisturbed = results(&workplace);
    let total = size(&workplace.path("out"));
    // Over the parts, the tables that are assembled beside them, and the last renames.
    let targets = (1..=8).map(|step| total * 2 * step / 8 - total / 7);
    for (number, target) in targets.enumerate() {
        fs::remove_dir_all(workplace.path("out")).unwrap();
        let mut child = spawn(&workplace, &["--threads", "2"]);
        if wait_for(&workplace, &mut child, || size(&workplace.path("out")) >= target) {
            child.kill().unwrap();
        }
        finish(child);
        let n_done = n_parts(&workplace);
        let threads = ["1", "3"][number % 2];
        let finished = workplace.run(&arguments(&["--resume", "--threads", threads]));
        assert_eq!(finished.status, 1, "{finished:?}");
        let was_finished = workplace.run_file()["timings"]["threads"] == 2;
        let n_resumed = workplace.run_file()["timings"]["resumed_notes"].as_u64().unwrap();
        assert!(was_finished || n_resumed == (n_done * 128 * 128).min(50_000), "{n_done} parts, {n_resumed} notes");
        assert!(results(&workplace) == undisturbed, "killed at {target} of {total} bytes");
    }
}

#[test]
fn ctrl_c_finishes_the_part_and_says_how_to_go_on() {
    let (workplace, undisturbed) = killed();
    fs::remove_dir_all(workplace.path("out")).unwrap();
    let mut child = spawn(&workplace, &[]);
    let writing = workplace.path(&format!("{PARTIAL}/writing"));
    assert!(wait_for(&workplace, &mut child, || writing.exists()));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let finished = finish(child);
    assert_eq!(finished.status, 2, "{finished:?}");
    assert!(finished.stderr.contains("stopped after ") && finished.stderr.contains("--resume"), "{finished:?}");
    assert!(n_parts(&workplace) > 0 && !writing.exists());
    assert_eq!(workplace.run(&arguments(&["--resume"])).status, 1);
    assert!(results(&workplace) == undisturbed);
}

#[test]
fn a_second_run_into_the_folder_is_refused() {
    let workplace = workplace();
    let mut child = spawn(&workplace, &[]);
    assert!(wait_for(&workplace, &mut child, || workplace.path(&format!("{PARTIAL}/state.json")).exists()));
    for flags in [&[][..], &["--force"], &["--resume"]] {
        let second = workplace.run(&arguments(flags));
        assert_eq!(second.status, 2, "{second:?}");
        assert!(second.stderr.contains("another run is writing"), "{second:?}");
    }
    assert_eq!(finish(child).status, 1);
    results(&workplace);
}

#[test]
fn another_run_is_refused_with_the_difference() {
    let (workplace, undisturbed) = killed();
    let n_done = n_parts(&workplace);
    let refused = |flags: &[&str], parts: &[&str]| {
        let finished = workplace.run(&arguments(flags));
        assert_eq!(finished.status, 2, "{finished:?}");
        let error: Value = serde_json::from_str(&finished.stderr).unwrap();
        for part in parts {
            assert!(error["message"].as_str().unwrap().contains(part), "{part}: {error}");
        }
        assert_eq!(n_parts(&workplace), n_done, "nothing is lost");
    };
    refused(&[], &["was not finished", "--resume", "--force"]);
    refused(&["--resume", "--keep-text"], &["config.keep-text was false and is true"]);
    refused(&["--resume", "--precision", "full"], &["config.precision was \"int8\" and is \"full\""]);
    let input = workplace.read("notes.csv");
    let modified = fs::metadata(workplace.path("notes.csv")).unwrap().modified().unwrap();
    let set_time = || fs::File::open(workplace.path("notes.csv")).unwrap().set_modified(modified).unwrap();
    workplace.write("notes.csv", [&input[..], b"n50001,Fever\n"].concat());
    refused(&["--resume"], &["inputs.0.bytes was"]);
    // A change that neither length nor time give away, in what was read.
    let mut other = input.clone();
    other[15] = b'f';
    assert_ne!(other, input);
    workplace.write("notes.csv", other);
    set_time();
    refused(&["--resume"], &["the input is not what it was"]);
    workplace.write("notes.csv", &input);
    refused(&["--resume"], &["inputs.0.modified"]);
    set_time();
    let state = String::from_utf8(workplace.read(&format!("{PARTIAL}/state.json"))).unwrap();
    let version = concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\"");
    workplace.write(&format!("{PARTIAL}/state.json"), state.replace(version, "\"version\":\"0.0.1\""));
    refused(&["--resume"], &["version was \"0.0.1\" and is"]);
    workplace.write(&format!("{PARTIAL}/state.json"), state);
    assert_eq!(workplace.run(&arguments(&["--resume"])).status, 1);
    assert!(results(&workplace) == undisturbed);
}

#[test]
fn resume_begins_where_nothing_stands_and_ends_as_before_where_all_is_done() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", "note_id,text\n1,Fever\n1,Cough\n");
    let first = workplace.annotate(&["notes.csv", "--resume"]);
    assert_eq!(first.status, 1, "{first:?}");
    let run = workplace.run_file();
    let again = workplace.annotate(&["notes.csv", "--resume", "--threads", "3"]);
    assert_eq!(again.status, 1, "{again:?}");
    assert!(again.stderr.contains("finished before"), "{again:?}");
    assert_eq!(workplace.run_file(), run);
    let refused = |flags: &[&str], part: &str| {
        let finished = workplace.annotate(&[&["notes.csv", "--resume"], flags].concat());
        assert_eq!(finished.status, 2, "{finished:?}");
        assert!(finished.stderr.contains(part), "{finished:?}");
    };
    refused(&["--limit", "1"], "config.limit was none and is 1");
    workplace.write("notes.csv", "note_id,text\n1,Fever\n1,Chill\n");
    refused(&[], "inputs.0.blake3 was");
    assert_eq!(workplace.run_file(), run);
    refused(&["--force"], "cannot be used with");
}

#[test]
fn a_run_over_standard_input_goes_on_with_the_same_lines() {
    let workplace = Workplace::new();
    let lines: String = (0..140_000).map(|number| format!("{{\"text\":\"Fever {number}\"}}\n")).collect();
    let flags = ["annotate", "-", "--out", "out", "--recognizers", "lexicon", "--quiet"];
    assert_eq!(workplace.run_with_stdin(&flags, lines.as_bytes()).status, 0);
    let undisturbed = workplace.read("out/notes.parquet");
    fs::remove_dir_all(workplace.path("out")).unwrap();
    // A run of the first lines only, whose state and parts are those of a run that was killed.
    let mut child = Command::new(env!("CARGO_BIN_EXE_noteward"))
        .args(flags)
        .current_dir(workplace.path("."))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let half = &lines.as_bytes()[..lines.len() * 3 / 5];
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), half).unwrap();
    assert!(wait_for(&workplace, &mut child, || n_parts(&workplace) > 0));
    child.kill().unwrap();
    finish(child);
    let resume = [&flags[..], &["--resume"]].concat();
    let other = workplace.run_with_stdin(&resume, lines.replacen("Fever", "Cough", 1).as_bytes());
    assert!(other.status == 2 && other.stderr.contains("the input is not what it was"), "{other:?}");
    assert_eq!(workplace.run_with_stdin(&resume, lines.as_bytes()).status, 0);
    assert!(workplace.read("out/notes.parquet") == undisturbed);
}
