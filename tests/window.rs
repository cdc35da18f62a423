//! The window, driven by the names of its widgets as a screen reader hears them.
#![cfg(feature = "gui")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "window/revise.rs"]
mod revise;
#[path = "window/takes.rs"]
mod takes;
#[path = "writer/tiny.rs"]
mod tiny;
#[path = "window/writers.rs"]
mod writers;

use egui::{Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use reelboard::draft::example_project;
use reelboard::engine::StudioModels;
use reelboard::farm::{Asked, Outcome, Plan, Record, Run};
use reelboard::models::{ModelCache, Registry};
use reelboard::project::{
    ClipSettings, Direction, EntityKind, Project, ProjectStore, Reference, StillSettings, TakeKind, entities,
    wanted_recipe,
};
use reelboard::ui::App;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A window and the folder that its test may write to.
struct Window {
    harness: Harness<'static, Option<App>>,
    folder: TempDir,
}

impl Window {
    /// A window that shows `project`, or the start screen.
    fn open(project: Option<&Project>) -> Self {
        let folder = TempDir::new().unwrap();
        let film = project.map(|project| {
            let film = folder.path().join("film.reel");
            ProjectStore::create(&film, project).unwrap();
            film
        });
        Self::open_in(folder, film)
    }

    /// The window closed and opened again.
    fn reopen(self) -> Self {
        let Self { harness, folder } = self;
        drop(harness);
        let film = folder.path().join("film.reel");
        Self::open_in(folder, Some(film))
    }

    fn open_in(folder: TempDir, film: Option<PathBuf>) -> Self {
        let (projects, models) = (folder.path().join("projects"), folder.path().join("models"));
        let mut harness = Harness::builder().with_size(Vec2::new(1440.0, 900.0)).build_ui_state(
            move |ui, app: &mut Option<App>| match app {
                // Fonts are there from the second frame on.
                None => {
                    let mut new = App::headless(ui.ctx(), projects.clone(), models.clone()).unwrap();
                    film.iter().for_each(|film| new.open(film.clone()));
                    *app = Some(new);
                }
                Some(app) => {
                    app.step(ui.ctx());
                    app.draw(ui);
                }
            },
            None,
        );
        harness.run_steps(4);
        let mut window = Self { harness, folder };
        window.settle();
        window
    }

    fn example() -> Self {
        Self::open(Some(&example_project()))
    }

    fn app(&self) -> &App {
        self.harness.state().as_ref().unwrap()
    }

    fn project(&self) -> &Project {
        self.app().project().expect("a project is open")
    }

    /// Draws frames until the engine has nothing left to do.
    fn settle(&mut self) {
        self.wait("the engine is done", |window| !window.app().is_busy());
        self.harness.run_steps(2);
    }

    /// Draws frames until something has happened.
    fn wait(&mut self, what: &str, mut happened: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !happened(self) {
            assert!(start.elapsed() < Duration::from_secs(120), "waited in vain: {what}");
            self.harness.step();
            std::thread::yield_now();
        }
    }

    fn click(&mut self, name: &str) {
        self.harness.get_by_label(name).scroll_to_me();
        self.harness.run_steps(12);
        self.harness.get_by_label(name).click();
        self.harness.run_steps(3);
    }

    /// Replaces what is in a text field.
    fn fill(&mut self, field: &str, text: &str) {
        self.harness.get_by_label(field).focus();
        self.harness.run_steps(2);
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.harness.step();
        self.harness.get_by_label(field).type_text(text);
        self.harness.run_steps(3);
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(3);
    }

    fn leave_the_field(&mut self) {
        let focused = self.harness.ctx.memory(|memory| memory.focused());
        focused.iter().for_each(|id| self.harness.ctx.memory_mut(|memory| memory.surrender_focus(*id)));
        self.harness.run_steps(3);
    }
}

/// A free photo that the tests have: the input of a parity fixture.
fn photo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/parity/u2net/small.png")
}

#[test]
fn an_edited_prompt_is_one_step_to_undo_and_is_on_disk() {
    let mut window = Window::example();
    let before = window.project().scenes[0].prompt.clone();
    window.fill("Prompt", "The keeper dances");
    assert_eq!(window.project().scenes[0].prompt, "The keeper dances");
    window.leave_the_field();
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().scenes[0].prompt, before);
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z);
    assert_eq!(window.project().scenes[0].prompt, "The keeper dances");
    window.settle();
    // Dropping the window waits for the saver.
    let Window { harness, folder } = window;
    drop(harness);
    let kept = reelboard::project::read_project(&folder.path().join("film.reel")).unwrap();
    assert_eq!(kept.scenes[0].prompt, "The keeper dances");
}

#[test]
fn scenes_are_added_duplicated_moved_and_deleted() {
    let mut window = Window::example();
    let ids = |window: &Window| window.project().scenes.iter().map(|scene| scene.id.0).collect::<Vec<_>>();
    let first = ids(&window);
    window.press(Modifiers::COMMAND, Key::Enter);
    assert_eq!(ids(&window).len(), first.len() + 1);
    window.leave_the_field();
    assert_eq!(window.project().scenes[1].prompt, "", "the new scene comes after the selected one");
    window.press(Modifiers::NONE, Key::Delete);
    assert_eq!(ids(&window), first);
    window.press(Modifiers::NONE, Key::Home);
    window.press(Modifiers::NONE, Key::ArrowUp);
    window.press(Modifiers::NONE, Key::ArrowUp);
    window.press(Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(ids(&window)[..2], [first[1], first[0]]);
    window.press(Modifiers::COMMAND, Key::D);
    assert_eq!(window.project().scenes[1].prompt, window.project().scenes[2].prompt);
    for _ in 0..4 {
        window.press(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(ids(&window), first);
}

#[test]
fn a_new_camera_move_is_shown_at_once() {
    let mut window = Window::example();
    window.click("Camera left");
    assert_eq!(window.project().scenes[0].camera.direction, Direction::Left);
    // It plays: the transport offers a pause, and the playhead moves.
    window.click("Camera speed fast");
    assert_eq!(window.project().scenes[0].camera.speed.as_str(), "fast");
}

#[test]
fn a_text_becomes_scenes_without_a_model() {
    let mut window = Window::open(None);
    window.click("Open a script…");
    window.fill("Text", "Mia opens the old door. Mia finds a lantern in the cellar. The lantern lights up the cellar.");
    window.settle();
    window.click("Make 3 scenes");
    window.settle();
    let project = window.project();
    assert_eq!(project.scenes.len(), 3);
    assert!(project.scenes[0].foreground.iter().any(|name| name == "Mia"), "{:?}", project.scenes[0].foreground);
    let kept = std::fs::read_dir(window.folder.path().join("projects")).unwrap().count();
    assert_eq!(kept, 1, "the new project has a folder");
}

#[test]
fn writing_without_a_model_offers_the_download() {
    let mut window = Window::example();
    window.click("Write");
    window.harness.get_by_label("The writer is not on this machine yet");
    window.press(Modifiers::NONE, Key::Escape);
    assert!(window.harness.query_by_label("The writer is not on this machine yet").is_none());
}

#[test]
fn an_own_photo_is_cut_out_and_can_be_undone() {
    let mut window = Window::example();
    window.click("Entity dog");
    window.fill("Photo path", &photo().display().to_string());
    window.press(Modifiers::NONE, Key::Enter);
    window.settle();
    let dog = window.project().cast_entry(EntityKind::Foreground, "dog").unwrap();
    let reference = dog.reference.clone().expect("the dog has a photo");
    assert!(reference.is_photo());
    window.leave_the_field();
    window.press(Modifiers::COMMAND, Key::Z);
    let dog = window.project().cast_entry(EntityKind::Foreground, "dog").unwrap();
    assert_eq!(dog.reference, None);
}

/// A file as the file manager drops it.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn a_photo_dropped_on_a_name_is_its_photo() {
    let mut window = Window::example();
    let dog = window.harness.get_by_label("Entity dog").rect().center();
    window.harness.hover_at(dog);
    window.harness.run_steps(2);
    window.harness.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(photo())));
    window.harness.run_steps(3);
    window.settle();
    let dog = window.project().cast_entry(EntityKind::Foreground, "dog").unwrap();
    assert!(dog.reference.as_ref().is_some_and(|reference| reference.mask.is_some()));
}

#[test]
fn a_photo_dropped_elsewhere_asks_who_it_is() {
    let mut window = Window::example();
    let viewer = window.harness.get_by_label("Viewer").rect().center();
    window.harness.hover_at(viewer);
    window.harness.run_steps(2);
    window.harness.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(photo())));
    let question = "Who or what is in this photo?";
    window.wait("the question is there", |window| window.harness.query_by_label(question).is_some());
    window.fill("Somebody new", "gull");
    window.press(Modifiers::NONE, Key::Enter);
    window.settle();
    assert!(window.project().cast_entry(EntityKind::Foreground, "gull").unwrap().reference.is_some());
}

#[test]
fn a_card_dragged_behind_another_changes_the_order() {
    let mut window = Window::example();
    let card = |window: &Window, n: usize| {
        let prompt = &window.project().scenes[n - 1].prompt;
        window.harness.get_by_label(&format!("Scene {n}: {prompt}")).rect()
    };
    let before: Vec<_> = window.project().scenes.iter().map(|scene| scene.id).collect();
    let (from, to) = (card(&window, 1), card(&window, 3));
    window.harness.drag_at(from.center_top() + Vec2::new(0.0, 40.0));
    window.harness.run_steps(2);
    for step in 1..=5 {
        let way = to.right_center() - Vec2::new(20.0, 0.0) - from.center();
        window.harness.hover_at(from.center() + way * (step as f32 / 5.0));
        window.harness.step();
    }
    window.harness.drop_at(to.right_center() - Vec2::new(20.0, 0.0));
    window.harness.run_steps(4);
    let after: Vec<_> = window.project().scenes.iter().map(|scene| scene.id).collect();
    assert_eq!(after[..3], [before[1], before[2], before[0]]);
}

#[test]
fn a_photo_that_is_none_is_explained() {
    let mut window = Window::example();
    let text = window.folder.path().join("notes.png");
    std::fs::write(&text, "not a picture").unwrap();
    window.click("Entity dog");
    window.fill("Photo path", &text.display().to_string());
    window.press(Modifiers::NONE, Key::Enter);
    window.settle();
    assert!(window.harness.query_all_by_label_contains("notes.png").next().is_some(), "the message names the file");
    window.click("Close message");
}

#[test]
fn a_renamed_entity_has_its_new_name_in_every_scene() {
    let mut window = Window::example();
    let shown = |project: &Project, name: &str| {
        project.scenes.iter().filter(|scene| scene.foreground.iter().any(|n| n == name)).count()
    };
    let scenes = shown(window.project(), "dog");
    window.click("Entity dog");
    window.fill("Name", "terrier");
    window.press(Modifiers::NONE, Key::Enter);
    window.settle();
    assert_eq!((shown(window.project(), "dog"), shown(window.project(), "terrier")), (0, scenes));
}

#[test]
fn a_film_is_exported_from_the_dialog() {
    let mut project = example_project();
    project.scenes.truncate(2);
    project.scenes.iter_mut().for_each(|scene| scene.duration_ms = 500);
    let mut window = Window::open(Some(&project));
    let film = window.folder.path().join("out.mp4");
    window.press(Modifiers::COMMAND, Key::E);
    window.fill("Export file", &film.display().to_string());
    window.click("Export");
    window.settle();
    assert!(film.is_file());
    window.click("Close message");
}

#[test]
fn a_take_is_kept_and_turns_stale_with_its_scene() {
    let mut window = Window::example();
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    assert_eq!(window.project().scenes[0].takes.len(), 1);
    assert_eq!(window.project().scenes[0].chosen, None, "the live draft stays in the film");
    window.click("Take 1");
    assert!(window.project().scenes[0].chosen.is_some());
    window.fill("Prompt", "The keeper dances");
    window.settle();
    assert!(window.harness.query_all_by_label_contains("Stale: prompt changed").next().is_some());
    window.leave_the_field();
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().scenes[0].takes.len(), 1, "undo never removes a take");
}

impl Window {
    fn choose_studio(&mut self, title: &str) {
        self.click("Studio");
        self.click(title);
        self.settle();
    }

    fn picture_of(&self, name: &str) -> Option<Reference> {
        self.project().cast_entry(EntityKind::Foreground, name).and_then(|entity| entity.reference.clone())
    }
}

#[test]
fn a_chosen_studio_is_part_of_the_project_and_undone() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    assert_eq!(window.project().studio, "tiny");
    let said = window.harness.query_all_by_label_contains("weights are random").next().is_some();
    assert!(said, "a studio of random weights says that its pictures are noise");
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().studio, "draft");
}

#[test]
fn a_studio_without_its_models_says_what_they_are() {
    let mut window = Window::example();
    window.choose_studio("VideoStudio");
    window.harness.get_by_label("What the studio needs");
    assert!(window.harness.query_all_by_label_contains("to download").count() > 1);
    let download = |window: &Window| {
        let button = window.harness.query_all_by_label_contains("Download ").next().expect("there is a button");
        !button.accesskit_node().is_disabled()
    };
    assert!(!download(&window), "one of the models has terms");
    window.click("I accept its terms");
    let disk_is_full = window.harness.query_all_by_label_contains("make room").next().is_some();
    assert_eq!(download(&window), !disk_is_full, "only terms and the disk keep it from being downloaded");
    window.press(Modifiers::NONE, Key::Escape);
    window.click("Render all");
    window.harness.get_by_label("What the studio needs");
    assert!(window.project().scenes.iter().all(|scene| scene.takes.is_empty()));
}

#[test]
fn a_scene_is_rendered_after_the_pictures_of_its_cast() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    let scene = &window.project().scenes[0];
    let [take, clip] = scene.takes.as_slice() else { panic!("{} takes", scene.takes.len()) };
    assert_eq!((take.recipe.studio.as_str(), take.kind), ("tiny", TakeKind::Still));
    assert_eq!((clip.kind, scene.chosen), (TakeKind::Clip, Some(clip.id)));
    let common = entities(window.project()).into_iter().filter(|entity| entity.is_common());
    let common: Vec<_> = common.filter(|entity| entity.scenes.contains(&scene.id)).collect();
    assert!(!common.is_empty());
    for entity in common {
        let used = take.recipe.entities.iter().find(|used| used.name == entity.name).unwrap();
        assert!(used.reference.as_ref().is_some_and(|picture| !picture.is_photo()), "{} has no picture", entity.name);
    }
    // The same once more is not made again.
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    assert_eq!(window.project().scenes[0].takes.len(), 2);
}

/// A film of one long scene, rendered with the tiny studio: a still and its clip.
fn with_a_clip() -> Window {
    let mut project = example_project();
    project.scenes.truncate(1);
    project.scenes[0].duration_ms = 8000;
    let mut window = Window::open(Some(&project));
    window.choose_studio("Tiny (random)");
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    window
}

/// What the viewer says that it shows.
fn viewer(window: &Window) -> Option<String> {
    window.harness.get_by_label("Viewer").accesskit_node().value()
}

#[test]
fn the_viewer_plays_a_clip_and_the_takes_list_it_beside_its_still() {
    let mut window = with_a_clip();
    for take in ["Take 1", "Take 2 · clip"] {
        window.harness.get_by_label(take);
    }
    window.press(Modifiers::NONE, Key::Home);
    window.settle();
    assert_eq!(viewer(&window).as_deref(), Some("frame 1 of 8 of the clip"));
    let mut seen = Vec::new();
    window.harness.key_press(Key::Space);
    window.wait("the clip was played", |window| {
        let shown = viewer(window).unwrap();
        let number = shown.split(' ').nth(1).unwrap().parse::<u32>().unwrap();
        if seen.last() != Some(&number) {
            seen.push(number);
        }
        number == 8
    });
    assert_eq!(seen, (1..=8).collect::<Vec<_>>(), "every frame in order");
    // The still has no frames.
    window.click("Take 1");
    window.settle();
    assert_eq!(viewer(&window), None);
    let scene = &window.project().scenes[0];
    assert_eq!(scene.chosen, Some(scene.takes[0].id));
}

#[test]
fn another_camera_makes_the_clip_stale_and_says_what_is_redone() {
    let mut window = with_a_clip();
    window.click("Camera left");
    window.settle();
    let says = |window: &Window, text: &str| window.harness.query_all_by_label_contains(text).next().is_some();
    assert!(says(&window, "Stale: camera changed: only the last part is redone"));
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    let scene = &window.project().scenes[0];
    let kinds: Vec<_> = scene.takes.iter().map(|take| take.kind).collect();
    assert_eq!(kinds, [TakeKind::Still, TakeKind::Clip, TakeKind::Clip]);
    assert_eq!(scene.chosen, Some(scene.takes[2].id));
    assert!(!says(&window, "Stale"));
    // Back again: the first clip shows just this, and is not made a second time.
    window.press(Modifiers::COMMAND, Key::Z);
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    let scene = &window.project().scenes[0];
    assert_eq!((scene.takes.len(), scene.chosen), (3, Some(scene.takes[1].id)));
}

#[test]
fn a_scene_is_rendered_in_parts_from_its_card() {
    let mut project = example_project();
    project.scenes.truncate(1);
    let mut window = Window::open(Some(&project));
    window.choose_studio("Tiny (random)");
    let kinds = |window: &Window| window.project().scenes[0].takes.iter().map(|take| take.kind).collect::<Vec<_>>();
    window.click("Render…");
    window.click("Still only");
    window.settle();
    assert_eq!(kinds(&window), [TakeKind::Still]);
    window.click("Render…");
    window.click("Clip");
    window.settle();
    assert_eq!(kinds(&window), [TakeKind::Still, TakeKind::Clip]);
}

#[test]
fn a_clip_that_cannot_be_read_is_told_on_its_scene() {
    let mut window = with_a_clip();
    let scene = &window.project().scenes[0];
    let name = scene.takes[1].media.as_str().to_owned();
    let file = window.folder.path().join("film.reel/media").join(&name);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    // Decoded clips are forgotten with their project.
    let film = window.folder.path().join("film.reel");
    window.press(Modifiers::COMMAND, Key::N);
    window.press(Modifiers::COMMAND, Key::O);
    window.fill("Project path", &film.display().to_string());
    window.press(Modifiers::NONE, Key::Enter);
    window.settle();
    let told = window.harness.query_all_by_label_contains(&name).next().is_some();
    assert!(told, "the message names the file");
    assert_eq!(window.project().scenes[0].takes.len(), 2);
    window.click("Take 1");
    window.settle();
    window.click("Close message");
    assert!(window.harness.query_all_by_label_contains(&name).next().is_none(), "the still can be shown");
}

#[test]
fn all_scenes_are_rendered_once_and_turn_stale_with_the_studio() {
    let mut project = example_project();
    project.scenes.truncate(3);
    let mut window = Window::open(Some(&project));
    window.choose_studio("Tiny (random)");
    let takes = |window: &Window| window.project().scenes.iter().map(|scene| scene.takes.len()).collect::<Vec<_>>();
    for _ in 0..2 {
        window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
        window.settle();
        assert_eq!(takes(&window), [2, 2, 2], "a still and a clip");
    }
    assert!(window.harness.query_all_by_label_contains("Stale").next().is_none());
    window.click("Render settings…");
    window.fill("Negative prompt", "text");
    window.settle();
    window.press(Modifiers::NONE, Key::Escape);
    assert!(window.harness.query_all_by_label_contains("render settings changed").next().is_some());
}

#[test]
fn scenes_that_wait_for_pictures_are_cancelled_with_the_queue() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
    window.click("Queue");
    window.click("Cancel all");
    window.settle();
    let last = window.project().scenes.last().unwrap();
    assert!(last.takes.is_empty());
}

impl Window {
    /// The takes of each scene.
    fn takes(&self) -> Vec<Vec<String>> {
        let scenes = self.project().scenes.iter();
        scenes.map(|scene| scene.takes.iter().map(|take| take.media.to_string()).collect()).collect()
    }

    fn is_there(&self, name: &str) -> bool {
        self.harness.query_by_label(name).is_some()
    }

    /// Asks for all scenes, and pauses when the first picture is on its way.
    fn render_and_pause(&mut self) {
        self.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
        self.wait("something renders", |window| window.is_there("Queue progress") || window.app().is_busy());
        self.press(Modifiers::COMMAND, Key::P);
        self.settle();
    }
}

const PAUSE: (Modifiers, Key) = (Modifiers::COMMAND, Key::P);

#[test]
fn a_paused_queue_is_put_in_another_order_and_goes_on() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.render_and_pause();
    assert!(window.takes().iter().all(Vec::is_empty), "pictures of the cast come first");
    window.press(Modifiers::COMMAND, Key::J);
    assert!(window.is_there("Resume all") && window.is_there("Drag Render scene 4"));
    window.click("Move Render scene 4 to the front");
    assert!(!window.is_there("Move Render scene 4 to the front"), "it is the first");
    window.click("Move Render scene 6 up");
    window.click("Cancel Render scene 2");
    window.click("Cancel Make a picture of dog");
    // What shows the dog cannot be rendered without.
    let with_dog: Vec<bool> =
        window.project().scenes.iter().map(|scene| scene.foreground.iter().any(|name| name == "dog")).collect();
    window.press(PAUSE.0, PAUSE.1);
    let made = |window: &Window| window.takes().iter().map(|takes| takes.len()).sum::<usize>();
    window.wait("the first take is there", |window| made(window) > 0);
    assert_eq!(window.takes()[3].len(), usize::from(!with_dog[3]));
    window.settle();
    for (index, takes) in window.takes().iter().enumerate() {
        // A still and its clip.
        let expected = 2 * usize::from(index != 1 && !with_dog[index]);
        assert_eq!(takes.len(), expected, "scene {}", index + 1);
    }
}

#[test]
fn a_click_counts_however_long_a_frame_lasts_between_press_and_release() {
    let mut window = Window::example();
    let at = window.harness.get_by_label("Film format").rect().center();
    let is_open = |window: &Window| window.is_there("Film width");
    assert!(!is_open(&window));
    window.harness.drag_at(at);
    // Each of these frames is a quarter of a second.
    window.harness.run_steps(12);
    window.harness.drop_at(at);
    window.harness.run_steps(3);
    assert!(is_open(&window));
}

#[test]
fn a_row_dragged_up_is_rendered_sooner() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.render_and_pause();
    window.click("Queue");
    window.harness.get_by_label("Drag Render scene 6").scroll_to_me();
    window.harness.run_steps(12);
    let row = |window: &Window, name: &str| window.harness.get_by_label(name).rect();
    let last = row(&window, "Drag Render scene 6").left_center() + Vec2::new(120.0, 0.0);
    let up = row(&window, "Drag Render scene 1").left_top() + Vec2::new(120.0, 4.0) - last;
    window.harness.drag_at(last);
    window.harness.run_steps(2);
    for step in 1..=5 {
        window.harness.hover_at(last + up * (step as f32 / 5.0));
        window.harness.step();
    }
    window.harness.drop_at(last + up);
    window.harness.run_steps(4);
    let top = |name: &str| row(&window, name).top();
    assert!(top("Drag Render scene 6") < top("Drag Render scene 1"));
}

#[test]
fn one_render_is_paused_and_resumed_by_itself() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.render_and_pause();
    window.press(Modifiers::COMMAND, Key::J);
    // One alone goes on, with what it needs.
    window.click("Resume Render scene 3");
    window.settle();
    let made: Vec<usize> = window.takes().iter().map(Vec::len).collect();
    assert_eq!(made, [0, 0, 1, 0, 0, 0]);
    window.click("Resume all");
    window.click("Pause all");
    window.settle();
    assert!(window.takes().iter().any(Vec::is_empty));
    let pointer = window.harness.get_by_label("Resume all").rect().center();
    window.harness.hover_at(pointer);
    window.harness.run_steps(2);
    window.harness.drag_at(pointer);
    window.harness.run_steps(2);
    window.harness.drop_at(pointer);
    window.harness.run_steps(2);
    window.wait("scene 5 waits", |window| window.is_there("Pause Render scene 5"));
    window.click("Pause Render scene 5");
    window.settle();
    let made: Vec<usize> = window.takes().iter().map(Vec::len).collect();
    assert_eq!(made, [2, 2, 2, 2, 0, 2]);
    assert!(window.is_there("Resume Render scene 5"));
    window.press(PAUSE.0, PAUSE.1);
    window.settle();
    assert_eq!(window.takes()[4].len(), 2);
    assert!(!window.is_there("Queue"), "nothing is left to do");
}

#[test]
fn what_was_waiting_comes_back_with_the_project_and_is_not_rendered_unasked() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
    window.settle();
    let whole = window.takes();

    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
    window.wait("a scene is there", |window| window.takes().iter().any(|takes| !takes.is_empty()));
    // Closed in the middle of the next one.
    let mut window = window.reopen();
    let before = window.takes();
    let lacking = before.iter().filter(|takes| takes.is_empty()).count();
    assert!(lacking > 0, "the window was closed too late to test anything");
    let strip = |window: &Window| window.harness.query_all_by_label_contains("waiting when this project").count();
    assert_eq!(strip(&window), 1);
    window.settle();
    assert_eq!(window.takes(), before);
    window.click("Resume");
    window.settle();
    assert_eq!((window.takes(), strip(&window)), (whole, 0));
    let mut window = window.reopen();
    assert_eq!(strip(&window), 0, "it is done");

    window.fill("Prompt", "The keeper dances");
    window.leave_the_field();
    window.press(Modifiers::COMMAND, Key::R);
    window.press(PAUSE.0, PAUSE.1);
    window.settle();
    let mut window = window.reopen();
    assert_eq!(strip(&window), 1);
    window.click("Discard");
    assert_eq!(strip(&window), 0);
    let window = window.reopen();
    assert_eq!((strip(&window), window.takes()[0].len()), (0, 2));
}

#[test]
fn a_take_of_a_closed_project_does_not_reach_the_next_one() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
    window.press(Modifiers::COMMAND, Key::N);
    window.click("Open the example film");
    window.settle();
    assert!(window.project().scenes.iter().all(|scene| scene.takes.is_empty()));
    assert_eq!(window.project().studio, "draft");
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    assert_eq!(window.project().scenes[0].takes[0].recipe.studio, "draft");
}

#[test]
fn a_picture_is_made_made_again_and_undone() {
    let mut window = Window::example();
    window.click("Entity dog");
    assert!(window.harness.query_by_label("Make a picture").is_none(), "the draft has no illustrator");
    window.choose_studio("Tiny (random)");
    window.click("Make a picture");
    window.settle();
    let first = window.picture_of("dog").expect("the dog has a picture");
    assert!(!first.is_photo());
    window.click("Make another");
    window.settle();
    let second = window.picture_of("dog").expect("the dog has another picture");
    assert_ne!(first.picture, second.picture);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.picture_of("dog"), Some(first));
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.picture_of("dog"), None);
}

#[test]
fn render_settings_are_typed_undone_and_reset() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.click("Render settings…");
    window.fill("Negative prompt", "text, logos");
    assert_eq!(window.project().still.negative, "text, logos");
    window.click("Reset to the release's");
    assert_eq!(window.project().still, StillSettings::default());
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().still.negative, "text, logos");
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().still, StillSettings::default(), "a visit of the field is one step");
}

#[test]
fn settings_of_clips_are_typed_and_reset_with_those_of_stills() {
    let mut window = Window::example();
    window.choose_studio("Tiny (random)");
    window.click("Render settings…");
    window.fill("Clip steps", "3");
    window.press(Modifiers::NONE, Key::Enter);
    let clip = &window.project().clip;
    assert_eq!((clip.steps, clip.camera_from_step), (3, 3), "the camera begins no later than the last step");
    window.fill("Negative prompt", "text");
    window.click("Reset to the release's");
    assert_eq!(window.project().clip, ClipSettings::default());
    assert_eq!(window.project().still, StillSettings::default());
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!((window.project().clip.steps, window.project().still.negative.as_str()), (3, "text"));
}

#[test]
fn a_style_is_typed_and_undone() {
    let mut window = Window::example();
    window.fill("Style", "film noir");
    assert_eq!(window.project().style, "film noir");
    window.leave_the_field();
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().style, "");
}

#[test]
fn a_window_at_rest_draws_nothing() {
    let mut window = Window::example();
    window.harness.remove_cursor();
    // Past the pause after which a project is saved.
    let rested = |window: &mut Window| {
        window.harness.step();
        let output = &window.harness.output().viewport_output;
        output.values().map(|viewport| viewport.repaint_delay).min().unwrap() == Duration::MAX
    };
    let start = Instant::now();
    while !rested(&mut window) {
        assert!(start.elapsed() < Duration::from_secs(60), "something keeps asking for frames");
        std::thread::yield_now();
    }
    assert!(rested(&mut window));
}

#[test]
fn what_a_cluster_has_made_comes_in_while_the_window_is_open() {
    let mut window = Window::example();
    let film = window.folder.path().join("film.reel");
    let project = window.project().clone();
    let cache = ModelCache::at(window.folder.path().join("models"));
    let studio = StudioModels::new("draft", Arc::new(Registry::built_in()), cache).unwrap();
    let asked = Asked { numbers: vec![2], only: None };
    let plan = Plan::of(&Arc::new(project.clone()), &studio, &asked).unwrap();
    let run = Run::create(&film, &project, &plan, |_| Ok(Vec::new())).unwrap();
    let (_, task) = plan.tasks().next().unwrap();
    let media = run.media().put(&std::fs::read(photo()).unwrap(), "png").unwrap();
    let recipe = Box::new(wanted_recipe(&project, &project.scenes[1], "tiny", &[]));
    let outcome = Outcome::Take { media, recipe, notes: Vec::new() };
    run.write_record(&plan, &Record { task: task.clone(), outcome }).unwrap();

    window.click("Edit");
    window.click("Render on a cluster…");
    window.wait("the take of the cluster", |window| window.project().scenes[1].takes.len() == 1);
    assert!(window.project().scenes[1].chosen.is_some());
    let run_title = "Run 1 · draft · 1 done";
    window.wait("the state of the run", |window| window.harness.query_by_label(run_title).is_some());
    // Drafts are not worth a cluster, and the window says so.
    assert!(window.harness.get_by_label("Send").accesskit_node().is_disabled());
    window.harness.get_by_label("Choose a studio with models first: drafts are drawn at once");
    // A picture that took a machine its time is no step of the history.
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().scenes[1].takes.len(), 1);
    let Window { harness, folder: _folder } = window;
    drop(harness);
    let kept = reelboard::project::read_project(&film).unwrap();
    assert_eq!(kept.scenes[1].takes.len(), 1);
}

#[test]
fn how_boldly_the_writer_writes_is_set_in_a_dialog() {
    let mut window = Window::example();
    window.click("More writing settings");
    let is_enabled = |window: &Window, name: &str| !window.harness.get_by_label(name).accesskit_node().is_disabled();
    assert!(!is_enabled(&window, "Reset to the writer's own"));
    assert!(!is_enabled(&window, "Script seed"), "another script each time has no seed");
    window.click("Another script each time");
    assert!(is_enabled(&window, "Script seed"));
    assert!(is_enabled(&window, "Reset to the writer's own"));
    for name in ["Boldness", "Choice", "Variety"] {
        assert!(is_enabled(&window, name));
    }
    window.click("Reset to the writer's own");
    assert!(!is_enabled(&window, "Script seed"));
    window.press(Modifiers::NONE, Key::Escape);
    assert!(window.harness.query_by_label("Boldness").is_none());
}

impl Window {
    /// Drops a file on the window, as the file manager does.
    fn drop_file(&mut self, path: &Path) {
        self.harness.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(path.to_owned())));
        self.harness.run_steps(3);
        self.settle();
    }
}

#[test]
fn a_dropped_screenplay_is_shown_before_it_comes_in() {
    let mut window = Window::open(None);
    let script = window.folder.path().join("boat.fountain");
    std::fs::write(&script, "Title: The Boat\n\nINT. ROOM - NIGHT\n\nMia waves.\n\nMIA\nHello.\n\nFADE OUT.\n")
        .unwrap();
    window.drop_file(&script);
    window.harness.get_by_label("Open a script");
    window.harness.get_by_label_contains("The Boat · Fountain screenplay · 1 scenes");
    window.harness.get_by_label_contains("Line 10: films have no");
    assert!(window.app().project().is_none(), "nothing has come in yet");
    window.click("Make 1 scene");
    window.settle();
    let project = window.project();
    assert_eq!((project.premise.as_str(), project.scenes.len()), ("The Boat", 1));
    assert_eq!(project.scenes[0].note, "MIA\nHello.\n\nFADE OUT.");
    window.fill("Notes", "Ask Tom");
    assert_eq!(window.project().scenes[0].note, "Ask Tom");
}

#[test]
fn a_script_replaces_the_scenes_in_one_step() {
    let mut window = Window::example();
    let before = window.project().scenes.clone();
    let script = window.folder.path().join("shots.csv");
    std::fs::write(&script, "action,place\nMia waves,shore\nTom waves,shore\n").unwrap();
    window.press(Modifiers::COMMAND, Key::I);
    window.fill("Script path", &script.display().to_string());
    window.press(Modifiers::NONE, Key::Enter);
    window.settle();
    window.click(&format!("Replace the {} scenes", before.len()));
    window.settle();
    assert_eq!(window.project().scenes.len(), 2);
    window.leave_the_field();
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().scenes, before);
    std::fs::write(&script, "").unwrap();
    window.drop_file(&script);
    window.harness.get_by_label_contains("shots.csv is empty");
}

#[test]
fn a_script_is_exported_from_the_dialog() {
    let mut window = Window::example();
    let script = window.folder.path().join("out.fountain");
    window.click("File");
    window.click("Export script…");
    window.fill("Script file", &script.display().to_string());
    window.click("Export");
    window.wait("the file is there", |_| script.is_file());
    let text = std::fs::read_to_string(&script).unwrap();
    assert!(text.contains(&window.project().scenes[0].prompt), "{text}");
}
