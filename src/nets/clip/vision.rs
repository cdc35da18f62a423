//! CLIP's vision towers.
//!
//! Sources: `CLIPVisionModel` and `CLIPVisionModelWithProjection` of transformers 4.41.

use super::encoder::{Encoder, Shape};
use super::tower_fields;
use crate::nets::ops::{Activation, Conv2d, ConvConfig, LayerNorm, Linear, Mask, add};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

/// The shape of a vision tower, as its `config.json` has it.
///
/// A whole CLIP's file is read too. Fields that a file leaves out have the defaults of transformers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", default)]
pub struct VisionConfig {
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
    /// Channels of a picture.
    pub num_channels: usize,
    /// Width and height of a picture, in pixels.
    pub image_size: usize,
    /// Width and height of the patch that becomes a token, in pixels.
    pub patch_size: usize,
    /// Inside the feed-forward layers.
    pub hidden_act: Activation,
    /// Added to the variance in the norms.
    pub layer_norm_eps: f64,
}

impl Default for VisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            projection_dim: 512,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

impl<'de> Deserialize<'de> for VisionConfig {
    fn deserialize<T: Deserializer<'de>>(deserializer: T) -> std::result::Result<Self, T::Error> {
        let file = Map::<String, Value>::deserialize(deserializer)?;
        Self::deserialize(tower_fields(file, "vision_config")).map_err(de::Error::custom)
    }
}

impl VisionConfig {
    /// The vision tower of `laion/CLIP-ViT-H-14-laion2B-s32B-b79K`, which is also that of VideoStudio's image encoder.
    pub fn clip_vit_h_14() -> Self {
        Self {
            hidden_size: 1280,
            intermediate_size: 5120,
            projection_dim: 1024,
            num_hidden_layers: 32,
            num_attention_heads: 16,
            patch_size: 14,
            hidden_act: Activation::Gelu,
            ..Self::default()
        }
    }

    /// The vision tower of `openai/clip-vit-large-patch14`.
    pub fn clip_vit_l_14() -> Self {
        Self {
            hidden_size: 1024,
            intermediate_size: 4096,
            projection_dim: 768,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            patch_size: 14,
            ..Self::default()
        }
    }

    /// Tokens of a picture: its patches and one for the whole.
    pub fn tokens(&self) -> usize {
        (self.image_size / self.patch_size.max(1)).pow(2) + 1
    }

    fn shape(&self) -> Shape {
        Shape {
            width: self.hidden_size,
            inner: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            eps: self.layer_norm_eps,
            activation: self.hidden_act,
            mask: Mask::None,
        }
    }
}

/// What a vision tower makes of `[batch, channels, size, size]`.
#[derive(Debug, Clone)]
pub struct VisionOutput {
    /// `[batch, tokens, width]` after the last layer, not normed: the context of VideoStudio-Vid.
    pub last_hidden_state: Tensor,
    /// `[batch, tokens, width]` before the last layer (`hidden_states[-2]`): what VideoStudio-Img resamples.
    pub penultimate: Tensor,
    /// `[batch, width]`: the first token of the last hidden state, normed.
    pub pooled: Tensor,
}

/// A vision tower.
#[derive(Debug, Clone)]
pub struct VisionModel {
    /// `[width]`
    class: Tensor,
    patches: Conv2d,
    /// `[tokens, width]`
    positions: Tensor,
    pre_norm: LayerNorm,
    encoder: Encoder,
    post_norm: LayerNorm,
    /// `[channels, size, size]`
    picture: [usize; 3],
}

impl VisionModel {
    /// Reads `vision_model.*`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape than the config asks for, or when the config has no whole patches.
    pub fn new(config: &VisionConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let &VisionConfig { hidden_size: width, num_channels, image_size, patch_size, layer_norm_eps: eps, .. } =
            config;
        if patch_size == 0 || patch_size > image_size {
            candle_core::bail!("pictures of {image_size} × {image_size} pixels have no patches of {patch_size} pixels");
        }
        let vb = vb.pp("vision_model");
        let embeddings = vb.pp("embeddings");
        let stride = ConvConfig { stride: patch_size, ..ConvConfig::default() };
        Ok(Self {
            class: embeddings.get(width, "class_embedding")?,
            patches: Conv2d::no_bias(num_channels, width, patch_size, stride, embeddings.pp("patch_embedding"))?,
            positions: embeddings.get((config.tokens(), width), "position_embedding.weight")?,
            // The checkpoints spell it so.
            pre_norm: LayerNorm::new(width, eps, vb.pp("pre_layrnorm"))?,
            encoder: Encoder::new(config.shape(), vb.pp("encoder"))?,
            post_norm: LayerNorm::new(width, eps, vb.pp("post_layernorm"))?,
            picture: [num_channels, image_size, image_size],
        })
    }

    /// Everything that the tower gives for normalised pictures `[batch, channels, size, size]`.
    ///
    /// # Errors
    /// When the pictures have another size than the tower was made for.
    pub fn forward(&self, pictures: &Tensor) -> Result<VisionOutput> {
        let penultimate = self.penultimate(pictures)?;
        let last_hidden_state = self.encoder.last(&penultimate)?;
        let pooled = self.post_norm.forward(&last_hidden_state.narrow(1, 0, 1)?.squeeze(1)?)?;
        Ok(VisionOutput { last_hidden_state, penultimate, pooled })
    }

    /// `[batch, tokens, width]` before the last layer (`hidden_states[-2]`), without computing that layer.
    ///
    /// # Errors
    /// As for [`Self::forward`].
    pub fn penultimate(&self, pictures: &Tensor) -> Result<Tensor> {
        self.encoder.all_but_last(&self.embed(pictures)?)
    }

    /// `[batch, tokens, width]` before the first layer (`hidden_states[0]`).
    ///
    /// # Errors
    /// As for [`Self::forward`].
    pub fn embed(&self, pictures: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = pictures.dims4()?;
        if [channels, height, width] != self.picture {
            let [expected, size, _] = self.picture;
            candle_core::bail!(
                "pictures of {channels} channels and {width} × {height} pixels; this vision tower takes {expected} \
                 channels and {size} × {size} pixels, prepare them with the preprocessor_config.json of its weights"
            );
        }
        let patches = self.patches.forward(pictures)?.flatten_from(2)?.transpose(1, 2)?;
        let class = self.class.reshape((1, 1, ()))?.repeat((batch, 1, 1))?;
        let tokens = Tensor::cat(&[&class, &patches], 1)?;
        self.pre_norm.forward(&add(&tokens, &self.positions.broadcast_as(tokens.shape())?)?)
    }
}

/// A vision tower with the projection into the space that texts and pictures share.
#[derive(Debug, Clone)]
pub struct VisionModelWithProjection {
    model: VisionModel,
    projection: Linear,
}

impl VisionModelWithProjection {
    /// Reads `vision_model.*` and `visual_projection.weight`.
    ///
    /// # Errors
    /// As for [`VisionModel::new`].
    pub fn new(config: &VisionConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let projection = Linear::no_bias(config.hidden_size, config.projection_dim, vb.pp("visual_projection"))?;
        Ok(Self { model: VisionModel::new(config, vb)?, projection })
    }

    /// The tower without the projection.
    pub fn model(&self) -> &VisionModel {
        &self.model
    }

    /// What the tower gives for normalised pictures `[batch, channels, size, size]`, and their projected embeddings
    /// `[batch, projection_dim]`.
    ///
    /// # Errors
    /// As for [`VisionModel::forward`].
    pub fn forward(&self, pictures: &Tensor) -> Result<(VisionOutput, Tensor)> {
        let output = self.model.forward(pictures)?;
        let projected = self.projection.forward(&output.pooled)?;
        Ok((output, projected))
    }
}
