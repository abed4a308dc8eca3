//! `run.json`: what a run was made of, and what came of it. Holds no note text.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::batch::Counts;
use super::readings::CacheUse;
use super::{Pipeline, Resources, patients};
use crate::Result;
use crate::config::Config;
use crate::read::patients::Patients;
use crate::read::{InputFile, Skipped, Source};

/// What goes into `run.json`.
pub(super) struct RunFile<'a> {
    pub config: &'a Config,
    pub resources: &'a Resources,
    pub pipeline: &'a Pipeline,
    pub files: &'a [InputFile],
    pub sources: &'a [Source],
    pub skipped: &'a [Skipped],
    pub patients: Option<&'a Patients>,
    pub counts: &'a Counts,
    pub timings: &'a Timings,
}

/// Wall-clock seconds and what hangs on them; the only part of `run.json` that differs between equal runs.
pub(super) struct Timings {
    /// Until the first note was read.
    pub load: f64,
    /// Of the whole run.
    pub total: f64,
    /// When it ended.
    pub ended: Timestamp,
    /// What came of the notes that were done before this run went on with them.
    pub resumed: Counts,
    /// What the cache spared.
    pub cache: Option<CacheUse>,
}

impl RunFile<'_> {
    pub fn to_json(&self) -> Result<String> {
        let mut inputs = Vec::new();
        for (file, source) in self.files.iter().zip(self.sources) {
            let hashed = source.hash()?;
            inputs.push(json!({
                "path": file.path.display().to_string(),
                "bytes": hashed.bytes,
                "blake3": hashed.hash.to_hex().as_str(),
            }));
        }
        // Files that a limit left unread.
        inputs.extend(
            self.files
                .iter()
                .skip(self.sources.len())
                .map(|file| json!({ "path": file.path.display().to_string(), "bytes": 0, "blake3": null })),
        );
        let mut config = serde_json::to_value(self.config).unwrap_or(Value::Null);
        // What changes no byte of the output.
        let mut take = |key: &str| config.as_object_mut().and_then(|config| config.remove(key));
        let threads = take("threads");
        let (folder, size, _) = (take("cache"), take("cache-size"), take("no-cache"));
        let run = json!({
            "program": "noteward",
            "version": env!("CARGO_PKG_VERSION"),
            "config": config,
            "inputs": inputs,
            "skipped_files": self.skipped.iter().map(skipped).collect::<Vec<_>>(),
            "lexicon": {
                "blake3": self.pipeline.lexicon().hash().to_hex().as_str(),
                "concepts": self.pipeline.lexicon().n_concepts(),
                "forms": self.pipeline.lexicon().n_forms(),
            },
            "model": self.pipeline.model_hash().map(|hash| json!({ "blake3": hash.to_hex().as_str() })),
            "rules": { "blake3": self.resources.rules_hash().to_hex().as_str() },
            "segment_key": self.resources.key_fingerprint(),
            "patients": patients::described(self.patients),
            "counts": self.counts,
            "timings": {
                "threads": threads,
                "load_seconds": self.timings.load,
                "total_seconds": self.timings.total,
                "ended": self.timings.ended.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "resumed_notes": self.timings.resumed.read,
                "cache": self.timings.cache.map(|usage| json!({
                    "folder": folder,
                    "size": size,
                    "hit_rate": usage.hit_rate(),
                    "sentences": usage.sentences,
                    "read": usage.read,
                    "model_seconds": usage.model_seconds,
                    "saved_seconds": usage.saved_seconds,
                })),
            },
        });
        let mut text =
            serde_json::to_string_pretty(&run).map_err(|error| crate::Error::internal(format!("run.json: {error}")))?;
        text.push('\n');
        Ok(text)
    }
}

fn skipped(skipped: &Skipped) -> Value {
    json!({ "path": skipped.path.display().to_string(), "reason": skipped.reason })
}
