//! Chat templates: the Jinja text inside a GGUF file that turns messages into what the model was trained on.

use super::chatglm::turns;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

const NAME: &str = "chat";
/// What a model's thoughts begin with.
const THOUGHT: &str = "<think>";

/// The compiled template of one model.
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    begin: String,
    end: String,
    /// Whether it is one of ChatGLM's family, and whether its texts begin with a space.
    chatglm: Option<bool>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    /// `system`, `user` or `assistant`.
    pub role: &'a str,
    pub content: &'a str,
}

/// A conversation that grows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Dialogue(Vec<(&'static str, String)>);

impl Dialogue {
    /// A conversation that begins with instructions.
    pub fn new(instructions: &str) -> Self {
        Self(vec![("system", instructions.to_owned())])
    }

    pub fn user(&mut self, content: impl Into<String>) {
        self.0.push(("user", content.into()));
    }

    pub fn assistant(&mut self, content: impl Into<String>) {
        self.0.push(("assistant", content.into()));
    }

    /// Says the last message otherwise.
    pub fn replace_last(&mut self, content: String) {
        if let Some((_, last)) = self.0.last_mut() {
            *last = content;
        }
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn messages(&self) -> Vec<Message<'_>> {
        self.0.iter().map(|(role, content)| Message { role, content }).collect()
    }
}

impl ChatTemplate {
    /// Compiles `source` and tries it on a short conversation. `begin` and `end` are the spelt-out special tokens.
    pub fn new(source: &str, begin: String, end: String) -> Result<Self, Error> {
        let mut environment = Environment::new();
        // Templates are written for Jinja with these two on.
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned(NAME, source.to_owned())?;
        let template = Self { environment, begin, end, chatglm: None };
        let probe = "Which way does the camera go?";
        let text = template.render(&[Message { role: "system", content: "Answer." }, user(probe)])?;
        if text.contains(probe) {
            Ok(template)
        } else {
            Err(Error::new(ErrorKind::InvalidOperation, "it leaves the user's message out"))
        }
    }

    /// As ChatGLM's conversations are, whose texts begin with a space if they are `spaced`.
    pub fn of_chatglm(self, spaced: bool) -> Self {
        Self { chatglm: Some(spaced), ..self }
    }

    /// The token that a text begins with, spelt out; may be empty.
    pub fn begin(&self) -> &str {
        &self.begin
    }

    /// The conversation as text, up to where the model goes on speaking.
    ///
    /// A model that thinks aloud first is told not to, in the way of its template. Where the template opens a thought all
    /// the same, the thought is closed at once: what the model says is script from its first word.
    pub fn render(&self, messages: &[Message]) -> Result<String, Error> {
        let mut text = self.render_messages(messages)?;
        if let Some(spaced) = self.chatglm {
            text = turns::as_trained(text, spaced);
        }
        let told = messages.last().is_some_and(|last| last.content.trim_end().ends_with(THOUGHT));
        if text.trim_end().ends_with(THOUGHT) && !told {
            text.truncate(text.trim_end().len());
            text.push_str("\n\n</think>\n\n");
        }
        Ok(text)
    }

    fn render_messages(&self, messages: &[Message]) -> Result<String, Error> {
        match self.render_as_is(messages) {
            Err(error) if messages.first().is_some_and(|first| first.role == "system") && messages.len() > 1 => {
                // Some templates refuse a system message: it then opens the first user message.
                let merged = format!("{}\n\n{}", messages[0].content, messages[1].content);
                let rest = [&[user(&merged)], &messages[2..]].concat();
                self.render_as_is(&rest).map_err(|_| error)
            }
            other => other,
        }
    }

    fn render_as_is(&self, messages: &[Message]) -> Result<String, Error> {
        let messages: Vec<Value> = messages.iter().map(|m| context! { role => m.role, content => m.content }).collect();
        self.environment.get_template(NAME)?.render(context! {
            messages => messages,
            add_generation_prompt => true,
            enable_thinking => false,
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
        })
    }
}

fn user(content: &str) -> Message<'_> {
    Message { role: "user", content }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thought_that_the_template_opens_is_closed_at_once() {
        let source = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: <think>\n";
        let template = ChatTemplate::new(source, String::new(), String::new()).unwrap();
        let text = template.render(&[user("Which way?")]).unwrap();
        assert_eq!(text, "user: Which way?\nassistant: <think>\n\n</think>\n\n");
        let plain = ChatTemplate::new("{{ messages[-1].content }}", String::new(), String::new()).unwrap();
        assert_eq!(plain.render(&[user("What is <think>")]).unwrap(), "What is <think>");
    }
}
