//! Compiling: concepts and their forms into an image.

use std::io::{self, Write};

use rustc_hash::{FxHashMap, FxHashSet};

use super::forms::{Spelling, is_exact, variants};
use super::image::{CONCEPT, EXACT, FORM, HEADER, ID, MAGIC, NONE, Parts, SLOT, VARIANT, home, id_hash, n_slots};
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
    /// Forms of one word, and the first two words of others, as phrases.
    beginnings: FxHashSet<u64>,
    keys: FxHashSet<u64>,
    forms: Vec<u8>,
    /// The rank of each form.
    ranks: Vec<Rank>,
    concepts: Vec<u8>,
    /// Hash of the id of each concept.
    ids: Vec<u64>,
    strings: Vec<u8>,
    /// Places of strings that come again: codes, and names that are forms too.
    known: FxHashMap<u64, u32>,
    /// Variants, which come after every listed form: concept, the text of the listed form with its marks, and the variant.
    derived: Vec<(u32, u32, Box<str>)>,
    n_listed: u64,
    words: Vec<u64>,
}

/// How a form stands to its concept, best first: of equal forms that of the best rank is preferred, then the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The concept's name.
    Name,
    /// Another form that means just the concept.
    Exact,
    /// A form that is broader, narrower or only related.
    Loose,
    /// A spelling that is not listed.
    Variant,
}

/// What became of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is new for its concept.
    New,
    /// The concept has it already.
    Known,
    /// It holds no word, so that nothing could match it.
    NoWord,
}

/// A compiled lexicon, ready to be written.
pub(crate) struct Compiled {
    parts: Parts,
    hash: blake3::Hash,
    body: [Vec<u8>; 8],
}

/// How many forms of a phrase are asked whether they are that of a concept already.
const COMPARED_FORMS: usize = 16;

impl<'a> Compiler<'a> {
    pub fn new(spelling: &'a Spelling) -> Compiler<'a> {
        Compiler {
            spelling,
            phrases: FxHashMap::default(),
            first_keys: FxHashSet::default(),
            beginnings: FxHashSet::default(),
            keys: FxHashSet::default(),
            forms: Vec::new(),
            ranks: Vec::new(),
            concepts: Vec::new(),
            ids: Vec::new(),
            strings: Vec::new(),
            known: FxHashMap::default(),
            derived: Vec::new(),
            n_listed: 0,
            words: Vec::new(),
        }
    }

    /// Adds a concept, with its name as a form; gives its index.
    pub fn concept(&mut self, concept: Concept<'_>) -> u32 {
        let index = self.bare_concept(concept);
        self.form(index, concept.name);
        index
    }

    /// Adds a concept without any form; gives its index.
    pub fn bare_concept(&mut self, concept: Concept<'_>) -> u32 {
        let index = (self.concepts.len() / CONCEPT) as u32;
        let cells = [Some(concept.id), Some(concept.name), concept.icd10cm, concept.codes];
        for cell in cells {
            let place = cell.map_or(NONE, |cell| self.string(cell));
            self.concepts.extend_from_slice(&place.to_le_bytes());
        }
        self.concepts.extend_from_slice(&(concept.kind as u32).to_le_bytes());
        self.ids.push(id_hash(concept.id));
        index
    }

    /// Adds a form of a concept. Of equal forms the later is preferred.
    pub fn form(&mut self, concept: u32, form: &str) {
        self.spell(form);
        self.listed(concept, form, Rank::Exact);
    }

    /// Adds a form of a concept unless it has it; of equal forms that of the better rank, then the later, is preferred.
    pub fn ranked_form(&mut self, concept: u32, form: &str, rank: Rank) -> Added {
        self.spell(form);
        if self.words.is_empty() {
            return Added::NoWord;
        }
        if self.has(concept, form) {
            return Added::Known;
        }
        self.listed(concept, form, rank);
        Added::New
    }

    /// Writes the keys of a form's words into `words`.
    fn spell(&mut self, form: &str) {
        self.words.clear();
        Compared::Stems.append_keys(form, &mut self.words);
    }

    /// Whether the phrase in `words` has the form of a concept; of very many forms only the first are asked.
    fn has(&self, concept: u32, form: &str) -> bool {
        let phrase = self.words.iter().fold(0, |phrase, &key| extend(phrase, key));
        let mut next = self.phrases.get(&phrase).map_or(NONE, |&(first, _)| first);
        for _ in 0..COMPARED_FORMS {
            let Some([owner, text, after]) = self.entry(next) else { return false };
            if owner == concept && (text & EXACT == 0 || (is_exact(form) && self.text(text) == form.as_bytes())) {
                return true;
            }
            next = after;
        }
        false
    }

    /// The numbers of a form.
    fn entry(&self, form: u32) -> Option<[u32; 3]> {
        let at = (form as usize).checked_mul(FORM)?;
        let bytes = self.forms.get(at..at + FORM)?.as_chunks::<4>().0;
        let [owner, text, next] = bytes.first_chunk()?;
        Some([u32::from_le_bytes(*owner), u32::from_le_bytes(*text), u32::from_le_bytes(*next)])
    }

    fn text(&self, place: u32) -> &[u8] {
        let at = (place & !(EXACT | VARIANT)) as usize;
        let length = self.strings.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |&bytes| u32::from_le_bytes(bytes));
        self.strings.get(at + 4..at + 4 + length as usize).unwrap_or(&[])
    }

    /// Adds the phrase in `words` as a listed form, and remembers its variants.
    fn listed(&mut self, concept: u32, form: &str, rank: Rank) {
        self.n_listed += 1;
        let exact = if is_exact(form) { EXACT } else { 0 };
        let text = self.string(form) | exact;
        self.push(concept, text, rank);
        let variants = variants(form, self.spelling);
        self.derived.extend(variants.into_iter().map(|variant| (concept, text, variant.into_boxed_str())));
    }

    /// Adds the phrase in `words`.
    fn push(&mut self, concept: u32, text: u32, rank: Rank) {
        let Some(&first_key) = self.words.first() else { return };
        self.first_keys.insert(first_key);
        self.keys.extend(self.words.iter().copied());
        let place = (self.forms.len() / FORM) as u32;
        let mut phrase = 0;
        for (place, &key) in self.words.iter().enumerate() {
            phrase = extend(phrase, key);
            self.phrases.entry(phrase).or_insert((NONE, NONE));
            if place == 1 || self.words.len() == 1 {
                self.beginnings.insert(phrase);
            }
        }
        let Some((first, last)) = self.phrases.get_mut(&phrase) else { return };
        let rank_of = |form: u32| self.ranks.get(form as usize).copied().unwrap_or(Rank::Variant);
        let mut next = NONE;
        if *first == NONE {
            (*first, *last) = (place, place);
        } else if rank <= rank_of(*first) && rank < Rank::Variant {
            next = std::mem::replace(first, place);
        } else {
            // A form that is not the best stands right behind it if it is listed, and else at the end.
            let behind = if rank == Rank::Variant { *last } else { *first };
            let at = behind as usize * FORM + 8;
            if let Some(link) = self.forms.get_mut(at..at + 4) {
                if let Some(&after) = link.first_chunk() {
                    next = u32::from_le_bytes(after);
                }
                link.copy_from_slice(&place.to_le_bytes());
            }
            if behind == *last {
                *last = place;
            }
        }
        for number in [concept, text, next] {
            self.forms.extend_from_slice(&number.to_le_bytes());
        }
        self.ranks.push(rank);
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

    /// Bytes of texts that an image can hold: their places leave two bits for marks.
    pub fn is_full(&self) -> bool {
        self.strings.len() as u64 >= u64::from(VARIANT) - (1 << 20)
    }

    /// How many concepts there are.
    pub fn n_concepts(&self) -> usize {
        self.concepts.len() / CONCEPT
    }

    /// How many forms are listed.
    pub fn n_listed(&self) -> u64 {
        self.n_listed
    }

    /// The compiled lexicon; `sources` is the hash of what it was compiled from, that of its own bytes where none is given.
    pub fn finish(mut self, sources: Option<blake3::Hash>) -> Compiled {
        self.known = FxHashMap::default();
        // Backwards: of equal variants too, that of the later form is preferred.
        for (concept, text, variant) in std::mem::take(&mut self.derived).into_iter().rev() {
            self.spell(&variant);
            self.push(concept, text | VARIANT, Rank::Variant);
        }
        let parts = Parts {
            // A bit in sixteen is set, so that most words need no look-up.
            filter_bits: filter_bits(self.first_keys.len(), 16),
            beginning_bits: filter_bits(self.beginnings.len(), 8),
            n_phrases: self.phrases.len() as u64,
            n_forms: (self.forms.len() / FORM) as u64,
            n_concepts: (self.concepts.len() / CONCEPT) as u64,
            n_keys: self.keys.len() as u64,
            n_string_bytes: self.strings.len() as u64,
            n_listed: self.n_listed,
        };
        let first_words = filter(self.first_keys, parts.filter_bits);
        let beginnings = filter(self.beginnings, parts.beginning_bits);
        // In a fixed order, so that the same sources give the same bytes.
        let mut phrases: Vec<(u64, u32)> =
            self.phrases.into_iter().map(|(phrase, (first, _))| (phrase, first)).collect();
        phrases.sort_unstable();
        let mut slots = vec![0u8; n_slots(parts.n_phrases) as usize * SLOT];
        for (phrase, first) in phrases {
            let slot = free::<SLOT>(&mut slots, phrase, [0; 8]);
            slot[..8].copy_from_slice(&phrase.to_le_bytes());
            slot[8..].copy_from_slice(&first.to_le_bytes());
        }
        let mut keys: Vec<u64> = self.keys.into_iter().collect();
        keys.sort_unstable();
        let mut words = vec![0u8; n_slots(parts.n_keys) as usize * 8];
        for key in keys {
            *free::<8>(&mut words, key, [0; 8]) = key.to_le_bytes();
        }
        let mut ids = vec![0xFFu8; n_slots(parts.n_concepts) as usize * ID];
        for (&hash, index) in self.ids.iter().zip(0u32..) {
            let slot = free::<ID>(&mut ids, hash, [0xFF; ID]);
            slot[..4].copy_from_slice(&(hash as u32).to_le_bytes());
            slot[4..].copy_from_slice(&index.to_le_bytes());
        }
        let body = [first_words, beginnings, slots, self.forms, self.concepts, words, ids, self.strings];
        let hash = sources.unwrap_or_else(|| {
            let mut hasher = blake3::Hasher::new();
            body.iter().for_each(|part| {
                hasher.update(part);
            });
            hasher.finalize()
        });
        Compiled { parts, hash, body }
    }
}

/// Size of a filter over keys, as a power of two.
fn filter_bits(n_keys: usize, bits_per_key: usize) -> u64 {
    u64::from((n_keys.max(4096) * bits_per_key).next_power_of_two().trailing_zeros())
}

/// A filter in which the bit of each key is set.
fn filter(keys: FxHashSet<u64>, bits: u64) -> Vec<u8> {
    let mut filter = vec![0u8; (1 << bits) / 8];
    let keys: Vec<u64> = keys.into_iter().collect();
    for key in keys {
        let bit = key & ((1 << bits) - 1);
        filter[(bit / 8) as usize] |= 1 << (bit % 8);
    }
    filter
}

/// The first free slot for a hash in a table of `N` bytes an entry, where a free one begins with `empty`.
fn free<const N: usize>(table: &mut [u8], hash: u64, empty: impl AsRef<[u8]>) -> &mut [u8; N] {
    let slots = table.as_chunks_mut::<N>().0;
    let n_slots = slots.len();
    let mut place = home(hash, n_slots as u64) as usize;
    while !slots[place].starts_with(empty.as_ref()) {
        place = (place + 1) % n_slots;
    }
    &mut slots[place]
}

impl Compiled {
    /// The image in memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut image = Vec::with_capacity(self.n_bytes() as usize);
        for part in self.pieces() {
            image.extend_from_slice(&part);
        }
        image
    }

    /// Writes the image.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        self.pieces().try_for_each(|part| writer.write_all(&part))
    }

    /// Bytes of the image.
    pub fn n_bytes(&self) -> u64 {
        HEADER as u64 + self.body.iter().map(|part| part.len() as u64).sum::<u64>()
    }

    fn pieces(&self) -> impl Iterator<Item = std::borrow::Cow<'_, [u8]>> {
        let header = [MAGIC.as_slice(), self.hash.as_bytes(), &self.parts.to_bytes()].concat();
        std::iter::once(header.into()).chain(self.body.iter().map(|part| part.as_slice().into()))
    }
}
