//! What is asked of the model for each revision, and what becomes of its answer.

use super::super::text::{Phrase, camera_between, phrases, rule_camera};
use super::super::tidy::{Cast, tidy_prompt};
use super::tell::{Task, Told};
use crate::project::{
    CameraMove, Change, Direction, EntityKind, Project, ProposalItem, Scene, SceneId, ScriptScene, Speed, entities,
};
use crate::writer::tidy::flat;
use std::ops::Range;

/// Scenes before and behind the one in question that the model is told of.
const AROUND: usize = 4;
/// Most names that the model is told.
const NAMES: usize = 14;
/// Characters of the premise that it is told.
const PREMISE_CHARS: usize = 600;
/// Words that another wording may have more than the old one.
const MORE_WORDS: usize = 6;
/// Seeds of new scenes are so far from that of the scene before them, so that they are no neighbour's.
const SEED_STEP: u64 = 1000;

/// One scene of an answer.
pub(in crate::writer) enum Slot {
    /// Told again as it is, since it is locked.
    Kept(usize, ScriptScene),
    /// Said.
    Said(Rules),
}

/// What a scene that is said has to keep to.
pub(in crate::writer) struct Rules {
    /// Its number.
    pub number: usize,
    /// Whether it begins with what shows the user's wish.
    pub shows: bool,
    /// The place that it keeps.
    pub place: Option<String>,
    /// What it may not say again, word for word.
    pub forbidden: Vec<String>,
    /// What it may not say much like.
    pub unlike: Vec<String>,
    /// Most words, where that is more than usual.
    pub most_words: usize,
    /// The camera that it has so far.
    pub camera: CameraMove,
}

/// Makes the parts of a proposal of the scenes that were said.
pub(in crate::writer) type Assemble<'a> = Box<dyn Fn(&[ScriptScene]) -> Vec<ProposalItem> + 'a>;

/// A question, the form of its answer, and what the scenes that were said so far make.
pub(in crate::writer) struct Asked<'a> {
    pub told: Told,
    pub slots: Vec<Slot>,
    pub assemble: Assemble<'a>,
}

/// A film that is revised.
#[derive(Clone, Copy)]
pub(super) struct Film<'a> {
    pub project: &'a Project,
    pub seed: u64,
}

impl<'a> Film<'a> {
    fn scenes(self) -> &'a [Scene] {
        &self.project.scenes
    }

    fn seed(self, of: usize, nth: usize) -> u64 {
        let base = self.scenes().get(of).map_or(0, |scene| scene.seed);
        base.wrapping_add(self.seed).wrapping_add(SEED_STEP + nth as u64)
    }

    pub fn rewrite(self, at: usize, change: &'a str) -> Asked<'a> {
        let camera = asked_camera(change);
        let assemble = move |said: &[ScriptScene]| {
            let said = said.first().map(|after| {
                let camera = camera.unwrap_or(after.camera);
                ScriptScene { camera, ..after.clone() }
            });
            self.one(at, said)
        };
        Asked {
            // Of its neighbours a small model takes over what they show.
            told: self.told(Task::Rewrite(at + 1), change, at..at + 1),
            slots: vec![self.anew(at + 1, &[at], Some(change))],
            assemble: Box::new(assemble),
        }
    }

    /// A new scene that gets the place of the one at `at`.
    pub fn insert(self, after: Option<SceneId>, at: usize, wish: &str) -> Asked<'a> {
        let neighbours = [at.checked_sub(1), Some(at)].map(|at| at.and_then(|at| self.scenes().get(at)));
        let assemble = move |said: &[ScriptScene]| {
            let made = said.first().map(|scene| {
                let camera = camera_between(neighbours, at, &scene.prompt);
                let scene = ScriptScene { camera, ..scene.clone() };
                let change = Change::Insert { after, scene, seed: self.seed(at.saturating_sub(1), 0) };
                ProposalItem { title: format!("New scene {}", at + 1), changes: vec![change] }
            });
            made.into_iter().collect()
        };
        Asked {
            told: self.told(Task::Insert(at + 1), wish, around(at, self.scenes().len())),
            slots: vec![self.new_scene(at + 1)],
            assemble: Box::new(assemble),
        }
    }

    pub fn split(self, at: usize) -> Asked<'a> {
        let first = &self.scenes()[at];
        let assemble = move |said: &[ScriptScene]| {
            let mut items = self.one(at, said.first().cloned());
            if let (Some(item), Some(second)) = (items.first_mut(), said.get(1)) {
                let camera = rule_camera(&second.prompt, at + 1, Some(first.camera.direction));
                let scene = ScriptScene { camera, ..second.clone() };
                item.title = format!("Scene {} in two", at + 1);
                item.changes.push(Change::Insert { after: Some(first.id), scene, seed: self.seed(at, 1) });
            }
            items
        };
        Asked {
            told: self.told(Task::Split(at + 1), "", at..at + 1),
            slots: vec![self.anew(at + 1, &[at], None), self.anew(at + 2, &[at], None)],
            assemble: Box::new(assemble),
        }
    }

    /// One scene of the one at `at` and the next.
    pub fn merge(self, at: usize) -> Asked<'a> {
        let assemble = move |said: &[ScriptScene]| {
            let mut items = self.one(at, said.first().cloned());
            let gone = self.scenes().get(at + 1).and_then(|next| Some((next.id, self.project.script_scene(next.id)?)));
            if let (Some(item), Some((id, before))) = (items.first_mut(), gone) {
                item.title = format!("Scenes {} and {} in one", at + 1, at + 2);
                item.changes.push(Change::Remove { id, before });
            }
            items
        };
        Asked {
            told: self.told(Task::Merge(at + 1), "", at..at + 2),
            slots: vec![self.anew(at + 1, &[at, at + 1], None)],
            assemble: Box::new(assemble),
        }
    }

    pub fn go_on(self, count: usize, wish: &str) -> Asked<'a> {
        let len = self.scenes().len();
        let last = self.scenes().last();
        let assemble = move |said: &[ScriptScene]| {
            let mut direction = last.map(|scene| scene.camera.direction);
            let made = said.iter().enumerate().map(|(nth, scene)| {
                let camera = rule_camera(&scene.prompt, len + nth, direction);
                direction = Some(camera.direction);
                let scene = ScriptScene { camera, ..scene.clone() };
                let change =
                    Change::Insert { after: last.map(|s| s.id), scene, seed: self.seed(len.saturating_sub(1), nth) };
                ProposalItem { title: format!("New scene {}", len + nth + 1), changes: vec![change] }
            });
            made.collect()
        };
        Asked {
            told: self.told(Task::Continue(count), wish, len.saturating_sub(2 * AROUND)..len),
            slots: (0..count).map(|nth| self.new_scene(len + nth + 1)).collect(),
            assemble: Box::new(assemble),
        }
    }

    /// Some scenes of the film, the locked ones as they are; `before` is what became of those before them.
    pub fn part(self, part: Range<usize>, change: &str, before: Vec<ProposalItem>) -> Asked<'a> {
        let free: Vec<usize> = part.clone().filter(|at| !self.scenes()[*at].locked).collect();
        let slots = part.clone().map(|at| match self.project.script_scene(self.scenes()[at].id) {
            Some(scene) if self.scenes()[at].locked => Slot::Kept(at + 1, one_line(&scene)),
            _ => self.anew(at + 1, &[at], Some(change)),
        });
        let (told, slots) = (self.told(Task::Film, change, part.clone()), slots.collect());
        let assemble = move |said: &[ScriptScene]| {
            let new = free.iter().zip(said).flat_map(|(at, after)| self.one(*at, Some(after.clone())));
            before.iter().cloned().chain(new).collect()
        };
        Asked { told, slots, assemble: Box::new(assemble) }
    }

    fn new_scene(self, number: usize) -> Slot {
        let existing: Vec<String> = self.scenes().iter().map(|scene| scene.prompt.clone()).collect();
        Slot::Said(Rules {
            number,
            shows: false,
            place: None,
            forbidden: existing.clone(),
            unlike: existing,
            most_words: 0,
            camera: CameraMove::default(),
        })
    }

    /// Other words for the scenes `of`.
    fn anew(self, number: usize, of: &[usize], wish: Option<&str>) -> Slot {
        let others = self.scenes().iter().enumerate().filter(|(at, _)| !of.contains(at));
        let prompts = || of.iter().map(|at| &self.scenes()[*at].prompt);
        // A scene moves to another place only if somebody asks for one, or if two of different places become one.
        let asked_for = phrases(wish.unwrap_or_default()).iter().any(Phrase::is_place);
        let stays = !asked_for && of.iter().all(|at| self.scenes()[*at].background == self.scenes()[of[0]].background);
        let first =
            self.project.script_scene(self.scenes()[of[0]].id).map(|scene| one_line(&scene)).unwrap_or_default();
        Slot::Said(Rules {
            number,
            shows: wish.is_some(),
            place: Some(first.background).filter(|place| stays && !place.is_empty()),
            forbidden: prompts().flat_map(|prompt| [prompt.clone(), tidy_prompt(prompt)]).collect(),
            unlike: others.map(|(_, scene)| scene.prompt.clone()).collect(),
            most_words: prompts().map(|prompt| prompt.split_whitespace().count() + MORE_WORDS).max().unwrap_or(0),
            camera: first.camera,
        })
    }

    /// Other words for one scene. What has not been said yet stays.
    fn one(self, at: usize, said: Option<ScriptScene>) -> Vec<ProposalItem> {
        let id = self.scenes()[at].id;
        let (Some(before), Some(said)) = (self.project.script_scene(id), said) else { return Vec::new() };
        let after = ScriptScene {
            prompt: if said.prompt.is_empty() { before.prompt.clone() } else { said.prompt },
            foreground: if said.foreground.is_empty() { before.foreground.clone() } else { said.foreground },
            background: if said.background.is_empty() { before.background.clone() } else { said.background },
            camera: said.camera,
        };
        vec![item(at + 1, vec![Change::Scene { id, before, after }])]
    }

    pub fn told(self, task: Task, wish: &str, scenes: Range<usize>) -> Told {
        let mut all = entities(self.project);
        all.sort_by_key(|entity| std::cmp::Reverse(entity.scenes.len()));
        let names = |kind| {
            let of_kind = all.iter().filter(|entity| entity.kind == kind && !entity.scenes.is_empty());
            of_kind.take(NAMES).map(|entity| entity.name.clone()).collect()
        };
        let scene = |at: usize| Some((at + 1, one_line(&self.project.script_scene(self.scenes().get(at)?.id)?)));
        let premise = flat(&self.project.premise);
        Told {
            premise: premise.chars().take(PREMISE_CHARS).collect(),
            cast: names(EntityKind::Foreground),
            places: names(EntityKind::Background),
            scenes: scenes.filter_map(scene).collect(),
            task,
            wish: wish.to_owned(),
        }
    }

    /// All names of the film.
    pub fn cast(self) -> Cast {
        let all = entities(self.project);
        let names = |kind| all.iter().filter(|e| e.kind == kind).map(|e| e.name.clone()).collect();
        Cast::of(names(EntityKind::Foreground), names(EntityKind::Background))
    }
}

pub(super) fn item(number: usize, changes: Vec<Change>) -> ProposalItem {
    ProposalItem { title: format!("Scene {number}"), changes }
}

/// The scenes that can be left out of a film, counted from 1: neither locked nor, where there are others, the first or the
/// last.
pub(super) fn left_out_of(project: &Project) -> Vec<usize> {
    let last = project.scenes.len();
    if last < 2 {
        return Vec::new();
    }
    let free: Vec<usize> = (1..=last).filter(|number| !project.scenes[number - 1].locked).collect();
    let inner: Vec<usize> = free.iter().copied().filter(|number| *number > 1 && *number < last).collect();
    if inner.is_empty() { free.into_iter().take(last - 1).collect() } else { inner }
}

/// The neighbourhood of a scene.
fn around(at: usize, count: usize) -> Range<usize> {
    at.saturating_sub(AROUND)..(at + AROUND + 1).min(count)
}

/// A scene whose fields have no line ends, which the form has no room for.
pub(super) fn one_line(scene: &ScriptScene) -> ScriptScene {
    ScriptScene {
        prompt: flat(&scene.prompt),
        foreground: scene.foreground.iter().map(|name| flat(name)).collect(),
        background: flat(&scene.background),
        camera: scene.camera,
    }
}

/// The camera that somebody asks for in so many words.
fn asked_camera(change: &str) -> Option<CameraMove> {
    let change = change.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| change.contains(word));
    let turns = |side: &str| {
        ["pan", "camera", "move", "moves", "tilt"].iter().any(|verb| {
            [format!("{verb} {side}"), format!("{verb} to the {side}")].iter().any(|asked| change.contains(asked))
        })
    };
    let direction = match () {
        () if has(&["closer", "close-up", "close up", "zoom in"]) => Direction::Forward,
        () if has(&["wider", "zoom out", "further away", "farther away"]) => Direction::Backward,
        () if has(&["static camera", "still camera", "camera still"]) => Direction::Static,
        () if turns("left") => Direction::Left,
        () if turns("right") => Direction::Right,
        () if turns("up") => Direction::Up,
        () if turns("down") => Direction::Down,
        () => return None,
    };
    let speed = if has(&["fast", "quick"]) { Speed::Fast } else { Speed::Slow };
    Some(CameraMove::new(direction, speed))
}
