//! Which concepts of a terminology are health problems, and of what type: a table of its classes.

use rustc_hash::FxHashMap;

use crate::lexicon::{TableSource, table};
use crate::mention::MentionType;
use crate::{Error, Result};

/// The classes of terminologies that the table knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Types {
    rows: Vec<Row>,
    /// Places of the rows of each terminology, by key.
    places: FxHashMap<String, FxHashMap<String, usize>>,
}

/// A class: a branch of an ontology, a semantic type, a semantic tag, the beginning of a code.
#[derive(Clone, Debug)]
struct Row {
    terminology: String,
    key: String,
    name: String,
    /// `None`: its concepts are no health problems.
    kind: Option<MentionType>,
}

/// What the table says of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Its concepts are of a type.
    Of(MentionType),
    /// Its concepts are no health problems.
    NoProblem,
}

impl Types {
    /// Reads the table of `terminology`, `key`, `name`, `type` and `source`.
    pub fn parse(source: &TableSource) -> Result<Types> {
        let mut types = Types::default();
        for row in table::rows(&source.name, &source.text, ["terminology", "key", "name", "type", "source"])? {
            let problem = |problem: String| Err(Error::table(&source.name, row.line, problem));
            let [terminology, key, name, kind, _] = row.cells;
            if terminology.is_empty() || key.is_empty() || name.is_empty() {
                return problem("terminology, key and name must not be empty".into());
            }
            let kind = match (kind, MentionType::from_name(kind)) {
                ("", _) => None,
                (_, Some(kind)) => Some(kind),
                _ => return problem(format!("type: expected symptom, finding, diagnosis or -, found {kind:?}")),
            };
            let own = types.places.entry(terminology.to_owned()).or_default();
            if own.insert(key.to_owned(), types.rows.len()).is_some() {
                return problem(format!("{terminology} {key} stands twice"));
            }
            types.rows.push(Row { terminology: terminology.into(), key: key.into(), name: name.into(), kind });
        }
        Ok(types)
    }

    /// What the table says of a class.
    pub fn class(&self, terminology: &str, key: &str) -> Option<Class> {
        self.row(terminology, key).map(|row| row.kind.map_or(Class::NoProblem, Class::Of))
    }

    /// The class that stands first in the table, of those that a concept has at once.
    pub fn first<'a>(&self, terminology: &str, keys: &[&'a str]) -> Option<&'a str> {
        let place = |key: &str| self.places.get(terminology)?.get(key).copied();
        keys.iter().copied().filter(|key| place(key).is_some()).min_by_key(|key| place(key))
    }

    /// The name of a class.
    pub fn name(&self, terminology: &str, key: &str) -> Option<&str> {
        self.row(terminology, key).map(|row| row.name.as_str())
    }

    fn row(&self, terminology: &str, key: &str) -> Option<&Row> {
        self.rows.get(*self.places.get(terminology)?.get(key)?)
    }

    /// What a cell of a table of terms names: a type itself, or a class of any terminology by key or name.
    pub fn named(&self, cell: &str) -> Option<Class> {
        if let Some(kind) = MentionType::from_name(&cell.to_lowercase()) {
            return Some(Class::Of(kind));
        }
        let same = |row: &&Row| row.key.eq_ignore_ascii_case(cell) || row.name.eq_ignore_ascii_case(cell);
        let row = self.rows.iter().find(same)?;
        Some(row.kind.map_or(Class::NoProblem, Class::Of))
    }

    /// The terminologies of the table.
    pub fn terminologies(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rows.iter().map(|row| row.terminology.as_str()).collect();
        names.dedup();
        names
    }
}
