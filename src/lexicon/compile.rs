//! Compiling: concepts and their forms into an image.

use rustc_hash::{FxHashMap, FxHashSet};

use super::forms::{Spelling, is_exact, variants};
use super::image::{CONCEPT, FORM, HEADER, MAGIC, NONE, Parts, SLOT};
use super::phrase::extend;
use super::trie::Compared;
use crate::mention::Concept;

/// Collects concepts and forms. Memory is that of the image and of a table of its phrases.
pub(crate) struct Compiler<'a> {
    spelling: &'a Spelling,
    /// First and last form of each phrase, [`NONE`] where it is only the beginning of others.
    phrases: FxHashMap<u64, (u32, u32)>,
    /// First words of forms.
    first_keys: FxHashSet<u64>,
    keys: FxHashSet<u64>,
    forms: Vec<u8>,
    concepts: Vec<u8>,
    strings: Vec<u8>,
    /// Places of strings that come again: codes, and names that are forms too.
    known: FxHashMap<u64, u32>,
    /// Variants, which come after every listed form: concept, the form's exact spelling, which holds for them too, and the
    /// variant.
    derived: Vec<(u32, Option<String>, String)>,
    n_listed: u64,
    words: Vec<u64>,
}

impl<'a> Compiler<'a> {
    pub fn new(spelling: &'a Spelling) -> Compiler<'a> {
        Compiler {
            spelling,
            phrases: FxHashMap::default(),
            first_keys: FxHashSet::default(),
            keys: FxHashSet::default(),
            forms: Vec::new(),
            concepts: Vec::new(),
            strings: Vec::new(),
            known: FxHashMap::default(),
            derived: Vec::new(),
            n_listed: 0,
            words: Vec::new(),
        }
    }

    /// Adds a concept, with its name as a form; gives its index.
    pub fn concept(&mut self, concept: Concept<'_>) -> u32 {
        let index = (self.concepts.len() / CONCEPT) as u32;
        let cells = [Some(concept.id), Some(concept.name), concept.icd10cm, concept.codes];
        for cell in cells {
            let place = cell.map_or(NONE, |cell| self.string(cell));
            self.concepts.extend_from_slice(&place.to_le_bytes());
        }
        self.concepts.extend_from_slice(&(concept.kind as u32).to_le_bytes());
        self.form(index, concept.name);
        index
    }

    /// Adds a form of a concept. Of equal forms the later is preferred.
    pub fn form(&mut self, concept: u32, form: &str) {
        self.n_listed += 1;
        let exact = is_exact(form).then_some(form);
        self.push(concept, form, exact, true);
        let variants = variants(form, self.spelling);
        let exact = exact.map(str::to_owned);
        self.derived.extend(variants.into_iter().map(|variant| (concept, exact.clone(), variant)));
    }

    fn push(&mut self, concept: u32, form: &str, exact: Option<&str>, is_listed: bool) {
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        Compared::Stems.append_keys(form, &mut words);
        if let Some(&first) = words.first() {
            self.first_keys.insert(first);
            self.keys.extend(words.iter().copied());
            let exact = exact.map_or(NONE, |exact| self.string(exact));
            let place = (self.forms.len() / FORM) as u32;
            let mut phrase = 0;
            for &key in &words {
                phrase = extend(phrase, key);
                self.phrases.entry(phrase).or_insert((NONE, NONE));
            }
            if let Some((first, last)) = self.phrases.get_mut(&phrase) {
                let mut next = NONE;
                if *first == NONE {
                    (*first, *last) = (place, place);
                } else if is_listed {
                    next = std::mem::replace(first, place);
                } else {
                    let at = *last as usize * FORM + 8;
                    if let Some(link) = self.forms.get_mut(at..at + 4) {
                        link.copy_from_slice(&place.to_le_bytes());
                    }
                    *last = place;
                }
                for number in [concept, exact, next] {
                    self.forms.extend_from_slice(&number.to_le_bytes());
                }
            }
        }
        self.words = words;
    }

    fn string(&mut self, text: &str) -> u32 {
        let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
        let fresh = self.strings.len() as u32;
        let place = *self.known.entry(hash).or_insert(fresh);
        if place == fresh {
            self.strings.extend_from_slice(&(text.len() as u32).to_le_bytes());
            self.strings.extend_from_slice(text.as_bytes());
        }
        place
    }

    /// The image; `sources` is the hash of what it was compiled from.
    pub fn finish(mut self, sources: blake3::Hash) -> Vec<u8> {
        // Backwards: of equal variants too, that of the later form is preferred.
        for (concept, exact, variant) in std::mem::take(&mut self.derived).into_iter().rev() {
            self.push(concept, &variant, exact.as_deref(), false);
        }
        let mut keys: Vec<u64> = self.keys.into_iter().collect();
        keys.sort_unstable();
        let parts = Parts {
            // A bit in sixteen is set, so that most words need no look-up.
            filter_bits: u64::from((self.first_keys.len().max(4096) * 16).next_power_of_two().trailing_zeros()),
            slot_bits: u64::from((self.phrases.len() * 3 / 2 + 8).next_power_of_two().trailing_zeros()),
            n_forms: (self.forms.len() / FORM) as u64,
            n_concepts: (self.concepts.len() / CONCEPT) as u64,
            n_keys: keys.len() as u64,
            n_string_bytes: self.strings.len() as u64,
            n_listed: self.n_listed,
            reserved: 0,
        };
        let mut filter = vec![0u8; (1 << parts.filter_bits) / 8];
        let first_keys: Vec<u64> = self.first_keys.into_iter().collect();
        for key in first_keys {
            let bit = key & ((1 << parts.filter_bits) - 1);
            filter[(bit / 8) as usize] |= 1 << (bit % 8);
        }
        let mask = (1u64 << parts.slot_bits) - 1;
        let mut slots = vec![0u8; (mask as usize + 1) * SLOT];
        // In a fixed order, so that the same sources give the same bytes.
        let mut phrases: Vec<(u64, u32)> =
            self.phrases.into_iter().map(|(phrase, (first, _))| (phrase, first)).collect();
        phrases.sort_unstable();
        for (phrase, first) in phrases {
            let mut place = phrase & mask;
            while slots[place as usize * SLOT..place as usize * SLOT + 8] != [0; 8] {
                place = (place + 1) & mask;
            }
            let slot = &mut slots[place as usize * SLOT..(place as usize + 1) * SLOT];
            slot[..8].copy_from_slice(&phrase.to_le_bytes());
            slot[8..].copy_from_slice(&first.to_le_bytes());
        }
        let mut image = Vec::with_capacity(HEADER + filter.len() + slots.len() + self.forms.len() + self.strings.len());
        image.extend_from_slice(&MAGIC);
        image.extend_from_slice(sources.as_bytes());
        image.extend_from_slice(&parts.to_bytes());
        for part in [&filter, &slots, &self.forms, &self.concepts] {
            image.extend_from_slice(part);
        }
        image.extend(keys.iter().flat_map(|key| key.to_le_bytes()));
        image.extend_from_slice(&self.strings);
        image
    }
}
