//! Places under an open sky.

use super::color::Rgb;
use super::dice::Dice;
use super::library;
use super::light::{Light, Time, Weather};
use super::setting::{Ground, Layer, Outdoor};
use super::shapes::{circle, cloud, land, polygon, rolling};
use super::svg::{Along, Canvas};

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
            self.water(horizon, horizon + 0.22 * self.c.h);
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
        let paint =
            self.c.gradient(Along::Down(0.0, horizon), &[(0.0, top, 1.0), (0.55, middle, 1.0), (1.0, low, 1.0)]);
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
            let (x, y, r) =
                (self.dice.range(0.1, 0.9) * w, self.dice.range(0.1, 0.7) * h, self.dice.range(0.3, 0.55) * h);
            let glow =
                self.c.gradient(Along::Out(x, y, r), &[(0.0, color, 0.34), (0.5, color, 0.12), (1.0, color, 0.0)]);
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
            self.c.path(
                &polygon(&[(x, 0.0), (x + wide, 0.0), (x + wide * 2.4 + 0.1 * w, 0.85 * h), (x + 0.1 * w, 0.85 * h)]),
                &rays,
                1.0,
            );
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
}

impl Layer {
    /// Whether the layer stands behind the ground plane.
    fn is_far(self) -> bool {
        matches!(
            self,
            Self::Hills
                | Self::Peaks
                | Self::Mesas
                | Self::Dunes
                | Self::Skyline
                | Self::Houses
                | Self::Pines
                | Self::Trees
                | Self::Palms
                | Self::Walls
                | Self::Stands
                | Self::Stars
                | Self::Cave
        )
    }
}
