//! The Lark grammars that keep a model to the form of a script.
//!
//! Fields are plain words in Latin letters: brackets, quotes, semicolons and line breaks cannot be spelt in them, so
//! whatever a model says can be read back. Lengths are limited in words, so that no limit falls inside a word.

use super::plan::PremiseNames;
use crate::project::{CameraMove, Direction, Speed};
use std::fmt::Write;

/// Fewest and most words of an action after its subject.
pub(super) const ACTION_WORDS: [usize; 2] = [6, 24];
/// Most words of one sentence of the story.
const STORY_WORDS: usize = 22;
/// Most words of a premise in English.
const ENGLISH_WORDS: usize = 40;
/// Most words of a name.
const NAME_WORDS: usize = 3;
/// Most names that a plan's cast has, and the fewest and most places.
const CAST: usize = 4;
const PLACES: [usize; 2] = [2, 4];
/// Fewest and most words of the two sentences of a description, after their beginnings.
const LOOKS_WORDS: [usize; 2] = [8, 28];
const PHOTO_WORDS: [usize; 2] = [5, 18];

/// A word: Latin letters, or digits, with apostrophes and hyphens inside or an apostrophe at the end ("thieves' den"), and no
/// capital behind a small letter. Where no more words may follow, a model would else go on within the last one
/// ("andSpoons").
const WORD: &str =
    "([A-Za-zÀ-ÖØ-öø-ÿ][a-zß-öø-ÿ]{0,19}|[A-Z]{2,5}|[0-9]{1,4})(['\\-][A-Za-zÀ-ÖØ-öø-ÿ][a-zß-öø-ÿ]{0,11}){0,2}'?";
/// A word with a capital.
const CAPITAL: &str = "[A-Z][a-zß-öø-ÿ]{0,19}(['\\-][A-Za-zÀ-ÖØ-öø-ÿ][a-zß-öø-ÿ]{0,11}){0,2}";
/// The first word of a name.
const FIRST: &str = "[A-Za-zÀ-ÖØ-öø-ÿ][a-zß-öø-ÿ]{1,20}(['\\-][A-Za-zÀ-ÖØ-öø-ÿ][a-zß-öø-ÿ]{0,11}){0,2}'?";
/// What can stand in front of somebody or something new.
const NEW_SUBJECT: &str = "A|An|Two|Three|Several|Many";

/// How a sentence begins with where or when it happens.
const OPENINGS: [&str; 10] = ["In", "At", "On", "Under", "From", "Inside", "Above", "Behind", "Seen from", "Close to"];

/// What may follow in the text of a scene.
#[derive(Debug, Default)]
pub(super) struct SceneRules<'a> {
    /// Counted from 1.
    pub number: usize,
    /// Actions that may not be said again, word for word.
    pub taken_actions: Vec<&'a str>,
    /// Names that the action can begin with.
    pub subjects: Vec<&'a str>,
    /// Whether it can begin with somebody new instead.
    pub somebody_new: bool,
    /// Places to choose from.
    pub places: Vec<&'a str>,
}

/// A name that a scene may list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub name: String,
    /// Whether it has to be listed.
    pub certain: bool,
}

/// The premise in English, for a premise in another language.
pub(super) fn in_english() -> String {
    format!("start: \"In English: \" TOLD \"\\n\"\nTOLD: /{CAPITAL}(,? {WORD}){{2,{ENGLISH_WORDS}}}\\./\n")
}

/// The story in three sentences, cast, places and the number of scenes: the one asked for, or one of a range.
///
/// The first sentence begins with an English word: whatever the premise's language, the film is then told in English,
/// which is what the picture library and the image models understand. Cast and places begin with those of the premise.
pub(super) fn plan(names: &PremiseNames, counts: &[u32]) -> String {
    let opening = choice(["A", "An", "The", "One", "Two", "Three", "Four", "Some"].iter().chain(&["In", "On"]));
    let cast = list(&names.cast, [names.cast.len().clamp(2, CAST), CAST]);
    let places = list(&names.places, PLACES);
    let counts = choice(counts.iter());
    format!(
        "start: \"Beginning: \" OPENING TOLD \"\\nProblem: \" TOLD_NEXT \"\\nEnd: \" TOLD_NEXT \"\\nCast: \" {cast} \
         \"\\nPlaces: \" {places} \"\\nScenes: \" COUNT \"\\n\"\n\
         OPENING: {opening}\n\
         TOLD: /(,? {WORD}){{5,{STORY_WORDS}}}\\./\n\
         TOLD_NEXT: /{CAPITAL}(,? {WORD}){{5,{STORY_WORDS}}}\\./\n\
         COUNT: {counts}\n\
         NAME: {name} & ~({taken})\n",
        name = name(),
        taken = match names.cast.iter().chain(&names.places).map(|name| quoted(name)).collect::<Vec<_>>() {
            taken if taken.is_empty() => "\"-\"".to_owned(),
            taken => taken.join(" | "),
        },
    )
}

/// `first`, and so many more names that there are `fewest` to `most`.
fn list(first: &[String], [fewest, most]: [usize; 2]) -> String {
    let more = [fewest.saturating_sub(first.len()), most.saturating_sub(first.len())];
    match first {
        [] => format!("NAME (\", \" NAME){{{},{}}}", fewest - 1, most - 1),
        first if more[1] == 0 => quoted(&first.join(", ")),
        first => format!("{} (\", \" NAME){{{},{}}}", quoted(&first.join(", ")), more[0], more[1]),
    }
}

fn name() -> String {
    format!("/{FIRST}( {WORD}){{0,{spaces}}}/", spaces = NAME_WORDS - 1)
}

/// Place and action of one scene. The action begins with a known name, so that it is spelt as before, or with somebody
/// new.
pub(super) fn scene(rules: &SceneRules) -> String {
    let [fewest, most] = ACTION_WORDS;
    let mut subjects: Vec<String> = rules.subjects.iter().map(|name| subject(name)).collect();
    if rules.somebody_new || subjects.is_empty() {
        subjects.push(NEW_SUBJECT.to_owned());
    }
    let mut forbidden = "\"-\"".to_owned();
    for action in &rules.taken_actions {
        write!(forbidden, " | {}", quoted(action)).expect("writing to a string works");
    }
    let place = match rules.places.as_slice() {
        [] => "NAME".to_owned(),
        places => format!("({})", choice(places.iter())),
    };
    format!(
        "start: \"Scene {number}\\nwhere: \" {place} \"\\naction: \" ACTION \"\\n\"\n\
         ACTION: /({subjects})(,? {WORD}){{{fewest},{most}}}\\./ & ~({forbidden})\n\
         NAME: {name}\n",
        number = rules.number,
        subjects = subjects.join("|"),
        name = name(),
    )
}

/// Place and action of a scene that is said anew. Known places can be named, and others; the action begins with a known
/// name, somebody new, or with where or when it happens.
/// A scene that keeps its place names just that one. What it begins with comes before.
pub(super) fn revised_scene(before: &str, rules: &SceneRules, kept_place: Option<&str>, most: usize) -> String {
    let fewest = ACTION_WORDS[0];
    let subjects: Vec<String> = rules.subjects.iter().map(|name| subject(name)).collect();
    let openings = subjects.iter().map(String::as_str).chain(NEW_SUBJECT.split('|')).chain(OPENINGS);
    let place = match kept_place {
        Some(place) => quoted(place),
        None => rules.places.iter().map(|place| format!("{} | ", quoted(place))).collect::<String>() + "NAME",
    };
    let forbidden: Vec<String> = rules.taken_actions.iter().map(|action| quoted(action)).collect();
    let forbidden = if forbidden.is_empty() { "\"-\"".to_owned() } else { forbidden.join(" | ") };
    format!(
        "start: {before} ({place}) \"\\naction: \" ACTION \"\\n\"\n\
         ACTION: (({openings}) /(,? {WORD}){{{fewest},{most}}}\\./) & ~({forbidden})\n\
         NAME: {name}\n",
        before = quoted(&format!("{before}where: ")),
        openings = choice(openings),
        name = name(),
    )
}

/// The things that show what is asked for, behind `before`.
pub(super) fn shown_things(before: &str) -> String {
    let thing = "[a-z]{3,14}( [a-z]{3,14}){0,2}";
    format!("start: {} /{thing}(, {thing}){{1,2}}/ \"\\n\"\n", quoted(&format!("{before}shows: ")))
}

/// Just this text.
pub(super) fn literal(text: &str) -> String {
    format!("start: {}\n", quoted(text))
}

/// One of the numbers, behind `before`.
pub(super) fn number(before: &str, numbers: &[usize]) -> String {
    format!("start: {} ({})\n", quoted(before), choice(numbers.iter()))
}

/// How a sentence begins with a name.
pub(super) fn subject(name: &str) -> String {
    // "The kitchen is …", but "Mia is …".
    if name.chars().next().is_some_and(char::is_uppercase) { name.to_owned() } else { format!("The {name}") }
}

/// The names of one scene: some of the candidates in their order, all that are certain, at least one.
pub(super) fn who(candidates: &[Candidate]) -> String {
    let mut grammar = "start: \"who: \" first_0 \"\\n\"\n".to_owned();
    let mut rule = |name: String, body: String| writeln!(grammar, "{name}: {body}").expect("writing to a string works");
    let last = candidates.len().saturating_sub(1);
    for (i, candidate) in candidates.iter().enumerate() {
        let name = quoted(&candidate.name);
        let (rest, next) = match i == last {
            true => (String::new(), String::new()),
            false => (format!(" more_{}", i + 1), format!("more_{}", i + 1)),
        };
        let skip = if candidate.certain || i == last { String::new() } else { format!(" | first_{}", i + 1) };
        rule(format!("first_{i}"), format!("{name}{rest}{skip}"));
        let named = format!("(\", \" {name})");
        let optional = if candidate.certain { "" } else { "?" };
        rule(format!("more_{i}"), format!("{named}{optional} {next}"));
    }
    grammar
}

/// A scene's move: the one that is fixed, or one in these directions.
pub(super) fn camera(number: usize, directions: &[Direction], fixed: Option<CameraMove>) -> String {
    if let Some(fixed) = fixed {
        return format!("start: {}\n", quoted(&super::examples::camera_line(number - 1, fixed)));
    }
    let moving: Vec<Direction> = directions.iter().copied().filter(|d| *d != Direction::Static).collect();
    let mut moves = format!("({}) \" \" ({})", choice(moving.iter()), choice(Speed::ALL.iter()));
    if moving.len() < directions.len() {
        moves = format!("\"static\" | {moves}");
    }
    format!("start: \"{number}: \" camera \"\\n\"\ncamera: {moves}\n")
}

/// What matters in a description, as a short list.
pub(super) fn aspects() -> String {
    let part = "[a-z][a-z\\-]{1,14}( [a-z][a-z\\-]{1,14}){0,2}";
    format!("start: /{part}(, {part}){{3,5}}\\./\n")
}

/// A paragraph of two sentences: looks, beginning with `opening` ("The young man with blue hair"), then the photo.
pub(super) fn paragraph(opening: &str) -> String {
    let opening = quoted(&format!("{opening} "));
    let [least_looks, most_looks] = LOOKS_WORDS;
    let [least_photo, most_photo] = PHOTO_WORDS;
    format!(
        "start: {opening} (\"is \" | \"has \" | \"are \" | \"wears \") LOOKS PHOTO\n\
         LOOKS: /{WORD}(,? {WORD}){{{least_looks},{most_looks}}}\\./\n\
         PHOTO: / {CAPITAL}(,? {WORD}){{{least_photo},{most_photo}}}\\./\n"
    )
}

fn choice<T: ToString>(words: impl Iterator<Item = T>) -> String {
    words.map(|word| quoted(&word.to_string())).collect::<Vec<_>>().join(" | ")
}

/// A Lark string literal. JSON spells strings the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
