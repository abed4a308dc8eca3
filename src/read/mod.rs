//! Reading: files of notes, in any of the known formats, as a stream of records in input order.
//!
//! A record that cannot be read is a value ([`Content::Rejected`]) with its place and a reason; the stream goes on.
//! Errors are only for inputs that cannot be used at all, and come before the first record. No reason holds note text.

mod buffer;
mod columns;
mod csv;
mod delimited;
mod discover;
mod encoding;
mod fhir;
mod guard;
mod gzip;
mod ids;
mod jsonl;
mod lines;
pub(crate) mod mapped;
mod parquet;
pub(crate) mod patients;
mod postgres;
pub(crate) mod run_table;
pub(crate) mod small_table;
mod source;
mod text;
pub(crate) mod time;

use std::sync::Arc;

use crate::note::{NoteMeta, Origin, TextEncoding};
use crate::{Error, Result};

pub(crate) use columns::{ColumnChoice, Field};
pub(crate) use discover::{Discovered, Format, InputFile, Skipped, discover};
pub(crate) use fhir::{ENCOUNTER_SYSTEM, NOTE_SYSTEM, PATIENT_SYSTEM};
pub(crate) use ids::SeenIds;
pub(crate) use source::Source;

/// A record of the input: what it says of itself, where it stood, and its text if it has one.
#[derive(Debug)]
pub(crate) struct Record {
    pub meta: NoteMeta,
    pub origin: Origin,
    pub content: Content,
    /// What could not be understood besides the text, such as the time.
    pub remark: Option<&'static str>,
}

/// The text of a record.
pub(crate) enum Content {
    /// A note.
    Text(String, TextEncoding),
    /// A null or blank text.
    Empty,
    /// Not a note: why.
    Rejected(String),
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Content::Text(text, encoding) => write!(f, "Text({} bytes, {})", text.len(), encoding.name()),
            Content::Empty => f.write_str("Empty"),
            Content::Rejected(reason) => write!(f, "Rejected({reason:?})"),
        }
    }
}

/// How inputs are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadOptions {
    /// Which column holds which field, and which are kept.
    pub columns: ColumnChoice,
    /// A note longer than this many bytes is rejected.
    pub max_note_bytes: usize,
}

/// A row of an input, before its fields are understood.
pub(crate) enum Row {
    Fields(Origin, Box<Fields>),
    Bad(Origin, String),
}

/// The fields of a row, as the format gives them.
#[derive(Default)]
pub(crate) struct Fields {
    /// Bytes of the text; `None` for null.
    pub text: Option<RawText>,
    /// The named fields, by [`Field`].
    pub values: [Option<String>; Field::COUNT],
    /// The value of the line column.
    pub line: Option<String>,
    pub kept: Vec<Option<String>>,
}

/// A text as the format gives it.
pub(crate) enum RawText {
    /// Decoded by the format.
    Decoded(String, TextEncoding),
    /// Bytes of unknown encoding.
    Bytes(Vec<u8>),
}

/// A stream of rows.
pub(crate) type Rows = Box<dyn Iterator<Item = Row> + Send>;

/// Opens one input file; its rows come in file order, those of a query in its own.
///
/// # Errors
/// The file cannot be opened, or lacks a column that is needed.
pub(crate) fn open(file: &InputFile, index: u32, options: &ReadOptions) -> Result<(Rows, Source)> {
    if let Some(query) = &file.query {
        let source = Source::of_values(file);
        let rows: Rows = Box::new(postgres::QueryRows::open(query, index, &source, options)?);
        return Ok((joined(rows, options), source));
    }
    let source = Source::open(file)?;
    let rows: Rows = match file.format {
        Format::Csv | Format::Tsv => Box::new(csv::CsvRows::open(file, index, &source, options)?),
        Format::JsonLines => Box::new(jsonl::JsonRows::open(index, &source, options)?),
        Format::Parquet => Box::new(parquet::ParquetRows::open(file, index, options)?),
        Format::Text => return Ok((Box::new(text::TextRows::open(file, index, &source, options)?), source)),
        Format::Query => return Err(Error::internal("an input that is a query names none")),
    };
    Ok((joined(rows, options), source))
}

/// Rows with the lines of a note joined, where that is asked for.
fn joined(rows: Rows, options: &ReadOptions) -> Rows {
    match options.columns.line {
        Some(_) => Box::new(lines::JoinedLines::new(rows, options.max_note_bytes)),
        None => rows,
    }
}

/// The share of a file that its first records are; `None` where it cannot be known.
pub(crate) fn share_read(file: &InputFile, source: &Source, n_records: u64) -> Option<f64> {
    let (read, all) = match file.format {
        Format::Parquet => (n_records, parquet::n_rows(file)?),
        Format::Query => (n_records, postgres::n_rows(file.query.as_ref()?)?),
        _ if file.is_stdin() => return None,
        _ => (source.n_read(), std::fs::metadata(&file.path).ok()?.len()),
    };
    Some((read as f64 / all.max(1) as f64).min(1.0))
}

/// The columns of a table by name; `None` for formats whose records name their own.
pub(crate) fn header(file: &InputFile, options: &ReadOptions) -> Result<Option<Vec<String>>> {
    match file.format {
        _ if file.is_stdin() => Ok(None),
        Format::Csv | Format::Tsv => {
            let source = Source::open(file)?;
            Ok(Some(csv::CsvRows::open(file, 0, &source, options)?.into_header()))
        }
        Format::Parquet => parquet::header(file).map(Some),
        Format::Query => file.query.as_deref().map(postgres::header).transpose(),
        Format::JsonLines | Format::Text => Ok(None),
    }
}

/// Understands rows: identifiers, times, encodings.
#[derive(Clone, Debug)]
pub(crate) struct Assembler {
    name: Arc<str>,
    max_note_bytes: usize,
    n_kept: usize,
    /// The file is one note, which is named like it.
    is_one_note: bool,
}

impl Assembler {
    pub fn new(file: &InputFile, options: &ReadOptions) -> Assembler {
        let name = Arc::from(file.name.as_str());
        let is_one_note = file.format == Format::Text;
        Assembler { name, max_note_bytes: options.max_note_bytes, n_kept: options.columns.keep.len(), is_one_note }
    }

    /// The record that a row holds.
    pub fn record(&self, row: Row) -> Record {
        match row {
            Row::Bad(origin, reason) => {
                let meta = NoteMeta { id: self.made_id(&origin), kept: vec![None; self.n_kept], ..NoteMeta::default() };
                Record { meta, origin, content: Content::Rejected(reason), remark: None }
            }
            Row::Fields(origin, fields) => self.understand(origin, *fields),
        }
    }

    fn understand(&self, origin: Origin, mut fields: Fields) -> Record {
        let mut take = |field: Field| {
            fields.values[field as usize].take().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let stated_time = take(Field::NoteTime);
        let time = stated_time.as_deref().and_then(time::parse);
        let remark = (stated_time.is_some() && time.is_none())
            .then_some("note_time not understood: expected a date or time such as 2025-03-02T14:20:00");
        let meta = NoteMeta {
            id: take(Field::NoteId).unwrap_or_else(|| self.made_id(&origin)),
            patient_id: take(Field::PatientId),
            encounter_id: take(Field::EncounterId),
            time,
            note_type: take(Field::NoteType),
            author: take(Field::Author),
            kept: fields.kept,
        };
        let content = match fields.text {
            None => Content::Empty,
            Some(RawText::Decoded(text, encoding)) => self.content(text, encoding),
            Some(RawText::Bytes(bytes)) => {
                let (text, encoding) = encoding::decode(bytes);
                self.content(text, encoding)
            }
        };
        Record { meta, origin, content, remark }
    }

    fn content(&self, text: String, encoding: TextEncoding) -> Content {
        if text.len() > self.max_note_bytes {
            let reason = format!("note of {} bytes is longer than the limit of {}", text.len(), self.max_note_bytes);
            return Content::Rejected(reason);
        }
        if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
            return Content::Empty;
        }
        Content::Text(text, encoding)
    }

    fn made_id(&self, origin: &Origin) -> String {
        if self.is_one_note {
            return self.name.to_string();
        }
        format!("{}#{}", self.name, origin.record)
    }
}

/// The reason for a rest of a file that cannot be read.
pub(crate) fn unreadable(error: &std::io::Error) -> String {
    format!("the rest of the file cannot be read: {error}")
}

/// The reason for a record or a header without a text. It never quotes the header: where a file has none, that is a note.
pub(crate) fn missing_text(columns: &ColumnChoice, header: &[String]) -> String {
    if let Some(column) = columns.map.get(&Field::Text) {
        return format!("--map: no column {column:?} among {} columns", header.len());
    }
    let names = Field::ALL.iter().flat_map(|field| field.names());
    let known: Vec<&str> = names.copied().filter(|name| header.iter().any(|c| c.eq_ignore_ascii_case(name))).collect();
    format!(
        "no column holds the text: expected one of {}; found {} columns, of which {} are known{}{}; name it with --map \
         text=COLUMN",
        Field::Text.names().join(", "),
        header.len(),
        known.len(),
        if known.is_empty() { "" } else { ": " },
        known.join(", ")
    )
}

/// Opens every input once, so that a missing column is an error before the run and not in the middle of it. A file that was
/// found in a folder and holds no notes is left out, with the reason.
///
/// # Errors
/// A file that was named cannot be used, or none is left.
pub(crate) fn check(found: &mut Discovered, options: &ReadOptions) -> Result<()> {
    let mut usable = Vec::with_capacity(found.files.len());
    let mut last_error = None;
    for file in found.files.drain(..) {
        let opened = match file.format {
            _ if file.is_stdin() => Ok(()),
            Format::Csv | Format::Tsv | Format::Parquet | Format::Query => open(&file, 0, options).map(|_| ()),
            Format::JsonLines | Format::Text => Source::open(&file).map(|_| ()),
        };
        match opened {
            Ok(()) => usable.push(file),
            Err(error) if file.is_named => return Err(error),
            Err(error) => {
                found.skipped.push(Skipped { path: file.path, reason: error.to_string() });
                last_error = Some(error);
            }
        }
    }
    found.files = usable;
    match last_error {
        Some(error) if found.files.is_empty() => Err(error),
        _ => Ok(()),
    }
}
