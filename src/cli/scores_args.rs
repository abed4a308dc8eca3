//! What may be typed after `noteward scores`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum ScoresCommand {
    /// Which scores there are, their inputs, bands, citations and licences
    List(ListArgs),
    /// Whether a score gives what is expected of it, row by row
    Check(CheckArgs),
}

/// Lists the scores.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Folder of score files, beside those of the program
    #[arg(long, value_name = "DIR")]
    pub scores: Option<PathBuf>,

    /// Print JSON, with inputs, bands, advice and licences
    #[arg(long)]
    pub json: bool,
}

/// Compares a score with the rows of a CSV file, and prints those that differ.
///
/// Columns are named as the score's inputs (`scores list --json` names them); besides them there is `expected`, or
/// `expected_min` and `expected_max`, and `id`, which is passed over. A cell is `yes`, `no`, `possible`, a number, `low..high`,
/// the name of a level, or empty where nothing is known.
///
/// Exit status: 0 every row agrees; 1 some differ or cannot be read; 2 not checked.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The score's id, or its file
    #[arg(value_name = "SCORE")]
    pub score: String,

    /// The rows
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Folder of score files, beside those of the program
    #[arg(long, value_name = "DIR")]
    pub scores: Option<PathBuf>,

    /// Difference that is none, relative to the expected value where that is above 1
    #[arg(long, value_name = "NUMBER", default_value_t = 1e-6)]
    pub tolerance: f64,

    /// Print JSON, with every row
    #[arg(long)]
    pub json: bool,
}
