//! The only `unsafe` code: products with instructions of the processor, and calls into functions compiled for them.
//!
//! Every version gives the same bits as the portable one, which is the oracle of the tests: integers are exact; sums of floats
//! run in the same order, and where a product is added it is rounded once, by `mul_add` or the instruction for it.

#![allow(unsafe_code, reason = "instructions of the processor; see the module's first lines")]

mod products;

pub(super) use products::{LANES, Lanes, Products};

/// Output channels that a tile computes together: three registers for each row, so that the sums of a tile stay in registers
/// and few loads feed them.
pub(super) const PANEL: usize = 48;
/// Most rows of a tile.
pub(super) const TILE_ROWS: usize = 8;
/// Inputs that one instruction multiplies and adds; a panel holds them next to each other.
pub(super) const GROUP: usize = 4;

/// A tile of sums.
pub(super) type Tile = [[i32; PANEL]; TILE_ROWS];

/// What the processor can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing is assumed.
    Portable,
    /// x86-64 with AVX2 and fused multiplication and addition.
    Avx2,
    /// x86-64 with AVX-512 and its integer dot products (VNNI).
    Avx512,
}

impl Level {
    /// The best level of this processor.
    pub fn detect() -> Level {
        Level::available().last().unwrap_or(Level::Portable)
    }

    /// The levels of this processor, the best one last.
    pub fn available() -> impl Iterator<Item = Level> {
        let found = [(Level::Portable, true), (Level::Avx2, has_avx2()), (Level::Avx512, has_avx512())];
        found.into_iter().filter_map(|(level, is_there)| is_there.then_some(level))
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

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vnni")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

/// Work that is compiled once for each level: `run` and all it calls must be `#[inline(always)]`.
pub(super) trait Work {
    fn run(self);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
fn run_avx512<W: Work>(work: W) {
    work.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<W: Work>(work: W) {
    work.run();
}

/// A panel of signed weights, or some of its inputs.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    /// For each group of four inputs, the four weights of each channel: `weights[(g * PANEL + c) * 4 + i]`.
    pub weights: &'a [i8],
    /// Whether sums begin with it; other parts add to what is there.
    pub is_first: bool,
}

/// Adds up `rows` rows of unsigned activations (each `stride` long) times a panel.
#[inline(always)]
pub(super) fn tile(level: Level, activations: &[u8], stride: usize, rows: usize, panel: Panel<'_>, sums: &mut Tile) {
    let n_groups = panel.weights.len() / (GROUP * PANEL);
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
    #[cfg(target_arch = "x86_64")]
    if level == Level::Avx2 {
        // SAFETY: the level says that the processor has AVX2; the assertion above bounds every read.
        unsafe { avx2_tile(activations, stride, rows, panel, sums) };
        return;
    }
    let _ = level;
    portable_tile(activations, stride, rows, panel, sums);
}

/// [`tile`] in plain Rust.
#[inline(always)]
pub(super) fn portable_tile(activations: &[u8], stride: usize, rows: usize, panel: Panel<'_>, sums: &mut Tile) {
    for (row, sums) in sums.iter_mut().enumerate().take(rows) {
        if panel.is_first {
            *sums = [0; PANEL];
        }
        let activations = &activations[row * stride..];
        for (inputs, weights) in activations.chunks_exact(GROUP).zip(panel.weights.chunks_exact(GROUP * PANEL)) {
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
fn vnni_tile(activations: &[u8], stride: usize, rows: usize, panel: Panel<'_>, sums: &mut Tile) {
    macro_rules! of_rows {
        ($($n:literal),*) => {
            match rows {
                // SAFETY: `tile` checked that `rows` rows lie within the activations.
                $($n => unsafe { vnni_rows::<$n>(activations, stride, panel, sums) },)*
                _ => {}
            }
        };
    }
    of_rows!(1, 2, 3, 4, 5, 6, 7, 8);
}

/// [`vnni_tile`] for a fixed number of rows, so that all sums stay in registers.
///
/// # Safety
/// `activations` holds `(ROWS - 1) * stride` bytes and one byte for each input of the panel beyond.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2")]
#[inline]
unsafe fn vnni_rows<const ROWS: usize>(activations: &[u8], stride: usize, panel: Panel<'_>, sums: &mut Tile) {
    use std::arch::x86_64::{
        _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
    };
    /// Registers of a row.
    const PARTS: usize = PANEL / 16;
    let mut totals = [[_mm512_setzero_si512(); PARTS]; ROWS];
    if !panel.is_first {
        for (totals, sums) in totals.iter_mut().zip(sums.iter()) {
            for (part, total) in totals.iter_mut().enumerate() {
                // SAFETY: a row of the tile has sixteen sums for each of its registers.
                *total = unsafe { _mm512_loadu_si512(sums.as_ptr().add(part * 16).cast()) };
            }
        }
    }
    for (group, weights) in panel.weights.chunks_exact(GROUP * PANEL).enumerate() {
        // SAFETY: a chunk has 64 bytes for each register.
        let weights: [_; PARTS] =
            std::array::from_fn(|part| unsafe { _mm512_loadu_si512(weights.as_ptr().add(part * 64).cast()) });
        for (row, totals) in totals.iter_mut().enumerate() {
            // SAFETY: the function's own condition.
            let inputs =
                unsafe { activations.as_ptr().add(row * stride + group * GROUP).cast::<i32>().read_unaligned() };
            let inputs = _mm512_set1_epi32(inputs);
            for (total, weights) in totals.iter_mut().zip(weights) {
                *total = _mm512_dpbusd_epi32(*total, inputs, weights);
            }
        }
    }
    for (sums, totals) in sums.iter_mut().zip(totals) {
        for (part, total) in totals.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(sums.as_mut_ptr().add(part * 16).cast(), total) };
        }
    }
}

/// [`tile`] with AVX2: bytes are widened to 16 bits, whose products and sums of two are exact.
///
/// # Safety
/// `activations` holds `(rows - 1) * stride` bytes and one byte for each input of the panel beyond.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2_tile(activations: &[u8], stride: usize, rows: usize, panel: Panel<'_>, sums: &mut Tile) {
    use std::arch::x86_64::{
        _mm_cvtepu8_epi16, _mm_cvtsi32_si128, _mm_loadu_si128, _mm256_add_epi32, _mm256_broadcastq_epi64,
        _mm256_cvtepi8_epi16, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_permute4x64_epi64,
        _mm256_setzero_si256, _mm256_storeu_si256,
    };
    /// Registers of one row: four channels each, with two sums a channel.
    const QUARTERS: usize = PANEL / 4;
    for (row, sums) in sums.iter_mut().enumerate().take(rows) {
        let mut totals = [_mm256_setzero_si256(); QUARTERS];
        for (group, weights) in panel.weights.chunks_exact(GROUP * PANEL).enumerate() {
            // SAFETY: the function's own condition.
            let inputs =
                unsafe { activations.as_ptr().add(row * stride + group * GROUP).cast::<i32>().read_unaligned() };
            let inputs = _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(inputs)));
            for (quarter, total) in totals.iter_mut().enumerate() {
                // SAFETY: a chunk has sixteen bytes for each register.
                let weights = unsafe { _mm_loadu_si128(weights.as_ptr().add(quarter * 16).cast()) };
                *total = _mm256_add_epi32(*total, _mm256_madd_epi16(inputs, _mm256_cvtepi8_epi16(weights)));
            }
        }
        for (eighth, pair) in totals.chunks_exact(2).enumerate() {
            // Pairs are added within halves of a register; the permutation puts the channels in order.
            let added = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(pair[0], pair[1]));
            // SAFETY: a row of the tile has eight sums for each pair.
            unsafe {
                let place = sums.as_mut_ptr().add(eighth * 8).cast();
                let before = if panel.is_first { _mm256_setzero_si256() } else { _mm256_loadu_si256(place) };
                _mm256_storeu_si256(place, _mm256_add_epi32(before, added));
            }
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
            is_first in any::<bool>(),
            seed in any::<u32>(),
        ) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            let stride = n_groups * GROUP + extra;
            let activations: Vec<u8> = (0..rows * stride).map(|_| next()).collect();
            let weights: Vec<i8> = (0..n_groups * GROUP * PANEL).map(|_| next() as i8).collect();
            let panel = Panel { weights: &weights, is_first };
            let mut plain = [[7; PANEL]; TILE_ROWS];
            portable_tile(&activations, stride, rows, panel, &mut plain);
            for level in Level::available() {
                let mut fast = [[7; PANEL]; TILE_ROWS];
                tile(level, &activations, stride, rows, panel, &mut fast);
                prop_assert_eq!(&plain[..rows], &fast[..rows], "{:?}", level);
            }
        }
    }
}
