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
