//! Scenery behind the ground plane: hills, mountains, skylines, trees.

use super::color::Rgb;
use super::library;
use super::light::Time;
use super::outdoor::Outside;
use super::setting::{Ground, Layer};
use super::shapes::{block, circle, crown, land, pine, polygon, rolling};
use super::svg::Along;

const LIT_WINDOW: Rgb = Rgb::hex(0xffd98a);

impl Outside<'_> {
    pub(super) fn far(&mut self, layer: Layer, horizon: f32, far: f32) {
        let (w, h) = (self.c.w, self.c.h);
        let shade = |color: u32| self.light.shade(Rgb::hex(color), far);
        match layer {
            Layer::Hills => {
                let color = match self.place.ground {
                    Ground::Sand | Ground::Planks => 0x6d9a86,
                    Ground::Earth => 0x9b8f78,
                    _ => 0x5f9a5d,
                };
                for (i, tall) in [0.16, 0.09].into_iter().enumerate() {
                    let closer = i as f32 * 0.2;
                    let fill = self.light.shade(Rgb::hex(color), (far - closer).max(0.1));
                    let line = rolling(&mut self.dice, w, horizon + 0.02 * h, tall * h);
                    let paint = self.c.gradient(
                        Along::Down(horizon - tall * h, horizon + 0.02 * h),
                        &[(0.0, fill, 1.0), (1.0, fill.mix(self.light.haze, 0.4), 1.0)],
                    );
                    self.c.path(&land(&line, horizon + 0.05 * h), paint, 1.0);
                }
            }
            Layer::Peaks => self.peaks(horizon, far),
            Layer::Mesas => {
                let fill = shade(0xb5654a);
                for _ in 0..4 {
                    let x = self.dice.range(-0.05, 0.95) * w;
                    let (wide, tall) = (self.dice.range(0.09, 0.2) * w, self.dice.range(0.07, 0.2) * h);
                    let d = polygon(&[
                        (x - wide * 0.15, horizon + 4.0),
                        (x + wide * 0.1, horizon - tall),
                        (x + wide * 0.85, horizon - tall),
                        (x + wide * 1.15, horizon + 4.0),
                    ]);
                    self.c.path(&d, fill, 1.0);
                    self.c.path(
                        &polygon(&[
                            (x + wide * 0.6, horizon - tall),
                            (x + wide * 0.85, horizon - tall),
                            (x + wide * 1.15, horizon + 4.0),
                            (x + wide * 0.75, horizon + 4.0),
                        ]),
                        fill.darker(0.14),
                        1.0,
                    );
                }
            }
            Layer::Dunes => {
                let line = rolling(&mut self.dice, w, horizon + 0.03 * h, 0.1 * h);
                self.c.path(&land(&line, horizon + 0.08 * h), shade(0xe0b878), 1.0);
            }
            Layer::Skyline => self.skyline(horizon, far),
            Layer::Houses => self.houses(horizon, far),
            Layer::Pines => {
                let mut d = String::new();
                let base = horizon + 0.02 * h;
                let tall = 0.2 + 0.3 * (1.0 - far);
                let mut x = -0.02 * w;
                while x < 1.02 * w {
                    // A clearing in the middle leaves room for the cast.
                    let open = 1.0 - 0.45 * (1.0 - ((x / w - 0.5) * 2.2).abs()).max(0.0);
                    let size = tall * h * open * self.dice.range(0.72, 1.15);
                    pine(&mut d, x, base + self.dice.range(0.0, 0.012) * h, size);
                    x += size * self.dice.range(0.2, 0.38);
                }
                self.c.path(&d, shade(0x2f6b4f), 1.0);
            }
            Layer::Trees => {
                let (mut trunks, mut crowns, mut lights) = (String::new(), String::new(), String::new());
                let base = horizon + 0.03 * h;
                let count = if far > 0.4 { 9 } else { 6 };
                for i in 0..count {
                    let x = w * (i as f32 + self.dice.range(0.15, 0.85)) / count as f32;
                    let middle = (1.0 - ((x / w - 0.5) * 2.6).abs()).max(0.0);
                    let size = h * (0.2 + 0.24 * (1.0 - far)) * (1.0 - 0.4 * middle) * self.dice.range(0.75, 1.2);
                    block(&mut trunks, x - size * 0.035, base - size * 0.45, size * 0.07, size * 0.46);
                    crown(&mut crowns, &mut self.dice, x, base, size);
                    circle(&mut lights, x - size * 0.1, base - size * 0.76, size * 0.15);
                }
                let autumn = self.light.time == Time::Afternoon && self.dice.chance(0.35);
                let leaf = if autumn { 0xc98a3d } else { 0x4b8f52 };
                self.c.path(&trunks, shade(0x6f4d38), 1.0);
                self.c.path(&crowns, shade(leaf), 1.0);
                self.c.path(&lights, shade(leaf).lighter(0.14), 0.55);
            }
            Layer::Palms => {
                let Some(palm) = library::open("palm-tree") else { return };
                for (x, size) in [(0.06, 0.56), (0.24, 0.4), (0.78, 0.44), (0.95, 0.62)] {
                    let (light, flip) = (self.light, self.dice.chance(0.5));
                    self.c.picture(&palm, x * w, horizon + 0.06 * h, size * h, flip, |c| light.shade(c, far.max(0.3)));
                }
            }
            Layer::Walls => {
                let fill = shade(0x8f8b95);
                let top = horizon - 0.14 * h;
                let mut d = String::new();
                block(&mut d, 0.0, top, w, 0.2 * h);
                let tooth = 0.036 * w;
                for i in 0..((w / tooth / 2.0) as usize + 1) {
                    block(&mut d, i as f32 * tooth * 2.0, top - 0.03 * h, tooth, 0.04 * h);
                }
                self.c.path(&d, fill, 1.0);
            }
            Layer::Stands => {
                for i in 0..5 {
                    let y = horizon - (0.26 - 0.05 * i as f32) * h;
                    let fill = shade([0x4a5a86, 0x566a9c][i % 2]);
                    self.c.rect([0.0, y, w, 0.06 * h], 0.0, fill);
                    let mut crowd = String::new();
                    let mut x = self.dice.range(0.0, 10.0);
                    while x < w {
                        circle(&mut crowd, x, y + 2.0, 5.5 + i as f32);
                        x += self.dice.range(14.0, 26.0);
                    }
                    let color = shade([0xe8c9a4, 0xd3667f, 0xf2d06b, 0x9fd0e8, 0xe0e0e0][i]);
                    self.c.path(&crowd, color, 0.85);
                }
            }
            Layer::Stars | Layer::Cave => {}
            _ => {}
        }
    }

    fn peaks(&mut self, horizon: f32, far: f32) {
        let (w, h) = (self.c.w, self.c.h);
        let fill = self.light.shade(Rgb::hex(0x6b7f95), far);
        let snow = self.light.shade(Rgb::hex(0xf6f9fc), far * 0.55);
        let count = 4 + self.dice.below(2);
        let mut order: Vec<(f32, f32)> = (0..count)
            .map(|i| {
                let x = (i as f32 + self.dice.range(0.1, 0.9)) / count as f32;
                (x * w, h * self.dice.range(0.2, 0.4) * (0.75 + 0.45 * far))
            })
            .collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let floor = horizon + 0.05 * h;
        for (x, tall) in order {
            let top = horizon - tall;
            let wide = tall * self.dice.range(0.8, 1.05);
            let lean = self.dice.range(-0.1, 0.1) * wide;
            self.c.path(&polygon(&[(x - wide, floor), (x, top), (x + wide, floor)]), fill, 1.0);
            self.c.path(
                &polygon(&[
                    (x, top),
                    (x + wide, floor),
                    (x + lean, floor),
                    (x + wide * 0.12, top + tall * 0.4),
                    (x - wide * 0.06, top + tall * 0.2),
                ]),
                fill.darker(0.16),
                1.0,
            );
            let at = |share: f32, side: f32| (x + side * wide * share * tall / (tall + 0.05 * h), top + tall * share);
            let (l, r) = (at(0.3, -1.0), at(0.3, 1.0));
            self.c.path(
                &polygon(&[
                    (x, top),
                    r,
                    (x + wide * 0.17, top + tall * 0.25),
                    (x + wide * 0.06, top + tall * 0.36),
                    (x - wide * 0.07, top + tall * 0.24),
                    (x - wide * 0.16, top + tall * 0.37),
                    l,
                ]),
                snow,
                1.0,
            );
        }
    }

    fn skyline(&mut self, horizon: f32, far: f32) {
        let (w, h) = (self.c.w, self.c.h);
        let night = self.light.is_dark() || self.light.time == Time::Sunset;
        let hues = [0x56688f, 0x6a7ba0, 0x7d6f9a, 0x4f7f93];
        let (mut lit, mut unlit) = (String::new(), String::new());
        let mut x = -0.03 * w;
        while x < w {
            let wide = self.dice.range(0.06, 0.12) * w;
            // Towers at the sides, lower houses in the middle.
            let side = ((x / w - 0.45).abs() * 1.7).min(1.0);
            let tall = h * (0.16 + 0.34 * side + 0.1 * far) * self.dice.range(0.7, 1.15);
            let top = horizon - tall;
            let fill = self.light.shade(Rgb::hex(self.dice.pick(&hues)), far);
            self.c.rect([x, top, wide + 1.0, tall + 0.04 * h], 0.0, fill);
            self.c.rect([x + wide * 0.72, top, wide * 0.28 + 1.0, tall + 0.04 * h], 0.0, fill.darker(0.1));
            match self.dice.below(4) {
                0 => self.c.rect([x + wide * 0.44, top - 0.05 * h, wide * 0.06, 0.06 * h], 0.0, fill),
                1 => self.c.rect([x + wide * 0.15, top - 0.02 * h, wide * 0.5, 0.03 * h], 0.0, fill),
                _ => {}
            }
            let (cols, size) = (3 + self.dice.below(2), wide * 0.13);
            let mut y = top + size * 1.2;
            while y < horizon - size * 2.0 {
                for i in 0..cols {
                    let wx = x + wide * (i as f32 + 0.5) / cols as f32 - size / 2.0;
                    let on = self.dice.chance(if night { 0.5 } else { 0.12 });
                    block(if on { &mut lit } else { &mut unlit }, wx, y, size, size * 1.25);
                }
                y += size * 2.3;
            }
            x += wide + self.dice.range(-0.004, 0.02) * w;
        }
        let glass = self.light.shade(Rgb::hex(0xb9d7ea), far * 0.9);
        self.c.path(&unlit, if night { glass.darker(0.55) } else { glass }, 0.55);
        let glow = if night { LIT_WINDOW.mix(self.light.haze, far * 0.4) } else { glass.lighter(0.4) };
        self.c.path(&lit, glow, 0.95);
    }

    fn houses(&mut self, horizon: f32, far: f32) {
        let (w, h) = (self.c.w, self.c.h);
        let base = horizon + 0.03 * h;
        let mut windows = String::new();
        let mut x = 0.0;
        while x < w {
            let wide = self.dice.range(0.08, 0.13) * w;
            let tall = h * self.dice.range(0.1, 0.19);
            let roof = wide * self.dice.range(0.28, 0.42);
            let wall =
                self.light.shade(Rgb::hex(self.dice.pick(&[0xf0dcc0, 0xd9a47e, 0xc7d5d8, 0xe9c2ab, 0xcfc2dc])), far);
            let tiles = self.light.shade(Rgb::hex(self.dice.pick(&[0xb3553f, 0x8f4a4a, 0x5f6f8a])), far);
            self.c.rect([x + wide * 0.04, base - tall, wide * 0.92, tall], 0.0, wall);
            self.c.path(
                &polygon(&[
                    (x - wide * 0.03, base - tall + 1.0),
                    (x + wide * 0.5, base - tall - roof),
                    (x + wide * 1.03, base - tall + 1.0),
                ]),
                tiles,
                1.0,
            );
            for i in 0..2 {
                block(&mut windows, x + wide * (0.2 + 0.36 * i as f32), base - tall * 0.74, wide * 0.2, tall * 0.3);
            }
            x += wide + self.dice.range(0.0, 0.05) * w;
        }
        let pane = if self.light.is_dark() { LIT_WINDOW } else { self.light.shade(Rgb::hex(0x6c8aa3), far) };
        self.c.path(&windows, pane, 0.9);
    }
}
