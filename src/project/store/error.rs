//! What can go wrong between a project and its folder.

use crate::project::{EditError, MediaNameError};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a project could not be opened, saved or read. Each message names the file and what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error("{folder}: there is no such project; check the name, or make a new project")]
    Missing { folder: PathBuf },
    #[error("{folder}: not a Reelboard project (a project is a folder with a project.ron in it)")]
    NotAProject { folder: PathBuf },
    #[error("{folder}: a project is there already; open it, or choose another name")]
    Exists { folder: PathBuf },
    #[error("{folder}: the folder is not empty; choose another name for the new project")]
    NotEmpty { folder: PathBuf },
    #[error("{folder}: the project is open in another Reelboard; close it there first")]
    Locked { folder: PathBuf },
    #[error(
        "{file}: written by a newer Reelboard (schema {found}, this one knows up to {known}); update Reelboard to open it"
    )]
    NewerSchema { file: PathBuf, found: u32, known: u32 },
    #[error("{file}: no Reelboard wrote schema {found} (this one writes {known}); put a copy of the file back")]
    UnknownSchema { file: PathBuf, found: u32, known: u32 },
    #[error("{file}, line {line}, column {column}: {problem}; mend it in a text editor or put a copy of the file back")]
    Malformed { file: PathBuf, line: usize, column: usize, problem: String },
    #[error("{file}: {problem}; mend it in a text editor or put a copy of the file back")]
    Inconsistent { file: PathBuf, problem: EditError },
    #[error("{file}: no space left on the disk; {}", .doing.without_space())]
    NoSpace { file: PathBuf, doing: Doing },
    #[error("{file}: no permission {doing}; change the permissions, or copy the project to a folder of yours")]
    Permission { file: PathBuf, doing: Doing },
    #[error("{file}: failed {doing}: {source}")]
    Io { file: PathBuf, doing: Doing, source: io::Error },
    #[error(transparent)]
    MediaName(#[from] MediaNameError),
    #[error("{file}: the media file is missing; put it back, or choose or make the picture or clip again")]
    MediaMissing { file: PathBuf },
    #[error(
        "{file}: the media file is damaged (its content no longer matches its name); put a copy back, or choose or make the picture or clip again"
    )]
    MediaDamaged { file: PathBuf },
}

/// What the store was doing when the system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "self-evident")]
pub enum Doing {
    Locking,
    Reading,
    Creating,
    Saving,
    Journaling,
    AddingMedia,
}

impl Doing {
    /// What a full disk did not harm, and what to do.
    fn without_space(self) -> &'static str {
        match self {
            Self::Locking | Self::Reading => "free some space and open the project again",
            Self::Creating => "free some space and make the project again",
            Self::Saving => "the project is unchanged, free some space and save again",
            Self::Journaling => {
                "what was saved so far is unharmed, free some space and save to keep the latest edits too"
            }
            Self::AddingMedia => "the project is unchanged, free some space and add the picture again",
        }
    }

    /// For `map_err` on an operation on `file`.
    pub(super) fn failed(self, file: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
        let file = file.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::NoSpace { file, doing: self },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::Permission { file, doing: self }
            }
            _ => StoreError::Io { file, doing: self, source },
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Locking => "to write in it",
            Self::Reading => "to read it",
            Self::Creating => "to create it",
            Self::Saving => "to save it",
            Self::Journaling => "to add an edit to it",
            Self::AddingMedia => "to add it",
        })
    }
}
