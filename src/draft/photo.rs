//! Own photos in a still: cut-outs and grounds, resampled to the size at which they appear.

use super::color::Rgb;
use super::raster::{blank, cached};
use image::RgbaImage;
use rayon::prelude::*;
use resvg::tiny_skia::Pixmap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Samples taken per output pixel along one side, at most: enough against aliasing, and bounded for huge photos.
const SAMPLES: u32 = 4;
/// Alpha from which a pixel counts as part of the cut-out.
const SOLID: u8 = 24;

/// The part of a cut-out that is not empty: left, top, width, height; and whether the photo's lower edge cuts it off.
pub(super) fn solid_part(cutout: &RgbaImage) -> Option<([u32; 4], bool)> {
    let (w, h) = cutout.dimensions();
    if w == 0 || h == 0 {
        return None;
    }
    let (mut left, mut right, mut top, mut bottom) = (w, 0, h, 0);
    for (y, row) in cutout.rows().enumerate() {
        let mut solid = row.enumerate().filter(|(_, p)| p[3] >= SOLID).map(|(x, _)| x as u32);
        if let Some(first) = solid.next() {
            let last = solid.next_back().unwrap_or(first);
            (left, right) = (left.min(first), right.max(last));
            (top, bottom) = (top.min(y as u32), bottom.max(y as u32));
        }
    }
    if left > right || top > bottom {
        return None;
    }
    let edge = (left..=right).filter(|&x| cutout.get_pixel(x, bottom)[3] >= SOLID).count() as u32;
    let cut_off = bottom + 2 >= h && edge * 4 > right - left;
    Some(([left, top, right - left + 1, bottom - top + 1], cut_off))
}

/// A stable key for a photo's pixels at a size: contents are hashed sparsely, with the size and the allocation's address.
fn key(photo: &Arc<RgbaImage>, what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    photo.dimensions().hash(&mut hasher);
    let bytes: &[u8] = photo;
    // Every edit of a photo is a new picture; a few thousand samples tell pictures apart.
    bytes.iter().step_by((bytes.len() / 8192).max(1) | 1).for_each(|b| b.hash(&mut hasher));
    what.hash(&mut hasher);
    hasher.finish()
}

/// `part` of a photo at `width × height` pixels, premultiplied, mirrored if asked, in a light of colour `tint`.
pub(super) fn resampled(
    photo: &Arc<RgbaImage>,
    part: [u32; 4],
    width: u32,
    height: u32,
    flip: bool,
    tint: Rgb,
) -> Arc<Pixmap> {
    cached(key(photo, (part, width, height, flip, tint)), || {
        let mut out = blank(width, height);
        let (out_w, out_h) = (out.width(), out.height());
        out.data_mut().par_chunks_mut(out_w as usize * 4).enumerate().for_each(|(y, row)| {
            let span = |i: u32, n: u32, start: u32, len: u32| {
                let from = f64::from(start) + f64::from(i) * f64::from(len) / f64::from(n);
                (from, f64::from(len) / f64::from(n))
            };
            let (y0, dy) = span(y as u32, out_h, part[1], part[3]);
            for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
                let x = if flip { out_w - 1 - x as u32 } else { x as u32 };
                let (x0, dx) = span(x, out_w, part[0], part[2]);
                let sample = average(photo, (x0, dx), (y0, dy));
                let lit = |v: f32, t: u8| (v * f32::from(t) / 255.0 + 0.5) as u8;
                pixel.copy_from_slice(&[
                    lit(sample[0], tint.0),
                    lit(sample[1], tint.1),
                    lit(sample[2], tint.2),
                    (sample[3] + 0.5) as u8,
                ]);
            }
        });
        out
    })
}

/// The premultiplied average of a patch, from up to `SAMPLES`² places; bilinear between them when enlarging.
fn average(photo: &RgbaImage, (x0, dx): (f64, f64), (y0, dy): (f64, f64)) -> [f32; 4] {
    let count = |d: f64| (d.ceil() as u32).clamp(1, SAMPLES);
    let (nx, ny) = (count(dx), count(dy));
    let mut sum = [0.0f32; 4];
    for j in 0..ny {
        for i in 0..nx {
            let sx = x0 + dx * (f64::from(i) + 0.5) / f64::from(nx) - 0.5;
            let sy = y0 + dy * (f64::from(j) + 0.5) / f64::from(ny) - 0.5;
            let p = if dx < 1.0 || dy < 1.0 {
                bilinear(photo, sx, sy)
            } else {
                premultiplied(photo, sx.round(), sy.round())
            };
            for (s, v) in sum.iter_mut().zip(p) {
                *s += v;
            }
        }
    }
    let n = (nx * ny) as f32;
    sum.map(|s| s / n)
}

fn premultiplied(photo: &RgbaImage, x: f64, y: f64) -> [f32; 4] {
    let clamp = |v: f64, len: u32| v.clamp(0.0, f64::from(len - 1)) as u32;
    let p = photo.get_pixel(clamp(x, photo.width()), clamp(y, photo.height())).0;
    let a = f32::from(p[3]) / 255.0;
    [f32::from(p[0]) * a, f32::from(p[1]) * a, f32::from(p[2]) * a, f32::from(p[3])]
}

fn bilinear(photo: &RgbaImage, x: f64, y: f64) -> [f32; 4] {
    let (fx, fy) = ((x - x.floor()) as f32, (y - y.floor()) as f32);
    let at = |dx: f64, dy: f64| premultiplied(photo, x.floor() + dx, y.floor() + dy);
    let (a, b, c, d) = (at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0), at(1.0, 1.0));
    std::array::from_fn(|i| (a[i] * (1.0 - fx) + b[i] * fx) * (1.0 - fy) + (c[i] * (1.0 - fx) + d[i] * fx) * fy)
}

/// A photo as the ground of a still: it covers the frame, steps back a little in brightness, and its lower part is soft
/// and darker, so that the cast stands out.
pub(super) fn ground(photo: &Arc<RgbaImage>, width: u32, height: u32) -> Arc<Pixmap> {
    let (w, h) = photo.dimensions();
    if w == 0 || h == 0 {
        return Arc::new(blank(width, height));
    }
    // The largest centred part of the frame's shape.
    let (part_w, part_h) = if u64::from(w) * u64::from(height) > u64::from(h) * u64::from(width) {
        (((u64::from(h) * u64::from(width)) / u64::from(height)).max(1) as u32, h)
    } else {
        (w, ((u64::from(w) * u64::from(height)) / u64::from(width)).max(1) as u32)
    };
    let part = [(w - part_w.min(w)) / 2, (h - part_h.min(h)) / 2, part_w.min(w), part_h.min(h)];
    cached(key(photo, ("ground", part, width, height)), || {
        let sharp = resampled(photo, part, width, height, false, Rgb::WHITE);
        let small = resampled(photo, part, (width / 24).max(1), (height / 24).max(1), false, Rgb::WHITE);
        let mut out = Pixmap::clone(&sharp);
        let stride = out.width() as usize * 4;
        out.data_mut().par_chunks_mut(stride).enumerate().for_each(|(y, row)| {
            let down = y as f32 / height as f32;
            let soft = ((down - 0.52) / 0.3).clamp(0.0, 1.0) * 0.85;
            let dim = 0.93 - 0.2 * ((down - 0.5) / 0.5).clamp(0.0, 1.0);
            for (x, p) in row.chunks_exact_mut(4).enumerate() {
                let blur = if soft > 0.0 {
                    sample(&small, (x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32)
                } else {
                    [0.0; 3]
                };
                for (channel, blur) in p.iter_mut().take(3).zip(blur) {
                    *channel = ((f32::from(*channel) * (1.0 - soft) + blur * soft) * dim) as u8;
                }
                p[3] = 255;
            }
        });
        out
    })
}

fn sample(picture: &Pixmap, u: f32, v: f32) -> [f32; 3] {
    let (w, h) = (picture.width() as i32, picture.height() as i32);
    let (x, y) = (u * w as f32 - 0.5, v * h as f32 - 0.5);
    let (fx, fy) = (x - x.floor(), y - y.floor());
    let at = |dx: i32, dy: i32| {
        let index =
            ((y.floor() as i32 + dy).clamp(0, h - 1) * w + (x.floor() as i32 + dx).clamp(0, w - 1)) as usize * 4;
        let p = &picture.data()[index..index + 3];
        [f32::from(p[0]), f32::from(p[1]), f32::from(p[2])]
    };
    let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
    std::array::from_fn(|i| (a[i] * (1.0 - fx) + b[i] * fx) * (1.0 - fy) + (c[i] * (1.0 - fx) + d[i] * fx) * fy)
}
