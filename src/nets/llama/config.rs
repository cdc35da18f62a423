//! What tells one decoder of the family from another.

use crate::nets::ops::Activation;
use crate::nets::ops::decoder::Attention;

/// Shape of a decoder, read from a GGUF file's metadata. What the default says is how llama and qwen2 do it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Number of layers.
    pub blocks: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward layers.
    pub feed_forward: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_width: usize,
    /// Base of the rotary position frequencies.
    pub rope_base: f32,
    /// That of the layers with a window, where it is another (gemma3).
    pub local_rope_base: Option<f32>,
    /// How rotary positions pair the numbers of a head.
    pub rope: Rope,
    /// Numbers of a head that rotate, from the first; all of them without it (phi3, chatglm).
    pub rope_width: Option<usize>,
    /// Positions are divided by this, but not those of layers with a base of their own (linear scaling).
    pub rope_stretch: f32,
    /// What rotates grows by this factor (phi3).
    pub rope_magnitude: f32,
    /// Tokens that the model was first trained with. Where the file has two lists of rotary factors, the short one is
    /// used up to here, and the long one for a longer `context_len` (phi3).
    pub short_context_len: Option<usize>,
    /// Added to the variance in RMS norms.
    pub norm_epsilon: f32,
    /// Most tokens that the model can attend to.
    pub context_len: usize,
    /// What the feed-forward layers' gates go through.
    pub activation: Activation,
    /// Embeddings are multiplied with this (gemma).
    pub embedding_scale: f32,
    /// What products of queries and keys are multiplied with; `1 / sqrt(head_width)` without it.
    pub score_scale: Option<f32>,
    /// Attention scores come no further from 0 than this (gemma2).
    pub score_cap: Option<f32>,
    /// The scores of tokens come no further from 0 than this (gemma2).
    pub output_cap: Option<f32>,
    /// Layers that see a few tokens back only.
    pub window: Option<Window>,
    /// Whether queries and keys are normed, head by head (qwen3, gemma3).
    pub head_norms: bool,
    /// Whether what attention and feed-forward layers give is normed, too (gemma2, gemma3).
    pub post_norms: bool,
}

/// Which two numbers of a head rotate together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rope {
    /// Neighbours, `2i` with `2i + 1`: llama and chatglm.
    Interleaved,
    /// Halves, `i` with `i + width / 2`: all others.
    Halves,
}

/// Layers that see a few tokens back only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// So many, the token itself among them.
    pub tokens: usize,
    /// Whether a layer is one of them; those beyond the end are not.
    pub blocks: Vec<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            blocks: 0,
            hidden: 0,
            feed_forward: 0,
            heads: 0,
            kv_heads: 0,
            head_width: 0,
            rope_base: 10_000.0,
            local_rope_base: None,
            rope: Rope::Halves,
            rope_width: None,
            rope_stretch: 1.0,
            rope_magnitude: 1.0,
            short_context_len: None,
            norm_epsilon: 1e-5,
            context_len: 0,
            activation: Activation::Silu,
            embedding_scale: 1.0,
            score_scale: None,
            score_cap: None,
            output_cap: None,
            window: None,
            head_norms: false,
            post_norms: false,
        }
    }
}

impl Config {
    /// Whether a layer sees a few tokens back only.
    pub fn is_local(&self, block: usize) -> bool {
        self.window.as_ref().is_some_and(|window| window.blocks.get(block).copied().unwrap_or(false))
    }

    pub(super) fn attention(&self, block: usize) -> Attention {
        Attention {
            scale: self.score_scale.unwrap_or_else(|| (self.head_width as f32).powf(-0.5)),
            cap: self.score_cap,
            window: self.window.as_ref().filter(|_| self.is_local(block)).map(|window| window.tokens),
        }
    }

    /// Numbers of a head that rotate.
    pub(super) fn rotating(&self) -> usize {
        self.rope_width.unwrap_or(self.head_width)
    }
}
