//! An open project on the command line: each step submits one job and waits for it.

use super::args::Writing;
use super::progress::{TerminalProgress, Unit};
use super::run::kind_text;
use crate::engine::{
    Engine, ExportJob, IllustrateJob, JobEvent, JobOutput, JobSpec, PhotoJob, RunError, StudioModels, TakeJob,
    WriteJob, illustration_seed,
};
use crate::export::ExportSettings;
use crate::models::{ModelCache, ModelSpec, Registry, Role, bytes_text, choose_writer};
use crate::progress::Progress as _;
use crate::project::{
    DRAFT_STUDIO, Edit, EntityField, EntityKind, EntitySummary, Project, ProjectStore, SceneId, ScriptIntake,
    StillSettings, Take, TakeKind, entities,
};
use crate::writer::{Imported, Intake, WriteRequest};
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

    /// Opens a project's folder.
    pub fn open(folder: &Path, cancel: Arc<AtomicBool>) -> Result<Self> {
        let (store, project, opened) = ProjectStore::open(folder)?;
        if !opened.in_order() {
            eprintln!("{opened}");
        }
        Self::with_store(project, store, cancel)
    }

    fn with_store(project: Project, store: ProjectStore, cancel: Arc<AtomicBool>) -> Result<Self> {
        let engine = Engine::start(|| {}).context("cannot start the engine")?;
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

    /// Takes an imported script in, as one edit.
    pub fn take_in(&mut self, imported: &Imported, intake: Intake, seed: u64) -> Result<()> {
        let edit = imported.to_edit(Arc::make_mut(&mut self.project), intake, seed);
        self.edit(edit)?;
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

    /// Makes `name`, or without it the project's own studio, the one that renders. `None` is the draft.
    ///
    /// Random models are made when they are missing; others are never fetched unasked.
    pub fn use_studio(
        &mut self,
        name: Option<&str>,
        registry: Registry,
        cache: ModelCache,
    ) -> Result<Option<StudioModels>> {
        let name = name.unwrap_or(&self.project.studio).to_owned();
        let studio = StudioModels::new(&name, Arc::new(registry), cache)?;
        if name != self.project.studio {
            self.edit(Edit::SetStudio(name.clone()))?;
            self.save()?;
        }
        if name == DRAFT_STUDIO {
            return Ok(None);
        }
        let missing = studio.missing(&[Role::Illustrator, Role::Segmenter, Role::Compositor]);
        let to_fetch: Vec<&ModelSpec> = missing.iter().filter(|model| !model.is_made()).copied().collect();
        if !to_fetch.is_empty() {
            let joined = |of: fn(&ModelSpec) -> &str, by| to_fetch.iter().map(|m| of(m)).collect::<Vec<_>>().join(by);
            bail!(
                "the {name} studio lacks {}; see what they need with \"reelboard render {} --studio {name} --dry-run\", \
                 then get them with \"reelboard models fetch {}\"",
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

    /// Renders the scene at `index` and returns the file of its take. A take that is just what the scene asks for now is
    /// not made again.
    pub fn render(&mut self, index: usize, studio: Option<&StudioModels>) -> Result<PathBuf> {
        let scene = &self.project.scenes[index];
        let id = scene.id;
        if let Some(studio) = studio {
            let wanted = studio.wanted_recipe(&self.project, scene);
            if let Some(take) = scene.takes.iter().find(|take| take.recipe == wanted) {
                return Ok(self.store.media().path(&take.media));
            }
        }
        let (media, studio) = (self.store.media(), studio.cloned());
        let job = TakeJob { project: Arc::clone(&self.project), scene: id, media, studio };
        let output = self.job(JobSpec::RenderTake(job), Unit::Steps)?;
        let JobOutput::Take { media, recipe, notes, .. } = output else { bail!("the scene gave no take") };
        for note in notes {
            eprintln!("scene {}: {note}", index + 1);
        }
        let path = self.store.media().path(&media);
        let known = self.project.scenes[index].takes.iter().any(|take| take.media == media && take.recipe == recipe);
        if !known {
            let take_id = Arc::make_mut(&mut self.project).new_take_id();
            let choose = recipe.studio != DRAFT_STUDIO;
            let take = Box::new(Take { id: take_id, kind: TakeKind::Still, media, recipe });
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

/// Runs a job to its end, with its progress on standard error.
fn run_job(
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
