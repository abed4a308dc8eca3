//! What came of compiling terminologies.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::TerminologyFormat;
use super::forms::clean;
use crate::{Error, Result};

/// What came of compiling terminologies.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BuildReport {
    /// Each terminology, in the order in which they were read.
    pub inputs: Vec<BuiltInput>,
    /// Concepts in the lexicon.
    pub concepts: u64,
    /// Forms in the lexicon, found spellings not counted.
    pub forms: u64,
    /// Size of the lexicon.
    pub bytes: u64,
    /// How many concepts and terms were left out, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Semantic types that have no type of mention, with the number of their concepts; the most frequent.
    pub untyped: Vec<(String, u64)>,
    /// Lines that did not read as they should.
    pub n_malformed: u64,
    /// The first of them.
    pub malformed: Vec<Malformed>,
    /// Files of folders that are no terminology that is read.
    pub ignored: Vec<PathBuf>,
}

/// A terminology that was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuiltInput {
    /// Its main file.
    pub path: PathBuf,
    /// Its format.
    pub format: TerminologyFormat,
    /// Concepts that it brought.
    pub concepts: u64,
    /// Forms that it brought.
    pub forms: u64,
}

/// A line that did not read as it should.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Malformed {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What was found and expected.
    pub problem: String,
}

impl BuildReport {
    /// How many malformed lines, and how many semantic types, are named.
    pub(super) const N_NAMED: usize = 20;

    /// Why not one form is left.
    pub(super) fn why_nothing(&self, terminologies: &[&str]) -> String {
        let mut why = "no term is left to compile".to_owned();
        for (reason, count) in &self.left_out {
            why.push_str(&format!("; {count} {reason}"));
        }
        if self.n_malformed > 0 {
            why.push_str(&format!("; {} malformed lines", self.n_malformed));
        }
        if !self.untyped.is_empty() {
            let names: Vec<&str> = self.untyped.iter().map(|(name, _)| name.as_str()).take(5).collect();
            let known = terminologies.join(", ");
            why.push_str(&format!(
                ". Without a type: {}; types are known of {known}; --type TYPE takes what has none",
                names.join(", ")
            ));
        }
        why
    }
}

/// The file that names what was dropped: `file`, `line`, `id`, `form`, `reason`, tab-separated.
pub(super) struct DroppedFile {
    path: PathBuf,
    writer: BufWriter<File>,
    fault: Option<std::io::Error>,
}

impl DroppedFile {
    pub fn create(path: &Path) -> Result<DroppedFile> {
        let file = File::create(path).map_err(|error| Error::io("creating", path, error))?;
        let mut writer = BufWriter::new(file);
        let fault = writeln!(writer, "file\tline\tid\tform\treason").err();
        Ok(DroppedFile { path: path.to_owned(), writer, fault })
    }

    /// Writes a row; a fault is told at the end.
    pub fn write(&mut self, file: &str, line: u64, id: &str, form: &str, reason: &str) {
        if self.fault.is_none() {
            self.fault = writeln!(self.writer, "{file}\t{line}\t{}\t{form}\t{reason}", clean(id)).err();
        }
    }

    pub fn finish(mut self) -> Result<()> {
        let fault = self.fault.take().or_else(|| self.writer.flush().err());
        fault.map_or(Ok(()), |error| Err(Error::io("writing", &self.path, error)))
    }
}
