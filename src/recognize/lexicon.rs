//! The lexicon recogniser: longest surface forms, widened to their noun phrase.
//!
//! Mentions never cross a sentence and never overlap. Cost is linear in the sentence.

use std::sync::Arc;

use super::extend::Modifiers;
use crate::document::{Document, Sentence};
use crate::lexicon::{CaseCheck, FormMatch, Lexicon, TableSource};
use crate::mention::{Mention, MentionSource};
use crate::token::{Gap, Token, TokenKind};
use crate::{Result, Span};

/// Finds mentions by the surface forms of a lexicon.
#[derive(Clone, Debug)]
pub struct LexiconRecognizer {
    lexicon: Arc<Lexicon>,
    modifiers: Modifiers,
}

/// A match within a sentence: tokens `start..end` name the concept of `form`.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    start: usize,
    end: usize,
    form: FormMatch,
}

impl LexiconRecognizer {
    /// A recogniser of a lexicon, with the table of modifiers (`modifier`, `kind`, `source`).
    pub(crate) fn new(lexicon: Arc<Lexicon>, modifiers: &TableSource) -> Result<LexiconRecognizer> {
        Ok(LexiconRecognizer { lexicon, modifiers: Modifiers::parse(modifiers)? })
    }

    /// The lexicon.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// The mentions of one sentence, sorted by span; `index` is the sentence's place in the document.
    pub fn recognize(&self, document: &Document, sentence: &Sentence, index: u32, mentions: &mut Vec<Mention>) {
        let text = document.text();
        let tokens = document.tokens_of(sentence);
        let first = mentions.len();
        let mut case = None;
        let mut at = 0;
        // End of the previous mention's tokens.
        let mut floor = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            let case = || *case.get_or_insert_with(|| case_check(text, tokens));
            let Some(form) = self.match_at(text, rest, case) else {
                at += 1;
                continue;
            };
            let start = self.modifiers.extend_left(text, tokens, floor, at);
            let end = self.modifiers.extend_right(text, tokens, at + form.used);
            let candidate = Candidate { start, end, form };
            at = end;
            if start == floor && first < mentions.len() && joins(text, tokens, mentions, &candidate) {
                let previous = &mut mentions[first..];
                if let Some(last) = previous.last_mut() {
                    let head = self.mention(tokens, &candidate, index);
                    *last = Mention { span: last.span.cover(head.span), ..head };
                }
            } else {
                mentions.push(self.mention(tokens, &candidate, index));
            }
            floor = end;
        }
    }

    /// The longest form at the start of `rest`; the case of the sentence is looked at only when a form asks for it.
    fn match_at(&self, text: &str, rest: &[Token], case: impl FnOnce() -> CaseCheck) -> Option<FormMatch> {
        let token = rest.first()?;
        if token.kind == TokenKind::Mask {
            return None;
        }
        // Forms in any case first: most matches need no look at the sentence.
        let any = self.lexicon.longest(text, rest, CaseCheck::Meaningless);
        let capital = text.as_bytes().get(token.span.start()).is_some_and(u8::is_ascii_uppercase);
        if !capital || case() == CaseCheck::Meaningless {
            return any;
        }
        self.lexicon.longest(text, rest, CaseCheck::Exact)
    }

    fn mention(&self, tokens: &[Token], candidate: &Candidate, sentence: u32) -> Mention {
        let first = tokens.get(candidate.start).map(|token| token.span).unwrap_or_default();
        let last = tokens.get(candidate.end.saturating_sub(1)).map_or(first, |token| token.span);
        let concept = candidate.form.concept;
        let kind = self.lexicon.concept(concept).map_or(crate::MentionType::Finding, |concept| concept.kind);
        Mention {
            span: first.cover(last),
            kind,
            source: MentionSource::Lexicon,
            score: None,
            sentence,
            concept: Some(concept),
        }
    }
}

/// Whether a candidate that touches the mention before it is one noun phrase with it: `diabetic` + `neuropathy`.
/// Abbreviations in a row are a list.
fn joins(text: &str, tokens: &[Token], mentions: &[Mention], candidate: &Candidate) -> bool {
    let Some(last) = mentions.last() else { return false };
    let Some(first) = tokens.get(candidate.start) else { return false };
    let touching = first.before == Gap::Space && last.span.end() < first.span.start();
    touching && !is_abbreviation(text, last.span) && !is_abbreviation(text, first.span)
}

fn is_abbreviation(text: &str, span: Span) -> bool {
    let words = span.of(text);
    !words.chars().any(char::is_lowercase)
}

/// Whether case tells abbreviations from words in this sentence: not where every longer word is in capitals.
fn case_check(text: &str, tokens: &[Token]) -> CaseCheck {
    let mut capitals = 0;
    for token in tokens.iter().filter(|token| token.kind == TokenKind::Word && token.span.len() >= 4) {
        if token.span.of(text).chars().any(char::is_lowercase) {
            return CaseCheck::Exact;
        }
        capitals += 1;
    }
    if capitals >= 3 { CaseCheck::Meaningless } else { CaseCheck::Exact }
}
