//! Making a model say something that a grammar allows, token by token.

use super::error::WriterError;
use super::gguf::ChatModel;
use super::prefix::Prefixes;
use super::sampler::Sampler;
use super::template::{Dialogue, Message};
use super::whole_words::WholeWords;
use crate::nets::llama::Llama;
use crate::progress::Cancelled;
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::InferenceCapabilities;
use llguidance::{Matcher, ParserFactory};
use toktrie::{SimpleVob, TokEnv};

/// Tokens read at once while a prompt is taken in: enough to keep the processor busy, few enough to cancel soon.
const READ_AT_ONCE: usize = 64;
/// A beginning of fewer tokens is not worth being kept.
const LEAST_PREFIX: usize = 64;

/// A model in the middle of a text.
pub(super) struct Decoder {
    net: Llama,
    tokens: TokEnv,
    whole_words: WholeWords,
    grammars: ParserFactory,
    template: super::template::ChatTemplate,
    begin: Option<u32>,
    ends: Vec<u32>,
    begins_with_space: bool,
    /// The text so far. The network has seen all of it but, at most, the end.
    text: Vec<u32>,
    /// What may follow the text, once the network has seen all of it.
    scores: Vec<f32>,
    /// Beginnings that were read before.
    pub prefixes: Prefixes,
    /// How much of the text is such a beginning, and whether it was read to its end.
    prefix: (usize, bool),
    /// At most so many tokens are attended to.
    context_limit: usize,
    effort: Effort,
}

/// What writing has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// Tokens of prompts that the network has read.
    pub read: usize,
    /// Tokens of prompts that were known from before.
    pub reused: usize,
    /// Tokens that the model has said.
    pub said: usize,
    /// Those of them that were chosen one by one; the others were forced by the grammar.
    pub chosen: usize,
    /// Times that the network has run.
    pub passes: usize,
}

/// The tokens of a conversation: its beginning, which is the same whatever is asked, and the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conversation {
    pub prefix: Vec<u32>,
    pub question: Vec<u32>,
}

impl Conversation {
    pub fn len(&self) -> usize {
        self.prefix.len() + self.question.len()
    }
}

/// A place in the text to come back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize);

/// What watches over a text while it is being said.
pub(super) trait Listener {
    /// Hears all that was said since the grammar began, after every token. The first error ends the text.
    fn heard(&mut self, text: &str) -> Result<(), Cancelled>;

    /// May change the `scores` of what comes after `text`, which is spelt with the tokens `said`.
    fn weigh(&mut self, _text: &str, _said: &[u32], _scores: &mut [f32]) {}
}

/// Hears how many of how many tokens were read.
pub(super) type OnRead<'a> = dyn FnMut(usize, usize) -> Result<(), Cancelled> + 'a;

impl Decoder {
    pub fn new(model: ChatModel) -> Result<Self, WriterError> {
        let capabilities = InferenceCapabilities { ff_tokens: true, ..Default::default() };
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut grammars = ParserFactory::new(&model.tokens, capabilities, &slices).map_err(grammar_error)?;
        grammars.quiet();
        Ok(Self {
            net: model.net,
            whole_words: WholeWords::new(&model.tokens),
            tokens: model.tokens,
            grammars,
            template: model.template,
            begin: model.begin,
            ends: model.ends,
            begins_with_space: model.begins_with_space,
            text: Vec::new(),
            scores: Vec::new(),
            prefixes: Prefixes::default(),
            prefix: (0, false),
            context_limit: usize::MAX,
            effort: Effort::default(),
        })
    }

    /// Most tokens that a text can have.
    pub fn context_len(&self) -> usize {
        self.net.config().context_len.min(self.context_limit)
    }

    pub fn limit_context(&mut self, tokens: usize) {
        self.context_limit = tokens;
    }

    /// What all work since the last call has cost.
    pub fn take_effort(&mut self) -> Effort {
        std::mem::take(&mut self.effort)
    }

    /// Tokens of a plain text: nothing in it is taken for a special token.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        self.tokens.tokenize(text)
    }

    /// The tokens of a conversation, up to where the model goes on speaking. Its first `shared` messages are those that
    /// it has in common with others.
    ///
    /// Special tokens spelt out inside a message lose their meaning: only the template may use them.
    pub fn conversation(&self, dialogue: &Dialogue, shared: usize) -> Result<Conversation, WriterError> {
        let (mut text, starts) = self.render(dialogue)?;
        let mut question_at = starts.get(shared).copied().flatten().unwrap_or(0);
        // A space belongs to the word behind it.
        question_at -= usize::from(text[..question_at].ends_with(' '));
        if let Some(at) = self.space_at(&text) {
            text.insert(at, ' ');
            question_at += usize::from(question_at > at);
        }
        let mut prefix = self.tokens.tokenize_special(&text[..question_at]);
        let question = self.tokens.tokenize_special(&text[question_at..]);
        let first = prefix.first().or(question.first());
        if let Some(begin) = self.begin.filter(|begin| first != Some(begin)) {
            prefix.insert(0, begin);
        }
        Ok(Conversation { prefix, question })
    }

    /// Where a text gets the space that SentencePiece puts before its first word.
    fn space_at(&self, text: &str) -> Option<usize> {
        let at = match self.template.begin() {
            "" => 0,
            begin => text.strip_prefix(begin).map_or(0, |rest| text.len() - rest.len()),
        };
        // The longest special tokens are shorter.
        let head: String = text[at..].chars().take(64).collect();
        let first = *self.tokens.tokenize_special(&head).first().filter(|_| self.begins_with_space)?;
        (!head.starts_with(' ') && !self.tokens.tok_trie().is_special_token(first)).then_some(at)
    }

    /// The text of a conversation, and where each message begins in it, as far as the template leaves them as they are.
    fn render(&self, dialogue: &Dialogue) -> Result<(String, Vec<Option<usize>>), WriterError> {
        let messages = dialogue.messages();
        let harmless: Vec<String> = messages.iter().map(|message| self.defuse(message.content)).collect();
        let messages: Vec<Message> =
            messages.iter().zip(&harmless).map(|(m, content)| Message { role: m.role, content }).collect();
        let text = self.template.render(&messages).map_err(|e| WriterError::Grammar(e.to_string()))?;
        let mut starts = vec![None; messages.len()];
        let mut before = text.len();
        for (start, content) in starts.iter_mut().zip(&harmless).rev() {
            let Some(at) = text[..before].rfind(content.trim()) else { break };
            *start = Some(at);
            before = at;
        }
        Ok((text, starts))
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

    /// Starts over with a conversation. Its beginning is not read again if it is known.
    ///
    /// What is kept of a beginning is rounded to 16 bits, and so it is when it was just read: that it is known changes
    /// nothing but the time.
    pub fn start(&mut self, conversation: Conversation, read: &mut OnRead) -> Result<(), WriterError> {
        let Conversation { prefix, question } = conversation;
        let total = prefix.len() + question.len();
        if prefix.len() < LEAST_PREFIX {
            self.net.cut_back(0);
            self.text = prefix;
            self.prefix = (0, false);
        } else if self.prefix == (prefix.len(), true) && self.text.starts_with(&prefix) {
            self.net.cut_back(prefix.len());
            self.text = prefix;
            self.effort.reused += self.text.len();
        } else {
            self.recall(prefix, &mut |done| read(done, total))?;
        }
        self.text.extend(question);
        self.read_all(&mut |done| read(done, total))
    }

    /// Makes `prefix` the text: from what is kept of it, or by reading it.
    fn recall(
        &mut self,
        prefix: Vec<u32>,
        read: &mut dyn FnMut(usize) -> Result<(), Cancelled>,
    ) -> Result<(), WriterError> {
        let shape = self.net.state_shape();
        if let Some(state) = self.prefixes.get(&prefix, shape) {
            self.net.restore(prefix.len(), &state)?;
            self.effort.reused += prefix.len();
            self.prefix = (prefix.len(), true);
            self.text = prefix;
            return Ok(());
        }
        // Somebody stopped while just this was being read: what was read is good.
        let interrupted = self.prefix == (prefix.len(), false) && self.text == prefix;
        self.net.cut_back(if interrupted { self.net.seen() / READ_AT_ONCE * READ_AT_ONCE } else { 0 });
        self.prefix = (prefix.len(), false);
        self.text = prefix;
        self.read_all(read)?;
        let state = self.net.state();
        if state.iter().all(|number| number.is_finite()) {
            self.net.restore(self.text.len(), &state)?;
            self.prefixes.put(&self.text, shape, state);
        }
        self.prefix.1 = true;
        Ok(())
    }

    /// Asks the last message of `dialogue`, whose last but one the model has just said.
    pub fn go_on(&mut self, dialogue: &Dialogue, shared: usize, read: &mut OnRead) -> Result<(), WriterError> {
        let (text, starts) = self.render(dialogue)?;
        let at = dialogue.len().checked_sub(2);
        let answer = at.and_then(|at| Some((starts[at]?, dialogue.messages()[at].content.trim().len())));
        match answer {
            Some((start, len)) => {
                let rest = self.tokens.tokenize_special(&text[start + len..]);
                let total = self.text.len() + rest.len();
                self.text.extend(rest);
                self.read_all(&mut |done| read(done, total))
            }
            // This template changes what was said: all of it is read as it wants it.
            None => self.start(self.conversation(dialogue, shared)?, read),
        }
    }

    /// Takes a line break at the end of the text back.
    pub fn drop_line_end(&mut self) {
        let trie = self.tokens.tok_trie();
        if self.text.last().is_some_and(|last| trie.decode(&[*last]) == b"\n") {
            self.back_to(Mark(self.text.len() - 1));
        }
    }

    fn read_all(&mut self, read: &mut dyn FnMut(usize) -> Result<(), Cancelled>) -> Result<(), WriterError> {
        while self.net.seen() < self.text.len() {
            let before = self.net.seen();
            read(before)?;
            self.read_some()?;
            self.effort.read += self.net.seen() - before;
        }
        Ok(())
    }

    /// Reads the next tokens of the text.
    fn read_some(&mut self) -> Result<(), WriterError> {
        let from = self.net.seen();
        let to = self.text.len().min(from + READ_AT_ONCE);
        if to > self.context_len() {
            return Err(WriterError::ContextFull { context: self.context_len() });
        }
        self.scores = self.net.forward(&self.text[from..to])?.to_vec1()?;
        self.effort.passes += 1;
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

    /// What was said after `mark`, to [`Decoder::repeat`] later.
    pub fn since(&self, mark: Mark) -> Vec<u32> {
        self.text[mark.0..].to_vec()
    }

    /// Says something again.
    pub fn repeat(&mut self, tokens: &[u32]) {
        self.text.extend(tokens);
    }

    /// Lets the model speak until the Lark `grammar` is satisfied, and returns what it said.
    ///
    /// Tokens that the grammar forces are not chosen one by one: the network reads them together with the next choice.
    /// What is forced ends before its last token wherever that could grow together with what follows.
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
            self.effort.said += forced.len();
            if let Some(error) = matcher.get_error() {
                return Err(grammar_error(error));
            }
            self.spell(start, &mut said);
            listener.heard(&said)?;
            if matcher.is_stopped() {
                return Ok(said);
            }
            let allowed: SimpleVob = matcher.compute_mask().map_err(grammar_error)?;
            while self.net.seen() < self.text.len() {
                self.read_some()?;
            }
            listener.weigh(&said, &self.text[start..], &mut self.scores);
            self.whole_words.weigh(self.text[start..].last(), &mut self.scores);
            let Some(token) = sampler.choose(&self.scores, &allowed) else {
                return Err(WriterError::Grammar("no token fits".to_owned()));
            };
            matcher.consume_token(token).map_err(grammar_error)?;
            self.text.push(token);
            self.effort.said += 1;
            self.effort.chosen += 1;
        }
    }

    /// Lets the model speak as it likes, until it ends its turn or has said `most` tokens.
    pub fn speak_freely(
        &mut self,
        most: usize,
        sampler: &mut Sampler,
        listener: &mut dyn Listener,
    ) -> Result<String, WriterError> {
        let all = self.tokens.tok_trie().alloc_token_set().negated();
        let start = self.text.len();
        let mut said = String::new();
        for _ in 0..most.min(self.context_len().saturating_sub(start)) {
            self.spell(start, &mut said);
            listener.heard(&said)?;
            while self.net.seen() < self.text.len() {
                self.read_some()?;
            }
            let Some(token) = sampler.choose(&self.scores, &all) else { break };
            self.effort.chosen += 1;
            if self.ends.contains(&token) {
                break;
            }
            self.text.push(token);
            self.effort.said += 1;
        }
        self.spell(start, &mut said);
        Ok(said)
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
