//! Writing a script: plan the story, then say the scenes one after the other.

use super::decode::{Decoder, Listener};
use super::error::WriterError;
use super::gguf::ChatModel;
use super::grammar::{self, SceneRules};
use super::sampler::{Sampler, Sampling};
use super::template::Message;
use super::tidy::Cast;
use super::{SCENES, likeness};
use crate::progress::{Cancelled, Progress};
use crate::project::{CameraMove, Direction, Script, ScriptScene};
use std::collections::HashSet;
use std::path::Path;

const INSTRUCTIONS: &str = include_str!("../../assets/prompts/script.txt");
const EXAMPLE_PREMISE: &str = include_str!("../../assets/prompts/script_example_premise.txt");
const EXAMPLE: &str = include_str!("../../assets/prompts/script_example.txt");

/// How boldly the plan and the scenes are sampled.
const SAMPLING: Sampling = Sampling { temperature: 0.7, top_p: 0.9 };
/// Scene counts that the model may choose from when the user names none.
const FREE_COUNTS: [u32; 3] = [5, 6, 7];
/// A premise is read up to this many tokens, about 5,000 characters of English.
const MOST_PREMISE_TOKENS: usize = 1200;
/// Tokens that a plan and a scene may take.
const PLAN_TOKENS: usize = 100;
const SCENE_TOKENS: usize = 120;
/// An action that is more alike to an earlier one than this is said again.
const REPEATED: f32 = 0.5;
/// Taken from the scores of words that earlier actions have used.
const WORN: f32 = 2.0;
/// A small model copies scene count and camera moves from the example: their scores are multiplied by this, so that
/// chance makes them vary.
const COPIED: f32 = 0.4;
/// How often scenes of one script are said again because they repeat an earlier one, in all and for one scene.
const RETAKES: u32 = 6;
const SCENE_RETAKES: u32 = 3;

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteRequest {
    /// The user's sentence, in any language and of any length; only an empty one is refused.
    pub premise: String,
    /// How the film should look; may be empty.
    pub style: String,
    /// The number of scenes, within [`SCENES`]; `None` lets the writer choose.
    pub scenes: Option<u32>,
    /// The same seed gives the same script on the same machine.
    pub seed: u64,
}

/// A finished script.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    /// The scenes, tidied.
    pub script: Script,
    /// The model's plan of the story, one or two sentences.
    pub story: String,
    /// What the user should know about it, in whole sentences: that a long premise was cut, for example.
    pub notes: Vec<String>,
}

/// A language model, loaded and ready to write.
pub struct Writer {
    pub(super) decoder: Decoder,
}

impl Writer {
    /// Loads a GGUF chat model of one of the [`super::FAMILIES`].
    pub fn load(path: &Path, progress: &dyn Progress) -> Result<Self, WriterError> {
        progress.stage("loading the writer");
        let decoder = Decoder::new(ChatModel::load(path, progress)?)?;
        Ok(Self { decoder })
    }

    /// Writes a script.
    ///
    /// Each finished scene is tidied without chance: names lose articles and surplus spaces, and one that means the same
    /// as an earlier one (other capitals or number, more or fewer adjectives) becomes the earlier one; a name twice in a
    /// scene counts once, the background and what cannot be drawn ("wind") are no foreground entities, and at most five stay; the prompt begins
    /// with a capital.
    ///
    /// `on_scene` hears of every scene while it is being said, as (index, scene so far, whether it is finished). A scene
    /// that turns out to repeat an earlier one starts over under the same index. Cancelling takes effect within one
    /// token; the finished scenes have then been heard.
    pub fn write(
        &mut self,
        request: &WriteRequest,
        progress: &dyn Progress,
        on_scene: &mut dyn FnMut(usize, &ScriptScene, bool),
    ) -> Result<Written, WriterError> {
        let counts = match request.scenes {
            Some(count) if SCENES.contains(&count) => vec![count],
            Some(asked) => return Err(WriterError::SceneCount { asked }),
            None => FREE_COUNTS.to_vec(),
        };
        let mut written = Written::default();
        let prompt = self.prompt(request, *counts.iter().max().unwrap_or(SCENES.end()), &mut written.notes)?;

        progress.stage("reading the premise");
        let prompt_len = prompt.len() as u64;
        self.decoder.start(prompt, &mut |read| progress.step(read as u64, prompt_len))?;

        progress.stage("planning the story");
        let mut sampler = Sampler::new(request.seed, SAMPLING);
        let plan = self.decoder.speak(&grammar::plan(&counts), &mut sampler, &mut Planning(progress))?;
        let said: Vec<&str> = plan.lines().filter_map(|line| line.split_once(": ")).map(|(_, said)| said).collect();
        let (count, story) = said.split_last().ok_or_else(|| WriterError::Grammar("there is no plan".to_owned()))?;
        let count = count.parse().map_err(|_| WriterError::Grammar(format!("{count} is no scene count")))?;
        written.story = story.join(" ");

        progress.stage("writing the scenes");
        let mut cast = Cast::default();
        let mut worn = HashSet::new();
        let mut retakes = RETAKES;
        let mut audience = Audience { count, progress, on_scene };
        let scenes = &mut written.script.scenes;
        while scenes.len() < count {
            let raw = self.say_scene(scenes, &cast, &worn, &mut retakes, &mut sampler, &mut audience)?;
            let scene = cast.admit(raw);
            worn.extend(self.wearing(&scene));
            (audience.on_scene)(scenes.len(), &scene, true);
            scenes.push(scene);
        }
        progress.step(count as u64 * SCENE_STEPS, count as u64 * SCENE_STEPS)?;
        Ok(written)
    }

    /// Says the scene after `scenes`, again if it repeats one of them.
    fn say_scene(
        &mut self,
        scenes: &[ScriptScene],
        cast: &Cast,
        worn: &HashSet<u32>,
        retakes: &mut u32,
        sampler: &mut Sampler,
        audience: &mut Audience,
    ) -> Result<ScriptScene, WriterError> {
        let mark = self.decoder.mark();
        let rules = scene_rules(scenes, cast);
        let grammar = grammar::scene(&rules);
        let mut best: Option<(f32, ScriptScene)> = None;
        for take in 0.. {
            sampler.sampling.temperature = SAMPLING.temperature + 0.15 * take as f32;
            let mut listener = Listening { index: scenes.len(), worn, heard_bytes: 0, audience };
            let said = self.decoder.speak(&grammar, sampler, &mut listener)?;
            let scene = read_scene(&said);
            let repeats = scenes.iter().map(|s| likeness(&s.prompt, &scene.prompt)).fold(0.0, f32::max);
            if repeats <= REPEATED {
                best = Some((repeats, scene));
                break;
            }
            if best.as_ref().is_none_or(|(least, _)| repeats < *least) {
                best = Some((repeats, scene));
            }
            if take == SCENE_RETAKES || *retakes == 0 {
                break;
            }
            *retakes -= 1;
            self.decoder.back_to(mark);
        }
        sampler.sampling.temperature = SAMPLING.temperature;
        let (_, scene) = best.expect("at least one take was made");
        Ok(scene)
    }

    /// The first tokens of the words that a scene's action uses up, so that the next scene finds others. Names stay
    /// fresh, and so do small words.
    fn wearing(&self, scene: &ScriptScene) -> Vec<u32> {
        let names = format!("{} {}", scene.foreground.join(" "), scene.background).to_lowercase();
        scene
            .prompt
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 3 && !names.contains(&word.to_lowercase()))
            .filter_map(|word| self.decoder.tokenize(&format!(" {word}")).first().copied())
            .collect()
    }

    /// The conversation that asks for the script, with as much of the premise as fits.
    fn prompt(&self, request: &WriteRequest, scenes: u32, notes: &mut Vec<String>) -> Result<Vec<u32>, WriterError> {
        let premise = request.premise.split_whitespace().collect::<Vec<_>>().join(" ");
        if !premise.chars().any(char::is_alphanumeric) {
            return Err(WriterError::EmptyPremise);
        }
        let instructions = INSTRUCTIONS.trim_end();
        let ask = |premise: &str| -> Result<Vec<u32>, WriterError> {
            let look = request.style.split_whitespace().collect::<Vec<_>>().join(" ");
            let look = if look.is_empty() { look } else { format!("\nLook: {look}") };
            let wanted = format!("Premise: {premise}{look}");
            self.decoder.conversation(&[
                Message { role: "system", content: instructions },
                Message { role: "user", content: &format!("Premise: {}", EXAMPLE_PREMISE.trim_end()) },
                Message { role: "assistant", content: EXAMPLE.trim_end() },
                Message { role: "user", content: &wanted },
            ])
        };
        let context = self.decoder.context_len();
        let room = PLAN_TOKENS + scenes as usize * SCENE_TOKENS;
        let without = ask("")?.len() + room;
        // A premise of a few words has to fit too.
        if without + 32 > context {
            return Err(WriterError::Context { context, needed: without + 32, scenes });
        }
        let most = MOST_PREMISE_TOKENS.min(context - without);
        let used = self.shorten(&premise, most);
        if used.len() < premise.len() {
            notes.push(format!(
                "The premise is long: the writer read its first {} of {} characters.",
                used.chars().count(),
                premise.chars().count()
            ));
        }
        ask(used)
    }

    /// The longest beginning of `text` that takes at most `most` tokens, ending with a sentence or at least a word.
    fn shorten<'a>(&self, text: &'a str, most: usize) -> &'a str {
        let fits = |text: &str| self.decoder.tokenize(text).len() <= most;
        if fits(text) {
            return text;
        }
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
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

/// What the next scene may be.
fn scene_rules<'a>(scenes: &'a [ScriptScene], cast: &'a Cast) -> SceneRules<'a> {
    let times = |direction| scenes.iter().filter(|scene| scene.camera.direction == direction).count();
    let last = scenes.last().map(|scene| scene.camera.direction);
    // The camera does not make the same move twice in a row, nor one of them for a whole film.
    let directions = Direction::ALL.into_iter().filter(|d| Some(*d) != last && times(*d) < 2).collect();
    let recurs = scenes.iter().enumerate().any(|(i, scene)| {
        scene.foreground.iter().any(|name| scenes[..i].iter().any(|earlier| earlier.foreground.contains(name)))
    });
    // A film follows somebody: by the third scene at the latest someone comes back.
    let first_names = match scenes.len() {
        2.. if !recurs => cast.foreground().iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    SceneRules {
        number: scenes.len() + 1,
        taken_actions: scenes.iter().map(|scene| scene.prompt.as_str()).collect(),
        first_names,
        directions,
    }
}

/// Reads what was said of a scene so far.
fn read_scene(said: &str) -> ScriptScene {
    let mut scene = ScriptScene::default();
    for line in said.split_inclusive('\n') {
        let finished = line.ends_with('\n');
        let Some((field, value)) = line.trim_end().split_once(": ") else { continue };
        match field {
            "action" => scene.prompt = value.to_owned(),
            "who" => scene.foreground = value.split(", ").map(str::to_owned).collect(),
            "where" => scene.background = value.to_owned(),
            "camera" if finished => scene.camera = read_camera(value),
            _ => {}
        }
    }
    scene
}

/// Reads "static" or "left slow"; the grammar allows nothing else.
fn read_camera(value: &str) -> CameraMove {
    let mut words = value.split(' ');
    let direction = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let speed = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    CameraMove { direction, speed }
}

/// Steps that one scene counts for in the progress of a script.
const SCENE_STEPS: u64 = 100;
/// Characters of a usual scene.
const SCENE_CHARS: u64 = 220;

struct Planning<'a>(&'a dyn Progress);

impl Listener for Planning<'_> {
    fn heard(&mut self, _text: &str) -> Result<(), Cancelled> {
        self.0.step(0, 0)
    }

    fn weigh(&mut self, text: &str, scores: &mut [f32]) {
        if text.rsplit('\n').next().is_some_and(|line| line.starts_with("Scenes: ")) {
            scores.iter_mut().for_each(|score| *score *= COPIED);
        }
    }
}

/// Who follows the writing of a script.
struct Audience<'a> {
    /// Number of scenes that there will be.
    count: usize,
    progress: &'a dyn Progress,
    on_scene: &'a mut dyn FnMut(usize, &ScriptScene, bool),
}

struct Listening<'a, 'b> {
    index: usize,
    /// Tokens that earlier actions have used up.
    worn: &'a HashSet<u32>,
    heard_bytes: usize,
    audience: &'a mut Audience<'b>,
}

impl Listener for Listening<'_, '_> {
    fn heard(&mut self, text: &str) -> Result<(), Cancelled> {
        if text.len() > self.heard_bytes {
            self.heard_bytes = text.len();
            (self.audience.on_scene)(self.index, &read_scene(text), false);
        }
        let part = (text.len() as u64 * SCENE_STEPS / SCENE_CHARS).min(SCENE_STEPS - 1);
        let total = self.audience.count as u64 * SCENE_STEPS;
        self.audience.progress.step(self.index as u64 * SCENE_STEPS + part, total)
    }

    fn weigh(&mut self, text: &str, scores: &mut [f32]) {
        let line = text.rsplit('\n').next().unwrap_or_default();
        if line.starts_with("camera: ") {
            scores.iter_mut().for_each(|score| *score *= COPIED);
        }
        if line.starts_with("action: ") {
            for id in self.worn {
                if let Some(score) = scores.get_mut(*id as usize) {
                    *score -= WORN;
                }
            }
        }
    }
}
