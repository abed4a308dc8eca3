//! What may be typed after `noteward features`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use noteward::{ByteSize, FeatureWindow, LeakageKind, LeakagePolicy};

/// Makes point-in-time features of the patients of a run: a long table (features.parquet), a wide one (wide.parquet), both
/// in words (dictionary.csv), and counts that add up (features.json).
///
/// With an index file only notes that were available before the index time count. Without one the index time is that of
/// each patient's last note, which counts itself.
///
/// Exit status: 0 done; 1 done, but some rows of the index or patients file were rejected; 2 not done.
#[derive(Debug, Args)]
pub(super) struct FeaturesArgs {
    /// Output folder of annotate
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Output folder; refused if it holds features
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Replace the features that the output folder holds
    #[arg(long)]
    pub force: bool,

    /// Patients and times: CSV, TSV or Parquet with patient_id, index_time and optionally label, label_note_id
    #[arg(long, value_name = "FILE")]
    pub index: Option<PathBuf>,

    /// Without an index file: leave each patient's last note out, so that only notes before it count
    #[arg(long, conflicts_with = "index")]
    pub without_last_note: bool,

    /// Column of notes that says when a note was available: one that annotate --keep carried [default: note_time]
    #[arg(long, value_name = "COLUMN")]
    pub time_column: Option<String>,

    /// Look-back windows in days, and `all` [default: 1,7,30,365,all]
    #[arg(long, value_delimiter = ',', value_name = "DAYS")]
    pub windows: Option<Vec<FeatureWindow>>,

    /// What is done about notes that tell what is to be predicted; those after the index time never count
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = PolicyArg::Warn)]
    pub leakage: PolicyArg,

    /// Which of them are looked after [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    pub leakage_kinds: Option<Vec<KindArg>>,

    /// Table of groups of ICD-10-CM codes (group, icd10cm, name, source) in place of the embedded one
    #[arg(long, value_name = "FILE")]
    pub groups: Option<PathBuf>,

    /// Birth dates and sexes: CSV, TSV or Parquet with patient_id, birth_date, sex
    #[arg(long, value_name = "FILE")]
    pub patients: Option<PathBuf>,

    /// States and statistics in wide.parquet, those that most index rows have
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub wide_features: usize,

    /// What notes and statements may take in memory before they go to temporary files
    #[arg(long, value_name = "BYTES", default_value = "128MiB")]
    pub memory: ByteSize,

    /// Workers [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// No summary
    #[arg(long, short)]
    pub quiet: bool,
}

/// What is done about leaks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PolicyArg {
    /// Count and report them
    Warn,
    /// Write nothing where there are any
    Refuse,
    /// Leave them out, count and report them
    Drop,
}

impl From<PolicyArg> for LeakagePolicy {
    fn from(policy: PolicyArg) -> LeakagePolicy {
        match policy {
            PolicyArg::Warn => LeakagePolicy::Warn,
            PolicyArg::Refuse => LeakagePolicy::Refuse,
            PolicyArg::Drop => LeakagePolicy::Drop,
        }
    }
}

/// A way in which notes tell what is to be predicted.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum KindArg {
    /// Notes that were not available before the index time
    AfterIndex,
    /// The note that label_note_id names
    LabelNote,
    /// Discharge summaries inside the windows
    DischargeSummary,
}

impl From<KindArg> for LeakageKind {
    fn from(kind: KindArg) -> LeakageKind {
        match kind {
            KindArg::AfterIndex => LeakageKind::AfterIndex,
            KindArg::LabelNote => LeakageKind::LabelNote,
            KindArg::DischargeSummary => LeakageKind::DischargeSummary,
        }
    }
}
