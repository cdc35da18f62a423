//! Opening a GGUF chat model: checks first, then weights, tokenizer and chat template.

use super::error::{FAMILIES, WriterError};
use super::template::ChatTemplate;
use crate::models::weights::{Gguf, GgufError};
use crate::nets::llama::{Config, Llama, Rope};
use crate::progress::Progress;
use candle_core::quantized::gguf_file::{Content, Value, VersionedMagic};
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use toktrie::TokEnv;
use toktrie_hf_tokenizers::ByteTokenizer;

/// Everything that a GGUF file of a chat model holds.
pub(super) struct ChatModel {
    pub net: Llama,
    pub tokens: TokEnv,
    pub template: ChatTemplate,
    /// The token that every text starts with, where the file asks for one.
    pub begin: Option<u32>,
}

struct Metadata {
    path: PathBuf,
    content: Content,
    family: String,
}

impl ChatModel {
    /// Loads `path` onto the CPU. Everything that can be checked without reading the weights is checked before.
    pub fn load(path: &Path, progress: &dyn Progress) -> Result<Self, WriterError> {
        let (file, metadata) = open(path)?;
        let config = metadata.config()?;
        let template = metadata.template()?;
        let vocabulary = metadata.vocabulary()?;

        let net = read(&file, path, config, progress)?;
        if net.vocabulary() < vocabulary {
            return Err(corrupt(path, format!("{vocabulary} tokens but {} embeddings", net.vocabulary())));
        }
        let tokens = metadata.tokens(net.vocabulary())?;
        Ok(Self { net, tokens, template, begin: metadata.begin() })
    }
}

/// The network of a model alone, for those who measure it.
///
/// # Errors
/// When the file cannot be used.
pub fn network(path: &Path, progress: &dyn Progress) -> Result<Llama, WriterError> {
    let (file, metadata) = open(path)?;
    read(&file, path, metadata.config()?, progress)
}

/// Opens a file of a family that there is a network for.
fn open(path: &Path) -> Result<(Gguf, Metadata), WriterError> {
    let mut file = Gguf::open(path).map_err(|error| unusable(path, error))?;
    // What reads the tokenizer asks for candle's type; its tensors are not needed.
    let content = Content {
        magic: VersionedMagic::GgufV3,
        metadata: file.take_metadata(),
        tensor_infos: HashMap::new(),
        tensor_data_offset: 0,
    };
    let family = match content.metadata.get("general.architecture") {
        Some(Value::String(family)) => family.clone(),
        _ => return Err(corrupt(path, "it does not name its architecture")),
    };
    if !FAMILIES.contains(&family.as_str()) {
        return Err(WriterError::Family { path: path.to_owned(), family });
    }
    let metadata = Metadata { path: path.to_owned(), content, family };
    Ok((file, metadata))
}

/// The network of an open file.
fn read(file: &Gguf, path: &Path, config: Config, progress: &dyn Progress) -> Result<Llama, WriterError> {
    let tensors = file.tensors() as u64;
    let mut done = 0;
    let mut stopped = Ok(());
    let mut source = |name: &str| {
        let step = progress.step(done, tensors).map_err(WriterError::from);
        let tensor = step.and_then(|()| file.tensor(name).map_err(|error| unusable(path, error)));
        match tensor {
            Ok(tensor) => {
                done += u64::from(tensor.is_some());
                Ok(tensor)
            }
            Err(error) => {
                let message = error.to_string();
                stopped = Err(error);
                candle_core::bail!("{message}")
            }
        }
    };
    let net = Llama::new(config, &mut source);
    stopped?;
    net.map_err(|e| corrupt(path, plain(&e)))
}

/// An error of candle in one line.
fn plain(error: &candle_core::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim().to_owned()
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
    fn corrupt(&self, reason: impl Into<String>) -> WriterError {
        corrupt(&self.path, reason)
    }

    fn number(&self, key: &str) -> Option<u64> {
        match *self.content.metadata.get(key)? {
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

    fn float(&self, key: &str) -> Option<f32> {
        match *self.content.metadata.get(key)? {
            Value::F32(v) => Some(v),
            Value::F64(v) => Some(v as f32),
            _ => None,
        }
    }

    /// A positive number under the family's name.
    fn size(&self, key: &str) -> Result<usize, WriterError> {
        let key = format!("{}.{key}", self.family);
        match self.number(&key) {
            Some(size @ 1..=0x100_0000) => Ok(size as usize),
            Some(size) => Err(self.corrupt(format!("{key} is {size}"))),
            None => Err(self.corrupt(format!("{key} is missing"))),
        }
    }

    fn config(&self) -> Result<Config, WriterError> {
        let family_key = |key: &str| format!("{}.{key}", self.family);
        let hidden = self.size("embedding_length")?;
        let heads = self.size("attention.head_count")?;
        let kv_heads = match self.number(&family_key("attention.head_count_kv")) {
            Some(_) => self.size("attention.head_count_kv")?,
            None => heads,
        };
        let head_width = match self.number(&family_key("attention.key_length")) {
            Some(_) => self.size("attention.key_length")?,
            None => hidden / heads,
        };
        if heads % kv_heads != 0 || head_width == 0 || head_width % 2 != 0 {
            return Err(self.corrupt(format!("{heads} heads of {head_width} do not share {kv_heads} keys evenly")));
        }
        if self.number(&family_key("rope.dimension_count")).is_some_and(|width| width != head_width as u64) {
            return Err(self.corrupt("its rotary positions cover only a part of each head, which is not supported"));
        }
        if self.number(&family_key("expert_count")).is_some_and(|experts| experts > 0) {
            return Err(WriterError::Family {
                path: self.path.clone(),
                family: format!("{} with experts", self.family),
            });
        }
        Ok(Config {
            blocks: self.size("block_count")?,
            hidden,
            feed_forward: self.size("feed_forward_length")?,
            heads,
            kv_heads,
            head_width,
            rope_base: self.float(&family_key("rope.freq_base")).unwrap_or(10_000.0),
            rope: if self.family == "llama" { Rope::Interleaved } else { Rope::Halves },
            norm_epsilon: self.float(&family_key("attention.layer_norm_rms_epsilon")).unwrap_or(1e-5),
            context_len: self.size("context_length")?,
        })
    }

    fn begin(&self) -> Option<u32> {
        let wanted = matches!(self.content.metadata.get("tokenizer.ggml.add_bos_token"), Some(Value::Bool(true)));
        self.number("tokenizer.ggml.bos_token_id").filter(|_| wanted).map(|id| id as u32)
    }

    fn vocabulary(&self) -> Result<usize, WriterError> {
        match self.content.metadata.get("tokenizer.ggml.tokens") {
            Some(Value::Array(tokens)) if !tokens.is_empty() => Ok(tokens.len()),
            _ => Err(self.tokenizer_error("tokenizer.ggml.tokens is missing")),
        }
    }

    fn tokenizer_error(&self, reason: impl ToString) -> WriterError {
        WriterError::Tokenizer { path: self.path.clone(), reason: reason.to_string() }
    }

    /// The spelling of the token whose id the metadata hold under `key`.
    fn token(&self, key: &str) -> Option<String> {
        let id = self.number(key)? as usize;
        match self.content.metadata.get("tokenizer.ggml.tokens") {
            Some(Value::Array(tokens)) => tokens.get(id)?.to_string().ok().cloned(),
            _ => None,
        }
    }

    fn template(&self) -> Result<ChatTemplate, WriterError> {
        let template_error = |reason: String| WriterError::Template { path: self.path.clone(), reason };
        let source = match self.content.metadata.get("tokenizer.chat_template") {
            Some(Value::String(source)) => source,
            _ => return Err(template_error("the file has none".to_owned())),
        };
        let begin = self.token("tokenizer.ggml.bos_token_id").unwrap_or_default();
        let end = self.token("tokenizer.ggml.eos_token_id").unwrap_or_default();
        ChatTemplate::new(source, begin, end).map_err(|e| template_error(e.to_string()))
    }

    /// The tokenizer in the form that constrained decoding needs, with `vocabulary` entries.
    ///
    /// candle builds it, llguidance uses another version of the same library: it goes over as JSON.
    fn tokens(&self, vocabulary: usize) -> Result<TokEnv, WriterError> {
        let tokenizer = tokenizers::Tokenizer::from_gguf(&self.content).map_err(|e| self.tokenizer_error(plain(&e)))?;
        let json = tokenizer.to_string(false).map_err(|e| self.tokenizer_error(e))?;
        drop(tokenizer);
        // Where candle does not know the tokenizer's variety it puts a space before every text. None of the byte-level
        // models wants that, and a grammar that forces "Scene" cannot begin with " Scene".
        let json = json.replace("\"add_prefix_space\":true", "\"add_prefix_space\":false");
        let mut tokenizer = ByteTokenizer::from_json_bytes(json.as_bytes()).map_err(|e| self.tokenizer_error(e))?;
        let count = tokenizer.tokrx_info().vocab_size;
        if let Some(end) = self.number("tokenizer.ggml.eos_token_id").filter(|end| *end < count.into()) {
            tokenizer.set_eos_token(end as u32);
        }
        tokenizer.into_tok_env(Some(vocabulary)).map_err(|e| self.tokenizer_error(e))
    }
}
