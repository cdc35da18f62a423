//! The command line: arguments → a validated plan → its steps, run by the same engine as the window.

pub mod args;
pub mod doctor;
mod film;
pub mod models;
pub mod progress;
mod renders;
mod run;
mod scenes;
mod script;
mod show;
mod takes;

pub use renders::PausedRender;
pub use run::run;
