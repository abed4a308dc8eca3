//! Lexicons: concepts and their surface forms, compiled for matching.
//!
//! Tables of concepts are data (see `lexicons/README.md`); they are checked and compiled into an image, the embedded ones when
//! the program is built. This module knows nothing of notes.

pub(crate) mod compile;
pub(crate) mod concepts;
pub(crate) mod embedded;
pub(crate) mod forms;
mod image;
mod listing;
mod phrase;
pub(crate) mod table;
pub(crate) mod trie;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::Result;
use crate::mention::{Concept, ConceptIndex, LinkKind, MentionType};
use crate::token::{Token, TokenKind};
pub(crate) use concepts::forms as concept_rows;
use image::{Bytes, FormEntry, Image};

/// A table as it was read: where it comes from, and its text.
#[derive(Clone, Debug)]
pub struct TableSource {
    /// Name or path, for messages and provenance.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Concepts and their surface forms, compiled for matching: those that the program carries, and the user's above them.
///
/// ```
/// let lexicon = noteward::Lexicon::embedded();
/// assert!(lexicon.concepts().any(|concept| concept.icd10cm == Some("I10")));
/// ```
#[derive(Clone)]
pub struct Lexicon {
    /// The embedded layer, then the user's; a later one is preferred.
    layers: Vec<Layer>,
}

#[derive(Clone)]
struct Layer {
    image: Image,
    /// Index of its first concept in the lexicon.
    first: u32,
    /// Its concepts that a later layer replaces.
    replaced: FxHashSet<u32>,
}

/// A surface form found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FormMatch {
    /// How many tokens it takes.
    pub used: usize,
    /// The concept it names.
    pub concept: ConceptIndex,
    /// Its place among the forms of the concept's layer.
    form: u32,
}

/// Where a surface form stands in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FormPlace {
    /// Tokens of the sentence.
    pub tokens: Range<usize>,
    /// The concept it names; `None` where it names no problem there.
    pub concept: Option<ConceptIndex>,
    /// Whether the lexicon or the note itself says so: `Exact` or `Defined`.
    pub kind: LinkKind,
}

impl Lexicon {
    /// The lexicon that the program carries.
    pub fn embedded() -> Lexicon {
        #[expect(clippy::expect_used, reason = "the image is made when the program is built, and a test opens it")]
        let image = Image::open(Arc::new(embedded::IMAGE)).expect("the embedded image is whole");
        Lexicon::of(image)
    }

    /// The embedded concepts with other British and American spellings.
    ///
    /// # Errors
    /// A malformed table of spellings.
    pub(crate) fn respelled(spelling: &TableSource) -> Result<Lexicon> {
        Lexicon::compile(&embedded::concepts(), spelling)
    }

    /// Compiles tables of concepts; a later row with the id of an earlier one replaces it, and a later form is
    /// preferred to an equal earlier one.
    ///
    /// # Errors
    /// A malformed table, with its name and line.
    pub fn compile(tables: &[TableSource], spelling: &TableSource) -> Result<Lexicon> {
        let tables: Vec<(&str, &str)> = tables.iter().map(|table| (table.name.as_str(), table.text.as_str())).collect();
        let bytes = concepts::compile(&tables, (&spelling.name, &spelling.text))?;
        let image = Image::open(Arc::new(bytes)).map_err(crate::Error::internal)?;
        Ok(Lexicon::of(image))
    }

    /// Opens a compiled lexicon, in time that does not depend on its size.
    ///
    /// # Errors
    /// What the bytes are instead, and the remedy.
    pub(crate) fn open(bytes: Bytes) -> Result<Lexicon, String> {
        Image::open(bytes).map(Lexicon::of)
    }

    /// Whether a file that begins with these bytes means to be a compiled lexicon.
    pub(crate) fn is_compiled(head: &[u8]) -> bool {
        head.starts_with(&image::MAGIC[..12])
    }

    fn of(image: Image) -> Lexicon {
        Lexicon { layers: vec![Layer { image, first: 0, replaced: FxHashSet::default() }] }
    }

    /// This lexicon with another above it: its concepts replace those of the same id, and its forms are preferred.
    #[must_use]
    pub fn with(mut self, above: Lexicon) -> Lexicon {
        let mut first = 0;
        for layer in &mut self.layers {
            for other in &above.layers {
                layer.replaced.extend(shared(&layer.image, &other.image));
            }
            first += layer.image.n_concepts() as u32;
        }
        for layer in &above.layers {
            self.layers.push(Layer { first: first + layer.first, ..layer.clone() });
        }
        self
    }

    /// Concepts, in the order of the tables; those that another replaces are left out.
    pub fn concepts(&self) -> impl Iterator<Item = Concept<'_>> {
        self.layers.iter().flat_map(|layer| {
            let own = (0..layer.image.n_concepts() as u32).filter(|index| !layer.replaced.contains(index));
            own.filter_map(|index| layer.image.concept(index))
        })
    }

    /// How many concepts there are.
    pub fn n_concepts(&self) -> usize {
        self.layers.iter().map(|layer| layer.image.n_concepts() - layer.replaced.len()).sum()
    }

    /// A concept by its index.
    pub fn concept(&self, index: ConceptIndex) -> Option<Concept<'_>> {
        let layer = self.layer_of(index)?;
        layer.image.concept(index.0 - layer.first)
    }

    /// What kind of problem a concept is.
    pub(crate) fn kind(&self, index: ConceptIndex) -> Option<MentionType> {
        let layer = self.layer_of(index)?;
        layer.image.kind(index.0 - layer.first)
    }

    /// The ICD-10-CM code of a concept.
    pub(crate) fn icd10cm(&self, index: ConceptIndex) -> Option<&str> {
        let layer = self.layer_of(index)?;
        layer.image.icd10cm(index.0 - layer.first)
    }

    /// Whether a concept is the user's.
    pub fn is_users(&self, index: ConceptIndex) -> bool {
        self.layer_of(index).is_some_and(|layer| layer.first > 0)
    }

    /// Concepts by id: the program's own, or those that replace them.
    pub(crate) fn by_id(&self) -> FxHashMap<&str, ConceptIndex> {
        let mut known = FxHashMap::default();
        for layer in &self.layers {
            let own = (0..layer.image.n_concepts() as u32).filter(|index| !layer.replaced.contains(index));
            let own = own.filter_map(|index| Some((layer.image.concept(index)?.id, ConceptIndex(layer.first + index))));
            known.extend(own);
            if layer.replaced.is_empty() {
                break;
            }
        }
        known
    }

    fn layer_of(&self, index: ConceptIndex) -> Option<&Layer> {
        self.layers.iter().rev().find(|layer| layer.first <= index.0)
    }

    /// How many surface forms the tables list, variants not counted.
    pub fn n_forms(&self) -> usize {
        self.layers.iter().map(|layer| layer.image.n_listed()).sum()
    }

    /// Hash of the tables.
    pub fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for layer in &self.layers {
            hasher.update(layer.image.hash().as_bytes());
        }
        hasher.finalize()
    }

    /// The longest form at the start of `tokens`; `case` is asked only where a form in capitals is spelled.
    pub(crate) fn longest(&self, text: &str, tokens: &[Token], case: impl Fn() -> CaseCheck) -> Option<FormMatch> {
        let mut best: Option<FormMatch> = None;
        for layer in self.layers.iter().rev() {
            let accept = |used: usize, form: FormEntry<'_>| {
                !layer.replaced.contains(&form.concept)
                    && form
                        .exact()
                        .is_none_or(|exact| matches_exactly(text, &tokens[..used], exact) && case() == CaseCheck::Exact)
            };
            if let Some((used, form)) = layer.image.longest(tokens, accept)
                && best.is_none_or(|best| used > best.used)
            {
                best = Some(FormMatch { used, concept: ConceptIndex(layer.first + form.concept), form: form.index });
            }
        }
        best
    }

    /// Whether a word, given by its key, occurs in a form.
    pub(crate) fn knows(&self, key: u64) -> bool {
        self.layers.iter().any(|layer| layer.image.knows(key))
    }
}

/// The concepts of an image whose ids another has too; the smaller of the two is gone through.
fn shared(image: &Image, other: &Image) -> Vec<u32> {
    if image.n_concepts() <= other.n_concepts() {
        let own = (0..image.n_concepts() as u32).filter_map(|index| Some((index, image.concept(index)?)));
        return own.filter(|(_, concept)| other.find(concept.id).is_some()).map(|(index, _)| index).collect();
    }
    let others = (0..other.n_concepts() as u32).filter_map(|index| other.concept(index));
    others.filter_map(|concept| image.find(concept.id)).collect()
}

impl fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lexicon({} concepts, {} forms)", self.n_concepts(), self.n_forms())
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

/// Whether case tells abbreviations from words in this sentence: not where every longer word is in capitals.
pub(crate) fn case_check(text: &str, tokens: &[Token]) -> CaseCheck {
    let mut capitals = 0;
    for token in tokens.iter().filter(|token| token.kind == TokenKind::Word && token.span.len() >= 4) {
        if token.span.of(text).chars().any(char::is_lowercase) {
            return CaseCheck::Exact;
        }
        capitals += 1;
    }
    if capitals >= 3 { CaseCheck::Meaningless } else { CaseCheck::Exact }
}

/// The text under the tokens equals the form, or its plural in `s`.
pub(crate) fn matches_exactly(text: &str, tokens: &[Token], form: &str) -> bool {
    let [first, .., last] = tokens else {
        return tokens.first().is_some_and(|token| is_form_or_plural(token.span.of(text), form));
    };
    is_form_or_plural(first.span.cover(last.span).of(text), form)
}

fn is_form_or_plural(found: &str, form: &str) -> bool {
    found == form || found.strip_suffix('s').is_some_and(|stem| stem == form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokenize;

    fn lexicon(rows: &str) -> Result<Lexicon> {
        let text = format!("{}\n{rows}", concepts::COLUMNS.join("\t"));
        let concepts = TableSource { name: "c.tsv".into(), text };
        let spelling = TableSource { name: "s.tsv".into(), text: "british\tamerican\n".into() };
        Lexicon::compile(&[concepts], &spelling)
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
        assert_eq!(lexicon.n_concepts(), 2);
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

    #[test]
    fn the_embedded_image_is_that_of_the_tables() {
        let spelling = embedded::table("spelling.tsv");
        let tables = embedded::concepts();
        let tables: Vec<(&str, &str)> = tables.iter().map(|table| (table.name.as_str(), table.text.as_str())).collect();
        let compiled = concepts::compile(&tables, (&spelling.name, &spelling.text)).unwrap();
        assert!(compiled == embedded::IMAGE, "build the program again");
    }

    #[test]
    fn a_layer_above_replaces_concepts_and_is_preferred() {
        let below = lexicon("a\tcold\tdiagnosis\tJ00\t-\t-\thand\nb\tcold sore\tfinding\t-\t-\tsore\thand\n").unwrap();
        let above = lexicon("a\tcatarrh\tdiagnosis\t-\t-\t-\thand\nc\tsore\tsymptom\t-\t-\t-\thand\n").unwrap();
        let both = below.with(above);
        let found = |text: &str| {
            let found = both.longest(text, &tokenize(text, |_| false), || CaseCheck::Exact)?;
            Some((both.concept(found.concept).unwrap().id, both.is_users(found.concept)))
        };
        assert_eq!(both.n_concepts(), 3);
        assert_eq!((found("cold"), found("catarrh")), (None, Some(("a", true))));
        assert_eq!((found("sore"), found("cold sore")), (Some(("c", true)), Some(("b", false))));
    }
}
