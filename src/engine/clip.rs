//! A decoded clip: its frames, and how each of them becomes the next.

use crate::export::{clip_frame, clip_place};
use crate::video::Motion;
use image::{DynamicImage, RgbImage, RgbaImage};
use std::borrow::Cow;
use std::sync::OnceLock;

/// The frames of a clip, ready to be shown in the film's shape, and what was found out about the movement between them.
///
/// The movement is found once for each pair of frames, by whoever needs it first, and takes a twentieth of the memory of
/// a frame. It is gone with the frames.
#[derive(Debug)]
pub struct Clip {
    frames: Vec<RgbaImage>,
    /// Of each frame to the next one.
    motions: Vec<OnceLock<Motion>>,
}

impl Clip {
    /// A clip of these frames, which are opaque and of one size. Nothing is known about its movement.
    pub fn new(frames: Vec<RgbaImage>) -> Self {
        let motions = (1..frames.len()).map(|_| OnceLock::new()).collect();
        Self { frames, motions }
    }

    /// Its own frames.
    pub fn frames(&self) -> &[RgbaImage] {
        &self.frames
    }

    /// The memory of its frames.
    pub fn bytes(&self) -> usize {
        self.frames.iter().map(|frame| frame.as_raw().len()).sum()
    }

    /// How a frame, counted from 0, becomes the next one, if that is known. Never waits.
    pub fn motion(&self, frame: usize) -> Option<&Motion> {
        self.motions.get(frame)?.get()
    }

    /// The first frame, from `from` on and then from the beginning, of which that is not known.
    pub fn next_unknown(&self, from: usize) -> Option<usize> {
        let unknown = |frame: &usize| self.motions.get(*frame).is_some_and(|motion| motion.get().is_none());
        (from..self.motions.len()).find(unknown).or_else(|| (0..from.min(self.motions.len())).find(unknown))
    }

    /// Finds out how a frame becomes the next one, if nobody has yet. The last frame has no next one.
    pub fn follow(&self, frame: usize) -> Option<&Motion> {
        let motion = self.motions.get(frame)?;
        Some(motion.get_or_init(|| Motion::between(&opaque(&self.frames[frame]), &opaque(&self.frames[frame + 1]))))
    }

    /// What a scene shows at its place `t`: the nearest frame or, when it shall be smooth, what lies between two.
    pub fn at(&self, t: f32, smooth: bool) -> Cow<'_, RgbaImage> {
        let (frame, share) = clip_place(t, self.frames.len());
        let motion = if smooth && share > 0.0 { self.follow(frame) } else { None };
        match motion {
            None => Cow::Borrowed(&self.frames[clip_frame(t, self.frames.len())]),
            Some(motion) => {
                let between = motion.at(&opaque(&self.frames[frame]), &opaque(&self.frames[frame + 1]), share);
                Cow::Owned(DynamicImage::ImageRgb8(between).into_rgba8())
            }
        }
    }
}

fn opaque(frame: &RgbaImage) -> RgbImage {
    let rgb = frame.as_raw().as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    RgbImage::from_raw(frame.width(), frame.height(), rgb).expect("three of the four bytes of each pixel")
}
