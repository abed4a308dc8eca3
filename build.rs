//! Compiles the tables of concepts under `lexicons/` into the image that the program carries.
//!
//! The compiler is the program's own: its modules are read here a second time.

#![allow(dead_code, unused_imports, reason = "only a part of the modules is used here")]
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a build that cannot go on should stop")]

#[path = "src/error.rs"]
mod error;
#[path = "src/mention.rs"]
mod mention;
#[path = "src/span.rs"]
mod span;
#[path = "src/token.rs"]
mod token;

#[path = "src/lexicon"]
mod lexicon {
    mod compile;
    pub mod concepts;
    mod forms;
    mod image;
    mod phrase;
    mod table;
    mod trie;
}

use std::path::{Path, PathBuf};

pub(crate) use error::{Error, Result};
pub(crate) use span::Span;

fn main() {
    println!("cargo::rerun-if-changed=lexicons");
    println!("cargo::rerun-if-changed=src/lexicon");
    println!("cargo::rerun-if-changed=src/token.rs");
    let mut files: Vec<PathBuf> = std::fs::read_dir("lexicons/concepts")
        .expect("lexicons/concepts is there")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tsv"))
        .collect();
    files.sort();
    let read = |path: &Path| std::fs::read_to_string(path).expect("a table is UTF-8");
    let tables: Vec<(String, String)> = files.iter().map(|path| (path.display().to_string(), read(path))).collect();
    let borrowed: Vec<(&str, &str)> = tables.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let spelling = read(Path::new("lexicons/spelling.tsv"));
    let image = lexicon::concepts::compile(&borrowed, ("lexicons/spelling.tsv", &spelling));
    let image = image.unwrap_or_else(|error| panic!("{error}"));
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("lexicon.image"), image).expect("the build folder can be written");
}
