//! Pictures in reserved rectangles.

use crate::project::View;
use crate::ui::theme::Theme;
use egui::{Color32, CornerRadius, Painter, Pos2, Rect, TextureId, Vec2, pos2, vec2};

/// The largest rectangle of the given aspect (width / height) in the middle of `rect`.
pub fn fit_aspect(rect: Rect, aspect: f32) -> Rect {
    let width = rect.width().min(rect.height() * aspect);
    Rect::from_center_size(rect.center(), vec2(width, width / aspect))
}

/// The texture coordinates of what a camera sees.
pub fn view_uv(view: View) -> Rect {
    Rect::from_center_size(pos2(view.center[0], view.center[1]), Vec2::splat(view.extent))
}

/// Paints a texture with rounded corners.
pub fn picture(painter: &Painter, texture: TextureId, rect: Rect, uv: Rect, corners: CornerRadius) {
    let shape = egui::epaint::RectShape::filled(rect, corners, Color32::WHITE).with_texture(texture, uv);
    painter.add(shape);
}

/// Paints the board that shows through transparent pictures.
pub fn checkerboard(painter: &Painter, rect: Rect, theme: &Theme, corners: CornerRadius) {
    const SQUARE: f32 = 8.0;
    painter.rect_filled(rect, corners, theme.checker[0]);
    let inner = painter.with_clip_rect(rect.shrink(1.0).intersect(painter.clip_rect()));
    let (columns, rows) = ((rect.width() / SQUARE).ceil() as usize, (rect.height() / SQUARE).ceil() as usize);
    for row in 0..rows {
        for column in (row % 2..columns).step_by(2) {
            let at: Pos2 = rect.min + vec2(column as f32, row as f32) * SQUARE;
            inner.rect_filled(Rect::from_min_size(at, Vec2::splat(SQUARE)), CornerRadius::ZERO, theme.checker[1]);
        }
    }
}
