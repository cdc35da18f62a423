//! Clips: VideoStudio-Vid, which sets a still in motion, and the frames between its frames.

mod action;
mod animate;
mod asked;
mod error;
mod interpolate;
mod load;
mod networks;

pub use animate::{Animate, Animator};
pub use asked::{clip_size, movement, warp};
pub use error::AnimateError;
pub use interpolate::{Motion, MovingBlocks, OnTheWay};
pub use networks::{ClipNetworks, Prepared, move_camera};
