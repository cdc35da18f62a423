//! The diffusion UNet over pictures, and the parts that it shares with the UNet over videos and the VAE.
//!
//! - [Paper](https://arxiv.org/abs/2112.10752): High-resolution image synthesis with latent diffusion models
//! - [Upstream code](https://github.com/huggingface/diffusers): `UNet2DConditionModel` of diffusers 0.24, whose key names
//!   are kept
//!
//! A sampling run prepares its context once, adds references where there are any, and then asks for a prediction at
//! every step:
//!
//! ```ignore
//! let mut context = unet.prepare(&text)?;
//! adapter.add(&mut context, &References { foregrounds: vec![cat], ..References::default() })?;
//! for timestep in timesteps {
//!     let prediction = unet.forward(&latents, &timestep, &context, None)?;
//! }
//! ```

pub mod adapter;
pub mod blocks;
pub mod config;
pub mod embedding;
pub mod levels;
pub mod transformer;
#[allow(clippy::module_inception, reason = "the file is named after what it holds, as its neighbours are")]
mod unet;

pub use adapter::{ContentAdapter, References};
pub use config::Config;
pub use unet::{AddedConditions, PreparedContext, UNet2d};

#[cfg(test)]
mod tests;
