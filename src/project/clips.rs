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
    pub fn fresh_clip<'a>(&self, project: &Project, scene: &'a Scene, studio: &str, still: &Take) -> Option<&'a Take> {
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
        settings: project.clip_settings(scene).clone(),
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
            settings: project.clip_settings(scene).clone(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Edit, EditError, EntityField, EntityKind, SceneField, Speed, StaleReason};

    fn files() -> StudioFiles {
        let file = |role: &str, sha256: &str| Some(vec![(role.to_owned(), sha256.to_owned())]);
        StudioFiles { still: file("compositor", "aa"), clip: file("animator", "bb") }
    }

    /// A film of one scene of Mia, with a studio.
    fn film() -> Project {
        let mut project = Project::new("Mia finds a boat");
        project.studio = "studio".to_owned();
        let mut scene = Scene::new(project.new_scene_id(), "Mia lifts the boat");
        scene.foreground = vec!["Mia".to_owned()];
        scene.camera = CameraMove::new(Direction::Left, Speed::Medium);
        project.apply(Edit::InsertScene { index: 0, scene: Box::new(scene) }).unwrap();
        project
    }

    fn add(project: &mut Project, recipe: Recipe, bytes: &[u8]) -> Take {
        let (id, media) = (project.new_take_id(), MediaName::of(bytes, "bin").unwrap());
        let take = Take::new(id, recipe.kind(), media, recipe);
        let scene = project.scenes[0].id;
        project.apply(Edit::AddTake { id: scene, take: Box::new(take.clone()), choose: true }).unwrap();
        take
    }

    fn add_still(project: &mut Project, bytes: &[u8]) -> Take {
        let recipe = wanted_recipe(project, &project.scenes[0], "studio", &files().still.unwrap());
        add(project, recipe, bytes)
    }

    fn add_clip(project: &mut Project, still: &Take, bytes: &[u8]) -> Take {
        let recipe = clip_recipe(project, &project.scenes[0], "studio", still, files().clip.unwrap());
        add(project, recipe, bytes)
    }

    fn with_clip() -> (Project, Take, Take) {
        let mut project = film();
        let still = add_still(&mut project, b"still");
        let clip = add_clip(&mut project, &still, b"clip");
        (project, still, clip)
    }

    /// What a card says about a take.
    fn card(project: &Project, take: &Take) -> String {
        let wanted = wanted_in_place_of(project, &project.scenes[0], take, &files());
        stale_reasons(&take.recipe, &wanted).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    fn set(project: &mut Project, field: SceneField) {
        let id = project.scenes[0].id;
        project.apply(Edit::SetScene { id, field }).unwrap();
    }

    #[test]
    fn a_card_says_what_changed_since_its_clip() {
        let settings = |change: fn(&mut ClipSettings)| {
            let mut clip = ClipSettings::default();
            change(&mut clip);
            Edit::SetClip(clip)
        };
        let scene = |field| Edit::SetScene { id: film().scenes[0].id, field };
        let camera = |direction, speed| scene(SceneField::Camera(CameraMove::new(direction, speed)));
        let only_camera = "camera changed: only the last part is redone";
        for (edit, says) in [
            (camera(Direction::Right, Speed::Medium), only_camera),
            (camera(Direction::Left, Speed::Fast), only_camera),
            (camera(Direction::Static, Speed::Medium), only_camera),
            (settings(|clip| clip.camera_strength_hundredths = 150), only_camera),
            (settings(|clip| clip.camera_mode = CameraMode::Reference), only_camera),
            (settings(|clip| clip.camera_from_step = 6), "render settings changed"),
            (settings(|clip| clip.steps = 20), "render settings changed"),
            (settings(|clip| clip.frames = 8), "render settings changed"),
            (settings(|clip| clip.action = false), "render settings changed"),
            (settings(|clip| clip.fps = 12), ""),
            (scene(SceneField::DurationMs(9000)), ""),
            (scene(SceneField::DissolveMs(700)), ""),
            (scene(SceneField::Seed(9)), "seed changed"),
            (scene(SceneField::Prompt("Mia waves".to_owned())), "prompt changed"),
            (Edit::SetStyle("watercolour".to_owned()), "style changed"),
            (
                film().entity_edit(EntityKind::Foreground, "Mia", EntityField::Description("tall".to_owned())),
                "Mia's description changed",
            ),
            (Edit::SetStudio("other".to_owned()), "made by the studio studio, not by other"),
        ] {
            let (mut project, still, clip) = with_clip();
            assert_eq!((card(&project, &still), card(&project, &clip)), (String::new(), String::new()));
            let undo = project.apply(edit.clone()).unwrap();
            assert_eq!(card(&project, &clip), says, "{edit:?}");
            project.apply(undo).unwrap();
            assert_eq!(card(&project, &clip), "");
        }
    }

    #[test]
    fn a_camera_beside_other_changes_redoes_more_than_the_last_part() {
        let (mut project, _, clip) = with_clip();
        set(&mut project, SceneField::Camera(CameraMove::new(Direction::Up, Speed::Slow)));
        set(&mut project, SceneField::Seed(3));
        assert_eq!(card(&project, &clip), "seed changed; camera changed");
    }

    #[test]
    fn a_camera_that_stands_still_has_neither_speed_nor_strength() {
        let mut project = film();
        set(&mut project, SceneField::Camera(CameraMove::new(Direction::Static, Speed::Slow)));
        let still = add_still(&mut project, b"still");
        let clip = add_clip(&mut project, &still, b"clip");
        set(&mut project, SceneField::Camera(CameraMove::new(Direction::Static, Speed::Fast)));
        let other = ClipSettings { camera_from_step: 9, camera_strength_hundredths: 50, ..ClipSettings::default() };
        project.apply(Edit::SetClip(other)).unwrap();
        assert_eq!(card(&project, &clip), "");
    }

    #[test]
    fn another_still_makes_the_clip_stale_and_is_the_next_clips_start() {
        let (mut project, still, clip) = with_clip();
        let fresh =
            |project: &Project, take: &Take| files().is_fresh_still(project, &project.scenes[0], "studio", take);
        assert_eq!(project.scenes[0].fresh_still(|take| fresh(&project, take)), Some(&still));
        let mut other = wanted_recipe(&project, &project.scenes[0], "studio", &files().still.unwrap());
        other.models[0].1 = "cc".to_owned();
        // The compositor was replaced by another version, and the still made again with it.
        let newer = add(&mut project, other, b"newer");
        let files = StudioFiles { still: Some(newer.recipe.models.clone()), ..files() };
        let scene = &project.scenes[0];
        let wanted = wanted_in_place_of(&project, scene, &clip, &files);
        assert_eq!(wanted.clip.as_ref().unwrap().still, Some(newer.media.clone()));
        assert_eq!(stale_reasons(&clip.recipe, &wanted)[0].to_string(), "the compositor model changed");
        let start = scene.fresh_still(|take| files.is_fresh_still(&project, scene, "studio", take));
        assert_eq!(start, Some(&newer));
        assert_eq!(files.fresh_clip(&project, scene, "studio", &newer), None);
        // Where nothing else tells why: the very same recipe gave another picture.
        let twin = Take { media: MediaName::of(b"twin", "bin").unwrap(), ..newer.clone() };
        let of_twin = clip_recipe(&project, scene, "studio", &twin, files.clip.clone().unwrap());
        let now = clip_recipe(&project, scene, "studio", &newer, files.clip.clone().unwrap());
        assert_eq!(stale_reasons(&of_twin, &now), [StaleReason::Still]);
    }

    #[test]
    fn a_clip_outlives_the_take_of_its_still() {
        let (mut project, still, clip) = with_clip();
        let id = project.scenes[0].id;
        project.apply(Edit::RemoveTake { id, take: still.id, chosen: Some(clip.id) }).unwrap();
        assert_eq!(card(&project, &clip), "");
        assert_eq!(project.scenes[0].any_still("studio", |_| false), None);
    }

    #[test]
    fn the_chosen_still_comes_first_then_that_of_the_chosen_clip_then_the_newest() {
        let mut project = film();
        let first = add_still(&mut project, b"1");
        let second = add_still(&mut project, b"2");
        let start = |project: &Project, is_fresh: bool| {
            let found = project.scenes[0].any_still("studio", |_| is_fresh);
            found.map(|take| take.id)
        };
        let choose = |project: &mut Project, take| set(project, SceneField::Chosen(take));
        assert_eq!(start(&project, true), Some(second.id));
        choose(&mut project, Some(first.id));
        assert_eq!((start(&project, true), start(&project, false)), (Some(first.id), Some(first.id)));
        let clip = add_clip(&mut project, &first, b"clip");
        assert_eq!(project.scenes[0].chosen, Some(clip.id));
        assert_eq!((start(&project, true), start(&project, false)), (Some(first.id), Some(first.id)));
        choose(&mut project, None);
        assert_eq!((start(&project, true), start(&project, false)), (Some(second.id), Some(second.id)));
        assert_eq!(project.scenes[0].any_still("other", |_| false), None);
    }

    #[test]
    fn a_clip_and_a_still_are_not_taken_for_each_other() {
        let (project, still, clip) = with_clip();
        assert!(stale_reasons(&still.recipe, &clip.recipe).contains(&StaleReason::Kind));
        assert!(!files().is_fresh_still(&project, &project.scenes[0], "studio", &clip));
    }

    #[test]
    fn settings_without_a_clip_are_refused() {
        let mut project = film();
        for impossible in [
            ClipSettings { steps: 0, ..ClipSettings::default() },
            ClipSettings { frames: 1, ..ClipSettings::default() },
            ClipSettings { camera_from_step: 71, ..ClipSettings::default() },
            ClipSettings { camera_from_step: 0, ..ClipSettings::default() },
            ClipSettings { camera_strength_hundredths: 0, ..ClipSettings::default() },
        ] {
            assert_eq!(project.apply(Edit::SetClip(impossible)), Err(EditError::ClipSettings));
        }
        assert!(ClipSettings::default().with_steps(3).are_possible());
    }
}
