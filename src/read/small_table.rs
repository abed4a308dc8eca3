//! Tables of users besides notes: index times, observations. Rows as texts of the columns that are asked for.

use std::path::Path;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};

use super::discover::{Format, InputFile, discover};
use super::parquet::as_strings;
use super::source::Source;
use crate::{Error, Result};

/// A column that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name, then other names by which it is known, best first; any case.
    pub names: &'static [&'static str],
    pub need: Need,
}

/// Whether a table is of use without a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

/// The values of the columns in a row, trimmed; `None` for what is not there. Or why the row cannot be read.
pub(crate) type Cells<'c> = std::result::Result<&'c [Option<&'c str>], &'static str>;

/// What is done with a row, by its number from 1.
type Each<'e> = dyn FnMut(u64, Cells<'_>) -> Result<()> + 'e;

/// Goes through the rows of a CSV, TSV (each also .gz or .zst) or Parquet file; gives the hash of the file.
///
/// # Errors
/// The file cannot be read, or lacks a column.
pub(crate) fn read(path: &Path, columns: &[Column], each: &mut Each<'_>) -> Result<blake3::Hash> {
    let found = discover(&[path.to_string_lossy().into_owned()], Path::new(""))?;
    let file = match found.files.as_slice() {
        [file] => file,
        files => return Err(Error::input(path, format!("expected one table, found {} files", files.len()))),
    };
    match file.format {
        Format::Csv => delimited(file, b',', columns, each),
        Format::Tsv => delimited(file, b'\t', columns, each),
        Format::Parquet => parquet(file, columns, each),
        Format::JsonLines | Format::Text | Format::Query => {
            Err(Error::input(path, "expected a table: .csv, .tsv (each also .gz or .zst) or .parquet"))
        }
    }
}

fn delimited(file: &InputFile, delimiter: u8, columns: &[Column], each: &mut Each<'_>) -> Result<blake3::Hash> {
    let source = Source::open(file)?;
    // The messages of the csv crate quote nothing of the file.
    let bad = |error: csv::Error| Error::input(&file.path, error.to_string());
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.delimiter(delimiter).flexible(true).from_reader(source.take_reader());
    let decoded = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let header: Vec<String> = reader.byte_headers().map_err(bad)?.iter().map(decoded).collect();
    let places = places(&file.path, &header, columns)?;
    let mut record = csv::ByteRecord::new();
    for row in 1.. {
        if !reader.read_byte_record(&mut record).map_err(bad)? {
            break;
        }
        if record.len() != header.len() {
            each(row, Err("the row has not as many fields as the header"))?;
            continue;
        }
        let cells: Vec<_> = places.iter().map(|place| Some(String::from_utf8_lossy(record.get((*place)?)?))).collect();
        let values: Vec<Option<&str>> = cells.iter().map(|cell| value(cell.as_deref())).collect();
        each(row, Ok(&values))?;
    }
    Ok(source.hash()?.hash)
}

fn parquet(file: &InputFile, columns: &[Column], each: &mut Each<'_>) -> Result<blake3::Hash> {
    let bad = |error: &dyn std::fmt::Display| Error::input(&file.path, format!("cannot be read as Parquet: {error}"));
    let opened = std::fs::File::open(&file.path).map_err(|error| Error::io("opening", &file.path, error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|error| bad(&error))?;
    let header: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let places = places(&file.path, &header, columns)?;
    let mut row = 0;
    for batch in builder.build().map_err(|error| bad(&error))? {
        let batch = batch.map_err(|error| bad(&error))?;
        let texts = places.iter().map(|place| place.map(|place| as_strings(batch.column(place))).transpose());
        let texts = texts.collect::<Result<Vec<_>, String>>().map_err(|error| bad(&error))?;
        for index in 0..batch.num_rows() {
            row += 1;
            let values: Vec<Option<&str>> =
                texts.iter().map(|column| value(text_at(column.as_ref()?, index))).collect();
            each(row, Ok(&values))?;
        }
    }
    Ok(Source::open(file)?.hash()?.hash)
}

fn text_at(column: &ArrayRef, index: usize) -> Option<&str> {
    let column = column.as_string_opt::<i64>().filter(|column| column.is_valid(index))?;
    Some(column.value(index))
}

fn value(stated: Option<&str>) -> Option<&str> {
    stated.map(str::trim).filter(|value| !value.is_empty())
}

/// Where the columns stand in a header.
fn places(path: &Path, header: &[String], columns: &[Column]) -> Result<Vec<Option<usize>>> {
    let place = |column: &Column| {
        let known = |name: &&str| header.iter().position(|found| found.trim().eq_ignore_ascii_case(name));
        match column.names.iter().find_map(known) {
            None if column.need == Need::Required => {
                let problem = format!("no column {} among {} columns", column.names.join(" or "), header.len());
                Err(Error::input(path, problem))
            }
            place => Ok(place),
        }
    };
    columns.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [
        Column { names: &["patient_id", "subject_id"], need: Need::Required },
        Column { names: &["unit"], need: Need::Optional },
    ];

    fn rows(name: &str, text: &str) -> Result<Vec<(u64, Vec<Option<String>>)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut rows = Vec::new();
        read(&path, &COLUMNS, &mut |row, values| {
            let values = values.unwrap_or_default();
            rows.push((row, values.iter().map(|value| value.map(str::to_owned)).collect()));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_case() {
        let expected =
            [(1, vec![Some("p1".to_owned()), Some("mg".to_owned())]), (2, vec![Some("p2".to_owned()), None])];
        assert_eq!(rows("a.csv", "UNIT,x,Subject_ID\nmg,1, p1\n,2,p2\n").unwrap(), expected);
        assert_eq!(rows("a.tsv", "patient_id\tunit\np1\tmg\np2\t\n").unwrap(), expected);
    }

    #[test]
    fn rows_of_another_length_are_told() {
        assert_eq!(rows("a.csv", "patient_id,unit\np1\n").unwrap(), [(1, Vec::new())]);
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = rows("a.csv", "unit\nmg\n").unwrap_err().to_string();
        assert!(error.ends_with("a.csv: no column patient_id or subject_id among 1 columns"), "{error}");
        let error = rows("a.txt", "unit\nmg\n").unwrap_err().to_string();
        assert!(error.contains("expected a table"), "{error}");
    }
}
