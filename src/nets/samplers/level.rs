//! How much noise there is in a sample.

use super::combine;
use super::schedule::Prediction;
use candle_core::{DType, Result, Tensor};

/// A sample is `alpha * clean + sigma * noise`.
///
/// For DDIM and DPM-Solver the squares of both add up to 1; Euler keeps the signal as it is, so that alpha is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseLevel {
    /// What the signal is multiplied with.
    pub alpha: f64,
    /// What the noise is multiplied with.
    pub sigma: f64,
}

impl NoiseLevel {
    /// The level at which the signal keeps this much of its power.
    pub(super) fn of_power(alpha_cumprod: f32) -> Self {
        Self { alpha: alpha_cumprod.sqrt().into(), sigma: (1.0 - alpha_cumprod).sqrt().into() }
    }

    /// The variance of a sample whose clean part has variance 1.
    pub(super) fn power(self) -> f64 {
        self.alpha * self.alpha + self.sigma * self.sigma
    }

    /// `alpha * clean + sigma * noise`.
    ///
    /// # Errors
    /// When shapes or devices differ.
    pub fn add_noise(self, clean: &Tensor, noise: &Tensor) -> Result<Tensor> {
        let (x, noise) = (clean.to_dtype(DType::F32)?, noise.to_dtype(DType::F32)?);
        combine(&[(self.alpha as f32, &x), (self.sigma as f32, &noise)])?.to_dtype(clean.dtype())
    }

    /// The clean part of a sample with this noise: `(sample - sigma * noise) / alpha`.
    ///
    /// # Errors
    /// When shapes or devices differ.
    pub fn remove_noise(self, sample: &Tensor, noise: &Tensor) -> Result<Tensor> {
        let (x, noise) = (sample.to_dtype(DType::F32)?, noise.to_dtype(DType::F32)?);
        self.clean(Prediction::Epsilon, &noise, &x)?.to_dtype(sample.dtype())
    }

    /// The clean part of `sample`, both in f32.
    pub(super) fn clean(self, kind: Prediction, prediction: &Tensor, sample: &Tensor) -> Result<Tensor> {
        let Self { alpha, sigma } = self;
        match kind {
            Prediction::Sample => Ok(prediction.clone()),
            Prediction::Epsilon => combine(&[(1.0, sample), (-sigma as f32, prediction)])? / alpha,
            Prediction::Velocity => {
                // Velocity is defined for samples of variance 1.
                let power = self.power();
                combine(&[((alpha / power) as f32, sample), ((-sigma / power.sqrt()) as f32, prediction)])
            }
        }
    }

    /// The noise of `sample`, both in f32.
    pub(super) fn epsilon(self, kind: Prediction, prediction: &Tensor, sample: &Tensor) -> Result<Tensor> {
        let Self { alpha, sigma } = self;
        match kind {
            Prediction::Epsilon => Ok(prediction.clone()),
            Prediction::Sample => combine(&[(1.0, sample), (-alpha as f32, prediction)])? / sigma,
            Prediction::Velocity => {
                let power = self.power();
                combine(&[((alpha / power.sqrt()) as f32, prediction), ((sigma / power) as f32, sample)])
            }
        }
    }
}
