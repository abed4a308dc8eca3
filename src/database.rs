//! PostgreSQL as a place to read from and write to: its URL, a connection, and what its errors may say.
//!
//! A URL may hold a password, so nothing here shows one as it was typed: [`shown`] leaves the password out, and a URL in which
//! it cannot be told apart is not shown at all. An error of the server may quote a value, and a value may be note text, so that
//! only errors about names, rights and constraints are told in the server's words.

use std::fmt;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::error::{DbError, SqlState};
use postgres::{Client, NoTls};

use crate::{Error, ErrorKind, Result};

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// How long a server is waited for where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const NO_TLS: &str = "this program speaks to PostgreSQL without TLS; go through a tunnel (ssh -L 5433:localhost:5432 \
                      SERVER, or stunnel) and name its end, or say sslmode=disable where the network may be trusted";

/// Whether an input or a target is named by the URL of a PostgreSQL server.
pub(crate) fn is_url(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

/// A URL of a PostgreSQL server, without a query. `Debug` shows no password.
#[derive(Clone)]
pub(crate) struct DatabaseUrl {
    config: postgres::Config,
    shown: String,
}

/// A URL of a PostgreSQL server with the query whose rows are read. `Debug` shows no password.
#[derive(Clone)]
pub(crate) struct DatabaseQuery {
    pub url: DatabaseUrl,
    pub query: String,
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url.shown)
    }
}

impl DatabaseUrl {
    /// Reads a URL such as `postgres://user@host:5432/database`.
    ///
    /// # Errors
    /// It is none, or asks for TLS.
    pub fn parse(url: &str) -> Result<DatabaseUrl> {
        let shown = shown(url);
        let bad = |problem: String| database_error(&shown, problem);
        if !is_url(url) {
            return Err(bad("expected a URL such as postgres://user@host:5432/database".into()));
        }
        let (connection, query) = split(url);
        if query.is_some() {
            return Err(bad("no query is expected here; leave query= out".into()));
        }
        if is_unclear(connection) {
            let problem = "user and password cannot be told apart from the rest: write @ as %40, : as %3A, / as %2F and ? as \
                           %3F in them, or give the password in the environment variable PGPASSWORD";
            return Err(bad(problem.into()));
        }
        if ["sslmode=verify-ca", "sslmode=verify-full"].iter().any(|mode| connection.contains(mode)) {
            return Err(bad(NO_TLS.into()));
        }
        let mut config: postgres::Config = connection.parse().map_err(|error| bad(told(&error, May::NameValues)))?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(bad(format!("sslmode=require: {NO_TLS}")));
        }
        if config.get_hosts().is_empty() {
            return Err(bad("names no host; a socket is named by its folder: ?host=/var/run/postgresql".into()));
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.application_name("noteward");
        Ok(DatabaseUrl { config, shown })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let the user in.
    pub fn connect(&self) -> Result<Client> {
        self.config.connect(NoTls).map_err(|error| self.error("connecting", &error, May::NameValues))
    }

    /// An error of the server, told as far as it may be.
    pub fn error(&self, doing: &str, error: &postgres::Error, may: May) -> Error {
        self.problem(format!("{doing}: {}", told(error, may)))
    }

    /// What is wrong with what was found there.
    pub fn problem(&self, problem: impl Into<String>) -> Error {
        database_error(&self.shown, problem.into())
    }
}

impl DatabaseQuery {
    /// Reads a URL that ends in `?query=SELECT ...`. The query is taken as it stands to the end of the URL; where it holds no
    /// blank it is percent-decoded first.
    ///
    /// # Errors
    /// The URL is none, or holds no query, or a query whose rows have no order.
    pub fn parse(text: &str) -> Result<DatabaseQuery> {
        let (connection, query) = split(text);
        let url = DatabaseUrl::parse(connection)?;
        let example = "?query=SELECT note_id, person_id, note_datetime, note_text FROM note ORDER BY note_id";
        let query = query.map(str::trim).filter(|query| !query.is_empty());
        let query = query.ok_or_else(|| url.problem(format!("holds no query; end the URL in {example}")))?;
        let query = if query.contains(char::is_whitespace) {
            query.to_owned()
        } else {
            percent_decoded(query).ok_or_else(|| url.problem("the query is no UTF-8 once its escapes are decoded"))?
        };
        let query = query.trim_end_matches([';', ' ', '\t', '\r', '\n']).to_owned();
        if !has_order(&query) {
            let problem = "the query has no ORDER BY, without which its rows come in any order, and no run could be repeated \
                           or gone on with; add ORDER BY note_id";
            return Err(url.problem(problem));
        }
        Ok(DatabaseQuery { url, query })
    }
}

/// Which words of the server's errors may be told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    /// Values that it names are what the user typed.
    NameValues,
    /// Values that it names may be note text.
    NameObjects,
}

/// What an error says, without any value of a row.
fn told(error: &postgres::Error, may: May) -> String {
    if let Some(error) = error.as_db_error() {
        return server_said(error, may);
    }
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

fn server_said(error: &DbError, may: May) -> String {
    let code = error.code();
    // Connection, rights, names and syntax, constraints, resources, state: messages of these classes name objects only.
    let is_about_objects = ["08", "23", "25", "28", "3D", "3F", "40", "42", "53", "55", "57"]
        .iter()
        .any(|class| code.code().starts_with(class));
    if may == May::NameObjects && !is_about_objects {
        let what = match *code {
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE => "a number is beyond the type of its column",
            _ => "the server refused a value",
        };
        return format!("{what} (SQLSTATE {})", code.code());
    }
    // The detail of these names keys; that of others may be a whole row.
    let keyed = [SqlState::FOREIGN_KEY_VIOLATION, SqlState::UNIQUE_VIOLATION].contains(code);
    let detail = error.detail().filter(|_| keyed).map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}{detail} (SQLSTATE {})", error.message(), code.code())
}

fn database_error(shown: &str, problem: String) -> Error {
    ErrorKind::Database { url: shown.to_owned(), problem }.into()
}

/// An input or a target as it may be shown and written down: a URL without its password, anything else as it is.
pub(crate) fn shown(text: &str) -> String {
    if !is_url(text) {
        return text.to_owned();
    }
    let (connection, query) = split(text);
    let (scheme, rest) = connection.split_once("://").unwrap_or((connection, ""));
    let query = query.map(|query| format!("query={query}"));
    if is_unclear(connection) {
        return format!("{scheme}://...");
    }
    let (credentials, place) = rest.split_once('@').unwrap_or(("", rest));
    let user = credentials.split(':').next().filter(|user| !user.is_empty()).map(|user| format!("{user}@"));
    let (place, parameters) = place.split_once('?').unwrap_or((place, ""));
    let is_open = |parameter: &&str| !parameter.is_empty() && !parameter.to_ascii_lowercase().contains("pass");
    let parameters: Vec<&str> = parameters.split('&').filter(is_open).chain(query.as_deref()).collect();
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("{scheme}://{}{place}{mark}{}", user.unwrap_or_default(), parameters.join("&"))
}

/// A URL with a password, where it holds none of its own; anything else as it is.
///
/// ```
/// let url = noteward::with_password("postgres://etl@db/cdm?query=SELECT 1", "a b");
/// assert_eq!(url, "postgres://etl@db/cdm?password=a%20b&query=SELECT 1");
/// ```
pub fn with_password(text: &str, password: &str) -> String {
    let (connection, query) = split(text);
    let holds_one = connection.split_once("://").is_some_and(|(_, rest)| {
        rest.split_once('@').is_some_and(|(credentials, _)| credentials.contains(':')) || rest.contains("password=")
    });
    if !is_url(text) || holds_one {
        return text.to_owned();
    }
    let mark = if connection.contains('?') { '&' } else { '?' };
    let encoded: String = password.bytes().map(percent_encoded).collect();
    let query = query.map(|query| format!("&query={query}")).unwrap_or_default();
    format!("{connection}{mark}password={encoded}{query}")
}

/// The connection and the query of a URL: `query=` is the last of its parameters, and reaches to the end.
fn split(url: &str) -> (&str, Option<&str>) {
    const MARK: &str = "query=";
    let places = url.match_indices(MARK).map(|(place, _)| place);
    let place = places.filter(|&place| url.get(..place).is_some_and(|before| before.ends_with(['?', '&']))).min();
    match place.and_then(|place| Some((url.get(..place - 1)?, url.get(place + MARK.len()..)?))) {
        Some((connection, query)) => (connection, Some(query)),
        None => (url, None),
    }
}

/// Whether one cannot tell where user and password end.
fn is_unclear(connection: &str) -> bool {
    let rest = connection.split_once("://").map_or("", |(_, rest)| rest);
    let (before, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    if parameters.contains('@') || before.matches('@').count() > 1 {
        return true;
    }
    let host = before.split_once('@').map_or(before, |(_, host)| host).split('/').next().unwrap_or("");
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a query orders its rows, as far as its words tell: those within quotes do not count.
fn has_order(query: &str) -> bool {
    let unquoted: String = query.split('\'').step_by(2).collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let words: Vec<&str> = unquoted.split_whitespace().collect();
    words.windows(2).any(|pair| matches!(pair, [order, by] if order.ends_with("order") && by.starts_with("by")))
}

fn percent_encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or(&[]) } else { after };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        let check = |url: &str, expected: &str| assert_eq!(shown(url), expected, "{url}");
        check("notes.csv", "notes.csv");
        check("postgres://etl:secret@db:5432/cdm", "postgres://etl@db:5432/cdm");
        check(
            "postgresql://db/cdm?user=etl&password=secret&query=SELECT 1",
            "postgresql://db/cdm?user=etl&query=SELECT 1",
        );
        check("postgres://etl:se/cret@[::1]:5432/cdm?sslmode=disable", "postgres://etl@[::1]:5432/cdm?sslmode=disable");
        check("postgres://etl:sec?ret@db/cdm", "postgres://...");
        check("postgres://etl:sec@ret@db/cdm", "postgres://...");
        check("postgres://etl:secret/cdm", "postgres://...");
        check("postgres://db/cdm?password=sec@ret", "postgres://...");
        check("postgres://etl@db/cdm?query=SELECT '@:?'", "postgres://etl@db/cdm?query=SELECT '@:?'");
    }

    #[test]
    fn queries_are_taken_to_the_end_and_need_an_order() {
        let query = |url: &str| DatabaseQuery::parse(url).map(|query| query.query).map_err(|error| error.to_string());
        let literal = "postgres://db/cdm?connect_timeout=3&query=SELECT a FROM n WHERE b LIKE '%be&c=?' ORDER\n BY a;";
        assert_eq!(query(literal).unwrap(), "SELECT a FROM n WHERE b LIKE '%be&c=?' ORDER\n BY a");
        assert_eq!(query("postgres://db/cdm?query=SELECT%20a%20ORDER%20BY%20a").unwrap(), "SELECT a ORDER BY a");
        assert!(query("postgres://db/cdm?query=SELECT 'order by' AS a").unwrap_err().contains("no ORDER BY"));
        assert!(query("postgres://db/cdm").unwrap_err().contains("holds no query"));
    }

    #[test]
    fn errors_name_the_remedy_and_never_the_password() {
        let error = |url: &str| DatabaseUrl::parse(url).unwrap_err().to_string();
        for mode in ["require", "verify-full", "verify-ca"] {
            let told = error(&format!("postgres://etl:secret@db/cdm?sslmode={mode}"));
            assert!(told.contains("tunnel") && !told.contains("secret"), "{told}");
        }
        assert!(error("postgres://etl:sec@ret@db/cdm").contains("%40"));
        assert!(error("postgres:///cdm").contains("names no host"));
        assert!(error("postgres://etl:secret@db/cdm?nothing=1").contains("nothing"));
        assert!(error("mysql://db").contains("expected a URL"));
        assert!(DatabaseUrl::parse("postgres://etl:s%40@db/cdm").is_ok());
    }

    #[test]
    fn a_password_is_added_where_there_is_none() {
        assert_eq!(with_password("postgres://etl:own@db/cdm", "x"), "postgres://etl:own@db/cdm");
        assert_eq!(with_password("notes.csv", "x"), "notes.csv");
        let url = with_password("postgres://etl@db/cdm?sslmode=disable&query=SELECT 1", "s@c");
        assert_eq!(url, "postgres://etl@db/cdm?sslmode=disable&password=s%40c&query=SELECT 1");
        assert_eq!(shown(&url), "postgres://etl@db/cdm?sslmode=disable&query=SELECT 1");
    }
}
