//! `noteward diff`: what it counts, lists and writes, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use program::{Finished, Workplace};
use serde_json::{Value, json};

const CUES: &str = "\
cue\tcategory\tdirection\tlimit\texample\tsource
denies\tabsent\tforward\t-\tDenies [pneumonia|absent].\thand
no\tabsent\tforward\t-\tNo [pneumonia|absent].\thand
";

const NOTES: &str = "\
note_id,patient_id,text
1,p1,\"Denies fever, chest pain. Has cough.\"
2,p2,No rash. Lower back pain.
3,p2,
4,p3,Has a headache.
";

/// Annotates a file of notes by the lexicon, with a table of cues.
fn annotate(workplace: &Workplace, out: &str, notes: &str, cues: &str, flags: &[&str]) {
    workplace.write(&format!("{out}.csv"), notes);
    workplace.write(&format!("rules-{out}/cues.tsv"), cues);
    let (input, rules) = (format!("{out}.csv"), format!("rules-{out}"));
    let fixed = ["annotate", &input, "--out", out, "--rules", &rules, "--recognizers", "lexicon", "-q"];
    let finished = workplace.run(&[&fixed[..], flags].concat());
    assert!(finished.status < 2, "{finished:?}");
}

fn diff(workplace: &Workplace, flags: &[&str]) -> (Finished, Value) {
    let finished = workplace.run(&[&["diff", "a", "b", "--json"], flags].concat());
    assert!(finished.status < 2, "{finished:?}");
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(told["equal"], finished.status == 0, "{finished:?}");
    (finished, told)
}

#[test]
fn equal_runs_are_equal_in_every_pair_of_formats() {
    for (format_a, format_b) in [("parquet", "csv"), ("csv", "jsonl"), ("jsonl", "parquet")] {
        let workplace = Workplace::new();
        annotate(&workplace, "a", NOTES, CUES, &["--format", format_a]);
        annotate(&workplace, "b", NOTES, CUES, &["--format", format_b, "--limit", "4"]);
        let (finished, told) = diff(&workplace, &[]);
        assert_eq!(finished.status, 0, "{finished:?}");
        assert_eq!(told["mentions"]["equal"], 6);
        assert_eq!(told["notes"]["a"], 4);
        assert_eq!(told["made_otherwise"], json!(["config.input", "config.limit", "config.rules"]));
    }
}

#[test]
fn a_rule_that_is_gone_changes_what_it_decided() {
    let workplace = Workplace::new();
    annotate(&workplace, "a", NOTES, CUES, &[]);
    annotate(&workplace, "b", NOTES, &CUES.replace("denies\tabsent", "denies\tpossible"), &[]);
    let (_, told) = diff(&workplace, &["--examples", "1"]);
    assert_eq!(told["columns"], json!({"presence": 2, "rule": 2}));
    assert_eq!(told["values"], json!([{"column": "presence", "a": "absent", "b": "possible", "mentions": 2}]));
    let rules = json!([{"change": "changed", "a": "absent:denies", "b": "possible:denies", "mentions": 2}]);
    assert_eq!(told["rules"], rules);
    assert_eq!((&told["notes"]["affected"], &told["patients_affected"]), (&json!(1), &json!(1)));
    assert_eq!((&told["examples"][0]["a"]["text"], &told["examples"][1]), (&json!("fever"), &Value::Null));
    let page = workplace.run(&["diff", "a", "b", "--examples", "9"]).stdout;
    insta::assert_snapshot!("diff_rule", page);
}

/// Other notes, another order, another text, another status; mentions that come, go, and change their type and span.
#[test]
fn every_kind_of_change_is_counted_and_written() {
    let workplace = Workplace::new();
    annotate(&workplace, "a", NOTES, CUES, &[]);
    let other = "\
note_id,patient_id,text
5,p4,Has asthma.
2,p2,No rash. Lower back pain.
3,p2,Has fever.
1,p1,\"Denies fever, chest pain. Has mild cough.\"
";
    workplace.write("own.tsv", "id\tname\ttype\ticd10cm\tcodes\tforms\tsource\nx-pain\tback pain and more\tdiagnosis\tM54.50\t-\tlower back pain\thand\n");
    annotate(&workplace, "b", other, CUES, &["--lexicon", "own.tsv"]);
    let (_, told) = diff(&workplace, &["--out", "changes.csv"]);
    let notes =
        json!({"a": 4, "b": 4, "only_a": 1, "only_b": 1, "status_changed": 1, "text_changed": 1, "affected": 5});
    assert_eq!(told["notes"], notes);
    assert_eq!(told["mentions"], json!({"a": 6, "b": 7, "equal": 3, "added": 2, "removed": 1, "changed": 2}));
    assert_eq!(told["patients_affected"], 4);
    assert_eq!(told["columns"]["span"], 1);
    assert_eq!(told["values"], json!([{"column": "type", "a": "symptom", "b": "diagnosis", "mentions": 1}]));
    let mut reader = csv::Reader::from_path(workplace.path("changes.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let columns = ["note_id", "change", "columns", "status_a", "status_b", "text_a", "text_b"].map(at);
    let rows: Vec<String> = reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            columns.iter().map(|&column| row.get(column).unwrap()).collect::<Vec<_>>().join("|")
        })
        .collect();
    let expected = [
        "2|changed|type;concept;codes|||Lower back pain|Lower back pain",
        "3|note|status|empty|annotated||",
        "3|added|||||fever",
        "1|note|text|annotated|annotated||",
        "1|changed|span;segment_hash;link|||cough|mild cough",
        "4|note|note|annotated|||",
        "4|removed||||headache|",
        "5|note|note||annotated||",
        "5|added|||||asthma",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn refuses_what_it_cannot_compare() {
    let workplace = Workplace::new();
    annotate(&workplace, "a", NOTES, CUES, &["--format", "jsonl"]);
    let refused = |arguments: &[&str], expected: &str| {
        let finished = workplace.run(&[&["diff"], arguments].concat());
        assert_eq!((finished.status, finished.stdout.as_str()), (2, ""));
        assert!(finished.stderr.contains(expected), "{finished:?}");
    };
    refused(&["a", "b"], "b: holds no run.json");
    refused(&["a", "a", "--out", "no/such/folder.csv"], "creating no/such/folder.csv");
    // A run that is cut off is not taken for one that lacks mentions.
    let mentions = String::from_utf8(workplace.read("a/mentions.jsonl")).unwrap();
    let shorter: Vec<&str> = mentions.lines().skip(1).collect();
    workplace.write("a/mentions.jsonl", shorter.join("\n"));
    refused(&["a", "a"], "mentions does not hold the 3 mentions of note \"1\" in its place");
}
