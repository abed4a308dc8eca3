//! What may be typed after `noteward report`.

use std::path::PathBuf;

use clap::Args;

/// Writes one self-contained HTML page: what a run was and whether its counts add up, notes by type and month, the most
/// frequent problems with their assertions, rules, copied text, rejects, measurements and facts. It opens offline, has no
/// script, and prints.
///
/// The page holds no words of notes unless --examples or --patient asks for them, and the same run gives the same bytes.
///
/// Exit status: 0 written; 1 written, and the run's counts do not add up; 2 not done.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Output folder of annotate
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// The page
    #[arg(long, value_name = "FILE.html")]
    pub out: PathBuf,

    /// The one-page view of a patient instead: notes, problems, trends, warnings
    #[arg(long, value_name = "ID", conflicts_with_all = ["examples", "checks", "min_count"])]
    pub patient: Option<String>,

    /// Also show N examples of each frequent problem, with words of the notes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub examples: usize,

    /// Do not tell counts below N, nor rows about fewer than N patients; 1 tells everything
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub min_count: u64,

    /// Also show warnings: output folder of warn
    #[arg(long, value_name = "DIR")]
    pub warnings: Option<PathBuf>,

    /// Also check every imaging report, and write a row for each judgement to this CSV file
    #[arg(long, value_name = "FILE.csv")]
    pub checks: Option<PathBuf>,

    /// Tables of this folder replace those of the checks of the same name (lexicons/quality)
    #[arg(long, value_name = "DIR", requires = "checks")]
    pub check_rules: Option<PathBuf>,

    /// Sex of patients by the record, for the checks: patient_id, birth_date, sex
    #[arg(long, value_name = "FILE", requires = "checks")]
    pub patients: Option<PathBuf>,

    /// Read notes from these files, folders or patterns instead, by their note_id (repeatable)
    #[arg(long, value_name = "INPUT")]
    pub notes: Vec<String>,

    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
}
