//! The folder with the model files: what is there, and whether it may be used.

use super::stamp::{Announced, HashError, Stamp, sha256};
use super::{FileSpec, Hub, ModelError, ModelSpec, Pip, Source};
use crate::progress::Progress;
use directories::ProjectDirs;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The folder with the model files, one folder inside for each model.
#[derive(Debug, Clone)]
pub struct ModelCache {
    root: PathBuf,
    pub(super) hub: Hub,
    pub(super) pip: Option<Pip>,
}

/// What is known about one file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum FileStatus {
    /// Here, and its checksum was right when it was last written.
    Ready,
    /// Part of the program.
    Builtin,
    /// Here with the right length, but changed or never checked.
    Unverified,
    /// Not here, but for so many bytes of an unfinished download.
    Missing { fetched_bytes: u64 },
    /// Here, but not what it should be.
    Damaged { reason: String },
}

/// What is known about a model without reading its files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum ModelStatus {
    /// Everything is here and checked, or part of the program.
    Ready,
    /// Everything is here; something has changed since it was checked, or was never checked.
    Unverified,
    /// Something is missing; so many bytes of all are already here.
    Missing { fetched_bytes: u64 },
    /// A file is not what it should be.
    Damaged { file: String, reason: String },
}

/// Where the checksum that a file is held to comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// `models.ron` has it.
    Listed,
    /// The hub announced it when the file was fetched; since then it is pinned on this machine.
    Announced,
    /// Nobody has said what the file should be.
    None,
}

/// Where models are kept: `REELBOARD_MODELS`, or `models` in the user's data folder.
pub fn default_folder() -> Option<PathBuf> {
    match std::env::var_os("REELBOARD_MODELS") {
        Some(path) if !path.is_empty() => std::path::absolute(path).ok(),
        _ => Some(ProjectDirs::from("", "", "reelboard")?.data_dir().join("models")),
    }
}

/// A file of a model and the notes beside it.
pub(super) struct Place {
    /// The file itself: the fetched one, or where the user's own lies.
    pub file: PathBuf,
    /// Where a fetched one goes.
    pub fetched: PathBuf,
    pub stamp: PathBuf,
    pub lock: PathBuf,
    /// What came from the hub so far.
    pub partial: PathBuf,
    /// Folder for wheels and what was joined from them so far.
    pub wheels: PathBuf,
}

impl ModelCache {
    /// The user's cache; see [`default_folder`]. Nothing is created before something is fetched.
    pub fn open() -> Result<Self, ModelError> {
        Ok(Self::at(default_folder().ok_or(ModelError::NoFolder)?))
    }

    /// A cache in `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { root: folder.into(), hub: Hub::from_env(), pip: None }
    }

    /// Fetches from this hub.
    pub fn with_hub(self, hub: Hub) -> Self {
        Self { hub, ..self }
    }

    /// Fetches wheels with this pip.
    pub fn with_pip(self, pip: Pip) -> Self {
        Self { pip: Some(pip), ..self }
    }

    /// Where the models lie.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// What is known about `model` without reading its files.
    pub fn status(&self, model: &ModelSpec) -> ModelStatus {
        let mut fetched_bytes = 0;
        let (mut missing, mut unverified) = (false, false);
        for file in &model.files {
            match self.file_status(model, file) {
                FileStatus::Damaged { reason } => return ModelStatus::Damaged { file: file.name.clone(), reason },
                FileStatus::Missing { fetched_bytes: partial } => {
                    missing = true;
                    fetched_bytes += partial;
                }
                FileStatus::Unverified => {
                    unverified = true;
                    fetched_bytes += file.expected_bytes().unwrap_or(0);
                }
                FileStatus::Ready => fetched_bytes += file.expected_bytes().unwrap_or(0),
                FileStatus::Builtin => {}
            }
        }
        match (missing, unverified) {
            (true, _) => ModelStatus::Missing { fetched_bytes },
            (false, true) => ModelStatus::Unverified,
            (false, false) => ModelStatus::Ready,
        }
    }

    /// What is known about one file without reading it.
    pub fn file_status(&self, model: &ModelSpec, file: &FileSpec) -> FileStatus {
        if file.is_builtin() {
            return FileStatus::Builtin;
        }
        let place = self.place(model, file);
        let metadata = match std::fs::metadata(&place.file) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return FileStatus::Damaged { reason: "it is not a file".to_owned() },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return FileStatus::Missing { fetched_bytes: place.fetched_bytes() };
            }
            Err(error) => return FileStatus::Damaged { reason: error.to_string() },
        };
        if let Some(size_bytes) = file.size_bytes
            && metadata.len() != size_bytes
        {
            return FileStatus::Damaged { reason: format!("{} bytes instead of {size_bytes}", metadata.len()) };
        }
        match Stamp::read(&place.stamp, &metadata) {
            None => FileStatus::Unverified,
            Some(stamp) => match wrong_hash(file, stamp.announced.as_ref(), &stamp.sha256) {
                None => FileStatus::Ready,
                Some(reason) => FileStatus::Damaged { reason },
            },
        }
    }

    /// Where the checksum that a file is held to comes from.
    pub fn checksum(&self, model: &ModelSpec, file: &FileSpec) -> Checksum {
        match &file.sha256 {
            Some(_) => Checksum::Listed,
            None if Stamp::announced(&self.place(model, file).stamp).is_some() => Checksum::Announced,
            None => Checksum::None,
        }
    }

    /// The folder in which the model's files lie by their names, for
    /// [`ModelFolder`](super::weights::ModelFolder); nothing is looked at. Files of the user's own may lie elsewhere, if
    /// they do so all together.
    ///
    /// # Errors
    /// When the files lie in several folders.
    pub fn model_folder(&self, model: &ModelSpec) -> Result<PathBuf, ModelError> {
        let mut folders = model.files.iter().map(|file| {
            let path = self.place(model, file).file;
            // The name may have folders of its own.
            let folder = path.ancestors().nth(Path::new(&file.name).components().count()).map(Path::to_owned);
            folder.filter(|folder| folder.join(&file.name) == path).ok_or(path)
        });
        let scattered = |path| ModelError::Scattered { model: model.id.clone(), path };
        let first = folders.next().unwrap_or_else(|| Ok(self.root.join(&model.id))).map_err(scattered)?;
        for folder in folders {
            let folder = folder.map_err(scattered)?;
            if folder != first {
                return Err(scattered(folder));
            }
        }
        Ok(first)
    }

    /// [`Self::model_folder`], with every file there and checked: what stages open models with. Files that are made on
    /// this machine are made; nothing is fetched.
    ///
    /// # Errors
    /// When a file is missing or damaged, and as for [`Self::model_folder`].
    pub fn checked_folder(&self, model: &ModelSpec, progress: &dyn Progress) -> Result<PathBuf, ModelError> {
        for file in &model.files {
            if file.made_of().is_some() {
                self.make_file(model, file, progress)?;
            } else {
                self.checked_path(model, &file.name, progress)?;
            }
        }
        self.model_folder(model)
    }

    /// Where a checked file lies. Fails when it is missing, damaged or unchecked; see [`Self::checked_path`].
    pub fn path(&self, model: &ModelSpec, file_name: &str) -> Result<PathBuf, ModelError> {
        let file = find_file(model, file_name)?;
        let path = self.place(model, file).file;
        let id = model.id.clone();
        match self.file_status(model, file) {
            FileStatus::Ready => Ok(path),
            FileStatus::Builtin => Err(ModelError::Builtin { model: id, file: file_name.to_owned() }),
            FileStatus::Unverified => Err(ModelError::Unverified { model: id, path }),
            FileStatus::Missing { .. } => Err(ModelError::Missing { model: id, path }),
            FileStatus::Damaged { reason } => Err(ModelError::Damaged { model: id, path, reason }),
        }
    }

    /// Like [`Self::path`], but reads and checks a file first that nobody has checked: what stages open models with.
    pub fn checked_path(
        &self,
        model: &ModelSpec,
        file_name: &str,
        progress: &dyn Progress,
    ) -> Result<PathBuf, ModelError> {
        let file = find_file(model, file_name)?;
        if self.file_status(model, file) == FileStatus::Unverified {
            self.verify_file(model, file, progress)?;
        }
        self.path(model, file_name)
    }

    /// The checksum of a file that is here and checked, also where the list gives none: what a recipe records.
    pub fn sha256(&self, model: &ModelSpec, file_name: &str) -> Option<String> {
        let file = find_file(model, file_name).ok()?;
        if file.is_builtin() {
            return file.sha256.clone();
        }
        let place = self.place(model, file);
        let stamp = Stamp::read(&place.stamp, &std::fs::metadata(&place.file).ok()?)?;
        wrong_hash(file, stamp.announced.as_ref(), &stamp.sha256).is_none().then_some(stamp.sha256)
    }

    /// Reads every file of `model` and compares its checksum. Reports bytes.
    pub fn verify(&self, model: &ModelSpec, progress: &dyn Progress) -> Result<(), ModelError> {
        for file in model.files.iter().filter(|file| !file.is_builtin()) {
            self.verify_file(model, file, progress)?;
        }
        Ok(())
    }

    pub(super) fn verify_file(
        &self,
        model: &ModelSpec,
        file: &FileSpec,
        progress: &dyn Progress,
    ) -> Result<(), ModelError> {
        let place = self.place(model, file);
        let id = model.id.clone();
        let metadata = match std::fs::metadata(&place.file) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ModelError::Missing { model: id, path: place.file });
            }
            Err(error) => return Err(ModelError::io(&place.file)(error)),
        };
        if let Some(size_bytes) = file.size_bytes
            && metadata.len() != size_bytes
        {
            let reason = format!("{} bytes instead of {size_bytes}", metadata.len());
            return Err(ModelError::Damaged { model: id, path: place.file, reason });
        }
        progress.stage(&format!("checking {}", model.title));
        let sha256 = sha256(&place.file, progress).map_err(|error| match error {
            HashError::Cancelled(cancelled) => cancelled.into(),
            HashError::Io(error) => ModelError::io(&place.file)(error),
        })?;
        // Also a wrong checksum is noted: the file stays damaged until it changes, without reading it again.
        place.create_folder().map_err(ModelError::io(&place.stamp))?;
        let announced = Stamp::announced(&place.stamp);
        let stamp = Stamp::of(&metadata, sha256.clone(), announced.clone());
        stamp.write(&place.stamp).map_err(ModelError::io(&place.stamp))?;
        match wrong_hash(file, announced.as_ref(), &sha256) {
            None => Ok(()),
            Some(reason) => Err(ModelError::Damaged { model: id, path: place.file, reason }),
        }
    }

    /// Deletes what was fetched of `model`, also unfinished downloads; never a file of the user's own.
    /// Returns the number of bytes freed.
    pub fn remove(&self, model: &ModelSpec) -> Result<u64, ModelError> {
        let folder = self.root.join(&model.id);
        if !folder.exists() {
            return Ok(0);
        }
        let mut locks = Vec::new();
        for file in &model.files {
            let place = self.place(model, file);
            if place.lock.exists() {
                match place.try_lock().map_err(ModelError::io(&place.lock))? {
                    Some(lock) => locks.push(lock),
                    None => return Err(ModelError::Busy { model: model.id.clone() }),
                }
            }
        }
        let freed_bytes = folder_bytes(&folder);
        std::fs::remove_dir_all(&folder).map_err(ModelError::io(&folder))?;
        Ok(freed_bytes)
    }

    pub(super) fn place(&self, model: &ModelSpec, file: &FileSpec) -> Place {
        let cached = self.root.join(&model.id).join(&file.name);
        let name = cached.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = |ending: &str| cached.with_file_name(format!(".{name}.{ending}"));
        // An unfinished download belongs to one content only: another checksum starts afresh.
        let content = file.sha256.as_deref().map_or("", |sha256| sha256.get(..8).unwrap_or(sha256));
        let own = file.sources.iter().find_map(|source| match source {
            Source::Local { path } if !cached.exists() && path.exists() => Some(path.clone()),
            _ => None,
        });
        Place {
            stamp: beside("verified"),
            lock: beside("lock"),
            partial: beside(&format!("{content}.partial")),
            wheels: beside(&format!("{content}.wheels")),
            file: own.unwrap_or_else(|| cached.clone()),
            fetched: cached,
        }
    }
}

impl Place {
    pub fn create_folder(&self) -> io::Result<()> {
        std::fs::create_dir_all(self.lock.parent().unwrap_or(Path::new(".")))
    }

    /// Holds the file against other processes until dropped; `None` when one has it.
    pub fn try_lock(&self) -> io::Result<Option<File>> {
        let lock = File::options().create(true).truncate(false).write(true).open(&self.lock)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// How much of an unfinished download is here.
    fn fetched_bytes(&self) -> u64 {
        let joined = std::fs::metadata(self.wheels.join(super::wheels::JOINED));
        let partial = std::fs::metadata(&self.partial);
        joined.map_or(0, |file| file.len()).max(partial.map_or(0, |file| file.len()))
    }
}

fn find_file<'a>(model: &'a ModelSpec, name: &str) -> Result<&'a FileSpec, ModelError> {
    model
        .files
        .iter()
        .find(|file| file.name == name)
        .ok_or_else(|| ModelError::UnknownFile { model: model.id.clone(), file: name.to_owned() })
}

fn wrong_hash(file: &FileSpec, announced: Option<&Announced>, got: &str) -> Option<String> {
    let expected = file.sha256.as_deref().or(announced.map(|announced| announced.sha256.as_str()))?;
    (expected != got).then(|| format!("wrong checksum, expected sha256 {expected}, got {got}"))
}

/// The length of all files below `folder`. What cannot be read counts nothing.
pub(super) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
