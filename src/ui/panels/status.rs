//! The line at the bottom: device, running jobs, and whether everything is saved.

use super::Cx;
use crate::engine::JobStatus;
use crate::ui::command::Command;
use crate::ui::icons;
use crate::ui::widgets::{dim, quiet_icon_button};
use egui::{Align, Button, Frame, Layout, Margin, Panel, Popup, ProgressBar, RichText, Ui};
use std::time::Duration;

pub fn status_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let frame = Frame::new().fill(cx.theme.panel).inner_margin(Margin::symmetric(12, 2));
    Panel::bottom("status").exact_size(28.0).resizable(false).frame(frame).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            ui.label(dim(ui, cx.device));
            jobs_ui(ui, cx);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| saved_ui(ui, cx));
        });
    });
}

fn jobs_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    if cx.jobs.is_empty() {
        return;
    }
    let running: Vec<&JobStatus> = cx.jobs.iter().filter(|job| job.running).collect();
    let waiting = cx.jobs.len() - running.len();
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
        .min_size(egui::vec2(0.0, 22.0));
    let response = ui.add(button).on_hover_text("Show the queue").accessible_name("Queue");
    if let [job] = running.as_slice()
        && job.total > 0
    {
        let bar = ProgressBar::new(job.done as f32 / job.total as f32).desired_width(120.0).desired_height(4.0);
        ui.add(bar.fill(cx.theme.accent)).accessible_name(format!("{} progress", job.title));
    }
    let jobs = cx.jobs;
    Popup::menu(&response).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_min_width(340.0);
        for job in jobs {
            ui.horizontal(|ui| {
                ui.set_min_height(34.0);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let name = format!("Cancel {}", job.title);
                    if quiet_icon_button(ui, icons::CLOSE, &name, "Cancel").clicked() {
                        cx.out.push(Command::CancelJob(job.id));
                    }
                    ui.vertical(|ui| {
                        ui.spacing_mut().item_spacing.y = 3.0;
                        ui.label(if job.running { job_text(job) } else { format!("{} (waiting)", job.title) });
                        if job.running && job.total > 0 {
                            let bar = ProgressBar::new(job.done as f32 / job.total as f32).desired_height(4.0);
                            ui.add(bar.fill(cx.theme.accent));
                        }
                    });
                });
            });
        }
    });
}

/// The title of a job with its stage and the time left.
pub fn job_text(job: &JobStatus) -> String {
    let mut text = job.title.clone();
    if !job.stage.is_empty() {
        text += &format!(" · {}", job.stage);
    }
    if let Some(left) = job.time_left.filter(|_| job.elapsed > Duration::from_secs(1)) {
        text += &format!(" · {}", time_left_text(left));
    }
    text
}

/// A time left as a person would say it.
pub fn time_left_text(left: Duration) -> String {
    match left.as_secs() {
        0..=4 => "a few seconds left".to_owned(),
        secs @ 5..=89 => format!("about {} s left", secs.div_ceil(5) * 5),
        secs => format!("about {} min left", secs.div_ceil(60)),
    }
}

fn saved_ui(ui: &mut Ui, cx: &Cx<'_>) {
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
        ui.label(dim(ui, text));
        ui.add_space(8.0);
    }
}
