//! The loaded models of a studio, and the stages that run on them.

use super::animate::LoadedAnimator;
use super::context::JobCx;
use super::pace::Pace;
use super::pictures::picture_and_mask;
use super::placing::{Part, Place, Places, by_plan};
use super::run::JobError;
use crate::image::{Compose, Compositor, CutOut, Illustrate, PictureError as StageError, StableDiffusion, hard_split};
use crate::models::weights::{Layout, ModelFolder, Precision};
use crate::models::{
    Compute, Machine, ModelCache, ModelError, ModelSpec, ModelStatus, Plan, Registry, RegistryError, Role, StagePlans,
    Studio,
};
use crate::nets::denoise::Denoising;
use crate::progress::{Progress as _, Watch as _};
use crate::project::{
    EntityKind, Format, MadeOn, MediaFolder, MediaName, Project, Recipe, Reference, Scene, StillSettings, StudioFiles,
    Take, clip_recipe, wanted_recipe,
};
use image::{RgbImage, imageops};
use std::path::PathBuf;
use std::sync::Arc;

/// The models of a studio, and where their files are.
#[derive(Debug, Clone)]
pub struct StudioModels {
    studio: Studio,
    pub(super) registry: Arc<Registry>,
    pub(super) cache: ModelCache,
    /// How networks shall compute; `None` is what is remembered for the models' folder when a job begins.
    compute: Option<Compute>,
}

impl StudioModels {
    /// The studio of this name in `registry`.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(name: &str, registry: Arc<Registry>, cache: ModelCache) -> Result<Self, RegistryError> {
        Ok(Self { studio: registry.studio(name)?.clone(), registry, cache, compute: None })
    }

    /// The same, computing as it is said here and not as it is remembered for this machine.
    pub fn on(self, compute: Compute) -> Self {
        Self { compute: Some(compute), ..self }
    }

    /// What this machine has now, and how it shall be used.
    pub(super) fn machine(&self) -> Machine {
        let machine = Machine::now(self.cache.folder());
        Machine { chosen: self.compute.unwrap_or(machine.chosen), ..machine }
    }

    /// The studio's name.
    pub fn name(&self) -> &str {
        &self.studio.name
    }

    /// The model that does `role`, unless the draft stage does.
    pub fn model(&self, role: Role) -> Option<&ModelSpec> {
        self.studio.model_id(role).and_then(|id| self.registry.model(id).ok())
    }

    /// What `roles` need, what is needed first coming first.
    pub fn models(&self, roles: &[Role]) -> Vec<&ModelSpec> {
        self.registry.all_with_needs(roles.iter().filter_map(|role| self.model(*role)))
    }

    /// What `roles` need and this machine does not have yet, what is needed first coming first.
    pub fn missing(&self, roles: &[Role]) -> Vec<&ModelSpec> {
        let mut models = self.models(roles);
        // What was never checked is checked when it is loaded.
        models.retain(|model| !matches!(self.cache.status(model), ModelStatus::Ready | ModelStatus::Unverified));
        models
    }

    /// Where the files are.
    pub fn cache(&self) -> &ModelCache {
        &self.cache
    }

    /// The recipe of the still that `scene` asks this studio for.
    pub fn wanted_recipe(&self, project: &Project, scene: &Scene) -> Recipe {
        let known = self.files_of(Role::Compositor).filter_map(|(role, sha256)| Some((role, sha256?)));
        wanted_recipe(project, scene, self.name(), &known.collect::<Vec<_>>())
    }

    /// The recipe of the clip that `scene` asks this studio for, started from `still`.
    pub fn clip_recipe(&self, project: &Project, scene: &Scene, still: &Take) -> Recipe {
        let known = self.files_of(Role::Animator).filter_map(|(role, sha256)| Some((role, sha256?)));
        clip_recipe(project, scene, self.name(), still, known.collect())
    }

    /// The files that decide stills and clips: role and SHA-256. `None` until all of them were read in full on this
    /// machine.
    pub fn known_files(&self) -> StudioFiles {
        let known = |role| self.files_of(role).map(|(role, sha256)| Some((role, sha256?))).collect();
        StudioFiles { still: known(Role::Compositor), clip: known(Role::Animator) }
    }

    /// Role and SHA-256 of every file that a stage works with.
    fn files_of(&self, role: Role) -> impl Iterator<Item = (String, Option<String>)> {
        let models = self.model(role).map(|model| self.registry.with_needs(model));
        models.into_iter().flatten().flat_map(|model| {
            model.files.iter().map(|file| (model.role.to_string(), self.cache.sha256(model, &file.name)))
        })
    }

    /// What tells a model and all that it needs from any other: ids, and the SHA-256 of every file. What was made with one
    /// identity must not be gone on with by another. `None` until every file was read in full on this machine, which
    /// loading it does.
    pub(super) fn identity(&self, model: &ModelSpec) -> Option<String> {
        let mut text = String::new();
        for model in self.registry.with_needs(model) {
            text += &model.id;
            for file in &model.files {
                text += " ";
                text += &self.cache.sha256(model, &file.name)?;
            }
            text += "\n";
        }
        Some(text)
    }

    /// [`Self::identity`] of the network that cuts out, or that it is the built-in one.
    pub(super) fn segmenter_identity(&self) -> Option<String> {
        let model = self.model(Role::Segmenter).filter(|model| !model.is_builtin());
        model.map_or_else(|| Some("built-in".to_owned()), |model| self.identity(model))
    }

    /// The model for a role; `None` would mean that the draft stage does it.
    pub(super) fn expect(&self, role: Role) -> Result<&ModelSpec, JobError> {
        self.model(role).ok_or_else(|| JobError::NoModel { studio: self.name().to_owned(), role })
    }

    /// The checked folder of a model, in a published layout.
    pub(super) fn folder(&self, model: &ModelSpec, layout: Layout, cx: &JobCx) -> Result<ModelFolder, ModelError> {
        let folder = self.cache.checked_folder(model, cx)?;
        Ok(ModelFolder::new(layout, folder, Precision::Full))
    }
}

/// What is loaded of a studio, and where.
#[derive(Default)]
pub(super) struct LoadedStudio {
    base: Option<(PathBuf, PathBuf, Place, Arc<StableDiffusion>)>,
    compositor: Option<(PathBuf, Compositor)>,
    cut_out: Option<(PathBuf, CutOut)>,
    pub(super) animator: Option<LoadedAnimator>,
    pub(super) places: Places,
    pub(super) made_on: String,
}

impl LoadedStudio {
    /// Gives all memory back.
    pub fn clear(&mut self) {
        self.cut_out = None;
        self.let_go(Part::Pictures);
        self.let_go(Part::Clips);
    }

    /// Gives the memory of some stages back.
    pub(super) fn let_go(&mut self, part: Part) {
        match part {
            Part::Pictures => {
                self.base = None;
                self.compositor = None;
            }
            Part::Clips => self.animator = None,
        }
        self.places.let_go(part);
    }

    /// On which kind of device, and in which numbers, the last picture was made.
    pub fn made_on(&self) -> MadeOn {
        MadeOn(self.made_on.clone())
    }

    /// How `model` can run here, at this size and with so many frames.
    pub(super) fn plans(
        &self,
        studio: &StudioModels,
        model: &ModelSpec,
        size: [u32; 2],
        frames: u32,
    ) -> Result<StagePlans, JobError> {
        self.places.plans(model, &studio.registry.with_needs(model), studio.machine(), (size, frames))
    }

    /// The Stable Diffusion that `model` is or needs.
    fn base(
        &mut self,
        studio: &StudioModels,
        model: &ModelSpec,
        plan: &Plan,
        cx: &JobCx,
    ) -> Result<Arc<StableDiffusion>, JobError> {
        cx.stage("checking the models");
        let place = self.places.open(plan)?;
        self.made_on = place.made_on();
        let base = studio.registry.needed(model, "stable-diffusion-1.5")?;
        let vae = studio.registry.needed(base, "autoencoder-kl")?;
        let base = studio.folder(base, Layout::RealisticVision, cx)?;
        let vae = studio.folder(vae, Layout::SdVaeFtMse, cx)?;
        if let Some((base_path, vae_path, at, loaded)) = &self.base
            && (base_path, vae_path, at.is_as(&place)) == (&base.folder, &vae.folder, true)
        {
            let loaded = Arc::clone(loaded);
            self.places.hold(Part::Pictures, &place, &studio.registry.with_needs(model));
            return Ok(loaded);
        }
        // The old ones go before the new ones take their memory, and the animator where there is too little for both.
        let animator = self.animator.take().filter(|_| self.places.fits_beside(Part::Clips, plan, &studio.machine()));
        self.let_go(Part::Pictures);
        if animator.is_none() {
            self.let_go(Part::Clips);
        }
        self.animator = animator;
        let at = (&place.device, place.dtype());
        let loaded = Arc::new(StableDiffusion::open(&base, Some(&vae), at, place.keep(), cx)?);
        self.places.hold(Part::Pictures, &place, &studio.registry.with_needs(model));
        self.base = Some((base.folder, vae.folder, place, Arc::clone(&loaded)));
        Ok(loaded)
    }

    /// Draws an entity: its description, in the project's style.
    pub fn illustrate(
        &mut self,
        studio: &StudioModels,
        project: &Project,
        (kind, name): (EntityKind, &str),
        seed: u64,
        cx: &JobCx,
    ) -> Result<RgbImage, JobError> {
        let model = studio.expect(Role::Illustrator)?;
        let description = project.cast_entry(kind, name).map_or("", |entity| entity.description.trim());
        let text = if description.is_empty() { name } else { description };
        let mut request = Illustrate { seed, prompt: styled(text, &project.style), ..Illustrate::default() };
        request.negative = project.still.negative.clone();
        request.guidance = f64::from(project.still.guidance_hundredths) / 100.0;
        request.steps = steps(&project.still, model);
        if let (Some(width), Some(height)) = (model.defaults.width, model.defaults.height) {
            request.size = [width, height];
        }
        let plans = self.plans(studio, model, request.size, 1)?;
        by_plan(self, &plans, cx, Self::clear, |loaded, plan| {
            let stable_diffusion = loaded.base(studio, model, plan, cx)?;
            let pace = Pace::new(cx, studio.identity(model)).on(plan);
            let picture = go_on(&pace, |state| stable_diffusion.illustrate(&request, state, &pace))?;
            pace.write_down(&studio.cache, model, request.size, 1);
            Ok(picture)
        })
    }

    /// Draws a scene with the references of its entities, as wide as the film is.
    pub fn compose(
        &mut self,
        studio: &StudioModels,
        project: &Project,
        scene: &Scene,
        media: &MediaFolder,
        cx: &JobCx,
    ) -> Result<RgbImage, JobError> {
        let model = studio.expect(Role::Compositor)?;
        let reference = |kind: EntityKind, name: &str| {
            let reference = project.cast_entry(kind, name).and_then(|entity| entity.reference.as_ref());
            reference.map(|reference| halves(media, reference)).transpose()
        };
        let mut foregrounds = Vec::new();
        for name in &scene.foreground {
            foregrounds.extend(reference(EntityKind::Foreground, name)?.map(|(foreground, _)| foreground));
        }
        let background =
            reference(EntityKind::Background, &scene.background)?.map(|(whole, hole)| hole.unwrap_or(whole));
        let still = project.still_settings(scene);
        let share = |hundredths: u32| f64::from(hundredths) / 100.0;
        let base_size = [model.defaults.width.unwrap_or(512), model.defaults.height.unwrap_or(512)];
        let request = Compose {
            prompt: styled(&scene.prompt, &project.style),
            negative: still.negative.clone(),
            foregrounds,
            background,
            fg_scale: share(still.foreground_hundredths),
            bg_scale: share(still.background_hundredths),
            size: still_size(project.format, base_size),
            steps: steps(still, model),
            guidance: share(still.guidance_hundredths),
            seed: scene.seed,
            ..Compose::default()
        };
        let plans = self.plans(studio, model, request.size, 1)?;
        let picture = by_plan(self, &plans, cx, Self::clear, |loaded, plan| {
            let compositor = loaded.compositor(studio, model, plan, cx)?;
            let pace = Pace::new(cx, studio.identity(model)).on(plan);
            let picture = go_on(&pace, |state| compositor.compose(&request, state, &pace))?;
            pace.write_down(&studio.cache, model, request.size, 1);
            Ok(picture)
        })?;
        Ok(cropped(&picture, project.format))
    }

    /// What composes on top of the Stable Diffusion that `model` needs.
    fn compositor(
        &mut self,
        studio: &StudioModels,
        model: &ModelSpec,
        plan: &Plan,
        cx: &JobCx,
    ) -> Result<&Compositor, JobError> {
        // What was loaded on top of another base goes with it.
        let base = self.base(studio, model, plan, cx)?;
        let folder = studio.folder(model, Layout::VideoStudio, cx)?;
        let compositor = match self.compositor.take() {
            Some((path, loaded)) if path == folder.folder => loaded,
            other => {
                drop(other);
                Compositor::load(base, &folder, cx)?
            }
        };
        Ok(&self.compositor.insert((folder.folder, compositor)).1)
    }

    /// The studio's network for cutting out, if it has one of its own.
    pub fn cut_out(&mut self, studio: &StudioModels, cx: &JobCx) -> Result<Option<&CutOut>, JobError> {
        let Some(model) = studio.model(Role::Segmenter).filter(|model| !model.is_builtin()) else {
            return Ok(None);
        };
        let folder = studio.folder(model, Layout::VideoStudio, cx)?;
        let network = match self.cut_out.take() {
            Some((loaded, network)) if loaded == folder.folder => network,
            _ => {
                cx.stage("loading the cut-out network");
                CutOut::load(&folder)?
            }
        };
        Ok(Some(&self.cut_out.insert((folder.folder, network)).1))
    }
}

/// Goes on with what an earlier run of the job has left, or starts anew where that was something else.
fn go_on<T>(
    pace: &Pace<'_>,
    mut make: impl FnMut(Option<Denoising>) -> Result<T, StageError>,
) -> Result<T, StageError> {
    let Some(state) = pace.kept() else { return make(None) };
    let done = state.done();
    match make(Some(state)) {
        Err(StageError::OtherState) => {
            pace.note(&format!(
                "something has changed since it was put aside, so its first {done} steps are made again"
            ));
            make(None)
        }
        result => result,
    }
}

/// The seed of an entity's picture: the same for the same name, another one when there is a picture that it shall replace.
pub fn illustration_seed(kind: EntityKind, name: &str, replaced: Option<&MediaName>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{kind:?}\0{name}\0").as_bytes());
    hasher.update(replaced.map_or("", MediaName::as_str).as_bytes());
    // PyTorch's generator tells only the lower 32 bits of a seed apart.
    u64::from(hasher.finalize().as_bytes().iter().take(4).fold(0, |seed: u32, byte| seed << 8 | u32::from(*byte)))
}

/// The steps that are asked for, but no more than a model of random weights is worth.
fn steps(still: &StillSettings, model: &ModelSpec) -> usize {
    let steps = match model.defaults.steps {
        Some(most) if model.random => still.steps.min(most),
        _ => still.steps,
    };
    steps as usize
}

pub(super) fn styled(text: &str, style: &str) -> String {
    match style.trim() {
        "" => text.trim().to_owned(),
        style => format!("{}, {style}", text.trim()),
    }
}

/// A reference as the compositor looks at it: what is in its mask (all of it without one), and what is around it.
fn halves(media: &MediaFolder, reference: &Reference) -> Result<(RgbImage, Option<RgbImage>), JobError> {
    let (picture, mask) = picture_and_mask(media, reference)?;
    let picture = picture.into_rgb8();
    let Some(mask) = mask else { return Ok((picture, None)) };
    let (foreground, background) = hard_split(&picture, &mask);
    Ok((foreground, Some(background)))
}

/// The size at which a still of the film is made: as many pixels as the model is used to, in the film's shape.
fn still_size(format: Format, base: [u32; 2]) -> [u32; 2] {
    const MULTIPLE: f64 = 32.0;
    let area = f64::from(base[0]) * f64::from(base[1]);
    let aspect = f64::from(format.width) / f64::from(format.height);
    let side = |length: f64| ((length / MULTIPLE).round().max(2.0) * MULTIPLE) as u32;
    [side((area * aspect).sqrt()), side((area / aspect).sqrt())]
}

/// The middle of a picture in the film's shape.
fn cropped(picture: &RgbImage, format: Format) -> RgbImage {
    let (width, height) = picture.dimensions();
    let scale = (f64::from(width) / f64::from(format.width)).min(f64::from(height) / f64::from(format.height));
    let side = |film: u32, most: u32| ((f64::from(film) * scale).round() as u32).clamp(1, most);
    let (to_width, to_height) = (side(format.width, width), side(format.height, height));
    imageops::crop_imm(picture, (width - to_width) / 2, (height - to_height) / 2, to_width, to_height).to_image()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stills_have_the_films_shape_and_the_models_area() {
        let format = |width, height| Format { width, height, ..Format::default() };
        assert_eq!(still_size(format(1280, 720), [512, 512]), [672, 384]);
        assert_eq!(still_size(format(512, 512), [512, 512]), [512, 512]);
        assert_eq!(still_size(format(720, 1280), [512, 512]), [384, 672]);
        let cut = cropped(&RgbImage::new(672, 384), format(1280, 720));
        assert_eq!(cut.dimensions(), (672, 378));
        assert_eq!(cropped(&RgbImage::new(64, 64), format(8192, 64)).dimensions(), (64, 1));
    }
}
