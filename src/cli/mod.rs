//! The command line: arguments → a validated plan → its steps, run by the same engine as the window.

pub mod args;
pub mod computing;
pub mod doctor;
pub mod farm;
mod film;
pub mod models;
pub mod progress;
mod renders;
mod run;
mod script;
mod show;

pub use renders::PausedRender;
pub use run::run;
