//! Weights and inputs for networks of which only the speed matters.

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

/// Weights of any shape: noise that keeps activations near 1.
struct Noise;

impl SimpleBackend for Noise {
    fn get(&self, shape: Shape, name: &str, _: candle_nn::Init, _: DType, device: &Device) -> Result<Tensor> {
        let inputs: usize = shape.dims().iter().skip(1).product();
        if shape.dims().len() == 1 {
            let value = if name.contains("norm") && name.ends_with("weight") { 1f32 } else { 0.01 };
            return Tensor::full(value, shape, device);
        }
        noise(&shape, (3.0 / inputs as f32).sqrt())?.to_device(device)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("{name}: only tensors of a known shape can be made up")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// Numbers from `-limit` to `limit`, the same each time.
pub fn noise(shape: &Shape, limit: f32) -> Result<Tensor> {
    let mut state = 0x2545_f491_u32;
    let values = (0..shape.elem_count()).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state as f32 / 2_147_483_648.0 - 1.0) * limit
    });
    Tensor::from_vec(values.collect::<Vec<f32>>(), shape, &Device::Cpu)
}

/// Weights for any network.
pub fn weights() -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(Noise), DType::F32, Device::Cpu)
}
