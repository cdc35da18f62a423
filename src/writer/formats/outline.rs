//! Plain text: a numbered list of scenes, each with what belongs to it on lines of its own.
//!
//! ```text
//! Film: A keeper rescues a paper boat
//!
//! 1. The keeper lights the lamp.
//!    With: keeper, lamp
//!    Place: rocky shore
//!    Camera: left slow
//!    Length: 4 s
//!    Dissolve: 0.5 s
//!    Note: MIA
//!    Note: Hello.
//! ```
//!
//! Any other text is split into scenes by the rules of [`crate::writer::script_from_text`].

use super::camera::{camera_in_field, camera_text};
use super::value::{milliseconds, names_in, names_list, quoted, seconds, unquoted};
use super::{ImportNote, MOST_SCENES, Shot, TitlePage, cleaned};
use crate::project::Project;
use std::fmt::Write as _;

/// The key and the value of a line that says something about a scene.
fn key_of(line: &str) -> Option<(&'static str, &str)> {
    let (key, value) = line.trim_start().split_once(':')?;
    let known = ["With", "Place", "Camera", "Length", "Dissolve", "Note"];
    let key = known.into_iter().find(|known| known.eq_ignore_ascii_case(key.trim()))?;
    Some((key, value.strip_prefix(' ').unwrap_or(value)))
}

/// The text of a line that begins with a number and a full stop.
fn numbered(line: &str) -> Option<&str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line[digits..].strip_prefix('.').filter(|_| (1..=6).contains(&digits))?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim())
}

/// Whether a text is such a list: a numbered line, and one under it that says something about it.
pub(super) fn is_outline(text: &str) -> bool {
    let mut in_scene = false;
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        match numbered(line) {
            Some(_) => in_scene = true,
            None if in_scene => return line.starts_with([' ', '\t']) && key_of(line).is_some(),
            None if title_of(line).is_some() => {}
            None => return false,
        }
    }
    false
}

fn title_of(line: &str) -> Option<(bool, &str)> {
    let (key, value) = line.split_once(": ")?;
    match key {
        "Film" => Some((true, value.trim())),
        "Style" => Some((false, value.trim())),
        _ => None,
    }
}

/// The scenes of such a list. `None` when there are more than [`MOST_SCENES`].
pub(super) fn parse(text: &str, notes: &mut Vec<ImportNote>) -> (TitlePage, Option<Vec<Shot>>) {
    let mut title = TitlePage::default();
    let mut shots: Vec<Shot> = Vec::new();
    // Lines between the scene's own and its first key go on with the action.
    let mut has_note = false;
    for (i, line) in text.lines().enumerate() {
        let at = i + 1;
        if let Some(prompt) = numbered(line) {
            has_note = false;
            shots.push(Shot { line: Some(at), prompt: unquoted(prompt), dissolve_ms: Some(0), ..Shot::default() });
            if shots.len() > MOST_SCENES {
                return (title, None);
            }
            continue;
        }
        let Some(shot) = shots.last_mut() else {
            match title_of(line) {
                Some((true, value)) => title.title = unquoted(value),
                Some((false, value)) => title.style = unquoted(value),
                None => {}
            }
            continue;
        };
        let Some((key, value)) = key_of(line) else {
            if !line.trim().is_empty() {
                shot.prompt = format!("{} {}", shot.prompt, line.trim()).trim().to_owned();
            }
            continue;
        };
        let mut spoiled = |shot: &mut Shot| {
            notes.push(ImportNote::at(at, format!("\"{}\" was not understood; it was kept as a note", value.trim())));
            let gap = if shot.note.is_empty() { "" } else { "\n\n" };
            shot.note = format!("{}{gap}{key}: {}", shot.note, value.trim());
        };
        match key {
            "With" => shot.foreground = names_in(value),
            "Place" => shot.background = unquoted(value),
            "Camera" => match camera_in_field(value) {
                Some(found) => shot.camera = Some(found.camera),
                None => spoiled(shot),
            },
            "Length" | "Dissolve" => match (milliseconds(value), key) {
                (Some(ms), "Length") => shot.duration_ms = Some(ms),
                (Some(ms), _) => shot.dissolve_ms = Some(ms),
                (None, _) => spoiled(shot),
            },
            _ => {
                if has_note {
                    shot.note.push('\n');
                }
                shot.note.push_str(value);
                has_note = true;
            }
        }
    }
    (title, Some(shots))
}

/// All scenes as a numbered list.
pub(super) fn write(project: &Project, title: &TitlePage) -> String {
    let mut text = String::new();
    for (key, value) in [("Film", &title.title), ("Style", &title.style)] {
        if !value.is_empty() {
            let _ = writeln!(text, "{key}: {}", quoted(value, &[]));
        }
    }
    for (i, scene) in project.scenes.iter().enumerate() {
        if !text.is_empty() {
            text.push('\n');
        }
        let prompt = cleaned(&scene.prompt);
        let prompt = if prompt.is_empty() { prompt } else { quoted(&prompt, &LINE_ENDS) };
        let _ = writeln!(text, "{}. {prompt}", i + 1);
        let names: Vec<String> = scene.foreground.iter().map(|name| cleaned(name)).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "   With: {}", names_list(&names));
        }
        if !scene.background.is_empty() {
            let _ = writeln!(text, "   Place: {}", quoted(&cleaned(&scene.background), &LINE_ENDS));
        }
        let _ = writeln!(text, "   Camera: {}", camera_text(scene.camera));
        let _ = writeln!(text, "   Length: {}", seconds(scene.duration_ms));
        if scene.dissolve_ms != 0 {
            let _ = writeln!(text, "   Dissolve: {}", seconds(scene.dissolve_ms));
        }
        let note = cleaned(&scene.note);
        for line in note.split('\n').filter(|_| !note.is_empty()) {
            let _ = writeln!(text, "   Note: {line}");
        }
    }
    text
}

/// Signs at which some programs begin a new line.
const LINE_ENDS: [char; 3] = ['\u{2028}', '\u{2029}', '\u{85}'];
