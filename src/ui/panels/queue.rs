//! The queue: what runs, what waits and what is paused, and the strip about what an earlier session has left.

use super::Cx;
use super::cards::middle_uv;
use super::status::{progress_text, time_left_text};
use crate::engine::{JobId, JobStatus, RenderEntry, RenderId, RenderState};
use crate::project::Project;
use crate::ui::command::{Command, Named};
use crate::ui::icons;
use crate::ui::theme::{radius, space};
use crate::ui::widgets::{dim, picture, quiet_icon_button};
use egui::{
    Align, Button, CornerRadius, CursorIcon, Frame, Id, Label, Layout, Margin, Panel, Popup, ProgressBar, Rect,
    Response, RichText, ScrollArea, Sense, Stroke, TextureHandle, Ui, UiBuilder, Vec2, pos2, vec2,
};

/// A thumbnail in the queue, in points.
const THUMB: Vec2 = vec2(64.0, 36.0);
/// Height of a row of the queue, in points.
const ROW: f32 = 40.0;
const WIDTH: f32 = 500.0;

fn popup_id() -> Id {
    Id::unique("queue")
}

/// Opens the queue, or closes it.
pub(in crate::ui) fn toggle_queue(ctx: &egui::Context) {
    Popup::toggle_id(ctx, popup_id());
}

/// The popup above its button.
pub(super) fn popup_ui(cx: &mut Cx<'_>, button: &Response) {
    let popup = Popup::menu(button).id(popup_id()).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        ui.set_width(WIDTH);
        ScrollArea::vertical().id_salt("queue").max_height(420.0).show(ui, |ui| rows_ui(ui, cx));
        ui.separator();
        ui.horizontal(|ui| all_ui(ui, cx));
    });
}

/// What is done to all of them.
fn all_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let queue = &cx.rendering.queue;
    if !queue.is_empty() {
        let is_paused = |entry: &RenderEntry| matches!(entry.state(), RenderState::Paused | RenderState::Pausing(_));
        let paused = queue.is_paused() || queue.entries().iter().any(is_paused);
        let goes_on = cx.doc.is_some_and(|doc| queue.goes_on(&cx.rendering.film(doc)));
        let shortcut = Named::PauseRenders.tooltip(ui.ctx());
        for (label, can, why, command) in [
            ("Pause all", goes_on, "Everything is paused", Command::PauseRenders),
            ("Resume all", paused, "Nothing is paused", Command::ResumeRenders),
        ] {
            let button = ui.add_enabled(can, Button::new(label)).on_hover_text(&shortcut);
            if button.on_disabled_hover_text(why).clicked() {
                cx.send(command);
            }
        }
    }
    if ui.button("Cancel all").on_hover_text("Ends everything that runs or waits").clicked() {
        cx.send(Command::CancelAllJobs);
    }
    let left = cx.rendering.queue.time_left().filter(|left| left.as_secs() > 4);
    if let Some(left) = left {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(dim(ui, format!("for what waits: {}", time_left_text(left))))
                .on_hover_text("As long as the last ones of their kind took");
        });
    }
}

fn rows_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(project) = cx.doc.map(|doc| doc.project().clone()) else {
        cx.jobs.iter().for_each(|job| job_row_ui(ui, cx.out, job));
        return;
    };
    let rendering = cx.rendering;
    let others = cx.jobs.iter().filter(|job| rendering.queue.of_job(job.id).is_none());
    let jobs = others.map(|job| Line { of: LineOf::Job(job.id), title: job.title.clone() });
    let renders = rendering.queue.entries().iter();
    let renders = renders.map(|entry| Line { of: LineOf::Render(entry.id), title: entry.item.title(&project) });
    let now: Vec<Line> = jobs.chain(renders).collect();
    // What is over stays for as long as the pointer is on the list, so that no line moves away from under it.
    let lines = match ui.rect_contains_pointer(ui.clip_rect()) {
        true => with_gone(now, &cx.state.queue_lines),
        false => now,
    };
    let mut rows = Vec::new();
    for line in &lines {
        ui.push_id(line.of, |ui| {
            let entry = || rendering.queue.entries().iter().find(|entry| LineOf::Render(entry.id) == line.of);
            if let Some(job) = cx.jobs.iter().find(|job| LineOf::Job(job.id) == line.of) {
                job_row_ui(ui, cx.out, job);
            } else if let Some(entry) = entry() {
                let rect = render_row_ui(ui, cx, &project, entry);
                if entry.job().is_none() {
                    rows.push(rect);
                }
            } else {
                Row { title: &line.title, text: "over", share: None, preview: None, buttons: 0 }.ui(ui, Sense::hover());
            }
        });
    }
    cx.state.queue_lines = lines;
    drag_ui(ui, cx, &rows);
}

/// A line of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    of: LineOf,
    title: String,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum LineOf {
    Job(JobId),
    Render(RenderId),
}

/// The lines there are now, and between them those of `before` that are over, where they were.
fn with_gone(mut now: Vec<Line>, before: &[Line]) -> Vec<Line> {
    for (place, line) in before.iter().enumerate() {
        if !now.iter().any(|known| known.of == line.of) {
            now.insert(place.min(now.len()), line.clone());
        }
    }
    now
}

/// Follows a row that is being dragged, and moves it where it is let go.
fn drag_ui(ui: &Ui, cx: &mut Cx<'_>, rows: &[Rect]) {
    let Some(id) = cx.state.dragged_render else { return };
    let Some(at) = ui.ctx().pointer_interact_pos() else { return };
    let place = rows.iter().take_while(|row| row.center().y < at.y).count();
    let line = rows.get(place).map(|row| row.top()).or_else(|| rows.last().map(|row| row.bottom()));
    if let (Some(y), Some(first)) = (line, rows.first()) {
        ui.painter().hline(first.x_range(), y, Stroke::new(2.0, cx.theme.accent));
    }
    if ui.input(|input| input.pointer.any_released()) {
        cx.state.dragged_render = None;
        // The row itself leaves its place free.
        let from = cx.rendering.queue.place(id).unwrap_or(place);
        let place = if place > from { place - 1 } else { place };
        if place != from {
            cx.send(Command::MoveRender(id, place));
        }
    }
}

/// A job that is no render: it runs, or waits for its turn.
fn job_row_ui(ui: &mut Ui, out: &mut Vec<Command>, job: &JobStatus) {
    let text = match progress_text(job) {
        _ if !job.running => "waiting".to_owned(),
        text if text.is_empty() => "running".to_owned(),
        text => text,
    };
    let row = Row { title: &job.title, text: &text, share: share(job), preview: None, buttons: 2 };
    let (_, mut end) = row.ui(ui, Sense::hover());
    if quiet_icon_button(&mut end, icons::CLOSE, &format!("Cancel {}", job.title), "Cancel").clicked() {
        out.push(Command::CancelJob(job.id));
    }
    if !job.running && first_button(&mut end, &job.title).clicked() {
        out.push(Command::PutJobFirst(job.id));
    }
}

/// A render. Returns where its row is.
fn render_row_ui(ui: &mut Ui, cx: &mut Cx<'_>, project: &Project, entry: &RenderEntry) -> Rect {
    let title = entry.item.title(project);
    let status = entry.job().and_then(|job| cx.job(job));
    let state = entry.state();
    let text = match (state, status) {
        (RenderState::Running(_), Some(status)) => Some(progress_text(status)).filter(|text| !text.is_empty()),
        (RenderState::Pausing(_), _) => Some("pauses after this step".to_owned()),
        (RenderState::Paused, _) => Some(steps_text("paused", entry)),
        (RenderState::Waiting, _) if cx.rendering.queue.is_paused() => Some(steps_text("waits to be resumed", entry)),
        (RenderState::Waiting, _) => Some(waiting_text(cx, project, entry)),
        (RenderState::Running(_), None) => None,
    };
    let share = status
        .and_then(share)
        .or_else(|| entry.steps.filter(|(_, total)| *total > 0).map(|(done, total)| done as f32 / total as f32));
    let text = text.unwrap_or_else(|| "starting".to_owned());
    let preview = cx.rendering.preview_of(entry);
    let waits = entry.job().is_none();
    let row = Row { title: &title, text: &text, share, preview, buttons: if waits { 5 } else { 2 } };
    let (response, mut end) = row.ui(ui, if waits { Sense::drag() } else { Sense::hover() });
    if waits {
        let response = response.clone().on_hover_cursor(CursorIcon::Grab);
        response.accessible_name(format!("Drag {title}"));
    }
    if response.drag_started() {
        cx.state.dragged_render = Some(entry.id);
    }
    let end = &mut end;
    if quiet_icon_button(end, icons::CLOSE, &format!("Cancel {title}"), "Cancel, and forget what is made of it")
        .clicked()
    {
        cx.send(Command::CancelRender(entry.id));
    }
    let is_paused = matches!(state, RenderState::Paused | RenderState::Pausing(_)) || cx.rendering.queue.is_paused();
    let (icon, verb, hint) = match is_paused {
        true => (icons::PLAY, "Resume", "Resume where it was"),
        false => (icons::PAUSE, "Pause", "Pause; what is made of it stays on the disk and its memory is freed"),
    };
    if quiet_icon_button(end, icon, &format!("{verb} {title}"), hint).clicked() {
        let id = entry.id;
        cx.send(if is_paused { Command::ResumeRender(id) } else { Command::PauseRender(id) });
    }
    if let Some(place) = cx.rendering.queue.place(entry.id).filter(|_| waits) {
        let last = cx.rendering.queue.entries().iter().filter(|entry| entry.job().is_none()).count() - 1;
        for (icon, verb, hint, to, can) in [
            (icons::ARROW_DOWN, "down", "Later", place + 1, place < last),
            (icons::ARROW_UP, "up", "Sooner", place.saturating_sub(1), place > 0),
        ] {
            let why = if place == 0 { "It is the first" } else { "It is the last" };
            let button = Button::new(RichText::new(icon).size(15.0)).frame_when_inactive(false);
            let response = end.add_enabled(can, button.min_size(Vec2::splat(26.0)));
            let response = response.on_hover_text(hint).on_disabled_hover_text(why);
            if response.accessible_name(format!("Move {title} {verb}")).clicked() {
                cx.send(Command::MoveRender(entry.id, to));
            }
        }
        if place > 0 && first_button(end, &title).clicked() {
            cx.send(Command::MoveRender(entry.id, 0));
        }
    }
    response.rect
}

fn first_button(ui: &mut Ui, title: &str) -> Response {
    let button = Button::new(RichText::new("First").size(11.0)).frame_when_inactive(false);
    let response = ui.add(button.min_size(vec2(0.0, 26.0))).on_hover_text("Before everything else that waits");
    response.accessible_name(format!("Move {title} to the front"))
}

fn steps_text(word: &str, entry: &RenderEntry) -> String {
    match entry.steps {
        Some((done, total)) => format!("{word} · {done} of {total} steps done"),
        None => word.to_owned(),
    }
}

/// What a render waits for.
fn waiting_text(cx: &Cx<'_>, project: &Project, entry: &RenderEntry) -> String {
    let Some(doc) = cx.doc else { return "waiting".to_owned() };
    let held_up = cx.rendering.queue.held_up_by(entry.id, &cx.rendering.film(doc));
    match held_up.first() {
        Some(by) => format!("waits for \"{}\", which is paused", by.item.title(project)),
        None => steps_text("waiting", entry),
    }
}

fn share(job: &JobStatus) -> Option<f32> {
    (job.running && job.total > 0).then(|| job.done as f32 / job.total as f32)
}

/// A row: the title, what is going on, and how far it is.
struct Row<'a> {
    title: &'a str,
    text: &'a str,
    share: Option<f32>,
    preview: Option<&'a TextureHandle>,
    /// Buttons at its end, to leave room for.
    buttons: usize,
}

impl Row<'_> {
    /// Draws it; returns the row and where its buttons go, from right to left.
    fn ui(self, ui: &mut Ui, sense: Sense) -> (Response, Ui) {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), sense);
        let mut left = rect.left();
        if let Some(preview) = self.preview {
            let thumb = Rect::from_min_size(rect.min + vec2(0.0, 2.0), THUMB);
            let uv = middle_uv(preview.size_vec2(), thumb);
            picture(ui.painter(), preview.id(), thumb, uv, CornerRadius::same(radius::SMALL));
            let response = ui.interact(thumb, ui.scope_id().with((self.title, "preview")), Sense::hover());
            response.on_hover_text("Preview").accessible_name(format!("Preview of {}", self.title));
            left = thumb.right() + space::S;
        }
        let buttons = Rect::from_min_max(pos2(rect.right() - 30.0 * self.buttons as f32 - 12.0, rect.top()), rect.max);
        let column = Rect::from_min_max(pos2(left, rect.top() + 2.0), pos2(buttons.left(), rect.bottom()));
        let mut lines = ui.new_child(UiBuilder::new().max_rect(column).layout(Layout::top_down(Align::Min)));
        lines.spacing_mut().item_spacing.y = 2.0;
        lines.add(Label::new(self.title).truncate().selectable(false));
        let text = dim(&lines, self.text);
        lines.add(Label::new(text).truncate().selectable(false)).on_hover_text(self.text);
        if let Some(share) = self.share {
            lines.add(ProgressBar::new(share).desired_height(3.0));
        }
        let layout = Layout::right_to_left(Align::Center);
        let mut end = ui.new_child(UiBuilder::new().max_rect(buttons).layout(layout));
        end.spacing_mut().item_spacing.x = 2.0;
        (response, end)
    }
}

/// What an earlier session has left: nothing is rendered unasked.
pub(super) fn restored_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let count = cx.rendering.queue.restored();
    if count == 0 || cx.doc.is_none() {
        return;
    }
    let begun = cx.rendering.queue.entries().iter().any(|entry| entry.steps.is_some());
    let frame = Frame::new().fill(cx.theme.accent_faint).inner_margin(Margin::symmetric(12, 4));
    Panel::top("restored renders").resizable(false).frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            let renders = if count == 1 { "1 render was".to_owned() } else { format!("{count} renders were") };
            let begun = if begun { "; what was begun goes on where it was" } else { "" };
            ui.label(format!("{renders} waiting when this project was last open{begun}"));
            if ui.button("Resume").on_hover_text("Renders them now").clicked() {
                cx.send(Command::ResumeRestored);
            }
            if ui.button("Discard").on_hover_text("Forgets them, and what was begun of them").clicked() {
                cx.send(Command::DiscardRestored);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{RenderItem, RenderQueue};
    use crate::project::SceneId;

    #[test]
    fn what_is_over_keeps_its_line_and_the_others_keep_theirs() {
        let mut queue = RenderQueue::default();
        queue.add((0..4).map(|n| RenderItem::Still(SceneId(n))));
        let ids: Vec<RenderId> = queue.entries().iter().map(|entry| entry.id).collect();
        let lines = |of: &[usize]| -> Vec<Line> {
            of.iter().map(|n| Line { of: LineOf::Render(ids[*n]), title: n.to_string() }).collect()
        };
        assert_eq!(with_gone(lines(&[1, 2]), &lines(&[0, 1, 2])), lines(&[0, 1, 2]));
        assert_eq!(with_gone(lines(&[2]), &lines(&[0, 1, 2])), lines(&[0, 1, 2]));
        assert_eq!(with_gone(lines(&[1, 2, 3]), &lines(&[0, 1, 2])), lines(&[0, 1, 2, 3]));
        // What the user moves goes where it was moved to.
        assert_eq!(with_gone(lines(&[3, 1, 2]), &lines(&[0, 1, 2, 3])), lines(&[0, 3, 1, 2]));
        assert_eq!(with_gone(Vec::new(), &lines(&[0, 1])), lines(&[0, 1]));
    }
}
