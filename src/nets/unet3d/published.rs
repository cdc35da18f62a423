//! config.json as it is published.

use super::config::{ACTIONS, CLIP_POOL_WIDTH, Config, Depth, Level, TEMPORAL_HEAD_SIZE, TRANSFORMER_IN_HEADS};
use candle_core::{Error, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

const PLAIN_DOWN: &str = "DownBlock3D";
const ATTENTION_DOWN: &str = "CrossAttnDownBlock3D";
const PLAIN_UP: &str = "UpBlock3D";
const ATTENTION_UP: &str = "CrossAttnUpBlock3D";

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
pub(super) struct Published {
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
