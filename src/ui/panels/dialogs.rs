//! The dialogs over the window.

use super::status::job_text;
use super::{Cx, State, farm, format, own_writers, proposal, remarks, revise, script, settings, studio, writing};
use crate::engine::JobStatus;
use crate::export::{ExportSettings, Quality};
use crate::models::{Licence, ModelSpec, ModelStatus, Role, bytes_text, choose_writer};
use crate::project::EntityKind;
use crate::ui::command::{Command, Dialog, Menu, Named, shortcut_text};
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::{radius, semibold, space};
use crate::ui::widgets::{capitalized, dim, form_row, primary_button, quiet_icon_button, replaced_ui, section_heading};
use egui::{
    Align, Button, ComboBox, CornerRadius, Frame, Id, Key, Layout, Margin, Modal, ProgressBar, RichText, ScrollArea,
    Stroke, TextEdit, Ui, vec2,
};
use std::path::{Path, PathBuf};

pub fn dialogs_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(dialog) = cx.dialog else { return };
    let (title, width) = match dialog {
        Dialog::Models => ("Models", 620.0),
        Dialog::WriterNeeded => ("The writer is not on this machine yet", 560.0),
        Dialog::Studio => ("What the studio needs", 620.0),
        Dialog::RenderSettings => ("Render settings", 520.0),
        Dialog::Farm => ("Render on a cluster", 620.0),
        Dialog::Writing => ("Writing settings", 560.0),
        Dialog::Format => ("Film size and frame rate", 520.0),
        Dialog::Export => ("Export film", 520.0),
        Dialog::Open => ("Open project", 560.0),
        Dialog::Ask(ask) => (revise::title(ask), 560.0),
        Dialog::Proposal => ("Proposal", 720.0),
        Dialog::Remarks => ("Remarks on the script", 720.0),
        Dialog::Script => ("Open a script", 680.0),
        Dialog::ExportScript => ("Export script", 520.0),
        Dialog::Shortcuts => ("Keyboard shortcuts", 620.0),
        Dialog::WhoIsIt(_) => ("Who or what is in this photo?", 480.0),
    };
    let frame = Frame::popup(ui.style()).inner_margin(Margin::same(18));
    let modal = Modal::new(Id::unique("dialog")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(width);
        ui.horizontal(|ui| {
            ui.label(RichText::new(title).size(16.0).family(semibold()));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if quiet_icon_button(ui, icons::CLOSE, "Close dialog", "Close (Esc)").clicked() {
                    cx.send(Command::Dialog(None));
                }
            });
        });
        ui.add_space(space::S);
        match dialog {
            Dialog::Models => models_ui(ui, cx),
            Dialog::WriterNeeded => writer_needed_ui(ui, cx),
            Dialog::Studio => studio::needs_ui(ui, cx),
            Dialog::RenderSettings => settings::dialog_ui(ui, cx),
            Dialog::Format => format::format_ui(ui, cx),
            Dialog::Farm => farm::farm_ui(ui, cx),
            Dialog::Writing => writing::settings_ui(ui, cx),
            Dialog::Export => export_ui(ui, cx),
            Dialog::Open => open_ui(ui, cx),
            Dialog::Ask(ask) => revise::ask_ui(ui, cx, ask),
            Dialog::Proposal => proposal::proposal_ui(ui, cx),
            Dialog::Remarks => remarks::remarks_ui(ui, cx),
            Dialog::Script => script::open_ui(ui, cx),
            Dialog::ExportScript => script::export_ui(ui, cx),
            Dialog::Shortcuts => shortcuts_ui(ui),
            Dialog::WhoIsIt(photos) => who_ui(ui, cx, photos),
        }
    });
    if modal.should_close() {
        cx.send(Command::Dialog(None));
    }
}

// --- models ---

fn models_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let own = cx.own_writers;
    let chosen = choose_writer(cx.registry, cx.cache, cx.writer).ok().map(|choice| choice.model.id.clone());
    let groups = [
        (Role::Writer, "Writes the script"),
        (Role::Illustrator, "Makes pictures of people, things and places"),
        (Role::Segmenter, "Cuts pictures out"),
        (Role::Compositor, "Renders the stills"),
        (Role::Part, "Parts of these"),
    ];
    let height = ui.ctx().content_rect().height() - 240.0;
    ScrollArea::vertical().id_salt("models").max_height(height).min_scrolled_height(height).show(ui, |ui| {
        for (role, heading) in groups {
            section_heading(ui, heading);
            // Random weights are made when they are needed.
            for model in
                cx.registry.models_for(role).filter(|model| !model.is_made() && !own_writers::is_own(own, model))
            {
                model_ui(ui, cx, model, role == Role::Writer && chosen.as_deref() == Some(&model.id));
            }
            if role == Role::Writer {
                own_writers::own_writers_ui(ui, cx, chosen.as_deref());
            }
            ui.add_space(space::S);
        }
    });
    ui.label(dim(ui, "The draft studio draws pictures and stills without a model. Clips are not rendered yet."));
    ui.label(dim(ui, format!("Model folder: {}", cx.cache.folder().display())));
}

fn model_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &ModelSpec, chosen: bool) {
    let theme = cx.theme;
    let line = if chosen { theme.accent } else { theme.line };
    Frame::new()
        .fill(theme.panel)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(CornerRadius::same(radius::CARD))
        .inner_margin(Margin::same(10))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    model_action_ui(ui, cx, model, chosen);
                    ui.with_layout(Layout::top_down(Align::Min), |ui| {
                        ui.spacing_mut().item_spacing.y = 3.0;
                        ui.label(RichText::new(&model.title).family(semibold()));
                        ui.label(dim(ui, model_facts(model, &cx.cache.status(model))));
                    });
                });
            });
            if !matches!(cx.cache.status(model), ModelStatus::Ready | ModelStatus::Unverified) {
                terms_ui(ui, cx, &model.id, &model.licence);
            }
            if let Some(job) = fetch_job(cx, model) {
                progress_ui(ui, cx, &job);
            }
        });
}

/// Lets the user accept the terms of a model that has some.
pub(super) fn terms_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &str, licence: &Licence) {
    if !licence.terms {
        return;
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let mut accepted = cx.state.accepted_terms.contains(model);
        ui.checkbox(&mut accepted, "I accept its terms");
        if accepted {
            cx.state.accepted_terms.insert(model.to_owned());
        } else {
            cx.state.accepted_terms.remove(model);
        }
        if let Some(url) = &licence.url {
            ui.hyperlink_to("(read them)", url);
        }
    });
}

/// Whether nothing stands against downloading a model: it has no terms, or they are accepted.
pub(super) fn may_fetch(cx: &Cx<'_>, model: &str, licence: &Licence) -> bool {
    !licence.terms || cx.state.accepted_terms.contains(model)
}

/// Size, licence and memory in one line.
fn model_facts(model: &ModelSpec, status: &ModelStatus) -> String {
    if model.is_builtin() {
        return format!("part of the program · {}", model.licence.spdx);
    }
    let (size, memory) = (bytes_text(model.size_bytes()), bytes_text(model.memory_bytes));
    let terms = if model.licence.terms { ", with terms to accept" } else { "" };
    let here = matches!(status, ModelStatus::Ready | ModelStatus::Unverified);
    let what = if here { "on this machine" } else { "to download" };
    format!("{size} {what} · {}{terms} · needs {memory} of memory", model.licence.spdx)
}

pub(super) fn fetch_job(cx: &Cx<'_>, model: &ModelSpec) -> Option<JobStatus> {
    let title = format!("Download {}", model.title);
    cx.jobs.iter().find(|job| job.title == title).cloned()
}

fn model_action_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &ModelSpec, chosen: bool) {
    if let Some(job) = fetch_job(cx, model) {
        if ui.button("Cancel").clicked() {
            cx.send(Command::CancelJob(job.id));
        }
        return;
    }
    match cx.cache.status(model) {
        ModelStatus::Ready | ModelStatus::Unverified if chosen => {
            ui.label(RichText::new(format!("{} In use", icons::CHECK)).color(cx.theme.good));
        }
        ModelStatus::Ready | ModelStatus::Unverified => {
            if model.role == Role::Writer {
                if ui.button("Use").clicked() {
                    cx.send(Command::ChooseWriter(model.id.clone()));
                }
            } else {
                ui.label(RichText::new(format!("{} Ready", icons::CHECK)).color(cx.theme.good));
            }
        }
        ModelStatus::Missing { fetched_bytes } => {
            let label = if fetched_bytes > 0 { "Resume download" } else { "Download" };
            let button = Button::new(format!("{} {label}", icons::DOWNLOAD));
            let download = ui.add_enabled(may_fetch(cx, &model.id, &model.licence), button);
            if download.on_disabled_hover_text("Accept its terms first").clicked() {
                cx.send(Command::Fetch(model.id.clone()));
            }
        }
        ModelStatus::Damaged { reason, .. } => {
            let button = Button::new("Download again");
            let may_fetch = may_fetch(cx, &model.id, &model.licence);
            if ui.add_enabled(may_fetch, button).on_hover_text(&reason).clicked() {
                cx.send(Command::Fetch(model.id.clone()));
            }
            ui.label(RichText::new(format!("{} Damaged", icons::WARNING)).color(cx.theme.bad)).on_hover_text(reason);
        }
    }
}

pub(super) fn progress_ui(ui: &mut Ui, cx: &Cx<'_>, job: &JobStatus) {
    let share = if job.total > 0 { job.done as f32 / job.total as f32 } else { 0.0 };
    ui.add(ProgressBar::new(share).desired_height(4.0).fill(cx.theme.accent));
    let mut text = job_text(job);
    if job.total > 0 {
        text += &format!(" · {} of {}", bytes_text(job.done), bytes_text(job.total));
    }
    ui.label(dim(ui, text));
}

fn writer_needed_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let text = "The script is written by a language model on this machine. It is downloaded once; nothing you write \
                leaves the machine.";
    ui.label(RichText::new(text).color(cx.theme.text_dim));
    ui.add_space(space::S);
    let mut ready = false;
    let chosen = choose_writer(cx.registry, cx.cache, cx.writer).ok();
    if let Some(choice) = &chosen {
        ready = !choice.is_missing;
        ui.label(dim(ui, format!("Proposed: {choice}")));
    }
    let chosen = chosen.map(|choice| choice.model.id.clone());
    let own = cx.own_writers;
    for model in cx.registry.models_for(Role::Writer).filter(|model| !own_writers::is_own(own, model)) {
        model_ui(ui, cx, model, chosen.as_deref() == Some(&model.id));
    }
    own_writers::own_writers_ui(ui, cx, chosen.as_deref());
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        if ui.button("Open a script instead…").on_hover_text("Needs no model").clicked() {
            cx.run(Named::OpenScript);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_enabled_ui(ready, |ui| {
                if primary_button(ui, "Write the script").clicked() {
                    cx.send(Command::Dialog(None));
                    cx.send(Command::Write);
                }
            });
        });
    });
}

// --- export ---

/// The frame heights on offer, and what people call them.
pub(super) const HEIGHTS: [(u32, &str); 4] = [(480, "480p"), (720, "720p"), (1080, "1080p"), (2160, "4K")];
pub(super) const RATES: [u32; 6] = [12, 24, 25, 30, 50, 60];

fn export_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    if let Some(job) = cx.exporting.and_then(|id| cx.job(id)).cloned() {
        ui.label(job_text(&job));
        let share = if job.total > 0 { job.done as f32 / job.total as f32 } else { 0.0 };
        ui.add(ProgressBar::new(share).desired_height(6.0).fill(cx.theme.accent)).accessible_name("Export progress");
        ui.label(dim(ui, format!("{} of {} frames", job.done, job.total)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Cancel export").clicked() {
                cx.send(Command::CancelJob(job.id));
            }
            if ui.button("Continue in the background").clicked() {
                cx.send(Command::Dialog(None));
            }
        });
        return;
    }
    form_row(ui, "File", |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Browse…").clicked() {
                cx.send(Command::BrowseExport(PathBuf::from(&cx.state.export_path)));
            }
            let field =
                TextEdit::singleline(&mut cx.state.export_path).id_salt("export path").desired_width(f32::INFINITY);
            ui.add(field).accessible_name("Export file");
        });
    });
    form_row(ui, "Size", |ui| size_ui(ui, cx.state, doc));
    form_row(ui, "Frame rate", |ui| {
        let label = format!("{} fps", cx.state.export_fps);
        let combo = ComboBox::from_id_salt("rate").selected_text(label).show_ui(ui, |ui| {
            for fps in RATES {
                ui.selectable_value(&mut cx.state.export_fps, fps, format!("{fps} fps"));
            }
        });
        combo.response.accessible_name("Frame rate");
    });
    form_row(ui, "Quality", |ui| {
        for quality in Quality::ALL {
            let button = Button::selectable(cx.state.export_quality == quality, capitalized(quality.as_str()))
                .frame_when_inactive(true);
            if ui.add(button).clicked() {
                cx.state.export_quality = quality;
            }
        }
    });
    let path = Path::new(cx.state.export_path.trim()).to_owned();
    let [width, height] = export_size(cx.state, doc);
    let text = format!("H.264 in MP4, {width}×{height}, {:.1} s", doc.cut().duration_secs());
    ui.label(dim(ui, text));
    replaced_ui(ui, &path);
    ui.add_space(space::S);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_enabled_ui(!path.as_os_str().is_empty(), |ui| {
            if primary_button(ui, "Export").clicked() {
                let quality = cx.state.export_quality;
                let fps = cx.state.export_fps;
                cx.send(Command::Export(ExportSettings { path, width, height, fps, quality }));
            }
        });
        if ui.button("Cancel").clicked() {
            cx.send(Command::Dialog(None));
        }
    });
}

fn size_ui(ui: &mut Ui, state: &mut State, doc: &Document) {
    let format = doc.project().format;
    let name = |height: u32| {
        let known = HEIGHTS.iter().find(|(h, _)| *h == height).map(|(_, name)| *name);
        known.map_or_else(|| format!("{height} lines"), str::to_owned)
    };
    let combo = ComboBox::from_id_salt("size").selected_text(name(state.export_height)).show_ui(ui, |ui| {
        if !HEIGHTS.iter().any(|(height, _)| *height == format.height) {
            ui.selectable_value(&mut state.export_height, format.height, name(format.height));
        }
        for (height, name) in HEIGHTS {
            ui.selectable_value(&mut state.export_height, height, name);
        }
    });
    combo.response.accessible_name("Size");
}

/// The film's aspect at the chosen height, with even sides.
fn export_size(state: &State, doc: &Document) -> [u32; 2] {
    let format = doc.project().format;
    let width = (u64::from(format.width) * u64::from(state.export_height) / u64::from(format.height)) as u32;
    [width.div_ceil(2) * 2, state.export_height.div_ceil(2) * 2]
}

// --- the rest ---

fn open_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Browse…").clicked() {
                cx.send(Command::BrowseProject);
            }
            let field = TextEdit::singleline(&mut cx.state.open_path)
                .id_salt("open path")
                .hint_text("Path of a .reel folder")
                .desired_width(f32::INFINITY);
            let response = ui.add(field).accessible_name("Project path");
            if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
                cx.send(Command::OpenProject(PathBuf::from(cx.state.open_path.trim())));
            }
        });
    });
    if !cx.recent.is_empty() {
        ui.add_space(space::S);
        section_heading(ui, "Recent projects");
    }
    for folder in cx.recent {
        let name = folder.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let button = Button::new((RichText::new(icons::FILM).color(cx.theme.accent_hover), name.as_str()))
            .frame_when_inactive(false)
            .truncate()
            .right_text("")
            .min_size(vec2(ui.available_width(), 30.0));
        if ui.add(button).on_hover_text(folder.display().to_string()).clicked() {
            cx.out.push(Command::OpenProject(folder.clone()));
        }
    }
}

fn shortcuts_ui(ui: &mut Ui) {
    let height = ui.ctx().content_rect().height() - 140.0;
    ScrollArea::vertical().id_salt("shortcuts").max_height(height).min_scrolled_height(height).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(36.0, 3.0);
        ui.spacing_mut().interact_size.y = 20.0;
        ui.columns(2, |columns| {
            for (menu, name) in Menu::ALL {
                let ui = &mut columns[usize::from(!matches!(menu, Menu::File | Menu::Edit))];
                section_heading(ui, name);
                for entry in Named::ALL.iter().filter(|entry| entry.menu == menu) {
                    let Some(shortcut) = &entry.shortcut else { continue };
                    ui.horizontal(|ui| {
                        ui.label(entry.label);
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            ui.label(dim(ui, shortcut_text(ui.ctx(), shortcut)));
                        });
                    });
                }
                ui.add_space(space::S);
            }
        });
    });
}

fn who_ui(ui: &mut Ui, cx: &mut Cx<'_>, photos: &[PathBuf]) {
    let (Some(photo), Some(doc)) = (photos.first(), cx.doc) else { return };
    let name = photo.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = if photos.len() > 1 { format!(" (and {} more after it)", photos.len() - 1) } else { String::new() };
    ui.label(dim(ui, format!("{name}{rest}")));
    ui.add_space(space::S);
    ScrollArea::vertical().id_salt("who").max_height(320.0).show(ui, |ui| {
        for entity in doc.entities() {
            let icon = if entity.kind == EntityKind::Background { icons::PLACE } else { icons::USER };
            let button = Button::new((RichText::new(icon).color(cx.theme.text_dim), entity.name.as_str()))
                .frame_when_inactive(false)
                .right_text("")
                .truncate()
                .min_size(vec2(ui.available_width(), 30.0));
            if ui.add(button).clicked() {
                cx.send(Command::ImportPhoto(entity.kind, entity.name.clone(), photo.clone()));
            }
        }
    });
    let field = TextEdit::singleline(&mut cx.state.new_cast).id_salt("who is it").hint_text("Somebody new…");
    let response = ui.add(field.desired_width(f32::INFINITY)).accessible_name("Somebody new");
    if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
        let name = std::mem::take(&mut cx.state.new_cast).trim().to_owned();
        if !name.is_empty() {
            cx.send(Command::ImportPhoto(EntityKind::Foreground, name, photo.clone()));
        }
    }
}
