//! `config.json` of a token classifier in the Hugging Face layout.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What the network looks like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EncoderConfig {
    pub family: Family,
    pub vocabulary: usize,
    pub hidden: usize,
    /// Width of the embeddings, where a linear layer brings them to the hidden size.
    pub embedding: Option<usize>,
    pub layers: usize,
    pub heads: usize,
    pub intermediate: usize,
    /// Longest sequence, in word pieces, special ones included.
    pub max_length: usize,
    pub norm_epsilon: f32,
    /// Names of the labels, in the order of the classifier's outputs.
    pub labels: Vec<String>,
    /// Rows of the token type table; 0 where the family has none.
    pub token_types: usize,
    /// What each token type says of its token (`noteward_inputs`); empty where the model was not trained with them.
    pub inputs: Vec<String>,
    /// Assertion axes that the network scores besides the labels (`noteward_axes`).
    pub axes: Vec<String>,
}

/// The names that a family of encoders gives its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Bert,
    DistilBert,
    Roberta,
    Electra,
}

impl Family {
    const NAMES: [(&'static str, Family); 4] = [
        ("bert", Family::Bert),
        ("distilbert", Family::DistilBert),
        ("roberta", Family::Roberta),
        ("electra", Family::Electra),
    ];

    /// Positions that stand before the first one in the table of positions.
    pub fn first_position(self) -> usize {
        // RoBERTa counts from behind the identifier of its padding, which is 1.
        if self == Family::Roberta { 2 } else { 0 }
    }

    /// The special word pieces around a sequence.
    pub fn special(self) -> (&'static str, &'static str) {
        if self == Family::Roberta { ("<s>", "</s>") } else { ("[CLS]", "[SEP]") }
    }
}

#[derive(Deserialize)]
struct Raw {
    model_type: String,
    vocab_size: usize,
    #[serde(alias = "dim")]
    hidden_size: usize,
    embedding_size: Option<usize>,
    #[serde(alias = "n_layers")]
    num_hidden_layers: usize,
    #[serde(alias = "n_heads")]
    num_attention_heads: usize,
    #[serde(alias = "hidden_dim")]
    intermediate_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_epsilon")]
    layer_norm_eps: f32,
    #[serde(alias = "activation", default = "default_activation")]
    hidden_act: String,
    #[serde(default)]
    id2label: BTreeMap<String, String>,
    #[serde(default = "default_token_types")]
    type_vocab_size: usize,
    #[serde(default)]
    noteward_inputs: Vec<String>,
    #[serde(default)]
    noteward_axes: Vec<String>,
}

fn default_token_types() -> usize {
    2
}

fn default_epsilon() -> f32 {
    1e-12
}

fn default_activation() -> String {
    "gelu".into()
}

impl EncoderConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// What was found and expected.
    pub fn from_json(text: &str) -> Result<EncoderConfig, String> {
        let raw: Raw = serde_json::from_str(text).map_err(|error| format!("config.json: {error}"))?;
        let family = Family::NAMES.iter().find(|(name, _)| *name == raw.model_type).map(|&(_, family)| family);
        let family = family.ok_or_else(|| {
            let known: Vec<&str> = Family::NAMES.iter().map(|(name, _)| *name).collect();
            format!("config.json: model_type: expected one of {}, found {:?}", known.join(", "), raw.model_type)
        })?;
        let sizes = [
            ("vocab_size", raw.vocab_size),
            ("hidden_size", raw.hidden_size),
            ("intermediate_size", raw.intermediate_size),
            ("max_position_embeddings", raw.max_position_embeddings.saturating_sub(family.first_position())),
            ("embedding_size", raw.embedding_size.unwrap_or(1)),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(format!("config.json: {name}: expected a larger number"));
        }
        if raw.hidden_act != "gelu" {
            return Err(format!("config.json: hidden_act: expected \"gelu\", found {:?}", raw.hidden_act));
        }
        if raw.num_attention_heads == 0 || !raw.hidden_size.is_multiple_of(raw.num_attention_heads) {
            return Err(format!(
                "config.json: {} attention heads do not divide a hidden size of {}",
                raw.num_attention_heads, raw.hidden_size
            ));
        }
        let mut labels = Vec::with_capacity(raw.id2label.len());
        for index in 0..raw.id2label.len() {
            match raw.id2label.get(&index.to_string()) {
                Some(label) => labels.push(label.clone()),
                None => return Err(format!("config.json: id2label: no label of id {index}")),
            }
        }
        if labels.is_empty() {
            return Err("config.json: id2label: expected the labels of a token classifier, found none".into());
        }
        let token_types = if family == Family::DistilBert { 0 } else { raw.type_vocab_size };
        if raw.noteward_inputs.len() > token_types {
            return Err(format!(
                "config.json: noteward_inputs: expected at most {token_types} names (type_vocab_size), found {}",
                raw.noteward_inputs.len()
            ));
        }
        Ok(EncoderConfig {
            family,
            vocabulary: raw.vocab_size,
            hidden: raw.hidden_size,
            embedding: raw.embedding_size.filter(|&size| family == Family::Electra && size != raw.hidden_size),
            layers: raw.num_hidden_layers,
            heads: raw.num_attention_heads,
            intermediate: raw.intermediate_size,
            max_length: raw.max_position_embeddings - family.first_position(),
            norm_epsilon: raw.layer_norm_eps,
            labels,
            token_types,
            inputs: raw.noteward_inputs,
            axes: raw.noteward_axes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"model_type":"bert","vocab_size":9,"hidden_size":4,"num_hidden_layers":1,
        "num_attention_heads":2,"intermediate_size":8,"max_position_embeddings":16,"hidden_act":"gelu",
        "id2label":{"0":"O","1":"B-symptom"}}"#;

    #[test]
    fn reads_both_families() {
        let config = EncoderConfig::from_json(BERT).unwrap();
        assert_eq!((config.family, config.hidden, config.labels.len()), (Family::Bert, 4, 2));
        let distil = r#"{"model_type":"distilbert","vocab_size":9,"dim":4,"n_layers":1,"n_heads":2,"hidden_dim":8,
            "max_position_embeddings":16,"activation":"gelu","id2label":{"0":"O"}}"#;
        assert_eq!(EncoderConfig::from_json(distil).unwrap().family, Family::DistilBert);
    }

    #[test]
    fn names_what_does_not_fit() {
        let message = |from: &str, to: &str| EncoderConfig::from_json(&BERT.replace(from, to)).unwrap_err();
        assert!(message("\"bert\"", "\"gpt2\"").contains("found \"gpt2\""));
        assert!(message("\"gelu\"", "\"relu\"").contains("hidden_act"));
        assert!(message("\"num_attention_heads\":2", "\"num_attention_heads\":3").contains("do not divide"));
        assert!(message("\"1\":\"B-symptom\"", "\"2\":\"B-symptom\"").contains("no label of id 1"));
        assert!(message("\"vocab_size\":9,", "").contains("vocab_size"));
        let three = "\"vocab_size\":9,\"noteward_inputs\":[\"none\",\"a\",\"b\"],";
        assert!(message("\"vocab_size\":9,", three).contains("at most 2 names"));
    }
}
