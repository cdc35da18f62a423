//! Fully connected layers.

use super::{cpu, geglu};
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
        self.tokens(x, None)
    }

    fn tokens(&self, x: &Tensor, residual: Option<&Tensor>) -> Result<Tensor> {
        let (outputs, inputs) = self.weight.dims2()?;
        let mut shape = x.dims().to_vec();
        if shape.last() != Some(&inputs) {
            candle_core::bail!("{shape:?} into a layer of {inputs} inputs");
        }
        let rows = x.elem_count() / inputs.max(1);
        if let Some(last) = shape.last_mut() {
            *last = outputs;
        }
        if let Some(residual) = residual
            && residual.dims() != shape
        {
            candle_core::bail!("the residual {:?} for a result of {shape:?}", residual.dims());
        }
        if cpu::can_take(x) && cpu::can_take(&self.weight) {
            let residual = residual.map(Tensor::contiguous).transpose()?;
            let residual = residual.as_ref().map(cpu::values).transpose()?;
            let x = x.contiguous()?;
            let y = self.on_cpu(|weights| Ok(weights.tokens(&cpu::values(&x)?, inputs, rows, residual.as_deref())))?;
            return cpu::tensor(y, shape, x.dtype());
        }
        let y = x.reshape((rows, inputs))?.matmul(&self.weight.t()?)?;
        let y = match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        };
        let y = y.reshape(shape)?;
        match residual {
            Some(residual) => y + residual,
            None => Ok(y),
        }
    }

    fn on_cpu<R>(&self, f: impl FnOnce(cpu::linear::Weights<'_>) -> Result<R>) -> Result<R> {
        let (outputs, inputs) = self.weight.dims2()?;
        let weight = self.weight.contiguous()?;
        let weight = cpu::values(&weight)?;
        let bias = self.bias.as_ref().map(cpu::values).transpose()?;
        f(cpu::linear::Weights { weight: &weight, bias: bias.as_deref(), inputs, outputs })
    }

    /// `forward(x) + residual`, where the residual has the shape of the result.
    ///
    /// # Errors
    /// As for [`Self::forward`], and when the residual has another shape.
    pub fn forward_plus(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        self.tokens(x, Some(residual))
    }

    /// [`geglu`] of `forward(x)`, without all of the latter in memory: `[..., inputs]` to `[..., outputs / 2]`.
    ///
    /// # Errors
    /// When the last dimension is not `inputs`, or the outputs are no two halves.
    pub fn forward_geglu(&self, x: &Tensor) -> Result<Tensor> {
        let (outputs, inputs) = self.weight.dims2()?;
        let mut shape = x.dims().to_vec();
        let fits = shape.last() == Some(&inputs) && outputs.is_multiple_of(2);
        if !(fits && cpu::can_take(x) && cpu::can_take(&self.weight)) {
            return geglu(&self.forward(x)?);
        }
        if let Some(last) = shape.last_mut() {
            *last = outputs / 2;
        }
        let contiguous = x.contiguous()?;
        let tokens = x.elem_count() / inputs.max(1);
        let y = self.on_cpu(|weights| match weights.has_few(tokens) {
            true => Ok(None),
            false => Ok(Some(weights.gated(&cpu::values(&contiguous)?, tokens))),
        })?;
        match y {
            Some(y) => cpu::tensor(y, shape, x.dtype()),
            None => geglu(&self.forward(x)?),
        }
    }

    /// Pixels into tokens: `[batch, inputs, height, width]` to `[batch, height * width, outputs]`.
    ///
    /// # Errors
    /// When the channels are not `inputs`.
    pub fn forward_pixels(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.flatten_from(2)?;
        if cpu::can_take(&x) {
            let (batch, channels, pixels) = x.dims3()?;
            let x = x.contiguous()?;
            let values = cpu::values(&x)?;
            let mut tokens = vec![0.0; values.len()];
            if !tokens.is_empty() {
                let picture = channels * pixels;
                for (from, to) in values.chunks_exact(picture).zip(tokens.chunks_exact_mut(picture)) {
                    cpu::linear::transpose(from, channels, pixels, to);
                }
            }
            return self.forward(&cpu::tensor(tokens, (batch, pixels, channels), x.dtype())?);
        }
        self.forward(&x.transpose(1, 2)?)
    }

    /// Tokens back into pixels, plus a residual: `[batch, height * width, inputs]` to
    /// `[batch, outputs, height, width]`, the shape of `residual`.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn forward_to_pixels_plus(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        let (batch, tokens, inputs) = x.dims3()?;
        let (outputs, expected) = self.weight.dims2()?;
        let shape = residual.dims();
        if inputs != expected
            || shape.len() < 2
            || shape[..2] != [batch, outputs]
            || shape[2..].iter().product::<usize>() != tokens
        {
            candle_core::bail!("{:?} and the residual {shape:?} for a layer {:?}", x.dims(), self.weight.dims());
        }
        if cpu::can_take(x) && cpu::can_take(&self.weight) {
            let (x, residual) = (x.contiguous()?, residual.contiguous()?);
            let y = self.on_cpu(|weights| {
                let (x, residual) = (cpu::values(&x)?, cpu::values(&residual)?);
                let mut y = vec![0.0; batch * outputs * tokens];
                for picture in 0..batch {
                    let at = picture * outputs * tokens..(picture + 1) * outputs * tokens;
                    weights.by_output(
                        &x[picture * tokens * inputs..],
                        inputs,
                        tokens,
                        Some(&residual[at.clone()]),
                        &mut y[at],
                    );
                }
                Ok(y)
            })?;
            return cpu::tensor(y, shape, x.dtype());
        }
        self.forward(x)?.transpose(1, 2)?.reshape(shape)?.add(residual)
    }
}
