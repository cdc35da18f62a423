//! The UNet itself: from noisy latents to what the sampler needs.

use super::blocks::{Downsample, ResnetBlock, ResnetConfig, Upsample, repeat_rows};
use super::config::Config;
use super::embedding::{TimestepEmbedding, timestep_sinusoid};
use super::levels::Level;
use super::transformer::{SpatialTransformer, TransformerContext};
use crate::nets::ops::{Activation, Conv2d, ConvConfig, GroupNorm};
use candle_core::{DType, Result, Tensor, bail};
use candle_nn::VarBuilder;
use std::slice::Iter;

/// The keys and values of a context for every transformer of a network, computed once for all steps of a sampling run.
#[derive(Debug, Clone)]
pub struct PreparedContext {
    /// In the order in which adapters number them: down, up, mid.
    pub transformers: Vec<TransformerContext>,
}

/// What is added to the time where the config says `text_time`, as in SDXL.
#[derive(Debug, Clone)]
pub struct AddedConditions {
    /// The pooled text: `[batch, width]`.
    pub text_embeds: Tensor,
    /// Original height and width, top and left of the crop, target height and width, in pixels: `[batch, 6]`.
    pub time_ids: Tensor,
}

/// Residual blocks, a transformer after each of them where the resolution has transformers, and a change of size.
#[derive(Debug, Clone)]
struct Block<Resize> {
    resnets: Vec<ResnetBlock>,
    /// As many as residual blocks, or none.
    attentions: Vec<SpatialTransformer>,
    resize: Option<Resize>,
}

impl<Resize> Block<Resize> {
    /// `inputs` are the channels into each residual block.
    fn new(
        inputs: &[usize],
        level: &Level,
        resnet: ResnetConfig,
        resize: Option<Resize>,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let (resnets, attentions) = (vb.pp("resnets"), vb.pp("attentions"));
        let resnets =
            inputs.iter().enumerate().map(|(i, &n)| ResnetBlock::new(n, level.channels, resnet, resnets.pp(i)));
        let attentions = level
            .transformer
            .iter()
            .flat_map(|config| (0..inputs.len()).map(|i| SpatialTransformer::new(config, attentions.pp(i))));
        Ok(Self { resnets: resnets.collect::<Result<_>>()?, attentions: attentions.collect::<Result<_>>()?, resize })
    }

    /// One residual block, and the transformer after it.
    fn layer(&self, i: usize, x: Tensor, time: &Tensor, contexts: &mut Contexts<'_>) -> Result<Tensor> {
        let y = self.resnets[i].forward(&x, Some(time))?;
        drop(x);
        match self.attentions.get(i) {
            Some(attention) => attention.forward(&y, next(contexts)?),
            None => Ok(y),
        }
    }
}

type Contexts<'a> = Iter<'a, TransformerContext>;

fn next<'a>(contexts: &mut Contexts<'a>) -> Result<&'a TransformerContext> {
    match contexts.next() {
        Some(context) => Ok(context),
        None => bail!("a transformer has no context"),
    }
}

/// The embedding of pooled text and picture sizes.
#[derive(Debug, Clone)]
struct TextTime {
    embedding: TimestepEmbedding,
    /// Sinusoids for each of the sizes.
    dim: usize,
    /// Width of the pooled text and the sinusoids together.
    width: usize,
}

/// A UNet over latents with a context of text, in the shapes of SD 1.5, SD 2.1 and SDXL (`UNet2DConditionModel`).
#[derive(Debug, Clone)]
pub struct UNet2d {
    config: Config,
    context_width: usize,
    dtype: DType,
    conv_in: Conv2d,
    time_embedding: TimestepEmbedding,
    add_embedding: Option<TextTime>,
    down_blocks: Vec<Block<Downsample>>,
    mid_resnets: [ResnetBlock; 2],
    mid_attention: SpatialTransformer,
    up_blocks: Vec<Block<Upsample>>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl UNet2d {
    /// Reads a published checkpoint (`unet/diffusion_pytorch_model.safetensors`).
    ///
    /// # Errors
    /// When the config asks for another network (the message names the field), or when a tensor is missing or has another
    /// shape (the message names the key).
    pub fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let levels = config.check()?;
        let (channels, last) = (&config.block_out_channels, config.block_out_channels.len() - 1);
        let (eps, groups, time_width) = (config.norm_eps, config.norm_num_groups, config.time_width());
        let resnet = ResnetConfig { groups, eps, time_width: Some(time_width) };

        // What every layer leaves behind for the way up.
        let mut skips = vec![channels[0]];
        let mut down_blocks = Vec::new();
        for (i, level) in levels.down.iter().enumerate() {
            let vb = vb.pp("down_blocks").pp(i);
            let mut inputs = vec![level.channels; level.layers];
            if let Some(first) = inputs.first_mut() {
                *first = channels[i.saturating_sub(1)];
            }
            skips.extend(vec![level.channels; level.layers + usize::from(i < last)]);
            let downsample = (i < last)
                .then(|| Downsample::new(level.channels, config.downsample_padding, vb.pp("downsamplers.0")))
                .transpose()?;
            down_blocks.push(Block::new(&inputs, level, resnet, downsample, &vb)?);
        }

        let mid = vb.pp("mid_block");
        let mid_resnet = |i: usize| ResnetBlock::new(channels[last], channels[last], resnet, mid.pp("resnets").pp(i));
        let mid_resnets = [mid_resnet(0)?, mid_resnet(1)?];
        let mid_attention = SpatialTransformer::new(&levels.mid, mid.pp("attentions.0"))?;

        let mut width = channels[last];
        let mut up_blocks = Vec::new();
        for (i, level) in levels.up.iter().enumerate() {
            let vb = vb.pp("up_blocks").pp(i);
            let mut inputs = Vec::new();
            for _ in 0..level.layers {
                let Some(skip) = skips.pop() else {
                    bail!("UNet config: layers_per_block leaves a layer without a skip")
                };
                inputs.push(width + skip);
                width = level.channels;
            }
            let upsample = (i < last).then(|| Upsample::new(level.channels, vb.pp("upsamplers.0"))).transpose()?;
            up_blocks.push(Block::new(&inputs, level, resnet, upsample, &vb)?);
        }

        Ok(Self {
            context_width: levels.context_width,
            dtype: vb.dtype(),
            conv_in: Conv2d::new(config.in_channels, channels[0], 3, ConvConfig::SAME_3, vb.pp("conv_in"))?,
            time_embedding: TimestepEmbedding::new(channels[0], time_width, vb.pp("time_embedding"))?,
            add_embedding: match (config.addition_time_embed_dim, config.projection_class_embeddings_input_dim) {
                (Some(dim), Some(width)) if config.addition_embed_type.is_some() => Some(TextTime {
                    embedding: TimestepEmbedding::new(width, time_width, vb.pp("add_embedding"))?,
                    dim,
                    width,
                }),
                _ => None,
            },
            down_blocks,
            mid_resnets,
            mid_attention,
            up_blocks,
            conv_norm_out: GroupNorm::new(groups, channels[0], eps, vb.pp("conv_norm_out"))?,
            conv_out: Conv2d::new(channels[0], config.out_channels, 3, ConvConfig::SAME_3, vb.pp("conv_out"))?,
            config: config.clone(),
        })
    }

    /// The settings that the network was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The keys and values of a context, `[batch, tokens, cross_attention_dim]` of any type, for all steps of a run.
    ///
    /// # Errors
    /// When the tokens have another width.
    pub fn prepare(&self, context: &Tensor) -> Result<PreparedContext> {
        let dims = context.dims();
        if dims.len() != 3 || dims[2] != self.context_width {
            bail!(
                "a context of {dims:?} into a UNet that takes [batch, tokens, {}]: is the text encoder that of this model?",
                self.context_width
            );
        }
        let context = context.to_dtype(self.dtype)?;
        let down = self.down_blocks.iter().flat_map(|block| &block.attentions);
        let up = self.up_blocks.iter().flat_map(|block| &block.attentions);
        let all = down.chain(up).chain([&self.mid_attention]);
        Ok(PreparedContext {
            transformers: all.map(|transformer| transformer.prepare(&context)).collect::<Result<_>>()?,
        })
    }

    /// The prediction for noisy latents: `[batch, in_channels, height, width]` to `[batch, out_channels, height, width]`,
    /// in the type of `sample`. Sides may be of any size.
    ///
    /// `timestep` is `[1]` or `[batch]` of any type. The batch may be a multiple of the context's, when the pictures of
    /// one context lie side by side; the same holds for `added`.
    ///
    /// # Errors
    /// When the shapes do not fit together, when the context was prepared by another UNet, or when `added` is there and
    /// the network has no use for it, or the other way round.
    pub fn forward(
        &self,
        sample: &Tensor,
        timestep: &Tensor,
        context: &PreparedContext,
        added: Option<&AddedConditions>,
    ) -> Result<Tensor> {
        let (batch, channels, ..) = sample.dims4()?;
        if channels != self.config.in_channels {
            bail!("latents of {channels} channels into a UNet of {}", self.config.in_channels);
        }
        let time = self.time(timestep, added, batch)?;
        let (mut down, mut up, mid) = self.split(context)?;

        let mut x = self.conv_in.forward(&sample.to_dtype(self.dtype)?)?;
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            for i in 0..block.resnets.len() {
                x = block.layer(i, x, &time, &mut down)?;
                skips.push(x.clone());
            }
            if let Some(downsample) = &block.resize {
                x = downsample.forward(&x)?;
                skips.push(x.clone());
            }
        }

        x = self.mid_resnets[0].forward(&x, Some(&time))?;
        x = self.mid_attention.forward(&x, mid)?;
        x = self.mid_resnets[1].forward(&x, Some(&time))?;

        for block in &self.up_blocks {
            for i in 0..block.resnets.len() {
                let Some(skip) = skips.pop() else { bail!("a layer on the way up has no skip") };
                x = Tensor::cat(&[x, skip], 1)?;
                x = block.layer(i, x, &time, &mut up)?;
            }
            if let (Some(upsample), Some(skip)) = (&block.resize, skips.last()) {
                x = upsample.forward(&x, forwarded_size(&x, skip)?)?;
            }
        }
        x = self.conv_norm_out.forward(&x, Activation::Silu)?;
        self.conv_out.forward(&x)?.to_dtype(sample.dtype())
    }

    /// The parts of a context on the way down, on the way up, and in the middle.
    fn split<'a>(&self, context: &'a PreparedContext) -> Result<(Contexts<'a>, Contexts<'a>, &'a TransformerContext)> {
        let down = self.down_blocks.iter().map(|block| block.attentions.len()).sum();
        let up: usize = self.up_blocks.iter().map(|block| block.attentions.len()).sum();
        match context.transformers.split_last() {
            Some((mid, rest)) if rest.len() == down + up => Ok((rest[..down].iter(), rest[down..].iter(), mid)),
            _ => bail!(
                "the context was prepared by another UNet: it is for {} transformers, this one has {}",
                context.transformers.len(),
                down + up + 1
            ),
        }
    }

    /// The embedding of a step: `[batch, time_width]`.
    fn time(&self, timestep: &Tensor, added: Option<&AddedConditions>, batch: usize) -> Result<Tensor> {
        let sinusoid = |numbers: &Tensor, dim: usize| {
            timestep_sinusoid(numbers, dim, self.config.flip_sin_to_cos, self.config.freq_shift)?.to_dtype(self.dtype)
        };
        let time = self.time_embedding.forward(&sinusoid(timestep, self.config.block_out_channels[0])?)?;
        let time = repeat_rows(&time, batch)?;
        match (&self.add_embedding, added) {
            (None, None) => Ok(time),
            (None, Some(_)) => bail!("this UNet takes no pooled text: its config has no addition_embed_type"),
            (Some(_), None) => bail!("this UNet needs pooled text and picture sizes: addition_embed_type is text_time"),
            (Some(TextTime { embedding, dim, width }), Some(AddedConditions { text_embeds, time_ids })) => {
                let (rows, ids) = time_ids.dims2()?;
                let sizes = sinusoid(&time_ids.flatten_all()?, *dim)?.reshape((rows, ids * dim))?;
                let both = Tensor::cat(&[text_embeds.to_dtype(self.dtype)?, sizes], 1)?;
                if both.dim(1)? != *width {
                    bail!(
                        "pooled text of {:?} and {ids} sizes make {} values, the UNet takes {width}",
                        text_embeds.dims(),
                        both.dim(1)?
                    );
                }
                time + repeat_rows(&embedding.forward(&both)?, batch)?
            }
        }
    }
}

/// The size of the skip that is next, where doubling does not give it because a side was odd on the way down.
fn forwarded_size(x: &Tensor, skip: &Tensor) -> Result<Option<(usize, usize)>> {
    let (_, _, height, width) = x.dims4()?;
    let (_, _, skip_height, skip_width) = skip.dims4()?;
    Ok(((skip_height, skip_width) != (2 * height, 2 * width)).then_some((skip_height, skip_width)))
}
