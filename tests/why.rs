//! `noteward why`: what it shows of a row, in runs of every format, and of a warning; where it finds the note; what it refuses.

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
    refused(
        &["out", "0123"],
        "no mention, measurement or fact has the id \"0123\"; ids stand in the columns mention_id and measurement_id",
    );
    refused(&[".", "0123"], "holds no run.json; expected the output folder of a finished annotate");
    refused(&["absent", "0123"], "holds no run.json");
    workplace.write("out/run.json", "{}");
    refused(&["out", "0123"], "expected the description of a run");
}

/// Notes with values, facts and what scores ask for.
const WARD: &str = "\
note_id,patient_id,encounter_id,note_time,text
w1,p/1,e1,2025-03-02T08:00:00,\"HPI: 70 y/o man, ex-smoker, 35 pack years. No aspirin.\nVS: T 101.3 F, RR 24, BP 128/74. Goal SpO2 above 92%.\"
w2,p/1,e1,2025-03-02T14:00:00,\"RR 26, BP 88/50. UA: nitrite negative.\nAlcohol: None.\"
";

/// The row of a table of the run with some words.
fn row_of(workplace: &Workplace, table: &str, column: &str, words: &str) -> program::Row {
    let rows = workplace.rows(&format!("{table}.jsonl"));
    rows.into_iter().find(|row| row[column] == words).unwrap_or_else(|| panic!("{table} has {words}"))
}

fn on_ward() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("notes.csv", WARD);
    workplace.write("rules/cues.tsv", CUES);
    assert_eq!(annotate(&workplace, &["--format", "jsonl"]).status, 0);
    workplace
}

#[test]
fn pages_of_values_and_facts() {
    let workplace = on_ward();
    let rows = [
        ("measurements", "value_text", "101.3 F", "measurement_id"),
        ("measurements", "value_text", "92%", "measurement_id"),
        ("measurements", "value_text", "88", "measurement_id"),
        ("measurements", "value_text", "negative", "measurement_id"),
        ("facts", "text", "ex-smoker", "mention_id"),
        ("facts", "text", "aspirin", "mention_id"),
        ("facts", "text", "70 y/o", "mention_id"),
        ("facts", "text", "Alcohol", "mention_id"),
    ];
    for (table, column, words, id) in rows {
        let row = row_of(&workplace, table, column, words);
        let finished = workplace.run(&["why", "out", row[id].as_str().unwrap()]);
        assert_eq!((finished.status, finished.stderr.as_str()), (0, ""), "{}", finished.stdout);
        let name: String = words.chars().filter(|c| c.is_alphanumeric()).collect();
        insta::assert_snapshot!(format!("why_{table}_{name}"), steady(&finished.stdout));
    }
}

#[test]
fn every_value_and_fact_can_be_explained() {
    let workplace = on_ward();
    let mut n_told = 0;
    for (table, id, kind) in [("measurements", "measurement_id", "measurement"), ("facts", "mention_id", "fact")] {
        for row in workplace.rows(&format!("{table}.jsonl")) {
            let told = why(&workplace, row[id].as_str().unwrap(), &[]);
            assert_eq!(told["same_row"], true, "{told}");
            assert_eq!(told[kind][id], row[id]);
            assert_eq!(told[kind]["value"], row["value"]);
            // What each axis is, and by what, is that of the row.
            for decision in told["decisions"].as_array().unwrap() {
                assert_eq!(decision["value"], row[decision["axis"].as_str().unwrap()]);
            }
            n_told += 1;
        }
    }
    assert!(n_told >= 10, "{n_told}");
}

#[test]
fn a_value_of_other_tables_is_another_row() {
    let workplace = on_ward();
    let row = row_of(&workplace, "measurements", "value_text", "101.3 F");
    let id = row["measurement_id"].as_str().unwrap();
    let table = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/lexicons/measurements.tsv")).unwrap();
    workplace.write("rules/measurements.tsv", table.replace("@32\t", "@31\t"));
    let told = why(&workplace, id, &[]);
    assert_eq!((told["same_row"].as_bool(), told["differences"][0]["column"].as_str()), (Some(false), Some("value")));
    assert_eq!(told["reading"]["unit"]["offset"], 31.0);
    // Degrees Fahrenheit are not read any more.
    let without = table.replace(";[degF]=0.5555555555555556@32", "").replace(";75..115=[degF]", "");
    workplace.write("rules/measurements.tsv", without);
    let finished = workplace.run(&["why", "out", id]);
    assert!(finished.stdout.contains("this program finds no such measurement"), "{finished:?}");
}

const WARNING: &str = "qsofa/p/1/2025-03-02T14:00:00";

fn warned() -> Workplace {
    let workplace = on_ward();
    workplace.write("observations.csv", "patient_id,time,name,value\np/1,2025-03-02T13:00:00,gcs,15\n");
    warn(&workplace, &["--scores", "qsofa", "--observations", "observations.csv"]);
    workplace
}

fn warn(workplace: &Workplace, flags: &[&str]) {
    let finished = workplace.run(&[&["warn", "out", "--out", "warned", "--force", "--quiet"], flags].concat());
    assert_eq!(finished.status, 0, "{finished:?}");
}

fn why_warning(workplace: &Workplace, flags: &[&str]) -> Value {
    let finished = workplace.run(&[&["why", "warned", WARNING, "--json"], flags].concat());
    assert!(finished.status < 2, "{finished:?}");
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(told["as_it_was"], finished.status == 0, "{told}");
    told
}

/// Every item of the evidence of a warning that rests on a note.
fn from_notes(told: &Value) -> Vec<Value> {
    let inputs = told["inputs"].as_array().unwrap().iter();
    let all = inputs.flat_map(|input| input["evidence"].as_array().unwrap().iter());
    all.filter(|evidence| evidence["note_id"].is_string()).cloned().collect()
}

/// A page without hashes, which change with the program's tables.
fn without_hashes(page: &str) -> String {
    let lines = page.lines().map(|line| if line.starts_with("made with: ") { "made with: ..." } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn page_of_a_warning() {
    let workplace = warned();
    let finished = workplace.run(&["why", "warned", WARNING]);
    assert_eq!((finished.status, finished.stderr.as_str()), (0, ""), "{}", finished.stdout);
    insta::assert_snapshot!("why_warning", without_hashes(&finished.stdout));
    // Of the morning, when the evidence of the afternoon was not known, two inputs are missing.
    workplace.write("earlier.csv", "patient_id,time\np/1,2025-03-02T08:00:00\n");
    warn(&workplace, &["--scores", "qsofa", "--at", "earlier.csv"]);
    let finished = workplace.run(&["why", "warned", "qsofa/p/1/2025-03-02 08:00"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    insta::assert_snapshot!("why_warning_undecided", without_hashes(&finished.stdout));
}

#[test]
fn a_warning_names_rows_that_can_be_explained() {
    let workplace = warned();
    let told = why_warning(&workplace, &[]);
    let all = from_notes(&told);
    assert_eq!(all.len(), 2, "{told}");
    for evidence in all {
        assert_eq!((evidence["text_is"].as_str(), &evidence["problem"]), (Some("same"), &Value::Null));
        for column in ["rule", "time", "text_hash", "segment_hash", "start", "end"] {
            assert!(!evidence[column].is_null(), "{column}: {evidence}");
        }
        let row = why(&workplace, evidence["id"].as_str().unwrap(), &[]);
        assert_eq!(row["measurement"]["value_text"], evidence["words"]);
        assert_eq!(row["note"]["text_hash"], evidence["text_hash"]);
    }
}

#[test]
fn a_warning_tells_what_has_changed() {
    let workplace = warned();
    let states = |told: &Value| -> Vec<String> {
        from_notes(told).iter().map(|evidence| evidence["text_is"].as_str().unwrap().to_owned()).collect()
    };
    // Another text, of which no word is shown.
    workplace.write("notes.csv", WARD.replace("RR 26", "RR 27"));
    let told = why_warning(&workplace, &[]);
    assert_eq!(states(&told), ["changed", "changed"]);
    assert!(from_notes(&told).iter().all(|evidence| evidence["words"].is_null() && evidence["statement"].is_object()));
    // No text.
    std::fs::remove_file(workplace.path("notes.csv")).unwrap();
    assert_eq!(states(&why_warning(&workplace, &[])), ["not_found", "not_found"]);
    workplace.write("elsewhere.csv", WARD);
    assert_eq!(states(&why_warning(&workplace, &["--notes", "elsewhere.csv"])), ["same", "same"]);
    // Another file of observations.
    workplace.write("notes.csv", WARD);
    assert_eq!(why_warning(&workplace, &[])["as_it_was"], true);
    workplace.write("observations.csv", "patient_id,time,name,value\n");
    let told = why_warning(&workplace, &[]);
    let other = told["made_with"].as_array().unwrap().iter().find(|own| own["same"] == false).unwrap();
    assert_eq!(other["what"], "file observations.csv");
    // Another run of other notes in its place, which has no such row.
    workplace.write("observations.csv", "patient_id,time,name,value\np/1,2025-03-02T13:00:00,gcs,15\n");
    workplace.write("notes.csv", WARD.replace("RR 26", "Rate of breathing 26"));
    assert_eq!(annotate(&workplace, &["--format", "jsonl", "--force"]).status, 0);
    let told = why_warning(&workplace, &[]);
    assert!(from_notes(&told).iter().any(|evidence| evidence["statement"].is_null()), "{told}");
    let page = workplace.run(&["why", "warned", WARNING]).stdout;
    assert!(page.contains("the run has no such row") && page.contains("run is another"), "{page}");
}

#[test]
fn a_run_and_a_score_may_be_named() {
    let workplace = on_ward();
    let score = include_str!("../models/scores/qsofa.toml").replace("id = \"qsofa\"", "id = \"own\"");
    workplace.write("scores/own.toml", score);
    warn(&workplace, &["--scores", "scores"]);
    std::fs::rename(workplace.path("out"), workplace.path("moved")).unwrap();
    let id = "own/p/1/2025-03-02T14:00:00";
    let finished = workplace.run(&["why", "warned", id]);
    assert_eq!(finished.status, 2);
    assert!(finished.stderr.contains("name it with --run RUN"), "{finished:?}");
    // The program does not know the score; what the row says is told all the same.
    let finished = workplace.run(&["why", "warned", id, "--run", "moved", "--json"]);
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((finished.status, &told["score"]), (1, &Value::Null));
    assert_eq!(told["inputs"][0]["state"], "number");
    let finished = workplace.run(&["why", "warned", id, "--run", "moved", "--scores", "scores", "--json"]);
    assert_eq!(finished.status, 0, "{finished:?}");
}

#[test]
fn refuses_what_is_no_warning() {
    let workplace = warned();
    let refused = |arguments: &[&str], expected: &str| {
        let finished = workplace.run(&[&["why"], arguments].concat());
        assert_eq!((finished.status, finished.stdout.as_str()), (2, ""), "{finished:?}");
        assert!(finished.stderr.contains(expected), "{finished:?}");
    };
    refused(&["warned", "news2/p/1/2025-03-02T14:00:00"], "has no row of score \"news2\", patient \"p/1\"");
    refused(&["warned", "qsofa/p/1/2025-03-02T14:00:01"], "and this time; expected SCORE/PATIENT_ID/TIME");
    refused(&["out", WARNING], "holds no warn.json; expected the output folder of warn");
    refused(&["warned", "qsofa/p1"], "holds no run.json");
    workplace.write("warned/warn.json", "{}");
    refused(&["warned", WARNING], "expected what warn writes");
}
