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

/// The largest absolute value of a slice.
#[inline(always)]
pub(super) fn max_abs(values: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = lane.max(value.abs());
        }
    }
    let rest = chunks.remainder().iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    lanes.iter().fold(rest, |largest, &lane| largest.max(lane))
}

/// The nearest integer, halves to even, for values below 2^22; without a call into the system's library.
#[inline(always)]
pub(super) fn round(value: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (value + SHIFT) - SHIFT
}

/// e to the power of a value that is not positive; relative error below 2e-7 (Cephes' polynomial, Moshier 1992).
#[inline(always)]
fn exp(value: f32) -> f32 {
    let value = value.max(-87.0);
    let power = round(value * std::f32::consts::LOG2_E);
    let rest = value - power * 0.693_359_4;
    let rest = rest + power * 2.121_944_4e-4;
    let mut series = 1.987_569_1e-4;
    for term in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        series = series * rest + term;
    }
    let fraction = series * (rest * rest) + rest + 1.0;
    // 2^power by its bits; power lies in -126..=0.
    let scale = f32::from_bits(((power as i32 + 127) as u32) << 23);
    fraction * scale
}

/// Gaussian error linear unit, with the error function of Abramowitz and Stegun 7.1.26 (absolute error below 2e-7).
#[inline(always)]
pub(super) fn gelu(value: f32) -> f32 {
    let z = value.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let mut series = 1.061_405_4;
    for term in [-1.453_152_1, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
        series = series * t + term;
    }
    let complement = series * t * exp(-(z * z));
    let half = 0.5 * value * complement;
    if value < 0.0 { half } else { value - half }
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

/// Turns scores into weights that add up to the returned sum.
#[inline(always)]
pub(super) fn exponentials(scores: &mut [f32]) -> f32 {
    let largest = scores.iter().fold(f32::MIN, |largest, &score| largest.max(score));
    for score in scores.iter_mut() {
        *score = exp(*score - largest);
    }
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
        for (value, exact) in
            [(-3.0f32, -0.004_049_69f32), (-1.0, -0.158_655_25), (0.0, 0.0), (0.5, 0.345_731_2), (2.0, 1.954_499_7)]
        {
            assert!((gelu(value) - exact).abs() < 1e-6, "gelu({value}) = {}", gelu(value));
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
        let mut scores = [1.0, -2.0, 0.5];
        let total = exponentials(&mut scores);
        assert!((total - scores.iter().sum::<f32>()).abs() < 1e-6 && scores[0] == 1.0);
    }
}
