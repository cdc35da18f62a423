//! The picture of the film at the playhead, and the transport.

use super::Cx;
use super::cards::{middle_uv, preview_of, state_badge, take_badge, uv_at};
use super::takes::{self, STRIP};
use crate::engine::DrawTarget;
use crate::export::Visible;
use crate::project::{Scene, SceneId, TakeId};
use crate::ui::app::Selection;
use crate::ui::clips::clip_of;
use crate::ui::command::Named;
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::{radius, space};
use crate::ui::widgets::{fit_aspect, icon_button, picture};
use egui::{CornerRadius, FontId, Rect, RichText, Sense, Ui, pos2, vec2};

const TRANSPORT: f32 = 34.0;

pub fn viewer_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    let format = doc.project().format;
    let in_strip = strip_scene(cx, doc);
    let strip = if in_strip.is_some() { STRIP + space::S } else { 0.0 };
    let space = ui.available_size() - vec2(0.0, TRANSPORT + space::S + strip);
    let (area, _) = ui.allocate_exact_size(space.max(vec2(32.0, 18.0)), Sense::hover());
    let rect = fit_aspect(area, format.width as f32 / format.height as f32);
    let response = ui.interact(rect, ui.scope_id().with("viewer"), Sense::click()).accessible_name("Viewer");
    let corners = CornerRadius::same(radius::MEDIUM);
    ui.painter().rect_filled(rect, corners, cx.theme.field);
    if response.clicked() {
        cx.run(Named::PlayPause);
    }
    match doc.cut().visible_at(cx.player.frame()) {
        Some(visible) => {
            let pixels = rect.size() * ui.pixels_per_point();
            let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            // A preview is worth a look, but not in the middle of a film that plays.
            let scene = doc.project().scenes.get(visible.scene).filter(|_| !cx.player.is_playing());
            if let Some(preview) = scene.and_then(|scene| preview_of(cx, scene.id)) {
                picture(ui.painter(), preview.id(), rect, middle_uv(preview.size_vec2(), rect), corners);
            } else if let Some((scene, take)) = looked_at(cx, scene) {
                takes::take_picture(ui, cx, scene, take, visible.t, rect, None);
            } else if let Some(texture) = cx.viewer.render(doc, cx.stills, cx.clips, visible, pixels) {
                picture(ui.painter(), texture, rect, all, corners);
            } else if let Some(scene) = doc.project().scenes.get(visible.scene) {
                let frame = clip_of(scene).and_then(|take| cx.clips.texture(ui.ctx(), take, visible.t));
                // The thumbnail stands in while the full picture is drawn.
                let thumbnail = || cx.stills.texture(&DrawTarget::Scene(scene.id)).map(|texture| texture.id());
                if let Some(texture) = frame.or_else(thumbnail) {
                    picture(ui.painter(), texture, rect, uv_at(scene, visible.t), corners);
                }
            }
            describe(ui, cx, doc, response.id, visible);
            if let Some(scene) = doc.project().scenes.get(visible.scene) {
                let is_preview = !cx.player.is_playing() && preview_of(cx, scene.id).is_some();
                let badge = if is_preview { state_badge } else { take_badge };
                let (mut text, mut color, mut fill) = badge(cx, doc, scene);
                if !is_preview && let Some((_, take)) = looked_at(cx, Some(scene).filter(|_| !cx.player.is_playing())) {
                    let number = scene.take_number(take).unwrap_or_default();
                    (color, fill) = (cx.theme.text, cx.theme.accent_faint);
                    text = format!("Take {number}, not in the film");
                    let studio = scene.take(take).map(|take| take.recipe.studio.as_str());
                    if studio.is_some_and(|studio| cx.is_random(studio)) {
                        text += " · random weights";
                    }
                }
                let text = format!("Scene {} · {text}", visible.scene + 1);
                crate::ui::widgets::badge(
                    ui.painter(),
                    rect.left_bottom() + vec2(8.0, -8.0),
                    &text,
                    color,
                    fill,
                    rect.width() - 16.0,
                );
            }
        }
        None => {
            let text = match cx.writing {
                Some(writing) if !writing.story.is_empty() => writing.story.clone(),
                Some(_) => "Writing the script…".to_owned(),
                None => "The film plays here".to_owned(),
            };
            let font = FontId::proportional(13.0);
            let width = (rect.width() - 48.0).clamp(1.0, 460.0);
            let galley = ui.painter().layout(text, font, cx.theme.text_dim, width);
            ui.painter().galley(rect.center() - galley.size() / 2.0, galley, cx.theme.text_dim);
        }
    }
    transport_ui(ui, cx, doc);
    if let Some(scene) = in_strip {
        takes::strip_ui(ui, cx, doc, scene);
    }
}

/// The scene whose takes are below the picture: the selected one, else the one at the playhead.
fn strip_scene<'a>(cx: &Cx<'_>, doc: &'a Document) -> Option<&'a Scene> {
    let selected = match cx.selection {
        Selection::Scene(id) => doc.project().scene(*id),
        _ => None,
    };
    selected.or_else(|| doc.project().scenes.get(doc.cut().scene_at(cx.player.frame())?))
}

/// The take of the scene at the playhead that is looked at, though the film uses another.
fn looked_at(cx: &Cx<'_>, scene: Option<&Scene>) -> Option<(SceneId, TakeId)> {
    let scene = scene?;
    Some((scene.id, cx.state.looked_at(scene)?))
}

/// Says to a screen reader which frame of a clip is shown.
fn describe(ui: &Ui, cx: &Cx<'_>, doc: &Document, viewer: egui::Id, visible: Visible) {
    let scene = doc.project().scenes.get(visible.scene);
    let smooth = doc.project().format.smooth;
    let Some(frame) = scene.and_then(clip_of).and_then(|take| cx.clips.shown(take, visible.t, smooth)) else { return };
    let (number, all) = (frame.index + 1, frame.clip.frames().len());
    let way = if frame.on_the_way.is_some() { ", on its way to the next one (estimated)" } else { "" };
    let text = format!("frame {number} of {all} of the clip{way}");
    ui.ctx().accesskit_node_builder(viewer, |node| node.set_value(text));
}

fn transport_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    let play = if cx.player.is_playing() { icons::PAUSE } else { icons::PLAY };
    let buttons = [
        (icons::SKIP_BACK, Named::Start),
        (icons::STEP_BACK, Named::StepBack),
        (play, Named::PlayPause),
        (icons::STEP_FORWARD, Named::StepForward),
        (icons::SKIP_FORWARD, Named::End),
    ];
    let clock = |frame: u64| {
        let secs = doc.cut().secs_from_frame(frame);
        format!("{}:{:04.1}", (secs / 60.0) as u64, secs % 60.0)
    };
    let text = format!("{} / {}", clock(cx.player.frame()), clock(doc.cut().total_frames()));
    let font = FontId::proportional(12.5);
    let width = ui.painter().layout_no_wrap(text.clone(), font.clone(), cx.theme.text_dim).size().x;
    let row = buttons.len() as f32 * 39.0 + 8.0 + width;
    ui.horizontal(|ui| {
        ui.set_height(TRANSPORT);
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.add_space(((ui.available_width() - row) / 2.0).max(0.0));
        for (icon, named) in buttons {
            let hint = named.tooltip(ui.ctx());
            if icon_button(ui, icon, named.entry().label, &hint).clicked() {
                cx.run(named);
            }
        }
        ui.add_space(8.0);
        ui.label(RichText::new(text).font(font).color(cx.theme.text_dim));
    });
}
