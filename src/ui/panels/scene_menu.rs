//! The menu of a card or a clip: what can be done with its scene, or with all selected ones.

use super::Cx;
use crate::project::SceneId;
use crate::ui::command::{Command, Named, shortcut_text};
use crate::ui::document::Document;
use egui::{Button, Ui};

pub(super) fn scene_menu_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, id: SceneId) {
    ui.set_min_width(220.0);
    let meant = cx.meant_with(id);
    let scenes = || meant.iter().filter_map(|id| doc.project().scene(*id));
    let count = meant.len();
    let all_locked = scenes().all(|scene| scene.locked);
    let takes: usize = doc.project().scene(id).map_or(0, |scene| scene.takes.len());
    let starred = scenes().filter_map(|scene| scene.chosen_take());
    let (has_takes, all_starred) = (starred.clone().next().is_some(), starred.clone().all(|take| take.starred));
    let named = |verb: &str| if count == 1 { verb.to_owned() } else { format!("{verb} {count} scenes") };
    let locked = "Locked";
    let one_free = if count == 1 { locked } else { "Select one scene" };
    let entries = [
        (named("Render"), Named::RenderScene, !all_locked, locked),
        (named("Vary"), Named::Vary, !all_locked, locked),
        ("Vary ×4".to_owned(), Named::VaryFour, !all_locked, locked),
        ("Rewrite…".to_owned(), Named::RewriteScene, count == 1 && !all_locked, one_free),
        ("Split in two".to_owned(), Named::SplitScene, count == 1 && !all_locked, one_free),
        ("Merge with the next".to_owned(), Named::MergeScenes, count == 1 && !all_locked, one_free),
        ("Write a scene before it…".to_owned(), Named::InsertSceneBefore, count == 1, "Select one scene"),
        ("Write a scene after it…".to_owned(), Named::InsertSceneAfter, count == 1, "Select one scene"),
        (
            "Compare takes".to_owned(),
            Named::CompareTakes,
            count == 1 && takes > 1,
            "A comparison needs two takes of one scene",
        ),
        (
            if all_starred && has_takes { "Remove star".to_owned() } else { "Star take".to_owned() },
            Named::StarTake,
            has_takes,
            "It shows its draft, and only takes have stars",
        ),
        (named(if all_locked { "Unlock" } else { "Lock" }), Named::LockScene, true, ""),
        (named("Duplicate"), Named::DuplicateScene, true, ""),
        (named("Delete"), Named::DeleteScene, !all_locked, locked),
        ("Move earlier".to_owned(), Named::MoveSceneEarlier, true, ""),
        ("Move later".to_owned(), Named::MoveSceneLater, true, ""),
        ("Add a scene after it".to_owned(), Named::AddScene, true, ""),
        ("Select all".to_owned(), Named::SelectAll, true, ""),
    ];
    for (index, (label, command, enabled, why)) in entries.into_iter().enumerate() {
        if matches!(index, 3 | 8 | 11 | 15) {
            ui.separator();
        }
        let mut button = Button::new(label.as_str());
        if let Some(shortcut) = &command.entry().shortcut {
            button = button.shortcut_text(shortcut_text(ui.ctx(), shortcut));
        }
        let response = ui.add_enabled(enabled, button).on_disabled_hover_text(why);
        if response.accessible_name(label).clicked() {
            if !cx.is_selected(id) {
                cx.send(Command::SelectScene(id));
            }
            cx.run(command);
            ui.close();
        }
    }
}
