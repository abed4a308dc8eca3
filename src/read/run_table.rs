//! Tables of a run, read back as batches of the columns that a command needs.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::{Error, Result};

/// Reads a table of a run in the first format that is there: Parquet, JSON Lines, CSV; `schema` names its columns, of which
/// at least `columns` are read.
///
/// # Errors
/// The run holds no such table, or one that cannot be read.
pub(crate) fn read(
    run: &Path,
    name: &str,
    schema: &SchemaRef,
    columns: &[&str],
    mut each: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    for extension in ["parquet", "jsonl", "csv"] {
        let path = run.join(format!("{name}.{extension}"));
        if !path.exists() {
            continue;
        }
        for part in parts(&path)? {
            let file = File::open(&part).map_err(|error| Error::io("opening", &part, error))?;
            let bad = |error: &dyn std::fmt::Display| Error::input(&part, error.to_string());
            let batches: Box<dyn Iterator<Item = Result<RecordBatch>>> = match extension {
                "parquet" => {
                    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| bad(&error))?;
                    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
                    let reader = builder.with_projection(mask).build().map_err(|error| bad(&error))?;
                    Box::new(reader.map(|batch| batch.map_err(|error| Error::input(&part, error.to_string()))))
                }
                "jsonl" => {
                    let builder = arrow_json::ReaderBuilder::new(schema.clone());
                    let reader = builder.build(BufReader::new(file)).map_err(|error| bad(&error))?;
                    Box::new(reader.map(|batch| batch.map_err(|error| Error::input(&part, error.to_string()))))
                }
                _ => {
                    let mut file = file;
                    let schema = csv_schema(&mut file, schema).map_err(|error| bad(&error))?;
                    file.rewind().map_err(|error| Error::io("reading", &part, error))?;
                    let builder = arrow_csv::ReaderBuilder::new(schema).with_header(true);
                    let reader = builder.build(file).map_err(|error| bad(&error))?;
                    Box::new(reader.map(|batch| batch.map_err(|error| Error::input(&part, error.to_string()))))
                }
            };
            for batch in batches {
                each(&batch?)?;
            }
        }
        return Ok(());
    }
    let problem =
        format!("holds no {name}.parquet, {name}.jsonl or {name}.csv; expected the output folder of annotate");
    Err(Error::input(run, problem))
}

/// The columns of a file by its header, of the types that `schema` gives them; others are text.
fn csv_schema(file: &mut File, schema: &SchemaRef) -> Result<SchemaRef, ArrowError> {
    let (header, _) = arrow_csv::reader::Format::default().with_header(true).infer_schema(file, Some(0))?;
    let fields = header.fields().iter().map(|field| match schema.field_with_name(field.name()) {
        Ok(known) => known.clone(),
        Err(_) => Field::new(field.name(), DataType::Utf8, true),
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// The files of a table: itself, or the numbered parts in the folder of its name.
fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error| Error::io("listing", path, error);
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut parts = entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect::<Result<Vec<_>>>()?;
    parts.sort();
    Ok(parts)
}
