//! Writers of the user's own, in the list of models: files and servers.

use super::Cx;
use crate::models::{ModelSpec, OwnWriter, ServerSpec};
use crate::ui::command::Command;
use crate::ui::icons;
use crate::ui::theme::space;
use crate::ui::widgets::{dim, form_row, section_heading};
use egui::{Align, Button, Key, Layout, RichText, TextEdit, Ui};

/// What is being typed.
#[derive(Default)]
pub struct OwnWriterForm {
    path: String,
    address: String,
    any_host: bool,
}

/// Whether a model stands in the list of the user's own.
pub fn is_own(own: &[OwnWriter], model: &ModelSpec) -> bool {
    own.iter().any(|own| own.id() == model.id)
}

pub fn own_writers_ui(ui: &mut Ui, cx: &mut Cx<'_>, chosen: Option<&str>) {
    section_heading(ui, "Your own writers");
    for own in cx.own_writers {
        own_ui(ui, cx, own, chosen);
    }
    form_row(ui, "File", |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Choose a file…").on_hover_text("A GGUF chat model").clicked() {
                cx.send(Command::BrowseWriter);
            }
            let folder = ui.button("Choose a folder…");
            if folder.on_hover_text("The folder of ChatGLM3-6B, with its files as they are published").clicked() {
                cx.send(Command::BrowseWriterFolder);
            }
            let typed = TextEdit::singleline(&mut cx.state.own_writer.path)
                .id_salt("writer file")
                .hint_text("A GGUF file, or ChatGLM3's folder")
                .desired_width(f32::INFINITY);
            let response = ui.add(typed).accessible_name("Writer file");
            if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
                let path = std::mem::take(&mut cx.state.own_writer.path);
                cx.send(Command::UseOwnWriter(path.trim().to_owned(), false));
            }
        });
    });
    form_row(ui, "Server", |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let empty = cx.state.own_writer.address.trim().is_empty();
            let use_it = ui.add_enabled(!empty, Button::new("Use server")).on_disabled_hover_text("Type its address first");
            let typed = TextEdit::singleline(&mut cx.state.own_writer.address)
                .id_salt("writer server")
                .hint_text("http://127.0.0.1:8080/v1")
                .desired_width(f32::INFINITY);
            let response = ui.add(typed).accessible_name("Server address").on_hover_text(
                "A server that speaks OpenAI's protocol: llama.cpp, Ollama, LM Studio, vLLM… The name of a model can stand \
                 behind a #",
            );
            let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) && !empty;
            if use_it.clicked() || entered {
                let form = &cx.state.own_writer;
                let (address, any_host) = (form.address.trim().to_owned(), form.any_host);
                cx.send(Command::UseOwnWriter(address, any_host));
            }
        });
    });
    ui.checkbox(&mut cx.state.own_writer.any_host, "The server may be on another machine");
    if cx.state.own_writer.any_host {
        let text = format!(
            "{} What you write then leaves this machine, unencrypted unless it begins with https.",
            icons::WARNING
        );
        ui.label(RichText::new(text).size(11.0).color(cx.theme.warn));
    }
    ui.add_space(space::S);
}

fn own_ui(ui: &mut Ui, cx: &mut Cx<'_>, own: &OwnWriter, chosen: Option<&str>) {
    let (id, title) = (own.id(), own.title());
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let remove = Button::new("Remove").small();
            let remove = ui.add(remove).accessible_name(format!("Remove {} from the list", title));
            if remove.on_hover_text("Takes it off this list; nothing is deleted").clicked() {
                cx.send(Command::RemoveOwnWriter(own.clone()));
            }
            if chosen == Some(&id) {
                ui.label(RichText::new(format!("{} In use", icons::CHECK)).color(cx.theme.good));
            } else if ui.button("Use").accessible_name(format!("Use {}", title)).clicked() {
                cx.send(Command::ChooseWriter(id.clone()));
            }
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.label(&title);
                let place = match own {
                    OwnWriter::File(path) => path.display().to_string(),
                    OwnWriter::Server(ServerSpec { address, .. }) => address.clone(),
                };
                ui.label(dim(ui, place));
            });
        });
    });
}
