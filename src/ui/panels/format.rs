//! The dialog with the film's size, its frame rate, and what lies between the frames of a clip.

use super::Cx;
use super::dialogs::RATES;
use crate::project::{Edit, Format};
use crate::ui::command::Command;
use crate::ui::icons;
use crate::ui::theme::space;
use crate::ui::widgets::{dim, form_row, primary_button};
use egui::{Align, Button, ComboBox, DragValue, Layout, RichText, Ui, vec2};

/// Shapes on offer: width to height.
const SHAPES: [(&str, f32); 6] =
    [("16:9", 16.0 / 9.0), ("2.39:1", 2.39), ("4:3", 4.0 / 3.0), ("1:1", 1.0), ("4:5", 0.8), ("9:16", 9.0 / 16.0)];
/// Lengths of the shorter side on offer.
const SIDES: [(u32, &str); 5] = [(360, "360p"), (480, "480p"), (720, "720p"), (1080, "1080p"), (2160, "4K")];
/// Sides that a film can have.
const RANGE: std::ops::RangeInclusive<u32> = 64..=8192;

/// The size in a shape whose shorter side is `side`.
fn sized(shape: f32, side: u32) -> [u32; 2] {
    let even = |length: f32| ((length / 2.0).round() as u32 * 2).clamp(*RANGE.start(), *RANGE.end());
    let side = side as f32;
    if shape >= 1.0 { [even(side * shape), even(side)] } else { [even(side), even(side / shape)] }
}

pub(super) fn format_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    let now = doc.project().format;
    let format = &mut cx.state.format;
    let shape = format.width as f32 / format.height as f32;
    let side = format.width.min(format.height);
    let set = |format: &mut Format, [width, height]: [u32; 2]| (format.width, format.height) = (width, height);
    form_row(ui, "Shape", |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (name, wanted) in SHAPES {
            let is_it = sized(wanted, side) == [format.width, format.height];
            if ui.add(Button::selectable(is_it, name).frame_when_inactive(true)).clicked() {
                set(format, sized(wanted, side));
            }
        }
    });
    form_row(ui, "Lines", |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (wanted, name) in SIDES {
            if ui.add(Button::selectable(wanted == side, name).frame_when_inactive(true)).clicked() {
                set(format, sized(shape, wanted));
            }
        }
    });
    form_row(ui, "Pixels", |ui| {
        let number = |ui: &mut Ui, value: &mut u32, name: &str| {
            let field = DragValue::new(value).range(RANGE).speed(2);
            if ui.add_sized(vec2(72.0, 28.0), field).accessible_name(name).changed() {
                // The colours of a film are stored for two by two pixels.
                *value -= *value % 2;
            }
        };
        number(ui, &mut format.width, "Film width");
        ui.label("×");
        number(ui, &mut format.height, "Film height");
    });
    form_row(ui, "Frame rate", |ui| {
        let combo =
            ComboBox::from_id_salt("film rate").selected_text(format!("{} fps", format.fps)).show_ui(ui, |ui| {
                for fps in RATES {
                    ui.selectable_value(&mut format.fps, fps, format!("{fps} fps"));
                }
            });
        combo.response.accessible_name("Film frame rate");
    });
    form_row(ui, "Clips", |ui| {
        let hint = "A clip seldom has as many frames as its scene. The frames in between are estimated from those before and \
            after (motion-compensated, simple): what cannot be followed is mixed. Without it, the nearest frame stays";
        ui.checkbox(&mut format.smooth, "Smooth motion between a clip's frames").on_hover_text(hint);
    });
    let said = if format.smooth {
        "Frames in between are estimated (motion-compensated, simple)."
    } else {
        "The nearest frame is shown."
    };
    ui.label(dim(ui, said));
    let new = *format;
    let takes = doc.project().scenes.iter().filter(|scene| scene.chosen.is_some() && !scene.locked).count();
    let is_same_size = (new.width, new.height) == (now.width, now.height);
    // One line in any case, so that the dialog keeps its height.
    let (text, color) = match takes {
        _ if is_same_size => ("Export can still write another size.".to_owned(), cx.theme.text_dim),
        0 => ("Drafts are drawn in the new shape at once.".to_owned(), cx.theme.text_dim),
        1 => (format!("{} The take of 1 scene becomes stale; it stays as it is.", icons::WARNING), cx.theme.warn),
        n => {
            (format!("{} The takes of {n} scenes become stale; they stay as they are.", icons::WARNING), cx.theme.warn)
        }
    };
    ui.label(RichText::new(text).size(11.0).color(color));
    let smooth = if now.smooth { ", smooth" } else { "" };
    ui.label(dim(ui, format!("Now {}×{} at {} fps{smooth}", now.width, now.height, now.fps)));
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_enabled_ui(new != now, |ui| {
                if primary_button(ui, "Set").on_disabled_hover_text("The film has it").clicked() {
                    cx.send(Command::Edit(Edit::SetFormat(new), None));
                    cx.send(Command::Dialog(None));
                }
            });
            if ui.button("Cancel").clicked() {
                cx.send(Command::Dialog(None));
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_at_every_size_can_be_exported() {
        for (name, shape) in SHAPES {
            for (side, _) in SIDES {
                let [width, height] = sized(shape, side);
                assert!(width % 2 == 0 && height % 2 == 0 && RANGE.contains(&width) && RANGE.contains(&height));
                assert!((width as f32 / height as f32 / shape - 1.0).abs() < 0.01, "{name} {width}×{height}");
            }
        }
        assert_eq!(sized(16.0 / 9.0, 720), [1280, 720]);
        assert_eq!(sized(9.0 / 16.0, 720), [720, 1280]);
    }
}
