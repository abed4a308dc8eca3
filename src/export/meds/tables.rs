//! The tables of MEDS 0.4: their schemas, and rows as batches.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    Float32Builder, Int64Builder, LargeStringBuilder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::codes::{Code, Codes};
use super::event::Event;
use crate::{Error, Result};

/// Columns besides those of the standard that modify a code.
pub(super) const CODE_MODIFIERS: [&str; 4] = ["presence", "temporality", "experiencer", "comparator"];
/// Columns that lead back to the run.
pub(super) const SOURCE_IDS: [&str; 3] = ["note_id", "encounter_id", "source_id"];
/// The other columns besides those of the standard.
pub(super) const EXTENSIONS: [&str; 6] = ["note_type", "section", "start", "end", "segment_hash", "stated_time"];

/// The schema of the data.
pub(super) fn data_schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let mut fields = vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("time", time.clone(), true),
        Field::new("code", DataType::Utf8, false),
        Field::new("numeric_value", DataType::Float32, true),
        Field::new("text_value", DataType::LargeUtf8, true),
    ];
    let more = CODE_MODIFIERS.into_iter().chain(SOURCE_IDS).chain(EXTENSIONS).map(|name| match name {
        "start" | "end" => Field::new(name, DataType::Int64, true),
        "stated_time" => Field::new(name, time.clone(), true),
        _ => Field::new(name, DataType::Utf8, true),
    });
    fields.extend(more);
    Arc::new(Schema::new(fields))
}

/// Collects rows of the data.
#[derive(Default)]
pub(super) struct DataRows {
    subject_id: Int64Builder,
    time: TimestampMicrosecondBuilder,
    code: StringBuilder,
    numeric_value: Float32Builder,
    text_value: LargeStringBuilder,
    modifiers: [StringBuilder; 4],
    source_ids: [StringBuilder; 3],
    note_type: StringBuilder,
    section: StringBuilder,
    start: Int64Builder,
    end: Int64Builder,
    segment_hash: StringBuilder,
    stated_time: TimestampMicrosecondBuilder,
    pub n_rows: usize,
}

impl DataRows {
    pub fn push(&mut self, event: &Event, codes: &Codes) {
        self.n_rows += 1;
        self.subject_id.append_value(event.key.subject);
        self.time.append_option(event.key.time);
        self.code.append_value(codes.name(event.code));
        self.numeric_value.append_option(event.number);
        self.text_value.append_option(event.text.as_deref());
        let said = event.said.as_ref();
        let modifiers = said.map(|said| [&said.presence, &said.temporality, &said.experiencer, &said.comparator]);
        for (index, column) in self.modifiers.iter_mut().enumerate() {
            column.append_option(modifiers.and_then(|values| values.get(index).and_then(|value| value.as_deref())));
        }
        let [note_id, encounter_id, source_id] = &mut self.source_ids;
        note_id.append_option(said.map(|said| said.note_id.as_str()));
        encounter_id.append_option(said.and_then(|said| said.encounter_id.as_deref()));
        source_id.append_option(said.and_then(|said| said.source_id.as_deref()));
        self.note_type.append_option(said.and_then(|said| said.note_type.as_deref()));
        self.section.append_option(said.and_then(|said| said.section.as_deref()));
        self.start.append_option(said.and_then(|said| said.start));
        self.end.append_option(said.and_then(|said| said.end));
        self.segment_hash.append_option(said.and_then(|said| said.segment_hash.as_deref()));
        self.stated_time.append_option(said.and_then(|said| said.stated_time));
    }

    /// The rows collected, as a batch of [`data_schema`].
    pub fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        self.n_rows = 0;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.subject_id.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.code.finish()),
            Arc::new(self.numeric_value.finish()),
            Arc::new(self.text_value.finish()),
        ];
        let texts = self.modifiers.iter_mut().chain(&mut self.source_ids);
        columns.extend(texts.map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.extend([
            Arc::new(self.note_type.finish()) as ArrayRef,
            Arc::new(self.section.finish()),
            Arc::new(self.start.finish()),
            Arc::new(self.end.finish()),
            Arc::new(self.segment_hash.finish()),
            Arc::new(self.stated_time.finish()),
        ]);
        batch(schema, columns)
    }
}

/// Codes with their descriptions and parents.
pub(super) fn codes(codes: &[&Code]) -> Result<RecordBatch> {
    let parents = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let schema = Arc::new(Schema::new(vec![
        Field::new("code", DataType::Utf8, false),
        Field::new("description", DataType::Utf8, true),
        Field::new("parent_codes", parents, true),
    ]));
    let mut lists = ListBuilder::new(StringBuilder::new());
    for code in codes {
        code.parents.iter().for_each(|parent| lists.values().append_value(parent));
        lists.append(!code.parents.is_empty());
    }
    let text = |of: fn(&Code) -> &str| StringArray::from_iter_values(codes.iter().map(|code| of(code)));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(text(|code| &code.code)), Arc::new(text(|code| &code.description)), Arc::new(lists.finish())];
    batch(&schema, columns)
}

/// Subjects with their splits.
pub(super) fn subject_splits<'a>(subjects: impl Iterator<Item = (i64, &'a str)>) -> Result<RecordBatch> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("split", DataType::Utf8, false),
    ]));
    let (mut ids, mut splits) = (Int64Builder::new(), StringBuilder::new());
    for (subject, split) in subjects {
        ids.append_value(subject);
        splits.append_value(split);
    }
    batch(&schema, vec![Arc::new(ids.finish()), Arc::new(splits.finish())])
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema.clone(), columns).map_err(|error| Error::internal(format!("rows of MEDS: {error}")))
}

/// A Parquet file in work.
pub(super) struct ParquetFile {
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl ParquetFile {
    /// Begins a file, in a folder that is made where it is not there.
    pub fn create(path: PathBuf, schema: &SchemaRef) -> Result<ParquetFile> {
        if let Some(folder) = path.parent() {
            crate::write::folder::create(folder)?;
        }
        let file = File::create(&path).map_err(|error| Error::io("creating", &path, error))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let properties = properties.set_created_by(concat!("noteward ", env!("CARGO_PKG_VERSION")).to_owned()).build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
        let writer = writer.map_err(|error| failed(&path, error))?;
        Ok(ParquetFile { path, writer })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|error| failed(&self.path, error))
    }

    /// Closes the file, and flushes it to disk.
    pub fn finish(self) -> Result<()> {
        let file = self.writer.into_inner().map_err(|error| failed(&self.path, error))?;
        file.sync_all().map_err(|error| Error::io("flushing", &self.path, error))
    }

    /// Writes a whole file.
    pub fn write_whole(path: &Path, batch: &RecordBatch) -> Result<()> {
        let mut file = ParquetFile::create(path.to_owned(), &batch.schema())?;
        file.write(batch)?;
        file.finish()
    }
}

fn failed(path: &Path, error: parquet::errors::ParquetError) -> Error {
    Error::io("writing", path, std::io::Error::other(error))
}
