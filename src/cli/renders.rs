//! `reelboard render` and `reelboard queue`: what is to be rendered, in order, and taken up again.

use super::args::{QueueCommand, Stage};
use super::film::{Film, show_status};
use super::progress::{TerminalProgress, Unit};
use crate::engine::{
    FilmNow, JobOutput, RenderEnd, RenderEntry, RenderFolder, RenderItem, RenderQueue, RenderRecord, RenderStage,
    RenderState, RunError, StudioModels,
};
use crate::project::{
    DRAFT_STUDIO, Edit, EntityField, EntitySummary, Project, ProjectStore, SceneId, Take, TakeKind, entities,
};
use anyhow::{Result, bail};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// The user stopped a render, and it can go on.
#[derive(Debug, thiserror::Error)]
#[error("paused{at}; {go_on} to go on")]
pub struct PausedRender {
    /// Where, as the end of a sentence.
    pub(super) at: String,
    /// What to do, in the imperative.
    pub(super) go_on: String,
}

/// What an engine's questions about the film are answered from.
struct Now {
    entities: Vec<EntitySummary>,
    models: Option<Vec<(String, String)>>,
    only: Option<RenderStage>,
}

impl Now {
    fn of(film: &Film, studio: Option<&StudioModels>, only: Option<RenderStage>) -> Self {
        // What a model's files are is known for certain once they were read, which the first render does.
        let models = studio.map_or_else(|| Some(Vec::new()), StudioModels::known_still_models);
        Self { entities: entities(&film.project), models, only }
    }

    fn film<'a>(&'a self, film: &'a Film, studio: Option<&'a StudioModels>) -> FilmNow<'a> {
        let (entities, models) = (&self.entities, self.models.as_deref());
        FilmNow { project: &film.project, entities, studio, models, only: self.only }
    }
}

impl Film {
    /// Renders what scenes, counted from 1, lack, and prints the files. Goes on with what an earlier run has begun.
    ///
    /// # Errors
    /// [`PausedRender`] when the user stops it.
    pub fn render(&mut self, studio: Option<&StudioModels>, numbers: &[usize], stage: Option<Stage>) -> Result<()> {
        let only = stage.map(|stage| match stage {
            Stage::References => RenderStage::References,
            Stage::Stills => RenderStage::Stills,
        });
        let scenes: Vec<SceneId> = numbers.iter().map(|number| self.project.scenes[number - 1].id).collect();
        let folder = RenderFolder::of_project(self.store.folder());
        let (record, note) = folder.read();
        if let Some(note) = note {
            eprintln!("{note}");
        }
        let mut now = Now::of(self, studio, only);
        let asked = now.film(self, studio).lacking(&scenes);
        let everything = only.is_none() && scenes.len() == self.project.scenes.len();
        // What was waiting keeps its order; what of it is not asked for now waits on.
        let (mine, others) = record.renders.into_iter().partition(|old| everything || asked.contains(&old.item));
        let record = RenderRecord { renders: others };
        let mut queue = RenderQueue::restore(RenderRecord { renders: mine });
        queue.resume_all();
        queue.add(asked);
        let mut told = only == Some(RenderStage::References);
        loop {
            now = Now::of(self, studio, only);
            let next = queue.next(&now.film(self, studio), None);
            let entry = next.and_then(|id| queue.entry(id)).cloned();
            let references_are_done = entry.as_ref().is_none_or(|entry| entry.item.stage() == RenderStage::Stills);
            if references_are_done && !std::mem::replace(&mut told, true) {
                self.print_finished(&now.film(self, studio), &scenes);
            }
            keep(&folder, &queue, &record)?;
            let Some(entry) = entry else { break };
            self.render_entry(&mut queue, &entry, studio, &now, &folder, &record)?;
        }
        if !queue.is_empty() {
            bail!("{} renders wait for something that cannot be made", queue.entries().len());
        }
        if !record.renders.is_empty() {
            let (count, project) = (record.renders.len(), self.store.folder().display());
            eprintln!("{count} more waiting; see them with \"reelboard queue {project}\"");
        }
        Ok(())
    }

    /// Prints the takes that need not be rendered.
    fn print_finished(&self, film: &FilmNow<'_>, scenes: &[SceneId]) {
        for scene in scenes.iter().filter_map(|id| film.project.scene(*id)) {
            let take = film.up_to_date_take(scene);
            if let Some(take) = scene.takes.iter().find(|known| Some(known.id) == take) {
                println!("{}", self.store.media().path(&take.media).display());
            }
        }
    }

    fn render_entry(
        &mut self,
        queue: &mut RenderQueue,
        entry: &RenderEntry,
        studio: Option<&StudioModels>,
        now: &Now,
        folder: &RenderFolder,
        others: &RenderRecord,
    ) -> Result<()> {
        let title = entry.item.title(&self.project);
        let Some(spec) = entry.item.job(&now.film(self, studio), &self.store.media()) else {
            bail!("{title}: the {} studio cannot", self.project.studio);
        };
        let state = folder.state_file(&entry.item);
        match state.steps() {
            Some((done, total)) => eprintln!("{title}, on from step {done} of {total}"),
            None => eprintln!("{title}"),
        }
        let progress = TerminalProgress::new(Unit::Steps, Arc::clone(&self.cancel));
        let mut job = None;
        let result = self.engine.run_kept(spec, state.clone(), |event, status| {
            if job.is_none() {
                job = Some(event.job());
                queue.started(entry.id, event.job());
            }
            // A raised flag puts the job aside by itself.
            if let Some(status) = status {
                show_status(&progress, &status);
            }
            true
        });
        progress.clear();
        let end = match &result {
            Ok(_) => RenderEnd::Done,
            Err(RunError::Paused) => RenderEnd::Paused,
            Err(RunError::Cancelled) => RenderEnd::Cancelled,
            Err(_) => RenderEnd::Failed,
        };
        if let Some(job) = job {
            queue.ended(job, end, None, &now.film(self, studio));
        }
        match result {
            Ok(output) => self.take_render(&entry.item, output),
            Err(RunError::Paused) => {
                keep(folder, queue, others)?;
                let at = state.steps().map(|(done, total)| format!(" after step {done} of {total} of \"{title}\""));
                let go_on = "run the same command again".to_owned();
                Err(PausedRender { at: at.unwrap_or_default(), go_on }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what a render has made into the project, and prints its file.
    fn take_render(&mut self, item: &RenderItem, output: JobOutput) -> Result<()> {
        let made = match output {
            JobOutput::Reference { kind, name, reference, note } => {
                if let Some(note) = note {
                    eprintln!("{name}: {note}");
                }
                let made = format!("{name}: {}", self.store.media().path(&reference.picture).display());
                let edit = self.project.entity_edit(kind, &name, EntityField::Reference(Some(reference)));
                self.edit(edit)?;
                made
            }
            JobOutput::Take { scene: id, media, recipe, notes } => {
                let Some(scene) = self.project.scene(id) else { bail!("the take's scene is gone") };
                for note in notes {
                    eprintln!("{}: {note}", item.title(&self.project));
                }
                let known = scene.takes.iter().any(|take| take.media == media && take.recipe == recipe);
                let made = self.store.media().path(&media).display().to_string();
                if !known {
                    let take_id = Arc::make_mut(&mut self.project).new_take_id();
                    let choose = recipe.studio != DRAFT_STUDIO;
                    let take = Box::new(Take { id: take_id, kind: TakeKind::Still, media, recipe });
                    self.edit(Edit::AddTake { id, take, choose })?;
                }
                made
            }
            other => bail!("a render gave {other:?}"),
        };
        self.save()?;
        println!("{made}");
        Ok(())
    }
}

/// Keeps what is left to render: this command's, then what was waiting before it.
fn keep(folder: &RenderFolder, queue: &RenderQueue, others: &RenderRecord) -> Result<()> {
    let mut record = queue.record();
    record.renders.extend(others.renders.iter().cloned());
    folder.write(&record).map_err(|error| anyhow::anyhow!("the queue cannot be kept: {error}"))
}

/// Shows what waits to be rendered in a project, or changes it. Who has the project open owns its queue.
pub(super) fn queue(
    project: &Path,
    change: Option<&QueueCommand>,
    studio: impl Fn(&Project) -> Option<StudioModels>,
) -> Result<String> {
    let folder = RenderFolder::of_project(project);
    let Some(change) = change else {
        let read = crate::project::read_project(project)?;
        let (record, note) = folder.read();
        return Ok(note.map_or_else(String::new, |note| note + "\n") + &listed(&RenderQueue::restore(record), &read));
    };
    let (_store, read, _) = ProjectStore::open(project)?;
    let (record, note) = folder.read();
    let mut queue = RenderQueue::restore(record);
    let ids: Vec<_> = queue.entries().iter().map(|entry| entry.id).collect();
    let chosen = |number: usize| match ids.get(number.wrapping_sub(1)) {
        Some(id) => Ok(*id),
        None => Err(anyhow::anyhow!("there is no render {number} in the queue; it has {}", ids.len())),
    };
    match *change {
        QueueCommand::Pause { number } => {
            let chosen = number.map_or_else(|| Ok(ids.clone()), |number| chosen(number).map(|id| vec![id]))?;
            chosen.into_iter().for_each(|id| queue.hold(id));
        }
        QueueCommand::Resume { number: Some(number) } => queue.resume_one(chosen(number)?),
        QueueCommand::Resume { number: None } => queue.resume_all(),
        QueueCommand::Cancel { number: Some(number) } => {
            let (entities, studio, project) = (entities(&read), studio(&read), Arc::new(read.clone()));
            let film =
                FilmNow { project: &project, entities: &entities, studio: studio.as_ref(), models: None, only: None };
            queue.cancel(chosen(number)?, &film);
        }
        QueueCommand::Cancel { number: None } => {
            queue.cancel_all();
        }
        QueueCommand::Move { number, to } => queue.move_to(chosen(number)?, to.saturating_sub(1)),
    }
    keep(&folder, &queue, &RenderRecord::default())?;
    Ok(note.map_or_else(String::new, |note| note + "\n") + &listed(&queue, &read))
}

/// A line for each render.
fn listed(queue: &RenderQueue, project: &Project) -> String {
    if queue.is_empty() {
        return "nothing waits to be rendered\n".to_owned();
    }
    let mut text = String::new();
    for (index, entry) in queue.entries().iter().enumerate() {
        let paused = if entry.state() == RenderState::Paused { ", paused" } else { "" };
        let steps = entry.steps.map_or_else(String::new, |(done, total)| format!(", {done} of {total} steps done"));
        let _ = writeln!(text, "{:3}  {}{steps}{paused}", index + 1, entry.item.title(project));
    }
    text
}
