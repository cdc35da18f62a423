//! Features that are not worked out twice: the same models make the same of the same input.

use crate::progress::Watch;
use candle_core::{Device, DeviceLocation, Tensor, safetensors::load_buffer};
use std::collections::HashMap;

const NAME: &str = "x";

/// What `compute` gives, or the very same tensor from an earlier time. `key` says what the input is.
pub(super) fn remembered<E: From<candle_core::Error>>(
    watch: &dyn Watch,
    key: &str,
    (device, dtype): (&Device, candle_core::DType),
    compute: impl FnOnce() -> Result<Tensor, E>,
) -> Result<Tensor, E> {
    // Devices of one kind agree to the last bit, and kinds do not.
    let kind = match device.location() {
        DeviceLocation::Cpu => "cpu",
        DeviceLocation::Cuda { .. } => "cuda",
        DeviceLocation::Metal { .. } => "metal",
    };
    let key = format!("{key} {} {kind}", dtype.as_str());
    if let Some(known) = watch.recall(&key).and_then(|bytes| load_buffer(&bytes, device).ok()?.remove(NAME)) {
        return Ok(known);
    }
    let made = compute()?;
    let tensors = HashMap::from([(NAME, made.to_device(&Device::Cpu)?)]);
    watch.remember(&key, &safetensors::serialize(tensors, None).map_err(candle_core::Error::wrap)?);
    Ok(made)
}
