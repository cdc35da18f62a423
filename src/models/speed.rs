//! How fast this machine was before: seconds per step, kept in a small file beside the models.

use super::compute::Dtype;
use crate::project::write_whole;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// What was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepKey {
    /// The model's id.
    pub model: String,
    /// Width of a picture in pixels.
    pub width: u32,
    /// Height of a picture in pixels.
    pub height: u32,
    /// Pictures at once; 1 for a still.
    pub frames: u32,
    /// The type of the numbers.
    pub dtype: Dtype,
    /// Where it ran, such as `cpu` or `cuda:0`.
    pub device: String,
}

impl StepKey {
    fn pixels(&self) -> f64 {
        f64::from(self.width) * f64::from(self.height) * f64::from(self.frames)
    }

    fn differs_in_size_only(&self, other: &Self) -> bool {
        self.model == other.model && self.dtype == other.dtype && self.device == other.device
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Speed {
    what: StepKey,
    secs_per_step: f64,
}

/// How long a step takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepEstimate {
    /// Of one step.
    pub secs: f64,
    /// Whether exactly this was measured, and not another size.
    pub is_measured: bool,
}

/// What this machine measured before.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    path: PathBuf,
    speeds: Vec<Speed>,
}

/// How much the latest run counts: a machine that was busy once is forgiven soon.
const LATEST: f64 = 0.5;

impl Measured {
    /// What was measured before with the models in `folder` ([`ModelCache::folder`](super::ModelCache::folder)). A file
    /// that cannot be read is none: all it costs is an estimate.
    pub fn load(folder: &Path) -> Self {
        let path = folder.join("speed.ron");
        let read = || ron::from_str(&std::fs::read_to_string(&path).ok()?).ok();
        let speeds: Vec<Speed> = read().unwrap_or_default();
        let speeds = speeds.into_iter().filter(|speed| is_duration(speed.secs_per_step)).collect();
        Self { path, speeds }
    }

    /// Remembers how long a step took, and writes the file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn record(&mut self, what: StepKey, secs_per_step: f64) -> io::Result<()> {
        if !is_duration(secs_per_step) {
            return Ok(());
        }
        match self.speeds.iter_mut().find(|speed| speed.what == what) {
            Some(known) => known.secs_per_step += LATEST * (secs_per_step - known.secs_per_step),
            None => self.speeds.push(Speed { what, secs_per_step }),
        }
        let text = ron::ser::to_string_pretty(&self.speeds, ron::ser::PrettyConfig::default());
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        write_whole(&self.path, text.map_err(io::Error::other)?.as_bytes())
    }

    /// How long a step takes: as measured, or, from the nearest other size, in proportion to the pixels; `None` when
    /// this model has not run on this device with these numbers.
    pub fn estimate(&self, what: &StepKey) -> Option<StepEstimate> {
        if let Some(known) = self.speeds.iter().find(|speed| speed.what == *what) {
            return Some(StepEstimate { secs: known.secs_per_step, is_measured: true });
        }
        let ratio = |speed: &&Speed| (what.pixels() / speed.what.pixels()).ln().abs();
        let others =
            self.speeds.iter().filter(|speed| speed.what.differs_in_size_only(what) && speed.what.pixels() > 0.0);
        let nearest = others.min_by(|a, b| ratio(a).total_cmp(&ratio(b)))?;
        Some(StepEstimate { secs: nearest.secs_per_step * what.pixels() / nearest.what.pixels(), is_measured: false })
    }
}

fn is_duration(secs: f64) -> bool {
    secs.is_finite() && secs > 0.0
}
