//! Convolutions over pictures: by Winograd's way where it pays, else as one product with the gathered patches; and over time.

use super::kernel::{Rows, pack_transposed};
use super::linear::{by_panels, write_sums};
use super::winograd;
use crate::nets::ops::{Activation, ConvConfig};
use rayon::prelude::*;

/// A convolution's weights `[outputs, inputs, kernel, kernel]` and what is added to its result.
#[derive(Clone, Copy)]
pub(crate) struct Conv<'a> {
    pub weight: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub config: ConvConfig,
    /// `[batch, outputs]`
    pub per_channel: Option<&'a [f32]>,
    /// Of the shape of the result.
    pub residual: Option<&'a [f32]>,
    pub activation: Activation,
}

impl Conv<'_> {
    /// The side of the result for a side of the picture.
    fn side(&self, side: usize) -> usize {
        self.config.side_of_result(self.kernel, side)
    }

    /// What is added to every pixel of a channel.
    pub(crate) fn constant(&self, picture: usize, output: usize) -> f32 {
        let per_channel = self.per_channel.map_or(0.0, |values| values[picture * self.outputs + output]);
        self.bias.map_or(0.0, |bias| bias[output]) + per_channel
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
    pub(crate) fn forward(&self, x: &[f32], batch: usize, height: usize, width: usize) -> Vec<f32> {
        if winograd::pays(self, batch, height, width) {
            return winograd::forward(self, x, batch, height, width);
        }
        let (out_height, out_width) = (self.side(height), self.side(width));
        let pixels = out_height * out_width;
        let mut y = vec![0.0; batch * self.outputs * pixels];
        if y.is_empty() {
            return y;
        }
        let depth = self.inputs * self.kernel * self.kernel;
        let rows = Rows { values: self.weight, count: self.outputs, stride: depth, depth };
        let pictures = x.chunks_exact(self.inputs * height * width).zip(y.chunks_exact_mut(self.outputs * pixels));
        for (picture, (x, y)) in pictures.enumerate() {
            let residual = self.residual.map(|residual| &residual[picture * self.outputs * pixels..]);
            let patches = Patches { conv: self, height, width, out_width };
            let pack = |first: usize, count: usize, panel: usize, packed: &mut [f32]| {
                if self.kernel == 1 && self.config == ConvConfig::default() {
                    pack_pixels(&x[first..], pixels, count, panel, packed);
                } else {
                    patches.pack(x, first, count, panel, packed);
                }
            };
            by_panels(rows, pixels, pack, y, |output, first, sums, y| {
                let residual = residual.map(|residual| &residual[output * pixels + first..]);
                self.finish(self.constant(picture, output), residual, sums, y);
            });
        }
        y
    }

    #[inline(always)]
    pub(crate) fn finish(&self, constant: f32, residual: Option<&[f32]>, sums: &[f32], y: &mut [f32]) {
        write_sums(constant, residual, sums, y);
        super::math::activate(y, self.activation);
    }
}

/// Packs `count` pixels of every channel: `[channels, pixels]` to `[channels, panel]`.
#[inline(always)]
fn pack_pixels(x: &[f32], pixels: usize, count: usize, panel: usize, packed: &mut [f32]) {
    for (packed, x) in packed.chunks_exact_mut(panel).zip(x.chunks(pixels)) {
        packed[..count].copy_from_slice(&x[..count]);
        packed[count..].fill(0.0);
    }
}

struct Patches<'a> {
    conv: &'a Conv<'a>,
    height: usize,
    width: usize,
    out_width: usize,
}

impl Patches<'_> {
    /// Packs the patches of `count` pixels of the result: `[inputs * kernel * kernel, panel]`.
    #[inline(always)]
    fn pack(&self, x: &[f32], first: usize, count: usize, panel: usize, packed: &mut [f32]) {
        let &Self { conv, height, width, out_width } = self;
        let ConvConfig { stride, padding, dilation } = conv.config;
        let mut rows = packed.chunks_exact_mut(panel);
        for plane in x.chunks_exact(height * width) {
            for kernel_y in 0..conv.kernel {
                for kernel_x in 0..conv.kernel {
                    let Some(packed) = rows.next() else { return };
                    let mut at = 0;
                    while at < count {
                        // A piece of one row of the result.
                        let (out_y, out_x) = ((first + at) / out_width, (first + at) % out_width);
                        let length = (out_width - out_x).min(count - at);
                        let to = &mut packed[at..at + length];
                        at += length;
                        let y = (out_y * stride + kernel_y * dilation).checked_sub(padding).filter(|&y| y < height);
                        let Some(y) = y else {
                            to.fill(0.0);
                            continue;
                        };
                        let row = &plane[y * width..][..width];
                        // Where the piece begins in the row; it may stand out on both sides.
                        let start = (out_x * stride + kernel_x * dilation) as isize - padding as isize;
                        let left = (-start).max(0) as usize;
                        let left = left.div_ceil(stride).min(length);
                        let begin = start + (left * stride) as isize;
                        let there = (width as isize - begin).max(0) as usize;
                        let inside = there.div_ceil(stride).min(length - left);
                        to[..left].fill(0.0);
                        to[left + inside..].fill(0.0);
                        if inside > 0 {
                            let row = &row[begin as usize..];
                            let to = &mut to[left..left + inside];
                            if stride == 1 {
                                to.copy_from_slice(&row[..inside]);
                            } else {
                                to.iter_mut().zip(row.iter().step_by(stride)).for_each(|(to, x)| *to = *x);
                            }
                        }
                    }
                    packed[count..].fill(0.0);
                }
            }
        }
    }
}

/// A convolution over three frames: weights `[outputs, inputs, 3]`.
pub(crate) struct TemporalConv<'a> {
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub inputs: usize,
    pub outputs: usize,
    pub residual: Option<&'a [f32]>,
}

impl TemporalConv<'_> {
    /// `[batch * frames, inputs, pixels]` to `[batch * frames, outputs, pixels]`.
    pub(crate) fn forward(&self, x: &[f32], frames: usize, pixels: usize) -> Vec<f32> {
        let &Self { inputs, outputs, .. } = self;
        let (frame_in, frame_out) = (inputs * pixels, outputs * pixels);
        let pictures = x.len().checked_div(frame_in).unwrap_or(0);
        let mut y = vec![0.0; pictures * frame_out];
        // The frames around one frame lie side by side, so they are one matrix [3 * inputs, pixels]; the weights have to
        // be ordered like it.
        let mut weight = vec![0.0; outputs * 3 * inputs];
        weight.par_chunks_mut(3 * inputs).zip(self.weight.par_chunks(3 * inputs)).for_each(|(to, from)| {
            pack_transposed(from, 3, inputs, 3, inputs, to);
        });
        for (picture, y) in y.chunks_exact_mut(frame_out).enumerate() {
            let frame = picture % frames;
            let (first, last) = (frame.max(1) - 1, (frame + 1).min(frames - 1));
            let x = &x[(picture - (frame - first)) * frame_in..][..(last - first + 1) * frame_in];
            // The first frame has none before it, so it does without those weights.
            let skipped = usize::from(frame == 0) * inputs;
            let rows = Rows {
                values: &weight[skipped..],
                count: outputs,
                stride: 3 * inputs,
                depth: (last - first + 1) * inputs,
            };
            let residual = self.residual.map(|residual| &residual[picture * frame_out..]);
            let pack = |first: usize, count: usize, panel: usize, packed: &mut [f32]| {
                pack_pixels(&x[first..], pixels, count, panel, packed);
            };
            by_panels(rows, pixels, pack, y, |output, first, sums, y| {
                let residual = residual.map(|residual| &residual[output * pixels + first..]);
                write_sums(self.bias[output], residual, sums, y);
            });
        }
        y
    }
}
