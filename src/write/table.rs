//! A table on disk: the same batches in every chosen format, in one file or in numbered parts.

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

/// A file holds at least this many rows before the next part begins.
const ROWS_PER_PART: u64 = 10_000_000;
/// Rows of a Parquet row group: what the writer holds in memory.
const ROWS_PER_GROUP: usize = 100_000;

/// Writes one table.
pub(crate) struct TableWriter {
    name: &'static str,
    schema: SchemaRef,
    files: Vec<FormatFiles>,
    rows_in_part: u64,
    rows_per_part: u64,
}

/// The files of one format.
struct FormatFiles {
    format: OutputFormat,
    folder: PathBuf,
    n_parts: usize,
    encoder: Option<Encoder>,
}

enum Encoder {
    Parquet(Box<ArrowWriter<File>>),
    Csv(Box<arrow_csv::Writer<BufWriter<File>>>),
    Jsonl(Box<arrow_json::Writer<BufWriter<File>, LineDelimited>>),
}

/// A finished table in one format: its parts in order, and the name that it gets.
#[derive(Debug)]
pub(crate) struct FinishedTable {
    /// The folder of the parts.
    pub folder: PathBuf,
    /// The files of the parts.
    pub parts: Vec<PathBuf>,
    /// The final name, such as `mentions.parquet`.
    pub name: String,
}

impl TableWriter {
    /// A writer whose files stand in `folder` until the run is complete.
    pub fn create(
        folder: &Path,
        name: &'static str,
        schema: SchemaRef,
        formats: &[OutputFormat],
    ) -> Result<TableWriter> {
        let mut files = Vec::new();
        for &format in formats {
            let folder = folder.join(format!("{name}.{}", format.extension()));
            std::fs::create_dir_all(&folder).map_err(|error| Error::io("creating", &folder, error))?;
            files.push(FormatFiles { format, folder, n_parts: 0, encoder: None });
        }
        let mut table = TableWriter { name, schema, files, rows_in_part: 0, rows_per_part: ROWS_PER_PART };
        for files in &mut table.files {
            files.next_part(name, &table.schema)?;
        }
        Ok(table)
    }

    /// Appends a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.rows_in_part >= self.rows_per_part {
            self.rows_in_part = 0;
            for files in &mut self.files {
                files.next_part(self.name, &self.schema)?;
            }
        }
        for files in &mut self.files {
            files.write(self.name, batch)?;
        }
        self.rows_in_part += batch.num_rows() as u64;
        Ok(())
    }

    /// Closes the files.
    pub fn finish(mut self) -> Result<Vec<FinishedTable>> {
        let mut finished = Vec::new();
        for files in &mut self.files {
            files.close(self.name)?;
            let parts = (0..files.n_parts).map(|part| files.part_path(part)).collect();
            let name = format!("{}.{}", self.name, files.format.extension());
            finished.push(FinishedTable { folder: files.folder.clone(), parts, name });
        }
        Ok(finished)
    }
}

impl FormatFiles {
    fn part_path(&self, part: usize) -> PathBuf {
        self.folder.join(format!("part-{part:05}.{}", self.format.extension()))
    }

    fn next_part(&mut self, table: &'static str, schema: &SchemaRef) -> Result<()> {
        self.close(table)?;
        let path = self.part_path(self.n_parts);
        let file = File::create(&path).map_err(|error| Error::io("creating", &path, error))?;
        self.encoder = Some(match self.format {
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
                    .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
                    .set_created_by(concat!("noteward ", env!("CARGO_PKG_VERSION")).to_owned())
                    .build();
                let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
                Encoder::Parquet(Box::new(writer.map_err(|error| encode_error(table, &error))?))
            }
            OutputFormat::Csv => {
                let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(BufWriter::new(file));
                // The header is there even when no row is.
                writer.write(&RecordBatch::new_empty(schema.clone())).map_err(|error| encode_error(table, &error))?;
                Encoder::Csv(Box::new(writer))
            }
            OutputFormat::Jsonl => {
                let writer = JsonWriterBuilder::new().with_explicit_nulls(true).build(BufWriter::new(file));
                Encoder::Jsonl(Box::new(writer))
            }
        });
        self.n_parts += 1;
        Ok(())
    }

    fn write(&mut self, table: &'static str, batch: &RecordBatch) -> Result<()> {
        match &mut self.encoder {
            Some(Encoder::Parquet(writer)) => writer.write(batch).map_err(|error| encode_error(table, &error)),
            Some(Encoder::Csv(writer)) => writer.write(batch).map_err(|error| encode_error(table, &error)),
            Some(Encoder::Jsonl(writer)) => writer.write(batch).map_err(|error| encode_error(table, &error)),
            None => Err(Error::internal("rows written to a closed table")),
        }
    }

    fn close(&mut self, table: &'static str) -> Result<()> {
        let file = match self.encoder.take() {
            None => return Ok(()),
            Some(Encoder::Parquet(writer)) => writer.into_inner().map_err(|error| encode_error(table, &error))?,
            Some(Encoder::Csv(writer)) => into_file(table, writer.into_inner())?,
            Some(Encoder::Jsonl(mut writer)) => {
                writer.finish().map_err(|error| encode_error(table, &error))?;
                into_file(table, writer.into_inner())?
            }
        };
        file.sync_all().map_err(|error| Error::io("flushing", &self.folder, error))
    }
}

/// Whether a dictionary of the column's values would only cost time: identifiers, hashes, texts, offsets.
fn is_plain(field: &Field) -> bool {
    let numeric = !matches!(field.data_type(), DataType::Utf8);
    numeric || matches!(field.name().as_str(), "note_id" | "mention_id" | "segment_hash" | "text_hash" | "text")
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::StringArray;
    use arrow_schema::Schema;

    use super::*;

    #[test]
    fn a_table_beyond_the_limit_continues_in_the_next_part() {
        let folder = tempfile::tempdir().unwrap();
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, false)]));
        let mut table = TableWriter::create(folder.path(), "t", schema.clone(), &OutputFormat::ALL).unwrap();
        table.rows_per_part = 2;
        for value in ["x", "y", "z"] {
            let column = Arc::new(StringArray::from(vec![value]));
            table.write(&RecordBatch::try_new(schema.clone(), vec![column]).unwrap()).unwrap();
        }
        let finished = table.finish().unwrap();
        assert!(finished.iter().all(|table| table.parts.len() == 2));
        let csv = finished.iter().find(|table| table.name == "t.csv").unwrap();
        assert_eq!(std::fs::read_to_string(&csv.parts[0]).unwrap(), "a\nx\ny\n");
        assert_eq!(std::fs::read_to_string(&csv.parts[1]).unwrap(), "a\nz\n");
    }
}
