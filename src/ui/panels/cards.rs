//! The storyboard: one card for each scene, wrapped to the width.

use super::Cx;
use super::scene_menu::scene_menu_ui;
use super::status::{progress_text, steps_text};
use crate::engine::{DrawTarget, RenderState};
use crate::project::{
    DRAFT_STUDIO, Direction, EntityKind, Scene, SceneId, ScriptScene, Take, TakeKind, View, stale_reasons,
};
use crate::ui::clips::clip_of;
use crate::ui::command::{Command, Named, Part};
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::{Theme, radius, semibold, space};
use crate::ui::widgets::{Chip, badge, chip_ui, chip_width, dim, fit_aspect, picture, primary_button, view_uv};
use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align, Align2, Button, Color32, CornerRadius, FontId, Key, Label, Layout, Popup, Pos2, Rect, RichText, ScrollArea,
    Sense, Stroke, StrokeKind, TextureHandle, Ui, UiBuilder, Vec2, pos2, vec2,
};

/// Cards are at least this wide, in points.
const MIN_WIDTH: f32 = 214.0;
const GAP: f32 = 14.0;
/// Between the names on a card.
const CHIP_GAP: f32 = 5.0;
/// Height of a card below its picture.
const BODY: f32 = 116.0;

pub fn cards_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    let scenes = &doc.project().scenes;
    let written = cx.writing.map_or(&[][..], |writing| writing.scenes.get(writing.intake.len()..).unwrap_or_default());
    let first_of_writing = cx.writing.is_some_and(|writing| writing.intake.is_empty());
    if scenes.is_empty() && cx.writing.is_none() {
        return empty_ui(ui, cx);
    }
    ScrollArea::vertical().id_salt("cards").auto_shrink(false).show(ui, |ui| {
        let width = ui.available_width() - 2.0 * GAP;
        let columns = (((width + GAP) / (MIN_WIDTH + GAP)).floor() as usize).max(1);
        let card_width = ((width + GAP) / columns as f32 - GAP).floor();
        let format = doc.project().format;
        let aspect = format.width as f32 / format.height as f32;
        let size = vec2(card_width, (card_width / aspect).round() + BODY);
        let shown = if first_of_writing { 0 } else { scenes.len() };
        // The cards of the script that is being written, then the one that adds a scene.
        let ghosts = cx.writing.map_or(0, |_| written.len().max(1));
        let count = shown + ghosts + usize::from(cx.writing.is_none());
        let rows = count.div_ceil(columns);
        let height = rows as f32 * (size.y + GAP) + GAP;
        let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        for i in 0..count {
            let scene = scenes.get(i).filter(|_| i < shown);
            let at = vec2((i % columns) as f32 * (size.x + GAP) + GAP, (i / columns) as f32 * (size.y + GAP) + GAP);
            let rect = Rect::from_min_size(area.min + at, size);
            if !ui.is_rect_visible(rect.expand(GAP)) {
                continue;
            }
            if let Some(scene) = scene {
                card_ui(ui, cx, doc, scene, i, rect, aspect);
            } else if i < shown + ghosts {
                ghost_ui(ui, cx.theme, written.get(i - shown), i, rect, aspect);
            } else {
                add_ui(ui, cx, rect);
            }
        }
    });
}

fn empty_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.3);
        ui.label(RichText::new("No scenes yet").size(18.0).family(semibold()));
        let hint = "Let the writer turn the premise into scenes, or build them yourself.";
        ui.label(RichText::new(hint).color(cx.theme.text_dim));
        ui.add_space(space::S);
        if primary_button(ui, "Write the script").clicked() {
            cx.send(Command::Write);
        }
        if ui.button("Open a script…").clicked() {
            cx.run(Named::OpenScript);
        }
        if ui.button("Add an empty scene").clicked() {
            cx.run(Named::AddScene);
        }
    });
}

fn card_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene, index: usize, rect: Rect, aspect: f32) {
    let theme = cx.theme;
    ui.push_id(scene.id, |ui| {
        let id = ui.scope_id().with("card");
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let response = response.accessible_name(format!("Scene {}: {}", index + 1, scene.prompt));
        let selected = cx.is_selected(scene.id);
        if response.clicked() {
            cx.select(scene.id, ui.input(|input| input.modifiers));
            response.request_focus();
        }
        if response.double_clicked() {
            cx.state.focus_prompt = true;
        }
        if response.has_focus() && selected && ui.input(|input| input.key_pressed(Key::Enter)) {
            cx.state.focus_prompt = true;
        }
        response.dnd_set_drag_payload(scene.id);
        response.context_menu(|ui| scene_menu_ui(ui, cx, doc, scene.id));
        if let Some(problem) = cx.stills.problem(&DrawTarget::Scene(scene.id)) {
            response.clone().on_hover_text(problem);
        }

        frame(ui, &theme, rect, if selected { theme.accent } else { theme.line }, selected);
        let picture_rect = Rect::from_min_size(rect.min, vec2(rect.width(), (rect.width() / aspect).round()));
        let t = hover_time(ui, &response, scene);
        scene_picture(ui, cx, scene, picture_rect, t);
        number(ui, &theme, index, picture_rect);
        let (text, color, fill) = state_badge(cx, doc, scene);
        let at = picture_rect.left_bottom() + vec2(8.0, -8.0);
        let badge = badge(ui.painter(), at, &text, color, fill, rect.width() - 16.0);
        let hover = ui.interact(badge, id.with("badge"), Sense::hover());
        let hover = hover.accessible_name(format!("Scene {} · {text}", index + 1));
        hover.on_hover_ui(|ui| {
            ui.label(state_hint(cx, doc, scene));
        });
        let left = marks(ui, &theme, scene, picture_rect);
        remarks_mark(ui, cx, scene, index, pos2(left, picture_rect.top() + 8.0));

        let body = Rect::from_min_max(picture_rect.left_bottom(), rect.max).shrink2(vec2(11.0, 9.0));
        let mut body_ui = ui.new_child(UiBuilder::new().max_rect(body).layout(Layout::top_down(Align::Min)));
        body_ui.spacing_mut().item_spacing = vec2(5.0, 8.0);
        body_ui.set_clip_rect(body.expand(2.0).intersect(ui.clip_rect()));
        let prompt = if scene.prompt.is_empty() { "Say what happens in this scene" } else { &scene.prompt };
        let color = if scene.prompt.is_empty() { theme.text_dim } else { theme.text };
        two_lines(&mut body_ui, prompt, color);
        chips_row(&mut body_ui, cx, scene);
        footer_row(&mut body_ui, cx, scene);
        reorder(ui, cx, doc, scene.id, index, rect);
    });
}

/// The moment of its camera move that a card shows: the middle, or under the pointer the whole move, once.
fn hover_time(ui: &Ui, response: &egui::Response, scene: &Scene) -> f32 {
    const REST: f32 = 0.5;
    let since = response.id.with("hovered since");
    if !response.contains_pointer() || response.dragged() {
        ui.data_mut(|data| data.remove::<f64>(since));
        return REST;
    }
    let now = ui.input(|input| input.time);
    let start = ui.data_mut(|data| *data.get_temp_mut_or_insert_with(since, || now));
    let t = ((now - start) / scene.duration_secs().min(3.0)) as f32;
    if t >= 1.0 || scene.camera.direction == Direction::Static && clip_of(scene).is_none() {
        return REST;
    }
    ui.ctx().request_repaint_after(std::time::Duration::from_millis(33));
    t
}

fn frame(ui: &Ui, theme: &Theme, rect: Rect, line: Color32, selected: bool) {
    let corners = CornerRadius::same(radius::CARD);
    ui.painter().rect_filled(rect, corners, theme.card);
    let stroke = Stroke::new(if selected { 2.0 } else { 1.0 }, line);
    // Outside, since the picture reaches to the edge of the card.
    ui.painter().rect_stroke(rect, corners, stroke, StrokeKind::Outside);
}

/// The part of a scene's picture that is seen at its place `t`. A clip has its own movement.
pub(super) fn uv_at(scene: &Scene, t: f32) -> Rect {
    view_uv(if clip_of(scene).is_some() { View::WHOLE } else { scene.camera.view_at(t) })
}

fn scene_picture(ui: &Ui, cx: &mut Cx<'_>, scene: &Scene, rect: Rect, t: f32) {
    let (id, uv) = (scene.id, uv_at(scene, t));
    let corners = CornerRadius { nw: radius::CARD, ne: radius::CARD, sw: 0, se: 0 };
    if let Some(preview) = preview_of(cx, id) {
        return picture(ui.painter(), preview.id(), rect, middle_uv(preview.size_vec2(), rect), corners);
    }
    // Under the pointer a clip plays; else the card shows the frame in its middle.
    if let Some(take) = clip_of(scene).filter(|_| ui.rect_contains_pointer(rect)) {
        cx.clips.look_at(id);
        if let Some(texture) = cx.clips.texture(ui.ctx(), take, t) {
            return picture(ui.painter(), texture, rect, uv, corners);
        }
    }
    match cx.stills.texture(&DrawTarget::Scene(id)) {
        Some(texture) => picture(ui.painter(), texture.id(), rect, uv, corners),
        None => {
            ui.painter().rect_filled(rect, corners, cx.theme.field);
        }
    }
}

fn number(ui: &Ui, theme: &Theme, index: usize, picture: Rect) {
    let text = (index + 1).to_string();
    let size = vec2(if text.len() > 1 { 28.0 } else { 22.0 }, 20.0);
    let rect = Rect::from_min_size(picture.min + vec2(8.0, 8.0), size);
    ui.painter().rect_filled(rect, CornerRadius::same(radius::SMALL), theme.scrim);
    let font = FontId::new(12.0, semibold());
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, font, theme.on_scrim);
}

/// A mark on a scene that there is something to remark on, right-aligned at `right_top`. It opens the list.
fn remarks_mark(ui: &Ui, cx: &mut Cx<'_>, scene: &Scene, index: usize, right_top: Pos2) {
    let Some(doc) = cx.doc else { return };
    let texts: Vec<String> = super::remarks::of_scene(cx, scene.id).map(|f| f.text(doc.project())).collect();
    if texts.is_empty() {
        return;
    }
    let rect = Rect::from_min_size(right_top - vec2(22.0, 0.0), vec2(22.0, 20.0));
    ui.painter().rect_filled(rect, CornerRadius::same(radius::SMALL), cx.theme.scrim);
    let font = FontId::proportional(12.0);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, icons::WARNING, font, cx.theme.warn);
    let count = super::remarks::count_text(texts.len());
    let mark = ui.interact(rect, ui.scope_id().with("remarks"), Sense::click());
    let mark = mark.accessible_name(format!("Scene {} · {count}", index + 1));
    if mark.on_hover_text(texts.join("\n")).clicked() {
        cx.run(Named::Remarks);
    }
}

/// In the corner of a picture: whether its take has a star, and whether its scene is locked. Returns where it is free.
fn marks(ui: &Ui, theme: &Theme, scene: &Scene, picture: Rect) -> f32 {
    let starred = scene.chosen_take().is_some_and(|take| take.starred);
    let marks = [(scene.locked, icons::LOCK, theme.on_scrim), (starred, "★", theme.star)];
    let mut right = picture.right() - 8.0;
    for (_, text, color) in marks.into_iter().filter(|(is_so, ..)| *is_so) {
        let rect = Rect::from_min_size(pos2(right - 22.0, picture.top() + 8.0), vec2(22.0, 20.0));
        ui.painter().rect_filled(rect, CornerRadius::same(radius::SMALL), theme.scrim);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, FontId::proportional(12.0), color);
        right = rect.left() - 4.0;
    }
    right
}

/// The newest look at the take of a scene that is being rendered.
pub(super) fn preview_of<'a>(cx: &'a Cx<'_>, id: SceneId) -> Option<&'a TextureHandle> {
    cx.rendering.job_of(id, cx.jobs).and_then(|job| cx.rendering.preview(job.id))
}

/// The largest part in the middle of a picture that has the shape of `rect`.
pub(super) fn middle_uv(size: Vec2, rect: Rect) -> Rect {
    let part = fit_aspect(Rect::from_min_size(Pos2::ZERO, size), rect.aspect_ratio());
    Rect::from_min_max((part.min.to_vec2() / size).to_pos2(), (part.max.to_vec2() / size).to_pos2())
}

/// What the badge on a scene's picture says: always the truth about what is shown.
pub(super) fn state_badge(cx: &Cx<'_>, doc: &Document, scene: &Scene) -> (String, Color32, Color32) {
    let theme = &cx.theme;
    let job = cx.rendering.job_of(scene.id, cx.jobs);
    if let Some(job) = job.filter(|job| job.running) {
        let (what, text) = match cx.rendering.preview(job.id) {
            // That there is a preview says which stage it is, and cards are narrow.
            Some(_) => ("Preview", steps_text(job)),
            None => ("Rendering", progress_text(job)),
        };
        let dot = if text.is_empty() { "" } else { " · " };
        return (format!("{what}{dot}{text}"), theme.text, theme.accent_faint);
    }
    let (mut text, color, fill) = take_badge(cx, doc, scene);
    if let Some(entry) = cx.rendering.entry_of(scene.id) {
        let is_paused = entry.state() == RenderState::Paused || cx.rendering.queue.is_paused();
        text += if is_paused { " · paused" } else { " · queued" };
    }
    (text, color, fill)
}

/// What the badge says of a scene that is not being rendered.
pub(super) fn take_badge(cx: &Cx<'_>, doc: &Document, scene: &Scene) -> (String, Color32, Color32) {
    let theme = &cx.theme;
    let Some(take) = scene.chosen_take() else {
        return ("Draft".to_owned(), theme.on_scrim, theme.scrim);
    };
    let number = scene.takes.iter().position(|t| t.id == take.id).map_or(0, |index| index + 1);
    let what = take_name(take, number);
    if cx.stills.problem(&DrawTarget::Scene(scene.id)).is_some() {
        return (format!("{what} cannot be shown"), theme.bad, theme.warn_faint);
    }
    let random = if cx.is_random(&take.recipe.studio) { "random weights" } else { "" };
    let wanted = cx.rendering.wanted_recipe(doc.project(), scene, take);
    // A locked take is what the user wants, whatever the scene would give now.
    let reasons = if scene.locked { Vec::new() } else { stale_reasons(&take.recipe, &wanted) };
    let more = match reasons.len() {
        0 | 1 => String::new(),
        n => format!(" +{}", n - 1),
    };
    match (reasons.first(), random) {
        (Some(reason), "") => (format!("Stale: {reason}{more}"), theme.warn, theme.warn_faint),
        (Some(reason), random) => (format!("Stale: {reason}{more} · {random}"), theme.warn, theme.warn_faint),
        (None, "") => (what, theme.good, theme.good_faint),
        // Up to date, but nothing to be glad of.
        (None, random) => (format!("{what} · {random}"), theme.text, theme.chip),
    }
}

/// What a take is called: its number, and what it is where it moves.
pub(super) fn take_name(take: &Take, number: usize) -> String {
    match take.kind {
        TakeKind::Still => format!("Take {number}"),
        TakeKind::Clip => format!("Take {number} · clip"),
    }
}

/// What the badge of a scene says at length.
pub(super) fn state_hint(cx: &Cx<'_>, doc: &Document, scene: &Scene) -> String {
    let Some(take) = scene.chosen_take() else {
        return "The live draft: it follows every edit".to_owned();
    };
    let wanted = cx.rendering.wanted_recipe(doc.project(), scene, take);
    let reasons = stale_reasons(&take.recipe, &wanted);
    let number = scene.take_number(take.id).unwrap_or_default();
    let title = super::takes::studio_title(cx, &take.recipe.studio);
    let mut text = format!("Take {number} of {} · {title}", scene.takes.len());
    if scene.locked {
        text += "\nLocked: it stays as it is";
    } else if reasons.is_empty() {
        text += "\nJust what the scene asks for";
    } else {
        text += "\nSince it was made:";
        for reason in reasons {
            text += &format!("\n• {reason}");
        }
        text += "\nNothing is rendered again unless you ask";
    }
    text
}

fn two_lines(ui: &mut Ui, text: &str, color: Color32) {
    let mut job = LayoutJob::simple(text.to_owned(), FontId::proportional(13.0), color, ui.available_width());
    job.wrap = TextWrapping { max_width: ui.available_width(), max_rows: 2, ..Default::default() };
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 34.0), Sense::hover());
    let cut = galley.elided;
    ui.painter().galley(rect.min, galley, color);
    if cut {
        response.on_hover_text(text);
    }
}

fn chips_row(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center)));
    row.spacing_mut().item_spacing.x = CHIP_GAP;
    row.set_clip_rect(rect.intersect(ui.clip_rect()));
    let place = (!scene.background.is_empty()).then_some(&scene.background);
    let place_width = place.map_or(0.0, |name| chip_width(ui, name).min(rect.width() * 0.45) + CHIP_GAP);
    let wanted: Vec<f32> = scene.foreground.iter().map(|name| chip_width(ui, name)).collect();
    let widths = chip_widths(&wanted, rect.width() - place_width);
    for (name, width) in scene.foreground.iter().zip(&widths) {
        chip(&mut row, cx, EntityKind::Foreground, name, *width);
    }
    let rest = &scene.foreground[widths.len()..];
    if !rest.is_empty() {
        row.label(dim(&row, format!("+{}", rest.len()))).on_hover_text(rest.join(", "));
    }
    if let Some(name) = place {
        chip(&mut row, cx, EntityKind::Background, name, place_width - CHIP_GAP);
    }
}

/// How wide chips are that would like to be so wide, where there is so much room: as many as can be read, the long ones cut
/// to the same width. What does not fit is counted beside them.
fn chip_widths(wanted: &[f32], room: f32) -> Vec<f32> {
    const LEAST: f32 = 56.0;
    const MOST: f32 = 130.0;
    const COUNT: f32 = 26.0;
    let room_for = |count: usize| room - if count < wanted.len() { COUNT } else { 0.0 };
    let fits = |count: &usize| {
        let least: f32 = wanted[..*count].iter().map(|width| width.min(LEAST) + CHIP_GAP).sum();
        least - CHIP_GAP <= room_for(*count)
    };
    let count = (1..=wanted.len()).rev().find(fits).unwrap_or(0);
    let mut left = room_for(count) + CHIP_GAP;
    // The narrow ones leave room for the others.
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut widths = vec![0.0; count];
    for (nth, index) in order.into_iter().enumerate() {
        let share = left / (count - nth) as f32 - CHIP_GAP;
        widths[index] = wanted[index].min(MOST).min(share);
        left -= widths[index] + CHIP_GAP;
    }
    widths
}

fn chip(row: &mut Ui, cx: &mut Cx<'_>, kind: EntityKind, name: &str, width: f32) {
    let (_, event) = row.push_id((kind, name), |ui| chip_ui(ui, kind, name, false, width)).inner;
    if event == Some(Chip::Clicked) {
        cx.send(Command::SelectEntity(kind, name.to_owned()));
    }
}

fn footer_row(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::right_to_left(Align::Center)));
    row.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 1.0;
        ui.spacing_mut().button_padding = vec2(9.0, 3.0);
        ui.spacing_mut().interact_size.y = 24.0;
        let has_animator = cx.rendering.has_animator();
        let hint = if cx.doc.is_some_and(|doc| doc.project().studio == DRAFT_STUDIO) {
            "Keep a full-size take of this scene"
        } else if has_animator {
            "Render the still and the clip of this scene with the project's studio"
        } else {
            "Render this scene with the project's studio"
        };
        if has_animator && !scene.locked {
            ui.spacing_mut().item_spacing.x = 2.0;
            parts_menu_ui(ui, cx, scene.id);
        }
        let button = ui.add_enabled(!scene.locked, Button::new(RichText::new("Render").size(12.0)));
        let button = button.on_hover_text(hint).on_disabled_hover_text("The scene is locked");
        if button.accessible_name("Render scene").clicked() {
            cx.send(Command::RenderTake(scene.id));
        }
    });
    row.spacing_mut().item_spacing.x = 8.0;
    row.with_layout(Layout::left_to_right(Align::Center), |ui| {
        let text = |text: String| RichText::new(text).size(11.5).color(cx.theme.text_dim);
        let duration = format!("{:.1} s", scene.duration_secs());
        let font = FontId::proportional(11.5);
        let reserved = ui.painter().layout_no_wrap(duration.clone(), font, cx.theme.text_dim).size().x + 8.0;
        let camera = format!("{} {}", icons::direction(scene.camera.direction), scene.camera);
        ui.scope(|ui| {
            ui.set_max_width((ui.available_width() - reserved).max(0.0));
            ui.add(Label::new(text(camera)).truncate());
        });
        ui.label(text(duration));
    });
}

/// Offers the parts of a render.
fn parts_menu_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: SceneId) {
    ui.spacing_mut().button_padding.x = 3.0;
    let button = Button::new(RichText::new(icons::ARROW_DOWN).size(11.0)).min_size(vec2(0.0, 24.0));
    let response = ui.add(button).on_hover_text("Render a part of it").accessible_name("Render…");
    ui.spacing_mut().button_padding.x = 9.0;
    Popup::menu(&response).show(|ui| {
        for (label, hint, part) in [
            ("Still and clip", "What is up to date is not made again", Part::All),
            ("Still only", "Without the clip, which takes longest", Part::Still),
            ("Clip", "Sets the chosen still in motion, as it is", Part::Clip),
        ] {
            if ui.button(label).on_hover_text(hint).clicked() {
                cx.send(Command::RenderPart(id, part));
                ui.close();
            }
        }
    });
}

/// Shows where a dragged card would go, and moves it there.
fn reorder(ui: &Ui, cx: &mut Cx<'_>, doc: &Document, id: SceneId, index: usize, rect: Rect) {
    let Some(dragged) = egui::DragAndDrop::payload::<SceneId>(ui.ctx()) else { return };
    let Some(pointer) = ui.ctx().pointer_interact_pos() else { return };
    let zone = rect.expand(GAP / 2.0);
    let moved = cx.meant_with(*dragged);
    if moved.contains(&id) || !zone.contains(pointer) {
        return;
    }
    let after = pointer.x > rect.center().x;
    let x = if after { rect.right() + GAP / 2.0 } else { rect.left() - GAP / 2.0 };
    let line = [pos2(x, rect.top()), pos2(x, rect.bottom())];
    ui.painter().line_segment(line, Stroke::new(3.0, cx.theme.accent));
    if ui.input(|input| input.pointer.any_released()) {
        if doc.project().scene(*dragged).is_some() {
            cx.send(Command::MoveScenes(moved, index + usize::from(after)));
        }
        egui::DragAndDrop::clear_payload(ui.ctx());
    }
}

/// A scene that is being written.
fn ghost_ui(ui: &mut Ui, theme: Theme, scene: Option<&ScriptScene>, index: usize, rect: Rect, aspect: f32) {
    frame(ui, &theme, rect, theme.line, false);
    let picture = Rect::from_min_size(rect.min, vec2(rect.width(), (rect.width() / aspect).round()));
    let corners = CornerRadius { nw: radius::CARD, ne: radius::CARD, sw: 0, se: 0 };
    ui.painter().rect_filled(picture, corners, theme.field);
    number(ui, &theme, index, picture);
    badge(
        ui.painter(),
        picture.left_bottom() + vec2(8.0, -8.0),
        "Writing…",
        theme.text,
        theme.accent_faint,
        rect.width(),
    );
    let body = Rect::from_min_max(picture.left_bottom(), rect.max).shrink2(vec2(11.0, 9.0));
    let mut ui = ui.new_child(UiBuilder::new().max_rect(body).layout(Layout::top_down(Align::Min)));
    ui.spacing_mut().item_spacing = vec2(5.0, 8.0);
    ui.set_clip_rect(body.intersect(ui.clip_rect()));
    let Some(scene) = scene else { return };
    two_lines(&mut ui, &scene.prompt, theme.text);
    let names = scene.foreground.iter().chain(Some(&scene.background).filter(|name| !name.is_empty()));
    let names = names.map(String::as_str).collect::<Vec<_>>().join(" · ");
    ui.label(dim(&ui, names));
}

fn add_ui(ui: &mut Ui, cx: &mut Cx<'_>, rect: Rect) {
    let response = ui.interact(rect, ui.scope_id().with("add scene"), Sense::click()).accessible_name("Add scene");
    let color = if response.hovered() { cx.theme.accent } else { cx.theme.text_dim };
    let line = if response.hovered() { cx.theme.accent } else { cx.theme.line };
    let corners = CornerRadius::same(radius::CARD);
    ui.painter().rect_stroke(rect, corners, Stroke::new(1.0, line), StrokeKind::Inside);
    let text = format!("{}  Add scene", icons::ADD);
    // Near the top, so that it is seen where only the beginning of the last row is.
    ui.painter().text(
        rect.center_top() + vec2(0.0, 40.0),
        Align2::CENTER_CENTER,
        text,
        FontId::proportional(13.0),
        color,
    );
    if response.on_hover_text(Named::AddScene.tooltip(ui.ctx())).clicked() {
        if let Some(last) = cx.doc.and_then(|doc| doc.project().scenes.last()) {
            cx.send(Command::SelectScene(last.id));
        }
        cx.run(Named::AddScene);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_share_the_room_of_a_card() {
        let widths = |wanted: &[f32], room| chip_widths(wanted, room);
        assert_eq!(widths(&[40.0, 60.0], 200.0), [40.0, 60.0], "whole where there is room");
        assert_eq!(widths(&[120.0, 90.0], 125.0), [60.0, 60.0], "cut alike");
        assert_eq!(widths(&[120.0, 30.0], 125.0), [90.0, 30.0], "a short one stays whole");
        assert_eq!(widths(&[120.0, 120.0], 116.0).len(), 1, "the other one is counted");
        assert_eq!(widths(&[300.0], 400.0), [130.0]);
        assert_eq!(widths(&[90.0], 10.0), [0.0_f32; 0]);
        assert_eq!(widths(&[], 100.0), [0.0_f32; 0]);
    }
}
