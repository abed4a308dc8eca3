//! `noteward why`: what it shows of a row, in runs of every format; where it finds the note; what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use program::Workplace;
use serde_json::Value;

/// Rules of a folder of their own, so that the pages do not change with the program's tables.
const CUES: &str = "\
# cues of the tests
cue\tcategory\tdirection\tlimit\texample\tsource
but\tend\tboth\t-\tNo rash but [pneumonia|present].\thand
denies\tabsent\tforward\t-\tDenies [pneumonia|absent].\thand
h/o\thistorical\tforward\t-\tH/o [pneumonia|historical].\thand
no\tabsent\tforward\t3\tNo [pneumonia|absent].\thand
no change\tpseudo\tboth\t-\tNo change in [pneumonia|present].\thand
not\tabsent\tforward\t-\tNot [pneumonia|absent].\thand
possible\tpossible\tforward\t-\tPossible [pneumonia|possible].\thand
unlikely\tabsent\tbackward\t-\t[Pneumonia|absent] unlikely.\thand
";

const NOTES: &str = "\
note_id,patient_id,note_time,text
1,p1,2025-03-02T14:20:00,\"HPI: Café owner. Denies chest pain, fever but has cough.\nFAMILY HISTORY: asthma\"
2,p2,,\"No change in headache. Not possible pneumonia. H/o hypertension. No one in the house has fever.\"
";

/// A workplace with a run over [`NOTES`] by the lexicon and [`CUES`].
fn annotated(flags: &[&str]) -> Workplace {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    workplace.write("rules/cues.tsv", CUES);
    let finished = annotate(&workplace, flags);
    assert_eq!(finished.status, 0, "{finished:?}");
    workplace
}

fn annotate(workplace: &Workplace, flags: &[&str]) -> program::Finished {
    let fixed = ["annotate", "notes.csv", "--out", "out", "--rules", "rules", "--recognizers", "lexicon", "-q"];
    workplace.run(&[&fixed[..], flags].concat())
}

/// The id of the mention with some words; the run has JSON Lines.
fn id_of(workplace: &Workplace, note: &str, words: &str) -> String {
    let rows = workplace.rows("mentions.jsonl");
    let row = rows.iter().find(|row| row["text"] == words && row["note_id"] == note).expect("the mention is found");
    row["mention_id"].as_str().unwrap().to_owned()
}

fn why(workplace: &Workplace, id: &str, flags: &[&str]) -> Value {
    let finished = workplace.run(&[&["why", "out", id, "--json"], flags].concat());
    assert!(finished.status < 2, "{finished:?}");
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(told["same_row"], finished.status == 0, "{finished:?}");
    told
}

/// A page without what changes with the program's tables: lines of embedded tables, codes of concepts, and hashes.
fn steady(page: &str) -> String {
    let lines = page.lines().map(|line| match line.split_once(": ") {
        Some(("run", _)) => "run: ...".to_owned(),
        Some(("lexicon", entry)) => format!("lexicon: {}", entry.split(", ").take(3).collect::<Vec<_>>().join(", ")),
        _ => match line.split_once(".tsv, line ") {
            Some((table, rest)) if line.contains("embedded") => {
                format!("{table}.tsv, line N{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
            _ => line.to_owned(),
        },
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn pages() {
    let workplace = annotated(&["--format", "jsonl"]);
    let mentions = [
        ("1", "fever"),
        ("1", "cough"),
        ("1", "asthma"),
        ("2", "headache"),
        ("2", "pneumonia"),
        ("2", "hypertension"),
        ("2", "fever"),
    ];
    for (note, words) in mentions {
        let finished = workplace.run(&["why", "out", &id_of(&workplace, note, words)]);
        assert_eq!((finished.status, finished.stderr.as_str()), (0, ""));
        insta::assert_snapshot!(format!("why_{note}_{words}"), steady(&finished.stdout));
    }
}

#[test]
fn every_format_tells_the_same() {
    let mut all = Vec::new();
    for format in ["parquet", "csv", "jsonl"] {
        let workplace = annotated(&["--format", "jsonl"]);
        let id = id_of(&workplace, "1", "fever");
        assert_eq!(annotate(&workplace, &["--force", "--format", format]).status, 0);
        all.push(why(&workplace, &id, &[]));
    }
    assert_eq!(all[0]["decisions"][0]["row"]["cells"]["example"], "Denies [pneumonia|absent].");
    assert_eq!(all[0]["decisions"][0]["scope"]["ended_by"], "\"but\" (end:but)");
    assert!(all[0]["made_with"].as_array().unwrap().iter().all(|own| own["same"] == true));
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_note_is_found_in_texts_or_in_notes_that_are_given() {
    let workplace = annotated(&["--format", "jsonl,parquet", "--keep-text"]);
    let id = id_of(&workplace, "1", "cough");
    std::fs::remove_file(workplace.path("notes.csv")).unwrap();
    assert_eq!(why(&workplace, &id, &[])["read_from"], "texts");
    let refused = |flags: &[&str], expected: &str| {
        let finished = workplace.run(&[&["why", "out", &id], flags].concat());
        assert_eq!((finished.status, finished.stdout.as_str()), (2, ""));
        assert!(finished.stderr.contains(expected), "{finished:?}");
        assert!(!finished.stderr.contains("Denies"), "{finished:?}");
    };
    std::fs::remove_file(workplace.path("out/texts.jsonl")).unwrap();
    std::fs::remove_file(workplace.path("out/texts.parquet")).unwrap();
    refused(&[], "notes.csv: the input of the run is not there; name the notes with --notes INPUT");
    workplace.write("elsewhere/same.csv", NOTES);
    assert_eq!(why(&workplace, &id, &["--notes", "elsewhere"])["read_from"], "given");
    workplace.write("other.csv", "note_id,text\n7,\"Denies fever.\"\n");
    refused(&["--notes", "other.csv"], "no note with a text has the id \"1\"");
    // The same record with another text.
    workplace.write("notes.csv", NOTES.replace("Café", "Cafe"));
    refused(&[], "the text of note \"1\" is not the one that was annotated: its hash was");
    refused(&["--notes", "notes.csv"], "is not the one that was annotated");
    // Fewer records.
    workplace.write("notes.csv", "note_id,text\n");
    refused(&[], "record 1 holds no text any more");
}

#[test]
fn the_files_of_a_run_are_found_from_any_folder() {
    let workplace = annotated(&["--format", "jsonl"]);
    let id = id_of(&workplace, "1", "fever");
    workplace.write("in/some/folder/file", "");
    let absolute = workplace.path("out");
    for (folder, run) in [("in/some", "../../out"), ("out", "."), ("in", absolute.to_str().unwrap())] {
        let finished = workplace.run_in(folder, &["why", run, &id, "--json"]);
        assert_eq!(finished.status, 0, "{folder}: {finished:?}");
        let told: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!((&told["same_row"], &told["read_from"]), (&true.into(), &"input".into()), "{folder}");
    }
    // A folder that was renamed does not tell where the run was started.
    std::fs::rename(&absolute, workplace.path("in/renamed")).unwrap();
    let finished = workplace.run_in("in", &["why", "renamed", &id]);
    assert_eq!(finished.status, 2, "{finished:?}");
    assert!(finished.stderr.contains("name the notes with --notes INPUT"), "{finished:?}");
    std::fs::rename(workplace.path("in/renamed"), workplace.path("renamed")).unwrap();
    assert_eq!(workplace.run(&["why", "renamed", &id]).status, 0);
}

#[test]
fn standard_input_cannot_be_read_again() {
    let workplace = Workplace::new();
    let note = "{\"note_id\": \"1\", \"text\": \"Denies fever.\"}\n";
    assert_eq!(workplace.annotate_stdin(&["-"], note.as_bytes()).status, 0);
    let id = id_of(&workplace, "1", "fever");
    let finished = workplace.run(&["why", "out", &id]);
    assert_eq!(finished.status, 2);
    assert!(finished.stderr.contains("standard input cannot be read again"), "{finished:?}");
    workplace.write("kept.jsonl", note);
    assert_eq!(why(&workplace, &id, &["--notes", "kept.jsonl"])["read_from"], "given");
}

#[test]
fn says_what_is_not_as_it_was() {
    let workplace = annotated(&["--format", "jsonl"]);
    let id = id_of(&workplace, "1", "fever");
    workplace.write("rules/cues.tsv", CUES.replace("denies\tabsent", "denies\tpossible"));
    let told = why(&workplace, &id, &[]);
    let differing: Vec<&str> =
        told["differences"].as_array().unwrap().iter().map(|own| own["column"].as_str().unwrap()).collect();
    assert_eq!(differing, ["presence", "rule"]);
    let others = told["made_with"].as_array().unwrap().iter().filter(|own| own["same"] == false);
    assert_eq!(others.map(|own| own["what"].as_str().unwrap()).collect::<Vec<_>>(), ["rules"]);
    let page = workplace.run(&["why", "out", &id]).stdout;
    assert!(
        page.contains("this program has another rules") && page.contains("presence: absent in the run, possible here"),
        "{page}"
    );
    // A word that is no mention any more.
    workplace.write("rules/exclusions.tsv", "phrase\tkind\tsource\nfever\tphrase\thand\n");
    let told = why(&workplace, &id, &[]);
    assert_eq!((told["decisions"].as_array().unwrap().len(), told["sentence"]["index"].as_u64()), (0, Some(1)));
    assert!(workplace.run(&["why", "out", &id]).stdout.contains("this program finds no such mention"));
    std::fs::remove_dir_all(workplace.path("rules")).unwrap();
    assert_eq!(workplace.run(&["why", "out", &id]).status, 2);
}

#[test]
fn tells_who_governs_whom() {
    let workplace = annotated(&["--format", "jsonl"]);
    let told = why(&workplace, &id_of(&workplace, "2", "pneumonia"), &[]);
    assert_eq!(told["decisions"][0]["counts_as"], "absent, governed by \"Not\" (absent:not)");
    assert_eq!(told["other_cues"][0]["because"], "it governs \"possible\" (possible:possible), which decides");
}

#[test]
fn refuses_what_is_no_run_and_no_mention() {
    let workplace = annotated(&[]);
    let refused = |arguments: &[&str], expected: &str| {
        let finished = workplace.run(&[&["why"], arguments].concat());
        assert_eq!((finished.status, finished.stdout.as_str()), (2, ""));
        assert!(finished.stderr.contains(expected), "{finished:?}");
    };
    refused(&["out", "0123"], "no mention has the id \"0123\"; ids stand in the column mention_id of mentions");
    refused(&[".", "0123"], "holds no run.json; expected the output folder of a finished annotate");
    refused(&["absent", "0123"], "holds no run.json");
    workplace.write("out/run.json", "{}");
    refused(&["out", "0123"], "expected the description of a run");
}
