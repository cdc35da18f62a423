//! Opening a script, with a look at what will come in, and exporting one.

use super::Cx;
use crate::ui::command::{Command, Dialog};
use crate::ui::icons;
use crate::ui::scripts::{ReadScript, ScriptSource};
use crate::ui::theme::{semibold, space};
use crate::ui::widgets::{capitalized, dim, form_row, primary_button, replaced_ui, section_heading};
use crate::writer::{FormatError, Imported, ImportedScene, Intake, ScriptFormat};
use egui::{Align, Button, ComboBox, Key, Label, Layout, RichText, ScrollArea, TextEdit, Ui, vec2};
use std::path::PathBuf;

/// Height of a scene in the list of what will come in, in points.
const ROW: f32 = 36.0;

/// Asks for a script and shows what it holds before it changes anything.
pub(super) fn open_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let text = "A screenplay (Fountain, Final Draft), a shot list (CSV), a script of a language model, or any text. No \
                model is needed, and nothing changes before you say so.";
    ui.label(RichText::new(text).color(cx.theme.text_dim));
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Browse…").clicked() {
                cx.send(Command::BrowseScript);
            }
            let field = TextEdit::singleline(&mut cx.state.script.path)
                .id_salt("script path")
                .hint_text("Path of a file; or drop the file on the window")
                .desired_width(f32::INFINITY);
            let response = ui.add(field).accessible_name("Script path");
            if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
                let path = cx.state.script.path.trim().trim_matches(['"', '\'']);
                let path = PathBuf::from(path.strip_prefix("file://").unwrap_or(path));
                cx.send(Command::ReadScript(ScriptSource::File(path)));
            }
        });
    });
    let from_file = cx.state.script.read.as_ref().is_some_and(|read| matches!(read.source, ScriptSource::File(_)));
    let rows = if from_file { 2 } else { 7 };
    ScrollArea::vertical().id_salt("script text").max_height(rows as f32 * 18.0 + 12.0).show(ui, |ui| {
        let field = TextEdit::multiline(&mut cx.state.script.text)
            .id_salt("text")
            .hint_text("…or paste a text: The keeper lights the lamp. Her dog barks at the waves.")
            .desired_rows(rows)
            .desired_width(f32::INFINITY);
        if ui.add(field).accessible_name("Text").changed() {
            let text = cx.state.script.text.clone();
            cx.send(Command::ReadScript(ScriptSource::Text(text)));
        }
    });
    ui.add_space(space::S);
    let read = cx.state.script.read.clone();
    match read.as_deref() {
        None if cx.state.script.reading.is_some() => {
            ui.label(dim(ui, "Reading…"));
        }
        None => {}
        Some(ReadScript { result: Ok(imported), film_ms, .. }) => {
            preview_ui(ui, cx, imported, *film_ms);
            buttons_ui(ui, cx, imported);
        }
        // A field that was emptied again needs no complaint.
        Some(ReadScript { result: Err(FormatError::Empty { .. }), source: ScriptSource::Text(_), .. }) => {}
        Some(ReadScript { result: Err(error), .. }) => {
            let text = format!("{} {}", icons::WARNING, capitalized(&error.to_string()));
            ui.add(Label::new(RichText::new(text).color(cx.theme.warn)).wrap());
        }
    }
}

/// What a script holds, and what was mended in it.
fn preview_ui(ui: &mut Ui, cx: &Cx<'_>, imported: &Imported, film_ms: u64) {
    let scenes = imported.scenes.len();
    let mut summary = format!("{} · {scenes} scenes · {:.1} s", imported.format.title(), film_ms as f64 / 1000.0);
    if !imported.title.is_empty() {
        summary = format!("{} · {summary}", imported.title);
    }
    ui.add(Label::new(RichText::new(capitalized(&summary)).family(semibold())).truncate());
    let height = (scenes as f32 * ROW).min(210.0);
    let list = ScrollArea::vertical().id_salt("scenes to come").max_height(height).min_scrolled_height(height);
    list.auto_shrink([false, true]).show_rows(ui, ROW - ui.spacing().item_spacing.y, scenes, |ui, shown| {
        for i in shown {
            scene_ui(ui, i + 1, &imported.scenes[i]);
        }
    });
    if imported.notes.is_empty() {
        return;
    }
    ui.add_space(space::XS);
    let count = imported.notes.len();
    section_heading(ui, &format!("{count} {}", if count == 1 { "remark" } else { "remarks" }));
    let height = (count as f32 * 17.0).clamp(17.0, 102.0);
    ScrollArea::vertical().id_salt("remarks").max_height(height).min_scrolled_height(height).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        for note in &imported.notes {
            ui.add(Label::new(RichText::new(capitalized(&note.to_string())).size(11.0).color(cx.theme.warn)).wrap());
        }
    });
}

fn scene_ui(ui: &mut Ui, number: usize, found: &ImportedScene) {
    let scene = &found.scene;
    ui.allocate_ui(vec2(ui.available_width(), ROW - ui.spacing().item_spacing.y), |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.vertical(|ui| {
            ui.add(Label::new(format!("{number}  {}", scene.prompt.replace('\n', " "))).truncate());
            let mut parts: Vec<String> = Vec::new();
            parts.extend((!scene.background.is_empty()).then(|| scene.background.clone()));
            parts.extend((!scene.foreground.is_empty()).then(|| scene.foreground.join(", ")));
            parts.push(format!("camera {}", scene.camera));
            parts.extend(found.duration_ms.map(|ms| format!("{:.1} s", f64::from(ms) / 1000.0)));
            parts.extend(found.dissolve_ms.filter(|ms| *ms > 0).map(|_| "dissolve".to_owned()));
            parts.extend((!found.note.is_empty()).then(|| "with notes".to_owned()));
            ui.add(Label::new(dim(ui, parts.join(" · "))).truncate());
        });
    });
}

fn buttons_ui(ui: &mut Ui, cx: &mut Cx<'_>, imported: &Imported) {
    let old = cx.doc.map_or(0, |doc| doc.project().scenes.len());
    let busy = cx.writing.is_some() || cx.state.script.reading.is_some();
    let why = if cx.writing.is_some() { "A script is being written: stop it first" } else { "The text is being read" };
    ui.add_space(space::S);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_enabled_ui(!busy, |ui| {
            let count = imported.scenes.len();
            let label = match (old, count) {
                (0, 1) => "Make 1 scene".to_owned(),
                (0, count) => format!("Make {count} scenes"),
                _ => "Add after the last scene".to_owned(),
            };
            if primary_button(ui, &label).on_disabled_hover_text(why).clicked() {
                cx.send(Command::TakeScript(Intake::Append));
            }
            if old > 0 {
                let hint = "Undo brings the scenes of now back";
                let replace = Button::new(format!("Replace the {old} scenes"));
                if ui.add(replace).on_hover_text(hint).on_disabled_hover_text(why).clicked() {
                    cx.send(Command::TakeScript(Intake::Replace));
                }
            }
        });
        if ui.button("Cancel").clicked() {
            cx.send(Command::Dialog(None));
        }
    });
}

/// What a format keeps of a film.
fn keeps(format: ScriptFormat) -> &'static str {
    match format {
        ScriptFormat::Fountain | ScriptFormat::FinalDraft => {
            "A screenplay. Names, camera moves and lengths stand in notes that begin with \"shot\"; opening it here \
             again gives the same scenes."
        }
        ScriptFormat::Csv => "A table for any spreadsheet; opening it here again gives the same scenes.",
        ScriptFormat::Text => "A numbered list to read; opening it here again gives the same scenes.",
        ScriptFormat::Brackets => {
            "The form of the paper and its code: prompts, names, places and camera moves, but no lengths, dissolves and \
             notes."
        }
    }
}

/// Asks where to export the script, and in which format.
pub(super) fn export_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let before = cx.state.script.export_format.unwrap_or(ScriptFormat::Fountain);
    let mut format = before;
    form_row(ui, "Format", |ui| {
        let combo = ComboBox::from_id_salt("script format").width(220.0).selected_text(capitalized(format.title()));
        let combo = combo.show_ui(ui, |ui| {
            for other in ScriptFormat::ALL {
                ui.selectable_value(&mut format, other, capitalized(other.title()));
            }
        });
        combo.response.accessible_name("Script format");
    });
    if format != before {
        cx.state.script.export_format = Some(format);
        let path = PathBuf::from(cx.state.script.export_path.trim()).with_extension(format.extension());
        cx.state.script.export_path = path.to_string_lossy().into_owned();
    }
    form_row(ui, "File", |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let path = PathBuf::from(cx.state.script.export_path.trim());
            if ui.button("Browse…").clicked() {
                cx.send(Command::BrowseScriptExport(path, format));
            }
            let field = TextEdit::singleline(&mut cx.state.script.export_path)
                .id_salt("script export path")
                .desired_width(f32::INFINITY);
            ui.add(field).accessible_name("Script file");
        });
    });
    ui.label(dim(ui, keeps(format)));
    let path = PathBuf::from(cx.state.script.export_path.trim());
    replaced_ui(ui, &path);
    ui.add_space(space::S);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_enabled_ui(!path.as_os_str().is_empty(), |ui| {
            if primary_button(ui, "Export").on_disabled_hover_text("Type the name of a file first").clicked() {
                cx.send(Command::ExportScript(path, format));
            }
        });
        if ui.button("Cancel").clicked() {
            cx.send(Command::Dialog(None::<Dialog>));
        }
    });
}
