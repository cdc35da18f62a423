//! How long denoising steps take.

use super::context::JobCx;
use crate::models::{Dtype, Measured, ModelCache, ModelSpec, StepKey};
use crate::progress::{Cancelled, Progress, Rgb8, Watch};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Passes on what a stage reports, and takes the time of its denoising steps.
pub(super) struct Pace<'a> {
    cx: &'a JobCx,
    steps: Mutex<Steps>,
}

/// The denoising steps that were reported.
#[derive(Default, Clone, Copy)]
struct Steps {
    is_denoising: bool,
    first: Option<(Instant, u64)>,
    last: Option<(Instant, u64)>,
}

impl<'a> Pace<'a> {
    pub fn new(cx: &'a JobCx) -> Self {
        Self { cx, steps: Mutex::default() }
    }

    /// Writes down how long a step took, for the estimates of a preflight.
    pub fn remember(&self, cache: &ModelCache, model: &ModelSpec, [width, height]: [u32; 2], frames: u32) {
        let Steps { first, last, .. } = *self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((start, before)), Some((end, after))) = (first, last) else { return };
        if after <= before {
            return;
        }
        let secs = (end - start).as_secs_f64() / (after - before) as f64;
        let (model, device) = (model.id.clone(), "cpu".to_owned());
        let key = StepKey { model, width, height, frames, dtype: Dtype::F32, device };
        // The picture is there all the same.
        if let Err(error) = Measured::load(cache.folder()).record(key, secs) {
            log::warn!("cannot remember how long a step takes: {error}");
        }
    }
}

impl Progress for Pace<'_> {
    fn step(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.is_denoising {
            let now = (Instant::now(), done);
            steps.first.get_or_insert(now);
            steps.last = Some(now);
        }
        drop(steps);
        self.cx.step(done, total)
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

    fn wants_pause(&self) -> bool {
        self.cx.wants_pause()
    }
}
