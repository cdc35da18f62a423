//! Where and how networks compute on this machine: the choice, and the plans to choose from.

use super::Cx;
use crate::models::{Compute, DeviceChoice, Devices, Dtype, DtypeChoice, Loading, Machine, Plan, StageNeed};
use crate::ui::command::Command;
use crate::ui::widgets::{capitalized, dim, form_row, section_heading};
use egui::{Button, ComboBox, RichText, Ui, WidgetText};

/// The plans of a stage; the first that fits is used, and any other can be.
pub(super) fn stage_ui(ui: &mut Ui, cx: &mut Cx<'_>, stage: &StageNeed) {
    let name = capitalized(&stage.role.to_string());
    if let Some(refusal) = stage.refusal() {
        ui.label(RichText::new(format!("{name} does not fit: {refusal}")).color(cx.theme.bad));
    }
    for (index, plan) in stage.fitting().iter().enumerate() {
        if index == 0 {
            ui.label(RichText::new(format!("{name}: {plan} of memory")).color(cx.theme.text));
            continue;
        }
        ui.horizontal(|ui| {
            let use_it = Button::new("Use").small();
            let label = format!("Use {} for the {}", plan.way(), stage.role);
            if ui.add(use_it).on_hover_text(about(plan)).accessible_name(&label).clicked() {
                cx.send(Command::SetCompute(Compute::just(plan)));
            }
            ui.label(dim(ui, format!("or {plan}")));
        });
    }
    for plan in stage.plans.iter().flat_map(|plans| &plans.too_large) {
        ui.label(dim(ui, format!("too large now: {plan}")));
    }
}

/// What a plan means for what is made.
fn about(plan: &Plan) -> &'static str {
    match (plan.dtype, plan.sequential) {
        (Dtype::F32, false) => "In full precision, for all stages and projects on this machine",
        (Dtype::F32, true) => {
            "The same pictures with less memory, loading again for each; for all stages on this machine"
        }
        (_, false) => "Half the memory; pictures differ by a hair; for all stages on this machine",
        (_, true) => "The least memory, loading again for each picture; pictures differ by a hair; for all stages",
    }
}

/// Takes a choice of plans back.
pub(super) fn automatic_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let chosen = cx.rendering.machine.as_ref().map(|machine| machine.chosen).unwrap_or_default();
    if chosen == Compute::default() {
        return;
    }
    ui.horizontal(|ui| {
        if ui.button("Choose automatically").clicked() {
            cx.send(Command::SetCompute(Compute::default()));
        }
        let Compute { device, dtype, loading } = chosen;
        ui.label(dim(ui, format!("chosen: device {device}, numbers {dtype}, in memory {loading}")));
    });
}

/// Device, numbers and how much is in memory, for this machine.
pub(super) fn choice_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(machine) = &cx.rendering.machine else { return };
    section_heading(ui, "On this machine");
    ui.label(dim(ui, "For every project, and for the command line; not kept in the project."));
    let chosen = machine.chosen;
    let mut new = chosen;
    form_row(ui, "Device", |ui| {
        combo(ui, "Device", &mut new.device, devices(machine));
    });
    form_row(ui, "Numbers", |ui| {
        let known = |dtype| (DtypeChoice::Only(dtype), dtype.to_string());
        let all = [(DtypeChoice::Auto, "Automatic".to_owned())];
        combo(ui, "Numbers", &mut new.dtype, all.into_iter().chain([Dtype::F32, Dtype::F16, Dtype::Bf16].map(known)));
        ui.label(dim(ui, "fewer bits take less memory"));
    });
    form_row(ui, "In memory", |ui| {
        let ways =
            [(Loading::Auto, "Automatic"), (Loading::Whole, "All"), (Loading::OneAtATime, "One network at a time")];
        combo(ui, "In memory", &mut new.loading, ways.map(|(way, text)| (way, text.to_owned())));
        ui.label(dim(ui, "less makes the same, slower"));
    });
    match machine.first_way() {
        Err(error) => ui.label(RichText::new(capitalized(&error.to_string())).color(cx.theme.bad)),
        Ok((device, dtype)) => ui.label(dim(ui, format!("Now: {dtype} on {device}, where that fits"))),
    };
    let build = Devices::of_this_build();
    for problem in build.problems() {
        ui.label(RichText::new(capitalized(&problem)).color(cx.theme.bad));
    }
    if !build.cuda && !build.metal {
        ui.label(dim(
            ui,
            "This build computes on the processor only; the README says how to build it for a graphics card.",
        ));
    }
    if new != chosen {
        cx.send(Command::SetCompute(new));
    }
}

/// What can be chosen here; a device that was chosen and is not here stays in the list.
fn devices(machine: &Machine) -> Vec<(DeviceChoice, String)> {
    let mut all = vec![(DeviceChoice::Auto, "Automatic".to_owned())];
    for card in &machine.accelerators {
        if let Ok(device) = card.name.parse() {
            all.push((device, format!("{} ({})", card.title, card.name)));
        }
    }
    all.push((DeviceChoice::Cpu, "Processor".to_owned()));
    let chosen = machine.chosen.device;
    if !all.iter().any(|(device, _)| *device == chosen) {
        all.push((chosen, format!("{chosen} (not here)")));
    }
    all
}

fn combo<T: PartialEq + Copy>(ui: &mut Ui, name: &str, chosen: &mut T, all: impl IntoIterator<Item = (T, String)>) {
    let all: Vec<(T, String)> = all.into_iter().collect();
    let text = all.iter().find(|(value, _)| value == chosen).map_or("", |(_, text)| text);
    let shown = WidgetText::from(text);
    let response = ComboBox::from_id_salt(name).width(190.0).selected_text(shown).show_ui(ui, |ui| {
        for (value, text) in &all {
            ui.selectable_value(chosen, *value, text);
        }
    });
    response.response.accessible_name(name);
}
