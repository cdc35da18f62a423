//! Several selected scenes: which they are, and what is done with all of them at once.

use super::app::{App, Selection};
use super::command::Many;
use crate::project::{CoalesceKey, Edit, EditError, Scene, SceneField, SceneId};

impl App {
    /// All selected scenes, in film order.
    pub(super) fn selected_scenes(&self) -> Vec<SceneId> {
        let (Some(doc), Some(first)) = (&self.doc, self.selected_scene()) else { return Vec::new() };
        let mut ids = self.also.clone();
        ids.push(first);
        doc.project().in_film_order(&ids)
    }

    /// Adds a scene to the selected ones, or takes it out. The last one stays.
    pub(super) fn toggle_scene(&mut self, id: SceneId) {
        self.anchor = Some(id);
        match self.selected_scene() {
            None => self.select_scene(id),
            Some(first) if first == id => {
                if let Some(next) = self.also.pop() {
                    self.selection = Selection::Scene(next);
                }
            }
            Some(_) if self.also.contains(&id) => self.also.retain(|other| *other != id),
            Some(first) => {
                self.also.push(first);
                self.selection = Selection::Scene(id);
            }
        }
    }

    /// Selects the scenes from the one that was clicked last to this one.
    pub(super) fn select_range(&mut self, id: SceneId) {
        let Some(doc) = &self.doc else { return };
        let index = |id: SceneId| doc.project().scene_index(id);
        let anchor = self.anchor.filter(|anchor| index(*anchor).is_some()).or_else(|| self.selected_scene());
        let (Some(from), Some(to)) = (anchor.and_then(index), index(id)) else { return };
        let range = from.min(to)..=from.max(to);
        let ids = doc.project().scenes[range].iter().map(|scene| scene.id);
        self.also = ids.filter(|other| *other != id).collect();
        self.selection = Selection::Scene(id);
        self.anchor = anchor;
    }

    pub(super) fn select_all(&mut self) {
        let Some(doc) = &self.doc else { return };
        let scenes = &doc.project().scenes;
        let selected = self.selected_scene().filter(|id| doc.project().scene(*id).is_some());
        let Some(first) = selected.or_else(|| scenes.first().map(|scene| scene.id)) else { return };
        self.also = scenes.iter().map(|scene| scene.id).filter(|id| *id != first).collect();
        self.selection = Selection::Scene(first);
    }

    /// Forgets selected scenes that are no longer there.
    pub(super) fn forget_gone_scenes(&mut self) {
        let Some(doc) = &self.doc else { return };
        self.also.retain(|id| doc.project().scene(*id).is_some() && Selection::Scene(*id) != self.selection);
        if !matches!(self.selection, Selection::Scene(_)) {
            self.also.clear();
        }
    }

    // --- what is done with them ---

    /// Applies an edit made of all selected scenes; says what was left out.
    fn edit_many(&mut self, what: &str, count: usize, edit: Option<Edit>, key: Option<CoalesceKey>) -> bool {
        let Some(edit) = edit else { return false };
        let label = if count == 1 { format!("{what} of scene") } else { format!("{what} of {count} scenes") };
        let Some(doc) = &mut self.doc else { return false };
        if let Err(error) = doc.edit_as(label, edit, key) {
            self.complain(error.to_string());
            return false;
        }
        true
    }

    /// The locked ones among scenes, as the user counts them.
    fn locked_among(&self, ids: &[SceneId]) -> Vec<usize> {
        let Some(doc) = &self.doc else { return Vec::new() };
        let scenes = doc.project().scenes.iter().enumerate();
        scenes.filter(|(_, scene)| scene.locked && ids.contains(&scene.id)).map(|(index, _)| index + 1).collect()
    }

    /// Says which scenes were left as they are, since they are locked.
    pub(super) fn tell_locked(&mut self, ids: &[SceneId]) {
        let numbers = self.locked_among(ids);
        if !numbers.is_empty() {
            self.tell(super::takes::locked_text(&numbers));
        }
    }

    pub(super) fn change_selected(&mut self, many: Many) {
        let ids = self.selected_scenes();
        let Some(doc) = &self.doc else { return };
        let project = doc.project();
        let set = |field: &dyn Fn(&Scene) -> Option<SceneField>| project.set_edit(&ids, field);
        let (what, edit, key) = match &many {
            Many::Camera(camera) => {
                let changed = |scene: &Scene| (scene.camera != *camera).then_some(SceneField::Camera(*camera));
                ("change of camera", set(&changed), None)
            }
            Many::DurationMs(ms) => {
                let key = CoalesceKey::new((&ids, "durations"));
                // All of them, so that a drag stays one step.
                ("change of duration", set(&|_| Some(SceneField::DurationMs(*ms))), Some(key))
            }
            Many::DissolveMs(ms) => {
                let changed = |scene: &Scene| (scene.dissolve_ms != *ms).then_some(SceneField::DissolveMs(*ms));
                ("change of transition", set(&changed), None)
            }
            Many::NewSeeds => {
                let fresh = |scene: &Scene| scene.fresh_seeds(1).pop().map(SceneField::Seed);
                ("change of seed", set(&fresh), None)
            }
            Many::Settings(own) => {
                let still = own.as_ref().map(|(still, _)| still.clone());
                let clip = own.as_ref().map(|(_, clip)| clip.clone());
                let stills = |scene: &Scene| (scene.still != still).then(|| SceneField::Still(still.clone()));
                let clips = |scene: &Scene| (scene.clip != clip).then(|| SceneField::Clip(clip.clone()));
                let edits: Vec<Edit> = [set(&stills), set(&clips)].into_iter().flatten().collect();
                ("change of render settings", (!edits.is_empty()).then_some(Edit::Batch(edits)), None)
            }
            Many::Locked(locked) => {
                let changed = |scene: &Scene| (scene.locked != *locked).then_some(SceneField::Locked(*locked));
                (if *locked { "locking" } else { "unlocking" }, set(&changed), None)
            }
            Many::Starred(starred) => {
                let takes = project.scenes.iter().filter(|scene| ids.contains(&scene.id));
                let takes = takes.filter_map(|scene| Some((scene.id, scene.chosen_take()?)));
                let changed = takes.filter(|(_, take)| take.starred != *starred);
                let edits: Vec<Edit> =
                    changed.map(|(id, take)| Edit::StarTake { id, take: take.id, starred: *starred }).collect();
                let edit = (!edits.is_empty()).then_some(Edit::Batch(edits));
                (if *starred { "star" } else { "removal of star" }, edit, None)
            }
        };
        let is_nothing = edit.is_none();
        self.edit_many(what, ids.len(), edit, key);
        match many {
            Many::Locked(_) => {}
            Many::Starred(_) if is_nothing => self.tell("only takes have stars: choose a take in these scenes first"),
            Many::Starred(_) => {}
            _ => self.tell_locked(&ids),
        }
    }

    /// Stars the takes that the selected scenes use, or takes the stars away when all have one.
    pub(super) fn star_selected(&mut self) {
        let ids = self.selected_scenes();
        let Some(doc) = &self.doc else { return };
        let scenes = ids.iter().filter_map(|id| doc.project().scene(*id));
        let all_starred = scenes.filter_map(Scene::chosen_take).all(|take| take.starred);
        self.change_selected(Many::Starred(!all_starred));
    }

    /// Locks the selected scenes, or unlocks them when all are locked.
    pub(super) fn lock_selected(&mut self) {
        let ids = self.selected_scenes();
        let locked = self.locked_among(&ids).len();
        if !ids.is_empty() {
            self.change_selected(Many::Locked(locked < ids.len()));
        }
    }

    pub(super) fn duplicate_selected(&mut self) {
        let ids = self.selected_scenes();
        let Some(doc) = &mut self.doc else { return };
        let Some((edit, copies)) = doc.numbering().duplicate_edit(&ids) else { return };
        if self.edit_many("duplication", ids.len(), Some(edit), None)
            && let Some(first) = copies.first()
        {
            self.select_scene(*first);
            self.also = copies[1..].to_vec();
        }
    }

    pub(super) fn delete_selected(&mut self) {
        let ids = self.selected_scenes();
        let Some(doc) = &self.doc else { return };
        let edit = doc.project().remove_edit(&ids);
        // What comes after the last of them, else what was before the first.
        let stays = |scene: &&Scene| scene.locked || !ids.contains(&scene.id);
        let scenes = &doc.project().scenes;
        let last = ids.last().and_then(|id| doc.project().scene_index(*id)).unwrap_or(0);
        let neighbour =
            scenes[last..].iter().find(stays).or_else(|| scenes[..last].iter().rfind(stays)).map(|scene| scene.id);
        if edit.is_some() && self.edit_many("deletion", ids.len(), edit, None) {
            match neighbour {
                Some(id) => self.select_scene(id),
                None => {
                    self.selection = Selection::Nothing;
                    self.also.clear();
                }
            }
        }
        self.tell_locked(&ids);
    }

    pub(super) fn shift_selected(&mut self, later: bool) {
        let ids = self.selected_scenes();
        let Some(doc) = &self.doc else { return };
        let edit = doc.project().shift_edit(&ids, later);
        if self.edit_many("move", ids.len(), edit, None)
            && let Some(id) = self.selected_scene()
        {
            self.show_scene(id);
        }
    }

    pub(super) fn move_scenes(&mut self, ids: &[SceneId], gap: usize) {
        let Some(doc) = &self.doc else { return };
        let edit = doc.project().move_edit(ids, gap);
        self.edit_many("move", ids.len(), edit, None);
    }

    /// Says why an edit of the user's is refused: its scene is locked.
    pub(super) fn is_refused(&mut self, edit: &Edit) -> bool {
        let Some(doc) = &self.doc else { return false };
        let Some(id) = doc.project().lock_against(edit) else { return false };
        match doc.project().scene_index(id) {
            Some(index) => self.complain(super::takes::locked_text(&[index + 1])),
            None => self.complain(EditError::NoScene(id).to_string()),
        }
        true
    }
}
