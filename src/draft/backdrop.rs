//! The place of a scene, painted from the words about it, and the weather in front of the cast.

use super::color::Rgb;
use super::dice::Dice;
use super::indoor::Inside;
use super::library;
use super::light::{Light, Time, Weather};
use super::matching::{Meaning, meaning};
use super::outdoor::Outside;
use super::setting::{Ground, Layer, Setting};
use super::shapes::{circle, polygon};
use super::svg::{Along, Canvas};
use std::fmt::Write;

/// All backdrops are drawn this many units high, and as wide as the frame's shape asks.
pub(super) const UNITS_HIGH: f32 = 720.0;

/// A place and its light, read from words.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub setting: Setting,
    pub light: Light,
    name: String,
    /// A large faded picture on the horizon for a place that is no known setting.
    landmark: Option<String>,
}

impl Place {
    pub fn read(name: &str, description: &str, prompt: &str) -> Self {
        let setting = Setting::read(name, description, prompt);
        let mut dice = Dice::of(&format!("time {name}"));
        let otherwise = match setting.name() {
            "graveyard" | "fair" => Time::Dusk,
            _ if dice.chance(0.35) => Time::Afternoon,
            _ => Time::Day,
        };
        let landmark = match (setting.is_unknown(), meaning(name, description)) {
            (true, Meaning::Picture { id, .. }) if !name.trim().is_empty() => Some(id),
            _ => None,
        };
        Self { light: Light::read(prompt, name, description, otherwise), setting, name: name.to_owned(), landmark }
    }

    pub fn is_indoor(&self) -> bool {
        matches!(self.setting, Setting::Indoor(..))
    }

    pub fn is_water(&self) -> bool {
        matches!(self.setting, Setting::Outdoor(_, place) if place.ground == Ground::Water)
    }

    /// Where nobody stands: under water, in space, in the sky.
    pub fn is_weightless(&self) -> bool {
        matches!(self.setting, Setting::Outdoor(_, place) if matches!(place.ground, Ground::Void | Ground::Seabed))
    }

    /// The line on which boats float, as share of the height, where there is water behind the ground.
    pub fn waterline(&self) -> Option<f32> {
        match self.setting {
            Setting::Outdoor(_, place) if place.ground == Ground::Water => Some(0.8),
            Setting::Outdoor(_, place) if place.layers.contains(&Layer::Sea) => Some(place.horizon + 0.1),
            _ => None,
        }
    }

    /// The backdrop as SVG, `aspect` times as wide as high.
    pub fn paint(&self, aspect: f32, has_own_disc: bool) -> String {
        let mut c = Canvas::new((UNITS_HIGH * aspect).round(), UNITS_HIGH);
        let dice = Dice::of(&format!("place {}", self.name));
        match self.setting {
            Setting::Outdoor(_, place) => {
                Outside { c: &mut c, light: self.light, dice, place, has_own_disc }.paint();
                if let Some(svg) = self.landmark.as_deref().and_then(library::open) {
                    let (x, bottom) = (c.w * 0.7, c.h * (place.horizon + 0.06));
                    c.picture(&svg, x, bottom, c.h * 0.5, false, |color| self.light.shade(color, 0.45));
                }
            }
            Setting::Indoor(_, room) => Inside { c: &mut c, light: self.light, dice, room }.paint(),
        }
        c.finish()
    }

    /// What is nearer than the cast: rain, snow, fog, and a dark frame of plants. `None` when there is nothing.
    pub fn paint_front(&self, aspect: f32, seed: u64) -> Option<String> {
        if self.is_indoor() {
            return None;
        }
        let mut c = Canvas::new((UNITS_HIGH * aspect).round(), UNITS_HIGH);
        let mut dice = Dice::new(seed ^ 0x5eed);
        self.foliage(&mut c);
        let (w, h) = (c.w, c.h);
        if !self.is_weightless() {
            match self.light.weather {
                Weather::Rain | Weather::Storm => {
                    let storm = self.light.weather == Weather::Storm;
                    for (count, long, width, opacity) in [(70, 26.0, 1.6, 0.28), (34, 46.0, 2.6, 0.36)] {
                        let mut d = String::new();
                        for _ in 0..if storm { count * 3 / 2 } else { count } {
                            let (x, y) = (dice.range(-0.05, 1.1) * w, dice.range(-0.05, 1.0) * h);
                            let _ = write!(d, "M{x:.1} {y:.1}l{:.1} {long:.1}", -long * if storm { 0.5 } else { 0.24 });
                        }
                        c.line(&d, Rgb::hex(0xdbe9f5), width, opacity);
                    }
                }
                Weather::Snow => {
                    for (count, size, opacity) in [(60, 2.4, 0.8), (26, 4.6, 0.9)] {
                        let mut d = String::new();
                        for _ in 0..count {
                            circle(&mut d, dice.range(0.0, w), dice.range(0.0, h), size * dice.range(0.7, 1.3));
                        }
                        c.path(&d, Rgb::WHITE, opacity);
                    }
                }
                Weather::Fog => {
                    for _ in 0..4 {
                        let (x, y) = (dice.range(0.0, 1.0) * w, dice.range(0.5, 0.85) * h);
                        let (rx, ry) = (dice.range(0.4, 0.7) * w, dice.range(0.05, 0.1) * h);
                        let fog = c.gradient(
                            Along::Down(y - ry, y + ry),
                            &[(0.0, self.light.haze, 0.0), (0.5, self.light.haze, 0.5), (1.0, self.light.haze, 0.0)],
                        );
                        c.rect([x - rx, y - ry, 2.0 * rx, 2.0 * ry], 0.0, fog);
                    }
                }
                Weather::Clear | Weather::Cloudy => {}
            }
        }
        let svg = c.finish();
        svg.contains("<path")
            .then_some(svg)
            .or_else(|| (self.light.weather == Weather::Fog).then(String::new))
            .filter(|s| !s.is_empty())
    }

    /// Dark leaves in the lower corners of green places: a near frame that gives depth.
    fn foliage(&self, c: &mut Canvas) {
        let Setting::Outdoor(_, place) = self.setting else { return };
        let green = place.ground == Ground::Grass && !place.layers.contains(&Layer::Stands);
        if !green {
            return;
        }
        let (w, h) = (c.w, c.h);
        let color = self.light.shade(Rgb::hex(0x24523f), 0.0).darker(0.25);
        let mut d = String::new();
        let mut dice = Dice::of(&format!("leaves {}", self.name));
        for (x0, side) in [(0.0, 1.0), (w, -1.0)] {
            for i in 0..9 {
                let x = x0 + side * i as f32 * 0.014 * w;
                let tall = h * (0.17 - 0.014 * i as f32) * dice.range(0.6, 1.1);
                let lean = side * dice.range(-0.01, 0.035) * w;
                d.push_str(&polygon(&[(x - 7.0, h), (x + lean, h - tall), (x + 9.0, h)]));
            }
        }
        c.path(&d, color, 0.92);
    }
}
