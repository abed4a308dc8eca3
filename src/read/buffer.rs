//! A window over a byte stream that grows on demand and forgets what was consumed.

use std::io::{self, Read};

const FIRST_READ: usize = 256 * 1024;

/// A window over a byte stream.
pub(super) struct Buffer {
    reader: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    /// Bytes of the stream before the window.
    consumed: u64,
    /// Line breaks before the window.
    lines: u64,
    fault: Option<io::Error>,
}

impl Buffer {
    pub fn new(reader: Box<dyn Read + Send>) -> Buffer {
        let bytes = Vec::new();
        Buffer { reader, bytes, start: 0, end: 0, at_end: false, consumed: 0, lines: 0, fault: None }
    }

    /// The bytes that were read and not consumed.
    pub fn window(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or(&[])
    }

    /// Whether the window reaches the end of the stream (or the place where reading it failed).
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Offset of the window's first byte in the stream.
    pub fn offset(&self) -> u64 {
        self.consumed
    }

    /// Line of the window's first byte, from 1.
    pub fn line(&self) -> u64 {
        self.lines + 1
    }

    /// Whether the stream ended in a fault that was not taken.
    pub fn has_fault(&self) -> bool {
        self.fault.is_some()
    }

    /// The fault at which the stream ended, if it did not end well; once.
    pub fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    /// Reads more of the stream; the window at least doubles while there is more.
    pub fn grow(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let wanted = (self.end * 2).max(FIRST_READ);
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        while !self.at_end && self.end < wanted {
            let Some(free) = self.bytes.get_mut(self.end..) else { break };
            match self.reader.read(free) {
                Ok(0) => self.at_end = true,
                Ok(n_read) => self.end += n_read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fault = Some(error);
                    self.at_end = true;
                }
            }
        }
    }

    /// Moves the window's start on.
    pub fn consume(&mut self, n_bytes: usize) {
        let n_bytes = n_bytes.min(self.end - self.start);
        let passed = self.bytes.get(self.start..self.start + n_bytes).unwrap_or(&[]);
        let n_breaks = memchr::memchr_iter(b'\n', passed).count();
        // Files of old systems end lines with a carriage return alone.
        let n_returns = if n_breaks == 0 { memchr::memchr_iter(b'\r', passed).count() } else { 0 };
        self.lines += (n_breaks + n_returns) as u64;
        self.start += n_bytes;
        self.consumed += n_bytes as u64;
    }

    /// Length of the first line with its line break, reading on to find it but not beyond `limit`; zero at the end.
    pub fn line_length(&mut self, limit: usize) -> usize {
        let mut searched = 0;
        loop {
            let window = self.window();
            if let Some(at) = window.get(searched..).and_then(|rest| memchr::memchr(b'\n', rest)) {
                return searched + at + 1;
            }
            searched = window.len();
            if self.at_end || searched > limit {
                return searched;
            }
            self.grow();
        }
    }
}
