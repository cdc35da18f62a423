//! The instant stand-ins for pictures that no model has made yet.
#![allow(missing_docs)]
use crate::project::*; use std::sync::Arc; use image::RgbaImage;
pub struct EntityLook { pub name: String, pub description: String, pub photo: Option<Arc<RgbaImage>> }
pub struct StillSpec { pub width: u32, pub height: u32, pub prompt: String, pub style: String, pub seed: u64, pub background: EntityLook, pub foreground: Vec<EntityLook> }
pub fn draw_still(s: &StillSpec) -> RgbaImage { RgbaImage::new(s.width, s.height) }
pub fn reference_picture(_: EntityKind, _: &EntityLook, s: u32) -> RgbaImage { RgbaImage::new(s, s) }
pub fn example_project() -> Project { Project::new("") }
pub fn camera_move(_: &RgbaImage, _: View, _: &mut RgbaImage) {}
pub fn dissolve(_: &RgbaImage, _: &RgbaImage, _: f32, _: &mut RgbaImage) {}
