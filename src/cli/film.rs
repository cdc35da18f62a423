//! An open project on the command line: each step submits one job and waits for it.

use super::args::{ClipOptions, Stage, Writing};
use super::progress::{TerminalProgress, Unit};
use super::run::kind_text;
use crate::engine::{
    ClipJob, Engine, ExportJob, IllustrateJob, JobEvent, JobOutput, JobSpec, LatentFolder, LatentStore, NoLatents,
    PhotoJob, RunError, StudioModels, TakeJob, WriteJob, illustration_seed,
};
use crate::export::ExportSettings;
use crate::farm::{self, Intake, Ready};
use crate::models::{ModelCache, ModelSpec, Registry, Role, bytes_text, choose_writer};
use crate::progress::Progress as _;
use crate::project::{
    ClipSettings, DRAFT_STUDIO, Edit, EntityField, EntityKind, EntitySummary, Project, ProjectStore, SceneField,
    SceneId, Script, ScriptIntake, StillSettings, Take, TakeId, entities,
};
use crate::writer::WriteRequest;
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// A project with its store and an engine. Every edit is in the journal before the next step begins.
pub struct Film {
    project: Arc<Project>,
    store: ProjectStore,
    engine: Engine,
    cancel: Arc<AtomicBool>,
}

impl Film {
    /// Makes a project's folder.
    pub fn create(folder: &Path, project: Project, cancel: Arc<AtomicBool>) -> Result<Self> {
        let store = ProjectStore::create(folder, &project)?;
        Self::with_store(project, store, cancel)
    }

    /// Opens a project's folder, and takes in what a cluster has made for it.
    pub fn open(folder: &Path, cancel: Arc<AtomicBool>) -> Result<Self> {
        let mut film = Self::open_as_it_is(folder, cancel)?;
        match film.collect() {
            Ok(collected) if collected.is_empty() => {}
            Ok(collected) => eprintln!("took in from the cluster: {}", counted(collected.len(), "result")),
            // What was asked for does not depend on it.
            Err(error) => eprintln!("cannot take in what the cluster has made: {error:#}"),
        }
        Ok(film)
    }

    /// Opens a project's folder.
    pub fn open_as_it_is(folder: &Path, cancel: Arc<AtomicBool>) -> Result<Self> {
        let (store, project, opened) = ProjectStore::open(folder)?;
        if !opened.in_order() {
            eprintln!("{opened}");
        }
        Self::with_store(project, store, cancel)
    }

    fn with_store(project: Project, store: ProjectStore, cancel: Arc<AtomicBool>) -> Result<Self> {
        let engine = start_engine()?;
        Ok(Self { project: Arc::new(project), store, engine, cancel })
    }

    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Removes the project from the disk again.
    pub fn discard(&self) {
        if let Err(error) = std::fs::remove_dir_all(self.store.folder()) {
            log::warn!("cannot remove {}: {error}", self.store.folder().display());
        }
    }

    fn edit(&mut self, edit: Edit) -> Result<()> {
        Arc::make_mut(&mut self.project).apply(edit.clone())?;
        self.store.append(&edit)?;
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        Ok(self.store.save(&self.project)?)
    }

    fn job(&self, spec: JobSpec, unit: Unit) -> Result<JobOutput> {
        run_job(&self.engine, spec, unit, &self.cancel, |_| {})
    }

    /// Takes in what tasks on a cluster have made; returns what each made, and its file.
    pub fn collect(&mut self) -> Result<Vec<(String, PathBuf)>> {
        let mut collected = Vec::new();
        for Ready { run, name, record } in farm::ready(self.store.folder())? {
            match farm::intake(Arc::make_mut(&mut self.project), &record) {
                Intake::Edit(edit) => {
                    self.edit(edit)?;
                    for note in record.outcome.notes() {
                        eprintln!("{}: {note}", record.work);
                    }
                    let file = record.outcome.media().map(|media| self.store.media().path(media));
                    collected.extend(file.map(|file| (record.work.to_string(), file)));
                }
                Intake::Known => {}
                Intake::Refused(why) => eprintln!("{why}"),
            }
            // The edit is in the journal by now.
            run.mark_collected([name])?;
        }
        if !collected.is_empty() {
            self.save()?;
        }
        Ok(collected)
    }

    /// Writes the script, fetching the writer first if it is missing.
    pub fn write(&mut self, registry: &Registry, cache: &ModelCache, writing: &Writing) -> Result<()> {
        let choice = choose_writer(registry, cache, writing.writer.as_deref())?;
        eprintln!("writer: {choice}");
        if choice.is_missing {
            let model = choice.model;
            let size = bytes_text(model.size_bytes());
            eprintln!("fetching {} once: {size}, licence {}", model.title, model.licence.spdx);
            self.job(JobSpec::FetchModel(Box::new(model.clone()), cache.clone()), Unit::Bytes)?;
        }
        let request = WriteRequest {
            premise: self.project.premise.clone(),
            style: self.project.style.clone(),
            scenes: writing.scenes,
            seed: writing.seed,
        };
        let model = Box::new(choice.model.clone());
        let job = WriteJob { request, model, cache: cache.clone(), describe: true };
        let mut intake = ScriptIntake::new(writing.seed);
        let mut failed = None;
        let Self { project, store, engine, cancel } = self;
        let output = run_job(engine, JobSpec::Write(job), Unit::Steps, cancel, |event| {
            let JobEvent::Scene { index, scene, complete: true, .. } = event else { return };
            let project = Arc::make_mut(project);
            let Some(edit) = intake.take_scene(project, *index, scene) else { return };
            let applied = project.apply(edit.clone()).map_err(anyhow::Error::from);
            if let Err(error) = applied.and_then(|_| Ok(store.append(&edit)?)) {
                cancel.store(true, SeqCst);
                failed.get_or_insert(error);
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let JobOutput::Script { script, descriptions, notes } = output? else {
            bail!("the writer gave no script");
        };
        for note in notes {
            eprintln!("{note}");
        }
        let edits = intake.finish(&self.project, &script, descriptions);
        self.edit(Edit::Batch(edits))?;
        self.save()?;
        // The film is drawn without the writer: its memory is better used otherwise.
        self.job(JobSpec::FreeModels, Unit::Steps)?;
        Ok(())
    }

    /// Takes a finished script in, in place of the scenes there are.
    pub fn take_script(&mut self, script: &Script, seed: u64) -> Result<()> {
        let mut intake = ScriptIntake::new(seed);
        for (index, scene) in script.scenes.iter().enumerate() {
            if let Some(edit) = intake.take_scene(Arc::make_mut(&mut self.project), index, scene) {
                self.edit(edit)?;
            }
        }
        self.save()
    }

    /// Gives an entity a photo.
    pub fn import_photo(&mut self, kind: EntityKind, name: &str, path: PathBuf) -> Result<()> {
        let media = self.store.media();
        let job = PhotoJob { kind, name: name.to_owned(), path, media };
        let output = self.job(JobSpec::ImportPhoto(job), Unit::Steps)?;
        let JobOutput::Reference { reference, note, .. } = output else { bail!("the photo gave no reference") };
        let text = note.unwrap_or_else(|| kind_text(kind).to_owned());
        let edit = self.project.entity_edit(kind, name, EntityField::Reference(Some(reference)));
        self.edit(edit)?;
        self.save()?;
        println!("{name}: {text}");
        Ok(())
    }

    /// Sets the denoising steps of the project.
    pub fn set_steps(&mut self, steps: u32) -> Result<()> {
        if self.project.still.steps != steps {
            self.edit(Edit::SetStill(StillSettings { steps, ..self.project.still.clone() }))?;
            self.save()?;
        }
        Ok(())
    }

    /// Sets how clips are made.
    pub fn set_clip(&mut self, options: &ClipOptions) -> Result<()> {
        let now = &self.project.clip;
        let mut clip = options.clip_steps.map_or_else(|| now.clone(), |steps| now.with_steps(steps));
        clip = ClipSettings {
            frames: options.frames.unwrap_or(clip.frames),
            camera_from_step: options.camera_from.unwrap_or(clip.camera_from_step),
            ..clip
        };
        if clip != *now {
            self.edit(Edit::SetClip(clip))?;
            self.save()?;
        }
        Ok(())
    }

    /// Makes `name`, or without it the project's own studio, the one that renders. `None` is the draft.
    ///
    /// Random models are made when they are missing; others are never fetched unasked. `stage` is what is rendered; all
    /// without it.
    pub fn use_studio(
        &mut self,
        name: Option<&str>,
        stage: Option<Stage>,
        registry: Registry,
        cache: ModelCache,
    ) -> Result<Option<StudioModels>> {
        let name = name.unwrap_or(&self.project.studio).to_owned();
        let studio = StudioModels::new(&name, Arc::new(registry), cache)?;
        if stage == Some(Stage::Clips) && studio.model(Role::Animator).is_none() {
            bail!("the {name} studio has no animator; choose another studio, or render stills with --stage stills");
        }
        if name != self.project.studio {
            self.edit(Edit::SetStudio(name.clone()))?;
            self.save()?;
        }
        if name == DRAFT_STUDIO {
            return Ok(None);
        }
        let missing = studio.missing(Stage::roles(stage));
        let to_fetch: Vec<&ModelSpec> = missing.iter().filter(|model| !model.is_made()).copied().collect();
        if !to_fetch.is_empty() {
            let joined = |of: fn(&ModelSpec) -> &str, by| to_fetch.iter().map(|m| of(m)).collect::<Vec<_>>().join(by);
            let has_stills = stage.is_none() && studio.missing(&STILL_ROLES).is_empty();
            let without = if has_stills { "; stills can be rendered without it, with --stage stills" } else { "" };
            bail!(
                "the {name} studio lacks {}; see what they need with \"reelboard render {} --studio {name} --dry-run\", \
                 then get them with \"reelboard models fetch {}\"{without}",
                joined(|model| &model.title, ", "),
                self.store.folder().display(),
                joined(|model| &model.id, " ")
            );
        }
        for model in missing.into_iter().cloned().collect::<Vec<_>>() {
            eprintln!("making {}: its weights are random, what it makes is noise", model.title);
            self.job(JobSpec::FetchModel(Box::new(model), studio.cache().clone()), Unit::Bytes)?;
        }
        Ok(Some(studio))
    }

    /// Makes pictures of what recurs in these scenes, counted from 1, and has none; returns names and files.
    pub fn illustrate(&mut self, studio: &StudioModels, numbers: &[usize]) -> Result<Vec<(String, PathBuf)>> {
        let shown: Vec<SceneId> = numbers.iter().map(|number| self.project.scenes[number - 1].id).collect();
        let lacking: Vec<_> = entities(&self.project)
            .into_iter()
            .filter(|entity| entity.lacks_picture(&self.project))
            .filter(|entity| entity.scenes.iter().any(|scene| shown.contains(scene)))
            .collect();
        let mut made = Vec::new();
        for EntitySummary { kind, name, .. } in lacking {
            let job = IllustrateJob {
                project: Arc::clone(&self.project),
                kind,
                seed: illustration_seed(kind, &name, None),
                name: name.clone(),
                media: self.store.media(),
                studio: studio.clone(),
            };
            let output = self.job(JobSpec::Illustrate(job), Unit::Steps)?;
            let JobOutput::Reference { reference, note, .. } = output else { bail!("{name} got no picture") };
            if let Some(note) = note {
                eprintln!("{name}: {note}");
            }
            made.push((name.clone(), self.store.media().path(&reference.picture)));
            let edit = self.project.entity_edit(kind, &name, EntityField::Reference(Some(reference)));
            self.edit(edit)?;
            self.save()?;
        }
        Ok(made)
    }

    /// Renders the still of the scene at `index` and returns the file of its take. A take that is just what the scene asks for now is
    /// not made again.
    pub fn render(&mut self, index: usize, studio: Option<&StudioModels>) -> Result<PathBuf> {
        let scene = &self.project.scenes[index];
        let id = scene.id;
        if let Some(studio) = studio {
            let files = studio.known_files();
            let is_fresh = |take: &Take| files.is_fresh_still(&self.project, scene, studio.name(), take);
            let fresh = scene.fresh_still(is_fresh);
            if let Some(take) = fresh {
                return Ok(self.store.media().path(&take.media));
            }
        }
        let (media, studio) = (self.store.media(), studio.cloned());
        let job = TakeJob { project: Arc::clone(&self.project), scene: id, media, studio };
        let output = self.job(JobSpec::RenderTake(job), Unit::Steps)?;
        self.keep_take(index, output)
    }

    /// Renders the clip of the scene at `index` from its still and returns the file of its take, unless a take shows just
    /// that already: then the film uses that one. `any_still` also takes a still that is stale.
    pub fn animate(&mut self, index: usize, studio: &StudioModels, any_still: bool) -> Result<PathBuf> {
        let scene = &self.project.scenes[index];
        let files = studio.known_files();
        let is_fresh = |take: &Take| files.is_fresh_still(&self.project, scene, studio.name(), take);
        let still = if any_still { scene.any_still(studio.name(), is_fresh) } else { scene.fresh_still(is_fresh) };
        let Some(still) = still else {
            bail!("scene {} has no still to set in motion; render it with --stage stills first", index + 1);
        };
        if let Some(clip) = files.fresh_clip(&self.project, scene, studio.name(), still) {
            let (id, take, path) = (scene.id, clip.id, self.store.media().path(&clip.media));
            self.choose(id, take)?;
            return Ok(path);
        }
        let job = ClipJob {
            project: Arc::clone(&self.project),
            scene: scene.id,
            still: still.media.clone(),
            media: self.store.media(),
            studio: studio.clone(),
        };
        let output = self.job(JobSpec::RenderClip(job), Unit::Steps)?;
        self.keep_take(index, output)
    }

    /// Makes the film use a take.
    fn choose(&mut self, id: SceneId, take: TakeId) -> Result<()> {
        if self.project.scene(id).is_some_and(|scene| scene.chosen != Some(take)) {
            self.edit(Edit::SetScene { id, field: SceneField::Chosen(Some(take)) })?;
            self.save()?;
        }
        Ok(())
    }

    /// Adds a finished take to its scene and returns its file.
    fn keep_take(&mut self, index: usize, output: JobOutput) -> Result<PathBuf> {
        let JobOutput::Take { scene: id, media, recipe, notes } = output else { bail!("the scene gave no take") };
        for note in notes {
            eprintln!("scene {}: {note}", index + 1);
        }
        let path = self.store.media().path(&media);
        let known = self.project.scenes[index].takes.iter().any(|take| take.media == media && take.recipe == recipe);
        if !known {
            let take_id = Arc::make_mut(&mut self.project).new_take_id();
            let choose = recipe.studio != DRAFT_STUDIO;
            let take = Box::new(Take { id: take_id, kind: recipe.kind(), media, recipe });
            self.edit(Edit::AddTake { id, take, choose })?;
            self.save()?;
        }
        Ok(path)
    }

    /// Writes the film.
    pub fn export(&self, settings: ExportSettings) -> Result<()> {
        if self.project.scenes.is_empty() {
            bail!("{} has no scenes yet; write a script first", self.store.folder().display());
        }
        let job = ExportJob { project: Arc::clone(&self.project), media: self.store.media(), settings };
        let output = self.job(JobSpec::Export(job), Unit::Steps)?;
        let JobOutput::Film { path, report } = output else { bail!("the export gave no film") };
        println!(
            "{}: {} frames, {:.2} s, {}",
            path.display(),
            report.frames,
            report.duration_secs,
            bytes_text(report.bytes)
        );
        Ok(())
    }
}

/// An engine that keeps what clips begin with in the user's cache.
pub(super) fn start_engine() -> Result<Engine> {
    let latents: Arc<dyn LatentStore> = match LatentFolder::of_user() {
        Some(folder) => Arc::new(folder),
        None => Arc::new(NoLatents),
    };
    Engine::start_with(latents, || {}).context("cannot start the engine")
}

/// `1 result`, `2 results`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What stills need.
const STILL_ROLES: [Role; 3] = [Role::Illustrator, Role::Segmenter, Role::Compositor];

impl Stage {
    /// The models that rendering a stage needs, or all of them.
    pub fn roles(stage: Option<Self>) -> &'static [Role] {
        match stage {
            None => &[Role::Illustrator, Role::Segmenter, Role::Compositor, Role::Animator],
            Some(Self::References) => &[Role::Illustrator, Role::Segmenter],
            Some(Self::Stills) => &[Role::Compositor],
            Some(Self::Clips) => &[Role::Animator],
        }
    }
}

/// Runs a job to its end, with its progress on standard error.
pub(super) fn run_job(
    engine: &Engine,
    spec: JobSpec,
    unit: Unit,
    cancel: &Arc<AtomicBool>,
    mut on_event: impl FnMut(&JobEvent),
) -> Result<JobOutput> {
    let progress = TerminalProgress::new(unit, Arc::clone(cancel));
    let result = engine.run(spec, |event, status| {
        on_event(event);
        let Some(status) = status else { return true };
        if !status.stage.is_empty() {
            progress.stage(&status.stage);
        }
        progress.step(status.done, status.total).is_ok()
    });
    result.map_err(|error| match error {
        RunError::Cancelled => anyhow::Error::new(crate::progress::Cancelled),
        error => error.into(),
    })
}
