//! The draft of an entity's reference picture.

use super::art::art;
use super::backdrop::{Place, UNITS_HIGH};
use super::raster;
use crate::project::EntityKind;
use image::RgbaImage;

/// The words that decide how an entity looks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntityLook {
    /// Person or object, or place.
    pub kind: EntityKind,
    /// Its name.
    pub name: String,
    /// Its looks; may be empty.
    pub description: String,
}

/// Share of the picture's side that stays empty around an entity.
const MARGIN: f32 = 0.05;

/// Draws an entity's reference picture, `size_px` on each side: a person or object on a transparent ground, a place as a
/// whole little landscape.
pub fn reference_picture(look: &EntityLook, size_px: u32) -> RgbaImage {
    let size = size_px.clamp(1, 4096);
    let pixels = match look.kind {
        EntityKind::Background => {
            let svg = Place::read(&look.name, &look.description, "").paint(1.0, false);
            raster::rasterise(&svg, [0.0, 0.0, UNITS_HIGH, UNITS_HIGH], size, size)
        }
        EntityKind::Foreground => {
            let art = art(&look.name, &look.description);
            // The whole square around the drawing, with the entity in its middle.
            let side = art.crop[2].max(art.crop[3]) / (1.0 - 2.0 * MARGIN);
            let [x, y, w, h] = art.crop;
            raster::rasterise(&art.svg, [x + w / 2.0 - side / 2.0, y + h / 2.0 - side / 2.0, side, side], size, size)
        }
    };
    let mut data = Vec::with_capacity(pixels.data().len());
    for p in pixels.pixels() {
        let p = p.demultiply();
        data.extend_from_slice(&[p.red(), p.green(), p.blue(), p.alpha()]);
    }
    RgbaImage::from_raw(size, size, data).unwrap_or_default()
}

/// What the library draws for a name: a picture's name, `person` or `person-ROLE`, or `letter` when nothing matches.
pub fn matched_picture(name: &str, description: &str) -> String {
    art(name, description).id.clone()
}

/// The kind of place that is drawn for a background, such as `sea` or `kitchen`; `open` when nothing matches.
pub fn matched_setting(name: &str, description: &str) -> &'static str {
    Place::read(name, description, "").setting.name()
}
