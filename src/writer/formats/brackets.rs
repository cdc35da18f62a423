//! Scripts as language models are asked for them in the paper:
//! `[scene_1: [prompt; entities: a, b; background: c]]`, in the released code with `step_1`, and the camera moves in a
//! list of their own, `[scene_1: [moving left, fast]]`.
//!
//! Models keep to this only more or less. What they get wrong is mended here and said; [`crate::writer::compat`] has the
//! original's verdict instead.

use super::camera::camera_in_field;
use super::value::{always_quoted, names_between_commas, quoted, split_outside_quotes, unquoted};
use super::{ImportNote, MOST_SCENES, Shot, cleaned, guess};
use crate::project::{CameraMove, Direction, Project};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A field of a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    Prompt,
    Entities,
    Background,
    Camera,
}

const KEYS: [(&str, Field); 20] = [
    ("prompt", Field::Prompt),
    ("description", Field::Prompt),
    ("action", Field::Prompt),
    ("entities", Field::Entities),
    ("entity", Field::Entities),
    ("foreground", Field::Entities),
    ("foregrounds", Field::Entities),
    ("characters", Field::Entities),
    ("objects", Field::Entities),
    ("cast", Field::Entities),
    ("background", Field::Background),
    ("backgrounds", Field::Background),
    ("background scene", Field::Background),
    ("place", Field::Background),
    ("location", Field::Background),
    ("setting", Field::Background),
    ("camera", Field::Camera),
    ("camera move", Field::Camera),
    ("camera movement", Field::Camera),
    ("movement", Field::Camera),
];

/// One bracketed scene, as it stands in the text.
struct Item {
    line: usize,
    number: usize,
    /// Inside of the inner brackets, or what there is in their place.
    content: String,
    /// Just as it should be.
    well_formed: bool,
}

/// Where a scene begins in a line: the bytes before it, its number, and where its content starts.
struct Start {
    at: usize,
    number: usize,
    content: usize,
    bracket: bool,
}

/// Whether a text is surely such a script.
pub(super) fn is_likely(text: &str) -> bool {
    let mut lines = text.lines();
    let bracketed = lines.any(|line| starts(line).iter().any(|start| start.bracket));
    let lower = text.get(..text.floor_char_boundary(20_000)).unwrap_or_default().to_lowercase();
    bracketed && (lower.contains("entities") || lower.contains("background") || lower.contains("[step"))
        || lower.contains("entities:")
            && lower.contains("background:")
            && text.lines().any(|line| !starts(line).is_empty())
}

/// The places in a line where scenes begin: `[step_1: `, `scene 2:`, `**Scene 3** -`.
fn starts(line: &str) -> Vec<Start> {
    let mut found = Vec::new();
    let bytes = line.as_bytes();
    let word_at = |at: usize| {
        ["step", "scene", "shot"].into_iter().find(|word| {
            bytes.get(at..at + word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    let mut at = 0;
    while at < bytes.len() {
        let Some(word) = word_at(at) else {
            at += 1;
            continue;
        };
        let before = line[..at].trim_end_matches(['*', '#', '-', ' ', '_']);
        let bracket = before.ends_with('[');
        // "…]; scene_2: [" is the paper's way to put all on one line.
        let begins = bracket || before.is_empty() || before.ends_with("];");
        let mut next = at + word.len();
        next += bytes[next..].iter().take_while(|byte| matches!(byte, b'_' | b' ' | b'-' | b'#' | b'\\')).count();
        let digits = bytes[next..].iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
        let number = line[next..next + digits].parse().ok();
        let mut content = next + digits;
        content += bytes[content..].iter().take_while(|byte| matches!(byte, b'*' | b' ' | b']')).count();
        let colon = matches!(bytes.get(content), Some(b':' | b'-' | b'.' | b')'));
        if let (true, Some(number), true) = (begins, number, colon) {
            found.push(Start { at: before.len() - usize::from(bracket), number, content: content + 1, bracket });
            at = content + 1;
        } else {
            at += word.len();
        }
    }
    found
}

/// The text without what a model thought aloud; the lines keep their numbers.
fn without_thoughts(text: &str, notes: &mut Vec<ImportNote>) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    let lower = text.to_ascii_lowercase();
    let offset = |rest: &str| text.len() - rest.len();
    let mut left_out = false;
    while let Some(close) = lower[offset(rest)..].find("</think>") {
        let open = lower[offset(rest)..offset(rest) + close].find("<think>").unwrap_or(0);
        let (thought, end) = (&rest[open..close], close + "</think>".len());
        kept.push_str(&rest[..open]);
        kept.extend(thought.chars().filter(|c| *c == '\n'));
        rest = &rest[end..];
        left_out = true;
    }
    if let Some(open) = lower[offset(rest)..].find("<think>") {
        left_out = true;
        let thought = &rest[open..];
        kept.push_str(&rest[..open]);
        // Thoughts without an end: what follows a blank line may be the script.
        if let Some(end) = thought.find("\n\n") {
            kept.push('\n');
            kept.push_str(&thought[end..]);
        }
        rest = "";
    }
    if left_out {
        notes.push(ImportNote::general("what the model thought aloud was left out"));
    }
    kept + rest
}

/// The scenes as they stand in the text.
fn items(text: &str, notes: &mut Vec<ImportNote>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut goes_on = false;
    for (i, line) in text.lines().enumerate() {
        let number = i + 1;
        let starts = starts(line);
        let head = starts.first().map_or(line, |start| &line[..start.at]);
        let stray = head.trim().trim_matches(['[', ']', ';', '`', '*', ' ']);
        if !stray.is_empty() && stray != "json" && stray != "text" {
            match items.last_mut().filter(|_| goes_on) {
                Some(item) => {
                    item.content.push(' ');
                    item.content.push_str(head.trim());
                    item.well_formed = false;
                }
                None => {
                    let said: String = stray.chars().take(60).collect();
                    notes.push(ImportNote::at(number, format!("\"{said}\" is no part of the script; it was left out")));
                }
            }
        }
        for (nth, start) in starts.iter().enumerate() {
            let end = starts.get(nth + 1).map_or(line.len(), |next| next.at);
            let raw = &line[start.content..end];
            let alone = starts.len() == 1 && start.bracket && start.at == 0;
            let inner = raw.strip_prefix(" [").and_then(|raw| raw.strip_suffix("]]")).filter(|_| alone);
            items.push(Item {
                line: number,
                number: start.number,
                content: inner.unwrap_or(raw).to_owned(),
                well_formed: inner.is_some(),
            });
        }
        if let Some(last) = items.last() {
            goes_on = !last.well_formed && !line.trim_end().ends_with(']') && !line.trim().is_empty();
        }
    }
    items
}

/// The scenes of a script. `None` when there are more than [`MOST_SCENES`].
pub(super) fn parse(text: &str, notes: &mut Vec<ImportNote>) -> Option<Vec<Shot>> {
    let text = without_thoughts(text, notes);
    let mut shots: Vec<Shot> = Vec::new();
    let mut numbers: Vec<usize> = Vec::new();
    let mut cameras: BTreeMap<usize, CameraMove> = BTreeMap::new();
    let mut known_places: Vec<bool> = Vec::new();
    for item in items(&text, notes) {
        let bare = bare(&item.content);
        let may_be_camera = !item.content.contains(':') && bare.split_whitespace().count() < 5;
        if let Some(found) = camera_in_field(bare).filter(|_| may_be_camera) {
            cameras.insert(item.number, found.camera);
            continue;
        }
        let exact = exact_fields(&item);
        let known_place = exact.is_some();
        let shot = exact.unwrap_or_else(|| {
            if !item.well_formed {
                notes.push(ImportNote::at(item.line, "the brackets were mended"));
            }
            fields(bare, item.line, notes)
        });
        if shot.prompt.is_empty() && shot.foreground.is_empty() && shot.background.is_empty() && !item.well_formed {
            notes.push(ImportNote::at(item.line, "a scene without words was left out"));
            continue;
        }
        if item.number != shots.len() + 1 {
            notes.push(ImportNote::at(item.line, format!("scene {} is number {}", item.number, shots.len() + 1)));
        }
        known_places.push(known_place || !shot.background.is_empty());
        numbers.push(item.number);
        shots.push(shot);
        if shots.len() > MOST_SCENES {
            return None;
        }
    }
    for (shot, number) in shots.iter_mut().zip(&numbers) {
        shot.camera = shot.camera.or_else(|| cameras.get(number).copied());
    }
    guess::places(&mut shots, |i| known_places[i]);
    match shots.iter().filter(|shot| shot.camera.is_none()).count() {
        0 => {}
        all if all == shots.len() => {
            notes.push(ImportNote::general("the script has no camera moves; they follow the action"));
        }
        some => notes.push(ImportNote::general(format!("{some} scenes have no camera move; it follows the action"))),
    }
    Some(shots)
}

/// A scene whose fields are where they should be, in the order and the spelling of the original.
fn exact_fields(item: &Item) -> Option<Shot> {
    let (rest, background) = item.content.rsplit_once("; background: ").filter(|_| item.well_formed)?;
    let (prompt, entities) = rest.rsplit_once("; entities: ").or_else(|| {
        // The original writes an empty list so.
        rest.strip_suffix("; entities:").map(|prompt| (prompt, ""))
    })?;
    if background.to_lowercase().contains("; camera") {
        return None;
    }
    Some(Shot {
        line: Some(item.line),
        prompt: unquoted(prompt),
        foreground: entities_in(entities),
        background: unquoted(background),
        ..Shot::default()
    })
}

fn entities_in(list: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in names_between_commas(list.trim().trim_start_matches('[').trim_end_matches(']')) {
        let nothing = matches!(name.to_lowercase().as_str(), "none" | "n/a" | "") && !list.contains('"');
        if !nothing {
            names.push(name);
        }
    }
    names
}

/// Content without brackets around it and what a model puts behind them.
fn bare(content: &str) -> &str {
    let mut content = content.trim();
    content = content.trim_end_matches([';', ',', ' ', '`', '*']);
    let inner = content.trim_start_matches(['[', '*', ' ']);
    // Text behind the last bracket ("]] I hope you like it") is not the scene's.
    match inner.find("]]") {
        Some(end) => inner[..end].trim(),
        None => inner.trim_end_matches([']', ' ', ';']).trim(),
    }
}

/// A scene with fields in any order and spelling.
fn fields(content: &str, line: usize, notes: &mut Vec<ImportNote>) -> Shot {
    let mut shot = Shot { line: Some(line), ..Shot::default() };
    let mut values: Vec<(Field, String)> = vec![(Field::Prompt, String::new())];
    let mut odd = false;
    for (i, part) in split_outside_quotes(content, |c| matches!(c, ';' | '\n')).into_iter().enumerate() {
        let mut rest = part;
        // A comma in the place of a semicolon: "entities: girl, background: beach".
        while let Some((at, field, value)) = key_in(rest) {
            if at > 0 {
                add(&mut values, &rest[..at]);
                odd = true;
            }
            values.push((field, String::new()));
            odd |= !matches!(rest[at..].trim_start(), s if s.starts_with("entities:") || s.starts_with("background:"));
            rest = &rest[value..];
        }
        if i > 0
            && key_in(part).is_none()
            && let Some((_, value)) = values.last_mut()
        {
            value.push(';');
        }
        add(&mut values, rest);
    }
    let has = |field: Field| values.iter().any(|(known, value)| *known == field && !value.is_empty());
    if !has(Field::Entities) && !has(Field::Background) && !has(Field::Camera) && content.matches(',').count() > 1 {
        return positional(content, line, notes);
    }
    let missing: Vec<&str> = [(Field::Entities, "entities"), (Field::Background, "background")]
        .into_iter()
        .filter_map(|(field, name)| (!values.iter().any(|(known, _)| *known == field)).then_some(name))
        .collect();
    if !missing.is_empty() {
        notes.push(ImportNote::at(line, format!("the scene has no {}", missing.join(" and no "))));
    } else if odd {
        notes.push(ImportNote::at(line, "the fields were put in order"));
    }
    for (field, value) in values {
        let value = value.trim().trim_end_matches([',', ';']).trim();
        match field {
            _ if value.is_empty() => {}
            Field::Prompt if shot.prompt.is_empty() => shot.prompt = unquoted(value),
            Field::Prompt => shot.note = value.to_owned(),
            Field::Entities => shot.foreground.extend(entities_in(value)),
            Field::Background => shot.background = unquoted(value),
            Field::Camera => match camera_in_field(value) {
                Some(found) => shot.camera = Some(found.camera),
                None => notes.push(ImportNote::at(line, format!("the camera move \"{value}\" is not known"))),
            },
        }
    }
    shot
}

fn add(values: &mut [(Field, String)], text: &str) {
    if let Some((_, value)) = values.last_mut() {
        value.push_str(text);
    }
}

/// The first `key:` of a text that begins it or follows a comma: where it is, what it is, and where its value begins.
fn key_in(text: &str) -> Option<(usize, Field, usize)> {
    let mut at = 0;
    for part in text.split_inclusive([',', '.']) {
        if let Some((key, _)) = part.split_once(':') {
            let name = key.trim().trim_matches(['*', '"', '[', '_']).to_lowercase();
            if let Some((_, field)) = KEYS.iter().find(|(known, _)| *known == name) {
                return Some((at, *field, at + key.len() + 1));
            }
        }
        at += part.len();
    }
    None
}

/// The paper's short form without keys: `prompt, foreground, background, camera move`.
fn positional(content: &str, line: usize, notes: &mut Vec<ImportNote>) -> Shot {
    let mut parts: Vec<&str> = content.split(',').map(str::trim).collect();
    let mut shot = Shot { line: Some(line), ..Shot::default() };
    for count in [2, 1] {
        let at = parts.len().saturating_sub(count);
        let found = camera_in_field(&parts[at..].join(", ")).filter(|_| at > 0);
        if let Some(found) = found.filter(|_| parts[at..].iter().all(|part| part.split(' ').count() < 4)) {
            shot.camera = Some(found.camera);
            parts.truncate(at);
            break;
        }
    }
    if shot.camera.is_some() && parts.len() > 2 {
        shot.background = parts.pop().unwrap_or_default().to_owned();
        shot.foreground = entities_in(parts.pop().unwrap_or_default());
        notes.push(ImportNote::at(line, "fields without names were taken as prompt, entity, background, camera move"));
    } else {
        notes.push(ImportNote::at(line, "the scene has no entities and no background"));
    }
    shot.prompt = parts.join(", ");
    shot
}

/// The paper's words for a camera move.
fn camera_words(camera: CameraMove) -> String {
    let direction = match camera.direction {
        Direction::Static => "static",
        Direction::Left => "moving left",
        Direction::Right => "moving right",
        Direction::Up => "moving up",
        Direction::Down => "moving down",
        Direction::Forward => "zoom in",
        Direction::Backward => "zoom out",
    };
    format!("{direction}, {}", camera.speed)
}

/// A semicolon in quotation marks, where it cannot be taken for the end of a field.
const SEMICOLON: &str = "\\u003b";

/// A text on one line.
pub(super) fn one_line(text: &str) -> String {
    cleaned(text).replace(['\n', '\u{2028}', '\u{2029}', '\u{85}'], " ").trim().to_owned()
}

/// The scenes in the form of the released code, then the camera moves in the form of the paper.
pub(super) fn write(project: &Project) -> String {
    let (mut scenes, mut cameras) = (String::new(), String::new());
    for (i, scene) in project.scenes.iter().enumerate() {
        let names = scene.foreground.iter().map(|name| {
            let name = one_line(name);
            let nothing = name.is_empty() || matches!(name.to_lowercase().as_str(), "none" | "n/a");
            let name = if nothing { always_quoted(&name) } else { quoted(&name, &[',', ';', '[', ']', '"']) };
            name.replace(';', SEMICOLON)
        });
        let names = names.collect::<Vec<_>>().join(", ");
        let value = |text: &str| {
            let text = one_line(text);
            let misleading = !starts(&format!("[{text}")).is_empty()
                || ["; background: ", "; entities:", "; camera"].iter().any(|mark| text.to_lowercase().contains(mark));
            if misleading || text.starts_with('"') { always_quoted(&text).replace(';', SEMICOLON) } else { text }
        };
        let (prompt, background) = (value(&scene.prompt), value(&scene.background));
        let n = i + 1;
        let _ = writeln!(scenes, "[step_{n}: [{prompt}; entities: {names}; background: {background}]]");
        let _ = writeln!(cameras, "[scene_{n}: [{}]]", camera_words(scene.camera));
    }
    format!("{scenes}\n{cameras}")
}
