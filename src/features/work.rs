//! Blocks of patients turned into rows, several at a time, in order.

use std::path::Path;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cohort::{Cohort, IndexRow};
use super::leakage::{Found, Guard};
use super::long::IndexedRows;
use super::patient::{Asked, PatientRecord, Row};
use super::plan::Plan;
use super::record::{NoteRecord, Statement};
use super::report::NoteTiming;
use super::rules::NoteKind;
use super::spill::Spill;
use super::window::{DAY, FeatureWindow};
use crate::read::patients::{Patients, Sex};
use crate::{Error, Result};

/// Everything that rows are made of.
pub(super) struct Work<'a> {
    pub run: &'a Path,
    pub cohort: &'a Cohort,
    pub notes: Spill<NoteRecord>,
    pub statements: Spill<Statement>,
    pub plan: &'a Plan,
    pub guard: Guard,
    pub windows: &'a [FeatureWindow],
    pub patients: &'a Patients,
    pub pool: ThreadPool,
}

/// A pool of so many workers.
///
/// # Errors
/// The system gives no threads.
pub(super) fn pool(n_threads: usize) -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(n_threads).build();
    pool.map_err(|error| Error::internal(format!("starting {n_threads} workers: {error}")))
}

/// What one block gives.
pub(super) type Rows<'a> = Vec<IndexedRows<'a>>;

impl<'a> Work<'a> {
    /// Looks at all notes for leaks, before anything is made of them.
    ///
    /// # Errors
    /// The disk refuses something.
    pub fn survey(&self) -> Result<(Found, NoteTiming)> {
        let (mut found, mut timing) = (Found::default(), NoteTiming::default());
        let look = |block| {
            let (mut found, mut timing) = (Found::default(), NoteTiming::default());
            for (place, notes) in by_patient(self.cohort, block, self.notes.block(block)?, |note| note.patient) {
                timing.look(&notes);
                for index in self.index_rows(place) {
                    self.guard.inspect(&notes, index, &mut found);
                }
            }
            Ok((found, timing))
        };
        self.each_block(look, |(of_block, timing_of_block)| {
            found.add(&of_block);
            timing.filed_late += timing_of_block.filed_late;
            timing.available_before_dated += timing_of_block.available_before_dated;
            timing.addenda += timing_of_block.addenda;
            Ok(())
        })?;
        Ok((found, timing))
    }

    /// Makes the rows of every block, and something of them; hands that over in the order of the blocks.
    ///
    /// # Errors
    /// A statement is of no note of its patient, or the disk refuses something.
    pub fn for_each_block<T: Send>(
        &self,
        make: impl Fn(Rows<'_>) -> Result<T> + Sync,
        take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        self.each_block(|block| make(self.block(block)?), take)
    }

    fn each_block<T: Send>(
        &self,
        make: impl Fn(usize) -> Result<T> + Sync,
        mut take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let n_workers = self.pool.current_num_threads();
        for first in (0..self.cohort.n_blocks()).step_by(n_workers) {
            let blocks = first..(first + n_workers).min(self.cohort.n_blocks());
            let made: Vec<Result<T>> = self.pool.install(|| blocks.into_par_iter().map(&make).collect());
            made.into_iter().try_for_each(|made| take(made?))?;
        }
        Ok(())
    }

    fn index_rows(&self, place: u32) -> &'a [IndexRow] {
        self.cohort.patient(place).map_or(&[], |(_, rows)| rows)
    }

    fn block(&self, block: usize) -> Result<Rows<'a>> {
        let notes = by_patient(self.cohort, block, self.notes.block(block)?, |note| note.patient);
        let statements = by_patient(self.cohort, block, self.statements.block(block)?, |said| said.patient);
        let mut rows = Vec::new();
        for ((place, notes), (_, statements)) in notes.into_iter().zip(statements) {
            let Some((patient_id, index_rows)) = self.cohort.patient(place) else { continue };
            let record = PatientRecord::new(notes, statements, self.plan).map_err(|_| {
                let problem =
                    format!("patient {patient_id:?}: a table names a note that notes does not hold as annotated");
                Error::input(self.run, problem)
            })?;
            for index in index_rows {
                let left_out = self.guard.inspect(&record.notes, index, &mut Found::default());
                let rows_of_index = self.rows(&record, patient_id, index, &left_out);
                let label = index.label.as_deref();
                rows.push(IndexedRows { patient_id, index_time: index.time, label, rows: rows_of_index });
            }
        }
        Ok(rows)
    }

    fn rows(&self, record: &PatientRecord, patient_id: &str, index: &IndexRow, left_out: &FxHashSet<u32>) -> Vec<Row> {
        let asked = Asked { index_time: index.time, bound: self.guard.bound, left_out, windows: self.windows };
        let mut rows = record.rows(&asked, self.plan);
        let Some(patient) = self.patients.get(patient_id) else { return rows };
        let is = |sex| patient.sex.map(|known| f64::from(u8::from(known == sex)));
        let features = self.plan.patient;
        let age = patient.birth_date.and_then(|birth_date| age(birth_date, index.time));
        for (feature, value) in
            [(features.age, age), (features.female, is(Sex::Female)), (features.male, is(Sex::Male))]
        {
            rows.extend(value.map(|value| Row::of_patient(feature, value)));
        }
        rows.sort_by_key(|row| (row.feature, row.window));
        rows
    }
}

impl NoteTiming {
    fn look(&mut self, notes: &[NoteRecord]) {
        // The first version of a note by visit and date.
        let mut versions: FxHashMap<(u64, i64), i64> = FxHashMap::default();
        for note in notes {
            if let (Some(available), Some(dated)) = (note.available, note.dated) {
                let first = versions.entry((note.visit, dated)).or_insert(available);
                *first = (*first).min(available);
            }
        }
        for note in notes {
            let mut is_addendum = note.kind == NoteKind::Addendum;
            if let (Some(available), Some(dated)) = (note.available, note.dated) {
                self.filed_late += u64::from(available > dated.saturating_add(DAY));
                self.available_before_dated += u64::from(available < dated);
                is_addendum |= versions.get(&(note.visit, dated)).is_some_and(|first| *first < available);
            }
            self.addenda += u64::from(is_addendum);
        }
    }
}

/// The records of each patient of a block, also of those who have none.
fn by_patient<T>(cohort: &Cohort, block: usize, records: Vec<T>, patient: impl Fn(&T) -> u32) -> Vec<(u32, Vec<T>)> {
    let patients = cohort.block(block);
    let mut grouped: Vec<(u32, Vec<T>)> = patients.clone().map(|place| (place, Vec::new())).collect();
    for record in records {
        let place = patient(&record).checked_sub(patients.start);
        if let Some((_, own)) = place.and_then(|place| grouped.get_mut(place as usize)) {
            own.push(record);
        }
    }
    grouped
}

/// Completed years at a time; `None` before birth.
fn age(birth_date: Date, time: i64) -> Option<f64> {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let day = epoch.checked_add(SignedDuration::from_micros(time)).ok()?.date();
    let had_birthday = (day.month(), day.day()) >= (birth_date.month(), birth_date.day());
    let years = f64::from(day.year()) - f64::from(birth_date.year()) - f64::from(u8::from(!had_birthday));
    (day >= birth_date).then_some(years)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_in_completed_years() {
        let birth_date = Date::constant(1950, 6, 15);
        let day = |days: i64| days * DAY;
        assert_eq!(age(birth_date, day(0)), Some(19.0));
        assert_eq!(age(birth_date, day(165)), Some(20.0));
        assert_eq!(age(birth_date, day(164)), Some(19.0));
        assert_eq!(age(birth_date, day(-9000)), None);
    }
}
