//! Jobs and the threads that run them.
//!
//! A client (the window or the command line) submits a [`JobSpec`], an owned snapshot of everything the job needs, and
//! drains [`JobEvent`]s. Work is split over a few named threads, the [`Lane`]s, so that a long job of one kind never
//! holds up another: one lane owns all models and their memory, one draws pictures, one encodes films, one downloads.

mod animate;
mod cache;
mod clip;
mod context;
mod handle;
mod job;
mod lane;
mod pace;
mod pictures;
mod placing;
pub mod renders;
mod run;
mod saver;
mod shown;
mod studio;

pub use cache::{Cache, CacheError, CacheUsage};
pub use clip::Clip;
pub use context::JobCx;
pub use handle::{Engine, EngineOptions, QueueFull, RunError};
pub use job::{
    ClipJob, DecodeJob, DrawJob, DrawTarget, ExportJob, FollowJob, IllustrateJob, JobEvent, JobId, JobOutput, JobSpec,
    JobStatus, Lane, PhotoJob, ReviseJob, TakeJob, WriteJob,
};
pub use pictures::{PictureError, Pictures};
pub use renders::{
    FilmNow, RenderEnd, RenderEntry, RenderFolder, RenderId, RenderItem, RenderPart, RenderQueue, RenderRecord,
    RenderStage, RenderState, StateFile,
};
pub use saver::{Saver, SaverEvent};
pub use studio::{StudioModels, illustration_seed};
