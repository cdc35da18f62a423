//! Every key of a checkpoint and its shape.

use super::config::{Config, Depth, Heads};
use super::temporal::conv_keys;
use candle_core::{Result, bail};
use std::collections::BTreeMap;

/// The shape of every tensor of a checkpoint, by its key.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Keys that an error names before it only counts the rest.
const NAMED: usize = 8;

impl Config {
    /// Every key that [`super::UNet3d::new`] reads, and its shape.
    pub fn manifest(&self) -> Shapes {
        let mut keys = Keys::default();
        let (Some(first), Some(last)) = (self.levels.first(), self.levels.last()) else { return keys.0 };
        keys.conv("conv_in", self.in_channels, first.channels, 3);
        if let Some(heads) = self.transformer_in {
            keys.temporal("temp_transformer_in", first.channels, heads, 1);
        }
        let embeddings = [
            ("time_embedding", Some(first.channels)),
            ("add_embedding", Some(self.added_width)),
            ("aes_embedding", self.aes_score.then_some(self.number_width)),
            ("midf_clip_pool_embedding", self.clip_pool_width),
            ("action_prob_embedding", self.action_width),
        ];
        for (name, inputs) in embeddings {
            if let Some(inputs) = inputs {
                keys.linear(&format!("{name}.linear_1"), inputs, self.time_width, true);
                keys.linear(&format!("{name}.linear_2"), self.time_width, self.time_width, true);
            }
        }
        for (i, level) in self.levels.iter().enumerate() {
            let down = format!("down_blocks.{i}");
            for (layer, (inputs, outputs)) in self.down_layers(i).into_iter().enumerate() {
                self.layer(&mut keys, &down, layer, (inputs, outputs), level.depth);
            }
            if i + 1 < self.levels.len() {
                keys.conv(&format!("{down}.downsamplers.0.conv"), level.channels, level.channels, 3);
            }
            let up = format!("up_blocks.{}", self.levels.len() - 1 - i);
            for (layer, (inputs, outputs)) in self.up_layers(i).into_iter().enumerate() {
                self.layer(&mut keys, &up, layer, (inputs, outputs), level.depth);
            }
            if i > 0 {
                keys.conv(&format!("{up}.upsamplers.0.conv"), level.channels, level.channels, 3);
            }
        }
        self.layer(&mut keys, "mid_block", 0, (last.channels, last.channels), Some(self.mid));
        self.layer(&mut keys, "mid_block", 1, (last.channels, last.channels), None);
        keys.norm("conv_norm_out", first.channels);
        keys.conv("conv_out", first.channels, self.out_channels, 3);
        keys.0
    }

    /// Holds a checkpoint to [`Self::manifest`].
    ///
    /// # Errors
    /// When keys are missing, when there are others, or when shapes differ; the error names them.
    pub fn check(&self, shapes: &Shapes) -> Result<()> {
        let manifest = self.manifest();
        let missing: Vec<&str> = manifest.keys().filter(|key| !shapes.contains_key(*key)).map(String::as_str).collect();
        let unknown: Vec<&str> = shapes.keys().filter(|key| !manifest.contains_key(*key)).map(String::as_str).collect();
        let differing: Vec<String> = manifest
            .iter()
            .filter_map(|(key, shape)| {
                let found = shapes.get(key).filter(|found| *found != shape)?;
                Some(format!("{key} (is {found:?}, should be {shape:?})"))
            })
            .collect();
        let complaints = [
            ("missing", listed(&missing)),
            ("not part of this network", listed(&unknown)),
            ("of another shape", listed(&differing)),
        ];
        let complaints: Vec<String> =
            complaints.into_iter().filter_map(|(what, keys)| Some(format!("{what}: {}", keys?))).collect();
        if complaints.is_empty() {
            return Ok(());
        }
        bail!("the weights do not fit the video UNet; {}", complaints.join("; "))
    }

    /// Input and output channels of every layer on the way down at a level.
    pub(super) fn down_layers(&self, level: usize) -> Vec<(usize, usize)> {
        let channels = self.levels[level].channels;
        let before = self.levels[level.saturating_sub(1)].channels;
        (0..self.levels[level].layers).map(|i| (if i == 0 { before } else { channels }, channels)).collect()
    }

    /// Input (with the skip) and output channels of every layer on the way up at a level.
    pub(super) fn up_layers(&self, level: usize) -> Vec<(usize, usize)> {
        let channels = self.levels[level].channels;
        let before = self.levels[(level + 1).min(self.levels.len() - 1)].channels;
        // The last skip was made by the layer before the level, which is the one of the level above.
        let last_skip = self.levels[level.saturating_sub(1)].channels;
        let layers = self.levels[level].layers;
        let inputs = |i| if i == 0 { before } else { channels };
        let skip = |i| if i == layers { last_skip } else { channels };
        (0..=layers).map(|i| (inputs(i) + skip(i), channels)).collect()
    }

    /// One residual block, temporal convolution layer and pair of transformers.
    fn layer(
        &self,
        keys: &mut Keys,
        block: &str,
        index: usize,
        (inputs, outputs): (usize, usize),
        depth: Option<Depth>,
    ) {
        let resnet = format!("{block}.resnets.{index}");
        keys.norm(&format!("{resnet}.norm1"), inputs);
        keys.conv(&format!("{resnet}.conv1"), inputs, outputs, 3);
        keys.linear(&format!("{resnet}.time_emb_proj"), self.time_width, outputs, true);
        keys.norm(&format!("{resnet}.norm2"), outputs);
        keys.conv(&format!("{resnet}.conv2"), outputs, outputs, 3);
        if inputs != outputs {
            keys.conv(&format!("{resnet}.conv_shortcut"), inputs, outputs, 1);
        }
        for (norm, conv) in conv_keys(self.more_conv) {
            keys.norm(&format!("{block}.temp_convs.{index}.{norm}"), outputs);
            let conv = format!("{block}.temp_convs.{index}.{conv}");
            keys.add(&conv, "weight", &[outputs, outputs, 3, 1, 1]);
            keys.add(&conv, "bias", &[outputs]);
        }
        let Some(depth) = depth else { return };
        let spatial = format!("{block}.attentions.{index}");
        keys.norm(&format!("{spatial}.norm"), outputs);
        for projection in ["proj_in", "proj_out"] {
            let projection = format!("{spatial}.{projection}");
            if self.linear_projection {
                keys.linear(&projection, outputs, outputs, true);
            } else {
                keys.conv(&projection, outputs, outputs, 1);
            }
        }
        for block in 0..depth.spatial {
            keys.transformer_block(&format!("{spatial}.transformer_blocks.{block}"), outputs, self.context_width);
        }
        let temporal = format!("{block}.temp_attentions.{index}");
        keys.temporal(&temporal, outputs, self.temporal_heads(outputs), depth.temporal);
    }
}

/// The first of some keys, and how many more there are.
fn listed<T: AsRef<str>>(keys: &[T]) -> Option<String> {
    let named: Vec<&str> = keys.iter().take(NAMED).map(AsRef::as_ref).collect();
    match keys.len() {
        0 => None,
        all if all > NAMED => Some(format!("{} and {} more", named.join(", "), all - NAMED)),
        _ => Some(named.join(", ")),
    }
}

#[derive(Default)]
struct Keys(Shapes);

impl Keys {
    fn add(&mut self, layer: &str, part: &str, shape: &[usize]) {
        self.0.insert(format!("{layer}.{part}"), shape.to_vec());
    }

    fn norm(&mut self, layer: &str, channels: usize) {
        self.add(layer, "weight", &[channels]);
        self.add(layer, "bias", &[channels]);
    }

    fn conv(&mut self, layer: &str, inputs: usize, outputs: usize, kernel: usize) {
        self.add(layer, "weight", &[outputs, inputs, kernel, kernel]);
        self.add(layer, "bias", &[outputs]);
    }

    fn linear(&mut self, layer: &str, inputs: usize, outputs: usize, bias: bool) {
        self.add(layer, "weight", &[outputs, inputs]);
        if bias {
            self.add(layer, "bias", &[outputs]);
        }
    }

    fn temporal(&mut self, transformer: &str, channels: usize, heads: Heads, layers: usize) {
        let inner = heads.count * heads.size;
        self.norm(&format!("{transformer}.norm"), channels);
        self.linear(&format!("{transformer}.proj_in"), channels, inner, true);
        for block in 0..layers {
            self.transformer_block(&format!("{transformer}.transformer_blocks.{block}"), inner, inner);
        }
        self.linear(&format!("{transformer}.proj_out"), inner, channels, true);
    }

    fn transformer_block(&mut self, block: &str, width: usize, context_width: usize) {
        for norm in ["norm1", "norm2", "norm3"] {
            self.norm(&format!("{block}.{norm}"), width);
        }
        for (attention, context_width) in [("attn1", width), ("attn2", context_width)] {
            self.linear(&format!("{block}.{attention}.to_q"), width, width, false);
            self.linear(&format!("{block}.{attention}.to_k"), context_width, width, false);
            self.linear(&format!("{block}.{attention}.to_v"), context_width, width, false);
            self.linear(&format!("{block}.{attention}.to_out.0"), width, width, true);
        }
        self.linear(&format!("{block}.ff.net.0.proj"), width, 8 * width, true);
        self.linear(&format!("{block}.ff.net.2"), 4 * width, width, true);
    }
}
