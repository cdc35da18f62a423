//! Icons of the Phosphor font, as text. Every button that shows one alone also has an accessible name.

pub const ADD: &str = "\u{e3d4}";
pub const ARROW_DOWN: &str = "\u{e03e}";
pub const ARROW_LEFT: &str = "\u{e058}";
pub const ARROW_RIGHT: &str = "\u{e06c}";
pub const ARROW_UP: &str = "\u{e08e}";
pub const CHECK: &str = "\u{e182}";
pub const CLOSE: &str = "\u{e4f6}";
pub const COMPARE: &str = "\u{e546}";
pub const COPY: &str = "\u{e1ca}";
pub const DICE: &str = "\u{e1ee}";
pub const DOWNLOAD: &str = "\u{e20c}";
pub const FILM: &str = "\u{e792}";
pub const FOLDER: &str = "\u{e256}";
pub const LOCK: &str = "\u{e2fa}";
pub const PAUSE: &str = "\u{e39e}";
pub const PLACE: &str = "\u{e316}";
pub const PLAY: &str = "\u{e3d0}";
pub const QUEUE: &str = "\u{e6ac}";
pub const SKIP_BACK: &str = "\u{e5a4}";
pub const SKIP_FORWARD: &str = "\u{e5a6}";
pub const STAR: &str = "\u{e46a}";
pub const STATIC: &str = "\u{e626}";
pub const STEP_BACK: &str = "\u{e138}";
pub const STEP_FORWARD: &str = "\u{e13a}";
pub const STOP: &str = "\u{e46c}";
pub const SWAP: &str = "\u{e83c}";
pub const TRASH: &str = "\u{e4a6}";
pub const UNLOCK: &str = "\u{e306}";
pub const USER: &str = "\u{e4c2}";
pub const WARNING: &str = "\u{e4e0}";
pub const WIPE: &str = "\u{e872}";
pub const WRITE: &str = "\u{e6b6}";
pub const ZOOM_IN: &str = "\u{e310}";
pub const ZOOM_OUT: &str = "\u{e30e}";

use crate::project::Direction;

/// The icon of a camera direction.
pub fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Static => STATIC,
        Direction::Left => ARROW_LEFT,
        Direction::Right => ARROW_RIGHT,
        Direction::Up => ARROW_UP,
        Direction::Down => ARROW_DOWN,
        Direction::Forward => ZOOM_IN,
        Direction::Backward => ZOOM_OUT,
    }
}
