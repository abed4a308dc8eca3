//! Scaled dot-product attention (Vaswani et al. 2017) within one sequence.

use super::math::exponentials;
use super::simd::{LANES, Level, QUERIES, products};

/// Memory that attention uses again.
#[derive(Debug, Default)]
pub(super) struct AttentionScratch {
    /// Keys of a head: a row of tokens for each channel.
    keys: Vec<f32>,
    /// Queries that are computed together, side by side for each channel.
    queries: Vec<[f32; QUERIES]>,
    /// A row of scores for each of these queries.
    scores: Vec<f32>,
    /// The same scores as weights, side by side for each token.
    weights: Vec<[f32; QUERIES]>,
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
    let n_tokens = rows.len() / (hidden * 3);
    let padded = n_tokens.next_multiple_of(LANES);
    let width = hidden / n_heads;
    let scale = 1.0 / (width as f32).sqrt();
    scratch.keys.resize(width * padded, 0.0);
    scratch.queries.resize(width, [0.0; QUERIES]);
    scratch.scores.resize(QUERIES * padded, 0.0);
    scratch.weights.resize(n_tokens, [0.0; QUERIES]);
    let AttentionScratch { keys, queries, scores, weights } = scratch;
    let mut sums = [[0.0; LANES]; QUERIES];
    for head in 0..n_heads {
        let first = head * width;
        for (token, row) in rows.chunks_exact(hidden * 3).enumerate() {
            let key = &row[hidden + first..hidden + first + width];
            for (&value, keys) in key.iter().zip(keys.chunks_exact_mut(padded)) {
                keys[token] = value * scale;
            }
        }
        for token in (0..n_tokens).step_by(QUERIES) {
            // The last group repeats its last query, whose outputs are not used.
            let n = QUERIES.min(n_tokens - token);
            for index in 0..QUERIES {
                let row = &rows[(token + index.min(n - 1)) * hidden * 3 + first..][..width];
                for (queries, &value) in queries.iter_mut().zip(row) {
                    queries[index] = value;
                }
            }
            for block in (0..padded).step_by(LANES) {
                products(level, queries, &keys[block..], padded, &mut sums);
                for (sums, scores) in sums.iter().zip(scores.chunks_exact_mut(padded)) {
                    scores[block..block + LANES].copy_from_slice(sums);
                }
            }
            let mut factors = [0.0; QUERIES];
            for (index, scores) in scores.chunks_exact_mut(padded).enumerate() {
                factors[index] = 1.0 / exponentials(scores, n_tokens);
                for (weights, &score) in weights.iter_mut().zip(scores.iter()) {
                    weights[index] = score;
                }
            }
            let values = rows.chunks_exact(hidden * 3).map(|row| &row[hidden * 2 + first..][..width]);
            let whole = width - width % LANES;
            for block in (0..whole).step_by(LANES) {
                products(level, weights, &rows[hidden * 2 + first + block..], hidden * 3, &mut sums);
                for (index, (sums, &factor)) in sums.iter().zip(&factors).take(n).enumerate() {
                    let output = &mut output[(token + index) * hidden + first + block..][..LANES];
                    for (output, &sum) in output.iter_mut().zip(sums) {
                        *output = sum * factor;
                    }
                }
            }
            for channel in whole..width {
                for (index, &factor) in factors.iter().take(n).enumerate() {
                    let products = values.clone().zip(weights.iter()).map(|(values, w)| w[index] * values[channel]);
                    output[(token + index) * hidden + first + channel] = products.sum::<f32>() * factor;
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
