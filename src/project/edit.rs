//! Edits: the only way to change a project. Applying one gives back the edit that undoes it.

use super::{
    CameraMove, ClipSettings, DURATION_MS_RANGE, Entity, EntityKind, Format, Reference, Scene, SceneId, StillSettings,
    Take, TakeId,
};
use serde::{Deserialize, Serialize};

/// One change to a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Edit {
    /// Replaces the user's sentence.
    SetPremise(String),
    /// Replaces the words on how everything should look.
    SetStyle(String),
    /// Replaces the size and frame rate of the film.
    SetFormat(Format),
    /// Replaces the studio that renders.
    SetStudio(String),
    /// Replaces how stills are denoised.
    SetStill(StillSettings),
    /// Replaces how clips are denoised.
    SetClip(ClipSettings),
    /// Inserts before the scene at `index`; an `index` equal to the number of scenes appends.
    InsertScene {
        /// Where, counted from 0.
        index: usize,
        /// What, with a fresh id and takes whose ids no other scene has.
        scene: Box<Scene>,
    },
    /// Removes a scene with its takes. Their media files stay.
    RemoveScene(SceneId),
    /// Moves a scene so that it ends up at `index`.
    MoveScene {
        /// Which scene.
        id: SceneId,
        /// Where it ends up, counted from 0 without the scene itself.
        index: usize,
    },
    /// Changes one field of a scene.
    SetScene {
        /// Which scene.
        id: SceneId,
        /// The field with its new value.
        field: SceneField,
    },
    /// Adds an entity to the cast, before the one at `index`.
    InsertEntity {
        /// Where, counted from 0; the length of the cast appends.
        index: usize,
        /// What.
        entity: Entity,
    },
    /// Removes an entity from the cast. Scenes that name it go on naming it.
    RemoveEntity {
        /// Which list of names.
        kind: EntityKind,
        /// Its exact name.
        name: String,
    },
    /// Changes one field of an entity of the cast; see [`super::Project::entity_edit`] for one that may not be there yet.
    SetEntity {
        /// Which list of names.
        kind: EntityKind,
        /// Its exact name before the change.
        name: String,
        /// The field with its new value.
        field: EntityField,
    },
    /// Adds a finished take to a scene, as its newest. The engine does this; the history does not record it.
    AddTake {
        /// Which scene.
        id: SceneId,
        /// What, with an id that no take of the project has.
        take: Box<Take>,
        /// Whether the film uses it from now on.
        choose: bool,
    },
    /// Removes a take from a scene and sets which one the film uses instead. Its media file stays.
    RemoveTake {
        /// Which scene.
        id: SceneId,
        /// Which take.
        take: TakeId,
        /// One of the takes that remain, or `None` for the live draft.
        chosen: Option<TakeId>,
    },
    /// Puts a removed take back where it was: the inverse of [`Edit::RemoveTake`].
    RestoreTake {
        /// Which scene.
        id: SceneId,
        /// Its position among the takes, counted from 0.
        index: usize,
        /// What.
        take: Box<Take>,
        /// The take that the film used before: the restored one or one of the others.
        chosen: Option<TakeId>,
    },
    /// Marks a take as one of the good ones, or takes the mark away.
    StarTake {
        /// Which scene.
        id: SceneId,
        /// Which take.
        take: TakeId,
        /// Whether it is marked from now on.
        starred: bool,
    },
    /// Several edits that the user made as one, in order. All apply or none does.
    Batch(Vec<Edit>),
}

/// A field of a scene, with its new value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SceneField {
    /// What happens.
    Prompt(String),
    /// Names of the people and objects.
    Foreground(Vec<String>),
    /// Name of the place.
    Background(String),
    /// The camera's direction and speed.
    Camera(CameraMove),
    /// How long the scene lasts, in milliseconds.
    DurationMs(u32),
    /// How long the dissolve into it lasts, in milliseconds.
    DissolveMs(u32),
    /// The seed of its pictures.
    Seed(u64),
    /// The take that the film uses, or `None` for the live draft.
    Chosen(Option<TakeId>),
    /// How its stills are denoised, or `None` for the project's settings.
    Still(Option<StillSettings>),
    /// How its clips are denoised, or `None` for the project's settings.
    Clip(Option<ClipSettings>),
    /// Whether it is locked.
    Locked(bool),
    /// Dialogue and remarks.
    Note(String),
}

/// A field of a cast entry, with its new value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EntityField {
    /// Its name in the cast alone; see [`super::Project::rename_edit`] for the scenes too.
    Name(String),
    /// One paragraph on its looks.
    Description(String),
    /// Its picture.
    Reference(Option<Reference>),
}

/// An edit that does not fit the project it was applied to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum EditError {
    #[error("there is no scene {}", .0.0)]
    NoScene(SceneId),
    #[error("there is a scene {} already", .0.0)]
    SceneExists(SceneId),
    #[error("scene {} has no take {}", .0.0, .1.0)]
    NoTake(SceneId, TakeId),
    #[error("there is a take {} already", .0.0)]
    TakeExists(TakeId),
    #[error("the cast has no \"{0}\"")]
    NoEntity(String),
    #[error("the cast has \"{0}\" already")]
    EntityExists(String),
    #[error("position {index} is outside the list of {len}")]
    OutOfRange { index: usize, len: usize },
    #[error("a scene lasts from {} to {} seconds, not {}", *DURATION_MS_RANGE.start() as f32 / 1000.0, *DURATION_MS_RANGE.end() as f32 / 1000.0, *.0 as f32 / 1000.0)]
    Duration(u32),
    #[error(
        "a film of {0}×{1} at {2} frames per second is outside what can be exported (even sides from 64 to 8192, 1 to 120 frames per second)"
    )]
    Format(u32, u32, u32),
    #[error(
        "stills take {} to {} steps, guidance from {} to {} and references from 0 to {}",
        StillSettings::STEPS.start(),
        StillSettings::STEPS.end(),
        StillSettings::GUIDANCE.start() / 100,
        StillSettings::GUIDANCE.end() / 100,
        StillSettings::WEIGHT.end() / 100
    )]
    StillSettings,
    #[error(
        "a clip takes {} to {} steps, a guidance of {} to {}, {} to {} frames at {} to {} a second, a camera that moves \
         from step 1 to the last at {} to {} % of its strength, and a score of 0 to {}",
        ClipSettings::STEPS.start(),
        ClipSettings::STEPS.end(),
        ClipSettings::GUIDANCE.start() / 100,
        ClipSettings::GUIDANCE.end() / 100,
        ClipSettings::FRAMES.start(),
        ClipSettings::FRAMES.end(),
        ClipSettings::FPS.start(),
        ClipSettings::FPS.end(),
        ClipSettings::STRENGTH.start(),
        ClipSettings::STRENGTH.end(),
        ClipSettings::SCORE.end() / 100
    )]
    ClipSettings,
}

impl ClipSettings {
    pub(super) fn check(&self) -> Result<(), EditError> {
        if self.are_possible() { Ok(()) } else { Err(EditError::ClipSettings) }
    }
}

impl Edit {
    /// Names the edit for a menu, after "Undo " or "Redo ": "change of camera", "new scene".
    pub fn label(&self) -> &'static str {
        match self {
            Self::SetPremise(_) => "change of premise",
            Self::SetStyle(_) => "change of style",
            Self::SetFormat(_) => "change of format",
            Self::SetStudio(_) => "change of studio",
            Self::SetStill(_) | Self::SetClip(_) => "change of render settings",
            Self::InsertScene { .. } => "new scene",
            Self::RemoveScene(_) => "deletion of scene",
            Self::MoveScene { .. } => "move of scene",
            Self::SetScene { field, .. } => field.label(),
            Self::InsertEntity { .. } => "new entity",
            Self::RemoveEntity { .. } => "deletion of entity",
            Self::SetEntity { field, .. } => field.label(),
            Self::AddTake { .. } => "new take",
            Self::RemoveTake { .. } => "deletion of take",
            Self::RestoreTake { .. } => "return of take",
            Self::StarTake { starred: true, .. } => "star",
            Self::StarTake { starred: false, .. } => "removal of star",
            Self::Batch(edits) => batch_label(edits.iter().map(Self::label)),
        }
    }

    /// The label of the edit that this one, its inverse, undoes.
    pub(super) fn undone_label(&self) -> &'static str {
        match self {
            Self::InsertScene { .. } => "deletion of scene",
            Self::RemoveScene(_) => "new scene",
            Self::InsertEntity { .. } => "deletion of entity",
            Self::RemoveEntity { .. } => "new entity",
            Self::AddTake { .. } | Self::RestoreTake { .. } => "deletion of take",
            Self::RemoveTake { .. } => "new take",
            Self::StarTake { starred: true, .. } => "removal of star",
            Self::StarTake { starred: false, .. } => "star",
            Self::SetScene { field: SceneField::Locked(true), .. } => "unlocking",
            Self::SetScene { field: SceneField::Locked(false), .. } => "locking",
            Self::Batch(inverses) => batch_label(inverses.iter().rev().map(Self::undone_label)),
            symmetric => symmetric.label(),
        }
    }

    /// Whether undoing `self` also undoes what `later`, the inverse of a later edit, would.
    pub(super) fn covers(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::SetPremise(_), Self::SetPremise(_))
            | (Self::SetStyle(_), Self::SetStyle(_))
            | (Self::SetFormat(_), Self::SetFormat(_))
            | (Self::SetStudio(_), Self::SetStudio(_))
            | (Self::SetStill(_), Self::SetStill(_))
            | (Self::SetClip(_), Self::SetClip(_)) => true,
            (Self::MoveScene { id: a, .. }, Self::MoveScene { id: b, .. }) => a == b,
            (Self::SetScene { id: a, field: x }, Self::SetScene { id: b, field: y }) => {
                a == b && std::mem::discriminant(x) == std::mem::discriminant(y)
            }
            // The same fields of the same scenes: a drag that sets all selected ones.
            (Self::Batch(a), Self::Batch(b)) => {
                let sets_scene = |edit: &Self| matches!(edit, Self::SetScene { .. });
                a.len() == b.len()
                    && a.iter().all(sets_scene)
                    && a.iter().zip(b).all(|(earlier, later)| earlier.covers(later))
            }
            (Self::SetEntity { kind: ka, name: a, field: x }, Self::SetEntity { kind: kb, name: b, field: y }) => {
                // A change of name is addressed by another name each time, so those stay a chain.
                (ka, a) == (kb, b)
                    && !matches!(x, EntityField::Name(_))
                    && std::mem::discriminant(x) == std::mem::discriminant(y)
            }
            _ => false,
        }
    }
}

impl SceneField {
    fn label(&self) -> &'static str {
        match self {
            Self::Prompt(_) => "change of prompt",
            Self::Foreground(_) => "change of entities",
            Self::Background(_) => "change of background",
            Self::Camera(_) => "change of camera",
            Self::DurationMs(_) => "change of duration",
            Self::DissolveMs(_) => "change of dissolve",
            Self::Seed(_) => "change of seed",
            Self::Chosen(_) => "choice of take",
            Self::Still(_) | Self::Clip(_) => "change of render settings",
            Self::Locked(true) => "locking",
            Self::Locked(false) => "unlocking",
            Self::Note(_) => "change of notes",
        }
    }
}

impl EntityField {
    fn label(&self) -> &'static str {
        match self {
            Self::Name(_) => "change of name",
            Self::Description(_) => "change of description",
            Self::Reference(_) => "change of picture",
        }
    }
}

/// The label of edits made as one: that of the first, unless all it did was to make room for the second.
fn batch_label(labels: impl Iterator<Item = &'static str>) -> &'static str {
    let mut labels = labels.peekable();
    match labels.next() {
        None => "change",
        Some("new entity") => labels.next().unwrap_or("new entity"),
        Some("new scene") if labels.any(|label| label == "new scene") => "new scenes",
        Some(first) => first,
    }
}
