//! Reads a run: every annotated note with what it says that a score asks for.
//!
//! The tables of a run stand in the order of its notes, so they are read side by side; in memory are a batch of rows of each.
//! Tables that are not there, as in runs of older versions, are taken as empty.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, TimestampMicrosecondType, UInt32Type};
use arrow_array::{Array, BooleanArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::record::{Source, Statement, Value};
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::read::run_table::{self, Batches};
use crate::{Error, Result};

const TIME: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// A note of a run, as `notes` has it.
pub(super) struct NoteRow<'a> {
    pub id: &'a str,
    pub patient: Option<&'a str>,
    pub encounter: Option<&'a str>,
    pub time: Option<i64>,
    pub note_type: &'a str,
    pub text_hash: &'a str,
}

/// Goes through the annotated notes of a run, in their order.
///
/// # Errors
/// The run holds no table `notes`, or one that cannot be read.
pub(super) fn notes(run: &Path, mut each: impl FnMut(NoteRow<'_>) -> Result<()>) -> Result<()> {
    const TEXTS: [&str; 6] = ["note_id", "patient_id", "encounter_id", "note_type", "status", "text_hash"];
    let mut fields = TEXTS.map(|name| Field::new(name, DataType::Utf8, true)).to_vec();
    fields.push(Field::new("note_time", TIME, true));
    let columns: Vec<&str> = TEXTS.into_iter().chain(["note_time"]).collect();
    run_table::read(run, "notes", &Arc::new(Schema::new(fields)), &columns, |batch| {
        let [id, patient, encounter, note_type, status, text_hash] = TEXTS.map(|name| Texts::of(batch, name));
        let time = Numbers::<TimestampMicrosecondType>::of(batch, "note_time");
        for row in (0..batch.num_rows()).filter(|&row| status.get(row) == Some("annotated")) {
            each(NoteRow {
                id: id.get(row).unwrap_or_default(),
                patient: patient.get(row),
                encounter: encounter.get(row),
                time: time.get(row),
                note_type: note_type.get(row).unwrap_or_default(),
                text_hash: text_hash.get(row).unwrap_or_default(),
            })?;
        }
        Ok(())
    })
}

/// What a row of a table says, and what of it scores ask for.
pub(super) struct Row<'a> {
    pub source: Source,
    /// Concept of a mention or fact, name of a measurement.
    pub name: Option<&'a str>,
    pub icd10cm: Option<&'a str>,
    /// How a measurement was taken.
    pub method: Option<&'a str>,
    /// The rest; its `thing` is to be set by whoever knows what is asked for.
    pub statement: Statement<'a>,
}

impl Row<'_> {
    /// The fact that the way tells in which oxygen was measured: `SpO2 96 % on room air` says that no oxygen is given.
    pub fn implied_fact(&self) -> Option<&'static str> {
        let is_of_oxygen = matches!(self.name, Some("oxygen_saturation" | "oxygen_flow" | "fio2" | "pao2"));
        match self.method.filter(|_| is_of_oxygen)? {
            "room_air" => Some("state.room_air"),
            _ => Some("state.on_oxygen"),
        }
    }
}

/// The tables that say something of a note, read side by side.
pub(super) struct Tables {
    tables: Vec<Table>,
}

impl Tables {
    /// Opens what a run holds of them.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn open(run: &Path) -> Result<Tables> {
        let mut tables = Vec::new();
        for (name, source) in
            [("mentions", Source::Mention), ("facts", Source::Fact), ("measurements", Source::Measurement)]
        {
            if run_table::holds(run, name) {
                tables.push(Table::open(run, name, source)?);
            }
        }
        Ok(Tables { tables })
    }

    /// The names of the tables that the run holds.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.tables.iter().map(|table| table.name)
    }

    /// Goes through the rows of the next note. Notes must be asked for in their order.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn of_note(&mut self, note_id: &str, each: &mut impl FnMut(Row<'_>)) -> Result<()> {
        self.tables.iter_mut().try_for_each(|table| table.of_note(note_id, each))
    }

    /// Checks that every row belonged to a note.
    ///
    /// # Errors
    /// A row did not.
    pub fn finish(mut self) -> Result<()> {
        self.tables.iter_mut().try_for_each(Table::finish)
    }
}

/// A table, and the place up to which it was read.
struct Table {
    run: PathBuf,
    name: &'static str,
    source: Source,
    batches: Batches,
    /// Of the batch that is read.
    columns: Columns,
    row: usize,
}

impl Table {
    fn open(run: &Path, name: &'static str, source: Source) -> Result<Table> {
        let schema = columns(source);
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let batches = run_table::batches(run, name, &schema, &names)?;
        let columns = Columns::of(&RecordBatch::new_empty(schema.clone()));
        Ok(Table { run: run.to_owned(), name, source, batches, columns, row: 0 })
    }

    fn of_note(&mut self, note_id: &str, each: &mut impl FnMut(Row<'_>)) -> Result<()> {
        while self.has_row()? && self.columns.note_id.get(self.row) == Some(note_id) {
            each(self.columns.row(self.row, self.source));
            self.row += 1;
        }
        Ok(())
    }

    /// Whether a row is left, of this batch or of the next one.
    fn has_row(&mut self) -> Result<bool> {
        while self.row >= self.columns.n_rows {
            let Some(batch) = self.batches.next() else { return Ok(false) };
            (self.columns, self.row) = (Columns::of(&batch?), 0);
        }
        Ok(true)
    }

    fn finish(&mut self) -> Result<()> {
        if !self.has_row()? {
            return Ok(());
        }
        let note = self.columns.note_id.get(self.row).unwrap_or_default();
        let problem = format!(
            "the rows of note {note:?} in {} do not stand where notes has the note; expected the tables of one run",
            self.name
        );
        Err(Error::input(&self.run, problem))
    }
}

/// The columns that are read of a table.
fn columns(source: Source) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str, kind| Field::new(name, kind, true);
    let mut fields = ["note_id", "presence", "temporality", "experiencer", "segment_hash", "rule"].map(text).to_vec();
    fields.extend(["start", "end"].map(|name| number(name, DataType::UInt32)));
    match source {
        Source::Measurement => {
            fields.extend(["measurement_id", "name", "comparator", "trend", "method"].map(text));
            fields.push(number("value", DataType::Float64));
            fields.push(number("plausible", DataType::Boolean));
            fields.push(number("taken_at", TIME));
        }
        _ => {
            fields.extend(["mention_id", "concept_id", "icd10cm"].map(text));
            fields.push(number("value", DataType::Float64));
        }
    }
    Arc::new(Schema::new(fields))
}

/// The columns of a batch; those that are not there are null in every row.
struct Columns {
    n_rows: usize,
    note_id: Texts,
    id: Texts,
    name: Texts,
    icd10cm: Texts,
    presence: Texts,
    temporality: Texts,
    experiencer: Texts,
    segment_hash: Texts,
    rule: Texts,
    comparator: Texts,
    method: Texts,
    trend: Texts,
    start: Numbers<UInt32Type>,
    end: Numbers<UInt32Type>,
    value: Numbers<Float64Type>,
    taken_at: Numbers<TimestampMicrosecondType>,
    plausible: Option<BooleanArray>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Columns {
        let text = |name| Texts::of(batch, name);
        let first = |one, other| if batch.column_by_name(one).is_some() { text(one) } else { text(other) };
        Columns {
            n_rows: batch.num_rows(),
            note_id: text("note_id"),
            id: first("measurement_id", "mention_id"),
            name: first("name", "concept_id"),
            icd10cm: text("icd10cm"),
            presence: text("presence"),
            temporality: text("temporality"),
            experiencer: text("experiencer"),
            segment_hash: text("segment_hash"),
            rule: text("rule"),
            comparator: text("comparator"),
            method: text("method"),
            trend: text("trend"),
            start: Numbers::of(batch, "start"),
            end: Numbers::of(batch, "end"),
            value: Numbers::of(batch, "value"),
            taken_at: Numbers::of(batch, "taken_at"),
            plausible: batch.column_by_name("plausible").and_then(|column| column.as_boolean_opt().cloned()),
        }
    }

    fn row(&self, row: usize, source: Source) -> Row<'_> {
        let value = self.value.get(row).filter(|value| value.is_finite());
        let comparator = self.comparator.get(row).unwrap_or_default();
        let statement = Statement {
            thing: 0,
            source,
            presence: match self.presence.get(row) {
                Some("absent") => Presence::Absent,
                Some("possible") => Presence::Possible,
                _ => Presence::Present,
            },
            temporality: match self.temporality.get(row) {
                Some("historical") => Temporality::Historical,
                Some("hypothetical") => Temporality::Hypothetical,
                _ => Temporality::Current,
            },
            experiencer: match self.experiencer.get(row) {
                Some("family") => Experiencer::Family,
                Some("other") => Experiencer::Other,
                _ => Experiencer::Patient,
            },
            value: value.map(|value| Value::compared(value, comparator)),
            plausible: self
                .plausible
                .as_ref()
                .filter(|column| column.is_valid(row))
                .is_none_or(|column| column.value(row)),
            is_former: self.trend.get(row) == Some("from"),
            is_latter: self.trend.get(row) == Some("to"),
            taken_at: self.taken_at.get(row),
            start: self.start.get(row).unwrap_or_default(),
            end: self.end.get(row).unwrap_or_default(),
            id: self.id.get(row).unwrap_or_default(),
            segment_hash: self.segment_hash.get(row).unwrap_or_default(),
            rule: self.rule.get(row).unwrap_or_default(),
        };
        let (name, icd10cm, method) = (self.name.get(row), self.icd10cm.get(row), self.method.get(row));
        Row { source, name, icd10cm, method, statement }
    }
}

/// A column of texts; null and empty are the same.
struct Texts(Option<StringArray>);

impl Texts {
    fn of(batch: &RecordBatch, name: &str) -> Texts {
        Texts(batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>().cloned()))
    }

    fn get(&self, row: usize) -> Option<&str> {
        let column = self.0.as_ref().filter(|column| column.is_valid(row))?;
        Some(column.value(row)).filter(|value| !value.is_empty())
    }
}

/// A column of numbers or times.
struct Numbers<T: ArrowPrimitiveType>(Option<PrimitiveArray<T>>);

impl<T: ArrowPrimitiveType> Numbers<T> {
    fn of(batch: &RecordBatch, name: &str) -> Numbers<T> {
        Numbers(batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<T>().cloned()))
    }

    fn get(&self, row: usize) -> Option<T::Native> {
        self.0.as_ref().filter(|column| column.is_valid(row)).map(|column| column.value(row))
    }
}
