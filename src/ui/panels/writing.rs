//! The dialog that says how scripts are written.

use super::Cx;
use crate::models::choose_writer;
use crate::ui::command::Command;
use crate::ui::theme::space;
use crate::ui::widgets::{dim, form_row};
use crate::ui::writing::WritingSettings;
use crate::writer::{PROMPT_FILES, Sampling, user_prompt_folder};
use egui::{Align, Button, DragValue, Layout, Ui, vec2};
use std::ops::RangeInclusive;

pub(super) fn settings_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let before = cx.writing_settings.clone();
    let mut new = before.clone();
    let usual = match choose_writer(cx.registry, cx.cache, cx.writer) {
        Ok(choice) => Sampling::of(&choice.model.defaults),
        Err(_) => Sampling::default(),
    };
    number_ui(ui, "Boldness", "0 is safe, 1 is bold", &mut new.temperature, usual.temperature, Sampling::TEMPERATURE);
    number_ui(ui, "Choice", "share of the likeliest words", &mut new.top_p, usual.top_p, Sampling::TOP_P);
    let hint = "how strongly words come only once; names always may";
    number_ui(ui, "Variety", hint, &mut new.repetition, usual.repetition, Sampling::REPETITION);
    form_row(ui, "Seed", |ui| {
        let mut anew = new.seed.is_none();
        ui.checkbox(&mut anew, "Another script each time");
        let mut seed = new.seed.unwrap_or(0);
        let field = DragValue::new(&mut seed).speed(0.2);
        let response =
            ui.add_enabled_ui(!anew, |ui| ui.add_sized(vec2(84.0, 28.0), field).accessible_name("Script seed")).inner;
        response.on_disabled_hover_text("The seed changes with every script");
        new.seed = (!anew).then_some(seed);
    });
    form_row(ui, "Looks", |ui| {
        ui.checkbox(&mut new.describe, "Describe who and what comes back").on_hover_text(
            "Three questions for each: what matters, what matters to a photographer, and then the description",
        );
    });
    ui.add_space(space::S);
    if let Some(folder) = user_prompt_folder() {
        let text = format!(
            "The writer's instructions and examples are {} text files. Copies that you change in {} replace them; \
             \"reelboard prompts export\" puts them there.",
            PROMPT_FILES.len(),
            folder.display()
        );
        ui.label(dim(ui, text));
    }
    ui.label(dim(ui, "A premise may be in any language. Scripts are written in English, which the image models read."));
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        let usual = WritingSettings::default();
        let reset = ui.add_enabled(new != usual, Button::new("Reset to the writer's own"));
        if reset.on_disabled_hover_text("Nothing is changed").clicked() {
            new = usual;
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Done").clicked() {
                cx.send(Command::Dialog(None));
            }
        });
    });
    if new != before {
        cx.send(Command::SetWriting(new));
    }
}

/// A field for a number that is the writer's own until it is changed.
fn number_ui(ui: &mut Ui, label: &str, hint: &str, value: &mut Option<f32>, usual: f32, range: RangeInclusive<f32>) {
    form_row(ui, label, |ui| {
        let mut number = value.unwrap_or(usual);
        let field = DragValue::new(&mut number).range(range).speed(0.01).fixed_decimals(2);
        if ui.add_sized(vec2(84.0, 28.0), field).accessible_name(label).changed() {
            *value = ((number - usual).abs() > 0.001).then_some(number);
        }
        ui.label(dim(ui, hint));
    });
}
