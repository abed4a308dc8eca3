//! The part on disk: a folder with two generations of entries, each a crash-safe key-value file.
//!
//! Entries go to the young generation, and an entry of the old one that is asked for goes there again. When the young one
//! holds half of what the folder may hold, the old one is deleted and the young one becomes the old. So the folder stays
//! within its bound, and forgets what no run asks for. Entries wait in memory and are written many at a time; what a killed
//! process had not written is lost and nothing else. Every entry has a checksum, and one that does not match is none.
//!
//! A fault of the folder during a run costs the cache and not the run.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use redb::{Database, DatabaseError, ReadableDatabase, TableDefinition, TableError};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{Error, Result};

const ENTRIES: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("entries 1");
const LOCK_FILE: &str = "noteward-cache.lock";
const SALT_FILE: &str = "noteward-cache.salt";
/// Least bound: two generations and their bookkeeping.
const LEAST_BYTES: u64 = 16_000_000;
/// Entries that wait are written when they come to so many bytes.
const WAITING_BYTES: usize = 1 << 20;
/// Pages of a generation that stay in memory.
const PAGE_CACHE_BYTES: usize = 8 << 20;

/// A folder of entries that this process holds.
pub(super) struct DiskCache {
    folder: PathBuf,
    bytes: u64,
    salt: u128,
    generations: RwLock<Generations>,
    waiting: Mutex<Waiting>,
    n_damaged: AtomicU64,
    is_off: AtomicBool,
    fault: Mutex<Option<String>>,
    /// Holds the lock while the run lasts.
    _locked: File,
}

/// The two files; the young one's number is the higher.
struct Generations {
    number: u64,
    young: Database,
    old: Option<Database>,
}

#[derive(Default)]
struct Waiting {
    entries: Vec<(u128, Vec<u8>)>,
    n_bytes: usize,
}

impl DiskCache {
    /// Opens the folder, creating it where it does not exist.
    ///
    /// # Errors
    /// Another process has it, a file of it is no cache or damaged, or the bound is too small.
    pub fn open(folder: &Path, bytes: u64) -> Result<DiskCache> {
        if bytes < LEAST_BYTES {
            let problem = format!("cache-size: a cache on disk takes at least {LEAST_BYTES} bytes, found {bytes}");
            return Err(Error::config(problem));
        }
        fs::create_dir_all(folder).map_err(|error| Error::io("creating", folder, error))?;
        let locked = lock(folder)?;
        let salt = salt(&folder.join(SALT_FILE))?;
        let numbers = numbers(folder)?;
        let (older, kept) = numbers.split_at(numbers.len().saturating_sub(2));
        for &number in older {
            remove(&generation_path(folder, number))?;
        }
        let open = |number: u64| open_generation(&generation_path(folder, number));
        let generations = match *kept {
            [old, young] => Generations { number: young, young: open(young)?, old: Some(open(old)?) },
            [young] => Generations { number: young, young: open(young)?, old: None },
            _ => Generations { number: 0, young: open(0)?, old: None },
        };
        Ok(DiskCache {
            folder: folder.to_owned(),
            bytes,
            salt,
            generations: RwLock::new(generations),
            waiting: Mutex::default(),
            n_damaged: AtomicU64::new(0),
            is_off: AtomicBool::new(false),
            fault: Mutex::default(),
            _locked: locked,
        })
    }

    /// A number drawn when the folder was made.
    pub fn salt(&self) -> u128 {
        self.salt
    }

    pub fn get(&self, key: u128) -> Option<Vec<u8>> {
        let (sealed, from_old) = self.guarded(|| {
            let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = look_up(&generations.young, key)? {
                return Ok(Some((found, false)));
            }
            let old = generations.old.as_ref().map(|old| look_up(old, key)).transpose()?;
            Ok(old.flatten().map(|found| (found, true)))
        })??;
        let Some(bytes) = unseal(key, &sealed) else {
            self.n_damaged.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let bytes = bytes.to_vec();
        if from_old {
            self.put(key, &bytes);
        }
        Some(bytes)
    }

    pub fn put(&self, key: u128, bytes: &[u8]) {
        let full = {
            let mut waiting = held(&self.waiting);
            waiting.n_bytes += bytes.len() + 40;
            waiting.entries.push((key, seal(key, bytes)));
            if waiting.n_bytes < WAITING_BYTES {
                return;
            }
            std::mem::take(&mut *waiting)
        };
        self.guarded(|| self.write(full));
    }

    /// Writes what waits; tells what went wrong, if anything did.
    pub fn close(self) -> Option<String> {
        let rest = std::mem::take(&mut *held(&self.waiting));
        self.guarded(|| self.write(rest));
        let n_damaged = self.n_damaged.load(Ordering::Relaxed);
        let folder = self.folder.display();
        let fault = held(&self.fault).take();
        if let Some(fault) = fault {
            return Some(format!(
                "the cache in {folder} was not used further: {fault}; remove its files if this lasts"
            ));
        }
        (n_damaged > 0).then(|| {
            format!("{n_damaged} entries of the cache in {folder} are damaged and were made anew; remove its files")
        })
    }

    fn write(&self, waiting: Waiting) -> Result<(), redb::Error> {
        if waiting.entries.is_empty() {
            return Ok(());
        }
        let size = {
            let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
            let mut transaction = generations.young.begin_write()?;
            // A killed process leaves a file that opens at once.
            transaction.set_quick_repair(true);
            {
                let mut table = transaction.open_table(ENTRIES)?;
                for (key, sealed) in &waiting.entries {
                    table.insert(key, sealed.as_slice())?;
                }
            }
            transaction.commit()?;
            fs::metadata(generation_path(&self.folder, generations.number)).map_err(redb::Error::Io)?.len()
        };
        if size >= self.bytes / 2 { self.turn() } else { Ok(()) }
    }

    /// Deletes the old generation, and lets the young one become the old.
    fn turn(&self) -> Result<(), redb::Error> {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        let current = generation_path(&self.folder, generations.number);
        if fs::metadata(&current).map_err(redb::Error::Io)?.len() < self.bytes / 2 {
            // Another worker was faster.
            return Ok(());
        }
        let number = generations.number + 1;
        let young = builder().create(generation_path(&self.folder, number))?;
        let full = std::mem::replace(&mut generations.young, young);
        generations.old = Some(full);
        generations.number = number;
        if let Some(dead) = number.checked_sub(2) {
            fs::remove_file(generation_path(&self.folder, dead)).map_err(redb::Error::Io)?;
        }
        Ok(())
    }

    /// Does something with the files. The first fault, or panic of the store over a damaged file, turns the cache off.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, redb::Error>) -> Option<T> {
        if self.is_off.load(Ordering::Relaxed) {
            return None;
        }
        let problem = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a file of it is damaged".to_owned(),
        };
        self.is_off.store(true, Ordering::Relaxed);
        held(&self.fault).get_or_insert(problem);
        None
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(PAGE_CACHE_BYTES);
    builder
}

fn open_generation(path: &Path) -> Result<Database> {
    let opened = catch_unwind(|| builder().create(path));
    let problem = match opened {
        Ok(Ok(database)) => return Ok(database),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => "another process has it open".to_owned(),
        Ok(Err(error)) => format!("not a cache of noteward, or damaged ({error}); remove it, or name another --cache"),
        Err(_) => "damaged; remove it, or name another --cache".to_owned(),
    };
    Err(Error::input(path, problem))
}

fn look_up(database: &Database, key: u128) -> Result<Option<Vec<u8>>, redb::Error> {
    let table = match database.begin_read()?.open_table(ENTRIES) {
        Ok(table) => table,
        // Nothing was written yet.
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(table.get(key)?.map(|found| found.value().to_vec()))
}

/// The bytes, after the checksum of key and bytes.
fn seal(key: u128, bytes: &[u8]) -> Vec<u8> {
    let mut sealed = checksum(key, bytes).to_le_bytes().to_vec();
    sealed.extend_from_slice(bytes);
    sealed
}

/// The bytes that were sealed; `None` where they are others than those.
fn unseal(key: u128, sealed: &[u8]) -> Option<&[u8]> {
    let (sum, bytes) = sealed.split_first_chunk()?;
    (u64::from_le_bytes(*sum) == checksum(key, bytes)).then_some(bytes)
}

fn checksum(key: u128, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, key as u64 ^ (key >> 64) as u64)
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK_FILE);
    let options = File::options().write(true).create(true).truncate(false).open(&path);
    let file = options.map_err(|error| Error::io("creating", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::input(folder, "another run uses this cache; wait for it, name another --cache, or leave it out"))
        }
        Err(TryLockError::Error(error)) => Err(Error::io("locking", &path, error)),
    }
}

/// Reads the folder's salt, or draws it.
fn salt(path: &Path) -> Result<u128> {
    match fs::read(path) {
        Ok(bytes) => {
            let bytes: [u8; 16] = bytes
                .try_into()
                .map_err(|_| Error::input(path, "expected 16 bytes; remove the files of this cache"))?;
            Ok(u128::from_le_bytes(bytes))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // The standard library seeds its hash maps with random numbers of the system.
            let draw = |part: u8| RandomState::new().hash_one(part);
            let salt = u128::from(draw(0)) << 64 | u128::from(draw(1));
            let folder = path.parent().unwrap_or(Path::new("."));
            let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
                file.write_all(&salt.to_le_bytes())?;
                file.as_file().sync_all()?;
                file.persist(path).map_err(|error| error.error)
            });
            written.map_err(|error| Error::io("writing", path, error))?;
            Ok(salt)
        }
        Err(error) => Err(Error::io("reading", path, error)),
    }
}

/// The numbers of the generations in the folder, the oldest first.
fn numbers(folder: &Path) -> Result<Vec<u64>> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io("listing", folder, error))?;
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| Error::io("listing", folder, error))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("noteward-cache-")?.strip_suffix(".redb"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn generation_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("noteward-cache-{number:06}.redb"))
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|error| Error::io("removing", path, error))
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(key: u128) -> Vec<u8> {
        key.to_le_bytes().repeat(1 + (key % 20) as usize)
    }

    fn spread(number: u128) -> u128 {
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
    }

    fn size(folder: &Path) -> u64 {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }

    #[test]
    fn another_run_finds_what_was_put() {
        let folder = tempfile::tempdir().unwrap();
        let first = DiskCache::open(folder.path(), LEAST_BYTES).unwrap();
        let salt = first.salt();
        assert!(
            DiskCache::open(folder.path(), LEAST_BYTES).is_err_and(|error| error.to_string().contains("another run"))
        );
        (0..1000).for_each(|number| first.put(spread(number), &value(number)));
        assert_eq!(first.close(), None);
        let second = DiskCache::open(folder.path(), LEAST_BYTES).unwrap();
        assert_eq!(second.salt(), salt);
        assert!((0..1000).all(|number| second.get(spread(number)) == Some(value(number))));
        assert_eq!(second.get(spread(1000)), None);
    }

    #[test]
    fn stays_within_its_bound_and_keeps_what_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let cache = DiskCache::open(folder.path(), LEAST_BYTES).unwrap();
        cache.put(1, b"asked for");
        let mut largest = 0;
        for number in 0..200_000 {
            cache.put(spread(2 + number), &value(number));
            if number % 1000 == 0 {
                cache.get(1);
                largest = largest.max(size(folder.path()));
            }
        }
        assert!(cache.generations.read().unwrap().number >= 3, "the generations turned");
        assert!(largest <= LEAST_BYTES, "{largest} bytes");
        assert_eq!(cache.get(1).as_deref(), Some(&b"asked for"[..]));
        assert_eq!(cache.get(spread(2)), None);
        assert_eq!(cache.close(), None);
    }

    #[test]
    fn damage_gives_nothing_or_is_refused_but_never_other_bytes() {
        let whole = tempfile::tempdir().unwrap();
        let cache = DiskCache::open(whole.path(), LEAST_BYTES).unwrap();
        (0..2000).for_each(|number| cache.put(spread(number), &value(number)));
        cache.close();
        let bytes = fs::read(generation_path(whole.path(), 0)).unwrap();
        let mut n_noticed = 0;
        for place in 0..24 {
            let folder = tempfile::tempdir().unwrap();
            let mut damaged = bytes.clone();
            let from = damaged.len() * place / 24;
            damaged[from..].iter_mut().step_by(997).for_each(|byte| *byte ^= 0x55);
            fs::write(generation_path(folder.path(), 0), damaged).unwrap();
            let Ok(cache) = DiskCache::open(folder.path(), LEAST_BYTES) else {
                n_noticed += 1;
                continue;
            };
            for number in 0..2000 {
                assert!(cache.get(spread(number)).is_none_or(|found| found == value(number)), "{place}");
            }
            n_noticed += usize::from(cache.close().is_some());
        }
        assert!(n_noticed > 6, "{n_noticed} damages were noticed");
    }

    #[test]
    fn foreign_files_are_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(generation_path(folder.path(), 3), "a letter, and no key-value file".repeat(1000)).unwrap();
        let message = DiskCache::open(folder.path(), LEAST_BYTES).err().unwrap().to_string();
        assert!(message.contains("000003.redb") && message.contains("remove it"), "{message}");
        let message = DiskCache::open(folder.path(), 5).err().unwrap().to_string();
        assert!(message.contains("at least"), "{message}");
    }
}
