//! Element-wise functions and reductions of the network.
//!
//! Every operation is written so that its result does not depend on how the compiler vectorises it: sums run in sixteen
//! fixed lanes that are added in a fixed order, and a product is fused with an addition where `mul_add` says so and nowhere
//! else. The same source compiled for other instruction sets therefore gives the same bits.

use super::simd::{LANES, Lanes};

/// The sum of a slice, in a fixed order.
#[inline(always)]
fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += term(value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += term(value);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for index in 0..width {
            lanes[index] += lanes[index + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// The larger of two numbers, in one instruction: unlike `f32::max` it says nothing of what is not a number.
#[inline(always)]
fn larger(left: f32, right: f32) -> f32 {
    if left > right { left } else { right }
}

/// The smaller of two numbers, in one instruction.
#[inline(always)]
fn smaller(left: f32, right: f32) -> f32 {
    if left < right { left } else { right }
}

/// The largest absolute value of a slice.
#[inline(always)]
pub(super) fn max_abs(values: &[f32]) -> f32 {
    // The order does not change a maximum: several chains of lanes keep the processor busy.
    const WIDE: usize = LANES * 4;
    let mut lanes = [0.0f32; WIDE];
    let (chunks, rest) = values.as_chunks::<WIDE>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(value.abs(), *lane);
        }
    }
    let rest = rest.iter().fold(0.0f32, |largest, value| larger(value.abs(), largest));
    larger(max_of(lanes), rest)
}

/// The largest of lanes, whose number is a power of two.
#[inline(always)]
fn max_of<const N: usize>(mut lanes: [f32; N]) -> f32 {
    let mut width = N / 2;
    while width > 0 {
        for index in 0..width {
            lanes[index] = larger(lanes[index], lanes[index + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// 1.5 * 2^23: a value below 2^22 that is added to it loses its fraction, and stands as an integer in the lowest bits.
const INTEGER: f32 = 12_582_912.0;

/// The nearest integer, halves to even, for values below 2^22; without a call into the system's library.
#[inline(always)]
pub(super) fn round(value: f32) -> f32 {
    (value + INTEGER) - INTEGER
}

/// The nearest integer of a product in -128..=127, plus 128; cheaper than a checked conversion.
#[inline(always)]
pub(super) fn biased_byte(value: f32, factor: f32) -> u8 {
    value.mul_add(factor, INTEGER).to_bits().wrapping_add(128) as u8
}

/// e to the power of a value that is not positive; relative error below 2e-7 (Cephes' polynomial, Moshier 1992).
#[inline(always)]
fn exp(value: f32) -> f32 {
    let value = larger(value, -87.0);
    let shifted = value.mul_add(std::f32::consts::LOG2_E, INTEGER);
    let power = shifted - INTEGER;
    let rest = power.mul_add(-0.693_359_4, value);
    let rest = power.mul_add(2.121_944_4e-4, rest);
    let mut series = 1.987_569_1e-4f32;
    for term in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        series = series.mul_add(rest, term);
    }
    let fraction = series.mul_add(rest * rest, rest) + 1.0;
    // 2^power by its bits; power lies in -126..=0, and in the lowest bits of `shifted`.
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    fraction * scale
}

/// Gaussian error linear unit (Hendrycks and Gimpel 2016): the value times the normal distribution's share below it, which is a
/// half and an odd polynomial, fitted for the least error of the unit on -4.25..=4.25. Absolute error below 5e-5 there, relative
/// error below 1.1e-5 above it.
#[inline(always)]
pub(super) fn gelu(value: f32) -> f32 {
    /// Of the powers 21, 19, ... 1 of the value.
    const TERMS: [f32; 11] = [
        9.138_476_5e-14,
        -1.108_34e-11,
        6.128_03e-10,
        -2.064_255_4e-8,
        4.792_856_3e-7,
        -8.246_782e-6,
        1.102_038e-4,
        -1.172_614_6e-3,
        9.949_139e-3,
        -6.646_997_5e-2,
        3.989_363_3e-1,
    ];
    let near = smaller(larger(value, -4.25), 4.25);
    let square = near * near;
    let mut series = TERMS[0];
    for &term in &TERMS[1..] {
        series = series.mul_add(square, term);
    }
    value * near.mul_add(series, 0.5)
}

/// Adds `residual` to each row of `rows`, then normalises the row (layer normalisation, Ba et al. 2016).
#[inline(always)]
pub(super) fn add_and_norm(rows: &mut [f32], residual: Option<&[f32]>, scale: &[f32], shift: &[f32], epsilon: f32) {
    let width = scale.len();
    for (index, row) in rows.chunks_exact_mut(width).enumerate() {
        if let Some(residual) = residual {
            let other = &residual[index * width..(index + 1) * width];
            for (value, &more) in row.iter_mut().zip(other) {
                *value += more;
            }
        }
        let mean = sum(row, |value| value) / width as f32;
        for value in row.iter_mut() {
            *value -= mean;
        }
        let variance = sum(row, |value| value * value) / width as f32;
        let factor = 1.0 / (variance + epsilon).sqrt();
        for ((value, &scale), &shift) in row.iter_mut().zip(scale).zip(shift) {
            *value = (*value * factor).mul_add(scale, shift);
        }
    }
}

/// Turns scores, a row of lanes for each token, into weights, and gives the sum of each lane.
#[inline(always)]
pub(super) fn exponentials(scores: &mut [Lanes]) -> Lanes {
    let mut largest = [f32::MIN; LANES];
    for row in scores.iter() {
        for (largest, &score) in largest.iter_mut().zip(row) {
            *largest = larger(score, *largest);
        }
    }
    let mut totals = [0.0; LANES];
    for row in scores {
        for ((score, total), largest) in row.iter_mut().zip(&mut totals).zip(largest) {
            *score = exp(*score - largest);
            *total += *score;
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_and_gelu_are_close_to_the_exact_functions() {
        for step in 0..2000 {
            let value = -f64::from(step) * 0.04;
            let relative = (f64::from(exp(value as f32)) / value.exp() - 1.0).abs();
            assert!(relative < 5e-6 || value < -60.0, "exp({value}): {relative}");
        }
        for (value, exact) in [
            (-9.0f32, 0.0f32),
            (-3.0, -0.004_049_69),
            (-1.0, -0.158_655_25),
            (0.0, 0.0),
            (0.5, 0.345_731_2),
            (2.0, 1.954_499_7),
        ] {
            assert!((gelu(value) - exact).abs() < 1e-4, "gelu({value}) = {}", gelu(value));
        }
    }

    #[test]
    fn bytes_are_rounded() {
        for value in [-127.0f32, -126.5, -0.5, 0.0, 0.49, 1.5, 126.7, 127.0] {
            assert_eq!(i32::from(biased_byte(value, 1.0)) - 128, value.round_ties_even() as i32, "{value}");
        }
    }

    #[test]
    fn norm_gives_mean_zero_and_variance_one() {
        let mut row: Vec<f32> = (0..37).map(|index| index as f32).collect();
        add_and_norm(&mut row, None, &[1.0; 37], &[0.0; 37], 1e-12);
        let mean: f32 = row.iter().sum::<f32>() / 37.0;
        let variance: f32 = row.iter().map(|value| value * value).sum::<f32>() / 37.0;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
    }

    #[test]
    fn weights_add_up() {
        let mut scores = [1.0f32, -2.0, 0.5].map(|score| std::array::from_fn(|lane| score * lane as f32));
        let totals = exponentials(&mut scores);
        for (lane, total) in totals.into_iter().enumerate() {
            assert!((total - scores.iter().map(|row| row[lane]).sum::<f32>()).abs() < 1e-6);
            assert_eq!(scores[0][lane], 1.0);
        }
    }
}
