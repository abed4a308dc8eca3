//! The output folder of warnings: what is in it has its name only when everything is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::WarnOptions;
use super::forms::WarningForm;
use super::report::WarnReport;
use super::worker::Part;
use super::{follow_up, rows, summary};
use crate::write::OutputFormat;
use crate::write::assemble::{PartFile, assemble};
use crate::{Error, Result};

/// The table of warnings.
pub(crate) const TABLE: &str = "warnings";
const SUMMARY_FILE: &str = "summary.csv";
/// What came of the command.
pub(crate) const WARN_FILE: &str = "warn.json";

/// An output folder that may be written to.
pub(super) struct WarnFolder {
    path: PathBuf,
}

impl WarnFolder {
    /// Takes a folder, creating it where it does not exist.
    ///
    /// # Errors
    /// It holds other warnings, which are not to be replaced.
    pub fn take(path: &Path, force: bool) -> Result<WarnFolder> {
        fs::create_dir_all(path).map_err(|error| Error::io("creating", path, error))?;
        let folder = WarnFolder { path: path.to_owned() };
        match folder.results().into_iter().find(|file| file.exists()) {
            Some(file) if !force => {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Err(Error::output(path, format!("holds the results of another warn ({name}); --force replaces them")))
            }
            _ => Ok(folder),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file or folder that a command may leave.
    fn results(&self) -> Vec<PathBuf> {
        let tables = OutputFormat::ALL.map(|format| self.path.join(format!("{TABLE}.{}", format.extension())));
        let forms = [WarningForm::Fhir.file(), WarningForm::Meds.file()];
        let others = forms.into_iter().chain([SUMMARY_FILE, follow_up::FILE, WARN_FILE]);
        tables.into_iter().chain(others.map(|name| self.path.join(name))).collect()
    }

    /// Makes tables of the parts, which stand in temporary folders beside `made`, and gives everything its name.
    ///
    /// # Errors
    /// The disk refuses something.
    pub fn finish(&self, made: &Path, parts: &[Part], options: &WarnOptions, report: &WarnReport) -> Result<()> {
        let made = made.join("final");
        fs::create_dir_all(&made).map_err(|error| Error::io("creating", &made, error))?;
        let mut files = Vec::new();
        for &format in &options.formats {
            let part = |part: &Part| PartFile {
                path: part.folder.join(format!("{TABLE}.{}", format.extension())),
                rows: part.n_rows,
            };
            let parts: Vec<PartFile> = parts.iter().map(part).collect();
            files.push(assemble(&made, TABLE, &rows::schema(), format, &parts)?);
        }
        let of_parts: Vec<(PathBuf, u64)> = parts.iter().map(|part| (part.folder.clone(), part.n_rows)).collect();
        for form in &options.also {
            files.push(form.assemble(&made, &of_parts)?);
        }
        let summary_file = made.join(SUMMARY_FILE);
        summary::write(&summary_file, &report.scores)?;
        files.push(summary_file);
        if options.scores.iter().any(|score| score.follow_up.is_some()) {
            let path = made.join(follow_up::FILE);
            follow_up::assemble(&path, parts.iter().map(|part| part.folder.as_path()))?;
            files.push(path);
        }
        let warn_file = made.join(WARN_FILE);
        let json =
            serde_json::to_string_pretty(report).map_err(|error| Error::internal(format!("{WARN_FILE}: {error}")))?;
        fs::write(&warn_file, json + "\n").map_err(|error| Error::io("writing", &warn_file, error))?;
        files.push(warn_file);
        for old in self.results() {
            let removed = if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) };
            if let Err(error) = removed
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(Error::io("removing", &old, error));
            }
        }
        for file in files {
            let target = self.path.join(file.file_name().unwrap_or_default());
            fs::rename(&file, &target).map_err(|error| Error::io("renaming to", &target, error))?;
        }
        Ok(())
    }
}
