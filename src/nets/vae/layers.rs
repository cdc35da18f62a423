//! The layers of encoder and decoder, over feature maps in bands of rows.
//!
//! The UNet's residual block is not used here, because a group norm over bands needs the statistics of all bands before
//! it can normalise the first.

use super::Run;
use super::rows::Rows;
use crate::nets::ops::{self, Activation, Conv2d, ConvConfig, GroupNorm, Linear, Mask};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use std::ops::Range;

/// The epsilon of every norm of the autoencoder.
const EPS: f64 = 1e-6;

/// A group norm.
#[derive(Debug, Clone)]
pub(super) struct Norm {
    norm: GroupNorm,
    weight: Tensor,
    bias: Tensor,
    groups: usize,
}

/// A group norm that knows the statistics of the feature maps it will get.
enum ReadyNorm<'a> {
    /// The feature maps will come in one piece, and the statistics from that.
    Whole(&'a GroupNorm),
    /// By `x * scale + shift`, both `[batch, channels, 1, 1]` in f32.
    Bands { scale: Tensor, shift: Tensor },
}

impl Norm {
    pub(super) fn new(groups: usize, channels: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let (weight, bias) = (vb.get(channels, "weight")?, vb.get(channels, "bias")?);
        Ok(Self { norm: GroupNorm::new(groups, channels, EPS, vb)?, weight, bias, groups })
    }

    /// Takes the statistics of feature maps that will be normalised `at_once`, or in bands.
    fn ready(&self, x: &Rows, at_once: bool) -> Result<ReadyNorm<'_>> {
        if at_once {
            return Ok(ReadyNorm::Whole(&self.norm));
        }
        let [batch, channels, ..] = x.dims();
        let in_group = channels / self.groups;
        // Count, mean and sum of squared distances from the mean, of every group of every picture.
        let mut total = 0.0;
        let mut means = vec![0f64; batch * self.groups];
        let mut squares = vec![0f64; batch * self.groups];
        for band in x.bands() {
            let band = band.to_dtype(DType::F32)?.reshape((batch * self.groups, ()))?;
            let count = band.dim(1)? as f64;
            let mean = band.mean_keepdim(1)?;
            let variance = band.broadcast_sub(&mean)?.sqr()?.mean(1)?.to_vec1::<f32>()?;
            let mean = mean.squeeze(1)?.to_vec1::<f32>()?;
            // Chan, Golub and LeVeque: from the statistics of two parts to those of both.
            for (group, (&mean, &variance)) in mean.iter().zip(&variance).enumerate() {
                let apart = f64::from(mean) - means[group];
                means[group] += apart * count / (total + count);
                squares[group] += f64::from(variance) * count + apart * apart * total * count / (total + count);
            }
            total += count;
        }
        let (weight, bias) = (f64s(&self.weight)?, f64s(&self.bias)?);
        let (mut scale, mut shift) = (Vec::new(), Vec::new());
        for (group, (mean, squares)) in means.iter().zip(squares).enumerate() {
            for channel in (group % self.groups * in_group..).take(in_group) {
                let by = weight[channel] / (squares / total + EPS).sqrt();
                scale.push(by as f32);
                shift.push((bias[channel] - mean * by) as f32);
            }
        }
        let by_channel = |values| Tensor::from_vec(values, (batch, channels, 1, 1), self.weight.device());
        Ok(ReadyNorm::Bands { scale: by_channel(scale)?, shift: by_channel(shift)? })
    }

    /// Normalises feature maps in one piece.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.norm.forward(x, Activation::None)
    }
}

fn f64s(x: &Tensor) -> Result<Vec<f64>> {
    x.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1()
}

impl ReadyNorm<'_> {
    /// Normalises and applies SiLU.
    fn silu(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Whole(norm) => norm.forward(x, Activation::Silu),
            Self::Bands { scale, shift } => {
                let y = x.to_dtype(DType::F32)?.broadcast_mul(scale)?.broadcast_add(shift)?;
                Activation::Silu.forward(&y)?.to_dtype(x.dtype())
            }
        }
    }
}

/// How a convolution's result lies over its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// 1 × 1.
    Point,
    /// 3 × 3, of the same size.
    Same,
    /// 3 × 3, of half the size: a column of zeros on the right, a row of zeros below.
    Half,
    /// 3 × 3 after doubling every pixel.
    Double,
}

/// A convolution.
#[derive(Debug, Clone)]
pub(super) struct RowConv {
    conv: Conv2d,
    kind: Kind,
    /// Channels of the wider side.
    channels: usize,
}

impl RowConv {
    fn new(kind: Kind, inputs: usize, outputs: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let (kernel, config) = match kind {
            Kind::Point => (1, ConvConfig::default()),
            Kind::Same | Kind::Double => (3, ConvConfig::SAME_3),
            Kind::Half => (3, ConvConfig { stride: 2, ..ConvConfig::default() }),
        };
        Ok(Self { conv: Conv2d::new(inputs, outputs, kernel, config, vb)?, kind, channels: inputs.max(outputs) })
    }

    pub(super) fn same(inputs: usize, outputs: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Self::new(Kind::Same, inputs, outputs, vb)
    }

    pub(super) fn half(channels: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Self::new(Kind::Half, channels, channels, vb)
    }

    pub(super) fn double(channels: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Self::new(Kind::Double, channels, channels, vb)
    }

    /// The convolution of `x`.
    pub(super) fn forward(&self, x: Rows, run: Run<'_>) -> Result<Rows> {
        self.forward_plus(x, None, None, run)
    }

    /// The convolution of `x`, normalised and through SiLU before, plus a residual of the shape of the result after.
    pub(super) fn forward_plus(
        &self,
        mut x: Rows,
        norm: Option<&Norm>,
        mut residual: Option<Rows>,
        run: Run<'_>,
    ) -> Result<Rows> {
        let [batch, _, height, width] = x.dims();
        let (result_height, result_width) = match self.kind {
            Kind::Point | Kind::Same => (height, width),
            Kind::Half => (height / 2, width / 2),
            Kind::Double => (2 * height, 2 * width),
        };
        let bands = run.tiling.bands(result_height, batch * self.channels * result_width);
        let sources: Vec<Range<usize>> = bands.iter().map(|band| self.source(band, height)).collect();
        let norm = norm.map(|norm| norm.ready(&x, bands.len() == 1)).transpose()?;
        let mut results = Vec::with_capacity(bands.len());
        for (index, (band, source)) in bands.iter().zip(&sources).enumerate() {
            (run.check)()?;
            let keep_from = sources.get(index + 1).map_or(height, |next| next.start);
            // One reassigned variable, so that what went into a step is gone after it.
            let mut part = x.take(source.clone(), keep_from)?;
            if let Some(norm) = &norm {
                part = norm.silu(&part)?;
            }
            let residual = residual.as_mut().map(|residual| residual.take(source.clone(), keep_from)).transpose()?;
            match self.kind {
                Kind::Point | Kind::Same => {}
                Kind::Double => part = ops::upsample_nearest_2x(&part)?,
                Kind::Half => {
                    part = part.pad_with_zeros(2, 0, 2 * band.end + 1 - source.end)?.pad_with_zeros(3, 0, 1)?
                }
            }
            // Rows of the result that come from the rows around the band.
            let above = match self.kind {
                Kind::Point | Kind::Same => band.start - source.start,
                Kind::Double => band.start - 2 * source.start,
                Kind::Half => 0,
            };
            let result = self.conv.forward_plus(&part, None, residual.as_ref())?;
            results.push(result.narrow(2, above, band.len())?.contiguous()?);
        }
        Rows::from_bands(results)
    }

    /// The rows of the input that some rows of the result depend on, of those that exist.
    fn source(&self, band: &Range<usize>, height: usize) -> Range<usize> {
        match self.kind {
            Kind::Point => band.clone(),
            Kind::Same => band.start.saturating_sub(1)..(band.end + 1).min(height),
            Kind::Half => 2 * band.start..(2 * band.end + 1).min(height),
            Kind::Double => band.start.saturating_sub(1) / 2..(band.end + 1).div_ceil(2).min(height),
        }
    }
}

/// Two convolutions with a residual around them.
#[derive(Debug, Clone)]
pub(super) struct Resnet {
    norm1: Norm,
    conv1: RowConv,
    norm2: Norm,
    conv2: RowConv,
    shortcut: Option<RowConv>,
}

impl Resnet {
    pub(super) fn new(groups: usize, inputs: usize, outputs: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let shortcut = (inputs != outputs)
            .then(|| RowConv::new(Kind::Point, inputs, outputs, vb.pp("conv_shortcut")))
            .transpose()?;
        Ok(Self {
            norm1: Norm::new(groups, inputs, vb.pp("norm1"))?,
            conv1: RowConv::same(inputs, outputs, vb.pp("conv1"))?,
            norm2: Norm::new(groups, outputs, vb.pp("norm2"))?,
            conv2: RowConv::same(outputs, outputs, vb.pp("conv2"))?,
            shortcut,
        })
    }

    pub(super) fn forward(&self, x: Rows, run: Run<'_>) -> Result<Rows> {
        let inner = self.conv1.forward_plus(x.clone(), Some(&self.norm1), None, run)?;
        let x = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x, run)?,
            None => x,
        };
        self.conv2.forward_plus(inner, Some(&self.norm2), Some(x), run)
    }
}

/// Attention of one head between all pixels.
#[derive(Debug, Clone)]
struct Attention {
    norm: Norm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
}

impl Attention {
    fn new(groups: usize, channels: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let linear = |name| Linear::new(channels, channels, vb.pp(name));
        Ok(Self {
            norm: Norm::new(groups, channels, vb.pp("group_norm"))?,
            to_q: linear("to_q")?,
            to_k: linear("to_k")?,
            to_v: linear("to_v")?,
            to_out: linear("to_out.0")?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normed = self.norm.forward(x)?;
        let (q, k, v) = (
            self.to_q.forward_pixels(&normed)?,
            self.to_k.forward_pixels(&normed)?,
            self.to_v.forward_pixels(&normed)?,
        );
        drop(normed);
        self.to_out.forward_to_pixels_plus(&ops::attention(&q, &k, &v, 1, Mask::None)?, x)
    }
}

/// The block between the way down and the way up: every pixel sees every other one.
#[derive(Debug, Clone)]
pub(super) struct MidBlock {
    before: Resnet,
    attention: Attention,
    after: Resnet,
}

impl MidBlock {
    pub(super) fn new(groups: usize, channels: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            before: Resnet::new(groups, channels, channels, vb.pp("resnets.0"))?,
            attention: Attention::new(groups, channels, vb.pp("attentions.0"))?,
            after: Resnet::new(groups, channels, channels, vb.pp("resnets.1"))?,
        })
    }

    pub(super) fn forward(&self, x: Rows, run: Run<'_>) -> Result<Rows> {
        // In one piece, also for large pictures: at the latents' size that is little.
        let x = self.before.forward(x, run)?.into_whole()?;
        (run.check)()?;
        self.after.forward(Rows::whole(self.attention.forward(&x)?)?, run)
    }
}
