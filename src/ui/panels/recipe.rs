//! What went into a take: its references, words, seed, settings and models, against what the scene asks for now.

use super::Cx;
use super::takes::{copies_ui, studio_title};
use crate::engine::DrawTarget;
use crate::project::{
    ClipRecipe, DRAFT_STUDIO, EntityKind, Recipe, RecipeEntity, Reference, Scene, Take, TakeKind, stale_reasons,
};
use crate::ui::command::{Command, TakeAct};
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::theme::{radius, semibold, space};
use crate::ui::widgets::{checkerboard, dim, fit_aspect, picture, quiet_icon_button, section_heading};
use egui::{Align, Button, CornerRadius, Label, Layout, Rect, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

/// Side of a reference, in points.
const REFERENCE: f32 = 54.0;
/// Width of the names of the rows.
const NAMES: f32 = 84.0;

/// The take, and what can be done with it.
pub(super) fn recipe_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene, take: &Take) {
    let number = scene.take_number(take.id).unwrap_or_default();
    let is_chosen = scene.chosen == Some(take.id);
    ui.horizontal(|ui| {
        section_heading(ui, &format!("What went into take {number}"));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let delete = ui.add_enabled_ui(!scene.locked, |ui| {
                quiet_icon_button(ui, icons::TRASH, "Delete take", "Delete this take (undo brings it back)")
            });
            if delete.inner.clicked() {
                cx.send(Command::Take(scene.id, take.id, TakeAct::Delete));
            }
            let (icon, name) = if take.starred { ("★", "Remove the star") } else { (icons::STAR, "Star this take") };
            if quiet_icon_button(ui, icon, name, name).clicked() {
                cx.send(Command::Take(scene.id, take.id, TakeAct::Star));
            }
            if !is_chosen {
                let button = Button::new(RichText::new("Use in the film").size(12.0));
                let button = ui.add_enabled(!scene.locked, button).on_disabled_hover_text("The scene is locked");
                if button.clicked() {
                    cx.send(Command::ChooseTake(scene.id, Some(take.id)));
                }
            }
        });
    });
    let made = &take.recipe;
    let wanted = cx.rendering.wanted_recipe(doc.project(), scene, take);
    references_ui(ui, cx, made, &wanted);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 5.0;
        ui.spacing_mut().interact_size.y = 16.0;
        rows_ui(ui, cx, scene, take, &wanted);
    });
    ui.add_space(space::XS);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().button_padding = vec2(8.0, 4.0);
        copies_ui(ui, cx, doc, scene, take);
    });
    let reasons = stale_reasons(made, &wanted);
    if !reasons.is_empty() && !scene.locked {
        let reasons = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        ui.add(Label::new(RichText::new(format!("Since then: {reasons}")).size(11.0).color(cx.theme.warn)).wrap());
    }
}

fn rows_ui(ui: &mut Ui, cx: &Cx<'_>, scene: &Scene, take: &Take, wanted: &Recipe) {
    let made = &take.recipe;
    let size = |recipe: &Recipe| format!("{}×{}", recipe.size[0], recipe.size[1]);
    let kind = if take.kind == TakeKind::Clip { "Clip" } else { "Still" };
    let random = if cx.is_random(&made.studio) { " · random weights" } else { "" };
    let about = |recipe: &Recipe| format!("{kind} · {}{random} · {}", studio_title(cx, &recipe.studio), size(recipe));
    let now = match (made.studio == wanted.studio, made.size == wanted.size) {
        (true, true) => None,
        (true, false) => Some(size(wanted)),
        (false, _) => Some(format!("{} · {}", studio_title(cx, &wanted.studio), size(wanted))),
    };
    row(ui, cx, "Made by", &about(made), now);
    row(ui, cx, "Prompt", &made.prompt, (made.prompt != wanted.prompt).then(|| wanted.prompt.clone()));
    if !made.style.is_empty() || made.style != wanted.style {
        row(ui, cx, "Style", &made.style, (made.style != wanted.style).then(|| wanted.style.clone()));
    }
    let seed = (made.seed != wanted.seed).then(|| wanted.seed.to_string());
    row(ui, cx, "Seed", &made.seed.to_string(), seed);
    if let Some(still) = &made.still {
        let now = wanted.still.as_ref().filter(|now| *now != still && made.studio == wanted.studio);
        let now = now.map(|now| still.differences(now).iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        row(ui, cx, "Settings", &still.to_string(), now);
        if !still.negative.is_empty() {
            row(ui, cx, "Not in it", &still.negative, None);
        }
    }
    if let Some(clip) = &made.clip {
        clip_rows(ui, cx, scene, clip, wanted.clip.as_ref().filter(|_| made.studio == wanted.studio));
    }
    if made.studio != DRAFT_STUDIO && !made.models.is_empty() {
        let (then, now) = (models_text(made), models_text(wanted));
        let is_same = made.studio != wanted.studio || then == now;
        row(ui, cx, "Models", &then, (!is_same).then_some(now));
    }
}

/// What decided a clip beside its still.
fn clip_rows(ui: &mut Ui, cx: &Cx<'_>, scene: &Scene, clip: &ClipRecipe, now: Option<&ClipRecipe>) {
    let start = |clip: &ClipRecipe| match &clip.still {
        None => "a still that is yet to be made".to_owned(),
        Some(media) => match scene.takes.iter().find(|take| take.media == *media) {
            Some(still) => format!("take {}", scene.take_number(still.id).unwrap_or_default()),
            None => "a still that was deleted".to_owned(),
        },
    };
    let now_of = |of: &dyn Fn(&ClipRecipe) -> String| now.map(of).filter(|now| *now != of(clip));
    row(ui, cx, "Starts from", &start(clip), now_of(&start));
    row(ui, cx, "Camera", &clip.camera.to_string(), now_of(&|clip| clip.camera.to_string()));
    let differences = now.map(|now| clip.settings.differences(&now.settings)).filter(|found| !found.is_empty());
    let now = differences.map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    row(ui, cx, "Clip", &clip.settings.to_string(), now);
}

/// A name and a value, in one line each; a value that is no longer so is marked, with the present one below it.
fn row(ui: &mut Ui, cx: &Cx<'_>, name: &str, value: &str, now: Option<String>) {
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let (rect, _) = ui.allocate_exact_size(vec2(NAMES - space::S, 16.0), Sense::hover());
        ui.painter().text(
            rect.left_center(),
            egui::Align2::LEFT_CENTER,
            name,
            egui::FontId::proportional(12.0),
            cx.theme.text_dim,
        );
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let color = if now.is_some() { cx.theme.warn } else { cx.theme.text };
            let shown = if value.is_empty() { "none" } else { value };
            ui.add(Label::new(RichText::new(shown).size(12.0).color(color)).truncate());
            if let Some(now) = now {
                let now = if now.is_empty() { "none".to_owned() } else { now };
                ui.add(Label::new(dim(ui, format!("now {now}"))).truncate());
            }
        });
    });
}

/// The pictures of those who are in the take, as they were then.
fn references_ui(ui: &mut Ui, cx: &mut Cx<'_>, made: &Recipe, wanted: &Recipe) {
    if made.entities.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
        for (index, entity) in made.entities.iter().enumerate() {
            ui.push_id(index, |ui| reference_ui(ui, cx, entity, wanted));
        }
    });
}

fn reference_ui(ui: &mut Ui, cx: &mut Cx<'_>, entity: &RecipeEntity, wanted: &Recipe) {
    let now = wanted.entities.iter().find(|now| now.kind == entity.kind && now.name == entity.name);
    let is_same = now.is_some_and(|now| {
        let picture = |entity: &RecipeEntity| entity.reference.as_ref().map(|r| (r.picture.clone(), r.mask.clone()));
        picture(now) == picture(entity) && now.description == entity.description
    });
    let target = DrawTarget::Used(Box::new(entity.clone()));
    let texture = cx.stills.ask(&target).cloned();
    let (rect, response) = ui.allocate_exact_size(vec2(REFERENCE, REFERENCE + 15.0), Sense::click());
    let frame = Rect::from_min_size(rect.min, vec2(REFERENCE, REFERENCE));
    let corners = CornerRadius::same(radius::MEDIUM);
    checkerboard(ui.painter(), frame, &cx.theme, corners);
    if let Some(texture) = &texture {
        let size = texture.size_vec2();
        let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let fitted = fit_aspect(frame.shrink(2.0), size.x / size.y.max(1.0));
        picture(ui.painter(), texture.id(), fitted, all, CornerRadius::same(radius::SMALL));
    }
    let line = if is_same { cx.theme.line } else { cx.theme.warn };
    let width = if is_same { 1.0 } else { 1.5 };
    ui.painter().rect_stroke(frame, corners, Stroke::new(width, line), StrokeKind::Inside);
    let color = if is_same { cx.theme.text_dim } else { cx.theme.warn };
    let font = egui::FontId::new(10.5, semibold());
    let mut job = egui::text::LayoutJob::simple_singleline(entity.name.clone(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(REFERENCE);
    let galley = ui.painter().layout_job(job);
    let at = pos2(frame.center().x - galley.size().x / 2.0, frame.bottom() + 2.0);
    ui.painter().galley(at, galley, color);
    let kind = match (&entity.reference, entity.kind) {
        (Some(reference), _) if reference.is_photo() => format!("photo {}", file_name(reference)),
        (Some(_), _) => "made picture".to_owned(),
        (None, EntityKind::Foreground) => "drawn, no picture of its own".to_owned(),
        (None, EntityKind::Background) => "drawn place".to_owned(),
    };
    let mut hint = format!("{}: {kind}", entity.name);
    if !entity.description.is_empty() {
        hint += &format!("\n{}", entity.description);
    }
    match now {
        None => hint += "\nNo longer in the scene",
        Some(_) if !is_same => hint += "\nChanged since then",
        Some(_) => {}
    }
    let response = response.on_hover_text(hint).accessible_name(format!("Reference {}", entity.name));
    if response.clicked() && now.is_some() {
        cx.send(Command::SelectEntity(entity.kind, entity.name.clone()));
    }
}

fn file_name(reference: &Reference) -> &str {
    match &reference.source {
        crate::project::ReferenceSource::Photo { file_name } => file_name,
        crate::project::ReferenceSource::Generated => "",
    }
}

/// Roles and the beginnings of checksums.
fn models_text(recipe: &Recipe) -> String {
    let short = |(role, sha256): &(String, String)| format!("{role} {}", sha256.get(..8).unwrap_or(sha256));
    recipe
        .models
        .iter()
        .chain(recipe.clip.iter().flat_map(|clip| &clip.models))
        .map(short)
        .collect::<Vec<_>>()
        .join(" · ")
}
