//! The camera of a whole film, planned when all its scenes are there: varied, and led by what the actions do.

use super::decode::Listener;
use super::error::WriterError;
use super::examples::{read_camera, scene_text};
use super::grammar;
use super::sampler::{Sampler, Sampling};
use super::scenes::lean;
use super::script::{OnEvent, Writer, WriterEvent};
use super::text::suggested_motion;
use crate::progress::{Cancelled, Progress};
use crate::project::{CameraMove, Direction, Script, ScriptScene, Speed};
use crate::writer::tidy::flat;

/// Most scenes of a film with the same direction.
const SAME_DIRECTION: usize = 2;
/// The first scenes of a film, which have a direction of their own each: left, down, left, down is not varied.
const ALL_DIFFERENT: usize = 3;
/// A film has a static scene for each so many scenes at most.
const STATIC_EVERY: usize = 4;
/// A small model copies the moves of the examples: the scores are multiplied by this, so that they vary.
const COPIED: f32 = 0.5;
/// Added to the scores of the direction and the speed that the action's verb suggests ("climbs": up).
const SUGGESTED: f32 = 2.0;
/// Tokens that a move takes.
const MOVE_TOKENS: usize = 8;

/// Whose camera to plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CameraRequest {
    /// The film's premise.
    pub premise: String,
    /// Its scenes; their own moves do not matter.
    pub script: Script,
    /// Moves that stay as they are, scene by scene; missing ones are free.
    pub fixed: Vec<Option<CameraMove>>,
    /// The same seed gives the same moves on the same machine.
    pub seed: u64,
    /// How boldly they are chosen.
    pub sampling: Sampling,
}

impl Writer {
    /// Plans the camera of a film that is there already, whoever wrote it. Returns a move for each scene; those that are
    /// fixed are as they were.
    pub fn plan_cameras(
        &mut self,
        request: &CameraRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Vec<CameraMove>, WriterError> {
        request.sampling.check()?;
        let scenes = &request.script.scenes;
        if scenes.is_empty() {
            return Ok(Vec::new());
        }
        let premise = flat(&request.premise);
        let told: String = scenes.iter().enumerate().map(|(i, scene)| scene_text(i, scene)).collect();
        let build = |examples| {
            let mut dialogue = self.script_dialogue(examples);
            dialogue.user(self.prompts.fill("script_request.txt", &[("premise", &premise)]));
            dialogue.assistant(told.trim_end());
            dialogue.user(self.prompts.text("camera.txt"));
            dialogue
        };
        let examples = self.prompts.script_examples.len();
        let fitting = self.fit(&build, examples, scenes.len() * MOVE_TOKENS, &mut Vec::new())?;
        let (dialogue, _) = fitting.map_err(|needed| WriterError::Context {
            context: self.decoder.context_len(),
            needed,
            scenes: scenes.len() as u32,
        })?;
        progress.stage("reading the script");
        let conversation = self.decoder.conversation(&dialogue, dialogue.len() - 3)?;
        self.decoder.start(conversation, &mut |read, total| progress.step(read as u64, total as u64))?;
        progress.stage("planning the camera");
        let mut sampler = Sampler::new(request.seed, request.sampling);
        self.say_cameras(scenes, &request.fixed, &mut sampler, progress, on_event)
    }

    /// Says a move for each scene, once the question for them was asked.
    pub(super) fn say_cameras(
        &mut self,
        scenes: &[ScriptScene],
        fixed: &[Option<CameraMove>],
        sampler: &mut Sampler,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Vec<CameraMove>, WriterError> {
        let fixed: Vec<Option<CameraMove>> = (0..scenes.len()).map(|i| fixed.get(i).copied().flatten()).collect();
        let mut moves: Vec<CameraMove> = Vec::with_capacity(scenes.len());
        for (i, scene) in scenes.iter().enumerate() {
            let directions = free_directions(&moves, &fixed);
            let mut listener = self.suggesting(&scene.prompt, progress, [i, scenes.len()]);
            let said = self.decoder.speak(&grammar::camera(i + 1, &directions, fixed[i]), sampler, &mut listener)?;
            let value = said.split_once(": ").map_or("", |(_, value)| value.trim_end());
            let camera = read_camera(value).map_err(WriterError::Grammar)?;
            if fixed[i].is_none() {
                on_event(WriterEvent::Camera { index: i, camera });
            }
            moves.push(fixed[i].unwrap_or(camera));
        }
        Ok(moves)
    }

    fn suggesting<'a>(&self, action: &str, progress: &'a dyn Progress, steps: [usize; 2]) -> Suggesting<'a> {
        let first = |word: &dyn ToString| self.decoder.tokenize(&format!(" {}", word.to_string())).first().copied();
        let (directions, speed) = suggested_motion(action).unwrap_or((&[], Speed::Slow));
        Suggesting {
            progress,
            steps: steps.map(|steps| steps as u64),
            directions: directions.iter().filter_map(|direction| first(direction)).collect(),
            speed: first(&speed).filter(|_| !directions.is_empty()),
        }
    }
}

/// The directions that the next scene may have: not that of a neighbour, and none for a whole film.
pub(super) fn free_directions(moves: &[CameraMove], fixed: &[Option<CameraMove>]) -> Vec<Direction> {
    let at = moves.len();
    let coming = fixed.get(at + 1..).unwrap_or_default();
    let neighbours =
        [moves.last().map(|last| last.direction), coming.first().copied().flatten().map(|next| next.direction)];
    let times = |direction| {
        let coming = coming.iter().flatten();
        moves.iter().chain(coming).filter(|camera| camera.direction == direction).count()
    };
    let most = |direction| match direction {
        Direction::Static => fixed.len().div_ceil(STATIC_EVERY).min(SAME_DIRECTION),
        _ if at < ALL_DIFFERENT => 1,
        // A long film needs more than two of each.
        _ => SAME_DIRECTION.max(fixed.len().div_ceil(Direction::ALL.len())),
    };
    let beside = |direction: &Direction| !neighbours.contains(&Some(*direction));
    let free: Vec<Direction> = Direction::ALL.into_iter().filter(beside).filter(|d| times(*d) < most(*d)).collect();
    if free.is_empty() { Direction::ALL.into_iter().filter(beside).collect() } else { free }
}

/// Leans towards what the action suggests.
struct Suggesting<'a> {
    progress: &'a dyn Progress,
    /// Scenes that are done, and all.
    steps: [u64; 2],
    directions: Vec<u32>,
    speed: Option<u32>,
}

impl Listener for Suggesting<'_> {
    fn heard(&mut self, _text: &str) -> Result<(), Cancelled> {
        self.progress.step(self.steps[0], self.steps[1])
    }

    fn weigh(&mut self, text: &str, _said: &[u32], scores: &mut [f32]) {
        scores.iter_mut().for_each(|score| *score *= COPIED);
        let has_direction = text.split_once(':').is_some_and(|(_, said)| !said.trim().is_empty());
        let leaning: Vec<u32> = if has_direction { self.speed.into_iter().collect() } else { self.directions.clone() };
        lean(leaning.into_iter().map(|id| (id, SUGGESTED)), scores);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_move_is_next_to_itself_and_none_fills_a_film() {
        let left = CameraMove::new(Direction::Left, Speed::Slow);
        let up = CameraMove::new(Direction::Up, Speed::Slow);
        let free = free_directions(&[left], &[None, None, Some(up)]);
        assert!(!free.contains(&Direction::Left) && !free.contains(&Direction::Up), "{free:?}");
        let free = free_directions(&[left, up], &[None; 4]);
        assert!(!free.contains(&Direction::Left) && !free.contains(&Direction::Up), "{free:?}");
        let free = free_directions(&[left, up, left, up], &[None; 6]);
        assert!(!free.contains(&Direction::Left) && !free.contains(&Direction::Up), "{free:?}");
        let long = free_directions(&[left; 40], &[None; 60]);
        assert!(!long.is_empty());
    }
}
