//! Products of floats: sums of factors times rows, sixteen lanes side by side.

use super::Level;

/// Lanes of a row.
pub(in crate::encoder) const LANES: usize = 16;
/// Numbers that stand side by side.
pub(in crate::encoder) type Lanes = [f32; LANES];

/// Most sums that are computed together, each in a register.
const BLOCK: usize = 16;
/// The same where factors stand far apart, so that each sum has an address of its own.
const FAR_BLOCK: usize = 8;
/// The same with AVX2, which has half as many registers of half the size.
const AVX2_BLOCK: usize = 4;

/// Factors and rows: sum `s` is that over `t` of `factors[s * factor_stride.0 + t * factor_stride.1]` times the sixteen numbers
/// at `rows[t * row_stride]`.
#[derive(Clone, Copy, Debug)]
pub(in crate::encoder) struct Products<'a> {
    pub factors: &'a [f32],
    /// From one sum to the next, and from one term to the next.
    pub factor_stride: (usize, usize),
    pub rows: &'a [f32],
    pub row_stride: usize,
    pub n_terms: usize,
}

impl Products<'_> {
    /// Computes as many sums as there is room for.
    #[inline(always)]
    pub fn write(&self, level: Level, sums: &mut [Lanes]) {
        let (Some(last_sum), Some(last_term)) = (sums.len().checked_sub(1), self.n_terms.checked_sub(1)) else {
            sums.fill([0.0; LANES]);
            return;
        };
        let n_factors = last_sum * self.factor_stride.0 + last_term * self.factor_stride.1 + 1;
        let n_numbers = last_term * self.row_stride + LANES;
        let fits = self.factors.len() >= n_factors && self.rows.len() >= n_numbers;
        assert!(fits, "{} factors and {} numbers do not make the products", self.factors.len(), self.rows.len());
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => {
                let block = if self.factor_stride.0 == 1 { BLOCK } else { FAR_BLOCK };
                for (index, sums) in sums.chunks_mut(block).enumerate() {
                    // SAFETY: the level says that the processor has AVX-512; the assertion above bounds every read.
                    unsafe { self.avx512(index * block, sums) };
                }
            }
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => {
                for (index, sums) in sums.chunks_mut(AVX2_BLOCK).enumerate() {
                    // SAFETY: as above, for AVX2.
                    unsafe { self.avx2(index * AVX2_BLOCK, sums) };
                }
            }
            _ => self.portable(sums),
        }
    }

    /// [`Products::write`] in plain Rust.
    fn portable(&self, sums: &mut [Lanes]) {
        for (index, sums) in sums.iter_mut().enumerate() {
            *sums = [0.0; LANES];
            for (term, row) in self.rows.chunks(self.row_stride.max(1)).take(self.n_terms).enumerate() {
                let factor = self.factors[index * self.factor_stride.0 + term * self.factor_stride.1];
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum = factor.mul_add(value, *sum);
                }
            }
        }
    }

    /// The sums from `first` on, at most sixteen, with AVX-512.
    ///
    /// # Safety
    /// Factors and rows hold what `first + sums.len()` sums need.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,fma")]
    unsafe fn avx512(&self, first: usize, sums: &mut [Lanes]) {
        macro_rules! of_sums {
            ($($n:literal),*) => {
                match sums.len() {
                    // SAFETY: the function's own condition.
                    $($n => unsafe { self.avx512_sums::<$n>(first, sums) },)*
                    _ => {}
                }
            };
        }
        of_sums!(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    }

    /// [`Products::avx512`] for a fixed number of sums, so that all stay in registers.
    ///
    /// # Safety
    /// As there, with `N` sums.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,fma")]
    #[inline]
    unsafe fn avx512_sums<const N: usize>(&self, first: usize, sums: &mut [Lanes]) {
        use std::arch::x86_64::{
            _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
        };
        let mut totals = [_mm512_setzero_ps(); N];
        // A stride of 1 is told to the compiler, which then needs one address for all factors of a term.
        let by_sum = if N > FAR_BLOCK { 1 } else { self.factor_stride.0 };
        // SAFETY: the function's own condition, here and below.
        let factors = unsafe { self.factors.as_ptr().add(first * by_sum) };
        for term in 0..self.n_terms {
            let row = unsafe { _mm512_loadu_ps(self.rows.as_ptr().add(term * self.row_stride)) };
            for (sum, total) in totals.iter_mut().enumerate() {
                let factor = unsafe { *factors.add(term * self.factor_stride.1 + sum * by_sum) };
                *total = _mm512_fmadd_ps(_mm512_set1_ps(factor), row, *total);
            }
        }
        for (sums, total) in sums.iter_mut().zip(totals) {
            // SAFETY: a row has sixteen numbers: one register.
            unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), total) };
        }
    }

    /// The sums from `first` on, at most four, with AVX2.
    ///
    /// # Safety
    /// As for [`Products::avx512`].
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(&self, first: usize, sums: &mut [Lanes]) {
        use std::arch::x86_64::{
            _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
        };
        let mut totals = [[_mm256_setzero_ps(); 2]; AVX2_BLOCK];
        for term in 0..self.n_terms {
            // SAFETY: the function's own condition.
            let row = unsafe {
                let start = self.rows.as_ptr().add(term * self.row_stride);
                [_mm256_loadu_ps(start), _mm256_loadu_ps(start.add(LANES / 2))]
            };
            for (sum, totals) in totals.iter_mut().enumerate().take(sums.len()) {
                let place = (first + sum) * self.factor_stride.0 + term * self.factor_stride.1;
                // SAFETY: as above.
                let factor = _mm256_set1_ps(unsafe { *self.factors.as_ptr().add(place) });
                for (total, row) in totals.iter_mut().zip(row) {
                    *total = _mm256_fmadd_ps(factor, row, *total);
                }
            }
        }
        for (sums, totals) in sums.iter_mut().zip(totals) {
            // SAFETY: a row has sixteen numbers: two registers.
            unsafe {
                _mm256_storeu_ps(sums.as_mut_ptr(), totals[0]);
                _mm256_storeu_ps(sums.as_mut_ptr().add(LANES / 2), totals[1]);
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
            n_sums in 0usize..40,
            n_terms in 0usize..30,
            extra in 0usize..9,
            is_far in any::<bool>(),
            values in proptest::collection::vec(-2.0f32..2.0, 40 * 30 + 30 * 25),
        ) {
            let (factors, rows) = values.split_at(40 * 30);
            let factor_stride = if is_far { (30, 1) } else { (1, 40) };
            let products = Products { factors, factor_stride, rows, row_stride: LANES + extra, n_terms };
            let mut plain = vec![[0.0; LANES]; n_sums];
            products.portable(&mut plain);
            for level in Level::available() {
                let mut fast = vec![[9.0; LANES]; n_sums];
                products.write(level, &mut fast);
                prop_assert_eq!(&plain, &fast, "{:?}", level);
            }
        }
    }
}
