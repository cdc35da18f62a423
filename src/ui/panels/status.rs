//! The line at the bottom: device, running jobs, and whether everything is saved.

use super::Cx;
use crate::engine::{JobStatus, RenderEntry, RenderState};
use crate::ui::command::Named;
use crate::ui::icons;
use crate::ui::widgets::dim;
use egui::{Align, Button, Frame, Layout, Margin, Panel, ProgressBar, RichText, Ui, vec2};
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
    let queue = &cx.rendering.queue;
    if cx.jobs.is_empty() && queue.is_empty() {
        return;
    }
    let running: Vec<&JobStatus> = cx.jobs.iter().filter(|job| job.running).collect();
    let renders = queue.entries().iter().filter(|entry| entry.job().is_none());
    let is_paused = |entry: &&RenderEntry| queue.is_paused() || entry.state() == RenderState::Paused;
    let paused = renders.clone().filter(is_paused).count();
    let other_jobs = cx.jobs.iter().filter(|job| !job.running && queue.of_job(job.id).is_none()).count();
    let waiting = renders.count() - paused + other_jobs;
    let mut parts = match running.as_slice() {
        [] => Vec::new(),
        [job] => vec![job_text(job)],
        many => vec![format!("{} jobs running", many.len())],
    };
    parts.extend((waiting > 0).then(|| format!("{waiting} queued")));
    parts.extend((paused > 0).then(|| format!("{paused} paused")));
    let text = if parts.is_empty() { "starting".to_owned() } else { parts.join(", ") };
    let button = Button::new(RichText::new(format!("{} {text}", icons::QUEUE)).size(11.0))
        .frame_when_inactive(false)
        .min_size(vec2(0.0, 22.0));
    let response = ui.add(button).on_hover_text(Named::ShowQueue.tooltip(ui.ctx())).accessible_name("Queue");
    if let [job] = running.as_slice()
        && job.total > 0
    {
        let bar = ProgressBar::new(job.done as f32 / job.total as f32).desired_width(120.0).desired_height(4.0);
        ui.add(bar.fill(cx.theme.accent)).accessible_name(format!("{} progress", job.title));
    }
    super::queue::popup_ui(cx, &response);
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
    match job.total {
        0 => {}
        // Denoising steps are few, and people know them; what goes by too fast to be read is a share.
        total @ 1..=1000 if job.can_pause => parts.push(format!("{} of {total}", job.done)),
        total => parts.push(format!("{} %", job.done.min(total) * 100 / total)),
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
    if !cx.remarks.is_empty() {
        let text = format!("{} {}", icons::WARNING, super::remarks::count_text(cx.remarks.len()));
        let button = Button::new(RichText::new(text).size(11.0).color(cx.theme.warn)).frame_when_inactive(false);
        let response = ui.add(button.min_size(vec2(0.0, 22.0))).on_hover_text("What a reader would say of the script");
        if response.accessible_name("Remarks").clicked() {
            cx.run(Named::Remarks);
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
