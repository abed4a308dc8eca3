//! Readings of sentences in the segment cache, and what they spare the model.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::Result;
use crate::cache::{CacheOptions, SegmentCache};
use crate::recognize::{Effort, ReadingStore};

/// What the cache spared a run. These figures differ between equal runs, as workers and caches do.
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
        Ok(CachedReadings { cache, sentences: zero(), read: zero(), micros: zero(), saved_micros: zero() })
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
}

impl ReadingStore for CachedReadings {
    fn get(&self, key: u128) -> Option<Arc<[u8]>> {
        self.cache.get(key)
    }

    fn put(&self, key: u128, bytes: &[u8]) {
        self.cache.put(key, bytes);
    }

    fn tally(&self, effort: &Effort) {
        let add = |counter: &AtomicU64, number: u64| counter.fetch_add(number, Ordering::Relaxed);
        add(&self.sentences, effort.sentences);
        add(&self.read, effort.read);
        add(&self.micros, effort.micros);
        add(&self.saved_micros, effort.saved_micros);
    }
}
