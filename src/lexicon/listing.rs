//! What a lexicon lists: every form, with its concept and what keeps it from ever being matched.

use super::image::FormEntry;
use super::{FormMatch, Lexicon};
use crate::mention::ConceptIndex;

/// A surface form that a lexicon lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListedForm<'a> {
    pub text: &'a str,
    pub concept: ConceptIndex,
    /// The concept that the same words name before it: another, or its own where the form stands twice.
    pub hidden_by: Option<ConceptIndex>,
}

impl Lexicon {
    /// Every listed form, in the order of the compiled tables.
    pub(crate) fn listed_forms(&self) -> impl Iterator<Item = ListedForm<'_>> {
        self.layers.iter().flat_map(|layer| {
            let index = |entry: &FormEntry<'_>| ConceptIndex(layer.first + entry.concept);
            layer.image.phrases().flat_map(move |entries| {
                let listed: Vec<ListedForm<'_>> = entries
                    .iter()
                    .enumerate()
                    .filter(|(_, entry)| !entry.is_variant())
                    .map(|(place, entry)| {
                        let before = entries.get(..place).unwrap_or(&[]);
                        let hides =
                            |other: &&FormEntry<'_>| other.exact().is_none_or(|exact| entry.exact() == Some(exact));
                        // Its own concept first: a form that stands twice is that whatever else hides it.
                        let twice = before.iter().filter(hides).find(|other| other.concept == entry.concept);
                        let hiding = twice.or_else(|| before.iter().find(hides));
                        ListedForm { text: entry.text(), concept: index(entry), hidden_by: hiding.map(index) }
                    })
                    .collect();
                listed
            })
        })
    }

    /// The listed form of a match.
    pub(crate) fn form_text(&self, found: FormMatch) -> &str {
        self.layer_of(found.concept).and_then(|layer| layer.image.form(found.form)).map_or("", FormEntry::text)
    }

    /// Whether the bytes of every layer are those that were written; holds for compiled terminologies.
    pub(crate) fn is_whole(&self) -> bool {
        self.layers.iter().all(|layer| layer.image.is_whole())
    }
}
