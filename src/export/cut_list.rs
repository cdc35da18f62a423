//! Which scene every frame of the film shows.

use crate::project::{Project, SceneId};
use std::ops::Range;

/// The film as frames: where each scene starts, how long it is, and how far it dissolves into the one before.
///
/// Every scene lasts the whole number of frames nearest to its duration, and at least one. A dissolve overlaps the
/// end of one scene with the start of the next, so it shortens the film by its own length. It takes at most half of
/// either neighbour (rounded down): the dissolve into a scene is always over before the one out of it begins, and no
/// frame shows more than two scenes. So `total_frames = sum of frames − sum of dissolve_frames`, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutList {
    fps: u32,
    cuts: Vec<Cut>,
}

/// Where one scene lies in the film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Which scene.
    pub scene_id: SceneId,
    /// Its first frame, which is also the first frame of the dissolve into it.
    pub first_frame: u64,
    /// All its frames, with those that it shares with its neighbours.
    pub frames: u64,
    /// How many of its first frames it shares with the end of the scene before; 0 is a hard cut.
    pub dissolve_frames: u64,
}

/// What one frame of the film shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Visible {
    /// Index of the scene; within a dissolve, of the one that comes in.
    pub scene: usize,
    /// Place within that scene: 0 at its first frame, 1 at its last.
    pub t: f32,
    /// Within a dissolve, the scene that goes out.
    pub mix: Option<Mix>,
}

/// The scene that a dissolve leaves behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// Index of the scene that goes out.
    pub scene: usize,
    /// Place within it, as in [`Visible::t`].
    pub t: f32,
    /// Share of the scene that comes in: above 0 at the first frame of the dissolve, below 1 at its last.
    pub incoming: f32,
}

/// Which of a clip's `frames` a scene shows at its place `t` ([`Visible::t`]), counted from 0: the nearest one, with the
/// frames spread evenly over the scene, the first at its beginning and the last at its end.
pub fn clip_frame(t: f32, frames: usize) -> usize {
    let last = frames.saturating_sub(1);
    ((f64::from(t) * last as f64).round() as usize).min(last)
}

/// Where among a clip's `frames` a scene is at its place `t` ([`Visible::t`]): the frame before, counted from 0, and the share
/// of the way to the next one, from 0 to below 1. The frames are spread as by [`clip_frame`].
pub fn clip_place(t: f32, frames: usize) -> (usize, f32) {
    // Finer than what is seen, and coarse enough for places that were computed from frames to meet them.
    const STEPS: f64 = 4096.0;
    let last = frames.saturating_sub(1);
    let place = ((f64::from(t) * last as f64 * STEPS).round() / STEPS).clamp(0.0, last as f64);
    (place as usize, place.fract() as f32)
}

impl Cut {
    /// The scene's frames in the film, with those that it shares with its neighbours.
    pub fn range(&self) -> Range<u64> {
        self.first_frame..self.first_frame + self.frames
    }

    fn t_at(&self, frame: u64) -> f32 {
        match self.frames {
            0 | 1 => 0.0,
            frames => ((frame - self.first_frame) as f64 / (frames - 1) as f64) as f32,
        }
    }
}

impl CutList {
    /// Lays out the scenes of `project` at its frame rate.
    pub fn new(project: &Project) -> Self {
        let mut cuts: Vec<Cut> = Vec::with_capacity(project.scenes.len());
        for scene in &project.scenes {
            let frames = project.format.frames(scene.duration_ms).max(1);
            let cut = match cuts.last() {
                None => Cut { scene_id: scene.id, first_frame: 0, frames, dissolve_frames: 0 },
                Some(previous) => {
                    let wanted = project.format.frames(scene.dissolve_ms);
                    let dissolve_frames = wanted.min(previous.frames / 2).min(frames / 2);
                    let first_frame = previous.range().end - dissolve_frames;
                    Cut { scene_id: scene.id, first_frame, frames, dissolve_frames }
                }
            };
            cuts.push(cut);
        }
        Self { fps: project.format.fps.max(1), cuts }
    }

    /// The scenes in order.
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// Frames per second, never 0.
    pub fn fps(&self) -> u32 {
        self.fps
    }

    /// Length of the film; 0 when it has no scenes.
    pub fn total_frames(&self) -> u64 {
        self.cuts.last().map_or(0, |cut| cut.range().end)
    }

    /// Length of the film in seconds.
    pub fn duration_secs(&self) -> f64 {
        self.secs_from_frame(self.total_frames())
    }

    /// When a frame is first seen.
    pub fn secs_from_frame(&self, frame: u64) -> f64 {
        frame as f64 / f64::from(self.fps)
    }

    /// The frame that is seen at a time. It is the last one from the end of the film on, and 0 before its start and
    /// in an empty film.
    pub fn frame_from_secs(&self, secs: f64) -> u64 {
        // A time that was computed from a frame may lie a rounding error before it.
        const ROUNDING_FRAMES: f64 = 1e-6;
        let frame = (secs * f64::from(self.fps) + ROUNDING_FRAMES).floor().max(0.0) as u64;
        frame.min(self.total_frames().saturating_sub(1))
    }

    /// A frame as `minutes:seconds:frames`, or `hours:minutes:seconds:frames` from one hour on.
    pub fn timecode(&self, frame: u64) -> String {
        let fps = u64::from(self.fps);
        let digits = (fps - 1).max(1).ilog10() as usize + 1;
        let (secs, rest) = (frame / fps, frame % fps);
        let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
        let width = digits.max(2);
        match hours {
            0 => format!("{minutes}:{secs:02}:{rest:0width$}"),
            _ => format!("{hours}:{minutes:02}:{secs:02}:{rest:0width$}"),
        }
    }

    /// Index of the scene at a frame (within a dissolve, of the one that comes in), or `None` past the end.
    pub fn scene_at(&self, frame: u64) -> Option<usize> {
        let started = self.cuts.partition_point(|cut| cut.first_frame <= frame);
        (frame < self.total_frames()).then(|| started - 1)
    }

    /// Index of a scene by its id.
    pub fn index_of(&self, scene_id: SceneId) -> Option<usize> {
        self.cuts.iter().position(|cut| cut.scene_id == scene_id)
    }

    /// The frames of the scene at `index`, with those that it shares with its neighbours. Empty past the last scene.
    pub fn range_of(&self, index: usize) -> Range<u64> {
        self.cuts.get(index).map_or(self.total_frames()..self.total_frames(), Cut::range)
    }

    /// What a frame shows, or `None` past the end of the film.
    pub fn visible_at(&self, frame: u64) -> Option<Visible> {
        let scene = self.scene_at(frame)?;
        let cut = &self.cuts[scene];
        let into = frame - cut.first_frame;
        let mix = (into < cut.dissolve_frames).then(|| Mix {
            scene: scene - 1,
            t: self.cuts[scene - 1].t_at(frame),
            incoming: (into + 1) as f32 / (cut.dissolve_frames + 1) as f32,
        });
        Some(Visible { scene, t: cut.t_at(frame), mix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Format, Scene};

    fn film(fps: u32, scenes: &[(u32, u32)]) -> CutList {
        let mut project = Project::new("test");
        project.format = Format { width: 64, height: 36, fps, ..Format::default() };
        for &(duration_ms, dissolve_ms) in scenes {
            let mut scene = Scene::new(project.new_scene_id(), "a scene");
            (scene.duration_ms, scene.dissolve_ms) = (duration_ms, dissolve_ms);
            project.scenes.push(scene);
        }
        CutList::new(&project)
    }

    /// What must hold for every film, frame by frame.
    fn check(cuts: &CutList) {
        let frames: u64 = cuts.cuts().iter().map(|cut| cut.frames).sum();
        let dissolves: u64 = cuts.cuts().iter().map(|cut| cut.dissolve_frames).sum();
        assert_eq!(cuts.total_frames(), frames - dissolves);
        let mut seen = vec![0; cuts.cuts().len()];
        for frame in 0..cuts.total_frames() {
            let visible = cuts.visible_at(frame).unwrap();
            let ends = |scene: usize, t: f32| {
                let range = cuts.range_of(scene);
                assert!(range.contains(&frame), "scene {scene} has no frame {frame}");
                assert_eq!(t == 0.0, frame == range.start, "scene {scene}, frame {frame}");
                assert_eq!(t == 1.0, frame == range.end - 1 && cuts.cuts()[scene].frames > 1);
            };
            ends(visible.scene, visible.t);
            seen[visible.scene] += 1;
            if let Some(mix) = visible.mix {
                assert_eq!(mix.scene + 1, visible.scene);
                assert!(mix.incoming > 0.0 && mix.incoming < 1.0);
                ends(mix.scene, mix.t);
                seen[mix.scene] += 1;
            }
            assert_eq!(cuts.frame_from_secs(cuts.secs_from_frame(frame)), frame);
            assert_eq!(cuts.scene_at(frame), Some(visible.scene));
        }
        let lengths: Vec<_> = cuts.cuts().iter().map(|cut| cut.frames).collect();
        assert_eq!(seen, lengths, "every frame of every scene is shown once");
        assert_eq!(cuts.visible_at(cuts.total_frames()), None);
        assert_eq!(cuts.scene_at(u64::MAX), None);
    }

    #[test]
    fn hard_cuts_and_dissolves_add_up() {
        let cuts = film(24, &[(4000, 0), (3000, 500), (2000, 0)]);
        check(&cuts);
        assert_eq!(cuts.total_frames(), 96 + 72 + 48 - 12);
        assert_eq!(cuts.range_of(0), 0..96);
        assert_eq!(cuts.range_of(1), 84..156);
        assert_eq!(cuts.range_of(2), 156..204);
        assert_eq!(cuts.range_of(3), 204..204);
        assert_eq!(cuts.duration_secs(), 8.5);
        assert_eq!(cuts.index_of(cuts.cuts()[1].scene_id), Some(1));
    }

    #[test]
    fn a_dissolve_mixes_both_scenes_from_its_first_frame_to_its_last() {
        let cuts = film(10, &[(1000, 0), (1000, 300)]);
        let mixes: Vec<_> = (5..12).map(|f| cuts.visible_at(f).unwrap().mix.map(|m| (m.scene, m.incoming))).collect();
        assert_eq!(mixes, [None, None, Some((0, 0.25)), Some((0, 0.5)), Some((0, 0.75)), None, None]);
        assert_eq!(cuts.visible_at(9).unwrap().mix.unwrap().t, 1.0);
        assert_eq!(cuts.visible_at(7).unwrap().t, 0.0);
    }

    #[test]
    fn a_long_dissolve_takes_no_more_than_half_of_its_neighbours() {
        let cuts = film(24, &[(1000, 60_000), (500, 60_000), (2000, 60_000), (500, 60_000)]);
        check(&cuts);
        let dissolves: Vec<_> = cuts.cuts().iter().map(|cut| cut.dissolve_frames).collect();
        assert_eq!(dissolves, [0, 6, 6, 6]);
    }

    #[test]
    fn odd_frame_rates_and_lengths_add_up() {
        for fps in [1, 7, 23, 25, 30, 59, 60, 120, 144] {
            check(&film(fps, &[(500, 0), (501, 333), (999, 1), (1001, 2000), (33_333, 417), (500, 499)]));
        }
    }

    #[test]
    fn a_clip_is_spread_over_its_scene() {
        let cuts = film(24, &[(1000, 0)]);
        let at = |frame, frames| clip_frame(cuts.visible_at(frame).unwrap().t, frames);
        assert_eq!((at(0, 16), at(23, 16)), (0, 15));
        let shown: Vec<_> = (0..24).map(|frame| at(frame, 16)).collect();
        assert!(shown.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1), "{shown:?}");
        assert!((0..24).all(|frame| at(frame, 1) == 0 && at(frame, 24) == frame as usize));
        assert_eq!((clip_frame(f32::NAN, 4), clip_frame(9.0, 4), clip_frame(0.5, 0)), (0, 3, 0));
    }

    #[test]
    fn between_the_frames_of_a_clip_a_scene_is_on_its_way() {
        let cuts = film(24, &[(1000, 0)]);
        let at = |frame, frames| clip_place(cuts.visible_at(frame).unwrap().t, frames);
        assert_eq!((at(0, 16), at(23, 16)), ((0, 0.0), (15, 0.0)));
        assert!((0..24).all(|frame| at(frame, 1) == (0, 0.0) && at(frame, 24) == (frame as usize, 0.0)));
        let places: Vec<f32> = (0..24).map(|frame| at(frame, 16)).map(|(index, share)| index as f32 + share).collect();
        assert!(places.windows(2).all(|pair| (pair[1] - pair[0] - 15.0 / 23.0).abs() < 1e-3), "{places:?}");
        let edges = [(f32::NAN, 4), (9.0, 4), (-1.0, 4), (0.5, 0)].map(|(t, frames)| clip_place(t, frames).0);
        assert_eq!(edges, [0, 3, 0, 0]);
    }

    #[test]
    fn an_empty_film_has_no_frames() {
        let cuts = film(24, &[]);
        assert_eq!((cuts.total_frames(), cuts.duration_secs(), cuts.frame_from_secs(3.0)), (0, 0.0, 0));
        assert_eq!((cuts.visible_at(0), cuts.scene_at(0)), (None, None));
        assert!(cuts.range_of(0).is_empty());
    }

    #[test]
    fn times_outside_the_film_are_its_ends() {
        let cuts = film(24, &[(1000, 0)]);
        assert_eq!(cuts.frame_from_secs(-1.0), 0);
        assert_eq!(cuts.frame_from_secs(0.0416), 0);
        assert_eq!(cuts.frame_from_secs(0.0417), 1);
        assert_eq!(cuts.frame_from_secs(1e9), 23);
        assert_eq!(cuts.frame_from_secs(f64::NAN), 0);
    }

    #[test]
    fn timecodes_read_like_those_of_an_editor() {
        let cuts = film(24, &[(1000, 0)]);
        assert_eq!(cuts.timecode(0), "0:00:00");
        assert_eq!(cuts.timecode(24 * 61 + 23), "1:01:23");
        assert_eq!(cuts.timecode(24 * 3600), "1:00:00:00");
        assert_eq!(film(120, &[]).timecode(119), "0:00:119");
        assert_eq!(film(1, &[]).timecode(5), "0:05:00");
    }
}
