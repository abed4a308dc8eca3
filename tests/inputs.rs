//! What `annotate` reads: formats, compression, folders and patterns, columns and fields, lines of notes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Int64Array, LargeStringArray, ListArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use serde_json::json;

use program::Workplace;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn write_parquet(path: &Path, columns: &[(&str, ArrayRef)]) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.iter().map(|(name, column)| (*name, column.clone(), true)).collect::<Vec<_>>(),
    )
    .unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Files of every format and compression, each with one note whose id says where it is from.
fn write_every_format(workplace: &Workplace) {
    let csv = |id: &str| format!("note_id,text\n{id},\"Fever, {id}\"\n").into_bytes();
    let tsv = |id: &str| format!("note_id\ttext\n{id}\tFever, {id}\n").into_bytes();
    let jsonl = |id: &str| format!("{{\"note_id\": \"{id}\", \"text\": \"Fever, {id}\"}}\n").into_bytes();
    workplace.write("in/a.csv", csv("csv"));
    workplace.write("in/a.csv.gz", gzip(&csv("csv.gz")));
    workplace.write("in/a.csv.zst", zstd(&csv("csv.zst")));
    workplace.write("in/b/a.tsv", tsv("tsv"));
    workplace.write("in/b/a.tsv.gz", gzip(&tsv("tsv.gz")));
    workplace.write("in/b/c/a.jsonl", jsonl("jsonl"));
    workplace.write("in/b/c/a.jsonl.zst", zstd(&jsonl("jsonl.zst")));
    workplace.write("in/b/c/a.ndjson.gz", gzip(&jsonl("ndjson.gz")));
    workplace.write("in/d.TXT", "Fever");
    workplace.write("in/e.txt.gz", gzip(b"Fever"));
    workplace.write("in/f.txt.zst", zstd(b"Fever"));
    let text = Arc::new(StringArray::from(vec!["Fever"]));
    let id = Arc::new(StringArray::from(vec!["parquet"]));
    write_parquet(&workplace.path("in/g.parquet"), &[("note_id", id), ("text", text)]);
    workplace.write("in/readme.md", "Fever");
}

#[test]
fn a_folder_is_walked_for_files_of_every_format() {
    let workplace = Workplace::new();
    write_every_format(&workplace);
    let finished = workplace.annotate(&["in"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    let expected = json!([
        "csv",
        "csv.gz",
        "csv.zst",
        "tsv",
        "tsv.gz",
        "jsonl",
        "jsonl.zst",
        "ndjson.gz",
        "d.TXT",
        "e.txt.gz",
        "f.txt.zst",
        "parquet"
    ]);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), expected);
    assert_eq!(workplace.column("mentions.jsonl", "note_id"), expected);
    let skipped = json!([{ "path": "in/readme.md", "reason": "the format is not known by its extension" }]);
    assert_eq!(workplace.run_file()["skipped_files"], skipped);
    assert!(finished.stderr.contains("1 files hold no notes"), "{finished:?}");
}

#[test]
fn compressed_files_of_several_members_are_read_whole() {
    let workplace = Workplace::new();
    let parts = ["note_id,text\n1,Fever\n2,", "Cough\n3,Nausea\n"].map(str::as_bytes);
    workplace.write("a.csv.gz", parts.map(gzip).concat());
    // Zeros up to the end of a block, more than are read at once.
    workplace.write("c.csv.gz", [parts.map(gzip).concat(), vec![0; 100_000]].concat());
    workplace.write("b.csv.zst", [parts[0], b"Cough\n4,Nausea\n"].map(zstd).concat());
    assert_eq!(workplace.annotate(&["a.csv.gz"]).status, 0);
    assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["Fever", "Cough", "Nausea"]));
    assert_eq!(workplace.annotate(&["c.csv.gz", "--force"]).status, 0);
    assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["Fever", "Cough", "Nausea"]));
    assert_eq!(workplace.annotate(&["b.csv.zst", "--force"]).status, 0);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["1", "2", "4"]));
}

#[test]
fn a_pattern_is_matched_by_the_program() {
    let workplace = Workplace::new();
    write_every_format(&workplace);
    assert_eq!(workplace.annotate(&["in/**/a.[ct]sv*"]).status, 0);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["csv", "csv.gz", "csv.zst", "tsv", "tsv.gz"]));
    let none = workplace.annotate(&["in/*.xlsx", "--force"]);
    assert!(none.status == 2 && none.stderr.contains("in/*.xlsx"), "{none:?}");
    // A file whose name looks like a pattern is that file.
    workplace.write("x[1].txt", "Fever");
    assert_eq!(workplace.annotate(&["x[1].txt", "--force"]).status, 0);
}

#[test]
fn a_dash_is_json_lines_on_stdin() {
    let workplace = Workplace::new();
    let lines = b"{\"text\": \"Fever\"}\n\n{\"text\": \"No cough\", \"id\": 7, \"subject_id\": 3.5}";
    let finished = workplace.annotate_stdin(&["-"], lines);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["-#1", "7"]));
    assert_eq!(workplace.column("notes.jsonl", "patient_id"), json!([null, "3.5"]));
    assert_eq!(workplace.column("notes.jsonl", "input"), json!(["-", "-"]));
    let run = workplace.run_file();
    assert_eq!(run["inputs"][0]["blake3"], blake3::hash(lines).to_hex().as_str());
    assert_eq!(run["inputs"][0]["bytes"], lines.len());
}

#[test]
fn inputs_are_read_in_the_order_given() {
    let workplace = Workplace::new();
    workplace.write("b.txt", "Fever");
    workplace.write("a.txt", "Cough");
    workplace.write("c/a.csv", "id,text\n1,Nausea\n");
    assert_eq!(workplace.annotate(&["b.txt", "c", "a.txt"]).status, 0);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["b.txt", "1", "a.txt"]));
    assert_eq!(workplace.column("notes.jsonl", "input"), json!(["b.txt", "c/a.csv", "a.txt"]));
}

#[test]
fn inputs_that_cannot_be_used_are_named_before_the_run() {
    let workplace = Workplace::new();
    workplace.write("good.csv", "text\nFever\n");
    workplace.write("notes.xlsx", "PK");
    workplace.write("notes.parquet.gz", "PK");
    workplace.write("plain", "Fever");
    workplace.write("empty/readme.md", "");
    workplace.write("columns.csv", "note_id,body\n1,x\n");
    workplace.write("garbage.parquet", "PAR1 is not all it takes");
    workplace.write("garbage.csv.gz", "not gzip");
    for input in [
        "notes.xlsx",
        "notes.parquet.gz",
        "plain",
        "empty",
        "columns.csv",
        "garbage.parquet",
        "garbage.csv.gz",
        "none.csv",
    ] {
        let finished = workplace.annotate(&["good.csv", input]);
        if input == "empty" {
            assert_eq!(finished.status, 0, "a folder may hold nothing where another input does");
            assert_eq!(workplace.annotate(&[input, "--force"]).status, 2);
            std::fs::remove_dir_all(workplace.path("out")).unwrap();
            continue;
        }
        assert_eq!(finished.status, 2, "{input}: {finished:?}");
        assert!(finished.stderr.contains(input), "{input}: {finished:?}");
        assert!(!workplace.path("out").exists(), "{input}");
    }
    let finished = workplace.annotate(&["columns.csv"]);
    for part in
        ["text, note_text, note, transcription", "found 2 columns, of which 1 are known: note_id", "--map text=COLUMN"]
    {
        assert!(finished.stderr.contains(part), "{part}: {finished:?}");
    }
    let finished = workplace.annotate(&["notes.xlsx"]);
    assert!(finished.stderr.contains("extension") && finished.stderr.contains(".parquet"), "{finished:?}");
}

#[test]
fn an_empty_table_is_said_to_be_empty() {
    let workplace = Workplace::new();
    for (name, bytes) in [
        ("a.csv", Vec::new()),
        ("b.tsv", b"\n\r\n".to_vec()),
        ("c.csv", b"\xEF\xBB\xBF".to_vec()),
        ("d.csv.gz", gzip(b"")),
    ] {
        workplace.write(name, bytes);
        let finished = workplace.annotate(&[name]);
        assert_eq!(finished.status, 2, "{name}");
        assert!(finished.stderr.contains(&format!("{name}: the file is empty")), "{finished:?}");
    }
}

#[test]
fn columns_are_recognised_in_any_case_and_the_first_not_null_is_used() {
    let workplace = Workplace::new();
    let header = "ROW_ID,Subject_ID,HADM_ID,CHARTDATE,CHARTTIME,CATEGORY,AUTHOR,TEXT";
    let rows = "1,10,100,2101-01-02,2101-01-03 04:05:06,Nursing,x,Fever\n2,10,,2101-01-02,,,,Cough\n";
    workplace.write("mimic.csv", format!("{header}\n{rows}"));
    workplace.write("omop.csv", "note_id,person_id,visit_occurrence_id,note_date,note_datetime,note_title,note_text\n3,11,101,2101-02-01,2101-02-02T00:00:01,ED,Nausea\n4,11,101,2101-02-01,,ED,Nausea\n");
    workplace.write("mtsamples.csv", "id,transcription,note_time\n5,Pain,20250301\n");
    let finished = workplace.annotate(&["mimic.csv", "omop.csv", "mtsamples.csv"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    let column = |name: &str| workplace.column("notes.jsonl", name);
    assert_eq!(column("note_id"), json!(["1", "2", "3", "4", "5"]));
    assert_eq!(column("patient_id"), json!(["10", "10", "11", "11", null]));
    assert_eq!(column("encounter_id"), json!(["100", null, "101", "101", null]));
    assert_eq!(
        column("note_time"),
        json!([
            "2101-01-03T04:05:06",
            "2101-01-02T00:00:00",
            "2101-02-02T00:00:01",
            "2101-02-01T00:00:00",
            "2025-03-01T00:00:00"
        ])
    );
    assert_eq!(column("note_type"), json!(["Nursing", null, "ED", "ED", null]));
    assert_eq!(column("author"), json!(["x", null, null, null, null]));
    assert_eq!(column("status"), json!(vec!["annotated"; 5]));
}

#[test]
fn a_blank_value_gives_way_to_the_next_column_of_its_field() {
    let workplace = Workplace::new();
    let columns = ["note_id", "id", "patient_id", "subject_id", "charttime", "chartdate", "text"];
    let values = [" ", "7", "\t", "9", "  ", "2025-01-01", "Fever"];
    workplace.write("notes.csv", format!("{}\n{}\n", columns.join(","), values.join(",")));
    let object: serde_json::Map<_, _> = columns.into_iter().map(str::to_owned).zip(values.map(Into::into)).collect();
    workplace.write("notes.jsonl", json!(object).to_string());
    let arrays = columns
        .iter()
        .zip(values)
        .map(|(name, value)| -> (&str, ArrayRef) { (name, Arc::new(StringArray::from(vec![value]))) });
    write_parquet(&workplace.path("notes.parquet"), &arrays.collect::<Vec<_>>());
    for input in ["notes.csv", "notes.jsonl", "notes.parquet"] {
        assert_eq!(workplace.annotate(&[input, "--force"]).status, 0);
        let note = &workplace.rows("notes.jsonl")[0];
        let found = ["note_id", "patient_id", "note_time"].map(|column| &note[column]);
        assert_eq!(json!(found), json!(["7", "9", "2025-01-01T00:00:00"]), "{input}");
    }
}

#[test]
fn map_names_the_column_of_a_field() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", "note_id,Key,text,Body,when\n1,k1,Fever,Cough,2025-01-01\n");
    workplace.write("notes.jsonl", "{\"Key\": 8, \"Body\": \"Cough\", \"when\": \"2025-01-01T01:00\"}\n");
    for input in ["notes.csv", "notes.jsonl"] {
        let map = ["--map", "text=body", "--map", "note_id=KEY", "--map", "note_time=when", "--force"];
        assert_eq!(workplace.annotate(&[&[input], &map[..]].concat()).status, 0);
        assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["Cough"]), "{input}");
        assert_ne!(workplace.column("notes.jsonl", "note_id"), json!(["1"]));
        assert!(workplace.column("notes.jsonl", "note_time")[0].is_string());
    }
}

#[test]
fn a_wrong_map_or_keep_is_refused_by_name() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", "note_id,text\n1,Fever\n");
    let cases = [
        (["--map", "txt=text"], "txt"),
        (["--map", "text"], "--map"),
        (["--map", "text=body"], "body"),
        (["--keep", "ward"], "ward"),
        (["--line-column", "line"], "line"),
    ];
    for (flags, named) in cases {
        let finished = workplace.annotate(&[&["notes.csv"], &flags[..]].concat());
        assert_eq!(finished.status, 2, "{flags:?}");
        assert!(finished.stderr.contains(named), "{flags:?}: {finished:?}");
        assert!(!workplace.path("out").exists());
    }
    // Fields that may be named are said.
    let finished = workplace.annotate(&["notes.csv", "--map", "txt=text"]);
    assert!(finished.stderr.contains("patient_id, encounter_id, note_time"), "{finished:?}");
}

#[test]
fn a_mapped_text_that_a_json_line_lacks_is_named_in_the_reason() {
    let workplace = Workplace::new();
    workplace.write("notes.jsonl", "{\"text\": \"Fever\"}\n{\"body\": \"Cough\"}\n");
    assert_eq!(workplace.annotate(&["notes.jsonl", "--map", "text=body"]).status, 1);
    assert_eq!(workplace.column("notes.jsonl", "status"), json!(["rejected", "annotated"]));
    let rejects = workplace.rows("rejects.jsonl");
    let reason = rejects[0]["reason"].as_str().unwrap();
    assert!(reason.contains("--map") && reason.contains("\"body\"") && !reason.contains("note_text"), "{reason}");
}

#[test]
fn a_column_that_is_kept_twice_is_kept_once() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", "note_id,ward,text\n1,A,Fever\n");
    let flags = ["notes.csv", "--keep", "ward", "--keep", "ward", "--keep", "Ward", "--format", "csv"];
    assert_eq!(workplace.annotate(&flags).status, 0);
    for (name, column) in [("notes.csv", ",ward,"), ("notes.jsonl", "\"ward\":")] {
        let table = String::from_utf8(workplace.read(&format!("out/{name}"))).unwrap();
        assert_eq!(table.to_lowercase().matches(column).count(), 1, "{table}");
    }
}

#[test]
fn kept_columns_are_carried_into_notes() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", "note_id,Ward,status,text\n1,\"A, 2\",final,Fever\n2,,,\n3,x\n");
    assert_eq!(workplace.annotate(&["notes.csv", "--keep", "ward", "--keep", "status"]).status, 1);
    assert_eq!(workplace.column("notes.jsonl", "ward"), json!(["A, 2", null, null]));
    assert_eq!(workplace.column("notes.jsonl", "input_status"), json!(["final", null, null]));
    assert_eq!(workplace.column("notes.jsonl", "status"), json!(["annotated", "empty", "rejected"]));
}

#[test]
fn texts_are_kept_only_when_asked_for() {
    let workplace = Workplace::new();
    let text = "Line one\r\nhas \"fever\"\t\u{1F912}";
    workplace.write("notes.jsonl", json!({ "note_id": "1", "text": text }).to_string() + "\n{\"text\": null}\n");
    assert_eq!(workplace.annotate(&["notes.jsonl"]).status, 0);
    assert!(!workplace.path("out/texts.jsonl").exists());
    assert_eq!(workplace.annotate(&["notes.jsonl", "--keep-text", "--force"]).status, 0);
    assert_eq!(workplace.column("texts.jsonl", "note_id"), json!(["1"]));
    assert_eq!(workplace.column("texts.jsonl", "text"), json!([text]));
}

#[test]
fn limit_stops_after_so_many_notes_over_all_files() {
    let workplace = Workplace::new();
    workplace.write("a.csv", "note_id,text\n1,Fever\n2,\n3\n4,Cough\n");
    workplace.write("b.csv", "note_id,text\n5,Fever\n6,Cough\n");
    for (limit, expected) in [("0", 0), ("1", 1), ("3", 3), ("5", 5), ("100", 6)] {
        workplace.annotate(&["a.csv", "b.csv", "--force", "--limit", limit]);
        assert_eq!(workplace.run_file()["counts"]["read"], expected, "--limit {limit}");
        assert_eq!(workplace.run_file()["inputs"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn notes_without_an_id_are_named_by_file_and_row() {
    let workplace = Workplace::new();
    workplace.write("in/a.csv", "text,note_id\nFever,\nCough,given\nNausea,  \n");
    workplace.write("in/b/c.jsonl", "{\"text\": \"Fever\"}\n");
    assert_eq!(workplace.annotate(&["in"]).status, 0);
    let expected = json!(["a.csv#1", "given", "a.csv#3", "b/c.jsonl#1"]);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), expected);
    // Files of one name in two folders stay apart.
    workplace.write("other/a.csv", "text\nFever\n");
    assert_eq!(workplace.annotate(&["in", "other", "--force"]).status, 0);
}

#[test]
fn null_and_blank_texts_are_empty_notes() {
    let workplace = Workplace::new();
    workplace.write("a.csv", "note_id,text\n1,\n2,\"  \n\t\"\n3,\"\"\n");
    workplace.write(
        "b.jsonl",
        "{\"note_id\": \"4\", \"text\": null}\n{\"note_id\": \"5\", \"text\": \"\\u0000 \\u00a0\"}\n",
    );
    workplace.write("c.txt", "");
    let text: ArrayRef = Arc::new(StringArray::from(vec![None, Some(""), Some("\n")]));
    write_parquet(&workplace.path("d.parquet"), &[("text", text)]);
    let finished = workplace.annotate(&["a.csv", "b.jsonl", "c.txt", "d.parquet"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert_eq!(workplace.column("notes.jsonl", "status"), json!(vec!["empty"; 9]));
    assert_eq!(workplace.column("notes.jsonl", "characters"), json!(vec![0; 9]));
}

#[test]
fn lines_of_one_note_are_joined_in_their_order() {
    let workplace = Workplace::new();
    let rows = "id,LINE,text\n1,10,\"third, no\"\n1,9,chest\n1,1,first\n1,11,pneumonia\n2,1,Fever\n,1,Cough\n,2,Nausea\n2,2,late\n";
    workplace.write("notes.csv", rows);
    let finished = workplace.annotate(&["notes.csv", "--line-column", "line", "--keep-text"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    assert_eq!(
        workplace.column("texts.jsonl", "text"),
        json!(["first\nchest\nthird, no\npneumonia", "Fever", "Cough", "Nausea"])
    );
    assert_eq!(workplace.rows("rejects.jsonl")[0]["note_id"], "2");
    let pneumonia = workplace.rows("mentions.jsonl").into_iter().find(|mention| mention["text"] == "pneumonia");
    assert_eq!(pneumonia.unwrap()["start"], "first\nchest\nthird, no\n".len());
    let first = &workplace.rows("notes.jsonl")[0];
    let bytes = first["byte_start"].as_u64().unwrap() as usize..first["byte_end"].as_u64().unwrap() as usize;
    assert_eq!(&rows[bytes], "1,10,\"third, no\"\n1,9,chest\n1,1,first\n1,11,pneumonia\n");
}

#[test]
fn parquet_columns_of_other_types_are_read_as_text() {
    let workplace = Workplace::new();
    let columns: [(&str, ArrayRef); 5] = [
        ("ROW_ID", Arc::new(Int64Array::from(vec![1, 2]))),
        ("subject_id", Arc::new(arrow_array::Float64Array::from(vec![Some(17.0), None]))),
        ("CHARTTIME", Arc::new(TimestampMicrosecondArray::from(vec![None, Some(1_741_000_000_000_000)]))),
        ("chartdate", Arc::new(arrow_array::Date32Array::from(vec![Some(20_150), Some(1)]))),
        ("TEXT", Arc::new(LargeStringArray::from(vec!["Fièvre; fever", "no cough"]))),
    ];
    write_parquet(&workplace.path("notes.parquet"), &columns);
    assert_eq!(workplace.annotate(&["notes.parquet", "--keep", "subject_id"]).status, 0);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["1", "2"]));
    assert_eq!(workplace.column("notes.jsonl", "patient_id"), json!(["17", null]));
    assert_eq!(workplace.column("notes.jsonl", "note_time"), json!(["2025-03-03T00:00:00", "2025-03-03T11:06:40"]));
    assert_eq!(workplace.column("mentions.jsonl", "presence"), json!(["present", "absent"]));
}

#[test]
fn parquet_strings_that_are_stored_as_bytes_or_in_a_dictionary_are_read() {
    let workplace = Workplace::new();
    let bytes = |values: Vec<Option<&[u8]>>| -> ArrayRef { Arc::new(BinaryArray::from(values)) };
    let columns: [(&str, ArrayRef); 4] = [
        ("note_id", bytes(vec![Some(b"a"), Some(b" ")])),
        ("patient_id", bytes(vec![Some(b"p1"), None])),
        ("ward", bytes(vec![Some(b"h\xE9mato"), Some(b"B")])),
        ("text", Arc::new(DictionaryArray::<Int32Type>::from_iter(["Fever", "Cough"]))),
    ];
    write_parquet(&workplace.path("notes.parquet"), &columns);
    assert_eq!(workplace.annotate(&["notes.parquet", "--keep", "ward"]).status, 0);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["a", "notes.parquet#2"]));
    assert_eq!(workplace.column("notes.jsonl", "patient_id"), json!(["p1", null]));
    assert_eq!(workplace.column("notes.jsonl", "ward"), json!(["hémato", "B"]));
    assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["Fever", "Cough"]));
}

#[test]
fn a_parquet_text_that_is_no_string_is_refused_with_its_type() {
    let workplace = Workplace::new();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    let columns: [(&str, ArrayRef); 3] = [
        ("Int64", Arc::new(Int64Array::from(vec![5]))),
        ("Boolean", Arc::new(BooleanArray::from(vec![true]))),
        ("List", Arc::new(list)),
    ];
    for (kind, column) in columns {
        write_parquet(&workplace.path("notes.parquet"), &[("body", column)]);
        let finished = workplace.annotate(&["notes.parquet", "--map", "text=body"]);
        assert_eq!(finished.status, 2, "{kind}: {finished:?}");
        for part in ["notes.parquet", "\"body\"", kind] {
            assert!(finished.stderr.contains(part), "{kind}: {finished:?}");
        }
        assert!(!workplace.path("out").exists());
    }
}

#[test]
fn fhir_document_references_are_notes() {
    let workplace = Workplace::new();
    let reference = |id: &str, data: &str| {
        json!({
            "resourceType": "DocumentReference", "id": id, "date": "2025-03-02T14:20:00+01:00",
            "subject": { "reference": "Patient/p7" }, "type": { "text": "Progress note" },
            "context": { "encounter": [{ "reference": "Encounter/e9" }] }, "author": [{ "display": "Dr. B" }],
            "content": [
                { "attachment": { "contentType": "application/pdf", "data": "JVBERg==" } },
                { "attachment": { "contentType": "text/plain; charset=utf-8", "data": data } },
            ],
        })
    };
    // A bundle is the note of its one DocumentReference.
    let bundle = |ids: &[&str]| {
        let documents = ids.iter().map(|id| json!({ "resource": reference(id, &STANDARD.encode("Nausea.")) }));
        let patient = json!({ "resource": { "resourceType": "Patient", "id": "p7" } });
        json!({ "resourceType": "Bundle", "entry": documents.chain([patient]).collect::<Vec<_>>() })
    };
    let lines = [
        reference("d1", &STANDARD.encode("Fièvre, denies chest pain.")),
        reference("d2", "%%%"),
        bundle(&["d3"]),
        bundle(&[]),
        bundle(&["d4", "d5"]),
    ];
    workplace.write("fhir.ndjson", lines.map(|line| line.to_string()).join("\n"));
    assert_eq!(workplace.annotate(&["fhir.ndjson"]).status, 1);
    let note = &workplace.rows("notes.jsonl")[0];
    let found =
        ["note_id", "patient_id", "encounter_id", "note_time", "note_type", "author", "status"].map(|name| &note[name]);
    assert_eq!(json!(found), json!(["d1", "p7", "e9", "2025-03-02T14:20:00", "Progress note", "Dr. B", "annotated"]));
    assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["chest pain", "Nausea"]));
    assert_eq!(workplace.rows("notes.jsonl")[2]["note_id"], "d3");
    let reasons: Vec<String> =
        workplace.rows("rejects.jsonl").iter().map(|row| row["reason"].as_str().unwrap().to_owned()).collect();
    assert!(reasons[0].contains("base64"), "{reasons:?}");
    assert_eq!(reasons[1..], [0, 2].map(|n| format!("Bundle with {n} DocumentReferences: expected one")));
}

#[test]
fn a_time_that_is_not_understood_is_remarked_and_the_note_annotated() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", "note_id,note_time,text\n1,03/02/2025,Fever\n2,2025-03-02,Fever\n");
    assert_eq!(workplace.annotate(&["notes.csv"]).status, 0);
    assert_eq!(workplace.column("notes.jsonl", "note_time"), json!([null, "2025-03-02T00:00:00"]));
    let reasons = workplace.column("notes.jsonl", "reason");
    assert!(reasons[0].as_str().unwrap().contains("note_time") && reasons[1].is_null(), "{reasons}");
}

#[test]
fn csv_with_other_delimiters_and_line_ends_is_read() {
    let workplace = Workplace::new();
    let rows = [["note_id", "text"], ["1", "\"Fever;\r\ncough, \t|\""], ["2", "Nausea"]];
    for (delimiter, line_end) in [(",", "\r\n"), (";", "\n"), ("\t", "\r"), ("|", "\r\n")] {
        let text = rows.map(|row| row.join(delimiter)).join(line_end);
        workplace.write("notes.csv", format!("\u{FEFF}{text}"));
        let finished = workplace.annotate(&["notes.csv", "--force", "--keep-text"]);
        assert_eq!(finished.status, 0, "{delimiter:?}: {finished:?}");
        assert_eq!(workplace.column("texts.jsonl", "note_id"), json!(["1", "2"]));
        assert_eq!(workplace.column("texts.jsonl", "text"), json!(["Fever;\r\ncough, \t|", "Nausea"]));
    }
}
