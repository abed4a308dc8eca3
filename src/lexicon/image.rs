//! A compiled lexicon: one run of bytes, read where it stands, in memory of the program or mapped from a file.
//!
//! All numbers are little-endian. Parts: header; filter over the first words of forms; filter over forms of one word and the
//! first two words of others, so that the table itself, which in a large lexicon no cache holds, is seldom asked in vain;
//! open-addressing table of phrases
//! and their beginnings, each with a 64-bit hash; forms; concepts; such tables of the keys of all words and of concepts by
//! id; strings. Opening an image costs the same however large it is: every question is a look-up. A damaged image gives
//! fewer or wrong matches, never a fault: every access is checked.

use std::sync::Arc;

use super::phrase::{Step, extend, next_step};
use crate::mention::{Concept, MentionType};
use crate::token::Token;

/// No form, no string, no concept.
pub(super) const NONE: u32 = u32::MAX;
/// First bytes of an image; the last two are the version of the layout.
pub(super) const MAGIC: [u8; 16] = *b"noteward lex\x00\x1a02";
/// Bytes of the header.
pub(super) const HEADER: usize = 16 + 32 + 8 * 8;
/// Bytes of a slot of the table: hash, first form.
pub(super) const SLOT: usize = 12;
/// Bytes of a form: concept, text with marks, next form of the same phrase.
pub(super) const FORM: usize = 12;
/// Mark in the place of a form's text: it matches only in exactly this case.
pub(super) const EXACT: u32 = 1 << 31;
/// Mark in the place of a form's text: a variant, and the text is that of the listed form.
pub(super) const VARIANT: u32 = 1 << 30;
/// Bytes of a concept: id, name, ICD-10-CM code, other codes, type.
pub(super) const CONCEPT: usize = 20;

/// Bytes of an entry of the table of ids: lower half of the hash, concept.
pub(super) const ID: usize = 8;

/// The bytes of an image.
pub(crate) type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A compiled lexicon.
#[derive(Clone)]
pub(crate) struct Image {
    bytes: Bytes,
    parts: Parts,
}

/// Where the parts of an image begin, and how many entries they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Bits of the filter, as a power of two.
    pub filter_bits: u64,
    /// Phrases and beginnings of phrases.
    pub n_phrases: u64,
    pub n_forms: u64,
    pub n_concepts: u64,
    pub n_keys: u64,
    pub n_string_bytes: u64,
    /// Forms that the sources list, variants not counted.
    pub n_listed: u64,
    /// Bits of the filter over beginnings, as a power of two.
    pub beginning_bits: u64,
}

impl Parts {
    pub fn to_bytes(self) -> Vec<u8> {
        let numbers = [
            self.filter_bits,
            self.n_phrases,
            self.n_forms,
            self.n_concepts,
            self.n_keys,
            self.n_string_bytes,
            self.n_listed,
            self.beginning_bits,
        ];
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Parts> {
        let mut numbers = bytes.as_chunks::<8>().0.iter().map(|&number| u64::from_le_bytes(number));
        let mut next = || numbers.next();
        Some(Parts {
            filter_bits: next()?,
            n_phrases: next()?,
            n_forms: next()?,
            n_concepts: next()?,
            n_keys: next()?,
            n_string_bytes: next()?,
            n_listed: next()?,
            beginning_bits: next()?,
        })
    }

    fn beginnings(self) -> usize {
        HEADER + (1 << self.filter_bits) / 8
    }

    fn slots(self) -> usize {
        self.beginnings() + (1 << self.beginning_bits) / 8
    }

    fn forms(self) -> usize {
        self.slots() + n_slots(self.n_phrases) as usize * SLOT
    }

    fn concepts(self) -> usize {
        self.forms() + self.n_forms as usize * FORM
    }

    fn keys(self) -> usize {
        self.concepts() + self.n_concepts as usize * CONCEPT
    }

    fn ids(self) -> usize {
        self.keys() + n_slots(self.n_keys) as usize * 8
    }

    fn strings(self) -> usize {
        self.ids() + n_slots(self.n_concepts) as usize * ID
    }

    /// Bytes of the whole image; `None` for numbers that no image has.
    fn total(self) -> Option<u64> {
        let counts = [self.n_phrases, self.n_forms, self.n_concepts, self.n_keys, self.n_string_bytes];
        let filters = [self.filter_bits, self.beginning_bits];
        if !filters.iter().all(|bits| (6..40).contains(bits)) || counts.iter().any(|&count| count >= 1 << 40) {
            return None;
        }
        Some(self.strings() as u64 + self.n_string_bytes)
    }
}

/// Slots of an open-addressing table of so many entries.
pub(super) fn n_slots(n_entries: u64) -> u64 {
    n_entries + n_entries / 2 + 8
}

/// The slot where the search for a hash begins. Hashes in rising order have slots in rising order, so that a sorted table is
/// written, and built from sorted entries, from front to back.
pub(super) fn home(hash: u64, n_slots: u64) -> u64 {
    ((u128::from(hash) * u128::from(n_slots)) >> 64) as u64
}

/// The hash by which a concept is found.
pub(super) fn id_hash(id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id.as_bytes())
}

/// A form at a phrase.
#[derive(Clone, Copy)]
pub(super) struct FormEntry<'a> {
    image: &'a Image,
    /// Its place among the forms.
    pub index: u32,
    pub concept: u32,
    text: u32,
}

impl<'a> FormEntry<'a> {
    /// The form that the text must equal; `None` for any case.
    pub fn exact(self) -> Option<&'a str> {
        if self.text & EXACT == 0 { None } else { self.image.string(self.text & !(EXACT | VARIANT)) }
    }

    /// Whether it is a spelling that is found without being listed.
    pub fn is_variant(self) -> bool {
        self.text & VARIANT != 0
    }

    /// The listed form.
    pub fn text(self) -> &'a str {
        self.image.string(self.text & !(EXACT | VARIANT)).unwrap_or("")
    }
}

impl Image {
    /// Opens an image; its parts are not verified.
    ///
    /// # Errors
    /// Bytes that are no image, or one of another version or length.
    pub fn open(bytes: Bytes) -> Result<Image, String> {
        let all = (*bytes).as_ref();
        let Some(magic) = all.first_chunk::<16>() else { return Err("expected a compiled lexicon, found less".into()) };
        if magic[..14] != MAGIC[..14] {
            return Err("expected a compiled lexicon, found another kind of file".into());
        }
        if *magic != MAGIC {
            return Err("a compiled lexicon of another version of noteward: build it again".into());
        }
        let parts = all.get(48..HEADER).and_then(Parts::from_bytes).unwrap_or_default();
        match parts.total() {
            Some(total) if total == all.len() as u64 => Ok(Image { bytes, parts }),
            _ => Err(format!("a damaged compiled lexicon of {} bytes: build it again", all.len())),
        }
    }

    /// Hash of the sources and of what they were compiled to.
    pub fn hash(&self) -> blake3::Hash {
        let bytes = self.all().get(16..48).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        blake3::Hash::from_bytes(bytes.unwrap_or_default())
    }

    pub fn n_concepts(&self) -> usize {
        self.parts.n_concepts as usize
    }

    /// Forms that the sources list, variants not counted.
    pub fn n_listed(&self) -> usize {
        self.parts.n_listed as usize
    }

    /// A concept by its index.
    pub fn concept(&self, index: u32) -> Option<Concept<'_>> {
        if u64::from(index) >= self.parts.n_concepts {
            return None;
        }
        let at = self.parts.concepts() + index as usize * CONCEPT;
        Some(Concept {
            id: self.string(self.number(at)).unwrap_or(""),
            name: self.string(self.number(at + 4)).unwrap_or(""),
            kind: self.kind_at(at),
            icd10cm: self.string(self.number(at + 8)),
            codes: self.string(self.number(at + 12)),
        })
    }

    /// What kind of problem a concept is.
    pub fn kind(&self, index: u32) -> Option<MentionType> {
        let is_known = u64::from(index) < self.parts.n_concepts;
        is_known.then(|| self.kind_at(self.parts.concepts() + index as usize * CONCEPT))
    }

    /// The ICD-10-CM code of a concept.
    pub fn icd10cm(&self, index: u32) -> Option<&str> {
        let is_known = u64::from(index) < self.parts.n_concepts;
        let at = self.parts.concepts() + index as usize * CONCEPT;
        is_known.then(|| self.string(self.number(at + 8))).flatten()
    }

    fn kind_at(&self, concept: usize) -> MentionType {
        match self.number(concept + 16) {
            0 => MentionType::Symptom,
            1 => MentionType::Finding,
            _ => MentionType::Diagnosis,
        }
    }

    /// The concept of an id.
    pub fn find(&self, id: &str) -> Option<u32> {
        let hash = id_hash(id);
        let n_slots = n_slots(self.parts.n_concepts);
        let mut place = home(hash, n_slots);
        for _ in 0..n_slots {
            let at = self.parts.ids() + place as usize * ID;
            let index = self.number(at + 4);
            if index == NONE {
                return None;
            }
            if self.number(at) == hash as u32 && self.concept(index).is_some_and(|concept| concept.id == id) {
                return Some(index);
            }
            place = (place + 1) % n_slots;
        }
        None
    }

    /// Whether a word occurs in a form.
    pub fn knows(&self, key: u64) -> bool {
        let n_slots = n_slots(self.parts.n_keys);
        let mut place = home(key, n_slots);
        for _ in 0..n_slots {
            let at = self.parts.keys() + place as usize * 8;
            match self.all().get(at..at + 8).and_then(|bytes| bytes.first_chunk()).map(|&key| u64::from_le_bytes(key)) {
                None | Some(0) => return false,
                Some(found) if found == key => return true,
                Some(_) => place = (place + 1) % n_slots,
            }
        }
        false
    }

    /// A form by its place.
    pub fn form(&self, index: u32) -> Option<FormEntry<'_>> {
        self.forms(index).next()
    }

    /// The forms of each phrase that has any, best first, in the order of the table.
    pub fn phrases(&self) -> impl Iterator<Item = Vec<FormEntry<'_>>> {
        let bytes = self.all().get(self.parts.slots()..self.parts.forms()).unwrap_or(&[]);
        let firsts = bytes.as_chunks::<SLOT>().0.iter().filter(|slot| slot[..8] != [0; 8]);
        firsts
            .map(|slot| u32::from_le_bytes([slot[8], slot[9], slot[10], slot[11]]))
            .filter(|&first| first != NONE)
            .map(|first| self.forms(first).collect())
    }

    /// Whether the bytes are those that were written: the hash of a compiled terminology is that of its bytes.
    pub fn is_whole(&self) -> bool {
        self.all().get(HEADER..).is_some_and(|body| blake3::hash(body) == self.hash())
    }

    /// The longest phrase at the start of `tokens` with a form that `accept` takes: how many tokens it uses, and the form.
    pub fn longest<'a>(
        &'a self,
        tokens: &[Token],
        mut accept: impl FnMut(usize, FormEntry<'a>) -> bool,
    ) -> Option<(usize, FormEntry<'a>)> {
        let first = tokens.first()?;
        if !self.bit(HEADER, self.parts.filter_bits, first.stem) {
            return None;
        }
        let begins = |phrase| self.bit(self.parts.beginnings(), self.parts.beginning_bits, phrase);
        let mut phrase = extend(0, first.stem);
        let mut used = 1;
        let mut best = None;
        if begins(phrase)
            && let Some(form) = self.slot(phrase)
            && let Some(entry) = self.forms(form).find(|&entry| accept(used, entry))
        {
            best = Some((used, entry));
        }
        let Some(Step { key, n_tokens }) = next_step(tokens, used) else { return best };
        phrase = extend(phrase, key);
        used += n_tokens;
        if !begins(phrase) {
            return best;
        }
        while let Some(form) = self.slot(phrase) {
            if let Some(entry) = self.forms(form).find(|&entry| accept(used, entry)) {
                best = Some((used, entry));
            }
            let Some(Step { key, n_tokens }) = next_step(tokens, used) else { break };
            phrase = extend(phrase, key);
            used += n_tokens;
        }
        best
    }

    fn all(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    fn number(&self, at: usize) -> u32 {
        self.all()
            .get(at..at + 4)
            .and_then(|bytes| bytes.first_chunk())
            .map_or(NONE, |&bytes| u32::from_le_bytes(bytes))
    }

    fn string(&self, offset: u32) -> Option<&str> {
        if offset == NONE {
            return None;
        }
        let at = self.parts.strings() + offset as usize;
        let length = self.number(at) as usize;
        std::str::from_utf8(self.all().get(at + 4..at.saturating_add(4).saturating_add(length))?).ok()
    }

    /// Whether the bit of a key is set in the filter at a place.
    fn bit(&self, filter: usize, bits: u64, key: u64) -> bool {
        let bit = key & ((1 << bits) - 1);
        self.all().get(filter + (bit / 8) as usize).is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    }

    /// The first form of a phrase, [`NONE`] where it is only the beginning of others.
    fn slot(&self, phrase: u64) -> Option<u32> {
        let n_slots = n_slots(self.parts.n_phrases);
        let mut place = home(phrase, n_slots);
        // A damaged table may have no empty slot.
        for _ in 0..n_slots {
            let at = self.parts.slots() + place as usize * SLOT;
            let slot = self.all().get(at..at + SLOT)?;
            let hash = u64::from_le_bytes(*slot.first_chunk()?);
            if hash == phrase {
                return Some(self.number(at + 8));
            }
            if hash == 0 {
                return None;
            }
            place += 1;
            if place == n_slots {
                place = 0;
            }
        }
        None
    }

    fn forms(&self, first: u32) -> impl Iterator<Item = FormEntry<'_>> {
        let mut next = first;
        let mut left = self.parts.n_forms;
        std::iter::from_fn(move || {
            if next == NONE || u64::from(next) >= self.parts.n_forms || left == 0 {
                return None;
            }
            left -= 1;
            let at = self.parts.forms() + next as usize * FORM;
            let index = std::mem::replace(&mut next, self.number(at + 8));
            Some(FormEntry { image: self, index, concept: self.number(at), text: self.number(at + 4) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::compile::{Added, Compiler, Rank};
    use super::super::forms::Spelling;
    use super::*;
    use crate::token::tokenize;

    fn compiled() -> Vec<u8> {
        let spelling = Spelling::parse("s", "british\tamerican\ntumour\ttumor\n").unwrap();
        let mut compiler = Compiler::new(&spelling);
        let concept = |id, name| Concept { id, name, kind: MentionType::Finding, icd10cm: Some("R10.9"), codes: None };
        let first = compiler.concept(concept("A", "chest pain"));
        compiler.form(first, "chest pain on exertion");
        let second = compiler.concept(concept("B", "PE"));
        compiler.form(second, "tumor");
        compiler.form(second, "follow-up");
        compiler.form(second, "E. coli");
        compiler.finish(Some(blake3::hash(b"sources"))).to_bytes()
    }

    #[test]
    fn finds_what_was_compiled() {
        let image = Image::open(Arc::new(compiled())).unwrap();
        assert_eq!((image.n_concepts(), image.n_listed()), (2, 6));
        assert_eq!(
            image.concept(1).map(|concept| (concept.id, concept.icd10cm, concept.codes)),
            Some(("B", Some("R10.9"), None))
        );
        assert!(image.concept(2).is_none());
        assert_eq!((image.find("A"), image.find("B"), image.find("C")), (Some(0), Some(1), None));
        let key = |word: &str| tokenize(word, |_| false)[0].stem;
        assert!(["chest", "pain", "exertion", "up", "tumour"].iter().all(|word| image.knows(key(word))));
        assert!(!image.knows(key("leg")));
        let listed = image.phrases().flatten().filter(|entry| !entry.is_variant()).map(|entry| entry.text());
        let mut listed: Vec<&str> = listed.collect();
        listed.sort_unstable();
        assert_eq!(listed, ["E. coli", "PE", "chest pain", "chest pain on exertion", "follow-up", "tumor"]);
        let check = |text: &str| {
            let tokens = tokenize(text, |_| false);
            image
                .longest(&tokens, |_, entry| entry.exact().is_none_or(|exact| exact == text))
                .map(|(used, entry)| (used, entry.concept))
        };
        assert_eq!(check("Chest pains on effort"), Some((2, 0)));
        assert_eq!(check("chest-pain on exertion"), Some((5, 0)));
        assert_eq!(check("tumour"), Some((1, 1)));
        assert_eq!(check("follow up"), Some((2, 1)));
        assert_eq!((check("E. coli colitis"), check("E coli")), (Some((3, 1)), Some((2, 1))));
        assert_eq!((check("PE"), check("pe"), check("pain"), check("")), (Some((1, 1)), None, None, None));
    }

    proptest::proptest! {
        /// What is compiled is found: every form as a whole, every concept by its id, every listed form once.
        #[test]
        fn what_is_compiled_is_found(forms in proptest::collection::btree_set("[a-z]{1,6}(ing|er)?( [a-z]{2,6}ing){0,3}", 1..40)) {
            let spelling = Spelling::default();
            let mut compiler = Compiler::new(&spelling);
            for form in &forms {
                let concept = Concept { id: form, name: form, kind: MentionType::Finding, icd10cm: None, codes: None };
                let index = compiler.bare_concept(concept);
                assert_eq!(compiler.ranked_form(index, form, Rank::Name), Added::New);
                assert_eq!(compiler.ranked_form(index, form, Rank::Exact), Added::Known);
                assert_eq!(compiler.ranked_form(index, "...", Rank::Exact), Added::NoWord);
            }
            let image = Image::open(Arc::new(compiler.finish(None).to_bytes())).unwrap();
            assert!(image.is_whole());
            for form in &forms {
                let tokens = tokenize(form, |_| false);
                let found = image.longest(&tokens, |_, entry| entry.text() == form.as_str());
                assert_eq!(found.map(|(used, _)| used), Some(tokens.len()));
                let index = image.find(form).unwrap();
                assert_eq!(image.concept(index).unwrap().id, form);
            }
            let mut listed: Vec<&str> =
                image.phrases().flatten().filter(|entry| !entry.is_variant()).map(|entry| entry.text()).collect();
            listed.sort_unstable();
            assert_eq!(listed, forms.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_better_rank_is_preferred_and_then_the_later() {
        let spelling = Spelling::default();
        let mut compiler = Compiler::new(&spelling);
        let ranks = [Rank::Loose, Rank::Exact, Rank::Name, Rank::Exact, Rank::Name, Rank::Loose];
        for (rank, id) in ranks.into_iter().zip(["a", "b", "c", "d", "e", "f"]) {
            let concept = Concept { id, name: id, kind: MentionType::Finding, icd10cm: None, codes: None };
            let index = compiler.bare_concept(concept);
            compiler.ranked_form(index, "florb ache", rank);
        }
        let image = Image::open(Arc::new(compiler.finish(None).to_bytes())).unwrap();
        let first = image.longest(&tokenize("florb aches", |_| false), |_, _| true);
        assert_eq!(first.map(|(used, entry)| (used, entry.concept)), Some((2, 4)));
        assert_eq!(image.phrases().map(|entries| entries.len()).collect::<Vec<_>>(), [6]);
    }

    #[test]
    fn damage_is_refused_or_harmless() {
        let whole = compiled();
        assert!(Image::open(Arc::new(Vec::new())).is_err());
        assert!(Image::open(Arc::new(whole[..whole.len() - 1].to_vec())).is_err());
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0xFF;
            let Ok(image) = Image::open(Arc::new(damaged)) else { continue };
            for text in ["chest pain on exertion", "PE", "tumors"] {
                image.longest(&tokenize(text, |_| false), |_, _| true);
            }
            for index in 0..4 {
                image.concept(index);
            }
            let found = (image.find("A"), image.knows(17), image.phrases().count());
            std::hint::black_box(found);
        }
    }
}
