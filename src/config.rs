//! The configuration of `annotate`: one TOML file, whose keys are the flags, and what they come to.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use crate::database::shown;
use crate::write::OutputFormat;
use crate::{ByteSize, Error, Result};

/// A recogniser of mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Recognizer {
    /// Surface forms of the lexicon.
    Lexicon,
    /// A token classifier.
    Model,
}

/// How a model is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelPrecision {
    /// 8-bit integers: fast.
    #[default]
    Int8,
    /// 32-bit floating point: what the model was trained in.
    Full,
}

/// What computes a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Engine {
    /// noteward's own.
    #[default]
    Own,
    /// rust-bert, in a program that was built with that feature.
    RustBert,
}

/// What was asked for, by a file or by flags; everything may be left out.
///
/// ```
/// let text = "format = [\"csv\"]\nthreads = 2\n[map]\ntext = \"body\"\n";
/// let partial = noteward::PartialConfig::from_toml(text).unwrap();
/// assert_eq!(partial.threads.map(|n| n.get()), Some(2));
/// assert!(noteward::PartialConfig::from_toml("thread = 2").is_err());
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PartialConfig {
    /// Inputs: files, folders, patterns, `-`, or URLs of queries.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_inputs")]
    pub input: Option<Vec<String>>,
    /// Output folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<PathBuf>,
    /// Formats of the output tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Vec<OutputFormat>>,
    /// Recognisers that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recognizers: Option<Vec<Recognizer>>,
    /// Compiled lexicons, or tables of concepts, that extend the embedded lexicon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lexicon: Option<Vec<PathBuf>>,
    /// Folder of a token classifier in the Hugging Face layout, in place of the embedded one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// How the model is computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<ModelPrecision>,
    /// What computes the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Folder of rule tables that replace embedded ones of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<PathBuf>,
    /// File of patients: identifier, date of birth, sex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patients: Option<PathBuf>,
    /// Workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<NonZeroUsize>,
    /// Folder of sentences that were read before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PathBuf>,
    /// Bound of that folder, or of the cache in memory where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_size: Option<ByteSize>,
    /// Whether sentences are read again wherever they stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_cache: Option<bool>,
    /// File of a secret of the site, without which nobody can tell a sentence from its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_key_file: Option<PathBuf>,
    /// Number of notes after which reading stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Column that orders the rows of a note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_column: Option<String>,
    /// Input columns carried into `notes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Vec<String>>,
    /// Whether the texts are stored too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_text: Option<bool>,
    /// Whether the sentences are stored too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_sentences: Option<bool>,
    /// Longest note, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_note_bytes: Option<usize>,
    /// Field to input column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, String>>,
}

/// The effective configuration of a run. It is shown and written without the passwords of its inputs.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Config {
    /// Inputs.
    #[serde(serialize_with = "shown_each")]
    pub input: Vec<String>,
    /// Output folder.
    pub out: PathBuf,
    /// Formats of the output tables.
    pub format: Vec<OutputFormat>,
    /// Recognisers that run.
    pub recognizers: Vec<Recognizer>,
    /// Compiled lexicons, or tables of concepts, that extend the embedded lexicon.
    pub lexicon: Vec<PathBuf>,
    /// Folder of a token classifier in the Hugging Face layout, in place of the embedded one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// How the model is computed.
    pub precision: ModelPrecision,
    /// What computes the model.
    pub engine: Engine,
    /// Folder of rule tables that replace embedded ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<PathBuf>,
    /// File of patients: identifier, date of birth, sex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patients: Option<PathBuf>,
    /// Workers.
    pub threads: NonZeroUsize,
    /// Folder of sentences that were read before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PathBuf>,
    /// Bound of that folder, or of the cache in memory where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_size: Option<ByteSize>,
    /// Whether sentences are read again wherever they stand.
    pub no_cache: bool,
    /// File of a secret of the site, without which nobody can tell a sentence from its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_key_file: Option<PathBuf>,
    /// Number of notes after which reading stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Column that orders the rows of a note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_column: Option<String>,
    /// Input columns carried into `notes`.
    pub keep: Vec<String>,
    /// Whether the texts are stored too.
    pub keep_text: bool,
    /// Whether the sentences are stored too.
    pub keep_sentences: bool,
    /// Longest note, in bytes.
    pub max_note_bytes: usize,
    /// Field to input column.
    pub map: BTreeMap<String, String>,
}

/// Longest note that is read unless the configuration says otherwise: 32 MiB.
const MAX_NOTE_BYTES: usize = 32 << 20;

impl PartialConfig {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// An unknown key or a value of another type, with its line.
    pub fn from_toml(text: &str) -> Result<PartialConfig> {
        toml::from_str(text).map_err(|error| {
            // Without the line itself, which is a note where the wrong file was named.
            let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count());
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            Error::config(format!("{place}{}", error.message()))
        })
    }

    /// This, with what it leaves out taken from `other`.
    pub fn or(self, other: PartialConfig) -> PartialConfig {
        let map = match (self.map, other.map) {
            (Some(own), Some(mut map)) => {
                map.extend(own);
                Some(map)
            }
            (own, map) => own.or(map),
        };
        PartialConfig {
            input: self.input.or(other.input),
            out: self.out.or(other.out),
            format: self.format.or(other.format),
            recognizers: self.recognizers.or(other.recognizers),
            lexicon: self.lexicon.or(other.lexicon),
            model: self.model.or(other.model),
            precision: self.precision.or(other.precision),
            engine: self.engine.or(other.engine),
            rules: self.rules.or(other.rules),
            patients: self.patients.or(other.patients),
            threads: self.threads.or(other.threads),
            cache: self.cache.or(other.cache),
            cache_size: self.cache_size.or(other.cache_size),
            no_cache: self.no_cache.or(other.no_cache),
            hash_key_file: self.hash_key_file.or(other.hash_key_file),
            limit: self.limit.or(other.limit),
            line_column: self.line_column.or(other.line_column),
            keep: self.keep.or(other.keep),
            keep_text: self.keep_text.or(other.keep_text),
            keep_sentences: self.keep_sentences.or(other.keep_sentences),
            max_note_bytes: self.max_note_bytes.or(other.max_note_bytes),
            map,
        }
    }

    /// The effective configuration; `cores` is the number of workers where none is given.
    ///
    /// # Errors
    /// Something that has no default is missing, or two settings contradict each other.
    pub fn complete(self, cores: NonZeroUsize) -> Result<Config> {
        let missing = |what: &str| Error::config(format!("{what} is missing"));
        let mut format = self.format.unwrap_or_else(|| vec![OutputFormat::Parquet]);
        format.sort_unstable();
        format.dedup();
        let mut recognizers = self.recognizers.unwrap_or_else(|| vec![Recognizer::Lexicon, Recognizer::Model]);
        recognizers.sort_unstable();
        recognizers.dedup();
        if format.is_empty() || recognizers.is_empty() {
            return Err(Error::config("format and recognizers must name at least one"));
        }
        let mut keep = self.keep.unwrap_or_default();
        let mut seen = std::collections::BTreeSet::new();
        keep.retain(|column| seen.insert(column.to_ascii_lowercase()));
        let max_note_bytes = self.max_note_bytes.unwrap_or(MAX_NOTE_BYTES);
        if max_note_bytes > (u32::MAX / 2) as usize {
            return Err(Error::config(format!("max-note-bytes: at most {}, found {max_note_bytes}", u32::MAX / 2)));
        }
        let no_cache = self.no_cache.unwrap_or_default();
        if no_cache && (self.cache.is_some() || self.cache_size.is_some()) {
            return Err(Error::config("no-cache contradicts cache and cache-size"));
        }
        Ok(Config {
            input: self.input.filter(|input| !input.is_empty()).ok_or_else(|| missing("INPUT"))?,
            out: self.out.ok_or_else(|| missing("--out DIR"))?,
            format,
            recognizers,
            lexicon: self.lexicon.unwrap_or_default(),
            model: self.model,
            precision: self.precision.unwrap_or_default(),
            engine: self.engine.unwrap_or_default(),
            rules: self.rules,
            patients: self.patients,
            threads: self.threads.unwrap_or(cores),
            cache: self.cache,
            cache_size: self.cache_size,
            no_cache,
            hash_key_file: self.hash_key_file,
            limit: self.limit,
            line_column: self.line_column,
            keep,
            keep_text: self.keep_text.unwrap_or_default(),
            keep_sentences: self.keep_sentences.unwrap_or_default(),
            max_note_bytes,
            map: self.map.unwrap_or_default(),
        })
    }
}

impl Config {
    /// The configuration as a file that gives the same run.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::config(error.to_string()))
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for PartialConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}

fn shown_each<S: Serializer>(inputs: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(inputs.iter().map(|input| shown(input)))
}

fn shown_inputs<S: Serializer>(inputs: &Option<Vec<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    shown_each(inputs.as_deref().unwrap_or_default(), serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_is_read() {
        let text = "input = [\"a.csv\"]\nout = \"o\"\nkeep = [\"x\"]\n[map]\ntext = \"body\"\n";
        let cores = NonZeroUsize::new(3).unwrap();
        let config = PartialConfig::from_toml(text).unwrap().complete(cores).unwrap();
        let printed = config.to_toml().unwrap();
        let again = PartialConfig::from_toml(&printed).unwrap().complete(cores).unwrap();
        assert_eq!(again, config, "{printed}");
    }

    #[test]
    fn flags_win_over_the_file_key_by_key() {
        let file =
            PartialConfig::from_toml("limit = 5\nkeep-text = true\n[map]\ntext = \"a\"\nauthor = \"b\"\n").unwrap();
        let flags = PartialConfig::from_toml("limit = 7\n[map]\ntext = \"c\"\n").unwrap();
        let merged = flags.or(file);
        assert_eq!((merged.limit, merged.keep_text), (Some(7), Some(true)));
        let map = merged.map.unwrap();
        assert_eq!((map["text"].as_str(), map["author"].as_str()), ("c", "b"));
    }

    #[test]
    fn passwords_of_inputs_are_neither_shown_nor_written() {
        let text = "input = [\"postgres://etl:secret@db/cdm?query=SELECT 1\"]\nout = \"o\"\n";
        let partial = PartialConfig::from_toml(text).unwrap();
        let config = partial.clone().complete(NonZeroUsize::MIN).unwrap();
        assert!(config.input[0].contains("secret"));
        for shown in [format!("{partial:?}"), format!("{config:?}"), config.to_toml().unwrap()] {
            assert!(shown.contains("postgres://etl@db/cdm?query=SELECT 1") && !shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let error = PartialConfig::from_toml("limit = 5\nlimits = 6\n").unwrap_err().to_string();
        assert!(error.contains("limits") && error.contains("line 2"), "{error}");
    }
}
