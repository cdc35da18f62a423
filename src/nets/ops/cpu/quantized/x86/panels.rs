//! Rows of weights times many inputs.
//!
//! As many rows of weights as fill two registers are a panel. Its blocks are packed one after the other, and each meets
//! all inputs while it is in the nearest cache.
//!
//! Bytes are multiplied in pairs, and sums of pairs stay in i16 for as many steps as they cannot overflow: inputs are at
//! most 127, and 15, 31 or 63 is the largest number of a format, so that 8, 4 or 2 steps of two bytes are at most 32,004.

use super::super::input::{Input, Rounded};
use super::layouts::{Layout, Q2K, Q3K, Q4K, Q5K, Q6K, Q40, Q41, Q50, Q51, Q80};
use super::pack::{Line, Rows, lines_of_32, lines_of_256};
use super::wide::Wide;
use crate::nets::ops::quantized::Format;
use pulp::NullaryFnOnce;

/// The rows of a panel, in registers.
pub(super) const REGISTERS: usize = 2;

/// At most `R` rows of weights times all rows of the input.
pub(super) struct Panel<'a, W, const R: usize> {
    pub wide: W,
    pub format: Format,
    /// The rows of weights.
    pub bytes: &'a [u8],
    pub row_bytes: usize,
    pub input: &'a Input<'a>,
    /// Where the products of each row of the input are added, one for each row of weights.
    pub to: &'a mut [&'a mut [f32]],
}

impl<W: Wide, const R: usize> NullaryFnOnce for Panel<'_, W, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.format {
            Format::Q4_0 => self.of_32::<18, 4, { lines_of_32(1) }, Q40, 1, 8>(),
            Format::Q4_1 => self.of_32::<20, 4, { lines_of_32(1) }, Q41, 1, 8>(),
            Format::Q5_0 => self.of_32::<22, 5, { lines_of_32(1) }, Q50, 1, 4>(),
            Format::Q5_1 => self.of_32::<24, 5, { lines_of_32(1) }, Q51, 1, 4>(),
            Format::Q8_0 => self.of_32::<34, 8, { lines_of_32(2) }, Q80, 2, 8>(),
            Format::Q2_K => self.of_256::<84, 20, { lines_of_256(16) }, Q2K, 16, 4, 8>(),
            Format::Q3_K => self.of_256::<110, 27, { lines_of_256(16) }, Q3K, 16, 4, 8>(),
            Format::Q4_K => self.of_256::<144, 36, { lines_of_256(8) }, Q4K, 8, 8, 4>(),
            Format::Q5_K => self.of_256::<176, 44, { lines_of_256(8) }, Q5K, 8, 4, 4>(),
            Format::Q6_K => self.of_256::<210, 52, { lines_of_256(16) }, Q6K, 16, 2, 8>(),
            Format::F32 | Format::F16 | Format::BF16 => {}
        }
    }
}

impl<W: Wide, const R: usize> Panel<'_, W, R> {
    /// `BYTES` of a block of 256 numbers in `PARTS` parts become `LINES`; sums stay in i16 for `STEPS`.
    #[inline(always)]
    fn of_256<
        const BYTES: usize,
        const WORDS: usize,
        const LINES: usize,
        L: Layout<W, R, WORDS, LINES>,
        const PARTS: usize,
        const STEPS: usize,
        const PAIRS: usize,
    >(
        self,
    ) {
        let Self { wide, input, .. } = self;
        let x = input.by_256();
        let mut sums = vec![[0.0; R]; self.to.len()];
        let rows = Rows::<W, BYTES, R>::new(wide, self.bytes, self.row_bytes);
        let mut words = [[0; R]; WORDS];
        let mut block = [[0; R]; LINES];
        for at in 0..input.width() / 256 {
            rows.pack::<WORDS, LINES, L>(at, &mut words, &mut block);
            let step = Step { wide, x, block: &block, of_row: input.width() / 256, at };
            let mut row = 0;
            while row < sums.len() {
                // As many inputs at once as there are registers for.
                row += match (W::LANES, sums.len() - row) {
                    (16, 5..) => step.times_256::<6, PARTS, STEPS, PAIRS>(row, &mut sums),
                    (16, 3..) => step.times_256::<4, PARTS, STEPS, PAIRS>(row, &mut sums),
                    (_, 2..) => step.times_256::<2, PARTS, STEPS, PAIRS>(row, &mut sums),
                    _ => step.times_256::<1, PARTS, STEPS, PAIRS>(row, &mut sums),
                };
            }
        }
        add(self.to, &sums);
    }

    /// `BYTES` of a block of 32 numbers become `LINES`, in `PLANES` planes; sums stay in i16 for `STEPS`.
    #[inline(always)]
    fn of_32<
        const BYTES: usize,
        const WORDS: usize,
        const LINES: usize,
        L: Layout<W, R, WORDS, LINES>,
        const PLANES: usize,
        const STEPS: usize,
    >(
        self,
    ) {
        let Self { wide, input, .. } = self;
        let x = input.by_32();
        let mut sums = vec![[0.0; R]; self.to.len()];
        let rows = Rows::<W, BYTES, R>::new(wide, self.bytes, self.row_bytes);
        let mut words = [[0; R]; WORDS];
        let mut block = [[0; R]; LINES];
        for at in 0..input.width() / 32 {
            rows.pack::<WORDS, LINES, L>(at, &mut words, &mut block);
            let step = Step { wide, x, block: &block, of_row: input.width() / 32, at };
            let mut row = 0;
            while row < sums.len() {
                row += match (W::LANES, sums.len() - row) {
                    (16, 5..) => step.times_32::<6, PLANES, STEPS>(row, &mut sums),
                    (16, 3..) => step.times_32::<4, PLANES, STEPS>(row, &mut sums),
                    (_, 2..) => step.times_32::<2, PLANES, STEPS>(row, &mut sums),
                    _ => step.times_32::<1, PLANES, STEPS>(row, &mut sums),
                };
            }
        }
        add(self.to, &sums);
    }
}

#[inline(always)]
fn add<const R: usize>(to: &mut [&mut [f32]], sums: &[[f32; R]]) {
    for (to, sums) in to.iter_mut().zip(sums) {
        for (to, sum) in to.iter_mut().zip(sums) {
            *to += sum;
        }
    }
}

/// A packed block and the blocks of the inputs that it meets.
struct Step<'a, W, const LEN: usize, const R: usize, const LINES: usize> {
    wide: W,
    x: &'a Rounded<LEN>,
    block: &'a [Line<R>; LINES],
    /// Blocks of a row of the input.
    of_row: usize,
    /// The block's place in its row.
    at: usize,
}

impl<W: Wide, const LEN: usize, const R: usize, const LINES: usize> Step<'_, W, LEN, R, LINES> {
    /// The blocks of `T` inputs from `row` on: if there are fewer, the last one again.
    #[inline(always)]
    fn blocks<const T: usize>(&self, row: usize, count: usize) -> [usize; T] {
        let mut at = [0; T];
        for (t, at) in at.iter_mut().enumerate() {
            *at = (row + t).min(count - 1) * self.of_row + self.at;
        }
        at
    }

    /// The words of a line in registers.
    #[inline(always)]
    fn line(&self, line: usize) -> [W::Integers; REGISTERS] {
        let mut registers = [self.wide.zero(); REGISTERS];
        for (r, register) in registers.iter_mut().enumerate() {
            *register = self.wide.words(&self.block[line][r * W::LANES..]);
        }
        registers
    }

    /// Bytes of `STEPS` lines from `first` on times four bytes for each of `T` inputs from word `word` on, as i16.
    #[inline(always)]
    fn short<const T: usize, const WORDS: usize, const STEPS: usize>(
        &self,
        xs: &[&[u32; WORDS]; T],
        first: usize,
        word: usize,
    ) -> [[W::Integers; REGISTERS]; T] {
        let wide = self.wide;
        let mut short = [[wide.zero(); REGISTERS]; T];
        for step in 0..STEPS {
            let weights = self.line(first + step);
            for t in 0..T {
                let x = wide.word(xs[t][word + step]);
                for r in 0..REGISTERS {
                    short[t][r] = wide.add_16(short[t][r], wide.multiply_bytes(weights[r], x));
                }
            }
        }
        short
    }
}

impl<W: Wide, const R: usize, const LINES: usize> Step<'_, W, 256, R, LINES> {
    /// Adds the products with `T` inputs from `row` on to their sums; gives `T` back.
    #[inline(always)]
    fn times_256<const T: usize, const PARTS: usize, const STEPS: usize, const PAIRS: usize>(
        &self,
        row: usize,
        sums: &mut [[f32; R]],
    ) -> usize {
        let wide = self.wide;
        let blocks: [usize; T] = self.blocks(row, sums.len());
        let numbers = self.x.words::<64>();
        let mut xs = [&numbers[0]; T];
        for (x, block) in xs.iter_mut().zip(blocks) {
            *x = &numbers[block];
        }
        let mut whole = [[wide.zero(); REGISTERS]; T];
        for part in 0..PARTS {
            let scales = self.line(64 + part);
            for group in 0..64 / PARTS / STEPS {
                let first = 64 / PARTS * part + STEPS * group;
                let short = self.short::<T, 64, STEPS>(&xs, first, first);
                for t in 0..T {
                    for r in 0..REGISTERS {
                        whole[t][r] = wide.add_32(whole[t][r], wide.multiply_16(short[t][r], scales[r]));
                    }
                }
            }
        }
        let parts = self.x.sums::<PAIRS>();
        let mut below = [[wide.zero(); REGISTERS]; T];
        for pair in 0..PAIRS {
            let minima = self.line(64 + PARTS + pair);
            for t in 0..T {
                let x = wide.word(parts[blocks[t]][pair]);
                for r in 0..REGISTERS {
                    below[t][r] = wide.add_32(below[t][r], wide.multiply_16(minima[r], x));
                }
            }
        }
        let (scale, least) = (self.line(LINES - 2), self.line(LINES - 1));
        for t in 0..T.min(sums.len() - row) {
            let x = wide.float(self.x.scales[blocks[t]]);
            for r in 0..REGISTERS {
                let to = &mut sums[row + t][r * W::LANES..];
                let (scale, least) = (wide.multiply(wide.bits(scale[r]), x), wide.multiply(wide.bits(least[r]), x));
                let sum = wide.multiply_add(wide.floats(whole[t][r]), scale, wide.load(to));
                wide.store(wide.multiply_add(wide.floats(below[t][r]), least, sum), to);
            }
        }
        T
    }
}

impl<W: Wide, const R: usize, const LINES: usize> Step<'_, W, 32, R, LINES> {
    /// Adds the products with `T` inputs from `row` on to their sums; gives `T` back.
    #[inline(always)]
    fn times_32<const T: usize, const PLANES: usize, const STEPS: usize>(
        &self,
        row: usize,
        sums: &mut [[f32; R]],
    ) -> usize {
        let wide = self.wide;
        let blocks: [usize; T] = self.blocks(row, sums.len());
        let numbers = self.x.words::<8>();
        let mut xs = [&numbers[0]; T];
        for (x, block) in xs.iter_mut().zip(blocks) {
            *x = &numbers[block];
        }
        let mut whole = [[wide.zero(); REGISTERS]; T];
        for plane in 0..PLANES {
            // The second plane is the upper halves of bytes.
            let factor = wide.word(if plane == 0 { 0x0001_0001 } else { 0x0010_0010 });
            for group in 0..8 / STEPS {
                let short = self.short::<T, 8, STEPS>(&xs, 8 * plane + STEPS * group, STEPS * group);
                for t in 0..T {
                    for r in 0..REGISTERS {
                        whole[t][r] = wide.add_32(whole[t][r], wide.multiply_16(short[t][r], factor));
                    }
                }
            }
        }
        let (scale, least) = (self.line(LINES - 2), self.line(LINES - 1));
        for t in 0..T.min(sums.len() - row) {
            let (x, total) = (wide.float(self.x.scales[blocks[t]]), wide.float(self.x.totals[blocks[t]]));
            for r in 0..REGISTERS {
                let to = &mut sums[row + t][r * W::LANES..];
                let scale = wide.multiply(wide.bits(scale[r]), x);
                let sum = wide.multiply_add(wide.floats(whole[t][r]), scale, wide.load(to));
                wide.store(wide.multiply_add(wide.bits(least[r]), total, sum), to);
            }
        }
        T
    }
}
