//! Rows of weights times a few inputs: a row is read once, from its first byte to its last one.
//!
//! One input is what a model reads for every token that it says, and the memory's speed is the limit: the loops have to do
//! little enough for each block to keep up with it.

use super::super::input::{Input, Rounded};
use super::narrow::Narrow;
use super::unpack::{Of32, Of256, Q2K, Q3K, Q4K, Q5K, Q6K, Q40, Q41, Q50, Q51, Q80, part};
use crate::nets::ops::quantized::Format;
use pulp::NullaryFnOnce;
use pulp::bytemuck::cast;
use std::arch::x86_64::{__m128, __m256, __m256i};
use std::hint::black_box;

/// Some rows of weights times some inputs.
pub(super) struct Rows<'a, S, const T: usize> {
    pub simd: S,
    pub format: Format,
    /// The rows of weights.
    pub bytes: &'a [u8],
    pub row_bytes: usize,
    pub input: &'a Input<'a>,
    /// The first of `T` rows of the input.
    pub first: usize,
    /// Gets `T` products for each row of weights.
    pub to: &'a mut [[f32; T]],
}

impl<S: Narrow, const T: usize> NullaryFnOnce for Rows<'_, S, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.format {
            Format::Q4_0 => self.each_32::<18, Q40>(),
            Format::Q4_1 => self.each_32::<20, Q41>(),
            Format::Q5_0 => self.each_32::<22, Q50>(),
            Format::Q5_1 => self.each_32::<24, Q51>(),
            Format::Q8_0 => self.each_32::<34, Q80>(),
            Format::Q2_K => self.each_16::<84, Q2K>(),
            Format::Q3_K => self.each_16::<110, Q3K>(),
            Format::Q4_K => self.each_8::<144, Q4K>(),
            Format::Q5_K => self.each_8::<176, Q5K>(),
            Format::Q6_K => self.each_16::<210, Q6K>(),
            Format::F32 | Format::F16 | Format::BF16 => {}
        }
    }
}

/// A row of the input in blocks.
#[derive(Clone, Copy)]
struct Blocks<'a, const LEN: usize> {
    bytes: &'a [[u8; LEN]],
    scales: &'a [f32],
    totals: &'a [f32],
}

/// `T` rows of the input from `first` on, each of `count` blocks.
#[inline(always)]
fn rows_of<const LEN: usize, const T: usize>(x: &Rounded<LEN>, first: usize, count: usize) -> [Blocks<'_, LEN>; T] {
    let mut rows = [Blocks { bytes: &[], scales: &[], totals: &[] }; T];
    for (t, row) in rows.iter_mut().enumerate() {
        let start = (first + t) * count;
        row.bytes = &x.bytes()[start..][..count];
        row.scales = &x.scales[start..][..count];
        row.totals = &x.totals[start..][..count];
    }
    rows
}

/// `T` rows of sums of parts.
#[inline(always)]
fn sums_of<const WORDS: usize, const T: usize>(x: &Rounded<256>, first: usize, count: usize) -> [&[[u32; WORDS]]; T] {
    let mut rows = [&[] as &[[u32; WORDS]]; T];
    for (t, row) in rows.iter_mut().enumerate() {
        *row = &x.sums::<WORDS>()[(first + t) * count..][..count];
    }
    rows
}

impl<S: Narrow, const T: usize> Rows<'_, S, T> {
    #[inline(always)]
    fn each_32<const BYTES: usize, U: Of32<BYTES>>(self) {
        let Self { simd, input, first, .. } = self;
        let count = input.width() / 32;
        let x: [Blocks<'_, 32>; T] = rows_of(input.by_32(), first, count);
        for (row, to) in self.bytes.chunks_exact(self.row_bytes).zip(self.to) {
            let row = &row.as_chunks::<BYTES>().0[..count];
            let mut sums = [simd.v3().avx._mm256_setzero_ps(); T];
            let mut least = [[0.0_f32; 4]; T];
            let mut at = 0;
            while at + 4 <= count {
                some_of_32::<S, U, BYTES, 4, T>(simd, row, &x, at, &mut sums, &mut least);
                at += 4;
            }
            while at < count {
                some_of_32::<S, U, BYTES, 1, T>(simd, row, &x, at, &mut sums, &mut least);
                at += 1;
            }
            for t in 0..T {
                let [a, b, c, d] = least[t];
                to[t] = total(simd, sums[t]) + (a + c) + (b + d);
            }
        }
    }

    #[inline(always)]
    fn each_8<const BYTES: usize, U: Of256<BYTES>>(self) {
        let Self { simd, input, first, .. } = self;
        let (v3, avx, avx2) = (simd.v3(), simd.v3().avx, simd.v3().avx2);
        let count = input.width() / 256;
        let x: [Blocks<'_, 256>; T] = rows_of(input.by_256(), first, count);
        let parts: [&[[u32; 4]]; T] = sums_of(input.by_256(), first, count);
        let same = black_box(&SAME);
        for (row, to) in self.bytes.chunks_exact(self.row_bytes).zip(self.to) {
            let row = &row.as_chunks::<BYTES>().0[..count];
            let mut sums = [avx._mm256_setzero_ps(); T];
            let mut least = [v3.sse._mm_setzero_ps(); T];
            for at in 0..count {
                let w = U::unpack(simd, &row[at]);
                let scales = avx2._mm256_broadcastsi128_si256(w.scales);
                for t in 0..T {
                    let whole = scaled(simd, &w.q, scales, same, &x[t].bytes[at]);
                    let factor = avx._mm256_set1_ps(w.scale * x[t].scales[at]);
                    sums[t] = v3.fma._mm256_fmadd_ps(avx._mm256_cvtepi32_ps(whole), factor, sums[t]);
                    let below = v3.sse2._mm_madd_epi16(w.minima, cast(parts[t][at]));
                    let factor = v3.sse._mm_set1_ps(w.least * x[t].scales[at]);
                    least[t] = v3.fma._mm_fmadd_ps(v3.sse2._mm_cvtepi32_ps(below), factor, least[t]);
                }
            }
            for t in 0..T {
                to[t] = total(simd, sums[t]) - total_of_4(least[t]);
            }
        }
    }

    #[inline(always)]
    fn each_16<const BYTES: usize, U: Of256<BYTES>>(self) {
        let Self { simd, input, first, .. } = self;
        let (v3, avx, avx2) = (simd.v3(), simd.v3().avx, simd.v3().avx2);
        let count = input.width() / 256;
        let x: [Blocks<'_, 256>; T] = rows_of(input.by_256(), first, count);
        let parts: [&[[u32; 8]]; T] = sums_of(input.by_256(), first, count);
        let same = black_box(&SAME);
        for (row, to) in self.bytes.chunks_exact(self.row_bytes).zip(self.to) {
            let row = &row.as_chunks::<BYTES>().0[..count];
            let mut sums = [avx._mm256_setzero_ps(); T];
            for at in 0..count {
                let w = U::unpack(simd, &row[at]);
                // The scales of the lower and of the upper sixteen bytes of each register, as i16.
                let scales = avx2._mm256_cvtepi8_epi16(v3.ssse3._mm_shuffle_epi8(w.scales, cast(EVEN_THEN_ODD)));
                let minima = avx2._mm256_cvtepi8_epi16(w.minima);
                for t in 0..T {
                    let whole = scaled(simd, &w.q, scales, same, &x[t].bytes[at]);
                    let factor = avx._mm256_set1_ps(w.scale * x[t].scales[at]);
                    sums[t] = v3.fma._mm256_fmadd_ps(avx._mm256_cvtepi32_ps(whole), factor, sums[t]);
                    let below = avx2._mm256_madd_epi16(minima, cast(parts[t][at]));
                    let factor = avx._mm256_set1_ps(-w.least * x[t].scales[at]);
                    sums[t] = v3.fma._mm256_fmadd_ps(avx._mm256_cvtepi32_ps(below), factor, sums[t]);
                }
            }
            for t in 0..T {
                to[t] = total(simd, sums[t]);
            }
        }
    }
}

/// A block's sums of products with their scales applied.
#[inline(always)]
fn scaled<S: Narrow>(simd: S, q: &[__m256i; 8], scales: __m256i, same: &[[u8; 32]; 8], x: &[u8; 256]) -> __m256i {
    let (avx, avx2) = (simd.v3().avx, simd.v3().avx2);
    let mut whole = avx._mm256_setzero_si256();
    for i in 0..8 {
        let pairs = avx2._mm256_maddubs_epi16(q[i], cast(part::<32>(x, 32 * i)));
        let scale = avx2._mm256_shuffle_epi8(scales, cast(same[i]));
        whole = avx2._mm256_add_epi32(whole, avx2._mm256_madd_epi16(pairs, scale));
    }
    whole
}

/// `N` blocks from `at` on.
#[inline(always)]
fn some_of_32<S: Narrow, U: Of32<BYTES>, const BYTES: usize, const N: usize, const T: usize>(
    simd: S,
    row: &[[u8; BYTES]],
    x: &[Blocks<'_, 32>; T],
    at: usize,
    sums: &mut [__m256; T],
    least: &mut [[f32; 4]; T],
) {
    let (v3, avx, avx2) = (simd.v3(), simd.v3().avx, simd.v3().avx2);
    let row = &row[at..at + N];
    let scales: [f32; N] = simd.halves(row, U::SCALE);
    let minima: [f32; N] = match U::LEAST {
        Ok(minimum) => simd.halves(row, minimum),
        Err(factor) => {
            let mut minima = scales;
            for least in &mut minima {
                *least *= factor;
            }
            minima
        }
    };
    let mut factors = [[0.0; N]; T];
    for t in 0..T {
        let (x_scales, totals) = (&x[t].scales[at..at + N], &x[t].totals[at..at + N]);
        for i in 0..N {
            factors[t][i] = scales[i] * x_scales[i];
            least[t][i] += minima[i] * totals[i];
        }
    }
    let ones = avx._mm256_set1_epi16(1);
    for i in 0..N {
        let q = U::unpack(simd, &row[i]);
        for t in 0..T {
            let numbers: __m256i = cast(x[t].bytes[at..at + N][i]);
            let pairs = if U::SIGNED {
                // The size of one times the other with the sign of both.
                avx2._mm256_maddubs_epi16(avx2._mm256_abs_epi8(q), avx2._mm256_sign_epi8(numbers, q))
            } else {
                avx2._mm256_maddubs_epi16(q, numbers)
            };
            let whole = avx._mm256_cvtepi32_ps(avx2._mm256_madd_epi16(pairs, ones));
            sums[t] = v3.fma._mm256_fmadd_ps(whole, avx._mm256_set1_ps(factors[t][i]), sums[t]);
        }
    }
}

/// Masks that give all sixteen-bit numbers of a lane the value of number `i`.
const SAME: [[u8; 32]; 8] = {
    let mut masks = [[0; 32]; 8];
    let mut i = 0;
    while i < 8 {
        let mut at = 0;
        while at < 32 {
            masks[i][at] = (2 * i + at % 2) as u8;
            at += 1;
        }
        i += 1;
    }
    masks
};

const EVEN_THEN_ODD: [u8; 16] = [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15];

#[inline(always)]
fn total<S: Narrow>(simd: S, sums: __m256) -> f32 {
    let [low, high]: [__m128; 2] = cast(sums);
    total_of_4(simd.v3().sse._mm_add_ps(low, high))
}

#[inline(always)]
fn total_of_4(sums: __m128) -> f32 {
    let [a, b, c, d]: [f32; 4] = cast(sums);
    (a + c) + (b + d)
}
