//! Tables of users besides notes: patients, index times, observations. Rows as texts of the columns that are asked for.
//!
//! No cell is ever quoted in an error, since the wrong file may hold notes.

use std::borrow::Cow;
use std::path::Path;

use ::parquet::arrow::ProjectionMask;
use arrow_array::ArrayRef;

pub(crate) use super::delimited::BadRow;

use super::csv::{CSV_DELIMITERS, TSV_DELIMITERS};
use super::delimited::{Fault, Records};
use super::discover::{Format, InputFile};
use super::guard::{guarded, guarded_batches};
use super::parquet::{as_strings, builder, text_at, unusable};
use super::source::Source;
use super::{encoding, unreadable};
use crate::{Error, Result};

/// Bytes of the longest row.
const MAX_ROW_BYTES: usize = 16 << 20;

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
    /// One of the columns with this need has to be there.
    Either,
    Optional,
}

/// The column of the patient's identifier, which every such table has.
pub(crate) const PATIENT_ID: Column =
    Column { names: &["patient_id", "person_id", "subject_id"], need: Need::Required };

/// The values of the columns in a row, trimmed; `None` for what is not there. Or why the row cannot be read.
pub(crate) type Cells<'c, const N: usize> = std::result::Result<[Option<&'c str>; N], BadRow>;

/// What is done with a row, by its number from 1, the header not counted.
type Each<'e, const N: usize> = dyn FnMut(u64, Cells<'_, N>) -> Result<()> + 'e;

/// Goes through the rows of a CSV, TSV (each also .gz or .zst) or Parquet file; gives the hash of the file. A file of another
/// extension is read as CSV.
///
/// # Errors
/// The file cannot be read to its end, or lacks a column.
pub(crate) fn read<const N: usize>(path: &Path, columns: &[Column; N], each: &mut Each<'_, N>) -> Result<blake3::Hash> {
    let file = InputFile::table(path);
    let source = Source::open(&file)?;
    match file.format {
        Format::Parquet => parquet(path, columns, each)?,
        Format::Tsv => delimited(path, TSV_DELIMITERS, &source, columns, each)?,
        Format::Csv => delimited(path, CSV_DELIMITERS, &source, columns, each)?,
        Format::JsonLines | Format::Text | Format::Query => {
            return Err(Error::input(path, "expected a table: .csv, .tsv (each also .gz or .zst) or .parquet"));
        }
    }
    Ok(source.hash()?.hash)
}

fn delimited<const N: usize>(
    path: &Path,
    delimiters: &[u8],
    source: &Source,
    columns: &[Column; N],
    each: &mut Each<'_, N>,
) -> Result<()> {
    let accept = |header: &[String]| places(header, columns);
    let (mut records, places) = Records::open(path, delimiters, source, MAX_ROW_BYTES, accept)?;
    while let Some((place, row)) =
        records.next(|cells| places.map(|place| place.map(|place| encoding::decode(cells.get(place).into_owned()).0)))
    {
        match row {
            Ok(texts) => each(place.record, Ok(texts.each_ref().map(|text| value(text.as_deref()))))?,
            Err(Fault::Row(bad)) => each(place.record, Err(bad))?,
            Err(Fault::Rest(error)) => {
                return Err(Error::input(path, format!("from record {}: {}", place.record, unreadable(&error))));
            }
        }
    }
    Ok(())
}

fn parquet<const N: usize>(path: &Path, columns: &[Column; N], each: &mut Each<'_, N>) -> Result<()> {
    let (builder, header) = builder(path)?;
    let places = places(&header, columns).map_err(|problem| Error::input(path, problem))?;
    let needed = ProjectionMask::roots(builder.parquet_schema(), places.into_iter().flatten());
    let reader = guarded(|| builder.with_projection(needed).build()).map_err(|problem| unusable(path, &problem))?;
    let names = places.map(|place| header.get(place?).map(String::as_str));
    let mut row = 0;
    for batch in guarded_batches(reader) {
        let batch = batch.map_err(|problem| unusable(path, &problem))?;
        let column = |name: Option<&str>| name.and_then(|name| batch.column_by_name(name)).map(as_strings).transpose();
        let texts: Vec<Option<ArrayRef>> = names
            .into_iter()
            .map(|name| column(name).map_err(|error| unusable(path, &error)))
            .collect::<Result<_>>()?;
        for index in 0..batch.num_rows() {
            row += 1;
            let cells: Vec<Option<Cow<'_, str>>> =
                texts.iter().map(|column| text_at(column.as_ref()?, index)).collect();
            let cell = |column: usize| value(cells.get(column)?.as_deref());
            each(row, Ok(std::array::from_fn(cell)))?;
        }
    }
    Ok(())
}

fn value(stated: Option<&str>) -> Option<&str> {
    stated.map(str::trim).filter(|value| !value.is_empty())
}

/// Where the columns stand in a header; a message that names those that are missing.
fn places<const N: usize>(header: &[String], columns: &[Column; N]) -> Result<[Option<usize>; N], String> {
    let known = |name: &&str| header.iter().position(|found| found.trim().eq_ignore_ascii_case(name));
    let places = columns.map(|column| column.names.iter().find_map(known));
    let of_need = |need: Need| columns.iter().zip(places).filter(move |(column, _)| column.need == need);
    let missing = |names: &[&str]| Err(format!("no column {} among {} columns", names.join(" or "), header.len()));
    if let Some((column, _)) = of_need(Need::Required).find(|(_, place)| place.is_none()) {
        return missing(column.names);
    }
    let either: Vec<&str> = of_need(Need::Either).flat_map(|(column, _)| column.names).copied().collect();
    if !either.is_empty() && of_need(Need::Either).all(|(_, place)| place.is_none()) {
        return missing(&either);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [PATIENT_ID, Column { names: &["unit", "units"], need: Need::Optional }];

    type Row = (u64, Result<[Option<String>; 2], &'static str>);

    fn rows(name: &str, bytes: impl AsRef<[u8]>) -> Result<Vec<Row>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let mut rows = Vec::new();
        let hash = read(&path, &COLUMNS, &mut |row, cells| {
            let cells = cells.map(|cells| cells.map(|cell| cell.map(str::to_owned)));
            rows.push((row, cells.map_err(|bad| bad.reason())));
            Ok(())
        })?;
        assert_eq!(hash, blake3::hash(bytes.as_ref()));
        Ok(rows)
    }

    fn row(number: u64, patient: &str, unit: Option<&str>) -> Row {
        (number, Ok([Some(patient.to_owned()), unit.map(str::to_owned)]))
    }

    fn message(name: &str, text: &str) -> String {
        rows(name, text).unwrap_err().to_string()
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_case() {
        let expected = [row(1, "p1", Some("mg")), row(2, "p2", None)];
        assert_eq!(rows("a.csv", "UNIT,x,Subject_ID\nmg,1, p1\n,2,p2\n").unwrap(), expected);
        assert_eq!(rows("a.tsv", "patient_id\tunit\np1\tmg\np2\t\n").unwrap(), expected);
        assert_eq!(rows("a.txt", "patient_id;units\np1;mg\np2;\n").unwrap(), expected);
    }

    #[test]
    fn texts_are_decoded_and_decompressed_as_those_of_notes() {
        let expected = [row(1, "Zoë", Some("mg"))];
        assert_eq!(rows("a.csv", b"patient_id,unit\nZo\xEB,mg\n").unwrap(), expected);
        let utf16: Vec<u8> = "\u{feff}patient_id,unit\nZoë,mg\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(rows("a.csv", utf16).unwrap(), expected);
        let zstd = zstd::encode_all("patient_id,unit\nZoë,mg\n".as_bytes(), 0).unwrap();
        assert_eq!(rows("a.csv.zst", zstd).unwrap(), expected);
    }

    #[test]
    fn rows_that_are_none_are_told_and_the_others_read() {
        let text = "patient_id,unit\np1\np2,\"mg\np3,mg\np4,\"mg\" x\np5,mg\n";
        let found = rows("a.csv", text).unwrap();
        let reasons: Vec<(u64, bool)> = found.iter().map(|(row, cells)| (*row, cells.is_ok())).collect();
        assert_eq!(reasons.last(), Some(&(reasons.len() as u64, true)), "{found:?}");
        assert_eq!(found[0], (1, Err("the row has not as many fields as the header")));
        assert!(found.contains(&row(reasons.len() as u64, "p5", Some("mg"))), "{found:?}");
        assert!(reasons.iter().filter(|(_, is_row)| !is_row).count() >= 3, "{found:?}");
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = message("a.csv", "unit\nmg\n");
        assert!(error.ends_with("a.csv: no column patient_id or person_id or subject_id among 1 columns"), "{error}");
        assert!(message("a.csv", "").ends_with("the file is empty: expected a line that names the columns"));
        assert!(message("a.jsonl", "{}\n").contains("expected a table"));
        assert!(message("a.parquet", "no").contains("cannot be read as Parquet"));
    }
}
