//! The encoder: inference of BERT-style token classifiers on the processor, without a library of the system.
//!
//! Sequences are packed one after another, without padding; linear layers run over all of them, attention within each.
//! The integer path is the fast one, the path in full precision its oracle. Results depend neither on the processor nor on
//! what else is in the batch.

mod config;
mod linear;
mod math;
mod simd;
mod weights;

use std::fmt;

pub(crate) use config::EncoderConfig;
pub(crate) use linear::Precision;
use linear::{Activation, Linear, Quantized};
use math::{add_and_norm, exponentials};
use simd::{Level, Work};
use weights::{Names, Tensors};

/// A loaded network.
pub(crate) struct Encoder {
    config: EncoderConfig,
    level: Level,
    words: Vec<f32>,
    /// Positions, with the embedding of the first segment added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    classifier: Linear,
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
    keys: Vec<f32>,
    scores: Vec<f32>,
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
        let embedding = |part: &str, n_rows: usize| {
            file.get(&format!("{}.{part}_embeddings.weight", names.embeddings), &[n_rows, hidden])
        };
        let norm = |name: &str| -> Result<Norm, String> {
            let scale = file.get(&format!("{name}.weight"), &[hidden])?;
            Ok(Norm { scale, shift: file.get(&format!("{name}.bias"), &[hidden])? })
        };
        let mut positions = embedding("position", config.max_length)?;
        if config.family == config::Family::Bert {
            // Only the first segment is used; files have two of them, some have one.
            let segments = embedding("token_type", 2).or_else(|_| embedding("token_type", 1))?;
            for row in positions.chunks_exact_mut(hidden) {
                for (value, &segment) in row.iter_mut().zip(&segments) {
                    *value += segment;
                }
            }
        }
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
        Ok(Encoder {
            level: Level::detect(),
            words: embedding("word", config.vocabulary)?,
            positions,
            norm: norm(&format!("{}.LayerNorm", names.embeddings))?,
            layers,
            classifier: linear("classifier", hidden, config.labels.len())?,
            config,
        })
    }

    /// What the network looks like.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// The scores of each label for each token of each sequence, one row after another.
    ///
    /// Identifiers outside the vocabulary and positions beyond the longest sequence are read as the last of their table.
    pub fn classify(&self, sequences: &[&[u32]], scratch: &mut Scratch) -> Vec<f32> {
        let n_tokens: usize = sequences.iter().map(|sequence| sequence.len()).sum();
        let mut scores = vec![0.0; n_tokens * self.config.labels.len()];
        self.level.run(Forward { encoder: self, sequences, scratch, scores: &mut scores });
        scores
    }
}

/// A pass through the network.
struct Forward<'a> {
    encoder: &'a Encoder,
    sequences: &'a [&'a [u32]],
    scratch: &'a mut Scratch,
    scores: &'a mut [f32],
}

impl Work for Forward<'_> {
    #[inline(always)]
    fn run(self) {
        let Forward { encoder, sequences, scratch, scores } = self;
        let hidden = encoder.config.hidden;
        let n_tokens: usize = sequences.iter().map(|sequence| sequence.len()).sum();
        scratch.states.resize(n_tokens * hidden, 0.0);
        scratch.projected.resize(n_tokens * hidden * 3, 0.0);
        scratch.mixed.resize(n_tokens * hidden, 0.0);
        scratch.wide.resize(n_tokens * encoder.config.intermediate, 0.0);
        let Scratch { states, projected, mixed, wide, keys, scores: attention_scores, quantized } = scratch;
        let level = encoder.level;
        let epsilon = encoder.config.norm_epsilon;
        encoder.embed(sequences, states);
        add_and_norm(states, None, &encoder.norm.scale, &encoder.norm.shift, epsilon);
        for layer in &encoder.layers {
            layer.attention.apply(level, states, projected, Activation::None, quantized);
            let mut first = 0;
            for sequence in sequences {
                let last = first + sequence.len();
                let rows = &projected[first * hidden * 3..last * hidden * 3];
                let output = &mut mixed[first * hidden..last * hidden];
                attend(rows, output, hidden, encoder.config.heads, keys, attention_scores);
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
    fn embed(&self, sequences: &[&[u32]], states: &mut [f32]) {
        let hidden = self.config.hidden;
        let mut rows = states.chunks_exact_mut(hidden);
        for sequence in sequences {
            for (position, &word) in sequence.iter().enumerate() {
                let Some(row) = rows.next() else { return };
                let word = (word as usize).min(self.config.vocabulary - 1);
                let position = position.min(self.config.max_length - 1);
                let word = &self.words[word * hidden..(word + 1) * hidden];
                let position = &self.positions[position * hidden..(position + 1) * hidden];
                for ((value, &word), &position) in row.iter_mut().zip(word).zip(position) {
                    *value = word + position;
                }
            }
        }
    }
}

/// Scaled dot-product attention of one sequence (Vaswani et al. 2017): `rows` hold query, key and value of each token.
#[inline(always)]
fn attend(rows: &[f32], output: &mut [f32], hidden: usize, n_heads: usize, keys: &mut Vec<f32>, scores: &mut Vec<f32>) {
    let n_tokens = rows.len() / (hidden * 3);
    let width = hidden / n_heads;
    let scale = 1.0 / (width as f32).sqrt();
    keys.resize(width * n_tokens, 0.0);
    scores.resize(n_tokens, 0.0);
    for head in 0..n_heads {
        // Keys with the tokens side by side, so that the scores of all of them are summed at once.
        for (token, row) in rows.chunks_exact(hidden * 3).enumerate() {
            let key = &row[hidden + head * width..hidden + (head + 1) * width];
            for (place, &value) in key.iter().enumerate() {
                keys[place * n_tokens + token] = value;
            }
        }
        for (row, output) in rows.chunks_exact(hidden * 3).zip(output.chunks_exact_mut(hidden)) {
            let query = &row[head * width..(head + 1) * width];
            scores.fill(0.0);
            for (&value, keys) in query.iter().zip(keys.chunks_exact(n_tokens)) {
                let value = value * scale;
                for (score, &key) in scores.iter_mut().zip(keys) {
                    *score += value * key;
                }
            }
            let total = exponentials(scores);
            let output = &mut output[head * width..(head + 1) * width];
            output.fill(0.0);
            for (&weight, other) in scores.iter().zip(rows.chunks_exact(hidden * 3)) {
                let value = &other[hidden * 2 + head * width..hidden * 2 + (head + 1) * width];
                for (output, &value) in output.iter_mut().zip(value) {
                    *output += weight * value;
                }
            }
            let factor = 1.0 / total;
            for output in output.iter_mut() {
                *output *= factor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// A sequence and its scores.
    type Case = (Vec<u32>, Vec<f32>);

    /// A tiny network under `tests/models`, and what PyTorch computes with it: sequences and their scores.
    fn tiny(name: &str, precision: Precision) -> (Encoder, Vec<Case>) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name);
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let weights = std::fs::read(folder.join("model.safetensors")).unwrap();
        let encoder = Encoder::new(EncoderConfig::from_json(&config).unwrap(), &weights, precision).unwrap();
        let expected: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
        let sequences = expected.as_array().unwrap().iter().map(|case| {
            let ids = case["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
            let rows = case["logits"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
            (ids, rows.map(|score| score.as_f64().unwrap() as f32).collect())
        });
        (encoder, sequences.collect())
    }

    fn largest_difference(left: &[f32], right: &[f32]) -> f32 {
        assert_eq!(left.len(), right.len());
        left.iter().zip(right).fold(0.0, |largest, (x, y)| largest.max((x - y).abs()))
    }

    #[test]
    fn agrees_with_pytorch() {
        for name in ["tiny-bert", "tiny-distilbert"] {
            for (precision, tolerance) in [(Precision::Full, 2e-4), (Precision::Int8, 0.4)] {
                let (encoder, sequences) = tiny(name, precision);
                for (ids, expected) in &sequences {
                    let scores = encoder.classify(&[ids], &mut Scratch::default());
                    let difference = largest_difference(&scores, expected);
                    assert!(difference < tolerance, "{name} {precision:?}: {difference}");
                }
            }
        }
    }

    #[test]
    fn a_batch_gives_what_each_sequence_gives_alone() {
        let (encoder, sequences) = tiny("tiny-bert", Precision::Int8);
        let all: Vec<&[u32]> = sequences.iter().map(|(ids, _)| ids.as_slice()).collect();
        let mut scratch = Scratch::default();
        let together = encoder.classify(&all, &mut scratch);
        let alone: Vec<f32> = all.iter().flat_map(|ids| encoder.classify(&[ids], &mut scratch)).collect();
        assert_eq!(together, alone);
        assert!(encoder.classify(&[], &mut scratch).is_empty());
    }

    #[test]
    fn levels_give_the_same_bits() {
        for precision in [Precision::Full, Precision::Int8] {
            let (mut encoder, sequences) = tiny("tiny-bert", precision);
            let all: Vec<&[u32]> = sequences.iter().map(|(ids, _)| ids.as_slice()).collect();
            let fast = encoder.classify(&all, &mut Scratch::default());
            encoder.level = Level::Portable;
            assert_eq!(encoder.classify(&all, &mut Scratch::default()), fast);
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
