//! Letting a model on this machine say the words of a revision.

use super::super::casting::candidates;
use super::super::decode::Listener;
use super::super::error::WriterError;
use super::super::examples::scene_text;
use super::super::grammar::{self, SceneRules};
use super::super::likeness;
use super::super::plan::can_be_spelt;
use super::super::prompts::Prompts;
use super::super::sampler::Sampler;
use super::super::scenes::{PRONOUN, PRONOUNS, SCENE_STEPS, STOP, growing_steps, lean, lean_to_end, read_scene};
use super::super::script::{OnEvent, Writer, WriterEvent};
use super::super::template::Dialogue;
use super::super::tidy::tidy_prompt;
use super::super::{CameraRequest, DescribeRequest};
use super::ReviseRequest;
use super::asked::{Asked, Rules, Slot};
use super::examples::{LEAVE_OUT, ReviseExample};
use super::propose::{Batch, SecondAuthor, propose};
use super::tell::{Task, Told};
use crate::progress::{Cancelled, Progress};
use crate::project::{CameraMove, Proposal, ScriptScene};
use std::collections::BTreeSet;

/// Tokens of a scene.
const SCENE_TOKENS: usize = 110;
/// A new scene that is more alike to one that is there than this is said again, so often.
const REPEATED: f32 = 0.5;
const RETAKES: u32 = 3;
/// Tokens that a scene's number takes.
const NUMBER_TOKENS: usize = 4;
/// Most words of a scene that had more than usual.
const MOST_WORDS: usize = 60;
/// Added to the scores of the words that show what the user wants, until they are said.
const WANTED: f32 = 2.5;
/// Taken from the scores of words that the film has already, where the model names what shows the wish.
const KNOWN: f32 = 4.0;

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
        propose(self, request, progress, on_event)
    }
}

impl SecondAuthor for Writer {
    fn say_scenes(&mut self, asked: Asked, proposal: &mut Proposal, batch: &mut Batch) -> Result<(), WriterError> {
        let Asked { told, slots, assemble } = asked;
        self.ask_revision(&told, slots.len() * SCENE_TOKENS, batch.progress)?;
        batch.progress.stage("revising");
        let total = slots.len() as u64 * SCENE_STEPS;
        let mut said: Vec<ScriptScene> = Vec::new();
        for (nth, slot) in slots.into_iter().enumerate() {
            let mut rules = match slot {
                Slot::Kept(number, scene) => {
                    let text = scene_text(number - 1, &scene);
                    let mut listener = Silently { progress: batch.progress };
                    self.decoder.speak(&grammar::literal(&text), batch.sampler, &mut listener)?;
                    continue;
                }
                Slot::Said(rules) => rules,
            };
            let earlier = || said.iter().map(|scene| scene.prompt.clone());
            rules.unlike.extend(earlier());
            rules.forbidden.extend(earlier());
            let mut hear = |scene: &ScriptScene, on_event: &mut OnEvent| {
                let mut growing = said.clone();
                growing.push(scene.clone());
                proposal.items = assemble(&growing);
                on_event(WriterEvent::Proposal(proposal));
            };
            let steps = [nth as u64 * SCENE_STEPS, total];
            let scene = self.say_anew(&rules, steps, batch, &mut hear)?;
            said.push(scene);
        }
        proposal.items = assemble(&said);
        (batch.on_event)(WriterEvent::Proposal(proposal));
        Ok(batch.progress.step(total, total)?)
    }

    fn say_moves(
        &mut self,
        request: &CameraRequest,
        _notes: &mut Vec<String>,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Vec<CameraMove>, WriterError> {
        self.plan_cameras(request, progress, on_event)
    }

    fn say_looks(
        &mut self,
        request: &DescribeRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<String, WriterError> {
        self.describe(request, progress, on_event)
    }

    fn leave_out(
        &mut self,
        told: &Told,
        count: usize,
        mut free: Vec<usize>,
        request: &ReviseRequest,
        progress: &dyn Progress,
    ) -> Result<Vec<usize>, WriterError> {
        self.ask_revision(told, count * NUMBER_TOKENS, progress)?;
        progress.stage("choosing scenes");
        let mut sampler = Sampler::new(request.seed, request.sampling);
        let mut gone = Vec::new();
        while gone.len() < count {
            let before = if gone.is_empty() { LEAVE_OUT } else { ", " };
            let mut listener = Silently { progress };
            let said = self.decoder.speak(&grammar::number(before, &free), &mut sampler, &mut listener)?;
            let number: usize = said.trim_start_matches(before).trim().parse().unwrap_or(free[0]);
            free.retain(|known| *known != number);
            gone.push(number);
        }
        Ok(gone)
    }
}

/// The conversation about a revision, with so many examples of the same kind.
pub(in crate::writer) fn dialogue(prompts: &Prompts, told: &Told, examples: usize) -> Dialogue {
    let mut dialogue = Dialogue::new(prompts.text("revise.txt"));
    for example in examples_like(prompts, told.task).iter().take(examples) {
        dialogue.user(example.told.text(prompts));
        dialogue.assistant(example.answer.as_str());
    }
    dialogue.user(told.text(prompts));
    dialogue
}

/// Finished revisions of the same kind, or all where there is none.
pub(in crate::writer) fn examples_like(prompts: &Prompts, task: Task) -> Vec<&ReviseExample> {
    let all = &prompts.revise_examples;
    let like: Vec<_> = all.iter().filter(|known| known.told.task.is_like(task)).collect();
    if like.is_empty() { all.iter().collect() } else { like }
}

impl Writer {
    /// Puts the question, with as many examples as fit.
    fn ask_revision(&mut self, told: &Told, room: usize, progress: &dyn Progress) -> Result<(), WriterError> {
        let examples = examples_like(&self.prompts, told.task).len();
        let build = |count: usize| dialogue(&self.prompts, told, count);
        let (dialogue, _) = self.fit(&build, examples, room, &mut Vec::new())?.map_err(|needed| {
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
        steps: [u64; 2],
        batch: &mut Batch,
        hear: &mut dyn FnMut(&ScriptScene, &mut OnEvent),
    ) -> Result<ScriptScene, WriterError> {
        let spelt = |names: &[String]| names.iter().filter(|name| can_be_spelt(name)).cloned().collect::<Vec<_>>();
        let (subjects, places) = (spelt(batch.cast.foreground()), spelt(batch.cast.background()));
        let header = format!("Scene {}\n", rules.number);
        let wanted = if rules.shows { self.say_what_shows_it(&header, rules, batch)? } else { Vec::new() };
        let most_words = rules.most_words.clamp(grammar::ACTION_WORDS[1], MOST_WORDS);
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
            most_words,
        );
        let pronouns = PRONOUNS.iter().filter_map(|word| self.decoder.tokenize(word).first().copied()).collect();
        let base = ScriptScene { camera: rules.camera, ..ScriptScene::default() };
        let stop = self.decoder.tokenize(STOP).first().copied();
        let leaning = Leaning { pronouns, wanted, stop, most_words, steps };
        let text = self.say_changed_action(&grammar, &base, &rules.unlike, &leaning, batch, hear)?;
        let mut scene = read_scene(&text, base);
        let (action, names) = candidates(&tidy_prompt(&scene.prompt), &scene.background, batch.cast);
        scene.prompt = action;
        let Batch { cast, sampler, progress, on_event, .. } = batch;
        let audience = (&mut **sampler, *progress, &mut **on_event);
        let who = self.speak_scene(&grammar::who(&names), scene.clone(), &leaning, audience, hear)?;
        Ok(cast.admit(read_scene(&who, scene)))
    }

    /// Says place and action, again if they are much like what is there.
    fn say_changed_action(
        &mut self,
        grammar: &str,
        base: &ScriptScene,
        unlike: &[String],
        leaning: &Leaning,
        batch: &mut Batch,
        hear: &mut dyn FnMut(&ScriptScene, &mut OnEvent),
    ) -> Result<String, WriterError> {
        let Batch { sampler, progress, on_event, .. } = batch;
        let (text, _) = self.say_apart(REPEATED, RETAKES, sampler, |writer, sampler| {
            let text = writer.speak_scene(grammar, base.clone(), leaning, (sampler, *progress, on_event), hear)?;
            let action = read_scene(&text, ScriptScene::default()).prompt;
            let repeats = unlike.iter().map(|known| likeness(known, &action)).fold(0.0, f32::max);
            Ok((text, repeats))
        })?;
        Ok(text)
    }

    /// Says which things show what the user wants. They are called for afterwards.
    fn say_what_shows_it(
        &mut self,
        header: &str,
        rules: &Rules,
        batch: &mut Batch,
    ) -> Result<Vec<(String, u32)>, WriterError> {
        let known = rules.forbidden.iter().chain(&rules.unlike).chain(batch.cast.foreground()).chain(&batch.shown);
        let known = known.flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).filter(|word| word.len() > 3);
        let first = |word: &str| self.decoder.tokenize(&format!(" {}", word.to_lowercase())).first().copied();
        let known: BTreeSet<u32> = known.filter_map(first).collect();
        let mut listener = Naming { known, progress: batch.progress };
        let said = self.decoder.speak(&grammar::shown_things(header), batch.sampler, &mut listener)?;
        let things = said.rsplit("shows: ").next().unwrap_or_default().trim();
        let words = things.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3);
        let token = |word: &str| self.decoder.tokenize(&format!(" {word}")).first().copied();
        let wanted = words.filter_map(|word| Some((word.to_owned(), token(word)?))).collect();
        batch.shown.push(things.to_owned());
        Ok(wanted)
    }

    fn speak_scene(
        &mut self,
        grammar: &str,
        base: ScriptScene,
        leaning: &Leaning,
        (sampler, progress, on_event): (&mut Sampler, &dyn Progress, &mut OnEvent),
        hear: &mut dyn FnMut(&ScriptScene, &mut OnEvent),
    ) -> Result<String, WriterError> {
        let mut listener = Hearing { base, heard_bytes: 0, leaning, progress, on_event, hear };
        self.decoder.speak(grammar, sampler, &mut listener)
    }
}

/// Tokens that an action should rather have, or not have; and how far the revision is.
struct Leaning {
    /// Steps that are done, and all.
    steps: [u64; 2],
    pronouns: Vec<u32>,
    /// First tokens of words.
    wanted: Vec<(String, u32)>,
    stop: Option<u32>,
    /// Most words that an action may have.
    most_words: usize,
}

/// Hears what is forced or too short to tell of.
pub(super) struct Silently<'a> {
    pub progress: &'a dyn Progress,
}

impl Listener for Silently<'_> {
    fn heard(&mut self, _text: &str) -> Result<(), Cancelled> {
        self.progress.step(0, 0)
    }
}

/// Leans towards what the film does not have yet.
struct Naming<'a> {
    known: BTreeSet<u32>,
    progress: &'a dyn Progress,
}

impl Listener for Naming<'_> {
    fn heard(&mut self, _text: &str) -> Result<(), Cancelled> {
        self.progress.step(0, 0)
    }

    fn weigh(&mut self, _text: &str, _said: &[u32], scores: &mut [f32]) {
        lean(self.known.iter().map(|id| (*id, -KNOWN)), scores);
    }
}

struct Hearing<'a, 'b> {
    base: ScriptScene,
    heard_bytes: usize,
    leaning: &'a Leaning,
    progress: &'a dyn Progress,
    on_event: &'a mut OnEvent<'b>,
    hear: &'a mut dyn FnMut(&ScriptScene, &mut OnEvent),
}

impl Listener for Hearing<'_, '_> {
    fn heard(&mut self, text: &str) -> Result<(), Cancelled> {
        if text.len() > self.heard_bytes {
            self.heard_bytes = text.len();
            (self.hear)(&read_scene(text, self.base.clone()), self.on_event);
        }
        let part = growing_steps(text.len() + self.base.prompt.len());
        self.progress.step(self.leaning.steps[0] + part, self.leaning.steps[1])
    }

    fn weigh(&mut self, text: &str, _said: &[u32], scores: &mut [f32]) {
        let Some(action) = text.rsplit('\n').next().and_then(|line| line.strip_prefix("action:")) else { return };
        let Leaning { pronouns, wanted, stop, most_words, .. } = self.leaning;
        lean(pronouns.iter().map(|id| (*id, -PRONOUN)), scores);
        let wanted = wanted.iter().filter(|(word, _)| !action.contains(word.as_str()));
        lean(wanted.map(|(_, id)| (*id, WANTED)), scores);
        lean_to_end(action, *most_words, *stop, scores);
    }
}
