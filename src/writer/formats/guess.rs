//! Who and where, for files that do not say it: by the rules for plain text.

use super::Shot;
use super::people::calmed;
use crate::writer::text::{NAMES, Phrase, phrases, place_of};
use crate::writer::tidy::tidy_name;
use std::collections::{BTreeSet, HashMap};

/// The things and people that at least two of these texts show, by the last words of their names.
pub(super) fn recurring<'a>(actions: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut times: HashMap<String, usize> = HashMap::new();
    for action in actions {
        let found = phrases(&calmed(action)).into_iter().filter(|phrase| phrase.is_thing() || phrase.proper);
        let heads: BTreeSet<String> = found.map(|phrase| phrase.head).collect();
        heads.into_iter().for_each(|head| *times.entry(head).or_default() += 1);
    }
    times.into_iter().filter(|(_, times)| *times > 1).map(|(head, _)| head).collect()
}

/// Puts those who recur, and whoever the action begins with, into the foreground of scenes that have none.
pub(super) fn names(shots: &mut [Shot]) {
    let recurring = recurring(shots.iter().map(|shot| shot.prompt.as_str()));
    for shot in shots.iter_mut().filter(|shot| shot.foreground.is_empty()) {
        let found = phrases(&calmed(&shot.prompt)).into_iter().enumerate();
        let shown = |(at, phrase): &(usize, Phrase)| {
            !phrase.is_place() && (phrase.proper || recurring.contains(&phrase.head) || *at == 0 && phrase.is_thing())
        };
        for (_, phrase) in found.filter(shown) {
            let name = tidy_name(&phrase.name);
            if !shot.foreground.contains(&name) && shot.foreground.len() < NAMES {
                shot.foreground.push(name);
            }
        }
    }
}

/// Gives scenes of which the place is not known the one that the action names, else that of the scene before.
pub(super) fn places(shots: &mut [Shot], is_known: impl Fn(usize) -> bool) {
    let mut place = String::new();
    for (i, shot) in shots.iter_mut().enumerate() {
        if is_known(i) {
            place.clone_from(&shot.background);
        } else {
            if let Some(found) = place_of(&phrases(&calmed(&shot.prompt))) {
                place.clone_from(&found.name);
            }
            shot.background.clone_from(&place);
        }
    }
}
