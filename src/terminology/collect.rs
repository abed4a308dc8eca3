//! Collecting: what importers read, filtered, typed, and given to the compiler; what is left out is counted with its reason.

use std::collections::BTreeMap;
use std::path::Path;

use rustc_hash::FxHashMap;

use super::forms::{DroppedForms, Rewrites, clean};
use super::report::{BuildReport, DroppedFile, Malformed};
use super::systems::{Codes, Systems};
use super::types::{Class, Types};
use super::{BuildOptions, Suppressed, SynonymScope};
use crate::Result;
use crate::lexicon::compile::{Added, Compiled, Compiler, Rank};
use crate::lexicon::forms::Spelling;
use crate::mention::{Concept, MentionType};

/// The tables by which terminologies are compiled.
pub(super) struct Tables {
    pub types: Types,
    pub systems: Systems,
    pub dropped: DroppedForms,
    pub rewrites: Rewrites,
    pub spelling: Spelling,
}

/// Takes what importers read.
pub(super) struct Collector<'a> {
    compiler: Compiler<'a>,
    options: &'a BuildOptions,
    tables: &'a Tables,
    /// Index of each concept by a hash of its id.
    ids: FxHashMap<u128, u32>,
    untyped: BTreeMap<String, u64>,
    report: BuildReport,
    dropped: Option<DroppedFile>,
    file: String,
    is_full: bool,
}

/// A concept as a terminology gives it.
#[derive(Clone, Debug)]
pub(super) struct SourceConcept<'c> {
    pub id: &'c str,
    pub name: &'c str,
    pub class: SourceClass<'c>,
    pub codes: &'c Codes,
}

/// What a terminology says of the type of a concept.
#[derive(Clone, Copy, Debug)]
pub(super) enum SourceClass<'c> {
    /// Classes of a terminology, the nearest first.
    Of(&'c str, &'c [&'c str]),
    /// A type, or a class by key or name.
    Named(&'c str),
    /// The type itself.
    Type(MentionType),
}

/// Where a term comes from, by which it may be left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Provenance<'c> {
    pub vocabulary: &'c str,
    pub language: Option<&'c str>,
    pub is_suppressed: bool,
}

impl<'a> Collector<'a> {
    pub fn new(options: &'a BuildOptions, tables: &'a Tables, dropped: Option<DroppedFile>) -> Collector<'a> {
        Collector {
            compiler: Compiler::new(&tables.spelling),
            options,
            tables,
            ids: FxHashMap::default(),
            untyped: BTreeMap::new(),
            report: BuildReport::default(),
            dropped,
            file: String::new(),
            is_full: false,
        }
    }

    /// The tables.
    pub fn tables(&self) -> &'a Tables {
        self.tables
    }

    /// Says which file is read from here on.
    pub fn begin(&mut self, path: &Path) {
        self.file = path.display().to_string();
    }

    /// Whether the filters let a term of this provenance pass; one that they do not is counted.
    pub fn keeps(&mut self, from: Provenance<'_>) -> bool {
        let listed = |list: &[String], value: &str| list.iter().any(|item| item.eq_ignore_ascii_case(value));
        let vocabularies = &self.options.vocabularies;
        let reason = if !vocabularies.is_empty() && !listed(vocabularies, from.vocabulary) {
            "of another vocabulary"
        } else if from.language.is_some_and(|language| !listed(&self.options.languages, language)) {
            "in another language"
        } else if from.is_suppressed && self.options.suppressed == Suppressed::LeftOut {
            "suppressed or obsolete in its source"
        } else {
            return true;
        };
        self.left_out(reason);
        false
    }

    /// Adds a concept, or finds the one of its id; `None` where it is no health problem or the filters leave it out.
    pub fn concept(&mut self, concept: &SourceConcept<'_>) -> Option<u32> {
        let kind = self.kind(concept.class)?;
        let name = clean(concept.name);
        if self.compiler.is_full() {
            self.is_full = true;
            return None;
        }
        let hash = xxhash_rust::xxh3::xxh3_128(concept.id.as_bytes());
        if let Some(&index) = self.ids.get(&hash) {
            return Some(index);
        }
        let others = concept.codes.others();
        let index = self.compiler.bare_concept(Concept {
            id: concept.id,
            name: &name,
            kind,
            icd10cm: concept.codes.icd10cm(),
            codes: others.as_deref(),
        });
        self.ids.insert(hash, index);
        Some(index)
    }

    /// The type of a concept; `None`, counted, where it has none or is not asked for.
    fn kind(&mut self, class: SourceClass<'_>) -> Option<MentionType> {
        let types = &self.tables.types;
        let found = match class {
            SourceClass::Type(kind) => return Some(kind),
            SourceClass::Named(cell) => types.named(cell),
            SourceClass::Of(terminology, keys) => keys.iter().find_map(|key| types.class(terminology, key)),
        };
        let is_filtered = !self.options.semantic_types.is_empty();
        if is_filtered && !self.is_selected(class) {
            self.left_out("of another semantic type");
            return None;
        }
        match (found, self.options.default_type) {
            (Some(Class::Of(kind)), _) => Some(kind),
            // What the table calls no problem is one only for who asks for it by name.
            (Some(Class::NoProblem), Some(kind)) if is_filtered => Some(kind),
            (None, Some(kind)) => Some(kind),
            (Some(Class::NoProblem), _) => {
                self.left_out("no health problem by its semantic type");
                None
            }
            (None, None) => {
                self.left_out("of a semantic type without a type of mention");
                let label = match class {
                    SourceClass::Named(cell) if !cell.is_empty() => cell,
                    SourceClass::Of(_, keys) => keys.last().copied().unwrap_or("none"),
                    _ => "none",
                };
                *self.untyped.entry(label.to_owned()).or_default() += 1;
                None
            }
        }
    }

    /// Whether a class is one of those that are asked for, by key or name.
    fn is_selected(&self, class: SourceClass<'_>) -> bool {
        let types = &self.tables.types;
        let selected = |value: &str| self.options.semantic_types.iter().any(|item| item.eq_ignore_ascii_case(value));
        match class {
            SourceClass::Type(_) => true,
            SourceClass::Named(cell) => selected(cell),
            SourceClass::Of(terminology, keys) => {
                keys.iter().any(|key| selected(key) || types.name(terminology, key).is_some_and(selected))
            }
        }
    }

    /// Adds a form that the user chose: no filter of forms holds for it.
    pub fn chosen(&mut self, line: u64, concept: u32, id: &str, form: &str, rank: Rank) {
        if self.compiler.is_full() {
            self.is_full = true;
            return;
        }
        match self.compiler.ranked_form(concept, form, rank) {
            Added::New => {}
            Added::Known => self.left_out("spelled like another form of its concept"),
            Added::NoWord => self.drop_form(line, id, form, "without a word", "holds no word"),
        }
    }

    /// Adds a form of a concept, where nothing speaks against it.
    pub fn term(&mut self, line: u64, concept: u32, id: &str, term: &str, rank: Rank) {
        let form = clean(term);
        let n_characters = form.chars().count();
        let (least, most) = (self.options.min_characters, self.options.max_characters);
        if n_characters < least {
            return self.drop_form(line, id, &form, "too short", &format!("shorter than {least} characters"));
        }
        if n_characters > most {
            return self.drop_form(line, id, &form, "too long", &format!("longer than {most} characters"));
        }
        if let Some(reason) = self.tables.dropped.reason(&form) {
            return self.drop_form(line, id, &form, "ambiguous or dangerous", reason);
        }
        if !form.chars().any(char::is_alphabetic) {
            return self.drop_form(line, id, &form, "without a word", "holds no word");
        }
        self.chosen(line, concept, id, &form, rank);
    }

    /// Adds a synonym of a concept, if its scope is asked for.
    pub fn synonym(&mut self, line: u64, concept: u32, id: &str, term: &str, scope: SynonymScope) {
        if !self.options.synonyms.contains(&scope) {
            return self.left_out("a synonym of another scope");
        }
        let rank = if scope == SynonymScope::Exact { Rank::Exact } else { Rank::Loose };
        self.term(line, concept, id, term, rank);
    }

    /// Adds a name of a concept, and the name without the words that notes leave out.
    pub fn title(&mut self, line: u64, concept: u32, id: &str, terminology: &str, title: &str) {
        self.term(line, concept, id, title, Rank::Name);
        if let Some(rewritten) = self.tables.rewrites.rewrite(terminology, title) {
            self.term(line, concept, id, &rewritten, Rank::Name);
        }
    }

    fn drop_form(&mut self, line: u64, id: &str, form: &str, counted: &'static str, reason: &str) {
        self.left_out(counted);
        if let Some(dropped) = &mut self.dropped {
            dropped.write(&self.file, line, id, form, reason);
        }
    }

    fn left_out(&mut self, reason: &'static str) {
        *self.report.left_out.entry(reason).or_default() += 1;
    }

    /// Reports a line that does not read as it should. The problem never holds words of the line, which is a note where the
    /// wrong file was named.
    pub fn malformed(&mut self, line: u64, problem: impl Into<String>) {
        let problem = problem.into();
        if let Some(dropped) = &mut self.dropped {
            dropped.write(&self.file, line, "", "", &format!("malformed: {problem}"));
        }
        self.report.n_malformed += 1;
        if self.report.malformed.len() < BuildReport::N_NAMED {
            self.report.malformed.push(Malformed { file: self.file.clone(), line, problem });
        }
    }

    /// Concepts and forms so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.compiler.n_concepts() as u64, self.compiler.n_listed())
    }

    /// The compiled lexicon, and what came of the files.
    ///
    /// # Errors
    /// The file of dropped forms cannot be written; more text than a lexicon holds; nothing to compile.
    pub fn finish(mut self) -> Result<(Compiled, BuildReport)> {
        if let Some(dropped) = self.dropped.take() {
            dropped.finish()?;
        }
        let mut untyped: Vec<(String, u64)> = self.untyped.into_iter().collect();
        untyped.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        untyped.truncate(BuildReport::N_NAMED);
        self.report.untyped = untyped;
        (self.report.concepts, self.report.forms) = (self.compiler.n_concepts() as u64, self.compiler.n_listed());
        if self.is_full {
            let problem = "the terms hold more text than one lexicon can (1 GiB): leave some out (--vocabulary, \
                           --semantic-type), or build several and give each to --lexicon";
            return Err(crate::Error::config(problem));
        }
        if self.report.forms == 0 {
            return Err(crate::Error::config(self.report.why_nothing(&self.tables.types.terminologies())));
        }
        let compiled = self.compiler.finish(None);
        Ok((compiled, self.report))
    }
}
