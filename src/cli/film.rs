//! An open project on the command line: each step submits one job and waits for it.

use super::args::{ClipOptions, Stage, Voice, Writing};
use super::changes;
use super::progress::{TerminalProgress, Unit};
use super::run::kind_text;
use super::telling::Teller;
use crate::engine::{
    Cache, Engine, EngineOptions, ExportJob, JobEvent, JobOutput, JobSpec, JobStatus, PhotoJob, RenderItem, RunError,
    StudioModels, WriteJob,
};
use crate::export::ExportSettings;
use crate::farm::{self, Ready};
use crate::models::{ModelCache, ModelSpec, OwnWriter, Registry, Role, bytes_text, choose_writer};
use crate::progress::Progress as _;
use crate::project::{
    DRAFT_STUDIO, Edit, EntityField, EntityKind, Project, ProjectStore, SceneField, SceneId, ScriptIntake, TakeId,
};
use crate::writer::{DescribeRound, Imported, Intake, Sampling, WriteRequest, WriterHome};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// A project with its store and an engine. Every edit is in the journal before the next step begins.
pub struct Film {
    pub(super) project: Arc<Project>,
    pub(super) store: ProjectStore,
    pub(super) engine: Engine,
    pub(super) cancel: Arc<AtomicBool>,
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
        let engine = start_engine(&cancel)?;
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

    pub(super) fn edit(&mut self, edit: Edit) -> Result<()> {
        Arc::make_mut(&mut self.project).apply(edit.clone())?;
        self.store.append(&edit)?;
        Ok(())
    }

    /// Applies an edit of the user's, unless it would change a locked scene, and saves the project.
    pub fn change(&mut self, edit: Edit) -> Result<()> {
        if let Some(id) = self.project.lock_against(&edit) {
            let number = self.project.scene_index(id).map_or(0, |index| index + 1);
            super::scenes::refuse_locked(&self.project, &[number], self.store.folder())?;
        }
        self.edit(edit)?;
        self.save()
    }

    /// Reserves numbers for new scenes and takes.
    pub fn numbering(&mut self) -> &mut Project {
        Arc::make_mut(&mut self.project)
    }

    pub(super) fn save(&mut self) -> Result<()> {
        Ok(self.store.save(&self.project)?)
    }

    fn job(&self, spec: JobSpec, unit: Unit) -> Result<JobOutput> {
        run_job(&self.engine, spec, unit, &self.cancel, |_, _| {})
    }

    /// Takes in what tasks on a cluster have made; returns what each made, and its file.
    pub fn collect(&mut self) -> Result<Vec<(String, PathBuf)>> {
        let mut collected = Vec::new();
        for Ready { run, name, record } in farm::ready(self.store.folder())? {
            match farm::intake(Arc::make_mut(&mut self.project), &record) {
                farm::Intake::Edit(edit) => {
                    self.edit(edit)?;
                    for note in record.outcome.notes() {
                        eprintln!("{}: {note}", record.task);
                    }
                    let file = record.outcome.media().map(|media| self.store.media().path(media));
                    collected.extend(file.map(|file| (record.task.to_string(), file)));
                }
                farm::Intake::Known => {}
                farm::Intake::Refused(why) => eprintln!("{why}"),
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
        let (model, sampling) = ready_writer(&self.engine, &self.cancel, registry, cache, &writing.voice)?;
        let request = WriteRequest {
            premise: self.project.premise.clone(),
            style: self.project.style.clone(),
            scenes: writing.scenes,
            seed: writing.voice.seed,
            sampling,
        };
        let model = Box::new(model);
        let job = WriteJob { request, model, cache: cache.clone(), describe: true, home: WriterHome::user() };
        let mut intake = ScriptIntake::new(writing.voice.seed);
        let mut teller = Teller::default();
        let mut failed = None;
        let Self { project, store, engine, cancel } = self;
        let output = run_job(engine, JobSpec::Write(job), Unit::Steps, cancel, |event, progress| {
            teller.tell(event, progress);
            let project = Arc::make_mut(project);
            let edit = match event {
                JobEvent::Scene { index, scene, complete: true, .. } => intake.take_scene(project, *index, scene),
                JobEvent::Camera { index, camera, .. } => intake.take_camera(project, *index, *camera),
                JobEvent::Description { kind, name, round: DescribeRound::Paragraph, text, complete: true, .. } => {
                    intake.take_description(project, *kind, name, text)
                }
                _ => None,
            };
            let Some(edit) = edit else { return };
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

    /// Sets the denoising steps of the project, and of scenes (counted from 1) that have settings of their own.
    pub fn set_steps(&mut self, steps: u32, numbers: &[usize]) -> Result<()> {
        changes::steps_edit(&self.project, steps, &self.ids(numbers)).map_or(Ok(()), |edit| self.change(edit))
    }

    /// Sets how clips are made, in the project and in scenes (counted from 1) that have settings of their own.
    pub fn set_clip(&mut self, options: &ClipOptions, numbers: &[usize]) -> Result<()> {
        changes::clip_edit(&self.project, options, &self.ids(numbers)).map_or(Ok(()), |edit| self.change(edit))
    }

    /// The scenes of these numbers, counted from 1.
    pub(super) fn ids(&self, numbers: &[usize]) -> Vec<SceneId> {
        numbers.iter().map(|number| self.project.scenes[number - 1].id).collect()
    }

    /// Gives scenes (counted from 1) new seeds, and returns the `count` − 1 others of each, to be rendered beside them.
    pub fn vary(&mut self, numbers: &[usize], count: usize) -> Result<Vec<RenderItem>> {
        let (mut edits, mut others) = (Vec::new(), Vec::new());
        for number in numbers {
            let scene = &self.project.scenes[number - 1];
            let mut seeds = scene.fresh_seeds(count).into_iter();
            edits.extend(seeds.next().map(|seed| Edit::SetScene { id: scene.id, field: SceneField::Seed(seed) }));
            others.extend(seeds.map(|seed| RenderItem::Variation { scene: scene.id, seed }));
        }
        self.change(Edit::Batch(edits))?;
        Ok(others)
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

    /// Makes the film use a take.
    pub(super) fn choose(&mut self, id: SceneId, take: TakeId) -> Result<()> {
        if self.project.scene(id).is_some_and(|scene| scene.chosen != Some(take)) {
            self.edit(Edit::SetScene { id, field: SceneField::Chosen(Some(take)) })?;
            self.save()?;
        }
        Ok(())
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

/// An engine with the user's cache that ends its work when `interrupt` is raised.
pub(super) fn start_engine(interrupt: &Arc<AtomicBool>) -> Result<Engine> {
    let options = EngineOptions { cache: Cache::of_user()?, interrupt: Some(Arc::clone(interrupt)) };
    Engine::start_with(options, || {}).context("cannot start the engine")
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

/// The writer that was asked for, fetched if it is missing, and how boldly it writes.
pub(super) fn ready_writer(
    engine: &Engine,
    cancel: &Arc<AtomicBool>,
    registry: &Registry,
    cache: &ModelCache,
    voice: &Voice,
) -> Result<(ModelSpec, Sampling)> {
    let own = match &voice.writer {
        Some(named) => OwnWriter::named(named, voice.any_host)?,
        None => None,
    };
    let registry = &registry.clone().with_writers(own.as_slice());
    let own = own.map(|own| own.model());
    let requested = own.as_ref().map(|model| model.id.as_str()).or(voice.writer.as_deref());
    let choice = choose_writer(registry, cache, requested)?;
    eprintln!("writer: {choice}");
    if choice.model.server.as_ref().is_some_and(|server| !server.is_on_this_machine()) {
        eprintln!("this server is on another machine, which reads the premise and the script");
    }
    if choice.is_missing {
        let model = choice.model;
        if let Some(request) = model.terms_request() {
            bail!("{request}; then fetch it with: reelboard models fetch {} --accept-terms", model.id);
        }
        let size = bytes_text(model.size_bytes());
        eprintln!("fetching {} once: {size}, licence {}", model.title, model.licence.spdx);
        let fetch = JobSpec::FetchModel(Box::new(model.clone()), cache.clone());
        run_job(engine, fetch, Unit::Bytes, cancel, |_, _| {})?;
    }
    let usual = Sampling::of(&choice.model.defaults);
    let sampling = Sampling {
        temperature: voice.temperature.unwrap_or(usual.temperature),
        top_p: voice.top_p.unwrap_or(usual.top_p),
        repetition: voice.repetition.unwrap_or(usual.repetition),
    };
    sampling.check()?;
    Ok((choice.model.clone(), sampling))
}

/// Runs a job to its end, with its progress on standard error.
pub(super) fn run_job(
    engine: &Engine,
    spec: JobSpec,
    unit: Unit,
    cancel: &Arc<AtomicBool>,
    mut on_event: impl FnMut(&JobEvent, &TerminalProgress),
) -> Result<JobOutput> {
    let progress = TerminalProgress::new(unit, Arc::clone(cancel));
    let result = engine.run(spec, |event, status| {
        on_event(event, &progress);
        status.is_none_or(|status| show_status(&progress, &status))
    });
    result.map_err(|error| match error {
        RunError::Cancelled => anyhow::Error::new(crate::progress::Cancelled),
        error => error.into(),
    })
}

/// Shows how far a job is; returns whether it shall go on.
pub(super) fn show_status(progress: &TerminalProgress, status: &JobStatus) -> bool {
    if !status.stage.is_empty() {
        progress.stage(&status.stage);
    }
    progress.step(status.done, status.total).is_ok()
}
