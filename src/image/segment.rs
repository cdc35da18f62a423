//! From a photo to U²-Net's input and from its output to a mask, step by step as the official code does it.
//!
//! The original resizes with scikit-image in double precision on the way in and with Pillow on the way out; both are
//! followed to the last level, because the weights were trained behind them.

use crate::nets::pillow::{Filter, resize_u8};
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

/// The side of the square picture that the network sees.
pub const INPUT_SIDE: usize = 320;

const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

/// The input pixels that one output pixel is made of; what lies outside the picture counts as black.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

/// The weights of scikit-image's `resize(…, mode="constant")` along one axis, as one weighted sum per output pixel.
///
/// When the axis shrinks, a gaussian of sigma (factor - 1) / 2 comes before the linear interpolation.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let factor = from as f64 / to as f64;
    let sigma = ((factor - 1.0) / 2.0).max(0.0);
    let radius = (4.0 * sigma + 0.5) as isize;
    let gaussian: Vec<f64> = (-radius..=radius)
        .map(|x| if sigma > 0.0 { (-0.5 / (sigma * sigma) * (x * x) as f64).exp() } else { 1.0 })
        .collect();
    let sum: f64 = gaussian.iter().sum();

    let taps_of = |index: usize| {
        let at = (index as f64 + 0.5) * factor - 0.5;
        let (left, share) = (at.floor() as isize, at - at.floor());
        let first = (left - radius).max(0) as usize;
        let end = ((left + 2 + radius).max(0) as usize).min(from);
        let mut weights = vec![0.0; end - first];
        for (centre, share) in [(left, 1.0 - share), (left + 1, share)] {
            // The blurred picture has no pixels outside of the picture either.
            if (0..from as isize).contains(&centre) {
                for (x, weight) in (centre - radius..).zip(&gaussian) {
                    if (0..from as isize).contains(&x) {
                        weights[x as usize - first] += share * weight / sum;
                    }
                }
            }
        }
        Taps { first, weights }
    };
    (0..to).map(taps_of).collect()
}

/// The network's input `[3, 320, 320]`, row-major, for a photo of any size and shape (the aspect is not kept).
pub fn network_input(photo: &RgbImage) -> Vec<f32> {
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let (columns, lines) = (taps(width, INPUT_SIDE), taps(height, INPUT_SIDE));
    let stride = width * 3;
    let pixels = photo.as_raw();

    // Rows first, since their pixels lie one behind the other in memory.
    let mut small = vec![[0.0f64; 3]; INPUT_SIDE * INPUT_SIDE];
    small.par_chunks_exact_mut(INPUT_SIDE).zip(&lines).for_each_init(
        || vec![0.0f64; stride],
        |sums, (out, line)| {
            sums.fill(0.0);
            for (weight, row) in line.weights.iter().zip(pixels[line.first * stride..].chunks_exact(stride)) {
                let weight = weight / 255.0;
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += weight * f64::from(value);
                }
            }
            for (out, column) in out.iter_mut().zip(&columns) {
                for (weight, input) in column.weights.iter().zip(sums[column.first * 3..].chunks_exact(3)) {
                    for (value, input) in out.iter_mut().zip(input) {
                        *value += weight * input;
                    }
                }
            }
        },
    );

    let (lowest, highest) = (pixels.iter().min().copied(), pixels.iter().max().copied());
    let (lowest, highest) = (f64::from(lowest.unwrap_or(0)) / 255.0, f64::from(highest.unwrap_or(0)) / 255.0);
    let mut brightest = 0.0f64;
    for value in small.iter_mut().flatten() {
        *value = value.clamp(lowest, highest);
        brightest = brightest.max(*value);
    }
    // The original divides by zero on an all-black photo; black it stays here.
    let brightest = if brightest > 0.0 { brightest } else { 1.0 };

    let mut input = Vec::with_capacity(3 * INPUT_SIDE * INPUT_SIDE);
    for channel in 0..3 {
        let normalise = |pixel: &[f64; 3]| ((pixel[channel] / brightest - MEAN[channel]) / DEVIATION[channel]) as f32;
        input.extend(small.iter().map(normalise));
    }
    input
}

/// The network's output, stretched to the whole range and cut down to 8 bits.
///
/// An output that is the same everywhere, where the original divides by zero, gives an empty mask.
pub fn mask_at_input_size(output: &[f32]) -> Vec<u8> {
    let lowest = output.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = output.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = highest - lowest;
    let stretch = |&value: &f32| if range > 0.0 { ((value - lowest) / range * 255.0) as u8 } else { 0 };
    output.iter().map(stretch).collect()
}

/// The mask of the network's 320 × 320 output at a photo's size.
///
/// # Panics
/// When `output` does not hold 320 × 320 values or a side of the photo is 0.
pub fn mask_at_photo_size(output: &[f32], width: u32, height: u32) -> GrayImage {
    let small = mask_at_input_size(output);
    let to = (width as usize, height as usize);
    let pixels = resize_u8::<1>(&small, (INPUT_SIDE, INPUT_SIDE), to, Filter::Bilinear);
    GrayImage::from_raw(width, height, pixels).expect("the resized mask fills the photo")
}

/// Foreground and background as VideoStudio's encoder sees them: each pixel is in one of them and black in the other.
///
/// # Panics
/// When the mask has another size than the photo.
pub fn hard_split(photo: &RgbImage, mask: &GrayImage) -> (RgbImage, RgbImage) {
    assert_eq!(photo.dimensions(), mask.dimensions(), "a mask has its photo's size");
    let (mut foreground, mut background) = (photo.clone(), photo.clone());
    let pairs = foreground.pixels_mut().zip(background.pixels_mut());
    for ((foreground, background), mask) in pairs.zip(mask.pixels()) {
        let hidden = if mask.0[0] >= 128 { background } else { foreground };
        hidden.0 = [0; 3];
    }
    (foreground, background)
}
