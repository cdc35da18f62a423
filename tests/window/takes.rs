//! Takes in the window: choosing, starring, comparing, varying, copying, locking, and several scenes at once.

use super::*;
use reelboard::project::{Scene, SceneId, Take};

/// The example film with three takes of its first scene, which differ in their seeds. They are drafts, which are quick.
fn film_with_takes() -> Window {
    let mut window = Window::example();
    window.click("Clip 1");
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    for _ in 0..2 {
        window.press(Modifiers::NONE, Key::V);
        window.settle();
    }
    assert_eq!(window.scene(0).takes.len(), 3);
    window
}

impl Window {
    fn scene(&self, index: usize) -> &Scene {
        &self.project().scenes[index]
    }

    fn take(&self, index: usize) -> &Take {
        &self.scene(0).takes[index]
    }

    fn has(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }

    fn is_enabled(&self, name: &str) -> bool {
        !self.harness.get_by_label(name).accesskit_node().is_disabled()
    }

    fn undo(&mut self) {
        self.leave_the_field();
        self.press(Modifiers::COMMAND, Key::Z);
    }

    fn click_with(&mut self, modifiers: Modifiers, name: &str) {
        self.harness.get_by_label(name).click_modifiers(modifiers);
        self.harness.run_steps(3);
    }

    fn card(&self, number: usize) -> String {
        format!("Scene {number}: {}", self.scene(number - 1).prompt)
    }

    fn open_menu_of(&mut self, name: &str) {
        self.harness.get_by_label(name).click_secondary();
        self.harness.run_steps(4);
    }
}

#[test]
fn a_take_is_chosen_and_the_live_draft_comes_back() {
    let mut window = film_with_takes();
    window.click("Take 1");
    assert_eq!(window.scene(0).chosen, Some(window.take(0).id));
    window.click("Draft");
    assert_eq!(window.scene(0).chosen, None);
    window.undo();
    assert_eq!(window.scene(0).chosen, Some(window.take(0).id));
}

#[test]
fn takes_are_gone_through_with_the_arrow_keys_and_chosen_with_enter() {
    let mut window = film_with_takes();
    window.click("Take 2");
    let chosen = window.scene(0).chosen;
    let frame = window.harness.query_all_by_label_contains("0:00").count();
    window.press(Modifiers::NONE, Key::ArrowRight);
    assert!(window.has("Take 2"));
    assert_eq!(window.scene(0).chosen, chosen, "looking at a take does not change the film");
    assert_eq!(window.harness.query_all_by_label_contains("0:00").count(), frame, "nor does it move the playhead");
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(window.scene(0).chosen, Some(window.take(0).id), "the older ones are on the right");
    window.press(Modifiers::NONE, Key::ArrowLeft);
    window.press(Modifiers::NONE, Key::S);
    assert!(window.take(1).starred && !window.take(0).starred, "the star is for the one that is looked at");
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::NONE, Key::S);
    assert!(window.take(0).starred, "and else for the one in the film");
}

#[test]
fn a_take_is_starred_deleted_and_both_are_undone() {
    let mut window = film_with_takes();
    let count = window.scene(0).takes.len();
    window.click("Take 1");
    window.click("Star take 1");
    assert!(window.take(0).starred);
    let (first, before) = (window.take(0).clone(), window.project().clone());
    window.click("Delete take");
    assert_eq!(window.scene(0).takes.len(), count - 1);
    assert!(window.scene(0).takes.iter().all(|take| take.id != first.id));
    window.undo();
    assert_eq!(window.scene(0), &before.scenes[0]);
    window.undo();
    assert!(!window.take(0).starred);
}

#[test]
fn two_takes_are_compared_in_pictures_and_in_words() {
    let mut window = film_with_takes();
    let (a, b) = (window.take(0).recipe.seed, window.take(1).recipe.seed);
    window.click("Take 1");
    window.click_with(Modifiers::COMMAND, "Take 2");
    window.harness.get_by_label("Picture A");
    window.harness.get_by_label("Picture B");
    window.harness.get_by_label(&format!("seed {a} → {b}"));
    // Keys that change what is not in view do nothing.
    let before = window.project().clone();
    for key in [Key::Delete, Key::V, Key::K, Key::S, Key::Space] {
        window.press(Modifiers::NONE, key);
    }
    assert_eq!(window.project(), &before);
    window.click("Wipe");
    window.harness.get_by_label("Split");
    assert!(window.harness.query_by_label("Picture A").is_none(), "one over the other");
    window.click("Add take 3");
    window.harness.get_by_label("Picture C");
    assert!(!window.is_enabled("Wipe"), "a wipe shows two");
    window.click("Leave out take 1");
    window.click("Use B");
    assert_eq!(window.scene(0).chosen, Some(window.take(2).id));
    window.press(Modifiers::NONE, Key::Escape);
    assert!(window.harness.query_by_label("Picture A").is_none());
    window.harness.get_by_label("Timeline");
}

#[test]
fn a_comparison_zooms_all_its_pictures_together() {
    let mut window = film_with_takes();
    window.click("Take 1");
    window.press(Modifiers::NONE, Key::C);
    assert!(!window.is_enabled("Fit"));
    let picture = window.harness.get_by_label("Picture A").rect().center();
    window.harness.hover_at(picture);
    window.harness.step();
    window.click("Zoom in");
    assert!(window.is_enabled("Fit"));
    window.click("Fit");
    assert!(!window.is_enabled("Fit"));
    window.press(Modifiers::NONE, Key::C);
    assert!(window.harness.query_by_label("Fit").is_none());
}

#[test]
fn a_scene_is_varied_once_and_four_times() {
    let mut project = example_project();
    project.scenes.truncate(1);
    let mut window = Window::open(Some(&project));
    window.choose_studio("Tiny (random)");
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    let seed = window.scene(0).seed;
    window.click("Vary");
    window.settle();
    assert_eq!((window.scene(0).takes.len(), window.scene(0).seed), (4, seed + 1), "a still and its clip each time");
    assert_eq!(window.scene(0).chosen, Some(window.take(3).id), "the film shows the new one");
    window.click("Vary ×4");
    window.settle();
    let stills = |window: &Window| -> Vec<Take> {
        window.scene(0).takes.iter().filter(|take| take.kind == TakeKind::Still).cloned().collect()
    };
    let mut sorted: Vec<u64> = stills(&window).iter().map(|take| take.recipe.seed).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, (seed..seed + 6).collect::<Vec<_>>());
    let media: std::collections::BTreeSet<_> = stills(&window).into_iter().map(|take| take.media).collect();
    assert_eq!(media.len(), 6, "each seed has its own picture");
    let chosen = window.scene(0).chosen_take().unwrap();
    assert_eq!(chosen.recipe.seed, seed + 2, "the film shows the first of the four");
    assert!(!window.has("Stale"));
    // Choosing another one brings its seed along, so that nothing is stale.
    window.click("Take 6");
    assert_eq!(window.scene(0).seed, window.take(5).recipe.seed);
    assert!(!window.has("Stale"));
    window.undo();
    assert_eq!(window.scene(0).seed, seed + 2);
}

#[test]
fn a_scene_gets_back_what_an_older_take_was_made_with() {
    let mut window = film_with_takes();
    let (seed, prompt) = (window.take(0).recipe.seed, window.scene(0).prompt.clone());
    window.fill("Prompt", "The keeper dances");
    window.leave_the_field();
    window.settle();
    window.click("Take 1");
    assert!(window.has("now The keeper dances"), "what differs is marked");
    let before = window.project().clone();
    window.click("Copy prompt");
    assert_eq!(window.scene(0).prompt, prompt);
    window.click("Copy seed");
    assert_eq!(window.scene(0).seed, seed);
    assert!(!window.is_enabled("Copy seed") && !window.is_enabled("Copy settings"));
    window.undo();
    window.undo();
    assert_eq!(window.scene(0), &before.scenes[0]);
}

#[test]
fn a_take_shows_the_references_that_went_into_it() {
    let mut window = film_with_takes();
    window.click("Take 1");
    for entity in &window.take(0).recipe.entities.clone() {
        window.harness.get_by_label(&format!("Reference {}", entity.name));
    }
}

#[test]
fn a_scene_has_settings_of_its_own_which_render_and_go_back() {
    let mut project = example_project();
    project.scenes.truncate(2);
    let mut window = Window::open(Some(&project));
    window.choose_studio("Tiny (random)");
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
    window.settle();
    window.click("Its own");
    assert_eq!(window.scene(0).still.as_ref(), Some(&window.project().still));
    assert!(!window.has("Stale"), "the same settings make the same picture");
    window.fill("Negative prompt", "text");
    window.leave_the_field();
    window.settle();
    assert_eq!(window.scene(0).still.as_ref().unwrap().negative, "text");
    assert!(window.has("Stale: render settings changed"));
    window.press(Modifiers::COMMAND, Key::R);
    window.settle();
    assert_eq!(window.scene(0).chosen_take().unwrap().recipe.still.as_ref().unwrap().negative, "text");
    let of_other = window.scene(1).takes.iter().filter(|take| take.kind == TakeKind::Still).count();
    assert_eq!(of_other, 1);
    window.click("Release's defaults");
    assert_eq!(window.scene(0).still, Some(StillSettings::default()));
    window.click("As in the project");
    assert_eq!(window.scene(0).still, None);
    window.undo();
    window.undo();
    assert_eq!(window.scene(0).still.as_ref().unwrap().negative, "text");
}

#[test]
fn a_locked_scene_is_left_alone_until_it_is_unlocked() {
    let mut window = film_with_takes();
    window.click("Take 2");
    window.click("Lock scene");
    assert!(window.scene(0).locked);
    let before = window.scene(0).clone();
    // Neither typing nor rendering, choosing, varying and deleting changes it, and it does not become stale.
    assert!(!window.is_enabled("Prompt") && !window.is_enabled("Vary") && !window.is_enabled("New take"));
    window.leave_the_field();
    window.click("Take 1");
    window.press(Modifiers::NONE, Key::V);
    assert!(window.has("scene 1 is locked"));
    window.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
    window.settle();
    window.press(Modifiers::NONE, Key::Delete);
    window.fill("Style", "film noir");
    window.settle();
    assert_eq!(window.scene(0), &before);
    assert!(!window.has("Stale"), "nothing nags");
    assert!(window.project().scenes.iter().skip(1).all(|scene| scene.takes.len() == 1), "the others were rendered");
    window.leave_the_field();
    window.click("Unlock");
    assert!(window.has("Stale: style changed"));
    window.press(Modifiers::COMMAND, Key::Z);
    assert!(window.scene(0).locked, "locking is a step of its own");
}

#[test]
fn several_scenes_are_selected_with_shift_and_ctrl() {
    let mut window = Window::example();
    window.click(&window.card(2));
    window.click_with(Modifiers::SHIFT, &window.card(4));
    window.harness.get_by_label("3 scenes selected");
    window.click_with(Modifiers::COMMAND, &window.card(3));
    window.harness.get_by_label("2 scenes selected");
    window.click_with(Modifiers::COMMAND, "Clip 1");
    window.harness.get_by_label("3 scenes selected");
    window.press(Modifiers::NONE, Key::Escape);
    window.harness.get_by_label("Prompt");
    window.press(Modifiers::COMMAND, Key::A);
    window.harness.get_by_label(&format!("{} scenes selected", window.project().scenes.len()));
}

#[test]
fn what_is_set_for_several_scenes_is_one_step_to_undo() {
    let mut window = Window::example();
    let before = window.project().scenes.clone();
    window.click(&window.card(1));
    window.click_with(Modifiers::SHIFT, &window.card(3));
    window.click("Camera left");
    assert!(window.project().scenes[..3].iter().all(|scene| scene.camera.direction == Direction::Left));
    window.fill("Duration of all in seconds", "2.5");
    window.leave_the_field();
    assert!(window.project().scenes[..3].iter().all(|scene| scene.duration_ms == 2500));
    assert_eq!(window.scene(3), &before[3]);
    window.click("New seeds");
    assert!(window.project().scenes.iter().zip(&before).take(3).all(|(now, then)| now.seed == then.seed + 1));
    window.press(Modifiers::NONE, Key::K);
    assert!(window.project().scenes[..3].iter().all(|scene| scene.locked));
    for _ in 0..4 {
        window.undo();
    }
    assert_eq!(window.project().scenes, before);
}

#[test]
fn several_scenes_are_duplicated_moved_deleted_and_rendered_together() {
    let mut window = Window::example();
    let ids = |window: &Window| window.project().scenes.iter().map(|scene| scene.id).collect::<Vec<SceneId>>();
    let first = ids(&window);
    window.click(&window.card(1));
    window.click_with(Modifiers::COMMAND, &window.card(3));
    window.press(Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(ids(&window)[..4], [first[1], first[3], first[0], first[2]], "they come together");
    window.undo();
    window.press(Modifiers::NONE, Key::Delete);
    assert_eq!(ids(&window), [&first[1..2], &first[3..]].concat());
    window.undo();
    assert_eq!(ids(&window), first);
    window.click(&window.card(1));
    window.click_with(Modifiers::COMMAND, &window.card(3));
    window.press(Modifiers::COMMAND, Key::D);
    assert_eq!(ids(&window).len(), first.len() + 2);
    assert_eq!(window.scene(3).prompt, window.scene(0).prompt);
    window.harness.get_by_label("2 scenes selected");
    window.undo();
    window.click(&window.card(2));
    window.click_with(Modifiers::SHIFT, &window.card(3));
    window.open_menu_of(&window.card(3));
    window.click("Render 2 scenes");
    window.settle();
    let takes: Vec<usize> = window.project().scenes.iter().map(|scene| scene.takes.len()).collect();
    assert_eq!(takes, [0, 1, 1, 0, 0, 0]);
}

#[test]
fn selected_cards_are_dragged_together() {
    let mut window = Window::example();
    let before: Vec<_> = window.project().scenes.iter().map(|scene| scene.id).collect();
    window.click(&window.card(1));
    window.click_with(Modifiers::COMMAND, &window.card(3));
    let rect = |window: &Window, number: usize| window.harness.get_by_label(&window.card(number)).rect();
    let (from, to) = (rect(&window, 1), rect(&window, 2));
    let target = to.right_center() - Vec2::new(20.0, 0.0);
    window.harness.drag_at(from.center_top() + Vec2::new(0.0, 40.0));
    window.harness.run_steps(2);
    for step in 1..=5 {
        window.harness.hover_at(from.center() + (target - from.center()) * (step as f32 / 5.0));
        window.harness.step();
    }
    window.harness.drop_at(target);
    window.harness.run_steps(4);
    let after: Vec<_> = window.project().scenes.iter().map(|scene| scene.id).collect();
    assert_eq!(after[..3], [before[1], before[0], before[2]]);
    window.undo();
    assert_eq!(window.project().scenes.iter().map(|scene| scene.id).collect::<Vec<_>>(), before);
}

#[test]
fn the_films_shape_is_set_in_the_window() {
    let mut window = Window::example();
    window.click("Film format");
    window.click("9:16");
    window.click("480p");
    window.click("Set");
    let format = window.project().format;
    assert_eq!((format.width, format.height), (480, 854));
    window.settle();
    window.undo();
    assert_eq!(window.project().format.width, 1280);
}

#[test]
fn what_is_shown_between_the_frames_of_a_clip_is_set_in_the_window() {
    let mut window = Window::example();
    assert!(window.project().format.smooth, "as new films have it");
    window.click("Film format");
    assert!(window.harness.query_by_label_contains("Frames in between are estimated").is_some());
    window.click("Smooth motion between a clip's frames");
    window.settle();
    assert!(window.harness.query_by_label("The nearest frame is shown.").is_some());
    window.click("Set");
    assert!(!window.project().format.smooth);
    window.settle();
    window.undo();
    assert!(window.project().format.smooth);
}

#[test]
fn a_film_with_locks_stars_and_settings_is_there_after_opening() {
    let mut window = film_with_takes();
    window.press(Modifiers::NONE, Key::S);
    window.press(Modifiers::NONE, Key::K);
    window.settle();
    let before = window.project().clone();
    let Window { harness, folder } = window;
    drop(harness);
    let kept = reelboard::project::read_project(&folder.path().join("film.reel")).unwrap();
    assert_eq!(kept, before);
    assert!(kept.scenes[0].locked && kept.scenes[0].takes.iter().any(|take| take.starred));
}
