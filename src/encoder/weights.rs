//! Weights in safetensors, by the names that each family of encoders gives them.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::config::{EncoderConfig, Family};

/// The tensors of a file.
pub(super) struct Tensors<'a> {
    file: SafeTensors<'a>,
}

/// A weight matrix, one row of inputs for each output, and its bias.
pub(super) struct Dense {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Rows of numbers, as a file holds them.
pub(super) enum Rows {
    Full(Vec<f32>),
    /// Bytes with a scale for each row.
    Bytes {
        values: Vec<i8>,
        scales: Vec<f32>,
    },
}

impl Rows {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Rows::Full(values) => values.len(),
            Rows::Bytes { values, .. } => values.len(),
        }
    }
}

impl<'a> Tensors<'a> {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// The file is no safetensors file.
    pub fn read(bytes: &'a [u8]) -> Result<Tensors<'a>, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| format!("model.safetensors: {error}"))?;
        Ok(Tensors { file })
    }

    /// A tensor of a known shape as 32-bit floats. Matrices of bytes come with a scale for each row in `NAME_scale`.
    ///
    /// # Errors
    /// It is missing, or of another shape or type.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor = self.tensor(name, shape)?;
        if tensor.dtype() == Dtype::I8 {
            let (values, scales) = self.bytes(name, &tensor)?;
            let width = values.len() / scales.len().max(1);
            let rows = values.chunks_exact(width.max(1)).zip(scales);
            return Ok(rows.flat_map(|(row, scale)| row.iter().map(move |&byte| f32::from(byte) * scale)).collect());
        }
        floats(&tensor)
            .ok_or_else(|| format!("model.safetensors: {name}: numbers of type {:?} are not read", tensor.dtype()))
    }

    /// A table of rows.
    ///
    /// # Errors
    /// It is missing, or of another shape or type.
    pub fn rows(&self, name: &str, n_rows: usize, width: usize) -> Result<Rows, String> {
        let shape = [n_rows, width];
        let tensor = self.tensor(name, &shape)?;
        if tensor.dtype() == Dtype::I8 {
            let (values, scales) = self.bytes(name, &tensor)?;
            return Ok(Rows::Bytes { values, scales });
        }
        Ok(Rows::Full(self.get(name, &shape)?))
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<TensorView<'_>, String> {
        let tensor = self.file.tensor(name).map_err(|_| format!("model.safetensors: no tensor {name:?}"))?;
        if tensor.shape() != shape {
            let found = tensor.shape();
            return Err(format!("model.safetensors: {name}: expected the shape {shape:?}, found {found:?}"));
        }
        Ok(tensor)
    }

    fn bytes(&self, name: &str, tensor: &TensorView<'_>) -> Result<(Vec<i8>, Vec<f32>), String> {
        let n_rows = tensor.shape().first().copied().unwrap_or(0);
        let scales = self.get(&format!("{name}_scale"), &[n_rows])?;
        Ok((tensor.data().iter().map(|&byte| byte as i8).collect(), scales))
    }

    /// A linear layer.
    pub fn dense(&self, name: &str, n_inputs: usize, n_outputs: usize) -> Result<Dense, String> {
        Ok(Dense {
            weight: self.get(&format!("{name}.weight"), &[n_outputs, n_inputs])?,
            bias: self.get(&format!("{name}.bias"), &[n_outputs])?,
        })
    }
}

fn floats(tensor: &TensorView<'_>) -> Option<Vec<f32>> {
    let data = tensor.data();
    Some(match tensor.dtype() {
        Dtype::F32 => data.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        Dtype::BF16 => {
            let bits = data.as_chunks::<2>().0.iter().map(|&bytes| u32::from(u16::from_le_bytes(bytes)) << 16);
            bits.map(f32::from_bits).collect()
        }
        Dtype::F16 => data.as_chunks::<2>().0.iter().map(|&bytes| half(u16::from_le_bytes(bytes))).collect(),
        _ => return None,
    })
}

/// A number of IEEE 754 half precision.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1F);
    let fraction = f32::from(bits & 0x3FF);
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

/// Where the parts of a network stand in a file.
pub(super) struct Names {
    pub embeddings: &'static str,
    pub layers: &'static str,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub attention_output: &'static str,
    pub attention_norm: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub output_norm: &'static str,
}

impl Names {
    /// The names of BERT, which its relatives took over.
    const BERT: Names = Names {
        embeddings: "bert.embeddings",
        layers: "bert.encoder.layer",
        query: "attention.self.query",
        key: "attention.self.key",
        value: "attention.self.value",
        attention_output: "attention.output.dense",
        attention_norm: "attention.output.LayerNorm",
        up: "intermediate.dense",
        down: "output.dense",
        output_norm: "output.LayerNorm",
    };

    pub fn of(config: &EncoderConfig) -> Names {
        match config.family {
            Family::Bert => Names { embeddings: "bert.embeddings", layers: "bert.encoder.layer", ..Names::BERT },
            Family::Roberta => {
                Names { embeddings: "roberta.embeddings", layers: "roberta.encoder.layer", ..Names::BERT }
            }
            Family::Electra => {
                Names { embeddings: "electra.embeddings", layers: "electra.encoder.layer", ..Names::BERT }
            }
            Family::DistilBert => Names {
                embeddings: "distilbert.embeddings",
                layers: "distilbert.transformer.layer",
                query: "attention.q_lin",
                key: "attention.k_lin",
                value: "attention.v_lin",
                attention_output: "attention.out_lin",
                attention_norm: "sa_layer_norm",
                up: "ffn.lin1",
                down: "ffn.lin2",
                output_norm: "output_layer_norm",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        for (bits, value) in [(0x3C00, 1.0), (0xC000, -2.0), (0x0001, 5.960_464_5e-8), (0x7BFF, 65504.0), (0x8000, 0.0)]
        {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7C00).is_infinite() && half(0x7E00).is_nan());
    }
}
