//! Chapters of ICD-10-CM, by the beginning of a code.

use crate::Result;
use crate::lexicon::{TableSource, table};

/// The chapters, in order.
pub(super) struct Chapters {
    /// First and last category, and title.
    rows: Vec<(String, String, String)>,
}

impl Chapters {
    /// Reads the table: `first`, `last`, `title`, `source`.
    ///
    /// # Errors
    /// A malformed table.
    pub fn parse(source: &TableSource) -> Result<Chapters> {
        let rows = table::rows(&source.name, &source.text, ["first", "last", "title", "source"])?;
        let owned = rows.iter().map(|row| {
            let [first, last, title, _source] = row.cells.map(str::to_owned);
            (first, last, title)
        });
        Ok(Chapters { rows: owned.collect() })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The chapter of a code.
    pub fn of(&self, code: &str) -> Option<usize> {
        let category = code.get(..3)?;
        self.rows.iter().position(|(first, last, _)| (first.as_str()..=last.as_str()).contains(&category))
    }

    /// Codes and title of each.
    pub fn rows(&self) -> impl Iterator<Item = (String, &str)> {
        self.rows.iter().map(|(first, last, title)| (format!("{first}–{last}"), title.as_str()))
    }
}
