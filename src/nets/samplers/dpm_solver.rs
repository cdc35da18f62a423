//! DPM-Solver++ with several steps (Lu et al. 2022, arXiv 2211.01095), as `DPMSolverMultistepScheduler`.

use super::config::{ConfigError, SamplerKind, SchedulerConfig};
use super::schedule::{interpolate, sigmas, timesteps, unsupported};
use super::{NoiseLevel, Plan, Solver, combine};
use candle_core::{Result, Tensor};

/// Below this many steps the last ones may be of lower order.
const FEW_STEPS: usize = 15;
/// The exponent of Karras et al. 2022.
const RHO: f64 = 7.0;

#[derive(Debug, Clone)]
pub(super) struct DpmSolver {
    order: usize,
    heun: bool,
    lower_order_final: bool,
    euler_at_final: bool,
    /// One more than there are steps.
    points: Vec<Point>,
}

/// A noise level as the solver sees it.
#[derive(Debug, Clone, Copy)]
struct Point {
    alpha: f32,
    sigma: f32,
    /// Half the logarithm of the signal-to-noise ratio.
    lambda: f32,
}

impl Point {
    /// From noise relative to signal.
    fn new(sigma: f32) -> Self {
        let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
        let sigma = sigma * alpha;
        Self { alpha, sigma, lambda: alpha.ln() - sigma.ln() }
    }

    fn level(&self) -> NoiseLevel {
        NoiseLevel { alpha: self.alpha.into(), sigma: self.sigma.into() }
    }
}

impl DpmSolver {
    pub(super) fn plan(
        config: &SchedulerConfig,
        alphas_cumprod: &[f32],
        steps: usize,
    ) -> std::result::Result<Plan, ConfigError> {
        let heun = check(config)?;
        let all = sigmas(alphas_cumprod);
        let levels = all.len() - clipped(config, alphas_cumprod);
        let (timesteps, mut sigmas) = if config.use_karras_sigmas.unwrap_or_default() {
            if !(1..=all.len()).contains(&steps) {
                return Err(ConfigError::Steps { steps, available: all.len() });
            }
            karras(&all, steps)
        } else {
            let timesteps = timesteps(config, SamplerKind::DpmSolverMultistep, steps, levels)?;
            let sigmas = timesteps.iter().map(|t| interpolate(*t, &all)).collect();
            (timesteps, sigmas)
        };
        // The last step ends at the first level; with those of Karras it stays where it is.
        sigmas.push(if config.use_karras_sigmas.unwrap_or_default() { sigmas[steps - 1] } else { all[0] });
        let points: Vec<Point> = sigmas.into_iter().map(Point::new).collect();
        Ok(Plan {
            timesteps,
            init_noise_sigma: 1.0,
            levels: points.windows(2).map(|pair| (pair[0].level(), pair[1].level())).collect(),
            solver: Solver::DpmSolver(Self {
                order: config.solver_order,
                heun,
                lower_order_final: config.lower_order_final,
                euler_at_final: config.euler_at_final,
                points,
            }),
        })
    }

    /// How many predictions it looks back on, this step's included.
    pub(super) fn order(&self) -> usize {
        self.order
    }

    /// `predictions` are of clean samples, the last one of this step.
    pub(super) fn step(&self, index: usize, sample: &Tensor, predictions: &[Tensor]) -> Result<Tensor> {
        let (from, to) = (self.points[index], self.points[index + 1]);
        let h = to.lambda - from.lambda;
        let shrink = (-h).exp() - 1.0;
        let (keep, first) = (to.sigma / from.sigma, -(to.alpha * shrink));
        let order = self.order_at(index, predictions.len(), h);
        let [older @ .., m0] = predictions else { candle_core::bail!("a step needs a prediction") };
        let mut terms = vec![(keep, sample), (first, m0)];
        if order == 1 {
            return combine(&terms);
        }

        // Finite differences in lambda, relative to this step.
        let r0 = (from.lambda - self.points[index - 1].lambda) / h;
        let m1 = &older[older.len() - 1];
        let d1 = ((m0 - m1)? * (1.0 / f64::from(r0)))?;
        let second = if order == 2 && !self.heun { 0.5 * first } else { to.alpha * (shrink / h + 1.0) };
        if order == 2 {
            terms.push((second, &d1));
            return combine(&terms);
        }
        let r1 = (self.points[index - 1].lambda - self.points[index - 2].lambda) / h;
        let m2 = &older[older.len() - 2];
        let d1_before = ((m1 - m2)? * (1.0 / f64::from(r1)))?;
        let change = (&d1 - d1_before)?;
        let third = -(to.alpha * ((shrink + h) / (h * h) - 0.5));
        terms.push((second, &d1));
        terms.push((second * (r0 / (r0 + r1)) + third * (1.0 / (r0 + r1)), &change));
        combine(&terms)
    }

    fn order_at(&self, index: usize, predictions: usize, h: f32) -> usize {
        let steps = self.points.len() - 1;
        let left = steps - 1 - index;
        let lower = self.lower_order_final && steps < FEW_STEPS;
        let allowed = match left {
            // A step of no length, the last one of Karras, has no finite differences.
            0 if self.euler_at_final || lower || h == 0.0 => 1,
            1 if lower => 2,
            _ => 3,
        };
        self.order.min(predictions).min(allowed)
    }
}

/// Whether it is Heun's form, when all settings are such that we can follow them.
fn check(config: &SchedulerConfig) -> std::result::Result<bool, ConfigError> {
    if !(1..=3).contains(&config.solver_order) {
        return Err(unsupported("solver_order", config.solver_order, "1, 2 or 3"));
    }
    // "deis" is what diffusers takes for the same.
    if !matches!(config.algorithm_type.as_str(), "dpmsolver++" | "deis") {
        return Err(unsupported("algorithm_type", &config.algorithm_type, "dpmsolver++"));
    }
    if config.use_lu_lambdas.unwrap_or_default() {
        return Err(unsupported("use_lu_lambdas", true, "false"));
    }
    if let Some(variance) = config.variance_type.as_deref().filter(|v| v.starts_with("learned")) {
        return Err(unsupported("variance_type", variance, "null"));
    }
    if let Some(last) = config.final_sigmas_type.as_deref().filter(|last| *last != "sigma_min") {
        return Err(unsupported("final_sigmas_type", last, "sigma_min"));
    }
    if config.rescale_betas_zero_snr {
        return Err(unsupported("rescale_betas_zero_snr", true, "false with this sampler, or DDIMScheduler"));
    }
    match config.solver_type.as_str() {
        "heun" => Ok(true),
        // The last three belong to relatives of this solver and mean its default here.
        "midpoint" | "logrho" | "bh1" | "bh2" => Ok(false),
        other => Err(unsupported("solver_type", other, "midpoint or heun")),
    }
}

/// How many of the noisiest levels are left out.
fn clipped(config: &SchedulerConfig, alphas_cumprod: &[f32]) -> usize {
    let lowest = config.lambda_min_clipped.unwrap_or(f64::NEG_INFINITY);
    let lambdas = alphas_cumprod.iter().map(|a| a.sqrt().ln() - (1.0 - a).sqrt().ln());
    lambdas.rev().take_while(|lambda| f64::from(*lambda) < lowest).count()
}

/// Timesteps and noise levels of Karras et al. 2022, equation 5.
fn karras(sigmas: &[f32], steps: usize) -> (Vec<f64>, Vec<f32>) {
    let (low, high) = (f64::from(sigmas[0]).powf(1.0 / RHO), f64::from(sigmas[sigmas.len() - 1]).powf(1.0 / RHO));
    let ramp = (0..steps).map(|i| i as f64 / (steps - 1).max(1) as f64);
    let spread: Vec<f64> = ramp.map(|ramp| (high + ramp * (low - high)).powf(RHO)).collect();

    let logs: Vec<f64> = sigmas.iter().map(|sigma| f64::from(sigma.ln())).collect();
    let timestep = |sigma: f64| {
        let log = sigma.max(1e-10).ln();
        let below = logs.partition_point(|l| *l <= log).saturating_sub(1).min(logs.len() - 2);
        let weight = ((logs[below] - log) / (logs[below] - logs[below + 1])).clamp(0.0, 1.0);
        (below as f64 + weight).round_ties_even()
    };
    (spread.iter().map(|sigma| timestep(*sigma)).collect(), spread.iter().map(|sigma| *sigma as f32).collect())
}
