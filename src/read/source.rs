//! Sources: the bytes of an input file, decompressed, brought to UTF-8 where they are UTF-16, and hashed.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use encoding_rs_io::DecodeReaderBytesBuilder;

use super::discover::{Compression, Format, InputFile};
use super::encoding;
use super::gzip::GzipReader;
use crate::note::TextEncoding;
use crate::{Error, Result};

/// Bytes by which the encoding of a file is known.
const HEAD_BYTES: usize = 512;

/// An opened input file.
#[derive(Clone)]
pub(crate) struct Source {
    path: PathBuf,
    reader: Arc<Mutex<Option<Box<dyn Read + Send>>>>,
    hash: Arc<Mutex<HashState>>,
    /// It can be read only once, so that its hash is that of what was read.
    is_stream: bool,
    /// UTF-16 where it was brought to UTF-8 here; UTF-8 where it is left to those who decode texts.
    pub encoding: TextEncoding,
}

/// What is known of the hash of the file's bytes.
#[derive(Default)]
struct HashState {
    hasher: blake3::Hasher,
    bytes: u64,
    complete: bool,
}

/// The hash and length of an input's bytes.
#[derive(Clone, Debug)]
pub(crate) struct InputHash {
    pub hash: blake3::Hash,
    pub bytes: u64,
}

impl Source {
    /// Opens a file and looks at its first bytes.
    pub fn open(file: &InputFile) -> Result<Source> {
        let io_error = |source| Error::io("opening", &file.path, source);
        let raw: Box<dyn Read + Send> =
            if file.is_stdin() { Box::new(io::stdin()) } else { Box::new(File::open(&file.path).map_err(io_error)?) };
        let hash = Arc::new(Mutex::new(HashState::default()));
        let hashed = HashingReader { inner: raw, hash: Arc::clone(&hash) };
        let mut plain: Box<dyn Read + Send> = match file.compression {
            Compression::None => Box::new(hashed),
            Compression::Gzip => Box::new(GzipReader::new(hashed)),
            Compression::Zstd => Box::new(zstd::Decoder::new(hashed).map_err(io_error)?),
        };
        let mut encoding = TextEncoding::Utf8;
        if file.format != Format::Parquet && !file.is_stdin() {
            let mut head = Vec::with_capacity(HEAD_BYTES);
            // What cannot be read here cannot be read below either, and is reported there with its place.
            let fault = plain.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).err();
            let utf16 = encoding::utf16(&head);
            let whole = Start { head: io::Cursor::new(head), fault }.chain(plain);
            plain = match utf16 {
                Some(utf16) => {
                    encoding = TextEncoding::Utf16;
                    Box::new(DecodeReaderBytesBuilder::new().encoding(Some(utf16)).build(whole))
                }
                None => Box::new(whole),
            };
        }
        let (path, is_stream) = (file.path.clone(), file.is_stdin());
        Ok(Source { path, reader: Arc::new(Mutex::new(Some(plain))), hash, is_stream, encoding })
    }

    /// A source whose values come from elsewhere, and are told with [`Source::add_value`].
    pub fn of_values(file: &InputFile) -> Source {
        let (reader, hash) = (Arc::new(Mutex::new(None)), Arc::default());
        Source { path: file.path.clone(), reader, hash, is_stream: true, encoding: TextEncoding::Utf8 }
    }

    /// Adds a value to what was read: its length, which is [`u64::MAX`] for null, and its bytes.
    pub fn add_value(&self, value: Option<&str>) {
        let mut state = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        state.hasher.update(&value.map_or(u64::MAX, |value| value.len() as u64).to_le_bytes());
        state.hasher.update(value.unwrap_or_default().as_bytes());
        state.bytes += value.map_or(0, |value| value.len() as u64);
    }

    /// The reader of the plain bytes; an empty one when it was taken before.
    pub fn take_reader(&self) -> Box<dyn Read + Send> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.take().unwrap_or_else(|| Box::new(io::empty()))
    }

    /// How many bytes of the file were read.
    pub fn n_read(&self) -> u64 {
        self.hash.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// The hash of the file's bytes: from what was read, or by reading the file where that was not the whole.
    pub fn hash(&self) -> Result<InputHash> {
        let state = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        if state.complete || self.is_stream {
            return Ok(InputHash { hash: state.hasher.finalize(), bytes: state.bytes });
        }
        let io_error = |source| Error::io("hashing", &self.path, source);
        let mut hasher = blake3::Hasher::new();
        let mut file = File::open(&self.path).map_err(io_error)?;
        hasher.update_reader(&mut file).map_err(io_error)?;
        Ok(InputHash { hash: hasher.finalize(), bytes: hasher.count() })
    }
}

/// The first bytes of a file, then the fault that reading them met.
struct Start {
    head: io::Cursor<Vec<u8>>,
    fault: Option<io::Error>,
}

impl Read for Start {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.read(buffer)? {
            0 if !buffer.is_empty() => self.fault.take().map_or(Ok(0), Err),
            n_read => Ok(n_read),
        }
    }
}

struct HashingReader {
    inner: Box<dyn Read + Send>,
    hash: Arc<Mutex<HashState>>,
}

impl Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.inner.read(buffer)?;
        let mut state = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        state.complete |= n_read == 0 && !buffer.is_empty();
        state.bytes += n_read as u64;
        state.hasher.update(buffer.get(..n_read).unwrap_or(&[]));
        Ok(n_read)
    }
}
