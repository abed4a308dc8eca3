//! The embedded tables: sorted, unique, complete, and with codes that the official list knows.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "support/lexicons.rs"]
mod lexicons;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lexicons::{Row, rows};
use noteward::Lexicon;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lexicons")
}

/// The tables of concepts, by their paths under `lexicons/`.
fn concept_tables() -> Vec<String> {
    let files = fs::read_dir(folder().join("concepts")).unwrap();
    let mut tables: Vec<String> =
        files.map(|entry| format!("concepts/{}", entry.unwrap().file_name().to_string_lossy())).collect();
    tables.sort();
    tables
}

fn forms(row: &Row) -> Vec<&str> {
    let listed = row.cells[5].split('|').filter(|form| *form != "-");
    std::iter::once(row.cells[1].as_str()).chain(listed).collect()
}

#[test]
fn every_table_of_concepts_is_embedded() {
    let n_rows: usize = concept_tables().iter().map(|table| rows(table).len()).sum();
    let lexicon = Lexicon::embedded();
    assert_eq!(lexicon.n_concepts(), n_rows, "a file under lexicons/concepts/ is not in src/lexicon/embedded.rs");
    assert!(n_rows >= 600 && lexicon.n_forms() >= 2_500, "{n_rows} concepts, {} forms", lexicon.n_forms());
}

#[test]
fn tables_of_concepts_are_sorted_and_name_the_code_list() {
    for table in concept_tables() {
        let text = fs::read_to_string(folder().join(&table)).unwrap();
        assert!(text.starts_with("# icd10cm: ICD-10-CM April 2026\n"), "{table}: no version of the codes");
        let rows = rows(&table);
        for pair in rows.windows(2) {
            assert!(pair[0].cells[0] < pair[1].cells[0], "{}: not sorted by id", pair[1].place);
        }
    }
}

#[test]
fn ids_and_forms_are_unique() {
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut owners: BTreeMap<String, (String, String)> = BTreeMap::new();
    for row in concept_tables().iter().flat_map(|table| rows(table)) {
        if let Some(other) = ids.insert(row.cells[0].clone(), row.place.clone()) {
            panic!("{} and {other}: the same id {}", row.place, row.cells[0]);
        }
        let mut own = BTreeSet::new();
        for form in forms(&row) {
            assert!(form.trim() == form && !form.contains("  "), "{}: stray space in {form:?}", row.place);
            assert!(own.insert(form), "{}: {form:?} is listed twice", row.place);
            let owner = (row.cells[0].clone(), row.place.clone());
            if let Some((id, place)) = owners.insert(form.to_owned(), owner) {
                panic!("{} and {place}: {form:?} is a form of {} and {id}", row.place, row.cells[0]);
            }
        }
    }
}

#[test]
fn tables_of_terminologies_are_unique_and_complete() {
    for (name, n_keys, least) in [
        ("terminology-types.tsv", 2, 100),
        ("dropped-forms.tsv", 1, 500),
        ("title-rewrites.tsv", 3, 10),
        ("code-systems.tsv", 1, 20),
    ] {
        let rows = rows(name);
        let mut seen = BTreeSet::new();
        for row in &rows {
            assert!(
                row.cells.iter().all(|cell| !cell.is_empty() && cell.trim() == cell),
                "{}: an empty cell",
                row.place
            );
            assert!(seen.insert(row.cells[..n_keys].to_vec()), "{}: stands twice", row.place);
        }
        assert!(rows.len() >= least, "{name}: {} rows", rows.len());
    }
    let forms: Vec<String> = rows("dropped-forms.tsv").iter().map(|row| row.cells[0].clone()).collect();
    assert!(forms.is_sorted(), "dropped-forms.tsv is not sorted");
}

#[test]
fn codes_are_in_the_official_list() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/term/code-list-April-2026.txt");
    let Ok(text) = fs::read_to_string(&list) else {
        println!("skipped: the official list of ICD-10-CM codes is not here");
        return;
    };
    let official: BTreeSet<String> = text.lines().map(|line| line.trim().replace('.', "")).collect();
    let mut n_codes = 0;
    for row in concept_tables().iter().flat_map(|table| rows(table)) {
        let code = &row.cells[3];
        if code != "-" {
            n_codes += 1;
            assert!(official.contains(&code.replace('.', "")), "{}: {code} is in no official list", row.place);
        }
    }
    assert!(n_codes > 500, "{n_codes} codes");
}

#[test]
fn headings_cover_the_kinds() {
    let kinds = rows("section-kinds.tsv");
    assert!(kinds.len() >= 40, "{} kinds", kinds.len());
    let with_loinc = kinds.iter().filter(|row| row.cells[2] != "-").count();
    assert!(with_loinc >= 30, "{with_loinc} kinds have a LOINC code");
    let mut seen = BTreeSet::new();
    let mut used = BTreeSet::new();
    for Row { cells, .. } in rows("sections.tsv") {
        assert!(seen.insert(cells[0].to_owned()), "heading {:?} stands twice", cells[0]);
        used.insert(cells[1].to_owned());
    }
    assert!(seen.len() >= 150, "{} headings", seen.len());
    for Row { cells, .. } in &kinds {
        assert!(
            used.contains(&cells[0]) || ["other", "header", "signature"].contains(&cells[0].as_str()),
            "no heading opens {}",
            cells[0]
        );
    }
}
