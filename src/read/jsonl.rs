//! JSON Lines: an object a line, each a note, or a FHIR DocumentReference.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::buffer::Buffer;
use super::columns::{ColumnChoice, Field};
use super::source::Source;
use super::{Fields, RawText, ReadOptions, Row, encoding, fhir, missing_text, unreadable};
use crate::Result;
use crate::note::{Origin, TextEncoding};

/// The rows of a JSON Lines file.
pub(super) struct JsonRows {
    buffer: Buffer,
    input: u32,
    record: u64,
    columns: ColumnChoice,
    encoding: TextEncoding,
    max_line_bytes: usize,
    done: bool,
}

impl JsonRows {
    pub fn open(input: u32, source: &Source, options: &ReadOptions) -> Result<JsonRows> {
        Ok(JsonRows {
            buffer: Buffer::new(source.take_reader()),
            input,
            record: 0,
            columns: options.columns.clone(),
            encoding: source.encoding,
            // Room for the longest escapes (`\u00e9`) of every character.
            max_line_bytes: options.max_note_bytes.saturating_mul(6).saturating_add(1 << 20),
            done: false,
        })
    }

    /// The fields of a line, or what is wrong with it.
    fn fields(&self, line: &[u8]) -> Result<Fields, String> {
        let (line, encoding) = match simdutf8::basic::from_utf8(line) {
            Ok(line) => (Cow::Borrowed(line), self.encoding),
            Err(_) => {
                let (decoded, encoding) = encoding::decode(line.to_vec());
                (Cow::Owned(decoded), encoding)
            }
        };
        let object: Map<String, Value> = serde_json::from_str(line.trim_start_matches('\u{FEFF}'))
            .map_err(|error| format!("not a JSON object: {} at column {}", category(&error), error.column()))?;
        if let Some(fields) = fhir::note(&object, self.columns.keep.len()) {
            return fields;
        }
        let header: Vec<String> = object.keys().cloned().collect();
        let mut values: Vec<Value> = object.into_iter().map(|(_, value)| value).collect();
        // A line need not have every column, so a column that is not there is null, except for the text.
        let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let candidates = |field: Field| -> Vec<usize> {
            match self.columns.map.get(&field) {
                Some(column) => find(column).into_iter().collect(),
                None => field.names().iter().filter_map(|name| find(name)).collect(),
            }
        };
        let mut fields = Fields::default();
        for field in Field::ALL {
            if let Some(place) = fields.values.get_mut(field as usize) {
                *place = candidates(field).into_iter().find_map(|index| string(values.get(index)?));
            }
        }
        fields.line = self.columns.line.as_deref().and_then(find).and_then(|index| string(values.get(index)?));
        fields.kept = self.columns.keep.iter().map(|name| string(values.get(find(name)?)?)).collect();
        let texts = candidates(Field::Text);
        if texts.is_empty() {
            return Err(missing_text(&self.columns, &header));
        }
        let text = texts.into_iter().find(|&index| values.get(index).is_some_and(|value| !value.is_null()));
        fields.text = match text.and_then(|index| values.get_mut(index)).map(Value::take) {
            None => None,
            Some(Value::String(text)) => Some(RawText::Decoded(text, encoding)),
            Some(other) => return Err(format!("the text is no string but {}", type_name(&other))),
        };
        Ok(fields)
    }
}

impl Iterator for JsonRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while !self.done {
            let length = self.buffer.line_length(self.max_line_bytes);
            let start = self.buffer.offset();
            let mut origin = Origin {
                input: self.input,
                record: self.record + 1,
                line: Some(self.buffer.line()),
                bytes: (self.encoding != TextEncoding::Utf16).then_some((start, start + length as u64)),
            };
            if length == 0 {
                self.done = true;
                let fault = self.buffer.take_fault()?;
                return Some(Row::Bad(origin, unreadable(&fault)));
            }
            let line = self.buffer.window().get(..length).unwrap_or(&[]);
            if line.iter().all(u8::is_ascii_whitespace) {
                self.buffer.consume(length);
                continue;
            }
            self.record += 1;
            if length > self.max_line_bytes {
                while length > 0 && !self.buffer.window().is_empty() {
                    let rest = self.buffer.line_length(0);
                    let ends = self.buffer.window().get(rest.saturating_sub(1)) == Some(&b'\n');
                    self.buffer.consume(rest);
                    if ends {
                        break;
                    }
                    self.buffer.grow();
                }
                origin.bytes = origin.bytes.map(|_| (start, self.buffer.offset()));
                return Some(Row::Bad(origin, "the line is longer than the limit for a note".into()));
            }
            let cut_off = self.buffer.has_fault() && line.last() != Some(&b'\n');
            let mut fields = self.fields(line);
            self.buffer.consume(length);
            if cut_off && let Some(fault) = self.buffer.take_fault() {
                self.done = true;
                fields = Err(unreadable(&fault));
            }
            return Some(match fields {
                Ok(fields) => Row::Fields(origin, Box::new(fields)),
                Err(reason) => Row::Bad(origin, reason),
            });
        }
        None
    }
}

/// What is wrong with a line, without any of it.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Data => "another type stands there",
        _ => "bad syntax",
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A scalar as the string that a CSV of the same data would hold.
fn string(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(string) => Some(string.clone()).filter(|string| !string.trim().is_empty()),
        other => Some(other.to_string()),
    }
}
