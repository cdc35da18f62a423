//! The command line: arguments → a validated plan → its steps, run by the same engine as the window.

pub mod args;
pub mod doctor;
pub mod farm;
mod film;
pub mod models;
pub mod progress;
mod run;
mod show;

pub use run::run;
