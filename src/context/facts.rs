//! The assertion of facts: by the cues and priors that hold for their type, by what their form says, by years.

use super::rules::{Axis, Category};
use super::scope::{self, Cue, TokenRange};
use super::{ConText, Subject, apply, token_range};
use crate::Span;
use crate::assertion::{Evidence, Presence};
use crate::document::{Document, Sentence};
use crate::fact::{Fact, FactType};
use crate::note::NoteTime;
use crate::token::{Token, TokenKind};

/// Tokens between a procedure and its year.
const YEAR_WITHIN: usize = 6;
/// Most tokens between a word of doubt and the procedure, drug or device that it makes a plan.
const DOUBT_WITHIN: usize = 3;
/// Numbers that are read as years.
const YEARS: std::ops::RangeInclusive<i64> = 1900..=2199;

impl ConText {
    /// Decides the assertions of the facts of one sentence, which are sorted by span.
    pub(crate) fn assert_facts(&self, document: &Document, sentence: &Sentence, facts: &mut [Fact]) {
        let tokens = document.tokens_of(sentence);
        let section = document.section_of(sentence);
        let places: Vec<_> = facts.iter().map(|fact| token_range(tokens, fact.span)).collect();
        let cues = scope::find_cues(&self.rules, document.text(), tokens, &places);
        let mut own: Vec<Cue> = Vec::new();
        for (index, fact) in facts.iter_mut().enumerate() {
            let Some(&place) = places.get(index) else { continue };
            own.clear();
            // An age is not denied, but may be another's.
            let counts = |cue: &&Cue| {
                fact.kind != FactType::Demographic || matches!(cue.category.axis(), None | Some(Axis::Experiencer))
            };
            let holding = cues.iter().filter(|cue| self.rules.holds_for(cue.rule, Some(fact.kind)));
            own.extend(holding.filter(counts).filter_map(|&cue| planned(cue, fact.kind, place)));
            let named = tokens.get(place.start..place.end).unwrap_or(&[]);
            let chronic = self.rules.is_chronic(named);
            let mut assertion = self.decide(tokens, section, &own, &Subject { place, chronic, fact: Some(fact.kind) });
            if let Some(says) = fact.says {
                let (category, rule) = self.rules.said(says);
                apply(&mut assertion, category, Evidence { cue: Some(fact.span), rule });
            }
            let next = places.get(index + 1).map_or(tokens.len(), |next| next.start);
            if fact.kind == FactType::Procedure
                && assertion.temporality_by.is_none()
                && assertion.presence == Presence::Present
                && let Some(after) = tokens.get(place.end..next.max(place.end))
                && let Some(year) = earlier_year(document, after)
            {
                let (category, rule) = self.rules.earlier_year();
                apply(&mut assertion, category, Evidence { cue: Some(year), rule });
            }
            fact.assertion = assertion;
        }
    }
}

/// What doubt says of something done or given: close to it that it may come (`possible biopsy`), else nothing, since the doubt
/// is of what it is for (`probable sepsis, start vancomycin`).
fn planned(cue: Cue, kind: FactType, place: TokenRange) -> Option<Cue> {
    let is_doubt = cue.category == Category::Possible;
    if !is_doubt || !matches!(kind, FactType::Procedure | FactType::Drug | FactType::Device) {
        return Some(cue);
    }
    let n_between = if cue.place.end <= place.start {
        place.start - cue.place.end
    } else {
        cue.place.start.saturating_sub(place.end)
    };
    (n_between <= DOUBT_WITHIN).then_some(Cue { category: Category::Hypothetical, ..cue })
}

/// The year shortly after a fact, where it is before the note's; any year where the note's is not known.
fn earlier_year(document: &Document, after: &[Token]) -> Option<Span> {
    let note_year = document.note().meta.time.and_then(NoteTime::date).map(|date| i64::from(date.year()));
    let text = document.text();
    after.iter().take(YEAR_WITHIN).find_map(|token| {
        let year = token.span.of(text);
        let year: i64 = (token.kind == TokenKind::Number && year.len() == 4).then(|| year.parse().ok())??;
        let is_earlier = YEARS.contains(&year) && note_year.is_none_or(|note_year| year < note_year);
        is_earlier.then_some(token.span)
    })
}
