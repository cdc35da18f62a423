//! The diffusion UNet over videos of VideoStudio-Vid.
//!
//! - [Paper](https://arxiv.org/abs/2401.01256): VideoStudio, generating consistent-content and multi-scene videos
//! - [Upstream code](https://github.com/FuchenUSTC/VideoStudio): `videostudio_vid/models`, whose key names are kept
//!
//! The UNet of Stable Diffusion XL with convolutions and attention over time behind every residual block and every
//! transformer. The first frame is given: its latent goes through the network as one more frame, and CLIP's tokens of it
//! take the place of the words. The text comes in as one pooled vector, beside an aesthetic score, a pooled feature of
//! the first frame and a vector of actions.
//!
//! Frames are folded into the batch, those of one video side by side. The two rows of classifier-free guidance are two
//! videos.
//!
//! ```no_run
//! # use candle_core::{Result, Tensor};
//! # use reelboard::nets::unet3d::{Conditions, FramePosition, UNet3d};
//! # fn step(unet: &UNet3d, conditions: &Conditions, latents: &Tensor, frame: &Tensor) -> Result<Tensor> {
//! # let timestep = Tensor::new(&[981i64], latents.device())?;
//! let rows = conditions.guided(6.0)?;
//! let context = unet.prepare(&rows.context)?; // once for all steps
//! let input = FramePosition::First.insert(&Tensor::cat(&[latents, latents], 0)?, frame)?;
//! let both = FramePosition::First.remove(&unet.forward(&input, &timestep, &context, &rows.added)?)?;
//! # Ok(both)
//! # }
//! ```

pub mod blocks;
pub mod config;
mod detect;
pub mod embedding;
mod frames;
mod manifest;
mod published;
pub mod temporal;

pub use config::{Config, Depth, Heads, Level};
pub use embedding::{AddedConditions, Conditions};
pub use frames::{FramePosition, fold_frames, unfold_frames};
pub use manifest::Shapes;

use crate::nets::ops::{Activation, Conv2d, ConvConfig, GroupNorm};
use crate::nets::unet::transformer::TransformerContext;
use blocks::{DownBlock, MidBlock, Pass, UpBlock};
use candle_core::{DType, Result, Tensor, bail};
use candle_nn::VarBuilder;
use embedding::Embeddings;
use temporal::TemporalTransformer;

/// The image tokens as keys and values of every cross-attention, which stay the same in all steps.
#[derive(Debug, Clone)]
pub struct PreparedContext {
    /// In running order.
    transformers: Vec<TransformerContext>,
    videos: usize,
}

/// The diffusion UNet over videos.
#[derive(Debug, Clone)]
pub struct UNet3d {
    embeddings: Embeddings,
    conv_in: Conv2d,
    temp_transformer_in: Option<TemporalTransformer>,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    dtype: DType,
}

impl UNet3d {
    /// Reads every key of [`Config::manifest`]; others are not looked at. [`Config::detect`] refuses them.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the config contradicts itself.
    pub fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let Some(first) = config.levels.first() else { bail!("a UNet needs at least one level") };
        let channels = first.channels;
        let temp_transformer_in = match config.transformer_in {
            // Its norm has 32 groups in every config of the release.
            Some(heads) => Some(TemporalTransformer::new(channels, heads, 1, 32, vb.pp("temp_transformer_in"))?),
            None => None,
        };
        let levels = 0..config.levels.len();
        let (down, up) = (vb.pp("down_blocks"), vb.pp("up_blocks"));
        Ok(Self {
            embeddings: Embeddings::new(config, vb.clone())?,
            conv_in: Conv2d::new(config.in_channels, channels, 3, ConvConfig::SAME_3, vb.pp("conv_in"))?,
            temp_transformer_in,
            down_blocks: levels.clone().map(|i| DownBlock::new(config, i, down.pp(i))).collect::<Result<_>>()?,
            mid_block: MidBlock::new(config, vb.pp("mid_block"))?,
            up_blocks: levels
                .rev()
                .enumerate()
                .map(|(i, level)| UpBlock::new(config, level, up.pp(i)))
                .collect::<Result<_>>()?,
            conv_norm_out: GroupNorm::new(config.groups, channels, config.eps, vb.pp("conv_norm_out"))?,
            conv_out: Conv2d::new(channels, config.out_channels, 3, ConvConfig::SAME_3, vb.pp("conv_out"))?,
            dtype: vb.dtype(),
        })
    }

    /// Computes what every cross-attention needs of the image tokens, `[videos, tokens, context_width]`. Once is enough
    /// for all steps of a video.
    ///
    /// # Errors
    /// When the tokens have another width.
    pub fn prepare(&self, context: &Tensor) -> Result<PreparedContext> {
        let context = context.to_dtype(self.dtype)?;
        let mut transformers = Vec::new();
        self.down_blocks.iter().try_for_each(|block| block.prepare(&context, &mut transformers))?;
        self.mid_block.prepare(&context, &mut transformers)?;
        self.up_blocks.iter().try_for_each(|block| block.prepare(&context, &mut transformers))?;
        Ok(PreparedContext { transformers, videos: context.dim(0)? })
    }

    /// What the network predicts (the noise, or what the sampler's settings say) for noisy latents at a timestep.
    ///
    /// `sample` is `[videos, in_channels, frames, height, width]`, in which the given first frame is one of the frames
    /// (see [`FramePosition`]), with sides of any size. `timestep` is `[1]` or `[videos]` of any type. The result is
    /// `[videos, out_channels, frames, height, width]` in the type of `sample`.
    ///
    /// # Errors
    /// When the shapes do not fit together, when a condition is missing that the network has a layer for, or when the
    /// device fails.
    pub fn forward(
        &self,
        sample: &Tensor,
        timestep: &Tensor,
        context: &PreparedContext,
        conditions: &AddedConditions,
    ) -> Result<Tensor> {
        let (videos, _, frames, _, _) = sample.dims5()?;
        if sample.elem_count() == 0 {
            bail!("latents {:?} have nothing in them", sample.dims());
        }
        let rows = conditions.text_embeds.dim(0)?;
        if context.videos != videos || rows != videos {
            bail!("{videos} videos with image tokens for {} and conditions for {rows}", context.videos);
        }
        let mut pass = Pass {
            time: self.embeddings.forward(timestep, conditions)?,
            frames,
            contexts: context.transformers.iter(),
        };
        let folded = fold_frames(&sample.to_dtype(self.dtype)?)?;
        let mut x = self.conv_in.forward(&folded)?;
        if let Some(transformer) = &self.temp_transformer_in {
            x = transformer.forward(&x, frames)?;
        }
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            x = block.forward(x, &mut pass, &mut skips)?;
        }
        x = self.mid_block.forward(x, &mut pass)?;
        for block in &self.up_blocks {
            x = block.forward(x, &mut pass, &mut skips)?;
        }
        if pass.contexts.next().is_some() {
            bail!("the context was prepared by another network: it has too many transformers");
        }
        x = self.conv_norm_out.forward(&x, Activation::Silu)?;
        unfold_frames(&self.conv_out.forward(&x)?, videos)?.to_dtype(sample.dtype())
    }
}
