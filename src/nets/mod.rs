//! Networks in candle: modules only, no files, no threads.

pub mod action;
pub mod camera_warp;
pub mod clip;
pub mod denoise;
pub mod latent_preview;
pub mod llama;
pub mod noise;
pub mod ops;
pub mod pillow;
pub mod resampler;
pub mod samplers;
pub mod u2net;
pub mod unet;
pub mod unet3d;
pub mod vae;
