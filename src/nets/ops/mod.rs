//! The layers that every network is made of, so that a faster kernel is one change.
//!
//! Shapes follow PyTorch: pictures are `[batch, channels, height, width]`, sequences `[batch, tokens, width]`. A video is
//! a batch of pictures with the frames folded into the batch, `[batch * frames, channels, height, width]`, the frames of
//! one video side by side. Layers take f32, f16 and bf16 on any device, and tensors with any strides; what they give is
//! contiguous.

mod activation;
mod attention;
mod conv;
mod cpu;
pub mod decoder;
#[cfg(feature = "flash-attn")]
mod flash;
mod linear;
mod norm;
pub mod quantized;
mod resize;

pub use activation::{Activation, geglu};
pub use attention::{Mask, attention};
pub use conv::{Conv2d, ConvConfig, TemporalConv};
pub use linear::Linear;
pub use norm::{GroupNorm, LayerNorm};
pub use resize::{upsample_nearest, upsample_nearest_2x};

use candle_core::{Result, Tensor};

/// `a + b` of two tensors of the same shape.
///
/// # Errors
/// When the shapes, types or devices differ.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if cpu::can_take(a) && cpu::can_take(b) && a.dims() == b.dims() && a.dtype() == b.dtype() {
        let (left, right) = (a.contiguous()?, b.contiguous()?);
        let sum = cpu::math::sum(&cpu::values(&left)?, &cpu::values(&right)?);
        return cpu::tensor(sum, a.dims(), a.dtype());
    }
    a.add(b)
}

/// Does `work` with candle's own operations for all layers on this thread, as graphics cards do it.
///
/// Cards have no kernels of this program's. This lets a machine without a card hold what they do to the same fixtures.
pub fn as_on_cards<R>(work: impl FnOnce() -> R) -> R {
    cpu::without(work)
}

#[cfg(test)]
mod tests;
