//! The cross-dissolve, on the CPU: the twin of the preview's shader of the same name.

use crate::simd::vectorized;
use image::RgbaImage;
use rayon::prelude::*;

/// Pixels that one thread takes at a time.
const CHUNK: usize = 1 << 16;

/// Four channels, two to a word in lanes of 32 bits; the weights are 65536ths.
#[inline(always)]
fn mix(a: [u8; 4], b: [u8; 4], first: u64, second: u64) -> [u8; 4] {
    const LANES: u64 = 0x0000_00ff_0000_00ff;
    const HALF: u64 = 0x0000_8000_0000_8000;
    let (a, b) = (u64::from(u32::from_le_bytes(a)), u64::from(u32::from_le_bytes(b)));
    let (a, b) = (a | (a << 16), b | (b << 16));
    let even = (((a & LANES) * first + (b & LANES) * second + HALF) >> 16) & LANES;
    let odd = ((((a >> 8) & LANES) * first + ((b >> 8) & LANES) * second + HALF) >> 16) & LANES;
    let packed = even | (odd << 8);
    (packed as u32 | (packed >> 16) as u32).to_le_bytes()
}

/// Fills `out` with `a` at `t = 0`, `b` at `t = 1` and the linear mix in gamma space between, rounded to nearest.
///
/// The three pictures have the same size; what one has beyond another stays as it is.
pub fn dissolve(a: &RgbaImage, b: &RgbaImage, t: f32, out: &mut RgbaImage) {
    let (a, b): (&[u8], &[u8]) = (a, b);
    let second = (f64::from(t.clamp(0.0, 1.0)) * 65536.0).round() as u64;
    let first = 65536 - second;
    out.par_chunks_mut(CHUNK * 4).zip(a.par_chunks(CHUNK * 4)).zip(b.par_chunks(CHUNK * 4)).for_each(
        |((out, a), b)| {
            let pairs = a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0);
            let pixels = out.as_chunks_mut::<4>().0.iter_mut().zip(pairs);
            vectorized(|| pixels.for_each(|(pixel, (a, b))| *pixel = mix(*a, *b, first, second)));
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dissolve_is_the_rounded_mix() {
        let a = RgbaImage::from_fn(64, 4, |x, y| image::Rgba([(x * 4) as u8, (y * 60) as u8, 255, 255]));
        let b = RgbaImage::from_fn(64, 4, |x, y| image::Rgba([255 - (x * 4) as u8, 7, (y * 11) as u8, 255]));
        let mut out = RgbaImage::new(64, 4);
        for t in [0.0f32, 0.25, 0.37, 0.5, 1.0] {
            dissolve(&a, &b, t, &mut out);
            for ((a, b), out) in a.iter().zip(b.iter()).zip(out.iter()) {
                let wanted = (f64::from(*a) + (f64::from(*b) - f64::from(*a)) * f64::from(t) + 0.5).floor();
                assert!(
                    (f64::from(*out) - wanted).abs() <= f64::from(u8::from((wanted - wanted.floor()).abs() > 0.0)),
                    "{a} {b} {t}"
                );
            }
        }
    }
}
