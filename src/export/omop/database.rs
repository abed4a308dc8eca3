//! The database that rows go to: what is asked of it before anything is loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use postgres::Client;
use postgres::types::ToSql;

use super::OmopTableName;
use super::columns::{Column, Kind, MEASUREMENT, NOTE, NOTE_NLP, OmopTable};
use crate::Result;
use crate::database::{DatabaseUrl, May, shown};

/// What identifies a person and a visit of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonKey {
    /// The run's identifiers are `person_id` and `visit_occurrence_id`.
    #[default]
    Id,
    /// They are `person_source_value` and `visit_source_value`.
    SourceValue,
}

/// What is done with a note that the database holds with another text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherText {
    /// It is left as it is, and nothing is loaded for it.
    #[default]
    Refuse,
    /// It is replaced.
    Replace,
}

/// A database that rows go to. `Debug` shows no password.
#[derive(Clone)]
pub struct OmopDatabase {
    /// Its URL.
    pub url: String,
    /// The schema that holds the tables.
    pub schema: String,
    /// The schema that holds CONCEPT, where it is another one.
    pub vocabulary_schema: Option<String>,
    /// What the run's patients and encounters are.
    pub person_key: PersonKey,
    /// What is done with a note that has another text there.
    pub other_text: OtherText,
}

impl fmt::Debug for OmopDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl OmopDatabase {
    /// The tables of a schema.
    pub fn new(url: impl Into<String>, schema: impl Into<String>) -> OmopDatabase {
        OmopDatabase {
            url: url.into(),
            schema: schema.into(),
            vocabulary_schema: None,
            person_key: PersonKey::Id,
            other_text: OtherText::Refuse,
        }
    }

    /// Where it is, without a password.
    pub(super) fn shown(&self) -> String {
        format!("{} schema {}", shown(&self.url), self.schema)
    }
}

/// A connection to the database, whose tables are as they must be.
pub(super) struct Target {
    pub url: DatabaseUrl,
    pub client: Client,
    /// The schema of the tables, quoted.
    pub schema: String,
    /// The schema of CONCEPT, quoted.
    vocabulary: String,
    pub person_key: PersonKey,
}

/// Columns that are read to find persons and visits.
const PERSON: OmopTable = OmopTable {
    name: "person",
    columns: &[
        Column { name: "person_id", kind: Kind::Integer, is_required: true },
        Column { name: "person_source_value", kind: Kind::Text(50), is_required: false },
    ],
};
const VISIT: OmopTable = OmopTable {
    name: "visit_occurrence",
    columns: &[
        Column { name: "visit_occurrence_id", kind: Kind::Integer, is_required: true },
        Column { name: "visit_source_value", kind: Kind::Text(50), is_required: false },
    ],
};
const CONCEPT: OmopTable =
    OmopTable { name: "concept", columns: &[Column { name: "concept_id", kind: Kind::Integer, is_required: true }] };

impl Target {
    /// Connects, and checks tables, columns and concepts.
    ///
    /// # Errors
    /// The database cannot be reached, or something that is needed is missing: its name.
    pub fn open(database: &OmopDatabase, tables: &[OmopTableName], concepts: &BTreeSet<i32>) -> Result<Target> {
        let url = DatabaseUrl::parse(&database.url)?;
        let mut client = url.connect()?;
        let zone = client.batch_execute("SET TimeZone TO 'UTC'");
        zone.map_err(|error| url.error("setting the time zone", &error, May::NameObjects))?;
        let vocabulary = database.vocabulary_schema.as_deref().unwrap_or(&database.schema);
        let filled = [
            (OmopTableName::Note, &NOTE),
            (OmopTableName::NoteNlp, &NOTE_NLP),
            (OmopTableName::Measurement, &MEASUREMENT),
        ];
        // Texts are compared with NOTE also where it is not filled.
        let filled = filled.into_iter().filter(|(name, _)| *name == OmopTableName::Note || tables.contains(name));
        let needed: Vec<&OmopTable> = filled.map(|(_, table)| table).chain([&PERSON, &VISIT]).collect();
        check_tables(&url, &mut client, &database.schema, &needed)?;
        check_tables(&url, &mut client, vocabulary, &[&CONCEPT])?;
        let vocabulary = quoted(vocabulary);
        let mut target =
            Target { url, client, schema: quoted(&database.schema), vocabulary, person_key: database.person_key };
        target.check_concepts(concepts)?;
        Ok(target)
    }

    /// The greatest number of a column.
    pub fn greatest(&mut self, table: &str, column: &str) -> Result<i64> {
        let query = format!("SELECT COALESCE(max({column}), 0)::bigint FROM {}.{table}", self.schema);
        let row =
            self.client.query_one(&query, &[]).map_err(|error| self.url.error(table, &error, May::NameObjects))?;
        row.try_get(0).map_err(|error| self.url.error(table, &error, May::NameObjects))
    }

    /// The persons of identifiers: `None` where several have the same.
    pub fn persons(&mut self, ids: &[&str], numbers: &[i32]) -> Result<BTreeMap<String, Option<i32>>> {
        self.keyed("person", "person_id", "person_source_value", ids, numbers)
    }

    /// The visits of identifiers.
    pub fn visits(&mut self, ids: &[&str], numbers: &[i32]) -> Result<BTreeMap<String, Option<i32>>> {
        self.keyed("visit_occurrence", "visit_occurrence_id", "visit_source_value", ids, numbers)
    }

    /// Rows of a table by their source values, or by their numbers.
    fn keyed(
        &mut self,
        table: &str,
        id: &str,
        source: &str,
        ids: &[&str],
        numbers: &[i32],
    ) -> Result<BTreeMap<String, Option<i32>>> {
        let (key, wanted): (String, &(dyn ToSql + Sync)) = match self.person_key {
            PersonKey::Id => (format!("{id} = ANY($1::int4[])"), &numbers),
            PersonKey::SourceValue => (format!("{source} = ANY($1::text[])"), &ids),
        };
        let shown = if self.person_key == PersonKey::Id { id } else { source };
        let query = format!(
            "SELECT {shown}::text, min({id})::bigint, count(*) FROM {}.{table} WHERE {key} GROUP BY {shown}",
            self.schema
        );
        let failed = |error| self.url.error(table, &error, May::NameObjects);
        let rows = self.client.query(&query, &[wanted]).map_err(failed)?;
        let mut found = BTreeMap::new();
        for row in rows {
            let (name, number): (String, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
            let is_one = row.try_get::<_, i64>(2).map_err(failed)? == 1;
            found.insert(name, i32::try_from(number).ok().filter(|_| is_one));
        }
        Ok(found)
    }

    /// Refuses concepts that the vocabulary does not hold.
    fn check_concepts(&mut self, concepts: &BTreeSet<i32>) -> Result<()> {
        let concepts: Vec<i32> = concepts.iter().copied().collect();
        let query = format!(
            "SELECT wanted FROM unnest($1::int4[]) AS wanted WHERE NOT EXISTS (SELECT FROM {}.concept WHERE concept_id = \
             wanted) ORDER BY wanted LIMIT 6",
            self.vocabulary
        );
        let rows = self.client.query(&query, &[&concepts]);
        let rows = rows.map_err(|error| self.url.error("reading concept", &error, May::NameObjects))?;
        let missing: Vec<String> =
            rows.iter().filter_map(|row| row.try_get::<_, i32>(0).ok()).map(|id| id.to_string()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let problem = format!(
            "{}.concept lacks concepts that are to be written: {}{}; load the vocabulary, or correct --concepts, \
             --note-type-concept or --language-concept",
            self.vocabulary,
            missing.join(", "),
            if missing.len() > 5 { " and others" } else { "" }
        );
        Err(self.url.problem(problem))
    }
}

/// Refuses a missing schema, table or column, or one of another type, by name.
fn check_tables(url: &DatabaseUrl, client: &mut Client, schema: &str, needed: &[&OmopTable]) -> Result<()> {
    let names: Vec<&str> = needed.iter().map(|table| table.name).collect();
    let query = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL) FROM pg_class c \
                 JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
                 WHERE n.nspname::text = $1 AND c.relname::text = ANY($2) AND a.attnum > 0 AND NOT a.attisdropped";
    let failed = |error| url.error("reading the tables' columns", &error, May::NameObjects);
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    for row in client.query(query, &[&schema, &names]).map_err(failed)? {
        let cell = |column: usize| row.try_get::<_, String>(column).map_err(failed);
        found.insert((cell(0)?, cell(1)?), cell(2)?);
    }
    for table in needed {
        let name = format!("{schema}.{}", table.name);
        if !found.keys().any(|(found, _)| found == table.name) {
            let problem = format!(
                "holds no table {name}; make the tables of OMOP CDM 5.4 first, or name their schema with --schema"
            );
            return Err(url.problem(problem));
        }
        for column in table.columns {
            let kind = found.get(&(table.name.to_owned(), column.name.to_owned()));
            let kind = kind.ok_or_else(|| url.problem(format!("table {name} has no column {}", column.name)))?;
            if !types(column.kind).contains(&kind.as_str()) {
                let expected = types(column.kind).join(" or ");
                let problem = format!("column {} of table {name} is {kind}; expected {expected}", column.name);
                return Err(url.problem(problem));
            }
        }
    }
    Ok(())
}

/// The types that a column may have.
fn types(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Integer => &["integer", "bigint"],
        Kind::Date => &["date"],
        Kind::Datetime => &["timestamp without time zone", "timestamp with time zone"],
        Kind::Float => &["numeric", "double precision", "real"],
        Kind::Text(_) | Kind::LongText => &["text", "character varying", "character"],
    }
}

/// A name as SQL wants it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
