//! Turning vector pictures into pixels, with a bounded cache of the latest ones.

use rayon::prelude::*;
use resvg::tiny_skia::{Pixmap, PixmapMut, Transform};
use resvg::usvg::{Options, Tree};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// How much the cache may hold: a few full-size backdrops and the sprites of a film.
const CACHE_BYTES: usize = 96 << 20;

/// The part of a drawing to show, in the drawing's own units: left, top, width, height.
pub(super) type Crop = [f32; 4];

#[derive(Default)]
struct Cache {
    pictures: HashMap<u64, (Arc<Pixmap>, u64)>,
    bytes: usize,
    clock: u64,
}

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// Parses a drawing of ours. They are made by this program or shipped with it, so they are valid.
pub(super) fn parse(svg: &str) -> Option<Tree> {
    Tree::from_str(svg, &Options::default()).inspect_err(|e| log::error!("a draft's drawing is broken: {e}")).ok()
}

/// The box that the drawing really covers; `None` when it draws nothing.
pub(super) fn content_box(svg: &str) -> Option<Crop> {
    let bounds = parse(svg)?.root().abs_bounding_box();
    (bounds.width() > 0.0 && bounds.height() > 0.0).then(|| [bounds.x(), bounds.y(), bounds.width(), bounds.height()])
}

/// Draws the `crop` of an SVG document at `width` × `height` pixels, from the cache when it was drawn lately.
pub(super) fn rasterise(svg: &str, crop: Crop, width: u32, height: u32) -> Arc<Pixmap> {
    let mut hasher = DefaultHasher::new();
    (svg, crop.map(f32::to_bits), width, height).hash(&mut hasher);
    cached(hasher.finish(), || draw(svg, crop, width, height))
}

/// The picture of this key, made now unless it was lately.
pub(super) fn cached(key: u64, make: impl FnOnce() -> Pixmap) -> Arc<Pixmap> {
    {
        let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        cache.clock += 1;
        let now = cache.clock;
        if let Some((picture, used)) = cache.pictures.get_mut(&key) {
            *used = now;
            return picture.clone();
        }
    }
    let picture = Arc::new(make());
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let now = cache.clock;
    cache.bytes += picture.data().len();
    if let Some((old, _)) = cache.pictures.insert(key, (picture.clone(), now)) {
        cache.bytes -= old.data().len();
    }
    while cache.bytes > CACHE_BYTES && cache.pictures.len() > 1 {
        let Some(oldest) = cache.pictures.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| *key) else { break };
        if let Some((old, _)) = cache.pictures.remove(&oldest) {
            cache.bytes -= old.data().len();
        }
    }
    picture
}

/// Forgets every picture, so that a benchmark can measure a cold start.
pub fn clear_cache() {
    *CACHE.lock().unwrap_or_else(PoisonError::into_inner) = Cache::default();
}

/// An empty picture of at least one pixel.
pub(super) fn blank(width: u32, height: u32) -> Pixmap {
    Pixmap::new(width.max(1), height.max(1)).expect("a picture of at least one pixel and at most a few thousand fits")
}

fn draw(svg: &str, crop: Crop, width: u32, height: u32) -> Pixmap {
    let mut pixels = blank(width, height);
    let Some(tree) = parse(svg) else { return pixels };
    let (sx, sy) = (width as f32 / crop[2], height as f32 / crop[3]);
    let onto = Transform::from_row(sx, 0.0, 0.0, sy, -crop[0] * sx, -crop[1] * sy);
    // Large pictures are drawn in bands side by side; small ones are not worth the threads.
    let bands = if width * height >= 1 << 18 { 4 } else { 1 };
    let rows = height.div_ceil(bands).max(1);
    pixels.data_mut().par_chunks_mut((rows * width * 4) as usize).enumerate().for_each(|(band, data)| {
        let band_rows = data.len() as u32 / (width * 4);
        if let Some(mut target) = PixmapMut::from_bytes(data, width, band_rows) {
            resvg::render(&tree, onto.post_translate(0.0, -(band as f32 * rows as f32)), &mut target);
        }
    });
    pixels
}

/// Draws a document of `units_w` × `units_h` over a picture, in bands side by side.
pub(super) fn draw_over(svg: &str, onto: &mut Pixmap, units_w: f32, units_h: f32) {
    let Some(tree) = parse(svg) else { return };
    let (width, height) = (onto.width(), onto.height());
    let scale = Transform::from_scale(width as f32 / units_w, height as f32 / units_h);
    let rows = height.div_ceil(4).max(1);
    onto.data_mut().par_chunks_mut((rows * width * 4) as usize).enumerate().for_each(|(band, data)| {
        let band_rows = data.len() as u32 / (width * 4);
        if let Some(mut target) = PixmapMut::from_bytes(data, width, band_rows) {
            resvg::render(&tree, scale.post_translate(0.0, -(band as f32 * rows as f32)), &mut target);
        }
    });
}
