//! The tables of a run, read into records by block of patients.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::cohort::{Cohort, IndexRow, note_key};
use super::record::{NoteRecord, Statement};
use super::rules::{Holder, NoteKind, NoteKinds};
use super::spill::Spill;
use super::state::Scope;
use super::topic::{Numbers, Source, Stated, Topics};
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::read::{run_table, time};
use crate::write::notes;
use crate::{Error, Result};

/// Kinds of sections for which there is a bit.
const MAX_SECTIONS: usize = 128;

/// What became of the rows of `notes`: `read` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NoteRows {
    /// Rows.
    pub read: u64,
    /// Empty and rejected notes.
    pub not_annotated: u64,
    /// Notes without a patient.
    pub without_patient: u64,
    /// Notes of patients who are not in the cohort.
    pub not_in_cohort: u64,
    /// Notes whose time of availability is not known.
    pub without_time: u64,
    /// Notes that can count.
    pub kept: u64,
}

/// What became of the rows of a table of statements: `read` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StatementRows {
    /// Rows.
    pub read: u64,
    /// Rows without a patient.
    pub without_patient: u64,
    /// Rows of patients who are not in the cohort.
    pub not_in_cohort: u64,
    /// Mentions that name neither a concept nor a code, facts that name no concept, measurements without a name.
    pub without_concept: u64,
    /// Measurements without a number.
    pub without_value: u64,
    /// Measurements that are denied.
    pub denied: u64,
    /// Measurements that cannot be true.
    pub implausible: u64,
    /// Rows that can count.
    pub kept: u64,
}

/// Where the availability of notes is read.
#[derive(Clone, Copy)]
pub(super) enum Availability<'a> {
    /// `note_time`.
    NoteTime,
    /// A column that `annotate --keep` carried into `notes`.
    Kept(&'a str),
}

/// The patients of a run, each at the time of the last note. Patients without a time are not among them.
pub(super) fn last_notes(run: &Path, availability: Availability<'_>) -> Result<(Vec<(String, IndexRow)>, u64)> {
    let mut last: BTreeMap<String, Option<i64>> = BTreeMap::new();
    let (schema, columns) = note_columns(availability);
    run_table::read(run, "notes", &schema, &columns, |batch| {
        let columns = Columns { run, table: "notes", batch };
        let (patients, statuses) = (columns.texts("patient_id")?, columns.texts("status")?);
        let times = NoteTimes::of(&columns, availability)?;
        for row in 0..batch.num_rows() {
            let Some(patient) = patients.get(row).filter(|_| statuses.get(row) == Some("annotated")) else { continue };
            let time = times.available(row);
            match last.get_mut(patient) {
                Some(last) => *last = (*last).max(time),
                None => {
                    last.insert(patient.to_owned(), time);
                }
            }
        }
        Ok(())
    })?;
    let n_patients = last.len();
    let row = |time| IndexRow { time, label: None, label_note: None };
    let rows: Vec<_> = last.into_iter().filter_map(|(patient, time)| Some((patient, row(time?)))).collect();
    let n_without_time = (n_patients - rows.len()) as u64;
    Ok((rows, n_without_time))
}

/// Reads the notes of a cohort.
pub(super) struct NoteLoader<'a> {
    pub run: &'a Path,
    pub cohort: &'a Cohort,
    pub kinds: &'a NoteKinds,
    pub availability: Availability<'a>,
}

/// What the table `notes` gave.
pub(super) struct LoadedNotes {
    pub spill: Spill<NoteRecord>,
    /// Kinds of sections, by their bit.
    pub sections: Vec<String>,
    pub rows: NoteRows,
}

impl NoteLoader<'_> {
    /// Reads the table into blocks.
    ///
    /// # Errors
    /// It cannot be read, or lacks a column.
    pub fn load(&self, mut spill: Spill<NoteRecord>) -> Result<LoadedNotes> {
        let mut rows = NoteRows::default();
        let mut sections = Sections::default();
        let mut authors = Numbers::default();
        let mut place = 0;
        let (schema, columns) = note_columns(self.availability);
        run_table::read(self.run, "notes", &schema, &columns, |batch| {
            let columns = Columns { run: self.run, table: "notes", batch };
            let text = |name| columns.texts(name);
            let (ids, patients, statuses) = (text("note_id")?, text("patient_id")?, text("status")?);
            let (encounters, types) = (text("encounter_id")?, text("note_type")?);
            let (writers, headings) = (text("author")?, text("sections")?);
            let times = NoteTimes::of(&columns, self.availability)?;
            for row in 0..batch.num_rows() {
                place += 1;
                rows.read += 1;
                if statuses.get(row) != Some("annotated") {
                    rows.not_annotated += 1;
                    continue;
                }
                let Some(patient) = patients.get(row) else {
                    rows.without_patient += 1;
                    continue;
                };
                let Some(patient) = self.cohort.place(patient) else {
                    rows.not_in_cohort += 1;
                    continue;
                };
                let available = times.available(row);
                *(if available.is_some() { &mut rows.kept } else { &mut rows.without_time }) += 1;
                let note_type = types.get(row).unwrap_or_default();
                let visit = format!("{}\0{note_type}", encounters.get(row).unwrap_or_default());
                let record = NoteRecord {
                    patient,
                    note: note_key(ids.get(row).unwrap_or_default()),
                    available,
                    dated: times.dated(row),
                    row: place,
                    author: authors.number(writers.get(row)),
                    visit: xxh3_64(visit.as_bytes()),
                    kind: if note_type.is_empty() { NoteKind::Plain } else { self.kinds.of(note_type) },
                    sections: sections.bits(headings.get(row).unwrap_or_default(), self.run)?,
                };
                spill.push(self.cohort.block_of(patient), record)?;
            }
            Ok(())
        })?;
        Ok(LoadedNotes { spill, sections: sections.0, rows })
    }
}

/// Kinds of sections by bit.
#[derive(Default)]
struct Sections(Vec<String>);

impl Sections {
    fn bits(&mut self, names: &str, run: &Path) -> Result<u128> {
        let mut bits = 0;
        for name in names.split(';').filter(|name| !name.is_empty()) {
            let place = match self.0.iter().position(|known| known == name) {
                Some(place) => place,
                None if self.0.len() == MAX_SECTIONS => {
                    let problem = format!("notes names more than {MAX_SECTIONS} kinds of sections");
                    return Err(Error::input(run, problem));
                }
                None => {
                    self.0.push(name.to_owned());
                    self.0.len() - 1
                }
            };
            bits |= 1 << place;
        }
        Ok(bits)
    }
}

/// Reads what the tables of statements say of a cohort.
pub(super) struct StatementLoader<'a> {
    pub run: &'a Path,
    pub cohort: &'a Cohort,
    pub topics: Topics,
    pub spill: Spill<Statement>,
}

impl StatementLoader<'_> {
    /// Reads one of the tables; none is no error, as an older version wrote the run.
    ///
    /// # Errors
    /// It cannot be read, or lacks a column.
    pub fn load(&mut self, source: Source) -> Result<StatementRows> {
        let table = match source {
            Source::Mention => "mentions",
            Source::Fact => "facts",
            Source::Measurement => "measurements",
        };
        let mut rows = StatementRows::default();
        if source != Source::Mention && !run_table::holds(self.run, table) {
            return Ok(rows);
        }
        let (schema, columns) = statement_columns(source);
        let run = self.run;
        run_table::read(run, table, &schema, &columns, |batch| {
            self.batch(source, &Columns { run, table, batch }, &mut rows)
        })?;
        Ok(rows)
    }

    fn batch(&mut self, source: Source, columns: &Columns<'_>, rows: &mut StatementRows) -> Result<()> {
        let statements = StatementColumns::of(source, columns)?;
        let mut last: (&str, Option<u32>) = ("", None);
        for row in 0..columns.batch.num_rows() {
            rows.read += 1;
            let Some(patient_id) = statements.patients.get(row) else {
                rows.without_patient += 1;
                continue;
            };
            if last.0 != patient_id || last.1.is_none() {
                last = (patient_id, self.cohort.place(patient_id));
            }
            let Some(patient) = last.1 else {
                rows.not_in_cohort += 1;
                continue;
            };
            let Some(topic) = statements.topic(row, &mut self.topics) else {
                rows.without_concept += 1;
                continue;
            };
            let presence = statements.presence(row);
            let value = statements.values.get(row).filter(|value| value.is_finite());
            if source == Source::Measurement {
                let count = match (value, presence, statements.plausible.get(row)) {
                    (None, ..) => Some(&mut rows.without_value),
                    (_, Presence::Absent, _) => Some(&mut rows.denied),
                    (_, _, Some(false)) => Some(&mut rows.implausible),
                    _ => None,
                };
                if let Some(count) = count {
                    *count += 1;
                    continue;
                }
            }
            rows.kept += 1;
            let statement = Statement {
                patient,
                note: note_key(statements.notes.get(row).unwrap_or_default()),
                segment: xxh3_64(statements.segments.get(row).unwrap_or_default().as_bytes()),
                topic,
                presence,
                holder: statements.holder(row),
                // A dose that somebody denies is no value.
                value: value.filter(|_| presence != Presence::Absent),
                taken_at: statements.taken_at.get(row),
            };
            self.spill.push(self.cohort.block_of(patient), statement)?;
        }
        Ok(())
    }
}

/// The columns of a batch of statements.
struct StatementColumns {
    source: Source,
    notes: Texts,
    patients: Texts,
    segments: Texts,
    subjects: Texts,
    codes: Texts,
    names: Texts,
    units: Texts,
    kinds: Texts,
    presences: Texts,
    temporalities: Texts,
    experiencers: Texts,
    values: Numbered,
    plausible: Flags,
    taken_at: Times,
}

impl StatementColumns {
    fn of(source: Source, columns: &Columns<'_>) -> Result<StatementColumns> {
        let text = |name| columns.texts(name);
        let subject = if source == Source::Measurement { "name" } else { "concept_id" };
        Ok(StatementColumns {
            source,
            notes: text("note_id")?,
            patients: text("patient_id")?,
            segments: text("segment_hash")?,
            subjects: text(subject)?,
            codes: columns.optional_texts("icd10cm")?,
            names: columns.optional_texts("concept_name")?,
            units: columns.optional_texts("unit")?,
            kinds: columns.optional_texts("type")?,
            presences: text("presence")?,
            temporalities: text("temporality")?,
            experiencers: text("experiencer")?,
            values: columns.numbers("value")?,
            plausible: columns.flags("plausible")?,
            taken_at: columns.times("taken_at")?,
        })
    }

    /// The number of what a row is of; `None` where it does not say.
    fn topic(&self, row: usize, topics: &mut Topics) -> Option<u32> {
        let (subject, code) = (self.subjects.get(row).unwrap_or_default(), self.codes.get(row).unwrap_or_default());
        let is_nothing = subject.is_empty() && (code.is_empty() || self.source != Source::Mention);
        let name = self.names.get(row).unwrap_or(subject);
        let unit = self.units.get(row).unwrap_or_default();
        let stated = Stated { source: self.source, scope: self.scope(row), subject, code, name, unit };
        (!is_nothing).then(|| topics.number(stated))
    }

    fn presence(&self, row: usize) -> Presence {
        let all = [Presence::Present, Presence::Possible, Presence::Absent];
        let stated = self.presences.get(row).unwrap_or_default();
        all.into_iter().find(|presence| presence.name() == stated).unwrap_or_default()
    }

    fn scope(&self, row: usize) -> Scope {
        let stated = self.experiencers.get(row).unwrap_or_default();
        let all = [Experiencer::Patient, Experiencer::Family, Experiencer::Other];
        let experiencer = all.into_iter().find(|experiencer| experiencer.name() == stated).unwrap_or_default();
        let stated = self.temporalities.get(row).unwrap_or_default();
        let all = [Temporality::Current, Temporality::Historical, Temporality::Hypothetical];
        let temporality = all.into_iter().find(|temporality| temporality.name() == stated).unwrap_or_default();
        Scope::of(experiencer, temporality)
    }

    fn holder(&self, row: usize) -> Holder {
        match self.scope(row) {
            Scope::Family => Holder::Family,
            _ => Holder::of(self.kinds.get(row).unwrap_or_default()),
        }
    }
}

/// The times of notes.
struct NoteTimes {
    dated: Times,
    kept: Option<Texts>,
}

impl NoteTimes {
    fn of(columns: &Columns<'_>, availability: Availability<'_>) -> Result<NoteTimes> {
        let kept = match availability {
            Availability::NoteTime => None,
            Availability::Kept(name) if columns.batch.column_by_name(name).is_none() => {
                let problem = format!("notes has no column {name}; annotate --keep {name} carries it from the input");
                return Err(Error::input(columns.run, problem));
            }
            Availability::Kept(name) => Some(columns.texts(name)?),
        };
        Ok(NoteTimes { dated: columns.times("note_time")?, kept })
    }

    fn available(&self, row: usize) -> Option<i64> {
        match &self.kept {
            None => self.dated.get(row),
            Some(kept) => Some(time::parse(kept.get(row)?)?.0),
        }
    }

    fn dated(&self, row: usize) -> Option<i64> {
        self.dated.get(row)
    }
}

/// The schema of `notes`, and the columns of it that are read.
fn note_columns(availability: Availability<'_>) -> (SchemaRef, Vec<&str>) {
    let mut columns =
        vec!["note_id", "patient_id", "encounter_id", "note_time", "note_type", "author", "status", "sections"];
    let mut kept = Vec::new();
    if let Availability::Kept(name) = availability {
        columns.push(name);
        kept.push(name.to_owned());
    }
    (notes::schema(&kept), columns)
}

/// The columns that are read of a table of statements.
fn statement_columns(source: Source) -> (SchemaRef, Vec<&'static str>) {
    let mut columns = vec!["note_id", "patient_id", "presence", "temporality", "experiencer", "segment_hash"];
    columns.extend_from_slice(match source {
        Source::Mention => &["type", "concept_id", "concept_name", "icd10cm"][..],
        Source::Fact => &["type", "concept_id", "concept_name", "icd10cm", "value", "unit"],
        Source::Measurement => &["name", "value", "unit", "plausible", "taken_at"],
    });
    let field = |name: &&str| {
        let kind = match *name {
            "value" => DataType::Float64,
            "plausible" => DataType::Boolean,
            "taken_at" => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => DataType::Utf8,
        };
        Field::new(*name, kind, true)
    };
    (Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>())), columns)
}

/// The columns of a batch, whatever file it was read from.
struct Columns<'a> {
    run: &'a Path,
    table: &'a str,
    batch: &'a RecordBatch,
}

struct Texts(Option<StringArray>);
struct Numbered(Option<Float64Array>);
struct Flags(Option<BooleanArray>);
struct Times(Option<TimestampMicrosecondArray>);

impl Columns<'_> {
    fn typed(&self, name: &str, kind: &DataType) -> Result<Option<ArrayRef>> {
        let Some(column) = self.batch.column_by_name(name) else { return Ok(None) };
        if column.data_type() == kind {
            return Ok(Some(column.clone()));
        }
        let bad = |_| Error::input(self.run, format!("{}: column {name}: expected {kind}", self.table));
        arrow_cast::cast(column, kind).map(Some).map_err(bad)
    }

    fn texts(&self, name: &str) -> Result<Texts> {
        let texts = self.optional_texts(name)?;
        if texts.0.is_none() {
            return Err(Error::input(self.run, format!("{}: column {name} is missing", self.table)));
        }
        Ok(texts)
    }

    fn optional_texts(&self, name: &str) -> Result<Texts> {
        Ok(Texts(self.typed(name, &DataType::Utf8)?.and_then(|column| column.as_string_opt().cloned())))
    }

    fn numbers(&self, name: &str) -> Result<Numbered> {
        let column = self.typed(name, &DataType::Float64)?;
        Ok(Numbered(column.and_then(|column| column.as_primitive_opt::<Float64Type>().cloned())))
    }

    fn flags(&self, name: &str) -> Result<Flags> {
        Ok(Flags(self.typed(name, &DataType::Boolean)?.and_then(|column| column.as_boolean_opt().cloned())))
    }

    fn times(&self, name: &str) -> Result<Times> {
        let column = self.typed(name, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        Ok(Times(column.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>().cloned())))
    }
}

impl Texts {
    /// A text; `None` for null, for the empty text and for a column that is not there.
    fn get(&self, row: usize) -> Option<&str> {
        let column = self.0.as_ref().filter(|column| row < column.len() && column.is_valid(row))?;
        Some(column.value(row)).filter(|text| !text.is_empty())
    }
}

impl Numbered {
    fn get(&self, row: usize) -> Option<f64> {
        self.0.as_ref().filter(|column| row < column.len() && column.is_valid(row)).map(|column| column.value(row))
    }
}

impl Flags {
    fn get(&self, row: usize) -> Option<bool> {
        self.0.as_ref().filter(|column| row < column.len() && column.is_valid(row)).map(|column| column.value(row))
    }
}

impl Times {
    fn get(&self, row: usize) -> Option<i64> {
        self.0.as_ref().filter(|column| row < column.len() && column.is_valid(row)).map(|column| column.value(row))
    }
}
