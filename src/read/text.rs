//! Plain text: a file is a note.

use std::io::Read;

use super::columns::Field;
use super::discover::InputFile;
use super::source::Source;
use super::{Fields, RawText, ReadOptions, Row, encoding};
use crate::Result;
use crate::note::{Origin, TextEncoding};

/// The one row of a text file.
pub(super) struct TextRows {
    source: Option<Source>,
    name: String,
    input: u32,
    max_note_bytes: usize,
    n_kept: usize,
}

impl TextRows {
    pub fn open(file: &InputFile, input: u32, source: &Source, options: &ReadOptions) -> Result<TextRows> {
        Ok(TextRows {
            source: Some(source.clone()),
            name: file.name.clone(),
            input,
            max_note_bytes: options.max_note_bytes,
            n_kept: options.columns.keep.len(),
        })
    }
}

impl Iterator for TextRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let source = self.source.take()?;
        let mut bytes = Vec::new();
        // One byte more than the limit, so that a longer note is seen to be longer without being read whole.
        let mut reader = source.take_reader();
        let read = reader.by_ref().take(self.max_note_bytes as u64 + 1).read_to_end(&mut bytes);
        let rest = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_or(0);
        let known = source.encoding != TextEncoding::Utf16;
        let range = known.then(|| (0, bytes.len() as u64 + rest));
        let origin = Origin { input: self.input, record: 1, line: Some(1), bytes: range };
        if let Err(error) = read {
            return Some(Row::Bad(origin, format!("the file cannot be read: {error}")));
        }
        if bytes.len() > self.max_note_bytes {
            let limit = self.max_note_bytes;
            return Some(Row::Bad(origin, format!("the note is longer than the limit of {limit} bytes")));
        }
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            bytes.drain(..3);
        }
        let text = match source.encoding {
            TextEncoding::Utf16 => RawText::Decoded(encoding::decode(bytes).0, TextEncoding::Utf16),
            _ => RawText::Bytes(bytes),
        };
        let mut fields = Fields { text: Some(text), kept: vec![None; self.n_kept], ..Fields::default() };
        fields.values[Field::NoteId as usize] = Some(self.name.clone());
        Some(Row::Fields(origin, Box::new(fields)))
    }
}
