//! Note ids seen in a run, for rejecting those that come again, in bounded memory.
//!
//! Ids are kept as 128-bit XXH3 hashes. The first 32,768 stay in a hash set; so many more are sorted into a run in a
//! temporary file, and so on. Bloom filters over the runs, each twice as large as the one before, keep look-ups off the disk
//! for all but a few ids that were not seen. Memory is 1 MB, 1.5 bytes for each id, and at most about 100 MB.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_128;

const RUN_LENGTH: usize = 1 << 15;
/// Bits of a filter for each id: one id in 200 that was not seen is looked up in vain.
const BITS_PER_ID: u64 = 12;
/// Runs under one filter at most; more than that share the last one, which grows no further.
const MOST_RUNS: u64 = 1024;

/// The ids seen so far.
#[derive(Default)]
pub(crate) struct SeenIds {
    recent: FxHashSet<u128>,
    spilled: Option<Spilled>,
}

/// Sorted runs of hashes on disk.
struct Spilled {
    file: File,
    generations: Vec<Generation>,
}

/// Consecutive runs under one filter.
struct Generation {
    first_run: u64,
    n_runs: u64,
    /// Runs for which the filter is made.
    most_runs: u64,
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
        Ok(Spilled { file: tempfile::tempfile()?, generations: Vec::new() })
    }

    fn push(&mut self, run: &[u128]) -> io::Result<()> {
        let (first_run, most_runs) = match self.generations.last() {
            None => (0, 1),
            Some(last) => (last.first_run + last.n_runs, last.most_runs * 2),
        };
        let is_full = self.generations.last().is_none_or(|last| last.n_runs >= last.most_runs);
        if is_full && most_runs <= MOST_RUNS {
            let n_bits = most_runs * run.len() as u64 * BITS_PER_ID;
            let filter = vec![0; n_bits.div_ceil(64) as usize];
            self.generations.push(Generation { first_run, n_runs: 0, most_runs, filter });
        }
        let Some(generation) = self.generations.last_mut() else { return Ok(()) };
        generation.n_runs += 1;
        self.file.seek(SeekFrom::End(0))?;
        let mut file = BufWriter::new(&self.file);
        for &hash in run {
            file.write_all(&hash.to_be_bytes())?;
            let n_words = generation.filter.len() as u64;
            for bit in filter_bits(hash, n_words * 64) {
                generation.filter[(bit / 64) as usize] |= 1 << (bit % 64);
            }
        }
        file.flush()
    }

    fn contains(&mut self, hash: u128, run_length: usize) -> io::Result<bool> {
        let may_hold = |generation: &&Generation| {
            let bits = filter_bits(hash, generation.filter.len() as u64 * 64);
            bits.iter().all(|bit| generation.filter[(bit / 64) as usize] & (1 << (bit % 64)) != 0)
        };
        for generation in self.generations.iter().filter(may_hold) {
            for run in generation.first_run..generation.first_run + generation.n_runs {
                if is_in_run(&mut self.file, run * run_length as u64, run_length as u64, hash)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// Looks a hash up in a sorted run that begins with the given hash of the file.
fn is_in_run(file: &mut File, base: u64, length: u64, hash: u128) -> io::Result<bool> {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        let mut bytes = [0; 16];
        file.seek(SeekFrom::Start((base + middle) * 16))?;
        file.read_exact(&mut bytes)?;
        match u128::from_be_bytes(bytes).cmp(&hash) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(false)
}

/// Four bits of a filter, from parts of the hash.
fn filter_bits(hash: u128, n_bits: u64) -> [u64; 4] {
    let (low, high) = (hash as u64, (hash >> 64) as u64);
    [low, high, low.rotate_left(32), high.rotate_left(32)].map(|part| part % n_bits.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_repeated_ids_in_memory_and_on_disk() {
        let mut seen = SeenIds::default();
        let hash = |number: u128| xxh3_128(&number.to_be_bytes());
        // More runs than the filters are made for.
        let n_ids = 2100 * 8;
        for number in 0..n_ids {
            assert!(seen.insert_hash(hash(number), 8).unwrap(), "{number}");
        }
        let generations = &seen.spilled.as_ref().unwrap().generations;
        assert_eq!(generations.len(), 11);
        assert!(generations.iter().map(|generation| generation.n_runs).sum::<u64>() == 2100);
        for number in (0..n_ids).step_by(7) {
            assert!(!seen.insert_hash(hash(number), 8).unwrap(), "{number}");
        }
        assert!(seen.insert_hash(hash(n_ids), 8).unwrap());
        assert!(seen.insert("a").unwrap() && !seen.insert("a").unwrap());
    }
}
