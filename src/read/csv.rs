//! CSV and TSV.
//!
//! Records are parsed strictly here, and not by the `csv` crate, because it reads an unclosed or stray quote as text and
//! so swallows the rows that follow; the contract wants that record rejected, and reading to go on at the next line that
//! parses to the header's width. Tests hold this parser against that crate on well-formed input.

use std::ops::Range;
use std::path::PathBuf;

use super::buffer::Buffer;
use super::columns::{ColumnChoice, Field, Layout};
use super::discover::{Format, InputFile};
use super::source::Source;
use super::{Fields, RawText, ReadOptions, Row, encoding, missing_text, unreadable};
use crate::note::{Origin, TextEncoding};
use crate::{Error, Result};

/// The rows of a CSV or TSV file.
pub(super) struct CsvRows {
    buffer: Buffer,
    input: u32,
    record: u64,
    delimiter: u8,
    header: Vec<String>,
    width: usize,
    layout: Layout,
    encoding: TextEncoding,
    max_record_bytes: usize,
    cells: Vec<Cell>,
    done: bool,
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

impl CsvRows {
    pub fn open(file: &InputFile, input: u32, source: &Source, options: &ReadOptions) -> Result<CsvRows> {
        let mut rows = CsvRows {
            buffer: Buffer::new(source.take_reader()),
            input,
            record: 0,
            delimiter: b',',
            header: Vec::new(),
            width: 0,
            layout: Layout::default(),
            encoding: source.encoding,
            // Room for every quote to be doubled, and for the other columns.
            max_record_bytes: options.max_note_bytes.saturating_mul(2).saturating_add(1 << 20),
            cells: Vec::new(),
            done: false,
        };
        rows.read_header(file, &options.columns)?;
        Ok(rows)
    }

    /// The columns by name.
    pub fn into_header(self) -> Vec<String> {
        self.header
    }

    fn read_header(&mut self, file: &InputFile, columns: &ColumnChoice) -> Result<()> {
        let path: PathBuf = file.path.clone();
        self.buffer.grow();
        if self.buffer.window().starts_with(b"\xEF\xBB\xBF") {
            self.buffer.consume(3);
        }
        self.skip_blank_lines();
        if self.buffer.window().is_empty() {
            return match self.buffer.take_fault() {
                Some(fault) => Err(Error::io("reading the header of", &path, fault)),
                None => Err(Error::input(&path, "the file is empty: expected a line that names the columns")),
            };
        }
        let delimiters: &[u8] = if file.format == Format::Tsv { b"\t" } else { b",;\t|" };
        let mut first_problem = None;
        for &delimiter in delimiters {
            self.delimiter = delimiter;
            let length = match self.parse_grown(self.max_record_bytes) {
                Parsed::Record(length) => length,
                _ => return Err(Error::input(&path, "the header line cannot be read: a quote is not closed in it")),
            };
            let header: Vec<String> = (0..self.cells.len())
                .map(|index| String::from_utf8_lossy(&self.cell(index)).trim().to_owned())
                .collect();
            let problem = match columns.layout(&header) {
                Ok(layout) if layout.text.is_empty() => missing_text(columns, &header),
                Ok(layout) => {
                    self.layout = layout;
                    self.width = header.len();
                    self.header = header;
                    self.buffer.consume(length);
                    return Ok(());
                }
                Err(problem) => problem,
            };
            first_problem.get_or_insert(problem);
        }
        Err(Error::input(&path, first_problem.unwrap_or_default()))
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
            if matches!(self.parse_grown(limit), Parsed::Record(_)) && self.cells.len() == self.width {
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
            matches!(parse(line, self.delimiter, true, &mut cells), Parsed::Record(_)) && cells.len() == self.width
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
        (self.encoding != TextEncoding::Utf16).then(|| (start, self.buffer.offset()))
    }

    fn cell(&self, index: usize) -> Vec<u8> {
        let Some(cell) = self.cells.get(index) else { return Vec::new() };
        let bytes = self.buffer.window().get(cell.range.clone()).unwrap_or(&[]);
        if cell.escaped { unescape(bytes) } else { bytes.to_owned() }
    }

    fn fields(&self) -> Fields {
        let some = |index: usize| Some(self.cell(index)).filter(|bytes| !bytes.is_empty());
        let string =
            |index: usize| some(index).map(|bytes| encoding::decode(bytes).0).filter(|value| !value.trim().is_empty());
        let text = self.layout.text.iter().find_map(|&index| some(index));
        let text = text.map(|bytes| match self.encoding {
            TextEncoding::Utf16 => RawText::Decoded(encoding::decode(bytes).0, TextEncoding::Utf16),
            _ => RawText::Bytes(bytes),
        });
        let mut values: [Option<String>; Field::COUNT] = Default::default();
        for (value, columns) in values.iter_mut().zip(&self.layout.fields) {
            *value = columns.iter().find_map(|&index| string(index));
        }
        let line = self.layout.line.and_then(string);
        Fields { text, values, line, kept: self.layout.keep.iter().map(|&index| string(index)).collect() }
    }
}

impl Iterator for CsvRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.done {
            return None;
        }
        self.skip_blank_lines();
        let start = self.buffer.offset();
        let line = Some(self.buffer.line());
        let mut origin = Origin { input: self.input, record: self.record + 1, line, bytes: None };
        if self.buffer.window().is_empty() && self.buffer.is_at_end() {
            self.done = true;
            let fault = self.buffer.take_fault()?;
            origin.bytes = self.byte_range(start);
            return Some(Row::Bad(origin, unreadable(&fault)));
        }
        self.record += 1;
        let parsed = self.parse_grown(self.max_record_bytes);
        let row = match parsed {
            Parsed::Record(length) => {
                let found = self.cells.len();
                if found != self.width {
                    if self.holds_rows(length) {
                        self.resume();
                    } else {
                        self.buffer.consume(length);
                    }
                    Err(format!("expected {} fields, found {found}", self.width))
                } else if self.is_cut_off(length) {
                    self.buffer.consume(length);
                    self.done = true;
                    let fault = self.buffer.take_fault();
                    Err(fault.map_or_else(|| UNCLOSED.to_owned(), |fault| unreadable(&fault)))
                } else {
                    let fields = Box::new(self.fields());
                    self.buffer.consume(length);
                    Ok(fields)
                }
            }
            Parsed::Malformed(problem) => {
                self.resume();
                Err(problem.to_owned())
            }
            Parsed::Partial => Err(UNCLOSED.to_owned()),
        };
        origin.bytes = self.byte_range(start);
        Some(match row {
            Ok(fields) => Row::Fields(origin, fields),
            Err(reason) => Row::Bad(origin, reason),
        })
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
