//! What the network made of the beginnings of conversations, kept in memory and on disk.
//!
//! All premises share the instructions and the examples, and reading those takes longer than writing a scene. So the keys
//! and values of a beginning are kept: as 16-bit floats, in a file for each beginning and model. A file that is damaged,
//! of another version or cut off counts as none and is written anew.

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Changes whenever the same tokens give other numbers, or the file another form.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"reelkv\r\n";
/// Before the numbers: magic, version, how many numbers, what they are of.
const HEADER: usize = 8 + 4 + 8 + 32;
/// After the numbers: BLAKE3 of all before.
const CHECKSUM: usize = 32;
const EXTENSION: &str = "prefix";
/// Beginnings in memory: one for scripts, one for descriptions.
const IN_MEMORY: usize = 2;

/// The folder that beginnings are kept in between runs.
#[derive(Debug, Clone)]
pub struct PrefixStore {
    folder: PathBuf,
    limit_bytes: u64,
}

impl PrefixStore {
    /// How much disk space the user's own store takes at most.
    pub const LIMIT_BYTES: u64 = 512 << 20;

    /// A store in `folder`, which is made when something is kept. Beyond `limit_bytes`, what was not used for longest goes.
    pub fn at(folder: impl Into<PathBuf>, limit_bytes: u64) -> Self {
        Self { folder: folder.into(), limit_bytes }
    }

    /// The store in the user's cache folder, if there is one.
    pub fn user() -> Option<Self> {
        let dirs = directories::ProjectDirs::from("", "", "reelboard")?;
        Some(Self::at(dirs.cache_dir().join("writer"), Self::LIMIT_BYTES))
    }

    /// Where the files lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, key: &blake3::Hash) -> PathBuf {
        self.folder.join(format!("{}.{EXTENSION}", &key.to_hex()[..32]))
    }

    /// The numbers that were kept under `key`, if all is in order with them.
    fn read(&self, key: &blake3::Hash, numbers: usize) -> Option<Vec<f16>> {
        let path = self.path(key);
        let mut file = File::open(&path).ok()?;
        let expected = HEADER + numbers * 2 + CHECKSUM;
        let mut bytes = Vec::new();
        let is_whole = file.metadata().is_ok_and(|metadata| metadata.len() == expected as u64)
            && file.read_to_end(&mut bytes).is_ok_and(|read| read == expected);
        let (body, checksum) = bytes.split_at_checked(HEADER + numbers * 2)?;
        let in_order =
            is_whole && body[..HEADER] == header(key, numbers) && *blake3::hash(body).as_bytes() == *checksum;
        if !in_order {
            log::warn!("{} is damaged: what it held is read again", path.display());
            return None;
        }
        // Reading it makes it the last to go.
        let _ = file.set_modified(SystemTime::now());
        let (pairs, _) = body[HEADER..].as_chunks::<2>();
        Some(pairs.iter().map(|pair| f16::from_le_bytes(*pair)).collect())
    }

    fn write(&self, key: &blake3::Hash, numbers: &[f16]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(HEADER + numbers.len() * 2 + CHECKSUM);
        bytes.extend_from_slice(&header(key, numbers.len()));
        bytes.extend(numbers.reinterpret_cast().iter().flat_map(|bits| bits.to_le_bytes()));
        bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());
        if bytes.len() as u64 > self.limit_bytes {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        self.make_room(self.limit_bytes - bytes.len() as u64)?;
        let path = self.path(key);
        // Two programs may write the same at once: each has a file of its own until it is whole.
        let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
        let written = fs::write(&unfinished, &bytes).and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Removes files, those that were not used for longest first, until no more than `limit` bytes are left.
    fn make_room(&self, limit: u64) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let path = entry.path();
            let metadata = entry.metadata()?;
            let is_ours = path.extension().is_some_and(|e| e == EXTENSION || e == "unfinished");
            if metadata.is_file() && is_ours {
                files.push((metadata.modified()?, metadata.len(), path));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= limit {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
        }
        Ok(())
    }
}

fn header(key: &blake3::Hash, numbers: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&(numbers as u64).to_le_bytes());
    header[20..].copy_from_slice(key.as_bytes());
    header
}

/// The beginnings that one model knows.
#[derive(Default)]
pub(super) struct Prefixes {
    /// The last used is last.
    known: Vec<(Vec<u32>, Arc<[f16]>)>,
    /// Where they are kept, and what tells this model from all others.
    store: Option<(PrefixStore, String)>,
}

impl Prefixes {
    pub fn keep_in(&mut self, store: PrefixStore, model: String) {
        self.store = Some((store, model));
    }

    /// The state after `tokens`, of a network in which one token leaves `shape` numbers.
    pub fn get(&mut self, tokens: &[u32], shape: usize) -> Option<Arc<[f16]>> {
        if let Some(at) = self.known.iter().position(|(known, _)| known == tokens) {
            let found = self.known.remove(at);
            let state = Arc::clone(&found.1);
            self.known.push(found);
            return Some(state);
        }
        let (store, model) = self.store.as_ref()?;
        let state: Arc<[f16]> = store.read(&key(model, tokens, shape), tokens.len() * shape)?.into();
        self.remember(tokens, Arc::clone(&state));
        Some(state)
    }

    pub fn put(&mut self, tokens: &[u32], shape: usize, state: Vec<f16>) {
        if let Some((store, model)) = &self.store
            && let Err(error) = store.write(&key(model, tokens, shape), &state)
        {
            // The script does not depend on it: the next one only begins later.
            log::warn!("cannot keep what the writer has read in {}: {error}", store.folder.display());
        }
        self.remember(tokens, state.into());
    }

    fn remember(&mut self, tokens: &[u32], state: Arc<[f16]>) {
        self.known.push((tokens.to_vec(), state));
        if self.known.len() > IN_MEMORY {
            self.known.remove(0);
        }
    }
}

fn key(model: &str, tokens: &[u32], shape: usize) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&VERSION.to_le_bytes());
    hasher.update(&(shape as u64).to_le_bytes());
    hasher.update(&(model.len() as u64).to_le_bytes());
    hasher.update(model.as_bytes());
    tokens.iter().for_each(|token| {
        hasher.update(&token.to_le_bytes());
    });
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(limit: u64) -> (tempfile::TempDir, PrefixStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = PrefixStore::at(folder.path(), limit);
        (folder, store)
    }

    fn numbers(from: u16, count: usize) -> Vec<f16> {
        (0..count).map(|i| f16::from_bits(from.wrapping_add(i as u16) % 0x7000)).collect()
    }

    fn known(store: &PrefixStore, model: &str, tokens: &[u32], shape: usize) -> bool {
        let mut prefixes = Prefixes::default();
        prefixes.keep_in(store.clone(), model.to_owned());
        prefixes.get(tokens, shape).is_some()
    }

    #[test]
    fn a_kept_beginning_comes_back_for_the_same_model_and_words_only() {
        let (_folder, store) = store(1 << 20);
        let mut prefixes = Prefixes::default();
        prefixes.keep_in(store.clone(), "one".to_owned());
        prefixes.put(&[1, 2, 3], 4, numbers(7, 12));
        let mut next_run = Prefixes::default();
        next_run.keep_in(store.clone(), "one".to_owned());
        assert_eq!(next_run.get(&[1, 2, 3], 4).unwrap().to_vec(), numbers(7, 12));
        assert!(!known(&store, "other", &[1, 2, 3], 4));
        assert!(!known(&store, "one", &[1, 2, 4], 4));
        assert!(!known(&store, "one", &[1, 2, 3], 5));
    }

    #[test]
    fn a_damaged_file_counts_as_none_and_is_written_anew() {
        let (_folder, store) = store(1 << 20);
        let mut prefixes = Prefixes::default();
        prefixes.keep_in(store.clone(), "model".to_owned());
        prefixes.put(&[1, 2], 8, numbers(0, 16));
        let path = fs::read_dir(store.folder()).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[HEADER + 3] ^= 1;
        let mut other_version = whole.clone();
        other_version[8] ^= 1;
        for damaged in [&flipped[..], &other_version, &whole[..whole.len() - 1], &[]] {
            fs::write(&path, damaged).unwrap();
            assert!(!known(&store, "model", &[1, 2], 8));
        }
        prefixes.put(&[1, 2], 8, numbers(0, 16));
        assert!(known(&store, "model", &[1, 2], 8));
        assert_eq!(fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn the_folder_does_not_outgrow_its_limit() {
        let one = (HEADER + 2 * 100 + CHECKSUM) as u64;
        let (_folder, store) = store(2 * one);
        let mut prefixes = Prefixes::default();
        prefixes.keep_in(store.clone(), "model".to_owned());
        for token in 0..5 {
            prefixes.put(&[token], 100, numbers(0, 100));
            let bytes: u64 =
                fs::read_dir(store.folder()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
            assert!(bytes <= 2 * one);
            assert!(known(&store, "model", &[token], 100), "the newest stays");
        }
        prefixes.put(&[9], 1000, numbers(0, 1000));
        assert!(!known(&store, "model", &[9], 1000), "what is larger than the limit is not kept");
    }
}
