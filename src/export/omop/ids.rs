//! Identifiers as the integers that OMOP has: a numeric one unchanged, any other by a mapping that is written out and can be
//! read again, so that an identifier keeps its number in every export that is given the same file.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::past_run::{NoteIds, PastRun};
use crate::{Error, Result};

/// What an identifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdKind {
    Note = 0,
    Person = 1,
    Visit = 2,
}

impl IdKind {
    const ALL: [IdKind; 3] = [IdKind::Note, IdKind::Person, IdKind::Visit];

    fn name(self) -> &'static str {
        match self {
            IdKind::Note => "note",
            IdKind::Person => "person",
            IdKind::Visit => "visit",
        }
    }
}

/// How many identifiers of a kind have a number, and from where; notes by note, others by identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IdCounts {
    /// From the mapping that was read.
    pub from_mapping: u64,
    /// Given by this export.
    pub added: u64,
}

/// The numbers of identifiers.
pub(super) struct Ids {
    kinds: [Numbers; 3],
}

/// The numbers of one kind.
#[derive(Default)]
struct Numbers {
    given: FxHashMap<Box<str>, i32>,
    /// Numbers that the mapping gives, which no numeric identifier may have besides.
    taken: FxHashSet<i32>,
    /// The next number to be given, and the first that was.
    next: i64,
    first: i64,
    counts: IdCounts,
}

/// An identifier's number.
enum Number {
    Unchanged(i32),
    Given(i32),
    Added(i32),
}

impl Numbers {
    /// The number of an identifier; each one that needs a number of its own gets the next.
    fn of(&mut self, kind: IdKind, id: &str) -> Result<Number> {
        if let Some(&number) = self.given.get(id) {
            return Ok(Number::Given(number));
        }
        if let Some(number) = numeric(id).filter(|number| !self.taken.contains(number)) {
            return Ok(Number::Unchanged(number));
        }
        let number = i32::try_from(self.next).map_err(|_| {
            let kind = kind.name();
            Error::config(format!("no number is left for the {kind} {id:?}: OMOP's integers end at {}", i32::MAX))
        })?;
        self.next += 1;
        // Every note comes once in a pass, and in the next pass in the same order: it need not be remembered.
        if kind != IdKind::Note {
            self.given.insert(id.into(), number);
        }
        Ok(Number::Added(number))
    }
}

impl Ids {
    /// Numbers for the annotated notes of a run, and for what `kinds` names of their persons and visits. The mapping of
    /// `known`, where that file is there, goes on; with what is added it is written to `written` where it holds anything.
    /// Numbers that are added are greater than every numeric identifier of the run, every number of the mapping and `floor`.
    ///
    /// # Errors
    /// A file cannot be read or written, or is no mapping.
    pub fn assign(run: &PastRun, kinds: &[IdKind], known: Option<&Path>, written: &Path, floor: i32) -> Result<Ids> {
        let beside = written.with_extension("tmp");
        let mut list = Mapping::create(&beside)?;
        let mut ids = Ids { kinds: Default::default() };
        if let Some(known) = known.filter(|known| known.exists()) {
            ids.read(known, &mut list)?;
        }
        let mut greatest =
            ids.kinds.each_ref().map(|numbers| numbers.taken.iter().copied().max().unwrap_or(0).max(floor));
        each_id(run, |kind, id| {
            if let Some((greatest, number)) = greatest.get_mut(kind as usize).zip(numeric(id)) {
                *greatest = number.max(*greatest);
            }
            Ok(())
        })?;
        for (numbers, greatest) in ids.kinds.iter_mut().zip(greatest) {
            (numbers.first, numbers.next) = (i64::from(greatest) + 1, i64::from(greatest) + 1);
        }
        each_id(run, |kind, id| {
            if !kinds.contains(&kind) {
                return Ok(());
            }
            let numbers = &mut ids.kinds[kind as usize];
            if let Number::Added(number) = numbers.of(kind, id)? {
                numbers.counts.added += 1;
                list.add(kind, id, number)?;
            }
            Ok(())
        })?;
        let notes = &mut ids.kinds[IdKind::Note as usize];
        notes.next = notes.first;
        list.finish(written)?;
        Ok(ids)
    }

    /// The number of an identifier; notes must be asked for once each, in the order of the run.
    pub fn of(&mut self, kind: IdKind, id: &str) -> Result<i32> {
        match self.kinds[kind as usize].of(kind, id)? {
            Number::Unchanged(number) | Number::Given(number) | Number::Added(number) => Ok(number),
        }
    }

    /// The number that an identifier has without one being made for it.
    pub fn known(&self, kind: IdKind, id: &str) -> Option<i32> {
        let numbers = &self.kinds[kind as usize];
        numbers.given.get(id).copied().or_else(|| numeric(id).filter(|number| !numbers.taken.contains(number)))
    }

    /// How many identifiers have a number of the mapping, by kind.
    pub fn counts(&self) -> [(&'static str, IdCounts); 3] {
        IdKind::ALL.map(|kind| (kind.name(), self.kinds[kind as usize].counts))
    }

    /// Reads a mapping, and adds it to the list.
    fn read(&mut self, path: &Path, list: &mut Mapping) -> Result<()> {
        let bad = |line: u64, problem: String| Error::input(path, format!("line {line}: {problem}"));
        let unreadable = |error: csv::Error| {
            bad(error.position().map_or(0, csv::Position::line), "not a row of kind,source_id,number".into())
        };
        let mut reader = csv::Reader::from_path(path).map_err(unreadable)?;
        if reader.headers().map_err(unreadable)? != &csv::StringRecord::from(HEADER.to_vec()) {
            return Err(bad(1, format!("expected the columns {}", HEADER.join(","))));
        }
        for row in reader.records() {
            let row = row.map_err(unreadable)?;
            let line = row.position().map_or(0, csv::Position::line);
            let [kind, id, number] = [0, 1, 2].map(|column| row.get(column).unwrap_or_default());
            let kind = IdKind::ALL.into_iter().find(|known| known.name() == kind);
            let kind = kind.ok_or_else(|| bad(line, "expected note, person or visit as kind".into()))?;
            let number = numeric(number).ok_or_else(|| bad(line, format!("expected an integer up to {}", i32::MAX)))?;
            let numbers = &mut self.kinds[kind as usize];
            if numbers.given.insert(id.into(), number).is_some() || !numbers.taken.insert(number) {
                return Err(bad(line, format!("the {} or its number stands in an earlier line", kind.name())));
            }
            numbers.counts.from_mapping += 1;
            list.add(kind, id, number)?;
        }
        Ok(())
    }
}

const HEADER: [&str; 3] = ["kind", "source_id", "number"];

/// The file of a mapping while it is written.
struct Mapping {
    path: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
    n_rows: u64,
}

impl Mapping {
    fn create(path: &Path) -> Result<Mapping> {
        let file = File::create(path).map_err(|error| Error::io("creating", path, error))?;
        let mut mapping =
            Mapping { path: path.to_owned(), writer: csv::Writer::from_writer(BufWriter::new(file)), n_rows: 0 };
        mapping.write(&HEADER)?;
        Ok(mapping)
    }

    fn add(&mut self, kind: IdKind, id: &str, number: i32) -> Result<()> {
        self.n_rows += 1;
        self.write(&[kind.name(), id, &number.to_string()])
    }

    fn write(&mut self, row: &[&str]) -> Result<()> {
        let written = self.writer.write_record(row);
        written.map_err(|error| Error::io("writing", &self.path, std::io::Error::other(error)))
    }

    /// Gives the file its name, where it holds anything.
    fn finish(self, path: &Path) -> Result<()> {
        let io_error = |doing| move |error| Error::io(doing, path, error);
        let file = self.writer.into_inner().map_err(|error| io_error("writing")(error.into_error()))?;
        let file = file.into_inner().map_err(|error| io_error("writing")(error.into_error()))?;
        if self.n_rows == 0 {
            return std::fs::remove_file(&self.path).map_err(io_error("removing"));
        }
        file.sync_all().map_err(io_error("flushing"))?;
        std::fs::rename(&self.path, path).map_err(io_error("renaming to"))
    }
}

/// Every identifier of the annotated notes, in order.
fn each_id(run: &PastRun, mut each: impl FnMut(IdKind, &str) -> Result<()>) -> Result<()> {
    run.each_annotated(|NoteIds { note, patient, encounter }| {
        each(IdKind::Note, note)?;
        patient.map_or(Ok(()), |id| each(IdKind::Person, id))?;
        encounter.map_or(Ok(()), |id| each(IdKind::Visit, id))
    })
}

/// An identifier that is an integer of OMOP as it stands.
fn numeric(id: &str) -> Option<i32> {
    let is_plain =
        id == "0" || (!id.starts_with('0') && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    is_plain.then(|| id.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_integers_are_unchanged() {
        let check = |id: &str, expected: Option<i32>| assert_eq!(numeric(id), expected, "{id}");
        check("0", Some(0));
        check("10001", Some(10_001));
        check("2147483647", Some(i32::MAX));
        for id in ["2147483648", "007", "-5", "+5", "5.0", "N1", ""] {
            check(id, None);
        }
    }

    #[test]
    fn a_number_that_the_mapping_gives_is_no_other_identifier() {
        let mut numbers = Numbers { next: 9, first: 9, ..Numbers::default() };
        numbers.given.insert("P1".into(), 7);
        numbers.taken.insert(7);
        let mut of = |id| match numbers.of(IdKind::Person, id).unwrap() {
            Number::Unchanged(number) => ("unchanged", number),
            Number::Given(number) => ("given", number),
            Number::Added(number) => ("added", number),
        };
        assert_eq!(of("P1"), ("given", 7));
        assert_eq!(of("6"), ("unchanged", 6));
        assert_eq!(of("7"), ("added", 9));
        assert_eq!(of("7"), ("given", 9));
        assert_eq!(of("P2"), ("added", 10));
    }
}
