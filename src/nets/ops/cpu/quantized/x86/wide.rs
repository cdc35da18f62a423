//! The few instructions that products of whole panels need, in both widths.

use pulp::bytemuck::cast;
use pulp::x86::{V3, V4};
use std::arch::x86_64::{__m256, __m256i, __m512, __m512i};

/// Vector instructions of one width.
pub(super) trait Wide: Copy {
    /// A register of integers.
    type Integers: Copy;
    /// A register of f32.
    type Floats: Copy;
    /// Words, and f32, of a register.
    const LANES: usize;

    /// The first words of `from`.
    fn words(self, from: &[u32]) -> Self::Integers;
    /// The same word in all places.
    fn word(self, word: u32) -> Self::Integers;
    fn zero(self) -> Self::Integers;
    /// Unsigned bytes times signed bytes, sums of two as i16, which must be large enough for them.
    fn multiply_bytes(self, unsigned: Self::Integers, signed: Self::Integers) -> Self::Integers;
    /// Products of i16, sums of two as i32.
    fn multiply_16(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    fn add_16(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    fn add_32(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    /// From i32.
    fn floats(self, from: Self::Integers) -> Self::Floats;
    /// Words that are the bits of f32.
    fn bits(self, from: Self::Integers) -> Self::Floats;
    fn float(self, value: f32) -> Self::Floats;
    fn multiply(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a · b + c`
    fn multiply_add(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// The first values of `from`.
    fn load(self, from: &[f32]) -> Self::Floats;
    /// To the first values of `to`.
    fn store(self, values: Self::Floats, to: &mut [f32]);
    /// To the first words of `to`.
    fn put(self, words: Self::Integers, to: &mut [u32]);
    fn and(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    fn or(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    fn xor(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    fn sub_32(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    /// The lower half of products of words.
    fn multiply_32(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    /// Words to the left.
    fn left(self, a: Self::Integers, bits: usize) -> Self::Integers;
    /// Words to the right; zeros come in.
    fn right(self, a: Self::Integers, bits: usize) -> Self::Integers;
    /// Words to the right; the sign comes in.
    fn right_signed(self, a: Self::Integers, bits: usize) -> Self::Integers;
    /// The narrower instructions.
    fn v3(self) -> V3;
}

impl Wide for V3 {
    type Integers = __m256i;
    type Floats = __m256;
    const LANES: usize = 8;

    #[inline(always)]
    fn words(self, from: &[u32]) -> __m256i {
        let mut words = [0; 8];
        words.copy_from_slice(&from[..8]);
        cast(words)
    }

    #[inline(always)]
    fn word(self, word: u32) -> __m256i {
        self.avx._mm256_set1_epi32(word.cast_signed())
    }

    #[inline(always)]
    fn zero(self) -> __m256i {
        self.avx._mm256_setzero_si256()
    }

    #[inline(always)]
    fn multiply_bytes(self, unsigned: __m256i, signed: __m256i) -> __m256i {
        self.avx2._mm256_maddubs_epi16(unsigned, signed)
    }

    #[inline(always)]
    fn multiply_16(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_madd_epi16(a, b)
    }

    #[inline(always)]
    fn add_16(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_add_epi16(a, b)
    }

    #[inline(always)]
    fn add_32(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_add_epi32(a, b)
    }

    #[inline(always)]
    fn floats(self, from: __m256i) -> __m256 {
        self.avx._mm256_cvtepi32_ps(from)
    }

    #[inline(always)]
    fn bits(self, from: __m256i) -> __m256 {
        cast(from)
    }

    #[inline(always)]
    fn float(self, value: f32) -> __m256 {
        self.avx._mm256_set1_ps(value)
    }

    #[inline(always)]
    fn multiply(self, a: __m256, b: __m256) -> __m256 {
        self.avx._mm256_mul_ps(a, b)
    }

    #[inline(always)]
    fn multiply_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        self.fma._mm256_fmadd_ps(a, b, c)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let mut values = [0.0; 8];
        values.copy_from_slice(&from[..8]);
        cast(values)
    }

    #[inline(always)]
    fn store(self, values: __m256, to: &mut [f32]) {
        to[..8].copy_from_slice(&cast::<_, [f32; 8]>(values));
    }

    #[inline(always)]
    fn put(self, words: __m256i, to: &mut [u32]) {
        to[..8].copy_from_slice(&cast::<_, [u32; 8]>(words));
    }

    #[inline(always)]
    fn and(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_and_si256(a, b)
    }

    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_or_si256(a, b)
    }

    #[inline(always)]
    fn xor(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_xor_si256(a, b)
    }

    #[inline(always)]
    fn sub_32(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_sub_epi32(a, b)
    }

    #[inline(always)]
    fn multiply_32(self, a: __m256i, b: __m256i) -> __m256i {
        self.avx2._mm256_mullo_epi32(a, b)
    }

    #[inline(always)]
    fn left(self, a: __m256i, bits: usize) -> __m256i {
        self.avx2._mm256_sll_epi32(a, cast([bits as u64, 0]))
    }

    #[inline(always)]
    fn right(self, a: __m256i, bits: usize) -> __m256i {
        self.avx2._mm256_srl_epi32(a, cast([bits as u64, 0]))
    }

    #[inline(always)]
    fn right_signed(self, a: __m256i, bits: usize) -> __m256i {
        self.avx2._mm256_sra_epi32(a, cast([bits as u64, 0]))
    }

    #[inline(always)]
    fn v3(self) -> V3 {
        self
    }
}

impl Wide for V4 {
    type Integers = __m512i;
    type Floats = __m512;
    const LANES: usize = 16;

    #[inline(always)]
    fn words(self, from: &[u32]) -> __m512i {
        let mut words = [0; 16];
        words.copy_from_slice(&from[..16]);
        cast(words)
    }

    #[inline(always)]
    fn word(self, word: u32) -> __m512i {
        self.avx512f._mm512_set1_epi32(word.cast_signed())
    }

    #[inline(always)]
    fn zero(self) -> __m512i {
        self.avx512f._mm512_setzero_si512()
    }

    #[inline(always)]
    fn multiply_bytes(self, unsigned: __m512i, signed: __m512i) -> __m512i {
        self.avx512bw._mm512_maddubs_epi16(unsigned, signed)
    }

    #[inline(always)]
    fn multiply_16(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512bw._mm512_madd_epi16(a, b)
    }

    #[inline(always)]
    fn add_16(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512bw._mm512_add_epi16(a, b)
    }

    #[inline(always)]
    fn add_32(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_add_epi32(a, b)
    }

    #[inline(always)]
    fn floats(self, from: __m512i) -> __m512 {
        self.avx512f._mm512_cvtepi32_ps(from)
    }

    #[inline(always)]
    fn bits(self, from: __m512i) -> __m512 {
        cast(from)
    }

    #[inline(always)]
    fn float(self, value: f32) -> __m512 {
        self.avx512f._mm512_set1_ps(value)
    }

    #[inline(always)]
    fn multiply(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_mul_ps(a, b)
    }

    #[inline(always)]
    fn multiply_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        self.avx512f._mm512_fmadd_ps(a, b, c)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let mut values = [0.0; 16];
        values.copy_from_slice(&from[..16]);
        cast(values)
    }

    #[inline(always)]
    fn store(self, values: __m512, to: &mut [f32]) {
        to[..16].copy_from_slice(&cast::<_, [f32; 16]>(values));
    }

    #[inline(always)]
    fn put(self, words: __m512i, to: &mut [u32]) {
        to[..16].copy_from_slice(&cast::<_, [u32; 16]>(words));
    }

    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_and_si512(a, b)
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_or_si512(a, b)
    }

    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_xor_si512(a, b)
    }

    #[inline(always)]
    fn sub_32(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_sub_epi32(a, b)
    }

    #[inline(always)]
    fn multiply_32(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_mullo_epi32(a, b)
    }

    #[inline(always)]
    fn left(self, a: __m512i, bits: usize) -> __m512i {
        self.avx512f._mm512_sll_epi32(a, cast([bits as u64, 0]))
    }

    #[inline(always)]
    fn right(self, a: __m512i, bits: usize) -> __m512i {
        self.avx512f._mm512_srl_epi32(a, cast([bits as u64, 0]))
    }

    #[inline(always)]
    fn right_signed(self, a: __m512i, bits: usize) -> __m512i {
        self.avx512f._mm512_sra_epi32(a, cast([bits as u64, 0]))
    }

    #[inline(always)]
    fn v3(self) -> V3 {
        *self
    }
}
