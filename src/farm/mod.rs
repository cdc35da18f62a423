//! Rendering on a cluster: the same program is the worker of the scheduler that is there already.
//!
//! A project's folder has one owner at a time, and tasks on other machines cannot be it: the user's window may be open,
//! and several of them run at once. So a task never opens the project. Submitting writes a [`Run`] into the project's
//! folder: a snapshot of the film and a [`Plan`] of stages, each a list of [`Task`]s. A task reads the snapshot and what
//! the stages before it have made, runs the same jobs as everywhere else, adds its pictures to the project's media, and
//! leaves one [`Record`]. Whoever owns the project (the window, or a command that opens it) turns records into edits,
//! once each, by [`intake`].
//!
//! Every file is written whole and under a name that its content or its task decides, so that a task may be killed at any
//! time, and run again or twice.

mod error;
mod intake;
mod plan;
mod run;
mod script;
mod send;
mod slurm;
mod status;
mod task;

pub use error::FarmError;
pub use intake::{Intake, Ready, intake, project_with_records, ready};
pub use plan::{Asked, Plan, StagePlan, Task};
pub use run::{Outcome, Record, Run};
pub use script::{Options, Submission, command_line, quoted, submissions};
pub use send::{check_models, send};
pub use slurm::{JobState, Scheduler, Slurm, SubmittedJob, TaskJob};
pub use status::{RunStatus, TaskState, TaskStatus, status};
pub use task::{Prepared, TaskError, prepare, record_of};
