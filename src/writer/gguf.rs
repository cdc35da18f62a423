//! Opening a GGUF chat model: checks first, then weights, tokenizer and chat template.

use super::chatglm::{self, Bits, turns};
use super::error::{FAMILIES, WriterError};
use super::family;
use super::loading::Loading;
use super::template::ChatTemplate;
use super::tokens;
use crate::models::weights::{Gguf, GgufError};
use crate::nets::llama::{Config, Llama};
use crate::progress::Progress;
use candle_core::quantized::gguf_file::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use toktrie::TokEnv;

/// Everything that the files of a chat model hold.
pub(super) struct ChatModel {
    pub net: Llama,
    pub tokens: TokEnv,
    pub template: ChatTemplate,
    /// The token that every text starts with, where the file asks for one.
    pub begin: Option<u32>,
    /// The tokens that end the model's turn.
    pub ends: Vec<u32>,
    /// Whether a text that does not begin with a special token begins with a space.
    pub begins_with_space: bool,
    /// What the weights became while they were read; `None` where they are as the file has them.
    pub held_in: Option<Bits>,
    /// What the user should know about it, in a whole sentence.
    pub note: Option<String>,
}

/// What a file says besides its tensors.
pub(super) struct Metadata {
    pub path: PathBuf,
    values: HashMap<String, Value>,
    /// Its architecture.
    pub family: String,
}

impl ChatModel {
    /// Loads a GGUF file, or a published folder of ChatGLM3, onto the CPU. Everything that can be checked without reading
    /// the weights is checked before.
    pub fn load(path: &Path, progress: &dyn Progress) -> Result<Self, WriterError> {
        if path.is_dir() {
            return chatglm::load(path, progress);
        }
        let (file, metadata) = open(path)?;
        let config = family::config(&metadata)?;
        let template = metadata.template()?;
        let vocabulary = metadata.vocabulary()?;

        let net = read(&file, path, config, progress)?;
        if net.vocabulary() < vocabulary {
            return Err(corrupt(path, format!("{vocabulary} tokens but {} embeddings", net.vocabulary())));
        }
        let tokens = tokens::tokens(&metadata, net.vocabulary())?;
        let (ends, begins_with_space) = (tokens::ends(&metadata), tokens::begins_with_space(&metadata));
        let begin = metadata.begin();
        Ok(Self { net, tokens, template, begin, ends, begins_with_space, held_in: None, note: None })
    }
}

/// The network of a GGUF file alone, for those who measure it.
///
/// # Errors
/// When the file cannot be used.
pub fn network(path: &Path, progress: &dyn Progress) -> Result<Llama, WriterError> {
    let (file, metadata) = open(path)?;
    read(&file, path, family::config(&metadata)?, progress)
}

/// Opens a file of a family that there is a network for.
fn open(path: &Path) -> Result<(Gguf, Metadata), WriterError> {
    let mut file = Gguf::open(path).map_err(|error| unusable(path, error))?;
    let values = file.take_metadata();
    let family = match values.get("general.architecture") {
        Some(Value::String(family)) => family.clone(),
        _ => return Err(corrupt(path, "it does not name its architecture")),
    };
    if !FAMILIES.contains(&family.as_str()) {
        return Err(WriterError::Family { path: path.to_owned(), family });
    }
    let metadata = Metadata { path: path.to_owned(), values, family };
    Ok((file, metadata))
}

/// The network of an open file.
fn read(file: &Gguf, path: &Path, config: Config, progress: &dyn Progress) -> Result<Llama, WriterError> {
    let mut loading = Loading::of(file.tensors(), progress);
    let tensor = |name: &str| file.tensor(name).map_err(|error| unusable(path, error));
    let net = Llama::new(config, &mut |name| loading.give(|| tensor(name)));
    loading.finish(net, |reason| corrupt(path, reason))
}

fn corrupt(path: &Path, reason: impl Into<String>) -> WriterError {
    WriterError::Corrupt { path: path.to_owned(), reason: reason.into() }
}

fn unusable(path: &Path, error: GgufError) -> WriterError {
    let path = path.to_owned();
    match error {
        GgufError::Io(source) => WriterError::Read { path, source },
        GgufError::Damaged(reason) => WriterError::Corrupt { path, reason },
        GgufError::Truncated { expected, actual } => WriterError::Truncated { path, expected, actual },
        GgufError::Format { tensor, format } => WriterError::Format { path, tensor, format },
    }
}

impl Metadata {
    pub fn corrupt(&self, reason: impl Into<String>) -> WriterError {
        corrupt(&self.path, reason)
    }

    /// What a GGUF file would say in place of the file at `path`.
    pub fn made(path: &Path, family: &str, values: HashMap<String, Value>) -> Self {
        Self { path: path.to_owned(), values, family: family.to_owned() }
    }

    pub fn number(&self, key: &str) -> Option<u64> {
        match *self.values.get(key)? {
            Value::U8(v) => Some(v.into()),
            Value::U16(v) => Some(v.into()),
            Value::U32(v) => Some(v.into()),
            Value::U64(v) => Some(v),
            Value::I8(v) => v.try_into().ok(),
            Value::I16(v) => v.try_into().ok(),
            Value::I32(v) => v.try_into().ok(),
            Value::I64(v) => v.try_into().ok(),
            _ => None,
        }
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        match *self.values.get(key)? {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// A list of bytes.
    pub fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        match self.values.get(key)? {
            Value::Array(values) => values.iter().map(|value| value.to_u8().ok()).collect(),
            _ => None,
        }
        .filter(|bytes: &Vec<u8>| !bytes.is_empty())
    }

    fn family_value(&self, key: &str) -> Option<&Value> {
        self.values.get(&format!("{}.{key}", self.family))
    }

    /// A number under the family's name.
    pub fn family_number(&self, key: &str) -> Option<u64> {
        self.number(&format!("{}.{key}", self.family))
    }

    pub fn family_float(&self, key: &str) -> Option<f32> {
        match *self.family_value(key)? {
            Value::F32(v) => Some(v),
            Value::F64(v) => Some(v as f32),
            _ => None,
        }
    }

    pub fn family_text(&self, key: &str) -> Option<&str> {
        self.text(&format!("{}.{key}", self.family))
    }

    pub fn family_flags(&self, key: &str) -> Option<Vec<bool>> {
        match self.family_value(key)? {
            Value::Array(values) => values.iter().map(|value| value.to_bool().ok()).collect(),
            _ => None,
        }
    }

    /// A positive number under the family's name.
    pub fn size(&self, key: &str) -> Result<usize, WriterError> {
        let key = format!("{}.{key}", self.family);
        match self.number(&key) {
            Some(size @ 1..=0x100_0000) => Ok(size as usize),
            Some(size) => Err(self.corrupt(format!("{key} is {size}"))),
            None => Err(self.corrupt(format!("{key} is missing"))),
        }
    }

    /// A list of the tokenizer's.
    pub fn list(&self, key: &str) -> Result<&[Value], WriterError> {
        match self.values.get(key) {
            Some(Value::Array(values)) => Ok(values),
            _ => Err(self.tokenizer_error(format!("{key} is missing"))),
        }
    }

    fn begin(&self) -> Option<u32> {
        // SentencePiece's texts begin so unless the file says otherwise.
        let usual = self.text("tokenizer.ggml.model") == Some("llama");
        let wanted = self.flag("tokenizer.ggml.add_bos_token").unwrap_or(usual);
        self.number("tokenizer.ggml.bos_token_id").filter(|_| wanted).map(|id| id as u32)
    }

    fn vocabulary(&self) -> Result<usize, WriterError> {
        match self.list("tokenizer.ggml.tokens")? {
            [] => Err(self.tokenizer_error("tokenizer.ggml.tokens is empty")),
            tokens => Ok(tokens.len()),
        }
    }

    pub fn tokenizer_error(&self, reason: impl ToString) -> WriterError {
        WriterError::Tokenizer { path: self.path.clone(), reason: reason.to_string() }
    }

    /// The spelling of the token whose id the metadata hold under `key`.
    fn token(&self, key: &str) -> Option<String> {
        let id = self.number(key)? as usize;
        self.list("tokenizer.ggml.tokens").ok()?.get(id)?.to_string().ok().cloned()
    }

    pub fn template(&self) -> Result<ChatTemplate, WriterError> {
        let template_error = |reason: String| WriterError::Template { path: self.path.clone(), reason };
        let is_chatglm = self.family == "chatglm";
        let source = match self.text("tokenizer.chat_template") {
            Some(source) => source,
            None if is_chatglm && self.text("tokenizer.ggml.model") == Some("llama") => turns::TEMPLATE,
            None => return Err(template_error("the file has none".to_owned())),
        };
        let begin = self.token("tokenizer.ggml.bos_token_id").unwrap_or_default();
        let end = self.token("tokenizer.ggml.eos_token_id").unwrap_or_default();
        let template = ChatTemplate::new(source, begin, end).map_err(|e| template_error(e.to_string()))?;
        Ok(if is_chatglm { template.of_chatglm(tokens::begins_with_space(self)) } else { template })
    }
}
