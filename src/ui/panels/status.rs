//! The line at the bottom: device, running jobs, and whether everything is saved.

use super::Cx;
use super::cards::middle_uv;
use crate::engine::{JobStatus, Lane};
use crate::ui::command::{Command, Named};
use crate::ui::icons;
use crate::ui::theme::{Theme, radius, space};
use crate::ui::widgets::{dim, picture, quiet_icon_button};
use egui::{
    Align, Button, CornerRadius, Frame, Label, Layout, Margin, Panel, Popup, ProgressBar, Rect, RichText, ScrollArea,
    Sense, TextureHandle, Ui, UiBuilder, Vec2, pos2, vec2,
};
use std::time::Duration;

pub fn status_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let frame = Frame::new().fill(cx.theme.panel).inner_margin(Margin::symmetric(12, 2));
    Panel::bottom("status").exact_size(28.0).resizable(false).frame(frame).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            // The line stays as high as it is when jobs come and go.
            ui.spacing_mut().interact_size.y = 22.0;
            ui.spacing_mut().button_padding.y = 3.0;
            ui.label(dim(ui, cx.device));
            jobs_ui(ui, cx);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| saved_ui(ui, cx));
        });
    });
}

fn jobs_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let held = cx.rendering.waiting();
    if cx.jobs.is_empty() && held.is_empty() {
        return;
    }
    let running: Vec<&JobStatus> = cx.jobs.iter().filter(|job| job.running).collect();
    let waiting = cx.jobs.len() - running.len() + held.len();
    let mut text = match running.as_slice() {
        [] => "starting".to_owned(),
        [job] => job_text(job),
        many => format!("{} jobs running", many.len()),
    };
    if waiting > 0 {
        text += &format!(", {waiting} queued");
    }
    let button = Button::new(RichText::new(format!("{} {text}", icons::QUEUE)).size(11.0))
        .frame_when_inactive(false)
        .min_size(vec2(0.0, 22.0));
    let response = ui.add(button).on_hover_text("Show the queue").accessible_name("Queue");
    if let [job] = running.as_slice()
        && job.total > 0
    {
        let bar = ProgressBar::new(job.done as f32 / job.total as f32).desired_width(120.0).desired_height(4.0);
        ui.add(bar.fill(cx.theme.accent)).accessible_name(format!("{} progress", job.title));
    }
    Popup::menu(&response).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_width(380.0);
        ScrollArea::vertical().id_salt("queue").max_height(420.0).show(ui, |ui| queue_ui(ui, cx));
        if cx.jobs.len() + held.len() > 1 {
            ui.separator();
            if ui.button("Cancel all").clicked() {
                cx.out.push(Command::CancelAllJobs);
            }
        }
    });
}

/// A thumbnail in the queue, in points.
const THUMB: Vec2 = vec2(64.0, 36.0);
/// Height of a row of the queue, in points.
const ROW: f32 = 38.0;

fn queue_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    for job in cx.jobs {
        let preview = cx.rendering.preview(job.id);
        let share = (job.running && job.total > 0).then(|| job.done as f32 / job.total as f32);
        let text = match progress_text(job) {
            _ if !job.running => "waiting".to_owned(),
            text if text.is_empty() => "running".to_owned(),
            text => text,
        };
        if row_ui(ui, cx.theme, &job.title, &text, share, preview) {
            cx.out.push(Command::CancelJob(job.id));
        }
    }
    for id in cx.rendering.waiting() {
        let number = cx.doc.and_then(|doc| doc.project().scene_index(*id)).map_or(0, |index| index + 1);
        if row_ui(ui, cx.theme, &format!("Render scene {number}"), "waits for pictures", None, None) {
            cx.out.push(Command::ForgetRender(*id));
        }
    }
}

/// A row of the queue: the title, what is going on, and how far it is. Returns whether it shall be cancelled.
fn row_ui(
    ui: &mut Ui,
    theme: Theme,
    title: &str,
    text: &str,
    share: Option<f32>,
    preview: Option<&TextureHandle>,
) -> bool {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let mut left = rect.left();
    if let Some(preview) = preview {
        let thumb = Rect::from_min_size(rect.min, THUMB);
        let uv = middle_uv(preview.size_vec2(), thumb);
        picture(ui.painter(), preview.id(), thumb, uv, CornerRadius::same(radius::SMALL));
        let response = ui.interact(thumb, ui.scope_id().with((title, "preview")), Sense::hover());
        response.on_hover_text("Preview").accessible_name(format!("Preview of {title}"));
        left = thumb.right() + space::S;
    }
    let column = Rect::from_min_max(pos2(left, rect.top()), rect.right_bottom() - vec2(34.0, 0.0));
    let mut lines = ui.new_child(UiBuilder::new().max_rect(column).layout(Layout::top_down(Align::Min)));
    lines.spacing_mut().item_spacing.y = 2.0;
    lines.add(Label::new(title).truncate());
    let text = dim(&lines, text);
    lines.add(Label::new(text).truncate());
    if let Some(share) = share {
        lines.add(ProgressBar::new(share).desired_height(3.0).fill(theme.accent));
    }
    let button = Rect::from_center_size(rect.right_center() - vec2(15.0, 0.0), Vec2::splat(26.0));
    let mut end = ui.new_child(UiBuilder::new().max_rect(button));
    quiet_icon_button(&mut end, icons::CLOSE, &format!("Cancel {title}"), "Cancel").clicked()
}

/// The title of a job with its stage and the time left.
pub fn job_text(job: &JobStatus) -> String {
    let progress = progress_text(job);
    if progress.is_empty() { job.title.clone() } else { format!("{} · {progress}", job.title) }
}

/// The stage of a job, its steps and the time left.
pub fn progress_text(job: &JobStatus) -> String {
    let parts = [job.stage.clone(), steps_text(job)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// The steps of a job and the time left.
pub fn steps_text(job: &JobStatus) -> String {
    let mut parts = Vec::new();
    // Bytes and frames go by too fast to be read.
    if job.lane == Lane::Models && (1..=1000).contains(&job.total) {
        parts.push(format!("{} of {}", job.done, job.total));
    }
    if let Some(left) = job.time_left.filter(|_| job.elapsed > Duration::from_secs(1)) {
        parts.push(time_left_text(left));
    }
    parts.join(" · ")
}

/// A time left as a person would say it.
pub fn time_left_text(left: Duration) -> String {
    match left.as_secs() {
        0..=4 => "a few seconds left".to_owned(),
        secs @ 5..=89 => format!("about {} s left", secs.div_ceil(5) * 5),
        secs => format!("about {} min left", secs.div_ceil(60)),
    }
}

fn saved_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    match &doc.save_error {
        Some(error) => {
            let text = RichText::new(format!("{} Not saved", icons::WARNING)).size(11.0).color(cx.theme.bad);
            ui.label(text).on_hover_text(error);
        }
        None => {
            // The journal has every edit within milliseconds, so there is no state "unsaved" to show.
            ui.label(dim(ui, "All changes saved")).on_hover_text(doc.saver().folder().display().to_string());
        }
    }
    if doc.cut().total_frames() > 0 {
        let format = doc.project().format;
        let scenes = doc.project().scenes.len();
        let length = doc.cut().duration_secs();
        let text = format!(
            "{scenes} {} · {length:.1} s · {}×{} · {} fps",
            if scenes == 1 { "scene" } else { "scenes" },
            format.width,
            format.height,
            format.fps
        );
        let button = Button::new(dim(ui, text)).frame_when_inactive(false).min_size(vec2(0.0, 22.0));
        let hint = "Change the film's size and frame rate";
        if ui.add(button).on_hover_text(hint).accessible_name("Film format").clicked() {
            cx.run(Named::FilmFormat);
        }
    }
}
