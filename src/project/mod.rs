//! The film as pure data: scenes, entities, takes, and the edits that change them.
//!
//! Nothing here draws, decodes or waits, and nothing here knows the rest of the crate. Only [`ProjectStore`] and
//! [`MediaFolder`] touch the disk.

mod apply;
mod arrange;
mod camera;
mod clips;
mod compare;
mod edit;
mod entity;
mod history;
mod ids;
mod media;
mod model;
mod names;
mod proposal;
mod script;
mod staleness;
mod store;
mod takes;
mod word_diff;

pub use camera::{CameraMove, Direction, Speed, UnknownCamera, View};
pub use clips::{CameraMode, ClipRecipe, ClipSettings, StudioFiles, clip_recipe, wanted_in_place_of};
pub use compare::{Difference, differences};
pub use edit::{Edit, EditError, EntityField, SceneField};
pub use entity::{EntitySummary, entities, entity_key};
pub use history::{CoalesceKey, History};
pub use ids::{SceneId, TakeId};
pub use media::{MediaName, MediaNameError};
pub use model::{
    DRAFT_STUDIO, DURATION_MS_RANGE, Entity, EntityKind, Format, MadeOn, Project, Recipe, RecipeEntity, Reference,
    ReferenceSource, Scene, StillSettings, Take, TakeKind,
};
pub use names::{find_name, replace_name};
pub use proposal::{Change, Outdated, Proposal, ProposalItem};
pub use script::{Script, ScriptIntake, ScriptScene};
pub use staleness::{PictureChange, StaleReason, stale_reasons, wanted_recipe};
pub use store::{
    Doing, MediaFolder, Mended, Opened, ProjectStore, SCHEMA, StoreError, is_project, read_project, write_snapshot,
    write_whole,
};
pub use takes::{NotCopied, TakePart};
pub use word_diff::{Words, word_diff};
