//! VideoStudio-Img: a still of a scene in which the film's characters and places look as in their reference pictures.
//!
//! - [Paper](https://arxiv.org/abs/2401.01256): VideoStudio, section 3.3
//! - [Upstream code](https://github.com/FuchenUSTC/VideoStudio): `videostudio_img`
//!
//! Each reference goes through CLIP's vision tower and a resampler, which makes a few tokens of it; the content adapter
//! lets every cross-attention of the UNet look at them beside the text. Unlike the release, a scene may have several
//! foregrounds (the paper's: one attention looks at all of them), or no foreground, or no background.

use super::diffusion::{PictureError, StableDiffusion};
use super::illustrate::Illustrate;
use super::remembered::remembered;
use crate::models::weights::{Held, ModelFolder, PartName};
use crate::nets::clip::{ClipProcessor, VisionConfig, VisionModelWithProjection};
use crate::nets::denoise::{Denoising, fingerprint};
use crate::nets::resampler::{self, Resampler};
use crate::nets::samplers::SamplerKind;
use crate::nets::samplers::guidance::Guidance;
use crate::nets::unet::{ContentAdapter, PreparedContext, References};
use crate::progress::{Progress, Watch};
use candle_core::Tensor;
use image::RgbImage;
use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

/// Width of the resampler's heads in the release, which no file names.
const HEAD_WIDTH: usize = 64;

/// What to compose, and how. The defaults are those of the release.
#[derive(Debug, Clone)]
pub struct Compose {
    /// What happens in the scene.
    pub prompt: String,
    /// What shall not be seen.
    pub negative: String,
    /// Cut-outs: each with its object, the rest black ([`super::hard_split`]).
    pub foregrounds: Vec<RgbImage>,
    /// The place, with its objects black.
    pub background: Option<RgbImage>,
    /// How much the foregrounds count; 0 is the same as none.
    pub fg_scale: f64,
    /// How much the background counts; 0 is the same as none.
    pub bg_scale: f64,
    /// Width and height in pixels, multiples of 8.
    pub size: [u32; 2],
    /// Denoising steps.
    pub steps: usize,
    /// How strongly the picture follows the prompt and the references.
    pub guidance: f64,
    /// Of the noise.
    pub seed: u64,
    /// The way through the noise, with the settings of the model's own scheduler.
    pub sampler: SamplerKind,
}

impl Compose {
    /// The negative prompt of the release.
    pub const NEGATIVE: &str = "monochrome, lowres, bad anatomy, worst quality, low quality";
}

impl Default for Compose {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative: Self::NEGATIVE.to_owned(),
            foregrounds: Vec::new(),
            background: None,
            fg_scale: References::FOREGROUND_SCALE,
            bg_scale: References::BACKGROUND_SCALE,
            size: [512, 512],
            steps: 60,
            guidance: 7.5,
            seed: 100,
            sampler: SamplerKind::Ddim,
        }
    }
}

/// VideoStudio-Img on top of a Stable Diffusion, which it shares with illustrations.
#[derive(Debug)]
pub struct Compositor {
    base: Arc<StableDiffusion>,
    vision: Held<VisionModelWithProjection>,
    processor: ClipProcessor,
    resampler: Held<Resampler>,
    adapter: ContentAdapter,
    /// The tokens of no picture at all, from its first use on.
    unconditional: OnceLock<Tensor>,
}

impl Compositor {
    /// Loads the image encoder and the content adapter from the release's folder (`FireCRT/VideoStudio`), onto the device
    /// and in the type of `base`.
    ///
    /// # Errors
    /// When a file is missing or does not fit `base`, or on cancel.
    pub fn load(
        base: Arc<StableDiffusion>,
        folder: &ModelFolder,
        progress: &dyn Progress,
    ) -> Result<Self, PictureError> {
        let (dtype, keep) = (base.dtype, base.keep);
        progress.stage("loading the image encoder");
        progress.step(0, 2)?;
        let (from, on) = (folder.clone(), base.device.clone());
        let config: VisionConfig = from.config(PartName::ImageEncoder)?;
        let processor = from.clip_processor(PartName::ImageEncoder, &config)?;
        let vision = Held::new("the image encoder", keep, move || {
            let weights = from.checkpoint(PartName::ImageEncoder)?;
            weights.load(dtype, &on, |vb| VisionModelWithProjection::new(&config, vb))
        })?;

        progress.stage("loading the content adapter");
        progress.step(1, 2)?;
        let file = folder.checkpoint(PartName::ContentAdapter)?;
        // Small beside the others, and needed with each of them.
        let adapter = file.part("ip_adapter");
        let adapter = adapter.load(dtype, &base.device, |vb| ContentAdapter::new(&base.unet_config, vb))?;
        let on = base.device.clone();
        let resampler = Held::new("the resampler", keep, move || {
            let part = file.part("image_proj");
            let loaded =
                part.load(dtype, &on, |vb| Resampler::new(&resampler::Config::from_weights(&vb, HEAD_WIDTH)?, vb))?;
            file.finish()?;
            Ok(loaded)
        })?;
        progress.step(2, 2)?;
        Ok(Self { base, vision, processor, resampler, adapter, unconditional: OnceLock::new() })
    }

    /// Composes a still, or goes on with one that was put aside.
    ///
    /// The same request, weights, type and kind of device give the same picture. A text that does not fit, and what was
    /// left out of it, is told as a note.
    ///
    /// # Errors
    /// [`PictureError::Cancelled`] within a step of the cancel, [`PictureError::Paused`] with the state to go on from,
    /// and when the request does not fit the model or the device fails.
    pub fn compose(
        &self,
        what: &Compose,
        start: Option<Denoising>,
        watch: &dyn Watch,
    ) -> Result<RgbImage, PictureError> {
        let request = Illustrate {
            prompt: what.prompt.clone(),
            negative: what.negative.clone(),
            size: what.size,
            steps: what.steps,
            guidance: what.guidance,
            seed: what.seed,
            sampler: what.sampler,
        };
        let mark = |picture: &RgbImage| (picture.dimensions(), fingerprint(picture.as_raw()));
        let recipe = format!(
            "compose {request:?} {:?} × {} {:?} × {} {}",
            what.foregrounds.iter().map(mark).collect::<Vec<_>>(),
            what.fg_scale,
            what.background.as_ref().map(mark),
            what.bg_scale,
            self.base.dtype.as_str()
        );
        let look = |guidance: Guidance| {
            let references = self.look(what, guidance, watch)?;
            Ok(move |context: &mut PreparedContext| self.adapter.add(context, &references))
        };
        self.base.make(&request, recipe, look, start, watch)
    }

    /// What the references look like to the UNet.
    fn look(&self, what: &Compose, guidance: Guidance, watch: &dyn Watch) -> Result<References, PictureError> {
        if what.foregrounds.is_empty() && what.background.is_none() {
            return Ok(References::default());
        }
        watch.stage("looking at the references");
        // Loaded when the first reference is one that was not seen before.
        let in_use = OnceCell::new();
        let resampled = |pixels: &Tensor| -> Result<Tensor, PictureError> {
            let (vision, resampler) = match in_use.get() {
                Some(in_use) => in_use,
                None => {
                    let loaded = (self.vision.get(watch)?, self.resampler.get(watch)?);
                    watch.stage("looking at the references");
                    in_use.get_or_init(|| loaded)
                }
            };
            Ok(resampler.forward(&vision.model().penultimate(pixels)?)?)
        };
        let tokens = |picture: &RgbImage| self.tokens(picture, guidance, watch, &resampled);
        Ok(References {
            foregrounds: what.foregrounds.iter().map(tokens).collect::<Result<_, _>>()?,
            background: what.background.as_ref().map(tokens).transpose()?,
            foreground_scale: what.fg_scale,
            background_scale: what.bg_scale,
        })
    }

    /// The tokens of one reference, `[rows, tokens, width]`, with those of no picture in the first row where there is
    /// guidance.
    fn tokens(
        &self,
        picture: &RgbImage,
        guidance: Guidance,
        watch: &dyn Watch,
        resampled: &dyn Fn(&Tensor) -> Result<Tensor, PictureError>,
    ) -> Result<Tensor, PictureError> {
        let pixels = self.processor.pixel_values(picture)?.to_device(&self.base.device)?;
        let pixels = pixels.to_dtype(self.base.dtype)?;
        let (width, height) = picture.dimensions();
        let key = format!("reference {width}x{height} {}", blake3::hash(picture.as_raw()).to_hex());
        let at = (&self.base.device, self.base.dtype);
        // Cancelled between two references: each takes seconds on a processor.
        watch.step(0, 0)?;
        let conditional = remembered(watch, &key, at, || resampled(&pixels))?;
        if !guidance.is_on() {
            return Ok(conditional);
        }
        let unconditional = match self.unconditional.get() {
            Some(tokens) => tokens,
            // The release's: a picture of zeros after the normalisation, which is grey and not black.
            None => {
                let tokens = remembered(watch, "no reference", at, || resampled(&pixels.zeros_like()?))?;
                self.unconditional.get_or_init(|| tokens)
            }
        };
        Ok(Tensor::cat(&[unconditional, &conditional], 0)?)
    }
}
