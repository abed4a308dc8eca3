//! Plain tables of terms, comma-, semicolon- or tab-separated, and noteward's own tables of concepts.
//!
//! A table of terms has a line that names its columns, of which only the term must be there, or is `term, code, type` without
//! such a line. Rows are lines: a quote that is not closed costs its own line and no other.

use std::path::Path;

use super::collect::{Collector, Provenance, SourceClass, SourceConcept};
use super::lines::Lines;
use super::systems::Codes;
use crate::Result;
use crate::lexicon::compile::Rank;
use crate::lexicon::concepts;
use crate::mention::MentionType;

/// What a column of a table of terms may hold, and its names.
const COLUMNS: [(Column, &[&str]); 8] = [
    (Column::Term, &["term", "form", "string", "str", "synonym", "surface_form"]),
    (Column::Code, &["code"]),
    (Column::Type, &["type", "semantic_type", "tui", "sty"]),
    (Column::Id, &["id", "concept_id", "cui"]),
    (Column::Name, &["name", "preferred_name", "concept_name"]),
    (Column::System, &["system", "vocabulary", "code_system", "terminology", "sab"]),
    (Column::Icd10cm, &["icd10cm", "icd10", "icd-10-cm"]),
    (Column::Language, &["language", "lang", "lat"]),
];

/// What a column of a table of terms holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Term,
    Code,
    Type,
    Id,
    Name,
    System,
    Icd10cm,
    Language,
}

/// How the cells of a table of terms stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    delimiter: u8,
    columns: Vec<Option<Column>>,
    has_header: bool,
}

impl Layout {
    /// Recognises a table of terms by its first line.
    pub fn of(line: &str) -> Option<Layout> {
        [b'\t', b',', b';', b'|'].into_iter().find_map(|delimiter| {
            let cells = Splitter::new(delimiter).cells(line)?;
            let named = |cell: &String| {
                let cell = cell.trim().to_lowercase();
                COLUMNS.iter().find(|(_, names)| names.contains(&cell.as_str())).map(|(column, _)| *column)
            };
            let columns: Vec<Option<Column>> = cells.iter().map(named).collect();
            if columns.contains(&Some(Column::Term)) && (cells.len() > 1 || delimiter == b'\t') {
                return Some(Layout { delimiter, columns, has_header: true });
            }
            let [_, _, kind] = cells.as_slice() else { return None };
            MentionType::from_name(kind)?;
            let columns = [Column::Term, Column::Code, Column::Type].map(Some).to_vec();
            Some(Layout { delimiter, columns, has_header: false })
        })
    }

    /// The names that a column of terms may have.
    pub fn term_names() -> String {
        COLUMNS[0].1.join(", ")
    }

    fn cell<'c>(&self, cells: &'c [String], column: Column) -> &'c str {
        let mut found = cells.iter().zip(&self.columns).filter(|(_, own)| **own == Some(column));
        found.next().map_or("", |(cell, _)| cell.trim())
    }
}

/// Splits lines into cells.
struct Splitter {
    delimiter: u8,
    reader: csv_core::Reader,
    line: Vec<u8>,
    output: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    fn new(delimiter: u8) -> Splitter {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Splitter { delimiter, reader, line: Vec::new(), output: Vec::new(), ends: Vec::new() }
    }

    /// The cells of a line; `None` where a quote is not closed.
    fn cells(&mut self, line: &str) -> Option<Vec<String>> {
        // Quotes mean nothing in tab-separated tables.
        if self.delimiter == b'\t' {
            return Some(line.split('\t').map(str::to_owned).collect());
        }
        if line.bytes().filter(|&byte| byte == b'"').count() % 2 == 1 {
            return None;
        }
        self.line.clear();
        self.line.extend_from_slice(line.as_bytes());
        self.line.push(b'\n');
        self.output.resize(line.len() + 1, 0);
        self.ends.resize(line.len() + 2, 0);
        self.reader.reset();
        let (_, _, _, n_cells) = self.reader.read_record(&self.line, &mut self.output, &mut self.ends);
        let mut start = 0;
        let cells = self.ends.iter().take(n_cells).map(|&end| {
            let cell = self.output.get(std::mem::replace(&mut start, end)..end).unwrap_or(&[]);
            String::from_utf8_lossy(cell).into_owned()
        });
        Some(cells.collect())
    }
}

/// Reads a table of terms.
pub(super) fn read(path: &Path, layout: &Layout, collector: &mut Collector<'_>) -> Result<()> {
    let mut lines = Lines::open(path)?;
    let mut is_header = layout.has_header;
    let mut splitter = Splitter::new(layout.delimiter);
    while let Some((number, line)) = lines.next(|line, problem| collector.malformed(line, problem))? {
        if line.trim().is_empty() || line.starts_with('#') || std::mem::take(&mut is_header) {
            continue;
        }
        let n_expected = layout.columns.len();
        match splitter.cells(line) {
            None => collector.malformed(number, "a quote is opened and not closed"),
            Some(cells) if cells.len() != n_expected => {
                collector.malformed(number, format!("expected {n_expected} cells, found {}", cells.len()));
            }
            Some(cells) if layout.cell(&cells, Column::Term).is_empty() => {
                collector.malformed(number, "expected a term, found an empty cell");
            }
            Some(cells) => row(number, layout, &cells, collector),
        }
    }
    Ok(())
}

fn row(number: u64, layout: &Layout, cells: &[String], collector: &mut Collector<'_>) {
    let cell = |column| layout.cell(cells, column);
    let (term, system, code) = (cell(Column::Term), cell(Column::System), cell(Column::Code));
    let language = Some(cell(Column::Language)).filter(|language| !language.is_empty());
    if !collector.keeps(Provenance { vocabulary: system, language, is_suppressed: false }) {
        return;
    }
    let mut codes = Codes::default();
    let systems = &collector.tables().systems;
    systems.add("ICD10CM", cell(Column::Icd10cm), &mut codes);
    match (system, code.split_once(':')) {
        ("", Some((system, code))) => systems.add_any(system, code, &mut codes),
        ("", None) => systems.add_unnamed(code, &mut codes),
        (system, _) => systems.add_any(system, code, &mut codes),
    }
    let name = Some(cell(Column::Name)).filter(|name| !name.is_empty());
    let id = match (cell(Column::Id), code, system) {
        ("", "", _) => name.unwrap_or(term).to_lowercase(),
        ("", code, "") => code.to_owned(),
        ("", code, system) => format!("{system}:{code}"),
        (id, _, _) => id.to_owned(),
    };
    let class = SourceClass::Named(cell(Column::Type));
    let concept = SourceConcept { id: &id, name: name.unwrap_or(term), class, codes: &codes };
    let Some(index) = collector.concept(&concept) else { return };
    if let Some(name) = name {
        collector.term(number, index, &id, name, Rank::Name);
    }
    collector.term(number, index, &id, term, Rank::Exact);
}

/// Reads a table of concepts in noteward's own form; rows of one id are one concept.
pub(super) fn read_concepts(path: &Path, collector: &mut Collector<'_>) -> Result<()> {
    let mut lines = Lines::open(path)?;
    let mut is_header = true;
    while let Some((number, line)) = lines.next(|line, problem| collector.malformed(line, problem))? {
        if line.is_empty() || line.starts_with('#') || std::mem::take(&mut is_header) {
            continue;
        }
        let found: Vec<&str> = line.split('\t').map(|cell| if cell == "-" { "" } else { cell }).collect();
        let n_found = found.len();
        let parsed = <[&str; 7]>::try_from(found)
            .map_err(|_| format!("expected 7 cells, found {n_found}"))
            .and_then(concepts::parse);
        match parsed {
            Ok((concept, forms)) => {
                let mut codes = Codes::default();
                let systems = &collector.tables().systems;
                systems.add("ICD10CM", concept.icd10cm.unwrap_or(""), &mut codes);
                for (system, code) in concept.codes.unwrap_or("").split(';').filter_map(|code| code.split_once(':')) {
                    systems.add_any(system, code, &mut codes);
                }
                let class = SourceClass::Type(concept.kind);
                let source = SourceConcept { id: concept.id, name: concept.name, class, codes: &codes };
                let Some(index) = collector.concept(&source) else { continue };
                collector.chosen(number, index, concept.id, concept.name, Rank::Name);
                for form in forms {
                    collector.chosen(number, index, concept.id, form, Rank::Exact);
                }
            }
            Err(problem) => collector.malformed(number, problem),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_tables_of_terms() {
        use Column::{Code, Term, Type};
        let check = |line: &str| Layout::of(line).map(|layout| (layout.columns, layout.has_header));
        assert_eq!(check("Term,Code,other"), Some((vec![Some(Term), Some(Code), None], true)));
        assert_eq!(check("fever\tR50.9\tsymptom"), Some((vec![Some(Term), Some(Code), Some(Type)], false)));
        assert_eq!((check("note_id,text"), check("The patient, who, left"), check("")), (None, None, None));
    }

    #[test]
    fn splits_lines() {
        let check = |line: &str| Splitter::new(b',').cells(line);
        assert_eq!(check("a,\"b, \"\"c\"\"\","), Some(vec!["a".into(), "b, \"c\"".into(), String::new()]));
        assert_eq!((check("a,\"b"), check("")), (None, Some(vec![])));
        assert_eq!(Splitter::new(b'\t').cells("a\t\"b"), Some(vec!["a".into(), "\"b".into()]));
    }
}
