//! Undo and redo.

use super::{Edit, EditError, Project};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What the user did, as the edits that undo it.
///
/// It holds what the user did and nothing else. Takes that the engine makes are applied and journaled but never
/// recorded: undo must not throw away a picture that took a minute to render.
#[derive(Debug, Clone, Default)]
pub struct History {
    undo: VecDeque<Entry>,
    redo: Vec<Entry>,
    /// The key of the newest entry while it still takes in more edits.
    open: Option<CoalesceKey>,
}

/// Names one visit of a text field or one drag, so that all its edits are undone together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoalesceKey(u64);

impl CoalesceKey {
    /// A key for the thing that the user holds, such as `(scene.id, "prompt")`.
    pub fn new(held: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        held.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// One step of undo.
#[derive(Debug, Clone)]
struct Entry {
    label: String,
    /// In the order in which the edits were made; they are undone from the last to the first.
    inverses: Vec<Edit>,
}

impl Entry {
    fn into_edit(mut self) -> (String, Edit) {
        let edit = match self.inverses.pop() {
            Some(only) if self.inverses.is_empty() => only,
            last => Edit::Batch(last.into_iter().chain(self.inverses.into_iter().rev()).collect()),
        };
        (self.label, edit)
    }
}

impl History {
    /// How many steps can be undone; older ones are forgotten.
    pub const DEPTH: usize = 1000;

    /// An empty history, for a project that was just opened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers an edit by its inverse, and forgets what could be redone.
    ///
    /// Edits in a row with the same key become one entry, until [`Self::seal`]. The inverse of [`Edit::AddTake`] is
    /// ignored, see [`History`].
    pub fn record(&mut self, inverse: Edit, key: Option<CoalesceKey>) {
        let label = inverse.undone_label();
        self.record_as(label, inverse, key);
    }

    /// Like [`Self::record`], with words of its own for the menu ("script" for "Undo script").
    pub fn record_as(&mut self, label: impl Into<String>, inverse: Edit, key: Option<CoalesceKey>) {
        if matches!(inverse, Edit::RemoveTake { .. }) {
            return;
        }
        self.redo.clear();
        let coalesces = key.is_some() && self.open == key;
        self.open = key;
        if coalesces && let Some(entry) = self.undo.back_mut() {
            if !entry.inverses.last().is_some_and(|last| last.covers(&inverse)) {
                entry.inverses.push(inverse);
            }
            return;
        }
        if self.undo.len() == Self::DEPTH {
            self.undo.pop_front();
        }
        self.undo.push_back(Entry { label: label.into(), inverses: vec![inverse] });
    }

    /// Ends the newest entry: the user left the field or let go of the mouse.
    pub fn seal(&mut self) {
        self.open = None;
    }

    /// Undoes the newest entry. Returns the edit that did it, to be journaled, or `None` with nothing to undo.
    ///
    /// An entry that no longer fits the project is dropped with the error, so that the one before it can be undone.
    pub fn undo(&mut self, project: &mut Project) -> Result<Option<Edit>, EditError> {
        self.seal();
        let Some(entry) = self.undo.pop_back() else { return Ok(None) };
        let (entry, edit) = turn_over(entry, project)?;
        self.redo.push(entry);
        Ok(Some(edit))
    }

    /// Redoes what was undone last. Returns the edit that did it, to be journaled, or `None` with nothing to redo.
    pub fn redo(&mut self, project: &mut Project) -> Result<Option<Edit>, EditError> {
        self.seal();
        let Some(entry) = self.redo.pop() else { return Ok(None) };
        let (entry, edit) = turn_over(entry, project)?;
        self.undo.push_back(entry);
        Ok(Some(edit))
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// What the next undo takes back, for a menu: "change of camera" for "Undo change of camera".
    pub fn undo_label(&self) -> Option<&str> {
        self.undo.back().map(|entry| entry.label.as_str())
    }

    /// What the next redo does again, for a menu.
    pub fn redo_label(&self) -> Option<&str> {
        self.redo.last().map(|entry| entry.label.as_str())
    }
}

/// Applies an entry. Returns the entry that takes it back, and the edit that was applied.
fn turn_over(entry: Entry, project: &mut Project) -> Result<(Entry, Edit), EditError> {
    let (label, edit) = entry.into_edit();
    let inverse = project.apply(edit.clone())?;
    Ok((Entry { label, inverses: vec![inverse] }, edit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{CameraMove, Direction, MediaName, Scene, SceneField, SceneId, Speed, Take, TakeId, TakeKind};

    fn film() -> (Project, SceneId) {
        let mut project = Project::new("A keeper rescues a boat");
        let scene = Scene::new(project.new_scene_id(), "The keeper lights the lamp");
        let id = scene.id;
        project.apply(Edit::InsertScene { index: 0, scene: Box::new(scene) }).unwrap();
        (project, id)
    }

    fn prompt(id: SceneId, text: &str) -> Edit {
        Edit::SetScene { id, field: SceneField::Prompt(text.to_owned()) }
    }

    #[test]
    fn typing_in_one_visit_of_a_field_is_undone_at_once() {
        let (mut project, id) = film();
        let mut history = History::new();
        let before = project.clone();
        let key = Some(CoalesceKey::new((id, "prompt")));
        for text in ["T", "Th", "The"] {
            history.record(project.apply(prompt(id, text)).unwrap(), key);
        }
        history.seal();
        history.record(project.apply(prompt(id, "The boat")).unwrap(), key);
        assert!(history.undo(&mut project).unwrap().is_some());
        assert_eq!(project.scenes[0].prompt, "The");
        let journaled = history.undo(&mut project).unwrap().unwrap();
        assert_eq!(journaled, prompt(id, "The keeper lights the lamp"), "one short edit, not one for each letter");
        assert_eq!(project, before);
        assert_eq!(history.undo(&mut project).unwrap(), None);
        history.redo(&mut project).unwrap();
        history.redo(&mut project).unwrap();
        assert_eq!(project.scenes[0].prompt, "The boat");
    }

    #[test]
    fn a_drag_through_several_kinds_of_edits_is_undone_in_the_right_order() {
        let (mut project, id) = film();
        let second = Scene::new(project.new_scene_id(), "The boat sinks");
        let other = second.id;
        project.apply(Edit::InsertScene { index: 1, scene: Box::new(second) }).unwrap();
        let before = project.clone();
        let mut history = History::new();
        let key = Some(CoalesceKey::new("drag"));
        for edit in [Edit::MoveScene { id, index: 1 }, Edit::RemoveScene(other), Edit::MoveScene { id, index: 0 }] {
            history.record(project.apply(edit).unwrap(), key);
        }
        history.undo(&mut project).unwrap();
        assert_eq!(project, before);
        assert!(!history.can_undo());
    }

    #[test]
    fn a_drag_that_sets_several_scenes_is_one_short_step() {
        let (mut project, _) = film();
        let second = Scene::new(project.new_scene_id(), "The boat sinks");
        project.apply(Edit::InsertScene { index: 1, scene: Box::new(second) }).unwrap();
        let ids: Vec<SceneId> = project.scenes.iter().map(|scene| scene.id).collect();
        let before = project.clone();
        let mut history = History::new();
        let key = Some(CoalesceKey::new("durations"));
        for duration in [1000, 2000, 3000] {
            let edit = project.set_edit(&ids, |_| Some(SceneField::DurationMs(duration))).unwrap();
            history.record_as("change of duration of 2 scenes", project.apply(edit).unwrap(), key);
        }
        assert_eq!(history.undo_label(), Some("change of duration of 2 scenes"));
        let Some(Edit::Batch(undone)) = history.undo(&mut project).unwrap() else { panic!("nothing was undone") };
        assert_eq!(
            (undone.len(), &project),
            (2, &before),
            "one edit for each scene, not one for each step of the drag"
        );
        history.redo(&mut project).unwrap();
        assert!(project.scenes.iter().all(|scene| scene.duration_ms == 3000));
    }

    #[test]
    fn the_menu_says_what_undo_and_redo_do() {
        let (mut project, id) = film();
        let mut history = History::new();
        let camera = CameraMove::new(Direction::Left, Speed::Slow);
        let field = SceneField::Camera(camera);
        history.record(project.apply(Edit::SetScene { id, field }).unwrap(), None);
        history.record(project.apply(Edit::RemoveScene(id)).unwrap(), None);
        assert_eq!(history.undo_label(), Some("deletion of scene"));
        assert_eq!(history.redo_label(), None);
        history.undo(&mut project).unwrap();
        assert_eq!(history.undo_label(), Some("change of camera"));
        assert_eq!(history.redo_label(), Some("deletion of scene"));
        history.record(project.apply(prompt(id, "x")).unwrap(), None);
        assert!(!history.can_redo(), "a new edit forgets what could be redone");
    }

    #[test]
    fn undo_never_throws_away_a_finished_picture() {
        let (mut project, id) = film();
        let mut history = History::new();
        history.record(project.apply(prompt(id, "The boat")).unwrap(), None);
        let recipe = crate::project::wanted_recipe(&project, &project.scenes[0], "draft", &[]);
        let media = MediaName::of(b"picture", "png").unwrap();
        let take = Take::new(TakeId(9), TakeKind::Still, media, recipe);
        let inverse = project.apply(Edit::AddTake { id, take: Box::new(take), choose: true }).unwrap();
        history.record(inverse, None);
        history.undo(&mut project).unwrap();
        assert_eq!(project.scenes[0].prompt, "The keeper lights the lamp");
        assert_eq!(project.scenes[0].takes.len(), 1);
    }

    #[test]
    fn an_entry_that_no_longer_fits_does_not_block_undo() {
        let (mut project, id) = film();
        let mut history = History::new();
        history.record(project.apply(Edit::SetStyle("noir".to_owned())).unwrap(), None);
        history.record(project.apply(prompt(id, "x")).unwrap(), None);
        project.apply(Edit::RemoveScene(id)).unwrap();
        assert_eq!(history.undo(&mut project), Err(EditError::NoScene(id)));
        assert!(history.undo(&mut project).unwrap().is_some());
        assert_eq!(project.style, "");
    }

    #[test]
    fn the_oldest_steps_are_forgotten() {
        let (mut project, id) = film();
        let mut history = History::new();
        for i in 0..History::DEPTH + 10 {
            history.record(project.apply(prompt(id, &i.to_string())).unwrap(), None);
        }
        let mut steps = 0;
        while history.undo(&mut project).unwrap().is_some() {
            steps += 1;
        }
        assert_eq!(steps, History::DEPTH);
        assert_eq!(project.scenes[0].prompt, "9");
    }
}
