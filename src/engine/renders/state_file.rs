//! A half-made picture on disk.

use super::folder::UNFINISHED;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"RBSTATE1";
/// Magic, check, steps done, steps in all, models.
const HEADER: usize = 8 + 32 + 4 + 4 + 32;

/// Where a render keeps its state between two denoising steps.
///
/// The file is the magic word, the BLAKE3 hash of all that follows, the steps done and in all (32 bits each), the hash
/// of the models' identity, and the state. It is replaced by renaming and not flushed to the disk: a killed program leaves
/// the last state or the one before, and what a power cut tears, the hash tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// A state in this file, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a state in place of the last one. `models` says with which weights it goes on.
    pub fn write(&self, models: &str, (done, total): (u64, u64), state: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(HEADER + state.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; 32]);
        for count in [done, total] {
            bytes.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        bytes.extend_from_slice(blake3::hash(models.as_bytes()).as_bytes());
        bytes.extend_from_slice(state);
        let check = blake3::hash(&bytes[40..]);
        bytes[8..40].copy_from_slice(check.as_bytes());

        let mut unfinished = self.path.clone().into_os_string();
        unfinished.push(UNFINISHED);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&unfinished, &bytes)?;
        fs::rename(&unfinished, &self.path)
    }

    /// The state, if there is a whole one that these models made. One that is not is said in the log.
    pub fn read(&self, models: &str) -> Option<Vec<u8>> {
        let mut bytes = self.whole()?;
        if bytes[48..80] != *blake3::hash(models.as_bytes()).as_bytes() {
            log::info!("{}: made by other models, so the render starts anew", self.path.display());
            return None;
        }
        Some(bytes.split_off(HEADER))
    }

    /// Steps done and in all, of a whole state.
    pub fn steps(&self) -> Option<(u64, u64)> {
        let bytes = self.whole()?;
        let count = |at: usize| u64::from(u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
        Some((count(40), count(44)))
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                log::warn!("{}: {error}; the render starts anew", self.path.display());
                return None;
            }
        };
        let is_whole =
            bytes.len() >= HEADER && bytes.starts_with(MAGIC) && bytes[8..40] == *blake3::hash(&bytes[40..]).as_bytes();
        if !is_whole {
            log::warn!("{}: damaged, so the render starts anew", self.path.display());
        }
        is_whole.then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::at(folder.path().join("deep/still-1.state"));
        assert_eq!((file.read("a"), file.steps()), (None, None));
        file.write("a", (1, 4), b"first").unwrap();
        file.write("a", (2, 4), b"second").unwrap();
        assert_eq!((file.read("a").as_deref(), file.steps()), (Some(&b"second"[..]), Some((2, 4))));
        assert_eq!(file.read("b"), None, "other models");
        let whole = fs::read(file.path()).unwrap();
        for end in 0..whole.len() {
            fs::write(file.path(), &whole[..end]).unwrap();
            assert_eq!((file.read("a"), file.steps()), (None, None), "cut after {end} bytes");
        }
        for at in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1;
            fs::write(file.path(), &spoilt).unwrap();
            assert_eq!(file.read("a"), None, "byte {at}");
        }
    }
}
