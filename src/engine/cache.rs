//! Results that are worth keeping from run to run: bytes under a key, in the user's cache folder.

use crate::models::parse_bytes;
use directories::ProjectDirs;
use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Space that the cache may take, unless `REELBOARD_CACHE_LIMIT` says otherwise.
pub const DEFAULT_LIMIT_BYTES: u64 = 4_000_000_000;
const MAGIC: &[u8; 8] = b"RBCACHE1";
const HEADER: usize = 8 + 32;
const ENTRY: &str = "entry";

/// The cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// There is no folder for it.
    #[error("there is no folder for the cache: the user has no home; set REELBOARD_CACHE to one")]
    NoFolder,
    /// The limit is no size.
    #[error("REELBOARD_CACHE_LIMIT is \"{0}\", which is no size; write 4GB, 500MB or 0 for none")]
    Limit(String),
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheUsage {
    /// Entries.
    pub entries: u64,
    /// Their size.
    pub bytes: u64,
}

/// A folder of results, each in a file named by its key's BLAKE3 hash and guarded by that of its content. What is used
/// least recently goes first when there is no more room.
///
/// A result that cannot be read or written is worked out again: nothing here can fail a job.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    limit_bytes: u64,
    /// Bytes that are in use, once they were counted. Other programs may add to them; every clean-up counts anew.
    used: Mutex<Option<u64>>,
}

impl Cache {
    /// The user's cache: in `REELBOARD_CACHE`, or in the user's cache folder; of the size in `REELBOARD_CACHE_LIMIT`, or
    /// [`DEFAULT_LIMIT_BYTES`]. Nothing is created before something is put.
    ///
    /// # Errors
    /// When there is no folder, or the limit is no size.
    pub fn open() -> Result<Self, CacheError> {
        let own = std::env::var_os("REELBOARD_CACHE").filter(|path| !path.is_empty()).map(PathBuf::from);
        let of_user = || Some(ProjectDirs::from("", "", "reelboard")?.cache_dir().join("features"));
        let folder = own.or_else(of_user).ok_or(CacheError::NoFolder)?;
        let limit = match std::env::var("REELBOARD_CACHE_LIMIT") {
            Ok(text) if !text.trim().is_empty() => parse_bytes(&text).ok_or(CacheError::Limit(text))?,
            _ => DEFAULT_LIMIT_BYTES,
        };
        Ok(Self::at(folder, limit))
    }

    /// [`Self::open`] for an engine: one without a home works everything out each time.
    ///
    /// # Errors
    /// When the limit is no size.
    pub fn of_user() -> Result<Option<Self>, CacheError> {
        match Self::open() {
            Err(CacheError::NoFolder) => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// A cache in `folder` that takes at most so many bytes; 0 keeps nothing.
    pub fn at(folder: impl Into<PathBuf>, limit_bytes: u64) -> Self {
        Self { folder: folder.into(), limit_bytes, used: Mutex::new(None) }
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The most that it takes.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// The bytes that were put under `key`, unless they had to go. Damaged ones are dropped, and said in the log.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path(key);
        let mut bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    log::warn!("{}: {error}; it is worked out again", path.display());
                }
                return None;
            }
        };
        let is_whole = bytes.len() >= HEADER
            && bytes.starts_with(MAGIC)
            && bytes[8..HEADER] == *blake3::hash(&bytes[HEADER..]).as_bytes();
        if !is_whole {
            log::warn!("{}: damaged; it is dropped and worked out again", path.display());
            // Another program may have dropped it, too.
            let _ = fs::remove_file(&path);
            return None;
        }
        // What is used now is the last to go. On a disk that does not take the time it goes by its age.
        let touched = File::options().append(true).open(&path);
        let _ = touched.and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())));
        Some(bytes.split_off(HEADER))
    }

    /// Keeps bytes under `key`.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let size = (HEADER + bytes.len()) as u64;
        if size > self.limit_bytes {
            return;
        }
        if let Err(error) = self.write(key, bytes) {
            log::warn!("{}: cannot be written: {error}", self.path(key).display());
            return;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let total = match *used {
            Some(known) => known + size,
            None => self.entries().map_or(size, |entries| entries.iter().map(|entry| entry.bytes).sum()),
        };
        *used = Some(if total > self.limit_bytes { self.make_room() } else { total });
    }

    fn write(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        // Two threads may put the same result at the same time, and so may two programs.
        static PUTS: AtomicU64 = AtomicU64::new(0);
        let path = self.path(key);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let unfinished = path.with_extension(format!("{}-{}", std::process::id(), PUTS.fetch_add(1, Relaxed)));
        let content = [MAGIC, &blake3::hash(bytes).as_bytes()[..], bytes].concat();
        let written = fs::write(&unfinished, content).and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            // On a full disk every byte counts.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Removes what was used least recently, down to nine tenths of the limit. Returns what is left.
    fn make_room(&self) -> u64 {
        let mut entries = self.entries().unwrap_or_default();
        entries.sort_by_key(|entry| entry.used);
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries {
            if total <= self.limit_bytes / 10 * 9 {
                break;
            }
            if fs::remove_file(&entry.path).is_ok() {
                total -= entry.bytes;
            }
        }
        total
    }

    /// What is in it.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn usage(&self) -> Result<CacheUsage, CacheError> {
        let entries = self.entries().map_err(|source| CacheError::Io { path: self.folder.clone(), source })?;
        Ok(CacheUsage { entries: entries.len() as u64, bytes: entries.iter().map(|entry| entry.bytes).sum() })
    }

    /// Removes everything, and returns what that was.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear(&self) -> Result<CacheUsage, CacheError> {
        let usage = self.usage()?;
        for entry in self.entries().unwrap_or_default() {
            fs::remove_file(&entry.path).map_err(|source| CacheError::Io { path: entry.path.clone(), source })?;
            // Folders that hold something else stay.
            let _ = entry.path.parent().map(fs::remove_dir);
        }
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Some(0);
        Ok(usage)
    }

    fn path(&self, key: &str) -> PathBuf {
        let hash = blake3::hash(key.as_bytes()).to_hex();
        self.folder.join(&hash[..2]).join(&hash[2..]).with_extension(ENTRY)
    }

    /// Our own files, whatever else lies in the folder; those that a killed program left unfinished, too, once they are
    /// old.
    fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        let folders = match fs::read_dir(&self.folder) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
        };
        for folder in folders {
            let folder = folder?;
            if folder.file_name().len() != 2 || !folder.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let path = file?.path();
                let is_ours = path.file_stem().is_some_and(|stem| stem.len() == 62);
                // One that another program has just removed is no entry any more.
                if let (true, Ok(metadata)) = (is_ours, fs::metadata(&path)) {
                    let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    found.push(Entry { path, bytes: metadata.len(), used });
                }
            }
        }
        Ok(found)
    }
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_was_put_comes_back_unless_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("c"), 1000);
        assert_eq!((cache.get("a"), cache.usage().unwrap()), (None, CacheUsage::default()));
        cache.put("a", b"one");
        cache.put("b", b"");
        cache.put("a", b"other");
        assert_eq!((cache.get("a").unwrap(), cache.get("b").unwrap()), (b"other".to_vec(), Vec::new()));
        // Another program sees the same.
        assert_eq!(Cache::at(cache.folder(), 1000).get("a").unwrap(), b"other");
        let path = cache.path("a");
        let whole = fs::read(&path).unwrap();
        for end in 0..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(cache.get("a"), None, "cut after {end} bytes");
            assert!(!path.exists());
        }
        fs::write(folder.path().join("c/mine.txt"), "not ours").unwrap();
        assert_eq!(cache.clear().unwrap().entries, 1);
        assert_eq!((cache.get("b"), cache.usage().unwrap()), (None, CacheUsage::default()));
        assert!(folder.path().join("c/mine.txt").exists());
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path(), 10 * (HEADER as u64 + 60));
        let old = |key: &str, age: u64| {
            let times = FileTimes::new().set_modified(SystemTime::now() - Duration::from_secs(age));
            File::options().append(true).open(cache.path(key)).unwrap().set_times(times).unwrap();
        };
        for n in 0..10 {
            cache.put(&n.to_string(), &[n; 60]);
            old(&n.to_string(), 1000 - u64::from(n));
        }
        assert_eq!(cache.usage().unwrap().entries, 10);
        // The oldest is used again and stays.
        assert!(cache.get("0").is_some());
        cache.put("new", &[0; 60]);
        let left: Vec<bool> = (0..10).map(|n| cache.path(&n.to_string()).exists()).collect();
        assert_eq!(left, [true, false, false, true, true, true, true, true, true, true]);
        assert!(cache.get("new").is_some() && cache.usage().unwrap().bytes <= cache.limit_bytes());
        cache.put("huge", &[0; 5000]);
        assert!(cache.get("huge").is_none() && cache.get("new").is_some());
        let none = Cache::at(folder.path().join("none"), 0);
        none.put("a", b"");
        assert!(!none.folder().exists());
    }
}
