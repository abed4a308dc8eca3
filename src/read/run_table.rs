//! Tables of a run, read back as batches of the columns that a command needs.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter};
use ::parquet::schema::types::SchemaDescriptor;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::guard::{guarded, guarded_batches};
use crate::{Error, Result};

/// A stream of batches of rows.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>>>;

/// A row that is looked for, by the value of a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub column: &'static str,
    pub value: &'a str,
}

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
    for batch in batches(run, name, schema, columns)? {
        each(&batch?)?;
    }
    Ok(())
}

/// The same as a stream, in the order of the rows. Memory is that of a batch.
pub(crate) fn batches(run: &Path, name: &str, schema: &SchemaRef, columns: &[&str]) -> Result<Batches> {
    let (format, parts) = files(run, name)?;
    let schema = schema.clone();
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let of_parts = parts.into_iter().flat_map(move |part| {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        open(&part, format, &schema, &columns, None).unwrap_or_else(|error| Box::new(std::iter::once(Err(error))))
    });
    Ok(Box::new(of_parts))
}

/// The first row that is wanted, as a batch of one row with every column; `None` where there is none.
///
/// # Errors
/// As [`read`].
pub(crate) fn find(run: &Path, name: &str, schema: &SchemaRef, wanted: Wanted<'_>) -> Result<Option<RecordBatch>> {
    find_where(run, name, schema, wanted, |_, _| true)
}

/// The same, for the first wanted row of which a condition holds too; it is asked of batches with every column.
///
/// # Errors
/// As [`read`].
pub(crate) fn find_where(
    run: &Path,
    name: &str,
    schema: &SchemaRef,
    wanted: Wanted<'_>,
    is_it: impl Fn(&RecordBatch, usize) -> bool,
) -> Result<Option<RecordBatch>> {
    let (format, parts) = files(run, name)?;
    for part in parts {
        for batch in open(&part, format, schema, &[], Some(wanted))? {
            let batch = batch?;
            let values = batch.column_by_name(wanted.column).and_then(|column| column.as_string_opt::<i32>());
            let is_wanted = |row: usize, value: Option<&str>| value == Some(wanted.value) && is_it(&batch, row);
            let place =
                values.and_then(|values| values.iter().enumerate().position(|(row, value)| is_wanted(row, value)));
            if let Some(row) = place {
                return Ok(Some(batch.slice(row, 1)));
            }
        }
    }
    Ok(None)
}

/// Whether a run holds a table.
pub(crate) fn holds(run: &Path, name: &str) -> bool {
    files(run, name).is_ok()
}

/// The format in which a table is read, and its files.
fn files(run: &Path, name: &str) -> Result<(OutputFile, Vec<PathBuf>)> {
    for format in [OutputFile::Parquet, OutputFile::JsonLines, OutputFile::Csv] {
        let path = run.join(format!("{name}.{}", format.extension()));
        if path.exists() {
            return Ok((format, parts(&path)?));
        }
    }
    let problem =
        format!("holds no {name}.parquet, {name}.jsonl or {name}.csv; expected the output folder of annotate");
    Err(Error::input(run, problem))
}

/// The format of a table's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputFile {
    Parquet,
    JsonLines,
    Csv,
}

impl OutputFile {
    fn extension(self) -> &'static str {
        match self {
            OutputFile::Parquet => "parquet",
            OutputFile::JsonLines => "jsonl",
            OutputFile::Csv => "csv",
        }
    }
}

/// The batches of a file. Of a wanted row only its batch need be there; every column is, where none is named.
fn open(
    part: &Path,
    format: OutputFile,
    schema: &SchemaRef,
    columns: &[&str],
    wanted: Option<Wanted<'_>>,
) -> Result<Batches> {
    let mut file = File::open(part).map_err(|error| Error::io("opening", part, error))?;
    let bad = |error: &dyn std::fmt::Display| Error::input(part, error.to_string());
    let path = part.to_owned();
    match format {
        OutputFile::Parquet => {
            let builder =
                guarded(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(|problem| bad(&problem))?;
            let mask = match columns {
                [] => ProjectionMask::all(),
                some => ProjectionMask::columns(builder.parquet_schema(), some.iter().copied()),
            };
            let filter = wanted.map(|wanted| row_filter(builder.parquet_schema(), wanted));
            let builder = builder.with_projection(mask);
            let builder = match filter {
                Some(filter) => builder.with_row_filter(filter),
                None => builder,
            };
            let reader = guarded(|| builder.build()).map_err(|problem| bad(&problem))?;
            Ok(Box::new(
                guarded_batches(reader).map(move |batch| batch.map_err(|problem| Error::input(&path, problem))),
            ))
        }
        OutputFile::JsonLines => {
            let builder = arrow_json::ReaderBuilder::new(with_gaps(schema));
            let reader = builder.build(BufReader::new(file)).map_err(|error| bad(&error))?;
            Ok(Box::new(told(reader, path)))
        }
        OutputFile::Csv => {
            let schema = csv_schema(&mut file, schema).map_err(|error| bad(&error))?;
            file.rewind().map_err(|error| Error::io("reading", part, error))?;
            let builder = arrow_csv::ReaderBuilder::new(schema).with_header(true);
            let reader = builder.build(file).map_err(|error| bad(&error))?;
            Ok(Box::new(told(reader, path)))
        }
    }
}

/// Batches of a text format, whose reader quotes in its errors what it could not read: they are told without.
fn told(
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    path: PathBuf,
) -> impl Iterator<Item = Result<RecordBatch>> {
    let mut n_rows = 0;
    batches.map(move |batch| match batch {
        Ok(batch) => {
            n_rows += batch.num_rows();
            Ok(batch)
        }
        Err(ArrowError::IoError(_, error)) => Err(Error::io("reading", &path, error)),
        Err(_) => Err(Error::input(&path, format!("a row after row {n_rows} is not as annotate writes it"))),
    })
}

/// Decodes one column to find a row, and the others for that row only.
fn row_filter(schema: &SchemaDescriptor, wanted: Wanted<'_>) -> RowFilter {
    let value = wanted.value.to_owned();
    let mask = ProjectionMask::columns(schema, [wanted.column]);
    let is_wanted = move |batch: RecordBatch| {
        let values = batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
        let n_rows = batch.num_rows();
        Ok((0..n_rows).map(|row| Some(values.is_none_or(|values| values.value(row) == value))).collect())
    };
    RowFilter::new(vec![Box::new(ArrowPredicateFn::new(mask, is_wanted))])
}

/// The same columns, each of which a row may lack: runs of older versions do not have all of them.
fn with_gaps(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns of a file by its header, of the types that `schema` gives them; others are text.
fn csv_schema(file: &mut File, schema: &SchemaRef) -> Result<SchemaRef, ArrowError> {
    let (header, _) = arrow_csv::reader::Format::default().with_header(true).infer_schema(file, Some(0))?;
    let fields = header.fields().iter().map(|field| match schema.field_with_name(field.name()) {
        Ok(known) => known.clone().with_nullable(true),
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
