//! The stage that sets a still in motion.

use super::context::JobCx;
use super::job::{ClipJob, JobOutput};
use super::pace::Pace;
use super::pictures::stored;
use super::placing::{Part, Place, by_plan};
use super::run::JobError;
use super::studio::{LoadedStudio, StudioModels, styled};
use crate::export::{CLIP_EXTENSION, clip_bytes};
use crate::models::weights::Layout;
use crate::models::{ModelSpec, Plan, Role};
use crate::nets::action::{Prototypes, phrases::phrases_of_prompt};
use crate::nets::denoise::Denoising;
use crate::progress::{Progress as _, Watch as _};
use crate::project::{ClipSettings, Project, Scene};
use crate::video::{Animate, AnimateError, Animator, clip_size, movement, warp};
use candle_core::Device;
use image::{DynamicImage, RgbImage};
use std::path::PathBuf;

/// An animator, and the folders that it was loaded from.
pub(super) type LoadedAnimator = ([PathBuf; 2], Place, Animator);

/// The release's prototypes of actions, where a model has them; see [`Prototypes`].
const PROTOTYPES: &str = "action_prototypes.npy";

/// Makes a clip and stores it.
pub(super) fn render_clip(loaded: &mut LoadedStudio, job: &ClipJob, cx: &JobCx) -> Result<JobOutput, JobError> {
    let ClipJob { project, media, studio, .. } = job;
    let scene = project.scene(job.scene).ok_or(JobError::NoScene(job.scene))?;
    let still = scene.takes.iter().find(|take| take.media == job.still);
    let still = still.ok_or_else(|| JobError::NoStill { scene: job.scene, still: job.still.clone() })?;
    let picture = DynamicImage::ImageRgba8(stored(media, &still.media)?).into_rgb8();
    let frames = loaded.animate(studio, project, scene, picture, cx)?;
    cx.stage("keeping the clip");
    let file = media.put(&clip_bytes(&frames, project.clip_settings(scene).fps)?, CLIP_EXTENSION)?;
    let mut recipe = studio.clip_recipe(project, scene, still);
    recipe.made_on = loaded.made_on();
    Ok(JobOutput::Take { scene: scene.id, media: file, recipe: Box::new(recipe), notes: cx.take_notes() })
}

impl LoadedStudio {
    /// The frames of a clip that starts from `still`.
    fn animate(
        &mut self,
        studio: &StudioModels,
        project: &Project,
        scene: &Scene,
        still: RgbImage,
        cx: &JobCx,
    ) -> Result<Vec<RgbImage>, JobError> {
        let model = studio.expect(Role::Animator)?;
        let request = request(project, scene, still, model);
        let plans = self.plans(studio, model, request.size, request.frames as u32)?;
        by_plan(self, &plans, cx, Self::clear, |loaded, plan| loaded.animate_by(plan, (studio, model), &request, cx))
    }

    /// The frames, by this plan.
    fn animate_by(
        &mut self,
        plan: &Plan,
        (studio, model): (&StudioModels, &ModelSpec),
        request: &Animate,
        cx: &JobCx,
    ) -> Result<Vec<RgbImage>, JobError> {
        let animator = self.animator(studio, model, plan, cx)?;
        let key = request.state_before_camera(plan.dtype.of_tensors());
        let pace = Pace::new(cx, studio.identity(model)).on(plan);
        let before_camera = || {
            let bytes = pace.recall(&key)?;
            let state = Denoising::from_bytes(&bytes, &Device::Cpu);
            state.inspect_err(|error| log::warn!("{error}")).ok()
        };
        let mut keep = |state: &Denoising| match state.to_bytes() {
            Ok(bytes) => pace.remember(&key, &bytes),
            Err(error) => log::warn!("cannot keep the first part of a clip: {error}"),
        };
        // What was put aside is further than the camera's first step, or as far; else that one is known.
        let frames = match pace.kept().map(|state| animator.animate(request, Some(state), &mut keep, &pace)) {
            Some(Err(AnimateError::OtherState)) | None => {
                match animator.animate(request, before_camera(), &mut keep, &pace) {
                    Err(AnimateError::OtherState) => animator.animate(request, None, &mut keep, &pace)?,
                    other => other?,
                }
            }
            Some(other) => other?,
        };
        pace.write_down(&studio.cache, model, request.size, request.frames as u32);
        Ok(frames)
    }

    fn animator(
        &mut self,
        studio: &StudioModels,
        model: &ModelSpec,
        plan: &Plan,
        cx: &JobCx,
    ) -> Result<&Animator, JobError> {
        cx.stage("checking the models");
        let place = self.places.open(plan)?;
        self.made_on = place.made_on();
        let vision = studio.registry.needed(model, "clip-vision")?;
        let folder = studio.folder(model, Layout::VideoStudio, cx)?;
        let vision = studio.folder(vision, Layout::ClipVitH, cx)?;
        let paths = [folder.folder.clone(), vision.folder.clone()];
        let loaded = match self.animator.take() {
            Some(loaded) if loaded.0 == paths && loaded.1.is_as(&place) => loaded,
            other => {
                drop(other);
                if !self.places.fits_beside(Part::Pictures, plan, &studio.machine()) {
                    self.clear();
                }
                self.let_go(Part::Clips);
                let listed = model.files.iter().find(|file| file.name.ends_with(PROTOTYPES));
                let prototypes = match listed {
                    Some(file) => Some(read_prototypes(&studio.cache.checked_path(model, &file.name, cx)?)?),
                    None => None,
                };
                let at = (&place.device, place.dtype());
                let animator = Animator::open(&folder, &vision, prototypes, at, place.keep(), cx)?;
                self.places.hold(Part::Clips, &place, &studio.registry.with_needs(model));
                (paths, place, animator)
            }
        };
        Ok(&self.animator.insert(loaded).2)
    }
}

fn read_prototypes(path: &std::path::Path) -> Result<Prototypes, JobError> {
    let unreadable = |reason: String| JobError::Prototypes { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    Prototypes::from_npy(&bytes).map_err(|error| unreadable(error.to_string()))
}

/// Width and height that the animator is used to.
fn trained_size(model: &ModelSpec) -> [u32; 2] {
    [model.defaults.width.unwrap_or(512), model.defaults.height.unwrap_or(320)]
}

/// The frames that are asked for, but no more than a model of random weights is worth.
fn frames(clip: &ClipSettings, model: &ModelSpec) -> u32 {
    match model.defaults.frames {
        Some(most) if model.random => clip.frames.min(most),
        _ => clip.frames,
    }
}

fn request(project: &Project, scene: &Scene, still: RgbImage, model: &ModelSpec) -> Animate {
    let settings = project.clip_settings(scene);
    // Fewer steps for random weights keep the share of those that do not know the camera.
    let (steps, camera_from_step) = match model.defaults.steps {
        Some(most) if model.random && most < settings.steps => {
            (most, (settings.camera_from_step).clamp(1, (most / 2).max(1)))
        }
        _ => (settings.steps, settings.camera_from_step),
    };
    let phrases = match settings.action {
        true => phrases_of_prompt(&scene.prompt),
        false => Vec::new(),
    };
    let score = f64::from(settings.score_hundredths) / 100.0;
    Animate {
        still,
        prompt: styled(&scene.prompt, &project.style),
        // Of what happens: no word on the style is an action.
        verb_phrases: Some(phrases.into_iter().map(str::to_owned).collect()),
        camera: movement(scene.camera),
        camera_warp: warp(settings),
        camera_from_step: camera_from_step as usize,
        frames: frames(settings, model) as usize,
        size: clip_size(project.format, trained_size(model)),
        steps: steps as usize,
        guidance: f64::from(settings.guidance_hundredths) / 100.0,
        aes: [score, score],
        seed: scene.seed,
        ..Animate::default()
    }
}
