//! The dialog that shows a proposal as a difference, to be accepted or rejected.

use super::Cx;
use super::status::job_text;
use crate::project::{Change, Project, ProposalItem, ScriptScene, Words, word_diff};
use crate::ui::command::Command;
use crate::ui::icons;
use crate::ui::theme::{Theme, radius, semibold, space};
use crate::ui::widgets::{capitalized, dim, primary_button};
use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align, Button, CornerRadius, FontId, Frame, Label, Layout, Margin, ProgressBar, RichText, ScrollArea, Stroke, Ui,
    vec2,
};

pub(super) fn proposal_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (Some(revising), Some(doc)) = (cx.revising, cx.doc) else { return };
    let (proposal, project) = (&revising.proposal, doc.project());
    let is_running = revising.job.is_some();
    ui.label(RichText::new(capitalized(&proposal.title)).family(semibold()));
    let height = (ui.ctx().content_rect().height() - 260.0).max(120.0);
    ScrollArea::vertical().id_salt("proposal").max_height(height).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        for (index, item) in proposal.items.iter().enumerate() {
            let late = proposal.outdated(project, index);
            ui.push_id(index, |ui| {
                item_ui(ui, cx, project, (index, item), late.map(|why| why.to_string()), is_running)
            });
        }
        for note in &proposal.notes {
            ui.add(Label::new(RichText::new(note).size(12.0).color(cx.theme.warn)).wrap());
        }
    });
    ui.add_space(space::S);
    match revising.job.and_then(|job| cx.job(job)) {
        Some(job) => {
            let share = if job.total > 0 { job.done as f32 / job.total as f32 } else { 0.0 };
            // No spinner: on a machine without a graphics card its frames would take the cores from the writer.
            ui.label(dim(ui, job_text(job)));
            ui.add(ProgressBar::new(share).desired_height(4.0).fill(cx.theme.accent));
        }
        None if is_running => {
            ui.label(dim(ui, "Waiting for the writer"));
        }
        None => {}
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| match is_running {
        true => {
            if ui.button(format!("{} Stop", icons::STOP)).on_hover_text("The film stays as it is").clicked() {
                cx.send(Command::RejectProposal);
            }
            if ui.button("Continue in the background").clicked() {
                cx.send(Command::HideProposal);
            }
        }
        false => decision_ui(ui, cx),
    });
}

/// The buttons for a proposal that is complete.
fn decision_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (Some(revising), Some(doc)) = (cx.revising, cx.doc) else { return };
    let proposal = &revising.proposal;
    let rejected = &cx.state.revise.rejected;
    let fits = |item: &usize| proposal.outdated(doc.project(), *item).is_none();
    let possible: Vec<usize> = (0..proposal.items.len()).filter(fits).collect();
    let accepted: Vec<usize> = possible.iter().copied().filter(|item| !rejected.contains(item)).collect();
    let count = proposal.items.len();
    let label = match (accepted.len(), count) {
        (_, 1) => "Accept".to_owned(),
        (all, of) if all == of => "Accept all".to_owned(),
        (some, of) => format!("Accept {some} of {of}"),
    };
    let why = if possible.is_empty() { "The film was changed here meanwhile" } else { "All changes are rejected" };
    let again = revising.revision.as_ref().is_some_and(|revision| revision.needs_model());
    ui.add_enabled_ui(!accepted.is_empty(), |ui| {
        let button = primary_button(ui, &label).on_hover_text("Enter; undo takes it back").on_disabled_hover_text(why);
        if std::mem::take(&mut cx.state.revise.focus_accept) {
            button.request_focus();
        }
        if button.clicked() {
            cx.send(Command::AcceptProposal(accepted));
        }
    });
    let reject = if count == 1 { "Reject" } else { "Reject all" };
    if ui.button(reject).on_hover_text("Esc; the film stays as it is").clicked() {
        cx.send(Command::RejectProposal);
    }
    if again && ui.button("Try again").on_hover_text("The same wish in other words of the writer's").clicked() {
        cx.send(Command::ReviseAgain);
    }
}

fn item_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    project: &Project,
    (index, item): (usize, &ProposalItem),
    late: Option<String>,
    is_running: bool,
) {
    let theme = cx.theme;
    let is_rejected = cx.state.revise.rejected.contains(&index) || late.is_some();
    Frame::new()
        .fill(theme.panel)
        .stroke(Stroke::new(1.0, theme.line))
        .corner_radius(CornerRadius::same(radius::CARD))
        .inner_margin(Margin::same(10))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.label(RichText::new(capitalized(&item.title)).family(semibold()));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let is_one = cx.revising.is_some_and(|revising| revising.proposal.items.len() == 1);
                    if !is_one && !is_running {
                        choice_ui(ui, cx, index, &item.title, is_rejected, late.is_some());
                    }
                });
            });
            if let Some(why) = &late {
                let text = format!("{} Left out: {why}.", icons::WARNING);
                ui.add(Label::new(RichText::new(text).size(12.0).color(theme.warn)).wrap());
            }
            if is_rejected {
                ui.set_opacity(0.45);
            }
            for change in &item.changes {
                let is_only = item.changes.len() == 1;
                change_ui(ui, &theme, project, change, is_only);
            }
        });
}

fn choice_ui(ui: &mut Ui, cx: &mut Cx<'_>, index: usize, title: &str, is_rejected: bool, is_late: bool) {
    ui.add_enabled_ui(!is_late, |ui| {
        let reject = Button::selectable(is_rejected, format!("{} Reject", icons::CLOSE)).frame_when_inactive(true);
        if ui.add(reject).accessible_name(format!("Reject {title}")).clicked() {
            cx.state.revise.rejected.insert(index);
        }
        let accept = Button::selectable(!is_rejected, format!("{} Accept", icons::CHECK)).frame_when_inactive(true);
        if ui.add(accept).accessible_name(format!("Accept {title}")).clicked() {
            cx.state.revise.rejected.remove(&index);
        }
    });
}

/// One change of an item, whose title names the scene already if it `is_only` one.
fn change_ui(ui: &mut Ui, theme: &Theme, project: &Project, change: &Change, is_only: bool) {
    match change {
        Change::Scene { before, after, .. } if is_only => scene_ui(ui, theme, "Prompt", before, after, false),
        Change::Scene { id, before, after } => {
            let number = project.scene_index(*id).map_or(0, |index| index + 1);
            scene_ui(ui, theme, &format!("Scene {number}"), before, after, false);
        }
        Change::Insert { scene, .. } => {
            scene_ui(ui, theme, "New", &ScriptScene::default(), scene, true);
        }
        Change::Remove { id, before } => {
            let number = project.scene_index(*id).map_or(0, |index| index + 1);
            line_ui(ui, theme, &format!("Without scene {number}"), &before.prompt, "");
        }
        Change::Describe { before, after, .. } => line_ui(ui, theme, "Looks", before, after),
        Change::Rename { from, to, .. } => line_ui(ui, theme, "In the cast", from, to),
    }
}

fn scene_ui(ui: &mut Ui, theme: &Theme, what: &str, before: &ScriptScene, after: &ScriptScene, is_new: bool) {
    line_ui(ui, theme, what, &before.prompt, &after.prompt);
    let (old, new) = (before.foreground.join(", "), after.foreground.join(", "));
    if old != new {
        line_ui(ui, theme, "In the scene", &old, &new);
    }
    if before.background != after.background {
        line_ui(ui, theme, "Place", &before.background, &after.background);
    }
    if is_new || before.camera != after.camera {
        let old = if is_new { String::new() } else { before.camera.to_string() };
        line_ui(ui, theme, "Camera", &old, &after.camera.to_string());
    }
}

/// One field, its old words struck through and its new ones in colour.
fn line_ui(ui: &mut Ui, theme: &Theme, what: &str, old: &str, new: &str) {
    let font = FontId::proportional(13.0);
    let plain = TextFormat::simple(font.clone(), theme.text);
    let mut job = LayoutJob::default();
    job.append(&format!("{what}  "), 0.0, TextFormat::simple(FontId::proportional(11.0), theme.text_dim));
    for (nth, words) in word_diff(old, new).into_iter().enumerate() {
        if nth > 0 && words.after_a_space() {
            job.append(" ", 0.0, plain.clone());
        }
        match words {
            Words::Same(text) => job.append(&text, 0.0, plain.clone()),
            Words::Old(text) => {
                let gone = TextFormat {
                    strikethrough: Stroke::new(1.0, theme.bad),
                    ..TextFormat::simple(font.clone(), theme.bad)
                };
                job.append(&text, 0.0, gone);
            }
            Words::New(text) => {
                let come = TextFormat { background: theme.good_faint, ..TextFormat::simple(font.clone(), theme.good) };
                job.append(&text, 0.0, come);
            }
        }
    }
    job.wrap.max_width = ui.available_width();
    let said = if new.is_empty() { format!("{what}: {old} is taken out") } else { format!("{what}: {new}") };
    ui.add(Label::new(job).wrap()).accessible_name(said);
    ui.add_space(2.0);
    ui.allocate_space(vec2(0.0, 0.0));
}
