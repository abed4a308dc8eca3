//! Whether a nodule has a size, and whether the report says what is to be done about it.

use std::ops::Range;

use super::phrases::first_place;
use super::tables::Kind;
use super::view::{Placed, ReportView, Role, SentenceView};
use super::{Item, Outcome, Place};
use crate::assertion::Presence;
use crate::token::{TokenKind, word_key};

/// Tokens before a nodule in which a mask may have been its size.
const MASK_REACH: usize = 3;
/// Tokens before a nodule in which it may be asked for.
const QUESTION_REACH: usize = 4;

pub(super) fn judge_size(view: &ReportView<'_>) -> Vec<Item> {
    let nodules = open_nodules(view);
    let Some(first) = nodules.first() else { return settled(view) };
    // A nodule of the impression is often an opacity of the findings, which has the size.
    let related = view.findings.iter().filter(|placed| is_related(view, placed));
    if let Some(place) = self::nodules(view).chain(related).find_map(|nodule| size_beside(view, nodule)) {
        return vec![item(view, Outcome::Pass, "a size is stated").at(first.place()).against(Some(place))];
    }
    let masked =
        nodules.iter().any(|nodule| view.has_mask(nodule.tokens.start.saturating_sub(MASK_REACH)..nodule.tokens.start));
    let (outcome, reason) = match (masked, are_uncertain(view, &nodules)) {
        (true, _) => (Outcome::CannotTell, "no size is stated, and words before it are masked"),
        (_, true) => (Outcome::CannotTell, "it is uncertain, and no size is stated"),
        _ => (Outcome::Flag, "no size is stated"),
    };
    vec![item(view, outcome, reason).at(first.place())]
}

pub(super) fn judge_follow_up(view: &ReportView<'_>) -> Vec<Item> {
    let nodules = open_nodules(view);
    let Some(first) = nodules.first() else { return settled(view) };
    let stated = |sentence: &SentenceView| first_place(view.tables.of(Kind::FollowUp), &sentence.hits);
    let beside = nodules.iter().flat_map(|nodule| neighbours(view, nodule.sentence));
    let concluding = view.sentences_of(Role::Impression).map(|(_, sentence)| sentence);
    if let Some(place) = beside.chain(concluding).find_map(stated) {
        let there = view.place(&place);
        return vec![item(view, Outcome::Pass, "what is to be done is stated").at(first.place()).against(there)];
    }
    let unchanged = nodules
        .iter()
        .any(|nodule| view.sentences.get(nodule.sentence).is_some_and(|sentence| view.says(sentence, Kind::Unchanged)));
    let (outcome, reason) = match (unchanged, are_uncertain(view, &nodules)) {
        (true, _) => (Outcome::CannotTell, "it is said to be unchanged, and no follow-up is stated"),
        (_, true) => (Outcome::CannotTell, "it is uncertain, and no follow-up is stated"),
        _ => (Outcome::Flag, "no follow-up is stated"),
    };
    vec![item(view, outcome, reason).at(first.place())]
}

fn item(view: &ReportView<'_>, outcome: Outcome, reason: &str) -> Item {
    let name = view.tables.groups.get(view.tables.nodules).map_or("", |group| group.name.as_str());
    Item::new(outcome, name, reason)
}

/// The nodules that are stated.
fn nodules<'v, 'a>(view: &'v ReportView<'a>) -> impl Iterator<Item = &'v Placed<'a>> {
    let in_report = |placed: &&Placed<'_>| placed.role != Role::Background && placed.is_stated();
    view.findings.iter().filter(in_report).filter(|placed| placed.group == Some(view.tables.nodules))
}

/// Those of them that are neither calcified, nor taken for something harmless, nor gone.
fn open_nodules<'v, 'a>(view: &'v ReportView<'a>) -> Vec<&'v Placed<'a>> {
    nodules(view).filter(|placed| !is_settled(view, placed) && !refers_back(view, placed)).collect()
}

/// Whether a nodule is said to be harmless or gone, in its sentence or in one that goes on about it.
fn is_settled(view: &ReportView<'_>, nodule: &Placed<'_>) -> bool {
    let own = view.sentences.get(nodule.sentence);
    let goes_on = |sentence: &&SentenceView| {
        view.places_of(sentence, Kind::Anaphor).iter().any(|place| place.start == sentence.tokens.start)
    };
    let next = view.sentences.get(nodule.sentence + 1).filter(goes_on);
    own.into_iter()
        .chain(next)
        .any(|sentence| [Kind::Benign, Kind::Resolved].into_iter().any(|kind| stated_of(view, sentence, kind)))
}

/// Whether every nodule is only possible.
fn are_uncertain(view: &ReportView<'_>, nodules: &[&Placed<'_>]) -> bool {
    nodules.iter().all(|nodule| {
        nodule.finding.presence == Presence::Possible || is_after(view, nodule, Kind::Question, QUESTION_REACH)
    })
}

/// Whether a phrase of a kind ends within so many tokens before a finding, or begins it.
fn is_after(view: &ReportView<'_>, placed: &Placed<'_>, kind: Kind, n_tokens: usize) -> bool {
    let near = placed.tokens.start.saturating_sub(n_tokens)..=placed.tokens.start;
    let places = view.sentences.get(placed.sentence).map(|sentence| view.places_of(sentence, kind));
    places.into_iter().flatten().any(|place| near.contains(&place.start) && place.start < placed.tokens.end)
}

/// Whether a nodule is another word for something that was named before it: `the nodule`, of a granuloma.
fn refers_back(view: &ReportView<'_>, nodule: &Placed<'_>) -> bool {
    let mut before =
        view.findings.iter().take_while(|placed| placed.finding.span.start() < nodule.finding.span.start());
    is_after(view, nodule, Kind::Definite, 1)
        && before.any(|placed| placed.is_stated() && shows_nodules(view, placed) && placed.group != nodule.group)
}

/// Whether a finding is of a family in which findings tell of nodules, and not settled.
fn is_related(view: &ReportView<'_>, placed: &Placed<'_>) -> bool {
    shows_nodules(view, placed) && placed.role != Role::Background && placed.is_stated() && !is_settled(view, placed)
}

/// Whether a finding is of a family in which findings tell of nodules.
fn shows_nodules(view: &ReportView<'_>, placed: &Placed<'_>) -> bool {
    let group = view.tables.groups.get(view.tables.nodules);
    placed.group.is_some_and(|other| group.is_some_and(|group| group.shown_by.contains(&other)))
}

/// Whether a sentence says something without denying it.
fn stated_of(view: &ReportView<'_>, sentence: &SentenceView, kind: Kind) -> bool {
    view.places_of(sentence, kind).iter().any(|place| !view.is_denied(sentence, place, 3))
}

/// What is said where every nodule is harmless or gone.
fn settled(view: &ReportView<'_>) -> Vec<Item> {
    let reason = "every nodule is said to be calcified, harmless or gone";
    nodules(view).take(1).map(|nodule| item(view, Outcome::NotApplicable, reason).at(nodule.place())).collect()
}

/// A sentence, and those beside it that stand in the same part.
fn neighbours<'v>(view: &'v ReportView<'_>, index: usize) -> impl Iterator<Item = &'v SentenceView> {
    let role = view.sentences.get(index).map(|sentence| sentence.role);
    let beside = index.saturating_sub(1)..(index + 2).min(view.sentences.len());
    view.sentences.get(beside).unwrap_or(&[]).iter().filter(move |sentence| Some(sentence.role) == role)
}

/// A size in the sentence of a nodule, or in one beside it.
fn size_beside(view: &ReportView<'_>, nodule: &Placed<'_>) -> Option<Place> {
    neighbours(view, nodule.sentence).find_map(|sentence| {
        let words = first_place(view.tables.of(Kind::SizeWord), &sentence.hits);
        view.place(&words.or_else(|| measured(view, sentence))?)
    })
}

/// A number, or a mask, with a unit of length.
fn measured(view: &ReportView<'_>, sentence: &SentenceView) -> Option<Range<usize>> {
    let tokens = view.document.tokens();
    let is_number =
        |index: usize| tokens.get(index).is_some_and(|token| matches!(token.kind, TokenKind::Number | TokenKind::Mask));
    let apart = view.places_of(sentence, Kind::Unit).into_iter().find(|unit| {
        let number = unit.start.checked_sub(1).filter(|&number| number >= sentence.tokens.start);
        // A hyphen may stand between them.
        number.is_some_and(|number| is_number(number) || number.checked_sub(1).is_some_and(is_number))
    });
    apart.or_else(|| sentence.tokens.clone().find(|&index| is_glued(view, index)).map(|index| index..index + 1))
}

/// Whether a token is a number that touches its unit (`8mm`).
fn is_glued(view: &ReportView<'_>, index: usize) -> bool {
    let Some(token) = view.document.tokens().get(index) else { return false };
    let words = token.span.of(view.document.text());
    let unit = words.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
    let has_number = unit.len() < words.len();
    has_number && view.tables.units.contains(&word_key(unit)) && !unit.is_empty()
}
