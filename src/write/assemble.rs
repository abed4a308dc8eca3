//! Finished tables, from the files of the parts.
//!
//! The encoded bytes are copied: row groups of Parquet one after the other, lines of CSV and JSON Lines. So the result
//! depends on the parts alone, and costs little more than the disk does.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::OutputFormat;
use super::table::{CREATED_BY, csv_header};
use crate::{Error, Result};

/// A file holds at least this many rows before the next one begins.
const ROWS_PER_FILE: u64 = 10_000_000;

/// A file of a part, and how many rows it holds.
pub(crate) struct PartFile {
    pub path: PathBuf,
    pub rows: u64,
}

/// Assembles a table in one format: a file, or a folder of numbered files where one would be too large; gives its path.
pub(crate) fn assemble(
    folder: &Path,
    name: &str,
    schema: &SchemaRef,
    format: OutputFormat,
    parts: &[PartFile],
) -> Result<PathBuf> {
    assemble_by(ROWS_PER_FILE, folder, name, schema, format, parts)
}

fn assemble_by(
    rows_per_file: u64,
    folder: &Path,
    name: &str,
    schema: &SchemaRef,
    format: OutputFormat,
    parts: &[PartFile],
) -> Result<PathBuf> {
    let extension = format.extension();
    let target = folder.join(format!("{name}.{extension}"));
    let files = split(rows_per_file, parts);
    if let [only] = files.as_slice() {
        join(&target, schema, format, only)?;
        return Ok(target);
    }
    std::fs::create_dir(&target).map_err(|error| Error::io("creating", &target, error))?;
    for (number, parts) in files.into_iter().enumerate() {
        join(&target.join(format!("part-{number:05}.{extension}")), schema, format, parts)?;
    }
    Ok(target)
}

/// The parts of each file.
fn split(rows_per_file: u64, parts: &[PartFile]) -> Vec<&[PartFile]> {
    let mut files = Vec::new();
    let mut first = 0;
    let mut n_rows = 0;
    for (index, part) in parts.iter().enumerate() {
        if n_rows >= rows_per_file && part.rows > 0 {
            files.push(&parts[first..index]);
            (first, n_rows) = (index, 0);
        }
        n_rows += part.rows;
    }
    files.push(&parts[first..]);
    files
}

fn join(target: &Path, schema: &SchemaRef, format: OutputFormat, parts: &[PartFile]) -> Result<()> {
    match format {
        OutputFormat::Parquet => join_parquet(target, parts),
        OutputFormat::Csv => join_lines(target, &csv_header(schema)?, parts.iter().map(|part| part.path.as_path())),
        OutputFormat::Jsonl => join_lines(target, &[], parts.iter().map(|part| part.path.as_path())),
    }
}

/// Joins files of whole lines after a header.
pub(crate) fn join_lines<'a>(target: &Path, header: &[u8], parts: impl Iterator<Item = &'a Path>) -> Result<()> {
    let writing = |error| Error::io("writing", target, error);
    let mut output = File::create(target).map_err(|error| Error::io("creating", target, error))?;
    output.write_all(header).map_err(writing)?;
    for path in parts {
        let mut input = File::open(path).map_err(|error| Error::io("opening", path, error))?;
        io::copy(&mut input, &mut output).map_err(writing)?;
    }
    output.sync_all().map_err(|error| Error::io("flushing", target, error))
}

fn join_parquet(target: &Path, parts: &[PartFile]) -> Result<()> {
    let problem = |error: ParquetError| Error::io("writing", target, io::Error::other(error));
    let Some(first) = parts.first() else { return Err(Error::internal("a table without a part")) };
    let (_, described) = open_parquet(&first.path)?;
    let described = described.file_metadata();
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_offset_index_disabled(true)
        .set_key_value_metadata(described.key_value_metadata().cloned())
        .build();
    let output = File::create(target).map_err(|error| Error::io("creating", target, error))?;
    let schema = described.schema_descr().root_schema_ptr();
    let mut writer =
        SerializedFileWriter::new(BufWriter::new(output), schema, Arc::new(properties)).map_err(problem)?;
    for part in parts.iter().filter(|part| part.rows > 0) {
        let (input, metadata) = open_parquet(&part.path)?;
        copy_row_groups(&mut writer, &input, &metadata).map_err(problem)?;
    }
    let written = writer.into_inner().map_err(problem)?;
    let file = written.into_inner().map_err(|error| Error::io("writing", target, error.into_error()))?;
    file.sync_all().map_err(|error| Error::io("flushing", target, error))
}

fn open_parquet(path: &Path) -> Result<(File, ParquetMetaData)> {
    let file = File::open(path).map_err(|error| Error::io("opening", path, error))?;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file);
    Ok((file, metadata.map_err(|error| Error::io("reading", path, io::Error::other(error)))?))
}

fn copy_row_groups<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    input: &File,
    metadata: &ParquetMetaData,
) -> Result<(), ParquetError> {
    for group in metadata.row_groups() {
        let mut copied = writer.next_row_group()?;
        for column in group.columns() {
            let closed = ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: group.num_rows() as u64,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            copied.append_column(input, closed)?;
        }
        copied.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow_array::{RecordBatch, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::super::table::TableWriter;
    use super::*;

    /// Parts of a table of one column, one value a row.
    fn write_parts(folder: &Path, parts: &[&[&str]]) -> SchemaRef {
        let schema = Arc::new(Schema::new(vec![Field::new("a,b", DataType::Utf8, false)]));
        for (number, values) in parts.iter().enumerate() {
            let part = folder.join(number.to_string());
            std::fs::create_dir(&part).unwrap();
            let mut table = TableWriter::create(&part, "t", schema.clone(), &OutputFormat::ALL).unwrap();
            for value in *values {
                let column = Arc::new(StringArray::from(vec![*value]));
                table.write(&RecordBatch::try_new(schema.clone(), vec![column]).unwrap()).unwrap();
            }
            assert_eq!(table.finish().unwrap(), values.len() as u64);
        }
        schema
    }

    fn values(path: &Path) -> Vec<String> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
        let column = |batch: RecordBatch| batch.column(0).as_any().downcast_ref::<StringArray>().unwrap().clone();
        reader
            .flat_map(|batch| column(batch.unwrap()).iter().map(|v| v.unwrap().to_owned()).collect::<Vec<_>>())
            .collect()
    }

    fn check(rows_per_file: u64, parts: &[&[&str]], expected: &[&[&str]]) {
        let folder = tempfile::tempdir().unwrap();
        let schema = write_parts(folder.path(), parts);
        for format in OutputFormat::ALL {
            let file = |number: usize| folder.path().join(number.to_string()).join(format!("t.{}", format.extension()));
            let files: Vec<PartFile> = (parts.iter().enumerate())
                .map(|(number, values)| PartFile { path: file(number), rows: values.len() as u64 })
                .collect();
            let table = assemble_by(rows_per_file, folder.path(), "t", &schema, format, &files).unwrap();
            let mut written = vec![table.clone()];
            if table.is_dir() {
                written = std::fs::read_dir(&table).unwrap().map(|entry| entry.unwrap().path()).collect();
                written.sort();
            }
            assert_eq!(written.len(), expected.len());
            for (path, expected) in written.iter().zip(expected) {
                if format == OutputFormat::Parquet {
                    assert_eq!(values(path), *expected);
                    continue;
                }
                let lines = std::fs::read_to_string(path).unwrap();
                let row = |value: &&str| match format {
                    OutputFormat::Csv => format!("{value}\n"),
                    _ => format!("{{\"a,b\":\"{value}\"}}\n"),
                };
                let header = if format == OutputFormat::Csv { "\"a,b\"\n" } else { "" };
                assert_eq!(lines, format!("{header}{}", expected.iter().map(row).collect::<String>()));
            }
        }
    }

    #[test]
    fn a_table_is_one_file_up_to_the_limit() {
        check(9, &[&["x", "y"], &[], &["z"]], &[&["x", "y", "z"]]);
        check(2, &[&["x", "y"]], &[&["x", "y"]]);
        check(2, &[&[]], &[&[]]);
    }

    #[test]
    fn a_table_beyond_the_limit_continues_in_the_next_file() {
        check(2, &[&["x"], &["y", "z"], &[], &["u"], &["v"]], &[&["x", "y", "z"], &["u", "v"]]);
    }
}
