//! Readings of sentences in the segment cache, and what they spare the model.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::Result;
use crate::cache::{CacheOptions, SegmentCache};
use crate::recognize::{Effort, ReadingStore, Turn};

/// What the cache spared a run. Times differ between equal runs, and the number read where the cache forgets or is warm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CacheUse {
    /// Sentences of which the model had to say something.
    pub sentences: u64,
    /// Those that went through the model; the others had been read before.
    pub read: u64,
    /// Seconds in the model, over all workers.
    pub model_seconds: f64,
    /// Seconds that the sentences from the cache took when they were read.
    pub saved_seconds: f64,
}

impl CacheUse {
    /// The share of sentences that did not go through the model.
    pub fn hit_rate(&self) -> f64 {
        self.sentences.saturating_sub(self.read) as f64 / self.sentences.max(1) as f64
    }
}

/// The readings of a run.
pub(super) struct CachedReadings {
    cache: SegmentCache,
    /// Sentences that a worker reads now: notes that copy one another stand close together, and so come to the workers at the
    /// same time.
    begun: Mutex<FxHashSet<u128>>,
    /// Tells who waits that one of them was read or given up.
    ended: Condvar,
    sentences: AtomicU64,
    read: AtomicU64,
    micros: AtomicU64,
    saved_micros: AtomicU64,
}

impl CachedReadings {
    /// Opens the cache.
    ///
    /// # Errors
    /// Its folder cannot be used.
    pub fn open(options: &CacheOptions) -> Result<CachedReadings> {
        let cache = SegmentCache::open(options)?;
        let zero = AtomicU64::default;
        Ok(CachedReadings {
            cache,
            begun: Mutex::default(),
            ended: Condvar::new(),
            sentences: zero(),
            read: zero(),
            micros: zero(),
            saved_micros: zero(),
        })
    }

    /// What the cache spared so far.
    pub fn usage(&self) -> CacheUse {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheUse {
            sentences: load(&self.sentences),
            read: load(&self.read),
            model_seconds: load(&self.micros) as f64 / 1e6,
            saved_seconds: load(&self.saved_micros) as f64 / 1e6,
        }
    }

    /// Writes what waits to be written, and tells what went wrong with the cache, if anything did.
    pub fn close(self) -> Option<String> {
        self.cache.close()
    }

    fn begun(&self) -> MutexGuard<'_, FxHashSet<u128>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, key: u128) {
        if self.begun().remove(&key) {
            self.ended.notify_all();
        }
    }
}

impl ReadingStore for CachedReadings {
    fn begin(&self, key: u128) -> Turn {
        if let Some(bytes) = self.cache.get(key) {
            return Turn::Done(bytes);
        }
        if !self.begun().insert(key) {
            return Turn::Others;
        }
        // Somebody may have ended it since the first look.
        match self.cache.get(key) {
            Some(bytes) => {
                self.end(key);
                Turn::Done(bytes)
            }
            None => Turn::Mine,
        }
    }

    fn put(&self, key: u128, bytes: &[u8]) {
        self.cache.put(key, bytes);
        self.end(key);
    }

    fn give_up(&self, key: u128) {
        self.end(key);
    }

    fn wait(&self, key: u128) -> Option<Arc<[u8]>> {
        let begun = self.ended.wait_while(self.begun(), |begun| begun.contains(&key));
        drop(begun.unwrap_or_else(PoisonError::into_inner));
        self.cache.get(key)
    }

    fn tally(&self, effort: &Effort) {
        let add = |counter: &AtomicU64, number: u64| counter.fetch_add(number, Ordering::Relaxed);
        add(&self.sentences, effort.sentences);
        add(&self.read, effort.read);
        add(&self.micros, effort.micros);
        add(&self.saved_micros, effort.saved_micros);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bytes_of(turn: Turn) -> Option<Vec<u8>> {
        match turn {
            Turn::Done(bytes) => Some(bytes.to_vec()),
            Turn::Mine | Turn::Others => None,
        }
    }

    #[test]
    fn a_sentence_is_read_by_one_worker_at_a_time() {
        let readings = CachedReadings::open(&CacheOptions::default()).unwrap();
        assert_eq!(readings.begin(1), Turn::Mine);
        assert_eq!(readings.begin(1), Turn::Others);
        assert_eq!(readings.begin(2), Turn::Mine);
        std::thread::scope(|threads| {
            let waiting = threads.spawn(|| (readings.wait(1), readings.wait(2)));
            std::thread::sleep(Duration::from_millis(5));
            readings.put(1, b"one");
            readings.give_up(2);
            let (one, two) = waiting.join().unwrap();
            assert_eq!(one.as_deref(), Some(b"one".as_slice()));
            assert!(two.is_none());
        });
        assert_eq!(bytes_of(readings.begin(1)), Some(b"one".to_vec()));
        assert_eq!(readings.begin(2), Turn::Mine, "what was given up can be begun again");
    }
}
