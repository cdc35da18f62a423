//! Weights that are made up as a network asks for them.

use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The tensors of a checkpoint, by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// Builds a network from weights that are made up, and gives them all: there is no list of keys to keep.
pub fn recorded<T>(seed: &str, network: impl FnOnce(VarBuilder<'static>) -> Result<T>) -> Result<Tensors> {
    let recorder = Recorder { seed: seed.to_owned(), tensors: Arc::default() };
    let tensors = Arc::clone(&recorder.tensors);
    drop(network(VarBuilder::from_backend(Box::new(recorder), DType::F32, Device::Cpu))?);
    let mut tensors = tensors.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *tensors))
}

/// Makes up every tensor that is asked for, and remembers it.
struct Recorder {
    seed: String,
    tensors: Arc<Mutex<Tensors>>,
}

impl SimpleBackend for Recorder {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let (key, tensor) = made_up(&self.seed, name, shape.dims())?;
        self.tensors.lock().unwrap_or_else(PoisonError::into_inner).insert(key, tensor.clone());
        tensor.to_device(device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        bail!("{name} is asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        false
    }
}

/// A tensor of this shape that keeps activations in bounds: norms start as the identity, what is summed over many inputs
/// is as much smaller.
///
/// The numbers depend on the seed and the name only. No function of them is rounded differently on another machine.
pub fn made_up(seed: &str, name: &str, shape: &[usize]) -> Result<(String, Tensor)> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let tensor = match (last, shape) {
        ("num_batches_tracked", _) => Tensor::zeros(shape, DType::I64, &Device::Cpu)?,
        ("running_var", _) => Tensor::ones(shape, DType::F32, &Device::Cpu)?,
        ("running_mean", _) => Tensor::zeros(shape, DType::F32, &Device::Cpu)?,
        // Only norms have weights with one side.
        ("weight", [_]) => noise(seed, name, shape, 1.0, 0.05)?,
        ("bias", _) => noise(seed, name, shape, 0.0, 0.05)?,
        _ => {
            let inputs = shape.iter().skip(1).product::<usize>().max(1);
            noise(seed, name, shape, 0.0, 1.0 / (inputs as f32).sqrt())?
        }
    };
    Ok((name.to_owned(), tensor))
}

/// Nearly normal: the sum of four uniform numbers.
fn noise(seed: &str, name: &str, shape: &[usize], mean: f32, deviation: f32) -> Result<Tensor> {
    // FNV-1a, then SplitMix64.
    let text = seed.bytes().chain([0]).chain(name.bytes());
    let mut state =
        text.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    // Four uniform numbers from 0 to 65535 have this mean and deviation together.
    let (middle, spread) = (2.0 * 65535.0, 37837.23_f32);
    let values: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|_| {
            let bits = next();
            let sum: u32 = (0..4).map(|part| (bits >> (16 * part)) as u32 & 0xffff).sum();
            mean + (sum as f32 - middle) / spread * deviation
        })
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}
