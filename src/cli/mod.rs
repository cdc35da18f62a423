//! The command line: arguments → a validated plan → its steps, run by the same engine as the window.

pub mod args;
mod changes;
pub mod computing;
pub mod doctor;
pub mod farm;
mod film;
pub mod models;
pub mod progress;
pub mod prompts;
mod renders;
pub mod revise;
mod run;
mod scenes;
mod script;
mod show;
mod takes;
mod telling;

pub use renders::PausedRender;
pub use run::run;
