//! Finding the subject of a photo with U²-Net.

use super::segment::{INPUT_SIDE, mask_at_photo_size, network_input};
use super::subject::{Bounds, find_subject};
use crate::models::weights::{ModelFolder, PartName};
use crate::nets::u2net::{U2Net, WeightsError};
use crate::progress::{Cancelled, Progress};
use candle_core::{DType, Device, Tensor};
use image::{GrayImage, RgbImage};
use std::collections::HashMap;

/// U²-NetP, converted by `scripts/convert_u2netp.py`.
static BUILTIN_WEIGHTS: &[u8] = include_bytes!("../../assets/u2netp.safetensors");

/// The mask is stretched to the whole range, so even a white wall has a white spot in it. Below this value before the
/// stretch the network itself does not believe that it sees something: grass gives 0.2, noise 0.03, a wall 0.002.
const MIN_PEAK: f32 = 0.5;

/// Why a photo could not be cut out.
#[derive(Debug, thiserror::Error)]
pub enum CutOutError {
    /// The weights are not a U²-Net's.
    #[error("cannot load the cut-out network: {0}")]
    Weights(#[from] WeightsError),
    /// The file of a published model is missing or damaged.
    #[error(transparent)]
    Checkpoint(#[from] crate::models::weights::WeightsError),
    /// The network failed.
    #[error("cannot cut out the photo: {0}")]
    Network(#[from] candle_core::Error),
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// What the network found in a photo.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Something stands out.
    Subject {
        /// The soft mask, at the photo's size.
        mask: GrayImage,
        /// What the subject covers.
        bounds: Bounds,
    },
    /// Nothing stands out, so the whole picture is to be used.
    NothingStoodOut,
}

impl Finding {
    /// What to tell the user, if there is something to tell.
    pub fn notice(&self) -> Option<&'static str> {
        match self {
            Self::Subject { .. } => None,
            Self::NothingStoodOut => Some("nothing stood out in the photo; the whole picture is used"),
        }
    }
}

/// A loaded U²-Net of any width, on the CPU.
#[derive(Debug, Clone)]
pub struct CutOut {
    network: U2Net,
}

impl CutOut {
    /// Loads the small network that is part of the program.
    pub fn load_builtin() -> Result<Self, CutOutError> {
        Self::from_safetensors(BUILTIN_WEIGHTS)
    }

    /// Loads U²-Net or U²-NetP from the bytes of a safetensors file with the official key names.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, CutOutError> {
        let device = Device::Cpu;
        let tensors = candle_core::safetensors::load_buffer(bytes, &device).map_err(WeightsError::Tensor)?;
        Ok(Self { network: U2Net::from_tensors(&tensors, &device)? })
    }

    /// Loads the network of a published model: for `FireCRT/VideoStudio` the full U²-Net.
    pub fn load(folder: &ModelFolder) -> Result<Self, CutOutError> {
        let (checkpoint, device) = (folder.checkpoint(PartName::Segmenter)?, Device::Cpu);
        let read = |key: String| Ok((key.clone(), checkpoint.tensor(&key, DType::F32, &device)?));
        // PyTorch counts its training batches in the file, as whole numbers.
        let keys = checkpoint.tensors().map(|tensor| tensor.key).filter(|key| !key.ends_with("num_batches_tracked"));
        let tensors = keys.map(read).collect::<Result<HashMap<_, _>, CutOutError>>()?;
        Ok(Self { network: U2Net::from_tensors(&tensors, &device)? })
    }

    /// The soft mask of a photo, at its size: 255 where the subject is, as the official pipeline gives it before its
    /// threshold at 128.
    ///
    /// The mask always uses the whole range, even where nothing stands out; [`Self::cut_out`] looks at that too.
    pub fn mask(&self, photo: &RgbImage, progress: &dyn Progress) -> Result<GrayImage, CutOutError> {
        Ok(self.stretched_mask(photo, progress)?.0)
    }

    /// Finds the subject of a photo, or that it has none.
    pub fn cut_out(&self, photo: &RgbImage, progress: &dyn Progress) -> Result<Finding, CutOutError> {
        let (mask, peak) = self.stretched_mask(photo, progress)?;
        let bounds = if peak < MIN_PEAK { None } else { find_subject(&mask) };
        Ok(bounds.map_or(Finding::NothingStoodOut, |bounds| Finding::Subject { mask, bounds }))
    }

    /// The mask and the highest value before it was stretched.
    fn stretched_mask(&self, photo: &RgbImage, progress: &dyn Progress) -> Result<(GrayImage, f32), CutOutError> {
        progress.stage("cutting out");
        progress.step(0, 3)?;
        let input = Tensor::from_vec(network_input(photo), (1, 3, INPUT_SIDE, INPUT_SIDE), &Device::Cpu)?;
        progress.step(1, 3)?;
        let output: Vec<f32> = self.network.mask(&input)?.flatten_all()?.to_vec1()?;
        progress.step(2, 3)?;
        let mask = mask_at_photo_size(&output, photo.width(), photo.height());
        progress.step(3, 3)?;
        Ok((mask, output.iter().copied().fold(0.0, f32::max)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_weights_are_the_recorded_ones() {
        use sha2::{Digest, Sha256};
        let sha256: String = Sha256::digest(BUILTIN_WEIGHTS).iter().map(|byte| format!("{byte:02x}")).collect();
        let record = include_str!("../../assets/LICENSES.md");
        let section = record.split("\n## ").find(|section| section.starts_with("u2netp.safetensors"));
        assert!(section.is_some_and(|section| section.contains(&sha256)), "{sha256} is not in assets/LICENSES.md");
    }
}
