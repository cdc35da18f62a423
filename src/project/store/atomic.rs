//! Files that are either whole or not there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The end of the name of a file that is still being written. Nobody reads such a file.
pub(super) const UNFINISHED: &str = ".unfinished";

/// Writes `path` through the file `path.TAG.unfinished` beside it, so that a crash leaves the old content or the new.
///
/// After it returned, the new content survives a power cut. `tag` keeps writers of the same file apart.
pub(super) fn write(path: &Path, bytes: &[u8], tag: &str) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(tag);
    unfinished.push(UNFINISHED);
    let unfinished = Path::new(&unfinished);
    let written = write_through(unfinished, bytes).and_then(|()| fs::rename(unfinished, path));
    if let Err(error) = written {
        // On a full disk every byte counts; if even this fails, opening the project removes it.
        let _ = fs::remove_file(unfinished);
        return Err(error);
    }
    sync_folder(path.parent().unwrap_or(Path::new(".")))
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
