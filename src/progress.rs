//! How long work reports its progress and learns that it was cancelled.

/// The work was stopped because the user asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Where a stage reports to. Implemented by the engine's job context and by the command line.
pub trait Progress: Sync {
    /// Reports that `done` of `total` equal steps are finished, and asks whether to go on.
    ///
    /// Stages call this at every step that takes longer than a few milliseconds: a decoded token, a denoise step,
    /// a written frame, a downloaded block. A `total` of 0 means that the end is not known.
    fn step(&self, done: u64, total: u64) -> Result<(), Cancelled>;

    /// Names what the work is doing now, in a few lowercase words ("loading the writer").
    fn stage(&self, _name: &str) {}
}

/// Reports to nobody and never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _done: u64, _total: u64) -> Result<(), Cancelled> {
        Ok(())
    }
}

/// A small picture, 8 bits a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb8 {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Red, green and blue of each pixel, row by row from the top.
    pub pixels: Vec<u8>,
}

/// Why a state has no bytes; its display says it in one line.
pub type StateError = Box<dyn std::error::Error + Send + Sync>;

/// Where a stage that makes pictures reports to. All of it is optional.
pub trait Watch: Progress {
    /// Offers a look at what there is after a step: one picture for a still, all frames for a clip. It is computed when
    /// `frames` is called, in a millisecond or so; an empty list means that these latents have no preview.
    fn preview(&self, _frames: &dyn Fn() -> Vec<Rgb8>) {}

    /// Says what the user should know about a result that is there all the same ("the end of the prompt did not fit").
    fn note(&self, _text: &str) {}

    /// Offers the state after a denoising step, of `done` steps of `total`: bytes from which the work goes on after a pause,
    /// or after the program was killed. Called before the step is reported.
    fn keep(&self, _done: u64, _total: u64, _state: &dyn Fn() -> Result<Vec<u8>, StateError>) {}

    /// What the same models worked out of the same input earlier, if [`Self::remember`] was given it under this key.
    /// The key says what the input is, and all that decides the bytes but the models.
    fn recall(&self, _key: &str) -> Option<Vec<u8>> {
        None
    }

    /// Offers what was worked out, for the next time.
    fn remember(&self, _key: &str, _bytes: &[u8]) {}

    /// Whether the work shall be put aside after this step. The stage then ends with the error that holds its state.
    fn wants_pause(&self) -> bool {
        false
    }
}

impl Watch for Silent {}
