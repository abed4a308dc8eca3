//! `noteward lexicon build` and `noteward lexicon check`: every format from small files, what is left out and why, what a wrong
//! file is told, and the terminologies under `../shared` where they are.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use std::path::{Path, PathBuf};

use program::{Finished, Workplace};
use serde_json::Value;

/// A file of the tests, as an argument.
fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminologies").join(name).display().to_string()
}

/// Builds `built.lexicon`.
fn build(workplace: &Workplace, arguments: &[&str]) -> Finished {
    workplace.run(
        &[&["lexicon", "build", "--out", "built.lexicon", "--dropped", "dropped.tsv", "--force"], arguments].concat(),
    )
}

/// What a note gives by the built lexicon: text, concept, type, ICD-10-CM code, other codes. What the embedded concepts give is
/// left out.
fn mentions(workplace: &Workplace, text: &str) -> Vec<[String; 5]> {
    workplace.write("note.txt", text);
    let finished = workplace.annotate(&["note.txt", "--lexicon", "built.lexicon", "--force"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    let cell = |row: &program::Row, column: &str| row[column].as_str().unwrap_or("-").to_owned();
    let columns = ["text", "concept_id", "type", "icd10cm", "codes"];
    let embedded = noteward::Lexicon::embedded();
    let own = |row: &&program::Row| !embedded.concepts().any(|concept| row["concept_id"] == concept.id);
    workplace.rows("mentions.jsonl").iter().filter(own).map(|row| columns.map(|column| cell(row, column))).collect()
}

/// Builds from fixtures and compares the mentions of a note; `expected` holds a mention a line, its cells separated by ` | `.
fn check(arguments: &[&str], status: i32, text: &str, expected: &str) -> (Finished, Workplace) {
    let workplace = Workplace::new();
    let finished = build(&workplace, arguments);
    assert_eq!(finished.status, status, "{finished:?}");
    let found: Vec<String> = mentions(&workplace, text).iter().map(|cells| cells.join(" | ")).collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(found, expected);
    (finished, workplace)
}

fn dropped(workplace: &Workplace) -> String {
    let text = String::from_utf8(workplace.read("dropped.tsv")).unwrap();
    // Without the path before the name of a file.
    text.lines().map(|line| line.rsplit_once('/').map_or(line, |(_, rest)| rest).to_owned() + "\n").collect()
}

#[test]
fn obo() {
    let text = "He has a florbic swelling. No florb puffiness. A florbic ache. It is florbopathy. Autoflorbic inheritance. \
                A florbic chill. ALL is there, with all of it.";
    let expected = "
        florbic swelling | HP:9000001 | finding | R22.9 | HP:9000001;UMLS:C9000001;SNOMEDCT:900000010
        florbic ache | HP:9000002 | symptom | - | HP:9000002
        ALL | HP:9000002 | symptom | - | HP:9000002";
    let (finished, workplace) = check(&[&fixture("small.obo")], 1, text, expected);
    for expected in
        ["small.obo: line 25: synonym: expected a term in quotes", "line 51: a [Term] without id or name", "line 54"]
    {
        assert!(finished.stderr.contains(expected), "{expected}: {}", finished.stderr);
    }
    assert!(finished.stderr.contains("left out: 1 a synonym of another scope"), "{}", finished.stderr);
    let dropped = dropped(&workplace);
    assert!(dropped.contains("\tHP:9000002\tall\ta word of every note"), "{dropped}");
    assert!(dropped.contains("\tHP:9000002\tFA\tshorter than 3 characters"), "{dropped}");

    let expected = "florbic ache | HP:9000002 | symptom | - | HP:9000002";
    check(
        &[&fixture("small.obo"), "--semantic-type", "HP:0025142"],
        1,
        "A florbic ache and a florbic swelling.",
        expected,
    );
    let all = ["--synonyms", "exact,broad", "--keep-suppressed", "--type", "diagnosis"];
    let expected = "
        florbopathy | HP:9000001 | finding | R22.9 | HP:9000001;UMLS:C9000001;SNOMEDCT:900000010
        obsolete florbic chill | HP:9000003 | diagnosis | - | HP:9000003";
    let obsolete = "It is florbopathy. An obsolete florbic chill.";
    check(&[&[fixture("small.obo").as_str()], &all[..]].concat(), 1, obsolete, expected);
}

#[test]
fn umls() {
    let text =
        "She has fever of the florb and florbic carcinoma. Florbfieber. Florb burning. Florbium acetate. Florb state.";
    let expected = "
        fever of the florb | C9000001 | symptom | R50.9 | UMLS:C9000001;MESH:D000001;SNOMEDCT:900000020
        florbic carcinoma | C9000003 | diagnosis | - | UMLS:C9000003";
    let (finished, _) = check(&[&fixture("umls")], 1, text, expected);
    for expected in [
        "MRSTY: expected",
        "MRCONSO: expected 18 fields",
        "in another language",
        "Organic Chemical: 1",
        "1 files of the folders",
    ] {
        assert!(finished.stderr.contains(expected), "{expected}: {}", finished.stderr);
    }
    // The types stand beside the terms.
    check(&[&fixture("umls/MRCONSO.RRF")], 1, text, expected);
    let german = ["--language", "GER", "--vocabulary", "MSHGER"];
    let expected = "Florbfieber | C9000001 | symptom | R50.9 | UMLS:C9000001";
    check(&[&[fixture("umls").as_str()], &german[..]].concat(), 1, text, expected);
    let chosen = ["--semantic-type", "Organic Chemical,T050", "--type", "finding"];
    let expected = "
        Florbium acetate | C9000002 | finding | - | UMLS:C9000002;MESH:D000002
        Florb state | C9000004 | finding | - | UMLS:C9000004";
    check(&[&[fixture("umls").as_str()], &chosen[..]].concat(), 1, text, expected);
}

#[test]
fn snomed() {
    let text = "Florb inflammation, with noise of florb. Florbose. Old florbitis. Retired florb. Excision of florb.";
    let expected = "
        Florb inflammation | 900000100 | diagnosis | - | SNOMEDCT:900000100
        noise of florb | 900000101 | finding | - | SNOMEDCT:900000101";
    let (finished, _) = check(&[&fixture("rf2")], 1, text, expected);
    assert!(
        finished.stderr.contains("a description: expected 9 cells with a term, found 3 cells"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("1 malformed lines"), "{}", finished.stderr);
    // Without the language reference set every active synonym counts.
    let files = fixture("rf2/Snapshot/Terminology/sct2_Description_Snapshot-en_INT_20260101.txt");
    let expected = "Florbose | 900000100 | diagnosis | - | SNOMEDCT:900000100";
    check(&[&files, "--semantic-type", "disorder"], 1, "Florbose. Noise of florb.", expected);
}

#[test]
fn icd10cm() {
    let text = "Florbic drip. A running florb. Florb dripping. Florb loss. Dependence on a florb machine.";
    let expected = "
        Florbic drip | ICD10CM:R19.7 | symptom | R19.7 | -
        running florb | ICD10CM:R19.7 | symptom | R19.7 | -";
    let (finished, _) = check(&[&fixture("tabular.xml")], 1, text, expected);
    assert!(
        finished.stderr.contains("tabular.xml: line 22: a diag: expected a name that is a code"),
        "{}",
        finished.stderr
    );
    let expected = "Florbal ulcer | ICD10CM:K93.0 | diagnosis | K93.0 | -";
    let (finished, _) =
        check(&[&fixture("icd10cm_order_2026.txt")], 1, "Florbal ulcer. Dependence on florb machine.", expected);
    assert!(finished.stderr.contains("line 4: an order line"), "{}", finished.stderr);

    let workplace = Workplace::new();
    let whole = std::fs::read_to_string(fixture("tabular.xml")).unwrap();
    workplace.write("cut.xml", &whole[..whole.find("<excludes1>").unwrap()]);
    let finished = build(&workplace, &["cut.xml"]);
    assert_eq!(finished.status, 2);
    assert!(
        finished.stderr.contains("the XML ends within the element") && finished.stderr.contains("fetch the file again")
    );
    assert!(!workplace.path("built.lexicon").exists());
}

#[test]
fn tables_of_terms() {
    let text = "Florbitis, acute. Inflamed florb. A florb sniffle. Florb gadget. MS. Florb extremely sore.";
    let expected = "
        Florbitis, acute | X1 | diagnosis | K93.1 | -
        Inflamed florb | X1 | diagnosis | K93.1 | -
        florb sniffle | LOINC:44 | symptom | - | LOINC:44
        Florb extremely sore | A:9 | symptom | - | A:9";
    let (finished, workplace) = check(&[&fixture("terms.csv")], 1, text, expected);
    for expected in
        ["line 5: a quote is opened", "line 6: expected 7 cells, found 2", "line 7: expected a term", "device: 1"]
    {
        assert!(finished.stderr.contains(expected), "{expected}: {}", finished.stderr);
    }
    assert!(dropped(&workplace).contains("\tms\tshorter than 3 characters"));
    let expected = "
        florb tickle | R09.89 | symptom | R09.89 | -
        florb tickling | R09.89 | symptom | R09.89 | -";
    check(&[&fixture("plain.tsv")], 0, "A florb tickle, a florb tickling.", expected);
}

/// A table of concepts gives the same mentions compiled as it gives as it is.
#[test]
fn a_compiled_table_of_concepts_is_the_table() {
    let rows = "id\tname\ttype\ticd10cm\tcodes\tforms\tsource\n\
                florb-pain\tflorb pain\tsymptom\tR52\tHP:9\tFP|painful florb\thand\n\
                florb-fever\tflorb fever\tsymptom\tR50.9\t-\tflorb heat\thand\n";
    let text = "FP today, with a painful florb. No florb fever. Florb heats.";
    let workplace = Workplace::new();
    workplace.write("concepts.tsv", rows);
    assert_eq!(build(&workplace, &["concepts.tsv"]).status, 0);
    let compiled = mentions(&workplace, text);
    workplace.write("built.lexicon", rows);
    assert_eq!(mentions(&workplace, text), compiled);
    assert_eq!(compiled.len(), 4);
}

#[test]
fn the_same_files_give_the_same_bytes_and_several_are_one_lexicon() {
    let workplace = Workplace::new();
    let inputs = [fixture("small.obo"), fixture("umls"), fixture("rf2"), fixture("tabular.xml"), fixture("terms.csv")];
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    build(&workplace, &inputs);
    let first = workplace.read("built.lexicon");
    build(&workplace, &inputs);
    assert!(first == workplace.read("built.lexicon"));
    let found = mentions(&workplace, "A florbic ache, fever of the florb, florb inflammation, a running florb.");
    assert_eq!(
        found.iter().map(|cells| cells[1].as_str()).collect::<Vec<_>>(),
        ["HP:9000002", "C9000001", "900000100", "ICD10CM:R19.7"]
    );
}

#[test]
fn compressed_files_are_read() {
    let workplace = Workplace::new();
    let text = std::fs::read(fixture("plain.tsv")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &text).unwrap();
    workplace.write("plain.tsv.gz", encoder.finish().unwrap());
    workplace.write("plain.tsv.zst", zstd::encode_all(text.as_slice(), 3).unwrap());
    for name in ["plain.tsv.gz", "plain.tsv.zst"] {
        assert_eq!(build(&workplace, &[name]).status, 0, "{name}");
        assert_eq!(mentions(&workplace, "A florb tickle.").len(), 1, "{name}");
    }
}

#[test]
fn lines_that_are_no_text_are_passed_over() {
    let workplace = Workplace::new();
    let mut bytes = b"term,code,type\nflorb ache,1,symptom\n\xFF\xFE,1,symptom\n".to_vec();
    bytes.extend(vec![b'x'; 3 << 20]);
    bytes.extend(b"\nflorb itch,2,symptom\n");
    workplace.write("terms.csv", &bytes);
    let finished = build(&workplace, &["terms.csv"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    assert!(finished.stderr.contains("line 3: the line is not UTF-8"), "{}", finished.stderr);
    assert!(finished.stderr.contains("line 4: the line is longer than 1 MiB"), "{}", finished.stderr);
    assert_eq!(mentions(&workplace, "A florb ache and a florb itch.").len(), 2);
}

/// Exit status 2, nothing written, and a message that says what to do.
fn refused(workplace: &Workplace, arguments: &[&str], expected: &[&str]) {
    let finished = workplace.run(arguments);
    assert_eq!(finished.status, 2, "{finished:?}");
    for words in expected {
        assert!(finished.stderr.contains(words), "{words}: {}", finished.stderr);
    }
}

#[test]
fn what_cannot_be_built_says_why() {
    let workplace = Workplace::new();
    workplace.write("notes.csv", "note_id,text\n1,florbsecret\n");
    workplace.write("owl.xml", "<?xml version=\"1.0\"?>\n<rdf:RDF>\n");
    workplace.write("MRREL.RRF", "C0000001|A|B|C|D|E|F|G|H|\n");
    workplace.write("alone/MRCONSO.RRF", format!("C9000001|ENG|{}\n", "x|".repeat(16)));
    workplace.write("nothing/readme.txt", "words\n");
    workplace.write("drug.csv", "term,type\nflorb,drug\n");
    workplace.write("there.lexicon", "");
    let build = |arguments: &[&str], expected: &[&str]| {
        refused(&workplace, &[&["lexicon", "build", "--out", "x.lexicon"], arguments].concat(), expected);
        assert!(!workplace.path("x.lexicon").exists());
    };
    build(&["absent.obo"], &["opening absent.obo"]);
    build(&["notes.csv"], &["notes.csv: no terminology that is read: expected OBO", "one of them term"]);
    build(&["owl.xml"], &["fetch its OBO edition"]);
    build(&["MRREL.RRF"], &["another table of the UMLS: expected MRCONSO.RRF"]);
    build(&["alone/MRCONSO.RRF"], &["MRSTY.RRF", "--type"]);
    build(&["nothing"], &["the folder holds no terminology"]);
    build(&["drug.csv"], &["no term is left to compile", "Without a type: drug", "--type TYPE"]);
    build(&["notes.csv", "--format", "obo"], &["not OBO, as --format says"]);
    build(&[&fixture("small.obo"), "--format", "umls"], &["not UMLS RRF, as --format says: is OBO"]);
    build(&[&fixture("small.obo"), "--vocabulary", "MONDO"], &["no term is left", "of another vocabulary"]);
    refused(
        &workplace,
        &["lexicon", "build", &fixture("small.obo"), "--out", "there.lexicon"],
        &["exists already; --force"],
    );
    refused(&workplace, &["lexicon", "build", &fixture("small.obo"), "--out", "no/folder/x"], &["no/folder"]);
    let output = workplace.run(&["lexicon", "build", "notes.csv", "--out", "x.lexicon"]);
    assert!(!output.stderr.contains("florbsecret"));
}

#[test]
fn what_is_no_lexicon_is_refused() {
    let workplace = Workplace::new();
    assert_eq!(build(&workplace, &[&fixture("plain.tsv")]).status, 0);
    let whole = workplace.read("built.lexicon");
    workplace.write("cut.lexicon", &whole[..whole.len() - 1]);
    let mut other = whole.clone();
    other[15] = b'9';
    workplace.write("other.lexicon", &other);
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    workplace.write("damaged.lexicon", &damaged);
    workplace.write("notes.txt", "A florb tickle.");
    let annotate = |lexicon: &str, expected: &[&str]| {
        refused(&workplace, &["annotate", "notes.txt", "--out", "out", "--lexicon", lexicon], expected);
    };
    annotate("cut.lexicon", &["cut.lexicon: a damaged compiled lexicon", "build it again"]);
    annotate("other.lexicon", &["of another version of noteward: build it again"]);
    annotate(&fixture("small.obo"), &["is OBO: compile it with `noteward lexicon build"]);
    annotate(env!("CARGO_BIN_EXE_noteward"), &["expected a compiled lexicon or a table of concepts"]);
    refused(&workplace, &["lexicon", "check", "damaged.lexicon"], &["damaged", "build it again"]);
    refused(&workplace, &["lexicon", "check", "absent.lexicon"], &["absent.lexicon"]);
}

#[test]
fn tables_may_be_replaced() {
    let workplace = Workplace::new();
    workplace.write("rules/dropped-forms.tsv", "form\tdrop\treason\tsource\nflorb tickle\talways\ta joke\thand\n");
    let finished = build(&workplace, &[&fixture("plain.tsv"), "--rules", "rules"]);
    assert_eq!(finished.status, 0, "{finished:?}");
    assert!(dropped(&workplace).contains("\tflorb tickle\ta joke"));
    workplace.write("rules/dropped-forms.tsv", "form\tdrop\treason\tsource\nflorb\tsometimes\tx\thand\n");
    let finished = build(&workplace, &[&fixture("plain.tsv"), "--rules", "rules"]);
    assert!(finished.status == 2 && finished.stderr.contains("line 2: drop: expected always or unless-capitals"));
}

#[test]
fn check_names_problems() {
    let workplace = Workplace::new();
    let rows = "id\tname\ttype\ticd10cm\tcodes\tforms\tsource\n\
                a\tflorb ache\tsymptom\t-\t-\tflorb ache|florb. Ache|florb sore! Very\thand\n\
                b\tflorb pain\tsymptom\t-\t-\tflorb ache|FP\thand\n\
                b\tflorb pain\tsymptom\t-\t-\tflorb ache|FP\thand\n";
    workplace.write("concepts.tsv", rows);
    let note = "Florb pain. No florb pain. FP.";
    let notes: String = (0..8).map(|id| format!("{{\"note_id\":\"{id}\",\"text\":\"{note}\"}}\n")).collect();
    workplace.write("notes.jsonl", notes);
    let finished = workplace.run(&["lexicon", "check", "concepts.tsv", "--notes", "notes.jsonl", "--json"]);
    assert_eq!(finished.status, 1, "{finished:?}");
    let found: Value = serde_json::from_str(&finished.stdout).unwrap();
    let rows: Vec<String> = found["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["kind", "form", "concept_id", "detail"].map(|key| row[key].as_str().unwrap()).join(" | "))
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    duplicate |  | b | the row in line 4 replaces that in line 3
    duplicate | florb ache | a | its words stand twice
    duplicate | florb ache | a | its words stand twice
    conflict | florb. Ache | a | names b
    unmatchable | florb sore! Very | a | a sentence ends within it
    frequent | FP | b | 8 times in 8 notes (100 %)
    frequent | florb pain | b | 16 times in 8 notes (100 %)
    ");
    assert_eq!((&found["sample"]["notes"], &found["sample"]["matches"]), (&Value::from(8), &Value::from(24)));
    let finished = workplace.run(&["lexicon", "check", "concepts.tsv"]);
    assert_eq!(finished.status, 1);
    insta::assert_snapshot!(finished.stdout, @r"
    2 concepts, 7 forms

    3 duplicates (a concept has the form, or a table the concept, twice)
                  b  the row in line 4 replaces that in line 3
      florb ache  a  its words stand twice
      florb ache  a  its words stand twice

    1 conflicts (one form, several concepts: the one named wins)
      florb. Ache  a  names b

    1 forms that nothing can match
      florb sore! Very  a  a sentence ends within it
    ");

    assert_eq!(build(&workplace, &[&fixture("plain.tsv")]).status, 0);
    let finished = workplace.run(&["lexicon", "check", "built.lexicon"]);
    assert_eq!(
        (finished.status, finished.stdout.as_str()),
        (0, "1 concepts, 2 forms\nno problems found\n"),
        "{finished:?}"
    );
}

/// Terminologies as they are given out: each builds, and finds something in notes.
#[test]
fn real_terminologies() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let notes = folder.join("data/notes/openi-dev.csv");
    if !notes.exists() {
        println!("skipped: the terminologies are not here");
        return;
    }
    let cases: [(&str, &[&str], u64, &str); 5] = [
        ("symp.obo", &[], 800, "SYMP:"),
        ("doid-2016-09-01.obo", &[], 6_000, "DOID:"),
        ("hp.obo", &[], 15_000, "HP:"),
        ("icd10c-tabular-April-1-2026.xml", &[], 40_000, "ICD10CM:"),
        ("umls-rrf-fixture", &["--semantic-type", "T109,T116", "--type", "finding"], 2, ""),
    ];
    for (name, arguments, least, prefix) in cases {
        let workplace = Workplace::new();
        let path: PathBuf = folder.join("data/term").join(name);
        let path = path.display().to_string();
        let finished = build(&workplace, &[&[path.as_str()], arguments].concat());
        assert_eq!(finished.status, 0, "{name}: {finished:?}");
        let lexicon = ["--lexicon", "built.lexicon", "--limit", "200"];
        let finished = workplace.annotate(&[&[notes.to_str().unwrap()], &lexicon[..]].concat());
        assert_eq!(finished.status, 0, "{name}: {finished:?}");
        let concepts = workplace.run_file()["lexicon"]["concepts"].as_u64().unwrap();
        assert!(concepts >= least, "{name}: {concepts} concepts");
        let rows = workplace.rows("mentions.jsonl");
        let own = rows.iter().filter(|row| row["concept_id"].as_str().is_some_and(|id| id.starts_with(prefix)));
        assert!(prefix.is_empty() || own.count() > 10, "{name}");
    }
}
