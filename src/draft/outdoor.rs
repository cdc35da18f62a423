//! Places under an open sky.

use super::color::Rgb;
use super::dice::Dice;
use super::library;
use super::light::{Light, Time, Weather};
use super::setting::{Ground, Layer, Outdoor};
use super::shapes::{block, circle, cloud, crown, land, pine, polygon, rolling, smooth};
use super::svg::{Along, Canvas};
use std::fmt::Write;

/// A place being painted, far to near.
pub(super) struct Outside<'a> {
    pub c: &'a mut Canvas,
    pub light: Light,
    /// What the place itself decides: the same in every scene that is set there.
    pub dice: Dice,
    pub place: Outdoor,
    /// Whether an entity of the scene is the sun or moon itself.
    pub has_own_disc: bool,
}

const LIT_WINDOW: Rgb = Rgb::hex(0xffd98a);

impl Outside<'_> {
    pub fn paint(&mut self) {
        match self.place.ground {
            Ground::Void => self.space([0x0b0a1f, 0x1b1440, 0x35215c]),
            Ground::Moon => self.space([0x05060f, 0x0d1022, 0x1c2138]),
            Ground::Seabed => self.underwater(),
            _ if self.place.layers.contains(&Layer::Cave) => self.cave(),
            _ => self.sky(),
        }
        let horizon = self.place.horizon * self.c.h;
        let (far, near): (Vec<Layer>, Vec<Layer>) = self.place.layers.iter().partition(|layer| layer.is_far());
        for (i, layer) in far.iter().enumerate() {
            // Two planes of the same kind: the first is farther.
            let farness = 0.72 - 0.27 * i as f32;
            self.far(*layer, horizon, farness.max(0.12));
        }
        let shore = near.contains(&Layer::Sea) && self.place.ground != Ground::Water;
        if shore {
            self.water(horizon, horizon + 0.17 * self.c.h);
        }
        self.ground(if shore { horizon + 0.13 * self.c.h } else { horizon }, shore);
        for (name, x, height, farness) in self.place.props {
            self.prop(name, *x, *height, *farness, horizon);
        }
        for layer in near {
            self.near(layer, horizon);
        }
    }

    fn prop(&mut self, name: &str, x: f32, height: f32, farness: f32, horizon: f32) {
        let Some(svg) = library::open(name) else { return };
        let (w, h) = (self.c.w, self.c.h);
        let floating = matches!(name, "ringed-planet" | "globe-showing-europe-africa" | "tropical-fish" | "fish");
        let afloat = matches!(name, "sailboat" | "ship");
        let bottom = if floating {
            h * (0.2 + farness * 0.5) + height * h * 0.5
        } else if afloat {
            horizon + 0.04 * h
        } else if self.place.layers.contains(&Layer::Cliff) && name == "lighthouse" {
            horizon - 0.045 * h
        } else {
            horizon + (0.84 * h - horizon) * (1.0 - farness).powi(2) * 0.8 + 0.02 * h
        };
        let light = self.light;
        let veil = 0.22 + farness * 0.5;
        self.c.picture(&svg, x * w, bottom, height * h, false, |c| light.shade(c, veil));
    }

    fn sky(&mut self) {
        let (w, h) = (self.c.w, self.c.h);
        let horizon = self.place.horizon * h;
        let light = self.light;
        let [top, middle, low] = light.sky;
        let paint = self.c.gradient(Along::Down(0.0, horizon), &[(0.0, top, 1.0), (0.55, middle, 1.0), (1.0, low, 1.0)]);
        self.c.rect([0.0, 0.0, w, horizon + 4.0], 0.0, paint);
        if matches!(light.time, Time::Night | Time::Dusk) && matches!(light.weather, Weather::Clear | Weather::Snow) {
            self.stars(if light.time == Time::Night { 110 } else { 40 }, horizon * 0.92);
        }
        let x = self.dice.range(0.16, 0.84) * w;
        if !self.has_own_disc && matches!(light.weather, Weather::Clear | Weather::Fog) {
            self.disc(x, horizon);
        }
        let clouds = match light.weather {
            Weather::Clear if light.time == Time::Night => 2,
            Weather::Clear => 4,
            Weather::Fog => 2,
            _ => 8,
        };
        self.clouds(clouds, horizon);
    }

    fn disc(&mut self, x: f32, horizon: f32) {
        let h = self.c.h;
        let (y, r) = match self.light.time {
            Time::Day => (0.19 * h, 0.05 * h),
            Time::Afternoon => (0.3 * h, 0.07 * h),
            Time::Morning => (horizon - 0.1 * h, 0.095 * h),
            Time::Sunset => (horizon - 0.055 * h, 0.125 * h),
            Time::Dusk => (0.26 * h, 0.05 * h),
            Time::Night => (0.21 * h, 0.06 * h),
        };
        let disc = self.light.disc;
        for (reach, strength) in [(7.0, 0.34), (2.6, 0.4)] {
            let glow = self.c.gradient(
                Along::Out(x, y, r * reach),
                &[(0.0, disc, strength), (0.4, disc, strength * 0.35), (1.0, disc, 0.0)],
            );
            self.c.ellipse([x, y, r * reach, r * reach], glow, 1.0);
        }
        self.c.ellipse([x, y, r, r], disc, 1.0);
        if matches!(self.light.time, Time::Night | Time::Dusk) {
            for (dx, dy, s) in [(-0.3, -0.2, 0.24), (0.28, 0.25, 0.3), (0.2, -0.45, 0.14), (-0.35, 0.42, 0.16)] {
                self.c.ellipse([x + dx * r, y + dy * r, s * r, s * r], disc.darker(0.14), 1.0);
            }
        }
    }

    fn stars(&mut self, count: usize, floor: f32) {
        let w = self.c.w;
        for (share, opacity, size) in [(0.6, 0.5, 1.1), (0.3, 0.8, 1.6), (0.1, 1.0, 2.5)] {
            let mut d = String::new();
            for _ in 0..(count as f32 * share) as usize {
                let (x, y) = (self.dice.range(0.0, w), self.dice.range(0.0, 1.0).powf(1.3) * floor);
                circle(&mut d, x, y, size * self.dice.range(0.7, 1.2));
            }
            self.c.path(&d, Rgb::hex(0xf4f1ff), opacity);
        }
    }

    fn clouds(&mut self, count: usize, horizon: f32) {
        let w = self.c.w;
        for i in 0..count {
            let y = horizon * self.dice.range(0.14, 0.74);
            // Clouds shrink and fade towards the horizon.
            let near = 1.0 - y / horizon;
            let size = w * (0.12 + 0.24 * near) * self.dice.range(0.8, 1.2);
            let x = w * ((i as f32 + self.dice.range(0.1, 0.9)) / count as f32);
            let color = self.light.cloud.mix(self.light.haze, 0.3 * (1.0 - near));
            let d = cloud(&mut self.dice, x, y, size);
            let fade = self.c.gradient(Along::Down(y - size * 0.3, y), &[(0.0, color, 0.95), (1.0, color, 0.5)]);
            self.c.path(&d, fade, 1.0);
        }
    }

    fn space(&mut self, [top, middle, low]: [u32; 3]) {
        let (w, h) = (self.c.w, self.c.h);
        let paint = self.c.gradient(
            Along::Down(0.0, h),
            &[(0.0, Rgb::hex(top), 1.0), (0.6, Rgb::hex(middle), 1.0), (1.0, Rgb::hex(low), 1.0)],
        );
        self.c.rect([0.0, 0.0, w, h], 0.0, paint);
        for color in [0x8a4fd0, 0x2f7fd6, 0xd0588f].map(Rgb::hex) {
            let (x, y, r) = (self.dice.range(0.1, 0.9) * w, self.dice.range(0.1, 0.7) * h, self.dice.range(0.3, 0.55) * h);
            let glow = self.c.gradient(Along::Out(x, y, r), &[(0.0, color, 0.34), (0.5, color, 0.12), (1.0, color, 0.0)]);
            self.c.ellipse([x, y, r, r], glow, 1.0);
        }
        self.stars(170, h);
    }

    fn underwater(&mut self) {
        let (w, h) = (self.c.w, self.c.h);
        let paint = self.c.gradient(
            Along::Down(0.0, h),
            &[(0.0, Rgb::hex(0x7ddbdc), 1.0), (0.4, Rgb::hex(0x2f9dba), 1.0), (1.0, Rgb::hex(0x0f3f69), 1.0)],
        );
        self.c.rect([0.0, 0.0, w, h], 0.0, paint);
        let rays = self.c.gradient(Along::Down(0.0, 0.8 * h), &[(0.0, Rgb::WHITE, 0.3), (1.0, Rgb::WHITE, 0.0)]);
        for _ in 0..6 {
            let x = self.dice.range(-0.1, 1.0) * w;
            let wide = self.dice.range(0.03, 0.09) * w;
            self.c.path(&polygon(&[(x, 0.0), (x + wide, 0.0), (x + wide * 2.4 + 0.1 * w, 0.85 * h), (x + 0.1 * w, 0.85 * h)]), &rays, 1.0);
        }
        let mut bubbles = String::new();
        for _ in 0..26 {
            circle(&mut bubbles, self.dice.range(0.0, w), self.dice.range(0.1, 0.9) * h, self.dice.range(2.0, 8.0));
        }
        self.c.path(&bubbles, Rgb::WHITE, 0.22);
        for i in 0..2 {
            let reef = rolling(&mut self.dice, w, 0.76 * h, (0.14 - 0.05 * i as f32) * h);
            self.c.path(&land(&reef, h), Rgb::hex(0x1d6f93).mix(Rgb::hex(0x174a70), i as f32 * 0.7), 0.75);
        }
        // What is below takes the light of the water.
        self.light = Light::of(Time::Day, Weather::Clear);
        self.light.ambient = Rgb::hex(0xa9dbe6);
        self.light.haze = Rgb::hex(0x2b86ab);
    }

    fn cave(&mut self) {
        let (w, h) = (self.c.w, self.c.h);
        let paint = self.c.gradient(
            Along::Out(w * 0.55, h * 0.42, w * 0.6),
            &[(0.0, Rgb::hex(0xc79a68), 1.0), (0.35, Rgb::hex(0x7a5a4a), 1.0), (1.0, Rgb::hex(0x2a222c), 1.0)],
        );
        self.c.rect([0.0, 0.0, w, h], 0.0, paint);
        for (depth, color) in [(0.5, 0x5d473f), (0.3, 0x43343a), (0.14, 0x2c242e)] {
            let mut top = vec![(0.0, 0.0)];
            let mut x = 0.0;
            while x < w {
                let step = self.dice.range(0.03, 0.08) * w;
                let edge = ((x / w - 0.5).abs() * 2.0).powi(2) * 0.5 * h * (1.0 - depth);
                top.push((x + step * 0.5, edge + self.dice.range(0.1, 0.22) * h * (0.4 + depth)));
                top.push((x + step, edge + 0.05 * h));
                x += step;
            }
            top.push((w, 0.0));
            self.c.path(&polygon(&top), Rgb::hex(color), 1.0);
        }
        self.light = Light::of(Time::Afternoon, Weather::Clear);
        self.light.ambient = Rgb::hex(0xc9ab9b);
        self.light.haze = Rgb::hex(0x6d5347);
    }

    fn far(&mut self, layer: Layer, horizon: f32, far: f32) {
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
                        &polygon(&[(x + wide * 0.6, horizon - tall), (x + wide * 0.85, horizon - tall), (x + wide * 1.15, horizon + 4.0), (x + wide * 0.75, horizon + 4.0)]),
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
                &polygon(&[(x, top), (x + wide, floor), (x + lean, floor), (x + wide * 0.12, top + tall * 0.4), (x - wide * 0.06, top + tall * 0.2)]),
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
            let wall = self.light.shade(Rgb::hex(self.dice.pick(&[0xf0dcc0, 0xd9a47e, 0xc7d5d8, 0xe9c2ab, 0xcfc2dc])), far);
            let tiles = self.light.shade(Rgb::hex(self.dice.pick(&[0xb3553f, 0x8f4a4a, 0x5f6f8a])), far);
            self.c.rect([x + wide * 0.04, base - tall, wide * 0.92, tall], 0.0, wall);
            self.c.path(
                &polygon(&[(x - wide * 0.03, base - tall + 1.0), (x + wide * 0.5, base - tall - roof), (x + wide * 1.03, base - tall + 1.0)]),
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

    /// Water from `top` to `bottom`, with the light of sun or moon on it.
    fn water(&mut self, top: f32, bottom: f32) {
        let w = self.c.w;
        let far = self.light.shade(Rgb::hex(0x4fa3c4), 0.4);
        let near = self.light.shade(Rgb::hex(0x1f5f8b), 0.0);
        let paint = self.c.gradient(Along::Down(top, bottom), &[(0.0, far, 1.0), (1.0, near, 1.0)]);
        self.c.rect([0.0, top, w, bottom - top], 0.0, paint);
        let mut glints = String::new();
        for i in 0..28 {
            let down = (i as f32 / 28.0).powf(1.5);
            let y = top + 4.0 + down * (bottom - top) * 0.92;
            let long = w * (0.012 + 0.05 * down) * self.dice.range(0.6, 1.4);
            block(&mut glints, self.dice.range(0.0, w), y, long, 1.5 + 2.5 * down);
        }
        self.c.path(&glints, self.light.sky[2].lighter(0.35), 0.4);
    }

    fn ground(&mut self, top: f32, shore: bool) {
        let (w, h) = (self.c.w, self.c.h);
        let (far, near): (u32, u32) = match self.place.ground {
            Ground::Grass => (0x93bf68, 0x4f8f4c),
            Ground::Sand => (0xf0dcaa, 0xd8b27c),
            Ground::Snow => (0xf7fafc, 0xc5d7e8),
            Ground::Rock => (0x9b948f, 0x66605f),
            Ground::Water => return self.water(top, h),
            Ground::Pavement => (0xaaa9b2, 0x71717c),
            Ground::Earth => (0xcdb08a, 0x95754f),
            Ground::Planks => (0xb98d63, 0x7c5539),
            Ground::Moon => (0xc3c1c6, 0x85828a),
            Ground::Clouds => return self.cloud_floor(top),
            Ground::Seabed => (0xd9c793, 0x8b8a69),
            Ground::Void => return,
        };
        let (far, near) = (self.light.shade(Rgb::hex(far), 0.28), self.light.shade(Rgb::hex(near), 0.0));
        let paint = self.c.gradient(Along::Down(top, h), &[(0.0, far, 1.0), (1.0, near, 1.0)]);
        if shore {
            let line = rolling(&mut self.dice, w, top + 0.05 * h, 0.035 * h);
            let lifted: Vec<_> = line.iter().map(|(x, y)| (*x, y - 0.012 * h)).collect();
            if self.place.ground != Ground::Planks {
                self.c.path(&land(&lifted, h), self.light.shade(Rgb::WHITE, 0.1), 0.85);
                self.c.path(&land(&line, h), paint, 1.0);
            }
        } else if matches!(self.place.ground, Ground::Grass | Ground::Snow | Ground::Sand | Ground::Earth) {
            let line = rolling(&mut self.dice, w, top + 0.015 * h, 0.022 * h);
            self.c.path(&land(&line, h), paint, 1.0);
        } else {
            self.c.rect([0.0, top, w, h - top], 0.0, paint);
        }
        self.texture(top, near, far);
    }

    /// Small marks that give the ground its grain.
    fn texture(&mut self, top: f32, near: Rgb, far: Rgb) {
        let (w, h) = (self.c.w, self.c.h);
        let mut dark = String::new();
        let mut light = String::new();
        let spread = |dice: &mut Dice| {
            let down = dice.range(0.12, 1.0);
            (dice.range(0.0, w), top + down * (h - top), down)
        };
        match self.place.ground {
            Ground::Grass => {
                for _ in 0..54 {
                    let (x, y, d) = spread(&mut self.dice);
                    let s = 6.0 + 14.0 * d;
                    let _ = write!(dark, "M{:.1} {y:.1}l{:.1} {:.1}M{x:.1} {y:.1}l{:.1} {:.1}", x, -s * 0.3, -s * 0.8, s * 0.3, -s);
                }
                self.c.line(&dark, near.darker(0.18), 2.4, 0.5);
            }
            Ground::Sand | Ground::Snow | Ground::Earth | Ground::Seabed => {
                for _ in 0..30 {
                    let (x, y, d) = spread(&mut self.dice);
                    let s = 20.0 + 70.0 * d;
                    let _ = write!(dark, "M{x:.1} {y:.1}q{:.1} {:.1} {s:.1} 0", s / 2.0, -5.0 * d - 2.0);
                }
                self.c.line(&dark, near.darker(0.12), 2.2, 0.35);
            }
            Ground::Rock | Ground::Moon => {
                for _ in 0..16 {
                    let (x, y, d) = spread(&mut self.dice);
                    let s = 14.0 + 50.0 * d;
                    self.c.ellipse([x, y, s, s * 0.22], near.darker(0.2), 0.5);
                    self.c.ellipse([x, y - s * 0.05, s * 0.94, s * 0.17], near, 0.8);
                }
            }
            Ground::Pavement | Ground::Planks => {
                // Joints run to a vanishing point above the horizon.
                let vanish = (w * 0.5, top - 0.25 * h);
                for i in -12..=24 {
                    let x = w * i as f32 / 12.0;
                    let t = (h - top) / (h - vanish.1);
                    let _ = write!(dark, "M{x:.1} {h:.1}L{:.1} {top:.1}", x + (vanish.0 - x) * t);
                }
                if self.place.ground == Ground::Pavement {
                    for i in 1..6 {
                        let y = top + (h - top) * (i as f32 / 6.0).powi(2);
                        let _ = write!(dark, "M0 {y:.1}H{w:.1}");
                    }
                }
                self.c.line(&dark, near.darker(0.22), 2.0, 0.42);
                block(&mut light, 0.0, top, w, 3.0);
                self.c.path(&light, far.lighter(0.3), 0.6);
            }
            _ => {}
        }
    }

    fn cloud_floor(&mut self, top: f32) {
        let (w, h) = (self.c.w, self.c.h);
        for i in 0..3 {
            let mut d = String::new();
            let y = top - 0.09 * h + 0.09 * h * i as f32;
            for _ in 0..14 {
                circle(&mut d, self.dice.range(-0.05, 1.05) * w, y + self.dice.range(0.0, 0.05) * h, self.dice.range(0.05, 0.11) * h);
            }
            block(&mut d, 0.0, y, w, h);
            self.c.path(&d, self.light.cloud.mix(self.light.haze, 0.45 - 0.2 * i as f32), 0.9);
        }
    }

    fn near(&mut self, layer: Layer, horizon: f32) {
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
                    let d = polygon(&[(x - s * 0.7, y), (x - s * 0.5, y - s * 0.42), (x - s * 0.1, y - s * 0.7), (x + s * 0.35, y - s * 0.5), (x + s * 0.7, y)]);
                    self.c.path(&d, fill, 1.0);
                    self.c.path(&polygon(&[(x - s * 0.1, y - s * 0.7), (x + s * 0.35, y - s * 0.5), (x + s * 0.7, y), (x + s * 0.1, y)]), fill.darker(0.2), 1.0);
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
                self.c.path(&polygon(&[(w * 0.73, horizon - 0.05 * h), (w * 1.01, horizon - 0.07 * h), (w * 1.01, horizon - 0.035 * h), (w * 0.75, horizon - 0.025 * h)]), shade(0x6f9a5d, 0.3), 1.0);
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
                    let _ = write!(d, "M{x:.1} {y:.1}v{:.1}l{half:.1} {:.1}l{half:.1} {:.1}v{tall:.1}Z", -tall, -tall * 0.22, tall * 0.22, half = step * 0.22);
                }
                block(&mut d, 0.0, y - tall * 0.82, w, tall * 0.13);
                block(&mut d, 0.0, y - tall * 0.36, w, tall * 0.13);
                self.c.path(&d, fill, 1.0);
            }
            Layer::Furrows => {
                let mut d = String::new();
                for i in -9..=9 {
                    let x = w * 0.5 + w * i as f32 * 0.17;
                    let _ = write!(d, "M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z", w * 0.5 + w * i as f32 * 0.06, horizon + 0.06 * h, x - 0.03 * w, h, x + 0.03 * w, h);
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
                        self.c.rect([w * (i as f32 / 6.5) - 0.03 * w, h * 0.925, 0.075 * w, 0.014 * h], 3.0, shade(0xf0ead6, 0.0));
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
                    let (x, y, s) = (self.dice.range(0.0, 1.0) * w, self.dice.range(0.72, 0.98) * h, self.dice.range(0.06, 0.14) * w);
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
                    self.c.line(&smooth(&(0..=12).map(|i| at(i as f32 / 12.0)).collect::<Vec<_>>()), Rgb::hex(0x5b5260), 2.0, 0.8);
                    for i in 0..16 {
                        let (x, y) = at((i as f32 + 0.5) / 16.0);
                        let color = [0xe0483e, 0xf2bd2d, 0x2f8f8b, 0x4f9dd0, 0xd3667f][(i + row) % 5];
                        self.c.path(&polygon(&[(x - 15.0, y), (x + 15.0, y), (x, y + 30.0)]), shade(color, 0.1), 1.0);
                    }
                }
            }
            Layer::River => {
                let edge = |side: f32| {
                    [(0.56 + side * 0.02, horizon + 0.02 * h), (0.62 + side * 0.05, horizon + 0.1 * h), (0.5 + side * 0.1, horizon + 0.2 * h), (0.62 + side * 0.2, h)]
                        .map(|(x, y)| (x * w, y))
                };
                let (left, mut right) = (edge(-1.0), edge(1.0));
                right.reverse();
                let points: Vec<_> = left.into_iter().chain(right).collect();
                let paint = self.c.gradient(Along::Down(horizon, h), &[(0.0, shade(0x9ed3e6, 0.3), 1.0), (1.0, shade(0x3f8fb5, 0.0), 1.0)]);
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
                    let _ = write!(d, "M{x:.1} {:.1}q{:.1} {:.1} {:.1} {:.1}q{:.1} {:.1} {:.1} {:.1}Z", horizon + 0.05 * h, -s * 0.5, -s * 0.6, 0.0, -s, s * 0.6, s * 0.4, 0.0, s);
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
            self.c.line(&crest, self.light.shade(Rgb::hex(0xe8f6fb), 0.2), 2.0 + 2.0 * t, if storm { 0.6 } else { 0.34 });
        }
    }
}

impl Layer {
    /// Whether the layer stands behind the ground plane.
    fn is_far(self) -> bool {
        matches!(
            self,
            Self::Hills | Self::Peaks | Self::Mesas | Self::Dunes | Self::Skyline | Self::Houses | Self::Pines | Self::Trees | Self::Palms
                | Self::Walls | Self::Stands | Self::Stars | Self::Cave
        )
    }
}
