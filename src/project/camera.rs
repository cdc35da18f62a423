//! The camera: a closed set of seven directions and three speeds (paper, section 3.1).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where the camera goes. The content moves the other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Stays where it is.
    #[default]
    Static,
    /// Pans left.
    Left,
    /// Pans right.
    Right,
    /// Tilts up.
    Up,
    /// Tilts down.
    Down,
    /// Moves in.
    Forward,
    /// Moves out.
    Backward,
}

/// How fast the camera goes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speed {
    /// Hardly noticed.
    Slow,
    /// Noticed.
    #[default]
    Medium,
    /// Noticed at once.
    Fast,
}

/// The camera movement of one scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct CameraMove {
    /// Where to.
    pub direction: Direction,
    /// How fast.
    pub speed: Speed,
}

/// The part of a still that the camera shows, in units of the still's width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Centre of the visible part, each in `0.0..=1.0`; `(0.5, 0.5)` is the middle, y points down.
    pub center: [f32; 2],
    /// Side of the visible part relative to the still: 1 shows all of it, 0.5 the middle half of each side.
    pub extent: f32,
}

impl View {
    /// All of the still.
    pub const WHOLE: Self = Self { center: [0.5, 0.5], extent: 1.0 };
}

/// A word that names no camera direction or speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown camera {what} \"{word}\"; use one of: {allowed}")]
pub struct UnknownCamera {
    /// "direction" or "speed".
    pub what: &'static str,
    /// The word.
    pub word: String,
    /// The words that are known, separated by commas.
    pub allowed: String,
}

impl Direction {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 7] =
        [Self::Static, Self::Left, Self::Right, Self::Up, Self::Down, Self::Forward, Self::Backward];

    /// The word for it, in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Left => "left",
            Self::Right => "right",
            Self::Up => "up",
            Self::Down => "down",
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}

impl Speed {
    /// All of them, from slow to fast.
    pub const ALL: [Self; 3] = [Self::Slow, Self::Medium, Self::Fast];

    /// The word for it, in files and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Medium => "medium",
            Self::Fast => "fast",
        }
    }

    /// Share of the still that a move of this speed travels over one scene, whatever its duration.
    fn travel(self) -> f32 {
        match self {
            Self::Slow => 0.08,
            Self::Medium => 0.14,
            Self::Fast => 0.22,
        }
    }
}

impl CameraMove {
    /// A move in this direction at this speed.
    pub fn new(direction: Direction, speed: Speed) -> Self {
        Self { direction, speed }
    }

    /// What the camera sees at `t`, from 0 at the scene's first frame to 1 at its last.
    ///
    /// Moves ease in and out, and never leave the still.
    pub fn view_at(self, t: f32) -> View {
        let t = t.clamp(0.0, 1.0);
        let eased = t * t * (3.0 - 2.0 * t);
        let travel = self.speed.travel();
        let middle = [0.5, 0.5];
        let panned = |dx: f32, dy: f32| {
            let offset = travel * (eased - 0.5);
            View { center: [0.5 + dx * offset, 0.5 + dy * offset], extent: 1.0 - travel }
        };
        match self.direction {
            Direction::Static => View { center: middle, extent: 1.0 },
            Direction::Left => panned(-1.0, 0.0),
            Direction::Right => panned(1.0, 0.0),
            Direction::Up => panned(0.0, -1.0),
            Direction::Down => panned(0.0, 1.0),
            Direction::Forward => View { center: middle, extent: 1.0 - travel * eased },
            Direction::Backward => View { center: middle, extent: 1.0 - travel * (1.0 - eased) },
        }
    }
}

fn parse<T: Copy>(
    what: &'static str,
    word: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, UnknownCamera> {
    let lower = word.trim().to_lowercase();
    all.iter().copied().find(|v| name(*v) == lower).ok_or_else(|| UnknownCamera {
        what,
        word: word.to_owned(),
        allowed: all.iter().map(|v| name(*v)).collect::<Vec<_>>().join(", "),
    })
}

impl FromStr for Direction {
    type Err = UnknownCamera;
    fn from_str(word: &str) -> Result<Self, UnknownCamera> {
        parse("direction", word, &Self::ALL, Self::as_str)
    }
}

impl FromStr for Speed {
    type Err = UnknownCamera;
    fn from_str(word: &str) -> Result<Self, UnknownCamera> {
        parse("speed", word, &Self::ALL, Self::as_str)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CameraMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.direction {
            Direction::Static => f.write_str("static"),
            direction => write!(f, "{direction} · {}", self.speed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_stays_inside_the_still() {
        for direction in Direction::ALL {
            for speed in Speed::ALL {
                for i in 0..=100 {
                    let view = CameraMove::new(direction, speed).view_at(i as f32 / 100.0);
                    for c in view.center {
                        assert!(c - view.extent / 2.0 >= -1e-6 && c + view.extent / 2.0 <= 1.0 + 1e-6);
                    }
                }
            }
        }
    }

    #[test]
    fn an_unknown_word_names_the_closed_set() {
        let error = "sideways".parse::<Direction>().unwrap_err();
        assert!(error.to_string().contains("static, left, right, up, down, forward, backward"));
    }
}
