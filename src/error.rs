//! The library's error: what was being done, to which file and line, what was found, what was expected, the remedy.
//!
//! No message holds text of a note.

use std::io;
use std::path::{Path, PathBuf};

/// Result of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run cannot start, or cannot go on. Bad input notes are no errors: they are rejected records.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<ErrorKind>);

/// The kinds of [`Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused something.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A table (lexicon, rules, headings) is not as it should be.
    #[error("{table}: line {line}: {problem}")]
    Table {
        /// Name or path of the table.
        table: String,
        /// Line, from 1.
        line: usize,
        /// What was found and expected.
        problem: String,
    },
    /// An input cannot be used at all.
    #[error("{}: {problem}", path.display())]
    Input {
        /// The input.
        path: PathBuf,
        /// What was found and expected, and the remedy.
        problem: String,
    },
    /// A database cannot be used.
    #[error("{url}: {problem}")]
    Database {
        /// Its URL, without a password.
        url: String,
        /// What was found and expected, and the remedy.
        problem: String,
    },
    /// The output folder cannot be used.
    #[error("output folder {}: {problem}", path.display())]
    Output {
        /// The folder.
        path: PathBuf,
        /// What was found, and the remedy.
        problem: String,
    },
    /// The configuration contradicts itself or names something unknown.
    #[error("configuration: {problem}")]
    Config {
        /// What was found and expected.
        problem: String,
    },
    /// Rows could not be encoded.
    #[error("writing {table}: {problem}")]
    Encode {
        /// The output table.
        table: &'static str,
        /// What the encoder said.
        problem: String,
    },
    /// The run was asked to stop, and did.
    #[error("stopped after {done} notes; the same command with --resume goes on with the run in {}", path.display())]
    Stopped {
        /// The output folder.
        path: PathBuf,
        /// Notes that are done.
        done: u64,
    },
    /// Something that the program relies on did not hold.
    #[error("internal: {problem}; please report it")]
    Internal {
        /// What did not hold.
        problem: String,
    },
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Error {
        ErrorKind::Io { doing, path: path.to_owned(), source }.into()
    }

    pub(crate) fn table(table: &str, line: usize, problem: impl Into<String>) -> Error {
        ErrorKind::Table { table: table.to_owned(), line, problem: problem.into() }.into()
    }

    pub(crate) fn input(path: &Path, problem: impl Into<String>) -> Error {
        ErrorKind::Input { path: path.to_owned(), problem: problem.into() }.into()
    }

    pub(crate) fn output(path: &Path, problem: impl Into<String>) -> Error {
        ErrorKind::Output { path: path.to_owned(), problem: problem.into() }.into()
    }

    pub(crate) fn config(problem: impl Into<String>) -> Error {
        ErrorKind::Config { problem: problem.into() }.into()
    }

    pub(crate) fn internal(problem: impl Into<String>) -> Error {
        ErrorKind::Internal { problem: problem.into() }.into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error(Box::new(kind))
    }
}
