//! Brightness of a picture, and how much two pictures differ along a movement.

use super::field::{Half, STEPS};
use crate::simd::vectorized_by;
use image::RgbImage;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// The brightness of a picture, a byte a pixel.
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    levels: Vec<u8>,
}

/// What a block looks like at two places, told apart.
#[derive(Clone, Copy)]
pub(super) struct Difference {
    /// Sum of the differences over the pixels that both pictures have.
    pub sum: u32,
    /// How many those are.
    pub pixels: u32,
}

/// A part of a picture: `[left, top, right, bottom]`, without the last ones. May lie partly outside.
pub(super) type Window = [i32; 4];

/// How far around a pixel its light is looked at.
const AROUND: usize = 24;

impl Plane {
    pub fn of(picture: &RgbImage) -> Self {
        let level = |pixel: &[u8]| match *pixel {
            // Near enough to Rec. 601, in whole numbers.
            [r, g, b] => ((5 * u32::from(r) + 9 * u32::from(g) + 2 * u32::from(b) + 8) / 16) as u8,
            _ => 0,
        };
        let levels = picture.as_raw().chunks_exact(3).map(level).collect();
        Self { width: picture.width() as usize, height: picture.height() as usize, levels }
    }

    /// The same at half the size, rounded up.
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut levels = Vec::with_capacity(width * height);
        for y in 0..height {
            let (upper, lower) = (self.row(2 * y), self.row((2 * y + 1).min(self.height - 1)));
            for x in 0..width {
                let (left, right) = (2 * x, (2 * x + 1).min(self.width - 1));
                let sum = [upper[left], upper[right], lower[left], lower[right]].map(u32::from).iter().sum::<u32>();
                levels.push(((sum + 2) / 4) as u8);
            }
        }
        Self { width, height, levels }
    }

    /// The levels against the mean around them, so that light that changes is not taken for a movement.
    pub fn details(&self) -> Self {
        let (width, height) = (self.width, self.height);
        // Sums over everything above and to the left.
        let mut sums = vec![0u32; (width + 1) * (height + 1)];
        for y in 0..height {
            let mut row_sum = 0;
            for x in 0..width {
                row_sum += u32::from(self.levels[y * width + x]);
                sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row_sum;
            }
        }
        let around = |at: usize, side: usize| (at.saturating_sub(AROUND), (at + AROUND + 1).min(side));
        let mut levels = Vec::with_capacity(width * height);
        for y in 0..height {
            let (top, bottom) = around(y, height);
            for x in 0..width {
                let (left, right) = around(x, width);
                let sum = |y: usize, x: usize| sums[y * (width + 1) + x];
                let total = sum(bottom, right) + sum(top, left) - sum(top, right) - sum(bottom, left);
                let count = ((bottom - top) * (right - left)) as u32;
                let mean = (total + count / 2) / count;
                levels.push((i32::from(self.levels[y * width + x]) - mean as i32 + 128).clamp(0, 255) as u8);
            }
        }
        Self { width, height, levels }
    }

    fn row(&self, y: usize) -> &[u8] {
        &self.levels[y * self.width..(y + 1) * self.width]
    }

    /// Mean and spread of the levels.
    fn statistics(&self) -> (f64, f64) {
        let count = self.levels.len().max(1) as f64;
        let mean = self.levels.iter().map(|&level| u64::from(level)).sum::<u64>() as f64 / count;
        let square = |level: &u8| (f64::from(*level) - mean).powi(2);
        (mean, (self.levels.iter().map(square).sum::<f64>() / count).sqrt())
    }

    /// How alike two pictures are, place by place: 1 for the same up to brightness and contrast, about 0 for unrelated
    /// ones.
    pub fn correlation(&self, other: &Self) -> f64 {
        let ((mean, spread), (other_mean, other_spread)) = (self.statistics(), other.statistics());
        let product = |(&a, &b): (&u8, &u8)| (f64::from(a) - mean) * (f64::from(b) - other_mean);
        let sum: f64 = self.levels.iter().zip(&other.levels).map(product).sum();
        // Plain pictures have nothing to be told apart by.
        if spread * other_spread == 0.0 { 1.0 } else { sum / self.levels.len() as f64 / (spread * other_spread) }
    }

    /// The difference between `window` in this picture, moved back by `half`, and in `other`, moved on by it.
    pub fn difference(&self, other: &Self, window: Window, half: Half) -> Difference {
        let (back, on) = (Shift::of(half.negated()), Shift::of(half));
        let (left, right) = both(back.x.range(self.width), on.x.range(self.width), (window[0], window[2]));
        let (top, bottom) = both(back.y.range(self.height), on.y.range(self.height), (window[1], window[3]));
        if left >= right || top >= bottom {
            return Difference { sum: 0, pixels: 0 };
        }
        let columns = (right - left) as usize;
        let sum =
            vectorized_by(Differ { first: (self, &back), second: (other, &on), left, columns, rows: top..bottom });
        Difference { sum, pixels: columns as u32 * (bottom - top) as u32 }
    }
}

/// Sums up the differences of some rows.
struct Differ<'a> {
    first: (&'a Plane, &'a Shift),
    second: (&'a Plane, &'a Shift),
    left: i32,
    columns: usize,
    rows: Range<i32>,
}

impl WithSimd for Differ<'_> {
    type Output = u32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> u32 {
        let Self { first: (first, back), second: (second, on), left, columns, rows } = self;
        rows.map(|y| row_difference(&back.taps(first, left, y, columns), &on.taps(second, left, y, columns))).sum()
    }
}

/// The part of `within` that lies in both ranges.
fn both(a: (i32, i32), b: (i32, i32), within: (i32, i32)) -> (i32, i32) {
    (within.0.max(a.0).max(b.0), within.1.min(a.1).min(b.1))
}

/// A shift along one side, as whole pixels and the part of a pixel beyond them.
struct Part {
    whole: i32,
    part: u16,
}

impl Part {
    fn of(steps: i32) -> Self {
        Self { whole: steps.div_euclid(STEPS), part: steps.rem_euclid(STEPS) as u16 }
    }

    /// The places whose shifted ones lie in a picture with this side.
    fn range(&self, side: usize) -> (i32, i32) {
        (-self.whole, side as i32 - self.whole - i32::from(self.part > 0))
    }
}

struct Shift {
    x: Part,
    y: Part,
}

/// Four rows of neighbours, and how much each counts, in 64ths.
struct Taps<'a> {
    rows: [&'a [u8]; 4],
    weights: [u16; 4],
}

impl Shift {
    fn of(half: Half) -> Self {
        Self { x: Part::of(half.x), y: Part::of(half.y) }
    }

    /// What lies at the shifted places of a row that is in [`Part::range`] on both sides.
    fn taps<'a>(&self, plane: &'a Plane, left: i32, y: i32, columns: usize) -> Taps<'a> {
        let (x, y) = ((left + self.x.whole) as usize, (y + self.y.whole) as usize);
        let (right, below) = (x + usize::from(self.x.part > 0), y + usize::from(self.y.part > 0));
        let (upper, lower) = (plane.row(y), plane.row(below));
        let (fx, fy) = (self.x.part, self.y.part);
        let steps = STEPS as u16;
        Taps {
            rows: [&upper[x..], &upper[right..], &lower[x..], &lower[right..]].map(|row| &row[..columns]),
            weights: [(steps - fx) * (steps - fy), fx * (steps - fy), (steps - fx) * fy, fx * fy],
        }
    }
}

#[inline(always)]
fn row_difference(a: &Taps, b: &Taps) -> u32 {
    let [a0, a1, a2, a3] = a.rows;
    let [b0, b1, b2, b3] = b.rows;
    let columns = a0.len();
    // One length for all, so that the loop has no checks and becomes vector code.
    let (a1, a2, a3) = (&a1[..columns], &a2[..columns], &a3[..columns]);
    let (b0, b1, b2, b3) = (&b0[..columns], &b1[..columns], &b2[..columns], &b3[..columns]);
    let mut sum = 0;
    for i in 0..columns {
        let here = mean([a0[i], a1[i], a2[i], a3[i]], a.weights);
        let there = mean([b0[i], b1[i], b2[i], b3[i]], b.weights);
        sum += u32::from(here.abs_diff(there));
    }
    sum
}

/// The mean of four levels by weights in 64ths.
#[inline(always)]
fn mean(levels: [u8; 4], weights: [u16; 4]) -> u16 {
    let part = |i: usize| u16::from(levels[i]) * weights[i];
    (part(0) + part(1) + part(2) + part(3) + 32) >> 6
}
