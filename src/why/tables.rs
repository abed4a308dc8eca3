//! Rows of the tables that decided: of the cues, of what sections say, of concepts.

use serde::{Serialize, Serializer};

use crate::lexicon::TableSource;
use crate::lexicon::table::{NamedRow, named_rows};
use crate::lexicon::trie::Compared;
use crate::pipeline::Resources;

/// A row of a table of rules or concepts.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TableRow {
    /// The table: a path, or a name such as `embedded cues.tsv`.
    pub table: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its columns and cells, in order; in JSON an object.
    #[serde(serialize_with = "as_object")]
    pub cells: Vec<(String, String)>,
}

impl TableRow {
    fn of(source: &TableSource, row: &NamedRow<'_>) -> TableRow {
        let cells = row.cells.iter().map(|&(column, cell)| (column.to_owned(), cell.to_owned())).collect();
        TableRow { table: source.name.clone(), line: row.line, cells }
    }

    /// A cell, empty where there is none.
    pub fn cell(&self, column: &str) -> &str {
        self.cells.iter().find(|(name, _)| name == column).map_or("", |(_, cell)| cell)
    }
}

fn as_object<S: Serializer>(cells: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(cells.iter().map(|(column, cell)| (column, cell)))
}

/// The row of an assertion rule: a cue by its number, or what a section says; `None` where the model decided.
pub(super) fn rule_row(resources: &Resources, rule: &str, number: usize) -> Option<TableRow> {
    if let Some(section) = rule.strip_prefix("section:") {
        let source = resources.rule_table("section-priors.tsv")?;
        let row = named_rows(&source.text).find(|row| row.cell("section") == section)?;
        return Some(TableRow::of(source, &row));
    }
    let source = resources.rule_table("cues.tsv")?;
    let is_it = |row: &NamedRow<'_>| {
        rule.split_once(':').is_some_and(|(category, cue)| row.cell("category") == category && row.cell("cue") == cue)
    };
    let row = named_rows(&source.text).nth(number).filter(is_it)?;
    Some(TableRow::of(source, &row))
}

/// The row of a concept: the user's, the last table first, before the program's own.
pub(super) fn concept_row(resources: &Resources, id: &str) -> Option<TableRow> {
    resources.concept_tables().find_map(|source| {
        let row = named_rows(&source.text).filter(|row| row.cell("id") == id).last()?;
        Some(TableRow::of(&source, &row))
    })
}

/// The form of a concept's row that words spell as it is listed; `None` where they are a variant of one.
pub(super) fn listed_form(row: &TableRow, words: &str) -> Option<String> {
    let keys = |phrase: &str| {
        let mut keys = Vec::new();
        Compared::Stems.append_keys(phrase, &mut keys);
        keys
    };
    let spelled = keys(words);
    let forms = std::iter::once(row.cell("name")).chain(row.cell("forms").split('|'));
    forms.filter(|form| !form.is_empty()).find(|form| keys(form) == spelled).map(str::to_owned)
}
