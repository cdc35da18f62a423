//! How clips are made: the fields below those of stills.

use super::Cx;
use super::settings::{Of, explain, hundredths_ui};
use crate::models::Role;
use crate::project::{CameraMode, ClipSettings, CoalesceKey};
use crate::ui::command::Command;
use crate::ui::widgets::{capitalized, dim, form_row};
use egui::{ComboBox, DragValue, Response, Ui, vec2};
use std::ops::RangeInclusive;

/// The fields of clip settings.
pub(super) fn clip_settings_ui(ui: &mut Ui, cx: &mut Cx<'_>, of: Of, clip: &ClipSettings) {
    form_row(ui, "Steps", |ui| {
        let mut steps = clip.steps;
        let response = number_ui(ui, "Clip steps", &mut steps, ClipSettings::STEPS);
        finish(cx, of, &response, "steps", || clip.with_steps(steps));
        let hint = match cx.rendering.step_limit(Role::Animator) {
            Some(most) if steps > most => format!("random weights take no more than {most}"),
            _ => "more is slower and cleaner".to_owned(),
        };
        explain(ui, of, response, &hint);
    });
    form_row(ui, "Guidance", |ui| {
        let mut guidance_hundredths = clip.guidance_hundredths;
        let response = hundredths_ui(ui, "Clip guidance", &mut guidance_hundredths, ClipSettings::GUIDANCE);
        finish(cx, of, &response, "guidance", || ClipSettings { guidance_hundredths, ..clip.clone() });
        explain(ui, of, response, "how much the prompt counts");
    });
    form_row(ui, "Frames", |ui| frames_ui(ui, cx, of, clip));
    form_row(ui, "Score", |ui| {
        let mut score_hundredths = clip.score_hundredths;
        let response = hundredths_ui(ui, "Aesthetic score", &mut score_hundredths, ClipSettings::SCORE);
        finish(cx, of, &response, "score", || ClipSettings { score_hundredths, ..clip.clone() });
        explain(ui, of, response, "the look to aim at, about 4 to 7");
    });
    form_row(ui, "Camera", |ui| camera_ui(ui, cx, of, clip));
    form_row(ui, "Movement", |ui| mode_ui(ui, cx, of, clip));
    form_row(ui, "Action", |ui| {
        let mut action = clip.action;
        let hint = "What the prompt says that somebody does steers the movement";
        if ui.checkbox(&mut action, "Actions in the prompt steer it").on_hover_text(hint).changed() {
            send(cx, of, "action", ClipSettings { action, ..clip.clone() });
        }
    });
}

fn frames_ui(ui: &mut Ui, cx: &mut Cx<'_>, of: Of, clip: &ClipSettings) {
    let mut frames = clip.frames;
    let response = number_ui(ui, "Frames of a clip", &mut frames, ClipSettings::FRAMES);
    finish(cx, of, &response, "frames", || ClipSettings { frames, ..clip.clone() });
    ui.label(dim(ui, "at"));
    let mut fps = clip.fps;
    let field = DragValue::new(&mut fps).range(ClipSettings::FPS).speed(0.1).suffix(" fps");
    let response = ui.add_sized(vec2(66.0, 28.0), field).accessible_name("Frames per second of a clip");
    let response = response.on_hover_text("In the clip's own file. The film spreads the frames over the scene");
    finish(cx, of, &response, "fps", || ClipSettings { fps, ..clip.clone() });
    let hint = match cx.rendering.frame_limit() {
        Some(most) if frames > most => format!("random weights make no more than {most}"),
        _ => format!("spread over the scene; {:.1} s by themselves", f64::from(frames) / f64::from(fps)),
    };
    explain(ui, of, response, &hint);
}

fn camera_ui(ui: &mut Ui, cx: &mut Cx<'_>, of: Of, clip: &ClipSettings) {
    let mut strength = clip.camera_strength_hundredths;
    let field = DragValue::new(&mut strength).range(ClipSettings::STRENGTH).speed(0.5).suffix(" %");
    let response = ui.add_sized(vec2(84.0, 28.0), field).accessible_name("Camera strength");
    finish(cx, of, &response, "strength", || ClipSettings { camera_strength_hundredths: strength, ..clip.clone() });
    ui.label(dim(ui, "from step"));
    let mut from = clip.camera_from_step;
    let field = DragValue::new(&mut from).range(1..=clip.steps).speed(0.1);
    let response = ui.add_sized(vec2(48.0, 28.0), field).accessible_name("Camera from step");
    let response = response.on_hover_text("Steps before it are not made again when only the camera changes");
    finish(cx, of, &response, "from", || ClipSettings { camera_from_step: from, ..clip.clone() });
}

fn mode_ui(ui: &mut Ui, cx: &mut Cx<'_>, of: Of, clip: &ClipSettings) {
    let combo =
        ComboBox::from_id_salt("camera mode").width(116.0).selected_text(capitalized(clip.camera_mode.as_str()));
    let response = combo.show_ui(ui, |ui| {
        for mode in CameraMode::ALL {
            let mut chosen = clip.camera_mode;
            let hint = match mode {
                CameraMode::Accumulated => "Every frame is blended with itself, moved",
                CameraMode::Reference => "Every frame is blended with the first, moved",
                CameraMode::Neighbour => "Every frame is blended with the one before it, moved",
            };
            let response = ui.selectable_value(&mut chosen, mode, capitalized(mode.as_str())).on_hover_text(hint);
            if response.clicked() && mode != clip.camera_mode {
                send(cx, of, "mode", ClipSettings { camera_mode: mode, ..clip.clone() });
            }
        }
    });
    response.response.accessible_name("Camera mode");
}

fn number_ui(ui: &mut Ui, name: &str, value: &mut u32, range: RangeInclusive<u32>) -> Response {
    ui.add_sized(vec2(84.0, 28.0), DragValue::new(value).range(range).speed(0.2)).accessible_name(name)
}

/// Sends what a number field was changed to; a drag is one step of the history.
fn finish(cx: &mut Cx<'_>, of: Of, response: &Response, field: &str, new: impl FnOnce() -> ClipSettings) {
    if response.changed() {
        send(cx, of, field, new());
    }
    if response.drag_stopped() || response.lost_focus() {
        cx.send(Command::SealEdits);
    }
}

fn send(cx: &mut Cx<'_>, of: Of, field: &str, new: ClipSettings) {
    cx.send(Command::Edit(of.clip_edit(new), Some(CoalesceKey::new((of, "clip", field)))));
}
