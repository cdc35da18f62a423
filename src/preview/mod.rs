//! Pictures on the GPU: textures, camera moves, dissolves, the player.
//!
//! The [`Player`] says which frame it is time for, the film's cut list what that frame shows, and the [`Compositor`]
//! draws it into a [`PreviewTarget`], whose texture the window shows.

mod adapters;
mod between;
mod compositor;
mod pipelines;
mod player;
mod target;
mod textures;

pub use adapters::{AdapterInfo, adapters};
pub use compositor::{Compositor, Dissolve, OnTheWay, PreviewError, Shot};
pub use player::Player;
pub use target::PreviewTarget;
