//! `noteward export`: the shapes of each form, what they say of each row, and that every row is accounted for.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type, TimestampMicrosecondType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use program::{Finished, Workplace};
use serde_json::{Value, json};

const NOTES: &str = "\
note_id,patient_id,encounter_id,note_time,note_type,author,text
n1,7,e1,2025-03-02T14:20:00,admission,A1,\"Has pneumonia. Denies chest\npain. Possible asthma. Crème brûlée – no rash.\"
n2,p/2,,2025-03-01,,,Mother had breast cancer. No family history of stroke. History of appendicitis. Return if fever.
n2b,7,e1,2025-03-01T08:00:00,admission,A1,Has pneumonia.
a/b,,,2025-03-01,progress,,Has a headache.
n4,p/2,,,progress,,Has a headache.
n5,7,,2025-03-03,progress,,
";

/// A run with hand-made measurements and facts, as annotate writes them.
fn run() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    assert_eq!(workplace.annotate(&["notes.csv"]).status, 0);
    let row = |id: &str, fields: Value| {
        let mut row = json!({"note_id": "n1", "start": 0, "end": 3, "start_byte": 0, "end_byte": 3,
            "presence": "present", "temporality": "current", "experiencer": "patient", "segment_hash": "h",
            "text": "Has", "sentence": 0, "source": "lexicon"});
        row["measurement_id"] = id.into();
        row["mention_id"] = id.into();
        for (name, value) in fields.as_object().unwrap() {
            row[name] = value.clone();
        }
        format!("{row}\n")
    };
    let heart_rate = json!({"name": "heart_rate", "loinc": "8867-4", "value": 88.5, "unit": "/min", "plausible": true});
    let with = |more: Value| {
        let mut fields = heart_rate.clone();
        more.as_object().unwrap().iter().for_each(|(name, value)| fields[name] = value.clone());
        fields
    };
    let measurements = [
        row("m1", heart_rate.clone()),
        row("m2", with(json!({"temporality": "hypothetical"}))),
        row("m3", with(json!({"trend": "from", "value": 120.0}))),
        row("m4", with(json!({"plausible": false, "value": 8850.0}))),
        row("m5", json!({"name": "troponin_i", "loinc": "10839-9", "value": 0.01, "comparator": "<", "unit": "ng/mL"})),
        row("m6", json!({"name": "urine_nitrite", "loinc": "5802-4", "value_text": "positive"})),
        row(
            "m7",
            json!({"name": "nodule_size", "value": 8.0, "unit": "mm", "site": "upper lobe", "laterality": "right",
                "start": 22, "end": 32, "start_byte": 22, "end_byte": 32}),
        ),
    ];
    workplace.write("out/measurements.jsonl", measurements.concat());
    let facts = [
        row("f1", json!({"type": "drug", "concept_id": "drug.anticoagulant.warfarin", "concept_name": "warfarin"})),
        row("f2", json!({"type": "demographic", "concept_id": "demographic.sex.male", "concept_name": "male sex"})),
        row(
            "f3",
            json!({"type": "behaviour", "concept_id": "behaviour.tobacco", "concept_name": "tobacco",
            "temporality": "historical", "value": 30.0, "unit": "{PackYears}"}),
        ),
    ];
    workplace.write("out/facts.jsonl", facts.concat());
    workplace
}

fn export(workplace: &Workplace, target: &str, flags: &[&str]) -> Finished {
    workplace.run(&[&["export", "out", "--to", target, "--out", target, "-q"], flags].concat())
}

/// The description of an export, whose counts must add up to the rows of the run.
fn described(workplace: &Workplace, target: &str) -> Value {
    let described: Value = serde_json::from_slice(&workplace.read(&format!("{target}/export.json"))).unwrap();
    for table in ["notes", "mentions", "measurements", "facts"] {
        let counts = &described["counts"][table];
        let lost: u64 = counts["lost"].as_object().unwrap().values().map(|lost| lost.as_u64().unwrap()).sum();
        assert_eq!(counts["read"], workplace.rows(&format!("{table}.jsonl")).len(), "{table}");
        assert_eq!(counts["read"], counts["written"].as_u64().unwrap() + lost, "{table}");
    }
    let files: BTreeSet<String> = fs::read_dir(workplace.path(target))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "export.json")
        .collect();
    let named = described["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    assert_eq!(files, named.collect());
    described
}

fn parquet(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    builder.with_batch_size(1 << 20).build().unwrap().next().unwrap().unwrap()
}

fn types(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    let nullable = |nullable: bool| if nullable { "?" } else { "" };
    let field = |field: &arrow_schema::FieldRef| {
        format!("{}: {}{}", field.name(), field.data_type(), nullable(field.is_nullable()))
    };
    schema.fields().iter().map(field).collect()
}

/// A row of MEDS data: subject, time, code, numeric value.
type MedsRow = (i64, Option<i64>, String, Option<f32>);

fn meds_rows(batch: &RecordBatch) -> Vec<MedsRow> {
    let subjects = batch.column(0).as_primitive::<Int64Type>();
    let times = batch.column(1).as_primitive::<TimestampMicrosecondType>();
    let (codes, numbers) = (batch.column(2).as_string::<i32>(), batch.column(3).as_primitive::<Float32Type>());
    (0..batch.num_rows())
        .map(|row| {
            let number = numbers.iter().nth(row).unwrap();
            (subjects.value(row), times.iter().nth(row).unwrap(), codes.value(row).to_owned(), number)
        })
        .collect()
}

#[test]
fn meds_is_as_the_standard_says() {
    let workplace = run();
    let finished = export(&workplace, "meds", &["--splits", "train=1", "--subjects-per-shard", "1"]);
    // Two notes have no place: one without a patient, one without a time.
    assert_eq!(finished.status, 1, "{finished:?}");
    let described = described(&workplace, "meds");
    assert_eq!(described["counts"]["notes"]["lost"], json!({"empty": 1, "no_patient": 1, "no_time": 1}));
    let lost = String::from_utf8(workplace.read("meds/lost_notes.csv")).unwrap();
    assert_eq!(lost, "note_id,reason,mentions,measurements,facts\na/b,no_patient,1,0,0\nn4,no_time,1,0,0\n");

    let shards: Vec<RecordBatch> =
        (0..2).map(|n| parquet(&workplace.path(&format!("meds/data/train/{n}.parquet")))).collect();
    assert!(!workplace.path("meds/data/train/2.parquet").exists());
    let standard = [
        "subject_id: Int64",
        "time: Timestamp(µs)?",
        "code: Utf8",
        "numeric_value: Float32?",
        "text_value: LargeUtf8?",
    ];
    assert_eq!(types(&shards[0])[..5], standard);
    let rows: Vec<MedsRow> = shards.iter().flat_map(meds_rows).collect();
    assert!(rows.is_sorted_by_key(|(subject, time, ..)| (*subject, *time)), "{rows:?}");
    for shard in &shards {
        let subjects: BTreeSet<i64> = meds_rows(shard).iter().map(|row| row.0).collect();
        assert_eq!(subjects.len(), 1);
    }

    let first = |subject: i64| rows.iter().find(|row| row.0 == subject).unwrap();
    assert_eq!((first(7).1, first(7).2.as_str()), (None, "SEX//male"));
    let stated: Vec<String> = rows
        .iter()
        .filter(|row| row.0 == 7)
        .map(|(_, time, code, number)| {
            let day = time.map_or(0, |time| time.div_euclid(86_400_000_000) - 20_148);
            format!("day {day} {code}{}", number.map(|number| format!(" {number}")).unwrap_or_default())
        })
        .collect();
    insta::assert_snapshot!("meds_codes_of_a_subject", stated.join("\n"));
    let other = rows.iter().find(|row| row.0 != 7).unwrap().0;
    let ids = String::from_utf8(workplace.read("meds/subject_ids.csv")).unwrap();
    assert_eq!(ids, format!("subject_id,patient_id\n7,7\n{other},p/2\n"));
    let codes_of_other: Vec<&str> = rows.iter().filter(|row| row.0 == other).map(|row| row.2.as_str()).collect();
    insta::assert_snapshot!("meds_codes_of_another_subject", codes_of_other.join("\n"));

    let codes = parquet(&workplace.path("meds/metadata/codes.parquet"));
    assert_eq!(types(&codes), ["code: Utf8", "description: Utf8?", "parent_codes: List(Utf8)?"]);
    let listed: Vec<&str> = codes.column(0).as_string::<i32>().iter().map(Option::unwrap).collect();
    let used: BTreeSet<&str> = rows.iter().map(|row| row.2.as_str()).collect();
    assert_eq!(listed, used.into_iter().collect::<Vec<_>>());
    let splits = parquet(&workplace.path("meds/metadata/subject_splits.parquet"));
    assert_eq!(types(&splits), ["subject_id: Int64", "split: Utf8"]);
    assert_eq!(splits.num_rows(), 2);
    let dataset: Value = serde_json::from_slice(&workplace.read("meds/metadata/dataset.json")).unwrap();
    let columns: BTreeSet<String> =
        shards[0].schema().fields().iter().skip(5).map(|field| field.name().clone()).collect();
    let named = ["code_modifier_columns", "raw_source_id_columns", "other_extension_columns"];
    let named = named.iter().flat_map(|list| dataset[list].as_array().unwrap().clone());
    assert_eq!(columns, named.map(|name| name.as_str().unwrap().to_owned()).collect());
}

#[test]
fn meds_tells_birth_and_sex_of_a_file_of_patients() {
    let workplace = run();
    workplace.write("patients.csv", "patient_id,birth_date,sex\n7,1950-01-02,F\np/2,1900-12-31,\n9,1999-01-01,male\n");
    assert_eq!(export(&workplace, "meds", &["--splits", "train=1", "--patients", "patients.csv"]).status, 1);
    let rows = meds_rows(&parquet(&workplace.path("meds/data/train/0.parquet")));
    let known: Vec<(Option<i64>, &str)> =
        rows.iter().map(|row| (row.1, row.2.as_str())).filter(|row| !row.1.contains("//") || row.0.is_none()).collect();
    let days = |days: i64| Some(days * 86_400_000_000);
    let expected =
        [(None, "SEX//female"), (days(-7304), "MEDS_BIRTH"), (None, "SEX//unknown"), (days(-25_203), "MEDS_BIRTH")];
    assert_eq!(known, expected);
}

/// Every bundle of an export.
fn bundles(workplace: &Workplace) -> Vec<Value> {
    let lines = String::from_utf8(workplace.read("fhir/bundles.ndjson")).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn resources(bundle: &Value) -> Vec<&Value> {
    bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]).collect()
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("reference").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn fhir_bundles_hold_what_they_refer_to() {
    let workplace = run();
    assert_eq!(export(&workplace, "fhir", &[]).status, 1);
    let described = described(&workplace, "fhir");
    assert_eq!(
        described["counts"]["mentions"]["lost"],
        json!({"absent_in_family": 1, "hypothetical": 1, "no_patient": 1})
    );
    assert_eq!(described["counts"]["measurements"]["lost"], json!({"hypothetical": 1}));
    let bundles = bundles(&workplace);
    assert_eq!(bundles.len(), 4);
    for bundle in &bundles {
        let resources = resources(bundle);
        let name = |resource: &Value| {
            format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
        };
        let held: BTreeSet<String> = resources.iter().map(|resource| name(resource)).collect();
        assert_eq!(held.len(), resources.len());
        let mut referred = Vec::new();
        references(bundle, &mut referred);
        let outside = referred.iter().filter(|reference| !held.contains(*reference));
        let kinds: BTreeSet<&str> = outside.map(|reference| reference.split('/').next().unwrap()).collect();
        assert!(kinds.iter().all(|kind| ["Patient", "Encounter"].contains(kind)), "{kinds:?}");
        for entry in bundle["entry"].as_array().unwrap() {
            assert_eq!(entry["request"]["url"], name(&entry["resource"]));
        }
    }
}

/// What each resource says, in few words: its kind, its status, the words of its span.
fn told(bundle: &Value) -> String {
    let resources = resources(bundle);
    let data = resources[0]["content"][0]["attachment"]["data"].as_str().unwrap();
    let text: Vec<char> = String::from_utf8(STANDARD.decode(data).unwrap()).unwrap().chars().collect();
    let line = |resource: &&Value| {
        let parts: BTreeMap<&str, &Value> = resource["extension"][0]["extension"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| (part["url"].as_str().unwrap(), part))
            .collect();
        let number = |part: &str| parts[part]["valueInteger"].as_u64().unwrap() as usize;
        let (start, length) = (number("offset"), number("length"));
        let words: String = text[start..start + length].iter().collect();
        let code = |field: &Value| field["coding"][0]["code"].as_str().unwrap_or("-").to_owned();
        let value = ["valueQuantity", "valueString", "valueCodeableConcept", "dataAbsentReason"];
        let value = value.iter().find_map(|field| resource.get(field)).cloned().unwrap_or_default();
        format!(
            "{} {:?} code {} verification {} clinical {} category {} at {} value {}",
            resource["resourceType"].as_str().unwrap(),
            words,
            code(resource.get("code").unwrap_or(&resource["condition"][0]["code"])),
            code(&resource["verificationStatus"]),
            code(&resource["clinicalStatus"]),
            code(&resource["category"][0]),
            resource["effectiveDateTime"].as_str().unwrap_or("-"),
            value,
        )
    };
    let derived = resources.iter().filter(|resource| resource.get("extension").is_some());
    derived.map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn fhir_resources_say_what_rows_say() {
    let workplace = run();
    assert_eq!(export(&workplace, "fhir", &[]).status, 1);
    let told: Vec<String> = bundles(&workplace).iter().take(2).map(told).collect();
    insta::assert_snapshot!("fhir_resources", told.join("\n\n"));
}

#[test]
fn annotating_an_export_gives_the_mentions_of_the_run() {
    let workplace = run();
    let notes = NOTES.lines().filter(|line| !line.starts_with("a/b,") && !line.starts_with("n5,"));
    workplace.write("whole.csv", notes.collect::<Vec<_>>().join("\n"));
    assert_eq!(workplace.annotate(&["whole.csv", "--force"]).status, 0);
    assert_eq!(export(&workplace, "fhir", &["--utc-offset", "-05:00"]).status, 0);
    let again = workplace.run(&["annotate", "fhir/bundles.ndjson", "--out", "again", "--recognizers", "lexicon", "-q"]);
    assert_eq!(again.status, 0, "{again:?}");
    let diff = workplace.run(&["diff", "out", "again", "--json"]);
    assert_eq!(diff.status, 0, "{diff:?}");
    let reread = workplace.run(&[
        "annotate",
        "fhir/bundles.ndjson",
        "--out",
        "rows",
        "--format",
        "jsonl",
        "--recognizers",
        "lexicon",
    ]);
    assert_eq!(reread.status, 0, "{reread:?}");
    let meta = |table: &str| -> Vec<Value> {
        let lines = String::from_utf8(workplace.read(table)).unwrap();
        let columns = ["note_id", "patient_id", "encounter_id", "note_time", "note_type", "author", "text_hash"];
        let row = |line: &str| {
            let row: Value = serde_json::from_str(line).unwrap();
            json!(columns.map(|column| row[column].clone()))
        };
        lines.lines().map(row).collect()
    };
    assert_eq!(meta("out/notes.jsonl"), meta("rows/notes.jsonl"));
}

#[test]
fn a_profile_decides_what_possible_becomes() {
    let workplace = run();
    for (profile, code, status) in
        [("own", "possible", "provisional"), ("present", "present", "unconfirmed"), ("absent", "absent", "refuted")]
    {
        export(&workplace, "meds", &["--force", "--profile", profile, "--splits", "train=1"]);
        let rows = meds_rows(&parquet(&workplace.path("meds/data/train/0.parquet")));
        let asthma: Vec<&str> = rows.iter().map(|row| row.2.as_str()).filter(|code| code.contains("J45")).collect();
        assert_eq!(asthma, [format!("ICD10CM//J45.909//{code}")]);
        export(&workplace, "fhir", &["--force", "--profile", profile]);
        let bundles = bundles(&workplace);
        let conditions = resources(&bundles[0]).into_iter().filter(|resource| resource["code"]["text"] == "asthma");
        let statuses: Vec<&Value> =
            conditions.map(|condition| &condition["verificationStatus"]["coding"][0]["code"]).collect();
        assert_eq!(statuses, [status]);
        assert_eq!(described(&workplace, "fhir")["profile"], profile);
    }
}

#[test]
fn brat_offsets_give_the_words() {
    let workplace = run();
    assert_eq!(export(&workplace, "brat", &[]).status, 0);
    described(&workplace, "brat");
    let list = String::from_utf8(workplace.read("brat/documents.csv")).unwrap();
    let mut n_spans = 0;
    for line in list.lines().skip(1) {
        let document = line.split(',').next().unwrap();
        let read = |extension: &str| {
            String::from_utf8(workplace.read(&format!("brat/documents/{document}.{extension}"))).unwrap()
        };
        let text: Vec<char> = read("txt").chars().collect();
        for line in read("ann").lines().filter(|line| line.starts_with('T')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let (_, places) = fields[1].split_once(' ').unwrap();
            let fragments = places.split(';').map(|place| {
                let (start, end) = place.split_once(' ').unwrap();
                text[start.parse().unwrap()..end.parse().unwrap()].iter().collect::<String>()
            });
            assert_eq!(fragments.collect::<Vec<_>>().join(" "), fields[2]);
            n_spans += 1;
        }
    }
    let n_rows: usize =
        ["mentions", "measurements", "facts"].map(|name| workplace.rows(&format!("{name}.jsonl")).len()).iter().sum();
    assert_eq!(n_spans, n_rows);
    let annotations = String::from_utf8(workplace.read("brat/documents/n1.ann")).unwrap();
    insta::assert_snapshot!("brat_annotations", annotations);
    assert_eq!(list.lines().filter(|line| line.starts_with("a_b-") && line.contains(",a/b,")).count(), 1);
}

#[test]
fn a_folder_is_replaced_only_where_it_holds_an_export() {
    let workplace = run();
    workplace.write("brat/mine.txt", "mine");
    let refused = export(&workplace, "brat", &[]);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.stderr.contains("holds something already (mine.txt)"), "{refused:?}");
    let refused = export(&workplace, "brat", &["--force"]);
    assert!(refused.status == 2 && refused.stderr.contains("no export.json"), "{refused:?}");
    fs::remove_file(workplace.path("brat/mine.txt")).unwrap();
    assert_eq!(export(&workplace, "brat", &[]).status, 0);
    workplace.write("brat/mine.txt", "mine");
    let brat = ["export", "out", "--to", "fhir", "--out", "brat", "--force"];
    let replaced = workplace.run(&brat);
    assert_eq!(replaced.status, 1, "{replaced:?}");
    assert!(replaced.stderr.contains("mentions: "), "{replaced:?}");
    let mut left: Vec<_> = fs::read_dir(workplace.path("brat"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["bundles.ndjson", "export.json", "lost_notes.csv", "mine.txt"]);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let workplace = run();
    for (target, file) in [("meds", "data/train/0.parquet"), ("fhir", "bundles.ndjson"), ("brat", "documents/n1.ann")] {
        let flags: &[&str] = if target == "meds" { &["--splits", "train=1"] } else { &[] };
        let written = |flags: &[&str]| {
            export(&workplace, target, flags);
            (workplace.read(&format!("{target}/{file}")), workplace.read(&format!("{target}/export.json")))
        };
        let first = written(flags);
        assert!(first == written(&[flags, &["--force"]].concat()), "{target}");
    }
}

#[test]
fn a_text_that_changed_is_refused_and_nothing_is_left() {
    let workplace = run();
    workplace.write("notes.csv", NOTES.replace("Has pneumonia. Denies", "Had pneumonia. Denies"));
    for target in ["fhir", "brat"] {
        let refused = export(&workplace, target, &[]);
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.stderr.contains("the text of note \"n1\" is not the one that was annotated"), "{refused:?}");
        assert!(!refused.stderr.contains("pneumonia"), "{refused:?}");
        assert!(!workplace.path(&format!("{target}/export.json")).exists());
    }
    workplace.write("earlier.csv", NOTES);
    assert_eq!(export(&workplace, "brat", &["--notes", "earlier.csv"]).status, 0);
    assert_eq!(export(&workplace, "meds", &[]).status, 1);
}

#[test]
fn texts_are_found_in_whatever_order_they_stand() {
    let workplace = run();
    let mut lines: Vec<&str> = NOTES.split_inclusive('\n').collect();
    let header: String = lines.drain(..1).collect();
    // The first record has a line break in its text.
    let first: String = lines.drain(..2).collect();
    lines.reverse();
    workplace.write("turned.csv", format!("{header}{}{first}", lines.concat()));
    assert_eq!(export(&workplace, "brat", &["--notes", "turned.csv"]).status, 0);
    let turned = workplace.read("brat/documents/n1.txt");
    assert_eq!(export(&workplace, "brat", &["--force"]).status, 0);
    assert_eq!(turned, workplace.read("brat/documents/n1.txt"));
}
