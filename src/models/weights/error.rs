//! What can go wrong with a checkpoint.

use super::StoredType;
use crate::nets::clip::TokenizerError;
use candle_core::DType;
use std::path::{Path, PathBuf};

/// Why the weights of a network cannot be used. Each is one line that names the file.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum WeightsError {
    /// Nothing of that name.
    #[error("{} is not there; fetch the model again", path.display())]
    Missing { path: PathBuf },
    /// A folder, a socket or the like.
    #[error("{} is not a file; name the file with the weights", path.display())]
    NotAFile { path: PathBuf },
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// Something else than weights.
    #[error("{} is neither safetensors nor a file of PyTorch: {reason}", path.display())]
    Format { path: PathBuf, reason: &'static str },
    /// The format of PyTorch before its version 1.6.
    #[error(
        "{} has the format of PyTorch before 1.6, which is not read; load and save it with a newer PyTorch",
        path.display()
    )]
    OldTorch { path: PathBuf },
    /// The file contradicts itself.
    #[error("{} is damaged: {reason}; fetch it again", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// A pickle names something that could be run.
    #[error(
        "{} asks to call {callable}, which weights do not need; nothing was run; get the model as safetensors instead",
        path.display()
    )]
    Forbidden { path: PathBuf, callable: String },
    /// A configuration that cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Json { path: PathBuf, reason: String },
    /// The files of a tokenizer.
    #[error("{}: {source}", folder.display())]
    Tokenizer { folder: PathBuf, source: TokenizerError },
    /// A folder without weights.
    #[error("{} has no weights; one of these is needed: {}", folder.display(), tried.join(", "))]
    NoWeights { folder: PathBuf, tried: Vec<String> },
    /// Files that a model needs.
    #[error("{} is incomplete; missing: {}", folder.display(), files.join(", "))]
    Incomplete { folder: PathBuf, files: Vec<String> },
    /// The published folder has no such part.
    #[error("{} has no {part}", folder.display())]
    NoPart { folder: PathBuf, part: String },
    /// The index names a file that is not there.
    #[error("{} names {shard}, which is not there; fetch the model again", index.display())]
    MissingShard { index: PathBuf, shard: String },
    /// The index names a tensor that its file does not have.
    #[error("{} says that {key:?} is in {shard}, but it is not; fetch the model again", index.display())]
    NotInShard { index: PathBuf, shard: String, key: String },
    /// The network needs it.
    #[error("{} has no tensor {key:?}; it is incomplete or belongs to another network", path.display())]
    MissingKey { path: PathBuf, key: String },
    /// The network needs another size.
    #[error(
        "{}: {key:?} has the shape {found:?} instead of {expected:?}; it belongs to another network",
        path.display()
    )]
    Shape { path: PathBuf, key: String, expected: Vec<usize>, found: Vec<usize> },
    /// The network would compute nothing but NaN.
    #[error("{}: {key:?} holds NaN or infinite numbers; fetch it again, or use another checkpoint", path.display())]
    NotFinite { path: PathBuf, key: String },
    /// The numbers do not fit into the type in which the network was to run.
    #[error("{}: {key:?} holds numbers that are too large for {}; run it in f32", path.display(), dtype.as_str())]
    TooLarge { path: PathBuf, key: String, dtype: DType },
    /// Whole numbers where fractions are needed, or the other way round.
    #[error("{}: {key:?} is stored as {stored}, which is not read as {}", path.display(), wanted.as_str())]
    Type { path: PathBuf, key: String, stored: StoredType, wanted: DType },
    /// Tensors that the network knows nothing of.
    #[error(
        "{} has {count} tensors that the network does not know ({}); it belongs to another network",
        path.display(), text_of_first(first, *count)
    )]
    Unused { path: PathBuf, count: usize, first: Vec<String> },
    /// The device has no room for them.
    #[error("{}: the memory is full: {message}", path.display())]
    Memory { path: PathBuf, message: String },
    /// The network refused for a reason of its own.
    #[error("{}: {message}", path.display())]
    Network { path: PathBuf, message: String },
}

impl WeightsError {
    /// Whether the memory of the device is full.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Memory { .. })
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            std::io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Io { path, source },
        }
    }

    pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }
}

fn text_of_first(first: &[String], count: usize) -> String {
    let mut text = first.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(", ");
    if count > first.len() {
        text.push_str(", …");
    }
    text
}
