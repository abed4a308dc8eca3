//! The model recogniser: a token classifier over the word pieces of each sentence.
//!
//! Sentences of many notes go through the network together, each distinct one once; those without a letter are left out. A
//! sentence longer than the network takes is read in windows that overlap, and each piece takes its scores from the window
//! in which it stands farthest from an edge. A network trained with them also reads what the lexicon says of each piece, and
//! the section of the sentence.

use std::path::Path;
use std::time::Instant;

use rustc_hash::FxHashMap;
use tokenizers::Tokenizer;

use super::embedded;
use super::inputs::{Inputs, mark};
use super::kept::{Claims, Effort, Kept, KeyMaker, ReadingStore, Turn};
use super::labels::{self, Label};
use super::word_pieces::Vocabulary;
use crate::assertion::AxisScores;
use crate::document::{Document, SectionKind, Sentence};
use crate::encoder::{Classify, Computation, EncoderConfig, Scratch, Sequence, load};
use crate::mention::{Mention, MentionSource, MentionType};
use crate::{Error, Result, Span};

/// Word pieces that go through the network together: enough to use the weights often, few enough that their activations
/// stay in the processor's second cache.
const BATCH_PIECES: usize = 192;

/// Names of the assertion axes that a network may score, in the order of [`AxisScores`].
pub(super) const AXES: [&str; 5] = ["negated", "possible", "historical", "hypothetical", "other_experiencer"];

/// Finds mentions by a token classifier.
#[derive(Debug)]
pub struct ModelRecognizer {
    encoder: Box<dyn Classify>,
    tokenizer: Tokenizer,
    labels: Vec<Label>,
    inputs: Inputs,
    first: u32,
    last: u32,
    hash: blake3::Hash,
    keys: KeyMaker,
}

/// What the model makes of one distinct sentence. Places are bytes of the sentence's own text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(super) mentions: Vec<SentenceMention>,
    pub(super) pieces: Vec<ReadPiece>,
    /// Whether the network has axis scores.
    pub(super) has_axes: bool,
}

/// What the model makes of a word piece.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ReadPiece {
    pub(super) span: Span,
    /// Probability that it is part of a mention.
    pub(super) inside: f32,
    pub(super) axes: [f32; AXES.len()],
}

/// The readings of the sentences of documents.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    distinct: Vec<Reading>,
    /// For each document and sentence, its distinct sentence.
    places: Vec<Vec<Option<u32>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SentenceMention {
    pub(super) span: Span,
    pub(super) kind: MentionType,
    pub(super) score: f32,
}

/// A sentence as the network sees it.
struct Pieces {
    ids: Vec<u32>,
    /// Bytes of the sentence's text.
    offsets: Vec<(usize, usize)>,
    /// Token types of the pieces.
    types: Vec<u16>,
    /// Token type of the section.
    section: u16,
}

/// What makes two sentences the same to the network: text, section's token type, and the lexicon's marks.
pub(super) type Identity<'a> = (&'a str, u16, Vec<(Span, MentionType)>);

/// Distinct sentences that are read with a store, and what is known of them.
struct Asked<'a> {
    sentences: &'a [Identity<'a>],
    keys: Vec<u128>,
    readings: Vec<Option<Reading>>,
    effort: Effort,
}

impl Asked<'_> {
    /// Takes the reading of a sentence from what was kept; whether that is one.
    fn take(&mut self, index: usize, bytes: &[u8]) -> bool {
        let Some(kept) = Kept::from_bytes(bytes) else { return false };
        self.effort.saved_micros += u64::from(kept.micros);
        self.readings[index] = Some(kept.reading);
        true
    }
}

impl Readings {
    /// The reading of a sentence of a document.
    pub fn of(&self, document: usize, sentence: usize) -> Option<&Reading> {
        let place = *self.places.get(document)?.get(sentence)?;
        self.distinct.get(place? as usize)
    }
}

impl Reading {
    /// The mentions, placed in a document.
    pub fn mentions(&self, sentence: Span, index: u32) -> impl Iterator<Item = Mention> {
        self.mentions.iter().map(move |mention| Mention {
            span: mention.span.shifted(sentence.start()),
            kind: mention.kind,
            source: MentionSource::Model,
            score: Some(mention.score),
            sentence: index,
            concept: None,
            link: None,
        })
    }

    /// The mean axis scores of the pieces of a span of the document, where the network has them.
    pub fn axes(&self, sentence: Span, span: Span) -> Option<AxisScores> {
        let mut total = [0.0; AXES.len()];
        let mut n = 0.0;
        for piece in self.pieces_of(sentence, span).filter(|_| self.has_axes) {
            for (total, score) in total.iter_mut().zip(piece.axes) {
                *total += score;
            }
            n += 1.0;
        }
        let [absent, possible, historical, hypothetical, other_experiencer] = total.map(|total| total / n);
        (n > 0.0).then_some(AxisScores { absent, possible, historical, hypothetical, other_experiencer })
    }

    /// The mean probability, over the pieces of a span of the document, of being part of a mention.
    pub fn inside(&self, sentence: Span, span: Span) -> f32 {
        let (n, total) =
            self.pieces_of(sentence, span).fold((0.0f32, 0.0), |(n, total), piece| (n + 1.0, total + piece.inside));
        total / n.max(1.0)
    }

    fn pieces_of(&self, sentence: Span, span: Span) -> impl Iterator<Item = &ReadPiece> {
        self.pieces.iter().filter(move |piece| piece.span.shifted(sentence.start()).overlaps(span))
    }
}

impl ModelRecognizer {
    /// Loads a folder in the Hugging Face layout: `config.json`, `model.safetensors`, and `tokenizer.json` or `vocab.txt`.
    ///
    /// # Errors
    /// A file that is missing or does not fit, with what was found and expected.
    pub(crate) fn load(
        folder: &Path,
        computation: Computation,
        section_kind: impl Fn(&str) -> Option<SectionKind>,
    ) -> Result<ModelRecognizer> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|error| Error::io("reading", &path, error))
        };
        let config = read("config.json")?;
        let weights = read("model.safetensors")?;
        let tokenizer = match read("tokenizer.json") {
            Ok(bytes) => Vocabulary::Json(bytes),
            Err(missing) => match read("vocab.txt") {
                Ok(bytes) => Vocabulary::Words(bytes, read("tokenizer_config.json").unwrap_or_default()),
                Err(_) => return Err(missing),
            },
        };
        ModelRecognizer::from_files(&config, &weights, tokenizer, computation, section_kind)
            .map_err(|problem| Error::input(folder, problem))
    }

    /// The model that the program carries.
    ///
    /// # Errors
    /// A fault of the embedded files.
    pub(crate) fn embedded(
        computation: Computation,
        section_kind: impl Fn(&str) -> Option<SectionKind>,
    ) -> Result<ModelRecognizer> {
        let words = Vocabulary::Words(embedded::VOCABULARY.to_vec(), Vec::new());
        ModelRecognizer::from_files(embedded::CONFIG, embedded::WEIGHTS, words, computation, section_kind)
            .map_err(|problem| Error::internal(format!("the embedded model: {problem}")))
    }

    fn from_files(
        config: &[u8],
        weights: &[u8],
        vocabulary: Vocabulary,
        computation: Computation,
        section_kind: impl Fn(&str) -> Option<SectionKind>,
    ) -> Result<ModelRecognizer, String> {
        let text = std::str::from_utf8(config).map_err(|_| "config.json: not UTF-8".to_owned())?;
        let parsed = EncoderConfig::from_json(text)?;
        let labels = labels::parse(&parsed.labels, &labels::label_map(text)?)?;
        let inputs = Inputs::parse(&parsed.inputs, section_kind)?;
        if !parsed.axes.is_empty() && parsed.axes != AXES {
            return Err(format!("config.json: noteward_axes: expected {AXES:?}, found {:?}", parsed.axes));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(config).update(weights);
        let tokenizer = vocabulary.build(&mut hasher)?;
        let special =
            |token: &str| tokenizer.token_to_id(token).ok_or_else(|| format!("the vocabulary holds no {token}"));
        let (first, last) = parsed.family.special();
        let (first, last) = (special(first)?, special(last)?);
        let n_words = tokenizer.get_vocab_size(true);
        if n_words > parsed.vocabulary {
            let expected = parsed.vocabulary;
            return Err(format!("the vocabulary holds {n_words} word pieces, config.json says {expected}"));
        }
        let encoder = load(parsed, weights, computation)?;
        let hash = hasher.finalize();
        let keys = KeyMaker::new(&hash, computation);
        Ok(ModelRecognizer { encoder, tokenizer, labels, inputs, first, last, hash, keys })
    }

    /// Whether the network reads what the lexicon finds, so that it has a say in it.
    pub(crate) fn reads_lexicon(&self) -> bool {
        self.inputs.reads_lexicon()
    }

    /// Hash of the model's files.
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// Reads the sentences of documents; `lexicon` holds the lexicon's mentions of each document, sorted by span. What the
    /// store keeps, or somebody else reads now, is not read again; what is read is kept in it.
    pub(crate) fn read(
        &self,
        documents: &[Document],
        lexicon: &[Vec<Mention>],
        store: Option<&dyn ReadingStore>,
        scratch: &mut Scratch,
    ) -> Readings {
        let (sentences, places) = self.distinct(documents, lexicon);
        let distinct = match store {
            None => self.readings(&sentences.iter().collect::<Vec<_>>(), scratch),
            Some(store) => {
                let n_asked = places.iter().flatten().flatten().count() as u64;
                let keys = sentences.iter().map(|sentence| self.keys.key(sentence)).collect();
                let effort = Effort { sentences: n_asked, ..Effort::default() };
                let readings = vec![None; sentences.len()];
                self.read_with(store, Asked { sentences: &sentences, keys, readings, effort }, scratch)
            }
        };
        Readings { distinct, places }
    }

    fn read_with(&self, store: &dyn ReadingStore, mut asked: Asked<'_>, scratch: &mut Scratch) -> Vec<Reading> {
        let mut claims = Claims::new(store);
        let (mut own, mut awaited, mut left) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..asked.keys.len() {
            match claims.begin(asked.keys[index]) {
                Turn::Done(bytes) if asked.take(index, &bytes) => {}
                Turn::Done(_) => left.push(index),
                Turn::Mine => own.push(index),
                Turn::Others => awaited.push(index),
            }
        }
        // What others may wait for comes before what this waits for: so nobody waits for ever.
        self.read_now(&mut asked, &own, scratch, |_, bytes| claims.put_next(bytes));
        for index in awaited {
            let kept = store.wait(asked.keys[index]);
            if !kept.is_some_and(|bytes| asked.take(index, &bytes)) {
                left.push(index);
            }
        }
        self.read_now(&mut asked, &left, scratch, |key, bytes| store.put(key, bytes));
        store.tally(&asked.effort);
        asked.readings.into_iter().flatten().collect()
    }

    /// Reads some of the sentences, and hands on what is kept of each.
    fn read_now(
        &self,
        asked: &mut Asked<'_>,
        indices: &[usize],
        scratch: &mut Scratch,
        mut put: impl FnMut(u128, &[u8]),
    ) {
        let started = Instant::now();
        let sentences: Vec<&Identity<'_>> = indices.iter().map(|&index| &asked.sentences[index]).collect();
        let read = self.readings(&sentences, scratch);
        let micros = started.elapsed().as_micros() as u64;
        asked.effort.read += read.len() as u64;
        asked.effort.micros += micros;
        let n_pieces: usize = read.iter().map(|reading| reading.pieces.len()).sum();
        for (&index, reading) in indices.iter().zip(read) {
            let own_micros = micros * reading.pieces.len() as u64 / n_pieces.max(1) as u64;
            let marks = self.inputs.reads_lexicon().then_some(asked.sentences[index].2.as_slice());
            put(asked.keys[index], &Kept::to_bytes(&reading, marks, own_micros));
            asked.readings[index] = Some(reading);
        }
    }

    /// The distinct sentences, and for each document and sentence its place among them.
    fn distinct<'a>(
        &self,
        documents: &'a [Document],
        lexicon: &[Vec<Mention>],
    ) -> (Vec<Identity<'a>>, Vec<Vec<Option<u32>>>) {
        let mut known: FxHashMap<Identity<'a>, u32> = FxHashMap::default();
        let mut distinct: Vec<Identity<'a>> = Vec::new();
        let mut places = Vec::with_capacity(documents.len());
        for (document, lexicon) in documents.iter().zip(lexicon) {
            let mut marked = lexicon.chunk_by(|left, right| left.sentence == right.sentence).peekable();
            let of_sentences = document.sentences().iter().zip(0..).map(|(sentence, index)| {
                let mentions = marked.next_if(|group| group.first().is_some_and(|mention| mention.sentence == index));
                let identity = self.identity(document, sentence, mentions.unwrap_or(&[]));
                identity.0.chars().any(char::is_alphabetic).then(|| {
                    *known.entry(identity).or_insert_with_key(|identity| {
                        distinct.push(identity.clone());
                        distinct.len() as u32 - 1
                    })
                })
            });
            places.push(of_sentences.collect());
        }
        (distinct, places)
    }

    fn identity<'a>(&self, document: &'a Document, sentence: &Sentence, lexicon: &[Mention]) -> Identity<'a> {
        let section = document.section_of(sentence).map_or(0, |section| self.inputs.section(section.kind));
        let start = sentence.span.start();
        let marks = lexicon.iter().filter(|_| self.inputs.reads_lexicon());
        let marks = marks.map(|mention| (mention.span.shifted_back(start), mention.kind)).collect();
        (sentence.span.of(document.text()), section, marks)
    }

    fn pieces(&self, (text, section, marks): &Identity<'_>) -> Pieces {
        // The tokenizers of this family take any text; a sentence that fails all the same has no reading.
        let encoding = self.tokenizer.encode(*text, false).ok();
        let ids = encoding.as_ref().map(|encoding| encoding.get_ids().to_vec()).unwrap_or_default();
        let offsets = encoding.map(|encoding| encoding.get_offsets().to_vec()).unwrap_or_default();
        let types = mark(&self.inputs, &offsets, marks);
        Pieces { ids, offsets, types, section: *section }
    }

    /// The readings of distinct sentences.
    fn readings(&self, sentences: &[&Identity<'_>], scratch: &mut Scratch) -> Vec<Reading> {
        let pieces: Vec<Pieces> = sentences.iter().map(|sentence| self.pieces(sentence)).collect();
        let mut windows: Vec<Window> = Vec::new();
        for (sentence, pieces) in pieces.iter().enumerate() {
            let room = self.encoder.config().max_length.saturating_sub(2).max(1);
            windows.extend(Window::cut(sentence, pieces.ids.len(), room));
        }
        let n_outputs = self.encoder.n_outputs();
        let mut scores: Vec<Vec<f32>> = pieces.iter().map(|pieces| vec![0.0; pieces.ids.len() * n_outputs]).collect();
        let mut first = 0;
        while first < windows.len() {
            let mut last = first;
            let mut n_pieces = 0;
            while last < windows.len() && (last == first || n_pieces + windows[last].len() + 2 <= BATCH_PIECES) {
                n_pieces += windows[last].len() + 2;
                last += 1;
            }
            self.score(&windows[first..last], &pieces, &mut scores, scratch);
            first = last;
        }
        let read = pieces.iter().zip(&scores).zip(sentences);
        read.map(|((pieces, scores), sentence)| self.decode(sentence.0, pieces, scores)).collect()
    }

    fn score(&self, windows: &[Window], pieces: &[Pieces], scores: &mut [Vec<f32>], scratch: &mut Scratch) {
        let sequences: Vec<(Vec<u32>, Vec<u16>)> = windows
            .iter()
            .map(|window| {
                let pieces = &pieces[window.sentence];
                let mut ids = vec![self.first];
                ids.extend_from_slice(&pieces.ids[window.start..window.end]);
                ids.push(self.last);
                let mut types = vec![pieces.section];
                types.extend_from_slice(&pieces.types[window.start..window.end]);
                types.push(0);
                (ids, types)
            })
            .collect();
        let borrowed: Vec<Sequence<'_>> = sequences.iter().map(|(ids, types)| Sequence { ids, types }).collect();
        let all = self.encoder.classify(&borrowed, scratch);
        let n_outputs = self.encoder.n_outputs();
        let mut row = 0;
        for window in windows {
            for place in window.kept.clone() {
                let from = (row + 1 + place - window.start) * n_outputs;
                scores[window.sentence][place * n_outputs..(place + 1) * n_outputs]
                    .copy_from_slice(&all[from..from + n_outputs]);
            }
            row += window.len() + 2;
        }
    }

    fn decode(&self, text: &str, pieces: &Pieces, scores: &[f32]) -> Reading {
        let n_labels = self.labels.len();
        let rows = scores.chunks_exact(self.encoder.n_outputs());
        let label_scores: Vec<f32> = rows.clone().flat_map(|row| row.iter().take(n_labels).copied()).collect();
        let mut mentions: Vec<SentenceMention> = Vec::new();
        for found in labels::decode(&self.labels, &label_scores) {
            let start = pieces.offsets[found.start].0;
            let end = pieces.offsets[found.end - 1].1;
            let (start, end) = whole_words(text, start, end);
            let (start, end) = without_loose_marks(text, start, end);
            // Two mentions within one word are one.
            match mentions.last_mut().filter(|last| last.span.end() > start) {
                Some(last) => last.span = last.span.cover(Span::between(start, end)),
                None if start < end => {
                    let span = Span::between(start, end);
                    mentions.push(SentenceMention { span, kind: found.kind, score: found.score });
                }
                None => {}
            }
        }
        let read = rows.zip(&pieces.offsets).map(|(row, &(start, end))| {
            let mut axes = [0.0; AXES.len()];
            axes.iter_mut().zip(&row[n_labels..]).for_each(|(axis, &score)| *axis = labels::sigmoid(score));
            let inside = labels::inside(&self.labels, &row[..n_labels]);
            ReadPiece { span: Span::between(start, end), inside, axes }
        });
        Reading { mentions, pieces: read.collect(), has_axes: self.encoder.n_outputs() > n_labels }
    }
}

/// A stretch of a sentence that goes through the network at once.
struct Window {
    sentence: usize,
    start: usize,
    end: usize,
    /// The pieces that take their scores from this window.
    kept: std::ops::Range<usize>,
}

impl Window {
    fn len(&self) -> usize {
        self.end - self.start
    }

    /// Cuts `n_pieces` into windows of at most `room`, half of which overlap.
    fn cut(sentence: usize, n_pieces: usize, room: usize) -> Vec<Window> {
        let mut windows = Vec::new();
        if n_pieces == 0 {
            return windows;
        }
        let step = (room / 2).max(1);
        let mut start = 0;
        loop {
            let end = n_pieces.min(start + room);
            let is_last = end == n_pieces;
            // The border between two windows is the middle of what both hold.
            let kept_start = if start == 0 { 0 } else { start + (room - step) / 2 };
            let kept_end = if is_last { n_pieces } else { start + step + (room - step) / 2 };
            windows.push(Window { sentence, start, end, kept: kept_start..kept_end });
            if is_last {
                break;
            }
            start += step;
        }
        windows
    }
}

/// Widens a range to whole words, and to the marks that belong to its last letter.
fn whole_words(text: &str, start: usize, end: usize) -> (usize, usize) {
    let word = |c: char| c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c);
    let before = text.get(..start).unwrap_or("");
    let at_word = text.get(start..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric);
    let start = if at_word { before.trim_end_matches(word).len() } else { start };
    let inside = text.get(..end).and_then(|before| before.chars().next_back()).is_some_and(word);
    let rest = text.get(end..).unwrap_or("");
    let end = if inside { end + (rest.len() - rest.trim_start_matches(word).len()) } else { end };
    (start, end)
}

/// Leaves out the marks at the ends of a range that belong to what is around it, and takes in the bracket that closes one inside.
fn without_loose_marks(text: &str, start: usize, end: usize) -> (usize, usize) {
    let inside = text.get(start..end).unwrap_or("");
    let trimmed = inside.trim_end_matches([' ', ',', ';', ':', '/', '-', '(', '[']);
    let kept = trimmed.trim_start_matches([' ', ',', ';', ':', '/', ')', ']']);
    let (start, end) = (start + trimmed.len() - kept.len(), start + trimmed.len());
    let is_open = |open: char, close: char| kept.matches(open).count() > kept.matches(close).count();
    let next = text.get(end..).and_then(|rest| rest.chars().next());
    let closes = next == Some(')') && is_open('(', ')') || next == Some(']') && is_open('[', ']');
    (start, end + usize::from(closes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_end_with_words_and_brackets() {
        for (text, expected) in [
            ("[Major depression, recurrent,] mild", "Major depression, recurrent"),
            ("a [DM II-] like", "DM II"),
            ("[sprain/] strain", "sprain"),
            ("[colonic polyp(s] removed", "colonic polyp(s"),
            ("[colonic polyp(s]) removed", "colonic polyp(s)"),
            ("[proptosis (] OS)", "proptosis"),
            ("tumor [) in the cerebellum]", "in the cerebellum"),
            ("[, ] fever", ""),
            ("[n/v]", "n/v"),
            ("[pus)] in", "pus)"),
        ] {
            let (start, end) = (text.find('[').unwrap(), text.rfind(']').unwrap() - 1);
            let plain = text.replacen(['[', ']'], "", 2);
            let (start, end) = without_loose_marks(&plain, start, end);
            assert_eq!(&plain[start..end], expected, "{text}");
        }
    }
}
