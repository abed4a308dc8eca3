//! Notes and statements as fixed numbers of bytes: what is kept of a run while features are made. No words of notes.

use super::rules::{Holder, NoteKind};
use crate::assertion::Presence;

/// Stands for a time that is not known.
const NO_TIME: i64 = i64::MIN;

/// A record that can be put aside in a file.
pub(super) trait Record: Sized {
    /// Bytes of a record.
    const BYTES: usize;
    /// Appends the record's bytes.
    fn put(&self, bytes: &mut Vec<u8>);
    /// Reads a record from the beginning of so many bytes.
    fn take(bytes: Bytes<'_>) -> Self;
}

/// The bytes of a record, read from their beginning. What is missing reads as zero.
pub(super) struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *head
    }
}

/// A note of a patient whose features are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NoteRecord {
    /// The patient's place in the cohort.
    pub patient: u32,
    /// Hash of the note's identifier.
    pub note: u64,
    /// When it was available; `None` where that is not known.
    pub available: Option<i64>,
    /// When it is dated.
    pub dated: Option<i64>,
    /// Its place in the table of notes.
    pub row: u64,
    /// Number of the author; 0 where none is named.
    pub author: u32,
    /// Hash of encounter and type.
    pub visit: u64,
    pub kind: NoteKind,
    /// A bit for each kind of section that it has.
    pub sections: u128,
}

impl Record for NoteRecord {
    const BYTES: usize = 4 + 8 + 8 + 8 + 8 + 4 + 8 + 1 + 16;

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.patient.to_le_bytes());
        bytes.extend_from_slice(&self.note.to_le_bytes());
        bytes.extend_from_slice(&self.available.unwrap_or(NO_TIME).to_le_bytes());
        bytes.extend_from_slice(&self.dated.unwrap_or(NO_TIME).to_le_bytes());
        bytes.extend_from_slice(&self.row.to_le_bytes());
        bytes.extend_from_slice(&self.author.to_le_bytes());
        bytes.extend_from_slice(&self.visit.to_le_bytes());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(&self.sections.to_le_bytes());
    }

    fn take(mut bytes: Bytes<'_>) -> NoteRecord {
        NoteRecord {
            patient: u32::from_le_bytes(bytes.next()),
            note: u64::from_le_bytes(bytes.next()),
            available: time(bytes.next()),
            dated: time(bytes.next()),
            row: u64::from_le_bytes(bytes.next()),
            author: u32::from_le_bytes(bytes.next()),
            visit: u64::from_le_bytes(bytes.next()),
            kind: NoteKind::numbered(u8::from_le_bytes(bytes.next())),
            sections: u128::from_le_bytes(bytes.next()),
        }
    }
}

/// A mention, a fact or a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statement {
    /// The patient's place in the cohort.
    pub patient: u32,
    /// Hash of the identifier of its note.
    pub note: u64,
    /// Hash of the sentence that says it.
    pub segment: u64,
    /// What it is of.
    pub topic: u32,
    pub presence: Presence,
    pub holder: Holder,
    pub value: Option<f64>,
    /// When the value was taken, where the note says so.
    pub taken_at: Option<i64>,
}

impl Record for Statement {
    const BYTES: usize = 4 + 8 + 8 + 4 + 1 + 1 + 8 + 8;

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.patient.to_le_bytes());
        bytes.extend_from_slice(&self.note.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.topic.to_le_bytes());
        bytes.push(match self.presence {
            Presence::Present => 0,
            Presence::Possible => 1,
            Presence::Absent => 2,
        });
        bytes.push(self.holder.number());
        bytes.extend_from_slice(&self.value.unwrap_or(f64::NAN).to_le_bytes());
        bytes.extend_from_slice(&self.taken_at.unwrap_or(NO_TIME).to_le_bytes());
    }

    fn take(mut bytes: Bytes<'_>) -> Statement {
        Statement {
            patient: u32::from_le_bytes(bytes.next()),
            note: u64::from_le_bytes(bytes.next()),
            segment: u64::from_le_bytes(bytes.next()),
            topic: u32::from_le_bytes(bytes.next()),
            presence: match bytes.next() {
                [0] => Presence::Present,
                [1] => Presence::Possible,
                _ => Presence::Absent,
            },
            holder: Holder::numbered(u8::from_le_bytes(bytes.next())),
            value: Some(f64::from_le_bytes(bytes.next())).filter(|value| !value.is_nan()),
            taken_at: time(bytes.next()),
        }
    }
}

fn time(bytes: [u8; 8]) -> Option<i64> {
    Some(i64::from_le_bytes(bytes)).filter(|time| *time != NO_TIME)
}
