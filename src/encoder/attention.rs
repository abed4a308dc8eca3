//! Scaled dot-product attention (Vaswani et al. 2017) within one sequence.
//!
//! Sixteen queries stand side by side, so that scores, weights and their sums are made for all of them at once.

use super::math::exponentials;
use super::simd::{LANES, Lanes, Level, Products};

/// Memory that attention uses again.
#[derive(Debug, Default)]
pub(super) struct AttentionScratch {
    /// Queries that are computed together, side by side for each channel.
    queries: Vec<Lanes>,
    /// Their scores, then their weights, side by side for each token.
    weights: Vec<Lanes>,
}

/// Mixes the values of each token's sequence into `output`; `rows` hold query, key and value of each token.
#[inline(always)]
pub(super) fn attend(
    level: Level,
    rows: &[f32],
    output: &mut [f32],
    hidden: usize,
    n_heads: usize,
    scratch: &mut AttentionScratch,
) {
    let stride = hidden * 3;
    let n_tokens = rows.len() / stride;
    let width = hidden / n_heads;
    let scale = 1.0 / (width as f32).sqrt();
    scratch.queries.resize(width, [0.0; LANES]);
    scratch.weights.resize(n_tokens, [0.0; LANES]);
    let AttentionScratch { queries, weights } = scratch;
    let mut mixed = [[0.0; LANES]; LANES];
    for first in (0..hidden).step_by(width) {
        let keys = &rows[hidden + first..];
        let values = &rows[hidden * 2 + first..];
        for token in (0..n_tokens).step_by(LANES) {
            // Lanes beyond the last query keep what they held, and are not used.
            let n = LANES.min(n_tokens - token);
            for index in 0..n {
                let row = &rows[(token + index) * stride + first..][..width];
                for (queries, &value) in queries.iter_mut().zip(row) {
                    queries[index] = value * scale;
                }
            }
            let scores = Products {
                factors: keys,
                factor_stride: (stride, 1),
                rows: queries.as_flattened(),
                row_stride: LANES,
                n_terms: width,
            };
            scores.write(level, weights);
            let totals = exponentials(weights);
            let mut factors = [0.0; LANES];
            for (factor, total) in factors.iter_mut().zip(totals) {
                *factor = 1.0 / total;
            }
            let whole = width - width % LANES;
            for block in (0..whole).step_by(LANES) {
                let mixes = Products {
                    factors: weights.as_flattened(),
                    factor_stride: (1, LANES),
                    rows: &values[block..],
                    row_stride: stride,
                    n_terms: n_tokens,
                };
                mixes.write(level, &mut mixed[..n]);
                for (index, (mixed, factor)) in mixed.iter().zip(factors).take(n).enumerate() {
                    let output = &mut output[(token + index) * hidden + first + block..][..LANES];
                    for (output, &mixed) in output.iter_mut().zip(mixed) {
                        *output = mixed * factor;
                    }
                }
            }
            for channel in whole..width {
                for (index, &factor) in factors.iter().take(n).enumerate() {
                    let pairs = values.iter().skip(channel).step_by(stride).zip(weights.iter());
                    let mixed = pairs.fold(0.0, |sum: f32, (&value, weights)| weights[index].mul_add(value, sum));
                    output[(token + index) * hidden + first + channel] = mixed * factor;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        // Head widths below, at and above a block, with tokens that fill no block.
        for (n_tokens, n_heads, width) in [(1, 1, 3), (5, 2, 16), (18, 3, 20), (33, 1, 32)] {
            let hidden = n_heads * width;
            let rows: Vec<f32> =
                (0..n_tokens * hidden * 3).map(|place| ((place * 37 % 101) as f32 - 50.0) / 40.0).collect();
            let mut output = vec![0.0; n_tokens * hidden];
            attend(Level::detect(), &rows, &mut output, hidden, n_heads, &mut AttentionScratch::default());
            let part =
                |token: usize, which: usize, channel: usize| f64::from(rows[(token * 3 + which) * hidden + channel]);
            for token in 0..n_tokens {
                for head in 0..n_heads {
                    let channels = head * width..(head + 1) * width;
                    let score = |other: usize| {
                        let products =
                            channels.clone().map(|channel| part(token, 0, channel) * part(other, 1, channel));
                        (products.sum::<f64>() / (width as f64).sqrt()).exp()
                    };
                    let total: f64 = (0..n_tokens).map(score).sum();
                    for channel in channels.clone() {
                        let mixed: f64 = (0..n_tokens).map(|other| score(other) * part(other, 2, channel)).sum();
                        let difference = f64::from(output[token * hidden + channel]) - mixed / total;
                        assert!(difference.abs() < 1e-5, "{n_tokens} {n_heads} {width}: {difference}");
                    }
                }
            }
        }
    }
}
