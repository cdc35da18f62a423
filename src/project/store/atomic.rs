//! Files that are either whole or not there.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher as _;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The end of the name of a file that is still being written. Nobody reads such a file.
pub(super) const UNFINISHED: &str = ".unfinished";

/// Writes `path` through the file `path.TAG.unfinished` beside it, so that a crash leaves the old content or the new.
///
/// After it returned, the new content survives a power cut. `tag` keeps writers of the same file apart.
pub(super) fn write(path: &Path, bytes: &[u8], tag: &str) -> io::Result<()> {
    write_from(path.parent().unwrap_or(Path::new(".")), path, bytes, tag)
}

/// Writes `path` whole, beside any number of other writers of the same path: threads, processes, machines that share a
/// folder. The last one wins.
///
/// # Errors
/// When the disk refuses; the old content is then still there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, &unique_tag())
}

/// As [`write`], with the unfinished file in `folder`, which is on the same file system.
pub(super) fn write_from(folder: &Path, path: &Path, bytes: &[u8], tag: &str) -> io::Result<()> {
    let mut unfinished = path.file_name().unwrap_or_default().to_owned();
    unfinished.push(tag);
    unfinished.push(UNFINISHED);
    let unfinished = folder.join(unfinished);
    let written = write_through(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        // On a full disk every byte counts; if even this fails, opening the project removes it.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// A tag that no other writer has, in this process or in another one, on whatever machine.
pub(super) fn unique_tag() -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static WRITES: AtomicU64 = AtomicU64::new(0);
    // The keys of a `RandomState` come from the system's source of chance.
    let process = PROCESS.get_or_init(|| RandomState::new().hash_one(0));
    format!(".{process:016x}-{}", WRITES.fetch_add(1, Relaxed))
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names in a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows keeps names safe by itself and cannot open a folder as a file.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes what a killed process left unfinished in `folder`.
pub(super) fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(UNFINISHED) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
