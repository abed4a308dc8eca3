//! `noteward warn`: what it says of a patient at a moment, on what evidence, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use program::{Finished, Row, Workplace};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A run made by hand: its tables in JSON Lines.
#[derive(Clone, Default)]
struct Run {
    notes: Vec<Value>,
    mentions: Vec<Value>,
    facts: Vec<Value>,
    measurements: Vec<Value>,
}

impl Run {
    /// Adds a note of a patient; rows that are added after it are of this note.
    fn note(mut self, id: &str, patient: &str, time: &str) -> Run {
        self.notes.push(json!({
            "note_id": id, "patient_id": patient, "encounter_id": format!("e-{patient}"), "note_time": time,
            "status": "annotated", "text_hash": format!("hash-{id}"),
        }));
        self
    }

    fn row(&self, id: &str) -> Value {
        let note = self.notes.last().unwrap();
        json!({
            "note_id": note["note_id"], "mention_id": id, "measurement_id": id, "start": 3, "end": 9,
            "presence": "present", "temporality": "current", "experiencer": "patient", "rule": "a rule",
            "segment_hash": format!("segment-{id}"), "plausible": true,
        })
    }

    fn mention(mut self, concept: &str, icd10cm: &str, other: Value) -> Run {
        let id = format!("m{}", self.mentions.len());
        let row = merged(self.row(&id), json!({"concept_id": concept, "icd10cm": icd10cm}));
        self.mentions.push(merged(row, other));
        self
    }

    fn fact(mut self, concept: &str, other: Value) -> Run {
        let id = format!("f{}", self.facts.len());
        let row = merged(self.row(&id), json!({"concept_id": concept}));
        self.facts.push(merged(row, other));
        self
    }

    fn measurement(mut self, name: &str, value: f64, other: Value) -> Run {
        let id = format!("v{}", self.measurements.len());
        let row = merged(self.row(&id), json!({"name": name, "value": value}));
        self.measurements.push(merged(row, other));
        self
    }

    fn write(&self, workplace: &Workplace) {
        let described = json!({
            "version": "0.1.0", "config": {}, "lexicon": {"blake3": ""}, "rules": {"blake3": ""}, "model": null,
        });
        workplace.write("run/run.json", described.to_string());
        let tables = [
            ("notes", &self.notes),
            ("mentions", &self.mentions),
            ("facts", &self.facts),
            ("measurements", &self.measurements),
        ];
        for (name, rows) in tables {
            let lines: Vec<String> = rows.iter().map(|row| format!("{row}\n")).collect();
            workplace.write(&format!("run/{name}.jsonl"), lines.concat());
        }
        workplace.write("scores/example.toml", include_str!("warn/example.toml"));
    }
}

fn merged(mut row: Value, other: Value) -> Value {
    let (Some(cells), Some(others)) = (row.as_object_mut(), other.as_object()) else { panic!("expected rows") };
    cells.extend(others.clone());
    row
}

/// Runs the command over a run with the example score, into `out`.
fn warn(run: &Run, flags: &[&str]) -> (Workplace, Finished) {
    let workplace = Workplace::new();
    run.write(&workplace);
    let finished = again(&workplace, flags);
    (workplace, finished)
}

fn again(workplace: &Workplace, flags: &[&str]) -> Finished {
    let fixed = ["warn", "run", "--out", "out", "--format", "jsonl", "--scores", "scores"];
    workplace.run(&[&fixed[..], flags].concat())
}

/// The rows of warnings of a run.
fn warnings(run: &Run, flags: &[&str]) -> Vec<Row> {
    let (workplace, finished) = warn(run, flags);
    assert_eq!(finished.status, 0, "{finished:?}");
    workplace.rows("warnings.jsonl")
}

/// The evidence of an input of a row.
fn evidence(row: &Row, input: &str) -> Value {
    let all: Value = serde_json::from_str(row["evidence"].as_str().unwrap()).unwrap();
    all.as_array().unwrap().iter().find(|item| item["input"] == input).cloned().unwrap_or(Value::Null)
}

fn interval(row: &Row) -> (f64, f64, bool) {
    (row["min"].as_f64().unwrap(), row["max"].as_f64().unwrap(), row["decided"].as_bool().unwrap())
}

#[test]
fn a_row_says_what_is_known_and_what_is_missing() {
    let run = Run::default()
        .note("n1", "p1", "2025-03-02T14:20:00")
        .measurement("heart_rate", 118.0, json!({"taken_at": "2025-03-02T13:00:00"}))
        .mention("diabetes", "E11.9", json!({"temporality": "historical"}));
    let rows = warnings(&run, &[]);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(interval(row), (3.0, 4.0, true));
    let cells = json!({
        "patient_id": "p1", "encounter_id": "e-p1", "time": "2025-03-02T14:20:00", "score": "example",
        "band_min": "high", "band_max": "high", "missing": "fever", "would_settle": null,
        "advice": "for a clinician to consider: look again", "source": "nobody, 2026",
    });
    for (column, expected) in cells.as_object().unwrap() {
        assert_eq!(&row[column], expected, "{column}");
    }
    let pulse = json!({
        "input": "heart_rate", "state": "number", "value": 118.0, "points_min": 2.0, "points_max": 2.0,
        "table": "measurements", "note_id": "n1", "start": 3, "end": 9, "measurement": "v0", "rule": "a rule",
        "time": "2025-03-02T13:00:00", "text_hash": "hash-n1", "segment_hash": "segment-v0",
    });
    assert_eq!(evidence(row, "heart_rate"), pulse);
    let fever = json!({
        "input": "fever", "state": "unknown", "reason": "not mentioned", "points_min": 0.0, "points_max": 1.0,
    });
    assert_eq!(evidence(row, "fever"), fever);
    assert_eq!(evidence(row, "diabetes")["mention_id"], "m0");
}

#[test]
fn every_reason_of_missing_is_told() {
    let of = |statement: Value, input: &str| {
        let run = Run::default().note("n1", "p1", "2025-03-02T14:20:00");
        let run = match input {
            "heart_rate" => run.measurement("heart_rate", 118.0, statement),
            "fever" => run.mention("fever", "R50.9", statement),
            _ => run.mention("diabetes", "E11.9", statement),
        };
        let row = warnings(&run, &[]).remove(0);
        let evidence = evidence(&row, input);
        (evidence["state"].clone(), evidence["reason"].clone())
    };
    let unknown = |reason: &str| (json!("unknown"), json!(reason));
    assert_eq!(of(json!({"plausible": false}), "heart_rate"), unknown("implausible"));
    assert_eq!(of(json!({"taken_at": "2025-03-01T10:00:00"}), "heart_rate"), unknown("stale"));
    assert_eq!(of(json!({"temporality": "historical"}), "fever"), unknown("only historical"));
    assert_eq!(of(json!({"temporality": "hypothetical"}), "fever"), unknown("only hypothetical"));
    assert_eq!(of(json!({"experiencer": "family"}), "diabetes"), unknown("only family"));
    assert_eq!(of(json!({"presence": "possible"}), "diabetes"), (json!("possible"), Value::Null));
    assert_eq!(of(json!({"presence": "absent"}), "diabetes"), (json!("absent"), Value::Null));
}

#[test]
fn two_values_of_one_note_are_an_interval() {
    let run = Run::default()
        .note("n1", "p1", "2025-03-02T14:20:00")
        .measurement("heart_rate", 118.0, json!({}))
        .measurement("heart_rate", 84.0, json!({}));
    let row = warnings(&run, &[]).remove(0);
    let pulse = evidence(&row, "heart_rate");
    assert_eq!((&pulse["reason"], &pulse["value"]), (&json!("conflicting"), &json!([84.0, 118.0])));
    assert_eq!((&pulse["points_min"], &pulse["points_max"]), (&json!(0.0), &json!(2.0)));
}

#[test]
fn a_pasted_value_is_as_old_as_its_first_note() {
    let pasted = json!({"segment_hash": "same"});
    let run = Run::default()
        .note("n1", "p1", "2025-03-02T08:00:00")
        .measurement("heart_rate", 118.0, pasted.clone())
        .note("n2", "p1", "2025-03-03T08:00:00")
        .measurement("heart_rate", 118.0, pasted);
    let rows = warnings(&run, &[]);
    assert_eq!(evidence(&rows[0], "heart_rate")["state"], "number");
    assert_eq!(evidence(&rows[1], "heart_rate")["reason"], "stale");
}

#[test]
fn a_score_that_does_not_apply_has_no_row_and_is_counted() {
    let run = Run::default().note("n1", "p1", "2025-03-02T14:20:00").fact("demographic.age", json!({"value": 9.0}));
    let (workplace, finished) = warn(&run, &[]);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert!(workplace.rows("warnings.jsonl").is_empty());
    let told: Value = serde_json::from_slice(&workplace.read("out/warn.json")).unwrap();
    assert_eq!(told["scores"][0]["not_applicable"], 1);
    assert_eq!(told["moments"], 1);
}

fn three_days() -> Run {
    Run::default()
        .note("n1", "p1", "2025-03-02T08:00:00")
        .mention("diabetes", "E11.9", json!({}))
        .measurement("heart_rate", 80.0, json!({}))
        .note("n2", "p2", "2025-03-02T09:00:00")
        .mention("fever", "R50.9", json!({"presence": "absent"}))
        .note("n3", "p1", "2025-03-04T08:00:00")
        .measurement("heart_rate", 130.0, json!({}))
        .note("n4", "p1", "2025-03-04T18:00:00")
        .mention("fever", "R50.9", json!({}))
}

fn times(rows: &[Row]) -> Vec<(String, String)> {
    let text = |row: &Row, column: &str| row[column].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "patient_id"), text(row, "time"))).collect()
}

#[test]
fn moments_are_notes_days_or_those_of_a_file() {
    let expected = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(patient, time)| ((*patient).to_owned(), (*time).to_owned())).collect()
    };
    let notes = expected(&[
        ("p1", "2025-03-02T08:00:00"),
        ("p1", "2025-03-04T08:00:00"),
        ("p1", "2025-03-04T18:00:00"),
        ("p2", "2025-03-02T09:00:00"),
    ]);
    assert_eq!(times(&warnings(&three_days(), &[])), notes);
    let end = "T23:59:59.999999";
    let days = [
        ("p1", &format!("2025-03-02{end}")),
        ("p1", &format!("2025-03-03{end}")),
        ("p1", &format!("2025-03-04{end}")),
        ("p2", &format!("2025-03-02{end}")),
    ];
    let days = expected(&days.map(|(patient, time)| (patient, time.as_str())));
    assert_eq!(times(&warnings(&three_days(), &["--at", "day"])), days);
    let workplace = Workplace::new();
    three_days().write(&workplace);
    workplace.write("at.csv", "subject_id,time\np1,2025-03-04 12:00\np9,2025-03-04\np1,soon\n");
    let finished = again(&workplace, &["--at", "at.csv", "--json"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    assert_eq!(times(&workplace.rows("warnings.jsonl")), expected(&[("p1", "2025-03-04T12:00:00")]));
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(told["moment_rows"]["read"], 3);
    assert_eq!(told["moment_rows"]["first_rejected"][0], json!([2, "no note or observation of the patient"]));
}

#[test]
fn only_changes_are_written_where_that_is_asked_for() {
    let rows = warnings(&three_days(), &["--changes-only"]);
    // The second patient's only row, and the first one's as bands change.
    let all = warnings(&three_days(), &[]);
    assert!(rows.len() < all.len() && rows.iter().all(|row| all.contains(row)), "{rows:?}");
}

#[test]
fn what_is_not_stated_can_be_assumed() {
    let run = Run::default().note("n1", "p1", "2025-03-02T08:00:00").measurement("heart_rate", 118.0, json!({}));
    let row = warnings(&run, &["--assume", "absent"]).remove(0);
    assert_eq!(interval(&row), (2.0, 2.0, true));
    assert_eq!(evidence(&row, "fever")["state"], "assumed");
    assert_eq!(row["missing"], "fever;diabetes");
}

#[test]
fn notes_without_patient_or_time_are_counted_and_named() {
    let mut run = Run::default().note("n1", "p1", "2025-03-02T08:00:00").mention("fever", "R50.9", json!({}));
    run = run.note("n2", "p1", "").mention("fever", "R50.9", json!({})).note("n3", "", "2025-03-02T08:00:00");
    run.notes[1]["note_time"] = Value::Null;
    run.notes[2]["patient_id"] = Value::Null;
    let (workplace, finished) = warn(&run, &[]);
    assert_eq!(finished.status, 0, "{finished:?}");
    let told: Value = serde_json::from_slice(&workplace.read("out/warn.json")).unwrap();
    assert_eq!((&told["notes"], &told["notes_used"]), (&json!(3), &json!(1)));
    assert_eq!(told["without_time"], json!({"notes": 1, "first": ["n2"]}));
    assert_eq!(told["without_patient"], json!({"notes": 1, "first": ["n3"]}));
    assert_eq!(workplace.rows("warnings.jsonl").len(), 1);
}

#[test]
fn a_run_without_facts_and_measurements_works() {
    let workplace = Workplace::new();
    three_days().write(&workplace);
    for name in ["facts", "measurements"] {
        std::fs::remove_file(workplace.path(&format!("run/{name}.jsonl"))).unwrap();
    }
    let finished = again(&workplace, &[]);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert_eq!(workplace.rows("warnings.jsonl").len(), 4);
}

#[test]
fn results_are_the_same_for_any_number_of_workers_and_in_every_format() {
    let (one, _) = warn(&three_days(), &["--threads", "1", "--format", "parquet,csv"]);
    let (many, _) = warn(&three_days(), &["--threads", "4", "--format", "parquet,csv"]);
    for name in ["warnings.parquet", "warnings.csv", "warnings.jsonl", "summary.csv", "warn.json"] {
        assert_eq!(one.read(&format!("out/{name}")), many.read(&format!("out/{name}")), "{name}");
    }
    let lines = String::from_utf8(one.read("out/warnings.csv")).unwrap();
    assert!(lines.starts_with("patient_id,encounter_id,time,score,min,max,band_min,band_max,decided,missing,"));
}

#[test]
fn warnings_are_also_risk_assessments_and_events() {
    let (workplace, finished) = warn(&three_days(), &["--also", "fhir,meds"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    let rows = workplace.rows("warnings.jsonl");
    let resources = workplace.rows("risk_assessments.ndjson");
    assert_eq!(resources.len(), rows.len());
    for (row, resource) in rows.iter().zip(&resources) {
        assert_eq!(resource["resourceType"], "RiskAssessment");
        assert_eq!(resource["status"], if row["decided"] == true { "final" } else { "preliminary" });
        assert_eq!(resource["subject"]["reference"], format!("Patient/{}", row["patient_id"].as_str().unwrap()));
        assert_eq!(resource["occurrenceDateTime"], format!("{}Z", row["time"].as_str().unwrap()));
    }
    let file = std::fs::File::open(workplace.path("out/meds.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2 * rows.len());
    let codes = batches[0].column_by_name("code").unwrap().as_string::<i32>();
    assert_eq!((codes.value(0), codes.value(1)), ("SCORE//EXAMPLE//min", "SCORE//EXAMPLE//max"));
    let values = batches[0].column_by_name("numeric_value").unwrap().as_primitive::<Float32Type>();
    assert_eq!(f64::from(values.value(1)), rows[0]["max"].as_f64().unwrap());
}

#[test]
fn observations_of_a_file_count_in_their_units() {
    let workplace = Workplace::new();
    three_days().write(&workplace);
    let lines = "\
patient_id,time,name,loinc,value,unit
p1,2025-03-02T07:00:00,,8867-4,140,/min
p2,2025-03-02T08:00:00,heart_rate,,88,kg
p2,2025-03-02T08:00:00,height,,180,cm
p2,soon,heart_rate,,88,
p3,2025-03-02T08:00:00,heart_rate,,88
";
    workplace.write("signs.csv", lines);
    let finished = again(&workplace, &["--observations", "signs.csv", "--json"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    let counts = &told["observations"];
    assert_eq!(
        (&counts["read"], &counts["used"], &counts["not_asked_for"]),
        (&json!(5), &json!(1), &json!(1)),
        "{counts}"
    );
    assert_eq!(counts["rejected"].as_object().unwrap().len(), 3, "{counts}");
    let row = workplace.rows("warnings.jsonl").remove(0);
    // The note of an hour later states 80, which is the latest.
    assert_eq!(evidence(&row, "heart_rate")["value"], 80.0);
    workplace.write("at.csv", "patient_id,time\np1,2025-03-02T07:30:00\n");
    let finished = again(&workplace, &["--observations", "signs.csv", "--at", "at.csv", "--force"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    let pulse = evidence(&workplace.rows("warnings.jsonl")[0], "heart_rate");
    assert_eq!((&pulse["table"], &pulse["row"], &pulse["value"]), (&json!("observations"), &json!(1), &json!(140.0)));
}

#[test]
fn studies_are_followed_to_the_next_one() {
    let study = |run: Run, id: &str, patient: &str, time: &str, note_type: &str| {
        let mut run = run.note(id, patient, time);
        run.notes.last_mut().unwrap()["note_type"] = json!(note_type);
        run.measurement("nodule_size", 7.0, json!({"unit": "mm", "segment_hash": id}))
    };
    let run = study(Run::default(), "n1", "p1", "2024-01-10T08:00:00", "CT chest");
    let run = study(run, "n2", "p1", "2024-03-01T08:00:00", "clinic note");
    let run = study(run, "n3", "p1", "2024-08-01T08:00:00", "Radiology");
    let run = study(run, "n4", "p2", "2024-01-10T08:00:00", "CT");
    let run = study(run, "n5", "p3", "2025-06-01T08:00:00", "x-ray");
    let (workplace, finished) = warn(&run, &["--scores", "fleischner_2017"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    let expected = "\
patient_id,score,band,decided,note_id,study_time,due_from,due_by,status,later_note_id,later_time
p1,fleischner_2017,ct_6_12_then_2y,false,n1,2024-01-10T08:00:00,2024-07-08T08:00:00,2025-01-09T08:00:00,in_time,n3,2024-08-01T08:00:00
p1,fleischner_2017,ct_6_12_then_2y,false,n3,2024-08-01T08:00:00,2025-01-28T08:00:00,2025-08-01T08:00:00,open,,
p2,fleischner_2017,ct_6_12_then_2y,false,n4,2024-01-10T08:00:00,2024-07-08T08:00:00,2025-01-09T08:00:00,overdue,,
p3,fleischner_2017,ct_6_12_then_2y,false,n5,2025-06-01T08:00:00,2025-11-28T08:00:00,2026-06-01T08:00:00,open,,
";
    assert_eq!(String::from_utf8(workplace.read("out/follow_ups.csv")).unwrap(), expected);
    assert!(finished.stdout.contains("studies after which another is due: 1 in_time, 2 open, 1 overdue"));
}

#[test]
fn a_file_of_patients_wins_over_what_notes_say_of_age() {
    let workplace = Workplace::new();
    three_days().fact("demographic.age", json!({"value": 9.0})).write(&workplace);
    workplace.write("patients.csv", "patient_id,birth_date,sex\np1,1950-06-15,female\n");
    assert_eq!(again(&workplace, &[]).status, 0);
    let without = workplace.rows("warnings.jsonl").len();
    assert_eq!(again(&workplace, &["--patients", "patients.csv", "--force"]).status, 0);
    assert_eq!((without, workplace.rows("warnings.jsonl").len()), (3, 4));
}

#[test]
fn a_file_of_notes_given_as_another_is_not_quoted() {
    let sentinel = "Zebrawordine";
    let workplace = Workplace::new();
    three_days().write(&workplace);
    let cells = [sentinel; 5].join(",");
    workplace.write("notes.csv", format!("note_id,text {sentinel}\n1,{sentinel} has fever\n"));
    workplace.write("signs.csv", format!("patient_id,time,name,value,unit\n{cells}\np1,2025-03-02,{cells}\n"));
    for flags in [
        &["--observations", "notes.csv"][..],
        &["--observations", "signs.csv"],
        &["--at", "notes.csv"],
        &["--at", "signs.csv", "--force"],
        &["--patients", "notes.csv"],
    ] {
        let finished = again(&workplace, flags);
        assert_ne!(finished.status, 0, "{flags:?}: {finished:?}");
        let told = finished.stdout + &finished.stderr;
        assert!(!told.contains(sentinel), "{flags:?}: {told}");
        if finished.status == 1 {
            let described = String::from_utf8(workplace.read("out/warn.json")).unwrap();
            assert!(!described.contains(sentinel), "{flags:?}: {described}");
        }
    }
}

#[test]
fn tables_of_three_days() {
    let (workplace, finished) = warn(&three_days(), &["--format", "csv", "--also", "fhir"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    insta::assert_snapshot!("told", finished.stdout);
    for name in ["warnings.csv", "summary.csv", "risk_assessments.ndjson"] {
        insta::assert_snapshot!(name, String::from_utf8(workplace.read(&format!("out/{name}"))).unwrap());
    }
}

#[test]
fn faults_of_use_are_told() {
    let (workplace, _) = warn(&three_days(), &[]);
    let told = |finished: Finished| {
        assert_eq!(finished.status, 2, "{finished:?}");
        finished.stderr
    };
    assert!(told(again(&workplace, &[])).contains("holds the results of another warn (warnings.jsonl); --force"));
    assert_eq!(again(&workplace, &["--force"]).status, 0);
    let stderr = told(workplace.run(&["warn", "scores", "--out", "other"]));
    assert!(stderr.contains("scores: holds no run.json"), "{stderr}");
    let stderr = told(workplace.run(&["warn", "run", "--out", "other", "--scores", "nothing"]));
    assert!(stderr.contains("--scores: \"nothing\" is no score, pack, file or folder; scores are "), "{stderr}");
    let rest = std::fs::read_dir(workplace.path("out")).unwrap().count();
    assert_eq!(rest, 3, "temporary files are left");
}

#[test]
fn tables_that_do_not_fit_together_are_refused() {
    let mut run = three_days();
    run.mentions.swap(0, 2);
    let (_, finished) = warn(&run, &[]);
    assert_eq!(finished.status, 2, "{finished:?}");
    assert!(finished.stderr.contains("do not stand where notes has the note"), "{}", finished.stderr);
}

/// A statement of a random run: note, input, presence, value.
type Stated = (usize, usize, usize, f64);

fn random_run(n_notes: usize, stated: &[Stated]) -> Run {
    let mut run = Run::default();
    for index in 0..n_notes {
        run = run.note(&format!("n{index}"), ["p1", "p2"][index % 2], &format!("2025-03-02T{:02}:00:00", 2 * index));
        for (_, input, presence, value) in stated.iter().filter(|(note, ..)| *note == index) {
            let named = ["present", "absent", "possible"][*presence];
            let other = json!({"presence": named});
            run = match input {
                0 => run.measurement("heart_rate", *value, json!({})),
                1 => run.mention("fever", "R50.9", other),
                _ => run.mention("diabetes", "E11.9", other),
            };
        }
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn intervals_are_ordered_evidence_exists_and_later_notes_change_nothing(
        n_notes in 1usize..8,
        stated in prop::collection::vec((0usize..8, 0usize..3, 0usize..3, 40.0f64..160.0), 0..12),
    ) {
        let run = random_run(n_notes, &stated);
        let rows = warnings(&run, &[]);
        prop_assert_eq!(rows.len(), n_notes);
        for row in &rows {
            prop_assert!(row["min"].as_f64() <= row["max"].as_f64());
            prop_assert_eq!(row["decided"].as_bool().unwrap(), row["band_min"] == row["band_max"]);
            for input in ["heart_rate", "fever", "diabetes"] {
                let told = evidence(row, input);
                let (table, id) = match told["table"].as_str() {
                    Some("mentions") => (&run.mentions, &told["mention_id"]),
                    Some("measurements") => (&run.measurements, &told["measurement"]),
                    _ => continue,
                };
                let found = table.iter().find(|known| known["mention_id"] == *id).unwrap();
                prop_assert_eq!(&found["note_id"], &told["note_id"]);
            }
        }
        let earlier = random_run(n_notes - 1, &stated);
        for row in warnings(&earlier, &[]) {
            prop_assert!(rows.contains(&row));
        }
    }

    #[test]
    fn a_note_that_states_what_is_not_known_never_widens(
        stated in prop::collection::vec((0usize..4, 0usize..3, 0usize..3, 40.0f64..160.0), 0..6),
        presence in 0usize..2,
        value in 40.0f64..160.0,
    ) {
        let last = |rows: Vec<Row>| rows.into_iter().rfind(|row| row["patient_id"] == "p2").unwrap();
        let before = last(warnings(&random_run(4, &stated), &[]));
        for (input, name) in ["heart_rate", "fever", "diabetes"].into_iter().enumerate() {
            if evidence(&before, name)["state"] != "unknown" {
                continue;
            }
            let more = [&stated[..], &[(3, input, presence, value)]].concat();
            let after = last(warnings(&random_run(4, &more), &[]));
            prop_assert!(before["min"].as_f64() <= after["min"].as_f64());
            prop_assert!(before["max"].as_f64() >= after["max"].as_f64());
        }
    }
}
