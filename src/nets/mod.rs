//! Networks in candle: modules only, no files, no threads.

mod conv;
pub mod llama;
pub mod noise;
pub mod ops;
pub mod samplers;
pub mod u2net;
