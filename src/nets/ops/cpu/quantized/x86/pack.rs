//! Rows of weights to panels: numbers, scales and minima of all rows side by side, so that the lanes of a register are
//! rows.
//!
//! A panel is a list of blocks, and a block is lines of `R` words, one word for each row of weights:
//!
//! - the numbers from 0, four bytes in a word. `Q8_0` has them twice: the lower and then the upper half of each byte;
//! - for blocks of 256: the scales of the parts, as two equal i16, and the minima of two parts each, as i16;
//! - the scale and the minimum of the block, as the bits of f32.

use super::super::blocks::{float_bits, word_at};
use super::layouts::Layout;
use super::wide::Wide;
use pulp::bytemuck::cast;
use pulp::x86::V3;
use std::arch::x86_64::{__m128i, _MM_HINT_T0};

/// Lines of a block of 32 numbers with one or two planes.
pub(super) const fn lines_of_32(planes: usize) -> usize {
    8 * planes + 2
}

/// Lines of a block of 256 numbers in some parts.
pub(super) const fn lines_of_256(parts: usize) -> usize {
    64 + parts + parts / 2 + 2
}

/// A word of each row.
pub(super) type Line<const R: usize> = [u32; R];

/// Rows of weights, as blocks.
pub(super) struct Rows<'a, W, const BYTES: usize, const R: usize> {
    wide: W,
    blocks: [&'a [[u8; BYTES]]; R],
}

impl<'a, W: Wide, const BYTES: usize, const R: usize> Rows<'a, W, BYTES, R> {
    /// At most `R` rows. Where there are fewer, the last one fills their places.
    #[inline(always)]
    pub fn new(wide: W, bytes: &'a [u8], row_bytes: usize) -> Self {
        let mut blocks = [&[] as &[[u8; BYTES]]; R];
        let last = bytes.len() / row_bytes - 1;
        for (index, row) in blocks.iter_mut().enumerate() {
            *row = bytes[index.min(last) * row_bytes..][..row_bytes].as_chunks().0;
        }
        Self { wide, blocks }
    }

    /// Packs block `at` of all rows.
    #[inline(always)]
    pub fn pack<const WORDS: usize, const LINES: usize, L: Layout<W, R, WORDS, LINES>>(
        &self,
        at: usize,
        words: &mut [Line<R>; WORDS],
        to: &mut [Line<R>; LINES],
    ) {
        for first in (0..R).step_by(4) {
            for word in (0..WORDS / 4 * 4).step_by(4) {
                let mut four = [[0; 16]; 4];
                for (i, four) in four.iter_mut().enumerate() {
                    four.copy_from_slice(&self.blocks[first + i][at][L::FIRST + 4 * word..][..16]);
                }
                turn(self.wide.v3(), four, first, &mut words[word..]);
            }
        }
        for word in WORDS / 4 * 4..WORDS {
            for (to, row) in words[word].iter_mut().zip(&self.blocks) {
                *to = word_at(&row[at], L::FIRST + 4 * word);
            }
        }
        self.ask_for(at + 1);
        L::pack(self.wide, words, to);
        if let [.., scales, minima] = to.as_mut_slice() {
            self.floats(at, L::SCALE, scales);
            match L::LEAST {
                (Some(least), _) => self.floats(at, least, minima),
                (None, _) => *minima = *scales,
            }
            let (_, factor) = L::LEAST;
            for least in minima {
                *least = (f32::from_bits(*least) * factor).to_bits();
            }
        }
    }

    /// The next blocks come from as many places in memory as there are rows, which is more than processors foresee.
    #[inline(always)]
    fn ask_for(&self, at: usize) {
        for row in &self.blocks {
            if let Some(block) = row.get(at) {
                for part in block.chunks(64) {
                    self.wide.v3().sse._mm_prefetch::<_MM_HINT_T0>(part.as_ptr().cast());
                }
            }
        }
    }

    /// The f16 at byte `byte` of block `at` of all rows, as the bits of f32.
    #[inline(always)]
    fn floats(&self, at: usize, byte: usize, to: &mut Line<R>) {
        for (to, row) in to.iter_mut().zip(&self.blocks) {
            *to = u32::from(u16::from_le_bytes([row[at][byte], row[at][byte + 1]]));
        }
        for bits in to {
            *bits = float_bits(*bits);
        }
    }
}

/// Four words of four rows to four places of four lines.
#[inline(always)]
fn turn<const R: usize>(simd: V3, rows: [[u8; 16]; 4], row: usize, to: &mut [Line<R>]) {
    let simd = simd.sse2;
    let [a, b, c, d]: [__m128i; 4] = cast(rows);
    let (ab, cd) = (simd._mm_unpacklo_epi32(a, b), simd._mm_unpacklo_epi32(c, d));
    let (ab_high, cd_high) = (simd._mm_unpackhi_epi32(a, b), simd._mm_unpackhi_epi32(c, d));
    let turned: [[u32; 4]; 4] = cast([
        simd._mm_unpacklo_epi64(ab, cd),
        simd._mm_unpackhi_epi64(ab, cd),
        simd._mm_unpacklo_epi64(ab_high, cd_high),
        simd._mm_unpackhi_epi64(ab_high, cd_high),
    ]);
    for (to, turned) in to.iter_mut().zip(turned) {
        to[row..row + 4].copy_from_slice(&turned);
    }
}
