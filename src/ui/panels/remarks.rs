//! Remarks on the script: the list, and those of one scene.

use super::Cx;
use crate::project::SceneId;
use crate::ui::command::Command;
use crate::ui::icons;
use crate::ui::theme::space;
use crate::ui::widgets::dim;
use crate::writer::{Finding, Repair};
use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};

/// How many, in words.
pub(super) fn count_text(count: usize) -> String {
    if count == 1 { "1 remark".to_owned() } else { format!("{count} remarks") }
}

/// The remarks on one scene.
pub(super) fn of_scene<'a>(cx: &'a Cx<'_>, id: SceneId) -> impl Iterator<Item = &'a Finding> {
    cx.remarks.iter().filter(move |finding| finding.scene == id)
}

/// The dialog with all of them.
pub(super) fn remarks_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    let findings = cx.remarks;
    match findings.len() {
        0 => {
            ui.label("There is nothing to remark on this script.");
        }
        count => {
            ui.label(dim(ui, format!("{}. A repair is shown before anything changes.", count_text(count))));
        }
    }
    let height = (ui.ctx().content_rect().height() - 260.0).max(120.0);
    ScrollArea::vertical().id_salt("all remarks").max_height(height).show(ui, |ui| {
        for (index, finding) in findings.iter().enumerate() {
            ui.push_id(index, |ui| finding_ui(ui, cx, finding, true));
        }
    });
    ui.add_space(space::S);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("Close").clicked() {
            cx.send(Command::Dialog(None));
        }
        let by_rule = |finding: &&Finding| matches!(finding.repair(doc.project()), Repair::Rule(_));
        let rules = findings.iter().filter(by_rule).count();
        if rules > 1 {
            let hint = "All that can be mended without the writer, as one proposal";
            if ui.button(format!("Repair {rules} at once")).on_hover_text(hint).clicked() {
                cx.send(Command::RepairByRules);
            }
        }
        if cx.has_ignored {
            let hint = "Remarks that you have ignored, in this and other films, are made again";
            if ui.button("Hear ignored ones again").on_hover_text(hint).clicked() {
                cx.send(Command::HearAllRemarks);
            }
        }
    });
}

/// The remarks on a scene in its form.
pub(super) fn scene_remarks_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: SceneId) {
    let findings: Vec<Finding> = of_scene(cx, id).cloned().collect();
    for (index, finding) in findings.iter().enumerate() {
        ui.push_id(("remark", index), |ui| finding_ui(ui, cx, finding, false));
    }
}

fn finding_ui(ui: &mut Ui, cx: &mut Cx<'_>, finding: &Finding, with_scene: bool) {
    let Some(doc) = cx.doc else { return };
    let number = doc.project().scene_index(finding.scene).map_or(0, |index| index + 1);
    let text = finding.text(doc.project());
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.small_button("Ignore").on_hover_text("Do not remark on this again").clicked() {
                cx.send(Command::IgnoreRemark(finding.clone()));
            }
            let hint = match finding.repair(doc.project()) {
                Repair::Rule(_) => "By a rule; shown before anything changes",
                Repair::Writer(_) => "By the writer; shown before anything changes",
            };
            let repair = ui.small_button("Repair").on_hover_text(hint);
            if repair.accessible_name(format!("Repair scene {number}: {text}")).clicked() {
                cx.send(Command::Dialog(None));
                cx.send(Command::Repair(finding.clone()));
            }
            if with_scene && ui.small_button(format!("Scene {number}")).on_hover_text("Go to the scene").clicked() {
                cx.send(Command::Dialog(None));
                cx.send(Command::SelectScene(finding.scene));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = RichText::new(format!("{} {text}", icons::WARNING)).size(12.0).color(cx.theme.warn);
                ui.add(Label::new(text).wrap());
            });
        });
    });
}
