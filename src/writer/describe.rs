//! Describing a common entity so that it looks the same wherever it is drawn: a dialogue of three rounds (paper, section
//! 3.2 and the supplement's figure 4) on what matters, what else matters to a photographer, and then the description.

use super::decode::Listener;
use super::error::WriterError;
use super::examples::DescribeExample;
use super::grammar;
use super::prompts::Prompts;
use super::sampler::{Sampler, Sampling};
use super::scenes::{lean, small_tokens, wear};
use super::script::{DescribeRound, OnEvent, Writer, WriterEvent};
use super::template::Dialogue;
use super::text::looks_behind;
use super::tidy::tidy_prompt;
use crate::progress::{Cancelled, Progress};
use crate::project::EntityKind;
use crate::writer::tidy::flat;

/// A premise is read up to this many characters: what it says of looks comes early.
pub(super) const PREMISE_CHARS: usize = 1500;
/// Tokens that the questions and answers of one dialogue take beyond premise and scene.
const DIALOGUE_TOKENS: usize = 360;
/// Descriptions are less bold than stories: this much of the temperature.
pub(super) const CALMER: f32 = 0.85;
/// A small model copies the answers of the examples, most of all the photographer's: the scores are multiplied by this,
/// so that they vary.
const COPIED: f32 = 0.7;
/// How strongly a description avoids its own words, as the usual repetition penalty.
const REPETITION: f32 = 1.25;
/// How often an answer that repeats itself is said again.
const RETAKES: u32 = 2;
/// Taken from the scores of words that leave a painter in doubt.
const VAGUE: f32 = 8.0;
const VAGUE_WORDS: [&str; 6] = [" may", " might", " could", " perhaps", " maybe", " possibly"];
/// Taken from the scores of other colors than that in the name: "the red kite is a large white kite".
const OTHER_COLOR: f32 = 8.0;
const COLORS: [&str; 15] = [
    "red", "orange", "yellow", "golden", "green", "blue", "purple", "pink", "brown", "white", "silver", "gray", "grey",
    "black", "beige",
];

/// Whom or what to describe.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeRequest {
    /// The film's premise in English ([`super::Written::english`] where it was in another language): what it says of looks
    /// is kept.
    pub premise: String,
    /// The entity's name, as the scenes spell it.
    pub name: String,
    /// A person, animal or thing, or a place.
    pub kind: EntityKind,
    /// The prompt of a scene that shows it; may be empty.
    pub scene: String,
    /// The same seed gives the same description on the same machine.
    pub seed: u64,
    /// How boldly it is described.
    pub sampling: Sampling,
}

/// What the questions of a dialogue are about.
pub(super) struct About<'a> {
    pub premise: &'a str,
    pub scene: &'a str,
    pub name: &'a str,
    pub kind: &'a str,
}

impl Writer {
    /// Says how an entity looks, in a paragraph of two sentences, after two rounds on what matters. `on_event` hears every
    /// round grow.
    ///
    /// What the premise says of the looks of somebody ("with blue hair") is in the description word for word. All
    /// dialogues begin with the same instructions and examples, which are read once.
    pub fn describe(
        &mut self,
        request: &DescribeRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<String, WriterError> {
        request.sampling.check()?;
        let premise: String = flat(&request.premise).chars().take(PREMISE_CHARS).collect();
        let (name, scene) = (flat(&request.name), flat(&request.scene));
        let about = About { premise: &premise, scene: &scene, name: &name, kind: kind_text(request.kind) };
        let room = DIALOGUE_TOKENS + self.decoder.tokenize(&format!("{premise}{scene}")).len();
        let build = |examples| {
            let mut dialogue = self.prompts.describe_dialogue(examples);
            dialogue.user(self.prompts.describe_question(DescribeRound::Aspects, &about));
            dialogue
        };
        let examples = self.prompts.describe_examples.len();
        let fitting = self.fit(&build, examples, room, &mut Vec::new())?;
        let (mut dialogue, _) = fitting.map_err(|needed| WriterError::Context {
            context: self.decoder.context_len(),
            needed,
            scenes: 0,
        })?;

        let shared = dialogue.len() - 1;
        let conversation = self.decoder.conversation(&dialogue, shared)?;
        self.decoder.start(conversation, &mut |read, total| progress.step(read as u64, total as u64))?;
        let sampling = Sampling { temperature: request.sampling.temperature * CALMER, ..request.sampling };
        let mut sampler = Sampler::new(request.seed, sampling);
        let token = |word: &&str| self.decoder.tokenize(word).first().copied();
        let colored = name.split(' ').any(|word| COLORS.contains(&word.to_lowercase().as_str()));
        let others = COLORS.iter().filter(|color| colored && !name.to_lowercase().contains(*color));
        let words = Words {
            other_colors: others.filter_map(|color| token(&format!(" {color}").as_str())).collect(),
            vague: VAGUE_WORDS.iter().filter_map(token).collect(),
            small: small_tokens(|word| self.decoder.tokenize(word)),
        };
        let mut description = String::new();
        for (i, round) in ROUNDS.into_iter().enumerate() {
            if i > 0 {
                dialogue.user(self.prompts.describe_question(round, &about));
                self.decoder.go_on(&dialogue, shared, &mut |_, _| progress.step(0, 0))?;
            }
            let grammar = match round {
                DescribeRound::Aspects | DescribeRound::Photographer => grammar::aspects(),
                DescribeRound::Paragraph => grammar::paragraph(&opening(&premise, &name)),
            };
            let mark = self.decoder.mark();
            let mut said = String::new();
            for take in 0..=RETAKES {
                if take > 0 {
                    self.decoder.back_to(mark);
                }
                let mut listener =
                    Listening { kind: request.kind, name: &request.name, round, words: &words, progress, on_event };
                said = self.decoder.speak(&grammar, &mut sampler, &mut listener)?;
                if without_repeats(&said) == said {
                    break;
                }
            }
            dialogue.assistant(said.as_str());
            description = match round {
                DescribeRound::Paragraph => tidy_prompt(&without_repeats(&said)),
                DescribeRound::Aspects | DescribeRound::Photographer => without_repeats(&said),
            };
            on_event(WriterEvent::Description {
                kind: request.kind,
                name: &request.name,
                round,
                text: &description,
                complete: true,
            });
        }
        Ok(description)
    }
}

impl Prompts {
    /// The instructions and so many finished dialogues.
    pub(super) fn describe_dialogue(&self, examples: usize) -> Dialogue {
        let mut dialogue = Dialogue::new(self.text("describe.txt"));
        for example in self.describe_examples.iter().take(examples) {
            let DescribeExample { premise, scene, name, kind, aspects, photographer, paragraph } = example;
            let about = About { premise, scene, name, kind };
            for (round, answer) in ROUNDS.into_iter().zip([aspects, photographer, paragraph]) {
                dialogue.user(self.describe_question(round, &about));
                dialogue.assistant(answer.as_str());
            }
        }
        dialogue
    }

    /// What a round asks.
    pub(super) fn describe_question(&self, round: DescribeRound, about: &About) -> String {
        let file = match round {
            DescribeRound::Aspects => "describe_aspects.txt",
            DescribeRound::Photographer => "describe_photographer.txt",
            DescribeRound::Paragraph => "describe_paragraph.txt",
        };
        let scene = match about.scene {
            "" => String::new(),
            scene => format!("\nScene: {scene}"),
        };
        let values = [("premise", about.premise), ("scene", &scene), ("name", about.name), ("kind", about.kind)];
        self.fill(file, &values)
    }
}

/// An answer without the parts between commas that it has said before.
fn without_repeats(said: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    let sentences = said.trim_end_matches('.').split(". ");
    let sentences = sentences.map(|sentence| {
        let mut parts: Vec<&str> = Vec::new();
        for part in sentence.split(", ") {
            let key = part.to_lowercase();
            if !known.contains(&key) {
                known.push(key);
                parts.push(part);
            }
        }
        parts.join(", ")
    });
    let whole = sentences.filter(|sentence| !sentence.is_empty()).collect::<Vec<_>>().join(". ");
    format!("{whole}.")
}

pub(super) const ROUNDS: [DescribeRound; 3] =
    [DescribeRound::Aspects, DescribeRound::Photographer, DescribeRound::Paragraph];

pub(super) fn kind_text(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Foreground => "person, animal or thing",
        EntityKind::Background => "place",
    }
}

/// How the description begins. A small model forgets what the premise said of somebody's looks: so that is put in its
/// mouth.
fn opening(premise: &str, name: &str) -> String {
    let looks = looks_behind(premise, name).map(|looks| format!(" {looks}")).unwrap_or_default();
    format!("{}{looks}", grammar::subject(name))
}

/// Tokens that are weighed otherwise.
struct Words {
    vague: Vec<u32>,
    /// Colors that the entity itself does not have.
    other_colors: Vec<u32>,
    /// These may be said again and again.
    small: Vec<u32>,
}

struct Listening<'a, 'b> {
    kind: EntityKind,
    name: &'a str,
    round: DescribeRound,
    words: &'a Words,
    progress: &'a dyn Progress,
    on_event: &'a mut OnEvent<'b>,
}

impl Listener for Listening<'_, '_> {
    fn heard(&mut self, text: &str) -> Result<(), Cancelled> {
        let Self { kind, name, round, .. } = *self;
        (self.on_event)(WriterEvent::Description { kind, name, round, text, complete: false });
        self.progress.step(0, 0)
    }

    fn weigh(&mut self, text: &str, said: &[u32], scores: &mut [f32]) {
        if self.round != DescribeRound::Paragraph {
            scores.iter_mut().for_each(|score| *score *= COPIED);
        }
        wear(said.iter().filter(|id| !self.words.small.contains(id)), REPETITION, scores);
        lean(self.words.vague.iter().map(|id| (*id, -VAGUE)), scores);
        // Behind a "with" its parts come, which may have any.
        if !text.contains([',', '.']) && !text.contains(" with ") {
            lean(self.words.other_colors.iter().map(|id| (*id, -OTHER_COLOR)), scores);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_twice() {
        let said = "The cake is round, brown, high, brown. Soft light, brown, dark.";
        assert_eq!(without_repeats(said), "The cake is round, brown, high. Soft light, dark.");
        assert_eq!(without_repeats("age, hair, age."), "age, hair.");
    }
}
