//! Convolutions of 3 × 3 by Winograd's way: four by four pixels at once with 36 products where there are 144.
//!
//! [Paper](https://arxiv.org/abs/1509.09308): Lavin and Gray, Fast algorithms for convolutional neural networks, F(4×4, 3×3).
//! Tiles of six by six pixels and kernels are transformed, the channels are summed by 36 matrix products, and the
//! sums are transformed back. Closures would not be compiled with the vector instructions, hence the plain loops.

#![expect(clippy::needless_range_loop, reason = "the formulas are written in rows and columns")]

use super::conv::Conv;
use super::kernel::{Rows, lanes, multiply_into, width_for};
use crate::nets::ops::ConvConfig;
use crate::simd::vectorized_by;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// Pixels of a tile's result, along each side.
const OUT: usize = 4;
/// Pixels of a tile, along each side.
const IN: usize = 6;
/// Elements of a transformed tile, and products for each channel.
const PRODUCTS: usize = IN * IN;
/// Bytes of transformed tiles that are held at once.
const TILES_BYTES: usize = 16 << 20;
/// Bytes of transformed kernels that one task holds.
const KERNELS_BYTES: usize = 4 << 20;
/// The most values that are transformed side by side.
const MOST_LANES: usize = 16;

/// Whether this way is faster for a convolution.
pub(crate) fn pays(conv: &Conv<'_>, batch: usize, height: usize, width: usize) -> bool {
    let tiles = batch * height.div_ceil(OUT) * width.div_ceil(OUT);
    conv.kernel == 3
        && conv.config == ConvConfig::SAME_3
        && conv.inputs >= 16
        && conv.outputs >= 16
        && tiles >= 2 * lanes()
        // Tiles that stand out over the edge are work for nothing.
        && 3 * PRODUCTS * tiles <= 2 * 9 * batch * height * width
}

/// Where the tiles of a batch of pictures lie.
#[derive(Clone, Copy)]
struct Tiles {
    height: usize,
    width: usize,
    down: usize,
    across: usize,
}

impl Tiles {
    /// The picture, and the first row and column of its result, of a tile.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let of_picture = self.down * self.across;
        let (picture, tile) = (tile / of_picture, tile % of_picture);
        (picture, tile / self.across * OUT, tile % self.across * OUT)
    }

    /// Neighbours among some tiles: those that lie in one row of one picture.
    fn runs(&self, range: Range<usize>) -> impl Iterator<Item = Run> {
        let (tiles, mut at) = (*self, range.start);
        std::iter::from_fn(move || {
            (at < range.end).then(|| {
                let (picture, top, left) = tiles.place(at);
                let count = (tiles.across - left / OUT).min(range.end - at);
                let first = at - range.start;
                at += count;
                Run { first, count, picture, top, left }
            })
        })
    }
}

/// Tiles beside each other.
#[derive(Clone, Copy)]
struct Run {
    /// The place of the first one among the tiles at hand.
    first: usize,
    count: usize,
    picture: usize,
    /// The first row and column of their result.
    top: usize,
    left: usize,
}

/// `[batch, inputs, height, width]` to `[batch, outputs, height, width]`.
pub(crate) fn forward(conv: &Conv<'_>, x: &[f32], batch: usize, height: usize, width: usize) -> Vec<f32> {
    let tiles = Tiles { height, width, down: height.div_ceil(OUT), across: width.div_ceil(OUT) };
    let count = batch * tiles.down * tiles.across;
    let (inputs, outputs, pixels) = (conv.inputs, conv.outputs, height * width);
    let mut y = vec![0.0; batch * outputs * pixels];
    // At least two panels, so that two cores have work.
    let panel = width_for(count.div_ceil(2));
    let panel_length = PRODUCTS * inputs * panel;
    let panels = count.div_ceil(panel);
    let at_once = (TILES_BYTES / 4 / panel_length).clamp(2, panels.max(2)).min(panels);
    let mut transformed = vec![0.0; at_once * panel_length];
    let of_task = outputs_of_task(inputs, outputs);

    for first_panel in (0..panels).step_by(at_once) {
        let now = at_once.min(panels - first_panel);
        transformed.par_chunks_exact_mut(panel_length).take(now).enumerate().for_each(|(index, transformed)| {
            let first = (first_panel + index) * panel;
            let range = first..(first + panel).min(count);
            vectorized_by(TransformTiles { tiles, x, inputs, range, panel, transformed });
        });
        // Each task has some outputs of every picture.
        let mut tasks: Vec<Vec<&mut [f32]>> = Vec::new();
        tasks.resize_with(outputs.div_ceil(of_task), Vec::new);
        for (index, channel) in y.chunks_exact_mut(pixels).enumerate() {
            tasks[index % outputs / of_task].push(channel);
        }
        tasks.into_par_iter().enumerate().for_each(|(task, mut channels)| {
            let first_output = task * of_task;
            let here = of_task.min(outputs - first_output);
            let mut kernels = vec![0.0; PRODUCTS * here * inputs];
            let weight = &conv.weight[first_output * inputs * 9..][..here * inputs * 9];
            vectorized_by(TransformKernels { weight, outputs: here, inputs, transformed: &mut kernels });
            let mut sums = vec![0.0; PRODUCTS * here * panel];
            for (index, transformed) in transformed.chunks_exact(panel_length).take(now).enumerate() {
                for (product, transformed) in transformed.chunks_exact(inputs * panel).enumerate() {
                    let values = &kernels[product * here * inputs..][..here * inputs];
                    let rows = Rows { values, count: here, stride: inputs, depth: inputs };
                    let sums = &mut sums[product * here * panel..];
                    multiply_into(rows, transformed, panel, sums, panel);
                }
                let first = (first_panel + index) * panel;
                let range = first..(first + panel).min(count);
                for row in 0..here {
                    let write = |picture: usize, y: usize, x: usize, sums: &[f32]| {
                        let residual = conv.residual.map(|residual| {
                            &residual[(picture * outputs + first_output + row) * pixels + y * width + x..]
                        });
                        let into = &mut channels[picture * here + row][y * width + x..][..sums.len()];
                        conv.finish(conv.constant(picture, first_output + row), residual, sums, into);
                    };
                    let sums = &sums[row * panel..];
                    vectorized_by(TransformBack { tiles, sums, stride: here * panel, range: range.clone(), write });
                }
            }
        });
    }
    y
}

/// How many outputs one task computes: whole tiles of the kernel, about as many tasks as divide evenly.
fn outputs_of_task(inputs: usize, outputs: usize) -> usize {
    let most = (KERNELS_BYTES / 4 / (PRODUCTS * inputs)).clamp(12, 48);
    let threads = rayon::current_num_threads();
    let tasks = outputs.div_ceil(most).next_multiple_of(threads);
    outputs.div_ceil(tasks).next_multiple_of(6)
}

/// Transforms some tiles of every channel: to `[product, inputs, panel]`.
struct TransformTiles<'a> {
    tiles: Tiles,
    x: &'a [f32],
    inputs: usize,
    range: Range<usize>,
    panel: usize,
    transformed: &'a mut [f32],
}

impl WithSimd for TransformTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles: Tiles { height, width, .. }, x, inputs, panel, .. } = self;
        let lanes = S::F32_LANES;
        for side in (0..panel).step_by(lanes) {
            let first = (self.range.start + side).min(self.range.end);
            let runs: Vec<Run> = self.tiles.runs(first..(first + lanes).min(self.range.end)).collect();
            // The first four columns of each tile, row by row, and the four that begin in its fifth.
            let mut near = [[0.0; OUT * MOST_LANES]; IN];
            let mut far = [[0.0; OUT * MOST_LANES]; IN];
            for input in 0..inputs {
                for run in &runs {
                    let plane = &x[(run.picture * inputs + input) * height * width..][..height * width];
                    let at = run.first * OUT..(run.first + run.count) * OUT;
                    for (row, (near, far)) in near.iter_mut().zip(&mut far).enumerate() {
                        // The padding of one pixel stands before the first row and column.
                        let y = (run.top + row).checked_sub(1).filter(|&y| y < height);
                        match y {
                            Some(y) => {
                                let pixels = &plane[y * width..][..width];
                                let (near, far) = (&mut near[at.clone()], &mut far[at.clone()]);
                                if run.left == 0 {
                                    near[0] = 0.0;
                                    copy_padded(pixels, 0, &mut near[1..]);
                                } else {
                                    copy_padded(pixels, run.left - 1, near);
                                }
                                copy_padded(pixels, run.left + OUT - 1, far);
                            }
                            None => {
                                near[at.clone()].fill(0.0);
                                far[at.clone()].fill(0.0);
                            }
                        }
                    }
                }
                let mut across = [[simd.splat_f32s(0.0); IN]; IN];
                for row in 0..IN {
                    let [a, b, c, d] = simd.deinterleave_shfl_f32s(four::<S>(&near[row]));
                    let [e, f, ..] = simd.deinterleave_shfl_f32s(four::<S>(&far[row]));
                    let done = input_side(simd, [a, b, c, d, e, f]);
                    for column in 0..IN {
                        across[column][row] = done[column];
                    }
                }
                for column in 0..IN {
                    let done = input_side(simd, across[column]);
                    for (row, done) in done.into_iter().enumerate() {
                        let at = ((row * IN + column) * inputs + input) * panel + side;
                        S::as_mut_simd_f32s(&mut self.transformed[at..at + lanes]).0[0] = done;
                    }
                }
            }
        }
    }
}

/// Copies from `start` on; what lies beyond the end is zero.
#[inline(always)]
fn copy_padded(from: &[f32], start: usize, to: &mut [f32]) {
    let there = from.len().saturating_sub(start).min(to.len());
    if there > 0 {
        to[..there].copy_from_slice(&from[start..start + there]);
    }
    to[there..].fill(0.0);
}

#[inline(always)]
fn four<S: Simd>(values: &[f32]) -> [S::f32s; OUT] {
    let values = S::as_simd_f32s(values).0;
    [values[0], values[1], values[2], values[3]]
}

/// Transforms the kernels of some outputs: `[outputs, inputs, 3, 3]` to `[product, outputs, inputs]`.
struct TransformKernels<'a> {
    weight: &'a [f32],
    outputs: usize,
    inputs: usize,
    transformed: &'a mut [f32],
}

impl WithSimd for TransformKernels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weight, outputs, inputs, transformed } = self;
        let lanes = S::F32_LANES;
        for output in 0..outputs {
            for first in (0..inputs).step_by(lanes) {
                let there = lanes.min(inputs - first);
                let weight = &weight[(output * inputs + first) * 9..][..there * 9];
                let mut gathered = [[0.0; MOST_LANES]; 9];
                for (lane, weight) in weight.chunks_exact(9).enumerate() {
                    for at in 0..9 {
                        gathered[at][lane] = weight[at];
                    }
                }
                let mut down = [[simd.splat_f32s(0.0); 3]; IN];
                for column in 0..3 {
                    let mut kernel = [simd.splat_f32s(0.0); 3];
                    for row in 0..3 {
                        kernel[row] = S::as_simd_f32s(&gathered[row * 3 + column]).0[0];
                    }
                    let done = kernel_side(simd, kernel);
                    for row in 0..IN {
                        down[row][column] = done[row];
                    }
                }
                for row in 0..IN {
                    let done = kernel_side(simd, down[row]);
                    for (column, done) in done.into_iter().enumerate() {
                        let at = ((row * IN + column) * outputs + output) * inputs + first;
                        let to = &mut transformed[at..at + there];
                        match S::as_mut_simd_f32s(to) {
                            ([to], _) => *to = done,
                            (_, to) => simd.partial_store_f32s(to, done),
                        }
                    }
                }
            }
        }
    }
}

/// Transforms the sums of one output back, `stride` from one product to the next, and hands out rows of pixels:
/// picture, row, column, values.
struct TransformBack<'a, F> {
    tiles: Tiles,
    sums: &'a [f32],
    stride: usize,
    range: Range<usize>,
    write: F,
}

impl<F: FnMut(usize, usize, usize, &[f32])> WithSimd for TransformBack<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Tiles { height, width, .. } = self.tiles;
        let lanes = S::F32_LANES;
        for side in (0..self.range.len()).step_by(lanes) {
            let mut down = [[simd.splat_f32s(0.0); IN]; OUT];
            for column in 0..IN {
                let mut sums = [simd.splat_f32s(0.0); IN];
                for row in 0..IN {
                    let at = (row * IN + column) * self.stride + side;
                    sums[row] = S::as_simd_f32s(&self.sums[at..at + lanes]).0[0];
                }
                let done = output_side(simd, sums);
                for row in 0..OUT {
                    down[row][column] = done[row];
                }
            }
            let mut pixels = [[0.0; OUT * MOST_LANES]; OUT];
            for row in 0..OUT {
                let done = simd.interleave_shfl_f32s(output_side(simd, down[row]));
                S::as_mut_simd_f32s(&mut pixels[row]).0[..OUT].copy_from_slice(&done);
            }
            let first = self.range.start + side;
            for run in self.tiles.runs(first..(first + lanes).min(self.range.end)) {
                let length = (run.count * OUT).min(width - run.left);
                for (row, pixels) in pixels.iter().enumerate().take(height - run.top) {
                    (self.write)(run.picture, run.top + row, run.left, &pixels[run.first * OUT..][..length]);
                }
            }
        }
    }
}

#[inline(always)]
fn input_side<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::f32s; IN]) -> [S::f32s; IN] {
    let (sum, near_sum) = (simd.add_f32s(d, e), simd.add_f32s(b, c));
    let (difference, near_difference) = (simd.sub_f32s(e, d), simd.sub_f32s(b, c));
    let (even, odd) = (simd.sub_f32s(e, c), simd.sub_f32s(d, b));
    [
        plus(simd, plus(simd, e, 4.0, a), -5.0, c),
        plus(simd, sum, -4.0, near_sum),
        plus(simd, difference, 4.0, near_difference),
        plus(simd, even, 2.0, odd),
        plus(simd, even, -2.0, odd),
        plus(simd, plus(simd, f, 4.0, b), -5.0, d),
    ]
}

#[inline(always)]
fn kernel_side<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; IN] {
    let sixth = simd.splat_f32s(-1.0 / 6.0);
    let ends = simd.add_f32s(a, c);
    let outer = simd.mul_f32s(simd.splat_f32s(1.0 / 24.0), plus(simd, a, 4.0, c));
    [
        simd.mul_f32s(simd.splat_f32s(0.25), a),
        simd.mul_f32s(sixth, simd.add_f32s(ends, b)),
        simd.mul_f32s(sixth, simd.sub_f32s(ends, b)),
        plus(simd, outer, 1.0 / 12.0, b),
        plus(simd, outer, -1.0 / 12.0, b),
        c,
    ]
}

#[inline(always)]
fn output_side<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::f32s; IN]) -> [S::f32s; OUT] {
    let (near_sum, far_sum) = (simd.add_f32s(b, c), simd.add_f32s(d, e));
    let (near_difference, far_difference) = (simd.sub_f32s(b, c), simd.sub_f32s(d, e));
    [
        simd.add_f32s(simd.add_f32s(a, near_sum), far_sum),
        plus(simd, near_difference, 2.0, far_difference),
        plus(simd, near_sum, 4.0, far_sum),
        plus(simd, simd.add_f32s(near_difference, f), 8.0, far_difference),
    ]
}

/// `x + factor * y`
#[inline(always)]
fn plus<S: Simd>(simd: S, x: S::f32s, factor: f32, y: S::f32s) -> S::f32s {
    simd.mul_add_e_f32s(simd.splat_f32s(factor), y, x)
}
