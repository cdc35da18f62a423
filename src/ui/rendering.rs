//! Renders with the project's studio. Whatever is asked for waits in a queue of its own until its turn has come and the
//! models are there: a job carries a snapshot of the project, and so is not submitted before.

use super::app::App;
use super::app::Selection;
use super::command::{Dialog, Part};
use crate::engine::{
    FilmNow, JobId, JobSpec, JobStatus, RenderEnd, RenderEntry, RenderId, RenderItem, RenderQueue, RenderRecord,
    RenderStage, StudioModels,
};
use crate::models::{Compute, Machine, MissingFiles, ModelCache, Preflight, Registry, RenderSize, Role};
use crate::project::{
    DRAFT_STUDIO, Edit, EntityKind, MediaName, Project, Recipe, Scene, SceneField, SceneId, StudioFiles, Take,
    wanted_in_place_of,
};
use crate::video::clip_size;
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
    /// This machine as it was then, and how it shall be used.
    pub machine: Option<Machine>,
    /// Models that are being made, by id.
    making: HashMap<JobId, String>,
    /// What is to be rendered of the open project.
    pub queue: RenderQueue,
    previews: HashMap<JobId, (Arc<RgbaImage>, TextureHandle)>,
    /// The last look at what was put aside.
    put_aside: HashMap<RenderId, TextureHandle>,
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            name: DRAFT_STUDIO.to_owned(),
            studio: None,
            files: StudioFiles::of_draft(),
            preflight: None,
            machine: None,
            making: HashMap::new(),
            queue: RenderQueue::default(),
            previews: HashMap::new(),
            put_aside: HashMap::new(),
        }
    }
}

impl Rendering {
    /// Whether something is under way. What waits for the user is not.
    pub fn is_busy(&self) -> bool {
        !self.making.is_empty() || self.queue.running().is_some()
    }

    /// Whether the studio can make pictures of entities.
    pub fn has_illustrator(&self) -> bool {
        self.studio.as_ref().is_some_and(|studio| studio.model(Role::Illustrator).is_some())
    }

    /// Whether the studio can set stills in motion.
    pub fn has_animator(&self) -> bool {
        self.studio.as_ref().is_some_and(|studio| studio.model(Role::Animator).is_some())
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

    /// The line of the queue for a scene: what is made now, else what comes first.
    pub fn entry_of(&self, scene: SceneId) -> Option<&RenderEntry> {
        self.queue.entries().iter().find(|entry| entry.item.scene() == Some(scene))
    }

    /// The job that renders a scene now.
    pub fn job_of<'a>(&self, scene: SceneId, jobs: &'a [JobStatus]) -> Option<&'a JobStatus> {
        let job = self.entry_of(scene)?.job()?;
        jobs.iter().find(|known| known.id == job)
    }

    /// Whether a picture of an entity is in the queue.
    pub fn is_asked_for(&self, kind: EntityKind, name: &str) -> bool {
        let is_it = |item: &RenderItem| matches!(item, RenderItem::Reference { kind: k, name: n, .. } if (*k, n.as_str()) == (kind, name));
        self.queue.entries().iter().any(|entry| is_it(&entry.item))
    }

    /// The newest look at what a job makes.
    pub fn preview(&self, job: JobId) -> Option<&TextureHandle> {
        self.previews.get(&job).map(|(_, texture)| texture)
    }

    /// The newest look at what a line of the queue is about.
    pub fn preview_of(&self, entry: &RenderEntry) -> Option<&TextureHandle> {
        entry.job().and_then(|job| self.preview(job)).or_else(|| self.put_aside.get(&entry.id))
    }

    /// Takes another project's queue over, as it was when that was closed.
    pub fn open(&mut self, record: RenderRecord) {
        self.queue = RenderQueue::restore(record);
        self.put_aside.clear();
        self.preflight = None;
    }

    /// Forgets a job that has ended.
    pub fn end_of(&mut self, job: JobId) {
        self.making.remove(&job);
        self.previews.remove(&job);
    }

    /// The film as it is now, to ask the queue about.
    pub fn film<'a>(&'a self, doc: &'a super::document::Document) -> FilmNow<'a> {
        let project = doc.project();
        // Those of another studio decide nothing here.
        static UNKNOWN: StudioFiles = StudioFiles { still: None, clip: None };
        let files = if self.name == project.studio { &self.files } else { &UNKNOWN };
        FilmNow { project, entities: doc.entities(), studio: self.studio.as_ref(), files, only: None }
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
        name.clone_into(&mut self.name);
        let listed = (name != DRAFT_STUDIO).then(|| StudioModels::new(name, Arc::clone(registry), cache.clone()));
        self.studio = listed.and_then(Result::ok);
        self.look_at_models();
    }
}

/// What a studio needs to render a whole project.
fn preflight(project: &Project, registry: &Registry, cache: &ModelCache, machine: &Machine) -> Option<Preflight> {
    let studio = registry.studio(&project.studio).ok()?;
    let mut size = RenderSize::of_project(studio, registry, project, project.scenes.len()).ok()?;
    size.clip = clip_size(project.format, size.clip);
    Preflight::of(studio, registry, cache, machine, &size).ok()
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
        let machine = Machine::now(self.cache.folder());
        self.rendering.preflight = preflight(doc.project(), &self.registry, &self.cache, &machine);
        self.rendering.machine = Some(machine);
    }

    /// Chooses how networks compute on this machine, for every project.
    pub(super) fn set_compute(&mut self, compute: Compute) {
        if let Err(error) = compute.remember(self.cache.folder()) {
            let folder = self.cache.folder().display();
            self.complain(format!("the choice cannot be kept in {folder}: {error}"));
        }
        self.look_at_needs();
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
        if scene.locked {
            return self.tell_locked(&[id]);
        }
        let film = self.rendering.film(doc);
        let target = film.target(id, part);
        if let Some(take) = film.up_to_date_take(&target).filter(|_| target.is_over(&film)) {
            if scene.chosen != Some(take) && project.studio != DRAFT_STUDIO {
                self.edit(Edit::SetScene { id, field: SceneField::Chosen(Some(take)) }, None);
            }
            return self.tell("a take shows just this already; \"Vary\" makes another one");
        }
        self.render(&[id], part);
    }

    /// Renders a part of scenes that lack an up-to-date take and are not locked.
    pub(super) fn render_scenes(&mut self, ids: &[SceneId], part: Part) {
        if let [id] = ids {
            return self.render_scene(*id, part);
        }
        self.follow_studio();
        let Some(doc) = &self.doc else { return };
        let film = self.rendering.film(doc);
        // What is locked is over.
        let lacking: Vec<SceneId> = ids.iter().copied().filter(|id| !film.target(*id, part).is_over(&film)).collect();
        if lacking.is_empty() {
            return self.tell("these scenes have takes that are up to date, or are locked");
        }
        self.render(&lacking, part);
    }

    /// Renders a part of every scene that lacks an up-to-date take and is not locked.
    pub(super) fn render_all(&mut self, part: Part) {
        let Some(doc) = &self.doc else { return };
        let ids: Vec<SceneId> = doc.project().scenes.iter().map(|scene| scene.id).collect();
        self.render_scenes(&ids, part);
    }

    /// Whether the studio can render a part of scenes now, or as soon as its random models are made; else shows what is
    /// missing.
    pub(super) fn can_render(&mut self, part: Part) -> bool {
        self.follow_studio();
        let is_draft = self.doc.as_ref().is_some_and(|doc| doc.project().studio == DRAFT_STUDIO);
        let roles = if part == Part::Still || !self.rendering.has_animator() { &STILL_ROLES[..] } else { &ALL_ROLES };
        is_draft || self.has_models(roles)
    }

    /// Renders a part of scenes, and other seeds of scenes beside them.
    pub(super) fn render_varied(&mut self, ids: &[SceneId], part: Part, varied: Vec<(SceneId, u64)>) {
        let items = varied.into_iter().map(|(scene, seed)| RenderItem::Variation { scene, seed });
        self.rendering.queue.add(items);
        self.render(ids, part);
    }

    fn render(&mut self, ids: &[SceneId], part: Part) {
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        let part = if self.rendering.has_animator() { part } else { Part::Still };
        let items = self.rendering.film(doc).lacking(ids, part);
        let roles = match part {
            Part::Still => &STILL_ROLES[..],
            // A clip of a scene without a still makes that too.
            Part::Clip if items.iter().all(|item| item.stage() == RenderStage::Clips) => &CLIP_ROLES,
            Part::All | Part::Clip => &ALL_ROLES,
        };
        if project.studio != DRAFT_STUDIO && !self.has_models(roles) {
            return;
        }
        let Some(doc) = &self.doc else { return };
        let items = self.rendering.film(doc).lacking(ids, part);
        self.rendering.queue.add(items);
        // Asking for something new is asking for the rest, too.
        if self.rendering.queue.is_paused() {
            self.rendering.queue.resume_restored();
        }
        self.render_next();
    }

    pub(super) fn make_picture(&mut self, kind: EntityKind, name: &str) {
        self.follow_studio();
        if !self.has_models(&PICTURE_ROLES) {
            return;
        }
        let Some(doc) = &self.doc else { return };
        self.rendering.queue.add([RenderItem::picture(doc.project(), kind, name)]);
        if self.rendering.queue.is_paused() {
            self.rendering.queue.resume_restored();
        }
        self.render_next();
    }

    /// The scene that the user looks at.
    pub(super) fn scene_in_view(&self) -> Option<SceneId> {
        if let Selection::Scene(id) = self.selection {
            return Some(id);
        }
        let doc = self.doc.as_ref()?;
        let visible = doc.cut().visible_at(self.player.frame())?;
        doc.project().scenes.get(visible.scene).map(|scene| scene.id)
    }

    /// Submits what comes next in the queue, unless something renders already or models are still being made.
    pub(super) fn render_next(&mut self) {
        let queue = &self.rendering.queue;
        if queue.is_empty() || queue.is_paused() || self.rendering.is_busy() {
            return;
        }
        let in_view = self.scene_in_view();
        let Some(doc) = &self.doc else { return };
        let mut queue = std::mem::take(&mut self.rendering.queue);
        let film = self.rendering.film(doc);
        let next = queue.next(&film, in_view).and_then(|id| queue.entry(id)).cloned();
        // A photo that is being cut out may make the picture needless.
        let has_photo = |item: &RenderItem| match item {
            RenderItem::Reference { kind, name, .. } => self.coming.values().any(|coming| coming.is_of(*kind, name)),
            RenderItem::Still(_) | RenderItem::Variation { .. } | RenderItem::Clip { .. } => false,
        };
        let next = next.filter(|next| !has_photo(&next.item));
        let job = next.as_ref().and_then(|next| next.item.job(&film, doc.saver().media()));
        if let (Some(next), Some(job)) = (next, job) {
            match self.engine.submit_kept(job, doc.saver().renders().state_file(&next.item)) {
                Ok(job) => {
                    queue.started(next.id, job);
                    if let RenderItem::Reference { kind, name, replaces } = next.item {
                        let coming = ComingPicture { kind, name, origin: Origin::Made { replaces } };
                        self.coming.insert(job, coming);
                    }
                }
                // There is room again when a job ends.
                Err(full) => log::warn!("{full}"),
            }
        }
        self.rendering.queue = queue;
    }

    /// Tells the queue how a job of it ended.
    pub(super) fn end_render(&mut self, job: JobId, end: RenderEnd) {
        let Some(doc) = &self.doc else { return };
        let Some(id) = self.rendering.queue.of_job(job).map(|entry| entry.id) else { return };
        let mut queue = std::mem::take(&mut self.rendering.queue);
        let state = queue.entry(id).map(|entry| doc.saver().renders().state_file(&entry.item));
        let steps = state.filter(|_| end == RenderEnd::Paused).and_then(|state| state.steps());
        queue.ended(job, end, steps, &self.rendering.film(doc));
        self.rendering.queue = queue;
        let preview = self.rendering.previews.remove(&job);
        self.rendering.put_aside.remove(&id);
        if end == RenderEnd::Paused {
            self.rendering.put_aside.extend(preview.map(|(_, texture)| (id, texture)));
            self.render_next();
            let idle = self.engine.jobs().iter().all(|known| known.id == job);
            if idle && !self.rendering.is_busy() {
                // A paused render holds no memory.
                self.submit(JobSpec::FreeModels);
            }
        }
    }

    // --- what the queue's buttons do ---

    pub(super) fn cancel_render(&mut self, id: RenderId) {
        let Some(doc) = &self.doc else { return };
        let mut queue = std::mem::take(&mut self.rendering.queue);
        let job = queue.cancel(id, &self.rendering.film(doc));
        self.rendering.queue = queue;
        job.iter().for_each(|job| self.engine.cancel(*job));
    }

    pub(super) fn pause_render(&mut self, id: RenderId) {
        let job = self.rendering.queue.pause(id);
        if let Some(job) = job {
            self.engine.pause(job);
        }
    }

    pub(super) fn pause_renders(&mut self) {
        let job = self.rendering.queue.pause_all();
        if let Some(job) = job {
            self.engine.pause(job);
        }
    }

    /// Lets renders go on: one, those of the last session, or all.
    pub(super) fn resume_renders(&mut self, resume: impl FnOnce(&mut RenderQueue, &FilmNow<'_>)) {
        self.follow_studio();
        let is_draft = self.rendering.name == DRAFT_STUDIO;
        let animates = self.rendering.queue.entries().iter().any(|entry| entry.item.stage() == RenderStage::Clips);
        let roles = if animates { &ALL_ROLES[..] } else { &STILL_ROLES };
        if is_draft || self.has_models(roles) {
            let Some(doc) = &self.doc else { return };
            let mut queue = std::mem::take(&mut self.rendering.queue);
            resume(&mut queue, &self.rendering.film(doc));
            self.rendering.queue = queue;
            self.render_next();
        }
    }

    pub(super) fn pause_or_resume_renders(&mut self) {
        let queue = &self.rendering.queue;
        if queue.is_empty() {
            return self.tell("nothing is being rendered");
        }
        let goes_on = self.doc.as_ref().is_some_and(|doc| queue.goes_on(&self.rendering.film(doc)));
        if goes_on {
            self.pause_renders();
        } else {
            self.resume_renders(|queue, _| queue.resume_all());
        }
    }

    /// Keeps what is left to render for the next time, if that has changed.
    pub(super) fn keep_renders(&mut self) {
        if let Some(doc) = &self.doc
            && self.rendering.queue.take_changed()
        {
            doc.saver().keep_renders(self.rendering.queue.record());
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

    /// Takes back what can no longer be: the models that it waited for are not made.
    pub(super) fn give_up_what_needs(&mut self, job: JobId) {
        if self.rendering.making.contains_key(&job) {
            self.rendering.queue.cancel_all();
        }
    }
}

fn picture_of<'a>(project: &'a Project, kind: EntityKind, name: &str) -> Option<&'a MediaName> {
    let known = project.cast_entry(kind, name)?;
    known.reference.as_ref().map(|reference| &reference.picture)
}
