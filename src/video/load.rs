//! From the published folders to networks.

use super::animate::Animator;
use super::error::AnimateError;
use crate::models::weights::{Held, Keep, ModelFolder, PartName};
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
        Self::open(folder, clip_vision, prototypes, (device, dtype), Keep::Loaded, progress)
    }

    /// The same, with networks that stay in memory or are there only while they work. Clips are the same either way.
    ///
    /// # Errors
    /// As for [`Self::load`], but for files that are read later.
    pub fn open(
        folder: &ModelFolder,
        clip_vision: &ModelFolder,
        prototypes: Option<Prototypes>,
        (device, dtype): (&Device, DType),
        keep: Keep,
        progress: &dyn Progress,
    ) -> Result<Self, AnimateError> {
        let parts = 4;
        progress.stage("loading the text encoder");
        progress.step(0, parts)?;
        let scheduler = folder.config(PartName::Scheduler)?;
        let tokenizer = folder.tokenizer(PartName::Tokenizer2)?;
        let (from, on) = (folder.clone(), device.clone());
        let text_encoder = Held::new("the text encoder", keep, move || {
            // The release loads the first text encoder, too, and then puts the still's tokens in the place of its own.
            let config: TextConfig = from.config(PartName::TextEncoder2)?;
            let weights = from.checkpoint(PartName::TextEncoder2)?;
            weights.load(dtype, &on, |vb| TextModelWithProjection::new(&config, vb))
        })?;

        progress.stage("loading the image encoder");
        progress.step(1, parts)?;
        let (from, on) = (clip_vision.clone(), device.clone());
        let config: VisionConfig = from.config(PartName::ImageEncoder)?;
        let processor = from.clip_processor(PartName::ImageEncoder, &config)?;
        let vision = Held::new("the image encoder", keep, move || {
            from.checkpoint(PartName::ImageEncoder)?.load(DType::F32, &on, |vb| VisionModel::new(&config, vb))
        })?;

        progress.stage("loading the autoencoder");
        progress.step(2, parts)?;
        let (from, on) = (folder.clone(), device.clone());
        let vae_config: vae::Config = from.config(PartName::Vae)?;
        let config = vae_config.clone();
        let vae = Held::new("the autoencoder", keep, move || {
            from.checkpoint(PartName::Vae)?.load(DType::F32, &on, |vb| AutoencoderKl::new(&config, vb))
        })?;

        progress.stage("loading the video UNet");
        progress.step(3, parts)?;
        let published: unet3d::Config = folder.config(PartName::Unet)?;
        let weights = folder.checkpoint(PartName::Unet)?;
        let shapes: Shapes = weights.tensors().map(|tensor| (tensor.key, tensor.shape)).collect();
        let unet_config = unet3d::Config::detect(&shapes, &published).map_err(|error| weights.explain(error))?;
        let (config, from, on) = (unet_config.clone(), folder.clone(), device.clone());
        let unet = Held::new("the video UNet", keep, move || {
            from.checkpoint(PartName::Unet)?.load(dtype, &on, |vb| UNet3d::new(&config, vb))
        })?;
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
            unet,
            vae,
            scheduler,
            unet_config,
            vae_config,
            prototypes: known,
            device: device.clone(),
            dtype,
        })
    }
}
