//! What a run is made of, for knowing whether a run that goes on is the same run.

use std::time::UNIX_EPOCH;

use serde_json::{Map, Value, json};

use super::{Pipeline, Resources};
use crate::config::Config;
use crate::database::is_url;
use crate::read::{InputFile, Source};
use crate::{Error, Result};

/// Differences that a message names; more would not help.
const NAMED_DIFFERENCES: usize = 5;

/// What decides the bytes that a run writes, but for the contents of its inputs.
pub(super) fn parts_of_run(config: &Config, resources: &Resources, pipeline: &Pipeline) -> Value {
    let mut config = serde_json::to_value(config).unwrap_or_default();
    for key in ["threads", "out"] {
        config.as_object_mut().and_then(|config| config.remove(key));
    }
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "config": config,
        "lexicon": { "blake3": pipeline.lexicon().hash().to_hex().as_str() },
        "model": pipeline.model_hash().map(|hash| json!({ "blake3": hash.to_hex().as_str() })),
        "rules": { "blake3": resources.rules_hash().to_hex().as_str() },
        "segment_key": resources.key_fingerprint(),
    })
}

/// The state of an unfinished run: what it is made of, and its input files by path, length and time of change.
pub(super) fn state(parts: &Value, files: &[InputFile]) -> Value {
    let input = |file: &InputFile| {
        let metadata = (!file.is_stream()).then(|| std::fs::metadata(&file.path).ok()).flatten();
        let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok());
        json!({
            "path": file.path.display().to_string(),
            "bytes": metadata.map(|metadata| metadata.len()),
            "modified": modified.map(|time| format!("{}.{:09}", time.as_secs(), time.subsec_nanos())),
        })
    };
    let mut state = parts.clone();
    if let Some(state) = state.as_object_mut() {
        state.insert("inputs".into(), files.iter().map(input).collect());
    }
    state
}

/// Compares the run that was begun with the one that is asked for.
///
/// # Errors
/// They differ: in what.
pub(super) fn compare(config: &Config, begun: &Value, asked: &Value) -> Result<()> {
    let mut differences = Vec::new();
    differ("", begun, asked, &mut differences);
    if differences.is_empty() {
        return Ok(());
    }
    let n_more = differences.len().saturating_sub(NAMED_DIFFERENCES);
    differences.truncate(NAMED_DIFFERENCES);
    let more = if n_more > 0 { format!("; and {n_more} more") } else { String::new() };
    let problem = format!(
        "--resume: the run that it holds is another one: {}{more}; ask for the same run, or replace it with --force",
        differences.join("; ")
    );
    Err(Error::output(&config.out, problem))
}

/// Compares a finished run, described by its `run.json`, with the one that is asked for.
///
/// # Errors
/// They differ: in what.
pub(super) fn compare_finished(config: &Config, run: &Value, parts: &Value, files: &[InputFile]) -> Result<()> {
    // Of what was begun only what the description holds can be compared.
    let mut begun = Map::new();
    let mut asked = parts.clone();
    for key in ["version", "config", "lexicon", "model", "rules", "segment_key", "patients"] {
        begun.insert(key.into(), run.get(key).cloned().unwrap_or_default());
    }
    for side in [begun.get_mut("config"), asked.get_mut("config")] {
        let Some(side) = side.and_then(Value::as_object_mut) else { continue };
        for key in ["out", "cache", "cache-size", "no-cache"] {
            side.remove(key);
        }
    }
    for key in ["lexicon", "patients"] {
        if let Some(described) = begun.get_mut(key).and_then(Value::as_object_mut) {
            described.retain(|key, _| key == "blake3");
        }
    }
    let mut inputs = Vec::new();
    let empty = Vec::new();
    let described = run.get("inputs").and_then(Value::as_array).unwrap_or(&empty);
    for (index, file) in files.iter().enumerate() {
        // What a limit left unread may be anything.
        let is_read = described.get(index).is_some_and(|input| !input["blake3"].is_null()) && !file.is_stream();
        let hash = if is_read { Some(Source::open(file)?.hash()?.hash.to_hex().to_string()) } else { None };
        inputs.push(json!({ "path": file.path.display().to_string(), "blake3": hash }));
    }
    let known = described.iter().map(|input| {
        let is_file = input["path"].as_str().is_some_and(|path| path != "-" && !is_url(path));
        json!({ "path": input["path"], "blake3": if is_file { input["blake3"].clone() } else { Value::Null } })
    });
    begun.insert("inputs".into(), known.collect());
    if let Some(asked) = asked.as_object_mut() {
        asked.insert("inputs".into(), inputs.into());
    }
    compare(config, &Value::Object(begun), &asked)
}

/// Adds every place at which two values differ, and how.
fn differ(place: &str, begun: &Value, asked: &Value, differences: &mut Vec<String>) {
    let within = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match (begun, asked) {
        (Value::Object(left), Value::Object(right)) => {
            let new = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(new) {
                let side = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                differ(&within(key), &side(left), &side(right), differences);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.iter().chain(right).any(Value::is_object) => {
            for index in 0..left.len().max(right.len()) {
                let side = |list: &[Value]| list.get(index).cloned().unwrap_or_default();
                differ(&within(&index.to_string()), &side(left), &side(right), differences);
            }
        }
        (left, right) if left != right => {
            let shown = |value: &Value| if value.is_null() { "none".to_owned() } else { value.to_string() };
            differences.push(format!("{place} was {} and is {}", shown(left), shown(right)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_place() {
        let begun = json!({ "a": 1, "b": { "c": [1, 2], "d": null }, "e": [{ "f": "x" }] });
        let asked = json!({ "a": 1, "b": { "c": [2], "d": true }, "e": [{ "f": "y" }, { "f": "z" }], "g": 0 });
        let mut differences = Vec::new();
        differ("", &begun, &asked, &mut differences);
        let expected = [
            "b.c was [1,2] and is [2]",
            "b.d was none and is true",
            "e.0.f was \"x\" and is \"y\"",
            "e.1 was none and is {\"f\":\"z\"}",
            "g was none and is 0",
        ];
        assert_eq!(differences, expected);
    }
}
