//! The model recogniser: a token classifier over the word pieces of each sentence.
//!
//! Sentences of many notes go through the network together, each distinct one once; those without a letter are left out. A
//! sentence longer than the network takes is read in windows that overlap, and each piece takes its scores from the window
//! in which it stands farthest from an edge.

use std::path::Path;

use rustc_hash::FxHashMap;
use tokenizers::Tokenizer;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

use super::labels::{self, Label};
use crate::encoder::{Encoder, EncoderConfig, Precision, Scratch};
use crate::mention::{Mention, MentionSource, MentionType};
use crate::{Document, Error, Result, Span};

/// Word pieces that go through the network together.
const BATCH_PIECES: usize = 2048;

/// Finds mentions by a token classifier.
#[derive(Debug)]
pub struct ModelRecognizer {
    encoder: Encoder,
    tokenizer: Tokenizer,
    labels: Vec<Label>,
    first: u32,
    last: u32,
    hash: blake3::Hash,
}

/// A mention within a sentence: bytes of the sentence's own text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SentenceMention {
    pub start: u32,
    pub end: u32,
    pub kind: MentionType,
    pub score: f32,
}

/// A sentence as word pieces.
struct Pieces {
    ids: Vec<u32>,
    /// Bytes of the sentence's text.
    offsets: Vec<(usize, usize)>,
}

impl ModelRecognizer {
    /// Loads a folder in the Hugging Face layout: `config.json`, `model.safetensors`, and `tokenizer.json` or `vocab.txt`.
    ///
    /// # Errors
    /// A file that is missing or does not fit, with what was found and expected.
    pub(crate) fn load(folder: &Path, precision: Precision) -> Result<ModelRecognizer> {
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
        ModelRecognizer::from_files(&config, &weights, tokenizer, precision)
            .map_err(|problem| Error::input(folder, problem))
    }

    fn from_files(
        config: &[u8],
        weights: &[u8],
        vocabulary: Vocabulary,
        precision: Precision,
    ) -> Result<ModelRecognizer, String> {
        let text = std::str::from_utf8(config).map_err(|_| "config.json: not UTF-8".to_owned())?;
        let parsed = EncoderConfig::from_json(text)?;
        let labels = labels::parse(&parsed.labels, &label_map(text)?)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(config).update(weights);
        let tokenizer = vocabulary.build(&mut hasher)?;
        let special =
            |token: &str| tokenizer.token_to_id(token).ok_or_else(|| format!("the vocabulary holds no {token}"));
        let (first, last) = (special("[CLS]")?, special("[SEP]")?);
        let n_words = tokenizer.get_vocab_size(true);
        if n_words > parsed.vocabulary {
            let expected = parsed.vocabulary;
            return Err(format!("the vocabulary holds {n_words} word pieces, config.json says {expected}"));
        }
        let encoder = Encoder::new(parsed, weights, precision)?;
        Ok(ModelRecognizer { encoder, tokenizer, labels, first, last, hash: hasher.finalize() })
    }

    /// Hash of the model's files.
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// The mentions of the sentences of documents: the k-th list belongs to the k-th document, sorted by span.
    pub(crate) fn recognize(&self, documents: &[Document], scratch: &mut Scratch) -> Vec<Vec<Mention>> {
        let mut places: FxHashMap<&str, usize> = FxHashMap::default();
        let mut distinct: Vec<&str> = Vec::new();
        for document in documents {
            for sentence in document.sentences() {
                let text = sentence.span.of(document.text());
                if text.chars().any(char::is_alphabetic) {
                    places.entry(text).or_insert_with(|| {
                        distinct.push(text);
                        distinct.len() - 1
                    });
                }
            }
        }
        let found = self.sentences(&distinct, scratch);
        let mentions = documents.iter().map(|document| {
            let sentences = document.sentences().iter().enumerate();
            let placed = sentences.flat_map(|(index, sentence)| {
                let place = places.get(sentence.span.of(document.text()));
                let found = place.and_then(|&place| found.get(place)).map_or(&[][..], Vec::as_slice);
                found.iter().map(move |mention| placed(mention, sentence.span, index as u32))
            });
            placed.collect()
        });
        mentions.collect()
    }

    /// The mentions of distinct sentences.
    fn sentences(&self, texts: &[&str], scratch: &mut Scratch) -> Vec<Vec<SentenceMention>> {
        let pieces: Vec<Pieces> = texts.iter().map(|text| self.pieces(text)).collect();
        let mut windows: Vec<Window> = Vec::new();
        for (sentence, pieces) in pieces.iter().enumerate() {
            let room = self.encoder.config().max_length.saturating_sub(2).max(1);
            windows.extend(Window::cut(sentence, pieces.ids.len(), room));
        }
        // Similar lengths together only helps the memory, since nothing is padded; order does not change a result.
        let mut scores: Vec<Vec<f32>> =
            pieces.iter().map(|pieces| vec![0.0; pieces.ids.len() * self.labels.len()]).collect();
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
        pieces
            .iter()
            .zip(&scores)
            .zip(texts)
            .map(|((pieces, scores), text)| self.decode(text, pieces, scores))
            .collect()
    }

    fn score(&self, windows: &[Window], pieces: &[Pieces], scores: &mut [Vec<f32>], scratch: &mut Scratch) {
        let sequences: Vec<Vec<u32>> = windows
            .iter()
            .map(|window| {
                let ids = &pieces[window.sentence].ids[window.start..window.end];
                std::iter::once(self.first).chain(ids.iter().copied()).chain(std::iter::once(self.last)).collect()
            })
            .collect();
        let borrowed: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let all = self.encoder.classify(&borrowed, scratch);
        let n_labels = self.labels.len();
        let mut row = 0;
        for window in windows {
            for place in window.kept.clone() {
                let from = (row + 1 + place - window.start) * n_labels;
                scores[window.sentence][place * n_labels..(place + 1) * n_labels]
                    .copy_from_slice(&all[from..from + n_labels]);
            }
            row += window.len() + 2;
        }
    }

    fn decode(&self, text: &str, pieces: &Pieces, scores: &[f32]) -> Vec<SentenceMention> {
        let mut mentions: Vec<SentenceMention> = Vec::new();
        for found in labels::decode(&self.labels, scores) {
            let start = pieces.offsets[found.start].0;
            let end = pieces.offsets[found.end - 1].1;
            let (start, end) = whole_words(text, start, end);
            let (start, end) = (start as u32, end as u32);
            // Two mentions within one word are one.
            match mentions.last_mut().filter(|last| last.end > start) {
                Some(last) => last.end = last.end.max(end),
                None if start < end => {
                    mentions.push(SentenceMention { start, end, kind: found.kind, score: found.score })
                }
                None => {}
            }
        }
        mentions
    }

    fn pieces(&self, text: &str) -> Pieces {
        match self.tokenizer.encode(text, false) {
            Ok(encoding) => Pieces { ids: encoding.get_ids().to_vec(), offsets: encoding.get_offsets().to_vec() },
            // The tokenizers of this family take any text; a sentence that fails all the same has no model mention.
            Err(_) => Pieces { ids: Vec::new(), offsets: Vec::new() },
        }
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

/// The files that a tokenizer is made from.
enum Vocabulary {
    Json(Vec<u8>),
    /// A list of word pieces, and `tokenizer_config.json` where it is there.
    Words(Vec<u8>, Vec<u8>),
}

impl Vocabulary {
    fn build(self, hasher: &mut blake3::Hasher) -> Result<Tokenizer, String> {
        match self {
            Vocabulary::Json(bytes) => {
                hasher.update(&bytes);
                let mut tokenizer =
                    Tokenizer::from_bytes(&bytes).map_err(|error| format!("tokenizer.json: {error}"))?;
                // Windows are cut here, and special pieces added here.
                tokenizer.with_padding(None);
                tokenizer.with_truncation(None).map_err(|error| format!("tokenizer.json: {error}"))?;
                tokenizer.with_post_processor(None::<BertProcessing>);
                Ok(tokenizer)
            }
            Vocabulary::Words(words, settings) => {
                hasher.update(&words).update(&settings);
                word_pieces(&words, &settings)
            }
        }
    }
}

/// The tokenizer of BERT (Devlin et al. 2019) over a list of word pieces.
fn word_pieces(words: &[u8], settings: &[u8]) -> Result<Tokenizer, String> {
    let vocabulary = WordPiece::read_bytes(words).map_err(|error| format!("vocab.txt: {error}"))?;
    let model = WordPiece::builder()
        .vocab(vocabulary)
        .unk_token("[UNK]".into())
        .build()
        .map_err(|error| format!("vocab.txt: {error}"))?;
    let settings: serde_json::Value = serde_json::from_slice(settings).unwrap_or_default();
    let lower = settings.get("do_lower_case").and_then(serde_json::Value::as_bool).unwrap_or(true);
    let mut tokenizer = Tokenizer::new(model);
    let normalizer = BertNormalizer::new(true, true, None, lower);
    tokenizer.with_normalizer(Some(normalizer)).map_err(|error| format!("vocab.txt: {error}"))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    Ok(tokenizer)
}

/// `label_map` of `config.json`: label names to mention types, or to null for labels to leave out.
fn label_map(config: &str) -> Result<Vec<(String, Option<MentionType>)>, String> {
    let config: serde_json::Value = serde_json::from_str(config).map_err(|error| format!("config.json: {error}"))?;
    let Some(map) = config.get("label_map").and_then(serde_json::Value::as_object) else { return Ok(Vec::new()) };
    map.iter()
        .map(|(label, kind)| match kind {
            serde_json::Value::Null => Ok((label.clone(), None)),
            kind => {
                let found = kind.as_str().and_then(MentionType::from_name);
                let problem =
                    || format!("config.json: label_map: {label:?}: expected symptom, finding, diagnosis or null");
                found.map(|kind| (label.clone(), Some(kind))).ok_or_else(problem)
            }
        })
        .collect()
}

fn placed(mention: &SentenceMention, sentence: Span, index: u32) -> Mention {
    let start = sentence.start();
    Mention {
        span: Span::between(start + mention.start as usize, start + mention.end as usize),
        kind: mention.kind,
        source: MentionSource::Model,
        score: Some(mention.score),
        sentence: index,
        concept: None,
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
