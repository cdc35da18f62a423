//! RGB pictures as the video codec wants them: BT.709, limited range, chroma at half the size.

use crate::simd::vectorized;
use image::RgbaImage;
use rayon::prelude::*;

/// A picture as three planes of 8-bit samples: luma at full size, then two chroma planes at half the width and height.
///
/// Done here and not by FFmpeg's scaler, which uses the BT.601 matrix unless told otherwise through its raw interface,
/// and puts chroma samples between columns where H.264 expects them on the even ones.
#[derive(Debug, Clone)]
pub(super) struct Yuv420 {
    pub width: usize,
    pub height: usize,
    /// Luma, blue difference, red difference.
    pub planes: [Vec<u8>; 3],
}

/// Bits after the binary point in the integer matrix below.
const FRACTION_BITS: u32 = 16;
/// BT.709 luma weights of red, green and blue, scaled from 0–255 to the limited range's 219 steps.
const LUMA: [i32; 3] = [weight(0.2126 * 219.0), weight(0.7152 * 219.0), weight(0.0722 * 219.0)];
/// Blue and red difference: `(B − Y) / 1.8556` and `(R − Y) / 1.5748`, scaled to 224 steps.
const BLUE_DIFFERENCE: [i32; 3] =
    [weight(-0.2126 / 1.8556 * 224.0), weight(-0.7152 / 1.8556 * 224.0), weight(0.5 * 224.0)];
const RED_DIFFERENCE: [i32; 3] =
    [weight(0.5 * 224.0), weight(-0.7152 / 1.5748 * 224.0), weight(-0.0722 / 1.5748 * 224.0)];

const fn weight(steps: f64) -> i32 {
    let scaled = steps / 255.0 * (1 << FRACTION_BITS) as f64;
    (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

impl Yuv420 {
    /// A black picture. `width` and `height` are even.
    pub fn new(width: usize, height: usize) -> Self {
        let chroma = width / 2 * (height / 2);
        Self { width, height, planes: [vec![16; width * height], vec![128; chroma], vec![128; chroma]] }
    }

    /// Converts `picture`, which has this size; its alpha is ignored.
    pub fn fill_from(&mut self, picture: &RgbaImage) {
        let width = self.width;
        let [luma, blue, red] = &mut self.planes;
        picture
            .as_raw()
            .par_chunks_exact(width * 4 * 2)
            .zip(luma.par_chunks_exact_mut(width * 2))
            .zip(blue.par_chunks_exact_mut(width / 2).zip(red.par_chunks_exact_mut(width / 2)))
            .with_min_len(16)
            .for_each(|((rgba, luma), (blue, red))| {
                vectorized(|| luma_of(rgba, luma));
                vectorized(|| chroma_of(rgba, blue, red));
            });
    }
}

#[inline(always)]
fn luma_of(rgba: &[u8], luma: &mut [u8]) {
    const OFFSET: i32 = (16 << FRACTION_BITS) + (1 << (FRACTION_BITS - 1));
    for (pixel, luma) in rgba.as_chunks::<4>().0.iter().zip(luma) {
        let [r, g, b] = [i32::from(pixel[0]), i32::from(pixel[1]), i32::from(pixel[2])];
        *luma = ((LUMA[0] * r + LUMA[1] * g + LUMA[2] * b + OFFSET) >> FRACTION_BITS) as u8;
    }
}

/// Chroma of two rows of pixels. A sample lies on an even column, midway between the two rows: it takes that column
/// twice and the two beside it once, of both rows, eight pixels in all.
#[inline(always)]
fn chroma_of(rgba: &[u8], blue: &mut [u8], red: &mut [u8]) {
    const OFFSET: i32 = (128 << (FRACTION_BITS + 3)) + (1 << (FRACTION_BITS + 2));
    let (upper, lower) = rgba.split_at(rgba.len() / 2);
    let (upper, lower) = (upper.as_chunks::<8>().0, lower.as_chunks::<8>().0);
    let column = |up: &[u8; 8], low: &[u8; 8], first: usize| {
        [0, 1, 2].map(|channel| i32::from(up[first + channel]) + i32::from(low[first + channel]))
    };
    let Some((up, low)) = upper.first().zip(lower.first()) else { return };
    // The edge repeats outwards.
    let mut before = column(up, low, 0);
    for (((up, low), blue), red) in upper.iter().zip(lower).zip(blue).zip(red) {
        let (on, after) = (column(up, low, 0), column(up, low, 4));
        let sum = [0, 1, 2].map(|channel| before[channel] + 2 * on[channel] + after[channel]);
        let difference = |weights: [i32; 3]| {
            let value = weights[0] * sum[0] + weights[1] * sum[1] + weights[2] * sum[2] + OFFSET;
            (value >> (FRACTION_BITS + 3)) as u8
        };
        (*blue, *red) = (difference(BLUE_DIFFERENCE), difference(RED_DIFFERENCE));
        before = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    fn flat(rgb: [u8; 3]) -> [u8; 3] {
        let mut yuv = Yuv420::new(8, 6);
        yuv.fill_from(&RgbaImage::from_pixel(8, 6, Rgba([rgb[0], rgb[1], rgb[2], 255])));
        for plane in &yuv.planes {
            assert!(plane.iter().all(|sample| *sample == plane[0]));
        }
        [0, 1, 2].map(|plane| yuv.planes[plane][0])
    }

    #[test]
    fn pure_colours_have_the_values_of_bt_709() {
        assert_eq!(flat([0, 0, 0]), [16, 128, 128]);
        assert_eq!(flat([255, 255, 255]), [235, 128, 128]);
        assert_eq!(flat([128, 128, 128]), [126, 128, 128]);
        assert_eq!(flat([255, 0, 0]), [63, 102, 240]);
        assert_eq!(flat([0, 255, 0]), [173, 42, 26]);
        assert_eq!(flat([0, 0, 255]), [32, 240, 118]);
    }

    #[test]
    fn every_colour_is_within_one_level_of_the_exact_value() {
        for r in (0..=255).step_by(15) {
            for g in (0..=255).step_by(15) {
                for b in (0..=255).step_by(15) {
                    let [rf, gf, bf] = [r, g, b].map(|c| f64::from(c) / 255.0);
                    let y = 0.2126 * rf + 0.7152 * gf + 0.0722 * bf;
                    let exact =
                        [16.0 + 219.0 * y, 128.0 + 224.0 * (bf - y) / 1.8556, 128.0 + 224.0 * (rf - y) / 1.5748];
                    for (sample, exact) in flat([r as u8, g as u8, b as u8]).into_iter().zip(exact) {
                        assert!((f64::from(sample) - exact).abs() < 0.51, "{r} {g} {b}: {sample}, {exact}");
                    }
                }
            }
        }
    }

    #[test]
    fn chroma_lies_on_even_columns() {
        // A red pixel in an even column colours its own sample most, and no other.
        let mut picture = RgbaImage::from_pixel(8, 2, Rgba([0, 0, 0, 255]));
        for y in 0..2 {
            picture.put_pixel(4, y, Rgba([255, 0, 0, 255]));
        }
        let mut yuv = Yuv420::new(8, 2);
        yuv.fill_from(&picture);
        assert_eq!(yuv.planes[2], [128, 128, 128 + 56, 128]);
        // One in an odd column colours its two neighbours alike.
        let mut picture = RgbaImage::from_pixel(8, 2, Rgba([0, 0, 0, 255]));
        for y in 0..2 {
            picture.put_pixel(3, y, Rgba([255, 0, 0, 255]));
        }
        yuv.fill_from(&picture);
        assert_eq!(yuv.planes[2], [128, 128 + 28, 128 + 28, 128]);
    }
}
