//! Reading what a server said, while it is being said: JSON, or the lines that the examples show.

use crate::project::ScriptScene;
use crate::writer::formats::{ScriptFormat, read_script};
use crate::writer::plan::Plan;
use crate::writer::tidy::flat;
use serde_json::Value;

/// What there is of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Answer {
    pub plan: Plan,
    /// All but the last are complete.
    pub scenes: Vec<ScriptScene>,
    /// Whether the last scene is complete, too.
    pub complete: bool,
}

/// Reads an answer that is still growing, or one that is `done`.
///
/// What does not begin as an answer should is not read before it is done: it may be a thought.
pub(super) fn read(text: &str, done: bool) -> Answer {
    let text = text.trim_start();
    let text = text.strip_prefix("```").map_or(text, |rest| rest.split_once('\n').map_or("", |(_, rest)| rest));
    let in_form = ["In English:", "Beginning:", "Scene "].iter().any(|word| line_words(text).starts_with(word));
    if text.starts_with('{') {
        return read_json(text, done);
    }
    if in_form {
        return read_lines(text, done);
    }
    if !done {
        return Answer::default();
    }
    // Words around it, or another form that can be read.
    let json = text.find('{').map(|at| read_json(&text[at..], true)).unwrap_or_default();
    if !json.scenes.is_empty() {
        return json;
    }
    let lines = read_lines(text, true);
    if !lines.scenes.is_empty() {
        return lines;
    }
    match read_script("the answer", text.as_bytes(), None) {
        Ok(script) if script.format != ScriptFormat::Text => {
            let scenes = script.scenes.into_iter().map(|imported| imported.scene).collect();
            Answer { scenes, complete: true, ..Answer::default() }
        }
        _ => Answer::default(),
    }
}

/// A line without the marks of Markdown around it.
fn line_words(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '*' | '-' | '>' | '_'))
}

fn read_lines(text: &str, done: bool) -> Answer {
    let mut answer = Answer { complete: done, ..Answer::default() };
    let mut told = String::new();
    // The last line may still grow; a scene's head counts when it is whole.
    for line in text.lines() {
        let line = line_words(line).replace("**", "");
        let lower = line.to_lowercase();
        let number = lower.strip_prefix("scene ").map(|rest| rest.trim_end_matches([':', '.', ' ', '*']));
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
            answer.scenes.push(ScriptScene::default());
            continue;
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        match answer.scenes.last_mut() {
            None => told.push_str(&format!("{}: {}\n", field.trim(), value.trim())),
            Some(scene) => put(scene, &field.trim().to_lowercase(), &Value::String(value.trim().to_owned())),
        }
    }
    answer.plan = Plan::read(&told);
    answer
}

fn read_json(text: &str, done: bool) -> Answer {
    let mut answer = Answer { complete: done, ..Answer::default() };
    let Some((json, whole)) = completed(text) else { return answer };
    let Ok(value) = serde_json::from_str::<Value>(&json) else { return answer };
    answer.complete |= whole;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    answer.plan.english = value["in_english"].as_str().filter(|english| !english.is_empty()).map(str::to_owned);
    match &value["story"] {
        Value::Array(parts) => {
            for (part, to) in parts.iter().zip(&mut answer.plan.story) {
                *to = text(part);
            }
        }
        story => answer.plan.story[0] = text(story),
    }
    answer.plan.cast = names(&value["cast"]);
    answer.plan.places = names(&value["places"]);
    for scene in value["scenes"].as_array().into_iter().flatten() {
        let mut read = ScriptScene::default();
        for (field, value) in scene.as_object().into_iter().flatten() {
            put(&mut read, &field.to_lowercase(), value);
        }
        answer.scenes.push(read);
    }
    answer
}

/// Takes a field of a scene in, under any of the names that models give it.
fn put(scene: &mut ScriptScene, field: &str, value: &Value) {
    let text = || value.as_str().map(plain).unwrap_or_default();
    match field {
        "action" | "prompt" | "description" => scene.prompt = text(),
        "where" | "place" | "background" | "setting" | "location" => scene.background = text(),
        "who" | "entities" | "cast" | "characters" | "foreground" => scene.foreground = names(value),
        _ => {}
    }
}

/// Names in a list, or between commas.
fn names(value: &Value) -> Vec<String> {
    let names: Vec<String> = match value {
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(plain).collect(),
        Value::String(names) => names.split(',').map(plain).collect(),
        _ => Vec::new(),
    };
    let is_name = |name: &String| name.chars().any(char::is_alphabetic) && name.chars().count() <= 60;
    names.into_iter().filter(is_name).collect()
}

/// A field in one line, without what no field of a script can hold.
pub(super) fn plain(text: &str) -> String {
    let kept: String =
        text.chars().map(|c| if "[](){};\"“”*`|<>".contains(c) || c.is_control() { ' ' } else { c }).collect();
    flat(&kept)
}

/// JSON that is still being written, closed where it is; and whether it was whole.
fn completed(text: &str) -> Option<(String, bool)> {
    let mut open: Vec<char> = Vec::new();
    // How much can be kept, and what closes it.
    let mut safe: Option<(usize, String)> = None;
    let closers = |open: &[char]| open.iter().rev().collect::<String>();
    let (mut in_string, mut escaped, mut is_key, mut wants_key) = (false, false, false, false);
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    in_string = false;
                    if !is_key {
                        safe = Some((end, closers(&open)));
                    }
                }
                _ => {}
            }
            continue;
        }
        match c {
            '"' => (in_string, is_key) = (true, wants_key),
            '{' | '[' => {
                open.push(if c == '{' { '}' } else { ']' });
                wants_key = c == '{';
                safe = Some((end, closers(&open)));
            }
            '}' | ']' => {
                open.pop().filter(|closer| *closer == c)?;
                safe = Some((end, closers(&open)));
                wants_key = false;
                if open.is_empty() {
                    return Some((text[..end].to_owned(), true));
                }
            }
            ',' => {
                safe = Some((at, closers(&open)));
                wants_key = open.last() == Some(&'}');
            }
            ':' => wants_key = false,
            _ => {}
        }
    }
    if in_string && !is_key {
        // An escape that is not whole yet is left out.
        let tail = text.rfind('\\').filter(|at| escaped || text[*at..].starts_with("\\u") && text.len() - at < 6);
        return Some((format!("{}\"{}", &text[..tail.unwrap_or(text.len())], closers(&open)), false));
    }
    safe.map(|(length, closers)| (format!("{}{closers}", &text[..length]), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"story": ["A fox \"digs\"é.", "Rain.", "Sleep."], "cast": ["fox"], "places": ["den"],
        "scenes": [{"where": "den", "action": "The fox digs.", "who": ["fox", "hole"]},
                   {"where": "garden", "action": "The fox sleeps.", "who": "fox, tree"}]}"#;

    #[test]
    fn growing_json_reads_at_every_letter() {
        let mut most = 0;
        for (at, _) in JSON.char_indices().skip(1) {
            let answer = read(&JSON[..at], false);
            assert!(answer.scenes.len() >= most, "scenes never go away: {}", &JSON[..at]);
            most = answer.scenes.len();
            assert!(!answer.complete);
        }
        let whole = read(JSON, false);
        assert!(whole.complete);
        assert_eq!(whole.plan.story[0], "A fox \"digs\"é.");
        assert_eq!(whole.scenes[0].foreground, ["fox", "hole"]);
        assert_eq!(whole.scenes[1].foreground, ["fox", "tree"]);
        assert_eq!(whole.scenes[1].background, "garden");
    }

    #[test]
    fn the_examples_lines_and_other_forms_read_too() {
        let lines = "Beginning: A fox.\nScenes: 2\nScene 1\nwhere: den\naction: The fox digs.\nwho: fox\n\
                     **Scene 2:**\n- **Where:** garden\n- **Action:** The fox sleeps.\n- **Who:** fox, tree";
        let answer = read(lines, false);
        assert_eq!((answer.scenes.len(), answer.complete), (2, false));
        assert_eq!(answer.plan.story[0], "A fox.");
        assert_eq!(answer.scenes[1].prompt, "The fox sleeps.");
        assert_eq!(answer.scenes[1].foreground, ["fox", "tree"]);

        let fenced = format!("```json\n{JSON}\n```");
        assert_eq!(read(&fenced, false).scenes.len(), 2);
        let wordy = format!("Here is your script!\n{JSON}");
        assert!(read(&wordy, false).scenes.is_empty(), "it might be a thought");
        assert_eq!(read(&wordy, true).scenes.len(), 2);
        let brackets = "[scene_1: [The fox digs; entities: fox; background: den]]\n\
                        [scene_2: [The fox sleeps; entities: fox; background: garden]]";
        assert_eq!(read(brackets, true).scenes.len(), 2);
    }

    #[test]
    fn prose_and_garbage_are_no_scenes() {
        for text in [
            "",
            "I am sorry, I cannot do that. Ask me something else.",
            "{",
            "}{",
            "[[[",
            "{\"scenes\": 3}",
            "\u{0}\u{1}",
        ] {
            assert!(read(text, true).scenes.is_empty(), "{text}");
        }
    }
}
