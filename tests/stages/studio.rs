//! Random models, written and loaded once for all tests.

use candle_core::{DType, Device};
use image::{Rgb, RgbImage};
use reelboard::image::{Compositor, StableDiffusion};
use reelboard::models::tiny::{TinyModels, write_tiny_models};
use reelboard::models::weights::{Layout, ModelFolder, Precision};
use reelboard::progress::Silent;
use reelboard::video::Animator;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

pub struct Studio {
    pub models: TinyModels,
    pub pictures: Arc<StableDiffusion>,
    pub compositor: Compositor,
    pub animator: Animator,
    _folder: TempDir,
}

pub fn folder(layout: Layout, path: &Path) -> ModelFolder {
    ModelFolder::new(layout, path, Precision::Full)
}

pub fn pictures(models: &TinyModels, dtype: DType) -> StableDiffusion {
    let base = folder(Layout::RealisticVision, &models.realistic_vision);
    let vae = folder(Layout::SdVaeFtMse, &models.sd_vae);
    StableDiffusion::load(&base, Some(&vae), &Device::Cpu, dtype, &Silent).unwrap()
}

pub fn compositor(models: &TinyModels, base: Arc<StableDiffusion>) -> Compositor {
    Compositor::load(base, &folder(Layout::VideoStudio, &models.video_studio), &Silent).unwrap()
}

pub fn animator(models: &TinyModels, dtype: DType) -> Animator {
    let studio = folder(Layout::VideoStudio, &models.video_studio);
    let vision = folder(Layout::ClipVitH, &models.clip_vit_h);
    Animator::load(&studio, &vision, None, &Device::Cpu, dtype, &Silent).unwrap()
}

pub fn studio() -> &'static Studio {
    static STUDIO: LazyLock<Studio> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let models = write_tiny_models(folder.path()).unwrap();
        let pictures = Arc::new(pictures(&models, DType::F32));
        Studio {
            compositor: compositor(&models, pictures.clone()),
            animator: animator(&models, DType::F32),
            pictures,
            models,
            _folder: folder,
        }
    });
    &STUDIO
}

/// A photo with something in it, another for each number.
pub fn photo(number: u32) -> RgbImage {
    RgbImage::from_fn(80, 60, |x, y| {
        let round = (x as i32 - 40).pow(2) + (y as i32 - 30).pow(2) < 400;
        if round { Rgb([(x * 3) as u8, (90 * number) as u8, (y * 4) as u8]) } else { Rgb([0; 3]) }
    })
}
