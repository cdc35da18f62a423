//! The bar on top: menus, the premise, and the main actions.

use super::Cx;
use crate::project::{CoalesceKey, Edit};
use crate::ui::command::{Command, Menu, Named, shortcut_text};
use crate::ui::icons;
use crate::ui::theme::semibold;
use crate::ui::widgets::primary_button;
use egui::{Align, Button, Frame, Layout, Margin, Panel, RichText, TextEdit, Ui};

pub fn top_bar_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let frame = Frame::new().fill(cx.theme.panel).inner_margin(Margin::symmetric(12, 8));
    Panel::top("top bar").exact_size(46.0).resizable(false).frame(frame).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            // The premise needs the room of a narrow window more.
            if ui.available_width() > 1200.0 {
                ui.label(RichText::new("Reelboard").size(14.0).family(semibold()));
                ui.add_space(4.0);
            }
            for (menu, title) in Menu::ALL {
                menu_ui(ui, cx, title, menu);
            }
            if cx.doc.is_some() {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| actions_ui(ui, cx));
            }
        });
    });
}

fn menu_ui(ui: &mut Ui, cx: &mut Cx<'_>, title: &str, menu: Menu) {
    ui.menu_button(title, |ui| {
        ui.set_width(270.0);
        for entry in Named::ALL.iter().filter(|entry| entry.menu == menu) {
            let history = cx.doc.map(|doc| doc.history());
            let (label, enabled) = match entry.command {
                Named::Undo => (
                    history.and_then(|h| h.undo_label()).map(|label| format!("Undo {label}")),
                    history.is_some_and(|h| h.can_undo()),
                ),
                Named::Redo => (
                    history.and_then(|h| h.redo_label()).map(|label| format!("Redo {label}")),
                    history.is_some_and(|h| h.can_redo()),
                ),
                Named::New
                | Named::Open
                | Named::OpenScript
                | Named::WritingSettings
                | Named::Models
                | Named::Quit
                | Named::Shortcuts
                | Named::SwitchTheme => (None, true),
                _ => (None, cx.doc.is_some()),
            };
            let label = label.unwrap_or_else(|| entry.label.to_owned());
            let mut button = Button::new(label);
            if let Some(shortcut) = &entry.shortcut {
                button = button.shortcut_text(shortcut_text(ui.ctx(), shortcut));
            }
            if ui.add_enabled(enabled, button).clicked() {
                cx.run(entry.command);
                ui.close();
            }
        }
    });
}

/// From right to left.
fn actions_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    let has_scenes = !doc.project().scenes.is_empty();
    let hint = Named::Export.tooltip(ui.ctx());
    if ui.add_enabled(has_scenes, Button::new("Export…")).on_hover_text(hint).clicked() {
        cx.run(Named::Export);
    }
    let hint = format!("{}: those that lack an up-to-date take", Named::RenderAll.tooltip(ui.ctx()));
    if ui.add_enabled(has_scenes, Button::new("Render all")).on_hover_text(hint).clicked() {
        cx.run(Named::RenderAll);
    }
    super::studio::choice_ui(ui, cx, doc);
    match cx.writing {
        Some(writing) => {
            let stop = Button::new(format!("{} Stop", icons::STOP)).min_size(egui::vec2(70.0, 0.0));
            if ui.add(stop).on_hover_text("Stop writing and keep the scenes so far").clicked() {
                cx.send(Command::CancelJob(writing.job));
            }
        }
        None => {
            let hint = if has_scenes { "Write a new script in place of this one (undo brings it back)" } else { "" };
            let write = primary_button(ui, "Write");
            let write = if hint.is_empty() { write } else { write.on_hover_text(hint) };
            if write.clicked() {
                cx.send(Command::Write);
            }
        }
    }
    let mut count = cx.scene_count;
    let label = count.map_or_else(|| "Auto".to_owned(), |n| format!("{n} scenes"));
    egui::ComboBox::from_id_salt("scene count")
        .width(92.0)
        .selected_text(label)
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut count, None, "Auto");
            for n in crate::writer::SCENES {
                ui.selectable_value(&mut count, Some(n), format!("{n} scenes"));
            }
        })
        .response
        .on_hover_text("How many scenes the writer makes, from 4 to 10; Auto lets it choose from 5 to 7")
        .accessible_name("Number of scenes");
    if count != cx.scene_count {
        cx.send(Command::SetSceneCount(count));
    }
    let more = ui.add(Button::new("More…")).on_hover_text("How boldly the script is written, its seed, descriptions");
    if more.accessible_name("More writing settings").clicked() {
        cx.run(Named::WritingSettings);
    }
    let mut style = doc.project().style.clone();
    let field = TextEdit::singleline(&mut style)
        .id_salt("style")
        .hint_text("Style")
        .margin(Margin::symmetric(10, 6))
        .desired_width(120.0);
    let hint = "How the film looks: watercolour, film noir, neon, pencil sketch…";
    let response = ui.add(field).on_hover_text(hint).accessible_name("Style");
    if response.changed() {
        cx.send(Command::Edit(Edit::SetStyle(style), Some(CoalesceKey::new("style"))));
    }
    if response.lost_focus() {
        cx.send(Command::SealEdits);
    }
    let mut premise = doc.project().premise.clone();
    let field = TextEdit::singleline(&mut premise)
        .id_salt("premise")
        .hint_text("The film in one sentence")
        .margin(Margin::symmetric(10, 6))
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Premise");
    if response.changed() {
        cx.send(Command::Edit(Edit::SetPremise(premise), Some(CoalesceKey::new("premise"))));
    }
    if response.lost_focus() {
        cx.send(Command::SealEdits);
        if ui.input(|input| input.key_pressed(egui::Key::Enter)) {
            cx.send(Command::Write);
        }
    }
}
