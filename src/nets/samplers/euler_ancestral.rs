//! Euler's method with ancestral noise (Karras et al. 2022; Crowson's k-diffusion), as `EulerAncestralDiscreteScheduler`.

use super::config::{ConfigError, SamplerKind, SchedulerConfig};
use super::schedule::{Spacing, interpolate, sigmas, timesteps, unsupported};
use super::{NoiseLevel, Plan, Solver, combine};
use candle_core::{Result, Tensor};

#[derive(Debug, Clone)]
pub(super) struct EulerAncestral {
    /// Noise relative to signal, one more than there are steps; the last is 0.
    sigmas: Vec<f32>,
}

impl EulerAncestral {
    pub(super) fn plan(
        config: &SchedulerConfig,
        alphas_cumprod: &[f32],
        steps: usize,
    ) -> std::result::Result<Plan, ConfigError> {
        if config.prediction_type == "sample" {
            return Err(unsupported("prediction_type", "sample", "epsilon or v_prediction with this sampler"));
        }
        if config.rescale_betas_zero_snr {
            return Err(unsupported("rescale_betas_zero_snr", true, "false with this sampler, or DDIMScheduler"));
        }
        let timesteps = timesteps(config, SamplerKind::EulerAncestral, steps, alphas_cumprod.len())?;
        let all = sigmas(alphas_cumprod);
        let mut sigmas: Vec<f32> = timesteps.iter().map(|t| interpolate(*t, &all)).collect();
        let most = sigmas[0];
        sigmas.push(0.0);
        let init_noise_sigma = match Spacing::of(config, SamplerKind::EulerAncestral)? {
            Spacing::Linspace | Spacing::Trailing => most,
            Spacing::Leading => (most * most + 1.0).sqrt(),
        };
        let level = |sigma: f32| NoiseLevel { alpha: 1.0, sigma: sigma.into() };
        Ok(Plan {
            timesteps,
            init_noise_sigma: init_noise_sigma.into(),
            levels: sigmas.windows(2).map(|pair| (level(pair[0]), level(pair[1]))).collect(),
            solver: Solver::EulerAncestral(Self { sigmas }),
        })
    }

    pub(super) fn step(
        &self,
        index: usize,
        clean: &Tensor,
        sample: &Tensor,
        draw: &mut dyn FnMut() -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (from, to) = (self.sigmas[index], self.sigmas[index + 1]);
        let (from2, to2) = (from * from, to * to);
        let up = (to2 * (from2 - to2) / from2).sqrt();
        let down = (to2 - up * up).sqrt();
        let derivative = ((sample - clean)? / f64::from(from))?;
        // The last step draws noise that it does not need, as the original does: the generator is where it was there.
        combine(&[(1.0, sample), (down - from, &derivative), (up, &draw()?)])
    }
}
