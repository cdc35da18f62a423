//! The dialog that asks what a revision shall do.

use super::Cx;
use crate::project::EntityKind;
use crate::ui::command::Command;
use crate::ui::revise::Ask;
use crate::ui::theme::space;
use crate::ui::widgets::{dim, form_row, primary_button};
use crate::writer::{CONTINUED, Revision, WISH_CHARS};
use egui::{Align, Button, DragValue, Key, Layout, ScrollArea, TextEdit, Ui};

/// Ways to say a scene anew that are one click away.
const SCENE_IDEAS: [&str; 8] =
    ["Make it night", "Make it rain", "Closer", "Seen from above", "Funnier", "More dramatic", "Calmer", "In winter"];
/// Ways to say a film anew.
const FILM_IDEAS: [&str; 6] = ["Funnier", "For children", "More dramatic", "At night", "In winter", "Long ago"];

pub(super) fn title(ask: &Ask) -> &'static str {
    match ask {
        Ask::Rewrite(_) => "Rewrite the scene",
        Ask::Insert(_) => "Write a new scene",
        Ask::Film => "Revise the whole film",
        Ask::Continue => "Continue the story",
        Ask::Rename(..) => "Rename everywhere",
        Ask::MergeNames(..) => "Merge two names",
        Ask::Describe(..) => "Describe again",
    }
}

pub(super) fn ask_ui(ui: &mut Ui, cx: &mut Cx<'_>, ask: &Ask) {
    match ask {
        Ask::Rewrite(scene) => {
            let scene = *scene;
            if let Some(scene) = cx.doc.and_then(|doc| doc.project().scene(scene)) {
                ui.label(dim(ui, &scene.prompt));
            }
            let rewrite = |change: String| Revision::Rewrite { scene, change };
            words_ui(ui, cx, "What shall change?", &SCENE_IDEAS, true, &rewrite);
        }
        Ask::Film => words_ui(ui, cx, "What shall change?", &FILM_IDEAS, true, &|change| Revision::Film { change }),
        Ask::Insert(after) => {
            let after = *after;
            words_ui(ui, cx, "What happens? (may be left empty)", &[], false, &|wish| Revision::Insert { after, wish });
        }
        Ask::Continue => {
            form_row(ui, "Scenes", |ui| {
                let field = DragValue::new(&mut cx.state.revise.scenes).range(CONTINUED).speed(0.05);
                ui.add(field).accessible_name("Number of new scenes");
            });
            let scenes = cx.state.revise.scenes;
            let go_on = |wish: String| Revision::Continue { scenes, wish };
            words_ui(ui, cx, "What happens? (may be left empty)", &[], false, &go_on);
        }
        Ask::Rename(kind, name) => {
            ui.label(dim(ui, "In all scenes, their words and the cast. Locked scenes keep the name."));
            let rename = |to: String| Revision::Rename { kind: *kind, from: name.clone(), to };
            words_ui(ui, cx, "New name", &[], true, &rename);
        }
        Ask::MergeNames(kind, name) => merge_ui(ui, cx, *kind, name),
        Ask::Describe(kind, name) => {
            let describe = |wish: String| Revision::Describe { kind: *kind, name: name.clone(), wish };
            let hint = "How it shall look, such as \"with a red cap\" (may be left empty)";
            words_ui(ui, cx, hint, &[], false, &describe);
        }
    }
}

/// A field for the user's words with ideas below it. An idea that is clicked is asked for at once.
fn words_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    hint: &str,
    ideas: &[&str],
    needed: bool,
    revision: &dyn Fn(String) -> Revision,
) {
    let field = TextEdit::singleline(&mut cx.state.revise.text)
        .id_salt("revision")
        .hint_text(hint)
        .char_limit(WISH_CHARS)
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name(hint);
    if std::mem::take(&mut cx.state.revise.focus) {
        response.request_focus();
    }
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let mut asked = None;
    if !ideas.is_empty() {
        ui.add_space(space::XS);
        ui.horizontal_wrapped(|ui| {
            for idea in ideas {
                if ui.add(Button::new(*idea)).clicked() {
                    asked = Some((*idea).to_owned());
                }
            }
        });
    }
    ui.add_space(space::S);
    let typed = cx.state.revise.text.trim().to_owned();
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let is_ready = !needed || !typed.is_empty();
        ui.add_enabled_ui(is_ready, |ui| {
            if primary_button(ui, "Propose").on_disabled_hover_text("Say it in a few words first").clicked() {
                asked = Some(typed.clone());
            }
        });
        if entered && is_ready {
            asked = Some(typed.clone());
        }
        if ui.button("Cancel").clicked() {
            cx.send(Command::Dialog(None));
        }
    });
    if let Some(words) = asked {
        cx.send(Command::Dialog(None));
        cx.send(Command::Revise(revision(words)));
    }
}

fn merge_ui(ui: &mut Ui, cx: &mut Cx<'_>, kind: EntityKind, name: &str) {
    let Some(doc) = cx.doc else { return };
    let names: Vec<String> =
        doc.entities().iter().filter(|e| e.kind == kind && e.name != name).map(|e| e.name.clone()).collect();
    ui.label(dim(ui, format!("Which name stays for \"{name}\"? It then stands for both, everywhere.")));
    if names.is_empty() {
        ui.label("There is no other name to merge it with.");
    }
    ScrollArea::vertical().id_salt("names").max_height(260.0).show(ui, |ui| {
        for to in names {
            if ui.button(&to).clicked() {
                cx.send(Command::Dialog(None));
                cx.send(Command::Revise(Revision::MergeNames { kind, from: name.to_owned(), to }));
            }
        }
    });
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("Cancel").clicked() {
            cx.send(Command::Dialog(None));
        }
    });
}
