//! Any text as a note: every mention lies on character boundaries of it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use noteward::{Note, Pipeline};

static PIPELINE: LazyLock<Pipeline> = LazyLock::new(Pipeline::without_model);

fuzz_target!(|text: &str| {
    let note = PIPELINE.annotate(Note::new("n", text));
    for annotation in &note.annotations {
        let span = annotation.mention.span;
        assert!(text.get(span.start()..span.end()).is_some_and(|words| !words.trim().is_empty()));
    }
});
