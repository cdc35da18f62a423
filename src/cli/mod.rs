//! The command line.

pub mod doctor;
pub mod models;
pub mod progress;
