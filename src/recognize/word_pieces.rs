//! Tokenizers of token classifiers, and what `config.json` says of their labels.

use tokenizers::Tokenizer;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

/// The files that a tokenizer is made from.
pub(super) enum Vocabulary {
    Json(Vec<u8>),
    /// A list of word pieces, and `tokenizer_config.json` where it is there.
    Words(Vec<u8>, Vec<u8>),
}

impl Vocabulary {
    /// Builds the tokenizer, and adds its files to a hash.
    ///
    /// # Errors
    /// The file and its fault.
    pub fn build(self, hasher: &mut blake3::Hasher) -> Result<Tokenizer, String> {
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
