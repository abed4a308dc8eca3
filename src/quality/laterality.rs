//! Whether a finding is on the same side in the impression as in the findings.

use super::tables::Group;
use super::view::{Placed, ReportView, Role, Sides};
use super::{Item, Outcome};

pub(super) fn judge(view: &ReportView<'_>) -> Vec<Item> {
    let findings: Vec<&Placed<'_>> = view.findings_of(Role::Findings).filter(|placed| placed.is_stated()).collect();
    let stated = view.findings_of(Role::Impression).filter(|placed| placed.is_stated() && placed.sides.is_known());
    stated.filter_map(|here| compare(view, here, &findings)).collect()
}

/// Compares a finding of the impression with those of the same family, and at the same site, that the findings state.
fn compare(view: &ReportView<'_>, here: &Placed<'_>, findings: &[&Placed<'_>]) -> Option<Item> {
    let group = here.group.and_then(|group| view.tables.groups.get(group));
    let is_same = |there: &Placed<'_>| match (here.group, group) {
        (Some(_), Some(group)) => group.is_sided && there.group == here.group,
        _ => there.finding.concept_id.is_some() && there.finding.concept_id == here.finding.concept_id,
    };
    let same: Vec<&&Placed<'_>> = findings.iter().filter(|there| is_same(there) && there.may_be_at(here)).collect();
    let other = same.iter().find(|there| there.sides.is_known() && !there.sides.meets(here.sides));
    let sides = same.iter().fold(Sides::default(), |sides, there| sides.with(there.sides));
    let name = group.map_or_else(|| here.finding.concept_id.unwrap_or_default(), |group| group.name.as_str());
    let item = |outcome, reason: String| Item::new(outcome, name, reason).at(here.place());
    let first = same.first()?;
    if sides.meets(here.sides) {
        let is_one_of_both = here.sides.is_both() && !sides.is_both();
        let (said, stated) = (sides.name(), here.sides.name());
        return Some(if is_one_of_both {
            item(Outcome::CannotTell, format!("the findings say {said}, the impression {stated}"))
                .against(Some(first.place()))
        } else {
            item(Outcome::Pass, "findings and impression agree on the side".to_owned())
        });
    }
    if let Some(related) = related_on_side(here, group, findings) {
        let reason = "a related finding stands on that side in the findings".to_owned();
        return Some(item(Outcome::Pass, reason).against(Some(related.place())));
    }
    match other {
        Some(other) if same.iter().all(|there| there.sides.is_known()) => {
            let reason = format!("the findings say {}, the impression {}", sides.name(), here.sides.name());
            Some(item(Outcome::Flag, reason).against(Some(other.place())))
        }
        _ => {
            let reason = format!("the impression says {}, the findings do not say the side", here.sides.name());
            Some(item(Outcome::CannotTell, reason).against(Some(first.place())))
        }
    }
}

/// A finding of a related family on the side of one of the impression: findings often describe what the impression names.
fn related_on_side<'v, 'a>(
    here: &Placed<'_>,
    group: Option<&Group>,
    findings: &[&'v Placed<'a>],
) -> Option<&'v Placed<'a>> {
    let is_related = |there: &&&Placed<'_>| {
        there.group.is_some_and(|other| group.is_some_and(|group| group.shown_by.contains(&other)))
            && there.sides.meets(here.sides)
            && there.may_be_at(here)
    };
    findings.iter().find(is_related).copied()
}
