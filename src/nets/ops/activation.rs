//! Activation functions.

use super::cpu;
use candle_core::{D, Result, Tensor};
use serde::{Deserialize, Serialize};

/// An activation function, by the names that checkpoints' config files use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// The value itself.
    #[default]
    None,
    /// `max(x, 0)`
    Relu,
    /// `x * sigmoid(x)`, also called swish.
    #[serde(alias = "swish")]
    Silu,
    /// `x * Φ(x)`, with the exact normal distribution.
    Gelu,
    /// `x * Φ(x)`, with a hyperbolic tangent for the normal distribution, as in the gemma language models.
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluTanh,
    /// `x * sigmoid(1.702 x)`, as in the CLIP models of OpenAI.
    QuickGelu,
}

impl Activation {
    /// The function of every element.
    ///
    /// # Errors
    /// When the device fails.
    pub fn forward(self, x: &Tensor) -> Result<Tensor> {
        if cpu::can_take(x) && self != Self::None {
            let contiguous = x.contiguous()?;
            let y = cpu::math::activated(&cpu::values(&contiguous)?, self);
            return cpu::tensor(y, x.dims(), x.dtype());
        }
        match self {
            Self::None => Ok(x.clone()),
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
            Self::Gelu => x.gelu_erf(),
            Self::GeluTanh => x.gelu(),
            Self::QuickGelu => x * candle_nn::ops::sigmoid(&(x * 1.702)?)?,
        }
    }
}

/// The gated GELU of the transformers: the first half of the last dimension times the GELU of its second half.
///
/// `[..., 2 * width]` to `[..., width]`.
///
/// # Errors
/// When the last dimension is odd.
pub fn geglu(x: &Tensor) -> Result<Tensor> {
    let width = x.dim(D::Minus1)?;
    if !width.is_multiple_of(2) {
        candle_core::bail!("a gated layer needs two halves, the width is {width}");
    }
    if cpu::can_take(x) {
        let mut shape = x.dims().to_vec();
        let contiguous = x.contiguous()?;
        let y = cpu::math::geglu(&cpu::values(&contiguous)?, width / 2);
        if let Some(last) = shape.last_mut() {
            *last = width / 2;
        }
        return cpu::tensor(y, shape, x.dtype());
    }
    let (value, gate) = (x.narrow(D::Minus1, 0, width / 2)?, x.narrow(D::Minus1, width / 2, width / 2)?);
    value.contiguous()? * gate.contiguous()?.gelu_erf()?
}
