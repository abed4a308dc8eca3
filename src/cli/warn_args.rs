//! What may be typed after `noteward warn`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::FormatArg;

/// Turns the mentions, facts and measurements of a run into warnings: for each patient, score and moment an interval that
/// holds the score whatever the inputs are that the notes do not state, with the evidence of each input.
///
/// Writes the table `warnings`, `summary.csv` (how often each score alerts, what it lacks), `follow_ups.csv`
/// (studies that another is due after) and `warn.json`. Warnings support
/// the decisions of professionals; noteward is no medical device.
///
/// Exit status: 0 done; 1 done, but rows of a given file were rejected; 2 not done.
#[derive(Debug, Args)]
pub(super) struct WarnArgs {
    /// Output folder of annotate
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Output folder; refused if it holds other warnings
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Replace the warnings that the output folder holds
    #[arg(long)]
    pub force: bool,

    /// Formats of the table of warnings
    #[arg(long, value_delimiter = ',', value_name = "FORMAT", default_value = "parquet")]
    pub format: Vec<FormatArg>,

    /// Also write the warnings as FHIR RiskAssessment (risk_assessments.ndjson) or as MEDS rows (meds.parquet)
    #[arg(long, value_delimiter = ',', value_name = "FORM")]
    pub also: Vec<AlsoArg>,

    /// Scores: names, packs, files or folders of score files [default: the scores that notes can carry]
    #[arg(long, value_delimiter = ',', value_name = "SCORE")]
    pub scores: Vec<String>,

    /// Moments: `note` (the time of each note), `day` (the end of each day of an encounter), or a file with the columns
    /// patient_id and time
    #[arg(long, value_name = "note|day|FILE", default_value = "note")]
    pub at: String,

    /// Take inputs that are not stated as absent or as normal, instead of leaving them open
    #[arg(long, value_enum, value_name = "HOW")]
    pub assume: Option<AssumeArg>,

    /// Vital signs and laboratory values from elsewhere: CSV or Parquet with patient_id, time, name (or LOINC code), value, unit
    #[arg(long, value_name = "FILE")]
    pub observations: Option<PathBuf>,

    /// Patients: CSV or Parquet with patient_id, birth_date, sex
    #[arg(long, value_name = "FILE")]
    pub patients: Option<PathBuf>,

    /// Write a row only where it differs from the row before in its bands or in whether they are decided
    #[arg(long)]
    pub changes_only: bool,

    /// Workers [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// No summary
    #[arg(long, short)]
    pub quiet: bool,

    /// Print the summary as JSON
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
}

/// Another form of the warnings.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum AlsoArg {
    /// FHIR R4 RiskAssessment, one a line
    Fhir,
    /// MEDS rows: the ends of the interval as events
    Meds,
}

/// What inputs that are not stated are taken as.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum AssumeArg {
    /// What is not said to be there is not there; numbers stay open
    Absent,
    /// The same, and numbers give no points
    Normal,
}
