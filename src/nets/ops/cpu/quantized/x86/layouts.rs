//! What the words of a block mean, for all rows of a panel at once.

use super::pack::{Line, lines_of_32, lines_of_256};
use super::panels::REGISTERS;
use super::wide::Wide;

/// How blocks of a format are packed. A function handed over as an argument would not be compiled with the vector
/// instructions; a trait's is.
pub(super) trait Layout<W, const R: usize, const WORDS: usize, const LINES: usize> {
    /// The byte of a block where its words begin.
    const FIRST: usize;
    /// The byte where its scale is.
    const SCALE: usize;
    /// The byte where its minimum is, if it is not the scale, and what it is multiplied by.
    const LEAST: (Option<usize>, f32);

    /// Writes all lines but the last two.
    fn pack(wide: W, words: &[Line<R>; WORDS], to: &mut [Line<R>; LINES]);
}

const LOW: u32 = 0x0f0f_0f0f;

/// Register `r` of a line.
#[inline(always)]
fn get<W: Wide, const R: usize>(wide: W, line: &Line<R>, r: usize) -> W::Integers {
    wide.words(&line[r * W::LANES..])
}

// Loops over words would be turned inside out by the compiler, into gathered words.
#[inline(always)]
fn put<W: Wide, const R: usize>(wide: W, words: W::Integers, line: &mut Line<R>, r: usize) {
    wide.put(words, &mut line[r * W::LANES..]);
}

#[inline(always)]
fn low_nibbles<W: Wide, const R: usize>(wide: W, from: &Line<R>, to: &mut Line<R>) {
    for r in 0..REGISTERS {
        put(wide, wide.and(get(wide, from, r), wide.word(LOW)), to, r);
    }
}

#[inline(always)]
fn high_nibbles<W: Wide, const R: usize>(wide: W, from: &Line<R>, to: &mut Line<R>) {
    for r in 0..REGISTERS {
        put(wide, wide.and(wide.right(get(wide, from, r), 4), wide.word(LOW)), to, r);
    }
}

/// The bits of `mask` after a shift to the right, and then one to the left.
#[inline(always)]
fn bits<W: Wide>(wide: W, from: W::Integers, right: usize, mask: u32, left: usize) -> W::Integers {
    wide.left(wide.and(wide.right(from, right), wide.word(mask)), left)
}

#[inline(always)]
fn add_bits<W: Wide, const R: usize>(
    wide: W,
    from: &Line<R>,
    (right, mask, left): (usize, u32, usize),
    to: &mut Line<R>,
) {
    for r in 0..REGISTERS {
        let more = bits(wide, get(wide, from, r), right, mask, left);
        put(wide, wide.or(get(wide, to, r), more), to, r);
    }
}

#[inline(always)]
fn halves_of_32<W: Wide, const R: usize>(wide: W, words: &[Line<R>], to: &mut [Line<R>; lines_of_32(1)]) {
    for i in 0..4 {
        low_nibbles(wide, &words[i], &mut to[i]);
        high_nibbles(wide, &words[i], &mut to[i + 4]);
    }
}

/// Spreads the bits of a word over eight lines, one for each byte, as 16.
#[inline(always)]
fn fifth_bits<W: Wide, const R: usize>(wide: W, from: &Line<R>, to: &mut [Line<R>; lines_of_32(1)]) {
    for r in 0..REGISTERS {
        let all = get(wide, from, r);
        for i in 0..8 {
            // The product puts bit 0 to 3 at the lowest place of a byte each.
            let four = bits(wide, all, 4 * i, 15, 0);
            let spread = wide.multiply_32(four, wide.word(0x0020_4081));
            let spread = bits(wide, spread, 0, 0x0101_0101, 4);
            put(wide, wide.or(get(wide, &to[i], r), spread), &mut to[i], r);
        }
    }
}

pub(super) struct Q40;

impl<W: Wide, const R: usize> Layout<W, R, 4, { lines_of_32(1) }> for Q40 {
    const FIRST: usize = 2;
    const SCALE: usize = 0;
    const LEAST: (Option<usize>, f32) = (None, -8.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 4], to: &mut [Line<R>; lines_of_32(1)]) {
        halves_of_32(wide, words, to);
    }
}

pub(super) struct Q41;

impl<W: Wide, const R: usize> Layout<W, R, 4, { lines_of_32(1) }> for Q41 {
    const FIRST: usize = 4;
    const SCALE: usize = 0;
    const LEAST: (Option<usize>, f32) = (Some(2), 1.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 4], to: &mut [Line<R>; lines_of_32(1)]) {
        halves_of_32(wide, words, to);
    }
}

pub(super) struct Q50;

impl<W: Wide, const R: usize> Layout<W, R, 5, { lines_of_32(1) }> for Q50 {
    const FIRST: usize = 2;
    const SCALE: usize = 0;
    const LEAST: (Option<usize>, f32) = (None, -16.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 5], to: &mut [Line<R>; lines_of_32(1)]) {
        halves_of_32(wide, &words[1..], to);
        fifth_bits(wide, &words[0], to);
    }
}

pub(super) struct Q51;

impl<W: Wide, const R: usize> Layout<W, R, 5, { lines_of_32(1) }> for Q51 {
    const FIRST: usize = 4;
    const SCALE: usize = 0;
    const LEAST: (Option<usize>, f32) = (Some(2), 1.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 5], to: &mut [Line<R>; lines_of_32(1)]) {
        halves_of_32(wide, &words[1..], to);
        fifth_bits(wide, &words[0], to);
    }
}

pub(super) struct Q80;

impl<W: Wide, const R: usize> Layout<W, R, 8, { lines_of_32(2) }> for Q80 {
    const FIRST: usize = 2;
    const SCALE: usize = 0;
    const LEAST: (Option<usize>, f32) = (None, -128.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 8], to: &mut [Line<R>; lines_of_32(2)]) {
        for i in 0..8 {
            for r in 0..REGISTERS {
                let from_zero = wide.xor(get(wide, &words[i], r), wide.word(0x8080_8080));
                put(wide, bits(wide, from_zero, 0, LOW, 0), &mut to[i], r);
                put(wide, bits(wide, from_zero, 4, LOW, 0), &mut to[i + 8], r);
            }
        }
    }
}

/// Scales and minima of eight parts, from the three words that hold them.
#[inline(always)]
fn parts_of_8<W: Wide, const R: usize>(wide: W, words: &[Line<R>], to: &mut [Line<R>; lines_of_256(8)]) {
    for r in 0..REGISTERS {
        let [a, b, c] = [get(wide, &words[0], r), get(wide, &words[1], r), get(wide, &words[2], r)];
        let scales =
            [bits(wide, a, 0, 0x3f3f_3f3f, 0), wide.or(bits(wide, c, 0, LOW, 0), bits(wide, a, 6, 0x0303_0303, 4))];
        let minima =
            [bits(wide, b, 0, 0x3f3f_3f3f, 0), wide.or(bits(wide, c, 4, LOW, 0), bits(wide, b, 6, 0x0303_0303, 4))];
        for i in 0..8 {
            let scale = bits(wide, scales[i / 4], 8 * (i % 4), 0xff, 0);
            put(wide, wide.or(scale, wide.left(scale, 16)), &mut to[64 + i], r);
        }
        for i in 0..4 {
            let pair = wide.right(minima[i / 2], 16 * (i % 2));
            let pair = wide.or(bits(wide, pair, 0, 0xff, 0), bits(wide, pair, 8, 0xff, 16));
            put(wide, pair, &mut to[72 + i], r);
        }
    }
}

/// Scales of sixteen parts, from four words of bytes with a sign.
#[inline(always)]
fn scales_of_16<W: Wide, const R: usize>(wide: W, bytes: &[Line<R>], to: &mut [Line<R>; lines_of_256(16)]) {
    for r in 0..REGISTERS {
        for i in 0..16 {
            let scale = wide.left(get(wide, &bytes[i / 4], r), 24 - 8 * (i % 4));
            let scale = wide.right(wide.right_signed(scale, 8), 16);
            put(wide, wide.or(scale, wide.left(scale, 16)), &mut to[64 + i], r);
        }
    }
}

/// Minima of sixteen parts, as their scales.
#[inline(always)]
fn minima_of_16<W: Wide, const R: usize>(wide: W, bytes: &[Line<R>], to: &mut [Line<R>; lines_of_256(16)]) {
    for r in 0..REGISTERS {
        for i in 0..8 {
            let pair = wide.right(get(wide, &bytes[i / 2], r), 16 * (i % 2));
            let low = wide.right(wide.right_signed(wide.left(pair, 24), 8), 16);
            let high = wide.and(wide.right_signed(wide.left(pair, 16), 8), wide.word(0xffff_0000));
            put(wide, wide.or(low, high), &mut to[80 + i], r);
        }
    }
}

/// The pairs of bits of the numbers of a block.
#[inline(always)]
fn pairs_of_bits<W: Wide, const R: usize>(wide: W, words: &[Line<R>], to: &mut [Line<R>; lines_of_256(16)]) {
    for i in 0..64 {
        for r in 0..REGISTERS {
            let word = get(wide, &words[i / 32 * 8 + i % 8], r);
            put(wide, bits(wide, word, i % 32 / 8 * 2, 0x0303_0303, 0), &mut to[i], r);
        }
    }
}

pub(super) struct Q4K;

impl<W: Wide, const R: usize> Layout<W, R, 36, { lines_of_256(8) }> for Q4K {
    const FIRST: usize = 0;
    const SCALE: usize = 0;
    const LEAST: (Option<usize>, f32) = (Some(2), -1.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 36], to: &mut [Line<R>; lines_of_256(8)]) {
        for i in 0..32 {
            let at = i / 8 * 16 + i % 8;
            low_nibbles(wide, &words[4 + i], &mut to[at]);
            high_nibbles(wide, &words[4 + i], &mut to[at + 8]);
        }
        parts_of_8(wide, &words[1..4], to);
    }
}

pub(super) struct Q5K;

impl<W: Wide, const R: usize> Layout<W, R, 44, { lines_of_256(8) }> for Q5K {
    const FIRST: usize = 0;
    const SCALE: usize = 0;
    const LEAST: (Option<usize>, f32) = (Some(2), -1.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 44], to: &mut [Line<R>; lines_of_256(8)]) {
        for i in 0..32 {
            let (at, part) = (i / 8 * 16 + i % 8, i / 8 * 2);
            let (high, low) = (&words[4 + i % 8], &words[12 + i]);
            low_nibbles(wide, low, &mut to[at]);
            high_nibbles(wide, low, &mut to[at + 8]);
            add_bits(wide, high, (part, 0x0101_0101, 4), &mut to[at]);
            add_bits(wide, high, (part + 1, 0x0101_0101, 4), &mut to[at + 8]);
        }
        parts_of_8(wide, &words[1..4], to);
    }
}

pub(super) struct Q6K;

impl<W: Wide, const R: usize> Layout<W, R, 52, { lines_of_256(16) }> for Q6K {
    const FIRST: usize = 0;
    const SCALE: usize = 208;
    const LEAST: (Option<usize>, f32) = (None, -32.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 52], to: &mut [Line<R>; lines_of_256(16)]) {
        for half in 0..2 {
            for i in 0..16 {
                let (from, at) = (16 * half + i, 32 * half + i);
                low_nibbles(wide, &words[from], &mut to[at]);
                high_nibbles(wide, &words[from], &mut to[at + 16]);
            }
            for i in 0..32 {
                let high = &words[32 + 8 * half + i % 8];
                add_bits(wide, high, (i / 8 * 2, 0x0303_0303, 4), &mut to[32 * half + i]);
            }
        }
        scales_of_16(wide, &words[48..], to);
        minima_of_16(wide, &words[48..], to);
    }
}

pub(super) struct Q2K;

impl<W: Wide, const R: usize> Layout<W, R, 20, { lines_of_256(16) }> for Q2K {
    const FIRST: usize = 0;
    const SCALE: usize = 80;
    const LEAST: (Option<usize>, f32) = (Some(82), -1.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 20], to: &mut [Line<R>; lines_of_256(16)]) {
        pairs_of_bits(wide, &words[4..], to);
        let (mut scales, mut minima) = ([[0; R]; 4], [[0; R]; 4]);
        for i in 0..4 {
            low_nibbles(wide, &words[i], &mut scales[i]);
            high_nibbles(wide, &words[i], &mut minima[i]);
        }
        scales_of_16(wide, &scales, to);
        minima_of_16(wide, &minima, to);
    }
}

pub(super) struct Q3K;

impl<W: Wide, const R: usize> Layout<W, R, 27, { lines_of_256(16) }> for Q3K {
    const FIRST: usize = 0;
    const SCALE: usize = 108;
    const LEAST: (Option<usize>, f32) = (None, -4.0);

    #[inline(always)]
    fn pack(wide: W, words: &[Line<R>; 27], to: &mut [Line<R>; lines_of_256(16)]) {
        pairs_of_bits(wide, &words[8..], to);
        for i in 0..64 {
            add_bits(wide, &words[i % 8], (i / 8, 0x0101_0101, 2), &mut to[i]);
        }
        let mut scales = [[0; R]; 4];
        for r in 0..REGISTERS {
            let [a, b, c] = [get(wide, &words[24], r), get(wide, &words[25], r), get(wide, &words[26], r)];
            let low = [
                bits(wide, a, 0, LOW, 0),
                bits(wide, b, 0, LOW, 0),
                bits(wide, a, 4, LOW, 0),
                bits(wide, b, 4, LOW, 0),
            ];
            for i in 0..4 {
                // Six bits each, and 32 too large. Bytes do not borrow from each other when each has its top bit to give.
                let six = wide.or(low[i], bits(wide, c, 2 * i, 0x0303_0303, 4));
                let top = wide.word(0x8080_8080);
                let scale = wide.xor(wide.sub_32(wide.or(six, top), wide.word(0x2020_2020)), top);
                put(wide, scale, &mut scales[i], r);
            }
        }
        scales_of_16(wide, &scales, to);
        minima_of_16(wide, &scales, to);
    }
}
