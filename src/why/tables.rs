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

/// The row of a rule that asserted a fact: of the cues of facts, which come first, of the other cues, or of what sections say
/// of facts; `None` where the words of the fact or a year decided.
pub(super) fn fact_rule_row(resources: &Resources, rule: &str, number: usize) -> Option<TableRow> {
    let own = resources.rule_table("facts/cues.tsv")?;
    let n_own = named_rows(&own.text).count();
    let shared = resources.rule_table("cues.tsv")?;
    if let Some(section) = rule.strip_prefix("section:") {
        let source = resources.rule_table("facts/section-priors.tsv")?;
        let number = number.checked_sub(n_own + named_rows(&shared.text).count())?;
        let row = named_rows(&source.text).nth(number).filter(|row| row.cell("section") == section)?;
        return Some(TableRow::of(source, &row));
    }
    let (source, number) = match number.checked_sub(n_own) {
        Some(number) => (shared, number),
        None => (own, number),
    };
    let (category, cue) = rule.split_once(':')?;
    let is_it = |row: &NamedRow<'_>| row.cell("category") == category && row.cell("cue") == cue;
    let row = named_rows(&source.text).nth(number).filter(is_it)?;
    Some(TableRow::of(source, &row))
}

/// The row of a concept of facts.
pub(super) fn fact_row(resources: &Resources, id: &str) -> Option<TableRow> {
    resources.fact_tables().find_map(|source| {
        let row = named_rows(&source.text).find(|row| row.cell("id") == id)?;
        Some(TableRow::of(source, &row))
    })
}

/// The first row of a table of rules that is asked for.
pub(super) fn row_of(resources: &Resources, table: &str, is_it: impl Fn(&NamedRow<'_>) -> bool) -> Option<TableRow> {
    let source = resources.rule_table(table)?;
    let row = named_rows(&source.text).find(is_it)?;
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
    let forms = std::iter::once(row.cell("name")).chain(row.cell("forms").split('|'));
    forms.filter(|form| !form.is_empty()).find(|form| spells(bare(form), words)).map(str::to_owned)
}

/// Whether words are those of a phrase, whatever their case and number.
pub(super) fn spells(phrase: &str, words: &str) -> bool {
    let keys = |phrase: &str| {
        let mut keys = Vec::new();
        Compared::Stems.append_keys(phrase, &mut keys);
        keys
    };
    phrase == words || keys(phrase) == keys(words)
}

/// A form without the mark before it, by which tables of facts tell what it says by itself.
fn bare(form: &str) -> &str {
    form.split_once(':').map_or(form, |(_, form)| form)
}
