//! The three rounds that describe somebody or something, with a server.

use super::answer::plain;
use super::ask::messages;
use super::script::shorten;
use super::tries::Attempts;
use super::{ServerError, ServerWriter, heard_enough};
use crate::progress::Progress;
use crate::writer::describe::{About, CALMER, PREMISE_CHARS, ROUNDS, kind_text};
use crate::writer::error::WriterError;
use crate::writer::sampler::Sampling;
use crate::writer::script::{DescribeRound, OnEvent, WriterEvent};
use crate::writer::text::looks_behind;
use crate::writer::tidy::flat;
use crate::writer::tidy::tidy_prompt;
use crate::writer::{DescribeRequest, grammar};

/// Finished dialogues that a server is shown.
const EXAMPLES: usize = 2;
/// Words of a description, and of a list of aspects.
const WORDS: [usize; 2] = [5, 60];
const ASPECT_WORDS: usize = 40;

impl ServerWriter {
    /// Says how an entity looks, as [`crate::writer::Writer::describe`] does.
    ///
    /// # Errors
    /// When the server fails, or says nothing that can be used.
    pub fn describe(
        &mut self,
        request: &DescribeRequest,
        progress: &dyn Progress,
        on_event: &mut OnEvent,
    ) -> Result<String, WriterError> {
        request.sampling.check()?;
        self.model(progress)?;
        let premise = flat(&request.premise);
        let premise = shorten(&premise, PREMISE_CHARS);
        let (name, scene) = (flat(&request.name), flat(&request.scene));
        let about = About { premise, scene: &scene, name: &name, kind: kind_text(request.kind) };
        let looks = looks_behind(premise, &name);
        let sampling = Sampling { temperature: request.sampling.temperature * CALMER, ..request.sampling };
        let mut dialogue = self.prompts.describe_dialogue(EXAMPLES);
        let mut description = String::new();
        let (kind, told) = (request.kind, &request.name);
        for round in ROUNDS {
            dialogue.user(self.prompts.describe_question(round, &about));
            let most = if round == DescribeRound::Paragraph { WORDS[1] } else { ASPECT_WORDS };
            let least = if round == DescribeRound::Paragraph { WORDS[0] } else { 1 };
            let mut attempts = Attempts::with(0);
            let text = loop {
                if attempts.are_over() {
                    let address = self.connection.spec.address.clone();
                    let reason = attempts.missing.unwrap_or_default();
                    return Err(ServerError::Garbage { address, reason }.into());
                }
                let seed = request.seed.wrapping_add(attempts.made as u64);
                let asked = self.ask(&messages(&dialogue), None, (&sampling, seed), progress, &mut |text| {
                    let is_enough = text.split_whitespace().nth(most).is_some();
                    let text = limited(text, most);
                    on_event(WriterEvent::Description { kind, name: told, round, text: &text, complete: false });
                    progress.step(0, 0)?;
                    heard_enough(is_enough)
                });
                match asked {
                    Ok((said, _)) => {
                        let text = limited(&said, most);
                        if text.split(' ').filter(|word| word.chars().any(char::is_alphabetic)).count() >= least {
                            break text;
                        }
                        attempts.lacked(format!("it does not say how {name} looks"));
                    }
                    Err(failure) => self.ask_again_after(failure, &mut attempts)?,
                }
            };
            description = match round {
                DescribeRound::Paragraph => with_looks(tidy_prompt(&text), &name, looks.as_deref()),
                DescribeRound::Aspects | DescribeRound::Photographer => text,
            };
            dialogue.assistant(description.as_str());
            on_event(WriterEvent::Description { kind, name: told, round, text: &description, complete: true });
        }
        Ok(description)
    }
}

/// A text in one line, up to so many words, and then up to the end of its last whole sentence.
fn limited(text: &str, most: usize) -> String {
    let text = plain(text);
    let words: Vec<&str> = text.split(' ').collect();
    if words.len() <= most {
        return text;
    }
    let cut = words[..most].join(" ");
    match cut.rfind(". ") {
        Some(end) => cut[..=end].to_owned(),
        None => cut.trim_end_matches([',', '.']).to_owned() + ".",
    }
}

/// The description with what the premise says of somebody's looks, where the server has left it out.
fn with_looks(description: String, name: &str, looks: Option<&str>) -> String {
    match looks.filter(|looks| !description.to_lowercase().contains(&looks.to_lowercase())) {
        Some(looks) => format!("{} {looks}. {description}", grammar::subject(name)),
        None => description,
    }
}
