//! Segmenting: a note's text into sections, sentences and tokens.
//!
//! Total: odd text gives fewer sections or longer sentences, never an error, and costs time linear in its length. All
//! spans are bytes into the unchanged text. What counts as a heading or an abbreviation is read from tables.

mod lines;
mod sections;
mod sentences;

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::document::{Document, Section, SectionKind, View};
use crate::lexicon::{Lexicon, TableSource};
use crate::token::tokenize;
use crate::{Note, Result};
use lines::Lines;
use sections::Headings;
use sentences::Abbreviations;

/// The tables that a segmenter reads.
#[derive(Clone, Debug)]
pub(crate) struct SegmenterTables<'a> {
    /// Section kinds: `kind`, `name`, `loinc`, `view`, `source`.
    pub kinds: &'a TableSource,
    /// Heading spellings: `header`, `kind`, `mode`, `source`.
    pub headings: &'a TableSource,
    /// Abbreviations whose full stop does not end a sentence: `abbreviation`, `kind`, `source`.
    pub abbreviations: &'a TableSource,
}

/// Cuts notes into sections, sentences and tokens.
#[derive(Clone, Debug)]
pub struct Segmenter {
    headings: Headings,
    abbreviations: Abbreviations,
    /// Keys of every word in any table but the lexicon: what a control character inside a word is judged by.
    vocabulary: FxHashSet<u64>,
    /// Whose words are known too.
    lexicon: Option<Arc<Lexicon>>,
}

impl Segmenter {
    /// Reads the tables.
    pub(crate) fn new(tables: &SegmenterTables<'_>) -> Result<Segmenter> {
        let headings = Headings::parse(tables.kinds, tables.headings)?;
        let vocabulary = headings.keys().collect();
        let abbreviations = Abbreviations::parse(tables.abbreviations)?;
        Ok(Segmenter { headings, abbreviations, vocabulary, lexicon: None })
    }

    /// Adds the words of a lexicon, and the keys of words that other tables know.
    pub(crate) fn learn(&mut self, lexicon: Arc<Lexicon>, keys: impl Iterator<Item = u64>) {
        self.lexicon = Some(lexicon);
        self.vocabulary.extend(keys);
    }

    fn knows(&self, key: u64) -> bool {
        self.vocabulary.contains(&key) || self.lexicon.as_ref().is_some_and(|lexicon| lexicon.knows(key))
    }

    /// Segments a note.
    pub fn segment(&self, note: Note) -> Document {
        let text = note.text.as_str();
        let tokens = tokenize(text, |key| self.knows(key));
        let lines = Lines::of(text, &tokens);
        let headings = self.headings.find(text, &tokens, &lines);
        let mut sections: Vec<Section> = Vec::new();
        for heading in &headings {
            if let Some(kind) = heading.kind {
                let view = self.headings.kind(kind).map_or(View::Either, |row| row.view);
                sections.push(Section { kind, heading: heading.span, view });
            }
        }
        let sentences = sentences::split(text, &tokens, &lines, &headings, &self.abbreviations);
        Document { note, tokens, sections, sentences }
    }

    /// The normalised name of a section kind, such as `past_medical_history`.
    pub fn section_name(&self, kind: SectionKind) -> &str {
        self.headings.kind(kind).map_or("other", |row| &row.kind)
    }

    /// Every section kind, with its normalised name.
    pub fn section_kinds(&self) -> impl Iterator<Item = (SectionKind, &str)> {
        (0..).map_while(|index| Some((SectionKind(index), self.headings.kind(SectionKind(index))?.kind.as_str())))
    }

    /// The LOINC document-section code of a section kind, where one exists.
    pub fn section_loinc(&self, kind: SectionKind) -> Option<&str> {
        self.headings.kind(kind)?.loinc.as_deref()
    }

    /// The section kind of a normalised name.
    pub fn section_kind(&self, name: &str) -> Option<SectionKind> {
        self.headings.kind_named(name)
    }
}
