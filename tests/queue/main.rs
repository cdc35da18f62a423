//! What is to be rendered: its order, its pauses, and that it survives whatever happens to the program.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod kills;
mod lanes;
mod order;
mod place;
#[path = "../program/mod.rs"]
mod program;
