//! Group and layer norm, with the activation in the same pass.

use super::kernel::vectorized;
use super::math::activate;
use crate::nets::ops::Activation;
use rayon::prelude::*;

/// Values that are summed in f32 before the sum goes on in f64.
const CHUNK: usize = 4096;

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
            vectorized(|| self.normalize(part, first_channel));
        });
        y
    }

    #[inline(always)]
    fn normalize(&self, parts: Vec<(&[f32], &mut [f32])>, first_channel: usize) {
        let count = parts.iter().map(|(x, _)| x.len()).sum::<usize>() as f64;
        let mean = parts.iter().map(|(x, _)| sum_of(x, |x| x)).sum::<f64>() / count;
        let shift = mean as f32;
        let squares: f64 = parts.iter().map(|(x, _)| sum_of(x, |x| (x - shift) * (x - shift))).sum();
        // The mean was rounded to f32 before it was taken off.
        let variance = squares / count - (mean - f64::from(shift)).powi(2);
        let inverse = 1.0 / (variance + self.eps).sqrt();
        for (x, y) in parts {
            let channels = x.chunks_exact(self.pixels).zip(y.chunks_exact_mut(self.pixels));
            for (channel, (x, y)) in channels.enumerate() {
                let scale = (inverse * f64::from(self.weight[first_channel + channel])) as f32;
                let bias = f64::from(self.bias[first_channel + channel]) + (f64::from(shift) - mean) * f64::from(scale);
                let bias = bias as f32;
                for (x, y) in x.chunks(CHUNK).zip(y.chunks_mut(CHUNK)) {
                    y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - shift).mul_add(scale, bias));
                    activate(y, self.activation);
                }
            }
        }
    }
}

/// The sum of a function of every value, in as many partial sums as a vector register holds and more.
#[inline(always)]
fn sum_of(x: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    const PARTIAL: usize = 64;
    let mut total = 0.0;
    for x in x.chunks(CHUNK) {
        let mut sums = [0.0; PARTIAL];
        let mut rows = x.chunks_exact(PARTIAL);
        for row in &mut rows {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f(*x));
        }
        total += f64::from(sums.iter().sum::<f32>() + rows.remainder().iter().map(|x| f(*x)).sum::<f32>());
    }
    total
}

/// Normalises each row of `weight.len()` values.
pub(crate) fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f64) -> Vec<f32> {
    let width = weight.len();
    let mut y = vec![0.0; x.len()];
    let rows = CHUNK.div_ceil(width);
    y.par_chunks_mut(rows * width).zip(x.par_chunks(rows * width)).for_each(|(y, x)| {
        vectorized(|| {
            for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                let mean = (sum_of(x, |x| x) / width as f64) as f32;
                let variance = sum_of(x, |x| (x - mean) * (x - mean)) / width as f64;
                let inverse = (1.0 / (variance + eps).sqrt()) as f32;
                for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                    *y = ((x - mean) * inverse).mul_add(*weight, *bias);
                }
            }
        });
    });
    y
}
