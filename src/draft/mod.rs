//! The instant stand-ins for pictures that no model has made yet.
//!
//! References come from a built-in library of vector pictures, matched by the words of a name and its description; stills
//! are composed of a painted place and the cast on its ground line; frames are camera moves over stills. Everything here
//! is quick enough to follow typing, and deterministic: the same words, seed and size give the same bytes.

mod art;
mod backdrop;
mod camera_move;
mod color;
mod dice;
mod dissolve;
mod example;
mod far;
mod figure;
mod frames;
mod grade;
mod ground;
mod indoor;
mod layout;
mod library;
mod light;
mod matching;
mod near;
mod outdoor;
mod person;
mod photo;
mod raster;
mod reference;
mod setting;
mod shapes;
mod still;
mod svg;
mod words;

pub use camera_move::camera_move;
pub use dissolve::dissolve;
pub use example::example_project;
pub use frames::{Shown, render_shots};
pub use reference::{EntityLook, matched_picture, matched_setting, reference_picture};
pub use still::{StillBackground, StillEntity, StillSpec, draw_still};

/// Forgets everything drawn so far, so that a benchmark can measure a cold start.
pub fn forget_pictures() {
    raster::clear_cache();
    art::clear();
}
