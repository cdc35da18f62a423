//! Resizing exactly as Python's Pillow does it, for pictures with 8 bits a channel.
//!
//! Networks were trained on pictures resized by Pillow, and a mask that is one level off at its edge is another mask.
//! Pillow widens the filter when it shrinks (so it antialiases), works in fixed point with 22 fractional bits, and
//! rounds to 8 bits between the horizontal and the vertical pass; `Resample.c` is the source.

use rayon::prelude::*;

const FRACTION_BITS: u32 = 22;

/// How neighbouring pixels are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Pillow's `BILINEAR`.
    Bilinear,
    /// Pillow's `BICUBIC`, with a = -0.5.
    Bicubic,
}

impl Filter {
    /// How far the filter reaches, in pixels of the smaller picture.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            _ => 0.0,
        }
    }
}

/// The input pixels that one output pixel is made of.
struct Taps {
    first: usize,
    /// In fixed point.
    weights: Vec<i32>,
}

fn taps(filter: Filter, from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let widen = scale.max(1.0);
    let support = filter.support() * widen;
    let taps_of = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        let first = ((centre - support + 0.5).max(0.0)) as usize;
        let last = ((centre + support + 0.5) as usize).min(from);
        let weights: Vec<f64> =
            (first..last).map(|x| filter.weight((x as f64 - centre + 0.5) * (1.0 / widen))).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: &f64| (weight / sum * f64::from(1 << FRACTION_BITS)).round() as i32;
        Taps { first, weights: weights.iter().map(fixed).collect() }
    };
    (0..to).map(taps_of).collect()
}

fn to_u8(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (FRACTION_BITS - 1);

/// Resizes interleaved pixels of `CHANNELS` channels from `from` (width, height) to `to`, exactly as Pillow does.
///
/// # Panics
/// When `pixels` is not `from.0 * from.1 * CHANNELS` long, or a side of `from` or `to` is 0.
pub fn resize_u8<const CHANNELS: usize>(
    pixels: &[u8],
    from: (usize, usize),
    to: (usize, usize),
    filter: Filter,
) -> Vec<u8> {
    assert_eq!(pixels.len(), from.0 * from.1 * CHANNELS, "the pixels must fill the picture");
    assert!(from.0 > 0 && from.1 > 0 && to.0 > 0 && to.1 > 0, "a picture has no side of 0");

    let mut wide = Vec::new();
    let rows: &[u8] = if from.0 == to.0 {
        pixels
    } else {
        let columns = taps(filter, from.0, to.0);
        wide.resize(to.0 * from.1 * CHANNELS, 0);
        wide.par_chunks_exact_mut(to.0 * CHANNELS).zip(pixels.par_chunks_exact(from.0 * CHANNELS)).for_each(
            |(out, row)| {
                for (pixel, taps) in out.chunks_exact_mut(CHANNELS).zip(&columns) {
                    let mut sums = [HALF; CHANNELS];
                    let inputs = row[taps.first * CHANNELS..].chunks_exact(CHANNELS);
                    for (weight, input) in taps.weights.iter().zip(inputs) {
                        for (sum, &value) in sums.iter_mut().zip(input) {
                            *sum += weight * i32::from(value);
                        }
                    }
                    for (value, sum) in pixel.iter_mut().zip(sums) {
                        *value = to_u8(sum);
                    }
                }
            },
        );
        &wide
    };
    if from.1 == to.1 {
        return rows.to_vec();
    }

    let lines = taps(filter, from.1, to.1);
    let stride = to.0 * CHANNELS;
    let mut out = vec![0; stride * to.1];
    out.par_chunks_exact_mut(stride).zip(&lines).for_each_init(
        || vec![0; stride],
        |sums, (line, taps)| {
            sums.fill(HALF);
            for (weight, row) in taps.weights.iter().zip(rows[taps.first * stride..].chunks_exact(stride)) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += weight * i32::from(value);
                }
            }
            for (value, sum) in line.iter_mut().zip(&*sums) {
                *value = to_u8(*sum);
            }
        },
    );
    out
}
