//! What a language model does with the numbers of a token besides products.

use super::math::{activate, exp};
use crate::nets::ops::Activation;
use crate::simd::vectorized_by;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Numbers that one task of a parallel loop takes; what one token needs is too little for two threads to meet.
const CHUNK: usize = 1 << 15;

/// Rows of as many numbers as there are weights, each divided by the root of its mean square and multiplied by the
/// weights.
pub(crate) fn rms_norm(x: &[f32], weights: &[f32], epsilon: f32) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    let length = CHUNK.div_ceil(weights.len()) * weights.len();
    in_chunks(&mut y, x, length, |y, x| vectorized_by(RmsNorm { x, y, weights, epsilon }));
    y
}

/// Calls a function with pieces of both, on all cores if there are several.
fn in_chunks(y: &mut [f32], x: &[f32], length: usize, work: impl Fn(&mut [f32], &[f32]) + Sync) {
    if x.len() <= length {
        work(y, x);
    } else {
        y.par_chunks_mut(length).zip(x.par_chunks(length)).for_each(|(y, x)| work(y, x));
    }
}

struct RmsNorm<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    weights: &'a [f32],
    epsilon: f32,
}

impl WithSimd for RmsNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        const PARTIAL: usize = 64;
        let width = self.weights.len();
        for (y, x) in self.y.chunks_exact_mut(width).zip(self.x.chunks_exact(width)) {
            let mut sums = [0.0_f32; PARTIAL];
            let (pieces, rest) = x.as_chunks::<PARTIAL>();
            for piece in pieces {
                for (sum, x) in sums.iter_mut().zip(piece) {
                    *sum = x.mul_add(*x, *sum);
                }
            }
            let mut total = 0.0;
            for sum in sums {
                total += sum;
            }
            for x in rest {
                total = x.mul_add(*x, total);
            }
            let factor = 1.0 / (total / width as f32 + self.epsilon).sqrt();
            for ((y, x), weight) in y.iter_mut().zip(x).zip(self.weights) {
                *y = x * factor * weight;
            }
        }
    }
}

/// `activation(gate) * up`, to `gate`.
pub(crate) fn gate(activation: Activation, gate: &mut [f32], up: &[f32]) {
    in_chunks(gate, up, CHUNK, |gate, up| vectorized_by(Gate { activation, gate, up }));
}

struct Gate<'a> {
    activation: Activation,
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        activate(self.gate, self.activation);
        for (gate, up) in self.gate.iter_mut().zip(self.up) {
            *gate *= up;
        }
    }
}

/// `cap * tanh(score / cap)` of every score.
pub(crate) fn soften(scores: &mut [f32], cap: f32) {
    vectorized_by(Soften { scores, scale: 1.0, cap });
}

/// `cap * tanh(score * scale / cap)` of every score.
pub(super) struct Soften<'a> {
    pub scores: &'a mut [f32],
    pub scale: f32,
    pub cap: f32,
}

impl WithSimd for Soften<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { scores, scale, cap } = self;
        let twice = 2.0 * scale / cap;
        for score in scores {
            // tanh(x) is 1 - 2 / (e^2x + 1).
            *score = cap * (1.0 - 2.0 / (exp(*score * twice) + 1.0));
        }
    }
}

/// Rotates the pairs of each head by the angles of its token. `cos` and `sin` are `[tokens, half]`.
pub(crate) struct Rotate<'a> {
    /// `[tokens, heads * head_width]`
    pub x: &'a mut [f32],
    /// Numbers of a token.
    pub width: usize,
    pub head_width: usize,
    /// Pairs of a head that rotate; the numbers behind them stay.
    pub half: usize,
    pub cos: &'a [f32],
    pub sin: &'a [f32],
    /// Whether neighbours are a pair, not the numbers half a head apart.
    pub neighbours: bool,
}

impl Rotate<'_> {
    pub(crate) fn run(self) {
        vectorized_by(self);
    }
}

impl WithSimd for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let half = self.half;
        let angles = self.cos.chunks_exact(half).zip(self.sin.chunks_exact(half));
        for (token, (cos, sin)) in self.x.chunks_exact_mut(self.width).zip(angles) {
            for head in token.chunks_exact_mut(self.head_width) {
                let head = &mut head[..2 * half];
                if self.neighbours {
                    for ((pair, cos), sin) in head.as_chunks_mut::<2>().0.iter_mut().zip(cos).zip(sin) {
                        let [a, b] = *pair;
                        *pair = [a * cos - b * sin, a * sin + b * cos];
                    }
                } else {
                    let (low, high) = head.split_at_mut(half);
                    for (((a, b), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
                        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                    }
                }
            }
        }
    }
}
