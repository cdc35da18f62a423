//! The shape of the network.

use super::published::Published;
use serde::Deserialize;

/// Heads of `temp_transformer_in` in the release, which no config file names.
pub const TRANSFORMER_IN_HEADS: Heads = Heads { count: 8, size: 64 };
/// Size of a head of every other temporal attention in the release.
pub const TEMPORAL_HEAD_SIZE: usize = 64;
/// Width of the pooled feature of CLIP ViT-H in the release.
pub(super) const CLIP_POOL_WIDTH: usize = 1280;
/// Actions that the release tells apart.
pub(super) const ACTIONS: usize = 400;

/// How an attention divides into heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Heads side by side.
    pub count: usize,
    /// Width of each.
    pub size: usize,
}

/// How many transformer blocks lie one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Blocks of the transformer over the pixels of a frame.
    pub spatial: usize,
    /// Blocks of the transformer over the frames of a pixel.
    pub temporal: usize,
}

/// One resolution of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Channels of its feature maps.
    pub channels: usize,
    /// Layers on the way down. There is one more on the way up.
    pub layers: usize,
    /// Heads of its spatial attentions.
    pub heads: usize,
    /// Its transformers, where it has any.
    pub depth: Option<Depth>,
}

/// The shape of the network.
///
/// Read from config.json by serde, or from a checkpoint's shapes by [`Config::detect`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Published")]
pub struct Config {
    /// Channels of the latents.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// The resolutions, from the finest to the coarsest.
    pub levels: Vec<Level>,
    /// The transformers between the way down and the way up, with the heads of the last level.
    pub mid: Depth,
    /// Width of the image tokens.
    pub context_width: usize,
    /// Width of the embedding of time and conditions.
    pub time_width: usize,
    /// Width of the sinusoids of a time id or an aesthetic score (`addition_time_embed_dim`).
    pub number_width: usize,
    /// Width of the pooled text and all time ids together (`projection_class_embeddings_input_dim`).
    pub added_width: usize,
    /// Whether there is an aesthetic score (`aes_condition`).
    pub aes_score: bool,
    /// Width of the pooled image feature, where there is one (`midf_clip_pool_fea_guidance`).
    pub clip_pool_width: Option<usize>,
    /// Width of the action vector, where there is one (`action_prob_fea_guidance`).
    pub action_width: Option<usize>,
    /// The temporal transformer after the first convolution, where there is one (`use_transformer_in`).
    pub transformer_in: Option<Heads>,
    /// Whether a temporal convolution layer has five convolutions and not four (`temporal_res_use_more_conv`).
    pub more_conv: bool,
    /// Whether the spatial transformers' projections are linear layers and not 1 × 1 convolutions.
    pub linear_projection: bool,
    /// Size of the heads of the temporal attentions.
    pub temporal_head_size: usize,
    /// Groups of the norms.
    pub groups: usize,
    /// Epsilon of the norms.
    pub eps: f64,
}

impl Config {
    /// VideoStudio-Vid, as its published number of parameters suggests. That its temporal layers have five convolutions
    /// and not four is assumed; [`Config::detect`] tells from a checkpoint.
    pub fn videostudio_vid() -> Self {
        let level = |channels, heads, depth: usize| Level {
            channels,
            layers: 2,
            heads,
            depth: (depth > 0).then_some(Depth { spatial: depth, temporal: depth }),
        };
        Self {
            in_channels: 4,
            out_channels: 4,
            levels: vec![level(320, 5, 0), level(640, 10, 2), level(1280, 20, 10)],
            mid: Depth { spatial: 10, temporal: 10 },
            context_width: 1280,
            time_width: 1280,
            number_width: 256,
            added_width: 2816,
            aes_score: true,
            clip_pool_width: Some(CLIP_POOL_WIDTH),
            action_width: Some(ACTIONS),
            transformer_in: Some(TRANSFORMER_IN_HEADS),
            more_conv: true,
            linear_projection: true,
            temporal_head_size: TEMPORAL_HEAD_SIZE,
            groups: 32,
            eps: 1e-5,
        }
    }

    /// Heads of the temporal attentions at a level of that many channels.
    pub(super) fn temporal_heads(&self, channels: usize) -> Heads {
        Heads { count: channels / self.temporal_head_size.max(1), size: self.temporal_head_size }
    }
}
