//! What a render needs, against what this machine has, before anything is fetched or rendered.

use super::compute::{ComputeError, Machine, Plan, StagePlans, stage_plans};
use super::machine::bytes_text;
use super::registry::RegistryError;
use super::speed::{Measured, StepKey};
use super::{FileStatus, Licence, ModelCache, ModelSpec, Registry, Role, Studio};
use crate::project::{Project, Scene, entities};
use std::fmt;

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

/// What one stage needs.
#[derive(Debug, Clone, PartialEq)]
pub struct StageNeed {
    /// The stage.
    pub role: Role,
    /// The model's id.
    pub model: String,
    /// Its title.
    pub title: String,
    /// How it can run on this machine, or why it cannot as the user wants it.
    pub plans: Result<StagePlans, ComputeError>,
    /// How long all of it takes with the first plan, from what this machine measured before.
    pub expected_secs: Option<f64>,
}

impl StageNeed {
    /// The plans that fit, in the order in which they are tried; none when the stage is refused.
    pub fn fitting(&self) -> &[Plan] {
        self.plans.as_ref().map_or(&[], |plans| &plans.fitting)
    }

    /// Why the stage cannot run on this machine, and what would do.
    pub fn refusal(&self) -> Option<String> {
        match &self.plans {
            Ok(plans) => plans.refusal(&self.title),
            Err(error) => Some(error.to_string()),
        }
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

    /// Whether every stage can run, in the size that was asked for.
    pub fn memory_fits(&self) -> bool {
        self.stages.iter().all(|stage| !stage.fitting().is_empty())
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
    let plans = stage_plans(model.role, needed, machine, full, frames);
    let (steps, times) = match model.role {
        Role::Illustrator => (size.still_steps, size.references),
        Role::Compositor => (size.still_steps, size.scenes),
        Role::Animator => (size.clip_steps, size.scenes),
        _ => (1, size.references),
    };
    let first = plans.as_ref().ok().and_then(|plans| plans.fitting.first());
    let expected_secs = first.and_then(|plan| {
        let [width, height] = plan.size;
        let (model, device) = (model.id.clone(), plan.device.clone());
        let key = StepKey { model, width, height, frames: plan.frames, dtype: plan.dtype, device };
        Some(measured.estimate(&key)?.secs * f64::from(steps) * f64::from(times))
    });
    StageNeed { role: model.role, model: model.id.clone(), title: model.title.clone(), plans, expected_secs }
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
            match (stage.refusal(), stage.fitting()) {
                (Some(refusal), _) => writeln!(f, "{:12}does not fit: {refusal}", stage.role)?,
                (None, [best, others @ ..]) => {
                    writeln!(f, "{:12}{}, {best}", stage.role, stage.title)?;
                    for other in others {
                        writeln!(f, "{:12}or {other}", "")?;
                    }
                    for other in stage.plans.iter().flat_map(|plans| &plans.too_large) {
                        writeln!(f, "{:12}not {other}", "")?;
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
