//! What makes a video of the frames: convolutions and attention over time.

use super::config::Heads;
use crate::nets::ops::{Activation, GroupNorm, LayerNorm, Linear, TemporalConv};
use crate::nets::unet::transformer::{Attention, FeedForward};
use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;

/// Groups of the norms of the temporal convolutions, whatever the config says of the others.
const CONV_GROUPS: usize = 32;
/// Epsilon of the norms of the temporal convolutions.
const CONV_EPS: f64 = 1e-5;
/// Epsilon of the norm in front of a temporal transformer.
const TRANSFORMER_EPS: f64 = 1e-6;
/// Epsilon of the norms inside a temporal transformer.
const LAYER_NORM_EPS: f64 = 1e-5;
/// Values that the widest layer of a temporal transformer may give at a time: a quarter of a gigabyte in f32.
const CHUNK_VALUES: usize = 1 << 26;

/// Four or five temporal convolutions, each after a norm over the whole video, with one residual around all
/// (`TemporalConvLayer`).
#[derive(Debug, Clone)]
pub struct TemporalConvLayer {
    convs: Vec<(GroupNorm, TemporalConv)>,
}

impl TemporalConvLayer {
    /// Reads `conv1.0`, `conv1.2`, and `convN.0`, `convN.3` up to `conv5` where there are more, else `conv4`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(channels: usize, more_conv: bool, vb: VarBuilder<'_>) -> Result<Self> {
        let convs = conv_keys(more_conv).map(|(norm, conv)| {
            Ok((
                GroupNorm::new(CONV_GROUPS, channels, CONV_EPS, vb.pp(norm))?,
                TemporalConv::new(channels, channels, vb.pp(conv))?,
            ))
        });
        Ok(Self { convs: convs.collect::<Result<_>>()? })
    }

    /// `[videos * frames, channels, height, width]` to the same shape.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward(&self, x: &Tensor, frames: usize) -> Result<Tensor> {
        let mut h = x.clone();
        for (i, (norm, conv)) in self.convs.iter().enumerate() {
            let last = i + 1 == self.convs.len();
            h = norm.forward_frames(&h, frames, Activation::Silu)?;
            h = conv.forward(&h, frames, last.then_some(x))?;
        }
        Ok(h)
    }
}

/// The keys of a temporal convolution layer's norms and convolutions. Dropout lies between them in all but the first.
pub(super) fn conv_keys(more_conv: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    const KEYS: [(&str, &str); 5] = [
        ("conv1.0", "conv1.2"),
        ("conv2.0", "conv2.3"),
        ("conv3.0", "conv3.3"),
        ("conv4.0", "conv4.3"),
        ("conv5.0", "conv5.3"),
    ];
    KEYS.into_iter().take(if more_conv { 5 } else { 4 })
}

/// Two self-attentions and a feed-forward layer, each after a norm and with a residual.
#[derive(Debug, Clone)]
struct TemporalBlock {
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff: FeedForward,
}

impl TemporalBlock {
    fn new(width: usize, heads: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let norm = |name| LayerNorm::new(width, LAYER_NORM_EPS, vb.pp(name));
        let attention = |name| Attention::new(width, width, heads, false, vb.pp(name));
        Ok(Self {
            norm1: norm("norm1")?,
            attn1: attention("attn1")?,
            norm2: norm("norm2")?,
            attn2: attention("attn2")?,
            norm3: norm("norm3")?,
            ff: FeedForward::new(width, vb.pp("ff"))?,
        })
    }

    fn forward(&self, mut x: Tensor) -> Result<Tensor> {
        x = self.attn1.forward_self(&self.norm1.forward(&x)?, &x)?;
        x = self.attn2.forward_self(&self.norm2.forward(&x)?, &x)?;
        self.ff.forward(&self.norm3.forward(&x)?, &x)
    }
}

/// A transformer in which every pixel looks at itself in all frames, with a residual around all
/// (`TransformerTemporalModel`). There is no mask, and nothing tells the frames' order.
#[derive(Debug, Clone)]
pub struct TemporalTransformer {
    norm: GroupNorm,
    proj_in: Linear,
    transformer_blocks: Vec<TemporalBlock>,
    proj_out: Linear,
    /// Width of the widest layer.
    widest: usize,
}

impl TemporalTransformer {
    /// Reads `norm`, `proj_in`, `transformer_blocks.N` and `proj_out`; inside it is `heads.count * heads.size` wide.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the channels do not divide into groups.
    pub fn new(channels: usize, heads: Heads, layers: usize, groups: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let inner = heads.count * heads.size;
        let blocks = vb.pp("transformer_blocks");
        Ok(Self {
            norm: GroupNorm::new(groups, channels, TRANSFORMER_EPS, vb.pp("norm"))?,
            proj_in: Linear::new(channels, inner, vb.pp("proj_in"))?,
            transformer_blocks: (0..layers)
                .map(|i| TemporalBlock::new(inner, heads.count, blocks.pp(i)))
                .collect::<Result<_>>()?,
            proj_out: Linear::new(inner, channels, vb.pp("proj_out"))?,
            widest: 8 * inner,
        })
    }

    /// `[videos * frames, channels, height, width]` to the same shape.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward(&self, x: &Tensor, frames: usize) -> Result<Tensor> {
        let (all, _, height, width) = x.dims4()?;
        if frames == 0 || all % frames != 0 {
            bail!("{all} pictures are not videos of {frames} frames");
        }
        let (videos, pixels) = (all / frames, height * width);
        let normed = self.norm.forward_frames(x, frames, Activation::None)?;
        let tokens = self.proj_in.forward_pixels(&normed)?;
        drop(normed);
        let inner = tokens.dim(2)?;
        // Only whole tokens move between the two orders, which is a copy of long runs.
        let by_pixel = tokens.reshape((videos, frames, pixels, inner))?.transpose(1, 2)?.contiguous()?;
        drop(tokens);
        let at_once = (CHUNK_VALUES / (frames * self.widest).max(1)).max(1);
        let by_pixel = self.blocks(by_pixel.reshape((videos * pixels, frames, inner))?, at_once)?;
        let tokens = by_pixel.reshape((videos, pixels, frames, inner))?.transpose(1, 2)?.contiguous()?;
        drop(by_pixel);
        self.proj_out.forward_to_pixels_plus(&tokens.reshape((all, pixels, inner))?, x)
    }

    /// Some pixels at a time, as they do not look at each other: `[pixels, frames, width]` to the same shape.
    fn blocks(&self, x: Tensor, at_once: usize) -> Result<Tensor> {
        let pixels = x.dim(0)?;
        let run = |x: Tensor| self.transformer_blocks.iter().try_fold(x, |x, block| block.forward(x));
        if pixels <= at_once {
            return run(x);
        }
        let pieces = (0..pixels).step_by(at_once).map(|first| run(x.narrow(0, first, at_once.min(pixels - first))?));
        Tensor::cat(&pieces.collect::<Result<Vec<_>>>()?, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::unet3d::Config;
    use candle_core::{DType, Device};
    use std::collections::HashMap;

    const HEADS: Heads = Heads { count: 2, size: 4 };
    const CHANNELS: usize = 32;

    fn transformer() -> TemporalTransformer {
        let mut config = Config { transformer_in: Some(HEADS), ..Config::videostudio_vid() };
        config.levels.iter_mut().for_each(|level| level.channels = CHANNELS);
        let random = |(key, shape): (String, Vec<usize>)| {
            let key = key.strip_prefix("temp_transformer_in.")?.to_owned();
            Some((key, Tensor::randn(0f32, 0.5, shape, &Device::Cpu).unwrap()))
        };
        let weights: HashMap<String, Tensor> = config.manifest().into_iter().filter_map(random).collect();
        let vb = VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);
        TemporalTransformer::new(CHANNELS, HEADS, 1, 32, vb).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn assert_close(a: &Tensor, b: &Tensor) {
        assert_eq!(a.dims(), b.dims());
        assert!(values(a).iter().zip(values(b)).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn a_few_pixels_at_a_time_give_the_same_as_all() {
        let (transformer, frames) = (transformer(), 3);
        let x = Tensor::randn(0f32, 1.0, (7, frames, HEADS.count * HEADS.size), &Device::Cpu).unwrap();
        let whole = transformer.blocks(x.clone(), 7).unwrap();
        for at_once in [1, 2, 3, 6] {
            assert_close(&transformer.blocks(x.clone(), at_once).unwrap(), &whole);
        }
    }

    #[test]
    fn frames_look_at_each_other_and_have_no_order() {
        let (transformer, frames) = (transformer(), 3);
        let x = Tensor::randn(0f32, 1.0, (frames, CHANNELS, 2, 2), &Device::Cpu).unwrap();
        let backwards = |x: &Tensor| {
            let frames: Vec<Tensor> = (0..frames).rev().map(|i| x.narrow(0, i, 1).unwrap()).collect();
            Tensor::cat(&frames, 0).unwrap()
        };
        let y = transformer.forward(&x, frames).unwrap();
        assert_close(&transformer.forward(&backwards(&x), frames).unwrap(), &backwards(&y));
        // As three videos of one frame they are something else.
        let apart = transformer.forward(&x, 1).unwrap();
        assert!(values(&apart).iter().zip(values(&y)).any(|(a, b)| (a - b).abs() > 1e-2));
        assert!(transformer.forward(&x, 2).is_err(), "three frames are not videos of two");
    }
}
