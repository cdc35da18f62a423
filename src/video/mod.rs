//! Clips: VideoStudio-Vid, which sets a still in motion.

mod action;
mod animate;
mod error;
mod load;

pub use animate::{Animate, Animator};
pub use error::AnimateError;
