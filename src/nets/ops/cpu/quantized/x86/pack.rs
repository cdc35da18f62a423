//! Rows of weights to panels: numbers, scales and minima of all rows side by side, so that the lanes of a register are
//! rows.
//!
//! A panel is a list of blocks, and a block is rows of `R` words, one for each row of weights:
//!
//! - the numbers from 0, four bytes in a word. `Q8_0` has them twice: the lower and then the upper half of each byte;
//! - for blocks of 256: the scales of the parts, as two equal i16, and the minima of two parts each, as i16;
//! - the scale and the minimum of the block, as the bits of f32.

use super::super::blocks::{byte_of, half_at, scales_of_8, scales_of_16, word_at};
use crate::nets::ops::quantized::Format;
use pulp::NullaryFnOnce;

/// Rows of words in a block of 32 numbers with one or two planes.
pub(super) const fn words_of_32(planes: usize) -> usize {
    8 * planes + 2
}

/// Rows of words in a block of 256 numbers in some parts.
pub(super) const fn words_of_256(parts: usize) -> usize {
    64 + parts + parts / 2 + 2
}

/// Words of a panel of `rows` rows of `inputs` numbers.
pub(super) fn panel_words(format: Format, rows: usize, inputs: usize) -> usize {
    let words = match format {
        Format::Q4_0 | Format::Q4_1 | Format::Q5_0 | Format::Q5_1 => words_of_32(1),
        Format::Q8_0 => words_of_32(2),
        Format::Q4_K | Format::Q5_K => words_of_256(8),
        Format::Q2_K | Format::Q3_K | Format::Q6_K => words_of_256(16),
        Format::F32 | Format::F16 | Format::BF16 => 0,
    };
    inputs / format.block_len() * words * rows
}

/// Packs rows, at most `R`; those that are missing become zero.
pub(super) struct Pack<'a, const R: usize> {
    pub format: Format,
    pub bytes: &'a [u8],
    pub row_bytes: usize,
    /// [`panel_words`] of `R` rows.
    pub to: &'a mut [u32],
}

impl<const R: usize> NullaryFnOnce for Pack<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.format {
            Format::Q4_0 => self.each::<18, 4, { words_of_32(1) }, Q40>(2),
            Format::Q4_1 => self.each::<20, 4, { words_of_32(1) }, Q41>(4),
            Format::Q5_0 => self.each::<22, 4, { words_of_32(1) }, Q50>(6),
            Format::Q5_1 => self.each::<24, 4, { words_of_32(1) }, Q51>(8),
            Format::Q8_0 => self.each::<34, 8, { words_of_32(2) }, Q80>(2),
            Format::Q2_K => self.each::<84, 16, { words_of_256(16) }, Q2K>(16),
            Format::Q3_K => self.each::<110, 24, { words_of_256(16) }, Q3K>(0),
            Format::Q4_K => self.each::<144, 32, { words_of_256(8) }, Q4K>(16),
            Format::Q5_K => self.each::<176, 40, { words_of_256(8) }, Q5K>(16),
            Format::Q6_K => self.each::<210, 48, { words_of_256(16) }, Q6K>(0),
            Format::F32 | Format::F16 | Format::BF16 => {}
        }
    }
}

/// How blocks of a format are packed. A function handed over as an argument would not be compiled with the vector
/// instructions.
trait Layout<const R: usize, const BYTES: usize, const WORDS: usize, const LINES: usize> {
    fn pack(blocks: &[[u8; BYTES]; R], words: &[Line<R>; WORDS], to: &mut [Line<R>; LINES]);
}

/// A row of words of a panel.
type Line<const R: usize> = [u32; R];

impl<const R: usize> Pack<'_, R> {
    /// `BYTES` of a block become `LINES`. The `WORDS` words that begin at byte `at` of each block hold the numbers.
    #[inline(always)]
    fn each<const BYTES: usize, const WORDS: usize, const LINES: usize, L: Layout<R, BYTES, WORDS, LINES>>(
        self,
        at: usize,
    ) {
        let blocks = self.to.as_chunks_mut::<R>().0.as_chunks_mut::<LINES>().0;
        let mut there = [[0; BYTES]; R];
        let mut words = [[0; R]; WORDS];
        for (index, to) in blocks.iter_mut().enumerate() {
            for (row, (there, bytes)) in there.iter_mut().zip(self.bytes.chunks_exact(self.row_bytes)).enumerate() {
                there.copy_from_slice(&bytes[index * BYTES..][..BYTES]);
                for (words, bytes) in words.iter_mut().zip(there[at..].as_chunks::<4>().0) {
                    words[row] = u32::from_le_bytes(*bytes);
                }
            }
            L::pack(&there, &words, to);
        }
    }
}

const LOW: u32 = 0x0f0f_0f0f;

#[inline(always)]
fn low_nibbles<const R: usize>(from: &Line<R>, to: &mut Line<R>) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from & LOW;
    }
}

#[inline(always)]
fn high_nibbles<const R: usize>(from: &Line<R>, to: &mut Line<R>) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = (from >> 4) & LOW;
    }
}

/// Moves the bits of `mask` in each byte, `shift` to the right and `up` to the left, into other bytes.
#[inline(always)]
fn add_bits<const R: usize>(from: &Line<R>, shift: usize, mask: u32, up: usize, to: &mut Line<R>) {
    for (to, from) in to.iter_mut().zip(from) {
        *to |= ((from >> shift) & mask) << up;
    }
}

/// What stands for the number 0 of a block.
#[derive(Clone, Copy)]
enum Least {
    /// The f16 at a byte, times a factor.
    At(usize, f32),
    /// The scale times a factor.
    Scale(f32),
}

/// The scale, at byte `scale`, and the minimum of a block.
#[inline(always)]
fn ends<const BYTES: usize, const R: usize>(blocks: &[[u8; BYTES]; R], to: &mut [Line<R>], scale: usize, least: Least) {
    if let [.., scales, minima] = to {
        for ((to, to_least), block) in scales.iter_mut().zip(minima).zip(blocks) {
            let scale = half_at(block, scale);
            let least = match least {
                Least::At(at, factor) => factor * half_at(block, at),
                Least::Scale(factor) => factor * scale,
            };
            (*to, *to_least) = (scale.to_bits(), least.to_bits());
        }
    }
}

#[inline(always)]
fn halves_of_32<const R: usize>(words: &[Line<R>; 4], to: &mut [Line<R>; words_of_32(1)]) {
    for i in 0..4 {
        low_nibbles(&words[i], &mut to[i]);
        high_nibbles(&words[i], &mut to[i + 4]);
    }
}

/// Spreads the bits of a word over eight lines, one for each byte, as 16.
#[inline(always)]
fn fifth_bits<const BYTES: usize, const R: usize>(blocks: &[[u8; BYTES]; R], at: usize, to: &mut [Line<R>]) {
    let mut bits = [0; R];
    for (bits, block) in bits.iter_mut().zip(blocks) {
        *bits = word_at(block, at);
    }
    for (i, to) in to.iter_mut().take(8).enumerate() {
        for (to, bits) in to.iter_mut().zip(&bits) {
            // The products put bit 0 to 3 at the lowest place of a byte each.
            let four = (bits >> (4 * i)) & 15;
            *to |= (four.wrapping_mul(0x0020_4081) & 0x0101_0101) << 4;
        }
    }
}

struct Q40;

impl<const R: usize> Layout<R, 18, 4, { words_of_32(1) }> for Q40 {
    #[inline(always)]
    fn pack(blocks: &[[u8; 18]; R], words: &[Line<R>; 4], to: &mut [Line<R>; words_of_32(1)]) {
        halves_of_32(words, to);
        ends(blocks, to, 0, Least::Scale(-8.0));
    }
}

struct Q41;

impl<const R: usize> Layout<R, 20, 4, { words_of_32(1) }> for Q41 {
    #[inline(always)]
    fn pack(blocks: &[[u8; 20]; R], words: &[Line<R>; 4], to: &mut [Line<R>; words_of_32(1)]) {
        halves_of_32(words, to);
        ends(blocks, to, 0, Least::At(2, 1.0));
    }
}

struct Q50;

impl<const R: usize> Layout<R, 22, 4, { words_of_32(1) }> for Q50 {
    #[inline(always)]
    fn pack(blocks: &[[u8; 22]; R], words: &[Line<R>; 4], to: &mut [Line<R>; words_of_32(1)]) {
        halves_of_32(words, to);
        fifth_bits(blocks, 2, to);
        ends(blocks, to, 0, Least::Scale(-16.0));
    }
}

struct Q51;

impl<const R: usize> Layout<R, 24, 4, { words_of_32(1) }> for Q51 {
    #[inline(always)]
    fn pack(blocks: &[[u8; 24]; R], words: &[Line<R>; 4], to: &mut [Line<R>; words_of_32(1)]) {
        halves_of_32(words, to);
        fifth_bits(blocks, 4, to);
        ends(blocks, to, 0, Least::At(2, 1.0));
    }
}

struct Q80;

impl<const R: usize> Layout<R, 34, 8, { words_of_32(2) }> for Q80 {
    #[inline(always)]
    fn pack(blocks: &[[u8; 34]; R], words: &[Line<R>; 8], to: &mut [Line<R>; words_of_32(2)]) {
        for i in 0..8 {
            let mut from_zero = words[i];
            for word in &mut from_zero {
                *word ^= 0x8080_8080;
            }
            low_nibbles(&from_zero, &mut to[i]);
            high_nibbles(&from_zero, &mut to[i + 8]);
        }
        ends(blocks, to, 0, Least::Scale(-128.0));
    }
}

/// Scales and minima of the eight parts of blocks.
#[inline(always)]
fn parts_of_8<const BYTES: usize, const R: usize>(blocks: &[[u8; BYTES]; R], to: &mut [Line<R>; words_of_256(8)]) {
    for (row, block) in blocks.iter().enumerate() {
        let scales = scales_of_8(block, 4);
        for i in 0..8 {
            to[64 + i][row] = u32::from(byte_of(&scales, i)) * 0x0001_0001;
        }
        for i in 0..4 {
            let pair = (byte_of(&scales, 8 + 2 * i), byte_of(&scales, 9 + 2 * i));
            to[72 + i][row] = u32::from(pair.0) | u32::from(pair.1) << 16;
        }
    }
    ends(blocks, to, 0, Least::At(2, -1.0));
}

/// Scales and minima of the sixteen parts of a row's block.
#[inline(always)]
fn parts_of_16<const R: usize>(row: usize, parts: &[[i16; 2]; 16], to: &mut [Line<R>; words_of_256(16)]) {
    for i in 0..16 {
        to[64 + i][row] = u32::from(parts[i][0].cast_unsigned()) * 0x0001_0001;
    }
    for i in 0..8 {
        let pair = [parts[2 * i][1].cast_unsigned(), parts[2 * i + 1][1].cast_unsigned()];
        to[80 + i][row] = u32::from(pair[0]) | u32::from(pair[1]) << 16;
    }
}

struct Q4K;

impl<const R: usize> Layout<R, 144, 32, { words_of_256(8) }> for Q4K {
    #[inline(always)]
    fn pack(blocks: &[[u8; 144]; R], words: &[Line<R>; 32], to: &mut [Line<R>; words_of_256(8)]) {
        for i in 0..32 {
            let at = i / 8 * 16 + i % 8;
            low_nibbles(&words[i], &mut to[at]);
            high_nibbles(&words[i], &mut to[at + 8]);
        }
        parts_of_8(blocks, to);
    }
}

struct Q5K;

impl<const R: usize> Layout<R, 176, 40, { words_of_256(8) }> for Q5K {
    #[inline(always)]
    fn pack(blocks: &[[u8; 176]; R], words: &[Line<R>; 40], to: &mut [Line<R>; words_of_256(8)]) {
        for i in 0..32 {
            let at = i / 8 * 16 + i % 8;
            low_nibbles(&words[8 + i], &mut to[at]);
            high_nibbles(&words[8 + i], &mut to[at + 8]);
            let part = i / 8 * 2;
            add_bits(&words[i % 8], part, 0x0101_0101, 4, &mut to[at]);
            add_bits(&words[i % 8], part + 1, 0x0101_0101, 4, &mut to[at + 8]);
        }
        parts_of_8(blocks, to);
    }
}

struct Q6K;

impl<const R: usize> Layout<R, 210, 48, { words_of_256(16) }> for Q6K {
    #[inline(always)]
    fn pack(blocks: &[[u8; 210]; R], words: &[Line<R>; 48], to: &mut [Line<R>; words_of_256(16)]) {
        for half in 0..2 {
            for i in 0..16 {
                let (from, at) = (16 * half + i, 32 * half + i);
                low_nibbles(&words[from], &mut to[at]);
                high_nibbles(&words[from], &mut to[at + 16]);
            }
            for i in 0..32 {
                add_bits(&words[32 + 8 * half + i % 8], i / 8 * 2, 0x0303_0303, 4, &mut to[32 * half + i]);
            }
        }
        for (row, block) in blocks.iter().enumerate() {
            let mut parts = [[0; 2]; 16];
            for (part, scale) in parts.iter_mut().zip(&block[192..208]) {
                let scale = i16::from(scale.cast_signed());
                *part = [scale, scale];
            }
            parts_of_16(row, &parts, to);
        }
        ends(blocks, to, 208, Least::Scale(-32.0));
    }
}

/// The pairs of bits of the numbers of a block.
#[inline(always)]
fn pairs_of_bits<const R: usize>(words: &[Line<R>], to: &mut [Line<R>; words_of_256(16)]) {
    for i in 0..64 {
        to[i] = [0; R];
        add_bits(&words[i / 32 * 8 + i % 8], i % 32 / 8 * 2, 0x0303_0303, 0, &mut to[i]);
    }
}

struct Q2K;

impl<const R: usize> Layout<R, 84, 16, { words_of_256(16) }> for Q2K {
    #[inline(always)]
    fn pack(blocks: &[[u8; 84]; R], words: &[Line<R>; 16], to: &mut [Line<R>; words_of_256(16)]) {
        pairs_of_bits(words, to);
        for (row, block) in blocks.iter().enumerate() {
            let mut parts = [[0; 2]; 16];
            for (part, both) in parts.iter_mut().zip(block) {
                *part = [i16::from(both & 15), i16::from(both >> 4)];
            }
            parts_of_16(row, &parts, to);
        }
        ends(blocks, to, 80, Least::At(82, -1.0));
    }
}

struct Q3K;

impl<const R: usize> Layout<R, 110, 24, { words_of_256(16) }> for Q3K {
    #[inline(always)]
    fn pack(blocks: &[[u8; 110]; R], words: &[Line<R>; 24], to: &mut [Line<R>; words_of_256(16)]) {
        pairs_of_bits(&words[8..], to);
        for i in 0..64 {
            add_bits(&words[i % 8], i / 8, 0x0101_0101, 2, &mut to[i]);
        }
        for (row, block) in blocks.iter().enumerate() {
            let scales = scales_of_16(block, 96);
            let mut parts = [[0; 2]; 16];
            for (i, part) in parts.iter_mut().enumerate() {
                let scale = i16::from(byte_of(&scales, i)) - 32;
                *part = [scale, scale];
            }
            parts_of_16(row, &parts, to);
        }
        ends(blocks, to, 108, Least::Scale(-4.0));
    }
}
