//! What the options of a render change in a project.

use super::args::ClipOptions;
use crate::project::{Edit, Project, SceneField, SceneId, StillSettings};

/// Other denoising steps of stills, in the project and in those of the scenes that have settings of their own.
pub fn steps_edit(project: &Project, steps: u32, scenes: &[SceneId]) -> Option<Edit> {
    let with_steps = |still: &StillSettings| StillSettings { steps, ..still.clone() };
    let mut edits = Vec::new();
    if project.still.steps != steps {
        edits.push(Edit::SetStill(with_steps(&project.still)));
    }
    edits.extend(project.set_edit(scenes, |scene| {
        let own = scene.still.as_ref().filter(|own| own.steps != steps)?;
        Some(SceneField::Still(Some(with_steps(own))))
    }));
    (!edits.is_empty()).then_some(Edit::Batch(edits))
}

/// How clips are made from now on, in the project and in those of the scenes that have settings of their own.
pub fn clip_edit(project: &Project, options: &ClipOptions, scenes: &[SceneId]) -> Option<Edit> {
    let mut edits = Vec::new();
    let new = options.applied_to(&project.clip);
    if new != project.clip {
        edits.push(Edit::SetClip(new));
    }
    edits.extend(project.set_edit(scenes, |scene| {
        let own = scene.clip.as_ref()?;
        let new = options.applied_to(own);
        (new != *own).then_some(SceneField::Clip(Some(new)))
    }));
    (!edits.is_empty()).then_some(Edit::Batch(edits))
}
