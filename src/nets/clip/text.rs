//! CLIP's text encoders.
//!
//! Sources: `CLIPTextModel` and `CLIPTextModelWithProjection` of transformers 4.41.

use super::encoder::{Encoder, Shape};
use super::tower_fields;
use crate::nets::ops::{Activation, LayerNorm, Linear, Mask, add};
use candle_core::{D, DType, Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

/// The end token of config files from before transformers 4.31, which was never a text's real one.
const LEGACY_EOS: u32 = 2;

/// The shape of a text encoder, as its `config.json` has it.
///
/// A whole CLIP's file is read too. Fields that a file leaves out have the defaults of transformers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", default)]
pub struct TextConfig {
    /// Tokens that have an embedding.
    pub vocab_size: usize,
    /// Width of the tokens.
    pub hidden_size: usize,
    /// Width inside the feed-forward layers.
    pub intermediate_size: usize,
    /// Width of the projected embedding.
    pub projection_dim: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads of the attention.
    pub num_attention_heads: usize,
    /// The longest text, in tokens.
    pub max_position_embeddings: usize,
    /// Inside the feed-forward layers.
    pub hidden_act: Activation,
    /// Added to the variance in the norms.
    pub layer_norm_eps: f64,
    /// The token whose first place is the pooled one; 2 stands for the highest token of each text.
    pub eos_token_id: u32,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49_408,
            hidden_size: 512,
            intermediate_size: 2048,
            projection_dim: 512,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
            eos_token_id: 49_407,
        }
    }
}

impl<'de> Deserialize<'de> for TextConfig {
    fn deserialize<T: Deserializer<'de>>(deserializer: T) -> std::result::Result<Self, T::Error> {
        let file = Map::<String, Value>::deserialize(deserializer)?;
        Self::deserialize(tower_fields(file, "text_config")).map_err(de::Error::custom)
    }
}

impl TextConfig {
    /// The text encoder of Stable Diffusion 1.5, OpenAI's ViT-L/14.
    pub fn stable_diffusion_1_5() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            projection_dim: 768,
            num_attention_heads: 12,
            eos_token_id: LEGACY_EOS,
            ..Self::default()
        }
    }

    /// The text encoder of Stable Diffusion 2.1, OpenCLIP's ViT-H/14 without its last layer.
    pub fn stable_diffusion_2_1() -> Self {
        Self {
            hidden_size: 1024,
            intermediate_size: 4096,
            num_hidden_layers: 23,
            num_attention_heads: 16,
            hidden_act: Activation::Gelu,
            eos_token_id: LEGACY_EOS,
            ..Self::default()
        }
    }

    /// `text_encoder` of Stable Diffusion XL, the same as that of 1.5.
    pub fn stable_diffusion_xl() -> Self {
        Self::stable_diffusion_1_5()
    }

    /// `text_encoder_2` of Stable Diffusion XL, OpenCLIP's ViT-bigG/14 with its projection.
    pub fn stable_diffusion_xl_2() -> Self {
        Self {
            hidden_size: 1280,
            intermediate_size: 5120,
            projection_dim: 1280,
            num_hidden_layers: 32,
            num_attention_heads: 20,
            hidden_act: Activation::Gelu,
            eos_token_id: LEGACY_EOS,
            ..Self::default()
        }
    }

    fn shape(&self) -> Shape {
        Shape {
            width: self.hidden_size,
            inner: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            eps: self.layer_norm_eps,
            activation: self.hidden_act,
            mask: Mask::Causal,
        }
    }
}

/// What a text encoder makes of `[batch, tokens]`.
#[derive(Debug, Clone)]
pub struct TextOutput {
    /// `[batch, tokens, width]` after the last layer and the final norm: the context of Stable Diffusion 1.5 and 2.1.
    pub last_hidden_state: Tensor,
    /// `[batch, tokens, width]` before the last layer, not normed (`hidden_states[-2]`): the context of XL.
    pub penultimate: Tensor,
    /// `[batch, width]`: the last hidden state at the end token.
    pub pooled: Tensor,
}

/// A text encoder.
#[derive(Debug, Clone)]
pub struct TextModel {
    /// `[vocab_size, width]`
    tokens: Tensor,
    /// `[max_position_embeddings, width]`
    positions: Tensor,
    encoder: Encoder,
    final_norm: LayerNorm,
    eos_token_id: u32,
}

impl TextModel {
    /// Reads `text_model.*`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape than the config asks for.
    pub fn new(config: &TextConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let vb = vb.pp("text_model");
        let (width, embeddings) = (config.hidden_size, vb.pp("embeddings"));
        Ok(Self {
            tokens: embeddings.get((config.vocab_size, width), "token_embedding.weight")?,
            positions: embeddings.get((config.max_position_embeddings, width), "position_embedding.weight")?,
            encoder: Encoder::new(config.shape(), vb.pp("encoder"))?,
            final_norm: LayerNorm::new(width, config.layer_norm_eps, vb.pp("final_layer_norm"))?,
            eos_token_id: config.eos_token_id,
        })
    }

    /// Everything that the encoder gives for token ids `[batch, tokens]`.
    ///
    /// # Errors
    /// When a text is longer than the encoder's positions, or an id is none of its tokens.
    pub fn forward(&self, ids: &Tensor) -> Result<TextOutput> {
        let texts = self.checked_ids(ids)?;
        let penultimate = self.encoder.all_but_last(&self.embed(ids)?)?;
        let last_hidden_state = self.final_norm.forward(&self.encoder.last(&penultimate)?)?;
        let ends = texts.iter().enumerate().map(|(index, text)| last_hidden_state.get(index)?.get(self.end_of(text)));
        let pooled = Tensor::stack(&ends.collect::<Result<Vec<_>>>()?, 0)?;
        Ok(TextOutput { last_hidden_state, penultimate, pooled })
    }

    /// `[batch, tokens, width]` before the last layer, not normed (`hidden_states[-2]`), without computing that layer.
    ///
    /// # Errors
    /// As for [`Self::forward`].
    pub fn penultimate(&self, ids: &Tensor) -> Result<Tensor> {
        self.checked_ids(ids)?;
        self.encoder.all_but_last(&self.embed(ids)?)
    }

    /// Where the pooled token is.
    ///
    /// Like transformers, the first token is taken if the text has no end token; those of our tokenizer have one.
    fn end_of(&self, text: &[i64]) -> usize {
        let end = match self.eos_token_id {
            LEGACY_EOS => text.iter().max().copied(),
            eos => Some(i64::from(eos)),
        };
        text.iter().position(|&id| Some(id) == end).unwrap_or(0)
    }

    fn checked_ids(&self, ids: &Tensor) -> Result<Vec<Vec<i64>>> {
        let (vocabulary, longest) = (self.tokens.dim(0)?, self.positions.dim(0)?);
        let (_, length) = ids.dims2()?;
        if length == 0 || length > longest {
            candle_core::bail!("a text of {length} tokens, the text encoder takes 1 to {longest}");
        }
        let ids: Vec<Vec<i64>> = ids.to_dtype(DType::I64)?.to_vec2()?;
        let is_known = |id: i64| usize::try_from(id).is_ok_and(|id| id < vocabulary);
        if let Some(id) = ids.iter().flatten().find(|&&id| !is_known(id)) {
            candle_core::bail!(
                "token {id} is not among the text encoder's {vocabulary}; use the tokenizer that comes with its weights"
            );
        }
        Ok(ids)
    }

    fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        let (batch, length) = ids.dims2()?;
        let tokens = self.tokens.index_select(&ids.flatten_all()?, 0)?;
        let positions = self.positions.narrow(0, 0, length)?;
        let tokens = tokens.reshape((batch, length, self.tokens.dim(D::Minus1)?))?;
        add(&tokens, &positions.broadcast_as(tokens.shape())?)
    }
}

/// A text encoder with the projection into the space that texts and pictures share.
#[derive(Debug, Clone)]
pub struct TextModelWithProjection {
    model: TextModel,
    projection: Linear,
}

impl TextModelWithProjection {
    /// Reads `text_model.*` and `text_projection.weight`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape than the config asks for.
    pub fn new(config: &TextConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let projection = Linear::no_bias(config.hidden_size, config.projection_dim, vb.pp("text_projection"))?;
        Ok(Self { model: TextModel::new(config, vb)?, projection })
    }

    /// What the encoder gives for token ids `[batch, tokens]`, and its projected embeddings `[batch, projection_dim]`.
    ///
    /// # Errors
    /// As for [`TextModel::forward`].
    pub fn forward(&self, ids: &Tensor) -> Result<(TextOutput, Tensor)> {
        let output = self.model.forward(ids)?;
        let projected = self.projection.forward(&output.pooled)?;
        Ok((output, projected))
    }
}
