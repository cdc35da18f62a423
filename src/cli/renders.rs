//! `reelboard render` and `reelboard queue`: what is to be rendered, in order, and taken up again.

use super::args::{QueueCommand, Stage};
use super::film::{Film, show_status};
use super::progress::{TerminalProgress, Unit};
use crate::engine::{
    FilmNow, JobOutput, RenderEnd, RenderEntry, RenderFolder, RenderItem, RenderPart, RenderQueue, RenderRecord,
    RenderStage, RenderState, RunError, StudioModels,
};
use crate::project::{
    DRAFT_STUDIO, Edit, EntityField, EntitySummary, Project, ProjectStore, StudioFiles, Take, entities,
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
    files: StudioFiles,
    only: Option<RenderStage>,
}

impl Now {
    fn of(film: &Film, studio: Option<&StudioModels>, only: Option<RenderStage>) -> Self {
        // What a model's files are is known for certain once they were read, which the first render does.
        let files = studio.map_or_else(StudioFiles::of_draft, StudioModels::known_files);
        Self { entities: entities(&film.project), files, only }
    }

    fn film<'a>(&'a self, film: &'a Film, studio: Option<&'a StudioModels>) -> FilmNow<'a> {
        FilmNow { project: &film.project, entities: &self.entities, studio, files: &self.files, only: self.only }
    }
}

impl Film {
    /// Renders what scenes, counted from 1, lack, and prints the files. Goes on with what an earlier run has begun.
    ///
    /// With `others`, which are variations of these scenes, only stills are rendered: the user chooses one of them first.
    ///
    /// # Errors
    /// [`PausedRender`] when the user stops it.
    pub fn render(
        &mut self,
        studio: Option<&StudioModels>,
        numbers: &[usize],
        stage: Option<Stage>,
        others: Vec<RenderItem>,
    ) -> Result<()> {
        let only = stage.map(|stage| match stage {
            Stage::References => RenderStage::References,
            Stage::Stills => RenderStage::Stills,
            Stage::Clips => RenderStage::Clips,
        });
        let part = match stage {
            None if !others.is_empty() => RenderPart::Still,
            None | Some(Stage::References) => RenderPart::All,
            Some(Stage::Stills) => RenderPart::Still,
            Some(Stage::Clips) => RenderPart::Clip,
        };
        let scenes = self.ids(numbers);
        let folder = RenderFolder::of_project(self.store.folder());
        let (record, note) = folder.read();
        if let Some(note) = note {
            eprintln!("{note}");
        }
        let mut now = Now::of(self, studio, only);
        let asked = now.film(self, studio).lacking(&scenes, part);
        let everything = only.is_none() && scenes.len() == self.project.scenes.len();
        // What was waiting keeps its order; what of it is not asked for now waits on.
        let (mine, waiting) = record.renders.into_iter().partition(|old| everything || asked.contains(&old.item));
        let record = RenderRecord { renders: waiting };
        let mut queue = RenderQueue::restore(RenderRecord { renders: mine });
        queue.resume_all();
        queue.add(asked);
        queue.add(others);
        // What need not be made is told when its stage begins: what comes before it may make it stale.
        let mut untold: Vec<RenderItem> = match (only, part) {
            (Some(RenderStage::References), _) => Vec::new(),
            (None, RenderPart::All) => {
                let film = now.film(self, studio);
                let clips = scenes.iter().map(|scene| film.target(*scene, part));
                let clips = clips.filter(|item| item.stage() == RenderStage::Clips);
                scenes.iter().map(|scene| RenderItem::Still(*scene)).chain(clips).collect()
            }
            _ => scenes.iter().map(|scene| now.film(self, studio).target(*scene, part)).collect(),
        };
        loop {
            now = Now::of(self, studio, only);
            let next = queue.next(&now.film(self, studio), None);
            let entry = next.and_then(|id| queue.entry(id)).cloned();
            let stage = entry.as_ref().map(|entry| entry.item.stage());
            let (begun, later) = untold.into_iter().partition(|item| stage.is_none_or(|stage| item.stage() <= stage));
            untold = later;
            self.tell_finished(&now, studio, begun)?;
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

    /// Prints the takes that need not be rendered. The film uses such a clip from now on, as it would use a new one.
    fn tell_finished(&mut self, now: &Now, studio: Option<&StudioModels>, items: Vec<RenderItem>) -> Result<()> {
        for item in items {
            let Some((id, take)) = item.scene().zip(now.film(self, studio).up_to_date_take(&item)) else { continue };
            let media = self.project.scene(id).and_then(|scene| scene.takes.iter().find(|known| known.id == take));
            if let Some(path) = media.map(|take| self.store.media().path(&take.media)) {
                println!("{}", path.display());
            }
            if item.stage() == RenderStage::Clips {
                self.choose(id, take)?;
            }
        }
        Ok(())
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
            if let Some(index) = entry.item.scene().and_then(|scene| self.project.scene_index(scene)) {
                bail!("scene {} has no still to set in motion; render it with --stage stills first", index + 1);
            }
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
                // The same command would give new seeds to what is to be varied.
                let go_on = match entry.item.is_variation() {
                    true => format!("run \"reelboard render {}\"", self.store.folder().display()),
                    false => "run the same command again".to_owned(),
                };
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
                let known = scene.takes.iter().any(|take| take.media == media && take.recipe == *recipe);
                let made = self.store.media().path(&media).display().to_string();
                if !known {
                    let take_id = Arc::make_mut(&mut self.project).new_take_id();
                    let choose = recipe.studio != DRAFT_STUDIO && !item.is_variation();
                    let take = Box::new(Take::new(take_id, recipe.kind(), media, *recipe));
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
            let (files, studio) = (StudioFiles::default(), studio.as_ref());
            let film = FilmNow { project: &project, entities: &entities, studio, files: &files, only: None };
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
