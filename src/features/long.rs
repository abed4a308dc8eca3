//! The long table: a row for each index row, feature and window.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    Column, DataFrame, DataType, Float64Chunked, Int32Chunked, Int64Chunked, IntoColumn, IntoSeries, NewChunkedArray,
    ParquetWriter, PolarsError, StatisticsOptions, StringChunked, TimeUnit, UInt32Chunked,
};

use super::patient::Row;
use super::plan::Plan;
use super::window::FeatureWindow;
use crate::{Error, ErrorKind, Result};

/// The columns in words, in their order.
pub(super) const COLUMNS: [(&str, &str); 17] = [
    ("patient_id", "the patient"),
    ("index_time", "the time at which the features hold"),
    ("feature", "the feature"),
    ("value", "its number; of a feature that is a state, the statements, copied text counted once"),
    ("state", "present, possible, absent (stated) or not_mentioned; the strongest claim of the window"),
    ("first_seen", "when the earliest of the statements first stood in a note, be it before the window"),
    ("n_notes", "notes of the window that hold a statement"),
    ("n_carried", "of these, notes that hold only text carried forward from an earlier note"),
    ("window_days", "days before the index time; null: any time"),
    ("last_state", "what the last note says that mentions it"),
    ("last_seen", "when the last note of the window that holds a statement was available"),
    ("n_by_others", "of the notes counted in n_carried, those of another author than the text came from"),
    ("n_present", "statements that say present, copied text counted once"),
    ("n_possible", "statements that say possible"),
    ("n_absent", "statements that say absent"),
    ("n_section_notes", "notes of the window with a section that would hold a statement: the denominator"),
    ("n_window_notes", "notes of the window"),
];

/// The rows of one index row.
pub(super) struct IndexedRows<'a> {
    pub patient_id: &'a str,
    pub index_time: i64,
    pub label: Option<&'a str>,
    pub rows: Vec<Row>,
}

/// Rows as a frame.
///
/// # Errors
/// None that rows can cause.
pub(super) fn frame(indexed: &[IndexedRows<'_>], plan: &Plan) -> Result<DataFrame> {
    let rows = || indexed.iter().flat_map(|indexed| indexed.rows.iter().map(move |row| (indexed, row)));
    let n_rows = rows().count();
    let number = |name: &str, of: &dyn Fn(&Row) -> Option<u32>| {
        UInt32Chunked::from_iter_options(name.into(), rows().map(|(_, row)| of(row))).into_column()
    };
    let time = |name: &str, of: &dyn Fn(&IndexedRows<'_>, &Row) -> Option<i64>| {
        times(name, rows().map(|(indexed, row)| of(indexed, row)))
    };
    let state = |name: &str, of: &dyn Fn(&Row) -> Option<&'static str>| {
        StringChunked::from_iter_options(name.into(), rows().map(|(_, row)| of(row))).into_column()
    };
    let of_state = |row: &Row, n: u32| row.state.map(|_| n);
    let feature = |row: &Row| plan.features.get(row.feature as usize).map(|feature| feature.name.as_str());
    let days = |row: &Row| row.window.and_then(|window| window.days()).and_then(|days| i32::try_from(days).ok());
    let in_window = indexed.iter().flat_map(|indexed| {
        let notes = indexed.rows.iter().filter(|row| row.feature == plan.notes);
        let notes: Vec<(Option<FeatureWindow>, u32)> = notes.map(|row| (row.window, row.n_notes)).collect();
        let of_window = move |row: &Row| notes.iter().find(|(window, _)| *window == row.window).map(|(_, n)| *n);
        indexed.rows.iter().map(of_window)
    });
    let columns: Vec<Column> = vec![
        StringChunked::from_iter_values("patient_id".into(), rows().map(|(indexed, _)| indexed.patient_id))
            .into_column(),
        time("index_time", &|indexed, _| Some(indexed.index_time))?,
        StringChunked::from_iter_options("feature".into(), rows().map(|(_, row)| feature(row))).into_column(),
        Float64Chunked::from_iter_options("value".into(), rows().map(|(_, row)| row.value)).into_column(),
        state("state", &|row| row.state.map(|state| state.name())),
        time("first_seen", &|_, row| row.first_seen)?,
        number("n_notes", &|row| row.window.map(|_| row.n_notes)),
        number("n_carried", &|row| row.window.map(|_| row.n_carried)),
        Int32Chunked::from_iter_options("window_days".into(), rows().map(|(_, row)| days(row))).into_column(),
        state("last_state", &|row| row.last_state.map(|state| state.name())),
        time("last_seen", &|_, row| row.last_seen)?,
        number("n_by_others", &|row| row.window.map(|_| row.n_by_others)),
        number("n_present", &|row| of_state(row, row.n_present)),
        number("n_possible", &|row| of_state(row, row.n_possible)),
        number("n_absent", &|row| of_state(row, row.n_absent)),
        number("n_section_notes", &|row| row.n_section_notes),
        UInt32Chunked::from_iter_options("n_window_notes".into(), in_window).into_column(),
    ];
    DataFrame::new(n_rows, columns).map_err(|error| internal(&error))
}

/// Times as a column.
pub(super) fn times(name: &str, times: impl Iterator<Item = Option<i64>>) -> Result<Column> {
    let micros = Int64Chunked::from_iter_options(name.into(), times).into_series();
    let times = micros.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).map_err(|error| internal(&error))?;
    Ok(times.into_column())
}

/// A Parquet file that frames of one shape are written to, a row group each.
pub(super) struct FrameWriter {
    table: &'static str,
    path: PathBuf,
    statistics: StatisticsOptions,
    writer: Option<BatchedWriter<BufWriter<File>>>,
    n_rows: u64,
}

impl FrameWriter {
    /// A file that will be written.
    pub fn new(path: PathBuf, table: &'static str, statistics: StatisticsOptions) -> FrameWriter {
        FrameWriter { table, path, statistics, writer: None, n_rows: 0 }
    }

    /// Appends a frame. The first one, which may be empty, says the columns.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn write(&mut self, frame: &DataFrame) -> Result<()> {
        let failed = |error| encode(self.table, &error);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            empty => {
                let file = File::create(&self.path).map_err(|error| Error::io("creating", &self.path, error))?;
                let writer = ParquetWriter::new(BufWriter::new(file)).with_statistics(self.statistics);
                empty.insert(writer.batched(frame.schema()).map_err(failed)?)
            }
        };
        self.n_rows += frame.height() as u64;
        writer.write_batch(frame).map_err(failed)
    }

    /// Rows written so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Completes the file; gives the number of its rows.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn finish(self) -> Result<u64> {
        if let Some(writer) = &self.writer {
            writer.finish().map_err(|error| encode(self.table, &error))?;
        }
        drop(self.writer);
        let flushed = File::open(&self.path).and_then(|file| file.sync_all());
        flushed.map_err(|error| Error::io("flushing", &self.path, error))?;
        Ok(self.n_rows)
    }
}

fn encode(table: &'static str, error: &PolarsError) -> Error {
    ErrorKind::Encode { table, problem: error.to_string() }.into()
}

fn internal(error: &PolarsError) -> Error {
    Error::internal(format!("rows of features: {error}"))
}
