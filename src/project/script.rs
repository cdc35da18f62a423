//! A script as a writer delivers it, before it becomes scenes of a project.

use super::{CameraMove, Edit, EntityField, EntityKind, Project, Scene, SceneField, SceneId};
use serde::{Deserialize, Serialize};

/// What a writer makes of a premise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Script {
    /// In film order.
    pub scenes: Vec<ScriptScene>,
}

/// One scene of a script. While it is being written, its later fields are still empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ScriptScene {
    /// What happens: one action.
    pub prompt: String,
    /// Names of the people and objects.
    pub foreground: Vec<String>,
    /// Name of the place.
    pub background: String,
    /// How the camera moves.
    pub camera: CameraMove,
}

impl Script {
    /// The edits that append the script's scenes to a project, seeded from `seed` on.
    pub fn insert_edits(&self, project: &mut Project, seed: u64) -> Vec<Edit> {
        let first = project.scenes.len();
        let mut background = project.scenes.last().map(|scene| scene.background.clone());
        let mut edits = Vec::with_capacity(self.scenes.len());
        for (i, scene) in self.scenes.iter().enumerate() {
            let made = scene.to_scene(project, background.as_deref(), seed.wrapping_add(i as u64));
            background = Some(made.background.clone());
            edits.push(Edit::InsertScene { index: first + i, scene: Box::new(made) });
        }
        edits
    }
}

/// A script that arrives scene by scene and becomes edits as it does, so that nothing finished is lost. What the user has
/// changed meanwhile stays.
#[derive(Debug, Clone)]
pub struct ScriptIntake {
    seed: u64,
    background: Option<String>,
    /// The scenes that have come, as the writer last had them.
    inserted: Vec<(SceneId, ScriptScene)>,
    /// Where locked scenes of the earlier script stand, in film order.
    kept: Vec<usize>,
}

impl ScriptIntake {
    /// Begins a script whose scenes are seeded from `seed` on.
    pub fn new(seed: u64) -> Self {
        Self { seed, background: None, inserted: Vec::new(), kept: Vec::new() }
    }

    /// How many scenes have come.
    pub fn len(&self) -> usize {
        self.inserted.len()
    }

    /// Whether no scene has come yet.
    pub fn is_empty(&self) -> bool {
        self.inserted.is_empty()
    }

    /// The edit that adds a finished scene. The first one also takes the scenes of the earlier script out, but for the
    /// locked ones: they keep their places in the film, and the new scenes go around them.
    ///
    /// `project` is only asked for a number. A scene out of order gives nothing.
    pub fn take_scene(&mut self, project: &mut Project, index: usize, scene: &ScriptScene) -> Option<Edit> {
        if index != self.inserted.len() {
            return None;
        }
        let mut edits = Vec::new();
        let mut len = project.scenes.len();
        if index == 0 {
            let (kept, gone): (Vec<_>, Vec<_>) = project.scenes.iter().enumerate().partition(|(_, scene)| scene.locked);
            self.kept = kept.into_iter().map(|(place, _)| place).collect();
            edits.extend(gone.into_iter().map(|(_, scene)| Edit::RemoveScene(scene.id)));
            len = self.kept.len();
        }
        let made = scene.to_scene(project, self.background.as_deref(), self.seed.wrapping_add(index as u64));
        self.background = Some(made.background.clone());
        self.inserted.push((made.id, scene.clone()));
        edits.push(Edit::InsertScene { index: self.place(index).min(len), scene: Box::new(made) });
        Some(Edit::Batch(edits))
    }

    /// The place in the film of the new scene with this number: the places of locked scenes are taken.
    fn place(&self, index: usize) -> usize {
        let mut place = index;
        for kept in &self.kept {
            if *kept <= place {
                place += 1;
            }
        }
        place
    }

    /// The edit that moves the camera of a scene as planned, unless the user has chosen a move meanwhile.
    pub fn take_camera(&mut self, project: &Project, index: usize, camera: CameraMove) -> Option<Edit> {
        let (id, known) = self.inserted.get_mut(index)?;
        let before = std::mem::replace(&mut known.camera, camera);
        let scene = project.scene(*id).filter(|scene| !scene.locked && scene.camera == before && before != camera)?;
        Some(Edit::SetScene { id: scene.id, field: SceneField::Camera(camera) })
    }

    /// The edit that describes somebody or something. A description that is there already stays: somebody wrote it.
    pub fn take_description(&self, project: &Project, kind: EntityKind, name: &str, text: &str) -> Option<Edit> {
        let is_free = project.cast_entry(kind, name).is_none_or(|cast| cast.description.is_empty());
        is_free.then(|| project.entity_edit(kind, name, EntityField::Description(text.to_owned())))
    }

    /// The edits that bring the scenes to their final form and describe the cast, as far as that has not come piece by
    /// piece.
    pub fn finish(
        &self,
        project: &Project,
        script: &Script,
        descriptions: Vec<(EntityKind, String, String)>,
    ) -> Vec<Edit> {
        let mut edits = Vec::new();
        for ((id, known), wanted) in self.inserted.iter().zip(&script.scenes) {
            // One that was locked meanwhile is final already.
            if let Some(scene) = project.scene(*id).filter(|scene| !scene.locked) {
                edits.extend(wanted.differences(known, scene).map(|field| Edit::SetScene { id: *id, field }));
            }
        }
        edits.extend(
            descriptions.iter().filter_map(|(kind, name, text)| self.take_description(project, *kind, name, text)),
        );
        edits
    }
}

impl ScriptScene {
    /// The fields in which this differs from a scene that was made of `earlier` and has that form of them still.
    fn differences(&self, earlier: &Self, scene: &Scene) -> impl Iterator<Item = SceneField> {
        let prompt = scene.prompt == earlier.prompt && scene.prompt != self.prompt;
        let foreground = scene.foreground == earlier.foreground && scene.foreground != self.foreground;
        let background = scene.background == earlier.background && scene.background != self.background;
        let camera = scene.camera == earlier.camera && scene.camera != self.camera;
        [
            prompt.then(|| SceneField::Prompt(self.prompt.clone())),
            foreground.then(|| SceneField::Foreground(self.foreground.clone())),
            background.then(|| SceneField::Background(self.background.clone())),
            camera.then_some(SceneField::Camera(self.camera)),
        ]
        .into_iter()
        .flatten()
    }

    /// Length of a dissolve between two places; scenes in the same place meet in a hard cut.
    const DISSOLVE_MS: u32 = 500;

    /// Turns the scene into one of `project`, to be inserted after `previous` (its background, if there is one).
    ///
    /// Film grammar decides the transition: a hard cut within a place, a dissolve to another one. Longer actions get
    /// more time, from 3 to 6 seconds.
    pub fn to_scene(&self, project: &mut Project, previous_background: Option<&str>, seed: u64) -> Scene {
        let words = self.prompt.split_whitespace().count() as u32;
        let mut scene = Scene::new(project.new_scene_id(), self.prompt.clone());
        scene.foreground = self.foreground.clone();
        scene.background = self.background.clone();
        scene.camera = self.camera;
        scene.duration_ms = (2000 + words * 200).clamp(3000, 6000) / 500 * 500;
        scene.dissolve_ms = match previous_background {
            Some(background) if background != self.background => Self::DISSOLVE_MS,
            _ => 0,
        };
        scene.seed = seed;
        scene
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_script_goes_around_locked_scenes() {
        let words = |project: &Project| project.scenes.iter().map(|scene| scene.prompt.clone()).collect::<Vec<_>>();
        let script = |count: usize| -> Script {
            let scene = |n| ScriptScene { prompt: format!("new {n}"), ..ScriptScene::default() };
            Script { scenes: (0..count).map(scene).collect() }
        };
        let write = |count: usize, locked: &[usize]| {
            let mut project = Project::new("");
            for edit in script(5).insert_edits(&mut project.clone(), 0) {
                project.apply(edit).unwrap();
            }
            for (n, scene) in project.scenes.iter_mut().enumerate() {
                scene.prompt = format!("old {n}");
                scene.locked = locked.contains(&n);
            }
            let mut intake = ScriptIntake::new(0);
            for (index, scene) in script(count).scenes.iter().enumerate() {
                let edit = intake.take_scene(&mut project, index, scene).unwrap();
                project.apply(edit).unwrap();
            }
            words(&project)
        };
        assert_eq!(write(2, &[]), ["new 0", "new 1"]);
        assert_eq!(write(4, &[0, 3]), ["old 0", "new 0", "new 1", "old 3", "new 2", "new 3"]);
        assert_eq!(write(1, &[2, 4]), ["new 0", "old 2", "old 4"]);
        assert_eq!(write(2, &[0, 1, 2, 3, 4]), ["old 0", "old 1", "old 2", "old 3", "old 4", "new 0", "new 1"]);
    }
}
