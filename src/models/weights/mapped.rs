//! Files of safetensors, mapped into memory.

use super::{StoredType, TensorInfo, WeightsError};
use candle_core::safetensors::MmapedSafetensors;
use candle_core::{DType, Error};
use std::path::Path;

/// Bytes that are read at a time.
const STEP_BYTES: usize = 1 << 20;

/// One mapped file.
pub(super) struct Mapped(MmapedSafetensors);

impl Mapped {
    /// Maps a file and checks its header against its length.
    #[allow(unsafe_code, reason = "maps a file of weights, see below")]
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        // SAFETY: a mapping is unsound when another process writes to the file meanwhile. Weights are written to another
        // name, checked and renamed into place, and never changed after that; nothing in this program writes to them.
        let mapped = unsafe { MmapedSafetensors::new(path) };
        mapped.map(Self).map_err(|error| match innermost(error) {
            Error::Io(source) => WeightsError::io(path)(source),
            Error::SafeTensor(error) => WeightsError::damaged(path, error.to_string()),
            other => WeightsError::damaged(path, other.to_string()),
        })
    }

    /// What the header says of all tensors.
    pub fn tensors(&self) -> Vec<TensorInfo> {
        let tensors = self.0.tensors().into_iter();
        tensors
            .map(|(key, view)| {
                let dtype = view.dtype();
                let stored = match DType::try_from(dtype) {
                    // These have the length of another type in candle: nothing of ours is stored so.
                    Ok(DType::F6E2M3 | DType::F6E3M2 | DType::F4 | DType::F8E8M0 | DType::F8E4M3) | Err(_) => {
                        StoredType::Other(format!("{dtype:?}").to_lowercase())
                    }
                    Ok(dtype) => StoredType::Known(dtype),
                };
                TensorInfo { key, shape: view.shape().to_vec(), stored }
            })
            .collect()
    }

    /// Gives `to` the bytes of a tensor, some whole numbers at a time.
    pub fn read(&self, path: &Path, key: &str, to: &mut dyn FnMut(&[u8])) -> Result<(), WeightsError> {
        let view = self.0.get(key).map_err(|error| WeightsError::damaged(path, error.to_string()))?;
        view.data().chunks(STEP_BYTES).for_each(to);
        Ok(())
    }
}

/// The error without the path and the trace that candle puts around it: ours names the path.
fn innermost(error: Error) -> Error {
    match error {
        Error::WithPath { inner, .. } | Error::WithBacktrace { inner, .. } => innermost(*inner),
        other => other,
    }
}
