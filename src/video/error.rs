//! What can go wrong with a clip.

use crate::models::is_out_of_memory;
use crate::models::weights::WeightsError;
use crate::nets::clip::{ClipInputError, TokenizerError};
use crate::nets::denoise::Denoising;
use crate::nets::samplers::ConfigError;
use crate::progress::Cancelled;

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub enum AnimateError {
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
    #[error(
        "{frames} frames of {width} × {height} are no clip of this model; use multiples of {multiple} pixels and at \
         least one frame"
    )]
    Size {
        /// Frames.
        frames: usize,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// In pixels.
        multiple: usize,
    },
    /// The still has no pixels, or is so thin that CLIP cannot see it.
    #[error(transparent)]
    Still(#[from] ClipInputError),
    /// The camera would start to move before the first step or after the last.
    #[error("the camera cannot move after step {from} of {steps}; choose one from 1 to {steps}")]
    Camera {
        /// After which step it was to move.
        from: usize,
        /// Steps of the clip.
        steps: usize,
    },
    /// The prototypes belong to another set of actions than the UNet.
    #[error("{prototypes} action prototypes for a UNet that tells {actions} actions apart; use those of its release")]
    Actions {
        /// Rows of the prototypes.
        prototypes: usize,
        /// Inputs of the UNet.
        actions: usize,
    },
    /// The state that was put aside belongs to another clip.
    #[error("what was put aside belongs to another clip or other settings; start this one anew")]
    OtherState,
    /// The networks or the device failed.
    #[error("the clip cannot be computed: {0}")]
    Network(#[from] candle_core::Error),
    /// The user asked for a pause: the clip goes on from this.
    #[error("put aside after step {}", .0.done())]
    Paused(Box<Denoising>),
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl AnimateError {
    /// Whether the memory of the device is full.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Network(error) => is_out_of_memory(error),
            Self::Weights(error) => error.is_out_of_memory(),
            _ => false,
        }
    }
}
