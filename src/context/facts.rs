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
/// Most tokens between a word of doubt, or what it makes a plan, and the procedure that it makes a plan.
const PLANNED_WITHIN: usize = 3;
/// Most tokens between a word of doubt and the drug or device that it is about.
const DOUBTED_WITHIN: usize = 1;
/// Numbers that are read as years.
const YEARS: std::ops::RangeInclusive<i64> = 1900..=2199;

impl ConText {
    /// Decides the assertions of the facts of one sentence, which are sorted by span.
    pub(crate) fn assert_facts(&self, document: &Document, sentence: &Sentence, facts: &mut [Fact]) {
        let tokens = document.tokens_of(sentence);
        let section = document.section_of(sentence);
        let places: Vec<_> = facts.iter().map(|fact| token_range(tokens, fact.span)).collect();
        let cues = scope::find_cues(&self.rules, document.text(), tokens, &places);
        let mut reaches = reaches(&cues);
        let mut own: Vec<Cue> = Vec::new();
        for (index, fact) in facts.iter_mut().enumerate() {
            let Some(&place) = places.get(index) else { continue };
            own.clear();
            let of_fact = |(&cue, reach): (&Cue, &mut usize)| self.cue_of_fact(cue, fact.kind, place, reach);
            own.extend(cues.iter().zip(&mut reaches).filter_map(of_fact));
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

    /// What a cue says of a fact at a place, if anything; `reach` is where the cue ends, or the last procedure that it made a
    /// plan. An age is not denied, but may be another's. Doubt close to a procedure says that it may come (`possible biopsy`).
    /// Other doubt of something done or given is of what it is for (`probable sepsis, start vancomycin`) or of what it did
    /// (`probably improved with steroids`).
    pub(super) fn cue_of_fact(&self, cue: Cue, kind: FactType, place: TokenRange, reach: &mut usize) -> Option<Cue> {
        let is_of_axis = kind != FactType::Demographic || matches!(cue.category.axis(), None | Some(Axis::Experiencer));
        if !is_of_axis || !self.rules.holds_for(cue.rule, Some(kind)) {
            return None;
        }
        if cue.category != Category::Possible {
            return Some(cue);
        }
        let is_before = cue.place.end <= place.start;
        let n_between =
            if is_before { place.start.saturating_sub(*reach) } else { cue.place.start.saturating_sub(place.end) };
        let is_own = self.rules.row(cue.rule).category == Category::Possible;
        match kind {
            FactType::Procedure => (is_own && n_between <= PLANNED_WITHIN).then(|| {
                *reach = place.end.max(*reach);
                Cue { category: Category::Hypothetical, ..cue }
            }),
            FactType::Drug | FactType::Device => (is_own && n_between <= DOUBTED_WITHIN).then_some(cue),
            _ => Some(cue),
        }
    }
}

/// Where each cue ends: what [`ConText::cue_of_fact`] begins with.
pub(super) fn reaches(cues: &[Cue]) -> Vec<usize> {
    cues.iter().map(|cue| cue.place.end).collect()
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
