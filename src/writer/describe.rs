//! Describing a common entity in one sentence, so that it looks the same wherever it is drawn.

use super::decode::Listener;
use super::error::WriterError;
use super::grammar;
use super::sampler::{Sampler, Sampling};
use super::script::Writer;
use super::template::Message;
use super::text::looks_behind;
use super::tidy::tidy_prompt;
use crate::progress::{Cancelled, Progress};
use crate::project::EntityKind;

const INSTRUCTIONS: &str = include_str!("../../assets/prompts/describe.txt");
/// Questions and answers in paragraphs. Several, since a small model copies the looks of a single one.
const EXAMPLES: &str = include_str!("../../assets/prompts/describe_examples.txt");

const SAMPLING: Sampling = Sampling { temperature: 0.6, top_p: 0.9 };
/// A premise is read up to this many characters: what it says of looks comes early.
const PREMISE_CHARS: usize = 1500;

/// Whom or what to describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeRequest {
    /// The film's premise, whose words on looks are kept.
    pub premise: String,
    /// The entity's name, as the scenes spell it.
    pub name: String,
    /// A person, animal or thing, or a place.
    pub kind: EntityKind,
    /// The prompt of a scene that shows it; may be empty.
    pub scene: String,
    /// The same seed gives the same description on the same machine.
    pub seed: u64,
}

impl Writer {
    /// Says in one sentence of at most some 30 words how an entity looks. `on_text` hears the sentence grow.
    ///
    /// Requests that differ only in name, kind and scene share most of their prompt, which is then read once.
    pub fn describe(
        &mut self,
        request: &DescribeRequest,
        progress: &dyn Progress,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<String, WriterError> {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let premise: String = one_line(&request.premise).chars().take(PREMISE_CHARS).collect();
        let name = one_line(&request.name);
        let what = match request.kind {
            EntityKind::Foreground => "person, animal or thing",
            EntityKind::Background => "place",
        };
        let seen = match one_line(&request.scene) {
            scene if scene.is_empty() => scene,
            scene => format!("\nScene: {scene}"),
        };
        let question = format!("Premise: {premise}{seen}\nDescribe the {what}: {name}");
        let mut messages = vec![Message { role: "system", content: INSTRUCTIONS.trim_end() }];
        for (question, answer) in EXAMPLES.split("\n\n").filter_map(|pair| pair.trim().split_once("\nAnswer: ")) {
            messages.push(Message { role: "user", content: question });
            messages.push(Message { role: "assistant", content: answer });
        }
        messages.push(Message { role: "user", content: &question });
        let prompt = self.decoder.conversation(&messages)?;
        self.decoder.start(prompt, &mut |read| progress.step(read as u64, 0))?;
        let mut sampler = Sampler::new(request.seed, SAMPLING);
        let grammar = grammar::description(&opening(&premise, &name));
        let said = self.decoder.speak(&grammar, &mut sampler, &mut Listening { progress, on_text })?;
        Ok(tidy_prompt(&said))
    }
}

/// How the sentence begins. A small model forgets what the premise said of somebody's looks: so that is put in its mouth.
fn opening(premise: &str, name: &str) -> String {
    // "The kitchen is …", but "Mia is …".
    let article = if name.chars().next().is_some_and(char::is_uppercase) { "" } else { "The " };
    let looks = looks_behind(premise, name).map(|looks| format!(" {looks}")).unwrap_or_default();
    format!("{article}{name}{looks}")
}

struct Listening<'a> {
    progress: &'a dyn Progress,
    on_text: &'a mut dyn FnMut(&str),
}

impl Listener for Listening<'_> {
    fn heard(&mut self, text: &str) -> Result<(), Cancelled> {
        (self.on_text)(text);
        self.progress.step(0, 0)
    }
}
