//! Records of delimited text: CSV and TSV, of notes and of other tables.
//!
//! They are parsed strictly here, and not by the `csv` crate, because it reads an unclosed or stray quote as text and
//! so swallows the rows that follow; the contract wants that record rejected, and reading to go on at the next line that
//! parses to the header's width. Tests hold this parser against that crate on well-formed input.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::buffer::Buffer;
use super::source::Source;
use super::unreadable;
use crate::note::TextEncoding;
use crate::{Error, Result};

/// The records of a delimited file.
pub(super) struct Records {
    buffer: Buffer,
    record: u64,
    delimiter: u8,
    header: Vec<String>,
    is_transcoded: bool,
    max_record_bytes: usize,
    cells: Vec<Cell>,
    done: bool,
}

/// Where a record stands in its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Number from 1, the header not counted.
    pub record: u64,
    /// Line from 1.
    pub line: u64,
    /// Start and end; `None` where the file was transcoded.
    pub bytes: Option<(u64, u64)>,
}

/// The cells of a record.
pub(super) struct Cells<'r> {
    window: &'r [u8],
    cells: &'r [Cell],
}

/// Why a record is not read.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is no row; the others may be.
    Row(BadRow),
    /// The file cannot be read from here on.
    Rest(io::Error),
}

/// A record that is no row of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadRow {
    /// It has not as many fields as the header.
    Fields { expected: usize, found: usize },
    /// Its quotes part no fields: in what way.
    Quotes(&'static str),
}

/// A cell of a record: its bytes without quotes, and whether doubled quotes stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cell {
    range: Range<usize>,
    escaped: bool,
}

/// What the start of a window holds.
#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    /// A record of so many bytes, its line break included.
    Record(usize),
    /// The start of a record that goes on beyond the window.
    Partial,
    /// No record: what is wrong with it.
    Malformed(&'static str),
}

const UNCLOSED: &str = "a quote is opened and not closed";
const STRAY: &str = "a quote inside a quoted field is not doubled, or a quote was not closed in an earlier line";

impl Records {
    /// Opens the records of a file. The header is read with each of `delimiters` in turn, until `accept` makes something of it;
    /// where it makes nothing of any, the problem is that with the first.
    ///
    /// # Errors
    /// The header cannot be read, or is not accepted.
    pub fn open<T>(
        path: &Path,
        delimiters: &[u8],
        source: &Source,
        max_record_bytes: usize,
        mut accept: impl FnMut(&[String]) -> Result<T, String>,
    ) -> Result<(Records, T)> {
        let mut records = Records {
            buffer: Buffer::new(source.take_reader()),
            record: 0,
            delimiter: b',',
            header: Vec::new(),
            is_transcoded: source.encoding == TextEncoding::Utf16,
            max_record_bytes,
            cells: Vec::new(),
            done: false,
        };
        records.start(path)?;
        let mut first_problem = None;
        for &delimiter in delimiters {
            records.delimiter = delimiter;
            let length = match records.parse_grown(max_record_bytes) {
                Parsed::Record(length) => length,
                _ => return Err(Error::input(path, "the header line cannot be read: a quote is not closed in it")),
            };
            let cells = records.cells();
            let header: Vec<String> =
                (0..cells.len()).map(|index| String::from_utf8_lossy(&cells.get(index)).trim().to_owned()).collect();
            match accept(&header) {
                Ok(accepted) => {
                    records.header = header;
                    records.buffer.consume(length);
                    return Ok((records, accepted));
                }
                Err(problem) => first_problem.get_or_insert(problem),
            };
        }
        Err(Error::input(path, first_problem.unwrap_or_default()))
    }

    /// The columns by name.
    pub fn into_header(self) -> Vec<String> {
        self.header
    }

    /// Goes to the header.
    fn start(&mut self, path: &Path) -> Result<()> {
        self.buffer.grow();
        if self.buffer.window().starts_with(b"\xEF\xBB\xBF") {
            self.buffer.consume(3);
        }
        self.skip_blank_lines();
        if !self.buffer.window().is_empty() {
            return Ok(());
        }
        match self.buffer.take_fault() {
            Some(fault) => Err(Error::io("reading the header of", path, fault)),
            None => Err(Error::input(path, "the file is empty: expected a line that names the columns")),
        }
    }

    /// What `read` makes of the next record, or why there is none; `None` at the end.
    pub fn next<T>(&mut self, read: impl FnOnce(&Cells<'_>) -> T) -> Option<(Place, Result<T, Fault>)> {
        if self.done {
            return None;
        }
        self.skip_blank_lines();
        let start = self.buffer.offset();
        let mut place = Place { record: self.record + 1, line: self.buffer.line(), bytes: None };
        if self.buffer.window().is_empty() && self.buffer.is_at_end() {
            self.done = true;
            let fault = self.buffer.take_fault()?;
            place.bytes = self.byte_range(start);
            return Some((place, Err(Fault::Rest(fault))));
        }
        self.record += 1;
        let row = match self.parse_grown(self.max_record_bytes) {
            Parsed::Record(length) => self.whole(length, read),
            Parsed::Malformed(problem) => {
                self.resume();
                Err(Fault::Row(BadRow::Quotes(problem)))
            }
            Parsed::Partial => Err(Fault::Row(BadRow::Quotes(UNCLOSED))),
        };
        place.bytes = self.byte_range(start);
        Some((place, row))
    }

    /// Reads the record of so many bytes at the window's start, and goes past it.
    fn whole<T>(&mut self, length: usize, read: impl FnOnce(&Cells<'_>) -> T) -> Result<T, Fault> {
        let found = self.cells.len();
        if found != self.header.len() {
            if self.holds_rows(length) {
                self.resume();
            } else {
                self.buffer.consume(length);
            }
            return Err(Fault::Row(BadRow::Fields { expected: self.header.len(), found }));
        }
        if self.is_cut_off(length) {
            self.buffer.consume(length);
            self.done = true;
            let unclosed = Fault::Row(BadRow::Quotes(UNCLOSED));
            return Err(self.buffer.take_fault().map_or(unclosed, Fault::Rest));
        }
        let read = read(&self.cells());
        self.buffer.consume(length);
        Ok(read)
    }

    fn cells(&self) -> Cells<'_> {
        Cells { window: self.buffer.window(), cells: &self.cells }
    }

    /// Parses the record at the window's start, reading on until it is whole or longer than `limit`.
    fn parse_grown(&mut self, limit: usize) -> Parsed {
        loop {
            let at_end = self.buffer.is_at_end();
            match parse(self.buffer.window(), self.delimiter, at_end, &mut self.cells) {
                Parsed::Partial if self.buffer.window().len() > limit => {
                    return Parsed::Malformed("the record is longer than the limit; perhaps a quote is not closed");
                }
                Parsed::Partial => self.buffer.grow(),
                parsed => return parsed,
            }
        }
    }

    fn skip_blank_lines(&mut self) {
        loop {
            let window = self.buffer.window();
            let blank = window.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            let whole = blank == window.len();
            self.buffer.consume(blank);
            if !whole || self.buffer.is_at_end() {
                return;
            }
            self.buffer.grow();
        }
    }

    /// Skips to the next line that parses to the header's width.
    fn resume(&mut self) {
        const CANDIDATE_LIMIT: usize = 4 << 20;
        loop {
            let length = self.buffer.line_length(self.max_record_bytes);
            if length == 0 {
                return;
            }
            self.buffer.consume(length);
            self.skip_blank_lines();
            if self.buffer.window().is_empty() && self.buffer.is_at_end() {
                return;
            }
            let limit = CANDIDATE_LIMIT.min(self.max_record_bytes);
            if matches!(self.parse_grown(limit), Parsed::Record(_)) && self.cells.len() == self.header.len() {
                return;
            }
        }
    }

    /// Whether every line between the first and the last of the record at the window's start is a row of the header's width:
    /// then a quote of the first line was not closed, and took the rows in until another quote closed it.
    fn holds_rows(&self, length: usize) -> bool {
        let record = self.buffer.window().get(..length).unwrap_or(&[]);
        let lines: Vec<&[u8]> = record.split_inclusive(|&byte| byte == b'\n').collect();
        let [_, inner @ .., _] = lines.as_slice() else { return false };
        let mut cells = Vec::new();
        let mut is_row = |line: &&[u8]| {
            matches!(parse(line, self.delimiter, true, &mut cells), Parsed::Record(_))
                && cells.len() == self.header.len()
        };
        !inner.is_empty() && inner.iter().all(&mut is_row)
    }

    /// Whether the record at the window's start is the last before the place where reading failed.
    fn is_cut_off(&self, length: usize) -> bool {
        let window = self.buffer.window();
        self.buffer.has_fault() && length == window.len() && window.last() != Some(&b'\n')
    }

    /// The bytes from `start` to the window; not known where the file was transcoded.
    fn byte_range(&self, start: u64) -> Option<(u64, u64)> {
        (!self.is_transcoded).then(|| (start, self.buffer.offset()))
    }
}

impl Cells<'_> {
    /// How many there are.
    fn len(&self) -> usize {
        self.cells.len()
    }

    /// The bytes of a cell, without its quotes; none where there is no such cell.
    pub fn get(&self, index: usize) -> Cow<'_, [u8]> {
        let Some(cell) = self.cells.get(index) else { return Cow::default() };
        let bytes = self.window.get(cell.range.clone()).unwrap_or(&[]);
        if cell.escaped { Cow::Owned(unescape(bytes)) } else { Cow::Borrowed(bytes) }
    }
}

impl BadRow {
    /// The reason, the same for all rows of its kind.
    pub fn reason(&self) -> &'static str {
        match self {
            BadRow::Fields { .. } => "the row has not as many fields as the header",
            BadRow::Quotes(problem) => problem,
        }
    }
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadRow::Fields { expected, found } => write!(f, "expected {expected} fields, found {found}"),
            BadRow::Quotes(problem) => f.write_str(problem),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Row(bad) => bad.fmt(f),
            Fault::Rest(error) => f.write_str(&unreadable(error)),
        }
    }
}

/// Parses one record at the start of `window` into `cells`.
fn parse(window: &[u8], delimiter: u8, at_end: bool, cells: &mut Vec<Cell>) -> Parsed {
    cells.clear();
    let mut at = 0;
    loop {
        let (cell, end) = if window.get(at) == Some(&b'"') {
            match quoted(window, at + 1) {
                Some((_, end)) if end == window.len() && !at_end => return Parsed::Partial,
                Some(found) => found,
                None if at_end => return Parsed::Malformed(UNCLOSED),
                None => return Parsed::Partial,
            }
        } else {
            let rest = window.get(at..).unwrap_or(&[]);
            let length = memchr::memchr3(delimiter, b'\n', b'\r', rest).unwrap_or(rest.len());
            (Cell { range: at..at + length, escaped: false }, at + length)
        };
        cells.push(cell);
        match window.get(end) {
            Some(&byte) if byte == delimiter => at = end + 1,
            Some(b'\n') => return Parsed::Record(end + 1),
            Some(b'\r') => match window.get(end + 1) {
                Some(b'\n') => return Parsed::Record(end + 2),
                Some(_) => return Parsed::Record(end + 1),
                None if at_end => return Parsed::Record(end + 1),
                None => return Parsed::Partial,
            },
            Some(_) => return Parsed::Malformed(STRAY),
            None if at_end => return Parsed::Record(end),
            None => return Parsed::Partial,
        }
    }
}

/// The quoted cell whose content starts at `start`, and the place after its closing quote; `None` where the window ends
/// inside it.
fn quoted(window: &[u8], start: usize) -> Option<(Cell, usize)> {
    let mut at = start;
    let mut escaped = false;
    while let Some(found) = window.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
        let quote = at + found;
        match window.get(quote + 1) {
            Some(b'"') => {
                escaped = true;
                at = quote + 2;
            }
            _ => return Some((Cell { range: start..quote, escaped }, quote + 1)),
        }
    }
    None
}

fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, b"\"\"") {
        let (before, after) = rest.split_at(at + 1);
        plain.extend_from_slice(before);
        rest = after.get(1..).unwrap_or(&[]);
    }
    plain.extend_from_slice(rest);
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells_of(window: &str) -> (Parsed, Vec<String>) {
        let mut cells = Vec::new();
        let parsed = parse(window.as_bytes(), b',', true, &mut cells);
        let strings = cells
            .iter()
            .map(|cell| {
                let bytes = &window.as_bytes()[cell.range.clone()];
                String::from_utf8(if cell.escaped { unescape(bytes) } else { bytes.to_owned() }).unwrap()
            })
            .collect();
        (parsed, strings)
    }

    #[test]
    fn reads_quoted_and_bare_cells() {
        let check = |window: &str, length: usize, expected: &[&str]| {
            let (parsed, cells) = cells_of(window);
            assert_eq!(parsed, Parsed::Record(length), "{window:?}");
            assert_eq!(cells, expected, "{window:?}");
        };
        check("1,a\n2,b\n", 4, &["1", "a"]);
        check("1,a\r\n2", 5, &["1", "a"]);
        check("\"a\"\"b\nc\",2", 10, &["a\"b\nc", "2"]);
        check("5\" tall,x\n", 10, &["5\" tall", "x"]);
        check(",\n", 2, &["", ""]);
    }

    #[test]
    fn refuses_what_the_quotes_do_not_part() {
        assert_eq!(cells_of("1,\"open\n2,b\n").0, Parsed::Malformed(UNCLOSED));
        assert_eq!(cells_of("1,\"said \"no\" x\",2\n").0, Parsed::Malformed(STRAY));
    }

    proptest! {
        #[test]
        fn agrees_with_the_csv_crate(records in prop::collection::vec(prop::collection::vec("[a\"\n\r, é]{0,6}", 2..4), 1..4)) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for record in &records {
                writer.write_record(record).unwrap();
            }
            let written = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let mut rest = written.as_str();
            for record in &records {
                let (parsed, cells) = cells_of(rest);
                let Parsed::Record(length) = parsed else { panic!("{parsed:?}") };
                prop_assert_eq!(&cells, record);
                rest = &rest[length..];
            }
            prop_assert!(rest.is_empty());
        }
    }
}
