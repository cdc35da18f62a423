//! Writing with a server that speaks OpenAI's protocol, such as llama.cpp, Ollama, LM Studio or vLLM have.
//!
//! It cannot be held to a grammar token by token. It is asked for JSON by a schema, which most servers enforce, and
//! otherwise for the lines of the examples; whatever comes is read leniently, cleaned, and checked scene by scene. What
//! passes is told at once and stays. What is missing is asked for again; a script that is not whole then is
//! an error that says what it lacks.

mod answer;
mod ask;
mod describe;
mod error;
mod http;
mod revise;
mod script;
mod thoughts;
mod tries;

pub use error::ServerError;
pub use http::Patience;

use super::error::WriterError;
use super::prompts::Prompts;
use super::sampler::Sampling;
use crate::models::ServerSpec;
use crate::progress::{Cancelled, Progress};
use http::{Connection, End, Failure};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use thoughts::without_thoughts;

/// Holds a key for servers that want one.
const KEY_VARIABLE: &str = "REELBOARD_WRITER_KEY";
/// Characters of an answer, thoughts aside; ten scenes take some three thousand.
const MOST_CHARS: usize = 12_000;

/// What a listener says to what it hears of an answer.
type Heard = Result<ControlFlow<()>, Cancelled>;

/// Says whether what was heard is enough.
fn heard_enough(is_enough: bool) -> Heard {
    Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

/// A server, ready to write.
#[derive(Debug, Clone)]
pub struct ServerWriter {
    connection: Connection,
    pub(super) prompts: Prompts,
    /// The model that it is asked for, once that is known.
    model: Option<String>,
    /// Whether it takes schemas and other settings that not all servers know.
    takes_schema: bool,
}

impl From<Failure> for WriterError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Cancelled(cancelled) => Self::Cancelled(cancelled),
            Failure::Server(error) => Self::Server(error),
        }
    }
}

impl ServerWriter {
    /// Nothing is sent before something is to be written. The key, if the server wants one, is in `REELBOARD_WRITER_KEY`.
    pub fn new(spec: ServerSpec) -> Self {
        let key = std::env::var(KEY_VARIABLE).ok().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        let model = spec.model.clone();
        let connection = Connection { spec, key, patience: Patience::default() };
        Self { connection, prompts: Prompts::builtin(), model, takes_schema: true }
    }

    /// Works with these prompts from now on.
    pub fn set_prompts(&mut self, prompts: Prompts) {
        self.prompts = prompts;
    }

    /// Waits so long for a word.
    pub fn set_patience(&mut self, patience: Patience) {
        self.connection.patience = patience;
    }

    /// The names of the models that the server lists.
    ///
    /// # Errors
    /// When it does not answer, or the work was cancelled.
    pub fn models(&self, progress: &dyn Progress) -> Result<Vec<String>, WriterError> {
        Ok(self.connection.models(progress)?)
    }

    /// The name of the model to ask for.
    fn model(&mut self, progress: &dyn Progress) -> Result<String, WriterError> {
        if let Some(model) = &self.model {
            return Ok(model.clone());
        }
        let first = self.models(progress)?.into_iter().next();
        let address = || self.connection.spec.address.clone();
        let model = first.ok_or_else(|| WriterError::Server(ServerError::NoModel { address: address() }))?;
        Ok(self.model.insert(model).clone())
    }

    /// Asks something. `hear` gets what was said so far, thoughts left out, whenever there is more, and may say that it is
    /// enough. Who does not come to an end is stopped.
    fn ask(
        &mut self,
        messages: &Value,
        schema: Option<Value>,
        sampling: (&Sampling, u64),
        progress: &dyn Progress,
        hear: &mut dyn FnMut(&str) -> Heard,
    ) -> Result<(String, End), Failure> {
        let (sampling, seed) = sampling;
        let mut body = json!({
            "model": self.model, "messages": messages, "stream": true, "seed": seed % (1 << 31),
            "temperature": sampling.temperature, "top_p": sampling.top_p,
        });
        if self.takes_schema {
            // Templates of models that think aloud know this name; servers hand it over.
            body["chat_template_kwargs"] = json!({"enable_thinking": false});
            if let Some(schema) = schema {
                body["response_format"] = schema;
            }
        }
        let mut said = String::new();
        let mut stopped = None;
        let heard = self.connection.chat(&body, progress, &mut |text| {
            let text = without_thoughts(text);
            if text.len() == said.len() {
                return Ok(());
            }
            said = text;
            if hear(&said)?.is_break() {
                stopped = Some(End::Done);
            } else if said.len() > MOST_CHARS {
                stopped = Some(End::Endless);
            }
            // Closes the connection.
            if stopped.is_some() { Err(Cancelled) } else { Ok(()) }
        });
        if let Some(end) = stopped {
            return Ok((said, end));
        }
        let (text, end) = heard?;
        Ok((without_thoughts(&text), end))
    }
}
