//! Group and layer norm, with the activation in the same pass.

use super::math::activate;
use crate::nets::ops::Activation;
use crate::simd::vectorized_by;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Values that are summed in f32 before the sum goes on in f64.
const CHUNK: usize = 4096;
/// Sums that are added up side by side.
const PARTIAL: usize = 64;

/// What a group norm does, for pictures of `channels * pixels` values.
pub(crate) struct GroupNorm<'a> {
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub groups: usize,
    pub eps: f64,
    pub frames: usize,
    pub pixels: usize,
    pub activation: Activation,
}

impl GroupNorm<'_> {
    /// `[batch * frames, channels, pixels]` to the same shape; the frames of a video are one.
    pub(crate) fn forward(&self, x: &[f32]) -> Vec<f32> {
        let channels = self.weight.len();
        let (group_length, picture_length) = (channels / self.groups * self.pixels, channels * self.pixels);
        let mut y = vec![0.0; x.len()];
        if x.is_empty() {
            return y;
        }
        // For each group of each video, its part of every frame.
        let mut parts: Vec<Vec<(&[f32], &mut [f32])>> = Vec::new();
        let frames_of_video = self.frames * picture_length;
        for (x, y) in x.chunks_exact(frames_of_video).zip(y.chunks_exact_mut(frames_of_video)) {
            let first = parts.len();
            parts.resize_with(first + self.groups, || Vec::with_capacity(self.frames));
            let groups = x.chunks_exact(group_length).zip(y.chunks_exact_mut(group_length));
            groups.enumerate().for_each(|(index, part)| parts[first + index % self.groups].push(part));
        }
        parts.into_par_iter().enumerate().for_each(|(index, part)| {
            let first_channel = index % self.groups * (channels / self.groups);
            vectorized_by(NormalizeGroup { norm: self, parts: part, first_channel });
        });
        y
    }
}

/// Normalises one group, which lies in as many parts as there are frames.
struct NormalizeGroup<'a> {
    norm: &'a GroupNorm<'a>,
    parts: Vec<(&'a [f32], &'a mut [f32])>,
    first_channel: usize,
}

impl WithSimd for NormalizeGroup<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { norm, parts, first_channel } = self;
        let (mut count, mut total) = (0, 0.0);
        for (x, _) in &parts {
            count += x.len();
            total += sum(x);
        }
        let mean = total / count as f64;
        let shift = mean as f32;
        let mut squares = 0.0;
        for (x, _) in &parts {
            squares += sum_of_squares(x, shift);
        }
        // The mean was rounded to f32 before it was taken off.
        let variance = squares / count as f64 - (mean - f64::from(shift)).powi(2);
        let inverse = 1.0 / (variance + norm.eps).sqrt();
        for (x, y) in parts {
            let channels = x.chunks_exact(norm.pixels).zip(y.chunks_exact_mut(norm.pixels));
            for (channel, (x, y)) in channels.enumerate() {
                let scale = (inverse * f64::from(norm.weight[first_channel + channel])) as f32;
                let bias = f64::from(norm.bias[first_channel + channel]);
                let bias = (bias + (f64::from(shift) - mean) * f64::from(scale)) as f32;
                for (x, y) in x.chunks(CHUNK).zip(y.chunks_mut(CHUNK)) {
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = (x - shift).mul_add(scale, bias);
                    }
                    activate(y, norm.activation);
                }
            }
        }
    }
}

/// The sum of all values, in as many partial sums as a vector register holds and more.
#[inline(always)]
fn sum(x: &[f32]) -> f64 {
    let mut total = 0.0;
    for x in x.chunks(CHUNK) {
        let mut sums = [0.0; PARTIAL];
        let mut rows = x.chunks_exact(PARTIAL);
        for row in &mut rows {
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum += *x;
            }
        }
        for x in sums.iter().chain(rows.remainder()) {
            total += f64::from(*x);
        }
    }
    total
}

/// The sum of the squares of all values less `shift`.
#[inline(always)]
fn sum_of_squares(x: &[f32], shift: f32) -> f64 {
    let mut total = 0.0;
    for x in x.chunks(CHUNK) {
        let mut sums = [0.0; PARTIAL];
        let mut rows = x.chunks_exact(PARTIAL);
        for row in &mut rows {
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum += (x - shift) * (x - shift);
            }
        }
        for sum in sums {
            total += f64::from(sum);
        }
        for x in rows.remainder() {
            total += f64::from((x - shift) * (x - shift));
        }
    }
    total
}

/// Normalises each row of `weight.len()` values.
pub(crate) fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f64) -> Vec<f32> {
    let width = weight.len();
    let mut y = vec![0.0; x.len()];
    let rows = CHUNK.div_ceil(width);
    y.par_chunks_mut(rows * width).zip(x.par_chunks(rows * width)).for_each(|(y, x)| {
        vectorized_by(NormalizeRows { x, y, weight, bias, eps });
    });
    y
}

struct NormalizeRows<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    eps: f64,
}

impl WithSimd for NormalizeRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.weight.len();
        for (y, x) in self.y.chunks_exact_mut(width).zip(self.x.chunks_exact(width)) {
            let mean = (sum(x) / width as f64) as f32;
            let variance = sum_of_squares(x, mean) / width as f64;
            let inverse = (1.0 / (variance + self.eps).sqrt()) as f32;
            for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(self.weight).zip(self.bias) {
                *y = ((x - mean) * inverse).mul_add(*weight, *bias);
            }
        }
    }
}
