//! The index file: patients and the times at which their features are wanted. CSV, TSV or Parquet.
//!
//! No cell is quoted in an error, since the wrong file may hold notes.

use std::fs::File;
use std::path::Path;

use polars::prelude::{Column, CsvReadOptions, DataFrame, DataType, ParquetReader, SerReader, TimeUnit};

use super::cohort::{IndexRow, note_key};
use crate::read::time;
use crate::{Error, Result};

/// What an index file holds.
#[derive(Debug, Default)]
pub(super) struct IndexFile {
    pub rows: Vec<(String, IndexRow)>,
    /// Records that were left out, from 1, the header not counted, with the reason.
    pub rejected: Vec<(u64, &'static str)>,
    pub n_read: u64,
}

const PATIENT_ID: [&str; 3] = ["patient_id", "person_id", "subject_id"];
const INDEX_TIME: [&str; 2] = ["index_time", "prediction_time"];
const LABEL: [&str; 2] = ["label", "boolean_value"];
const LABEL_NOTE: [&str; 1] = ["label_note_id"];

/// Reads an index file.
///
/// # Errors
/// It cannot be read, or lacks a column.
pub(super) fn read(path: &Path) -> Result<IndexFile> {
    let frame = frame(path)?;
    let find = |names: &[&str]| {
        let named = |name: &&str| frame.columns().iter().find(|column| column.name().eq_ignore_ascii_case(name));
        names.iter().find_map(named)
    };
    let needed = |names: &[&str]| {
        let problem = || format!("expected the columns patient_id and index_time, found no {}", names[0]);
        find(names).ok_or_else(|| Error::input(path, problem()))
    };
    let patients = texts(path, needed(&PATIENT_ID)?)?;
    let times = times(path, needed(&INDEX_TIME)?)?;
    let optional = |names: &[&str]| find(names).map(|column| texts(path, column)).transpose();
    let (labels, label_notes) = (optional(&LABEL)?, optional(&LABEL_NOTE)?);
    let cell =
        |column: &Option<Vec<Option<String>>>, row: usize| column.as_ref().and_then(|cells| cells.get(row)?.clone());
    let mut file = IndexFile { n_read: patients.len() as u64, ..IndexFile::default() };
    for (row, (patient, time)) in patients.into_iter().zip(times).enumerate() {
        match (patient, time) {
            (None, _) => file.rejected.push((row as u64 + 1, "patient_id is empty")),
            (_, None) => {
                file.rejected.push((row as u64 + 1, "index_time: expected a time such as 2025-03-02T14:20:00"));
            }
            (Some(patient), Some(time)) => {
                let label_note = cell(&label_notes, row).map(|note| note_key(&note));
                file.rows.push((patient, IndexRow { time, label: cell(&labels, row), label_note }));
            }
        }
    }
    Ok(file)
}

/// The file as it is; cells of CSV as text.
fn frame(path: &Path) -> Result<DataFrame> {
    let file = File::open(path).map_err(|error| Error::io("opening", path, error))?;
    let has_extension = |wanted: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(wanted));
    if has_extension("parquet") {
        return ParquetReader::new(file).finish().map_err(|_| Error::input(path, "cannot be read as Parquet"));
    }
    let separator = if has_extension("tsv") { b'\t' } else { b',' };
    let options = CsvReadOptions::default()
        .with_has_header(true)
        .with_infer_schema_length(Some(0))
        .map_parse_options(|options| options.with_separator(separator));
    let bad = |_| Error::input(path, "cannot be read as a table with a header and rows of as many cells");
    options.into_reader_with_file_handle(file).finish().map_err(bad)
}

/// Cells as trimmed text; `None` for null and for blank.
fn texts(path: &Path, column: &Column) -> Result<Vec<Option<String>>> {
    let bad = |_| Error::input(path, format!("column {}: expected text", column.name()));
    let cast = column.cast(&DataType::String).map_err(bad)?;
    let cells = cast.str().map_err(bad)?;
    Ok(cells.iter().map(|cell| cell.map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned)).collect())
}

/// Cells as microseconds; `None` for what is no time.
fn times(path: &Path, column: &Column) -> Result<Vec<Option<i64>>> {
    if !column.dtype().is_temporal() {
        let parsed = |cell: Option<String>| time::parse(&cell?).map(|time| time.0);
        return Ok(texts(path, column)?.into_iter().map(parsed).collect());
    }
    let bad = |_| Error::input(path, format!("column {}: expected a date or a time", column.name()));
    let micros = column.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).map_err(bad)?;
    let micros = micros.cast(&DataType::Int64).map_err(bad)?;
    Ok(micros.i64().map_err(bad)?.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<IndexFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn reads_rows_and_names_those_it_cannot() {
        let text = "subject_id,index_time,label,label_note_id\n007,1970-01-01T00:00:01,1,n1\n,1970-01-01,,\n8,soon,,\n";
        let file = read_text("index.csv", text).unwrap();
        assert_eq!(file.n_read, 3);
        let row = IndexRow { time: 1_000_000, label: Some("1".to_owned()), label_note: Some(note_key("n1")) };
        assert_eq!(file.rows, [("007".to_owned(), row)]);
        assert_eq!(file.rejected.iter().map(|(record, _)| *record).collect::<Vec<_>>(), [2, 3]);
        let tabbed = read_text("index.tsv", "patient_id\tindex_time\np\t1970-01-02\n").unwrap();
        assert_eq!(tabbed.rows[0].1.time, 86_400_000_000);
    }

    #[test]
    fn says_what_it_lacks_and_quotes_nothing() {
        let message = |text: &str| read_text("index.csv", text).unwrap_err().to_string();
        assert!(message("patient_id,when\np,x\n").ends_with("found no index_time"));
        assert!(!message("a,b\nsecret,1,2,3\n").contains("secret"));
        assert!(!message("").is_empty());
    }
}
