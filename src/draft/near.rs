//! Scenery on the ground plane: rocks, piers, fences, roads, rivers, waves.

use super::color::Rgb;
use super::library;
use super::light::Weather;
use super::outdoor::Outside;
use super::setting::{Ground, Layer};
use super::shapes::{block, circle, polygon, smooth};
use super::svg::Along;
use std::fmt::Write;

impl Outside<'_> {
    pub(super) fn near(&mut self, layer: Layer, horizon: f32) {
        let (w, h) = (self.c.w, self.c.h);
        let light = self.light;
        let shade = |color: u32, far: f32| light.shade(Rgb::hex(color), far);
        match layer {
            Layer::Swell => self.swell(horizon),
            Layer::Rocks => {
                for (x, size) in [(0.02, 0.2), (0.13, 0.12), (0.97, 0.24), (0.86, 0.1)] {
                    let (x, s) = (x * w, size * h * self.dice.range(0.8, 1.2));
                    let y = h * self.dice.range(0.78, 0.88) + s * 0.1;
                    let fill = shade(0x6f6a6c, 0.05);
                    let d = polygon(&[
                        (x - s * 0.7, y),
                        (x - s * 0.5, y - s * 0.42),
                        (x - s * 0.1, y - s * 0.7),
                        (x + s * 0.35, y - s * 0.5),
                        (x + s * 0.7, y),
                    ]);
                    self.c.path(&d, fill, 1.0);
                    self.c.path(
                        &polygon(&[
                            (x - s * 0.1, y - s * 0.7),
                            (x + s * 0.35, y - s * 0.5),
                            (x + s * 0.7, y),
                            (x + s * 0.1, y),
                        ]),
                        fill.darker(0.2),
                        1.0,
                    );
                }
            }
            Layer::Cliff => {
                let fill = shade(0x7d7670, 0.3);
                let d = polygon(&[
                    (w * 0.6, horizon + 0.09 * h),
                    (w * 0.64, horizon),
                    (w * 0.7, horizon - 0.02 * h),
                    (w * 0.73, horizon - 0.05 * h),
                    (w * 1.01, horizon - 0.07 * h),
                    (w * 1.01, horizon + 0.12 * h),
                ]);
                self.c.path(&d, fill, 1.0);
                self.c.path(
                    &polygon(&[
                        (w * 0.73, horizon - 0.05 * h),
                        (w * 1.01, horizon - 0.07 * h),
                        (w * 1.01, horizon - 0.035 * h),
                        (w * 0.75, horizon - 0.025 * h),
                    ]),
                    shade(0x6f9a5d, 0.3),
                    1.0,
                );
            }
            Layer::Pier => {
                let (top, near) = (shade(0xb48a60, 0.1), shade(0x6b4a33, 0.0));
                let edge = 0.73 * h;
                let paint = self.c.gradient(Along::Down(edge, h), &[(0.0, top, 1.0), (1.0, near.mix(top, 0.4), 1.0)]);
                self.c.rect([0.0, edge, w, h - edge], 0.0, paint);
                self.c.rect([0.0, edge, w, 0.014 * h], 0.0, top.lighter(0.2));
                let mut seams = String::new();
                for i in -8..=24 {
                    let x = w * i as f32 / 16.0 + 0.02 * w;
                    let _ = write!(seams, "M{:.1} {edge:.1}L{:.1} {h:.1}", w * 0.5 + (x - w * 0.5) * 0.62, x);
                }
                self.c.line(&seams, near, 2.5, 0.5);
                for x in [0.08, 0.92] {
                    self.c.rect([x * w - 0.016 * w, edge - 0.11 * h, 0.032 * w, 0.16 * h], 0.008 * w, near);
                    self.c.rect([x * w - 0.019 * w, edge - 0.075 * h, 0.038 * w, 0.02 * h], 4.0, shade(0xe0cfa8, 0.1));
                }
            }
            Layer::Graves => {
                let Some(stone) = library::open("headstone") else { return };
                for (x, y, size) in [(0.1, 0.72, 0.16), (0.3, 0.7, 0.12), (0.62, 0.705, 0.12), (0.93, 0.76, 0.2)] {
                    self.c.picture(&stone, x * w, y * h, size * h, false, |c| light.shade(c, 0.2));
                }
            }
            Layer::Fence => {
                let (fill, y, tall) = (shade(0xf1e6d2, 0.25), horizon + 0.055 * h, 0.085 * h);
                let mut d = String::new();
                let step = 0.03 * w;
                for i in 0..=(w / step) as usize {
                    let x = i as f32 * step;
                    let _ = write!(
                        d,
                        "M{x:.1} {y:.1}v{:.1}l{half:.1} {:.1}l{half:.1} {:.1}v{tall:.1}Z",
                        -tall,
                        -tall * 0.22,
                        tall * 0.22,
                        half = step * 0.22
                    );
                }
                block(&mut d, 0.0, y - tall * 0.82, w, tall * 0.13);
                block(&mut d, 0.0, y - tall * 0.36, w, tall * 0.13);
                self.c.path(&d, fill, 1.0);
            }
            Layer::Furrows => {
                let mut d = String::new();
                for i in -9..=9 {
                    let x = w * 0.5 + w * i as f32 * 0.17;
                    let _ = write!(
                        d,
                        "M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z",
                        w * 0.5 + w * i as f32 * 0.06,
                        horizon + 0.06 * h,
                        x - 0.03 * w,
                        h,
                        x + 0.03 * w,
                        h
                    );
                }
                self.c.path(&d, shade(0x8b6a44, 0.05), 0.5);
            }
            Layer::Road => {
                let top = horizon + 0.03 * h;
                let road = polygon(&[(w * 0.47, top), (w * 0.53, top), (w * 0.86, h), (w * 0.14, h)]);
                if self.place.ground == Ground::Pavement {
                    let (y, fill) = (h * 0.755, shade(0x565863, 0.0));
                    self.c.rect([0.0, y, w, h - y], 0.0, fill);
                    self.c.rect([0.0, y - 0.014 * h, w, 0.014 * h], 0.0, shade(0xc9c7cc, 0.0));
                    for i in 0..7 {
                        self.c.rect(
                            [w * (i as f32 / 6.5) - 0.03 * w, h * 0.925, 0.075 * w, 0.014 * h],
                            3.0,
                            shade(0xf0ead6, 0.0),
                        );
                    }
                } else {
                    let dirt = shade(0xd8bd92, 0.12);
                    self.c.path(&road, dirt, 1.0);
                    for (y, tall) in [(0.74, 0.02), (0.81, 0.03), (0.9, 0.05)] {
                        self.c.rect([w * 0.5 - 0.006 * w, y * h, 0.012 * w, tall * h], 2.0, dirt.lighter(0.4));
                    }
                }
            }
            Layer::Rails => {
                let y = 0.73 * h;
                self.c.rect([0.0, y - 0.045 * h, w, 0.05 * h], 0.0, shade(0x6d6460, 0.1));
                let mut ties = String::new();
                for i in 0..=(w / 34.0) as usize {
                    block(&mut ties, i as f32 * 34.0, y - 0.04 * h, 15.0, 0.035 * h);
                }
                self.c.path(&ties, shade(0x4d3c34, 0.1), 1.0);
                for dy in [0.034, 0.012] {
                    self.c.rect([0.0, y - dy * h, w, 4.0], 0.0, shade(0xc9ced6, 0.1));
                }
                self.c.rect([0.0, y + 0.005 * h, w, 0.016 * h], 0.0, shade(0xf2c84b, 0.0));
            }
            Layer::Parapet => {
                let y = horizon + 0.015 * h;
                self.c.rect([0.0, y - 0.075 * h, w, 0.1 * h], 0.0, shade(0x8c6a5d, 0.1));
                self.c.rect([0.0, y - 0.09 * h, w, 0.022 * h], 0.0, shade(0xb59a8a, 0.1));
                self.c.rect([0.83 * w, y - 0.24 * h, 0.1 * w, 0.2 * h], 4.0, shade(0x73655f, 0.15));
                self.c.rect([0.82 * w, y - 0.255 * h, 0.12 * w, 0.026 * h], 2.0, shade(0x9b8b83, 0.15));
            }
            Layer::Ice => {
                for _ in 0..4 {
                    let (x, y, s) = (
                        self.dice.range(0.0, 1.0) * w,
                        self.dice.range(0.72, 0.98) * h,
                        self.dice.range(0.06, 0.14) * w,
                    );
                    self.c.ellipse([x, y, s, s * 0.16], shade(0xa9d3ea, 0.0), 0.55);
                }
            }
            Layer::Craters => {
                for _ in 0..7 {
                    let down = self.dice.range(0.05, 0.95);
                    let (x, y) = (self.dice.range(0.0, 1.0) * w, horizon + down * (h - horizon));
                    let s = w * (0.02 + 0.06 * down);
                    self.c.ellipse([x, y, s, s * 0.26], shade(0x6c6972, 0.0), 0.8);
                    self.c.ellipse([x, y + s * 0.05, s * 0.92, s * 0.2], shade(0x9a97a0, 0.0), 0.8);
                }
            }
            Layer::Bunting => {
                for (row, y) in [0.08, 0.14].into_iter().enumerate() {
                    let sag = 0.1 * h;
                    let at = |t: f32| (t * w, y * h + sag * 4.0 * t * (1.0 - t));
                    self.c.line(
                        &smooth(&(0..=12).map(|i| at(i as f32 / 12.0)).collect::<Vec<_>>()),
                        Rgb::hex(0x5b5260),
                        2.0,
                        0.8,
                    );
                    for i in 0..16 {
                        let (x, y) = at((i as f32 + 0.5) / 16.0);
                        let color = [0xe0483e, 0xf2bd2d, 0x2f8f8b, 0x4f9dd0, 0xd3667f][(i + row) % 5];
                        self.c.path(&polygon(&[(x - 15.0, y), (x + 15.0, y), (x, y + 30.0)]), shade(color, 0.1), 1.0);
                    }
                }
            }
            Layer::River => {
                let edge = |side: f32| {
                    [
                        (0.56 + side * 0.02, horizon + 0.02 * h),
                        (0.62 + side * 0.05, horizon + 0.1 * h),
                        (0.5 + side * 0.1, horizon + 0.2 * h),
                        (0.62 + side * 0.2, h),
                    ]
                    .map(|(x, y)| (x * w, y))
                };
                let (left, mut right) = (edge(-1.0), edge(1.0));
                right.reverse();
                let points: Vec<_> = left.into_iter().chain(right).collect();
                let paint = self.c.gradient(
                    Along::Down(horizon, h),
                    &[(0.0, shade(0x9ed3e6, 0.3), 1.0), (1.0, shade(0x3f8fb5, 0.0), 1.0)],
                );
                let (l, r) = (smooth(&points[..4]), smooth(&points[4..]).replacen('M', "L", 1));
                self.c.path(&format!("{l}{r}Z"), paint, 1.0);
            }
            Layer::Flowers => {
                for color in [0xf7e06b, 0xf2f2f2, 0xe8718f] {
                    let mut d = String::new();
                    for _ in 0..14 {
                        let down = self.dice.range(0.25, 1.0);
                        circle(&mut d, self.dice.range(0.0, w), horizon + down * (h - horizon), 2.0 + 4.0 * down);
                    }
                    self.c.path(&d, shade(color, 0.05), 0.95);
                }
            }
            Layer::Leaves => {
                let mut d = String::new();
                for i in 0..22 {
                    let x = w * i as f32 / 21.0;
                    let edge = ((x / w - 0.5).abs() * 2.0).powi(2);
                    let s = h * (0.06 + 0.16 * edge) * self.dice.range(0.7, 1.3);
                    let _ = write!(
                        d,
                        "M{x:.1} {:.1}q{:.1} {:.1} {:.1} {:.1}q{:.1} {:.1} {:.1} {:.1}Z",
                        horizon + 0.05 * h,
                        -s * 0.5,
                        -s * 0.6,
                        0.0,
                        -s,
                        s * 0.6,
                        s * 0.4,
                        0.0,
                        s
                    );
                }
                self.c.path(&d, shade(0x2f7d4b, 0.1), 1.0);
            }
            _ => {}
        }
    }

    /// Rows of waves to the horizon; high and curling in a storm.
    fn swell(&mut self, horizon: f32) {
        let (w, h) = (self.c.w, self.c.h);
        let storm = self.light.weather == Weather::Storm;
        if storm && let Some(wave) = library::open("water-wave") {
            let light = self.light;
            for (x, size, flip) in [(0.07, 0.42, false), (0.93, 0.5, true), (0.34, 0.24, false), (0.66, 0.26, true)] {
                let bottom = horizon + size * 0.42 * h;
                self.c.picture(&wave, x * w, bottom, size * h, flip, |c| light.shade(c, 0.45));
            }
        }
        for row in 0..5 {
            let t = row as f32 / 4.0;
            let y = horizon + (0.05 + 0.36 * t * t + 0.03 * t) * h;
            let tall = (6.0 + 20.0 * t) * if storm { 1.9 } else { 1.0 };
            let long = (0.05 + 0.1 * t) * w;
            let fill = self.light.shade(Rgb::hex(0x2c7fa8).mix(Rgb::hex(0x123f66), t), 0.34 * (1.0 - t));
            let mut crest = String::new();
            let mut x = -long * self.dice.range(0.2, 1.0);
            let _ = write!(crest, "M{x:.1} {y:.1}");
            while x < w + long {
                let step = long * self.dice.range(0.8, 1.2);
                let _ = write!(crest, "q{:.1} {:.1} {step:.1} 0", step * 0.62, -tall * 2.0);
                x += step;
            }
            self.c.path(&format!("{crest}V{h:.1}H{:.1}Z", -long * 2.0), fill, 1.0);
            self.c.line(
                &crest,
                self.light.shade(Rgb::hex(0xe8f6fb), 0.2),
                2.0 + 2.0 * t,
                if storm { 0.6 } else { 0.34 },
            );
        }
    }
}
