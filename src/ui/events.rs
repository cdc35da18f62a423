//! Takes in what the engine reports.

use super::app::{App, Notice};
use super::command::Dialog;
use crate::engine::{JobEvent, JobId, JobOutput, RenderEnd};
use crate::project::{DRAFT_STUDIO, Edit, Take};

impl App {
    pub(super) fn take_event(&mut self, event: JobEvent) {
        match event {
            JobEvent::Started(_) | JobEvent::Progress(_) => {}
            JobEvent::Story { .. }
            | JobEvent::Scene { .. }
            | JobEvent::Camera { .. }
            | JobEvent::Description { .. } => self.take_writing(event),
            JobEvent::Proposal { job, proposal } => self.take_proposal(job, *proposal, false),
            JobEvent::Finished { job, output } => self.take_output(job, *output),
            JobEvent::Failed { job, message } => {
                self.give_up_what_needs(job);
                self.end_render(job, RenderEnd::Failed);
                self.end_of(job);
                self.stills.fail(job, &message);
                self.clips.fail(job);
                self.complain(message);
            }
            JobEvent::Cancelled(job) => {
                if self.writing.as_ref().is_some_and(|writing| writing.job == job) {
                    self.tell("stopped; what was written so far is kept");
                }
                self.give_up_what_needs(job);
                self.end_render(job, RenderEnd::Cancelled);
                self.end_of(job);
            }
            JobEvent::Paused(job) => {
                self.end_render(job, RenderEnd::Paused);
                self.end_of(job);
            }
        }
    }

    /// Forgets what a job was for.
    fn end_of(&mut self, job: JobId) {
        self.coming.remove(&job);
        self.rendering.end_of(job);
        self.forget_revision_of(job);
        if self.exporting == Some(job) {
            self.exporting = None;
        }
        if self.writing.as_ref().is_some_and(|writing| writing.job == job) {
            self.writing = None;
            if let Some(doc) = &mut self.doc {
                doc.seal();
            }
        }
        self.render_next();
    }

    fn take_output(&mut self, job: JobId, output: JobOutput) {
        match output {
            JobOutput::Script { script, descriptions, notes } => self.take_script(job, &script, descriptions, &notes),
            JobOutput::Reference { kind, name, reference, note } => {
                // A picture for a project that was closed meanwhile stays in its media folder.
                if let Some(coming) = self.coming.get(&job)
                    && self.is_still_wanted(coming)
                {
                    self.set_reference(kind, &name, reference);
                    if let Some(note) = note {
                        self.tell(note);
                    }
                }
            }
            JobOutput::Picture { target, tag, picture, thumbnail } => {
                let ctx = self.ctx.clone();
                self.stills.insert(&ctx, target, tag, picture, &thumbnail);
            }
            JobOutput::Take { scene, media, recipe, notes } => {
                if !notes.is_empty() {
                    self.tell(notes.join("; "));
                }
                // Scenes of two projects may have the same number.
                let entry = self.rendering.queue.of_job(job);
                let is_ours = entry.is_some();
                let is_variation = entry.is_some_and(|entry| entry.item.is_variation());
                if let Some(doc) = self.doc.as_mut().filter(|_| is_ours)
                    && let Some(known) = doc.project().scene(scene)
                {
                    if known.takes.iter().any(|take| take.media == media && take.recipe == *recipe) {
                        self.tell("this take is there already; \"Vary\" makes another one");
                        self.end_render(job, RenderEnd::Done);
                        return self.end_of(job);
                    }
                    let is_locked = known.locked;
                    let id = doc.numbering().new_take_id();
                    // A draft is never chosen by itself: the live draft follows the edits, and a take would not. Nor is
                    // one of several variations, or anything in a scene that was locked meanwhile.
                    let choose = recipe.studio != DRAFT_STUDIO && !is_variation && !is_locked;
                    let take = Box::new(Take::new(id, recipe.kind(), media, *recipe));
                    if let Err(error) = doc.engine_edit(Edit::AddTake { id: scene, take, choose }) {
                        self.complain(error.to_string());
                    }
                    // What a model's files are is known for certain once they were read.
                    self.rendering.look_at_models();
                } else {
                    log::info!("kept {media} of a scene that is no longer there");
                }
            }
            JobOutput::Clip { clip } => self.clips.insert(job, clip),
            JobOutput::Followed => self.clips.followed(job),
            JobOutput::Film { path, report } => {
                let text = format!(
                    "exported {} · {} frames · {:.1} s · {:.1} MB",
                    path.display(),
                    report.frames,
                    report.duration_secs,
                    report.bytes as f64 / 1e6
                );
                self.notice = Some(Notice { text, bad: false, path: Some(path) });
                self.dialog = None;
            }
            JobOutput::Model { id } => {
                let model = self.registry.model(&id).ok();
                // Random weights are made without asking, so nobody waits for the news.
                if !model.is_some_and(|model| model.is_made()) {
                    let title = model.map_or(id.clone(), |model| model.title.clone());
                    self.tell(format!("{title} is ready"));
                }
                self.rendering.look_at_models();
                if self.dialog == Some(Dialog::Studio) {
                    self.look_at_needs();
                }
            }
            JobOutput::Proposal(proposal) => self.take_proposal(job, *proposal, true),
            JobOutput::Nothing => {}
        }
        self.end_render(job, RenderEnd::Done);
        self.end_of(job);
    }
}
