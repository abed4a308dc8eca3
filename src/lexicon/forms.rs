//! The spellings of a surface form that are found without being listed.
//!
//! British and American spelling, hyphenated words written as one, possessives without their apostrophe. (Plurals need no
//! variant: forms are compared by stems.)

use rustc_hash::FxHashMap;

use super::table;
use crate::Result;

/// British and American spellings of words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelling {
    /// From each spelling to the other.
    other: FxHashMap<String, String>,
}

impl Spelling {
    /// Reads the table of `british` and `american` words.
    pub fn parse(table: &str, text: &str) -> Result<Spelling> {
        let mut spelling = Spelling::default();
        for row in table::rows(table, text, ["british", "american"])? {
            let [british, american] = row.cells.map(str::to_owned);
            spelling.other.insert(american.clone(), british.clone());
            spelling.other.insert(british, american);
        }
        Ok(spelling)
    }

    /// The form with each word of the table in its other spelling; `None` where it holds none.
    fn rewrite(&self, form: &str) -> Option<String> {
        let words = || form.split_inclusive([' ', '-']);
        let bare = |word: &str| word.trim_end_matches([' ', '-']).len();
        if !words().any(|word| word.len() > 3 && self.other.contains_key(&word[..bare(word)])) {
            return None;
        }
        let rewritten = words().map(|word| {
            let (bare, end) = word.split_at(bare(word));
            self.other.get(bare).map_or(bare, String::as_str).to_owned() + end
        });
        Some(rewritten.collect())
    }
}

/// Whether a form matches only in exactly its case: one without a lower-case letter (`PE`, `C DIFF`), or a single word
/// with several capitals (`HAs`, `PVCs`).
pub(crate) fn is_exact(form: &str) -> bool {
    // Nearly every form is in small letters; this is asked of all of them at every start.
    if form.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return false;
    }
    let n_capitals = form.chars().filter(|c| c.is_uppercase()).count();
    let n_small = form.chars().filter(|c| c.is_lowercase()).count();
    (n_capitals > 0 && n_small == 0) || (n_capitals > 1 && !form.contains([' ', '-']))
}

/// The variants of a form, without the form itself.
pub(crate) fn variants(form: &str, spelling: &Spelling) -> Vec<String> {
    let holds = |mark: u8| memchr::memchr(mark, form.as_bytes()).is_some();
    // Not of short words: `HA's` would give `has`.
    let apostrophe = if holds(b'\'') { form.find("'s").filter(|&at| at >= 3) } else { None };
    let possessive = apostrophe.map(|_| form.replace("'s", "s"));
    // Not of short words: `b-all` would give `ball`.
    let joined = (form.len() >= 8 && holds(b'-')).then(|| form.replace('-', ""));
    let plural = (form.len() <= 2 && is_exact(form)).then(|| format!("{form}s"));
    [possessive, spelling.rewrite(form), joined, plural].into_iter().flatten().collect()
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
        check("edema", &["oedema"]);
        check("tumour of the arm", &["tumor of the arm"]);
        check("gastro-oedema", &["gastro-edema", "gastrooedema"]);
        check("b-all", &[]);
        check("Crohn's disease", &["Crohns disease"]);
        check("wheeze-free", &["wheezefree"]);
        check("PE", &["PEs"]);
    }
}
