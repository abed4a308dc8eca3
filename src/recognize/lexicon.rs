//! The lexicon recogniser: longest surface forms, widened to their noun phrase.
//!
//! Mentions never cross a sentence and never overlap. Cost is linear in the sentence.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use super::definitions::Definitions;
use super::exclude::Exclusions;
use super::extend::Modifiers;
use super::senses::{Context, Senses};
use crate::document::{Document, SectionKind, Sentence, View};
use crate::lexicon::{CaseCheck, FormPlace, Lexicon, TableSource, case_check};
use crate::mention::{Link, LinkKind, Mention, MentionSource, MentionType};
use crate::token::{Gap, Token};
use crate::{ConceptIndex, Result, Span};

/// Finds mentions by the surface forms of a lexicon.
#[derive(Clone, Debug)]
pub struct LexiconRecognizer {
    lexicon: Arc<Lexicon>,
    modifiers: Modifiers,
    exclusions: Exclusions,
    senses: Senses,
}

/// The tables that the recogniser reads, besides the lexicon.
#[derive(Clone, Debug)]
pub(crate) struct RecognizerTables<'a> {
    /// Words that widen a form: `modifier`, `kind`, `source`.
    pub modifiers: &'a TableSource,
    /// Words that name no problem: `phrase`, `kind`, `source`.
    pub exclusions: &'a TableSource,
    /// Forms of several meanings: see `lexicons/README.md`.
    pub senses: &'a TableSource,
}

/// A match within a sentence: tokens `start..end` name `concept`.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    start: usize,
    end: usize,
    /// Tokens of the form itself.
    used: usize,
    concept: ConceptIndex,
}

impl LexiconRecognizer {
    /// A recogniser of a lexicon.
    pub(crate) fn new(
        lexicon: Arc<Lexicon>,
        tables: &RecognizerTables<'_>,
        section_kind: impl Fn(&str) -> Option<SectionKind>,
    ) -> Result<LexiconRecognizer> {
        let senses = Senses::parse(tables.senses, &lexicon.by_id(), section_kind)?;
        Ok(LexiconRecognizer {
            senses,
            lexicon,
            modifiers: Modifiers::parse(tables.modifiers)?,
            exclusions: Exclusions::parse(tables.exclusions)?,
        })
    }

    /// The lexicon.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// The mentions of one sentence, sorted by span; `index` is the sentence's place in the document.
    pub fn recognize(&self, document: &Document, sentence: &Sentence, index: u32, mentions: &mut Vec<Mention>) {
        let text = document.text();
        let tokens = document.tokens_of(sentence);
        let view = document.section_of(sentence).map_or(View::Either, |section| section.view);
        let first = mentions.len();
        let known_case = OnceCell::new();
        let case = || *known_case.get_or_init(|| case_check(text, tokens));
        let mut at = 0;
        // End of the previous mention's tokens.
        let mut floor = 0;
        while at < tokens.len() {
            let (used, concept) = match self.form_at(Context { document, sentence, tokens }, at..tokens.len(), case) {
                Some((used, Some(concept))) => (used, concept),
                Some((used, None)) => {
                    at += used;
                    continue;
                }
                None => {
                    at += self.exclusions.phrase(&tokens[at..]).max(1);
                    continue;
                }
            };
            let excluded = self.exclusions.phrase(&tokens[at..]);
            if excluded >= used || self.exclusions.follows(&tokens[at + used..]) {
                at += excluded.max(used);
                continue;
            }
            let start = self.modifiers.extend_left(text, tokens, floor, at);
            let end = self.modifiers.extend_right(text, tokens, at + used);
            let candidate = Candidate { start, end, used, concept };
            at = end;
            if start == floor && first < mentions.len() && joins(text, tokens, mentions, &candidate) {
                let previous = &mut mentions[first..];
                if let Some(last) = previous.last_mut() {
                    let head = self.mention(tokens, &candidate, view, index);
                    let link = head.link.map(|link| Link { kind: LinkKind::Part, ..link });
                    *last = Mention { span: last.span.cover(head.span), link, ..head };
                }
            } else {
                mentions.push(self.mention(tokens, &candidate, view, index));
            }
            floor = end;
        }
    }

    /// The mentions of a note, sorted by span, and the abbreviations that it defines.
    pub(crate) fn recognize_all(&self, document: &Document) -> (Vec<Mention>, Definitions) {
        let mut mentions = Vec::new();
        for (sentence, index) in document.sentences().iter().zip(0..) {
            self.recognize(document, sentence, index, &mut mentions);
        }
        let definitions = Definitions::find(document, &mentions);
        if definitions.is_empty() {
            return (mentions, definitions);
        }
        let mut bound = Vec::with_capacity(mentions.len());
        let mut groups = mentions.chunk_by(|left, right| left.sentence == right.sentence).peekable();
        for (sentence, index) in document.sentences().iter().zip(0..) {
            let own = groups.next_if(|group| group.first().is_some_and(|mention| mention.sentence == index));
            let mut own = own.unwrap_or(&[]).to_vec();
            definitions.apply(document, sentence, &mut own, |span, concept| {
                let kind = self.lexicon.kind(concept).unwrap_or(MentionType::Finding);
                let view = document.section_of(sentence).map_or(View::Either, |section| section.view);
                Mention {
                    span,
                    kind: seen_from(view, kind),
                    source: MentionSource::Lexicon,
                    score: None,
                    sentence: index,
                    concept: Some(concept),
                    link: Some(Link { kind: LinkKind::Defined, score: 1.0, code: None }),
                }
            });
            bound.append(&mut own);
        }
        (bound, definitions)
    }

    /// Whether a mention that a model found, and no concept fits, holds only words that cannot name a problem.
    pub(crate) fn names_nothing(&self, document: &Document, sentence: &Sentence, mention: Span) -> bool {
        let tokens = document.tokens_of(sentence);
        let start = tokens.partition_point(|token| token.span.end() <= mention.start());
        let end = tokens.partition_point(|token| token.span.start() < mention.end());
        let tokens = tokens.get(start..end).unwrap_or(&[]);
        self.exclusions.are_bare(tokens, |rest| self.modifiers.place(rest))
    }

    /// The longest forms that begin within a range of a sentence's tokens and end in it, none inside another.
    pub(crate) fn forms_within(
        &self,
        document: &Document,
        sentence: &Sentence,
        definitions: &Definitions,
        range: Range<usize>,
    ) -> Vec<FormPlace> {
        let text = document.text();
        let tokens = document.tokens_of(sentence);
        let known_case = OnceCell::new();
        let case = || *known_case.get_or_init(|| case_check(text, tokens));
        let mut forms: Vec<FormPlace> = Vec::new();
        for at in range.clone() {
            let form = self.form_at(Context { document, sentence, tokens }, at..range.end, case);
            let defined = tokens.get(at).and_then(|token| definitions.of(text, token));
            let (used, concept, kind) = match (form, defined) {
                (Some((used, concept)), defined) if used > 1 || defined.is_none() => (used, concept, LinkKind::Exact),
                (_, Some(concept)) => (1, concept, LinkKind::Defined),
                _ => continue,
            };
            let end = at + used;
            if end <= range.end && forms.last().is_none_or(|last| last.tokens.end < end) {
                forms.push(FormPlace { tokens: at..end, concept, kind });
            }
        }
        forms
    }

    /// The longest form at the start of a range of tokens and what it names there: nothing where the table of meanings
    /// says so.
    fn form_at(
        &self,
        context: Context<'_>,
        range: Range<usize>,
        case: impl Fn() -> CaseCheck + Copy,
    ) -> Option<(usize, Option<ConceptIndex>)> {
        let n_tokens = range.len();
        let sense = self.senses.at(context, range.start, case).filter(|sense| sense.used <= n_tokens);
        let form = self.lexicon.longest(context.document.text(), context.tokens.get(range)?, case);
        match (form, sense) {
            (Some(form), Some(sense)) if sense.used < form.used => Some((form.used, Some(form.concept))),
            (_, Some(sense)) => Some((sense.used, sense.concept)),
            (form, None) => form.map(|form| (form.used, Some(form.concept))),
        }
    }

    /// Every word that occurs in a form of several meanings, as keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> {
        self.senses.keys()
    }

    /// The words that spell a form of a mention's concept, where they share some with the mention.
    pub(crate) fn form(&self, document: &Document, sentence: &Sentence, mention: &Mention) -> Option<Span> {
        let (text, tokens) = (document.text(), document.tokens_of(sentence));
        let case = || case_check(text, tokens);
        // A noun phrase of several forms has the concept of the last: its head.
        (0..tokens.len()).rev().find_map(|at| {
            let rest = tokens.get(at..)?;
            let form = self.lexicon.longest(text, rest, case)?;
            let spelled = rest.first()?.span.cover(rest.get(form.used.checked_sub(1)?)?.span);
            (Some(form.concept) == mention.concept && spelled.overlaps(mention.span)).then_some(spelled)
        })
    }

    fn mention(&self, tokens: &[Token], candidate: &Candidate, view: View, sentence: u32) -> Mention {
        let first = tokens.get(candidate.start).map(|token| token.span).unwrap_or_default();
        let last = tokens.get(candidate.end.saturating_sub(1)).map_or(first, |token| token.span);
        let concept = candidate.concept;
        let is_whole = candidate.end - candidate.start == candidate.used;
        let link = if is_whole { LinkKind::Exact } else { LinkKind::Stripped };
        let kind = self.lexicon.kind(concept).unwrap_or(MentionType::Finding);
        Mention {
            span: first.cover(last),
            kind: seen_from(view, kind),
            source: MentionSource::Lexicon,
            score: None,
            sentence,
            concept: Some(concept),
            link: Some(Link { kind: link, score: 1.0, code: None }),
        }
    }
}

/// The type of a mention in a section: a swelling is a symptom when told and a finding when examined.
fn seen_from(view: View, kind: MentionType) -> MentionType {
    match (view, kind) {
        (View::Examined, MentionType::Symptom) => MentionType::Finding,
        (View::Told, MentionType::Finding) => MentionType::Symptom,
        _ => kind,
    }
}

/// Whether a candidate that touches the mention before it is one noun phrase with it: `diabetic` + `neuropathy`.
fn joins(text: &str, tokens: &[Token], mentions: &[Mention], candidate: &Candidate) -> bool {
    let Some(last) = mentions.last() else { return false };
    let Some(first) = tokens.get(candidate.start) else { return false };
    let touching = first.before == Gap::Space && last.span.end() < first.span.start();
    touching && is_adjective(last.span.of(text)) && !is_abbreviation(text, first.span)
}

/// Whether the last word ends like an adjective: only these join the noun after them, since notes also list problems
/// without commas.
fn is_adjective(words: &str) -> bool {
    const ENDINGS: [&str; 10] = ["ic", "al", "ive", "ous", "ar", "ile", "ary", "oid", "ed", "eal"];
    let small = words.ends_with(|last: char| last.is_lowercase());
    small && ENDINGS.iter().any(|ending| words.ends_with(ending))
}

fn is_abbreviation(text: &str, span: Span) -> bool {
    let words = span.of(text);
    !words.chars().any(char::is_lowercase)
}
