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
const DESCRIPTION_WORDS: usize = 30;

const LETTER: &str = "A-Za-zÀ-ÖØ-öø-ÿ";

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
pub(super) fn plan(counts: &[u32]) -> String {
    let counts = choice(counts.iter());
    format!(
        "start: \"Beginning: \" TOLD \"\\nProblem: \" TOLD \"\\nEnd: \" TOLD \"\\nScenes: \" COUNT \"\\n\"\n\
         TOLD: /[A-Z][{LETTER}'\\-]*(,? [{LETTER}0-9'\\-]{{1,20}}){{5,{STORY_WORDS}}}\\./\n\
         COUNT: {counts}\n"
    )
}

/// One scene.
pub(super) fn scene(rules: &SceneRules) -> String {
    let [fewest, most] = ACTION_WORDS;
    let mut forbidden = format!("/(He|She|It|They|His|Her|Its|Their) .*/");
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
         ACTION: /[A-Z][{LETTER}'\\-]*(,? [{LETTER}0-9'\\-]{{1,20}}){{{fewest},{most}}}\\./ & ~({forbidden})\n\
         NAME: /[{LETTER}][{LETTER}'\\-]{{1,20}}( [{LETTER}0-9'\\-]{{1,20}}){{0,{spaces}}}/\n",
        number = rules.number,
        more = NAMES - 1,
        spaces = NAME_WORDS - 1,
    )
}

/// One sentence on the looks of `name`, which begins with it.
pub(super) fn description(name: &str) -> String {
    let opening = quoted(&format!("The {name} "));
    format!(
        "start: {opening} LOOKS\n\
         LOOKS: /[{LETTER}'\\-]{{1,20}}(,? [{LETTER}0-9'\\-]{{1,20}}){{4,{DESCRIPTION_WORDS}}}\\./\n"
    )
}

fn choice<T: ToString>(words: impl Iterator<Item = T>) -> String {
    words.map(|word| quoted(&word.to_string())).collect::<Vec<_>>().join(" | ")
}

/// A Lark string literal. JSON spells strings the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
