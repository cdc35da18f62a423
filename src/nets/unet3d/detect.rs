//! The shape of the network, read off the keys and shapes of a checkpoint.

use super::config::{Config, Depth, Heads, Level, TRANSFORMER_IN_HEADS};
use super::manifest::Shapes;
use candle_core::{Result, bail};

impl Config {
    /// What the keys and shapes of a checkpoint say. No tensor is needed.
    ///
    /// `published` is the config.json beside it; it gives what no key tells: the counts of heads, the width of the
    /// sinusoids where there is no aesthetic score, and the settings of the norms. Its flags and sizes are not believed.
    ///
    /// # Errors
    /// When keys belong to a variant that this network does not run, when keys are missing or unknown, or when shapes
    /// contradict each other; the error names them.
    pub fn detect(shapes: &Shapes, published: &Self) -> Result<Self> {
        let evidence = Evidence(shapes);
        evidence.reject_other_variants()?;
        let levels = evidence.levels(published)?;
        let mid_places = evidence.depth("mid_block")?;
        let Some(mid) = mid_places else { bail!("mid_block.attentions.0 is missing from the weights") };
        evidence.reject_uneven_depths(&levels, mid)?;
        let width = |embedding: &str| match evidence.has(&format!("{embedding}.")) {
            true => Ok::<_, candle_core::Error>(Some(evidence.side(&format!("{embedding}.linear_1.weight"), 1)?)),
            false => Ok(None),
        };
        let number_width = width("aes_embedding")?;
        let attention = match levels.iter().position(|level| level.depth.is_some()) {
            Some(level) => format!("down_blocks.{level}.attentions.0"),
            None => "mid_block.attentions.0".to_owned(),
        };
        let context_key = format!("{attention}.transformer_blocks.0.attn2.to_k.weight");
        let config = Self {
            in_channels: evidence.side("conv_in.weight", 1)?,
            out_channels: evidence.side("conv_out.weight", 0)?,
            levels,
            mid,
            context_width: evidence.side(&context_key, 1)?,
            time_width: evidence.side("time_embedding.linear_1.weight", 0)?,
            number_width: number_width.unwrap_or(published.number_width),
            added_width: evidence.side("add_embedding.linear_1.weight", 1)?,
            aes_score: number_width.is_some(),
            clip_pool_width: width("midf_clip_pool_embedding")?,
            action_width: width("action_prob_embedding")?,
            transformer_in: evidence.transformer_in(published)?,
            more_conv: shapes.keys().any(|key| key.contains(".temp_convs.") && key.contains(".conv5.")),
            linear_projection: evidence.linear_projection(&format!("{attention}.proj_in.weight"))?,
            temporal_head_size: published.temporal_head_size,
            groups: published.groups,
            eps: published.eps,
        };
        config.check(shapes)?;
        Ok(config)
    }
}

/// The keys and shapes of a checkpoint.
struct Evidence<'a>(&'a Shapes);

impl Evidence<'_> {
    /// The first key that starts so.
    fn first(&self, start: &str) -> Option<&str> {
        let (key, _) = self.0.range(start.to_owned()..).next()?;
        key.starts_with(start).then_some(key.as_str())
    }

    fn has(&self, start: &str) -> bool {
        self.first(start).is_some()
    }

    /// How many there are of a list of modules.
    fn count(&self, list: &str) -> usize {
        (0..).take_while(|i| self.has(&format!("{list}.{i}."))).count()
    }

    /// One side of a tensor.
    fn side(&self, key: &str, axis: usize) -> Result<usize> {
        match self.0.get(key) {
            None => bail!("{key} is missing from the weights"),
            Some(shape) => match shape.get(axis) {
                Some(&side) => Ok(side),
                None => bail!("{key} has the shape {shape:?}, which this network does not know"),
            },
        }
    }

    /// The variants of the release that were never the default, each by a key that only it has.
    fn reject_other_variants(&self) -> Result<()> {
        let containing = |part: &str| self.0.keys().find(|key| key.contains(part)).map(String::as_str);
        let variants = [
            (containing("temp_attentions_equip."), "a second temporal transformer in each layer"),
            (self.first("warping_conv_in."), "warped frames as more input channels"),
            (self.first("mid_block.temp_mid_"), "the mid block that halves the picture once more"),
            (containing(".temp_transformer_blocks."), "transformers over space and time in one (the full mid block)"),
        ];
        for (key, variant) in variants {
            if let Some(key) = key {
                bail!("{key}: these weights have {variant}, which this network does not run");
            }
        }
        if self.has("mid_block.attentions.") && !self.has("mid_block.temp_attentions.") {
            bail!(
                "mid_block.temp_attentions.0 is missing: these weights have the small mid block, which this network \
                 does not run"
            );
        }
        Ok(())
    }

    fn levels(&self, published: &Config) -> Result<Vec<Level>> {
        let count = self.count("down_blocks");
        if count == 0 {
            bail!("down_blocks.0 is missing from the weights: they are not those of a UNet");
        }
        if published.levels.len() != count {
            bail!("the weights have {count} levels, config.json has heads for {}", published.levels.len());
        }
        let level = |(i, published): (usize, &Level)| {
            let block = format!("down_blocks.{i}");
            Ok(Level {
                channels: self.side(&format!("{block}.resnets.0.conv1.weight"), 0)?,
                layers: self.count(&format!("{block}.resnets")),
                heads: published.heads,
                depth: self.depth(&block)?,
            })
        };
        published.levels.iter().enumerate().map(level).collect()
    }

    /// The blocks of the transformers of a block's first layer.
    fn depth(&self, block: &str) -> Result<Option<Depth>> {
        let spatial = self.count(&format!("{block}.attentions.0.transformer_blocks"));
        let temporal = self.count(&format!("{block}.temp_attentions.0.transformer_blocks"));
        match (spatial, temporal) {
            (0, 0) => Ok(None),
            (0, _) => bail!("{block}.attentions.0.transformer_blocks.0 is missing from the weights"),
            (_, 0) => bail!("{block}.temp_attentions.0.transformer_blocks.0 is missing from the weights"),
            (spatial, temporal) => Ok(Some(Depth { spatial, temporal })),
        }
    }

    /// The temporal transformers are either all as deep as the spatial ones or all one block deep. Anything else is a
    /// file that lost some.
    fn reject_uneven_depths(&self, levels: &[Level], mid: Depth) -> Result<()> {
        let places =
            levels.iter().enumerate().filter_map(|(i, level)| Some((format!("down_blocks.{i}"), level.depth?)));
        let places: Vec<(String, Depth)> = places.chain([("mid_block".to_owned(), mid)]).collect();
        let aligned = places.iter().any(|(_, depth)| depth.temporal > 1);
        for (block, Depth { spatial, temporal }) in places {
            let expected = if aligned { spatial } else { 1 };
            if temporal < expected {
                bail!("{block}.temp_attentions.0.transformer_blocks.{temporal} is missing from the weights");
            }
            if temporal > expected {
                bail!("{block}.attentions.0.transformer_blocks.{spatial} is missing from the weights");
            }
        }
        Ok(())
    }

    fn transformer_in(&self, published: &Config) -> Result<Option<Heads>> {
        if !self.has("temp_transformer_in.") {
            return Ok(None);
        }
        let width = self.side("temp_transformer_in.proj_in.weight", 0)?;
        let heads = published.transformer_in.unwrap_or(TRANSFORMER_IN_HEADS);
        if heads.count * heads.size != width {
            bail!(
                "temp_transformer_in.proj_in.weight gives a width of {width}, {} heads of {} are expected",
                heads.count,
                heads.size
            );
        }
        Ok(Some(heads))
    }

    fn linear_projection(&self, key: &str) -> Result<bool> {
        match self.0.get(key).map(Vec::as_slice) {
            Some([_, _]) => Ok(true),
            Some([_, _, 1, 1]) => Ok(false),
            Some(shape) => {
                bail!("{key} has the shape {shape:?}, which is neither a linear layer nor a 1 × 1 convolution")
            }
            None => bail!("{key} is missing from the weights"),
        }
    }
}
