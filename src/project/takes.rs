//! What is done with takes: choosing, removing, varying, copying what decided one to its scene; and locking a scene.

use super::{
    ClipSettings, DRAFT_STUDIO, Edit, MediaName, Project, Recipe, Scene, SceneField, SceneId, StaleReason,
    StillSettings, StudioFiles, Take, TakeId, TakeKind, stale_reasons, wanted_in_place_of,
};

/// Something that decided a take and that its scene can have too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TakePart {
    /// Its seed.
    Seed,
    /// How it was denoised.
    Settings,
    /// Its prompt.
    Prompt,
}

/// Why nothing is copied from a take to its scene. The display says it to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCopied {
    /// The scene is as the take was in this.
    #[error("the scene has the same")]
    Same,
    /// A draft is drawn without settings.
    #[error("a draft has no render settings")]
    NoSettings,
    /// The scene or the take is gone.
    #[error("there is no such take")]
    NoTake,
}

impl Take {
    /// A take without a star.
    pub fn new(id: TakeId, kind: TakeKind, media: MediaName, recipe: Recipe) -> Self {
        Self { id, kind, media, recipe, starred: false }
    }
}

impl Scene {
    /// The take of this id.
    pub fn take(&self, id: TakeId) -> Option<&Take> {
        self.takes.iter().find(|take| take.id == id)
    }

    /// What people call a take of this scene: its place among them, from 1, the oldest first.
    pub fn take_number(&self, id: TakeId) -> Option<usize> {
        self.takes.iter().position(|take| take.id == id).map(|index| index + 1)
    }

    /// The next seeds after the scene's own that none of its takes has.
    pub fn fresh_seeds(&self, count: usize) -> Vec<u64> {
        let is_used = |seed: u64| seed == self.seed || self.takes.iter().any(|take| take.recipe.seed == seed);
        let mut seed = self.seed;
        let mut fresh = Vec::with_capacity(count);
        while fresh.len() < count {
            seed = seed.wrapping_add(1);
            if !is_used(seed) {
                fresh.push(seed);
            }
        }
        fresh
    }

    /// The take that the film uses when `without` goes: the newest with a star, else the newest; never a draft, which
    /// would not follow the edits.
    fn next_best(&self, without: TakeId) -> Option<TakeId> {
        let rest = || self.takes.iter().rev().filter(|take| take.id != without && take.recipe.studio != DRAFT_STUDIO);
        rest().find(|take| take.starred).or_else(|| rest().next()).map(|take| take.id)
    }
}

impl Project {
    /// How the stills of `scene` are denoised: by its own settings, or by the project's.
    pub fn still_settings<'a>(&'a self, scene: &'a Scene) -> &'a StillSettings {
        scene.still.as_ref().unwrap_or(&self.still)
    }

    /// How the clips of `scene` are denoised: by its own settings, or by the project's.
    pub fn clip_settings<'a>(&'a self, scene: &'a Scene) -> &'a ClipSettings {
        scene.clip.as_ref().unwrap_or(&self.clip)
    }

    /// The edit that makes the film use a take, or the live draft.
    ///
    /// A take that differs from what the scene asks for in nothing but chance brings its seed along: it is what the scene
    /// asks for from now on.
    pub fn choose_edit(&self, id: SceneId, take: Option<TakeId>) -> Edit {
        let choose = Edit::SetScene { id, field: SceneField::Chosen(take) };
        let found = self.scene(id).and_then(|scene| Some((scene, scene.take(take?)?)));
        let Some((scene, take)) = found else { return choose };
        let wanted = wanted_in_place_of(self, scene, take, &StudioFiles::default());
        if stale_reasons(&take.recipe, &wanted) != [StaleReason::Seed] {
            return choose;
        }
        let seed = Edit::SetScene { id, field: SceneField::Seed(take.recipe.seed) };
        Edit::Batch(vec![choose, seed])
    }

    /// The edit that removes a take. When the film used it, it uses the next best one: see [`Scene::next_best`].
    pub fn remove_take_edit(&self, id: SceneId, take: TakeId) -> Edit {
        let scene = self.scene(id);
        let chosen = scene.and_then(|scene| match scene.chosen {
            Some(chosen) if chosen == take => scene.next_best(take),
            other => other,
        });
        Edit::RemoveTake { id, take, chosen }
    }

    /// The edit that gives a scene what one of its takes was made with.
    ///
    /// # Errors
    /// When there is nothing to copy.
    pub fn copy_edit(&self, id: SceneId, take: TakeId, part: TakePart) -> Result<Edit, NotCopied> {
        let scene = self.scene(id).ok_or(NotCopied::NoTake)?;
        let recipe = &scene.take(take).ok_or(NotCopied::NoTake)?.recipe;
        let mut edits = Vec::new();
        let mut set = |is_same: bool, field: SceneField| {
            if !is_same {
                edits.push(Edit::SetScene { id, field });
            }
        };
        match part {
            TakePart::Seed => set(recipe.seed == scene.seed, SceneField::Seed(recipe.seed)),
            TakePart::Prompt => set(recipe.prompt == scene.prompt, SceneField::Prompt(recipe.prompt.clone())),
            TakePart::Settings => {
                let still = recipe.still.as_ref().ok_or(NotCopied::NoSettings)?;
                set(still == self.still_settings(scene), SceneField::Still(Some(still.clone())));
                if let Some(clip) = &recipe.clip {
                    let is_same = clip.settings == *self.clip_settings(scene);
                    set(is_same, SceneField::Clip(Some(clip.settings.clone())));
                }
            }
        }
        match edits.len() {
            0 => Err(NotCopied::Same),
            1 => Ok(edits.remove(0)),
            _ => Ok(Edit::Batch(edits)),
        }
    }

    /// The locked scene that an edit of the user's would change.
    ///
    /// A locked scene keeps its words, its settings and the take that the film uses, and is not deleted. It can still be
    /// moved, starred, copied and unlocked; a new name of an entity reaches it, since the same name means the same entity
    /// in every scene.
    pub fn lock_against(&self, edit: &Edit) -> Option<SceneId> {
        let is_locked = |id: SceneId| self.scene(id).is_some_and(|scene| scene.locked);
        match edit {
            Edit::SetScene { field: SceneField::Locked(_), .. } => None,
            Edit::SetScene { id, .. } | Edit::RemoveScene(id) | Edit::RemoveTake { id, .. } => {
                Some(*id).filter(|id| is_locked(*id))
            }
            Edit::Batch(edits) => edits.iter().find_map(|edit| match edit {
                Edit::SetScene { field: SceneField::Foreground(_) | SceneField::Background(_), .. } => None,
                edit => self.lock_against(edit),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{EntityKind, wanted_recipe};

    /// A scene with takes of these studios and seeds, the last of them chosen.
    fn film(takes: &[(&str, u64)]) -> (Project, SceneId) {
        let mut project = Project::new("A keeper rescues a boat");
        let scene = Scene::new(project.new_scene_id(), "The keeper lights the lamp");
        let id = scene.id;
        project.apply(Edit::InsertScene { index: 0, scene: Box::new(scene) }).unwrap();
        for (studio, seed) in takes {
            let mut recipe = wanted_recipe(&project, &project.scenes[0], studio, &[]);
            recipe.seed = *seed;
            let media = MediaName::of(&seed.to_le_bytes(), "png").unwrap();
            let take = Box::new(Take::new(project.new_take_id(), TakeKind::Still, media, recipe));
            project.apply(Edit::AddTake { id, take, choose: true }).unwrap();
        }
        (project, id)
    }

    fn ids(project: &Project) -> Vec<TakeId> {
        project.scenes[0].takes.iter().map(|take| take.id).collect()
    }

    #[test]
    fn a_chosen_variation_brings_its_seed_along_and_is_not_stale() {
        let (mut project, id) = film(&[("tiny", 1), ("tiny", 8)]);
        project.apply(Edit::SetStudio("tiny".to_owned())).unwrap();
        let before = project.clone();
        let undo = project.apply(project.choose_edit(id, Some(ids(&project)[1]))).unwrap();
        assert_eq!(project.scenes[0].seed, 8);
        assert_eq!(undo.undone_label(), "choice of take");
        project.apply(undo).unwrap();
        assert_eq!(project, before);
        // One that is stale for another reason too comes alone.
        let other = SceneField::Prompt("The keeper sleeps".to_owned());
        project.apply(Edit::SetScene { id, field: other }).unwrap();
        let edit = project.choose_edit(id, Some(ids(&project)[1]));
        assert_eq!(edit, Edit::SetScene { id, field: SceneField::Chosen(Some(ids(&project)[1])) });
    }

    #[test]
    fn a_removed_take_leaves_the_film_with_the_next_best_one() {
        let (mut project, id) = film(&[("tiny", 1), ("tiny", 2), ("draft", 3), ("tiny", 4)]);
        let [first, second, draft, last] = ids(&project)[..] else { panic!() };
        let chosen_after = |project: &Project, take| match project.remove_take_edit(id, take) {
            Edit::RemoveTake { chosen, .. } => chosen,
            other => panic!("{other:?}"),
        };
        assert_eq!(chosen_after(&project, last), Some(second), "the newest that is no draft");
        project.apply(Edit::StarTake { id, take: first, starred: true }).unwrap();
        assert_eq!(chosen_after(&project, last), Some(first), "one with a star");
        assert_eq!(chosen_after(&project, draft), Some(last), "what is shown stays");
        let (project, id) = film(&[("tiny", 1)]);
        assert_eq!(project.remove_take_edit(id, ids(&project)[0]), {
            Edit::RemoveTake { id, take: ids(&project)[0], chosen: None }
        });
    }

    #[test]
    fn seeds_of_variations_are_new() {
        let (mut project, id) = film(&[("draft", 3), ("draft", 5)]);
        project.apply(Edit::SetScene { id, field: SceneField::Seed(2) }).unwrap();
        assert_eq!(project.scenes[0].fresh_seeds(3), [4, 6, 7]);
        project.apply(Edit::SetScene { id, field: SceneField::Seed(u64::MAX) }).unwrap();
        assert_eq!(project.scenes[0].fresh_seeds(1), [0]);
    }

    #[test]
    fn what_made_a_take_is_copied_to_its_scene() {
        let (mut project, id) = film(&[("draft", 3), ("tiny", 4)]);
        let [draft, tiny] = ids(&project)[..] else { panic!() };
        let few = StillSettings { steps: 9, ..StillSettings::default() };
        project.apply(Edit::SetStill(few)).unwrap();
        assert_eq!(project.copy_edit(id, draft, TakePart::Settings), Err(NotCopied::NoSettings));
        assert_eq!(project.copy_edit(id, tiny, TakePart::Prompt), Err(NotCopied::Same));
        assert_eq!(project.copy_edit(id, TakeId(99), TakePart::Seed), Err(NotCopied::NoTake));
        project.apply(project.copy_edit(id, tiny, TakePart::Seed).unwrap()).unwrap();
        project.apply(project.copy_edit(id, tiny, TakePart::Settings).unwrap()).unwrap();
        let scene = &project.scenes[0];
        assert_eq!((scene.seed, project.still_settings(scene).steps), (4, 60));
        assert_eq!(project.still.steps, 9, "the project keeps its own");
        assert_eq!(project.copy_edit(id, tiny, TakePart::Settings), Err(NotCopied::Same));
    }

    #[test]
    fn a_locked_scene_keeps_what_it_shows() {
        let (mut project, id) = film(&[("tiny", 1)]);
        let take = ids(&project)[0];
        let set = |field| Edit::SetScene { id, field };
        let prompt = set(SceneField::Prompt("x".to_owned()));
        assert_eq!(project.lock_against(&prompt), None);
        project.apply(set(SceneField::Locked(true))).unwrap();
        let remove = project.remove_take_edit(id, take);
        let choose = Edit::Batch(vec![set(SceneField::Chosen(None)), set(SceneField::Seed(4))]);
        for kept in [prompt, remove, choose, Edit::RemoveScene(id)] {
            assert_eq!(project.lock_against(&kept), Some(id), "{kept:?}");
        }
        let star = Edit::StarTake { id, take, starred: true };
        let rename = project.rename_edit(EntityKind::Foreground, "keeper", "captain");
        for free in [star, rename, set(SceneField::Locked(false)), Edit::MoveScene { id, index: 0 }] {
            assert_eq!(project.lock_against(&free), None, "{free:?}");
        }
    }
}
