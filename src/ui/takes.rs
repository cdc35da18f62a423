//! What the user does with takes: looking, choosing, starring, comparing, varying.

use super::app::App;
use super::command::{Part, TakeAct};
use super::panels::Compare;
use crate::project::{Edit, Scene, SceneField, SceneId, TakeId};
use std::sync::Arc;

/// What is said of locked scenes that stay as they are, numbered as the user counts them.
pub(super) fn locked_text(numbers: &[usize]) -> String {
    let list = |numbers: &[usize]| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    match numbers {
        [one] => format!("scene {one} is locked and stays as it is; unlock it to change it"),
        [rest @ .., last] => {
            format!("scenes {} and {last} are locked and stay as they are; unlock them to change them", list(rest))
        }
        [] => String::new(),
    }
}

impl App {
    /// The selected scene, and the take of it that keys are about: the one that is looked at, else the one that the film
    /// uses, else the newest.
    fn take_at_hand(&self) -> Option<(&Scene, TakeId)> {
        let scene = self.doc.as_ref()?.project().scene(self.selected_scene()?)?;
        let looked_at = self.panel_state.looked_at(scene).or(scene.chosen);
        Some((scene, looked_at.or_else(|| scene.takes.last().map(|take| take.id))?))
    }

    pub(super) fn with_take_at_hand(&mut self, act: TakeAct) {
        match self.take_at_hand().map(|(scene, take)| (scene.id, take)) {
            Some((scene, take)) => self.act_on_take(scene, take, act),
            None => self.tell("this scene has no takes yet: render it first"),
        }
    }

    pub(super) fn use_take_at_hand(&mut self) {
        if let Some((scene, take)) = self.take_at_hand().map(|(scene, take)| (scene.id, take)) {
            self.choose_take(scene, Some(take));
        }
    }

    pub(super) fn choose_take(&mut self, id: SceneId, take: Option<TakeId>) {
        self.panel_state.stop_looking();
        let Some(doc) = &self.doc else { return };
        if doc.project().scene(id).is_none_or(|scene| scene.chosen == take) {
            return;
        }
        let edit = doc.project().choose_edit(id, take);
        if !self.is_refused(&edit) {
            self.edit(edit, None);
        }
    }

    pub(super) fn act_on_take(&mut self, id: SceneId, take: TakeId, act: TakeAct) {
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        let Some(number) = project.scene(id).and_then(|scene| scene.take_number(take)) else { return };
        match act {
            TakeAct::LookAt => self.look_at(id, take),
            TakeAct::Compare => self.compare(id, take),
            TakeAct::Star => {
                let starred = project.scene(id).and_then(|scene| scene.take(take)).is_some_and(|take| !take.starred);
                self.edit(Edit::StarTake { id, take, starred }, None);
            }
            TakeAct::Delete => {
                let edit = project.remove_take_edit(id, take);
                if !self.is_refused(&edit) {
                    self.edit(edit, None);
                    self.tell(format!("deleted take {number}; undo brings it back"));
                }
            }
            TakeAct::Copy(part) => match project.copy_edit(id, take, part) {
                Ok(edit) if self.is_refused(&edit) => {}
                Ok(edit) => self.edit(edit, None),
                Err(nothing) => self.tell(format!("nothing to copy from take {number}: {nothing}")),
            },
        }
    }

    fn look_at(&mut self, id: SceneId, take: TakeId) {
        self.player.pause(self.now());
        self.show_scene(id);
        self.panel_state.look_at(id, take);
        self.panel_state.takes_moved = self.panel_state.takes_focused;
    }

    /// Looks at the take before or after the one that is looked at, as the strip shows them: the newest first.
    pub(super) fn look_further(&mut self, older: bool) {
        let Some((scene, at_hand)) = self.take_at_hand() else { return };
        let Some(index) = scene.take_number(at_hand).map(|number| number - 1) else { return };
        let next = if older { index.checked_sub(1) } else { Some(index + 1) };
        if let Some(take) = next.and_then(|index| scene.takes.get(index)) {
            let (scene, take) = (scene.id, take.id);
            self.look_at(scene, take);
        }
    }

    /// Opens the comparison of the selected scene's takes, or closes it.
    pub(super) fn compare_selected(&mut self) {
        if self.panel_state.compare.take().is_some() {
            return;
        }
        let Some((scene, take)) = self.take_at_hand().map(|(scene, take)| (scene.id, take)) else {
            return self.tell("a comparison needs two takes: render and vary this scene first");
        };
        self.compare(scene, take);
    }

    /// Opens the comparison with a take; when it is open, adds the take or takes it out.
    fn compare(&mut self, id: SceneId, take: TakeId) {
        let Some(scene) = self.doc.as_ref().and_then(|doc| doc.project().scene(id)) else { return };
        if let Some(open) = self.panel_state.compare.as_mut().filter(|open| open.scene == id) {
            if let Err(why) = open.toggle(take) {
                self.tell(why);
            }
            return;
        }
        match Compare::new(scene, take) {
            Some(compare) => {
                self.player.pause(self.now());
                self.panel_state.compare = Some(compare);
            }
            None => self.tell("a comparison needs two takes: vary this scene first"),
        }
    }

    /// Closes what is no longer there.
    pub(super) fn forget_gone_takes(&mut self) {
        let Some(doc) = &self.doc else { return };
        let project = doc.project();
        let shows = |id: SceneId, take: TakeId| project.scene(id).is_some_and(|scene| scene.take(take).is_some());
        if let Some(compare) = &mut self.panel_state.compare {
            let scene = compare.scene;
            compare.takes.retain(|take| shows(scene, *take));
            if compare.takes.len() < 2 {
                self.panel_state.compare = None;
            }
        }
    }

    /// Gives scenes new seeds and renders them: `count` takes of each, the first of which the film uses. Several are stills.
    pub(super) fn vary(&mut self, ids: &[SceneId], count: usize) {
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        let free: Vec<&Scene> = ids.iter().filter_map(|id| project.scene(*id)).filter(|scene| !scene.locked).collect();
        // Of several, the user chooses one before it is set in motion.
        let part = if count == 1 { Part::All } else { Part::Still };
        if !free.is_empty() && self.can_render(part) {
            let mut edits = Vec::new();
            let mut varied = Vec::new();
            for scene in &free {
                let mut seeds = scene.fresh_seeds(count).into_iter();
                edits.extend(seeds.next().map(|seed| Edit::SetScene { id: scene.id, field: SceneField::Seed(seed) }));
                varied.extend(seeds.map(|seed| (scene.id, seed)));
            }
            let free: Vec<SceneId> = free.iter().map(|scene| scene.id).collect();
            self.edit(if edits.len() == 1 { edits.remove(0) } else { Edit::Batch(edits) }, None);
            self.render_varied(&free, part, varied);
        }
        self.tell_locked(ids);
    }
}
