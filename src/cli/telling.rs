//! Tells on a terminal what the writer says, field by field.

use super::progress::TerminalProgress;
use crate::engine::JobEvent;
use crate::project::ScriptScene;
use crate::writer::DescribeRound;

/// What was told of the scene that is being written.
#[derive(Default)]
pub(super) struct Teller {
    index: Option<usize>,
    told: ScriptScene,
}

impl Teller {
    /// Tells what is new, each field once it is finished.
    pub fn tell(&mut self, event: &JobEvent, progress: &TerminalProgress) {
        match event {
            JobEvent::Scene { index, scene, complete, .. } => self.tell_scene(*index, scene, *complete, progress),
            JobEvent::Camera { index, camera, .. } => progress.note(&format!("{:3}. camera {camera}", index + 1)),
            JobEvent::Description { name, round, text, complete: true, .. } => match round {
                DescribeRound::Aspects => progress.note(&format!("{name}: what matters: {text}")),
                DescribeRound::Photographer => progress.note(&format!("{name}: to a photographer: {text}")),
                DescribeRound::Paragraph => progress.note(&format!("{name}: {text}")),
            },
            _ => {}
        }
    }

    fn tell_scene(&mut self, index: usize, scene: &ScriptScene, complete: bool, progress: &TerminalProgress) {
        if self.index != Some(index) {
            (self.index, self.told) = (Some(index), ScriptScene::default());
        }
        // A field is finished when the next one begins.
        if self.told.background.is_empty() && !scene.prompt.is_empty() {
            self.told.background.clone_from(&scene.background);
            progress.note(&format!("{:3}. {}", index + 1, scene.background));
        }
        if !complete && !scene.foreground.is_empty() && self.told.prompt.is_empty() {
            self.told.prompt.clone_from(&scene.prompt);
            progress.note(&format!("     {}", scene.prompt));
        }
        if complete {
            if self.told.prompt != scene.prompt {
                progress.note(&format!("     {}", scene.prompt));
            }
            progress.note(&format!("     {}", scene.foreground.join(", ")));
            self.index = None;
        }
    }
}
