//! Saying the plan and the scenes: what may follow, and who listens.

use super::casting::{candidates, occurrence};
use super::decode::Listener;
use super::error::WriterError;
use super::grammar::{self, SceneRules};
use super::likeness;
use super::plan::{Plan, PremiseNames, is_english};
use super::sampler::Sampler;
use super::script::{OnEvent, Writer, WriterEvent};
use super::text::{CameraPlan, is_verb};
use super::tidy::{Cast, tidy_prompt};
use crate::progress::{Cancelled, Progress};
use crate::project::ScriptScene;
use std::collections::HashSet;

/// An action that is more alike to an earlier one than this, names aside, is said again.
const REPEATED: f32 = 0.4;
/// How often scenes of one script are said again because they repeat an earlier one, in all and for one scene.
const RETAKES: u32 = 6;
const SCENE_RETAKES: u32 = 3;
/// How much is added to the temperature each time.
const BOLDER: f32 = 0.15;
/// A small model copies the number of scenes from the examples: the scores are multiplied by this, so that it varies.
const COPIED: f32 = 0.4;
/// Words that leave open whom a picture shows, and what is taken from their scores: a picture of "she" shows anybody.
pub(super) const PRONOUN: f32 = 4.0;
pub(super) const PRONOUNS: [&str; 5] = [" he", " she", " they", " him", " them"];
/// Words that make an action hard to draw, and what is taken from their scores: nobody sees what somebody decides.
const HARD_TO_DRAW: [(f32, &[&str]); 2] = [
    (PRONOUN, &PRONOUNS),
    (
        2.5,
        &[
            " is",
            " are",
            " was",
            " were",
            " has",
            " realizes",
            " decides",
            " wants",
            " thinks",
            " feels",
            " learns",
            " knows",
            " remembers",
            " begins",
            " starts",
            " continues",
            " tries",
            " hopes",
            " believes",
        ],
    ),
];
/// Added to the score of a full stop for each of the last words that an action may have: who rambles comes to an end.
const ENDING: f32 = 0.75;
const ENDING_WORDS: usize = 8;
/// Taken from the scores of a verb that an earlier action has right after its subject, too.
const DONE_BEFORE: f32 = 6.0;
/// Most people or things that are not in the plan and begin an action all the same.
const NEWCOMERS: usize = 2;
/// Most scenes in a row that begin with the same name.
const IN_A_ROW: usize = 2;
/// Steps that one scene counts for in the progress of a script.
pub(super) const SCENE_STEPS: u64 = 100;
/// Characters of a usual scene.
const SCENE_CHARS: usize = 200;

/// The steps that so many characters of a scene count for, as long as it is not there.
pub(super) fn growing_steps(chars: usize) -> u64 {
    ((chars * SCENE_STEPS as usize / SCENE_CHARS) as u64).min(SCENE_STEPS - 1)
}

/// The scenes of a script that is being written.
pub(super) struct Scenes<'a> {
    plan: &'a Plan,
    cast: Cast,
    done: Vec<ScriptScene>,
    /// Who can begin an action.
    subjects: Vec<String>,
    /// Who began each action so far.
    begun: Vec<String>,
    /// Actions as they were said, before their names were tidied.
    actions: Vec<String>,
    /// First tokens of what followed the subject of each action so far.
    verbs: HashSet<u32>,
    newcomers: usize,
    /// The moves that the scenes have until the camera is planned.
    camera: CameraPlan,
    /// First tokens of words that earlier actions have used up.
    worn: HashSet<u32>,
    /// Tokens that make an action hard to draw, with what is taken from their scores.
    hard_to_draw: Vec<(f32, u32)>,
    /// Tokens that may be said again and again.
    small: Vec<u32>,
    stop: Option<u32>,
    retakes_left: u32,
}

/// Who follows the writing of a script.
pub(super) struct Audience<'a, 'b> {
    /// Number of scenes that there will be.
    pub count: usize,
    pub progress: &'a dyn Progress,
    pub on_event: &'a mut OnEvent<'b>,
}

impl<'a> Scenes<'a> {
    pub fn new(plan: &'a Plan, tokenize: impl Fn(&str) -> Vec<u32>) -> Self {
        Self {
            plan,
            cast: Cast::of(plan.cast.clone(), plan.places.clone()),
            done: Vec::new(),
            subjects: plan.cast.clone(),
            begun: Vec::new(),
            actions: Vec::new(),
            verbs: HashSet::new(),
            newcomers: 0,
            camera: CameraPlan::default(),
            worn: HashSet::new(),
            hard_to_draw: HARD_TO_DRAW
                .iter()
                .flat_map(|(much, words)| words.iter().map(move |word| (*much, *word)))
                .filter_map(|(much, word)| match tokenize(word)[..] {
                    [token] => Some((much, token)),
                    // The beginning of a word may begin others, too.
                    _ => None,
                })
                .collect(),
            small: small_tokens(&tokenize),
            stop: tokenize(STOP).first().copied(),
            retakes_left: RETAKES,
        }
    }

    pub fn done(&self) -> &[ScriptScene] {
        &self.done
    }

    pub fn into_done(self) -> Vec<ScriptScene> {
        self.done
    }

    /// How often a scene was said again.
    pub fn retakes(&self) -> u32 {
        RETAKES - self.retakes_left
    }

    /// Adds a finished scene. The words of its action are worn from now on, but for names and small words.
    pub fn add(&mut self, scene: ScriptScene, tokenize: impl Fn(&str) -> Vec<u32>) {
        let rest = self.without_names(&scene.prompt);
        let words = rest.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 3);
        let token = |word: &str| tokenize(&format!(" {word}")).first().copied();
        self.worn.extend(words.filter_map(token));
        let verb = self.subject(&scene.prompt).map(|name| &scene.prompt[grammar::subject(name).len()..]);
        let verb = verb.and_then(|rest| rest.split_whitespace().next()).filter(|word| is_verb(word));
        self.verbs.extend(verb.and_then(token));
        self.done.push(scene);
    }

    /// What the next scene may be.
    fn rules(&self) -> SceneRules<'_> {
        let done = &self.done;
        let shown = |name: &String| done.iter().any(|scene| scene.foreground.contains(name));
        let recurs = done.iter().enumerate().any(|(i, scene)| {
            scene.foreground.iter().any(|name| done[..i].iter().any(|earlier| earlier.foreground.contains(name)))
        });
        // A film follows somebody: by the third scene at the latest someone comes back.
        let must_recur = done.len() >= 2 && !recurs;
        let pool: Vec<&String> = match must_recur {
            // The cast begins with whom the premise names, and so does the film.
            false if done.is_empty() => self.subjects.iter().take(1).collect(),
            false => self.subjects.iter().collect(),
            true => self.subjects.iter().chain(self.cast.foreground()).filter(|name| shown(name)).collect(),
        };
        let last = self.begun.last().filter(|last| {
            let row = self.begun.iter().rev().take_while(|name| name == last).count();
            row >= IN_A_ROW
        });
        let others: Vec<&String> = pool.iter().copied().filter(|name| Some(*name) != last).collect();
        let mut subjects: Vec<&str> = Vec::new();
        for name in if others.is_empty() { pool } else { others } {
            if !subjects.contains(&name.as_str()) {
                subjects.push(name);
            }
        }
        let last_is_known = self.begun.last().is_some_and(|last| self.plan.cast.contains(last));
        SceneRules {
            number: done.len() + 1,
            taken_actions: self
                .actions
                .iter()
                .chain(done.iter().map(|scene| &scene.prompt))
                .map(String::as_str)
                .collect(),
            subjects,
            somebody_new: !must_recur && last_is_known && self.newcomers < NEWCOMERS,
            places: self.plan.places.iter().map(String::as_str).collect(),
        }
    }

    /// Notes who begins the next scene's action.
    fn note_subject(&mut self, action: &str) {
        match self.subject(action).cloned() {
            Some(name) => self.begun.push(name),
            None => {
                self.newcomers += 1;
                self.begun.push(String::new());
            }
        }
    }

    /// The known name that an action begins with.
    fn subject(&self, action: &str) -> Option<&String> {
        let begins = |name: &&String| action.starts_with(&grammar::subject(name));
        self.subjects.iter().chain(self.cast.foreground()).filter(begins).max_by_key(|name| name.len())
    }

    /// How alike an action is to the earlier one that is most alike.
    fn likest(&self, action: &str) -> f32 {
        let rest = self.without_names(action);
        let likenesses = self.done.iter().map(|scene| likeness(&self.without_names(&scene.prompt), &rest));
        likenesses.fold(0.0, f32::max)
    }

    /// An action without the names of the cast and of places, which all scenes share.
    fn without_names(&self, action: &str) -> String {
        let mut rest = action.to_owned();
        for name in self.cast.foreground().iter().chain(&self.plan.places) {
            while let Some(at) = occurrence(&rest, name) {
                rest.replace_range(at, "");
            }
        }
        rest
    }
}

impl Writer {
    /// Says the plan: first the premise in English, where it is in another language.
    pub(super) fn say_plan(
        &mut self,
        premise: &str,
        counts: &[u32],
        said: &mut String,
        sampler: &mut Sampler,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Plan, WriterError> {
        let small = small_tokens(|word| self.decoder.tokenize(word));
        let repetition = sampler.sampling.repetition;
        let mut listener = Planning { progress, on_event, before: String::new(), small, repetition };
        if !is_english(premise) {
            // A translation is no place for boldness.
            let temperature = std::mem::replace(&mut sampler.sampling.temperature, 0.0);
            let english = self.decoder.speak(&grammar::in_english(), sampler, &mut listener);
            sampler.sampling.temperature = temperature;
            said.push_str(&english?);
            listener.before.clone_from(said);
        }
        let english = Plan::read(said).english;
        let names = PremiseNames::of(english.as_deref().unwrap_or(premise));
        said.push_str(&self.decoder.speak(&grammar::plan(&names, counts), sampler, &mut listener)?);
        let plan = Plan::read(said).tidied(&names);
        if plan.scenes == 0 {
            return Err(WriterError::Grammar("the plan has no scene count".to_owned()));
        }
        Ok(plan)
    }

    /// Says the scene after those that are done, again if it repeats one of them.
    pub(super) fn say_scene(
        &mut self,
        scenes: &mut Scenes,
        said: &mut String,
        sampler: &mut Sampler,
        audience: &mut Audience,
    ) -> Result<ScriptScene, WriterError> {
        let text = self.say_action(scenes, sampler, audience)?;
        let mut scene = read_scene(&text, ScriptScene::default());
        scenes.actions.push(scene.prompt.clone());
        let (action, names) = candidates(&tidy_prompt(&scene.prompt), &scene.background, &scenes.cast);
        scene.prompt = action;
        let mut listener = Listening::new(scenes, sampler.sampling.repetition, audience);
        listener.before = scene.clone();
        let who = self.decoder.speak(&grammar::who(&names), sampler, &mut listener)?;
        let mut scene = read_scene(&who, scene);
        said.push_str(&text);
        said.push_str(&who);
        scene.camera = scenes.camera.next(&scene.prompt, None);
        let scene = scenes.cast.admit(scene);
        scenes.note_subject(&scene.prompt);
        Ok(scene)
    }

    /// Says place and action of the next scene.
    fn say_action(
        &mut self,
        scenes: &mut Scenes,
        sampler: &mut Sampler,
        audience: &mut Audience,
    ) -> Result<String, WriterError> {
        let grammar = grammar::scene(&scenes.rules());
        let most = SCENE_RETAKES.min(scenes.retakes_left);
        let (text, retakes) = self.say_apart(REPEATED, most, sampler, |writer, sampler| {
            let mut listener = Listening::new(scenes, sampler.sampling.repetition, audience);
            let text = writer.decoder.speak(&grammar, sampler, &mut listener)?;
            let repeats = scenes.likest(&read_scene(&text, ScriptScene::default()).prompt);
            Ok((text, repeats))
        })?;
        scenes.retakes_left -= retakes;
        Ok(text)
    }

    /// Says a text, and again as long as it repeats more than `repeated`, bolder each time, at most so many times more.
    /// `say` tells with each text how much it repeats. The text that repeats least stays; with it comes how often more it
    /// was said.
    pub(super) fn say_apart<F>(
        &mut self,
        repeated: f32,
        retakes: u32,
        sampler: &mut Sampler,
        mut say: F,
    ) -> Result<(String, u32), WriterError>
    where
        F: FnMut(&mut Self, &mut Sampler) -> Result<(String, f32), WriterError>,
    {
        let usual = sampler.sampling.temperature;
        let mark = self.decoder.mark();
        let mut best: Option<(f32, String, Vec<u32>)> = None;
        let mut take = 0;
        loop {
            sampler.sampling.temperature = usual + BOLDER * take as f32;
            let said = say(self, sampler);
            sampler.sampling.temperature = usual;
            let (text, repeats) = said?;
            if best.as_ref().is_none_or(|(least, ..)| repeats < *least) {
                best = Some((repeats, text, self.decoder.since(mark)));
            }
            if repeats <= repeated || take == retakes {
                break;
            }
            take += 1;
            self.decoder.back_to(mark);
        }
        let (_, text, tokens) = best.expect("at least one take was made");
        if self.decoder.since(mark) != tokens {
            // An earlier take was better.
            self.decoder.back_to(mark);
            self.decoder.repeat(&tokens);
        }
        Ok((text, take))
    }
}

/// What ends an action.
pub(super) const STOP: &str = ".";

/// Words that no text can do without.
const SMALL_WORDS: [&str; 26] = [
    ",", ".", " and", " with", " a", " an", " the", " of", " in", " on", " to", " from", " at", " by", " for", " into",
    " its", " his", " her", " their", " while", " as", " is", " has", " over", " under",
];

/// The tokens of small words, which may be said again and again.
pub(super) fn small_tokens(tokenize: impl Fn(&str) -> Vec<u32>) -> Vec<u32> {
    SMALL_WORDS.iter().filter_map(|word| tokenize(word).first().copied()).collect()
}

/// Makes tokens less likely by the usual repetition penalty, each once.
pub(super) fn wear<'a>(tokens: impl Iterator<Item = &'a u32>, penalty: f32, scores: &mut [f32]) {
    let distinct: HashSet<&u32> = tokens.collect();
    for id in distinct {
        if let Some(score) = scores.get_mut(*id as usize) {
            *score = if *score > 0.0 { *score / penalty } else { *score * penalty };
        }
    }
}

/// Adds to the scores of tokens.
pub(super) fn lean(tokens: impl IntoIterator<Item = (u32, f32)>, scores: &mut [f32]) {
    for (id, much) in tokens {
        if let Some(score) = scores.get_mut(id as usize) {
            *score += much;
        }
    }
}

/// Leans towards the full stop `stop` where an action has nearly as many words as it may have.
pub(super) fn lean_to_end(action: &str, most_words: usize, stop: Option<u32>, scores: &mut [f32]) {
    let over = (action.split_whitespace().count() + ENDING_WORDS).saturating_sub(most_words);
    lean(stop.map(|stop| (stop, ENDING * over as f32)), scores);
}

/// Adds to `scene` what was said of it so far.
pub(super) fn read_scene(said: &str, mut scene: ScriptScene) -> ScriptScene {
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

struct Planning<'a, 'b> {
    progress: &'a dyn Progress,
    on_event: &'a mut OnEvent<'b>,
    /// What was said of the plan before.
    before: String,
    small: Vec<u32>,
    repetition: f32,
}

impl Listener for Planning<'_, '_> {
    fn heard(&mut self, text: &str) -> Result<(), Cancelled> {
        let plan = Plan::read(&format!("{}{text}", self.before));
        let story = plan.story.join(" ");
        (self.on_event)(WriterEvent::Story(story.trim_end()));
        self.progress.step(0, 0)
    }

    fn weigh(&mut self, text: &str, said: &[u32], scores: &mut [f32]) {
        let line = text.rsplit('\n').next().unwrap_or_default();
        if line.starts_with("Scenes:") {
            scores.iter_mut().for_each(|score| *score *= COPIED);
        } else if ["Beginning:", "Problem:", "End:"].iter().any(|label| line.starts_with(label)) {
            wear(said.iter().filter(|id| !self.small.contains(id)), self.repetition, scores);
        }
    }
}

struct Listening<'a, 'b, 'c> {
    scenes: &'a Scenes<'a>,
    repetition: f32,
    /// What is known of the scene already.
    before: ScriptScene,
    heard_bytes: usize,
    audience: &'a mut Audience<'b, 'c>,
}

impl<'a, 'b, 'c> Listening<'a, 'b, 'c> {
    fn new(scenes: &'a Scenes, repetition: f32, audience: &'a mut Audience<'b, 'c>) -> Self {
        Self { scenes, repetition, before: ScriptScene::default(), heard_bytes: 0, audience }
    }
}

impl Listener for Listening<'_, '_, '_> {
    fn heard(&mut self, text: &str) -> Result<(), Cancelled> {
        if text.len() != self.heard_bytes {
            self.heard_bytes = text.len();
            let said = read_scene(text, ScriptScene::default());
            let mut scene = self.before.clone();
            for (field, said) in [(&mut scene.background, said.background), (&mut scene.prompt, said.prompt)] {
                if !said.is_empty() {
                    *field = said;
                }
            }
            scene.foreground = said.foreground;
            (self.audience.on_event)(WriterEvent::Scene {
                index: self.scenes.done.len(),
                scene: &scene,
                complete: false,
            });
        }
        let chars = text.len() + self.before.prompt.len() + self.before.background.len();
        let total = self.audience.count as u64 * SCENE_STEPS;
        self.audience.progress.step(self.scenes.done.len() as u64 * SCENE_STEPS + growing_steps(chars), total)
    }

    fn weigh(&mut self, text: &str, said: &[u32], scores: &mut [f32]) {
        let line = text.rsplit('\n').next().unwrap_or_default();
        let Some(action) = line.strip_prefix("action:").map(str::trim_start) else { return };
        // Within one action nothing is worth saying twice, not even a name.
        let Scenes { worn, small, hard_to_draw, verbs, stop, .. } = self.scenes;
        let said = said.iter().filter(|id| !small.contains(id) && !worn.contains(id));
        wear(worn.iter().chain(said), self.repetition, scores);
        // Who walked before does something else now.
        let begins = self.scenes.subject(action).is_some_and(|name| grammar::subject(name) == action);
        let verbs = verbs.iter().filter(|_| begins).map(|id| (DONE_BEFORE, *id));
        lean(hard_to_draw.iter().copied().chain(verbs).map(|(much, id)| (id, -much)), scores);
        lean_to_end(action, grammar::ACTION_WORDS[1], *stop, scores);
    }
}
