//! The content adapter of VideoStudio-Img: reference pictures of a foreground and a background beside the text.
//!
//! - [Paper](https://arxiv.org/abs/2401.01256): VideoStudio, section 3.3
//! - [Upstream code](https://github.com/FuchenUSTC/VideoStudio): the keys of `videostudio-img-combine.bin`
//!
//! Every cross-attention of the UNet gets two more: one to the tokens of the foreground, one to those of the background,
//! all three with the same queries. Their results, each times its scale, are added before the last projection. The UNet
//! knows nothing of it: the adapter adds branches to a context that the UNet has prepared.

use super::config::Config;
use super::levels::CrossAttention;
use super::transformer::KeyValue;
use super::unet::PreparedContext;
use crate::nets::ops::Linear;
use candle_core::{DType, Result, Tensor, bail};
use candle_nn::VarBuilder;

/// What a picture shall show, as tokens of the resampler, and how much it shall count.
///
/// The first dimension of all tokens is the batch of the text, with the unconditional rows where the text has them.
#[derive(Debug, Clone)]
pub struct References {
    /// The foregrounds, each `[batch, tokens, width]`; one attention looks at all of them. May be empty.
    pub foregrounds: Vec<Tensor>,
    /// The background: `[batch, tokens, width]`.
    pub background: Option<Tensor>,
    /// How much the foregrounds count. 0 is the same as no foregrounds.
    pub foreground_scale: f64,
    /// How much the background counts. 0 is the same as no background.
    pub background_scale: f64,
}

impl References {
    /// The default of the released code for [`References::foreground_scale`].
    pub const FOREGROUND_SCALE: f64 = 0.5;
    /// The default of the released code for [`References::background_scale`].
    pub const BACKGROUND_SCALE: f64 = 0.33;
}

impl Default for References {
    fn default() -> Self {
        Self {
            foregrounds: Vec::new(),
            background: None,
            foreground_scale: Self::FOREGROUND_SCALE,
            background_scale: Self::BACKGROUND_SCALE,
        }
    }
}

/// Keys and values of one cross-attention for one kind of reference.
#[derive(Debug, Clone)]
struct Branch {
    to_k: Linear,
    to_v: Linear,
}

impl Branch {
    fn new(at: &CrossAttention, suffix: &str, vb: &VarBuilder<'_>) -> Result<Self> {
        let linear = |name: &str| Linear::no_bias(at.context_width, at.width, vb.pp(format!("{name}{suffix}")));
        Ok(Self { to_k: linear("to_k_ip")?, to_v: linear("to_v_ip")? })
    }

    /// The scale goes into the values, where it costs nothing per step: attention is linear in them.
    fn key_value(&self, tokens: &Tensor, scale: f64) -> Result<KeyValue> {
        Ok(KeyValue { key: self.to_k.forward(tokens)?, value: (self.to_v.forward(tokens)? * scale)? })
    }
}

/// The two extra attentions of every cross-attention of a UNet.
#[derive(Debug, Clone)]
pub struct ContentAdapter {
    /// Foreground and background of each cross-attention, in the order down, up, mid.
    layers: Vec<(Branch, Branch)>,
    width: usize,
    dtype: DType,
}

impl ContentAdapter {
    /// Reads `<index>.{to_k_ip,to_v_ip,to_k_ip_bg,to_v_ip_bg}.weight`, which are in `ip_adapter` of the released file,
    /// for a UNet of this shape.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape (the message names the key), as happens with an adapter for another
    /// UNet.
    pub fn new(unet: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let layer = |at: &CrossAttention| {
            let vb = vb.pp(at.index);
            Ok((Branch::new(at, "", &vb)?, Branch::new(at, "_bg", &vb)?))
        };
        let layers = unet.cross_attentions()?.iter().map(layer).collect::<Result<_>>()?;
        Ok(Self { layers, width: unet.check()?.context_width, dtype: vb.dtype() })
    }

    /// Adds the references to what the UNet's cross-attentions look at.
    ///
    /// A reference that is absent or has the scale 0 adds nothing: without any the context stays as it was.
    ///
    /// # Errors
    /// When the context is that of another UNet, or when the tokens have another width or batch.
    pub fn add(&self, context: &mut PreparedContext, references: &References) -> Result<()> {
        let blocks = context.transformers.iter().map(|transformer| transformer.blocks.len()).sum::<usize>();
        if blocks != self.layers.len() {
            bail!("an adapter for {} cross-attentions, the UNet has {blocks}", self.layers.len());
        }
        let References { foregrounds, background, foreground_scale, background_scale } = references;
        let foreground = match foregrounds.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(Tensor::cat(several, 1)?),
        };
        let foreground = foreground.filter(|_| *foreground_scale != 0.0);
        let background = background.clone().filter(|_| *background_scale != 0.0);
        let blocks = context.transformers.iter_mut().flat_map(|transformer| &mut transformer.blocks);
        for ((for_foreground, for_background), branches) in self.layers.iter().zip(blocks) {
            let Some(text) = branches.first().map(|text| text.key.clone()) else {
                bail!("an adapter needs a context with text");
            };
            for (branch, tokens, scale) in
                [(for_foreground, &foreground, *foreground_scale), (for_background, &background, *background_scale)]
            {
                if let Some(tokens) = tokens {
                    let KeyValue { key, value } = branch.key_value(&self.checked(tokens, &text)?, scale)?;
                    branches.push(KeyValue { key: key.to_dtype(text.dtype())?, value: value.to_dtype(text.dtype())? });
                }
            }
        }
        Ok(())
    }

    fn checked(&self, tokens: &Tensor, text: &Tensor) -> Result<Tensor> {
        let (batch, dims) = (text.dim(0)?, tokens.dims());
        if dims.len() != 3 || dims[0] != batch || dims[2] != self.width {
            bail!("reference tokens of {dims:?}, the adapter takes [{batch}, tokens, {}] as the text", self.width);
        }
        tokens.to_dtype(self.dtype)
    }
}
