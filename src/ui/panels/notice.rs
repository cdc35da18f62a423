//! A message over the panels, below the top bar.

use super::Cx;
use crate::ui::command::Command;
use crate::ui::icons;
use crate::ui::widgets::quiet_icon_button;
use egui::{Align2, Area, Frame, Id, Label, Margin, Order, RichText, Ui, vec2};

pub fn notice_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(notice) = cx.notice else { return };
    let (fill, color, icon) = if notice.bad {
        (cx.theme.warn_faint, cx.theme.warn, icons::WARNING)
    } else {
        (cx.theme.accent_faint, cx.theme.text, icons::CHECK)
    };
    let width = (ui.ctx().content_rect().width() - 240.0).min(760.0);
    // Over the panels, so that nothing moves when a message comes or goes.
    let area = Area::new(Id::unique("notice")).order(Order::Foreground).anchor(Align2::CENTER_TOP, vec2(0.0, 54.0));
    area.show(ui.ctx(), |ui| {
        Frame::popup(ui.style()).fill(fill).inner_margin(Margin::symmetric(12, 6)).show(ui, |ui| {
            ui.set_max_width(width);
            ui.horizontal(|ui| {
                ui.label(RichText::new(icon).size(15.0).color(color));
                let buttons = if notice.path.is_some() { 170.0 } else { 44.0 };
                ui.vertical(|ui| {
                    ui.set_max_width(width - buttons - 40.0);
                    ui.add_space(5.0);
                    ui.add(Label::new(RichText::new(&notice.text).color(color)).wrap());
                });
                if let Some(path) = &notice.path
                    && ui.button("Show in folder").clicked()
                {
                    cx.send(Command::Reveal(path.clone()));
                }
                if quiet_icon_button(ui, icons::CLOSE, "Close message", "Close").clicked() {
                    cx.send(Command::ClearNotice);
                }
            });
        });
    });
}
