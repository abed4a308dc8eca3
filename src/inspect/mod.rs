//! Inspecting a lexicon: forms that stand twice, that several concepts claim, that nothing can match, and, on a sample of
//! notes, forms that are found suspiciously often.

mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::lexicon::{Lexicon, TableSource, case_check, embedded};
use crate::mention::ConceptIndex;
use crate::pipeline::{Pipeline, Resources};
use crate::read::{self, Assembler, Content, ReadOptions, mapped};
use crate::terminology::{LexiconFile, open_lexicon};
use crate::{Error, Note, Result, Span};

/// Notes of which a form is found in fewer say nothing of how frequent it is.
const FEWEST_NOTES: u64 = 5;
/// Longest note of a sample.
const MAX_NOTE_BYTES: usize = 16 << 20;

/// What was found in a lexicon. Its JSON form is this structure.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[non_exhaustive]
pub struct LexiconCheck {
    /// Concepts.
    pub concepts: u64,
    /// Forms, found spellings not counted.
    pub forms: u64,
    /// What is wrong, by kind and form.
    pub problems: Vec<LexiconProblem>,
    /// What the sample of notes says, if one was given.
    pub sample: Option<LexiconSample>,
}

/// What a sample of notes says of a lexicon.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[non_exhaustive]
pub struct LexiconSample {
    /// Notes that were read.
    pub notes: u64,
    /// Records that hold no note.
    pub rejected: u64,
    /// Forms that were found.
    pub found_forms: u64,
    /// Forms that were not; in a small sample they are most, and nothing is wrong with that.
    pub unseen_forms: u64,
    /// How often forms were found.
    pub matches: u64,
}

/// Something that is wrong with a form.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct LexiconProblem {
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// The form.
    pub form: String,
    /// Its concept.
    pub concept_id: String,
    /// The particulars.
    pub detail: String,
}

/// What may be wrong with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// The concept has it twice.
    Duplicate,
    /// Another concept has it too, and is preferred.
    Conflict,
    /// Nothing in a note can match it.
    Unmatchable,
    /// It is in so many notes of the sample that it may mean something else in them.
    Frequent,
}

/// Which lexicon is inspected, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Inputs with notes, as for `annotate`; may be empty.
    pub notes: Vec<String>,
    /// Share of notes from which a form is suspiciously frequent.
    pub frequent_share: f64,
}

impl Default for CheckOptions {
    fn default() -> CheckOptions {
        CheckOptions { notes: Vec::new(), frequent_share: 0.25 }
    }
}

/// Inspects a compiled lexicon, or a table of concepts.
///
/// # Errors
/// A file that is none, a malformed table, a damaged file, or notes that cannot be read.
pub fn check_lexicon(path: &Path, options: &CheckOptions) -> Result<LexiconCheck> {
    let file = open_lexicon(path, mapped::map(path)?)?;
    let lexicon = match &file {
        LexiconFile::Table(table) => Lexicon::compile(std::slice::from_ref(table), &embedded::table("spelling.tsv"))?,
        LexiconFile::Compiled(lexicon) if lexicon.is_whole() => lexicon.clone(),
        LexiconFile::Compiled(_) => {
            return Err(Error::input(
                path,
                "the compiled lexicon is damaged: its bytes are not those written; build it again",
            ));
        }
    };
    let pipeline = Pipeline::new(&Resources::embedded().without_model().with_lexicon(file.clone()))?;
    let mut check = LexiconCheck {
        concepts: lexicon.n_concepts() as u64,
        forms: lexicon.n_forms() as u64,
        ..LexiconCheck::default()
    };
    if let LexiconFile::Table(table) = &file {
        check.problems.extend(repeated_ids(table));
    }
    for form in lexicon.listed_forms() {
        let id = |index: ConceptIndex| lexicon.concept(index).map_or("", |concept| concept.id);
        let own = id(form.concept);
        let found = match form.hidden_by {
            Some(other) if other == form.concept => Some((ProblemKind::Duplicate, "its words stand twice".to_owned())),
            Some(other) => Some((ProblemKind::Conflict, format!("names {}", id(other)))),
            None => unmatchable(&pipeline, form.text, own).map(|why| (ProblemKind::Unmatchable, why)),
        };
        check.problems.extend(found.map(|(kind, detail)| LexiconProblem {
            kind,
            form: form.text.to_owned(),
            concept_id: own.to_owned(),
            detail,
        }));
    }
    if !options.notes.is_empty() {
        check.read_notes(&lexicon, &pipeline, options)?;
    }
    check.problems.sort_by(|left, right| {
        (left.kind, &left.form, &left.concept_id, &left.detail).cmp(&(
            right.kind,
            &right.form,
            &right.concept_id,
            &right.detail,
        ))
    });
    Ok(check)
}

/// Rows of a table that replace an earlier row.
fn repeated_ids(table: &TableSource) -> Vec<LexiconProblem> {
    let mut lines: FxHashMap<&str, usize> = FxHashMap::default();
    let rows = table.text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).skip(1);
    let repeated = rows.filter_map(|(index, line)| {
        let id = line.split('\t').next().unwrap_or("");
        let before = lines.insert(id, index + 1)?;
        Some(LexiconProblem {
            kind: ProblemKind::Duplicate,
            form: String::new(),
            concept_id: id.to_owned(),
            detail: format!("the row in line {} replaces that in line {before}", index + 1),
        })
    });
    repeated.collect()
}

/// Why a sentence that holds a form does not give its concept; `None` where it does.
fn unmatchable(pipeline: &Pipeline, form: &str, id: &str) -> Option<String> {
    const BEFORE: &str = "The patient has ";
    let place = Span::between(BEFORE.len(), BEFORE.len() + form.len());
    let note = pipeline.annotate(Note::new("", format!("{BEFORE}{form} today.")));
    let touching = note.annotations.iter().filter(|annotation| {
        annotation.mention.span.start() < place.end() && place.start() < annotation.mention.span.end()
    });
    let lexicon = pipeline.lexicon();
    let ids: Vec<&str> =
        touching.filter_map(|annotation| Some(lexicon.concept(annotation.mention.concept?)?.id)).collect();
    if ids.contains(&id) {
        return None;
    }
    let ends_within = |end: usize| place.start() < end && end < place.end();
    if note.document.sentences().iter().any(|sentence| ends_within(sentence.span.end())) {
        return Some("a sentence ends within it".to_owned());
    }
    Some(match ids.first() {
        Some(other) => format!("its words give {other}"),
        None => "nothing is found in its words".to_owned(),
    })
}

/// How often a form was found.
#[derive(Default)]
struct Frequency {
    notes: u64,
    matches: u64,
}

impl LexiconCheck {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn read_notes(&mut self, lexicon: &Lexicon, pipeline: &Pipeline, options: &CheckOptions) -> Result<()> {
        let reading = ReadOptions { max_note_bytes: MAX_NOTE_BYTES, ..ReadOptions::default() };
        let mut discovered = read::discover(&options.notes, &PathBuf::new())?;
        read::check(&mut discovered, &reading)?;
        let mut sample = LexiconSample::default();
        let mut frequencies: BTreeMap<(u32, String), Frequency> = BTreeMap::new();
        for (file, index) in discovered.files.iter().zip(0..) {
            let (rows, _source) = read::open(file, index, &reading)?;
            let assembler = Assembler::new(file, &reading);
            for row in rows {
                match assembler.record(row).content {
                    Content::Text(text, _) => {
                        sample.notes += 1;
                        count(lexicon, pipeline, text, &mut frequencies);
                    }
                    Content::Empty => {}
                    Content::Rejected(_) => sample.rejected += 1,
                }
            }
        }
        sample.matches = frequencies.values().map(|frequency| frequency.matches).sum();
        sample.found_forms = frequencies.len() as u64;
        sample.unseen_forms = self.forms.saturating_sub(sample.found_forms);
        for ((concept, form), frequency) in frequencies {
            let share = frequency.notes as f64 / sample.notes.max(1) as f64;
            if frequency.notes >= FEWEST_NOTES && share >= options.frequent_share {
                let id = lexicon.concept(ConceptIndex(concept)).map_or("", |concept| concept.id);
                let (percent, matches) = (100.0 * share, frequency.matches);
                let detail = format!("{matches} times in {} notes ({percent:.0} %)", frequency.notes);
                self.problems.push(LexiconProblem { kind: ProblemKind::Frequent, form, concept_id: id.into(), detail });
            }
        }
        self.sample = Some(sample);
        Ok(())
    }
}

/// Counts the forms of a lexicon in a note.
fn count(lexicon: &Lexicon, pipeline: &Pipeline, text: String, frequencies: &mut BTreeMap<(u32, String), Frequency>) {
    let document = pipeline.segment(Note::new("", text));
    let mut seen: FxHashSet<(u32, String)> = FxHashSet::default();
    for sentence in document.sentences() {
        let tokens = document.tokens_of(sentence);
        let case = case_check(document.text(), tokens);
        let mut at = 0;
        while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(found) = lexicon.longest(document.text(), rest, || case) else {
                at += 1;
                continue;
            };
            at += found.used;
            let key = (found.concept.0, lexicon.form_text(found).to_owned());
            let frequency = frequencies.entry(key.clone()).or_default();
            frequency.matches += 1;
            frequency.notes += u64::from(seen.insert(key));
        }
    }
}
