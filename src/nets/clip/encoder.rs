//! The transformer that both towers are made of.

use crate::nets::ops::{Activation, LayerNorm, Linear, Mask, attention};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// The shape of a tower.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub width: usize,
    /// Inside the feed-forward layers.
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    pub eps: f64,
    pub activation: Activation,
    pub mask: Mask,
}

/// One layer: self-attention and a feed-forward network, each behind a norm and added to what came in.
#[derive(Debug, Clone)]
struct Layer {
    norm1: LayerNorm,
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

impl Layer {
    fn new(shape: &Shape, vb: VarBuilder<'_>) -> Result<Self> {
        let &Shape { width, inner, eps, .. } = shape;
        let (attn, mlp) = (vb.pp("self_attn"), vb.pp("mlp"));
        Ok(Self {
            norm1: LayerNorm::new(width, eps, vb.pp("layer_norm1"))?,
            q: Linear::new(width, width, attn.pp("q_proj"))?,
            k: Linear::new(width, width, attn.pp("k_proj"))?,
            v: Linear::new(width, width, attn.pp("v_proj"))?,
            out: Linear::new(width, width, attn.pp("out_proj"))?,
            norm2: LayerNorm::new(width, eps, vb.pp("layer_norm2"))?,
            fc1: Linear::new(width, inner, mlp.pp("fc1"))?,
            fc2: Linear::new(inner, width, mlp.pp("fc2"))?,
        })
    }

    fn forward(&self, x: &Tensor, shape: &Shape) -> Result<Tensor> {
        let normed = self.norm1.forward(x)?;
        let (q, k, v) = (self.q.forward(&normed)?, self.k.forward(&normed)?, self.v.forward(&normed)?);
        let x = self.out.forward_plus(&attention(&q, &k, &v, shape.heads, shape.mask)?, x)?;
        let inner = shape.activation.forward(&self.fc1.forward(&self.norm2.forward(&x)?)?)?;
        self.fc2.forward_plus(&inner, &x)
    }
}

/// The layers of a tower.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    layers: Vec<Layer>,
    shape: Shape,
}

impl Encoder {
    /// Reads `layers.N` of `vb`.
    pub fn new(shape: Shape, vb: VarBuilder<'_>) -> Result<Self> {
        if shape.layers == 0 || shape.heads == 0 || !shape.width.is_multiple_of(shape.heads) {
            candle_core::bail!(
                "{}: {} layers of width {} with {} heads; at least one layer and a width that divides into the heads are \
                 needed, use the config.json that comes with the weights",
                vb.prefix(),
                shape.layers,
                shape.width,
                shape.heads
            );
        }
        let vb = vb.pp("layers");
        let layers = (0..shape.layers).map(|index| Layer::new(&shape, vb.pp(index))).collect::<Result<_>>()?;
        Ok(Self { layers, shape })
    }

    /// `[batch, tokens, width]` through all layers but the last.
    pub fn all_but_last(&self, x: &Tensor) -> Result<Tensor> {
        let (_, layers) = self.layers.split_last().expect("the constructor asks for a layer");
        layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x, &self.shape))
    }

    /// `[batch, tokens, width]` through the last layer.
    pub fn last(&self, x: &Tensor) -> Result<Tensor> {
        self.layers.last().expect("the constructor asks for a layer").forward(x, &self.shape)
    }
}
