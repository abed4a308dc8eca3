//! The output folder of features: no file under its final name before all are complete.

use std::path::{Path, PathBuf};

use crate::write::folder::{create, flush_folder, remove, rename, write_whole};
use crate::{Error, Result};

/// The files, in the order in which they get their names.
pub(super) const LONG: &str = "features.parquet";
pub(super) const WIDE: &str = "wide.parquet";
pub(super) const DICTIONARY: &str = "dictionary.csv";
/// What describes the others; it is written last.
pub(super) const DESCRIPTION: &str = "features.json";
const PARTIAL: &str = ".noteward-features-partial";

/// What is done with features that the output folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingFeatures {
    /// They are refused.
    #[default]
    Refuse,
    /// They are replaced, once the others are complete.
    Replace,
}

/// The output folder.
pub(super) struct FeatureFolder {
    path: PathBuf,
    partial: PathBuf,
}

impl FeatureFolder {
    /// Takes the folder, creating it where it does not exist.
    ///
    /// # Errors
    /// It holds features that are not to be replaced.
    pub fn take(path: &Path, existing: ExistingFeatures) -> Result<FeatureFolder> {
        create(path)?;
        let held = [LONG, WIDE, DICTIONARY, DESCRIPTION].into_iter().find(|name| path.join(name).exists());
        if let (Some(name), ExistingFeatures::Refuse) = (held, existing) {
            return Err(Error::output(path, format!("holds features already ({name}); --force replaces them")));
        }
        let partial = path.join(PARTIAL);
        remove(&partial)?;
        create(&partial)?;
        Ok(FeatureFolder { path: path.to_owned(), partial })
    }

    /// Where files are written until all are complete.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Gives the files their place.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn commit(self, description: &str) -> Result<()> {
        remove(&self.path.join(DESCRIPTION))?;
        for name in [LONG, WIDE, DICTIONARY] {
            // A file may take the place of a folder of parts.
            remove(&self.path.join(name))?;
            rename(&self.partial.join(name), &self.path.join(name))?;
        }
        flush_folder(&self.path)?;
        write_whole(&self.path.join(DESCRIPTION), description)
    }
}

impl Drop for FeatureFolder {
    /// What is not complete goes.
    fn drop(&mut self) {
        // Nothing can be done about a disk that refuses even this.
        let _ = remove(&self.partial);
    }
}
