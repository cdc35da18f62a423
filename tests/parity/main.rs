//! Holds every network and sampler to the original Python: the same weights and inputs give the same outputs.
//!
//! The fixtures are in `tests/data/parity`, or in the folder of the same layout that `REELBOARD_FIXTURES` names; another
//! set may have other widths, sizes, seeds and tolerances. `cargo test parity -- --nocapture` prints the table of what
//! was compared, the largest difference and what is allowed.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod camera_warp;
mod cards;
mod chatglm;
mod checkpoints;
mod clip;
mod clip_tokens;
mod fixture;
mod llama;
mod manifest;
mod noise;
mod resampler;
mod samplers;
mod txt2img;
mod u2net;
mod unet2d;
mod unet3d;
mod vae;
mod video_pipeline;
mod writer_families;
