//! How stills are denoised: for the project in a dialog, for one scene in the inspector.

use super::Cx;
use crate::project::{CoalesceKey, DRAFT_STUDIO, Edit, Scene, SceneField, SceneId, StillSettings};
use crate::ui::command::Command;
use crate::ui::document::Document;
use crate::ui::theme::space;
use crate::ui::widgets::{dim, form_row, section_heading};
use egui::{Align, Button, DragValue, Label, Layout, Margin, TextEdit, Ui, vec2};
use std::ops::RangeInclusive;

/// Whose settings are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Project,
    Scene(SceneId),
}

impl Of {
    fn edit(self, still: StillSettings) -> Edit {
        match self {
            Self::Project => Edit::SetStill(still),
            Self::Scene(id) => Edit::SetScene { id, field: SceneField::Still(Some(still)) },
        }
    }
}

/// The dialog with the project's settings.
pub(super) fn dialog_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    let still = &doc.project().still;
    if doc.project().studio == DRAFT_STUDIO {
        ui.label(dim(ui, "The draft studio has no settings; these are for studios with models."));
    }
    fields_ui(ui, cx, Of::Project, still, true);
    let own = doc.project().scenes.iter().filter(|scene| scene.still.is_some()).count();
    if own > 0 {
        let text = match own {
            1 => "1 scene has settings of its own, which count there.".to_owned(),
            n => format!("{n} scenes have settings of their own, which count there."),
        };
        ui.label(dim(ui, text));
    }
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        release_ui(ui, cx, Of::Project, still, "Reset to the release's");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Done").clicked() {
                cx.send(Command::Dialog(None));
            }
        });
    });
}

/// The section of the inspector with a scene's settings: the project's, or its own.
pub(super) fn scene_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene) {
    let project = &doc.project().still;
    section_heading(ui, "Render settings");
    ui.horizontal(|ui| {
        let as_project = Button::selectable(scene.still.is_none(), "As in the project").frame_when_inactive(true);
        if ui.add(as_project).on_hover_text(project.to_string()).clicked() && scene.still.is_some() {
            cx.send(Command::Edit(Edit::SetScene { id: scene.id, field: SceneField::Still(None) }, None));
        }
        let own = Button::selectable(scene.still.is_some(), "Its own").frame_when_inactive(true);
        if ui.add(own).on_hover_text("Settings for this scene alone").clicked() && scene.still.is_none() {
            cx.send(Command::Edit(Of::Scene(scene.id).edit(project.clone()), None));
        }
    });
    let Some(still) = &scene.still else {
        ui.label(dim(ui, project.to_string()));
        let named = crate::ui::command::Named::RenderSettings;
        if ui.button(named.entry().label).on_hover_text("The project's settings").clicked() {
            cx.run(named);
        }
        return;
    };
    fields_ui(ui, cx, Of::Scene(scene.id), still, false);
    release_ui(ui, cx, Of::Scene(scene.id), still, "Release's defaults");
}

fn release_ui(ui: &mut Ui, cx: &mut Cx<'_>, of: Of, still: &StillSettings, label: &str) {
    let release = StillSettings::default();
    let reset = ui.add_enabled(*still != release, Button::new(label));
    let reset = reset.on_hover_text("As VideoStudio was released").on_disabled_hover_text("They are the release's");
    if reset.clicked() {
        cx.send(Command::Edit(of.edit(release), None));
    }
}

/// All fields; `explained` says beside each what it does, else on hover.
fn fields_ui(ui: &mut Ui, cx: &mut Cx<'_>, of: Of, still: &StillSettings, explained: bool) {
    let explain = |ui: &mut Ui, response: egui::Response, hint: &str| {
        if explained {
            ui.add(Label::new(dim(ui, hint)).truncate());
        } else {
            response.on_hover_text(hint);
        }
    };
    ui.label(dim(ui, "Not in the picture"));
    let mut negative = still.negative.clone();
    let field = TextEdit::multiline(&mut negative)
        .id_salt("negative")
        .hint_text("What the pictures should not show")
        .margin(Margin::symmetric(9, 7))
        .desired_rows(2)
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Negative prompt");
    if response.changed() {
        set(cx, of, "negative", StillSettings { negative, ..still.clone() });
    }
    if response.lost_focus() {
        cx.send(Command::SealEdits);
    }
    form_row(ui, "Steps", |ui| {
        let mut steps = still.steps;
        let field = DragValue::new(&mut steps).range(StillSettings::STEPS).speed(0.2);
        let response = ui.add_sized(vec2(84.0, 28.0), field).accessible_name("Steps");
        finish(cx, of, &response, "steps", || StillSettings { steps, ..still.clone() });
        match cx.rendering.step_limit() {
            Some(most) if steps > most => {
                let text = format!("random weights take no more than {most}");
                ui.add(Label::new(dim(ui, text)).truncate());
            }
            _ => explain(ui, response, "more is slower and cleaner"),
        }
    });
    let numbers = [
        ("Guidance", "how much the prompt counts", still.guidance_hundredths, StillSettings::GUIDANCE),
        ("Cast", "how much pictures of people and objects count", still.foreground_hundredths, StillSettings::WEIGHT),
        ("Place", "how much the picture of the place counts", still.background_hundredths, StillSettings::WEIGHT),
    ];
    for (index, (label, hint, mut hundredths, range)) in numbers.into_iter().enumerate() {
        form_row(ui, label, |ui| {
            let response = hundredths_ui(ui, &format!("{label} weight"), &mut hundredths, range);
            finish(cx, of, &response, label, || {
                let mut new = still.clone();
                let fields =
                    [&mut new.guidance_hundredths, &mut new.foreground_hundredths, &mut new.background_hundredths];
                if let Some(field) = fields.into_iter().nth(index) {
                    *field = hundredths;
                }
                new
            });
            explain(ui, response, hint);
        });
    }
}

/// A field for a fraction that is kept in hundredths.
fn hundredths_ui(ui: &mut Ui, name: &str, hundredths: &mut u32, range: RangeInclusive<u32>) -> egui::Response {
    let mut value = f64::from(*hundredths) / 100.0;
    let range = f64::from(*range.start()) / 100.0..=f64::from(*range.end()) / 100.0;
    let field = DragValue::new(&mut value).range(range).speed(0.01).fixed_decimals(2);
    let response = ui.add_sized(vec2(84.0, 28.0), field).accessible_name(name);
    *hundredths = (value * 100.0).round() as u32;
    response
}

/// Sends what a number field was changed to; a drag is one step of the history.
fn finish(cx: &mut Cx<'_>, of: Of, response: &egui::Response, field: &str, new: impl FnOnce() -> StillSettings) {
    if response.changed() {
        set(cx, of, field, new());
    }
    if response.drag_stopped() || response.lost_focus() {
        cx.send(Command::SealEdits);
    }
}

fn set(cx: &mut Cx<'_>, of: Of, field: &str, new: StillSettings) {
    cx.send(Command::Edit(of.edit(new), Some(CoalesceKey::new((of, "still", field)))));
}
