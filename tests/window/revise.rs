//! Revisions in the window: what is proposed changes nothing until it is accepted.

use super::Window;
use crate::tiny::Tiny;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use reelboard::project::{Edit, EntityKind, Project, SceneField, entities};
use std::path::Path;

/// A small film about a young man and a cat; the third scene is locked, and there are things to remark on it.
fn film() -> Project {
    let text = "A young man whisks eggs in the kitchen. The young man drops a bowl in the kitchen. A gray cat licks the \
                floor of the kitchen. She chases the gray cat through the garden.";
    let mut project = Project::new("A young man bakes a cake");
    let script = reelboard::writer::script_from_text(text).unwrap();
    for edit in script.insert_edits(&mut project.clone(), 7) {
        project.apply(edit).unwrap();
    }
    let (locked, last) = (project.scenes[2].id, project.scenes[3].id);
    let names = vec!["young man".to_owned(), "gray cat".to_owned()];
    project.apply(Edit::SetScene { id: last, field: SceneField::Foreground(names) }).unwrap();
    project.apply(Edit::SetScene { id: locked, field: SceneField::Locked(true) }).unwrap();
    project
}

/// Puts a tiny model in the place of every writer.
fn add_writer(folder: &Path, list: &Path) {
    let mut models = String::new();
    for id in ["qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-0.5b-instruct", "smollm2-135m-instruct"] {
        std::fs::create_dir_all(folder.join(id)).unwrap();
        Tiny::default().write(&folder.join(id).join("tiny.gguf"));
        models += &format!(
            "(id: \"{id}\", title: \"Tiny\", role: writer, arch: \"qwen2-gguf\", files: [(name: \"tiny.gguf\", sources: \
             [HuggingFace(repo: \"nobody/tiny\", file: \"tiny.gguf\")])], licence: (spdx: \"MIT\"), memory_bytes: 1000000),"
        );
    }
    std::fs::write(list, format!("(models: [{models}])")).unwrap();
}

impl Window {
    fn with_writer() -> Self {
        let mut window = Self::open(Some(&film()));
        let list = window.folder.path().join("models.ron");
        add_writer(&window.folder.path().join("models"), &list);
        window.harness.state_mut().as_mut().unwrap().add_models(&list).unwrap();
        window
    }

    fn prompts(&self) -> Vec<String> {
        self.project().scenes.iter().map(|scene| scene.prompt.clone()).collect()
    }

    fn is_shown(&self, name: &str) -> bool {
        self.harness.query_by_label(name).is_some()
    }
}

#[test]
fn a_rewritten_scene_is_accepted_with_enter_and_undone_at_once() {
    let mut window = Window::with_writer();
    let before = window.project().clone();
    window.click("Rewrite…");
    window.click("Make it night");
    window.wait("the proposal is there", |window| window.is_shown("Try again"));
    assert_eq!(window.project().scenes, before.scenes, "nothing changes before it is accepted");
    window.press(Modifiers::NONE, Key::Enter);
    window.settle();
    assert!(!window.is_shown("Try again"));
    let after = window.project().clone();
    assert_ne!(after.scenes[0].prompt, before.scenes[0].prompt);
    assert_eq!(after.scenes[1..], before.scenes[1..]);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().scenes, before.scenes);
}

#[test]
fn scenes_of_a_revised_film_are_accepted_one_by_one_and_the_locked_one_stays() {
    let mut window = Window::with_writer();
    let before = window.prompts();
    window.press(Modifiers::SHIFT, Key::W);
    window.fill("What shall change?", "sadder");
    window.click("Propose");
    window.wait("the proposal is there", |window| window.is_shown("Accept all"));
    assert!(!window.is_shown("Accept Scene 3"), "it is locked");
    window.click("Reject Scene 2");
    window.click("Accept 2 of 3");
    window.settle();
    let after = window.prompts();
    let changed: Vec<bool> = before.iter().zip(&after).map(|(before, after)| before != after).collect();
    assert_eq!(changed, [true, false, false, true]);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.prompts(), before);
}

#[test]
fn a_rejected_proposal_leaves_no_trace() {
    let mut window = Window::with_writer();
    let before = window.project().clone();
    window.press(Modifiers::NONE, Key::W);
    window.fill("What shall change?", "in winter");
    window.click("Propose");
    window.wait("the proposal is there", |window| window.is_shown("Try again"));
    window.press(Modifiers::NONE, Key::Escape);
    window.settle();
    assert!(!window.is_shown("Try again"));
    assert_eq!(window.project().scenes, before.scenes);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.project().scenes, before.scenes, "there is nothing to undo");
}

#[test]
fn a_stopped_revision_leaves_no_trace() {
    let mut window = Window::with_writer();
    let before = window.project().clone();
    window.press(Modifiers::SHIFT, Key::W);
    window.click("Funnier");
    window.harness.get_by_label_contains("Stop").click();
    window.harness.run_steps(3);
    window.settle();
    assert!(!window.is_shown("Accept all"));
    assert_eq!(window.project().scenes, before.scenes);
}

#[test]
fn a_name_is_changed_everywhere_but_in_the_locked_scene() {
    let mut window = Window::open(Some(&film()));
    window.click("Entity young man");
    window.click("Rename everywhere…");
    window.fill("New name", "Tom");
    window.click("Propose");
    window.click("Accept");
    window.settle();
    assert_eq!(window.prompts()[..2], ["Tom whisks eggs in the kitchen.", "Tom drops a bowl in the kitchen."]);
    let names: Vec<String> = entities(window.project()).into_iter().map(|entity| entity.name).collect();
    assert!(names.contains(&"Tom".to_owned()) && !names.contains(&"young man".to_owned()), "{names:?}");
    let kept = EntityKind::Foreground;
    window.press(Modifiers::COMMAND, Key::Z);
    assert!(window.project().scenes[0].entity_names(kept).any(|name| name == "young man"));
}

#[test]
fn a_remark_is_repaired_with_one_click_and_another_is_ignored() {
    let mut window = Window::open(Some(&film()));
    let is_there = |window: &Window| window.is_shown("Scene 4 · 1 remark");
    assert!(is_there(&window), "\"She\" is nobody");
    window.click("Remarks");
    let repair = "Repair scene 4: \"She\" could be anybody: a picture needs a name.";
    window.click(repair);
    window.click("Accept");
    window.settle();
    assert_eq!(window.prompts()[3], "The young man chases the gray cat through the garden.");
    assert!(!is_there(&window));
    window.press(Modifiers::COMMAND, Key::Z);
    assert!(is_there(&window), "the remark is back with the words");
    window.click("Remarks");
    window.click("Ignore");
    assert!(!is_there(&window));
    assert!(window.harness.query_by_label("Remarks").is_none());
}

#[test]
fn what_is_not_possible_says_why() {
    let mut window = Window::open(Some(&film()));
    window.harness.get_by_label_contains("Scene 3: ").click();
    window.harness.run_steps(3);
    let rewrite = window.harness.get_by_label("Rewrite…");
    assert!(rewrite.accesskit_node().is_disabled(), "a locked scene is not rewritten");
    window.press(Modifiers::NONE, Key::W);
    assert!(window.is_shown("scene 3 is locked; unlock it first"));
}
