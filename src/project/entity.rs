//! Entities as the scenes use them, and the edits that change them everywhere at once.

use super::{Edit, Entity, EntityField, EntityKind, Project, SceneField, SceneId};
use serde::Serialize;

/// An entity with the scenes that show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntitySummary {
    /// Its exact name.
    pub name: String,
    /// Person or object, or place.
    pub kind: EntityKind,
    /// The scenes that show it, in film order.
    pub scenes: Vec<SceneId>,
}

impl EntitySummary {
    /// Whether it appears in two or more scenes, so that it needs to look the same in all of them.
    pub fn is_common(&self) -> bool {
        self.scenes.len() >= 2
    }

    /// Whether it is common and has no picture.
    pub fn lacks_picture(&self, project: &Project) -> bool {
        let known = project.cast_entry(self.kind, &self.name);
        self.is_common() && known.is_none_or(|known| known.reference.is_none())
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

impl Project {
    /// The edit that sets a field of an entity, adding it to the cast when scenes merely name it so far.
    pub fn entity_edit(&self, kind: EntityKind, name: &str, field: EntityField) -> Edit {
        let set = Edit::SetEntity { kind, name: name.to_owned(), field };
        if self.cast_entry(kind, name).is_some() {
            return set;
        }
        let entity = Entity { name: name.to_owned(), kind, description: String::new(), reference: None };
        Edit::Batch(vec![Edit::InsertEntity { index: self.cast.len(), entity }, set])
    }

    /// The edit that renames an entity in the cast and in every scene that shows it.
    ///
    /// Renaming to a name that another entity has merges the two; the other's cast entry stays. Renaming to the name
    /// that it has is an empty batch.
    pub fn rename_edit(&self, kind: EntityKind, from: &str, to: &str) -> Edit {
        let mut edits = Vec::new();
        if from == to {
            return Edit::Batch(edits);
        }
        if self.cast_entry(kind, from).is_some() {
            edits.push(if self.cast_entry(kind, to).is_some() {
                Edit::RemoveEntity { kind, name: from.to_owned() }
            } else {
                Edit::SetEntity { kind, name: from.to_owned(), field: EntityField::Name(to.to_owned()) }
            });
        }
        for scene in self.scenes.iter().filter(|scene| scene.entity_names(kind).any(|name| name == from)) {
            let field = match kind {
                EntityKind::Background => SceneField::Background(to.to_owned()),
                EntityKind::Foreground => {
                    let mut names = Vec::new();
                    for name in &scene.foreground {
                        let name = if name == from { to } else { name };
                        if !names.iter().any(|n| n == name) {
                            names.push(name.to_owned());
                        }
                    }
                    SceneField::Foreground(names)
                }
            };
            edits.push(Edit::SetScene { id: scene.id, field });
        }
        Edit::Batch(edits)
    }
}
