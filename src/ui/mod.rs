//! The window.
//!
//! [`App`] is serialised state plus services. A frame has two halves: `logic` drains what the engine and the
//! saver report and carries out the commands of the last frame; `ui` only draws, and collects new commands.

mod app;
mod carry_out;
mod clips;
mod command;
mod document;
mod events;
mod farm;
mod group;
mod icons;
mod panels;
mod rendering;
mod revise;
mod scripts;
mod stills;
mod takes;
mod theme;
mod viewer;
mod widgets;
mod writers;
mod writing;

pub use app::{App, AppError};
use std::path::PathBuf;

/// What the command line asks of the window.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// The project to open.
    pub project: Option<PathBuf>,
}

/// The window's name for the desktop.
pub const APP_ID: &str = "reelboard";

/// Opens the window and returns when it is closed.
pub fn run(launch: Launch) -> Result<(), eframe::Error> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("Reelboard")
        .with_app_id(APP_ID)
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([1080.0, 680.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, renderer: eframe::Renderer::Wgpu, ..Default::default() };
    eframe::run_native(APP_ID, options, Box::new(|cx| Ok(Box::new(app::App::new(cx, launch)?))))
}
