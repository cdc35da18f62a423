//! Renders with the project's studio. Whatever is asked for waits here until the models and the pictures that it needs
//! are there: a job carries a snapshot of the project, and so must not be queued before.

use super::app::App;
use super::command::{Dialog, Part};
use crate::engine::{ClipJob, IllustrateJob, JobId, JobSpec, JobStatus, StudioModels, TakeJob, illustration_seed};
use crate::models::{Machine, MissingFiles, ModelCache, Preflight, Registry, RenderSize, Role};
use crate::project::{
    DRAFT_STUDIO, Edit, EntityKind, EntitySummary, MediaName, Project, Recipe, Scene, SceneField, SceneId, StudioFiles,
    Take, TakeId, TakeKind, wanted_in_place_of,
};
use egui::{ColorImage, Context, TextureHandle, TextureOptions};
use image::RgbaImage;
use std::collections::HashMap;
use std::sync::Arc;

/// What a still needs.
const STILL_ROLES: [Role; 3] = [Role::Illustrator, Role::Segmenter, Role::Compositor];
/// What a still and its clip need.
const ALL_ROLES: [Role; 4] = [Role::Illustrator, Role::Segmenter, Role::Compositor, Role::Animator];
/// What a clip of a still that is there needs.
const CLIP_ROLES: [Role; 1] = [Role::Animator];
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
    /// The files that decide stills and clips, as far as they are known.
    files: StudioFiles,
    /// What the studio needs, as it was when the dialog was opened or a model came.
    pub preflight: Option<Preflight>,
    /// Why this machine cannot make clips, as it was then.
    clip_refusal: Option<String>,
    /// Models that are being made, by id.
    making: HashMap<JobId, String>,
    /// Pictures that the user asked for and that wait for models.
    pictures: Vec<(EntityKind, String)>,
    /// Scenes that wait for models or for pictures, in the order in which they were asked for.
    waiting: Vec<SceneId>,
    /// Clips that wait for stills, in the order in which they were asked for.
    clips: Vec<WaitingClip>,
    /// Scenes in the engine's queue, and what is made of them.
    scenes: HashMap<JobId, (SceneId, TakeKind)>,
    previews: HashMap<JobId, (Arc<RgbaImage>, TextureHandle)>,
}

/// A clip that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WaitingClip {
    scene: SceneId,
    /// Whether a stale still will do.
    any_still: bool,
}

/// A scene that is asked for and not in the engine's queue yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub scene: SceneId,
    pub kind: TakeKind,
}

impl Held {
    /// What it waits for.
    pub fn text(self) -> &'static str {
        match self.kind {
            TakeKind::Still => "waits for pictures",
            TakeKind::Clip => "waits for stills",
        }
    }
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            name: DRAFT_STUDIO.to_owned(),
            studio: None,
            files: StudioFiles::of_draft(),
            preflight: None,
            clip_refusal: None,
            making: HashMap::new(),
            pictures: Vec::new(),
            waiting: Vec::new(),
            clips: Vec::new(),
            scenes: HashMap::new(),
            previews: HashMap::new(),
        }
    }
}

impl Rendering {
    /// Whether something is asked for that has not come yet.
    pub fn is_waiting(&self) -> bool {
        let held = !self.pictures.is_empty() || !self.waiting.is_empty() || !self.clips.is_empty();
        held || !self.making.is_empty() || !self.scenes.is_empty()
    }

    /// Whether the studio can make pictures of entities.
    pub fn has_illustrator(&self) -> bool {
        self.studio.as_ref().is_some_and(|studio| studio.model(Role::Illustrator).is_some())
    }

    /// Whether the studio can set stills in motion.
    pub fn has_animator(&self) -> bool {
        self.studio.as_ref().is_some_and(|studio| studio.model(Role::Animator).is_some())
    }

    /// Why this machine cannot make clips of a project now.
    pub fn clip_refusal(&self) -> Option<&str> {
        self.clip_refusal.as_deref()
    }

    /// Whether stills can be made without the models that are missing.
    pub fn only_clips_lack(&self, missing: &[&MissingFiles]) -> bool {
        let Some(studio) = &self.studio else { return false };
        let needed = studio.missing(&STILL_ROLES);
        self.has_animator() && !missing.iter().any(|missing| needed.iter().any(|model| model.id == missing.model))
    }

    /// The most steps that the studio's model for a stage is worth, where that is less than any project asks for.
    pub fn step_limit(&self, role: Role) -> Option<u32> {
        let model = self.studio.as_ref()?.model(role)?;
        model.defaults.steps.filter(|_| model.random)
    }

    /// The most frames that the studio's animator is worth, where that is less than any project asks for.
    pub fn frame_limit(&self) -> Option<u32> {
        let model = self.studio.as_ref()?.model(Role::Animator)?;
        model.defaults.frames.filter(|_| model.random)
    }

    /// What `scene` asks for now, to compare `take` with.
    pub fn wanted_recipe(&self, project: &Project, scene: &Scene, take: &Take) -> Recipe {
        let unknown = StudioFiles::default();
        let files = if self.name == project.studio { &self.files } else { &unknown };
        wanted_in_place_of(project, scene, take, files)
    }

    /// What is not in the engine's queue yet, since it waits for pictures, stills or models.
    pub fn held(&self) -> impl Iterator<Item = Held> {
        let stills = self.waiting.iter().map(|&scene| Held { scene, kind: TakeKind::Still });
        stills.chain(self.clips.iter().map(|clip| Held { scene: clip.scene, kind: TakeKind::Clip }))
    }

    /// The job that renders a scene: the one that runs, else the first of those in the queue.
    pub fn job_of<'a>(&self, scene: SceneId, jobs: &'a [JobStatus]) -> Option<&'a JobStatus> {
        let mut of_scene = jobs.iter().filter(|job| self.scenes.get(&job.id).is_some_and(|(of, _)| *of == scene));
        of_scene.clone().find(|job| job.running).or_else(|| of_scene.next())
    }

    /// Whether a job renders a scene of the open project.
    pub fn is_rendering(&self, job: JobId) -> bool {
        self.scenes.contains_key(&job)
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
        self.preflight = None;
    }

    /// Forgets everything that is not in the engine's queue yet.
    pub fn forget_all(&mut self) {
        self.pictures.clear();
        self.waiting.clear();
        self.clips.clear();
    }

    /// Forgets that a scene shall be rendered.
    pub fn forget(&mut self, scene: SceneId) {
        self.waiting.retain(|waiting| *waiting != scene);
        self.clips.retain(|clip| clip.scene != scene);
    }

    /// Forgets a job that has ended.
    pub fn end_of(&mut self, job: JobId) {
        self.making.remove(&job);
        self.scenes.remove(&job);
        self.previews.remove(&job);
    }

    /// Looks again at which files there are.
    pub fn look_at_models(&mut self) {
        self.files = match &self.studio {
            Some(studio) => studio.known_files(),
            None if self.name == DRAFT_STUDIO => StudioFiles::of_draft(),
            None => StudioFiles::default(),
        };
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
    Preflight::of(studio, registry, cache, &Machine::now(cache.folder()), &size).ok()
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
            self.has_models(&ALL_ROLES);
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
        let free = Machine::now(self.cache.folder()).room.memory_bytes;
        let studio = self.rendering.studio.as_ref();
        self.rendering.clip_refusal = studio.and_then(|studio| studio.clip_refusal(doc.project(), free));
    }

    /// Downloads everything that the studio lacks.
    pub(super) fn fetch_studio(&mut self) {
        let Some(studio) = self.rendering.studio.clone() else { return };
        for model in studio.missing(&ALL_ROLES) {
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

    /// Renders a part of a scene, unless a take shows just what it asks for.
    pub(super) fn render_scene(&mut self, id: SceneId, part: Part) {
        self.follow_studio();
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        let Some(scene) = project.scene(id) else { return };
        if let Some(take) = self.up_to_date_take(&project, scene, part) {
            if scene.chosen != Some(take) && project.studio != DRAFT_STUDIO {
                self.edit(Edit::SetScene { id, field: SceneField::Chosen(Some(take)) }, None);
            }
            return self.tell("a take shows just this already; another seed gives another one");
        }
        self.render(&[id], part);
    }

    /// Renders a part of every scene that lacks an up-to-date take.
    pub(super) fn render_all(&mut self, part: Part) {
        self.follow_studio();
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        let lacking = project.scenes.iter().filter(|scene| self.up_to_date_take(&project, scene, part).is_none());
        let ids: Vec<SceneId> = lacking.map(|scene| scene.id).collect();
        if ids.is_empty() {
            return self.tell("every scene has a take that is up to date");
        }
        self.render(&ids, part);
    }

    fn is_fresh_still(&self, project: &Project, scene: &Scene, take: &Take) -> bool {
        self.rendering.files.is_fresh_still(project, scene, &project.studio, take)
    }

    /// The still that a clip would start from.
    fn start<'a>(&self, project: &Project, scene: &'a Scene, any_still: bool) -> Option<&'a Take> {
        let is_fresh = |take: &Take| self.is_fresh_still(project, scene, take);
        if any_still { scene.any_still(&project.studio, is_fresh) } else { scene.fresh_still(is_fresh) }
    }

    /// The take that is just what a scene asks for now.
    fn up_to_date_take(&self, project: &Project, scene: &Scene, part: Part) -> Option<TakeId> {
        if part == Part::Still || !self.rendering.has_animator() {
            return scene.fresh_still(|take| self.is_fresh_still(project, scene, take)).map(|still| still.id);
        }
        let still = self.start(project, scene, part == Part::Clip)?;
        let clip = self.rendering.files.fresh_clip(project, scene, &project.studio, still)?;
        Some(clip.id)
    }

    fn render(&mut self, ids: &[SceneId], part: Part) {
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        let part = if self.rendering.has_animator() { part } else { Part::Still };
        let of_scene = |id: SceneId| {
            let start = project.scene(id).and_then(|scene| self.start(&project, scene, part == Part::Clip));
            (id, start.is_some())
        };
        let scenes: Vec<(SceneId, bool)> = ids.iter().map(|id| of_scene(*id)).collect();
        let roles = match part {
            Part::Still => &STILL_ROLES[..],
            // A clip of a scene without a still makes that too.
            Part::Clip if scenes.iter().all(|(_, has_start)| *has_start) => &CLIP_ROLES,
            Part::All | Part::Clip => &ALL_ROLES,
        };
        if project.studio != DRAFT_STUDIO && !self.has_models(roles) {
            return;
        }
        let Rendering { waiting, clips, .. } = &mut self.rendering;
        for (id, has_start) in scenes {
            if (part == Part::Still || !has_start) && !waiting.contains(&id) {
                waiting.push(id);
            }
            if part != Part::Still {
                clips.retain(|clip| clip.scene != id);
                clips.push(WaitingClip { scene: id, any_still: part == Part::Clip });
            }
        }
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
        let nothing_waits = rendering.pictures.is_empty() && rendering.waiting.is_empty() && rendering.clips.is_empty();
        if nothing_waits || !rendering.making.is_empty() {
            return;
        }
        let Some(doc) = &self.doc else { return };
        let (project, entities) = (Arc::clone(doc.project()), doc.entities().to_vec());
        let media = doc.saver().media().clone();
        for (kind, name) in std::mem::take(&mut self.rendering.pictures) {
            self.illustrate(&project, kind, &name);
        }
        for id in std::mem::take(&mut self.rendering.waiting) {
            let Some(scene) = project.scene(id) else { continue };
            let lacking = entities.iter().filter(|entity| {
                self.rendering.has_illustrator() && entity.scenes.contains(&id) && entity.lacks_picture(&project)
            });
            let lacking: Vec<&EntitySummary> = lacking.collect();
            for entity in &lacking {
                self.illustrate(&project, entity.kind, &entity.name);
            }
            if !lacking.is_empty() {
                self.rendering.waiting.push(id);
                continue;
            }
            if self.up_to_date_take(&project, scene, Part::Still).is_some() {
                continue;
            }
            let studio = self.rendering.studio.clone();
            let job = TakeJob { project: Arc::clone(&project), scene: id, media: media.clone(), studio };
            match self.submit(JobSpec::RenderTake(job)) {
                Some(job) => {
                    self.rendering.scenes.insert(job, (id, TakeKind::Still));
                }
                // There is room again when a job ends.
                None => self.rendering.waiting.push(id),
            }
        }
        self.animate_what_can_be(&project);
    }

    /// Queues the clips that were asked for when all stills are there: the models of a stage are loaded once.
    fn animate_what_can_be(&mut self, project: &Arc<Project>) {
        let stills_come = self.rendering.scenes.values().any(|(_, kind)| *kind == TakeKind::Still);
        if stills_come || !self.rendering.waiting.is_empty() {
            return;
        }
        let (Some(doc), Some(studio)) = (&self.doc, self.rendering.studio.clone()) else { return };
        let media = doc.saver().media().clone();
        for clip in std::mem::take(&mut self.rendering.clips) {
            let Some(scene) = project.scene(clip.scene) else { continue };
            let Some(still) = self.start(project, scene, clip.any_still) else {
                // The scene was edited while its still was made.
                let number = project.scene_index(scene.id).map_or(0, |index| index + 1);
                self.tell(format!("scene {number} has changed since its still was made; render it again for a clip"));
                continue;
            };
            if self.rendering.files.fresh_clip(project, scene, &project.studio, still).is_some() {
                continue;
            }
            let job = ClipJob {
                project: Arc::clone(project),
                scene: scene.id,
                still: still.media.clone(),
                media: media.clone(),
                studio: studio.clone(),
            };
            match self.submit(JobSpec::RenderClip(job)) {
                Some(job) => {
                    self.rendering.scenes.insert(job, (scene.id, TakeKind::Clip));
                }
                None => self.rendering.clips.push(clip),
            }
        }
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
            scenes.iter().for_each(|scene| self.rendering.forget(*scene));
        }
        if let Some((scene, TakeKind::Still)) = self.rendering.scenes.get(&job).copied() {
            self.rendering.clips.retain(|clip| clip.scene != scene);
        }
    }
}

fn picture_of<'a>(project: &'a Project, kind: EntityKind, name: &str) -> Option<&'a MediaName> {
    let known = project.cast_entry(kind, name)?;
    known.reference.as_ref().map(|reference| &reference.picture)
}
