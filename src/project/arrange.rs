//! Edits of several scenes at once.

use super::{Edit, Project, Scene, SceneField, SceneId};

impl Project {
    /// The scenes of these ids in film order.
    pub fn in_film_order(&self, ids: &[SceneId]) -> Vec<SceneId> {
        self.scenes.iter().map(|scene| scene.id).filter(|id| ids.contains(id)).collect()
    }

    /// The edit that brings scenes together, in their order, where the gap before the scene at `gap` is now; the number of
    /// scenes stands for the gap after the last one. `None` when they are there already.
    pub fn move_edit(&self, ids: &[SceneId], gap: usize) -> Option<Edit> {
        let moved = self.in_film_order(ids);
        let gap = gap.min(self.scenes.len());
        let before = moved.iter().filter(|id| self.scene_index(**id).is_some_and(|index| index < gap)).count();
        let first = gap - before;
        let is_there = moved.iter().enumerate().all(|(i, id)| self.scene_index(*id) == Some(first + i));
        if is_there {
            return None;
        }
        // From the gap outwards, so that what was moved already stays where it is.
        let left = (0..before).rev();
        let order = left.chain(before..moved.len());
        let edits: Vec<Edit> = order.map(|i| Edit::MoveScene { id: moved[i], index: first + i }).collect();
        as_one(edits)
    }

    /// The edit that moves scenes one place earlier or later, as a block. `None` at the end of the film.
    pub fn shift_edit(&self, ids: &[SceneId], later: bool) -> Option<Edit> {
        let moved = self.in_film_order(ids);
        let index = |id: Option<&SceneId>| id.and_then(|id| self.scene_index(*id));
        let gap = match later {
            true => index(moved.last())? + 2,
            false => index(moved.first())?.checked_sub(1)?,
        };
        if gap > self.scenes.len() { None } else { self.move_edit(&moved, gap) }
    }

    /// The edit that sets a field of several scenes. Locked ones, and those where `field` gives nothing, stay as they are;
    /// `None` when all do.
    pub fn set_edit(&self, ids: &[SceneId], mut field: impl FnMut(&Scene) -> Option<SceneField>) -> Option<Edit> {
        let scenes = self.scenes.iter().filter(|scene| ids.contains(&scene.id));
        let edits = scenes.filter_map(|scene| Some(Edit::SetScene { id: scene.id, field: field(scene)? }));
        as_one(edits.filter(|edit| self.lock_against(edit).is_none()).collect())
    }

    /// The edit that removes several scenes but the locked ones.
    pub fn remove_edit(&self, ids: &[SceneId]) -> Option<Edit> {
        let free = self.scenes.iter().filter(|scene| ids.contains(&scene.id) && !scene.locked);
        as_one(free.map(|scene| Edit::RemoveScene(scene.id)).collect())
    }

    /// The edits that put new scenes in the place of all but the locked ones, which keep their places in the film as far as
    /// it is long enough.
    pub fn replace_edits(&self, new: Vec<Scene>) -> Vec<Edit> {
        let count = new.len();
        let insert = |(i, scene)| Edit::InsertScene { index: self.scenes.len() + i, scene: Box::new(scene) };
        let mut edits: Vec<Edit> = new.into_iter().enumerate().map(insert).collect();
        let (locked, free): (Vec<_>, Vec<_>) = self.scenes.iter().enumerate().partition(|(_, scene)| scene.locked);
        edits.extend(free.into_iter().map(|(_, scene)| Edit::RemoveScene(scene.id)));
        // The locked ones are in front now. From the last on, so that each stays where it was put.
        let back = locked
            .iter()
            .enumerate()
            .rev()
            .map(|(nth, (place, scene))| Edit::MoveScene { id: scene.id, index: (*place).min(count + nth) });
        edits.extend(back);
        edits
    }

    /// The edit that puts copies of several scenes, takes included, behind the last of them; and the ids of the copies.
    ///
    /// The project itself is only asked for numbers. Copies are not locked.
    pub fn duplicate_edit(&mut self, ids: &[SceneId]) -> Option<(Edit, Vec<SceneId>)> {
        let originals = self.in_film_order(ids);
        let after = self.scene_index(*originals.last()?)? + 1;
        let copies: Vec<Scene> = originals.iter().filter_map(|id| self.copy_of_scene(*id)).collect();
        let new = copies.iter().map(|copy| copy.id).collect();
        let insert = |(i, copy): (usize, Scene)| Edit::InsertScene {
            index: after + i,
            scene: Box::new(Scene { locked: false, ..copy }),
        };
        Some((as_one(copies.into_iter().enumerate().map(insert).collect())?, new))
    }
}

/// One edit of several, as short as it can be.
fn as_one(mut edits: Vec<Edit>) -> Option<Edit> {
    match edits.len() {
        0 => None,
        1 => edits.pop(),
        _ => Some(Edit::Batch(edits)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(count: u64) -> Project {
        let mut project = Project::new("");
        for index in 0..count as usize {
            let scene = Scene::new(project.new_scene_id(), format!("Scene {index}"));
            project.apply(Edit::InsertScene { index, scene: Box::new(scene) }).unwrap();
        }
        project
    }

    fn order(project: &Project) -> Vec<u64> {
        project.scenes.iter().map(|scene| scene.id.0).collect()
    }

    #[test]
    fn any_scenes_come_together_at_any_gap_and_go_back() {
        let project = film(6);
        let all = order(&project);
        for mask in 1..1_u64 << 6 {
            let ids: Vec<SceneId> =
                all.iter().filter(|id| mask >> (**id - 1) & 1 == 1).map(|id| SceneId(*id)).collect();
            for gap in 0..=6 {
                let kept = |range: &[u64]| range.iter().copied().filter(|id| !ids.contains(&SceneId(*id))).collect();
                let (before, after): (Vec<u64>, Vec<u64>) = (kept(&all[..gap]), kept(&all[gap..]));
                let expected: Vec<u64> = before.into_iter().chain(ids.iter().map(|id| id.0)).chain(after).collect();
                let mut moved = project.clone();
                match project.move_edit(&ids, gap) {
                    None => assert_eq!(expected, all),
                    Some(edit) => {
                        let undo = moved.apply(edit).unwrap();
                        assert_eq!(order(&moved), expected, "{ids:?} to {gap}");
                        moved.apply(undo).unwrap();
                        assert_eq!(order(&moved), all);
                    }
                }
            }
        }
    }

    #[test]
    fn a_block_moves_by_one_and_stops_at_the_end() {
        let mut project = film(4);
        let block = [SceneId(2), SceneId(3)];
        project.apply(project.shift_edit(&block, true).unwrap()).unwrap();
        assert_eq!(order(&project), [1, 4, 2, 3]);
        assert_eq!(project.shift_edit(&block, true), None);
        for _ in 0..2 {
            project.apply(project.shift_edit(&block, false).unwrap()).unwrap();
        }
        assert_eq!(order(&project), [2, 3, 1, 4]);
        assert_eq!(project.shift_edit(&block, false), None);
        assert_eq!(project.shift_edit(&[], true), None);
    }

    #[test]
    fn new_scenes_take_the_place_of_all_but_the_locked_ones() {
        for (locked, new, expected) in [
            (&[][..], 2, &[11, 12][..]),
            (&[1, 4], 4, &[1, 11, 12, 4, 13, 14]),
            (&[3, 5], 1, &[11, 3, 5]),
            (&[1, 2, 3, 4, 5], 1, &[1, 2, 3, 4, 5, 11]),
            (&[5], 3, &[11, 12, 13, 5]),
        ] {
            let mut project = film(5);
            project.scenes.iter_mut().for_each(|scene| scene.locked = locked.contains(&scene.id.0));
            let before = project.clone();
            let scenes = (0..new).map(|n| Scene::new(SceneId(11 + n), "")).collect();
            let undo = project.apply(Edit::Batch(project.replace_edits(scenes))).unwrap();
            assert_eq!(order(&project), expected, "{locked:?}");
            project.apply(undo).unwrap();
            assert_eq!(project.scenes, before.scenes);
        }
    }

    #[test]
    fn several_scenes_are_set_copied_and_removed_but_not_the_locked_one() {
        let mut project = film(4);
        let all: Vec<SceneId> = project.scenes.iter().map(|scene| scene.id).collect();
        project.apply(Edit::SetScene { id: SceneId(2), field: SceneField::Locked(true) }).unwrap();
        let edit = project.set_edit(&all[..3], |_| Some(SceneField::DurationMs(9000))).unwrap();
        project.apply(edit).unwrap();
        let durations: Vec<u32> = project.scenes.iter().map(|scene| scene.duration_ms).collect();
        assert_eq!(durations, [9000, 4000, 9000, 4000]);
        let (edit, copies) = project.duplicate_edit(&[SceneId(3), SceneId(2)]).unwrap();
        project.apply(edit).unwrap();
        assert_eq!(order(&project)[..5], [1, 2, 3, copies[0].0, copies[1].0]);
        assert!(!project.scene(copies[0]).unwrap().locked);
        project.apply(project.remove_edit(&all).unwrap()).unwrap();
        assert_eq!(order(&project), [2, copies[0].0, copies[1].0]);
        assert_eq!(project.remove_edit(&[SceneId(2)]), None);
    }
}
