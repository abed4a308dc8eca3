//! Files that are read where they stand, mapped into memory.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use crate::{Error, Result};

/// Maps a file; its pages are read when they are first asked for, and are shared by processes.
///
/// # Errors
/// The file cannot be opened or mapped.
pub(crate) fn map(path: &Path) -> Result<Arc<Mmap>> {
    let file = File::open(path).map_err(|error| Error::io("opening", path, error))?;
    #[expect(unsafe_code, reason = "reading a large file where it stands has no safe interface")]
    // SAFETY: the bytes are only read, and every access to them is checked, so that other bytes than before give other
    // matches and no fault. A file that is cut while it is mapped ends the process, as it would any program that maps it;
    // `lexicon build` never writes into a file, it puts a whole one in its place.
    let mapped = unsafe { Mmap::map(&file) };
    Ok(Arc::new(mapped.map_err(|error| Error::io("mapping", path, error))?))
}
