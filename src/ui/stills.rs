//! The pictures on screen: which are wanted, which are there.

use super::document::Document;
use crate::engine::{DrawJob, DrawTarget, Engine, JobId, JobSpec};
use crate::project::{EntityKind, Project, Scene, SceneId, TakeId};
use egui::{ColorImage, Context, TextureHandle, TextureOptions};
use image::RgbaImage;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Full-size pictures that are kept; thumbnails are kept for all.
const FULL_PICTURES: usize = 24;
/// Longest side of a picture drawn for the window, in pixels.
const MAX_SIDE: u32 = 1280;
/// Side of a reference picture, in pixels.
const REFERENCE_SIDE: u32 = 256;
/// Full-size takes that are kept as textures: those that are compared, and a few that were looked at before.
const LOOKS: usize = 6;
/// Longest side of a take that is looked at closely, in pixels.
const LOOK_SIDE: u32 = 1920;
/// What a job for a thumbnail of a take gives back, and one for the take at full size. Takes never change.
const THUMBNAIL_TAG: u64 = 1;
const LOOK_TAG: u64 = 3;

/// Pictures of scenes and entities, each as new as the engine could make it.
#[derive(Default)]
pub struct Stills {
    entries: HashMap<DrawTarget, Entry>,
    /// Full pictures, least recently used first.
    full: Vec<(SceneId, u64, Arc<RgbaImage>)>,
    /// Takes at full size, least recently asked for first.
    looks: Vec<Look>,
    /// Whether something was asked for since the last [`Self::update`].
    asked: bool,
    revision: u64,
}

#[derive(Default)]
struct Entry {
    /// What the project asks for now.
    wanted: u64,
    /// What was asked of the engine last.
    requested: u64,
    /// What the texture shows.
    shown: u64,
    texture: Option<TextureHandle>,
    /// The newest request.
    job: Option<JobId>,
    /// Why the picture of the newest request cannot be shown.
    problem: Option<String>,
}

struct Look {
    scene: SceneId,
    take: TakeId,
    state: LookState,
}

enum LookState {
    Wanted,
    Requested(JobId),
    Failed,
    Shown(TextureHandle),
}

impl Stills {
    /// The thumbnail of a scene or the picture of an entity, if there is one yet.
    pub fn texture(&self, target: &DrawTarget) -> Option<&TextureHandle> {
        self.entries.get(target)?.texture.as_ref()
    }

    /// Like [`Self::texture`], for pictures that are drawn only once somebody wants to see them: takes, drafts behind
    /// takes, and entities as takes used them.
    pub fn ask(&mut self, target: &DrawTarget) -> Option<&TextureHandle> {
        if !self.entries.contains_key(target) {
            // The tag of a draft follows with the next update.
            self.entries.insert(target.clone(), Entry { wanted: THUMBNAIL_TAG, ..Entry::default() });
            self.asked = true;
            if matches!(target, DrawTarget::Draft(_)) {
                self.revision = 0;
            }
        }
        self.texture(target)
    }

    /// A take at full size, or its thumbnail until that is there.
    pub fn look(&mut self, scene: SceneId, take: TakeId) -> Option<&TextureHandle> {
        let look = match self.looks.iter().position(|look| look.take == take) {
            Some(index) => self.looks.remove(index),
            None => {
                self.asked = true;
                Look { scene, take, state: LookState::Wanted }
            }
        };
        if self.looks.len() >= LOOKS {
            self.looks.remove(0);
        }
        self.looks.push(look);
        match self.looks.last() {
            Some(Look { state: LookState::Shown(texture), .. }) => Some(texture),
            _ => self.entries.get(&DrawTarget::Take(scene, take))?.texture.as_ref(),
        }
    }

    /// Whether the next frame has something to ask the engine for.
    pub fn has_asked(&self) -> bool {
        self.asked
    }

    /// The full picture of a scene with a number that changes with its content.
    pub fn full(&mut self, scene: SceneId) -> Option<(u64, Arc<RgbaImage>)> {
        let index = self.full.iter().position(|(id, ..)| *id == scene)?;
        let entry = self.full.remove(index);
        let found = (entry.1, Arc::clone(&entry.2));
        self.full.push(entry);
        Some(found)
    }

    /// Forgets everything, for another project.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a picture that was asked for has not come yet.
    pub fn is_waiting(&self) -> bool {
        let looks = self.looks.iter().any(|look| matches!(look.state, LookState::Wanted | LookState::Requested(_)));
        looks || self.entries.values().any(|entry| entry.requested != entry.shown)
    }

    /// Asks for every picture that the project changed, the scene in view first, and for the full pictures of `needed`.
    pub fn update(&mut self, doc: &Document, engine: &Engine, in_view: Option<SceneId>, needed: &[SceneId]) {
        self.asked = false;
        if self.revision != doc.revision() {
            self.revision = doc.revision();
            self.want(doc);
        }
        let lacks_full = |target: &DrawTarget| {
            matches!(target, DrawTarget::Scene(id) if needed.contains(id)
                && !self.full.iter().any(|(full, ..)| full == id))
        };
        let is_due = |(target, entry): &(&DrawTarget, &Entry)| {
            entry.requested != entry.wanted
                || (entry.shown == entry.requested && entry.problem.is_none() && lacks_full(target))
        };
        let mut due: Vec<DrawTarget> = self.entries.iter().filter(is_due).map(|(target, _)| target.clone()).collect();
        due.sort_by_key(|target| match target {
            DrawTarget::Scene(id) if Some(*id) == in_view => (0, 0),
            DrawTarget::Scene(id) => (1, doc.project().scene_index(*id).unwrap_or(usize::MAX)),
            DrawTarget::Entity(..) => (2, 0),
            DrawTarget::Take(..) | DrawTarget::Draft(_) | DrawTarget::Used(_) => (3, 0),
        });
        let request = |target: DrawTarget, size: [u32; 2], tag: u64| {
            let (project, media) = (Arc::clone(doc.project()), doc.saver().media().clone());
            engine.submit(JobSpec::Draw(DrawJob { project, target, media, size, tag }))
        };
        for target in due {
            let Some(entry) = self.entries.get_mut(&target) else { continue };
            let size = match target {
                DrawTarget::Scene(_) => draft_size(doc),
                DrawTarget::Draft(_) => draft_size(doc).map(|side| (side / 4).max(2)),
                DrawTarget::Entity(..) | DrawTarget::Take(..) | DrawTarget::Used(_) => [REFERENCE_SIDE; 2],
            };
            if entry.requested == entry.wanted {
                // The same picture once more: what is shown stays until it comes.
                entry.shown = 0;
            }
            entry.requested = entry.wanted;
            match request(target, size, entry.wanted) {
                Ok(job) => (entry.job, entry.problem) = (Some(job), None),
                Err(full) => {
                    log::warn!("{full}");
                    self.revision = 0;
                    return;
                }
            }
        }
        for look in self.looks.iter_mut().filter(|look| matches!(look.state, LookState::Wanted)) {
            match request(DrawTarget::Take(look.scene, look.take), [LOOK_SIDE; 2], LOOK_TAG) {
                Ok(job) => look.state = LookState::Requested(job),
                Err(full) => log::warn!("{full}"),
            }
        }
    }

    /// Works out what every scene and entity should look like now.
    fn want(&mut self, doc: &Document) {
        let project = doc.project();
        let size = draft_size(doc);
        let mut scenes: HashMap<SceneId, (&Scene, u64)> = HashMap::with_capacity(project.scenes.len());
        for scene in &project.scenes {
            let tag = draft_tag(project, scene, size);
            scenes.insert(scene.id, (scene, tag));
            let mut hasher = DefaultHasher::new();
            (tag, scene.chosen_take().map(|take| &take.media)).hash(&mut hasher);
            self.entries.entry(DrawTarget::Scene(scene.id)).or_default().wanted = hasher.finish() | 1;
        }
        let mut entities: HashMap<(EntityKind, &str), u64> = HashMap::with_capacity(doc.entities().len());
        for entity in doc.entities() {
            let mut hasher = DefaultHasher::new();
            hash_looks(project, entity.kind, &entity.name, &mut hasher);
            project.style.hash(&mut hasher);
            let tag = hasher.finish() | 1;
            entities.insert((entity.kind, &entity.name), tag);
            self.entries.entry(entity_target(entity.kind, &entity.name)).or_default().wanted = tag;
        }
        self.entries.retain(|target, entry| match target {
            DrawTarget::Scene(id) => scenes.contains_key(id),
            DrawTarget::Entity(kind, name) => entities.contains_key(&(*kind, name.as_str())),
            DrawTarget::Take(id, take) => scenes.get(id).is_some_and(|(scene, _)| scene.take(*take).is_some()),
            DrawTarget::Draft(id) => match scenes.get(id) {
                Some((_, tag)) => {
                    entry.wanted = *tag;
                    true
                }
                None => false,
            },
            DrawTarget::Used(_) => true,
        });
        self.full.retain(|(id, ..)| scenes.contains_key(id));
        self.looks.retain(|look| scenes.get(&look.scene).is_some_and(|(scene, _)| scene.take(look.take).is_some()));
    }

    /// Takes a picture that the engine made.
    pub fn insert(
        &mut self,
        ctx: &Context,
        target: DrawTarget,
        tag: u64,
        picture: Arc<RgbaImage>,
        thumbnail: &RgbaImage,
    ) {
        if let (DrawTarget::Take(_, take), LOOK_TAG) = (&target, tag) {
            if let Some(look) = self.looks.iter_mut().find(|look| look.take == *take) {
                // Takes have no transparent parts, so nothing has to be multiplied: that would take the window's time.
                let size = [picture.width() as usize, picture.height() as usize];
                let image = ColorImage::from_rgba_premultiplied(size, picture.as_raw());
                look.state = LookState::Shown(ctx.load_texture("take", image, TextureOptions::LINEAR));
            }
            return;
        }
        let Some(entry) = self.entries.get_mut(&target) else { return };
        entry.shown = tag;
        let image = color_image(thumbnail);
        match &mut entry.texture {
            Some(texture) => texture.set(image, TextureOptions::LINEAR),
            None => entry.texture = Some(ctx.load_texture(format!("{target:?}"), image, TextureOptions::LINEAR)),
        }
        if let DrawTarget::Scene(id) = target {
            self.full.retain(|(scene, ..)| *scene != id);
            self.full.push((id, tag, picture));
            if self.full.len() > FULL_PICTURES {
                self.full.remove(0);
            }
        }
    }

    /// Notes that a picture will not come and why, so that it is not asked for again until its scene changes.
    pub fn fail(&mut self, job: JobId, message: &str) {
        let is_it = |look: &&mut Look| matches!(look.state, LookState::Requested(requested) if requested == job);
        if let Some(look) = self.looks.iter_mut().find(is_it) {
            look.state = LookState::Failed;
        }
        if let Some((target, entry)) = self.entries.iter_mut().find(|(_, entry)| entry.job == Some(job)) {
            entry.shown = entry.requested;
            entry.problem = Some(message.to_owned());
            // What was shown before is not what the film shows.
            entry.texture = None;
            if let DrawTarget::Scene(id) = target {
                let id = *id;
                self.full.retain(|(scene, ..)| *scene != id);
            }
        }
    }

    /// Why the picture of a scene, a take or an entity cannot be shown.
    pub fn problem(&self, target: &DrawTarget) -> Option<&str> {
        self.entries.get(target)?.problem.as_deref()
    }
}

/// The reference picture of an entity.
pub fn entity_target(kind: EntityKind, name: &str) -> DrawTarget {
    DrawTarget::Entity(kind, name.to_owned())
}

/// A number for everything that decides a scene's draft. Without a copy of any text: it is worked out for every scene
/// after every letter typed.
fn draft_tag(project: &Project, scene: &Scene, size: [u32; 2]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&scene.prompt, &project.style, scene.seed, size).hash(&mut hasher);
    for kind in [EntityKind::Foreground, EntityKind::Background] {
        for name in scene.entity_names(kind) {
            hash_looks(project, kind, name, &mut hasher);
        }
    }
    hasher.finish() | 1
}

fn hash_looks(project: &Project, kind: EntityKind, name: &str, hasher: &mut DefaultHasher) {
    let cast = project.cast_entry(kind, name);
    (kind, name, cast.map(|cast| (&cast.description, &cast.reference))).hash(hasher);
}

/// The film's size, scaled down to what the window needs.
fn draft_size(doc: &Document) -> [u32; 2] {
    let format = doc.project().format;
    let longest = format.width.max(format.height);
    let scale = |side: u32| {
        if longest <= MAX_SIDE {
            return side;
        }
        (u64::from(side) * u64::from(MAX_SIDE) / u64::from(longest)).max(2) as u32
    };
    [scale(format.width), scale(format.height)]
}

fn color_image(image: &RgbaImage) -> ColorImage {
    ColorImage::from_rgba_unmultiplied([image.width() as usize, image.height() as usize], image.as_raw())
}
