//! The clips on screen: decoded by the engine, kept here as long as there is room.

use super::document::Document;
use crate::engine::{ClipFrames, DecodeJob, Engine, JobId, JobSpec};
use crate::export::clip_frame;
use crate::project::{MediaName, Scene, SceneId, Take, TakeKind};
use egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};
use std::sync::Arc;

/// Memory for decoded clips, in bytes. The engine keeps the same ones, so that they take it once.
const BUDGET: usize = 256 << 20;

/// Decoded clips, least recently used first.
#[derive(Default)]
pub struct Clips {
    entries: Vec<Entry>,
    /// A scene that the user looks at beside the playhead.
    looked_at: Option<SceneId>,
    /// Clips that are compared or looked at, whatever the film uses.
    takes: Vec<Take>,
}

struct Entry {
    media: MediaName,
    /// The film's size.
    shape: [u32; 2],
    state: State,
    /// One frame as a texture of the window.
    texture: Option<(usize, TextureHandle)>,
}

enum State {
    Coming(JobId),
    Here(ClipFrames),
    /// It cannot be shown; the scene's picture says why.
    Failed,
}

impl Entry {
    fn bytes(&self) -> usize {
        match &self.state {
            State::Here(frames) => frames.iter().map(|frame| frame.as_raw().len()).sum(),
            State::Coming(_) | State::Failed => 0,
        }
    }
}

/// The clip that a scene shows in the film.
pub fn clip_of(scene: &Scene) -> Option<&Take> {
    scene.chosen_take().filter(|take| take.kind == TakeKind::Clip)
}

/// A frame of a clip at the place `t` of its scene, with its number from 0.
pub struct ClipFrame {
    pub frames: ClipFrames,
    pub index: usize,
}

impl ClipFrame {
    /// Stands for the content of the frame.
    pub fn key(&self, media: &MediaName) -> u64 {
        let clip = u64::from_str_radix(media.hash().get(..16).unwrap_or_default(), 16).unwrap_or_default();
        clip.wrapping_add((self.index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

impl Clips {
    /// Asks for the clips of `needed` scenes and of the one that the pointer is on.
    pub fn update(&mut self, doc: &Document, engine: &Engine, needed: &[SceneId]) {
        let project = doc.project();
        let shape = [project.format.width, project.format.height];
        let looked_at = self.looked_at.take();
        let takes = std::mem::take(&mut self.takes);
        let in_film = needed.iter().chain(&looked_at).filter_map(|id| project.scene(*id).and_then(clip_of));
        for take in in_film.chain(&takes) {
            if let Some(index) = self.entries.iter().position(|e| e.media == take.media && e.shape == shape) {
                let entry = self.entries.remove(index);
                self.entries.push(entry);
                continue;
            }
            let job = DecodeJob { take: take.clone(), format: project.format, media: doc.saver().media().clone() };
            match engine.submit(JobSpec::Decode(job)) {
                Ok(job) => {
                    self.entries.retain(|entry| entry.media != take.media);
                    let media = take.media.clone();
                    self.entries.push(Entry { media, shape, state: State::Coming(job), texture: None });
                }
                Err(full) => return log::warn!("{full}"),
            }
        }
        let mut bytes: usize = self.entries.iter().map(Entry::bytes).sum();
        // What was just asked for stays.
        let kept = needed.len() + 1 + takes.len();
        while bytes > BUDGET && self.entries.len() > kept {
            bytes -= self.entries.remove(0).bytes();
        }
    }

    /// Wants the clip of a scene in the next frames, since the pointer is on its card.
    pub fn look_at(&mut self, scene: SceneId) {
        self.looked_at = Some(scene);
    }

    /// Wants a clip in the next frames, also one that the film does not use.
    pub fn look_at_take(&mut self, take: &Take) {
        if !self.takes.iter().any(|known| known.id == take.id) {
            self.takes.push(take.clone());
        }
    }

    /// Whether a clip has to be asked for in the next frame.
    pub fn has_asked(&self) -> bool {
        self.takes.iter().any(|take| !self.entries.iter().any(|entry| entry.media == take.media))
    }

    /// Takes a clip that the engine decoded.
    pub fn insert(&mut self, job: JobId, frames: ClipFrames) {
        if let Some(entry) = self.entries.iter_mut().find(|e| matches!(e.state, State::Coming(coming) if coming == job))
        {
            entry.state = State::Here(frames);
        }
    }

    /// Notes that a clip will not come, so that it is not asked for again and again.
    pub fn fail(&mut self, job: JobId) {
        if let Some(entry) = self.entries.iter_mut().find(|e| matches!(e.state, State::Coming(coming) if coming == job))
        {
            entry.state = State::Failed;
        }
    }

    /// The frame that a scene shows at its place `t`, once it is decoded.
    pub fn frame(&self, take: &Take, t: f32) -> Option<ClipFrame> {
        let entry = self.entries.iter().find(|entry| entry.media == take.media)?;
        let State::Here(frames) = &entry.state else { return None };
        Some(ClipFrame { index: clip_frame(t, frames.len()), frames: Arc::clone(frames) })
    }

    /// [`Self::frame`] as a texture.
    pub fn texture(&mut self, ctx: &Context, take: &Take, t: f32) -> Option<TextureId> {
        let frame = self.frame(take, t)?;
        let entry = self.entries.iter_mut().find(|entry| entry.media == take.media)?;
        if let Some((index, texture)) = &mut entry.texture {
            if *index != frame.index {
                *index = frame.index;
                texture.set(image_of(&frame), TextureOptions::LINEAR);
            }
            return Some(texture.id());
        }
        let texture = ctx.load_texture("clip", image_of(&frame), TextureOptions::LINEAR);
        let id = texture.id();
        entry.texture = Some((frame.index, texture));
        Some(id)
    }

    /// Whether a clip that was asked for has not come yet.
    pub fn is_waiting(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.state, State::Coming(_)))
    }

    /// Forgets everything, for another project.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn image_of(frame: &ClipFrame) -> ColorImage {
    let picture = &frame.frames[frame.index];
    ColorImage::from_rgba_unmultiplied([picture.width() as usize, picture.height() as usize], picture.as_raw())
}
