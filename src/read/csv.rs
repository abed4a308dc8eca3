//! CSV and TSV files of notes.

use super::columns::{Field, Layout};
use super::delimited::{Cells, Records};
use super::discover::{Format, InputFile};
use super::source::Source;
use super::{Fields, RawText, ReadOptions, Row, encoding, missing_text};
use crate::Result;
use crate::note::{Origin, TextEncoding};

/// What may part the fields of a CSV file: the first by which its header is understood does.
pub(super) const CSV_DELIMITERS: &[u8] = b",;\t|";
/// What parts the fields of a TSV file.
pub(super) const TSV_DELIMITERS: &[u8] = b"\t";

/// The rows of a CSV or TSV file.
pub(super) struct CsvRows {
    records: Records,
    input: u32,
    layout: Layout,
    encoding: TextEncoding,
}

impl CsvRows {
    pub fn open(file: &InputFile, input: u32, source: &Source, options: &ReadOptions) -> Result<CsvRows> {
        let delimiters = if file.format == Format::Tsv { TSV_DELIMITERS } else { CSV_DELIMITERS };
        // Room for every quote to be doubled, and for the other columns.
        let max_record_bytes = options.max_note_bytes.saturating_mul(2).saturating_add(1 << 20);
        let accept = |header: &[String]| match options.columns.layout(header) {
            Ok(layout) if layout.text.is_empty() => Err(missing_text(&options.columns, header)),
            layout => layout,
        };
        let (records, layout) = Records::open(&file.path, delimiters, source, max_record_bytes, accept)?;
        Ok(CsvRows { records, input, layout, encoding: source.encoding })
    }

    /// The columns by name.
    pub fn into_header(self) -> Vec<String> {
        self.records.into_header()
    }
}

impl Iterator for CsvRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let (place, row) = self.records.next(|cells| Box::new(fields(cells, &self.layout, self.encoding)))?;
        let origin = Origin { input: self.input, record: place.record, line: Some(place.line), bytes: place.bytes };
        Some(match row {
            Ok(fields) => Row::Fields(origin, fields),
            Err(fault) => Row::Bad(origin, fault.to_string()),
        })
    }
}

/// The fields of a record.
fn fields(cells: &Cells<'_>, layout: &Layout, encoding: TextEncoding) -> Fields {
    let some = |index: usize| Some(cells.get(index).into_owned()).filter(|bytes| !bytes.is_empty());
    let string =
        |index: usize| some(index).map(|bytes| encoding::decode(bytes).0).filter(|value| !value.trim().is_empty());
    let text = layout.text.iter().find_map(|&index| some(index));
    let text = text.map(|bytes| match encoding {
        TextEncoding::Utf16 => RawText::Decoded(encoding::decode(bytes).0, TextEncoding::Utf16),
        _ => RawText::Bytes(bytes),
    });
    let mut values: [Option<String>; Field::COUNT] = Default::default();
    for (value, columns) in values.iter_mut().zip(&layout.fields) {
        *value = columns.iter().find_map(|&index| string(index));
    }
    let line = layout.line.and_then(string);
    Fields { text, values, line, kept: layout.keep.iter().map(|&index| string(index)).collect() }
}
