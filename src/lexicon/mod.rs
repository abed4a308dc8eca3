//! Lexicons: checked tables of concepts and their surface forms, compiled for matching.
//!
//! A table is data (see `lexicons/README.md`); this module reads it, refuses what is malformed with the line, and
//! builds the trie. It knows nothing of notes.

pub(crate) mod embedded;
mod forms;
pub(crate) mod table;
pub(crate) mod trie;

use std::fmt;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::mention::{Concept, ConceptIndex, MentionType};
use crate::token::Token;
use crate::{Error, Result};
use forms::{Spelling, is_exact, variants};
use trie::{Compared, PhraseTrie};

/// A table as it was read: where it comes from, and its text.
#[derive(Clone, Debug)]
pub struct TableSource {
    /// Name or path, for messages and provenance.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Concepts and their surface forms, compiled for matching.
///
/// ```
/// let lexicon = noteward::Lexicon::embedded();
/// assert!(lexicon.concepts().any(|concept| concept.icd10cm.as_deref() == Some("I10")));
/// ```
#[derive(Clone)]
pub struct Lexicon {
    concepts: Vec<Concept>,
    forms: Vec<Form>,
    trie: PhraseTrie,
    hash: blake3::Hash,
}

/// A surface form.
#[derive(Clone, Debug)]
struct Form {
    concept: ConceptIndex,
    /// The form that the text must equal; `None` for any case.
    exact: Option<Box<str>>,
}

/// A surface form found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FormMatch {
    /// How many tokens it takes.
    pub used: usize,
    /// The concept it names.
    pub concept: ConceptIndex,
}

const COLUMNS: [&str; 7] = ["id", "name", "type", "icd10cm", "codes", "forms", "source"];

impl Lexicon {
    /// The lexicon that the program carries.
    pub fn embedded() -> Lexicon {
        #[expect(clippy::expect_used, reason = "a test reads every embedded table")]
        Lexicon::parse(&embedded::concepts(), &embedded::table("spelling.tsv"))
            .expect("embedded tables are well formed")
    }

    /// Compiles tables of concepts; a later row with the id of an earlier one replaces it, and a later form is
    /// preferred to an equal earlier one.
    ///
    /// # Errors
    /// A malformed table, with its name and line.
    pub fn parse(tables: &[TableSource], spelling: &TableSource) -> Result<Lexicon> {
        let spelling_rules = Spelling::parse(&spelling.name, &spelling.text)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(spelling.text.as_bytes());
        let mut rows: Vec<(Concept, Vec<&str>)> = Vec::new();
        let mut ids: FxHashMap<&str, usize> = FxHashMap::default();
        for source in tables {
            hasher.update(source.text.as_bytes());
            for row in table::rows(&source.name, &source.text, COLUMNS)? {
                let (concept, forms) = concept(&source.name, row.line, row.cells)?;
                match ids.get(row.cells[0]) {
                    Some(&place) => rows[place] = (concept, forms),
                    None => {
                        ids.insert(row.cells[0], rows.len());
                        rows.push((concept, forms));
                    }
                }
            }
        }
        let mut lexicon = Lexicon {
            concepts: Vec::new(),
            forms: Vec::new(),
            trie: PhraseTrie::new(Compared::Stems),
            hash: hasher.finalize(),
        };
        lexicon.compile(rows, &spelling_rules);
        Ok(lexicon)
    }

    /// Concepts, in the order of the tables.
    pub fn concepts(&self) -> impl ExactSizeIterator<Item = &Concept> {
        self.concepts.iter()
    }

    /// A concept by its index.
    pub fn concept(&self, index: ConceptIndex) -> Option<&Concept> {
        self.concepts.get(index.0 as usize)
    }

    /// How many surface forms the tables list, variants not counted.
    pub fn n_forms(&self) -> usize {
        self.forms.len()
    }

    /// Hash of the tables.
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// The longest form at the start of `tokens`; `case` is asked only where a form in capitals is spelled.
    pub(crate) fn longest(&self, text: &str, tokens: &[Token], case: impl Fn() -> CaseCheck) -> Option<FormMatch> {
        let accept = |used: usize, value: u32| {
            self.forms.get(value as usize).is_some_and(|form| match &form.exact {
                None => true,
                Some(exact) => matches_exactly(text, &tokens[..used], exact) && case() == CaseCheck::Exact,
            })
        };
        let (used, value) = self.trie.longest(tokens, accept)?;
        Some(FormMatch { used, concept: self.forms.get(value as usize)?.concept })
    }

    /// Every word that occurs in a form, as keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> {
        self.trie.keys()
    }

    fn compile(&mut self, rows: Vec<(Concept, Vec<&str>)>, spelling: &Spelling) {
        let n_words = rows.iter().map(|(_, forms)| 2 * (forms.len() + 1)).sum();
        self.trie.reserve(n_words);
        let (first, second) = rows.split_at(rows.len() / 2);
        // Spelling out forms takes most of the time, and needs nothing but the rows.
        let (first, second) = std::thread::scope(|threads| {
            let other = threads.spawn(|| Spelled::of(second, spelling));
            let own = Spelled::of(first, spelling);
            (own, other.join().unwrap_or_default())
        });
        let mut derived = Vec::new();
        let half = (rows.len() / 2) as u32;
        // Backwards, so that of two equal forms the later one stands first in the trie.
        for (spelled, base) in [(&second, half), (&first, 0)] {
            let mut variants = Vec::new();
            for form in spelled.forms.iter().rev() {
                let keys = spelled.keys.get(form.keys.clone()).unwrap_or(&[]).iter().copied();
                if form.is_variant {
                    variants.push(keys);
                    continue;
                }
                let place = self.forms.len() as u32;
                self.forms.push(Form { concept: ConceptIndex(base + form.row), exact: form.exact.clone() });
                self.trie.insert(keys, place);
                derived.extend(variants.drain(..).map(|variant| (variant, place)));
            }
        }
        // After every listed form, so that what a table says goes before what is derived.
        for (variant, place) in derived {
            self.trie.insert(variant, place);
        }
        self.concepts = rows.into_iter().map(|(concept, _)| concept).collect();
    }
}

/// The forms of some rows as keys of words; the variants of a form follow it.
#[derive(Default)]
struct Spelled {
    forms: Vec<SpelledForm>,
    /// The keys of all forms, one after another.
    keys: Vec<u64>,
}

struct SpelledForm {
    /// Its row among those spelled together.
    row: u32,
    exact: Option<Box<str>>,
    keys: Range<usize>,
    is_variant: bool,
}

impl Spelled {
    /// Spells out the forms of rows, the name of each first.
    fn of(rows: &[(Concept, Vec<&str>)], spelling: &Spelling) -> Spelled {
        let mut spelled = Spelled::default();
        for (row, (concept, listed)) in rows.iter().enumerate() {
            for form in std::iter::once(concept.name.as_str()).chain(listed.iter().copied()) {
                let exact = is_exact(form).then(|| Box::from(form));
                spelled.push(row, form, exact, false);
                for variant in variants(form, spelling) {
                    spelled.push(row, &variant, None, true);
                }
            }
        }
        spelled
    }

    fn push(&mut self, row: usize, form: &str, exact: Option<Box<str>>, is_variant: bool) {
        let first = self.keys.len();
        Compared::Stems.append_keys(form, &mut self.keys);
        self.forms.push(SpelledForm { row: row as u32, exact, keys: first..self.keys.len(), is_variant });
    }
}

impl fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lexicon({} concepts, {} forms)", self.concepts.len(), self.forms.len())
    }
}

/// Whether the case of the text tells abbreviations from words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CaseCheck {
    /// It does: forms in capitals match only in capitals.
    Exact,
    /// It does not, since everything is in capitals: forms in capitals do not match.
    Meaningless,
}

/// The text under the tokens equals the form, or its plural in `s`.
fn matches_exactly(text: &str, tokens: &[Token], form: &str) -> bool {
    let [first, .., last] = tokens else {
        return tokens.first().is_some_and(|token| is_form_or_plural(token.span.of(text), form));
    };
    is_form_or_plural(first.span.cover(last.span).of(text), form)
}

fn is_form_or_plural(found: &str, form: &str) -> bool {
    found == form || found.strip_suffix('s').is_some_and(|stem| stem == form)
}

fn concept<'a>(table: &str, line: usize, cells: [&'a str; 7]) -> Result<(Concept, Vec<&'a str>)> {
    let [id, name, kind, icd10cm, codes, forms, _source] = cells;
    let problem = |problem: String| Err(Error::table(table, line, problem));
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
    let some = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
    let concept =
        Concept { id: id.to_owned(), name: name.to_owned(), kind, icd10cm: some(icd10cm), codes: some(codes) };
    Ok((concept, forms))
}

/// The shape of an ICD-10-CM code: a letter, a digit, a digit or letter, and up to four after the dot.
fn is_icd10cm(code: &str) -> bool {
    let bytes = code.as_bytes();
    let shape = bytes.len() >= 3
        && bytes[0].is_ascii_uppercase()
        && bytes[1].is_ascii_digit()
        && bytes[2].is_ascii_alphanumeric();
    shape
        && match bytes.get(3..) {
            None | Some([]) => true,
            Some([b'.', rest @ ..]) => (1..=4).contains(&rest.len()) && rest.iter().all(u8::is_ascii_alphanumeric),
            Some(_) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokenize;

    fn lexicon(rows: &str) -> Result<Lexicon> {
        let concepts = TableSource { name: "c.tsv".into(), text: format!("{}\n{rows}", COLUMNS.join("\t")) };
        let spelling = TableSource { name: "s.tsv".into(), text: "british\tamerican\n".into() };
        Lexicon::parse(&[concepts], &spelling)
    }

    #[test]
    fn capitals_match_only_in_capitals() {
        let lexicon = lexicon("pulmonary-embolism\tpulmonary embolism\tdiagnosis\tI26.99\t-\tPE\thand\n").unwrap();
        let found = |text: &str, case| lexicon.longest(text, &tokenize(text, |_| false), || case).map(|m| m.used);
        assert_eq!(found("PE", CaseCheck::Exact), Some(1));
        assert_eq!(found("PEs", CaseCheck::Exact), Some(1));
        assert_eq!(found("pe", CaseCheck::Exact), None);
        assert_eq!(found("PE", CaseCheck::Meaningless), None);
        assert_eq!(found("PULMONARY EMBOLISM", CaseCheck::Meaningless), Some(2));
    }

    #[test]
    fn a_later_row_replaces_an_earlier_one_and_its_forms_win() {
        let rows = "a\tcold\tdiagnosis\tJ00\t-\t-\thand\nb\tchill\tsymptom\t-\t-\tcold\thand\na\tcatarrh\tdiagnosis\t-\t-\t-\thand\n";
        let lexicon = lexicon(rows).unwrap();
        assert_eq!(lexicon.concepts().len(), 2);
        let found = lexicon.longest("cold", &tokenize("cold", |_| false), || CaseCheck::Exact).unwrap();
        assert_eq!(lexicon.concept(found.concept).unwrap().id, "b");
    }

    #[test]
    fn malformed_rows_are_named() {
        let message = |row: &str| lexicon(row).unwrap_err().to_string();
        assert_eq!(
            message("a\tb\tsign\t-\t-\t-\thand\n"),
            "c.tsv: line 2: type: expected symptom, finding or diagnosis, found \"sign\""
        );
        assert!(message("a\tb\tfinding\tI509\t-\t-\thand\n").contains("expected a dotted code"));
        assert!(message("a\tb\tfinding\t-\tX\t-\thand\n").contains("SYSTEM:CODE"));
        assert!(message("a\tb\tfinding\t-\t-\t...\thand\n").contains("holds no word"));
    }
}
