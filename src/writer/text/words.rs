//! The word lists of `assets/words`, and the forms that words take.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

type Words = LazyLock<HashSet<String>>;

macro_rules! list {
    ($file:literal) => {
        LazyLock::new(|| read(include_str!(concat!("../../../assets/words/", $file))))
    };
}

pub(super) static SMALL: Words = list!("small.txt");
pub(super) static NUMBERS: Words = list!("numbers.txt");
pub(super) static ADJECTIVES: Words = list!("adjectives.txt");
pub(super) static THINGS: Words = list!("things.txt");
pub(super) static PLACES: Words = list!("places.txt");
pub(super) static UNSEEN: Words = list!("unseen.txt");
pub(super) static ABBREVIATIONS: Words = list!("abbreviations.txt");
static VERBS: Words = list!("verbs.txt");

/// What a verb suggests to the camera: direction (or "side") and speed.
pub(super) static MOTION: LazyLock<HashMap<String, (&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("../../../assets/words/motion.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (moves, verbs) = line.split_once(':')?;
            let (direction, speed) = moves.split_once(' ')?;
            Some(verbs.split_whitespace().map(move |verb| (verb.to_owned(), (direction, speed))))
        })
        .flatten()
        .collect()
});

fn read(file: &str) -> HashSet<String> {
    file.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// The singular of a noun in lower case, if that is in one of the lists; otherwise the noun itself.
pub(super) fn base_noun(word: &str) -> String {
    let lower = word.to_lowercase();
    let known = |noun: &str| THINGS.contains(noun) || PLACES.contains(noun) || UNSEEN.contains(noun);
    let irregular = match lower.as_str() {
        "men" => "man",
        "women" => "woman",
        "children" => "child",
        "people" => "person",
        "mice" => "mouse",
        "geese" => "goose",
        "wolves" => "wolf",
        "leaves" => "leaf",
        "knives" => "knife",
        "feet" => "foot",
        _ => "",
    };
    if known(&lower) {
        return lower;
    }
    let mut forms = vec![irregular.to_owned()];
    forms.extend(lower.strip_suffix("ies").map(|stem| format!("{stem}y")));
    forms.extend(lower.strip_suffix('s').map(str::to_owned));
    forms.extend(lower.strip_suffix("es").map(str::to_owned));
    forms.into_iter().find(|form| known(form)).unwrap_or(lower)
}

/// The base form of a verb that is in the list, from any of its forms. Irregular forms stand for themselves.
pub(super) fn base_verb(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    if VERBS.contains(&lower) {
        return Some(lower);
    }
    let mut forms = Vec::new();
    for ending in ["s", "es", "ed", "d", "ing"] {
        let Some(stem) = lower.strip_suffix(ending).filter(|stem| stem.len() > 1) else { continue };
        forms.push(stem.to_owned());
        forms.push(format!("{stem}e"));
        if let Some(stem) = stem.strip_suffix('i') {
            forms.push(format!("{stem}y"));
        }
        let mut letters = stem.chars().rev();
        if letters.next() == letters.next() {
            forms.push(stem[..stem.len() - stem.chars().next_back().map_or(0, char::len_utf8)].to_owned());
        }
    }
    forms.into_iter().find(|form| VERBS.contains(form))
}

/// Whether a word in this form can hardly be a noun: "runs", "walked", but not "walk" or "walking".
pub(super) fn is_finite_verb(word: &str) -> bool {
    let lower = word.to_lowercase();
    let finite = lower.ends_with('s') || lower.ends_with("ed") || VERBS.contains(&lower) && !THINGS.contains(&lower);
    finite && base_verb(&lower).is_some()
}
