//! From an entity's name and description to what the library should draw for it.
//!
//! The name decides, from the most exact reading to the loosest: the whole name, the head of its noun phrase with as many
//! of its adjectives as the tables know, the same for the description; then a person if the word looks like one.

use super::library::{self, Kind, lines};
use super::words;
use std::collections::HashMap;
use std::sync::LazyLock;

static WORDS: &str = include_str!("../../assets/pictures/words.txt");
static PEOPLE: &str = include_str!("../../assets/pictures/people.txt");
static NAMES: &str = include_str!("../../assets/pictures/names.txt");

/// What a name means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// A person; the looks that the naming words imply, as in `people.txt`.
    Person { looks: String, count: usize },
    /// A picture of the library, and how many of it.
    Picture { id: String, count: usize },
    /// Nothing known: an object with this initial.
    Unknown { initial: char },
}

/// The most words of a phrase that a table knows.
const PHRASE_WORDS: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Hit {
    Person(&'static str),
    Picture(&'static str),
}

static DICTIONARY: LazyLock<HashMap<String, Hit>> = LazyLock::new(|| {
    let mut found = HashMap::new();
    for (phrases, looks) in lines(PEOPLE).filter_map(|line| line.split_once('=')) {
        for phrase in phrases.split(',') {
            found.insert(phrase.trim().to_owned(), Hit::Person(looks.trim()));
        }
    }
    for (id, phrases) in lines(WORDS).filter_map(|line| line.split_once(':')) {
        for phrase in phrases.split(',') {
            found.entry(phrase.trim().to_owned()).or_insert(Hit::Picture(id));
        }
    }
    let shown_through_people = |id: &str| ["man-", "woman-", "person-"].iter().any(|start| id.starts_with(start));
    for id in library::names().filter(|id| !shown_through_people(id) && !id.starts_with("hat-")) {
        found.entry(id.replace('-', " ")).or_insert(Hit::Picture(id));
    }
    found
});

/// First names and their usual sex.
static FIRST_NAMES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let sexes = lines(NAMES).filter_map(|line| line.split_once(':'));
    sexes.flat_map(|(sex, names)| names.split_whitespace().map(move |name| (name, sex))).collect()
});

fn lookup(phrase: &[String]) -> Option<(Hit, bool)> {
    if phrase.is_empty() || phrase.len() > PHRASE_WORDS {
        return None;
    }
    let as_written = phrase.join(" ");
    let one = words::singular_phrase(phrase);
    if let Some(hit) = DICTIONARY.get(&as_written) {
        // "sunflowers" are several of the same; "glasses" are not two of what "glass" is.
        let several = one != as_written && DICTIONARY.get(&one).is_some_and(|single| single == hit);
        return Some((*hit, several));
    }
    if let Some(hit) = DICTIONARY.get(&one) {
        return Some((*hit, words::is_plural(phrase.last()?)));
    }
    // A closed compound is its last part: "fisherwoman", "steamboat", "birdhouse".
    let last = phrase.last()?;
    let part = |split: &str| last.split(split).last().filter(|tail| *tail != last).map(str::to_owned);
    part("-").and_then(|tail| DICTIONARY.get(&tail)).map(|hit| (*hit, false))
}

/// The hit of the longest ending of the phrase.
fn lookup_ending(phrase: &[String]) -> Option<(Hit, bool)> {
    (0..phrase.len()).find_map(|start| lookup(&phrase[start..]))
}

/// The first clause of a description.
fn first_clause(description: &str) -> &str {
    description.trim().split([',', '.', ';', ':', '(', '—', '\n']).next().unwrap_or("")
}

/// How many of a thing a phrase means; three stand for many.
fn count(all: &[String], plural: bool) -> usize {
    let said = |any: &[&str]| all.iter().take(2).any(|word| any.contains(&word.as_str()));
    if said(&["two", "pair", "both", "couple"]) {
        2
    } else if plural || said(&["three", "four", "five", "several", "many", "few"]) {
        3
    } else {
        1
    }
}

/// How many people a name means: some nouns are a group by themselves.
fn people(all: &[String], plural: bool) -> usize {
    let is = |any: &[&str]| all.iter().any(|word| any.contains(&word.as_str()));
    if is(&["couple", "twins", "parents", "lovers", "newlyweds", "duo"]) {
        2
    } else if is(&["crowd", "audience", "family", "crew", "team", "people", "group", "band", "army"]) {
        3
    } else {
        count(all, plural)
    }
}

/// What an entity's name, read together with its description, means.
pub(super) fn meaning(name: &str, description: &str) -> Meaning {
    let all = words::split(name);
    let start = all.iter().position(|word| !words::is_determiner(word)).unwrap_or(0);
    let bare = &all[start..];
    let phrase = words::noun_phrase(&all);
    let described = words::split(first_clause(description));
    let described = words::noun_phrase(&described);
    let from_description = lookup_ending(described);

    // A first name is a person, unless the description starts with something else ("Rosie, a parrot").
    let first_name = bare.first().filter(|_| bare.len() <= 2).and_then(|word| FIRST_NAMES.get(word.as_str()));
    let capital = name.trim().chars().next().is_some_and(char::is_uppercase);
    if let Some(sex) = first_name.filter(|_| capital || lookup(bare).is_none()) {
        return match from_description {
            Some((Hit::Picture(id), _)) => Meaning::Picture { id: id.to_owned(), count: 1 },
            Some((Hit::Person(looks), _)) => Meaning::Person { looks: format!("{sex} {looks}"), count: 1 },
            None => Meaning::Person { looks: (*sex).to_owned(), count: 1 },
        };
    }

    let hit = lookup(bare).or_else(|| lookup_ending(phrase));
    match (hit, from_description) {
        // "chef", described as "a raccoon in a white hat".
        (Some((Hit::Person(_), _)), Some((Hit::Picture(id), plural))) if is_being(id) => {
            Meaning::Picture { id: id.to_owned(), count: count(&all, plural) }
        }
        (Some((Hit::Person(looks), plural)), Some((Hit::Person(more), _))) => {
            Meaning::Person { looks: format!("{looks} {more}"), count: people(&all, plural) }
        }
        (Some((Hit::Person(looks), plural)), _) => {
            Meaning::Person { looks: looks.to_owned(), count: people(&all, plural) }
        }
        // "Rose", described as "a girl with freckles".
        (Some((Hit::Picture(_), _)), Some((Hit::Person(looks), _))) if phrase.len() <= 1 => {
            Meaning::Person { looks: looks.to_owned(), count: 1 }
        }
        (Some((Hit::Picture(id), plural)), _) => Meaning::Picture { id: id.to_owned(), count: count(&all, plural) },
        (None, Some((Hit::Picture(id), plural))) => Meaning::Picture { id: id.to_owned(), count: count(&all, plural) },
        (None, Some((Hit::Person(looks), plural))) => {
            Meaning::Person { looks: looks.to_owned(), count: people(&all, plural) }
        }
        (None, None) => guess(name, phrase),
    }
}

/// Whether a picture shows something that acts.
fn is_being(id: &str) -> bool {
    matches!(library::stance(id).kind, Kind::Animal | Kind::Critter | Kind::Figure)
}

fn guess(name: &str, phrase: &[String]) -> Meaning {
    const OBJECTS: [&str; 22] = [
        "container",
        "trailer",
        "poster",
        "blender",
        "toaster",
        "heater",
        "cracker",
        "counter",
        "marker",
        "sticker",
        "banner",
        "leather",
        "ladder",
        "motor",
        "reactor",
        "sensor",
        "color",
        "vapor",
        "mortar",
        "boiler",
        "cover",
        "powder",
    ];
    let head = phrase.last().map_or("", String::as_str);
    let one = words::singular(head);
    let ending = ["er", "or", "ist", "man", "woman", "ess", "ian", "boy", "girl", "ard"];
    let works = one.chars().count() > 4 && ending.iter().any(|e| one.ends_with(e)) && !OBJECTS.contains(&one.as_str());
    let named = !phrase.is_empty()
        && name.split_whitespace().all(|word| word.chars().next().is_some_and(char::is_uppercase))
        && phrase.len() <= 3;
    if works || named {
        let sex = if one.ends_with("woman") || one.ends_with("girl") {
            "female"
        } else if one.ends_with("man") || one.ends_with("boy") {
            "male"
        } else {
            ""
        };
        return Meaning::Person { looks: sex.to_owned(), count: if one == head { 1 } else { 3 } };
    }
    // A part of the name that the tables know is better than a letter.
    if let Some(Hit::Picture(id)) = phrase.iter().rev().find_map(|word| lookup(std::slice::from_ref(word))).map(|h| h.0)
    {
        return Meaning::Picture { id: id.to_owned(), count: 1 };
    }
    let initial = name.chars().find(|c| c.is_alphanumeric()).map_or('?', |c| c.to_ascii_uppercase());
    Meaning::Unknown { initial }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_tables_leads_to_a_picture() {
        for hit in DICTIONARY.values() {
            match hit {
                Hit::Picture(id) => assert!(library::contains(id), "words.txt: {id}"),
                Hit::Person(looks) => {
                    for look in looks.split_whitespace() {
                        match look.split_once(':') {
                            Some(("picture" | "hat", id)) => assert!(library::contains(id), "people.txt: {id}"),
                            Some(("bust", role)) => {
                                assert!(library::contains(&format!("man-{role}")), "people.txt: {role}");
                                assert!(library::contains(&format!("woman-{role}")), "people.txt: {role}");
                            }
                            Some(("coat" | "hair", color)) => {
                                assert!(super::super::color::Rgb::named(color).is_some(), "people.txt: {color}");
                            }
                            Some(other) => panic!("people.txt: {other:?}"),
                            None => assert!(
                                ["baby", "child", "young", "adult", "old", "male", "female", "beard", "glasses"]
                                    .contains(&look),
                                "people.txt: {look}"
                            ),
                        }
                    }
                }
            }
        }
    }
}
