//! The SQL of a load. A batch of notes stands in temporary tables `batch_...`; what is no column of OMOP is quoted or checked.

use super::columns::{MEASUREMENT, NOTE, NOTE_NLP, OmopTable};
use super::database::OtherText;
use super::rows::NLP_CONCEPT;
use super::{OmopOptions, OmopTableName};

/// Why a note is not loaded, as the database has it.
const OTHER_PERSON: &str = "other_person_in_database";
const OTHER_TEXT: &str = "other_text_in_database";
const NO_NOTE: &str = "not_in_database";

/// The SQL of a load.
pub(super) struct Statements {
    /// Temporary tables of the connection.
    pub prepare: String,
    /// Keeps others from giving the same numbers at the same time.
    pub lock: String,
    pub copies: [String; 3],
    /// Takes notes out of the batch, and gives their numbers.
    pub refuse: Vec<(String, &'static str)>,
    pub replace_notes: Option<String>,
    pub add_notes: Option<String>,
    pub terms: Option<TermStatements>,
}

/// The SQL for what was found in the notes.
pub(super) struct TermStatements {
    /// Takes what belongs to refused notes out of the batch, and finds the notes whose rows are not as the database has them.
    pub find_changed: String,
    pub remove_measurements: Option<String>,
    pub remove_terms: String,
    pub add_measurements: Option<String>,
    pub add_terms: String,
}

impl Statements {
    pub fn new(schema: &str, options: &OmopOptions, other_text: OtherText, event_field: i32) -> Statements {
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
        let sql = TermSql {
            schema,
            // The name holds no blank, and its length was checked; quotes are doubled.
            owner: format!("starts_with(term.nlp_system, '{} ')", options.system.replace('\'', "''")),
            event: format!(
                // An earlier mapping may have had no concept for the field.
                "value.measurement_event_id = term.note_nlp_id AND value.meas_event_field_concept_id IN (0, {event_field}) AND \
                 value.measurement_type_concept_id = {NLP_CONCEPT} AND value.person_id = note.person_id"
            ),
            has_measurements: options.tables.contains(&OmopTableName::Measurement),
        };
        TermStatements {
            find_changed: sql.find_changed(),
            remove_measurements: sql.has_measurements.then(|| sql.remove_measurements()),
            remove_terms: sql.remove_terms(),
            add_measurements: sql.has_measurements.then(|| sql.add_measurements()),
            add_terms: sql.add_terms(),
        }
    }
}

/// Condition on `note_id`.
const IS_CHANGED: &str = "IN (SELECT note_id FROM batch_changed)";

/// The parts of SQL that the statements have in common.
struct TermSql<'a> {
    schema: &'a str,
    /// Whether a term is the system's.
    owner: String,
    /// Whether a value's event is a term. The person is named for the sake of its index.
    event: String,
    has_measurements: bool,
}

impl TermSql<'_> {
    fn find_changed(&self) -> String {
        let TermSql { schema, owner, event, .. } = self;
        let terms = names(&NOTE_NLP, "note_nlp_id");
        let there = format!("{schema}.note_nlp AS term JOIN batch_note AS note USING (note_id)");
        let mut statements =
            vec!["DELETE FROM batch_note_nlp WHERE note_id NOT IN (SELECT note_id FROM batch_note)".to_owned()];
        let mut different = vec![differences(
            &format!("SELECT {terms} FROM {there} WHERE {owner}"),
            &format!("SELECT {terms} FROM batch_note_nlp"),
        )];
        if self.has_measurements {
            let values = names_without(&MEASUREMENT, &["measurement_id", "measurement_event_id"], "value.");
            statements.push(
                "DELETE FROM batch_measurement WHERE measurement_event_id NOT IN (SELECT note_nlp_id FROM batch_note_nlp)"
                    .to_owned(),
            );
            different.push(differences(
                &format!(
                    "SELECT note_id, term.\"offset\", {values} FROM {there} JOIN {schema}.measurement AS value ON {event} \
                     WHERE {owner}"
                ),
                &format!(
                    "SELECT term.note_id, term.\"offset\", {values} FROM batch_measurement AS value JOIN batch_note_nlp AS \
                     term ON value.measurement_event_id = term.note_nlp_id"
                ),
            ));
        }
        let different = different.join(" UNION ALL ");
        statements.push(format!("INSERT INTO batch_changed SELECT DISTINCT note_id FROM ({different}) AS different"));
        statements.join("; ")
    }

    fn remove_measurements(&self) -> String {
        let TermSql { schema, owner, event, .. } = self;
        format!(
            "DELETE FROM {schema}.measurement AS value USING {schema}.note_nlp AS term JOIN batch_note AS note USING (note_id) \
             WHERE term.note_id {IS_CHANGED} AND {owner} AND {event}"
        )
    }

    fn remove_terms(&self) -> String {
        format!("DELETE FROM {}.note_nlp AS term WHERE term.note_id {IS_CHANGED} AND {}", self.schema, self.owner)
    }

    fn add_measurements(&self) -> String {
        let rows = format!(
            "batch_measurement AS added JOIN batch_note_nlp AS term ON added.measurement_event_id = term.note_nlp_id WHERE \
             term.note_id {IS_CHANGED}"
        );
        // The events are counted from the same number as the terms, which are added afterwards.
        let event = format!("{} + added.\"measurement_event_id\"", self.greatest("note_nlp", "note_nlp_id"));
        self.add(&MEASUREMENT, "measurement_id", &rows).replace("added.\"measurement_event_id\"", &event)
    }

    fn add_terms(&self) -> String {
        self.add(&NOTE_NLP, "note_nlp_id", &format!("batch_note_nlp AS added WHERE added.note_id {IS_CHANGED}"))
    }

    /// Adds rows, numbered on from the greatest number that is there.
    fn add(&self, table: &OmopTable, id: &str, rows: &str) -> String {
        let (schema, name) = (self.schema, table.name);
        let (columns, values) = (names(table, id), names_without(table, &[id], "added."));
        let first = self.greatest(name, id);
        format!("INSERT INTO {schema}.{name} ({id}, {columns}) SELECT {first} + added.{id}, {values} FROM {rows}")
    }

    fn greatest(&self, table: &str, column: &str) -> String {
        format!("(SELECT COALESCE(max({column}), 0) FROM {}.{table})", self.schema)
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
