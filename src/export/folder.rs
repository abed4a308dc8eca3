//! The output folder of an export: one export at a time, and no file under its final name before all are complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::write::folder::{Existing, LOCK, create, flush_folder, lock_folder, remove, rename, write_whole};
use crate::{Error, Result};

/// What describes an export; it is written last.
pub(super) const EXPORT_FILE: &str = "export.json";
const PARTIAL: &str = ".noteward-export-partial";

/// The output folder of an export.
pub(super) struct ExportFolder {
    path: PathBuf,
    partial: PathBuf,
    /// What an earlier export left, which goes when this one is complete.
    replaced: Vec<String>,
    /// Holds the lock while the export lasts.
    _locked: File,
}

/// What `export.json` says of the files beside it.
#[derive(Deserialize)]
struct Earlier {
    files: Vec<String>,
}

impl ExportFolder {
    /// Takes the folder, creating it where it does not exist.
    ///
    /// # Errors
    /// It holds something, and nothing is to be replaced, or it is no export that would be replaced.
    pub fn take(path: &Path, existing: Existing) -> Result<ExportFolder> {
        create(path)?;
        let locked = lock_folder(path, &path.join(LOCK))?;
        let partial = path.join(PARTIAL);
        match replaced(path, existing) {
            Ok(replaced) => {
                remove(&partial)?;
                create(&partial)?;
                Ok(ExportFolder { path: path.to_owned(), partial, replaced, _locked: locked })
            }
            Err(refused) => remove(&path.join(LOCK)).and(Err(refused)),
        }
    }

    /// Where files are written until all are complete.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// The files and folders that were written, by name.
    pub fn written(&self) -> Result<Vec<String>> {
        names(&self.partial)
    }

    /// Gives what was written its place, in the stead of an earlier export, and the description last.
    ///
    /// # Errors
    /// The folder holds something of the same name that no export wrote.
    pub fn commit(self, description: &str) -> Result<()> {
        let written = self.written()?;
        let kept = names(&self.path)?;
        let kept = kept.iter().filter(|name| !self.replaced.contains(name));
        if let Some(name) = kept.into_iter().find(|name| written.contains(name)) {
            return Err(Error::output(
                &self.path,
                format!("holds {name}, which no export wrote; choose another folder"),
            ));
        }
        for name in self.replaced.iter() {
            remove(&self.path.join(name))?;
        }
        for name in written {
            rename(&self.partial.join(&name), &self.path.join(&name))?;
        }
        flush_folder(&self.path)?;
        write_whole(&self.path.join(EXPORT_FILE), description)?;
        remove(&self.partial)?;
        remove(&self.path.join(LOCK))
    }
}

/// What is replaced of what a folder holds.
fn replaced(path: &Path, existing: Existing) -> Result<Vec<String>> {
    let mut held = names(path)?;
    held.retain(|name| name != PARTIAL && name != LOCK);
    match (held.first(), existing) {
        (None, _) => Ok(Vec::new()),
        (Some(_), Existing::Replace) => earlier_files(path),
        (Some(name), _) => {
            let problem = format!("holds something already ({name}); --force replaces an earlier export");
            Err(Error::output(path, problem))
        }
    }
}

/// The files of the export that a folder holds.
fn earlier_files(path: &Path) -> Result<Vec<String>> {
    let description = path.join(EXPORT_FILE);
    let no_export = || {
        let problem = format!("holds something, but no {EXPORT_FILE} of an export to replace; choose another folder");
        Error::output(path, problem)
    };
    let text = fs::read_to_string(description).map_err(|_| no_export())?;
    let earlier: Earlier = serde_json::from_str(&text).map_err(|_| no_export())?;
    let is_name = |name: &String| Path::new(name).file_name().is_some_and(|file| file == name.as_str());
    let mut files: Vec<String> = earlier.files.into_iter().filter(is_name).collect();
    // First, so that a half-removed export does not look like a whole one.
    files.insert(0, EXPORT_FILE.to_owned());
    Ok(files)
}

/// What a folder holds, in order.
fn names(path: &Path) -> Result<Vec<String>> {
    let failed = |error| Error::io("listing", path, error);
    let entries = fs::read_dir(path).map_err(failed)?;
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = entries.map(name).collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    names.sort();
    Ok(names)
}
