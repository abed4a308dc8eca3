//! The output folder: one run at a time, and no file under its final name before the run is complete.
//!
//! Until then a hidden folder holds what is done, so that a run that was stopped can go on:
//!
//! - `state.json` says what the run is made of; it comes first, and goes when the run is complete.
//! - `parts/000000` and so on hold rows of consecutive records. A part is written as `writing`, flushed to disk, and renamed:
//!   it is there as a whole or not at all.
//! - `final` holds the finished tables, assembled from the parts. They get their names one after the other, `run.json`
//!   last; a run that is stopped among these renames assembles them again.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::OutputFormat;
use crate::{Error, Result};

/// What `annotate` writes besides its tables.
pub(crate) const RUN_FILE: &str = "run.json";
pub(crate) const REJECTS_FILE: &str = "rejects.jsonl";
const TABLES: [&str; 6] = ["mentions", "measurements", "facts", "notes", "sentences", "texts"];
const PARTIAL: &str = ".noteward-partial";
pub(crate) const LOCK: &str = ".noteward-lock";
const STATE_FILE: &str = "state.json";
const PART_FILE: &str = "part.json";
const PARTS: &str = "parts";
const WRITING: &str = "writing";
const FINAL: &str = "final";

/// What is done with the run that the output folder holds, finished or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is refused.
    #[default]
    Refuse,
    /// It is replaced, once the other run is complete.
    Replace,
    /// It goes on where it was stopped.
    Resume,
}

/// An output folder.
#[derive(Debug)]
pub(crate) enum Taken {
    /// This process may write to it.
    Held(OutputFolder),
    /// It holds a finished run, described by this `run.json`.
    Finished(String),
}

/// An output folder that this process holds.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    path: PathBuf,
    partial: PathBuf,
    lock: PathBuf,
    /// Holds the lock while the run lasts.
    _locked: File,
}

/// A part that is complete.
#[derive(Clone, Debug)]
pub(crate) struct PartFolder {
    pub path: PathBuf,
    /// What it holds, as it was described.
    pub description: String,
}

impl OutputFolder {
    /// Takes the folder, creating it where it does not exist.
    ///
    /// # Errors
    /// It holds another run, or another process writes to it.
    pub fn take(path: &Path, existing: Existing) -> Result<Taken> {
        fs::create_dir_all(path).map_err(|error| Error::io("creating", path, error))?;
        let lock = path.join(LOCK);
        let locked = lock_folder(path, &lock)?;
        let folder = OutputFolder { path: path.to_owned(), partial: path.join(PARTIAL), lock, _locked: locked };
        let taken = folder.prepare(existing);
        if !matches!(taken, Ok(None)) {
            remove(&folder.lock)?;
        }
        Ok(taken?.map_or(Taken::Held(folder), Taken::Finished))
    }

    /// Clears what may be cleared; gives the description of a finished run that is not to be replaced.
    fn prepare(&self, existing: Existing) -> Result<Option<String>> {
        let has_state = self.partial.join(STATE_FILE).exists();
        if existing == Existing::Resume && has_state {
            remove(&self.partial.join(WRITING))?;
            remove(&self.partial.join(FINAL))?;
            create(&self.partial.join(PARTS))?;
            return Ok(None);
        }
        let run_file = self.path.join(RUN_FILE);
        if existing == Existing::Resume && run_file.exists() {
            let text = fs::read_to_string(&run_file).map_err(|error| Error::io("reading", &run_file, error))?;
            remove(&self.partial)?;
            return Ok(Some(text));
        }
        if existing != Existing::Replace {
            if has_state && !self.parts()?.is_empty() {
                let problem = "holds a run that was not finished; --resume goes on with it, --force replaces it";
                return Err(Error::output(&self.path, problem));
            }
            if let Some(file) = results(&self.path).into_iter().find(|file| file.exists()) {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let problem = format!("holds the results of another run ({name}); --force replaces it");
                return Err(Error::output(&self.path, problem));
            }
        }
        remove(&self.partial)?;
        create(&self.partial.join(PARTS))?;
        Ok(None)
    }

    /// What the unfinished run is made of; `None` for a run that begins.
    pub fn state(&self) -> Result<Option<String>> {
        let path = self.partial.join(STATE_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("reading", &path, error)),
        }
    }

    /// Says what the run is made of, before its first part.
    pub fn set_state(&self, state: &str) -> Result<()> {
        write_whole(&self.partial.join(STATE_FILE), state)
    }

    /// The parts that are complete, without a gap.
    pub fn parts(&self) -> Result<Vec<PartFolder>> {
        let mut parts = Vec::new();
        loop {
            let path = self.part_path(parts.len());
            let described = path.join(PART_FILE);
            match fs::read_to_string(&described) {
                Ok(description) => parts.push(PartFolder { path, description }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(parts),
                Err(error) => return Err(Error::io("reading", &described, error)),
            }
        }
    }

    /// An empty folder for the files of a part.
    pub fn begin_part(&self) -> Result<PathBuf> {
        let path = self.partial.join(WRITING);
        remove(&path)?;
        create(&path)?;
        Ok(path)
    }

    /// Completes the part with the given number, whose files are flushed.
    pub fn finish_part(&self, number: usize, description: String) -> Result<PartFolder> {
        let writing = self.partial.join(WRITING);
        write_whole(&writing.join(PART_FILE), &description)?;
        let path = self.part_path(number);
        remove(&path)?;
        rename(&writing, &path)?;
        flush_folder(&self.partial.join(PARTS))?;
        Ok(PartFolder { path, description })
    }

    fn part_path(&self, number: usize) -> PathBuf {
        self.partial.join(PARTS).join(format!("{number:06}"))
    }

    /// An empty folder for the finished tables.
    pub fn begin_final(&self) -> Result<PathBuf> {
        let path = self.partial.join(FINAL);
        remove(&path)?;
        create(&path)?;
        Ok(path)
    }

    /// Gives the finished tables, files or folders, their place in the output folder, and the run's description last.
    pub fn commit(self, tables: &[PathBuf], run: &str) -> Result<()> {
        for file in results(&self.path) {
            remove(&file)?;
        }
        for table in tables {
            let name = table.file_name().unwrap_or_default();
            rename(table, &self.path.join(name))?;
        }
        flush_folder(&self.path)?;
        write_whole(&self.path.join(RUN_FILE), run)?;
        // From here on the run counts as finished.
        remove(&self.partial.join(STATE_FILE))?;
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

pub(crate) fn lock_folder(folder: &Path, path: &Path) -> Result<File> {
    loop {
        let opened = File::options().write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|error| Error::io("creating", path, error))?;
        match file.try_lock() {
            // A run that ended in between removed the file that was locked here.
            Ok(()) if !is_file_at(&file, path) => {}
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::output(
                    folder,
                    "another run is writing to it; wait for it or choose another folder",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("locking", path, error)),
        }
    }
}

#[cfg(unix)]
fn is_file_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((&file.metadata(), &fs::metadata(path)), (Ok(own), Ok(other)) if identity(own) == identity(other))
}

/// Elsewhere a file that is open cannot be removed.
#[cfg(not(unix))]
fn is_file_at(_: &File, _: &Path) -> bool {
    true
}

/// Writes a file that is there as a whole or not at all.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let beside = path.with_extension("tmp");
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(|error| Error::io("writing", path, error))?;
    flush_folder(path.parent().unwrap_or(path))
}

/// Makes renames in a folder last; only Unix knows how.
pub(crate) fn flush_folder(path: &Path) -> Result<()> {
    if cfg!(unix) {
        let flushed = File::open(path).and_then(|folder| folder.sync_all());
        flushed.map_err(|error| Error::io("flushing", path, error))?;
    }
    Ok(())
}

pub(crate) fn create(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| Error::io("creating", path, error))
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| Error::io("renaming to", to, error))
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("removing", path, error)),
        _ => Ok(()),
    }
}
