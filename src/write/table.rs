//! A table on disk: the same batches in every chosen format.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_json::writer::{LineDelimited, WriterBuilder as JsonWriterBuilder};
use arrow_schema::{DataType, Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::OutputFormat;
use crate::{Error, Result};

/// Rows of a Parquet row group: what the writer holds in memory.
const ROWS_PER_GROUP: usize = 100_000;
/// What Parquet files say of their writer.
pub(super) const CREATED_BY: &str = concat!("noteward ", env!("CARGO_PKG_VERSION"));

/// Writes the rows that a part holds of one table.
pub(crate) struct TableWriter {
    name: &'static str,
    files: Vec<FormatFile>,
    n_rows: u64,
}

/// The file of one format.
struct FormatFile {
    path: PathBuf,
    encoder: Encoder,
}

enum Encoder {
    Parquet(Box<ArrowWriter<File>>),
    Csv(Box<arrow_csv::Writer<BufWriter<File>>>),
    Jsonl(Box<arrow_json::Writer<BufWriter<File>, LineDelimited>>),
}

impl TableWriter {
    /// A writer of a file in `folder` for each format.
    pub fn create(
        folder: &Path,
        name: &'static str,
        schema: SchemaRef,
        formats: &[OutputFormat],
    ) -> Result<TableWriter> {
        let file = |format: &OutputFormat| {
            let path = folder.join(format!("{name}.{}", format.extension()));
            let file = File::create(&path).map_err(|error| Error::io("creating", &path, error))?;
            Ok(FormatFile { path, encoder: Encoder::new(*format, file, &schema, name)? })
        };
        Ok(TableWriter { name, files: formats.iter().map(file).collect::<Result<_>>()?, n_rows: 0 })
    }

    /// The table's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Appends a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        for file in &mut self.files {
            file.encoder.write(self.name, batch)?;
        }
        self.n_rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Closes the files, and flushes them to disk; gives the number of rows.
    pub fn finish(self) -> Result<u64> {
        for file in self.files {
            let closed = file.encoder.close(self.name)?;
            closed.sync_all().map_err(|error| Error::io("flushing", &file.path, error))?;
        }
        Ok(self.n_rows)
    }
}

impl Encoder {
    fn new(format: OutputFormat, file: File, schema: &SchemaRef, table: &'static str) -> Result<Encoder> {
        Ok(match format {
            OutputFormat::Parquet => {
                let builder = schema.fields().iter().fold(WriterProperties::builder(), |builder, field| {
                    let column = || ColumnPath::from(field.name().as_str());
                    let builder =
                        if is_plain(field) { builder.set_column_dictionary_enabled(column(), false) } else { builder };
                    if is_searched(field) {
                        builder
                    } else {
                        builder.set_column_statistics_enabled(column(), EnabledStatistics::None)
                    }
                });
                let properties = builder
                    .set_compression(Compression::SNAPPY)
                    .set_statistics_enabled(EnabledStatistics::Chunk)
                    // An index of pages would be held in memory for all row groups of a file.
                    .set_offset_index_disabled(true)
                    .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
                    .set_created_by(CREATED_BY.to_owned())
                    .build();
                let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
                Encoder::Parquet(Box::new(writer.map_err(|error| encode_error(table, &error))?))
            }
            // The header comes when the table is assembled.
            OutputFormat::Csv => {
                Encoder::Csv(Box::new(arrow_csv::WriterBuilder::new().with_header(false).build(BufWriter::new(file))))
            }
            OutputFormat::Jsonl => {
                let writer = JsonWriterBuilder::new().with_explicit_nulls(true).build(BufWriter::new(file));
                Encoder::Jsonl(Box::new(writer))
            }
        })
    }

    fn write(&mut self, table: &'static str, batch: &RecordBatch) -> Result<()> {
        match self {
            Encoder::Parquet(writer) => writer.write(batch).map_err(|error| encode_error(table, &error)),
            Encoder::Csv(writer) => writer.write(batch).map_err(|error| encode_error(table, &error)),
            Encoder::Jsonl(writer) => writer.write(batch).map_err(|error| encode_error(table, &error)),
        }
    }

    fn close(self, table: &'static str) -> Result<File> {
        match self {
            Encoder::Parquet(writer) => writer.into_inner().map_err(|error| encode_error(table, &error)),
            Encoder::Csv(writer) => into_file(table, writer.into_inner()),
            Encoder::Jsonl(mut writer) => {
                writer.finish().map_err(|error| encode_error(table, &error))?;
                into_file(table, writer.into_inner())
            }
        }
    }
}

/// The line of column names with which a CSV file begins.
pub(super) fn csv_header(schema: &SchemaRef) -> Result<Vec<u8>> {
    let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(Vec::new());
    writer.write(&RecordBatch::new_empty(schema.clone())).map_err(|error| encode_error("a header", &error))?;
    Ok(writer.into_inner())
}

/// Whether a dictionary of the column's values would only cost time: identifiers, hashes, texts, offsets.
fn is_plain(field: &Field) -> bool {
    let numeric = !matches!(field.data_type(), DataType::Utf8);
    numeric
        || matches!(
            field.name().as_str(),
            "note_id" | "mention_id" | "measurement_id" | "value_text" | "segment_hash" | "text_hash" | "text"
        )
}

/// Whether readers look for ranges of the column's values, so that its least and greatest are worth their time.
fn is_searched(field: &Field) -> bool {
    let numeric = !matches!(field.data_type(), DataType::Utf8);
    numeric || matches!(field.name().as_str(), "note_id" | "patient_id" | "encounter_id" | "concept_id" | "icd10cm")
}

fn into_file(table: &'static str, mut writer: BufWriter<File>) -> Result<File> {
    writer.flush().map_err(|error| encode_error(table, &error))?;
    writer.into_inner().map_err(|error| encode_error(table, &error.into_error()))
}

fn encode_error(table: &'static str, error: &dyn std::error::Error) -> Error {
    crate::error::ErrorKind::Encode { table, problem: error.to_string() }.into()
}
