//! Whether a report that states a critical finding says who was told.

use super::phrases::first_place;
use super::tables::{Critical, Kind};
use super::view::{Placed, ReportView, Role};
use super::{Item, Outcome};
use crate::assertion::{Presence, Temporality};

pub(super) fn judge(view: &ReportView<'_>) -> Vec<Item> {
    let told = view
        .sentences
        .iter()
        .find_map(|sentence| first_place(view.tables.of(Kind::Communication), &sentence.hits))
        .and_then(|place| view.place(&place));
    let mut seen = Vec::new();
    let mut items = Vec::new();
    for here in view.findings.iter().filter(|placed| placed.role != Role::Background && placed.is_stated()) {
        if here.finding.temporality != Temporality::Current {
            continue;
        }
        let Some(row) = critical(view, here) else { continue };
        // Stated for certain, it is worth its own row beside a possible one.
        if seen.contains(&(row.finding.as_str(), here.finding.presence)) {
            continue;
        }
        seen.push((row.finding.as_str(), here.finding.presence));
        let (outcome, reason) = match (&told, here.finding.presence) {
            (Some(_), _) => (Outcome::Pass, "the report says that it was communicated"),
            (None, Presence::Possible) => (Outcome::CannotTell, "it is uncertain, and no communication is stated"),
            (None, _) if is_known(view, row) => {
                (Outcome::CannotTell, "no communication is stated, and the report elsewhere calls it known or better")
            }
            (None, _) => (Outcome::Flag, "no communication is stated"),
        };
        items.push(Item::new(outcome, &row.finding, reason).at(here.place()).against(told.clone()));
    }
    items
}

/// The first row that holds for a finding in its sentence.
fn critical<'v>(view: &'v ReportView<'_>, here: &Placed<'_>) -> Option<&'v Critical> {
    let concept = here.finding.concept_id?;
    let hits = &view.sentences.get(here.sentence)?.hits;
    view.tables.critical.iter().find(|row| {
        row.concepts.hold(concept)
            && (row.needs.is_empty() || first_place(&row.needs, hits).is_some())
            && first_place(&row.unless, hits).is_none()
    })
}

/// Whether a finding of a row is stated elsewhere with words for which it is not critical.
fn is_known(view: &ReportView<'_>, row: &Critical) -> bool {
    let mut stated = view.findings.iter().filter(|placed| placed.role != Role::Background && placed.is_stated());
    stated.any(|placed| {
        placed.finding.concept_id.is_some_and(|concept| row.concepts.hold(concept))
            && view
                .sentences
                .get(placed.sentence)
                .is_some_and(|sentence| first_place(&row.unless, &sentence.hits).is_some())
    })
}
