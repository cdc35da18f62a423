//! The film as pure data: scenes, entities, takes, and the edits that change them.
//!
//! Nothing here draws, decodes or waits, and nothing here knows the rest of the crate.

mod camera;
mod edit;
mod entity;
mod ids;
mod media;
mod model;
mod script;

pub use camera::{CameraMove, Direction, Speed, UnknownCamera, View};
pub use edit::{Edit, EditError, EntityField, SceneField};
pub use entity::{EntitySummary, entities, entity_key};
pub use ids::{SceneId, TakeId};
pub use media::{MediaName, MediaNameError};
pub use model::{
    DURATION_MS_RANGE, Entity, EntityKind, Format, Project, Recipe, RecipeEntity, Reference, ReferenceSource, Scene,
    Take, TakeKind,
};
pub use script::{Script, ScriptIntake, ScriptScene};
