//! The `media/` folder: pictures and clips, named by their content.

use super::{Doing, StoreError, atomic};
use crate::project::MediaName;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A project's media files. Cheap to clone and to send to another thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFolder {
    folder: PathBuf,
    /// Where files are written before they get their names.
    unfinished: PathBuf,
}

impl MediaFolder {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { unfinished: folder.clone(), folder }
    }

    /// The media of the project in `project`, for a program that does not open it: files are added through
    /// `unfinished`, a folder of the same file system, since whoever opens the project removes what is unfinished in its
    /// own folders. Any number of programs may add files at the same time.
    pub fn beside_the_owner(project: &Path, unfinished: PathBuf) -> Self {
        Self { folder: project.join(super::MEDIA), unfinished }
    }

    /// Adds a file and returns its name. `extension` is written without the dot.
    ///
    /// Once this returned, the file survives a power cut. A file that is there already is left as it is, unless its
    /// content was damaged: then the right content takes its place.
    pub fn put(&self, bytes: &[u8], extension: &str) -> Result<MediaName, StoreError> {
        let name = MediaName::of(bytes, &extension.to_ascii_lowercase())?;
        match self.read(&name) {
            Ok(_) => return Ok(name),
            Err(StoreError::MediaMissing { .. } | StoreError::MediaDamaged { .. }) => {}
            Err(other) => return Err(other),
        }
        let path = self.path(&name);
        // Others may put the same picture at the same time.
        let written = atomic::write_from(&self.unfinished, &path, bytes, &atomic::unique_tag());
        written.map_err(Doing::AddingMedia.failed(&path))?;
        Ok(name)
    }

    /// Where a media file lies, whether it is there or not.
    pub fn path(&self, name: &MediaName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// The bytes of a media file, checked against its name.
    pub fn read(&self, name: &MediaName) -> Result<Vec<u8>, StoreError> {
        let file = self.path(name);
        let bytes = fs::read(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::MediaMissing { file: file.clone() },
            _ => Doing::Reading.failed(&file)(error),
        })?;
        if blake3::hash(&bytes).to_hex().as_str() == name.hash() {
            Ok(bytes)
        } else {
            Err(StoreError::MediaDamaged { file })
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}
