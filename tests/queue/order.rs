//! Which render comes next.

use reelboard::draft::example_project;
use reelboard::engine::{
    Engine, FilmNow, JobId, JobSpec, RenderEnd, RenderEntry, RenderId, RenderItem, RenderPart, RenderQueue,
    RenderState, StudioModels,
};
use reelboard::models::{ModelCache, Registry};
use reelboard::project::{
    EntityField, EntityKind, EntitySummary, MediaName, Project, Reference, ReferenceSource, SceneId, StudioFiles,
    entities,
};
use std::sync::Arc;

static UNKNOWN: StudioFiles = StudioFiles { still: None, clip: None };

/// The example film with the tiny studio, rendered by nobody: a queue and what it is asked about.
struct Film {
    project: Arc<Project>,
    entities: Vec<EntitySummary>,
    studio: StudioModels,
    queue: RenderQueue,
    engine: Engine,
}

impl Film {
    /// With everything in the queue.
    fn asked() -> Self {
        let mut project = example_project();
        project.studio = "tiny".to_owned();
        let folder = std::env::temp_dir().join("reelboard-no-models");
        let studio = StudioModels::new("tiny", Arc::new(Registry::built_in()), ModelCache::at(folder)).unwrap();
        let (entities, queue) = (entities(&project), RenderQueue::default());
        let engine = Engine::start(|| {}).unwrap();
        let mut film = Self { project: Arc::new(project), entities, studio, queue, engine };
        let scenes = film.scenes();
        let lacking = film.now().lacking(&scenes, RenderPart::Still);
        film.queue.add(lacking);
        film
    }

    fn now(&self) -> FilmNow<'_> {
        let (project, entities) = (&self.project, &self.entities[..]);
        FilmNow { project, entities, studio: Some(&self.studio), files: &UNKNOWN, only: None }
    }

    fn scenes(&self) -> Vec<SceneId> {
        self.project.scenes.iter().map(|scene| scene.id).collect()
    }

    fn titles(&self) -> Vec<String> {
        self.queue.entries().iter().map(|entry| entry.item.title(&self.project)).collect()
    }

    fn next(&mut self, in_view: Option<usize>) -> Option<RenderEntry> {
        let in_view = in_view.map(|index| self.project.scenes[index].id);
        let now = FilmNow {
            project: &self.project,
            entities: &self.entities,
            studio: Some(&self.studio),
            files: &UNKNOWN,
            only: None,
        };
        let id = self.queue.next(&now, in_view)?;
        self.queue.entry(id).cloned()
    }

    fn start(&mut self, id: RenderId) -> JobId {
        let job = self.engine.submit(JobSpec::FreeModels).unwrap();
        self.queue.started(id, job);
        job
    }

    fn end(&mut self, job: JobId, end: RenderEnd) {
        let mut queue = std::mem::take(&mut self.queue);
        queue.ended(job, end, Some((3, 4)), &self.now());
        self.queue = queue;
    }

    fn resume(&mut self, id: RenderId) {
        let mut queue = std::mem::take(&mut self.queue);
        queue.resume(id, &self.now());
        self.queue = queue;
    }

    /// Makes what comes next, and returns its title.
    fn make(&mut self, in_view: Option<usize>) -> Option<String> {
        let entry = self.next(in_view)?;
        let job = self.start(entry.id);
        assert_eq!(self.next(None).map(|entry| entry.id), None, "one at a time");
        if let RenderItem::Reference { kind, name, .. } = &entry.item {
            let picture = MediaName::of(name.as_bytes(), "png").unwrap();
            let reference = Reference { source: ReferenceSource::Generated, picture, mask: None };
            let edit = self.project.entity_edit(*kind, name, EntityField::Reference(Some(reference)));
            Arc::make_mut(&mut self.project).apply(edit).unwrap();
        }
        self.end(job, RenderEnd::Done);
        Some(entry.item.title(&self.project))
    }

    fn make_all(&mut self, in_view: Option<usize>) -> Vec<String> {
        std::iter::from_fn(|| self.make(in_view)).collect()
    }

    fn of(&self, title: &str) -> RenderEntry {
        let mut entries = self.queue.entries().iter();
        entries.find(|entry| entry.item.title(&self.project) == title).unwrap_or_else(|| panic!("no {title}")).clone()
    }

    /// Whether everything that a scene shows has its picture by then.
    fn needs_are_before(&self, made: &[String]) {
        for (index, scene) in self.project.scenes.iter().enumerate() {
            let at = |title: &str| made.iter().position(|made| made == title);
            let Some(still) = at(&format!("Render scene {}", index + 1)) else { continue };
            for entity in self.entities.iter().filter(|e| e.is_common() && e.scenes.contains(&scene.id)) {
                let picture = at(&format!("Make a picture of {}", entity.name)).unwrap();
                assert!(picture < still, "scene {} before {}: {made:#?}", index + 1, entity.name);
            }
        }
    }
}

#[test]
fn each_model_is_loaded_once_and_the_scene_in_view_comes_first_in_its_stage() {
    let mut film = Film::asked();
    let made = film.make_all(Some(3));
    assert_eq!(made.len(), 10);
    let first_still = made.iter().position(|title| title.starts_with("Render")).unwrap();
    assert!(made[first_still..].iter().all(|title| title.starts_with("Render scene")), "{made:#?}");
    assert_eq!(made[first_still..][..3], ["Render scene 4", "Render scene 1", "Render scene 2"]);
    film.needs_are_before(&made);
    // Of the references, those of the scene in view.
    let seen = film.project.scenes[3].id;
    let is_seen = |title: &String| {
        let of_name = |entity: &&EntitySummary| title.ends_with(&format!(" {}", entity.name));
        film.entities.iter().find(of_name).unwrap().scenes.contains(&seen)
    };
    let seen: Vec<bool> = made[..first_still].iter().map(is_seen).collect();
    assert!(seen.is_sorted_by(|a, b| a >= b) && seen[0], "{made:#?}");
    assert!(film.queue.is_empty());
}

#[test]
fn what_is_moved_to_the_front_comes_first_with_what_it_needs() {
    let mut film = Film::asked();
    let last = film.of("Render scene 6").id;
    film.queue.move_to(last, 0);
    assert_eq!(film.titles()[0], "Render scene 6");
    let made = film.make_all(Some(0));
    film.needs_are_before(&made);
    assert!(made.iter().position(|title| title == "Render scene 6") < made.iter().position(|t| t == "Render scene 1"));
    // It is made as soon as what it shows is there, before the references of others.
    let at = made.iter().position(|title| title == "Render scene 6").unwrap();
    let scene = film.project.scenes[5].id;
    let needed = film.entities.iter().filter(|e| e.is_common() && e.scenes.contains(&scene)).count();
    assert_eq!(at, needed, "{made:#?}");
}

#[test]
fn what_is_paused_holds_up_only_what_needs_it() {
    let mut film = Film::asked();
    let sea = film.of("Make a picture of dog").id;
    film.queue.pause(sea);
    let shown: Vec<bool> = film.project.scenes.iter().map(|s| s.foreground.iter().any(|name| name == "dog")).collect();
    assert!(shown.contains(&true) && shown.contains(&false));
    let made = film.make_all(None);
    for (index, shown) in shown.iter().enumerate() {
        let title = format!("Render scene {}", index + 1);
        assert_eq!(made.contains(&title), !shown, "{title}");
        if *shown {
            let waiting = film.of(&title).id;
            let held_up_by = film.queue.held_up_by(waiting, &film.now()).len();
            assert_eq!(held_up_by, 1);
        }
    }
    film.resume(sea);
    assert_eq!(film.make_all(None).len(), 10 - made.len());
}

#[test]
fn a_pause_of_all_keeps_the_running_one_and_its_steps() {
    let mut film = Film::asked();
    let first = film.next(None).unwrap();
    let job = film.start(first.id);
    assert_eq!(film.queue.pause_all(), Some(job));
    film.end(job, RenderEnd::Paused);
    assert!(film.next(None).is_none());
    let entry = film.queue.entry(first.id).unwrap();
    assert_eq!((entry.steps, entry.state()), (Some((3, 4)), RenderState::Waiting));
    // One of them alone.
    let third = film.queue.entries()[2].id;
    film.resume(third);
    assert_eq!(film.next(None).unwrap().id, third);
    film.queue.resume_all();
    assert_eq!(film.next(None).unwrap().id, first.id);
    // A pause that is taken back before the job hears of it.
    let job = film.start(first.id);
    assert_eq!(film.queue.pause(first.id), Some(job));
    assert_eq!(film.queue.entry(first.id).unwrap().state(), RenderState::Pausing(job));
    film.resume(first.id);
    film.end(job, RenderEnd::Paused);
    assert_eq!(film.next(None).unwrap().id, first.id);
}

#[test]
fn what_fails_or_is_cancelled_takes_with_it_what_needs_it() {
    let mut film = Film::asked();
    let keeper = film.of("Make a picture of keeper").id;
    let with_keeper = film.project.scenes.iter().filter(|s| s.foreground.iter().any(|name| name == "keeper")).count();
    let mut queue = std::mem::take(&mut film.queue);
    assert_eq!(queue.cancel(keeper, &film.now()), None);
    film.queue = queue;
    assert_eq!(film.titles().len(), 9 - with_keeper, "{:?}", film.titles());
    let next = film.next(None).unwrap();
    let job = film.start(next.id);
    film.end(job, RenderEnd::Failed);
    assert!(film.queue.entries().iter().all(|entry| entry.item != next.item));
    assert!(film.make_all(None).len() < 8 - with_keeper + 1);
    assert!(film.queue.is_empty());
}

#[test]
fn a_queue_comes_back_paused_as_it_was() {
    let mut film = Film::asked();
    let (last, dog) = (film.of("Render scene 6").id, film.of("Make a picture of dog").id);
    film.queue.move_to(last, 1);
    film.queue.pause(dog);
    let first = film.next(None).unwrap();
    film.start(first.id);
    let titles = film.titles();
    film.queue = RenderQueue::restore(film.queue.record());
    assert_eq!((film.titles(), film.queue.restored()), (titles, 9), "the running one waits again");
    assert!(film.next(None).is_none(), "nothing is rendered unasked");
    film.queue.resume_restored();
    assert_eq!((film.next(None).unwrap().item, film.queue.restored()), (first.item, 0));
    assert_eq!(film.of("Make a picture of dog").state(), RenderState::Paused);
    film.queue.cancel_all();
    assert!(film.queue.is_empty() && film.queue.take_changed());
}

#[test]
fn what_is_there_already_or_gone_is_not_made() {
    let mut film = Film::asked();
    let asked_again = film.now().lacking(&film.scenes(), RenderPart::Still);
    film.queue.add(asked_again);
    assert_eq!(film.titles().len(), 10, "nothing is asked for twice");
    let gone = film.project.scenes[0].id;
    let edit = reelboard::project::Edit::RemoveScene(gone);
    Arc::make_mut(&mut film.project).apply(edit).unwrap();
    film.entities = entities(&film.project);
    let photo = MediaName::of(b"photo", "jpg").unwrap();
    let source = ReferenceSource::Photo { file_name: "dog.jpg".to_owned() };
    let reference = Reference { source, picture: photo, mask: None };
    let edit = film.project.entity_edit(EntityKind::Foreground, "dog", EntityField::Reference(Some(reference)));
    Arc::make_mut(&mut film.project).apply(edit).unwrap();
    let made = film.make_all(None);
    assert!(!made.contains(&"Make a picture of dog".to_owned()), "{made:?}");
    assert_eq!(made.iter().filter(|title| title.starts_with("Render")).count(), 5);
    // A picture in place of the one there is.
    let again = RenderItem::picture(&film.project, EntityKind::Foreground, "dog");
    film.queue.add([again]);
    assert_eq!(film.make(None).unwrap(), "Make a picture of dog");
}
