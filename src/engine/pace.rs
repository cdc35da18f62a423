//! The engine's side of a denoising stage: how long steps take, where their state is kept, and what is remembered.

use super::cache::Cache;
use super::context::JobCx;
use crate::models::{DeviceKind, Dtype, Measured, ModelCache, ModelSpec, Plan, StepKey};
use crate::nets::denoise::Denoising;
use crate::progress::{Cancelled, Progress, Rgb8, StateError, Watch};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Passes on what a stage reports, takes the time of its denoising steps, and keeps what it makes apart by its models.
pub(super) struct Pace<'a> {
    cx: &'a JobCx,
    /// The models that decide what is made; see [`StudioModels::identity`](super::studio::StudioModels::identity).
    models: Option<String>,
    steps: Mutex<Steps>,
    /// Where the steps run, and in which numbers.
    place: (String, Dtype),
}

/// The denoising steps that were reported.
#[derive(Default, Clone, Copy)]
struct Steps {
    is_denoising: bool,
    first: Option<(Instant, u64)>,
    last: Option<(Instant, u64)>,
}

impl<'a> Pace<'a> {
    pub fn new(cx: &'a JobCx, models: Option<String>) -> Self {
        Self { cx, models, steps: Mutex::default(), place: ("cpu".to_owned(), Dtype::F32) }
    }

    /// Says where the steps run. What one kind of device made is not gone on with by another.
    pub fn on(mut self, plan: &Plan) -> Self {
        self.place = (plan.device.clone(), plan.dtype);
        self.models = self.models.map(|models| format!("{models}\n{}", DeviceKind::of(&plan.device)));
        self
    }

    /// The state that an earlier run of this job has left.
    pub fn kept(&self) -> Option<Denoising> {
        self.cx.kept(self.models.as_ref()?)
    }

    /// The cache, and a key there that no other models have.
    fn cached(&self, key: &str) -> Option<(&Cache, String)> {
        Some((self.cx.services.cache.as_deref()?, format!("{}\n{key}", self.models.as_ref()?)))
    }

    /// Writes down how long a step took, for the estimates of a preflight.
    pub fn write_down(&self, cache: &ModelCache, model: &ModelSpec, [width, height]: [u32; 2], frames: u32) {
        let Steps { first, last, .. } = *self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((start, before)), Some((end, after))) = (first, last) else { return };
        if after <= before {
            return;
        }
        let secs = (end - start).as_secs_f64() / (after - before) as f64;
        let (model, (device, dtype)) = (model.id.clone(), self.place.clone());
        let key = StepKey { model, width, height, frames, dtype, device };
        // The picture is there all the same.
        if let Err(error) = Measured::load(cache.folder()).record(key, secs) {
            log::warn!("cannot remember how long a step takes: {error}");
        }
    }
}

impl Progress for Pace<'_> {
    fn step(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let is_denoising = steps.is_denoising;
        if is_denoising {
            let now = (Instant::now(), done);
            steps.first.get_or_insert(now);
            steps.last = Some(now);
        }
        drop(steps);
        self.cx.step(done, total)?;
        // The step begins as soon as this returns.
        if is_denoising && done < total {
            log::debug!("{}: step {} of {total}", self.cx.shared.title, done + 1);
        }
        Ok(())
    }

    fn stage(&self, name: &str) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).is_denoising = name == "denoising";
        self.cx.stage(name);
    }
}

impl Watch for Pace<'_> {
    fn preview(&self, frames: &dyn Fn() -> Vec<Rgb8>) {
        self.cx.preview(frames);
    }

    fn note(&self, text: &str) {
        self.cx.note(text);
    }

    fn keep(&self, done: u64, total: u64, state: &dyn Fn() -> Result<Vec<u8>, StateError>) {
        let Some(models) = &self.models else { return };
        self.cx.keep(models, (done, total), state);
        log::debug!("{}: kept step {done} of {total}", self.cx.shared.title);
    }

    fn recall(&self, key: &str) -> Option<Vec<u8>> {
        let (cache, key) = self.cached(key)?;
        cache.get(&key)
    }

    fn remember(&self, key: &str, bytes: &[u8]) {
        if let Some((cache, key)) = self.cached(key) {
            cache.put(&key, bytes);
        }
    }

    fn wants_pause(&self) -> bool {
        self.cx.wants_pause()
    }
}
