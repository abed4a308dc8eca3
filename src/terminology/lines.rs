//! Lines of a file of terms: decompressed, numbered, bounded, UTF-8.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Longest line that is read; no terminology has one nearly as long.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// The lines of a file.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    number: u64,
}

/// Opens a file of terms; gzip and Zstandard are known by their first bytes.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let io_error = |error| Error::io("opening", path, error);
    let mut raw = BufReader::with_capacity(1 << 16, File::open(path).map_err(io_error)?);
    let head = raw.fill_buf().map_err(|error| Error::io("reading", path, error))?;
    let is_gzip = head.starts_with(&[0x1F, 0x8B]);
    let is_zstd = head.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]);
    let mut plain: Box<dyn BufRead> = if is_gzip {
        Box::new(BufReader::with_capacity(1 << 16, flate2::bufread::MultiGzDecoder::new(raw)))
    } else if is_zstd {
        Box::new(BufReader::with_capacity(1 << 16, zstd::Decoder::with_buffer(raw).map_err(io_error)?))
    } else {
        Box::new(raw)
    };
    let head = plain.fill_buf().map_err(|error| Error::io("reading", path, error))?;
    if head.starts_with(b"\xEF\xBB\xBF") {
        plain.consume(3);
    }
    Ok(plain)
}

impl Lines {
    pub fn open(path: &Path) -> Result<Lines> {
        Ok(Lines { path: path.to_owned(), reader: open(path)?, buffer: Vec::new(), number: 0 })
    }

    /// The next line without its end; one that cannot be read as text is passed over, and `malformed` gets its number and
    /// what is wrong with it.
    ///
    /// # Errors
    /// What the system says.
    pub fn next(&mut self, mut malformed: impl FnMut(u64, &str)) -> Result<Option<(u64, &str)>> {
        loop {
            let n_read = self.read().map_err(|error| Error::io("reading", &self.path, error))?;
            if n_read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.buffer.len() as u64 >= MAX_LINE_BYTES {
                malformed(self.number, "the line is longer than 1 MiB");
            } else if simdutf8::basic::from_utf8(&self.buffer).is_err() {
                malformed(self.number, "the line is not UTF-8");
            } else {
                break;
            }
        }
        let line = std::str::from_utf8(&self.buffer).ok();
        Ok(line.map(|line| (self.number, line.trim_end_matches(['\n', '\r']))))
    }

    /// Reads a line into the buffer, its beginning only where it is too long; gives the length of what is there.
    fn read(&mut self) -> io::Result<usize> {
        self.buffer.clear();
        let n_read = self.reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut self.buffer)?;
        let mut is_cut = n_read as u64 == MAX_LINE_BYTES && !self.buffer.ends_with(b"\n");
        let mut rest = Vec::new();
        while is_cut {
            rest.clear();
            let n_more = self.reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut rest)?;
            is_cut = n_more > 0 && !rest.ends_with(b"\n");
        }
        Ok(n_read)
    }
}
