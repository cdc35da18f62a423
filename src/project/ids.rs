//! Identities that stay with a thing while it is renamed, moved and edited.

use serde::{Deserialize, Serialize};

/// A scene, for as long as the project lives. Never reused, also not after a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SceneId(pub u64);

/// A take, unique in its project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TakeId(pub u64);
