//! The networks of VideoStudio-Vid, which know tensors only.

use crate::nets::camera_warp::{CameraWarp, Direction, Movement};
use crate::nets::denoise::{Denoising, Step, guided};
use crate::nets::samplers::guidance::Guidance;
use crate::nets::samplers::{Sampler, SchedulerConfig};
use crate::nets::unet3d::{
    AddedConditions, Conditions, FramePosition, PreparedContext, UNet3d, fold_frames, unfold_frames,
};
use crate::nets::vae::{AutoencoderKl, Run};
use candle_core::{DType, Error, Result, Tensor, bail};

/// The networks that make the frames.
///
/// Latents are `[frames, channels, height, width]`, as the release gives them to the sampler.
#[derive(Debug, Clone)]
pub struct ClipNetworks {
    /// Takes the noise away.
    pub unet: UNet3d,
    /// Makes latents of the still and pixels of latents.
    pub vae: AutoencoderKl,
    /// How the noise goes away.
    pub scheduler: SchedulerConfig,
}

/// What all steps depend on.
#[derive(Debug, Clone)]
pub struct Prepared {
    context: PreparedContext,
    added: AddedConditions,
    /// The still's latent, `[1, channels, 1, height, width]`.
    first: Tensor,
    guidance: Guidance,
}

impl ClipNetworks {
    /// The latent of the still, `[1, 3, height, width]` from -1 to 1, as `[1, channels, 1, height / 8, width / 8]`: the
    /// most likely one, where the release draws one.
    ///
    /// # Errors
    /// When the shape is another, or when `run` ends the work.
    pub fn first_latent(&self, still: &Tensor, run: Run<'_>) -> Result<Tensor> {
        first_latent(&self.vae, still, run)
    }

    /// Computes once what all steps need. `conditions` are those of the clip; where there is guidance they get their
    /// unconditional row, with `negative_score` for its aesthetic score.
    ///
    /// # Errors
    /// When the conditions are those of another network.
    pub fn prepare(
        &self,
        conditions: Conditions,
        first: Tensor,
        guidance: Guidance,
        negative_score: f64,
    ) -> Result<Prepared> {
        prepare(&self.unet, conditions, first, guidance, negative_score)
    }

    /// Makes the steps that are left of a clip, as [`Denoising::run`] does.
    ///
    /// # Errors
    /// Those of the networks and of `after`.
    pub fn denoise<E: From<Error>>(
        &self,
        state: &mut Denoising,
        sampler: &mut Sampler,
        prepared: &Prepared,
        after: impl FnMut(&mut Denoising, &Sampler, &Step) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        denoise(&self.unet, (state, sampler), prepared, after)
    }

    /// The picture of one frame's latent `[1, channels, height, width]`, from about -1 to 1.
    ///
    /// # Errors
    /// When the shape is another, or when `run` ends the work.
    pub fn decode(&self, latent: &Tensor, run: Run<'_>) -> Result<Tensor> {
        decode(&self.vae, latent, run)
    }
}

pub(super) fn first_latent(vae: &AutoencoderKl, still: &Tensor, run: Run<'_>) -> Result<Tensor> {
    unfold_frames(&vae.scale(vae.encode(still, run)?.mode())?, 1)
}

pub(super) fn prepare(
    unet: &UNet3d,
    conditions: Conditions,
    first: Tensor,
    guidance: Guidance,
    negative_score: f64,
) -> Result<Prepared> {
    let conditions = if guidance.is_on() { conditions.guided(negative_score)? } else { conditions };
    let context = unet.prepare(&conditions.context)?;
    Ok(Prepared { context, added: conditions.added, first, guidance })
}

pub(super) fn denoise<E: From<Error>>(
    unet: &UNet3d,
    (state, sampler): (&mut Denoising, &mut Sampler),
    prepared: &Prepared,
    after: impl FnMut(&mut Denoising, &Sampler, &Step) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let Prepared { context, added, first, guidance } = prepared;
    let position = FramePosition::First;
    let predict = |sample: &Tensor, timestep: &Tensor| {
        let prediction = guided(*guidance, &unfold_frames(sample, 1)?, |rows| {
            position.remove(&unet.forward(&position.insert(rows, first)?, timestep, context, added)?)
        })?;
        fold_frames(&prediction)
    };
    state.run(sampler, predict, after)
}

pub(super) fn decode(vae: &AutoencoderKl, latent: &Tensor, run: Run<'_>) -> Result<Tensor> {
    vae.decode(&vae.unscale(&latent.to_dtype(DType::F32)?)?, run)
}

/// Puts a movement into a state that waits for it: one with the noise that the network saw in its last step.
///
/// # Errors
/// When it does not wait, or when nothing of the clip is to be seen yet.
pub fn move_camera(state: &mut Denoising, sampler: &Sampler, warp: &CameraWarp, movement: Movement) -> Result<()> {
    let (Some(epsilon), Some(last)) = (state.epsilon.take(), state.done().checked_sub(1)) else {
        bail!("the camera moves after the step whose noise is known, and this clip is at another");
    };
    if movement.direction != Direction::Static {
        let (film, noise) = (unfold_frames(&state.latents, 1)?, unfold_frames(&epsilon, 1)?);
        state.latents = fold_frames(&warp.apply(&film, &noise, sampler.level_after(last)?, movement)?)?;
    }
    Ok(())
}
