//! Rooms: a wall, a floor, what belongs there, and the light of a window.

use super::color::Rgb;
use super::dice::Dice;
use super::library;
use super::light::{Light, Time, Weather};
use super::setting::{Fixture, Floor, Room, Wall};
use super::shapes::{block, circle, polygon};
use super::svg::{Along, Canvas};
use std::fmt::Write;

/// Where the wall meets the floor, as share of the height.
const FLOOR_LINE: f32 = 0.7;

/// A room being painted.
pub(super) struct Inside<'a> {
    pub c: &'a mut Canvas,
    pub light: Light,
    pub dice: Dice,
    pub room: Room,
}

impl Inside<'_> {
    pub fn paint(&mut self) {
        self.wall();
        self.floor();
        for fixture in self.room.fixtures {
            self.fixture(*fixture);
        }
        for (name, x, bottom, height) in self.room.props {
            let Some(svg) = library::open(name) else { continue };
            let lamp = self.lamp();
            let wall = self.wall_color();
            // Scenery steps back from the cast: dimmed towards the wall's colour.
            let (w, h) = (self.c.w, self.c.h);
            self.c.ellipse(
                [x * w, bottom * h, height * h * 0.4, 7.0],
                Rgb::BLACK,
                if *bottom > FLOOR_LINE { 0.16 } else { 0.0 },
            );
            self.c.picture(&svg, x * w, bottom * h, height * h, false, |c| c.lit(lamp).mix(wall, 0.3));
        }
        self.lamplight();
    }

    /// Night and storm outside make the room's lamps count.
    fn is_evening(&self) -> bool {
        self.light.is_dark()
    }

    fn lamp(&self) -> Rgb {
        if self.is_evening() { Rgb::hex(0xc7a68c) } else { Rgb::WHITE.mix(self.light.ambient, 0.5) }
    }

    fn wall_color(&self) -> Rgb {
        Rgb::hex(self.room.wall_color).lit(self.lamp())
    }

    fn wall(&mut self) {
        let (w, h) = (self.c.w, self.c.h);
        let wall = self.wall_color();
        let edge = FLOOR_LINE * h;
        let paint = self.c.gradient(
            Along::Down(0.0, edge),
            &[(0.0, wall.darker(0.2), 1.0), (0.7, wall, 1.0), (1.0, wall.lighter(0.05), 1.0)],
        );
        self.c.rect([0.0, 0.0, w, edge + 2.0], 0.0, paint);
        let (dark, light) = (wall.darker(0.12), wall.lighter(0.12));
        let mut d = String::new();
        match self.room.wall {
            Wall::Plain => {}
            Wall::Stripes => {
                let mut x = 0.0;
                while x < w {
                    block(&mut d, x, 0.0, 26.0, edge);
                    x += 64.0;
                }
                self.c.path(&d, light, 0.35);
            }
            Wall::Panels => {
                let top = edge - 0.2 * h;
                self.c.rect([0.0, top, w, edge - top], 0.0, dark);
                self.c.rect([0.0, top - 7.0, w, 9.0], 0.0, light);
                let mut x = 20.0;
                while x < w {
                    block(&mut d, x, top + 22.0, 96.0, edge - top - 50.0);
                    x += 128.0;
                }
                self.c.path(&d, light, 0.28);
            }
            Wall::Wood => {
                let mut x = 0.0;
                while x < w {
                    let wide = self.dice.range(46.0, 74.0);
                    self.c.rect([x, 0.0, wide, edge], 0.0, wall.mix(dark, self.dice.clone().range(0.0, 0.7)));
                    let _ = write!(d, "M{x:.1} 0V{edge:.1}");
                    self.dice.next();
                    x += wide;
                }
                self.c.line(&d, wall.darker(0.3), 2.0, 0.6);
            }
            Wall::Stone | Wall::Tiles => {
                let (bw, bh) = if self.room.wall == Wall::Stone { (110.0, 56.0) } else { (58.0, 58.0) };
                let mut row = 0;
                while (row as f32) * bh < edge {
                    let y = row as f32 * bh;
                    let _ = write!(d, "M0 {y:.1}H{w:.1}");
                    let shift = if self.room.wall == Wall::Stone && row % 2 == 1 { bw / 2.0 } else { 0.0 };
                    let mut x = shift;
                    while x < w {
                        let _ = write!(d, "M{x:.1} {y:.1}V{:.1}", (y + bh).min(edge));
                        if self.dice.chance(0.12) {
                            self.c.rect(
                                [x, y, bw, bh.min(edge - y)],
                                0.0,
                                if self.dice.chance(0.5) { dark } else { light.mix(wall, 0.4) },
                            );
                        }
                        x += bw;
                    }
                    row += 1;
                }
                self.c.line(&d, dark.darker(0.1), 2.0, 0.5);
            }
            Wall::Metal => {
                for i in 0..4 {
                    let x = w * i as f32 / 4.0;
                    self.c.rect([x + 8.0, 0.08 * h, w / 4.0 - 16.0, edge - 0.14 * h], 16.0, wall.lighter(0.06));
                    let _ = write!(d, "M{:.1} {:.1}H{:.1}", x + 30.0, edge - 0.1 * h, x + w / 4.0 - 30.0);
                }
                self.c.line(&d, Rgb::hex(0x6fe3f5), 4.0, 0.7);
                self.c.rect([0.0, 0.0, w, 0.05 * h], 0.0, dark);
            }
            Wall::Glass => {
                self.view([0.0, 0.0, w, edge]);
                let frame = wall.darker(0.45);
                let panes = 6;
                for i in 0..=panes {
                    let x = w * i as f32 / panes as f32;
                    self.c.rect([x - 6.0, 0.0, 12.0, edge], 0.0, frame);
                }
                for y in [0.06, 0.4] {
                    self.c.rect([0.0, y * h - 5.0, w, 10.0], 0.0, frame);
                }
                self.c.rect([0.0, edge - 0.12 * h, w, 0.12 * h], 0.0, wall.darker(0.3));
                self.c.rect([0.0, edge - 0.13 * h, w, 0.022 * h], 0.0, wall.lighter(0.1));
            }
            Wall::Curtain => {
                let mut x = 0.0;
                while x < w {
                    let fold = self.c.gradient(
                        Along::Down(0.0, edge),
                        &[(0.0, wall.darker(0.5), 0.7), (1.0, wall.darker(0.2), 0.25)],
                    );
                    self.c.path(&format!("M{x:.1} 0h34l-8 {edge:.1}h-18Z"), fold, 1.0);
                    x += 58.0;
                }
                for (from, to) in [(0.0, 0.13), (1.0, 0.87)] {
                    self.c.path(
                        &format!(
                            "M{:.1} 0H{:.1}Q{:.1} {:.1} {:.1} {edge:.1}H{:.1}Z",
                            from * w,
                            (to + (to - from) * 0.6) * w,
                            to * w,
                            0.3 * h,
                            to * w,
                            from * w
                        ),
                        wall.darker(0.3),
                        1.0,
                    );
                }
                let mut scallops = String::new();
                for i in 0..9 {
                    let x = w * i as f32 / 9.0;
                    let _ = write!(
                        scallops,
                        "M{x:.1} 0h{:.1}q{:.1} {:.1} {:.1} 0Z",
                        w / 9.0,
                        -w / 18.0,
                        0.17 * h,
                        -w / 9.0
                    );
                }
                self.c.path(&scallops, wall.darker(0.15), 1.0);
            }
        }
    }

    fn floor(&mut self) {
        let (w, h) = (self.c.w, self.c.h);
        let floor = Rgb::hex(self.room.floor_color).lit(self.lamp());
        let edge = FLOOR_LINE * h;
        let paint =
            self.c.gradient(Along::Down(edge, h), &[(0.0, floor.darker(0.12), 1.0), (1.0, floor.lighter(0.06), 1.0)]);
        self.c.rect([0.0, edge, w, h - edge], 0.0, paint);
        let vanish = (w * 0.5, edge - 0.42 * h);
        let t = (h - edge) / (h - vanish.1);
        let mut d = String::new();
        match self.room.floor {
            Floor::Planks => {
                for i in -10..=26 {
                    let x = w * i as f32 / 16.0;
                    let _ = write!(d, "M{x:.1} {h:.1}L{:.1} {edge:.1}", x + (vanish.0 - x) * t);
                }
                self.c.line(&d, floor.darker(0.28), 2.2, 0.55);
            }
            Floor::Checks => {
                let rows = 4;
                let y = |i: usize| edge + (h - edge) * (i as f32 / rows as f32).powf(1.5);
                let at = |x: f32, y: f32| x + (vanish.0 - x) * (h - y) / (h - vanish.1);
                for row in 0..rows {
                    let (y0, y1) = (y(row), y(row + 1));
                    for i in -8..18 {
                        if (i + row as i32) % 2 == 0 {
                            let (x0, x1) = (w * i as f32 / 10.0, w * (i + 1) as f32 / 10.0);
                            d.push_str(&polygon(&[
                                (at(x0, y0), y0),
                                (at(x1, y0), y0),
                                (at(x1, y1), y1),
                                (at(x0, y1), y1),
                            ]));
                        }
                    }
                }
                self.c.path(&d, floor.lighter(0.3), 0.5);
            }
            Floor::Slabs => {
                for i in 1..4 {
                    let _ = write!(d, "M0 {:.1}H{w:.1}", edge + (h - edge) * (i as f32 / 4.0).powf(1.6));
                }
                for i in -6..=16 {
                    let x = w * i as f32 / 10.0;
                    let _ = write!(d, "M{x:.1} {h:.1}L{:.1} {edge:.1}", x + (vanish.0 - x) * t);
                }
                self.c.line(&d, floor.darker(0.25), 2.0, 0.5);
            }
            Floor::Carpet => {}
        }
        let skirting = if matches!(self.room.wall, Wall::Metal | Wall::Stone) {
            floor.darker(0.3)
        } else {
            self.wall_color().lighter(0.3)
        };
        self.c.rect([0.0, edge - 0.018 * h, w, 0.02 * h], 0.0, skirting);
        self.c.rect([0.0, edge, w, 0.012 * h], 0.0, floor.darker(0.35));
    }

    /// What a window shows: sky, a bit of land, and weather.
    fn view(&mut self, [x, y, w, h]: [f32; 4]) {
        let light = self.light;
        let [top, middle, low] = light.sky;
        let paint = self.c.gradient(Along::Down(y, y + h), &[(0.0, top, 1.0), (0.5, middle, 1.0), (1.0, low, 1.0)]);
        self.c.rect([x, y, w, h], 0.0, paint);
        if light.weather == Weather::Clear {
            let r = (h * 0.1).min(w * 0.1);
            let (sx, sy) = (
                x + w * if w > h * 2.0 { 0.36 } else { 0.7 },
                y + h * if matches!(light.time, Time::Sunset | Time::Morning) { 0.6 } else { 0.28 },
            );
            self.c.ellipse([sx, sy, r * 2.2, r * 2.2], light.disc, 0.25);
            self.c.ellipse([sx, sy, r, r], light.disc, 1.0);
        }
        if light.time == Time::Night && light.weather == Weather::Clear {
            let mut stars = String::new();
            for _ in 0..(w / 9.0) as usize {
                circle(
                    &mut stars,
                    x + self.dice.range(0.03, 0.97) * w,
                    y + self.dice.range(0.03, 0.6) * h,
                    self.dice.range(0.8, 1.8),
                );
            }
            self.c.path(&stars, Rgb::hex(0xf4f1ff), 0.85);
        }
        let land = light.shade(Rgb::hex(0x4f8a63), 0.45);
        self.c.path(
            &format!(
                "M{x:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}T{:.1} {:.1}V{:.1}H{x:.1}Z",
                y + h * 0.8,
                x + w * 0.25,
                y + h * 0.66,
                x + w * 0.5,
                y + h * 0.78,
                x + w,
                y + h * 0.74,
                y + h
            ),
            land,
            1.0,
        );
        if matches!(light.weather, Weather::Rain | Weather::Storm) {
            let mut rain = String::new();
            for _ in 0..(w / 7.0) as usize {
                let (rx, ry) = (x + self.dice.range(0.04, 0.96) * w, y + self.dice.range(0.02, 0.86) * h);
                let _ = write!(rain, "M{rx:.1} {ry:.1}l-3 {:.1}", h * 0.07);
            }
            self.c.line(&rain, Rgb::hex(0xdceaf5), 1.6, 0.5);
        }
    }

    fn window(&mut self, [x, y, w, h]: [f32; 4], bars: usize, curtains: bool) {
        let frame = self.wall_color().lighter(0.55);
        self.c.rect([x - 12.0, y - 12.0, w + 24.0, h + 24.0], 5.0, frame.darker(0.12));
        self.c.rect([x - 9.0, y - 9.0, w + 18.0, h + 18.0], 4.0, frame);
        self.view([x, y, w, h]);
        for i in 1..bars {
            self.c.rect([x + w * i as f32 / bars as f32 - 4.0, y, 8.0, h], 0.0, frame);
        }
        self.c.rect([x, y + h * 0.5 - 4.0, w, 8.0], 0.0, frame);
        self.c.path(
            &polygon(&[(x + w * 0.12, y), (x + w * 0.3, y), (x + w * 0.08, y + h), (x - 0.0, y + h), (x, y + h * 0.5)]),
            Rgb::WHITE,
            0.12,
        );
        self.c.rect([x - 22.0, y + h + 10.0, w + 44.0, 13.0], 3.0, frame.darker(0.05));
        if curtains {
            let cloth = Rgb::hex(self.dice.pick(&[0xc65a4a, 0xd9a441, 0x5b7fa8, 0x6f9a78])).lit(self.lamp());
            for side in [-1.0f32, 1.0] {
                let (out, inner) = if side < 0.0 { (x - 26.0, x + w * 0.2) } else { (x + w + 26.0, x + w * 0.8) };
                self.c.path(
                    &format!(
                        "M{out:.1} {0:.1}H{inner:.1}Q{inner:.1} {1:.1} {2:.1} {3:.1}H{out:.1}Z",
                        y - 20.0,
                        y + h * 0.62,
                        out - side * 18.0,
                        y + h + 20.0
                    ),
                    cloth,
                    1.0,
                );
                let middle = (out + inner) / 2.0;
                self.c.path(
                    &format!(
                        "M{middle:.1} {:.1}H{inner:.1}Q{inner:.1} {:.1} {:.1} {:.1}Z",
                        y - 20.0,
                        y + h * 0.62,
                        out - side * 18.0,
                        y + h + 20.0
                    ),
                    cloth.darker(0.16),
                    0.6,
                );
            }
            self.c.rect([x - 38.0, y - 28.0, w + 76.0, 9.0], 4.5, Rgb::hex(0x6d4a36).lit(self.lamp()));
        }
    }

    fn fixture(&mut self, fixture: Fixture) {
        let (w, h) = (self.c.w, self.c.h);
        let lamp = self.lamp();
        let lit = |hex: u32| Rgb::hex(hex).lit(lamp);
        match fixture {
            Fixture::Window => {
                let x = w * self.dice.pick(&[0.08, 0.13]);
                self.window([x, 0.15 * h, 0.17 * w, 0.3 * h], 2, true);
            }
            Fixture::WideWindow => self.window([0.3 * w, 0.14 * h, 0.42 * w, 0.32 * h], 4, false),
            Fixture::ArchWindow => {
                for x in [0.44, 0.56] {
                    let (cx, half, top, bottom) = (x * w, 0.042 * w, 0.16 * h, 0.5 * h);
                    let arch = |grow: f32| {
                        format!(
                            "M{:.1} {:.1}V{:.1}A{r:.1} {r:.1} 0 0 1 {:.1} {:.1}V{:.1}Z",
                            cx - half - grow,
                            bottom + grow,
                            top + half,
                            cx + half + grow,
                            top + half,
                            bottom + grow,
                            r = half + grow
                        )
                    };
                    let [sky, middle, low] = self.light.sky;
                    self.c.path(&arch(9.0), self.wall_color().darker(0.3), 1.0);
                    let paint = self
                        .c
                        .gradient(Along::Down(top, bottom), &[(0.0, sky, 1.0), (0.6, middle, 1.0), (1.0, low, 1.0)]);
                    self.c.path(&arch(0.0), paint, 1.0);
                    self.c.rect([cx - 3.0, top, 6.0, bottom - top], 0.0, self.wall_color().darker(0.3));
                    self.c.rect([cx - half, (top + bottom) * 0.5, half * 2.0, 6.0], 0.0, self.wall_color().darker(0.3));
                }
            }
            Fixture::Portholes => {
                for (x, r) in [(0.26, 0.1), (0.52, 0.15), (0.78, 0.1)] {
                    let (cx, cy, r) = (x * w, 0.32 * h, r * h);
                    self.c.ellipse([cx, cy, r + 13.0, r + 13.0], lit(0x9aa6ba), 1.0);
                    let sky = self.c.gradient(
                        Along::Down(cy - r, cy + r),
                        &[(0.0, Rgb::hex(0x0b0a1f), 1.0), (1.0, Rgb::hex(0x2c2158), 1.0)],
                    );
                    self.c.ellipse([cx, cy, r, r], sky, 1.0);
                    let mut stars = String::new();
                    for _ in 0..16 {
                        let (turn, out) = (self.dice.range(0.0, 6.3), self.dice.range(0.0, 0.9) * r);
                        circle(&mut stars, cx + out * turn.cos(), cy + out * turn.sin(), self.dice.range(0.9, 2.0));
                    }
                    self.c.path(&stars, Rgb::WHITE, 0.9);
                }
                if let Some(planet) = library::open("ringed-planet") {
                    self.c.picture(&planet, 0.53 * w, 0.4 * h, 0.15 * h, false, |c| c);
                }
            }
            Fixture::Shelf => {
                let beside_window = self.room.fixtures.contains(&Fixture::WideWindow);
                let (x0, wide) =
                    if beside_window { (0.78 * w, 0.19 * w) } else { (self.dice.pick(&[0.44, 0.5]) * w, 0.24 * w) };
                for (row, y) in [0.2, 0.33].into_iter().enumerate() {
                    self.c.rect([x0, y * h, wide, 0.014 * h], 2.0, lit(0x8a5f40));
                    let mut x = x0 + 14.0;
                    while x < x0 + wide - 30.0 {
                        let tall = h * self.dice.range(0.045, 0.085);
                        let bw = self.dice.range(12.0, 30.0);
                        let color =
                            Rgb::hex(self.dice.pick(&[0xc4513b, 0xe0a526, 0x2f8f8b, 0xe9dcc0, 0x5b6b82, 0x9fb86a]))
                                .lit(lamp)
                                .mix(self.wall_color(), 0.25);
                        let radius = if self.dice.chance(0.5) { bw * 0.35 } else { 1.5 };
                        self.c.rect([x, y * h - tall, bw, tall], radius, color);
                        if radius > 2.0 {
                            self.c.rect([x + bw * 0.15, y * h - tall - 4.0, bw * 0.7, 7.0], 2.0, color.darker(0.25));
                        }
                        x += bw + self.dice.range(4.0, 26.0) + row as f32 * 3.0;
                    }
                }
            }
            Fixture::Counter => {
                let (top, edge) = (0.5 * h, FLOOR_LINE * h + 0.012 * h);
                let mut tiles = String::new();
                let mut x = 0.0;
                while x < w {
                    let _ = write!(tiles, "M{x:.1} {:.1}V{top:.1}", top - 0.085 * h);
                    x += 46.0;
                }
                self.c.rect([0.0, top - 0.085 * h, w, 0.085 * h], 0.0, lit(0xbcd6cf));
                let _ = write!(tiles, "M0 {:.1}H{w:.1}", top - 0.042 * h);
                self.c.line(&tiles, lit(0x9dbfb7), 2.0, 0.9);
                self.c.rect([0.0, top, w, edge - top], 0.0, lit(0x5f8d87));
                let mut x = 12.0;
                while x < w {
                    self.c.rect([x, top + 0.035 * h, 0.1 * w, edge - top - 0.06 * h], 5.0, lit(0x6fa099));
                    self.c.rect([x + 0.04 * w, top + 0.05 * h, 0.02 * w, 5.0], 2.5, lit(0xe0c48a));
                    x += 0.1 * w + 14.0;
                }
                self.c.rect([0.0, top - 0.004 * h, w, 0.026 * h], 3.0, lit(0xd9b98c));
            }
            Fixture::Rug => {
                let color = Rgb::hex(self.dice.pick(&[0xb4503f, 0x3f6f8f, 0x8a5a8a, 0xc98f3d])).lit(lamp);
                let (cx, cy) = (0.5 * w, 0.865 * h);
                for (grow, c) in
                    [(1.0, color), (0.9, color.lighter(0.45)), (0.86, color), (0.6, color.lighter(0.2)), (0.56, color)]
                {
                    self.c.ellipse([cx, cy, 0.33 * w * grow, 0.085 * h * grow], c, 0.9);
                }
            }
            Fixture::PendantLamps => {
                for x in [0.36, 0.7] {
                    let (x, y) = (x * w, 0.12 * h);
                    self.c.rect([x - 1.5, 0.0, 3.0, y], 0.0, lit(0x3f3a40));
                    let glow = self.c.gradient(
                        Along::Out(x, y + 16.0, 0.2 * h),
                        &[(0.0, Rgb::hex(0xffe3a3), 0.5), (1.0, Rgb::hex(0xffe3a3), 0.0)],
                    );
                    self.c.ellipse([x, y + 16.0, 0.2 * h, 0.2 * h], glow, 1.0);
                    self.c.ellipse([x, y + 20.0, 15.0, 11.0], Rgb::hex(0xfff2c9), 1.0);
                    self.c.path(&format!("M{:.1} {:.1}q34 -46 68 0Z", x - 34.0, y + 22.0), lit(0xc4513b), 1.0);
                }
            }
            Fixture::Board => {
                self.c.rect([0.3 * w, 0.13 * h, 0.42 * w, 0.34 * h], 5.0, lit(0x9c6b45));
                self.c.rect([0.31 * w, 0.145 * h, 0.4 * w, 0.31 * h], 2.0, lit(0x2f5d4a));
                let mut chalk = String::new();
                for (row, long) in [0.2, 0.3, 0.16].into_iter().enumerate() {
                    let y = (0.2 + 0.07 * row as f32) * h;
                    let _ = write!(chalk, "M{:.1} {y:.1}q12 -9 24 0t24 0t24 0H{:.1}", 0.34 * w, (0.36 + long) * w);
                }
                self.c.line(&chalk, Rgb::hex(0xe8f0ea), 3.0, 0.7);
            }
            Fixture::Columns => {
                let fill = self.wall_color().lighter(0.3);
                for x in [0.03, 0.17, 0.79, 0.93] {
                    let (x, wide) = (x * w, 0.042 * w);
                    self.c.rect([x, 0.05 * h, wide, 0.655 * h], 0.0, fill);
                    self.c.rect([x + wide * 0.68, 0.05 * h, wide * 0.32, 0.655 * h], 0.0, fill.darker(0.16));
                    for y in [0.03, 0.685] {
                        self.c.rect([x - wide * 0.2, y * h, wide * 1.4, 0.035 * h], 3.0, fill.lighter(0.15));
                    }
                }
            }
            Fixture::Beams => {
                let fill = lit(0x4f3526);
                self.c.path(&polygon(&[(0.0, 0.0), (0.0, 0.34 * h), (0.05 * w, 0.34 * h), (0.3 * w, 0.0)]), fill, 1.0);
                self.c.path(&polygon(&[(w, 0.0), (w, 0.34 * h), (0.95 * w, 0.34 * h), (0.7 * w, 0.0)]), fill, 1.0);
                self.c.rect([0.0, 0.07 * h, w, 0.04 * h], 0.0, fill.lighter(0.1));
            }
            Fixture::Screens => {
                for (x, y, sw) in [(0.05, 0.46, 0.13), (0.82, 0.46, 0.13)] {
                    self.c.rect([x * w, y * h, sw * w, 0.14 * h], 7.0, lit(0x27303f));
                    let glow = self.c.gradient(
                        Along::Down(y * h, (y + 0.14) * h),
                        &[(0.0, Rgb::hex(0x2fb7c9), 1.0), (1.0, Rgb::hex(0x1c5f8f), 1.0)],
                    );
                    self.c.rect([x * w + 8.0, y * h + 8.0, sw * w - 16.0, 0.14 * h - 16.0], 4.0, glow);
                    let base = (y + 0.085) * h;
                    self.c.line(
                        &format!("M{:.1} {base:.1}l18 -14l16 20l20 -34l20 26h30", x * w + 18.0),
                        Rgb::hex(0xd8fbff),
                        3.0,
                        0.9,
                    );
                }
                self.c.rect([0.0, 0.61 * h, w, 0.09 * h], 0.0, lit(0x3b475e));
                for i in 0..18 {
                    let color = [0xf25f5c, 0xffe066, 0x70e0a0, 0x5bc8f5][self.dice.below(4)];
                    self.c.rect([w * (0.03 + i as f32 * 0.054), 0.63 * h, 16.0, 9.0], 3.0, Rgb::hex(color));
                }
            }
            Fixture::LanternLens => {
                let (x, y, r) = (0.76 * w, 0.34 * h, 0.17 * h);
                let beam = Rgb::hex(0xffedb0);
                let strength = if self.is_evening() || self.light.time == Time::Sunset { 0.5 } else { 0.22 };
                let paint = self.c.gradient(
                    Along::Out(x, y, w * 0.75),
                    &[(0.0, beam, strength), (0.5, beam, strength * 0.4), (1.0, beam, 0.0)],
                );
                self.c.path(
                    &polygon(&[(x, y - r * 0.4), (-20.0, y - 0.3 * h), (-20.0, y + 0.12 * h), (x, y + r * 0.4)]),
                    paint,
                    1.0,
                );
                let glow = self.c.gradient(
                    Along::Out(x, y, r * 2.8),
                    &[(0.0, beam, strength), (0.4, beam, strength * 0.5), (1.0, beam, 0.0)],
                );
                self.c.ellipse([x, y, r * 2.8, r * 2.8], glow, 1.0);
                self.c.rect([x - r * 0.75, y + r * 1.15, r * 1.5, 0.72 * h - y - r * 1.15], 6.0, lit(0x55606c));
                self.c.rect([x - r * 1.05, y + r * 1.1, r * 2.1, 16.0], 4.0, lit(0xc89b4b));
                self.c.ellipse([x, y, r * 0.86, r * 1.12], lit(0xd9b25e), 1.0);
                for (grow, color) in [(0.78, 0xbfe3e6), (0.6, 0xe4f6ee), (0.42, 0xfff3c2), (0.22, 0xffffff)] {
                    self.c.ellipse([x, y, r * grow, r * grow * 1.32], Rgb::hex(color), 0.92);
                }
                self.c.rect([x - r * 0.55, y - r * 1.34, r * 1.1, r * 0.24], 5.0, lit(0xc89b4b));
            }
            Fixture::Spotlights => {
                for (x, to) in [(0.24, 0.4), (0.76, 0.58)] {
                    let light = self.c.gradient(
                        Along::Down(0.0, 0.9 * h),
                        &[(0.0, Rgb::hex(0xfff0c4), 0.36), (1.0, Rgb::hex(0xfff0c4), 0.03)],
                    );
                    self.c.path(
                        &polygon(&[
                            (x * w - 10.0, 0.02 * h),
                            (x * w + 10.0, 0.02 * h),
                            ((to + 0.15) * w, 0.88 * h),
                            ((to - 0.15) * w, 0.88 * h),
                        ]),
                        light,
                        1.0,
                    );
                    self.c.ellipse([to * w, 0.88 * h, 0.15 * w, 0.035 * h], Rgb::hex(0xfff0c4), 0.2);
                    self.c.rect([x * w - 20.0, 0.0, 40.0, 0.045 * h], 6.0, Rgb::hex(0x2d2a33));
                }
            }
            Fixture::Seats => {
                for x in [0.02, 0.8] {
                    self.c.rect([x * w, 0.43 * h, 0.18 * w, 0.3 * h], 18.0, lit(0x9c4a42));
                    self.c.rect([x * w - 8.0, 0.6 * h, 0.18 * w + 16.0, 0.14 * h], 14.0, lit(0xb55c50));
                    self.c.rect([x * w + 16.0, 0.4 * h, 0.18 * w - 32.0, 0.07 * h], 12.0, lit(0xe3d3b4));
                }
            }
        }
    }

    /// The last touch: a pool of warm light in the evening, a slant of daylight else.
    fn lamplight(&mut self) {
        let (w, h) = (self.c.w, self.c.h);
        if self.is_evening() {
            let warm = Rgb::hex(0xffc98a);
            let glow = self.c.gradient(
                Along::Out(0.5 * w, 0.42 * h, 0.62 * w),
                &[(0.0, warm, 0.3), (0.5, warm, 0.1), (1.0, warm, 0.0)],
            );
            self.c.rect([0.0, 0.0, w, h], 0.0, glow);
            let dark = Rgb::hex(0x150f22);
            let edge = self.c.gradient(
                Along::Out(0.5 * w, 0.5 * h, 0.68 * w),
                &[(0.0, dark, 0.0), (0.6, dark, 0.05), (1.0, dark, 0.5)],
            );
            self.c.rect([0.0, 0.0, w, h], 0.0, edge);
        } else if self.light.weather == Weather::Clear && !matches!(self.room.wall, Wall::Metal | Wall::Curtain) {
            let sun = self.light.disc;
            let slant = self.c.gradient(Along::Down(0.1 * h, h), &[(0.0, sun, 0.2), (1.0, sun, 0.05)]);
            self.c.path(&polygon(&[(0.12 * w, 0.0), (0.3 * w, 0.0), (0.74 * w, h), (0.46 * w, h)]), &slant, 1.0);
            self.c.path(&polygon(&[(0.34 * w, 0.0), (0.4 * w, 0.0), (0.88 * w, h), (0.8 * w, h)]), &slant, 0.8);
        }
    }
}
