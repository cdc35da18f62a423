//! Whom and what an action shows: the names that its scene may list.

use super::grammar::Candidate;
use super::plan::is_entity;
use super::text::{is_faint, is_verb, phrases};
use super::tidy::{Cast, is_same, tidy_name};
pub(super) use crate::project::find_name as occurrence;
use std::ops::Range;

/// Most names to choose from.
const MOST: usize = 7;

/// Reads the names in an action. A known person or thing that is called by a part of its name ("the keeper") is called by
/// all of it in the action that comes back. Names that are known are certain; others the model may leave out. They come
/// in the order of the action, and there is at least one.
pub(super) fn candidates(action: &str, place: &str, cast: &Cast) -> (String, Vec<Candidate>) {
    let mut action = action.to_owned();
    let mut found: Vec<(usize, Candidate)> = Vec::new();
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut names: Vec<&String> = cast.foreground().iter().collect();
    // "old map" before "map".
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in names {
        let place_of = occurrence(&action, name).filter(|at| spans.iter().all(|span| !overlap(span, at)));
        if let Some(at) = place_of {
            found.push((at.start, Candidate { name: name.clone(), certain: true }));
            spans.push(at);
        }
    }
    for phrase in phrases(&action) {
        let name = tidy_name(&phrase.name);
        let Some(at) = occurrence(&action, &name) else { continue };
        if !is_entity(&phrase) || is_same(&name, place) || spans.iter().any(|span| overlap(span, &at)) {
            continue;
        }
        let here: Vec<String> = found.iter().map(|(_, candidate)| candidate.name.clone()).collect();
        let candidate = match cast.known(&here, &name) {
            Some(known) if here.contains(&known) => continue,
            Some(known) => {
                let said = action[at.clone()].to_owned();
                if occurrence(&said, &known).is_none() && occurrence(&known, &said).is_some() {
                    let more = known.len() as isize - said.len() as isize;
                    action.replace_range(at.clone(), &known);
                    let moved = |end: &mut usize| *end = end.saturating_add_signed(more);
                    spans.iter_mut().filter(|span| span.start >= at.end).for_each(|span| {
                        moved(&mut span.start);
                        moved(&mut span.end);
                    });
                    found.iter_mut().filter(|(start, _)| *start >= at.end).for_each(|(start, _)| moved(start));
                }
                Candidate { name: known, certain: true }
            }
            None => Candidate { name, certain: false },
        };
        spans.push(at.clone());
        found.push((at.start, candidate));
    }
    found.sort_by_key(|(at, _)| *at);
    let mut candidates: Vec<Candidate> = Vec::new();
    for (_, candidate) in found {
        if candidates.len() < MOST && !candidates.iter().any(|known| known.name == candidate.name) {
            candidates.push(candidate);
        }
    }
    if candidates.is_empty() {
        candidates = last_resort(&action, place);
    }
    (action, candidates)
}

/// The words of an action that stand out most, for an action without a name that the rules know.
fn last_resort(action: &str, place: &str) -> Vec<Candidate> {
    let words = action.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-');
    let mut words: Vec<&str> = words.filter(|word| word.chars().any(char::is_alphabetic)).collect();
    let can_be_seen = |word: &&str| !is_faint(word) && !is_same(word, place);
    if words.iter().any(can_be_seen) {
        words.retain(can_be_seen);
    }
    words.sort_by_key(|word| (is_verb(word), std::cmp::Reverse(word.chars().count())));
    words.truncate(3);
    let mut words: Vec<String> = words.into_iter().map(str::to_lowercase).collect();
    words.sort();
    words.dedup();
    words.into_iter().map(|name| Candidate { name, certain: false }).collect()
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(action: &str, place: &str, known: &[&str]) -> (String, Vec<(String, bool)>) {
        let cast = Cast::of(known.iter().map(|name| (*name).to_owned()).collect(), vec![place.to_owned()]);
        let (action, candidates) = candidates(action, place, &cast);
        (action, candidates.into_iter().map(|candidate| (candidate.name, candidate.certain)).collect())
    }

    #[test]
    fn known_names_are_certain_and_new_things_may_be_left_out() {
        let (action, names) = read(
            "The old fisherman unrolls a faded map on the table under an oil lamp in the cabin.",
            "wooden cabin",
            &["old fisherman", "map", "gray cat"],
        );
        assert_eq!(action, "The old fisherman unrolls a faded map on the table under an oil lamp in the cabin.");
        let expected = [("old fisherman", true), ("map", true), ("table", false), ("oil lamp", false)];
        assert_eq!(names, expected.map(|(name, certain)| (name.to_owned(), certain)));
    }

    #[test]
    fn a_part_of_a_name_becomes_all_of_it() {
        let (action, names) = read(
            "The cat follows the fisherman and the map to the pier.",
            "pier",
            &["old fisherman", "gray cat", "map"],
        );
        assert_eq!(action, "The gray cat follows the old fisherman and the map to the pier.");
        assert_eq!(
            names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["gray cat", "old fisherman", "map"]
        );
    }

    #[test]
    fn what_cannot_be_seen_and_the_place_are_no_names() {
        let (_, names) = read("The wind shakes the tall pier at night with all its love.", "pier", &[]);
        assert!(
            !names.is_empty()
                && names.iter().all(|(name, _)| !["wind", "pier", "tall pier", "love"].contains(&name.as_str()))
        );
    }
}
