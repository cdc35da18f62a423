//! What a film is made of.

use super::{CameraMove, ClipRecipe, ClipSettings, MediaName, SceneId, TakeId};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Shortest and longest scene, in milliseconds.
pub const DURATION_MS_RANGE: RangeInclusive<u32> = 500..=60_000;

/// One film: the user's sentence, how it should look, its scenes and its recurring entities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// The user's sentence.
    pub premise: String,
    /// How everything should look, in the user's words ("watercolour", "film noir"); may be empty.
    #[serde(default)]
    pub style: String,
    /// Size and frame rate.
    #[serde(default)]
    pub format: Format,
    /// The studio that renders: a name in `models.ron`.
    #[serde(default = "draft_studio")]
    pub studio: String,
    /// How stills are denoised by a studio that has a compositor.
    #[serde(default)]
    pub still: StillSettings,
    /// How clips are denoised by a studio that has an animator.
    #[serde(default)]
    pub clip: ClipSettings,
    /// In film order.
    #[serde(default)]
    pub scenes: Vec<Scene>,
    /// What the user or a model said about entities. Entities that scenes merely name need no entry here: see
    /// [`super::entities`] for all of them.
    #[serde(default)]
    pub cast: Vec<Entity>,
    /// The next unused number for [`SceneId`] and [`TakeId`]; only ever grows.
    #[serde(default = "first_id")]
    pub next_id: u64,
}

fn first_id() -> u64 {
    1
}

/// The studio whose stages need no model.
pub const DRAFT_STUDIO: &str = "draft";

fn draft_studio() -> String {
    DRAFT_STUDIO.to_owned()
}

/// How a still is denoised. Fractions are kept in hundredths, so that equal settings are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StillSettings {
    /// What the picture should not show.
    pub negative: String,
    /// Denoising steps.
    pub steps: u32,
    /// How much the prompt counts, in hundredths; 100 is no guidance.
    pub guidance_hundredths: u32,
    /// How much the references of people and objects count, in hundredths.
    pub foreground_hundredths: u32,
    /// How much the reference of the place counts, in hundredths.
    pub background_hundredths: u32,
}

impl StillSettings {
    /// Denoising steps that make sense.
    pub const STEPS: RangeInclusive<u32> = 1..=1000;
    /// Guidance that makes sense, in hundredths.
    pub const GUIDANCE: RangeInclusive<u32> = 100..=5000;
    /// Weights of references that make sense, in hundredths.
    pub const WEIGHT: RangeInclusive<u32> = 0..=200;
}

impl Default for StillSettings {
    /// Those of the VideoStudio release.
    fn default() -> Self {
        Self {
            negative: "monochrome, lowres, bad anatomy, worst quality, low quality".to_owned(),
            steps: 60,
            guidance_hundredths: 750,
            foreground_hundredths: 50,
            background_hundredths: 33,
        }
    }
}

/// Size and frame rate of the film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Format {
    /// Pixels; even.
    pub width: u32,
    /// Pixels; even.
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
    /// Whether frames are estimated between those of a clip that has fewer than its scene. A film from before there
    /// was a choice keeps the frames that it had.
    #[serde(default)]
    pub smooth: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self { width: 1280, height: 720, fps: 24, smooth: true }
    }
}

/// One shot of the film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// Its identity, whatever it is called and wherever it stands.
    pub id: SceneId,
    /// What happens: one action.
    pub prompt: String,
    /// Names of the people and objects in the scene. The same name means the same entity in every scene.
    #[serde(default)]
    pub foreground: Vec<String>,
    /// Name of the place; may be empty.
    #[serde(default)]
    pub background: String,
    /// How the camera moves.
    #[serde(default)]
    pub camera: CameraMove,
    /// How long it lasts, within [`DURATION_MS_RANGE`].
    #[serde(default = "default_duration_ms")]
    pub duration_ms: u32,
    /// Length of the dissolve from the scene before into this one; 0 is a hard cut. The first scene has none.
    #[serde(default)]
    pub dissolve_ms: u32,
    /// Decides everything that is left to chance.
    #[serde(default)]
    pub seed: u64,
    /// What the user keeps beside the action: dialogue as in a screenplay, remarks. No model reads it.
    #[serde(default)]
    pub note: String,
    /// Finished pictures and clips, oldest first.
    #[serde(default)]
    pub takes: Vec<Take>,
    /// The take that the film uses; `None` shows the live draft.
    #[serde(default)]
    pub chosen: Option<TakeId>,
    /// How its stills are denoised; `None` is as in the project. See [`Project::still_settings`].
    #[serde(default)]
    pub still: Option<StillSettings>,
    /// How its clips are denoised; `None` is as in the project. See [`Project::clip_settings`].
    #[serde(default)]
    pub clip: Option<ClipSettings>,
    /// Whether renders, the writer and changes by accident leave it alone. See [`Project::lock_against`].
    #[serde(default)]
    pub locked: bool,
}

fn default_duration_ms() -> u32 {
    Scene::DEFAULT_DURATION_MS
}

/// What is known about an entity beyond its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// Unique within its kind.
    pub name: String,
    /// Person or object, or place.
    pub kind: EntityKind,
    /// One paragraph on its looks; may be empty.
    #[serde(default)]
    pub description: String,
    /// Its picture; `None` is drawn as a draft from the built-in library.
    #[serde(default)]
    pub reference: Option<Reference>,
}

/// A person or object, or a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A person or an object.
    Foreground,
    /// A place.
    Background,
}

/// The picture of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// Where it comes from.
    pub source: ReferenceSource,
    /// The picture as it came.
    pub picture: MediaName,
    /// 8-bit grey PNG of the picture's size, white where the entity is. `None` uses the whole picture.
    #[serde(default)]
    pub mask: Option<MediaName>,
}

/// Where a reference comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceSource {
    /// The user's own photo, and the file name that it had.
    Photo {
        /// Without its folder.
        file_name: String,
    },
    /// Made by an illustrator.
    Generated,
}

/// One finished still or clip, with everything that decided it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Take {
    /// Its identity.
    pub id: TakeId,
    /// Still or clip.
    pub kind: TakeKind,
    /// A PNG for a still, a video file for a clip.
    pub media: MediaName,
    /// What decided it.
    pub recipe: Recipe,
    /// Whether the user marked it as one of the good ones.
    #[serde(default)]
    pub starred: bool,
}

/// What a take is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TakeKind {
    /// A picture.
    Still,
    /// Frames.
    Clip,
}

/// Everything that decides a take. Two equal recipes give the same picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The studio that made it, such as `draft`.
    pub studio: String,
    /// The scene's prompt.
    pub prompt: String,
    /// The project's style.
    pub style: String,
    /// Pixels: width, height.
    pub size: [u32; 2],
    /// The scene's seed.
    pub seed: u64,
    /// Foreground entities in order, then the background if there is one.
    pub entities: Vec<RecipeEntity>,
    /// How it was denoised; `None` where nothing was.
    #[serde(default)]
    pub still: Option<StillSettings>,
    /// Every model file that took part: its role and its SHA-256.
    #[serde(default)]
    pub models: Vec<(String, String)>,
    /// On which kind of device, and in which numbers.
    #[serde(default, skip_serializing_if = "MadeOn::is_unknown")]
    pub made_on: MadeOn,
    /// What decided a clip besides; `None` for a still. The fields above are then those of the still that it starts
    /// from, but for the prompt, the style and the seed, which are its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<ClipRecipe>,
}

/// On which kind of device a take was computed, and in which numbers, such as `cpu f32`. It changes a picture by a hair and
/// is nothing that a scene asks for, so it says nothing against a take: any two are equal.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MadeOn(pub String);

impl MadeOn {
    /// Whether it is not known: nothing was computed, or an older version of the program did it.
    pub fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for MadeOn {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for MadeOn {}

/// An entity as a take used it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecipeEntity {
    /// Its name.
    pub name: String,
    /// Person or object, or place.
    pub kind: EntityKind,
    /// The paragraph on its looks; may be empty.
    pub description: String,
    /// Its picture and mask; `None` was drawn from the built-in library.
    pub reference: Option<Reference>,
}

impl Project {
    /// An empty project for `premise`.
    pub fn new(premise: impl Into<String>) -> Self {
        Self {
            premise: premise.into(),
            style: String::new(),
            format: Format::default(),
            studio: draft_studio(),
            still: StillSettings::default(),
            clip: ClipSettings::default(),
            scenes: Vec::new(),
            cast: Vec::new(),
            next_id: first_id(),
        }
    }

    /// The scene of this id.
    pub fn scene(&self, id: SceneId) -> Option<&Scene> {
        self.scenes.iter().find(|scene| scene.id == id)
    }

    pub(super) fn scene_mut(&mut self, id: SceneId) -> Option<&mut Scene> {
        self.scenes.iter_mut().find(|scene| scene.id == id)
    }

    /// The position of a scene in the film, counted from 0.
    pub fn scene_index(&self, id: SceneId) -> Option<usize> {
        self.scenes.iter().position(|scene| scene.id == id)
    }

    /// What the project says about the entity of this name, if anything.
    pub fn cast_entry(&self, kind: EntityKind, name: &str) -> Option<&Entity> {
        self.cast.iter().find(|entity| entity.kind == kind && entity.name == name)
    }

    /// A number for a new scene. Call it once for each.
    pub fn new_scene_id(&mut self) -> SceneId {
        SceneId(self.take_id())
    }

    /// A number for a new take. Call it once for each.
    pub fn new_take_id(&mut self) -> TakeId {
        TakeId(self.take_id())
    }

    /// A copy of a scene with numbers of its own, takes included, to be inserted beside it.
    pub fn copy_of_scene(&mut self, id: SceneId) -> Option<Scene> {
        let mut copy = self.scene(id)?.clone();
        let chosen = copy.takes.iter().position(|take| Some(take.id) == copy.chosen);
        copy.id = self.new_scene_id();
        for take in &mut copy.takes {
            take.id = self.new_take_id();
        }
        copy.chosen = chosen.map(|index| copy.takes[index].id);
        Some(copy)
    }

    fn take_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id = id.saturating_add(1);
        id
    }
}

impl Format {
    /// The nearest whole number of frames to a duration.
    pub fn frames(self, duration_ms: u32) -> u64 {
        (u64::from(duration_ms) * u64::from(self.fps) + 500) / 1000
    }
}

impl Scene {
    /// How long a new scene lasts.
    pub const DEFAULT_DURATION_MS: u32 = 4000;

    /// A scene with nothing but a prompt.
    pub fn new(id: SceneId, prompt: impl Into<String>) -> Self {
        Self {
            id,
            prompt: prompt.into(),
            foreground: Vec::new(),
            background: String::new(),
            camera: CameraMove::default(),
            duration_ms: Self::DEFAULT_DURATION_MS,
            dissolve_ms: 0,
            seed: id.0,
            note: String::new(),
            takes: Vec::new(),
            chosen: None,
            still: None,
            clip: None,
            locked: false,
        }
    }

    /// How long it lasts, in seconds.
    pub fn duration_secs(&self) -> f64 {
        f64::from(self.duration_ms) / 1000.0
    }

    /// The take that the film uses, unless it shows the live draft.
    pub fn chosen_take(&self) -> Option<&Take> {
        self.takes.iter().find(|take| Some(take.id) == self.chosen)
    }

    /// The names of all entities of a kind that the scene shows.
    pub fn entity_names(&self, kind: EntityKind) -> impl Iterator<Item = &str> {
        let (foreground, background) = match kind {
            EntityKind::Foreground => (self.foreground.as_slice(), None),
            EntityKind::Background => (&[][..], Some(self.background.as_str()).filter(|name| !name.is_empty())),
        };
        foreground.iter().map(String::as_str).chain(background)
    }
}
