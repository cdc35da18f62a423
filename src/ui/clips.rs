//! The clips on screen: decoded by the engine, kept here as long as there is room.

use super::document::Document;
use crate::engine::{Clip, DecodeJob, Engine, FollowJob, JobId, JobSpec};
use crate::export::{Visible, clip_frame, clip_place};
use crate::project::{MediaName, Scene, SceneId, Take, TakeKind};
use crate::video::{MovingBlocks, OnTheWay};
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
    /// A frame of a clip that the engine follows to the next one.
    following: Option<(JobId, MediaName)>,
}

struct Entry {
    media: MediaName,
    /// The film's size.
    shape: [u32; 2],
    state: State,
    /// One frame as a texture of the window.
    texture: Option<(usize, TextureHandle)>,
    /// Whether its movement could not be followed: only its own frames are shown.
    cannot_follow: bool,
}

enum State {
    Coming(JobId),
    Here(Arc<Clip>),
    /// It cannot be shown; the scene's picture says why.
    Failed,
}

impl Entry {
    fn bytes(&self) -> usize {
        match &self.state {
            State::Here(clip) => clip.bytes(),
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
    pub clip: Arc<Clip>,
    pub index: usize,
    /// Set where what lies between this frame and the next one is shown.
    pub on_the_way: Option<MovingBlocks>,
}

impl ClipFrame {
    /// Stands for the content of the frame, or of the one `after` it.
    pub fn key(&self, media: &MediaName, after: usize) -> u64 {
        let clip = u64::from_str_radix(media.hash().get(..16).unwrap_or_default(), 16).unwrap_or_default();
        clip.wrapping_add(((self.index + after) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

impl Clips {
    /// Asks for the clips of `needed` scenes and of the one that the pointer is on, and for what moves in those that the
    /// film shows now or next.
    pub fn update(&mut self, doc: &Document, engine: &Engine, visible: Option<Visible>, needed: &[SceneId]) {
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
                    self.entries.push(Entry {
                        media,
                        shape,
                        state: State::Coming(job),
                        texture: None,
                        cannot_follow: false,
                    });
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
        self.follow(doc, engine, visible, needed);
    }

    /// Asks for what moves between two frames that are shown now or soon, one pair at a time so that drafts do not wait.
    fn follow(&mut self, doc: &Document, engine: &Engine, visible: Option<Visible>, needed: &[SceneId]) {
        let project = doc.project();
        if !project.format.smooth || self.following.is_some() {
            return;
        }
        let place_in = |scene: &Scene| {
            let visible = visible?;
            let places = [(visible.scene, visible.t)].into_iter().chain(visible.mix.map(|mix| (mix.scene, mix.t)));
            places.into_iter().find(|(index, _)| project.scenes.get(*index).is_some_and(|at| at.id == scene.id))
        };
        let wanted = needed.iter().filter_map(|id| project.scene(*id)).find_map(|scene| {
            let take = clip_of(scene)?;
            let entry = self.entries.iter().find(|entry| entry.media == take.media && !entry.cannot_follow)?;
            let State::Here(clip) = &entry.state else { return None };
            let from = place_in(scene).map_or(0, |(_, t)| clip_place(t, clip.frames().len()).0);
            // In a film with no more frames than the clip, none lies between.
            let frames = doc.cut().range_of(project.scene_index(scene.id)?).count();
            if frames == clip.frames().len() || frames <= 1 {
                return None;
            }
            Some((take.media.clone(), FollowJob { clip: Arc::clone(clip), frame: clip.next_unknown(from)? }))
        });
        let Some((media, job)) = wanted else { return };
        match engine.submit(JobSpec::Follow(job)) {
            Ok(job) => self.following = Some((job, media)),
            Err(full) => log::warn!("{full}"),
        }
    }

    /// Takes note that the engine followed a frame.
    pub fn followed(&mut self, job: JobId) {
        self.following.take_if(|(following, _)| *following == job);
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
    pub fn insert(&mut self, job: JobId, clip: Arc<Clip>) {
        if let Some(entry) = self.entries.iter_mut().find(|e| matches!(e.state, State::Coming(coming) if coming == job))
        {
            entry.state = State::Here(clip);
        }
    }

    /// Notes that a clip will not come, so that it is not asked for again and again.
    pub fn fail(&mut self, job: JobId) {
        if let Some((_, media)) = self.following.take_if(|(following, _)| *following == job) {
            self.entries.iter_mut().filter(|entry| entry.media == media).for_each(|entry| entry.cannot_follow = true);
        }
        if let Some(entry) = self.entries.iter_mut().find(|e| matches!(e.state, State::Coming(coming) if coming == job))
        {
            entry.state = State::Failed;
        }
    }

    /// The nearest frame of a clip to the place `t` of its scene, once it is decoded.
    pub fn frame(&self, take: &Take, t: f32) -> Option<ClipFrame> {
        let entry = self.entries.iter().find(|entry| entry.media == take.media)?;
        let State::Here(clip) = &entry.state else { return None };
        let index = clip_frame(t, clip.frames().len());
        Some(ClipFrame { index, clip: Arc::clone(clip), on_the_way: None })
    }

    /// What the film shows of a clip at the place `t` of its scene: [`Self::frame`], or what lies between two frames as
    /// soon as it is known how the first becomes the second.
    pub fn shown(&self, take: &Take, t: f32, smooth: bool) -> Option<ClipFrame> {
        let nearest = self.frame(take, t)?;
        let (before, share) = clip_place(t, nearest.clip.frames().len());
        let Some(motion) = nearest.clip.motion(before).filter(|_| smooth && share > 0.0) else { return Some(nearest) };
        Some(match motion.on_the_way(share) {
            OnTheWay::First => ClipFrame { index: before, ..nearest },
            OnTheWay::Second => ClipFrame { index: before + 1, ..nearest },
            OnTheWay::Between(blocks) => ClipFrame { index: before, on_the_way: Some(blocks), ..nearest },
        })
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

    /// Whether a clip, or how it moves, was asked for and has not come yet.
    pub fn is_waiting(&self) -> bool {
        self.following.is_some() || self.entries.iter().any(|entry| matches!(entry.state, State::Coming(_)))
    }

    /// Forgets everything, for another project.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn image_of(frame: &ClipFrame) -> ColorImage {
    let picture = &frame.clip.frames()[frame.index];
    ColorImage::from_rgba_unmultiplied([picture.width() as usize, picture.height() as usize], picture.as_raw())
}
