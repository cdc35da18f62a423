//! The command line: arguments → a validated plan → its steps, run by the same engine as the window.

pub mod args;
pub mod doctor;
mod film;
pub mod models;
pub mod progress;
mod run;
mod scenes;
mod show;
mod takes;

pub use run::run;
