//! Prints what the linear model of the assertion sees of each annotated mention, a JSON line each, for `assertion.py`.
//!
//! `cargo run --release --example assertion_features < train.jsonl > train.features.jsonl`: annotated notes come in as JSON
//! lines with `id`, `text` and `entities` (offsets in code points, `type`, and the axes as truth values).

use std::error::Error;
use std::io::{BufRead, Write};

use noteward::{MentionType, Note, Pipeline, Span};
use serde::Deserialize;

#[derive(Deserialize)]
struct Annotated {
    id: String,
    text: String,
    entities: Vec<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    axes: serde_json::Map<String, serde_json::Value>,
}

/// Axes in the order that `assertion.py` expects.
const AXES: [&str; 5] = ["negated", "possible", "historical", "hypothetical", "other_experiencer"];

fn main() -> Result<(), Box<dyn Error>> {
    let pipeline = Pipeline::without_model();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let note: Annotated = serde_json::from_str(&line?)?;
        let bytes: Vec<usize> = note.text.char_indices().map(|(at, _)| at).chain([note.text.len()]).collect();
        let byte = |code_points: usize| bytes.get(code_points).copied().unwrap_or(note.text.len());
        let (entities, spans): (Vec<&Entity>, Vec<(Span, MentionType)>) = note
            .entities
            .iter()
            .filter_map(|entity| {
                let span = Span::new(&note.text, byte(entity.start)..byte(entity.end))?;
                Some((entity, (span, mention_type(&entity.kind)?)))
            })
            .unzip();
        let as_note = || Note::new(note.id.as_str(), note.text.as_str());
        let features = pipeline.assertion_features(as_note(), &spans);
        // Without a model, rules decide alone.
        let by_rules = pipeline.assert_spans(as_note(), &spans);
        for ((entity, features), rules) in entities.iter().zip(features).zip(&by_rules) {
            let gold = AXES.map(|axis| entity.axes.get(axis).and_then(serde_json::Value::as_bool).unwrap_or(false));
            let row =
                serde_json::json!({ "note": note.id, "features": features, "gold": gold, "rules": rules.departures() });
            writeln!(out, "{row}")?;
        }
    }
    Ok(())
}

fn mention_type(name: &str) -> Option<MentionType> {
    match name {
        "symptom" => Some(MentionType::Symptom),
        "finding" => Some(MentionType::Finding),
        "diagnosis" => Some(MentionType::Diagnosis),
        _ => None,
    }
}
