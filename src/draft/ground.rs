//! What one stands on: land of every kind, water, clouds.

use super::color::Rgb;
use super::dice::Dice;
use super::outdoor::Outside;
use super::setting::Ground;
use super::shapes::{block, circle, land, rolling};
use super::svg::Along;
use std::fmt::Write;

impl Outside<'_> {
    /// Water from `top` to `bottom`, with the light of sun or moon on it.
    pub(super) fn water(&mut self, top: f32, bottom: f32) {
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

    pub(super) fn ground(&mut self, top: f32, shore: bool) {
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
        if !shore {
            // A wavy edge must not open a gap to the far planes.
            self.c.rect([0.0, top - 2.0, w, 0.1 * h], 0.0, far);
        }
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
                    let _ = write!(
                        dark,
                        "M{:.1} {y:.1}l{:.1} {:.1}M{x:.1} {y:.1}l{:.1} {:.1}",
                        x,
                        -s * 0.3,
                        -s * 0.8,
                        s * 0.3,
                        -s
                    );
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
        self.c.rect([0.0, top - 2.0, w, h - top + 2.0], 0.0, self.light.haze);
        for i in 0..3 {
            let mut d = String::new();
            let y = top - 0.09 * h + 0.09 * h * i as f32;
            for _ in 0..14 {
                circle(
                    &mut d,
                    self.dice.range(-0.05, 1.05) * w,
                    y + self.dice.range(0.0, 0.05) * h,
                    self.dice.range(0.05, 0.11) * h,
                );
            }
            block(&mut d, 0.0, y, w, h);
            self.c.path(&d, self.light.cloud.mix(self.light.haze, 0.45 - 0.2 * i as f32), 0.9);
        }
    }
}
