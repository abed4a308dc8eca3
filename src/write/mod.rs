//! Writing: annotated notes as rows, and the rows as files.
//!
//! [`mentions`], [`measurements`], [`facts`], [`notes`], [`sentences`] and [`texts`] hold the schema of their table;
//! [`code_points`] is the only place where bytes
//! become code points; [`table`] writes the rows of a part in the chosen formats, [`assemble`] makes tables of the parts;
//! [`folder`] owns the output folder, in which nothing has its final name before the run is complete.

pub(crate) mod assemble;
pub(crate) mod code_points;
pub(crate) mod facts;
pub(crate) mod folder;
pub(crate) mod measurements;
pub(crate) mod mentions;
pub(crate) mod notes;
pub(crate) mod sentences;
pub(crate) mod table;
pub(crate) mod texts;

use arrow_schema::{DataType, Field, TimeUnit};

use crate::annotation::Annotation;
use crate::assertion::RuleIndex;
use crate::document::SectionKind;
use crate::measurement::{MeasurementIndex, MeasurementKind, MeasurementRule, MeasurementWord, UnitIndex};
use crate::{Concept, Fact, FactConcept};

/// A file format of the output tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header.
    Csv,
    /// JSON Lines.
    Jsonl,
}

impl OutputFormat {
    /// Every format.
    pub const ALL: [OutputFormat; 3] = [OutputFormat::Parquet, OutputFormat::Csv, OutputFormat::Jsonl];

    /// The extension of its files, and its name.
    pub fn extension(self) -> &'static str {
        match self {
            OutputFormat::Parquet => "parquet",
            OutputFormat::Csv => "csv",
            OutputFormat::Jsonl => "jsonl",
        }
    }
}

/// What rows need to know of the engines that made the annotations.
pub(crate) trait Names {
    /// The concept of a lexicon mention.
    fn concept(&self, annotation: &Annotation) -> Option<Concept<'_>>;
    /// The name of an assertion rule.
    fn rule(&self, rule: RuleIndex) -> &str;
    /// The concept of a fact.
    fn fact(&self, fact: &Fact) -> Option<FactConcept<'_>>;
    /// The name of a rule that asserted a fact.
    fn fact_rule(&self, rule: RuleIndex) -> &str;
    /// The normalised name of a section kind.
    fn section(&self, kind: SectionKind) -> &str;
    /// What the tables know of a measurement.
    fn measurement(&self, kind: MeasurementIndex) -> Option<MeasurementKind<'_>>;
    /// A unit in UCUM.
    fn unit(&self, unit: UnitIndex) -> Option<&str>;
    /// A site, a side or a method of a measurement.
    fn measurement_word(&self, word: MeasurementWord) -> Option<&str>;
    /// The name of the rule that read a measurement.
    fn measurement_rule(&self, rule: MeasurementRule) -> &str;
    /// The secret of the site from which hashes of sentences are made, where there is one.
    fn segment_key(&self) -> Option<&[u8; 32]>;
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn optional_text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn count(name: &str) -> Field {
    Field::new(name, DataType::UInt32, false)
}

fn optional_count(name: &str) -> Field {
    Field::new(name, DataType::UInt32, true)
}

fn optional_time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), true)
}

/// The identity of a sentence's text; with a key, one that nobody without the key can guess the text from.
fn segment_hash(words: &str, names: &impl Names, hex: &mut String) {
    let hash = match names.segment_key() {
        Some(key) => blake3::keyed_hash(key, words.as_bytes()),
        None => blake3::hash(words.as_bytes()),
    };
    short_hex(hash.as_bytes(), hex);
}

/// The identity of a note's text.
pub(crate) fn text_hash(text: &str) -> String {
    let mut hex = String::new();
    short_hex(blake3::hash(text.as_bytes()).as_bytes(), &mut hex);
    hex
}

/// The first 80 bits of a hash, in hexadecimal: wide enough that a billion texts do not collide.
fn short_hex(hash: &[u8], hex: &mut String) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    hex.clear();
    for byte in hash.iter().take(10) {
        hex.push(DIGITS[usize::from(byte >> 4)] as char);
        hex.push(DIGITS[usize::from(byte & 15)] as char);
    }
}
