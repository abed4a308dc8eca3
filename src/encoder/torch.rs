//! The same networks through rust-bert and libtorch, on a GPU where there is one.
//!
//! rust-bert builds the network, and its forward pass is called with batches made here: its own pipeline attaches scores to
//! other windows from the second batch on. Layer normalisation uses rust-bert's epsilon of 1e-12 whatever the configuration
//! says.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use rust_bert::RustBertError;
use rust_bert::bert::{BertConfig, BertEmbeddings, BertModel};
use rust_bert::distilbert::{DistilBertConfig, DistilBertModel};
use rust_bert::electra::{ElectraConfig, ElectraModel};
use rust_bert::roberta::RobertaEmbeddings;
use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor};

use super::config::{EncoderConfig, Family};
use super::weights::Tensors;
use super::{Classify, Scratch, Sequence};

/// Sequences that go through the network together.
const BATCH: usize = 64;

/// What is taken from the attention scores of padding.
const MASKED: f64 = 10_000.0;

/// A network of rust-bert.
pub(crate) struct TorchEncoder {
    config: EncoderConfig,
    device: Device,
    /// Tensors of libtorch may be sent to another thread, but not be shared by threads.
    network: Mutex<Network>,
}

struct Network {
    body: Body,
    classifier: nn::Linear,
    axes: Option<nn::Linear>,
}

enum Body {
    Bert(BertModel<BertEmbeddings>),
    Roberta(BertModel<RobertaEmbeddings>),
    DistilBert(DistilBertModel),
    Electra(ElectraModel),
}

impl fmt::Debug for TorchEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TorchEncoder({:?}, {:?})", self.config, self.device)
    }
}

impl TorchEncoder {
    /// Builds the network of a configuration from the bytes of a safetensors file.
    ///
    /// # Errors
    /// A tensor that is missing, or of another shape than the configuration says.
    pub fn new(config: EncoderConfig, weights: &[u8]) -> Result<TorchEncoder, String> {
        let file = Tensors::read(weights)?;
        let device = Device::cuda_if_available();
        let store = nn::VarStore::new(device);
        let root = store.root();
        let body = Body::new(&root, &config);
        let linear = |name: &str, n_outputs: usize| {
            nn::linear(&root / name, config.hidden as i64, n_outputs as i64, nn::LinearConfig::default())
        };
        let classifier = linear("classifier", config.labels.len());
        let axes = (!config.axes.is_empty()).then(|| linear("assertion", config.axes.len()));
        for (name, mut variable) in store.variables() {
            let shape: Vec<usize> = variable.size().iter().map(|&size| size as usize).collect();
            let values = Tensor::from_slice(&file.get(&name, &shape)?).view(variable.size().as_slice());
            tch::no_grad(|| variable.copy_(&values));
        }
        Ok(TorchEncoder { config, device, network: Mutex::new(Network { body, classifier, axes }) })
    }

    /// The scores of sequences that go through together, padded to the longest.
    fn batch(&self, network: &Network, sequences: &[Sequence<'_>], scores: &mut Vec<f32>) -> Result<(), RustBertError> {
        let longest = sequences.iter().map(|sequence| sequence.ids.len()).max().unwrap_or(0);
        // RoBERTa knows its padding by the identifier 1.
        let padding = if self.config.family == Family::Roberta { 1 } else { 0 };
        let shape = [sequences.len() as i64, longest as i64];
        let table = |value: &dyn Fn(&Sequence<'_>, usize) -> i64| {
            let rows = sequences.iter().flat_map(|sequence| (0..longest).map(move |place| (sequence, place)));
            let values: Vec<i64> = rows.map(|(sequence, place)| value(sequence, place)).collect();
            Tensor::from_slice(&values).view(shape).to_device(self.device)
        };
        let ids = table(&|sequence, place| sequence.ids.get(place).map_or(padding, |&id| i64::from(id)));
        let mask = table(&|sequence, place| i64::from(place < sequence.ids.len()));
        let types = table(&|sequence, place| sequence.types.get(place).map_or(0, |&kind| i64::from(kind)));
        let hidden = network.body.forward(&ids, &mask, &types)?;
        let mut outputs = network.classifier.forward(&hidden);
        if let Some(axes) = &network.axes {
            outputs = Tensor::cat(&[outputs, axes.forward(&hidden)], -1);
        }
        let n_outputs = self.n_outputs();
        let mut values = vec![0.0f32; sequences.len() * longest * n_outputs];
        let n_values = values.len();
        outputs.to_kind(Kind::Float).to_device(Device::Cpu).contiguous().copy_data(&mut values, n_values);
        for (sequence, rows) in sequences.iter().zip(values.chunks_exact((longest * n_outputs).max(1))) {
            scores.extend_from_slice(&rows[..sequence.ids.len() * n_outputs]);
        }
        Ok(())
    }
}

impl Classify for TorchEncoder {
    fn config(&self) -> &EncoderConfig {
        &self.config
    }

    fn classify(&self, sequences: &[Sequence<'_>], _scratch: &mut Scratch) -> Vec<f32> {
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scores = Vec::new();
        for group in sequences.chunks(BATCH) {
            let before = scores.len();
            let done = tch::no_grad(|| self.batch(&network, group, &mut scores));
            // Its errors are about shapes that the configuration rules out: such a batch has no scores.
            if done.is_err() {
                let n_tokens: usize = group.iter().map(|sequence| sequence.ids.len()).sum();
                scores.resize(before + n_tokens * self.n_outputs(), 0.0);
            }
        }
        scores
    }
}

impl Body {
    fn new(root: &nn::Path<'_>, config: &EncoderConfig) -> Body {
        let positions = (config.max_length + config.family.first_position()) as i64;
        let bert = BertConfig {
            hidden_size: config.hidden as i64,
            intermediate_size: config.intermediate as i64,
            max_position_embeddings: positions,
            num_attention_heads: config.heads as i64,
            num_hidden_layers: config.layers as i64,
            type_vocab_size: config.token_types as i64,
            vocab_size: config.vocabulary as i64,
            ..BertConfig::default()
        };
        match config.family {
            Family::Bert => Body::Bert(BertModel::new_with_optional_pooler(root / "bert", &bert, false)),
            Family::Roberta => Body::Roberta(BertModel::new_with_optional_pooler(root / "roberta", &bert, false)),
            Family::DistilBert => Body::DistilBert(DistilBertModel::new(
                root,
                &DistilBertConfig {
                    dim: bert.hidden_size,
                    hidden_dim: bert.intermediate_size,
                    max_position_embeddings: positions,
                    n_heads: bert.num_attention_heads,
                    n_layers: bert.num_hidden_layers,
                    vocab_size: bert.vocab_size,
                    ..DistilBertConfig::default()
                },
            )),
            Family::Electra => Body::Electra(ElectraModel::new(
                root / "electra",
                &ElectraConfig {
                    embedding_size: config.embedding.unwrap_or(config.hidden) as i64,
                    hidden_size: bert.hidden_size,
                    intermediate_size: bert.intermediate_size,
                    max_position_embeddings: positions,
                    num_attention_heads: bert.num_attention_heads,
                    num_hidden_layers: bert.num_hidden_layers,
                    type_vocab_size: bert.type_vocab_size,
                    vocab_size: bert.vocab_size,
                    ..ElectraConfig::default()
                },
            )),
        }
    }

    fn forward(&self, ids: &Tensor, mask: &Tensor, types: &Tensor) -> Result<Tensor, RustBertError> {
        // rust-bert adds ELECTRA's mask to the attention scores as it is given, so that padding would be attended to.
        let added = ((mask.to_kind(Kind::Float) - 1.0) * MASKED).unsqueeze(1);
        let (ids, mask, types) = (Some(ids), Some(mask), Some(types));
        Ok(match self {
            Body::Bert(model) => model.forward_t(ids, mask, types, None, None, None, None, false)?.hidden_state,
            Body::Roberta(model) => model.forward_t(ids, mask, types, None, None, None, None, false)?.hidden_state,
            Body::DistilBert(model) => model.forward_t(ids, mask, None, false)?.hidden_state,
            Body::Electra(model) => model.forward_t(ids, Some(&added), types, None, None, false)?.hidden_state,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{largest_difference, load, tiny_files};
    use super::super::{Encoder, Precision};
    use super::*;

    #[test]
    fn agrees_with_the_engine() {
        for name in ["tiny-bert", "tiny-distilbert", "tiny-roberta", "tiny-electra", "tiny-inputs"] {
            let (config, weights, cases) = load(&tiny_files(name));
            let own = Encoder::new(config.clone(), &weights, Precision::Full).unwrap();
            let torch = TorchEncoder::new(config, &weights).unwrap();
            // More sequences than a batch takes, of mixed lengths.
            let sequences: Vec<Sequence<'_>> = cases.iter().cycle().take(100).map(|case| case.sequence()).collect();
            let mut scratch = Scratch::default();
            let (left, right) = (own.classify(&sequences, &mut scratch), torch.classify(&sequences, &mut scratch));
            let difference = largest_difference(&left, &right);
            assert!(difference < 1e-3, "{name}: {difference}");
        }
    }
}
