//! Making a model say something that a grammar allows, token by token.

use super::error::WriterError;
use super::gguf::ChatModel;
use super::sampler::Sampler;
use super::template::Message;
use crate::nets::llama::Llama;
use crate::progress::Cancelled;
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::InferenceCapabilities;
use llguidance::{Matcher, ParserFactory};
use toktrie::{SimpleVob, TokEnv};

/// Tokens read at once while a prompt is taken in: enough to keep the processor busy, few enough to cancel soon.
const READ_AT_ONCE: usize = 64;

/// A model in the middle of a text.
pub(super) struct Decoder {
    net: Llama,
    tokens: TokEnv,
    grammars: ParserFactory,
    template: super::template::ChatTemplate,
    begin: Option<u32>,
    /// The text so far. The network has seen all of it but, at most, the end.
    text: Vec<u32>,
    /// What may follow the text, once the network has seen all of it.
    scores: Vec<f32>,
}

/// A place in the text to come back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize);

/// What watches over a text while it is being said.
pub(super) trait Listener {
    /// Hears all that was said since the grammar began, after every token. The first error ends the text.
    fn heard(&mut self, text: &str) -> Result<(), Cancelled>;

    /// May change the `scores` of what comes after `text`.
    fn weigh(&mut self, _text: &str, _scores: &mut [f32]) {}
}

impl Decoder {
    pub fn new(model: ChatModel) -> Result<Self, WriterError> {
        let capabilities = InferenceCapabilities { ff_tokens: true, ..Default::default() };
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut grammars = ParserFactory::new(&model.tokens, capabilities, &slices).map_err(grammar_error)?;
        grammars.quiet();
        Ok(Self {
            net: model.net,
            tokens: model.tokens,
            grammars,
            template: model.template,
            begin: model.begin,
            text: Vec::new(),
            scores: Vec::new(),
        })
    }

    /// Most tokens that a text can have.
    pub fn context_len(&self) -> usize {
        self.net.config().context_len
    }

    /// Tokens of a plain text: nothing in it is taken for a special token.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        self.tokens.tokenize(text)
    }

    /// The tokens of a conversation, up to where the model goes on speaking.
    ///
    /// Special tokens spelt out inside a message lose their meaning: only the template may use them.
    pub fn conversation(&self, messages: &[Message]) -> Result<Vec<u32>, WriterError> {
        let harmless: Vec<String> = messages.iter().map(|message| self.defuse(message.content)).collect();
        let messages: Vec<Message> =
            messages.iter().zip(&harmless).map(|(m, content)| Message { role: m.role, content }).collect();
        let text = self.template.render(&messages).map_err(|e| WriterError::Grammar(e.to_string()))?;
        let mut tokens = self.tokens.tokenize_special(&text);
        if let Some(begin) = self.begin.filter(|begin| tokens.first() != Some(begin)) {
            tokens.insert(0, begin);
        }
        Ok(tokens)
    }

    fn defuse(&self, content: &str) -> String {
        let trie = self.tokens.tok_trie();
        let mut content = content.to_owned();
        for special in trie.get_special_tokens() {
            let spelling = trie.decode_str(&[special]);
            let spelling = spelling.trim_start_matches('\u{fffd}');
            if spelling.chars().count() > 2 && content.contains(spelling) {
                content = content.replace(spelling, " ");
            }
        }
        content
    }

    /// Starts over with `prompt`, of which the part that the network has seen last time is not read again.
    /// `read` hears how many tokens have been read.
    pub fn start(
        &mut self,
        prompt: Vec<u32>,
        read: &mut dyn FnMut(usize) -> Result<(), Cancelled>,
    ) -> Result<(), WriterError> {
        let seen = self.net.seen().min(self.text.len());
        let shared = self.text[..seen].iter().zip(&prompt).take_while(|(old, new)| old == new).count();
        self.net.cut_back(shared.min(prompt.len().saturating_sub(1)));
        self.text = prompt;
        while self.net.seen() < self.text.len() {
            read(self.net.seen())?;
            self.read_some(READ_AT_ONCE)?;
        }
        Ok(())
    }

    /// Reads the next tokens of the text.
    fn read_some(&mut self, most: usize) -> Result<(), WriterError> {
        let from = self.net.seen();
        let to = self.text.len().min(from + most);
        self.scores = self.net.forward(&self.text[from..to])?.to_vec1()?;
        Ok(())
    }

    /// Reads what the network has not seen of the text, so that the scores are those of what follows.
    fn catch_up(&mut self) -> Result<(), WriterError> {
        while self.net.seen() < self.text.len() {
            self.read_some(READ_AT_ONCE)?;
        }
        Ok(())
    }

    /// The end of the text, to [`Decoder::back_to`] later.
    pub fn mark(&self) -> Mark {
        Mark(self.text.len())
    }

    /// Forgets all that was said after `mark`.
    pub fn back_to(&mut self, mark: Mark) {
        self.text.truncate(mark.0);
        // The last token is read again, to know what may follow it.
        self.net.cut_back(mark.0.saturating_sub(1));
    }

    /// Lets the model speak until the Lark `grammar` is satisfied, and returns what it said.
    ///
    /// Tokens that the grammar forces are not chosen one by one: the network reads them together with the next choice.
    pub fn speak(
        &mut self,
        grammar: &str,
        sampler: &mut Sampler,
        listener: &mut dyn Listener,
    ) -> Result<String, WriterError> {
        let parser = self.grammars.create_parser(TopLevelGrammar::from_lark(grammar.to_owned()));
        let mut matcher = Matcher::new(parser);
        let start = self.text.len();
        let mut said = String::new();
        loop {
            let forced = matcher.consume_ff_tokens();
            self.text.extend(&forced);
            if let Some(error) = matcher.get_error() {
                return Err(grammar_error(error));
            }
            self.spell(start, &mut said);
            listener.heard(&said)?;
            if matcher.is_stopped() {
                return Ok(said);
            }
            let allowed: SimpleVob = matcher.compute_mask().map_err(grammar_error)?;
            self.catch_up()?;
            listener.weigh(&said, &mut self.scores);
            let Some(token) = sampler.choose(&self.scores, &allowed) else {
                return Err(WriterError::Grammar("no token fits".to_owned()));
            };
            matcher.consume_token(token).map_err(grammar_error)?;
            self.text.push(token);
        }
    }

    /// Writes the text since token `start` to `said`.
    fn spell(&self, start: usize, said: &mut String) {
        let bytes = self.tokens.tok_trie().decode(&self.text[start..]);
        // A character may be split over tokens: its first bytes wait for the rest.
        let whole = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        said.clear();
        said.push_str(whole);
    }
}

fn grammar_error(error: impl std::fmt::Display) -> WriterError {
    WriterError::Grammar(error.to_string().lines().next().unwrap_or_default().to_owned())
}
