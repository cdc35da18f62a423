//! From the settings of a UNet to its resolutions, and which settings this network has.

use super::config::Config;
use super::transformer::TransformerConfig;
use candle_core::{Result, bail};
use serde_json::Value;

/// Fields for which this network has one value only, as JSON text; `null` is allowed for all of them, and a list of that
/// value too.
const FIXED: &[(&str, &str)] = &[
    ("act_fn", "\"silu\""),
    ("attention_type", "\"default\""),
    ("center_input_sample", "false"),
    ("class_embed_type", "null"),
    ("class_embeddings_concat", "false"),
    ("conv_in_kernel", "3"),
    ("conv_out_kernel", "3"),
    ("cross_attention_norm", "null"),
    ("dual_cross_attention", "false"),
    ("encoder_hid_dim", "null"),
    ("encoder_hid_dim_type", "null"),
    ("mid_block_only_cross_attention", "false"),
    ("mid_block_scale_factor", "1"),
    ("num_attention_heads", "null"),
    ("num_class_embeds", "null"),
    ("only_cross_attention", "false"),
    ("resnet_out_scale_factor", "1"),
    ("resnet_skip_time_act", "false"),
    ("resnet_time_scale_shift", "\"default\""),
    ("reverse_transformer_layers_per_block", "null"),
    ("time_cond_proj_dim", "null"),
    ("time_embedding_act_fn", "null"),
    ("time_embedding_dim", "null"),
    ("time_embedding_type", "\"positional\""),
    ("timestep_post_act", "null"),
];

/// One resolution of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Channels that its blocks give.
    pub channels: usize,
    /// Residual blocks.
    pub layers: usize,
    /// The transformer after each residual block, where there is one.
    pub transformer: Option<TransformerConfig>,
}

/// The resolutions of a checked [`Config`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// The largest pictures first.
    pub down: Vec<Level>,
    /// Between down and up.
    pub mid: TransformerConfig,
    /// The smallest pictures first.
    pub up: Vec<Level>,
    /// Width of the context's tokens.
    pub context_width: usize,
}

/// Where a cross-attention is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossAttention {
    /// Its number among all attentions of the network, self-attentions included, counted down, up, mid.
    pub index: usize,
    /// Its name in the checkpoint, such as `mid_block.attentions.0.transformer_blocks.0.attn2`.
    pub name: String,
    /// Width of its queries.
    pub width: usize,
    /// Width of the tokens that it looks at.
    pub context_width: usize,
}

impl Config {
    /// Checks all settings and works out the resolutions.
    ///
    /// # Errors
    /// When a setting asks for something that this network does not have; the message names the field.
    pub fn check(&self) -> Result<Levels> {
        self.check_fixed()?;
        let blocks = self.block_out_channels.len();
        for (field, count) in
            [("down_block_types", self.down_block_types.len()), ("up_block_types", self.up_block_types.len())]
        {
            if count != blocks || blocks == 0 {
                bail!("UNet config: {field} has {count} values for {blocks} block_out_channels");
            }
        }
        let layers = self.layers_per_block.resolve("layers_per_block", blocks)?;
        let heads = self.attention_head_dim.resolve("attention_head_dim", blocks)?;
        let depth = self.transformer_layers_per_block.resolve("transformer_layers_per_block", blocks)?;
        let widths = self.cross_attention_dim.resolve("cross_attention_dim", blocks)?;
        let context_width = widths[0];
        if widths.iter().any(|&width| width != context_width) {
            bail!("UNet config: cross_attention_dim {widths:?}: one context has one width");
        }
        let transformer = |level: usize| TransformerConfig {
            channels: self.block_out_channels[level],
            heads: heads[level],
            layers: depth[level],
            context_width,
            groups: self.norm_num_groups,
            linear_projection: self.use_linear_projection,
            upcast: self.upcast_attention == Some(true),
        };
        let level = |level: usize, more: usize, transforms: bool| Level {
            channels: self.block_out_channels[level],
            layers: layers[level] + more,
            transformer: transforms.then(|| transformer(level)),
        };
        let mut down = Vec::new();
        for (i, name) in self.down_block_types.iter().enumerate() {
            let names = ["CrossAttnDownBlock2D", "DownBlock2D"];
            down.push(level(i, 0, transforms(&format!("down_block_types[{i}]"), name, names)?));
        }
        let mut up = Vec::new();
        for (i, name) in self.up_block_types.iter().enumerate() {
            let names = ["CrossAttnUpBlock2D", "UpBlock2D"];
            up.push(level(blocks - 1 - i, 1, transforms(&format!("up_block_types[{i}]"), name, names)?));
        }
        Ok(Levels { down, mid: transformer(blocks - 1), up, context_width })
    }

    fn check_fixed(&self) -> Result<()> {
        let allowed = |value: &Value, only: &str| {
            let same = |value: &Value| match value {
                Value::Null => true,
                // A file may write 1 or 1.0.
                Value::Number(number) => number.as_f64() == only.parse().ok(),
                other => serde_json::from_str::<Value>(only).is_ok_and(|only| *other == only),
            };
            value.as_array().map_or_else(|| same(value), |list| list.iter().all(same))
        };
        for (field, only) in FIXED {
            if let Some(value) = self.other.get(*field).filter(|value| !allowed(value, only)) {
                bail!("UNet config: {field} = {value} is not supported, only {only}");
            }
        }
        if self.mid_block_type.as_deref() != Some("UNetMidBlock2DCrossAttn") {
            let there = self.mid_block_type.as_deref().unwrap_or("null");
            bail!("UNet config: mid_block_type = {there} is not supported, only UNetMidBlock2DCrossAttn");
        }
        match self.addition_embed_type.as_deref() {
            None => Ok(()),
            Some("text_time") => {
                for (field, value) in [
                    ("addition_time_embed_dim", self.addition_time_embed_dim),
                    ("projection_class_embeddings_input_dim", self.projection_class_embeddings_input_dim),
                ] {
                    if value.is_none() {
                        bail!("UNet config: {field} is missing, which addition_embed_type = text_time needs");
                    }
                }
                Ok(())
            }
            Some(other) => {
                bail!("UNet config: addition_embed_type = {other} is not supported, only text_time or null")
            }
        }
    }

    /// The cross-attentions in the order in which adapters number them: down, up, mid.
    ///
    /// # Errors
    /// As for [`Config::check`].
    pub fn cross_attentions(&self) -> Result<Vec<CrossAttention>> {
        let levels = self.check()?;
        let mut all = Vec::new();
        let mut push = |prefix: String, transformer: &TransformerConfig| {
            for block in 0..transformer.layers {
                all.push(CrossAttention {
                    // Every block has a self-attention in front.
                    index: 2 * all.len() + 1,
                    name: format!("{prefix}.transformer_blocks.{block}.attn2"),
                    width: transformer.channels,
                    context_width: transformer.context_width,
                });
            }
        };
        for (way, blocks) in [("down_blocks", &levels.down), ("up_blocks", &levels.up)] {
            for (i, level) in blocks.iter().enumerate() {
                for layer in 0..level.layers {
                    if let Some(transformer) = &level.transformer {
                        push(format!("{way}.{i}.attentions.{layer}"), transformer);
                    }
                }
            }
        }
        push("mid_block.attentions.0".to_owned(), &levels.mid);
        Ok(all)
    }
}

/// Whether a block of this name has transformers: the first name has, the second has not.
fn transforms(field: &str, name: &str, [with, without]: [&str; 2]) -> Result<bool> {
    match name {
        _ if name == with => Ok(true),
        _ if name == without => Ok(false),
        _ => bail!("UNet config: {field} = {name} is not supported, only {with} and {without}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        let config: Config = serde_json::from_str(json).unwrap();
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn a_setting_of_another_network_is_named() {
        assert!(error(r#"{"down_block_types": ["A", "B", "C", "KDownBlock2D"]}"#).contains("down_block_types[0] = A"));
        assert!(error(r#"{"mid_block_type": "UNetMidBlock2DSimpleCrossAttn"}"#).contains("mid_block_type"));
        assert!(error(r#"{"mid_block_type": null}"#).contains("mid_block_type"));
        assert!(error(r#"{"attention_head_dim": [5, 10]}"#).contains("attention_head_dim has 2"));
        assert!(error(r#"{"dual_cross_attention": true}"#).contains("dual_cross_attention = true"));
        assert!(error(r#"{"only_cross_attention": [false, true]}"#).contains("only_cross_attention"));
        assert!(error(r#"{"resnet_out_scale_factor": 1.5}"#).contains("resnet_out_scale_factor"));
        assert!(error(r#"{"class_embed_type": "timestep"}"#).contains("class_embed_type"));
        assert!(error(r#"{"addition_embed_type": "image"}"#).contains("addition_embed_type = image"));
        assert!(error(r#"{"addition_embed_type": "text_time"}"#).contains("addition_time_embed_dim"));
        assert!(error(r#"{"block_out_channels": []}"#).contains("down_block_types"));
    }

    #[test]
    fn published_files_are_read() {
        // What the three files write beside the fields of ours, in their spelling.
        let sd15 = r#"{"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.6.0", "act_fn": "silu",
            "center_input_sample": false, "mid_block_scale_factor": 1, "freq_shift": 0, "sample_size": 64}"#;
        let sdxl = r#"{"resnet_out_scale_factor": 1.0, "upcast_attention": null, "only_cross_attention": false,
            "transformer_layers_per_block": [1, 2, 10], "attention_head_dim": [5, 10, 20], "norm_eps": 1e-05,
            "block_out_channels": [320, 640, 1280], "num_attention_heads": null, "time_embedding_type": "positional",
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]}"#;
        let read = |json: &str| serde_json::from_str::<Config>(json).unwrap().check().unwrap();
        assert_eq!(read(sd15), Config::sd15().check().unwrap());
        assert_eq!(read(sdxl).down[2].transformer.map(|it| (it.heads, it.layers)), Some((20, 10)));
        for preset in [Config::sd15(), Config::sd21(), Config::sdxl()] {
            let json = serde_json::to_string(&preset).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), preset);
            preset.check().unwrap();
        }
        assert_eq!(Config::sdxl().cross_attentions().unwrap().len(), 70);
    }
}
