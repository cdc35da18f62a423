//! Renders with the project's studio. Whatever is asked for waits here until the models and the pictures that it needs
//! are there: a job carries a snapshot of the project, and so must not be queued before.

use super::app::App;
use super::command::Dialog;
use crate::engine::{IllustrateJob, JobId, JobSpec, JobStatus, StudioModels, TakeJob, illustration_seed};
use crate::models::{Machine, ModelCache, Preflight, Registry, RenderSize, Role};
use crate::project::{
    DRAFT_STUDIO, Edit, EntityKind, EntitySummary, MediaName, Project, Recipe, Scene, SceneField, SceneId, Take,
    wanted_in_place_of, wanted_recipe,
};
use egui::{ColorImage, Context, TextureHandle, TextureOptions};
use image::RgbaImage;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a still needs. Clips are not rendered yet.
pub(super) const STILL_ROLES: [Role; 3] = [Role::Illustrator, Role::Segmenter, Role::Compositor];
/// What the picture of an entity needs.
const PICTURE_ROLES: [Role; 2] = [Role::Illustrator, Role::Segmenter];

/// A picture of an entity that a job brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ComingPicture {
    pub kind: EntityKind,
    pub name: String,
    origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// Chosen by the user.
    Photo,
    /// Made, in place of this one.
    Made { replaces: Option<MediaName> },
}

impl ComingPicture {
    pub fn photo(kind: EntityKind, name: String) -> Self {
        Self { kind, name, origin: Origin::Photo }
    }

    pub fn is_of(&self, kind: EntityKind, name: &str) -> bool {
        self.kind == kind && self.name == name
    }
}

/// The project's studio, and what is under way with it.
pub(super) struct Rendering {
    /// The studio's name in the project.
    name: String,
    /// `None` for the draft, and for a studio that is not listed.
    studio: Option<StudioModels>,
    /// Role and checksum of the files that decide a still; `None` while some of them are missing.
    still_models: Option<Vec<(String, String)>>,
    /// What the studio needs, as it was when the dialog was opened or a model came.
    pub preflight: Option<Preflight>,
    /// Models that are being made, by id.
    making: HashMap<JobId, String>,
    /// Pictures that the user asked for and that wait for models.
    pictures: Vec<(EntityKind, String)>,
    /// Scenes that wait for models or for pictures, in the order in which they were asked for.
    waiting: Vec<SceneId>,
    /// Seeds besides a scene's own that wait in the same way.
    varied: Vec<(SceneId, u64)>,
    /// Scenes in the engine's queue.
    scenes: HashMap<JobId, SceneId>,
    /// Those of them that render another seed than the scene's own.
    variations: HashSet<JobId>,
    previews: HashMap<JobId, (Arc<RgbaImage>, TextureHandle)>,
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            name: DRAFT_STUDIO.to_owned(),
            studio: None,
            still_models: None,
            preflight: None,
            making: HashMap::new(),
            pictures: Vec::new(),
            waiting: Vec::new(),
            varied: Vec::new(),
            scenes: HashMap::new(),
            variations: HashSet::new(),
            previews: HashMap::new(),
        }
    }
}

impl Rendering {
    /// Whether something is asked for that has not come yet.
    pub fn is_waiting(&self) -> bool {
        let is_asked_for = !(self.pictures.is_empty() && self.waiting.is_empty() && self.varied.is_empty());
        is_asked_for || !self.making.is_empty() || !self.scenes.is_empty()
    }

    /// Whether the studio can make pictures of entities.
    pub fn has_illustrator(&self) -> bool {
        self.studio.as_ref().is_some_and(|studio| studio.model(Role::Illustrator).is_some())
    }

    /// The most steps that the studio's compositor is worth, where that is less than any project asks for.
    pub fn step_limit(&self) -> Option<u32> {
        let model = self.studio.as_ref()?.model(Role::Compositor)?;
        model.defaults.steps.filter(|_| model.random)
    }

    /// What `scene` asks for now, to compare `take` with.
    pub fn wanted_recipe(&self, project: &Project, scene: &Scene, take: &Take) -> Recipe {
        let models = self.still_models.as_deref().filter(|_| self.name == project.studio);
        wanted_in_place_of(project, scene, take, models)
    }

    /// Scenes that are not in the engine's queue yet, since they wait for pictures or models.
    pub fn waiting(&self) -> &[SceneId] {
        &self.waiting
    }

    /// The job that renders a scene: the one that runs, else the first of those in the queue.
    pub fn job_of<'a>(&self, scene: SceneId, jobs: &'a [JobStatus]) -> Option<&'a JobStatus> {
        let mut of_scene = jobs.iter().filter(|job| self.scenes.get(&job.id) == Some(&scene));
        of_scene.clone().find(|job| job.running).or_else(|| of_scene.next())
    }

    /// Whether a job renders a scene of the open project.
    pub fn is_rendering(&self, job: JobId) -> bool {
        self.scenes.contains_key(&job)
    }

    /// Whether a job renders another seed than the scene's own: the film uses its take only when the user chooses it.
    pub fn is_variation(&self, job: JobId) -> bool {
        self.variations.contains(&job)
    }

    /// The newest look at what a job makes.
    pub fn preview(&self, job: JobId) -> Option<&TextureHandle> {
        self.previews.get(&job).map(|(_, texture)| texture)
    }

    /// Jobs that render scenes of the open project.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.scenes.keys().copied()
    }

    /// Forgets the open project; its jobs are cancelled by the caller.
    pub fn forget_project(&mut self) {
        self.forget_all();
        self.scenes.clear();
        self.variations.clear();
        self.preflight = None;
    }

    /// Forgets everything that is not in the engine's queue yet.
    pub fn forget_all(&mut self) {
        self.pictures.clear();
        self.waiting.clear();
        self.varied.clear();
    }

    /// Forgets that a scene shall be rendered.
    pub fn forget(&mut self, scene: SceneId) {
        self.waiting.retain(|waiting| *waiting != scene);
        self.varied.retain(|(varied, _)| *varied != scene);
    }

    /// Forgets a job that has ended.
    pub fn end_of(&mut self, job: JobId) {
        self.making.remove(&job);
        self.scenes.remove(&job);
        self.variations.remove(&job);
        self.previews.remove(&job);
    }

    /// Looks again at which files there are.
    pub fn look_at_models(&mut self) {
        self.still_models = self.studio.as_ref().and_then(StudioModels::known_still_models);
    }

    /// Makes textures of the newest previews.
    pub fn take_previews(&mut self, ctx: &Context, jobs: &[JobStatus]) {
        for job in jobs {
            let Some(preview) = &job.preview else { continue };
            if self.previews.get(&job.id).is_some_and(|(shown, _)| Arc::ptr_eq(shown, preview)) {
                continue;
            }
            let size = [preview.width() as usize, preview.height() as usize];
            let image = ColorImage::from_rgba_unmultiplied(size, preview.as_raw());
            match self.previews.get_mut(&job.id) {
                Some((shown, texture)) => {
                    *shown = Arc::clone(preview);
                    texture.set(image, TextureOptions::LINEAR);
                }
                None => {
                    let texture = ctx.load_texture("preview", image, TextureOptions::LINEAR);
                    self.previews.insert(job.id, (Arc::clone(preview), texture));
                }
            }
        }
    }

    fn use_studio(&mut self, name: &str, registry: &Arc<Registry>, cache: &ModelCache) {
        self.forget_all();
        name.clone_into(&mut self.name);
        let listed = (name != DRAFT_STUDIO).then(|| StudioModels::new(name, Arc::clone(registry), cache.clone()));
        self.studio = listed.and_then(Result::ok);
        self.look_at_models();
    }
}

/// What a studio needs to render a whole project.
fn preflight(project: &Project, registry: &Registry, cache: &ModelCache) -> Option<Preflight> {
    let studio = registry.studio(&project.studio).ok()?;
    let size = RenderSize::of_project(studio, registry, project, project.scenes.len()).ok()?;
    let mut found = Preflight::of(studio, registry, cache, &Machine::now(cache.folder()), &size).ok()?;
    // Clips are not rendered yet: what only they need is not asked for.
    let roles: Vec<_> = STILL_ROLES.iter().filter_map(|role| registry.model(studio.model_id(*role)?).ok()).collect();
    let needed = |id: &str| roles.iter().any(|model| registry.with_needs(model).iter().any(|need| need.id == id));
    found.missing.retain(|missing| needed(&missing.model));
    found.stages.retain(|stage| STILL_ROLES.contains(&stage.role));
    Some(found)
}

impl App {
    /// Follows the project when its studio has changed, by a choice, an undo, or since it is another project.
    pub(super) fn follow_studio(&mut self) {
        let Some(doc) = &self.doc else { return };
        if doc.project().studio != self.rendering.name {
            self.rendering.use_studio(&doc.project().studio, &self.registry, &self.cache);
        }
    }

    pub(super) fn choose_studio(&mut self, name: String) {
        let Some(doc) = &mut self.doc else { return };
        if doc.project().studio == name {
            return;
        }
        doc.seal();
        self.edit(Edit::SetStudio(name.clone()), None);
        self.follow_studio();
        if name != DRAFT_STUDIO {
            self.has_models(&STILL_ROLES);
            if let Ok(studio) = self.registry.studio(&name)
                && self.registry.is_random(studio).is_ok_and(|random| random)
            {
                self.tell(format!("{}: its weights are random, so its pictures are noise", studio.title));
            }
        }
    }

    /// Looks at what the studio needs, for its dialog.
    pub(super) fn look_at_needs(&mut self) {
        let Some(doc) = &self.doc else { return };
        self.rendering.preflight = preflight(doc.project(), &self.registry, &self.cache);
    }

    /// Downloads everything that the studio lacks.
    pub(super) fn fetch_studio(&mut self) {
        let Some(studio) = self.rendering.studio.clone() else { return };
        for model in studio.missing(&STILL_ROLES) {
            let job = JobSpec::FetchModel(Box::new(model.clone()), self.cache.clone());
            self.submit(job);
        }
    }

    /// Whether the models are there or are being made; else shows what is missing.
    fn has_models(&mut self, roles: &[Role]) -> bool {
        let Some(studio) = self.rendering.studio.clone() else {
            if let Err(error) = self.registry.studio(&self.rendering.name) {
                self.complain(error.to_string());
            }
            return false;
        };
        let missing = studio.missing(roles);
        if missing.iter().any(|model| !model.is_made()) {
            self.show_dialog(Some(Dialog::Studio));
            return false;
        }
        for model in missing {
            if !self.rendering.making.values().any(|id| *id == model.id) {
                let job = JobSpec::FetchModel(Box::new(model.clone()), self.cache.clone());
                let Some(job) = self.submit(job) else { return false };
                self.rendering.making.insert(job, model.id.clone());
            }
        }
        true
    }

    /// Renders a scene, unless a take shows just what it asks for.
    pub(super) fn render_scene(&mut self, id: SceneId) {
        self.follow_studio();
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        let Some(scene) = project.scene(id) else { return };
        if scene.locked {
            return self.tell_locked(&[id]);
        }
        if let Some(take) = self.up_to_date_take(&project, scene) {
            if scene.chosen != Some(take) && project.studio != DRAFT_STUDIO {
                self.edit(Edit::SetScene { id, field: SceneField::Chosen(Some(take)) }, None);
            }
            return self.tell("a take shows just this already; \"Vary\" makes another one");
        }
        self.render(&[id]);
    }

    /// Renders scenes that lack an up-to-date take and are not locked.
    pub(super) fn render_scenes(&mut self, ids: &[SceneId]) {
        if let [id] = ids {
            return self.render_scene(*id);
        }
        self.follow_studio();
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        let asked_for = project.scenes.iter().filter(|scene| ids.contains(&scene.id) && !scene.locked);
        let lacking = asked_for.filter(|scene| self.up_to_date_take(&project, scene).is_none());
        let lacking: Vec<SceneId> = lacking.map(|scene| scene.id).collect();
        if lacking.is_empty() {
            return self.tell("these scenes have takes that are up to date, or are locked");
        }
        self.render(&lacking);
    }

    /// Renders every scene that lacks an up-to-date take and is not locked.
    pub(super) fn render_all(&mut self) {
        let Some(doc) = &self.doc else { return };
        let ids: Vec<SceneId> = doc.project().scenes.iter().map(|scene| scene.id).collect();
        self.render_scenes(&ids);
    }

    /// Whether the studio can render now, or as soon as its random models are made; else shows what is missing.
    pub(super) fn can_render(&mut self) -> bool {
        self.follow_studio();
        let is_draft = self.doc.as_ref().is_some_and(|doc| doc.project().studio == DRAFT_STUDIO);
        is_draft || self.has_models(&STILL_ROLES)
    }

    /// Renders scenes, and other seeds of scenes beside them.
    pub(super) fn render_varied(&mut self, ids: &[SceneId], varied: Vec<(SceneId, u64)>) {
        self.rendering.varied.extend(varied);
        self.render(ids);
    }

    /// The take that is just what a scene asks for now.
    fn up_to_date_take(&self, project: &Project, scene: &Scene) -> Option<crate::project::TakeId> {
        let models = match project.studio.as_str() {
            DRAFT_STUDIO => &[],
            _ => self.rendering.still_models.as_deref()?,
        };
        let wanted = wanted_recipe(project, scene, &project.studio, models);
        scene.takes.iter().find(|take| take.recipe == wanted).map(|take| take.id)
    }

    fn render(&mut self, ids: &[SceneId]) {
        if self.doc.is_none() || !self.can_render() {
            return;
        }
        let waiting = &mut self.rendering.waiting;
        let new: Vec<SceneId> = ids.iter().filter(|id| !waiting.contains(id)).copied().collect();
        waiting.extend(new);
        self.render_what_can_be();
    }

    pub(super) fn make_picture(&mut self, kind: EntityKind, name: String) {
        self.follow_studio();
        if !self.has_models(&PICTURE_ROLES) {
            return;
        }
        if !self.rendering.pictures.iter().any(|(k, n)| *k == kind && *n == name) {
            self.rendering.pictures.push((kind, name));
        }
        self.render_what_can_be();
    }

    /// Queues what waited for models and pictures that are there now, and the pictures that it waits for.
    pub(super) fn render_what_can_be(&mut self) {
        let rendering = &mut self.rendering;
        let nothing_waits =
            rendering.pictures.is_empty() && rendering.waiting.is_empty() && rendering.varied.is_empty();
        if nothing_waits || !rendering.making.is_empty() {
            return;
        }
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        for (kind, name) in std::mem::take(&mut self.rendering.pictures) {
            self.illustrate(&project, kind, &name);
        }
        for id in std::mem::take(&mut self.rendering.waiting) {
            if self.waits_for_pictures(&project, id) {
                self.rendering.waiting.push(id);
            } else if !self.queue_take(&project, id) {
                // There is room again when a job ends.
                self.rendering.waiting.push(id);
            }
        }
        for (id, seed) in std::mem::take(&mut self.rendering.varied) {
            let is_queued = !self.waits_for_pictures(&project, id) && {
                let varied = super::takes::with_seed(&project, id, seed);
                self.queue_take(&varied, id)
            };
            if !is_queued {
                self.rendering.varied.push((id, seed));
            }
        }
    }

    /// Whether a scene needs pictures of its cast that are not there; they are queued.
    fn waits_for_pictures(&mut self, project: &Arc<Project>, id: SceneId) -> bool {
        let Some(doc) = self.doc.as_ref().filter(|_| self.rendering.has_illustrator()) else { return false };
        let of_scene = doc.entities().iter().filter(|entity| entity.scenes.contains(&id));
        let lacking: Vec<EntitySummary> = of_scene.filter(|entity| entity.lacks_picture(project)).cloned().collect();
        for entity in &lacking {
            self.illustrate(project, entity.kind, &entity.name);
        }
        !lacking.is_empty()
    }

    /// Queues a take of a scene as it is in `project`, unless there is one or the scene is gone or locked. `false` when the
    /// queue has no room.
    fn queue_take(&mut self, project: &Arc<Project>, id: SceneId) -> bool {
        let Some(doc) = &self.doc else { return true };
        let Some(scene) = project.scene(id).filter(|scene| !scene.locked) else { return true };
        if self.up_to_date_take(project, scene).is_some() {
            return true;
        }
        let is_variation = doc.project().scene(id).is_some_and(|own| own.seed != scene.seed);
        let (media, studio) = (doc.saver().media().clone(), self.rendering.studio.clone());
        let job = TakeJob { project: Arc::clone(project), scene: id, media, studio };
        let Some(job) = self.submit(JobSpec::RenderTake(job)) else { return false };
        self.rendering.scenes.insert(job, id);
        if is_variation {
            self.rendering.variations.insert(job);
        }
        true
    }

    /// Queues a picture of an entity, unless one is on its way.
    fn illustrate(&mut self, project: &Arc<Project>, kind: EntityKind, name: &str) {
        let (Some(studio), Some(doc)) = (&self.rendering.studio, &self.doc) else { return };
        if self.coming.values().any(|coming| coming.is_of(kind, name)) {
            return;
        }
        let replaces = picture_of(project, kind, name).cloned();
        let job = IllustrateJob {
            project: Arc::clone(project),
            kind,
            name: name.to_owned(),
            seed: illustration_seed(kind, name, replaces.as_ref()),
            media: doc.saver().media().clone(),
            studio: studio.clone(),
        };
        if let Some(job) = self.submit(JobSpec::Illustrate(job)) {
            let coming = ComingPicture { kind, name: name.to_owned(), origin: Origin::Made { replaces } };
            self.coming.insert(job, coming);
        }
    }

    /// Whether the picture still takes the place that it was made for: one that the user chose meanwhile stays, and a
    /// name that is gone does not come back.
    pub(super) fn is_still_wanted(&self, coming: &ComingPicture) -> bool {
        let Some(doc) = &self.doc else { return false };
        match &coming.origin {
            Origin::Photo => true,
            Origin::Made { replaces } => {
                let ComingPicture { kind, name, .. } = coming;
                let is_there = doc.entities().iter().any(|entity| entity.kind == *kind && entity.name == *name);
                is_there && picture_of(doc.project(), *kind, name) == replaces.as_ref()
            }
        }
    }

    /// Takes back what can no longer be: a job that it waited for has failed or was cancelled.
    pub(super) fn give_up_what_needs(&mut self, job: JobId) {
        if self.rendering.making.contains_key(&job) {
            self.rendering.forget_all();
        }
        if let (Some(coming), Some(doc)) = (self.coming.get(&job), &self.doc) {
            let entity = doc.entities().iter().find(|entity| coming.is_of(entity.kind, &entity.name));
            let scenes = entity.map_or(&[][..], |entity| &entity.scenes);
            self.rendering.waiting.retain(|waiting| !scenes.contains(waiting));
            self.rendering.varied.retain(|(varied, _)| !scenes.contains(varied));
        }
    }
}

fn picture_of<'a>(project: &'a Project, kind: EntityKind, name: &str) -> Option<&'a MediaName> {
    let known = project.cast_entry(kind, name)?;
    known.reference.as_ref().map(|reference| &reference.picture)
}
