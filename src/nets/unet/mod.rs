//! The diffusion UNet over pictures, and the parts that it shares with the UNet over videos and the VAE.
//!
//! - [Paper](https://arxiv.org/abs/2112.10752): High-resolution image synthesis with latent diffusion models
//! - [Upstream code](https://github.com/huggingface/diffusers): `UNet2DConditionModel` of diffusers 0.24, whose key names
//!   are kept

pub mod blocks;
pub mod embedding;
pub mod transformer;
