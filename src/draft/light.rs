//! Time of day and weather of a scene, and the colours that follow from them.

use super::color::Rgb;
use super::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Time {
    Day,
    Morning,
    Afternoon,
    Sunset,
    Dusk,
    Night,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Weather {
    Clear,
    Cloudy,
    Rain,
    Storm,
    Snow,
    Fog,
}

/// The colours of a time and weather.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Light {
    pub time: Time,
    pub weather: Weather,
    /// Sky from the zenith over the middle to the horizon.
    pub sky: [Rgb; 3],
    /// What far things fade into.
    pub haze: Rgb,
    /// What a white thing looks like.
    pub ambient: Rgb,
    /// Sun or moon.
    pub disc: Rgb,
    /// Clouds' lit side.
    pub cloud: Rgb,
}

/// What the words of one text say about time and weather.
fn read(text: &str) -> (Option<Time>, Option<Weather>) {
    let all = words::split(text);
    let has = |any: &[&str]| all.iter().any(|word| any.contains(&word.as_str()));
    let time = if has(&[
        "night",
        "midnight",
        "moonlight",
        "moonlit",
        "starry",
        "nighttime",
        "moon",
        "stars",
        "nocturnal",
        "night-time",
    ]) {
        Some(Time::Night)
    } else if has(&["dusk", "twilight", "nightfall", "gloaming"]) {
        Some(Time::Dusk)
    } else if has(&["sunset", "evening", "sundown"]) {
        Some(Time::Sunset)
    } else if has(&["morning", "dawn", "sunrise", "daybreak"]) {
        Some(Time::Morning)
    } else if has(&["golden", "afternoon", "autumn"]) {
        Some(Time::Afternoon)
    } else if has(&["day", "noon", "midday", "daylight", "sunny", "bright", "sunlit"]) {
        Some(Time::Day)
    } else {
        None
    };
    let weather = if has(&["storm", "stormy", "thunder", "thunderstorm", "lightning", "tempest", "hurricane", "gale"]) {
        Some(Weather::Storm)
    } else if has(&["blizzard", "snowing", "snowfall", "snowstorm", "snowflakes", "snowy"]) {
        Some(Weather::Snow)
    } else if has(&["rain", "rainy", "raining", "drizzle", "downpour", "rainstorm", "rains"]) {
        Some(Weather::Rain)
    } else if has(&["fog", "foggy", "mist", "misty", "haze", "hazy"]) {
        Some(Weather::Fog)
    } else if has(&["cloudy", "overcast", "gloomy", "bleak", "dreary"]) {
        Some(Weather::Cloudy)
    } else if has(&["sunny", "clear", "calm", "sunlight", "sun", "sunlit", "sunrise", "sunset"]) {
        Some(Weather::Clear)
    } else {
        None
    };
    (time, weather)
}

impl Light {
    /// Reads the light from the prompt, then the background's name, then its description; `otherwise` is the time when
    /// nothing says.
    pub fn read(prompt: &str, name: &str, description: &str, otherwise: Time) -> Self {
        let texts = [prompt, name, description].map(read);
        let time = texts.iter().find_map(|t| t.0);
        let mut weather = texts.iter().find_map(|t| t.1);
        // "Morning light" ends the storm that a place is named after.
        let cleared = matches!(texts[0].0, Some(Time::Morning | Time::Sunset | Time::Day));
        if cleared && texts[0].1.is_none() && matches!(weather, Some(Weather::Storm | Weather::Rain)) {
            weather = Some(Weather::Clear);
        }
        Self::of(time.unwrap_or(otherwise), weather.unwrap_or(Weather::Clear))
    }

    pub fn of(time: Time, weather: Weather) -> Self {
        let (sky, ambient, disc, cloud): ([u32; 3], u32, u32, u32) = match time {
            Time::Day => ([0x4f9fdc, 0x93cbee, 0xe4f2ee], 0xffffff, 0xfff3c4, 0xffffff),
            Time::Morning => ([0x86a9d8, 0xf2bfae, 0xffe6bf], 0xfff1e2, 0xffe08a, 0xfff0e2),
            Time::Afternoon => ([0x5f9fcf, 0xb9d5d3, 0xfde6b3], 0xfff4dd, 0xffe38f, 0xfff6e3),
            Time::Sunset => ([0x4a3f78, 0xd96c70, 0xffc076], 0xffdcc0, 0xffd166, 0xf7a58a),
            Time::Dusk => ([0x20264f, 0x5c4d86, 0xd78a84], 0xc9b6d4, 0xf5e2c8, 0x8a6f9d),
            Time::Night => ([0x0a1130, 0x182a58, 0x35507f], 0x7d8fc0, 0xf4efd7, 0x31426f),
        };
        let mut light = Self {
            time,
            weather,
            sky: sky.map(Rgb::hex),
            haze: Rgb::hex(sky[2]).mix(Rgb::hex(sky[1]), 0.35),
            ambient: Rgb::hex(ambient),
            disc: Rgb::hex(disc),
            cloud: Rgb::hex(cloud),
        };
        let night = matches!(time, Time::Night | Time::Dusk);
        let veil = |light: &mut Self, sky: [u32; 3], amount: f32, ambient: u32| {
            for (own, other) in light.sky.iter_mut().zip(sky) {
                *own = own.mix(Rgb::hex(other), amount);
            }
            light.haze = light.sky[2].mix(light.sky[1], 0.4);
            light.ambient = light.ambient.mix(Rgb::hex(ambient), 0.75);
            light.cloud = light.cloud.mix(light.sky[1], 0.55);
        };
        match weather {
            Weather::Clear => {}
            Weather::Cloudy => {
                veil(&mut light, [0x8c9bad, 0xb3bfca, 0xd9dede], 0.7, if night { 0x8a93ad } else { 0xeceef2 })
            }
            Weather::Rain => {
                veil(&mut light, [0x4f6076, 0x7b8c9e, 0xaab6bd], 0.78, if night { 0x7681a3 } else { 0xd0d9e2 })
            }
            Weather::Storm => veil(&mut light, [0x1b2436, 0x37495e, 0x6c8090], 0.88, 0xa9b7c9),
            Weather::Snow => {
                veil(&mut light, [0x9fb3c8, 0xc6d4e0, 0xeaf0f4], 0.7, if night { 0x93a3cc } else { 0xf2f6fb })
            }
            Weather::Fog => {
                veil(&mut light, [0xaab4bb, 0xc5ccce, 0xdfe2e0], 0.75, if night { 0x8f9ab5 } else { 0xe6e8e8 })
            }
        }
        light
    }

    pub fn is_dark(&self) -> bool {
        matches!(self.time, Time::Night | Time::Dusk) || self.weather == Weather::Storm
    }

    /// A colour in this light, `far` (0 near, 1 at the horizon) through the haze.
    pub fn shade(&self, color: Rgb, far: f32) -> Rgb {
        let thick = if self.weather == Weather::Fog { 0.35 } else { 0.0 };
        color.lit(self.ambient).mix(self.haze, (far + thick * far.min(0.5) * 2.0).min(0.95))
    }
}
