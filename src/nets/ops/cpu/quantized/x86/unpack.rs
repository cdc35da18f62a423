//! Blocks of each format to registers of 32 bytes.

use super::super::blocks::{scales_of_8, scales_of_16, word_at};
use super::narrow::Narrow;
use pulp::bytemuck::cast;
use std::arch::x86_64::{__m128i, __m256i};

/// A format of 32 numbers: `scale · q + least`.
pub(super) trait Of32<const BYTES: usize> {
    /// Whether numbers have a sign; else they are from 0.
    const SIGNED: bool = false;
    /// Where the scale is.
    const SCALE: usize = 0;
    /// Where the minimum is; otherwise it is the scale times the other number.
    const LEAST: Result<usize, f32>;

    fn unpack<S: Narrow>(simd: S, block: &[u8; BYTES]) -> __m256i;
}

/// A format of 256 numbers in parts: `scale · scales[part] · q - least · minima[part]`.
///
/// A function handed over as an argument would not be compiled with the vector instructions; a trait's is.
pub(super) trait Of256<const BYTES: usize> {
    fn unpack<S: Narrow>(simd: S, block: &[u8; BYTES]) -> Numbers;
}

pub(super) struct Numbers {
    pub q: [__m256i; 8],
    /// Eight i16, or sixteen i8.
    pub scales: __m128i,
    pub minima: __m128i,
    pub scale: f32,
    pub least: f32,
}

#[inline(always)]
pub(super) fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

/// The low and then the high halves of sixteen bytes.
#[inline(always)]
fn nibbles<S: Narrow>(simd: S, bytes: [u8; 16]) -> __m256i {
    let v3 = simd.v3();
    let low: __m128i = cast(bytes);
    let both = v3.avx._mm256_set_m128i(v3.sse2._mm_srli_epi16::<4>(low), low);
    v3.avx2._mm256_and_si256(both, v3.avx._mm256_set1_epi8(15))
}

pub(super) struct Q40;

impl Of32<18> for Q40 {
    const LEAST: Result<usize, f32> = Err(-8.0);

    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 18]) -> __m256i {
        nibbles(simd, part(block, 2))
    }
}

pub(super) struct Q41;

impl Of32<20> for Q41 {
    const LEAST: Result<usize, f32> = Ok(2);

    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 20]) -> __m256i {
        nibbles(simd, part(block, 4))
    }
}

pub(super) struct Q50;

impl Of32<22> for Q50 {
    const LEAST: Result<usize, f32> = Err(-16.0);

    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 22]) -> __m256i {
        simd.add_16_where(nibbles(simd, part(block, 6)), word_at(block, 2))
    }
}

pub(super) struct Q51;

impl Of32<24> for Q51 {
    const LEAST: Result<usize, f32> = Ok(2);

    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 24]) -> __m256i {
        simd.add_16_where(nibbles(simd, part(block, 8)), word_at(block, 4))
    }
}

pub(super) struct Q80;

impl Of32<34> for Q80 {
    const SIGNED: bool = true;
    const LEAST: Result<usize, f32> = Err(0.0);

    #[inline(always)]
    fn unpack<S: Narrow>(_: S, block: &[u8; 34]) -> __m256i {
        cast(part::<32>(block, 2))
    }
}

/// The sixteen scales and minima of a `Q4_K` or `Q5_K` block as i16.
#[inline(always)]
fn scales_and_minima<S: Narrow>(simd: S, bytes: &[u8], at: usize) -> (__m128i, __m128i) {
    let wide = simd.v3().avx2._mm256_cvtepu8_epi16(cast(scales_of_8(bytes, at)));
    let [scales, minima]: [__m128i; 2] = cast(wide);
    (scales, minima)
}

pub(super) struct Q4K;

impl Of256<144> for Q4K {
    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 144]) -> Numbers {
        let v3 = simd.v3();
        let avx2 = v3.avx2;
        let (scales, minima) = scales_and_minima(simd, block, 4);
        let [scale, least] = simd.two_halves(block, 0);
        let low = v3.avx._mm256_set1_epi8(15);
        let mut q = [v3.avx._mm256_setzero_si256(); 8];
        for i in 0..4 {
            let both: __m256i = cast(part::<32>(block, 16 + 32 * i));
            q[2 * i] = avx2._mm256_and_si256(both, low);
            q[2 * i + 1] = avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(both), low);
        }
        Numbers { q, scales, minima, scale, least }
    }
}

pub(super) struct Q5K;

impl Of256<176> for Q5K {
    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 176]) -> Numbers {
        let v3 = simd.v3();
        let (avx, avx2) = (v3.avx, v3.avx2);
        let (scales, minima) = scales_and_minima(simd, block, 4);
        let [scale, least] = simd.two_halves(block, 0);
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
        Numbers { q, scales, minima, scale, least }
    }
}

pub(super) struct Q6K;

impl Of256<210> for Q6K {
    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 210]) -> Numbers {
        let v3 = simd.v3();
        let (avx, avx2) = (v3.avx, v3.avx2);
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
        let [scale] = simd.halves(&[*block], 208);
        Numbers { q, scales, minima: scales, scale, least: 32.0 * scale }
    }
}

/// The pairs of bits of 32 bytes, the lowest first.
#[inline(always)]
fn pairs_of_bits<S: Narrow>(simd: S, bytes: __m256i) -> [__m256i; 4] {
    let (avx2, low) = (simd.v3().avx2, simd.v3().avx._mm256_set1_epi8(3));
    [
        avx2._mm256_and_si256(bytes, low),
        avx2._mm256_and_si256(avx2._mm256_srli_epi16::<2>(bytes), low),
        avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(bytes), low),
        avx2._mm256_and_si256(avx2._mm256_srli_epi16::<6>(bytes), low),
    ]
}

pub(super) struct Q2K;

impl Of256<84> for Q2K {
    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 84]) -> Numbers {
        let v3 = simd.v3();
        let both: __m128i = cast(part::<16>(block, 0));
        let low = v3.sse2._mm_set1_epi8(15);
        let mut q = [v3.avx._mm256_setzero_si256(); 8];
        for half in 0..2 {
            let pairs = pairs_of_bits(simd, cast(part::<32>(block, 16 + 32 * half)));
            for i in 0..4 {
                q[4 * half + i] = pairs[i];
            }
        }
        let [scale, least] = simd.two_halves(block, 80);
        Numbers {
            q,
            scales: v3.sse2._mm_and_si128(both, low),
            minima: v3.sse2._mm_and_si128(v3.sse2._mm_srli_epi16::<4>(both), low),
            scale,
            least,
        }
    }
}

pub(super) struct Q3K;

impl Of256<110> for Q3K {
    #[inline(always)]
    fn unpack<S: Narrow>(simd: S, block: &[u8; 110]) -> Numbers {
        let v3 = simd.v3();
        let (avx, avx2) = (v3.avx, v3.avx2);
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
        let scales = v3.sse2._mm_sub_epi8(cast(scales_of_16(block, 96)), v3.sse2._mm_set1_epi8(32));
        let [scale] = simd.halves(&[*block], 108);
        Numbers { q, scales, minima: scales, scale, least: 4.0 * scale }
    }
}
