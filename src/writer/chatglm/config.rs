//! `config.json` of a published folder.

use crate::models::weights::read_json;
use crate::nets::llama::{Config, Rope};
use crate::writer::error::WriterError;
use serde::Deserialize;
use std::path::Path;

/// Base of the rotary positions before the file stretches it.
const ROPE_BASE: f32 = 10_000.0;
/// GLM-4 has more than twice as many tokens as ChatGLM3.
const MOST_TOKENS: usize = 100_000;
/// No size in the file is larger.
const LARGEST: usize = 0x100_0000;

/// What the file says; what it leaves out is as the model's own code has it.
#[derive(Deserialize)]
#[serde(default)]
struct File {
    model_type: String,
    #[serde(rename = "_name_or_path")]
    name: String,
    num_layers: usize,
    hidden_size: usize,
    ffn_hidden_size: usize,
    kv_channels: usize,
    num_attention_heads: usize,
    multi_query_attention: bool,
    multi_query_group_num: usize,
    padded_vocab_size: usize,
    seq_length: usize,
    layernorm_epsilon: f32,
    rope_ratio: f32,
    add_qkv_bias: bool,
    tie_word_embeddings: bool,
    rmsnorm: bool,
    post_layer_norm: bool,
    apply_residual_connection_post_layernorm: bool,
    add_bias_linear: bool,
    quantization_bit: u32,
    pre_seq_len: Option<u32>,
    /// Only the first ChatGLM has it.
    position_encoding_2d: Option<bool>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            model_type: String::new(),
            name: String::new(),
            num_layers: 28,
            hidden_size: 4096,
            ffn_hidden_size: 13_696,
            kv_channels: 128,
            num_attention_heads: 32,
            multi_query_attention: false,
            multi_query_group_num: 1,
            padded_vocab_size: 65_024,
            seq_length: 2048,
            layernorm_epsilon: 1e-5,
            rope_ratio: 1.0,
            add_qkv_bias: false,
            tie_word_embeddings: false,
            rmsnorm: true,
            post_layer_norm: true,
            apply_residual_connection_post_layernorm: false,
            add_bias_linear: false,
            quantization_bit: 0,
            pre_seq_len: None,
            position_encoding_2d: None,
        }
    }
}

/// The shape of a published ChatGLM3.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Published {
    config: Config,
    /// Rows of the token table; some behind the last token are padding.
    pub vocabulary: usize,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Whether the token table serves as output, too.
    pub tied: bool,
}

impl Published {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is missing or no JSON, or describes a network that ChatGLM3's is not.
    pub fn read(path: &Path) -> Result<Self, WriterError> {
        let file: File = read_json(path)?;
        file.published().map_err(|reason| WriterError::Folder { path: path.to_owned(), reason })
    }

    /// The network's.
    pub fn network(&self) -> Config {
        self.config.clone()
    }

    /// Its matrices by their names in GGUF files, each with its rows and columns; those of the first layer stand for all.
    pub fn matrices(&self) -> [(&'static str, usize, usize); 6] {
        let Config { hidden, feed_forward, heads, kv_heads, head_width, .. } = self.config;
        [
            ("token_embd", self.vocabulary, hidden),
            ("attn_qkv", (heads + 2 * kv_heads) * head_width, hidden),
            ("attn_output", hidden, heads * head_width),
            ("ffn_up", 2 * feed_forward, hidden),
            ("ffn_down", hidden, feed_forward),
            ("output", self.vocabulary, hidden),
        ]
    }

    /// Number of layers.
    pub fn blocks(&self) -> usize {
        self.config.blocks
    }

    /// Width of what goes from layer to layer.
    pub fn hidden(&self) -> usize {
        self.config.hidden
    }
}

impl File {
    fn published(&self) -> Result<Published, String> {
        self.check_model()?;
        self.check_switches()?;
        let kv_heads = if self.multi_query_attention { self.multi_query_group_num } else { self.num_attention_heads };
        for (key, size) in [
            ("num_layers", self.num_layers),
            ("hidden_size", self.hidden_size),
            ("ffn_hidden_size", self.ffn_hidden_size),
            ("kv_channels", self.kv_channels),
            ("num_attention_heads", self.num_attention_heads),
            ("multi_query_group_num", kv_heads),
            ("padded_vocab_size", self.padded_vocab_size),
            ("seq_length", self.seq_length),
        ] {
            if !(1..=LARGEST).contains(&size) {
                return Err(format!("{key} is {size}; fetch the file again"));
            }
        }
        let (heads, width) = (self.num_attention_heads, self.kv_channels);
        if heads % kv_heads != 0 {
            return Err(format!("{heads} heads do not share {kv_heads} groups evenly; fetch the file again"));
        }
        if width % 4 != 0 {
            return Err(format!("kv_channels is {width}, of which no half can rotate; fetch the file again"));
        }
        if !(self.rope_ratio.is_finite() && self.rope_ratio > 0.0) {
            return Err(format!("rope_ratio is {}; fetch the file again", self.rope_ratio));
        }
        let config = Config {
            blocks: self.num_layers,
            hidden: self.hidden_size,
            feed_forward: self.ffn_hidden_size,
            heads,
            kv_heads,
            head_width: width,
            rope: Rope::Interleaved,
            rope_base: ROPE_BASE * self.rope_ratio,
            rope_width: Some(width / 2),
            norm_epsilon: self.layernorm_epsilon,
            context_len: self.seq_length,
            ..Config::default()
        };
        let (vocabulary, qkv_bias, tied) = (self.padded_vocab_size, self.add_qkv_bias, self.tie_word_embeddings);
        Ok(Published { config, vocabulary, qkv_bias, tied })
    }

    /// Whether this is ChatGLM3 and none of its relatives.
    fn check_model(&self) -> Result<(), String> {
        let other = |what: &str| {
            Err(format!(
                "it describes {what}; of the published folders the writer reads ChatGLM3's, of other models GGUF files"
            ))
        };
        let name = self.name.to_lowercase();
        match self.model_type.as_str() {
            "chatglm" => {}
            "" => return other("no model_type"),
            kind => return other(&format!("a \"{kind}\" model")),
        }
        if self.position_encoding_2d.is_some() {
            return other("the first ChatGLM, another network");
        }
        if name.contains("chatglm2") {
            return other("ChatGLM2, which knows no roles in a conversation");
        }
        if self.padded_vocab_size > MOST_TOKENS {
            return other("GLM-4, whose folder has another kind of tokenizer");
        }
        Ok(())
    }

    /// Whether the network is built as ChatGLM3 is.
    fn check_switches(&self) -> Result<(), String> {
        for (key, value, expected) in [
            ("rmsnorm", self.rmsnorm, true),
            ("post_layer_norm", self.post_layer_norm, true),
            ("apply_residual_connection_post_layernorm", self.apply_residual_connection_post_layernorm, false),
            ("add_bias_linear", self.add_bias_linear, false),
        ] {
            if value != expected {
                return Err(format!("{key} is {value}, which is not supported: in ChatGLM3 it is {expected}"));
            }
        }
        if self.quantization_bit != 0 {
            let bits = self.quantization_bit;
            return Err(format!(
                "quantization_bit is {bits}: its weights were made smaller in a way of their own; use the folder of the \
                 original, or a GGUF file"
            ));
        }
        match self.pre_seq_len {
            Some(len) if len > 0 => Err(format!(
                "pre_seq_len is {len}: it was tuned by a prefix, which is not supported; use the folder of the original"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
impl Published {
    /// That of ChatGLM3-6B.
    pub fn chatglm3_6b() -> Self {
        let file = File {
            model_type: "chatglm".to_owned(),
            multi_query_attention: true,
            multi_query_group_num: 2,
            ..File::default()
        };
        file.published().unwrap()
    }
}
