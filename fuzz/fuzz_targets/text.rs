//! Any bytes as the text of a note, plain and as the content of compressed files.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = noteward::fuzzing::read("note.txt", bytes, None);
    let _ = noteward::fuzzing::read("note.txt.gz", bytes, None);
    let _ = noteward::fuzzing::read("note.txt.zst", bytes, None);
});
