//! Convolutions, over pictures and over time.

use super::{Activation, cpu};
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

    /// Pixels from the first to the last one that a kernel of this side touches.
    fn reach(self, kernel: usize) -> usize {
        self.dilation * kernel.saturating_sub(1) + 1
    }

    /// The side of the result for a side of the picture.
    pub(super) fn side_of_result(self, kernel: usize, side: usize) -> usize {
        let free = (side + 2 * self.padding).checked_sub(self.reach(kernel));
        free.map_or(0, |free| free / self.stride + 1)
    }
}

/// Values that [`by_candle`] may lay out at a time: half a gigabyte in f32.
const PATCH_VALUES: usize = 1 << 27;

/// A convolution over pictures with a square kernel.
#[derive(Debug, Clone)]
pub struct Conv2d {
    /// `[outputs, inputs, kernel, kernel]`
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvConfig,
    activation: Activation,
}

impl Conv2d {
    /// Reads `weight` `[outputs, inputs, kernel, kernel]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(inputs: usize, outputs: usize, kernel: usize, config: ConvConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let weight = vb.get((outputs, inputs, kernel, kernel), "weight")?;
        Ok(Self { weight, bias: Some(vb.get(outputs, "bias")?), config, activation: Activation::None })
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
        Ok(Self { weight, bias: None, config, activation: Activation::None })
    }

    /// From tensors: `weight` `[outputs, inputs, kernel, kernel]` and `bias` `[outputs]`.
    pub fn from_tensors(weight: Tensor, bias: Option<Tensor>, config: ConvConfig) -> Self {
        Self { weight, bias, config, activation: Activation::None }
    }

    /// The same convolution with an activation of everything that it gives.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// `[batch, inputs, height, width]` to `[batch, outputs, height', width']`.
    ///
    /// # Errors
    /// When the channels are not `inputs`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_plus(x, None, None)
    }

    /// The convolution plus a value for each channel `[batch, outputs]`, plus a residual of the shape of the result; then
    /// the activation.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward_plus(&self, x: &Tensor, per_channel: Option<&Tensor>, residual: Option<&Tensor>) -> Result<Tensor> {
        if cpu::can_take(x) && cpu::can_take(&self.weight) {
            return self.forward_on_cpu(x, per_channel, residual);
        }
        let mut y = by_candle(x, &self.weight, self.config, PATCH_VALUES)?;
        if let Some(bias) = &self.bias {
            y = y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?;
        }
        if let Some(per_channel) = per_channel {
            let (batch, outputs) = per_channel.dims2()?;
            y = y.broadcast_add(&per_channel.reshape((batch, outputs, 1, 1))?)?;
        }
        if let Some(residual) = residual {
            y = (y + residual)?;
        }
        self.activation.forward(&y)
    }

    fn forward_on_cpu(&self, x: &Tensor, per_channel: Option<&Tensor>, residual: Option<&Tensor>) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let (outputs, inputs, kernel, _) = self.weight.dims4()?;
        if channels != inputs {
            candle_core::bail!("{channels} channels into a convolution of {inputs}");
        }
        let (per_channel, residual) = (contiguous(per_channel)?, contiguous(residual)?);
        let (bias_values, per_channel_values, residual_values) =
            (values(self.bias.as_ref())?, values(per_channel.as_ref())?, values(residual.as_ref())?);
        let (x, weight) = (x.contiguous()?, self.weight.contiguous()?);
        let weight = cpu::values(&weight)?;
        let conv = cpu::conv::Conv {
            weight: &weight,
            bias: bias_values.as_deref(),
            inputs,
            outputs,
            kernel,
            config: self.config,
            per_channel: per_channel_values.as_deref(),
            residual: residual_values.as_deref(),
            activation: self.activation,
        };
        let shape =
            [batch, outputs, self.config.side_of_result(kernel, height), self.config.side_of_result(kernel, width)];
        expect_shape("the values for each channel", per_channel.as_ref(), &shape[..2])?;
        expect_shape("the residual", residual.as_ref(), &shape)?;
        let y = conv.forward(&cpu::values(&x)?, batch, height, width);
        cpu::tensor(y, &shape, x.dtype())
    }
}

/// By candle's own operation, some pictures or rows at a time.
///
/// On cards, candle writes the patch around every pixel of the result to memory before it multiplies, nine times the
/// picture for a kernel of 3 × 3, and numbers those values in 32 bits. `at_once` is how many of them there may be; cuDNN
/// needs none.
pub(super) fn by_candle(x: &Tensor, weight: &Tensor, config: ConvConfig, at_once: usize) -> Result<Tensor> {
    let ConvConfig { stride, padding, dilation } = config;
    let (batch, inputs, height, width) = x.dims4()?;
    let kernel = weight.dim(3)?;
    let (rows, columns) = (config.side_of_result(kernel, height), config.side_of_result(kernel, width));
    let in_row = columns * inputs * kernel * kernel;
    let whole = |x: &Tensor| x.conv2d(weight, padding, stride, dilation, 1);
    let needs_none = cfg!(feature = "cudnn") && x.device().is_cuda();
    if needs_none || batch * rows * in_row <= at_once {
        return whole(x);
    }
    let pictures = at_once / (rows * in_row);
    if pictures > 0 {
        let pieces =
            (0..batch).step_by(pictures).map(|first| whole(&x.narrow(0, first, pictures.min(batch - first))?));
        return Tensor::cat(&pieces.collect::<Result<Vec<_>>>()?, 0);
    }
    let rows_at_once = (at_once / in_row).max(1);
    let in_bands = |index: usize| {
        let picture =
            x.narrow(0, index, 1)?.pad_with_zeros(2, padding, padding)?.pad_with_zeros(3, padding, padding)?;
        let bands = (0..rows).step_by(rows_at_once).map(|first| {
            let count = rows_at_once.min(rows - first);
            let band = picture.narrow(2, first * stride, (count - 1) * stride + config.reach(kernel))?;
            band.conv2d(weight, 0, stride, dilation, 1)
        });
        Tensor::cat(&bands.collect::<Result<Vec<_>>>()?, 2)
    };
    Tensor::cat(&(0..batch).map(in_bands).collect::<Result<Vec<_>>>()?, 0)
}

fn contiguous(x: Option<&Tensor>) -> Result<Option<Tensor>> {
    x.map(Tensor::contiguous).transpose()
}

fn values(x: Option<&Tensor>) -> Result<Option<cpu::Values<'_>>> {
    x.map(cpu::values).transpose()
}

fn expect_shape(what: &str, x: Option<&Tensor>, shape: &[usize]) -> Result<()> {
    match x {
        Some(x) if x.dims() != shape => candle_core::bail!("{what} {:?} for a result of {shape:?}", x.dims()),
        _ => Ok(()),
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
        let (outputs, expected, _) = self.weight.dims3()?;
        if frames == 0 || !all.is_multiple_of(frames) || inputs != expected {
            candle_core::bail!("{:?} as videos of {frames} frames into a convolution of {expected}", x.dims());
        }
        let pixels = height * width;
        let shape = [all, outputs, height, width];
        expect_shape("the residual", residual, &shape)?;
        if cpu::can_take(x) && cpu::can_take(&self.weight) {
            let residual = contiguous(residual)?;
            let residual = values(residual.as_ref())?;
            let (x, weight) = (x.contiguous()?, self.weight.contiguous()?);
            let (weight, bias) = (cpu::values(&weight)?, cpu::values(&self.bias)?);
            let residual = residual.as_deref();
            let conv = cpu::conv::TemporalConv { weight: &weight, bias: &bias, inputs, outputs, residual };
            return cpu::tensor(conv.forward(&cpu::values(&x)?, frames, pixels), &shape, x.dtype());
        }
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
