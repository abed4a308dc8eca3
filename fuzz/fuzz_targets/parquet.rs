//! Any bytes as a Parquet file. The library panics over some damaged files, which the reader catches: only a panic that nobody
//! catches is a fault.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| {
        let _ = noteward::fuzzing::read("notes.parquet", bytes, None);
    }
);
