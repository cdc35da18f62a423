//! The film along time: clips as wide as they are long, their prompts below, and the playhead.

use super::Cx;
use super::cards::uv_at;
use super::scene_menu::scene_menu_ui;
use crate::engine::DrawTarget;
use crate::project::{CoalesceKey, Edit, Scene, SceneField};
use crate::ui::carry_out::duration_ms;
use crate::ui::command::Command;
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::{radius, semibold};
use crate::ui::widgets::picture;
use egui::{
    Align2, CornerRadius, CursorIcon, FontId, Painter, Pos2, Rect, Response, ScrollArea, Sense, Shape, Stroke,
    StrokeKind, Ui, pos2, vec2,
};

const MARGIN: f32 = 14.0;
const RULER: f32 = 24.0;
const CAPTION: f32 = 24.0;
/// Points per second, smallest and largest.
const ZOOM: std::ops::RangeInclusive<f32> = 6.0..=240.0;
/// A fitted film is not stretched further than this.
const MAX_FIT: f32 = 60.0;
/// Room after the film, to drag its last scene longer.
const BESIDE: f32 = 60.0;
/// Width of the edge that changes a scene's duration.
const HANDLE: f32 = 8.0;

/// Where film frames are on the screen.
struct Scale {
    left: f32,
    points_per_frame: f32,
}

impl Scale {
    fn x(&self, frame: u64) -> f32 {
        self.left + frame as f32 * self.points_per_frame
    }

    fn frame(&self, x: f32) -> u64 {
        ((x - self.left) / self.points_per_frame).max(0.0).round() as u64
    }
}

pub fn timeline_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    let cut = doc.cut();
    if ui.rect_contains_pointer(ui.max_rect()) {
        let factor = ui.input(egui::InputState::zoom_delta);
        if factor != 1.0 {
            *cx.zoom = (*cx.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        }
    }
    if cut.total_frames() > 0 && std::mem::take(&mut cx.state.fit_timeline) {
        let width = ui.available_width() - 2.0 * MARGIN - BESIDE;
        *cx.zoom = (width / cut.duration_secs() as f32).clamp(*ZOOM.start(), MAX_FIT);
    }
    let points_per_frame = *cx.zoom / cut.fps().max(1) as f32;
    let height = ui.available_height();
    ScrollArea::horizontal().id_salt("timeline").auto_shrink(false).show(ui, |ui| {
        let film = cut.total_frames() as f32 * points_per_frame;
        let size = vec2((film + 2.0 * MARGIN + BESIDE).max(ui.available_width()), height);
        let (area, background) = ui.allocate_exact_size(size, Sense::click_and_drag());
        let background = background.accessible_name("Timeline");
        let scale = Scale { left: area.left() + MARGIN, points_per_frame };
        let painter = ui.painter_at(area.intersect(ui.clip_rect()));
        ruler(&painter, cx, doc, &scale, area);
        if cut.total_frames() == 0 {
            let font = FontId::proportional(12.0);
            let text = "Scenes line up here as they are written";
            painter.text(area.left_center() + vec2(MARGIN, 0.0), Align2::LEFT_CENTER, text, font, cx.theme.text_dim);
            return;
        }
        let clips = Rect::from_min_max(
            pos2(area.left(), area.top() + RULER + 2.0),
            pos2(area.right(), (area.bottom() - CAPTION - 16.0).max(area.top() + RULER + 30.0)),
        );
        for (index, scene) in doc.project().scenes.iter().enumerate() {
            clip_ui(ui, cx, doc, scene, index, &scale, clips);
        }
        scrub(ui, cx, doc, &background, &scale);
        playhead(&painter, cx, &scale, area);
    });
}

/// Moves the playhead with the pointer on the ruler and beside the clips.
fn scrub(ui: &Ui, cx: &mut Cx<'_>, doc: &Document, response: &Response, scale: &Scale) {
    if (response.is_pointer_button_down_on() || response.clicked())
        && let Some(at) = response.interact_pointer_pos()
    {
        let last = doc.cut().total_frames().saturating_sub(1);
        let frame = scale.frame(at.x).min(last);
        if frame != cx.player.frame() {
            cx.send(Command::Seek(frame));
        }
    }
    if response.hovered() && ui.input(|input| input.pointer.primary_down()) {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
}

fn ruler(painter: &Painter, cx: &Cx<'_>, doc: &Document, scale: &Scale, area: Rect) {
    let theme = cx.theme;
    let band = Rect::from_min_size(area.min, vec2(area.width(), RULER));
    painter.rect_filled(band, CornerRadius::ZERO, theme.panel);
    painter.hline(area.x_range(), band.bottom(), Stroke::new(1.0, theme.line));
    let fps = u64::from(doc.cut().fps().max(1));
    let second = scale.points_per_frame * fps as f32;
    let step = [1, 2, 5, 10, 20, 30, 60, 120, 300].into_iter().find(|s| *s as f32 * second >= 64.0).unwrap_or(600);
    let visible = painter.clip_rect();
    let first = scale.frame(visible.left()) / fps / step * step;
    let mut at = first;
    while scale.x(at * fps) < visible.right() {
        let x = scale.x(at * fps);
        painter.vline(x, band.bottom() - 6.0..=band.bottom(), Stroke::new(1.0, theme.line));
        let text = format!("{}:{:02}", at / 60, at % 60);
        let font = FontId::proportional(10.5);
        painter.text(pos2(x + 4.0, band.center().y), Align2::LEFT_CENTER, text, font, theme.text_dim);
        at += step;
    }
}

fn clip_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene, index: usize, scale: &Scale, row: Rect) {
    let theme = cx.theme;
    let range = doc.cut().range_of(index);
    let dissolve = doc.cut().cuts().get(index).map_or(0, |cut| cut.dissolve_frames);
    // A clip begins in the middle of its dissolve, where it and its neighbour are equally visible.
    let next = doc.cut().cuts().get(index + 1).map_or(0, |cut| cut.dissolve_frames);
    let left = scale.x(range.start + dissolve / 2);
    let right = scale.x(range.end - next / 2);
    let rect = Rect::from_min_max(pos2(left + 1.0, row.top()), pos2(right - 1.0, row.bottom()));
    ui.push_id(scene.id, |ui| {
        let response = ui.interact(rect, ui.scope_id().with("clip"), Sense::click());
        let response = response.accessible_name(format!("Clip {}", index + 1));
        if response.clicked()
            && let Some(at) = response.interact_pointer_pos()
        {
            let held = ui.input(|input| input.modifiers);
            cx.select(scene.id, held);
            if !held.any() {
                cx.send(Command::Seek(scale.frame(at.x).clamp(range.start, range.end.saturating_sub(1))));
            }
        }
        response.context_menu(|ui| scene_menu_ui(ui, cx, doc, scene.id));
        if response.double_clicked() {
            cx.send(Command::PlayScene(scene.id));
        }
        let selected = cx.is_selected(scene.id);
        let painter = ui.painter_at(rect.expand(2.0).intersect(ui.clip_rect()));
        let corners = CornerRadius::same(radius::SMALL);
        painter.rect_filled(rect, corners, theme.card);
        frames(&painter, cx, doc, scene, rect);
        if dissolve > 0 {
            dissolve_mark(&painter, cx, scale, range.start, dissolve, rect);
        }
        let stroke = if selected { Stroke::new(2.0, theme.accent) } else { Stroke::new(1.0, theme.line) };
        painter.rect_stroke(rect, corners, stroke, StrokeKind::Inside);
        let number = (index + 1).to_string();
        let tag =
            Rect::from_min_size(rect.min + vec2(5.0, 5.0), vec2(if number.len() > 1 { 22.0 } else { 16.0 }, 16.0));
        painter.rect_filled(tag, CornerRadius::same(4), theme.scrim);
        painter.text(tag.center(), Align2::CENTER_CENTER, number, FontId::new(10.5, semibold()), theme.on_scrim);
        if scene.locked {
            let mark = Rect::from_min_size(pos2(tag.right() + 3.0, tag.top()), vec2(18.0, 16.0));
            painter.rect_filled(mark, CornerRadius::same(4), theme.scrim);
            let font = FontId::proportional(10.5);
            painter.text(mark.center(), Align2::CENTER_CENTER, icons::LOCK, font, theme.on_scrim);
        }
        caption(ui, cx, scene, Rect::from_min_size(rect.left_bottom() + vec2(0.0, 5.0), vec2(rect.width(), CAPTION)));
        edge_ui(ui, cx, doc, scene, scale, rect);
    });
}

/// Fills a clip with the scene's picture, repeated along its length.
fn frames(painter: &Painter, cx: &Cx<'_>, doc: &Document, scene: &Scene, rect: Rect) {
    let Some(texture) = cx.stills.texture(&DrawTarget::Scene(scene.id)) else { return };
    let format = doc.project().format;
    let aspect = format.width as f32 / format.height as f32;
    let inner = painter.with_clip_rect(rect.shrink(1.0).intersect(painter.clip_rect()));
    let tile = (rect.height() * aspect).max(1.0);
    let count = (rect.width() / tile).ceil().max(1.0) as usize;
    for i in 0..count {
        let at = Rect::from_min_size(pos2(rect.left() + i as f32 * tile, rect.top()), vec2(tile, rect.height()));
        let t = (i as f32 + 0.5) * tile / rect.width().max(1.0);
        let uv = uv_at(scene, t);
        picture(&inner, texture.id(), at, uv, CornerRadius::ZERO);
    }
}

/// A white wedge over the length of a dissolve.
fn dissolve_mark(painter: &Painter, cx: &Cx<'_>, scale: &Scale, start: u64, frames: u64, rect: Rect) {
    let (left, right) = (rect.left(), scale.x(start + frames));
    let points = vec![pos2(left, rect.top()), pos2(right, rect.top()), pos2(left, rect.bottom())];
    painter.add(Shape::convex_polygon(points, cx.theme.scrim.gamma_multiply(0.7), Stroke::NONE));
}

fn caption(ui: &Ui, cx: &Cx<'_>, scene: &Scene, rect: Rect) {
    let painter = ui.painter_at(rect.intersect(ui.clip_rect()));
    painter.rect_filled(rect, CornerRadius::same(radius::SMALL), cx.theme.card);
    let mut job =
        egui::text::LayoutJob::simple_singleline(scene.prompt.clone(), FontId::proportional(11.0), cx.theme.text_dim);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width() - 14.0);
    let galley = painter.layout_job(job);
    painter.galley(pos2(rect.left() + 7.0, rect.center().y - galley.size().y / 2.0), galley, cx.theme.text_dim);
}

/// The right edge of a clip, which changes the scene's duration.
fn edge_ui(ui: &Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene, scale: &Scale, rect: Rect) {
    if scene.locked {
        return;
    }
    let edge = Rect::from_center_size(rect.right_center() - vec2(HANDLE / 2.0, 0.0), vec2(HANDLE, rect.height()));
    let response = ui.interact(edge, ui.scope_id().with("edge"), Sense::drag());
    let response = response.accessible_name("Change the duration").on_hover_cursor(CursorIcon::ResizeHorizontal);
    let start = ui.scope_id().with("duration at the start of the drag");
    if response.drag_started() {
        ui.data_mut(|data| data.insert_temp(start, scene.duration_ms));
    }
    if response.dragged()
        && let (Some(from), Some(moved)) = (ui.data(|data| data.get_temp::<u32>(start)), response.total_drag_delta())
    {
        let secs = f64::from(from) / 1000.0 + f64::from(moved.x / scale.points_per_frame) / f64::from(doc.cut().fps());
        // Tenths of a second are what one sees in the inspector.
        let duration = duration_ms((secs * 10.0).round() / 10.0);
        if duration != scene.duration_ms {
            let field = SceneField::DurationMs(duration);
            let key = CoalesceKey::new((scene.id, "duration"));
            cx.send(Command::Edit(Edit::SetScene { id: scene.id, field }, Some(key)));
        }
    }
    if response.drag_stopped() {
        cx.send(Command::SealEdits);
    }
    if response.hovered() || response.dragged() {
        ui.painter().rect_filled(edge.shrink2(vec2(2.0, 4.0)), CornerRadius::same(2), cx.theme.accent);
    }
}

fn playhead(painter: &Painter, cx: &Cx<'_>, scale: &Scale, area: Rect) {
    let x = scale.x(cx.player.frame());
    painter.vline(x, area.top() + 6.0..=area.bottom() - 4.0, Stroke::new(1.0, cx.theme.playhead));
    let tip: Pos2 = pos2(x, area.top() + 13.0);
    let points = vec![tip + vec2(-5.0, -8.0), tip + vec2(5.0, -8.0), tip];
    painter.add(Shape::convex_polygon(points, cx.theme.playhead, Stroke::NONE));
}
