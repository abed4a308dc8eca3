//! Linear layers, in full precision or in integers.
//!
//! Integers: weights have one scale for each output channel, activations one for each token (symmetric, 127 steps). An
//! activation is stored as an unsigned byte (value + 128), which the sums correct by 128 times the channel's sum of weights.

use super::math::{biased_byte, gelu, max_abs, round};
use super::simd::{GROUP, Level, PANEL, Panel, TILE_ROWS, Tile, tile};

/// Inputs of a panel that are applied to all rows before the next ones: as many as stay in the processor's first cache. A
/// multiple of [`GROUP`].
const BLOCK: usize = 384;

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
    /// Writes the outputs of the panel's channels, where the row has fewer only those.
    #[inline(always)]
    fn write(&self, sums: &[i32; PANEL], scale: f32, activation: Activation, outputs: &mut [f32]) {
        if let Some(outputs) = outputs.first_chunk_mut::<PANEL>() {
            self.write_all(sums, scale, activation, outputs);
        } else {
            let mut values = [0.0; PANEL];
            self.write_all(sums, scale, activation, &mut values);
            outputs.copy_from_slice(&values[..outputs.len()]);
        }
    }

    #[inline(always)]
    fn write_all(&self, sums: &[i32; PANEL], scale: f32, activation: Activation, outputs: &mut [f32; PANEL]) {
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
    sums: Vec<Tile>,
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
                let Quantized { bytes, scales, sums } = scratch;
                sums.resize(n_rows.div_ceil(TILE_ROWS), [[0; PANEL]; TILE_ROWS]);
                let n_blocks = padded.div_ceil(BLOCK);
                for (index, panel) in panels.chunks_exact(padded * PANEL).enumerate() {
                    for (block, weights) in panel.chunks(BLOCK * PANEL).enumerate() {
                        let width = weights.len() / PANEL;
                        let panel = Panel { weights, is_first: block == 0 };
                        for (first, sums) in (0..n_rows).step_by(TILE_ROWS).zip(sums.iter_mut()) {
                            let rows = TILE_ROWS.min(n_rows - first);
                            let activations = &bytes[block * BLOCK * n_rows + first * width..];
                            tile(level, activations, width, rows, panel, sums);
                            if block + 1 < n_blocks {
                                continue;
                            }
                            for (sums, row) in sums.iter().take(rows).zip(first..) {
                                let start = row * self.n_outputs + index * PANEL;
                                let output = &mut outputs[start..(row + 1) * self.n_outputs];
                                factors[index].write(sums, scales[row], activation, output);
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
    /// Turns rows of values into bytes with a scale for each row. The first [`BLOCK`] bytes of all rows stand together, then the
    /// next ones: what a panel's block needs is read in order.
    #[inline(always)]
    fn quantize(&mut self, rows: &[f32], width: usize, padded: usize) {
        let n_rows = rows.len() / width;
        // Padding holds the byte of zero, whose weights are zero too.
        if padded > width {
            self.bytes.clear();
        }
        self.bytes.resize(n_rows * padded, 128);
        self.scales.resize(n_rows, 0.0);
        for (index, (row, scale)) in rows.chunks_exact(width).zip(&mut self.scales).enumerate() {
            let largest = max_abs(row).max(1e-20);
            *scale = largest / 127.0;
            let factor = 127.0 / largest;
            for (block, values) in row.chunks(BLOCK).enumerate() {
                let start = block * BLOCK * n_rows + index * BLOCK.min(padded - block * BLOCK);
                for (byte, &value) in self.bytes[start..start + values.len()].iter_mut().zip(values) {
                    *byte = biased_byte(value, factor);
                }
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
        for (n_rows, n_inputs, n_outputs) in [(1, 4, 1), (3, 7, 33), (13, 64, 48), (25, 30, 70), (75, 901, 50)] {
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
