//! Note text stands only in the tables that are made of it: not in what is told, not in rejects, not in `run.json`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses a part of it")]
#[path = "support/program.rs"]
mod program;

use noteward::{AnnotatedNote, Note, Pipeline};
use serde_json::json;

use program::{Finished, Workplace};

/// A word that stands in the texts of these notes and nowhere else.
const SENTINEL: &str = "Zebrawordine";

/// Files in which the sentinel stands in texts, good ones and bad ones.
fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    let s = SENTINEL;
    let long = format!("{s} denies fever. ").repeat(200);
    vec![
        ("good.csv", format!("note_id,text\n1,\"{s} has fever, no cough\"\n").into()),
        ("width.csv", format!("note_id,text\n1,{s} has fever,{s}\n{s} alone\n").into()),
        ("unclosed.csv", format!("note_id,text\n1,\"{s} has fever\n2,no {s}\n3,\"{s}\n").into()),
        ("stray.csv", format!("note_id,text\n1,\"{s} \"{s}\" has fever\"\n2,\"{s}\"x\n").into()),
        ("repeated.csv", format!("note_id,text\n1,{s} fever\n1,{s} cough\n").into()),
        ("long.csv", format!("note_id,text\n1,{long}\n").into()),
        ("long.txt", long.clone().into()),
        ("good.txt", format!("{s}: chest pain").into()),
        ("control.txt", format!("{s}\0\u{1}\u{FFFF} chest\0pain \u{202E}{s}").into()),
        ("latin1.txt", format!("{s} fi").bytes().chain(*b"\xE8vre \x93").collect()),
        ("utf16.txt", [0xFF, 0xFE].into_iter().chain(s.encode_utf16().flat_map(u16::to_le_bytes)).collect()),
        (
            "bad.jsonl",
            format!("{{\"text\": \"{s} has fever\n{s}\n[\"{s}\"]\n\"{s}\"\n{{\"text\": \"{s}\", {s}}}\n").into(),
        ),
        (
            "types.jsonl",
            [json!([s]), json!({ "a": s }), json!(null)].map(|v| json!({ "text": v }).to_string()).join("\n").into(),
        ),
        ("surrogate.jsonl", format!("{{\"text\": \"{s} \\ud800\"}}\n{{\"text\": \"{s}\\q\"}}\n").into()),
        ("keys.jsonl", json!({ format!("{s} has fever and chest pain"): 1, "note_id": 1 }).to_string().into()),
        ("long.jsonl", json!({ "note_id": "1", "text": long }).to_string().into()),
        ("base64.ndjson", document_reference(s).into()),
        ("binary.ndjson", document_reference("/////w==").into()),
        ("time.csv", format!("note_id,note_time,text\n1,someday,{s} has fever\n").into()),
        ("garbage.txt.gz", s.into()),
        ("garbage.jsonl.zst", s.into()),
    ]
}

fn document_reference(data: &str) -> String {
    let content = json!([{ "attachment": { "contentType": "text/plain", "data": data } }]);
    json!({ "resourceType": "DocumentReference", "id": "d1", "content": content }).to_string()
}

/// Fails where the sentinel, in any case, stands in `bytes`.
fn check_silent(bytes: impl AsRef<[u8]>, place: &str) {
    let text = String::from_utf8_lossy(bytes.as_ref()).to_lowercase();
    assert!(!text.contains(&SENTINEL.to_lowercase()), "{place} holds note text");
}

fn check_run(workplace: &Workplace, finished: &Finished, place: &str) {
    check_silent(&finished.stderr, &format!("{place}: stderr"));
    check_silent(&finished.stdout, &format!("{place}: stdout"));
    for name in ["rejects.jsonl", "run.json", "notes.jsonl"] {
        let path = workplace.path(&format!("out/{name}"));
        if path.exists() {
            check_silent(std::fs::read(path).unwrap(), &format!("{place}: {name}"));
        }
    }
}

#[test]
fn no_log_reject_or_description_holds_text() {
    for (name, content) in inputs() {
        for format in ["text", "json"] {
            let workplace = Workplace::new();
            workplace.write(name, &content);
            let finished = workplace.annotate(&[name, "--log-format", format, "--max-note-bytes", "1000"]);
            assert_ne!(finished.status, 2, "{name}: {finished:?}");
            check_run(&workplace, &finished, &format!("{name} with --log-format {format}"));
        }
    }
}

#[test]
fn one_run_over_all_holds_no_text_either() {
    let workplace = Workplace::new();
    for (name, content) in inputs() {
        workplace.write(&format!("in/{name}"), content);
    }
    for flags in [&[][..], &["--quiet"], &["--log-format", "json", "--keep-text"]] {
        let finished = workplace.annotate(&[&["in", "--max-note-bytes", "1000", "--force"], flags].concat());
        assert_eq!(finished.status, 1, "{finished:?}");
        check_run(&workplace, &finished, "a run over all inputs");
    }
    let counts = workplace.run_file()["counts"].clone();
    assert!(counts["rejected"].as_u64() > Some(15) && counts["annotated"].as_u64() > Some(4), "{counts}");
}

#[test]
fn lines_that_are_joined_or_rejected_hold_no_text_in_their_reasons() {
    let workplace = Workplace::new();
    let rows = format!(
        "note_id,line,text\n1,1,{SENTINEL}\n1,2,\"{SENTINEL}\n1,3,{SENTINEL}\n2,1,{SENTINEL}\n1,4,{SENTINEL}\n"
    );
    workplace.write("lines.csv", rows);
    let finished = workplace.annotate(&["lines.csv", "--line-column", "line"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    check_run(&workplace, &finished, "lines.csv");
}

/// Commands over a finished run hold no text in what they tell on stderr, and one that compares runs only words of mentions.
#[test]
fn commands_over_a_run_are_silent_where_they_refuse() {
    let workplace = Workplace::new();
    let note = |text: &str| format!("note_id,text\n1,\"{text}\"\n");
    workplace.write("notes.csv", note(&format!("{SENTINEL} has fever, no cough")));
    assert_eq!(workplace.annotate(&["notes.csv"]).status, 0);
    let id = workplace.rows("mentions.jsonl")[0]["mention_id"].as_str().unwrap().to_owned();
    let compared = workplace.run(&["diff", "out", "out", "--json", "--examples", "9"]);
    check_run(&workplace, &compared, "diff");
    // Tables that are damaged.
    let rows = String::from_utf8(workplace.read("out/mentions.jsonl")).unwrap();
    for damaged in
        [rows.replace("\"start\":", &format!("\"start\":\"{SENTINEL}\",\"x\":")), rows.replace('}', SENTINEL)]
    {
        workplace.write("damaged/mentions.jsonl", damaged);
        for name in ["notes.jsonl", "run.json"] {
            workplace.write(&format!("damaged/{name}"), workplace.read(&format!("out/{name}")));
        }
        let refused = workplace.run(&["diff", "out", "damaged"]);
        assert_eq!(refused.status, 2, "{refused:?}");
        check_run(&workplace, &refused, "diff of a damaged run");
    }
    workplace.write("notes.csv", note(&format!("{SENTINEL} has no fever, no cough")));
    for arguments in [
        &["why", "out", &id][..],
        &["why", "out", "no-such-id"],
        &["export", "out", "--to", "brat", "--out", "brat"],
        &["export", "damaged", "--to", "meds", "--out", "meds"],
        &["why", "out", &id, "--notes", "notes.csv"],
        &["why", "out", &id, "--notes", "out"],
        &["diff", "out", "notes.csv"],
    ] {
        let refused = workplace.run(arguments);
        assert_eq!(refused.status, 2, "{refused:?}");
        check_run(&workplace, &refused, &arguments.join(" "));
    }
}

#[test]
fn stdin_is_as_silent_as_files() {
    let workplace = Workplace::new();
    let lines = format!("{{\"text\": \"{SENTINEL} has fever\"}}\n{{\"text\": \"{SENTINEL}\n{SENTINEL}");
    let finished = workplace.annotate_stdin(&["-"], lines.as_bytes());
    assert_eq!(finished.status, 1, "{finished:?}");
    check_run(&workplace, &finished, "-");
}

#[test]
fn errors_before_the_run_hold_no_text() {
    let good = format!("note_id,text\n1,{SENTINEL} has fever\n");
    let workplace = Workplace::new();
    workplace.write("notes.csv", &good);
    workplace.write("body.csv", good.replace("text", "body"));
    workplace.write("notes.parquet", &good);
    workplace.write("notes.csv.gz", &good);
    workplace.write("notes.xlsx", &good);
    let refused: [&[&str]; 6] = [
        &["notes.csv", "--keep", "ward"],
        &["notes.csv", "--map", "text=body"],
        &["body.csv"],
        &["notes.parquet"],
        &["notes.csv.gz"],
        &["notes.xlsx"],
    ];
    for arguments in refused {
        let finished = workplace.annotate(arguments);
        assert_eq!(finished.status, 2, "{arguments:?}");
        check_silent(&finished.stderr, &format!("{arguments:?}"));
    }
}

#[test]
fn a_table_without_a_header_does_not_give_its_first_row_away() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", format!("1,{SENTINEL} has fever\n2,{SENTINEL}\n"));
    workplace.write("notes.tsv", format!("{SENTINEL} has fever\n{SENTINEL} has cough\n"));
    let flags: [&[&str]; 4] =
        [&[], &["--map", "text=body"], &["--keep", "ward"], &["--map", "note_id=1", "--line-column", "line"]];
    for input in ["notes.csv", "notes.tsv"] {
        for flags in flags {
            let finished = workplace.annotate(&[&[input], flags].concat());
            assert_eq!(finished.status, 2, "{input} {flags:?}");
            check_silent(&finished.stderr, &format!("{input} {flags:?}"));
            assert!(finished.stderr.contains(" column"), "{finished:?}");
        }
    }
    // Nor where the file is left out of a folder.
    let folder = Workplace::new();
    folder.write("in/headless.csv", format!("1,{SENTINEL} has fever\n"));
    folder.write("in/good.csv", "note_id,text\n1,Fever\n");
    let finished = folder.annotate(&["in"]);
    assert_eq!(folder.run_file()["skipped_files"][0]["path"], "in/headless.csv");
    check_run(&folder, &finished, "a folder with a table without a header");
}

#[test]
fn the_keys_of_a_json_line_are_not_in_its_reason() {
    let workplace = Workplace::new();
    let line = json!({ format!("{SENTINEL} has fever"): 1, "note_id": "a" }).to_string();
    workplace.write("notes.jsonl", format!("{line}\n"));
    for flags in [&[][..], &["--map", "text=body"]] {
        let finished = workplace.annotate(&[&["notes.jsonl", "--force"], flags].concat());
        assert_eq!(finished.status, 1, "{finished:?}");
        check_run(&workplace, &finished, &format!("a line without a text, {flags:?}"));
        let reason = workplace.column("rejects.jsonl", "reason");
        assert!(reason[0].as_str().unwrap().contains("column"), "{reason}");
    }
}

#[test]
fn a_note_given_as_configuration_or_lexicon_is_not_quoted() {
    let s = SENTINEL;
    let workplace = Workplace::new();
    workplace.write("good.csv", "note_id,text\n1,Fever\n");
    for note in [
        format!("{s} has fever\nand a cough"),
        format!("{s}: fever"),
        format!("\n\n{s} = bad fever\n"),
        format!("id\tname\n{s}\tfever\n"),
        format!("[** {s} **] has fever"),
        format!("\"{s}\" he said"),
    ] {
        workplace.write("note.txt", &note);
        for flag in ["--config", "--lexicon"] {
            let finished = workplace.annotate(&["good.csv", flag, "note.txt"]);
            assert_eq!(finished.status, 2, "{flag} {note:?}");
            assert!(finished.stderr.contains("note.txt") && finished.stderr.contains("line "), "{finished:?}");
            check_silent(&finished.stderr, &format!("{flag} {note:?}"));
        }
    }
}

#[test]
fn mentions_and_texts_are_where_text_may_stand() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", format!("note_id,text\n1,{SENTINEL} has fever\n"));
    assert_eq!(workplace.annotate(&["notes.csv"]).status, 0);
    check_silent(workplace.read("out/mentions.jsonl"), "mentions.jsonl, outside the mention");
    assert_eq!(workplace.annotate(&["notes.csv", "--keep-text", "--force"]).status, 0);
    assert_eq!(workplace.column("texts.jsonl", "text"), json!([format!("{SENTINEL} has fever")]));
}

#[test]
fn debug_shows_no_text() {
    let pipeline = Pipeline::embedded();
    for text in
        [SENTINEL.to_owned(), format!("{SENTINEL} denies chest pain.\n{SENTINEL}: fever"), format!("fever {SENTINEL}")]
    {
        let note = Note::new("n1", text.clone());
        assert!(format!("{note:?}").contains("n1"));
        for shown in [format!("{note:?}"), format!("{note:#?}")] {
            check_silent(shown, "Note");
        }
        let annotated: AnnotatedNote = pipeline.annotate(note);
        for word in [SENTINEL, "fever", "chest pain"] {
            for shown in [
                format!("{annotated:?}"),
                format!("{:?}", annotated.document),
                format!("{:#?}", annotated.document.note()),
                format!("{:?}", annotated.document.tokens()),
                format!("{:?}", annotated.document.sentences()),
                format!("{:?}", annotated.annotations),
            ] {
                assert!(!shown.contains(word), "Debug of a result holds {word}");
            }
            for annotation in &annotated.annotations {
                let (span, kind) = (annotation.mention.span, annotation.mention.kind);
                let explanation = pipeline.explain(annotated.document.note().clone(), span, kind);
                assert!(!format!("{explanation:?}").contains(word), "Debug of an explanation holds {word}");
            }
        }
    }
}
