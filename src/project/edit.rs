//! Edits: the only way to change a project. Applying one gives back the edit that undoes it.

use super::{
    CameraMove, DURATION_MS_RANGE, Entity, EntityKind, Format, Project, Reference, Scene, SceneId, Take, TakeId,
};
use serde::{Deserialize, Serialize};

/// One change to a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Edit {
    SetPremise(String),
    SetStyle(String),
    SetFormat(Format),
    /// Inserts before the scene at `index`; an `index` equal to the number of scenes appends.
    InsertScene {
        index: usize,
        scene: Box<Scene>,
    },
    RemoveScene(SceneId),
    /// Moves a scene so that it ends up at `index`.
    MoveScene {
        id: SceneId,
        index: usize,
    },
    SetScene {
        id: SceneId,
        field: SceneField,
    },
    /// Adds an entity to the cast, before the one at `index`.
    InsertEntity {
        index: usize,
        entity: Entity,
    },
    RemoveEntity {
        kind: EntityKind,
        name: String,
    },
    SetEntity {
        kind: EntityKind,
        name: String,
        field: EntityField,
    },
    /// Adds a finished take to a scene; `choose` makes it the one that the film uses.
    AddTake {
        id: SceneId,
        take: Box<Take>,
        choose: bool,
    },
    /// Removes a take from a scene and sets which one the film uses instead.
    RemoveTake {
        id: SceneId,
        take: TakeId,
        chosen: Option<TakeId>,
    },
    /// Several edits that the user made as one, in order. All apply or none does.
    Batch(Vec<Edit>),
}

/// A field of a scene, with its new value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SceneField {
    Prompt(String),
    Foreground(Vec<String>),
    Background(String),
    Camera(CameraMove),
    DurationMs(u32),
    DissolveMs(u32),
    Seed(u64),
    Chosen(Option<TakeId>),
}

/// A field of a cast entry, with its new value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EntityField {
    Name(String),
    Description(String),
    Reference(Option<Reference>),
}

/// An edit that does not fit the project it was applied to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("there is no scene {}", .0.0)]
    NoScene(SceneId),
    #[error("scene {} is there already", .0.0)]
    SceneExists(SceneId),
    #[error("scene {} has no take {}", .0.0, .1.0)]
    NoTake(SceneId, TakeId),
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
}

impl Project {
    /// Applies an edit and returns the one that undoes it. A refused edit changes nothing.
    pub fn apply(&mut self, edit: Edit) -> Result<Edit, EditError> {
        match edit {
            Edit::SetPremise(new) => Ok(Edit::SetPremise(std::mem::replace(&mut self.premise, new))),
            Edit::SetStyle(new) => Ok(Edit::SetStyle(std::mem::replace(&mut self.style, new))),
            Edit::SetFormat(new) => {
                new.check()?;
                Ok(Edit::SetFormat(std::mem::replace(&mut self.format, new)))
            }
            Edit::InsertScene { index, scene } => self.insert_scene(index, *scene),
            Edit::RemoveScene(id) => {
                let index = self.scene_index(id).ok_or(EditError::NoScene(id))?;
                let scene = Box::new(self.scenes.remove(index));
                Ok(Edit::InsertScene { index, scene })
            }
            Edit::MoveScene { id, index } => {
                let from = self.scene_index(id).ok_or(EditError::NoScene(id))?;
                if index >= self.scenes.len() {
                    return Err(EditError::OutOfRange { index, len: self.scenes.len() });
                }
                let scene = self.scenes.remove(from);
                self.scenes.insert(index, scene);
                Ok(Edit::MoveScene { id, index: from })
            }
            Edit::SetScene { id, field } => {
                let scene = self.scene_mut(id).ok_or(EditError::NoScene(id))?;
                Ok(Edit::SetScene { id, field: scene.set(field)? })
            }
            Edit::InsertEntity { index, entity } => self.insert_entity(index, entity),
            Edit::RemoveEntity { kind, name } => {
                let index = self.cast_index(kind, &name)?;
                let entity = self.cast.remove(index);
                Ok(Edit::InsertEntity { index, entity })
            }
            Edit::SetEntity { kind, name, field } => self.set_entity(kind, &name, field),
            Edit::AddTake { id, take, choose } => {
                let after_id = take.id.0 + 1;
                let scene = self.scene_mut(id).ok_or(EditError::NoScene(id))?;
                let undo = Edit::RemoveTake { id, take: take.id, chosen: scene.chosen };
                if choose {
                    scene.chosen = Some(take.id);
                }
                scene.takes.push(*take);
                self.next_id = self.next_id.max(after_id);
                Ok(undo)
            }
            Edit::RemoveTake { id, take, chosen } => {
                let scene = self.scene_mut(id).ok_or(EditError::NoScene(id))?;
                let index = scene.takes.iter().position(|t| t.id == take).ok_or(EditError::NoTake(id, take))?;
                let choose = scene.chosen == Some(take);
                let take = Box::new(scene.takes.remove(index));
                scene.chosen = chosen;
                Ok(Edit::AddTake { id, take, choose })
            }
            Edit::Batch(edits) => self.apply_all(edits),
        }
    }

    fn apply_all(&mut self, edits: Vec<Edit>) -> Result<Edit, EditError> {
        let mut undo = Vec::with_capacity(edits.len());
        for edit in edits {
            match self.apply(edit) {
                Ok(inverse) => undo.push(inverse),
                Err(error) => {
                    for inverse in undo.into_iter().rev() {
                        self.apply(inverse).expect("the inverse of an applied edit applies");
                    }
                    return Err(error);
                }
            }
        }
        undo.reverse();
        Ok(Edit::Batch(undo))
    }

    fn insert_scene(&mut self, index: usize, scene: Scene) -> Result<Edit, EditError> {
        if index > self.scenes.len() {
            return Err(EditError::OutOfRange { index, len: self.scenes.len() });
        }
        if self.scene(scene.id).is_some() {
            return Err(EditError::SceneExists(scene.id));
        }
        if !DURATION_MS_RANGE.contains(&scene.duration_ms) {
            return Err(EditError::Duration(scene.duration_ms));
        }
        let id = scene.id;
        let last_id = scene.takes.iter().map(|take| take.id.0).chain([id.0]).max().unwrap_or(id.0);
        self.next_id = self.next_id.max(last_id + 1);
        self.scenes.insert(index, scene);
        Ok(Edit::RemoveScene(id))
    }

    fn cast_index(&self, kind: EntityKind, name: &str) -> Result<usize, EditError> {
        let found = self.cast.iter().position(|entity| entity.kind == kind && entity.name == name);
        found.ok_or_else(|| EditError::NoEntity(name.to_owned()))
    }

    fn insert_entity(&mut self, index: usize, entity: Entity) -> Result<Edit, EditError> {
        if index > self.cast.len() {
            return Err(EditError::OutOfRange { index, len: self.cast.len() });
        }
        if self.cast_entry(entity.kind, &entity.name).is_some() {
            return Err(EditError::EntityExists(entity.name));
        }
        let undo = Edit::RemoveEntity { kind: entity.kind, name: entity.name.clone() };
        self.cast.insert(index, entity);
        Ok(undo)
    }

    fn set_entity(&mut self, kind: EntityKind, name: &str, field: EntityField) -> Result<Edit, EditError> {
        let index = self.cast_index(kind, name)?;
        if let EntityField::Name(new) = &field
            && new != name
            && self.cast_entry(kind, new).is_some()
        {
            return Err(EditError::EntityExists(new.clone()));
        }
        let entity = &mut self.cast[index];
        let old = match field {
            EntityField::Name(new) => EntityField::Name(std::mem::replace(&mut entity.name, new)),
            EntityField::Description(new) => EntityField::Description(std::mem::replace(&mut entity.description, new)),
            EntityField::Reference(new) => EntityField::Reference(std::mem::replace(&mut entity.reference, new)),
        };
        Ok(Edit::SetEntity { kind, name: entity.name.clone(), field: old })
    }

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
    /// Renaming to a name that another entity has merges the two; the other's cast entry stays.
    pub fn rename_edit(&self, kind: EntityKind, from: &str, to: &str) -> Edit {
        let mut edits = Vec::new();
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

impl Scene {
    fn set(&mut self, field: SceneField) -> Result<SceneField, EditError> {
        Ok(match field {
            SceneField::Prompt(new) => SceneField::Prompt(std::mem::replace(&mut self.prompt, new)),
            SceneField::Foreground(new) => SceneField::Foreground(std::mem::replace(&mut self.foreground, new)),
            SceneField::Background(new) => SceneField::Background(std::mem::replace(&mut self.background, new)),
            SceneField::Camera(new) => SceneField::Camera(std::mem::replace(&mut self.camera, new)),
            SceneField::DurationMs(new) => {
                if !DURATION_MS_RANGE.contains(&new) {
                    return Err(EditError::Duration(new));
                }
                SceneField::DurationMs(std::mem::replace(&mut self.duration_ms, new))
            }
            SceneField::DissolveMs(new) => SceneField::DissolveMs(std::mem::replace(&mut self.dissolve_ms, new)),
            SceneField::Seed(new) => SceneField::Seed(std::mem::replace(&mut self.seed, new)),
            SceneField::Chosen(new) => {
                if let Some(take) = new
                    && !self.takes.iter().any(|t| t.id == take)
                {
                    return Err(EditError::NoTake(self.id, take));
                }
                SceneField::Chosen(std::mem::replace(&mut self.chosen, new))
            }
        })
    }
}

impl Format {
    fn check(self) -> Result<(), EditError> {
        let side = |n: u32| (64..=8192).contains(&n) && n.is_multiple_of(2);
        if side(self.width) && side(self.height) && (1..=120).contains(&self.fps) {
            Ok(())
        } else {
            Err(EditError::Format(self.width, self.height, self.fps))
        }
    }
}
