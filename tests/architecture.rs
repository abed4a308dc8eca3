//! The shape of the code: who imports whom, how long files are, and that documents name what exists.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first; a module may use its own layer's vocabulary and everything below, but engines and edges never
/// use each other.
const LAYERS: &[(&str, &[&str])] = &[
    ("span", &[]),
    ("error", &[]),
    ("byte_size", &[]),
    ("database", &["error"]),
    ("new_file", &["error"]),
    ("note", &[]),
    ("token", &["span"]),
    ("mention", &["span"]),
    ("assertion", &["span"]),
    ("document", &["span", "note", "token"]),
    ("measurement", &["span", "note", "assertion"]),
    ("fact", &["span", "assertion"]),
    ("annotation", &["assertion", "document", "mention", "measurement", "fact"]),
    ("lexicon", VOCABULARY),
    ("encoder", &[]),
    ("score", &["error"]),
    ("segment", ENGINE),
    ("recognize", RECOGNIZER),
    ("link", ENGINE),
    ("context", ENGINE),
    ("measure", ENGINE),
    ("facts", ENGINE),
    ("quality", ENGINE),
    ("read", READER),
    ("write", VOCABULARY),
    ("terminology", TERMINOLOGY),
    ("cache", &["error"]),
    ("config", &["error", "byte_size", "database", "write"]),
    (
        "pipeline",
        &[
            "span",
            "error",
            "byte_size",
            "database",
            "note",
            "token",
            "mention",
            "assertion",
            "measurement",
            "document",
            "fact",
            "facts",
            "annotation",
            "lexicon",
            "encoder",
            "segment",
            "recognize",
            "link",
            "context",
            "measure",
            "cache",
            "read",
            "write",
            "terminology",
            "config",
        ],
    ),
    ("pairs", &[]),
    ("past_run", &["error", "database", "note", "read", "write", "config", "pipeline"]),
    ("diff", &["error", "new_file", "read", "write", "pairs", "past_run"]),
    (
        "features",
        &["error", "byte_size", "note", "assertion", "lexicon", "read", "write", "config", "pipeline", "past_run"],
    ),
    (
        "evaluate",
        &["span", "error", "note", "mention", "assertion", "document", "read", "write", "config", "pipeline", "pairs"],
    ),
    ("export", &["error", "database", "note", "assertion", "read", "write", "past_run"]),
    (
        "report",
        &[
            "span",
            "error",
            "note",
            "assertion",
            "document",
            "lexicon",
            "quality",
            "new_file",
            "read",
            "write",
            "pipeline",
            "past_run",
        ],
    ),
    ("warn", &["error", "assertion", "lexicon", "measure", "read", "write", "past_run", "score"]),
    (
        "why",
        &[
            "span",
            "error",
            "note",
            "mention",
            "assertion",
            "document",
            "annotation",
            "fact",
            "lexicon",
            "context",
            "score",
            "read",
            "write",
            "pipeline",
            "past_run",
            "warn",
        ],
    ),
    ("inspect", &["span", "error", "note", "mention", "lexicon", "recognize", "read", "terminology", "pipeline"]),
    ("scores", &["error", "score"]),
    ("fuzzing", &["error", "read"]),
];

const VOCABULARY: &[&str] =
    &["span", "error", "note", "token", "mention", "assertion", "measurement", "document", "fact", "annotation"];
/// Readers also know where a database is.
const READER: &[&str] = &[
    "span",
    "error",
    "database",
    "note",
    "token",
    "mention",
    "assertion",
    "measurement",
    "document",
    "fact",
    "annotation",
];
const ENGINE: &[&str] = &[
    "span",
    "error",
    "note",
    "token",
    "mention",
    "assertion",
    "measurement",
    "document",
    "fact",
    "annotation",
    "lexicon",
];

/// Terminologies are compiled into a file.
const TERMINOLOGY: &[&str] = &["error", "mention", "lexicon", "new_file"];

/// The model recogniser runs the encoder, which knows nothing of notes.
const RECOGNIZER: &[&str] =
    &["span", "error", "note", "token", "mention", "assertion", "document", "annotation", "lexicon", "encoder"];

/// Names that `lib.rs` re-exports, and the module that each comes from.
const EXPORTS: &[(&str, &str)] = &[
    ("Span", "span"),
    ("Error", "error"),
    ("ErrorKind", "error"),
    ("Result", "error"),
    ("ByteSize", "byte_size"),
    ("Note", "note"),
    ("NoteMeta", "note"),
    ("NoteTime", "note"),
    ("Mention", "mention"),
    ("MentionType", "mention"),
    ("MentionSource", "mention"),
    ("Concept", "mention"),
    ("ConceptIndex", "mention"),
    ("CodeIndex", "mention"),
    ("Link", "mention"),
    ("LinkKind", "mention"),
    ("Assertion", "assertion"),
    ("Presence", "assertion"),
    ("Temporality", "assertion"),
    ("AxisScores", "assertion"),
    ("Measurement", "measurement"),
    ("MeasurementIndex", "measurement"),
    ("MeasurementKind", "measurement"),
    ("MeasurementRule", "measurement"),
    ("MeasurementWord", "measurement"),
    ("UnitIndex", "measurement"),
    ("Fact", "fact"),
    ("FactConcept", "fact"),
    ("Document", "document"),
    ("Sentence", "document"),
    ("AnnotatedNote", "annotation"),
    ("Annotation", "annotation"),
    ("Lexicon", "lexicon"),
    ("TableSource", "lexicon"),
    ("Score", "score"),
    ("Input", "score"),
    ("InputKind", "score"),
    ("InputValue", "score"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The text of a file without its test module.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

/// The modules that a file imports from the crate.
fn imported(text: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for part in without_tests(text).split("crate::").skip(1) {
        let names: Vec<String> = match part.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or("");
                list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
            }
            None => vec![part.to_owned()],
        };
        for name in names {
            let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let exported = EXPORTS.iter().find(|(export, _)| *export == name).map(|(_, module)| (*module).to_owned());
            modules.push(exported.unwrap_or(name));
        }
    }
    modules
}

#[test]
fn imports_go_down_only() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let source = root().join("src");
    let mut n_imports = 0;
    for file in rust_files(&source) {
        let relative = file.strip_prefix(&source).unwrap();
        let module = relative.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        if ["lib", "main", "cli"].contains(&module.as_str()) {
            continue;
        }
        let allowed = layers.get(module.as_str()).unwrap_or_else(|| panic!("src/{module} is in no layer"));
        for import in imported(&fs::read_to_string(&file).unwrap()) {
            n_imports += 1;
            let down = import == module || allowed.contains(&import.as_str());
            assert!(down, "{} uses {import}, which {module} must not", relative.display());
        }
    }
    assert!(n_imports > 50, "{n_imports} imports were seen");
}

#[test]
fn the_command_line_uses_the_public_interface_only() {
    for file in rust_files(&root().join("src/cli")) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("crate::"), "{} reaches into the crate", file.display());
    }
}

#[test]
fn files_are_short() {
    for folder in ["src", "tests", "benches", "fuzz/fuzz_targets"] {
        for file in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            let n_lines = without_tests(&text).lines().count();
            assert!(n_lines <= 600, "{} has {n_lines} lines; split it along its seams", file.display());
        }
    }
}

#[test]
fn documents_name_paths_that_exist() {
    let mut n_paths = 0;
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let fixed =
        ["ARCHITECTURE.md", "README.md", "lexicons/README.md", "models/README.md"].map(|name| root().join(name));
    for document in fixed.into_iter().chain(docs) {
        let text = fs::read_to_string(&document).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let top = quoted.split('/').next().unwrap_or("");
            let is_path = ["src", "tests", "lexicons", "benches", "data", "models", "docs"].contains(&top)
                && quoted.contains('/')
                && !quoted.contains([' ', '*', '<']);
            if is_path {
                n_paths += 1;
                assert!(root().join(quoted).exists(), "{} names {quoted}, which does not exist", document.display());
            }
        }
    }
    assert!(n_paths > 20, "{n_paths} paths were seen");
}

#[test]
fn architecture_is_short() {
    let n_lines = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap().lines().count();
    assert!(n_lines <= 200, "ARCHITECTURE.md has {n_lines} lines");
}
