//! The few widgets that egui does not have.

mod camera;
mod chip;
mod picture;

pub use camera::camera_picker_ui;
pub use chip::{Chip, badge, chip_ui, chip_width};
pub use picture::{checkerboard, fit_aspect, picture, view_uv};

use super::icons;
use super::theme::{Theme, semibold, space};
use egui::{Button, Response, RichText, Ui};
use std::path::Path;

/// A square button that shows an icon alone; `name` is its accessible name, `hint` its tooltip.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str, hint: &str) -> Response {
    let button = Button::new(RichText::new(icon).size(15.0)).min_size(egui::vec2(28.0, 28.0));
    ui.add(button).on_hover_text(hint).accessible_name(name)
}

/// An icon button without a frame.
pub fn quiet_icon_button(ui: &mut Ui, icon: &str, name: &str, hint: &str) -> Response {
    let button =
        Button::new(RichText::new(icon).size(15.0)).frame_when_inactive(false).min_size(egui::vec2(26.0, 26.0));
    ui.add(button).on_hover_text(hint).accessible_name(name)
}

/// The button of the main action.
pub fn primary_button(ui: &mut Ui, label: &str) -> Response {
    let theme = Theme::of(ui);
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        for (state, fill) in [
            (&mut widgets.inactive, theme.accent),
            (&mut widgets.hovered, theme.accent_hover),
            (&mut widgets.active, theme.accent),
        ] {
            state.weak_bg_fill = fill;
            state.bg_stroke = egui::Stroke::NONE;
            state.fg_stroke.color = theme.on_accent;
        }
        ui.add(Button::new(RichText::new(label).family(semibold())))
    })
    .inner
}

/// A word as a label: with a capital.
pub fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A small heading over a group.
pub fn section_heading(ui: &mut Ui, text: &str) {
    let theme = Theme::of(ui);
    ui.label(RichText::new(text).size(11.0).family(semibold()).color(theme.text_dim));
}

/// Small secondary text.
pub fn dim(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).size(11.0).color(Theme::of(ui).text_dim)
}

/// A warning where a file is there already.
pub fn replaced_ui(ui: &mut Ui, path: &Path) {
    if path.exists() {
        let text = format!("{} The file exists and will be replaced.", icons::WARNING);
        ui.label(RichText::new(text).size(11.0).color(Theme::of(ui).warn));
    }
}

/// A labelled row of a form: the label in a column of its own, the field in the rest of the width.
pub fn form_row<R>(ui: &mut Ui, label: &str, add_field: impl FnOnce(&mut Ui) -> R) -> R {
    let theme = Theme::of(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let (rect, _) = ui.allocate_exact_size(egui::vec2(84.0, 28.0), egui::Sense::hover());
        let at = rect.left_center();
        let font = egui::TextStyle::Body.resolve(ui.style());
        ui.painter().text(at, egui::Align2::LEFT_CENTER, label, font, theme.text_dim);
        ui.spacing_mut().item_spacing.x = space::S;
        add_field(ui)
    })
    .inner
}
