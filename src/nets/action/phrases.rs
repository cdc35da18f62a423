//! The verb phrases of a prompt.
//!
//! The original has spaCy (`en_core_web_sm`) name the part of speech of each word and then looks for
//! `VERB? ADV* AUX* VERB+`. The pattern is the same here. The parts of speech are an approximation: spaCy's come from a
//! neural network, [`tag`] follows rules and a list of verbs. It is meant for scene prompts in the present tense, takes
//! participles in front of nouns ("a burning sword") for no verbs, and knows English only. Whoever needs other phrases
//! gives them, or tags the words and calls [`verb_phrases`].

pub use super::tagger::tag;

use PartOfSpeech::{Adverb, Auxiliary, Verb};
use std::ops::Range;

/// What kind of word it is, as far as the pattern tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartOfSpeech {
    /// `VERB`
    Verb,
    /// `ADV`
    Adverb,
    /// `AUX`: forms of "be", and of "have", "do" and the modal verbs in front of a verb.
    Auxiliary,
    /// All others, punctuation too.
    Other,
}

/// The verb phrases of an English prompt, as they stand there, by [`tag`].
pub fn phrases_of_prompt(prompt: &str) -> Vec<&str> {
    let words = words(prompt);
    let tags = tag(&words.iter().map(|range| &prompt[range.clone()]).collect::<Vec<_>>());
    verb_phrases(&tags)
        .into_iter()
        .map(|phrase| &prompt[words[phrase.start].start..words[phrase.end - 1].end])
        .collect()
}

/// Where `VERB? ADV* AUX* VERB+` matches, as ranges of words: of all matches the longest, then the longest of those that
/// do not overlap with it, and so on; the first of equally long ones. That is spaCy's `filter_spans`.
pub fn verb_phrases(tags: &[PartOfSpeech]) -> Vec<Range<usize>> {
    let run = |from: usize, kind| tags[from..].iter().take_while(|&&tag| tag == kind).count();
    let mut matches = Vec::new();
    for (start, &tag) in tags.iter().enumerate() {
        for first in 0..=usize::from(tag == Verb) {
            let adverbs = start + first + run(start + first, Adverb);
            let verbs = adverbs + run(adverbs, Auxiliary);
            matches.extend((1..=run(verbs, Verb)).map(|count| start..verbs + count));
        }
    }
    matches.sort_by_key(|range| (std::cmp::Reverse(range.len()), range.start));
    let mut chosen: Vec<Range<usize>> = Vec::new();
    for range in matches {
        if chosen.iter().all(|other| range.end <= other.start || other.end <= range.start) {
            chosen.push(range);
        }
    }
    chosen.sort_by_key(|range| range.start);
    chosen
}

/// Where the words and punctuation marks are, as ranges of bytes. "n't" and "'s" are words of their own.
pub fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut open = false;
    for (at, letter) in text.char_indices() {
        let end = at + letter.len_utf8();
        let apostrophe = matches!(letter, '\'' | '’');
        let inside = letter.is_alphanumeric() || apostrophe && open && text[end..].starts_with(char::is_alphanumeric);
        match words.last_mut() {
            Some(word) if inside && open && !apostrophe => word.end = end,
            // "do|n't"
            Some(word) if inside && apostrophe && word.len() > 2 && text[word.clone()].ends_with('n') => {
                let rest = text[end..].split(|c: char| !c.is_alphanumeric()).next();
                let negation = rest == Some("t");
                word.end -= usize::from(negation);
                words.push(at - usize::from(negation)..end);
            }
            _ if !letter.is_whitespace() => words.push(at..end),
            _ => {}
        }
        open = inside;
    }
    words
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one phrase is one range")]
mod tests {
    use super::*;
    use PartOfSpeech::Other;

    #[test]
    fn the_pattern_takes_the_longest_phrases_that_do_not_overlap() {
        let (v, d, x, o) = (Verb, Adverb, Auxiliary, Other);
        for (tags, phrases) in [
            (vec![], vec![]),
            (vec![o, d, x], vec![]),
            // "is making cake"
            (vec![o, x, v, o], vec![1..3]),
            // An adverb behind the auxiliary breaks the pattern: "is slowly walking".
            (vec![x, d, v], vec![1..3]),
            // "have been playing", "starts quickly mending", "starts mending"
            (vec![x, x, v], vec![0..3]),
            (vec![v, d, v], vec![0..3]),
            (vec![v, d, d, x, x, v, v], vec![0..7]),
            (vec![v, v, v], vec![0..3]),
            // The longest one first: the verbs in front of it stand alone.
            (vec![v, v, d, x, v], vec![0..1, 1..5]),
            (vec![v, o, v, d, o, v], vec![0..1, 2..3, 5..6]),
        ] {
            assert_eq!(verb_phrases(&tags), phrases, "{tags:?}");
        }
    }

    #[test]
    fn words_keep_their_places() {
        let text = "The dog doesn't bark, it's well-fed: 3.5 kg’s enough.";
        let split: Vec<&str> = words(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(split.join("|"), "The|dog|does|n't|bark|,|it|'s|well|-|fed|:|3|.|5|kg|’s|enough|.");
    }

    /// What spaCy 3.8 with `en_core_web_sm` finds in these prompts.
    #[test]
    fn phrases_of_scene_prompts_are_those_of_spacy() {
        for (prompt, phrases) in [
            ("A young man with blue hair is making cake", &["is making"][..]),
            ("The motorcyclist riding on the road.", &["riding"]),
            ("The chef carefully whisks eggs in a large bowl.", &["carefully whisks"]),
            ("She is slowly walking along the beach and looking at the waves.", &["slowly walking", "looking"]),
            ("An old fisherman starts mending his nets.", &["starts mending"]),
            ("Two children have been playing football in the park.", &["have been playing"]),
            ("The dog will quickly run to the door.", &["quickly run"]),
            ("A boy keeps trying to climb the tree.", &["keeps trying", "climb"]),
            ("She has a small dog.", &["has"]),
            ("The old fisherman has caught a big fish.", &["has caught"]),
            ("He does not want to leave.", &["want", "leave"]),
            ("The dog doesn't bark.", &["bark"]),
            ("The cake is being decorated.", &["is being decorated"]),
            ("A man wearing a hat walks down the street.", &["wearing", "walks"]),
            ("A group of friends play cards at the table.", &["play"]),
            ("Kids are building a snowman in the backyard.", &["are building"]),
            ("A cozy kitchen with wooden cabinets and a large window.", &[]),
            ("A teenager finds an old camera that shows what will happen", &["finds", "shows", "will happen"]),
        ] {
            assert_eq!(phrases_of_prompt(prompt), phrases, "{prompt}");
        }
    }

    #[test]
    fn any_text_has_phrases_or_none() {
        for text in [
            "",
            "   ",
            "'",
            "n't",
            "’s",
            "don't 'n't' isn’t",
            "画一只猫",
            "Ein Bäcker backt nachts",
            "to to be be",
            "\u{301}'s",
        ] {
            let found = phrases_of_prompt(text);
            assert!(found.len() <= text.len(), "{found:?}");
        }
    }
}
