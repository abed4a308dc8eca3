//! The spellings of a surface form that are found without being listed.
//!
//! British and American spelling, hyphenated words written as one, possessives without their apostrophe. (Plurals need no
//! variant: forms are compared by stems.) Order of the result: the form itself first.

use rustc_hash::FxHashMap;

use super::table;
use crate::Result;

/// British words and their American spelling, in both directions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelling {
    american: FxHashMap<String, String>,
    british: FxHashMap<String, String>,
}

impl Spelling {
    /// Reads the table of `british` and `american` words.
    pub fn parse(table: &str, text: &str) -> Result<Spelling> {
        let mut spelling = Spelling::default();
        for row in table::rows(table, text, ["british", "american"])? {
            let [british, american] = row.cells.map(str::to_owned);
            spelling.british.insert(american.clone(), british.clone());
            spelling.american.insert(british, american);
        }
        Ok(spelling)
    }

    fn rewrite(form: &str, words: &FxHashMap<String, String>) -> Option<String> {
        let mut changed = false;
        let rewritten: Vec<&str> = form
            .split(' ')
            .map(|word| match words.get(word) {
                Some(other) => {
                    changed = true;
                    other.as_str()
                }
                None => word,
            })
            .collect();
        changed.then(|| rewritten.join(" "))
    }
}

/// Whether a form matches only in exactly its case: one without a lower-case letter (`PE`, `C DIFF`), or a single word
/// with several capitals (`HAs`, `PVCs`).
pub(crate) fn is_exact(form: &str) -> bool {
    let n_capitals = form.chars().filter(|c| c.is_uppercase()).count();
    let n_small = form.chars().filter(|c| c.is_lowercase()).count();
    (n_capitals > 0 && n_small == 0) || (n_capitals > 1 && !form.contains([' ', '-']))
}

/// The form and its variants.
pub(crate) fn variants(form: &str, spelling: &Spelling) -> Vec<String> {
    let mut all = vec![form.to_owned()];
    let add = |all: &mut Vec<String>, variant: Option<String>| {
        if let Some(variant) = variant.filter(|variant| !all.contains(variant)) {
            all.push(variant);
        }
    };
    add(&mut all, form.contains("'s").then(|| form.replace("'s", "s")));
    add(&mut all, Spelling::rewrite(form, &spelling.british));
    add(&mut all, Spelling::rewrite(form, &spelling.american));
    add(&mut all, form.contains('-').then(|| form.replace('-', "")));
    let short = form.len() <= 2 && is_exact(form);
    add(&mut all, short.then(|| format!("{form}s")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: &str, expected: &[&str]) {
        let spelling = Spelling::parse("spelling", "british\tamerican\noedema\tedema\ntumour\ttumor\n").unwrap();
        assert_eq!(variants(form, &spelling), expected);
    }

    #[test]
    fn spellings() {
        check("edema", &["edema", "oedema"]);
        check("tumour of the arm", &["tumour of the arm", "tumor of the arm"]);
        check("Crohn's disease", &["Crohn's disease", "Crohns disease"]);
        check("wheeze-free", &["wheeze-free", "wheezefree"]);
        check("PE", &["PE", "PEs"]);
    }
}
