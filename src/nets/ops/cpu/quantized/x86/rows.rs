//! Rows of weights times a few inputs, with AVX2: a row is read once, from its first byte to its last one.
//!
//! One input is what a model reads for every token that it says, and the memory's speed is the limit: the loops do little
//! enough for each block to keep up with it.

use super::super::blocks::{half_at, scales_of_8, scales_of_16, word_at};
use super::super::input::{Input, Rounded};
use crate::nets::ops::quantized::Format;
use pulp::NullaryFnOnce;
use pulp::bytemuck::cast;
use pulp::x86::V3;
use std::arch::x86_64::{__m128, __m128i, __m256, __m256i};

/// Some rows of weights times some inputs.
pub(super) struct Rows<'a, const T: usize> {
    pub simd: V3,
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

impl<const T: usize> NullaryFnOnce for Rows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.format {
            Format::Q4_0 => self.each_32::<18, Q40>(),
            Format::Q4_1 => self.each_32::<20, Q41>(),
            Format::Q5_0 => self.each_32::<22, Q50>(),
            Format::Q5_1 => self.each_32::<24, Q51>(),
            Format::Q8_0 => self.each_q8_0(),
            Format::Q2_K => self.each_16::<84, Q2K>(),
            Format::Q3_K => self.each_16::<110, Q3K>(),
            Format::Q4_K => self.each_8::<144, Q4K>(),
            Format::Q5_K => self.each_8::<176, Q5K>(),
            Format::Q6_K => self.each_16::<210, Q6K>(),
            Format::F32 | Format::F16 | Format::BF16 => {}
        }
    }
}

/// Thirty-two numbers: `scale · q + least`, with `q` from 0.
struct Of32 {
    q: __m256i,
    scale: f32,
    least: f32,
}

/// 256 numbers in eight parts: `scale · scales[part] · q - least · minima[part]`.
struct Of8 {
    q: [__m256i; 8],
    /// Eight i16.
    scales: __m128i,
    minima: __m128i,
    scale: f32,
    least: f32,
}

/// 256 numbers in sixteen parts.
struct Of16 {
    q: [__m256i; 8],
    /// Sixteen i8.
    scales: __m128i,
    minima: __m128i,
    scale: f32,
    least: f32,
}

/// How a format is unpacked. A function handed over as an argument would not be compiled with the vector instructions.
trait Unpack<const BYTES: usize> {
    type Numbers;

    fn unpack(simd: V3, block: &[u8; BYTES]) -> Self::Numbers;
}

impl<const T: usize> Rows<'_, T> {
    #[inline(always)]
    fn each_32<const BYTES: usize, U: Unpack<BYTES, Numbers = Of32>>(self) {
        let Self { simd, input, first, .. } = self;
        let (avx, avx2) = (simd.avx, simd.avx2);
        let x = Blocks::new(input.by_32(), input.width() / 32, first);
        let ones = avx._mm256_set1_epi16(1);
        for (row, to) in self.bytes.chunks_exact(self.row_bytes).zip(self.to) {
            let mut sums = [avx._mm256_setzero_ps(); T];
            let mut least = [0.0_f32; T];
            for (at, block) in row.as_chunks::<BYTES>().0.iter().enumerate() {
                let w = U::unpack(simd, block);
                for t in 0..T {
                    let (bytes, scale, total) = x.get(t, at);
                    let pairs = avx2._mm256_maddubs_epi16(w.q, cast(*bytes));
                    let whole = avx._mm256_cvtepi32_ps(avx2._mm256_madd_epi16(pairs, ones));
                    sums[t] = simd.fma._mm256_fmadd_ps(whole, avx._mm256_set1_ps(w.scale * scale), sums[t]);
                    least[t] += w.least * total;
                }
            }
            for t in 0..T {
                to[t] = total(simd, sums[t]) + least[t];
            }
        }
    }

    /// These have signs: the products are of the size of one and the other with the sign of both.
    #[inline(always)]
    fn each_q8_0(self) {
        let Self { simd, input, first, .. } = self;
        let (avx, avx2) = (simd.avx, simd.avx2);
        let x = Blocks::new(input.by_32(), input.width() / 32, first);
        let ones = avx._mm256_set1_epi16(1);
        for (row, to) in self.bytes.chunks_exact(self.row_bytes).zip(self.to) {
            let mut sums = [avx._mm256_setzero_ps(); T];
            for (at, block) in row.as_chunks::<34>().0.iter().enumerate() {
                let q: __m256i = cast(part::<32>(block, 2));
                let (size, d) = (avx2._mm256_abs_epi8(q), half_at(block, 0));
                for t in 0..T {
                    let (bytes, scale, _) = x.get(t, at);
                    let pairs = avx2._mm256_maddubs_epi16(size, avx2._mm256_sign_epi8(cast(*bytes), q));
                    let whole = avx._mm256_cvtepi32_ps(avx2._mm256_madd_epi16(pairs, ones));
                    sums[t] = simd.fma._mm256_fmadd_ps(whole, avx._mm256_set1_ps(d * scale), sums[t]);
                }
            }
            for t in 0..T {
                to[t] = total(simd, sums[t]);
            }
        }
    }

    #[inline(always)]
    fn each_8<const BYTES: usize, U: Unpack<BYTES, Numbers = Of8>>(self) {
        let Self { simd, input, first, .. } = self;
        let (avx, avx2) = (simd.avx, simd.avx2);
        let rounded = input.by_256();
        let x = Blocks::new(rounded, input.width() / 256, first);
        let parts = rounded.sums::<4>();
        for (row, to) in self.bytes.chunks_exact(self.row_bytes).zip(self.to) {
            let mut sums = [avx._mm256_setzero_ps(); T];
            let mut least = [simd.sse._mm_setzero_ps(); T];
            for (at, block) in row.as_chunks::<BYTES>().0.iter().enumerate() {
                let w = U::unpack(simd, block);
                let scales = avx2._mm256_broadcastsi128_si256(w.scales);
                for t in 0..T {
                    let (bytes, scale, _) = x.get(t, at);
                    let mut whole = avx._mm256_setzero_si256();
                    for i in 0..8 {
                        let pairs = avx2._mm256_maddubs_epi16(w.q[i], cast(part::<32>(bytes, 32 * i)));
                        let scale = avx2._mm256_shuffle_epi8(scales, cast(SAME[i]));
                        whole = avx2._mm256_add_epi32(whole, avx2._mm256_madd_epi16(pairs, scale));
                    }
                    let factor = avx._mm256_set1_ps(w.scale * scale);
                    sums[t] = simd.fma._mm256_fmadd_ps(avx._mm256_cvtepi32_ps(whole), factor, sums[t]);
                    let below = simd.sse2._mm_madd_epi16(w.minima, cast(parts[x.index(t, at)]));
                    let factor = simd.sse._mm_set1_ps(w.least * scale);
                    least[t] = simd.fma._mm_fmadd_ps(simd.sse2._mm_cvtepi32_ps(below), factor, least[t]);
                }
            }
            for t in 0..T {
                to[t] = total(simd, sums[t]) - total_of_4(simd, least[t]);
            }
        }
    }

    #[inline(always)]
    fn each_16<const BYTES: usize, U: Unpack<BYTES, Numbers = Of16>>(self) {
        let Self { simd, input, first, .. } = self;
        let (avx, avx2) = (simd.avx, simd.avx2);
        let rounded = input.by_256();
        let x = Blocks::new(rounded, input.width() / 256, first);
        let parts = rounded.sums::<8>();
        for (row, to) in self.bytes.chunks_exact(self.row_bytes).zip(self.to) {
            let mut sums = [avx._mm256_setzero_ps(); T];
            for (at, block) in row.as_chunks::<BYTES>().0.iter().enumerate() {
                let w = U::unpack(simd, block);
                // The scales of the lower and of the upper sixteen bytes of each register, as i16.
                let scales = avx2._mm256_cvtepi8_epi16(simd.ssse3._mm_shuffle_epi8(w.scales, cast(EVEN_THEN_ODD)));
                let minima = avx2._mm256_cvtepi8_epi16(w.minima);
                for t in 0..T {
                    let (bytes, scale, _) = x.get(t, at);
                    let mut whole = avx._mm256_setzero_si256();
                    for i in 0..8 {
                        let pairs = avx2._mm256_maddubs_epi16(w.q[i], cast(part::<32>(bytes, 32 * i)));
                        let scale = avx2._mm256_shuffle_epi8(scales, cast(SAME[i]));
                        whole = avx2._mm256_add_epi32(whole, avx2._mm256_madd_epi16(pairs, scale));
                    }
                    let factor = avx._mm256_set1_ps(w.scale * scale);
                    sums[t] = simd.fma._mm256_fmadd_ps(avx._mm256_cvtepi32_ps(whole), factor, sums[t]);
                    let below = avx2._mm256_madd_epi16(minima, cast(parts[x.index(t, at)]));
                    let factor = avx._mm256_set1_ps(-w.least * scale);
                    sums[t] = simd.fma._mm256_fmadd_ps(avx._mm256_cvtepi32_ps(below), factor, sums[t]);
                }
            }
            for t in 0..T {
                to[t] = total(simd, sums[t]);
            }
        }
    }
}

/// The blocks of some rows of the input.
#[derive(Clone, Copy)]
struct Blocks<'a, const LEN: usize> {
    bytes: &'a [[u8; LEN]],
    scales: &'a [f32],
    totals: &'a [f32],
    of_row: usize,
    first: usize,
}

impl<'a, const LEN: usize> Blocks<'a, LEN> {
    #[inline(always)]
    fn new(x: &'a Rounded<LEN>, of_row: usize, first: usize) -> Self {
        Self { bytes: x.bytes(), scales: &x.scales, totals: &x.totals, of_row, first }
    }

    #[inline(always)]
    fn index(self, t: usize, at: usize) -> usize {
        (self.first + t) * self.of_row + at
    }

    #[inline(always)]
    fn get(self, t: usize, at: usize) -> (&'a [u8; LEN], f32, f32) {
        let index = self.index(t, at);
        (&self.bytes[index], self.scales[index], self.totals[index])
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

/// Byte `i / 8` in place `i`, and a bit of its own for each place of a byte.
const BYTE_OF_BIT: [u8; 32] = {
    let mut mask = [0; 32];
    let mut at = 0;
    while at < 32 {
        mask[at] = (at / 8) as u8;
        at += 1;
    }
    mask
};

#[inline(always)]
fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

#[inline(always)]
fn total(simd: V3, sums: __m256) -> f32 {
    let [low, high]: [__m128; 2] = cast(sums);
    total_of_4(simd, simd.sse._mm_add_ps(low, high))
}

#[inline(always)]
fn total_of_4(_: V3, sums: __m128) -> f32 {
    let [a, b, c, d]: [f32; 4] = cast(sums);
    (a + c) + (b + d)
}

/// The low and then the high halves of sixteen bytes.
#[inline(always)]
fn nibbles(simd: V3, bytes: [u8; 16]) -> __m256i {
    let low: __m128i = cast(bytes);
    let both = simd.avx._mm256_set_m128i(simd.sse2._mm_srli_epi16::<4>(low), low);
    simd.avx2._mm256_and_si256(both, simd.avx._mm256_set1_epi8(15))
}

/// 16 in every byte whose bit is set.
#[inline(always)]
fn fifth_bits(simd: V3, bits: u32) -> __m256i {
    let (avx, avx2) = (simd.avx, simd.avx2);
    let bytes = avx2._mm256_shuffle_epi8(avx._mm256_set1_epi32(bits.cast_signed()), cast(BYTE_OF_BIT));
    let own = avx._mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
    let set = avx2._mm256_cmpeq_epi8(avx2._mm256_and_si256(bytes, own), own);
    avx2._mm256_and_si256(set, avx._mm256_set1_epi8(16))
}

struct Q40;

impl Unpack<18> for Q40 {
    type Numbers = Of32;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 18]) -> Of32 {
        let scale = half_at(block, 0);
        Of32 { q: nibbles(simd, part(block, 2)), scale, least: -8.0 * scale }
    }
}

struct Q41;

impl Unpack<20> for Q41 {
    type Numbers = Of32;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 20]) -> Of32 {
        Of32 { q: nibbles(simd, part(block, 4)), scale: half_at(block, 0), least: half_at(block, 2) }
    }
}

struct Q50;

impl Unpack<22> for Q50 {
    type Numbers = Of32;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 22]) -> Of32 {
        let scale = half_at(block, 0);
        let q = simd.avx2._mm256_or_si256(nibbles(simd, part(block, 6)), fifth_bits(simd, word_at(block, 2)));
        Of32 { q, scale, least: -16.0 * scale }
    }
}

struct Q51;

impl Unpack<24> for Q51 {
    type Numbers = Of32;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 24]) -> Of32 {
        let q = simd.avx2._mm256_or_si256(nibbles(simd, part(block, 8)), fifth_bits(simd, word_at(block, 4)));
        Of32 { q, scale: half_at(block, 0), least: half_at(block, 2) }
    }
}

/// The sixteen scales and minima of a `Q4_K` or `Q5_K` block as i16.
#[inline(always)]
fn scales_and_minima(simd: V3, bytes: &[u8], at: usize) -> (__m128i, __m128i) {
    let wide = simd.avx2._mm256_cvtepu8_epi16(cast(scales_of_8(bytes, at)));
    let [scales, minima]: [__m128i; 2] = cast(wide);
    (scales, minima)
}

struct Q4K;

impl Unpack<144> for Q4K {
    type Numbers = Of8;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 144]) -> Of8 {
        let avx2 = simd.avx2;
        let (scales, minima) = scales_and_minima(simd, block, 4);
        let low = simd.avx._mm256_set1_epi8(15);
        let mut q = [simd.avx._mm256_setzero_si256(); 8];
        for i in 0..4 {
            let both: __m256i = cast(part::<32>(block, 16 + 32 * i));
            q[2 * i] = avx2._mm256_and_si256(both, low);
            q[2 * i + 1] = avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(both), low);
        }
        Of8 { q, scales, minima, scale: half_at(block, 0), least: half_at(block, 2) }
    }
}

struct Q5K;

impl Unpack<176> for Q5K {
    type Numbers = Of8;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 176]) -> Of8 {
        let (avx, avx2) = (simd.avx, simd.avx2);
        let (scales, minima) = scales_and_minima(simd, block, 4);
        let (low, fifth) = (avx._mm256_set1_epi8(15), avx._mm256_set1_epi8(16));
        let high: __m256i = cast(part::<32>(block, 16));
        let mut q = [avx._mm256_setzero_si256(); 8];
        for i in 0..4 {
            let both: __m256i = cast(part::<32>(block, 48 + 32 * i));
            q[2 * i] = avx2._mm256_and_si256(both, low);
            q[2 * i + 1] = avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(both), low);
        }
        for i in 0..8 {
            let own = avx._mm256_set1_epi8((1_u8 << i).cast_signed());
            let set = avx2._mm256_cmpeq_epi8(avx2._mm256_and_si256(high, own), own);
            q[i] = avx2._mm256_or_si256(q[i], avx2._mm256_and_si256(set, fifth));
        }
        Of8 { q, scales, minima, scale: half_at(block, 0), least: half_at(block, 2) }
    }
}

struct Q6K;

impl Unpack<210> for Q6K {
    type Numbers = Of16;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 210]) -> Of16 {
        let (avx, avx2) = (simd.avx, simd.avx2);
        let (low, high) = (avx._mm256_set1_epi8(15), avx._mm256_set1_epi8(0x30));
        let mut q = [avx._mm256_setzero_si256(); 8];
        for half in 0..2 {
            let a: __m256i = cast(part::<32>(block, 64 * half));
            let b: __m256i = cast(part::<32>(block, 64 * half + 32));
            let h: __m256i = cast(part::<32>(block, 128 + 32 * half));
            let top =
                [avx2._mm256_slli_epi16::<4>(h), avx2._mm256_slli_epi16::<2>(h), h, avx2._mm256_srli_epi16::<2>(h)];
            let bottom = [a, b, avx2._mm256_srli_epi16::<4>(a), avx2._mm256_srli_epi16::<4>(b)];
            for i in 0..4 {
                let (top, bottom) = (avx2._mm256_and_si256(top[i], high), avx2._mm256_and_si256(bottom[i], low));
                q[4 * half + i] = avx2._mm256_or_si256(top, bottom);
            }
        }
        let scales = cast(part::<16>(block, 192));
        let scale = half_at(block, 208);
        Of16 { q, scales, minima: scales, scale, least: 32.0 * scale }
    }
}

/// The pairs of bits of 32 bytes, the lowest first.
#[inline(always)]
fn pairs_of_bits(simd: V3, bytes: __m256i) -> [__m256i; 4] {
    let (avx2, low) = (simd.avx2, simd.avx._mm256_set1_epi8(3));
    [
        avx2._mm256_and_si256(bytes, low),
        avx2._mm256_and_si256(avx2._mm256_srli_epi16::<2>(bytes), low),
        avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(bytes), low),
        avx2._mm256_and_si256(avx2._mm256_srli_epi16::<6>(bytes), low),
    ]
}

struct Q2K;

impl Unpack<84> for Q2K {
    type Numbers = Of16;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 84]) -> Of16 {
        let both: __m128i = cast(part::<16>(block, 0));
        let low = simd.sse2._mm_set1_epi8(15);
        let mut q = [simd.avx._mm256_setzero_si256(); 8];
        for half in 0..2 {
            let pairs = pairs_of_bits(simd, cast(part::<32>(block, 16 + 32 * half)));
            for i in 0..4 {
                q[4 * half + i] = pairs[i];
            }
        }
        Of16 {
            q,
            scales: simd.sse2._mm_and_si128(both, low),
            minima: simd.sse2._mm_and_si128(simd.sse2._mm_srli_epi16::<4>(both), low),
            scale: half_at(block, 80),
            least: half_at(block, 82),
        }
    }
}

struct Q3K;

impl Unpack<110> for Q3K {
    type Numbers = Of16;

    #[inline(always)]
    fn unpack(simd: V3, block: &[u8; 110]) -> Of16 {
        let (avx, avx2) = (simd.avx, simd.avx2);
        let (third, high) = (avx._mm256_set1_epi8(4), cast(part::<32>(block, 0)));
        let mut q = [avx._mm256_setzero_si256(); 8];
        for half in 0..2 {
            let pairs = pairs_of_bits(simd, cast(part::<32>(block, 32 + 32 * half)));
            for i in 0..4 {
                let own = avx._mm256_set1_epi8((1_u8 << (4 * half + i)).cast_signed());
                let set = avx2._mm256_cmpeq_epi8(avx2._mm256_and_si256(high, own), own);
                q[4 * half + i] = avx2._mm256_or_si256(pairs[i], avx2._mm256_and_si256(set, third));
            }
        }
        let scales = simd.sse2._mm_sub_epi8(cast(scales_of_16(block, 96)), simd.sse2._mm_set1_epi8(32));
        let scale = half_at(block, 108);
        Of16 { q, scales, minima: scales, scale, least: 4.0 * scale }
    }
}
