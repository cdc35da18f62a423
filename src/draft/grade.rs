//! The last pass over a still: the look that the style's words ask for, and a soft vignette.

use super::words;
use crate::simd::vectorized;
use rayon::prelude::*;

/// What a style does to colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grade {
    /// 1 keeps colours, 0 leaves greys, above 1 strengthens.
    saturation: f32,
    /// Around middle grey.
    contrast: f32,
    /// Mixed towards white (positive) or black (negative).
    lift: f32,
    /// Multiplies the channels.
    tint: [f32; 3],
    /// How dark the corners are.
    vignette: f32,
    /// Grain of paper, in 8-bit steps.
    grain: f32,
    /// Draws outlines on paper instead of surfaces: share of the outline.
    sketch: f32,
}

const PLAIN: Grade =
    Grade { saturation: 1.0, contrast: 1.0, lift: 0.0, tint: [1.0; 3], vignette: 0.16, grain: 0.0, sketch: 0.0 };

/// Words of a style and what they do; several add up.
const STYLES: &[(&str, Grade)] = &[
    (
        "noir black-and-white monochrome b&w greyscale grayscale",
        Grade { saturation: 0.0, contrast: 1.16, lift: 0.05, vignette: 0.42, ..PLAIN },
    ),
    (
        "sepia vintage retro 1920s old-fashioned antique daguerreotype",
        Grade { saturation: 0.22, contrast: 0.96, tint: [1.08, 0.96, 0.78], vignette: 0.34, grain: 5.0, ..PLAIN },
    ),
    (
        "watercolour watercolor aquarelle gouache storybook",
        Grade { saturation: 0.8, contrast: 0.86, lift: 0.2, vignette: 0.0, grain: 7.0, ..PLAIN },
    ),
    ("pastel soft dreamy gentle", Grade { saturation: 0.72, contrast: 0.82, lift: 0.22, vignette: 0.04, ..PLAIN }),
    (
        "neon cyberpunk synthwave vaporwave",
        Grade { saturation: 1.55, contrast: 1.2, lift: -0.1, tint: [1.06, 0.86, 1.22], vignette: 0.4, ..PLAIN },
    ),
    ("comic cartoon pop anime manga colourful colorful vivid", Grade { saturation: 1.3, contrast: 1.1, ..PLAIN }),
    (
        "gothic horror dark grim moody thriller",
        Grade { saturation: 0.66, contrast: 1.14, lift: -0.16, tint: [0.93, 0.97, 1.06], vignette: 0.5, ..PLAIN },
    ),
    ("cold nordic icy bleak winter", Grade { saturation: 0.82, tint: [0.9, 0.98, 1.1], ..PLAIN }),
    ("warm cosy cozy golden nostalgic", Grade { saturation: 1.05, tint: [1.08, 1.0, 0.88], ..PLAIN }),
    (
        "sketch pencil storyboard ink charcoal line-art drawing",
        Grade { saturation: 0.35, contrast: 0.9, lift: 0.3, vignette: 0.0, grain: 6.0, sketch: 0.85, ..PLAIN },
    ),
    (
        "oil painting impressionist painterly",
        Grade { saturation: 1.15, contrast: 1.06, tint: [1.04, 1.0, 0.93], grain: 6.0, ..PLAIN },
    ),
    (
        "cinematic film epic",
        Grade { saturation: 0.95, contrast: 1.1, tint: [1.02, 1.0, 0.98], vignette: 0.32, ..PLAIN },
    ),
];

impl Grade {
    pub fn of(style: &str) -> Self {
        let all = words::split(style);
        let lower = style.to_lowercase();
        let mut grade = PLAIN;
        let mut plain = true;
        for (names, add) in STYLES {
            let asked = names.split(' ').any(|name| all.iter().any(|word| word == name))
                || (names.starts_with("noir") && lower.contains("black and white"));
            if !asked {
                continue;
            }
            grade.saturation *= add.saturation;
            grade.contrast *= add.contrast;
            grade.lift += add.lift;
            for (own, other) in grade.tint.iter_mut().zip(add.tint) {
                *own *= other;
            }
            grade.vignette = if plain { add.vignette } else { grade.vignette.max(add.vignette) };
            grade.grain = grade.grain.max(add.grain);
            grade.sketch = grade.sketch.max(add.sketch);
            plain = false;
        }
        grade
    }

    /// Applies the look to an opaque RGBA picture.
    pub fn apply(&self, pixels: &mut [u8], width: u32, height: u32) {
        let stride = width as usize * 4;
        if self.sketch > 0.0 {
            self.outline(pixels, stride);
        }
        // Tables keep the pass to a few integer operations a channel.
        let curve: Vec<[i32; 3]> = (0..256)
            .map(|v| {
                let v = v as f32 / 255.0;
                let v = (v - 0.5) * self.contrast + 0.5;
                let v = if self.lift >= 0.0 { v + (1.0 - v) * self.lift } else { v * (1.0 + self.lift) };
                self.tint.map(|t| (v * t * 255.0).round().clamp(0.0, 255.0) as i32)
            })
            .collect();
        let saturation = (self.saturation * 256.0) as i32;
        let graded = *self != Self { vignette: self.vignette, ..PLAIN };
        let across: Vec<i32> = (0..width)
            .map(|x| {
                let d = (x as f32 + 0.5) / width as f32 * 2.0 - 1.0;
                (d * d * 32768.0) as i32
            })
            .collect();
        let strength = (self.vignette * 256.0) as i32;
        let grain = self.grain;
        pixels.par_chunks_mut(stride).enumerate().for_each(|(y, row)| {
            let d = (y as f32 + 0.5) / height as f32 * 2.0 - 1.0;
            let down = (d * d * 32768.0) as i32;
            let row = row.as_chunks_mut::<4>().0;
            if graded {
                for (x, p) in row.iter_mut().enumerate() {
                    let [r, g, b] = [i32::from(p[0]), i32::from(p[1]), i32::from(p[2])];
                    let luma = (77 * r + 150 * g + 29 * b) >> 8;
                    let mix = |v: i32| (luma + (((v - luma) * saturation) >> 8)).clamp(0, 255) as usize;
                    let noise = if grain > 0.0 { (speck(x as u32, y as u32) * grain) as i32 } else { 0 };
                    let end = |v: i32| (v + noise).clamp(0, 255) as u8;
                    *p = [end(curve[mix(r)][0]), end(curve[mix(g)][1]), end(curve[mix(b)][2]), p[3]];
                }
            }
            let darken = |(p, across): (&mut [u8; 4], &i32)| {
                // 0 in the middle, 65536 in the corners; only what is beyond the middle of the frame darkens.
                let out = across + down - 14000;
                if out > 0 {
                    *p = dimmed(*p, (65536 - ((out * strength) >> 8)) as u64);
                }
            };
            vectorized(|| row.iter_mut().zip(&across).for_each(darken));
        });
    }

    /// Dark lines where brightness jumps, on paper.
    fn outline(&self, pixels: &mut [u8], stride: usize) {
        let luma: Vec<u8> = pixels
            .par_chunks_exact(4)
            .map(|p| ((77 * u32::from(p[0]) + 150 * u32::from(p[1]) + 29 * u32::from(p[2])) >> 8) as u8)
            .collect();
        let width = stride / 4;
        let rows = luma.len() / width.max(1);
        pixels.par_chunks_mut(stride).enumerate().for_each(|(y, row)| {
            let (up, down) = (y.saturating_sub(1) * width, (y + 1).min(rows - 1) * width);
            for (x, p) in row.chunks_exact_mut(4).enumerate() {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
                let at = |row: usize, x: usize| i32::from(luma[row + x]);
                let here = y * width;
                let edge = (at(here, right) - at(here, left)).abs() + (at(down, x) - at(up, x)).abs();
                let ink = ((edge - 10).clamp(0, 60) as f32 / 60.0) * self.sketch;
                for channel in &mut p[..3] {
                    let paper = f32::from(*channel) * 0.45 + 246.0 * 0.55;
                    *channel = (paper * (1.0 - ink) + 30.0 * ink) as u8;
                }
            }
        });
    }
}

/// A pixel's colours times `keep` 65536ths; its alpha stays.
#[inline(always)]
fn dimmed(pixel: [u8; 4], keep: u64) -> [u8; 4] {
    const LANES: u64 = 0x0000_00ff_0000_00ff;
    let word = u64::from(u32::from_le_bytes(pixel));
    // Red and blue share one word, in lanes of 32 bits.
    let red_blue = ((((word | (word << 16)) & LANES) * keep) >> 16) & LANES;
    let green = (((word >> 8) & 0xff) * keep) >> 16;
    [red_blue as u8, green as u8, (red_blue >> 32) as u8, pixel[3]]
}

/// Even noise in `-0.5..0.5` from a position.
fn speck(x: u32, y: u32) -> f32 {
    let mut v = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77);
    v ^= v >> 15;
    v = v.wrapping_mul(0x2c1b_3c6d);
    v ^= v >> 12;
    (v & 0xffff) as f32 / 65536.0 - 0.5
}
