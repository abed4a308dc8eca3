//! Any bytes as JSON Lines, with and without FHIR resources.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = noteward::fuzzing::read("notes.jsonl", bytes, None);
});
