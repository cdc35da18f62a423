//! Choosing a camera move.

use super::capitalized;
use crate::project::{CameraMove, Direction, Speed};
use crate::ui::icons;
use egui::{Button, RichText, Ui, vec2};

/// Seven directions and three speeds as two rows of buttons. Returns the newly chosen move.
pub fn camera_picker_ui(ui: &mut Ui, camera: CameraMove) -> Option<CameraMove> {
    let mut chosen = None;
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing = vec2(3.0, 4.0);
        // Seven in a row also fit a narrow window.
        ui.spacing_mut().button_padding.x = 6.0;
        ui.horizontal(|ui| {
            for direction in Direction::ALL {
                let icon = RichText::new(icons::direction(direction)).size(14.0);
                let button = Button::selectable(direction == camera.direction, icon)
                    .frame_when_inactive(true)
                    .min_size(vec2(30.0, 28.0));
                let name = format!("Camera {direction}");
                if ui.add(button).on_hover_text(&name).accessible_name(&name).clicked() {
                    chosen = Some(CameraMove { direction, ..camera });
                }
            }
        });
        let moving = camera.direction != Direction::Static;
        ui.add_enabled_ui(moving, |ui| {
            ui.horizontal(|ui| {
                for speed in Speed::ALL {
                    let button = Button::selectable(moving && speed == camera.speed, capitalized(speed.as_str()))
                        .frame_when_inactive(true)
                        .min_size(vec2(63.0, 26.0));
                    let name = format!("Camera speed {speed}");
                    if ui.add(button).accessible_name(name).clicked() {
                        chosen = Some(CameraMove { speed, ..camera });
                    }
                }
            });
        });
    });
    chosen.filter(|new| *new != camera)
}
