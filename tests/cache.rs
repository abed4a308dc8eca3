//! The segment cache: with it, without it, warm or cold, a run gives the same bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use program::Workplace;

const TABLES: [&str; 5] =
    ["mentions.parquet", "mentions.jsonl", "measurements.parquet", "notes.parquet", "notes.jsonl"];

fn copy_model(workplace: &Workplace, name: &str, folder: &str) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    fs::create_dir_all(workplace.path(folder)).unwrap();
    // The small models have one vocabulary.
    for (model, file) in [(name, "config.json"), ("tiny-bert", "vocab.txt"), (name, "model.safetensors")] {
        fs::copy(models.join(model).join(file), workplace.path(folder).join(file)).unwrap();
    }
}

/// A folder with the sample notes and two small models, one of which reads the lexicon's marks.
fn workplace() -> Workplace {
    let workplace = Workplace::new();
    let notes = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/notes.csv");
    workplace.write("notes.csv", fs::read(notes).unwrap());
    copy_model(&workplace, "tiny-bert", "model");
    copy_model(&workplace, "tiny-inputs", "other");
    workplace
}

/// The tables of a run, and the hit rate of its cache.
fn run(workplace: &Workplace, input: &str, flags: &[&str]) -> (Vec<Vec<u8>>, Option<f64>) {
    let all = [&[input, "--force", "--format", "parquet,jsonl"], flags].concat();
    let finished = workplace.annotate(&all);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert!(!finished.stderr.contains("warning"), "{finished:?}");
    let run = workplace.run_file();
    assert!(run["config"].get("cache").is_none(), "what changes no byte is no part of the run");
    (TABLES.map(|table| workplace.read(&format!("out/{table}"))).into(), run["timings"]["cache"]["hit_rate"].as_f64())
}

#[test]
fn cached_and_uncached_runs_give_the_same_bytes() {
    let workplace = workplace();
    for model in ["model", "other"] {
        let with = |flags: &[&str]| run(&workplace, "notes.csv", &[&["--model", model], flags].concat());
        let (uncached, rate) = with(&["--no-cache", "--threads", "1"]);
        assert_eq!(rate, None);
        let (cached, rate) = with(&["--threads", "1"]);
        assert!(rate.is_some_and(|rate| rate > 0.0 && rate < 0.5), "{rate:?}");
        assert!(cached == uncached, "{model}");
        // Workers that have the same sentence at the same time read it once.
        assert_eq!(with(&["--threads", "3"]), (uncached.clone(), rate), "{model}");
        // Eviction changes what is read again, and nothing else.
        for flags in [["--cache-size", "20KB"], ["--cache-size", "0"]] {
            assert!(with(&flags).0 == uncached, "{model} {flags:?}");
        }
    }
}

#[test]
fn a_warm_cache_on_disk_gives_the_same_bytes_and_spares_the_model() {
    let workplace = workplace();
    let with = |model: &str| run(&workplace, "notes.csv", &["--model", model, "--cache", "cache"]);
    let (uncached, _) = run(&workplace, "notes.csv", &["--model", "other", "--no-cache"]);
    let (cold, cold_rate) = with("other");
    let (warm, warm_rate) = with("other");
    assert!(cold == uncached && warm == uncached);
    assert!(cold_rate < Some(0.5) && warm_rate == Some(1.0), "{cold_rate:?} {warm_rate:?}");
    let saved = workplace.run_file()["timings"]["cache"]["saved_seconds"].as_f64();
    assert!(saved > Some(0.0), "{saved:?}");
    // Another model finds nothing of this one's.
    let (_, other_rate) = with("model");
    assert!(other_rate < Some(0.5), "{other_rate:?}");
    let (_, other_rate) = with("model");
    assert_eq!(other_rate, Some(1.0));
    // A changed rule of assertion asks the model nothing.
    let cues = Path::new(env!("CARGO_MANIFEST_DIR")).join("lexicons/cues.tsv");
    let cues = fs::read_to_string(cues).unwrap();
    let fewer: Vec<&str> = cues.lines().filter(|line| !line.starts_with("denies")).collect();
    assert!(fewer.len() < cues.lines().count());
    workplace.write("rules/cues.tsv", fewer.join("\n") + "\n");
    let (_, rate) = run(&workplace, "notes.csv", &["--model", "other", "--cache", "cache", "--rules", "rules"]);
    assert_eq!(rate, Some(1.0));
}

#[test]
fn the_cache_holds_no_text() {
    let workplace = workplace();
    workplace.write("secret.csv", "note_id,text\n1,Zanzibar has severe knee swelling and chest pain.\n");
    run(&workplace, "secret.csv", &["--model", "other", "--cache", "cache"]);
    for entry in fs::read_dir(workplace.path("cache")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        for word in [&b"Zanzibar"[..], b"swelling", b"chest"] {
            assert!(!bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word)));
        }
    }
}

#[test]
fn a_damaged_cache_changes_no_byte() {
    let workplace = workplace();
    let flags = ["--model", "other", "--cache", "cache"];
    let (whole, _) = run(&workplace, "notes.csv", &flags);
    let file = workplace.path("cache/noteward-cache-000000.redb");
    let bytes = fs::read(&file).unwrap();
    let mut n_noticed = 0;
    for place in 0..12 {
        let mut damaged = bytes.clone();
        let from = damaged.len() * place / 12;
        damaged[from..].iter_mut().step_by(701).take(200).for_each(|byte| *byte ^= 0x55);
        fs::write(&file, damaged).unwrap();
        let finished =
            workplace.annotate(&[&["notes.csv", "--force", "--format", "parquet,jsonl"], &flags[..]].concat());
        n_noticed += usize::from(finished.stderr.contains("damaged") || finished.stderr.contains("not used further"));
        match finished.status {
            0 => assert!(TABLES.map(|table| workplace.read(&format!("out/{table}"))).as_slice() == whole, "{place}"),
            2 => assert!(finished.stderr.contains("cache") && finished.stderr.contains("remove"), "{finished:?}"),
            _ => panic!("{finished:?}"),
        }
    }
    assert!(n_noticed > 3, "{n_noticed} damages were noticed");
}

#[test]
fn what_is_no_cache_is_refused() {
    let workplace = workplace();
    let refused = |flags: &[&str], parts: &[&str]| {
        let finished = workplace.annotate(&[&["notes.csv", "--model", "model", "--force"], flags].concat());
        assert_eq!(finished.status, 2, "{finished:?}");
        parts.iter().for_each(|part| assert!(finished.stderr.contains(part), "{part}: {finished:?}"));
    };
    workplace.write("foreign/noteward-cache-000000.redb", "a letter".repeat(10_000));
    refused(&["--cache", "foreign"], &["foreign", "not a cache", "remove it"]);
    refused(&["--cache", "cache", "--no-cache"], &["cannot be used with"]);
    refused(&["--cache", "cache", "--cache-size", "1MB"], &["at least"]);
    refused(&["--cache-size", "much"], &["expected a number of bytes"]);
    fs::create_dir_all(workplace.path("cache")).unwrap();
    let lock = fs::File::create(workplace.path("cache/noteward-cache.lock")).unwrap();
    lock.lock().unwrap();
    refused(&["--cache", "cache"], &["another run uses this cache"]);
}

#[test]
fn real_notes_give_the_same_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/notes");
    if !folder.is_dir() {
        println!("skipped: the shared notes are not here");
        return;
    }
    let workplace = workplace();
    let input = folder.to_str().unwrap();
    let with = |flags: &[&str]| run(&workplace, input, &[&["--model", "other", "--limit", "200"], flags].concat()).0;
    let uncached = with(&["--no-cache"]);
    assert!(with(&["--threads", "2"]) == uncached);
    assert!(with(&["--cache", "cache", "--threads", "2"]) == uncached);
    assert!(with(&["--cache", "cache", "--threads", "1"]) == uncached);
}

#[test]
fn a_key_of_the_site_changes_the_hashes_and_nothing_else() {
    let workplace = workplace();
    workplace.write("key", "a secret of the site");
    workplace.write("other-key", "another secret of it");
    workplace.write("short-key", "secret");
    let rows = |flags: &[&str]| {
        let all = [&["notes.csv", "--force", "--keep-sentences"], flags].concat();
        assert_eq!(workplace.annotate(&all).status, 0);
        let mut rows = [workplace.rows("mentions.jsonl"), workplace.rows("sentences.jsonl")].concat();
        let hashes: Vec<_> = rows.iter_mut().map(|row| row.remove("segment_hash").unwrap()).collect();
        (rows, hashes, workplace.run_file()["segment_key"].clone())
    };
    let (plain, plain_hashes, none) = rows(&[]);
    let (keyed, keyed_hashes, fingerprint) = rows(&["--hash-key-file", "key"]);
    let (_, other_hashes, other_fingerprint) = rows(&["--hash-key-file", "other-key"]);
    assert_eq!(keyed, plain);
    assert!(none.is_null() && fingerprint.is_string() && fingerprint != other_fingerprint);
    for (plain, (keyed, other)) in plain_hashes.iter().zip(keyed_hashes.iter().zip(&other_hashes)) {
        assert!(plain != keyed && keyed != other && plain != other);
    }
    let same = |hashes: &[serde_json::Value]| hashes.iter().map(|hash| hashes.iter().position(|h| h == hash)).collect();
    let (before, after): (Vec<_>, Vec<_>) = (same(&plain_hashes), same(&keyed_hashes));
    assert_eq!(before, after, "equal sentences stay equal");
    // What was kept under one key is not found under another.
    let rate =
        |key: &str| run(&workplace, "notes.csv", &["--model", "model", "--cache", "c", "--hash-key-file", key]).1;
    assert!(rate("key") < Some(0.5) && rate("other-key") < Some(0.5) && rate("key") == Some(1.0));
    let refused = workplace.annotate(&["notes.csv", "--hash-key-file", "short-key", "--force"]);
    assert!(refused.status == 2 && refused.stderr.contains("at least 16 bytes"), "{refused:?}");
}
