//! Convolutions of 3 × 3 by Winograd's way: four by four pixels at once with 36 products where there are 144.
//!
//! [Paper](https://arxiv.org/abs/1509.09308): Lavin and Gray, Fast algorithms for convolutional neural networks, F(4×4, 3×3).
//! Tiles of six by six pixels and kernels are transformed, the channels are summed by 36 matrix products, and the
//! sums are transformed back.

use super::conv::Conv;
use super::kernel::{Rows, lanes, multiply, panel_width, vectorized, width_for};
use crate::nets::ops::ConvConfig;
use rayon::prelude::*;
use std::array::from_fn;

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
/// Values that are transformed side by side.
const SIDE: usize = 16;

/// `SIDE` values of the same place in as many tiles or kernels.
type Lane = [f32; SIDE];

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
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let of_picture = self.down * self.across;
        let (picture, tile) = (tile / of_picture, tile % of_picture);
        (picture, tile / self.across * OUT, tile % self.across * OUT)
    }
}

/// `[batch, inputs, height, width]` to `[batch, outputs, height, width]`.
pub(crate) fn forward(conv: &Conv<'_>, x: &[f32], batch: usize, height: usize, width: usize) -> Vec<f32> {
    let tiles = Tiles { height, width, down: height.div_ceil(OUT), across: width.div_ceil(OUT) };
    let count = batch * tiles.down * tiles.across;
    let (inputs, outputs, pixels) = (conv.inputs, conv.outputs, height * width);
    let mut y = vec![0.0; batch * outputs * pixels];
    // At least two panels, so that two cores have work.
    let panel = width_for(count.div_ceil(2)).max(SIDE.min(panel_width()));
    let panel_length = PRODUCTS * inputs * panel;
    let panels = count.div_ceil(panel);
    let at_once = (TILES_BYTES / 4 / panel_length).clamp(2, panels.max(2)).min(panels);
    let mut transformed = vec![0.0; at_once * panel_length];
    let of_task = outputs_of_task(inputs, outputs);

    for first_panel in (0..panels).step_by(at_once) {
        let now = at_once.min(panels - first_panel);
        transformed.par_chunks_exact_mut(panel_length).take(now).enumerate().for_each(|(index, transformed)| {
            let first = (first_panel + index) * panel;
            vectorized(|| transform_tiles(tiles, x, inputs, first..(first + panel).min(count), panel, transformed));
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
            vectorized(|| transform_kernels(weight, here, inputs, &mut kernels));
            let mut sums = vec![0.0; PRODUCTS * here * panel];
            for (index, transformed) in transformed.chunks_exact(panel_length).take(now).enumerate() {
                for (product, transformed) in transformed.chunks_exact(inputs * panel).enumerate() {
                    let values = &kernels[product * here * inputs..][..here * inputs];
                    let rows = Rows { values, count: here, stride: inputs, depth: inputs };
                    let sums = &mut sums[product * here * panel..];
                    multiply(rows, transformed, panel, |row, from| {
                        sums[row * panel..][..panel].copy_from_slice(from);
                    });
                }
                let first = (first_panel + index) * panel;
                let range = first..(first + panel).min(count);
                vectorized(|| {
                    for row in 0..here {
                        transform_back(
                            tiles,
                            &sums[row * panel..],
                            here * panel,
                            range.clone(),
                            |picture, y, x, sums| {
                                let residual = conv.residual.map(|residual| {
                                    &residual[(picture * outputs + first_output + row) * pixels + y * width + x..]
                                });
                                let into = &mut channels[picture * here + row][y * width + x..][..sums.len()];
                                conv.finish(conv.constant(picture, first_output + row), residual, sums, into);
                            },
                        );
                    }
                });
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
#[inline(always)]
fn transform_tiles(
    tiles: Tiles,
    x: &[f32],
    inputs: usize,
    range: std::ops::Range<usize>,
    panel: usize,
    transformed: &mut [f32],
) {
    let Tiles { height, width, .. } = tiles;
    for side in (0..panel).step_by(SIDE) {
        let there = SIDE.min(panel - side);
        // Where each tile begins in its picture's channel, with the padding; none beyond the last tile.
        let places: [Option<(usize, usize, usize)>; SIDE] = from_fn(|lane| {
            let tile = range.start + side + lane;
            (lane < there && tile < range.end).then(|| tiles.place(tile))
        });
        for input in 0..inputs {
            let mut tile = [[[0.0; SIDE]; IN]; IN];
            for (lane, place) in places.iter().enumerate() {
                let Some((picture, top, left)) = *place else { continue };
                let plane = &x[(picture * inputs + input) * height * width..][..height * width];
                let inside = top > 0 && top + IN - 1 <= height && left > 0 && left + IN - 1 <= width;
                for (row, tile) in tile.iter_mut().enumerate() {
                    // The padding of one pixel stands before the first row and column.
                    if inside {
                        let from = &plane[(top + row - 1) * width + left - 1..][..IN];
                        (0..IN).for_each(|column| tile[column][lane] = from[column]);
                    } else if let Some(y) = (top + row).checked_sub(1).filter(|&y| y < height) {
                        let from = &plane[y * width..][..width];
                        for (column, tile) in tile.iter_mut().enumerate() {
                            let at = (left + column).checked_sub(1).filter(|&x| x < width);
                            tile[lane] = at.map_or(0.0, |x| from[x]);
                        }
                    }
                }
            }
            let columns: [[Lane; IN]; IN] = from_fn(|column| input_side(from_fn(|row| tile[row][column])));
            for row in 0..IN {
                let done = input_side(from_fn(|column| columns[column][row]));
                for (column, done) in done.iter().enumerate() {
                    let to = &mut transformed[((row * IN + column) * inputs + input) * panel + side..][..there];
                    to.copy_from_slice(&done[..there]);
                }
            }
        }
    }
}

/// Transforms the kernels of some outputs: `[outputs, inputs, 3, 3]` to `[product, outputs, inputs]`.
#[inline(always)]
fn transform_kernels(weight: &[f32], outputs: usize, inputs: usize, transformed: &mut [f32]) {
    for output in 0..outputs {
        for first in (0..inputs).step_by(SIDE) {
            let there = SIDE.min(inputs - first);
            let weight = &weight[(output * inputs + first) * 9..][..there * 9];
            let mut kernel = [[[0.0; SIDE]; 3]; 3];
            for (lane, weight) in weight.chunks_exact(9).enumerate() {
                (0..9).for_each(|at| kernel[at / 3][at % 3][lane] = weight[at]);
            }
            let columns: [[Lane; IN]; 3] = from_fn(|column| kernel_side(from_fn(|row| kernel[row][column])));
            for row in 0..IN {
                let done = kernel_side(from_fn(|column| columns[column][row]));
                for (column, done) in done.iter().enumerate() {
                    let to = &mut transformed[((row * IN + column) * outputs + output) * inputs + first..][..there];
                    to.copy_from_slice(&done[..there]);
                }
            }
        }
    }
}

/// Transforms the sums of one output back, `stride` from one product to the next, and hands out rows of pixels:
/// picture, row, column, values.
#[inline(always)]
fn transform_back(
    tiles: Tiles,
    sums: &[f32],
    stride: usize,
    range: std::ops::Range<usize>,
    mut write: impl FnMut(usize, usize, usize, &[f32]),
) {
    let Tiles { height, width, .. } = tiles;
    let count = range.len();
    for side in (0..count).step_by(SIDE) {
        let there = SIDE.min(count - side);
        let tile: [[Lane; IN]; IN] = from_fn(|row| {
            from_fn(|column| {
                let mut lane = [0.0; SIDE];
                lane[..there].copy_from_slice(&sums[(row * IN + column) * stride + side..][..there]);
                lane
            })
        });
        let columns: [[Lane; OUT]; IN] = from_fn(|column| output_side(from_fn(|row| tile[row][column])));
        for row in 0..OUT {
            let done = output_side(from_fn(|column| columns[column][row]));
            // Tiles of the same row of the same picture are written as one.
            let mut pixels = [0.0; SIDE * OUT];
            for (lane, pixels) in pixels.chunks_exact_mut(OUT).enumerate() {
                (0..OUT).for_each(|column| pixels[column] = done[column][lane]);
            }
            let mut lane = 0;
            while lane < there {
                let (picture, top, left) = tiles.place(range.start + side + lane);
                let run = (tiles.across - left / OUT).min(there - lane);
                if top + row < height {
                    let length = (run * OUT).min(width - left);
                    write(picture, top + row, left, &pixels[lane * OUT..][..length]);
                }
                lane += run;
            }
        }
    }
}

#[inline(always)]
fn lanes_of(f: impl Fn(usize) -> f32) -> Lane {
    from_fn(f)
}

#[inline(always)]
fn input_side(x: [Lane; IN]) -> [Lane; IN] {
    let [a, b, c, d, e, f] = x;
    [
        lanes_of(|i| 4.0 * a[i] - 5.0 * c[i] + e[i]),
        lanes_of(|i| (d[i] + e[i]) - 4.0 * (b[i] + c[i])),
        lanes_of(|i| (e[i] - d[i]) + 4.0 * (b[i] - c[i])),
        lanes_of(|i| (e[i] - c[i]) + 2.0 * (d[i] - b[i])),
        lanes_of(|i| (e[i] - c[i]) - 2.0 * (d[i] - b[i])),
        lanes_of(|i| 4.0 * b[i] - 5.0 * d[i] + f[i]),
    ]
}

#[inline(always)]
fn kernel_side(x: [Lane; 3]) -> [Lane; IN] {
    let [a, b, c] = x;
    [
        lanes_of(|i| a[i] / 4.0),
        lanes_of(|i| (a[i] + b[i] + c[i]) / -6.0),
        lanes_of(|i| (a[i] - b[i] + c[i]) / -6.0),
        lanes_of(|i| a[i] / 24.0 + b[i] / 12.0 + c[i] / 6.0),
        lanes_of(|i| a[i] / 24.0 - b[i] / 12.0 + c[i] / 6.0),
        lanes_of(|i| c[i]),
    ]
}

#[inline(always)]
fn output_side(x: [Lane; IN]) -> [Lane; OUT] {
    let [a, b, c, d, e, f] = x;
    [
        lanes_of(|i| a[i] + (b[i] + c[i]) + (d[i] + e[i])),
        lanes_of(|i| (b[i] - c[i]) + 2.0 * (d[i] - e[i])),
        lanes_of(|i| (b[i] + c[i]) + 4.0 * (d[i] + e[i])),
        lanes_of(|i| (b[i] - c[i]) + 8.0 * (d[i] - e[i]) + f[i]),
    ]
}
