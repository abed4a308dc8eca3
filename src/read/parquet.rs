//! Parquet: rows of the needed columns, in small batches.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, LargeStringArray, RecordBatch};
use arrow_schema::{ArrowError, DataType};

use super::columns::{Field, Layout};
use super::discover::InputFile;
use super::guard::{guarded, guarded_batches};
use super::{Fields, RawText, ReadOptions, Row, encoding, missing_text};
use crate::note::{Origin, TextEncoding};
use crate::{Error, Result};

/// Rows a batch: few, since a batch of long notes is held in memory whole.
const BATCH_ROWS: usize = 256;

/// The rows of a Parquet file.
pub(super) struct ParquetRows {
    batches: Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>,
    layout: Layout,
    /// The columns of the batch at hand: strings, or bytes for a binary text.
    columns: Vec<ArrayRef>,
    n_rows: usize,
    at: usize,
    input: u32,
    record: u64,
    done: bool,
}

/// Opens a file; gives its columns by name too.
///
/// # Errors
/// It cannot be opened, or is not Parquet.
pub(super) fn builder(path: &Path) -> Result<(ParquetRecordBatchReaderBuilder<File>, Vec<String>)> {
    let opened = File::open(path).map_err(|error| Error::io("opening", path, error))?;
    let builder = guarded(|| ParquetRecordBatchReaderBuilder::try_new(opened));
    let builder = builder.map_err(|problem| unusable(path, &problem))?;
    let header = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    Ok((builder, header))
}

/// The error for a file that is not what Parquet should be.
pub(super) fn unusable(path: &Path, error: &dyn fmt::Display) -> Error {
    Error::input(path, format!("cannot be read as Parquet: {error}"))
}

/// The columns of a file by name.
pub(super) fn header(file: &InputFile) -> Result<Vec<String>> {
    builder(&file.path).map(|(_, header)| header)
}

/// The number of rows of a file.
pub(super) fn n_rows(file: &InputFile) -> Option<u64> {
    let (builder, _) = builder(&file.path).ok()?;
    builder.metadata().file_metadata().num_rows().try_into().ok()
}

impl ParquetRows {
    pub fn open(file: &InputFile, input: u32, options: &ReadOptions) -> Result<ParquetRows> {
        let (builder, header) = builder(&file.path)?;
        let mut layout = options.columns.layout(&header).map_err(|problem| Error::input(&file.path, problem))?;
        if layout.text.is_empty() {
            return Err(Error::input(&file.path, missing_text(&options.columns, &header)));
        }
        for field in layout.text.iter().filter_map(|&column| builder.schema().fields().get(column)) {
            if !is_text(field.data_type()) {
                let problem = format!("column {:?} holds {}; expected strings", field.name(), field.data_type());
                return Err(Error::input(&file.path, problem));
            }
        }
        let needed = needed_columns(&layout);
        let mask = ProjectionMask::roots(builder.parquet_schema(), needed.iter().copied());
        renumber(&mut layout, &needed);
        let reader = guarded(|| builder.with_batch_size(BATCH_ROWS).with_projection(mask).build());
        let reader = reader.map_err(|problem| unusable(&file.path, &problem))?;
        let batches = Box::new(guarded_batches(reader));
        Ok(ParquetRows { batches, layout, columns: Vec::new(), n_rows: 0, at: 0, input, record: 0, done: false })
    }

    /// Reads the next batch; false at the end.
    fn advance(&mut self) -> Result<bool, String> {
        let Some(batch) = self.batches.next().transpose()? else { return Ok(false) };
        self.columns = batch.columns().iter().map(as_strings).collect::<Result<_, String>>()?;
        self.n_rows = batch.num_rows();
        self.at = 0;
        Ok(true)
    }

    fn fields(&self) -> Fields {
        let string = |index: &usize| -> Option<String> {
            let value = text_at(self.columns.get(*index)?, self.at)?;
            Some(value.into_owned()).filter(|value| !value.trim().is_empty())
        };
        let text = self.layout.text.iter().find_map(|&index| {
            let column = self.columns.get(index)?;
            if column.is_null(self.at) {
                return None;
            }
            match column.as_binary_opt::<i64>() {
                Some(bytes) => Some(RawText::Bytes(bytes.value(self.at).to_owned())),
                None => {
                    let text = column.as_string_opt::<i64>()?.value(self.at);
                    Some(RawText::Decoded(text.to_owned(), TextEncoding::Utf8))
                }
            }
        });
        let mut values: [Option<String>; Field::COUNT] = Default::default();
        for (value, columns) in values.iter_mut().zip(&self.layout.fields) {
            *value = columns.iter().find_map(string);
        }
        let line = self.layout.line.as_ref().and_then(string);
        Fields { text, values, line, kept: self.layout.keep.iter().map(string).collect() }
    }
}

impl Iterator for ParquetRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while self.at >= self.n_rows && !self.done {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => self.done = true,
                Err(problem) => {
                    self.done = true;
                    let origin = Origin { input: self.input, record: self.record + 1, line: None, bytes: None };
                    return Some(Row::Bad(origin, format!("the rest of the file cannot be read: {problem}")));
                }
            }
        }
        if self.done {
            return None;
        }
        let fields = self.fields();
        self.at += 1;
        self.record += 1;
        let origin = Origin { input: self.input, record: self.record, line: None, bytes: None };
        Some(Row::Fields(origin, Box::new(fields)))
    }
}

/// The columns that hold a field, in file order.
fn needed_columns(layout: &Layout) -> Vec<usize> {
    let fields = layout.fields.iter().flatten();
    let mut needed: Vec<usize> = fields.chain(&layout.text).chain(&layout.line).chain(&layout.keep).copied().collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// Rewrites file columns as columns of the projection.
fn renumber(layout: &mut Layout, needed: &[usize]) {
    let place = |column: &mut usize| *column = needed.binary_search(column).unwrap_or(*column);
    layout.fields.iter_mut().flatten().for_each(place);
    layout.text.iter_mut().for_each(place);
    layout.line.iter_mut().for_each(place);
    layout.keep.iter_mut().for_each(place);
}

/// Whether a column of this type can hold notes.
fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_text(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        // All null.
        DataType::Null => true,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => true,
        _ => false,
    }
}

/// A column as strings with 64-bit offsets; binary columns as they are.
pub(super) fn as_strings(column: &ArrayRef) -> Result<ArrayRef, String> {
    let target = match column.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::LargeBinary
        }
        DataType::Float32 | DataType::Float64 => return floats_as_strings(column).map_err(|error| error.to_string()),
        _ => DataType::LargeUtf8,
    };
    arrow_cast::cast(column, &target).map_err(|error| error.to_string())
}

/// A value of a column of [`as_strings`], decoded; `None` for null.
pub(super) fn text_at(column: &ArrayRef, row: usize) -> Option<Cow<'_, str>> {
    if column.is_null(row) {
        return None;
    }
    match column.as_binary_opt::<i64>() {
        Some(bytes) => Some(Cow::Owned(encoding::decode(bytes.value(row).to_owned()).0)),
        None => Some(Cow::Borrowed(column.as_string_opt::<i64>()?.value(row))),
    }
}

/// Identifiers that a data frame turned into floats (`17.0`) as the integers they were.
fn floats_as_strings(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let floats = arrow_cast::cast(column, &DataType::Float64)?;
    let floats = floats.as_primitive::<Float64Type>();
    let strings: LargeStringArray = floats.iter().map(|value| value.map(|value| value.to_string())).collect();
    Ok(Arc::new(strings))
}

#[cfg(test)]
mod tests {
    use ::parquet::arrow::ArrowWriter;
    use arrow_array::StringArray;

    use super::*;
    use crate::read::{discover, open};

    #[test]
    fn a_damaged_byte_costs_no_more_than_its_file() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["Fever.", "No cough."]));
        let batch = RecordBatch::try_from_iter([("text", text)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        let whole = writer.into_inner().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.parquet");
        let mut n_read = 0;
        for place in 0..whole.len() {
            for bit in [0, 3, 7] {
                let mut damaged = whole.clone();
                damaged[place] ^= 1 << bit;
                std::fs::write(&path, damaged).unwrap();
                let found = discover(&[path.display().to_string()], Path::new(".")).unwrap();
                let Ok((rows, _)) = open(&found.files[0], 0, &ReadOptions::default()) else { continue };
                n_read += rows.count();
            }
        }
        assert!(n_read > 0);
    }
}
