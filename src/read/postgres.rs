//! PostgreSQL: the rows of a query, read through a cursor in a transaction that can write nothing.
//!
//! Every value is taken as the text that the server makes of it, so that integers, dates and text fit the fields as they
//! would from a CSV file. Times with a zone are told in UTC. The input is hashed as it is read: each value with its length.

use postgres::types::Type;
use postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::columns::{Field, Layout};
use super::source::Source;
use super::{Fields, RawText, ReadOptions, Row, missing_text};
use crate::Result;
use crate::database::{DatabaseQuery, May};
use crate::note::{Origin, TextEncoding};

/// Fetches a batch: few rows, since a batch of long notes is held in memory whole.
const FETCH: &str = "FETCH FORWARD 256 FROM noteward_notes";
/// One snapshot for the whole read; dates in ISO 8601 whatever the server prefers.
const BEGIN: &str = "SET DateStyle TO ISO; SET TimeZone TO 'UTC'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The rows of a query.
pub(super) struct QueryRows {
    database: DatabaseQuery,
    client: Client,
    layout: Layout,
    source: Source,
    /// Rows that were fetched.
    fetched: std::vec::IntoIter<SimpleQueryRow>,
    input: u32,
    record: u64,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    /// The query is known to be good, but was not asked.
    Prepared,
    Open,
    Done,
}

/// The columns of a query by name.
pub(super) fn header(database: &DatabaseQuery) -> Result<Vec<String>> {
    let (_, columns) = prepare(database)?;
    Ok(columns.into_iter().map(|(name, _)| name).collect())
}

/// The number of rows of a query.
pub(super) fn n_rows(database: &DatabaseQuery) -> Option<u64> {
    let mut client = database.url.connect().ok()?;
    client.batch_execute("BEGIN READ ONLY").ok()?;
    let counted = client.query_one(&format!("SELECT count(*) FROM ({}) AS notes", database.query), &[]).ok()?;
    counted.try_get::<_, i64>(0).ok()?.try_into().ok()
}

/// Connects, and asks for names and types of the query's columns.
fn prepare(database: &DatabaseQuery) -> Result<(Client, Vec<(String, Type)>)> {
    let mut client = database.url.connect()?;
    let prepared = client.batch_execute(BEGIN).and_then(|()| client.prepare(&database.query));
    let statement = prepared.map_err(|error| database.url.error("preparing the query", &error, May::NameValues))?;
    let columns = statement.columns().iter().map(|column| (column.name().to_owned(), column.type_().clone())).collect();
    Ok((client, columns))
}

impl QueryRows {
    /// Connects and prepares the query; it is asked with the first row.
    pub fn open(database: &DatabaseQuery, input: u32, source: &Source, options: &ReadOptions) -> Result<QueryRows> {
        let (client, columns) = prepare(database)?;
        let header: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let layout = options.columns.layout(&header).map_err(|problem| database.url.problem(problem))?;
        if layout.text.is_empty() {
            return Err(database.url.problem(missing_text(&options.columns, &header)));
        }
        for (name, kind) in layout.text.iter().filter_map(|&column| columns.get(column)) {
            if *kind == Type::BYTEA {
                let problem = format!("column {name:?} holds bytes; expected text: convert_from({name}, 'UTF8')");
                return Err(database.url.problem(problem));
            }
        }
        let (database, source) = (database.clone(), source.clone());
        let fetched = Vec::new().into_iter();
        Ok(QueryRows { database, client, layout, source, fetched, input, record: 0, state: State::Prepared })
    }

    /// Fetches the next rows; false at the end.
    fn advance(&mut self) -> Result<bool, postgres::Error> {
        if self.state == State::Prepared {
            // A prepared statement is one statement, so that nothing can be hidden behind the query.
            let declare = format!("DECLARE noteward_notes NO SCROLL CURSOR FOR {}", self.database.query);
            self.client.execute(&declare, &[])?;
            self.state = State::Open;
        }
        let messages = self.client.simple_query(FETCH)?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        self.fetched = rows.collect::<Vec<_>>().into_iter();
        Ok(self.fetched.len() > 0)
    }

    fn row(&self, row: &SimpleQueryRow, origin: Origin) -> Row {
        let mut cells = Vec::with_capacity(row.len());
        for column in 0..row.len() {
            match row.try_get(column) {
                Ok(cell) => cells.push(cell),
                Err(_) => {
                    let name = row.columns().get(column).map_or("", |column| column.name());
                    return Row::Bad(origin, format!("column {name:?} of the row is no UTF-8"));
                }
            }
        }
        cells.iter().for_each(|cell| self.source.add_value(*cell));
        let cell = |column: &usize| cells.get(*column).copied().flatten();
        let string = |column: &usize| cell(column).filter(|value| !value.trim().is_empty()).map(str::to_owned);
        let mut values: [Option<String>; Field::COUNT] = Default::default();
        for (value, columns) in values.iter_mut().zip(&self.layout.fields) {
            *value = columns.iter().find_map(string);
        }
        let text = self.layout.text.iter().find_map(cell);
        let text = text.map(|text| RawText::Decoded(text.to_owned(), TextEncoding::Utf8));
        let line = self.layout.line.as_ref().and_then(string);
        let fields = Fields { text, values, line, kept: self.layout.keep.iter().map(string).collect() };
        Row::Fields(origin, Box::new(fields))
    }
}

impl Iterator for QueryRows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.state == State::Done {
            return None;
        }
        let origin = Origin { input: self.input, record: self.record + 1, line: None, bytes: None };
        if self.fetched.len() == 0 {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => {
                    self.state = State::Done;
                    return None;
                }
                Err(error) => {
                    self.state = State::Done;
                    let error = self.database.url.error("reading the rows of the query", &error, May::NameObjects);
                    return Some(Row::Bad(origin, format!("the rest of the query cannot be read: {error}")));
                }
            }
        }
        let row = self.fetched.next()?;
        self.record += 1;
        Some(self.row(&row, origin))
    }
}
