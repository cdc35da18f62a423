//! Rendering on a cluster, with programs that stand in for Slurm's: they run each task at once, on this machine.
//! `make test-slurm` does the same on a real Slurm.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod place;
#[path = "../program/mod.rs"]
mod program;

use place::{Place, chosen, lines};
use reelboard::farm::{Outcome, Record, Run};
use reelboard::project::{
    Edit, EntityField, EntityKind, MediaFolder, ProjectStore, Reference, ReferenceSource, StillSettings, read_project,
};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

/// A name that no script may stumble over.
const STRANGE: &str = "it's a \"film\" $1 100%.reel";

#[test]
fn a_film_from_the_cluster_is_the_one_of_a_local_render() {
    let place = Place::new();
    for name in ["local.reel", STRANGE] {
        place.example(name);
    }
    // From nothing: what the local render begins its clips with must not help the cluster's.
    let local = ["render", "local.reel", "--studio", "tiny", "--scenes", "1,3-4"];
    assert!(place.command(&local).env("REELBOARD_CACHE", place.path("local cache")).status().unwrap().success());
    let asked = ["--studio", "tiny", "--scenes", "1,3-4", "--tasks", "2", "--gres", "gpu:1"];
    let printed = place.succeed(&[&["farm", "slurm", STRANGE], &asked[..]].concat());
    let jobs = ["references: job 1, 4 tasks", "stills: job 2, 3 tasks", "clips: job 3, 3 tasks", "collect: job 4"];
    assert_eq!(lines(&printed), [&["run 1"], &jobs[..]].concat());
    let asked = place.read("slurm/sbatch");
    assert!(asked.contains("--array=1,3-4%2\n") && asked.contains("--dependency=afterany:3\n"), "{asked}");
    assert_eq!(asked.matches("--gres=gpu:1\n").count(), 3, "the job that takes the results in needs no GPU: {asked}");

    let (local, cluster) = (place.shown("local.reel"), place.shown(STRANGE));
    assert_eq!(chosen(&cluster).iter().flatten().count(), 3, "{cluster:#}");
    assert_eq!(chosen(&cluster), chosen(&local));
    assert_eq!(place.media(STRANGE), place.media("local.reel"));
    let status = place.succeed(&["farm", "status", STRANGE]);
    assert!(status.starts_with("run 1 with the tiny studio: 10 done\n"), "{status}");
    let again = place.run(&["farm", "slurm", STRANGE, "--studio", "tiny", "--scenes", "1,3-4"]);
    assert_eq!(String::from_utf8_lossy(&again.stderr), "nothing to render: what was asked for is finished\n");
}

#[test]
fn while_the_window_has_the_project_tasks_run_and_results_wait() {
    let place = Place::new();
    place.example("a.reel");
    let window = ProjectStore::open(&place.path("a.reel")).unwrap();
    place.succeed(&["farm", "slurm", "a.reel", "--studio", "tiny", "--scenes", "2"]);
    let log = place.read("a.reel/farm/1/logs/collect.log");
    assert!(log.contains("open in another Reelboard, which takes the results in itself"), "{log}");
    assert_eq!(chosen(&place.shown("a.reel")), vec![None::<String>; 6]);
    let told = place.run(&["show", "a.reel"]);
    let told = String::from_utf8_lossy(&told.stderr);
    assert!(told.contains("of a cluster: take them in with \"reelboard farm collect a.reel\""), "{told}");
    // What waits counts as made.
    let again = place.run(&["farm", "slurm", "a.reel", "--studio", "tiny", "--scenes", "2"]);
    assert_eq!(String::from_utf8_lossy(&again.stderr), "nothing to render: what was asked for is finished\n");

    drop(window);
    let collected = place.succeed(&["farm", "collect", "a.reel"]);
    assert!(collected.lines().any(|line| line.starts_with("scene 2: ")), "{collected}");
    let taken = place.shown("a.reel");
    assert!(chosen(&taken)[1].is_some());
    assert_eq!(place.succeed(&["farm", "collect", "a.reel"]), "");
    assert_eq!(place.shown("a.reel"), taken);

    // A take that the user has thrown away stays away.
    let (mut store, mut project, _) = ProjectStore::open(&place.path("a.reel")).unwrap();
    let scene = &project.scenes[1];
    let edit = Edit::RemoveTake { id: scene.id, take: scene.takes[1].id, chosen: None };
    project.apply(edit.clone()).unwrap();
    store.append(&edit).unwrap();
    drop(store);
    assert_eq!(place.succeed(&["farm", "collect", "a.reel"]), "");
    assert_eq!(read_project(&place.path("a.reel")).unwrap().scenes[1].takes.len(), 1);
}

#[test]
fn any_command_that_opens_the_project_takes_results_in() {
    let place = Place::new();
    place.example("a.reel");
    place.succeed(&["farm", "slurm", "a.reel", "--studio", "tiny", "--scenes", "2", "--no-collect"]);
    let output = place.run(&["render", "a.reel", "--studio", "tiny", "--scenes", "2"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("took in from the cluster: "), "{told}");
    assert!(!told.contains("denoising"), "it was rendered again: {told}");
    assert!(chosen(&place.shown("a.reel"))[1].is_some());
}

#[test]
fn a_killed_task_leaves_nothing_half_written_and_makes_the_same_when_it_runs_again() {
    let place = Place::new();
    for name in ["local.reel", "a.reel"] {
        place.example(name);
    }
    place.succeed(&["render", "local.reel", "--studio", "tiny", "--scenes", "3"]);
    place.hold();
    place.succeed(&["farm", "slurm", "a.reel", "--studio", "tiny", "--scenes", "3"]);
    let run = Run::find(&place.path("a.reel"), None).unwrap();
    let plan = run.plan().unwrap();
    for (stage, task) in plan.tasks() {
        let index = task.number.to_string();
        let arguments = ["farm", "task", run.folder().to_str().unwrap(), stage.name(), "--index", &index];
        for said in ["checking the models", "denoising", "decoding"] {
            let mut child = place.command(&arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            let lines = BufReader::new(child.stderr.take().unwrap()).lines();
            lines.take_while(|line| line.as_ref().is_ok_and(|line| line != said)).for_each(drop);
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().unwrap();
            // Every picture is what its name says, and every record has its picture.
            let media = MediaFolder::beside_the_owner(&place.path("a.reel"), place.path("none"));
            for name in place.media("a.reel") {
                media.read(&name.parse().unwrap()).unwrap();
            }
            for (_, record) in run.records(&plan).unwrap() {
                media.read(record.outcome.media().unwrap()).unwrap();
            }
        }
        // Put back while it still runs somewhere: twice at once.
        let quiet = || place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let twice: Vec<_> = (0..2).map(|_| quiet()).collect();
        for mut child in twice {
            assert!(child.wait().unwrap().success());
        }
    }
    place.succeed(&["farm", "collect", "a.reel"]);
    assert_eq!(chosen(&place.shown("a.reel")), chosen(&place.shown("local.reel")));
    assert_eq!(place.media("a.reel"), place.media("local.reel"));
}

#[test]
fn what_fails_is_told_with_its_reason_and_the_rest_is_made() {
    let place = Place::new();
    place.example("a.reel");
    place.hold();
    place.succeed(&["farm", "slurm", "a.reel", "--studio", "tiny", "--scenes", "2-3"]);
    let run = Run::find(&place.path("a.reel"), None).unwrap();
    let plan = run.plan().unwrap();
    // A picture that cannot be made.
    let (_, keeper) = plan.tasks().find(|(_, task)| task.to_string() == "picture of keeper").unwrap();
    let record = Record { task: keeper.clone(), outcome: Outcome::Failed("its description is no picture".to_owned()) };
    run.write_record(&plan, &record).unwrap();
    for (stage, task) in plan.tasks().filter(|(_, task)| *task != keeper) {
        let index = task.number.to_string();
        place.run(&["farm", "task", run.folder().to_str().unwrap(), stage.name(), "--index", &index]);
    }
    place.queue("");
    let status = place.succeed(&["farm", "status", "a.reel"]);
    assert!(status.contains("picture of keeper        failed: its description is no picture\n"), "{status}");
    let of_scenes: Vec<&str> = status.lines().filter(|line| line.contains("stills")).collect();
    let project = read_project(&place.path("a.reel")).unwrap();
    assert_eq!(of_scenes.len(), 2, "{status}");
    for (scene, line) in project.scenes[1..3].iter().zip(of_scenes) {
        let needs_keeper = scene.foreground.iter().any(|name| name == "keeper");
        let why = "failed: there is no picture of keeper: its description is no picture";
        assert!(line.ends_with(if needs_keeper { why } else { "done, not in the project yet" }), "{line}");
    }
    let why = "clip of scene 3          failed: there is no still of scene 3: there is no picture of keeper: ";
    assert!(status.contains(why), "{status}");
    // The next run makes what is missing.
    place.let_go();
    place.succeed(&["farm", "slurm", "a.reel", "--studio", "tiny", "--scenes", "2-3"]);
    assert!(chosen(&place.shown("a.reel"))[1..3].iter().all(Option::is_some));
}

#[test]
fn a_worker_that_is_killed_goes_back_into_the_queue_but_not_for_ever() {
    let place = Place::new();
    place.example("a.reel");
    let dies =
        "if [ \"${SLURM_RESTART_COUNT:-0}\" -lt \"$DEATHS\" ]; then kill -9 $$; fi\nexec \"$REELBOARD\" \"$@\"\n";
    place.script("worker", dies);
    let worker = place.path("worker").to_str().unwrap().to_owned();
    let slurm = ["farm", "slurm", "a.reel", "--scenes", "2", "--no-collect", "--program", &worker];
    let sent = place.command(&slurm).env("DEATHS", "9").output().unwrap();
    assert!(sent.status.success());
    let log = place.read("a.reel/farm/1/logs/stills-2.log");
    assert_eq!(log.matches("the worker ended with code 137; back into the queue").count(), 3, "{log}");
    let status = place.succeed(&["farm", "status", "a.reel"]);
    let why = "failed: ended without a result: the worker was killed by signal 9, 4 times in all";
    assert!(status.contains(why), "{status}");

    let sent = place.command(&slurm).env("DEATHS", "2").output().unwrap();
    assert!(sent.status.success());
    let log = place.read("a.reel/farm/2/logs/stills-2.log");
    assert_eq!(log.matches("back into the queue").count(), 2, "{log}");
    let status = place.succeed(&["farm", "status", "a.reel"]);
    assert!(status.contains("run 2 with the draft studio: 1 done"), "{status}");
}

#[test]
fn a_machine_without_the_models_sends_its_task_elsewhere() {
    let place = Place::new();
    place.example("a.reel");
    place.hold();
    place.succeed(&["farm", "slurm", "a.reel", "--studio", "tiny", "--scenes", "2"]);
    let run = place.path("a.reel/farm/1");
    let task = ["farm", "task", run.to_str().unwrap(), "references", "--index", "1"];
    let output = place.command(&task).env("REELBOARD_MODELS", place.path("nothing")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("nothing lacks ") && said.contains("another machine may have it"), "{said}");
    let output = place.run(&["farm", "task", "nowhere/farm/1", "references", "--index", "1"]);
    assert_eq!(output.status.code(), Some(75));
    assert!(place.run(&task).status.success());
}

#[test]
fn a_dry_run_prints_scripts_and_leaves_no_trace() {
    let place = Place::new();
    place.example("a.reel");
    let printed = place.succeed(&[
        "farm",
        "slurm",
        "a.reel",
        "--studio",
        "tiny",
        "--scenes",
        "1,3-5",
        "--tasks",
        "2",
        "--time",
        "1:00:00",
        "--dry-run",
        "--",
        "--qos=low",
    ]);
    let submitted: Vec<&str> = printed.lines().filter(|line| line.starts_with("sbatch ")).collect();
    assert_eq!(submitted.len(), 4, "{printed}");
    assert!(submitted.iter().all(|line| line.contains(" --time=1:00:00 --qos=low ")), "{printed}");
    assert!(submitted[1].contains(" --array=1,3-5%2 "), "{printed}");
    assert!(submitted[1].contains(" --dependency=afterany:JOB-OF-references "), "{printed}");
    assert!(
        !place.path("a.reel/farm").exists() && !place.path("models").exists() && !place.path("slurm/sbatch").exists()
    );
}

#[test]
fn options_that_would_break_a_run_are_refused() {
    let place = Place::new();
    place.example("a.reel");
    for (option, hint) in [("--array=1-3", "--scenes"), ("-o", "logs"), ("-d5", "stages wait")] {
        let output = place.run(&["farm", "slurm", "a.reel", "--", option]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(hint), "{option}: {said}");
    }
    assert!(!place.path("slurm/sbatch").exists());
}

#[test]
fn a_run_that_the_scheduler_refuses_in_the_middle_is_taken_back() {
    let place = Place::new();
    place.example("a.reel");
    place.hold();
    std::fs::write(place.path("slurm/refuse"), "stills.sh").unwrap();
    let output = place.run(&["farm", "slurm", "a.reel", "--studio", "tiny"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("sbatch failed: sbatch: error: invalid partition"), "{said}");
    assert_eq!(place.read("slurm/scancel"), "1\n");
    let output = place.run(&["farm", "status", "a.reel"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was sent to a cluster"));
}

#[test]
fn status_tells_waiting_running_and_ended_tasks_and_cancel_ends_them() {
    let place = Place::new();
    place.example("a.reel");
    place.hold();
    place.succeed(&["farm", "slurm", "a.reel"]);
    let log = |scene: usize, said: &str| {
        std::fs::write(place.path(&format!("a.reel/farm/1/logs/stills-{scene}.log")), said).unwrap();
    };
    log(2, "denoising\n   50%  20 s left\n");
    log(3, "denoising\nslurmstepd: error: *** JOB 4 CANCELLED DUE TO TIME LIMIT ***\n\n");
    place.queue(
        "1_1|PENDING|UNLIMITED|Resources|\n1_2|RUNNING|58:12|None|node7\n1_3|TIMEOUT|0:00|TimeLimit|node7\n\
         1_4|OUT_OF_MEMORY|0:00|OutOfMemory|node7\n1_5|PENDING|UNLIMITED|BeginTime|\n",
    );
    let status = place.succeed(&["farm", "status", "a.reel"]);
    let expected = [
        "run 1 with the draft studio: 1 running, 2 waiting, 3 failed",
        "  stills       scene 1                  waiting (Resources)",
        "  stills       scene 2                  running on node7, 58:12 left of its time: 50%  20 s left",
        "  stills       scene 3                  failed: timeout: slurmstepd: error: *** JOB 4 CANCELLED DUE TO TIME LIMIT ***",
        "  stills       scene 4                  failed: out of memory",
        "  stills       scene 5                  waiting (BeginTime)",
        "  stills       scene 6                  failed: ended without a result: it has said nothing",
    ];
    assert_eq!(lines(&status), expected);
    let json: serde_json::Value =
        serde_json::from_str(&place.succeed(&["farm", "status", "a.reel", "--json"])).unwrap();
    assert_eq!(json["tasks"][1]["state"], "running", "{json:#}");
    assert_eq!(json["tasks"][1]["time_limit_left"], "58:12");

    let output = place.run(&["farm", "slurm", "a.reel", "--scenes", "1,4"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("scene 1 is waiting or running in run 1 already"), "{said}");
    place.succeed(&["farm", "slurm", "a.reel", "--scenes", "4", "--no-collect"]);

    place.succeed(&["farm", "cancel", "a.reel", "--run", "1"]);
    assert_eq!(place.read("slurm/scancel"), "1 2\n");
    let output = place.run(&["farm", "cancel", "a.reel", "--run", "7"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no run 7; it has 1, 2"));
}

#[test]
fn results_for_what_the_user_has_changed_meanwhile_are_left_out_with_a_word() {
    let place = Place::new();
    place.example("a.reel");
    place.succeed(&["farm", "slurm", "a.reel", "--studio", "tiny", "--scenes", "2-3", "--no-collect"]);
    let (mut store, mut project, _) = ProjectStore::open(&place.path("a.reel")).unwrap();
    let picture = store.media().put(b"not looked at", "png").unwrap();
    let source = ReferenceSource::Photo { file_name: "dog.png".to_owned() };
    let photo = Reference { source, picture: picture.clone(), mask: None };
    let edits = [
        project.entity_edit(EntityKind::Foreground, "dog", EntityField::Reference(Some(photo))),
        Edit::RemoveScene(project.scenes[1].id),
    ];
    for edit in edits {
        project.apply(edit.clone()).unwrap();
        store.append(&edit).unwrap();
    }
    drop(store);
    let output = place.run(&["farm", "collect", "a.reel"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("scene 2 of the run is no longer in the film; its take stays in media"), "{said}");
    assert!(said.contains("dog has another picture by now"), "{said}");
    let project = read_project(&place.path("a.reel")).unwrap();
    let dog = project.cast_entry(EntityKind::Foreground, "dog").unwrap();
    assert_eq!(dog.reference.as_ref().unwrap().picture, picture);
    assert_eq!(project.scenes[1].takes.len(), 2, "the scene that was the third");
    // Said once.
    let output = place.run(&["farm", "collect", "a.reel"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_task_that_is_asked_to_end_keeps_its_last_step_and_goes_on_only_if_its_time_was_up() {
    let place = Place::new();
    place.example("a.reel");
    // Hundreds of steps, which nobody waits for.
    let models = include_str!("../../models.ron").replace("defaults: (steps: 4,", "defaults: (steps: 900,");
    std::fs::write(place.path("models.ron"), models).unwrap();
    let (mut store, mut project, _) = ProjectStore::open(&place.path("a.reel")).unwrap();
    project.apply(Edit::SetStill(StillSettings { steps: 900, ..project.still.clone() })).unwrap();
    store.save(&project).unwrap();
    drop(store);
    place.hold();
    place.succeed(&["farm", "slurm", "a.reel", "--studio", "tiny"]);
    // Somebody ends the task: it keeps its last step, and is left alone.
    let said = place.signalled_in_the_middle("references", "-TERM");
    let last = said.last().unwrap();
    assert!(
        last.starts_with("reelboard: paused after step ") && last.contains(" of 900 of the picture of "),
        "{said:?}"
    );
    assert!(!place.path("slurm/requeued").exists(), "{said:?}");
    // Its time is up: it goes on from there, and asks for more.
    let said = place.signalled_in_the_middle("references", "-USR1");
    assert!(said.iter().any(|line| line.starts_with("on from step ")), "{said:?}");
    assert_eq!(said.last().unwrap(), "the worker ended with code 130; back into the queue");
    assert_eq!(place.read("slurm/requeued"), "1_1\n");
    assert_eq!(std::fs::read_dir(place.path("a.reel/farm/1/results")).unwrap().count(), 0);
}
