//! Bad input: what is rejected, where it stood, that reading goes on after it, and how bytes that are not UTF-8 are read.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use program::Workplace;

/// A rejected record that is expected: record, line, the bytes it covers, and words of the reason.
struct Expected<'a> {
    record: u64,
    line: u64,
    bytes: &'a [u8],
    reason: &'a str,
}

fn expected<'a>(record: u64, line: u64, bytes: &'a (impl AsRef<[u8]> + ?Sized), reason: &'a str) -> Expected<'a> {
    Expected { record, line, bytes: bytes.as_ref(), reason }
}

/// Annotates a file that holds `content`; exactly the expected records must be rejected, and the notes `good` annotated.
fn check(name: &str, content: impl AsRef<[u8]>, flags: &[&str], rejects: &[Expected<'_>], good: &[&str]) -> Workplace {
    let workplace = Workplace::new();
    let content = content.as_ref();
    workplace.write(name, content);
    let finished = workplace.annotate(&[&[name], flags].concat());
    let found = workplace.rows("rejects.jsonl");
    assert_eq!(found.len(), rejects.len(), "{name}: {found:?}");
    for (reject, expected) in found.iter().zip(rejects) {
        assert_eq!(reject["file"], name);
        assert_eq!(
            (&reject["record"], &reject["line"]),
            (&json!(expected.record), &json!(expected.line)),
            "{reject:?}"
        );
        let place = |column: &str| reject[column].as_u64().unwrap() as usize;
        let covered = &content[place("byte_start")..place("byte_end")];
        assert_eq!(String::from_utf8_lossy(covered), String::from_utf8_lossy(expected.bytes), "{reject:?}");
        assert!(reject["reason"].as_str().unwrap().contains(expected.reason), "{reject:?}");
    }
    assert_eq!(finished.status, i32::from(!rejects.is_empty()));
    let annotated = workplace.rows("notes.jsonl").into_iter().filter(|note| note["status"] == "annotated");
    assert_eq!(annotated.map(|note| note["note_id"].clone()).collect::<Value>(), json!(good));
    workplace
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// A text that compresses badly, so that half of the compressed bytes are about half of it.
fn varied_rows(n_rows: u64) -> Vec<String> {
    (0..n_rows).map(|row| format!("{}", blake3::hash(&row.to_le_bytes()).to_hex())).collect()
}

#[test]
fn rows_with_too_few_or_too_many_fields() {
    let content = "note_id,author,text\n1,a,Fever\n2,Cough\n\n3,a,Pain\n4,a,Fever,b\n5\n6,a,Nausea\n";
    let rejects = [
        expected(2, 3, "2,Cough\n", "expected 3 fields, found 2"),
        expected(4, 6, "4,a,Fever,b\n", "expected 3 fields, found 4"),
        expected(5, 7, "5\n", "expected 3 fields, found 1"),
    ];
    let workplace = check("notes.csv", content, &[], &rejects, &["1", "3", "6"]);
    let ids = json!(["1", "notes.csv#2", "3", "notes.csv#4", "notes.csv#5", "6"]);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), ids);
}

#[test]
fn rows_of_a_tsv_with_crlf() {
    let content = "note_id\ttext\r\n1\tFever\r\n2\r\n3\t\"Has\r\npain\"\r\n4\tx\ty";
    let rejects = [expected(2, 3, "2\r\n", "found 1"), expected(4, 6, "4\tx\ty", "found 3")];
    check("notes.tsv", content, &[], &rejects, &["1", "3"]);
}

#[test]
fn unclosed_quote_in_the_middle_costs_only_its_row() {
    let content = "note_id,text,author\n1,Fever,a\n2,\"Cough,a\n3,Pain,a\n4,\"Has, nausea\",a\n";
    let rejects = [expected(2, 3, "2,\"Cough,a\n", "quote")];
    check("notes.csv", content, &[], &rejects, &["1", "3", "4"]);
}

#[test]
fn unclosed_quote_over_lines_costs_them_and_no_more() {
    // The lines of the note do not have the header's width; the next row does.
    let content = "note_id,text,author\n1,Fever,a\n2,\"Cough\nno pain\nand fever,a\n3,Pain,a\n4,\"Nausea\",a\n";
    let rejects = [expected(2, 3, "2,\"Cough\nno pain\nand fever,a\n", "quote")];
    check("notes.csv", content, &[], &rejects, &["1", "3", "4"]);
}

#[test]
fn unclosed_quote_with_nothing_quoted_after_it() {
    let content = "note_id,text,author\n1,\"Fever\",a\n2,\"Cough,a\n3,Pain,a\n";
    check("notes.csv", content, &[], &[expected(2, 3, "2,\"Cough,a\n", "not closed")], &["1", "3"]);
}

#[test]
fn unclosed_quote_at_the_end() {
    for last in ["3,\"Cough", "3,\"Cough\nand fever\n", "3,\""] {
        let content = format!("note_id,text\n1,Fever\n2,\"Pain\"\n{last}");
        check("notes.csv", content, &[], &[expected(3, 4, last, "a quote is opened and not closed")], &["1", "2"]);
    }
}

#[test]
fn stray_quote_in_a_quoted_field() {
    let bad = "2,\"Says \"no\" pain\",a\n";
    let content = format!("note_id,text,author\n1,5\" cut,a\n{bad}3,\"Has \"\"pain\"\"\",a\n");
    check("notes.csv", content, &[], &[expected(2, 3, bad, "not doubled")], &["1", "3"]);
}

#[test]
fn several_unclosed_quotes_are_rejected_one_by_one() {
    let content = "note_id,text\n1,\"Fever\n2,Cough\n3,\"Pain\n4,\"Nausea\"\n5,\"x\n6,Fever\n";
    let rejects = [
        expected(1, 2, "1,\"Fever\n", "quote"),
        expected(3, 4, "3,\"Pain\n", "quote"),
        expected(5, 6, "5,\"x\n", "quote"),
    ];
    check("notes.csv", content, &[], &rejects, &["2", "4", "6"]);
}

#[test]
fn unclosed_quote_that_a_later_quote_closes_costs_no_good_row() {
    // Up to the second quote it is a record, but not of the header's width.
    let content = "note_id,text\n1,\"Fever\n2,Cough\n3,Pain 5\",x\n4,Nausea\n";
    let rejects = [
        expected(1, 2, "1,\"Fever\n", "expected 2 fields, found 3"),
        expected(3, 4, "3,Pain 5\",x\n", "expected 2 fields, found 3"),
    ];
    check("notes.csv", content, &[], &rejects, &["2", "4"]);
}

#[test]
fn lines_are_counted_where_a_carriage_return_alone_ends_them() {
    let content = "note_id,text\r1,Fever\r\r2,Cough,x\r3,Pain\r4\r";
    let rejects = [expected(2, 4, "2,Cough,x\r", "found 3"), expected(4, 6, "4\r", "found 1")];
    let workplace = check("notes.csv", content, &[], &rejects, &["1", "3"]);
    assert_eq!(workplace.column("notes.jsonl", "line"), json!([2, 4, 5, 6]));
}

#[test]
fn a_bad_row_between_the_lines_of_a_note_rejects_the_note() {
    let note = "1,1,No\n1,2,fever,x\n1,3,cough\n";
    let content = format!("note_id,line,text\n{note}2,1,Pain\n");
    let flags = ["--line-column", "line"];
    check("notes.csv", content, &flags, &[expected(1, 2, note, "between the lines of this note")], &["2"]);
    // A row that stands between two notes, or after the last, belongs to neither.
    let content = "note_id,line,text\n1,1,No\n1,2,fever\n1,3,x,y\n2,1,Pain\n3\n";
    let rejects = [expected(2, 4, "1,3,x,y\n", "found 4"), expected(4, 6, "3\n", "found 1")];
    let workplace = check("notes.csv", content, &flags, &rejects, &["1", "2"]);
    assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["fever", "Pain"]));
}

#[test]
fn unclosed_quote_before_more_text_than_one_read() {
    let mut content = String::from("note_id,text\n1,Fever\n2,\"Cough\n");
    for row in 3..6000 {
        content += &format!("{row},Pain and a lot more to say of it: {}\n", "no fever ".repeat(20));
    }
    let good: Vec<String> = [1].into_iter().chain(3..6000).map(|row| row.to_string()).collect();
    let good: Vec<&str> = good.iter().map(String::as_str).collect();
    check("notes.csv", content, &[], &[expected(2, 3, "2,\"Cough\n", "quote")], &good);
}

#[test]
fn a_note_id_that_comes_again_rejects_the_later_row() {
    let content = "note_id,text\n1,Fever\n2,Cough\n1,Pain\n2,\n";
    let rejects = [expected(3, 4, "1,Pain\n", "note_id"), expected(4, 5, "2,\n", "note_id")];
    let workplace = check("notes.csv", content, &[], &rejects, &["1", "2"]);
    assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["Fever", "Cough"]));
    assert!(workplace.rows("rejects.jsonl")[0]["reason"].as_str().unwrap().contains("--line-column"));
    // In another file of the run too.
    workplace.write("more.jsonl", "{\"note_id\": 2, \"text\": \"Nausea\"}\n{\"note_id\": 3, \"text\": \"Nausea\"}\n");
    assert_eq!(workplace.annotate(&["notes.csv", "more.jsonl", "--force"]).status, 1);
    assert_eq!(workplace.rows("rejects.jsonl")[2]["file"], "more.jsonl");
}

#[test]
fn json_lines_that_are_no_notes() {
    let bad = [
        ("{\"note_id\": \"2\", \"text\": \"Has\n", "not a JSON object"),
        ("[1, 2]\n", "not a JSON object"),
        ("{\"note_id\": \"4\"}\n", "text"),
        ("{\"note_id\": \"5\", \"text\": 5}\n", "number"),
        ("{\"note_id\": \"6\", \"text\": [\"Fever\"]}\n", "array"),
        ("{\"note_id\": \"7\", \"text\": \"\\ud800\"}\n", "not a JSON object"),
        ("{\"note_id\": \"8\", \"text\": \"Fever\"} {}\n", "not a JSON object"),
        ("\u{0}\n", "not a JSON object"),
    ];
    let mut content = String::from("{\"note_id\": \"1\", \"text\": \"Fever\"}\n\n  \n");
    content.extend(bad.map(|(line, _)| line));
    content += "{\"note_id\": \"9\", \"text\": \"Cough\"}";
    let rejects: Vec<Expected<'_>> =
        (0_u64..).zip(&bad).map(|(row, (line, reason))| expected(row + 2, row + 4, line, reason)).collect();
    check("notes.jsonl", content, &[], &rejects, &["1", "9"]);
}

#[test]
fn json_nested_deeper_than_any_note() {
    let bad = format!("{{\"text\": {}\n", "[".repeat(200_000));
    let content = format!("{bad}{{\"note_id\": \"2\", \"text\": \"Cough\"}}\n");
    check("notes.jsonl", content, &[], &[expected(1, 1, &bad, "not a JSON object")], &["2"]);
}

#[test]
fn notes_over_the_limit() {
    let long = format!("2,{}\n", "no fever ".repeat(20));
    let content = format!("note_id,text\n1,Fever\n{long}3,Pain\n");
    let flags = ["--max-note-bytes", "100"];
    let workplace = check("notes.csv", content, &flags, &[expected(2, 3, &long, "limit of 100")], &["1", "3"]);
    assert_eq!(workplace.column("notes.jsonl", "note_id"), json!(["1", "2", "3"]));

    let line = |id: &str, text: &str| json!({ "note_id": id, "text": text }).to_string() + "\n";
    let (long, huge) = (line("2", &"no fever ".repeat(20)), line("3", &"no fever ".repeat(300_000)));
    let content = [&line("1", "Fever"), &long, &huge, &line("4", "Pain")].map(String::as_str).concat();
    let rejects = [expected(2, 2, &long, "limit of 100"), expected(3, 3, &huge, "limit")];
    check("notes.jsonl", content, &flags, &rejects, &["1", "4"]);
}

#[test]
fn a_joined_note_over_the_limit() {
    let long = format!("2,1,{0}\n2,2,{0}\n", "no fever ".repeat(7));
    let content = format!("note_id,line,text\n1,1,Fever\n{long}3,1,Pain\n");
    let flags = ["--max-note-bytes", "100", "--line-column", "line"];
    check("notes.csv", content, &flags, &[expected(2, 3, &long, "limit of 100")], &["1", "3"]);
}

#[test]
fn a_text_file_over_the_limit_costs_only_itself() {
    let workplace = Workplace::new();
    workplace.write("in/a.txt", "no fever ".repeat(20));
    workplace.write("in/b.txt", "Fever");
    workplace.write("in/c.txt.gz", gzip("no fever ".repeat(30).as_bytes()));
    assert_eq!(workplace.annotate(&["in", "--max-note-bytes", "100"]).status, 1);
    assert_eq!(workplace.column("notes.jsonl", "status"), json!(["rejected", "annotated", "rejected"]));
    for reject in workplace.rows("rejects.jsonl") {
        assert!(reject["reason"].as_str().unwrap().contains("limit of 100"), "{reject:?}");
    }
    // The note is named as it would be if it were good, and its bytes are those of the whole (plain) file.
    assert_eq!(workplace.column("rejects.jsonl", "note_id"), json!(["a.txt", "c.txt.gz"]));
    assert_eq!(workplace.column("rejects.jsonl", "byte_start"), json!([0, 0]));
    assert_eq!(workplace.column("rejects.jsonl", "byte_end"), json!([180, 270]));
}

#[test]
fn truncated_gzip_gives_what_can_be_read_and_a_reject() {
    let lines: Vec<String> =
        varied_rows(4000).iter().map(|hash| json!({ "note_id": hash, "text": hash }).to_string()).collect();
    let whole = gzip(lines.join("\n").as_bytes());
    let workplace = Workplace::new();
    workplace.write("a.jsonl.gz", &whole[..whole.len() / 2]);
    workplace.write("b.txt.gz", &gzip(b"Fever")[..15]);
    workplace.write("c.csv", "note_id,text\nc,Pain\n");
    let finished = workplace.annotate(&["a.jsonl.gz", "b.txt.gz", "c.csv"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    let counts = workplace.run_file()["counts"].clone();
    assert!((1000..3000).contains(&counts["annotated"].as_u64().unwrap()), "{counts}");
    let rejects = workplace.rows("rejects.jsonl");
    let of = |file: &str| rejects.iter().filter(|row| row["file"] == file).collect::<Vec<_>>();
    let last = of("a.jsonl.gz").pop().unwrap().clone();
    assert!(last["reason"].as_str().unwrap().contains("cannot be read"), "{last:?}");
    // The place at which reading ended is one of the plain bytes.
    let n_plain = lines.join("\n").len() as u64;
    assert!((n_plain / 4..n_plain * 3 / 4).contains(&last["byte_end"].as_u64().unwrap()), "{last:?}");
    assert_eq!(of("b.txt.gz").len(), 1);
    assert_eq!(workplace.rows("notes.jsonl").last().unwrap()["note_id"], "c");
    // Every note that was annotated was whole.
    let texts =
        lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().map(str::len));
    assert!(texts.max() == Some(64));
    let annotated = workplace.rows("notes.jsonl").into_iter().filter(|row| row["status"] == "annotated");
    assert!(annotated.filter(|row| row["input"] == "a.jsonl.gz").all(|row| row["characters"] == 64));
}

#[test]
fn what_follows_a_gzip_file_and_is_none_is_told() {
    let workplace = Workplace::new();
    workplace.write("1.csv.gz", [gzip(b"note_id,text\n1,fever\n"), b"\0\0rest".to_vec()].concat());
    assert_eq!(workplace.annotate(&["1.csv.gz"]).status, 1);
    assert_eq!(workplace.column("mentions.jsonl", "text"), json!(["fever"]));
    let reason = workplace.column("rejects.jsonl", "reason");
    assert!(reason[0].as_str().unwrap().contains("the rest of the file cannot be read"), "{reason}");
}

#[test]
fn truncated_gzip_in_a_quoted_field_of_a_csv() {
    let rows = varied_rows(4000).iter().map(|hash| format!("{hash},\"Fever, {hash}\"\n")).collect::<String>();
    let whole = gzip(format!("note_id,text\n{rows}").as_bytes());
    // The hexadecimal digits take most of the bytes, so that one of several cuts falls into a quoted field.
    let workplace = Workplace::new();
    for cut in [whole.len() / 2, whole.len() / 2 + 37, whole.len() / 3] {
        workplace.write("a.csv.gz", &whole[..cut]);
        assert_eq!(workplace.annotate(&["a.csv.gz", "--force"]).status, 1);
        let rejects = workplace.rows("rejects.jsonl");
        assert!(rejects.last().unwrap()["reason"].as_str().unwrap().contains("cannot be read"), "{rejects:?}");
        assert!(workplace.rows("notes.jsonl").len() > 500);
    }
}

#[test]
fn the_row_that_a_truncated_gzip_cuts_is_rejected_and_not_annotated() {
    let end = "has fever and chest pain";
    let csv: Vec<String> = varied_rows(4000).iter().map(|hash| format!("{hash},Patient {hash} {end}\n")).collect();
    let jsonl: Vec<String> = varied_rows(4000)
        .iter()
        .map(|hash| json!({ "note_id": hash, "text": format!("Patient {hash} {end}") }).to_string() + "\n")
        .collect();
    for (name, plain) in [("a.csv.gz", format!("note_id,text\n{}", csv.concat())), ("a.jsonl.gz", jsonl.concat())] {
        let whole = gzip(plain.as_bytes());
        let workplace = Workplace::new();
        let mut n_in_text = 0;
        for cut in (0..12).map(|step| whole.len() / 2 + 5 * step) {
            workplace.write(name, &whole[..cut]);
            assert_eq!(workplace.annotate(&[name, "--keep-text", "--force"]).status, 1);
            for row in workplace.rows("texts.jsonl") {
                assert!(row["text"].as_str().unwrap().ends_with(end), "{name} cut at {cut}: {row:?}");
            }
            let rejects = workplace.rows("rejects.jsonl");
            let place = |column: &str| rejects[0][column].as_u64().unwrap() as usize;
            let covered = &plain[place("byte_start")..place("byte_end")];
            assert!(plain[..place("byte_start")].ends_with('\n') && !covered.contains('\n'), "{rejects:?}");
            if covered.contains("Patient") {
                n_in_text += 1;
                assert_eq!(rejects.len(), 1, "{name} cut at {cut}");
                assert!(rejects[0]["reason"].as_str().unwrap().contains("cannot be read"), "{rejects:?}");
            }
        }
        assert!(n_in_text > 0, "{name}: no cut falls into a text");
    }
}

#[test]
fn files_that_are_not_what_their_extension_says() {
    for name in ["a.jsonl.gz", "a.jsonl.zst", "a.txt.gz", "a.txt.zst"] {
        let workplace = Workplace::new();
        workplace.write(name, "neither gzip nor zstd");
        workplace.write("b.csv", "note_id,text\nb,Fever\n");
        assert_eq!(workplace.annotate(&[name, "b.csv"]).status, 1, "{name}");
        assert_eq!(workplace.column("notes.jsonl", "status"), json!(["rejected", "annotated"]), "{name}");
        assert_eq!(workplace.column("rejects.jsonl", "file"), json!([name]));
    }
}

#[test]
fn truncated_parquet_is_refused_before_the_run() {
    let workplace = Workplace::new();
    let text: ArrayRef = Arc::new(StringArray::from(varied_rows(1000)));
    let batch = RecordBatch::try_from_iter([("text", text)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let whole = writer.into_inner().unwrap();
    for cut in [whole.len() / 2, whole.len() - 1, 4, 0] {
        workplace.write("notes.parquet", &whole[..cut]);
        let finished = workplace.annotate(&["notes.parquet"]);
        assert!(finished.status == 2 && finished.stderr.contains("notes.parquet"), "{cut} bytes: {finished:?}");
        assert!(!workplace.path("out").exists());
    }
}

#[test]
fn a_damaged_page_of_parquet_is_rejected_and_other_files_are_read() {
    let workplace = Workplace::new();
    let text: ArrayRef = Arc::new(StringArray::from(varied_rows(2000)));
    let batch = RecordBatch::try_from_iter([("text", text)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let mut whole = writer.into_inner().unwrap();
    let middle = whole.len() / 2;
    whole[4..middle].fill(0xFF);
    workplace.write("a.parquet", whole);
    workplace.write("b.csv", "note_id,text\nb,Fever\n");
    let finished = workplace.annotate(&["a.parquet", "b.csv"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    let reject = &workplace.rows("rejects.jsonl")[0];
    assert!(reject["file"] == "a.parquet" && reject["byte_start"].is_null(), "{reject:?}");
    assert_eq!(workplace.rows("notes.jsonl").last().unwrap()["note_id"], "b");
}

#[test]
fn encodings_are_recognised_and_said() {
    let workplace = Workplace::new();
    let note = |id: &str, text: &[u8]| [format!("{id},").as_bytes(), text, b"\n"].concat();
    let rows = [
        b"note_id,text\n".to_vec(),
        note("ascii", b"Fever"),
        note("utf8", "Fièvre – fever".as_bytes()),
        note("latin1", b"Fi\xE8vre; fever"),
        note("cp1252", b"\x93Fi\xE8vre\x94 \x96 fever"),
        note("mixed", &["Fièvre ".as_bytes(), b"\xE0 fever"].concat()),
    ];
    workplace.write("notes.csv", rows.concat());
    assert_eq!(workplace.annotate(&["notes.csv", "--keep-text"]).status, 0);
    let encodings = json!(["utf-8", "utf-8", "iso-8859-1", "windows-1252", "utf-8+windows-1252"]);
    assert_eq!(workplace.column("notes.jsonl", "encoding"), encodings);
    let texts = json!(["Fever", "Fièvre – fever", "Fièvre; fever", "“Fièvre” – fever", "Fièvre à fever"]);
    assert_eq!(workplace.column("texts.jsonl", "text"), texts);
    assert_eq!(workplace.column("mentions.jsonl", "start"), json!([0, 9, 8, 11, 9]));
}

#[test]
fn utf16_and_byte_order_marks_in_every_text_format() {
    let csv = "note_id,text\n1,\"Fièvre, 🤒 fever\"\n";
    let jsonl = "{\"note_id\": \"1\", \"text\": \"Fièvre, 🤒 fever\"}\n";
    for (name, text) in [("1.csv", csv), ("1.jsonl", jsonl), ("1.txt", "Fièvre, 🤒 fever")] {
        let inputs = [
            (utf16(text, false), "utf-16"),
            (utf16(text, true), "utf-16"),
            (format!("\u{FEFF}{text}").into_bytes(), "utf-8"),
        ];
        for (bytes, encoding) in inputs {
            let workplace = Workplace::new();
            workplace.write(name, bytes);
            assert_eq!(workplace.annotate(&[name, "--keep-text"]).status, 0, "{name} {encoding}");
            assert_eq!(workplace.column("notes.jsonl", "encoding"), json!([encoding]), "{name}");
            assert_eq!(workplace.column("texts.jsonl", "text"), json!(["Fièvre, 🤒 fever"]), "{name} {encoding}");
            assert_eq!(workplace.column("mentions.jsonl", "start"), json!([10]), "{name} {encoding}");
        }
    }
}

#[test]
fn utf16_is_known_without_a_byte_order_mark() {
    let csv = "note_id,text\n1,\"Fièvre, 🤒 fever\"\n";
    let tsv = "note_id\ttext\n1\tFièvre, 🤒 fever\n";
    let jsonl = "{\"note_id\": \"1\", \"text\": \"Fièvre, 🤒 fever\"}\n";
    for (name, text) in [("1.csv", csv), ("1.tsv", tsv), ("1.ndjson", jsonl), ("1.txt", "Fièvre, 🤒 fever")] {
        for big in [false, true] {
            let workplace = Workplace::new();
            workplace.write(name, utf16(text, big).split_off(2));
            assert_eq!(workplace.annotate(&[name, "--keep-text"]).status, 0, "{name}");
            assert_eq!(workplace.column("notes.jsonl", "encoding"), json!(["utf-16"]), "{name}");
            assert_eq!(workplace.column("texts.jsonl", "text"), json!(["Fièvre, 🤒 fever"]), "{name}");
        }
    }
}

#[test]
fn no_bytes_are_named_in_a_file_of_utf16() {
    // The reader sees the file as UTF-8, whose offsets are not those of the file.
    let csv = "note_id,text\n1,fièvre, \n2,Fièvre fever\n";
    let jsonl = "{\"note_id\": \"é\", \"text\": 5}\n{\"note_id\": \"j\", \"text\": \"fever\"}\n";
    let workplace = Workplace::new();
    workplace.write("1.csv", utf16(csv, false));
    workplace.write("2.jsonl", utf16(jsonl, true));
    workplace.write("3.csv.gz", gzip(&utf16(&csv.replace("2,", "3,"), true)));
    workplace.write("4.txt", utf16("fever", false));
    workplace.write("5.txt", utf16(&"é fever".repeat(20), false));
    let inputs = ["1.csv", "2.jsonl", "3.csv.gz", "4.txt", "5.txt"];
    workplace.annotate(&[&inputs[..], &["--max-note-bytes", "100"]].concat());
    assert_eq!(workplace.column("rejects.jsonl", "file"), json!(["1.csv", "2.jsonl", "3.csv.gz", "5.txt"]));
    assert_eq!(workplace.column("rejects.jsonl", "line"), json!([2, 1, 2, 1]));
    for column in ["byte_start", "byte_end"] {
        assert_eq!(workplace.column("notes.jsonl", column), json!(vec![Value::Null; 8]), "{column}");
    }
}

#[test]
fn binary_text_columns_of_parquet_are_decoded() {
    let workplace = Workplace::new();
    let text: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![Some(b"Fi\xE8vre; fever"), None]));
    let batch = RecordBatch::try_from_iter([("text", text)]).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(workplace.path("a.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_eq!(workplace.annotate(&["a.parquet"]).status, 0);
    assert_eq!(workplace.column("notes.jsonl", "encoding"), json!(["iso-8859-1", null]));
    assert_eq!(workplace.column("notes.jsonl", "status"), json!(["annotated", "empty"]));
}
