//! Clips that stopped before their camera moved, kept so that another movement is made at the price of the later steps.

use directories::ProjectDirs;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where states of clips are kept between renders. It may forget any of them at any time.
pub trait LatentStore: Send + Sync {
    /// The very bytes that were put under this key, if they are still there.
    fn get(&self, key: &str) -> Option<Vec<u8>>;

    /// Keeps bytes under a key. One that cannot be kept costs time later, and nothing else.
    fn put(&self, key: &str, bytes: &[u8]);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLatents;

impl LatentStore for NoLatents {
    fn get(&self, _key: &str) -> Option<Vec<u8>> {
        None
    }

    fn put(&self, _key: &str, _bytes: &[u8]) {}
}

/// A folder of states, each in a file that is named by its key and begins with a checksum. Beyond the limit, those that
/// were not used for longest go.
#[derive(Debug, Clone)]
pub struct LatentFolder {
    folder: PathBuf,
    limit_bytes: u64,
}

/// The ending of a state's file.
const EXTENSION: &str = "state";
/// What the states of the user's cache folder may take together.
const LIMIT: u64 = 2 << 30;
const CHECK: usize = blake3::OUT_LEN;

impl LatentFolder {
    /// In the user's cache folder: `REELBOARD_CACHE`, or what the system has for it. `None` when the user has no home.
    pub fn of_user() -> Option<Self> {
        let folder = match std::env::var_os("REELBOARD_CACHE") {
            Some(path) if !path.is_empty() => std::path::absolute(path).ok()?,
            _ => ProjectDirs::from("", "", "reelboard")?.cache_dir().to_owned(),
        };
        Some(Self::at(folder.join("clips"), LIMIT))
    }

    /// In `folder`, which is made when it is needed.
    pub fn at(folder: impl Into<PathBuf>, limit_bytes: u64) -> Self {
        Self { folder: folder.into(), limit_bytes }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}.{EXTENSION}", blake3::hash(key.as_bytes()).to_hex()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut content = blake3::hash(bytes).as_bytes().to_vec();
        content.extend_from_slice(bytes);
        // Never half a state under its name, whoever else writes the same one.
        let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
        fs::write(&unfinished, content)?;
        fs::rename(&unfinished, path)?;
        self.forget_oldest()
    }

    fn forget_oldest(&self) -> io::Result<()> {
        let mut states: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let (path, metadata) = (entry.path(), entry.metadata()?);
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                states.push((metadata.modified()?, metadata.len(), path));
            }
        }
        states.sort();
        let mut used: u64 = states.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in states {
            if used <= self.limit_bytes {
                break;
            }
            fs::remove_file(path)?;
            used -= bytes;
        }
        Ok(())
    }
}

impl LatentStore for LatentFolder {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut file = File::options().read(true).write(true).open(self.path(key)).ok()?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).ok()?;
        let (check, bytes) = content.split_at_checked(CHECK)?;
        if blake3::hash(bytes).as_bytes() != check {
            log::warn!("{} is damaged; its clip is made from the beginning", self.path(key).display());
            return None;
        }
        // The time of the last change is that of the last use.
        if let Err(error) = file.set_modified(SystemTime::now()) {
            log::debug!("{}: {error}", self.path(key).display());
        }
        content.drain(..CHECK);
        Some(content)
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        if let Err(error) = self.write(&self.path(key), bytes) {
            log::warn!("cannot keep the first part of a clip in {}: {error}", self.folder.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn states_come_back_as_they_were_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = LatentFolder::at(folder.path().join("clips"), 1000);
        assert_eq!(store.get("a"), None);
        store.put("a", b"first");
        store.put("b", b"");
        assert_eq!((store.get("a").as_deref(), store.get("b").as_deref()), (Some(&b"first"[..]), Some(&b""[..])));
        store.put("a", b"second");
        assert_eq!(store.get("a").as_deref(), Some(&b"second"[..]));
        let whole = fs::read(store.path("a")).unwrap();
        for damaged in [&whole[..10], &whole[..whole.len() - 1], &[0; 40]] {
            fs::write(store.path("a"), damaged).unwrap();
            assert_eq!(store.get("a"), None);
        }
    }

    #[test]
    fn beyond_the_limit_those_not_used_for_longest_go() {
        let folder = tempfile::tempdir().unwrap();
        let store = LatentFolder::at(folder.path(), 350);
        for (age, key) in [(30, "a"), (20, "b"), (10, "c")] {
            store.put(key, &[7; 68]);
            let file = File::options().write(true).open(store.path(key)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        assert!(store.get("a").is_some());
        store.put("d", &[7; 68]);
        let kept = ["a", "b", "c", "d"].map(|key| store.get(key).is_some());
        assert_eq!(kept, [true, false, true, true], "b was not used for longest");
    }
}
