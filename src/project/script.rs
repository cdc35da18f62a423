//! A script as a writer delivers it, before it becomes scenes of a project.

use super::{CameraMove, Project, Scene};
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

impl ScriptScene {
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
