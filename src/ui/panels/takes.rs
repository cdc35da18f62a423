//! The strip of a scene's takes below the picture: the live draft, then the takes from the newest to the oldest.

use super::Cx;
use super::cards::middle_uv;
use crate::engine::DrawTarget;
use crate::project::{
    DRAFT_STUDIO, NotCopied, Scene, SceneId, StaleReason, Take, TakeId, TakeKind, TakePart, stale_reasons,
};
use crate::ui::command::{Command, Named, TakeAct};
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::radius;
use crate::ui::widgets::{badge, picture};
use egui::{
    Align2, Button, Color32, CornerRadius, EventFilter, FontId, Rect, Response, RichText, ScrollArea, Sense, Stroke,
    StrokeKind, TextureHandle, Ui, UiBuilder, Vec2, pos2, vec2,
};

/// Height of the strip, in points.
pub(super) const STRIP: f32 = 60.0;
/// Size of a take in it.
pub(super) const TILE: Vec2 = vec2(92.0, 52.0);
/// Width of the buttons beside it.
const BUTTONS: f32 = 112.0;

/// How a tile is marked.
#[derive(Default)]
pub(super) struct Marks {
    /// The film uses it.
    pub chosen: bool,
    /// The viewer shows it.
    pub shown: bool,
    /// It differs from what the scene asks for.
    pub stale: bool,
    pub is_clip: bool,
    pub starred: bool,
    /// Its letter in a comparison.
    pub letter: Option<char>,
}

pub(super) fn strip_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene) {
    let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), STRIP), Sense::hover());
    let tiles = Rect::from_min_max(area.min, pos2(area.right() - BUTTONS - 8.0, area.bottom()));
    let buttons = Rect::from_min_size(pos2(area.right() - BUTTONS, area.top()), vec2(BUTTONS, TILE.y));
    let mut left = ui.new_child(UiBuilder::new().max_rect(tiles));
    ScrollArea::horizontal().id_salt(("takes", scene.id)).auto_shrink(false).show(&mut left, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            draft_ui(ui, cx, scene);
            for take in scene.takes.iter().rev() {
                ui.push_id(take.id, |ui| take_ui(ui, cx, doc, scene, take));
            }
        });
    });
    let mut right = ui.new_child(UiBuilder::new().max_rect(buttons));
    ui.push_id(scene.id, |_| buttons_ui(&mut right, cx, scene));
}

/// The live draft, which a click goes back to.
fn draft_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    let is_live = scene.chosen.is_none();
    // While the film shows the draft, the scene's picture is the draft's.
    let target = if is_live { DrawTarget::Scene(scene.id) } else { DrawTarget::Draft(scene.id) };
    let texture = cx.stills.ask(&target).cloned();
    let marks = Marks { chosen: is_live, ..Marks::default() };
    let hint = if is_live { "The live draft: it follows every edit" } else { "Go back to the live draft" };
    let response = tile_ui(ui, cx, texture.as_ref(), "Draft", &marks).on_hover_text(hint).accessible_name("Draft");
    keep_arrows(ui, cx, &response);
    if response.clicked() {
        response.request_focus();
        if !is_live {
            cx.send(Command::ChooseTake(scene.id, None));
        }
    }
}

fn take_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene, take: &Take) {
    let number = scene.take_number(take.id).unwrap_or_default();
    let texture = cx.stills.ask(&DrawTarget::Take(scene.id, take.id)).cloned();
    let looked_at = cx.state.looked_at(scene);
    let chosen = scene.chosen == Some(take.id);
    let marks = Marks {
        chosen,
        shown: looked_at == Some(take.id),
        stale: !scene.locked && is_stale(cx, doc, scene, take),
        is_clip: take.kind == TakeKind::Clip,
        starred: take.starred,
        letter: None,
    };
    let name = super::cards::take_name(take, number);
    let response = tile_ui(ui, cx, texture.as_ref(), &name, &marks).accessible_name(&name);
    keep_arrows(ui, cx, &response);
    if cx.state.takes_moved && looked_at.or(scene.chosen) == Some(take.id) {
        cx.state.takes_moved = false;
        response.request_focus();
        response.scroll_to_me(None);
    }
    if response.clicked() {
        response.request_focus();
        if ui.input(|input| input.modifiers.command) {
            cx.send(Command::Take(scene.id, take.id, TakeAct::Compare));
        } else if scene.locked {
            cx.send(Command::Take(scene.id, take.id, TakeAct::LookAt));
        } else {
            cx.send(Command::ChooseTake(scene.id, Some(take.id)));
        }
    }
    star_ui(ui, cx, scene, take, &response, number);
    response.context_menu(|ui| menu_ui(ui, cx, doc, scene, take));
    response.on_hover_ui(|ui| {
        ui.label(hint(cx, doc, scene, take));
    });
}

/// Keeps the arrow keys for going through the takes while a tile has the keyboard.
fn keep_arrows(ui: &Ui, cx: &mut Cx<'_>, response: &Response) {
    if response.has_focus() {
        cx.state.takes_focused = true;
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
}

/// A picture with its name and marks.
pub(super) fn tile_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    texture: Option<&TextureHandle>,
    name: &str,
    marks: &Marks,
) -> Response {
    let theme = cx.theme;
    let (rect, response) = ui.allocate_exact_size(TILE, Sense::click());
    let corners = CornerRadius::same(radius::MEDIUM);
    let painter = ui.painter();
    painter.rect_filled(rect, corners, theme.field);
    if let Some(texture) = texture {
        picture(painter, texture.id(), rect, middle_uv(texture.size_vec2(), rect), corners);
    }
    let (width, line) = match marks {
        Marks { shown: true, .. } => (2.0, theme.accent),
        Marks { letter: Some(_), .. } => (2.0, theme.accent),
        Marks { chosen: true, .. } => (2.0, theme.good),
        _ if response.hovered() || response.has_focus() => (1.0, theme.accent_hover),
        _ => (1.0, theme.line),
    };
    painter.rect_stroke(rect, corners, Stroke::new(width, line), StrokeKind::Inside);
    let check = if marks.chosen { format!("{} ", icons::CHECK) } else { String::new() };
    let clip = if marks.is_clip { format!(" {}", icons::FILM) } else { String::new() };
    let (color, fill) = match marks {
        Marks { stale: true, .. } => (theme.warn, theme.warn_faint),
        Marks { chosen: true, .. } => (theme.good, theme.good_faint),
        _ => (theme.on_scrim, theme.scrim),
    };
    badge(painter, rect.left_bottom() + vec2(4.0, -4.0), &format!("{check}{name}{clip}"), color, fill, 84.0);
    if let Some(letter) = marks.letter {
        let at = Rect::from_min_size(rect.min + vec2(5.0, 5.0), vec2(18.0, 17.0));
        letter_mark(ui, cx, at, letter);
    }
    if marks.starred {
        star(ui, rect, theme.star, theme.scrim);
    }
    response
}

/// The letter of a take in a comparison.
pub(super) fn letter_mark(ui: &Ui, cx: &Cx<'_>, at: Rect, letter: char) {
    ui.painter().rect_filled(at, CornerRadius::same(4), cx.theme.accent);
    let font = FontId::new(11.0, crate::ui::theme::semibold());
    ui.painter().text(at.center(), Align2::CENTER_CENTER, letter, font, cx.theme.on_accent);
}

fn star_rect(tile: Rect) -> Rect {
    Rect::from_center_size(tile.right_top() + vec2(-13.0, 13.0), Vec2::splat(18.0))
}

fn star(ui: &Ui, tile: Rect, color: Color32, fill: Color32) {
    let at = star_rect(tile);
    ui.painter().rect_filled(at, CornerRadius::same(9), fill);
    ui.painter().text(at.center(), Align2::CENTER_CENTER, "★", FontId::proportional(12.0), color);
}

/// A star in the corner, which is there when the take has one or the pointer is over it.
fn star_ui(ui: &Ui, cx: &mut Cx<'_>, scene: &Scene, take: &Take, tile: &Response, number: usize) {
    let response = ui.interact(star_rect(tile.rect), tile.id.with("star"), Sense::click());
    let name = if take.starred { format!("Unstar take {number}") } else { format!("Star take {number}") };
    let response = response.accessible_name(name).on_hover_text(Named::StarTake.tooltip(ui.ctx()));
    if !take.starred && (tile.hovered() || response.hovered() || response.has_focus()) {
        star(ui, tile.rect, cx.theme.text_dim, cx.theme.scrim);
    }
    if response.clicked() {
        cx.send(Command::Take(scene.id, take.id, TakeAct::Star));
    }
}

fn menu_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene, take: &Take) {
    let star = if take.starred { "Remove the star" } else { "Star" };
    let is_chosen = scene.chosen == Some(take.id);
    let locked = "The scene is locked";
    let use_it = Button::new("Use in the film");
    let why = if is_chosen { "The film uses it" } else { locked };
    if ui.add_enabled(!is_chosen && !scene.locked, use_it).on_disabled_hover_text(why).clicked() {
        cx.send(Command::ChooseTake(scene.id, Some(take.id)));
        ui.close();
    }
    for (label, act) in [("Look at it", TakeAct::LookAt), (star, TakeAct::Star), ("Compare…", TakeAct::Compare)] {
        if ui.button(label).clicked() {
            cx.send(Command::Take(scene.id, take.id, act));
            ui.close();
        }
    }
    ui.separator();
    copies_ui(ui, cx, doc, scene, take);
    ui.separator();
    let delete = ui.add_enabled(!scene.locked, Button::new("Delete take")).on_disabled_hover_text(locked);
    if delete.clicked() {
        cx.send(Command::Take(scene.id, take.id, TakeAct::Delete));
        ui.close();
    }
}

/// Buttons that give the scene what the take was made with.
pub(super) fn copies_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene, take: &Take) {
    let parts =
        [("Copy seed", TakePart::Seed), ("Copy settings", TakePart::Settings), ("Copy prompt", TakePart::Prompt)];
    for (label, part) in parts {
        let refused = match doc.project().copy_edit(scene.id, take.id, part) {
            _ if scene.locked => Some("The scene is locked"),
            Ok(_) => None,
            Err(NotCopied::Same) => Some("The scene has the same"),
            Err(NotCopied::NoSettings) => Some("A draft has no render settings"),
            Err(NotCopied::NoTake) => continue,
        };
        let button = ui.add_enabled(refused.is_none(), Button::new(label));
        let button = button.on_hover_text("To the scene").on_disabled_hover_text(refused.unwrap_or_default());
        if button.clicked() {
            cx.send(Command::Take(scene.id, take.id, TakeAct::Copy(part)));
            ui.close();
        }
    }
}

/// Beside the takes: what makes and compares them.
fn buttons_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
    ui.spacing_mut().button_padding = vec2(4.0, 2.0);
    ui.spacing_mut().interact_size.y = 24.0;
    let wide = vec2(BUTTONS - 38.0 - 4.0, 24.0);
    let narrow = vec2(38.0, 24.0);
    let free = !scene.locked;
    let locked = "The scene is locked";
    let text = |text: String| Button::new(RichText::new(text).size(12.0));
    let button = |ui: &mut Ui, enabled: bool, size: Vec2, label: String, name: &str, hint: String, why: &str| {
        let response = ui.add_enabled(enabled, text(label).min_size(size));
        response.on_hover_text(hint).on_disabled_hover_text(why).accessible_name(name).clicked()
    };
    ui.horizontal(|ui| {
        let hint = Named::RenderScene.tooltip(ui.ctx());
        if button(ui, free, wide, format!("{} Take", icons::ADD), "New take", hint, locked) {
            cx.send(Command::RenderTake(scene.id));
        }
        let hint = Named::CompareTakes.tooltip(ui.ctx());
        let why = "A comparison needs two takes";
        let enough = scene.takes.len() > 1;
        if button(ui, enough, narrow, icons::COMPARE.to_owned(), "Compare takes", hint, why) {
            let at_hand = cx.state.looked_at(scene).or(scene.chosen);
            if let Some(take) = at_hand.or_else(|| scene.takes.last().map(|take| take.id)) {
                cx.send(Command::Take(scene.id, take, TakeAct::Compare));
            }
        }
    });
    ui.horizontal(|ui| {
        let hint = Named::Vary.tooltip(ui.ctx());
        if button(ui, free, wide, format!("{} Vary", icons::DICE), "Vary", hint, locked) {
            cx.send(Command::Vary(vec![scene.id], 1));
        }
        let hint = Named::VaryFour.tooltip(ui.ctx());
        if button(ui, free, narrow, "×4".to_owned(), "Vary ×4", hint, locked) {
            cx.send(Command::Vary(vec![scene.id], 4));
        }
    });
}

/// Whether a take differs from what its scene asks for in more than chance: a variation is not stale.
pub(super) fn is_stale(cx: &Cx<'_>, doc: &Document, scene: &Scene, take: &Take) -> bool {
    let wanted = cx.rendering.wanted_recipe(doc.project(), scene, take);
    stale_reasons(&take.recipe, &wanted).iter().any(|reason| *reason != StaleReason::Seed)
}

/// What the tooltip of a take says: how it was made, and what changed since.
fn hint(cx: &Cx<'_>, doc: &Document, scene: &Scene, take: &Take) -> String {
    let kind = if take.kind == TakeKind::Clip { "Clip" } else { "Still" };
    let title = studio_title(cx, &take.recipe.studio);
    let [width, height] = take.recipe.size;
    let mut hint = format!("{kind} · {title} · {width}×{height} · seed {}", take.recipe.seed);
    if let Some(still) = &take.recipe.still {
        hint += &format!("\n{still}");
    }
    if let Some(clip) = &take.recipe.clip {
        hint += &format!("\nClip: camera {}, {}", clip.camera, clip.settings);
    }
    if let Some(problem) = cx.stills.problem(&DrawTarget::Take(scene.id, take.id)) {
        hint += &format!("\n{problem}");
    }
    if cx.is_random(&take.recipe.studio) {
        hint += "\nIts weights are random: the picture is noise";
    }
    let wanted = cx.rendering.wanted_recipe(doc.project(), scene, take);
    let reasons = stale_reasons(&take.recipe, &wanted);
    if !reasons.is_empty() {
        let reasons = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        hint += &format!("\nSince then: {reasons}");
    }
    hint
}

/// The part `uv` of a take (the middle without it) in `rect`: a still, or the frame of a clip at its place `t`.
pub(super) fn take_picture(
    ui: &Ui,
    cx: &mut Cx<'_>,
    scene: SceneId,
    take: TakeId,
    t: f32,
    rect: Rect,
    uv: Option<Rect>,
) {
    let corners = CornerRadius::same(radius::MEDIUM);
    let found = cx.doc.and_then(|doc| doc.project().scene(scene)?.take(take));
    let middle = |size: Vec2| uv.unwrap_or_else(|| middle_uv(size, rect));
    if let Some(clip) = found.filter(|take| take.kind == TakeKind::Clip) {
        cx.clips.look_at_take(clip);
        if let Some(texture) = cx.clips.texture(ui.ctx(), clip, t) {
            return picture(ui.painter(), texture, rect, middle(rect.size()), corners);
        }
    }
    if let Some(texture) = cx.stills.look(scene, take) {
        picture(ui.painter(), texture.id(), rect, middle(texture.size_vec2()), corners);
    } else if let Some(problem) = cx.stills.problem(&DrawTarget::Take(scene, take)) {
        let font = FontId::proportional(12.0);
        let galley = ui.painter().layout(problem.to_owned(), font, cx.theme.bad, rect.width() - 32.0);
        let at = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect);
        ui.painter().galley(at.min, galley, cx.theme.bad);
    }
}

/// What people call a studio.
pub(super) fn studio_title(cx: &Cx<'_>, name: &str) -> String {
    match cx.registry.studio(name) {
        Ok(studio) => studio.title.clone(),
        Err(_) if name == DRAFT_STUDIO => "Draft".to_owned(),
        Err(_) => name.to_owned(),
    }
}

/// The take that the inspector is about: the one that is looked at, else the one that the film uses.
pub(super) fn take_in_view<'a>(cx: &Cx<'_>, scene: &'a Scene) -> Option<&'a Take> {
    let id: TakeId = cx.state.looked_at(scene).or(scene.chosen)?;
    scene.take(id)
}
