//! A model folder of one's own: it runs, gives the same bytes on any number of threads, and is refused clearly when broken.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use std::fs;
use std::path::Path;

use program::Workplace;

const TEXT: &str =
    "note_id,text\n1,No fever. Chest pain and cough.\n2,Severe pain. No fever. Left knee swelling and chest pain.\n";

/// Copies the tiny model under `tests/models` into the workplace.
fn copy_model(workplace: &Workplace, name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name);
    fs::create_dir_all(workplace.path("model")).unwrap();
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        fs::copy(folder.join(file), workplace.path("model").join(file)).unwrap();
    }
}

fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("notes.csv", TEXT);
    copy_model(&workplace, "tiny-bert");
    workplace
}

#[test]
fn model_mentions_are_spans_of_the_text_and_say_their_source() {
    let workplace = workplace();
    for precision in ["int8", "full"] {
        let flags = ["notes.csv", "--model", "model", "--precision", precision, "--force"];
        let finished = workplace.annotate(&flags);
        assert_eq!(finished.status, 0, "{finished:?}");
        let sources = workplace.column("mentions.jsonl", "source");
        let sources: Vec<&str> = sources.as_array().unwrap().iter().map(|source| source.as_str().unwrap()).collect();
        assert!(sources.iter().any(|source| *source != "lexicon"), "{sources:?}");
        let scores = workplace.column("mentions.jsonl", "score");
        for (source, score) in sources.iter().zip(scores.as_array().unwrap()) {
            assert_eq!(*source == "lexicon", score.is_null(), "{source} {score}");
            assert!(score.as_f64().is_none_or(|score| (0.0..=1.0).contains(&score)), "{score}");
        }
        assert!(workplace.run_file()["model"]["blake3"].is_string());
    }
}

#[test]
fn recognizers_choose_what_is_reported() {
    let workplace = workplace();
    let sources = |flags: &[&str]| {
        let finished = workplace.annotate(&[&["notes.csv", "--force"], flags].concat());
        assert_eq!(finished.status, 0, "{finished:?}");
        workplace.column("mentions.jsonl", "source").to_string()
    };
    assert!(!sources(&["--model", "model", "--recognizers", "lexicon"]).contains("model"));
    assert!(!sources(&["--model", "model", "--recognizers", "model"]).contains("lexicon"));
    assert!(!sources(&["--recognizers", "lexicon"]).contains("model"));
    // The embedded model.
    assert!(!sources(&["--recognizers", "model"]).contains("lexicon"));
    assert!(sources(&["--recognizers", "lexicon,model"]).contains("both"));
}

#[test]
#[cfg(not(feature = "rust-bert"))]
fn an_engine_that_was_not_built_is_refused() {
    let workplace = workplace();
    let finished = workplace.annotate(&["notes.csv", "--engine", "rust-bert", "--recognizers", "model"]);
    assert_eq!(finished.status, 2, "{finished:?}");
    assert!(finished.stderr.contains("built without rust-bert"), "{finished:?}");
}

#[test]
fn threads_change_no_byte() {
    let workplace = workplace();
    let rows: String =
        (0..2000).map(|row| format!("n{row},\"No fever {row}. Chest pain, cough and swelling.\"\n")).collect();
    workplace.write("notes.csv", format!("note_id,text\n{rows}"));
    let run = |threads: &str, model: &[&str]| {
        let flags = ["notes.csv", "--threads", threads, "--force", "--format", "parquet,jsonl"];
        let finished = workplace.annotate(&[&flags[..], model].concat());
        assert_eq!(finished.status, 0, "{finished:?}");
        ["mentions.parquet", "mentions.jsonl", "notes.parquet"]
            .map(|file| fs::read(workplace.path("out").join(file)).unwrap())
    };
    for model in [["--model", "model"], ["--recognizers", "lexicon,model"]] {
        let one = run("1", &model);
        assert!(run("2", &model) == one && run("3", &model) == one);
    }
}

#[test]
fn a_folder_that_does_not_fit_is_refused_with_what_was_found() {
    let refused = |prepare: &dyn Fn(&Workplace), parts: &[&str]| {
        let workplace = workplace();
        prepare(&workplace);
        let finished = workplace.annotate(&["notes.csv", "--model", "model"]);
        assert_eq!(finished.status, 2, "{finished:?}");
        for part in parts {
            assert!(finished.stderr.contains(part), "{part}: {finished:?}");
        }
        assert!(!workplace.path("out").join("run.json").exists());
    };
    let edit = |file: &'static str, from: &'static str, to: &'static str| {
        move |workplace: &Workplace| {
            let path = workplace.path("model").join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from));
            fs::write(path, text.replace(from, to)).unwrap();
        }
    };
    let remove =
        |file: &'static str| move |workplace: &Workplace| fs::remove_file(workplace.path("model").join(file)).unwrap();
    refused(&remove("config.json"), &["config.json"]);
    refused(&remove("model.safetensors"), &["model.safetensors"]);
    refused(&remove("vocab.txt"), &["tokenizer.json"]);
    refused(&edit("config.json", "\"bert\"", "\"t5\""), &["model_type", "\"t5\"", "distilbert"]);
    refused(&edit("config.json", "B-symptom", "B-DRUG"), &["\"B-DRUG\"", "label_map"]);
    refused(&edit("config.json", "\"hidden_size\": 16", "\"hidden_size\": 20"), &["shape", "found"]);
    refused(&edit("vocab.txt", "[CLS]", "[XXX]"), &["[CLS]"]);
    refused(&|workplace| fs::remove_dir_all(workplace.path("model")).unwrap(), &["config.json"]);
}
