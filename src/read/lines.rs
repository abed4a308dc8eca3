//! Notes that are split into rows: consecutive rows of one note_id, joined in the order of the line column.

use std::collections::VecDeque;

use super::columns::Field;
use super::{Fields, RawText, Row, Rows, encoding};
use crate::note::{Origin, TextEncoding};

/// Joins consecutive rows of one note_id. Rows of an id that comes back later make another note of the same id, which
/// the check for repeated ids rejects.
pub(super) struct JoinedLines {
    rows: Rows,
    /// Rows that were read and belong to later notes.
    ahead: VecDeque<Row>,
    record: u64,
    max_note_bytes: usize,
}

impl JoinedLines {
    pub fn new(rows: Rows, max_note_bytes: usize) -> JoinedLines {
        JoinedLines { rows, ahead: VecDeque::new(), record: 0, max_note_bytes }
    }
}

impl Iterator for JoinedLines {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let first = self.ahead.pop_front().or_else(|| self.rows.next())?;
        self.record += 1;
        let (mut origin, mut head) = match first {
            Row::Fields(origin, fields) => (origin, fields),
            Row::Bad(origin, reason) => return Some(Row::Bad(Origin { record: self.record, ..origin }, reason)),
        };
        origin.record = self.record;
        let mut encoding = TextEncoding::Utf8;
        let mut lines = vec![(order(&head), take_text(&mut head, &mut encoding))];
        let mut n_bytes = lines[0].1.len();
        // Bad rows since the last line: in the middle of the note they make it incomplete.
        let mut bad = VecDeque::new();
        let mut n_bad = 0;
        while self.ahead.is_empty()
            && let Some(row) = self.rows.next()
        {
            match row {
                Row::Fields(next, mut fields) if same_note(&head, &fields) => {
                    n_bad += bad.len();
                    bad.clear();
                    origin.bytes = origin.bytes.zip(next.bytes).map(|((start, _), (_, end))| (start, end));
                    let text = take_text(&mut fields, &mut encoding);
                    n_bytes += text.len() + 1;
                    // Counted on, so that the note is rejected for its length, but not kept.
                    if n_bytes <= self.max_note_bytes {
                        lines.push((order(&fields), text));
                    }
                }
                row @ Row::Bad(..) => bad.push_back(row),
                row @ Row::Fields(..) => {
                    bad.push_back(row);
                    self.ahead.append(&mut bad);
                }
            }
        }
        self.ahead.append(&mut bad);
        if n_bad > 0 {
            return Some(Row::Bad(
                origin,
                format!("{n_bad} of the rows between the lines of this note cannot be read"),
            ));
        }
        if n_bytes > self.max_note_bytes {
            let reason = format!("note of {n_bytes} bytes is longer than the limit of {}", self.max_note_bytes);
            return Some(Row::Bad(origin, reason));
        }
        // Stable, so that lines without a number keep their place.
        lines.sort_by(|(left, _), (right, _)| left.total_cmp(right));
        let texts: Vec<String> = lines.into_iter().map(|(_, text)| text).collect();
        head.text = Some(RawText::Decoded(texts.join("\n"), encoding));
        Some(Row::Fields(origin, head))
    }
}

fn same_note(first: &Fields, next: &Fields) -> bool {
    let id = |fields: &Fields| fields.values[Field::NoteId as usize].clone();
    id(first).is_some() && id(first) == id(next)
}

fn order(fields: &Fields) -> f64 {
    fields.line.as_deref().and_then(|line| line.trim().parse().ok()).unwrap_or(f64::INFINITY)
}

fn take_text(fields: &mut Fields, encoding: &mut TextEncoding) -> String {
    let (text, found) = match fields.text.take() {
        None => return String::new(),
        Some(RawText::Decoded(text, found)) => (text, found),
        Some(RawText::Bytes(bytes)) => encoding::decode(bytes),
    };
    if found != TextEncoding::Utf8 {
        *encoding = found;
    }
    text
}
