//! The camera over a still, on the CPU: the twin of the preview's shader.
//!
//! Kept in sync with the shader of the same name: the output pixel `(x, y)` of `W × H` looks at
//! `uv = center + ((x + 0.5) / W - 0.5, (y + 0.5) / H - 0.5) * extent`, the texel position is `uv * still_size - 0.5`,
//! sampled bilinearly in gamma space and clamped to the edge.

use crate::project::View;
use crate::simd::vectorized;
use image::RgbaImage;
use rayon::prelude::*;

/// Four 8-bit channels spread into four 16-bit lanes.
#[inline(always)]
fn spread(pixel: [u8; 4]) -> u64 {
    let x = u64::from(u32::from_le_bytes(pixel));
    let x = (x | (x << 16)) & 0x0000_ffff_0000_ffff;
    (x | (x << 8)) & 0x00ff_00ff_00ff_00ff
}

/// Mixes two texels of 16-bit lanes that hold 256ths, and rounds to 8-bit channels.
#[inline(always)]
fn mix(p: u64, q: u64, weight: u64) -> [u8; 4] {
    const WIDE: u64 = 0x0000_ffff_0000_ffff;
    const HALF: u64 = 0x0000_8000_0000_8000;
    const BYTE: u64 = 0x0000_00ff_0000_00ff;
    let keep = 256 - weight;
    let even = (((p & WIDE) * keep + (q & WIDE) * weight + HALF) >> 16) & BYTE;
    let odd = ((((p >> 16) & WIDE) * keep + ((q >> 16) & WIDE) * weight + HALF) >> 16) & BYTE;
    let packed = even | (odd << 8);
    (packed as u32 | (packed >> 16) as u32).to_le_bytes()
}

/// Two neighbouring texels and the weight of the second, of 256.
#[derive(Debug, Clone, Copy)]
struct Tap {
    first: u32,
    second: u32,
    weight: u64,
}

fn taps(out_len: u32, still_len: u32, center: f32, extent: f32) -> Vec<Tap> {
    let last = f64::from(still_len.saturating_sub(1));
    (0..out_len)
        .map(|i| {
            let uv = f64::from(center) + ((f64::from(i) + 0.5) / f64::from(out_len) - 0.5) * f64::from(extent);
            let at = uv * f64::from(still_len) - 0.5;
            let floor = at.floor();
            Tap {
                first: floor.clamp(0.0, last) as u32,
                second: (floor + 1.0).clamp(0.0, last) as u32,
                weight: ((at - floor) * 256.0).round() as u64,
            }
        })
        .collect()
}

/// Fills `out` with what the camera sees of `still` through `view`. An empty picture on either side changes nothing.
pub fn camera_move(still: &RgbaImage, view: View, out: &mut RgbaImage) {
    let (still_w, still_h) = still.dimensions();
    let (w, h) = out.dimensions();
    if still_w == 0 || still_h == 0 || w == 0 || h == 0 {
        return;
    }
    if view.extent == 1.0 && view.center == [0.5, 0.5] && still.dimensions() == out.dimensions() {
        out.copy_from_slice(still);
        return;
    }
    let columns = taps(w, still_w, view.center[0], view.extent);
    let rows = taps(h, still_h, view.center[1], view.extent);
    let seen = columns.iter().fold((u32::MAX, 0), |(low, high), t| (low.min(t.first), high.max(t.second)));
    let stride = still_w as usize * 4;
    let texels: &[u8] = still;
    out.par_chunks_exact_mut(w as usize * 4).zip(&rows).for_each_init(
        || vec![0u64; still_w as usize],
        |blended, (line, row)| {
            let row_of = |y: u32| texels[y as usize * stride..][..stride].as_chunks::<4>().0;
            let span = seen.0 as usize..seen.1 as usize + 1;
            let (above, below) = (&row_of(row.first)[span.clone()], &row_of(row.second)[span.clone()]);
            let (keep, weight) = (256 - row.weight, row.weight);
            let texels = blended[span].iter_mut().zip(above).zip(below);
            vectorized(|| texels.for_each(|((lanes, a), b)| *lanes = spread(*a) * keep + spread(*b) * weight));
            for (pixel, tap) in line.as_chunks_mut::<4>().0.iter_mut().zip(&columns) {
                *pixel = mix(blended[tap.first as usize], blended[tap.second as usize], tap.weight);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{CameraMove, Direction, Speed};

    fn still() -> RgbaImage {
        RgbaImage::from_fn(97, 61, |x, y| {
            image::Rgba([(x * 37 % 256) as u8, (y * 53 % 256) as u8, ((x * y) % 256) as u8, 255])
        })
    }

    /// The definition, one pixel at a time.
    fn reference(still: &RgbaImage, view: View, (w, h): (u32, u32), (x, y): (u32, u32), channel: usize) -> f64 {
        let at = |i: u32, len: u32, still_len: u32, center: f32| {
            (f64::from(center) + ((f64::from(i) + 0.5) / f64::from(len) - 0.5) * f64::from(view.extent))
                * f64::from(still_len)
                - 0.5
        };
        let (u, v) = (at(x, w, still.width(), view.center[0]), at(y, h, still.height(), view.center[1]));
        let texel = |tx: f64, ty: f64| {
            let clamp = |t: f64, len: u32| t.clamp(0.0, f64::from(len - 1)) as u32;
            f64::from(still.get_pixel(clamp(tx, still.width()), clamp(ty, still.height()))[channel])
        };
        let (fx, fy) = (u - u.floor(), v - v.floor());
        let top = texel(u.floor(), v.floor()) * (1.0 - fx) + texel(u.floor() + 1.0, v.floor()) * fx;
        let bottom = texel(u.floor(), v.floor() + 1.0) * (1.0 - fx) + texel(u.floor() + 1.0, v.floor() + 1.0) * fx;
        top * (1.0 - fy) + bottom * fy
    }

    #[test]
    fn every_move_samples_as_defined() {
        let still = still();
        for direction in Direction::ALL {
            for t in [0.0, 0.3, 1.0] {
                let view = CameraMove::new(direction, Speed::Fast).view_at(t);
                let mut out = RgbaImage::new(64, 48);
                camera_move(&still, view, &mut out);
                for (x, y) in [(0, 0), (63, 0), (0, 47), (63, 47), (31, 20), (5, 40)] {
                    for channel in 0..3 {
                        let wanted = reference(&still, view, (64, 48), (x, y), channel);
                        let got = f64::from(out.get_pixel(x, y)[channel]);
                        assert!((got - wanted).abs() <= 1.5, "{direction} at {t}: {got} for {wanted} at {x},{y}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_static_camera_shows_the_still_itself() {
        let still = still();
        let mut out = RgbaImage::new(97, 61);
        camera_move(&still, CameraMove::new(Direction::Static, Speed::Slow).view_at(0.5), &mut out);
        assert_eq!(still, out);
    }
}
