//! A project on disk: `NAME.reel/` with `project.ron`, `journal.ron-lines` and `media/`.
//!
//! Between two saves every edit is one durable line of the journal, so that a killed process or a power cut loses
//! nothing that was acknowledged. A save replaces `project.ron` whole and empties the journal.
//!
//! The order for an edit is: [`Project::apply`], [`ProjectStore::append`], then [`super::History::record`] if it was the
//! user's. Edits that undo and redo return are appended like any other.
//!
//! Every call here waits for the disk (an append takes as long as the disk's flush): in the window, a thread of its own
//! owns the store.

mod atomic;
mod error;
mod journal;
mod media_folder;
mod migrate;
mod opened;

pub use atomic::write_whole;
pub use error::{Doing, StoreError};
pub use media_folder::MediaFolder;
pub use migrate::SCHEMA;
pub use opened::{Mended, Opened};

use super::{Edit, Project};
use journal::{Journal, Replay, Torn, replay};
use migrate::{ProjectFile, read_project_file, write_project_file};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const PROJECT: &str = "project.ron";
const JOURNAL: &str = "journal.ron-lines";
const MEDIA: &str = "media";
const LOCK: &str = ".lock";

/// A project's folder, open for writing. No other process can open it as long as this lives.
#[derive(Debug)]
pub struct ProjectStore {
    folder: PathBuf,
    journal: Journal,
    media: MediaFolder,
    /// The number of the last edit that was appended, over the project's whole life.
    revision: u64,
    saved_revision: u64,
    /// Held, not used: the system lets go of the lock when the process ends, however it ends.
    _lock: File,
}

impl ProjectStore {
    /// Makes the folder of a new project and saves it there.
    ///
    /// The folder may exist if it is empty. Folders above it are made where they are missing.
    pub fn create(folder: &Path, project: &Project) -> Result<Self, StoreError> {
        let creating = |path: &Path| Doing::Creating.failed(path);
        fs::create_dir_all(folder).map_err(creating(folder))?;
        check_unused(folder)?;
        let lock = lock(folder)?;
        // Another process may have made its project in between.
        check_unused(folder)?;
        let media = MediaFolder::new(folder.join(MEDIA));
        fs::create_dir_all(media.folder()).map_err(creating(media.folder()))?;
        let journal_file = folder.join(JOURNAL);
        let (journal, _) = Journal::open(&journal_file).map_err(creating(&journal_file))?;
        // Last, because a folder with this file is a project.
        write_project(folder, 0, project, Doing::Creating)?;
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            atomic::sync_folder(above).map_err(creating(above))?;
        }
        Ok(Self { folder: folder.to_owned(), journal, media, revision: 0, saved_revision: 0, _lock: lock })
    }

    /// Opens a project, and brings back the edits that were made after its last save.
    pub fn open(folder: &Path) -> Result<(Self, Project, Opened), StoreError> {
        let reading = |path: &Path| Doing::Reading.failed(path);
        check_is_project(folder)?;
        let lock = lock(folder)?;
        let (file, mut mended) = read_saved(folder)?;
        let mut project = file.project;
        let media = MediaFolder::new(folder.join(MEDIA));
        fs::create_dir_all(media.folder()).map_err(Doing::Creating.failed(media.folder()))?;
        for place in [folder, media.folder()] {
            if let Err(error) = atomic::remove_unfinished(place) {
                // Nobody reads them: they only take space.
                log::warn!("{}: unfinished files could not be removed: {error}", place.display());
            }
        }
        let journal_file = folder.join(JOURNAL);
        let (mut journal, lines) = Journal::open(&journal_file).map_err(reading(&journal_file))?;
        if lines.is_empty() {
            // The file itself may be new.
            atomic::sync_folder(folder).map_err(reading(folder))?;
        }
        let Replay { revision, edits, good_len, torn } = replay(&lines, file.schema, file.revision, &mut project);
        if torn != Torn::Nothing {
            let rest = &lines[usize::try_from(good_len).expect("the journal is in memory")..];
            let kept_in = matches!(torn, Torn::From { .. }).then(|| keep_aside(folder, rest)).transpose()?;
            journal.truncate(good_len).map_err(Doing::Saving.failed(&journal_file))?;
            mended.extend(opened::about_journal(torn, kept_in));
        }
        let mut store =
            Self { folder: folder.to_owned(), journal, media, revision, saved_revision: file.revision, _lock: lock };
        if file.schema != SCHEMA {
            // New edits must not follow those of another schema in the journal.
            store.save(&project)?;
        }
        Ok((store, project, Opened { revision, replayed: edits, mended }))
    }

    /// Makes an edit that was just applied to the project durable. Once this returned `Ok`, it survives a power cut.
    ///
    /// After an error the edit still counts as made: the next append or save that succeeds writes it too.
    pub fn append(&mut self, edit: &Edit) -> Result<(), StoreError> {
        self.revision += 1;
        let appended = self.journal.append(self.revision, edit);
        appended.map_err(|error| Doing::Journaling.failed(&self.folder.join(JOURNAL))(error))
    }

    /// Saves `project`, which must be what all appended edits have made of it.
    ///
    /// After an error the folder still holds the project as it was, with every edit that was acknowledged.
    pub fn save(&mut self, project: &Project) -> Result<(), StoreError> {
        write_project(&self.folder, self.revision, project, Doing::Saving)?;
        self.saved_revision = self.revision;
        if let Err(error) = self.journal.truncate(0) {
            // The project is safe, and replaying skips what it holds already.
            log::warn!("{}: could not be emptied after a save: {error}", self.folder.join(JOURNAL).display());
        }
        Ok(())
    }

    /// The project's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The project's media files.
    pub fn media(&self) -> MediaFolder {
        self.media.clone()
    }

    /// How many edits were appended over the project's whole life.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many edits were appended since the last save.
    pub fn unsaved_edits(&self) -> u64 {
        self.revision - self.saved_revision
    }
}

/// Reads a project with all acknowledged edits, without locking or writing anything: another process may have it open.
pub fn read_project(folder: &Path) -> Result<Project, StoreError> {
    check_is_project(folder)?;
    let project_file = folder.join(PROJECT);
    loop {
        let (file, mut notes) = read_saved(folder)?;
        let journal_file = folder.join(JOURNAL);
        let lines = match fs::read(&journal_file) {
            Ok(lines) => lines,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Doing::Reading.failed(&journal_file)(error)),
        };
        // A save in between has emptied the journal that belongs to what was read.
        let (again, _) = read_saved(folder)?;
        if again.revision != file.revision {
            continue;
        }
        let mut project = file.project;
        let replay = replay(&lines, file.schema, file.revision, &mut project);
        // The last line may be unfinished because it is being written now.
        if replay.torn != Torn::LastLine {
            notes.extend(opened::about_journal(replay.torn, None));
        }
        for note in notes {
            log::warn!("{}: {note}", project_file.display());
        }
        return Ok(project);
    }
}

/// Writes `project` into a folder, for [`read_project`] alone: there is no lock, no journal and no media.
///
/// # Errors
/// When the disk refuses.
pub fn write_snapshot(folder: &Path, project: &Project) -> Result<(), StoreError> {
    write_project(folder, 0, project, Doing::Creating)
}

/// Whether a folder looks like a project: it has a `project.ron`.
pub fn is_project(folder: &Path) -> bool {
    folder.join(PROJECT).is_file()
}

fn check_is_project(folder: &Path) -> Result<(), StoreError> {
    if is_project(folder) {
        return Ok(());
    }
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing { folder: folder.to_owned() }),
        Err(error) => Err(Doing::Reading.failed(folder)(error)),
        Ok(_) => match fs::metadata(folder.join(PROJECT)) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Doing::Reading.failed(folder)(error)),
            _ => Err(StoreError::NotAProject { folder: folder.to_owned() }),
        },
    }
}

/// Refuses a folder for a new project if it holds anything but what a killed [`ProjectStore::create`] left.
fn check_unused(folder: &Path) -> Result<(), StoreError> {
    if is_project(folder) {
        return Err(StoreError::Exists { folder: folder.to_owned() });
    }
    for entry in fs::read_dir(folder).map_err(Doing::Creating.failed(folder))? {
        let path = entry.map_err(Doing::Creating.failed(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = match &*name {
            LOCK => true,
            JOURNAL => fs::metadata(&path).is_ok_and(|file| file.len() == 0),
            MEDIA => fs::read_dir(&path).is_ok_and(|mut files| files.next().is_none()),
            other => other.starts_with(PROJECT) && other.ends_with(atomic::UNFINISHED),
        };
        if !ours {
            return Err(StoreError::NotEmpty { folder: folder.to_owned() });
        }
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let failed = Doing::Locking.failed(folder);
    let file = match File::options().write(true).create(true).truncate(false).open(folder.join(LOCK)) {
        Ok(file) => file,
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn read_saved(folder: &Path) -> Result<(ProjectFile, Vec<Mended>), StoreError> {
    let path = folder.join(PROJECT);
    let bytes = fs::read(&path).map_err(Doing::Reading.failed(&path))?;
    let text = migrate::text(bytes, &path)?;
    let mut file = read_project_file(&text, &path)?;
    match opened::mend(&mut file.project) {
        Ok(mended) => Ok((file, mended)),
        Err(problem) => Err(StoreError::Inconsistent { file: path, problem }),
    }
}

fn write_project(folder: &Path, revision: u64, project: &Project, doing: Doing) -> Result<(), StoreError> {
    let path = folder.join(PROJECT);
    let text = write_project_file(&ProjectFile { schema: SCHEMA, revision, project: project.clone() });
    atomic::write(&path, text.as_bytes(), "").map_err(doing.failed(&path))
}

/// Keeps the part of a journal that could not be replayed, for someone who can. The same part gets the same name, so
/// that a crash right after this does no harm.
fn keep_aside(folder: &Path, rest: &[u8]) -> Result<PathBuf, StoreError> {
    let hash = blake3::hash(rest).to_hex();
    let path = folder.join(format!("journal.damaged-{}.ron-lines", &hash[..8]));
    atomic::write(&path, rest, "").map_err(Doing::Saving.failed(&path))?;
    Ok(path)
}
