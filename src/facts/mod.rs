//! Facts: procedures, drugs, devices, behaviour, states, age and sex, found by tables.
//!
//! One pass over the tokens of a sentence: at each, the longest form of the tables of facts, and an age or a sex. Total, and
//! linear in the text. Knows nothing of mentions, which facts may overlap; the assertion is decided elsewhere.

mod amounts;
mod people;
mod words;

use std::cell::OnceCell;

use rustc_hash::FxHashMap;

use crate::document::{Document, Sentence};
use crate::fact::{Amount, Fact, FactConcept, FactIndex, FactType, FactTypes, Says};
use crate::lexicon::forms::{Spelling, is_exact, variants};
use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{CaseCheck, TableSource, case_check, matches_exactly, table};
use crate::token::{Token, TokenKind};
use crate::{Assertion, Error, Result, Span};
use people::Person;
use words::Words;

/// The tables that the engine reads.
#[derive(Clone, Debug)]
pub(crate) struct FactTables<'a> {
    /// Concepts and their forms: `id`, `name`, `type`, `codes`, `forms`, `source`.
    pub concepts: Vec<&'a TableSource>,
    /// What makes a form before it no fact: `phrase`, `types`, `example`, `source`.
    pub after: &'a TableSource,
    /// Words of amounts, ages and sexes: `phrase`, `class`, `value`, `source`.
    pub words: &'a TableSource,
    /// British and American spelling.
    pub spelling: &'a TableSource,
}

/// Finds facts.
#[derive(Clone, Debug)]
pub(crate) struct FactRecognizer {
    concepts: Vec<Concept>,
    forms: PhraseTrie,
    /// What each value of `forms` stands for.
    rows: Vec<Form>,
    after: PhraseTrie,
    /// The types that each phrase of `after` holds for.
    after_types: Vec<FactTypes>,
    words: Words,
    known: Known,
}

#[derive(Clone, Debug)]
struct Concept {
    id: Box<str>,
    name: Box<str>,
    kind: FactType,
    codes: Option<Box<str>>,
}

/// A surface form.
#[derive(Clone, Debug)]
struct Form {
    /// `None` for a phrase that only looks like a fact.
    concept: Option<FactIndex>,
    /// The form where it holds in this case only.
    exact: Option<Box<str>>,
    role: Role,
}

/// What a form tells besides its concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Role {
    Plain,
    /// It says more by itself.
    Says(Says),
    /// It is a word of an amount: no fact of its own beside another of its concept.
    Amount,
}

/// The concepts that the engine itself gives.
#[derive(Clone, Copy, Debug)]
struct Known {
    tobacco: FactIndex,
    alcohol: FactIndex,
    age: FactIndex,
    male: FactIndex,
    female: FactIndex,
}

const COLUMNS: [&str; 6] = ["id", "name", "type", "codes", "forms", "source"];
/// The id of rows whose forms are no facts.
const NO_FACT: &str = "none";

impl FactRecognizer {
    /// Reads the tables.
    ///
    /// # Errors
    /// A malformed table, with its name and line.
    pub fn new(tables: &FactTables<'_>) -> Result<FactRecognizer> {
        let spelling = Spelling::parse(&tables.spelling.name, &tables.spelling.text)?;
        let mut compiler = Compiler { spelling, ..Compiler::default() };
        for source in &tables.concepts {
            for row in table::rows(&source.name, &source.text, COLUMNS)? {
                compiler.row(row.cells).map_err(|problem| Error::table(&source.name, row.line, problem))?;
            }
        }
        let mut after = PhraseTrie::new(Compared::Words);
        let mut after_types = Vec::new();
        let source = tables.after;
        for row in table::rows(&source.name, &source.text, ["phrase", "types", "example", "source"])? {
            let [phrase, types, _example, _source] = row.cells;
            let types = FactTypes::parse(types);
            let unknown = |name| Error::table(&source.name, row.line, format!("types: {name:?} is no type"));
            after.insert_text(phrase, after_types.len() as u32);
            after_types.push(types.map_err(unknown)?);
        }
        let known = |id: &str| {
            let index = compiler.ids.get(id).copied();
            index.ok_or_else(|| Error::table("tables of facts", 1, format!("no row {id:?}, which the program gives")))
        };
        let known = Known {
            tobacco: known("behaviour.tobacco")?,
            alcohol: known("behaviour.alcohol")?,
            age: known("demographic.age")?,
            male: known("demographic.sex.male")?,
            female: known("demographic.sex.female")?,
        };
        let (concepts, forms, rows) = (compiler.concepts, compiler.forms.0, compiler.rows);
        Ok(FactRecognizer { concepts, forms, rows, after, after_types, words: Words::parse(tables.words)?, known })
    }

    /// A concept by its index.
    pub fn concept(&self, index: FactIndex) -> Option<FactConcept<'_>> {
        let concept = self.concepts.get(index.0 as usize)?;
        Some(FactConcept { id: &concept.id, name: &concept.name, kind: concept.kind, codes: concept.codes.as_deref() })
    }

    /// The concepts, in the order of the tables.
    pub fn concepts(&self) -> impl Iterator<Item = FactConcept<'_>> {
        (0..self.concepts.len() as u32).filter_map(|index| self.concept(FactIndex(index)))
    }

    /// The facts of one sentence, sorted by span, none asserted yet; `index` is the sentence's place in the document.
    pub fn find(&self, document: &Document, sentence: &Sentence, index: u32) -> Vec<Fact> {
        let text = document.text();
        let tokens = document.tokens_of(sentence);
        let known_case = OnceCell::new();
        let case = || *known_case.get_or_init(|| case_check(text, tokens));
        let mut found: Vec<(Fact, Role)> = Vec::new();
        let mut people = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if !token.is_wordlike() && token.kind != TokenKind::Punctuation {
                at += 1;
                continue;
            }
            if let Some(next) = people::find(&self.words, text, tokens, at, &mut people) {
                found.extend(people.drain(..).map(|person| (self.person(person, index), Role::Plain)));
                at = next.max(at + 1);
                continue;
            }
            let Some((used, form)) = self.longest(text, tokens, at, case) else {
                at += 1;
                continue;
            };
            let end = at + used;
            if let Some(concept) = form.concept
                && let Some(kind) = self.concepts.get(concept.0 as usize).map(|concept| concept.kind)
                && !self.is_followed(tokens.get(end..).unwrap_or(&[]), kind)
                && let Some(last) = tokens.get(end - 1)
            {
                let says = if let Role::Says(says) = form.role { Some(says) } else { None };
                let span = token.span.cover(last.span);
                let fact =
                    Fact { span, kind, concept, sentence: index, amount: None, says, assertion: Assertion::default() };
                found.push((fact, form.role));
            }
            at = end;
        }
        // A sex stands behind its age, with facts between, and may be found from its own words too.
        found.sort_by_key(|(fact, _)| fact.span);
        found.dedup_by_key(|(fact, _)| (fact.span, fact.concept));
        self.with_amounts(text, tokens, found)
    }

    /// The longest form at a token.
    fn longest(&self, text: &str, tokens: &[Token], at: usize, case: impl Fn() -> CaseCheck) -> Option<(usize, &Form)> {
        let rest = tokens.get(at..)?;
        let (used, row) = self.forms.longest(rest, |used, row| {
            self.rows.get(row as usize).and_then(|form| form.exact.as_deref()).is_none_or(|exact| {
                matches_exactly(text, rest.get(..used).unwrap_or(&[]), exact) && case() == CaseCheck::Exact
            })
        })?;
        Some((used, self.rows.get(row as usize)?))
    }

    /// Whether what follows a form of a type makes it no fact.
    fn is_followed(&self, rest: &[Token], kind: FactType) -> bool {
        let rest = if rest.first().is_some_and(Token::is_hyphen) { rest.get(1..).unwrap_or(&[]) } else { rest };
        let holds = |row: u32| self.after_types.get(row as usize).is_some_and(|types| types.contains(kind));
        self.after.longest(rest, |_, row| holds(row)).is_some()
    }

    fn person(&self, person: Person, sentence: u32) -> Fact {
        let (span, concept, amount): (Span, FactIndex, Option<Amount>) = match person {
            Person::Age(span, amount) => (span, self.known.age, Some(amount)),
            Person::Male(span) => (span, self.known.male, None),
            Person::Female(span) => (span, self.known.female, None),
        };
        let kind = FactType::Demographic;
        Fact { span, kind, concept, sentence, amount, says: None, assertion: Assertion::default() }
    }

    /// Gives the amounts of a sentence to the first fact of each behaviour, and drops words of amounts beside it.
    fn with_amounts(&self, text: &str, tokens: &[Token], mut found: Vec<(Fact, Role)>) -> Vec<Fact> {
        for concept in [self.known.tobacco, self.known.alcohol] {
            let own = |fact: &Fact| fact.concept == concept;
            if !found.iter().any(|(fact, _)| own(fact)) {
                continue;
            }
            if found.iter().any(|(fact, role)| own(fact) && *role != Role::Amount) {
                found.retain(|(fact, role)| !own(fact) || *role != Role::Amount);
            } else {
                let mut is_first = true;
                found.retain(|(fact, _)| !own(fact) || std::mem::take(&mut is_first));
            }
            let amount = if concept == self.known.tobacco {
                amounts::pack_years(&self.words, text, tokens)
            } else {
                amounts::drinks(&self.words, text, tokens)
            };
            if let Some((fact, _)) = found.iter_mut().find(|(fact, _)| own(fact)) {
                fact.amount = amount;
            }
        }
        found.into_iter().map(|(fact, _)| fact).collect()
    }
}

/// Collects concepts and forms.
#[derive(Default)]
struct Compiler {
    spelling: Spelling,
    concepts: Vec<Concept>,
    ids: FxHashMap<String, FactIndex>,
    forms: Forms,
    rows: Vec<Form>,
}

/// An empty trie by default.
struct Forms(PhraseTrie);

impl Default for Forms {
    fn default() -> Forms {
        Forms(PhraseTrie::new(Compared::Stems))
    }
}

impl Compiler {
    fn row(&mut self, cells: [&str; 6]) -> Result<(), String> {
        let [id, name, kind, codes, forms, _source] = cells;
        if id.is_empty() || name.is_empty() {
            return Err("id and name must not be empty".into());
        }
        let concept = if id == NO_FACT { None } else { Some(self.concept(id, name, kind, codes)?) };
        // Ages and sexes are found by their words, not by names.
        if concept.is_some() && kind != FactType::Demographic.name() {
            self.form(concept, name, Role::Plain);
        }
        for form in forms.split('|').filter(|form| !form.is_empty()) {
            let (role, form) = match form.split_once(':') {
                Some(("absent", form)) => (Role::Says(Says::Absent), form),
                Some(("historical", form)) => (Role::Says(Says::Historical), form),
                Some(("hypothetical", form)) => (Role::Says(Says::Hypothetical), form),
                Some(("amount", form)) => (Role::Amount, form),
                Some((mark, _)) => {
                    return Err(format!(
                        "forms: expected absent:, historical:, hypothetical: or amount: before a form, found {mark:?}"
                    ));
                }
                None => (Role::Plain, form),
            };
            if !form.chars().any(char::is_alphanumeric) {
                return Err(format!("forms: {form:?} holds no word"));
            }
            self.form(concept, form, role);
        }
        Ok(())
    }

    fn concept(&mut self, id: &str, name: &str, kind: &str, codes: &str) -> Result<FactIndex, String> {
        let Some(kind) = FactType::from_name(kind) else {
            let names = FactType::ALL.map(FactType::name).join(", ");
            return Err(format!("type: expected one of {names}, found {kind:?}"));
        };
        if id.split('.').next() != Some(kind.name()) {
            return Err(format!("id: expected one that begins with {:?}, found {id:?}", kind.name()));
        }
        if let Some(code) = codes.split(';').find(|code| !code.is_empty() && !code.contains(':')) {
            return Err(format!("codes: expected SYSTEM:CODE, found {code:?}"));
        }
        if self.ids.contains_key(id) {
            return Err(format!("id: {id:?} comes twice"));
        }
        let index = FactIndex(self.concepts.len() as u32);
        self.ids.insert(id.to_owned(), index);
        let codes = Some(codes).filter(|codes| !codes.is_empty()).map(Box::from);
        self.concepts.push(Concept { id: id.into(), name: name.into(), kind, codes });
        Ok(index)
    }

    fn form(&mut self, concept: Option<FactIndex>, form: &str, role: Role) {
        let exact = is_exact(form).then(|| Box::from(form));
        for spelled in std::iter::once(form.to_owned()).chain(variants(form, &self.spelling)) {
            self.forms.0.insert_text(&spelled, self.rows.len() as u32);
        }
        self.rows.push(Form { concept, exact, role });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(row: &str) -> String {
        let source = |name: &str, text: &str| TableSource { name: name.into(), text: text.into() };
        let concepts = source("f.tsv", &format!("{}\n{row}\n", COLUMNS.join("\t")));
        let after = source("a.tsv", "phrase\ttypes\texample\tsource\n");
        let words = source("w.tsv", "phrase\tclass\tvalue\tsource\n");
        let spelling = source("s.tsv", "british\tamerican\n");
        let tables = FactTables { concepts: vec![&concepts], after: &after, words: &words, spelling: &spelling };
        FactRecognizer::new(&tables).unwrap_err().to_string()
    }

    #[test]
    fn malformed_rows_are_named() {
        let check = |row: &str, expected: &str| assert!(error(row).contains(expected), "{row}: {}", error(row));
        check("drug.x\tx\tdrugs\t-\t-\thand", "f.tsv: line 2: type: expected one of procedure, drug");
        check("drug.x\tx\tdevice\t-\t-\thand", "id: expected one that begins with \"device\"");
        check("drug.x\tx\tdrug\tB01\t-\thand", "codes: expected SYSTEM:CODE");
        check("drug.x\tx\tdrug\t-\tonce:y\thand", "before a form, found \"once\"");
        check("drug.x\tx\tdrug\t-\t...\thand", "holds no word");
        check("drug.x\tx\tdrug\t-\t-\thand", "no row \"behaviour.tobacco\", which the program gives");
    }
}
