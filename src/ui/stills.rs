//! The pictures on screen: which are wanted, which are there.

use super::document::Document;
use crate::engine::{DrawJob, DrawTarget, Engine, JobId, JobSpec};
use crate::project::{DRAFT_STUDIO, EntityKind, SceneId, wanted_recipe};
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

/// Pictures of scenes and entities, each as new as the engine could make it.
#[derive(Default)]
pub struct Stills {
    entries: HashMap<DrawTarget, Entry>,
    /// Full pictures, least recently used first.
    full: Vec<(SceneId, u64, Arc<RgbaImage>)>,
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

impl Stills {
    /// The thumbnail of a scene or the picture of an entity, if there is one yet.
    pub fn texture(&self, target: &DrawTarget) -> Option<&TextureHandle> {
        self.entries.get(target)?.texture.as_ref()
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
        self.entries.values().any(|entry| entry.requested != entry.shown)
    }

    /// Asks for every picture that the project changed, the scene in view first, and for the full pictures of `needed`.
    pub fn update(&mut self, doc: &Document, engine: &Engine, in_view: Option<SceneId>, needed: &[SceneId]) {
        if self.revision != doc.revision() {
            self.revision = doc.revision();
            self.want(doc);
        }
        let mut targets: Vec<DrawTarget> = self.entries.keys().cloned().collect();
        targets.sort_by_key(|target| match target {
            DrawTarget::Scene(id) if Some(*id) == in_view => (0, 0),
            DrawTarget::Scene(id) => (1, doc.project().scene_index(*id).unwrap_or(usize::MAX)),
            DrawTarget::Entity(..) => (2, 0),
            DrawTarget::Take(..) => (3, 0),
        });
        for target in targets {
            let has_full = match &target {
                DrawTarget::Scene(id) if needed.contains(id) => self.full.iter().any(|(full, ..)| full == id),
                _ => true,
            };
            let Some(entry) = self.entries.get_mut(&target) else { continue };
            let stale = entry.requested != entry.wanted;
            if !stale && (has_full || entry.shown != entry.requested || entry.problem.is_some()) {
                continue;
            }
            let size = match target {
                DrawTarget::Scene(_) => draft_size(doc),
                DrawTarget::Entity(..) | DrawTarget::Take(..) => [REFERENCE_SIDE; 2],
            };
            entry.requested = entry.wanted;
            if !stale {
                // The same picture once more: what is shown stays until it comes.
                entry.shown = 0;
            }
            let job = DrawJob {
                project: Arc::clone(doc.project()),
                target,
                media: doc.saver().media().clone(),
                size,
                tag: entry.wanted,
            };
            match engine.submit(JobSpec::Draw(job)) {
                Ok(job) => (entry.job, entry.problem) = (Some(job), None),
                Err(full) => {
                    log::warn!("{full}");
                    self.revision = 0;
                    return;
                }
            }
        }
    }

    /// Works out what every scene and entity should look like now.
    fn want(&mut self, doc: &Document) {
        let project = doc.project();
        let mut wanted = HashMap::new();
        let size = draft_size(doc);
        for scene in &project.scenes {
            let mut hasher = DefaultHasher::new();
            let recipe = wanted_recipe(project, scene, DRAFT_STUDIO, &[]);
            (format!("{recipe:?}"), size).hash(&mut hasher);
            scene.chosen_take().map(|take| &take.media).hash(&mut hasher);
            wanted.insert(DrawTarget::Scene(scene.id), hasher.finish() | 1);
            wanted.extend(scene.takes.iter().map(|take| (DrawTarget::Take(scene.id, take.id), 1)));
        }
        for entity in doc.entities() {
            let mut hasher = DefaultHasher::new();
            let cast = project.cast_entry(entity.kind, &entity.name);
            (format!("{cast:?}"), &project.style).hash(&mut hasher);
            wanted.insert(DrawTarget::Entity(entity.kind, entity.name.clone()), hasher.finish() | 1);
        }
        self.entries.retain(|target, _| wanted.contains_key(target));
        self.full.retain(|(id, ..)| wanted.contains_key(&DrawTarget::Scene(*id)));
        for (target, tag) in wanted {
            self.entries.entry(target).or_default().wanted = tag;
        }
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
