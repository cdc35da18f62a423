//! Text to pictures: a reference picture for a character or a place that has none.

use super::diffusion::{PictureError, StableDiffusion};
use crate::nets::denoise::Denoising;
use crate::nets::samplers::SamplerKind;
use crate::progress::Watch;
use image::RgbImage;
use serde::{Deserialize, Serialize};

/// What to draw, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Illustrate {
    /// What the picture shows.
    pub prompt: String,
    /// What it shall not show.
    pub negative: String,
    /// Width and height in pixels, multiples of 8.
    pub size: [u32; 2],
    /// Denoising steps.
    pub steps: usize,
    /// How strongly the picture follows the prompt; 1 or less leaves the negative prompt out.
    pub guidance: f64,
    /// Of the noise; as with PyTorch, seeds that agree in their lower 32 bits give the same picture.
    pub seed: u64,
    /// The way through the noise, with the settings of the model's own scheduler.
    pub sampler: SamplerKind,
}

impl Default for Illustrate {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative: String::new(),
            size: [512, 512],
            steps: 50,
            guidance: 7.5,
            seed: 100,
            sampler: SamplerKind::Ddim,
        }
    }
}

impl StableDiffusion {
    /// Draws a picture, or goes on with one that was put aside.
    ///
    /// The same request, weights, type and kind of device give the same picture. A text that does not fit, and what was
    /// left out of it, is told as a note.
    ///
    /// # Errors
    /// [`PictureError::Cancelled`] within a step of the cancel, [`PictureError::Paused`] with the state to go on from,
    /// and when the request does not fit the model or the device fails.
    pub fn illustrate(
        &self,
        what: &Illustrate,
        start: Option<Denoising>,
        watch: &dyn Watch,
    ) -> Result<RgbImage, PictureError> {
        let recipe = format!("illustrate {what:?} {}", self.dtype().as_str());
        self.make(what, recipe, |_| Ok(|_: &mut _| Ok(())), start, watch)
    }
}
