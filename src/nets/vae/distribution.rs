//! What the encoder gives.

use candle_core::{Result, Tensor};

/// A normal distribution over latents, each value by itself.
#[derive(Debug, Clone)]
pub struct LatentDistribution {
    /// `[batch, latent_channels, height, width]`
    pub mean: Tensor,
    /// The logarithm of the variance, of the shape of the mean.
    pub logvar: Tensor,
}

impl LatentDistribution {
    /// From means and log variances side by side: `[batch, 2 * latent_channels, height, width]`.
    ///
    /// # Errors
    /// When the channels are odd.
    pub fn from_moments(moments: &Tensor) -> Result<Self> {
        let channels = moments.dim(1)?;
        if channels % 2 != 0 {
            candle_core::bail!("{channels} channels are not means and variances");
        }
        let half = |first| moments.narrow(1, first, channels / 2)?.contiguous();
        Ok(Self { mean: half(0)?, logvar: half(channels / 2)?.clamp(-30.0, 20.0)? })
    }

    /// The most likely latents.
    pub fn mode(&self) -> &Tensor {
        &self.mean
    }

    /// Latents drawn from the distribution, by noise from a normal distribution of the shape of the mean.
    ///
    /// # Errors
    /// When the noise has another shape.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        let deviation = (&self.logvar * 0.5)?.exp()?;
        &self.mean + deviation.mul(&noise.to_dtype(self.mean.dtype())?)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn moments(values: [f32; 4]) -> Tensor {
        Tensor::new(&values, &Device::Cpu).unwrap().reshape((1, 4, 1, 1)).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_sample_is_the_mean_plus_the_deviation_times_the_noise() {
        let distribution = LatentDistribution::from_moments(&moments([1.0, -2.0, 0.0, 2.0 * 3f32.ln()])).unwrap();
        let noise = Tensor::new(&[0.5f32, -1.0], &Device::Cpu).unwrap().reshape((1, 2, 1, 1)).unwrap();
        assert_eq!(values(distribution.mode()), [1.0, -2.0]);
        let sample = values(&distribution.sample(&noise).unwrap());
        assert!((sample[0] - 1.5).abs() < 1e-6 && (sample[1] + 5.0).abs() < 1e-6, "{sample:?}");
    }

    #[test]
    fn the_variance_is_kept_within_bounds() {
        let distribution = LatentDistribution::from_moments(&moments([0.0, 0.0, 1e9, -1e9])).unwrap();
        assert_eq!(values(&distribution.logvar), [20.0, -30.0]);
    }

    #[test]
    fn odd_channels_are_an_error() {
        let odd = Tensor::zeros((1, 3, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(LatentDistribution::from_moments(&odd).is_err());
    }
}
