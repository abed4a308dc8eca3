//! The part in memory: bounded by bytes, sharded, and keeping what was asked for again.

use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use rustc_hash::FxBuildHasher;

/// Bytes that an entry takes besides its own: key, reference, counts, its place in the table and in the queue.
const ENTRY_BYTES: u64 = 112;
/// Bytes of an entry's own, by which the tables are laid out.
const USUAL_BYTES: u64 = 64;

type Entries = Cache<u128, Arc<[u8]>, Weight, FxBuildHasher>;

/// Bytes by key.
pub(super) struct MemoryCache {
    /// `None` where the bound leaves no room.
    entries: Option<Entries>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<u128, Arc<[u8]>> for Weight {
    fn weight(&self, _: &u128, bytes: &Arc<[u8]>) -> u64 {
        bytes.len() as u64 + ENTRY_BYTES
    }
}

impl MemoryCache {
    /// A cache of at most so many bytes.
    pub fn new(bytes: u64) -> MemoryCache {
        let n_entries = usize::try_from(bytes / (ENTRY_BYTES + USUAL_BYTES)).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new().estimated_items_capacity(n_entries).weight_capacity(bytes).build();
        let entries = options.ok().filter(|_| n_entries > 0);
        let entries =
            entries.map(|options| Cache::with_options(options, Weight, FxBuildHasher, DefaultLifecycle::default()));
        MemoryCache { entries }
    }

    pub fn get(&self, key: u128) -> Option<Arc<[u8]>> {
        self.entries.as_ref()?.get(&key)
    }

    pub fn put(&self, key: u128, bytes: Arc<[u8]>) {
        if let Some(entries) = &self.entries {
            entries.insert(key, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_was_put_and_stays_within_its_bound() {
        let cache = MemoryCache::new(100_000);
        for key in 0..10_000u128 {
            cache.put(key << 64 | key, key.to_le_bytes().as_slice().into());
        }
        let entries = cache.entries.as_ref().unwrap();
        assert!(entries.weight() <= 100_000 && entries.len() > 100, "{} bytes", entries.weight());
        let found = (0..10_000u128).filter_map(|key| Some((key, cache.get(key << 64 | key)?)));
        assert!(found.clone().all(|(key, bytes)| *bytes == key.to_le_bytes()));
        assert_eq!(found.count(), entries.len());
        let none = MemoryCache::new(0);
        none.put(1, [2].as_slice().into());
        assert!(none.get(1).is_none());
    }
}
