//! The autoencoder of Stable Diffusion: pictures to latents of an eighth of their size and back.
//!
//! - [Paper](https://arxiv.org/abs/2112.10752): High-resolution image synthesis with latent diffusion models
//! - [Upstream code](https://github.com/huggingface/diffusers): `models/autoencoder_kl.py` of diffusers 0.24, whose key
//!   names are kept
//!
//! Pictures of a batch, such as the frames of a video, go through one after the other: memory is that of one picture,
//! and the batch a picture is in does not change a bit of it (kernels round differently for larger batches). Large pictures are worked through in bands of rows, layer
//! by layer, with the group norms' statistics taken over the whole picture: no seams, because it is the same
//! computation ([`Tiling`]).

mod coder;
mod distribution;
mod layers;
mod pixels;
mod rows;
#[cfg(test)]
mod tests;

pub use distribution::LatentDistribution;
pub use pixels::{rgb8_rounded, rgb8_truncated};
pub use rows::Tiling;

use super::ops::{Conv2d, ConvConfig};
use crate::progress::{Cancelled, Progress};
use candle_core::{DType, Error, Result, Tensor};
use candle_nn::VarBuilder;
use coder::{Decoder, Encoder};
use serde::{Deserialize, Serialize};
use std::cell::Cell;

/// The shape of an autoencoder, as in the checkpoint's `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Channels of the pictures that are encoded.
    pub in_channels: usize,
    /// Channels of the pictures that are decoded.
    pub out_channels: usize,
    /// The encoder's blocks; `DownEncoderBlock2D` is the only kind.
    pub down_block_types: Vec<String>,
    /// The decoder's blocks; `UpDecoderBlock2D` is the only kind.
    pub up_block_types: Vec<String>,
    /// Channels of each block, from the picture to the latents.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks in each block of the encoder; the decoder has one more.
    pub layers_per_block: usize,
    /// The activation; `silu` is the only one.
    pub act_fn: String,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Groups of every group norm.
    pub norm_num_groups: usize,
    /// The side of the pictures it was trained on.
    pub sample_size: usize,
    /// What latents are multiplied by for the diffusion model.
    pub scaling_factor: f64,
    /// Whether the weights overflow in f16, so that they should be run in f32.
    pub force_upcast: bool,
}

impl Default for Config {
    /// What diffusers takes for fields that a `config.json` does not have.
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            down_block_types: vec![DOWN_BLOCK.into()],
            up_block_types: vec![UP_BLOCK.into()],
            block_out_channels: vec![64],
            layers_per_block: 1,
            act_fn: "silu".into(),
            latent_channels: 4,
            norm_num_groups: 32,
            sample_size: 32,
            scaling_factor: 0.18215,
            force_upcast: true,
        }
    }
}

const DOWN_BLOCK: &str = "DownEncoderBlock2D";
const UP_BLOCK: &str = "UpDecoderBlock2D";

impl Config {
    /// stabilityai/sd-vae-ft-mse, of the same shape as the autoencoders of SD-1.5 and SD-2.1.
    pub fn sd_vae_ft_mse() -> Self {
        Self {
            down_block_types: vec![DOWN_BLOCK.into(); 4],
            up_block_types: vec![UP_BLOCK.into(); 4],
            block_out_channels: vec![128, 256, 512, 512],
            layers_per_block: 2,
            sample_size: 256,
            ..Self::default()
        }
    }

    /// How many pixels of a picture one pixel of the latents stands for, along each side.
    pub fn downscale(&self) -> usize {
        1 << self.block_out_channels.len().saturating_sub(1)
    }

    fn check(&self) -> Result<()> {
        let blocks = self.block_out_channels.len();
        for (kinds, known) in [(&self.down_block_types, DOWN_BLOCK), (&self.up_block_types, UP_BLOCK)] {
            if let Some(other) = kinds.iter().find(|kind| *kind != known) {
                candle_core::bail!("the autoencoder's config asks for a block {other:?}, only {known:?} is known");
            }
            if blocks == 0 || kinds.len() != blocks {
                candle_core::bail!("the autoencoder's config has {} blocks and {blocks} widths", kinds.len());
            }
        }
        if !matches!(self.act_fn.as_str(), "silu" | "swish") {
            candle_core::bail!(
                "the autoencoder's config asks for the activation {:?}, only silu is known",
                self.act_fn
            );
        }
        Ok(())
    }
}

/// How a picture is worked through.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// How much of a layer is in memory at once.
    pub tiling: Tiling,
    /// Asked between the layers, many times for each picture, whether to go on; its error ends the work and is passed
    /// on.
    pub check: &'a dyn Fn() -> Result<()>,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self { tiling: Tiling::default(), check: &|| Ok(()) }
    }
}

/// Runs the autoencoder, which asks `progress` between its layers whether to go on, at step `done` of `total`.
///
/// # Errors
/// When the user cancelled, and those of `work`.
pub fn unless_cancelled<T, E: From<Cancelled> + From<Error>>(
    progress: &dyn Progress,
    (done, total): (usize, usize),
    work: impl FnOnce(Run<'_>) -> Result<T>,
) -> std::result::Result<T, E> {
    let cancelled = Cell::new(None);
    let check = || {
        progress.step(done as u64, total as u64).map_err(|why| {
            cancelled.set(Some(why));
            Error::Msg(why.to_string())
        })
    };
    let result = work(Run { check: &check, ..Run::default() });
    match cancelled.get() {
        Some(why) => Err(why.into()),
        None => Ok(result?),
    }
}

/// The autoencoder with its weights.
#[derive(Debug, Clone)]
pub struct AutoencoderKl {
    config: Config,
    dtype: DType,
    encoder: Encoder,
    decoder: Decoder,
    quant_conv: Conv2d,
    post_quant_conv: Conv2d,
}

impl AutoencoderKl {
    /// Reads the weights: `encoder`, `decoder`, `quant_conv` and `post_quant_conv`, with the attention's layers named
    /// `to_q`, `to_k`, `to_v` and `to_out.0`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the config asks for something unknown.
    pub fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        config.check()?;
        let latents = config.latent_channels;
        let pointwise = |channels, name| Conv2d::new(channels, channels, 1, ConvConfig::default(), vb.pp(name));
        Ok(Self {
            config: config.clone(),
            dtype: vb.dtype(),
            encoder: Encoder::new(config, vb.pp("encoder"))?,
            decoder: Decoder::new(config, vb.pp("decoder"))?,
            quant_conv: pointwise(2 * latents, "quant_conv")?,
            post_quant_conv: pointwise(latents, "post_quant_conv")?,
        })
    }

    /// The shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where pictures lie among latents: `[batch, in_channels, height, width]`, from -1 to 1, to a distribution over
    /// `[batch, latent_channels, height / 8, width / 8]`, not scaled. Odd rows and columns at the end do not count.
    ///
    /// # Errors
    /// When the shape is another, when a side is below one latent pixel, or when `run` ends the work.
    pub fn encode(&self, pictures: &Tensor, run: Run<'_>) -> Result<LatentDistribution> {
        let (batch, _, height, width) = pictures.dims4()?;
        let least = self.config.downscale();
        if batch == 0 || height < least || width < least {
            candle_core::bail!(
                "{batch} pictures of {width} × {height} to encode, one of {least} × {least} is the least"
            );
        }
        let mut moments = Vec::with_capacity(batch);
        for index in 0..batch {
            let picture = pictures.narrow(0, index, 1)?.to_dtype(self.dtype)?;
            moments.push(self.quant_conv.forward(&self.encoder.forward(picture, run)?)?);
        }
        LatentDistribution::from_moments(&Tensor::cat(&moments, 0)?)
    }

    /// Pictures from latents that are not scaled: `[batch, latent_channels, height, width]` to
    /// `[batch, out_channels, 8 * height, 8 * width]`, from about -1 to 1.
    ///
    /// # Errors
    /// When the shape is another, or when `run` ends the work.
    pub fn decode(&self, latents: &Tensor, run: Run<'_>) -> Result<Tensor> {
        let mut pictures = Vec::with_capacity(latents.dim(0)?);
        self.decode_frames(latents, run, |_, picture| {
            pictures.push(picture);
            Ok(())
        })?;
        Tensor::cat(&pictures, 0)
    }

    /// [`Self::decode`], giving each picture `[1, out_channels, 8 * height, 8 * width]` with its index as soon as it is
    /// there, so that no more than one is in memory.
    ///
    /// # Errors
    /// When the shape is another, or when `run` or `each` ends the work.
    pub fn decode_frames(
        &self,
        latents: &Tensor,
        run: Run<'_>,
        mut each: impl FnMut(usize, Tensor) -> Result<()>,
    ) -> Result<()> {
        let (batch, channels, height, width) = latents.dims4()?;
        if channels != self.config.latent_channels || height == 0 || width == 0 {
            candle_core::bail!(
                "latents {:?} to decode, {} channels are needed",
                latents.dims(),
                self.config.latent_channels
            );
        }
        for index in 0..batch {
            let latent = latents.narrow(0, index, 1)?.to_dtype(self.dtype)?;
            each(index, self.decoder.forward(self.post_quant_conv.forward(&latent)?, run)?)?;
        }
        Ok(())
    }

    /// Latents as the diffusion model has them, from those of [`Self::encode`].
    ///
    /// # Errors
    /// When the device fails.
    pub fn scale(&self, latents: &Tensor) -> Result<Tensor> {
        latents * self.config.scaling_factor
    }

    /// Latents as [`Self::decode`] takes them, from those of the diffusion model.
    ///
    /// # Errors
    /// When the device fails.
    pub fn unscale(&self, latents: &Tensor) -> Result<Tensor> {
        latents / self.config.scaling_factor
    }
}
