//! `noteward evaluate`: its figures on a small gold standard, on runs in every format, and beside the scorer of the annotated
//! set where that is present.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use std::path::Path;
use std::process::Command;

use program::Workplace;
use serde_json::{Value, json};

/// A gold mention: the first place of `words` in `text`.
fn entity(text: &str, words: &str, kind: &str, axis: &str, code: &str) -> Value {
    let start = text[..text.find(words).expect("the words are in the text")].chars().count();
    let mut entity = json!({
        "start": start, "end": start + words.chars().count(), "text": words, "type": kind, "code": code,
        "negated": false, "possible": false, "historical": false, "hypothetical": false, "other_experiencer": false,
    });
    if !axis.is_empty() {
        entity[axis] = json!(true);
    }
    entity
}

/// A gold standard of two notes, the first with letters of several bytes.
fn gold() -> [Value; 2] {
    let first = "Café owner, 41. Denies fever. Has severe chest pain. Mother had asthma.";
    let second = "IMPRESSION: Possible pneumonia. No effusion.";
    [
        json!({"id": "1", "text": first, "category": "clinic", "entities": [
            entity(first, "fever", "symptom", "negated", "R50.9"),
            entity(first, "severe chest pain", "symptom", "", "R07.9"),
            entity(first, "asthma", "diagnosis", "other_experiencer", "J45.909"),
        ]}),
        json!({"id": "2", "text": second, "category": "radiology", "entities": [
            entity(second, "pneumonia", "diagnosis", "possible", "J18.9"),
            entity(second, "effusion", "finding", "negated", "J90"),
        ]}),
    ]
}

fn lines(notes: &[Value]) -> String {
    notes.iter().map(|note| format!("{note}\n")).collect()
}

fn evaluate(workplace: &Workplace, flags: &[&str]) -> Value {
    let finished = workplace.run(&[&["evaluate", "--gold", "gold.jsonl", "--json"], flags].concat());
    assert_eq!(finished.status, 0, "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

#[test]
fn counts_pairs_and_names_disagreements() {
    let workplace = Workplace::new();
    let gold = gold();
    workplace.write("gold.jsonl", lines(&gold));
    let itself = evaluate(&workplace, &["--pred", "gold.jsonl"]);
    for (name, rate) in itself["all"].as_object().unwrap() {
        let expected = match name.as_str() {
            "gold" | "pred" => 5.0,
            // No mention is historical or hypothetical.
            _ if name.starts_with("historical") || name.starts_with("hypothetical") => 0.0,
            _ => 1.0,
        };
        assert_eq!(rate.as_f64(), Some(expected), "{name}");
    }
    // One shorter span, one other type, one other axis, one other code, one note without a prediction.
    let mut predicted = gold[..1].to_vec();
    predicted[0]["entities"][0]["negated"] = json!(false);
    predicted[0]["entities"][1]["start"] = json!(predicted[0]["entities"][1]["start"].as_u64().unwrap() + 7);
    predicted[0]["entities"][2]["type"] = json!("finding");
    predicted[0]["entities"][2]["code"] = json!("J45.9");
    workplace.write("pred.jsonl", lines(&predicted));
    let found = evaluate(&workplace, &["--pred", "pred.jsonl", "--errors", "9"]);
    let rate = |name: &str| found["all"][name].as_f64().unwrap();
    assert_eq!((rate("gold"), rate("pred")), (5.0, 3.0));
    assert_eq!(rate("overlap_f1"), 2.0 * 3.0 / 8.0);
    assert_eq!(rate("exact_f1"), 2.0 * 2.0 / 8.0);
    assert_eq!(rate("exact_typed_f1"), 2.0 * 1.0 / 8.0);
    assert_eq!(rate("asserted_f1"), 2.0 * 2.0 / 8.0);
    assert_eq!((rate("code_recall"), rate("code3_recall")), (2.0 / 3.0, 1.0));
    assert_eq!(rate("negated_f1"), 0.0);
    assert_eq!(found["missing_notes"], 1);
    assert_eq!(found["by_note_type"]["radiology"]["pred"], 0);
    assert_eq!(found["by_section"]["impression"]["gold"], 2);
    assert_eq!(found["confusion"]["negated"]["present"], 1);
    let kinds: Vec<&str> =
        found["errors"].as_array().unwrap().iter().map(|error| error["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["assertion", "missed", "missed", "type", "code", "span"]);
    assert_eq!(found["error_counts"], json!({"assertion": 1, "code": 1, "missed": 2, "span": 1, "type": 1}));
    assert_eq!(found["axis_confusion"]["presence"], json!({"absent": {"present": 1}, "present": {"present": 2}}));
    // A mention that was found with another type was not found as one of its type.
    assert_eq!(found["by_type"]["diagnosis"]["overlap_recall"], 0.0);
    assert_eq!(found["by_type"]["finding"]["overlap_precision"], 0.0);
    assert_eq!(
        found["errors"][0]["context"],
        "Café owner, 41. Denies [fever]. Has severe chest pain. Mother had asthma."
    );
}

#[test]
fn reads_a_run_in_every_format() {
    let workplace = Workplace::new();
    workplace.write("gold.jsonl", lines(&gold()));
    let mut all = Vec::new();
    for format in ["parquet", "jsonl", "csv"] {
        let flags = ["gold.jsonl", "--force", "--keep", "category", "--format", format];
        assert_eq!(workplace.run(&[&["annotate", "--out", "out"], &flags[..]].concat()).status, 0);
        all.push(evaluate(&workplace, &["--pred", "out"]));
    }
    assert_eq!(all[0]["all"]["pred"], 5);
    assert_eq!(all[0]["all"]["assertion_acc"], 1.0);
    assert_eq!(all[0]["by_rule"]["absent:denies"]["pairs"], 1);
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn judges_assertion_on_gold_spans() {
    let workplace = Workplace::new();
    workplace.write("gold.jsonl", lines(&gold()));
    let found = evaluate(&workplace, &["--gold-spans"]);
    assert_eq!(found["all"]["exact_typed_f1"], 1.0);
    assert_eq!(found["all"]["assertion_acc"], 1.0);
    assert_eq!(found["by_rule"]["absent:denies"], json!({"pairs": 1, "wrong": 0}));
    assert_eq!(found["error_counts"], json!({}));
    let finished = workplace.run(&["evaluate", "--gold", "gold.jsonl", "--gold-spans", "--errors", "2"]);
    assert!(finished.stdout.contains("negated_f1"), "{finished:?}");
}

/// The errors that come most often are shown first, with the rule that erred, and a few of each kind.
#[test]
fn shows_the_worst_disagreements_of_each_kind() {
    let workplace = Workplace::new();
    let texts = ["No rash. Has fever.", "Has a cough, and a wart.", "Has fever. No cough."];
    let mut notes: Vec<Value> = Vec::new();
    for (text, id) in texts.iter().zip(1..) {
        let marked = [("fever", "R50.9"), ("cough", "R05.9"), ("rash", "R21")];
        let marked = marked.iter().filter(|(words, _)| text.contains(words));
        // By this standard everything is denied.
        let entities: Vec<Value> =
            marked.map(|(words, code)| entity(text, words, "symptom", "negated", code)).collect();
        notes.push(json!({"id": id.to_string(), "text": text, "entities": entities}));
    }
    workplace.write("gold.jsonl", lines(&notes));
    let flags = ["gold.jsonl", "--out", "out", "--recognizers", "lexicon"];
    assert_eq!(workplace.run(&[&["annotate"], &flags[..]].concat()).status, 0);
    let finished = workplace.run(&["evaluate", "--gold", "gold.jsonl", "--pred", "out", "--errors", "2"]);
    let page = finished.stdout.split("\ndisagreements: ").nth(1).unwrap();
    insta::assert_snapshot!("worst_errors", page);
}

#[test]
fn refuses_what_is_no_gold_standard_without_quoting_it() {
    let workplace = Workplace::new();
    workplace.write("gold.jsonl", lines(&gold()));
    workplace.write("bad.jsonl", format!("{}{{\"id\": \"3\", \"entities\": \"fever\"}}\n", lines(&gold())));
    let finished = workplace.run(&["evaluate", "--gold", "bad.jsonl", "--pred", "gold.jsonl"]);
    assert_eq!(finished.status, 2);
    assert!(finished.stderr.contains("bad.jsonl") && finished.stderr.contains("line 3"), "{finished:?}");
    assert!(!finished.stderr.contains("fever"), "{finished:?}");
    let finished = workplace.run(&["evaluate", "--gold", "gold.jsonl", "--pred", "."]);
    assert_eq!(finished.status, 2);
    assert!(finished.stderr.contains("no mentions.parquet"), "{finished:?}");
    assert_eq!(workplace.run(&["evaluate", "--gold", "gold.jsonl"]).status, 2);
}

/// The figures of the annotated set's own scorer are the same.
#[test]
fn agrees_with_the_scorer_of_the_annotated_set() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let (gold, scorer) = (shared.join("data/gold/dev.jsonl"), shared.join("tools/score.py"));
    let python = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !gold.exists() || !scorer.exists() || !python {
        println!("skipped: the annotated set, its scorer or python3 is not here");
        return;
    }
    let workplace = Workplace::new();
    let gold = gold.to_str().unwrap();
    let flags = ["--out", "out", "--format", "jsonl", "--recognizers", "lexicon"];
    assert_eq!(workplace.run(&[&["annotate", gold], &flags[..]].concat()).status, 0);
    // The prediction in the form of the gold standard, for the scorer.
    let rows = String::from_utf8(workplace.read("out/mentions.jsonl")).unwrap();
    let mut notes: Vec<(String, Vec<Value>)> = Vec::new();
    for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let id = row["note_id"].as_str().unwrap().to_owned();
        if notes.last().is_none_or(|(last, _)| *last != id) {
            notes.push((id, Vec::new()));
        }
        notes.last_mut().unwrap().1.push(json!({
            "start": row["start"], "end": row["end"], "type": row["type"], "code": row["icd10cm"],
            "negated": row["presence"] == "absent", "possible": row["presence"] == "possible",
            "historical": row["temporality"] == "historical", "hypothetical": row["temporality"] == "hypothetical",
            "other_experiencer": row["experiencer"] != "patient",
        }));
    }
    let notes: Vec<Value> = notes.into_iter().map(|(id, entities)| json!({"id": id, "entities": entities})).collect();
    workplace.write("pred.jsonl", lines(&notes));
    let scored = Command::new("python3").arg(scorer).arg(gold).arg(workplace.path("pred.jsonl")).output().unwrap();
    let scored = String::from_utf8(scored.stdout).unwrap();
    let finished = workplace.run(&["evaluate", "--gold", gold, "--pred", "out", "--json"]);
    let own: Value = serde_json::from_str(&finished.stdout).unwrap();
    let mut n_compared = 0;
    for line in scored.lines() {
        let (name, value) = line.split_once(' ').unwrap();
        let (value, found) = (value.trim().parse::<f64>().unwrap(), own["all"][name].as_f64().unwrap());
        assert!((value - found).abs() < 5e-5, "{name}: {value}, found {found}");
        n_compared += 1;
    }
    assert!(n_compared > 15);
}
