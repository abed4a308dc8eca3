//! Element-wise functions and reductions of the network.
//!
//! Every operation is written so that its result does not depend on how the compiler vectorises it: sums run in sixteen
//! fixed lanes that are added in a fixed order, and no multiplication is fused with an addition. The same source compiled
//! for other instruction sets therefore gives the same bits.

/// Lanes of a reduction.
const LANES: usize = 16;

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

/// The nearest integer of a value in -128..=127, plus 128; cheaper than a checked conversion.
#[inline(always)]
pub(super) fn biased_byte(value: f32) -> u8 {
    (value + INTEGER).to_bits().wrapping_add(128) as u8
}

/// e to the power of a value that is not positive; relative error below 2e-7 (Cephes' polynomial, Moshier 1992).
#[inline(always)]
fn exp(value: f32) -> f32 {
    let value = larger(value, -87.0);
    let shifted = value * std::f32::consts::LOG2_E + INTEGER;
    let power = shifted - INTEGER;
    let rest = value - power * 0.693_359_4;
    let rest = rest + power * 2.121_944_4e-4;
    let mut series = 1.987_569_1e-4;
    for term in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        series = series * rest + term;
    }
    let fraction = series * (rest * rest) + rest + 1.0;
    // 2^power by its bits; power lies in -126..=0, and in the lowest bits of `shifted`.
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    fraction * scale
}

/// Gaussian error linear unit, with a rational function for the error function (absolute error below 5e-7; the one that
/// Eigen and XLA use).
#[inline(always)]
pub(super) fn gelu(value: f32) -> f32 {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2];
    let z = smaller(larger(value * std::f32::consts::FRAC_1_SQRT_2, -4.0), 4.0);
    let square = z * z;
    let mut above = ABOVE[0];
    for &term in &ABOVE[1..] {
        above = above * square + term;
    }
    let mut below = BELOW[0];
    for &term in &BELOW[1..] {
        below = below * square + term;
    }
    0.5 * value * (1.0 + z * above / below)
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
            *value = *value * factor * scale + shift;
        }
    }
}

/// Turns scores into weights that add up to the returned sum; `n` of them count, the others become 0.
#[inline(always)]
pub(super) fn exponentials(scores: &mut [f32], n: usize) -> f32 {
    scores[n..].fill(f32::MIN);
    let mut lanes = [f32::MIN; LANES];
    let (chunks, rest) = scores.as_chunks_mut::<LANES>();
    for chunk in chunks.iter() {
        for (lane, &score) in lanes.iter_mut().zip(chunk) {
            *lane = larger(score, *lane);
        }
    }
    let largest = rest.iter().fold(max_of(lanes), |largest, &score| larger(score, largest));
    for chunk in chunks.iter_mut() {
        for score in chunk {
            *score = exp(*score - largest);
        }
    }
    for score in rest {
        *score = exp(*score - largest);
    }
    scores[n..].fill(0.0);
    sum(scores, |weight| weight)
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
            assert!((gelu(value) - exact).abs() < 2e-6, "gelu({value}) = {}", gelu(value));
        }
    }

    #[test]
    fn bytes_are_rounded() {
        for value in [-127.0f32, -126.5, -0.5, 0.0, 0.49, 1.5, 126.7, 127.0] {
            assert_eq!(i32::from(biased_byte(value)) - 128, value.round_ties_even() as i32, "{value}");
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
        let mut scores = [1.0, -2.0, 0.5, 9.0];
        let total = exponentials(&mut scores, 3);
        assert!((total - scores.iter().sum::<f32>()).abs() < 1e-6 && scores[0] == 1.0 && scores[3] == 0.0);
    }
}
