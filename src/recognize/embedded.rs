//! The model under `models/default/` that the program carries.

/// What the network looks like.
pub(super) const CONFIG: &[u8] = include_bytes!("../../models/default/config.json");

/// Its weights, in safetensors.
pub(super) const WEIGHTS: &[u8] = include_bytes!("../../models/default/model.safetensors");

/// Its word pieces, one a line.
pub(super) const VOCABULARY: &[u8] = include_bytes!("../../models/default/vocab.txt");
