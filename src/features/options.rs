//! How features are made.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::folder::ExistingFeatures;
use super::leakage::{LeakageKind, LeakagePolicy};
use super::load::Availability;
use super::patient::Bound;
use super::report::FeatureSettings;
use super::window::FeatureWindow;
use crate::ByteSize;

/// At which times features are made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexTimes {
    /// At the time of each patient's last note, which counts itself or does not.
    LastNote(LastNote),
    /// At the times of a file. Notes available before them count.
    File(PathBuf),
}

/// Whether the note whose time is the index time counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastNote {
    /// It counts: features are what is known when it has become available.
    #[default]
    Counts,
    /// Only notes before it count.
    LeftOut,
}

/// How features are made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FeatureOptions {
    /// The output folder.
    pub out: PathBuf,
    /// What is done with features that it holds.
    pub existing: ExistingFeatures,
    /// The index times.
    pub index: IndexTimes,
    /// The column of `notes` that says when a note was available; `None`: `note_time`.
    pub time_column: Option<String>,
    /// Look-back windows.
    pub windows: Vec<FeatureWindow>,
    /// What is done about leaks.
    pub leakage: LeakagePolicy,
    /// Which leaks are looked after.
    pub leakage_kinds: Vec<LeakageKind>,
    /// A table of groups in place of the embedded one.
    pub groups: Option<PathBuf>,
    /// Birth dates and sexes.
    pub patients: Option<PathBuf>,
    /// The most states and statistics of the wide table.
    pub max_wide_features: usize,
    /// What notes and statements may take in memory before they go to temporary files.
    pub memory: ByteSize,
    /// Workers; `None`: as many as the machine has cores.
    pub threads: Option<NonZeroUsize>,
}

impl FeatureOptions {
    /// Features at each patient's last note, into a folder that holds none.
    pub fn new(out: impl Into<PathBuf>) -> FeatureOptions {
        FeatureOptions {
            out: out.into(),
            existing: ExistingFeatures::Refuse,
            index: IndexTimes::LastNote(LastNote::Counts),
            time_column: None,
            windows: FeatureWindow::usual(),
            leakage: LeakagePolicy::Warn,
            leakage_kinds: LeakageKind::ALL.into(),
            groups: None,
            patients: None,
            max_wide_features: 500,
            memory: ByteSize(128 << 20),
            threads: None,
        }
    }

    /// Where the availability of notes is read.
    pub(super) fn availability(&self) -> Availability<'_> {
        match self.time_column.as_deref() {
            None | Some("note_time") => Availability::NoteTime,
            Some(name) => Availability::Kept(name),
        }
    }

    /// Which notes are known at an index time.
    pub(super) fn bound(&self) -> Bound {
        match self.index {
            IndexTimes::LastNote(LastNote::Counts) => Bound::UpTo,
            IndexTimes::LastNote(LastNote::LeftOut) | IndexTimes::File(_) => Bound::Before,
        }
    }

    /// The windows in ascending order, each once.
    pub(super) fn windows_in_order(&self) -> Vec<FeatureWindow> {
        let mut windows = self.windows.clone();
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    /// The settings, for `features.json`: what changes no byte of the tables is not among them.
    pub(super) fn settings(&self) -> FeatureSettings {
        FeatureSettings {
            index: match self.index {
                IndexTimes::LastNote(_) => "last_note",
                IndexTimes::File(_) => "file",
            },
            bound: match self.bound() {
                Bound::Before => "before",
                Bound::UpTo => "up_to",
            },
            time_column: self.time_column.clone().unwrap_or_else(|| "note_time".to_owned()),
            windows: self.windows_in_order().iter().map(FeatureWindow::to_string).collect(),
            leakage: self.leakage,
            leakage_kinds: self.leakage_kinds.clone(),
            max_wide_features: self.max_wide_features,
        }
    }
}
