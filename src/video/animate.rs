//! VideoStudio-Vid: a still to a clip.
//!
//! - [Paper](https://arxiv.org/abs/2401.01256): VideoStudio, section 3.4 and equation 2 of the supplement
//! - [Upstream code](https://github.com/FuchenUSTC/VideoStudio): `videostudio_vid`
//!
//! The still is the first frame: its latent goes through the UNet before the frames that are made, and its image tokens
//! take the place of words. The prompt comes in as one pooled embedding and as an action vector. After step T_m the
//! camera's movement is put into what is to be seen by then.

use super::error::AnimateError;
use super::networks::{self, move_camera};
use crate::models::weights::{Held, InUse};
use crate::nets::action::{Prototypes, phrases::phrases_of_prompt};
use crate::nets::camera_warp::{CameraWarp, Direction, Movement, STEPS_BEFORE_WARP, Speed};
use crate::nets::clip::{ClipProcessor, ClipTokenizer, TextModelWithProjection, VisionModel, vid_square};
use crate::nets::denoise::{Denoising, Step, fingerprint, noise_like_diffusers};
use crate::nets::latent_preview;
use crate::nets::noise::Generator;
use crate::nets::pillow::{Filter, resize_u8};
use crate::nets::samplers::guidance::Guidance;
use crate::nets::samplers::{Sampler, SamplerKind, SchedulerConfig};
use crate::nets::unet3d::{self, AddedConditions, Conditions, UNet3d, fold_frames};
use crate::nets::vae::{self, AutoencoderKl, rgb8_truncated, unless_cancelled};
use crate::progress::Watch;
use candle_core::{DType, Device, Tensor};
use image::RgbImage;
use std::sync::OnceLock;

/// What to set in motion, and how. The defaults are those of the release.
#[derive(Debug, Clone)]
pub struct Animate {
    /// The first frame, of any size; it is stretched to the clip's.
    pub still: RgbImage,
    /// What happens.
    pub prompt: String,
    /// What is done ("is riding"); `None` finds it in the prompt, an empty list is no action.
    pub verb_phrases: Option<Vec<String>>,
    /// Where the camera goes.
    pub camera: Movement,
    /// How far it goes from frame to frame.
    pub camera_warp: CameraWarp,
    /// After which step it begins to move (T_m), from 1. Earlier steps do not depend on the camera.
    pub camera_from_step: usize,
    /// Frames of the clip.
    pub frames: usize,
    /// Width and height in pixels, multiples of 8.
    pub size: [u32; 2],
    /// Denoising steps.
    pub steps: usize,
    /// How strongly the clip follows the prompt.
    pub guidance: f64,
    /// The aesthetic score to aim at, about 4 to 7, and the one to go away from.
    pub aes: [f64; 2],
    /// Of the noise.
    pub seed: u64,
    /// The way through the noise, with the settings of the model's own scheduler.
    pub sampler: SamplerKind,
}

impl Default for Animate {
    fn default() -> Self {
        Self {
            still: RgbImage::new(0, 0),
            prompt: String::new(),
            verb_phrases: None,
            camera: Movement { direction: Direction::Static, speed: Speed::Medium },
            camera_warp: CameraWarp::default(),
            camera_from_step: STEPS_BEFORE_WARP,
            frames: 16,
            size: [512, 320],
            steps: 70,
            guidance: 12.0,
            aes: [6.0, 6.0],
            seed: 100,
            sampler: SamplerKind::DpmSolverMultistep,
        }
    }
}

impl Animate {
    /// All that the steps up to the camera's depend on.
    fn recipe(&self, dtype: DType) -> String {
        format!(
            "animate {:?} {:016x} {:?} {:?} {} {} {:?} {} {} {:?} {} {:?} {}",
            self.still.dimensions(),
            fingerprint(self.still.as_raw()),
            self.prompt,
            self.verb_phrases,
            self.camera_from_step,
            self.frames,
            self.size,
            self.steps,
            self.guidance,
            self.aes,
            self.seed,
            self.sampler,
            dtype.as_str()
        )
    }

    /// Names the state at T_m, before the camera moves: all that it depends on, but for the weights.
    pub fn state_before_camera(&self, dtype: DType) -> String {
        self.recipe(dtype)
    }

    /// All that the later steps depend on.
    fn recipe_with_camera(&self, dtype: DType) -> String {
        let recipe = self.recipe(dtype);
        match self.camera.direction {
            Direction::Static => format!("{recipe} static"),
            _ => format!("{recipe} {:?} {:?}", self.camera, self.camera_warp),
        }
    }
}

/// VideoStudio-Vid with its networks.
#[derive(Debug)]
pub struct Animator {
    pub(super) tokenizer: ClipTokenizer,
    pub(super) text_encoder: Held<TextModelWithProjection>,
    pub(super) vision: Held<VisionModel>,
    pub(super) processor: ClipProcessor,
    pub(super) unet: Held<UNet3d>,
    pub(super) vae: Held<AutoencoderKl>,
    pub(super) scheduler: SchedulerConfig,
    pub(super) unet_config: unet3d::Config,
    pub(super) vae_config: vae::Config,
    pub(super) prototypes: OnceLock<Prototypes>,
    pub(super) device: Device,
    pub(super) dtype: DType,
}

impl Animator {
    /// Makes the frames of a clip, or goes on with one that was put aside.
    ///
    /// `before_camera` gets the state at T_m, before the camera moves, whatever the movement. Handed in as `start` with
    /// another movement or speed and everything else the same, it gives the very frames of a whole render, for the price
    /// of the later steps.
    ///
    /// The same request, weights, type and kind of device give the same frames. What the user should know is told as
    /// notes.
    ///
    /// # Errors
    /// [`AnimateError::Cancelled`] within a step of the cancel, [`AnimateError::Paused`] with the state to go on from,
    /// and when the request does not fit the model or the device fails.
    pub fn animate(
        &self,
        what: &Animate,
        start: Option<Denoising>,
        before_camera: &mut dyn FnMut(&Denoising),
        watch: &dyn Watch,
    ) -> Result<Vec<RgbImage>, AnimateError> {
        let mut sampler = Sampler::new(&self.scheduler.with_sampler(what.sampler), what.steps)?;
        let moves = what.camera.direction != Direction::Static;
        if moves && !(1..=what.steps).contains(&what.camera_from_step) {
            return Err(AnimateError::Camera { from: what.camera_from_step, steps: what.steps });
        }
        let total = what.steps as u64;
        let mut state = self.begin(what, start, &sampler)?;
        watch.step(state.done() as u64, total)?;
        if state.epsilon.is_some() {
            self.move_camera(what, &mut state, &sampler)?;
        }
        if state.done() < what.steps {
            let (conditions, first) = self.look(what, state.done(), watch)?;
            let unet = self.unet.get(watch)?;
            let guidance = Guidance { scale: what.guidance, rescale: 0.0 };
            let prepared = networks::prepare(&unet, conditions, first, guidance, what.aes[1])?;
            watch.stage("denoising");
            watch.step(state.done() as u64, total)?;
            networks::denoise(&unet, (&mut state, &mut sampler), &prepared, |state, sampler, step| {
                if state.done() == what.camera_from_step {
                    state.epsilon = Some(step.epsilon(sampler)?);
                    before_camera(state);
                    self.move_camera(what, state, sampler)?;
                }
                watch.keep(state.done() as u64, total, &|| Ok(state.to_bytes()?));
                watch.preview(&|| preview(sampler, step));
                if watch.wants_pause() {
                    return Err(AnimateError::Paused(Box::new(state.clone())));
                }
                Ok(watch.step(state.done() as u64, total)?)
            })?;
        }
        self.decode(&state.latents, watch)
    }

    /// The noise of a new clip, or the state to go on with. Its latents are `[frames, channels, height, width]`, as the
    /// release gives them to the sampler.
    fn begin(&self, what: &Animate, start: Option<Denoising>, sampler: &Sampler) -> Result<Denoising, AnimateError> {
        let ([width, height], frames, multiple) = (what.size, what.frames, self.vae_config.downscale());
        let latent =
            |side: u32| Some(side as usize / multiple).filter(|&size| size > 0 && size * multiple == side as usize);
        let (Some(columns), Some(rows), true) = (latent(width), latent(height), frames > 0) else {
            return Err(AnimateError::Size { frames, width, height, multiple });
        };
        let channels = self.unet_config.in_channels;
        let Some(state) = start else {
            let mut generator = Generator::new(what.seed);
            let shape = [1, channels, frames, rows, columns];
            let noise = noise_like_diffusers(&mut generator, &shape, self.dtype, &self.device)?;
            return Ok(Denoising::start(what.recipe(self.dtype), &fold_frames(&noise)?, generator, sampler)?);
        };
        let waits = state.epsilon.is_some() || what.camera_from_step == 0 || state.done() < what.camera_from_step;
        let recipe = if waits { what.recipe(self.dtype) } else { what.recipe_with_camera(self.dtype) };
        if state.recipe != recipe || state.latents.dims() != [frames, channels, rows, columns] {
            return Err(AnimateError::OtherState);
        }
        Ok(state.to_device(&self.device)?)
    }

    /// Puts the clip's movement into a state that waits for it.
    fn move_camera(&self, what: &Animate, state: &mut Denoising, sampler: &Sampler) -> Result<(), AnimateError> {
        move_camera(state, sampler, &what.camera_warp, what.camera)?;
        state.recipe = what.recipe_with_camera(self.dtype);
        Ok(())
    }

    /// Reads the prompt and looks at the still: what all steps depend on, and the still's latent.
    fn look(&self, what: &Animate, done: usize, watch: &dyn Watch) -> Result<(Conditions, Tensor), AnimateError> {
        let [width, height] = what.size;
        let encoder = self.text_encoder.get(watch)?;
        watch.stage("reading the prompt");
        let phrases = match &what.verb_phrases {
            Some(phrases) => phrases.clone(),
            None => phrases_of_prompt(&what.prompt).into_iter().map(str::to_owned).collect(),
        };
        let text_embeds = self.embed(&encoder, "prompt", &what.prompt, watch)?;
        let action = self.action(&encoder, &phrases, watch)?;
        drop(encoder);

        let vision = self.vision.get(watch)?;
        watch.stage("looking at the still");
        // The square is as wide as the clip, as in the release.
        let square = vid_square(&what.still, width)?;
        let seen = vision.forward(&self.processor.pixel_values(&square)?.to_device(&self.device)?)?;
        drop(vision);
        let [h, w] = [height as f32, width as f32];
        let config = &self.unet_config;
        let conditions = Conditions {
            context: seen.last_hidden_state,
            added: AddedConditions {
                text_embeds,
                time_ids: Tensor::new(&[[h, w, 0.0, 0.0, h, w]], &self.device)?,
                aes_scores: config.aes_score.then(|| Tensor::new(&[what.aes[0] as f32], &self.device)).transpose()?,
                midf_clip_pool: config.clip_pool_width.map(|_| seen.pooled),
                action,
            },
        };
        Ok((conditions, self.first_latent(what, done, watch)?))
    }

    /// The latent of the still, stretched to the clip's size.
    fn first_latent(&self, what: &Animate, done: usize, watch: &dyn Watch) -> Result<Tensor, AnimateError> {
        let [width, height] = what.size.map(|side| side as usize);
        let from = (what.still.width() as usize, what.still.height() as usize);
        let pixels = resize_u8::<3>(what.still.as_raw(), from, (width, height), Filter::Bilinear);
        let signed: Vec<f32> = pixels.iter().map(|&level| (f32::from(level) / 255.0 - 0.5) / 0.5).collect();
        let picture = Tensor::from_vec(signed, (height, width, 3), &self.device)?.permute((2, 0, 1))?.contiguous()?;
        let picture = picture.unsqueeze(0)?;
        let vae = self.vae.get(watch)?;
        if matches!(vae, InUse::Loaded(_)) {
            watch.stage("looking at the still");
        }
        unless_cancelled(watch, (done, what.steps), |run| networks::first_latent(&vae, &picture, run))
    }

    /// The frames of latents, one after the other.
    fn decode(&self, latents: &Tensor, watch: &dyn Watch) -> Result<Vec<RgbImage>, AnimateError> {
        let vae = self.vae.get(watch)?;
        watch.stage("decoding the frames");
        let total = latents.dim(0)?;
        let mut frames = Vec::with_capacity(total);
        for index in 0..total {
            let latent = latents.narrow(0, index, 1)?;
            let decoded =
                unless_cancelled::<_, AnimateError>(watch, (index, total), |run| networks::decode(&vae, &latent, run))?;
            let (_, _, height, width) = decoded.dims4()?;
            let frame = RgbImage::from_raw(width as u32, height as u32, rgb8_truncated(&decoded)?);
            frames.push(frame.ok_or_else(|| {
                candle_core::Error::Msg(format!("the autoencoder gives {:?}, not three colours", decoded.dims()))
            })?);
        }
        watch.step(total as u64, total as u64)?;
        Ok(frames)
    }
}

/// What the network sees in all frames at a step.
fn preview(sampler: &Sampler, step: &Step) -> Vec<crate::progress::Rgb8> {
    step.clean(sampler).map(|clean| latent_preview::frames(&clean)).unwrap_or_default()
}
