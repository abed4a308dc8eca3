//! The segment cache: bytes by 128-bit key, in memory for a run, and in a folder for the runs to come.
//!
//! It knows nothing of what the bytes say. It holds keyed hashes and what was made of sentences, never their text. What it
//! answers is what was put under that key, or nothing; so a run gives the same rows with it, without it, and whatever it
//! has forgotten.

mod disk;
mod memory;

use std::path::PathBuf;
use std::sync::Arc;

use crate::Result;
use disk::DiskCache;
use memory::MemoryCache;

/// Bytes in memory unless the configuration says otherwise.
const MEMORY_BYTES: u64 = 24_000_000;
/// Bytes on disk unless the configuration says otherwise.
const DISK_BYTES: u64 = 1_000_000_000;

/// Where and how large a cache is.
#[derive(Clone, Debug, Default)]
pub(crate) struct CacheOptions {
    /// The folder of the cache on disk.
    pub folder: Option<PathBuf>,
    /// Its bound in bytes, or that of the cache in memory where there is no folder.
    pub bytes: Option<u64>,
    /// The secret of the site: without it nothing can be found on disk.
    pub key: Option<[u8; 32]>,
}

/// Bytes by key, shared by all workers.
pub(crate) struct SegmentCache {
    memory: MemoryCache,
    disk: Option<DiskCache>,
    /// The key of the hashes on disk, made of the folder's salt and the site's secret.
    disk_key: [u8; 32],
}

impl SegmentCache {
    /// Opens a cache.
    ///
    /// # Errors
    /// The folder cannot be used: another process has it, or it holds a file that is no cache.
    pub fn open(options: &CacheOptions) -> Result<SegmentCache> {
        let Some(folder) = &options.folder else {
            let memory = MemoryCache::new(options.bytes.unwrap_or(MEMORY_BYTES));
            return Ok(SegmentCache { memory, disk: None, disk_key: [0; 32] });
        };
        let disk = DiskCache::open(folder, options.bytes.unwrap_or(DISK_BYTES))?;
        let secret = [&disk.salt().to_le_bytes()[..], options.key.as_ref().map_or(&[], |key| &key[..])].concat();
        let disk_key = blake3::derive_key("noteward cache on disk 1", &secret);
        Ok(SegmentCache { memory: MemoryCache::new(MEMORY_BYTES), disk: Some(disk), disk_key })
    }

    /// The bytes under a key.
    pub fn get(&self, key: u128) -> Option<Arc<[u8]>> {
        if let Some(found) = self.memory.get(key) {
            return Some(found);
        }
        let found: Arc<[u8]> = self.disk.as_ref()?.get(self.disk_hash(key))?.into();
        self.memory.put(key, Arc::clone(&found));
        Some(found)
    }

    /// Keeps bytes under a key.
    pub fn put(&self, key: u128, bytes: &[u8]) {
        self.memory.put(key, bytes.into());
        if let Some(disk) = &self.disk {
            disk.put(self.disk_hash(key), bytes);
        }
    }

    /// Writes what still waits to be written to disk, and tells what went wrong with the folder, if anything did.
    pub fn close(self) -> Option<String> {
        self.disk.and_then(DiskCache::close)
    }

    fn disk_hash(&self, key: u128) -> u128 {
        let mut salted = [0; 16];
        blake3::Hasher::new_keyed(&self.disk_key).update(&key.to_le_bytes()).finalize_xof().fill(&mut salted);
        u128::from_le_bytes(salted)
    }
}
