//! The tables in PostgreSQL: batches of notes, each loaded in one transaction, so that a load that was broken off can be run
//! again, and a second load of the same run changes nothing.
//!
//! A batch goes into temporary tables by COPY and is compared with what the database holds. The rows of a note belong to
//! this program where `nlp_system` begins with its name, and measurements where their event is such a row. Rows that are
//! equal but for their number stay; where a note's rows differ in anything, all of them are replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use postgres::Transaction;

use super::database::{OmopDatabase, PersonKey, Target};
use super::ids::{IdKind, Ids};
use super::rows::{NoteKeys, RowMaker};
use super::statements::Statements;
use super::{NO_PATIENT, NO_TIME, OmopOptions, OmopTableName, hold};
use crate::database::{DatabaseUrl, May};
use crate::export::{Exporting, Written};
use crate::past_run::{NoteRowStream, NoteRows, NoteTexts};
use crate::{Error, Result};

/// Notes of a transaction, bytes of their texts, and rows.
const BATCH_NOTES: usize = 1000;
const BATCH_BYTES: usize = 8 << 20;
const BATCH_ROWS: usize = 20_000;

/// Why a note is not loaded.
const NO_PERSON: &str = "no_such_person";
const SEVERAL_PERSONS: &str = "several_such_persons";

/// What came of the rows, by the keys of `export.json`.
#[derive(Clone, Copy, Debug, Default)]
struct Loaded {
    notes_added: u64,
    notes_replaced: u64,
    terms_added: u64,
    terms_removed: u64,
    measurements_added: u64,
    measurements_removed: u64,
    unknown_visits: u64,
}

/// A note that waits to be loaded.
struct Waiting {
    rows: NoteRows,
    text: String,
    note: i32,
    time: i64,
}

/// Loads a run.
pub(super) fn load(
    exporting: &mut Exporting<'_>,
    options: &OmopOptions,
    database: &OmopDatabase,
    concepts: &BTreeSet<i32>,
    maker: &mut RowMaker<'_>,
) -> Result<(Written, Ids)> {
    let mut target = Target::open(database, &options.tables, concepts)?;
    let mut ids = number_notes(exporting, options, &mut target)?;
    let statements = Statements::new(&target.schema, options, database.other_text, maker.event_field());
    let failed = |error| target.url.error("making temporary tables", &error, May::NameObjects);
    target.client.batch_execute(&statements.prepare).map_err(failed)?;
    let mut loader = Loader { options, statements: &statements, target: &mut target, loaded: Loaded::default() };
    let mut texts = NoteTexts::open(exporting.run, &exporting.options.notes)?;
    let mut stream = NoteRowStream::open(exporting.run)?;
    let mut batch: Vec<Waiting> = Vec::new();
    let (mut n_bytes, mut n_rows) = (0, 0);
    while let Some(rows) = stream.next()? {
        if exporting.ledger.lose_without_text(&rows) {
            continue;
        }
        let note = ids.of(IdKind::Note, rows.id())?;
        if rows.note.text("patient_id").is_none() {
            exporting.ledger.lose_note(&rows, NO_PATIENT)?;
            continue;
        }
        let Some(time) = rows.note.time("note_time") else {
            exporting.ledger.lose_note(&rows, NO_TIME)?;
            continue;
        };
        let text = texts.note(&rows.note)?.text;
        n_bytes += text.len();
        n_rows += rows.mentions.len() + rows.facts.len() + rows.measurements.len();
        batch.push(Waiting { rows, text, note, time });
        if batch.len() >= BATCH_NOTES || n_bytes >= BATCH_BYTES || n_rows >= BATCH_ROWS {
            (n_bytes, n_rows) = (0, 0);
            loader.load(std::mem::take(&mut batch), &ids, maker, exporting)?;
        }
    }
    loader.load(batch, &ids, maker, exporting)?;
    let written = loader.loaded.written();
    Ok((written, ids))
}

/// Numbers for notes whose identifiers are no integers. Where there are such, a file must keep them: a second load could
/// not know them again.
fn number_notes(exporting: &Exporting<'_>, options: &OmopOptions, target: &mut Target) -> Result<Ids> {
    let greatest = target.greatest("note", "note_id")?;
    let floor = i32::try_from(greatest).map_err(|_| target.url.problem("note_id is beyond OMOP's integers"))?;
    let beside = exporting.folder.join("ids.csv");
    let written = options.ids.as_deref().unwrap_or(&beside);
    let ids = Ids::assign(exporting.run, &[IdKind::Note], options.ids.as_deref(), written, floor)?;
    let n_added: u64 = ids.counts().iter().map(|(_, counts)| counts.added).sum();
    if options.ids.is_none() && n_added > 0 {
        let problem = format!(
            "{n_added} note_ids are no integers up to {}; name a file that keeps their numbers for the next load with --ids FILE",
            i32::MAX
        );
        return Err(Error::input(exporting.run.folder(), problem));
    }
    Ok(ids)
}

impl Loaded {
    fn written(self) -> Written {
        Written::from([
            ("note_added", self.notes_added),
            ("note_replaced", self.notes_replaced),
            ("note_nlp_added", self.terms_added),
            ("note_nlp_removed", self.terms_removed),
            ("measurement_added", self.measurements_added),
            ("measurement_removed", self.measurements_removed),
            ("notes_without_their_visit", self.unknown_visits),
        ])
    }
}

/// Loads batches.
struct Loader<'a> {
    options: &'a OmopOptions,
    statements: &'a Statements,
    target: &'a mut Target,
    loaded: Loaded,
}

impl Loader<'_> {
    /// Loads a batch in one transaction, and counts its notes.
    fn load(
        &mut self,
        batch: Vec<Waiting>,
        ids: &Ids,
        maker: &mut RowMaker<'_>,
        exporting: &mut Exporting<'_>,
    ) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        maker.restart();
        let keys = self.keys(&batch, ids)?;
        for (waiting, keys) in batch.iter().zip(&keys) {
            if let Ok(keys) = keys {
                maker.push_note(&waiting.rows, keys, &waiting.text);
                if self.options.tables.contains(&OmopTableName::NoteNlp) {
                    maker.push_terms(&waiting.rows, keys, Some(&waiting.text))?;
                }
            }
        }
        let rows = [maker.note.take()?, maker.note_nlp.take()?, maker.measurement.take()?];
        let refused = self.transact(&rows)?;
        for (waiting, keys) in batch.iter().zip(keys) {
            match keys.and_then(|keys| refused.get(&keys.note).map_or(Ok(()), |reason| Err(*reason))) {
                Ok(()) => hold(&mut exporting.ledger, &waiting.rows, self.options),
                Err(reason) => exporting.ledger.lose_note(&waiting.rows, reason)?,
            }
        }
        Ok(())
    }

    /// The integers of each note, or why it has none.
    fn keys(&mut self, batch: &[Waiting], ids: &Ids) -> Result<Vec<Result<NoteKeys, &'static str>>> {
        let patients: Vec<&str> = batch.iter().filter_map(|waiting| waiting.rows.note.text("patient_id")).collect();
        let encounters: Vec<&str> = batch.iter().filter_map(|waiting| waiting.rows.note.text("encounter_id")).collect();
        let numbers =
            |kind, names: &[&str]| -> Vec<i32> { names.iter().filter_map(|id| ids.known(kind, id)).collect() };
        let persons = self.target.persons(&patients, &numbers(IdKind::Person, &patients))?;
        let visits = self.target.visits(&encounters, &numbers(IdKind::Visit, &encounters))?;
        let name = |kind, id: &str| match self.target.person_key {
            PersonKey::SourceValue => Some(id.to_owned()),
            PersonKey::Id => ids.known(kind, id).map(|number| number.to_string()),
        };
        let mut keys = Vec::with_capacity(batch.len());
        for waiting in batch {
            let patient = waiting.rows.note.text("patient_id").unwrap_or_default();
            let person = name(IdKind::Person, patient).and_then(|name| persons.get(&name));
            let encounter = waiting.rows.note.text("encounter_id");
            let visit = encounter.and_then(|id| visits.get(&name(IdKind::Visit, id)?).copied().flatten());
            self.loaded.unknown_visits += u64::from(encounter.is_some() && visit.is_none());
            let person = person.copied().ok_or(NO_PERSON).and_then(|person| person.ok_or(SEVERAL_PERSONS));
            keys.push(person.map(|person| NoteKeys { note: waiting.note, person, visit, time: waiting.time }));
        }
        Ok(keys)
    }

    /// Loads the rows of a batch; gives the notes that are not loaded.
    fn transact(&mut self, rows: &[RecordBatch; 3]) -> Result<BTreeMap<i32, &'static str>> {
        let (url, statements) = (&self.target.url, self.statements);
        let failed = |error| url.error("loading a batch of notes", &error, May::NameObjects);
        let mut transaction = self.target.client.transaction().map_err(failed)?;
        transaction.batch_execute(&statements.lock).map_err(failed)?;
        for (copy, rows) in statements.copies.iter().zip(rows) {
            copy_in(url, &mut transaction, copy, rows)?;
        }
        let mut refused = BTreeMap::new();
        for (statement, reason) in &statements.refuse {
            for row in transaction.query(statement, &[]).map_err(failed)? {
                let note: i64 = row.try_get(0).map_err(failed)?;
                refused.extend(i32::try_from(note).ok().map(|note| (note, *reason)));
            }
        }
        let mut loaded = self.loaded;
        if let Some(statement) = &statements.replace_notes {
            loaded.notes_replaced += transaction.execute(statement, &[]).map_err(failed)?;
        }
        if let Some(statement) = &statements.add_notes {
            loaded.notes_added += transaction.execute(statement, &[]).map_err(failed)?;
        }
        if let Some(terms) = &statements.terms {
            transaction.batch_execute(&terms.find_changed).map_err(failed)?;
            let mut execute = |statement: &str| transaction.execute(statement, &[]).map_err(failed);
            if let Some(statement) = &terms.remove_measurements {
                loaded.measurements_removed += execute(statement)?;
            }
            loaded.terms_removed += execute(&terms.remove_terms)?;
            // The terms come last: their greatest number is what the events of the measurements are counted from.
            if let Some(statement) = &terms.add_measurements {
                loaded.measurements_added += execute(statement)?;
            }
            loaded.terms_added += execute(&terms.add_terms)?;
        }
        transaction.commit().map_err(failed)?;
        self.loaded = loaded;
        Ok(refused)
    }
}

/// Copies rows into a temporary table.
fn copy_in(url: &DatabaseUrl, transaction: &mut Transaction<'_>, statement: &str, rows: &RecordBatch) -> Result<()> {
    if rows.num_rows() == 0 {
        return Ok(());
    }
    let failed = |error: &postgres::Error| url.error("copying rows", error, May::NameObjects);
    let mut writer = transaction.copy_in(statement).map_err(|error| failed(&error))?;
    let bytes = copy_text(rows)?;
    writer.write_all(&bytes).map_err(|error| match error.get_ref().and_then(|cause| cause.downcast_ref()) {
        Some(cause) => failed(cause),
        None => url.problem(format!("copying rows: {}", error.kind())),
    })?;
    writer.finish().map_err(|error| failed(&error))?;
    Ok(())
}

/// Rows in the text form of COPY.
fn copy_text(rows: &RecordBatch) -> Result<Vec<u8>> {
    let options = FormatOptions::default();
    let columns = rows.columns().iter().map(|column| Ok((column, ArrayFormatter::try_new(column, &options)?)));
    let columns = columns.collect::<std::result::Result<Vec<_>, arrow_schema::ArrowError>>();
    let columns = columns.map_err(|error| Error::internal(format!("rows to copy: {error}")))?;
    let mut bytes = Vec::new();
    let mut cell = String::new();
    for row in 0..rows.num_rows() {
        for (index, (column, shown)) in columns.iter().enumerate() {
            if index > 0 {
                bytes.push(b'\t');
            }
            if column.is_null(row) {
                bytes.extend_from_slice(b"\\N");
                continue;
            }
            cell.clear();
            shown.value(row).write(&mut cell).map_err(|error| Error::internal(format!("rows to copy: {error}")))?;
            for byte in cell.bytes() {
                match byte {
                    b'\\' => bytes.extend_from_slice(b"\\\\"),
                    b'\n' => bytes.extend_from_slice(b"\\n"),
                    b'\r' => bytes.extend_from_slice(b"\\r"),
                    b'\t' => bytes.extend_from_slice(b"\\t"),
                    byte => bytes.push(byte),
                }
            }
        }
        bytes.push(b'\n');
    }
    Ok(bytes)
}
