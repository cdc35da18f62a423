//! The shelf on the left: everybody and everything that recurs, and the places.

use super::Cx;
use crate::project::{EntityKind, EntitySummary};
use crate::ui::app::Selection;
use crate::ui::command::Command;
use crate::ui::document::Document;
use crate::ui::revise::Ask;
use crate::ui::stills::entity_target;
use crate::ui::theme::{radius, semibold, space};
use crate::ui::widgets::{badge, checkerboard, dim, fit_aspect, picture, section_heading};
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{
    Align2, CornerRadius, FontId, Frame, Margin, Rect, ScrollArea, Sense, Spinner, Stroke, StrokeKind, TextEdit, Ui,
    Vec2, pos2, vec2,
};

const THUMB: f32 = 64.0;

pub fn cast_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    ScrollArea::vertical().id_salt("cast").auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin::symmetric(12, 2)).show(ui, |ui| {
            let all = doc.entities();
            let (common, single): (Vec<_>, Vec<_>) = all.iter().partition(|entity| entity.scenes.len() != 1);
            section_heading(ui, "Cast and places");
            if all.is_empty() {
                let text = "People, things and places appear here as the script names them.";
                ui.label(dim(ui, text));
            }
            for entity in common {
                row_ui(ui, cx, doc, entity);
            }
            drop_zone_ui(ui, cx);
            if !single.is_empty() {
                ui.add_space(space::S);
                section_heading(ui, "In one scene");
                for entity in single {
                    row_ui(ui, cx, doc, entity);
                }
            }
        });
    });
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, entity: &EntitySummary) {
    ui.push_id((entity.kind, &entity.name), |ui| {
        let theme = cx.theme;
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), THUMB + 8.0), Sense::click());
        let response = response.accessible_name(format!("Entity {}", entity.name));
        let selected = *cx.selection == Selection::Entity(entity.kind, entity.name.clone());
        let files_over = ui.ctx().input(|input| !input.raw.hovered_files.is_empty());
        let over = response.contains_pointer();
        if selected || over {
            let fill = if selected { theme.accent_faint } else { theme.card };
            ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), CornerRadius::same(radius::MEDIUM), fill);
        }
        if files_over && over {
            let stroke = Stroke::new(2.0, theme.accent);
            let corners = CornerRadius::same(radius::MEDIUM);
            ui.painter().rect_stroke(rect.expand2(vec2(6.0, 0.0)), corners, stroke, StrokeKind::Inside);
        }
        cx.state.entity_rects.push((rect, entity.kind, entity.name.clone()));
        if response.clicked() {
            cx.send(Command::SelectEntity(entity.kind, entity.name.clone()));
        }
        response.context_menu(|ui| {
            if ui.button("Choose a photo…").clicked() {
                cx.send(Command::ChoosePhoto(entity.kind, entity.name.clone()));
                ui.close();
            }
            let name = || entity.name.clone();
            for (label, ask) in [
                ("Describe again…", Ask::Describe(entity.kind, name())),
                ("Rename everywhere…", Ask::Rename(entity.kind, name())),
                ("Merge with…", Ask::MergeNames(entity.kind, name())),
            ] {
                if ui.button(label).clicked() {
                    cx.send(Command::Ask(ask));
                    ui.close();
                }
            }
            if cx.rendering.has_illustrator() && ui.button("Make a picture").clicked() {
                cx.send(Command::MakePicture(entity.kind, entity.name.clone()));
                ui.close();
            }
        });
        let thumb = Rect::from_min_size(rect.min + vec2(0.0, 4.0), Vec2::splat(THUMB));
        thumb_ui(ui, cx, entity.kind, &entity.name, thumb);
        let cast = doc.project().cast_entry(entity.kind, &entity.name);
        let own_picture = cast.and_then(|cast| cast.reference.as_ref());
        if let Some(reference) = own_picture {
            let (text, color, fill) = match reference.is_photo() {
                true => ("photo", theme.good, theme.good_faint),
                false => ("made", theme.text, theme.accent_faint),
            };
            badge(ui.painter(), thumb.left_bottom() + vec2(2.0, -2.0), text, color, fill, THUMB);
        }
        coming_ui(ui, cx, entity.kind, &entity.name, thumb);
        let width = rect.right() - thumb.right() - 10.0;
        let text = summary_text(cx, entity, cast.map_or("", |cast| &cast.description), width);
        let galley = ui.fonts_mut(|fonts| fonts.layout_job(text));
        let cut = galley.elided;
        ui.painter().galley(pos2(thumb.right() + 10.0, rect.top() + 4.0), galley, theme.text);
        if cut && let Some(cast) = cast {
            response.on_hover_text(&cast.description);
        }
    });
}

/// Name, number of scenes and the beginning of the description.
fn summary_text(cx: &Cx<'_>, entity: &EntitySummary, description: &str, width: f32) -> LayoutJob {
    let dim = TextFormat::simple(FontId::proportional(11.0), cx.theme.text_dim);
    let mut job = LayoutJob::default();
    job.append(&entity.name, 0.0, TextFormat::simple(FontId::new(13.0, semibold()), cx.theme.text));
    let place = if entity.kind == EntityKind::Background { "place · " } else { "" };
    let count = match entity.scenes.len() {
        0 => "not used".to_owned(),
        1 => "1 scene".to_owned(),
        n => format!("{n} scenes"),
    };
    job.append("\n", 0.0, dim.clone());
    job.append(&format!("{place}{count}"), 0.0, dim.clone());
    if !description.is_empty() {
        job.append("\n", 0.0, dim.clone());
        job.append(description, 0.0, TextFormat { line_height: Some(15.0), ..dim });
    }
    job.wrap = TextWrapping { max_width: width, max_rows: 4, ..Default::default() };
    job
}

/// The reference picture of an entity in `rect`.
pub(super) fn thumb_ui(ui: &Ui, cx: &Cx<'_>, kind: EntityKind, name: &str, rect: Rect) {
    let corners = CornerRadius::same(radius::MEDIUM);
    checkerboard(ui.painter(), rect, &cx.theme, corners);
    if let Some(texture) = cx.stills.texture(&entity_target(kind, name)) {
        let size = texture.size_vec2();
        let fitted = fit_aspect(rect.shrink(2.0), size.x / size.y.max(1.0));
        let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        picture(ui.painter(), texture.id(), fitted, all, CornerRadius::same(radius::SMALL));
    }
}

/// The newest look at a picture that is being made in `rect`, or a spinner.
pub(super) fn coming_ui(ui: &mut Ui, cx: &Cx<'_>, kind: EntityKind, name: &str, rect: Rect) {
    let Some((job, _)) = cx.coming.iter().find(|(_, coming)| coming.is_of(kind, name)) else { return };
    let Some(preview) = cx.rendering.preview(*job) else {
        ui.put(Rect::from_center_size(rect.center(), Vec2::splat(22.0)), Spinner::new());
        return;
    };
    let size = preview.size_vec2();
    let fitted = fit_aspect(rect.shrink(2.0), size.x / size.y.max(1.0));
    let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    ui.painter().rect_filled(rect, CornerRadius::same(radius::MEDIUM), cx.theme.field);
    picture(ui.painter(), preview.id(), fitted, all, CornerRadius::same(radius::SMALL));
    badge(ui.painter(), rect.left_bottom() + vec2(2.0, -2.0), "preview", cx.theme.text, cx.theme.accent_faint, THUMB);
}

/// Takes photos, and names for new members of the cast.
fn drop_zone_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let theme = cx.theme;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0), Sense::hover());
    let files_over = ui.ctx().input(|input| !input.raw.hovered_files.is_empty());
    let color = if files_over { theme.accent } else { theme.line };
    dashed_frame(ui, rect, color);
    let text = "Drop a photo on a name\nor here to choose who it is";
    let galley = ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(11.5), theme.text_dim);
    let at = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect);
    ui.painter().galley(at.min, galley, theme.text_dim);
    response.accessible_name("Photo drop zone");
    let field = TextEdit::singleline(&mut cx.state.new_cast)
        .id_salt("new cast")
        .hint_text("Add a name…")
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("New cast member");
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
        let name = std::mem::take(&mut cx.state.new_cast).trim().to_owned();
        let known = cx.doc.is_some_and(|doc| doc.entities().iter().any(|e| e.name == name));
        if !name.is_empty() && !known {
            let index = cx.doc.map_or(0, |doc| doc.project().cast.len());
            let kind = EntityKind::Foreground;
            let entity =
                crate::project::Entity { name: name.clone(), kind, description: String::new(), reference: None };
            cx.send(Command::Edit(crate::project::Edit::InsertEntity { index, entity }, None));
            cx.send(Command::SelectEntity(kind, name));
        }
    }
}

fn dashed_frame(ui: &Ui, rect: Rect, color: egui::Color32) {
    let rect = rect.shrink(0.5);
    let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    ui.painter().extend(egui::Shape::dashed_line(&corners, Stroke::new(1.0, color), 4.0, 4.0));
}
