//! Forms of several meanings: which concept one names here, by its section, its neighbours, its case and the note's type.
//!
//! Rows of a form are read in the order of the table; the first whose conditions all hold decides. Where none does, the
//! lexicon's own concept stands, so that a last row without conditions closes the form.

use rustc_hash::FxHashMap;

use crate::document::{Document, SectionKind, Sentence};
use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{CaseCheck, TableSource, matches_exactly, table};
use crate::token::Token;
use crate::{ConceptIndex, Error, Result};

/// The table of meanings.
#[derive(Clone, Debug)]
pub(super) struct Senses {
    forms: PhraseTrie,
    rows: Vec<Sense>,
}

#[derive(Clone, Debug)]
struct Sense {
    /// The spelling that the text must have, where case tells.
    exact: Option<Box<str>>,
    conditions: Vec<Condition>,
    concept: Option<ConceptIndex>,
}

#[derive(Clone, Debug)]
struct Condition {
    kind: Kind,
    /// Whether it must not hold.
    is_negated: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    /// One of these phrases stands in the sentence.
    Near(PhraseTrie),
    /// One of these phrases stands right before the form.
    Before(PhraseTrie),
    /// One of these phrases stands right after the form.
    After(PhraseTrie),
    Section(Vec<SectionKind>),
    /// The note's type holds one of these words.
    Note(Vec<Box<str>>),
    /// The form is written without a small letter, or without a capital.
    Case(Case),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Capitals,
    Small,
}

/// What the table says of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Tokens of the form.
    pub used: usize,
    /// The concept it names; `None` where it names no problem.
    pub concept: Option<ConceptIndex>,
}

/// A sentence as conditions see it.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub document: &'a Document,
    pub sentence: &'a Sentence,
    pub tokens: &'a [Token],
}

/// Most tokens of a phrase before a form.
const MAX_BEFORE: usize = 4;

impl Senses {
    /// Reads the table: `form`, `concept`, `when`, `example`, `counterexample`, `source`.
    pub fn parse(
        source: &TableSource,
        by_id: &FxHashMap<&str, ConceptIndex>,
        section_kind: impl Fn(&str) -> Option<SectionKind>,
    ) -> Result<Senses> {
        let mut senses = Senses { forms: PhraseTrie::new(Compared::Words), rows: Vec::new() };
        let columns = ["form", "concept", "when", "example", "counterexample", "source"];
        for row in table::rows(&source.name, &source.text, columns)? {
            let [form, concept, when, _example, _counterexample, _source] = row.cells;
            let problem = |problem: String| Error::table(&source.name, row.line, problem);
            let concept = match concept {
                "" => None,
                id => Some(*by_id.get(id).ok_or_else(|| problem(format!("no concept {id:?}")))?),
            };
            let conditions = when.split(';').map(str::trim).filter(|condition| !condition.is_empty());
            let conditions = conditions.map(|condition| Condition::parse(condition, &section_kind).map_err(problem));
            let conditions = conditions.collect::<Result<_>>()?;
            senses.forms.insert_text(form, senses.rows.len() as u32);
            let is_exact = !form.chars().any(char::is_lowercase);
            senses.rows.push(Sense { exact: is_exact.then(|| form.into()), conditions, concept });
        }
        Ok(senses)
    }

    /// What the table says of the longest of its forms at token `at` of a sentence; `None` where it says nothing.
    pub fn at(&self, context: Context<'_>, at: usize, case: impl Fn() -> CaseCheck) -> Option<Verdict> {
        let text = context.document.text();
        let own = context.tokens.get(at..)?;
        let (used, sense) = self.forms.longest(own, |used, row| {
            self.rows.get(row as usize).is_some_and(|sense| {
                let is_spelled = sense
                    .exact
                    .as_deref()
                    .is_none_or(|exact| matches_exactly(text, &own[..used], exact) && case() == CaseCheck::Exact);
                is_spelled && sense.conditions.iter().all(|condition| condition.holds(context, at, used))
            })
        })?;
        Some(Verdict { used, concept: self.rows.get(sense as usize)?.concept })
    }

    /// Every word that occurs in a form, as keys.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.forms.keys()
    }
}

impl Condition {
    /// Reads `KIND:VALUE|VALUE`, with a `!` before it where it must not hold.
    fn parse(text: &str, section_kind: impl Fn(&str) -> Option<SectionKind>) -> Result<Condition, String> {
        let (is_negated, positive) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let expected = "expected near:, before:, after:, section:, note: or case: and values";
        let (kind, values) = positive.split_once(':').ok_or_else(|| format!("when: {expected}, found {text:?}"))?;
        let phrases = || {
            let mut trie = PhraseTrie::new(Compared::Stems);
            values.split('|').for_each(|phrase| trie.insert_text(phrase, 0));
            trie
        };
        let kind = match kind {
            "near" => Kind::Near(phrases()),
            "before" => Kind::Before(phrases()),
            "after" => Kind::After(phrases()),
            "section" => {
                let known = |name: &str| section_kind(name).ok_or_else(|| format!("when: no section {name:?}"));
                Kind::Section(values.split('|').map(known).collect::<Result<_, _>>()?)
            }
            "note" => Kind::Note(values.split('|').map(|word| word.to_lowercase().into()).collect()),
            "case" => Kind::Case(match values {
                "capitals" => Case::Capitals,
                "small" => Case::Small,
                _ => return Err(format!("when: case: expected capitals or small, found {values:?}")),
            }),
            _ => return Err(format!("when: {expected}, found {text:?}")),
        };
        Ok(Condition { kind, is_negated })
    }

    fn holds(&self, context: Context<'_>, at: usize, used: usize) -> bool {
        let text = context.document.text();
        let tokens = context.tokens;
        let begins = |trie: &PhraseTrie, at: usize| {
            tokens.get(at..).is_some_and(|tokens| trie.longest(tokens, |_, _| true).is_some())
        };
        let holds = match &self.kind {
            Kind::Near(trie) => {
                let mut others = (0..tokens.len()).filter(|place| !(at..at + used).contains(place));
                others.any(|place| begins(trie, place))
            }
            Kind::Before(trie) => (1..=MAX_BEFORE.min(at)).any(|length| {
                let before = tokens.get(at - length..at).unwrap_or(&[]);
                trie.longest(before, |used, _| used == length).is_some()
            }),
            Kind::After(trie) => begins(trie, at + used),
            Kind::Section(kinds) => {
                let section = context.document.section_of(context.sentence);
                section.is_some_and(|section| kinds.contains(&section.kind))
            }
            Kind::Note(words) => {
                let kind = context.document.note().meta.note_type.as_deref().unwrap_or("").to_lowercase();
                words.iter().any(|word| kind.contains(&**word))
            }
            Kind::Case(case) => {
                let form = tokens.get(at..at + used).unwrap_or(&[]);
                form.iter().all(|token| {
                    token.span.of(text).chars().all(|character| match case {
                        Case::Capitals => !character.is_lowercase(),
                        Case::Small => !character.is_uppercase(),
                    })
                })
            }
        };
        holds != self.is_negated
    }
}
