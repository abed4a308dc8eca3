//! Whether organs fit the sex of the patient, and whether an organ that was removed is described as normal.

use std::ops::Range;

use super::phrases::{all_places, first_place};
use super::tables::{Kind, Organ};
use super::view::{ReportView, Role, SentenceView, Sides};
use super::{Item, Outcome, Place, RecordedSex};
use crate::assertion::Experiencer;

/// A sex, and where it is stated.
struct StatedSex {
    sex: RecordedSex,
    place: Option<Place>,
}

fn name(sex: RecordedSex) -> &'static str {
    match sex {
        RecordedSex::Male => "male",
        RecordedSex::Female => "female",
    }
}

pub(super) fn judge_sex(view: &ReportView<'_>, recorded: Option<RecordedSex>) -> Vec<Item> {
    let stated = stated_sex(view);
    let mut items = Vec::new();
    if let (Some(recorded), Some(StatedSex { sex, place: Some(place) })) = (recorded, &stated) {
        let agrees = recorded == *sex;
        let (outcome, reason) = match agrees {
            true => (Outcome::Pass, format!("report and record say {}", name(recorded))),
            false => (Outcome::Flag, format!("the record says {}, the report {}", name(recorded), name(*sex))),
        };
        items.push(Item::new(outcome, "sex", reason).at(place.clone()));
    }
    let known = recorded.or(stated.as_ref().map(|stated| stated.sex));
    let whose = if recorded.is_some() { "the record" } else { "the report" };
    for organ in &view.tables.organs {
        let Some(sex) = organ.sex else { continue };
        let Some(place) = named(view, organ) else { continue };
        let (outcome, reason) = match known {
            None => (Outcome::CannotTell, format!("an organ of a {} patient is named, and no sex is known", name(sex))),
            Some(known) if known == sex => (Outcome::Pass, format!("organ and patient are {}", name(sex))),
            Some(known) => {
                let reason = format!("an organ of a {} patient is named, and {whose} says {}", name(sex), name(known));
                (Outcome::Flag, reason)
            }
        };
        let there = stated.as_ref().filter(|_| recorded.is_none()).and_then(|stated| stated.place.clone());
        items.push(Item::new(outcome, &organ.name, reason).at(place).against(there));
    }
    items
}

/// The sex that the background of the report states; `None` where it states both, or none.
fn stated_sex(view: &ReportView<'_>) -> Option<StatedSex> {
    let mut found: [Option<Range<usize>>; 2] = [None, None];
    for (index, sentence) in view.sentences_of(Role::Background) {
        if is_of_another(view, index) {
            continue;
        }
        for (slot, kind) in found.iter_mut().zip([Kind::Male, Kind::Female]) {
            *slot = slot.take().or_else(|| first_place(view.tables.of(kind), &sentence.hits));
        }
    }
    match found {
        [Some(place), None] => Some(StatedSex { sex: RecordedSex::Male, place: view.place(&place) }),
        [None, Some(place)] => Some(StatedSex { sex: RecordedSex::Female, place: view.place(&place) }),
        _ => None,
    }
}

/// Whether a sentence is about somebody else.
fn is_of_another(view: &ReportView<'_>, index: usize) -> bool {
    let mut mentions = view.findings.iter().filter(|placed| placed.sentence == index);
    mentions.any(|placed| placed.finding.experiencer != Experiencer::Patient)
}

/// Where an organ is named as the patient's, and not denied (`no pregnancy`).
fn named(view: &ReportView<'_>, organ: &Organ) -> Option<Place> {
    let mut sentences = view.sentences.iter().enumerate().filter(|(index, _)| !is_of_another(view, *index));
    sentences.find_map(|(_, sentence)| {
        let places = all_places(&organ.words, &sentence.hits);
        view.place(&places.into_iter().find(|place| !view.is_denied(sentence, place, 4))?)
    })
}

/// A removal of an organ: the sides, and where it is stated.
struct Removal {
    sides: Sides,
    sentence: usize,
    place: Range<usize>,
}

pub(super) fn judge_removed(view: &ReportView<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for organ in &view.tables.organs {
        let Some(removal) = removal(view, organ) else { continue };
        let there = view.place(&removal.place);
        let normal = normal_places(view, organ, removal.sentence);
        items.push(match normal.first() {
            None => Item::new(Outcome::Pass, &organ.name, "a removed organ is not described as normal"),
            Some(_) if organ.is_paired => {
                let same = |&&(_, sides): &&(Place, Sides)| sides.is_known() && sides.meets(removal.sides);
                let unsided = normal.iter().any(|(_, sides)| !sides.is_known()) || !removal.sides.is_known();
                match normal.iter().find(same).or(normal.first().filter(|_| unsided)) {
                    Some((place, sides))
                        if sides.is_known() && !removal.sides.is_both() && sides.meets(removal.sides) =>
                    {
                        let reason = format!("removed on the {} and described as normal there", removal.sides.name());
                        Item::new(Outcome::Flag, &organ.name, reason).at(place.clone())
                    }
                    Some((place, _)) => {
                        let reason = "removed, and described as normal without a side that settles which";
                        Item::new(Outcome::CannotTell, &organ.name, reason).at(place.clone())
                    }
                    None => Item::new(Outcome::Pass, &organ.name, "only the other side is described as normal"),
                }
            }
            Some((place, _)) => {
                Item::new(Outcome::Flag, &organ.name, "removed, and described as normal").at(place.clone())
            }
        });
        if let Some(item) = items.last_mut() {
            item.there = there;
        }
    }
    items
}

/// The first sentence that says that an organ was removed as a whole.
fn removal(view: &ReportView<'_>, organ: &Organ) -> Option<Removal> {
    view.sentences.iter().enumerate().find_map(|(index, sentence)| {
        if view.says(sentence, Kind::Planned) || is_of_another(view, index) {
            return None;
        }
        let operated = all_places(&organ.removals, &sentence.hits).into_iter().next();
        let absent = || {
            let words = first_place(&organ.words, &sentence.hits)?;
            let gone = view.places_of(sentence, Kind::AbsentOrgan);
            gone.into_iter().find(|place| place.start >= words.end)
        };
        let place = match organ.removals.is_empty() {
            true => return None,
            false => operated.or_else(absent)?,
        };
        let near = place.start.saturating_sub(2)..place.start;
        let in_part = view.places_of(sentence, Kind::Partial).iter().any(|partial| near.contains(&partial.start));
        let removed = !in_part && !view.is_denied(sentence, &place, 4);
        removed.then(|| Removal { sides: view.sides(sentence, &sentence.tokens), sentence: index, place })
    })
}

/// Where an organ is described as normal, and on which side.
fn normal_places(view: &ReportView<'_>, organ: &Organ, removal: usize) -> Vec<(Place, Sides)> {
    let described = |(index, sentence): (usize, &SentenceView)| {
        if index == removal || sentence.role == Role::Background {
            return None;
        }
        let is_gone = [Kind::AbsentOrgan, Kind::Remnant].map(|kind| view.says(sentence, kind)).contains(&true);
        if is_gone || first_place(&organ.removals, &sentence.hits).is_some() {
            return None;
        }
        let words = first_place(&organ.words, &sentence.hits)?;
        let normal = view.places_of(sentence, Kind::Normal);
        normal.iter().find(|place| place.start >= words.end && !view.is_denied(sentence, place, 1))?;
        Some((view.place(&words)?, view.sides(sentence, &sentence.tokens)))
    };
    view.sentences.iter().enumerate().filter_map(described).collect()
}
