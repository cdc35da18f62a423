//! What a film is going to be, said before its first scene: the story, who is in it and where it plays.

use super::text::{Phrase, UNSEEN, is_common_word, is_verb, phrases, share_of_english};
use super::tidy::{is_same, tidy_name};
use crate::project::entity_key;
use std::fmt;

/// Most names of the premise that the cast begins with.
const FROM_PREMISE: usize = 3;
/// Words before what is no part of the cast.
const WHERE: [&str; 9] = ["in", "inside", "on", "at", "into", "onto", "across", "through", "around"];
/// From this share of known English words on, a premise is taken for English.
const ENGLISH: f32 = 0.4;

/// The plan of a film.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// The premise in English, where it was in another language.
    pub english: Option<String>,
    /// Beginning, problem and end.
    pub story: [String; 3],
    pub cast: Vec<String>,
    pub places: Vec<String>,
    pub scenes: usize,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(english) = &self.english {
            writeln!(f, "In English: {english}")?;
        }
        let [beginning, problem, end] = &self.story;
        writeln!(f, "Beginning: {beginning}\nProblem: {problem}\nEnd: {end}")?;
        writeln!(f, "Cast: {}\nPlaces: {}", self.cast.join(", "), self.places.join(", "))?;
        writeln!(f, "Scenes: {}", self.scenes)
    }
}

impl Plan {
    /// Reads what was said of a plan so far.
    pub fn read(said: &str) -> Self {
        let mut plan = Self::default();
        for (field, value) in said.lines().filter_map(|line| line.split_once(": ")) {
            let names = || value.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect();
            match field {
                "In English" => plan.english = Some(value.to_owned()),
                "Beginning" => value.clone_into(&mut plan.story[0]),
                "Problem" => value.clone_into(&mut plan.story[1]),
                "End" => value.clone_into(&mut plan.story[2]),
                "Cast" => plan.cast = names(),
                "Places" => plan.places = names(),
                "Scenes" => plan.scenes = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        plan
    }
}

impl Plan {
    /// The plan with names that can be drawn, each once. Those of the premise stay.
    pub fn tidied(mut self, premise: &PremiseNames) -> Self {
        let told = |names: &[String], name: &String| names.contains(name);
        let cast = distinct(&self.cast);
        let drawn: Vec<String> = cast
            .iter()
            .filter(|name| told(&premise.cast, name) || phrases(&format!("The {name}.")).iter().any(is_entity))
            .cloned()
            .collect();
        self.cast = if drawn.is_empty() { cast } else { drawn };
        self.places = distinct(&self.places);
        // An oven is no place, unless there is no other.
        let is_thing = |name: &String| {
            let phrases = phrases(&format!("The {name}."));
            phrases.iter().any(Phrase::is_thing) && !phrases.iter().any(Phrase::is_place)
        };
        if !self.places.iter().all(is_thing) {
            self.places.retain(|name| told(&premise.places, name) || !is_thing(name));
        }
        let cast_keys: Vec<String> = self.cast.iter().map(|name| entity_key(name)).collect();
        let free = |name: &String| told(&premise.places, name) || !cast_keys.contains(&entity_key(name));
        if self.places.iter().any(free) {
            self.places.retain(free);
        }
        self
    }
}

/// Names without articles, known words in lower case, each once.
fn distinct(names: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        let name = tidy_name(name);
        let name = if name.split(' ').all(is_common_word) { name.to_lowercase() } else { name };
        // "robot" beside "old robot" would be two robots.
        if !name.is_empty() && !distinct.iter().any(|known| is_same(&name, known)) {
            distinct.push(name);
        }
    }
    distinct
}

/// Who and what, and which places a premise in English names: the film has to have them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PremiseNames {
    pub cast: Vec<String>,
    pub places: Vec<String>,
}

impl PremiseNames {
    pub fn of(premise: &str) -> Self {
        let mut names = Self::default();
        for phrase in phrases(premise) {
            let name = tidy_name(&phrase.name);
            // "Don't" is no name, and "to cook" is what somebody does.
            let is_verb = phrase.before == "to" && !name.contains(' ') && is_verb(&name);
            // "On the moon" is where somebody is.
            let is_where = !phrase.is_place() && WHERE.contains(&phrase.before.as_str());
            if !can_be_spelt(&name) || name.contains("n't") || is_verb || is_where {
                continue;
            }
            let (list, most) = match phrase.is_place() {
                true => (&mut names.places, 1),
                false if is_entity(&phrase) => (&mut names.cast, FROM_PREMISE),
                false => continue,
            };
            let key = entity_key(&name);
            let same = |known: &String| {
                let known = entity_key(known);
                known.split(' ').next_back() == key.split(' ').next_back()
            };
            if list.len() < most && !list.iter().any(same) {
                list.push(name);
            }
        }
        names
    }
}

/// Whether a phrase names somebody or something that can be seen by itself.
pub(super) fn is_entity(phrase: &Phrase) -> bool {
    !phrase.is_place() && !UNSEEN.contains(&phrase.head)
}

/// Whether a name has only what the grammars let the model spell, and as many words.
pub(super) fn can_be_spelt(name: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() && (c.is_ascii() || ('À'..='ÿ').contains(&c) && c != '×' && c != '÷');
    let word_ok = |word: &str| {
        word.chars().count() <= 20
            && word.starts_with(is_letter)
            && word.ends_with(is_letter)
            && word.chars().all(|c| is_letter(c) || matches!(c, '-' | '\''))
    };
    !name.is_empty()
        && name.chars().next().is_some_and(char::is_alphabetic)
        && name.split(' ').count() <= 4
        && name.split(' ').all(word_ok)
}

/// Whether a premise is English, or so short that it might well be.
pub(super) fn is_english(premise: &str) -> bool {
    let words = premise.split_whitespace().count();
    if !premise.chars().filter(|c| c.is_alphabetic()).all(|c| c.is_ascii() || ('À'..='ÿ').contains(&c)) {
        return false;
    }
    words <= 2 || share_of_english(premise) >= ENGLISH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(premise: &str) -> (Vec<String>, Vec<String>) {
        let PremiseNames { cast, places } = PremiseNames::of(premise);
        (cast, places)
    }

    #[test]
    fn a_premise_tells_the_cast_and_the_place() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            ("A young man with blue hair is making cake", &["young man", "cake"], &[]),
            (
                "A wizard's apprentice cleans the tower and lets the brooms loose",
                &["wizard", "apprentice", "brooms"],
                &["tower"],
            ),
            ("An elderly couple dances in the kitchen while the rain falls", &["elderly couple"], &["kitchen"]),
            ("Mia and Jonas look for their lost kite on the cliffs", &["Mia", "Jonas", "lost kite"], &["cliffs"]),
            (
                "\"Don't open the door,\" said the keeper [but the sailor (drunk) did]",
                &["door", "keeper", "sailor"],
                &[],
            ),
            ("Two rival chefs have to cook together on a boat", &["two rival chefs"], &[]),
        ];
        for (premise, cast, places) in cases {
            let (told_cast, told_places) = names(premise);
            assert_eq!((told_cast, told_places), (strings(cast), strings(places)), "{premise}");
        }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn premises_in_other_languages_are_told_apart() {
        for english in
            ["Breakfast", "A snail races a sports car", "A chess pawn dreams of becoming a queen", "Rain in Osaka"]
        {
            assert!(is_english(english), "{english}");
        }
        for other in [
            "Un petit renard cherche son ombre perdue dans la forêt",
            "Ein Bäcker backt nachts heimlich Brot für die Obdachlosen seiner Stadt",
            "一个小女孩在雨中给流浪猫撑伞",
            "Un robot aprende a pintar mirando las nubes",
            "Маленький ёжик ищет друга",
        ] {
            assert!(!is_english(other), "{other}");
        }
    }

    #[test]
    fn a_plan_keeps_names_that_can_be_drawn() {
        let said = "Beginning: A.\nProblem: B.\nEnd: C.\nCast: The Young Man, love, young man, cake\n\
                    Places: kitchen, Kitchen, cake\nScenes: 5\n";
        let plan = Plan::read(said).tidied(&PremiseNames::default());
        assert_eq!((plan.cast, plan.places), (strings(&["young man", "cake"]), strings(&["kitchen"])));
    }
}
