//! The Lark grammars that keep a model to the form of a script.
//!
//! Fields are plain words in Latin letters: brackets, quotes, semicolons and line breaks cannot be spelt in them, so
//! whatever a model says can be read back. Lengths are limited in words, so that no limit falls inside a word.

use crate::project::{Direction, Speed};
use std::fmt::Write;

/// Fewest and most words of an action.
const ACTION_WORDS: [usize; 2] = [6, 26];
/// Most words of one sentence of the story.
const STORY_WORDS: usize = 24;
/// Most words of a name.
const NAME_WORDS: usize = 4;
/// Most names in one scene.
const NAMES: usize = 4;
/// Most words of a description.
const DESCRIPTION_WORDS: usize = 26;

/// A word: Latin letters and digits, with apostrophes and hyphens only inside.
const WORD: &str = "[A-Za-zÀ-ÖØ-öø-ÿ0-9]{1,20}(['\\-][A-Za-zÀ-ÖØ-öø-ÿ]{1,12}){0,2}";

/// What the grammar of one scene needs to know of those before it.
#[derive(Debug, Default)]
pub(super) struct SceneRules<'a> {
    /// Counted from 1.
    pub number: usize,
    /// Actions that may not be said again, word for word.
    pub taken_actions: Vec<&'a str>,
    /// When not empty, the scene has to begin with one of these names.
    pub first_names: Vec<&'a str>,
    /// Camera directions to choose from.
    pub directions: Vec<Direction>,
}

/// The story in three sentences and the number of scenes: the one asked for, or one of a range.
///
/// The first sentence begins with an English word: whatever the premise's language, the film is then told in English,
/// which is what the picture library and the image models understand.
pub(super) fn plan(counts: &[u32]) -> String {
    let counts = choice(counts.iter());
    let opening = choice(["A", "An", "The", "One", "Two", "Three", "Four", "Some"].iter());
    format!(
        "start: \"Beginning: \" OPENING TOLD \"\\nProblem: \" TOLD_NEXT \"\\nEnd: \" TOLD_NEXT \"\\nScenes: \" COUNT \"\\n\"\n\
         OPENING: {opening}\n\
         TOLD: /(,? {WORD}){{5,{STORY_WORDS}}}\\./\n\
         TOLD_NEXT: /[A-Z]({WORD})?(,? {WORD}){{5,{STORY_WORDS}}}\\./\n\
         COUNT: {counts}\n"
    )
}

/// One scene.
pub(super) fn scene(rules: &SceneRules) -> String {
    let [fewest, most] = ACTION_WORDS;
    let mut forbidden = "/(He|She|It|They|His|Her|Its|Their) .*/".to_owned();
    for action in &rules.taken_actions {
        // An action consists of letters, digits, spaces and , ' - . only: nothing of it needs escaping in a string.
        write!(forbidden, " | \"{action}\"").expect("writing to a string works");
    }
    let first = match rules.first_names.as_slice() {
        [] => "NAME".to_owned(),
        names => format!("({})", choice(names.iter())),
    };
    let moving: Vec<Direction> = rules.directions.iter().copied().filter(|d| *d != Direction::Static).collect();
    let mut camera = format!("({}) \" \" ({})", choice(moving.iter()), choice(Speed::ALL.iter()));
    if moving.len() < rules.directions.len() {
        camera = format!("\"static\" | {camera}");
    }
    format!(
        "start: \"Scene {number}\\nwhere: \" NAME \"\\naction: \" ACTION \"\\nwho: \" {first} (\", \" NAME){{0,{more}}} \
         \"\\ncamera: \" camera \"\\n\"\n\
         camera: {camera}\n\
         ACTION: /[A-Z]({WORD})?(,? {WORD}){{{fewest},{most}}}\\./ & ~({forbidden})\n\
         NAME: /[A-Za-zÀ-ÖØ-öø-ÿ]{WORD}( {WORD}){{0,{spaces}}}/\n",
        number = rules.number,
        more = NAMES - 1,
        spaces = NAME_WORDS - 1,
    )
}

/// One sentence on looks that begins with `opening` ("The young man with blue hair").
pub(super) fn description(opening: &str) -> String {
    let opening = quoted(&format!("{opening} "));
    format!(
        "start: {opening} (\"is \" | \"has \" | \"wears \") LOOKS\n\
         LOOKS: /{WORD}(,? {WORD}){{4,{DESCRIPTION_WORDS}}}\\./\n"
    )
}

fn choice<T: ToString>(words: impl Iterator<Item = T>) -> String {
    words.map(|word| quoted(&word.to_string())).collect::<Vec<_>>().join(" | ")
}

/// A Lark string literal. JSON spells strings the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
