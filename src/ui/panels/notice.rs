//! A message under the top bar.

use super::Cx;
use crate::ui::command::Command;
use crate::ui::icons;
use crate::ui::widgets::quiet_icon_button;
use egui::{Align, Frame, Layout, Margin, Panel, RichText, Ui};

pub fn notice_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(notice) = cx.notice else { return };
    let (fill, color, icon) = if notice.bad {
        (cx.theme.warn_faint, cx.theme.warn, icons::WARNING)
    } else {
        (cx.theme.accent_faint, cx.theme.text, icons::CHECK)
    };
    let frame = Frame::new().fill(fill).inner_margin(Margin::symmetric(12, 4));
    Panel::top("notice").resizable(false).frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if quiet_icon_button(ui, icons::CLOSE, "Close message", "Close").clicked() {
                    cx.send(Command::ClearNotice);
                }
                if let Some(path) = &notice.path
                    && ui.button("Show in folder").clicked()
                {
                    cx.send(Command::Reveal(path.clone()));
                }
                ui.with_layout(Layout::left_to_right(Align::Center).with_main_wrap(true), |ui| {
                    ui.label(RichText::new(icon).color(color));
                    ui.label(RichText::new(&notice.text).color(color));
                });
            });
        });
    });
}
