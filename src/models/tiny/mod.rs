//! Random models in the published folder layouts: small enough to make on the spot, and run by the same code as the
//! published ones. Their pictures are noise.
//!
//! Every file is made by itself and is always the same, byte for byte: the numbers come from a seed that is the file's
//! name, and the tensors are those that the network asks for when it is built ([`random`]).

mod random;
mod save;
mod settings;
mod vocabulary;

use super::weights::Layout;
use crate::nets::clip::{TextConfig, TextModel, TextModelWithProjection, VisionConfig, VisionModelWithProjection};
use crate::nets::resampler::{self, Resampler};
use crate::nets::{u2net, unet, unet3d, vae};
use candle_core::DType;
use random::{Tensors, made_up, recorded};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Why random models cannot be made.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum TinyError {
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// A network does not take the shape that it is given here.
    #[error("random weights for {file}: {reason}")]
    Network { file: String, reason: String },
    /// There is no such file among the random models.
    #[error("there is no random {file} for {repository}; there is {known}")]
    NoFile { repository: String, file: String, known: String },
}

/// The folders that [`write_tiny_models`] wrote, for [`ModelFolder::new`](super::weights::ModelFolder::new).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TinyModels {
    /// [`Layout::VideoStudio`]
    pub video_studio: PathBuf,
    /// [`Layout::RealisticVision`]
    pub realistic_vision: PathBuf,
    /// [`Layout::SdVaeFtMse`]
    pub sd_vae: PathBuf,
    /// [`Layout::ClipVitH`]
    pub clip_vit_h: PathBuf,
}

/// Writes a random model for every layout that VideoStudio needs, each in the folder of its repository's name
/// (`FireCRT/VideoStudio`).
///
/// # Errors
/// When the disk refuses.
pub fn write_tiny_models(folder: &Path) -> Result<TinyModels, TinyError> {
    Ok(TinyModels {
        video_studio: write(Layout::VideoStudio, folder)?,
        realistic_vision: write(Layout::RealisticVision, folder)?,
        sd_vae: write(Layout::SdVaeFtMse, folder)?,
        clip_vit_h: write(Layout::ClipVitH, folder)?,
    })
}

fn write(layout: Layout, folder: &Path) -> Result<PathBuf, TinyError> {
    let model = folder.join(layout.repository());
    for name in tiny_files(layout) {
        let path = model.join(name);
        let io = |source| TinyError::Io { path: path.clone(), source };
        std::fs::create_dir_all(path.parent().unwrap_or(&model)).map_err(io)?;
        std::fs::write(&path, tiny_file(layout, name)?).map_err(io)?;
    }
    Ok(model)
}

/// The files of a random model, by their names inside its folder; none for a layout that VideoStudio does not need.
pub fn tiny_files(layout: Layout) -> impl Iterator<Item = &'static str> {
    files(layout).iter().map(|(name, _)| *name)
}

/// The contents of a file of a random model, always the same.
///
/// # Errors
/// When it is none of [`tiny_files`].
pub fn tiny_file(layout: Layout, name: &str) -> Result<Vec<u8>, TinyError> {
    let Some((_, content)) = files(layout).iter().find(|(file, _)| *file == name) else {
        let (repository, file) = (layout.repository().to_owned(), name.to_owned());
        return Err(TinyError::NoFile { repository, file, known: tiny_files(layout).collect::<Vec<_>>().join(", ") });
    };
    let seed = format!("{}/{name}", layout.repository());
    content.bytes(&seed).map_err(|error| TinyError::Network { file: seed, reason: error.to_string() })
}

/// What a file holds.
#[derive(Debug, Clone, Copy)]
enum Content {
    Settings(fn() -> Value),
    Vocabulary,
    Merges,
    Safetensors(Network, DType),
    /// What `torch.save` writes.
    Torch(Network, DType),
}

#[derive(Debug, Clone, Copy)]
enum Network {
    PictureUnet,
    VideoUnet,
    Vae,
    Text,
    ProjectedText,
    Vision,
    /// A whole CLIP's file, of which only the tower that sees is used.
    Clip,
    /// The resampler and the content adapter.
    Combine,
    Segmenter,
}

use Content::{Merges, Safetensors, Settings, Torch, Vocabulary};

fn files(layout: Layout) -> &'static [(&'static str, Content)] {
    match layout {
        Layout::VideoStudio => VIDEO_STUDIO,
        Layout::RealisticVision => REALISTIC_VISION,
        Layout::SdVaeFtMse => SD_VAE,
        Layout::ClipVitH => CLIP_VIT_H,
        Layout::StableDiffusion21 => &[],
    }
}

const VIDEO_STUDIO: &[(&str, Content)] = &[
    ("videostudio-img-encoder/config.json", Settings(settings::vision)),
    ("videostudio-img-encoder/model.safetensors", Safetensors(Network::Vision, DType::F32)),
    ("videostudio-img-combine.bin", Torch(Network::Combine, DType::F32)),
    ("u2net.pth", Torch(Network::Segmenter, DType::F32)),
    ("videostudio-vid/scheduler/scheduler_config.json", Settings(settings::video_scheduler)),
    ("videostudio-vid/text_encoder/config.json", Settings(settings::text)),
    // The release reads the text encoders and the VAE in the variant fp16, and the UNet, also in f16, without a variant.
    ("videostudio-vid/text_encoder/model.fp16.safetensors", Safetensors(Network::Text, DType::F16)),
    ("videostudio-vid/text_encoder_2/config.json", Settings(settings::text)),
    ("videostudio-vid/text_encoder_2/model.fp16.safetensors", Safetensors(Network::ProjectedText, DType::F16)),
    ("videostudio-vid/tokenizer/merges.txt", Merges),
    ("videostudio-vid/tokenizer/tokenizer_config.json", Settings(settings::tokenizer)),
    ("videostudio-vid/tokenizer/vocab.json", Vocabulary),
    ("videostudio-vid/tokenizer_2/merges.txt", Merges),
    ("videostudio-vid/tokenizer_2/tokenizer_config.json", Settings(settings::tokenizer_2)),
    ("videostudio-vid/tokenizer_2/vocab.json", Vocabulary),
    ("videostudio-vid/unet/config.json", Settings(settings::video_unet)),
    ("videostudio-vid/unet/diffusion_pytorch_model.bin", Torch(Network::VideoUnet, DType::F16)),
    ("videostudio-vid/vae/config.json", Settings(settings::vae)),
    ("videostudio-vid/vae/diffusion_pytorch_model.fp16.safetensors", Safetensors(Network::Vae, DType::F16)),
];

const REALISTIC_VISION: &[(&str, Content)] = &[
    ("scheduler/scheduler_config.json", Settings(settings::picture_scheduler)),
    ("text_encoder/config.json", Settings(settings::text)),
    ("text_encoder/model.safetensors", Safetensors(Network::Text, DType::F32)),
    ("tokenizer/merges.txt", Merges),
    ("tokenizer/tokenizer_config.json", Settings(settings::tokenizer)),
    ("tokenizer/vocab.json", Vocabulary),
    ("unet/config.json", Settings(settings::picture_unet)),
    ("unet/diffusion_pytorch_model.safetensors", Safetensors(Network::PictureUnet, DType::F32)),
];

const SD_VAE: &[(&str, Content)] = &[
    ("config.json", Settings(settings::vae)),
    ("diffusion_pytorch_model.safetensors", Safetensors(Network::Vae, DType::F32)),
];

const CLIP_VIT_H: &[(&str, Content)] =
    &[("config.json", Settings(settings::clip)), ("model.safetensors", Safetensors(Network::Clip, DType::F32))];

impl Content {
    fn bytes(self, seed: &str) -> candle_core::Result<Vec<u8>> {
        match self {
            Settings(settings) => Ok(format!("{:#}\n", settings()).into_bytes()),
            Vocabulary => Ok(vocabulary::vocab_json().into_bytes()),
            Merges => Ok(vocabulary::merges_txt().into_bytes()),
            Safetensors(network, dtype) => save::safetensors(&network.weights(seed)?, dtype),
            Torch(network, dtype) => save::torch(&network.weights(seed)?, dtype),
        }
    }
}

impl Network {
    /// Every tensor that the network asks for when it is built from the settings beside it.
    fn weights(self, seed: &str) -> candle_core::Result<Tensors> {
        match self {
            Self::PictureUnet => {
                let config: unet::Config = config(settings::picture_unet())?;
                recorded(seed, |vb| unet::UNet2d::new(&config, vb))
            }
            Self::VideoUnet => {
                let mut config: unet3d::Config = config(settings::video_unet())?;
                // No file of settings names the width of CLIP's feature: it is read off the weights.
                config.clip_pool_width = Some(settings::WIDTH);
                recorded(seed, |vb| unet3d::UNet3d::new(&config, vb))
            }
            Self::Vae => {
                let config: vae::Config = config(settings::vae())?;
                recorded(seed, |vb| vae::AutoencoderKl::new(&config, vb))
            }
            Self::Text => {
                let config: TextConfig = config(settings::text())?;
                recorded(seed, |vb| TextModel::new(&config, vb))
            }
            Self::ProjectedText => {
                let config: TextConfig = config(settings::text())?;
                recorded(seed, |vb| TextModelWithProjection::new(&config, vb))
            }
            Self::Vision => {
                let config: VisionConfig = config(settings::vision())?;
                recorded(seed, |vb| VisionModelWithProjection::new(&config, vb))
            }
            Self::Clip => {
                let (seen, read): (VisionConfig, TextConfig) = (config(settings::clip())?, config(settings::clip())?);
                let mut tensors = recorded(seed, |vb| {
                    TextModelWithProjection::new(&read, vb.clone())?;
                    VisionModelWithProjection::new(&seen, vb)
                })?;
                tensors.extend([made_up(seed, "logit_scale", &[])?]);
                Ok(tensors)
            }
            Self::Combine => {
                let unet: unet::Config = config(settings::picture_unet())?;
                let config: resampler::Config = config(settings::resampler())?;
                recorded(seed, |vb| {
                    Resampler::new(&config, vb.pp("image_proj"))?;
                    unet::ContentAdapter::new(&unet, vb.pp("ip_adapter"))
                })
            }
            Self::Segmenter => {
                let config: u2net::Config = config(settings::segmenter())?;
                config.manifest(true).iter().map(|(key, shape)| made_up(seed, key, shape)).collect()
            }
        }
    }
}

fn config<T: DeserializeOwned>(settings: Value) -> candle_core::Result<T> {
    serde_json::from_value(settings).map_err(candle_core::Error::wrap)
}
