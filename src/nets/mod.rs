//! Networks in candle: modules only, no files, no threads.

mod conv;
pub mod u2net;
pub mod llama;
