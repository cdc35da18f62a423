//! A watcher that remembers what it was told, and stops the work where a test wants it.

use reelboard::progress::{Cancelled, Progress, Rgb8, Watch};
use std::sync::Mutex;

/// The stage in which steps are denoised.
pub const DENOISING: &str = "denoising";

#[derive(Default)]
pub struct Watcher {
    /// Cancels when this many steps of this stage are done.
    pub cancel_at: Option<(&'static str, u64)>,
    /// Asks for a pause after the step with this number.
    pub pause_after: Option<usize>,
    pub seen: Mutex<Seen>,
}

#[derive(Default)]
pub struct Seen {
    pub stage: String,
    /// All stages, in order.
    pub stages: Vec<String>,
    /// Of the denoising stage: done and total.
    pub steps: Vec<(u64, u64)>,
    pub previews: Vec<Vec<Rgb8>>,
    pub notes: Vec<String>,
    /// Times that the work went on after its cancel.
    pub after_cancel: usize,
    cancelled: bool,
    asked: usize,
}

impl Watcher {
    pub fn pausing_after(step: usize) -> Self {
        Self { pause_after: Some(step), ..Self::default() }
    }

    pub fn cancelling_at(stage: &'static str, done: u64) -> Self {
        Self { cancel_at: Some((stage, done)), ..Self::default() }
    }

    pub fn stages(&self) -> Vec<String> {
        self.seen.lock().unwrap().stages.clone()
    }

    pub fn notes(&self) -> Vec<String> {
        self.seen.lock().unwrap().notes.clone()
    }
}

impl Progress for Watcher {
    fn step(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        let mut seen = self.seen.lock().unwrap();
        seen.after_cancel += usize::from(seen.cancelled);
        if seen.stage == DENOISING {
            seen.steps.push((done, total));
        }
        match self.cancel_at {
            Some((stage, at)) if stage == seen.stage && done >= at => {
                seen.cancelled = true;
                Err(Cancelled)
            }
            _ => Ok(()),
        }
    }

    fn stage(&self, name: &str) {
        let mut seen = self.seen.lock().unwrap();
        name.clone_into(&mut seen.stage);
        seen.stages.push(name.to_owned());
    }
}

impl Watch for Watcher {
    fn preview(&self, frames: &dyn Fn() -> Vec<Rgb8>) {
        let frames = frames();
        self.seen.lock().unwrap().previews.push(frames);
    }

    fn note(&self, text: &str) {
        self.seen.lock().unwrap().notes.push(text.to_owned());
    }

    fn wants_pause(&self) -> bool {
        let mut seen = self.seen.lock().unwrap();
        seen.asked += 1;
        self.pause_after == Some(seen.asked)
    }
}
