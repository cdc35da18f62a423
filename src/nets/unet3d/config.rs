//! The shape of the network, as config.json describes it.

use candle_core::{Error, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Heads of `temp_transformer_in` in the release, which no config file names.
pub const TRANSFORMER_IN_HEADS: Heads = Heads { count: 8, size: 64 };
/// Size of a head of every other temporal attention in the release.
pub const TEMPORAL_HEAD_SIZE: usize = 64;
/// Width of the pooled feature of CLIP ViT-H in the release.
const CLIP_POOL_WIDTH: usize = 1280;
/// Actions that the release tells apart.
const ACTIONS: usize = 400;

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
    /// VideoStudio-Vid, as far as its size tells: five temporal convolutions are assumed, and four for
    /// `more_conv: false`. Detect the flags of a real checkpoint by [`Config::detect`].
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

/// One number for all levels, or one for each.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum PerLevel {
    All(usize),
    Each(Vec<usize>),
}

impl PerLevel {
    fn of(&self, levels: usize, setting: &str) -> Result<Vec<usize>> {
        match self {
            Self::All(value) => Ok(vec![*value; levels]),
            Self::Each(values) if values.len() == levels => Ok(values.clone()),
            Self::Each(values) => bail!("{setting} in config.json has {} values for {levels} levels", values.len()),
        }
    }
}

/// config.json as it is published, with the defaults of the release's constructor.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Published {
    in_channels: usize,
    out_channels: usize,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
    block_out_channels: Vec<usize>,
    layers_per_block: PerLevel,
    cross_attention_dim: PerLevel,
    transformer_layers_per_block: PerLevel,
    attention_head_dim: PerLevel,
    norm_num_groups: usize,
    norm_eps: f64,
    use_linear_projection: bool,
    time_embedding_dim: Option<usize>,
    addition_time_embed_dim: Option<usize>,
    projection_class_embeddings_input_dim: Option<usize>,
    temporal_trans_num_align_spatial: bool,
    use_transformer_in: bool,
    aes_condition: bool,
    temporal_res_use_more_conv: bool,
    midf_clip_pool_fea_guidance: bool,
    action_prob_fea_guidance: bool,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Default for Published {
    fn default() -> Self {
        let strings = |names: [&str; 3]| names.map(str::to_owned).to_vec();
        Self {
            in_channels: 4,
            out_channels: 4,
            down_block_types: strings([PLAIN_DOWN, ATTENTION_DOWN, ATTENTION_DOWN]),
            up_block_types: strings([ATTENTION_UP, ATTENTION_UP, PLAIN_UP]),
            block_out_channels: vec![320, 640, 1280],
            layers_per_block: PerLevel::All(2),
            cross_attention_dim: PerLevel::All(1280),
            transformer_layers_per_block: PerLevel::All(1),
            attention_head_dim: PerLevel::All(8),
            norm_num_groups: 32,
            norm_eps: 1e-5,
            use_linear_projection: false,
            time_embedding_dim: None,
            addition_time_embed_dim: None,
            projection_class_embeddings_input_dim: None,
            temporal_trans_num_align_spatial: false,
            use_transformer_in: true,
            aes_condition: false,
            temporal_res_use_more_conv: false,
            midf_clip_pool_fea_guidance: false,
            action_prob_fea_guidance: false,
            others: Map::new(),
        }
    }
}

const PLAIN_DOWN: &str = "DownBlock3D";
const ATTENTION_DOWN: &str = "CrossAttnDownBlock3D";
const PLAIN_UP: &str = "UpBlock3D";
const ATTENTION_UP: &str = "CrossAttnUpBlock3D";

/// Settings of which this network knows one value only, the release's default.
fn only_values() -> [(&'static str, Value); 16] {
    [
        ("mid_block_type", "UNetMidBlock3DCrossAttn".into()),
        ("center_input_sample", false.into()),
        ("flip_sin_to_cos", true.into()),
        ("freq_shift", 0.0.into()),
        ("only_cross_attention", false.into()),
        ("dual_cross_attention", false.into()),
        ("downsample_padding", 1.0.into()),
        ("mid_block_scale_factor", 1.0.into()),
        ("act_fn", "silu".into()),
        ("resnet_time_scale_shift", "default".into()),
        ("conv_in_kernel", 3.0.into()),
        ("conv_out_kernel", 3.0.into()),
        ("timestep_post_act", Value::Null),
        ("time_cond_proj_dim", Value::Null),
        ("temporal_trans_double_equip", false.into()),
        ("warping_concate_in_channel", false.into()),
    ]
}

impl TryFrom<Published> for Config {
    type Error = Error;

    fn try_from(published: Published) -> Result<Self> {
        for (setting, runnable) in only_values() {
            let found = published.others.get(setting).unwrap_or(&runnable);
            // `0` and `0.0` are the same setting.
            if found != &runnable && (found.as_f64().is_none() || found.as_f64() != runnable.as_f64()) {
                bail!("{setting} in config.json is {found}; this network runs {runnable} only");
            }
        }
        let channels = &published.block_out_channels;
        let count = channels.len();
        if count == 0 || published.down_block_types.len() != count || published.up_block_types.len() != count {
            bail!(
                "config.json has {count} block_out_channels, {} down_block_types and {} up_block_types; they are as many",
                published.down_block_types.len(),
                published.up_block_types.len()
            );
        }
        let layers = published.layers_per_block.of(count, "layers_per_block")?;
        let heads = published.attention_head_dim.of(count, "attention_head_dim")?;
        let depths = published.transformer_layers_per_block.of(count, "transformer_layers_per_block")?;
        let contexts = published.cross_attention_dim.of(count, "cross_attention_dim")?;
        if contexts.iter().any(|&width| width != contexts[0]) {
            bail!("cross_attention_dim in config.json is {contexts:?}; one context has one width");
        }
        let depth =
            |spatial| Depth { spatial, temporal: if published.temporal_trans_num_align_spatial { spatial } else { 1 } };
        let mut levels = Vec::new();
        for (i, &channels) in channels.iter().enumerate() {
            let (down, up) = (&published.down_block_types[i], &published.up_block_types[count - 1 - i]);
            let attention = match (down.as_str(), up.as_str()) {
                (PLAIN_DOWN, PLAIN_UP) => false,
                (ATTENTION_DOWN, ATTENTION_UP) => true,
                _ => bail!(
                    "config.json has {down} and {up} at one level; this network runs {ATTENTION_DOWN} with \
                            {ATTENTION_UP}, or {PLAIN_DOWN} with {PLAIN_UP}"
                ),
            };
            let depth = attention.then(|| depth(depths[i]));
            levels.push(Level { channels, layers: layers[i], heads: heads[i], depth });
        }
        let needed = |value: Option<usize>, setting: &str| match value {
            Some(value) => Ok(value),
            None => bail!("config.json has no {setting}"),
        };
        Ok(Self {
            in_channels: published.in_channels,
            out_channels: published.out_channels,
            levels,
            mid: depth(depths[count - 1]),
            context_width: contexts[0],
            time_width: published.time_embedding_dim.unwrap_or(4 * channels[0]),
            number_width: needed(published.addition_time_embed_dim, "addition_time_embed_dim")?,
            added_width: needed(
                published.projection_class_embeddings_input_dim,
                "projection_class_embeddings_input_dim",
            )?,
            aes_score: published.aes_condition,
            clip_pool_width: published.midf_clip_pool_fea_guidance.then_some(CLIP_POOL_WIDTH),
            action_width: published.action_prob_fea_guidance.then_some(ACTIONS),
            transformer_in: published.use_transformer_in.then_some(TRANSFORMER_IN_HEADS),
            more_conv: published.temporal_res_use_more_conv,
            linear_projection: published.use_linear_projection,
            temporal_head_size: TEMPORAL_HEAD_SIZE,
            groups: published.norm_num_groups,
            eps: published.norm_eps,
        })
    }
}
