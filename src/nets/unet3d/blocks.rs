//! The ways down and up, and the block between them.

use super::config::{Config, Depth};
use super::temporal::{TemporalConvLayer, TemporalTransformer};
use crate::nets::unet::blocks::{Downsample, ResnetBlock, ResnetConfig, Upsample};
use crate::nets::unet::transformer::{SpatialTransformer, TransformerConfig, TransformerContext};
use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;

/// What all blocks of one forward pass share.
#[derive(Debug)]
pub struct Pass<'a> {
    /// The embedding of time and conditions: `[videos, time_width]`.
    pub time: Tensor,
    /// Frames of each video.
    pub frames: usize,
    /// The prepared contexts of the transformers that are still to come, in running order.
    pub contexts: std::slice::Iter<'a, TransformerContext>,
}

/// A residual block and temporal convolutions, then a transformer over the pixels and one over the frames.
#[derive(Debug, Clone)]
struct Layer {
    resnet: ResnetBlock,
    temp_conv: TemporalConvLayer,
    transformers: Option<(SpatialTransformer, TemporalTransformer)>,
}

impl Layer {
    fn new(
        config: &Config,
        index: usize,
        (inputs, outputs): (usize, usize),
        transformers: Option<(usize, Depth)>,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let part = |name: &str| vb.pp(name).pp(index);
        let resnet = ResnetConfig { groups: config.groups, eps: config.eps, time_width: Some(config.time_width) };
        let transformers = match transformers {
            None => None,
            Some((heads, depth)) => {
                let spatial = TransformerConfig {
                    channels: outputs,
                    heads,
                    layers: depth.spatial,
                    context_width: config.context_width,
                    groups: config.groups,
                    linear_projection: config.linear_projection,
                    upcast: false,
                };
                let heads = config.temporal_heads(outputs);
                Some((
                    SpatialTransformer::new(&spatial, part("attentions"))?,
                    TemporalTransformer::new(outputs, heads, depth.temporal, config.groups, part("temp_attentions"))?,
                ))
            }
        };
        Ok(Self {
            resnet: ResnetBlock::new(inputs, outputs, resnet, part("resnets"))?,
            temp_conv: TemporalConvLayer::new(outputs, config.more_conv, part("temp_convs"))?,
            transformers,
        })
    }

    fn prepare(&self, context: &Tensor, into: &mut Vec<TransformerContext>) -> Result<()> {
        if let Some((spatial, _)) = &self.transformers {
            into.push(spatial.prepare(context)?);
        }
        Ok(())
    }

    /// Takes the tensor, so that it is gone as soon as it is not needed any more.
    fn forward(&self, mut x: Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        x = self.resnet.forward(&x, Some(&pass.time))?;
        x = self.temp_conv.forward(&x, pass.frames)?;
        if let Some((spatial, temporal)) = &self.transformers {
            let Some(context) = pass.contexts.next() else {
                bail!("the context was prepared by another network: it has too few transformers")
            };
            x = spatial.forward(&x, context)?;
            x = temporal.forward(&x, pass.frames)?;
        }
        Ok(x)
    }
}

/// A level on the way down.
#[derive(Debug, Clone)]
pub struct DownBlock {
    layers: Vec<Layer>,
    downsampler: Option<Downsample>,
}

impl DownBlock {
    /// Reads `resnets`, `temp_convs`, `attentions`, `temp_attentions` and `downsamplers.0` of a level; the last level
    /// does not halve the picture.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(config: &Config, level: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let own = config.levels[level];
        let transformers = own.depth.map(|depth| (own.heads, depth));
        let layers = config.down_layers(level).into_iter().enumerate();
        let downsampler = (level + 1 < config.levels.len())
            .then(|| Downsample::new(own.channels, 1, vb.pp("downsamplers").pp(0)))
            .transpose()?;
        Ok(Self {
            layers: layers.map(|(i, sides)| Layer::new(config, i, sides, transformers, &vb)).collect::<Result<_>>()?,
            downsampler,
        })
    }

    /// Prepares the context for the block's transformers.
    ///
    /// # Errors
    /// When the context has another width.
    pub fn prepare(&self, context: &Tensor, into: &mut Vec<TransformerContext>) -> Result<()> {
        self.layers.iter().try_for_each(|layer| layer.prepare(context, into))
    }

    /// `[videos * frames, inputs, height, width]` to `[videos * frames, channels, height / 2, width / 2]`, or the same
    /// size in the last block. What the way up needs goes onto `skips`.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward(&self, mut x: Tensor, pass: &mut Pass<'_>, skips: &mut Vec<Tensor>) -> Result<Tensor> {
        for layer in &self.layers {
            x = layer.forward(x, pass)?;
            skips.push(x.clone());
        }
        if let Some(downsampler) = &self.downsampler {
            x = downsampler.forward(&x)?;
            skips.push(x.clone());
        }
        Ok(x)
    }
}

/// The block at the coarsest resolution: a layer with transformers and one without.
#[derive(Debug, Clone)]
pub struct MidBlock {
    layers: [Layer; 2],
}

impl MidBlock {
    /// Reads `resnets`, `temp_convs`, `attentions.0` and `temp_attentions.0`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the config has no levels.
    pub fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let Some(level) = config.levels.last() else { bail!("a UNet needs at least one level") };
        let sides = (level.channels, level.channels);
        let transformers = Some((level.heads, config.mid));
        Ok(Self {
            layers: [Layer::new(config, 0, sides, transformers, &vb)?, Layer::new(config, 1, sides, None, &vb)?],
        })
    }

    /// Prepares the context for the block's transformer.
    ///
    /// # Errors
    /// When the context has another width.
    pub fn prepare(&self, context: &Tensor, into: &mut Vec<TransformerContext>) -> Result<()> {
        self.layers.iter().try_for_each(|layer| layer.prepare(context, into))
    }

    /// `[videos * frames, channels, height, width]` to the same shape.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward(&self, x: Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        self.layers.iter().try_fold(x, |x, layer| layer.forward(x, pass))
    }
}

/// A level on the way up.
#[derive(Debug, Clone)]
pub struct UpBlock {
    layers: Vec<Layer>,
    upsampler: Option<Upsample>,
}

impl UpBlock {
    /// Reads `resnets`, `temp_convs`, `attentions`, `temp_attentions` and `upsamplers.0` of a level; the finest level
    /// does not double the picture.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(config: &Config, level: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let own = config.levels[level];
        let transformers = own.depth.map(|depth| (own.heads, depth));
        let layers = config.up_layers(level).into_iter().enumerate();
        let upsampler = (level > 0).then(|| Upsample::new(own.channels, vb.pp("upsamplers").pp(0))).transpose()?;
        Ok(Self {
            layers: layers.map(|(i, sides)| Layer::new(config, i, sides, transformers, &vb)).collect::<Result<_>>()?,
            upsampler,
        })
    }

    /// Prepares the context for the block's transformers.
    ///
    /// # Errors
    /// When the context has another width.
    pub fn prepare(&self, context: &Tensor, into: &mut Vec<TransformerContext>) -> Result<()> {
        self.layers.iter().try_for_each(|layer| layer.prepare(context, into))
    }

    /// `[videos * frames, inputs, height, width]` to the size of the skip that the next block takes, or the same size in
    /// the last block. Takes one of `skips` for each layer.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward(&self, mut x: Tensor, pass: &mut Pass<'_>, skips: &mut Vec<Tensor>) -> Result<Tensor> {
        for layer in &self.layers {
            let Some(skip) = skips.pop() else { bail!("the way up is longer than the way down") };
            x = Tensor::cat(&[x, skip], 1)?;
            x = layer.forward(x, pass)?;
        }
        let Some(upsampler) = &self.upsampler else { return Ok(x) };
        let Some(next) = skips.last() else { bail!("the way up is longer than the way down") };
        let (_, _, height, width) = x.dims4()?;
        let (_, _, next_height, next_width) = next.dims4()?;
        // Sides that do not divide by two on the way down come back to what they were.
        let size = (next_height, next_width);
        upsampler.forward(&x, (size != (2 * height, 2 * width)).then_some(size))
    }
}
