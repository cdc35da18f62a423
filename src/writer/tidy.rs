//! Making a scene as a model said it fit a project: the same rules for every model, without chance.
//!
//! - Names lose articles, possessives and surplus spaces; a name that means the same as an earlier one (other article,
//!   capitals or number, or the earlier one with or without its adjectives) becomes the earlier one.
//! - A name twice in one scene counts once, and one that is the background ("town square" at the "square") is no
//!   foreground entity, unless there is no other.
//! - What cannot be drawn ("wind", "blue hair") is no entity, unless there is no other.
//! - At most [`MOST_FOREGROUND`] foreground entities stay, in the model's order.
//! - A prompt begins with a capital and loses words left hanging at its end by the length limit.

use super::text::UNSEEN;
use crate::project::{ScriptScene, entity_key};

/// More entities than this crowd a picture.
pub(super) const MOST_FOREGROUND: usize = 5;

/// Words in front of a name that are no part of it.
const DETERMINERS: [&str; 12] =
    ["a", "an", "the", "his", "her", "its", "their", "my", "our", "some", "this", "another"];

/// Words that cannot end a sentence.
pub(super) const HANGING: [&str; 24] = [
    "a", "an", "the", "and", "or", "but", "with", "of", "to", "in", "on", "at", "by", "for", "from", "his", "her",
    "its", "their", "into", "as", "while", "through", "toward",
];

/// The names that a film has used so far.
#[derive(Debug, Default, Clone)]
pub(super) struct Cast {
    foreground: Vec<String>,
    background: Vec<String>,
}

impl Cast {
    /// A cast that knows these names before its first scene.
    pub fn of(foreground: Vec<String>, background: Vec<String>) -> Self {
        Self { foreground, background }
    }

    pub fn foreground(&self) -> &[String] {
        &self.foreground
    }

    pub fn background(&self) -> &[String] {
        &self.background
    }

    /// The name under which somebody or something is known; `same_scene` are names that mean others.
    pub fn known(&self, same_scene: &[String], name: &str) -> Option<String> {
        known(&self.foreground, same_scene, name)
    }

    /// Tidies one scene and remembers its names.
    pub fn admit(&mut self, scene: ScriptScene) -> ScriptScene {
        let background = Some(tidy_name(&scene.background))
            .filter(|name| !name.is_empty())
            .map(|name| known(&self.background, &[], &name).unwrap_or(name))
            .unwrap_or_default();
        let mut foreground: Vec<String> = Vec::new();
        for name in scene.foreground.iter().map(|name| tidy_name(name)).filter(|name| !name.is_empty()) {
            let name = known(&self.foreground, &foreground, &name).unwrap_or(name);
            if !foreground.iter().any(|other| entity_key(other) == entity_key(&name)) {
                foreground.push(name);
            }
        }
        let head = |name: &str| name.rsplit(' ').next().unwrap_or_default().to_lowercase();
        let can_be_drawn = |name: &String| !UNSEEN.contains(&head(name));
        if foreground.iter().any(can_be_drawn) {
            foreground.retain(can_be_drawn);
        }
        let is_place = |name: &String| is_same(name, &background);
        if !foreground.iter().all(is_place) {
            foreground.retain(|name| !is_place(name));
        }
        foreground.truncate(MOST_FOREGROUND);

        let new = foreground.iter().filter(|name| !self.foreground.contains(name)).cloned().collect::<Vec<_>>();
        self.foreground.extend(new);
        if !background.is_empty() && !self.background.contains(&background) {
            self.background.push(background.clone());
        }
        ScriptScene { prompt: tidy_prompt(&scene.prompt), foreground, background, camera: scene.camera }
    }
}

/// A text with single spaces between its words, on one line.
pub(super) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name without articles, surplus spaces and a small word at its end. A capital that only an article or a list gave is kept: it may be a name.
pub(super) fn tidy_name(name: &str) -> String {
    let mut words: Vec<&str> = name.split_whitespace().collect();
    while words.len() > 1 && DETERMINERS.contains(&words[0].to_lowercase().as_str()) {
        words.remove(0);
    }
    drop_hanging(&mut words);
    words.join(" ")
}

/// Takes small words from the end, behind which something is missing.
fn drop_hanging(words: &mut Vec<&str>) {
    while words.len() > 1 && words.last().is_some_and(|word| HANGING.contains(&word.to_lowercase().as_str())) {
        words.pop();
    }
}

/// A prompt that begins with a capital and ends with a whole word and a stop.
pub(super) fn tidy_prompt(prompt: &str) -> String {
    let mut words: Vec<&str> = prompt.trim_end_matches('.').split_whitespace().collect();
    drop_hanging(&mut words);
    let text = words.join(" ").trim_end_matches(',').to_owned();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}

/// The earlier name that means the same. Names of the same scene are different things unless they are equal.
fn known(earlier: &[String], same_scene: &[String], name: &str) -> Option<String> {
    let key = entity_key(name);
    if let Some(equal) = earlier.iter().find(|other| singular(&entity_key(other)) == singular(&key)) {
        return Some(equal.clone());
    }
    let mut alike = earlier.iter().filter(|other| !same_scene.contains(other) && shortened(&entity_key(other), &key));
    // "dog" after both "brown dog" and "white dog" could be either: it stays.
    alike.next().filter(|_| alike.next().is_none()).cloned()
}

/// Whether two names mean the same: one is the other, or the other with fewer adjectives.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    shortened(&entity_key(one), &entity_key(other))
}

/// Whether one name is the other with fewer adjectives: "man" and "young man".
fn shortened(one: &str, other: &str) -> bool {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split(' ').collect(), other.split(' ').collect());
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let same_head = short.last().map(|w| singular(w)) == long.last().map(|w| singular(w));
    same_head && short.iter().rev().skip(1).all(|word| long.contains(word))
}

/// The last word without its plural ending.
pub(super) fn singular(key: &str) -> String {
    let stem = match key {
        _ if key.ends_with("ss") || key.ends_with("us") || key.ends_with("is") => key,
        _ if key.ends_with("ies") && key.len() > 4 => return format!("{}y", &key[..key.len() - 3]),
        _ => ["ches", "shes", "xes", "sses"]
            .iter()
            .find(|ending| key.ends_with(*ending))
            .and_then(|_| key.strip_suffix("es"))
            .or_else(|| key.strip_suffix('s').filter(|stem| stem.len() > 2))
            .unwrap_or(key),
    };
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(prompt: &str, foreground: &[&str], background: &str) -> ScriptScene {
        let foreground = foreground.iter().map(|name| (*name).to_owned()).collect();
        ScriptScene {
            prompt: prompt.to_owned(),
            foreground,
            background: background.to_owned(),
            ..ScriptScene::default()
        }
    }

    #[test]
    fn the_same_thing_keeps_its_first_name() {
        let mut cast = Cast::default();
        let first = cast.admit(scene("a man whisks eggs", &["The young man", "eggs", "a  bowl"], "Kitchen"));
        assert_eq!(first.foreground, ["young man", "eggs", "bowl"]);
        assert_eq!(first.prompt, "A man whisks eggs.");
        let second = cast.admit(scene("The man drops it and the.", &["Man", "Egg", "egg", "kitchen"], "the kitchen"));
        assert_eq!(second.foreground, ["young man", "eggs"]);
        assert_eq!(second.background, "Kitchen");
        assert_eq!(second.prompt, "The man drops it.");
    }

    #[test]
    fn wind_and_the_place_itself_are_not_cut_out() {
        let mut cast = Cast::default();
        let scene = cast.admit(scene("Wind shakes the tent", &["Wind", "blue hair", "tent", "town square"], "square"));
        assert_eq!(scene.foreground, ["tent"]);
        assert_eq!(cast.admit(super::tests::scene("Wind blows", &["wind"], "square")).foreground, ["wind"]);
    }

    #[test]
    fn two_dogs_stay_two_dogs() {
        let mut cast = Cast::default();
        cast.admit(scene("Two dogs meet", &["brown dog", "white dog"], "park"));
        let next = cast.admit(scene("The dog barks", &["dog"], "park"));
        assert_eq!(next.foreground, ["dog"]);
    }
}
