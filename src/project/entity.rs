//! Entities as the scenes use them.

use super::{Entity, EntityKind, Project, SceneId};
use serde::Serialize;

/// An entity with the scenes that show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntitySummary {
    pub name: String,
    pub kind: EntityKind,
    /// The scenes that show it, in film order.
    pub scenes: Vec<SceneId>,
}

impl EntitySummary {
    /// Whether it appears in two or more scenes, so that it needs to look the same in all of them.
    pub fn is_common(&self) -> bool {
        self.scenes.len() >= 2
    }
}

/// The form under which names are compared when a new one is chosen: lowercase, single spaces, no article.
///
/// Scenes match entities by their exact name; this only helps to reuse a name instead of making a near copy.
pub fn entity_key(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut words: Vec<&str> = lower.split_whitespace().collect();
    if words.len() > 1 && matches!(words[0], "a" | "an" | "the") {
        words.remove(0);
    }
    words.join(" ")
}

/// All entities: those that scenes show, in order of first appearance, people and objects before places; then those of
/// the cast that no scene shows.
pub fn entities(project: &Project) -> Vec<EntitySummary> {
    let mut found: Vec<EntitySummary> = Vec::new();
    for kind in [EntityKind::Foreground, EntityKind::Background] {
        let first = found.len();
        for scene in &project.scenes {
            for name in scene.entity_names(kind) {
                match found[first..].iter_mut().find(|entity| entity.name == name) {
                    Some(entity) if entity.scenes.last() == Some(&scene.id) => {}
                    Some(entity) => entity.scenes.push(scene.id),
                    None => found.push(EntitySummary { name: name.to_owned(), kind, scenes: vec![scene.id] }),
                }
            }
        }
    }
    let unused = |entity: &&Entity| !found.iter().any(|f| f.kind == entity.kind && f.name == entity.name);
    let rest: Vec<_> = project.cast.iter().filter(unused).cloned().collect();
    found.extend(rest.into_iter().map(|e| EntitySummary { name: e.name, kind: e.kind, scenes: Vec::new() }));
    found
}
