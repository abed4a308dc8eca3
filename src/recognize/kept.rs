//! Readings that are kept: what identifies them, whose turn it is to make them, and their form as bytes. Where they are kept is
//! no matter of this layer.
//!
//! A reading is a function of what the network sees of a sentence and of the network, so both make its key. Of its pieces
//! only those are kept that a question can be about: where the network reads the lexicon's marks, these are part of the
//! key, and every mention of the sentence is one of them or one of the reading's own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::model::{AXES, Identity, ReadPiece, Reading, SentenceMention};
use crate::Span;
use crate::encoder::{Computation, Precision};
use crate::mention::MentionType;

/// Changes whenever readings of the same network come out differently, or are written differently.
const FORMAT: &str = "noteward reading 2";

/// Where readings are kept, by key; bytes that come back are those that were put there.
pub(crate) trait ReadingStore: Send + Sync {
    /// The bytes kept under a key, or else who reads the sentence. Whoever is told [`Turn::Mine`] calls `put` or `give_up`.
    fn begin(&self, key: u128) -> Turn;

    /// Keeps bytes under a key, perhaps in place of others.
    fn put(&self, key: u128, bytes: &[u8]);

    /// Tells who waits that this caller reads the sentence no more.
    fn give_up(&self, key: u128);

    /// Waits until nobody reads the sentence of a key, and gives the bytes kept under it, if there still are any.
    fn wait(&self, key: u128) -> Option<Arc<[u8]>>;

    /// Takes note of the effort of reading some sentences.
    fn tally(&self, effort: &Effort);
}

/// Whose turn it is to read a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It was read before.
    Done(Arc<[u8]>),
    /// The caller's.
    Mine,
    /// Another caller reads it now.
    Others,
}

/// Sentences that this caller reads, in the order in which they were begun; gives up the rest where it stops before the end.
pub(super) struct Claims<'a> {
    store: &'a dyn ReadingStore,
    keys: VecDeque<u128>,
}

impl<'a> Claims<'a> {
    pub fn new(store: &'a dyn ReadingStore) -> Claims<'a> {
        Claims { store, keys: VecDeque::new() }
    }

    /// What is kept under a key, or else whose turn it is to read its sentence.
    pub fn begin(&mut self, key: u128) -> Turn {
        let turn = self.store.begin(key);
        if turn == Turn::Mine {
            self.keys.push_back(key);
        }
        turn
    }

    /// Keeps the reading of the next sentence that was begun.
    pub fn put_next(&mut self, bytes: &[u8]) {
        if let Some(key) = self.keys.pop_front() {
            self.store.put(key, bytes);
        }
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        self.keys.iter().for_each(|&key| self.store.give_up(key));
    }
}

/// What reading sentences took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effort {
    /// Sentences that needed a reading.
    pub sentences: u64,
    /// Those that went through the network.
    pub read: u64,
    /// Time in the network.
    pub micros: u64,
    /// Time that the readings from the store took when they were made.
    pub saved_micros: u64,
}

/// Makes the keys of readings by one network.
#[derive(Clone, Debug)]
pub(super) struct KeyMaker {
    key: [u8; 32],
}

impl KeyMaker {
    pub fn new(model: &blake3::Hash, computation: Computation) -> KeyMaker {
        let computation = match computation {
            Computation::Own(Precision::Full) => 0,
            Computation::Own(Precision::Int8) => 1,
            Computation::RustBert => 2,
        };
        let mut hasher = blake3::Hasher::new_derive_key(FORMAT);
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes()).update(model.as_bytes()).update(&[computation]);
        KeyMaker { key: hasher.finalize().into() }
    }

    /// The key of a sentence's reading.
    pub fn key(&self, (text, section, marks): &Identity<'_>) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&section.to_le_bytes());
        hasher.update(&(marks.len() as u64).to_le_bytes());
        for (span, kind) in marks {
            hasher.update(&(span.start() as u32).to_le_bytes()).update(&(span.end() as u32).to_le_bytes());
            hasher.update(&[*kind as u8]);
        }
        hasher.update(text.as_bytes());
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        u128::from_le_bytes(key)
    }
}

/// A reading that was kept.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    pub reading: Reading,
    /// Time that it took to make.
    pub micros: u32,
}

impl Kept {
    /// The bytes of a reading. `marks` are the lexicon's mentions that the network saw; `None` where it saw none, so that
    /// any piece may be asked about.
    pub fn to_bytes(reading: &Reading, marks: Option<&[(Span, MentionType)]>, micros: u64) -> Vec<u8> {
        let asked = |span: Span| {
            let mut marks = marks.into_iter().flatten();
            let is_own = || reading.mentions.iter().any(|mention| mention.span.overlaps(span));
            marks.any(|(mark, _)| mark.overlaps(span)) || is_own()
        };
        let pieces = reading.pieces.iter().filter(|piece| marks.is_none() || asked(piece.span));
        let pieces: Vec<&ReadPiece> = pieces.collect();
        let mut bytes = Writer(Vec::with_capacity(8 + reading.mentions.len() * 8 + pieces.len() * 26));
        bytes.0.extend_from_slice(&u32::try_from(micros).unwrap_or(u32::MAX).to_le_bytes());
        bytes.0.push(u8::from(reading.has_axes));
        bytes.number(reading.mentions.len());
        for mention in &reading.mentions {
            bytes.span(mention.span);
            bytes.0.push(mention.kind as u8);
            bytes.score(mention.score);
        }
        bytes.number(pieces.len());
        for piece in pieces {
            bytes.span(piece.span);
            bytes.score(piece.inside);
            piece.axes.iter().filter(|_| reading.has_axes).for_each(|&axis| bytes.score(axis));
        }
        bytes.0
    }

    /// Reads the bytes back; `None` where they are not those of a reading.
    pub fn from_bytes(bytes: &[u8]) -> Option<Kept> {
        let mut rest = Reader(bytes);
        let micros = u32::from_le_bytes(rest.take()?);
        let [has_axes] = rest.take()?;
        let mut reading = Reading { has_axes: has_axes == 1, ..Reading::default() };
        for _ in 0..rest.number()? {
            let span = rest.span()?;
            let [kind] = rest.take()?;
            let kinds = [MentionType::Symptom, MentionType::Finding, MentionType::Diagnosis];
            let kind = kinds.into_iter().find(|known| *known as u8 == kind)?;
            reading.mentions.push(SentenceMention { span, kind, score: rest.score()? });
        }
        for _ in 0..rest.number()? {
            let (span, inside) = (rest.span()?, rest.score()?);
            let mut axes = [0.0; AXES.len()];
            if reading.has_axes {
                for axis in &mut axes {
                    *axis = rest.score()?;
                }
            }
            reading.pieces.push(ReadPiece { span, inside, axes });
        }
        rest.0.is_empty().then_some(Kept { reading, micros })
    }
}

/// Writes numbers of seven bits a byte, the lowest first.
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: usize) {
        let mut rest = number;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    fn span(&mut self, span: Span) {
        self.number(span.start());
        self.number(span.len());
    }

    fn score(&mut self, score: f32) {
        self.0.extend_from_slice(&score.to_le_bytes());
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0usize;
        for shift in (0..usize::BITS).step_by(7) {
            let [byte] = self.take()?;
            number |= usize::from(byte & 0x7F).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn span(&mut self) -> Option<Span> {
        let (start, length) = (self.number()?, self.number()?);
        let end = start.checked_add(length).filter(|&end| u32::try_from(end).is_ok())?;
        Some(Span::between(start, end))
    }

    fn score(&mut self) -> Option<f32> {
        Some(f32::from_le_bytes(self.take()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading() -> Reading {
        let piece = |start, end, inside| ReadPiece { span: Span::between(start, end), inside, axes: [inside; 5] };
        let kind = MentionType::Finding;
        Reading {
            mentions: vec![SentenceMention { span: Span::between(200, 209), kind, score: 0.75 }],
            pieces: vec![piece(0, 4, 0.125), piece(200, 204, 0.5), piece(204, 209, 1.0), piece(300, 305, 0.1)],
            has_axes: true,
        }
    }

    #[test]
    fn comes_back_as_it_was_kept() {
        let whole = Kept::to_bytes(&reading(), None, 17);
        assert_eq!(Kept::from_bytes(&whole), Some(Kept { reading: reading(), micros: 17 }));
        let without_axes = Reading { has_axes: false, ..reading() };
        let bytes = Kept::to_bytes(&without_axes, None, u64::MAX);
        assert_eq!(bytes.len(), whole.len() - 4 * 20);
        let kept = Kept::from_bytes(&bytes).unwrap();
        assert_eq!((kept.reading.mentions, kept.micros), (reading().mentions, u32::MAX));
    }

    #[test]
    fn keeps_the_pieces_that_mentions_can_be_about() {
        let mark = (Span::between(302, 310), MentionType::Symptom);
        let kept = Kept::from_bytes(&Kept::to_bytes(&reading(), Some(&[mark]), 0)).unwrap().reading;
        let mut expected = reading();
        expected.pieces.remove(0);
        assert_eq!(kept, expected);
    }

    #[test]
    fn keys_differ_in_all_that_a_network_sees() {
        let hash = blake3::hash(b"model");
        let maker = KeyMaker::new(&hash, Computation::Own(Precision::Int8));
        let mark = |start| vec![(Span::between(start, 5), MentionType::Symptom)];
        let keys = [
            maker.key(&("cough", 0, Vec::new())),
            maker.key(&("cough", 1, Vec::new())),
            maker.key(&("coughs", 0, Vec::new())),
            maker.key(&("cough", 0, mark(0))),
            maker.key(&("cough", 0, mark(1))),
            KeyMaker::new(&hash, Computation::Own(Precision::Full)).key(&("cough", 0, Vec::new())),
            KeyMaker::new(&blake3::hash(b"other"), Computation::Own(Precision::Int8)).key(&("cough", 0, Vec::new())),
        ];
        let distinct: std::collections::BTreeSet<u128> = keys.into_iter().collect();
        assert_eq!(distinct.len(), 7);
        assert!(distinct.contains(&maker.key(&("cough", 0, Vec::new()))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(kept) = Kept::from_bytes(&bytes) {
                let again = Kept::to_bytes(&kept.reading, None, u64::from(kept.micros));
                // Not `assert_eq` on the readings: a score may be no number.
                prop_assert_eq!(Kept::from_bytes(&again).map(|kept| kept.micros), Some(kept.micros));
            }
        }
    }
}
