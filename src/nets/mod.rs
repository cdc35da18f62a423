//! Networks in candle: modules only, no files, no threads.

pub mod camera_warp;
mod conv;
pub mod llama;
pub mod noise;
pub mod ops;
pub mod samplers;
pub mod u2net;
