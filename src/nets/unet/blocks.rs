//! The convolutional parts of UNets and VAEs: residual blocks, and the layers that halve and double a picture.

use crate::nets::ops::{Activation, Conv2d, ConvConfig, GroupNorm, Linear, upsample_nearest, upsample_nearest_2x};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// What the residual blocks of one network have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResnetConfig {
    /// Groups of the norms.
    pub groups: usize,
    /// Epsilon of the norms: 1e-5 in the UNets, 1e-6 in the VAE.
    pub eps: f64,
    /// Width of the time embedding, or none for a network without time.
    pub time_width: Option<usize>,
}

/// Two convolutions with a residual around them, and the time added between them (`ResnetBlock2D`).
#[derive(Debug, Clone)]
pub struct ResnetBlock {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
}

impl ResnetBlock {
    /// Reads `norm1`, `conv1`, `time_emb_proj` where there is a time, `norm2`, `conv2`, and `conv_shortcut` where
    /// `inputs` and `outputs` differ.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the channels do not divide into groups.
    pub fn new(inputs: usize, outputs: usize, config: ResnetConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let ResnetConfig { groups, eps, time_width } = config;
        let time_emb_proj = match time_width {
            Some(width) => Some(Linear::new(width, outputs, vb.pp("time_emb_proj"))?),
            None => None,
        };
        let conv_shortcut = if inputs == outputs {
            None
        } else {
            Some(Conv2d::new(inputs, outputs, 1, ConvConfig::default(), vb.pp("conv_shortcut"))?)
        };
        Ok(Self {
            norm1: GroupNorm::new(groups, inputs, eps, vb.pp("norm1"))?,
            conv1: Conv2d::new(inputs, outputs, 3, ConvConfig::SAME_3, vb.pp("conv1"))?,
            time_emb_proj,
            norm2: GroupNorm::new(groups, outputs, eps, vb.pp("norm2"))?,
            conv2: Conv2d::new(outputs, outputs, 3, ConvConfig::SAME_3, vb.pp("conv2"))?,
            conv_shortcut,
        })
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, height, width]`.
    ///
    /// `time` is the embedding before its SiLU, `[batch, time_width]`. It may have fewer rows than the batch, when the
    /// frames of a video lie side by side in the batch: `[videos, time_width]`.
    ///
    /// # Errors
    /// When the shapes do not fit together, or when `time` is there and the block has none, or the other way round.
    pub fn forward(&self, x: &Tensor, time: Option<&Tensor>) -> Result<Tensor> {
        let time = match (&self.time_emb_proj, time) {
            (Some(proj), Some(time)) => Some(repeat_rows(&proj.forward(&Activation::Silu.forward(time)?)?, x.dim(0)?)?),
            (None, None) => None,
            (Some(_), None) => candle_core::bail!("a residual block with a time embedding needs the time"),
            (None, Some(_)) => candle_core::bail!("a residual block without a time embedding was given the time"),
        };
        // One reassigned variable, so that no more than one intermediate is alive.
        let mut h = self.norm1.forward(x, Activation::Silu)?;
        h = self.conv1.forward_plus(&h, time.as_ref(), None)?;
        h = self.norm2.forward(&h, Activation::Silu)?;
        match &self.conv_shortcut {
            Some(shortcut) => self.conv2.forward_plus(&h, None, Some(&shortcut.forward(x)?)),
            None => self.conv2.forward_plus(&h, None, Some(x)),
        }
    }
}

/// Each row as often as there are frames in a video: `[videos, width]` to `[batch, width]`.
pub(super) fn repeat_rows(rows: &Tensor, batch: usize) -> Result<Tensor> {
    let (videos, width) = rows.dims2()?;
    if videos == batch {
        return Ok(rows.clone());
    }
    if videos == 0 || !batch.is_multiple_of(videos) {
        candle_core::bail!("{videos} time embeddings for {batch} pictures");
    }
    rows.unsqueeze(1)?.expand((videos, batch / videos, width))?.reshape((batch, width))
}

/// Halves a picture by a convolution (`Downsample2D`).
#[derive(Debug, Clone)]
pub struct Downsample {
    conv: Conv2d,
    pad_after: bool,
}

impl Downsample {
    /// Reads `conv`.
    ///
    /// `padding` is that of the config: 1 pads all sides, 0 pads the right and the bottom alone, as the VAE does.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(channels: usize, padding: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let config = ConvConfig { stride: 2, padding, dilation: 1 };
        Ok(Self { conv: Conv2d::new(channels, channels, 3, config, vb.pp("conv"))?, pad_after: padding == 0 })
    }

    /// `[batch, channels, height, width]` to half of the height and width, rounded up (down where the padding is 0).
    ///
    /// # Errors
    /// When the channels are not those of the weights.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if self.pad_after {
            return self.conv.forward(&x.pad_with_zeros(2, 0, 1)?.pad_with_zeros(3, 0, 1)?);
        }
        self.conv.forward(x)
    }
}

/// Enlarges a picture by the nearest pixel, then smooths it by a convolution (`Upsample2D`).
#[derive(Debug, Clone)]
pub struct Upsample {
    conv: Conv2d,
}

impl Upsample {
    /// Reads `conv`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(channels: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Self { conv: Conv2d::new(channels, channels, 3, ConvConfig::SAME_3, vb.pp("conv"))? })
    }

    /// `[batch, channels, height, width]` to `[batch, channels, size.0, size.1]`, or to twice the height and width.
    ///
    /// # Errors
    /// When the channels are not those of the weights.
    pub fn forward(&self, x: &Tensor, size: Option<(usize, usize)>) -> Result<Tensor> {
        let enlarged = match size {
            Some((height, width)) => upsample_nearest(x, height, width)?,
            None => upsample_nearest_2x(x)?,
        };
        self.conv.forward(&enlarged)
    }
}
