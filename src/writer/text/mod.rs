//! A script without a model: the user's own text, split into scenes.
//!
//! Every sentence (or line, where lines are short) becomes the prompt of one scene, word for word. Who and what it shows
//! are its noun phrases and names, where it plays is the place that it names or the one before, and the camera follows
//! its verb. Rules and word lists decide, so that the same text always gives the same script.

mod names;
mod sentences;
mod words;

use super::error::WriterError;
use super::tidy::{Cast, tidy_name};
use crate::project::{CameraMove, Direction, Scene, Script, ScriptScene, Speed, entity_key};
use names::has_pronoun_subject;
pub(super) use names::{Phrase, is_common_word, looks_behind, phrases, share_of_english};
pub(super) use sentences::sentences;
use std::collections::HashMap;
pub(super) use words::UNSEEN;
use words::{MOTION, SMALL, base_noun, base_verb};

/// Most entities in the foreground of one scene.
pub(super) const NAMES: usize = 4;

/// Words before a place that say that the scene plays there, the surest first.
const AT: [&str; 16] = [
    "in", "inside", "at", "into", "through", "across", "along", "on", "onto", "over", "to", "toward", "towards",
    "under", "near", "from",
];

/// Moves for scenes whose verb suggests none, one after the other.
const MOVES: [(Direction, Speed); 6] = [
    (Direction::Forward, Speed::Slow),
    (Direction::Right, Speed::Slow),
    (Direction::Static, Speed::Medium),
    (Direction::Backward, Speed::Slow),
    (Direction::Left, Speed::Medium),
    (Direction::Up, Speed::Slow),
];

/// Whether some form of a word is a verb.
pub(super) fn is_verb(word: &str) -> bool {
    base_verb(word).is_some()
}

/// Whether a word only joins others, or says what cannot be seen.
pub(super) fn is_faint(word: &str) -> bool {
    let lower = word.to_lowercase();
    SMALL.contains(&lower) || UNSEEN.contains(&lower) || lower.ends_with("ly")
}

/// Splits a text into the scenes of a script.
pub fn script_from_text(text: &str) -> Result<Script, WriterError> {
    let sentences = sentences::scenes(text);
    if sentences.is_empty() {
        return Err(WriterError::EmptyText);
    }
    let found: Vec<Vec<Phrase>> = sentences.iter().map(|sentence| phrases(sentence)).collect();
    let mut times: HashMap<String, usize> = HashMap::new();
    for phrases in &found {
        let mut heads: Vec<&str> = phrases.iter().map(|phrase| phrase.head.as_str()).collect();
        heads.sort_unstable();
        heads.dedup();
        heads.into_iter().for_each(|head| *times.entry(head.to_owned()).or_default() += 1);
    }

    let mut cast = Cast::default();
    let mut script = Script::default();
    let mut plan = CameraPlan::default();
    for (sentence, phrases) in sentences.iter().zip(&found) {
        let previous = script.scenes.last();
        let place = place_of(phrases);
        let background = match (place, previous) {
            (Some(place), _) => place.name.clone(),
            (None, Some(previous)) => previous.background.clone(),
            (None, None) => String::new(),
        };
        let mut foreground: Vec<String> = Vec::new();
        if has_pronoun_subject(sentence) {
            // "He" is most likely the one of the scene before.
            foreground.extend(previous.and_then(|scene| scene.foreground.first()).cloned());
        }
        for (position, phrase) in phrases.iter().enumerate() {
            let common = times.get(&phrase.head).is_some_and(|times| *times > 1);
            let seen = phrase.is_thing() || phrase.proper || common || position == 0;
            if seen && !phrase.is_place() && !UNSEEN.contains(&phrase.head) && foreground.len() < NAMES {
                foreground.push(tidy_name(&phrase.name));
            }
        }
        foreground.dedup_by(|a, b| entity_key(a) == entity_key(b));
        let camera = plan.next(sentence, None);
        let mut scene = cast.admit(ScriptScene { prompt: String::new(), foreground, background, camera });
        scene.prompt = capitalised(sentence);
        script.scenes.push(scene);
    }
    Ok(script)
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The place that a sentence plays in: the one behind the surest of the words in [`AT`].
pub(super) fn place_of(phrases: &[Phrase]) -> Option<&Phrase> {
    let places = phrases.iter().filter(|phrase| phrase.is_place());
    places
        .filter_map(|phrase| Some((AT.iter().position(|word| *word == phrase.before)?, phrase)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, phrase)| phrase)
}

/// Camera moves for scenes one after the other.
#[derive(Debug, Clone)]
pub(super) struct CameraPlan {
    index: usize,
    last: Option<Direction>,
    side: Direction,
}

impl Default for CameraPlan {
    fn default() -> Self {
        Self { index: 0, last: None, side: Direction::Right }
    }
}

impl CameraPlan {
    /// The move of the next scene: the given one, else what its words suggest.
    pub fn next(&mut self, sentence: &str, given: Option<CameraMove>) -> CameraMove {
        let camera = given.unwrap_or_else(|| camera_of(sentence, self.index, self.last, &mut self.side));
        self.index += 1;
        self.last = Some(camera.direction);
        camera
    }
}

fn lower_words(sentence: &str) -> Vec<String> {
    sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// What the words of a sentence suggest to the camera, in their order: one direction, or both sides.
fn motions(words: &[String]) -> impl Iterator<Item = (&'static [Direction], Speed)> {
    const SIDES: &[Direction] = &[Direction::Left, Direction::Right];
    words.iter().filter_map(|word| {
        let verb = base_verb(word).unwrap_or_else(|| base_noun(word));
        let (direction, speed) = *MOTION.get(&verb)?;
        let named = |direction| SIDES.iter().position(|side| *side == direction).map(|at| &SIDES[at..=at]);
        let directions = match direction {
            "side" if words.iter().any(|word| word == "left") => named(Direction::Left)?,
            "side" if words.iter().any(|word| word == "right") => named(Direction::Right)?,
            "side" => SIDES,
            other => {
                let direction = other.parse().ok()?;
                let at = Direction::ALL.iter().position(|known| *known == direction)?;
                &Direction::ALL[at..=at]
            }
        };
        Some((directions, speed.parse().ok()?))
    })
}

/// The directions that the first telling word of a sentence suggests, and the speed.
pub(super) fn suggested_motion(sentence: &str) -> Option<(&'static [Direction], Speed)> {
    motions(&lower_words(sentence)).next()
}

/// The move that a sentence's words suggest, as the scene at `index` after one that moved in the direction `last`.
pub(super) fn rule_camera(sentence: &str, index: usize, last: Option<Direction>) -> CameraMove {
    let mut side = if index.is_multiple_of(2) { Direction::Right } else { Direction::Left };
    camera_of(sentence, index, last, &mut side)
}

/// The move that a sentence's words suggest between two scenes, the one at `index` being its own: not that of a neighbour.
pub(super) fn camera_between(neighbours: [Option<&Scene>; 2], index: usize, sentence: &str) -> CameraMove {
    let [last, next] = neighbours.map(|scene| scene.map(|scene| scene.camera.direction));
    let mut tries = (0..MOVES.len()).map(|turn| rule_camera(if turn == 0 { sentence } else { "" }, index + turn, last));
    tries.find(|camera| Some(camera.direction) != next).unwrap_or_else(|| rule_camera(sentence, index, last))
}

/// The move that the sentence's words suggest, never the same direction twice in a row.
fn camera_of(sentence: &str, index: usize, last: Option<Direction>, side: &mut Direction) -> CameraMove {
    let words = lower_words(sentence);
    let is_last = |direction: Direction| Some(direction) == last;
    let suggested = motions(&words).map(|(directions, speed)| match directions {
        [one] => CameraMove::new(*one, speed),
        _ => CameraMove::new(*side, speed),
    });
    let chosen = suggested.into_iter().find(|camera| !is_last(camera.direction)).unwrap_or_else(|| {
        let moves = (0..MOVES.len()).map(|i| MOVES[(index + i) % MOVES.len()]);
        let (direction, speed) = moves.into_iter().find(|(d, _)| !is_last(*d)).unwrap_or(MOVES[0]);
        CameraMove::new(direction, speed)
    });
    if chosen.direction == *side {
        *side = if *side == Direction::Right { Direction::Left } else { Direction::Right };
    }
    chosen
}
