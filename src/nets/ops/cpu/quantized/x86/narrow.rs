//! What AVX-512 does better in registers of 256 bits.

use super::super::blocks::half_at;
use pulp::bytemuck::cast;
use pulp::x86::{V3, V4};
use std::arch::x86_64::{__m128, __m256i};

/// AVX2 and perhaps more.
pub(super) trait Narrow: Copy {
    /// What both have.
    fn v3(self) -> V3;

    /// Adds 16 to the bytes whose bits are set.
    fn add_16_where(self, bytes: __m256i, bits: u32) -> __m256i;

    /// The f16 at byte `at` of some blocks.
    fn halves<const BYTES: usize, const N: usize>(self, blocks: &[[u8; BYTES]], at: usize) -> [f32; N];

    /// Two f16 from byte `at` on.
    fn two_halves(self, block: &[u8], at: usize) -> [f32; 2];
}

/// Byte `i / 8` in place `i`.
const BYTE_OF_BIT: [u8; 32] = {
    let mut mask = [0; 32];
    let mut at = 0;
    while at < 32 {
        mask[at] = (at / 8) as u8;
        at += 1;
    }
    mask
};

impl Narrow for V3 {
    #[inline(always)]
    fn v3(self) -> V3 {
        self
    }

    #[inline(always)]
    fn add_16_where(self, bytes: __m256i, bits: u32) -> __m256i {
        let (avx, avx2) = (self.avx, self.avx2);
        let copies = avx2._mm256_shuffle_epi8(avx._mm256_set1_epi32(bits.cast_signed()), cast(BYTE_OF_BIT));
        // A bit of its own for each place of a byte.
        let own = avx._mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
        let set = avx2._mm256_cmpeq_epi8(avx2._mm256_and_si256(copies, own), own);
        avx2._mm256_or_si256(bytes, avx2._mm256_and_si256(set, avx._mm256_set1_epi8(16)))
    }

    #[inline(always)]
    fn halves<const BYTES: usize, const N: usize>(self, blocks: &[[u8; BYTES]], at: usize) -> [f32; N] {
        let mut halves = [0.0; N];
        for (half, block) in halves.iter_mut().zip(blocks) {
            *half = half_at(block, at);
        }
        halves
    }

    #[inline(always)]
    fn two_halves(self, block: &[u8], at: usize) -> [f32; 2] {
        [half_at(block, at), half_at(block, at + 2)]
    }
}

impl Narrow for V4 {
    #[inline(always)]
    fn v3(self) -> V3 {
        *self
    }

    #[inline(always)]
    fn add_16_where(self, bytes: __m256i, bits: u32) -> __m256i {
        self.avx512bw._mm256_mask_add_epi8(bytes, bits, bytes, self.avx._mm256_set1_epi8(16))
    }

    #[inline(always)]
    fn halves<const BYTES: usize, const N: usize>(self, blocks: &[[u8; BYTES]], at: usize) -> [f32; N] {
        let mut bits = [0_u16; 8];
        for (bits, block) in bits.iter_mut().take(N).zip(blocks) {
            *bits = u16::from_le_bytes([block[at], block[at + 1]]);
        }
        let four: [f32; 4] = cast::<__m128, _>(self.avx512f._mm_maskz_cvtph_ps(15, cast(bits)));
        let mut halves = [0.0; N];
        for (half, value) in halves.iter_mut().zip(four) {
            *half = value;
        }
        halves
    }

    #[inline(always)]
    fn two_halves(self, block: &[u8], at: usize) -> [f32; 2] {
        let mut bits = [0_u8; 16];
        bits[..4].copy_from_slice(&block[at..at + 4]);
        let [a, b, ..]: [f32; 4] = cast::<__m128, _>(self.avx512f._mm_maskz_cvtph_ps(15, cast(bits)));
        [a, b]
    }
}
