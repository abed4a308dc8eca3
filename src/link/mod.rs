//! Linking: which concept a mention names, and the most specific code that its words support.
//!
//! A mention of the model takes the widest surface form within it, or a wider one whose words stand there in another order
//! or inflection; where it holds none, its words are corrected against those of the lexicon, by character trigrams and a
//! bounded edit distance. What stays without a concept stays unlinked. Then the table of compositions reads severity, acuity,
//! side, site and type beside the head. Total, and linear in the mention.

mod compose;
mod inflect;
mod spelling;
mod words;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::document::{Document, Sentence};
use crate::lexicon::{CaseCheck, FormPlace, Lexicon, TableSource, embedded};
use crate::mention::{CodeIndex, Link, LinkKind, Mention, MentionSource};
use crate::token::Token;
use crate::{ConceptIndex, Result};
use compose::{Compositions, Place};
use inflect::Inflections;
use words::WordIndex;

/// Least score of a link by corrected words: below it, a word was changed into another and few words are left.
const LEAST_SCORE: f32 = 0.6;
/// Least share of a mention's words that a form in it names: a form in a whole clause says little of it.
const LEAST_SHARE: f32 = 0.2;

/// The tables that linking reads.
#[derive(Clone, Debug)]
pub(crate) struct LinkTables<'a> {
    /// Words of qualifiers: `group`, `words`, `source`.
    pub qualifiers: &'a TableSource,
    /// What heads and qualifiers make: see `lexicons/README.md`.
    pub compositions: &'a TableSource,
    /// Codes by side: `code`, `right`, `left`, `both`, `source`.
    pub laterality: &'a TableSource,
    /// Words and what they are compared as: `word`, `base`, `source`.
    pub inflections: &'a TableSource,
    /// Words that only modify: `modifier`, `kind`, `source`.
    pub modifiers: &'a TableSource,
}

/// Links mentions to concepts and codes.
#[derive(Debug)]
pub(crate) struct Linker {
    compositions: Compositions,
    inflections: Inflections,
    lexicon: Arc<Lexicon>,
    /// The words of the program's own forms; made for the first mention that needs it.
    words: OnceLock<WordIndex>,
}

impl Linker {
    /// A linker to the concepts of a lexicon.
    ///
    /// # Errors
    /// A malformed table, with its name and line.
    pub fn new(lexicon: Arc<Lexicon>, tables: &LinkTables<'_>) -> Result<Linker> {
        let compositions = Compositions::parse(tables, &lexicon.by_id())?;
        let inflections = Inflections::parse(tables.inflections, tables.modifiers)?;
        Ok(Linker { compositions, inflections, lexicon, words: OnceLock::new() })
    }

    /// Links the mentions of a sentence; `forms` gives the lexicon's forms within a range of the sentence's tokens.
    pub fn link(
        &self,
        document: &Document,
        sentence: &Sentence,
        mentions: &mut [Mention],
        forms: impl Fn(Range<usize>) -> Vec<FormPlace>,
    ) {
        let text = document.text();
        let tokens = document.tokens_of(sentence);
        for mention in mentions {
            let start = tokens.partition_point(|token| token.span.end() <= mention.span.start());
            let end = tokens.partition_point(|token| token.span.start() < mention.span.end()).max(start);
            let own = &tokens[start..end];
            if mention.source != MentionSource::Lexicon {
                let found = forms(start..end);
                match self.concept(text, own, start, &found) {
                    Some((concept, link)) => (mention.concept, mention.link) = (Some(concept), Some(link)),
                    // A form that only reaches into the mention says as little as one in a whole clause.
                    None if found.is_empty() => {
                        mention.link = mention.concept.map(|_| link(LinkKind::Part, LEAST_SHARE));
                    }
                    None => (mention.concept, mention.link) = (None, None),
                }
            }
            let place = Place { document, sentence, tokens, mention: start..end };
            self.compose(mention, &place);
        }
    }

    /// Gives the first of several mentions that together are one form (`type 2 diabetes` `with` `nephropathy`) the concept of
    /// the whole; `forms` are what the lexicon found there. Both are sorted by span.
    pub fn link_wholes(&self, document: &Document, sentence: &Sentence, forms: &[Mention], mentions: &mut [Mention]) {
        for index in 0..mentions.len() {
            let Some((mention, rest)) = mentions.get_mut(index..).and_then(<[Mention]>::split_first_mut) else {
                return;
            };
            let place = forms.partition_point(|form| form.span.start() < mention.span.start());
            let is_wider =
                |form: &&Mention| form.span.start() == mention.span.start() && form.span.end() > mention.span.end();
            let Some(form) = forms.get(place).filter(is_wider) else { continue };
            let names_problem = mention.link.is_some_and(|link| link.kind != LinkKind::Part);
            let mut within = rest.iter().take_while(|other| other.span.start() < form.span.end());
            let is_whole = within.any(|last| last.span.end() == form.span.end());
            if mention.source != MentionSource::Lexicon && names_problem && is_whole {
                let mut whole = *form;
                self.link(document, sentence, std::slice::from_mut(&mut whole), |_| Vec::new());
                let code = whole.link.and_then(|link| link.code);
                mention.concept = whole.concept;
                mention.link = whole.concept.map(|_| Link { code, ..link(LinkKind::Described, 1.0) });
            }
        }
    }

    /// The code that a mention's words support together.
    pub fn code(&self, code: CodeIndex) -> Option<&str> {
        self.compositions.code(code)
    }

    /// Every word that occurs in a qualifier, as keys.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.compositions.keys()
    }

    fn compose(&self, mention: &mut Mention, place: &Place<'_>) {
        let mut composed = self.compositions.apply(mention.concept, place);
        let mut concept = composed.and_then(|composed| composed.concept).or(mention.concept);
        if mention.concept.is_none() && concept.is_some() {
            // What the words describe is a head in its turn: a wound of the foot.
            composed = self.compositions.apply(concept, place).or(composed);
            concept = composed.and_then(|composed| composed.concept).or(concept);
        }
        let Some(known) = concept else { return };
        let composed = composed.and_then(|composed| composed.code);
        let code = composed.and_then(|code| self.code(code)).or_else(|| self.lexicon.icd10cm(known));
        let own = place.tokens.get(place.mention.clone()).unwrap_or(&[]);
        let sided = code.and_then(|code| self.compositions.sided(code, own));
        let link = mention.link.unwrap_or(Link { kind: LinkKind::Described, score: 1.0, code: None });
        mention.concept = concept;
        mention.link = Some(Link { code: sided.or(composed), ..link });
    }

    /// The concept of the words of a mention, of which the first is token `first` of its sentence.
    fn concept(&self, text: &str, own: &[Token], first: usize, forms: &[FormPlace]) -> Option<(ConceptIndex, Link)> {
        let content = |tokens: &[Token]| tokens.iter().filter(|token| self.inflections.is_content(token)).count();
        let total = content(own).max(1);
        let share = |n: usize| (n as f32 / total as f32).min(1.0);
        let inside = |place: &FormPlace| own.get(place.tokens.start - first..place.tokens.end - first).unwrap_or(&[]);
        // Of equally wide ones the last: the head of an English noun phrase stands at its end.
        let widest = forms.iter().filter(|place| place.concept.is_some());
        let widest = widest.map(|place| (content(inside(place)), place)).max_by_key(|(n, _)| *n);
        if widest.is_none() && !forms.is_empty() {
            // The words are known, and name no problem here.
            return None;
        }
        if let Some((_, place)) = widest.filter(|(_, place)| place.tokens.len() == own.len()) {
            return Some((place.concept?, link(place.kind, 1.0)));
        }
        let n_widest = widest.map_or(0, |(n, _)| n);
        let index = self.words.get_or_init(|| self.index());
        if let Some((concept, n)) = index.rearranged(&self.inflections, own, n_widest) {
            return Some((concept, link(LinkKind::Reordered, share(n))));
        }
        let n_modifying = own.iter().filter(|token| self.inflections.is_modifier(token)).count();
        if let Some((n, place)) = widest {
            let kind = if n + n_modifying >= total { LinkKind::Stripped } else { LinkKind::Part };
            let score = share(n + n_modifying);
            return (score >= LEAST_SHARE).then_some((place.concept?, link(kind, score)));
        }
        let (concept, n, similarity) = self.by_spelling(index, text, own)?;
        let score = similarity * share(n + n_modifying);
        (score >= LEAST_SCORE).then(|| (concept, link(LinkKind::Fuzzy, score)))
    }

    /// The concept of a mention whose words were corrected, how many words name it, and how alike they are.
    fn by_spelling(&self, index: &WordIndex, text: &str, own: &[Token]) -> Option<(ConceptIndex, usize, f32)> {
        let corrected = index.corrected(text, own, |token| self.inflections.knows(token))?;
        let is_content = |token: &&Token| self.inflections.is_content(token);
        let widest = (0..corrected.tokens.len()).filter_map(|at| {
            let rest = corrected.tokens.get(at..)?;
            let found = self.lexicon.longest(text, rest, || CaseCheck::Meaningless)?;
            Some((rest.iter().take(found.used).filter(is_content).count(), found.concept))
        });
        let widest = widest.max_by_key(|(n, _)| *n);
        let n_widest = widest.map_or(0, |(n, _)| n);
        let (concept, n) = match index.rearranged(&self.inflections, &corrected.tokens, n_widest) {
            Some(found) => found,
            None => widest.map(|(n, concept)| (concept, n))?,
        };
        Some((concept, n, corrected.similarity))
    }

    fn index(&self) -> WordIndex {
        WordIndex::new(embedded::concept_texts(), &self.lexicon.by_id(), &self.inflections)
    }
}

fn link(kind: LinkKind, score: f32) -> Link {
    Link { kind, score, code: None }
}
