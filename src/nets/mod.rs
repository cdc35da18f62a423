//! Networks in candle: modules only, no files, no threads.

pub mod clip;
mod conv;
pub mod llama;
pub mod ops;
pub mod resampler;
pub mod u2net;
