//! Whether the findings hold what the impression states.

use super::phrases::first_place;
use super::tables::{Group, Kind};
use super::view::{Placed, ReportView, Role};
use super::{Item, Outcome};
use crate::assertion::{Experiencer, Presence};

pub(super) fn judge(view: &ReportView<'_>) -> Vec<Item> {
    if view.sentences_of(Role::Findings).next().is_none() {
        return Vec::new();
    }
    let mut seen = Vec::new();
    let mut items = Vec::new();
    for here in view.findings_of(Role::Impression).filter(|placed| placed.is_present()) {
        let Some((index, group)) = here.group.and_then(|index| Some((index, view.tables.groups.get(index)?))) else {
            continue;
        };
        if !seen.contains(&index) {
            seen.push(index);
            items.push(support(view, here, index, group));
        }
    }
    items
}

/// Looks for a family in the findings: as itself or in a related family, in words, or denied.
fn support(view: &ReportView<'_>, here: &Placed<'_>, index: usize, group: &Group) -> Item {
    let item = |outcome, reason: &str| Item::new(outcome, &group.name, reason).at(here.place());
    let related = |placed: &&Placed<'_>| {
        placed.group.is_some_and(|other| group.shown_by.contains(&other))
            && placed.finding.experiencer == Experiencer::Patient
    };
    let (stated, denied): (Vec<&Placed<'_>>, Vec<&Placed<'_>>) = view
        .findings_of(Role::Findings)
        .filter(related)
        .partition(|placed| placed.finding.presence != Presence::Absent);
    if let Some(there) = stated.first() {
        return item(Outcome::Pass, "the findings state it").against(Some(there.place()));
    }
    // A denial reaches far: words of a sentence that denies the family do not tell of it.
    let is_denied = |sentence: usize| denied.iter().any(|placed| placed.sentence == sentence);
    let told = view.sentences_of(Role::Findings).find_map(|(sentence, words)| {
        let place = first_place(&group.words, &words.hits).filter(|_| !is_denied(sentence))?;
        (!view.is_denied(words, &place, 6)).then_some(place)
    });
    if let Some(told) = told {
        return item(Outcome::Pass, "the findings tell of it in other words").against(view.place(&told));
    }
    if let Some(there) = denied.iter().find(|placed| placed.group == Some(index)) {
        let limited = view.sentences.get(there.sentence).is_some_and(|sentence| view.says(sentence, Kind::Limited));
        return if limited {
            item(Outcome::CannotTell, "the findings deny it with a limit").against(Some(there.place()))
        } else {
            item(Outcome::Flag, "the findings deny it").against(Some(there.place()))
        };
    }
    if view.sentences_of(Role::Findings).any(|(_, sentence)| view.has_mask(sentence.tokens.clone())) {
        return item(Outcome::CannotTell, "the findings do not state it, and hold masked words");
    }
    item(Outcome::Flag, "the findings do not state it")
}
