//! Two to four takes of a scene side by side, or two as a wipe over one another, with how they differ in words.

use super::Cx;
use super::takes::{Marks, TILE, letter_mark, take_picture, tile_ui};
use crate::engine::DrawTarget;
use crate::project::{Difference, Scene, SceneId, Take, TakeId, TakeKind, differences};
use crate::ui::command::{Command, TakeAct};
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::{radius, semibold, space};
use crate::ui::widgets::{badge, dim, fit_aspect, icon_button, quiet_icon_button, section_heading};
use egui::{
    Align, Align2, Button, CentralPanel, CornerRadius, CursorIcon, FontId, Frame, Key, Label, Layout, Margin, Panel,
    Pos2, Rect, Response, RichText, ScrollArea, Sense, Slider, Stroke, Ui, UiBuilder, Vec2, pos2, vec2,
};
use std::time::Duration;

/// As many as can be told apart on a screen.
const MOST: usize = 4;
const LETTERS: [char; MOST] = ['A', 'B', 'C', 'D'];
const ZOOM: std::ops::RangeInclusive<f32> = 1.0..=16.0;
const GAP: f32 = 8.0;
/// Half the width in which the line of a wipe can be caught.
const CATCH: f32 = 10.0;

/// The takes that are compared, and how.
pub struct Compare {
    pub scene: SceneId,
    /// Two to four, in the order of their letters.
    pub takes: Vec<TakeId>,
    /// The second take over the first, right of a line.
    wipe: bool,
    /// Where the line is: 0 on the left of the picture, 1 on its right.
    split: f32,
    zoom: f32,
    /// What is in the middle, from 0 to 1.
    center: Vec2,
    /// Where clips are: 0 at their beginning, 1 at their end.
    t: f32,
    /// The window's time when they began, while they play.
    playing_since: Option<f64>,
}

impl Compare {
    /// A take beside the one that the film uses, or the newest other one. `None` when there is no other.
    pub fn new(scene: &Scene, take: TakeId) -> Option<Self> {
        let others = || scene.takes.iter().rev().map(|take| take.id).filter(|other| *other != take);
        let other = scene.chosen.filter(|chosen| *chosen != take).or_else(|| others().next())?;
        // The older one first: differences read as what was changed since.
        let mut takes = vec![take, other];
        takes.sort_by_key(|take| scene.take_number(*take));
        Some(Self::of(scene.id, takes))
    }

    fn of(scene: SceneId, takes: Vec<TakeId>) -> Self {
        let center = Vec2::splat(0.5);
        Self { scene, takes, wipe: false, split: 0.5, zoom: 1.0, center, t: 0.0, playing_since: None }
    }

    /// Moves clips on while they play: round and round, over the length of the scene.
    fn play(&mut self, ui: &Ui, scene: &Scene) {
        let Some(since) = self.playing_since else { return };
        let passed = (ui.input(|input| input.time) - since) / scene.duration_secs();
        self.t = passed.rem_euclid(1.0) as f32;
        ui.ctx().request_repaint_after(Duration::from_millis(33));
    }

    fn play_or_pause(&mut self, ui: &Ui, scene: &Scene) {
        let now = ui.input(|input| input.time);
        self.playing_since = match self.playing_since {
            Some(_) => None,
            None => Some(now - f64::from(self.t) * scene.duration_secs()),
        };
    }

    /// Adds a take, or takes it out.
    pub fn toggle(&mut self, take: TakeId) -> Result<(), &'static str> {
        match self.takes.iter().position(|shown| *shown == take) {
            Some(_) if self.takes.len() == 2 => return Err("a comparison needs two takes: add another one first"),
            Some(index) => drop(self.takes.remove(index)),
            None if self.takes.len() == MOST => {
                return Err("a comparison shows at most four takes: take one out first");
            }
            None => self.takes.push(take),
        }
        self.wipe &= self.takes.len() == 2;
        Ok(())
    }

    /// The part of a picture that is in view.
    fn uv(&self) -> Rect {
        Rect::from_center_size(self.center.to_pos2(), Vec2::splat(1.0 / self.zoom))
    }

    /// Zooms by `factor` and keeps what is at `at` (0 to 1 in view) where it is.
    fn zoom_at(&mut self, factor: f32, at: Vec2) {
        let under = self.center + (at - Vec2::splat(0.5)) / self.zoom;
        self.zoom = (self.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        self.center = under - (at - Vec2::splat(0.5)) / self.zoom;
        self.stay_inside();
    }

    fn fit(&mut self) {
        self.zoom = 1.0;
        self.stay_inside();
    }

    fn stay_inside(&mut self) {
        let half = 0.5 / self.zoom;
        self.center = self.center.clamp(Vec2::splat(half), Vec2::splat(1.0 - half));
    }
}

pub(super) fn compare_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    // Taken out, so that the pictures can be asked for meanwhile.
    let Some(mut compare) = cx.state.compare.take() else { return };
    let Some(scene) = doc.project().scene(compare.scene) else { return };
    let takes: Vec<&Take> = compare.takes.iter().filter_map(|id| scene.take(*id)).collect();
    compare.play(ui, scene);
    let has_clips = takes.iter().any(|take| take.kind == TakeKind::Clip);
    let mut close = false;
    let bar = Frame::new().fill(cx.theme.panel).inner_margin(Margin::symmetric(12, 6));
    Panel::top("compare bar").exact_size(44.0).resizable(false).frame(bar).show(ui, |ui| {
        ui.horizontal_centered(|ui| close = bar_ui(ui, cx, doc, scene, has_clips, &mut compare));
    });
    let side = Frame::new().fill(cx.theme.panel).inner_margin(Margin::symmetric(14, 12));
    Panel::right("compare words").exact_size(310.0).resizable(false).frame(side).show(ui, |ui| {
        ScrollArea::vertical().id_salt("differences").auto_shrink(false).show(ui, |ui| words_ui(ui, cx, scene, &takes));
    });
    let strip = Frame::new().fill(cx.theme.panel).inner_margin(Margin::symmetric(12, 8));
    Panel::bottom("compare takes").exact_size(TILE.y + 20.0).resizable(false).frame(strip).show(ui, |ui| {
        strip_ui(ui, cx, scene, &compare);
    });
    let pictures = Frame::new().fill(cx.theme.surface).inner_margin(Margin::same(12));
    CentralPanel::default().frame(pictures).show(ui, |ui| {
        let area = ui.available_rect_before_wrap();
        if compare.wipe && takes.len() == 2 {
            wipe_ui(ui, cx, scene, [takes[0], takes[1]], &mut compare, area);
        } else {
            side_by_side_ui(ui, cx, scene, &takes, &mut compare, area);
        }
    });
    if !close {
        cx.state.compare = Some(compare);
    }
}

/// The bar on top. Returns whether the comparison is closed.
fn bar_ui(ui: &mut Ui, cx: &Cx<'_>, doc: &Document, scene: &Scene, has_clips: bool, compare: &mut Compare) -> bool {
    let number = doc.project().scene_index(scene.id).map_or(0, |index| index + 1);
    ui.label(RichText::new(format!("Takes of scene {number}")).size(15.0).family(semibold()));
    ui.add_space(space::L);
    let beside = Button::selectable(!compare.wipe, format!("{} Side by side", icons::COMPARE));
    if ui.add(beside.frame_when_inactive(true)).accessible_name("Side by side").clicked() {
        compare.wipe = false;
    }
    let wipe = Button::selectable(compare.wipe, format!("{} Wipe", icons::WIPE)).frame_when_inactive(true);
    let wipe = ui.add_enabled(compare.takes.len() == 2, wipe).on_hover_text("One over the other, right of a line");
    if wipe.on_disabled_hover_text("A wipe shows two takes: take the others out").accessible_name("Wipe").clicked() {
        compare.wipe = true;
    }
    if icon_button(ui, icons::SWAP, "Swap", "Swap the first two").clicked() {
        compare.takes.swap(0, 1);
    }
    ui.add_space(space::L);
    let middle = Vec2::splat(0.5);
    let pressed = |keys: &[Key]| ui.input(|input| keys.iter().any(|key| input.key_pressed(*key)));
    let [out, closer, fit] = [&[Key::Minus][..], &[Key::Plus, Key::Equals], &[Key::Num0]].map(pressed);
    if icon_button(ui, icons::ZOOM_OUT, "Zoom out", "Zoom out (−)").clicked() || out {
        compare.zoom_at(1.0 / 1.5, middle);
    }
    let (rect, _) = ui.allocate_exact_size(vec2(46.0, 28.0), Sense::hover());
    let text = format!("{:.0} %", compare.zoom * 100.0);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(12.0), cx.theme.text_dim);
    if icon_button(ui, icons::ZOOM_IN, "Zoom in", "Zoom in (+), or turn the wheel over a picture").clicked() || closer {
        compare.zoom_at(1.5, middle);
    }
    if ui.add_enabled(compare.zoom > 1.0, Button::new("Fit")).on_hover_text("The whole picture (0)").clicked() || fit {
        compare.fit();
    }
    if has_clips {
        ui.add_space(space::L);
        let (icon, name) = match compare.playing_since {
            Some(_) => (icons::PAUSE, "Pause clips"),
            None => (icons::PLAY, "Play clips"),
        };
        // On a button, the same key presses that.
        let space_bar =
            ui.input(|input| input.key_pressed(Key::Space)) && ui.memory(|memory| memory.focused().is_none());
        if icon_button(ui, icon, name, "Play or pause the clips together (Space)").clicked() || space_bar {
            compare.play_or_pause(ui, scene);
        }
        let slider = ui.add(Slider::new(&mut compare.t, 0.0..=1.0).show_value(false));
        if slider.accessible_name("Place in the clips").changed() {
            compare.playing_since = None;
        }
    }
    let mut close = false;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        close = ui.button("Done").on_hover_text("Back to the storyboard (Esc)").clicked();
    });
    close
}

/// Each take with how it differs from the first one.
fn words_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene, takes: &[&Take]) {
    let Some(first) = takes.first() else { return };
    for (take, letter) in takes.iter().zip(LETTERS) {
        let number = scene.take_number(take.id).unwrap_or_default();
        ui.push_id(take.id, |ui| {
            ui.horizontal(|ui| {
                let (at, _) = ui.allocate_exact_size(vec2(20.0, 19.0), Sense::hover());
                letter_mark(ui, cx, at, letter);
                ui.label(RichText::new(format!("Take {number}")).family(semibold()));
                ui.label(dim(ui, super::takes::studio_title(cx, &take.recipe.studio)));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let (icon, name) = if take.starred {
                        ("★", format!("Unstar take {number}"))
                    } else {
                        (icons::STAR, format!("Star take {number}"))
                    };
                    if quiet_icon_button(ui, icon, &name, &name).clicked() {
                        cx.send(Command::Take(scene.id, take.id, TakeAct::Star));
                    }
                    use_ui(ui, cx, scene, take, letter);
                });
            });
            if take.id == first.id {
                about_ui(ui, take);
            } else {
                differences_ui(ui, cx, first, take);
            }
            ui.add_space(space::S);
            ui.separator();
        });
    }
    ui.label(dim(ui, "Turn the wheel to zoom, drag to move: all pictures follow."));
}

fn use_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene, take: &Take, letter: char) {
    if scene.chosen == Some(take.id) {
        ui.label(RichText::new(format!("{} In the film", icons::CHECK)).size(12.0).color(cx.theme.good));
        return;
    }
    let button = Button::new(RichText::new("Use").size(12.0));
    let button = ui.add_enabled(!scene.locked, button).on_hover_text("The film uses it from now on");
    let button = button.on_disabled_hover_text("The scene is locked").accessible_name(format!("Use {letter}"));
    if button.clicked() {
        cx.send(Command::ChooseTake(scene.id, Some(take.id)));
    }
}

fn about_ui(ui: &mut Ui, take: &Take) {
    let mut text = format!("seed {}", take.recipe.seed);
    if let Some(still) = &take.recipe.still {
        text += &format!(" · {still}");
    }
    if let Some(clip) = &take.recipe.clip {
        text += &format!(" · clip: camera {}, {}", clip.camera, clip.settings);
    }
    ui.add(Label::new(dim(ui, text)).wrap());
    ui.add(Label::new(dim(ui, &take.recipe.prompt)).wrap());
}

fn differences_ui(ui: &mut Ui, cx: &Cx<'_>, from: &Take, to: &Take) {
    section_heading(ui, "Different from A");
    let found = differences(&from.recipe, &to.recipe);
    if found.is_empty() {
        ui.label(dim(ui, "Nothing: they were made of the same"));
    }
    for difference in found {
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = 18.0;
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new("•").color(cx.theme.warn));
            let label = ui.add(Label::new(RichText::new(difference.to_string()).size(12.5)).wrap());
            if let Difference::Text { from, to, .. } = &difference {
                label.on_hover_text(format!("A: {from}\n\nHere: {to}"));
            }
        });
    }
}

/// All takes of the scene; a click adds one to the comparison or takes it out.
fn strip_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene, compare: &Compare) {
    ScrollArea::horizontal().id_salt("compared takes").auto_shrink(false).show(ui, |ui| {
        ui.horizontal(|ui| {
            for take in scene.takes.iter().rev() {
                let number = scene.take_number(take.id).unwrap_or_default();
                let texture = cx.stills.ask(&DrawTarget::Take(scene.id, take.id)).cloned();
                let place = compare.takes.iter().position(|id| *id == take.id);
                let marks = Marks {
                    chosen: scene.chosen == Some(take.id),
                    is_clip: take.kind == TakeKind::Clip,
                    starred: take.starred,
                    letter: place.and_then(|place| LETTERS.get(place)).copied(),
                    ..Marks::default()
                };
                let response =
                    ui.push_id(take.id, |ui| tile_ui(ui, cx, texture.as_ref(), &format!("Take {number}"), &marks));
                let (verb, hint) = match place {
                    Some(_) => ("Leave out", "Take it out of the comparison"),
                    None => ("Add", "Add it to the comparison"),
                };
                let response = response.inner.on_hover_text(hint).accessible_name(format!("{verb} take {number}"));
                if response.clicked() {
                    cx.send(Command::Take(scene.id, take.id, TakeAct::Compare));
                }
            }
        });
    });
}

/// The arrangement in columns that shows `count` pictures of this shape as large as possible.
fn cells(area: Rect, count: usize, aspect: f32) -> Vec<Rect> {
    let cell = |columns: usize| {
        let rows = count.div_ceil(columns);
        let gaps = vec2((columns - 1) as f32, (rows - 1) as f32) * GAP;
        (area.size() - gaps) / vec2(columns as f32, rows as f32)
    };
    let width = |columns: &usize| fit_aspect(Rect::from_min_size(Pos2::ZERO, cell(*columns)), aspect).width();
    // Beside one another they are compared more easily: that is worth a little of their size.
    let worth = |columns: &usize| width(columns) * (1.0 + 0.15 * (*columns as f32 - 1.0));
    let columns = (1..=count).max_by(|a, b| worth(a).total_cmp(&worth(b))).unwrap_or(1);
    let size = cell(columns);
    (0..count)
        .map(|i| {
            let at = vec2((i % columns) as f32, (i / columns) as f32) * (size + Vec2::splat(GAP));
            Rect::from_min_size(area.min + at, size)
        })
        .collect()
}

fn side_by_side_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene, takes: &[&Take], compare: &mut Compare, area: Rect) {
    let aspect = takes.first().map_or(16.0 / 9.0, |take| aspect_of(take));
    for ((take, letter), cell) in takes.iter().zip(LETTERS).zip(cells(area, takes.len(), aspect)) {
        let rect = fit_aspect(cell, aspect_of(take));
        let response = ui.interact(rect, ui.scope_id().with(("compared", take.id)), Sense::click_and_drag());
        let response = response.accessible_name(format!("Picture {letter}"));
        move_ui(ui, compare, &response, rect);
        part_of_take(ui, cx, scene, take, compare, rect, rect);
        caption(ui, cx, scene, take, letter, rect.left_bottom() + vec2(8.0, -8.0), rect.width());
    }
}

fn wipe_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene, takes: [&Take; 2], compare: &mut Compare, area: Rect) {
    let rect = fit_aspect(area, aspect_of(takes[0]));
    let picture =
        ui.interact(rect, ui.scope_id().with("wipe"), Sense::click_and_drag()).accessible_name("Picture A and B");
    let x = rect.left() + rect.width() * compare.split;
    let line = Rect::from_x_y_ranges(x - CATCH..=x + CATCH, rect.y_range());
    let handle = ui.interact(line, ui.scope_id().with("split"), Sense::click_and_drag()).accessible_name("Split");
    let handle = handle.on_hover_cursor(CursorIcon::ResizeHorizontal);
    // With the whole picture in view there is nothing to move but the line.
    let moves_line = handle.dragged() || (picture.dragged() && compare.zoom == 1.0) || picture.clicked();
    if moves_line && let Some(at) = ui.ctx().pointer_interact_pos() {
        compare.split = (at.x - rect.left()) / rect.width();
    } else {
        move_ui(ui, compare, &picture, rect);
    }
    if handle.has_focus() {
        let arrow = |key: Key| ui.input(|input| input.num_presses(key)) as f32;
        compare.split += (arrow(Key::ArrowRight) - arrow(Key::ArrowLeft)) * 0.02;
        let filter = egui::EventFilter { horizontal_arrows: true, ..egui::EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(handle.id, filter));
        cx.state.takes_focused = true;
    }
    compare.split = compare.split.clamp(0.0, 1.0);
    let x = rect.left() + rect.width() * compare.split;
    let right = Rect::from_min_max(pos2(x, rect.top()), rect.max);
    part_of_take(ui, cx, scene, takes[0], compare, rect, rect);
    part_of_take(ui, cx, scene, takes[1], compare, rect, right);
    let stroke = Stroke::new(2.0, cx.theme.on_scrim);
    ui.painter().vline(x, rect.y_range(), stroke);
    let knob = pos2(x, rect.center().y);
    ui.painter().circle_filled(knob, 13.0, cx.theme.scrim);
    ui.painter().circle_stroke(knob, 13.0, stroke);
    ui.painter().text(knob, Align2::CENTER_CENTER, icons::WIPE, FontId::proportional(14.0), cx.theme.on_scrim);
    let half = rect.width() / 2.0;
    caption(ui, cx, scene, takes[0], LETTERS[0], rect.left_bottom() + vec2(8.0, -8.0), half);
    let width = caption_width(ui, scene, takes[1]);
    let at = rect.right_bottom() + vec2(-width - 8.0, -8.0);
    caption(ui, cx, scene, takes[1], LETTERS[1], at, half);
}

fn aspect_of(take: &Take) -> f32 {
    take.recipe.size[0] as f32 / take.recipe.size[1].max(1) as f32
}

/// Zooms with the wheel and moves with a drag, the same in all pictures.
fn move_ui(ui: &Ui, compare: &mut Compare, response: &Response, rect: Rect) {
    if response.dragged() {
        compare.center -= response.drag_delta() / rect.size() / compare.zoom;
        compare.stay_inside();
    }
    if response.double_clicked() {
        if compare.zoom > 1.0 { compare.fit() } else { compare.zoom_at(2.0, Vec2::splat(0.5)) }
    }
    let Some(at) = response.hover_pos() else { return };
    let (wheel, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
    let factor = (wheel / 240.0).exp() * pinch;
    if factor != 1.0 {
        compare.zoom_at(factor, (at - rect.min) / rect.size());
    }
    if compare.zoom > 1.0 {
        ui.ctx().set_cursor_icon(if response.dragged() { CursorIcon::Grabbing } else { CursorIcon::Grab });
    }
}

/// The part in view of a take, where `clip` lets it be seen.
fn part_of_take(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene, take: &Take, compare: &Compare, rect: Rect, clip: Rect) {
    let mut clipped = ui.new_child(UiBuilder::new().max_rect(rect));
    clipped.set_clip_rect(clip.intersect(ui.clip_rect()));
    clipped.painter().rect_filled(rect, CornerRadius::same(radius::MEDIUM), cx.theme.field);
    take_picture(&clipped, cx, scene.id, take.id, compare.t, rect, Some(compare.uv()));
}

fn caption_text(scene: &Scene, take: &Take) -> String {
    let star = if take.starred { " ★" } else { "" };
    let number = scene.take_number(take.id).unwrap_or_default();
    format!("      Take {number}{star} · seed {}", take.recipe.seed)
}

fn caption_width(ui: &Ui, scene: &Scene, take: &Take) -> f32 {
    let font = FontId::proportional(11.0);
    let text = caption_text(scene, take);
    ui.painter().layout_no_wrap(text, font, egui::Color32::PLACEHOLDER).size().x + 14.0
}

fn caption(ui: &Ui, cx: &Cx<'_>, scene: &Scene, take: &Take, letter: char, at: Pos2, width: f32) {
    let theme = &cx.theme;
    let text = caption_text(scene, take);
    let rect = badge(ui.painter(), at, &text, theme.on_scrim, theme.scrim, width - 16.0);
    let mark = Rect::from_center_size(pos2(rect.left() + 13.0, rect.center().y), vec2(16.0, 15.0));
    letter_mark(ui, cx, mark, letter);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_as_large_as_the_room_allows() {
        let wide = Rect::from_min_size(Pos2::ZERO, vec2(1000.0, 300.0));
        let columns = |area, count| cells(area, count, 16.0 / 9.0).iter().filter(|cell| cell.top() == 0.0).count();
        assert_eq!(columns(wide, 2), 2);
        let high = Rect::from_min_size(Pos2::ZERO, vec2(600.0, 800.0));
        assert_eq!(columns(high, 2), 1);
        let even = Rect::from_min_size(Pos2::ZERO, vec2(1000.0, 600.0));
        assert_eq!((columns(even, 3), columns(even, 4)), (2, 2));
    }

    #[test]
    fn zoom_keeps_what_is_under_the_pointer_and_stays_inside() {
        let takes = vec![TakeId(1), TakeId(2)];
        let mut compare = Compare::of(SceneId(1), takes);
        let at = vec2(0.25, 0.75);
        let under = |compare: &Compare| compare.center + (at - Vec2::splat(0.5)) / compare.zoom;
        let before = under(&compare);
        compare.zoom_at(2.0, at);
        assert!((under(&compare) - before).length() < 1e-5);
        compare.zoom_at(1000.0, vec2(0.0, 0.0));
        assert_eq!(compare.zoom, 16.0);
        compare.center = vec2(9.0, -9.0);
        compare.stay_inside();
        assert!(Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)).expand(1e-6).contains_rect(compare.uv()));
        compare.fit();
        assert_eq!((compare.zoom, compare.center), (1.0, Vec2::splat(0.5)));
    }

    #[test]
    fn a_comparison_has_two_to_four_takes() {
        let mut compare = Compare::of(SceneId(1), vec![TakeId(1), TakeId(2)]);
        compare.wipe = true;
        assert!(compare.toggle(TakeId(1)).is_err());
        compare.toggle(TakeId(3)).unwrap();
        assert!(!compare.wipe, "a wipe shows two");
        compare.toggle(TakeId(4)).unwrap();
        assert!(compare.toggle(TakeId(5)).is_err());
        compare.toggle(TakeId(1)).unwrap();
        assert_eq!(compare.takes, [TakeId(2), TakeId(3), TakeId(4)]);
    }
}
