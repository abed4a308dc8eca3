//! Records by block of patients: in memory up to a bound, above it in one temporary file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::record::{Bytes, Record};
use crate::{Error, Result};

/// Records that are on their way to their blocks, or there.
pub(super) struct Spill<T> {
    folder: PathBuf,
    held: Vec<Vec<T>>,
    /// Records for which the vectors have room.
    capacity: usize,
    max_capacity: usize,
    /// For each block the parts of the file that hold its records, in order: place and number of records.
    extents: Vec<Vec<(u64, usize)>>,
    file: Option<Mutex<File>>,
    n_bytes: u64,
}

impl<T: Record + Clone> Spill<T> {
    /// Blocks that may take so many bytes of memory together; more goes to a nameless file in `folder`.
    pub fn new(folder: &Path, n_blocks: usize, max_bytes: u64) -> Spill<T> {
        let max_capacity = usize::try_from(max_bytes).unwrap_or(usize::MAX) / size_of::<T>();
        Spill {
            folder: folder.to_owned(),
            held: std::iter::repeat_with(Vec::new).take(n_blocks).collect(),
            capacity: 0,
            max_capacity,
            extents: vec![Vec::new(); n_blocks],
            file: None,
            n_bytes: 0,
        }
    }

    /// Adds a record to a block.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn push(&mut self, block: usize, record: T) -> Result<()> {
        let Some(records) = self.held.get_mut(block) else { return Err(Error::internal("a record of no block")) };
        let before = records.capacity();
        records.push(record);
        self.capacity += records.capacity() - before;
        if self.capacity > self.max_capacity { self.put_aside() } else { Ok(()) }
    }

    /// Moves everything that is held to the file.
    fn put_aside(&mut self) -> Result<()> {
        let failed = |error| Error::io("writing a temporary file in", &self.folder, error);
        let file = match &mut self.file {
            Some(file) => file,
            empty => empty.insert(Mutex::new(tempfile::tempfile_in(&self.folder).map_err(failed)?)),
        };
        let file = file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.n_bytes)).map_err(failed)?;
        let mut bytes = Vec::new();
        for (records, extents) in self.held.iter_mut().zip(&mut self.extents) {
            if records.is_empty() {
                continue;
            }
            bytes.clear();
            records.iter().for_each(|record| record.put(&mut bytes));
            file.write_all(&bytes).map_err(failed)?;
            extents.push((self.n_bytes, records.len()));
            self.n_bytes += bytes.len() as u64;
            *records = Vec::new();
        }
        self.capacity = 0;
        Ok(())
    }

    /// The records of a block, in the order in which they came.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn block(&self, block: usize) -> Result<Vec<T>> {
        let failed = |error| Error::io("reading a temporary file in", &self.folder, error);
        let mut records = Vec::new();
        let extents = self.extents.get(block).map_or(&[][..], Vec::as_slice);
        if let (Some(file), false) = (&self.file, extents.is_empty()) {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bytes = Vec::new();
            for &(place, n_records) in extents {
                bytes.resize(n_records * T::BYTES, 0);
                file.seek(SeekFrom::Start(place)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed)?;
                records.extend(bytes.chunks_exact(T::BYTES).map(|record| T::take(Bytes(record))));
            }
        }
        records.extend_from_slice(self.held.get(block).map_or(&[], Vec::as_slice));
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{NoteRecord, Statement};
    use super::super::rules::{Holder, NoteKind};
    use super::*;
    use crate::assertion::Presence;

    fn statement(number: u32) -> Statement {
        Statement {
            patient: number,
            note: u64::from(number) << 33,
            segment: u64::MAX - u64::from(number),
            topic: number + 1,
            presence: [Presence::Present, Presence::Possible, Presence::Absent][number as usize % 3],
            holder: Holder::numbered(number as u8 % 11),
            value: number.is_multiple_of(2).then_some(f64::from(number) / 3.0),
            taken_at: number.is_multiple_of(3).then_some(-i64::from(number)),
        }
    }

    #[test]
    fn a_block_comes_back_as_it_went() {
        let folder = tempfile::tempdir().unwrap();
        for max_bytes in [0, 1000, 1 << 20] {
            let mut spill = Spill::new(folder.path(), 3, max_bytes);
            for number in 0..100 {
                spill.push(number as usize % 3, statement(number)).unwrap();
            }
            assert_eq!(spill.n_bytes > 0, max_bytes < 1 << 20);
            for block in 0..3 {
                let expected: Vec<Statement> = (0..100).filter(|n| *n as usize % 3 == block).map(statement).collect();
                assert_eq!(spill.block(block).unwrap(), expected);
            }
        }
    }

    #[test]
    fn a_note_comes_back_as_it_went() {
        let note = NoteRecord {
            patient: 7,
            note: 1 << 60,
            available: Some(-5),
            dated: None,
            row: 3,
            author: 9,
            visit: 11,
            kind: NoteKind::Addendum,
            sections: 1 << 127 | 5,
        };
        let mut bytes = Vec::new();
        note.put(&mut bytes);
        assert_eq!(bytes.len(), NoteRecord::BYTES);
        assert_eq!(NoteRecord::take(Bytes(&bytes)), note);
    }
}
