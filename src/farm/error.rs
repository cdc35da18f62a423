//! What can go wrong with a run.

use crate::models::{ModelError, RegistryError};
use crate::project::StoreError;
use std::io;
use std::path::{Path, PathBuf};

/// Why something about a run could not be done. Each message names the file or the program and what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum FarmError {
    #[error("{}: nothing was sent to a cluster from here yet; do so with \"reelboard farm slurm\"", project.display())]
    NoRun { project: PathBuf },
    #[error("{} has no run {number}; it has {known}", project.display())]
    UnknownRun { project: PathBuf, number: u32, known: String },
    #[error("{}: {source}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("{}: {problem}; the run was made by another version of Reelboard, or the file was damaged", file.display())]
    Malformed { file: PathBuf, problem: String },
    #[error("{path:?} has characters that no script can hold; give the project a name in UTF-8")]
    Name { path: PathBuf },
    #[error("{option} is set by Reelboard and cannot be passed on to sbatch; {instead}")]
    Reserved { option: String, instead: &'static str },
    #[error(
        "{program} was not found; run this where the cluster's jobs are submitted, or print the scripts with --dry-run"
    )]
    NoProgram { program: &'static str },
    #[error("{program} failed: {message}")]
    Scheduler { program: &'static str, message: String },
    #[error("the {studio} studio lacks {models}; get them with \"reelboard models fetch {ids}\"")]
    LacksModels { studio: String, models: String, ids: String },
    #[error("{work} is waiting or running in run {run} already; wait for it, or end it with \"reelboard farm cancel\"")]
    UnderWay { work: String, run: u32 },
    #[error("scene {number} has no still to set in motion; render it with --stage stills first")]
    NoStill { number: usize },
    #[error("cannot tell whether run {run} is still under way: {problem}")]
    Unknown { run: u32, problem: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl FarmError {
    /// For `map_err` on an operation on `file`.
    pub(super) fn io(file: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let file = file.to_owned();
        move |source| Self::Io { file, source }
    }
}
