//! Applying edits. Each one gives back the edit that undoes it exactly.

use super::{
    ClipSettings, DURATION_MS_RANGE, Edit, EditError, Entity, EntityField, EntityKind, Format, Project, Scene,
    SceneField, SceneId, StillSettings, Take, TakeId,
};

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
            Edit::SetStudio(new) => Ok(Edit::SetStudio(std::mem::replace(&mut self.studio, new))),
            Edit::SetStill(new) => {
                new.check()?;
                Ok(Edit::SetStill(std::mem::replace(&mut self.still, new)))
            }
            Edit::SetClip(new) => {
                new.check()?;
                Ok(Edit::SetClip(std::mem::replace(&mut self.clip, new)))
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
                let scene = self.scene(id).ok_or(EditError::NoScene(id))?;
                let chosen = if choose { Some(take.id) } else { scene.chosen };
                self.insert_take(id, scene.takes.len(), *take, chosen)
            }
            Edit::RemoveTake { id, take, chosen } => self.remove_take(id, take, chosen),
            Edit::RestoreTake { id, index, take, chosen } => self.insert_take(id, index, *take, chosen),
            Edit::StarTake { id, take, starred } => {
                let scene = self.scene_mut(id).ok_or(EditError::NoScene(id))?;
                let found = scene.takes.iter_mut().find(|t| t.id == take).ok_or(EditError::NoTake(id, take))?;
                Ok(Edit::StarTake { id, take, starred: std::mem::replace(&mut found.starred, starred) })
            }
            Edit::Batch(edits) => self.apply_all(edits),
        }
    }

    fn apply_all(&mut self, edits: Vec<Edit>) -> Result<Edit, EditError> {
        let next_id = self.next_id;
        let mut undo = Vec::with_capacity(edits.len());
        for edit in edits {
            match self.apply(edit) {
                Ok(inverse) => undo.push(inverse),
                Err(error) => {
                    for inverse in undo.into_iter().rev() {
                        self.apply(inverse).expect("the inverse of an applied edit applies");
                    }
                    self.next_id = next_id;
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
        scene.check()?;
        if let Some(take) = scene.takes.iter().find(|take| self.has_take(take.id)) {
            return Err(EditError::TakeExists(take.id));
        }
        let id = scene.id;
        self.keep_ids_new(&scene);
        self.scenes.insert(index, scene);
        Ok(Edit::RemoveScene(id))
    }

    fn insert_take(
        &mut self,
        id: SceneId,
        index: usize,
        take: Take,
        chosen: Option<TakeId>,
    ) -> Result<Edit, EditError> {
        if self.has_take(take.id) {
            return Err(EditError::TakeExists(take.id));
        }
        let scene = self.scene_mut(id).ok_or(EditError::NoScene(id))?;
        if index > scene.takes.len() {
            return Err(EditError::OutOfRange { index, len: scene.takes.len() });
        }
        if chosen != Some(take.id) {
            scene.check_choice(chosen)?;
        }
        let undo = Edit::RemoveTake { id, take: take.id, chosen: scene.chosen };
        let after_id = take.id.0.saturating_add(1);
        scene.takes.insert(index, take);
        scene.chosen = chosen;
        self.next_id = self.next_id.max(after_id);
        Ok(undo)
    }

    fn remove_take(&mut self, id: SceneId, take: TakeId, chosen: Option<TakeId>) -> Result<Edit, EditError> {
        let scene = self.scene_mut(id).ok_or(EditError::NoScene(id))?;
        let index = scene.takes.iter().position(|t| t.id == take).ok_or(EditError::NoTake(id, take))?;
        if chosen == Some(take) {
            return Err(EditError::NoTake(id, take));
        }
        scene.check_choice(chosen)?;
        let take = Box::new(scene.takes.remove(index));
        Ok(Edit::RestoreTake { id, index, take, chosen: std::mem::replace(&mut scene.chosen, chosen) })
    }

    fn has_take(&self, id: TakeId) -> bool {
        self.scenes.iter().flat_map(|scene| &scene.takes).any(|take| take.id == id)
    }

    /// Moves `next_id` past every number that `scene` uses.
    pub(super) fn keep_ids_new(&mut self, scene: &Scene) {
        let last_id = scene.takes.iter().map(|take| take.id.0).fold(scene.id.0, u64::max);
        self.next_id = self.next_id.max(last_id.saturating_add(1));
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
}

impl Scene {
    /// What every scene of a project keeps to, whatever the others are.
    pub(super) fn check(&self) -> Result<(), EditError> {
        check_duration(self.duration_ms)?;
        self.still.iter().try_for_each(StillSettings::check)?;
        self.clip.iter().try_for_each(ClipSettings::check)?;
        for (i, take) in self.takes.iter().enumerate() {
            if self.takes[..i].iter().any(|earlier| earlier.id == take.id) {
                return Err(EditError::TakeExists(take.id));
            }
        }
        self.check_choice(self.chosen)
    }

    fn check_choice(&self, chosen: Option<TakeId>) -> Result<(), EditError> {
        match chosen {
            Some(take) if !self.takes.iter().any(|t| t.id == take) => Err(EditError::NoTake(self.id, take)),
            _ => Ok(()),
        }
    }

    fn set(&mut self, field: SceneField) -> Result<SceneField, EditError> {
        Ok(match field {
            SceneField::Prompt(new) => SceneField::Prompt(std::mem::replace(&mut self.prompt, new)),
            SceneField::Foreground(new) => SceneField::Foreground(std::mem::replace(&mut self.foreground, new)),
            SceneField::Background(new) => SceneField::Background(std::mem::replace(&mut self.background, new)),
            SceneField::Camera(new) => SceneField::Camera(std::mem::replace(&mut self.camera, new)),
            SceneField::DurationMs(new) => {
                check_duration(new)?;
                SceneField::DurationMs(std::mem::replace(&mut self.duration_ms, new))
            }
            SceneField::DissolveMs(new) => SceneField::DissolveMs(std::mem::replace(&mut self.dissolve_ms, new)),
            SceneField::Seed(new) => SceneField::Seed(std::mem::replace(&mut self.seed, new)),
            SceneField::Chosen(new) => {
                self.check_choice(new)?;
                SceneField::Chosen(std::mem::replace(&mut self.chosen, new))
            }
            SceneField::Still(new) => {
                new.iter().try_for_each(StillSettings::check)?;
                SceneField::Still(std::mem::replace(&mut self.still, new))
            }
            SceneField::Clip(new) => {
                new.iter().try_for_each(ClipSettings::check)?;
                SceneField::Clip(std::mem::replace(&mut self.clip, new))
            }
            SceneField::Locked(new) => SceneField::Locked(std::mem::replace(&mut self.locked, new)),
            SceneField::Note(new) => SceneField::Note(std::mem::replace(&mut self.note, new)),
        })
    }
}

fn check_duration(duration_ms: u32) -> Result<(), EditError> {
    if DURATION_MS_RANGE.contains(&duration_ms) { Ok(()) } else { Err(EditError::Duration(duration_ms)) }
}

impl StillSettings {
    pub(super) fn check(&self) -> Result<(), EditError> {
        let weights = [self.foreground_hundredths, self.background_hundredths];
        let fits = Self::STEPS.contains(&self.steps)
            && Self::GUIDANCE.contains(&self.guidance_hundredths)
            && weights.iter().all(|weight| Self::WEIGHT.contains(weight));
        if fits { Ok(()) } else { Err(EditError::StillSettings) }
    }
}

impl Format {
    pub(super) fn check(self) -> Result<(), EditError> {
        let side = |n: u32| (64..=8192).contains(&n) && n.is_multiple_of(2);
        if side(self.width) && side(self.height) && (1..=120).contains(&self.fps) {
            Ok(())
        } else {
            Err(EditError::Format(self.width, self.height, self.fps))
        }
    }
}
