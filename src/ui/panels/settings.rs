//! How stills and clips are denoised: for the project in a dialog, for one scene in the inspector.

use super::Cx;
use super::clip_settings::clip_settings_ui;
use super::compute;
use crate::models::Role;
use crate::project::{ClipSettings, CoalesceKey, DRAFT_STUDIO, Edit, Scene, SceneField, SceneId, StillSettings};
use crate::ui::command::{Command, Named};
use crate::ui::document::Document;
use crate::ui::theme::space;
use crate::ui::widgets::{dim, form_row, section_heading};
use egui::{Align, Button, DragValue, Label, Layout, Margin, Response, ScrollArea, TextEdit, Ui, vec2};
use std::ops::RangeInclusive;

/// Whose settings are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Of {
    Project,
    Scene(SceneId),
}

impl Of {
    fn still_edit(self, still: StillSettings) -> Edit {
        match self {
            Self::Project => Edit::SetStill(still),
            Self::Scene(id) => Edit::SetScene { id, field: SceneField::Still(Some(still)) },
        }
    }

    pub(super) fn clip_edit(self, clip: ClipSettings) -> Edit {
        match self {
            Self::Project => Edit::SetClip(clip),
            Self::Scene(id) => Edit::SetScene { id, field: SceneField::Clip(Some(clip)) },
        }
    }

    /// Whether there is room beside each field to say what it does; else it is said on hover.
    pub(super) fn is_explained(self) -> bool {
        self == Self::Project
    }
}

/// The dialog with the project's settings.
pub(super) fn dialog_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    let project = doc.project();
    let height = ui.ctx().content_rect().height() - 190.0;
    ScrollArea::vertical().id_salt("settings").max_height(height).min_scrolled_height(height).show(ui, |ui| {
        section_heading(ui, "References and stills");
        if project.studio == DRAFT_STUDIO {
            ui.label(dim(ui, "The draft studio has no settings; these are for studios with models."));
        }
        fields_ui(ui, cx, Of::Project, &project.still);
        ui.add_space(space::S);
        section_heading(ui, "Clips");
        if project.studio != DRAFT_STUDIO && !cx.rendering.has_animator() {
            ui.label(dim(ui, "The project's studio makes no clips; these are for studios with an animator."));
        }
        clip_settings_ui(ui, cx, Of::Project, &project.clip);
        ui.add_space(space::S);
        compute::choice_ui(ui, cx);
        let own = project.scenes.iter().filter(|scene| scene.still.is_some() || scene.clip.is_some()).count();
        if own > 0 {
            let text = match own {
                1 => "1 scene has settings of its own, which count there.".to_owned(),
                n => format!("{n} scenes have settings of their own, which count there."),
            };
            ui.label(dim(ui, text));
        }
    });
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        release_ui(ui, cx, Of::Project, Some(&project.still), Some(&project.clip), "Reset to the release's");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Done").clicked() {
                cx.send(Command::Dialog(None));
            }
        });
    });
}

/// The sections of the inspector with a scene's settings: the project's, or its own.
pub(super) fn scene_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene) {
    let project = doc.project();
    let of = Of::Scene(scene.id);
    let set = |field: SceneField| Command::Edit(Edit::SetScene { id: scene.id, field }, None);
    section_heading(ui, "Render settings");
    ui.push_id("still", |ui| {
        let names = ["As in the project", "Its own"];
        match choice_ui(ui, names, scene.still.is_some(), &project.still.to_string()) {
            Some(true) => cx.send(Command::Edit(of.still_edit(project.still.clone()), None)),
            Some(false) => cx.send(set(SceneField::Still(None))),
            None => {}
        }
        match &scene.still {
            None => drop(ui.label(dim(ui, project.still.to_string()))),
            Some(still) => {
                fields_ui(ui, cx, of, still);
                release_ui(ui, cx, of, Some(still), None, "Release's defaults");
            }
        }
    });
    if cx.rendering.has_animator() {
        ui.push_id("clip", |ui| {
            section_heading(ui, "Clip settings");
            let names = ["Clips as in the project", "Clips of its own"];
            match choice_ui(ui, names, scene.clip.is_some(), &project.clip.to_string()) {
                Some(true) => cx.send(Command::Edit(of.clip_edit(project.clip.clone()), None)),
                Some(false) => cx.send(set(SceneField::Clip(None))),
                None => {}
            }
            match &scene.clip {
                None => drop(ui.add(Label::new(dim(ui, project.clip.to_string())).truncate())),
                Some(clip) => {
                    clip_settings_ui(ui, cx, of, clip);
                    release_ui(ui, cx, of, None, Some(clip), "Release's clip defaults");
                }
            }
        });
    }
    let named = Named::RenderSettings;
    if ui.button(named.entry().label).on_hover_text("The project's settings").clicked() {
        cx.run(named);
    }
}

/// The project's or its own: says which of the two was chosen newly.
fn choice_ui(ui: &mut Ui, names: [&str; 2], is_own: bool, of_project: &str) -> Option<bool> {
    let mut chosen = None;
    ui.horizontal(|ui| {
        let sides = [(false, "As in the project", of_project), (true, "Its own", "Settings for this scene alone")];
        for ((own, label, hint), name) in sides.into_iter().zip(names) {
            let button = Button::selectable(is_own == own, label).frame_when_inactive(true);
            if ui.add(button).on_hover_text(hint).accessible_name(name).clicked() && is_own != own {
                chosen = Some(own);
            }
        }
    });
    chosen
}

fn release_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    of: Of,
    still: Option<&StillSettings>,
    clip: Option<&ClipSettings>,
    label: &str,
) {
    let mut edits = Vec::new();
    if still.is_some_and(|still| *still != StillSettings::default()) {
        edits.push(of.still_edit(StillSettings::default()));
    }
    if clip.is_some_and(|clip| *clip != ClipSettings::default()) {
        edits.push(of.clip_edit(ClipSettings::default()));
    }
    let response = ui.add_enabled(!edits.is_empty(), Button::new(label));
    let response = response.on_hover_text("As VideoStudio was released, and the camera as in its paper");
    if response.on_disabled_hover_text("They are the release's already").clicked() {
        let edit = if edits.len() == 1 { edits.remove(0) } else { Edit::Batch(edits) };
        cx.send(Command::Edit(edit, None));
    }
}

/// Says what a field does, beside it or on hover.
pub(super) fn explain(ui: &mut Ui, of: Of, response: Response, hint: &str) {
    if of.is_explained() {
        ui.add(Label::new(dim(ui, hint)).truncate());
    } else {
        response.on_hover_text(hint);
    }
}

/// The fields of stills.
fn fields_ui(ui: &mut Ui, cx: &mut Cx<'_>, of: Of, still: &StillSettings) {
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
        match cx.rendering.step_limit(Role::Compositor) {
            Some(most) if steps > most => {
                let text = format!("random weights take no more than {most}");
                ui.add(Label::new(dim(ui, text)).truncate());
            }
            _ => explain(ui, of, response, "more is slower and cleaner"),
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
            explain(ui, of, response, hint);
        });
    }
}

/// A field for a fraction that is kept in hundredths.
pub(super) fn hundredths_ui(ui: &mut Ui, name: &str, hundredths: &mut u32, range: RangeInclusive<u32>) -> Response {
    let mut value = f64::from(*hundredths) / 100.0;
    let range = f64::from(*range.start()) / 100.0..=f64::from(*range.end()) / 100.0;
    let field = DragValue::new(&mut value).range(range).speed(0.01).fixed_decimals(2);
    let response = ui.add_sized(vec2(84.0, 28.0), field).accessible_name(name);
    *hundredths = (value * 100.0).round() as u32;
    response
}

/// Sends what a number field was changed to; a drag is one step of the history.
fn finish(cx: &mut Cx<'_>, of: Of, response: &Response, field: &str, new: impl FnOnce() -> StillSettings) {
    if response.changed() {
        set(cx, of, field, new());
    }
    if response.drag_stopped() || response.lost_focus() {
        cx.send(Command::SealEdits);
    }
}

fn set(cx: &mut Cx<'_>, of: Of, field: &str, new: StillSettings) {
    cx.send(Command::Edit(of.still_edit(new), Some(CoalesceKey::new((of, "still", field)))));
}
