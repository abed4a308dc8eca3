//! Entries by patient: groups of neighbouring patients as encoded bytes, in memory up to a bound and in temporary files above it.
//!
//! The files hold identifiers, hashes and numbers, no words of notes.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use tempfile::TempDir;

use super::record::{Entry, Origin, Source, Statement, Value};
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::{Error, Result};

/// Bytes that all groups may hold in memory while the run is read.
const MAX_HELD_BYTES: usize = 256 << 20;

/// Collects entries of groups.
pub(super) struct Store {
    folder: TempDir,
    held: Vec<Vec<u8>>,
    is_in_file: Vec<bool>,
    n_held_bytes: usize,
    max_held_bytes: usize,
}

impl Store {
    /// An empty store whose files, if any, stand in `folder`.
    ///
    /// # Errors
    /// No folder can be made there.
    pub fn create(folder: &Path, n_groups: usize) -> Result<Store> {
        let created = tempfile::Builder::new().prefix(".noteward-warn-").tempdir_in(folder);
        let temporary = created.map_err(|error| Error::io("creating a temporary folder in", folder, error))?;
        Ok(Store {
            folder: temporary,
            held: vec![Vec::new(); n_groups],
            is_in_file: vec![false; n_groups],
            n_held_bytes: 0,
            max_held_bytes: MAX_HELD_BYTES,
        })
    }

    /// The folder of temporary files, which goes with the store.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds an entry to a group, with its statements.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn push(&mut self, group: usize, head: Head<'_>, statements: &Statements) -> Result<()> {
        let Some(bytes) = self.held.get_mut(group) else { return Err(Error::internal("a patient of no group")) };
        let before = bytes.len();
        encode(head, statements, bytes);
        self.n_held_bytes += bytes.len() - before;
        if self.n_held_bytes > self.max_held_bytes { self.spill() } else { Ok(()) }
    }

    /// Moves everything to files.
    fn spill(&mut self) -> Result<()> {
        for (group, bytes) in self.held.iter_mut().enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
            let path = self.folder.path().join(format!("{group:06}"));
            let file = File::options().create(true).append(true).open(&path);
            let written = file.and_then(|mut file| file.write_all(bytes));
            written.map_err(|error| Error::io("writing", &path, error))?;
            *bytes = Vec::new();
            if let Some(is_in_file) = self.is_in_file.get_mut(group) {
                *is_in_file = true;
            }
        }
        self.n_held_bytes = 0;
        Ok(())
    }

    /// The bytes of a group, in the order in which they came.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn group(&self, group: usize) -> Result<Vec<u8>> {
        let held = self.held.get(group).map_or(&[][..], Vec::as_slice);
        if !self.is_in_file.get(group).copied().unwrap_or_default() {
            return Ok(held.to_vec());
        }
        let path = self.folder.path().join(format!("{group:06}"));
        let mut bytes = std::fs::read(&path).map_err(|error| Error::io("reading", &path, error))?;
        bytes.extend_from_slice(held);
        Ok(bytes)
    }
}

/// Decodes the entries of a group.
///
/// # Errors
/// The bytes are not those of a store.
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>> {
    let mut bytes = Bytes(bytes);
    let mut entries = Vec::new();
    while !bytes.0.is_empty() {
        entries.push(bytes.entry().ok_or_else(|| Error::internal("a temporary file of warn is damaged"))?);
    }
    Ok(entries)
}

/// An entry without its statements.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub patient: u32,
    pub time: i64,
    pub origin: Origin<'a>,
}

/// Encoded statements of an entry.
#[derive(Default)]
pub(super) struct Statements {
    bytes: Vec<u8>,
    n: u32,
}

impl Statements {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.n = 0;
    }

    pub fn push(&mut self, statement: &Statement<'_>) {
        encode_statement(statement, &mut self.bytes);
        self.n += 1;
    }
}

fn encode(head: Head<'_>, statements: &Statements, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&head.patient.to_le_bytes());
    bytes.extend_from_slice(&head.time.to_le_bytes());
    match head.origin {
        Origin::Note { id, encounter, note_type, text_hash } => {
            bytes.push(0);
            for text in [id, encounter.unwrap_or_default(), note_type, text_hash] {
                put_text(text, bytes);
            }
        }
        Origin::Row(record) => {
            bytes.push(1);
            bytes.extend_from_slice(&record.to_le_bytes());
        }
    }
    bytes.extend_from_slice(&statements.n.to_le_bytes());
    bytes.extend_from_slice(&statements.bytes);
}

fn encode_statement(statement: &Statement<'_>, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&statement.thing.to_le_bytes());
    let flags = u8::from(statement.plausible)
        | u8::from(statement.is_former) << 1
        | u8::from(statement.value.is_some()) << 2
        | u8::from(statement.taken_at.is_some()) << 3
        | u8::from(statement.is_latter) << 4;
    bytes.extend_from_slice(&[
        statement.source as u8,
        statement.presence as u8,
        statement.temporality as u8,
        statement.experiencer as u8,
        flags,
    ]);
    if let Some(value) = statement.value {
        bytes.extend_from_slice(&value.low.to_le_bytes());
        bytes.extend_from_slice(&value.high.to_le_bytes());
    }
    if let Some(taken_at) = statement.taken_at {
        bytes.extend_from_slice(&taken_at.to_le_bytes());
    }
    bytes.extend_from_slice(&statement.start.to_le_bytes());
    bytes.extend_from_slice(&statement.end.to_le_bytes());
    for text in [statement.id, statement.segment_hash, statement.rule] {
        put_text(text, bytes);
    }
}

fn put_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// Bytes that are still to be decoded.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn entry(&mut self) -> Option<Entry<'a>> {
        let (patient, time) = (self.u32()?, self.i64()?);
        let origin = match self.array::<1>()? {
            [0] => {
                let (id, encounter) = (self.text()?, Some(self.text()?).filter(|id| !id.is_empty()));
                Origin::Note { id, encounter, note_type: self.text()?, text_hash: self.text()? }
            }
            _ => Origin::Row(u64::from_le_bytes(self.array()?)),
        };
        let n_statements = self.u32()?;
        let statements = (0..n_statements).map(|_| self.statement()).collect::<Option<_>>()?;
        Some(Entry { patient, time, origin, statements })
    }

    fn statement(&mut self) -> Option<Statement<'a>> {
        let thing = self.u32()?;
        let [source, presence, temporality, experiencer, flags] = self.array()?;
        let value = if flags & 4 != 0 { Some(Value { low: self.f64()?, high: self.f64()? }) } else { None };
        let taken_at = if flags & 8 != 0 { Some(self.i64()?) } else { None };
        Some(Statement {
            thing,
            source: *[Source::Mention, Source::Fact, Source::Measurement, Source::File].get(usize::from(source))?,
            presence: *[Presence::Present, Presence::Absent, Presence::Possible].get(usize::from(presence))?,
            temporality: *[Temporality::Current, Temporality::Historical, Temporality::Hypothetical]
                .get(usize::from(temporality))?,
            experiencer: *[Experiencer::Patient, Experiencer::Family, Experiencer::Other]
                .get(usize::from(experiencer))?,
            value,
            plausible: flags & 1 != 0,
            is_former: flags & 2 != 0,
            is_latter: flags & 16 != 0,
            taken_at,
            start: self.u32()?,
            end: self.u32()?,
            id: self.text()?,
            segment_hash: self.text()?,
            rule: self.text()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{note, stated};
    use super::*;

    fn statements(entry: &Entry<'_>) -> Statements {
        let mut statements = Statements::default();
        entry.statements.iter().for_each(|statement| statements.push(statement));
        statements
    }

    fn head<'a>(entry: &Entry<'a>) -> Head<'a> {
        Head { patient: entry.patient, time: entry.time, origin: entry.origin }
    }

    fn encode_whole(entry: &Entry<'_>, bytes: &mut Vec<u8>) {
        encode(head(entry), &statements(entry), bytes);
    }

    fn put(store: &mut Store, group: usize, entry: &Entry<'_>) {
        store.push(group, head(entry), &statements(entry)).unwrap();
    }

    #[test]
    fn entries_come_back_as_they_were_from_memory_and_from_files() {
        for max_held_bytes in [0, 150, usize::MAX] {
            let here = tempfile::tempdir().unwrap();
            let mut store = Store::create(here.path(), 2).unwrap();
            store.max_held_bytes = max_held_bytes;
            let full = Statement {
                source: Source::Measurement,
                presence: Presence::Possible,
                temporality: Temporality::Hypothetical,
                experiencer: Experiencer::Other,
                value: Some(Value { low: f64::NEG_INFINITY, high: 2.5 }),
                plausible: false,
                is_former: true,
                is_latter: true,
                taken_at: Some(-5),
                start: 3,
                end: u32::MAX,
                id: "ä",
                segment_hash: "s",
                rule: "r",
                ..stated(9)
            };
            let row = Entry { patient: 4, time: -1, origin: Origin::Row(12), statements: vec![full] };
            let written = [note(2, vec![stated(1), full]), row];
            for group in [1, 0, 1] {
                written.iter().for_each(|entry| put(&mut store, group, entry));
            }
            let (mut expected, mut again) = (Vec::new(), Vec::new());
            written.iter().chain(&written).for_each(|entry| encode_whole(entry, &mut expected));
            let bytes = store.group(1).unwrap();
            assert!(bytes == expected);
            entries(&bytes).unwrap().iter().for_each(|entry| encode_whole(entry, &mut again));
            assert!(again == expected);
            assert!(entries(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
