//! The note beside a file that says which checksum it had when it was last read in full.

use crate::progress::{Cancelled, Progress};
use crate::project::write_whole;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Size, time and checksum of a file; while size and time stand, so does the checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size_bytes: u64,
    modified_ns: u64,
    pub sha256: String,
    /// What the hub announced when the file was fetched, where `models.ron` has no checksum: the file is held to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
}

/// What the hub said of a file before it sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announced {
    /// The checksum of the content that fitted.
    pub sha256: String,
    /// The hub's own name for that content: a SHA-256, or git's name of a small file.
    pub etag: String,
}

impl Stamp {
    pub fn of(metadata: &Metadata, sha256: String, announced: Option<Announced>) -> Self {
        Self { size_bytes: metadata.len(), modified_ns: modified_ns(metadata), sha256, announced }
    }

    /// What the hub announced of the file, also when the file has changed since.
    pub fn announced(path: &Path) -> Option<Announced> {
        let stamp: Self = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        stamp.announced
    }

    /// The stamp at `path`, unless the file has changed since.
    pub fn read(path: &Path, metadata: &Metadata) -> Option<Self> {
        // A stamp that cannot be read is none: the file is checked again.
        let stamp: Self = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        (stamp.size_bytes == metadata.len() && stamp.modified_ns == modified_ns(metadata)).then_some(stamp)
    }

    pub fn write(&self, path: &Path) -> io::Result<()> {
        // Several programs may check the same file at the same time.
        write_whole(path, &serde_json::to_vec(self)?)
    }
}

fn modified_ns(metadata: &Metadata) -> u64 {
    let since_epoch = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Why a file could not be read through.
pub(super) enum HashError {
    Cancelled(Cancelled),
    Io(io::Error),
}

/// The SHA-256 of a file, in lowercase hexadecimal. Reports bytes.
pub(super) fn sha256(path: &Path, progress: &dyn Progress) -> Result<String, HashError> {
    let mut file = File::open(path).map_err(HashError::Io)?;
    let total = file.metadata().map_err(HashError::Io)?.len();
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        progress.step(done, total).map_err(HashError::Cancelled)?;
        let read = match file.read(&mut block) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(HashError::Io(error)),
        };
        hasher.update(&block[..read]);
        done += read as u64;
    }
    Ok(hex(&hasher.finalize()))
}

/// The name that git has for a file of these contents, in lowercase hexadecimal.
pub(super) fn git_blob(path: &Path) -> io::Result<String> {
    let bytes = std::fs::read(path)?;
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", bytes.len()));
    hasher.update(&bytes);
    Ok(hex(&hasher.finalize()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
