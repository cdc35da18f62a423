//! A film while it is being written: a file beside the target that takes its name only when it is complete.

use super::ExportError;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// `film.mp4.part` beside `film.mp4`. Dropping it removes the file, unless [`PartialFile::finish`] renamed it.
///
/// The name is always the same, so that a killed export leaves at most one such file, which the next one overwrites.
/// A lock keeps two exports off the same film.
pub(super) struct PartialFile {
    target: PathBuf,
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
    finished: bool,
}

impl PartialFile {
    /// Makes sure that `target` can be written, and reserves it.
    pub fn create(target: &Path) -> Result<Self, ExportError> {
        let invalid = || ExportError::TargetNotAFile { path: target.to_owned() };
        let mut name = target.file_name().ok_or_else(invalid)?.to_owned();
        if fs::metadata(target).is_ok_and(|found| !found.is_file()) {
            return Err(invalid());
        }
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(ExportError::FolderMissing { folder: folder.to_owned() });
        }
        name.push(".part");
        let path = folder.join(name);
        let create = |source| ExportError::Create { folder: folder.to_owned(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(create)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ExportError::Busy { path: target.to_owned() }),
            // Some network file systems have no locks. Films are written there all the same.
            Err(TryLockError::Error(error)) => log::debug!("{} cannot be locked: {error}", path.display()),
        }
        Ok(Self { target: target.to_owned(), path, _lock: lock, finished: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on disk so far.
    pub fn size_bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |found| found.len())
    }

    /// Gives the film its name, replacing an older one, once its bytes are on the disk. Returns how many there are.
    pub fn finish(mut self) -> io::Result<u64> {
        let bytes = {
            let file = File::open(&self.path)?;
            file.sync_all()?;
            file.metadata()?.len()
        };
        fs::rename(&self.path, &self.target)?;
        self.finished = true;
        Ok(bytes)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("cannot remove the unfinished film {}: {error}", self.path.display());
        }
    }
}
