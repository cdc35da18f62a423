//! What the recorded loops say of the samplers alone: levels, timesteps, and the steps whose prediction is known.

use crate::camera_warp;
use crate::fixture::{Fixture, Tensors, max_difference};
use candle_core::{DType, Result, Shape, Tensor};
use reelboard::nets::samplers::{Sampler, SamplerKind, SchedulerConfig, alphas_cumprod};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Levels are numbers around 1 of f32.
const LEVEL_TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Run {
    steps: usize,
    timesteps: Vec<f32>,
    /// Without the class, which the settings give away.
    scheduler: serde_json::Value,
}

#[derive(Deserialize)]
struct Camera {
    r#move: (String, String),
    #[serde(rename = "T_m")]
    steps_before: usize,
    alphas_cumprod: f64,
}

/// The loops of a video fixture, and what belongs to them.
struct Loops {
    fixture: Fixture,
    io: Tensors,
    runs: BTreeMap<String, Run>,
}

impl Loops {
    fn open() -> Self {
        let fixture = Fixture::open("video_pipeline");
        let mut runs: BTreeMap<String, serde_json::Value> = fixture.config("runs");
        runs.retain(|_, run| run.get("scheduler").is_some());
        let runs = runs.into_iter().map(|(name, run)| (name, serde_json::from_value(run).unwrap()));
        Self { runs: runs.collect(), io: fixture.tensors("io.safetensors"), fixture }
    }

    /// The sampler of a run; recorded noise means that all of it is drawn anew.
    fn sampler(&self, name: &str) -> Sampler {
        let run = &self.runs[name];
        let kind = match run.scheduler.get("algorithm_type") {
            Some(_) => SamplerKind::DpmSolverMultistep,
            None => SamplerKind::Ddim,
        };
        let config: SchedulerConfig = serde_json::from_value(run.scheduler.clone()).unwrap();
        let eta = if self.io.0.contains_key(&format!("{name}.noise0")) { 1.0 } else { 0.0 };
        Sampler::new(&SchedulerConfig { eta, ..config.with_sampler(kind) }, run.steps).unwrap()
    }

    /// The sample before a step.
    fn before(&self, name: &str, index: usize) -> Tensor {
        match index.checked_sub(1) {
            Some(index) => self.after(name, index),
            None => self.io.f32("latents"),
        }
    }

    fn after(&self, name: &str, index: usize) -> Tensor {
        self.io.f32(&format!("{name}.latents_after_step{index}"))
    }

    /// A step with the recorded noise, `[frames, channels, height, width]` where samples are `[1, channels, frames, …]`.
    fn step(&self, name: &str, index: usize, prediction: &Tensor) -> Tensor {
        let mut noise = |_: &Shape, dtype: DType| -> Result<Tensor> {
            self.io.get(&format!("{name}.noise{index}")).permute((1, 0, 2, 3))?.unsqueeze(0)?.to_dtype(dtype)
        };
        let sample = self.before(name, index);
        self.sampler(name).step(prediction, index, &sample, &mut noise).unwrap()
    }

    fn compare(&self, what: &str, ours: &Tensor, theirs: &Tensor) {
        let largest = theirs.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let tolerance = self.fixture.tolerance("latents") * f64::from(largest.max(1.0));
        self.fixture.row(what, max_difference(ours, theirs), tolerance);
    }
}

#[test]
fn parity_levels_of_the_picture_scheduler() {
    let fixture = Fixture::open("sd_txt2img");
    let io = fixture.tensors("io.safetensors");
    let config: SchedulerConfig = fixture.config("scheduler");
    let theirs = io.f32("alphas_cumprod");
    let ours = Tensor::new(alphas_cumprod(&config).unwrap(), theirs.device()).unwrap();
    fixture.row("alphas_cumprod", max_difference(&ours, &theirs), LEVEL_TOLERANCE);
    let sampler = Sampler::new(&config, fixture.config("steps")).unwrap();
    assert_eq!(sampler.timesteps(), fixture.config::<Vec<f32>>("timesteps"));
    assert_eq!(sampler.timesteps(), io.f32("timesteps").to_vec1::<f32>().unwrap());
}

#[test]
fn parity_levels_of_the_video_schedulers() {
    let loops = Loops::open();
    assert!(!loops.runs.is_empty());
    for (name, run) in &loops.runs {
        let sampler = loops.sampler(name);
        assert_eq!(sampler.timesteps(), run.timesteps, "{name}");
        let stored = loops.io.f32(&format!("{name}.timesteps"));
        assert_eq!(sampler.timesteps(), stored.to_vec1::<f32>().unwrap(), "{name}");
        let Some(sigmas) = loops.io.0.get(&format!("{name}.sigmas")) else { continue };
        let before = (0..run.steps).map(|index| sampler.level_before(index).unwrap());
        let all = before.chain([sampler.level_after(run.steps - 1).unwrap()]);
        let ours: Vec<f64> = all.map(|level| level.sigma / level.alpha).collect();
        let ours = Tensor::new(ours, sigmas.device()).unwrap();
        // A ratio of numbers that were rounded to f32; it goes up to 15.
        loops.fixture.row(&format!("{name}.sigmas"), max_difference(&ours, sigmas), 10.0 * LEVEL_TOLERANCE);
    }
}

/// A run with noise starts like the one without: its first step has the same prediction, which the other run's first step
/// gives away.
#[test]
fn parity_first_step_with_noise() {
    let loops = Loops::open();
    let is_noisy = |name: &str| loops.io.0.contains_key(&format!("{name}.noise0"));
    let mut compared = 0;
    for (noisy, run) in loops.runs.iter().filter(|(name, _)| is_noisy(name)) {
        let same_start = |name: &str, other: &Run| {
            !is_noisy(name) && other.timesteps == run.timesteps && other.scheduler == run.scheduler
        };
        let Some((plain, _)) = loops.runs.iter().find(|(name, other)| same_start(name, other)) else { continue };
        // A first step is a linear function of the prediction.
        let zeros = loops.before(plain, 0).zeros_like().unwrap();
        let (at_zero, at_one) = (loops.step(plain, 0, &zeros), loops.step(plain, 0, &zeros.ones_like().unwrap()));
        let slope = (at_one - &at_zero).unwrap();
        let prediction = ((loops.after(plain, 0) - at_zero).unwrap() / slope).unwrap();
        loops.compare(&format!("{noisy} step 0"), &loops.step(noisy, 0, &prediction), &loops.after(noisy, 0));
        compared += 1;
    }
    assert!(compared > 0);
}

/// The run with a camera records the prediction of the step before the warp, and the sample after it.
#[test]
fn parity_step_and_warp_of_the_camera_run() {
    let loops = Loops::open();
    let camera: Camera =
        serde_json::from_value(loops.fixture.config::<serde_json::Value>("runs")["camera"].clone()).unwrap();
    let index = camera.steps_before - 1;
    let suffix = format!("_camera.eps_step{index}");
    let mut compared = 0;
    for key in loops.io.0.keys() {
        let Some(name) = key.strip_suffix(&suffix) else { continue };
        let (sampler, epsilon) = (loops.sampler(name), loops.io.f32(key));
        // Up to the warp the run is the one without a camera.
        let sample = loops.step(name, index, &epsilon);
        loops.compare(&format!("{name} step {index}"), &sample, &loops.after(name, index));
        let level = sampler.level_after(index).unwrap();
        loops.fixture.row("camera level", (level.alpha.powi(2) - camera.alphas_cumprod).abs(), LEVEL_TOLERANCE);
        let seen = sampler.epsilon(&epsilon, index, &loops.before(name, index)).unwrap();
        let (direction, speed) = &camera.r#move;
        let moved = camera_warp::camera(&Fixture::open("camera_warp"), None)
            .apply(&sample, &seen, level, camera_warp::movement(direction, speed))
            .unwrap();
        let key = format!("{name}_camera.adjusted_after_step{index}");
        loops.compare(&key, &moved, &loops.io.f32(&key));
        compared += 1;
    }
    assert!(compared > 0);
}
