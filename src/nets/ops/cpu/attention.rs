//! Attention, some queries at a time against all keys.

use super::kernel::{Rows, lanes, multiply, multiply_into, pack_transposed, panel_width, width_for};
use super::math::exp;
use crate::simd::vectorized_by;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Scores that a task holds at once; they stay in the cache of the core.
const SCORES: usize = 1 << 17;

/// The sizes of an attention: `[batch, tokens, heads * size]`.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub batch: usize,
    pub queries: usize,
    pub keys: usize,
    pub heads: usize,
    /// The width of a head.
    pub size: usize,
    pub causal: bool,
}

impl Shape {
    fn width(&self) -> usize {
        self.heads * self.size
    }

    /// Panels of some columns: their first column, their count and the panel's width.
    fn panels(columns: usize) -> impl Iterator<Item = (usize, usize, usize)> + Clone {
        (0..columns).step_by(panel_width()).map(move |first| {
            let count = panel_width().min(columns - first);
            (first, count, width_for(count))
        })
    }

    /// Attention of every head; all tensors are contiguous.
    pub(crate) fn forward(&self, q: &[f32], k: &[f32], v: &[f32]) -> Vec<f32> {
        let &Self { batch, queries, keys, heads, size, .. } = self;
        let width = self.width();
        let mut y = vec![0.0; batch * queries * width];
        if y.is_empty() || keys == 0 {
            return y;
        }
        // All heads are packed first: [size, keys] of each in panels, then [keys, size] of each in panels.
        let (keys_padded, size_padded) = (keys.next_multiple_of(lanes()), size.next_multiple_of(lanes()));
        let (k_length, v_length) = (keys_padded * size, keys * size_padded);
        let mut packed = vec![0.0; batch * heads * (k_length + v_length)];
        packed.par_chunks_exact_mut(k_length + v_length).enumerate().for_each(|(index, packed)| {
            let start = index / heads * keys * width + index % heads * size;
            let (packed_k, packed_v) = packed.split_at_mut(k_length);
            for (first, count, panel) in Self::panels(keys) {
                let k = &k[start + first * width..];
                pack_transposed(k, width, count, size, panel, &mut packed_k[first * size..]);
            }
            for (first, count, panel) in Self::panels(size) {
                let to = packed_v[first * keys..][..keys * panel].chunks_exact_mut(panel);
                for (key, to) in to.enumerate() {
                    to[..count].copy_from_slice(&v[start + key * width + first..][..count]);
                }
            }
        });

        // As many queries as fill the kernel's tiles, for all heads of one picture at a time.
        let at_once = (SCORES / keys_padded / 24 * 24).clamp(12, 96).min(queries);
        let tasks_of_picture = queries.div_ceil(at_once);
        let mut pieces: Vec<&mut [f32]> = Vec::with_capacity(batch * tasks_of_picture);
        y.chunks_exact_mut(queries * width).for_each(|y| pieces.extend(y.chunks_mut(at_once * width)));
        pieces.into_par_iter().enumerate().for_each(|(task, y)| {
            let (picture, first) = (task / tasks_of_picture, task % tasks_of_picture * at_once);
            let count = y.len() / width;
            let mut scores = vec![0.0; count * keys_padded];
            for head in 0..heads {
                let (packed_k, packed_v) = packed[(picture * heads + head) * (k_length + v_length)..]
                    [..k_length + v_length]
                    .split_at(k_length);
                let queries = &q[(picture * queries + first) * width + head * size..];
                let rows = Rows { values: queries, count, stride: width, depth: size };
                for (first, _, panel) in Self::panels(keys) {
                    let packed = &packed_k[first * size..][..size * panel];
                    multiply_into(rows, packed, panel, &mut scores[first..], keys_padded);
                }
                let mut totals = vec![0.0; count];
                for (row, (scores, total)) in scores.chunks_exact_mut(keys_padded).zip(&mut totals).enumerate() {
                    let seen = if self.causal { first + row + 1 } else { keys };
                    *total = vectorized_by(Weigh { scores, seen, scale: (size as f32).powf(-0.5) });
                }
                let rows = Rows { values: &scores, count, stride: keys_padded, depth: keys };
                for (first, columns, panel) in Self::panels(size) {
                    multiply(rows, &packed_v[first * keys..][..keys * panel], panel, |row, sums| {
                        let inverse = 1.0 / totals[row];
                        let y = &mut y[row * width + head * size + first..][..columns];
                        y.iter_mut().zip(sums).for_each(|(y, sum)| *y = sum * inverse);
                    });
                }
            }
        });
        y
    }
}

/// Scores into weights that are not divided by their sum yet, which is given back. Only the first `seen` ones count.
pub(super) struct Weigh<'a> {
    pub scores: &'a mut [f32],
    pub seen: usize,
    pub scale: f32,
}

impl WithSimd for Weigh<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        const PARTIAL: usize = 64;
        let scale = self.scale;
        let (seen, hidden) = self.scores.split_at_mut(self.seen);
        let mut most = [f32::NEG_INFINITY; PARTIAL];
        let mut rows = seen.chunks_exact(PARTIAL);
        for row in &mut rows {
            for (most, x) in most.iter_mut().zip(row) {
                *most = if *x > *most { *x } else { *most };
            }
        }
        let mut highest = f32::NEG_INFINITY;
        for x in most.iter().chain(rows.remainder()) {
            highest = highest.max(*x);
        }
        let shift = -highest * scale;
        let mut sums = [0.0; PARTIAL];
        let mut rows = seen.chunks_exact_mut(PARTIAL);
        for row in &mut rows {
            for (x, sum) in row.iter_mut().zip(&mut sums) {
                *x = exp(x.mul_add(scale, shift));
                *sum += *x;
            }
        }
        let mut total = 0.0;
        for sum in sums {
            total += sum;
        }
        for x in rows.into_remainder() {
            *x = exp(x.mul_add(scale, shift));
            total += *x;
        }
        hidden.fill(0.0);
        total
    }
}
