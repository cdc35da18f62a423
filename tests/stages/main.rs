//! The picture and clip stages from published folders to pixels, on random models: what a user would notice of them.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod cards;
mod clips;
mod motion;
mod pictures;
mod studio;
mod watch;
