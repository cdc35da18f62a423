//! The fields of what is selected: a scene or an entity.

use super::cast::{coming_ui, thumb_ui};
use super::{Cx, group, recipe, remarks, settings, takes};
use crate::engine::DrawTarget;
use crate::project::{
    CoalesceKey, DRAFT_STUDIO, DURATION_MS_RANGE, Edit, EntityField, EntityKind, Reference, Scene, SceneField,
};
use crate::ui::app::Selection;
use crate::ui::carry_out::duration_ms;
use crate::ui::command::{Command, Named};
use crate::ui::document::Document;
use crate::ui::icons;
use crate::ui::revise::Ask;
use crate::ui::theme::{radius, semibold, space};
use crate::ui::widgets::{
    Chip, camera_picker_ui, chip_ui, chip_width, dim, form_row, icon_button, quiet_icon_button, section_heading,
};
use egui::{
    Button, CornerRadius, DragValue, Frame, Key, Label, Margin, RichText, ScrollArea, Sense, TextEdit, Ui, vec2,
};
use std::path::PathBuf;

pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document) {
    // One scene, several, and an entity have forms of their own, each scrolled to where it was left.
    let form = (std::mem::discriminant(cx.selection), cx.also.is_empty());
    ScrollArea::vertical().id_salt(("inspector", form)).auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - 4.0);
        match cx.selection.clone() {
            Selection::Scene(_) if !cx.also.is_empty() => {
                ui.push_id("group", |ui| group::group_ui(ui, cx, doc));
            }
            Selection::Scene(id) => match doc.project().scene(id) {
                Some(scene) => {
                    ui.push_id(id, |ui| scene_ui(ui, cx, doc, scene));
                }
                None => nothing_ui(ui),
            },
            Selection::Entity(kind, name) => {
                ui.push_id((kind, &name), |ui| entity_ui(ui, cx, doc, kind, &name));
            }
            Selection::Nothing => nothing_ui(ui),
        }
    });
}

fn nothing_ui(ui: &mut Ui) {
    ui.label(dim(ui, "Select a scene or a name to change it."));
}

// --- a scene ---

fn scene_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene) {
    let index = doc.project().scene_index(scene.id).unwrap_or_default();
    ui.horizontal(|ui| {
        section_heading(ui, &format!("Scene {}", index + 1));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let lock = if scene.locked { (icons::LOCK, "Unlock scene") } else { (icons::UNLOCK, "Lock scene") };
            for (icon, named, name) in [
                (icons::TRASH, Named::DeleteScene, "Delete scene"),
                (icons::COPY, Named::DuplicateScene, "Duplicate scene"),
                (lock.0, Named::LockScene, lock.1),
            ] {
                let hint = named.tooltip(ui.ctx());
                if quiet_icon_button(ui, icon, name, &hint).clicked() {
                    cx.run(named);
                }
            }
        });
    });
    if scene.locked {
        locked_ui(ui, cx);
    }
    ui.add_enabled_ui(!scene.locked, |ui| {
        prompt_ui(ui, cx, scene);
        ui.horizontal(|ui| {
            let label = format!("{} Rewrite…", icons::WRITE);
            let hint = format!("{}: the writer says it in other words", Named::RewriteScene.tooltip(ui.ctx()));
            if ui.button(label).on_hover_text(hint).accessible_name("Rewrite…").clicked() {
                cx.run(Named::RewriteScene);
            }
        });
        remarks::scene_remarks_ui(ui, cx, scene.id);
        form_row(ui, "In the scene", |ui| foreground_ui(ui, cx, doc, scene));
        form_row(ui, "Place", |ui| place_ui(ui, cx, doc, scene));
        form_row(ui, "Camera", |ui| {
            if let Some(camera) = camera_picker_ui(ui, scene.camera) {
                set(cx, scene, SceneField::Camera(camera), None);
                cx.send(Command::PlayScene(scene.id));
            }
        });
        form_row(ui, "Duration", |ui| duration_ui(ui, cx, scene));
        if index > 0 {
            form_row(ui, "Transition", |ui| transition_ui(ui, cx, scene));
        }
        form_row(ui, "Seed", |ui| seed_ui(ui, cx, scene));
        form_row(ui, "Notes", |ui| note_ui(ui, cx, scene));
        if doc.project().studio != DRAFT_STUDIO {
            ui.add_space(space::S);
            settings::scene_ui(ui, cx, doc, scene);
        }
    });
    if let Some(problem) = cx.stills.problem(&DrawTarget::Scene(scene.id)) {
        ui.label(RichText::new(problem).size(11.0).color(cx.theme.bad));
    }
    if let Some(take) = takes::take_in_view(cx, scene) {
        ui.add_space(space::S);
        ui.push_id(take.id, |ui| recipe::recipe_ui(ui, cx, doc, scene, take));
    }
}

/// Says what a lock does, with the way out beside it.
fn locked_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let frame = Frame::new()
        .fill(cx.theme.accent_faint)
        .corner_radius(CornerRadius::same(radius::MEDIUM))
        .inner_margin(Margin::symmetric(10, 6));
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.button("Unlock").on_hover_text(Named::LockScene.tooltip(ui.ctx())).clicked() {
                    cx.run(Named::LockScene);
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    let text = format!("{} Locked: renders, the writer and edits leave it as it is.", icons::LOCK);
                    ui.add(Label::new(RichText::new(text).size(12.0)).wrap());
                });
            });
        });
    });
}

fn set(cx: &mut Cx<'_>, scene: &Scene, field: SceneField, key: Option<&str>) {
    let key = key.map(|name| CoalesceKey::new((scene.id, name)));
    cx.send(Command::Edit(Edit::SetScene { id: scene.id, field }, key));
}

fn prompt_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    let mut prompt = scene.prompt.clone();
    let field = TextEdit::multiline(&mut prompt)
        .id_salt("prompt")
        .hint_text("What happens? One action.")
        .margin(Margin::symmetric(9, 7))
        .desired_rows(3)
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Prompt");
    if std::mem::take(&mut cx.state.focus_prompt) {
        response.request_focus();
    }
    if response.changed() {
        set(cx, scene, SceneField::Prompt(prompt), Some("prompt"));
    }
    if response.lost_focus() {
        cx.send(Command::SealEdits);
    }
}

/// Dialogue and remarks, which go with the scene into screenplays and back.
fn note_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    let mut note = scene.note.clone();
    let field = TextEdit::multiline(&mut note)
        .id_salt("note")
        .hint_text("Dialogue, remarks; no model reads them")
        .margin(Margin::symmetric(9, 7))
        .desired_rows(1)
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Notes");
    if response.changed() {
        set(cx, scene, SceneField::Note(note), Some("note"));
    }
    if response.lost_focus() {
        cx.send(Command::SealEdits);
    }
}

fn foreground_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing = vec2(5.0, 5.0);
        let column = ui.available_width();
        ui.horizontal_wrapped(|ui| {
            for (i, name) in scene.foreground.iter().enumerate() {
                // The cross takes some of the width. A chip in a scope of its own does not wrap by itself.
                let width = (chip_width(ui, name) + 16.0).min(column);
                if ui.available_size_before_wrap().x < width {
                    ui.end_row();
                }
                let event = ui.push_id(i, |ui| chip_ui(ui, EntityKind::Foreground, name, true, width).1).inner;
                match event {
                    Some(Chip::Clicked) => cx.send(Command::SelectEntity(EntityKind::Foreground, name.clone())),
                    Some(Chip::Removed) => {
                        let names = scene.foreground.iter().filter(|n| *n != name).cloned().collect();
                        set(cx, scene, SceneField::Foreground(names), None);
                    }
                    None => {}
                }
            }
        });
        let field = TextEdit::singleline(&mut cx.state.new_entity)
            .id_salt("new entity")
            .hint_text("Add somebody or something…")
            .desired_width(f32::INFINITY);
        let response = ui.add(field).accessible_name("Add to the scene");
        let mut added = None;
        if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            added = Some(cx.state.new_entity.trim().to_owned());
        }
        let known = known_names(doc, EntityKind::Foreground, &scene.foreground);
        if let Some(name) = suggestions_ui(ui, &response, &known, &cx.state.new_entity) {
            added = Some(name);
        }
        if let Some(name) = added.filter(|name| !name.is_empty()) {
            cx.state.new_entity.clear();
            if !scene.foreground.contains(&name) {
                let mut names = scene.foreground.clone();
                names.push(name);
                set(cx, scene, SceneField::Foreground(names), None);
            }
        }
    });
}

fn known_names(doc: &Document, kind: EntityKind, without: &[String]) -> Vec<String> {
    let all = doc.entities().iter().filter(|e| e.kind == kind && !without.contains(&e.name));
    all.map(|e| e.name.clone()).collect()
}

/// A list of known names under a text field that has the keyboard. Returns the one that was clicked.
fn suggestions_ui(ui: &Ui, field: &egui::Response, known: &[String], typed: &str) -> Option<String> {
    let typed = typed.trim().to_lowercase();
    let fits = |name: &&String| name.to_lowercase().contains(&typed) && **name != typed;
    let matching: Vec<&String> = known.iter().filter(fits).take(8).collect();
    let id = field.id.with("suggestions");
    let was_over = ui.data(|data| data.get_temp::<bool>(id).unwrap_or(false));
    let open = (field.has_focus() || was_over) && !matching.is_empty();
    let mut chosen = None;
    let shown = egui::Popup::from_response(field)
        .id(id)
        .open(open)
        .close_behavior(egui::PopupCloseBehavior::IgnoreClicks)
        .width(field.rect.width())
        .show(|ui| {
            for name in &matching {
                let button = Button::new(name.as_str()).frame_when_inactive(false).truncate();
                if ui.add_sized(vec2(ui.available_width(), 24.0), button).clicked() {
                    chosen = Some((*name).clone());
                }
            }
        });
    let over = chosen.is_none() && shown.is_some_and(|shown| shown.response.contains_pointer());
    ui.data_mut(|data| data.insert_temp(id, over));
    chosen
}

fn place_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, scene: &Scene) {
    let mut place = scene.background.clone();
    let field =
        TextEdit::singleline(&mut place).id_salt("place").hint_text("Where it happens").desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Place");
    if response.changed() {
        set(cx, scene, SceneField::Background(place.clone()), Some("place"));
    }
    if response.lost_focus() {
        cx.send(Command::SealEdits);
    }
    let known = known_names(doc, EntityKind::Background, std::slice::from_ref(&scene.background));
    let typed = if known.contains(&place) { "" } else { &place };
    if let Some(name) = suggestions_ui(ui, &response, &known, typed) {
        set(cx, scene, SceneField::Background(name), Some("place"));
        cx.send(Command::SealEdits);
    }
}

fn duration_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    let mut secs = scene.duration_secs();
    let range = f64::from(*DURATION_MS_RANGE.start()) / 1000.0..=f64::from(*DURATION_MS_RANGE.end()) / 1000.0;
    let field = DragValue::new(&mut secs).range(range).speed(0.05).fixed_decimals(1).suffix(" s");
    let response = ui.add_sized(vec2(84.0, 28.0), field).accessible_name("Duration in seconds");
    if response.changed() {
        set(cx, scene, SceneField::DurationMs(duration_ms(secs)), Some("duration"));
    }
    if response.drag_stopped() || response.lost_focus() {
        cx.send(Command::SealEdits);
    }
}

fn transition_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    let is_cut = scene.dissolve_ms == 0;
    let cut = Button::selectable(is_cut, "Cut").frame_when_inactive(true);
    if ui.add(cut).accessible_name("Hard cut").clicked() && !is_cut {
        set(cx, scene, SceneField::DissolveMs(0), None);
    }
    let dissolve = Button::selectable(!is_cut, "Dissolve").frame_when_inactive(true);
    if ui.add(dissolve).clicked() && is_cut {
        set(cx, scene, SceneField::DissolveMs(500), None);
    }
    if !is_cut {
        let mut secs = f64::from(scene.dissolve_ms) / 1000.0;
        let field = DragValue::new(&mut secs).range(0.1..=5.0).speed(0.02).fixed_decimals(1).suffix(" s");
        let response = ui.add(field).accessible_name("Dissolve in seconds");
        if response.changed() {
            set(cx, scene, SceneField::DissolveMs((secs * 1000.0).round() as u32), Some("dissolve"));
        }
        if response.drag_stopped() || response.lost_focus() {
            cx.send(Command::SealEdits);
        }
    }
}

fn seed_ui(ui: &mut Ui, cx: &mut Cx<'_>, scene: &Scene) {
    let mut seed = scene.seed;
    let response = ui.add_sized(vec2(84.0, 28.0), DragValue::new(&mut seed).speed(1)).accessible_name("Seed");
    if response.changed() {
        set(cx, scene, SceneField::Seed(seed), Some("seed"));
    }
    if response.drag_stopped() || response.lost_focus() {
        cx.send(Command::SealEdits);
    }
    if icon_button(ui, icons::DICE, "New seed", "Another arrangement of the same scene").clicked() {
        set(cx, scene, SceneField::Seed(scene.seed.wrapping_add(1)), None);
    }
}

// --- an entity ---

fn entity_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, kind: EntityKind, name: &str) {
    let cast = doc.project().cast_entry(kind, name);
    section_heading(ui, if kind == EntityKind::Background { "Place" } else { "Character or object" });
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 168.0), Sense::hover());
    thumb_ui(ui, cx, kind, name, rect);
    coming_ui(ui, cx, kind, name, rect);
    cx.state.entity_rects.push((rect, kind, name.to_owned()));
    photo_ui(ui, cx, doc, kind, name);
    form_row(ui, "Name", |ui| rename_ui(ui, cx, doc, kind, name));
    let mut description = cast.map_or(String::new(), |cast| cast.description.clone());
    let field = TextEdit::multiline(&mut description)
        .id_salt("description")
        .hint_text("How it looks: age, hair, clothes, colours, material")
        .margin(Margin::symmetric(9, 7))
        .desired_rows(3)
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Description");
    ui.horizontal_wrapped(|ui| {
        for (label, hint, ask) in [
            ("Describe again…", "The writer says how it looks", Ask::Describe(kind, name.to_owned())),
            ("Rename everywhere…", "In the words of all scenes, too", Ask::Rename(kind, name.to_owned())),
            ("Merge with…", "Two names that mean the same become one", Ask::MergeNames(kind, name.to_owned())),
        ] {
            if ui.button(label).on_hover_text(hint).clicked() {
                cx.send(Command::Ask(ask));
            }
        }
    });
    if response.changed() {
        let edit = doc.project().entity_edit(kind, name, EntityField::Description(description));
        cx.send(Command::Edit(edit, Some(CoalesceKey::new((kind, name, "description")))));
    }
    if response.lost_focus() {
        cx.send(Command::SealEdits);
    }
    let summary = doc.entities().iter().find(|e| e.kind == kind && e.name == name);
    let scenes = summary.map_or(&[][..], |summary| &summary.scenes);
    if scenes.is_empty() {
        ui.label(dim(ui, "No scene shows it."));
        if cast.is_some() && ui.button("Remove from the cast").clicked() {
            let edit = Edit::RemoveEntity { kind, name: name.to_owned() };
            cx.send(Command::Edit(edit, None));
        }
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label(dim(ui, "In scene"));
        for id in scenes {
            let number = doc.project().scene_index(*id).map_or(0, |index| index + 1);
            let button = Button::new(RichText::new(number.to_string()).family(semibold())).min_size(vec2(26.0, 24.0));
            if ui.add(button).accessible_name(format!("Go to scene {number}")).clicked() {
                cx.send(Command::SelectScene(*id));
            }
        }
    });
}

fn photo_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, kind: EntityKind, name: &str) {
    let reference = doc.project().cast_entry(kind, name).and_then(|cast| cast.reference.as_ref());
    let is_photo = reference.is_some_and(Reference::is_photo);
    ui.horizontal_wrapped(|ui| {
        let label = if is_photo { "Another photo…" } else { "Choose a photo…" };
        if ui.button(label).clicked() {
            cx.send(Command::ChoosePhoto(kind, name.to_owned()));
        }
        if cx.rendering.has_illustrator() {
            let label = if reference.is_some() && !is_photo { "Make another" } else { "Make a picture" };
            let hint = "The studio draws it from its description and the film's style";
            let is_asked = cx.rendering.is_asked_for(kind, name);
            let is_coming = is_asked || cx.coming.values().any(|coming| coming.is_of(kind, name));
            if ui.add_enabled(!is_coming, Button::new(label)).on_hover_text(hint).clicked() {
                cx.send(Command::MakePicture(kind, name.to_owned()));
            }
        }
        let label = if is_photo { "Remove photo" } else { "Remove picture" };
        if reference.is_some() && ui.button(label).clicked() {
            let edit = doc.project().entity_edit(kind, name, EntityField::Reference(None));
            cx.send(Command::Edit(edit, None));
        }
    });
    let field = TextEdit::singleline(&mut cx.state.photo_path)
        .id_salt("photo path")
        .hint_text("or paste the path of a photo and press Enter")
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Photo path");
    if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
        let path = std::mem::take(&mut cx.state.photo_path);
        let path = path.trim().trim_matches(['"', '\'']);
        let path = path.strip_prefix("file://").unwrap_or(path);
        if !path.is_empty() {
            cx.send(Command::ImportPhoto(kind, name.to_owned(), PathBuf::from(path)));
        }
    }
    if let Some((job, _)) = cx.coming.iter().find(|(_, coming)| coming.is_of(kind, name))
        && let Some(status) = cx.job(*job)
    {
        ui.label(dim(ui, super::status::job_text(status)));
    }
}

/// A rename takes effect when the field is left, since half a name could merge two entities.
fn rename_ui(ui: &mut Ui, cx: &mut Cx<'_>, doc: &Document, kind: EntityKind, name: &str) {
    let mut text = match &cx.state.rename {
        Some((k, old, new)) if *k == kind && old == name => new.clone(),
        _ => name.to_owned(),
    };
    let response = ui.add(TextEdit::singleline(&mut text).id_salt("name").desired_width(f32::INFINITY));
    let response = response.accessible_name("Name").on_hover_text("Renames it in every scene");
    if response.changed() {
        cx.state.rename = Some((kind, name.to_owned(), text.clone()));
    }
    if response.lost_focus() {
        let new = text.trim();
        if !new.is_empty() && new != name && !ui.input(|input| input.key_pressed(Key::Escape)) {
            cx.send(Command::Edit(doc.project().rename_edit(kind, name, new), None));
            cx.send(Command::SelectEntity(kind, new.to_owned()));
        }
        cx.state.rename = None;
    }
}
