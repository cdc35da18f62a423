//! Stable Diffusion, from published folders to pictures: what illustrations and stills share.

use super::illustrate::Illustrate;
use crate::models::is_out_of_memory;
use crate::models::weights::{Held, Keep, ModelFolder, PartName, WeightsError};
use crate::nets::clip::{ClipInputError, ClipTokenizer, TextModel, TokenizerError};
use crate::nets::denoise::{Denoising, Step, guided, noise_like_diffusers};
use crate::nets::latent_preview;
use crate::nets::noise::Generator;
use crate::nets::samplers::guidance::Guidance;
use crate::nets::samplers::{ConfigError, Sampler, SchedulerConfig};
use crate::nets::unet::{self, PreparedContext, UNet2d};
use crate::nets::vae::{self, AutoencoderKl, Run, rgb8_rounded, unless_cancelled};
use crate::progress::{Cancelled, Progress, Watch};
use candle_core::{DType, Device, Tensor};
use image::RgbImage;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// A part of the model is missing, damaged or another network's; names the file and the tensor.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The text cannot be split into tokens.
    #[error(transparent)]
    Text(TokenizerError),
    /// The scheduler's settings, or the number of steps.
    #[error(transparent)]
    Scheduler(#[from] ConfigError),
    /// A size that the networks cannot make.
    #[error("{width} × {height} is no size for a picture of this model; use multiples of {multiple} pixels")]
    Size {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// In pixels.
        multiple: usize,
    },
    /// A reference picture cannot be shown to CLIP.
    #[error(transparent)]
    Reference(#[from] ClipInputError),
    /// The state that was put aside belongs to another picture.
    #[error("what was put aside belongs to another picture or other settings; start this one anew")]
    OtherState,
    /// The networks or the device failed.
    #[error("the picture cannot be computed: {0}")]
    Network(#[from] candle_core::Error),
    /// The user asked for a pause: the picture goes on from this.
    #[error("put aside after step {}", .0.done())]
    Paused(Box<Denoising>),
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl PictureError {
    /// Whether the memory of the device is full.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Network(error) => is_out_of_memory(error),
            Self::Weights(error) => error.is_out_of_memory(),
            _ => false,
        }
    }
}

/// The networks of Stable Diffusion, which know tensors only.
#[derive(Debug, Clone)]
pub struct PictureNetworks {
    /// Reads the prompt.
    pub text_encoder: TextModel,
    /// Takes the noise away.
    pub unet: UNet2d,
    /// Makes pixels of latents.
    pub vae: AutoencoderKl,
    /// How the noise goes away.
    pub scheduler: SchedulerConfig,
}

impl PictureNetworks {
    /// What the UNet looks at: the text's tokens, `[rows, tokens, width]`, with the negative prompt's in the first row
    /// where there is guidance. Both ids are `[1, tokens]`.
    ///
    /// # Errors
    /// When ids are not those of this text encoder.
    pub fn text(&self, negative: &Tensor, prompt: &Tensor, guidance: Guidance) -> candle_core::Result<Tensor> {
        text(&self.text_encoder, negative, prompt, guidance)
    }

    /// Makes the steps that are left of a picture, as [`Denoising::run`] does.
    ///
    /// # Errors
    /// Those of the networks and of `after`.
    pub fn denoise<E: From<candle_core::Error>>(
        &self,
        state: &mut Denoising,
        sampler: &mut Sampler,
        context: &PreparedContext,
        guidance: Guidance,
        after: impl FnMut(&mut Denoising, &Sampler, &Step) -> Result<(), E>,
    ) -> Result<(), E> {
        denoise(&self.unet, (state, sampler), context, guidance, after)
    }

    /// Latents as the UNet has them to a picture `[1, 3, height, width]` from about -1 to 1.
    ///
    /// # Errors
    /// When the shape is another, or when `run` ends the work.
    pub fn decode(&self, latents: &Tensor, run: Run<'_>) -> candle_core::Result<Tensor> {
        decode(&self.vae, latents, run)
    }
}

fn text(encoder: &TextModel, negative: &Tensor, prompt: &Tensor, guidance: Guidance) -> candle_core::Result<Tensor> {
    // One by one: a text must not depend on the text beside it, not by a bit.
    let encode = |ids: &Tensor| Ok(encoder.forward(ids)?.last_hidden_state);
    if guidance.is_on() { Tensor::cat(&[encode(negative)?, encode(prompt)?], 0) } else { encode(prompt) }
}

fn denoise<E: From<candle_core::Error>>(
    unet: &UNet2d,
    (state, sampler): (&mut Denoising, &mut Sampler),
    context: &PreparedContext,
    guidance: Guidance,
    after: impl FnMut(&mut Denoising, &Sampler, &Step) -> Result<(), E>,
) -> Result<(), E> {
    let predict = |sample: &Tensor, timestep: &Tensor| {
        guided(guidance, sample, |rows| unet.forward(rows, timestep, context, None))
    };
    state.run(sampler, predict, after)
}

fn decode(vae: &AutoencoderKl, latents: &Tensor, run: Run<'_>) -> candle_core::Result<Tensor> {
    // In the autoencoder's type: f16 latents have too few digits to be divided in.
    let latents = latents.to_dtype(DType::F32)?;
    vae.decode(&vae.unscale(&latents)?, run)
}

/// Stable Diffusion as it is published: text to pictures.
#[derive(Debug)]
pub struct StableDiffusion {
    text_encoder: Held<TextModel>,
    unet: Held<UNet2d>,
    vae: Held<AutoencoderKl>,
    scheduler: SchedulerConfig,
    pub(super) unet_config: unet::Config,
    vae_config: vae::Config,
    tokenizer: ClipTokenizer,
    pub(super) device: Device,
    pub(super) dtype: DType,
    pub(super) keep: Keep,
}

impl StableDiffusion {
    /// Loads a model of the folders `unet`, `text_encoder`, `tokenizer`, `scheduler` and, unless another folder is given
    /// for it, `vae`.
    ///
    /// The networks run in `dtype`; the autoencoder runs in f32 unless its `config.json` says that it need not
    /// (`force_upcast`).
    ///
    /// # Errors
    /// When a file is missing or does not fit, or on cancel.
    pub fn load(
        folder: &ModelFolder,
        vae: Option<&ModelFolder>,
        device: &Device,
        dtype: DType,
        progress: &dyn Progress,
    ) -> Result<Self, PictureError> {
        Self::open(folder, vae, (device, dtype), Keep::Loaded, progress)
    }

    /// The same, with networks that stay in memory or are there only while they work. Pictures are the same either way.
    ///
    /// # Errors
    /// As for [`Self::load`], but for files that are read later.
    pub fn open(
        folder: &ModelFolder,
        vae: Option<&ModelFolder>,
        (device, dtype): (&Device, DType),
        keep: Keep,
        progress: &dyn Progress,
    ) -> Result<Self, PictureError> {
        let parts = 3;
        progress.stage("loading the text encoder");
        progress.step(0, parts)?;
        let scheduler: SchedulerConfig = folder.config(PartName::Scheduler)?;
        let tokenizer = folder.tokenizer(PartName::Tokenizer)?;
        let (from, on) = (folder.clone(), device.clone());
        let text_encoder = Held::new("the text encoder", keep, move || {
            let config = from.config(PartName::TextEncoder)?;
            from.checkpoint(PartName::TextEncoder)?.load(dtype, &on, |vb| TextModel::new(&config, vb))
        })?;

        progress.stage("loading the autoencoder");
        progress.step(1, parts)?;
        let (from, on) = (vae.unwrap_or(folder).clone(), device.clone());
        let vae_config: vae::Config = from.config(PartName::Vae)?;
        let vae_dtype = if vae_config.force_upcast { DType::F32 } else { dtype };
        let config = vae_config.clone();
        let vae = Held::new("the autoencoder", keep, move || {
            from.checkpoint(PartName::Vae)?.load(vae_dtype, &on, |vb| AutoencoderKl::new(&config, vb))
        })?;

        progress.stage("loading the UNet");
        progress.step(2, parts)?;
        let (from, on) = (folder.clone(), device.clone());
        let unet_config: unet::Config = from.config(PartName::Unet)?;
        let config = unet_config.clone();
        let unet = Held::new("the UNet", keep, move || {
            from.checkpoint(PartName::Unet)?.load(dtype, &on, |vb| UNet2d::new(&config, vb))
        })?;
        progress.step(parts, parts)?;
        let device = device.clone();
        Ok(Self { text_encoder, unet, vae, scheduler, unet_config, vae_config, tokenizer, device, dtype, keep })
    }

    /// The type in which the networks run.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Makes a picture. `look` sees to what the UNet looks at besides the text; what it answers adds that, for the given
    /// number of rows, once the UNet is there.
    pub(super) fn make<Add>(
        &self,
        what: &Illustrate,
        recipe: String,
        look: impl FnOnce(Guidance) -> Result<Add, PictureError>,
        start: Option<Denoising>,
        watch: &dyn Watch,
    ) -> Result<RgbImage, PictureError>
    where
        Add: FnOnce(&mut PreparedContext) -> candle_core::Result<()>,
    {
        let mut sampler = Sampler::new(&self.scheduler.with_sampler(what.sampler), what.steps)?;
        let total = what.steps as u64;
        let mut state = self.begin(what, recipe, start, &sampler)?;
        let encoder = self.text_encoder.get(watch)?;
        watch.stage("reading the prompt");
        watch.step(state.done() as u64, total)?;
        let guidance = Guidance { scale: what.guidance, rescale: 0.0 };
        let negative = self.ids("negative prompt", &what.negative, watch)?;
        let text = text(&encoder, &negative, &self.ids("prompt", &what.prompt, watch)?, guidance)?;
        drop(encoder);
        let add = look(guidance)?;

        let unet = self.unet.get(watch)?;
        let mut context = unet.prepare(&text)?;
        add(&mut context)?;
        watch.stage("denoising");
        watch.step(state.done() as u64, total)?;
        denoise(&unet, (&mut state, &mut sampler), &context, guidance, |state, sampler, step| {
            watch.keep(state.done() as u64, total, &|| Ok(state.to_bytes()?));
            watch.preview(&|| step.clean(sampler).map(|clean| latent_preview::frames(&clean)).unwrap_or_default());
            if watch.wants_pause() {
                return Err(PictureError::Paused(Box::new(state.clone())));
            }
            Ok(watch.step(state.done() as u64, total)?)
        })?;
        drop((unet, context));
        self.picture(&state.latents, what.steps, watch)
    }

    /// The noise of a new picture, or the state to go on with.
    fn begin(
        &self,
        what: &Illustrate,
        recipe: String,
        start: Option<Denoising>,
        sampler: &Sampler,
    ) -> Result<Denoising, PictureError> {
        let [width, height] = what.size;
        let multiple = self.vae_config.downscale();
        let latent =
            |side: u32| Some(side as usize / multiple).filter(|&size| size > 0 && size * multiple == side as usize);
        let (Some(columns), Some(rows)) = (latent(width), latent(height)) else {
            return Err(PictureError::Size { width, height, multiple });
        };
        let shape = [1, self.unet_config.in_channels, rows, columns];
        match start {
            None => {
                let mut generator = Generator::new(what.seed);
                let noise = noise_like_diffusers(&mut generator, &shape, self.dtype, &self.device)?;
                Ok(Denoising::start(recipe, &noise, generator, sampler)?)
            }
            Some(state) if state.recipe == recipe && state.latents.dims() == shape => {
                Ok(state.to_device(&self.device)?)
            }
            Some(_) => Err(PictureError::OtherState),
        }
    }

    /// The token ids of a text, `[1, tokens]`.
    fn ids(&self, name: &str, text: &str, watch: &dyn Watch) -> Result<Tensor, PictureError> {
        let tokens = self.tokenizer.encode(text).map_err(PictureError::Text)?;
        if let Some(left_out) = tokens.left_out {
            watch.note(&format!("the {name} is too long for the text encoder; left out: {left_out}"));
        }
        Ok(Tensor::new(tokens.ids, &self.device)?.unsqueeze(0)?)
    }

    /// The picture of latents; asks between the layers whether to go on.
    fn picture(&self, latents: &Tensor, total: usize, watch: &dyn Watch) -> Result<RgbImage, PictureError> {
        let vae = self.vae.get(watch)?;
        watch.stage("decoding");
        let decoded = unless_cancelled::<_, PictureError>(watch, (total, total), |run| decode(&vae, latents, run))?;
        let (_, _, height, width) = decoded.dims4()?;
        let pixels = rgb8_rounded(&decoded)?;
        RgbImage::from_raw(width as u32, height as u32, pixels).ok_or_else(|| {
            candle_core::Error::Msg(format!("the autoencoder gives {:?}, not three colours", decoded.dims())).into()
        })
    }
}
