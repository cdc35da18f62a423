//! What a render needs, against what this machine has, before anything is fetched or rendered.
//!
//! How much memory a network takes is an estimate: its weights, and what it holds at its fullest moment besides,
//!
//! ```text
//! parameters × bytes + per_latent_pixel × latent pixels × rows × frames × bytes
//! ```
//!
//! with 2 rows for guidance, the given frame counted as one more frame, 8 × 8 pixels to a latent pixel, 4 bytes in f32
//! and 2 in f16 and bf16. Autoencoders run in f32, one picture at a time. `models.ron` has the two numbers of each
//! network. Those of Stable Diffusion 1.5 were measured in this program at 512 × 512 in f32 (3.9 GB for a step with
//! guidance, 3.44 GB of it weights; 1.2 GB for decoding a picture); VideoStudio-Vid is taken to hold as much per latent
//! pixel and frame as Stable Diffusion 1.5 does, which is not measured.

use super::machine::{Room, bytes_text};
use super::registry::RegistryError;
use super::speed::{Measured, StepKey};
use super::{FileStatus, Licence, ModelCache, ModelSpec, NetworkPart, Registry, Role, Studio};
use crate::project::{Project, Scene, entities};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The type of a network's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32 bits, as trained.
    F32,
    /// 16 bits, as released.
    F16,
    /// 16 bits with the range of 32.
    Bf16,
}

impl Dtype {
    /// Bytes of one number.
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

/// What this machine has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Free memory and disk space.
    pub room: Room,
    /// What can compute besides the processor, best first.
    pub accelerators: Vec<Accelerator>,
}

impl Machine {
    /// The processor's memory, and the disk that holds `folder`.
    pub fn now(folder: &Path) -> Self {
        Self { room: Room::now(folder), accelerators: Vec::new() }
    }
}

/// A device with memory of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accelerator {
    /// Such as `cuda:0`.
    pub name: String,
    /// Memory that is free on it; `None` where it does not say.
    pub free_bytes: Option<u64>,
}

/// What is to be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderSize {
    /// Width and height of references and stills, in pixels.
    pub still: [u32; 2],
    /// Width and height of clips, in pixels.
    pub clip: [u32; 2],
    /// Frames of a clip.
    pub frames: u32,
    /// Steps for a reference or a still.
    pub still_steps: u32,
    /// Steps for a clip.
    pub clip_steps: u32,
    /// References to draw.
    pub references: u32,
    /// Scenes to render: each has a still and a clip.
    pub scenes: u32,
}

impl RenderSize {
    /// For so many scenes of a project, and the pictures that its recurring entities lack.
    ///
    /// # Errors
    /// When the studio names a model that is not listed.
    pub fn of_project(
        studio: &Studio,
        registry: &Registry,
        project: &Project,
        scenes: usize,
    ) -> Result<Self, RegistryError> {
        let references = entities(project).iter().filter(|entity| entity.lacks_picture(project)).count();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut size = Self::of(studio, registry, count(references), count(scenes))?;
        // More steps than they were given are wasted on random weights.
        if !registry.is_random(studio)? {
            // Scenes may have settings of their own; the time of them all is that of the mean.
            let mean = |of_project: u32, of_scene: &dyn Fn(&Scene) -> u32| {
                let all: u64 = project.scenes.iter().map(|scene| u64::from(of_scene(scene))).sum();
                match project.scenes.len() as u64 {
                    0 => of_project,
                    scenes => all.div_ceil(scenes) as u32,
                }
            };
            size.still_steps = mean(project.still.steps, &|scene| project.still_settings(scene).steps);
            size.clip_steps = mean(project.clip.steps, &|scene| project.clip_settings(scene).steps);
            // The largest clip decides the memory.
            let frames = project.scenes.iter().map(|scene| project.clip_settings(scene).frames);
            size.frames = frames.max().unwrap_or(project.clip.frames);
        }
        Ok(size)
    }

    /// With the defaults of the studio's models, which are the release's where they name none.
    ///
    /// # Errors
    /// When the studio names a model that is not listed.
    pub fn of(studio: &Studio, registry: &Registry, references: u32, scenes: u32) -> Result<Self, RegistryError> {
        let defaults =
            |role| Ok(model(studio, registry, role)?.map(|model| model.defaults.clone()).unwrap_or_default());
        let (still, clip) = (defaults(Role::Compositor)?, defaults(Role::Animator)?);
        Ok(Self {
            still: [still.width.unwrap_or(512), still.height.unwrap_or(512)],
            clip: [clip.width.unwrap_or(512), clip.height.unwrap_or(320)],
            frames: clip.frames.unwrap_or(16),
            still_steps: still.steps.unwrap_or(60),
            clip_steps: clip.steps.unwrap_or(70),
            references,
            scenes,
        })
    }
}

/// How a stage can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where, such as `cuda:0` or `cpu`.
    pub device: String,
    /// The type of the numbers.
    pub dtype: Dtype,
    /// Whether only one of the stage's networks is in memory at a time.
    pub sequential: bool,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Frames; 1 for a still.
    pub frames: u32,
    /// Memory that it takes, as estimated.
    pub needed_bytes: u64,
}

impl Plan {
    /// Free memory that it is chosen with: a tenth more than it takes, since estimates are estimates.
    pub fn free_bytes(&self) -> u64 {
        with_room(self.needed_bytes)
    }
}

fn with_room(needed_bytes: u64) -> u64 {
    needed_bytes + needed_bytes / 10
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [width, height] = self.size;
        write!(f, "{} on {}, {width}×{height}", self.dtype, self.device)?;
        if self.frames > 1 {
            write!(f, ", {} frames", self.frames)?;
        }
        if self.sequential {
            f.write_str(", one network at a time")?;
        }
        write!(f, ": {}", bytes_text(self.needed_bytes))
    }
}

/// What one stage needs.
#[derive(Debug, Clone, PartialEq)]
pub struct StageNeed {
    /// The stage.
    pub role: Role,
    /// The model's id.
    pub model: String,
    /// Its title.
    pub title: String,
    /// How it can run on this machine, the best first; none when it is refused.
    pub plans: Vec<Plan>,
    /// The cheapest way to run it in the size that was asked for, whether it fits or not.
    pub least: Plan,
    /// The cheapest way at all.
    pub smallest: Plan,
    /// Memory found where there is most of it.
    pub found_bytes: Option<u64>,
    /// How long all of it takes with the first plan, from what this machine measured before.
    pub expected_secs: Option<f64>,
}

impl StageNeed {
    /// Why the stage cannot run on this machine, and what would do.
    pub fn refusal(&self) -> Option<String> {
        if !self.plans.is_empty() {
            return None;
        }
        let found = self.found_bytes.map_or("unknown".to_owned(), bytes_text);
        let (needed, dtype) = (bytes_text(self.least.needed_bytes), self.least.dtype);
        let smaller = match self.smallest == self.least {
            true => String::new(),
            false => {
                let [width, height] = self.smallest.size;
                let frames = if self.smallest.frames > 1 {
                    format!(" and {} frames", self.smallest.frames)
                } else {
                    String::new()
                };
                format!(", or {} at {width}×{height}{frames}", bytes_text(self.smallest.free_bytes()))
            }
        };
        Some(format!(
            "{} needs {needed} in {dtype}, one network at a time; {} free would do{smaller}; this machine has {found}",
            self.title,
            bytes_text(self.least.free_bytes()),
        ))
    }

    /// Whether the first plan gives what was asked for.
    pub fn is_full_size(&self) -> bool {
        self.plans.first().is_some_and(|plan| plan.size == self.least.size && plan.frames == self.least.frames)
    }
}

/// The files that a model lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFiles {
    /// The model's id.
    pub model: String,
    /// Its title.
    pub title: String,
    /// Their names.
    pub files: Vec<String>,
    /// What is still to be fetched; a guess where [`Self::is_exact`] is not set.
    pub bytes: u64,
    /// Whether the lengths are known.
    pub is_exact: bool,
    /// Whether they are made on this machine: nothing is fetched.
    pub is_made: bool,
    /// On what terms the model may be used.
    pub licence: Licence,
}

/// What a render needs, against what this machine has.
#[derive(Debug, Clone, PartialEq)]
pub struct Preflight {
    /// The studio's title.
    pub studio: String,
    /// Whether its weights are random: the result is noise.
    pub is_random: bool,
    /// What is not here.
    pub missing: Vec<MissingFiles>,
    /// Free space where models are kept.
    pub free_disk_bytes: Option<u64>,
    /// The stages that a network does.
    pub stages: Vec<StageNeed>,
}

impl Preflight {
    /// Looks at what is here, without reading or changing anything.
    ///
    /// # Errors
    /// When the studio names a model that is not listed.
    pub fn of(
        studio: &Studio,
        registry: &Registry,
        cache: &ModelCache,
        machine: &Machine,
        size: &RenderSize,
    ) -> Result<Self, RegistryError> {
        let measured = Measured::load(cache.folder());
        let mut stages = Vec::new();
        let mut models: Vec<&ModelSpec> = Vec::new();
        // The script is written before.
        for role in [Role::Illustrator, Role::Segmenter, Role::Compositor, Role::Animator] {
            let Some(model) = model(studio, registry, role)? else { continue };
            let needed = registry.with_needs(model);
            if needed.iter().any(|model| !model.networks.is_empty()) {
                stages.push(stage_need(model, &needed, machine, size, &measured));
            }
            for model in needed {
                if !models.iter().any(|known| known.id == model.id) {
                    models.push(model);
                }
            }
        }
        Ok(Self {
            studio: studio.title.clone(),
            is_random: models.iter().any(|model| model.random),
            missing: models.into_iter().filter_map(|model| missing(model, cache)).collect(),
            free_disk_bytes: machine.room.disk_bytes,
            stages,
        })
    }

    /// Everything that is still to be fetched or made.
    pub fn missing_bytes(&self) -> u64 {
        self.missing.iter().map(|model| model.bytes).sum()
    }

    /// Whether the disk has room for what is missing; `true` where the system does not say.
    pub fn disk_fits(&self) -> bool {
        self.free_disk_bytes.is_none_or(|free| self.missing_bytes() <= free)
    }

    /// Whether every stage can run, in the size that was asked for or a smaller one.
    pub fn memory_fits(&self) -> bool {
        self.stages.iter().all(|stage| !stage.plans.is_empty())
    }

    /// How long the whole render takes; `None` until every stage was measured on this machine.
    pub fn expected_secs(&self) -> Option<f64> {
        self.stages.iter().map(|stage| stage.expected_secs).sum()
    }
}

fn model<'a>(studio: &Studio, registry: &'a Registry, role: Role) -> Result<Option<&'a ModelSpec>, RegistryError> {
    studio.model_id(role).map(|id| registry.model(id)).transpose()
}

fn missing(model: &ModelSpec, cache: &ModelCache) -> Option<MissingFiles> {
    let mut found = MissingFiles {
        model: model.id.clone(),
        title: model.title.clone(),
        files: Vec::new(),
        bytes: 0,
        is_exact: true,
        is_made: model.is_made(),
        licence: model.licence.clone(),
    };
    for file in &model.files {
        let here = match cache.file_status(model, file) {
            FileStatus::Missing { fetched_bytes } => fetched_bytes,
            FileStatus::Damaged { .. } => 0,
            FileStatus::Ready | FileStatus::Builtin | FileStatus::Unverified => continue,
        };
        found.files.push(file.name.clone());
        found.bytes += file.expected_bytes().unwrap_or(0).saturating_sub(here);
        found.is_exact &= file.size_bytes.is_some();
    }
    (!found.files.is_empty()).then_some(found)
}

/// Smaller than this no model gives anything.
const SMALLEST_SIDE: u32 = 64;
/// Pixels to a pixel of the latents, along each side.
const LATENT_SIDE: u64 = 8;

fn stage_need(
    model: &ModelSpec,
    needed: &[&ModelSpec],
    machine: &Machine,
    size: &RenderSize,
    measured: &Measured,
) -> StageNeed {
    let (full, frames) = match model.role {
        Role::Animator => (size.clip, size.frames),
        _ => (size.still, 1),
    };
    let room = |free: Option<u64>| free.unwrap_or(u64::MAX);
    let mut devices: Vec<(&str, Option<u64>)> =
        machine.accelerators.iter().map(|device| (device.name.as_str(), device.free_bytes)).collect();
    devices.push(("cpu", machine.room.memory_bytes));

    let mut plans = Vec::new();
    for &(device, free) in &devices {
        // An accelerator is at its best in 16 bits, a processor in 32.
        let dtypes: &[Dtype] = match (model.role, device) {
            (Role::Segmenter, _) => &[Dtype::F32],
            (_, "cpu") => &[Dtype::F32, Dtype::F16],
            _ => &[Dtype::F16, Dtype::F32],
        };
        for (size, frames) in sizes(full, frames, model.role) {
            for &dtype in dtypes {
                for sequential in [false, true] {
                    let needed_bytes = needed_bytes(needed, dtype, sequential, size, frames);
                    if with_room(needed_bytes) <= room(free) {
                        let device = device.to_owned();
                        plans.push(Plan { device, dtype, sequential, size, frames, needed_bytes });
                        break;
                    }
                }
            }
        }
    }
    let (device, found_bytes) =
        devices.iter().copied().max_by_key(|&(_, free)| free).unwrap_or(("cpu", machine.room.memory_bytes));
    let least = |size, frames| Plan {
        device: device.to_owned(),
        dtype: Dtype::F16,
        sequential: true,
        size,
        frames,
        needed_bytes: needed_bytes(needed, Dtype::F16, true, size, frames),
    };
    let (smallest_size, smallest_frames) = sizes(full, frames, model.role).last().copied().unwrap_or((full, frames));
    let (steps, times) = match model.role {
        Role::Illustrator => (size.still_steps, size.references),
        Role::Compositor => (size.still_steps, size.scenes),
        Role::Animator => (size.clip_steps, size.scenes),
        _ => (1, size.references),
    };
    let expected_secs = plans.first().and_then(|plan: &Plan| {
        let [width, height] = plan.size;
        let (model, device) = (model.id.clone(), plan.device.clone());
        let key = StepKey { model, width, height, frames: plan.frames, dtype: plan.dtype, device };
        Some(measured.estimate(&key)?.secs * f64::from(steps) * f64::from(times))
    });
    StageNeed {
        role: model.role,
        model: model.id.clone(),
        title: model.title.clone(),
        plans,
        least: least(full, frames),
        smallest: least(smallest_size, smallest_frames),
        found_bytes,
        expected_secs,
    }
}

/// What can be rendered instead of the full size: fewer frames, then smaller pictures too.
fn sizes(full: [u32; 2], frames: u32, role: Role) -> Vec<([u32; 2], u32)> {
    let mut found = vec![(full, frames)];
    if role == Role::Segmenter {
        return found;
    }
    let fewer = (frames / 2).max(1);
    // Sides of the latents that halve three times without a rest.
    let scaled = |side: u32, eighths: u32| (side * eighths / 8 / SMALLEST_SIDE * SMALLEST_SIDE).max(SMALLEST_SIDE);
    for candidate in
        [(full, fewer), (full.map(|side| scaled(side, 6)), fewer), (full.map(|side| scaled(side, 4)), fewer)]
    {
        let is_less = candidate.0.iter().zip(full).all(|(&side, full)| side <= full);
        if is_less && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

/// Free memory that a stage wants when all its networks are in memory at once: a tenth more than it takes, as estimated.
pub fn memory_needed(models: &[&ModelSpec], dtype: Dtype, size: [u32; 2], frames: u32) -> u64 {
    with_room(needed_bytes(models, dtype, false, size, frames))
}

/// The estimate of the module's head, for all networks of a stage.
fn needed_bytes(models: &[&ModelSpec], dtype: Dtype, sequential: bool, size: [u32; 2], frames: u32) -> u64 {
    let latent_pixels: u64 = size.iter().map(|&side| u64::from(side).div_ceil(LATENT_SIDE)).product();
    let rows_and_frames = 2 * if frames > 1 { u64::from(frames) + 1 } else { 1 };
    let mut weights_of_all = 0;
    let (mut most_besides, mut most_at_once) = (0, 0);
    for part in [NetworkPart::Encoder, NetworkPart::Denoiser, NetworkPart::Autoencoder, NetworkPart::Segmenter] {
        let (mut weights, mut besides) = (0, 0);
        for network in models.iter().flat_map(|model| &model.networks).filter(|network| network.part == part) {
            let (bytes, pictures) = match part {
                NetworkPart::Encoder => (dtype.bytes(), 1),
                NetworkPart::Denoiser => (dtype.bytes(), rows_and_frames),
                NetworkPart::Autoencoder | NetworkPart::Segmenter => (Dtype::F32.bytes(), 1),
            };
            weights += network.parameters * bytes;
            besides = besides.max(network.per_latent_pixel * latent_pixels * pictures * bytes);
        }
        weights_of_all += weights;
        most_besides = most_besides.max(besides);
        most_at_once = most_at_once.max(weights + besides);
    }
    if sequential { most_at_once } else { weights_of_all + most_besides }
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "studio {}{}", self.studio, if self.is_random { ": random weights, it makes noise" } else { "" })?;
        for model in &self.missing {
            let about = if model.is_exact { "" } else { "about " };
            let (count, size, licence) = (model.files.len(), bytes_text(model.bytes), &model.licence);
            if model.is_made {
                writeln!(f, "{:12}{}, of random numbers", "to make", model.title)?;
                continue;
            }
            let files = if count == 1 { "file" } else { "files" };
            write!(f, "{:12}{}, {count} {files}, {about}{size}, licence {}", "to fetch", model.title, licence.spdx)?;
            match (licence.terms, &licence.url) {
                (true, Some(url)) => writeln!(f, "; its terms are at {url}")?,
                (true, None) => writeln!(f, "; its owner asks you to accept terms")?,
                (false, _) => writeln!(f)?,
            }
        }
        if self.missing_bytes() > 0 {
            let free = self.free_disk_bytes.map_or("an unknown amount".to_owned(), bytes_text);
            let verdict =
                if self.disk_fits() { "" } else { ": too little, make room or set REELBOARD_MODELS to another disk" };
            writeln!(f, "disk        about {} needed, {free} free{verdict}", bytes_text(self.missing_bytes()))?;
        }
        for stage in &self.stages {
            match (stage.refusal(), stage.plans.as_slice()) {
                (Some(refusal), _) => writeln!(f, "{:12}does not fit: {refusal}", stage.role)?,
                (None, [best, others @ ..]) => {
                    writeln!(f, "{:12}{}, {best}", stage.role, stage.title)?;
                    if !stage.is_full_size() {
                        let [width, height] = stage.least.size;
                        writeln!(f, "{:12}in place of {width}×{height}: {} is the least for that", "", stage.least)?;
                    }
                    for other in others.iter().filter(|other| other.size == best.size && other.frames == best.frames) {
                        writeln!(f, "{:12}or {other}", "")?;
                    }
                }
                (None, []) => {}
            }
        }
        match self.expected_secs() {
            _ if self.stages.is_empty() => f.write_str("needs nothing more than this program"),
            Some(secs) if secs < 120.0 => {
                write!(f, "time        about {secs:.0} seconds, from what this machine measured")
            }
            Some(secs) => write!(f, "time        about {:.0} minutes, from what this machine measured", secs / 60.0),
            None => f.write_str("time        not measured on this machine yet"),
        }
    }
}
