//! What a clip is made with, which still it starts from, and whether it still shows what its scene asks for.

use super::{CameraMove, DRAFT_STUDIO, Direction, MediaName, Project, Recipe, Scene, Take, TakeKind};
use super::{stale_reasons, wanted_recipe};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// How a clip is denoised. Fractions are kept in hundredths, so that equal settings are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ClipSettings {
    /// Denoising steps.
    pub steps: u32,
    /// How much the prompt counts, in hundredths; 100 is no guidance.
    pub guidance_hundredths: u32,
    /// Frames of a clip. The film spreads them over the scene's duration.
    pub frames: u32,
    /// Frames per second of the clip's own file. It decides nothing of the frames.
    pub fps: u32,
    /// After which step the camera begins to move (T_m), from 1. Earlier steps do not depend on the camera.
    pub camera_from_step: u32,
    /// What a frame is blended with when the camera moves.
    pub camera_mode: CameraMode,
    /// How far the camera moves, in hundredths of the usual.
    pub camera_strength_hundredths: u32,
    /// Whether the actions that the prompt tells of steer the movement.
    pub action: bool,
    /// The aesthetic score to aim at, in hundredths.
    pub score_hundredths: u32,
}

/// What a frame is blended with when the camera moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraMode {
    /// Itself, moved by all the movement since the first frame.
    #[default]
    Accumulated,
    /// The first frame, moved by all the movement since.
    Reference,
    /// The frame before it, moved by one frame's movement.
    Neighbour,
}

impl CameraMode {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 3] = [Self::Accumulated, Self::Reference, Self::Neighbour];

    /// The word for it, in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accumulated => "accumulated",
            Self::Reference => "reference",
            Self::Neighbour => "neighbour",
        }
    }
}

impl ClipSettings {
    /// Denoising steps that make sense.
    pub const STEPS: RangeInclusive<u32> = 1..=1000;
    /// Guidance that makes sense, in hundredths.
    pub const GUIDANCE: RangeInclusive<u32> = 100..=5000;
    /// Frames that make sense: one does not move.
    pub const FRAMES: RangeInclusive<u32> = 2..=128;
    /// Frames per second that make sense.
    pub const FPS: RangeInclusive<u32> = 1..=60;
    /// Strengths of the camera that make sense, in hundredths.
    pub const STRENGTH: RangeInclusive<u32> = 10..=400;
    /// Aesthetic scores that make sense, in hundredths.
    pub const SCORE: RangeInclusive<u32> = 0..=1000;

    /// Whether a clip can be made with them.
    pub fn are_possible(&self) -> bool {
        Self::STEPS.contains(&self.steps)
            && Self::GUIDANCE.contains(&self.guidance_hundredths)
            && Self::FRAMES.contains(&self.frames)
            && Self::FPS.contains(&self.fps)
            && (1..=self.steps).contains(&self.camera_from_step)
            && Self::STRENGTH.contains(&self.camera_strength_hundredths)
            && Self::SCORE.contains(&self.score_hundredths)
    }

    /// The same with other steps; the camera then begins to move no later than after the last.
    pub fn with_steps(&self, steps: u32) -> Self {
        Self { steps, camera_from_step: self.camera_from_step.min(steps).max(1), ..self.clone() }
    }
}

impl Default for ClipSettings {
    /// Those of the VideoStudio release; the camera's are the paper's.
    fn default() -> Self {
        Self {
            steps: 70,
            guidance_hundredths: 1200,
            frames: 16,
            fps: 8,
            camera_from_step: 5,
            camera_mode: CameraMode::Accumulated,
            camera_strength_hundredths: 100,
            action: true,
            score_hundredths: 600,
        }
    }
}

/// What decides a clip beside what decided its still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClipRecipe {
    /// The picture that it starts from. `None` is one that is yet to be made: only a recipe that is asked for has it.
    pub still: Option<MediaName>,
    /// The scene's camera.
    pub camera: CameraMove,
    /// How it was denoised.
    pub settings: ClipSettings,
    /// The files of the animator: role and SHA-256.
    #[serde(default)]
    pub models: Vec<(String, String)>,
}

/// How two recipes of clips differ, as far as the frames go.
pub(super) struct ClipChange {
    pub still: bool,
    pub settings: bool,
    /// Only what comes after T_m.
    pub camera: bool,
}

impl ClipRecipe {
    pub(super) fn change_to(&self, wanted: &Self) -> ClipChange {
        // All that the frames depend on, and no more: a camera that stands still has no strength.
        let early = |clip: &Self| {
            let ClipSettings { steps, guidance_hundredths, frames, action, score_hundredths, .. } = clip.settings;
            (steps, guidance_hundredths, frames, action, score_hundredths)
        };
        let moves = |clip: &Self| clip.camera.direction != Direction::Static;
        let late = |clip: &Self| {
            let ClipSettings { camera_mode, camera_strength_hundredths, .. } = clip.settings;
            moves(clip).then_some((clip.camera, camera_mode, camera_strength_hundredths))
        };
        let other_start = self.settings.camera_from_step != wanted.settings.camera_from_step;
        ClipChange {
            still: self.still != wanted.still,
            settings: early(self) != early(wanted) || other_start && (moves(self) || moves(wanted)),
            camera: late(self) != late(wanted),
        }
    }
}

impl Recipe {
    /// What it makes.
    pub fn kind(&self) -> TakeKind {
        if self.clip.is_some() { TakeKind::Clip } else { TakeKind::Still }
    }
}

/// Role and SHA-256 of the files that decide a studio's takes. `None` where they are not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StudioFiles {
    /// Of stills.
    pub still: Option<Vec<(String, String)>>,
    /// What clips need besides.
    pub clip: Option<Vec<(String, String)>>,
}

impl StudioFiles {
    /// Those of the draft, which needs none.
    pub fn of_draft() -> Self {
        Self { still: Some(Vec::new()), clip: None }
    }

    /// Whether a take is the still that `scene` asks this studio for now.
    pub fn is_fresh_still(&self, project: &Project, scene: &Scene, studio: &str, take: &Take) -> bool {
        let Some(models) = &self.still else { return false };
        let is_of_studio = take.kind == TakeKind::Still && take.recipe.studio == studio;
        is_of_studio && stale_reasons(&take.recipe, &wanted_recipe(project, scene, studio, models)).is_empty()
    }

    /// The clip that `scene` asks this studio for now, started from `still`, if there is one.
    pub fn fresh_clip<'a>(
        &self,
        project: &Project,
        scene: &'a Scene,
        studio: &str,
        still: &Take,
    ) -> Option<&'a Take> {
        let wanted = clip_recipe(project, scene, studio, still, self.clip.clone()?);
        let mut clips = scene.takes.iter().filter(|take| take.kind == TakeKind::Clip);
        clips.find(|clip| stale_reasons(&clip.recipe, &wanted).is_empty())
    }
}

/// The recipe of the clip that `scene` asks for now from this studio, started from `still`.
///
/// `models` are the animator's files. The duration is no part of it: the film spreads the frames over it.
pub fn clip_recipe(
    project: &Project,
    scene: &Scene,
    studio: &str,
    still: &Take,
    models: Vec<(String, String)>,
) -> Recipe {
    let clip = ClipRecipe {
        still: Some(still.media.clone()),
        camera: scene.camera,
        settings: project.clip.clone(),
        models,
    };
    // References and settings are those that the still was really made with.
    let Recipe { entities, still, models, .. } = still.recipe.clone();
    Recipe { entities, still, models, clip: Some(clip), ..wanted_recipe(project, scene, studio, &[]) }
}

/// What `scene` asks for now, to compare `take` with: from the project's studio, or in a project of drafts from the one
/// that made the take.
///
/// `files` are those of the project's studio; what is not known says nothing against the take.
pub fn wanted_in_place_of(project: &Project, scene: &Scene, take: &Take, files: &StudioFiles) -> Recipe {
    let made = &take.recipe;
    let nothing = StudioFiles::default();
    let (studio, files) = match project.studio.as_str() {
        DRAFT_STUDIO => (made.studio.as_str(), &nothing),
        studio => (studio, files),
    };
    let wanted_still =
        |made: &Recipe| wanted_recipe(project, scene, studio, files.still.as_deref().unwrap_or(&made.models));
    let mut wanted = wanted_still(made);
    if let Some(clip) = &made.clip {
        let is_fresh = |take: &Take| stale_reasons(&take.recipe, &wanted_still(&take.recipe)).is_empty();
        wanted.clip = Some(ClipRecipe {
            still: wanted_start(scene, clip, is_fresh).cloned(),
            camera: scene.camera,
            settings: project.clip.clone(),
            models: files.clip.clone().unwrap_or_else(|| clip.models.clone()),
        });
    }
    wanted
}

/// The picture that a clip should start from now: its own, as long as that is what the scene asks for.
fn wanted_start<'a>(scene: &'a Scene, clip: &'a ClipRecipe, is_fresh: impl Fn(&Take) -> bool) -> Option<&'a MediaName> {
    let own = clip.still.as_ref().and_then(|media| scene.still_of(media));
    let fresh = scene.stills().rev().find(|still| is_fresh(still));
    match (own, fresh) {
        (Some(own), _) if is_fresh(own) => Some(&own.media),
        (_, Some(fresh)) => Some(&fresh.media),
        (Some(_), None) => None,
        // Nothing is known against a picture whose take was removed.
        (None, None) => clip.still.as_ref(),
    }
}

impl Scene {
    fn stills(&self) -> impl DoubleEndedIterator<Item = &Take> {
        self.takes.iter().filter(|take| take.kind == TakeKind::Still)
    }

    fn still_of(&self, media: &MediaName) -> Option<&Take> {
        self.stills().find(|still| still.media == *media)
    }

    /// The fresh still that a clip of this scene starts from: the chosen one, or that of the chosen clip, as long as it
    /// is fresh, else the newest. `None` when one has to be made first.
    pub fn fresh_still(&self, is_fresh: impl Fn(&Take) -> bool) -> Option<&Take> {
        let chosen = self.start_of_chosen().filter(|still| is_fresh(still));
        chosen.or_else(|| self.stills().rev().find(|still| is_fresh(still)))
    }

    /// The still that a clip starts from when no other shall be made: the chosen one; that of the chosen clip, unless
    /// there is a fresh one; else the newest of `studio`. `None` when there is none.
    pub fn any_still(&self, studio: &str, is_fresh: impl Fn(&Take) -> bool) -> Option<&Take> {
        match self.chosen_take() {
            Some(take) if take.kind == TakeKind::Still => Some(take),
            _ => self
                .fresh_still(is_fresh)
                .or_else(|| self.start_of_chosen())
                .or_else(|| self.stills().rev().find(|still| still.recipe.studio == studio)),
        }
    }

    /// The chosen still, or that of the chosen clip.
    fn start_of_chosen(&self) -> Option<&Take> {
        let chosen = self.chosen_take()?;
        match &chosen.recipe.clip {
            None => Some(chosen),
            Some(clip) => self.still_of(clip.still.as_ref()?),
        }
    }
}
