//! Renders that are killed or stopped, and go on.

use crate::place::{Place, Steps, spin};
use crate::program::chosen;
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;

/// Kills of the program, at moments that differ from run to run of the loop but not from test to test.
const KILLS: usize = 50;

/// Numbers without a pattern.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Every picture is what its name says.
#[track_caller]
fn pictures_are_whole(place: &Place, project: &str) {
    for file in std::fs::read_dir(place.path(project).join("media")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".unfinished") {
            let hash = blake3::hash(&std::fs::read(&path).unwrap()).to_hex();
            assert!(name.starts_with(hash.as_str()), "{name} is half written");
        }
    }
}

#[test]
fn killed_at_fifty_moments_a_render_loses_no_take_and_at_most_one_step_each_time() {
    let place = Place::with_steps(40);
    place.succeed(&["new", "whole.reel", "--example"]);
    let mut in_one_go = Steps::default();
    let (code, seen) = place.start(&["render", "whole.reel", "--studio", "tiny"]).end();
    assert_eq!(code, Some(0), "{seen:#?}");
    in_one_go.take(&seen);
    let whole = place.takes("whole.reel");
    assert!(whole.iter().all(|takes| takes.len() == 2), "a still and its clip");
    std::fs::remove_dir_all(place.path("cache")).unwrap();

    place.succeed(&["new", "a.reel", "--example"]);
    let (mut dice, mut steps, mut kills, mut inside) = (Dice(0x9e37_79b9_7f4a_7c15), Steps::default(), 0, 0);
    let mut known: Vec<Vec<String>> = vec![Vec::new(); whole.len()];
    while kills < KILLS {
        let mut run = place.start(&["render", "a.reel", "--studio", "tiny"]);
        // Some of the first lines are of loading the models.
        let lines = 1 + dice.below(40) as usize;
        if !run.wait_for(lines, |_| true) {
            let (code, _) = run.end();
            panic!("it ended after {kills} kills, with {code:?}: give it more steps");
        }
        spin(Duration::from_micros(dice.below(6000)));
        run.child.kill().unwrap();
        let (code, seen) = run.end();
        assert_eq!(code, None, "it was killed");
        kills += 1;
        inside += usize::from(seen.last().is_some_and(|line| line.contains("step")));
        steps.take(&seen);

        pictures_are_whole(&place, "a.reel");
        // The project opens, with every take that it had, and each is the one of a render in one go.
        let takes = place.takes("a.reel");
        for (scene, takes) in takes.iter().enumerate() {
            assert!(takes.starts_with(&known[scene]), "scene {} lost a take", scene + 1);
            assert!(whole[scene].starts_with(takes), "scene {} differs", scene + 1);
        }
        // What is left is in the queue, once something was.
        let queue = place.succeed(&["queue", "a.reel"]);
        if seen.iter().any(|line| line.contains("step")) {
            for (scene, takes) in takes.iter().enumerate().filter(|(_, takes)| takes.len() < 2) {
                let verb = if takes.is_empty() { "Render" } else { "Animate" };
                assert!(queue.contains(&format!("{verb} scene {}", scene + 1)), "{queue}");
            }
        }
        known = takes;
    }
    let (code, seen) = place.start(&["render", "a.reel"]).end();
    assert_eq!(code, Some(0), "{seen:#?}");
    steps.take(&seen);
    assert_eq!(place.takes("a.reel"), whole);
    assert_eq!(steps.made(), in_one_go.made());
    println!("{kills} kills, {inside} of them while denoising; {} steps were made again", steps.redone());
    assert!(steps.redone() as usize <= kills && inside >= kills / 2, "{inside} of {kills}");
    assert!(!place.path("a.reel").join("renders").exists(), "nothing is left over");
}

#[test]
fn ctrl_c_pauses_a_render_and_the_same_command_goes_on() {
    let place = Place::with_steps(40);
    for project in ["whole.reel", "a.reel"] {
        place.succeed(&["new", project, "--example"]);
    }
    let render = |project| ["render", project, "--studio", "tiny", "--scenes", "1", "--stage", "stills"];
    place.succeed(&render("whole.reel"));
    let mut steps = Steps::default();
    for at in [3, 11, 2] {
        let mut run = place.start(&render("a.reel"));
        assert!(run.wait_for(at, |line| line.contains("kept step")));
        kill_process(Pid::from_child(&run.child), Signal::INT).unwrap();
        let (code, seen) = run.end();
        assert_eq!(code, Some(130), "{seen:#?}");
        let said = seen.last().unwrap();
        assert!(said.contains("paused after step") && said.contains("run the same command again"), "{said}");
        steps.take(&seen);
        let queue = place.succeed(&["queue", "a.reel"]);
        assert!(queue.contains("Render scene 1, ") && queue.contains("of 40 steps done"), "{queue}");
    }
    let (code, seen) = place.start(&render("a.reel")).end();
    assert!(code == Some(0) && seen.iter().any(|line| line.starts_with("Render scene 1, on from step")), "{seen:#?}");
    steps.take(&seen);
    assert_eq!((steps.made(), steps.redone()), (40, 0), "nothing is made twice");
    assert_eq!(chosen(&place.shown("a.reel")), chosen(&place.shown("whole.reel")));
}

#[test]
fn a_changed_scene_is_rendered_anew_and_a_damaged_state_costs_only_itself() {
    let place = Place::with_steps(12);
    place.succeed(&["new", "a.reel", "--example"]);
    let render = ["render", "a.reel", "--studio", "tiny", "--scenes", "2", "--stage", "stills"];
    let stop = |arguments: &[&str]| {
        let mut run = place.start(arguments);
        assert!(run.wait_for(5, |line| line.contains("kept step")));
        run.child.kill().unwrap();
        run.end();
    };
    let begins = |arguments: &[&str], step: u32| {
        let (code, seen) = place.start(arguments).end();
        assert_eq!(code, Some(0), "{seen:#?}");
        let first = seen.iter().find(|line| line.contains(": step ")).unwrap().clone();
        assert!(first.contains(&format!("step {step} of")), "{first}");
        seen
    };
    // Fewer steps are another picture.
    stop(&render);
    let fewer = [&render[..], &["--steps", "9"]].concat();
    let seen = begins(&fewer, 1);
    assert!(seen.iter().any(|line| line.contains("something has changed since it was put aside")), "{seen:#?}");
    // A torn file.
    let more = [&render[..], &["--steps", "11"]].concat();
    stop(&more);
    let renders = place.path("a.reel").join("renders");
    let state = std::fs::read_dir(&renders).unwrap().map(|file| file.unwrap().path());
    let state = state.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "state")).unwrap();
    let bytes = std::fs::read(&state).unwrap();
    std::fs::write(&state, &bytes[..bytes.len() / 2]).unwrap();
    begins(&more, 1);
}

#[test]
fn the_queue_is_shown_changed_and_discarded_on_the_command_line() {
    let place = Place::with_steps(12);
    place.succeed(&["new", "a.reel", "--example"]);
    assert_eq!(place.succeed(&["queue", "a.reel"]), "nothing waits to be rendered\n");
    let mut run = place.start(&["render", "a.reel", "--studio", "tiny"]);
    assert!(run.wait_for(2, |line| line.contains("kept step")));
    // Who renders has the project open.
    let refused = place.run(&["queue", "a.reel", "cancel"]);
    assert!(!refused.status.success());
    run.child.kill().unwrap();
    run.end();
    let shown = place.succeed(&["queue", "a.reel"]);
    let titles = |shown: &str| {
        let title = |line: &str| line[5..].split(',').next().unwrap().to_owned();
        shown.lines().map(title).collect::<Vec<_>>()
    };
    let before = titles(&shown);
    // References come before stills, and what was running is the first.
    assert_eq!(before.len(), 16, "{shown}");
    assert!(shown.lines().next().unwrap().contains("of 12 steps done"), "{shown}");
    assert!(before[..4].iter().all(|title| title.starts_with("Make a picture")), "{shown}");
    assert!(before[4..10].iter().enumerate().all(|(n, title)| *title == format!("Render scene {}", n + 1)), "{shown}");
    assert!(before[10..].iter().all(|title| title.starts_with("Animate")), "{shown}");

    let moved = place.succeed(&["queue", "a.reel", "move", "7", "5"]);
    assert_eq!(titles(&moved)[4..7], ["Render scene 3", "Render scene 1", "Render scene 2"]);
    let paused = place.succeed(&["queue", "a.reel", "pause", "6"]);
    assert_eq!(paused.lines().filter(|line| line.ends_with("paused")).count(), 1, "{paused}");
    place.succeed(&["queue", "a.reel", "resume"]);
    let fewer = place.succeed(&["queue", "a.reel", "cancel", "10"]);
    assert_eq!(titles(&fewer).len(), 14, "the clip goes with its still");
    // A picture that is not made takes the scenes with it that need it.
    let fewer = titles(&place.succeed(&["queue", "a.reel", "cancel", "1"]));
    assert!(fewer.len() < 13 && fewer.iter().any(|title| title.starts_with("Make a picture")), "{fewer:?}");
    let wrong = place.run(&["queue", "a.reel", "move", "30", "1"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("no render 30"));
    assert_eq!(place.succeed(&["queue", "a.reel", "cancel"]), "nothing waits to be rendered\n");
    assert!(!place.path("a.reel").join("renders").exists());
}

#[test]
fn results_are_used_again_and_may_be_lost_at_any_time() {
    let place = Place::with_steps(2);
    let show = || place.succeed(&["cache", "show"]);
    assert!(show().contains("holds 0 results"), "{}", show());
    for project in ["a.reel", "b.reel", "c.reel"] {
        place.succeed(&["new", project, "--example"]);
    }
    place.succeed(&["render", "a.reel", "--studio", "tiny"]);
    let after_first = show();
    assert!(!after_first.contains("holds 0"), "{after_first}");
    place.succeed(&["render", "b.reel", "--studio", "tiny"]);
    assert_eq!(show(), after_first, "the same film needs nothing new");
    assert_eq!(chosen(&place.shown("a.reel")), chosen(&place.shown("b.reel")));
    // Damaged, every one of them.
    let mut spoilt = 0;
    for folder in std::fs::read_dir(place.path("cache")).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(&path, bytes).unwrap();
            spoilt += 1;
        }
    }
    assert!(spoilt > 0);
    let output = place.run(&["render", "c.reel", "--studio", "tiny"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("damaged; it is dropped"), "{said}");
    assert_eq!(chosen(&place.shown("a.reel")), chosen(&place.shown("c.reel")));
    assert_eq!(show(), after_first);
    assert!(place.succeed(&["cache", "clear"]).contains("held"));
    assert!(show().contains("holds 0 results"));
    let wrong = place.command(&["cache", "show"]).env("REELBOARD_CACHE_LIMIT", "much").output().unwrap();
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("write 4GB"));
}
