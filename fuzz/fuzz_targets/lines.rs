//! Any bytes as rows that are lines of notes.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = noteward::fuzzing::read("notes.csv", &[b"note_id,line,text\n", bytes].concat(), Some("line"));
});
