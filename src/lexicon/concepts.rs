//! Tables of concepts: their rows, and the image that they are compiled to.

use rustc_hash::FxHashMap;

use super::compile::Compiler;
use super::forms::Spelling;
use super::table;
use crate::mention::{Concept, MentionType};
use crate::{Error, Result};

/// Columns of a table of concepts.
pub(crate) const COLUMNS: [&str; 7] = ["id", "name", "type", "icd10cm", "codes", "forms", "source"];

/// Compiles tables of concepts, given as name and text; a later row with the id of an earlier one replaces it, and a later
/// form is preferred to an equal earlier one.
///
/// # Errors
/// A malformed table, with its name and line.
pub(crate) fn compile(tables: &[(&str, &str)], spelling: (&str, &str)) -> Result<Vec<u8>> {
    let rules = Spelling::parse(spelling.0, spelling.1)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(spelling.1.as_bytes());
    let mut rows: Vec<(Concept<'_>, Vec<&str>)> = Vec::new();
    let mut ids: FxHashMap<&str, usize> = FxHashMap::default();
    for &(name, text) in tables {
        hasher.update(text.as_bytes());
        for row in table::rows(name, text, COLUMNS)? {
            let parsed = concept(name, row.line, row.cells)?;
            match ids.get(row.cells[0]) {
                Some(&place) => rows[place] = parsed,
                None => {
                    ids.insert(row.cells[0], rows.len());
                    rows.push(parsed);
                }
            }
        }
    }
    let mut compiler = Compiler::new(&rules);
    for (concept, forms) in rows {
        let index = compiler.concept(concept);
        for form in forms {
            compiler.form(index, form);
        }
    }
    Ok(compiler.finish(Some(hasher.finalize())).to_bytes())
}

/// The forms of a table of concepts, names included, each with the id of its concept; what is malformed is left out.
pub(crate) fn forms(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).skip(1);
    rows.flat_map(|row| {
        let mut cells = row.split('\t');
        let (id, name, forms) = (cells.next().unwrap_or(""), cells.next(), cells.nth(3).unwrap_or("-"));
        name.into_iter().chain(forms.split('|').filter(|form| *form != "-")).map(move |form| (id, form))
    })
}

/// Reads a row.
///
/// # Errors
/// What was found and expected, with the place.
fn concept<'a>(table: &str, line: usize, cells: [&'a str; 7]) -> Result<(Concept<'a>, Vec<&'a str>)> {
    parse(cells).map_err(|problem| Error::table(table, line, problem))
}

/// Reads the cells of a row.
///
/// # Errors
/// What was found and expected.
pub(crate) fn parse(cells: [&str; 7]) -> Result<(Concept<'_>, Vec<&str>), String> {
    let [id, name, kind, icd10cm, codes, forms, _source] = cells;
    let problem = Err;
    if id.is_empty() || name.is_empty() {
        return problem("id and name must not be empty".into());
    }
    let Some(kind) = MentionType::from_name(kind) else {
        return problem(format!("type: expected symptom, finding or diagnosis, found {kind:?}"));
    };
    if !icd10cm.is_empty() && !is_icd10cm(icd10cm) {
        return problem(format!("icd10cm: expected a dotted code such as I50.9, found {icd10cm:?}"));
    }
    if let Some(code) = codes.split(';').find(|code| !code.is_empty() && !code.contains(':')) {
        return problem(format!("codes: expected SYSTEM:CODE, found {code:?}"));
    }
    let forms: Vec<&str> = forms.split('|').filter(|form| !form.is_empty()).collect();
    if let Some(form) = forms.iter().find(|form| !form.chars().any(char::is_alphanumeric)) {
        return problem(format!("forms: {form:?} holds no word"));
    }
    let some = |cell| Some(cell).filter(|cell: &&str| !cell.is_empty());
    Ok((Concept { id, name, kind, icd10cm: some(icd10cm), codes: some(codes) }, forms))
}

/// The shape of an ICD-10-CM code: a letter, two of which one is a digit (`I50`, `C4A`, `QA0`), and up to four after the dot.
pub(crate) fn is_icd10cm(code: &str) -> bool {
    let bytes = code.as_bytes();
    let shape = bytes.len() >= 3
        && bytes[0].is_ascii_uppercase()
        && bytes[1..3].iter().all(u8::is_ascii_alphanumeric)
        && bytes[1..3].iter().any(u8::is_ascii_digit);
    shape
        && match bytes.get(3..) {
            None | Some([]) => true,
            Some([b'.', rest @ ..]) => (1..=4).contains(&rest.len()) && rest.iter().all(u8::is_ascii_alphanumeric),
            Some(_) => false,
        }
}
