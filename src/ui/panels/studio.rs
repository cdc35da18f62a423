//! The project's studio: the choice, what it needs, and how it renders.

use super::Cx;
use super::compute;
use super::dialogs::{fetch_job, may_fetch, progress_ui, terms_ui};
use super::status::time_left_text;
use crate::models::{MissingFiles, Preflight, bytes_text};
use crate::project::DRAFT_STUDIO;
use crate::ui::command::{Command, Named};
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::{radius, semibold, space};
use crate::ui::widgets::{dim, primary_button, section_heading};
use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align, Button, ComboBox, CornerRadius, FontId, Frame, Layout, Margin, RichText, ScrollArea, Stroke, Ui, vec2,
};
use std::time::Duration;

/// What is said of a studio whose weights are random.
const RANDOM: &str = "Its weights are random: pictures are noise";

/// Chooses the studio that renders.
pub(super) fn choice_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    let name = &doc.project().studio;
    let registry = cx.registry;
    let listed = registry.studio(name);
    let title = match &listed {
        Ok(studio) => studio.title.clone(),
        Err(_) => format!("{} {name}", icons::WARNING),
    };
    let response = ComboBox::from_id_salt("studio")
        .width(112.0)
        .height(420.0)
        .truncate()
        .selected_text(title)
        .show_ui(ui, |ui| {
            ui.set_min_width(250.0);
            for studio in registry.studios() {
                let is_chosen = studio.name == *name;
                let about = match studio.name.as_str() {
                    DRAFT_STUDIO => "Drawn at once, without a model",
                    other if cx.is_random(other) => RANDOM,
                    _ => "Rendered with models",
                };
                let button = Button::selectable(is_chosen, two_lines(cx, &studio.title, about));
                let button = button.min_size(vec2(ui.available_width(), 0.0));
                if ui.add(button).accessible_name(&studio.title).clicked() {
                    cx.send(Command::ChooseStudio(studio.name.clone()));
                    ui.close();
                }
            }
            if name != DRAFT_STUDIO {
                ui.separator();
                for named in [Named::StudioNeeds, Named::RenderSettings] {
                    if ui.add(Button::new(named.entry().label).frame_when_inactive(false)).clicked() {
                        cx.run(named);
                        ui.close();
                    }
                }
            }
        })
        .response;
    let hint = match listed {
        Err(error) => error.to_string(),
        Ok(_) if cx.is_random(name) => format!("The studio that renders. {RANDOM}"),
        Ok(_) => "The studio that renders".to_owned(),
    };
    response.on_hover_text(hint).accessible_name("Studio");
}

/// A name with what is said of it below.
fn two_lines(cx: &Cx<'_>, name: &str, about: &str) -> LayoutJob {
    let mut job = LayoutJob::default();
    job.append(name, 0.0, TextFormat::simple(FontId::proportional(13.0), cx.theme.text));
    job.append("\n", 0.0, TextFormat::simple(FontId::proportional(11.0), cx.theme.text_dim));
    let line_height = Some(16.0);
    let format = TextFormat { line_height, ..TextFormat::simple(FontId::proportional(11.0), cx.theme.text_dim) };
    job.append(about, 0.0, format);
    job
}

// --- what it needs ---

pub(super) fn needs_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    let name = &doc.project().studio;
    let Some(preflight) = cx.rendering.preflight.as_ref() else {
        ui.label(format!("There is no studio with the name {name} in the list of models. Choose another one."));
        return;
    };
    let random = if preflight.is_random { format!(" {RANDOM}.") } else { String::new() };
    let what = if cx.rendering.has_animator() { "pictures, stills and clips" } else { "pictures and stills" };
    let text = format!("{} makes {what} on this machine.", preflight.studio);
    ui.label(RichText::new(text + &random).color(cx.theme.text_dim));
    ui.add_space(space::S);
    let height = ui.ctx().content_rect().height() - 250.0;
    ScrollArea::vertical().id_salt("needs").max_height(height).min_scrolled_height(height).show(ui, |ui| {
        if !preflight.missing.is_empty() {
            section_heading(ui, "Missing");
        }
        for missing in &preflight.missing {
            missing_ui(ui, cx, missing);
        }
        stages_ui(ui, cx, preflight);
    });
    ui.add_space(space::S);
    actions_ui(ui, cx, preflight);
}

fn missing_ui(ui: &mut Ui, cx: &mut Cx<'_>, missing: &MissingFiles) {
    let frame = Frame::new()
        .fill(cx.theme.panel)
        .stroke(Stroke::new(1.0, cx.theme.line))
        .corner_radius(CornerRadius::same(radius::CARD))
        .inner_margin(Margin::same(10));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 3.0;
        ui.label(RichText::new(&missing.title).family(semibold()));
        let files =
            if missing.files.len() == 1 { "1 file".to_owned() } else { format!("{} files", missing.files.len()) };
        if missing.is_made {
            ui.label(dim(ui, format!("{files} of random numbers, made when they are needed")));
            return;
        }
        let about = if missing.is_exact { "" } else { "about " };
        let licence = &missing.licence;
        let size = bytes_text(missing.bytes);
        ui.label(dim(ui, format!("{files}, {about}{size} to download · {}", licence.spdx)));
        terms_ui(ui, cx, &missing.model, licence);
        if let Some(job) = cx.registry.model(&missing.model).ok().and_then(|model| fetch_job(cx, model)) {
            progress_ui(ui, cx, &job);
        }
    });
}

/// Memory, disk and time.
fn stages_ui(ui: &mut Ui, cx: &mut Cx<'_>, preflight: &Preflight) {
    section_heading(ui, "On this machine");
    for stage in &preflight.stages {
        compute::stage_ui(ui, cx, stage);
    }
    compute::automatic_ui(ui, cx);
    if preflight.missing_bytes() > 0 {
        let free = preflight.free_disk_bytes.map_or("an unknown amount".to_owned(), bytes_text);
        let (todo, color) = match preflight.disk_fits() {
            true => ("", cx.theme.text),
            false => ("; make room, or set REELBOARD_MODELS to another disk", cx.theme.bad),
        };
        let text = format!("Disk: {} needed, {free} free{todo}", bytes_text(preflight.missing_bytes()));
        ui.label(RichText::new(text).color(color));
    }
    let time = match preflight.expected_secs() {
        _ if preflight.stages.is_empty() => return,
        Some(secs) => {
            let text = time_left_text(Duration::from_secs_f64(secs));
            format!("Time for the whole film: {}", text.trim_end_matches(" left"))
        }
        None => "Time: not measured on this machine yet".to_owned(),
    };
    ui.label(RichText::new(time));
}

fn actions_ui(ui: &mut Ui, cx: &mut Cx<'_>, preflight: &Preflight) {
    let to_fetch: Vec<&MissingFiles> = preflight.missing.iter().filter(|missing| !missing.is_made).collect();
    if to_fetch.is_empty() {
        last_row(ui, |ui| {
            if primary_button(ui, "Render all").clicked() {
                cx.send(Command::Dialog(None));
                cx.run(Named::RenderAll);
            }
            ui.label(RichText::new(format!("{} Nothing is missing", icons::CHECK)).color(cx.theme.good));
        });
        return;
    }
    let is_fetching = to_fetch
        .iter()
        .any(|missing| cx.registry.model(&missing.model).is_ok_and(|model| fetch_job(cx, model).is_some()));
    let accepted = to_fetch.iter().all(|missing| may_fetch(cx, &missing.model, &missing.licence));
    last_row(ui, |ui| {
        ui.add_enabled_ui(accepted && preflight.disk_fits() && !is_fetching, |ui| {
            let size = bytes_text(to_fetch.iter().map(|missing| missing.bytes).sum());
            if primary_button(ui, &format!("{} Download {size}", icons::DOWNLOAD)).clicked() {
                cx.send(Command::FetchStudio);
            }
        });
        if ui.button("Not now").clicked() {
            cx.send(Command::Dialog(None));
        }
        if cx.rendering.only_clips_lack(&to_fetch) {
            let button = ui.button("Render all stills").on_hover_text("Only clips need what is missing");
            if button.clicked() {
                cx.send(Command::Dialog(None));
                cx.run(Named::RenderAllStills);
            }
        }
    });
}

/// A row that begins on the right, no higher than its buttons.
fn last_row(ui: &mut Ui, add_buttons: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| ui.with_layout(Layout::right_to_left(Align::Center), add_buttons));
}
