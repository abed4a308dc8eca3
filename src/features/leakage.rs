//! The leakage guard: notes that would tell a model what it is to predict.

use std::fmt;

use rustc_hash::FxHashSet;
use serde::Serialize;

use super::cohort::IndexRow;
use super::patient::Bound;
use super::record::NoteRecord;
use super::rules::NoteKind;
use super::window::FeatureWindow;

/// A way in which notes may tell what is to be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeakageKind {
    /// Notes that were not available before the index time. They never count.
    AfterIndex,
    /// The note that the label was read from.
    LabelNote,
    /// A discharge summary inside the windows.
    DischargeSummary,
}

impl LeakageKind {
    /// Every kind.
    pub const ALL: [LeakageKind; 3] = [LeakageKind::AfterIndex, LeakageKind::LabelNote, LeakageKind::DischargeSummary];

    /// The notes in words.
    fn words(self) -> &'static str {
        match self {
            LeakageKind::AfterIndex => "notes after the index time",
            LeakageKind::LabelNote => "notes that the label was read from",
            LeakageKind::DischargeSummary => "discharge summaries inside the windows",
        }
    }
}

/// What is done about notes that leak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakagePolicy {
    /// They are counted and reported. Notes after the index time do not count for features in any case.
    #[default]
    Warn,
    /// Nothing is written where there are any.
    Refuse,
    /// They are left out, counted and reported.
    Drop,
}

/// What leaks, in how many notes of how many index rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Leaks {
    /// Notes, each counted for every index row to which it leaks.
    pub notes: u64,
    /// Index rows.
    pub index_rows: u64,
}

impl Leaks {
    fn add(&mut self, n_notes: u64) {
        self.notes += n_notes;
        self.index_rows += u64::from(n_notes > 0);
    }
}

/// Notes by index row: what counts for features, and what leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NoteUse {
    /// Pairs of an index row and a note of its patient: the sum of the next four.
    pub pairs: u64,
    /// Notes that count for features.
    pub used: u64,
    /// Notes whose time is not known.
    pub without_time: u64,
    /// Notes that were not available before the index time.
    pub after_index: u64,
    /// Notes that the leakage guard left out.
    pub dropped: u64,
    /// Of those after the index time, notes that are dated before it: filed late.
    pub dated_before_index: u64,
    /// Index rows without a note that counts.
    pub index_rows_without_notes: u64,
}

/// What leaks, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeakageCounts {
    /// Notes after the index time.
    pub after_index: Leaks,
    /// Notes that the label was read from.
    pub label_note: Leaks,
    /// Discharge summaries inside the windows.
    pub discharge_summary: Leaks,
}

impl LeakageCounts {
    /// The count of a kind.
    pub fn of(&self, kind: LeakageKind) -> Leaks {
        match kind {
            LeakageKind::AfterIndex => self.after_index,
            LeakageKind::LabelNote => self.label_note,
            LeakageKind::DischargeSummary => self.discharge_summary,
        }
    }
}

impl fmt::Display for LeakageCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = LeakageKind::ALL.into_iter().filter(|kind| self.of(*kind).notes > 0);
        let told: Vec<String> = found
            .map(|kind| {
                let Leaks { notes, index_rows } = self.of(kind);
                format!("{notes} {} ({index_rows} index rows)", kind.words())
            })
            .collect();
        f.write_str(&told.join(", "))
    }
}

/// The guard.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub policy: LeakagePolicy,
    /// The kinds that it looks after.
    pub kinds: Vec<LeakageKind>,
    pub bound: Bound,
    pub widest: Option<FeatureWindow>,
}

/// What the guard found over all index rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub leaks: LeakageCounts,
    pub uses: NoteUse,
}

impl Found {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: &Found) {
        let sum = |own: &mut Leaks, other: Leaks| {
            own.notes += other.notes;
            own.index_rows += other.index_rows;
        };
        sum(&mut self.leaks.after_index, other.leaks.after_index);
        sum(&mut self.leaks.label_note, other.leaks.label_note);
        sum(&mut self.leaks.discharge_summary, other.leaks.discharge_summary);
        let (own, other) = (&mut self.uses, other.uses);
        own.pairs += other.pairs;
        own.used += other.used;
        own.without_time += other.without_time;
        own.after_index += other.after_index;
        own.dropped += other.dropped;
        own.dated_before_index += other.dated_before_index;
        own.index_rows_without_notes += other.index_rows_without_notes;
    }
}

impl Guard {
    /// Looks at a patient's notes for an index row; gives the places of those that are left out.
    pub fn inspect(&self, notes: &[NoteRecord], index: &IndexRow, found: &mut Found) -> FxHashSet<u32> {
        let mut left_out = FxHashSet::default();
        let [mut after, mut labels, mut discharges, mut used] = [0; 4];
        let start = self.widest.map_or(i64::MAX, |widest| widest.start(index.time));
        found.uses.pairs += notes.len() as u64;
        for (place, note) in (0..).zip(notes) {
            let Some(available) = note.available else {
                found.uses.without_time += 1;
                continue;
            };
            if !self.bound.knows(available, index.time) {
                after += 1;
                found.uses.dated_before_index += u64::from(note.dated.is_some_and(|dated| dated < index.time));
                continue;
            }
            let is_label = index.label_note == Some(note.note);
            let is_discharge = note.kind == NoteKind::DischargeSummary && available >= start;
            labels += u64::from(is_label);
            discharges += u64::from(is_discharge);
            let leaks = |kind, is_it| is_it && self.kinds.contains(&kind);
            let is_leak = leaks(LeakageKind::LabelNote, is_label) || leaks(LeakageKind::DischargeSummary, is_discharge);
            if is_leak && self.policy == LeakagePolicy::Drop {
                left_out.insert(place);
                found.uses.dropped += 1;
            } else {
                used += 1;
            }
        }
        found.uses.used += used;
        found.uses.after_index += after;
        found.uses.index_rows_without_notes += u64::from(used == 0);
        found.leaks.after_index.add(after);
        found.leaks.label_note.add(labels);
        found.leaks.discharge_summary.add(discharges);
        left_out
    }

    /// Whether features are refused for what was found.
    pub fn refuses(&self, leaks: &LeakageCounts) -> bool {
        self.policy == LeakagePolicy::Refuse && self.kinds.iter().any(|kind| leaks.of(*kind).notes > 0)
    }
}
