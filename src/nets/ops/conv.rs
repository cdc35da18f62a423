//! Convolutions, over pictures and over time.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// How a convolution moves over a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvConfig {
    /// Pixels from one patch to the next.
    pub stride: usize,
    /// Zeros around the picture, on every side.
    pub padding: usize,
    /// Pixels from one element of the kernel to the next.
    pub dilation: usize,
}

impl Default for ConvConfig {
    fn default() -> Self {
        Self { stride: 1, padding: 0, dilation: 1 }
    }
}

impl ConvConfig {
    /// Keeps the picture's size under a kernel of 3 × 3.
    pub const SAME_3: Self = Self { stride: 1, padding: 1, dilation: 1 };
}

/// A convolution over pictures with a square kernel.
#[derive(Debug, Clone)]
pub struct Conv2d {
    /// `[outputs, inputs, kernel, kernel]`
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvConfig,
}

impl Conv2d {
    /// Reads `weight` `[outputs, inputs, kernel, kernel]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(inputs: usize, outputs: usize, kernel: usize, config: ConvConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let weight = vb.get((outputs, inputs, kernel, kernel), "weight")?;
        Ok(Self { weight, bias: Some(vb.get(outputs, "bias")?), config })
    }

    /// Reads `weight` `[outputs, inputs, kernel, kernel]`; there is no bias.
    ///
    /// # Errors
    /// When the tensor is missing or has another shape.
    pub fn no_bias(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        config: ConvConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let weight = vb.get((outputs, inputs, kernel, kernel), "weight")?;
        Ok(Self { weight, bias: None, config })
    }

    /// From tensors: `weight` `[outputs, inputs, kernel, kernel]` and `bias` `[outputs]`.
    pub fn from_tensors(weight: Tensor, bias: Option<Tensor>, config: ConvConfig) -> Self {
        Self { weight, bias, config }
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
    ///
    /// # Errors
    /// When the channels are not `inputs`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_plus(x, None, None)
    }

    /// `forward(x)`, plus a value for each channel `[batch, outputs]`, plus a residual of the shape of the result.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward_plus(&self, x: &Tensor, per_channel: Option<&Tensor>, residual: Option<&Tensor>) -> Result<Tensor> {
        let ConvConfig { stride, padding, dilation } = self.config;
        let mut y = x.conv2d(&self.weight, padding, stride, dilation, 1)?;
        if let Some(bias) = &self.bias {
            y = y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?;
        }
        if let Some(per_channel) = per_channel {
            let (batch, outputs) = per_channel.dims2()?;
            y = y.broadcast_add(&per_channel.reshape((batch, outputs, 1, 1))?)?;
        }
        match residual {
            Some(residual) => y + residual,
            None => Ok(y),
        }
    }
}

/// A convolution over time alone: three frames, zeros before the first and after the last.
#[derive(Debug, Clone)]
pub struct TemporalConv {
    /// `[outputs, inputs, 3]`
    weight: Tensor,
    bias: Tensor,
}

impl TemporalConv {
    /// Reads `weight` `[outputs, inputs, 3, 1, 1]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(inputs: usize, outputs: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let weight = vb.get((outputs, inputs, 3, 1, 1), "weight")?.squeeze(4)?.squeeze(3)?;
        Ok(Self { weight, bias: vb.get(outputs, "bias")? })
    }

    /// `[batch * frames, inputs, height, width]` to `[batch * frames, outputs, height, width]`, plus a residual of the
    /// shape of the result.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward(&self, x: &Tensor, frames: usize, residual: Option<&Tensor>) -> Result<Tensor> {
        let (all, inputs, height, width) = x.dims4()?;
        let outputs = self.weight.dim(0)?;
        if frames == 0 || all % frames != 0 {
            candle_core::bail!("{all} pictures are not videos of {frames} frames");
        }
        let pixels = height * width;
        let video = x.reshape((all / frames, frames, inputs, pixels))?.pad_with_zeros(1, 1, 1)?;
        let mut y: Option<Tensor> = None;
        for offset in 0..3 {
            let frame = video.narrow(1, offset, frames)?.reshape((all, inputs, pixels))?;
            let weight = self.weight.narrow(2, offset, 1)?.squeeze(2)?.contiguous()?;
            let part = weight.broadcast_left(all)?.contiguous()?.matmul(&frame)?;
            y = Some(match y {
                Some(y) => (y + part)?,
                None => part,
            });
        }
        let y = y.map_or_else(|| x.zeros_like(), Ok)?.broadcast_add(&self.bias.reshape((1, outputs, 1))?)?;
        let y = y.reshape((all, outputs, height, width))?;
        match residual {
            Some(residual) => y + residual,
            None => Ok(y),
        }
    }
}
