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

    /// Gives the film its name, replacing an older one, once its bytes are on the disk. Returns how many there are.
    pub fn finish(mut self) -> Result<u64, ExportError> {
        let synced = File::open(&self.path).and_then(|file| {
            file.sync_all()?;
            file.metadata()
        });
        let bytes = synced.map_err(|source| self.write_error(source))?.len();
        let renamed = fs::rename(&self.path, &self.target);
        renamed.map_err(|source| ExportError::Rename { path: self.target.clone(), source })?;
        self.finished = true;
        Ok(bytes)
    }

    /// What a failed write means for the user.
    pub fn write_error(&self, source: io::Error) -> ExportError {
        let path = self.target.clone();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ExportError::DiskFull { path, bytes_so_far: fs::metadata(&self.path).map_or(0, |found| found.len()) }
            }
            _ => ExportError::Write { path, source },
        }
    }

    /// Tells trouble with the disk from trouble with the codec.
    pub fn codec_error(&self, source: ffmpeg_next::Error) -> ExportError {
        match source {
            ffmpeg_next::Error::Other { errno } => self.write_error(io::Error::from_raw_os_error(errno)),
            source => ExportError::Codec { path: self.target.clone(), source },
        }
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
