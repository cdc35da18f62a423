//! How the user wants scripts written, and taking in what the writer says.

use super::app::{App, Selection};
use crate::engine::{JobEvent, JobId};
use crate::models::Defaults;
use crate::project::{CoalesceKey, Edit, EntityKind, Script, ScriptScene};
use crate::writer::{DescribeRound, Sampling};
use serde::{Deserialize, Serialize};

/// Settings of the writing dialog. What is `None` is the writer's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WritingSettings {
    /// How boldly it is written.
    pub temperature: Option<f32>,
    /// Share of the likeliest words to choose from.
    pub top_p: Option<f32>,
    /// How strongly words of earlier scenes are avoided.
    pub repetition: Option<f32>,
    /// `None` writes another script each time.
    pub seed: Option<u64>,
    /// Whether common entities are described.
    pub describe: bool,
}

impl Default for WritingSettings {
    fn default() -> Self {
        Self { temperature: None, top_p: None, repetition: None, seed: None, describe: true }
    }
}

impl WritingSettings {
    /// What is asked of a writer that starts from `defaults`.
    pub fn sampling(&self, defaults: &Defaults) -> Sampling {
        let usual = Sampling::of(defaults);
        Sampling {
            temperature: self.temperature.unwrap_or(usual.temperature),
            top_p: self.top_p.unwrap_or(usual.top_p),
            repetition: self.repetition.unwrap_or(usual.repetition),
        }
    }
}

impl App {
    /// Takes in what the writer says. Everything that is complete becomes part of the project at once, so that it is kept
    /// whatever happens next.
    pub(super) fn take_writing(&mut self, event: JobEvent) {
        let edit = match event {
            JobEvent::Story { job, text } => {
                if let Some(writing) = self.writing.as_mut().filter(|writing| writing.job == job) {
                    writing.story = text;
                }
                return;
            }
            JobEvent::Scene { job, index, scene, complete } => return self.take_scene(job, index, scene, complete),
            JobEvent::Camera { job, index, camera } => {
                let writing = self.writing.as_mut().filter(|writing| writing.job == job);
                let (Some(writing), Some(doc)) = (writing, &self.doc) else { return };
                writing.intake.take_camera(doc.project(), index, camera).map(|edit| (job, edit))
            }
            JobEvent::Description { job, kind, name, round, text, complete } => {
                let writing = self.writing.as_mut().filter(|writing| writing.job == job);
                let (Some(writing), Some(doc)) = (writing, &self.doc) else { return };
                writing.saying = format!("{name}: {text}");
                match round {
                    DescribeRound::Paragraph if complete => {
                        writing.intake.take_description(doc.project(), kind, &name, &text).map(|edit| (job, edit))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some((job, edit)) = edit {
            self.edit(edit, Some(writing_key(job)));
        }
    }

    fn take_scene(&mut self, job: JobId, index: usize, scene: ScriptScene, complete: bool) {
        let Some(writing) = self.writing.as_mut().filter(|writing| writing.job == job) else { return };
        let Some(doc) = &mut self.doc else { return };
        if writing.scenes.len() <= index {
            writing.scenes.resize(index + 1, ScriptScene::default());
        }
        writing.scenes[index] = scene;
        if !complete {
            return;
        }
        let first = writing.intake.is_empty();
        let Some(edit) = writing.intake.take_scene(doc.numbering(), index, &writing.scenes[index]) else { return };
        self.edit(edit, Some(writing_key(job)));
        if first && let Some(scene) = self.doc.as_ref().and_then(|doc| doc.project().scenes.first()) {
            self.selection = Selection::Scene(scene.id);
            self.player.seek(0, self.now());
        }
    }

    /// Brings the scenes to their final form, and adds what the writer said about the cast.
    pub(super) fn take_script(
        &mut self,
        job: JobId,
        script: &Script,
        descriptions: Vec<(EntityKind, String, String)>,
        notes: &[String],
    ) {
        let Some(writing) = self.writing.as_ref().filter(|writing| writing.job == job) else { return };
        let Some(doc) = &self.doc else { return };
        let edits = writing.intake.finish(doc.project(), script, descriptions);
        if !edits.is_empty() {
            self.edit(Edit::Batch(edits), Some(writing_key(job)));
        }
        self.panel_state.fit_timeline = true;
        if !notes.is_empty() {
            self.tell(notes.join(" "));
        }
    }
}

fn writing_key(job: JobId) -> CoalesceKey {
    CoalesceKey::new((job, "writing"))
}
