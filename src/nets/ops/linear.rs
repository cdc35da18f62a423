//! Fully connected layers.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// `x · weightᵀ + bias` over the last dimension.
#[derive(Debug, Clone)]
pub struct Linear {
    /// `[outputs, inputs]`
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// Reads `weight` `[outputs, inputs]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(inputs: usize, outputs: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Self { weight: vb.get((outputs, inputs), "weight")?, bias: Some(vb.get(outputs, "bias")?) })
    }

    /// Reads `weight` `[outputs, inputs]`; there is no bias.
    ///
    /// # Errors
    /// When the tensor is missing or has another shape.
    pub fn no_bias(inputs: usize, outputs: usize, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Self { weight: vb.get((outputs, inputs), "weight")?, bias: None })
    }

    /// Reads a 1 × 1 convolution: `weight` `[outputs, inputs, 1, 1]` and `bias` `[outputs]`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn pointwise(inputs: usize, outputs: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let weight = vb.get((outputs, inputs, 1, 1), "weight")?.squeeze(3)?.squeeze(2)?;
        Ok(Self { weight, bias: Some(vb.get(outputs, "bias")?) })
    }

    /// From tensors: `weight` `[outputs, inputs]` and `bias` `[outputs]`.
    pub fn from_tensors(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight, bias }
    }

    /// `[..., inputs]` to `[..., outputs]`.
    ///
    /// # Errors
    /// When the last dimension is not `inputs`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (outputs, inputs) = self.weight.dims2()?;
        let mut shape = x.dims().to_vec();
        if shape.last() != Some(&inputs) {
            candle_core::bail!("{shape:?} into a layer of {inputs} inputs");
        }
        let rows = x.elem_count() / inputs.max(1);
        let y = x.reshape((rows, inputs))?.matmul(&self.weight.t()?)?;
        let y = match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        };
        if let Some(last) = shape.last_mut() {
            *last = outputs;
        }
        y.reshape(shape)
    }

    /// `forward(x) + residual`, where the residual has the shape of the result.
    ///
    /// # Errors
    /// As for [`Self::forward`], and when the residual has another shape.
    pub fn forward_plus(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        self.forward(x)?.add(residual)
    }

    /// Pixels into tokens: `[batch, inputs, height, width]` to `[batch, height * width, outputs]`.
    ///
    /// # Errors
    /// When the channels are not `inputs`.
    pub fn forward_pixels(&self, x: &Tensor) -> Result<Tensor> {
        self.forward(&x.flatten_from(2)?.transpose(1, 2)?)
    }

    /// Tokens back into pixels, plus a residual: `[batch, height * width, inputs]` to
    /// `[batch, outputs, height, width]`, the shape of `residual`.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward_to_pixels_plus(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        self.forward(x)?.transpose(1, 2)?.reshape(residual.shape())?.add(residual)
    }
}
