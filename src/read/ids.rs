//! Note ids seen in a run, for rejecting those that come again, in bounded memory.
//!
//! Ids are kept as 128-bit XXH3 hashes. The first million stay in a hash set; each further million is sorted into a run
//! in a temporary file. A Bloom filter over the runs (64 MiB, 10 bits an id at 50 million ids) keeps look-ups off the
//! disk for all but a few ids that were not seen. Memory is at most about 130 MiB, whatever the number of notes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_128;

const RUN_LENGTH: usize = 1 << 20;
const FILTER_BITS: u64 = 1 << 29;

/// The ids seen so far.
#[derive(Default)]
pub(crate) struct SeenIds {
    recent: FxHashSet<u128>,
    spilled: Option<Spilled>,
}

/// Sorted runs of hashes on disk.
struct Spilled {
    file: File,
    n_runs: u64,
    filter: Vec<u64>,
}

impl SeenIds {
    /// Whether the id is new; it is remembered.
    ///
    /// # Errors
    /// The temporary file cannot be written or read.
    pub fn insert(&mut self, id: &str) -> io::Result<bool> {
        self.insert_hash(xxh3_128(id.as_bytes()), RUN_LENGTH)
    }

    fn insert_hash(&mut self, hash: u128, run_length: usize) -> io::Result<bool> {
        if self.recent.contains(&hash) {
            return Ok(false);
        }
        if let Some(spilled) = &mut self.spilled
            && spilled.contains(hash, run_length)?
        {
            return Ok(false);
        }
        self.recent.insert(hash);
        if self.recent.len() >= run_length {
            let mut run: Vec<u128> = self.recent.drain().collect();
            run.sort_unstable();
            match &mut self.spilled {
                Some(spilled) => spilled.push(&run)?,
                None => self.spilled.insert(Spilled::new()?).push(&run)?,
            }
        }
        Ok(true)
    }
}

impl Spilled {
    fn new() -> io::Result<Spilled> {
        Ok(Spilled { file: tempfile::tempfile()?, n_runs: 0, filter: vec![0; (FILTER_BITS / 64) as usize] })
    }

    fn push(&mut self, run: &[u128]) -> io::Result<()> {
        self.file.seek(SeekFrom::End(0))?;
        let mut bytes = Vec::with_capacity(run.len() * 16);
        for &hash in run {
            bytes.extend_from_slice(&hash.to_be_bytes());
            for bit in filter_bits(hash) {
                self.filter[(bit / 64) as usize] |= 1 << (bit % 64);
            }
        }
        self.file.write_all(&bytes)?;
        self.n_runs += 1;
        Ok(())
    }

    fn contains(&mut self, hash: u128, run_length: usize) -> io::Result<bool> {
        if filter_bits(hash).iter().any(|bit| self.filter[(bit / 64) as usize] & (1 << (bit % 64)) == 0) {
            return Ok(false);
        }
        for run in 0..self.n_runs {
            let base = run * run_length as u64;
            let (mut low, mut high) = (0, run_length as u64);
            while low < high {
                let middle = low + (high - low) / 2;
                let mut bytes = [0; 16];
                self.file.seek(SeekFrom::Start((base + middle) * 16))?;
                self.file.read_exact(&mut bytes)?;
                match u128::from_be_bytes(bytes).cmp(&hash) {
                    std::cmp::Ordering::Equal => return Ok(true),
                    std::cmp::Ordering::Less => low = middle + 1,
                    std::cmp::Ordering::Greater => high = middle,
                }
            }
        }
        Ok(false)
    }
}

/// Four bits of the filter, from parts of the hash.
fn filter_bits(hash: u128) -> [u64; 4] {
    let (low, high) = (hash as u64, (hash >> 64) as u64);
    [low, high, low.rotate_left(32), high.rotate_left(32)].map(|part| part % FILTER_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_repeated_ids_in_memory_and_on_disk() {
        let mut seen = SeenIds::default();
        let hash = |number: u128| xxh3_128(&number.to_be_bytes());
        for number in 0..100 {
            assert!(seen.insert_hash(hash(number), 8).unwrap(), "{number}");
        }
        for number in 0..100 {
            assert!(!seen.insert_hash(hash(number), 8).unwrap(), "{number}");
        }
        assert!(seen.insert_hash(hash(100), 8).unwrap());
        assert!(seen.insert("a").unwrap() && !seen.insert("a").unwrap());
    }
}
