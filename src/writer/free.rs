//! Writing as the paper does it, for comparison: the model speaks freely in the bracket format, and what does not read
//! back is thrown away and tried again.

use super::decode::{Effort, Listener};
use super::error::WriterError;
use super::sampler::Sampler;
use super::script::{WriteRequest, Writer};
use super::template::Dialogue;
use crate::progress::{Cancelled, Progress};
use crate::project::ScriptScene;
use crate::writer::tidy::flat;
use std::fmt::Write;

/// Most tokens of a try.
const MOST_TOKENS: usize = 1400;

/// What came of free writing.
#[derive(Debug, Clone, PartialEq)]
pub struct FreelyWritten<T> {
    /// What the reader made of the first text that it accepted.
    pub accepted: Option<T>,
    /// Every text and, for those that were refused, why.
    pub tries: Vec<(String, Option<String>)>,
    /// What it has cost.
    pub effort: Effort,
}

impl Writer {
    /// Lets the model write without a grammar, up to `tries` times, until `read` accepts what it says (or says why not).
    /// It sees the same examples in the paper's format: `[step_1: [prompt; entities: a, b; background: c]]`, a line for
    /// each scene.
    pub fn write_freely<T>(
        &mut self,
        request: &WriteRequest,
        tries: usize,
        progress: &dyn Progress,
        read: &mut dyn FnMut(&str) -> Result<T, String>,
    ) -> Result<FreelyWritten<T>, WriterError> {
        let premise = flat(&request.premise);
        let build = |examples: usize| {
            let mut dialogue = Dialogue::new(INSTRUCTIONS);
            for example in self.prompts.script_examples.iter().take(examples) {
                dialogue.user(example.premise.as_str());
                dialogue.assistant(bracket_text(&example.scenes));
            }
            let asked = request.scenes.map(|count| format!("\nWrite {count} scenes.")).unwrap_or_default();
            dialogue.user(format!("{premise}{asked}"));
            dialogue
        };
        let examples = self.prompts.script_examples.len();
        let fitting = self.fit(&build, examples, MOST_TOKENS, &mut Vec::new())?;
        let (dialogue, _) = fitting.map_err(|needed| WriterError::Context {
            context: self.decoder.context_len(),
            needed,
            scenes: request.scenes.unwrap_or(*super::SCENES.end()),
        })?;
        self.decoder.take_effort();
        let conversation = self.decoder.conversation(&dialogue, dialogue.len() - 1)?;
        self.decoder.start(conversation, &mut |read, total| progress.step(read as u64, total as u64))?;
        let mark = self.decoder.mark();
        let mut sampler = Sampler::new(request.seed, request.sampling);
        let mut written = FreelyWritten { accepted: None, tries: Vec::new(), effort: Effort::default() };
        while written.tries.len() < tries && written.accepted.is_none() {
            self.decoder.back_to(mark);
            let text = self.decoder.speak_freely(MOST_TOKENS, &mut sampler, &mut Hearing(progress))?;
            match read(&text) {
                Ok(accepted) => {
                    written.accepted = Some(accepted);
                    written.tries.push((text, None));
                }
                Err(reason) => written.tries.push((text, Some(reason))),
            }
        }
        written.effort = self.decoder.take_effort();
        Ok(written)
    }
}

const INSTRUCTIONS: &str = "From one sentence you envision a film of several scenes. For each scene you give a prompt, the \
                            entities in it and the background. A prompt has a single action, names all objects that \
                            matter and describes the surroundings. Related scenes keep the names of entities and \
                            backgrounds. Give 5 to 10 scenes, one on each line, in this form:\n\
                            [step_1: [prompt; entities: a, b; background: c]]";

/// Scenes in the paper's format, a line for each.
fn bracket_text(scenes: &[ScriptScene]) -> String {
    let mut text = String::new();
    for (i, ScriptScene { prompt, foreground, background, .. }) in scenes.iter().enumerate() {
        let prompt = prompt.trim_end_matches('.');
        let names = foreground.join(", ");
        writeln!(text, "[step_{}: [{prompt}; entities: {names}; background: {background}]]", i + 1)
            .expect("writing to a string works");
    }
    text.trim_end().to_owned()
}

struct Hearing<'a>(&'a dyn Progress);

impl Listener for Hearing<'_> {
    fn heard(&mut self, _text: &str) -> Result<(), Cancelled> {
        self.0.step(0, 0)
    }
}
