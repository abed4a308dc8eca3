//! A segmented note: sections, sentences and tokens over one unchanged text.

use std::ops::Range;

use crate::token::Token;
use crate::{Note, Span};

/// Index of a section kind in the segmenter's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectionKind(pub u16);

/// A section: a heading and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its kind.
    pub kind: SectionKind,
    /// The words of the heading, without its colon.
    pub heading: Span,
    /// Who tells what stands in it.
    pub view: View,
}

/// Who tells what stands in a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The patient: a problem without other mark is a symptom.
    Told,
    /// An examiner or a test: a problem that may be a symptom is a finding.
    Examined,
    /// Either.
    #[default]
    Either,
}

/// A sentence: a run of tokens that is understood by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// From its first to its last token.
    pub span: Span,
    /// First token.
    pub first_token: u32,
    /// One past the last token.
    pub end_token: u32,
    /// Index of the section it stands in; `None` before the first heading.
    pub section: Option<u32>,
}

impl Sentence {
    /// The sentence's tokens as a range over the document's.
    pub fn tokens(&self) -> Range<usize> {
        self.first_token as usize..self.end_token as usize
    }
}

/// A segmented note. Only `Segmenter` builds it, so every span is valid for the text.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) note: Note,
    pub(crate) tokens: Vec<Token>,
    pub(crate) sections: Vec<Section>,
    pub(crate) sentences: Vec<Sentence>,
}

impl Document {
    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The note's text.
    pub fn text(&self) -> &str {
        &self.note.text
    }

    /// Tokens in order.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Sections in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Sentences in order.
    pub fn sentences(&self) -> &[Sentence] {
        &self.sentences
    }

    /// The tokens of a sentence.
    pub fn tokens_of(&self, sentence: &Sentence) -> &[Token] {
        self.tokens.get(sentence.tokens()).unwrap_or(&[])
    }

    /// The section that a sentence stands in.
    pub fn section_of(&self, sentence: &Sentence) -> Option<&Section> {
        self.sections.get(sentence.section? as usize)
    }
}
