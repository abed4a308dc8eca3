//! The weights of a linear model over the features of a mention: a logistic regression for each axis of the assertion.

use rustc_hash::FxHashMap;
use safetensors::{Dtype, SafeTensors};

use super::features::Feature;
use crate::assertion::AxisScores;

/// Axes, in the order of [`AxisScores`].
const AXES: usize = 5;

/// Weights of features.
#[derive(Clone)]
pub(crate) struct Weights {
    bias: [f32; AXES],
    of: FxHashMap<u64, [f32; AXES]>,
    hash: blake3::Hash,
}

impl Weights {
    /// Reads a safetensors file: `features` (n, 64-bit integers), `weights` (n, 5) and `bias` (5), 32-bit floats; written by
    /// `models/training/assertion.py`.
    ///
    /// # Errors
    /// What was found and expected.
    pub fn parse(bytes: &[u8]) -> Result<Weights, String> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let tensor = |name: &str, dtype: Dtype, tail: &[usize]| {
            let found = tensors.tensor(name).map_err(|error| format!("{name}: {error}"))?;
            if found.dtype() != dtype || !found.shape().ends_with(tail) {
                let (dtype_found, shape) = (found.dtype(), found.shape());
                return Err(format!(
                    "{name}: expected {dtype:?} of shape [.., {tail:?}], found {dtype_found:?} {shape:?}"
                ));
            }
            Ok(found.data())
        };
        let row = |bytes: &[[u8; 4]; AXES]| bytes.map(f32::from_le_bytes);
        let features = tensor("features", Dtype::I64, &[])?.as_chunks::<8>().0;
        let weights = tensor("weights", Dtype::F32, &[AXES])?.as_chunks::<4>().0.as_chunks::<AXES>().0;
        let bias = tensor("bias", Dtype::F32, &[AXES])?.as_chunks::<4>().0.as_chunks::<AXES>().0;
        if features.len() != weights.len() {
            return Err(format!("{} features have {} rows of weights", features.len(), weights.len()));
        }
        let of = features.iter().zip(weights).map(|(feature, weights)| (u64::from_le_bytes(*feature), row(weights)));
        Ok(Weights { bias: bias.first().map(row).unwrap_or_default(), of: of.collect(), hash: blake3::hash(bytes) })
    }

    /// Hash of the file.
    pub fn hash(&self) -> blake3::Hash {
        self.hash
    }

    /// The log-odds of what departs from the default of each axis.
    pub fn log_odds(&self, features: &[Feature]) -> AxisScores {
        let mut total = self.bias;
        for (feature, value) in features {
            if let Some(weights) = self.of.get(feature) {
                total.iter_mut().zip(weights).for_each(|(total, weight)| *total += weight * value);
            }
        }
        AxisScores::from(total)
    }
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Weights({} features)", self.of.len())
    }
}
