//! The dialog for rendering on a cluster.

use super::Cx;
use crate::farm::{RunStatus, TaskState, TaskStatus, quoted};
use crate::project::DRAFT_STUDIO;
use crate::ui::command::Command;
use crate::ui::farm::SendFilm;
use crate::ui::icons;
use crate::ui::theme::{semibold, space};
use crate::ui::widgets::{capitalized, dim, form_row, primary_button, section_heading};
use egui::{Align, Button, DragValue, Layout, RichText, ScrollArea, TextEdit, Ui, vec2};

/// What the fields of the dialog hold.
#[derive(Default)]
pub struct FarmFields {
    /// 0 is as many as the cluster allows.
    tasks: u32,
    /// Options of sbatch, with spaces between them.
    options: String,
}

impl FarmFields {
    fn options(&self) -> Vec<String> {
        self.options.split_whitespace().map(str::to_owned).collect()
    }
}

pub(super) fn farm_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (Some(doc), Some(farm)) = (cx.doc, cx.farm) else { return };
    let text = "One task of a Slurm cluster renders each picture and each scene. The project, the models and Reelboard \
                must lie at the same paths on the cluster's machines. You can go on editing: tasks work on the film as \
                it is now, and what they finish comes in while the project is open here.";
    ui.label(RichText::new(text).color(cx.theme.text_dim));
    ui.add_space(space::S);
    form_row(ui, "At a time", |ui| {
        let field = DragValue::new(&mut cx.state.farm.tasks).range(0..=1000).speed(0.1);
        let field = field.custom_formatter(|n, _| if n < 1.0 { "no limit".to_owned() } else { format!("{n} tasks") });
        ui.add_sized(vec2(84.0, 28.0), field).accessible_name("Tasks at a time");
    });
    form_row(ui, "Options", |ui| {
        let field = TextEdit::singleline(&mut cx.state.farm.options)
            .id_salt("sbatch options")
            .hint_text("of sbatch, such as --partition=gpu --gres=gpu:1 --time=2:00:00")
            .desired_width(f32::INFINITY);
        ui.add(field).accessible_name("Options of sbatch");
    });
    command_ui(ui, cx);
    ui.add_space(space::S);
    let refusal = match () {
        () if farm.is_busy => Some("Wait until what was asked for is over"),
        () if doc.project().scenes.is_empty() => Some("There are no scenes yet"),
        () if doc.project().studio == DRAFT_STUDIO => {
            Some("Choose a studio with models first: drafts are drawn at once")
        }
        () if !farm.has_slurm => {
            Some("This machine has no sbatch. Run the command on one that submits the cluster's jobs")
        }
        () => None,
    };
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let button = ui.add_enabled_ui(refusal.is_none(), |ui| primary_button(ui, "Send")).inner;
            let button = button.on_disabled_hover_text(refusal.unwrap_or_default());
            if button.on_hover_text("Submits what the film lacks").clicked() {
                let at_a_time = Some(cx.state.farm.tasks as usize).filter(|tasks| *tasks > 0);
                cx.send(Command::SendFilm(SendFilm { at_a_time, options: cx.state.farm.options() }));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let (text, color) = match (&farm.last, farm.is_busy, refusal) {
                    (_, true, _) => ("Checking the models and asking the cluster…", cx.theme.text_dim),
                    (Some(Ok(done)), ..) => (done.as_str(), cx.theme.good),
                    (Some(Err(error)), ..) => (error.as_str(), cx.theme.bad),
                    (None, false, refusal) => (refusal.unwrap_or_default(), cx.theme.text_dim),
                };
                ui.add(egui::Label::new(RichText::new(capitalized(text)).color(color)).wrap());
            });
        });
    });
    if !farm.runs.is_empty() {
        ui.add_space(space::S);
        ui.separator();
    }
    let height = (ui.ctx().content_rect().height() - 420.0).max(120.0);
    let area = ScrollArea::vertical().id_salt("runs").auto_shrink([false, true]);
    area.max_height(height).min_scrolled_height(height).show(ui, |ui| {
        for run in &farm.runs {
            ui.push_id(run.run, |ui| run_ui(ui, cx, run, farm.is_busy));
        }
    });
}

/// The same on the command line.
fn command_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let Some(doc) = cx.doc else { return };
    let mut command = format!("reelboard farm slurm {}", quoted(&doc.saver().folder().to_string_lossy()));
    if cx.state.farm.tasks > 0 {
        command += &format!(" --tasks {}", cx.state.farm.tasks);
    }
    let options = cx.state.farm.options();
    if !options.is_empty() {
        command += " --";
        options.iter().for_each(|option| command += &format!(" {}", quoted(option)));
    }
    form_row(ui, "Command", |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Copy").on_hover_text("Copies the command").clicked() {
                ui.copy_text(command.clone());
            }
            let text = RichText::new(&command).monospace();
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(text).truncate().selectable(true)).on_hover_text(&command);
            });
        });
    });
}

fn run_ui(ui: &mut Ui, cx: &mut Cx<'_>, run: &RunStatus, is_busy: bool) {
    ui.horizontal(|ui| {
        let [waiting, running, done, failed] = run.counts();
        let parts = [(done, "done"), (running, "running"), (waiting, "waiting"), (failed, "failed")];
        let parts = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
        let title = format!("Run {} · {} · {}", run.run, run.studio, parts.collect::<Vec<_>>().join(", "));
        ui.label(RichText::new(title).family(semibold()));
        if run.is_under_way() {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let button = Button::new("Cancel run");
                let button = ui.add_enabled(!is_busy, button).on_disabled_hover_text("Wait a moment");
                if button.on_hover_text("Ends its tasks; what they have finished is kept").clicked() {
                    cx.send(Command::CancelRun(run.run));
                }
            });
        }
    });
    if let Some(problem) = &run.scheduler_problem {
        let text = format!("{} What the cluster knows is missing: {problem}", icons::WARNING);
        ui.label(RichText::new(text).size(11.0).color(cx.theme.warn));
    }
    let mut stage = "";
    for task in &run.tasks {
        if task.stage != stage {
            stage = task.stage;
            section_heading(ui, &capitalized(stage));
        }
        task_ui(ui, cx, task);
    }
    ui.add_space(space::S);
}

fn task_ui(ui: &mut Ui, cx: &Cx<'_>, task: &TaskStatus) {
    ui.horizontal(|ui| {
        ui.add_sized(vec2(170.0, 18.0), egui::Label::new(capitalized(&task.work)).truncate().halign(Align::Min));
        let color = match task.state {
            TaskState::Waiting { .. } => cx.theme.text_dim,
            TaskState::Running { .. } => cx.theme.text,
            TaskState::Done { .. } => cx.theme.good,
            TaskState::Failed { .. } => cx.theme.bad,
        };
        let text = capitalized(&task.state.to_string());
        ui.add(egui::Label::new(dim(ui, &text).color(color)).truncate()).on_hover_text(text);
    });
}
