//! Linear layers, in full precision or in integers.
//!
//! Integers: weights have one scale for each output channel, activations one for each token (symmetric, 127 steps). An
//! activation is stored as an unsigned byte (value + 128), which the sums correct by 128 times the channel's sum of weights.

use super::math::{biased_byte, gelu, max_abs, round};
use super::simd::{GROUP, Level, PANEL, TILE_ROWS, tile};

/// How the products of a network are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// 32-bit floating point: the plain version, by which the other is judged.
    Full,
    /// 8-bit integers.
    Int8,
}

/// What is done with a layer's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activation {
    None,
    Gelu,
}

/// A linear layer: `outputs = inputs * weights + bias`.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    n_inputs: usize,
    n_outputs: usize,
    bias: Vec<f32>,
    weights: Weights,
}

#[derive(Clone, Debug)]
enum Weights {
    /// Panels of output channels: `[panel][input][channel]`.
    Full(Vec<f32>),
    Int8 {
        /// Panels as [`tile`] wants them.
        panels: Vec<i8>,
        /// What turns a panel's sums into outputs.
        factors: Vec<Factors>,
        /// Inputs padded to whole groups.
        padded: usize,
    },
}

/// What turns a panel's sums into outputs; channels beyond the last are zero.
#[derive(Clone, Debug)]
struct Factors {
    scales: [f32; PANEL],
    /// 128 times the sum of each channel's weights.
    corrections: [i32; PANEL],
    bias: [f32; PANEL],
}

impl Factors {
    #[inline(always)]
    fn write(&self, sums: &[i32; PANEL], scale: f32, activation: Activation, outputs: &mut [f32; PANEL]) {
        for channel in 0..PANEL {
            let sum = (sums[channel] - self.corrections[channel]) as f32;
            outputs[channel] = sum.mul_add(scale * self.scales[channel], self.bias[channel]);
        }
        activate(outputs, activation);
    }
}

/// Memory that layers use again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Quantized {
    bytes: Vec<u8>,
    scales: Vec<f32>,
}

impl Linear {
    /// Packs weights that stand as one row of inputs for each output.
    pub fn new(weights: &[f32], bias: &[f32], n_inputs: usize, precision: Precision) -> Linear {
        let n_outputs = bias.len();
        let weights = match precision {
            Precision::Full => full_panels(weights, n_inputs, n_outputs),
            Precision::Int8 => int8_panels(weights, bias, n_inputs),
        };
        Linear { n_inputs, n_outputs, bias: bias.to_vec(), weights }
    }

    /// Length of an output row.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// Applies the layer to rows of inputs.
    #[inline(always)]
    pub fn apply(
        &self,
        level: Level,
        inputs: &[f32],
        outputs: &mut [f32],
        activation: Activation,
        scratch: &mut Quantized,
    ) {
        match &self.weights {
            Weights::Full(panels) => self.apply_full(panels, inputs, outputs, activation),
            Weights::Int8 { panels, factors, padded } => {
                scratch.quantize(inputs, self.n_inputs, *padded);
                let n_rows = inputs.len() / self.n_inputs;
                let mut sums = [[0; PANEL]; TILE_ROWS];
                for first in (0..n_rows).step_by(TILE_ROWS * 16) {
                    let last = n_rows.min(first + TILE_ROWS * 16);
                    for (index, panel) in panels.chunks_exact(padded * PANEL).enumerate() {
                        let factors = &factors[index];
                        for row in (first..last).step_by(TILE_ROWS) {
                            let rows = TILE_ROWS.min(last - row);
                            tile(level, &scratch.bytes[row * padded..], *padded, rows, panel, &mut sums);
                            for (sums, row) in sums.iter().take(rows).zip(row..) {
                                let scale = scratch.scales[row];
                                let start = row * self.n_outputs + index * PANEL;
                                let output = &mut outputs[start..(row + 1) * self.n_outputs];
                                if let Some(output) = output.first_chunk_mut::<PANEL>() {
                                    factors.write(sums, scale, activation, output);
                                } else {
                                    let mut values = [0.0; PANEL];
                                    factors.write(sums, scale, activation, &mut values);
                                    output.copy_from_slice(&values[..output.len()]);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn apply_full(&self, panels: &[f32], inputs: &[f32], outputs: &mut [f32], activation: Activation) {
        for (index, panel) in panels.chunks_exact(self.n_inputs * PANEL).enumerate() {
            let channels = index * PANEL..self.n_outputs.min((index + 1) * PANEL);
            let rows = inputs.chunks_exact(self.n_inputs).zip(outputs.chunks_exact_mut(self.n_outputs));
            for (input, output) in rows {
                let mut sums = [0.0f32; PANEL];
                for (&value, weights) in input.iter().zip(panel.chunks_exact(PANEL)) {
                    for (sum, &weight) in sums.iter_mut().zip(weights) {
                        *sum = value.mul_add(weight, *sum);
                    }
                }
                let output = &mut output[channels.clone()];
                for ((output, &sum), &bias) in output.iter_mut().zip(&sums).zip(&self.bias[channels.clone()]) {
                    *output = sum + bias;
                }
                activate(output, activation);
            }
        }
    }
}

impl Quantized {
    /// Turns rows of values into bytes with a scale for each row.
    #[inline(always)]
    fn quantize(&mut self, rows: &[f32], width: usize, padded: usize) {
        let n_rows = rows.len() / width;
        // Padding holds the byte of zero, whose weights are zero too.
        self.bytes.resize(n_rows * padded, 128);
        self.scales.resize(n_rows, 0.0);
        let places = self.bytes.chunks_exact_mut(padded).zip(self.scales.iter_mut());
        for (row, (bytes, scale)) in rows.chunks_exact(width).zip(places) {
            let largest = max_abs(row).max(1e-20);
            *scale = largest / 127.0;
            let factor = 127.0 / largest;
            for (byte, &value) in bytes.iter_mut().zip(row) {
                *byte = biased_byte(value, factor);
            }
            for byte in &mut bytes[width..] {
                *byte = 128;
            }
        }
    }
}

#[inline(always)]
fn activate(values: &mut [f32], activation: Activation) {
    if activation == Activation::Gelu {
        for value in values {
            *value = gelu(*value);
        }
    }
}

fn full_panels(weights: &[f32], n_inputs: usize, n_outputs: usize) -> Weights {
    let mut panels = vec![0.0; n_outputs.div_ceil(PANEL) * PANEL * n_inputs];
    for (output, row) in weights.chunks_exact(n_inputs).enumerate() {
        let (panel, channel) = (output / PANEL, output % PANEL);
        for (input, &weight) in row.iter().enumerate() {
            panels[(panel * n_inputs + input) * PANEL + channel] = weight;
        }
    }
    Weights::Full(panels)
}

fn int8_panels(weights: &[f32], bias: &[f32], n_inputs: usize) -> Weights {
    let padded = n_inputs.div_ceil(GROUP) * GROUP;
    let n_panels = bias.len().div_ceil(PANEL);
    let mut panels = vec![0i8; n_panels * PANEL * padded];
    let none = Factors { scales: [0.0; PANEL], corrections: [0; PANEL], bias: [0.0; PANEL] };
    let mut factors = vec![none; n_panels];
    for (output, (row, &bias)) in weights.chunks_exact(n_inputs).zip(bias).enumerate() {
        let (panel, channel) = (output / PANEL, output % PANEL);
        let scale = max_abs(row).max(1e-20) / 127.0;
        let factors = &mut factors[panel];
        factors.scales[channel] = scale;
        factors.bias[channel] = bias;
        for (input, &weight) in row.iter().enumerate() {
            let step = round(weight / scale) as i8;
            let place = panel * padded * PANEL + (input / GROUP) * GROUP * PANEL + channel * GROUP + input % GROUP;
            panels[place] = step;
            factors.corrections[channel] += 128 * i32::from(step);
        }
    }
    Weights::Int8 { panels, factors, padded }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values in -1..1 that look random.
    fn values(n: usize, mut state: u32) -> Vec<f32> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn both_precisions_agree_with_the_plain_product() {
        for (n_rows, n_inputs, n_outputs) in [(1, 4, 1), (3, 7, 33), (13, 64, 32), (25, 30, 70)] {
            let weights = values(n_inputs * n_outputs, 1);
            let bias = values(n_outputs, 2);
            let inputs = values(n_rows * n_inputs, 3);
            for (precision, tolerance) in [(Precision::Full, 1e-4), (Precision::Int8, 0.05 * (n_inputs as f32).sqrt())]
            {
                let linear = Linear::new(&weights, &bias, n_inputs, precision);
                let mut outputs = vec![0.0; n_rows * n_outputs];
                let mut scratch = Quantized::default();
                linear.apply(Level::detect(), &inputs, &mut outputs, Activation::None, &mut scratch);
                for row in 0..n_rows {
                    for output in 0..n_outputs {
                        let pairs = inputs[row * n_inputs..].iter().zip(&weights[output * n_inputs..]).take(n_inputs);
                        let exact = pairs.map(|(x, w)| x * w).sum::<f32>() + bias[output];
                        let found = outputs[row * n_outputs + output];
                        assert!((found - exact).abs() < tolerance, "{precision:?} {found} {exact}");
                    }
                }
            }
        }
    }

    #[test]
    fn levels_give_the_same_bits() {
        let linear = Linear::new(&values(48 * 40, 5), &values(40, 6), 48, Precision::Int8);
        let inputs = values(29 * 48, 7);
        let apply = |level| {
            let mut outputs = vec![0.0; 29 * 40];
            linear.apply(level, &inputs, &mut outputs, Activation::Gelu, &mut Quantized::default());
            outputs
        };
        for level in Level::available() {
            assert_eq!(apply(level), apply(Level::Portable), "{level:?}");
        }
    }
}
