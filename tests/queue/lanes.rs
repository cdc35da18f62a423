//! Jobs that are put aside, cancelled, or fail.

use reelboard::draft::example_project;
use reelboard::engine::{
    Engine, EngineOptions, JobEvent, JobId, JobOutput, JobSpec, RenderFolder, RenderItem, RunError, StateFile,
    StudioModels, TakeJob,
};
use reelboard::models::{ModelCache, Registry};
use reelboard::project::{MediaName, Project, ProjectStore};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Film {
    folder: TempDir,
    store: ProjectStore,
    project: Arc<Project>,
    studio: StudioModels,
}

impl Film {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut project = example_project();
        project.studio = "tiny".to_owned();
        let store = ProjectStore::create(&folder.path().join("a.reel"), &project).unwrap();
        // Enough steps to be stopped between two of them.
        let list = folder.path().join("models.ron");
        let listed = include_str!("../../models.ron");
        std::fs::write(&list, listed.replace("steps: 4, guidance", "steps: 30, guidance")).unwrap();
        let registry = Registry::built_in().extended_by(&list).unwrap();
        let models = ModelCache::at(folder.path().join("models"));
        let studio = StudioModels::new("tiny", Arc::new(registry), models).unwrap();
        Self { folder, store, project: Arc::new(project), studio }
    }

    fn still(&self, index: usize) -> JobSpec {
        let scene = self.project.scenes[index].id;
        let (project, media) = (Arc::clone(&self.project), self.store.media());
        JobSpec::RenderTake(TakeJob { project, scene, media, studio: Some(self.studio.clone()) })
    }

    fn state(&self, index: usize) -> StateFile {
        let item = RenderItem::Still(self.project.scenes[index].id);
        RenderFolder::of_project(self.store.folder()).state_file(&item)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn media(output: JobOutput) -> MediaName {
    let JobOutput::Take { media, .. } = output else { panic!("{output:?}") };
    media
}

/// Waits for an event.
#[track_caller]
fn wait(engine: &Engine, what: &str, mut happened: impl FnMut(&JobEvent) -> bool) -> JobEvent {
    let start = Instant::now();
    loop {
        if let Some(event) = engine.drain().into_iter().find(&mut happened) {
            return event;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::yield_now();
    }
}

fn is_denoising(engine: &Engine, job: JobId, steps: u64) -> bool {
    engine.job(job).is_some_and(|status| status.stage == "denoising" && status.done >= steps)
}

#[test]
fn a_paused_render_gives_the_picture_of_one_in_one_go_also_from_another_engine() {
    let film = Film::new();
    let engine = Engine::start(|| {}).unwrap();
    let whole = media(engine.run(film.still(0), |_, _| true).unwrap());
    assert!(!film.state(0).path().exists(), "a job without a state file keeps nothing");
    let mut engine = engine;
    for steps in [1, 5, 20] {
        let job = engine.submit_kept(film.still(0), film.state(0)).unwrap();
        wait(&engine, "it denoises", |_| is_denoising(&engine, job, steps));
        assert!(engine.job(job).unwrap().can_pause && engine.pause(job));
        let end = wait(&engine, "it ends", |event| {
            event.job() == job && !matches!(event, JobEvent::Started(_) | JobEvent::Progress(_))
        });
        assert!(matches!(end, JobEvent::Paused(_)), "{end:?}");
        let (done, total) = film.state(0).steps().unwrap();
        assert!(done >= steps && total == 30, "{done} of {total}");
        assert!(engine.jobs().is_empty());
        engine = Engine::start(|| {}).unwrap();
    }
    let (done, _) = film.state(0).steps().unwrap();
    let mut first = None;
    let output = engine.run_kept(film.still(0), film.state(0), |_, status| {
        if let Some(status) = status.filter(|status| status.stage == "denoising") {
            first.get_or_insert(status.done);
        }
        true
    });
    assert!(first.is_none_or(|first| first >= done), "{first:?} after {done}");
    assert_eq!(media(output.unwrap()), whole);
}

#[test]
fn a_waiting_job_is_put_aside_at_once_and_only_renders_can_be() {
    let film = Film::new();
    let engine = Engine::start(|| {}).unwrap();
    let running = engine.submit(film.still(0)).unwrap();
    wait(&engine, "it runs", |event| matches!(event, JobEvent::Started(_)));
    let waiting = engine.submit_kept(film.still(1), film.state(1)).unwrap();
    let last = engine.submit_kept(film.still(2), film.state(2)).unwrap();
    assert!(!engine.pause(running), "it has no place for its state");
    assert!(engine.pause(waiting) && !engine.pause(waiting));
    wait(&engine, "it is paused", |event| matches!(event, JobEvent::Paused(job) if *job == waiting));
    // The order of what waits can be changed.
    let other = engine.submit(film.still(3)).unwrap();
    assert!(engine.put_first(other));
    let order: Vec<JobId> = engine.jobs().iter().map(|job| job.id).collect();
    assert_eq!(order, [running, other, last]);
    assert!(!engine.put_first(running), "it runs already, or is over");
}

#[test]
fn an_interrupt_puts_renders_aside_and_cancels_the_rest() {
    let film = Film::new();
    let interrupt = Arc::new(AtomicBool::new(false));
    let options = || EngineOptions { interrupt: Some(Arc::clone(&interrupt)), ..EngineOptions::default() };
    let engine = Engine::start_with(options(), || {}).unwrap();
    let raise = |_: &JobEvent, status: Option<reelboard::engine::JobStatus>| {
        if status.is_some_and(|status| status.stage == "denoising") {
            interrupt.store(true, Ordering::Relaxed);
        }
        true
    };
    let end = engine.run_kept(film.still(0), film.state(0), raise);
    assert_eq!(end.unwrap_err(), RunError::Paused);
    assert_eq!(engine.run(film.still(0), raise).unwrap_err(), RunError::Cancelled);
}

#[test]
fn a_panic_fails_its_job_and_nothing_else() {
    let film = Film::new();
    // The second time that the engine calls its client is in the middle of the first job.
    let calls = AtomicUsize::new(0);
    let engine = Engine::start(move || assert_ne!(calls.fetch_add(1, Ordering::Relaxed), 1, "a bug")).unwrap();
    let error = engine.run(film.still(0), |_, _| true).unwrap_err().to_string();
    assert!(error.contains("internal error") && error.contains("a bug"), "{error}");
    assert!(engine.run(film.still(0), |_, _| true).is_ok(), "the lane goes on");
}

#[test]
fn a_state_that_cannot_be_kept_is_said_and_the_picture_is_made() {
    let film = Film::new();
    let engine = Engine::start(|| {}).unwrap();
    let file = film.path().join("a file");
    std::fs::write(&file, "in the way of a folder").unwrap();
    let state = StateFile::at(file.join("still.state"));
    let JobOutput::Take { notes, .. } = engine.run_kept(film.still(0), state, |_, _| true).unwrap() else {
        panic!("no take")
    };
    assert!(notes.iter().any(|note| note.contains("could not be kept")), "{notes:?}");
}
