//! The transformers between the residual blocks: every pixel is a token, which looks at all others and at a context.
//!
//! A context, such as the words of a prompt, stays the same from step to step. Its keys and values are therefore computed
//! once, by [`SpatialTransformer::prepare`], and used in every forward pass.

use crate::nets::ops::{Activation, GroupNorm, LayerNorm, Linear, Mask, add, attention};
use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

/// Epsilon of the norm in front of a transformer, which no config names.
const GROUP_NORM_EPS: f64 = 1e-6;
/// Epsilon of the norms inside a transformer.
const LAYER_NORM_EPS: f64 = 1e-5;

/// What a cross-attention looks at: one key and one value for each token of a context.
#[derive(Debug, Clone)]
pub struct KeyValue {
    /// `[batch, tokens, width]`
    pub key: Tensor,
    /// `[batch, tokens, width]`
    pub value: Tensor,
}

/// Attention of several heads with its projections (`Attention`).
#[derive(Debug, Clone)]
pub struct Attention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: usize,
    upcast: bool,
}

impl Attention {
    /// Reads `to_q`, `to_k`, `to_v` (no biases) and `to_out.0`.
    ///
    /// `context_width` is that of the tokens that are looked at: `width` itself in a self-attention. `upcast` computes the
    /// scores in f32 whatever the type of the weights.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the width does not divide into heads.
    pub fn new(width: usize, context_width: usize, heads: usize, upcast: bool, vb: VarBuilder<'_>) -> Result<Self> {
        if heads == 0 || !width.is_multiple_of(heads) {
            candle_core::bail!("{}: a width of {width} does not divide into {heads} heads", vb.prefix());
        }
        Ok(Self {
            to_q: Linear::no_bias(width, width, vb.pp("to_q"))?,
            to_k: Linear::no_bias(context_width, width, vb.pp("to_k"))?,
            to_v: Linear::no_bias(context_width, width, vb.pp("to_v"))?,
            to_out: Linear::new(width, width, vb.pp("to_out.0"))?,
            heads,
            upcast,
        })
    }

    /// The keys and values of a context: `[batch, tokens, context_width]`.
    ///
    /// # Errors
    /// When the last dimension is not `context_width`.
    pub fn key_value(&self, context: &Tensor) -> Result<KeyValue> {
        Ok(KeyValue { key: self.to_k.forward(context)?, value: self.to_v.forward(context)? })
    }

    /// Attends to each of `branches` with the same queries, adds what they give, projects it and adds `residual`.
    ///
    /// `x` and `residual` are `[batch, tokens, width]`. The batch of a branch may be smaller, when the frames of a video
    /// lie side by side in the batch and share their context.
    ///
    /// # Errors
    /// When there is no branch, or when the shapes do not fit together.
    pub fn forward(&self, x: &Tensor, branches: &[KeyValue], residual: &Tensor) -> Result<Tensor> {
        let q = self.to_q.forward(x)?;
        let mut sum: Option<Tensor> = None;
        for branch in branches {
            let y = self.attend(&q, branch)?;
            sum = Some(match sum {
                Some(sum) => add(&sum, &y)?,
                None => y,
            });
        }
        drop(q);
        let Some(sum) = sum else { candle_core::bail!("an attention needs something to look at") };
        self.to_out.forward_plus(&sum, residual)
    }

    /// Attends to the tokens themselves, and adds `residual`: both `[batch, tokens, width]`.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward_self(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        self.forward(x, &[self.key_value(x)?], residual)
    }

    fn attend(&self, q: &Tensor, KeyValue { key, value }: &KeyValue) -> Result<Tensor> {
        let (batch, tokens, width) = q.dims3()?;
        let contexts = key.dim(0)?;
        if contexts == 0 || !batch.is_multiple_of(contexts) {
            candle_core::bail!("{contexts} contexts for a batch of {batch}");
        }
        // The frames of a video share their context: they are more queries of one picture.
        let q = q.reshape((contexts, batch / contexts * tokens, width))?;
        let y = if self.upcast {
            // Both casts give the tensor itself where it is f32 already.
            let f32 = |x: &Tensor| x.to_dtype(DType::F32);
            attention(&f32(&q)?, &f32(key)?, &f32(value)?, self.heads, Mask::None)?.to_dtype(q.dtype())?
        } else {
            attention(&q, key, value, self.heads, Mask::None)?
        };
        y.reshape((batch, tokens, width))
    }
}

/// The gated feed-forward layers of a transformer block (`FeedForward` with `geglu`).
#[derive(Debug, Clone)]
pub struct FeedForward {
    proj: Linear,
    out: Linear,
}

impl FeedForward {
    /// Reads `net.0.proj` and `net.2`; four times the width lies between them.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(width: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let vb = vb.pp("net");
        Ok(Self {
            proj: Linear::new(width, 8 * width, vb.pp("0.proj"))?,
            out: Linear::new(4 * width, width, vb.pp("2"))?,
        })
    }

    /// `[..., width]` to the same shape, plus a residual of that shape.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        // A statement of its own, so that the wide tensor is gone before the next one is made.
        let gated = self.proj.forward_geglu(x)?;
        self.out.forward_plus(&gated, residual)
    }
}

/// Self-attention, cross-attention, feed-forward, each after a norm and with a residual (`BasicTransformerBlock`).
#[derive(Debug, Clone)]
struct TransformerBlock {
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff: FeedForward,
}

impl TransformerBlock {
    fn new(config: &TransformerConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let &TransformerConfig { channels, heads, context_width, upcast, .. } = config;
        Ok(Self {
            norm1: LayerNorm::new(channels, LAYER_NORM_EPS, vb.pp("norm1"))?,
            attn1: Attention::new(channels, channels, heads, upcast, vb.pp("attn1"))?,
            norm2: LayerNorm::new(channels, LAYER_NORM_EPS, vb.pp("norm2"))?,
            attn2: Attention::new(channels, context_width, heads, upcast, vb.pp("attn2"))?,
            norm3: LayerNorm::new(channels, LAYER_NORM_EPS, vb.pp("norm3"))?,
            ff: FeedForward::new(channels, vb.pp("ff"))?,
        })
    }

    fn forward(&self, mut x: Tensor, branches: &[KeyValue]) -> Result<Tensor> {
        x = self.attn1.forward_self(&self.norm1.forward(&x)?, &x)?;
        x = self.attn2.forward(&self.norm2.forward(&x)?, branches, &x)?;
        self.ff.forward(&self.norm3.forward(&x)?, &x)
    }
}

/// The shape of a [`SpatialTransformer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransformerConfig {
    /// Channels of the picture, which are the width of its tokens too.
    pub channels: usize,
    /// Heads of every attention.
    pub heads: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Width of the context's tokens.
    pub context_width: usize,
    /// Groups of the norm in front.
    pub groups: usize,
    /// Whether `proj_in` and `proj_out` are stored as linear layers and not as 1 × 1 convolutions.
    pub linear_projection: bool,
    /// Whether attention computes in f32 whatever the type of the weights.
    pub upcast: bool,
}

/// What the cross-attentions of one [`SpatialTransformer`] look at: for every block its branches, of which the first is
/// the context itself and others are added by adapters.
#[derive(Debug, Clone)]
pub struct TransformerContext {
    /// The branches of every block.
    pub blocks: Vec<Vec<KeyValue>>,
}

/// Transformer blocks over the pixels of a picture, with a residual around all (`Transformer2DModel`).
#[derive(Debug, Clone)]
pub struct SpatialTransformer {
    norm: GroupNorm,
    proj_in: Linear,
    transformer_blocks: Vec<TransformerBlock>,
    proj_out: Linear,
}

impl SpatialTransformer {
    /// Reads `norm`, `proj_in`, `transformer_blocks.N` and `proj_out`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the channels do not divide into groups or heads.
    pub fn new(config: &TransformerConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let channels = config.channels;
        let projection = if config.linear_projection { Linear::new } else { Linear::pointwise };
        let blocks = vb.pp("transformer_blocks");
        Ok(Self {
            norm: GroupNorm::new(config.groups, channels, GROUP_NORM_EPS, vb.pp("norm"))?,
            proj_in: projection(channels, channels, vb.pp("proj_in"))?,
            transformer_blocks: (0..config.layers)
                .map(|i| TransformerBlock::new(config, blocks.pp(i)))
                .collect::<Result<_>>()?,
            proj_out: projection(channels, channels, vb.pp("proj_out"))?,
        })
    }

    /// The keys and values of a context, `[batch, tokens, context_width]`, for every block.
    ///
    /// # Errors
    /// When the last dimension is not `context_width`.
    pub fn prepare(&self, context: &Tensor) -> Result<TransformerContext> {
        let branches = |block: &TransformerBlock| Ok(vec![block.attn2.key_value(context)?]);
        Ok(TransformerContext { blocks: self.transformer_blocks.iter().map(branches).collect::<Result<_>>()? })
    }

    /// `[batch, channels, height, width]` to the same shape.
    ///
    /// The batch of the context may be smaller than that of `x`, when the frames of a video lie side by side in the
    /// batch: `[videos, tokens, context_width]`.
    ///
    /// # Errors
    /// When the shapes do not fit together, or when the context was prepared by another transformer.
    pub fn forward(&self, x: &Tensor, context: &TransformerContext) -> Result<Tensor> {
        if context.blocks.len() != self.transformer_blocks.len() {
            candle_core::bail!(
                "the context was prepared by another network: it is for {} transformer blocks, there are {}",
                context.blocks.len(),
                self.transformer_blocks.len()
            );
        }
        let mut tokens = self.proj_in.forward_pixels(&self.norm.forward(x, Activation::None)?)?;
        for (block, branches) in self.transformer_blocks.iter().zip(&context.blocks) {
            tokens = block.forward(tokens, branches)?;
        }
        self.proj_out.forward_to_pixels_plus(&tokens, x)
    }
}
