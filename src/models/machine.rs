//! What this machine has room for.

use super::error::SourceError;
use std::path::Path;
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System};

/// Memory and disk space that are free now; `None` where the system does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Memory that this process can still take.
    pub memory_bytes: Option<u64>,
    /// Free space where models are kept.
    pub disk_bytes: Option<u64>,
}

impl Room {
    /// What is free now, with the disk of `folder`.
    pub fn now(folder: &Path) -> Self {
        Self { memory_bytes: free_memory_bytes(), disk_bytes: free_disk_bytes(folder) }
    }
}

fn free_memory_bytes() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let free = system.available_memory();
    // A container or a cluster job may be allowed less than the machine has. Its file cache can be dropped, so only
    // what its programs hold counts.
    let pid = sysinfo::get_current_pid().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, ProcessRefreshKind::nothing());
    let own = system.process(pid).and_then(|process| process.cgroup_limits());
    let limit = own.or_else(|| system.cgroup_limits());
    Some(limit.map_or(free, |limit| free.min(limit.total_memory.saturating_sub(limit.rss))))
}

/// The memory of the machine.
pub fn total_memory_bytes() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Some(system.total_memory())
}

/// Free space for this user on the disk of `path`, or of the nearest folder above it that exists.
pub fn free_disk_bytes(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    let existing = path.ancestors().find(|folder| folder.exists())?;
    // sysinfo would ask every mounted disk, and so hang on a network drive that nobody asked about.
    let disk = rustix::fs::statvfs(existing).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Fails when `folder` has less than `needed_bytes`.
pub(super) fn check_disk(folder: &Path, needed_bytes: u64) -> Result<(), SourceError> {
    match free_disk_bytes(folder) {
        Some(free_bytes) if free_bytes < needed_bytes => {
            Err(SourceError::DiskSpace { folder: folder.to_owned(), needed_bytes, free_bytes })
        }
        _ => Ok(()),
    }
}

/// A size for people: `1.1 GB`, `491 MB`, `98 kB`.
pub fn bytes_text(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} kB", value / 1e3),
        1_000_000..10_000_000 => format!("{:.1} MB", value / 1e6),
        10_000_000..999_500_000 => format!("{:.0} MB", value / 1e6),
        _ => format!("{:.1} GB", value / 1e9),
    }
}

/// A size such as `4GB`, `500 MB` or `1000`.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit() && c != '.');
    let unit = match text[digits.len()..].trim() {
        "" | "b" => 1.0,
        "kb" | "k" => 1e3,
        "mb" | "m" => 1e6,
        "gb" | "g" => 1e9,
        "tb" | "t" => 1e12,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some((number * unit) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("4GB", 4_000_000_000), (" 500 MB", 500_000_000), ("0", 0), ("1.5k", 1500)] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["much", "-1", "4 parsecs", "GB", "1.2.3"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }
}
