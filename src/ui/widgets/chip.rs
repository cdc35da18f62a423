//! Names of entities as chips, and the badges on pictures.

use crate::project::EntityKind;
use crate::ui::icons;
use crate::ui::theme::{Theme, radius};
use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Response, Sense, Ui, Vec2, vec2};

const FONT_SIZE: f32 = 11.5;

/// What happened to a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chip {
    Clicked,
    Removed,
}

/// A chip with the name of an entity. `removable` adds a cross; `max_width` cuts long names.
pub fn chip_ui(ui: &mut Ui, kind: EntityKind, name: &str, removable: bool, max_width: f32) -> (Response, Option<Chip>) {
    let theme = Theme::of(ui);
    let (fill, color) = match kind {
        EntityKind::Foreground => (theme.chip, theme.text),
        EntityKind::Background => (theme.chip_place, theme.on_chip_place),
    };
    let font = FontId::proportional(FONT_SIZE);
    let cross = if removable { 16.0 } else { 0.0 };
    let mut job = egui::text::LayoutJob::simple_singleline(name.to_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width((max_width - 20.0 - cross).max(16.0));
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let size = vec2(galley.size().x + 20.0 + cross, 22.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let response = response.on_hover_text(name).accessible_name(name);
    let hovered = response.hovered();
    let painter = ui.painter();
    let fill = if hovered { fill.lerp_to_gamma(theme.text_dim, 0.18) } else { fill };
    painter.rect_filled(rect, CornerRadius::same(11), fill);
    painter.galley(rect.left_center() + vec2(10.0, -galley.size().y / 2.0), galley, color);
    let mut event = response.clicked().then_some(Chip::Clicked);
    if removable {
        let target = Rect::from_center_size(rect.right_center() - vec2(13.0, 0.0), Vec2::splat(18.0));
        let cross = ui.interact(target, response.id.with("remove"), Sense::click());
        let cross = cross.accessible_name(format!("Remove {name}"));
        let color = if cross.hovered() { theme.bad } else { theme.text_dim };
        ui.painter().text(target.center(), Align2::CENTER_CENTER, icons::CLOSE, FontId::proportional(10.0), color);
        if cross.clicked() {
            event = Some(Chip::Removed);
        }
    }
    (response, event)
}

/// The width of a whole name as a chip.
pub fn chip_width(ui: &Ui, name: &str) -> f32 {
    let font = FontId::proportional(FONT_SIZE);
    ui.painter().layout_no_wrap(name.to_owned(), font, Color32::PLACEHOLDER).size().x + 21.0
}

/// A badge on a picture, with its left bottom corner at `at`. Returns its rectangle.
pub fn badge(painter: &Painter, at: Pos2, text: &str, color: Color32, fill: Color32, max_width: f32) -> Rect {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), FontId::proportional(11.0), color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(max_width - 14.0);
    let galley = painter.layout_job(job);
    let size = galley.size() + vec2(14.0, 7.0);
    let rect = Rect::from_min_size(at - vec2(0.0, size.y), size);
    painter.rect_filled(rect, CornerRadius::same(radius::SMALL), fill);
    painter.galley(rect.min + vec2(7.0, 3.5), galley, color);
    rect
}
