//! Panels of weights times many inputs.
//!
//! Bytes are multiplied in pairs, and sums of pairs stay in i16 for as many steps as they cannot overflow: inputs are at
//! most 127 and 15, 31 or 63 is the largest number of a format. Two bytes at a time, sums of 32,512 are allowed.

use super::super::input::Input;
use super::pack::{words_of_32, words_of_256};
use super::wide::Wide;
use crate::nets::ops::quantized::Format;
use pulp::NullaryFnOnce;

/// The rows of a panel, in registers.
pub(super) const REGISTERS: usize = 2;

/// A panel times some rows of the input.
pub(super) struct Panel<'a, W> {
    pub wide: W,
    pub format: Format,
    /// A panel of [`super::pack`], of `REGISTERS · LANES` rows.
    pub words: &'a [u32],
    pub input: &'a Input<'a>,
    /// The first row of the input, and how many.
    pub first: usize,
    pub count: usize,
    /// Where products are added: the first `columns` of rows `stride` apart.
    pub to: &'a mut [f32],
    pub stride: usize,
    pub columns: usize,
}

impl<W: Wide> NullaryFnOnce for Panel<'_, W> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.format {
            Format::Q4_0 | Format::Q4_1 => self.tiles_of_32::<1, 8, { words_of_32(1) }>(),
            Format::Q5_0 | Format::Q5_1 => self.tiles_of_32::<1, 4, { words_of_32(1) }>(),
            Format::Q8_0 => self.tiles_of_32::<2, 8, { words_of_32(2) }>(),
            Format::Q4_K => self.tiles_of_256::<8, 8, 4, { words_of_256(8) }>(),
            Format::Q5_K => self.tiles_of_256::<8, 4, 4, { words_of_256(8) }>(),
            Format::Q2_K | Format::Q3_K => self.tiles_of_256::<16, 4, 8, { words_of_256(16) }>(),
            Format::Q6_K => self.tiles_of_256::<16, 2, 8, { words_of_256(16) }>(),
            Format::F32 | Format::F16 | Format::BF16 => {}
        }
    }
}

/// Sums of a tile.
type Sums<F, const T: usize> = [[F; REGISTERS]; T];

impl<W: Wide> Panel<'_, W> {
    #[inline(always)]
    fn tiles_of_256<const PARTS: usize, const STEPS: usize, const PAIRS: usize, const LINES: usize>(mut self) {
        // As many inputs at once as there are registers for.
        let mut row = 0;
        while row < self.count {
            let left = self.count - row;
            row += match W::LANES {
                16 if left > 4 => self.tile_of_256::<6, PARTS, STEPS, PAIRS, LINES>(row),
                16 if left > 2 => self.tile_of_256::<4, PARTS, STEPS, PAIRS, LINES>(row),
                _ => self.tile_of_256::<2, PARTS, STEPS, PAIRS, LINES>(row),
            };
        }
    }

    #[inline(always)]
    fn tiles_of_32<const PLANES: usize, const STEPS: usize, const LINES: usize>(mut self) {
        let mut row = 0;
        while row < self.count {
            let left = self.count - row;
            row += match W::LANES {
                16 if left > 4 => self.tile_of_32::<6, PLANES, STEPS, LINES>(row),
                16 if left > 2 => self.tile_of_32::<4, PLANES, STEPS, LINES>(row),
                _ => self.tile_of_32::<2, PLANES, STEPS, LINES>(row),
            };
        }
    }

    /// `T` inputs from `row` on: if there are fewer, the last one again.
    #[inline(always)]
    fn inputs<const T: usize>(&self, row: usize, blocks: usize) -> [usize; T] {
        let mut at = [0; T];
        for (t, at) in at.iter_mut().enumerate() {
            *at = (self.first + (row + t).min(self.count - 1)) * blocks;
        }
        at
    }

    #[inline(always)]
    fn tile_of_256<const T: usize, const PARTS: usize, const STEPS: usize, const PAIRS: usize, const LINES: usize>(
        &mut self,
        row: usize,
    ) -> usize {
        let wide = self.wide;
        let lanes = W::LANES;
        let line = REGISTERS * lanes;
        let x = self.input.by_256();
        let (numbers, parts) = (x.words::<64>(), x.sums::<PAIRS>());
        let starts: [usize; T] = self.inputs(row, self.input.width() / 256);
        let mut sums = [[wide.float(0.0); REGISTERS]; T];
        for (at, block) in self.words.chunks_exact(LINES * line).enumerate() {
            let (weights, rest) = block.split_at(64 * line);
            let (scales, rest) = rest.split_at(PARTS * line);
            let (minima, rest) = rest.split_at(PAIRS * line);
            let (scale, least) = rest.split_at(line);
            let mut xs = [&numbers[0]; T];
            for (x, start) in xs.iter_mut().zip(starts) {
                *x = &numbers[start + at];
            }
            let mut whole = [[wide.zero(); REGISTERS]; T];
            for part in 0..PARTS {
                for group in 0..64 / PARTS / STEPS {
                    let mut short = [[wide.zero(); REGISTERS]; T];
                    for step in 0..STEPS {
                        let k = 64 / PARTS * part + STEPS * group + step;
                        let mut w = [wide.zero(); REGISTERS];
                        for (r, w) in w.iter_mut().enumerate() {
                            *w = wide.words(&weights[k * line + r * lanes..]);
                        }
                        for t in 0..T {
                            let x = wide.word(xs[t][k]);
                            for r in 0..REGISTERS {
                                short[t][r] = wide.add_16(short[t][r], wide.multiply_bytes(w[r], x));
                            }
                        }
                    }
                    for r in 0..REGISTERS {
                        let scale = wide.words(&scales[part * line + r * lanes..]);
                        for t in 0..T {
                            whole[t][r] = wide.add_32(whole[t][r], wide.multiply_16(short[t][r], scale));
                        }
                    }
                }
            }
            for t in 0..T {
                let index = starts[t] + at;
                let mut below = [wide.zero(); REGISTERS];
                for pair in 0..PAIRS {
                    let x = wide.word(parts[index][pair]);
                    for r in 0..REGISTERS {
                        let minima = wide.words(&minima[pair * line + r * lanes..]);
                        below[r] = wide.add_32(below[r], wide.multiply_16(minima, x));
                    }
                }
                let x = wide.float(x.scales[index]);
                for r in 0..REGISTERS {
                    let scale = wide.multiply(wide.bits(wide.words(&scale[r * lanes..])), x);
                    let least = wide.multiply(wide.bits(wide.words(&least[r * lanes..])), x);
                    sums[t][r] = wide.multiply_add(wide.floats(whole[t][r]), scale, sums[t][r]);
                    sums[t][r] = wide.multiply_add(wide.floats(below[r]), least, sums[t][r]);
                }
            }
        }
        self.store(row, &sums)
    }

    #[inline(always)]
    fn tile_of_32<const T: usize, const PLANES: usize, const STEPS: usize, const LINES: usize>(
        &mut self,
        row: usize,
    ) -> usize {
        let wide = self.wide;
        let lanes = W::LANES;
        let line = REGISTERS * lanes;
        let x = self.input.by_32();
        let numbers = x.words::<8>();
        let starts: [usize; T] = self.inputs(row, self.input.width() / 32);
        let mut sums = [[wide.float(0.0); REGISTERS]; T];
        for (at, block) in self.words.chunks_exact(LINES * line).enumerate() {
            let (weights, rest) = block.split_at(8 * PLANES * line);
            let (scale, least) = rest.split_at(line);
            let mut xs = [&numbers[0]; T];
            for (x, start) in xs.iter_mut().zip(starts) {
                *x = &numbers[start + at];
            }
            let mut whole = [[wide.zero(); REGISTERS]; T];
            for plane in 0..PLANES {
                // The second plane is the upper halves of bytes.
                let factor = wide.word(if plane == 0 { 0x0001_0001 } else { 0x0010_0010 });
                for group in 0..8 / STEPS {
                    let mut short = [[wide.zero(); REGISTERS]; T];
                    for step in 0..STEPS {
                        let k = STEPS * group + step;
                        let mut w = [wide.zero(); REGISTERS];
                        for (r, w) in w.iter_mut().enumerate() {
                            *w = wide.words(&weights[(8 * plane + k) * line + r * lanes..]);
                        }
                        for t in 0..T {
                            let x = wide.word(xs[t][k]);
                            for r in 0..REGISTERS {
                                short[t][r] = wide.add_16(short[t][r], wide.multiply_bytes(w[r], x));
                            }
                        }
                    }
                    for t in 0..T {
                        for r in 0..REGISTERS {
                            whole[t][r] = wide.add_32(whole[t][r], wide.multiply_16(short[t][r], factor));
                        }
                    }
                }
            }
            for r in 0..REGISTERS {
                let scale = wide.bits(wide.words(&scale[r * lanes..]));
                let least = wide.bits(wide.words(&least[r * lanes..]));
                for t in 0..T {
                    let index = starts[t] + at;
                    let scale = wide.multiply(scale, wide.float(x.scales[index]));
                    sums[t][r] = wide.multiply_add(wide.floats(whole[t][r]), scale, sums[t][r]);
                    sums[t][r] = wide.multiply_add(least, wide.float(x.totals[index]), sums[t][r]);
                }
            }
        }
        self.store(row, &sums)
    }

    /// Adds the sums of a tile to their target and says how many rows these were.
    #[inline(always)]
    fn store<const T: usize>(&mut self, row: usize, sums: &Sums<W::Floats, T>) -> usize {
        let rows = T.min(self.count - row);
        for (t, sums) in sums.iter().enumerate().take(rows) {
            let to = &mut self.to[(row + t) * self.stride..];
            let line = REGISTERS * W::LANES;
            if self.columns == line {
                for (r, sums) in sums.iter().enumerate() {
                    self.wide.add_to(*sums, &mut to[r * W::LANES..]);
                }
            } else {
                let mut all = [0.0; 32];
                for (r, sums) in sums.iter().enumerate() {
                    self.wide.add_to(*sums, &mut all[r * W::LANES..]);
                }
                for (to, sum) in to.iter_mut().zip(&all[..self.columns]) {
                    *to += sum;
                }
            }
        }
        rows
    }
}
