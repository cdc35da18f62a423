//! The Perceiver resampler, which makes a few tokens of a vision tower's many.
//!
//! - [Paper](https://arxiv.org/abs/2204.14198): Flamingo, a visual language model for few-shot learning
//! - [Upstream code](https://github.com/FuchenUSTC/VideoStudio): `videostudio_img/models/ct_adapter/resampler.py`, whose
//!   key names are kept
//!
//! Learned latents attend to the image tokens and to themselves, layer after layer. VideoStudio's content adapter keeps
//! it under `image_proj` in its checkpoint.

use super::ops::{Activation, LayerNorm, Linear, Mask, attention};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

/// The epsilon of PyTorch's layer norms.
const EPS: f64 = 1e-5;

/// The shape of a resampler, by the names of the upstream constructor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Width of the latents.
    pub dim: usize,
    /// Layers.
    pub depth: usize,
    /// Width of one head.
    pub dim_head: usize,
    /// Heads of the attention.
    pub heads: usize,
    /// Tokens that come out.
    pub num_queries: usize,
    /// Width of the tokens that go in.
    pub embedding_dim: usize,
    /// Width of the tokens that come out.
    pub output_dim: usize,
    /// How much wider the feed-forward layers are inside.
    pub ff_mult: usize,
}

impl Config {
    /// The resampler of VideoStudio-Img.
    pub fn videostudio_img() -> Self {
        Self {
            dim: 768,
            depth: 4,
            dim_head: 64,
            heads: 12,
            num_queries: 16,
            embedding_dim: 1280,
            output_dim: 768,
            ff_mult: 4,
        }
    }

    /// Reads the sizes off the weights. They do not tell the width of a head, which is 64 in the release.
    ///
    /// # Errors
    /// When a tensor is missing, or one has a shape that no resampler has.
    pub fn from_weights(vb: &VarBuilder<'_>, dim_head: usize) -> Result<Self> {
        let [_, num_queries, dim] = shape(vb, "latents")?;
        let [_, embedding_dim] = shape(vb, "proj_in.weight")?;
        let [output_dim, _] = shape(vb, "proj_out.weight")?;
        let [inner, _] = shape(vb, "layers.0.0.to_q.weight")?;
        let [ff_inner, _] = shape(vb, "layers.0.1.1.weight")?;
        if dim_head == 0 || dim == 0 || inner % dim_head != 0 || ff_inner % dim != 0 {
            candle_core::bail!(
                "{}: a resampler of width {dim} with {inner} numbers in heads of {dim_head} and {ff_inner} in its \
                 feed-forward layers does not come out even; use the image_proj part of a content adapter",
                vb.prefix()
            );
        }
        let depth = (0..).take_while(|layer| vb.contains_tensor(&format!("layers.{layer}.0.to_q.weight"))).count();
        let (heads, ff_mult) = (inner / dim_head, ff_inner / dim);
        Ok(Self { dim, depth, dim_head, heads, num_queries, embedding_dim, output_dim, ff_mult })
    }
}

fn shape<const N: usize>(vb: &VarBuilder<'_>, name: &str) -> Result<[usize; N]> {
    let tensor = vb.get_unchecked(name)?;
    tensor.dims().try_into().or_else(|_| {
        candle_core::bail!(
            "{}{name} is {:?}, {N} sides are needed; use the image_proj part of a content adapter",
            prefix(vb),
            tensor.dims()
        )
    })
}

fn prefix(vb: &VarBuilder<'_>) -> String {
    Some(vb.prefix()).filter(|prefix| !prefix.is_empty()).map_or_else(String::new, |prefix| prefix + ".")
}

/// One layer: latents look at the image and at each other, then each by itself.
#[derive(Debug, Clone)]
struct Layer {
    image_norm: LayerNorm,
    latent_norm: LayerNorm,
    to_q: Linear,
    /// Keys, then values.
    to_kv: Linear,
    to_out: Linear,
    heads: usize,
    ff_norm: LayerNorm,
    ff_in: Linear,
    ff_out: Linear,
}

impl Layer {
    fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let &Config { dim, heads, .. } = config;
        let (inner, ff_inner) = (config.dim_head * heads, config.ff_mult * dim);
        let (attn, ff) = (vb.pp(0), vb.pp(1));
        Ok(Self {
            image_norm: LayerNorm::new(dim, EPS, attn.pp("norm1"))?,
            latent_norm: LayerNorm::new(dim, EPS, attn.pp("norm2"))?,
            to_q: Linear::no_bias(dim, inner, attn.pp("to_q"))?,
            to_kv: Linear::no_bias(dim, 2 * inner, attn.pp("to_kv"))?,
            to_out: Linear::no_bias(inner, dim, attn.pp("to_out"))?,
            heads,
            ff_norm: LayerNorm::new(dim, EPS, ff.pp(0))?,
            ff_in: Linear::no_bias(dim, ff_inner, ff.pp(1))?,
            ff_out: Linear::no_bias(ff_inner, dim, ff.pp(3))?,
        })
    }

    fn attend(&self, image: &Tensor, latents: &Tensor) -> Result<Tensor> {
        let image = self.image_norm.forward(image)?;
        let normed = self.latent_norm.forward(latents)?;
        let q = self.to_q.forward(&normed)?;
        let kv = self.to_kv.forward(&Tensor::cat(&[&image, &normed], 1)?)?;
        let inner = q.dim(2)?;
        let (k, v) = (kv.narrow(2, 0, inner)?, kv.narrow(2, inner, inner)?);
        self.to_out.forward_plus(&attention(&q, &k, &v, self.heads, Mask::None)?, latents)
    }

    fn feed_forward(&self, latents: &Tensor) -> Result<Tensor> {
        let inner = self.ff_in.forward(&self.ff_norm.forward(latents)?)?;
        self.ff_out.forward_plus(&Activation::Gelu.forward(&inner)?, latents)
    }
}

/// A Perceiver resampler.
#[derive(Debug, Clone)]
pub struct Resampler {
    /// `[1, queries, dim]`
    latents: Tensor,
    proj_in: Linear,
    layers: Vec<Layer>,
    proj_out: Linear,
    norm_out: LayerNorm,
}

impl Resampler {
    /// Reads `latents`, `proj_in`, `layers.N.{0,1}`, `proj_out` and `norm_out`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape than the config asks for.
    pub fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let &Config { dim, depth, num_queries, embedding_dim, output_dim, .. } = config;
        let layers = vb.pp("layers");
        Ok(Self {
            latents: vb.get((1, num_queries, dim), "latents")?,
            proj_in: Linear::new(embedding_dim, dim, vb.pp("proj_in"))?,
            layers: (0..depth).map(|index| Layer::new(config, layers.pp(index))).collect::<Result<_>>()?,
            proj_out: Linear::new(dim, output_dim, vb.pp("proj_out"))?,
            norm_out: LayerNorm::new(output_dim, EPS, vb.pp("norm_out"))?,
        })
    }

    /// `[batch, tokens, embedding_dim]` to `[batch, queries, output_dim]`.
    ///
    /// # Errors
    /// When the tokens have another width than the weights.
    pub fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        let (batch, _, _) = tokens.dims3()?;
        let image = self.proj_in.forward(tokens)?;
        let mut latents = self.latents.repeat((batch, 1, 1))?;
        for layer in &self.layers {
            latents = layer.attend(&image, &latents)?;
            latents = layer.feed_forward(&latents)?;
        }
        self.norm_out.forward(&self.proj_out.forward(&latents)?)
    }
}
