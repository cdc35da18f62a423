//! Camera moves in the words of scripts and shot lists.

use crate::project::{CameraMove, Direction, Speed};

/// A move that was found in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub camera: CameraMove,
    /// The text names a move without saying where to.
    pub guessed: bool,
}

/// Words that move the camera, and where they lead when nothing else is said.
const MOVES: [(&str, Option<Direction>); 30] = [
    ("pan", None),
    ("pans", None),
    ("panning", None),
    ("truck", None),
    ("trucks", None),
    ("trucking", None),
    ("track", None),
    ("tracks", None),
    ("tracking", None),
    ("slide", None),
    ("slider", None),
    ("tilt", None),
    ("tilts", None),
    ("tilting", None),
    ("crane", None),
    ("craning", None),
    ("boom", None),
    ("jib", None),
    ("pedestal", None),
    ("zoom", Some(Direction::Forward)),
    ("zooms", Some(Direction::Forward)),
    ("zooming", Some(Direction::Forward)),
    ("dolly", Some(Direction::Forward)),
    ("dollies", Some(Direction::Forward)),
    ("push", Some(Direction::Forward)),
    ("pushes", Some(Direction::Forward)),
    ("pushing", Some(Direction::Forward)),
    ("pull", Some(Direction::Backward)),
    ("pulls", Some(Direction::Backward)),
    ("pulling", Some(Direction::Backward)),
];

/// Words that say where to.
const WHERE: [(&str, Direction); 22] = [
    ("left", Direction::Left),
    ("l", Direction::Left),
    ("leftward", Direction::Left),
    ("right", Direction::Right),
    ("r", Direction::Right),
    ("rightward", Direction::Right),
    ("up", Direction::Up),
    ("upward", Direction::Up),
    ("upwards", Direction::Up),
    ("down", Direction::Down),
    ("downward", Direction::Down),
    ("downwards", Direction::Down),
    ("in", Direction::Forward),
    ("into", Direction::Forward),
    ("forward", Direction::Forward),
    ("forwards", Direction::Forward),
    ("toward", Direction::Forward),
    ("towards", Direction::Forward),
    ("closer", Direction::Forward),
    ("out", Direction::Backward),
    ("back", Direction::Backward),
    ("backward", Direction::Backward),
];

/// Words for a camera that stays where it is.
const STILL: [&str; 8] = ["static", "locked", "lock", "still", "fixed", "tripod", "stationary", "none"];

fn where_to(word: &str) -> Option<Direction> {
    let word = if word == "backwards" { "backward" } else { word };
    WHERE.iter().find(|(known, _)| *known == word).map(|(_, direction)| *direction)
}

fn move_of(word: &str) -> Option<Option<Direction>> {
    MOVES.iter().find(|(known, _)| *known == word).map(|(_, direction)| *direction)
}

fn speed_in(words: &[String]) -> Option<Speed> {
    words.iter().find_map(|word| match word.as_str() {
        "slow" | "slowly" | "gentle" | "gently" | "creeping" => Some(Speed::Slow),
        "fast" | "quick" | "quickly" | "rapid" | "rapidly" | "whip" | "swish" | "crash" => Some(Speed::Fast),
        "medium" | "normal" => Some(Speed::Medium),
        _ => None,
    })
}

fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// A move with words enough to be read back exactly: `left slow`.
pub(super) fn camera_text(camera: CameraMove) -> String {
    format!("{} {}", camera.direction, camera.speed)
}

/// The move in a field that is about the camera and nothing else, such as `left slow`, `moving left, fast`, `zoom in`,
/// `Slow push-in`, `pan L`, `static`.
pub(super) fn camera_in_field(field: &str) -> Option<Found> {
    let words = words_of(field);
    let speed = speed_in(&words);
    let made = |direction, guessed| Found { camera: CameraMove::new(direction, speed.unwrap_or_default()), guessed };
    if words.is_empty() {
        return None;
    }
    let mover = words.iter().position(|word| move_of(word).is_some());
    if let Some(at) = mover {
        // "push in", "slow left pan": what follows counts before what precedes.
        let after = words[at + 1..].iter().take(4).find_map(|word| where_to(word));
        let before = words[..at].iter().rev().take(2).find_map(|word| where_to(word));
        let natural = move_of(&words[at]).flatten();
        if let Some(direction) = after.or(before).or(natural) {
            return Some(made(direction, false));
        }
        let sideways = !matches!(words[at].as_str(), "tilt" | "tilts" | "tilting" | "crane" | "boom" | "jib");
        return Some(made(if sideways { Direction::Right } else { Direction::Up }, true));
    }
    if words.iter().any(|word| STILL.contains(&word.as_str())) {
        return Some(made(Direction::Static, false));
    }
    let rest: Vec<&String> = words.iter().filter(|word| speed_in(std::slice::from_ref(word)).is_none()).collect();
    let rest: Vec<&String> =
        rest.into_iter().filter(|word| !matches!(word.as_str(), "moving" | "move" | "moves" | "camera")).collect();
    match rest[..] {
        [word] => where_to(word).map(|direction| made(direction, false)),
        _ => None,
    }
}

/// The move that a sentence of action gives to the camera: in capitals at its beginning (`PAN LEFT to the door`,
/// `SLOW PUSH IN on Mia`), or said of the camera or of us (`the camera pulls back`, `we zoom in`).
pub(super) fn camera_in_action(sentence: &str) -> Option<Found> {
    let raw: Vec<&str> = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let lower: Vec<String> = raw.iter().map(|word| word.to_lowercase()).collect();
    let is_caps = |word: &str| word.chars().count() > 1 && !word.chars().any(char::is_lowercase);
    let at = lower.iter().enumerate().position(|(at, word)| {
        if move_of(word).is_none() {
            return false;
        }
        let who = lower[at.saturating_sub(2)..at].iter().any(|word| matches!(word.as_str(), "camera" | "we"));
        let begins = at < 3 && raw[..=at].iter().all(|word| is_caps(word));
        // "PUSH the door" is somebody's action: without "in" or "back" it is not the camera's.
        let needs_where =
            matches!(move_of(word), Some(Some(_))) && !word.starts_with("zoom") && !word.starts_with("doll");
        let next = lower.get(at + 1).and_then(|word| where_to(word));
        (who || begins) && (!needs_where || next.is_some())
    })?;
    // Words far behind the move are about something else.
    let end = lower.len().min(at + 4);
    camera_in_field(&lower[at.saturating_sub(2)..end].join(" "))
}

/// Whether a sentence moves the camera and says nothing else: `PAN LEFT.`, `The camera pulls back slowly.`
pub(super) fn is_only_camera(sentence: &str) -> bool {
    let known = |word: &String| {
        move_of(word).is_some()
            || where_to(word).is_some()
            || speed_in(std::slice::from_ref(word)).is_some()
            || matches!(
                word.as_str(),
                "the" | "camera" | "we" | "shot" | "to" | "and" | "very" | "a" | "continue" | "continues"
            )
    };
    camera_in_action(sentence).is_some() && words_of(sentence).iter().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_as_people_fill_it_in() {
        for (field, wanted) in [
            ("left slow", "left slow"),
            ("static fast", "static fast"),
            ("Static", "static medium"),
            ("moving left, fast", "left fast"),
            ("moving up, slow", "up slow"),
            ("zoom in, medium", "forward medium"),
            ("zoom out", "backward medium"),
            ("Slow push-in", "forward slow"),
            ("Pan L", "left medium"),
            ("whip pan right", "right fast"),
            ("dolly back quickly", "backward fast"),
            ("crane down", "down medium"),
            ("Locked-off", "static medium"),
            ("backward", "backward medium"),
        ] {
            assert_eq!(
                camera_in_field(field).map(|found| camera_text(found.camera)).as_deref(),
                Some(wanted),
                "{field}"
            );
        }
        for field in ["", "handheld", "35 mm", "Sony FX3", "left then right"] {
            assert_eq!(camera_in_field(field), None, "{field}");
        }
        assert!(camera_in_field("tracking shot").is_some_and(|found| found.guessed));
        for direction in Direction::ALL {
            for speed in Speed::ALL {
                let camera = CameraMove::new(direction, speed);
                assert_eq!(camera_in_field(&camera_text(camera)), Some(Found { camera, guessed: false }));
            }
        }
    }

    #[test]
    fn only_what_is_meant_for_the_camera_moves_it() {
        for (sentence, wanted) in [
            ("PAN LEFT to the open door.", "left medium"),
            ("SLOW PUSH IN on Mia's face.", "forward slow"),
            ("The camera pulls back quickly.", "backward fast"),
            ("We tilt up to the sky.", "up medium"),
            ("ZOOM on the letter.", "forward medium"),
        ] {
            let found = camera_in_action(sentence).map(|found| camera_text(found.camera));
            assert_eq!(found.as_deref(), Some(wanted), "{sentence}");
        }
        for sentence in [
            "Mia PUSHES the door in.",
            "PUSH the button.",
            "He pans for gold.",
            "The ship tracks left.",
            "A frying pan.",
        ] {
            assert_eq!(camera_in_action(sentence), None, "{sentence}");
        }
        assert!(is_only_camera("The camera pulls back slowly.") && is_only_camera("PAN LEFT."));
        assert!(!is_only_camera("PAN LEFT to the open door."));
    }
}
