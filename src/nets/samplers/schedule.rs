//! Noise levels, and the steps through them.
//!
//! Everything is computed in the precision and order of diffusers 0.24 (f32 for the levels, f64 for the steps), for the
//! films to be the same.

use super::config::{ConfigError, SamplerKind, SchedulerConfig};
use std::f64::consts::FRAC_PI_2;

/// More levels than any network has; keeps a broken file from taking all memory.
const MAX_TRAIN_TIMESTEPS: usize = 100_000;

/// How steps lie among the levels that the network knows (Lin et al. 2023, table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    Leading,
    Trailing,
    Linspace,
}

/// What the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prediction {
    Epsilon,
    Velocity,
    Sample,
}

pub(super) fn unsupported(setting: &'static str, value: impl ToString, works: impl Into<String>) -> ConfigError {
    ConfigError::Unsupported { setting, value: value.to_string(), works: works.into() }
}

impl Spacing {
    pub(super) fn of(config: &SchedulerConfig, kind: SamplerKind) -> Result<Self, ConfigError> {
        match (config.timestep_spacing.as_deref(), kind) {
            (Some("leading"), _) | (None, SamplerKind::Ddim) => Ok(Self::Leading),
            (Some("linspace"), _) | (None, _) => Ok(Self::Linspace),
            (Some("trailing"), _) => Ok(Self::Trailing),
            (Some(other), _) => Err(unsupported("timestep_spacing", other, "leading, trailing or linspace")),
        }
    }
}

impl Prediction {
    pub(super) fn of(config: &SchedulerConfig) -> Result<Self, ConfigError> {
        match config.prediction_type.as_str() {
            "epsilon" => Ok(Self::Epsilon),
            "v_prediction" => Ok(Self::Velocity),
            "sample" => Ok(Self::Sample),
            other => Err(unsupported("prediction_type", other, "epsilon, v_prediction or sample")),
        }
    }
}

/// How much of the signal's power is left at each level the network was trained with, `alphas_cumprod` in diffusers.
///
/// # Errors
/// When the settings of the levels are unknown or out of range.
pub fn alphas_cumprod(config: &SchedulerConfig) -> Result<Vec<f32>, ConfigError> {
    let betas = betas(config)?;
    if let Some(beta) = betas.iter().find(|beta| !(**beta > 0.0 && **beta < 1.0)) {
        return Err(unsupported("beta_start, beta_end or trained_betas", beta, "a number between 0 and 1"));
    }
    let cumprod = cumprod(betas.iter().map(|beta| 1.0 - beta));
    Ok(if config.rescale_betas_zero_snr { zero_terminal_snr(&cumprod) } else { cumprod })
}

fn betas(config: &SchedulerConfig) -> Result<Vec<f32>, ConfigError> {
    let count = config.num_train_timesteps;
    if !(2..=MAX_TRAIN_TIMESTEPS).contains(&count) {
        return Err(unsupported("num_train_timesteps", count, format!("a number from 2 to {MAX_TRAIN_TIMESTEPS}")));
    }
    if let Some(betas) = &config.trained_betas {
        if betas.len() != count {
            return Err(unsupported("trained_betas", format!("a list of {}", betas.len()), format!("one of {count}")));
        }
        return Ok(betas.clone());
    }
    match config.beta_schedule.as_str() {
        "linear" => Ok(linspace_f32(config.beta_start, config.beta_end, count)),
        "scaled_linear" => {
            let roots = linspace_f32(config.beta_start.sqrt(), config.beta_end.sqrt(), count);
            Ok(roots.into_iter().map(|root| root * root).collect())
        }
        "squaredcos_cap_v2" => {
            let left = |i: usize| ((i as f64 / count as f64 + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2);
            Ok((0..count).map(|i| (1.0 - left(i + 1) / left(i)).min(0.999) as f32).collect())
        }
        other => Err(unsupported("beta_schedule", other, "linear, scaled_linear or squaredcos_cap_v2")),
    }
}

/// `torch.cumprod`, which multiplies in f64.
fn cumprod(factors: impl Iterator<Item = f32>) -> Vec<f32> {
    factors
        .scan(1.0, |product, factor| {
            *product *= f64::from(factor);
            Some(*product as f32)
        })
        .collect()
}

/// Shifts and scales the levels so that nothing is left of the signal at the last one (Lin et al. 2023, algorithm 1).
fn zero_terminal_snr(cumprod: &[f32]) -> Vec<f32> {
    let roots: Vec<f32> = cumprod.iter().map(|x| x.sqrt()).collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    let scale = first / (first - last);
    let rescaled: Vec<f32> = roots.into_iter().map(|x| ((x - last) * scale).powi(2)).collect();
    // Back to betas and forth again, with the roundings that this brings.
    let ratios = rescaled.windows(2).map(|pair| pair[1] / pair[0]);
    self::cumprod(std::iter::once(rescaled[0]).chain(ratios).map(|alpha| 1.0 - (1.0 - alpha)))
}

/// `torch.linspace` in f32, which counts from the nearer end and rounds once.
fn linspace_f32(start: f64, end: f64, count: usize) -> Vec<f32> {
    let (start, end) = (start as f32, end as f32);
    let step = (end - start) / (count - 1) as f32;
    (0..count)
        .map(
            |i| {
                if i < count / 2 { step.mul_add(i as f32, start) } else { (-step).mul_add((count - i - 1) as f32, end) }
            },
        )
        .collect()
}

/// Noise relative to signal at each level, for signals that are not scaled down.
pub(super) fn sigmas(alphas_cumprod: &[f32]) -> Vec<f32> {
    alphas_cumprod.iter().map(|a| ((1.0 - a) / a).sqrt()).collect()
}

/// `np.interp(timestep, arange(len), values)`.
pub(super) fn interpolate(timestep: f64, values: &[f32]) -> f32 {
    let below = (timestep as usize).min(values.len() - 1);
    let (a, b) = (f64::from(values[below]), f64::from(values[(below + 1).min(values.len() - 1)]));
    ((b - a) * (timestep - below as f64).min(1.0) + a) as f32
}

/// The timesteps of a sampler, first to last.
///
/// `levels` is how many levels count; DPM-Solver can leave out the noisiest.
///
/// # Errors
/// When that many steps do not fit.
pub(super) fn timesteps(
    config: &SchedulerConfig,
    kind: SamplerKind,
    steps: usize,
    levels: usize,
) -> Result<Vec<f64>, ConfigError> {
    let available = config.num_train_timesteps;
    let too_many = ConfigError::Steps { steps, available };
    if steps == 0 || steps > available || levels == 0 {
        return Err(too_many);
    }
    // DPM-Solver spreads one step more and drops the last.
    let multistep = kind == SamplerKind::DpmSolverMultistep;
    let (count, dropped) = if multistep { (steps + 1, 1) } else { (steps, 0) };
    let offset = config.steps_offset as f64;
    let timesteps: Vec<f64> = match Spacing::of(config, kind)? {
        Spacing::Linspace => {
            let step = (levels - 1) as f64 / (count - 1).max(1) as f64;
            let exact = (dropped..count)
                .rev()
                .map(|i| if i > 0 && i + 1 == count { (levels - 1) as f64 } else { i as f64 * step });
            match kind {
                SamplerKind::EulerAncestral => exact.map(|t| f64::from(t as f32)).collect(),
                _ => exact.map(f64::round_ties_even).collect(),
            }
        }
        Spacing::Leading => {
            let step = (levels / count) as f64;
            (dropped..count).rev().map(|i| i as f64 * step + offset).collect()
        }
        Spacing::Trailing => {
            let (start, step) = (levels as f64, available as f64 / steps as f64);
            // As numpy's arange counts: the step that it uses is what is left after it was subtracted once.
            let step = start - (start - step);
            let all = (0..steps).map(|i| (start - i as f64 * step).round_ties_even() - 1.0);
            all.filter(|t| *t >= 0.0).collect()
        }
    };
    let in_range = timesteps.iter().all(|t| (0.0..available as f64).contains(t));
    let decreasing = timesteps.windows(2).all(|pair| pair[0] > pair[1]);
    if in_range && decreasing { Ok(timesteps) } else { Err(too_many) }
}
