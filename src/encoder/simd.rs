//! The only `unsafe` code: the integer product with instructions of the processor, and calls into functions compiled for
//! them.
//!
//! Integers are exact, so every version gives the same bits as [`portable_tile`], which is the oracle of the tests.

#![allow(unsafe_code, reason = "instructions of the processor; see the module's first lines")]

/// Output channels that a tile computes together.
pub(super) const PANEL: usize = 32;
/// Most rows of a tile.
pub(super) const TILE_ROWS: usize = 12;
/// Inputs that one instruction multiplies and adds; a panel holds them next to each other.
pub(super) const GROUP: usize = 4;

/// A tile of sums.
pub(super) type Tile = [[i32; PANEL]; TILE_ROWS];

/// What the processor can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing is assumed.
    Portable,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 and its integer dot products (VNNI).
    Avx512,
}

impl Level {
    /// The best level of this processor.
    pub fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vnni");
            if avx512 {
                return Level::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return Level::Avx2;
            }
        }
        Level::Portable
    }

    /// Runs a function compiled for this level.
    pub fn run<W: Work>(self, work: W) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `detect` gives these levels only where the processor has the features.
            Level::Avx512 => unsafe { run_avx512(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx2 => unsafe { run_avx2(work) },
            _ => work.run(),
        }
    }
}

/// Work that is compiled once for each level: `run` and all it calls must be `#[inline(always)]`.
pub(super) trait Work {
    fn run(self);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2")]
fn run_avx512<W: Work>(work: W) {
    work.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<W: Work>(work: W) {
    work.run();
}

/// Adds up `rows` rows of unsigned activations (each `stride` long) times one panel of signed weights.
///
/// The panel holds, for each group of four inputs, the four weights of each of its channels: `panel[g * 128 + c * 4 + i]`.
#[inline(always)]
pub(super) fn tile(level: Level, activations: &[u8], stride: usize, rows: usize, panel: &[i8], sums: &mut Tile) {
    let n_groups = panel.len() / (GROUP * PANEL);
    let fits = (1..=TILE_ROWS).contains(&rows)
        && stride >= n_groups * GROUP
        && activations.len() >= (rows - 1) * stride + n_groups * GROUP;
    assert!(fits, "a tile of {rows} rows of {stride} does not fit {} activations", activations.len());
    #[cfg(target_arch = "x86_64")]
    if level == Level::Avx512 {
        // SAFETY: the level says that the processor has VNNI; the assertion above bounds every read.
        unsafe { vnni_tile(activations, stride, rows, panel, sums) };
        return;
    }
    let _ = level;
    portable_tile(activations, stride, rows, panel, sums);
}

/// [`tile`] in plain Rust.
#[inline(always)]
pub(super) fn portable_tile(activations: &[u8], stride: usize, rows: usize, panel: &[i8], sums: &mut Tile) {
    for (row, sums) in sums.iter_mut().enumerate().take(rows) {
        *sums = [0; PANEL];
        let activations = &activations[row * stride..];
        for (inputs, weights) in activations.chunks_exact(GROUP).zip(panel.chunks_exact(GROUP * PANEL)) {
            for (sum, weights) in sums.iter_mut().zip(weights.chunks_exact(GROUP)) {
                for (&input, &weight) in inputs.iter().zip(weights) {
                    *sum += i32::from(input) * i32::from(weight);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2")]
fn vnni_tile(activations: &[u8], stride: usize, rows: usize, panel: &[i8], sums: &mut Tile) {
    macro_rules! of_rows {
        ($($n:literal),*) => {
            match rows {
                // SAFETY: `tile` checked that `rows` rows lie within the activations.
                $($n => unsafe { vnni_rows::<$n>(activations, stride, panel, sums) },)*
                _ => {}
            }
        };
    }
    of_rows!(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
}

/// [`vnni_tile`] for a fixed number of rows, so that all sums stay in registers.
///
/// # Safety
/// `activations` holds `(ROWS - 1) * stride` bytes and one byte for each input of the panel beyond.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2")]
#[inline]
unsafe fn vnni_rows<const ROWS: usize>(activations: &[u8], stride: usize, panel: &[i8], sums: &mut Tile) {
    use std::arch::x86_64::_mm512_storeu_si512;
    use std::arch::x86_64::{_mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512};
    let mut left = [_mm512_setzero_si512(); ROWS];
    let mut right = [_mm512_setzero_si512(); ROWS];
    for (group, weights) in panel.chunks_exact(GROUP * PANEL).enumerate() {
        // SAFETY: a chunk has 128 bytes: two registers.
        let (first, second) = unsafe {
            (_mm512_loadu_si512(weights.as_ptr().cast()), _mm512_loadu_si512(weights.as_ptr().add(64).cast()))
        };
        for row in 0..ROWS {
            // SAFETY: the function's own condition.
            let inputs =
                unsafe { activations.as_ptr().add(row * stride + group * GROUP).cast::<i32>().read_unaligned() };
            let inputs = _mm512_set1_epi32(inputs);
            left[row] = _mm512_dpbusd_epi32(left[row], inputs, first);
            right[row] = _mm512_dpbusd_epi32(right[row], inputs, second);
        }
    }
    for row in 0..ROWS {
        // SAFETY: a row of the tile has 32 sums: two registers.
        unsafe {
            _mm512_storeu_si512(sums[row].as_mut_ptr().cast(), left[row]);
            _mm512_storeu_si512(sums[row].as_mut_ptr().add(16).cast(), right[row]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_level_agrees_with_plain_rust(
            rows in 1..=TILE_ROWS,
            n_groups in 1usize..40,
            extra in 0usize..9,
            seed in any::<u32>(),
        ) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            let stride = n_groups * GROUP + extra;
            let activations: Vec<u8> = (0..rows * stride).map(|_| next()).collect();
            let panel: Vec<i8> = (0..n_groups * GROUP * PANEL).map(|_| next() as i8).collect();
            let (mut plain, mut fast) = ([[0; PANEL]; TILE_ROWS], [[0; PANEL]; TILE_ROWS]);
            portable_tile(&activations, stride, rows, &panel, &mut plain);
            tile(Level::detect(), &activations, stride, rows, &panel, &mut fast);
            prop_assert_eq!(&plain[..rows], &fast[..rows]);
        }
    }
}
