//! The encoder: inference of BERT-style token classifiers on the processor, without a library of the system.
//!
//! Sequences are packed one after another, without padding; linear layers run over all of them, attention within each.
//! The integer path is the fast one, the path in full precision its oracle. Results depend neither on the processor nor on
//! what else is in the batch.

mod attention;
mod config;
mod embedding;
mod linear;
mod math;
mod simd;
#[cfg(feature = "rust-bert")]
mod torch;
mod weights;

use std::fmt;

use attention::{AttentionScratch, attend};
pub(crate) use config::EncoderConfig;
use embedding::Embedding;
pub(crate) use linear::Precision;
use linear::{Activation, Linear, Quantized};
use math::add_and_norm;
use simd::{Level, Work};
#[cfg(feature = "rust-bert")]
use torch::TorchEncoder;
use weights::{Names, Tensors};

/// A network that scores the tokens of sequences.
pub(crate) trait Classify: fmt::Debug + Send + Sync {
    /// What the network looks like.
    fn config(&self) -> &EncoderConfig;

    /// Scores of each token: one for each label, then one for each axis.
    fn n_outputs(&self) -> usize {
        self.config().labels.len() + self.config().axes.len()
    }

    /// The scores of each token of each sequence, one row after another.
    fn classify(&self, sequences: &[Sequence<'_>], scratch: &mut Scratch) -> Vec<f32>;
}

/// What computes a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Computation {
    /// noteward itself.
    Own(Precision),
    /// rust-bert, where the program was built with it.
    RustBert,
}

/// Builds the network of a configuration from the bytes of a safetensors file.
///
/// # Errors
/// A tensor that is missing, or of another shape than the configuration says; or a program built without rust-bert.
pub(crate) fn load(
    config: EncoderConfig,
    weights: &[u8],
    computation: Computation,
) -> Result<Box<dyn Classify>, String> {
    match computation {
        Computation::Own(precision) => Ok(Box::new(Encoder::new(config, weights, precision)?)),
        #[cfg(feature = "rust-bert")]
        Computation::RustBert => Ok(Box::new(TorchEncoder::new(config, weights)?)),
        #[cfg(not(feature = "rust-bert"))]
        Computation::RustBert => Err("this program was built without rust-bert: models/README.md says how".into()),
    }
}

/// A network that noteward computes itself.
pub(crate) struct Encoder {
    config: EncoderConfig,
    level: Level,
    words: Embedding,
    positions: Embedding,
    token_types: Option<Embedding>,
    norm: Norm,
    /// From the width of the embeddings to the hidden size.
    projection: Option<Linear>,
    layers: Vec<Layer>,
    /// Labels, then assertion axes.
    classifier: Linear,
}

/// A sequence of tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence<'a> {
    /// Word pieces.
    pub ids: &'a [u32],
    /// Token types, one for each word piece; all 0 where they are left out.
    pub types: &'a [u16],
}

struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

struct Layer {
    /// Query, key and value side by side.
    attention: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    output_norm: Norm,
}

/// Memory that a worker uses again for each batch.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    states: Vec<f32>,
    projected: Vec<f32>,
    mixed: Vec<f32>,
    wide: Vec<f32>,
    attention: AttentionScratch,
    quantized: Quantized,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder({:?}, {:?})", self.config, self.level)
    }
}

impl Encoder {
    /// Builds the network of a configuration from the bytes of a safetensors file.
    ///
    /// # Errors
    /// A tensor that is missing, or of another shape than the configuration says.
    pub fn new(config: EncoderConfig, weights: &[u8], precision: Precision) -> Result<Encoder, String> {
        let file = Tensors::read(weights)?;
        let names = Names::of(&config);
        let hidden = config.hidden;
        let embedding_width = config.embedding.unwrap_or(hidden);
        let embedding = |part: &str, n_rows: usize| {
            let name = format!("{}.{part}_embeddings.weight", names.embeddings);
            Ok::<Embedding, String>(Embedding::new(file.rows(&name, n_rows, embedding_width)?, embedding_width))
        };
        let norm_of = |name: &str, width: usize| -> Result<Norm, String> {
            let scale = file.get(&format!("{name}.weight"), &[width])?;
            Ok(Norm { scale, shift: file.get(&format!("{name}.bias"), &[width])? })
        };
        let norm = |name: &str| norm_of(name, hidden);
        let linear = |name: &str, n_inputs: usize, n_outputs: usize| -> Result<Linear, String> {
            let dense = file.dense(name, n_inputs, n_outputs)?;
            Ok(Linear::new(&dense.weight, &dense.bias, n_inputs, precision))
        };
        let mut layers = Vec::with_capacity(config.layers);
        for index in 0..config.layers {
            let name = |part: &str| format!("{}.{index}.{part}", names.layers);
            let mut weight = Vec::new();
            let mut bias = Vec::new();
            for part in [names.query, names.key, names.value] {
                let dense = file.dense(&name(part), hidden, hidden)?;
                weight.extend(dense.weight);
                bias.extend(dense.bias);
            }
            layers.push(Layer {
                attention: Linear::new(&weight, &bias, hidden, precision),
                attention_output: linear(&name(names.attention_output), hidden, hidden)?,
                attention_norm: norm(&name(names.attention_norm))?,
                up: linear(&name(names.up), hidden, config.intermediate)?,
                down: linear(&name(names.down), config.intermediate, hidden)?,
                output_norm: norm(&name(names.output_norm))?,
            });
        }
        let mut outputs = file.dense("classifier", hidden, config.labels.len())?;
        if !config.axes.is_empty() {
            let axes = file.dense("assertion", hidden, config.axes.len())?;
            outputs.weight.extend(axes.weight);
            outputs.bias.extend(axes.bias);
        }
        Ok(Encoder {
            level: Level::detect(),
            words: embedding("word", config.vocabulary)?,
            positions: embedding("position", config.max_length + config.family.first_position())?,
            token_types: (config.token_types > 0).then(|| embedding("token_type", config.token_types)).transpose()?,
            norm: norm_of(&format!("{}.LayerNorm", names.embeddings), embedding_width)?,
            projection: (config.embedding)
                .map(|width| linear(&format!("{}_project", names.embeddings), width, hidden))
                .transpose()?,
            layers,
            classifier: Linear::new(&outputs.weight, &outputs.bias, hidden, precision),
            config,
        })
    }
}

impl Classify for Encoder {
    fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// Identifiers outside the vocabulary and positions beyond the longest sequence are read as the last of their table.
    fn classify(&self, sequences: &[Sequence<'_>], scratch: &mut Scratch) -> Vec<f32> {
        let n_tokens: usize = sequences.iter().map(|sequence| sequence.ids.len()).sum();
        let mut scores = vec![0.0; n_tokens * self.n_outputs()];
        self.level.run(Forward { encoder: self, sequences, scratch, scores: &mut scores });
        scores
    }
}

/// A pass through the network.
struct Forward<'a> {
    encoder: &'a Encoder,
    sequences: &'a [Sequence<'a>],
    scratch: &'a mut Scratch,
    scores: &'a mut [f32],
}

impl Work for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Forward { encoder, sequences, scratch, scores } = self;
        let hidden = encoder.config.hidden;
        let n_tokens: usize = sequences.iter().map(|sequence| sequence.ids.len()).sum();
        scratch.states.resize(n_tokens * hidden, 0.0);
        scratch.projected.resize(n_tokens * hidden * 3, 0.0);
        scratch.mixed.resize(n_tokens * hidden, 0.0);
        scratch.wide.resize(n_tokens * encoder.config.intermediate, 0.0);
        let Scratch { states, projected, mixed, wide, attention, quantized } = scratch;
        let level = encoder.level;
        let epsilon = encoder.config.norm_epsilon;
        if let (Some(projection), Some(width)) = (&encoder.projection, encoder.config.embedding) {
            mixed.resize(n_tokens * width.max(hidden), 0.0);
            let embedded = &mut mixed[..n_tokens * width];
            encoder.embed(sequences, width, embedded);
            add_and_norm(embedded, None, &encoder.norm.scale, &encoder.norm.shift, epsilon);
            projection.apply(level, embedded, states, Activation::None, quantized);
            mixed.resize(n_tokens * hidden, 0.0);
        } else {
            encoder.embed(sequences, hidden, states);
            add_and_norm(states, None, &encoder.norm.scale, &encoder.norm.shift, epsilon);
        }
        for layer in &encoder.layers {
            layer.attention.apply(level, states, projected, Activation::None, quantized);
            let mut first = 0;
            for sequence in sequences {
                let last = first + sequence.ids.len();
                let rows = &projected[first * hidden * 3..last * hidden * 3];
                let output = &mut mixed[first * hidden..last * hidden];
                attend(level, rows, output, hidden, encoder.config.heads, attention);
                first = last;
            }
            let output = &mut projected[..n_tokens * hidden];
            layer.attention_output.apply(level, mixed, output, Activation::None, quantized);
            let norm = &layer.attention_norm;
            add_and_norm(states, Some(output), &norm.scale, &norm.shift, epsilon);
            layer.up.apply(level, states, wide, Activation::Gelu, quantized);
            layer.down.apply(level, wide, output, Activation::None, quantized);
            let norm = &layer.output_norm;
            add_and_norm(states, Some(output), &norm.scale, &norm.shift, epsilon);
        }
        debug_assert_eq!(scores.len(), n_tokens * encoder.classifier.n_outputs());
        encoder.classifier.apply(level, states, scores, Activation::None, quantized);
    }
}

impl Encoder {
    #[inline(always)]
    fn embed(&self, sequences: &[Sequence<'_>], width: usize, states: &mut [f32]) {
        let mut rows = states.chunks_exact_mut(width);
        let first_position = self.config.family.first_position();
        for sequence in sequences {
            let types = sequence.types.iter().copied().chain(std::iter::repeat(0));
            for ((position, &word), kind) in sequence.ids.iter().enumerate().zip(types) {
                let Some(row) = rows.next() else { return };
                self.words.read(word as usize, row);
                self.positions.add(first_position + position, row);
                if let Some(token_types) = &self.token_types {
                    token_types.add(usize::from(kind), row);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// A sequence, its token types, and its scores.
    pub(super) struct Case {
        ids: Vec<u32>,
        types: Vec<u16>,
        scores: Vec<f32>,
    }

    impl Case {
        pub(super) fn sequence(&self) -> Sequence<'_> {
            Sequence { ids: &self.ids, types: &self.types }
        }
    }

    /// The folder of a tiny network.
    pub(super) fn tiny_files(name: &str) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name)
    }

    /// A tiny network, and what PyTorch computes with it.
    pub(super) fn load(folder: &std::path::Path) -> (EncoderConfig, Vec<u8>, Vec<Case>) {
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let weights = std::fs::read(folder.join("model.safetensors")).unwrap();
        let expected: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
        let cases = expected.as_array().unwrap().iter().map(|case| {
            let numbers = |name: &str| case[name].as_array().into_iter().flatten().map(|id| id.as_u64().unwrap());
            let rows = case["logits"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
            Case {
                ids: numbers("ids").map(|id| id as u32).collect(),
                types: numbers("types").map(|id| id as u16).collect(),
                scores: rows.map(|score| score.as_f64().unwrap() as f32).collect(),
            }
        });
        (EncoderConfig::from_json(&config).unwrap(), weights, cases.collect())
    }

    fn tiny(name: &str, precision: Precision) -> (Encoder, Vec<Case>) {
        let (config, weights, cases) = load(&tiny_files(name));
        (Encoder::new(config, &weights, precision).unwrap(), cases)
    }

    pub(super) fn largest_difference(left: &[f32], right: &[f32]) -> f32 {
        assert_eq!(left.len(), right.len());
        left.iter().zip(right).fold(0.0, |largest, (x, y)| largest.max((x - y).abs()))
    }

    #[test]
    fn agrees_with_pytorch() {
        for name in ["tiny-bert", "tiny-distilbert", "tiny-roberta", "tiny-electra", "tiny-inputs"] {
            for (precision, tolerance) in [(Precision::Full, 2e-4), (Precision::Int8, 0.4)] {
                let (encoder, sequences) = tiny(name, precision);
                for case in &sequences {
                    let scores = encoder.classify(&[case.sequence()], &mut Scratch::default());
                    let difference = largest_difference(&scores, &case.scores);
                    assert!(difference < tolerance, "{name} {precision:?}: {difference}");
                }
            }
        }
    }

    #[test]
    fn a_batch_gives_what_each_sequence_gives_alone() {
        let (encoder, sequences) = tiny("tiny-bert", Precision::Int8);
        let all: Vec<Sequence<'_>> = sequences.iter().map(Case::sequence).collect();
        let mut scratch = Scratch::default();
        let together = encoder.classify(&all, &mut scratch);
        let single: Vec<f32> = all.iter().flat_map(|&one| encoder.classify(&[one], &mut scratch)).collect();
        assert_eq!(together, single);
        assert!(encoder.classify(&[], &mut scratch).is_empty());
    }

    #[test]
    fn levels_give_the_same_bits() {
        for precision in [Precision::Full, Precision::Int8] {
            let (mut encoder, sequences) = tiny("tiny-bert", precision);
            let all: Vec<Sequence<'_>> = sequences.iter().map(Case::sequence).collect();
            let fast = encoder.classify(&all, &mut Scratch::default());
            for level in Level::available() {
                encoder.level = level;
                assert_eq!(encoder.classify(&all, &mut Scratch::default()), fast, "{level:?}");
            }
        }
    }

    #[test]
    fn weights_that_do_not_fit_are_named() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/tiny-bert");
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let weights = std::fs::read(folder.join("model.safetensors")).unwrap();
        let message = |config: &str, weights: &[u8]| {
            Encoder::new(EncoderConfig::from_json(config).unwrap(), weights, Precision::Int8).unwrap_err()
        };
        let wider = config.replace("\"intermediate_size\": 32", "\"intermediate_size\": 64");
        let problem = message(&wider, &weights);
        assert!(problem.contains("expected the shape [64, 16], found [32, 16]"), "{problem}");
        let deeper = config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
        assert!(message(&deeper, &weights).contains("no tensor \"bert.encoder.layer.2."));
        assert!(message(&config, &weights[..100]).contains("model.safetensors"));
    }
}
