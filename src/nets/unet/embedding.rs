//! Numbers, such as the time of a diffusion step, as vectors.

use crate::nets::ops::{Activation, Linear};
use candle_core::{D, DType, Result, Tensor};
use candle_nn::VarBuilder;

/// The longest wavelength of the sinusoids.
const MAX_PERIOD: f64 = 10000.0;

/// Sines and cosines of every number at `dim / 2` frequencies: `[count]` of any type to `[count, dim]` in f32.
///
/// `flip_sin_to_cos` puts the cosines first, as all Stable Diffusion models have it; `shift` is their `freq_shift`. Cast
/// the result to the type of the weights.
///
/// # Errors
/// When `timesteps` has not one dimension, or when `dim` is too small for `shift`.
pub fn timestep_sinusoid(timesteps: &Tensor, dim: usize, flip_sin_to_cos: bool, shift: f64) -> Result<Tensor> {
    let count = timesteps.dims1()?;
    let half = dim / 2;
    if half as f64 <= shift {
        candle_core::bail!("{dim} values are too few for sinusoids with a shift of {shift}");
    }
    // Rounded to f32 where PyTorch rounds: at time 999 an angle shows even the last bit of its frequency.
    let frequency = |i: usize| {
        let exponent = (-MAX_PERIOD.ln()) as f32 * i as f32 / (half as f64 - shift) as f32;
        f64::from(exponent).exp() as f32
    };
    let frequencies: Vec<f32> = (0..half).map(frequency).collect();
    let frequencies = Tensor::from_vec(frequencies, (1, half), timesteps.device())?;
    let angles = timesteps.to_dtype(DType::F32)?.reshape((count, 1))?.broadcast_mul(&frequencies)?;
    let (sin, cos) = (angles.sin()?, angles.cos()?);
    let both = if flip_sin_to_cos { Tensor::cat(&[cos, sin], 1)? } else { Tensor::cat(&[sin, cos], 1)? };
    both.pad_with_zeros(D::Minus1, 0, dim % 2)
}

/// Linear, SiLU, linear: what turns sinusoids, pooled text and other conditions into the embedding of a step.
#[derive(Debug, Clone)]
pub struct TimestepEmbedding {
    linear_1: Linear,
    linear_2: Linear,
}

impl TimestepEmbedding {
    /// Reads `linear_1` and `linear_2`; both give `width` values.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(inputs: usize, width: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            linear_1: Linear::new(inputs, width, vb.pp("linear_1"))?,
            linear_2: Linear::new(width, width, vb.pp("linear_2"))?,
        })
    }

    /// `[batch, inputs]`, in the type of the weights, to `[batch, width]`.
    ///
    /// # Errors
    /// When the last dimension is not `inputs`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.linear_2.forward(&Activation::Silu.forward(&self.linear_1.forward(x)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn sinusoids_start_at_the_time_itself_and_get_slower() {
        let time = Tensor::new(&[0i64, 3], &Device::Cpu).unwrap();
        let rows: Vec<Vec<f32>> = timestep_sinusoid(&time, 4, true, 0.0).unwrap().to_vec2().unwrap();
        assert_eq!(rows[0], [1.0, 1.0, 0.0, 0.0]);
        let expected = [3f32.cos(), 0.03f32.cos(), 3f32.sin(), 0.03f32.sin()];
        assert!(rows[1].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{rows:?}");
        // Sines first, and a shift of one makes the last frequency the slowest: 3 / 10000.
        let rows: Vec<Vec<f32>> = timestep_sinusoid(&time, 5, false, 1.0).unwrap().to_vec2().unwrap();
        let expected = [3f32.sin(), 3e-4f32.sin(), 3f32.cos(), 3e-4f32.cos(), 0.0];
        assert!(rows[1].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{rows:?}");
    }

    #[test]
    fn too_few_values_are_an_error() {
        let time = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        assert!(timestep_sinusoid(&time, 2, true, 1.0).is_err());
    }
}
