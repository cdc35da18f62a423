//! U²-Net, which finds the object that stands out in a picture.
//!
//! - [Paper](https://arxiv.org/abs/2005.09007): U²-Net, going deeper with nested U-structure for salient object detection
//! - [Upstream code](https://github.com/xuebinqin/U-2-Net): `model/u2net.py`, whose key names are kept
//!
//! Six encoder and five decoder stages, each of them a small U-Net of its own (a residual U-block, RSU). The full
//! U²-Net and the small U²-NetP differ in their widths only, so both are this code with another [`Config`].
//! Checkpoints come with batch norms or with the batch norms folded into the convolutions before them; the keys tell.

use super::ops::{Activation, Conv2d, ConvConfig};
use candle_core::{D, DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// The epsilon of the checkpoint's batch norms.
const BATCH_NORM_EPS: f64 = 1e-5;

/// The widths of one residual U-block: its output and everything inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Width {
    /// Channels of the layers inside the block.
    pub mid: usize,
    /// Channels that the block gives.
    pub out: usize,
}

/// The widths of a U²-Net. The structure is the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Channels of the picture.
    pub in_channels: usize,
    /// Channels of the mask.
    pub out_channels: usize,
    /// `stage1` to `stage6`.
    pub encoder: [Width; 6],
    /// `stage5d` to `stage1d`, in running order.
    pub decoder: [Width; 5],
}

impl Config {
    /// U²-NetP: 1.1 million parameters.
    pub fn u2netp() -> Self {
        let width = Width { mid: 16, out: 64 };
        Self { in_channels: 3, out_channels: 1, encoder: [width; 6], decoder: [width; 5] }
    }

    /// U²-Net: 44 million parameters.
    pub fn u2net() -> Self {
        let width = |(mid, out)| Width { mid, out };
        Self {
            in_channels: 3,
            out_channels: 1,
            encoder: [(32, 64), (32, 128), (64, 256), (128, 512), (256, 512), (256, 512)].map(width),
            decoder: [(256, 512), (128, 256), (64, 128), (32, 64), (16, 64)].map(width),
        }
    }

    /// Reads the widths off a checkpoint's tensors.
    pub fn from_tensors(tensors: &HashMap<String, Tensor>) -> std::result::Result<Self, WeightsError> {
        let side = |key: String, axis: usize| match tensors.get(&key) {
            None => Err(WeightsError::Missing(key)),
            Some(tensor) => tensor.dims().get(axis).copied().ok_or(WeightsError::Shape {
                expected: "four sides".into(),
                found: format!("{:?}", tensor.dims()),
                key,
            }),
        };
        let width = |stage: &str| -> std::result::Result<Width, WeightsError> {
            Ok(Width {
                mid: side(format!("{stage}.rebnconv1.conv_s1.weight"), 0)?,
                out: side(format!("{stage}.rebnconvin.conv_s1.weight"), 0)?,
            })
        };
        let mut config = Self {
            in_channels: side("stage1.rebnconvin.conv_s1.weight".into(), 1)?,
            out_channels: side("outconv.weight".into(), 0)?,
            ..Self::u2netp()
        };
        for (stage, into) in ENCODER.iter().zip(&mut config.encoder) {
            *into = width(stage.name)?;
        }
        for (stage, into) in DECODER.iter().zip(&mut config.decoder) {
            *into = width(stage.name)?;
        }
        Ok(config)
    }

    /// Every key of a checkpoint and its shape, with batch norms or with them folded away.
    pub fn manifest(&self, batch_norm: bool) -> BTreeMap<String, Vec<usize>> {
        let mut keys = BTreeMap::new();
        for (stage, channels, width) in self.stages() {
            for layer in stage.layers(channels, width) {
                let key = |part: &str| format!("{}.{}.{part}", stage.name, layer.name);
                keys.insert(key("conv_s1.weight"), vec![layer.out, layer.channels, 3, 3]);
                keys.insert(key("conv_s1.bias"), vec![layer.out]);
                if batch_norm {
                    for part in ["weight", "bias", "running_mean", "running_var"] {
                        keys.insert(key(&format!("bn_s1.{part}")), vec![layer.out]);
                    }
                    keys.insert(key("bn_s1.num_batches_tracked"), vec![]);
                }
            }
        }
        let sides = self.decoder.iter().rev().chain([&self.encoder[5]]);
        for (index, width) in sides.enumerate() {
            keys.insert(format!("side{}.weight", index + 1), vec![self.out_channels, width.out, 3, 3]);
            keys.insert(format!("side{}.bias", index + 1), vec![self.out_channels]);
        }
        keys.insert("outconv.weight".into(), vec![self.out_channels, 6 * self.out_channels, 1, 1]);
        keys.insert("outconv.bias".into(), vec![self.out_channels]);
        keys
    }

    /// The stages in running order, each with the channels that it takes.
    fn stages(&self) -> impl Iterator<Item = (&'static Stage, usize, Width)> {
        let mut stages = Vec::new();
        let mut channels = self.in_channels;
        for (stage, width) in ENCODER.iter().zip(self.encoder) {
            stages.push((stage, channels, width));
            channels = width.out;
        }
        for ((stage, width), skip) in DECODER.iter().zip(self.decoder).zip(self.encoder.iter().rev().skip(1)) {
            stages.push((stage, channels + skip.out, width));
            channels = width.out;
        }
        stages.into_iter()
    }
}

/// A checkpoint that is not a U²-Net's.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The checkpoint lacks a tensor.
    #[error("the weights lack the tensor \"{0}\"; use a U²-Net checkpoint")]
    Missing(String),
    /// The checkpoint has a tensor that the network has no place for.
    #[error("the weights hold a tensor \"{0}\" that U²-Net does not have; use a U²-Net checkpoint")]
    Unknown(String),
    /// A tensor has another shape than the rest of the checkpoint asks for.
    #[error("the tensor \"{key}\" has shape {found} where {expected} is needed; use a U²-Net checkpoint")]
    Shape {
        /// The tensor's name.
        key: String,
        /// The shape that the other tensors ask for.
        expected: String,
        /// The shape in the file.
        found: String,
    },
    /// Candle could not work with the tensors.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Where a stage stands and how deep it is.
struct Stage {
    name: &'static str,
    /// The number of layers on the way down; the last one is dilated and does not shrink.
    depth: usize,
    /// Whether the block dilates instead of pooling (RSU-4F).
    flat: bool,
}

const fn stage(name: &'static str, depth: usize) -> Stage {
    Stage { name, depth, flat: false }
}

const fn flat(name: &'static str) -> Stage {
    Stage { name, depth: 4, flat: true }
}

const ENCODER: [Stage; 6] =
    [stage("stage1", 7), stage("stage2", 6), stage("stage3", 5), stage("stage4", 4), flat("stage5"), flat("stage6")];
const DECODER: [Stage; 5] =
    [flat("stage5d"), stage("stage4d", 4), stage("stage3d", 5), stage("stage2d", 6), stage("stage1d", 7)];

/// One convolution of a block, before it has weights.
struct Layer {
    name: String,
    channels: usize,
    out: usize,
    dilation: usize,
}

impl Stage {
    /// The block's convolutions: into it, down, and up again.
    fn layers(&self, channels: usize, width: Width) -> Vec<Layer> {
        let Width { mid, out } = width;
        let dilation = |level: usize| match self.flat {
            true => 1 << (level - 1),
            false => 1 + usize::from(level == self.depth),
        };
        let mut layers = vec![Layer { name: "rebnconvin".into(), channels, out, dilation: 1 }];
        for level in 1..=self.depth {
            let channels = if level == 1 { out } else { mid };
            layers.push(Layer {
                name: format!("rebnconv{level}"),
                channels,
                out: mid,
                // Only the deepest layer of a pooling block is dilated.
                dilation: dilation(level),
            });
        }
        for level in (1..self.depth).rev() {
            let out = if level == 1 { out } else { mid };
            layers.push(Layer { name: format!("rebnconv{level}d"), channels: 2 * mid, out, dilation: dilation(level) });
        }
        layers
    }
}

/// A residual U-block.
#[derive(Debug, Clone)]
struct Rsu {
    into: Conv2d,
    down: Vec<Conv2d>,
    /// In running order: from the deepest to the outermost.
    up: Vec<Conv2d>,
    flat: bool,
}

impl Rsu {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let outer = self.into.forward(x)?;
        let mut skips: Vec<Tensor> = Vec::with_capacity(self.down.len());
        let deepest = self.down.len() - 1;
        for (level, conv) in self.down.iter().enumerate() {
            let x = match skips.last() {
                None => outer.clone(),
                Some(x) if self.flat || level == deepest => x.clone(),
                Some(x) => halve(x)?,
            };
            skips.push(conv.forward(&x)?);
        }
        let mut x = skips.pop().unwrap_or_else(|| outer.clone());
        for (conv, skip) in self.up.iter().zip(skips.iter().rev()) {
            x = conv.forward(&Tensor::cat(&[&resize_like(&x, skip)?, skip], 1)?)?;
        }
        x + outer
    }
}

/// U²-Net or U²-NetP with its weights.
#[derive(Debug, Clone)]
pub struct U2Net {
    encoder: Vec<Rsu>,
    decoder: Vec<Rsu>,
    sides: Vec<Conv2d>,
    out: Conv2d,
}

impl U2Net {
    /// Builds the network from all the tensors of a checkpoint, whatever its widths, in f32 on `device`.
    ///
    /// A missing tensor, one too many, or one of another shape is an error that names it.
    pub fn from_tensors(tensors: &HashMap<String, Tensor>, device: &Device) -> std::result::Result<Self, WeightsError> {
        Self::new(&Config::from_tensors(tensors)?, tensors, device)
    }

    /// Builds a network of known widths from all the tensors of a checkpoint, in f32 on `device`.
    pub fn new(
        config: &Config,
        tensors: &HashMap<String, Tensor>,
        device: &Device,
    ) -> std::result::Result<Self, WeightsError> {
        let batch_norm = tensors.keys().any(|key| key.contains(".bn_s1."));
        let manifest = config.manifest(batch_norm);
        for (key, shape) in &manifest {
            match tensors.get(key) {
                Some(tensor) if tensor.dims() == shape => {}
                Some(tensor) => {
                    let (expected, found) = (format!("{shape:?}"), format!("{:?}", tensor.dims()));
                    return Err(WeightsError::Shape { key: key.clone(), expected, found });
                }
                // Checkpoints older than PyTorch 0.4.1 have no such counters, and inference needs none.
                None if key.ends_with("num_batches_tracked") => {}
                None => return Err(WeightsError::Missing(key.clone())),
            }
        }
        // The smallest, so that the same file always gives the same message.
        if let Some(key) = tensors.keys().filter(|key| !manifest.contains_key(*key)).min() {
            return Err(WeightsError::Unknown(key.clone()));
        }

        let weights = Weights { tensors, device, batch_norm };
        let mut blocks = Vec::with_capacity(ENCODER.len() + DECODER.len());
        for (stage, channels, width) in config.stages() {
            let mut convs = Vec::new();
            for layer in stage.layers(channels, width) {
                convs.push(weights.layer(&format!("{}.{}", stage.name, layer.name), layer.dilation)?);
            }
            let up = convs.split_off(1 + stage.depth);
            let down = convs.split_off(1);
            blocks.push(Rsu { into: convs.remove(0), down, up, flat: stage.flat });
        }
        let decoder = blocks.split_off(ENCODER.len());
        let sides = (1..=6).map(|i| weights.conv(&format!("side{i}"))).collect::<Result<Vec<_>>>()?;
        Ok(Self { encoder: blocks, decoder, sides, out: weights.conv("outconv")? })
    }

    /// The seven masks of a picture, each between 0 and 1: the fused one (d0), which is *the* mask, then those of the
    /// six sides it is fused from (d1 to d6).
    ///
    /// Takes `[batch, in_channels, height, width]` and gives seven times `[batch, out_channels, height, width]`.
    pub fn forward(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let sides = self.sides(x)?;
        let fused = self.fuse(&sides)?;
        std::iter::once(&fused).chain(&sides).map(sigmoid).collect()
    }

    /// The fused mask alone: `[batch, in_channels, height, width]` to `[batch, out_channels, height, width]`.
    pub fn mask(&self, x: &Tensor) -> Result<Tensor> {
        sigmoid(&self.fuse(&self.sides(x)?)?)
    }

    fn fuse(&self, sides: &[Tensor]) -> Result<Tensor> {
        self.out.forward(&Tensor::cat(sides, 1)?)
    }

    /// The six side outputs at the picture's size, before the sigmoid.
    fn sides(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let mut skips: Vec<Tensor> = Vec::with_capacity(self.encoder.len());
        for block in &self.encoder {
            let x = match skips.last() {
                None => x.clone(),
                Some(x) => halve(x)?,
            };
            skips.push(block.forward(&x)?);
        }
        // From the deepest to the outermost.
        let mut outputs: Vec<Tensor> = skips.pop().into_iter().collect();
        for (block, skip) in self.decoder.iter().zip(skips.iter().rev()) {
            let below = &outputs[outputs.len() - 1];
            outputs.push(block.forward(&Tensor::cat(&[&resize_like(below, skip)?, skip], 1)?)?);
        }
        let mut sides: Vec<Tensor> = Vec::with_capacity(self.sides.len());
        for (conv, output) in self.sides.iter().zip(outputs.iter().rev()) {
            sides.push(resize_like(&conv.forward(output)?, x)?);
        }
        Ok(sides)
    }
}

/// Where the layers find their tensors.
struct Weights<'a> {
    tensors: &'a HashMap<String, Tensor>,
    device: &'a Device,
    batch_norm: bool,
}

impl Weights<'_> {
    fn get(&self, key: &str) -> Result<Tensor> {
        match self.tensors.get(key) {
            Some(tensor) => tensor.to_device(self.device)?.to_dtype(DType::F32),
            None => candle_core::bail!("no tensor \"{key}\""),
        }
    }

    /// A plain convolution.
    fn conv(&self, key: &str) -> Result<Conv2d> {
        same_conv(self.get(&format!("{key}.weight"))?, self.get(&format!("{key}.bias"))?, 1)
    }

    /// A convolution, the batch norm after it, if there is one, folded into it, and ReLU.
    fn layer(&self, key: &str, dilation: usize) -> Result<Conv2d> {
        let weight = self.get(&format!("{key}.conv_s1.weight"))?;
        let bias = self.get(&format!("{key}.conv_s1.bias"))?;
        if !self.batch_norm {
            return Ok(same_conv(weight, bias, dilation)?.with_activation(Activation::Relu));
        }
        let norm = |part: &str| self.get(&format!("{key}.bn_s1.{part}"))?.to_dtype(DType::F64);
        let scale = (norm("weight")? / (norm("running_var")? + BATCH_NORM_EPS)?.sqrt()?)?;
        let bias = (((bias.to_dtype(DType::F64)? - norm("running_mean")?)? * &scale)? + norm("bias")?)?;
        let weight = weight.to_dtype(DType::F64)?.broadcast_mul(&scale.reshape(((), 1, 1, 1))?)?;
        let conv = same_conv(weight.to_dtype(DType::F32)?, bias.to_dtype(DType::F32)?, dilation)?;
        Ok(conv.with_activation(Activation::Relu))
    }
}

/// A convolution that keeps the picture's size.
fn same_conv(weight: Tensor, bias: Tensor, dilation: usize) -> Result<Conv2d> {
    let padding = dilation * (weight.dim(2)? / 2);
    Ok(Conv2d::from_tensors(weight, Some(bias), ConvConfig { stride: 1, padding, dilation }))
}

/// Max pooling by 2 where an odd last row or column counts too (PyTorch's ceil mode).
fn halve(x: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    let x = if height % 2 == 1 { x.pad_with_same(D::Minus2, 0, 1)? } else { x.clone() };
    let x = if width % 2 == 1 { x.pad_with_same(D::Minus1, 0, 1)? } else { x };
    x.max_pool2d(2)
}

/// Bilinear, without aligned corners.
fn resize_like(x: &Tensor, like: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = like.dims4()?;
    if x.dims()[2..] == [height, width] { Ok(x.clone()) } else { x.upsample_bilinear2d(height, width, false) }
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(x)
}
