//! A process that is killed while it edits and saves loses nothing that was acknowledged.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod random_edits;
mod rng;

use random_edits::random_edit;
use reelboard::project::{Edit, Project, ProjectStore, read_project};
use rng::Rng;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const KILLS: u64 = 100;
/// Names the folder for the process that is killed, and tells it apart from a test run by hand.
const FOLDER_VAR: &str = "REELBOARD_CRASH_FOLDER";

/// The edit that makes `revision` out of `project`: the same in every process.
fn scripted_edit(revision: u64, project: &Project) -> Edit {
    let fits = |attempt: u64| {
        let edit = random_edit(&mut Rng(revision * 1000 + attempt), project, revision * 1000);
        project.clone().apply(edit.clone()).is_ok().then_some(edit)
    };
    (0..).find_map(fits).unwrap()
}

/// Numbers that were only handed out need not survive; that none is handed out twice matters.
fn without_next_id(project: &Project) -> Project {
    Project { next_id: 0, ..project.clone() }
}

#[test]
fn a_killed_process_loses_no_acknowledged_edit() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("film.reel");
    let mut model = Project::new("A keeper rescues a boat");
    let mut model_revision = 0;
    drop(ProjectStore::create(&folder, &model).unwrap());

    let (mut acknowledged, mut replayed, mut notes, mut unfinished_saves, mut unacknowledged) = (0, 0, 0, 0, 0);
    for kill in 0..KILLS {
        let last = run_and_kill(&folder, &mut Rng(kill)).unwrap_or(model_revision);
        acknowledged += last - model_revision;
        unfinished_saves += u64::from(folder.join("project.ron.unfinished").exists());

        let read = read_project(&folder).unwrap();
        let (store, project, opened) = ProjectStore::open(&folder).unwrap();
        replayed += opened.replayed;
        notes += opened.mended.len();
        assert!(opened.revision >= last, "kill {kill}: edit {last} was acknowledged, {opened}");
        assert!(opened.revision <= last + 1, "kill {kill}: nobody made edit {}", opened.revision);
        unacknowledged += opened.revision - last;
        while model_revision < opened.revision {
            model_revision += 1;
            let edit = scripted_edit(model_revision, &model);
            model.apply(edit).unwrap();
        }
        assert!(without_next_id(&project) == without_next_id(&model), "kill {kill}, edit {model_revision}");
        assert!(project == read, "kill {kill}: reading and opening differ");
        assert_eq!(store.revision(), opened.revision);
        assert!(!folder.join("project.ron.unfinished").exists());
    }
    println!(
        "{KILLS} kills, {acknowledged} acknowledged edits, 0 lost; {replayed} replayed, {unacknowledged} more were on the \
         disk already, {notes} journal ends mended, {unfinished_saves} kills during a save"
    );
    assert!(acknowledged > KILLS, "the processes were killed before they did anything");
    assert!(replayed > 0);
}

/// Lets a process edit the project until it has acknowledged a few edits, kills it there, and returns the last edit that
/// it acknowledged, if any.
fn run_and_kill(folder: &Path, rng: &mut Rng) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_process_that_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER_VAR, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = None;
    let mut take_line = |line: Option<Result<String, _>>| match line {
        Some(line) => {
            if let Some(revision) = line.unwrap().strip_prefix("acknowledged ") {
                last = Some(revision.parse().unwrap());
            }
            true
        }
        None => false,
    };
    for _ in 0..3 + rng.below(30) {
        assert!(take_line(lines.next()), "the process ended by itself");
    }
    // From nothing to about two edits.
    for _ in 0..rng.below(400_000) {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said before it died counts.
    while take_line(lines.next()) {}
    last
}

#[test]
#[ignore = "started and killed by a_killed_process_loses_no_acknowledged_edit"]
fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER_VAR) else { return };
    let (mut store, mut project, _) = ProjectStore::open(Path::new(&folder)).unwrap();
    // Begins a line of its own behind what the test harness says.
    let mut say = std::io::stdout().lock();
    writeln!(say, "\nopened").unwrap();
    loop {
        let revision = store.revision() + 1;
        let edit = scripted_edit(revision, &project);
        project.apply(edit.clone()).unwrap();
        store.append(&edit).unwrap();
        writeln!(say, "acknowledged {revision}").unwrap();
        if Rng(revision).one_in(3) {
            store.save(&project).unwrap();
        }
    }
}
