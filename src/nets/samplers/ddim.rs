//! DDIM (Song et al. 2020, equations 12 and 16), as `DDIMScheduler`.

use super::config::{ConfigError, SamplerKind, SchedulerConfig};
use super::schedule::{timesteps, unsupported};
use super::{NoiseLevel, Plan, Solver, combine};
use candle_core::{Result, Tensor};

#[derive(Debug, Clone)]
pub(super) struct Ddim {
    steps: Vec<Factors>,
    /// Half the width of the range to which the clean sample is clipped.
    clip: Option<f64>,
}

/// What one step multiplies with.
#[derive(Debug, Clone, Copy)]
struct Factors {
    clean: f32,
    epsilon: f32,
    noise: f32,
}

impl Ddim {
    pub(super) fn plan(
        config: &SchedulerConfig,
        alphas_cumprod: &[f32],
        steps: usize,
    ) -> std::result::Result<Plan, ConfigError> {
        if !(0.0..=1.0).contains(&config.eta) {
            return Err(unsupported("eta", config.eta, "a number from 0 to 1"));
        }
        let timesteps = timesteps(config, SamplerKind::Ddim, steps, alphas_cumprod.len())?;
        let stride = alphas_cumprod.len() / steps;
        let last = if config.set_alpha_to_one { 1.0 } else { alphas_cumprod[0] };
        let powers = timesteps.iter().map(|t| {
            let t = *t as usize;
            (alphas_cumprod[t], t.checked_sub(stride).map_or(last, |t| alphas_cumprod[t]))
        });
        let powers: Vec<(f32, f32)> = powers.collect();
        let factors = powers.iter().map(|(before, after)| {
            let variance = (1.0 - after) / (1.0 - before) * (1.0 - before / after);
            let noise = config.eta as f32 * variance.sqrt();
            // Rounding may leave less than nothing.
            Factors { clean: after.sqrt(), epsilon: (1.0 - after - noise * noise).max(0.0).sqrt(), noise }
        });
        Ok(Plan {
            init_noise_sigma: 1.0,
            levels: powers.iter().map(|(b, a)| (NoiseLevel::of_power(*b), NoiseLevel::of_power(*a))).collect(),
            solver: Solver::Ddim(Self {
                steps: factors.collect(),
                clip: config.clip_sample.then_some(config.clip_sample_range),
            }),
            timesteps,
        })
    }

    pub(super) fn step(
        &self,
        index: usize,
        clean: &Tensor,
        epsilon: &Tensor,
        draw: &mut dyn FnMut() -> Result<Tensor>,
    ) -> Result<Tensor> {
        let factors = self.steps[index];
        let clipped = match self.clip {
            Some(range) => &clean.clamp(-range, range)?,
            None => clean,
        };
        let next = combine(&[(factors.clean, clipped), (factors.epsilon, epsilon)])?;
        if factors.noise > 0.0 { combine(&[(1.0, &next), (factors.noise, &draw()?)]) } else { Ok(next) }
    }
}
