//! Normalisation.

use super::{Activation, cpu};
use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;

/// Normalises groups of channels, and applies an activation in the same pass.
#[derive(Debug, Clone)]
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    eps: f64,
}

impl GroupNorm {
    /// Reads `weight` and `bias`, both `[channels]`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the channels do not divide into groups.
    pub fn new(groups: usize, channels: usize, eps: f64, vb: VarBuilder<'_>) -> Result<Self> {
        if groups == 0 || !channels.is_multiple_of(groups) {
            candle_core::bail!("{}: {channels} channels do not divide into {groups} groups", vb.prefix());
        }
        Ok(Self { weight: vb.get(channels, "weight")?, bias: vb.get(channels, "bias")?, groups, eps })
    }

    /// Each picture by itself: `[batch, channels, ...]` to the same shape.
    ///
    /// # Errors
    /// When the channels are not those of the weights.
    pub fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        self.forward_frames(x, 1, activation)
    }

    /// Over all frames of a video together: `[batch * frames, channels, height, width]` to the same shape.
    ///
    /// # Errors
    /// When the channels are not those of the weights, or when the batch does not divide into frames.
    pub fn forward_frames(&self, x: &Tensor, frames: usize, activation: Activation) -> Result<Tensor> {
        let channels = self.weight.dim(0)?;
        let dims = x.dims();
        if dims.len() < 2 || dims[1] != channels || frames == 0 || !dims[0].is_multiple_of(frames) {
            candle_core::bail!("{dims:?} of {frames} frames into a norm of {channels} channels");
        }
        let (batch, pixels) = (dims[0] / frames, dims[2..].iter().product::<usize>());
        if cpu::can_take(x) {
            let x = x.contiguous()?;
            let (weight, bias) = (cpu::values(&self.weight)?, cpu::values(&self.bias)?);
            let norm = cpu::norm::GroupNorm {
                weight: &weight,
                bias: &bias,
                groups: self.groups,
                eps: self.eps,
                frames,
                pixels,
                activation,
            };
            return cpu::tensor(norm.forward(&cpu::values(&x)?), dims, x.dtype());
        }
        // [batch, frames, groups, all of the group]
        let grouped = x.to_dtype(DType::F32)?.reshape((batch, frames, self.groups, channels / self.groups * pixels))?;
        let mean = grouped.mean_keepdim((1, 3))?;
        let centred = grouped.broadcast_sub(&mean)?;
        let variance = centred.sqr()?.mean_keepdim((1, 3))?;
        let normed = centred.broadcast_div(&(variance + self.eps)?.sqrt()?)?;
        let normed = normed.reshape((batch * frames, channels, pixels))?;
        let by_channel = |x: &Tensor| x.to_dtype(DType::F32)?.reshape((1, channels, 1));
        let y = normed.broadcast_mul(&by_channel(&self.weight)?)?.broadcast_add(&by_channel(&self.bias)?)?;
        activation.forward(&y)?.to_dtype(x.dtype())?.reshape(dims)
    }
}

/// Normalises the last dimension.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// Reads `weight` and `bias`, both `[width]`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(width: usize, eps: f64, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Self { weight: vb.get(width, "weight")?, bias: vb.get(width, "bias")?, eps })
    }

    /// `[..., width]` to the same shape.
    ///
    /// # Errors
    /// When the last dimension is not `width`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if cpu::can_take(x) && x.dims().last() == Some(&self.weight.dim(0)?) {
            let contiguous = x.contiguous()?;
            let (weight, bias) = (cpu::values(&self.weight)?, cpu::values(&self.bias)?);
            let y = cpu::norm::layer_norm(&cpu::values(&contiguous)?, &weight, &bias, self.eps);
            return cpu::tensor(y, x.dims(), x.dtype());
        }
        candle_nn::ops::layer_norm(&x.contiguous()?, &self.weight, &self.bias, self.eps as f32)
    }
}
