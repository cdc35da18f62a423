//! Between jobs no thread does anything. Alone in its program, since it counts what all threads of it do.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use reelboard::draft::example_project;
use reelboard::engine::{Engine, JobSpec, StudioModels, TakeJob};
use reelboard::models::{ModelCache, Registry};
use reelboard::project::ProjectStore;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Processor ticks and times it was woken up, of every thread but this one.
fn activity() -> BTreeMap<String, (u64, u64)> {
    let own = std::fs::read_link("/proc/thread-self").unwrap();
    let mut threads = BTreeMap::new();
    for thread in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = thread.unwrap().path();
        if path.file_name() == own.file_name() {
            continue;
        }
        // One that ends meanwhile does nothing more.
        let (Ok(stat), Ok(status)) =
            (std::fs::read_to_string(path.join("stat")), std::fs::read_to_string(path.join("status")))
        else {
            continue;
        };
        let after_name: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = after_name[11].parse::<u64>().unwrap() + after_name[12].parse::<u64>().unwrap();
        let woken = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default().trim().to_owned();
        threads.insert(format!("{name} {}", path.display()), (ticks, woken.trim().parse().unwrap()));
    }
    threads
}

#[test]
fn between_jobs_no_thread_takes_processor_time_or_looks_for_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = example_project();
    project.studio = "tiny".to_owned();
    let store = ProjectStore::create(&folder.path().join("a.reel"), &project).unwrap();
    let models = ModelCache::at(folder.path().join("models"));
    let studio = StudioModels::new("tiny", Arc::new(Registry::built_in()), models).unwrap();
    let scene = project.scenes[0].id;
    let job = TakeJob { project: Arc::new(project), scene, media: store.media(), studio: Some(studio) };
    let engine = Engine::start(|| {}).unwrap();
    engine.run(JobSpec::RenderTake(job), |_, _| true).unwrap();

    let watch = |time: Duration| {
        let (start, before) = (Instant::now(), activity());
        while start.elapsed() < time {
            std::hint::spin_loop();
        }
        let after = activity();
        let did = |(name, now): (&String, &(u64, u64))| {
            let (ticks, woken) = before.get(name).copied().unwrap_or_default();
            (*now != (ticks, woken)).then(|| format!("{name}: {} ticks, woken {} times", now.0 - ticks, now.1 - woken))
        };
        after.iter().filter_map(did).collect::<Vec<_>>()
    };
    // The pool of the networks goes to sleep shortly after its last work.
    let start = Instant::now();
    while !watch(Duration::from_millis(500)).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(30), "it never comes to rest: {:?}", activity());
    }
    assert!(activity().keys().any(|name| name.starts_with("reelboard model")), "{:?}", activity());
    assert_eq!(watch(Duration::from_millis(1000)), [""; 0]);
    drop(engine);
}
