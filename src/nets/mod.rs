//! Networks in candle: modules only, no files, no threads.

pub mod action;
mod conv;
pub mod latent_preview;
pub mod llama;
pub mod ops;
pub mod u2net;
pub mod unet;
pub mod vae;
