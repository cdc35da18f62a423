//! Parts of speech by rules and a list of verbs.

use super::phrases::PartOfSpeech::{self, Adverb, Auxiliary, Other, Verb};
use std::sync::LazyLock;

const DETERMINERS: &str = "a an the this these those some every each no any another both all its his my your our their her one two three four five six seven eight nine ten several many few";
const SUBJECTS: &str = "he she it they we you i who which what";
const OBJECTS: &str = "him them me us someone somebody everyone everybody something everything anything nothing himself herself itself themselves";
const PREPOSITIONS: &str = "in on at by with without from to of into onto over under through across along around behind beside between among above below near toward towards inside outside down up out off against for about like during past upon beneath beyond within";
const OPENERS: &str = "and or but while as when because until if after before where how so than then";
const BE: &str = "am is are was were be been being 're 'm";
const MODALS: &str = "will would can could may might shall should must cannot ca wo 'll";
const HAVE: &str = "have has had having 've";
const DO: &str = "do does did";
const ADVERBS: &str = "also never always often almost just still soon already once twice ever even again together very quite too away now here there back";
const NO_ADVERBS: &str = "fly family lily belly jelly bully rally early lonely lovely friendly silly ugly elderly curly daily holy only butterfly firefly reply supply italy july assembly lively woolly";
const NOUNS: &str = "king ring thing string spring wing morning evening ceiling building nothing something everything anything during sibling wedding darling pudding railing clothing painting bed red shed sled seed weed speed reed feed hundred sacred";
const PLURALS: &str = "people men women children couple mice geese feet police fish sheep cattle";

/// The form of a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Base,
    S,
    Ing,
    Past,
}

/// What came before a word, adverbs left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Opening,
    Determiner,
    Noun,
    Subject,
    Preposition,
    To,
    Be,
    Helper,
    Verb,
}

/// The part of speech of each word of an English prompt, by rules: an approximation, see the text of
/// [`super::phrases`].
pub fn tag(words: &[&str]) -> Vec<PartOfSpeech> {
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase().replace('’', "'")).collect();
    let word = |at: usize| lower.get(at).map_or("", String::as_str);
    let mut tags = Vec::with_capacity(words.len());
    let mut before = Before::Opening;
    // Whether the clause has its verb, that verb's form, and whether a preposition came since the last verb.
    let (mut has_verb, mut last_form, mut after_preposition) = (false, None, false);
    for at in 0..words.len() {
        let this = word(at);
        let next_content = (at + 1..words.len()).map(word).find(|next| !is_adverb(next) && !is_negation(next));
        let next_form = next_content.and_then(form);
        let next = word(at + 1);
        let before_phrase = among(DETERMINERS, next) || among(PREPOSITIONS, next);
        let (tag, now) = if among(BE, this) || this == "'s" && before == Before::Subject {
            (Auxiliary, Before::Be)
        } else if among(MODALS, this) {
            (Auxiliary, Before::Helper)
        } else if among(HAVE, this) || among(DO, this) {
            let helps = match among(HAVE, this) {
                true => next_content == Some("been") || matches!(next_form, Some((Form::Past, true))),
                false => matches!(next_form, Some((Form::Base, true))),
            };
            if helps && next_content.is_some() { (Auxiliary, Before::Helper) } else { (Verb, Before::Verb) }
        } else if is_adverb(this) {
            (Adverb, before)
        } else if is_negation(this) {
            (Other, before)
        } else if this == "to" && matches!(next_form, Some((Form::Base, true))) {
            (Other, Before::To)
        } else if this == "that" && before == Before::Noun {
            (Other, Before::Subject)
        } else if among(DETERMINERS, this) || this == "that" || this.starts_with(|c: char| c.is_ascii_digit()) {
            (Other, Before::Determiner)
        } else if among(SUBJECTS, this) && !(before == Before::Verb || before == Before::Preposition) {
            (Other, Before::Subject)
        } else if among(OBJECTS, this) || among(SUBJECTS, this) || this == "'s" {
            (Other, if this == "'s" { Before::Determiner } else { Before::Noun })
        } else if among(OPENERS, this) || !this.starts_with(char::is_alphanumeric) {
            (Other, Before::Opening)
        } else if among(PREPOSITIONS, this) {
            (Other, Before::Preposition)
        } else if ADJECTIVES.contains(&this) && form(this).is_none_or(|(_, known)| !known) {
            (Other, Before::Determiner)
        } else {
            let noun = among(NOUNS, this) && before != Before::Be;
            let verb = !noun
                && form(this).is_some_and(|(form, known)| {
                    let plural = |noun: &str| noun.ends_with('s') || among(PLURALS, noun);
                    match (before, form) {
                        (Before::Determiner, _) => false,
                        (Before::To, form) => form == Form::Base,
                        (Before::Be, form) => matches!(form, Form::Ing | Form::Past),
                        (Before::Helper, form) => form != Form::S && known,
                        (Before::Subject, form) => known || form != Form::Base,
                        (Before::Verb, form) => form == Form::Ing || form == Form::Past && this.ends_with("ed"),
                        (Before::Preposition, form) => form == Form::Ing && (known || among(DETERMINERS, next)),
                        (Before::Noun, Form::Ing) => true,
                        (Before::Noun, Form::Past) => !has_verb || this.ends_with("ed"),
                        (Before::Noun, Form::S) => {
                            let agents = ["ers", "ors", "ists"].iter().any(|ending| this.ends_with(ending));
                            !has_verb && (known || before_phrase && !after_preposition && !agents)
                        }
                        (Before::Noun, Form::Base) => {
                            let subject = (0..at).rev().map(word).find(|word| !is_adverb(word)).unwrap_or("");
                            // "Birds fly", "Mom and dad cook"
                            !has_verb && known && (plural(subject) || at > 1 && word(at - 2) == "and")
                        }
                        (Before::Opening, Form::Ing | Form::Past) => known || before_phrase,
                        (Before::Opening, Form::S) if !known => {
                            among(DETERMINERS, next) || among(OBJECTS, next) || next == "it"
                        }
                        (Before::Opening, form) => known && (last_form == Some(form) || among(DETERMINERS, next)),
                    }
                });
            if verb { (Verb, Before::Verb) } else { (Other, Before::Noun) }
        };
        match now {
            Before::Verb | Before::Be | Before::Helper => {
                let form = form(this).map(|(form, _)| form);
                // A participle behind a noun ("a maker named Teresa carves") leaves room for the clause's own verb.
                let participle = before == Before::Noun && (form == Some(Form::Ing) || this.ends_with("ed"));
                has_verb |= !participle;
                last_form = if tag == Verb { form } else { last_form };
                after_preposition = false;
            }
            Before::Opening => (has_verb, after_preposition) = (false, false),
            Before::Subject if this != "it" && this != "you" => has_verb = false,
            Before::Preposition => after_preposition = true,
            _ => {}
        }
        before = now;
        tags.push(tag);
    }
    tags
}

fn among(list: &str, word: &str) -> bool {
    list.split(' ').any(|other| other == word)
}

fn is_adverb(word: &str) -> bool {
    among(ADVERBS, word) || word.len() > 4 && word.ends_with("ly") && !among(NO_ADVERBS, word)
}

fn is_negation(word: &str) -> bool {
    word == "not" || word == "n't"
}

/// The lines of a list of words.
fn lines(list: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_whitespace().collect())
}

static ADJECTIVES: LazyLock<Vec<&str>> =
    LazyLock::new(|| lines(include_str!("../../../assets/words/adjectives.txt")).flatten().collect());
/// Base forms, then irregular ones.
static VERBS: LazyLock<[Vec<&str>; 2]> = LazyLock::new(|| {
    let mut lines = lines(include_str!("../../../assets/words/verbs.txt"));
    [lines.next().unwrap_or_default(), lines.next().unwrap_or_default()]
});

/// The form of a verb, and whether it is in the list; `None` for words that can be none.
fn form(word: &str) -> Option<(Form, bool)> {
    let [bases, irregular] = &*VERBS;
    if bases.contains(&word) {
        return Some((Form::Base, true));
    }
    if irregular.contains(&word) {
        return Some((Form::Past, true));
    }
    let endings = [("ing", Form::Ing), ("ed", Form::Past), ("es", Form::S), ("s", Form::S)];
    let known = |stem: &str| {
        let doubled = stem.len() > 2 && stem.as_bytes()[stem.len() - 1] == stem.as_bytes()[stem.len() - 2];
        let with = |ending: &str| bases.iter().any(|base| base.strip_prefix(stem) == Some(ending));
        let without = |letters: usize, ending: &str| {
            let stem = stem.get(..stem.len() - letters);
            stem.is_some_and(|stem| bases.iter().any(|base| base.strip_prefix(stem) == Some(ending)))
        };
        with("") || with("e") || doubled && without(1, "") || stem.ends_with('i') && without(1, "y")
    };
    let possible = |&(ending, _): &(&str, Form)| word.strip_suffix(ending).filter(|stem| stem.len() > 1);
    let form = endings.iter().find(|ending| possible(ending).is_some_and(known)).map(|&(_, form)| (form, true));
    form.or_else(|| {
        endings
            .iter()
            .find(|ending| possible(ending).is_some_and(|stem| stem.len() > 2))
            .map(|&(_, form)| (form, false))
    })
}
