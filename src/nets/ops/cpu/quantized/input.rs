//! What is multiplied, rounded to 8 bits.

use crate::simd::vectorized_by;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::sync::OnceLock;

/// Rows of numbers, and the same rounded in blocks, once somebody asks for it.
pub(crate) struct Input<'a> {
    pub(super) values: &'a [f32],
    width: usize,
    by_32: OnceLock<Rounded<32>>,
    by_256: OnceLock<Rounded<256>>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(values: &'a [f32], width: usize) -> Self {
        Self { values, width, by_32: OnceLock::new(), by_256: OnceLock::new() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.width..][..self.width]
    }

    pub(super) fn by_32(&self) -> &Rounded<32> {
        self.by_32.get_or_init(|| Rounded::new(self.values))
    }

    pub(super) fn by_256(&self) -> &Rounded<256> {
        self.by_256.get_or_init(|| Rounded::new(self.values))
    }
}

/// Numbers in blocks of `LEN`, each `scale · i8`.
pub(super) struct Rounded<const LEN: usize> {
    /// The bytes, four in a word.
    words: Vec<u32>,
    /// One for each block.
    pub scales: Vec<f32>,
    /// Sums of 32 bytes each, i16, two in a word.
    sums_of_32: Vec<u32>,
    /// Sums of 16 bytes each, i16, two in a word.
    sums_of_16: Vec<u32>,
    /// The scale times the sum of all bytes of a block.
    pub totals: Vec<f32>,
}

/// Numbers that a task rounds.
const STEP: usize = 1 << 14;

impl<const LEN: usize> Rounded<LEN> {
    fn new(values: &[f32]) -> Self {
        let (length, blocks) = (values.len(), values.len() / LEN);
        let mut rounded = Self {
            words: vec![0; length / 4],
            scales: vec![0.0; blocks],
            sums_of_32: vec![0; length.div_ceil(64)],
            sums_of_16: vec![0; length / 32],
            totals: vec![0.0; blocks],
        };
        let Self { words, scales, sums_of_32, sums_of_16, totals } = &mut rounded;
        let round = |(values, words, scales, sums_of_32, sums_of_16, totals)| {
            vectorized_by(Round::<LEN> { values, words, scales, sums_of_32, sums_of_16, totals });
        };
        if length <= STEP {
            round((values, words, scales, sums_of_32, sums_of_16, totals));
        } else {
            (values.par_chunks(STEP), words.par_chunks_mut(STEP / 4), scales.par_chunks_mut(STEP / LEN))
                .into_par_iter()
                .zip((
                    sums_of_32.par_chunks_mut(STEP / 64),
                    sums_of_16.par_chunks_mut(STEP / 32),
                    totals.par_chunks_mut(STEP / LEN),
                ))
                .for_each(|((values, words, scales), (s32, s16, totals))| {
                    round((values, words, scales, s32, s16, totals));
                });
        }
        rounded
    }
}

#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only x86 multiplies integers so far"))]
impl<const LEN: usize> Rounded<LEN> {
    /// The bytes of all blocks, in words.
    #[inline(always)]
    pub fn words<const WORDS: usize>(&self) -> &[[u32; WORDS]] {
        const { assert!(WORDS == LEN / 4) };
        self.words.as_chunks().0
    }

    /// The bytes of all blocks.
    #[inline(always)]
    pub fn bytes(&self) -> &[[u8; LEN]] {
        pulp::bytemuck::cast_slice::<u32, u8>(&self.words).as_chunks().0
    }

    /// Sums of `LEN / 16` parts of 16 bytes of all blocks, or of `LEN / 32` parts of 32; i16, two in a word.
    #[inline(always)]
    pub fn sums<const WORDS: usize>(&self) -> &[[u32; WORDS]] {
        if WORDS * 32 == LEN { self.sums_of_16.as_chunks().0 } else { self.sums_of_32.as_chunks().0 }
    }
}

struct Round<'a, const LEN: usize> {
    values: &'a [f32],
    words: &'a mut [u32],
    scales: &'a mut [f32],
    sums_of_32: &'a mut [u32],
    sums_of_16: &'a mut [u32],
    totals: &'a mut [f32],
}

impl<const LEN: usize> WithSimd for Round<'_, LEN> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let bytes: &mut [i8] = pulp::bytemuck::cast_slice_mut(self.words);
        let blocks = self.values.as_chunks::<LEN>().0.iter().zip(bytes.as_chunks_mut::<LEN>().0);
        for ((values, bytes), scale) in blocks.zip(self.scales.iter_mut()) {
            let mut most = [0.0_f32; 32];
            for row in values.as_chunks::<32>().0 {
                for (most, x) in most.iter_mut().zip(row) {
                    let size = x.abs();
                    *most = if size > *most { size } else { *most };
                }
            }
            let mut largest = 0.0_f32;
            for most in most {
                largest = largest.max(most);
            }
            *scale = largest / 127.0;
            let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            for (byte, x) in bytes.iter_mut().zip(values) {
                // Adding 1.5 · 2²³ leaves the nearest integer in the lowest bits.
                *byte = (x * inverse + 12_582_912.0).to_bits() as i8;
            }
        }
        let sums: &mut [i16] = pulp::bytemuck::cast_slice_mut(self.sums_of_16);
        for (sum, bytes) in sums.iter_mut().zip(bytes.as_chunks::<16>().0) {
            let mut all = 0;
            for byte in bytes {
                all += i16::from(*byte);
            }
            *sum = all;
        }
        let parts: &[i16] = sums;
        let wide: &mut [i16] = pulp::bytemuck::cast_slice_mut(self.sums_of_32);
        for (sum, [a, b]) in wide.iter_mut().zip(parts.as_chunks::<2>().0) {
            *sum = a + b;
        }
        let totals = self.totals.iter_mut().zip(self.scales.iter());
        for ((total, scale), parts) in totals.zip(parts.chunks_exact(LEN / 16)) {
            let mut all = 0;
            for part in parts {
                all += i32::from(*part);
            }
            *total = scale * all as f32;
        }
    }
}
