//! The features of one patient at one time: the rule that everything else serves. No input or output, nothing that can fail.
//!
//! Only notes that were available before the index time are looked at. Text that comes again word by word in a later note is
//! carried forward: it is one statement, first seen where it first stood.

use rustc_hash::{FxHashMap, FxHashSet};

use super::plan::Plan;
use super::record::{NoteRecord, Statement};
use super::rules::Holder;
use super::series::{Value, statistics};
use super::state::State;
use super::window::FeatureWindow;

/// Which notes are known at an index time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Those available before it.
    Before,
    /// Those available up to it: the index time is that of a note itself.
    UpTo,
}

impl Bound {
    /// Whether something of a time is known at the index time.
    pub fn knows(self, available: i64, index_time: i64) -> bool {
        match self {
            Bound::Before => available < index_time,
            Bound::UpTo => available <= index_time,
        }
    }
}

/// What is asked of a patient.
pub(super) struct Asked<'a> {
    pub index_time: i64,
    pub bound: Bound,
    /// Places of notes that are left out although they are known.
    pub left_out: &'a FxHashSet<u32>,
    /// In ascending order.
    pub windows: &'a [FeatureWindow],
}

/// A row of the long table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    /// Place in [`Plan::features`].
    pub feature: u32,
    /// `None` for what does not depend on notes.
    pub window: Option<FeatureWindow>,
    pub value: Option<f64>,
    /// Of features that are states.
    pub state: Option<State>,
    /// What the last note says that mentions it.
    pub last_state: Option<State>,
    /// When the earliest of the statements was first seen, be it before the window.
    pub first_seen: Option<i64>,
    /// When the last note of the window that holds one was available.
    pub last_seen: Option<i64>,
    /// Notes of the window that hold one.
    pub n_notes: u32,
    /// Of these, notes that hold only what was carried forward from an earlier note.
    pub n_carried: u32,
    /// Of these, notes of another author than the text was first seen by.
    pub n_by_others: u32,
    /// Statements that say so, carried ones counted once.
    pub n_present: u32,
    pub n_possible: u32,
    pub n_absent: u32,
    /// Notes of the window with a section that would hold a statement; `None` where no section is known for it.
    pub n_section_notes: Option<u32>,
}

impl Row {
    /// A row of what does not depend on notes.
    pub fn of_patient(feature: u32, value: f64) -> Row {
        Row { value: Some(value), ..Row::new(feature, None) }
    }

    fn new(feature: u32, window: Option<FeatureWindow>) -> Row {
        Row {
            feature,
            window,
            value: None,
            state: None,
            last_state: None,
            first_seen: None,
            last_seen: None,
            n_notes: 0,
            n_carried: 0,
            n_by_others: 0,
            n_present: 0,
            n_possible: 0,
            n_absent: 0,
            n_section_notes: None,
        }
    }
}

/// What notes say of a patient.
pub(super) struct PatientRecord {
    /// In the order in which they were available; those whose time is not known come last.
    pub notes: Vec<NoteRecord>,
    statements: Vec<Statement>,
    /// Statements by feature, then by note.
    states: Vec<Entry>,
    /// Statements with a value by series, then by note.
    values: Vec<Entry>,
}

/// A statement that feeds a feature or a series.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    fed: u32,
    note: u32,
    statement: u32,
}

/// A statement is of a note that the patient does not have.
#[derive(Debug)]
pub(super) struct NoSuchNote;

impl PatientRecord {
    /// Puts together what notes say of a patient.
    ///
    /// # Errors
    /// A statement is of no note of the patient.
    pub fn new(
        mut notes: Vec<NoteRecord>,
        statements: Vec<Statement>,
        plan: &Plan,
    ) -> Result<PatientRecord, NoSuchNote> {
        notes.sort_by_key(|note| (note.available.is_none(), note.available, note.row));
        let places: FxHashMap<u64, u32> = notes.iter().map(|note| note.note).zip(0..).collect();
        let (mut states, mut values) = (Vec::new(), Vec::new());
        for (number, statement) in (0..).zip(&statements) {
            let note = *places.get(&statement.note).ok_or(NoSuchNote)?;
            let Some(fed) = plan.fed.get(statement.topic as usize) else { continue };
            states.extend(fed.states.iter().map(|&fed| Entry { fed, note, statement: number }));
            let series = fed.series.filter(|_| statement.value.is_some());
            values.extend(series.map(|fed| Entry { fed, note, statement: number }));
        }
        states.sort_unstable();
        values.sort_unstable();
        Ok(PatientRecord { notes, statements, states, values })
    }

    /// The rows of the long table at a time, in the order of their features and windows.
    pub fn rows(&self, asked: &Asked<'_>, plan: &Plan) -> Vec<Row> {
        let view = View { record: self, asked, plan };
        let mut rows = Vec::new();
        view.notes(&mut rows);
        let mut counts = SectionCounts::default();
        for entries in self.states.chunk_by(|left, right| left.fed == right.fed) {
            view.state(entries, &mut counts, &mut rows);
        }
        for entries in self.values.chunk_by(|left, right| left.fed == right.fed) {
            view.series(entries, &mut rows);
        }
        rows.sort_by_key(|row| (row.feature, row.window));
        rows
    }

    fn statement(&self, entry: Entry) -> Option<&Statement> {
        self.statements.get(entry.statement as usize)
    }
}

/// A patient as seen at an index time.
struct View<'a> {
    record: &'a PatientRecord,
    asked: &'a Asked<'a>,
    plan: &'a Plan,
}

/// For sets of sections, how many notes of each window have one of them.
#[derive(Default)]
struct SectionCounts(Vec<(u128, Vec<u32>)>);

impl<'a> View<'a> {
    /// The time of a note that is known at the index time and not left out.
    fn known(&self, place: u32) -> Option<(&'a NoteRecord, i64)> {
        let note = self.record.notes.get(place as usize)?;
        let available = note.available?;
        let is_known =
            self.asked.bound.knows(available, self.asked.index_time) && !self.asked.left_out.contains(&place);
        is_known.then_some((note, available))
    }

    fn known_notes(&self) -> impl Iterator<Item = (&'a NoteRecord, i64)> {
        (0..self.record.notes.len() as u32).filter_map(|place| self.known(place))
    }

    fn start(&self, window: FeatureWindow) -> i64 {
        window.start(self.asked.index_time)
    }

    /// Features that count notes. The one of all notes has a row for every window, also where there are none.
    fn notes(&self, rows: &mut Vec<Row>) {
        let all: Vec<i64> = self.known_notes().map(|(_, available)| available).collect();
        self.note_count(self.plan.notes, &all, rows);
        let widest = self.asked.windows.last().map_or(i64::MAX, |&widest| self.start(widest));
        for (bit, &feature) in self.plan.sections.iter().enumerate() {
            let with_it = self.known_notes().filter(|(note, _)| note.sections >> bit & 1 == 1);
            let with_it: Vec<i64> = with_it.map(|(_, available)| available).collect();
            if with_it.last().is_some_and(|&last| last >= widest) {
                self.note_count(feature, &with_it, rows);
            }
        }
    }

    /// The rows of a feature that counts notes, from their times in order.
    fn note_count(&self, feature: u32, times: &[i64], rows: &mut Vec<Row>) {
        for &window in self.asked.windows {
            let start = self.start(window);
            let within = times.get(times.partition_point(|&available| available < start)..).unwrap_or_default();
            rows.push(Row {
                value: Some(within.len() as f64),
                n_notes: within.len() as u32,
                first_seen: within.first().copied(),
                last_seen: within.last().copied(),
                ..Row::new(feature, Some(window))
            });
        }
    }

    /// The rows of a feature that is a state, from the statements that feed it.
    fn state(&self, entries: &[Entry], counts: &mut SectionCounts, rows: &mut Vec<Row>) {
        let known: Vec<Said> = entries.iter().filter_map(|&entry| self.said(entry)).collect();
        let mut first: FxHashMap<u64, u32> = FxHashMap::default();
        for said in &known {
            first.entry(said.statement.segment).or_insert(said.note);
        }
        let holders = known.iter().fold(0, |mask, said| {
            mask | self.plan.holders.get(usize::from(said.statement.holder.number())).copied().unwrap_or_default()
        });
        let has_holder = known.iter().any(|said| said.statement.holder != Holder::None);
        let Some(feature) = entries.first().map(|entry| entry.fed) else { return };
        // Windows are nested, so one walk into the past counts for all of them.
        let mut of_notes = known.chunk_by(|left, right| left.note == right.note).rev().peekable();
        let mut tally = Tally::default();
        let n_before = rows.len();
        for (place, &window) in self.asked.windows.iter().enumerate() {
            let start = self.start(window);
            while let Some(of_note) = of_notes.next_if(|of_note| of_note.first().is_some_and(|s| s.available >= start))
            {
                tally.add(of_note, &first, self.record);
            }
            let mut row = tally.row(feature, window);
            row.n_section_notes = has_holder.then(|| self.section_notes(holders, place, counts));
            rows.push(row);
        }
        if tally.n_notes == 0 {
            rows.truncate(n_before);
        }
    }

    fn said(&self, entry: Entry) -> Option<Said<'a>> {
        let (note, available) = self.known(entry.note)?;
        let statement = self.record.statement(entry)?;
        Some(Said { note: entry.note, available, author: note.author, statement })
    }

    /// How many notes of a window have one of the sections.
    fn section_notes(&self, sections: u128, window: usize, counts: &mut SectionCounts) -> u32 {
        let place = counts.0.iter().position(|(of, _)| *of == sections).unwrap_or_else(|| {
            let count = |&window: &FeatureWindow| {
                let start = self.start(window);
                let has = |&(note, available): &(&NoteRecord, i64)| available >= start && note.sections & sections != 0;
                self.known_notes().filter(has).count() as u32
            };
            counts.0.push((sections, self.asked.windows.iter().map(count).collect()));
            counts.0.len() - 1
        });
        counts.0.get(place).and_then(|(_, counts)| counts.get(window)).copied().unwrap_or_default()
    }

    /// The rows of the statistics of a series; none for a window without a value.
    fn series(&self, entries: &[Entry], rows: &mut Vec<Row>) {
        let known: Vec<Said> = entries.iter().filter_map(|&entry| self.said(entry)).collect();
        let features = entries.first().and_then(|entry| self.plan.series.get(entry.fed as usize));
        let Some(features) = features else { return };
        let mut places: FxHashMap<(u64, u64), usize> = FxHashMap::default();
        let mut observed: Vec<Observed> = Vec::new();
        // Copies of a value are one observation.
        let of_entries: Vec<usize> = known
            .iter()
            .map(|said| {
                let value = said.statement.value.unwrap_or_default();
                *places.entry((said.statement.segment, value.to_bits())).or_insert_with(|| {
                    let taken_at = said.statement.taken_at.filter(|taken_at| *taken_at <= said.available);
                    let value = Value { time: taken_at.unwrap_or(said.available), value };
                    observed.push(Observed { value, note: said.note, author: said.author });
                    observed.len() - 1
                })
            })
            .collect();
        let mut in_time: Vec<Value> = observed.iter().map(|observed| observed.value).collect();
        in_time.sort_by_key(|value| value.time);
        for &window in self.asked.windows {
            let start = self.start(window);
            let within = in_time.get(in_time.partition_point(|value| value.time < start)..).unwrap_or_default();
            if within.is_empty() {
                continue;
            }
            let mut row = Row::new(0, Some(window));
            let carrying = known.iter().zip(&of_entries).filter_map(|(said, &place)| {
                observed.get(place).filter(|observed| observed.value.time >= start).map(|observed| (said, observed))
            });
            let carrying: Vec<(&Said, &Observed)> = carrying.collect();
            row.first_seen = carrying.first().map(|(said, _)| said.available);
            row.last_seen = carrying.last().map(|(said, _)| said.available);
            for of_note in carrying.chunk_by(|left, right| left.0.note == right.0.note) {
                row.n_notes += 1;
                if of_note.iter().all(|(said, observed)| observed.note != said.note) {
                    row.n_carried += 1;
                    let is_other = |(said, observed): &(&Said, &Observed)| differ(said.author, observed.author);
                    row.n_by_others += u32::from(of_note.iter().any(is_other));
                }
            }
            for (&feature, value) in features.iter().zip(statistics(within)) {
                rows.push(Row { feature, value, ..row });
            }
        }
    }
}

/// A statement of a note that is known.
struct Said<'a> {
    note: u32,
    available: i64,
    author: u32,
    statement: &'a Statement,
}

/// A value where it was first seen.
struct Observed {
    value: Value,
    note: u32,
    author: u32,
}

/// Whether two authors are named and others.
fn differ(left: u32, right: u32) -> bool {
    left != 0 && right != 0 && left != right
}

/// What the notes of a window say of a feature.
#[derive(Default)]
struct Tally {
    /// By segment, a bit for each state in which it is counted.
    seen: FxHashMap<u64, u8>,
    n_by_state: [u32; 3],
    state: Option<State>,
    last_state: Option<State>,
    first_seen: Option<i64>,
    last_seen: Option<i64>,
    n_notes: u32,
    n_carried: u32,
    n_by_others: u32,
}

impl Tally {
    /// Adds what a note says; notes come in order, the last one first.
    fn add(&mut self, of_note: &[Said<'_>], first: &FxHashMap<u64, u32>, record: &PatientRecord) {
        let (mut is_carried, mut is_by_other, mut state) = (true, false, None);
        for said in of_note {
            let stated = State::from(said.statement.presence);
            state = state.max(Some(stated));
            let (number, bit) = match stated {
                State::Present => (0, 1),
                State::Possible => (1, 2),
                State::Absent | State::NotMentioned => (2, 4),
            };
            let seen = self.seen.entry(said.statement.segment).or_default();
            self.n_by_state[number] += u32::from(*seen & bit == 0);
            *seen |= bit;
            let origin = first.get(&said.statement.segment).copied().unwrap_or(said.note);
            is_carried &= origin != said.note;
            let origin = record.notes.get(origin as usize);
            is_by_other |= origin.is_some_and(|origin| differ(origin.author, said.author));
            let first_seen = origin.and_then(|origin| origin.available).unwrap_or(said.available);
            self.first_seen = Some(self.first_seen.map_or(first_seen, |earlier| earlier.min(first_seen)));
            self.last_seen = Some(self.last_seen.map_or(said.available, |later| later.max(said.available)));
        }
        self.n_notes += 1;
        self.n_carried += u32::from(is_carried);
        self.n_by_others += u32::from(is_carried && is_by_other);
        self.state = self.state.max(state);
        self.last_state = self.last_state.or(state);
    }

    fn row(&self, feature: u32, window: FeatureWindow) -> Row {
        let [n_present, n_possible, n_absent] = self.n_by_state;
        Row {
            value: Some(self.seen.len() as f64),
            state: Some(self.state.unwrap_or(State::NotMentioned)),
            last_state: Some(self.last_state.unwrap_or(State::NotMentioned)),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            n_notes: self.n_notes,
            n_carried: self.n_carried,
            n_by_others: self.n_by_others,
            n_present,
            n_possible,
            n_absent,
            ..Row::new(feature, Some(window))
        }
    }
}

#[cfg(test)]
mod tests;
