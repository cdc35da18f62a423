//! What a window without a project shows: a way to begin.

use super::Cx;
use crate::ui::command::{Command, Dialog};
use crate::ui::icons;
use crate::ui::theme::{radius, semibold, space};
use crate::ui::widgets::{dim, primary_button, section_heading};
use egui::{Button, CornerRadius, Frame, Key, Margin, RichText, ScrollArea, Stroke, TextEdit, Ui, vec2};

/// Premises to try.
const EXAMPLES: [&str; 3] = [
    "A young man with blue hair is making cake",
    "A shy robot learns to dance in an empty train station",
    "Two foxes and an old fisherman cross a frozen lake at night",
];

/// Width of the middle column, in points.
const COLUMN: f32 = 640.0;

pub fn start_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ScrollArea::vertical().id_salt("start").show(ui, |ui| {
        let side = ((ui.available_width() - COLUMN) / 2.0).max(16.0);
        let top = ((ui.available_height() - 520.0) * 0.36).max(24.0);
        ui.add_space(top);
        ui.horizontal(|ui| {
            ui.add_space(side);
            ui.vertical(|ui| {
                ui.set_width(COLUMN.min(ui.available_width() - 16.0));
                column_ui(ui, cx);
            });
        });
    });
}

fn column_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.label(RichText::new("What is your film about?").size(26.0).family(semibold()));
    ui.label(RichText::new("One sentence is enough. You can change every scene afterwards.").color(cx.theme.text_dim));
    ui.add_space(space::S);
    let mut begin = false;
    Frame::new()
        .fill(cx.theme.field)
        .stroke(Stroke::new(1.0, cx.theme.line))
        .corner_radius(CornerRadius::same(radius::CARD))
        .inner_margin(Margin::same(10))
        .show(ui, |ui| {
            let field = TextEdit::multiline(&mut cx.state.premise)
                .id_salt("start premise")
                .hint_text("An old lighthouse keeper and her dog rescue a paper boat in a storm")
                .font(egui::FontId::proportional(16.0))
                .frame(Frame::NONE)
                .return_key(None)
                .desired_rows(2)
                .desired_width(f32::INFINITY);
            let response = ui.add(field).accessible_name("Premise");
            if ui.ctx().memory(|memory| memory.focused().is_none()) {
                response.request_focus();
            }
            begin |= response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.add_enabled_ui(!cx.state.premise.trim().is_empty(), |ui| {
                    begin |= primary_button(ui, "Write the script").clicked();
                });
                if ui
                    .button("Open a script…")
                    .on_hover_text("A screenplay, a shot list or any text; needs no language model")
                    .clicked()
                {
                    cx.send(Command::Dialog(Some(Dialog::Script)));
                }
            });
        });
    if begin && !cx.state.premise.trim().is_empty() {
        let premise = cx.state.premise.trim().to_owned();
        cx.send(Command::NewProject { premise });
        cx.send(Command::Write);
    }
    ui.add_space(space::L);
    section_heading(ui, "Try one of these");
    for example in EXAMPLES {
        if row_ui(ui, icons::WRITE, example, "").clicked() {
            cx.state.premise = example.to_owned();
        }
    }
    ui.add_space(space::L);
    section_heading(ui, "Or look around");
    if row_ui(ui, icons::PLAY, "Open the example film", "plays at once, needs no model").clicked() {
        cx.send(Command::OpenExample);
    }
    if row_ui(ui, icons::FOLDER, "Open a project…", "").clicked() {
        cx.send(Command::Dialog(Some(Dialog::Open)));
    }
    if !cx.recent.is_empty() {
        ui.add_space(space::L);
        section_heading(ui, "Recent projects");
        for folder in cx.recent.iter().take(5).cloned().collect::<Vec<_>>() {
            let name = folder.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let parent = folder.parent().map(|parent| parent.display().to_string()).unwrap_or_default();
            if row_ui(ui, icons::FILM, &name, &parent).clicked() {
                cx.send(Command::OpenProject(folder));
            }
        }
    }
}

/// A full-width row: icon, text, and a note in secondary colour.
fn row_ui(ui: &mut Ui, icon: &str, text: &str, note: &str) -> egui::Response {
    let theme = crate::ui::theme::Theme::of(ui);
    let mut button = Button::new((RichText::new(icon).size(15.0).color(theme.accent_hover), text))
        .frame_when_inactive(false)
        .truncate()
        .min_size(vec2(ui.available_width(), 32.0));
    if !note.is_empty() {
        button = button.right_text(dim(ui, note));
    } else {
        button = button.right_text("");
    }
    ui.add(button).accessible_name(text)
}
