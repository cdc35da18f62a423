//! From the published folders to networks.

use super::animate::Animator;
use super::error::AnimateError;
use super::networks::ClipNetworks;
use crate::models::weights::{ModelFolder, PartName};
use crate::nets::action::Prototypes;
use crate::nets::clip::{TextConfig, TextModelWithProjection, VisionConfig, VisionModel};
use crate::nets::unet3d::{self, Shapes, UNet3d};
use crate::nets::vae::{self, AutoencoderKl};
use crate::progress::Progress;
use candle_core::{DType, Device};
use std::sync::OnceLock;

impl Animator {
    /// Loads VideoStudio-Vid from the release's folder (`FireCRT/VideoStudio`), and the vision tower that sees the still
    /// from `clip_vision` (`laion/CLIP-ViT-H-14-laion2B-s32B-b79K`).
    ///
    /// The UNet and the text encoder run in `dtype`, the vision tower and the autoencoder in f32, as in the release.
    /// Flags that no file names are read off the UNet's weights. Without `prototypes` they are computed from the actions'
    /// names when the first clip needs them.
    ///
    /// # Errors
    /// When a file is missing or does not fit, or on cancel.
    pub fn load(
        folder: &ModelFolder,
        clip_vision: &ModelFolder,
        prototypes: Option<Prototypes>,
        device: &Device,
        dtype: DType,
        progress: &dyn Progress,
    ) -> Result<Self, AnimateError> {
        let parts = 4;
        progress.stage("loading the text encoder");
        progress.step(0, parts)?;
        let scheduler = folder.config(PartName::Scheduler)?;
        let tokenizer = folder.tokenizer(PartName::Tokenizer2)?;
        // The release loads the first text encoder, too, and then puts the still's tokens in the place of its own.
        let config: TextConfig = folder.config(PartName::TextEncoder2)?;
        let text_encoder = folder
            .checkpoint(PartName::TextEncoder2)?
            .load(dtype, device, |vb| TextModelWithProjection::new(&config, vb))?;

        progress.stage("loading the image encoder");
        progress.step(1, parts)?;
        let config: VisionConfig = clip_vision.config(PartName::ImageEncoder)?;
        let processor = clip_vision.clip_processor(PartName::ImageEncoder, &config)?;
        let vision = clip_vision
            .checkpoint(PartName::ImageEncoder)?
            .load(DType::F32, device, |vb| VisionModel::new(&config, vb))?;

        progress.stage("loading the autoencoder");
        progress.step(2, parts)?;
        let config: vae::Config = folder.config(PartName::Vae)?;
        let vae = folder.checkpoint(PartName::Vae)?.load(DType::F32, device, |vb| AutoencoderKl::new(&config, vb))?;

        progress.stage("loading the video UNet");
        progress.step(3, parts)?;
        let published: unet3d::Config = folder.config(PartName::Unet)?;
        let weights = folder.checkpoint(PartName::Unet)?;
        let shapes: Shapes = weights.tensors().map(|tensor| (tensor.key, tensor.shape)).collect();
        let unet_config = unet3d::Config::detect(&shapes, &published).map_err(|error| weights.explain(error))?;
        let unet = weights.load(dtype, device, |vb| UNet3d::new(&unet_config, vb))?;
        progress.step(parts, parts)?;

        if let (Some(prototypes), Some(actions)) = (&prototypes, unet_config.action_width)
            && prototypes.classes() != actions
        {
            return Err(AnimateError::Actions { prototypes: prototypes.classes(), actions });
        }
        let known = OnceLock::new();
        if let Some(prototypes) = prototypes {
            known.get_or_init(|| prototypes);
        }
        Ok(Self {
            tokenizer,
            text_encoder,
            vision,
            processor,
            networks: ClipNetworks { unet, vae, scheduler },
            unet_config,
            prototypes: known,
            device: device.clone(),
            dtype,
        })
    }
}
