//! The cohort: patients, and the times at which their features are made.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Index rows that stand in one block, unless they are of one patient.
const ROWS_PER_BLOCK: usize = 1024;

/// A time at which the features of a patient are made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IndexRow {
    pub time: i64,
    /// As the index file has it.
    pub label: Option<String>,
    /// Hash of the identifier of the note that the label was read from.
    pub label_note: Option<u64>,
}

/// Patients in the order of their identifiers, with their index rows in the order of time.
pub(super) struct Cohort {
    patients: Vec<(String, Vec<IndexRow>)>,
    places: FxHashMap<u128, u32>,
    /// The first patient of each block, and one past the last.
    blocks: Vec<u32>,
    block_of: Vec<u32>,
}

impl Cohort {
    /// A cohort of index rows; gives the number of rows that were left out, as they stand twice.
    pub fn new(rows: impl IntoIterator<Item = (String, IndexRow)>) -> (Cohort, u64) {
        let mut by_patient: BTreeMap<String, Vec<IndexRow>> = BTreeMap::new();
        for (patient_id, row) in rows {
            by_patient.entry(patient_id).or_default().push(row);
        }
        let mut n_twice = 0;
        for rows in by_patient.values_mut() {
            // Stable: of rows of one time the first in the file stays.
            rows.sort_by_key(|row| row.time);
            let n_rows = rows.len();
            rows.dedup_by_key(|row| row.time);
            n_twice += (n_rows - rows.len()) as u64;
        }
        let patients: Vec<(String, Vec<IndexRow>)> = by_patient.into_iter().collect();
        let places = patients.iter().map(|(id, _)| xxh3_128(id.as_bytes())).zip(0..).collect();
        let (mut blocks, mut block_of) = (vec![0], Vec::with_capacity(patients.len()));
        let mut n_rows = 0;
        for (place, (_, rows)) in (0..).zip(&patients) {
            if n_rows > 0 && n_rows + rows.len() > ROWS_PER_BLOCK {
                blocks.push(place);
                n_rows = 0;
            }
            n_rows += rows.len();
            block_of.push(blocks.len() as u32 - 1);
        }
        blocks.push(patients.len() as u32);
        (Cohort { patients, places, blocks, block_of }, n_twice)
    }

    /// The place of a patient; `None` for one who is not in the cohort.
    pub fn place(&self, patient_id: &str) -> Option<u32> {
        self.places.get(&xxh3_128(patient_id.as_bytes())).copied()
    }

    /// Identifier and index rows of the patient at a place.
    pub fn patient(&self, place: u32) -> Option<(&str, &[IndexRow])> {
        self.patients.get(place as usize).map(|(id, rows)| (id.as_str(), rows.as_slice()))
    }

    /// The number of patients.
    pub fn n_patients(&self) -> usize {
        self.patients.len()
    }

    /// Every index row, in order.
    pub fn rows(&self) -> impl Iterator<Item = &IndexRow> {
        self.patients.iter().flat_map(|(_, rows)| rows)
    }

    /// The number of blocks.
    pub fn n_blocks(&self) -> usize {
        self.blocks.len() - 1
    }

    /// The places of a block's patients.
    pub fn block(&self, block: usize) -> std::ops::Range<u32> {
        let bound = |block: usize| self.blocks.get(block).copied().unwrap_or(self.patients.len() as u32);
        bound(block)..bound(block + 1)
    }

    /// The block of the patient at a place.
    pub fn block_of(&self, place: u32) -> usize {
        self.block_of.get(place as usize).map_or(0, |block| *block as usize)
    }
}

/// The hash by which notes are known.
pub(super) fn note_key(note_id: &str) -> u64 {
    xxh3_64(note_id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_and_rows_are_in_order_and_in_blocks() {
        let row = |time| IndexRow { time, label: None, label_note: None };
        let mut rows: Vec<(String, IndexRow)> = (0..700).map(|time| ("b".to_owned(), row(699 - time))).collect();
        rows.extend((0..700).map(|time| ("a".to_owned(), row(time))));
        rows.push(("a".to_owned(), row(5)));
        let (cohort, n_twice) = Cohort::new(rows);
        assert_eq!((n_twice, cohort.n_patients(), cohort.n_blocks()), (1, 2, 2));
        assert_eq!((cohort.place("a"), cohort.place("b"), cohort.place("c")), (Some(0), Some(1), None));
        assert_eq!((cohort.block(1), cohort.block_of(1)), (1..2, 1));
        assert!(cohort.patient(1).unwrap().1.is_sorted_by_key(|row| row.time));
        let (empty, _) = Cohort::new([]);
        assert_eq!((empty.n_blocks(), empty.block(0)), (1, 0..0));
    }
}
