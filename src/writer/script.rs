//! Writing a script: plan the story, say the scenes one after the other, then plan the camera.

use super::SCENES;
use super::chatglm::Bits;
use super::decode::{Decoder, Effort};
use super::error::WriterError;
use super::gguf::ChatModel;
use super::prefix::PrefixStore;
use super::prompts::Prompts;
use super::sampler::{Sampler, Sampling};
use super::scenes::{Audience, SCENE_STEPS, Scenes};
use super::template::Dialogue;
use crate::progress::Progress;
use crate::project::{CameraMove, EntityKind, Proposal, Script, ScriptScene};
use crate::writer::tidy::flat;
use std::path::Path;

/// Scene counts that the model may choose from when the user names none.
pub(super) const FREE_COUNTS: [u32; 3] = [5, 6, 7];
/// A premise is read up to this many tokens, about 5,000 characters of English.
const MOST_PREMISE_TOKENS: usize = 1200;
/// A premise of a few words has to fit at least.
const LEAST_PREMISE_TOKENS: usize = 32;
/// Tokens that a plan, and a scene with its camera move, may take.
const PLAN_TOKENS: usize = 220;
const SCENE_TOKENS: usize = 110;
/// Tokens that the question for the camera takes.
const CAMERA_TOKENS: usize = 60;
/// Told when the premise is in another language.
pub(super) const NOT_ENGLISH: &str = "The premise is not in English: the script is written in English, which the image models read, \
                           and the premise stays as you typed it.";

/// What to write.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteRequest {
    /// The user's sentence, in any language and of any length; only an empty one is refused.
    pub premise: String,
    /// How the film should look; may be empty.
    pub style: String,
    /// The number of scenes, within [`SCENES`]; `None` lets the writer choose from five to seven.
    pub scenes: Option<u32>,
    /// The same seed gives the same script on the same machine.
    pub seed: u64,
    /// How boldly it is written.
    pub sampling: Sampling,
}

/// A finished script.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    /// The scenes, tidied.
    pub script: Script,
    /// The model's plan of the story, in three sentences.
    pub story: String,
    /// The premise in English, where it was in another language.
    pub english: Option<String>,
    /// What the user should know about it, in whole sentences: that a long premise was cut, for example.
    pub notes: Vec<String>,
    /// What it has cost.
    pub effort: Effort,
    /// How often a scene was said again because it repeated an earlier one.
    pub retakes: u32,
}

/// What a writer tells while it works. What is complete stays as it is whenever the work is stopped.
#[derive(Debug, Clone, PartialEq)]
pub enum WriterEvent<'a> {
    /// The plan of the story grows.
    Story(&'a str),
    /// A scene grows. One that turns out to repeat an earlier one starts over under the same index. Its camera move is
    /// the one that its words suggest, until the camera is planned.
    Scene {
        /// Counted from 0.
        index: usize,
        /// What there is of it.
        scene: &'a ScriptScene,
        /// Whether only its camera can still change.
        complete: bool,
    },
    /// The camera of a scene is planned.
    Camera {
        /// The scene, counted from 0.
        index: usize,
        /// Its move.
        camera: CameraMove,
    },
    /// A revision grows; nothing of it is part of the film.
    Proposal(&'a Proposal),
    /// The description of an entity grows.
    Description {
        /// Somebody or something, or a place.
        kind: EntityKind,
        /// Its name.
        name: &'a str,
        /// What is being said.
        round: DescribeRound,
        /// What there is of it.
        text: &'a str,
        /// Whether this round is done. The description is that of the last round.
        complete: bool,
    },
}

/// A round of the dialogue that describes an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DescribeRound {
    /// What matters in a description of it.
    Aspects,
    /// What else matters to a photographer.
    Photographer,
    /// The description.
    Paragraph,
}

/// Hears what a writer tells.
pub type OnEvent<'a> = dyn FnMut(WriterEvent<'_>) + 'a;

/// A language model, loaded and ready to write.
pub struct Writer {
    pub(super) decoder: Decoder,
    pub(super) prompts: Prompts,
    /// What the weights became when they were read: it decides what is said.
    held_in: Option<Bits>,
    /// What the user should know about the model.
    note: Option<String>,
}

impl WriteRequest {
    /// The numbers of scenes that the script may have, in order, at least one.
    pub(super) fn counts(&self) -> Result<Vec<u32>, WriterError> {
        match self.scenes {
            Some(count) if SCENES.contains(&count) => Ok(vec![count]),
            Some(asked) => Err(WriterError::SceneCount { asked }),
            None => Ok(FREE_COUNTS.to_vec()),
        }
    }
}

impl Writer {
    /// Loads a GGUF chat model of one of the [`super::FAMILIES`], or the published folder of ChatGLM3, whose weights
    /// become 8 bits where the free memory holds them, otherwise 4.
    pub fn load(path: &Path, progress: &dyn Progress) -> Result<Self, WriterError> {
        progress.stage("loading the writer");
        let mut model = ChatModel::load(path, progress)?;
        let (held_in, note) = (model.held_in, model.note.take());
        Ok(Self { decoder: Decoder::new(model)?, prompts: Prompts::builtin(), held_in, note })
    }

    /// Works with these prompts from now on.
    pub fn set_prompts(&mut self, prompts: Prompts) {
        self.prompts = prompts;
    }

    /// Uses at most so many tokens of what the model can hold, which saves memory.
    pub fn limit_context(&mut self, tokens: usize) {
        self.decoder.limit_context(tokens);
    }

    /// Keeps what the network made of instructions and examples on disk, for the next run. `model` has to tell this model's
    /// file from all others: its checksum.
    pub fn keep_prefixes(&mut self, store: PrefixStore, model: impl Into<String>) {
        let model = match self.held_in {
            Some(bits) => format!("{} in {bits:?} bits", model.into()),
            None => model.into(),
        };
        self.decoder.prefixes.keep_in(store, model);
    }

    /// Writes a script: plan, scenes, camera.
    ///
    /// Scenes name only what their actions show, and names are tidied without chance: they lose articles and surplus
    /// spaces, and one that means the same as an earlier one (other capitals or number, more or fewer adjectives) becomes
    /// the earlier one, also in the action. The background and what cannot be drawn ("wind") are no foreground entities,
    /// and at most five stay.
    ///
    /// Cancelling takes effect within one token; what was complete has then been heard.
    pub fn write(
        &mut self,
        request: &WriteRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<Written, WriterError> {
        let counts = request.counts()?;
        request.sampling.check()?;
        self.decoder.take_effort();
        let mut written = Written { notes: self.note.iter().cloned().collect(), ..Written::default() };
        let most = *counts.iter().max().unwrap_or(SCENES.end());
        let Asked { mut dialogue, shared, premise } = self.ask(request, most, &mut written.notes)?;
        progress.stage("reading the premise");
        let conversation = self.decoder.conversation(&dialogue, shared)?;
        self.decoder.start(conversation, &mut |read, total| progress.step(read as u64, total as u64))?;

        progress.stage("planning the story");
        let mut sampler = Sampler::new(request.seed, request.sampling);
        let mut said = String::new();
        let plan = self.say_plan(&premise, &counts, &mut said, &mut sampler, progress, on_event)?;
        if plan.english.is_some() {
            written.notes.push(NOT_ENGLISH.to_owned());
        }
        written.story = plan.story.join(" ");

        progress.stage("writing the scenes");
        let mut scenes = Scenes::new(&plan, |word| self.decoder.tokenize(word));
        let mut audience = Audience { count: plan.scenes, progress, on_event };
        while scenes.done().len() < plan.scenes {
            let scene = self.say_scene(&mut scenes, &mut said, &mut sampler, &mut audience)?;
            (audience.on_event)(WriterEvent::Scene { index: scenes.done().len(), scene: &scene, complete: true });
            scenes.add(scene, |word| self.decoder.tokenize(word));
        }
        progress.step(plan.scenes as u64 * SCENE_STEPS, plan.scenes as u64 * SCENE_STEPS)?;
        written.retakes = scenes.retakes();
        written.script.scenes = scenes.into_done();

        progress.stage("planning the camera");
        dialogue.assistant(said.trim_end());
        dialogue.user(self.prompts.text("camera.txt"));
        self.decoder.drop_line_end();
        self.decoder.go_on(&dialogue, shared, &mut |_, _| progress.step(0, 0))?;
        let fixed = vec![None; written.script.scenes.len()];
        let cameras = self.say_cameras(&written.script.scenes, &fixed, &mut sampler, progress, on_event)?;
        for (scene, camera) in written.script.scenes.iter_mut().zip(cameras) {
            scene.camera = camera;
        }
        written.english = plan.english;
        written.effort = self.decoder.take_effort();
        Ok(written)
    }

    /// The instructions and so many of the examples.
    pub(super) fn script_dialogue(&self, examples: usize) -> Dialogue {
        let mut dialogue = Dialogue::new(self.prompts.text("script.txt"));
        for example in self.prompts.script_examples.iter().take(examples) {
            dialogue.user(self.prompts.fill("script_request.txt", &[("premise", &example.premise)]));
            dialogue.assistant(example.script_text());
            dialogue.user(self.prompts.text("camera.txt"));
            dialogue.assistant(example.camera_text());
        }
        dialogue
    }

    /// The conversation that asks for the script, with as many examples and as much of the premise as fit.
    fn ask(&self, request: &WriteRequest, scenes: u32, notes: &mut Vec<String>) -> Result<Asked, WriterError> {
        let premise = flat(&request.premise);
        if !premise.chars().any(char::is_alphanumeric) {
            return Err(WriterError::EmptyPremise);
        }
        let look = flat(&request.style);
        let look = if look.is_empty() { look } else { format!("\nLook: {look}") };
        let ask = |premise: &str| self.prompts.fill("script_request.txt", &[("premise", premise), ("look", &look)]);
        let room = PLAN_TOKENS + scenes as usize * SCENE_TOKENS + CAMERA_TOKENS;
        let (mut dialogue, left) = self
            .fit(
                &|examples| {
                    let mut dialogue = self.script_dialogue(examples);
                    dialogue.user(ask(""));
                    dialogue
                },
                self.prompts.script_examples.len(),
                room + LEAST_PREMISE_TOKENS,
                notes,
            )?
            .map_err(|needed| WriterError::Context { context: self.decoder.context_len(), needed, scenes })?;
        let used = self.shorten(&premise, MOST_PREMISE_TOKENS.min(left + LEAST_PREMISE_TOKENS));
        if used.len() < premise.len() {
            notes.push(format!(
                "The premise is long: the writer read its first {} of {} characters.",
                used.chars().count(),
                premise.chars().count()
            ));
        }
        dialogue.replace_last(ask(used));
        Ok(Asked { shared: dialogue.len() - 1, dialogue, premise: used.to_owned() })
    }

    /// The conversation with most examples of `examples` that leaves `room` tokens of the context, and how many more it
    /// leaves; or how many tokens would be needed for one without examples.
    pub(super) fn fit(
        &self,
        build: &dyn Fn(usize) -> Dialogue,
        examples: usize,
        room: usize,
        notes: &mut Vec<String>,
    ) -> Result<Result<(Dialogue, usize), usize>, WriterError> {
        let context = self.decoder.context_len();
        let mut needed = 0;
        for count in (0..=examples).rev() {
            let dialogue = build(count);
            needed = self.decoder.conversation(&dialogue, 0)?.len() + room;
            if needed <= context {
                if count < examples {
                    notes.push(format!(
                        "The model reads {context} tokens at once: it was shown {count} of {examples} examples."
                    ));
                }
                return Ok(Ok((dialogue, context - needed)));
            }
        }
        Ok(Err(needed))
    }

    /// The longest beginning of `text` that takes at most `most` tokens, ending with a sentence or at least a word.
    fn shorten<'a>(&self, text: &'a str, most: usize) -> &'a str {
        let fits = |text: &str| self.decoder.tokenize(text).len() <= most;
        // A token is at least a byte: what is far longer is not tokenised whole.
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).take(most * 40).collect();
        let text_end = ends.last().map_or(0, |at| *at);
        if text.len() - text_end <= 4 && fits(text) {
            return text;
        }
        let longest = ends.partition_point(|end| fits(&text[..*end])).saturating_sub(1);
        let cut = &text[..ends[longest]];
        let sentence = cut.rfind(['.', '!', '?', '。', '！', '？']).map(|at| {
            let stop = cut[at..].chars().next().map_or(1, char::len_utf8);
            at + stop
        });
        let half = cut.len() / 2;
        let end = sentence.filter(|end| *end > half).or_else(|| cut.rfind(' ').filter(|end| *end > half));
        &cut[..end.unwrap_or(cut.len())]
    }
}

/// A conversation that asks for a script.
struct Asked {
    dialogue: Dialogue,
    /// How many messages it has in common with all others.
    shared: usize,
    /// As much of the premise as is in it.
    premise: String,
}
