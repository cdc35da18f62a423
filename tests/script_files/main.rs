//! Scripts that come from files and go to files.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod bad_input;
mod command_line;
mod compat;
mod imports;
#[path = "../program/mod.rs"]
mod program;
#[path = "../rng/mod.rs"]
mod rng;
mod round_trip;
