//! `annotate` through the command line: tables and their formats, what the flags do, exit status.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;

use std::fs::File;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use program::{Row, Workplace};

/// The columns of `mentions`, in the contract's order.
const MENTION_COLUMNS: [&str; 30] = [
    "note_id",
    "patient_id",
    "encounter_id",
    "note_time",
    "note_type",
    "mention_id",
    "start",
    "end",
    "start_byte",
    "end_byte",
    "text",
    "type",
    "presence",
    "temporality",
    "experiencer",
    "cue",
    "cue_start",
    "cue_end",
    "rule",
    "section",
    "sentence",
    "segment_hash",
    "source",
    "score",
    "concept_id",
    "concept_name",
    "icd10cm",
    "codes",
    "link",
    "link_score",
];

const NOTES: &str = "note_id,patient_id,encounter_id,note_time,note_type,author,text
a1,p1,e1,2025-03-02T14:20:00,progress,Dr. Ångström,\"CC: Déjà vu 🤒, then fever.
Assessment: \"\"No\"\" evidence of pneumonia, sepsis is possible.\"
a2,p1,,2025-03-03,,,Sœur: mère avec diabetes mellitus. Denies chest pain — nausea 🤮 and vomiting since Monday.
a3,,,,,,
a4,p2,e2,not a time,consult,B,\"History of asthma, quoted \"\"cough\"\".\"
";

/// The schema and the rows of a Parquet table.
fn parquet(workplace: &Workplace, name: &str) -> (SchemaRef, Vec<Row>) {
    let file = File::open(workplace.path(name)).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let mut writer = arrow_json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow_json::writer::LineDelimited>(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
    let text = String::from_utf8(writer.into_inner()).unwrap();
    (schema, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The header and the rows of a CSV table.
fn csv(workplace: &Workplace, name: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(workplace.path(name)).unwrap();
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    (header, rows)
}

/// The name and the bytes of each file of a run, `run.json` without its timings.
fn files(workplace: &Workplace) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(workplace.path("out")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let mut bytes = workplace.read(&format!("out/{name}"));
        if name == "run.json" {
            let mut run: Value = serde_json::from_slice(&bytes).unwrap();
            run.as_object_mut().unwrap().remove("timings").unwrap();
            bytes = run.to_string().into_bytes();
        }
        files.push((name, bytes));
    }
    files.sort();
    files
}

#[test]
fn every_format_holds_the_same_rows_in_the_same_columns() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    let finished = workplace.annotate(&["notes.csv", "--format", "parquet,csv,jsonl", "--keep-text"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    for (table, n_rows) in [("mentions", 8), ("notes", 4), ("texts", 3)] {
        let jsonl = workplace.rows(&format!("{table}.jsonl"));
        let (schema, parquet) = parquet(&workplace, &format!("out/{table}.parquet"));
        let (header, csv) = csv(&workplace, &format!("out/{table}.csv"));
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(header, columns, "{table}");
        if table == "mentions" {
            assert_eq!(columns, MENTION_COLUMNS);
        }
        assert!(jsonl.len() >= n_rows, "{table}: {} rows", jsonl.len());
        assert_eq!(jsonl, parquet, "{table}");
        let as_csv = |row: &Row| -> Vec<String> {
            let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            columns
                .iter()
                .map(|column| Some(&row[*column]).filter(|v| !v.is_null()).map_or(String::new(), cell))
                .collect()
        };
        assert_eq!(csv, jsonl.iter().map(as_csv).collect::<Vec<_>>(), "{table}");
        let text = String::from_utf8(workplace.read(&format!("out/{table}.jsonl"))).unwrap();
        for line in text.lines() {
            let places: Vec<_> = columns.iter().map(|column| line.find(&format!("\"{column}\":"))).collect();
            assert!(places.is_sorted() && !places.contains(&None), "{table}: order of columns in JSON Lines");
        }
    }
}

#[test]
fn columns_have_the_types_of_the_contract() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    assert_eq!(workplace.run(&["annotate", "notes.csv", "--out", "out"]).status, 0);
    let (mentions, _) = parquet(&workplace, "out/mentions.parquet");
    let (notes, _) = parquet(&workplace, "out/notes.parquet");
    for name in ["start", "end", "start_byte", "end_byte", "cue_start", "cue_end", "sentence"] {
        let field = mentions.field_with_name(name).unwrap();
        assert_eq!((field.data_type(), field.is_nullable()), (&DataType::UInt32, name.starts_with("cue")), "{name}");
    }
    assert_eq!(mentions.field_with_name("score").unwrap().data_type(), &DataType::Float32);
    for schema in [&mentions, &notes] {
        let time = schema.field_with_name("note_time").unwrap();
        assert_eq!((time.data_type(), time.is_nullable()), (&DataType::Timestamp(TimeUnit::Microsecond, None), true));
    }
    for name in ["note_id", "mention_id", "text", "type", "presence", "temporality", "experiencer", "segment_hash"] {
        let field = mentions.field_with_name(name).unwrap();
        assert_eq!((field.data_type(), field.is_nullable()), (&DataType::Utf8, false), "{name}");
    }
    let files: Vec<String> = files(&workplace).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        files,
        ["facts.parquet", "measurements.parquet", "mentions.parquet", "notes.parquet", "rejects.jsonl", "run.json"]
    );
}

#[test]
fn code_points_and_bytes_place_the_mention_and_its_cue() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    assert_eq!(workplace.annotate(&["notes.csv", "--keep-text"]).status, 0);
    let texts = workplace.rows("texts.jsonl");
    let mut n_cues = 0;
    for mention in workplace.rows("mentions.jsonl") {
        let note = texts.iter().find(|note| note["note_id"] == mention["note_id"]).unwrap();
        let text = note["text"].as_str().unwrap();
        let place = |name: &str| mention[name].as_u64().unwrap() as usize;
        let points = |start, end| text.chars().skip(start).take(end - start).collect::<String>();
        assert_eq!(mention["text"], points(place("start"), place("end")));
        assert_eq!(mention["text"], text[place("start_byte")..place("end_byte")]);
        if !mention["cue"].is_null() {
            assert_eq!(mention["cue"], points(place("cue_start"), place("cue_end")));
            n_cues += 1;
        }
    }
    assert!(n_cues >= 3, "{n_cues} cues");
    let found = workplace.column("mentions.jsonl", "text");
    for expected in ["pneumonia", "sepsis", "chest pain", "asthma"] {
        assert!(found.as_array().unwrap().contains(&json!(expected)), "{expected}: {found}");
    }
}

#[test]
fn mentions_carry_their_note_and_ids_are_unique_and_stable() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    assert_eq!(workplace.annotate(&["notes.csv"]).status, 0);
    let first = workplace.column("mentions.jsonl", "mention_id");
    let mut ids: Vec<&str> = first.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let n_mentions = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), n_mentions);
    for mention in workplace.rows("mentions.jsonl").iter().filter(|mention| mention["note_id"] == "a1") {
        assert_eq!(mention["patient_id"], "p1");
        assert_eq!(mention["encounter_id"], "e1");
        assert_eq!(mention["note_time"], "2025-03-02T14:20:00");
        assert_eq!(mention["note_type"], "progress");
    }
    assert_eq!(workplace.annotate(&["notes.csv", "--force", "--threads", "1"]).status, 0);
    assert_eq!(workplace.column("mentions.jsonl", "mention_id"), first);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let workplace = Workplace::new();
    let mut notes = String::from("note_id,note_time,text\n");
    for index in 0..1500 {
        let id = if index % 97 == 5 { "again".to_owned() } else { format!("n{index}") };
        let sign = ["fever", "no chest pain", "fièvre 🤒 and cough", "possible pneumonia"][index % 4];
        match index % 50 {
            7 => notes += &format!("{id},2025-01-01\n"),
            9 => notes += &format!("{id},,\n"),
            11 => notes += &format!("{id},,\"{}\"\n", "Denies nausea. ".repeat(2000)),
            _ => notes += &format!("{id},2025-01-{:02},Day {index}: {sign}.\n", index % 28 + 1),
        }
    }
    workplace.write("notes.csv", notes);
    let run = |threads: &str| {
        let formats = "parquet,csv,jsonl";
        let flags = ["notes.csv", "--keep-text", "--force", "--format", formats, "--threads", threads];
        assert_eq!(workplace.annotate(&flags).status, 1);
        files(&workplace)
    };
    let one = run("1");
    assert_eq!(one.len(), 17);
    for threads in ["2", "3", "2"] {
        for ((name, expected), (_, found)) in one.iter().zip(run(threads)) {
            assert!(expected == &found, "{name} differs with {threads} threads");
        }
    }
}

#[test]
fn config_file_holds_the_flags_and_flags_win() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", "key,body,ward\nx,fever,A\ny,cough,B\nz,nausea,C\n");
    workplace.write(
        "run.toml",
        "input = [\"notes.csv\"]\nout = \"elsewhere\"\nlimit = 1\nkeep = [\"ward\"]\nthreads = 1\n\
         [map]\ntext = \"body\"\nnote_id = \"ward\"\n",
    );
    let finished = workplace.annotate(&["--config", "run.toml", "--limit", "2", "--map", "note_id=key"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert!(!workplace.path("elsewhere").exists());
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["x", "y"]));
    assert_eq!(workplace.column("notes.jsonl", "ward"), json!(["A", "B"]));
    assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["fever", "cough"]));
}

#[test]
fn unknown_key_in_the_config_file_is_named() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    workplace.write("run.toml", "limit = 1\nkeep-texts = true\n");
    let finished = workplace.annotate(&["notes.csv", "--config", "run.toml"]);
    assert_eq!(finished.status, 2);
    assert!(finished.stderr.contains("keep-texts") && finished.stderr.contains("run.toml"), "{finished:?}");
    assert!(!workplace.path("out").exists());
    let finished = workplace.annotate(&["notes.csv", "--config", "none.toml"]);
    assert!(finished.status == 2 && finished.stderr.contains("none.toml"), "{finished:?}");
}

#[test]
fn printed_configuration_is_read_as_the_same() {
    let workplace = Workplace::new();
    let flags = ["notes.csv", "b c.tsv", "--keep", "ward", "--map", "text=the body", "--limit", "3", "--keep-text"];
    let print =
        [&["annotate", "--print-config", "--out", "out", "--format", "csv,jsonl", "--threads", "2"], &flags[..]];
    let printed = workplace.run(&print.concat());
    assert_eq!((printed.status, printed.stderr.as_str()), (0, ""));
    assert!(!workplace.path("out").exists());
    let config: toml::Table = printed.stdout.parse().unwrap();
    assert_eq!(config["limit"].as_integer(), Some(3));
    assert_eq!(config["map"]["text"].as_str(), Some("the body"));
    workplace.write("run.toml", &printed.stdout);
    let again = workplace.run(&["annotate", "--config", "run.toml", "--print-config"]);
    assert_eq!((again.status, again.stdout), (0, printed.stdout));
}

#[test]
fn output_folder_of_another_run_is_refused_and_replaced_by_force() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    workplace.write("other.csv", "note_id,text\nb,Severe headache\n");
    workplace.write("out/mine.txt", "not of a run");
    assert_eq!(workplace.annotate(&["notes.csv", "--format", "jsonl,csv"]).status, 0);
    let before = files(&workplace);
    let refused = workplace.annotate(&["other.csv"]);
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("out") && refused.stderr.contains("--force"), "{refused:?}");
    assert!(files(&workplace) == before);
    assert_eq!(workplace.annotate(&["other.csv", "--force"]).status, 0);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["b"]));
    let names: Vec<String> = files(&workplace).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["facts.jsonl", "measurements.jsonl", "mentions.jsonl", "mine.txt", "notes.jsonl", "rejects.jsonl", "run.json"]
    );
}

#[test]
fn a_run_that_cannot_start_leaves_the_old_one_even_with_force() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    workplace.write("bad.csv", "a,b\n1,2\n");
    assert_eq!(workplace.annotate(&["notes.csv"]).status, 0);
    let before = files(&workplace);
    assert_eq!(workplace.annotate(&["bad.csv", "--force"]).status, 2);
    assert!(files(&workplace) == before);
}

#[test]
fn exit_status_tells_done_some_rejected_and_not_done() {
    let workplace = Workplace::new();
    workplace.write("good.csv", "note_id,text\n1,fever\n2,\n");
    workplace.write("some.csv", "note_id,text\n1,fever\n2\n");
    assert_eq!(workplace.annotate(&["good.csv"]).status, 0);
    assert_eq!(workplace.annotate(&["some.csv", "--force"]).status, 1);
    let not_done: [&[&str]; 10] = [
        &[],
        &["unknown"],
        &["annotate"],
        &["annotate", "good.csv"],
        &["annotate", "--out", "o"],
        &["annotate", "good.csv", "--out", "o", "--format", "xml"],
        &["annotate", "good.csv", "--out", "o", "--threads", "0"],
        &["annotate", "good.csv", "--out", "o", "--unknown"],
        &["annotate", "good.csv", "--out", "o", "--rules", "none"],
        &["annotate", "good.csv", "--out", "good.csv/o"],
    ];
    for arguments in not_done {
        let finished = workplace.run(arguments);
        assert_eq!(finished.status, 2, "{arguments:?}");
        assert!(!finished.stderr.is_empty() && finished.stdout.is_empty(), "{arguments:?}: {finished:?}");
        assert!(!workplace.path("o").exists(), "{arguments:?}");
    }
}

#[test]
fn a_fault_of_the_system_is_said_once() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    workplace.write("taken", "a file where the folder would be");
    workplace.write("garbage.csv.gz", "neither gzip nor a table");
    let arguments: [(&[&str], &str, &str); 2] = [
        (&["annotate", "notes.csv", "--out", "taken"], "taken", "os error"),
        (&["annotate", "garbage.csv.gz", "--out", "o"], "garbage.csv.gz", "gzip header"),
    ];
    for (arguments, path, cause) in arguments {
        let finished = workplace.run(arguments);
        assert_eq!(finished.status, 2, "{finished:?}");
        assert!(finished.stderr.contains(path), "{finished:?}");
        assert_eq!(finished.stderr.matches(cause).count(), 1, "{finished:?}");
    }
}

#[test]
fn run_file_describes_inputs_and_configuration() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    assert_eq!(workplace.annotate(&["notes.csv", "--limit", "1", "--threads", "1"]).status, 0);
    let run = workplace.run_file();
    let hash = blake3::hash(NOTES.as_bytes()).to_hex();
    assert_eq!(run["inputs"], json!([{ "path": "notes.csv", "bytes": NOTES.len(), "blake3": hash.as_str() }]));
    assert_eq!(run["config"]["limit"], 1);
    assert_eq!(run["version"], env!("CARGO_PKG_VERSION"));
    for part in ["lexicon", "rules"] {
        assert_eq!(run[part]["blake3"].as_str().map(str::len), Some(64), "{part}");
    }
    assert!(run["timings"]["total_seconds"].is_number());
}

#[test]
fn results_go_to_files_and_words_to_stderr() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", NOTES);
    let told = workplace.annotate(&["notes.csv"]);
    assert!(
        told.stdout.is_empty() && told.stderr.contains("4 notes read: 3 annotated, 1 empty, 0 rejected"),
        "{told:?}"
    );
    let quiet = workplace.annotate(&["notes.csv", "--force", "--quiet"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let refused = workplace.annotate(&["notes.csv", "--log-format", "json"]);
    let error: Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_eq!((refused.status, &error["event"]), (2, &json!("error")), "{refused:?}");
    assert!(error["message"].as_str().unwrap().contains("--force"), "{error}");
    let logged = workplace.annotate(&["notes.csv", "--force", "--log-format", "json"]);
    let last: Row = serde_json::from_str(logged.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["counts"]["read"]), (&json!("done"), &json!(4)));
}
