//! Any bytes as a table of comma-separated and of tab-separated values.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = noteward::fuzzing::read("notes.csv", &[b"note_id,note_time,text\n", bytes].concat(), None);
    let _ = noteward::fuzzing::read("notes.tsv", bytes, None);
});
