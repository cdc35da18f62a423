//! The menu of a card or a clip: what can be done with its scene, or with all selected ones.

use super::Cx;
use crate::project::SceneId;
use crate::ui::command::{Command, Named};
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
    let named = |one: &str, many: &str| if count == 1 { one.to_owned() } else { format!("{many} {count} scenes") };
    let locked = "Locked";
    let entries = [
        (named("Render", "Render"), Named::RenderScene, (!all_locked).then_some(()), locked),
        (named("Vary", "Vary"), Named::Vary, (!all_locked).then_some(()), locked),
        (named("Vary ×4", "Vary ×4:"), Named::VaryFour, (!all_locked).then_some(()), locked),
        (
            "Compare takes".to_owned(),
            Named::CompareTakes,
            (count == 1 && takes > 1).then_some(()),
            "A comparison needs two takes of one scene",
        ),
        (
            if all_starred && has_takes { "Remove star".to_owned() } else { "Star take".to_owned() },
            Named::StarTake,
            has_takes.then_some(()),
            "It shows its draft, and only takes have stars",
        ),
        (
            named(if all_locked { "Unlock" } else { "Lock" }, if all_locked { "Unlock" } else { "Lock" }),
            Named::LockScene,
            Some(()),
            "",
        ),
        (named("Duplicate", "Duplicate"), Named::DuplicateScene, Some(()), ""),
        (named("Delete", "Delete"), Named::DeleteScene, (!all_locked).then_some(()), locked),
        ("Move earlier".to_owned(), Named::MoveSceneEarlier, Some(()), ""),
        ("Move later".to_owned(), Named::MoveSceneLater, Some(()), ""),
        ("Add a scene after it".to_owned(), Named::AddScene, Some(()), ""),
        ("Select all".to_owned(), Named::SelectAll, Some(()), ""),
    ];
    for (index, (label, command, enabled, why)) in entries.into_iter().enumerate() {
        if matches!(index, 3 | 6 | 10) {
            ui.separator();
        }
        let mut button = Button::new(label);
        if let Some(shortcut) = &command.entry().shortcut {
            button = button.shortcut_text(ui.ctx().format_shortcut(shortcut));
        }
        if ui.add_enabled(enabled.is_some(), button).on_disabled_hover_text(why).clicked() {
            if !cx.is_selected(id) {
                cx.send(Command::SelectScene(id));
            }
            cx.run(command);
            ui.close();
        }
    }
}
