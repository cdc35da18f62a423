//! Networks in candle: modules only, no files, no threads.

pub mod llama;
