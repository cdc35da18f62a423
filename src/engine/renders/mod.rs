//! What is to be rendered: which pictures and scenes, in which order, what waits for what, and how all of it survives
//! the end of the program.
//!
//! A client keeps a [`RenderQueue`] and asks it what comes next whenever nothing renders; it submits that one job and
//! tells the queue how it ended. So each job sees the project as it is when it begins, with the references that came
//! before it, and the order can change until then. The queue's record and the states of half-made pictures lie in the
//! project's `renders/` folder ([`RenderFolder`]).

mod folder;
mod item;
mod queue;
mod state_file;

pub use folder::{RecordedRender, RenderFolder, RenderRecord};
pub use item::{FilmNow, RenderItem, RenderPart, RenderStage};
pub use queue::{RenderEnd, RenderEntry, RenderId, RenderQueue, RenderState};
pub use state_file::StateFile;
