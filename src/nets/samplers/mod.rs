//! Samplers: from noise to a picture or a film, step by step.
//!
//! A [`Sampler`] is made from the settings that are published with a checkpoint ([`SchedulerConfig`]) and a number of
//! steps. The loop around the network is
//!
//! ```text
//! sample = noise * sampler.init_noise_sigma()
//! for (index, timestep) in sampler.timesteps() {
//!     prediction = network(sampler.scale_model_input(sample, index), timestep)
//!     sample = sampler.step(prediction, index, sample, noise)
//! }
//! ```
//!
//! Tensors have any shape and any float type; a step computes in f32 and gives the type of the sample. Noise is drawn in
//! the shape and type of the prediction, as diffusers draws it.
//!
//! Source: the schedulers of diffusers 0.24.

mod config;
mod ddim;
mod dpm_solver;
mod euler_ancestral;
pub mod guidance;
mod level;
mod schedule;

pub use config::{ConfigError, SamplerKind, SchedulerConfig, tolerant_json};
pub use level::NoiseLevel;
pub use schedule::alphas_cumprod;

use super::noise::NoiseSource;
use candle_core::{DType, Result, Tensor, bail};
use ddim::Ddim;
use dpm_solver::DpmSolver;
use euler_ancestral::EulerAncestral;
use schedule::Prediction;

/// A way through the noise levels.
#[derive(Debug, Clone)]
pub struct Sampler {
    kind: SamplerKind,
    prediction: Prediction,
    timesteps: Vec<f32>,
    init_noise_sigma: f64,
    /// The level before each step and after it. They are not always neighbours: DDIM goes down by a whole number of
    /// training levels whatever the spacing.
    levels: Vec<(NoiseLevel, NoiseLevel)>,
    solver: Solver,
    state: SamplerState,
}

#[derive(Debug, Clone)]
enum Solver {
    Ddim(Ddim),
    DpmSolver(DpmSolver),
    EulerAncestral(EulerAncestral),
}

/// What a sampler remembers between steps. Saved beside the latents, it lets a paused render go on.
#[derive(Debug, Clone, Default)]
pub struct SamplerState {
    /// The step that comes next.
    pub next: usize,
    /// What DPM-Solver predicted in the last steps, oldest first, in f32; empty for the others.
    pub history: Vec<Tensor>,
}

/// What a solver works out before the first step.
struct Plan {
    timesteps: Vec<f64>,
    init_noise_sigma: f64,
    levels: Vec<(NoiseLevel, NoiseLevel)>,
    solver: Solver,
}

impl Sampler {
    /// The sampler that the settings name, for this many steps.
    ///
    /// # Errors
    /// When a setting is unknown, or one that we do not have, or the steps do not fit.
    pub fn new(config: &SchedulerConfig, steps: usize) -> std::result::Result<Self, ConfigError> {
        let kind = config.kind()?;
        let prediction = Prediction::of(config)?;
        if config.thresholding {
            return Err(schedule::unsupported("thresholding", true, "false"));
        }
        let alphas_cumprod = alphas_cumprod(config)?;
        let plan = match kind {
            SamplerKind::Ddim => Ddim::plan(config, &alphas_cumprod, steps)?,
            SamplerKind::DpmSolverMultistep => DpmSolver::plan(config, &alphas_cumprod, steps)?,
            SamplerKind::EulerAncestral => EulerAncestral::plan(config, &alphas_cumprod, steps)?,
        };
        if prediction == Prediction::Epsilon && plan.levels.iter().any(|(before, _)| before.alpha == 0.0) {
            return Err(schedule::unsupported(
                "prediction_type",
                "epsilon, with a first step at which no signal is left",
                "v_prediction or sample",
            ));
        }
        Ok(Self {
            kind,
            prediction,
            timesteps: plan.timesteps.into_iter().map(|t| t as f32).collect(),
            init_noise_sigma: plan.init_noise_sigma,
            levels: plan.levels,
            solver: plan.solver,
            state: SamplerState::default(),
        })
    }

    /// Which sampler it is.
    pub fn kind(&self) -> SamplerKind {
        self.kind
    }

    /// What the network is told at each step, first to last. Whole numbers, except for Euler with `linspace`.
    pub fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    /// The standard deviation of the sample before the first step.
    pub fn init_noise_sigma(&self) -> f64 {
        self.init_noise_sigma
    }

    /// The noise in the sample that step `index` starts from; a picture is put there with [`NoiseLevel::add_noise`].
    ///
    /// # Errors
    /// When there is no such step.
    pub fn level_before(&self, index: usize) -> Result<NoiseLevel> {
        Ok(self.levels_of(index)?.0)
    }

    /// The noise in the sample that step `index` gives.
    ///
    /// # Errors
    /// When there is no such step.
    pub fn level_after(&self, index: usize) -> Result<NoiseLevel> {
        Ok(self.levels_of(index)?.1)
    }

    /// The sample as the network wants it.
    ///
    /// # Errors
    /// When there is no such step.
    pub fn scale_model_input(&self, sample: &Tensor, index: usize) -> Result<Tensor> {
        let power = self.level_before(index)?.power();
        match self.kind {
            SamplerKind::Ddim | SamplerKind::DpmSolverMultistep => Ok(sample.clone()),
            SamplerKind::EulerAncestral => (sample.to_dtype(DType::F32)? / power.sqrt())?.to_dtype(sample.dtype()),
        }
    }

    /// The noise that the network sees in the sample of step `index`, whatever it predicts.
    ///
    /// # Errors
    /// When there is no such step, or the shapes differ.
    pub fn epsilon(&self, prediction: &Tensor, index: usize, sample: &Tensor) -> Result<Tensor> {
        let level = self.level_before(index)?;
        let (x, p) = (sample.to_dtype(DType::F32)?, prediction.to_dtype(DType::F32)?);
        level.epsilon(self.prediction, &p, &x)?.to_dtype(prediction.dtype())
    }

    /// The picture without noise that the network sees in the sample of step `index`.
    ///
    /// # Errors
    /// When there is no such step, or the shapes differ.
    pub fn clean(&self, prediction: &Tensor, index: usize, sample: &Tensor) -> Result<Tensor> {
        let level = self.level_before(index)?;
        let (x, p) = (sample.to_dtype(DType::F32)?, prediction.to_dtype(DType::F32)?);
        level.clean(self.prediction, &p, &x)?.to_dtype(prediction.dtype())
    }

    /// The sample after step `index`, given what the network predicted for the sample before it.
    ///
    /// Step 0 starts anew; the first step may also be a later one, for a picture with noise added.
    ///
    /// # Errors
    /// When there is no such step, the shapes differ, or a solver that looks back is not given each step in its turn.
    pub fn step(
        &mut self,
        prediction: &Tensor,
        index: usize,
        sample: &Tensor,
        noise: &mut dyn NoiseSource,
    ) -> Result<Tensor> {
        let (level, _) = self.levels_of(index)?;
        if prediction.shape() != sample.shape() {
            bail!("a prediction of shape {:?} is not one for a sample of {:?}", prediction.shape(), sample.shape());
        }
        let (x, p) = (sample.to_dtype(DType::F32)?, prediction.to_dtype(DType::F32)?);
        let clean = level.clean(self.prediction, &p, &x)?;
        let mut draw = || {
            let noise = noise.noise(prediction.shape(), prediction.dtype())?;
            noise.to_device(sample.device())?.to_dtype(DType::F32)
        };
        let next = match &self.solver {
            Solver::Ddim(ddim) => ddim.step(index, &clean, &level.epsilon(self.prediction, &p, &x)?, &mut draw)?,
            Solver::EulerAncestral(euler) => euler.step(index, &clean, &x, &mut draw)?,
            Solver::DpmSolver(solver) => {
                if index == 0 {
                    self.state.history.clear();
                } else if !self.state.history.is_empty() && index != self.state.next {
                    bail!("step {index} was asked for where {} comes next: DPM-Solver looks back", self.state.next);
                }
                self.state.history.push(clean);
                let surplus = self.state.history.len().saturating_sub(solver.order());
                self.state.history.drain(..surplus);
                solver.step(index, &x, &self.state.history)?
            }
        };
        self.state.next = index + 1;
        next.to_dtype(sample.dtype())
    }

    /// What it remembers.
    pub fn state(&self) -> &SamplerState {
        &self.state
    }

    /// Goes on from a saved state of a sampler with the same settings and steps.
    ///
    /// # Errors
    /// When the state is not one of such a sampler.
    pub fn resume(&mut self, state: SamplerState) -> Result<()> {
        let remembers = match &self.solver {
            Solver::DpmSolver(solver) => solver.order(),
            Solver::Ddim(_) | Solver::EulerAncestral(_) => 0,
        };
        if state.next > self.timesteps.len() || state.history.len() > remembers.min(state.next) {
            bail!(
                "a state after {} steps with {} predictions is not one of a sampler with {} steps that keeps {remembers}",
                state.next,
                state.history.len(),
                self.timesteps.len()
            );
        }
        let history = state.history.iter().map(|x| x.to_dtype(DType::F32)).collect::<Result<_>>()?;
        self.state = SamplerState { next: state.next, history };
        Ok(())
    }

    fn levels_of(&self, index: usize) -> Result<(NoiseLevel, NoiseLevel)> {
        match self.levels.get(index) {
            Some(levels) => Ok(*levels),
            None => bail!("there is no step {index} in {} steps", self.levels.len()),
        }
    }
}

/// The sum of tensors of one shape, each times a number.
fn combine(terms: &[(f32, &Tensor)]) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for (factor, x) in terms {
        let term = x.affine(f64::from(*factor), 0.0)?;
        sum = Some(match sum {
            Some(sum) => (sum + term)?,
            None => term,
        });
    }
    sum.ok_or_else(|| candle_core::Error::msg("a sum of nothing"))
}

#[cfg(test)]
mod tests;
