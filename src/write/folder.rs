//! The output folder: one run at a time, and no file under its final name before the run is complete.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::OutputFormat;
use super::table::FinishedTable;
use crate::{Error, Result};

/// What `annotate` writes besides its tables.
pub(crate) const RUN_FILE: &str = "run.json";
pub(crate) const REJECTS_FILE: &str = "rejects.jsonl";
const TABLES: [&str; 6] = ["mentions", "measurements", "facts", "notes", "sentences", "texts"];
const PARTIAL: &str = ".noteward-partial";
const LOCK: &str = ".noteward-lock";

/// Whether a finished run in the folder is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replace {
    /// It is refused.
    #[default]
    No,
    /// It is replaced, once the new run is complete.
    Yes,
}

/// An output folder that this run holds.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    path: PathBuf,
    partial: PathBuf,
    lock: PathBuf,
    /// Holds the lock while the run lasts.
    _locked: File,
}

impl OutputFolder {
    /// Takes the folder, creating it where it does not exist.
    ///
    /// # Errors
    /// It holds another run, or another process writes to it.
    pub fn take(path: &Path, replace: Replace) -> Result<OutputFolder> {
        fs::create_dir_all(path).map_err(|error| Error::io("creating", path, error))?;
        if replace == Replace::No
            && let Some(file) = results(path).into_iter().find(|file| file.exists())
        {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(Error::output(path, format!("holds the results of another run ({name}); --force replaces it")));
        }
        let lock = path.join(LOCK);
        let locked = File::create(&lock).map_err(|error| Error::io("creating", &lock, error))?;
        match locked.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::output(path, "another run is writing to it; wait for it or choose another folder"));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("locking", &lock, error)),
        }
        let partial = path.join(PARTIAL);
        remove(&partial)?;
        fs::create_dir(&partial).map_err(|error| Error::io("creating", &partial, error))?;
        Ok(OutputFolder { path: path.to_owned(), partial, lock, _locked: locked })
    }

    /// Where files stand until the run is complete.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Gives every file its final name, the run's description last.
    pub fn commit(self, tables: &[FinishedTable], rejects: &Path, run: &str) -> Result<()> {
        for file in results(&self.path) {
            remove(&file)?;
        }
        for table in tables {
            let target = self.path.join(&table.name);
            match table.parts.as_slice() {
                [only] => rename(only, &target)?,
                _ => rename(&table.folder, &target)?,
            }
        }
        rename(rejects, &self.path.join(REJECTS_FILE))?;
        let described = self.partial.join(RUN_FILE);
        fs::write(&described, run).map_err(|error| Error::io("writing", &described, error))?;
        File::open(&described)
            .and_then(|file| file.sync_all())
            .map_err(|error| Error::io("flushing", &described, error))?;
        rename(&described, &self.path.join(RUN_FILE))?;
        remove(&self.partial)?;
        remove(&self.lock)
    }
}

/// Every file or folder that a run may leave in `path`.
fn results(path: &Path) -> Vec<PathBuf> {
    let tables = TABLES
        .iter()
        .flat_map(|table| OutputFormat::ALL.map(|format| path.join(format!("{table}.{}", format.extension()))));
    tables.chain([path.join(REJECTS_FILE), path.join(RUN_FILE)]).collect()
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| Error::io("renaming to", to, error))
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("removing", path, error)),
        _ => Ok(()),
    }
}
