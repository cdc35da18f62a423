//! Clips: VideoStudio-Vid, which sets a still in motion.

mod action;
mod animate;
mod error;
mod load;
mod networks;

pub use animate::{Animate, Animator};
pub use error::AnimateError;
pub use networks::{ClipNetworks, Prepared, move_camera};
