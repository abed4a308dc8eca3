//! Single files that have their name only when they are complete.

use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// A file beside the one that it will be.
///
/// # Errors
/// No file can be made in that folder.
pub(crate) fn create(path: &Path) -> Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Readable as other files are, and not for its owner alone like other temporary files.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|error| Error::io("creating", path, error))
}

/// Gives a complete file its name.
///
/// # Errors
/// The disk refuses it.
pub(crate) fn finish(writer: BufWriter<NamedTempFile>, path: &Path) -> Result<()> {
    let file = writer.into_inner().map_err(|error| Error::io("writing", path, error.into_error()))?;
    file.persist(path).map_err(|error| Error::io("writing", path, error.error))?;
    Ok(())
}

/// Writes a text as a whole.
///
/// # Errors
/// The disk refuses it.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let mut writer = BufWriter::new(create(path)?);
    writer.write_all(text.as_bytes()).map_err(|error| Error::io("writing", path, error))?;
    finish(writer, path)
}
