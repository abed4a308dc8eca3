//! Reads the tables of a run into the counts of its report; a batch of rows is in memory.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::columns::{Flags, Numbers, Texts};
use super::patient::PatientRecord;
use super::tally::{MentionRow, MentionsTally, NoteRow, NotesTally, State};
use super::time;
use super::values::{MeasurementRow, MeasurementsTally};
use crate::past_run::PastRun;
use crate::read::run_table;
use crate::write::folder::{REJECTS_FILE, RUN_FILE};
use crate::write::{mentions, notes};
use crate::{Error, Result};

/// The counts of a run.
pub(super) struct RunCounts {
    /// `run.json`.
    pub run: Value,
    pub notes: NotesTally,
    pub mentions: MentionsTally,
    /// `None` where the run has no such table.
    pub measurements: Option<MeasurementsTally>,
    pub facts: Option<MentionsTally>,
    /// Lines of the file of rejected records.
    pub reject_lines: Option<u64>,
}

const NOTE_COLUMNS: [&str; 12] = [
    "note_id",
    "patient_id",
    "note_time",
    "note_type",
    "author",
    "status",
    "reason",
    "characters",
    "mentions",
    "input",
    "record",
    "line",
];

const MENTION_COLUMNS: [&str; 15] = [
    "note_id",
    "patient_id",
    "mention_id",
    "text",
    "type",
    "presence",
    "temporality",
    "experiencer",
    "rule",
    "section",
    "segment_hash",
    "concept_id",
    "concept_name",
    "icd10cm",
    "note_time",
];

const MEASUREMENT_COLUMNS: [&str; 11] = [
    "note_id",
    "patient_id",
    "note_time",
    "name",
    "value",
    "unit",
    "presence",
    "temporality",
    "experiencer",
    "plausible",
    "segment_hash",
];

/// The columns of measurements that a report reads.
fn measurement_schema() -> SchemaRef {
    let fields = MEASUREMENT_COLUMNS.map(|name| {
        let kind = match name {
            "note_time" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "value" => DataType::Float64,
            "plausible" => DataType::Boolean,
            _ => DataType::Utf8,
        };
        Field::new(name, kind, true)
    });
    Arc::new(Schema::new(fields.to_vec()))
}

/// Counts over the tables of a run; cells are about `least` persons, where they are told.
///
/// # Errors
/// A table cannot be read.
pub(super) fn run_counts(run: &PastRun, least: u64) -> Result<RunCounts> {
    let folder = run.folder();
    let mut counts = RunCounts {
        run: run_json(folder)?,
        notes: NotesTally::new(least),
        mentions: MentionsTally::new(least),
        measurements: None,
        facts: None,
        reject_lines: lines_of(&folder.join(REJECTS_FILE))?,
    };
    run_table::read(folder, "notes", &notes::schema(&[]), &NOTE_COLUMNS, |batch| {
        add_notes(batch, &mut counts.notes);
        Ok(())
    })?;
    run_table::read(folder, "mentions", &mentions::schema(), &MENTION_COLUMNS, |batch| {
        add_mentions(batch, &mut counts.mentions);
        Ok(())
    })?;
    if run_table::holds(folder, "measurements") {
        let mut tally = MeasurementsTally::new(least);
        run_table::read(folder, "measurements", &measurement_schema(), &MEASUREMENT_COLUMNS, |batch| {
            add_measurements(batch, &mut tally);
            Ok(())
        })?;
        counts.measurements = Some(tally);
    }
    if run_table::holds(folder, "facts") {
        let mut tally = MentionsTally::new(least);
        run_table::read(folder, "facts", &mentions::schema(), &MENTION_COLUMNS, |batch| {
            add_mentions(batch, &mut tally);
            Ok(())
        })?;
        counts.facts = Some(tally);
    }
    Ok(counts)
}

/// What the tables of a run say of a patient.
///
/// # Errors
/// A table cannot be read, or no note is of that patient.
pub(super) fn patient_record(run: &PastRun, patient_id: &str) -> Result<PatientRecord> {
    let folder = run.folder();
    let mut record = PatientRecord::default();
    run_table::read(folder, "notes", &notes::schema(&[]), &NOTE_COLUMNS, |batch| {
        record.add_notes(batch, patient_id);
        Ok(())
    })?;
    if record.is_empty() {
        let problem = format!("no note is of the patient {patient_id:?}; expected a value of the column patient_id");
        return Err(Error::input(folder, problem));
    }
    record.order_notes();
    run_table::read(folder, "mentions", &mentions::schema(), &MENTION_COLUMNS, |batch| {
        record.add_mentions(batch, patient_id);
        Ok(())
    })?;
    record.has_measurements = run_table::holds(folder, "measurements");
    if record.has_measurements {
        run_table::read(folder, "measurements", &measurement_schema(), &MEASUREMENT_COLUMNS, |batch| {
            record.add_measurements(batch, patient_id);
            Ok(())
        })?;
    }
    record.has_facts = run_table::holds(folder, "facts");
    if record.has_facts {
        run_table::read(folder, "facts", &mentions::schema(), &MENTION_COLUMNS, |batch| {
            record.add_facts(batch, patient_id);
            Ok(())
        })?;
    }
    Ok(record)
}

/// The description of the run, as it stands.
pub(super) fn run_json(folder: &Path) -> Result<Value> {
    let path = folder.join(RUN_FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| Error::io("reading", &path, error))?;
    serde_json::from_str(&text)
        .map_err(|error| Error::input(&path, format!("line {}: expected the description of a run", error.line())))
}

fn lines_of(path: &Path) -> Result<Option<u64>> {
    if !path.exists() {
        return Ok(None);
    }
    let file = File::open(path).map_err(|error| Error::io("opening", path, error))?;
    let mut n_lines = 0;
    for line in BufReader::new(file).split(b'\n') {
        line.map_err(|error| Error::io("reading", path, error))?;
        n_lines += 1;
    }
    Ok(Some(n_lines))
}

/// Who a row is about: a patient, or, where none is known, the note.
fn who(patient: Texts<'_>, note: Texts<'_>, row: usize) -> u64 {
    match patient.get(row) {
        Some(patient) => xxh3_64(patient.as_bytes()),
        None => !xxh3_64(note.or_empty(row).as_bytes()),
    }
}

fn add_notes(batch: &RecordBatch, tally: &mut NotesTally) {
    let text = |name| Texts::of(batch, name);
    let (id, patient, kind, status, reason) =
        (text("note_id"), text("patient_id"), text("note_type"), text("status"), text("reason"));
    let input = text("input");
    let number = |name| Numbers::of(batch, name);
    let (times, characters, mentions) = (number("note_time"), number("characters"), number("mentions"));
    let (record, line) = (number("record"), number("line"));
    for row in 0..batch.num_rows() {
        let month = times.time(row).and_then(time::month);
        tally.add(&NoteRow {
            note_type: kind.get(row),
            month: month.as_deref(),
            status: status.or_empty(row),
            reason: reason.get(row),
            characters: characters.count(row).unwrap_or_default(),
            mentions: mentions.count(row).unwrap_or_default(),
            who: who(patient, id, row),
            input: input.or_empty(row),
            record: record.count(row).unwrap_or_default(),
            line: line.count(row),
        });
    }
}

fn add_mentions(batch: &RecordBatch, tally: &mut MentionsTally) {
    let text = |name| Texts::of(batch, name);
    let (id, patient, kind, rule) = (text("note_id"), text("patient_id"), text("type"), text("rule"));
    let (presence, temporality, experiencer) = (text("presence"), text("temporality"), text("experiencer"));
    let (hash, concept, name, code) = (text("segment_hash"), text("concept_id"), text("concept_name"), text("icd10cm"));
    for row in 0..batch.num_rows() {
        tally.add(&MentionRow {
            note_id: id.or_empty(row),
            who: who(patient, id, row),
            kind: kind.or_empty(row),
            state: State::of(presence.or_empty(row), temporality.or_empty(row), experiencer.or_empty(row)),
            rule: rule.get(row),
            segment_hash: hash.or_empty(row),
            concept_id: concept.get(row),
            concept_name: name.get(row),
            icd10cm: code.get(row),
        });
    }
}

fn add_measurements(batch: &RecordBatch, tally: &mut MeasurementsTally) {
    let text = |name| Texts::of(batch, name);
    let (id, patient, name, unit) = (text("note_id"), text("patient_id"), text("name"), text("unit"));
    let (values, plausible) = (Numbers::of(batch, "value"), Flags::of(batch, "plausible"));
    let current = is_current(batch);
    for row in 0..batch.num_rows() {
        tally.add(&MeasurementRow {
            who: who(patient, id, row),
            name: name.or_empty(row),
            unit: unit.get(row),
            value: values.real(row),
            is_plausible: plausible.get(row).unwrap_or(true),
            is_current: current(row),
        });
    }
}

/// Whether a row is of the patient, stated, and in this episode.
pub(super) fn is_current(batch: &RecordBatch) -> impl Fn(usize) -> bool + use<'_> {
    let text = |name| Texts::of(batch, name);
    let (presence, temporality, experiencer) = (text("presence"), text("temporality"), text("experiencer"));
    move |row| State::of(presence.or_empty(row), temporality.or_empty(row), experiencer.or_empty(row)) == State::Present
}
