//! Letting the model say a revision.

use super::super::casting::candidates;
use super::super::decode::Listener;
use super::super::error::WriterError;
use super::super::examples::scene_text;
use super::super::grammar::{self, SceneRules};
use super::super::plan::can_be_spelt;
use super::super::sampler::Sampler;
use super::super::script::{OnEvent, Writer, WriterEvent};
use super::super::template::Dialogue;
use super::super::text::{Phrase, camera_between, phrases, rule_camera};
use super::super::tidy::{Cast, tidy_prompt};
use super::super::{CameraRequest, DescribeRequest, likeness};
use super::tell::{Task, Told};
use super::{ReviseError, ReviseRequest, Revision, locked_note, locked_numbers};
use crate::progress::{Cancelled, Progress};
use crate::project::{
    CameraMove, Change, Direction, EntityKind, Project, Proposal, ProposalItem, Scene, SceneId, Script, ScriptScene,
    Speed, entities,
};

/// Scenes of a film that are said anew in one conversation.
const BATCH: usize = 8;
/// Scenes before and behind the one in question that the model is told of.
const AROUND: usize = 4;
/// Most names that the model is told.
const NAMES: usize = 14;
/// One scene of so many is left out of a film that is to be shorter.
const LEFT_OUT_OF: usize = 3;
/// Tokens of a scene.
const SCENE_TOKENS: usize = 110;
/// A new scene that is more alike to one that is there than this is said again, so often.
const REPEATED: f32 = 0.5;
const RETAKES: usize = 3;
/// Most words of a scene that had more than usual.
const MOST_WORDS: usize = 60;
/// Taken from the scores of pronouns: a picture of "she" shows anybody.
const PRONOUN: f32 = 4.0;
const PRONOUNS: [&str; 5] = [" he", " she", " they", " him", " them"];
/// Added to the scores of the words that show what the user wants, until they are said.
const WANTED: f32 = 1.5;
/// Steps that one scene counts for in the progress.
const SCENE_STEPS: u64 = 100;
/// Characters of a usual scene.
const SCENE_CHARS: usize = 200;

/// One scene of an answer.
enum Slot {
    /// Told again as it is, since it is locked.
    Kept(usize, ScriptScene),
    /// Said.
    Said {
        number: usize,
        /// Whether it begins with what shows the user's wish.
        shows: bool,
        /// The place that it keeps.
        place: Option<String>,
        /// What it may not say again, word for word.
        forbidden: Vec<String>,
        /// What it may not say much like.
        unlike: Vec<String>,
        most_words: usize,
    },
}

/// What becomes of the scenes that the model has said so far.
type Assemble<'a> = dyn Fn(&[ScriptScene]) -> Vec<ProposalItem> + 'a;

impl Writer {
    /// Makes a proposal of how to revise a film. `on_event` hears it grow.
    ///
    /// Nothing that the model says is ever unusable: scenes are said under a grammar, name whom they show by the film's
    /// names, and locked ones are left alone. Cancelling takes effect within one token, and leaves nothing behind.
    pub fn revise(
        &mut self,
        request: &ReviseRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Proposal, WriterError> {
        request.sampling.check()?;
        request.revision.check(&request.project)?;
        if let Some(proposal) = request.revision.by_rule(&request.project) {
            return Ok(proposal?);
        }
        let project = &*request.project;
        let mut proposal = Proposal { title: request.revision.title(project), ..Proposal::default() };
        match &request.revision {
            Revision::Cameras => self.propose_cameras(request, &mut proposal, progress, on_event)?,
            Revision::Describe { kind, name, wish } => {
                let text = self.describe_again(request, (*kind, name, wish), progress, on_event)?;
                let before = project.cast_entry(*kind, name).map_or(String::new(), |known| known.description.clone());
                if text != before {
                    let change = Change::Describe { kind: *kind, name: name.clone(), before, after: text };
                    proposal.items.push(ProposalItem { title: name.clone(), changes: vec![change] });
                }
            }
            Revision::Shorten => self.propose_shorter(request, &mut proposal, progress)?,
            _ => self.propose_scenes(request, &mut proposal, progress, on_event)?,
        }
        Ok(proposal)
    }

    fn propose_cameras(
        &mut self,
        request: &ReviseRequest,
        proposal: &mut Proposal,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<(), WriterError> {
        let project = &*request.project;
        let scenes: Vec<ScriptScene> = project.scenes.iter().filter_map(|s| project.script_scene(s.id)).collect();
        let fixed = project.scenes.iter().map(|scene| scene.locked.then_some(scene.camera)).collect();
        let cameras = CameraRequest {
            premise: project.premise.clone(),
            script: Script { scenes: scenes.clone() },
            fixed,
            seed: request.seed,
            sampling: request.sampling,
        };
        proposal.notes.extend(locked_note(&locked_numbers(project), "keeps its camera"));
        let moves = self.plan_cameras(&cameras, progress, on_event)?;
        let changed = project.scenes.iter().zip(&scenes).zip(moves).enumerate();
        proposal.items = changed
            .filter(|(_, ((scene, before), camera))| !scene.locked && before.camera != *camera)
            .map(|(index, ((scene, before), camera))| {
                let after = ScriptScene { camera, ..before.clone() };
                item(index + 1, vec![Change::Scene { id: scene.id, before: before.clone(), after }])
            })
            .collect();
        Ok(())
    }

    fn describe_again(
        &mut self,
        request: &ReviseRequest,
        (kind, name, wish): (EntityKind, &str, &str),
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<String, WriterError> {
        let project = &*request.project;
        let shows = |scene: &&Scene| scene.entity_names(kind).any(|known| known == name);
        // What the user wants is told as a part of the film, where looks are taken over from.
        let premise = match wish.trim().trim_end_matches('.') {
            "" => project.premise.clone(),
            wish => format!("{} {wish}. {}", grammar::subject(name), project.premise),
        };
        let about = DescribeRequest {
            premise,
            name: name.to_owned(),
            kind,
            scene: project.scenes.iter().find(shows).map_or(String::new(), |scene| scene.prompt.clone()),
            seed: request.seed,
            sampling: request.sampling,
        };
        progress.stage(&format!("describing {name}"));
        self.describe(&about, progress, on_event)
    }

    fn propose_shorter(
        &mut self,
        request: &ReviseRequest,
        proposal: &mut Proposal,
        progress: &dyn Progress,
    ) -> Result<(), WriterError> {
        let project = &*request.project;
        let mut free = left_out_of(project);
        let count = (project.scenes.len() / LEFT_OUT_OF).clamp(1, free.len());
        let told = told(project, Task::Shorten(count), "", 0..project.scenes.len());
        self.ask_revision(&told, count * 4, progress)?;
        progress.stage("choosing scenes");
        let mut sampler = Sampler::new(request.seed, request.sampling);
        let mut gone = Vec::new();
        while gone.len() < count {
            let before = if gone.is_empty() { "Leave out: " } else { ", " };
            let mut listener = Silently { progress };
            let said = self.decoder.speak(&grammar::number(before, &free), &mut sampler, &mut listener)?;
            let number: usize = said.trim_start_matches(before).trim().parse().unwrap_or(free[0]);
            free.retain(|known| *known != number);
            gone.push(number);
        }
        gone.sort_unstable();
        proposal.notes.extend(locked_note(&locked_numbers(project), "stays"));
        proposal.items = gone
            .into_iter()
            .filter_map(|number| {
                let id = project.scenes.get(number - 1)?.id;
                Some(item(number, vec![Change::Remove { id, before: project.script_scene(id)? }]))
            })
            .collect();
        Ok(())
    }

    /// Everything that the model answers with scenes.
    fn propose_scenes(
        &mut self,
        request: &ReviseRequest,
        proposal: &mut Proposal,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<(), WriterError> {
        let project = &*request.project;
        let scenes = &project.scenes;
        let index = |id: &SceneId| project.scene_index(*id).ok_or(ReviseError::NoScene);
        let mut cast = cast_of(project);
        let mut sampler = Sampler::new(request.seed, request.sampling);
        let seed = |index: usize, nth: usize| {
            scenes.get(index).map_or(0, |scene| scene.seed).wrapping_add(request.seed).wrapping_add(1000 + nth as u64)
        };
        let existing: Vec<String> = scenes.iter().map(|scene| scene.prompt.clone()).collect();
        let new = |number: usize| Slot::Said {
            number,
            shows: false,
            place: None,
            forbidden: existing.clone(),
            unlike: existing.clone(),
            most_words: 0,
        };
        let wish = match &request.revision {
            Revision::Rewrite { change, .. } | Revision::Film { change } => Some(change.as_str()),
            _ => None,
        };
        // A scene moves to another place only if somebody asks for one.
        let stays = wish.is_some_and(|wish| !phrases(wish).iter().any(Phrase::is_place));
        let place = |at: usize| Some(one_line(&project.script_scene(scenes[at].id)?).background);
        let anew = |number: usize, of: &[usize]| Slot::Said {
            number,
            shows: wish.is_some(),
            place: place(of[0]).filter(|place| stays && !place.is_empty()),
            forbidden: of.iter().flat_map(|at| [existing[*at].clone(), tidy_prompt(&existing[*at])]).collect(),
            unlike: Vec::new(),
            most_words: of.iter().map(|at| existing[*at].split_whitespace().count() + 6).max().unwrap_or(0),
        };
        let mut batch = Batch { cast: &mut cast, sampler: &mut sampler, progress, on_event };
        match &request.revision {
            Revision::Rewrite { scene, change } => {
                let at = index(scene)?;
                let told = told(project, Task::Rewrite(at + 1), change, around(at, scenes.len()));
                let camera = asked_camera(change);
                let assemble = |said: &[ScriptScene]| {
                    let after = said
                        .first()
                        .map(|after| ScriptScene { camera: camera.unwrap_or(after.camera), ..after.clone() });
                    one(project, at, after)
                };
                self.say_slots(&told, vec![anew(at + 1, &[at])], &[scenes[at].camera], proposal, &assemble, &mut batch)
            }
            Revision::Insert { after, wish } => {
                let at = after.as_ref().map(index).transpose()?.map_or(0, |index| index + 1);
                let told = told(project, Task::Insert(at + 1), wish, around(at, scenes.len()));
                let assemble = |said: &[ScriptScene]| {
                    let made = said.first().map(|scene| {
                        let around = [at.checked_sub(1), Some(at)].map(|at| at.and_then(|at| scenes.get(at)));
                        let camera = camera_between(around, at, &scene.prompt);
                        let scene = ScriptScene { camera, ..scene.clone() };
                        Change::Insert { after: *after, scene, seed: seed(at.saturating_sub(1), 0) }
                    });
                    made.into_iter()
                        .map(|change| ProposalItem { title: format!("New scene {}", at + 1), changes: vec![change] })
                        .collect()
                };
                self.say_slots(&told, vec![new(at + 1)], &[], proposal, &assemble, &mut batch)
            }
            Revision::Split { scene } => {
                let at = index(scene)?;
                let told = told(project, Task::Split(at + 1), "", around(at, scenes.len()));
                let assemble = |said: &[ScriptScene]| {
                    let mut items = one(project, at, said.first().cloned());
                    if let (Some(item), Some(second)) = (items.first_mut(), said.get(1)) {
                        let last = Some(scenes[at].camera.direction);
                        let camera = rule_camera(&second.prompt, at + 1, last);
                        let scene = ScriptScene { camera, ..second.clone() };
                        item.title = format!("Scene {} in two", at + 1);
                        item.changes.push(Change::Insert { after: Some(scenes[at].id), scene, seed: seed(at, 1) });
                    }
                    items
                };
                let slots = vec![anew(at + 1, &[at]), anew(at + 2, &[at])];
                self.say_slots(&told, slots, &[scenes[at].camera], proposal, &assemble, &mut batch)
            }
            Revision::Merge { scene } => {
                let at = index(scene)?;
                let told = told(project, Task::Merge(at + 1), "", around(at, scenes.len()));
                let assemble = |said: &[ScriptScene]| {
                    let mut items = one(project, at, said.first().cloned());
                    let gone = scenes.get(at + 1).and_then(|next| Some((next.id, project.script_scene(next.id)?)));
                    if let (Some(item), Some((id, before))) = (items.first_mut(), gone) {
                        item.title = format!("Scenes {} and {} in one", at + 1, at + 2);
                        item.changes.push(Change::Remove { id, before });
                    }
                    items
                };
                let slot = anew(at + 1, &[at, at + 1]);
                self.say_slots(&told, vec![slot], &[scenes[at].camera], proposal, &assemble, &mut batch)
            }
            Revision::Continue { scenes: count, wish } => {
                let last = scenes.len();
                let told = told(project, Task::Continue(*count as usize), wish, last.saturating_sub(2 * AROUND)..last);
                let assemble = |said: &[ScriptScene]| {
                    let mut direction = scenes.last().map(|scene| scene.camera.direction);
                    let made = said.iter().enumerate().map(|(nth, scene)| {
                        let camera = rule_camera(&scene.prompt, last + nth, direction);
                        direction = Some(camera.direction);
                        let scene = ScriptScene { camera, ..scene.clone() };
                        let after = scenes.last().map(|scene| scene.id);
                        let change = Change::Insert { after, scene, seed: seed(last - 1, nth) };
                        ProposalItem { title: format!("New scene {}", last + nth + 1), changes: vec![change] }
                    });
                    made.collect()
                };
                let slots = (0..*count as usize).map(|nth| new(last + nth + 1)).collect();
                self.say_slots(&told, slots, &[], proposal, &assemble, &mut batch)
            }
            Revision::Film { change } => {
                proposal.notes.extend(locked_note(&locked_numbers(project), "stays as it is"));
                let all: Vec<usize> = (0..scenes.len()).collect();
                let mut done = Vec::new();
                for part in all.chunks(BATCH).filter(|part| part.iter().any(|at| !scenes[*at].locked)) {
                    let (first, last) = (part[0], part[part.len() - 1]);
                    let told = told(project, Task::Film, change, first..last + 1);
                    let free: Vec<usize> = part.iter().copied().filter(|at| !scenes[*at].locked).collect();
                    let slots = part.iter().map(|at| match project.script_scene(scenes[*at].id) {
                        Some(scene) if scenes[*at].locked => Slot::Kept(at + 1, scene),
                        _ => anew(at + 1, &[*at]),
                    });
                    let cameras: Vec<CameraMove> = free.iter().map(|at| scenes[*at].camera).collect();
                    let before: Vec<ProposalItem> = std::mem::take(&mut done);
                    let assemble = |said: &[ScriptScene]| {
                        let new = free.iter().zip(said).flat_map(|(at, after)| one(project, *at, Some(after.clone())));
                        before.iter().cloned().chain(new).collect()
                    };
                    self.say_slots(&told, slots.collect(), &cameras, proposal, &assemble, &mut batch)?;
                    done.clone_from(&proposal.items);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Asks and lets the model fill the slots; `proposal` gets the items that `assemble` makes of what was said.
    fn say_slots(
        &mut self,
        told: &Told,
        slots: Vec<Slot>,
        cameras: &[CameraMove],
        proposal: &mut Proposal,
        assemble: &Assemble,
        batch: &mut Batch,
    ) -> Result<(), WriterError> {
        self.ask_revision(told, slots.len() * SCENE_TOKENS, batch.progress)?;
        batch.progress.stage("revising");
        let total = slots.len() as u64 * SCENE_STEPS;
        let mut said: Vec<ScriptScene> = Vec::new();
        for (nth, slot) in slots.into_iter().enumerate() {
            let done = nth as u64 * SCENE_STEPS;
            match slot {
                Slot::Kept(number, scene) => {
                    let text = scene_text(number - 1, &one_line(&scene));
                    let mut listener = Silently { progress: batch.progress };
                    self.decoder.speak(&grammar::literal(&text), batch.sampler, &mut listener)?;
                }
                Slot::Said { number, shows, place, forbidden, mut unlike, most_words } => {
                    unlike.extend(said.iter().map(|scene| scene.prompt.clone()));
                    let mut forbidden = forbidden;
                    forbidden.extend(said.iter().map(|scene| scene.prompt.clone()));
                    let camera = cameras.get(said.len()).copied().unwrap_or_default();
                    let steps = [done, total];
                    let rules = Rules { number, shows, place, forbidden, unlike, most_words, camera, steps };
                    let mut hear = |scene: &ScriptScene, batch_event: &mut OnEvent| {
                        let mut growing = said.clone();
                        growing.push(scene.clone());
                        proposal.items = assemble(&growing);
                        batch_event(WriterEvent::Proposal(proposal));
                    };
                    let scene = self.say_anew(&rules, batch, &mut hear)?;
                    said.push(scene);
                }
            }
        }
        proposal.items = assemble(&said);
        (batch.on_event)(WriterEvent::Proposal(proposal));
        Ok(batch.progress.step(total, total)?)
    }

    /// Puts the question, with as many examples as fit.
    fn ask_revision(&mut self, told: &Told, room: usize, progress: &dyn Progress) -> Result<(), WriterError> {
        let like = |task: Task| self.prompts.revise_examples.iter().filter(move |known| known.told.task.is_like(task));
        let mut examples: Vec<_> = like(told.task).collect();
        if examples.is_empty() {
            examples = self.prompts.revise_examples.iter().collect();
        }
        let question = told.text(&self.prompts);
        let build = |count: usize| {
            let mut dialogue = Dialogue::new(self.prompts.text("revise.txt"));
            for example in examples.iter().take(count) {
                dialogue.user(example.told.text(&self.prompts));
                dialogue.assistant(example.answer.as_str());
            }
            dialogue.user(question.as_str());
            dialogue
        };
        let (dialogue, _) = self.fit(&build, examples.len(), room, &mut Vec::new())?.map_err(|needed| {
            let context = self.decoder.context_len();
            WriterError::Context { context, needed, scenes: told.scenes.len() as u32 }
        })?;
        progress.stage("reading the script");
        let conversation = self.decoder.conversation(&dialogue, dialogue.len() - 1)?;
        self.decoder.start(conversation, &mut |read, total| progress.step(read as u64, total as u64))
    }

    /// Says one scene: place and action, again if it repeats what is there, then whom it shows.
    fn say_anew(
        &mut self,
        rules: &Rules,
        batch: &mut Batch,
        hear: &mut dyn FnMut(&ScriptScene, &mut OnEvent),
    ) -> Result<ScriptScene, WriterError> {
        let spelt = |names: &[String]| names.iter().filter(|name| can_be_spelt(name)).cloned().collect::<Vec<_>>();
        let (subjects, places) = (spelt(batch.cast.foreground()), spelt(batch.cast.background()));
        let header = format!("Scene {}\n", rules.number);
        let wanted = if rules.shows { self.say_what_shows_it(&header, batch)? } else { Vec::new() };
        let grammar = grammar::revised_scene(
            if rules.shows { "" } else { &header },
            &SceneRules {
                number: rules.number,
                taken_actions: rules.forbidden.iter().map(String::as_str).collect(),
                subjects: subjects.iter().map(String::as_str).collect(),
                somebody_new: true,
                places: places.iter().map(String::as_str).collect(),
            },
            rules.place.as_deref(),
            rules.most_words.min(MOST_WORDS),
        );
        let pronouns: Vec<u32> =
            PRONOUNS.iter().filter_map(|word| self.decoder.tokenize(word).first().copied()).collect();
        let leaning = Leaning { pronouns, wanted };
        let usual = batch.sampler.sampling.temperature;
        let mark = self.decoder.mark();
        let mut best: Option<(f32, String, Vec<u32>)> = None;
        for take in 0..=RETAKES {
            batch.sampler.sampling.temperature = usual + 0.15 * take as f32;
            let base = ScriptScene { camera: rules.camera, ..ScriptScene::default() };
            let said = self.speak_scene(&grammar, base, rules, &leaning, batch, hear);
            batch.sampler.sampling.temperature = usual;
            let text = said?;
            let action = read(&text, ScriptScene::default()).prompt;
            let repeats = rules.unlike.iter().map(|known| likeness(known, &action)).fold(0.0, f32::max);
            if best.as_ref().is_none_or(|(least, ..)| repeats < *least) {
                best = Some((repeats, text, self.decoder.since(mark)));
            }
            if repeats <= REPEATED || take == RETAKES {
                break;
            }
            self.decoder.back_to(mark);
        }
        let (_, text, tokens) = best.expect("at least one take was made");
        if self.decoder.since(mark) != tokens {
            self.decoder.back_to(mark);
            self.decoder.repeat(&tokens);
        }
        let mut scene = read(&text, ScriptScene { camera: rules.camera, ..ScriptScene::default() });
        let (action, names) = candidates(&tidy_prompt(&scene.prompt), &scene.background, batch.cast);
        scene.prompt = action;
        let who = self.speak_scene(&grammar::who(&names), scene.clone(), rules, &leaning, batch, hear)?;
        Ok(batch.cast.admit(read(&who, scene)))
    }

    /// Says which things show what the user wants. They are called for afterwards.
    fn say_what_shows_it(&mut self, header: &str, batch: &mut Batch) -> Result<Vec<(String, u32)>, WriterError> {
        let mut listener = Silently { progress: batch.progress };
        let said = self.decoder.speak(&grammar::shown_things(header), batch.sampler, &mut listener)?;
        let things = said.rsplit("shows: ").next().unwrap_or_default().trim();
        let words = things.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3);
        let token = |word: &str| self.decoder.tokenize(&format!(" {word}")).first().copied();
        Ok(words.filter_map(|word| Some((word.to_owned(), token(word)?))).collect())
    }

    fn speak_scene(
        &mut self,
        grammar: &str,
        base: ScriptScene,
        rules: &Rules,
        leaning: &Leaning,
        batch: &mut Batch,
        hear: &mut dyn FnMut(&ScriptScene, &mut OnEvent),
    ) -> Result<String, WriterError> {
        let Batch { sampler, progress, on_event, .. } = batch;
        let mut listener =
            Hearing { base, heard_bytes: 0, steps: rules.steps, leaning, progress: *progress, on_event, hear };
        self.decoder.speak(grammar, sampler, &mut listener)
    }
}

/// What all scenes of one revision share.
struct Batch<'a, 'b> {
    cast: &'a mut Cast,
    sampler: &'a mut Sampler,
    progress: &'a dyn Progress,
    on_event: &'a mut OnEvent<'b>,
}

/// Tokens that an action should rather have, or not have.
struct Leaning {
    pronouns: Vec<u32>,
    /// First tokens of words.
    wanted: Vec<(String, u32)>,
}

/// What one scene has to keep to.
struct Rules {
    number: usize,
    shows: bool,
    place: Option<String>,
    forbidden: Vec<String>,
    unlike: Vec<String>,
    most_words: usize,
    camera: CameraMove,
    /// Steps that are done, and all.
    steps: [u64; 2],
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

/// All names of a film.
fn cast_of(project: &Project) -> Cast {
    let all = entities(project);
    let names = |kind| all.iter().filter(|e| e.kind == kind).map(|e| e.name.clone()).collect();
    Cast::of(names(EntityKind::Foreground), names(EntityKind::Background))
}

fn told(project: &Project, task: Task, wish: &str, scenes: std::ops::Range<usize>) -> Told {
    let mut all = entities(project);
    all.sort_by_key(|entity| std::cmp::Reverse(entity.scenes.len()));
    let names = |kind| {
        let of_kind = all.iter().filter(|entity| entity.kind == kind && !entity.scenes.is_empty());
        of_kind.take(NAMES).map(|entity| entity.name.clone()).collect()
    };
    let scenes = scenes.filter_map(|at| Some((at + 1, one_line(&project.script_scene(project.scenes.get(at)?.id)?))));
    let premise: String = project.premise.split_whitespace().collect::<Vec<_>>().join(" ");
    Told {
        premise: premise.chars().take(600).collect(),
        cast: names(EntityKind::Foreground),
        places: names(EntityKind::Background),
        scenes: scenes.collect(),
        task,
        wish: wish.to_owned(),
    }
}

/// The neighbourhood of a scene.
fn around(at: usize, count: usize) -> std::ops::Range<usize> {
    at.saturating_sub(AROUND)..(at + AROUND + 1).min(count)
}

/// A scene whose fields have no line ends, which the form has no room for.
fn one_line(scene: &ScriptScene) -> ScriptScene {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    ScriptScene {
        prompt: flat(&scene.prompt),
        foreground: scene.foreground.iter().map(|name| flat(name)).collect(),
        background: flat(&scene.background),
        camera: scene.camera,
    }
}

fn item(number: usize, changes: Vec<Change>) -> ProposalItem {
    ProposalItem { title: format!("Scene {number}"), changes }
}

/// Other words for one scene. What has not been said yet stays.
fn one(project: &Project, at: usize, said: Option<ScriptScene>) -> Vec<ProposalItem> {
    let id = project.scenes[at].id;
    let (Some(before), Some(said)) = (project.script_scene(id), said) else { return Vec::new() };
    let after = ScriptScene {
        prompt: if said.prompt.is_empty() { before.prompt.clone() } else { said.prompt },
        foreground: if said.foreground.is_empty() { before.foreground.clone() } else { said.foreground },
        background: if said.background.is_empty() { before.background.clone() } else { said.background },
        camera: said.camera,
    };
    vec![item(at + 1, vec![Change::Scene { id, before, after }])]
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

/// Adds to `base` what was said of a scene so far.
fn read(said: &str, base: ScriptScene) -> ScriptScene {
    let mut scene = base;
    for (field, value) in said.lines().filter_map(|line| line.split_once(": ")) {
        match field {
            "action" => value.clone_into(&mut scene.prompt),
            "who" => scene.foreground = value.split(", ").map(str::to_owned).collect(),
            "where" => value.clone_into(&mut scene.background),
            _ => {}
        }
    }
    scene
}

/// Hears what is forced or too short to tell of.
struct Silently<'a> {
    progress: &'a dyn Progress,
}

impl Listener for Silently<'_> {
    fn heard(&mut self, _text: &str) -> Result<(), Cancelled> {
        self.progress.step(0, 0)
    }
}

struct Hearing<'a, 'b> {
    base: ScriptScene,
    heard_bytes: usize,
    steps: [u64; 2],
    leaning: &'a Leaning,
    progress: &'a dyn Progress,
    on_event: &'a mut OnEvent<'b>,
    hear: &'a mut dyn FnMut(&ScriptScene, &mut OnEvent),
}

impl Listener for Hearing<'_, '_> {
    fn heard(&mut self, text: &str) -> Result<(), Cancelled> {
        if text.len() > self.heard_bytes {
            self.heard_bytes = text.len();
            (self.hear)(&read(text, self.base.clone()), self.on_event);
        }
        let chars = (text.len() + self.base.prompt.len()) as u64;
        let part = (chars * SCENE_STEPS / SCENE_CHARS as u64).min(SCENE_STEPS - 1);
        self.progress.step(self.steps[0] + part, self.steps[1])
    }

    fn weigh(&mut self, text: &str, scores: &mut [f32]) {
        if text.rsplit('\n').next().is_some_and(|line| line.starts_with("action:")) {
            for id in &self.leaning.pronouns {
                if let Some(score) = scores.get_mut(*id as usize) {
                    *score -= PRONOUN;
                }
            }
            let action = text.rsplit('\n').next().unwrap_or_default();
            for (_, id) in self.leaning.wanted.iter().filter(|(word, _)| !action.contains(word.as_str())) {
                if let Some(score) = scores.get_mut(*id as usize) {
                    *score += WANTED;
                }
            }
        }
    }
}
