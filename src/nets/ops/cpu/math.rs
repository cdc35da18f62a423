//! Functions that the compiler turns into vector code: no branches, no calls, no closures.

use crate::nets::ops::Activation;
use crate::simd::{vectorized, vectorized_by};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::f32::consts::{LOG2_E, SQRT_2};

/// Elements that one task of a parallel loop takes.
const CHUNK: usize = 1 << 14;

/// `e^x` to about 1 ulp; 0 far below, the largest finite power far above.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: adding it rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.336, 88.376);
    let shifted = x.mul_add(LOG2_E, ROUND);
    let whole = shifted - ROUND;
    let rest = whole.mul_add(-LN_2_LOW, whole.mul_add(-LN_2_HIGH, x));
    // The Taylor series on ±ln(2)/2, its last terms adjusted (Cephes, expf).
    let series = 1.987_569_1e-4_f32
        .mul_add(rest, 1.398_199_9e-3)
        .mul_add(rest, 8.333_452e-3)
        .mul_add(rest, 4.166_579_6e-2)
        .mul_add(rest, 1.666_666_5e-1)
        .mul_add(rest, 0.5);
    let power = (series * rest).mul_add(rest, rest) + 1.0;
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub(crate) fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// `x * Φ(x)`, with the complementary error function to 1.2e-7 (Numerical Recipes, 6.2).
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    let z = (x / SQRT_2).abs();
    let t = 1.0 / z.mul_add(0.5, 1.0);
    let series = 0.170_872_77_f32
        .mul_add(t, -0.822_152_2)
        .mul_add(t, 1.488_515_9)
        .mul_add(t, -1.135_204)
        .mul_add(t, 0.278_868_07)
        .mul_add(t, -0.186_288_06)
        .mul_add(t, 0.096_784_18)
        .mul_add(t, 0.374_091_96)
        .mul_add(t, 1.000_023_7)
        .mul_add(t, -1.265_512_2);
    let tail = 0.5 * t * exp((-z).mul_add(z, series));
    x * if x < 0.0 { tail } else { 1.0 - tail }
}

/// `x * Φ(x)` by the usual approximation: `x * sigmoid(2 * sqrt(2 / π) * (x + 0.044715 x³))`.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    const TWICE_ROOT: f32 = 1.595_769;
    x * sigmoid(TWICE_ROOT * (0.044_715 * x * x).mul_add(x, x))
}

/// Applies an activation to every value.
#[inline(always)]
pub(crate) fn activate(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::None => {}
        Activation::Relu => {
            for x in values {
                *x = x.max(0.0);
            }
        }
        Activation::Silu => {
            for x in values {
                *x = silu(*x);
            }
        }
        Activation::Gelu => {
            for x in values {
                *x = gelu(*x);
            }
        }
        Activation::GeluTanh => {
            for x in values {
                *x = gelu_tanh(*x);
            }
        }
        Activation::QuickGelu => {
            for x in values {
                *x *= sigmoid(1.702 * *x);
            }
        }
    }
}

/// The activation of every value, on all cores.
pub(crate) fn activated(x: &[f32], activation: Activation) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
        y.copy_from_slice(x);
        vectorized_by(Activate { values: y, activation });
    });
    y
}

struct Activate<'a> {
    values: &'a mut [f32],
    activation: Activation,
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        activate(self.values, self.activation);
    }
}

/// `a + b` on all cores.
pub(crate) fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; a.len()];
    y.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK)).for_each(|((y, a), b)| {
        vectorized(|| y.iter_mut().zip(a).zip(b).for_each(|((y, a), b)| *y = a + b));
    });
    y
}

/// Rows of `2 * width` to rows of `width`: the first half times the GELU of the second.
pub(crate) fn geglu(x: &[f32], width: usize) -> Vec<f32> {
    let mut y = vec![0.0; x.len() / 2];
    if width == 0 {
        return y;
    }
    let rows = CHUNK.div_ceil(width);
    y.par_chunks_mut(rows * width).zip(x.par_chunks(rows * 2 * width)).for_each(|(y, x)| {
        vectorized_by(Gate { x, y, width });
    });
    y
}

struct Gate<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    width: usize,
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (y, x) in self.y.chunks_exact_mut(self.width).zip(self.x.chunks_exact(2 * self.width)) {
            let (value, gate) = x.split_at(self.width);
            for ((y, value), gate) in y.iter_mut().zip(value).zip(gate) {
                *y = value * gelu(*gate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_right_to_the_last_bits() {
        for i in -8700..8800 {
            let x = i as f32 * 0.01 + 0.003;
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((ours / exact - 1.0).abs() < 2.5e-7, "exp({x}) = {ours}, not {exact}");
        }
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(200.0).is_finite() && exp(0.0) == 1.0);
    }

    #[test]
    fn gelu_equals_candles() {
        use candle_core::{Device, Tensor};
        let x: Vec<f32> = (-6000..6000).map(|i| i as f32 * 0.001).collect();
        let exact = Tensor::new(x.as_slice(), &Device::Cpu).unwrap().gelu_erf().unwrap().to_vec1::<f32>().unwrap();
        for (x, exact) in x.iter().zip(exact) {
            assert!((gelu(*x) - exact).abs() < 6e-7, "gelu({x}) = {}, not {exact}", gelu(*x));
        }
    }
}
