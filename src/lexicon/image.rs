//! A compiled lexicon: one run of bytes, read where it stands, in memory of the program or mapped from a file.
//!
//! All numbers are little-endian. Parts: header; filter over the first words of forms; open-addressing table of phrases
//! and their beginnings, each with a 64-bit hash; forms; concepts; keys of all words; strings. A damaged image gives fewer
//! or wrong matches, never a fault: every access is checked.

use std::sync::Arc;

use super::phrase::{Step, extend, next_step};
use crate::mention::{Concept, MentionType};
use crate::token::Token;

/// No form, no string.
pub(super) const NONE: u32 = u32::MAX;
/// First bytes of an image; the last two are the version of the layout.
pub(super) const MAGIC: [u8; 16] = *b"noteward lex\x00\x1a01";
/// Bytes of the header.
pub(super) const HEADER: usize = 16 + 32 + 8 * 8;
/// Bytes of a slot of the table: hash, first form.
pub(super) const SLOT: usize = 12;
/// Bytes of a form: concept, exact spelling, next form of the same phrase.
pub(super) const FORM: usize = 12;
/// Bytes of a concept: id, name, ICD-10-CM code, other codes, type.
pub(super) const CONCEPT: usize = 20;

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
    /// Slots of the table, as a power of two.
    pub slot_bits: u64,
    pub n_forms: u64,
    pub n_concepts: u64,
    pub n_keys: u64,
    pub n_string_bytes: u64,
    /// Forms that the sources list, variants not counted.
    pub n_listed: u64,
    /// Kept for later; 0.
    pub reserved: u64,
}

impl Parts {
    pub fn to_bytes(self) -> Vec<u8> {
        let numbers = [
            self.filter_bits,
            self.slot_bits,
            self.n_forms,
            self.n_concepts,
            self.n_keys,
            self.n_string_bytes,
            self.n_listed,
            self.reserved,
        ];
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Parts> {
        let mut numbers = bytes.as_chunks::<8>().0.iter().map(|&number| u64::from_le_bytes(number));
        let mut next = || numbers.next();
        Some(Parts {
            filter_bits: next()?,
            slot_bits: next()?,
            n_forms: next()?,
            n_concepts: next()?,
            n_keys: next()?,
            n_string_bytes: next()?,
            n_listed: next()?,
            reserved: next()?,
        })
    }

    fn slots(self) -> usize {
        HEADER + (1 << self.filter_bits) / 8
    }

    fn forms(self) -> usize {
        self.slots() + (1 << self.slot_bits) * SLOT
    }

    fn concepts(self) -> usize {
        self.forms() + self.n_forms as usize * FORM
    }

    fn keys(self) -> usize {
        self.concepts() + self.n_concepts as usize * CONCEPT
    }

    fn strings(self) -> usize {
        self.keys() + self.n_keys as usize * 8
    }

    /// Bytes of the whole image; `None` for numbers that no image has.
    fn total(self) -> Option<u64> {
        if !(6..40).contains(&self.filter_bits) || self.slot_bits >= 40 {
            return None;
        }
        let fixed = HEADER as u64 + (1 << self.filter_bits) / 8 + (1 << self.slot_bits) * SLOT as u64;
        let forms = self.n_forms.checked_mul(FORM as u64)?;
        let concepts = self.n_concepts.checked_mul(CONCEPT as u64)?;
        let keys = self.n_keys.checked_mul(8)?;
        fixed.checked_add(forms)?.checked_add(concepts)?.checked_add(keys)?.checked_add(self.n_string_bytes)
    }
}

/// A form at a phrase.
#[derive(Clone, Copy, Debug)]
pub(super) struct FormEntry<'a> {
    pub concept: u32,
    /// The form that the text must equal; `None` for any case.
    pub exact: Option<&'a str>,
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
        let kind = match self.number(at + 16) {
            0 => MentionType::Symptom,
            1 => MentionType::Finding,
            _ => MentionType::Diagnosis,
        };
        Some(Concept {
            id: self.string(self.number(at)).unwrap_or(""),
            name: self.string(self.number(at + 4)).unwrap_or(""),
            kind,
            icd10cm: self.string(self.number(at + 8)),
            codes: self.string(self.number(at + 12)),
        })
    }

    /// Keys of every word that occurs in a form.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        let bytes = self.all().get(self.parts.keys()..self.parts.strings()).unwrap_or(&[]);
        bytes.as_chunks::<8>().0.iter().map(|&key| u64::from_le_bytes(key))
    }

    /// The longest phrase at the start of `tokens` with a form that `accept` takes: how many tokens it uses, and the form.
    pub fn longest<'a>(
        &'a self,
        tokens: &[Token],
        mut accept: impl FnMut(usize, FormEntry<'a>) -> bool,
    ) -> Option<(usize, FormEntry<'a>)> {
        let first = tokens.first()?;
        if !self.begins(first.stem) {
            return None;
        }
        let mut phrase = extend(0, first.stem);
        let mut used = 1;
        let mut best = None;
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

    /// Whether a form may begin with a word.
    fn begins(&self, key: u64) -> bool {
        let bit = key & ((1 << self.parts.filter_bits) - 1);
        self.all().get(HEADER + (bit / 8) as usize).is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    }

    /// The first form of a phrase, [`NONE`] where it is only the beginning of others.
    fn slot(&self, phrase: u64) -> Option<u32> {
        let mask = (1u64 << self.parts.slot_bits) - 1;
        let mut place = phrase & mask;
        // A damaged table may have no empty slot.
        for _ in 0..=mask {
            let at = self.parts.slots() + place as usize * SLOT;
            let slot = self.all().get(at..at + SLOT)?;
            let hash = u64::from_le_bytes(*slot.first_chunk()?);
            if hash == phrase {
                return Some(self.number(at + 8));
            }
            if hash == 0 {
                return None;
            }
            place = (place + 1) & mask;
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
            next = self.number(at + 8);
            Some(FormEntry { concept: self.number(at), exact: self.string(self.number(at + 4)) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::compile::Compiler;
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
        compiler.finish(blake3::hash(b"sources"))
    }

    #[test]
    fn finds_what_was_compiled() {
        let image = Image::open(Arc::new(compiled())).unwrap();
        assert_eq!((image.n_concepts(), image.n_listed()), (2, 5));
        assert_eq!(
            image.concept(1).map(|concept| (concept.id, concept.icd10cm, concept.codes)),
            Some(("B", Some("R10.9"), None))
        );
        assert!(image.concept(2).is_none());
        let check = |text: &str| {
            let tokens = tokenize(text, |_| false);
            image
                .longest(&tokens, |_, entry| entry.exact.is_none_or(|exact| exact == text))
                .map(|(used, entry)| (used, entry.concept))
        };
        assert_eq!(check("Chest pains on effort"), Some((2, 0)));
        assert_eq!(check("chest-pain on exertion"), Some((5, 0)));
        assert_eq!(check("tumour"), Some((1, 1)));
        assert_eq!(check("follow up"), Some((2, 1)));
        assert_eq!((check("PE"), check("pe"), check("pain"), check("")), (Some((1, 1)), None, None, None));
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
        }
    }
}
