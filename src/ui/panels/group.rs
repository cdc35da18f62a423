//! The inspector of several selected scenes: what they have in common, and what is done with all of them.

use super::Cx;
use crate::project::{ClipSettings, DRAFT_STUDIO, DURATION_MS_RANGE, Scene, StillSettings};
use crate::ui::carry_out::duration_ms;
use crate::ui::command::{Command, Many, Named};
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::{semibold, space};
use crate::ui::widgets::{camera_picker_ui, dim, form_row, primary_button, quiet_icon_button, section_heading};
use egui::{Align, Button, DragValue, Layout, RichText, Ui, vec2};

pub(super) fn group_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    let numbered: Vec<(usize, &Scene)> =
        doc.project().scenes.iter().enumerate().filter(|(_, scene)| cx.is_selected(scene.id)).collect();
    let scenes: Vec<&Scene> = numbered.iter().map(|(_, scene)| *scene).collect();
    let Some(first) = scenes.first() else { return };
    let locked = scenes.iter().filter(|scene| scene.locked).count();
    let free = locked < scenes.len();
    ui.horizontal(|ui| {
        section_heading(ui, &format!("{} scenes selected", scenes.len()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for (icon, named, name) in [
                (icons::TRASH, Named::DeleteScene, "Delete scenes"),
                (icons::COPY, Named::DuplicateScene, "Duplicate scenes"),
            ] {
                if quiet_icon_button(ui, icon, name, &named.tooltip(ui.ctx())).clicked() {
                    cx.run(named);
                }
            }
        });
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        for (index, scene) in &numbered {
            let lock = if scene.locked { format!(" {}", icons::LOCK) } else { String::new() };
            let text = RichText::new(format!("{}{lock}", index + 1)).size(12.0).family(semibold());
            let button = ui.add(Button::new(text).min_size(vec2(26.0, 24.0))).on_hover_text(&scene.prompt);
            if button.accessible_name(format!("Select only scene {}", index + 1)).clicked() {
                cx.send(Command::SelectScene(scene.id));
            }
        }
    });
    if locked > 0 {
        let text = match locked {
            1 => "1 is locked and stays as it is".to_owned(),
            n => format!("{n} are locked and stay as they are"),
        };
        ui.label(dim(ui, format!("{} {text}", icons::LOCK)));
    }
    ui.add_enabled_ui(free, |ui| fields_ui(ui, cx, doc, &scenes, first));
    ui.add_space(space::XS);
    actions_ui(ui, cx, &scenes, locked, free);
}

fn fields_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scenes: &[&Scene], first: &Scene) {
    let differ = |ui: &mut Ui, is_same: bool| {
        if !is_same {
            ui.label(dim(ui, "they differ"));
        }
    };
    let same_camera = scenes.iter().all(|scene| scene.camera == first.camera);
    form_row(ui, "Camera", |ui| {
        if let Some(camera) = camera_picker_ui(ui, first.camera) {
            cx.send(Command::ForSelected(Many::Camera(camera)));
        }
    });
    if !same_camera {
        form_row(ui, "", |ui| {
            ui.label(dim(ui, "they differ"));
            if ui.link(dim(ui, "Give all the first one's")).clicked() {
                cx.send(Command::ForSelected(Many::Camera(first.camera)));
            }
        });
    }
    form_row(ui, "Duration", |ui| {
        let mut secs = first.duration_secs();
        let range = f64::from(*DURATION_MS_RANGE.start()) / 1000.0..=f64::from(*DURATION_MS_RANGE.end()) / 1000.0;
        let field = DragValue::new(&mut secs).range(range).speed(0.05).fixed_decimals(1).suffix(" s");
        let response = ui.add_sized(vec2(84.0, 28.0), field).accessible_name("Duration of all in seconds");
        if response.changed() {
            cx.send(Command::ForSelected(Many::DurationMs(duration_ms(secs))));
        }
        if response.drag_stopped() || response.lost_focus() {
            cx.send(Command::SealEdits);
        }
        differ(ui, scenes.iter().all(|scene| scene.duration_ms == first.duration_ms));
    });
    form_row(ui, "Transition", |ui| {
        let all = |is_cut: bool| scenes.iter().all(|scene| (scene.dissolve_ms == 0) == is_cut);
        for (label, name, is_cut, ms) in [("Cut", "Hard cuts", true, 0), ("Dissolve", "Dissolves", false, 500)] {
            let button = Button::selectable(all(is_cut), label).frame_when_inactive(true);
            if ui.add(button).accessible_name(name).clicked() && !all(is_cut) {
                cx.send(Command::ForSelected(Many::DissolveMs(ms)));
            }
        }
        differ(ui, all(true) || all(false));
    });
    form_row(ui, "Seed", |ui| {
        let button = Button::new(format!("{} New seeds", icons::DICE));
        if ui.add(button).on_hover_text("Another one for each").accessible_name("New seeds").clicked() {
            cx.send(Command::ForSelected(Many::NewSeeds));
        }
    });
    if doc.project().studio != DRAFT_STUDIO {
        form_row(ui, "Settings", |ui| {
            let release = (StillSettings::default(), ClipSettings::default());
            let is = |own: Option<&(StillSettings, ClipSettings)>| {
                let (still, clip) = (own.map(|own| &own.0), own.map(|own| &own.1));
                scenes.iter().all(|scene| scene.still.as_ref() == still && scene.clip.as_ref() == clip)
            };
            for (label, own) in [("As in the project", None), ("Release's defaults", Some(&release))] {
                let button = Button::selectable(is(own), label).frame_when_inactive(true);
                if ui.add(button).clicked() && !is(own) {
                    cx.send(Command::ForSelected(Many::Settings(own.cloned())));
                }
            }
        });
    }
}

fn actions_ui(ui: &mut Ui, cx: &mut Cx<'_>, scenes: &[&Scene], locked: usize, free: bool) {
    ui.horizontal_wrapped(|ui| {
        ui.add_enabled_ui(free, |ui| {
            if primary_button(ui, "Render").on_hover_text("Those that lack an up-to-date take").clicked() {
                cx.run(Named::RenderScene);
            }
        });
        for (label, named) in [("Vary", Named::Vary), ("Vary ×4", Named::VaryFour)] {
            let hint = named.tooltip(ui.ctx());
            if ui.add_enabled(free, Button::new(label)).on_hover_text(hint).clicked() {
                cx.run(named);
            }
        }
        let label = if free { format!("{} Lock", icons::LOCK) } else { format!("{} Unlock", icons::UNLOCK) };
        let name = if free { "Lock scenes" } else { "Unlock scenes" };
        if ui.button(label).on_hover_text(Named::LockScene.tooltip(ui.ctx())).accessible_name(name).clicked() {
            cx.run(Named::LockScene);
        }
        if locked > 0
            && free
            && ui.button(icons::UNLOCK).on_hover_text("Unlock").accessible_name("Unlock scenes").clicked()
        {
            cx.send(Command::ForSelected(Many::Locked(false)));
        }
        let takes = scenes.iter().filter_map(|scene| scene.chosen_take());
        let (has_takes, all_starred) = (takes.clone().next().is_some(), takes.clone().all(|take| take.starred));
        let label = if all_starred && has_takes { "★ Remove stars" } else { "★ Star" };
        let star = ui.add_enabled(has_takes, Button::new(label)).on_hover_text(Named::StarTake.tooltip(ui.ctx()));
        if star
            .on_disabled_hover_text("They show drafts, and only takes have stars")
            .accessible_name("Star takes")
            .clicked()
        {
            cx.run(Named::StarTake);
        }
    });
}
