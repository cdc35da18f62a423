//! Clips: VideoStudio-Vid, which sets a still in motion.

mod action;
mod animate;
mod asked;
mod error;
mod load;
mod networks;

pub use animate::{Animate, Animator};
pub use asked::{clip_size, movement, warp};
pub use error::AnimateError;
pub use networks::{ClipNetworks, Prepared, move_camera};
