//! The shape of a UNet, as a published `unet/config.json` has it.

use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A number for every resolution, or one for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PerBlock {
    /// One for all.
    All(usize),
    /// One for each, the largest pictures first.
    Each(Vec<usize>),
}

impl PerBlock {
    /// Checks that there is a number for every block, and none too many.
    pub(super) fn resolve(&self, field: &str, blocks: usize) -> Result<Vec<usize>> {
        match self {
            Self::All(all) => Ok(vec![*all; blocks]),
            Self::Each(each) if each.len() == blocks => Ok(each.clone()),
            Self::Each(each) => bail!("UNet config: {field} has {} values for {blocks} blocks", each.len()),
        }
    }
}

/// The settings of a UNet. What a file leaves out has the default of diffusers 0.24, which is that of SD 1.x.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Side of the latents that the network was trained on, in latent pixels.
    pub sample_size: Option<usize>,
    /// Channels of the latents.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Whether cosines come before sines in the embedding of the time.
    pub flip_sin_to_cos: bool,
    /// The shift of the frequencies in the embedding of the time.
    pub freq_shift: f64,
    /// `CrossAttnDownBlock2D` or `DownBlock2D`, the largest pictures first.
    pub down_block_types: Vec<String>,
    /// `UNetMidBlock2DCrossAttn`.
    pub mid_block_type: Option<String>,
    /// `CrossAttnUpBlock2D` or `UpBlock2D`, the smallest pictures first.
    pub up_block_types: Vec<String>,
    /// Channels at every resolution, the largest pictures first.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks at every resolution on the way down; there is one more on the way up.
    pub layers_per_block: PerBlock,
    /// Padding of the layers that halve the picture.
    pub downsample_padding: usize,
    /// Groups of the norms.
    pub norm_num_groups: usize,
    /// Epsilon of the norms.
    pub norm_eps: f64,
    /// Width of the context's tokens.
    pub cross_attention_dim: PerBlock,
    /// Transformer blocks in every transformer.
    pub transformer_layers_per_block: PerBlock,
    /// The COUNT of attention heads, whatever the field's name says.
    pub attention_head_dim: PerBlock,
    /// Whether the transformers' projections are stored as linear layers and not as 1 × 1 convolutions.
    pub use_linear_projection: bool,
    /// `text_time` where pooled text and picture sizes are added to the time, as in SDXL.
    pub addition_embed_type: Option<String>,
    /// Sinusoids for every one of the picture sizes, with `text_time`.
    pub addition_time_embed_dim: Option<usize>,
    /// Width of pooled text and the sinusoids of all picture sizes together, with `text_time`.
    pub projection_class_embeddings_input_dim: Option<usize>,
    /// Whether attention computes in f32 whatever the type of the weights.
    pub upcast_attention: Option<bool>,
    /// All other fields of the file. [`Config::check`] refuses those that ask for another network.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self::sd15()
    }
}

impl Config {
    /// Stable Diffusion 1.5 and models derived from it.
    pub fn sd15() -> Self {
        let (cross, plain) = (|way: &str| format!("CrossAttn{way}Block2D"), |way: &str| format!("{way}Block2D"));
        Self {
            sample_size: Some(64),
            in_channels: 4,
            out_channels: 4,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            down_block_types: vec![cross("Down"), cross("Down"), cross("Down"), plain("Down")],
            mid_block_type: Some("UNetMidBlock2DCrossAttn".to_owned()),
            up_block_types: vec![plain("Up"), cross("Up"), cross("Up"), cross("Up")],
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: PerBlock::All(2),
            downsample_padding: 1,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            cross_attention_dim: PerBlock::All(768),
            transformer_layers_per_block: PerBlock::All(1),
            attention_head_dim: PerBlock::All(8),
            use_linear_projection: false,
            addition_embed_type: None,
            addition_time_embed_dim: None,
            projection_class_embeddings_input_dim: None,
            upcast_attention: None,
            other: BTreeMap::new(),
        }
    }

    /// Stable Diffusion 2.1 for pictures of 768 × 768.
    pub fn sd21() -> Self {
        Self {
            sample_size: Some(96),
            cross_attention_dim: PerBlock::All(1024),
            attention_head_dim: PerBlock::Each(vec![5, 10, 20, 20]),
            use_linear_projection: true,
            upcast_attention: Some(true),
            ..Self::sd15()
        }
    }

    /// Stable Diffusion XL.
    pub fn sdxl() -> Self {
        let names = |names: [&str; 3]| names.map(str::to_owned).to_vec();
        Self {
            sample_size: Some(128),
            down_block_types: names(["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"]),
            up_block_types: names(["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]),
            block_out_channels: vec![320, 640, 1280],
            cross_attention_dim: PerBlock::All(2048),
            transformer_layers_per_block: PerBlock::Each(vec![1, 2, 10]),
            attention_head_dim: PerBlock::Each(vec![5, 10, 20]),
            use_linear_projection: true,
            addition_embed_type: Some("text_time".to_owned()),
            addition_time_embed_dim: Some(256),
            projection_class_embeddings_input_dim: Some(2816),
            ..Self::sd15()
        }
    }

    /// Width of the time embedding.
    pub fn time_width(&self) -> usize {
        4 * self.block_out_channels.first().copied().unwrap_or_default()
    }
}
