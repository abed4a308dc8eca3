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

use super::columns::{MEASUREMENT, NOTE, NOTE_NLP, OmopTable};
use super::database::{OmopDatabase, OtherText, PersonKey, Target};
use super::ids::{IdKind, Ids};
use super::rows::{NLP_CONCEPT, NoteKeys, RowMaker};
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
const OTHER_PERSON: &str = "other_person_in_database";
const OTHER_TEXT: &str = "other_text_in_database";
const NO_NOTE: &str = "not_in_database";

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

/// The SQL of a load.
struct Statements {
    /// Temporary tables of the connection.
    prepare: String,
    /// Keeps others from giving the same numbers at the same time.
    lock: String,
    copies: [String; 3],
    /// Takes notes out of the batch, and gives their numbers.
    refuse: Vec<(String, &'static str)>,
    replace_notes: Option<String>,
    add_notes: Option<String>,
    terms: Option<TermStatements>,
}

/// The SQL for what was found in the notes.
struct TermStatements {
    /// Takes what belongs to refused notes out of the batch, and finds the notes whose rows are not as the database has them.
    find_changed: String,
    remove_measurements: Option<String>,
    remove_terms: String,
    add_measurements: Option<String>,
    add_terms: String,
}

impl Statements {
    fn new(schema: &str, options: &OmopOptions, other_text: OtherText, event_field: i32) -> Statements {
        let has = |table| options.tables.contains(&table);
        let tables = [
            (OmopTableName::Note, &NOTE),
            (OmopTableName::NoteNlp, &NOTE_NLP),
            (OmopTableName::Measurement, &MEASUREMENT),
        ];
        let filled = tables.into_iter().filter(|(name, _)| has(*name)).map(|(_, table)| table);
        let filled: Vec<&OmopTable> = filled.collect();
        // Texts are compared also where notes are not filled.
        let made =
            tables.into_iter().filter(|(name, _)| has(*name) || *name == OmopTableName::Note).map(|(_, table)| table);
        let prepare = made.map(|table| {
            format!(
                "CREATE TEMPORARY TABLE batch_{0} ON COMMIT DELETE ROWS AS SELECT {1} FROM {schema}.{0} WITH NO DATA;",
                table.name,
                names(table, "")
            )
        });
        let changed = "CREATE TEMPORARY TABLE batch_changed (note_id bigint) ON COMMIT DELETE ROWS".to_owned();
        let prepare = prepare.chain([changed]).collect::<Vec<_>>().join(" ");
        let locked: Vec<String> = filled.iter().map(|table| format!("{schema}.{}", table.name)).collect();
        let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", locked.join(", "));
        let copies = [&NOTE, &NOTE_NLP, &MEASUREMENT]
            .map(|table| format!("COPY batch_{} ({}) FROM STDIN", table.name, names(table, "")));
        let loads_notes = has(OmopTableName::Note);
        let replaces = loads_notes && other_text == OtherText::Replace;
        let same = "there.note_id = batch.note_id";
        let other_text = format!("{same} AND there.note_text <> batch.note_text");
        let mut refuse = vec![(format!("{same} AND there.person_id <> batch.person_id"), OTHER_PERSON)];
        if !replaces {
            refuse.push((other_text.clone(), OTHER_TEXT));
        }
        let mut refuse: Vec<_> = refuse
            .into_iter()
            .map(|(differs, reason)| {
                let rows = format!("batch_note AS batch USING {schema}.note AS there WHERE {differs}");
                (format!("DELETE FROM {rows} RETURNING batch.note_id::bigint"), reason)
            })
            .collect();
        let missing = format!("NOT EXISTS (SELECT FROM {schema}.note AS there WHERE there.note_id = batch.note_id)");
        if !loads_notes {
            let statement = format!("DELETE FROM batch_note AS batch WHERE {missing} RETURNING batch.note_id::bigint");
            refuse.push((statement, NO_NOTE));
        }
        let note = names(&NOTE, "");
        Statements {
            prepare,
            lock,
            copies,
            refuse,
            replace_notes: replaces
                .then(|| format!("DELETE FROM {schema}.note AS there USING batch_note AS batch WHERE {other_text}")),
            add_notes: loads_notes.then(|| {
                format!("INSERT INTO {schema}.note ({note}) SELECT {note} FROM batch_note AS batch WHERE {missing}")
            }),
            terms: has(OmopTableName::NoteNlp).then(|| TermStatements::new(schema, options, event_field)),
        }
    }
}

impl TermStatements {
    fn new(schema: &str, options: &OmopOptions, event_field: i32) -> TermStatements {
        let has_measurements = options.tables.contains(&OmopTableName::Measurement);
        // The name holds no blank, and the settings have checked its length; quotes are doubled.
        let owner = format!("starts_with(term.nlp_system, '{} ')", options.system.replace('\'', "''"));
        let event = format!(
            "value.measurement_event_id = term.note_nlp_id AND value.meas_event_field_concept_id = {event_field} AND \
             value.measurement_type_concept_id = {NLP_CONCEPT} AND value.person_id = note.person_id"
        );
        let terms = names(&NOTE_NLP, "note_nlp_id");
        let values = names_without(&MEASUREMENT, &["measurement_id", "measurement_event_id"], "value.");
        let there = format!("{schema}.note_nlp AS term JOIN batch_note AS note USING (note_id)");
        let mut differences = vec![differences(
            &format!("SELECT {terms} FROM {there} WHERE {owner}"),
            &format!("SELECT {terms} FROM batch_note_nlp"),
        )];
        if has_measurements {
            let of_batch = format!(
                "SELECT term.note_id, term.\"offset\", {values} FROM batch_measurement AS value JOIN batch_note_nlp AS term ON \
                 value.measurement_event_id = term.note_nlp_id"
            );
            let of_there = format!(
                "SELECT note_id, term.\"offset\", {values} FROM {there} JOIN {schema}.measurement AS value ON {event} WHERE {owner}"
            );
            differences.push(self::differences(&of_there, &of_batch));
        }
        let drop_refused = "DELETE FROM batch_note_nlp WHERE note_id NOT IN (SELECT note_id FROM batch_note)";
        let drop_values = "; DELETE FROM batch_measurement WHERE measurement_event_id NOT IN (SELECT note_nlp_id FROM batch_note_nlp)";
        let find_changed = format!(
            "{drop_refused}{}; INSERT INTO batch_changed SELECT DISTINCT note_id FROM ({}) AS different",
            if has_measurements { drop_values } else { "" },
            differences.join(" UNION ALL ")
        );
        let is_changed = "IN (SELECT note_id FROM batch_changed)";
        let from = |table: &str, column: &str| format!("(SELECT COALESCE(max({column}), 0) FROM {schema}.{table})");
        let insert = |table: &OmopTable, id: &str, rest: &str, from_rows: String| {
            format!(
                "INSERT INTO {schema}.{0} ({id}, {1}) SELECT {2} + added.{id}, {rest} FROM {from_rows}",
                table.name,
                names(table, id),
                from(table.name, id)
            )
        };
        let event_number = format!("{} + added.measurement_event_id", from("note_nlp", "note_nlp_id"));
        let measured = names(&MEASUREMENT, "measurement_id");
        let measured: Vec<String> = measured
            .split(", ")
            .map(|name| if name == "\"measurement_event_id\"" { event_number.clone() } else { format!("added.{name}") })
            .collect();
        let found: Vec<String> = terms.split(", ").map(|name| format!("added.{name}")).collect();
        TermStatements {
            find_changed,
            remove_measurements: has_measurements.then(|| {
                format!(
                    "DELETE FROM {schema}.measurement AS value USING {schema}.note_nlp AS term JOIN batch_note AS note USING \
                     (note_id) WHERE term.note_id {is_changed} AND {owner} AND {event}"
                )
            }),
            remove_terms: format!("DELETE FROM {schema}.note_nlp AS term WHERE term.note_id {is_changed} AND {owner}"),
            add_measurements: has_measurements.then(|| {
                let rows = format!(
                    "batch_measurement AS added JOIN batch_note_nlp AS term ON added.measurement_event_id = term.note_nlp_id WHERE \
                     term.note_id {is_changed}"
                );
                insert(&MEASUREMENT, "measurement_id", &measured.join(", "), rows)
            }),
            add_terms: insert(
                &NOTE_NLP,
                "note_nlp_id",
                &found.join(", "),
                format!("batch_note_nlp AS added WHERE added.note_id {is_changed}"),
            ),
        }
    }
}

/// The notes of rows that one of two queries gives and the other does not, or not as often.
fn differences(left: &str, right: &str) -> String {
    format!(
        "SELECT note_id FROM (({left}) EXCEPT ALL ({right})) AS gone UNION ALL SELECT note_id FROM (({right}) EXCEPT ALL \
         ({left})) AS come"
    )
}

/// The columns of a table but one, quoted, since `offset` is a word of SQL.
fn names(table: &OmopTable, without: &str) -> String {
    names_without(table, &[without], "")
}

fn names_without(table: &OmopTable, without: &[&str], prefix: &str) -> String {
    let columns = table.columns.iter().filter(|column| !without.contains(&column.name));
    columns.map(|column| format!("{prefix}\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}
